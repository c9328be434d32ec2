/* The functions of one variable on a device: the steps of the folder own, with the tables and the named results that
 * device_tables.h has from there, and so the same bits. It assumes
 *   f32 f64 i64 u32 u64      the types;
 *   CLAMP_FN                 what stands before a function;
 *   CLAMP_TABLE              what stands before a table at file scope, such as `static const` or `__constant`;
 *   clamp_fma64(x, y, z)     x * y + z, rounded once;
 *   clamp_div64(x, y)        x / y, rounded once;
 *   clamp_bits32, clamp_float32, clamp_bits64, clamp_float64    bits of a float and back;
 * that every other operation rounds once and subnormal numbers are kept, in conversions too, and that nothing is
 * contracted. It includes nothing. */

#define CLAMP_F_NAN clamp_float32(0x7fc00000u)
#define CLAMP_F_INFINITY clamp_float32(0x7f800000u)
#define CLAMP_F_MAGIC 6755399441055744.0
#define CLAMP_F_SIGN ((u64)1 << 63)

/* On bits: a compiler may take a test of a computed NaN for one without meaning. */
CLAMP_FN int clamp_f_is_nan(f32 x) { return (clamp_bits32(x) & 0x7fffffffu) > 0x7f800000u; }

/* Whether the last bits of y could decide between two floats. */
CLAMP_FN int clamp_f_is_near_middle(f64 y) {
    return ((clamp_bits64(y) - (((u64)1 << 28) - 16)) & (((u64)1 << 29) - 32)) == 0;
}

CLAMP_FN f64 clamp_f_magnitude(f64 x) { return clamp_float64(clamp_bits64(x) & ~CLAMP_F_SIGN); }

CLAMP_FN f64 clamp_f_with_sign(f64 x, f64 y) {
    return clamp_float64((clamp_bits64(x) & ~CLAMP_F_SIGN) | (clamp_bits64(y) & CLAMP_F_SIGN));
}

CLAMP_FN f64 clamp_f_between(f64 x, f64 least, f64 most) { return x > most ? most : x < least ? least : x; }

/* x negated where the lowest bit of `shifted` is set. */
CLAMP_FN f64 clamp_f_turned(f64 x, f64 shifted) {
    return clamp_float64(clamp_bits64(x) ^ (clamp_bits64(shifted) << 63));
}

/* exp, exp2, expm1 */

CLAMP_FN f64 clamp_f_power(f64 shifted) {
    u64 bits = clamp_bits64(shifted);
    return clamp_float64(clamp_bits64(clamp_f_powers[bits & 15]) + (bits << 48));
}

CLAMP_FN f64 clamp_f_power_rest(f64 r) {
    f64 y = clamp_f_power_polynomial[0];
    for (int i = 1; i < 6; i++) y = clamp_fma64(y, r, clamp_f_power_polynomial[i]);
    return r * y;
}

CLAMP_FN f64 clamp_f_natural_rest(f64 x, f64 shifted) {
    f64 r = clamp_fma64(x, CLAMP_F_SIXTEENTHS_HIGH, CLAMP_F_MAGIC - shifted);
    return clamp_f_power_rest(clamp_fma64(x, CLAMP_F_SIXTEENTHS_LOW, r));
}

CLAMP_FN f64 clamp_f_less_one(f64 x) {
    f64 shifted = clamp_fma64(x, CLAMP_F_SIXTEENTHS_HIGH, CLAMP_F_MAGIC);
    f64 power = clamp_f_power(shifted);
    f64 more = clamp_f_natural_rest(x, shifted) + clamp_f_powers_low[clamp_bits64(shifted) & 15];
    return clamp_fma64(power, more, power - 1.0);
}

CLAMP_FN f32 clamp_exp(f32 x) {
    if (clamp_f_is_nan(x)) return CLAMP_F_NAN;
    f64 near = clamp_f_between((f64)x, -105.0, 105.0);
    f64 shifted = clamp_fma64(near, CLAMP_F_SIXTEENTHS_HIGH, CLAMP_F_MAGIC);
    f64 power = clamp_f_power(shifted);
    f64 y = clamp_fma64(power, clamp_f_natural_rest(near, shifted), power);
    return (f32)y;
}

CLAMP_FN f32 clamp_exp2(f32 x) {
    if (clamp_f_is_nan(x)) return CLAMP_F_NAN;
    f64 near = clamp_f_between((f64)x, -151.0, 151.0);
    f64 shifted = clamp_fma64(near, 16.0, CLAMP_F_MAGIC);
    f64 power = clamp_f_power(shifted);
    f64 y = clamp_fma64(power, clamp_f_power_rest(clamp_fma64(near, 16.0, CLAMP_F_MAGIC - shifted)), power);
    return clamp_f_is_near_middle(y) ? clamp_f_named_exp2(clamp_bits32(x), (f32)y) : (f32)y;
}

