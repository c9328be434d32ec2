"""Self checks of scan, sort, histogram, moves, normals, the mirror, map expressions and the golden fills."""

import hashlib
import math
import re
from pathlib import Path

import numpy as np

import case_data as data
import scalar_lists as scalar
import scalar_page as page
from clamp_reference import run, run_all
from clamp_reference.formats import DTYPES, FLOATS, NUMBERS, bits, from_bits
from clamp_reference.map_expression import Parser, SyntaxFault
from golden import digests
from golden_fill import filled, tame, wild
from scalar_functions import function_bits
from self_check_elements import faults_of, seeded


def scan_against_loops():
    """Every size around segments and blocks, special values, and a by-hand tail."""
    faults, count = [], 0
    for name in FLOATS:
        rng = seeded("scan" + name)
        for n in (0, 1, 2, 15, 16, 17, 33, 1024, 1025, 2100):
            parts = [data.ordinary(rng, n, name), data.scaled(rng, n, name, -30, 30)]
            if n == 33:
                parts += [data.mixed(rng, n, name) for _ in range(20)]
            for x in parts:
                expected = [page.float_bits(v, name) for v in scalar.scan(x.tolist(), name)]
                faults += faults_of(f"scan.{name} n={n}", run(f"scan.{name}.v1", {"x": x}), expected)
                count += n
        # Small integers add exactly in any order, so three levels can be told at once.
        whole = rng.integers(-2, 3, (1 << 20) + 3000)
        got = run(f"scan.{name}.v1", {"x": whole.astype(DTYPES[name])})
        faults += [] if (got == np.cumsum(whole)).all() else [f"scan.{name} of integers"]
        # A value depends only on elements up to it.
        long = data.ordinary(rng, 5000, name)
        short = run(f"scan.{name}.v1", {"x": long[:3333]})
        faults += faults_of("a shorter scan", short, bits(run(f"scan.{name}.v1", {"x": long}))[:3333].tolist())
        count += whole.size + 3333
    # In f32, 2^24 takes no single 1, but takes two at once: segment sums join before the block's.
    x = np.ones(32, "<f4")
    x[0] = 2.0**24
    expected = [2.0**24] * 16 + [2.0**24 + v + v % 2 * (1 if v % 4 == 3 else -1) for v in range(1, 17)]
    faults += faults_of("scan by hand", run("scan.f32.v1", {"x": x}), [page.float_bits(v, "f32") for v in expected])
    return count + 32, faults


def sort_against_python():
    """Python's stable sort by a key of the page's order."""
    faults, count = [], 0
    for name in FLOATS:
        rng = seeded("sort" + name)
        for n in (0, 1, 2, 17, 300, 3000):
            few = rng.choice(data.few_specials(name), n)
            for x in (few, rng.choice(data.specials(name), n), data.random_bits(rng, n, name)):
                at = scalar.sorted_positions(x.tolist())
                faults += faults_of(f"argsort.{name} n={n}", run(f"argsort.{name}.v1", {"x": x}), at)
                expected = [page.float_bits(x.tolist()[i], name) for i in at]
                faults += faults_of(f"sort.{name} n={n}", run(f"sort.{name}.v1", {"x": x}), expected)
                count += 2 * n
    x = np.array([math.nan, 0.0, math.inf, -0.0, -math.inf, 1.0, math.nan, 0.0], "<f4")
    faults += faults_of("argsort by hand", run("argsort.f32.v1", {"x": x}), [4, 3, 1, 7, 5, 2, 0, 6])
    return count + 8, faults


def histogram_against_loops():
    """Values on edges and beside them; the last bin is closed; zeros are equal."""
    faults, count = [], 0
    for name in FLOATS:
        rng = seeded("histogram" + name)
        for number in (2, 3, 9, 100):
            edges = np.unique(data.scaled(rng, 2 * number + 8, name, -12, 4))[:number]
            beside = [np.nextafter(edges, np.inf), np.nextafter(edges, -np.inf)]
            x = np.concatenate([data.mixed(rng, 600, name), edges, *beside, data.specials(name)]).astype(DTYPES[name])
            got = run(f"histogram.{name}.v1", {"x": x, "edges": edges})
            faults += faults_of(f"histogram.{name} {number}", got, scalar.histogram(x.tolist(), edges.tolist()))
            count += x.size
    x = np.array([-0.0, 0.0, 1, 2, 2.5, 3, -1, math.nan, math.inf, -math.inf], "<f4")
    got = run("histogram.f32.v1", {"x": x, "edges": np.array([0, 1, 2.5], "<f4")})
    faults += faults_of("histogram by hand", got, [2, 3, 2, 2, 1])
    return count + 10, faults


