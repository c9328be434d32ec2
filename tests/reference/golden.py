#!/usr/bin/env python3
"""The SHA-256 of every output of a list of conformance cases, as the reference computes it.

Reads the list (JSON, see README.md) from a file or standard input; prints one JSON object a line. Exit 1
when a case is no valid call: its name, and why, on standard error.
"""

import hashlib
import json
import sys

from clamp_reference import KERNELS, Refused, run_all
from clamp_reference.formats import bits
from golden_fill import filled


def digests(case):
    """The digest of each output's little-endian bytes in C order, by the output's name."""
    inputs = {name: filled(description) for name, description in case["inputs"].items()}
    outputs = run_all(case["kernel"], inputs, case.get("params", {}))
    return {name: hashlib.sha256(bits(array).tobytes(order="C")).hexdigest() for name, array in outputs.items()}


def main():
    if len(sys.argv) > 1:
        with open(sys.argv[1], encoding="utf-8") as file:
            cases = json.load(file)
    else:
        cases = json.load(sys.stdin)
    for case in cases:
        label = f"{case['kernel']} '{case['case']}'"
        if case["kernel"] not in KERNELS:
            sys.exit(f"{label}: no such kernel")
        try:
            outputs = digests(case)
        except Refused as refusal:
            sys.exit(f"{label}: refused: {refusal}")
        except ValueError as error:
            sys.exit(f"{label}: {error}")
        print(json.dumps({"kernel": case["kernel"], "case": case["case"], "outputs": outputs}), flush=True)


if __name__ == "__main__":
    main()
