"""sum and dot in the page's order: lanes, fold, chunk partials, the same rule again.

Nothing here calls a NumPy reduction; every addition is an elementwise one in the stated order.
"""

import numpy as np

from . import fused
from .formats import DTYPES, canonical, name_of, negative_zeros

LANES = {"f32": 128, "f64": 64}
ROWS_IN_CHUNK = 64


def sum_(x, rows=False):
    """The sum of all elements (0-d), or of each row of a 2-D array."""
    table = x if rows else x.reshape(1, -1)
    out = canonical(sum_rows(table))
    return out if rows else out.reshape(())


def dot(x, y, rows=False):
    """The dot product of two arrays of one shape, or of each pair of rows."""
    tables = [v if rows else v.reshape(1, -1) for v in (x, y)]
    out = canonical(_reduce(tables, lambda acc, a, b: fused.fma(a, b, acc)))
    return out if rows else out.reshape(())


def sum_rows(table):
    """The row sums of a 2-D array; NaN bits are not yet canonical."""
    return _reduce([table], lambda acc, a: acc + a)


def _reduce(tables, step):
    rows, n = tables[0].shape
    name = name_of(tables[0])
    if n == 0:
        return np.zeros(rows, DTYPES[name])
    partials = _chunk_partials(tables, step, LANES[name], name)
    while partials.shape[1] > 1:
        partials = _chunk_partials([partials], lambda acc, a: acc + a, LANES[name], name)
    return partials[:, 0]


def _chunk_partials(tables, step, lanes, name):
    """One value for each chunk of each row."""
    rows, n = tables[0].shape
    chunk = lanes * ROWS_IN_CHUNK
    whole = n // chunk
    parts = []
    if whole:
        acc = negative_zeros((rows, whole, lanes), name)
        views = [t[:, : whole * chunk].reshape(rows, whole, ROWS_IN_CHUNK, lanes) for t in tables]
        for j in range(ROWS_IN_CHUNK):
            acc = step(acc, *(v[:, :, j, :] for v in views))
        parts.append(_fold(acc))
    if n % chunk:
        acc = negative_zeros((rows, 1, lanes), name)
        for start in range(whole * chunk, n, lanes):
            present = min(lanes, n - start)  # a missing element takes no step
            acc[:, 0, :present] = step(acc[:, 0, :present], *(t[:, start : start + present] for t in tables))
        parts.append(_fold(acc))
    return np.concatenate(parts, axis=1)


def _fold(acc):
    s = acc.shape[-1] // 2
    while s >= 1:
        acc = acc[..., :s] + acc[..., s : 2 * s]
        s //= 2
    return acc[..., 0]
