/*
 * What the instructions do: published test vectors for the cryptographic ones, and for the integer
 * ones a model of each operation on one lane, written from its description, applied to random
 * registers in every arrangement.
 */
#include "simd_support.h"
#include "test.h"

#define ROUNDS 40

static uint64_t swap64(uint64_t v)
{
    return __builtin_bswap64(v);
}

static union a64_vreg words(uint32_t a, uint32_t b, uint32_t c, uint32_t d)
{
    const union a64_vreg v = {.s = {a, b, c, d}};

    return v;
}

/* FIPS 197, appendix B: the input of round 1 and the start of round 2. */
static void test_aes(void **state)
{
    struct a64_regs regs = {0};

    regs.v[0].d[0] = swap64(UINT64_C(0x3243f6a8885a308d));
    regs.v[0].d[1] = swap64(UINT64_C(0x313198a2e0370734));
    regs.v[1].d[0] = swap64(UINT64_C(0x2b7e151628aed2a6));
    regs.v[1].d[1] = swap64(UINT64_C(0xabf7158809cf4f3c));
    simd_run(0x4e284820u, &regs); /* AESE V0.16B, V1.16B */
    simd_run(0x4e286800u, &regs); /* AESMC V0.16B, V0.16B */
    assert_true(regs.v[0].d[0] == swap64(UINT64_C(0x046681e5e0cb199a)));
    assert_true(regs.v[0].d[1] == swap64(UINT64_C(0x48f8d37a2806264c)));
    /* and back */
    simd_run(0x4e287800u, &regs); /* AESIMC V0.16B, V0.16B */
    regs.v[2] = words(0, 0, 0, 0);
    simd_run(0x4e285840u, &regs); /* AESD V0.16B, V2.16B: the state of round 1 */
    assert_true(regs.v[0].d[0] == swap64(UINT64_C(0x193de3bea0f4e22b)));
    assert_true(regs.v[0].d[1] == swap64(UINT64_C(0x9ac68d2ae9f84808)));
}

/* SHA-1 of "abc" (FIPS 180-4) by the instructions' own schedule. */
static void test_sha1(void **state)
{
    static const uint32_t k[4] = {0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6};
    static const uint32_t rounds[4] = {0x5e030020u, 0x5e031020u, 0x5e032020u, 0x5e031020u};
    struct a64_regs regs = {0};
    union a64_vreg w[20] = {{{0}}};

    w[0] = words(0x61626380, 0, 0, 0);
    w[3] = words(0, 0, 0, 24);
    for (unsigned i = 4; i < 20; i++) {
        regs.v[4] = w[i - 4];
        regs.v[5] = w[i - 3];
        regs.v[6] = w[i - 2];
        regs.v[7] = w[i - 1];
        simd_run(0x5e0630a4u, &regs); /* SHA1SU0 V4.4S, V5.4S, V6.4S */
        simd_run(0x5e2818e4u, &regs); /* SHA1SU1 V4.4S, V7.4S */
        w[i] = regs.v[4];
    }
    regs.v[0] = words(0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476);
    regs.v[1] = words(0xc3d2e1f0, 0, 0, 0);
    for (unsigned i = 0; i < 20; i++) {
        for (unsigned j = 0; j < 4; j++) {
            regs.v[3].s[j] = w[i].s[j] + k[i / 5];
        }
        simd_run(0x5e280802u, &regs);   /* SHA1H S2, S0: the next e */
        simd_run(rounds[i / 5], &regs); /* SHA1C, P, M, P Q0, S1, V3.4S */
        regs.v[1] = regs.v[2];
    }
    assert_int_equal(regs.v[0].s[0] + 0x67452301, 0xa9993e36);
    assert_int_equal(regs.v[0].s[1] + 0xefcdab89, 0x4706816a);
    assert_int_equal(regs.v[0].s[2] + 0x98badcfe, 0xba3e2571);
    assert_int_equal(regs.v[0].s[3] + 0x10325476, 0x7850c26c);
    assert_int_equal(regs.v[1].s[0] + 0xc3d2e1f0, 0x9cd0d89d);
}

