#!/usr/bin/env python3
"""Compare every kernel of a clamp-host with the NumPy reference, bit for bit.

Prints one line a kernel and ends with `N kernels, M cases, D differences`. Exit 0 only when every
kernel of both sides was compared and nothing differed.
"""

import argparse
import fnmatch
import json
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from case_plan import plan
from clamp_reference import KERNELS, OUTPUT, Refused, run_all
from clamp_reference.formats import NAMES, bits

LAUNCH_TIMEOUT_S = 300
RUST_PANIC = 101


@dataclass
class Report:
    """What one kernel's comparison found; `first` tells the first difference."""

    id: str
    cases: int = 0
    launches: int = 0
    differences: int = 0
    first: str = ""
    seconds: float = 0.0

    def differs(self, text):
        self.differences += 1
        self.first = self.first or text

    def line(self):
        verdict = "OK" if not self.differences else f"DIFFERS ({self.differences}): {self.first}"
        return f"{self.id:26} {self.cases:4} cases  {verdict}"


def main():
    arguments = _arguments()
    wanted = [k for k in KERNELS if fnmatch.fnmatch(k, arguments.only)]
    if arguments.dry_run:
        offered, unknown, missing = {}, [], []
    else:
        offered = {e["id"]: e for e in _listed(arguments.host) if fnmatch.fnmatch(e["id"], arguments.only)}
        unknown = [k for k in offered if k not in KERNELS]
        missing = [k for k in wanted if k not in offered]
    todo = [k for k in wanted if k not in missing]
    tasks = [(k, arguments.host, arguments.sizes, offered.get(k), arguments.dry_run) for k in todo]
    reports = []
    with ProcessPoolExecutor(max_workers=arguments.jobs) as pool:
        for report in pool.map(_check_kernel, tasks):
            print(report.line(), flush=True)
            if arguments.verbose:
                print(f"    {report.launches} launches, {report.seconds:.1f} s", flush=True)
            reports.append(report)
    for kernel in unknown:
        print(f"{kernel:26}    0 cases  UNKNOWN: the host has it, the reference does not")
    for kernel in missing:
        print(f"{kernel:26}    0 cases  MISSING: the reference has it, the host does not")
    differences = sum(r.differences for r in reports) + len(unknown) + len(missing)
    cases = sum(r.cases for r in reports)
    if arguments.verbose:
        print(f"{sum(r.launches for r in reports)} launches")
    print(f"{len(reports)} kernels, {cases} cases, {differences} differences")
    return 0 if differences == 0 and cases > 0 and not arguments.dry_run else 1


def _arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--host", help="path of the clamp-host to check")
    parser.add_argument("--only", default="*", metavar="GLOB", help="kernel ids to compare (default all)")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="kernels compared at a time")
    parser.add_argument("--sizes", choices=("quick", "full"), default="full")
    parser.add_argument("--dry-run", action="store_true", help="compute the cases without a host; never exit 0")
    parser.add_argument("--verbose", action="store_true", help="launches and seconds for each kernel")
    arguments = parser.parse_args()
    if not arguments.dry_run and not arguments.host:
        parser.error("--host is required")
    if arguments.host:
        arguments.host = str(Path(arguments.host).resolve())
    return arguments


def _listed(host):
    done = subprocess.run([host, "kernel", "list", "--json"], capture_output=True, timeout=LAUNCH_TIMEOUT_S)
    if done.returncode != 0:
        sys.exit(f"kernel list failed with {done.returncode}: {_last_line(done.stderr)}")
    return json.loads(done.stdout)["kernels"]


def _check_kernel(task):
    kernel_id, host, sizes, offered, dry_run = task
    report = Report(kernel_id)
    started = time.monotonic()
    try:
        if offered is not None:
            _compare_signature(report, KERNELS[kernel_id], offered)
        with tempfile.TemporaryDirectory(prefix="clamp-check-") as folder:
            for index, case in enumerate(plan(kernel_id, sizes)):
                report.cases += 1
                _check_case(report, host, Path(folder), index, case, dry_run)
    except Exception as error:  # one kernel's trouble must not hide the others
        report.differs(f"the check itself failed: {type(error).__name__}: {error}")
    report.seconds = time.monotonic() - started
    return report


