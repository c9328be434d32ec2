"""The specification page a second time: one scalar at a time, in rational arithmetic, for the self check.

Floats are Python floats holding values of their format; results are bit patterns. Slow on purpose and
free of NumPy arithmetic: every operation is an exact Fraction followed by one rounding.
"""

import math
import struct
from fractions import Fraction

from clamp_reference.exact import round_fraction

NAN = {"f32": 0x7FC00000, "f64": 0x7FF8000000000000}
_INFINITY = {"f32": 0x7F800000, "f64": 0x7FF0000000000000}
_SIGN = {"f32": 1 << 31, "f64": 1 << 63}
LANES = {"f32": 128, "f64": 64}


def float_bits(value, name):
    """The pattern of a float that is exact in the format; NaN is canonical."""
    if math.isnan(value):
        return NAN[name]
    form = {"f32": ("<f", "<I"), "f64": ("<d", "<Q")}[name]
    return struct.unpack(form[1], struct.pack(form[0], value))[0]


def as_float(pattern, name):
    """The float of a bit pattern."""
    form = {"f32": ("<f", "<I"), "f64": ("<d", "<Q")}[name]
    return struct.unpack(form[0], struct.pack(form[1], pattern))[0]


def negative(value):
    return math.copysign(1.0, value) < 0


def _infinite(sign, name):
    return _INFINITY[name] | (_SIGN[name] if sign else 0)


def fma_bits(x, y, z, name):
    """IEEE fusedMultiplyAdd."""
    if math.isnan(x) or math.isnan(y) or math.isnan(z):
        return NAN[name]
    sign = negative(x) != negative(y)
    if math.isinf(x) or math.isinf(y):
        if x == 0 or y == 0 or (math.isinf(z) and negative(z) != sign):
            return NAN[name]
        return _infinite(sign, name)
    if math.isinf(z):
        return _infinite(negative(z), name)
    exact = Fraction(x) * Fraction(y) + Fraction(z)
    if exact == 0:
        # A zero sum is -0 only when both the product and the addend are -0.
        both = sign and negative(z) and (x == 0 or y == 0) and z == 0
        return _SIGN[name] if both else 0
    return round_fraction(exact, name)


def binary_bits(op, x, y, name):
    """IEEE add, sub, mul, div."""
    if op == "add":
        return fma_bits(x, 1.0, y, name)
    if op == "sub":
        return fma_bits(x, 1.0, -y, name)
    if op == "mul":
        return _product_bits(x, y, name)
    if math.isnan(x) or math.isnan(y):
        return NAN[name]
    sign = negative(x) != negative(y)
    if math.isinf(x):
        return NAN[name] if math.isinf(y) else _infinite(sign, name)
    if math.isinf(y):
        return _SIGN[name] if sign else 0
    if y == 0:
        return NAN[name] if x == 0 else _infinite(sign, name)
    return round_fraction(Fraction(x) / Fraction(y), name, int(sign)) | (_SIGN[name] if sign else 0)


def _product_bits(x, y, name):
    # An addend of the product's own sign keeps the sign of a zero.
    if math.isnan(x) or math.isnan(y):
        return NAN[name]
    zero = -0.0 if negative(x) != negative(y) else 0.0
    return fma_bits(x, y, zero, name)


