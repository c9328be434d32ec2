"""What the page calls an error, checked on a call's inputs and parameters before anything is computed."""

import numpy as np

from .kernel import Refused
from .map_expression import Parser, SyntaxFault
from .matrix import DEEPEST_I8


def same_shape(inputs, _params):
    if len({v.shape for v in inputs.values()}) > 1:
        raise Refused("shapes differ")


def rows_shape(inputs, params):
    same_shape(inputs, params)
    if params.get("rows") and any(v.ndim != 2 for v in inputs.values()):
        raise Refused("rows needs a 2-D array")


def rows_not_empty(inputs, params):
    """Nothing to reduce: no element at all, or rows without elements."""
    rows_shape(inputs, params)
    x = inputs["x"]
    if (x.shape[1] if params.get("rows") else x.size) == 0:
        raise Refused("x is empty")


def one_dimension(inputs, _params):
    if inputs["x"].ndim != 1:
        raise Refused("x is not 1-D")


def required(*names):
    """Parameters that have no default."""

    def check(_inputs, params):
        for name in names:
            if name not in params:
                raise Refused(f"{name} is missing")

    return check


def clamp_bounds(inputs, params):
    required("lo", "hi")(inputs, params)
    lo, hi = params["lo"], params["hi"]
    if np.isnan(lo) or np.isnan(hi) or lo > hi:
        raise Refused("lo and hi")


def matmul_shapes(inputs, params):
    a, b, bias = inputs["a"], inputs["b"], inputs.get("bias")
    if a.ndim not in (2, 3) or b.ndim not in (2, a.ndim):
        raise Refused("a and b: 2-D, both 3-D, or 3-D and a shared 2-D b")
    if b.ndim == 3 and a.shape[0] != b.shape[0]:
        raise Refused("a and b: batches differ")
    inner_a = a.shape[-2] if params.get("transpose_a") else a.shape[-1]
    inner_b, n = b.shape[-2:][::-1] if params.get("transpose_b") else b.shape[-2:]
    if inner_a != inner_b:
        raise Refused("a and b: inner sizes differ")
    if bias is not None and bias.shape != (n,):
        raise Refused("bias is not (N)")
    if a.dtype == np.int8 and inner_a > DEEPEST_I8:
        raise Refused(f"a: K is above {DEEPEST_I8}")


def norm_shapes(inputs, params):
    required("eps")(inputs, params)
    x = inputs["x"]
    if x.ndim == 0:
        raise Refused("x has no rows")
    for name in ("gamma", "beta"):
        if name in inputs and inputs[name].shape != x.shape[-1:]:
            raise Refused(f"{name} is not as long as a row")


def attention_shapes(inputs, params):
    required("scale")(inputs, params)
    q, k, v, mask = (inputs.get(name) for name in ("q", "k", "v", "mask"))
    if min(q.ndim, k.ndim, v.ndim) < 2 or not q.shape[:-2] == k.shape[:-2] == v.shape[:-2]:
        raise Refused("q, k and v: leading extents")
    if q.shape[-1] != k.shape[-1] or k.shape[-2] != v.shape[-2]:
        raise Refused("q, k and v: inner sizes")
    each = (q.shape[-2], k.shape[-2])
    if mask is not None and mask.shape not in (each, q.shape[:-2] + each):
        raise Refused("mask")


def edges_ascend(inputs, _params):
    edges = inputs["edges"]
    if edges.ndim != 1 or edges.size < 2:
        raise Refused("edges are not 1-D or fewer than 2")
    if not np.isfinite(edges).all() or not (edges[1:] > edges[:-1]).all():
        raise Refused("edges are not finite and strictly ascending")


def ids_in_range(inputs, _params):
    table, ids = inputs["table"], inputs["ids"]
    if table.ndim < 2 or ids.ndim != 1:
        raise Refused("table or ids")
    if ((ids < 0) | (ids >= table.shape[0])).any():
        raise Refused("ids out of range")


def scatter_shapes(inputs, params):
    table, ids, x = inputs["table"], inputs["ids"], inputs["x"]
    if x.shape != ids.shape + table.shape[1:]:
        raise Refused("x is not one row of the table for each id")
    ids_in_range(inputs, params)


def two_dimensions(inputs, _params):
    if inputs["x"].ndim < 2:
        raise Refused("x has fewer than 2 dimensions")


def concat_shapes(inputs, params):
    axis, first = params.get("axis", 0), inputs["x0"]
    if not 0 <= axis < first.ndim:
        raise Refused("axis")
    for array in inputs.values():
        if array.ndim != first.ndim or any(
            a != b for i, (a, b) in enumerate(zip(array.shape, first.shape)) if i != axis
        ):
            raise Refused("extents differ off the axis")


def map_arguments(name):
    """The expression itself, and the arguments against the names it uses."""

    def check(inputs, params):
        required("expr")(inputs, params)
        try:
            parsed = Parser(params["expr"], name)
        except SyntaxFault as fault:
            raise Refused(str(fault)) from fault
        if parsed.inputs != set(inputs):
            raise Refused(f"the expression uses {sorted(parsed.inputs)}, given are {sorted(inputs)}")
        if parsed.scalars != set(params) - {"expr"}:
            raise Refused(f"the expression uses {sorted(parsed.scalars)}, given are {sorted(params)}")
        same_shape(inputs, params)

    return check


def seeds_not_zero(inputs, _params):
    seeds, states = inputs["seeds"], inputs["states"]
    if seeds.ndim != 1 or seeds.shape != states.shape:
        raise Refused("seeds and states: 1-D, of one length")
    if (seeds == 0).any():
        raise Refused("a zero seed")
