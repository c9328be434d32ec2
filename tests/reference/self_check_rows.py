"""Self checks of the reductions beyond sum and dot, of the other matrix products, norms and attention."""

import math

import numpy as np

import case_data as data
import scalar_orders as scalar
import scalar_page as page
from case_rows import row_kinds
from clamp_reference import reductions, run
from clamp_reference.formats import FLOATS
from self_check_elements import faults_of, seeded

ROWS = {"rows": "true"}


def _tables(name, sizes):
    """Every kind of row, for few columns; an ordinary one for many."""
    for n in sizes:
        rng = seeded(f"rows{name}{n}")
        yield n, row_kinds(rng, n, name) if n <= 1025 else data.ordinary(rng, n, name).reshape(1, n)


def means_against_loops():
    """sum_sq, mean, var, norm2."""
    faults, count = [], 0
    for name in FLOATS:
        chunk = {"f32": 8192, "f64": 4096}[name]
        for n, x in _tables(name, (1, 2, 65, 129, chunk + 1)):
            lists = x.tolist()
            for op, reading in (
                ("sum_sq", lambda v: page.as_float(page.dot_bits(v, v, name), name)),
                ("mean", lambda v: scalar.mean(v, name)),
                ("var", lambda v: scalar.var(v, name)),
                ("norm2", lambda v: scalar.norm2(v, name)),
            ):
                expected = [page.float_bits(reading(row), name) for row in lists]
                faults += faults_of(f"{op}.{name} n={n}", run(f"{op}.{name}.v1", {"x": x}, ROWS), expected)
                count += len(lists)
    return count, faults


def deep_var_against_loops():
    """Several levels of partials, with few lanes in place of the page's so that loops can follow."""
    faults, count = [], 0
    kept = dict(reductions.LANES)
    try:
        for name, lanes in (("f32", 2), ("f64", 4)):
            reductions.LANES[name] = page.LANES[name] = lanes
            rng = seeded("deepvar" + name)
            for n in (lanes * 64 + 1, lanes * lanes * 64 + 5):
                x = data.scaled(rng, n, name, -30, 30)
                got = run(f"var.{name}.v1", {"x": x})
                faults += faults_of(f"var.{name} n={n}", got, [page.float_bits(scalar.var(x.tolist(), name), name)])
                count += 1
    finally:
        reductions.LANES.update(kept)
        page.LANES.update(kept)
    return count, faults


def extremes_against_loops():
    """reduce_min, reduce_max, argmin, argmax, ties and NaN among them."""
    faults, count = [], 0
    for name in FLOATS:
        special = np.stack([seeded("ext").permutation(data.specials(name)) for _ in range(8)])
        one_signaling = special[:, :1].copy()
        for n, x in [*_tables(name, (1, 2, 3, 17, 129)), ("specials", special), ("one", one_signaling)]:
            lists = x.tolist()
            for largest, word in ((False, "min"), (True, "max")):
                at = [scalar.arg_extreme(row, largest) for row in lists]
                expected = [page.float_bits(row[i], name) for row, i in zip(lists, at)]
                got = run(f"reduce_{word}.{name}.v1", {"x": x}, ROWS)
                faults += faults_of(f"reduce_{word}.{name} {n}", got, expected)
                faults += faults_of(f"arg{word}.{name} {n}", run(f"arg{word}.{name}.v1", {"x": x}, ROWS), at)
                count += 2 * len(lists)
    return count, faults


def exact_sums_against_fractions():
    """sum_exact and dot_exact, and that a permutation changes nothing."""
    faults, count = [], 0
    for name in FLOATS:
        for n, x in _tables(name, (0, 1, 2, 3, 64, 300, 1025)):
            rng = seeded(f"exact{name}{n}")
            y = np.stack([data.near(rng, row) for row in x])
            y[0::3] = rng.choice(np.array([1.0, -1.0, 0.0, -0.0], y.dtype), y[0::3].shape)
            sums = [scalar.exact_bits(scalar.sum_terms(row), name) for row in x.tolist()]
            dots = [scalar.exact_bits(scalar.dot_terms(a, b), name) for a, b in zip(x.tolist(), y.tolist())]
            order = rng.permutation(n)
            for label, a, b in (("as is", x, y), ("permuted", x[:, order], y[:, order])):
                a, b = np.ascontiguousarray(a), np.ascontiguousarray(b)
                faults += faults_of(f"sum_exact.{name} {n} {label}", run(f"sum_exact.{name}.v1", {"x": a}, ROWS), sums)
                got = run(f"dot_exact.{name}.v1", {"x": a, "y": b}, ROWS)
                faults += faults_of(f"dot_exact.{name} {n} {label}", got, dots)
                count += 2 * len(sums)
    return count, faults


