"""Self checks of order: min and max, moves, reductions, products, rows, refusals, the plan itself."""

import numpy as np

import case_data as data
import scalar_page as page
from case_elements import special_inputs
from case_plan import plan
from case_rows import tied_rows, vanishing_rows
from clamp_reference import KERNELS, Refused, reductions, run
from clamp_reference.formats import DTYPES, FLOATS, bits, from_bits
from scalar_orders import exp
from self_check_elements import faults_of, seeded


def order_and_moves():
    """min, max, relu, clamp, neg, abs, comparisons, copy and select, one pair of specials at a time."""
    faults, count = [], 0
    for name in FLOATS:
        x, y = (g.reshape(-1) for g in np.meshgrid(data.specials(name), data.specials(name)))
        raw_x, raw_y = bits(x).tolist(), bits(y).tolist()
        pairs = list(zip(x.tolist(), y.tolist()))
        for op, pick in page.PICKS.items():
            expected = [page.picked_bits(pick, a, b, name) for a, b in pairs]
            faults += faults_of(f"{op}.{name}", run(f"{op}.{name}.v1", {"x": x, "y": y}), expected)
        for op, holds in page.RELATIONS.items():
            got = run(f"compare_{op}.{name}.v1", {"x": x, "y": y})
            faults += faults_of(f"compare_{op}.{name}", got, [int(holds(a, b)) for a, b in pairs])
        one = {op: run(f"{op}.{name}.v1", {"x": x}) for op in ("copy", "neg", "abs", "relu")}
        sign = 1 << (DTYPES[name].itemsize * 8 - 1)
        nan = np.isnan(x).tolist()
        faults += faults_of(f"copy.{name}", one["copy"], raw_x)
        faults += faults_of(f"neg.{name}", one["neg"], [page.NAN[name] if q else r ^ sign for q, r in zip(nan, raw_x)])
        faults += faults_of(f"abs.{name}", one["abs"], [page.NAN[name] if q else r & ~sign for q, r in zip(nan, raw_x)])
        relu = [page.NAN[name] if q else 0 if r & sign else r for q, r in zip(nan, raw_x)]
        faults += faults_of(f"relu.{name}", one["relu"], relu)
        for lo, hi in (("-1", "1.5"), ("-0.0", "0"), ("0", "0")):
            ends = float(lo), float(hi)
            expected = []
            for v in x.tolist():
                raised = from_bits(page.picked_bits(page.PICKS["max"], v, ends[0], name), name).item()
                expected.append(page.picked_bits(page.PICKS["min"], raised, ends[1], name))
            faults += faults_of(f"clamp.{name}", run(f"clamp.{name}.v1", {"x": x}, {"lo": lo, "hi": hi}), expected)
        choose = np.arange(x.size).astype(np.uint8)
        got = run(f"select.{name}.v1", {"x": choose, "y": x, "z": y})
        faults += faults_of(f"select.{name}", got, [a if c else b for c, a, b in zip(choose.tolist(), raw_x, raw_y)])
        count += 16 * x.size
    return count, faults


def reductions_against_loops():
    """sum and dot of small sizes, and rows, against loops written from the page."""
    faults, count = [], 0
    for name in FLOATS:
        chunk = {"f32": 8192, "f64": 4096}[name]
        rng = seeded("reduce" + name)
        for n in (0, 1, 2, 63, 64, 65, 127, 128, 129, 300, chunk - 1, chunk, chunk + 1, 2 * chunk + 131):
            few = n <= 300
            x, y = (np.stack([data.scaled(rng, n, name, -30, 30) for _ in range(1 + few)]) for _ in range(2))
            if few:
                x = np.concatenate([x, np.full((1, n), -0.0, x.dtype), data.mixed(rng, n, name).reshape(1, -1)])
                y = np.concatenate([y, np.ones((1, n), x.dtype), data.mixed(rng, n, name).reshape(1, -1)])
                tiny = data.scaled(rng, n, name, *{"f32": (-80, -60), "f64": (-545, -530)}[name])
                tied, gone = tied_rows(n, name), vanishing_rows(n, name)
                x, y = np.vstack([x, tiny, tied[0], gone[0]]), np.vstack([y, tiny[::-1], tied[1], gone[1]])
            rows = {"rows": "true"}
            expected = [page.sum_bits(row.tolist(), name) for row in x]
            faults += faults_of(f"sum.{name} n={n}", run(f"sum.{name}.v1", {"x": x}, rows), expected)
            expected = [page.dot_bits(a.tolist(), b.tolist(), name) for a, b in zip(x, y)]
            faults += faults_of(f"dot.{name} n={n}", run(f"dot.{name}.v1", {"x": x, "y": y}, rows), expected)
            flat = run(f"sum.{name}.v1", {"x": x})
            if flat.shape != () or bits(flat).item() != page.sum_bits(x.reshape(-1).tolist(), name):
                faults.append(f"sum.{name} of all, n={n}")
            count += 2 * len(x) + 1
    return count, faults


