// A tile of the product a work-group, through tiles of a and b in local memory. Items stand TX beside and TY below each
// other; each has TM * TN elements, in columns TX apart and rows TY apart. A panel of 1024 k is accumulated in registers
// and then added to the product in memory, which is the order of the specification; k beyond the end takes no step.

#define BM (TY * TM)
#define BN (TX * TN)
#define TILE_ITEMS (TX * TY)

CLAMP_KERNEL(PRODUCT)
(CLAMP_IN(IN, a), CLAMP_IN(IN, b), CLAMP_IN(OUT, bias), CLAMP_OUT(OUT, out), u64 batches, u64 m, u64 n, u64 k,
 u64 b_batch, u32 has_bias) {
    CLAMP_LOCAL_ARRAY(IN, a_tile, BK * (BM + PAD));
    CLAMP_LOCAL_ARRAY(IN, b_tile, BK * (BN + PAD));
    CLAMP_AT_IN(IN, a);
    CLAMP_AT_IN(IN, b);
    CLAMP_AT_IN(OUT, bias);
    CLAMP_AT_OUT(OUT, out);
    const u32 item = CLAMP_ITEM;
    const u32 tx = item % TX;
    const u32 ty = item / TX;
    const u64 tiles_m = (m + BM - 1) / BM;
    const u64 tiles_n = (n + BN - 1) / BN;
    for (u64 tile = CLAMP_GROUP; tile < batches * tiles_m * tiles_n; tile += CLAMP_GROUPS) {
        const u64 batch = clamp_quotient64(tile, tiles_m * tiles_n);
        const u64 in_batch = tile - batch * tiles_m * tiles_n;
        const u64 row0 = clamp_quotient64(in_batch, tiles_n) * BM;
        const u64 col0 = clamp_remainder64(in_batch, tiles_n) * BN;
        CLAMP_GLOBAL const IN *a_from = a + batch * m * k;
        CLAMP_GLOBAL const IN *b_from = b + batch * b_batch;
        CLAMP_GLOBAL OUT *to = out + batch * m * n;
        for (u64 panel = 0; panel < k || panel == 0; panel += PANEL) {
            const u64 end = k - panel < PANEL ? k : panel + PANEL;
            OUT acc[TM][TN];
#pragma unroll
            for (u32 u = 0; u < TM; u++) {
#pragma unroll
                for (u32 v = 0; v < TN; v++) {
                    acc[u][v] = START;
                }
            }
            for (u64 k0 = panel; k0 < end; k0 += BK) {
                const u32 depth = end - k0 < BK ? (u32)(end - k0) : BK;
                for (u32 step = 0; step < BM * BK; step += TILE_ITEMS) {
                    const u32 at = step + item;
#if TRANSPOSE_A
                    const u32 r = at % BM, d = at / BM;
#else
                    const u32 r = at / BK, d = at % BK;
#endif
                    const u64 row = row0 + r, kk = k0 + d;
                    IN value = 0;
                    if (row < m && d < depth) {
                        value = a_from[TRANSPOSE_A ? kk * m + row : row * k + kk];
                    }
                    a_tile[d * (BM + PAD) + r] = value;
                    CLAMP_STEP_END();
                }
                for (u32 step = 0; step < BN * BK; step += TILE_ITEMS) {
                    const u32 at = step + item;
#if TRANSPOSE_B
                    const u32 c = at / BK, d = at % BK;
#else
                    const u32 c = at % BN, d = at / BN;
#endif
                    const u64 col = col0 + c, kk = k0 + d;
                    IN value = 0;
                    if (col < n && d < depth) {
                        value = b_from[TRANSPOSE_B ? col * k + kk : kk * n + col];
                    }
                    b_tile[d * (BN + PAD) + c] = value;
                    CLAMP_STEP_END();
                }
                CLAMP_BARRIER();
                for (u32 d = 0; d < depth; d++) {
                    OUT as[TM];
                    OUT bs[TN];
#pragma unroll
                    for (u32 u = 0; u < TM; u++) {
                        as[u] = (OUT)a_tile[d * (BM + PAD) + ty + TY * u];
                    }
#pragma unroll
                    for (u32 v = 0; v < TN; v++) {
                        bs[v] = (OUT)b_tile[d * (BN + PAD) + tx + TX * v];
                    }
#pragma unroll
                    for (u32 u = 0; u < TM; u++) {
#pragma unroll
                        for (u32 v = 0; v < TN; v++) {
                            acc[u][v] = STEP(as[u], bs[v], acc[u][v]);
                        }
                    }
                }
                CLAMP_BARRIER();
            }
            const int is_last = end == k;
#pragma unroll
            for (u32 u = 0; u < TM; u++) {
                const u64 row = row0 + ty + TY * u;
#pragma unroll
                for (u32 v = 0; v < TN; v++) {
                    const u64 col = col0 + tx + TX * v;
                    if (row < m && col < n) {
                        OUT value = k == 0 ? (OUT)0 : acc[u][v];
                        if (panel > 0) {
                            value = to[row * n + col] + value;
                        }
                        if (is_last) {
                            value = has_bias ? WITH_BIAS(value, bias[col]) : value;
                            value = CANONICAL(value);
                        }
                        to[row * n + col] = value;
                    }
                }
            }
        }
    }
}

#undef BM
#undef BN
#undef TILE_ITEMS
