// Layernorm and rmsnorm. IS_LAYER says which; GAMMA and BETA say what is present. `norm_short` takes rows of one chunk
// and less, `norm_apply` longer ones, whose moments were reduced before.

#if IS_LAYER
#define LESS_MEAN(x, mean) ((x) - (mean))
#else
#define LESS_MEAN(x, mean) (x)
#endif

CLAMP_FN f32 normed(f32 x, f32 root, u32 has, f32 gamma, f32 beta) {
    const f32 y = clamp_div32(x, root);
    return clamp_canonical32(has == 3   ? clamp_fma32(y, gamma, beta)
                             : has == 1 ? y * gamma
                             : has == 2 ? y + beta
                                        : y);
}

CLAMP_KERNEL(norm_short)
(CLAMP_IN(f32, x), CLAMP_IN(f32, gamma), CLAMP_IN(f32, beta), CLAMP_OUT(f32, out), u64 rows, u64 n, u32 shift, u32 has,
 f32 count, f32 eps) {
    CLAMP_LOCAL_ARRAY(f32, tile, PART_ITEMS);
    CLAMP_AT_IN(f32, x);
    CLAMP_AT_IN(f32, gamma);
    CLAMP_AT_IN(f32, beta);
    CLAMP_AT_OUT(f32, out);
    const u32 width = 1u << shift;
    const u32 lane = CLAMP_ITEM & (width - 1);
    const u32 head = CLAMP_ITEM & ~(width - 1);
    const u64 at_once = CLAMP_ITEMS >> shift;
    for (u64 base = CLAMP_GROUP * at_once; base < rows; base += CLAMP_GROUPS * at_once) {
        const u64 row = base + (CLAMP_ITEM >> shift);
        f32 acc = -0.0f;
        f32 mean = 0.0f;
#if IS_LAYER
        for (u64 at = 0; at < n; at += width) {
            if (row < rows && at + lane < n) {
                acc = acc + x[row * n + at + lane];
            }
            CLAMP_STEP_END();
        }
        tile[CLAMP_ITEM] = acc;
        fold(tile, width);
        mean = clamp_div32(tile[head], count);
        CLAMP_BARRIER();
        acc = -0.0f;
#endif
        for (u64 at = 0; at < n; at += width) {
            if (row < rows && at + lane < n) {
                const f32 d = LESS_MEAN(x[row * n + at + lane], mean);
                acc = clamp_fma32(d, d, acc);
            }
            CLAMP_STEP_END();
        }
        tile[CLAMP_ITEM] = acc;
        fold(tile, width);
        const f32 root = clamp_sqrt32(clamp_div32(tile[head], count) + eps);
        CLAMP_BARRIER();
        for (u64 at = 0; at < n; at += width) {
            const u64 column = at + lane;
            if (row < rows && column < n) {
                const f32 g = has & 1 ? gamma[column] : 0.0f;
                const f32 b = has & 2 ? beta[column] : 0.0f;
                out[row * n + column] = normed(LESS_MEAN(x[row * n + column], mean), root, has, g, b);
            }
            CLAMP_STEP_END();
        }
    }
}

CLAMP_KERNEL(norm_apply)
(CLAMP_IN(f32, x), CLAMP_IN(f32, gamma), CLAMP_IN(f32, beta), CLAMP_IN(f32, mean), CLAMP_IN(f32, square), CLAMP_OUT(f32, out),
 u64 rows, u64 n, u64 chunks, u32 has, f32 eps) {
    CLAMP_AT_IN(f32, x);
    CLAMP_AT_IN(f32, gamma);
    CLAMP_AT_IN(f32, beta);
    CLAMP_AT_IN(f32, mean);
    CLAMP_AT_IN(f32, square);
    CLAMP_AT_OUT(f32, out);
    for (u64 c = CLAMP_GROUP; c < rows * chunks; c += CLAMP_GROUPS) {
        const u64 row = clamp_quotient64(c, chunks);
        const u64 first = (c - row * chunks) * CHUNK;
        const f32 root = clamp_sqrt32(square[row] + eps);
        for (u64 at = first; at < first + CHUNK && at < n; at += LANES) {
            const u64 column = at + CLAMP_ITEM;
            if (column < n) {
                const f32 g = has & 1 ? gamma[column] : 0.0f;
                const f32 b = has & 2 ? beta[column] : 0.0f;
                out[row * n + column] = normed(LESS_MEAN(x[row * n + column], mean[row]), root, has, g, b);
            }
        }
    }
}
