"""Input arrays for the kernel check: ordinary, wildly scaled and special values.

Everything is drawn from a generator the caller seeds; nothing here knows what a kernel computes.
"""

import numpy as np

from clamp_reference.formats import DTYPES, FLOATS, PRECISION, bits, from_bits

_SPECIAL_BITS = {
    "f32": [
        0x00000000, 0x00000001, 0x00000002, 0x00400000, 0x007FFFFF, 0x00800000, 0x00800001, 0x3F000000, 0x3EFFFFFF,
        0x3F7FFFFF, 0x3F800000, 0x3F800001, 0x3FC00000, 0x40000000, 0x40200000, 0x4B000000, 0x4B800000, 0x4EFFFFFF,
        0x4F000000, 0x4F7FFFFF, 0x4F800000, 0x5EFFFFFF, 0x5F000000, 0x7EFFFFFF, 0x7F7FFFFF, 0x7F800000, 0x7F800001,
        0x7FBFFFFF, 0x7FC00000, 0x7FC12345, 0x7FFFFFFF,
    ],
    "f64": [
        0x0000000000000000, 0x0000000000000001, 0x0000000000000002, 0x0008000000000000, 0x000FFFFFFFFFFFFF,
        0x0010000000000000, 0x0010000000000001, 0x3FE0000000000000, 0x3FDFFFFFFFFFFFFF, 0x3FEFFFFFFFFFFFFF,
        0x3FF0000000000000, 0x3FF0000000000001, 0x3FF8000000000000, 0x4000000000000000, 0x4004000000000000,
        0x4340000000000000, 0x41DFFFFFFFC00000, 0x41DFFFFFFFE00000, 0x41E0000000000000, 0x41EFFFFFFFE00000,
        0x41EFFFFFFFF00000, 0x41F0000000000000, 0x43DFFFFFFFFFFFFF, 0x43E0000000000000, 0x47EFFFFFE0000000,
        0x47EFFFFFF0000000, 0x36A0000000000000, 0x3690000000000000, 0x3690000000000001, 0x7FDFFFFFFFFFFFFF,
        0x7FEFFFFFFFFFFFFF, 0x7FF0000000000000, 0x7FF0000000000001, 0x7FF7FFFFFFFFFFFF, 0x7FF8000000000000,
        0x7FF8000012345678, 0x7FFFFFFFFFFFFFFF,
    ],
}  # fmt: skip


def specials(name):
    """Every special value of a dtype; for floats both signs of each."""
    if name in FLOATS:
        positive = np.array(_SPECIAL_BITS[name], bits(np.zeros(0, DTYPES[name])).dtype)
        sign = positive.dtype.type(1 << (positive.dtype.itemsize * 8 - 1))
        return from_bits(np.stack([positive, positive | sign], 1).reshape(-1), name)
    info = np.iinfo(DTYPES[name])
    powers = [s * (1 << k) + d for k in range(64) for s in (1, -1) for d in (-1, 0, 1)]
    halves = [s * ((1 << k) + (1 << (k - w)) + d) for k in range(24, 63) for w in (24, 53) if k >= w
              for s in (1, -1) for d in (-1, 0, 1)]  # fmt: skip
    fitting = [v for v in [info.min, info.max, *powers, *halves] if info.min <= v <= info.max]
    return np.array(sorted(set(fitting)), DTYPES[name])


def few_specials(name):
    """A short list of specials, for products of three inputs."""
    chosen = {"f32": [0, 1, 4, 5, 10, 11, 13, 24, 25, 26, 28], "f64": [0, 1, 4, 5, 10, 11, 13, 30, 31, 32, 34]}[name]
    both = specials(name).reshape(-1, 2)[chosen]
    return both.reshape(-1)


def random_bits(rng, n, name):
    """Uniform bits: every exponent, some NaN."""
    dtype = DTYPES[name]
    return np.frombuffer(rng.bytes(n * dtype.itemsize), dtype).copy()


def ordinary(rng, n, name):
    """Normal values for floats, modest integers else."""
    if name in FLOATS:
        return rng.standard_normal(n).astype(DTYPES[name])
    low = 0 if name == "u32" else -100000
    return rng.integers(low, 100000, n).astype(DTYPES[name])


def scaled(rng, n, name, low, high):
    """Random significand and sign, binary exponent uniform in [low, high)."""
    significand = 1.0 + rng.random(n)
    sign = rng.choice([-1.0, 1.0], n)
    with np.errstate(all="ignore"):
        return np.ldexp(sign * significand, rng.integers(low, high, n)).astype(DTYPES[name])


def subnormal(rng, n, name):
    """Subnormals of both signs."""
    raw = bits(random_bits(rng, n, name))
    exponent = {"f32": 0x7F800000, "f64": 0x7FF0000000000000}[name]
    return from_bits(raw & raw.dtype.type(~exponent & ((1 << (raw.dtype.itemsize * 8)) - 1)), name)


