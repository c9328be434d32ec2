"""exp and log on f32, correctly rounded.

An f64 estimate answers wherever every value within 2^-42 of it rounds to the same f32. The few inputs
left lie beside a rounding boundary and are decided by 60-digit decimals. No result can lie on a boundary:
exp and log of a rational are irrational, except exp(0) and log(1), whose estimates are exact.
"""

import decimal

import numpy as np

from .formats import canonical

_MARGIN = 2.0**-42
_CONTEXT = decimal.Context(prec=60, Emin=-999999, Emax=999999)
_OVERFLOW_MIDDLE = 2.0**128 - 2.0**103


def exp(x):
    return canonical(_correctly_rounded(x, np.exp, _CONTEXT.exp))


def log(x):
    return canonical(_correctly_rounded(x, np.log, _CONTEXT.ln))


def _correctly_rounded(x, estimate, decide):
    value = estimate(x.astype(np.float64))
    low = (value * (1 - _MARGIN)).astype(np.float32)
    high = (value * (1 + _MARGIN)).astype(np.float32)
    result = value.astype(np.float32)
    for i in np.flatnonzero((low != high) & np.isfinite(value)):
        result.flat[i] = _between(float(x.flat[i]), low.flat[i], high.flat[i], decide)
    return result


def _between(x, a, b, decide):
    """The one of two neighbouring f32 that is nearer to the function's value at x."""
    small, large = (a, b) if a < b else (b, a)
    if np.nextafter(small, large) != large:
        raise ArithmeticError(f"estimate at {x.hex()} leaves more than two candidates")
    if np.isinf(large):
        middle = _OVERFLOW_MIDDLE
    else:
        middle = (float(small) + float(large)) / 2
    exact = decide(decimal.Decimal(x))
    gap = _CONTEXT.subtract(exact, decimal.Decimal(middle))
    if abs(gap) < abs(exact).scaleb(-50):
        raise ArithmeticError(f"60 digits do not decide {x.hex()}")
    return large if gap > 0 else small
