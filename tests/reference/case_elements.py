"""Cases of the elementwise kernels, casts and functions of one variable."""

import itertools

import numpy as np

import case_data as data
from case_functions import FUNCTIONS, function_source, known_inputs
from case_rows import ANY_THREADS, SOME_THREADS
from clamp_reference import KERNELS
from clamp_reference.formats import DTYPES, bits, from_bits

CLAMP_BOUNDS = [
    ("-1", "1"),
    ("1.000000059604644776", "0x1.8p1"),  # rounds differently by way of f64
    ("-0.0", "0"),
    ("-3e-39", "1e-45"),
    ("2.5", "2.5"),
    ("-1e30", "0x1p-126"),
    ("-0x1.8p-3", "0.1"),
]


def plan_elementwise(kernel_id, op, dtype, counts):
    names = KERNELS[kernel_id].inputs
    bounds = itertools.cycle(CLAMP_BOUNDS if op == "clamp" else [None])

    def params():
        pair = next(bounds)
        return {} if pair is None else {"lo": pair[0], "hi": pair[1]}

    for n in counts:
        threads = SOME_THREADS if n == max(counts) else ANY_THREADS
        yield lambda rng, case, n=n, t=threads, p=params(): case(
            f"mixed n={n}", _elementwise_inputs(rng, n, op, names), p, t
        )
    payload = {"f32": 0x7F812345, "f64": 0x7FF0000012345678}.get(dtype)
    if payload is not None:
        yield lambda rng, case, p=params(): case(
            "one signalling NaN", {k: np.array([1], "u1") if t == "u8" else from_bits([payload], t)
                                   for k, t in names.items()}, p
        )  # fmt: skip
    for _ in CLAMP_BOUNDS if op == "clamp" else [None]:
        yield lambda rng, case, p=params(): case("all specials", special_inputs(op, names), p)
    if op == "compare_lt" or op in ("add", "fma", "select"):
        yield lambda rng, case: case("shapes differ", _uneven_inputs(names), refuse=True)
    if op in ("neg", "add"):
        yield lambda rng, case: case("0-d", {k: np.array(1.5, DTYPES[t]) for k, t in names.items()})
        wrong = "f64" if dtype == "f32" else "f32"
        yield lambda rng, case: case("wrong dtype", {k: np.ones(3, DTYPES[wrong]) for k in names}, refuse=True)
    if op == "clamp":
        for lo, hi in (("1", "-1"), ("nan", "1"), ("-1", "nan")):
            yield lambda rng, case, lo=lo, hi=hi: case(
                f"lo={lo} hi={hi}", {"x": np.ones(3, DTYPES[dtype])}, {"lo": lo, "hi": hi}, refuse=True
            )


def _elementwise_inputs(rng, n, op, names):
    if op.startswith("cast_"):
        return {"x": data.cast_source(rng, n, names["x"], op.removeprefix("cast_"))}
    if op in FUNCTIONS and names["x"] == "f32":
        return {"x": function_source(rng, n, op)}
    if op == "fma":
        return dict(zip("xyz", data.fma_source(rng, n, names["x"])))
    inputs = {}
    for name, dtype in names.items():
        if dtype == "u8":
            inputs[name] = rng.choice(np.array([0, 0, 1, 2, 128, 255], np.uint8), n)
        else:
            like = inputs.get("x") if name == "y" and names["x"] == dtype else None
            inputs[name] = data.mixed(rng, n, dtype, like)
    return inputs


def special_inputs(op, names):
    """The product of special values over all inputs, as an array of that many dimensions."""
    axes = []
    for dtype in names.values():
        if dtype == "u8":
            axes.append(np.array([0, 1, 2, 127, 128, 255], np.uint8))
        else:
            axes.append(data.few_specials(dtype) if len(names) == 3 else data.specials(dtype))
    if op in FUNCTIONS and names["x"] == "f32":
        axes = [np.concatenate([axes[0], known_inputs(op)])]
    shape = tuple(a.size for a in axes)
    out = {}
    for i, (name, axis) in enumerate(zip(names, axes)):
        view = bits(axis).reshape([-1 if j == i else 1 for j in range(len(axes))])
        out[name] = np.ascontiguousarray(np.broadcast_to(view, shape)).view(axis.dtype)
    return out


def _uneven_inputs(names):
    return {k: np.ones(4 if i == 0 else 3, DTYPES[t]) for i, (k, t) in enumerate(names.items())}
