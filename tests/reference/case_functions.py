"""f32 inputs for functions of one variable: where the function does something, its edges, known hard cases.

Draws from a generator the caller seeds; computes no function but to place edges.
"""

import numpy as np

import case_data as data
from clamp_reference.formats import bits, from_bits

# Inputs whose value lies closest to the middle of two f32, from exhaustive searches by f64 estimates over the
# inputs where the function is neither x nor constant; distances from 1e-18 to some 1e-15 of the value.
HARD = {
    "exp": [
        0xC16912CD, 0xBBF0EDF1, 0xBAE0E25C, 0x377EFF81, 0x40315B33, 0x4001B249, 0x39C6BE5B, 0x38E69CC1,
        0x383A3EF1, 0xBC2A461A, 0x3D1A274E, 0x4288942B, 0xBBB70EE8, 0x3FE67199, 0xC13D6631, 0x39E5BB1D,
        0x41CBF87B, 0x36FDFFC1, 0x367BFFE1, 0x35F7FFF1, 0x356FFFF9, 0x34DFFFFD, 0x343FFFFF, 0xBCB8F40F,
    ],
    "log": [
        0x65D890D3, 0x4C5D65A5, 0x4D604EBE, 0x66A8C860, 0x1F116AB8, 0x41178FEB, 0x3C413D3A, 0x6F31A8EC,
        0x38DCBE38, 0x5EE8984E, 0x4665A9A6, 0x3BF86EF0, 0x79E7EC37, 0x2C4C24B7, 0x0DC8BBA4, 0x1A8446CB,
        0x28E3FA26, 0x66ABBD63, 0x29FD22F8, 0x111C87F8, 0x29E6126B, 0x2E492984, 0x464D5B2B, 0x54AF989D,
    ],
    "rsqrt": [
        0x403A18E3, 0x4009F038, 0x407FFFFE, 0x3FBA2A39, 0x3FD2208F, 0x3FED3230, 0x3F8A5C86, 0x3FDAE942,
        0x3FD19305, 0x401DD16A, 0x3FA49C14, 0x407DE1E1, 0x407DBBAC, 0x3F9CA018, 0x3F9CFD44, 0x3FD7AEA0,
        0x4042ED16, 0x3FC653DA, 0x40355499, 0x4020BF32,
    ],
    "exp2": [
        0xB52D1F9A, 0xBCF3A937, 0x3B429D37, 0xB8D3D026, 0xBAEC2B40, 0x3A07857C, 0x3C02A9AD, 0x36879CF7,
        0xBE1F29DE, 0x33B8AA3B, 0x3DC9ABE2, 0xB466D4CB, 0xB338AA3B, 0xB8BBD3A2, 0xB5160A52, 0xBCAF4D02,
    ],
    "expm1": [
        0x3DC252DD, 0x3A254E7A, 0x34CA62C1, 0xB675CBFC, 0x33B504F3, 0xBB7B3B6C, 0x36322B1B, 0xB3800000,
        0x40315B33, 0x4001B249, 0x37B61385, 0x4288942B, 0x3B643F1B, 0x350F1BBC, 0x3B234E53, 0x35C542DE,
    ],
    "log2": [
        0x3EA07AB9, 0x40207AB9, 0x00914A90, 0x01114A90, 0x01914A90, 0x02114A90, 0x02914A90, 0x03114A90,
        0x03914A90, 0x04114A90, 0x04914A90, 0x05114A90, 0x05914A90, 0x06114A90, 0x06914A90, 0x07114A90,
    ],
    "log10": [
        0x610567E4, 0x62A6C1DD, 0x45BDEDC8, 0x0EFEEE7A, 0x604DF02C, 0x120B93DC, 0x13AE78D3, 0x2F149212,
        0x6F592C3C, 0x0A4D4CE8, 0x65903D25, 0x427A28E9, 0x43079CCE, 0x4DFF4DDC, 0x0E10C607, 0x2B1B73F9,
    ],
    "log1p": [
        0x35400003, 0xB53FFFFD, 0x65D890D3, 0x3EFD81AD, 0x3710001B, 0xB70FFFE5, 0x55185F82, 0x41078FEB,
        0x66A8C860, 0xBB0EC8C4, 0x6F31A8EC, 0x3770004B, 0xB76FFFB5, 0x4665A5A6, 0x5EE8984E, 0x79E7EC37,
    ],
    "sin": [
        0x73243F06, 0x46199998, 0x55CAFB2A, 0x67A9242B, 0x4371ADE3, 0x5F208D82, 0x7A5AACDB, 0x6446CEC0,
        0x79D1F6D3, 0x61DFC847, 0x5DADD689, 0x4FB56937, 0x653CEE8F, 0x7A817B08, 0x6D734599, 0x3EF3830F,
    ],
    "cos": [
        0x6115CB11, 0x59443C0A, 0x5F18B878, 0x7A4B1A27, 0x5922AA80, 0x7908CD73, 0x61703976, 0x3C107FE6,
        0x55E5235D, 0x39800000, 0x424790CE, 0x3A544395, 0x4A01DCA4, 0x7A38AB34, 0x52D9D3FE, 0x42378DB8,
    ],
    "tan": [
        0x5FFD33A4, 0x5D5873AE, 0x408174DD, 0x7DAE7426, 0x7714B423, 0x453C5846, 0x575852F8, 0x77CDA26B,
        0x3E19205E, 0x40E67F59, 0x76EB0BDC, 0x79C42C65, 0x451E0885, 0x7A98D2C2, 0x39B89BA2, 0x68058F5D,
    ],
    "sinpi": [
        0x3DFD7F58, 0x3F605015, 0x3CEEB990, 0x3D80C8A4, 0x38F2BD6E, 0x3CC90961, 0x3A661359, 0x3D273E15,
        0x38D1DB43, 0x39400F04, 0x3E8FB527, 0x3A6D6B8C, 0x3D97DFEA, 0x3DC6972B, 0x3CA930D5, 0x3894F1FE,
    ],
    "cospi": [
        0x3EC0A02A, 0x3F1FAFEB, 0x398721A7, 0x3EF11467, 0x3EDFCDD7, 0x390D23E4, 0x3B25BCA6, 0x3C625B7C,
        0x3DB3021A, 0x3D8ED5D9, 0x3CF64CED, 0x39363612, 0x3D3BA293, 0x39579860, 0x3C157C18, 0x3C309378,
    ],
    "tanh": [
        0x3AC37DE2, 0x3EEE0566, 0x3CD41B91, 0x40ACB4D0, 0x40C5E8CA, 0x3D7C3055, 0x3C96AE2E, 0x40A6EF82,
        0x3F20B67F, 0x3FF8BC7E, 0x4013CD84, 0x3BC8B605, 0x3F97FBC7, 0x3EF6AFEE, 0x3ADBC904, 0x39B89BA2,
    ],
    "erf": [
        0x3940EAD6, 0x39C0057D, 0x2BAA320C, 0x3B25A39D, 0x3F043A75, 0x3AA60E18, 0x3C7C9E9F, 0x3F44DDFD,
        0x3E1FCC60, 0x3B13E8A5, 0x3E97E551, 0x3ADAC744, 0x38E1B0AF, 0x39F347A2, 0x3B636D88, 0x3E2F129D,
    ],
}  # fmt: skip

