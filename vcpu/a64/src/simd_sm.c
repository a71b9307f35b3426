/* The SM3 and SM4 instructions (DDI 0487 C7.2, GB/T 32905 and GB/T 32907). */
#include "simd_lanes.h"

static inline uint32_t rol32(uint32_t v, unsigned n)
{
    return n == 0 ? v : (v << n) | (v >> (32 - n));
}

SIMD_FN(sm3ss1)
{
    const uint32_t n = regs->v[op->rn].s[3];
    const uint32_t m = regs->v[op->rm].s[3];
    const uint32_t a = regs->v[op->ra].s[3];

    regs->v[op->rd].d[0] = 0;
    regs->v[op->rd].d[1] = (uint64_t)rol32(rol32(n, 12) + m + a, 7) << 32;
}

static inline uint32_t majority(uint32_t x, uint32_t y, uint32_t z)
{
    return (x & y) | (x & z) | (y & z);
}

static inline uint32_t parity(uint32_t x, uint32_t y, uint32_t z)
{
    return x ^ y ^ z;
}

static inline uint32_t choose(uint32_t x, uint32_t y, uint32_t z)
{
    return (x & y) | (~x & z);
}

/* `imm` is the word of Vm. */
#define SM3TT1(fn, combine)                                                                        \
    SIMD_FN(fn)                                                                                    \
    {                                                                                              \
        const union a64_vreg n = regs->v[op->rn];                                                  \
        const uint32_t w = regs->v[op->rm].s[op->imm];                                             \
        const union a64_vreg d = regs->v[op->rd];                                                  \
        const uint32_t ss2 = n.s[3] ^ rol32(d.s[3], 12);                                           \
        const uint32_t tt1 = combine(d.s[3], d.s[2], d.s[1]) + d.s[0] + ss2 + w;                   \
        const union a64_vreg r = {.s = {d.s[1], rol32(d.s[2], 9), d.s[3], tt1}};                   \
        regs->v[op->rd] = r;                                                                       \
    }
#define SM3TT2(fn, combine)                                                                        \
    SIMD_FN(fn)                                                                                    \
    {                                                                                              \
        const union a64_vreg n = regs->v[op->rn];                                                  \
        const uint32_t w = regs->v[op->rm].s[op->imm];                                             \
        const union a64_vreg d = regs->v[op->rd];                                                  \
        const uint32_t tt2 = combine(d.s[3], d.s[2], d.s[1]) + d.s[0] + n.s[3] + w;                \
        const uint32_t mixed = tt2 ^ rol32(tt2, 9) ^ rol32(tt2, 17);                               \
        const union a64_vreg r = {.s = {d.s[1], rol32(d.s[2], 19), d.s[3], mixed}};                \
        regs->v[op->rd] = r;                                                                       \
    }

SM3TT1(sm3tt1a, parity)
SM3TT1(sm3tt1b, majority)
SM3TT2(sm3tt2a, parity)
SM3TT2(sm3tt2b, choose)

SIMD_FN(sm3partw1)
{
    const union a64_vreg n = regs->v[op->rn];
    const union a64_vreg m = regs->v[op->rm];
    const union a64_vreg d = regs->v[op->rd];
    union a64_vreg r;

    for (unsigned i = 0; i < 4; i++) {
        const uint32_t w = i < 3 ? m.s[i + 1] : 0;
        r.s[i] = d.s[i] ^ n.s[i] ^ rol32(w, 15);
    }
    for (unsigned i = 0; i < 4; i++) {
        if (i == 3) {
            r.s[3] ^= rol32(r.s[0], 15);
        }
        r.s[i] = r.s[i] ^ rol32(r.s[i], 15) ^ rol32(r.s[i], 23);
    }
    regs->v[op->rd] = r;
}

SIMD_FN(sm3partw2)
{
    const union a64_vreg n = regs->v[op->rn];
    const union a64_vreg m = regs->v[op->rm];
    union a64_vreg r = regs->v[op->rd];
    uint32_t first = 0;

    for (unsigned i = 0; i < 4; i++) {
        const uint32_t t = n.s[i] ^ rol32(m.s[i], 7);
        first = i == 0 ? t : first;
        r.s[i] ^= t;
    }
    first = rol32(first, 15);
    r.s[3] ^= first ^ rol32(first, 15) ^ rol32(first, 23);
    regs->v[op->rd] = r;
}

