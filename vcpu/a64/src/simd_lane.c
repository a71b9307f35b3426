/*
 * Integer operations on a number of lanes that the operation carries: halving, saturating, shifts by
 * a register, doubling multiplies, bit counting, polynomial multiply, dot products.
 *
 * A kernel is kernel(d, n, m, bits, &qc) on zero-extended lanes; `bits` is constant in each function
 * generated from it.
 */
#include "fp.h"
#include "simd_lanes.h"

#define KERNEL_ARGS uint64_t d, uint64_t n, uint64_t m, unsigned bits, uint32_t *qc
#define UNUSED_D    (void)d
#define UNUSED_QC   (void)qc

#define SIGNED(v)   simd_sext(v, bits)

/* The lanes are at most 32 bits wide here: nothing overflows. */
#define HALVING(name, expr_s, expr_u)                                                              \
    SIMD_KERNEL k_s##name(KERNEL_ARGS)                                                             \
    {                                                                                              \
        const int64_t a = SIGNED(n);                                                               \
        const int64_t b = SIGNED(m);                                                               \
        UNUSED_D;                                                                                  \
        UNUSED_QC;                                                                                 \
        return (uint64_t)((expr_s) >> 1);                                                          \
    }                                                                                              \
    SIMD_KERNEL k_u##name(KERNEL_ARGS)                                                             \
    {                                                                                              \
        UNUSED_D;                                                                                  \
        UNUSED_QC;                                                                                 \
        (void)bits;                                                                                \
        return (expr_u) >> 1;                                                                      \
    }

HALVING(hadd, a + b, n + m)
HALVING(rhadd, a + b + 1, n + m + 1u)
HALVING(hsub, a - b, n - m)

SIMD_E3(shadd, k_shadd)
SIMD_E3(uhadd, k_uhadd)
SIMD_E3(srhadd, k_srhadd)
SIMD_E3(urhadd, k_urhadd)
SIMD_E3(shsub, k_shsub)
SIMD_E3(uhsub, k_uhsub)

/* Saturates to the side that a 64-bit overflow went. */
static inline uint64_t overflowed(bool negative, uint32_t *qc)
{
    *qc = SIMD_QC;
    return negative ? UINT64_C(1) << 63 : UINT64_MAX >> 1;
}

SIMD_KERNEL signed_sum(int64_t a, int64_t b, unsigned bits, uint32_t *qc)
{
    int64_t r;

    if (__builtin_add_overflow(a, b, &r)) {
        return overflowed(a < 0, qc);
    }
    return bits == 64 ? (uint64_t)r : simd_ssat(r, bits, qc);
}

SIMD_KERNEL k_sqadd(KERNEL_ARGS)
{
    UNUSED_D;
    return signed_sum(SIGNED(n), SIGNED(m), bits, qc);
}

SIMD_KERNEL k_sqsub(KERNEL_ARGS)
{
    int64_t r;

    UNUSED_D;
    if (__builtin_sub_overflow(SIGNED(n), SIGNED(m), &r)) {
        return overflowed(SIGNED(n) < 0, qc);
    }
    return bits == 64 ? (uint64_t)r : simd_ssat(r, bits, qc);
}

SIMD_KERNEL k_uqadd(KERNEL_ARGS)
{
    const uint64_t max = UINT64_MAX >> (64 - bits);

    UNUSED_D;
    if (n > max - m) {
        *qc = SIMD_QC;
        return max;
    }
    return n + m;
}

SIMD_KERNEL k_uqsub(KERNEL_ARGS)
{
    UNUSED_D;
    (void)bits;
    if (n < m) {
        *qc = SIMD_QC;
        return 0;
    }
    return n - m;
}

/* SUQADD: the destination is signed, the source unsigned. */
SIMD_KERNEL k_suqadd(KERNEL_ARGS)
{
    const int64_t a = SIGNED(d);
    const uint64_t max = UINT64_MAX >> (65 - bits);

    (void)m;
    /* The distance from the destination to the maximum needs all 64 bits. */
    if (n > max - (uint64_t)a) {
        *qc = SIMD_QC;
        return max;
    }
    return (uint64_t)a + n;
}