/* 64 bits of the fraction of the cube root of n (the constants of FIPS 180-4), by bisection. */
static uint64_t cube_root_fraction(uint64_t n)
{
    __extension__ typedef unsigned __int128 u128;
    uint64_t whole = 1;
    uint64_t fraction = 0;

    while ((whole + 1) * (whole + 1) * (whole + 1) <= n) {
        whole++;
    }
    for (int bit = 63; bit >= 0; bit--) {
        /* (whole.fraction)^3 <= n, in 64 bits of fraction; the product is taken in pieces */
        const uint64_t t = fraction | UINT64_C(1) << bit;
        const u128 r = (u128)whole << 64 | t; /* up to 2^67 */
        const u128 low = (u128)(uint64_t)r * (uint64_t)r;
        const u128 cross = 2 * (u128)whole * (uint64_t)r;
        /* r^2 = whole^2 2^128 + cross 2^64 + low, here as three digits of 64 bits */
        const u128 d1 = cross + (low >> 64);
        const uint64_t s0 = (uint64_t)low;
        const uint64_t s1 = (uint64_t)d1;
        const uint64_t s2 = whole * whole + (uint64_t)(d1 >> 64);
        /* r^3, only whether its part above 2^192 reaches n */
        const u128 p0 = ((u128)s0 * t) >> 64;
        const u128 p1 = (u128)s1 * t + p0 + (u128)s0 * whole;
        const u128 p2 = (u128)s2 * t + (p1 >> 64) + (u128)s1 * whole;
        const u128 p3 = (u128)s2 * whole + (p2 >> 64);
        if (p3 < n) {
            fraction = t;
        }
    }
    return fraction;
}

static const unsigned primes[80] = {
    2,   3,   5,   7,   11,  13,  17,  19,  23,  29,  31,  37,  41,  43,  47,  53,
    59,  61,  67,  71,  73,  79,  83,  89,  97,  101, 103, 107, 109, 113, 127, 131,
    137, 139, 149, 151, 157, 163, 167, 173, 179, 181, 191, 193, 197, 199, 211, 223,
    227, 229, 233, 239, 241, 251, 257, 263, 269, 271, 277, 281, 283, 293, 307, 311,
    313, 317, 331, 337, 347, 349, 353, 359, 367, 373, 379, 383, 389, 397, 401, 409,
};

static void test_sha256(void **state)
{
    static const uint32_t h[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                  0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    static const uint32_t digest[8] = {0xba7816bf, 0x8f01cfea, 0x414140de, 0x5dae2223,
                                       0xb00361a3, 0x96177a9c, 0xb410ff61, 0xf20015ad};
    struct a64_regs regs = {0};
    union a64_vreg w[16] = {{{0}}};

    w[0] = words(0x61626380, 0, 0, 0);
    w[3] = words(0, 0, 0, 24);
    for (unsigned i = 4; i < 16; i++) {
        regs.v[4] = w[i - 4];
        regs.v[5] = w[i - 3];
        regs.v[6] = w[i - 2];
        regs.v[7] = w[i - 1];
        simd_run(0x5e2828a4u, &regs); /* SHA256SU0 V4.4S, V5.4S */
        simd_run(0x5e0760c4u, &regs); /* SHA256SU1 V4.4S, V6.4S, V7.4S */
        w[i] = regs.v[4];
    }
    regs.v[0] = words(h[0], h[1], h[2], h[3]);
    regs.v[1] = words(h[4], h[5], h[6], h[7]);
    for (unsigned i = 0; i < 16; i++) {
        for (unsigned j = 0; j < 4; j++) {
            regs.v[3].s[j] = w[i].s[j] + (uint32_t)(cube_root_fraction(primes[4 * i + j]) >> 32);
        }
        regs.v[2] = regs.v[0];
        simd_run(0x5e034020u, &regs); /* SHA256H Q0, Q1, V3.4S */
        simd_run(0x5e035041u, &regs); /* SHA256H2 Q1, Q2, V3.4S */
    }
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(regs.v[0].s[i] + h[i], digest[i]);
        assert_int_equal(regs.v[1].s[i] + h[4 + i], digest[4 + i]);
    }
}

