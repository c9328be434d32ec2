"""Cases of the row kernels: softmax, layernorm, rmsnorm, attention."""

import numpy as np

import case_data as data
from case_rows import ANY_THREADS, NAN_BITS, SOME_THREADS, row_kinds, sprinkle
from clamp_reference.formats import from_bits


def plan_softmax(counts):
    """Columns of each size, about sixteen kinds of rows each."""

    def kinds(rng, n):
        normal = data.ordinary(rng, n, "f32")
        minus_inf = sprinkle(rng, normal, [-np.inf], 0.5)
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
                sprinkle(rng, normal, [np.inf]),
                sprinkle(rng, normal, from_bits(NAN_BITS["f32"], "f32"), 0.001),
                sprinkle(rng, np.full(n, -90.0, "<f4"), [0.0]),
                sprinkle(rng, np.full(n, -103.5, "<f4"), [0.0, -87.5, -100]),
                np.linspace(-104, 0, n).astype("<f4"),
                sprinkle(rng, np.full(n, -3.4e38, "<f4"), [3.4e38]),
            ]
        )

    for n in counts:
        if n > 100000:
            yield lambda rng, case, n=n: case(
                f"2 rows of {n}", {"x": np.stack([data.ordinary(rng, n, "f32"), data.scaled(rng, n, "f32", -9, 5)])}
            )
        else:
            threads = SOME_THREADS if n == 8193 else ANY_THREADS
            yield lambda rng, case, n=n, t=threads: case(f"kinds, {n} columns", {"x": kinds(rng, n)}, threads=t)
    for shape in ((0, 7), (1, 1000), (301, 33), (1025, 2), (5, 0), (77,), (3, 5, 130)):
        yield lambda rng, case, s=shape: case(
            f"shape {s}", {"x": (data.ordinary(rng, int(np.prod(s)), "f32") * np.float32(3)).reshape(s)}
        )


def plan_norm(op, counts):
    """Columns of each size with every kind of row; gamma and beta in all combinations; refusals."""
    affine = ("gamma", "beta") if op == "layernorm" else ("gamma",)
    full = max(counts) > 100000
    sizes = [1, 2, 16, 17, 127, 128, 129, 1023, 1024, 1025, 8191, 8192, 8193] if full else [1, 2, 129, 8193]
    epsilons = ["1e-5", "0", "0x1p-20", "1e-45", "1.5"]

    def case_of(rng, case, x, present, eps, threads=ANY_THREADS, wild=False):
        inputs, n = {"x": x}, x.shape[-1]
        for name in present:
            values = data.mixed(rng, n, "f32") if wild else data.scaled(rng, n, "f32", -4, 4)
            inputs[name] = sprinkle(rng, values, [-0.0, 0.0, 1.0], 0.05)
        return case(f"shape {x.shape} {' '.join(present)} eps={eps}", inputs, {"eps": eps}, threads)

    presences = [affine[:i] for i in range(len(affine) + 1)] + ([("beta",)] if op == "layernorm" else [])
    for i, n in enumerate(sizes):
        for j, present in enumerate(presences):
            threads = SOME_THREADS if n == 8193 and present == affine else ANY_THREADS
            yield lambda rng, case, n=n, p=present, e=epsilons[(i + j) % len(epsilons)], t=threads: case_of(
                rng, case, row_kinds(rng, n, "f32"), p, e, t
            )
        yield lambda rng, case, n=n: case_of(rng, case, row_kinds(rng, n, "f32"), affine, "1e-5", wild=True)
    for shape in ((0, 7), (5, 0), (77,), (3, 5, 130), (1025, 3), (2, 70000) if full else (2, 700)):
        yield lambda rng, case, s=shape: case_of(
            rng, case, data.ordinary(rng, int(np.prod(s)), "f32").reshape(s), affine, "1e-5"
        )
    ones = np.ones((2, 3), "<f4")
    yield lambda rng, case: case("eps is missing", {"x": ones}, refuse=True)
    for name in affine:
        yield lambda rng, case, name=name: case(
            f"{name} too short", {"x": ones, name: ones[0, :2]}, {"eps": "0"}, refuse=True
        )


def plan_attention(sizes):
    """S, T, D and E around panels and lanes; masks of both shapes; batches; empty sizes; special rows."""
    full = sizes == "full"

    def case_of(lead, s, t, d, e, mask="", scale="0.125", threads=ANY_THREADS, wild=False):
        def make(rng, case):
            def array(*shape):
                n = int(np.prod(shape))
                base = data.ordinary(rng, n, "f32")
                return (sprinkle(rng, base, data.specials("f32"), 0.02) if wild else base).reshape(shape)

            inputs = {"q": array(*lead, s, d), "k": array(*lead, t, d), "v": array(*lead, t, e)}
            if mask:
                shape = (s, t) if mask == "shared" else (*lead, s, t)
                inputs["mask"] = np.where(rng.random(shape) < 0.4, -np.inf, array(*shape)).astype("<f4")
            label = f"{lead} S={s} T={t} D={d} E={e} mask={mask or 'none'}{' wild' if wild else ''}"
            return case(label, inputs, {"scale": scale}, threads)

        return make

    for i, t in enumerate([1, 2, 16, 17, 127, 128, 129] + ([1023, 1024, 1025, 2050] if full else [1025])):
        yield case_of((), 3, t, 8, 5, "shared" if i & 1 else "")
        yield case_of((2,), 5, t, 17, 16, "own" if i & 1 else "shared", "0x1.6a09e6p-3")
        yield case_of((2,), 4, t, 3, 7, "own" if i & 2 else "", "1", wild=True)
    for d in (1, 64, 127, 128, 129) + ((1023, 1025) if full else ()):
        yield case_of((), 4, 9, d, 3, "shared", "0.1")
    for lead, s, t, d, e in (
        ((2, 3), 4, 5, 6, 7), ((1, 1, 1), 1, 1, 1, 1), ((), 0, 5, 4, 3), ((2,), 4, 0, 3, 5), ((), 3, 4, 0, 2),
        ((), 3, 4, 5, 0), ((0,), 3, 4, 5, 6), ((), 0, 0, 0, 0), ((2,), 3, 0, 0, 4),
    ):  # fmt: skip
        for mask in ("", "shared", "own"):
            yield case_of(lead, s, t, d, e, mask)
    yield case_of((2, 2), 70, 130, 64, 64, "shared", threads=SOME_THREADS)
    yield case_of((3,), 33, 1030, 16, 20, "own", threads=SOME_THREADS)
    ones = lambda *shape: np.ones(shape, "<f4")  # noqa: E731
    whole = {"q": ones(2, 3), "k": ones(4, 3), "v": ones(4, 5)}
    for label, change in (
        ("inner sizes differ", {"k": ones(4, 2)}), ("T differs", {"v": ones(5, 5)}), ("leading", {"q": ones(1, 2, 3)}),
        ("mask transposed", {"mask": ones(4, 2)}), ("1-D q", {"q": ones(3)}),
    ):  # fmt: skip
        yield lambda rng, case, lab=label, c=change: case(lab, whole | c, {"scale": "1"}, refuse=True)
    yield lambda rng, case: case("scale is missing", whole, refuse=True)