/* USQADD: the destination is unsigned, the source signed. */
SIMD_KERNEL k_usqadd(KERNEL_ARGS)
{
    const int64_t b = SIGNED(n);
    const uint64_t max = UINT64_MAX >> (64 - bits);

    (void)m;
    if (b < 0 ? d < 0 - (uint64_t)b : (uint64_t)b > max - d) {
        *qc = SIMD_QC;
        return b < 0 ? 0 : max;
    }
    return d + (uint64_t)b;
}

SIMD_KERNEL k_sqneg(KERNEL_ARGS)
{
    (void)m;
    return k_sqsub(d, 0, n, bits, qc);
}

SIMD_KERNEL k_sqabs(KERNEL_ARGS)
{
    return SIGNED(n) < 0 ? k_sqneg(d, n, m, bits, qc) : n;
}

SIMD_E4(sqadd, k_sqadd)
SIMD_E4(uqadd, k_uqadd)
SIMD_E4(sqsub, k_sqsub)
SIMD_E4(uqsub, k_uqsub)
SIMD_E4(suqadd, k_suqadd)
SIMD_E4(usqadd, k_usqadd)
SIMD_E4(sqabs, k_sqabs)
SIMD_E4(sqneg, k_sqneg)

/*
 * Shifts by the signed low byte of the lane of Vm; negative is right.  A right shift by 64 and more
 * is rounded to 0: the value is then at most half of what is lost.
 */
SIMD_KERNEL right_signed(int64_t v, unsigned n, bool rounding)
{
    if (!rounding) {
        return (uint64_t)(v >> (n > 63 ? 63 : n));
    }
    if (n > 63) {
        return 0;
    }
    const int64_t t = v >> (n - 1);
    return (uint64_t)((t >> 1) + (t & 1));
}

SIMD_KERNEL right_unsigned(uint64_t v, unsigned n, bool rounding)
{
    if (!rounding) {
        return n > 63 ? 0 : v >> n;
    }
    if (n > 64) {
        return 0;
    }
    const uint64_t t = v >> (n - 1);
    return (t >> 1) + (t & 1u);
}

SIMD_KERNEL shift_signed(KERNEL_ARGS, bool rounding, bool saturating)
{
    const int shift = (int8_t)m;
    const int64_t v = SIGNED(n);

    UNUSED_D;
    if (shift < 0) {
        return right_signed(v, (unsigned)-shift, rounding);
    }
    if (!saturating) {
        return shift > 63 ? 0 : n << shift;
    }
    if (v == 0) {
        return 0;
    }
    if (shift >= (int)bits || simd_sext(n << shift, bits) >> shift != v) {
        *qc = SIMD_QC;
        const uint64_t max = UINT64_MAX >> (65 - bits);
        return v < 0 ? max + 1u : max;
    }
    return n << shift;
}

SIMD_KERNEL shift_unsigned(KERNEL_ARGS, bool rounding, bool saturating)
{
    const int shift = (int8_t)m;
    const uint64_t max = UINT64_MAX >> (64 - bits);

    UNUSED_D;
    if (shift < 0) {
        return right_unsigned(n, (unsigned)-shift, rounding);
    }
    if (saturating && n != 0 && (shift >= (int)bits || n > max >> shift)) {
        *qc = SIMD_QC;
        return max;
    }
    return shift > 63 ? 0 : n << shift;
}

