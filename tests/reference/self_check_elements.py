"""Self checks of single values: rounding, parameters, Philox, fma, arithmetic, casts."""

import json
import math
from fractions import Fraction
from pathlib import Path

import numpy as np

import case_data as data
import scalar_page as page
from case_functions import HARD, function_source
from clamp_reference import run
from clamp_reference.exact import parse_number, round_fraction
from clamp_reference.formats import DTYPES, FLOATS, bits, from_bits
from clamp_reference.fused import fma64_integers
from clamp_reference.philox import philox4x32

VECTORS = Path(__file__).resolve().parent.parent / "vectors" / "philox.json"


def faults_of(label, got, expected):
    """Differences between an array and a list of bit patterns."""
    raw = bits(got).reshape(-1).tolist()
    if len(raw) != len(expected):
        return [f"{label}: {len(raw)} values, expected {len(expected)}"]
    return [f"{label} at {i}: expected {e:#x}, got {g:#x}" for i, (g, e) in enumerate(zip(raw, expected)) if g != e]


def seeded(name):
    return np.random.default_rng([len(name), *name.encode()])


def subnormals_are_kept():
    """The arithmetic NumPy does here neither flushes results nor inputs."""
    faults = []
    for name, tiny in (("f32", 2.0**-149), ("f64", 2.0**-1074)):
        one = np.full(33, tiny, DTYPES[name])
        if bits(one + one).tolist() != [2] * 33 or bits(one * one.dtype.type(1)).tolist() != [1] * 33:
            faults.append(name)
    wide = np.full(33, 2.0**-149)
    if bits(wide.astype("<f4")).tolist() != [1] * 33:
        faults.append("f64 to f32")
    return 3, faults


def rounding_of_fractions():
    """The rational rounding against Python's own float(Fraction) and NumPy's casts."""
    rng, faults, count = seeded("round"), [], 0
    values = np.concatenate([data.random_bits(rng, 3000, "f64"), data.specials("f64"),
                             data.cast_source(rng, 3000, "f64", "f32")])  # fmt: skip
    values = values[np.isfinite(values)]
    with np.errstate(all="ignore"):
        narrow = bits(values.astype("<f4"))
    for v, n in zip(values.tolist(), narrow.tolist()):
        count += 2
        sign = int(math.copysign(1, v) < 0)
        if round_fraction(Fraction(v), "f32", sign) != n:
            faults.append(f"{v.hex()} to f32")
        third = Fraction(v) / 3
        if third and round_fraction(third, "f64") != page.float_bits(float(third), "f64"):
            faults.append(f"{v.hex()}/3 to f64")
    return count, faults


def parameters():
    """Decimals round once, hex floats are exact or refused."""
    known = [
        ("1", "f32", 0x3F800000), ("-0.0", "f32", 0x80000000), ("0.1", "f32", 0x3DCCCCCD),
        ("1.000000059604644776", "f32", 0x3F800001), ("1.000000059604644775390625", "f32", 0x3F800000),
        ("1e-45", "f32", 1), ("-3e-39", "f32", 0x8020AAC8), ("0x1p-149", "f32", 1), ("0x1.fffffep127", "f32", 0x7F7FFFFF),
        ("0.1", "f64", 0x3FB999999999999A), ("0x1.8p1", "f64", 0x4008000000000000), ("-inf", "f32", 0xFF800000),
        ("1e39", "f32", 0x7F800000), ("5e-324", "f64", 1), ("0x.8p0", "f32", 0x3F000000),
    ]  # fmt: skip
    faults = [f"{t} as {d}" for t, d, b in known if int(bits(np.array(parse_number(t, d)))) != b]
    try:
        parse_number("0x1.0000001p0", "f32")
        faults.append("an inexact hex float was taken")
    except ValueError:
        pass
    return len(known) + 1, faults


def philox_vectors():
    """All published answers and all cases of the vector file."""
    document = json.loads(VECTORS.read_text())
    faults, count = [], 0
    for entry in document["published"] + document["cases"]:
        count += 1
        key = [int(w, 16) for w in entry["key"]]
        words = philox4x32(key, [np.array([int(w, 16)]) for w in entry["counter"]])
        if [f"{int(w[0]):08x}" for w in words] != entry["output"]:
            faults.append(entry.get("id", str(entry["counter"])))
    return count, faults


def philox_elements():
    """Elements against a scalar Philox, the vector file's blocks among them."""
    faults, count = [], 0
    for seed, stream in ((0, 0), (5, 7), (2**64 - 1, 2**64 - 1), (0x12345678DEADBEEF, 0), (1 << 32, 1 << 32)):
        for n in (0, 1, 2, 3, 4, 5, 31):
            params = {"n": str(n), "seed": str(seed), "stream": str(stream)}
            for kernel, expected in page.philox_elements(n, seed, stream).items():
                count += n
                faults += faults_of(f"{kernel} {params}", run(kernel, {}, params), expected)
    return count, faults


