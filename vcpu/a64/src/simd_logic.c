/* Bitwise operations on whole registers, and the modified immediates (DDI 0487 C4.1, C6). */
#include "simd_imm.h"
#include "simd_lanes.h"

/* n, m and d are the 64-bit halves of the operands. */
#define LOGIC(fn, expr)                                                                            \
    SIMD_FN(fn##_8b)                                                                               \
    {                                                                                              \
        const uint64_t n = regs->v[op->rn].d[0];                                                   \
        const uint64_t m = regs->v[op->rm].d[0];                                                   \
        const uint64_t d = regs->v[op->rd].d[0];                                                   \
        (void)m;                                                                                   \
        (void)d;                                                                                   \
        regs->v[op->rd].d[0] = (expr);                                                             \
        regs->v[op->rd].d[1] = 0;                                                                  \
    }                                                                                              \
    SIMD_FN(fn##_16b)                                                                              \
    {                                                                                              \
        const union a64_vreg vn = regs->v[op->rn];                                                 \
        const union a64_vreg vm = regs->v[op->rm];                                                 \
        union a64_vreg *vd = &regs->v[op->rd];                                                     \
        for (unsigned i = 0; i < 2; i++) {                                                         \
            const uint64_t n = vn.d[i];                                                            \
            const uint64_t m = vm.d[i];                                                            \
            const uint64_t d = vd->d[i];                                                           \
            (void)m;                                                                               \
            (void)d;                                                                               \
            vd->d[i] = (expr);                                                                     \
        }                                                                                          \
    }

LOGIC(and, n &m)
LOGIC(bic, n & ~m)
LOGIC(orr, n | m)
LOGIC(orn, n | ~m)
LOGIC(eor, n ^ m)
LOGIC(bsl, (d & n) | (~d & m))
LOGIC(bit, (n & m) | (d & ~m))
LOGIC(bif, (d & m) | (n & ~m))
LOGIC(not, ~n)
LOGIC(mov, n)

/*
 * Modified immediates: `imm` is abcdefgh, `ra` the shift, `rn` is Q.  The value is the 64-bit
 * pattern AdvSIMDExpandImm gives.
 */
static inline uint64_t replicate16(uint64_t v)
{
    return v * UINT64_C(0x0001000100010001);
}

static inline uint64_t replicate32(uint64_t v)
{
    return v | (v << 32);
}

static inline uint64_t shifted16(const struct a64_simd_op *op)
{
    return replicate16((uint64_t)op->imm << op->ra);
}

static inline uint64_t shifted32(const struct a64_simd_op *op)
{
    return replicate32((uint64_t)op->imm << op->ra);
}

/* "Shift ones in": MSL. */
static inline uint64_t shifted_ones(const struct a64_simd_op *op)
{
    return replicate32(((uint64_t)op->imm << op->ra) | ((UINT64_C(1) << op->ra) - 1u));
}

/* Each bit of the immediate is a byte of the result. */
static inline uint64_t byte_mask(const struct a64_simd_op *op)
{
    uint64_t v = 0;

    for (unsigned i = 0; i < 8; i++) {
        v |= ((op->imm >> i) & 1u) != 0 ? UINT64_C(0xff) << (8 * i) : 0;
    }
    return v;
}

#define IMMEDIATE(fn, expr)                                                                        \
    SIMD_FN(fn)                                                                                    \
    {                                                                                              \
        const uint64_t v = (expr);                                                                 \
        regs->v[op->rd].d[0] = v;                                                                  \
        regs->v[op->rd].d[1] = op->rn != 0 ? v : 0;                                                \
    }

IMMEDIATE(movi_8, op->imm *UINT64_C(0x0101010101010101))
IMMEDIATE(movi_16, shifted16(op))
IMMEDIATE(movi_32, shifted32(op))
IMMEDIATE(movi_64, byte_mask(op))
IMMEDIATE(movi_msl, shifted_ones(op))
IMMEDIATE(mvni_16, ~shifted16(op))
IMMEDIATE(mvni_32, ~shifted32(op))
IMMEDIATE(mvni_msl, ~shifted_ones(op))
IMMEDIATE(fmov_vimm_h, replicate16(fp_expand_imm16(op->imm)))
IMMEDIATE(fmov_vimm_s, replicate32(fp_expand_imm32(op->imm)))
IMMEDIATE(fmov_vimm_d, fp_expand_imm64(op->imm))

#define IMMEDIATE_UPDATE(fn, expr)                                                                 \
    SIMD_FN(fn)                                                                                    \
    {                                                                                              \
        union a64_vreg *vd = &regs->v[op->rd];                                                     \
        for (unsigned i = 0; i < 2; i++) {                                                         \
            const uint64_t d = vd->d[i];                                                           \
            vd->d[i] = (expr);                                                                     \
        }                                                                                          \
        vd->d[1] = op->rn != 0 ? vd->d[1] : 0;                                                     \
    }

IMMEDIATE_UPDATE(orr_imm_16, d | shifted16(op))
IMMEDIATE_UPDATE(orr_imm_32, d | shifted32(op))
IMMEDIATE_UPDATE(bic_imm_16, d & ~shifted16(op))
IMMEDIATE_UPDATE(bic_imm_32, d & ~shifted32(op))
