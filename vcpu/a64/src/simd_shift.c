/*
 * Shifts by an immediate, which is in `imm` (1 to the element's bits to the right, 0 to that less
 * one to the left), and the narrowing and lengthening moves.
 */
#include "simd_lanes.h"

#define U64(v) ((uint64_t)(v))
#define S64(v) ((int64_t)(v))

/* A right shift of a 64-bit lane may be by 64. */
static inline uint64_t ushr(uint64_t v, unsigned n)
{
    return n > 63 ? 0 : v >> n;
}

static inline int64_t sshr(int64_t v, unsigned n)
{
    return v >> (n > 63 ? 63 : n);
}

/* The bit shifted out last rounds: n is at least 1. */
static inline uint64_t urshr(uint64_t v, unsigned n)
{
    return ushr(v, n) + ((v >> (n - 1)) & 1u);
}

static inline int64_t srshr(int64_t v, unsigned n)
{
    return sshr(v, n) + ((v >> (n - 1)) & 1);
}

SIMD_B8(SIMD_LANES2, shl, uint, U64(n) << op->imm)
SIMD_B8(SIMD_LANES2, sshr, int, sshr(n, op->imm))
SIMD_B8(SIMD_LANES2, ushr, uint, ushr(n, op->imm))
SIMD_B8(SIMD_LANES2, ssra, int, U64(d) + U64(sshr(n, op->imm)))
SIMD_B8(SIMD_LANES2, usra, uint, U64(d) + ushr(n, op->imm))
SIMD_B8(SIMD_LANES2, srshr, int, srshr(n, op->imm))
SIMD_B8(SIMD_LANES2, urshr, uint, urshr(n, op->imm))
SIMD_B8(SIMD_LANES2, srsra, int, U64(d) + U64(srshr(n, op->imm)))
SIMD_B8(SIMD_LANES2, ursra, uint, U64(d) + urshr(n, op->imm))
SIMD_B8(SIMD_LANES2, sli, uint, (U64(n) << op->imm) | (d & ((UINT64_C(1) << op->imm) - 1u)))

/* The bits of d that the shifted value does not reach are its top `imm`. */
#define KEPT_TOP(T) (~ushr(UINT64_MAX >> (64 - 8 * sizeof(T)), op->imm))
#define SRI(fn, f, T, count, unused)                                                               \
    SIMD_LANES2(fn, f, T, count, ushr(n, op->imm) | (d & KEPT_TOP(T)))
SIMD_B8(SRI, sri, uint, 0)

#define KERNEL_ARGS uint64_t d, uint64_t n, uint64_t m, unsigned bits, uint32_t *qc

/* Saturating left shifts: `m` is the shift. */
SIMD_KERNEL k_sqshl_imm(KERNEL_ARGS)
{
    const int64_t v = simd_sext(n, bits);
    const uint64_t max = UINT64_MAX >> (65 - bits);

    (void)d;
    if (simd_sext(n << m, bits) >> m != v) {
        *qc = SIMD_QC;
        return v < 0 ? max + 1u : max;
    }
    return n << m;
}

SIMD_KERNEL k_uqshl_imm(KERNEL_ARGS)
{
    const uint64_t max = UINT64_MAX >> (64 - bits);

    (void)d;
    if (n > max >> m) {
        *qc = SIMD_QC;
        return max;
    }
    return n << m;
}

/* Signed in, unsigned out. */
SIMD_KERNEL k_sqshlu(KERNEL_ARGS)
{
    if (simd_sext(n, bits) < 0) {
        *qc = SIMD_QC;
        return 0;
    }
    return k_uqshl_imm(d, n, m, bits, qc);
}

