"""Number formats: dtype names, bit views, the canonical NaN, the total order of the page.

Never computes a kernel; every other module stands on this one.
"""

import numpy as np

DTYPES = {
    "f32": np.dtype("<f4"),
    "f64": np.dtype("<f8"),
    "i32": np.dtype("<i4"),
    "u32": np.dtype("<u4"),
    "i64": np.dtype("<i8"),
    "u64": np.dtype("<u8"),
    "i8": np.dtype("i1"),
    "u8": np.dtype("u1"),
}
NAMES = {dtype: name for name, dtype in DTYPES.items()}
FLOATS = ("f32", "f64")
NUMBERS = ("f32", "f64", "i32", "u32", "i64")  # what casts and moves exist for

# Significant bits, exponent of the smallest subnormal, first power of two that overflows.
PRECISION = {"f32": (24, -149, 128), "f64": (53, -1074, 1024)}

_BITS = {2: np.dtype("<u2"), 1: np.dtype("u1"), 4: np.dtype("<u4"), 8: np.dtype("<u8")}
_CANONICAL = {
    "f32": np.array(0x7FC00000, "<u4").view("<f4")[()],
    "f64": np.array(0x7FF8000000000000, "<u8").view("<f8")[()],
}


def name_of(array):
    """The page's name for an array's dtype."""
    return NAMES[np.dtype(array.dtype)]


def bits(array):
    """The same memory as unsigned integers."""
    return np.ascontiguousarray(array).reshape(np.shape(array)).view(_BITS[array.dtype.itemsize])


def from_bits(values, name):
    """Unsigned integers as a dtype of the same width."""
    dtype = DTYPES[name]
    return np.asarray(values, dtype=_BITS[dtype.itemsize]).view(dtype)


def canonical(array):
    """A computed float array with every NaN replaced by the canonical quiet NaN."""
    array = np.asarray(array)
    return np.where(np.isnan(array), _CANONICAL[name_of(array)], array).astype(array.dtype, copy=False)


def order_key(array):
    """Signed integers in the order -Inf < ... < -0 < +0 < ... < +Inf (NaN has no meaning here)."""
    raw = bits(array)
    width = array.dtype.itemsize * 8
    signed = raw.view(np.dtype(f"<i{array.dtype.itemsize}"))
    magnitude = signed & np.array((1 << (width - 1)) - 1, signed.dtype)
    return np.where(signed < 0, ~magnitude, magnitude)


def negative_zeros(shape, name):
    """An array of -0, the start value of every accumulator."""
    return np.full(shape, -0.0, DTYPES[name])