# Where results overflow, become subnormal, vanish, or reach 1 (the neighbours are taken too).
EDGES = {
    "exp": [0x42B17217, 0x42B17218, 0xC2AEAC4F, 0xC2AEAC50, 0xC2CFF1B4, 0xC2CFF1B5, 0x33000000, 0x33800000,
            0xB3000000, 0xB2800000],
    "exp2": [0x43000000, 0xC2FC0000, 0xC3150000, 0xC3160000, 0xC3170000, 0x33000000, 0x33800000, 0xB3000000,
             0x42FE0000, 0x3F800000],
    "expm1": [0x42B17217, 0x42B17218, 0xC18AA122, 0xC1851592, 0x33800000, 0xB3800000, 0xBF800000],
    "log": [0x3F800000, 0x00800000, 0x00000001, 0x7F7FFFFF],
    "log2": [0x3F800000, 0x00800000, 0x00000001, 0x7F7FFFFF, 0x3F000000, 0x40000000],
    "log10": [0x3F800000, 0x41200000, 0x42C80000, 0x447A0000, 0x501502F9, 0x3DCCCCCD],
    "log1p": [0xBF800000, 0xBF7FFFFF, 0x33800000, 0xB3800000, 0x00000001, 0x7F7FFFFF],
    "sin": [0x3FC90FDB, 0x40490FDB, 0x40C90FDB, 0x39E89768, 0x7F7FFFFF],
    "cos": [0x3FC90FDB, 0x40490FDB, 0x4096CBE4, 0x39800000, 0x7F7FFFFF],
    "tan": [0x3FC90FDB, 0x40490FDB, 0x4096CBE4, 0x3F490FDB, 0x39B504F3, 0x7F7FFFFF],
    "sinpi": [0x3F000000, 0x3F800000, 0x40000000, 0x3E800000, 0x4B000000, 0x4B800000, 0x4A800000],
    "cospi": [0x3F000000, 0x3F800000, 0x40000000, 0x3E800000, 0x4B000000, 0x4B800000, 0x4A800000],
    "tanh": [0x41102CB3, 0x41102CB4, 0x39DDB3D7, 0x39800000],
    "erf": [0x407AD447, 0x407AD444, 0x39800000, 0x3F5DB3D7],
    "sigmoid": [0x42B17218, 0xC2B17218, 0xC2CFF1B5, 0x41851592, 0xC2AEAC50],
    "silu": [0x42B17218, 0xC2B17218, 0xC2CFF1B5, 0x41851592, 0xC2AEAC50],
    "gelu": [0x40B15F0A, 0xC0B15F0A, 0xC0A80000, 0x00800000, 0x80000001],
    "rsqrt": [0x3F800000, 0x40800000, 0x00000001, 0x7F7FFFFF],
}  # fmt: skip

