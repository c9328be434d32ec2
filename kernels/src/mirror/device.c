// The anchor mirror. `check` leaves the lowest place of each group whose seed is 0, `judge` the lowest of all.

CLAMP_KERNEL(check)(CLAMP_IN(u64, seeds), u64 count, CLAMP_OUT(u64, lowest)) {
    CLAMP_LOCAL_ARRAY(u64, tile, CHECK_ITEMS);
    CLAMP_AT_IN(u64, seeds);
    CLAMP_AT_OUT(u64, lowest);
    u64 failing = CLAMP_NONE;
    for (u64 base = CLAMP_FIRST; base < count; base += CLAMP_STRIDE) {
        const u64 i = base + CLAMP_ITEM;
        if (i < count && seeds[i] == 0 && i < failing) {
            failing = i;
        }
    }
    failing = clamp_group_min(tile, failing);
    if (CLAMP_ITEM == 0) {
        lowest[CLAMP_GROUP] = failing;
    }
}

CLAMP_KERNEL(judge)(CLAMP_IN(u64, lowest), u32 groups, CLAMP_OUT(u64, status)) {
    CLAMP_LOCAL_ARRAY(u64, tile, CHECK_ITEMS);
    CLAMP_AT_IN(u64, lowest);
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
        status[1] = 0;
    }
}

CLAMP_KERNEL(mirror)
(CLAMP_IN(u64, seeds), CLAMP_IN(u32, states), CLAMP_OUT(u64, seeds_out), CLAMP_OUT(u32, states_out),
 CLAMP_OUT(u32, words), u64 count) {
    CLAMP_AT_IN(u64, seeds);
    CLAMP_AT_IN(u32, states);
    CLAMP_AT_OUT(u64, seeds_out);
    CLAMP_AT_OUT(u32, states_out);
    CLAMP_AT_OUT(u32, words);
    for (u64 base = CLAMP_FIRST; base < count; base += CLAMP_STRIDE) {
        const u64 i = base + CLAMP_ITEM;
        if (i < count) {
            const u64 seed = seeds[i];
            const u32 state = states[i];
            u32 block[4];
            clamp_philox(block, (u32)seed, (u32)(seed >> 32), state, (u32)i, 0, 0);
            seeds_out[i] = seed;
            states_out[i] = state;
            words[i] = block[0];
        }
    }
}
