// What HIP's own headers would give, for plain clang without any of a vendor's files: qualifiers, places, vectors, bits,
// arithmetic by the compiler's builtins. hipRTC brings its own and never sees this file. Fused steps, square roots and
// roundings are LLVM's operations themselves, which the AMD GPU backend expands in place, correctly rounded.

#define __global__ __attribute__((global))
#define __device__ __attribute__((device))
#define __shared__ __attribute__((shared))
#define __forceinline__ inline __attribute__((always_inline))

typedef float float4 __attribute__((ext_vector_type(4)));
typedef unsigned int uint4 __attribute__((ext_vector_type(4)));
typedef double double2 __attribute__((ext_vector_type(2)));

// The sources use one dimension.
struct clamp_place {
    unsigned int x;
};
#define threadIdx (clamp_place{__builtin_amdgcn_workitem_id_x()})
#define blockIdx (clamp_place{__builtin_amdgcn_workgroup_id_x()})
#define blockDim (clamp_place{__builtin_amdgcn_workgroup_size_x()})
// From the dispatch packet, whose grid is counted in items; no group is partial.
#define gridDim (clamp_place{__builtin_amdgcn_grid_size_x() / __builtin_amdgcn_workgroup_size_x()})

static __device__ __forceinline__ void __syncthreads() {
    __builtin_amdgcn_fence(__ATOMIC_RELEASE, "workgroup");
    __builtin_amdgcn_s_barrier();
    __builtin_amdgcn_fence(__ATOMIC_ACQUIRE, "workgroup");
}

#define __float_as_uint(x) __builtin_bit_cast(unsigned int, (float)(x))
#define __uint_as_float(x) __builtin_bit_cast(float, (unsigned int)(x))
#define __double_as_longlong(x) __builtin_bit_cast(long long, (double)(x))
#define __longlong_as_double(x) __builtin_bit_cast(double, (long long)(x))

#define fmaf(x, y, z) __builtin_fmaf(x, y, z)
#define fma(x, y, z) __builtin_fma(x, y, z)
#define rintf(x) __builtin_rintf(x)
#define rint(x) __builtin_rint(x)
#define sqrtf(x) __builtin_sqrtf(x)
#define sqrt(x) __builtin_sqrt(x)

static __device__ __forceinline__ unsigned int __umulhi(unsigned int x, unsigned int y) {
    return (unsigned int)((unsigned long long)x * y >> 32);
}

static __device__ __forceinline__ unsigned int atomicAdd(unsigned int *place, unsigned int value) {
    return __hip_atomic_fetch_add(place, value, __ATOMIC_RELAXED, __HIP_MEMORY_SCOPE_AGENT);
}

static __device__ __forceinline__ unsigned int atomicMax(unsigned int *place, unsigned int value) {
    return __hip_atomic_fetch_max(place, value, __ATOMIC_RELAXED, __HIP_MEMORY_SCOPE_AGENT);
}
