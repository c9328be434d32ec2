// For the scan of emitted code alone, never for a backend: everything that a compiler may rightly turn into fused or
// approximate instructions becomes a marker that it cannot see through, a comment in its output. Each fused or approximate
// instruction that is left was made of operations that the source rounds one by one, which is a contraction.
//
// Fused steps are wanted as such. Quotients and roots of floats, whole quotients and conversions to 64 bits have no
// instruction on AMD GPUs, and are expanded into some that are fused.

#if defined(CLAMP_CUDA)
#define OPAQUE_TEXT "// clamp_opaque "
#define OPAQUE_F32 "f"
#define OPAQUE_F64 "d"
#define OPAQUE_U64 "l"
#else
#define OPAQUE_TEXT "; clamp_opaque "
#define OPAQUE_F32 "v"
#define OPAQUE_F64 "v"
#define OPAQUE_U64 "v"
#endif

#define OPAQUE_1(name, to, to_kind, from, from_kind)                                          \
    CLAMP_FN to clamp_opaque_##name(from x) {                                                 \
        to result;                                                                            \
        asm(OPAQUE_TEXT #name " %0 %1" : "=" to_kind(result) : from_kind(x));                 \
        return result;                                                                        \
    }
#define OPAQUE_2(name, type, kind)                                                            \
    CLAMP_FN type clamp_opaque_##name(type x, type y) {                                       \
        type result;                                                                          \
        asm(OPAQUE_TEXT #name " %0 %1 %2" : "=" kind(result) : kind(x), kind(y));             \
        return result;                                                                        \
    }
#define OPAQUE_3(name, type, kind)                                                            \
    CLAMP_FN type clamp_opaque_##name(type x, type y, type z) {                               \
        type result;                                                                          \
        asm(OPAQUE_TEXT #name " %0 %1 %2 %3" : "=" kind(result) : kind(x), kind(y), kind(z)); \
        return result;                                                                        \
    }

OPAQUE_3(fma32, f32, OPAQUE_F32)
OPAQUE_3(fma64, f64, OPAQUE_F64)
OPAQUE_2(div32, f32, OPAQUE_F32)
OPAQUE_2(div64, f64, OPAQUE_F64)
OPAQUE_1(sqrt32, f32, OPAQUE_F32, f32, OPAQUE_F32)
OPAQUE_1(sqrt64, f64, OPAQUE_F64, f64, OPAQUE_F64)
OPAQUE_2(quotient64, u64, OPAQUE_U64)
OPAQUE_2(remainder64, u64, OPAQUE_U64)
OPAQUE_1(whole32, i64, OPAQUE_U64, f32, OPAQUE_F32)
OPAQUE_1(whole64, i64, OPAQUE_U64, f64, OPAQUE_F64)

#define clamp_fma32 clamp_opaque_fma32
#define clamp_fma64 clamp_opaque_fma64
#define clamp_native_div32 clamp_opaque_div32
#define clamp_native_sqrt32 clamp_opaque_sqrt32
#define clamp_div64 clamp_opaque_div64
#define clamp_sqrt64 clamp_opaque_sqrt64
#define clamp_quotient64 clamp_opaque_quotient64
#define clamp_remainder64 clamp_opaque_remainder64
#define clamp_whole32 clamp_opaque_whole32
#define clamp_whole64 clamp_opaque_whole64
