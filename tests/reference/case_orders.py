"""Cases of scan, sort, argsort, histogram, and of the mirror: one array in, positions matter."""

import numpy as np

import case_data as data
from case_rows import ANY_THREADS, NAN_BITS, SOME_THREADS, sprinkle
from clamp_reference.formats import DTYPES, bits, from_bits

_AROUND = [0, 1, 2, 15, 16, 17, 31, 33, 127, 128, 129, 1023, 1024, 1025]
_SIZES = {"quick": [*_AROUND, 8193], "full": [*_AROUND, 2048, 2049, 8191, 8192, 8193, 16384, 16385, 70000]}


def plan_scan(name, sizes):
    """Blocks and segments cut everywhere; a special value early, late, and at borders; three levels of totals."""
    counts = _SIZES[sizes]
    for n in counts:
        threads = SOME_THREADS if n == counts[-1] else ANY_THREADS
        for kind in ("ordinary", "scaled", "zeros", "cancelling"):
            yield lambda rng, case, n=n, k=kind, t=threads: case(
                f"{k} n={n}", {"x": _scan_data(rng, n, name, k)}, {}, t
            )
    for at in (0, 15, 16, 1007, 1008, 1023, 1024, 2047, 4999):
        for special in ([np.inf], [-np.inf], from_bits(NAN_BITS[name], name)):
            x = np.ones(5000, DTYPES[name])
            x[at] = np.asarray(special, DTYPES[name])[0]
            yield lambda rng, case, x=x, at=at: case(f"{x[at]} at {at}", {"x": x})
    both = np.ones(3000, DTYPES[name])
    both[1024], both[2050] = np.inf, -np.inf
    yield lambda rng, case: case("both infinities", {"x": both})
    largest = np.full(2500, np.finfo(DTYPES[name]).max / 1000, DTYPES[name])
    yield lambda rng, case: case("overflows on its way", {"x": largest})
    yield lambda rng, case: case("mixed", {"x": data.mixed(rng, 5000, name)})
    deep = 1 << 20 if sizes == "full" else 0
    if deep:
        for n in (deep - 1, deep, deep + 1, deep + 5000):
            threads = SOME_THREADS if n > deep + 1 else ANY_THREADS
            yield lambda rng, case, n=n, t=threads: case(f"deep n={n}", {"x": data.ordinary(rng, n, name)}, {}, t)
    yield from _other_dimensions(name)


def _scan_data(rng, n, name, kind):
    if kind == "ordinary":
        return data.ordinary(rng, n, name)
    if kind == "scaled":
        return data.scaled(rng, n, name, -30, 30)
    if kind == "zeros":
        return sprinkle(rng, np.full(n, -0.0, DTYPES[name]), [0.0, np.finfo(DTYPES[name]).smallest_subnormal], 0.002)
    half = data.scaled(rng, n, name, -30, 30)
    half[1::2] = -half[: n - 1 : 2][: half[1::2].size]
    return half


def _other_dimensions(name):
    for shape in ((), (2, 3)):
        yield lambda rng, case, s=shape: case(f"shape {s}", {"x": np.ones(s, DTYPES[name])}, refuse=True)


def plan_sort(name, sizes):
    """Random bits, few distinct values, sorted and reversed, all NaN, both zeros."""
    counts = _SIZES[sizes] + ([1000003] if sizes == "full" else [])

    def kinds(rng, n):
        few = rng.choice(np.array([0.0, -0.0, 1.0, -1.0, np.inf, -np.inf], DTYPES[name]), n)
        yield "random bits", data.random_bits(rng, n, name)
        yield "ordinary", data.ordinary(rng, n, name)
        if n > 100000:
            return
        yield "few values", few
        yield "specials", rng.choice(data.specials(name), n)
        yield "NaNs between", sprinkle(rng, few, from_bits(NAN_BITS[name], name), 0.3)
        yield "ascending", np.sort(data.ordinary(rng, n, name))
        yield "descending", np.sort(data.ordinary(rng, n, name))[::-1].copy()
        yield "equal", np.full(n, 1.5, DTYPES[name])
        yield "low bits differ", from_bits(bits(np.ones(n, DTYPES[name])) + rng.integers(0, 300, n).astype(
            bits(few).dtype), name)  # fmt: skip

    for n in counts:
        threads = SOME_THREADS if n == counts[-1] else ANY_THREADS
        names = [label for label, _ in kinds(np.random.default_rng(0), n)]
        for label in names:
            yield lambda rng, case, n=n, lab=label, t=threads: case(
                f"{lab} n={n}", {"x": dict(kinds(rng, n))[lab]}, {}, t
            )
    yield lambda rng, case: case("all specials", {"x": rng.permutation(data.specials(name))})
    yield from _other_dimensions(name)


