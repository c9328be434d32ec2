// Exact sums and dots, by the elements' bits. An item adds its terms to an integer of LIMBS digits of 32 bits, counted in
// units of two to the UNIT, the lowest bit that a term can have. A digit is kept in 64 bits and takes what comes, for
// 2^29 terms at least; carries move once, at the end. The order of the terms cannot be seen. PRODUCT says dot, WIDE f64.

#define SEEN_NAN 1
#define SEEN_INFINITY 2
#define SEEN_NEGATIVE_INFINITY 4
// Any term but -0.
#define SEEN_OTHER 8

// What a part of a row leaves: its digits and what was seen.
#define PART (LIMBS + 1)

// Where the lowest bit of a float stands when the sum's unit is too small for it.
#define BOTTOM (LOWEST - (UNIT))

// Adds `value` times two to the `position`, or takes it away.
CLAMP_FN void add_term(i64 *limbs, u64 value, u32 position, int negative) {
    const u32 limb = position >> 5;
    const u32 shift = position & 31;
    const u64 low = value << shift;
    const i64 sign = negative ? -1 : 1;
    limbs[limb] += sign * (i64)(low & 0xffffffffu);
    limbs[limb + 1] += sign * (i64)(low >> 32);
#if WIDE || PRODUCT
    limbs[limb + 2] += sign * (i64)((value >> 32) >> (32 - shift));
#endif
}

CLAMP_FN u64 significand(KEY bits) {
    const u64 fraction = bits & (((KEY)1 << (PRECISION - 1)) - 1);
    return (bits & KEY_INFINITY) == 0 ? fraction : fraction | (u64)1 << (PRECISION - 1);
}

// How far the lowest bit of a float's significand is above that of a subnormal.
CLAMP_FN u32 height(KEY bits) {
    const u32 field = (u32)((bits & KEY_INFINITY) >> (PRECISION - 1));
    return field == 0 ? 0 : field - 1;
}

#if PRODUCT

// Adds the term x * y; gives what is to be seen of it.
CLAMP_FN u32 take(i64 *limbs, KEY x, KEY y) {
    const KEY x_size = x & ~KEY_SIGN, y_size = y & ~KEY_SIGN;
    const int negative = ((x ^ y) & KEY_SIGN) != 0;
    if (x_size >= KEY_INFINITY || y_size >= KEY_INFINITY) {
        const int has_value = x_size <= KEY_INFINITY && y_size <= KEY_INFINITY && x_size != 0 && y_size != 0;
        return SEEN_OTHER | (!has_value ? SEEN_NAN : negative ? SEEN_NEGATIVE_INFINITY : SEEN_INFINITY);
    }
    if (x_size == 0 || y_size == 0) {
        return negative ? 0 : SEEN_OTHER;
    }
    const u64 a = significand(x), b = significand(y);
    const u32 position = height(x) + height(y);
#if WIDE
    const u64 a_low = a & 0xffffffffu, a_high = a >> 32;
    const u64 b_low = b & 0xffffffffu, b_high = b >> 32;
    add_term(limbs, a_low * b_low, position, negative);
    add_term(limbs, a_low * b_high + a_high * b_low, position + 32, negative);
    add_term(limbs, a_high * b_high, position + 64, negative);
#else
    add_term(limbs, a * b, position, negative);
#endif
    return SEEN_OTHER;
}

#define ARRAYS CLAMP_IN(KEY, x), CLAMP_IN(KEY, y)
#define OPENED CLAMP_AT_IN(KEY, x); CLAMP_AT_IN(KEY, y)
#define TAKE(limbs, i) take(limbs, x[i], y[i])

#else

CLAMP_FN u32 take(i64 *limbs, KEY x) {
    const KEY size = x & ~KEY_SIGN;
    const int negative = (x & KEY_SIGN) != 0;
    if (size >= KEY_INFINITY) {
        return SEEN_OTHER | (size > KEY_INFINITY ? SEEN_NAN : negative ? SEEN_NEGATIVE_INFINITY : SEEN_INFINITY);
    }
    if (size == 0) {
        return negative ? 0 : SEEN_OTHER;
    }
    add_term(limbs, significand(x), height(x), negative);
    return SEEN_OTHER;
}

#define ARRAYS CLAMP_IN(KEY, x)
#define OPENED CLAMP_AT_IN(KEY, x)
#define TAKE(limbs, i) take(limbs, x[i])

#endif

// Every digit but the last into 32 bits; the last has the sign.
CLAMP_FN void carry_over(i64 *limbs) {
    i64 carry = 0;
    for (int limb = 0; limb < LIMBS - 1; limb++) {
        const i64 sum = limbs[limb] + carry;
        limbs[limb] = sum & 0xffffffff;
        carry = (sum - limbs[limb]) / 4294967296;
    }
    limbs[LIMBS - 1] += carry;
}

// 64 bits of the digits from a place on.
CLAMP_FN u64 bits_from(const i64 *limbs, u32 place) {
    const u32 limb = place >> 5;
    const u32 shift = place & 31;
    const u64 low = (u64)limbs[limb] | (limb + 1 < LIMBS ? (u64)limbs[limb + 1] << 32 : 0);
    const u64 high = limb + 2 < LIMBS ? (u64)limbs[limb + 2] : 0;
    return low >> shift | (high << 32) << (32 - shift);
}

