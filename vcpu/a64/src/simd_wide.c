/*
 * Operations whose sources and result differ in element size (long, wide, narrow, pairwise long).
 * `ra` has SIMD_UPPER for the "2" forms, which use the upper half of the narrow side, and the number
 * of lanes; a scalar (SQDMULL and its kind) has one, and the rest of Vd is zeroed.
 */
#include "simd_lanes.h"

#define U64(v) ((uint64_t)(v))

/*
 * N, M and D are expressions for the type-cast sources; W the wide field.  In `expr` they are n, m
 * and d, 64 bits wide and sign- or zero-extended according to T and TW.
 */
#define WIDE(fn, f, W, T, TW, N, M, expr)                                                          \
    SIMD_FN(fn)                                                                                    \
    {                                                                                              \
        const union a64_vreg vn = regs->v[op->rn];                                                 \
        const union a64_vreg vm = regs->v[op->rm];                                                 \
        const union a64_vreg vd = regs->v[op->rd];                                                 \
        const unsigned count = op->ra & SIMD_COUNT;                                                \
        const unsigned part = (op->ra & SIMD_UPPER) != 0 ? 8u / (unsigned)sizeof(T) : 0;           \
        union a64_vreg r = {.d = {0, 0}};                                                          \
        uint32_t qc = 0;                                                                           \
        for (unsigned i = 0; i < count; i++) {                                                     \
            const uint64_t n = U64((TW)(T)(N));                                                    \
            const uint64_t m = U64((TW)(T)vm.f[M]);                                                \
            const uint64_t d = U64((TW)vd.W[i]);                                                   \
            (void)n;                                                                               \
            (void)d;                                                                               \
            r.W[i] = (lane_##W)(expr);                                                             \
        }                                                                                          \
        (void)part;                                                                                \
        regs->v[op->rd] = r;                                                                       \
        regs->fpsr |= qc;                                                                          \
    }

#define LONG_H(fn, S, N, M, expr) WIDE(fn##_h, h, s, S##16_t, S##32_t, vn.h[N], M, expr)
#define LONG_S(fn, S, N, M, expr) WIDE(fn##_s, s, d, S##32_t, S##64_t, vn.s[N], M, expr)
#define LONG(fn, S, expr)                                                                          \
    WIDE(fn##_b, b, h, S##8_t, S##16_t, vn.b[i + part], i + part, expr)                            \
    LONG_H(fn, S, i + part, i + part, expr)                                                        \
    LONG_S(fn, S, i + part, i + part, expr)
#define LONG_ELEMENT(fn, S, expr)                                                                  \
    LONG_H(fn##_e, S, i + part, op->imm, expr)                                                     \
    LONG_S(fn##_e, S, i + part, op->imm, expr)

static inline uint64_t sdiff(uint64_t a, uint64_t b)
{
    return (int64_t)a > (int64_t)b ? a - b : b - a;
}

static inline uint64_t udiff(uint64_t a, uint64_t b)
{
    return a > b ? a - b : b - a;
}

LONG(saddl, int, n + m)
LONG(uaddl, uint, n + m)
LONG(ssubl, int, n - m)
LONG(usubl, uint, n - m)
LONG(sabdl, int, sdiff(n, m))
LONG(uabdl, uint, udiff(n, m))
LONG(sabal, int, d + sdiff(n, m))
LONG(uabal, uint, d + udiff(n, m))
LONG(smull, int, n *m)
LONG(umull, uint, n *m)
LONG(smlal, int, d + n * m)
LONG(umlal, uint, d + n * m)
LONG(smlsl, int, d - n * m)
LONG(umlsl, uint, d - n * m)
LONG_ELEMENT(smull, int, n *m)
LONG_ELEMENT(umull, uint, n *m)
LONG_ELEMENT(smlal, int, d + n * m)
LONG_ELEMENT(umlal, uint, d + n * m)
LONG_ELEMENT(smlsl, int, d - n * m)
LONG_ELEMENT(umlsl, uint, d - n * m)

/* The first source is wide: it has lane i whatever the half, and needs no extension. */
/* The first source is wide: it has lane i whatever the half, and needs no extension. */
#define WIDE3(fn, S, operator)                                                                     \
    WIDE(fn##_b, b, h, S##8_t, S##16_t, 0, i + part, vn.h[i] operator m)                           \
    WIDE(fn##_h, h, s, S##16_t, S##32_t, 0, i + part, vn.s[i] operator m)                          \
    WIDE(fn##_s, s, d, S##32_t, S##64_t, 0, i + part, vn.d[i] operator m)

WIDE3(saddw, int, +)
WIDE3(uaddw, uint, +)
WIDE3(ssubw, int, -)
WIDE3(usubw, uint, -)

/* Doubling multiplies saturate the product, and then the sum. */
static inline uint64_t double_sat(uint64_t n, uint64_t m, unsigned wide, uint32_t *qc)
{
    const int64_t product = (int64_t)n * (int64_t)m;

    /* Only the product of the two smallest values overflows. */
    if (product == INT64_C(1) << (wide - 2)) {
        *qc = SIMD_QC;
        return UINT64_MAX >> (65 - wide);
    }
    return 2u * (uint64_t)product;
}

static inline uint64_t add_sat(uint64_t a, uint64_t b, unsigned wide, uint32_t *qc)
{
    int64_t r;

    if (__builtin_add_overflow((int64_t)a, (int64_t)b, &r)) {
        *qc = SIMD_QC;
        return (int64_t)a < 0 ? UINT64_C(1) << 63 : UINT64_MAX >> 1;
    }
    return wide == 64 ? (uint64_t)r : simd_ssat(r, wide, qc);
}

static inline uint64_t sub_sat(uint64_t a, uint64_t b, unsigned wide, uint32_t *qc)
{
    int64_t r;

    if (__builtin_sub_overflow((int64_t)a, (int64_t)b, &r)) {
        *qc = SIMD_QC;
        return (int64_t)a < 0 ? UINT64_C(1) << 63 : UINT64_MAX >> 1;
    }
    return wide == 64 ? (uint64_t)r : simd_ssat(r, wide, qc);
}

#define DOUBLE_32 double_sat(n, m, 32, &qc)
#define DOUBLE_64 double_sat(n, m, 64, &qc)

#define DOUBLING(fn, N, M, expr32, expr64)                                                         \
    LONG_H(fn, int, N, M, expr32)                                                                  \
    LONG_S(fn, int, N, M, expr64)

DOUBLING(sqdmull, i + part, i + part, DOUBLE_32, DOUBLE_64)
DOUBLING(sqdmlal, i + part, i + part, add_sat(d, DOUBLE_32, 32, &qc),
         add_sat(d, DOUBLE_64, 64, &qc))
DOUBLING(sqdmlsl, i + part, i + part, sub_sat(d, DOUBLE_32, 32, &qc),
         sub_sat(d, DOUBLE_64, 64, &qc))
DOUBLING(sqdmull_e, i + part, op->imm, DOUBLE_32, DOUBLE_64)
DOUBLING(sqdmlal_e, i + part, op->imm, add_sat(d, DOUBLE_32, 32, &qc),
         add_sat(d, DOUBLE_64, 64, &qc))
DOUBLING(sqdmlsl_e, i + part, op->imm, sub_sat(d, DOUBLE_32, 32, &qc),
         sub_sat(d, DOUBLE_64, 64, &qc))

/* The high half of a sum or difference. */
#define HIGH_NARROW(fn, f, W, bits, operator, round)                                               \
    SIMD_FN(fn##_##f)                                                                              \
    {                                                                                              \
        const union a64_vreg vn = regs->v[op->rn];                                                 \
        const union a64_vreg vm = regs->v[op->rm];                                                 \
        union a64_vreg r = {.d = {0, 0}};                                                          \
        for (unsigned i = 0; i < 64 / (bits); i++) {                                               \
            const uint64_t v =                                                                     \
                U64(vn.W[i]) operator U64(vm.W[i]) + ((round) ? UINT64_C(1) << ((bits)-1) : 0);    \
            r.f[i] = (lane_##f)(v >> (bits));                                                      \
        }                                                                                          \
        if ((op->ra & SIMD_UPPER) != 0) {                                                          \
            regs->v[op->rd].d[1] = r.d[0];                                                         \
        } else {                                                                                   \
            regs->v[op->rd] = r;                                                                   \
        }                                                                                          \
    }
#define HIGH_NARROW3(fn, operator, round)                                                          \
    HIGH_NARROW(fn, b, h, 8, operator, round)                                                      \
    HIGH_NARROW(fn, h, s, 16, operator, round)                                                     \
    HIGH_NARROW(fn, s, d, 32, operator, round)

HIGH_NARROW3(addhn, +, false)
HIGH_NARROW3(raddhn, +, true)
HIGH_NARROW3(subhn, -, false)
HIGH_NARROW3(rsubhn, -, true)

/* Neighbours added into a lane of twice the size; `count` lanes of result. */
#define PAIRWISE_LONG(fn, f, W, T, expr)                                                           \
    SIMD_FN(fn##_##f)                                                                              \
    {                                                                                              \
        const union a64_vreg vn = regs->v[op->rn];                                                 \
        const union a64_vreg vd = regs->v[op->rd];                                                 \
        union a64_vreg r = {.d = {0, 0}};                                                          \
        for (unsigned i = 0; i < op->ra; i++) {                                                    \
            const uint64_t sum = U64((T)vn.f[2 * i]) + U64((T)vn.f[2 * i + 1]);                    \
            const uint64_t d = vd.W[i];                                                            \
            (void)d;                                                                               \
            r.W[i] = (lane_##W)(expr);                                                             \
        }                                                                                          \
        regs->v[op->rd] = r;                                                                       \
    }
#define PAIRWISE_LONG3(fn, S, expr)                                                                \
    PAIRWISE_LONG(fn, b, h, S##8_t, expr)                                                          \
    PAIRWISE_LONG(fn, h, s, S##16_t, expr)                                                         \
    PAIRWISE_LONG(fn, s, d, S##32_t, expr)

PAIRWISE_LONG3(saddlp, int, sum)
PAIRWISE_LONG3(uaddlp, uint, sum)
PAIRWISE_LONG3(sadalp, int, d + sum)
PAIRWISE_LONG3(uadalp, uint, d + sum)

/* Polynomials over {0, 1}. */
SIMD_FN(pmull_b)
{
    const union a64_vreg vn = regs->v[op->rn];
    const union a64_vreg vm = regs->v[op->rm];
    const unsigned part = (op->ra & SIMD_UPPER) != 0 ? 8 : 0;
    union a64_vreg r = {.d = {0, 0}};

    for (unsigned i = 0; i < 8; i++) {
        const uint32_t n = vn.b[part + i];
        const uint32_t m = vm.b[part + i];
        uint32_t product = 0;
        for (unsigned bit = 0; bit < 8; bit++) {
            product ^= (n << bit) & (0u - ((m >> bit) & 1u));
        }
        r.h[i] = (uint16_t)product;
    }
    regs->v[op->rd] = r;
}

SIMD_FN(pmull_d)
{
    const unsigned part = (op->ra & SIMD_UPPER) != 0 ? 1 : 0;
    const uint64_t n = regs->v[op->rn].d[part];
    const uint64_t m = regs->v[op->rm].d[part];
    uint64_t low = n & (0u - (m & 1u));
    uint64_t high = 0;

    for (unsigned bit = 1; bit < 64; bit++) {
        const uint64_t mask = 0u - ((m >> bit) & 1u);
        low ^= (n << bit) & mask;
        high ^= (n >> (64 - bit)) & mask;
    }
    regs->v[op->rd].d[0] = low;
    regs->v[op->rd].d[1] = high;
}