def reductions_by_hand():
    """A few results anyone can work out."""
    inf, nan, big = math.inf, math.nan, 2.0**127
    known = [
        ("mean", [1, 2, 3, 6], 3.0), ("var", [1, 2, 3, 6], 3.5), ("var", [5], 0.0), ("norm2", [3, 4], 5.0),
        ("norm2", [], 0.0), ("sum_sq", [-3, 4], 25.0), ("sum_sq", [], 0.0), ("reduce_min", [0.0, -0.0], -0.0),
        ("reduce_max", [-0.0, 0.0], 0.0), ("argmin", [3, 1, 1, 2], 1), ("argmax", [0.0, -0.0, 0.0], 0),
        ("argmin", [0.0, -0.0], 1), ("argmax", [1, nan, inf, nan], 1),
        ("sum_exact", [big, big, -big, -big, 2.0**-149], 2.0**-149), ("sum_exact", [-0.0, -0.0], -0.0),
        ("sum_exact", [], 0.0), ("sum_exact", [-0.0, 0.0], 0.0), ("sum_exact", [1, -1, -0.0], 0.0),
        ("sum_exact", [big, big], inf), ("sum_exact", [inf, 1], inf), ("sum_exact", [inf, -inf], nan),
        ("sum_exact", [16777216, 1, 2.0**-149], 16777218.0), ("sum", [-0.0, -0.0], -0.0),
        ("sum", [1e30, 1, -1e30], 1.0),
    ]  # fmt: skip
    faults = []
    for op, values, expected in known:
        got = run(f"{op}.f32.v1", {"x": np.array(values, "<f4")})
        want = [expected] if op.startswith("arg") else [page.float_bits(float(expected), "f32")]
        faults += faults_of(f"{op} of {values}", got, want)
    pairs = [([0.0, -0.0], [-1, 1], -0.0), ([inf], [0], nan), ([inf], [-2], -inf),
             ([2.0**100] * 2, [2.0**100, -(2.0**100)], 0.0),
             ([2.0**-100] * 2, [2.0**-49, 2.0**-50], 2.0**-148), ([], [], 0.0)]  # fmt: skip
    for x, y, expected in pairs:
        got = run("dot_exact.f32.v1", {"x": np.array(x, "<f4"), "y": np.array(y, "<f4")})
        faults += faults_of(f"dot_exact of {x}, {y}", got, [page.float_bits(expected, "f32")])
    return len(known) + len(pairs), faults


def other_matrices_against_loops():
    """f64 by the same loops as f32; i8 by Python integers."""
    faults, count = [], 0
    rng = seeded("matrices")
    for m, k, n in ((2, 0, 3), (3, 7, 2), (2, 1025, 2), (1, 2050, 1)):
        a = data.scaled(rng, m * k, "f64", -20, 20).reshape(m, k)
        b = data.scaled(rng, k * n, "f64", -20, 20).reshape(k, n)
        if k == 7:
            a, b = data.mixed(rng, 21, "f64").reshape(3, 7), data.mixed(rng, 14, "f64").reshape(7, 2)
        bias = data.ordinary(rng, n, "f64")
        expected = page.matmul_bits(a.tolist(), b.T.tolist(), bias.tolist(), "f64")
        faults += faults_of(f"matmul.f64 {m}x{k}x{n}", run("matmul.f64.v1", {"a": a, "b": b, "bias": bias}), expected)
        whole = data.random_bits(rng, m * k, "i8").reshape(m, k), data.random_bits(rng, k * n, "i8").reshape(k, n)
        bias = np.array([2**31 - 1, -(2**31), 5], "<i4")[:n]
        exact = [sum(x * y for x, y in zip(row, column)) + int(e)
                 for row in whole[0].tolist() for column, e in zip(whole[1].T.tolist(), bias)]  # fmt: skip
        expected = [max(-(2**31), min(2**31 - 1, v)) & 0xFFFFFFFF for v in exact]
        transposed = {"a": np.ascontiguousarray(whole[0].T), "b": whole[1], "bias": bias}
        got = run("matmul.i8.v1", transposed, {"transpose_a": "true"})
        faults += faults_of(f"matmul.i8 {m}x{k}x{n}", got, expected)
        count += 2 * m * n
    return count, faults


