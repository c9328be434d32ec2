"""Reductions, norms and attention a second time, one scalar at a time, on lists of floats; for the self check.

Results are bit patterns, as in `scalar_page`, whose roundings these use.
"""

import math
from fractions import Fraction

import scalar_page as page
from clamp_reference.exact import round_fraction
from scalar_functions import function_bits


def _one(op, *values, name="f32"):
    """One IEEE operation, a float."""
    bits = page.sqrt_bits(*values, name) if op == "sqrt" else page.binary_bits(op, *values, name)
    return page.as_float(bits, name)


def _count(n, name):
    return page.as_float(round_fraction(Fraction(n), name), name)


def _sum(values, name):
    return page.as_float(page.sum_bits(values, name), name)


def _sum_sq(values, name):
    return page.as_float(page.dot_bits(values, values, name), name)


def mean(values, name):
    return _one("div", _sum(values, name), _count(len(values), name), name=name)


def var(values, name):
    """Lane steps fma(d, d, acc) with d = x_i - m, written out."""
    m = mean(values, name)

    def step(acc, v):
        d = _one("sub", v, m, name=name)
        return page.as_float(page.fma_bits(d, d, acc, name), name)

    return _one("div", page.reduced(values, step, name), _count(len(values), name), name=name)


def norm2(values, name):
    return _one("sqrt", _sum_sq(values, name), name=name)


def _beats(a, b, largest):
    """Whether a goes before b as the extreme value; NaN beats all but NaN, equals never beat."""
    if math.isnan(a) or math.isnan(b):
        return math.isnan(a) and not math.isnan(b)
    if a != b:
        return (a > b) == largest
    return a == 0 and page.negative(a) != page.negative(b) and page.negative(b) == largest


def arg_extreme(values, largest):
    best = 0
    for i, v in enumerate(values):
        if _beats(v, values[best], largest):
            best = i
    return best


def exact_bits(terms, name):
    """The exact sum of terms, each a Fraction or an infinity, NaN or signed zero as a float."""
    finite, kinds = Fraction(0), set()
    for t in terms:
        if isinstance(t, Fraction):
            finite += t
            kinds.add("value")
        elif math.isnan(t) or math.isinf(t):
            kinds.add(str(t))
        else:
            kinds.add("-0" if page.negative(t) else "value")
    if "nan" in kinds or {"inf", "-inf"} <= kinds:
        return page.NAN[name]
    for infinity in ("inf", "-inf"):
        if infinity in kinds:
            return page.float_bits(float(infinity), name)
    return round_fraction(finite, name, int(kinds == {"-0"}))


def sum_terms(values):
    return [Fraction(v) if math.isfinite(v) and v != 0 else v for v in values]


def dot_terms(x, y):
    """Exact products; what is no number or zero as a float."""
    terms = []
    for a, b in zip(x, y):
        plain = math.isfinite(a) and math.isfinite(b) and a != 0 and b != 0
        # Signs and specials survive in f64 where one factor is zero, infinite or NaN.
        terms.append(Fraction(a) * Fraction(b) if plain else a * b)
    return terms


def layernorm_bits(row, gamma, beta, eps):
    m = mean(row, "f32")
    r = _one("sqrt", page.add(var(row, "f32"), eps, "f32"))
    out = []
    for i, v in enumerate(row):
        y = _one("div", _one("sub", v, m), r)
        if gamma and beta:
            y = page.as_float(page.fma_bits(y, gamma[i], beta[i], "f32"), "f32")
        elif gamma:
            y = _one("mul", y, gamma[i])
        elif beta:
            y = page.add(y, beta[i], "f32")
        out.append(page.float_bits(y, "f32"))
    return out


def rmsnorm_bits(row, gamma, eps):
    mean_square = _one("div", _sum_sq(row, "f32"), _count(len(row), "f32"))
    r = _one("sqrt", page.add(mean_square, eps, "f32"))
    out = [_one("div", v, r) for v in row]
    if gamma:
        out = [_one("mul", v, g) for v, g in zip(out, gamma)]
    return [page.float_bits(v, "f32") for v in out]


def exp(v):
    """The correctly rounded exp of a float, a float."""
    return page.as_float(function_bits("exp", v), "f32")


def attention_bits(q, k, v, mask, scale):
    """One matrix of each: lists of rows; k transposed is its rows as columns."""
    out = []
    columns = list(zip(*v))
    for i, row in enumerate(q):
        s = [page.as_float(b, "f32") for b in page.matmul_bits([row], k, None)]
        s = [_one("mul", e, scale) for e in s]
        if mask is not None:
            s = [page.add(e, g, "f32") for e, g in zip(s, mask[i])]
        weights = [page.as_float(b, "f32") for b in page.softmax_bits(s, exp)] if s else []
        out += page.matmul_bits([weights], columns, None)
    return out


def composed_bits(op, x):
    """sigmoid, silu, gelu by their written steps."""
    if op == "gelu":
        c = float.fromhex("0x1.6a09e6p-1")
        inner = page.as_float(function_bits("erf", _one("mul", x, c)), "f32")
        return page.binary_bits("mul", _one("mul", 0.5, x), page.add(1.0, inner, "f32"), "f32")
    below = page.add(1.0, exp(-x), "f32")
    if op == "sigmoid":
        return page.binary_bits("div", 1.0, below, "f32")
    return page.binary_bits("mul", x, _one("div", 1.0, below), "f32")
