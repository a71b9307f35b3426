/*
 * The host's own arithmetic for the common case.
 *
 * It is used when the guest rounds to nearest, does not flush, and has IXC set already, so that
 * whether this result is exact does not matter.  A result is taken only if it is a normal number
 * above the smallest one: then no operand was a NaN or an infinity, nothing overflowed, nothing was
 * tiny before rounding, and IEEE 754 leaves one answer for a host in its default mode.  For the
 * types used here the host must evaluate in the operands' own format (FLT_EVAL_METHOD 0), which
 * SSE2 and AArch64 do; everything else takes the integer path.
 */
#ifndef VML_A64_FP_HOST_H
#define VML_A64_FP_HOST_H

#include "fp_core.h"

#if defined(__x86_64__) && defined(__SSE2_MATH__)
#define FP_HOST 1
#elif defined(__aarch64__) && defined(__ARM_FP) && (__ARM_FP & 0xc) == 0xc
#define FP_HOST 1
#else
#define FP_HOST 0
#endif

#if FP_HOST

FP_INLINE bool fp_host_usable(const struct fp_env *env)
{
    return ((env->fpcr & (FPCR_RMODE | FPCR_FZ)) | (~env->fpsr & FPSR_IXC)) == 0;
}

FP_INLINE bool fp_host_normal(enum fp_format f, uint64_t bits)
{
    const unsigned exp = (unsigned)(bits >> fp_frac_bits(f)) & (unsigned)fp_exp_max(f);

    return exp - 2u < (unsigned)fp_exp_max(f) - 2u;
}

FP_INLINE float fp_host_float(uint32_t bits)
{
    float v;
    __builtin_memcpy(&v, &bits, sizeof(v));
    return v;
}

FP_INLINE double fp_host_double(uint64_t bits)
{
    double v;
    __builtin_memcpy(&v, &bits, sizeof(v));
    return v;
}

FP_INLINE uint32_t fp_host_bits32(float v)
{
    uint32_t bits;
    __builtin_memcpy(&bits, &v, sizeof(bits));
    return bits;
}

FP_INLINE uint64_t fp_host_bits64(double v)
{
    uint64_t bits;
    __builtin_memcpy(&bits, &v, sizeof(bits));
    return bits;
}

/* An instruction, never a call to libm (the builtin would set errno). */
FP_INLINE double fp_host_sqrt64(double v)
{
    double r;
#if defined(__x86_64__)
    __asm__("sqrtsd %1, %0" : "=x"(r) : "x"(v));
#else
    __asm__("fsqrt %d0, %d1" : "=w"(r) : "w"(v));
#endif
    return r;
}

FP_INLINE float fp_host_sqrt32(float v)
{
    float r;
#if defined(__x86_64__)
    __asm__("sqrtss %1, %0" : "=x"(r) : "x"(v));
#else
    __asm__("fsqrt %s0, %s1" : "=w"(r) : "w"(v));
#endif
    return r;
}

/* Returns from the calling function when the host's result will do. */
#define FP_TRY_HOST32(env, expr)                                                                   \
    if (fp_host_usable(env)) {                                                                     \
        const uint32_t host_bits = fp_host_bits32(expr);                                           \
        if (fp_host_normal(FP_S, host_bits)) {                                                     \
            return host_bits;                                                                      \
        }                                                                                          \
    }
#define FP_TRY_HOST64(env, expr)                                                                   \
    if (fp_host_usable(env)) {                                                                     \
        const uint64_t host_bits = fp_host_bits64(expr);                                           \
        if (fp_host_normal(FP_D, host_bits)) {                                                     \
            return host_bits;                                                                      \
        }                                                                                          \
    }

#else
#define FP_TRY_HOST32(env, expr)
#define FP_TRY_HOST64(env, expr)
#endif

#endif