CLAMP_FN f32 clamp_expm1(f32 x) {
    if (clamp_f_is_nan(x)) return CLAMP_F_NAN;
    f64 y = clamp_f_with_sign(clamp_f_less_one(clamp_f_between((f64)x, -105.0, 105.0)), (f64)x);
    return clamp_f_is_near_middle(y) ? clamp_f_named_expm1(clamp_bits32(x), (f32)y) : (f32)y;
}

/* log, log2, log10, log1p: bits of k and of z above the least, k, and z. */

#define CLAMP_F_EXPONENT 0xfff0000000000000ul
#define CLAMP_F_BIAS ((u64)1023 << 52)

CLAMP_FN u64 clamp_f_apart(f64 x) { return clamp_bits64(x) + (CLAMP_F_BIAS - CLAMP_F_LEAST); }

CLAMP_FN f64 clamp_f_k(u64 bits) { return (f64)(i64)(bits >> 52) - 1023.0; }

CLAMP_FN f64 clamp_f_z(u64 bits) { return clamp_float64((bits & ~CLAMP_F_EXPONENT) + CLAMP_F_LEAST); }

/* Of what is not positive and finite. */
CLAMP_FN f32 clamp_f_outside(f32 x) {
    return x == 0.0f ? clamp_float32(0xff800000u) : x > 0.0f ? x : CLAMP_F_NAN;
}

CLAMP_FN f64 clamp_f_natural(u64 bits, f64 r) {
    f64 k = clamp_f_k(bits);
    f64 high = clamp_fma64(k, CLAMP_F_LOG_TWO_HIGH, clamp_f_log_logarithms[bits >> 48 & 15]);
    f64 low = clamp_fma64(k, CLAMP_F_LOG_TWO_LOW, r);
    f64 y = clamp_f_log_polynomial[0];
    for (int i = 1; i < 8; i++) y = clamp_fma64(y, r, clamp_f_log_polynomial[i]);
    return high + clamp_fma64(r * r, y, low);
}

CLAMP_FN f32 clamp_log(f32 x) {
    if (!(x > 0.0f && x < CLAMP_F_INFINITY)) return clamp_f_outside(x);
    u64 bits = clamp_f_apart((f64)x);
    f64 y = clamp_f_natural(bits, clamp_fma64(clamp_f_z(bits), clamp_f_log_inverses[bits >> 48 & 15], -1.0));
    return clamp_f_is_near_middle(y) ? clamp_f_named_log(clamp_bits32(x), (f32)y) : (f32)y;
}

CLAMP_FN f32 clamp_log1p(f32 x) {
    if (!(x > -1.0f && x < CLAMP_F_INFINITY)) return clamp_f_outside(x + 1.0f);
    u64 bits = clamp_f_apart((f64)x + 1.0);
    u64 down = (bits & CLAMP_F_EXPONENT) - CLAMP_F_BIAS;
    f64 scale = clamp_float64(clamp_bits64(clamp_f_log_inverses[bits >> 48 & 15]) - down);
    f64 y = clamp_f_natural(bits, clamp_fma64((f64)x, scale, scale - 1.0));
    y = clamp_f_with_sign(y, (f64)x);
    return clamp_f_is_near_middle(y) ? clamp_f_named_log1p(clamp_bits32(x), (f32)y) : (f32)y;
}

CLAMP_FN f32 clamp_log2(f32 x) {
    if (!(x > 0.0f && x < CLAMP_F_INFINITY)) return clamp_f_outside(x);
    u64 bits = clamp_f_apart((f64)x);
    f64 r = clamp_fma64(clamp_f_z(bits), clamp_f_log2_inverses[bits >> 48 & 15], -1.0);
    f64 high = clamp_f_k(bits) + clamp_f_log2_logarithms[bits >> 48 & 15];
    f64 y = clamp_f_log2_polynomial[0];
    for (int i = 1; i < 8; i++) y = clamp_fma64(y, r, clamp_f_log2_polynomial[i]);
    y = high + clamp_fma64(r, CLAMP_F_LOG2_E_HIGH, r * clamp_fma64(r, y, CLAMP_F_LOG2_E_LOW));
    return (f32)y;
}

CLAMP_FN f32 clamp_log10(f32 x) {
    if (!(x > 0.0f && x < CLAMP_F_INFINITY)) return clamp_f_outside(x);
    u64 bits = clamp_f_apart((f64)x);
    f64 k = clamp_f_k(bits);
    f64 r = clamp_fma64(clamp_f_z(bits), clamp_f_log10_inverses[bits >> 48 & 15], -1.0);
    f64 high = clamp_fma64(k, CLAMP_F_LOG10_TWO_HIGH, clamp_f_log10_logarithms[bits >> 48 & 15]);
    f64 y = clamp_f_log10_polynomial[0];
    for (int i = 1; i < 8; i++) y = clamp_fma64(y, r, clamp_f_log10_polynomial[i]);
    f64 low = clamp_fma64(r, clamp_fma64(r, y, CLAMP_F_LOG10_E_LOW), k * CLAMP_F_LOG10_TWO_LOW);
    y = high + clamp_fma64(r, CLAMP_F_LOG10_E_HIGH, low);
    return clamp_f_is_near_middle(y) ? clamp_f_named_log10(clamp_bits32(x), (f32)y) : (f32)y;
}

