"""mirror: the anchors a device read, and one Philox word of each."""

import numpy as np

from .philox import philox4x32

_LOW = np.uint64(0xFFFFFFFF)


def mirror(seeds, states):
    """Both inputs back, and word 0 of philox(key = seed, counter = (state, index, 0, 0)); no seed is zero."""
    index = np.arange(seeds.size, dtype=np.uint64)
    zero = np.zeros_like(index)
    key = (seeds & _LOW, seeds >> np.uint64(32))
    words = philox4x32(key, (states, index & _LOW, zero, zero))
    return {"seeds_out": seeds.copy(), "states_out": states.copy(), "words": words[0].astype("<u4")}
