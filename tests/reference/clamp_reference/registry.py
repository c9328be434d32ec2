"""Every kernel id with its inputs, parameters, output dtype and function.

Checks shapes and values the page calls errors (`Refused`); computes nothing itself.
"""

from dataclasses import dataclass, field
from typing import Callable

import numpy as np

from . import casts, elementwise, functions, gather, matrix, philox, reductions, softmax
from .exact import parse_number
from .formats import DTYPES, FLOATS, name_of

OUTPUT = "out"


class Refused(ValueError):
    """The page calls this an error; the host has to refuse it."""


@dataclass(frozen=True)
class Kernel:
    """Inputs as name -> dtype, optional inputs by name, parameters as name -> parser."""

    id: str
    inputs: dict
    output: str
    function: Callable
    params: dict = field(default_factory=dict)
    optional: frozenset = frozenset()
    check: Callable = lambda inputs, params: None


def run(kernel_id, inputs, params=None):
    """The output array of a kernel; `params` maps names to the texts of the command line."""
    kernel = KERNELS[kernel_id]
    params = params or {}
    for name, dtype in kernel.inputs.items():
        if name not in inputs and name not in kernel.optional:
            raise Refused(f"{name} is missing")
        if name in inputs and name_of(inputs[name]) != dtype:
            raise Refused(f"{name} is {name_of(inputs[name])}, not {dtype}")
    for name in (*inputs, *params):
        if name not in kernel.inputs and name not in kernel.params:
            raise Refused(f"{kernel_id} has no {name}")
    values = {name: kernel.params[name](text) for name, text in params.items()}
    kernel.check(inputs, values)
    with np.errstate(all="ignore"):
        out = kernel.function(**inputs, **values)
    out = np.asarray(out)
    if name_of(out) != kernel.output:
        raise AssertionError(f"{kernel_id} computed {out.dtype}")
    return out


def _boolean(text):
    return {"true": True, "false": False}[text]


def _same_shape(inputs, _params):
    shapes = {v.shape for v in inputs.values()}
    if len(shapes) > 1:
        raise Refused("shapes differ")


def _rows_shape(inputs, params):
    _same_shape(inputs, params)
    if params.get("rows") and any(v.ndim != 2 for v in inputs.values()):
        raise Refused("rows needs a 2-D array")


def _clamp_bounds(_inputs, params):
    lo, hi = params.get("lo"), params.get("hi")
    if lo is None or hi is None or np.isnan(lo) or np.isnan(hi) or lo > hi:
        raise Refused("lo and hi")


def _matmul_shapes(inputs, params):
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


def _ids_in_range(inputs, _params):
    table, ids = inputs["table"], inputs["ids"]
    if ((ids < 0) | (ids >= table.shape[0])).any():
        raise Refused("ids out of range")


def _elementwise_kernels(name):
    one, two, three = ({n: name for n in names} for names in ("x", "xy", "xyz"))
    number = lambda text: parse_number(text, name)  # noqa: E731
    functions_of = {
        1: [("copy", elementwise.copy), ("neg", elementwise.neg), ("abs", elementwise.abs_),
            ("sqrt", elementwise.sqrt), ("rsqrt", elementwise.rsqrt), ("relu", elementwise.relu)],
        2: [("add", elementwise.add), ("sub", elementwise.sub), ("mul", elementwise.mul),
            ("div", elementwise.div), ("min", elementwise.min_), ("max", elementwise.max_)],
        3: [("fma", elementwise.fma)],
    }  # fmt: skip
    for count, entries in functions_of.items():
        for op, function in entries:
            yield Kernel(f"{op}.{name}.v1", {1: one, 2: two, 3: three}[count], name, function, check=_same_shape)
    bounds = {"lo": number, "hi": number}
    yield Kernel(f"clamp.{name}.v1", one, name, elementwise.clamp, bounds, check=_clamp_bounds)
    yield Kernel(f"select.{name}.v1", {"x": "u8", "y": name, "z": name}, name, elementwise.select, check=_same_shape)
    for op, relation in elementwise.COMPARISONS.items():
        yield Kernel(f"compare_{op}.{name}.v1", two, "u8", elementwise.compare(relation), check=_same_shape)
    rows = {"rows": _boolean}
    yield Kernel(f"sum.{name}.v1", one, name, reductions.sum_, rows, check=_rows_shape)
    yield Kernel(f"dot.{name}.v1", two, name, reductions.dot, rows, check=_rows_shape)


def _cast_kernel(target, source):
    return Kernel(f"cast_{target}.{source}.v1", {"x": source}, target, lambda x: casts.cast(x, target))


def _all_kernels():
    for name in FLOATS:
        yield from _elementwise_kernels(name)
    numbers = [name for name in DTYPES if name != "u8"]
    for target in numbers:
        for source in numbers:
            if target != source:
                yield _cast_kernel(target, source)
    for name in numbers:
        yield Kernel(f"gather_rows.{name}.v1", {"table": name, "ids": "i64"}, name, gather.gather_rows,
                     check=_ids_in_range)  # fmt: skip
    yield Kernel("exp.f32.v1", {"x": "f32"}, "f32", functions.exp)
    yield Kernel("log.f32.v1", {"x": "f32"}, "f32", functions.log)
    yield Kernel("softmax.f32.v1", {"x": "f32"}, "f32", softmax.softmax)
    yield Kernel("matmul.f32.v1", {"a": "f32", "b": "f32", "bias": "f32"}, "f32", matrix.matmul,
                 {"transpose_a": _boolean, "transpose_b": _boolean}, frozenset({"bias"}), _matmul_shapes)  # fmt: skip
    random = {"n": int, "seed": int, "stream": int}
    yield Kernel("philox.u32.v1", {}, "u32", philox.philox_u32, random)
    yield Kernel("philox_uniform.f32.v1", {}, "f32", philox.uniform_f32, random)
    yield Kernel("philox_uniform.f64.v1", {}, "f64", philox.uniform_f64, random)


KERNELS = {kernel.id: kernel for kernel in _all_kernels()}