/* sin, cos, tan */

/* An angle of 2^24 or more: see own/turns.rs. */
CLAMP_FN f64 clamp_f_far(f32 x, u32 doublings, u64 more, u64* odd) {
    u32 bits = clamp_bits32(x);
    u64 integer = (bits & 0x007fffffu) | 0x00800000u;
    u32 first = (bits >> 23 & 0xffu) - 150u + doublings;
    u32 word = first >> 5, bit = first & 31u;
    u64 high = 0, low = 0, carry = 0;
    for (int place = 3; place >= 0; place--) {
        u64 pair = (u64)clamp_f_inverse_pi[word + place] << 32 | clamp_f_inverse_pi[word + place + 1];
        u64 sum = integer * (pair << bit >> 32) + carry;
        low = low >> 32 | high << 32;
        high = high >> 32 | sum << 32;
        carry = sum >> 32;
    }
    high += more;
    *odd = (high + ((u64)1 << 62)) >> 63;
    f64 fraction = (f64)((i64)(high << 1) >> 1) + (f64)low / 18446744073709551616.0;
    f64 rest = fraction * (CLAMP_F_PI / 9223372036854775808.0);
    return x < 0.0f ? -rest : rest;
}

CLAMP_FN f64 clamp_f_sine(f64 r) {
    f64 square = r * r;
    f64 y = clamp_f_sine_polynomial[0];
    for (int i = 1; i < 8; i++) y = clamp_fma64(y, square, clamp_f_sine_polynomial[i]);
    return clamp_fma64(square * r, y, r);
}

CLAMP_FN f64 clamp_f_less_pi(f64 x, f64 whole, f64 scale) {
    f64 r = clamp_fma64(whole, CLAMP_F_LESS_PI_0 * scale, x);
    r = clamp_fma64(whole, CLAMP_F_LESS_PI_1 * scale, r);
    return clamp_fma64(whole, CLAMP_F_LESS_PI_2 * scale, r);
}

CLAMP_FN f32 clamp_sin(f32 x) {
    f64 y;
    u64 odd;
    if (x == 0.0f) return x;
    if (!(clamp_f_magnitude((f64)x) < CLAMP_F_INFINITY)) return CLAMP_F_NAN;
    if (clamp_f_magnitude((f64)x) < CLAMP_F_LARGEST) {
        f64 shifted = clamp_fma64((f64)x, CLAMP_F_INVERSE_PI, CLAMP_F_MAGIC);
        y = clamp_f_turned(clamp_f_sine(clamp_f_less_pi((f64)x, shifted - CLAMP_F_MAGIC, 1.0)), shifted);
    } else {
        y = clamp_f_sine(clamp_f_far(x, 0, 0, &odd));
        y = odd ? -y : y;
    }
    return clamp_f_is_near_middle(y) ? clamp_f_named_sin(clamp_bits32(x), (f32)y) : (f32)y;
}

CLAMP_FN f32 clamp_cos(f32 x) {
    f64 y;
    u64 odd;
    if (!(clamp_f_magnitude((f64)x) < CLAMP_F_INFINITY)) return CLAMP_F_NAN;
    if (clamp_f_magnitude((f64)x) < CLAMP_F_LARGEST) {
        f64 shifted = clamp_fma64((f64)x, CLAMP_F_INVERSE_PI, 0.5) + CLAMP_F_MAGIC;
        f64 whole = shifted - CLAMP_F_MAGIC - 0.5;
        y = clamp_f_turned(clamp_f_sine(clamp_f_less_pi((f64)x, whole, 1.0)), shifted);
    } else {
        y = clamp_f_sine(clamp_f_far((f32)clamp_f_magnitude((f64)x), 0, (u64)1 << 62, &odd));
        return clamp_f_named_cos(clamp_bits32(x) & 0x7fffffffu, (f32)(odd ? -y : y));
    }
    return (f32)y;
}