static void test_sha512(void **state)
{
    static const uint64_t h[8] = {UINT64_C(0x6a09e667f3bcc908), UINT64_C(0xbb67ae8584caa73b),
                                  UINT64_C(0x3c6ef372fe94f82b), UINT64_C(0xa54ff53a5f1d36f1),
                                  UINT64_C(0x510e527fade682d1), UINT64_C(0x9b05688c2b3e6c1f),
                                  UINT64_C(0x1f83d9abfb41bd6b), UINT64_C(0x5be0cd19137e2179)};
    struct a64_regs regs = {0};
    uint64_t w[80] = {UINT64_C(0x6162638000000000)};
    uint64_t v[8];

    w[15] = 24;
    for (unsigned i = 16; i < 80; i += 2) {
        for (unsigned j = 0; j < 2; j++) {
            regs.v[0].d[j] = w[i - 16 + j];
            regs.v[1].d[j] = w[i - 14 + j];
            regs.v[2].d[j] = w[i - 2 + j];
            regs.v[3].d[j] = w[i - 7 + j];
        }
        simd_run(0xcec08020u, &regs); /* SHA512SU0 V0.2D, V1.2D */
        simd_run(0xce638840u, &regs); /* SHA512SU1 V0.2D, V2.2D, V3.2D */
        w[i] = regs.v[0].d[0];
        w[i + 1] = regs.v[0].d[1];
    }
    memcpy(v, h, sizeof(v));
    for (unsigned i = 0; i < 80; i += 2) {
        /* T1 of two rounds, from h, g with their words; then the two new values of each half */
        regs.v[0].d[0] = v[6] + w[i + 1] + cube_root_fraction(primes[i + 1]);
        regs.v[0].d[1] = v[7] + w[i] + cube_root_fraction(primes[i]);
        regs.v[1].d[0] = v[5];
        regs.v[1].d[1] = v[6];
        regs.v[2].d[0] = v[3];
        regs.v[2].d[1] = v[4];
        simd_run(0xce628020u, &regs); /* SHA512H Q0, Q1, V2.2D */
        const uint64_t t1 = regs.v[0].d[1];
        const uint64_t t2 = regs.v[0].d[0];
        regs.v[3].d[0] = v[2];
        regs.v[4].d[0] = v[0];
        regs.v[4].d[1] = v[1];
        simd_run(0xce648460u, &regs); /* SHA512H2 Q0, Q3, V4.2D */
        const uint64_t e1 = v[3] + t1;
        const uint64_t e2 = v[2] + t2;
        v[7] = v[5];
        v[6] = v[4];
        v[5] = e1;
        v[4] = e2;
        v[3] = v[1];
        v[2] = v[0];
        v[1] = regs.v[0].d[1];
        v[0] = regs.v[0].d[0];
    }
    assert_true(v[0] + h[0] == UINT64_C(0xddaf35a193617aba));
    assert_true(v[1] + h[1] == UINT64_C(0xcc417349ae204131));
    assert_true(v[2] + h[2] == UINT64_C(0x12e6fa4e89a97ea2));
    assert_true(v[3] + h[3] == UINT64_C(0x0a9eeee64b55d39a));
    assert_true(v[7] + h[7] == UINT64_C(0x2a9ac94fa54ca49f));
}

/* GB/T 32907, appendix A.1: one block, key schedule and all. */
static void test_sm4(void **state)
{
    static const uint32_t fk[4] = {0xa3b1bac6, 0x56aa3350, 0x677d9197, 0xb27022dc};
    static const uint32_t key[4] = {0x01234567, 0x89abcdef, 0xfedcba98, 0x76543210};
    struct a64_regs regs = {0};

    regs.v[0] = words(key[0], key[1], key[2], key[3]);
    for (unsigned i = 0; i < 4; i++) {
        regs.v[1].s[i] = key[i] ^ fk[i];
    }
    for (unsigned i = 0; i < 8; i++) {
        for (unsigned j = 0; j < 16; j++) {
            /* CK: byte b of word n is 7 * (4n + b), the most significant first */
            regs.v[2].b[j] = (uint8_t)(7 * (16 * i + (j & ~3u) + 3 - (j & 3u)));
        }
        simd_run(0xce62c821u, &regs); /* SM4EKEY V1.4S, V1.4S, V2.4S */
        simd_run(0xcec08420u, &regs); /* SM4E V0.4S, V1.4S */
    }
    assert_int_equal(regs.v[0].s[3], 0x681edf34);
    assert_int_equal(regs.v[0].s[2], 0xd206965e);
    assert_int_equal(regs.v[0].s[1], 0x86b3e94f);
    assert_int_equal(regs.v[0].s[0], 0x536e4246);
}

static uint32_t rol(uint32_t v, unsigned n)
{
    n %= 32;
    return n == 0 ? v : v << n | v >> (32 - n);
}

