/* The SHA1, SHA256, SHA512 and SHA3 instructions (DDI 0487 C7.2, FIPS 180-4 and 202). */
#include "simd_lanes.h"

static inline uint32_t rol32(uint32_t v, unsigned n)
{
    return (v << n) | (v >> (32 - n));
}

static inline uint32_t ror32(uint32_t v, unsigned n)
{
    return (v >> n) | (v << (32 - n));
}

static inline uint64_t ror64(uint64_t v, unsigned n)
{
    return n == 0 ? v : (v >> n) | (v << (64 - n));
}

static inline uint32_t choose(uint32_t x, uint32_t y, uint32_t z)
{
    return ((y ^ z) & x) ^ z;
}

static inline uint32_t majority(uint32_t x, uint32_t y, uint32_t z)
{
    return (x & y) | ((x | y) & z);
}

static inline uint32_t parity(uint32_t x, uint32_t y, uint32_t z)
{
    return x ^ y ^ z;
}

/* Four rounds: x is the state's four words, y the fifth, w the words with their constants added. */
#define SHA1_ROUNDS(fn, combine)                                                                   \
    SIMD_FN(fn)                                                                                    \
    {                                                                                              \
        union a64_vreg x = regs->v[op->rd];                                                        \
        uint32_t y = regs->v[op->rn].s[0];                                                         \
        const union a64_vreg w = regs->v[op->rm];                                                  \
        for (unsigned i = 0; i < 4; i++) {                                                         \
            y += rol32(x.s[0], 5) + combine(x.s[1], x.s[2], x.s[3]) + w.s[i];                      \
            const uint32_t down = x.s[3];                                                          \
            x = (union a64_vreg){.s = {y, x.s[0], rol32(x.s[1], 30), x.s[2]}};                     \
            y = down;                                                                              \
        }                                                                                          \
        regs->v[op->rd] = x;                                                                       \
    }

SHA1_ROUNDS(sha1c, choose)
SHA1_ROUNDS(sha1p, parity)
SHA1_ROUNDS(sha1m, majority)

SIMD_FN(sha1h)
{
    regs->v[op->rd].d[0] = rol32(regs->v[op->rn].s[0], 30);
    regs->v[op->rd].d[1] = 0;
}

SIMD_FN(sha1su0)
{
    const union a64_vreg n = regs->v[op->rn];
    const union a64_vreg m = regs->v[op->rm];
    union a64_vreg d = regs->v[op->rd];

    const uint64_t low = d.d[1];
    const uint64_t high = n.d[0];
    d.d[0] ^= low ^ m.d[0];
    d.d[1] ^= high ^ m.d[1];
    regs->v[op->rd] = d;
}

SIMD_FN(sha1su1)
{
    const union a64_vreg n = regs->v[op->rn];
    const union a64_vreg d = regs->v[op->rd];
    union a64_vreg r;

    r.s[0] = rol32(d.s[0] ^ n.s[1], 1);
    r.s[1] = rol32(d.s[1] ^ n.s[2], 1);
    r.s[2] = rol32(d.s[2] ^ n.s[3], 1);
    r.s[3] = rol32(d.s[3], 1) ^ rol32(d.s[0] ^ n.s[1], 2);
    regs->v[op->rd] = r;
}

/* SHA256hash: four rounds on x (a, b, c, d) and y (e, f, g, h). */
static inline void sha256_rounds(union a64_vreg *x, union a64_vreg *y, const union a64_vreg *w)
{
    for (unsigned i = 0; i < 4; i++) {
        const uint32_t e = y->s[0];
        const uint32_t a = x->s[0];
        const uint32_t sigma1 = ror32(e, 6) ^ ror32(e, 11) ^ ror32(e, 25);
        const uint32_t sigma0 = ror32(a, 2) ^ ror32(a, 13) ^ ror32(a, 22);
        const uint32_t t = y->s[3] + sigma1 + choose(e, y->s[1], y->s[2]) + w->s[i];
        const uint32_t new_e = x->s[3] + t;
        const uint32_t new_a = t + sigma0 + majority(a, x->s[1], x->s[2]);
        *x = (union a64_vreg){.s = {new_a, x->s[0], x->s[1], x->s[2]}};
        *y = (union a64_vreg){.s = {new_e, y->s[0], y->s[1], y->s[2]}};
    }
}

SIMD_FN(sha256h)
{
    union a64_vreg x = regs->v[op->rd];
    union a64_vreg y = regs->v[op->rn];
    const union a64_vreg w = regs->v[op->rm];

    sha256_rounds(&x, &y, &w);
    regs->v[op->rd] = x;
}

SIMD_FN(sha256h2)
{
    union a64_vreg x = regs->v[op->rn];
    union a64_vreg y = regs->v[op->rd];
    const union a64_vreg w = regs->v[op->rm];

    sha256_rounds(&x, &y, &w);
    regs->v[op->rd] = y;
}