def _fma_inputs(rng, name):
    top = {"f32": 140, "f64": 1060}[name]
    groups = []
    for n, low, high in ((3000, -20, 20), (3000, -top, top), (1500, -top, 0)):
        x, y = (data.scaled(rng, n, name, low, high) for _ in range(2))
        groups.append((x, y, data.addend(rng, x, y)))
    half = {"f32": 74, "f64": 537}[name]
    x, y = data.scaled(rng, 3000, name, -half - 30, -half + 30), data.scaled(rng, 3000, name, -half - 30, -half + 30)
    groups.append((x, y, data.addend(rng, x, y)))
    groups.append((x, y, data.subnormal(rng, 3000, name)))
    x, y = data.scaled(rng, 2000, name, half - 20, half - 5), data.scaled(rng, 2000, name, half - 20, half - 5)
    groups.append((x, y, data.addend(rng, x, y)))
    groups.append(tuple(data.tie_triples(rng, 4000, name)))
    few = data.few_specials(name)
    groups.append(tuple(g.reshape(-1) for g in np.meshgrid(few, few, few)))
    return [np.concatenate(parts) for parts in zip(*groups)]


def fma_against_fractions():
    """Random, cancelling, tying, overflowing and underflowing triples, and products of specials."""
    faults, count = [], 0
    for name in FLOATS:
        x, y, z = _fma_inputs(seeded("fma" + name), name)
        expected = [page.fma_bits(*t, name) for t in zip(x.tolist(), y.tolist(), z.tolist())]
        faults += faults_of(f"fma.{name}", run(f"fma.{name}.v1", {"x": x, "y": y, "z": z}), expected)
        count += x.size
    return count, faults


def fma_against_integers():
    """The error-free path of fma.f64 against whole integers, on a larger set."""
    rng = seeded("fma large")
    x, y = (data.scaled(rng, 300000, "f64", -12, 12) for _ in range(2))
    z = data.addend(rng, x, y)
    good = np.isfinite(z) & (z != 0)
    x, y, z = x[good], y[good], z[good]
    got = run("fma.f64.v1", {"x": x, "y": y, "z": z})
    return x.size, faults_of("fma.f64", got, bits(fma64_integers(x, y, z)).tolist())


def arithmetic_against_fractions():
    """add, sub, mul, div and sqrt: NumPy's arithmetic is IEEE on this machine."""
    faults, count = [], 0
    for name in FLOATS:
        rng = seeded("arithmetic" + name)
        x = data.mixed(rng, 4000, name)
        y = data.mixed(rng, 4000, name, like=x)
        special = data.specials(name)
        x, y = (np.concatenate([v, g.reshape(-1)]) for v, g in zip((x, y), np.meshgrid(special, special)))
        pairs = list(zip(x.tolist(), y.tolist()))
        for op in ("add", "sub", "mul", "div"):
            expected = [page.binary_bits(op, a, b, name) for a, b in pairs]
            faults += faults_of(f"{op}.{name}", run(f"{op}.{name}.v1", {"x": x, "y": y}), expected)
            count += x.size
        expected = [page.sqrt_bits(a, name) for a in x.tolist()]
        faults += faults_of(f"sqrt.{name}", run(f"sqrt.{name}.v1", {"x": x}), expected)
        count += x.size
    return count, faults


def rsqrt_against_integers():
    """f32 rounded once, decided by integers; f64 by the two rational roundings the page writes."""
    rng = seeded("rsqrt")
    x = np.concatenate([function_source(rng, 6000, "rsqrt"), data.specials("f32"),
                        from_bits(HARD["rsqrt"], "f32")])  # fmt: skip
    faults = faults_of("rsqrt.f32", run("rsqrt.f32.v1", {"x": x}), [page.rsqrt32_bits(v) for v in x.tolist()])
    wide = np.concatenate([data.mixed(rng, 4000, "f64"), data.specials("f64")])
    expected = []
    for v in wide.tolist():
        root = from_bits(page.sqrt_bits(v, "f64"), "f64").item()
        expected.append(page.binary_bits("div", 1.0, root, "f64"))
    faults += faults_of("rsqrt.f64", run("rsqrt.f64.v1", {"x": wide}), expected)
    return x.size + wide.size, faults


def casts_against_fractions():
    """Every cast to an integer."""
    faults, count = [], 0
    for target in ("i32", "u32", "i64"):
        for source in ("f32", "f64", "i32", "u32", "i64"):
            if source == target:
                continue
            kernel = f"cast_{target}.{source}.v1"
            x = np.concatenate([data.cast_source(seeded(kernel), 4000, source, target), data.specials(source)])
            expected = [page.integer_bits(v, target) for v in x.tolist()]
            faults += faults_of(kernel, run(kernel, {"x": x}), expected)
            count += x.size
    return count, faults


def casts_to_float_against_fractions():
    """Every cast to a float; NaN becomes canonical."""
    faults, count = [], 0
    for target in FLOATS:
        for source in ("f32", "f64", "i32", "u32", "i64"):
            if source == target:
                continue
            kernel = f"cast_{target}.{source}.v1"
            x = np.concatenate([data.cast_source(seeded(kernel), 4000, source, target), data.specials(source)])
            expected = [page.rounded_bits(v, target) for v in x.tolist()]
            faults += faults_of(kernel, run(kernel, {"x": x}), expected)
            count += x.size
    return count, faults
