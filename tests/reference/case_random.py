"""Cases of the random kernels: lengths, seeds and streams."""

from case_rows import ANY_THREADS, SOME_THREADS

_SEEDS = ["0", "1", "18446744073709551615", "81985529216486895", "1311768467750121216", "4294967296"]
_STREAMS = [None, "0", "1", "4294967296", "18446744073709551615"]


def plan_random(counts):
    for i, n in enumerate(counts):
        params = {"n": str(n), "seed": _SEEDS[i % len(_SEEDS)], "stream": _STREAMS[i % len(_STREAMS)]}
        params = {k: v for k, v in params.items() if v is not None}
        threads = SOME_THREADS if n == max(counts) else ANY_THREADS
        yield lambda rng, case, p=params, t=threads: case(f"n={p['n']} seed={p['seed']}", {}, p, t)
    for n, seed, stream in (("2", "5", "7"), ("3", "5", "7"), ("4", "5", "7"), ("5", "1311768470932016879", None)):
        params = {"n": n, "seed": seed} | ({"stream": stream} if stream else {})
        yield lambda rng, case, p=params: case(f"n={p['n']} seed={p['seed']}", {}, p)
    for seed in ("0", "1", "77"):
        yield lambda rng, case, s=seed: case(f"n=70001 seed={s}", {}, {"n": "70001", "seed": s, "stream": "3"})
    yield lambda rng, case: case("seed is missing", {}, {"n": "4"}, refuse=True)
    yield lambda rng, case: case("n is missing", {}, {"seed": "4"}, refuse=True)
