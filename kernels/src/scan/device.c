// Inclusive sums: `blocks` scans each block of 1024 elements as 64 segments of 16, an item a segment, and leaves the block's
// last value; those are scanned in the same way; `carry` adds the scanned value of the block before.

#define SEGMENT 16
#define SEGMENTS 64
#define BLOCK (SEGMENT * SEGMENTS)
// One place more a segment, so that segments begin in different banks of local memory.
#define PLACE(i) ((i) + (i) / SEGMENT)

CLAMP_KERNEL(blocks)(CLAMP_IN(T, x), CLAMP_OUT(T, out), CLAMP_OUT(T, last), u64 n, u32 is_final) {
    CLAMP_LOCAL_ARRAY(T, tile, BLOCK + SEGMENTS);
    CLAMP_LOCAL_ARRAY(T, totals, 2 * SEGMENTS);
    CLAMP_AT_IN(T, x);
    CLAMP_AT_OUT(T, out);
    CLAMP_AT_OUT(T, last);
    const u32 item = CLAMP_ITEM;
    const u64 count = (n + BLOCK - 1) / BLOCK;
    for (u64 block = CLAMP_GROUP; block < count; block += CLAMP_GROUPS) {
        const u64 first = block * BLOCK;
        const u32 left = n - first < BLOCK ? (u32)(n - first) : BLOCK;
        for (u32 at = 0; at < BLOCK; at += SEGMENTS) {
            const u32 i = at + item;
            tile[PLACE(i)] = i < left ? x[first + i] : (T) - 0.0f;
            CLAMP_STEP_END();
        }
        CLAMP_BARRIER();
        T total = (T) - 0.0f;
        for (u32 k = 0; k < SEGMENT; k++) {
            const u32 place = PLACE(item * SEGMENT + k);
            total = total + tile[place];
            tile[place] = total;
        }
        totals[item] = total;
        CLAMP_BARRIER();
        u32 from = 0;
        for (u32 distance = 1; distance < SEGMENTS; distance *= 2) {
            const u32 to = SEGMENTS - from;
            const T old = totals[from + item];
            totals[to + item] = item >= distance ? totals[from + item - distance] + old : old;
            from = to;
            CLAMP_BARRIER();
        }
        if (item > 0) {
            const T before = totals[from + item - 1];
            for (u32 k = 0; k < SEGMENT; k++) {
                const u32 place = PLACE(item * SEGMENT + k);
                tile[place] = before + tile[place];
            }
        }
        CLAMP_BARRIER();
        for (u32 at = 0; at < BLOCK; at += SEGMENTS) {
            const u32 i = at + item;
            if (i < left) {
                const T value = tile[PLACE(i)];
                out[first + i] = is_final ? CANONICAL(value) : value;
            }
        }
        if (item == 0) {
            last[block] = tile[PLACE(left - 1)];
        }
        CLAMP_BARRIER();
    }
}

CLAMP_KERNEL(carry)(CLAMP_IN(T, before), CLAMP_OUT(T, out), u64 n, u32 is_final) {
    CLAMP_AT_IN(T, before);
    CLAMP_AT_OUT(T, out);
    for (u64 base = CLAMP_FIRST; base < n; base += CLAMP_STRIDE) {
        const u64 i = base + CLAMP_ITEM;
        if (i < n) {
            const T value = i < BLOCK ? out[i] : before[i / BLOCK - 1] + out[i];
            out[i] = is_final ? CANONICAL(value) : value;
        }
        CLAMP_STEP_END();
    }
}
