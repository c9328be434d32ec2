"""Cases of map: expressions of every node and precedence, many inputs, and what has to be refused."""

import re

import numpy as np

import case_data as data
from case_rows import ANY_THREADS, SOME_THREADS
from clamp_reference.formats import DTYPES
from clamp_reference.map_expression import Parser

FOR_BOTH = [
    "x0", "-x0", "- x0", "-(-x0)", "x0+x1", "x0-x1", "x0*x1", "x0/x1", "x0 + x1*x2", "(x0 + x1)*x2", "x0*x1 + x2",
    "x0 - x1 - x2", "x0 - (x1 - x2)", "x0/x1/x2", "x0/(x1/x2)", "x0*x1/x2", "x0/x1*x2", "-x0*x1", "-(x0*x1)", "x0*-x1",
    "x0 < x1", "x0 <= x1", "x0 > x1", "x0 >= x1", "x0 == x1", "x0 != x1", "x0 < x1 < x2", "x0 < x1 == x2 < x3",
    "x0 == x1 < x2", "x0 + x1 < x2 - x3", "x0 != x1 == x2", "-x0 < x1", "1 < x0", "x0 == 0",
    "(x0 < 0)*x1 + (x0 >= 0)*x2",
    "sqrt(x0)", "abs(x0)", "min(x0, x1)", "max(x0, x1)", "fma(x0, x1, x2)", "fma(x0, c0, c1)", "max(min(x0, c1), c0)",
    "sqrt(abs(x0)*abs(x1))", "x0*c0 + c1", "x0*0.1", "x0 + 1e-3", "x0*0x1.8p1", "x0 + 0x1p-149", "x0 + 16777217",
    "x0 + 1.000000059604644776", "x0 - 1e-45", "x0/3", "1/x0", "0.5*x0 + 0.25*x1 + 0.125*x2", "x0*x0 - x1*x1",
    "x0+x1+x2+x3+x4+x5+x6+x7", "((((((x0))))))", "x7", "x3 - x5", "c7*x0", "fma(-x0, x1, x2) + fma(x0, x1, -x2)",
    "x0\n +\tx1 \n", "x0*c0 + x1*c1 - x2*c2/c3 + c4*c5*c6*c7", "abs(-x0) == x0", "min(max(x0, -x1), x1 + 1)",
]  # fmt: skip
FOR_F32 = [
    "x0*c0 + exp(-x1)", "exp(x0)", "exp2(x0)", "expm1(x0)", "log(x0)", "log2(x0)", "log10(x0)", "log1p(x0)", "sin(x0)",
    "cos(x0)", "tan(x0)", "sinpi(x0)", "cospi(x0)", "tanh(x0)", "erf(x0)", "1/(1 + exp(-x0))", "x0*(1/(1 + exp(-x0)))",
    "(0.5*x0)*(1 + erf(x0*0x1.6a09e6p-1))", "log(exp(x0)) - x0", "sin(x0)*sin(x0) + cos(x0)*cos(x0)", "tanh(x0*c0)/c1",
    "sigmoid(x0)", "silu(x0)", "gelu(x0) + x1",
]  # fmt: skip
WRONG = [
    "", " ", "x0 +", "+ x0", "x0 x1", "(x0", "x0)", "x0 ++ x1", "x0 = x1", "x0 < = x1", "x8", "c8 + x0", "y", "x",
    "1 + 2", "c0", "min(x0)", "min(x0, x1, x2)", "max()", "sqrt(x0, x1)", "sqrt x0", "fma(x0, x1)", "foo(x0)",
    "x0 % x1", "x0 & x1", "x0 && x1", "!x0", "x0 ? x1 : x2", "x0, x1", "x0;", "0x + x0", "1.2.3 + x0", "1e + x0",
    "x0 * 1e+", "sin + x0", "()", "x0 + ()", "2x0", "x0(x1)", "x0\n+ @", "x0 ** x1", "min(x0,,x1)", "$",
]  # fmt: skip


def plan_map(name, counts):
    """Every expression on mixed values; one of every kind of node on each size; refusals."""
    dtype = DTYPES[name]
    numbers = ["1.5", "-0.25", "0.1", "3", "1e-3", "-7", "0x1.8p-3", "2"]

    def case_of(rng, case, text, n, threads=ANY_THREADS, shape=None):
        parsed = Parser(text, name)
        inputs = {}
        for key in sorted(parsed.inputs):
            like = next(iter(inputs.values())) if inputs else None
            inputs[key] = data.mixed(rng, n, name, like)
        inputs = {key: x.reshape((n,) if shape is None else shape) for key, x in inputs.items()}
        params = {"expr": text} | {key: numbers[int(key[1])] for key in sorted(parsed.scalars)}
        return case(f"{text!r} on {n if shape is None else shape}", inputs, params, threads)

    for text in FOR_BOTH + (FOR_F32 if name == "f32" else []):
        yield lambda rng, case, text=text: case_of(rng, case, text, 500)
    several = "x0*c0 + min(x1, x2)/c1 - fma(x0, x1, -x2)"
    for n in sorted({*counts, 2, 16, 17, 1023, 1024, 1025, 8191, 8192}):
        threads = SOME_THREADS if n == max(counts) else ANY_THREADS
        yield lambda rng, case, n=n, t=threads: case_of(rng, case, several, n, t)
    for shape in ((), (3, 4, 5), (0, 7)):
        yield lambda rng, case, s=shape: case_of(rng, case, several, int(np.prod(s)), shape=s)
    deep = "x0" + "".join(f" {'+-*'[i % 3]} ({'x1' if i % 2 else 'c0'} - {i})" for i in range(40))
    yield lambda rng, case: case_of(rng, case, deep, 300)
    yield from _refused(name, np.ones(3, dtype))


def _refused(name, one):
    for text in WRONG + (["exp(x0)", "sin(x0)", "sigmoid(x0)"] if name == "f64" else []):
        # Only what the text names is given, so that nothing but the text can be wrong.
        inputs = {key: one for key in re.findall(r"\bx[0-7]\b", text)}
        params = {"expr": text} | {key: "1" for key in re.findall(r"\bc[0-7]\b", text)}
        yield lambda rng, case, text=text, i=inputs, p=params: case(f"{text!r}", i, p, refuse=True)
    for label, inputs, params in (
        ("no expression", {"x0": one}, {}),
        ("x1 is missing", {"x0": one}, {"expr": "x0 + x1"}),
        ("x1 is not used", {"x0": one, "x1": one}, {"expr": "x0"}),
        ("c0 is missing", {"x0": one}, {"expr": "x0*c0"}),
        ("c0 is not used", {"x0": one}, {"expr": "x0", "c0": "1"}),
        ("shapes differ", {"x0": one, "x1": one[:2]}, {"expr": "x0 + x1"}),
    ):
        yield lambda rng, case, lab=label, i=inputs, p=params: case(lab, i, p, refuse=True)
