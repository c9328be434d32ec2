"""philox_normal: pairs of words to pairs of normals, by correctly rounded log, cospi and sinpi."""

import numpy as np

from . import functions
from .formats import canonical
from .philox import philox_u32


def normal_f32(n, seed, stream=0):
    """Elements 2j and 2j+1 from words 2j and 2j+1; an odd n drops the last sinpi value."""
    words = philox_u32(n + n % 2, seed, stream).reshape(-1, 2)
    unit = np.float32(2.0**-24)
    p = ((words[:, 0] >> np.uint32(8)) + np.uint32(1)).astype(np.float32) * unit
    r = np.sqrt(np.float32(-2) * functions.log(p))
    t = np.float32(2) * ((words[:, 1] >> np.uint32(8)).astype(np.float32) * unit)
    pairs = np.stack([r * functions.cospi(t), r * functions.sinpi(t)], axis=1)
    return canonical(pairs.reshape(-1)[:n])