def moves_by_hand():
    """scatter_rows, transpose and concat of small tables, NaN bits kept."""
    faults = []
    for name in NUMBERS:
        raw = data.random_bits(seeded("moves" + name), 24, name)
        if name in FLOATS:
            raw[5] = from_bits([{"f32": 0x7F812345, "f64": 0x7FF0000012345678}[name]], name)[0]
        pattern = bits(raw).tolist()
        table, x = raw[:8].reshape(4, 2), raw[8:14].reshape(3, 2)
        got = run(f"scatter_rows.{name}.v1", {"table": table, "ids": np.array([2, 0, 2]), "x": x})
        faults += faults_of(f"scatter_rows.{name}", got, pattern[10:12] + pattern[2:4] + pattern[12:14] + pattern[6:8])
        got = run(f"transpose.{name}.v1", {"x": raw.reshape(2, 3, 4)})
        faults += [] if got.shape == (2, 4, 3) else [f"transpose.{name} has shape {got.shape}"]
        expected = [pattern[12 * b + 4 * i + j] for b in range(2) for j in range(4) for i in range(3)]
        faults += faults_of(f"transpose.{name}", got, expected)
        parts = {"x0": raw[:4].reshape(2, 2), "x2": raw[4:6].reshape(2, 1), "x7": raw[6:6].reshape(2, 0)}
        got = run(f"concat.{name}.v1", parts, {"axis": "1"})
        faults += faults_of(f"concat.{name}", got, [pattern[i] for i in (0, 1, 4, 2, 3, 5)])
        got = run(f"concat.{name}.v1", {"x0": table, "x3": x})
        faults += faults_of(f"concat.{name} by rows", got, pattern[:14])
    return 4 * len(NUMBERS), faults


def normals_against_series():
    """Pairs by series; the dropped last value; p = 1 where the words allow."""
    faults, count = [], 0
    for seed, stream in ((0, 0), (5, 7), (2**64 - 1, 1 << 32)):
        for n in (0, 1, 2, 3, 401):
            params = {"n": str(n), "seed": str(seed), "stream": str(stream)}
            got = run("philox_normal.f32.v1", {}, params)
            faults += faults_of(f"philox_normal {params}", got, scalar.normals(n, seed, stream))
            count += n
    return count, faults


def mirror_against_scalars():
    """Both inputs come back, and the words are those of the scalar Philox."""
    rng = seeded("mirror")
    seeds, states = data.random_bits(rng, 300, "u64") | np.uint64(1), data.random_bits(rng, 300, "u32")
    seeds[:3] = 1, 1 << 32, 2**64 - 1
    got = run_all("mirror.u64.v1", {"seeds": seeds, "states": states})
    faults = faults_of("words", got["words"], scalar.mirror_words(seeds.tolist(), states.tolist()))
    faults += faults_of("seeds_out", got["seeds_out"], seeds.tolist())
    faults += faults_of("states_out", got["states_out"], states.tolist())
    return 900, faults


