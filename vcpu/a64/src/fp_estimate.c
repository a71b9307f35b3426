/* FPRecipEstimate, FPRSqrtEstimate, FPRecpX and the unsigned estimates. */
#include "fp_core.h"

/* RecipEstimate: 256..511 for 256..511. */
static unsigned recip_estimate(unsigned a)
{
    return ((1u << 19) / (2u * a + 1u) + 1u) / 2u;
}

/* RecipSqrtEstimate: 256..511 for 128..511. */
static unsigned rsqrt_estimate(unsigned a)
{
    unsigned b = 512;

    a = a < 256 ? 2u * a + 1u : ((a & ~1u) + 1u) * 2u;
    /* The largest b with a * b * b < 2^28, found a bit at a time (b stays below 1024). */
    for (unsigned bit = 256; bit != 0; bit >>= 1) {
        const unsigned t = b + bit;
        if ((uint64_t)a * t * t < (1u << 28)) {
            b = t;
        }
    }
    return (b + 1u) / 2u;
}

/* The fraction aligned to 52 bits, as the pseudocode has it in every precision. */
FP_INLINE uint64_t fp_fraction52(enum fp_format f, uint64_t a)
{
    return (a & fp_frac_mask(f)) << (52 - fp_frac_bits(f));
}

#define FRACTION_TOP (UINT64_C(1) << 51)
#define FRACTION_ALL ((UINT64_C(1) << 52) - 1u)

FP_INLINE uint64_t fp_recip_estimate(enum fp_format f, uint64_t a, struct fp_env *env)
{
    const struct fp_num n = fp_unpack(f, a, env);

    if (fp_is_nan(n)) {
        return fp_process_nan(f, a, n.cls, env);
    }
    if (n.cls == FP_IS_INF) {
        return fp_zero(f, n.sign);
    }
    if (n.cls == FP_IS_ZERO) {
        env->fpsr |= FPSR_DZC;
        return fp_infinity(f, n.sign);
    }
    if (n.exp < -fp_bias(f) - 1) {
        return fp_overflow(f, n.sign, fp_mode(env), env);
    }
    if (fp_flushes(f, env) && n.exp >= fp_bias(f) - 1) {
        env->fpsr |= FPSR_UFC;
        return fp_zero(f, n.sign);
    }

    uint64_t fraction = fp_fraction52(f, a);
    int exp = (int)(a >> fp_frac_bits(f)) & fp_exp_max(f);
    if (exp == 0) {
        const bool top = (fraction & FRACTION_TOP) != 0;
        exp = top ? 0 : -1;
        fraction = (fraction << (top ? 1 : 2)) & FRACTION_ALL;
    }
    int result_exp = 2 * fp_bias(f) - 1 - exp;
    fraction = (uint64_t)(recip_estimate(0x100u | (unsigned)(fraction >> 44)) & 0xffu) << 44;
    if (result_exp == 0) {
        fraction = FRACTION_TOP | (fraction >> 1);
    } else if (result_exp == -1) {
        fraction = (FRACTION_TOP >> 1) | (fraction >> 2);
        result_exp = 0;
    }
    return fp_zero(f, n.sign) | ((uint64_t)result_exp << fp_frac_bits(f)) |
           (fraction >> (52 - fp_frac_bits(f)));
}

FP_INLINE uint64_t fp_rsqrt_estimate(enum fp_format f, uint64_t a, struct fp_env *env)
{
    const struct fp_num n = fp_unpack(f, a, env);

    if (fp_is_nan(n)) {
        return fp_process_nan(f, a, n.cls, env);
    }
    if (n.cls == FP_IS_ZERO) {
        env->fpsr |= FPSR_DZC;
        return fp_infinity(f, n.sign);
    }
    if (n.sign) {
        return fp_invalid(f, env);
    }
    if (n.cls == FP_IS_INF) {
        return fp_zero(f, false);
    }
    /* The unpacked significand is the fraction already normalised, denormal or not. */
    const unsigned fraction8 = (unsigned)(n.sig >> 54) & 0xffu;
    const int exp = n.exp + fp_bias(f);
    const unsigned scaled = (exp & 1) == 0 ? 0x100u | fraction8 : 0x80u | (fraction8 >> 1);
    const int result_exp = (3 * fp_bias(f) - 1 - exp) / 2;
    const uint64_t estimate = rsqrt_estimate(scaled) & 0xffu;
    return ((uint64_t)result_exp << fp_frac_bits(f)) | (estimate << (fp_frac_bits(f) - 8));
}

FP_INLINE uint64_t fp_recpx(enum fp_format f, uint64_t a, struct fp_env *env)
{
    const struct fp_num n = fp_unpack(f, a, env);
    const uint64_t exp_mask = fp_infinity(f, false);
    const uint64_t largest = fp_max_normal(f, false) & exp_mask;

    if (fp_is_nan(n)) {
        return fp_process_nan(f, a, n.cls, env);
    }
    return fp_zero(f, n.sign) | ((a & exp_mask) == 0 ? largest : ~a & exp_mask);
}

#define FP_ESTIMATES(P, T, F)                                                                      \
    T P##_recip_estimate(T a, struct fp_env *env)                                                  \
    {                                                                                              \
        return (T)fp_recip_estimate(F, a, env);                                                    \
    }                                                                                              \
    T P##_rsqrt_estimate(T a, struct fp_env *env)                                                  \
    {                                                                                              \
        return (T)fp_rsqrt_estimate(F, a, env);                                                    \
    }                                                                                              \
    T P##_recpx(T a, struct fp_env *env)                                                           \
    {                                                                                              \
        return (T)fp_recpx(F, a, env);                                                             \
    }

FP_ESTIMATES(fp16, uint16_t, FP_H)
FP_ESTIMATES(fp32, uint32_t, FP_S)
FP_ESTIMATES(fp64, uint64_t, FP_D)

uint32_t fp_unsigned_recip_estimate(uint32_t a)
{
    return (a >> 31) == 0 ? UINT32_MAX : (uint32_t)recip_estimate(a >> 23) << 23;
}

uint32_t fp_unsigned_rsqrt_estimate(uint32_t a)
{
    return (a >> 30) == 0 ? UINT32_MAX : (uint32_t)rsqrt_estimate(a >> 23) << 23;
}
