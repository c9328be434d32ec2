// Casts: a float becomes an integer by rounding to nearest even and saturating, NaN gives 0; integers saturate; a float
// is rounded once. The bounds are exact in the type that they are compared in.

CLAMP_FN i32 clamp_i32_from_f32(f32 x) {
    const f32 r = clamp_rint32(x);
    return r >= 2147483648.0f ? 2147483647 : r < -2147483648.0f ? (-2147483647 - 1) : r == r ? (i32)r : 0;
}

CLAMP_FN u32 clamp_u32_from_f32(f32 x) {
    const f32 r = clamp_rint32(x);
    return r >= 4294967296.0f ? 0xffffffffu : r > 0.0f ? (u32)r : 0u;
}

CLAMP_FN i64 clamp_i64_from_f32(f32 x) {
    const f32 r = clamp_rint32(x);
    return r >= 9223372036854775808.0f   ? (i64)0x7fffffffffffffffL
           : r < -9223372036854775808.0f ? (-(i64)0x7fffffffffffffffL - 1)
           : r == r                      ? clamp_whole32(r)
                                         : 0;
}

#if !defined(CLAMP_NO_F64)

CLAMP_FN i32 clamp_i32_from_f64(f64 x) {
    const f64 r = clamp_rint64(x);
    return r >= 2147483648.0 ? 2147483647 : r < -2147483648.0 ? (-2147483647 - 1) : r == r ? (i32)r : 0;
}

CLAMP_FN u32 clamp_u32_from_f64(f64 x) {
    const f64 r = clamp_rint64(x);
    return r >= 4294967296.0 ? 0xffffffffu : r > 0.0 ? (u32)r : 0u;
}

CLAMP_FN i64 clamp_i64_from_f64(f64 x) {
    const f64 r = clamp_rint64(x);
    return r >= 9223372036854775808.0   ? (i64)0x7fffffffffffffffL
           : r < -9223372036854775808.0 ? (-(i64)0x7fffffffffffffffL - 1)
           : r == r                     ? clamp_whole64(r)
                                        : 0;
}

#endif

#define clamp_i64_from_i32(x) ((i64)(x))
#define clamp_i64_from_u32(x) ((i64)(x))
#define clamp_u32_from_i32(x) ((x) < 0 ? 0u : (u32)(x))
#define clamp_i32_from_u32(x) ((x) > 2147483647u ? 2147483647 : (i32)(x))
#define clamp_i32_from_i64(x) \
    ((x) > (i64)2147483647 ? 2147483647 : (x) < -(i64)2147483648L ? (-2147483647 - 1) : (i32)(x))
#define clamp_u32_from_i64(x) ((x) < 0 ? 0u : (x) > (i64)4294967295L ? 0xffffffffu : (u32)(x))
