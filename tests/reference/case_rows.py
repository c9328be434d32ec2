"""Cases of kernels with an inner order: sum, dot, softmax, matmul, and of gather_rows.

Each plan yields functions of a seeded generator and the case class. Kinds of data that would drown
each other in one result (an infinity, a NaN) are kept in rows of their own.
"""

import numpy as np

import case_data as data
from clamp_reference.formats import DTYPES, from_bits

_THREADS = (1, 2, 4)
_ANY = (None,)
_CHUNK = {"f32": 8192, "f64": 4096}
_LANES = {"f32": 128, "f64": 64}
_NAN = {"f32": [0xFFC54321], "f64": [0xFFF8000087654321]}


def _sprinkle(rng, base, values, share=0.01):
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
            _sprinkle(rng, normal(), [inf]),
            _sprinkle(rng, normal(), [-inf]),
            _sprinkle(rng, normal(), [inf, -inf], 0.05),
            _sprinkle(rng, normal(), from_bits(_NAN[name], name), 0.001),
            np.full(n, largest, dtype),
            rng.choice(np.array([largest, -largest, largest / 2], dtype), n),
            _sprinkle(rng, np.full(n, 1.0, dtype), [np.finfo(dtype).eps / 2, 2.0**30, -(2.0**30)], 0.5),
            rng.random(n).astype(dtype),
            _sprinkle(rng, np.full(n, -0.0, dtype), [np.finfo(dtype).smallest_subnormal], 0.001),
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
    out[17] = _sprinkle(rng, np.full(n, 1.0, out.dtype), [np.finfo(out.dtype).smallest_subnormal, -0.5], 0.5)
    return out


def plan_reduction(op, name, counts):
    """sum or dot: whole arrays of each size, rows of each kind, several dimensions, a deep fold."""
    lanes, chunk, largest = _LANES[name], _CHUNK[name], max(counts)
    full = largest > 100000
    extra = {lanes - 1, lanes, lanes + 1, chunk - 1, chunk, chunk + 1, 3 * chunk + 5} if full else set()
    sizes = sorted(set(counts) | extra)

    def case_of(rng, case, label, x, params=None, threads=_ANY, y=None):
        inputs = {"x": x}
        if op == "dot":
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
        threads = _THREADS if n == largest else _ANY
        yield whole(n, "ordinary", threads)
        yield whole(n, "scaled", _ANY)
    for columns in [n for n in sizes if n <= 100000]:
        yield by_rows(columns, _THREADS if columns == 8193 else _ANY)
    for shape, params in (((0, 5), {"rows": "true"}), ((7, 1500), {"rows": "false"}), ((3, 41, 67), {}), ((4, 0), {})):
        yield lambda rng, case, s=shape, p=params: case_of(
            rng, case, f"shape {s}", data.ordinary(rng, int(np.prod(s)), name).reshape(s), p
        )
    if full:
        # More partials than one chunk holds: a third level of the fold.
        deep = chunk * chunk + 2 * chunk + 77
        if op == "sum":
            yield whole(deep, "ordinary", (4,))
        yield lambda rng, case: case_of(
            rng, case, "two long rows", data.ordinary(rng, 2 * largest, name).reshape(2, -1), {"rows": "true"}
        )
    one = np.ones(5, DTYPES[name])
    both = {"x": one} if op == "sum" else {"x": one, "y": one}
    yield lambda rng, case: case("rows of a 1-D array", both, {"rows": "true"}, refuse=True)
    if op == "dot":
        yield lambda rng, case: case("shapes differ", {"x": one, "y": one[:4]}, refuse=True)


def plan_softmax(counts):
    """Columns of each size, about sixteen kinds of rows each."""

    def kinds(rng, n):
        normal = data.ordinary(rng, n, "f32")
        minus_inf = _sprinkle(rng, normal, [-np.inf], 0.5)
        return np.stack(
            [
                normal,
                normal * np.float32(20),
                data.scaled(rng, n, "f32", -30, 8),
                data.scaled(rng, n, "f32", -126, 127),
                np.full(n, 0.1, "<f4"),
                np.full(n, -3e38, "<f4"),
                rng.choice(np.array([0.0, -0.0], "<f4"), n),
                data.subnormal(rng, n, "f32"),
                minus_inf,
                np.full(n, -np.inf, "<f4"),
                _sprinkle(rng, normal, [np.inf]),
                _sprinkle(rng, normal, from_bits(_NAN["f32"], "f32"), 0.001),
                _sprinkle(rng, np.full(n, -90.0, "<f4"), [0.0]),
                _sprinkle(rng, np.full(n, -103.5, "<f4"), [0.0, -87.5, -100]),
                np.linspace(-104, 0, n).astype("<f4"),
                _sprinkle(rng, np.full(n, -3.4e38, "<f4"), [3.4e38]),
            ]
        )

    for n in counts:
        if n > 100000:
            yield lambda rng, case, n=n: case(
                f"2 rows of {n}", {"x": np.stack([data.ordinary(rng, n, "f32"), data.scaled(rng, n, "f32", -9, 5)])}
            )
        else:
            threads = _THREADS if n == 8193 else _ANY
            yield lambda rng, case, n=n, t=threads: case(f"kinds, {n} columns", {"x": kinds(rng, n)}, threads=t)
    for shape in ((0, 7), (1, 1000), (301, 33), (1025, 2), (5, 0), (77,), (3, 5, 130)):
        yield lambda rng, case, s=shape: case(
            f"shape {s}", {"x": (data.ordinary(rng, int(np.prod(s)), "f32") * np.float32(3)).reshape(s)}
        )


