"""reduce_min, reduce_max, argmin, argmax: exact, -0 < +0, equal values by the lowest index, NaN wins by its first."""

import numpy as np

from . import elementwise
from .formats import order_key
from .reductions import by_rows


def row_extreme(table, pick):
    """min or max along each row; both are associative, so halving is as good as any order."""
    while table.shape[1] > 1:
        half = table.shape[1] // 2
        joined = pick(table[:, :half], table[:, half : 2 * half])
        table = np.concatenate([joined, table[:, 2 * half :]], axis=1)
    return pick(table[:, 0], table[:, 0])  # of a single element too: a NaN becomes canonical


def _first(table, wins):
    """The index in each row of the first NaN, else of the first element that wins over all others."""
    found = []
    for row in table:
        nan = np.flatnonzero(np.isnan(row))
        key = order_key(row)
        found.append(int(nan[0]) if nan.size else int(np.flatnonzero(key == wins(key))[0]))
    return np.array(found, "<i8")


reduce_min = by_rows(lambda table: row_extreme(table, elementwise.min_))
reduce_max = by_rows(lambda table: row_extreme(table, elementwise.max_))
argmin = by_rows(lambda table: _first(table, np.min))
argmax = by_rows(lambda table: _first(table, np.max))
