"""Functions of one variable on f32, correctly rounded, and the compositions the page spells by steps.

An f64 estimate answers wherever every value within 2^-42 of it rounds to the same f32. The few inputs
left lie beside a rounding boundary and are decided by `oracle`. No result lies on a boundary, by
Lindemann-Weierstrass (exp, expm1, the logarithms, sin, cos, tan, tanh), Gelfond-Schneider (exp2) and Niven
(sinpi, cospi; their rational values at dyadic points are 0 and +-1), except exp2(-150), a tie that goes to
+0; erf is taken to behave alike, and where it did not the oracle would give up loudly.
"""

import math

import numpy as np

from . import oracle
from .formats import canonical

_MARGIN = 2.0**-42
_OVERFLOW_MIDDLE = 2.0**128 - 2.0**103
_GELU = np.float32(float.fromhex("0x1.6a09e6p-1"))


def _sinpi(x):
    """sin(pi*x) of f64 values that are f32; sinpi(+-n) = +-0 (IEEE 754-2019, 9.2)."""
    r = np.fmod(x, 2.0)  # exact, of the sign of x
    away = np.abs(r)
    folded = np.where(away > 1.0, away - 1.0, away)  # sin(pi*(1+f)) = -sin(pi*f), exact by Sterbenz
    flipped = np.where(away > 1.0, -1.0, 1.0)
    folded = np.where(folded > 0.5, 1.0 - folded, folded)  # exact, by Sterbenz again
    value = np.where(folded > 0.25, np.cos(np.pi * (0.5 - folded)), np.sin(np.pi * folded))
    # A zero takes the sign of x, whichever half turn it lies on.
    return np.copysign(np.where(value == 0, 0.0, value), r) * np.where(value == 0, 1.0, flipped)


def _cospi(x):
    """cos(pi*x) of f64 values that are f32; cospi(n+1/2) = +0."""
    away = np.abs(np.fmod(x, 2.0))
    folded = np.where(away > 1.0, 2.0 - away, away)  # cos(pi*(2-f)) = cos(pi*f)
    sign = np.where(folded > 0.5, -1.0, 1.0)
    folded = np.where(folded > 0.5, 1.0 - folded, folded)
    value = np.where(folded > 0.25, np.sin(np.pi * (0.5 - folded)), np.cos(np.pi * folded))
    return np.where(value == 0, 0.0, value * sign)


def _erf(x):
    return np.frompyfunc(math.erf, 1, 1)(x).astype(np.float64)


ESTIMATES = {
    "exp": np.exp,
    "exp2": np.exp2,
    "expm1": np.expm1,
    "log": np.log,
    "log2": np.log2,
    "log10": np.log10,
    "log1p": np.log1p,
    "sin": np.sin,
    "cos": np.cos,
    "tan": np.tan,
    "sinpi": _sinpi,
    "cospi": _cospi,
    "tanh": np.tanh,
    "erf": _erf,
}


def correctly_rounded(op):
    """The kernel of a function in `ESTIMATES`."""
    return lambda x: canonical(_correctly_rounded(x, op))


exp = correctly_rounded("exp")
log = correctly_rounded("log")
sinpi = correctly_rounded("sinpi")
cospi = correctly_rounded("cospi")
erf = correctly_rounded("erf")


def sigmoid(x):
    """1 / (1 + exp(-x))."""
    one = np.float32(1)
    return canonical(one / (one + exp(-x)))


def silu(x):
    """x * sigmoid(x)."""
    return canonical(x * sigmoid(x))


def gelu(x):
    """(0.5*x) * (1 + erf(x * 0x1.6a09e6p-1))."""
    return canonical((np.float32(0.5) * x) * (np.float32(1) + erf(x * _GELU)))


FUNCTIONS = {op: correctly_rounded(op) for op in ESTIMATES} | {"sigmoid": sigmoid, "silu": silu, "gelu": gelu}


def _correctly_rounded(x, op):
    value = np.asarray(ESTIMATES[op](x.astype(np.float64)))
    low = (value * (1 - _MARGIN)).astype(np.float32)
    high = (value * (1 + _MARGIN)).astype(np.float32)
    result = value.astype(np.float32)
    for i in np.flatnonzero((low != high) & np.isfinite(value)):
        result.flat[i] = _between(op, float(x.flat[i]), low.flat[i], high.flat[i])
    return result


def _between(op, x, a, b):
    """The one of two neighbouring f32 that is nearer to op(x)."""
    if op == "exp2" and x == -150.0:
        return np.float32(0.0)
    small, large = (a, b) if a < b else (b, a)
    if np.nextafter(small, large) != large:
        raise ArithmeticError(f"estimate at {x.hex()} leaves more than two candidates")
    if np.isinf(large):
        middle = _OVERFLOW_MIDDLE
    elif np.isinf(small):
        middle = -_OVERFLOW_MIDDLE
    else:
        middle = (float(small) + float(large)) / 2
    return large if oracle.is_above(op, x, middle) else small
