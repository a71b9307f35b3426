/*
 * What the families of SIMD functions are generated from.
 *
 * In an expression, n and m are the lane of the first and second source and d that of the old
 * destination, already of the type asked for; the result is cut to the lane's width.  Sources are
 * copied before anything is written, so that Vd may be any of them.
 */
#ifndef VML_A64_SIMD_LANES_H
#define VML_A64_SIMD_LANES_H

#include "simd_list.h"

/* Sub-register operations say in `ra` which half of the wide side they use, and the lane count. */
#define SIMD_UPPER 0x80u
#define SIMD_COUNT 0x1fu

typedef uint8_t lane_b;
typedef uint16_t lane_h;
typedef uint32_t lane_s;
typedef uint64_t lane_d;

/* fn: name; f: lane field; T: type of n, m, d; count: lanes; expr: one result lane. */
#define SIMD_LANES3(fn, f, T, count, expr)                                                         \
    SIMD_FN(fn)                                                                                    \
    {                                                                                              \
        const union a64_vreg vn = regs->v[op->rn];                                                 \
        const union a64_vreg vm = regs->v[op->rm];                                                 \
        const union a64_vreg vd = regs->v[op->rd];                                                 \
        union a64_vreg r = {.d = {0, 0}};                                                          \
        for (unsigned i = 0; i < (count); i++) {                                                   \
            const T n = (T)vn.f[i];                                                                \
            const T m = (T)vm.f[i];                                                                \
            const T d = (T)vd.f[i];                                                                \
            (void)d;                                                                               \
            r.f[i] = (lane_##f)(expr);                                                             \
        }                                                                                          \
        regs->v[op->rd] = r;                                                                       \
    }

/* As SIMD_LANES3 with one source. */
#define SIMD_LANES2(fn, f, T, count, expr)                                                         \
    SIMD_FN(fn)                                                                                    \
    {                                                                                              \
        const union a64_vreg vn = regs->v[op->rn];                                                 \
        const union a64_vreg vd = regs->v[op->rd];                                                 \
        union a64_vreg r = {.d = {0, 0}};                                                          \
        for (unsigned i = 0; i < (count); i++) {                                                   \
            const T n = (T)vn.f[i];                                                                \
            const T d = (T)vd.f[i];                                                                \
            (void)d;                                                                               \
            r.f[i] = (lane_##f)(expr);                                                             \
        }                                                                                          \
        regs->v[op->rd] = r;                                                                       \
    }

/* Families over whole registers: S is `int` or `uint`, G one of the two generators above. */
#define SIMD_B6(G, fn, S, expr)                                                                    \
    G(fn##_8b, b, S##8_t, 8, expr)                                                                 \
    G(fn##_16b, b, S##8_t, 16, expr)                                                               \
    G(fn##_4h, h, S##16_t, 4, expr)                                                                \
    G(fn##_8h, h, S##16_t, 8, expr)                                                                \
    G(fn##_2s, s, S##32_t, 2, expr)                                                                \
    G(fn##_4s, s, S##32_t, 4, expr)
#define SIMD_B7(G, fn, S, expr)                                                                    \
    SIMD_B6(G, fn, S, expr)                                                                        \
    G(fn##_2d, d, S##64_t, 2, expr)
#define SIMD_B8(G, fn, S, expr)                                                                    \
    SIMD_B7(G, fn, S, expr)                                                                        \
    G(fn##_1d, d, S##64_t, 1, expr)

/* Families over an element size, `ra` lanes: kernel(n, m, bits, &qc) on zero-extended lanes. */
#define SIMD_KERNEL3(fn, f, bits, kernel, M)                                                       \
    SIMD_FN(fn)                                                                                    \
    {                                                                                              \
        const union a64_vreg vn = regs->v[op->rn];                                                 \
        const union a64_vreg vm = regs->v[op->rm];                                                 \
        const union a64_vreg vd = regs->v[op->rd];                                                 \
        const unsigned count = op->ra & SIMD_COUNT;                                                \
        union a64_vreg r = {.d = {0, 0}};                                                          \
        uint32_t qc = 0;                                                                           \
        for (unsigned i = 0; i < count; i++) {                                                     \
            r.f[i] = (lane_##f)kernel(vd.f[i], vn.f[i], vm.f[M], bits, &qc);                       \
        }                                                                                          \
        regs->v[op->rd] = r;                                                                       \
        regs->fpsr |= qc;                                                                          \
    }

#define SIMD_E2(fn, kernel, M)                                                                     \
    SIMD_KERNEL3(fn##_h, h, 16, kernel, M)                                                         \
    SIMD_KERNEL3(fn##_s, s, 32, kernel, M)
#define SIMD_E3(fn, kernel)                                                                        \
    SIMD_KERNEL3(fn##_b, b, 8, kernel, i)                                                          \
    SIMD_E2(fn, kernel, i)
#define SIMD_E4(fn, kernel)                                                                        \
    SIMD_E3(fn, kernel)                                                                            \
    SIMD_KERNEL3(fn##_d, d, 64, kernel, i)

#define SIMD_QC     (1u << 27)

#define SIMD_KERNEL static inline __attribute__((always_inline)) uint64_t

static inline int64_t simd_sext(uint64_t v, unsigned bits)
{
    return (int64_t)(v << (64 - bits)) >> (64 - bits);
}

/* SignedSat and UnsignedSat of a value that fits in 64 bits, for bits < 64 */
static inline uint64_t simd_ssat(int64_t v, unsigned bits, uint32_t *qc)
{
    const int64_t max = (int64_t)(UINT64_MAX >> (65 - bits));

    if (v > max) {
        *qc = SIMD_QC;
        return (uint64_t)max;
    }
    if (v < -max - 1) {
        *qc = SIMD_QC;
        return (uint64_t)(-max - 1);
    }
    return (uint64_t)v;
}

static inline uint64_t simd_usat(int64_t v, unsigned bits, uint32_t *qc)
{
    const int64_t max = (int64_t)(UINT64_MAX >> (64 - bits));

    if (v < 0) {
        *qc = SIMD_QC;
        return 0;
    }
    if (v > max) {
        *qc = SIMD_QC;
        return (uint64_t)max;
    }
    return (uint64_t)v;
}

#endif