def norms_against_loops():
    """layernorm and rmsnorm with and without gamma and beta, on every kind of row."""
    faults, count = [], 0
    for n in (1, 2, 17, 129):
        rng = seeded(f"norm{n}")
        x = row_kinds(rng, n, "f32")
        gamma, beta = data.scaled(rng, n, "f32", -3, 3), data.scaled(rng, n, "f32", -3, 3)
        for given in ({}, {"gamma": gamma}, {"beta": beta}, {"gamma": gamma, "beta": beta}):
            g, b = (given[k].tolist() if k in given else None for k in ("gamma", "beta"))
            eps = page.as_float(0x3727C5AC, "f32")  # 1e-5
            expected = [v for row in x.tolist() for v in scalar.layernorm_bits(row, g, b, eps)]
            got = run("layernorm.f32.v1", {"x": x} | given, {"eps": "1e-5"})
            faults += faults_of(f"layernorm {n} {sorted(given)}", got, expected)
            count += x.size
            if "beta" not in given:
                expected = [v for row in x.tolist() for v in scalar.rmsnorm_bits(row, g, eps)]
                got = run("rmsnorm.f32.v1", {"x": x} | given, {"eps": "1e-5"})
                faults += faults_of(f"rmsnorm {n} {sorted(given)}", got, expected)
                count += x.size
    got = run("rmsnorm.f32.v1", {"x": np.array([[1, 7]], "<f4")}, {"eps": "0"})
    faults += faults_of("rmsnorm by hand", got, [0x3E4CCCCD, 0x3FB33333])  # 1/5 and 7/5
    return count + 2, faults


def attention_against_loops():
    """Masks of both shapes, leading extents, T around lanes and panels, nothing to attend to."""
    faults, count = [], 0
    shapes = [((), 2, 3, 4, 2), ((2,), 3, 5, 1, 3), ((2, 2), 1, 2, 3, 1), ((), 2, 0, 3, 2), ((), 2, 3, 0, 2),
              ((), 1, 129, 5, 1), ((), 1, 1030, 2, 1)]  # fmt: skip
    for lead, s, t, d, e in shapes:
        rng = seeded(f"attention{lead}{t}{d}")

        def random(shape):
            return data.ordinary(rng, int(np.prod(shape)), "f32").reshape(shape)

        q, k, v = random((*lead, s, d)), random((*lead, t, d)), random((*lead, t, e))
        if t == 5:
            q.flat[0], v.flat[3], k.flat[2] = np.inf, np.nan, -np.inf
        for mask_shape in (None, (s, t), (*lead, s, t)):
            mask = None
            if mask_shape is not None:
                mask = random(mask_shape)
                mask[rng.random(mask_shape) < 0.4] = -np.inf
            expected = []
            for at in np.ndindex(*lead):
                own = None if mask is None else (mask if mask.ndim == 2 else mask[at]).tolist()
                one = scalar.attention_bits(q[at].tolist(), k[at].tolist(), v[at].tolist(), own, 0.625)
                expected += one if t else [0] * (s * e)
            inputs = {"q": q, "k": k, "v": v} | ({} if mask is None else {"mask": mask})
            got = run("attention.f32.v1", inputs, {"scale": "0.625"})
            if got.shape != (*lead, s, e):
                faults.append(f"attention {lead} {s} {t} has shape {got.shape}")
            faults += faults_of(f"attention {lead} {s} {t} {d} {e}", got, expected)
            count += len(expected)
    return count, faults
