"""Exact rational numbers and their single rounding to a float format.

Slow and plain; for parameters, rare hard elements and the self check.
"""

import re
from decimal import Decimal
from fractions import Fraction

from .formats import DTYPES, PRECISION, from_bits

_SPECIAL = {"inf": "inf", "infinity": "inf", "nan": "nan"}


def floor_log2(value):
    """The exponent e with 2^e <= value < 2^(e+1), for a positive Fraction."""
    e = value.numerator.bit_length() - value.denominator.bit_length()
    return e if Fraction(2) ** e <= value else e - 1


def round_fraction(value, name, zero_sign=0):
    """Bits of a Fraction rounded once, nearest even, to f32 or f64; `zero_sign` signs an exact zero."""
    precision, emin, emax = PRECISION[name]
    width = DTYPES[name].itemsize * 8
    if value == 0:
        return zero_sign << (width - 1)
    sign, value = (1, -value) if value < 0 else (0, value)
    quantum = max(floor_log2(value) - precision + 1, emin)
    scaled = value / Fraction(2) ** quantum
    n, rest = divmod(scaled.numerator, scaled.denominator)
    if 2 * rest > scaled.denominator or (2 * rest == scaled.denominator and n & 1):
        n += 1
    if Fraction(n) * Fraction(2) ** quantum >= Fraction(2) ** emax:
        field = ((1 << (width - precision)) - 1) << (precision - 1)  # infinity
    else:
        # A subnormal has quantum emin and n below 2^(precision-1); the carry into the next binade adds up by itself.
        field = n + ((quantum - emin) << (precision - 1)) if n >= 1 << (precision - 1) else n
    return sign << (width - 1) | field


def fraction_of(scalar):
    """The exact value of a finite float."""
    return Fraction(float(scalar))


def parse_number(text, name):
    """A parameter's text as a NumPy scalar: decimals rounded once to the dtype, hex floats exact."""
    text = text.strip()
    negative = text.startswith("-")
    plain = text.lstrip("+-").lower()
    if plain in _SPECIAL:
        value = DTYPES[name].type(_SPECIAL[plain])
        return -value if negative else value
    if plain.startswith("0x"):
        magnitude = _parse_hex(plain)
        rounded = from_bits(round_fraction(magnitude, name), name)[()]
        if fraction_of(rounded) != magnitude:
            raise ValueError(f"{text} is not exact in {name}")
    else:
        magnitude = Fraction(Decimal(plain))
    return from_bits(round_fraction(-magnitude if negative else magnitude, name, int(negative)), name)[()]


def _parse_hex(text):
    match = re.fullmatch(r"0x([0-9a-f]*)(?:\.([0-9a-f]*))?(?:p([+-]?\d+))?", text)
    if not match or not (match[1] or match[2]):
        raise ValueError(f"not a hex float: {text}")
    fraction = match[2] or ""
    return Fraction(int((match[1] + fraction) or "0", 16)) * Fraction(2) ** (int(match[3] or 0) - 4 * len(fraction))
