"""sum_exact and dot_exact: the exact value in whole Python integers, rounded once.

A finite float is significand * 2^exponent; integers are summed by exponent and joined by shifts, so
nothing overflows or underflows before the rounding. Special values are settled first, by the page's list.
"""

from fractions import Fraction

import numpy as np

from .exact import round_fraction
from .formats import DTYPES, bits, from_bits, name_of
from .reductions import by_rows

_FIELDS = {"f32": (23, 0xFF, -149), "f64": (52, 0x7FF, -1074)}


def significands(values):
    """Two lists: signed integers m and exponents e with value = m * 2^e, for finite floats."""
    mantissa_bits, exponent_mask, smallest = _FIELDS[name_of(values)]
    raw = bits(values).astype(np.uint64)
    field = (raw >> np.uint64(mantissa_bits)) & np.uint64(exponent_mask)
    m = (raw & np.uint64((1 << mantissa_bits) - 1)).astype(np.int64)
    m = np.where(field > 0, m | (1 << mantissa_bits), m)
    e = np.maximum(field.astype(np.int64), 1) - 1 + smallest
    return np.where(np.signbit(values), -m, m).tolist(), e.tolist()


def _rounded(terms, name, all_negative_zero):
    """Bits of the sum of m * 2^e over pairs."""
    by_exponent = {}
    for m, e in terms:
        by_exponent[e] = by_exponent.get(e, 0) + m
    lowest = min(by_exponent, default=0)
    total = sum(m << (e - lowest) for e, m in by_exponent.items())
    return round_fraction(Fraction(total) * Fraction(2) ** lowest, name, int(all_negative_zero))


def _special(nan, positive, negative, name):
    """The float that NaN and infinite terms decide, or None."""
    if nan or (positive and negative):
        return DTYPES[name].type(np.nan)
    if positive or negative:
        return DTYPES[name].type(np.inf if positive else -np.inf)
    return None


def _one_sum(row):
    name = name_of(row)
    special = _special(np.isnan(row).any(), (row == np.inf).any(), (row == -np.inf).any(), name)
    if special is not None:
        return special
    all_negative_zero = row.size > 0 and bool(((row == 0) & np.signbit(row)).all())
    return from_bits(_rounded(zip(*significands(row)), name, all_negative_zero), name)[()]


def _one_dot(x, y):
    name = name_of(x)
    nan = np.isnan(x) | np.isnan(y) | (np.isinf(x) & (y == 0)) | (np.isinf(y) & (x == 0))
    negative = np.signbit(x) != np.signbit(y)
    infinite = np.isinf(x) | np.isinf(y)
    special = _special(nan.any(), (infinite & ~negative).any(), (infinite & negative).any(), name)
    if special is not None:
        return special
    all_negative_zero = x.size > 0 and bool((((x == 0) | (y == 0)) & negative).all())
    (mx, ex), (my, ey) = significands(x), significands(y)
    terms = ((a * b, e + f) for a, e, b, f in zip(mx, ex, my, ey))
    return from_bits(_rounded(terms, name, all_negative_zero), name)[()]


def _each_row(one):
    def of_rows(*tables):
        values = [one(*rows) for rows in zip(*tables)]
        return np.array(values, tables[0].dtype)

    return of_rows


sum_exact = by_rows(_each_row(_one_sum))
dot_exact = by_rows(_each_row(_one_dot))