/* GB/T 32905, appendix A.1: "abc". */
static void test_sm3(void **state)
{
    static const uint32_t iv[8] = {0x7380166f, 0x4914b2b9, 0x172442d7, 0xda8a0600,
                                   0xa96f30bc, 0x163138aa, 0xe38dee4d, 0xb0fb0e4e};
    static const uint32_t digest[8] = {0x66c7f0f4, 0x62eeedd9, 0xd1f2d46b, 0xdc10e4e2,
                                       0x4167c487, 0x5cf2f7a2, 0x297da02b, 0x8f4ba8e0};
    struct a64_regs regs = {0};
    uint32_t w[68] = {0x61626380};

    w[15] = 24;
    for (unsigned i = 16; i < 68; i += 4) {
        regs.v[0] = words(w[i - 16], w[i - 15], w[i - 14], w[i - 13]);
        regs.v[1] = words(w[i - 9], w[i - 8], w[i - 7], w[i - 6]);
        regs.v[2] = words(w[i - 4], w[i - 3], w[i - 2], w[i - 1]);
        regs.v[3] = words(w[i - 13], w[i - 12], w[i - 11], w[i - 10]);
        regs.v[4] = words(w[i - 6], w[i - 5], w[i - 4], w[i - 3]);
        simd_run(0xce62c020u, &regs); /* SM3PARTW1 V0.4S, V1.4S, V2.4S */
        simd_run(0xce63c480u, &regs); /* SM3PARTW2 V0.4S, V4.4S, V3.4S */
        memcpy(&w[i], regs.v[0].s, 16);
    }
    regs.v[8] = words(iv[3], iv[2], iv[1], iv[0]);
    regs.v[9] = words(iv[7], iv[6], iv[5], iv[4]);
    for (unsigned i = 0; i < 64; i++) {
        regs.v[10] = words(0, 0, 0, rol(i < 16 ? 0x79cc4519 : 0x7a879d8a, i));
        regs.v[11] = words(w[i] ^ w[i + 4], 0, 0, 0);
        regs.v[12] = words(w[i], 0, 0, 0);
        simd_run(0xce49290du, &regs);                        /* SM3SS1 V13, V8, V9, V10 */
        simd_run(i < 16 ? 0xce4b81a8u : 0xce4b85a8u, &regs); /* SM3TT1A/B V8, V13, V11.S[0] */
        simd_run(i < 16 ? 0xce4c89a9u : 0xce4c8da9u, &regs); /* SM3TT2A/B V9, V13, V12.S[0] */
    }
    for (unsigned i = 0; i < 4; i++) {
        assert_int_equal(regs.v[8].s[3 - i] ^ iv[i], digest[i]);
        assert_int_equal(regs.v[9].s[3 - i] ^ iv[4 + i], digest[4 + i]);
    }
}

static void test_sha3_and_pmull(void **state)
{
    struct a64_regs regs = {0};

    regs.v[1].d[0] = UINT64_C(0xf0f0);
    regs.v[2].d[0] = UINT64_C(0xff00);
    regs.v[3].d[0] = UINT64_C(0x0ff0);
    simd_run(0xce020c20u, &regs); /* EOR3 V0.16B, V1.16B, V2.16B, V3.16B */
    assert_true(regs.v[0].d[0] == UINT64_C(0x0000));
    simd_run(0xce220c20u, &regs); /* BCAX: V1 ^ (V2 & ~V3) */
    assert_true(regs.v[0].d[0] == UINT64_C(0x00f0));
    simd_run(0xce628c20u, &regs); /* RAX1: V1 ^ rotate left (V2, 1) */
    assert_true(regs.v[0].d[0] == (UINT64_C(0xf0f0) ^ UINT64_C(0x1fe00)));
    simd_run(0xce821020u, &regs); /* XAR: rotate right (V1 ^ V2, 4) */
    assert_true(regs.v[0].d[0] == UINT64_C(0xff));
    /* (x + 1)^2 = x^2 + 1 over {0, 1}; x^63 * x^63 = x^126 */
    regs.v[1].d[0] = regs.v[2].d[0] = UINT64_C(0x8000000000000003);
    simd_run(0x0ee2e020u, &regs); /* PMULL V0.1Q, V1.1D, V2.1D */
    assert_true(regs.v[0].d[1] == UINT64_C(0x4000000000000000));
    assert_true(regs.v[0].d[0] == 5);
}

/* ---- one lane of an integer operation, from its description ---- */

__extension__ typedef __int128 wide;

struct lane {
    wide n; /* extended as the operation reads it */
    wide m;
    wide d;
    unsigned bits;
    bool saturated; /* set by the model */
};

static wide clamp(struct lane *l, wide v, bool is_unsigned)
{
    const wide one = 1;
    const wide high = is_unsigned ? (one << l->bits) - 1 : (one << (l->bits - 1)) - 1;
    const wide low = is_unsigned ? 0 : -(one << (l->bits - 1));

    l->saturated = l->saturated || v > high || v < low;
    return v > high ? high : v < low ? low : v;
}

/* v shifted by s places, right if negative, in exact arithmetic with rounding to nearest up. */
static wide shifted(wide v, int s, bool rounding)
{
    if (s >= 0) {
        /* from 64 places on nothing of the lane is left, and anything but zero is out of range */
        if (s > 63) {
            return v == 0 ? 0 : v < 0 ? -((wide)1 << 126) : (wide)1 << 126;
        }
        return v * ((wide)1 << s);
    }
    const int by = -s > 120 ? 120 : -s;
    return (v + (rounding ? (wide)1 << (by - 1) : 0)) >> by;
}

