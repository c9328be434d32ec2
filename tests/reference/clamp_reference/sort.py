"""sort and argsort: stable, ascending, -Inf < ... < -0 < +0 < ... < +Inf < NaN."""

import numpy as np

from .formats import canonical, order_key


def argsort(x):
    """The positions of a 1-D array in sorted order."""
    # Every NaN equals every other, so they stay in their first order.
    return np.lexsort((order_key(canonical(x)), np.isnan(x))).astype("<i8")


def sort(x):
    """The sorted values, NaNs canonical."""
    return canonical(x)[argsort(x)]
