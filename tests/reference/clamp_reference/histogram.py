"""histogram: counts in half-open bins, the last one closed, then below, above, NaN."""

import numpy as np


def histogram(x, edges):
    """i64[bins+3]; the caller refuses edges that are not finite and strictly ascending."""
    bins = edges.size - 1
    values = x.reshape(-1)
    nan = np.isnan(values)
    # The number of edges <= value, by IEEE comparison (so -0 is in a bin that begins at +0).
    place = np.searchsorted(edges, values, side="right") - 1
    place = np.where(values == edges[-1], bins - 1, place)
    place = np.where(values < edges[0], bins, place)
    place = np.where(values > edges[-1], bins + 1, place)
    place = np.where(nan, bins + 2, place)
    return np.bincount(place, minlength=bins + 3).astype("<i8")