static wide m_add(struct lane *l)
{
    return l->n + l->m;
}
static wide m_sub(struct lane *l)
{
    return l->n - l->m;
}
static wide m_hadd(struct lane *l)
{
    return (l->n + l->m) >> 1;
}
static wide m_rhadd(struct lane *l)
{
    return (l->n + l->m + 1) >> 1;
}
static wide m_hsub(struct lane *l)
{
    return (l->n - l->m) >> 1;
}
static wide m_sqadd(struct lane *l)
{
    return clamp(l, l->n + l->m, false);
}
static wide m_uqadd(struct lane *l)
{
    return clamp(l, l->n + l->m, true);
}
static wide m_sqsub(struct lane *l)
{
    return clamp(l, l->n - l->m, false);
}
static wide m_uqsub(struct lane *l)
{
    return clamp(l, l->n - l->m, true);
}
static wide m_gt(struct lane *l)
{
    return l->n > l->m ? -1 : 0;
}
static wide m_ge(struct lane *l)
{
    return l->n >= l->m ? -1 : 0;
}
static wide m_eq(struct lane *l)
{
    return l->n == l->m ? -1 : 0;
}
static wide m_tst(struct lane *l)
{
    return (l->n & l->m) != 0 ? -1 : 0;
}
static wide m_max(struct lane *l)
{
    return l->n > l->m ? l->n : l->m;
}
static wide m_min(struct lane *l)
{
    return l->n < l->m ? l->n : l->m;
}
static wide m_abd(struct lane *l)
{
    return l->n > l->m ? l->n - l->m : l->m - l->n;
}
static wide m_aba(struct lane *l)
{
    return l->d + m_abd(l);
}
static wide m_mul(struct lane *l)
{
    return l->n * l->m;
}
static wide m_mla(struct lane *l)
{
    return l->d + l->n * l->m;
}
static wide m_mls(struct lane *l)
{
    return l->d - l->n * l->m;
}
static wide m_sqdmulh(struct lane *l)
{
    return clamp(l, (2 * l->n * l->m) >> l->bits, false);
}
static wide m_sqrdmulh(struct lane *l)
{
    return clamp(l, (2 * l->n * l->m + ((wide)1 << (l->bits - 1))) >> l->bits, false);
}
static wide m_sqrdmlah(struct lane *l)
{
    const wide sum = l->d * ((wide)1 << l->bits) + 2 * l->n * l->m;
    return clamp(l, (sum + ((wide)1 << (l->bits - 1))) >> l->bits, false);
}
static wide m_shl(struct lane *l)
{
    return shifted(l->n, (int8_t)l->m, false);
}
static wide m_rshl(struct lane *l)
{
    return shifted(l->n, (int8_t)l->m, true);
}
static wide m_sqshl(struct lane *l)
{
    return clamp(l, m_shl(l), false);
}
static wide m_uqshl(struct lane *l)
{
    return clamp(l, m_shl(l), true);
}
static wide m_sqrshl(struct lane *l)
{
    return clamp(l, m_rshl(l), false);
}
static wide m_uqrshl(struct lane *l)
{
    return clamp(l, m_rshl(l), true);
}

enum { SIZES_BHS = 7, SIZES_BHSD = 15, SIZES_HS = 6 };

struct operation {
    uint32_t insn; /* size 00, Q 0, registers 0 */
    bool is_unsigned;
    uint8_t sizes;
    wide (*model)(struct lane *);
};

#define THREE_SAME(u, opcode) (0x0e200400u | (uint32_t)(u) << 29 | (uint32_t)(opcode) << 11)