def sqrt_bits(x, name):
    """IEEE squareRoot by the integer square root."""
    if math.isnan(x) or x < 0:
        return NAN[name]
    if x == 0 or math.isinf(x):
        return float_bits(x, name)
    numerator, denominator = x.as_integer_ratio()
    shift = 2400
    value = (numerator << shift) // denominator  # exact: the denominator is a power of two below 2^1100
    root = math.isqrt(value)
    # A sticky half step keeps an inexact root off every rounding boundary.
    exact = Fraction(2 * root + (root * root != value), 1 << (shift // 2 + 1))
    return round_fraction(exact, name)


def rsqrt32_bits(x):
    """1/sqrt(x) rounded once, by the integer square root of 2^k/x."""
    if math.isnan(x) or x < 0:
        return NAN["f32"]
    if x == 0:
        return _infinite(negative(x), "f32")
    if math.isinf(x):
        return 0
    numerator, denominator = x.as_integer_ratio()
    value, rest = divmod(denominator << 800, numerator)
    root = math.isqrt(value)
    inexact = rest != 0 or root * root != value
    return round_fraction(Fraction(2 * root + inexact, 1 << 401), "f32")


_LIMITS = {"i32": (-(2**31), 2**31 - 1), "u32": (0, 2**32 - 1), "i64": (-(2**63), 2**63 - 1)}


def integer_bits(value, target):
    """Nearest even, saturating, NaN to 0."""
    low, high = _LIMITS[target]
    width = 64 if target == "i64" else 32
    if isinstance(value, float):
        if math.isnan(value):
            return 0
        if math.isinf(value):
            return (low if value < 0 else high) & ((1 << width) - 1)
        value = round(Fraction(value))  # Fractions round half to even
    return min(max(value, low), high) & ((1 << width) - 1)


def rounded_bits(value, target):
    """IEEE conversion of an integer or a float."""
    if isinstance(value, float):
        if math.isnan(value):
            return NAN[target]
        if math.isinf(value):
            return _infinite(value < 0, target)
    return round_fraction(Fraction(value), target, int(negative(value)))


def before(a, b):
    """a <= b in the order with -0 < +0."""
    return a < b or (a == b and (a != 0 or negative(a) or not negative(b)))


PICKS = {
    "min": lambda a, b: a if before(a, b) else b,
    "max": lambda a, b: b if before(a, b) else a,
}
RELATIONS = {
    "lt": lambda a, b: a < b,
    "le": lambda a, b: a <= b,
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "gt": lambda a, b: a > b,
    "ge": lambda a, b: a >= b,
}


def picked_bits(pick, a, b, name):
    """min or max of two; any NaN gives the canonical one."""
    if math.isnan(a) or math.isnan(b):
        return NAN[name]
    return float_bits(pick(a, b), name)


def add(a, b, name):
    """One IEEE addition of floats, a float."""
    return as_float(fma_bits(a, 1.0, b, name), name)


def _lanes_of_chunk(chunk, lanes, step):
    acc = [-0.0] * lanes
    for i, item in enumerate(chunk):
        acc[i % lanes] = step(acc[i % lanes], item)
    return acc


def _fold(acc, name):
    s = len(acc) // 2
    while s:
        for lane in range(s):
            acc[lane] = add(acc[lane], acc[lane + s], name)
        s //= 2
    return acc[0]


def reduced(items, step, name):
    """Lanes, fold and the levels above, as a float; `step` takes an accumulator and an item."""
    if not items:
        return 0.0
    lanes = LANES[name]
    size = lanes * 64
    partials = [_fold(_lanes_of_chunk(items[i : i + size], lanes, step), name) for i in range(0, len(items), size)]
    if len(partials) == 1:
        return partials[0]
    return reduced(partials, lambda acc, v: add(acc, v, name), name)


def sum_bits(values, name):
    """sum of a list of floats."""
    return float_bits(reduced(values, lambda acc, v: add(acc, v, name), name), name)


def dot_bits(x, y, name):
    """dot of two lists of floats."""
    step = lambda acc, pair: as_float(fma_bits(*pair, acc, name), name)  # noqa: E731
    return float_bits(reduced(list(zip(x, y)), step, name), name)


def matmul_bits(rows_of_a, columns_of_b, bias, name="f32"):
    """One product, row by row, as a flat list of patterns."""
    out = []
    for row in rows_of_a:
        for j, column in enumerate(columns_of_b):
            panels = []
            for start in range(0, len(row), 1024):
                acc = -0.0
                for a, b in list(zip(row, column))[start : start + 1024]:
                    acc = as_float(fma_bits(a, b, acc, name), name)
                panels.append(acc)
            c = panels[0] if panels else 0.0
            for acc in panels[1:]:
                c = add(c, acc, name)
            if bias is not None:
                c = add(c, bias[j], name)
            out.append(float_bits(c, name))
    return out


def softmax_bits(row, exp):
    """One row; `exp` gives the correctly rounded f32 of a float."""
    m = row[0]
    for v in row:
        m = as_float(picked_bits(PICKS["max"], m, v, "f32"), "f32")
    e = [exp(add(v, -m, "f32")) for v in row]
    s = as_float(sum_bits(e, "f32"), "f32")
    return [binary_bits("div", v, s, "f32") for v in e]


def _philox_block(seed, block, stream):
    low = 0xFFFFFFFF
    return philox_words(seed, [block & low, block >> 32, stream & low, stream >> 32])


def philox_words(seed, counter):
    """Philox4x32-10 of a counter of four words."""
    low = 0xFFFFFFFF
    key = [seed & low, seed >> 32]
    for _ in range(10):
        first, second = 0xD2511F53 * counter[0], 0xCD9E8D57 * counter[2]
        counter = [
            second >> 32 ^ counter[1] ^ key[0],
            second & low,
            first >> 32 ^ counter[3] ^ key[1],
            first & low,
        ]
        key = [(key[0] + 0x9E3779B9) & low, (key[1] + 0xBB67AE85) & low]
    return counter


def philox_elements(n, seed, stream):
    """The first n elements of the three generators, as patterns by kernel id."""
    words = [_philox_block(seed, i // 4, stream)[i % 4] for i in range(n)]
    wide = []
    for i in range(n):
        block = _philox_block(seed, i // 2, stream)
        low, high = block[2 * (i % 2)], block[2 * (i % 2) + 1]
        wide.append(round_fraction(Fraction((high << 32 | low) >> 11, 2**53), "f64"))
    return {
        "philox.u32.v1": words,
        "philox_uniform.f32.v1": [round_fraction(Fraction(w >> 8, 2**24), "f32") for w in words],
        "philox_uniform.f64.v1": wide,
    }
