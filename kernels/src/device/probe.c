// What arithmetic does on this device: every operation that kernels use, of three operands that the compiler does not
// know. Nine results a triple.

CLAMP_KERNEL(probe32)(CLAMP_IN(u32, operands), CLAMP_OUT(u32, results), u64 count) {
    CLAMP_AT_IN(u32, operands);
    CLAMP_AT_OUT(u32, results);
    for (u64 base = CLAMP_FIRST; base < count; base += CLAMP_STRIDE) {
        const u64 i = base + CLAMP_ITEM;
        if (i < count) {
            const f32 x = clamp_float32(operands[3 * i]);
            const f32 y = clamp_float32(operands[3 * i + 1]);
            const f32 z = clamp_float32(operands[3 * i + 2]);
            results[9 * i] = clamp_bits32(clamp_canonical32(x + y));
            results[9 * i + 1] = clamp_bits32(clamp_canonical32(x - y));
            results[9 * i + 2] = clamp_bits32(clamp_canonical32(x * y));
            results[9 * i + 3] = clamp_bits32(clamp_canonical32(clamp_div32(x, y)));
            results[9 * i + 4] = clamp_bits32(clamp_canonical32(clamp_sqrt32(x)));
            results[9 * i + 5] = clamp_bits32(clamp_canonical32(clamp_fma32(x, y, z)));
            results[9 * i + 6] = clamp_bits32(clamp_canonical32(x * y + z));
            results[9 * i + 7] = clamp_bits32(clamp_canonical32(clamp_rint32(x)));
            results[9 * i + 8] = clamp_bits32(clamp_max32(clamp_min32(x, y), z));
        }
    }
}

#if !defined(CLAMP_NO_F64)

CLAMP_KERNEL(probe64)(CLAMP_IN(u64, operands), CLAMP_OUT(u64, results), u64 count) {
    CLAMP_AT_IN(u64, operands);
    CLAMP_AT_OUT(u64, results);
    for (u64 base = CLAMP_FIRST; base < count; base += CLAMP_STRIDE) {
        const u64 i = base + CLAMP_ITEM;
        if (i < count) {
            const f64 x = clamp_float64(operands[3 * i]);
            const f64 y = clamp_float64(operands[3 * i + 1]);
            const f64 z = clamp_float64(operands[3 * i + 2]);
            results[9 * i] = clamp_bits64(clamp_canonical64(x + y));
            results[9 * i + 1] = clamp_bits64(clamp_canonical64(x - y));
            results[9 * i + 2] = clamp_bits64(clamp_canonical64(x * y));
            results[9 * i + 3] = clamp_bits64(clamp_canonical64(clamp_div64(x, y)));
            results[9 * i + 4] = clamp_bits64(clamp_canonical64(clamp_sqrt64(x)));
            results[9 * i + 5] = clamp_bits64(clamp_canonical64(clamp_fma64(x, y, z)));
            results[9 * i + 6] = clamp_bits64(clamp_canonical64(x * y + z));
            results[9 * i + 7] = clamp_bits64(clamp_canonical64(clamp_rint64(x)));
            // There and back: to f32 as IEEE rounds, with subnormals kept on both sides.
            results[9 * i + 8] = clamp_bits64(clamp_canonical64((f64)(f32)x));
        }
    }
}

#endif
