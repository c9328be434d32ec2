// Floats as unsigned numbers of their width, by their bits alone, so that binary64 is not needed. WIDE says 64 bits.

#if WIDE
typedef u64 KEY;
#define KEY_SIGN ((u64)1 << 63)
#define KEY_INFINITY ((u64)0x7ff << 52)
#define KEY_NAN ((u64)0xfff << 51)
#else
typedef u32 KEY;
#define KEY_SIGN ((u32)1 << 31)
#define KEY_INFINITY ((u32)0xff << 23)
#define KEY_NAN ((u32)0x1ff << 22)
#endif

CLAMP_FN int clamp_is_nan_bits(KEY bits) {
    return (bits & ~KEY_SIGN) > KEY_INFINITY;
}

// Ascends as the floats do, -0 before +0; every NaN is the canonical one, and the last.
CLAMP_FN KEY clamp_key(KEY bits) {
    const KEY value = clamp_is_nan_bits(bits) ? KEY_NAN : bits;
    return value & KEY_SIGN ? ~value : value | KEY_SIGN;
}

CLAMP_FN KEY clamp_bits_of_key(KEY key) {
    return key & KEY_SIGN ? key ^ KEY_SIGN : ~key;
}
