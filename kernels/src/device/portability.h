// One dialect for OpenCL C, CUDA and HIP. The compiler is told which by CLAMP_OPENCL, CLAMP_CUDA or CLAMP_HIP, and
// CLAMP_DIV_SQRT_BY_F64 where binary32 division and square root must go through binary64. This file names the address
// spaces, indices, barriers and the exact arithmetic; it computes nothing of a kernel.
//
// Arithmetic: + - * are IEEE and never contracted (OpenCL by the pragma, the others by their option); division, square
// root and fused steps are the functions below; fmin and fmax are never used. Whole quotients of variables and conversions
// of floats to 64 bits are functions too, so that the scan of emitted code (opaque.h) can tell them from what was written.

#if defined(CLAMP_OPENCL)

#if !defined(CLAMP_NO_F64)
#pragma OPENCL EXTENSION cl_khr_fp64 : enable
#endif
#pragma OPENCL FP_CONTRACT OFF

typedef char i8;
typedef uchar u8;
typedef int i32;
typedef uint u32;
typedef long i64;
typedef ulong u64;
typedef float f32;
typedef float4 f32x4;
typedef uint4 u32x4;

#define CLAMP_KERNEL(name) __kernel void name
// Always: a function that PoCL's optimiser sees called with one local array alone takes that for a global variable, which
// all its threads then share.
#define CLAMP_FN static inline __attribute__((always_inline))
#define CLAMP_GLOBAL __global
#define CLAMP_LOCAL __local
// An array that a work-group shares; declared where the kernel begins.
#define CLAMP_LOCAL_ARRAY(type, name, count) __local type name[count]
// What stands before a table at file scope.
#define CLAMP_TABLE __constant
#define CLAMP_BARRIER() barrier(CLK_LOCAL_MEM_FENCE)
// Where items read what others of their group wrote to a buffer.
#define CLAMP_BARRIER_GLOBAL() barrier(CLK_LOCAL_MEM_FENCE | CLK_GLOBAL_MEM_FENCE)

#define CLAMP_ITEM ((u32)get_local_id(0))
#define CLAMP_ITEMS ((u32)get_local_size(0))
#define CLAMP_GROUP ((u64)get_group_id(0))
#define CLAMP_GROUPS ((u64)get_num_groups(0))

#define clamp_bits32(x) as_uint(x)
#define clamp_float32(x) as_float(x)
#define clamp_fma32(x, y, z) fma((f32)(x), (f32)(y), (f32)(z))
#define clamp_rint32(x) rint((f32)(x))
#define clamp_mul_high32(x, y) mul_hi((u32)(x), (u32)(y))
// Counts alone are added so: integers come out the same in any order.
#define clamp_atomic_add32(place, value) ((void)atomic_add((volatile __global u32 *)(place), (u32)(value)))
#define clamp_atomic_add_local32(place, value) ((void)atomic_add((volatile __local u32 *)(place), (u32)(value)))
#if !defined(CLAMP_NO_F64)
typedef double f64;
typedef double2 f64x2;
#define clamp_bits64(x) as_ulong(x)
#define clamp_float64(x) as_double(x)
#define clamp_fma64(x, y, z) fma((f64)(x), (f64)(y), (f64)(z))
#define clamp_rint64(x) rint((f64)(x))
#define clamp_sqrt64(x) sqrt((f64)(x))
#endif
#define clamp_native_sqrt32(x) sqrt((f32)(x))
#define clamp_atomic_max32(place, value) atomic_max((volatile __global u32 *)(place), (u32)(value))

#else

#if defined(CLAMP_HIP) && !defined(__HIPCC_RTC__)
#include "clang_hip.h"
#endif

typedef signed char i8;
typedef unsigned char u8;
typedef int i32;
typedef unsigned int u32;
typedef long long i64;
typedef unsigned long long u64;
typedef float f32;
typedef double f64;
typedef float4 f32x4;
typedef uint4 u32x4;
typedef double2 f64x2;

#if defined(CLAMP_HIP)
// No plan for a GPU has larger groups. Clang otherwise leaves registers for 1024 items, and large tiles spill.
#define CLAMP_KERNEL(name) extern "C" __global__ __attribute__((amdgpu_flat_work_group_size(1, 256))) void name
#else
#define CLAMP_KERNEL(name) extern "C" __global__ void name
#endif
#define CLAMP_FN static __device__ __forceinline__
#define CLAMP_GLOBAL
#define CLAMP_LOCAL
#define CLAMP_LOCAL_ARRAY(type, name, count) __shared__ type name[count]
// Not __constant__: lanes look tables up at places of their own.
#define CLAMP_TABLE static __device__ const
#define CLAMP_BARRIER() __syncthreads()
#define CLAMP_BARRIER_GLOBAL() __syncthreads()

#define CLAMP_ITEM ((u32)threadIdx.x)
#define CLAMP_ITEMS ((u32)blockDim.x)
#define CLAMP_GROUP ((u64)blockIdx.x)
#define CLAMP_GROUPS ((u64)gridDim.x)

#define clamp_bits32(x) __float_as_uint(x)
#define clamp_float32(x) __uint_as_float(x)
#define clamp_bits64(x) ((u64)__double_as_longlong(x))
#define clamp_float64(x) __longlong_as_double((i64)(x))
#if defined(CLAMP_OPAQUE)
#include "opaque.h"
#else
#define clamp_fma32(x, y, z) fmaf((x), (y), (z))
#define clamp_fma64(x, y, z) fma((double)(x), (double)(y), (double)(z))
#define clamp_native_sqrt32(x) sqrtf(x)
#define clamp_sqrt64(x) sqrt((double)(x))
#endif
#define clamp_rint32(x) rintf(x)
#define clamp_rint64(x) rint((double)(x))
#define clamp_mul_high32(x, y) __umulhi((x), (y))
#define clamp_atomic_add32(place, value) ((void)atomicAdd((place), (u32)(value)))
#define clamp_atomic_add_local32(place, value) ((void)atomicAdd((place), (u32)(value)))
#define clamp_atomic_max32(place, value) atomicMax((place), (u32)(value))

