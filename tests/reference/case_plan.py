"""The cases of every kernel: which inputs, parameters and thread counts the check runs.

`plan(kernel_id, sizes)` yields cases one at a time, since some are large. Inputs depend only on the
kernel id and the case, never on the order of running. What the cases are is in `case_*.py`, one file a kind of kernel.
"""

import zlib
from dataclasses import dataclass, field

import numpy as np

from case_elements import plan_elementwise
from case_map import plan_map
from case_matrix import plan_matmul
from case_moves import plan_concat, plan_gather, plan_scatter, plan_transpose
from case_norms import plan_attention, plan_norm, plan_softmax
from case_orders import plan_histogram, plan_mirror, plan_scan, plan_sort
from case_random import plan_random
from case_rows import ANY_THREADS, REDUCTIONS, plan_reduction

SIZES = {
    "quick": [0, 1, 129, 8193],
    "full": [0, 1, 127, 128, 129, 8191, 8192, 8193, 1000003],
}


@dataclass
class Case:
    """One call of a kernel; `refuse` marks a call the page calls an error."""

    label: str
    inputs: dict
    params: dict = field(default_factory=dict)
    threads: tuple = ANY_THREADS
    refuse: bool = False


_BY_COUNTS = {
    "gather_rows": plan_gather,
    "scatter_rows": plan_scatter,
    "histogram": plan_histogram,
    "map": plan_map,
}
_BY_SIZES = {
    "matmul": plan_matmul,
    "transpose": plan_transpose,
    "concat": plan_concat,
    "scan": plan_scan,
    "sort": plan_sort,
    "argsort": plan_sort,
}
_OF_F32 = {
    "softmax": lambda counts, sizes: plan_softmax(counts),
    "layernorm": lambda counts, sizes: plan_norm("layernorm", counts),
    "rmsnorm": lambda counts, sizes: plan_norm("rmsnorm", counts),
    "attention": lambda counts, sizes: plan_attention(sizes),
    "mirror": lambda counts, sizes: plan_mirror(counts),
}


def plan(kernel_id, sizes):
    """The cases of a kernel; `sizes` is quick or full."""
    for index, make in enumerate(_source(kernel_id, sizes)):
        yield make(np.random.default_rng([zlib.crc32(kernel_id.encode()), index]), Case)


def _source(kernel_id, sizes):
    op, dtype, _ = kernel_id.split(".")
    counts = SIZES[sizes]
    if op in REDUCTIONS:
        return plan_reduction(op, dtype, counts)
    if op in _BY_COUNTS:
        return _BY_COUNTS[op](dtype, counts)
    if op in _BY_SIZES:
        return _BY_SIZES[op](dtype, sizes)
    if op in _OF_F32:
        return _OF_F32[op](counts, sizes)
    if op.startswith("philox"):
        return plan_random(counts)
    return plan_elementwise(kernel_id, op, dtype, counts)