def plan_histogram(name, counts):
    """One to many bins; values on edges, one ulp off them, outside, NaN; every wrong kind of edges."""
    dtype = DTYPES[name]

    def edges_of(rng, number):
        return np.unique(data.scaled(rng, 2 * number + 8, name, -12, 4))[:number]

    def case_of(rng, case, n, edges, threads=ANY_THREADS, shape=None):
        on = rng.choice(edges, n)
        parts = [(3, data.scaled(rng, n, name, -13, 6)), (2, on),
                 (2, from_bits(bits(on) + rng.integers(-1, 2, n).astype(bits(on).dtype), name)),
                 (1, data.mixed(rng, n, name))]  # fmt: skip
        x = data.blend(rng, parts).reshape(shape or (n,))
        return case(f"{x.shape} into {edges.size - 1} bins", {"x": x, "edges": edges}, {}, threads)

    sizes = sorted({*counts, 2, 16, 17, 1023, 1025, 8192, 70000} if max(counts) > 100000 else {*counts, 17})
    for i, n in enumerate(sizes):
        threads = SOME_THREADS if n == sizes[-1] else ANY_THREADS
        for number in (2, (3, 5, 17, 65, 257)[i % 5]):
            yield lambda rng, case, n=n, m=number, t=threads: case_of(rng, case, n, edges_of(rng, m), t)
    for number in (1000, 5000):
        yield lambda rng, case, m=number: case_of(rng, case, 8193, edges_of(rng, m), SOME_THREADS)
    yield lambda rng, case: case_of(rng, case, 2 * 3 * 400, edges_of(rng, 9), shape=(2, 3, 400))
    yield lambda rng, case: case("0-d", {"x": np.array(0.5, dtype), "edges": np.array([0, 1], dtype)})
    tiny = np.finfo(dtype).smallest_subnormal
    for label, ends in (
        ("around zero", [-1, -0.0, 1]), ("around +0", [-1, 0.0, 1]), ("subnormal edges", [-tiny, 0, tiny, 2 * tiny]),
        ("widest", [-np.finfo(dtype).max, np.finfo(dtype).max]), ("from -0", [-0.0, tiny]),
    ):  # fmt: skip
        edges = np.array(ends, dtype)
        yield lambda rng, case, lab=label, e=edges: case(lab, {"x": data.specials(name), "edges": e})
    one = np.ones(4, dtype)
    for label, ends in (
        ("one edge", [1]), ("no edge", []), ("equal edges", [1, 1]), ("falling edges", [0, 2, 1]),
        ("both zeros", [-0.0, 0]), ("infinite edge", [0, np.inf]), ("-infinite edge", [-np.inf, 0]),
        ("NaN edge", [0, np.nan, 1]), ("2-D edges", [[0, 1]]),
    ):  # fmt: skip
        edges = np.array(ends, dtype)
        yield lambda rng, case, lab=label, e=edges: case(lab, {"x": one, "edges": e}, refuse=True)
        if label in ("falling edges", "NaN edge"):
            yield lambda rng, case, lab=label, e=edges: case(f"{lab}, no x", {"x": one[:0], "edges": e}, refuse=True)


def plan_mirror(counts):
    """Seeds and states of every width; a zero seed first, last and between."""
    for n in counts:
        threads = SOME_THREADS if n == max(counts) else ANY_THREADS
        yield lambda rng, case, n=n, t=threads: case(f"n={n}", _anchors(rng, n), {}, t)
    seeds, states = np.array([1, 1 << 32, 2**64 - 1, 2**63], "<u8"), np.array([0, 2**32 - 1, 1, 2**31], "<u4")
    yield lambda rng, case: case("ends", {"seeds": seeds, "states": states})
    for at in (0, 4, 8):
        bad = {"seeds": np.arange(1, 10, dtype="<u8"), "states": np.zeros(9, "<u4")}
        bad["seeds"][at] = 0
        yield lambda rng, case, bad=bad, at=at: case(f"zero seed at {at}", bad, refuse=True)
    ones = np.ones((2, 2), "<u8")
    yield lambda rng, case: case("2-D", {"seeds": ones, "states": ones.astype("<u4")}, refuse=True)
    yield lambda rng, case: case("lengths differ", {"seeds": ones[0], "states": np.ones(3, "<u4")}, refuse=True)


def _anchors(rng, n):
    seeds = data.random_bits(rng, n, "u64") >> rng.integers(0, 64, n).astype("<u8") | np.uint64(1)
    return {"seeds": seeds, "states": data.random_bits(rng, n, "u32")}
