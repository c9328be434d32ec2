"""The functions of the page a second time: series in whole numbers, for the self check.

A value is an integer scaled by 2^P, P some hundreds of bits; every series is summed until its terms vanish,
so the error is a few hundred units of 2^-P and each result is rounded from far more bits than any f32 input
needs. Shares nothing with `clamp_reference`.
"""

import math
from fractions import Fraction
from functools import cache

from clamp_reference.exact import floor_log2, round_fraction

NAN, INFINITY, SIGN = 0x7FC00000, 0x7F800000, 0x80000000
ONE = 0x3F800000


def _fixed(x, p):
    """A Fraction scaled by 2^p, to the nearest."""
    return round(x * Fraction(2) ** p)


def _atan_like(inverse, p, sign):
    """The sum of sign^k / ((2k+1) inverse^(2k+1)): atan(1/inverse) for sign -1, atanh for +1, of a Fraction."""
    q = p + 20
    power = _fixed(1 / Fraction(inverse), q)
    square = _fixed(1 / Fraction(inverse) ** 2, q)
    total, k = 0, 0
    while power:
        total += sign**k * (abs(power) // (2 * k + 1)) * (-1 if power < 0 else 1)
        power = (abs(power) * square >> q) * (-1 if power < 0 else 1)
        k += 1
    return total >> 20


@cache
def pi(p):
    """Machin: 16 atan(1/5) - 4 atan(1/239)."""
    return 16 * _atan_like(5, p, -1) - 4 * _atan_like(239, p, -1)


@cache
def ln2(p):
    """2 atanh(1/3)."""
    return 2 * _atan_like(3, p, 1)


def _exp(x, p):
    """exp of a Fraction, not scaled: a Fraction. n*log(2) goes, the rest is halved eight times and squared back."""
    q = p + 40
    log_of_2 = Fraction(ln2(q + 200), 1 << (q + 200))
    n = round(x / log_of_2)
    rest = _fixed((x - n * log_of_2) / 256, q)
    term = total = 1 << q
    k = 1
    while term:
        term = abs(term * rest) // k >> q
        total += -term if rest < 0 and k % 2 else term
        k += 1
    for _ in range(8):
        total = total * total >> q
    return Fraction(total, 1 << q) * Fraction(2) ** n


def _log(x, p):
    """log of a positive Fraction."""
    e = floor_log2(x)
    m = x / Fraction(2) ** e
    if m > Fraction(4, 3):
        m, e = m / 2, e + 1
    q = p + 40
    near = 0 if m == 1 else 2 * _atan_like((m + 1) / (m - 1), q, 1)  # log(m) = 2 atanh((m-1)/(m+1))
    return Fraction(near + e * ln2(q), 1 << q)


def _sin_cos(x, p):
    """sin and cos of a Fraction in [-1, 1]."""
    q = p + 20
    r = _fixed(x, q)
    square = r * r >> q
    results = []
    for term, k in ((abs(r), 1), (1 << q, 0)):
        total, sign = 0, 1
        while term:
            total += sign * term
            term = (term * square >> q) // ((k + 1) * (k + 2))
            k, sign = k + 2, -sign
        results.append(Fraction(total, 1 << q))
    return (-results[0] if r < 0 else results[0]), results[1]


def _turned(n, s, c):
    """sin and cos, n quarter turns further."""
    return [(s, c), (c, -s), (-s, -c), (-c, s)][n % 4]


def _circular(x, p):
    """sin and cos of x; pi is long enough for the nearest multiple of its half to leave p bits."""
    q = p + max(floor_log2(abs(x)), 0) + 60
    quarter = Fraction(pi(q), 1 << (q + 1))
    n = round(x / quarter)
    return _turned(n, *_sin_cos(x - n * quarter, p))


def _circular_pi(x, p):
    """sin and cos of pi*x."""
    n = round(2 * x)
    return _turned(n, *_sin_cos((x - Fraction(n, 2)) * Fraction(pi(p), 1 << p), p))


def _tanh(x, p):
    t = _exp(2 * x, p)
    return (t - 1) / (t + 1)


def _erf(x, p):
    """2/sqrt(pi) * exp(-x^2) * sum of 2^k x^(2k+1) / (1*3*...*(2k+1)): all terms of one sign."""
    q = p + 60
    term = _fixed(abs(x), q)
    double_square = _fixed(2 * x * x, q)
    total, k = 0, 1
    while term:
        total += term
        k += 2
        term = (term * double_square >> q) // k
    root = math.isqrt(pi(2 * q))
    value = Fraction(2 * total, root) * _exp(-x * x, q)
    return value if x > 0 else -value


_REAL = {
    "exp": _exp,
    "exp2": lambda x, p: _exp(x * Fraction(ln2(p + 200), 1 << (p + 200)), p),
    "expm1": lambda x, p: _exp(x, p) - 1,
    "log": _log,
    "log2": lambda x, p: _log(x, p) / Fraction(ln2(p), 1 << p),
    "log10": lambda x, p: _log(x, p) / _log(Fraction(10), p),
    "log1p": lambda x, p: _log(1 + x, p),
    "sin": lambda x, p: _circular(x, p)[0],
    "cos": lambda x, p: _circular(x, p)[1],
    "tan": lambda x, p: _circular(x, p)[0] / _circular(x, p)[1],
    "sinpi": lambda x, p: _circular_pi(x, p)[0],
    "cospi": lambda x, p: _circular_pi(x, p)[1],
    "tanh": _tanh,
    "erf": _erf,
}
_ODD = ("expm1", "log1p", "sin", "tan", "sinpi", "tanh", "erf")
_AT_ZERO = {"exp": ONE, "exp2": ONE, "cos": ONE, "cospi": ONE}
_AT_INFINITY = {
    "exp": INFINITY, "exp2": INFINITY, "expm1": INFINITY, "log": INFINITY, "log2": INFINITY, "log10": INFINITY,
    "log1p": INFINITY, "tanh": ONE, "erf": ONE,
}  # fmt: skip
_AT_MINUS_INFINITY = {"exp": 0, "exp2": 0, "expm1": ONE | SIGN, "tanh": ONE | SIGN, "erf": ONE | SIGN}


def special_bits(op, x):
    """What IEEE 754-2019, 9.2, and exactness fix for a float; None where the value has to be computed."""
    negative = math.copysign(1.0, x) < 0
    if math.isnan(x):
        return NAN
    if math.isinf(x):
        return (_AT_MINUS_INFINITY if negative else _AT_INFINITY).get(op, NAN)
    if op.startswith("log"):
        pole = -1.0 if op == "log1p" else 0.0
        if x == pole:
            return INFINITY | SIGN
        if x < pole:
            return NAN
        if x == pole + 1:
            return SIGN if negative else 0
    if x == 0:
        return SIGN if op in _ODD and negative else _AT_ZERO.get(op, 0)
    if op == "sinpi" and x == math.floor(x):
        return SIGN if negative else 0
    if op == "cospi" and 2 * x == math.floor(2 * x) and x != math.floor(x):
        return 0
    return None


def saturated_bits(op, x):
    """Results settled by size alone, so that no series has to run far."""
    if op in ("exp", "exp2", "expm1") and x > 200:
        return INFINITY
    if op in ("exp", "exp2") and x < -200:
        return 0
    if op in ("tanh", "erf") and abs(x) > 50 or op == "expm1" and x < -50:
        return ONE | SIGN if x < 0 else ONE
    if op in ("expm1", "log1p", "sin", "tan", "tanh") and abs(x) < 2.0**-40:
        return round_fraction(Fraction(x), "f32")  # the series goes on with x^2/2 or less, far below half an ulp
    return None


def real_value(op, x):
    """op at a finite float that is no special case, as a Fraction good to some 2^-300."""
    return _REAL[op](Fraction(x), 320 if abs(x) > 2.0**-50 else 640)


def function_bits(op, x):
    """The correctly rounded f32 of op at a float that holds an f32."""
    for settled in (special_bits(op, x), saturated_bits(op, x)):
        if settled is not None:
            return settled
    return round_fraction(real_value(op, x), "f32")
