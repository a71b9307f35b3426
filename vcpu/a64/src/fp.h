/*
 * Floating point as DDI 0487 J1.3 ("shared/functions/float") defines it, in integer arithmetic.
 *
 * Values are bit patterns.  Each function exists for half (fp16_), single (fp32_) and double
 * (fp64_) precision unless its name says otherwise.  An environment carries FPCR in and the
 * cumulative FPSR flags in and out; trapped exceptions do not exist (FPCR bits 15:8 are RES0 then).
 */
#ifndef VML_A64_FP_H
#define VML_A64_FP_H

#include <stdbool.h>
#include <stdint.h>

#define FPCR_FZ16        (1u << 19)
#define FPCR_RMODE_SHIFT 22u
#define FPCR_RMODE       (3u << FPCR_RMODE_SHIFT)
#define FPCR_FZ          (1u << 24)
#define FPCR_DN          (1u << 25)
#define FPCR_AHP         (1u << 26)

#define FPSR_IOC         (1u << 0)
#define FPSR_DZC         (1u << 1)
#define FPSR_OFC         (1u << 2)
#define FPSR_UFC         (1u << 3)
#define FPSR_IXC         (1u << 4)
#define FPSR_IDC         (1u << 7)
#define FPSR_QC          (1u << 27)

/* The first four are FPCR.RMode's encodings. */
enum fp_rounding {
    FP_TIEEVEN = 0,
    FP_POSINF = 1,
    FP_NEGINF = 2,
    FP_TOZERO = 3,
    FP_TIEAWAY = 4,
    FP_ODD = 5,
    FP_CURRENT = 6, /* in decoded operations only: take FPCR.RMode */
};

struct fp_env {
    uint32_t fpcr;
    uint32_t fpsr;
};

static inline enum fp_rounding fp_mode(const struct fp_env *env)
{
    return (enum fp_rounding)((env->fpcr & FPCR_RMODE) >> FPCR_RMODE_SHIFT);
}

/* FPCompare's result, which is PSTATE.{N,Z,C,V} in bits 31:28. */
#define FP_CMP_EQ        0x60000000u
#define FP_CMP_LT        0x80000000u
#define FP_CMP_GT        0x20000000u
#define FP_CMP_UNORDERED 0x30000000u

/* What is declared alike for the three precisions: P is the prefix, T the bit pattern's type. */
#define FP_DECLARE(P, T)                                                                           \
    T P##_add(T a, T b, struct fp_env *env);                                                       \
    T P##_sub(T a, T b, struct fp_env *env);                                                       \
    T P##_mul(T a, T b, struct fp_env *env);                                                       \
    T P##_mulx(T a, T b, struct fp_env *env);                                                      \
    T P##_div(T a, T b, struct fp_env *env);                                                       \
    T P##_max(T a, T b, struct fp_env *env);                                                       \
    T P##_min(T a, T b, struct fp_env *env);                                                       \
    T P##_maxnm(T a, T b, struct fp_env *env);                                                     \
    T P##_minnm(T a, T b, struct fp_env *env);                                                     \
    T P##_muladd(T addend, T a, T b, struct fp_env *env);                                          \
    T P##_recip_step(T a, T b, struct fp_env *env);                                                \
    T P##_rsqrt_step(T a, T b, struct fp_env *env);                                                \
    T P##_sqrt(T a, struct fp_env *env);                                                           \
    T P##_recip_estimate(T a, struct fp_env *env);                                                 \
    T P##_rsqrt_estimate(T a, struct fp_env *env);                                                 \
    T P##_recpx(T a, struct fp_env *env);                                                          \
    T P##_round_int(T a, enum fp_rounding mode, bool exact, struct fp_env *env);                   \
    uint32_t P##_compare(T a, T b, bool signal_nans, struct fp_env *env);                          \
    /* To an integer of `width` (16, 32, 64) bits, saturating; the result is zero-extended. */     \
    uint64_t P##_to_fixed(T a, unsigned fbits, bool is_unsigned, unsigned width,                   \
                          enum fp_rounding mode, struct fp_env *env);                              \
    /* From a sign- or zero-extended 64-bit integer. */                                            \
    T P##_from_fixed(uint64_t value, unsigned fbits, bool is_unsigned, enum fp_rounding mode,      \
                     struct fp_env *env);

FP_DECLARE(fp16, uint16_t)
FP_DECLARE(fp32, uint32_t)
FP_DECLARE(fp64, uint64_t)

/* FPRoundIntN: to an integral value that fits in `intsize` (32, 64) bits, signed. */
uint32_t fp32_round_int_n(uint32_t a, enum fp_rounding mode, unsigned intsize, struct fp_env *env);
uint64_t fp64_round_int_n(uint64_t a, enum fp_rounding mode, unsigned intsize, struct fp_env *env);

/* FPMulAddH: the factors are half, the sum is single precision. */
uint32_t fp32_muladd_h(uint32_t addend, uint16_t a, uint16_t b, struct fp_env *env);

/* FPConvert.  Half precision follows FPCR.AHP and ignores FPCR.FZ16. */
uint16_t fp32_to_fp16(uint32_t a, struct fp_env *env);
uint16_t fp64_to_fp16(uint64_t a, struct fp_env *env);
uint32_t fp16_to_fp32(uint16_t a, struct fp_env *env);
uint32_t fp64_to_fp32(uint64_t a, enum fp_rounding mode, struct fp_env *env);
uint64_t fp16_to_fp64(uint16_t a, struct fp_env *env);
uint64_t fp32_to_fp64(uint32_t a, struct fp_env *env);

/* FPToFixedJS: modulo 2^32; *z is the Z flag of FJCVTZS. */
uint32_t fp64_to_int32_js(uint64_t a, bool *z, struct fp_env *env);

/* UnsignedRecipEstimate and UnsignedRSqrtEstimate. */
uint32_t fp_unsigned_recip_estimate(uint32_t a);
uint32_t fp_unsigned_rsqrt_estimate(uint32_t a);

#endif
