"""Cases of the matrix products."""

import numpy as np

import case_data as data
from case_rows import ANY_THREADS, SOME_THREADS, row_kinds, sprinkle
from clamp_reference.formats import DTYPES


def _special_matrices(rng, m, k, n, name):
    """One a and b: special rows in a, special columns in b."""
    if name == "i8":
        a = data.random_bits(rng, m * k, name).reshape(m, k)
        b = data.random_bits(rng, k * n, name).reshape(k, n)
        if m > 2 and n > 2:
            a[0], a[1], b[:, 0], b[:, 1] = -128, 127, -128, 127
        return a, b
    a = data.scaled(rng, m * k, name, -8, 9).reshape(m, k)
    b = data.scaled(rng, k * n, name, -8, 9).reshape(k, n)
    if k:
        kinds = row_kinds(rng, k, name)
        for i in range(min(m, len(kinds))):
            a[-1 - i] = kinds[i]
        if n > 5:
            b[:, 4] = np.abs(b[:, 4])
            b[:, 0] = data.scaled(rng, k, name, -60, 60)
            b[:, 1] = rng.choice(np.array([0.0, -0.0], DTYPES[name]), k)
            b[:, 2] = sprinkle(rng, b[:, 2], [np.inf, -np.inf], 0.001)
            b[:, 3] = data.subnormal(rng, k, name)
    return a, b


def _bias(rng, n, name):
    if name == "i8":
        return data.mixed(rng, n, "i32")
    return sprinkle(rng, data.ordinary(rng, n, name), [-0.0, 1e30], 0.1)


def plan_matmul(name, sizes):
    """K around lanes and panels, all transposes, bias, batches, empty sizes, special values by row."""

    def case_of(m, k, n, ta=False, tb=False, bias=False, batch=(), shared=False, threads=ANY_THREADS):
        def make(rng, case):
            count = batch[0] if batch else 1
            pairs = [_special_matrices(rng, m, k, n, name) for _ in range(count)]
            a = np.stack([p[0] for p in pairs]) if pairs else np.zeros((0, m, k), DTYPES[name])
            b = np.stack([p[1] for p in pairs]) if pairs else np.zeros((0, k, n), DTYPES[name])
            if not batch:
                a, b = a[0], b[0]
            elif shared:
                b = b[0] if pairs else _special_matrices(rng, m, k, n, name)[1]
            params = {}
            if ta:
                a, params["transpose_a"] = np.ascontiguousarray(np.swapaxes(a, -1, -2)), "true"
            if tb:
                b, params["transpose_b"] = np.ascontiguousarray(np.swapaxes(b, -1, -2)), "true"
            inputs = {"a": a, "b": b}
            if bias:
                inputs["bias"] = _bias(rng, n, name)
            return case(f"a {a.shape} b {b.shape} {' '.join(params)} {'bias' if bias else ''}".rstrip(), inputs,
                        params, threads)  # fmt: skip

        return make

    depths = [0, 1, 127, 128, 129, 1023, 1024, 1025, 2048, 2049, 8193] if sizes == "full" else [0, 1, 129, 1025]
    for i, k in enumerate(depths):
        yield case_of(21, k, 17, ta=bool(i & 1), tb=bool(i & 2))
        yield case_of(3, k, 8, tb=bool(i & 1), bias=True)
    for ta in (False, True):
        for tb in (False, True):
            yield case_of(65, 70, 33, ta, tb, bias=ta)
            yield case_of(5, 130, 19, ta, tb, batch=(3,), shared=ta == tb, bias=tb)
            yield case_of(5, 1030, 19, ta, tb, batch=(2,), shared=ta != tb, bias=ta)
    for m, k, n in ((1, 1025, 257), (257, 1025, 1), (1, 2049, 1), (2, 300, 500), (31, 33, 129), (0, 5, 6), (6, 5, 0)):
        yield case_of(m, k, n)
    for m, k, n in ((0, 0, 0), (6, 0, 3)):
        yield case_of(m, k, n, bias=True)
    yield case_of(4, 5, 6, batch=(0,))
    yield case_of(4, 5, 6, batch=(0,), shared=True, bias=True)
    yield case_of(4, 0, 6, batch=(2,), bias=True)
    rows = 60 if name == "f64" else 200  # f64 fma in NumPy is slow
    yield case_of(rows, 1100, 150, threads=SOME_THREADS)
    yield case_of(130, 257, 131, True, True, True, threads=SOME_THREADS)
    yield case_of(1, 3000, 2048, bias=True, threads=SOME_THREADS)
    yield case_of(16, 1300, 300, batch=(4,), threads=SOME_THREADS)

    yield from _exact_cases(name) if name == "i8" else _float_cases(name)
    ones = lambda *shape: np.ones(shape, DTYPES[name])  # noqa: E731
    for label, inputs in (
        ("inner sizes differ", {"a": ones(2, 3), "b": ones(4, 2)}),
        ("bias too long", {"a": ones(2, 3), "b": ones(3, 2), "bias": _bias(np.random.default_rng(0), 3, name)}),
        ("batches differ", {"a": ones(2, 2, 3), "b": ones(3, 3, 2)}),
    ):
        yield lambda rng, case, label=label, i=inputs: case(label, i, refuse=True)


def _float_cases(name):
    """Sums a hair off a tie, and nothing but -0."""
    dtype = DTYPES[name]
    eps = float(np.finfo(dtype).eps)
    start = np.ldexp(1 + np.arange(1, 256, 2) * eps, int(np.finfo(dtype).nmant) + 1)
    a = np.stack([start, np.full_like(start, 1 + eps)], axis=1).astype(dtype)
    b = np.array([[1, 1, -1], [1 - eps, -(1 - eps), 1 - eps]], dtype)
    yield lambda rng, case: case("ties", {"a": a, "b": b})
    minus_zero = np.full((3, 1500), -0.0, dtype)
    yield lambda rng, case: case("all -0", {"a": minus_zero, "b": np.ones((1500, 4), dtype)})


def _exact_cases(name):
    """The deepest sum that fits, a bias that saturates both ways, and one K too many."""
    low, high = np.iinfo("<i4").min, np.iinfo("<i4").max
    for value in (-128, 127):
        a, b = np.full((2, 131071), -128, "i1"), np.full((131071, 3), value, "i1")
        yield lambda rng, case, a=a, b=b, v=value: case(f"K=131071 of -128 * {v}", {"a": a, "b": b})
        bias = np.array([low, high, -1], "<i4")
        yield lambda rng, case, a=a, b=b, v=value, bias=bias: case(
            f"K=131071 of -128 * {v}, bias", {"a": a, "b": b, "bias": bias}
        )
    deep, wide = np.ones((1, 131072), "i1"), np.ones((131072, 1), "i1")
    yield lambda rng, case: case("K=131072", {"a": deep, "b": wide}, refuse=True)
    yield lambda rng, case: case(
        "K=131072 transposed", {"a": wide, "b": deep}, {"transpose_a": "true", "transpose_b": "true"}, refuse=True
    )