#define SHIFT_SAT(fn, f, bits, kernel)                                                             \
    SIMD_FN(fn##_##f)                                                                              \
    {                                                                                              \
        const union a64_vreg vn = regs->v[op->rn];                                                 \
        union a64_vreg r = {.d = {0, 0}};                                                          \
        uint32_t qc = 0;                                                                           \
        for (unsigned i = 0; i < op->ra; i++) {                                                    \
            r.f[i] = (lane_##f)kernel(0, vn.f[i], op->imm, bits, &qc);                             \
        }                                                                                          \
        regs->v[op->rd] = r;                                                                       \
        regs->fpsr |= qc;                                                                          \
    }
#define SHIFT_SAT4(fn)                                                                             \
    SHIFT_SAT(fn, b, 8, k_##fn)                                                                    \
    SHIFT_SAT(fn, h, 16, k_##fn)                                                                   \
    SHIFT_SAT(fn, s, 32, k_##fn)                                                                   \
    SHIFT_SAT(fn, d, 64, k_##fn)

SHIFT_SAT4(sqshl_imm)
SHIFT_SAT4(uqshl_imm)
SHIFT_SAT4(sqshlu)

/*
 * Narrowing without saturation: to the lower half of Vd, whose upper half is zeroed, or (the forms
 * with a whole register's arrangement) to the upper half.  W is the wide lane's field.
 */
#define NARROW(fn, f, W, count, upper, expr)                                                       \
    SIMD_FN(fn)                                                                                    \
    {                                                                                              \
        const union a64_vreg vn = regs->v[op->rn];                                                 \
        union a64_vreg r = {.d = {0, 0}};                                                          \
        for (unsigned i = 0; i < (count); i++) {                                                   \
            const uint64_t n = vn.W[i];                                                            \
            r.f[i] = (lane_##f)(expr);                                                             \
        }                                                                                          \
        if (upper) {                                                                               \
            regs->v[op->rd].d[1] = r.d[0];                                                         \
        } else {                                                                                   \
            regs->v[op->rd] = r;                                                                   \
        }                                                                                          \
    }
#define NARROW4(fn, expr)                                                                          \
    NARROW(fn##_4h, h, s, 4, false, expr)                                                          \
    NARROW(fn##_8h, h, s, 4, true, expr)                                                           \
    NARROW(fn##_2s, s, d, 2, false, expr)                                                          \
    NARROW(fn##_4s, s, d, 2, true, expr)

#define NARROW6(fn, expr)                                                                          \
    NARROW(fn##_8b, b, h, 8, false, expr)                                                          \
    NARROW(fn##_16b, b, h, 8, true, expr)                                                          \
    NARROW4(fn, expr)

/*
 * The low byte of each halfword of v >> n, for n up to 8: string functions make a mask of a
 * comparison with it.
 */
static inline uint64_t low_bytes(uint64_t v, unsigned n)
{
    v = (v >> n) & UINT64_C(0x00ff00ff00ff00ff);
    v = (v | v >> 8) & UINT64_C(0x0000ffff0000ffff);
    return (v | v >> 16) & UINT64_C(0xffffffff);
}

#define NARROW_BYTES(fn, shift)                                                                    \
    SIMD_FN(fn##_8b)                                                                               \
    {                                                                                              \
        const union a64_vreg *n = &regs->v[op->rn];                                                \
        const uint64_t r = low_bytes(n->d[0], shift) | low_bytes(n->d[1], shift) << 32;            \
        regs->v[op->rd].d[0] = r;                                                                  \
        regs->v[op->rd].d[1] = 0;                                                                  \
    }                                                                                              \
    SIMD_FN(fn##_16b)                                                                              \
    {                                                                                              \
        const union a64_vreg *n = &regs->v[op->rn];                                                \
        regs->v[op->rd].d[1] = low_bytes(n->d[0], shift) | low_bytes(n->d[1], shift) << 32;        \
    }

NARROW_BYTES(xtn, 0)
NARROW_BYTES(shrn, op->imm)
NARROW4(xtn, n)
NARROW4(shrn, n >> op->imm)
NARROW6(rshrn, (n >> op->imm) + ((n >> (op->imm - 1u)) & 1u))

/* Lengthening, with a left shift; the forms of a whole register read the upper half. */
#define LENGTHEN(fn, f, T, W, count, upper)                                                        \
    SIMD_FN(fn)                                                                                    \
    {                                                                                              \
        const union a64_vreg vn = regs->v[op->rn];                                                 \
        union a64_vreg r;                                                                          \
        for (unsigned i = 0; i < (count); i++) {                                                   \
            r.W[i] = (lane_##W)(U64((T)vn.f[i + ((upper) ? (count) : 0)]) << op->imm);             \
        }                                                                                          \
        regs->v[op->rd] = r;                                                                       \
    }
#define LENGTHEN6(fn, S)                                                                           \
    LENGTHEN(fn##_8b, b, S##8_t, h, 8, false)                                                      \
    LENGTHEN(fn##_16b, b, S##8_t, h, 8, true)                                                      \
    LENGTHEN(fn##_4h, h, S##16_t, s, 4, false)                                                     \
    LENGTHEN(fn##_8h, h, S##16_t, s, 4, true)                                                      \
    LENGTHEN(fn##_2s, s, S##32_t, d, 2, false)                                                     \
    LENGTHEN(fn##_4s, s, S##32_t, d, 2, true)

LENGTHEN6(sshll, int)
LENGTHEN6(ushll, uint)

/* Saturating narrowing, scalar and vector: `ra` is the lane count and the half. */
#define NARROW_SAT(fn, f, W, bits, expr)                                                           \
    SIMD_FN(fn)                                                                                    \
    {                                                                                              \
        const union a64_vreg vn = regs->v[op->rn];                                                 \
        const unsigned count = op->ra & SIMD_COUNT;                                                \
        union a64_vreg r = {.d = {0, 0}};                                                          \
        uint32_t qc = 0;                                                                           \
        for (unsigned i = 0; i < count; i++) {                                                     \
            const uint64_t u = vn.W[i];                                                            \
            const int64_t s = simd_sext(u, 2 * (bits));                                            \
            (void)s;                                                                               \
            r.f[i] = (lane_##f)(expr);                                                             \
        }                                                                                          \
        if ((op->ra & SIMD_UPPER) != 0) {                                                          \
            regs->v[op->rd].d[1] = r.d[0];                                                         \
        } else {                                                                                   \
            regs->v[op->rd] = r;                                                                   \
        }                                                                                          \
        regs->fpsr |= qc;                                                                          \
    }
#define NARROW_SAT3(fn, saturate)                                                                  \
    NARROW_SAT(fn##_b, b, h, 8, saturate(8))                                                       \
    NARROW_SAT(fn##_h, h, s, 16, saturate(16))                                                     \
    NARROW_SAT(fn##_s, s, d, 32, saturate(32))

/* UnsignedSat of a value that uses all 64 bits. */
static inline uint64_t saturate_unsigned(uint64_t v, unsigned bits, uint32_t *qc)
{
    const uint64_t max = UINT64_MAX >> (64 - bits);

    if (v > max) {
        *qc = SIMD_QC;
        return max;
    }
    return v;
}

#define SAT_S_TO_S(bits)    simd_ssat(s, bits, &qc)
#define SAT_S_TO_U(bits)    simd_usat(s, bits, &qc)
#define SAT_U_TO_U(bits)    saturate_unsigned(u, bits, &qc)
#define SHIFT_S_TO_S(bits)  simd_ssat(sshr(s, op->imm), bits, &qc)
#define SHIFT_S_TO_U(bits)  simd_usat(sshr(s, op->imm), bits, &qc)
#define SHIFT_U_TO_U(bits)  saturate_unsigned(ushr(u, op->imm), bits, &qc)
#define RSHIFT_S_TO_S(bits) simd_ssat(srshr(s, op->imm), bits, &qc)
#define RSHIFT_S_TO_U(bits) simd_usat(srshr(s, op->imm), bits, &qc)
#define RSHIFT_U_TO_U(bits) saturate_unsigned(urshr(u, op->imm), bits, &qc)

NARROW_SAT3(sqxtn, SAT_S_TO_S)
NARROW_SAT3(sqxtun, SAT_S_TO_U)
NARROW_SAT3(uqxtn, SAT_U_TO_U)
NARROW_SAT3(sqshrn, SHIFT_S_TO_S)
NARROW_SAT3(sqshrun, SHIFT_S_TO_U)
NARROW_SAT3(uqshrn, SHIFT_U_TO_U)
NARROW_SAT3(sqrshrn, RSHIFT_S_TO_S)
NARROW_SAT3(sqrshrun, RSHIFT_S_TO_U)
NARROW_SAT3(uqrshrn, RSHIFT_U_TO_U)
