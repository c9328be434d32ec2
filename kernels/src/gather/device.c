// Rows by index. ELEMENT is an unsigned type of an element's width. Ids are looked at first: `check` leaves the lowest
// failing place of each group, `judge` the lowest of all with the id that stands there. `gather` itself passes over ids
// that are no row.

CLAMP_KERNEL(check)(CLAMP_IN(i64, ids), u64 count, u64 rows, CLAMP_OUT(u64, lowest)) {
    CLAMP_LOCAL_ARRAY(u64, tile, CHECK_ITEMS);
    CLAMP_AT_IN(i64, ids);
    CLAMP_AT_OUT(u64, lowest);
    u64 failing = CLAMP_NONE;
    for (u64 base = CLAMP_FIRST; base < count; base += CLAMP_STRIDE) {
        const u64 i = base + CLAMP_ITEM;
        if (i < count && (u64)ids[i] >= rows && i < failing) {
            failing = i;
        }
    }
    failing = clamp_group_min(tile, failing);
    if (CLAMP_ITEM == 0) {
        lowest[CLAMP_GROUP] = failing;
    }
}

CLAMP_KERNEL(judge)(CLAMP_IN(u64, lowest), u32 groups, CLAMP_IN(u64, ids), CLAMP_OUT(u64, status)) {
    CLAMP_LOCAL_ARRAY(u64, tile, CHECK_ITEMS);
    CLAMP_AT_IN(u64, lowest);
    CLAMP_AT_IN(u64, ids);
    CLAMP_AT_OUT(u64, status);
    u64 failing = CLAMP_NONE;
    for (u32 base = 0; base < groups; base += CLAMP_ITEMS) {
        const u32 i = base + CLAMP_ITEM;
        if (i < groups && lowest[i] < failing) {
            failing = lowest[i];
        }
    }
    failing = clamp_group_min(tile, failing);
    if (CLAMP_ITEM == 0) {
        status[0] = failing;
        status[1] = failing == CLAMP_NONE ? 0 : ids[failing];
    }
}

// A row is taken by 2^shift items side by side, so a group takes several short rows at a time.
CLAMP_KERNEL(gather)
(CLAMP_IN(ELEMENT, table), CLAMP_IN(i64, ids), CLAMP_OUT(ELEMENT, out), u64 count, u64 rows, u64 columns, u32 shift) {
    CLAMP_AT_IN(ELEMENT, table);
    CLAMP_AT_IN(i64, ids);
    CLAMP_AT_OUT(ELEMENT, out);
    const u32 width = 1u << shift;
    const u64 at_once = CLAMP_ITEMS >> shift;
    for (u64 base = CLAMP_GROUP * at_once; base < count; base += CLAMP_GROUPS * at_once) {
        const u64 place = base + (CLAMP_ITEM >> shift);
        const u64 id = place < count ? (u64)ids[place] : CLAMP_NONE;
        for (u64 first = 0; first < columns; first += width) {
            const u64 column = first + (CLAMP_ITEM & (width - 1));
            if (id < rows && column < columns) {
                out[place * columns + column] = table[id * columns + column];
            }
            CLAMP_STEP_END();
        }
    }
}

// Scattered rows: which place of `ids` a row is taken from is one more than the highest that names it, 0 where none does,
// in two words, since no 64-bit atomics are to be had.

CLAMP_KERNEL(clear)(CLAMP_OUT(u32, high), CLAMP_OUT(u32, low), u64 rows) {
    CLAMP_AT_OUT(u32, high);
    CLAMP_AT_OUT(u32, low);
    for (u64 base = CLAMP_FIRST; base < rows; base += CLAMP_STRIDE) {
        const u64 row = base + CLAMP_ITEM;
        if (row < rows) {
            high[row] = 0;
            low[row] = 0;
        }
    }
}

CLAMP_KERNEL(claim_high)(CLAMP_IN(i64, ids), CLAMP_OUT(u32, high), u64 count, u64 rows) {
    CLAMP_AT_IN(i64, ids);
    CLAMP_AT_OUT(u32, high);
    for (u64 base = CLAMP_FIRST; base < count; base += CLAMP_STRIDE) {
        const u64 i = base + CLAMP_ITEM;
        if (i < count && (u64)ids[i] < rows) {
            clamp_atomic_max32(&high[ids[i]], (u32)((i + 1) >> 32));
        }
    }
}

CLAMP_KERNEL(claim_low)(CLAMP_IN(i64, ids), CLAMP_IN(u32, high), CLAMP_OUT(u32, low), u64 count, u64 rows) {
    CLAMP_AT_IN(i64, ids);
    CLAMP_AT_IN(u32, high);
    CLAMP_AT_OUT(u32, low);
    for (u64 base = CLAMP_FIRST; base < count; base += CLAMP_STRIDE) {
        const u64 i = base + CLAMP_ITEM;
        if (i < count && (u64)ids[i] < rows && high[ids[i]] == (u32)((i + 1) >> 32)) {
            clamp_atomic_max32(&low[ids[i]], (u32)(i + 1));
        }
    }
}

CLAMP_KERNEL(scatter)
(CLAMP_IN(ELEMENT, table), CLAMP_IN(ELEMENT, x), CLAMP_IN(u32, high), CLAMP_IN(u32, low), CLAMP_OUT(ELEMENT, out), u64 rows,
 u64 columns, u32 shift) {
    CLAMP_AT_IN(ELEMENT, table);
    CLAMP_AT_IN(ELEMENT, x);
    CLAMP_AT_IN(u32, high);
    CLAMP_AT_IN(u32, low);
    CLAMP_AT_OUT(ELEMENT, out);
    const u32 width = 1u << shift;
    const u64 at_once = CLAMP_ITEMS >> shift;
    for (u64 base = CLAMP_GROUP * at_once; base < rows; base += CLAMP_GROUPS * at_once) {
        const u64 row = base + (CLAMP_ITEM >> shift);
        const u64 place = row < rows ? (u64)high[row] << 32 | low[row] : 0;
        for (u64 first = 0; first < columns; first += width) {
            const u64 column = first + (CLAMP_ITEM & (width - 1));
            if (row < rows && column < columns) {
                out[row * columns + column] =
                    place == 0 ? table[row * columns + column] : x[(place - 1) * columns + column];
            }
            CLAMP_STEP_END();
        }
    }
}
