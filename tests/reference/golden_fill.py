"""The inputs of conformance cases, from their descriptions: the tables of README.md, nothing else.

Works on unsigned words only, so that any language can make the same bytes.
"""

import numpy as np

from clamp_reference.formats import DTYPES, FLOATS
from clamp_reference.philox import philox_u32

# Sign, infinity, signalling NaN, negative quiet NaN, payload, sign and significand, huge, tiny, then the
# significand's width and the lowest moderate exponent.
_F32 = (0x80000000, 0x7F800000, 0x7FA00000, 0xFFC00000, 0x003FFFFF, 0x807FFFFF, 0x7F000000, 0x00800000, 23, 119)
_F64 = (
    0x8000000000000000, 0x7FF0000000000000, 0x7FF4000000000000, 0xFFF8000000000000, 0x0007FFFFFFFFFFFF,
    0x800FFFFFFFFFFFFF, 0x7FE0000000000000, 0x0010000000000000, 52, 1015,
)  # fmt: skip


def filled(description):
    """The array of one description."""
    dtype = DTYPES[description["dtype"]]
    shape, fill = tuple(description["shape"]), description["fill"]
    count = int(np.prod(shape, dtype=object))
    name, kind = description["dtype"], fill["kind"]
    if kind == "values":
        flat = np.frombuffer(bytes.fromhex(fill["hex"]), dtype)
    elif kind == "constant":
        flat = np.repeat(np.frombuffer(bytes.fromhex(fill["hex"]), dtype), count)
    elif kind == "below":
        flat = _below(fill["seed"], count, fill["bound"], dtype)
    elif kind == "tame":
        flat = tame(name, fill["seed"], count)
    elif kind == "wild":
        flat = wild(name, fill["seed"], count)
    else:
        raise ValueError(f"fill {kind!r}")
    if flat.size != count:
        raise ValueError(f"{kind}: {flat.size} elements for shape {shape}")
    return flat.reshape(shape).copy()


def _below(seed, count, bound, dtype):
    if not 1 <= bound <= 1 << 32 or dtype.kind not in "iu" or bound - 1 > np.iinfo(dtype).max:
        raise ValueError(f"bound {bound} for {dtype}")
    return (philox_u32(count, seed).astype(np.uint64) % np.uint64(bound)).astype(dtype)


def tame(name, seed, count):
    """Every element an ordinary value."""
    wide = DTYPES[name].itemsize == 8
    words = philox_u32(2 * count if wide else count, seed).astype(np.uint64)
    return _tame(name, _joined(words[0::2], words[1::2]) if wide else words)


def wild(name, seed, count):
    """Special and ordinary values side by side."""
    if DTYPES[name].itemsize == 8:
        words = philox_u32(4 * count, seed).astype(np.uint64).reshape(-1, 4)
        choice, v = words[:, 0], _joined(words[:, 2], words[:, 3])
    else:
        words = philox_u32(2 * count, seed).astype(np.uint64).reshape(-1, 2)
        choice, v = words[:, 0], words[:, 1]
    return _wild_float(name, choice, v) if name in FLOATS else _wild_integer(name, choice, v)


def _joined(low, high):
    return high << np.uint64(32) | low


def _tame(name, v):
    """v holds one unsigned word, or one joined from two, for each element."""
    dtype = DTYPES[name]
    if name == "f32":
        return (v >> np.uint64(8)).astype(dtype) * dtype.type(2.0**-22) - dtype.type(2)
    if name == "f64":
        return (v >> np.uint64(11)).astype(dtype) * dtype.type(2.0**-51) - dtype.type(2)
    return v.astype(f"<u{dtype.itemsize}").view(dtype)


def _wild_float(name, choice, v):
    dtype = DTYPES[name]
    table = [np.uint64(c) for c in (_F32 if name == "f32" else _F64)]
    sign, infinity, signalling, quiet, payload, kept, huge, tiny, width, bias = table
    unsigned = f"<u{dtype.itemsize}"
    moderate = (bias + (v >> width & np.uint64(15))) << width
    tame_bits = _tame(name, v).view(unsigned).astype(np.uint64)
    zero = np.zeros_like(v)
    by_choice = [
        zero, zero | sign, zero | infinity, zero | infinity | sign, signalling | (v & payload) | np.uint64(1),
        quiet | (v & payload), v & kept, v & kept | huge, v & kept | tiny, *[v & kept | moderate] * 4, *[tame_bits] * 3,
    ]  # fmt: skip
    return np.choose((choice & np.uint64(15)).astype(np.int64), by_choice).astype(unsigned).view(dtype)


def _wild_integer(name, choice, v):
    info = np.iinfo(DTYPES[name])
    ends = [np.full(v.shape, value, DTYPES[name]) for value in (0, info.min, info.max)]
    return np.choose((choice & np.uint64(3)).astype(np.int64), [*ends, _tame(name, v)])
