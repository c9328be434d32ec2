"""fma with one rounding, which NumPy does not have.

f32: the product of two f32 is exact in f64. The sum with the addend is rounded to odd in f64 (an
error-free two-sum tells the direction); f64 has more than 2*24+2 bits of room, so the cast to f32 is
then the single rounding, subnormals included, because no such sum is subnormal in f64.
f64: Boldo and Melquiond, "Emulation of a FMA and correctly rounded sums: proved algorithms using
rounding to odd" (IEEE Trans. Computers 57, 2008), where all exponents are far from the ends of the
range; everywhere else whole Python integers, rounded once by integer division.
"""

import numpy as np

# Inside these magnitudes no step of the error-free path overflows and every error term is representable.
_LOW, _HIGH = 2.0**-900, 2.0**900
_SPLIT_HIGH = 2.0**970


def fma(x, y, z):
    """x*y + z, one rounding, elementwise with broadcasting; NaN bits are not yet canonical."""
    if np.result_type(x, y, z) == np.float32:
        return _fma32(x, y, z)
    return _fma64(x, y, z)


def _two_sum(a, b):
    s = a + b
    t = s - a
    return s, (a - (s - t)) + (b - t)


def _round_to_odd(s, error):
    """The f64 s + error (s nearest, error the exact rest) rounded to odd instead."""
    raw = s.view(np.int64)
    inexact = (error != 0) & np.isfinite(error) & np.isfinite(s) & ((raw & 1) == 0)
    away = (error > 0) == (s > 0)
    return (raw + np.where(inexact, np.where(away, 1, -1), 0)).view(np.float64)


def _fma32(x, y, z):
    product = np.multiply(x, y, dtype=np.float64)
    s, error = _two_sum(product, np.asarray(z, np.float64))
    return _round_to_odd(np.asarray(s), error).astype(np.float32)


def _two_product(a, b):
    """Dekker's product by Veltkamp splitting: a*b = high + low exactly, away from the range's ends."""
    factor = 134217729.0  # 2^27 + 1
    t = factor * a
    ah = t - (t - a)
    al = a - ah
    t = factor * b
    bh = t - (t - b)
    bl = b - bh
    high = a * b
    return high, ((ah * bh - high) + ah * bl + al * bh) + al * bl


def _fma64(x, y, z):
    x, y, z = np.broadcast_arrays(x, y, z)
    high, low = _two_product(x, y)
    th, tl = _two_sum(z, low)
    vh, vl = _two_sum(high, th)
    s, error = _two_sum(tl, vl)
    result = vh + _round_to_odd(np.asarray(s), error)

    ax, ay, az, ap = np.abs(x), np.abs(y), np.abs(z), np.abs(high)
    inside = (ax < _SPLIT_HIGH) & (ay < _SPLIT_HIGH) & (ap > _LOW) & (ap < _HIGH) & (az > _LOW) & (az < _HIGH)
    if inside.all():
        return result

    # Zero factors and non-finite factors: product and sum as they stand are right.
    finite_xy = np.isfinite(x) & np.isfinite(y)
    result = np.where(inside, result, x * y + z)
    # An infinite or NaN addend meets a finite product, however large: the addend decides.
    result = np.where(finite_xy & ~np.isfinite(z), z, result)
    nonzero = finite_xy & (x != 0) & (y != 0)
    # A zero addend: the product rounded once (adding the zero could flip the sign of an underflow).
    result = np.where(nonzero & (z == 0), x * y, result)
    hard = ~inside & nonzero & np.isfinite(z) & (z != 0)
    if hard.any():
        result = np.array(result)
        result[hard] = fma64_integers(x[hard], y[hard], z[hard])
    return result


def _significand_exponent(values):
    raw = np.ascontiguousarray(values).view(np.int64)
    exponent = (raw >> 52) & 0x7FF
    significand = raw & ((1 << 52) - 1)
    significand = np.where(exponent > 0, significand | (1 << 52), significand)
    return np.where(raw < 0, -significand, significand).tolist(), (np.maximum(exponent, 1) - 1075).tolist()


def fma64_integers(x, y, z):
    """Finite x, y, z, none zero, as integers times powers of two."""
    mx, ex = _significand_exponent(x)
    my, ey = _significand_exponent(y)
    mz, ez = _significand_exponent(z)
    out = []
    for a, ea, b, eb, c, ec in zip(mx, ex, my, ey, mz, ez):
        product, ep = a * b, ea + eb
        e = min(ep, ec)
        total = (product << (ep - e)) + (c << (ec - e))
        try:
            # Integer division and integer to float are rounded once, nearest even, subnormals included.
            out.append(total / (1 << -e) if e < 0 else float(total << e))
        except OverflowError:
            out.append(float("inf") if total > 0 else float("-inf"))
    return np.array(out, np.float64)
