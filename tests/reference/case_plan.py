"""The cases of every kernel: which inputs, parameters and thread counts the check runs.

`plan(kernel_id, sizes)` yields cases one at a time, since some are large. Inputs depend only on the
kernel id and the case, never on the order of running.
"""

import itertools
import zlib
from dataclasses import dataclass, field

import numpy as np

import case_data as data
from case_rows import plan_gather, plan_matmul, plan_reduction, plan_softmax
from clamp_reference import KERNELS
from clamp_reference.formats import DTYPES, bits, from_bits

SIZES = {
    "quick": [0, 1, 129, 8193],
    "full": [0, 1, 127, 128, 129, 8191, 8192, 8193, 1000003],
}
ANY_THREADS = (None,)
SOME_THREADS = (1, 2, 4)

_CLAMP_BOUNDS = [
    ("-1", "1"),
    ("1.000000059604644776", "0x1.8p1"),  # rounds differently by way of f64
    ("-0.0", "0"),
    ("-3e-39", "1e-45"),
    ("2.5", "2.5"),
    ("-1e30", "0x1p-126"),
    ("-0x1.8p-3", "0.1"),
]
_SEEDS = ["0", "1", "18446744073709551615", "81985529216486895", "1311768467750121216", "4294967296"]
_STREAMS = [None, "0", "1", "4294967296", "18446744073709551615"]


@dataclass
class Case:
    """One call of a kernel; `refuse` marks a call the page calls an error."""

    label: str
    inputs: dict
    params: dict = field(default_factory=dict)
    threads: tuple = ANY_THREADS
    refuse: bool = False


def plan(kernel_id, sizes):
    """The cases of a kernel; `sizes` is quick or full."""
    op, dtype, _ = kernel_id.split(".")
    counts = SIZES[sizes]
    if op in ("sum", "dot"):
        source = plan_reduction(op, dtype, counts)
    elif op == "softmax":
        source = plan_softmax(counts)
    elif op == "matmul":
        source = plan_matmul(sizes)
    elif op == "gather_rows":
        source = plan_gather(dtype, counts)
    elif op.startswith("philox"):
        source = _plan_random(counts)
    else:
        source = _plan_elementwise(kernel_id, op, dtype, counts)
    for index, make in enumerate(source):
        yield make(np.random.default_rng([zlib.crc32(kernel_id.encode()), index]), Case)


def _plan_random(counts):
    for i, n in enumerate(counts):
        params = {"n": str(n), "seed": _SEEDS[i % len(_SEEDS)], "stream": _STREAMS[i % len(_STREAMS)]}
        params = {k: v for k, v in params.items() if v is not None}
        threads = SOME_THREADS if n == max(counts) else ANY_THREADS
        yield lambda rng, case, p=params, t=threads: case(f"n={p['n']} seed={p['seed']}", {}, p, t)
    for n, seed, stream in (("2", "5", "7"), ("3", "5", "7"), ("4", "5", "7"), ("5", "1311768470932016879", None)):
        params = {"n": n, "seed": seed} | ({"stream": stream} if stream else {})
        yield lambda rng, case, p=params: case(f"n={p['n']} seed={p['seed']}", {}, p)


def _plan_elementwise(kernel_id, op, dtype, counts):
    names = KERNELS[kernel_id].inputs
    bounds = itertools.cycle(_CLAMP_BOUNDS if op == "clamp" else [None])

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
    for _ in _CLAMP_BOUNDS if op == "clamp" else [None]:
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
    if op in data.HARD and names["x"] == "f32":
        return {"x": data.function_source(rng, n, op)}
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
    if op in data.HARD and names["x"] == "f32":
        edges = data.EXP_EDGES if op == "exp" else []
        axes = [np.concatenate([axes[0], from_bits(data.HARD[op] + edges, "f32")])]
    shape = tuple(a.size for a in axes)
    out = {}
    for i, (name, axis) in enumerate(zip(names, axes)):
        view = bits(axis).reshape([-1 if j == i else 1 for j in range(len(axes))])
        out[name] = np.ascontiguousarray(np.broadcast_to(view, shape)).view(axis.dtype)
    return out


def _uneven_inputs(names):
    return {k: np.ones(4 if i == 0 else 3, DTYPES[t]) for i, (k, t) in enumerate(names.items())}
