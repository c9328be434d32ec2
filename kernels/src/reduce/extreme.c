// The least or the greatest element of rows of N elements, and where it is. An element's KEY is an unsigned number whose
// least is wanted: in the order of the floats with -0 < +0, turned round for the greatest, 0 for a NaN. Of equal keys the
// lowest index counts. Spans of a row are taken side by side, then the spans' results in the same way.

#if LANES == 128
CLAMP_FN KEY key_of(T x) {
    const u32 bits = clamp_bits32(x);
    const u32 ordered = bits & 0x80000000u ? ~bits : bits | 0x80000000u;
    return (bits & 0x7fffffffu) > 0x7f800000u ? 0u : (GREATEST ? ~ordered : ordered);
}

CLAMP_FN T of_key(KEY key) {
    const u32 ordered = GREATEST ? ~key : key;
    return clamp_float32(key == 0u ? 0x7fc00000u : ordered & 0x80000000u ? ordered & 0x7fffffffu : ~ordered);
}
#define WORST 0xffffffffu
#else
CLAMP_FN KEY key_of(T x) {
    const u64 bits = clamp_bits64(x);
    const u64 ordered = bits & 0x8000000000000000UL ? ~bits : bits | 0x8000000000000000UL;
    return (bits & 0x7fffffffffffffffUL) > 0x7ff0000000000000UL ? 0UL : (GREATEST ? ~ordered : ordered);
}

CLAMP_FN T of_key(KEY key) {
    const u64 ordered = GREATEST ? ~key : key;
    return clamp_float64(key == 0UL                         ? 0x7ff8000000000000UL
                         : ordered & 0x8000000000000000UL ? ordered & 0x7fffffffffffffffUL
                                                          : ~ordered);
}
#define WORST 0xffffffffffffffffUL
#endif

// The best of `width` items that stand side by side, in the first of them. An index is never as high as CLAMP_NONE.
CLAMP_FN void fold_best(CLAMP_LOCAL KEY *keys, CLAMP_LOCAL u64 *places, u32 width) {
    const u32 item = CLAMP_ITEM;
    CLAMP_BARRIER();
    for (u32 reach = width / 2; reach > 0; reach /= 2) {
        if ((item & (width - 1)) < reach) {
            const KEY key = keys[item + reach];
            const u64 place = places[item + reach];
            if (key < keys[item] || (key == keys[item] && place < places[item])) {
                keys[item] = key;
                places[item] = place;
            }
        }
        CLAMP_BARRIER();
    }
}

#define EXTREME_BODY(key_at, place_at)                                                                 \
    CLAMP_LOCAL_ARRAY(KEY, keys, PART_ITEMS);                                                          \
    CLAMP_LOCAL_ARRAY(u64, places, PART_ITEMS);                                                        \
    CLAMP_AT_OUT(KEY, best);                                                                           \
    CLAMP_AT_OUT(u64, best_place);                                                                     \
    const u32 width = 1u << shift;                                                                     \
    const u32 lane = CLAMP_ITEM & (width - 1);                                                         \
    const u64 at_once = CLAMP_ITEMS >> shift;                                                          \
    const u64 total = rows * spans;                                                                    \
    for (u64 base = CLAMP_GROUP * at_once; base < total; base += CLAMP_GROUPS * at_once) {             \
        const u64 c = base + (CLAMP_ITEM >> shift);                                                    \
        const u64 row = spans == 1 ? c : clamp_quotient64(c, spans);                                   \
        const u64 first = (c - row * spans) * SPAN;                                                    \
        const u64 left = n - first < SPAN ? n - first : SPAN;                                          \
        KEY key = WORST;                                                                               \
        u64 place = CLAMP_NONE;                                                                        \
        for (u64 step = 0; step < n && step < SPAN; step += width) {                                   \
            const u64 at = step + lane;                                                                \
            if (c < total && at < left) {                                                              \
                const u64 i = row * n + first + at;                                                    \
                const KEY other = key_at;                                                              \
                const u64 other_place = place_at;                                                      \
                if (other < key || (other == key && other_place < place)) {                            \
                    key = other;                                                                       \
                    place = other_place;                                                               \
                }                                                                                      \
            }                                                                                          \
            CLAMP_STEP_END();                                                                          \
        }                                                                                              \
        keys[CLAMP_ITEM] = key;                                                                        \
        places[CLAMP_ITEM] = place;                                                                    \
        fold_best(keys, places, width);                                                                \
        if (lane == 0 && c < total) {                                                                  \
            best[c] = keys[CLAMP_ITEM];                                                                \
            best_place[c] = places[CLAMP_ITEM];                                                        \
        }                                                                                              \
        CLAMP_BARRIER();                                                                               \
    }

CLAMP_KERNEL(extreme)
(CLAMP_IN(T, x), CLAMP_OUT(KEY, best), CLAMP_OUT(u64, best_place), u64 rows, u64 n, u64 spans, u32 shift) {
    CLAMP_AT_IN(T, x);
    EXTREME_BODY(key_of(x[i]), first + at)
}

CLAMP_KERNEL(extreme_next)
(CLAMP_IN(KEY, x), CLAMP_IN(u64, x_place), CLAMP_OUT(KEY, best), CLAMP_OUT(u64, best_place), u64 rows, u64 n, u64 spans,
 u32 shift) {
    CLAMP_AT_IN(KEY, x);
    CLAMP_AT_IN(u64, x_place);
    EXTREME_BODY(x[i], x_place[i])
}

CLAMP_KERNEL(extreme_value)(CLAMP_IN(KEY, best), CLAMP_OUT(T, out), u64 rows) {
    CLAMP_AT_IN(KEY, best);
    CLAMP_AT_OUT(T, out);
    for (u64 base = CLAMP_FIRST; base < rows; base += CLAMP_STRIDE) {
        const u64 row = base + CLAMP_ITEM;
        if (row < rows) {
            out[row] = of_key(best[row]);
        }
    }
}

CLAMP_KERNEL(extreme_place)(CLAMP_IN(u64, best_place), CLAMP_OUT(u64, out), u64 rows) {
    CLAMP_AT_IN(u64, best_place);
    CLAMP_AT_OUT(u64, out);
    for (u64 base = CLAMP_FIRST; base < rows; base += CLAMP_STRIDE) {
        const u64 row = base + CLAMP_ITEM;
        if (row < rows) {
            out[row] = best_place[row];
        }
    }
}
