"""Cases of the exact moves of rows and layouts: gather_rows, scatter_rows, transpose, concat."""

import numpy as np

import case_data as data
from case_rows import ANY_THREADS, SOME_THREADS
from clamp_reference.formats import DTYPES


def plan_gather(name, counts):
    """Repeated and unordered ids over tables of random bits."""

    def case_of(rng, case, rows, columns, n, threads=ANY_THREADS):
        table = data.random_bits(rng, rows * columns, name).reshape(rows, columns)
        ids = rng.integers(0, rows, n).astype("<i8") if rows else np.zeros(0, "<i8")
        return case(f"table {rows}x{columns}, {n} ids", {"table": table, "ids": ids}, threads=threads)

    columns = [3, 1, 128, 129, 5, 7, 64, 17, 1]
    for i, n in enumerate(counts):
        threads = SOME_THREADS if n == max(counts) else ANY_THREADS
        yield lambda rng, case, n=n, c=columns[i], t=threads: case_of(rng, case, 1 + n // 2 % 1000, c, n, t)
    for rows, width, n in ((0, 4, 0), (5, 0, 9), (1, 8193, 3)):
        yield lambda rng, case, r=rows, w=width, n=n: case_of(rng, case, r, w, n)
    for bad in (4, -1, 2**40):
        yield lambda rng, case, bad=bad: case(
            f"id {bad} of 4 rows",
            {"table": np.ones((4, 3), DTYPES[name]), "ids": np.array([0, bad, 1], "<i8")},
            refuse=True,
        )


def plan_scatter(name, counts):
    """Repeated, unordered and missing ids over tables and rows of random bits."""

    def case_of(rng, case, rows, shape, n, threads=ANY_THREADS):
        width = int(np.prod(shape))
        table = data.random_bits(rng, rows * width, name).reshape(rows, *shape)
        x = data.random_bits(rng, n * width, name).reshape(n, *shape)
        ids = rng.integers(0, rows, n).astype("<i8") if rows else np.zeros(0, "<i8")
        label = f"table {table.shape}, {n} ids"
        return case(label, {"table": table, "ids": ids, "x": x}, threads=threads)

    columns = [3, 1, 128, 129, 5, 7, 64, 17, 1]
    for i, n in enumerate(counts):
        threads = SOME_THREADS if n == max(counts) else ANY_THREADS
        yield lambda rng, case, n=n, c=columns[i], t=threads: case_of(rng, case, 1 + n // 2 % 1000, (c,), n, t)
    for rows, shape, n in ((0, (4,), 0), (5, (0,), 9), (1, (8193,), 300), (9000, (3,), 70), (5, (2, 3), 7)):
        yield lambda rng, case, r=rows, s=shape, n=n: case_of(rng, case, r, s, n)
    every = np.arange(4 * 3).astype(DTYPES[name]).reshape(4, 3)
    for label, ids in (("all the same", [2] * 4), ("a permutation", [3, 1, 0, 2]), ("back and forth", [1, 0, 1, 0])):
        given = {"table": every, "ids": np.array(ids, "<i8"), "x": every + every.dtype.type(100)}
        yield lambda rng, case, lab=label, i=given: case(lab, i)
    for bad in (4, -1, 2**40):
        given = {"table": every, "ids": np.array([0, bad, 1, bad], "<i8"), "x": every}
        yield lambda rng, case, bad=bad, i=given: case(f"id {bad} of 4 rows", i, refuse=True)
    column = {"table": every[:, 0].copy(), "ids": np.arange(4), "x": every[:, 1].copy()}
    yield lambda rng, case: case("a table without columns", column, refuse=True)
    for label, x in (("x of other rows", every[:2]), ("x of other columns", every[:, :2].copy())):
        given = {"table": every, "ids": np.arange(4), "x": x}
        yield lambda rng, case, lab=label, i=given: case(lab, i, refuse=True)


def plan_transpose(name, sizes):
    """Extents around tiles, several leading dimensions, none at all."""
    shapes = [(0, 5), (5, 0), (1, 1), (1, 17), (17, 1), (2, 3), (16, 16), (31, 33), (32, 32), (33, 31), (64, 63),
              (127, 129), (129, 127), (3, 5, 7), (2, 3, 33, 17), (0, 3, 4), (1025, 65), (2, 1, 1, 2, 3)]  # fmt: skip
    for shape in shapes + ([(1000, 1003), (8193, 9)] if sizes == "full" else []):
        threads = SOME_THREADS if shape == (1025, 65) else ANY_THREADS
        yield lambda rng, case, s=shape, t=threads: case(
            f"shape {s}", {"x": data.random_bits(rng, int(np.prod(s)), name).reshape(s)}, threads=t
        )
    for shape in ((), (5,)):
        yield lambda rng, case, s=shape: case(f"shape {s}", {"x": np.ones(s, DTYPES[name])}, refuse=True)


def plan_concat(name, sizes):
    """One to eight parts, every axis, empty parts, parts left out in between."""

    def case_of(shapes, axis, slots=None, threads=ANY_THREADS, refuse=False):
        def make(rng, case):
            names = [f"x{i}" for i in (slots or range(len(shapes)))]
            inputs = {k: data.random_bits(rng, int(np.prod(s)), name).reshape(s) for k, s in zip(names, shapes)}
            params = {} if axis is None else {"axis": str(axis)}
            return case(f"{shapes} axis={axis} as {' '.join(names)}", inputs, params, threads, refuse)

        return make

    yield case_of([(5,)], None)
    yield case_of([(5,), (3,)], None)
    yield case_of([(2, 3), (4, 3)], 0)
    yield case_of([(2, 3), (2, 5)], 1)
    yield case_of([(2, 3, 4), (2, 1, 4), (2, 0, 4)], 1)
    yield case_of([(2, 3, 4), (2, 3, 5)], 2)
    yield case_of([(0,), (0,)], 0)
    yield case_of([(0, 3), (2, 3)], 0)
    yield case_of([(3, 0), (3, 0)], 0)
    yield case_of([(i + 1, 7) for i in range(8)], 0)
    yield case_of([(7, i) for i in range(8)], 1)
    yield case_of([(4, 2), (4, 3), (4, 1)], 1, (0, 3, 7))
    big = [(129, 1025), (129, 17), (129, 128)] if sizes == "quick" else [(129, 8193), (129, 17), (129, 1000)]
    yield case_of(big, 1, threads=SOME_THREADS)
    yield case_of([(70000,), (1,), (8191,)], 0)
    yield case_of([(2, 3), (2, 4)], 0, refuse=True)
    yield case_of([(2, 3), (3,)], 0, refuse=True)
    yield case_of([(2, 3), (2, 3)], 2, refuse=True)
    yield case_of([(2, 3), (2, 3)], 0, (1, 2), refuse=True)