#define SHIFT_KERNEL(name, base, rounding, saturating)                                             \
    SIMD_KERNEL k_##name(KERNEL_ARGS)                                                              \
    {                                                                                              \
        return base(d, n, m, bits, qc, rounding, saturating);                                      \
    }                                                                                              \
    SIMD_E4(name, k_##name)

SHIFT_KERNEL(sshl, shift_signed, false, false)
SHIFT_KERNEL(srshl, shift_signed, true, false)
SHIFT_KERNEL(sqshl, shift_signed, false, true)
SHIFT_KERNEL(sqrshl, shift_signed, true, true)
SHIFT_KERNEL(ushl, shift_unsigned, false, false)
SHIFT_KERNEL(urshl, shift_unsigned, true, false)
SHIFT_KERNEL(uqshl, shift_unsigned, false, true)
SHIFT_KERNEL(uqrshl, shift_unsigned, true, true)

/*
 * The high half of (addend << bits) + 2 * n * m, for bits 16 and 32.  Everything is kept halved, so
 * that the largest product, of the two smallest values, does not overflow.
 */
SIMD_KERNEL doubling_high(int64_t addend, int64_t product, bool rounding, unsigned bits,
                          uint32_t *qc)
{
    const int64_t half = rounding ? INT64_C(1) << (bits - 2) : 0;

    /* addend * 2^(bits - 1) has at most 63 bits, and so has the product. */
    const int64_t sum = addend * (INT64_C(1) << (bits - 1)) + (product + half);
    return simd_ssat(sum >> (bits - 1), bits, qc);
}

#define DOUBLING_KERNEL(name, addend, product, rounding)                                           \
    SIMD_KERNEL k_##name(KERNEL_ARGS)                                                              \
    {                                                                                              \
        const int64_t a = SIGNED(n);                                                               \
        const int64_t b = SIGNED(m);                                                               \
        UNUSED_D;                                                                                  \
        return doubling_high(addend, product, rounding, bits, qc);                                 \
    }                                                                                              \
    SIMD_E2(name, k_##name, i)                                                                     \
    SIMD_E2(name##_e, k_##name, op->imm)

DOUBLING_KERNEL(sqdmulh, 0, a *b, false)
DOUBLING_KERNEL(sqrdmulh, 0, a *b, true)
DOUBLING_KERNEL(sqrdmlah, SIGNED(d), a *b, true)
DOUBLING_KERNEL(sqrdmlsh, SIGNED(d), -(a *b), true)

#define PRODUCT_KERNEL(name, expr)                                                                 \
    SIMD_KERNEL k_##name(KERNEL_ARGS)                                                              \
    {                                                                                              \
        UNUSED_D;                                                                                  \
        UNUSED_QC;                                                                                 \
        (void)bits;                                                                                \
        return (expr);                                                                             \
    }                                                                                              \
    SIMD_E2(name, k_##name, op->imm)

PRODUCT_KERNEL(mul_e, n *m)
PRODUCT_KERNEL(mla_e, d + n * m)
PRODUCT_KERNEL(mls_e, d - n * m)

SIMD_KERNEL k_clz(KERNEL_ARGS)
{
    UNUSED_D;
    UNUSED_QC;
    (void)m;
    return n == 0 ? bits : (unsigned)__builtin_clzll(n) - (64 - bits);
}

/* Leading bits equal to the sign bit, which does not count itself. */
SIMD_KERNEL k_cls(KERNEL_ARGS)
{
    const uint64_t same = (n ^ (n << 1)) & (UINT64_MAX >> (64 - bits)) & ~UINT64_C(1);

    return k_clz(d, same | 1u, m, bits, qc);
}

SIMD_E3(clz, k_clz)
SIMD_E3(cls, k_cls)

static inline uint64_t popcount_bytes(uint64_t v)
{
    v -= (v >> 1) & UINT64_C(0x5555555555555555);
    v = (v & UINT64_C(0x3333333333333333)) + ((v >> 2) & UINT64_C(0x3333333333333333));
    return (v + (v >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
}

static inline uint64_t reverse_bits_in_bytes(uint64_t v)
{
    v = ((v >> 1) & UINT64_C(0x5555555555555555)) | ((v & UINT64_C(0x5555555555555555)) << 1);
    v = ((v >> 2) & UINT64_C(0x3333333333333333)) | ((v & UINT64_C(0x3333333333333333)) << 2);
    return ((v >> 4) & UINT64_C(0x0f0f0f0f0f0f0f0f)) | ((v & UINT64_C(0x0f0f0f0f0f0f0f0f)) << 4);
}

#define BY_HALVES(fn, function)                                                                    \
    SIMD_FN(fn##_8b)                                                                               \
    {                                                                                              \
        regs->v[op->rd].d[0] = function(regs->v[op->rn].d[0]);                                     \
        regs->v[op->rd].d[1] = 0;                                                                  \
    }                                                                                              \
    SIMD_FN(fn##_16b)                                                                              \
    {                                                                                              \
        const union a64_vreg n = regs->v[op->rn];                                                  \
        regs->v[op->rd].d[0] = function(n.d[0]);                                                   \
        regs->v[op->rd].d[1] = function(n.d[1]);                                                   \
    }

BY_HALVES(cnt, popcount_bytes)
BY_HALVES(rbit, reverse_bits_in_bytes)

SIMD_KERNEL k_pmul(KERNEL_ARGS)
{
    uint64_t r = 0;

    UNUSED_D;
    UNUSED_QC;
    for (unsigned i = 0; i < bits; i++) {
        r ^= ((m >> i) & 1u) != 0 ? n << i : 0;
    }
    return r;
}

SIMD_KERNEL3(pmul_b, b, 8, k_pmul, i)

SIMD_LANES2(urecpe_s, s, uint32_t, op->ra, fp_unsigned_recip_estimate(n))
SIMD_LANES2(ursqrte_s, s, uint32_t, op->ra, fp_unsigned_rsqrt_estimate(n))

/* Dot products of four bytes; the sums wrap.  TN and TM are the types of the bytes. */
#define DOT_LANES(fn, TN, TM, M)                                                                   \
    SIMD_FN(fn)                                                                                    \
    {                                                                                              \
        const union a64_vreg vn = regs->v[op->rn];                                                 \
        const union a64_vreg vm = regs->v[op->rm];                                                 \
        const union a64_vreg vd = regs->v[op->rd];                                                 \
        union a64_vreg r = {.d = {0, 0}};                                                          \
        for (unsigned i = 0; i < op->ra; i++) {                                                    \
            uint32_t sum = vd.s[i];                                                                \
            for (unsigned j = 0; j < 4; j++) {                                                     \
                sum += (uint32_t)((int)(TN)vn.b[4 * i + j] * (int)(TM)vm.b[4 * (M) + j]);          \
            }                                                                                      \
            r.s[i] = sum;                                                                          \
        }                                                                                          \
        regs->v[op->rd] = r;                                                                       \
    }

DOT_LANES(sdot, int8_t, int8_t, i)
DOT_LANES(udot, uint8_t, uint8_t, i)
DOT_LANES(usdot, uint8_t, int8_t, i)
DOT_LANES(sdot_e, int8_t, int8_t, op->imm)
DOT_LANES(udot_e, uint8_t, uint8_t, op->imm)
DOT_LANES(usdot_e, uint8_t, int8_t, op->imm)
DOT_LANES(sudot_e, int8_t, uint8_t, op->imm)

/* Matrices of 2 x 8 by 8 x 2 bytes, added to one of 2 x 2 words. */
#define MATRIX(fn, TN, TM)                                                                         \
    SIMD_FN(fn)                                                                                    \
    {                                                                                              \
        const union a64_vreg vn = regs->v[op->rn];                                                 \
        const union a64_vreg vm = regs->v[op->rm];                                                 \
        union a64_vreg r = regs->v[op->rd];                                                        \
        for (unsigned i = 0; i < 4; i++) {                                                         \
            for (unsigned j = 0; j < 8; j++) {                                                     \
                r.s[i] +=                                                                          \
                    (uint32_t)((int)(TN)vn.b[8 * (i / 2) + j] * (int)(TM)vm.b[8 * (i % 2) + j]);   \
            }                                                                                      \
        }                                                                                          \
        regs->v[op->rd] = r;                                                                       \
    }

MATRIX(smmla, int8_t, int8_t)
MATRIX(ummla, uint8_t, uint8_t)
MATRIX(usmmla, uint8_t, int8_t)
