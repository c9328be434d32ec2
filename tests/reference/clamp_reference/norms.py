"""layernorm and rmsnorm on f32; rows are the last axis and never see each other."""

import numpy as np

from . import fused
from .formats import canonical
from .reductions import count_of, mean_rows, sum_sq_rows, var_rows


def layernorm(x, gamma=None, beta=None, eps=None):
    """m = mean, v = var, r = sqrt(v + eps); (x-m)/r, then * gamma, + beta, or one fma where both are given."""
    if x.size == 0:
        return np.empty_like(x)
    table = x.reshape(-1, x.shape[-1])
    m = mean_rows(table)
    r = np.sqrt(var_rows(table) + eps)
    y = (table - m[:, None]) / r[:, None]
    if gamma is not None and beta is not None:
        y = fused.fma(y, gamma, beta)
    elif gamma is not None:
        y = y * gamma
    elif beta is not None:
        y = y + beta
    return canonical(y).reshape(x.shape)


def rmsnorm(x, gamma=None, eps=None):
    """r = sqrt(sum_sq/n + eps); y = (x / r) * gamma."""
    if x.size == 0:
        return np.empty_like(x)
    table = x.reshape(-1, x.shape[-1])
    r = np.sqrt(sum_sq_rows(table) / count_of(table) + eps)
    y = table / r[:, None]
    if gamma is not None:
        y = y * gamma
    return canonical(y).reshape(x.shape)
