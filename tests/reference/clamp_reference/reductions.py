"""sum, dot and what is made of them, in the page's order: lanes, fold, chunk partials, the same rule again.

Nothing here calls a NumPy reduction; every addition is an elementwise one in the stated order.
"""

import numpy as np

from . import fused
from .formats import DTYPES, canonical, name_of, negative_zeros

LANES = {"f32": 128, "f64": 64}
ROWS_IN_CHUNK = 64


def by_rows(of_rows):
    """A kernel out of a function of 2-D tables that gives one value a row: of all elements (0-d), or row by row."""

    def kernel(x, y=None, rows=False):
        arrays = (x,) if y is None else (x, y)
        tables = [v if rows else v.reshape(1, -1) for v in arrays]
        out = of_rows(*tables)
        return out if rows else out.reshape(())

    return kernel


def sum_rows(table):
    """The row sums of a 2-D array; NaN bits are not yet canonical."""
    return _reduce([table], lambda acc, a: acc + a)


def dot_rows(x, y):
    """The dot products of pairs of rows."""
    return _reduce([x, y], lambda acc, a, b: fused.fma(a, b, acc))


def sum_sq_rows(table):
    """dot(x, x)."""
    return dot_rows(table, table)


def norm2_rows(table):
    """sqrt(sum_sq)."""
    return np.sqrt(sum_sq_rows(table))


def mean_rows(table):
    """sum / n; the caller refuses n = 0."""
    return sum_rows(table) / count_of(table)


def var_rows(table):
    """Population variance: d = x - mean, lane steps fma(d, d, acc), then / n; the caller refuses n = 0."""
    d = table - mean_rows(table)[:, None]
    return sum_sq_rows(d) / count_of(table)


def count_of(table):
    """The number of columns, rounded once to the dtype."""
    return table.dtype.type(table.shape[1])


def _kernel(of_rows):
    return by_rows(lambda *tables: canonical(of_rows(*tables)))


sum_, dot, sum_sq = _kernel(sum_rows), _kernel(dot_rows), _kernel(sum_sq_rows)
norm2, mean, var = _kernel(norm2_rows), _kernel(mean_rows), _kernel(var_rows)


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
