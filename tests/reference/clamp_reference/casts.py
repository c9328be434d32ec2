"""Casts between f32, f64, i32, u32 and i64.

Float to integer is nearest even, saturating, NaN to 0; integer to integer saturates; the rest is IEEE.
NumPy's own float to integer conversion is only ever reached with values that fit.
"""

import numpy as np

from .formats import DTYPES, FLOATS, canonical, name_of


def cast(x, target):
    """x as dtype `target`."""
    source = name_of(x)
    if target in FLOATS:
        out = x.astype(DTYPES[target])  # one IEEE rounding in every one of the pairs
        return canonical(out)
    if source in FLOATS:
        return _float_to_integer(x, DTYPES[target])
    return _integer_to_integer(x, DTYPES[target])


def _float_to_integer(x, dtype):
    info = np.iinfo(dtype)
    # f64 holds every f32; rint is exact nearest even; 2^31, 2^32, 2^63 are exact as floats.
    whole = np.rint(x.astype(np.float64))
    above = whole >= float(info.max + 1)
    below = whole < float(info.min)
    fits = ~(above | below | np.isnan(whole))
    out = np.where(fits, whole, 0.0).astype(np.int64).astype(dtype)
    out[above] = info.max
    out[below] = info.min
    return out


def _integer_to_integer(x, dtype):
    # Every source and both limits of every target fit in i64.
    info = np.iinfo(dtype)
    wide = x.astype(np.int64)
    return np.minimum(np.maximum(wide, info.min), info.max).astype(dtype)
