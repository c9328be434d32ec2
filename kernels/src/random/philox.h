// One block of Philox4x32-10 by J. Salmon, M. Moraes, R. Dror and D. Shaw (SC11): ten rounds, word 0 the least
// significant.

CLAMP_FN void clamp_philox(u32 *words, u32 k0, u32 k1, u32 c0, u32 c1, u32 c2, u32 c3) {
    for (int round = 0; round < 10; round++) {
        const u32 high0 = clamp_mul_high32(0xd2511f53u, c0), low0 = 0xd2511f53u * c0;
        const u32 high1 = clamp_mul_high32(0xcd9e8d57u, c2), low1 = 0xcd9e8d57u * c2;
        c0 = high1 ^ c1 ^ k0;
        c1 = low1;
        c2 = high0 ^ c3 ^ k1;
        c3 = low0;
        k0 += 0x9e3779b9u;
        k1 += 0xbb67ae85u;
    }
    words[0] = c0;
    words[1] = c1;
    words[2] = c2;
    words[3] = c3;
}