static const struct operation operations[] = {
    {THREE_SAME(0, 0x00), false, SIZES_BHS, m_hadd},
    {THREE_SAME(1, 0x00), true, SIZES_BHS, m_hadd},
    {THREE_SAME(0, 0x01), false, SIZES_BHSD, m_sqadd},
    {THREE_SAME(1, 0x01), true, SIZES_BHSD, m_uqadd},
    {THREE_SAME(0, 0x02), false, SIZES_BHS, m_rhadd},
    {THREE_SAME(1, 0x02), true, SIZES_BHS, m_rhadd},
    {THREE_SAME(0, 0x04), false, SIZES_BHS, m_hsub},
    {THREE_SAME(1, 0x04), true, SIZES_BHS, m_hsub},
    {THREE_SAME(0, 0x05), false, SIZES_BHSD, m_sqsub},
    {THREE_SAME(1, 0x05), true, SIZES_BHSD, m_uqsub},
    {THREE_SAME(0, 0x06), false, SIZES_BHSD, m_gt},
    {THREE_SAME(1, 0x06), true, SIZES_BHSD, m_gt},
    {THREE_SAME(0, 0x07), false, SIZES_BHSD, m_ge},
    {THREE_SAME(1, 0x07), true, SIZES_BHSD, m_ge},
    {THREE_SAME(0, 0x08), false, SIZES_BHSD, m_shl},
    {THREE_SAME(1, 0x08), true, SIZES_BHSD, m_shl},
    {THREE_SAME(0, 0x09), false, SIZES_BHSD, m_sqshl},
    {THREE_SAME(1, 0x09), true, SIZES_BHSD, m_uqshl},
    {THREE_SAME(0, 0x0a), false, SIZES_BHSD, m_rshl},
    {THREE_SAME(1, 0x0a), true, SIZES_BHSD, m_rshl},
    {THREE_SAME(0, 0x0b), false, SIZES_BHSD, m_sqrshl},
    {THREE_SAME(1, 0x0b), true, SIZES_BHSD, m_uqrshl},
    {THREE_SAME(0, 0x0c), false, SIZES_BHS, m_max},
    {THREE_SAME(1, 0x0c), true, SIZES_BHS, m_max},
    {THREE_SAME(0, 0x0d), false, SIZES_BHS, m_min},
    {THREE_SAME(1, 0x0d), true, SIZES_BHS, m_min},
    {THREE_SAME(0, 0x0e), false, SIZES_BHS, m_abd},
    {THREE_SAME(1, 0x0e), true, SIZES_BHS, m_abd},
    {THREE_SAME(0, 0x0f), false, SIZES_BHS, m_aba},
    {THREE_SAME(1, 0x0f), true, SIZES_BHS, m_aba},
    {THREE_SAME(0, 0x10), false, SIZES_BHSD, m_add},
    {THREE_SAME(1, 0x10), false, SIZES_BHSD, m_sub},
    {THREE_SAME(0, 0x11), true, SIZES_BHSD, m_tst},
    {THREE_SAME(1, 0x11), true, SIZES_BHSD, m_eq},
    {THREE_SAME(0, 0x12), true, SIZES_BHS, m_mla},
    {THREE_SAME(1, 0x12), true, SIZES_BHS, m_mls},
    {THREE_SAME(0, 0x13), true, SIZES_BHS, m_mul},
    {THREE_SAME(0, 0x16), false, SIZES_HS, m_sqdmulh},
    {THREE_SAME(1, 0x16), false, SIZES_HS, m_sqrdmulh},
    {0x2e008400u, false, SIZES_HS, m_sqrdmlah},
};

static uint64_t raw_lane(const union a64_vreg *v, unsigned bits, unsigned i)
{
    return v->d[i * bits / 64] >> (i * bits % 64) & UINT64_MAX >> (64 - bits);
}

static wide extended(uint64_t raw, unsigned bits, bool is_unsigned)
{
    const bool negative = !is_unsigned && (raw >> (bits - 1)) != 0;

    return (wide)raw - (negative ? (wide)1 << bits : 0);
}

static uint64_t edge(uint64_t *seed)
{
    static const uint64_t edges[8] = {0,
                                      UINT64_MAX,
                                      UINT64_C(0x8000000080008080),
                                      UINT64_C(0x7fff7fff7f7f7fff),
                                      UINT64_C(0x8080808080808080),
                                      UINT64_C(0x7fffffffffffffff),
                                      UINT64_C(0x8000000000000000),
                                      UINT64_C(0x01ff0041ffc0c1bf)};
    const uint64_t r = simd_random(seed);

    return r % 3 == 0 ? edges[(r >> 8) % 8] : simd_random(seed);
}

static void check_operation(const struct operation *o, unsigned size, bool q, uint64_t *seed)
{
    const unsigned bits = 8u << size;
    struct a64_regs regs = {0};
    union a64_vreg in[3];

    for (unsigned i = 0; i < 3; i++) {
        in[i].d[0] = edge(seed);
        in[i].d[1] = edge(seed);
        regs.v[i] = in[i];
    }
    bool saturated = false;
    /* op V0, V1, V2 */
    simd_run(o->insn | (uint32_t)q << 30 | size << 22 | 2u << 16 | 1u << 5, &regs);
    for (unsigned i = 0; i < (q ? 128u : 64u) / bits; i++) {
        struct lane l = {extended(raw_lane(&in[1], bits, i), bits, o->is_unsigned),
                         extended(raw_lane(&in[2], bits, i), bits, o->is_unsigned),
                         extended(raw_lane(&in[0], bits, i), bits, o->is_unsigned), bits, false};
        const uint64_t want = (uint64_t)o->model(&l) & UINT64_MAX >> (64 - bits);
        saturated = saturated || l.saturated;
        if (raw_lane(&regs.v[0], bits, i) != want) {
            fail_msg("%08x size %u lane %u", o->insn, size, i);
        }
    }
    assert_true(q || regs.v[0].d[1] == 0);
    assert_int_equal(regs.fpsr, saturated ? FPSR_QC : 0);
}

static void test_three_same(void **state)
{
    uint64_t seed = 11;

    for (size_t k = 0; k < sizeof(operations) / sizeof(operations[0]); k++) {
        for (unsigned size = 0; size < 4; size++) {
            for (unsigned i = 0; i < 2 * ROUNDS; i++) {
                const bool q = i % 2 != 0;
                if ((operations[k].sizes >> size & 1u) != 0 && (size < 3 || q)) {
                    check_operation(&operations[k], size, q, &seed);
                }
            }
        }
    }
}

