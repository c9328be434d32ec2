"""Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011) and its uniforms."""

import numpy as np

_M0, _M1 = np.uint64(0xD2511F53), np.uint64(0xCD9E8D57)
_W0, _W1 = np.uint64(0x9E3779B9), np.uint64(0xBB67AE85)
_LOW = np.uint64(0xFFFFFFFF)
_32 = np.uint64(32)


def philox4x32(key, counter):
    """Ten rounds. key: two ints or u64 arrays; counter: four u64 arrays, all below 2^32; four arrays out."""
    k0, k1 = (np.asarray(k, np.uint64) for k in key)
    c0, c1, c2, c3 = (np.asarray(c, np.uint64) for c in counter)
    for _ in range(10):
        p0, p1 = _M0 * c0, _M1 * c2
        c0, c1, c2, c3 = (p1 >> _32) ^ c1 ^ k0, p1 & _LOW, (p0 >> _32) ^ c3 ^ k1, p0 & _LOW
        k0, k1 = (k0 + _W0) & _LOW, (k1 + _W1) & _LOW
    return c0, c1, c2, c3


def _words(blocks, seed, stream):
    """A (blocks, 4) u64 array of the words of blocks 0, 1, 2, ..."""
    block = np.arange(blocks, dtype=np.uint64)
    zero = np.zeros_like(block)
    counter = (
        block & _LOW,
        block >> _32,
        zero + np.uint64(stream & 0xFFFFFFFF),
        zero + np.uint64(stream >> 32),
    )
    return np.stack(philox4x32((seed & 0xFFFFFFFF, seed >> 32), counter), axis=1)


def philox_u32(n, seed, stream=0):
    """Element i is word i%4 of block i/4."""
    return _words((n + 3) // 4, seed, stream).reshape(-1)[:n].astype(np.uint32)


def uniform_f32(n, seed, stream=0):
    """(u32 >> 8) * 2^-24, exact."""
    return (philox_u32(n, seed, stream) >> np.uint32(8)).astype(np.float32) * np.float32(2.0**-24)


def uniform_f64(n, seed, stream=0):
    """Element i uses words 2*(i%2) (low) and 2*(i%2)+1 (high) of block i/2; exact."""
    pairs = _words((n + 1) // 2, seed, stream).reshape(-1, 2)[:n]
    joined = (pairs[:, 1] << _32) | pairs[:, 0]
    return (joined >> np.uint64(11)).astype(np.float64) * 2.0**-53
