"""scan: the inclusive sum in blocks of 64 segments of 16, block totals by the same rule again."""

from .formats import canonical, name_of, negative_zeros

SEGMENTS = 64
SEGMENT = 16


def scan(x):
    """The inclusive sum of a 1-D array."""
    return canonical(_scan(x))


def _scan(x):
    block = SEGMENTS * SEGMENT
    count = -(-x.size // block)
    if count == 0:
        return x.copy()
    padded = negative_zeros(count * block, name_of(x))  # a missing element is -0
    padded[: x.size] = x
    local = padded.reshape(count, SEGMENTS, SEGMENT)
    for i in range(1, SEGMENT):
        local[:, :, i] = local[:, :, i - 1] + local[:, :, i]
    totals = local[:, :, -1].copy()
    d = 1
    while d < SEGMENTS:
        old = totals.copy()
        totals[:, d:] = old[:, :-d] + old[:, d:]
        d *= 2
    local[:, 1:, :] = totals[:, :-1, None] + local[:, 1:, :]
    if count > 1:
        block_totals = _scan(local[:, -1, -1].copy())
        local[1:] = block_totals[:-1, None, None] + local[1:]
    return local.reshape(-1)[: x.size]
