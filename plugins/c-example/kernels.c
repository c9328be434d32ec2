/* The arithmetic of the example: ten kernels, each written down as the kernel specification says it, one rounding for
 * every operation. Nothing here is quick. Compile it without -ffast-math, and with -ffp-contract=off: a compiler that
 * joins a multiplication and an addition gives other bits. */
#include "example.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#if FLT_EVAL_METHOD != 0
#error "floats would be computed in a wider type and rounded twice; on 32-bit x86 use -msse2 -mfpmath=sse"
#endif

/* An argument's elements. They need no more alignment than one element has. */
static void *elements(const ClampArray *array) { return ((Memory *)array->buffer)->bytes + array->byte_offset; }

static uint64_t count(const ClampArray *array) {
    uint64_t product = 1;
    for (uint32_t d = 0; d < array->ndim; d++) product *= array->dims[d];
    return product;
}

/* A parameter of type f32: its bits are the low ones. */
static float f32_of(uint64_t value) {
    uint32_t bits = (uint32_t)value;
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* What is stored for a computed NaN is always the same one. */
static float stored(float x) { return x == x ? x : f32_of(0x7fc00000); }

/* The order of the specification: -0 lies before +0, and a NaN wins. */
static float lesser(float x, float y) {
    if (x != x || y != y) return f32_of(0x7fc00000);
    return x < y ? x : y < x ? y : signbit(x) ? x : y;
}

static float greater(float x, float y) {
    if (x != x || y != y) return f32_of(0x7fc00000);
    return x > y ? x : y > x ? y : signbit(x) ? y : x;
}

/* A move keeps every bit, also of a NaN, so it does not go through a float. The output may be the input. */
static void copy(const Opened *kernel, const ClampLaunch *launch, Fault *fault) {
    (void)kernel, (void)fault;
    memmove(elements(&launch->outputs[0]), elements(&launch->inputs[0]), count(&launch->inputs[0]) * sizeof(float));
}

static void neg(const Opened *kernel, const ClampLaunch *launch, Fault *fault) {
    (void)kernel, (void)fault;
    const float *x = elements(&launch->inputs[0]);
    float *out = elements(&launch->outputs[0]);
    for (uint64_t i = 0, n = count(&launch->inputs[0]); i < n; i++) out[i] = stored(-x[i]);
}

static void square_root(const Opened *kernel, const ClampLaunch *launch, Fault *fault) {
    (void)kernel, (void)fault;
    const float *x = elements(&launch->inputs[0]);
    float *out = elements(&launch->outputs[0]);
    for (uint64_t i = 0, n = count(&launch->inputs[0]); i < n; i++) out[i] = stored(sqrtf(x[i]));
}

static void add(const Opened *kernel, const ClampLaunch *launch, Fault *fault) {
    (void)kernel, (void)fault;
    const float *x = elements(&launch->inputs[0]), *y = elements(&launch->inputs[1]);
    float *out = elements(&launch->outputs[0]);
    for (uint64_t i = 0, n = count(&launch->inputs[0]); i < n; i++) out[i] = stored(x[i] + y[i]);
}

static void mul(const Opened *kernel, const ClampLaunch *launch, Fault *fault) {
    (void)kernel, (void)fault;
    const float *x = elements(&launch->inputs[0]), *y = elements(&launch->inputs[1]);
    float *out = elements(&launch->outputs[0]);
    for (uint64_t i = 0, n = count(&launch->inputs[0]); i < n; i++) out[i] = stored(x[i] * y[i]);
}

static void multiply_add(const Opened *kernel, const ClampLaunch *launch, Fault *fault) {
    (void)kernel, (void)fault;
    const float *x = elements(&launch->inputs[0]), *y = elements(&launch->inputs[1]);
    const float *z = elements(&launch->inputs[2]);
    float *out = elements(&launch->outputs[0]);
    for (uint64_t i = 0, n = count(&launch->inputs[0]); i < n; i++) out[i] = stored(fmaf(x[i], y[i], z[i]));
}

/* An output of another type than the inputs, 1 or 0. */
static void compare_lt(const Opened *kernel, const ClampLaunch *launch, Fault *fault) {
    (void)kernel, (void)fault;
    const float *x = elements(&launch->inputs[0]), *y = elements(&launch->inputs[1]);
    uint8_t *out = elements(&launch->outputs[0]);
    for (uint64_t i = 0, n = count(&launch->inputs[0]); i < n; i++) out[i] = x[i] < y[i];
}

/* Parameters that come with each launch. */
static void clamp(const Opened *kernel, const ClampLaunch *launch, Fault *fault) {
    (void)kernel, (void)fault;
    const float *x = elements(&launch->inputs[0]);
    const float lo = f32_of(launch->params[0]), hi = f32_of(launch->params[1]);
    float *out = elements(&launch->outputs[0]);
    for (uint64_t i = 0, n = count(&launch->inputs[0]); i < n; i++) out[i] = lesser(greater(x[i], lo), hi);
}

/* The order of a sum: a chunk has 128 lanes of 64 elements, lane l takes the elements l, l + 128, ... in this order,
 * then the lanes are folded. The chunks' sums are summed in the same way, and so on; so what is known of a level is its
 * lanes and how many values it has got. */
enum { LANES = 128, CHUNK = LANES * 64, LEVELS = 5 };

typedef struct Level {
    float lane[LANES];
    uint32_t got;
} Level;

/* A lane that gets nothing is -0, which changes no sum. */
static void begin(Level *level) {
    for (int l = 0; l < LANES; l++) level->lane[l] = -0.0f;
    level->got = 0;
}

static float fold(Level *level) {
    for (int half = LANES / 2; half > 0; half /= 2) {
        for (int l = 0; l < half; l++) level->lane[l] += level->lane[l + half];
    }
    float sum = level->lane[0];
    begin(level);
    return sum;
}

static void take(Level levels[LEVELS], int at, float x) {
    Level *level = &levels[at];
    level->lane[level->got++ % LANES] += x;
    if (level->got == CHUNK) take(levels, at + 1, fold(level));
}

static float sum_of(const float *x, uint64_t n) {
    if (n == 0) return 0.0f;
    Level levels[LEVELS];
    for (int at = 0; at < LEVELS; at++) begin(&levels[at]);
    for (uint64_t i = 0; i < n; i++) take(levels, 0, x[i]);
    /* The chunk that is not full is a value of the next level; a level with one value passes it on as it is. */
    for (int at = 0; at < LEVELS - 1; at++) {
        if (levels[at].got > 0) take(levels, at + 1, fold(&levels[at]));
    }
    return stored(fold(&levels[LEVELS - 1]));
}

/* A parameter that is fixed when the kernel is opened. */
static void sum(const Opened *kernel, const ClampLaunch *launch, Fault *fault) {
    (void)fault;
    const ClampArray *array = &launch->inputs[0];
    const float *x = elements(array);
    float *out = elements(&launch->outputs[0]);
    uint64_t rows = kernel->rows ? array->dims[0] : 1, columns = kernel->rows ? array->dims[1] : count(array);
    for (uint64_t r = 0; r < rows; r++) out[r] = sum_of(x + r * columns, columns);
}

/* A value that the host cannot know to be wrong. The first wrong id is named; what the output then holds is nobody's
 * business. */
static void gather_rows(const Opened *kernel, const ClampLaunch *launch, Fault *fault) {
    (void)kernel;
    const ClampArray *table = &launch->inputs[0], *out = &launch->outputs[0];
    const int64_t *ids = elements(&launch->inputs[1]);
    uint64_t rows = table->dims[0], n = count(&launch->inputs[1]);
    uint64_t row_bytes = n == 0 ? 0 : count(out) / n * sizeof(float);
    for (uint64_t i = 0; i < n; i++) {
        if (ids[i] < 0 || (uint64_t)ids[i] >= rows) {
            fault->status = CLAMP_STATUS_DATA;
            fault->element = i;
            snprintf(fault->text, sizeof fault->text,
                     "input `ids`: element %" PRIu64 " is %" PRId64 ", but `table` has %" PRIu64 " rows", i, ids[i],
                     rows);
            return;
        }
        const unsigned char *row = (const unsigned char *)elements(table) + (uint64_t)ids[i] * row_bytes;
        memcpy((unsigned char *)elements(out) + i * row_bytes, row, row_bytes);
    }
}

/* id, inputs, outputs, fixed parameters, parameters of a launch */
static const Kernel KERNELS[] = {
    {CLAMP_KERNEL_ADD_F32_V1, 2, 1, 0, 0, add},
    {CLAMP_KERNEL_CLAMP_F32_V1, 1, 1, 0, 2, clamp},
    {CLAMP_KERNEL_COMPARE_LT_F32_V1, 2, 1, 0, 0, compare_lt},
    {CLAMP_KERNEL_COPY_F32_V1, 1, 1, 0, 0, copy},
    {CLAMP_KERNEL_FMA_F32_V1, 3, 1, 0, 0, multiply_add},
    {CLAMP_KERNEL_GATHER_ROWS_F32_V1, 2, 1, 0, 0, gather_rows},
    {CLAMP_KERNEL_MUL_F32_V1, 2, 1, 0, 0, mul},
    {CLAMP_KERNEL_NEG_F32_V1, 1, 1, 0, 0, neg},
    {CLAMP_KERNEL_SQRT_F32_V1, 1, 1, 0, 0, square_root},
    {CLAMP_KERNEL_SUM_F32_V1, 1, 1, 1, 0, sum},
};

const Kernel *find_kernel(ClampStr id) {
    for (size_t k = 0; k < sizeof KERNELS / sizeof KERNELS[0]; k++) {
        if (strlen(KERNELS[k].id) == id.len && memcmp(KERNELS[k].id, id.ptr, id.len) == 0) return &KERNELS[k];
    }
    return NULL;
}