CLAMP_FN f32 clamp_tan(f32 x) {
    f64 r;
    u64 odd;
    if (x == 0.0f) return x;
    if (!(clamp_f_magnitude((f64)x) < CLAMP_F_INFINITY)) return CLAMP_F_NAN;
    if (clamp_f_magnitude((f64)x) < CLAMP_F_LARGEST) {
        f64 shifted = clamp_fma64((f64)x, 2.0 * CLAMP_F_INVERSE_PI, CLAMP_F_MAGIC);
        r = clamp_f_less_pi((f64)x, shifted - CLAMP_F_MAGIC, 0.5);
        odd = clamp_bits64(shifted) & 1;
    } else {
        r = 0.5 * clamp_f_far(x, 1, 0, &odd);
    }
    f64 square = r * r;
    f64 above = clamp_f_tangent_numerator[0];
    for (int i = 1; i < 3; i++) above = clamp_fma64(above, square, clamp_f_tangent_numerator[i]);
    f64 below = clamp_f_tangent_denominator[0];
    for (int i = 1; i < 4; i++) below = clamp_fma64(below, square, clamp_f_tangent_denominator[i]);
    above = clamp_fma64(square * r, above, r);
    below = clamp_fma64(square, below, 1.0);
    f64 y = odd ? -clamp_div64(below, above) : clamp_div64(above, below);
    return (f32)y;
}

/* sinpi, cospi */

CLAMP_FN f64 clamp_f_sine_of_turns(f64 r) {
    f64 square = r * r;
    f64 y = clamp_f_turn_polynomial[0];
    for (int i = 1; i < 8; i++) y = clamp_fma64(y, square, clamp_f_turn_polynomial[i]);
    return clamp_fma64(r, CLAMP_F_PI, r * clamp_fma64(square, y, CLAMP_F_PI_LOW));
}

CLAMP_FN f32 clamp_sinpi(f32 x) {
    f64 size = clamp_f_magnitude((f64)x);
    if (!(size < CLAMP_F_INFINITY)) return CLAMP_F_NAN;
    if (size >= CLAMP_F_LARGEST) return (f32)clamp_f_with_sign(0.0, (f64)x);
    f64 shifted = (f64)x + CLAMP_F_MAGIC;
    f64 r = (f64)x - (shifted - CLAMP_F_MAGIC);
    f64 y = clamp_f_turned(clamp_f_sine_of_turns(r), shifted);
    if (r == 0.0) return (f32)clamp_f_with_sign(0.0, (f64)x);
    return (f32)y;
}

CLAMP_FN f32 clamp_cospi(f32 x) {
    f64 size = clamp_f_magnitude((f64)x);
    if (!(size < CLAMP_F_INFINITY)) return CLAMP_F_NAN;
    if (size >= CLAMP_F_LARGEST) return 1.0f;
    f64 later = (f64)x + 0.5;
    f64 shifted = later + CLAMP_F_MAGIC;
    f64 y = clamp_f_turned(clamp_f_sine_of_turns(later - (shifted - CLAMP_F_MAGIC)), shifted) + 0.0;
    return (f32)y;
}

/* tanh, erf */

CLAMP_FN f32 clamp_tanh(f32 x) {
    if (clamp_f_is_nan(x)) return CLAMP_F_NAN;
    f64 near = clamp_f_between(clamp_f_magnitude((f64)x), 0.0, 10.0);
    f64 e = clamp_f_less_one(near + near);
    f64 y = clamp_f_with_sign(clamp_div64(e, e + 2.0), (f64)x);
    return (f32)y;
}

CLAMP_FN f32 clamp_erf(f32 x) {
    if (clamp_f_is_nan(x)) return CLAMP_F_NAN;
    f64 near = clamp_f_between(clamp_f_magnitude((f64)x), 0.0, CLAMP_F_ERF_LARGEST);
    f64 at = clamp_fma64(near, CLAMP_F_ERF_INVERSE, CLAMP_F_MAGIC);
    f64 r = clamp_fma64(at - CLAMP_F_MAGIC, -CLAMP_F_ERF_STEP, near);
    u64 interval = clamp_bits64(at) & 15;
    f64 y = clamp_f_erf_polynomials[interval];
    for (int i = 1; i < 13; i++) y = clamp_fma64(y, r, clamp_f_erf_polynomials[i * 16 + interval]);
    y = clamp_f_with_sign(y, (f64)x);
    return (f32)y;
}

/* The compositions; a quotient of floats is rounded once by way of f64. */

CLAMP_FN f32 clamp_f_canonical(f32 y) { return clamp_f_is_nan(y) ? CLAMP_F_NAN : y; }

CLAMP_FN f32 clamp_sigmoid(f32 x) { return clamp_f_canonical((f32)clamp_div64(1.0, (f64)(1.0f + clamp_exp(-x)))); }

CLAMP_FN f32 clamp_silu(f32 x) { return clamp_f_canonical(x * clamp_sigmoid(x)); }

CLAMP_FN f32 clamp_gelu(f32 x) {
    return clamp_f_canonical((0.5f * x) * (1.0f + clamp_erf(x * clamp_float32(0x3f3504f3u))));
}
