// Philox4x32-10 by J. Salmon and others (SC11), one block an item. BLOCK_OUT is how many elements of type OUT a block
// gives: 4 words, uniform f32 or normal ones (NORMAL), or 2 uniform f64.

CLAMP_KERNEL(fill)(CLAMP_OUT(OUT, out), u64 count, u64 seed, u64 stream) {
    CLAMP_AT_OUT(OUT, out);
    const u64 blocks = (count + BLOCK_OUT - 1) / BLOCK_OUT;
    for (u64 base = CLAMP_FIRST; base < blocks; base += CLAMP_STRIDE) {
        const u64 block = base + CLAMP_ITEM;
        if (block < blocks) {
            u32 words[4];
            clamp_philox(words, (u32)seed, (u32)(seed >> 32), (u32)block, (u32)(block >> 32), (u32)stream,
                         (u32)(stream >> 32));
            const u64 first = block * BLOCK_OUT;
            OUT values[BLOCK_OUT];
#if defined(NORMAL)
            // Two pairs, each by Box and Muller.
            for (int k = 0; k < BLOCK_OUT; k += 2) {
                const f32 p = (f32)((words[k] >> 8) + 1) * (1.0f / 16777216.0f);
                const f32 radius = clamp_sqrt32(-2.0f * clamp_log(p));
                const f32 angle = 2.0f * ((f32)(words[k + 1] >> 8) * (1.0f / 16777216.0f));
                values[k] = radius * clamp_cospi(angle);
                values[k + 1] = radius * clamp_sinpi(angle);
            }
#else
            for (int k = 0; k < BLOCK_OUT; k++) {
                values[k] = ELEMENT(words, k);
            }
#endif
            if (first + BLOCK_OUT <= count) {
                for (int k = 0; k < BLOCK_OUT; k++) {
                    out[first + k] = values[k];
                }
            } else {
                for (int k = 0; first + k < count; k++) {
                    out[first + k] = values[k];
                }
            }
        }
    }
}