# Bounds of the inputs that give neither x, nor a constant, nor an infinity, with some margin.
_ACTIVE = {
    "exp": (-104.5, 89.5), "exp2": (-151, 129), "expm1": (-18.5, 89.5), "log1p": (-1, 8), "sin": (-100, 100),
    "cos": (-100, 100), "tan": (-100, 100), "sinpi": (-4, 4), "cospi": (-4, 4), "tanh": (-9.5, 9.5),
    "erf": (-4.2, 4.2), "sigmoid": (-104.5, 20), "silu": (-106, 20), "gelu": (-6, 6),
}  # fmt: skip
_QUARTERS = {"sin": np.pi / 4, "cos": np.pi / 4, "tan": np.pi / 4, "sinpi": 0.25, "cospi": 0.25}

FUNCTIONS = tuple(EDGES)


def known_inputs(op):
    """The hard cases of a function and its edges, neighbours and signs included."""
    edges = np.array(EDGES[op], "<u4")
    around = np.concatenate([edges + np.uint32(d) for d in (0, 1, 2, 0xFFFFFFFF, 0xFFFFFFFE)])
    hard = np.array(HARD.get(op, []), "<u4")
    return from_bits(np.concatenate([around, around ^ np.uint32(1 << 31), hard, hard ^ np.uint32(1 << 31)]), "f32")


def function_source(rng, n, op):
    """n inputs of a function."""
    parts = [(2, data.mixed(rng, n, "f32")), (2, data.scaled(rng, n, "f32", -30, 7)),
             (2, rng.choice(known_inputs(op), n))]  # fmt: skip
    if op in _ACTIVE:
        parts.append((6, rng.uniform(*_ACTIVE[op], n).astype("<f4")))
    if op in _QUARTERS:
        turns = (_QUARTERS[op] * rng.integers(-4000, 4000, n)).astype("<f4")
        parts.append((3, from_bits(bits(turns) + rng.integers(-1, 2, n).astype("<u4"), "f32")))
        parts.append((2, data.random_bits(rng, n, "f32")))
        parts.append((2, data.scaled(rng, n, "f32", 5, 26)))
    if op.startswith("log"):
        around = from_bits(np.uint32(0x3F800000) + rng.integers(-4000, 4000, n).astype("<u4"), "f32")
        one = np.float32(1) if op == "log1p" else np.float32(0)
        parts += [(6, np.abs(data.random_bits(rng, n, "f32"))), (2, around - one),
                  (1, np.abs(data.subnormal(rng, n, "f32")))]  # fmt: skip
    if op == "rsqrt":
        powers = np.ldexp(from_bits(rng.choice(HARD["rsqrt"], n).astype("<u4"), "f32"), 2 * rng.integers(-60, 60, n))
        parts += [(4, np.abs(data.random_bits(rng, n, "f32"))), (2, powers.astype("<f4"))]
    return data.blend(rng, parts)
