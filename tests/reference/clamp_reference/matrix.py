"""Matrix product on f32: panels of 1024 k, fma in a panel, one add a panel, then the bias."""

import numpy as np

from . import fused
from .formats import DTYPES, canonical, name_of, negative_zeros

PANEL = 1024


def matmul(a, b, bias=None, transpose_a=False, transpose_b=False):
    """a (M,K) or (batch,M,K), b (K,N) or (batch,K,N) or shared (K,N); bias (N)."""
    a = np.swapaxes(a, -1, -2) if transpose_a else a
    b = np.swapaxes(b, -1, -2) if transpose_b else b
    c = _product(a, b)
    if bias is not None:
        c = c + bias
    return canonical(c)


def _product(a, b):
    k_count = a.shape[-1]
    name = name_of(a)
    shape = a.shape[:-1] + b.shape[-1:]
    if k_count == 0:
        return np.zeros(shape, DTYPES[name])
    c = None
    for start in range(0, k_count, PANEL):
        acc = negative_zeros(shape, name)
        for k in range(start, min(start + PANEL, k_count)):
            acc = fused.fma(a[..., :, k, None], b[..., None, k, :], acc)
        c = acc if c is None else c + acc
    return c