static const uint8_t sm4_sbox[256] = {
    0xd6, 0x90, 0xe9, 0xfe, 0xcc, 0xe1, 0x3d, 0xb7, 0x16, 0xb6, 0x14, 0xc2, 0x28, 0xfb, 0x2c, 0x05,
    0x2b, 0x67, 0x9a, 0x76, 0x2a, 0xbe, 0x04, 0xc3, 0xaa, 0x44, 0x13, 0x26, 0x49, 0x86, 0x06, 0x99,
    0x9c, 0x42, 0x50, 0xf4, 0x91, 0xef, 0x98, 0x7a, 0x33, 0x54, 0x0b, 0x43, 0xed, 0xcf, 0xac, 0x62,
    0xe4, 0xb3, 0x1c, 0xa9, 0xc9, 0x08, 0xe8, 0x95, 0x80, 0xdf, 0x94, 0xfa, 0x75, 0x8f, 0x3f, 0xa6,
    0x47, 0x07, 0xa7, 0xfc, 0xf3, 0x73, 0x17, 0xba, 0x83, 0x59, 0x3c, 0x19, 0xe6, 0x85, 0x4f, 0xa8,
    0x68, 0x6b, 0x81, 0xb2, 0x71, 0x64, 0xda, 0x8b, 0xf8, 0xeb, 0x0f, 0x4b, 0x70, 0x56, 0x9d, 0x35,
    0x1e, 0x24, 0x0e, 0x5e, 0x63, 0x58, 0xd1, 0xa2, 0x25, 0x22, 0x7c, 0x3b, 0x01, 0x21, 0x78, 0x87,
    0xd4, 0x00, 0x46, 0x57, 0x9f, 0xd3, 0x27, 0x52, 0x4c, 0x36, 0x02, 0xe7, 0xa0, 0xc4, 0xc8, 0x9e,
    0xea, 0xbf, 0x8a, 0xd2, 0x40, 0xc7, 0x38, 0xb5, 0xa3, 0xf7, 0xf2, 0xce, 0xf9, 0x61, 0x15, 0xa1,
    0xe0, 0xae, 0x5d, 0xa4, 0x9b, 0x34, 0x1a, 0x55, 0xad, 0x93, 0x32, 0x30, 0xf5, 0x8c, 0xb1, 0xe3,
    0x1d, 0xf6, 0xe2, 0x2e, 0x82, 0x66, 0xca, 0x60, 0xc0, 0x29, 0x23, 0xab, 0x0d, 0x53, 0x4e, 0x6f,
    0xd5, 0xdb, 0x37, 0x45, 0xde, 0xfd, 0x8e, 0x2f, 0x03, 0xff, 0x6a, 0x72, 0x6d, 0x6c, 0x5b, 0x51,
    0x8d, 0x1b, 0xaf, 0x92, 0xbb, 0xdd, 0xbc, 0x7f, 0x11, 0xd9, 0x5c, 0x41, 0x1f, 0x10, 0x5a, 0xd8,
    0x0a, 0xc1, 0x31, 0x88, 0xa5, 0xcd, 0x7b, 0xbd, 0x2d, 0x74, 0xd0, 0x12, 0xb8, 0xe5, 0xb4, 0xb0,
    0x89, 0x69, 0x97, 0x4a, 0x0c, 0x96, 0x77, 0x7e, 0x65, 0xb9, 0xf1, 0x09, 0xc5, 0x6e, 0xc6, 0x84,
    0x18, 0xf0, 0x7d, 0xec, 0x3a, 0xdc, 0x4d, 0x20, 0x79, 0xee, 0x5f, 0x3e, 0xd7, 0xcb, 0x39, 0x48,
};

static inline uint32_t sm4_substitute(uint32_t v)
{
    uint32_t r = 0;

    for (unsigned i = 0; i < 32; i += 8) {
        r |= (uint32_t)sm4_sbox[(v >> i) & 0xffu] << i;
    }
    return r;
}

/* Four rounds: the state moves one word down, the new word comes in at the top. */
SIMD_FN(sm4e)
{
    const union a64_vreg key = regs->v[op->rn];
    union a64_vreg r = regs->v[op->rd];

    for (unsigned i = 0; i < 4; i++) {
        const uint32_t t = sm4_substitute(r.s[3] ^ r.s[2] ^ r.s[1] ^ key.s[i]);
        const uint32_t word = r.s[0] ^ t ^ rol32(t, 2) ^ rol32(t, 10) ^ rol32(t, 18) ^ rol32(t, 24);
        r = (union a64_vreg){.s = {r.s[1], r.s[2], r.s[3], word}};
    }
    regs->v[op->rd] = r;
}

SIMD_FN(sm4ekey)
{
    const union a64_vreg constant = regs->v[op->rm];
    union a64_vreg r = regs->v[op->rn];

    for (unsigned i = 0; i < 4; i++) {
        const uint32_t t = sm4_substitute(r.s[3] ^ r.s[2] ^ r.s[1] ^ constant.s[i]);
        const uint32_t word = r.s[0] ^ t ^ rol32(t, 13) ^ rol32(t, 23);
        r = (union a64_vreg){.s = {r.s[1], r.s[2], r.s[3], word}};
    }
    regs->v[op->rd] = r;
}
