/* Scalar floating point, and moves and conversions between it and the general registers. */
#include "fp.h"
#include "simd_imm.h"
#include "simd_lanes.h"

#define FP_BEGIN     struct fp_env env = {regs->fpcr, regs->fpsr};
#define FP_END       regs->fpsr = env.fpsr;

#define SIGN_h       0x8000u
#define SIGN_s       0x80000000u
#define SIGN_d       (UINT64_C(1) << 63)

#define FLIP(f, v)   ((lane_##f)((v) ^ SIGN_##f))
#define UNSIGN(f, v) ((lane_##f)((v) & (lane_##f) ~SIGN_##f))

/* A scalar result clears the rest of the register. */
static inline void put(struct a64_regs *regs, unsigned rd, uint64_t v)
{
    regs->v[rd].d[0] = v;
    regs->v[rd].d[1] = 0;
}

/* a, b, c: the sources' lowest element in Vn, Vm and Va. */
#define SCALAR(fn, f, P, expr)                                                                     \
    SIMD_FN(fn##_##f)                                                                              \
    {                                                                                              \
        const lane_##f a = regs->v[op->rn].f[0];                                                   \
        const lane_##f b = regs->v[op->rm].f[0];                                                   \
        FP_BEGIN(void) b;                                                                          \
        const lane_##f r = (lane_##f)(expr(f, P));                                                 \
        FP_END                                                                                     \
        put(regs, op->rd, r);                                                                      \
    }
#define SCALAR3(fn, expr)                                                                          \
    SCALAR(fn, h, fp16, expr)                                                                      \
    SCALAR(fn, s, fp32, expr)                                                                      \
    SCALAR(fn, d, fp64, expr)

#define THIRD(f)      regs->v[op->ra].f[0]
#define X_ADD(f, P)   P##_add(a, b, &env)
#define X_SUB(f, P)   P##_sub(a, b, &env)
#define X_MUL(f, P)   P##_mul(a, b, &env)
#define X_DIV(f, P)   P##_div(a, b, &env)
#define X_MAX(f, P)   P##_max(a, b, &env)
#define X_MIN(f, P)   P##_min(a, b, &env)
#define X_MAXNM(f, P) P##_maxnm(a, b, &env)
#define X_MINNM(f, P) P##_minnm(a, b, &env)
#define X_NMUL(f, P)  FLIP(f, P##_mul(a, b, &env))
#define X_MADD(f, P)  P##_muladd(THIRD(f), a, b, &env)
#define X_MSUB(f, P)  P##_muladd(THIRD(f), FLIP(f, a), b, &env)
#define X_NMADD(f, P) P##_muladd(FLIP(f, THIRD(f)), FLIP(f, a), b, &env)
#define X_NMSUB(f, P) P##_muladd(FLIP(f, THIRD(f)), a, b, &env)
#define X_SQRT(f, P)  P##_sqrt(a, &env)

SCALAR3(fadd1, X_ADD)
SCALAR3(fsub1, X_SUB)
SCALAR3(fmul1, X_MUL)
SCALAR3(fdiv1, X_DIV)
SCALAR3(fmax1, X_MAX)
SCALAR3(fmin1, X_MIN)
SCALAR3(fmaxnm1, X_MAXNM)
SCALAR3(fminnm1, X_MINNM)
SCALAR3(fnmul1, X_NMUL)
SCALAR3(fmadd1, X_MADD)
SCALAR3(fmsub1, X_MSUB)
SCALAR3(fnmadd1, X_NMADD)
SCALAR3(fnmsub1, X_NMSUB)
SCALAR3(fsqrt1, X_SQRT)

/* ConditionHolds */
static inline bool condition_holds(uint32_t nzcv, unsigned cond)
{
    const bool n = (nzcv >> 31) != 0;
    const bool z = (nzcv >> 30 & 1u) != 0;
    const bool c = (nzcv >> 29 & 1u) != 0;
    const bool v = (nzcv >> 28 & 1u) != 0;
    bool holds;

    switch (cond >> 1) {
    case 0:
        holds = z;
        break;
    case 1:
        holds = c;
        break;
    case 2:
        holds = n;
        break;
    case 3:
        holds = v;
        break;
    case 4:
        holds = c && !z;
        break;
    case 5:
        holds = n == v;
        break;
    case 6:
        holds = n == v && !z;
        break;
    default:
        return true; /* 1111 is "always", too */
    }
    return holds != ((cond & 1u) != 0);
}

/* Moves, comparisons and immediates: `imm` is cond, or nzcv << 4 | cond, or imm8. */
#define SCALAR_REST(f, P, bits)                                                                    \
    SIMD_FN(fmov1_##f)                                                                             \
    {                                                                                              \
        put(regs, op->rd, regs->v[op->rn].f[0]);                                                   \
    }                                                                                              \
    SIMD_FN(fabs1_##f)                                                                             \
    {                                                                                              \
        put(regs, op->rd, UNSIGN(f, regs->v[op->rn].f[0]));                                        \
    }                                                                                              \
    SIMD_FN(fneg1_##f)                                                                             \
    {                                                                                              \
        put(regs, op->rd, FLIP(f, regs->v[op->rn].f[0]));                                          \
    }                                                                                              \
    SIMD_FN(fmov_imm_##f)                                                                          \
    {                                                                                              \
        put(regs, op->rd, fp_expand_imm##bits(op->imm));                                           \
    }                                                                                              \
    SIMD_FN(fcsel_##f)                                                                             \
    {                                                                                              \
        const unsigned from = condition_holds(regs->nzcv, op->imm) ? op->rn : op->rm;              \
        put(regs, op->rd, regs->v[from].f[0]);                                                     \
    }                                                                                              \
    static inline void compare_##f(struct a64_regs *regs, lane_##f a, lane_##f b, bool signal)     \
    {                                                                                              \
        FP_BEGIN                                                                                   \
        regs->nzcv = P##_compare(a, b, signal, &env);                                              \
        FP_END                                                                                     \
    }                                                                                              \
    SIMD_FN(fcmp_##f)                                                                              \
    {                                                                                              \
        compare_##f(regs, regs->v[op->rn].f[0], regs->v[op->rm].f[0], false);                      \
    }                                                                                              \
    SIMD_FN(fcmpe_##f)                                                                             \
    {                                                                                              \
        compare_##f(regs, regs->v[op->rn].f[0], regs->v[op->rm].f[0], true);                       \
    }                                                                                              \
    SIMD_FN(fcmp0_##f)                                                                             \
    {                                                                                              \
        compare_##f(regs, regs->v[op->rn].f[0], 0, false);                                         \
    }                                                                                              \
    SIMD_FN(fcmpe0_##f)                                                                            \
    {                                                                                              \
        compare_##f(regs, regs->v[op->rn].f[0], 0, true);                                          \
    }                                                                                              \
    SIMD_FN(fccmp_##f)                                                                             \
    {                                                                                              \
        if (condition_holds(regs->nzcv, op->imm & 15u)) {                                          \
            compare_##f(regs, regs->v[op->rn].f[0], regs->v[op->rm].f[0], false);                  \
        } else {                                                                                   \
            regs->nzcv = (uint32_t)(op->imm >> 4) << 28;                                           \
        }                                                                                          \
    }                                                                                              \
    SIMD_FN(fccmpe_##f)                                                                            \
    {                                                                                              \
        if (condition_holds(regs->nzcv, op->imm & 15u)) {                                          \
            compare_##f(regs, regs->v[op->rn].f[0], regs->v[op->rm].f[0], true);                   \
        } else {                                                                                   \
            regs->nzcv = (uint32_t)(op->imm >> 4) << 28;                                           \
        }                                                                                          \
    }

SCALAR_REST(h, fp16, 16)
SCALAR_REST(s, fp32, 32)
SCALAR_REST(d, fp64, 64)

/* FCVT: fcvt_ and the letters of the destination and of the source. */
#define FCVT(fn, to, from, call)                                                                   \
    SIMD_FN(fn)                                                                                    \
    {                                                                                              \
        const lane_##from a = regs->v[op->rn].from[0];                                             \
        FP_BEGIN                                                                                   \
        const lane_##to r = call;                                                                  \
        FP_END                                                                                     \
        put(regs, op->rd, r);                                                                      \
    }

FCVT(fcvt_hs, h, s, fp32_to_fp16(a, &env))
FCVT(fcvt_hd, h, d, fp64_to_fp16(a, &env))
FCVT(fcvt_sh, s, h, fp16_to_fp32(a, &env))
FCVT(fcvt_sd, s, d, fp64_to_fp32(a, fp_mode(&env), &env))
FCVT(fcvt_dh, d, h, fp16_to_fp64(a, &env))
FCVT(fcvt_ds, d, s, fp32_to_fp64(a, &env))

/* General registers: `imm` is an enum fp_rounding, `rm` the number of fraction bits. */
#define TO_GENERAL(fn, f, P, is_unsigned, width)                                                   \
    SIMD_FN(fn##_##f)                                                                              \
    {                                                                                              \
        FP_BEGIN                                                                                   \
        const enum fp_rounding mode =                                                              \
            op->imm == FP_CURRENT ? fp_mode(&env) : (enum fp_rounding)op->imm;                     \
        regs->x[op->rd] =                                                                          \
            P##_to_fixed(regs->v[op->rn].f[0], op->rm, is_unsigned, width, mode, &env);            \
        FP_END                                                                                     \
    }
#define FROM_GENERAL(fn, f, P, is_unsigned, T)                                                     \
    SIMD_FN(fn##_##f)                                                                              \
    {                                                                                              \
        FP_BEGIN                                                                                   \
        const uint64_t r = P##_from_fixed((uint64_t)(T)regs->x[op->rn], op->rm, is_unsigned,       \
                                          fp_mode(&env), &env);                                    \
        FP_END                                                                                     \
        put(regs, op->rd, r);                                                                      \
    }
#define GENERAL(f, P)                                                                              \
    TO_GENERAL(fcvts_w, f, P, false, 32)                                                           \
    TO_GENERAL(fcvts_x, f, P, false, 64)                                                           \
    TO_GENERAL(fcvtu_w, f, P, true, 32)                                                            \
    TO_GENERAL(fcvtu_x, f, P, true, 64)                                                            \
    FROM_GENERAL(scvtf_w, f, P, false, int32_t)                                                    \
    FROM_GENERAL(scvtf_x, f, P, false, int64_t)                                                    \
    FROM_GENERAL(ucvtf_w, f, P, true, uint32_t)                                                    \
    FROM_GENERAL(ucvtf_x, f, P, true, uint64_t)                                                    \
    SIMD_FN(fmov_to_gen_##f)                                                                       \
    {                                                                                              \
        regs->x[op->rd] = regs->v[op->rn].f[0];                                                    \
    }                                                                                              \
    SIMD_FN(fmov_from_gen_##f)                                                                     \
    {                                                                                              \
        put(regs, op->rd, (lane_##f)regs->x[op->rn]);                                              \
    }

GENERAL(h, fp16)
GENERAL(s, fp32)
GENERAL(d, fp64)

SIMD_FN(fmov_to_gen_top)
{
    regs->x[op->rd] = regs->v[op->rn].d[1];
}

SIMD_FN(fmov_from_gen_top)
{
    regs->v[op->rd].d[1] = regs->x[op->rn];
}

SIMD_FN(fjcvtzs)
{
    bool z = false;
    FP_BEGIN

    regs->x[op->rd] = fp64_to_int32_js(regs->v[op->rn].d[0], &z, &env);
    regs->nzcv = z ? 1u << 30 : 0;
    FP_END
}
