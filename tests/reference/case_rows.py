"""Cases of the reductions, and the kinds of rows that other kernels with an inner order are tried on too.

Each plan yields functions of a seeded generator and the case class. Kinds of data that would drown
each other in one result (an infinity, a NaN) are kept in rows of their own.
"""

import numpy as np

import case_data as data
from clamp_reference.formats import DTYPES, from_bits

SOME_THREADS = (1, 2, 4)
ANY_THREADS = (None,)
_CHUNK = {"f32": 8192, "f64": 4096}
_LANES = {"f32": 128, "f64": 64}
NAN_BITS = {"f32": [0xFFC54321], "f64": [0xFFF8000087654321]}


def sprinkle(rng, base, values, share=0.01):
    """Some elements, at least one where there is one, replaced by `values`."""
    out = base.copy()
    if out.size:
        where = rng.integers(0, out.size, max(1, int(out.size * share)))
        out[where] = rng.choice(np.asarray(values, out.dtype), where.size)
    return out


def _cancelling(rng, n, name):
    """Values that mostly cancel, far apart in the array."""
    half = data.scaled(rng, n // 2, name, -40, 40)
    out = np.concatenate([half, -half, np.ones(n - 2 * (n // 2), half.dtype)])
    return rng.permutation(out)


def row_kinds(rng, n, name):
    """One row for each kind of data a reduction has to get right."""
    dtype = DTYPES[name]
    normal = lambda: data.ordinary(rng, n, name)  # noqa: E731
    inf, largest = np.inf, np.finfo(dtype).max
    finite = data.scaled(rng, n, name, -100, 110)
    top = {"f32": 127, "f64": 1023}[name]
    return np.stack(
        [
            normal(),
            data.scaled(rng, n, name, -40, 40),
            finite,
            data.scaled(rng, n, name, -top, top),
            _cancelling(rng, n, name),
            np.full(n, -0.0, dtype),
            np.zeros(n, dtype),
            rng.choice(np.array([0.0, -0.0], dtype), n),
            data.subnormal(rng, n, name),
            sprinkle(rng, normal(), [inf]),
            sprinkle(rng, normal(), [-inf]),
            sprinkle(rng, normal(), [inf, -inf], 0.05),
            sprinkle(rng, normal(), from_bits(NAN_BITS[name], name), 0.001),
            np.full(n, largest, dtype),
            rng.choice(np.array([largest, -largest, largest / 2], dtype), n),
            sprinkle(rng, np.full(n, 1.0, dtype), [np.finfo(dtype).eps / 2, 2.0**30, -(2.0**30)], 0.5),
            rng.random(n).astype(dtype),
            sprinkle(rng, np.full(n, -0.0, dtype), [np.finfo(dtype).smallest_subnormal], 0.001),
            tied_rows(n, name)[0],
            vanishing_rows(n, name)[0],
        ]
    )


def tied_rows(n, name):
    """x and y for dot: one lane of a chunk starts with z*1, then meets a product a hair below half an ulp of z."""
    lanes, dtype = _LANES[name], DTYPES[name]
    eps = float(np.finfo(dtype).eps)
    index = np.arange(n)
    step, lane = index % _CHUNK[name] // lanes, index % lanes
    x, y = np.full(n, -0.0), np.ones(n)
    start = np.ldexp(1 + (2 * index + 1) % 999 * eps, int(np.finfo(dtype).nmant) + 1)
    begins, meets = (lane == 5) & (step == 0), (lane == 5) & (step == 1)
    x = np.where(begins, start, np.where(meets, 1 + 3 * eps, x))
    return x.astype(dtype), np.where(meets, 1 - 3 * eps, y).astype(dtype)


def vanishing_rows(n, name):
    """x and y for dot: products that underflow, first positive, then negative; a lane of two ends at -0."""
    lanes, dtype = _LANES[name], DTYPES[name]
    tiny = np.ldexp(1.0, {"f32": -80, "f64": -560}[name])
    sign = np.where(np.arange(n) // lanes % 2 == 0, 1.0, -1.0)
    return (sign * tiny).astype(dtype), np.full(n, tiny, dtype)


def _partners(rng, rows, name):
    """The second input of dot, row by row against `row_kinds`."""
    count, n = rows.shape
    out = np.stack([data.ordinary(rng, n, name) for _ in range(count)])
    out[1] = data.scaled(rng, n, name, -40, 40)
    out[2] = data.near(rng, rows[2])
    out[3] = data.scaled(rng, n, name, -20, 20)
    out[5] = np.where(rng.random(n) < 0.5, 0.0, 1.0)
    out[6] = data.scaled(rng, n, name, -10, 10)
    out[8] = data.scaled(rng, n, name, -3, 30)
    out[9] = np.where(np.isinf(rows[9]), np.where(rng.random(n) < 0.1, 0, 1), out[9])
    out[13] = np.where(np.arange(n) % 2 == 0, 1.0, -1.0)
    out[18], out[19] = tied_rows(n, name)[1], vanishing_rows(n, name)[1]
    out[17] = sprinkle(rng, np.full(n, 1.0, out.dtype), [np.finfo(out.dtype).smallest_subnormal, -0.5], 0.5)
    return out


# Reductions that have no value for nothing, and all of them.
_OF_SOMETHING = ("mean", "var", "reduce_min", "reduce_max", "argmin", "argmax")
REDUCTIONS = (*_OF_SOMETHING, "sum", "dot", "sum_sq", "norm2", "sum_exact", "dot_exact")


def plan_reduction(op, name, counts):
    """One reduction: whole arrays of each size, rows of each kind, several dimensions, a deep fold, refusals."""
    lanes, chunk, largest = _LANES[name], _CHUNK[name], max(counts)
    full, two = largest > 100000, op.startswith("dot")
    extra = {2, 3, lanes - 1, lanes, lanes + 1, 1023, 1024, 1025, chunk - 1, chunk, chunk + 1, 3 * chunk + 5, 70000}
    sizes = [n for n in sorted(set(counts) | (extra if full else set())) if n or op not in _OF_SOMETHING]

    def case_of(rng, case, label, x, params=None, threads=ANY_THREADS, y=None):
        inputs = {"x": x}
        if two:
            inputs["y"] = data.near(rng, x.reshape(-1)).reshape(x.shape) if y is None else y
        return case(label, inputs, params or {}, threads)

    def whole(n, kind, threads):
        def make(rng, case):
            x = data.ordinary(rng, n, name) if kind == "ordinary" else data.scaled(rng, n, name, -40, 40)
            y = data.ordinary(rng, n, name) if kind == "ordinary" else None
            return case_of(rng, case, f"{kind} n={n}", x, threads=threads, y=y)

        return make

    def by_rows(columns, threads):
        def make(rng, case):
            x = row_kinds(rng, columns, name)
            return case_of(rng, case, f"rows of {columns}", x, {"rows": "true"}, threads, _partners(rng, x, name))

        return make

    for n in sizes:
        threads = SOME_THREADS if n == largest else ANY_THREADS
        yield whole(n, "ordinary", threads)
        yield whole(n, "scaled", ANY_THREADS)
    for columns in [n for n in sizes if n <= 30000]:
        yield by_rows(columns, SOME_THREADS if columns == 8193 else ANY_THREADS)
    shapes = [((7, 1500), {"rows": "false"}), ((3, 41, 67), {}), ((301, 5), {"rows": "true"}), ((), {})]
    empty = [((0, 5), {"rows": "true"}), ((4, 0), {}), ((4, 0), {"rows": "true"}), ((0,), {})]
    for shape, params in shapes + (empty if op not in _OF_SOMETHING else []):
        yield lambda rng, case, s=shape, p=params: case_of(
            rng, case, f"shape {s} {p}", data.ordinary(rng, int(np.prod(s)), name).reshape(s), p
        )
    if full:
        # More partials than one chunk holds: a third level of the fold.
        deep = chunk * chunk + 2 * chunk + 77
        if op == "sum":
            yield whole(deep, "ordinary", (4,))
        yield lambda rng, case: case_of(
            rng, case, "two long rows", data.ordinary(rng, 2 * largest, name).reshape(2, -1), {"rows": "true"}
        )
    yield from _refused_reductions(op, name, two)


def _refused_reductions(op, name, two):
    one = np.ones(5, DTYPES[name])
    refused = [("rows of a 1-D array", one, one, {"rows": "true"})]
    if two:
        refused.append(("shapes differ", one, one[:4], {}))
    if op in _OF_SOMETHING:
        for shape, params in (((0,), {}), ((3, 0), {"rows": "true"}), ((0, 5), {})):
            nothing = np.ones(shape, one.dtype)
            refused.append((f"nothing, shape {shape} {params}", nothing, nothing, params))
    for label, x, y, params in refused:
        inputs = {"x": x, "y": y} if two else {"x": x}
        yield lambda rng, case, lab=label, i=inputs, p=params: case(lab, i, p, refuse=True)
