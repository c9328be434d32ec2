"""Every kernel id with its inputs, parameters, outputs and function.

Computes nothing itself; what the page calls an error is in `checks`.
"""

from . import (attention, casts, checks, elementwise, exact_sums, extremes, functions, gather, histogram, layout,
               map_expression, matrix, mirror, normal, norms, philox, reductions, scan, softmax, sort)  # fmt: skip
from .exact import parse_number
from .formats import FLOATS, NUMBERS
from .kernel import OUTPUT, Kernel, run_kernel

_JOINED = tuple(f"x{i}" for i in range(8))


def run_all(kernel_id, inputs, params=None):
    """The outputs of a kernel by name; `params` maps names to the texts of the command line."""
    return run_kernel(KERNELS[kernel_id], inputs, params or {})


def run(kernel_id, inputs, params=None):
    """The array of a kernel with one output."""
    return run_all(kernel_id, inputs, params)[OUTPUT]


def _boolean(text):
    return {"true": True, "false": False}[text]


def _number(name):
    return lambda text: parse_number(text, name)


def _one(kernel_id, inputs, output, function, **rest):
    return Kernel(kernel_id, inputs, {OUTPUT: output}, function, **rest)


def _elementwise(name):
    one, two, three = ({n: name for n in names} for names in ("x", "xy", "xyz"))
    functions_of = {
        1: [("copy", elementwise.copy), ("neg", elementwise.neg), ("abs", elementwise.abs_),
            ("sqrt", elementwise.sqrt), ("rsqrt", elementwise.rsqrt), ("relu", elementwise.relu)],
        2: [("add", elementwise.add), ("sub", elementwise.sub), ("mul", elementwise.mul),
            ("div", elementwise.div), ("min", elementwise.min_), ("max", elementwise.max_)],
        3: [("fma", elementwise.fma)],
    }  # fmt: skip
    for count, entries in functions_of.items():
        for op, function in entries:
            inputs = {1: one, 2: two, 3: three}[count]
            yield _one(f"{op}.{name}.v1", inputs, name, function, check=checks.same_shape)
    bounds = {"lo": _number(name), "hi": _number(name)}
    yield _one(f"clamp.{name}.v1", one, name, elementwise.clamp, params=bounds, check=checks.clamp_bounds)
    chosen = {"x": "u8", "y": name, "z": name}
    yield _one(f"select.{name}.v1", chosen, name, elementwise.select, check=checks.same_shape)
    for op, relation in elementwise.COMPARISONS.items():
        compare = elementwise.compare(relation)
        yield _one(f"compare_{op}.{name}.v1", two, "u8", compare, check=checks.same_shape)


def _reductions(name):
    one, two, rows = {"x": name}, {"x": name, "y": name}, {"rows": _boolean}
    of_nothing_zero = [
        ("sum", one, reductions.sum_), ("dot", two, reductions.dot), ("sum_sq", one, reductions.sum_sq),
        ("norm2", one, reductions.norm2), ("sum_exact", one, exact_sums.sum_exact),
        ("dot_exact", two, exact_sums.dot_exact),
    ]  # fmt: skip
    for op, inputs, function in of_nothing_zero:
        yield _one(f"{op}.{name}.v1", inputs, name, function, params=rows, check=checks.rows_shape)
    of_nothing_refused = [
        ("mean", name, reductions.mean), ("var", name, reductions.var), ("reduce_min", name, extremes.reduce_min),
        ("reduce_max", name, extremes.reduce_max), ("argmin", "i64", extremes.argmin),
        ("argmax", "i64", extremes.argmax),
    ]  # fmt: skip
    for op, output, function in of_nothing_refused:
        yield _one(f"{op}.{name}.v1", one, output, function, params=rows, check=checks.rows_not_empty)


