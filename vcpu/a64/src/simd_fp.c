/*
 * Floating point on vectors, and on the scalars of the Advanced SIMD classes: half, single and
 * double precision, `ra` lanes, the rest of Vd zeroed.
 */
#include "fp.h"
#include "simd_lanes.h"

#define FP_BEGIN struct fp_env env = {regs->fpcr, regs->fpsr};
#define FP_END   regs->fpsr = env.fpsr;

#define SIGN_h   0x8000u
#define SIGN_s   0x80000000u
#define SIGN_d   (UINT64_C(1) << 63)

/* a and b are the lanes of the sources, d that of the old destination; P is the precision. */
#define FP_LANES(fn, f, P, M, expr)                                                                \
    SIMD_FN(fn##_##f)                                                                              \
    {                                                                                              \
        const union a64_vreg vn = regs->v[op->rn];                                                 \
        const union a64_vreg vm = regs->v[op->rm];                                                 \
        const union a64_vreg vd = regs->v[op->rd];                                                 \
        union a64_vreg r = {.d = {0, 0}};                                                          \
        FP_BEGIN                                                                                   \
        for (unsigned i = 0; i < op->ra; i++) {                                                    \
            const lane_##f a = vn.f[i];                                                            \
            const lane_##f b = vm.f[M];                                                            \
            const lane_##f d = vd.f[i];                                                            \
            (void)b;                                                                               \
            (void)d;                                                                               \
            r.f[i] = (lane_##f)(expr(f, P));                                                       \
        }                                                                                          \
        regs->v[op->rd] = r;                                                                       \
        FP_END                                                                                     \
    }
#define FP_LANES3(fn, expr)                                                                        \
    FP_LANES(fn, h, fp16, i, expr)                                                                 \
    FP_LANES(fn, s, fp32, i, expr)                                                                 \
    FP_LANES(fn, d, fp64, i, expr)
#define FP_LANES3_E(fn, expr)                                                                      \
    FP_LANES(fn, h, fp16, op->imm, expr)                                                           \
    FP_LANES(fn, s, fp32, op->imm, expr)                                                           \
    FP_LANES(fn, d, fp64, op->imm, expr)

#define FLIP(f, v)   ((lane_##f)((v) ^ SIGN_##f))
#define UNSIGN(f, v) ((lane_##f)((v) & (lane_##f) ~SIGN_##f))
#define MASK(c)      ((c) ? UINT64_MAX : 0)

static inline uint64_t at_least(uint32_t comparison)
{
    return MASK(comparison == FP_CMP_EQ || comparison == FP_CMP_GT);
}

#define X_ADD(f, P)         P##_add(a, b, &env)
#define X_SUB(f, P)         P##_sub(a, b, &env)
#define X_MUL(f, P)         P##_mul(a, b, &env)
#define X_MULX(f, P)        P##_mulx(a, b, &env)
#define X_DIV(f, P)         P##_div(a, b, &env)
#define X_MAX(f, P)         P##_max(a, b, &env)
#define X_MIN(f, P)         P##_min(a, b, &env)
#define X_MAXNM(f, P)       P##_maxnm(a, b, &env)
#define X_MINNM(f, P)       P##_minnm(a, b, &env)
#define X_ABD(f, P)         UNSIGN(f, P##_sub(a, b, &env))
#define X_RECPS(f, P)       P##_recip_step(a, b, &env)
#define X_RSQRTS(f, P)      P##_rsqrt_step(a, b, &env)
#define X_MLA(f, P)         P##_muladd(d, a, b, &env)
#define X_MLS(f, P)         P##_muladd(d, FLIP(f, a), b, &env)
#define X_CMEQ(f, P)        MASK(P##_compare(a, b, false, &env) == FP_CMP_EQ)
#define GREATER(f, P, x, y) MASK(P##_compare(x, y, true, &env) == FP_CMP_GT)
#define X_CMGE(f, P)        at_least(P##_compare(a, b, true, &env))
#define X_CMGT(f, P)        GREATER(f, P, a, b)
#define X_ACGE(f, P)        at_least(P##_compare(UNSIGN(f, a), UNSIGN(f, b), true, &env))
#define X_ACGT(f, P)        GREATER(f, P, UNSIGN(f, a), UNSIGN(f, b))
#define X_CMEQ0(f, P)       MASK(P##_compare(a, 0, false, &env) == FP_CMP_EQ)
#define X_CMGE0(f, P)       at_least(P##_compare(a, 0, true, &env))
#define X_CMGT0(f, P)       GREATER(f, P, a, 0)
#define X_CMLE0(f, P)       at_least(P##_compare(0, a, true, &env))
#define X_CMLT0(f, P)       GREATER(f, P, 0, a)
#define X_ABS(f, P)         UNSIGN(f, a)
#define X_NEG(f, P)         FLIP(f, a)
#define X_SQRT(f, P)        P##_sqrt(a, &env)
#define X_RECPE(f, P)       P##_recip_estimate(a, &env)
#define X_RSQRTE(f, P)      P##_rsqrt_estimate(a, &env)
#define X_RECPX(f, P)       P##_recpx(a, &env)

FP_LANES3(fadd, X_ADD)
FP_LANES3(fsub, X_SUB)
FP_LANES3(fmul, X_MUL)
FP_LANES3(fmulx, X_MULX)
FP_LANES3(fdiv, X_DIV)
FP_LANES3(fmax, X_MAX)
FP_LANES3(fmin, X_MIN)
FP_LANES3(fmaxnm, X_MAXNM)
FP_LANES3(fminnm, X_MINNM)
FP_LANES3(fabd, X_ABD)
FP_LANES3(frecps, X_RECPS)
FP_LANES3(frsqrts, X_RSQRTS)
FP_LANES3(fmla, X_MLA)
FP_LANES3(fmls, X_MLS)
FP_LANES3(fcmeq, X_CMEQ)
FP_LANES3(fcmge, X_CMGE)
FP_LANES3(fcmgt, X_CMGT)
FP_LANES3(facge, X_ACGE)
FP_LANES3(facgt, X_ACGT)
FP_LANES3(fcmeq0, X_CMEQ0)
FP_LANES3(fcmge0, X_CMGE0)
FP_LANES3(fcmgt0, X_CMGT0)
FP_LANES3(fcmle0, X_CMLE0)
FP_LANES3(fcmlt0, X_CMLT0)
FP_LANES3(fabs, X_ABS)
FP_LANES3(fneg, X_NEG)
FP_LANES3(fsqrt, X_SQRT)
FP_LANES3(frecpe, X_RECPE)
FP_LANES3(frsqrte, X_RSQRTE)
FP_LANES3(frecpx, X_RECPX)
FP_LANES3_E(fmla_e, X_MLA)
FP_LANES3_E(fmls_e, X_MLS)
FP_LANES3_E(fmul_e, X_MUL)
FP_LANES3_E(fmulx_e, X_MULX)

/* `imm` is an enum fp_rounding; FRINTX has bit 7 set: it signals inexactness. */
static inline enum fp_rounding rounding(const struct a64_simd_op *op, const struct fp_env *env)
{
    const unsigned mode = op->imm & 7u;

    return mode == FP_CURRENT ? fp_mode(env) : (enum fp_rounding)mode;
}

#define X_RINT(f, P) P##_round_int(a, rounding(op, &env), (op->imm & 0x80u) != 0, &env)
#define X_CVTS(f, P)                                                                               \
    P##_to_fixed(a, op->rm, false, 8u * (unsigned)sizeof(lane_##f), rounding(op, &env), &env)
#define X_CVTU(f, P)                                                                               \
    P##_to_fixed(a, op->rm, true, 8u * (unsigned)sizeof(lane_##f), rounding(op, &env), &env)
#define X_SCVTF(f, P)                                                                              \
    P##_from_fixed((uint64_t)simd_sext(a, 8u * (unsigned)sizeof(lane_##f)), op->rm, false,         \
                   fp_mode(&env), &env)
#define X_UCVTF(f, P)  P##_from_fixed(a, op->rm, true, fp_mode(&env), &env)
#define X_RINT_N(f, P) P##_round_int_n(a, rounding(op, &env), op->rm, &env)

/* In these `rm` is the number of fraction bits (or, for the last two, of integer bits). */
#define FP_UNARY3(fn, expr)                                                                        \
    FP_UNARY(fn, h, fp16, expr)                                                                    \
    FP_UNARY(fn, s, fp32, expr)                                                                    \
    FP_UNARY(fn, d, fp64, expr)
#define FP_UNARY(fn, f, P, expr)                                                                   \
    SIMD_FN(fn##_##f)                                                                              \
    {                                                                                              \
        const union a64_vreg vn = regs->v[op->rn];                                                 \
        union a64_vreg r = {.d = {0, 0}};                                                          \
        FP_BEGIN                                                                                   \
        for (unsigned i = 0; i < op->ra; i++) {                                                    \
            const lane_##f a = vn.f[i];                                                            \
            r.f[i] = (lane_##f)(expr(f, P));                                                       \
        }                                                                                          \
        regs->v[op->rd] = r;                                                                       \
        FP_END                                                                                     \
    }

FP_UNARY3(frint, X_RINT)
FP_UNARY3(fcvts, X_CVTS)
FP_UNARY3(fcvtu, X_CVTU)
FP_UNARY3(scvtf, X_SCVTF)
FP_UNARY3(ucvtf, X_UCVTF)
FP_UNARY(frint_n, s, fp32, X_RINT_N)
FP_UNARY(frint_n, d, fp64, X_RINT_N)

/* Pairwise over Vm:Vn, `ra` lanes of result. */
#define FP_PAIRWISE(fn, f, P, function)                                                            \
    SIMD_FN(fn##_##f)                                                                              \
    {                                                                                              \
        const union a64_vreg vn = regs->v[op->rn];                                                 \
        const union a64_vreg vm = regs->v[op->rm];                                                 \
        const unsigned half = op->ra / 2u;                                                         \
        union a64_vreg r = {.d = {0, 0}};                                                          \
        FP_BEGIN                                                                                   \
        for (unsigned i = 0; i < half; i++) {                                                      \
            r.f[i] = P##_##function(vn.f[2 * i], vn.f[2 * i + 1], &env);                           \
        }                                                                                          \
        for (unsigned i = 0; i < half; i++) {                                                      \
            r.f[half + i] = P##_##function(vm.f[2 * i], vm.f[2 * i + 1], &env);                    \
        }                                                                                          \
        regs->v[op->rd] = r;                                                                       \
        FP_END                                                                                     \
    }                                                                                              \
    SIMD_FN(fn##_scalar_##f)                                                                       \
    {                                                                                              \
        const union a64_vreg vn = regs->v[op->rn];                                                 \
        union a64_vreg r = {.d = {0, 0}};                                                          \
        FP_BEGIN                                                                                   \
        r.f[0] = P##_##function(vn.f[0], vn.f[1], &env);                                           \
        regs->v[op->rd] = r;                                                                       \
        FP_END                                                                                     \
    }
#define FP_PAIRWISE3(fn, function)                                                                 \
    FP_PAIRWISE(fn, h, fp16, function)                                                             \
    FP_PAIRWISE(fn, s, fp32, function)                                                             \
    FP_PAIRWISE(fn, d, fp64, function)

FP_PAIRWISE3(faddp, add)
FP_PAIRWISE3(fmaxp, max)
FP_PAIRWISE3(fminp, min)
FP_PAIRWISE3(fmaxnmp, maxnm)
FP_PAIRWISE3(fminnmp, minnm)

/* Reduce() halves the vector: neighbours first, then neighbours of the results. */
#define FP_ACROSS(fn, f, P, function)                                                              \
    SIMD_FN(fn##_##f)                                                                              \
    {                                                                                              \
        union a64_vreg v = regs->v[op->rn];                                                        \
        union a64_vreg r = {.d = {0, 0}};                                                          \
        FP_BEGIN                                                                                   \
        for (unsigned count = op->ra / 2u; count != 0; count /= 2u) {                              \
            for (unsigned i = 0; i < count; i++) {                                                 \
                v.f[i] = P##_##function(v.f[2 * i], v.f[2 * i + 1], &env);                         \
            }                                                                                      \
        }                                                                                          \
        r.f[0] = v.f[0];                                                                           \
        regs->v[op->rd] = r;                                                                       \
        FP_END                                                                                     \
    }
#define FP_ACROSS2(fn, function)                                                                   \
    FP_ACROSS(fn, h, fp16, function)                                                               \
    FP_ACROSS(fn, s, fp32, function)

FP_ACROSS2(fmaxv, max)
FP_ACROSS2(fminv, min)
FP_ACROSS2(fmaxnmv, maxnm)
FP_ACROSS2(fminnmv, minnm)

/* Conversions between precisions; `ra` has SIMD_UPPER for the "2" forms, and FCVTXN a count. */
static void store_narrow(struct a64_regs *regs, const struct a64_simd_op *op, union a64_vreg r)
{
    if ((op->ra & SIMD_UPPER) != 0) {
        regs->v[op->rd].d[1] = r.d[0];
    } else {
        regs->v[op->rd] = r;
    }
}

SIMD_FN(fcvtn_h)
{
    const union a64_vreg n = regs->v[op->rn];
    union a64_vreg r = {.d = {0, 0}};
    FP_BEGIN

    for (unsigned i = 0; i < 4; i++) {
        r.h[i] = fp32_to_fp16(n.s[i], &env);
    }
    store_narrow(regs, op, r);
    FP_END
}

SIMD_FN(fcvtn_s)
{
    const union a64_vreg n = regs->v[op->rn];
    union a64_vreg r = {.d = {0, 0}};
    FP_BEGIN

    for (unsigned i = 0; i < 2; i++) {
        r.s[i] = fp64_to_fp32(n.d[i], fp_mode(&env), &env);
    }
    store_narrow(regs, op, r);
    FP_END
}

SIMD_FN(fcvtxn)
{
    const union a64_vreg n = regs->v[op->rn];
    const unsigned count = op->ra & SIMD_COUNT;
    union a64_vreg r = {.d = {0, 0}};
    FP_BEGIN

    for (unsigned i = 0; i < count; i++) {
        r.s[i] = fp64_to_fp32(n.d[i], FP_ODD, &env);
    }
    store_narrow(regs, op, r);
    FP_END
}

SIMD_FN(fcvtl_h)
{
    const union a64_vreg n = regs->v[op->rn];
    const unsigned part = (op->ra & SIMD_UPPER) != 0 ? 4 : 0;
    FP_BEGIN

    for (unsigned i = 0; i < 4; i++) {
        regs->v[op->rd].s[i] = fp16_to_fp32(n.h[part + i], &env);
    }
    FP_END
}

SIMD_FN(fcvtl_s)
{
    const union a64_vreg n = regs->v[op->rn];
    const unsigned part = (op->ra & SIMD_UPPER) != 0 ? 2 : 0;
    FP_BEGIN

    for (unsigned i = 0; i < 2; i++) {
        regs->v[op->rd].d[i] = fp32_to_fp64(n.s[part + i], &env);
    }
    FP_END
}

/*
 * Complex numbers: even lanes are real, odd lanes imaginary.  `imm` is the rotation in quarter
 * turns: 1 or 3 for FCADD, 0 to 3 for FCMLA.  For FCMLA by element `imm` also has the pair's index
 * from bit 8.
 */
#define FCADD(f, P)                                                                                \
    SIMD_FN(fcadd_##f)                                                                             \
    {                                                                                              \
        const union a64_vreg n = regs->v[op->rn];                                                  \
        const union a64_vreg m = regs->v[op->rm];                                                  \
        const bool quarter = op->imm == 1;                                                         \
        union a64_vreg r = {.d = {0, 0}};                                                          \
        FP_BEGIN                                                                                   \
        for (unsigned i = 0; i < op->ra; i += 2) {                                                 \
            const lane_##f re = quarter ? FLIP(f, m.f[i + 1]) : m.f[i + 1];                        \
            const lane_##f im = quarter ? m.f[i] : FLIP(f, m.f[i]);                                \
            r.f[i] = P##_add(n.f[i], re, &env);                                                    \
            r.f[i + 1] = P##_add(n.f[i + 1], im, &env);                                            \
        }                                                                                          \
        regs->v[op->rd] = r;                                                                       \
        FP_END                                                                                     \
    }

#define FCMLA(fn, f, P, M)                                                                         \
    SIMD_FN(fn##_##f)                                                                              \
    {                                                                                              \
        const union a64_vreg n = regs->v[op->rn];                                                  \
        const union a64_vreg m = regs->v[op->rm];                                                  \
        const union a64_vreg d = regs->v[op->rd];                                                  \
        const unsigned rot = op->imm & 3u;                                                         \
        const unsigned odd = rot & 1u;                                                             \
        union a64_vreg r = {.d = {0, 0}};                                                          \
        FP_BEGIN                                                                                   \
        for (unsigned i = 0; i < op->ra; i += 2) {                                                 \
            const lane_##f a = n.f[i + odd];                                                       \
            const lane_##f m_re = m.f[(M) + odd];                                                  \
            const lane_##f m_im = m.f[(M) + 1u - odd];                                             \
            const lane_##f re = rot == 1 || rot == 2 ? FLIP(f, m_re) : m_re;                       \
            const lane_##f im = rot >= 2 ? FLIP(f, m_im) : m_im;                                   \
            r.f[i] = P##_muladd(d.f[i], a, re, &env);                                              \
            r.f[i + 1] = P##_muladd(d.f[i + 1], a, im, &env);                                      \
        }                                                                                          \
        regs->v[op->rd] = r;                                                                       \
        FP_END                                                                                     \
    }

FCADD(h, fp16)
FCADD(s, fp32)
FCADD(d, fp64)
FCMLA(fcmla, h, fp16, i)
FCMLA(fcmla, s, fp32, i)
FCMLA(fcmla, d, fp64, i)
FCMLA(fcmla_e, h, fp16, 2u * (op->imm >> 8))
FCMLA(fcmla_e, s, fp32, 2u * (op->imm >> 8))

/* FMLAL and its kind: `ra` lanes of single precision, SIMD_UPPER reads the upper halves of them. */
#define FMLAL(fn, M, negate)                                                                       \
    SIMD_FN(fn)                                                                                    \
    {                                                                                              \
        const union a64_vreg n = regs->v[op->rn];                                                  \
        const union a64_vreg m = regs->v[op->rm];                                                  \
        const union a64_vreg d = regs->v[op->rd];                                                  \
        const unsigned count = op->ra & SIMD_COUNT;                                                \
        const unsigned part = (op->ra & SIMD_UPPER) != 0 ? count : 0;                              \
        union a64_vreg r = {.d = {0, 0}};                                                          \
        FP_BEGIN                                                                                   \
        for (unsigned i = 0; i < count; i++) {                                                     \
            const lane_h a = n.h[part + i];                                                        \
            r.s[i] = fp32_muladd_h(d.s[i], (negate) ? FLIP(h, a) : a, m.h[M], &env);               \
        }                                                                                          \
        regs->v[op->rd] = r;                                                                       \
        FP_END                                                                                     \
    }

FMLAL(fmlal, part + i, false)
FMLAL(fmlsl, part + i, true)
FMLAL(fmlal_e, op->imm, false)
FMLAL(fmlsl_e, op->imm, true)
