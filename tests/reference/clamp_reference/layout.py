"""transpose and concat: exact moves."""

import numpy as np

from .formats import bits


def transpose(x):
    """The last two extents exchanged."""
    return np.ascontiguousarray(np.swapaxes(bits(x), -1, -2)).view(x.dtype)


def concat(axis=0, **inputs):
    """The inputs that are present, in the order of their names, joined along an axis."""
    ordered = [inputs[name] for name in sorted(inputs)]
    return np.concatenate([bits(v) for v in ordered], axis=axis).view(ordered[0].dtype)
