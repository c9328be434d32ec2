// Steps that a work-group takes together. All items of the group call them, at the same place; a group has a power of
// two of items.

// The least of the items' values, in every item. The tile has a place for each item.
CLAMP_FN u64 clamp_group_min(CLAMP_LOCAL u64 *tile, u64 value) {
    const u32 item = CLAMP_ITEM;
    tile[item] = value;
    CLAMP_BARRIER();
    for (u32 reach = CLAMP_ITEMS / 2; reach > 0; reach /= 2) {
        if (item < reach && tile[item + reach] < tile[item]) {
            tile[item] = tile[item + reach];
        }
        CLAMP_BARRIER();
    }
    const u64 least = tile[0];
    CLAMP_BARRIER();
    return least;
}