def deep_folds_against_loops():
    """Three levels of partials, with a few lanes in place of the page's so that loops can follow."""
    faults, count = [], 0
    kept = dict(reductions.LANES)
    try:
        for name, lanes in (("f32", 2), ("f64", 4)):
            reductions.LANES[name] = page.LANES[name] = lanes
            chunk = lanes * 64
            rng = seeded("deep" + name)
            for n in (chunk * 5 + 3, chunk * lanes * 3 + 1, chunk * chunk + 1, chunk * chunk + 3 * chunk + 5):
                x, y = (data.scaled(rng, n, name, -30, 30) for _ in range(2))
                got = run(f"sum.{name}.v1", {"x": x})
                faults += faults_of(f"sum.{name} n={n}", got, [page.sum_bits(x.tolist(), name)])
                got = run(f"dot.{name}.v1", {"x": x, "y": y})
                faults += faults_of(f"dot.{name} n={n}", got, [page.dot_bits(x.tolist(), y.tolist(), name)])
                count += 2
    finally:
        reductions.LANES.update(kept)
        page.LANES.update(kept)
    return count, faults


def matmul_against_loops():
    """Panels, transposes, batches, bias and empty sizes against loops written from the page."""
    faults, count = [], 0
    rng = seeded("matmul")
    for m, k, n in ((2, 0, 3), (0, 3, 2), (1, 1, 1), (3, 7, 2), (2, 1023, 2), (2, 1024, 1), (1, 1025, 2), (1, 2050, 2)):
        a = np.stack([data.scaled(rng, m * k, "f32", -20, 20).reshape(m, k) for _ in range(2)])
        b = np.stack([data.scaled(rng, k * n, "f32", -20, 20).reshape(k, n) for _ in range(2)])
        if k == 7:
            a[0], b[1] = data.mixed(rng, 21, "f32").reshape(3, 7), data.mixed(rng, 14, "f32").reshape(7, 2)
        if m > 1:
            a[:, -1], b[:, :, -1] = -0.0, np.abs(b[:, :, -1])
        bias = data.ordinary(rng, n, "f32")
        for case in range(8):
            ta, tb, shared = bool(case & 1), bool(case & 2), bool(case & 4)
            left, right = a, (b[0] if shared else b)
            with_bias = case in (0, 3, 5)
            expected = []
            for i in range(2):
                expected += page.matmul_bits(a[i].tolist(), b[0 if shared else i].T.tolist(),
                                             bias.tolist() if with_bias else None)  # fmt: skip
            left = np.ascontiguousarray(left.swapaxes(-1, -2)) if ta else left
            right = np.ascontiguousarray(right.swapaxes(-1, -2)) if tb else right
            inputs = {"a": left, "b": right} | ({"bias": bias} if with_bias else {})
            got = run("matmul.f32.v1", inputs, {"transpose_a": str(ta).lower(), "transpose_b": str(tb).lower()})
            if got.shape != (2, m, n):
                faults.append(f"matmul {m}x{k}x{n} has shape {got.shape}")
            faults += faults_of(f"matmul {m}x{k}x{n} case {case}", got, expected)
            count += len(expected)
    return count, faults


def softmax_against_loops():
    """Rows of several sizes, special rows among them."""
    faults, count = [], 0
    rng = seeded("softmax")
    for n in (1, 2, 3, 127, 128, 129, 400):
        x = np.stack([data.ordinary(rng, n, "f32"), data.scaled(rng, n, "f32", -10, 7), data.mixed(rng, n, "f32"),
                      np.full(n, -np.inf, "<f4"), rng.choice(np.array([0.0, -0.0, -np.inf], "<f4"), n)])  # fmt: skip
        expected = [b for row in x for b in page.softmax_bits(row.tolist(), exp)]
        faults += faults_of(f"softmax of {n}", run("softmax.f32.v1", {"x": x}), expected)
        count += x.size
    for shape in ((0, 3), (3, 0)):
        if run("softmax.f32.v1", {"x": np.zeros(shape, "<f4")}).shape != shape:
            faults.append(f"softmax of {shape}")
    return count + 2, faults


def gather_against_loops():
    """Rows move with all their bits, NaN included."""
    faults, count = [], 0
    for name in ("f32", "f64", "i32", "u32", "i64"):
        rng = seeded("gather" + name)
        table = data.random_bits(rng, 77, name).reshape(11, 7)
        table.flat[:7] = rng.choice(data.specials(name), 7)
        ids = rng.integers(0, 11, 40)
        expected = [b for i in ids.tolist() for b in bits(table).tolist()[i]]
        got = run(f"gather_rows.{name}.v1", {"table": table, "ids": ids})
        faults += faults_of(f"gather_rows.{name}", got, expected)
        count += len(expected)
    return count, faults


def refusals():
    """Every case the plan marks as an error is one to the reference, and only those."""
    faults, count = [], 0
    for kernel in KERNELS:
        for case in plan(kernel, "quick"):
            if not case.refuse:
                continue
            count += 1
            try:
                run(kernel, case.inputs, case.params)
                faults.append(f"{kernel} accepts {case.label}")
            except Refused:
                pass
    return count, faults


def every_kernel_has_cases():
    """The plan reaches every kernel and every special value of its inputs."""
    faults = []
    for kernel in KERNELS:
        names = KERNELS[kernel].inputs
        cases = [case for case in plan(kernel, "quick") if not case.refuse]
        if len(cases) < 4 or not any(case.threads == (1, 2, 4) for case in cases):
            faults.append(kernel)
        if set(names) == {"x"} and kernel.startswith(("neg", "cast", "exp")):
            given = special_inputs(kernel.split(".")[0], names)["x"]
            if not np.isin(bits(data.specials(names["x"])), bits(given)).all():
                faults.append(f"{kernel} misses specials")
    return len(KERNELS), faults
