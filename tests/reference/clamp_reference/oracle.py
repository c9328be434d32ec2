"""The sign of f(x) - middle for the functions of the page, by mpmath with as many bits as it takes.

Each round doubles the precision until the difference stands far clear of mpmath's own error (a few
units in the last place). A value that lies on the middle exactly is never asked for here.
"""

import mpmath

FIRST_BITS, LAST_BITS = 160, 5000
_GUARD_BITS = 40

EXACT = {
    "exp": mpmath.exp,
    "exp2": lambda x: mpmath.power(2, x),
    "expm1": mpmath.expm1,
    "log": mpmath.log,
    "log2": lambda x: mpmath.log(x) / mpmath.ln2,
    "log10": lambda x: mpmath.log(x) / mpmath.ln10,
    "log1p": mpmath.log1p,
    "sin": mpmath.sin,
    "cos": mpmath.cos,
    "tan": mpmath.tan,
    "sinpi": mpmath.sinpi,
    "cospi": mpmath.cospi,
    "tanh": mpmath.tanh,
    "erf": mpmath.erf,
}


def is_above(op, x, middle):
    """Whether op(x) > middle, for floats x and middle with op(x) != middle."""
    bits = FIRST_BITS
    while bits <= LAST_BITS:
        with mpmath.workprec(bits):
            value = EXACT[op](mpmath.mpf(x))
            gap = value - mpmath.mpf(middle)
            if abs(gap) > mpmath.ldexp(abs(value), _GUARD_BITS - bits):
                return gap > 0
        bits *= 2
    raise ArithmeticError(f"{LAST_BITS} bits do not decide {op}({float(x).hex()})")
