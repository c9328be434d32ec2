// Softmax. `softmax_short` takes rows of one chunk and less, several short ones a group: every item keeps to its own
// elements, whose powers wait in the output. Longer rows go through `softmax_powers`, a group a chunk, which leaves the
// chunks' partial sums, and `softmax_divide`.

CLAMP_FN f32 fold_max(CLAMP_LOCAL f32 *tile, u32 width, f32 value) {
    const u32 item = CLAMP_ITEM;
    tile[item] = value;
    CLAMP_BARRIER();
    for (u32 reach = width / 2; reach > 0; reach /= 2) {
        if ((item & (width - 1)) < reach) {
            tile[item] = clamp_max32(tile[item], tile[item + reach]);
        }
        CLAMP_BARRIER();
    }
    const f32 greatest = tile[item & ~(width - 1)];
    CLAMP_BARRIER();
    return greatest;
}

CLAMP_KERNEL(softmax_short)(CLAMP_IN(f32, x), CLAMP_OUT(f32, out), u64 rows, u64 n, u32 shift) {
    CLAMP_LOCAL_ARRAY(f32, tile, PART_ITEMS);
    CLAMP_AT_IN(f32, x);
    CLAMP_AT_OUT(f32, out);
    const u32 width = 1u << shift;
    const u32 lane = CLAMP_ITEM & (width - 1);
    const u64 at_once = CLAMP_ITEMS >> shift;
    for (u64 base = CLAMP_GROUP * at_once; base < rows; base += CLAMP_GROUPS * at_once) {
        const u64 row = base + (CLAMP_ITEM >> shift);
        f32 greatest = clamp_float32(0xff800000u);
        for (u64 at = 0; at < n; at += width) {
            if (row < rows && at + lane < n) {
                greatest = clamp_max32(greatest, x[row * n + at + lane]);
            }
            CLAMP_STEP_END();
        }
        greatest = fold_max(tile, width, greatest);
        f32 acc = -0.0f;
        for (u64 at = 0; at < n; at += width) {
            if (row < rows && at + lane < n) {
                const f32 power = clamp_exp(x[row * n + at + lane] - greatest);
                out[row * n + at + lane] = power;
                acc = acc + power;
            }
            CLAMP_STEP_END();
        }
        tile[CLAMP_ITEM] = acc;
        fold(tile, width);
        const f32 sum = tile[CLAMP_ITEM & ~(width - 1)];
        CLAMP_BARRIER();
        for (u64 at = 0; at < n; at += width) {
            if (row < rows && at + lane < n) {
                const u64 i = row * n + at + lane;
                out[i] = clamp_canonical32(clamp_div32(out[i], sum));
            }
            CLAMP_STEP_END();
        }
    }
}

CLAMP_KERNEL(softmax_powers)
(CLAMP_IN(f32, x), CLAMP_IN(f32, greatest), CLAMP_OUT(f32, out), CLAMP_OUT(f32, partial), u64 rows, u64 n, u64 chunks) {
    CLAMP_LOCAL_ARRAY(f32, tile, LANES);
    CLAMP_AT_IN(f32, x);
    CLAMP_AT_IN(f32, greatest);
    CLAMP_AT_OUT(f32, out);
    CLAMP_AT_OUT(f32, partial);
    for (u64 c = CLAMP_GROUP; c < rows * chunks; c += CLAMP_GROUPS) {
        const u64 row = clamp_quotient64(c, chunks);
        const u64 first = (c - row * chunks) * CHUNK;
        const u64 left = n - first < CHUNK ? n - first : CHUNK;
        f32 acc = -0.0f;
        for (u64 at = 0; at < left; at += LANES) {
            const u64 i = row * n + first + at + CLAMP_ITEM;
            if (at + CLAMP_ITEM < left) {
                const f32 power = clamp_exp(x[i] - greatest[row]);
                out[i] = power;
                acc = acc + power;
            }
        }
        tile[CLAMP_ITEM] = acc;
        fold(tile, LANES);
        if (CLAMP_ITEM == 0) {
            partial[c] = tile[0];
        }
        CLAMP_BARRIER();
    }
}

CLAMP_KERNEL(softmax_divide)(CLAMP_IN(f32, sum), CLAMP_OUT(f32, out), u64 rows, u64 n, u64 chunks) {
    CLAMP_AT_IN(f32, sum);
    CLAMP_AT_OUT(f32, out);
    for (u64 c = CLAMP_GROUP; c < rows * chunks; c += CLAMP_GROUPS) {
        const u64 row = clamp_quotient64(c, chunks);
        const u64 first = (c - row * chunks) * CHUNK;
        const u64 left = n - first < CHUNK ? n - first : CHUNK;
        for (u64 at = 0; at < left; at += LANES) {
            const u64 i = row * n + first + at + CLAMP_ITEM;
            if (at + CLAMP_ITEM < left) {
                out[i] = clamp_canonical32(clamp_div32(out[i], sum[row]));
            }
        }
    }
}
