"""Matrix product. Floats: panels of 1024 k, fma in a panel, one add a panel, then the bias. i8: exact in i32."""

import numpy as np

from . import fused
from .formats import DTYPES, canonical, name_of, negative_zeros

PANEL = 1024
DEEPEST_I8 = 131071


def matmul(a, b, bias=None, transpose_a=False, transpose_b=False):
    """a (M,K) or (batch,M,K), b (K,N) or (batch,K,N) or shared (K,N); bias (N)."""
    a = np.swapaxes(a, -1, -2) if transpose_a else a
    b = np.swapaxes(b, -1, -2) if transpose_b else b
    c = product(a, b)
    if bias is not None:
        c = c + bias
    return canonical(c)


def matmul_i8(a, b, bias=None, transpose_a=False, transpose_b=False):
    """i8 times i8 into i32; the sum with the i32 bias saturates, as casts between integers do."""
    a = np.swapaxes(a, -1, -2) if transpose_a else a
    b = np.swapaxes(b, -1, -2) if transpose_b else b
    c = np.matmul(a.astype(np.int64), b.astype(np.int64))
    if bias is not None:
        c = c + bias.astype(np.int64)
    limits = np.iinfo(np.int32)
    return np.clip(c, limits.min, limits.max).astype("<i4")


def product(a, b):
    """a (..., M, K) times b (..., K, N) of one float dtype; NaN bits are not yet canonical."""
    k_count = a.shape[-1]
    name = name_of(a)
    shape = np.broadcast_shapes(a.shape[:-2], b.shape[:-2]) + (a.shape[-2], b.shape[-1])
    if k_count == 0:
        return np.zeros(shape, DTYPES[name])
    c = None
    for start in range(0, k_count, PANEL):
        acc = negative_zeros(shape, name)
        for k in range(start, min(start + PANEL, k_count)):
            acc = fused.fma(a[..., :, k, None], b[..., None, k, :], acc)
        c = acc if c is None else c + acc
    return c