def near(rng, x):
    """Floats close to x in size, some exactly -x or one ulp off it."""
    name = {4: "f32", 8: "f64"}[x.dtype.itemsize]
    with np.errstate(all="ignore"):
        close = (x * scaled(rng, x.size, name, -3, 4)).astype(x.dtype)
    flipped = bits(-x) + rng.integers(-1, 2, x.size).astype(bits(x).dtype)
    return np.where(rng.random(x.size) < 0.5, close, from_bits(flipped, name))


def blend(rng, weighted):
    """One array drawn element by element from several: pairs of weight and array."""
    weights = np.array([w for w, _ in weighted])
    which = rng.choice(len(weighted), weighted[0][1].size, p=weights / weights.sum())
    out = bits(weighted[0][1]).copy()
    for i, (_, array) in enumerate(weighted):
        np.copyto(out, bits(array), where=which == i)
    return out.view(weighted[0][1].dtype)


def mixed(rng, n, name, like=None):
    """Ordinary, wild and special values together; floats also close to `like`."""
    parts = [
        (4, ordinary(rng, n, name)),
        (3, random_bits(rng, n, name)),
        (2, rng.choice(specials(name), n)),
    ]
    if name in FLOATS:
        parts.append((2, scaled(rng, n, name, -70, 70)))
        parts.append((1, subnormal(rng, n, name)))
        if like is not None:
            parts.append((4, near(rng, like)))
    return blend(rng, parts)


def addend(rng, x, y):
    """Addends for fma: many cancel x*y to within a few ulps, or sit at a rounding tie."""
    name = {4: "f32", 8: "f64"}[x.dtype.itemsize]
    with np.errstate(all="ignore"):
        product = (x * y).astype(x.dtype)
        tiny = np.ldexp(product, -int(np.finfo(x.dtype).nmant) - 1).astype(x.dtype)
        huge = np.ldexp(product, int(np.finfo(x.dtype).nmant) + 1).astype(x.dtype)
    return blend(rng, [(4, near(rng, product)), (1, tiny), (1, huge), (4, mixed(rng, x.size, name, like=product))])


def tie_triples(rng, n, name):
    """x*y a hair below or exactly at half an ulp of z: where two roundings instead of one show.

    With eps the ulp of 1, x*y = 2^e (1 - k^2 eps^2) and z = m 2^(e+1), m an integer of full length, or a
    short one where the sum is subnormal.
    """
    precision, emin, _ = PRECISION[name]
    k = rng.integers(0, 4, n)
    low, high = {"f32": (-50, 40), "f64": (-400, 400)}[name]
    i, e = rng.integers(low, high, n), rng.integers(low, high, n)
    short = rng.random(n) < 0.3
    e = np.where(short, emin - 1, e)
    m = rng.integers(1 << (precision - 1), 1 << precision, n)
    m = np.where(short, m >> rng.integers(2, precision, n), m)
    i = np.where(short, rng.integers(emin // 2 - 10, emin // 2 + 10, n), i)
    eps = 2.0 ** (1 - precision)
    x = np.ldexp(rng.choice([-1.0, 1.0], n) * (1 + k * eps), i)
    y = np.ldexp(rng.choice([-1.0, 1.0], n) * (1 - k * eps), e - i)
    z = np.ldexp(rng.choice([-1.0, 1.0], n) * m, e + 1)
    return [v.astype(DTYPES[name]) for v in (x, y, z)]


def fma_source(rng, n, name):
    """x, y, z: mixed values, cancelling addends, and ties."""
    x = mixed(rng, n, name)
    y = mixed(rng, n, name, like=x)
    z = addend(rng, x, y)
    tied = rng.random(n) < 0.15
    return [np.where(tied, bits(t), bits(v)).view(v.dtype) for t, v in zip(tie_triples(rng, n, name), (x, y, z))]


def cast_source(rng, n, source, target):
    """Values around the target's limits and ties as well as `mixed`."""
    base = mixed(rng, n, source)
    if source not in FLOATS:
        shift = rng.integers(0, DTYPES[source].itemsize * 8, n)
        spread = (random_bits(rng, n, source) >> shift.astype(DTYPES[source])).astype(DTYPES[source])
        return blend(rng, [(1, base), (1, spread)])
    halves = (rng.integers(-(2**22), 2**22, n) / 2).astype(DTYPES[source])
    if target in FLOATS:
        # f64 to f32: middles of two f32, normal and subnormal, and their neighbours.
        with np.errstate(all="ignore"):
            ties = bits(scaled(rng, n, source, -155, 130))
        low = (1 << 29) - 1 if source == "f64" else 0
        ties = (ties & ~ties.dtype.type(low)) + ties.dtype.type((1 << 28) if low else 0)
        ties = ties + rng.integers(-1, 2, n).astype(ties.dtype)
        return blend(rng, [(2, base), (2, from_bits(ties, source)), (1, scaled(rng, n, source, -155, 130))])
    limits = np.array([2.0**31, -(2.0**31), 2.0**32, 2.0**63, -(2.0**63), 0.0], DTYPES[source])
    edge = bits(rng.choice(limits, n)) + rng.integers(-3, 4, n).astype(bits(limits).dtype)
    return blend(rng, [(2, base), (2, scaled(rng, n, source, -3, 66)), (2, halves), (1, from_bits(edge, source))])