/* What static C libraries use: DUP, CMEQ, SHRN and FMOV find a byte in a string. */
static void test_finding_a_byte(void **state)
{
    struct a64_regs regs = {0};

    memcpy(regs.v[1].b, "freestanding C11", 16);
    regs.x[1] = UINT64_C(0xabcd00) + 'g';
    simd_run(0x4e010c20u, &regs); /* DUP V0.16B, W1 */
    simd_run(0x6e208c21u, &regs); /* CMEQ V1.16B, V1.16B, V0.16B */
    simd_run(0x0f0c8422u, &regs); /* SHRN V2.8B, V1.8H, #4 */
    simd_run(0x9e660040u, &regs); /* FMOV X0, D2 */
    assert_int_equal(__builtin_ctzll(regs.x[0]) / 4, 11);
    simd_run(0x6e21a423u, &regs); /* UMAXP V3.16B, V1.16B, V1.16B */
    assert_int_equal(regs.v[3].b[5], 0xff);
    assert_int_equal(regs.v[3].b[13], 0xff);
    simd_run(0x6e30a824u, &regs); /* UMAXV B4, V1.16B */
    assert_true(regs.v[4].d[0] == 0xff && regs.v[4].d[1] == 0);
}

static void test_moves_and_lanes(void **state)
{
    struct a64_regs regs = {0};

    regs.v[1] = words(0x03020100, 0x07060504, 0x0b0a0908, 0x0f0e0d0c);
    regs.v[2] = words(0x13121110, 0x17161514, 0x1b1a1918, 0x1f1e1d1c);
    simd_run(0x6e022820u, &regs); /* EXT V0.16B, V1.16B, V2.16B, #5 */
    assert_true(regs.v[0].d[0] == UINT64_C(0x0c0b0a0908070605));
    assert_true(regs.v[0].d[1] == UINT64_C(0x14131211100f0e0d));
    simd_run(0x6e025820u, &regs); /* #11 */
    assert_true(regs.v[0].d[0] == UINT64_C(0x1211100f0e0d0c0b));
    simd_run(0x2e022820u, &regs); /* EXT V0.8B, V1.8B, V2.8B, #5 */
    assert_true(regs.v[0].d[0] == UINT64_C(0x1413121110070605) && regs.v[0].d[1] == 0);
    simd_run(0x4e023820u, &regs); /* ZIP1 V0.16B */
    assert_true(regs.v[0].d[0] == UINT64_C(0x1303120211011000));
    simd_run(0x4e825820u, &regs); /* UZP2 V0.4S */
    assert_int_equal(regs.v[0].s[1], 0x0f0e0d0c);
    simd_run(0x4ec26820u, &regs); /* TRN2 V0.2D */
    assert_true(regs.v[0].d[1] == regs.v[2].d[1] && regs.v[0].d[0] == regs.v[1].d[1]);
    simd_run(0x4e200820u, &regs); /* REV64 V0.16B, V1.16B */
    assert_true(regs.v[0].d[0] == UINT64_C(0x0001020304050607));
    /* TBX with two registers leaves what is out of range; the list wraps from V31 to V0 */
    regs.v[31] = regs.v[1];
    regs.v[0] = regs.v[2];
    regs.v[3] = words(0x1f00ff20, 0, 0, 0);
    regs.v[4] = words(0xaaaaaaaa, 0, 0, 0);
    simd_run(0x4e0333e4u, &regs); /* TBX V4.16B, {V31.16B, V0.16B}, V3.16B */
    assert_int_equal(regs.v[4].s[0], 0x1f00aaaa);
    simd_run(0x4e0323e5u, &regs); /* TBL V5.16B, {V31.16B, V0.16B}, V3.16B */
    assert_int_equal(regs.v[5].s[0], 0x1f000000);
    /* SMOV, UMOV, INS */
    regs.v[1].s[3] = 0x80ff8001;
    simd_run(0x0e1f2c20u, &regs); /* SMOV W0, V1.B[15] */
    assert_true(regs.x[0] == UINT64_C(0xffffff80));
    simd_run(0x4e1c2c20u, &regs); /* SMOV X0, V1.S[3] */
    assert_true(regs.x[0] == UINT64_C(0xffffffff80ff8001));
    simd_run(0x0e1e3c20u, &regs); /* UMOV W0, V1.H[7] */
    assert_true(regs.x[0] == 0x80ff);
    regs.x[1] = UINT64_C(0x1122334455667788);
    simd_run(0x4e0e1c20u, &regs); /* INS V0.H[3], W1 */
    assert_int_equal(regs.v[0].h[3], 0x7788);
    simd_run(0x6e0e7420u, &regs); /* INS V0.H[3], V1.H[7] */
    assert_int_equal(regs.v[0].h[3], 0x80ff);
}

