"""attention on f32: two matrix products in their panels, softmax between them."""

import numpy as np

from .formats import canonical
from .matrix import product
from .softmax import softmax


def attention(q, k, v, mask=None, scale=None):
    """q [..,S,D], k [..,T,D], v [..,T,E], mask [S,T] or [..,S,T]; out [..,S,E]; T = 0 gives +0."""
    s = product(q, np.swapaxes(k, -1, -2)) * scale
    if mask is not None:
        s = s + mask
    return canonical(product(softmax(s), v))