def plan_gather(name, counts):
    """Repeated and unordered ids over tables of random bits."""

    def case_of(rng, case, rows, columns, n, threads=_ANY):
        table = data.random_bits(rng, rows * columns, name).reshape(rows, columns)
        ids = rng.integers(0, rows, n).astype("<i8") if rows else np.zeros(0, "<i8")
        return case(f"table {rows}x{columns}, {n} ids", {"table": table, "ids": ids}, threads=threads)

    columns = [3, 1, 128, 129, 5, 7, 64, 17, 1]
    for i, n in enumerate(counts):
        threads = _THREADS if n == max(counts) else _ANY
        yield lambda rng, case, n=n, c=columns[i], t=threads: case_of(rng, case, 1 + n // 2 % 1000, c, n, t)
    for rows, width, n in ((0, 4, 0), (5, 0, 9), (1, 8193, 3)):
        yield lambda rng, case, r=rows, w=width, n=n: case_of(rng, case, r, w, n)
    for bad in (4, -1, 2**40):
        yield lambda rng, case, bad=bad: case(
            f"id {bad} of 4 rows",
            {"table": np.ones((4, 3), DTYPES[name]), "ids": np.array([0, bad, 1], "<i8")},
            refuse=True,
        )


def plan_matmul(sizes):
    """K around lanes and panels, all transposes, bias, batches, empty sizes, special values by row."""

    def special_matrices(rng, m, k, n):
        a = data.scaled(rng, m * k, "f32", -8, 9).reshape(m, k)
        b = data.scaled(rng, k * n, "f32", -8, 9).reshape(k, n)
        if k:
            kinds = row_kinds(rng, k, "f32")
            for i in range(min(m, len(kinds))):
                a[-1 - i] = kinds[i]
            if n > 5:
                b[:, 4] = np.abs(b[:, 4])
                b[:, 0] = data.scaled(rng, k, "f32", -60, 60)
                b[:, 1] = rng.choice(np.array([0.0, -0.0], "<f4"), k)
                b[:, 2] = _sprinkle(rng, b[:, 2], [np.inf, -np.inf], 0.001)
                b[:, 3] = data.subnormal(rng, k, "f32")
        return a, b

    def case_of(m, k, n, ta=False, tb=False, bias=False, batch=(), shared=False, threads=_ANY):
        def make(rng, case):
            count = batch[0] if batch else 1
            pairs = [special_matrices(rng, m, k, n) for _ in range(count)]
            a = np.stack([p[0] for p in pairs]) if pairs else np.zeros((0, m, k), "<f4")
            b = np.stack([p[1] for p in pairs]) if pairs else np.zeros((0, k, n), "<f4")
            if not batch:
                a, b = a[0], b[0]
            elif shared:
                b = b[0] if pairs else special_matrices(rng, m, k, n)[1]
            params = {}
            if ta:
                a, params["transpose_a"] = np.ascontiguousarray(np.swapaxes(a, -1, -2)), "true"
            if tb:
                b, params["transpose_b"] = np.ascontiguousarray(np.swapaxes(b, -1, -2)), "true"
            inputs = {"a": a, "b": b}
            if bias:
                inputs["bias"] = _sprinkle(rng, data.ordinary(rng, n, "f32"), [-0.0, 1e30], 0.1)
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
    yield case_of(200, 1100, 150, threads=_THREADS)
    yield case_of(130, 257, 131, True, True, True, threads=_THREADS)
    yield case_of(1, 3000, 2048, bias=True, threads=_THREADS)
    yield case_of(16, 1300, 300, batch=(4,), threads=_THREADS)

    eps = 2.0**-23
    start = np.ldexp(1 + np.arange(1, 256, 2) * eps, 24)
    a = np.stack([start, np.full_like(start, 1 + eps)], axis=1).astype("<f4")
    b = np.array([[1, 1, -1], [1 - eps, -(1 - eps), 1 - eps]], "<f4")
    yield lambda rng, case: case("ties", {"a": a, "b": b})
    minus_zero = np.full((3, 1500), -0.0, "<f4")
    yield lambda rng, case: case("all -0", {"a": minus_zero, "b": np.ones((1500, 4), "<f4")})

    ones = lambda *shape: np.ones(shape, "<f4")  # noqa: E731
    for label, inputs in (
        ("inner sizes differ", {"a": ones(2, 3), "b": ones(4, 2)}),
        ("bias too long", {"a": ones(2, 3), "b": ones(3, 2), "bias": ones(3)}),
        ("batches differ", {"a": ones(2, 2, 3), "b": ones(3, 3, 2)}),
    ):
        yield lambda rng, case, label=label, i=inputs: case(label, i, refuse=True)