def map_against_steps():
    """Expressions beside the same thing spelled out in scalar steps."""
    e = lambda op: lambda a, b: page.as_float(page.binary_bits(op, a, b, "f32"), "f32")  # noqa: E731
    add, sub, mul, div = e("add"), e("sub"), e("mul"), e("div")
    tenth = page.as_float(0x3DCCCCCD, "f32")
    fma = lambda a, b, c: page.as_float(page.fma_bits(a, b, c, "f32"), "f32")  # noqa: E731
    of = lambda op: lambda v: page.as_float(function_bits(op, v), "f32")  # noqa: E731
    known = [
        ("x0 - x1 - x2", lambda x, y, z: sub(sub(x, y), z)),
        ("x0 - (x1 - x2)", lambda x, y, z: sub(x, sub(y, z))),
        ("x0 + x1*x2", lambda x, y, z: add(x, mul(y, z))),
        ("x0/x1*x2", lambda x, y, z: mul(div(x, y), z)),
        ("-x0*x1 + x2", lambda x, y, z: add(mul(-x, y), z)),
        ("x0*-x1 - -x2", lambda x, y, z: sub(mul(x, -y), -z)),
        ("x0 < x1 < x2", lambda x, y, z: float(float(x < y) < z)),
        ("x0 < x1 == x2 < x0", lambda x, y, z: float((x < y) == (z < x))),
        ("x0 == x1 <= x2", lambda x, y, z: float(x == float(y <= z))),
        ("x0 + x1 >= x2*x0", lambda x, y, z: float(add(x, y) >= mul(z, x))),
        ("x0 != x1 != x2", lambda x, y, z: float(float(x != y) != z)),
        ("fma(x0, x1, -x2)*0.1", lambda x, y, z: mul(fma(x, y, -z), tenth)),
        ("(x0 > x1)*x2", lambda x, y, z: mul(float(x > y), z)),
        ("x0*c0 + exp(-x1) - x2", lambda x, y, z: sub(add(mul(x, tenth), of("exp")(-y)), z)),
        ("tanh(x0/x1)\n\t+ sinpi(x2)", lambda x, y, z: add(of("tanh")(div(x, y)), of("sinpi")(z))),
    ]
    faults, count = [], 0
    rng = seeded("map")
    x = data.mixed(rng, 400, "f32")
    inputs = {"x0": x, "x1": data.mixed(rng, 400, "f32", x), "x2": data.mixed(rng, 400, "f32", x)}
    for text, steps in known:
        params = {"expr": text} | ({"c0": "0.1"} if "c0" in text else {})
        got = run("map.f32.v1", inputs, params)
        expected = [page.float_bits(steps(*v), "f32") for v in zip(*(a.tolist() for a in inputs.values()))]
        faults += faults_of(f"map {text!r}", got, expected)
        count += x.size
    return count, faults


def faults_of_expressions_are_placed():
    """Line and column, from 1."""
    faults = []
    known = [("x0 +", 1, 5), ("x0 $ x1", 1, 4), ("x0\n  + y", 2, 5), ("(x0", 1, 4), ("x0 x1", 1, 4), ("min(x0)", 1, 1)]
    for text, line, column in known:
        try:
            Parser(text, "f32")
            faults.append(f"{text!r} is taken")
        except SyntaxFault as fault:
            if (fault.line, fault.column) != (line, column):
                faults.append(f"{text!r}: line {fault.line}, column {fault.column}")
    return len(known), faults


def golden_fills():
    """tame and wild element by element, and the digests that README.md gives for other languages."""
    faults, count = [], 0
    for name in ("f32", "f64", "i8", "u8", "i32", "u32", "i64", "u64"):
        for seed in (0, 7, 2**64 - 1):
            for kind, make in (("tame", tame), ("wild", wild)):
                faults += faults_of(f"{kind} {name}", make(name, seed, 80), scalar.fill_bits(kind, name, seed, 80))
                count += 80
    readme = (Path(__file__).parent / "README.md").read_text(encoding="utf-8")
    told = re.findall(r"^\| (tame|wild) \| (\w+) \| `([0-9a-f]{64})` \|$", readme, re.MULTILINE)
    for kind, name, digest in told:
        array = filled({"dtype": name, "shape": [1000], "fill": {"kind": kind, "seed": 7}})
        if hashlib.sha256(array.tobytes()).hexdigest() != digest:
            faults.append(f"README.md on {kind} {name}")
    if len(told) != 16:
        faults.append(f"README.md gives {len(told)} digests")
    below = filled({"dtype": "i64", "shape": [3, 40], "fill": {"kind": "below", "seed": 7, "bound": 1000}})
    words = page.philox_elements(120, 7, 0)["philox.u32.v1"]
    faults += faults_of("below", below, [w % 1000 for w in words])
    constant = filled({"dtype": "f32", "shape": [2], "fill": {"kind": "constant", "hex": "0000803f"}})
    faults += faults_of("constant", constant, [0x3F800000] * 2)
    case = {"kernel": "copy.f32.v1", "inputs": {"x": {"dtype": "f32", "shape": [2], "fill": {"kind": "values",
            "hex": "0000803f0100807f"}}}}  # fmt: skip
    if digests(case) != {"out": hashlib.sha256(bytes.fromhex("0000803f0100807f")).hexdigest()}:
        faults.append("the digest of a copy")
    return count + 139, faults
