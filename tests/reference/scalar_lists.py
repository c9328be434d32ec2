"""Scan, sort, histogram, normals, the mirror and the golden fills a second time, on lists; for the self check."""

import math
from fractions import Fraction

import scalar_page as page
from clamp_reference.exact import round_fraction
from scalar_functions import function_bits


def scan(values, name):
    """The inclusive sum of a list of floats, block by block as the page tells it."""
    out, totals = [], []
    for start in range(0, len(values), 1024):
        block = values[start : start + 1024]
        done = _scan_block(block + [-0.0] * (1024 - len(block)), name)
        totals.append(done[-1])
        out.append(done[: len(block)])
    if len(out) > 1:
        scanned = scan(totals, name)
        for b in range(1, len(out)):
            out[b] = [page.add(scanned[b - 1], v, name) for v in out[b]]
    return [v for block in out for v in block]


def _scan_block(block, name):
    segments = []
    for s in range(64):
        local = [block[16 * s]]
        for v in block[16 * s + 1 : 16 * s + 16]:
            local.append(page.add(local[-1], v, name))
        segments.append(local)
    t = [local[-1] for local in segments]
    for d in (1, 2, 4, 8, 16, 32):
        t = [page.add(t[i - d], t[i], name) if i >= d else t[i] for i in range(64)]
    out = list(segments[0])
    for s in range(1, 64):
        out += [page.add(t[s - 1], v, name) for v in segments[s]]
    return out


def sorted_positions(values):
    """Python's sort is stable; NaN last, zeros by sign."""
    return sorted(range(len(values)), key=lambda i: _place(values[i]))


def _place(v):
    if math.isnan(v):
        return (1, 0.0, 0)
    return (0, v, 0 if v == 0 and page.negative(v) else 1)


def histogram(values, edges):
    counts = [0] * (len(edges) + 2)
    for v in values:
        if math.isnan(v):
            counts[-1] += 1
        elif v > edges[-1]:
            counts[-2] += 1
        elif v < edges[0]:
            counts[-3] += 1
        else:
            last = len(edges) - 2
            counts[next((b for b in range(last) if edges[b] <= v < edges[b + 1]), last)] += 1
    return counts


def normals(n, seed, stream):
    """philox_normal as patterns."""
    words = page.philox_elements(n + 1, seed, stream)["philox.u32.v1"]
    out = []
    for j in range((n + 1) // 2):
        a, b = words[2 * j], words[2 * j + 1]
        p, t = ((a >> 8) + 1) / 2**24, 2 * (b >> 8) / 2**24
        log = page.as_float(function_bits("log", p), "f32")
        r = page.as_float(page.sqrt_bits(page.as_float(page.binary_bits("mul", -2.0, log, "f32"), "f32"), "f32"), "f32")
        for op in ("cospi", "sinpi"):
            out.append(page.binary_bits("mul", r, page.as_float(function_bits(op, t), "f32"), "f32"))
    return out[:n]


def mirror_words(seeds, states):
    """Word 0 of each anchor's block."""
    anchors = enumerate(zip(seeds, states))
    return [page.philox_words(seed, [state, i & 0xFFFFFFFF, 0, 0])[0] for i, (seed, state) in anchors]


def fill_bits(kind, name, seed, n):
    """tame and wild of README.md, element by element, as unsigned patterns."""
    words = page.philox_elements(4 * n, seed, 0)["philox.u32.v1"]
    width = {"f64": 64, "i64": 64, "u64": 64, "i8": 8, "u8": 8}.get(name, 32)
    wide = width == 64
    out = []
    for i in range(n):
        if kind == "tame":
            out.append(_tame(name, words[2 * i + 1] << 32 | words[2 * i] if wide else words[i], width))
        else:
            k = words[4 * i if wide else 2 * i]
            v = words[4 * i + 3] << 32 | words[4 * i + 2] if wide else words[2 * i + 1]
            out.append(_wild_float(name, k & 15, v) if name in page.NAN else _wild_integer(name, k & 3, v, width))
    return out


def _tame(name, v, width):
    if name == "f32":
        return round_fraction(Fraction(v >> 8, 2**22) - 2, "f32")
    if name == "f64":
        return round_fraction(Fraction(v >> 11, 2**51) - 2, "f64")
    return v & ((1 << width) - 1)


def _wild_integer(name, k, v, width):
    signed = name[0] == "i"
    lowest = 1 << (width - 1) if signed else 0
    return [0, lowest, (1 << (width - signed)) - 1, v & ((1 << width) - 1)][k]


def _wild_float(name, k, v):
    width, field = {"f32": (32, 8), "f64": (64, 11)}[name]
    mantissa = width - 1 - field
    sign, ones = 1 << (width - 1), (1 << field) - 1
    kept = v & (sign | ((1 << mantissa) - 1))
    below_quiet = (1 << (mantissa - 1)) - 1
    if k < 4:
        return [0, sign, ones << mantissa, sign | ones << mantissa][k]
    if k == 4:
        return ones << mantissa | 1 << (mantissa - 2) | v & below_quiet | 1
    if k == 5:
        return sign | ones << mantissa | 1 << (mantissa - 1) | v & below_quiet
    if k < 9:
        return kept | [0, ones - 1, 1][k - 6] << mantissa
    if k < 13:
        bias = (ones >> 1) - 8
        return kept | (bias + (v >> mantissa & 15)) << mantissa
    return _tame(name, v, width)