// The nearest float, of two equally near the even one.
CLAMP_FN KEY rounded(i64 *limbs, u32 seen) {
    if (seen & SEEN_NAN || (seen & SEEN_INFINITY && seen & SEEN_NEGATIVE_INFINITY)) {
        return KEY_NAN & ~KEY_SIGN;
    }
    if (seen & (SEEN_INFINITY | SEEN_NEGATIVE_INFINITY)) {
        return seen & SEEN_INFINITY ? KEY_INFINITY : KEY_INFINITY | KEY_SIGN;
    }
    if (!(seen & SEEN_OTHER)) {
        return KEY_SIGN;
    }
    carry_over(limbs);
    const KEY sign = limbs[LIMBS - 1] < 0 ? KEY_SIGN : 0;
    if (sign != 0) {
        for (int limb = 0; limb < LIMBS; limb++) {
            limbs[limb] = -limbs[limb];
        }
        carry_over(limbs);
    }
    int limb = LIMBS - 1;
    while (limb >= 0 && limbs[limb] == 0) {
        limb--;
    }
    if (limb < 0) {
        return 0;
    }
    int leading = limb * 32;
    while (limbs[limb] >> (leading - limb * 32) > 1) {
        leading++;
    }
    if (leading + (UNIT) > HIGHEST) {
        return KEY_INFINITY | sign;
    }
    // The lowest bit that the float has room for; at the bottom it stays where the subnormals have it.
    const int last = leading - (PRECISION - 1) < BOTTOM ? BOTTOM : leading - (PRECISION - 1);
    const u64 value = bits_from(limbs, (u32)last);
    int up = 0;
    if (last > 0) {
        const int middle_limb = (last - 1) >> 5;
        const i64 middle = (i64)1 << ((last - 1) & 31);
        i64 more = limbs[middle_limb] & (middle - 1);
        for (int below = 0; below < middle_limb; below++) {
            more |= limbs[below];
        }
        up = (limbs[middle_limb] & middle) != 0 && (more != 0 || (value & 1) != 0);
    }
    // A significand with its leading bit adds one to the exponent field, and one that was rounded up to the next power of
    // two adds another: up to infinity, where the bits of the floats end.
    return (((KEY)(last - BOTTOM) << (PRECISION - 1)) + (KEY)value + (KEY)up) | sign;
}

// What item p of the walk adds up: of its row, every parts-th element.
#define ADD_UP(p)                                           \
    const u64 row = clamp_quotient64(p, parts);             \
    i64 limbs[LIMBS];                                       \
    for (int limb = 0; limb < LIMBS; limb++) {              \
        limbs[limb] = 0;                                    \
    }                                                       \
    u32 seen = n == 0 ? SEEN_OTHER : 0;                     \
    for (u64 i = (p) - row * parts; i < n; i += parts) {    \
        seen |= TAKE(limbs, row * n + i);                   \
    }

CLAMP_KERNEL(exact_rows)(ARRAYS, CLAMP_OUT(KEY, out), u64 rows, u64 n) {
    OPENED;
    CLAMP_AT_OUT(KEY, out);
    const u64 parts = 1;
    for (u64 base = CLAMP_FIRST; base < rows; base += CLAMP_STRIDE) {
        const u64 p = base + CLAMP_ITEM;
        if (p < rows) {
            ADD_UP(p)
            out[p] = rounded(limbs, seen);
        }
    }
}

CLAMP_KERNEL(exact_parts)(ARRAYS, CLAMP_OUT(i64, sums), u64 rows, u64 n, u64 parts) {
    OPENED;
    CLAMP_AT_OUT(i64, sums);
    for (u64 base = CLAMP_FIRST; base < rows * parts; base += CLAMP_STRIDE) {
        const u64 p = base + CLAMP_ITEM;
        if (p < rows * parts) {
            ADD_UP(p)
            carry_over(limbs);
            for (int limb = 0; limb < LIMBS; limb++) {
                sums[p * PART + limb] = limbs[limb];
            }
            sums[p * PART + LIMBS] = seen;
        }
    }
}

// Of `parts` sums of a row, `left` remain; an item adds one digit.
CLAMP_KERNEL(exact_join)(CLAMP_IN(i64, sums), CLAMP_OUT(i64, joined), u64 rows, u64 parts, u64 left) {
    CLAMP_AT_IN(i64, sums);
    CLAMP_AT_OUT(i64, joined);
    for (u64 base = CLAMP_FIRST; base < rows * left * PART; base += CLAMP_STRIDE) {
        const u64 at = base + CLAMP_ITEM;
        if (at < rows * left * PART) {
            const u64 sum = at / PART;
            const u64 row = clamp_quotient64(sum, left);
            const u32 limb = (u32)(at - sum * PART);
            i64 total = 0;
            for (u64 part = sum - row * left; part < parts; part += left) {
                const i64 here = sums[(row * parts + part) * PART + limb];
                total = limb == LIMBS ? total | here : total + here;
            }
            joined[at] = total;
        }
    }
}

CLAMP_KERNEL(exact_round)(CLAMP_IN(i64, sums), CLAMP_OUT(KEY, out), u64 rows) {
    CLAMP_AT_IN(i64, sums);
    CLAMP_AT_OUT(KEY, out);
    for (u64 base = CLAMP_FIRST; base < rows; base += CLAMP_STRIDE) {
        const u64 row = base + CLAMP_ITEM;
        if (row < rows) {
            i64 limbs[LIMBS];
            for (int limb = 0; limb < LIMBS; limb++) {
                limbs[limb] = sums[row * PART + limb];
            }
            out[row] = rounded(limbs, (u32)sums[row * PART + LIMBS]);
        }
    }
}
