/* Integer operations on whole registers: one function for each arrangement. */
#include "simd_lanes.h"

/* Integer arithmetic that wraps is done unsigned, and in a type that multiplication cannot
   overflow after promotion. */
#define ALL_ONES(condition) ((condition) ? UINT64_MAX : 0)
#define U64(v)              ((uint64_t)(v))

SIMD_B8(SIMD_LANES3, add, uint, n + m)
SIMD_B8(SIMD_LANES3, sub, uint, n - m)
SIMD_B8(SIMD_LANES3, cmgt, int, ALL_ONES(n > m))
SIMD_B8(SIMD_LANES3, cmhi, uint, ALL_ONES(n > m))
SIMD_B8(SIMD_LANES3, cmge, int, ALL_ONES(n >= m))
SIMD_B8(SIMD_LANES3, cmhs, uint, ALL_ONES(n >= m))
SIMD_B8(SIMD_LANES3, cmtst, uint, ALL_ONES((n & m) != 0))
SIMD_B8(SIMD_LANES3, cmeq, uint, ALL_ONES(n == m))
SIMD_B8(SIMD_LANES2, cmgt0, int, ALL_ONES(n > 0))
SIMD_B8(SIMD_LANES2, cmge0, int, ALL_ONES(n >= 0))
SIMD_B8(SIMD_LANES2, cmeq0, int, ALL_ONES(n == 0))
SIMD_B8(SIMD_LANES2, cmle0, int, ALL_ONES(n <= 0))
SIMD_B8(SIMD_LANES2, cmlt0, int, ALL_ONES(n < 0))
SIMD_B8(SIMD_LANES2, abs, int, n < 0 ? 0 - U64(n) : U64(n))
SIMD_B8(SIMD_LANES2, neg, uint, 0 - U64(n))
SIMD_B6(SIMD_LANES3, smax, int, n > m ? n : m)
SIMD_B6(SIMD_LANES3, umax, uint, n > m ? n : m)
SIMD_B6(SIMD_LANES3, smin, int, n < m ? n : m)
SIMD_B6(SIMD_LANES3, umin, uint, n < m ? n : m)
SIMD_B6(SIMD_LANES3, sabd, int, n > m ? U64(n) - U64(m) : U64(m) - U64(n))
SIMD_B6(SIMD_LANES3, uabd, uint, n > m ? n - m : m - n)
SIMD_B6(SIMD_LANES3, saba, int, U64(d) + (n > m ? U64(n) - U64(m) : U64(m) - U64(n)))
SIMD_B6(SIMD_LANES3, uaba, uint, U64(d) + (n > m ? U64(n) - U64(m) : U64(m) - U64(n)))
SIMD_B6(SIMD_LANES3, mul, uint, 1u * n * m)
SIMD_B6(SIMD_LANES3, mla, uint, d + 1u * n * m)
SIMD_B6(SIMD_LANES3, mls, uint, d - 1u * n * m)

/* Pairwise: the pairs of Vm:Vn; a and b are neighbours. */
#define PAIRWISE(fn, f, T, count, expr)                                                            \
    SIMD_FN(fn)                                                                                    \
    {                                                                                              \
        const union a64_vreg vn = regs->v[op->rn];                                                 \
        const union a64_vreg vm = regs->v[op->rm];                                                 \
        union a64_vreg r = {.d = {0, 0}};                                                          \
        for (unsigned i = 0; i < (count) / 2; i++) {                                               \
            const T a = (T)vn.f[2 * i];                                                            \
            const T b = (T)vn.f[2 * i + 1];                                                        \
            r.f[i] = (lane_##f)(expr);                                                             \
        }                                                                                          \
        for (unsigned i = 0; i < (count) / 2; i++) {                                               \
            const T a = (T)vm.f[2 * i];                                                            \
            const T b = (T)vm.f[2 * i + 1];                                                        \
            r.f[(count) / 2 + i] = (lane_##f)(expr);                                               \
        }                                                                                          \
        regs->v[op->rd] = r;                                                                       \
    }

SIMD_B7(PAIRWISE, addp, uint, a + b)
SIMD_B6(PAIRWISE, smaxp, int, a > b ? a : b)
SIMD_B6(PAIRWISE, umaxp, uint, a > b ? a : b)
SIMD_B6(PAIRWISE, sminp, int, a < b ? a : b)
SIMD_B6(PAIRWISE, uminp, uint, a < b ? a : b)

SIMD_FN(addp_scalar)
{
    const union a64_vreg n = regs->v[op->rn];

    regs->v[op->rd].d[0] = n.d[0] + n.d[1];
    regs->v[op->rd].d[1] = 0;
}

/* Across lanes: a is what was gathered so far, b the next lane.  A is a's type. */
#define ACROSS(fn, f, T, count, A, rf, expr)                                                       \
    SIMD_FN(fn)                                                                                    \
    {                                                                                              \
        const union a64_vreg vn = regs->v[op->rn];                                                 \
        A a = (A)(T)vn.f[0];                                                                       \
        for (unsigned i = 1; i < (count); i++) {                                                   \
            const T b = (T)vn.f[i];                                                                \
            a = (A)(expr);                                                                         \
        }                                                                                          \
        regs->v[op->rd].d[0] = (lane_##rf)a;                                                       \
        regs->v[op->rd].d[1] = 0;                                                                  \
    }

#define ACROSS_SAME(fn, S, expr)                                                                   \
    ACROSS(fn##_8b, b, S##8_t, 8, S##8_t, b, expr)                                                 \
    ACROSS(fn##_16b, b, S##8_t, 16, S##8_t, b, expr)                                               \
    ACROSS(fn##_4h, h, S##16_t, 4, S##16_t, h, expr)                                               \
    ACROSS(fn##_8h, h, S##16_t, 8, S##16_t, h, expr)                                               \
    ACROSS(fn##_4s, s, S##32_t, 4, S##32_t, s, expr)

ACROSS_SAME(addv, uint, a + b)
ACROSS_SAME(smaxv, int, a > b ? a : b)
ACROSS_SAME(umaxv, uint, a > b ? a : b)
ACROSS_SAME(sminv, int, a < b ? a : b)
ACROSS_SAME(uminv, uint, a < b ? a : b)

/* The sum is twice as wide, so it cannot overflow. */
#define ACROSS_LONG(fn, S)                                                                         \
    ACROSS(fn##_8b, b, S##8_t, 8, int32_t, h, a + b)                                               \
    ACROSS(fn##_16b, b, S##8_t, 16, int32_t, h, a + b)                                             \
    ACROSS(fn##_4h, h, S##16_t, 4, int32_t, s, a + b)                                              \
    ACROSS(fn##_8h, h, S##16_t, 8, int32_t, s, a + b)                                              \
    ACROSS(fn##_4s, s, S##32_t, 4, int64_t, d, a + b)

ACROSS_LONG(saddlv, int)
ACROSS_LONG(uaddlv, uint)