static void test_modified_immediates(void **state)
{
    static const struct {
        uint32_t insn;
        uint64_t low;
        uint64_t high;
    } table[] = {
        {0x4f02e6a0u, UINT64_C(0x5555555555555555), UINT64_C(0x5555555555555555)},
        {0x0f0266a0u, UINT64_C(0x5500000055000000), 0},
        {0x4f02a6a0u, UINT64_C(0x5500550055005500), UINT64_C(0x5500550055005500)},
        {0x2f02c6a0u, UINT64_C(0xffffaa00ffffaa00), 0},
        {0x0f02d6a0u, UINT64_C(0x0055ffff0055ffff), 0},
        {0x6f02e6a0u, UINT64_C(0x00ff00ff00ff00ff), UINT64_C(0x00ff00ff00ff00ff)},
        {0x2f0286a0u, UINT64_C(0xffaaffaaffaaffaa), 0},
        {0x4f03f600u, UINT64_C(0x3f8000003f800000), UINT64_C(0x3f8000003f800000)},
        {0x6f03f600u, UINT64_C(0x3ff0000000000000), UINT64_C(0x3ff0000000000000)},
        {0x0f03fe00u, UINT64_C(0x3c003c003c003c00), 0},
        {0x0f0016a0u, UINT64_C(0x1111111111111115) | UINT64_C(0x0000001500000015), 0},
        {0x6f0036a0u, UINT64_C(0x1111001111110011), UINT64_C(0x1111001111110011)},
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        struct a64_regs regs = {0};
        regs.v[0].d[0] = regs.v[0].d[1] = UINT64_C(0x1111111111111111);
        simd_run(table[i].insn, &regs);
        if (regs.v[0].d[0] != table[i].low || regs.v[0].d[1] != table[i].high) {
            fail_msg("%08x: %016llx", table[i].insn, (unsigned long long)regs.v[0].d[0]);
        }
    }
}

static void test_scalar_floating_point(void **state)
{
    struct a64_regs regs = {0};

    regs.v[1].d[1] = UINT64_MAX;
    simd_run(0x1e6e1001u, &regs); /* FMOV D1, #1.0 clears the rest */
    assert_true(regs.v[1].d[0] == UINT64_C(0x3ff0000000000000) && regs.v[1].d[1] == 0);
    simd_run(0x1e612822u, &regs); /* FADD D2, D1, D1 */
    simd_run(0x1f420c43u, &regs); /* FMADD D3, D2, D2, D3: 0 + 4 */
    simd_run(0x1e780060u, &regs); /* FCVTZS W0, D3 */
    assert_true(regs.x[0] == 4);
    simd_run(0x1e622020u, &regs); /* FCMP D1, D2 */
    assert_int_equal(regs.nzcv, 0x80000000);
    simd_run(0x1e624c24u, &regs); /* FCSEL D4, D1, D2, MI */
    assert_true(regs.v[4].d[0] == regs.v[1].d[0]);
    simd_run(0x1e625c24u, &regs); /* FCSEL D4, D1, D2, PL */
    assert_true(regs.v[4].d[0] == regs.v[2].d[0]);
    simd_run(0x1e620425u, &regs); /* FCCMP D1, D2, #5, EQ: does not hold */
    assert_int_equal(regs.nzcv, 0x50000000);
    simd_run(0x1e621425u, &regs); /* FCCMP D1, D2, #5, NE: does not hold, Z is set */
    assert_int_equal(regs.nzcv, 0x50000000);
    simd_run(0x1e626425u, &regs); /* FCCMP D1, D2, #5, VS: holds */
    assert_int_equal(regs.nzcv, 0x80000000);
    regs.x[1] = UINT64_C(0xfffffffffffffffe);
    simd_run(0x9e620025u, &regs); /* SCVTF D5, X1 */
    assert_true(regs.v[5].d[0] == UINT64_C(0xc000000000000000));
    simd_run(0x9eaf0021u, &regs); /* FMOV V1.D[1], X1 */
    assert_true(regs.v[1].d[1] == regs.x[1] && regs.v[1].d[0] == UINT64_C(0x3ff0000000000000));
    assert_int_equal(regs.fpsr, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_aes),
        cmocka_unit_test(test_sha1),
        cmocka_unit_test(test_sha256),
        cmocka_unit_test(test_sha512),
        cmocka_unit_test(test_sm4),
        cmocka_unit_test(test_sm3),
        cmocka_unit_test(test_sha3_and_pmull),
        cmocka_unit_test(test_three_same),
        cmocka_unit_test(test_finding_a_byte),
        cmocka_unit_test(test_moves_and_lanes),
        cmocka_unit_test(test_modified_immediates),
        cmocka_unit_test(test_scalar_floating_point),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
