// A stable radix sort, from the lowest digit of BITS bits up. Every group has a span of elements. `count` counts the
// digits of each span; `starts` makes of the counts where each span's elements of each digit go; `scatter` takes them
// there, a tile of ITEMS runs of RUN elements at a time. An item has a column of counters of its own, so nothing is
// atomic, and equal digits keep their order. With PLACES the elements' places go along.

#define DIGITS (1 << BITS)
#define TILE (ITEMS * RUN)

// The first pass reads floats, the last one writes floats or no keys at all; a lone tile needs no counts from before.
#define FIRST 1u
#define LAST 2u
#define ALONE 4u

#define KEY_AT(i) (flags & FIRST ? clamp_key(keys[i]) : keys[i])
#define DIGIT(key) ((u32)((key) >> shift) & (DIGITS - 1))

CLAMP_KERNEL(count)(CLAMP_IN(KEY, keys), CLAMP_OUT(u64, counts), u64 n, u64 span, u32 shift, u32 flags) {
    CLAMP_LOCAL_ARRAY(u32, tally, DIGITS * ITEMS);
    CLAMP_AT_IN(KEY, keys);
    CLAMP_AT_OUT(u64, counts);
    const u32 item = CLAMP_ITEM;
    const u64 from = CLAMP_GROUP * span;
    const u64 to = n - from < span ? n : from + span;
    for (u32 digit = 0; digit < DIGITS; digit++) {
        tally[digit * ITEMS + item] = 0;
    }
    for (u64 base = from; base < to; base += ITEMS) {
        const u64 i = base + item;
        if (i < to) {
            tally[DIGIT(KEY_AT(i)) * ITEMS + item]++;
        }
    }
    CLAMP_BARRIER();
    for (u32 digit = item; digit < DIGITS; digit += ITEMS) {
        u64 sum = 0;
        for (u32 column = 0; column < ITEMS; column++) {
            sum += tally[digit * ITEMS + column];
        }
        counts[digit * CLAMP_GROUPS + CLAMP_GROUP] = sum;
    }
}

// One group; each count becomes the sum of those before it.
CLAMP_KERNEL(starts)(CLAMP_OUT(u64, counts), u64 length) {
    CLAMP_LOCAL_ARRAY(u64, sums, ITEMS);
    CLAMP_AT_OUT(u64, counts);
    const u32 item = CLAMP_ITEM;
    const u64 part = (length + ITEMS - 1) / ITEMS;
    const u64 from = item * part < length ? item * part : length;
    const u64 to = length - from < part ? length : from + part;
    u64 sum = 0;
    for (u64 i = from; i < to; i++) {
        sum += counts[i];
    }
    sums[item] = sum;
    CLAMP_BARRIER();
    u64 before = 0;
    for (u32 i = 0; i < item; i++) {
        before += sums[i];
    }
    for (u64 i = from; i < to; i++) {
        const u64 here = counts[i];
        counts[i] = before;
        before += here;
    }
}

#if defined(PLACES)
#define PLACE_ARRAYS CLAMP_IN(i64, places), CLAMP_OUT(i64, places_out),
#else
#define PLACE_ARRAYS
#endif

CLAMP_KERNEL(scatter)
(CLAMP_IN(KEY, keys), CLAMP_OUT(KEY, keys_out), PLACE_ARRAYS CLAMP_IN(u64, counts), u64 n, u64 span, u32 shift, u32 flags) {
    CLAMP_LOCAL_ARRAY(u32, tally, DIGITS * ITEMS);
    CLAMP_LOCAL_ARRAY(u32, sums, ITEMS);
    // Where the span's next element of each digit goes, and what must be added to a place among the tile's.
    CLAMP_LOCAL_ARRAY(u64, next, DIGITS);
    CLAMP_LOCAL_ARRAY(u64, offset, DIGITS);
    CLAMP_AT_IN(KEY, keys);
    CLAMP_AT_OUT(KEY, keys_out);
    CLAMP_AT_IN(u64, counts);
#if defined(PLACES)
    CLAMP_AT_IN(i64, places);
    CLAMP_AT_OUT(i64, places_out);
#endif
    const u32 item = CLAMP_ITEM;
    const u64 from = CLAMP_GROUP * span;
    const u64 to = n - from < span ? n : from + span;
    for (u32 digit = item; digit < DIGITS; digit += ITEMS) {
        next[digit] = flags & ALONE ? 0 : counts[digit * CLAMP_GROUPS + CLAMP_GROUP];
    }
    for (u64 tile = from; tile < to; tile += TILE) {
        const u64 first = tile + item * RUN;
        for (u32 digit = 0; digit < DIGITS; digit++) {
            tally[digit * ITEMS + item] = 0;
        }
        for (u32 r = 0; r < RUN; r++) {
            if (first + r < to) {
                tally[DIGIT(KEY_AT(first + r)) * ITEMS + item]++;
            }
        }
        CLAMP_BARRIER();
        // Each counter becomes the sum of those before it: digit by digit, and column by column of a digit.
        u32 sum = 0;
        for (u32 i = 0; i < DIGITS; i++) {
            sum += tally[item * DIGITS + i];
        }
        sums[item] = sum;
        CLAMP_BARRIER();
        for (u32 reach = 1; reach < ITEMS; reach *= 2) {
            const u32 before = item >= reach ? sums[item - reach] : 0;
            CLAMP_BARRIER();
            sums[item] += before;
            CLAMP_BARRIER();
        }
        u32 before = sums[item] - sum;
        for (u32 i = 0; i < DIGITS; i++) {
            const u32 here = tally[item * DIGITS + i];
            tally[item * DIGITS + i] = before;
            before += here;
        }
        CLAMP_BARRIER();
        for (u32 digit = item; digit < DIGITS; digit += ITEMS) {
            const u32 begin = tally[digit * ITEMS];
            const u32 end = digit + 1 < DIGITS ? tally[(digit + 1) * ITEMS] : sums[ITEMS - 1];
            offset[digit] = flags & ALONE ? 0 : next[digit] - begin;
            next[digit] += end - begin;
        }
        CLAMP_BARRIER();
        for (u32 r = 0; r < RUN; r++) {
            const u64 i = first + r;
            if (i < to) {
                const KEY key = KEY_AT(i);
                const u32 digit = DIGIT(key);
                const u64 at = offset[digit] + tally[digit * ITEMS + item]++;
#if defined(PLACES)
                places_out[at] = flags & FIRST ? (i64)i : places[i];
                if (!(flags & LAST)) {
                    keys_out[at] = key;
                }
#else
                keys_out[at] = flags & LAST ? clamp_bits_of_key(key) : key;
#endif
            }
        }
        CLAMP_BARRIER();
    }
}
