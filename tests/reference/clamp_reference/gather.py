"""gather_rows and scatter_rows: exact moves of rows; the caller refuses an id out of range."""

import numpy as np

from .formats import bits


def gather_rows(table, ids):
    """table (R, ...), ids (n) i64; the output is (n, ...)."""
    return np.take(bits(table), ids, axis=0).view(table.dtype).reshape(ids.shape + table.shape[1:])


def scatter_rows(table, ids, x):
    """The table with row ids[i] replaced by x[i]; of a repeated id the highest i wins."""
    out = bits(table).copy()
    for i, row in enumerate(ids.tolist()):
        out[row] = bits(x)[i]
    return out.view(table.dtype)
