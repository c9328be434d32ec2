// Moves by place. ELEMENT is an unsigned type of an element's width.

#define SIDE 32
#define DOWN (TILE_ITEMS / SIDE)

// Squares of SIDE by SIDE through local memory, so that both sides are read and written in runs.
CLAMP_KERNEL(transpose)(CLAMP_IN(ELEMENT, x), CLAMP_OUT(ELEMENT, out), u64 matrices, u64 rows, u64 columns) {
    CLAMP_LOCAL_ARRAY(ELEMENT, tile, SIDE * (SIDE + 1));
    CLAMP_AT_IN(ELEMENT, x);
    CLAMP_AT_OUT(ELEMENT, out);
    const u32 beside = CLAMP_ITEM % SIDE;
    const u32 below = CLAMP_ITEM / SIDE;
    const u64 across = (columns + SIDE - 1) / SIDE;
    const u64 tiles = (rows + SIDE - 1) / SIDE * across;
    for (u64 at = CLAMP_GROUP; at < matrices * tiles; at += CLAMP_GROUPS) {
        const u64 matrix = clamp_quotient64(at, tiles);
        const u64 square = at - matrix * tiles;
        const u64 row = clamp_quotient64(square, across) * SIDE;
        const u64 column = clamp_remainder64(square, across) * SIDE;
        const u64 from = matrix * rows * columns;
        for (u32 down = 0; down < SIDE; down += DOWN) {
            const u64 r = row + down + below, c = column + beside;
            if (r < rows && c < columns) {
                tile[(down + below) * (SIDE + 1) + beside] = x[from + r * columns + c];
            }
            CLAMP_STEP_END();
        }
        CLAMP_BARRIER();
        for (u32 down = 0; down < SIDE; down += DOWN) {
            const u64 r = row + beside, c = column + down + below;
            if (r < rows && c < columns) {
                out[from + c * rows + r] = tile[beside * (SIDE + 1) + down + below];
            }
            CLAMP_STEP_END();
        }
        CLAMP_BARRIER();
    }
}

// Rows of `columns` elements go to places `stride` apart, the first at `first`. A row is taken by 2^shift items.
CLAMP_KERNEL(place)
(CLAMP_IN(ELEMENT, x), CLAMP_OUT(ELEMENT, out), u64 rows, u64 columns, u64 stride, u64 first, u32 shift) {
    CLAMP_AT_IN(ELEMENT, x);
    CLAMP_AT_OUT(ELEMENT, out);
    const u32 width = 1u << shift;
    const u64 at_once = CLAMP_ITEMS >> shift;
    for (u64 base = CLAMP_GROUP * at_once; base < rows; base += CLAMP_GROUPS * at_once) {
        const u64 row = base + (CLAMP_ITEM >> shift);
        for (u64 at = 0; at < columns; at += width) {
            const u64 column = at + (CLAMP_ITEM & (width - 1));
            if (row < rows && column < columns) {
                out[first + row * stride + column] = x[row * columns + column];
            }
            CLAMP_STEP_END();
        }
    }
}
