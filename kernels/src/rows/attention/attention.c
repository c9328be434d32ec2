// Attention in one step. A group of LANES items takes ROWS rows of q of one batch at a time: their scores against every
// row of k, the softmax of each, and the products with v, in the orders of the kernels that it is composed of. Scores and
// the partial sums of long rows are in scratch memory of the group's own.

#define PANEL 1024

// The greatest of the items' values, in every item.
CLAMP_FN f32 greatest_of(CLAMP_LOCAL f32 *tile, f32 value) {
    tile[CLAMP_ITEM] = value;
    CLAMP_BARRIER();
    for (u32 reach = LANES / 2; reach > 0; reach /= 2) {
        if (CLAMP_ITEM < reach) {
            tile[CLAMP_ITEM] = clamp_max32(tile[CLAMP_ITEM], tile[CLAMP_ITEM + reach]);
        }
        CLAMP_BARRIER();
    }
    const f32 greatest = tile[0];
    CLAMP_BARRIER();
    return greatest;
}

// The sum of n values in the order of the reductions, in every item. Partial sums stand in `partial`, which may be where
// the values are, since a chunk is read before its place is written.
CLAMP_FN f32 sum_of(CLAMP_LOCAL f32 *tile, CLAMP_GLOBAL const f32 *values, CLAMP_GLOBAL f32 *partial, u64 n) {
    const u64 chunks = (n + CHUNK - 1) / CHUNK;
    f32 sum = 0.0f;
    for (u64 c = 0; c < chunks; c++) {
        f32 acc = NEGATIVE_ZERO;
        for (u32 r = 0; r < 64; r++) {
            const u64 i = c * CHUNK + r * LANES + CLAMP_ITEM;
            if (i < n) {
                acc = acc + values[i];
            }
        }
        tile[CLAMP_ITEM] = acc;
        fold(tile, LANES);
        sum = tile[0];
        if (CLAMP_ITEM == 0 && chunks > 1) {
            partial[c] = sum;
        }
        CLAMP_BARRIER_GLOBAL();
    }
    return sum;
}

CLAMP_KERNEL(attend)
(CLAMP_IN(f32, q), CLAMP_IN(f32, k), CLAMP_IN(f32, v), CLAMP_IN(f32, mask), CLAMP_OUT(f32, out), CLAMP_OUT(f32, scratch),
 u64 batches, u64 s, u64 t, u64 d, u64 e, u64 mask_batch, u32 has_mask, f32 scale) {
    CLAMP_LOCAL_ARRAY(f32, tile, LANES);
    CLAMP_AT_IN(f32, q);
    CLAMP_AT_IN(f32, k);
    CLAMP_AT_IN(f32, v);
    CLAMP_AT_IN(f32, mask);
    CLAMP_AT_OUT(f32, out);
    CLAMP_AT_OUT(f32, scratch);
    const u64 chunks = (t + CHUNK - 1) / CHUNK;
    CLAMP_GLOBAL f32 *scores = scratch + CLAMP_GROUP * (ROWS * t + chunks);
    CLAMP_GLOBAL f32 *partial = scores + ROWS * t;
    const u64 blocks = (s + ROWS - 1) / ROWS;
    for (u64 block = CLAMP_GROUP; block < batches * blocks; block += CLAMP_GROUPS) {
        const u64 batch = clamp_quotient64(block, blocks);
        const u64 row0 = (block - batch * blocks) * ROWS;
        const u32 rows = s - row0 < ROWS ? (u32)(s - row0) : ROWS;
        CLAMP_GLOBAL const f32 *q_rows = q + (batch * s + row0) * d;
        CLAMP_GLOBAL const f32 *v_rows = v + batch * t * e;
        for (u64 base = 0; base < t; base += LANES) {
            const u64 j = base + CLAMP_ITEM;
            if (j < t) {
                CLAMP_GLOBAL const f32 *k_row = k + (batch * t + j) * d;
                f32 score[ROWS];
                for (u32 r = 0; r < ROWS; r++) {
                    score[r] = 0.0f;
                }
                for (u64 panel = 0; panel < d; panel += PANEL) {
                    const u64 end = d - panel < PANEL ? d : panel + PANEL;
                    f32 acc[ROWS];
                    for (u32 r = 0; r < ROWS; r++) {
                        acc[r] = NEGATIVE_ZERO;
                    }
                    for (u64 i = panel; i < end; i++) {
                        const f32 factor = k_row[i];
#pragma unroll
                        for (u32 r = 0; r < ROWS; r++) {
                            // Rows beyond the end repeat the last one, for nothing.
                            const u32 row = r < rows ? r : rows - 1;
                            acc[r] = clamp_fma32(q_rows[row * d + i], factor, acc[r]);
                        }
                    }
                    for (u32 r = 0; r < ROWS; r++) {
                        score[r] = panel == 0 ? acc[r] : score[r] + acc[r];
                    }
                }
                for (u32 r = 0; r < rows; r++) {
                    f32 value = score[r] * scale;
                    if (has_mask) {
                        value = value + mask[batch * mask_batch + (row0 + r) * t + j];
                    }
                    scores[r * t + j] = value;
                }
            }
        }
        for (u32 r = 0; r < rows; r++) {
            // An item keeps to its own lane's scores.
            CLAMP_GLOBAL f32 *row = scores + r * t;
            f32 greatest = clamp_float32(0xff800000u);
            for (u64 j = CLAMP_ITEM; j < t; j += LANES) {
                greatest = clamp_max32(greatest, row[j]);
            }
            greatest = greatest_of(tile, greatest);
            for (u64 j = CLAMP_ITEM; j < t; j += LANES) {
                row[j] = clamp_exp(row[j] - greatest);
            }
            f32 sum = sum_of(tile, row, partial, t);
            for (u64 left = chunks; left > 1; left = (left + CHUNK - 1) / CHUNK) {
                sum = sum_of(tile, partial, partial, left);
            }
            for (u64 j = CLAMP_ITEM; j < t; j += LANES) {
                row[j] = clamp_div32(row[j], sum);
            }
        }
        CLAMP_BARRIER_GLOBAL();
        for (u64 at = CLAMP_ITEM; at < rows * e; at += LANES) {
            const u64 r = clamp_quotient64(at, e);
            const u64 column = at - r * e;
            f32 value = 0.0f;
            for (u64 panel = 0; panel < t; panel += PANEL) {
                const u64 end = t - panel < PANEL ? t : panel + PANEL;
                f32 acc = NEGATIVE_ZERO;
                for (u64 j = panel; j < end; j++) {
                    acc = clamp_fma32(scores[r * t + j], v_rows[j * e + column], acc);
                }
                value = panel == 0 ? acc : value + acc;
            }
            out[(batch * s + row0 + r) * e + column] = clamp_canonical32(value);
        }
        CLAMP_BARRIER_GLOBAL();
    }
}
