"""Elementwise kernels on f32 and f64: moves, arithmetic, min and max, comparisons.

Each written operation rounds once in the array's own dtype; NaN is made canonical at the store,
except in copy and select, which move bits.
"""

import numpy as np

from . import fused
from .formats import bits, canonical, name_of, order_key


def copy(x):
    return bits(x).copy().view(x.dtype)


def select(x, y, z):
    """x is u8; nonzero takes y, zero takes z; bits are kept."""
    return np.where(x != 0, bits(y), bits(z)).view(y.dtype)


def neg(x):
    return canonical(-x)


def abs_(x):
    return canonical(np.abs(x))


def add(x, y):
    return canonical(x + y)


def sub(x, y):
    return canonical(x - y)


def mul(x, y):
    return canonical(x * y)


def div(x, y):
    return canonical(x / y)


def fma(x, y, z):
    return canonical(fused.fma(x, y, z))


def sqrt(x):
    return canonical(np.sqrt(x))


def rsqrt(x):
    """f32: 1/sqrt(x) rounded once. f64: a square root, then a division."""
    if name_of(x) == "f64":
        return canonical(np.float64(1.0) / np.sqrt(x))
    return canonical(_rsqrt32(x))


def _rsqrt32(x):
    estimate = 1.0 / np.sqrt(x.astype(np.float64))
    # Two f64 roundings err by less than 2^-51 of the value; where that leaves two f32 open, integers decide.
    low = (estimate * (1 - 2.0**-50)).astype(np.float32)
    high = (estimate * (1 + 2.0**-50)).astype(np.float32)
    result = estimate.astype(np.float32)
    for i in np.flatnonzero((low != high) & np.isfinite(estimate)):
        middle = (float(low.flat[i]) + float(high.flat[i])) / 2  # exact: 25 bits
        mn, md = middle.as_integer_ratio()
        xn, xd = float(x.flat[i]).as_integer_ratio()
        # 1/sqrt(x) > middle exactly when middle^2 * x < 1; equality needs a power of two and a middle is none.
        result.flat[i] = high.flat[i] if mn * mn * xn < md * md * xd else low.flat[i]
    return result


def _pick(x, y, take_x):
    nan = np.isnan(x) | np.isnan(y)
    return canonical(np.where(nan, x.dtype.type(np.nan), np.where(take_x, x, y)))


def min_(x, y):
    """Any NaN gives NaN; -0 < +0."""
    return _pick(x, y, order_key(x) <= order_key(y))


def max_(x, y):
    """Any NaN gives NaN; -0 < +0."""
    return _pick(x, y, order_key(x) >= order_key(y))


def relu(x):
    return max_(x, np.zeros_like(x))


def clamp(x, lo, hi):
    """min(max(x, lo), hi); lo > hi or a NaN bound is refused by the caller."""
    return min_(max_(x, np.full_like(x, lo)), np.full_like(x, hi))


def compare(relation):
    """A u8 comparison kernel; the relation is NumPy's IEEE one (with a NaN only not_equal holds)."""
    return lambda x, y: relation(x, y).astype(np.uint8)


COMPARISONS = {
    "lt": np.less,
    "le": np.less_equal,
    "eq": np.equal,
    "ne": np.not_equal,
    "gt": np.greater,
    "ge": np.greater_equal,
}
