// Ordered reductions of rows of N elements of type T, in chunks of LANES * 64. STEP(acc, i) adds element i of a row to a
// lane; what the upper levels add is plain. `whole` takes the whole chunks, one a group with an item a lane; `part` takes
// what is left of each row, or short rows, several a group. Partials of a row stand side by side, in chunk order.

#define CHUNK (LANES * 64)

// What happens to a row's result: nothing yet, or it is stored as it is, over the count, or as its root.
#define PARTIAL 0
#define PLAIN 1
#define MEAN 2
#define ROOT 3

CLAMP_FN T finished(T value, u32 finish, u64 n, T count) {
    if (finish == PARTIAL) {
        return value;
    }
    // Of nothing: the root of +0 is +0 too.
    if (n == 0) {
        return (T)0;
    }
    if (finish == MEAN) {
        return CANONICAL(DIVIDE(value, count));
    }
    return CANONICAL(finish == ROOT ? SQUARE_ROOT(value) : value);
}

// Folds the lanes of chunks of `width` lanes that stand side by side in the tile.
CLAMP_FN void fold(CLAMP_LOCAL T *tile, u32 width) {
    const u32 item = CLAMP_ITEM;
    CLAMP_BARRIER();
    for (u32 reach = width / 2; reach > 0; reach /= 2) {
        if ((item & (width - 1)) < reach) {
            tile[item] = tile[item] + tile[item + reach];
        }
        CLAMP_BARRIER();
    }
}

#define NEGATIVE_ZERO ((T) - 0.0f)

// PARTS of a kernel that takes whole chunks: the arrays, then what a lane does with element i of the chunk `from`.
#define WHOLE_BODY(step)                                                                        \
    for (u64 c = CLAMP_GROUP; c < rows * whole; c += CLAMP_GROUPS) {                            \
        const u64 row = whole == 1 ? c : clamp_quotient64(c, whole);                            \
        const u64 k = c - row * whole;                                                          \
        const u64 from = row * n + k * CHUNK;                                                   \
        T acc = NEGATIVE_ZERO;                                                                  \
        for (u32 r = 0; r < 64; r++) {                                                          \
            const u64 i = from + r * LANES + CLAMP_ITEM;                                        \
            acc = step;                                                                         \
        }                                                                                       \
        tile[CLAMP_ITEM] = acc;                                                                 \
        fold(tile, LANES);                                                                      \
        if (CLAMP_ITEM == 0) {                                                                  \
            out[row * chunks + k] = finished(tile[0], finish, n, count);                        \
        }                                                                                       \
        CLAMP_BARRIER();                                                                        \
    }

#define PART_BODY(step)                                                                         \
    const u32 width = 1u << shift;                                                              \
    const u32 lane = CLAMP_ITEM & (width - 1);                                                  \
    const u64 at_once = CLAMP_ITEMS >> shift;                                                   \
    for (u64 base = CLAMP_GROUP * at_once; base < rows; base += CLAMP_GROUPS * at_once) {       \
        const u64 row = base + (CLAMP_ITEM >> shift);                                           \
        const u64 from = row * n + (chunks - 1) * CHUNK;                                        \
        const u64 left = n - (chunks - 1) * CHUNK;                                              \
        T acc = NEGATIVE_ZERO;                                                                  \
        for (u64 at = 0; at < left; at += width) {                                              \
            const u64 i = from + at + lane;                                                     \
            if (row < rows && at + lane < left) {                                               \
                acc = step;                                                                     \
            }                                                                                   \
            CLAMP_STEP_END();                                                                   \
        }                                                                                       \
        tile[CLAMP_ITEM] = acc;                                                                 \
        fold(tile, width);                                                                      \
        if (lane == 0 && row < rows) {                                                          \
            out[row * chunks + chunks - 1] = finished(tile[CLAMP_ITEM], finish, n, count);      \
        }                                                                                       \
        CLAMP_BARRIER();                                                                        \
    }

#define SUM_STEP (acc + x[i])

CLAMP_KERNEL(sum_whole)
(CLAMP_IN(T, x), CLAMP_OUT(T, out), u64 rows, u64 n, u64 whole, u64 chunks, u32 finish, T count) {
    CLAMP_LOCAL_ARRAY(T, tile, LANES);
    CLAMP_AT_IN(T, x);
    CLAMP_AT_OUT(T, out);
    WHOLE_BODY(SUM_STEP)
}

CLAMP_KERNEL(sum_part)
(CLAMP_IN(T, x), CLAMP_OUT(T, out), u64 rows, u64 n, u64 chunks, u32 shift, u32 finish, T count) {
    CLAMP_LOCAL_ARRAY(T, tile, PART_ITEMS);
    CLAMP_AT_IN(T, x);
    CLAMP_AT_OUT(T, out);
    PART_BODY(SUM_STEP)
}

#if defined(STEP)

// The second array: the other factor, or each row's mean.
CLAMP_KERNEL(step_whole)
(CLAMP_IN(T, x), CLAMP_IN(T, y), CLAMP_OUT(T, out), u64 rows, u64 n, u64 whole, u64 chunks, u32 finish, T count) {
    CLAMP_LOCAL_ARRAY(T, tile, LANES);
    CLAMP_AT_IN(T, x);
    CLAMP_AT_IN(T, y);
    CLAMP_AT_OUT(T, out);
    WHOLE_BODY(STEP)
}

CLAMP_KERNEL(step_part)
(CLAMP_IN(T, x), CLAMP_IN(T, y), CLAMP_OUT(T, out), u64 rows, u64 n, u64 chunks, u32 shift, u32 finish, T count) {
    CLAMP_LOCAL_ARRAY(T, tile, PART_ITEMS);
    CLAMP_AT_IN(T, x);
    CLAMP_AT_IN(T, y);
    CLAMP_AT_OUT(T, out);
    PART_BODY(STEP)
}

#endif