SIMD_FN(sha256su0)
{
    const union a64_vreg n = regs->v[op->rn];
    const union a64_vreg d = regs->v[op->rd];
    union a64_vreg r;

    for (unsigned i = 0; i < 4; i++) {
        const uint32_t v = i < 3 ? d.s[i + 1] : n.s[0];
        r.s[i] = d.s[i] + (ror32(v, 7) ^ ror32(v, 18) ^ (v >> 3));
    }
    regs->v[op->rd] = r;
}

SIMD_FN(sha256su1)
{
    const union a64_vreg n = regs->v[op->rn];
    const union a64_vreg m = regs->v[op->rm];
    const union a64_vreg d = regs->v[op->rd];
    union a64_vreg r;

    for (unsigned i = 0; i < 4; i++) {
        const uint32_t v = i < 2 ? m.s[i + 2] : r.s[i - 2];
        const uint32_t w = i < 3 ? n.s[i + 1] : m.s[0];
        r.s[i] = d.s[i] + w + (ror32(v, 17) ^ ror32(v, 19) ^ (v >> 10));
    }
    regs->v[op->rd] = r;
}

static inline uint64_t big_sigma0(uint64_t v)
{
    return ror64(v, 28) ^ ror64(v, 34) ^ ror64(v, 39);
}

static inline uint64_t big_sigma1(uint64_t v)
{
    return ror64(v, 14) ^ ror64(v, 18) ^ ror64(v, 41);
}

SIMD_FN(sha512h)
{
    const union a64_vreg x = regs->v[op->rn];
    const union a64_vreg y = regs->v[op->rm];
    const union a64_vreg w = regs->v[op->rd];

    const uint64_t high = w.d[1] + big_sigma1(y.d[1]) + ((y.d[1] & x.d[0]) ^ (~y.d[1] & x.d[1]));
    const uint64_t t = high + y.d[0];
    const uint64_t low = w.d[0] + big_sigma1(t) + ((t & y.d[1]) ^ (~t & x.d[0]));
    regs->v[op->rd].d[0] = low;
    regs->v[op->rd].d[1] = high;
}

static inline uint64_t majority64(uint64_t x, uint64_t y, uint64_t z)
{
    return (x & y) ^ (x & z) ^ (y & z);
}

SIMD_FN(sha512h2)
{
    const union a64_vreg x = regs->v[op->rn];
    const union a64_vreg y = regs->v[op->rm];
    const union a64_vreg w = regs->v[op->rd];

    const uint64_t high = w.d[1] + big_sigma0(y.d[0]) + majority64(x.d[0], y.d[1], y.d[0]);
    const uint64_t low = w.d[0] + big_sigma0(high) + majority64(high, y.d[0], y.d[1]);
    regs->v[op->rd].d[0] = low;
    regs->v[op->rd].d[1] = high;
}

SIMD_FN(sha512su0)
{
    const uint64_t next = regs->v[op->rn].d[0];
    union a64_vreg d = regs->v[op->rd];

    const uint64_t middle = d.d[1];
    d.d[0] += ror64(middle, 1) ^ ror64(middle, 8) ^ (middle >> 7);
    d.d[1] += ror64(next, 1) ^ ror64(next, 8) ^ (next >> 7);
    regs->v[op->rd] = d;
}

SIMD_FN(sha512su1)
{
    const union a64_vreg n = regs->v[op->rn];
    const union a64_vreg m = regs->v[op->rm];

    for (unsigned i = 0; i < 2; i++) {
        const uint64_t v = n.d[i];
        regs->v[op->rd].d[i] += (ror64(v, 19) ^ ror64(v, 61) ^ (v >> 6)) + m.d[i];
    }
}

/* n, m and a are halves of Vn, Vm and Va. */
#define SHA3(fn, expr)                                                                             \
    SIMD_FN(fn)                                                                                    \
    {                                                                                              \
        const union a64_vreg vn = regs->v[op->rn];                                                 \
        const union a64_vreg vm = regs->v[op->rm];                                                 \
        const union a64_vreg va = regs->v[op->ra];                                                 \
        for (unsigned i = 0; i < 2; i++) {                                                         \
            const uint64_t n = vn.d[i];                                                            \
            const uint64_t m = vm.d[i];                                                            \
            const uint64_t a = va.d[i];                                                            \
            (void)a;                                                                               \
            regs->v[op->rd].d[i] = (expr);                                                         \
        }                                                                                          \
    }

SHA3(eor3, n ^ m ^ a)
SHA3(bcax, n ^ (m & ~a))
SHA3(rax1, n ^ ror64(m, 63))
SHA3(xar, ror64(n ^ m, op->imm))
