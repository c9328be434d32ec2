// Elementwise kernels: STEP of the elements at one place. ARITY arrays of the types X, Y and Z give OUT; a clamp has its
// bounds as SCALARS. The entry each_wide takes 16 bytes at a time and needs all arrays at multiples of that.

#if ARITY == 1
#define AT(i) STEP(x[i])
#define ARRAYS CLAMP_IN(X, x), CLAMP_OUT(OUT, out)
#define OPEN_AS(xt, yt, zt, ot) CLAMP_AT_IN(xt, x); CLAMP_AT_OUT(ot, out)
#elif ARITY == 2
#define AT(i) STEP(x[i], y[i])
#define ARRAYS CLAMP_IN(X, x), CLAMP_IN(Y, y), CLAMP_OUT(OUT, out)
#define OPEN_AS(xt, yt, zt, ot) CLAMP_AT_IN(xt, x); CLAMP_AT_IN(yt, y); CLAMP_AT_OUT(ot, out)
#else
#define AT(i) STEP(x[i], y[i], z[i])
#define ARRAYS CLAMP_IN(X, x), CLAMP_IN(Y, y), CLAMP_IN(Z, z), CLAMP_OUT(OUT, out)
#define OPEN_AS(xt, yt, zt, ot) CLAMP_AT_IN(xt, x); CLAMP_AT_IN(yt, y); CLAMP_AT_IN(zt, z); CLAMP_AT_OUT(ot, out)
#endif

#if !defined(SCALARS)
#define SCALARS
#endif

CLAMP_KERNEL(each)(ARRAYS, u64 count SCALARS) {
    OPEN_AS(X, Y, Z, OUT);
    u64 base = CLAMP_FIRST;
    for (; base + CLAMP_ITEMS <= count; base += CLAMP_STRIDE) {
        const u64 i = base + CLAMP_ITEM;
        out[i] = AT(i);
        CLAMP_STEP_END();
    }
    const u64 i = base + CLAMP_ITEM;
    if (i < count) {
        out[i] = AT(i);
    }
}

#if defined(WIDE)

#if ARITY == 1
#define PART(p) value.p = STEP(xs.p)
#define LOAD const WIDE xs = x[i]
#elif ARITY == 2
#define PART(p) value.p = STEP(xs.p, ys.p)
#define LOAD const WIDE xs = x[i]; const WIDE ys = y[i]
#else
#define PART(p) value.p = STEP(xs.p, ys.p, zs.p)
#define LOAD const WIDE xs = x[i]; const WIDE ys = y[i]; const WIDE zs = z[i]
#endif

CLAMP_KERNEL(each_wide)(ARRAYS, u64 count SCALARS) {
    {
        OPEN_AS(WIDE, WIDE, WIDE, WIDE);
        const u64 wide = count / WIDTH;
        for (u64 base = CLAMP_FIRST; base < wide; base += CLAMP_STRIDE) {
            const u64 i = base + CLAMP_ITEM;
            if (i < wide) {
                LOAD;
                WIDE value;
                PART(x);
                PART(y);
#if WIDTH == 4
                PART(z);
                PART(w);
#endif
                out[i] = value;
            }
        }
    }
    const u64 i = count / WIDTH * WIDTH + CLAMP_ITEM;
    if (CLAMP_GROUP == 0 && i < count) {
        OPEN_AS(X, Y, Z, OUT);
        out[i] = AT(i);
    }
}

#endif