def _orders(name):
    """scan, sort, histogram and map."""
    one = {"x": name}
    yield _one(f"scan.{name}.v1", one, name, scan.scan, check=checks.one_dimension)
    yield _one(f"sort.{name}.v1", one, name, sort.sort, check=checks.one_dimension)
    yield _one(f"argsort.{name}.v1", one, "i64", sort.argsort, check=checks.one_dimension)
    yield _one(f"histogram.{name}.v1", {"x": name, "edges": name}, "i64", histogram.histogram,
               check=checks.edges_ascend)  # fmt: skip
    scalars = {f"c{i}": _number(name) for i in range(8)}
    yield _one(f"map.{name}.v1", dict.fromkeys(_JOINED, name), name, map_expression.map_kernel(name),
               params={"expr": str} | scalars, optional=frozenset(_JOINED),
               check=checks.map_arguments(name))  # fmt: skip


def _moves(name):
    rows = {"table": name, "ids": "i64"}
    yield _one(f"gather_rows.{name}.v1", rows, name, gather.gather_rows, check=checks.ids_in_range)
    yield _one(f"scatter_rows.{name}.v1", rows | {"x": name}, name, gather.scatter_rows, check=checks.scatter_shapes)
    yield _one(f"transpose.{name}.v1", {"x": name}, name, layout.transpose, check=checks.two_dimensions)
    yield _one(f"concat.{name}.v1", dict.fromkeys(_JOINED, name), name, layout.concat, params={"axis": int},
               optional=frozenset(_JOINED[1:]), check=checks.concat_shapes)  # fmt: skip


def _matrices():
    transposes = {"transpose_a": _boolean, "transpose_b": _boolean}
    for name, sum_name, function in (("f32", "f32", matrix.matmul), ("f64", "f64", matrix.matmul),
                                     ("i8", "i32", matrix.matmul_i8)):  # fmt: skip
        yield _one(f"matmul.{name}.v1", {"a": name, "b": name, "bias": sum_name}, sum_name, function,
                   params=transposes, optional=frozenset({"bias"}), check=checks.matmul_shapes)  # fmt: skip


def _rows():
    yield _one("softmax.f32.v1", {"x": "f32"}, "f32", softmax.softmax)
    eps, affine = {"eps": _number("f32")}, {"x": "f32", "gamma": "f32", "beta": "f32"}
    yield _one("layernorm.f32.v1", affine, "f32", norms.layernorm, params=eps,
               optional=frozenset({"gamma", "beta"}), check=checks.norm_shapes)  # fmt: skip
    yield _one("rmsnorm.f32.v1", {"x": "f32", "gamma": "f32"}, "f32", norms.rmsnorm, params=eps,
               optional=frozenset({"gamma"}), check=checks.norm_shapes)  # fmt: skip
    yield _one("attention.f32.v1", dict.fromkeys(("q", "k", "v", "mask"), "f32"), "f32", attention.attention,
               params={"scale": _number("f32")}, optional=frozenset({"mask"}),
               check=checks.attention_shapes)  # fmt: skip


def _random():
    params = {"n": int, "seed": int, "stream": int}
    for kernel_id, output, function in (("philox.u32.v1", "u32", philox.philox_u32),
                                        ("philox_uniform.f32.v1", "f32", philox.uniform_f32),
                                        ("philox_uniform.f64.v1", "f64", philox.uniform_f64),
                                        ("philox_normal.f32.v1", "f32", normal.normal_f32)):  # fmt: skip
        yield _one(kernel_id, {}, output, function, params=params, check=checks.required("n", "seed"))


def _all_kernels():
    for name in FLOATS:
        yield from _elementwise(name)
        yield from _reductions(name)
        yield from _orders(name)
    for target in NUMBERS:
        for source in NUMBERS:
            if target != source:
                yield _one(f"cast_{target}.{source}.v1", {"x": source}, target,
                           lambda x, target=target: casts.cast(x, target))  # fmt: skip
    for name in NUMBERS:
        yield from _moves(name)
    for op, function in functions.FUNCTIONS.items():
        yield _one(f"{op}.f32.v1", {"x": "f32"}, "f32", function)
    yield from _matrices()
    yield from _rows()
    yield from _random()
    yield Kernel("mirror.u64.v1", {"seeds": "u64", "states": "u32"},
                 {"seeds_out": "u64", "states_out": "u32", "words": "u32"}, mirror.mirror,
                 check=checks.seeds_not_zero)  # fmt: skip


KERNELS = {kernel.id: kernel for kernel in _all_kernels()}