#endif

// A buffer argument: where the buffer begins and the bytes before the array's first element. CLAMP_AT gives the
// array itself.
#define CLAMP_IN(type, name) CLAMP_GLOBAL const type *name##_buffer, u64 name##_offset
#define CLAMP_OUT(type, name) CLAMP_GLOBAL type *name##_buffer, u64 name##_offset
#define CLAMP_AT_IN(type, name) \
    CLAMP_GLOBAL const type *name = (CLAMP_GLOBAL const type *)((CLAMP_GLOBAL const u8 *)name##_buffer + name##_offset)
#define CLAMP_AT_OUT(type, name) \
    CLAMP_GLOBAL type *name = (CLAMP_GLOBAL type *)((CLAMP_GLOBAL u8 *)name##_buffer + name##_offset)

// A walk over all elements takes blocks of a work-group's size; every item of a group takes as many steps, so that
// barriers are allowed in it and a CPU's compiler can put items side by side.
#define CLAMP_FIRST (CLAMP_GROUP * CLAMP_ITEMS)
#define CLAMP_STRIDE (CLAMP_GROUPS * CLAMP_ITEMS)

// The end of one step of such a walk. On a CPU it keeps the items of a group in step, so that they become vector lanes
// over neighbouring elements, not one walk after the other; on a GPU they are in step anyway.
#if defined(CLAMP_CPU)
#define CLAMP_STEP_END() CLAMP_BARRIER()
#else
#define CLAMP_STEP_END()
#endif

// No index, and no failing element.
#define CLAMP_NONE ((u64) - 1)

#if !defined(CLAMP_OPAQUE)
#define clamp_native_div32(x, y) ((f32)(x) / (f32)(y))
#define clamp_div64(x, y) ((f64)(x) / (f64)(y))
#define clamp_quotient64(x, y) ((u64)(x) / (u64)(y))
#define clamp_remainder64(x, y) ((u64)(x) % (u64)(y))
// Of a float within the range of i64, towards zero.
#define clamp_whole32(x) ((i64)(f32)(x))
#define clamp_whole64(x) ((i64)(f64)(x))
#endif

#if defined(CLAMP_DIV_SQRT_BY_F64)
// The quotient of two binary32 numbers lies no nearer to a middle between two of them than binary64 can tell.
#define clamp_div32(x, y) ((f32)clamp_div64((x), (y)))
#define clamp_sqrt32(x) ((f32)clamp_sqrt64((f64)(x)))
#else
#define clamp_div32(x, y) clamp_native_div32((x), (y))
#define clamp_sqrt32(x) clamp_native_sqrt32(x)
#endif

// On bits: a compiler may take a test of a computed NaN for one without meaning.
CLAMP_FN f32 clamp_canonical32(f32 x) {
    const u32 bits = clamp_bits32(x);
    return clamp_float32((bits & 0x7fffffffu) > 0x7f800000u ? 0x7fc00000u : bits);
}

CLAMP_FN int clamp_is_nan32(f32 x) {
    return (clamp_bits32(x) & 0x7fffffffu) > 0x7f800000u;
}

// The lesser and the greater in the order -0 < +0; NaN if either is. Equal operands have equal bits or are zeros.
CLAMP_FN f32 clamp_min32(f32 x, f32 y) {
    const u32 least = x < y ? clamp_bits32(x) : y < x ? clamp_bits32(y) : clamp_bits32(x) | clamp_bits32(y);
    return clamp_float32(clamp_is_nan32(x) || clamp_is_nan32(y) ? 0x7fc00000u : least);
}

CLAMP_FN f32 clamp_max32(f32 x, f32 y) {
    const u32 greatest = x > y ? clamp_bits32(x) : y > x ? clamp_bits32(y) : clamp_bits32(x) & clamp_bits32(y);
    return clamp_float32(clamp_is_nan32(x) || clamp_is_nan32(y) ? 0x7fc00000u : greatest);
}

#if !defined(CLAMP_NO_F64)

CLAMP_FN f64 clamp_canonical64(f64 x) {
    const u64 bits = clamp_bits64(x);
    return clamp_float64((bits & 0x7fffffffffffffffUL) > 0x7ff0000000000000UL ? 0x7ff8000000000000UL : bits);
}

CLAMP_FN int clamp_is_nan64(f64 x) {
    return (clamp_bits64(x) & 0x7fffffffffffffffUL) > 0x7ff0000000000000UL;
}

CLAMP_FN f64 clamp_min64(f64 x, f64 y) {
    const u64 least = x < y ? clamp_bits64(x) : y < x ? clamp_bits64(y) : clamp_bits64(x) | clamp_bits64(y);
    return clamp_float64(clamp_is_nan64(x) || clamp_is_nan64(y) ? 0x7ff8000000000000UL : least);
}

CLAMP_FN f64 clamp_max64(f64 x, f64 y) {
    const u64 greatest = x > y ? clamp_bits64(x) : y > x ? clamp_bits64(y) : clamp_bits64(x) & clamp_bits64(y);
    return clamp_float64(clamp_is_nan64(x) || clamp_is_nan64(y) ? 0x7ff8000000000000UL : greatest);
}

#endif