def _compare_signature(report, kernel, offered):
    """The argument names and dtypes the host lists against the page's."""
    ours = {(name, dtype, name in kernel.optional) for name, dtype in kernel.inputs.items()}
    theirs = {(i["name"], i["dtype"], bool(i.get("optional"))) for i in offered["inputs"]}
    if ours != theirs:
        report.differs(f"inputs listed as {sorted(theirs)}, expected {sorted(ours)}")
    listed = [o if isinstance(o, dict) else {"name": o, "dtype": kernel.outputs.get(o)} for o in offered["outputs"]]
    outputs = {o["name"]: o["dtype"] for o in listed}
    if outputs != kernel.outputs:
        report.differs(f"outputs listed as {outputs}, expected {kernel.outputs}")
    params = {p["name"] for p in offered["params"]}
    if params != set(kernel.params):
        report.differs(f"params listed as {sorted(params)}, expected {sorted(kernel.params)}")


def _check_case(report, host, folder, index, case, dry_run):
    expected = None
    try:
        expected = run_all(report.id, case.inputs, case.params)
    except Refused:
        if not case.refuse:
            raise
    if case.refuse and expected is not None:
        raise AssertionError(f"{case.label}: the reference does not refuse it")
    report.launches += len(case.threads)
    if dry_run:
        return
    # Named, so that no other backend is started only to be passed over.
    command = [host, "kernel", "run", report.id, "--backend", "cpu"]
    for name, array in case.inputs.items():
        path = folder / f"{name}.npy"
        np.save(path, array)
        command += ["--in", f"{name}={path}"]
    for name, text in case.params.items():
        command += ["--param", f"{name}={text}"]
    files = {name: folder / f"result-{name}.npy" for name in KERNELS[report.id].outputs}
    for name, path in files.items():
        # One output may be given with or without its name.
        command += ["--out", str(path) if name == OUTPUT and index % 2 == 0 else f"{name}={path}"]
    for threads in case.threads:
        for path in files.values():
            path.unlink(missing_ok=True)
        extra = [] if threads is None else ["--threads", str(threads)]
        label = case.label + ("" if threads is None else f" threads={threads}")
        done = subprocess.run(command + extra, capture_output=True, timeout=LAUNCH_TIMEOUT_S)
        if case.refuse:
            found = _refusal_fault(done, files)
        elif done.returncode != 0:
            found = f"host exit {done.returncode}: {_last_line(done.stderr)}"
        else:
            faults = {name: _difference(expected[name], path, case.inputs) for name, path in files.items()}
            found = "; ".join(f"{name}: {fault}" for name, fault in faults.items() if fault)
        if found:
            report.differs(f"case '{label}': {found}")


def _refusal_fault(done, files):
    """What is wrong with a call that had to be refused; empty when it was."""
    if done.returncode == 0:
        return "accepted, although the page calls it an error"
    if done.returncode < 0 or done.returncode == RUST_PANIC:
        return f"crashed with {done.returncode} instead of refusing: {_last_line(done.stderr)}"
    if not done.stderr.strip():
        return f"refused with {done.returncode} but without a message"
    return "refused, but left an output" if any(path.exists() for path in files.values()) else ""


def _difference(expected, path, inputs):
    """The first difference of dtype, shape or bits; empty when there is none."""
    if not path.exists():
        return "the host wrote no output"
    got = np.load(path, allow_pickle=False)
    if got.dtype != expected.dtype:
        return f"dtype {got.dtype}, expected {NAMES[expected.dtype]}"
    if got.shape != expected.shape:
        return f"shape {got.shape}, expected {expected.shape}"
    want, have = bits(expected).reshape(-1), bits(got).reshape(-1)
    wrong = np.flatnonzero(want != have)
    if not wrong.size:
        return ""
    at = int(wrong[0])
    given = [f"{k}={_hex(bits(v).reshape(-1)[at])}" for k, v in inputs.items() if v.shape == expected.shape]
    return (
        f"index {at}, expected {_hex(want[at])}, got {_hex(have[at])}"
        f"{' for ' + ' '.join(given) if given else ''} ({wrong.size} of {want.size} differ)"
    )


def _hex(value):
    return f"0x{int(value):0{value.dtype.itemsize * 2}x}"


def _last_line(raw):
    lines = raw.decode("utf-8", "replace").strip().splitlines()
    return lines[-1] if lines else "no message"


if __name__ == "__main__":
    sys.exit(main())
