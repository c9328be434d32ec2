// An expression of the elements at one place. ARRAYS are the inputs that it uses, OPENED their declarations, SCALARS its
// scalars, VALUES its operations in order and RESULT the last of them.

CLAMP_KERNEL(map)(ARRAYS, CLAMP_OUT(T, out), u64 count SCALARS) {
    OPENED;
    CLAMP_AT_OUT(T, out);
    u64 base = CLAMP_FIRST;
    for (; base + CLAMP_ITEMS <= count; base += CLAMP_STRIDE) {
        const u64 i = base + CLAMP_ITEM;
        VALUES;
        out[i] = CANONICAL(RESULT);
        CLAMP_STEP_END();
    }
    const u64 i = base + CLAMP_ITEM;
    if (i < count) {
        VALUES;
        out[i] = CANONICAL(RESULT);
    }
}
