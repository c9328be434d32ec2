// Histograms, by the elements' bits. `judge` looks at the edges, `clear` empties the counts, `tally` counts no more than
// 2^31 elements in 32 bits, and `add` takes those counts to the output. With few edges a group counts in local memory
// first (`tally_few`, at most FEW edges). Behind the bins are the counts below, above and of NaNs.

// Floats as they compare, which takes both zeros for one.
CLAMP_FN KEY comparable(KEY bits) {
    return clamp_key(bits == KEY_SIGN ? 0 : bits);
}

// One group. An edge fails that is not finite or not above the one before it.
CLAMP_KERNEL(judge)(CLAMP_IN(KEY, edges), u64 count, CLAMP_OUT(u64, status)) {
    CLAMP_LOCAL_ARRAY(u64, tile, JUDGE_ITEMS);
    CLAMP_AT_IN(KEY, edges);
    CLAMP_AT_OUT(u64, status);
    u64 failing = CLAMP_NONE;
    for (u64 base = 0; base < count; base += CLAMP_ITEMS) {
        const u64 i = base + CLAMP_ITEM;
        if (i < count && i < failing) {
            const int ascends = i == 0 || comparable(edges[i - 1]) < comparable(edges[i]);
            if ((edges[i] & ~KEY_SIGN) >= KEY_INFINITY || !ascends) {
                failing = i;
            }
        }
    }
    failing = clamp_group_min(tile, failing);
    if (CLAMP_ITEM == 0) {
        status[0] = failing;
        status[1] = failing == CLAMP_NONE ? 0 : (u64)edges[failing];
    }
}

CLAMP_KERNEL(clear)(CLAMP_OUT(u32, counts), CLAMP_OUT(i64, out), u64 places) {
    CLAMP_AT_OUT(u32, counts);
    CLAMP_AT_OUT(i64, out);
    for (u64 base = CLAMP_FIRST; base < places; base += CLAMP_STRIDE) {
        const u64 i = base + CLAMP_ITEM;
        if (i < places) {
            counts[i] = 0;
            out[i] = 0;
        }
        CLAMP_STEP_END();
    }
}

CLAMP_KERNEL(add)(CLAMP_OUT(u32, counts), CLAMP_OUT(i64, out), u64 places) {
    CLAMP_AT_OUT(u32, counts);
    CLAMP_AT_OUT(i64, out);
    for (u64 base = CLAMP_FIRST; base < places; base += CLAMP_STRIDE) {
        const u64 i = base + CLAMP_ITEM;
        if (i < places) {
            out[i] += (i64)counts[i];
            counts[i] = 0;
        }
        CLAMP_STEP_END();
    }
}

// Where an element counts; EDGE(i) is an edge as it compares. `top` is the greatest power of two up to the edges' count.
// Edges that are refused count somewhere among the places.
#define FIND_PLACE(place, bits)                                               \
    const KEY key = comparable(bits);                                         \
    u64 below = 0;                                                            \
    for (u64 reach = top; reach > 0; reach /= 2) {                            \
        if (below + reach <= edges_count && EDGE(below + reach - 1) <= key) { \
            below += reach;                                                   \
        }                                                                     \
    }                                                                         \
    const u64 bins = edges_count - 1;                                         \
    u64 place = below - 1;                                                    \
    if (clamp_is_nan_bits(bits)) {                                            \
        place = bins + 2;                                                     \
    } else if (below == 0) {                                                  \
        place = bins;                                                         \
    } else if (below == edges_count) {                                        \
        place = key == EDGE(bins) ? bins - 1 : bins + 1;                      \
    }

CLAMP_KERNEL(tally)
(CLAMP_IN(KEY, x), CLAMP_IN(KEY, edges), CLAMP_OUT(u32, counts), u64 from, u64 to, u64 edges_count, u64 top) {
    CLAMP_AT_IN(KEY, x);
    CLAMP_AT_IN(KEY, edges);
    CLAMP_AT_OUT(u32, counts);
#define EDGE(i) comparable(edges[i])
    for (u64 base = from + CLAMP_FIRST; base < to; base += CLAMP_STRIDE) {
        const u64 i = base + CLAMP_ITEM;
        if (i < to) {
            const KEY bits = x[i];
            FIND_PLACE(place, bits)
            clamp_atomic_add32(&counts[place], 1);
        }
        CLAMP_STEP_END();
    }
#undef EDGE
}

CLAMP_KERNEL(tally_few)
(CLAMP_IN(KEY, x), CLAMP_IN(KEY, edges), CLAMP_OUT(u32, counts), u64 from, u64 to, u64 edges_count, u64 top) {
    CLAMP_LOCAL_ARRAY(KEY, near_edges, FEW);
    CLAMP_LOCAL_ARRAY(u32, near_counts, FEW + 2);
    CLAMP_AT_IN(KEY, x);
    CLAMP_AT_IN(KEY, edges);
    CLAMP_AT_OUT(u32, counts);
    for (u64 i = CLAMP_ITEM; i < edges_count + 2; i += CLAMP_ITEMS) {
        near_counts[i] = 0;
        if (i < edges_count) {
            near_edges[i] = comparable(edges[i]);
        }
    }
    CLAMP_BARRIER();
#define EDGE(i) near_edges[i]
    for (u64 base = from + CLAMP_FIRST; base < to; base += CLAMP_STRIDE) {
        const u64 i = base + CLAMP_ITEM;
        if (i < to) {
            const KEY bits = x[i];
            FIND_PLACE(place, bits)
            clamp_atomic_add_local32(&near_counts[place], 1);
        }
        CLAMP_STEP_END();
    }
#undef EDGE
    CLAMP_BARRIER();
    for (u64 i = CLAMP_ITEM; i < edges_count + 2; i += CLAMP_ITEMS) {
        if (near_counts[i] > 0) {
            clamp_atomic_add32(&counts[i], near_counts[i]);
        }
    }
}
