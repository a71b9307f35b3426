/* FPRoundInt, FPRoundIntN and the conversions between floating point and integers. */
#include "fp_core.h"

/* A magnitude as an integer part and a fraction of 64 bits, bit 0 of which is sticky. */
struct fp_parts {
    uint64_t whole;
    uint64_t fraction;
};

/* For values below 2^64, that is exp <= 63. */
FP_INLINE struct fp_parts fp_split(uint64_t sig, int exp)
{
    struct fp_parts p = {0, 0};

    if (exp >= 62) {
        p.whole = sig << (exp - 62);
    } else if (exp >= -1) {
        p.whole = sig >> (62 - exp);
        p.fraction = sig << (exp + 2);
    } else {
        p.fraction = fp_shr_jam(sig << 1, (unsigned)(-1 - exp));
    }
    return p;
}

#define FP_HALF_FRACTION (UINT64_C(1) << 63)

/* Rounds to an integer; exp <= 63, and the result fits because it has at most 63 bits then. */
FP_INLINE uint64_t fp_integer(struct fp_num n, int exp, enum fp_rounding mode, bool *inexact)
{
    const struct fp_parts p = fp_split(n.sig, exp);

    *inexact = p.fraction != 0;
    return p.whole + fp_rounds_up(mode, n.sign, (p.whole & 1u) != 0, p.fraction, FP_HALF_FRACTION);
}

/* The exactly representable integer `whole`, which is not zero. */
FP_INLINE uint64_t fp_pack_integer(enum fp_format f, bool sign, uint64_t whole)
{
    const int lead = 63 - fp_clz64(whole);
    const int shift = fp_frac_bits(f) - lead;
    const uint64_t frac = shift >= 0 ? whole << shift : whole >> -shift;

    return fp_zero(f, sign) | ((uint64_t)(lead + fp_bias(f)) << fp_frac_bits(f)) |
           (frac & fp_frac_mask(f));
}

FP_INLINE uint64_t fp_round_int(enum fp_format f, uint64_t a, enum fp_rounding mode, bool exact,
                                struct fp_env *env)
{
    const struct fp_num n = fp_unpack(f, a, env);
    bool inexact;

    if (fp_is_nan(n)) {
        return fp_process_nan(f, a, n.cls, env);
    }
    if (n.cls == FP_IS_ZERO) {
        return fp_zero(f, n.sign);
    }
    if (n.cls == FP_IS_INF || n.exp >= fp_frac_bits(f)) {
        return a;
    }
    const uint64_t whole = fp_integer(n, n.exp, mode, &inexact);
    if (inexact && exact) {
        env->fpsr |= FPSR_IXC;
    }
    return whole == 0 ? fp_zero(f, n.sign) : fp_pack_integer(f, n.sign, whole);
}

FP_INLINE uint64_t fp_round_int_n(enum fp_format f, uint64_t a, enum fp_rounding mode,
                                  unsigned intsize, struct fp_env *env)
{
    const struct fp_num n = fp_unpack(f, a, env);
    const uint64_t limit = UINT64_C(1) << (intsize - 1u);
    uint64_t whole = UINT64_MAX;
    bool inexact = false;

    if (n.cls == FP_IS_ZERO) {
        return fp_zero(f, n.sign);
    }
    if (n.cls == FP_IS_FINITE && n.exp < 64) {
        whole = fp_integer(n, n.exp, mode, &inexact);
    }
    if (whole > limit || (whole == limit && !n.sign)) {
        env->fpsr |= FPSR_IOC;
        return fp_pack_integer(f, true, limit);
    }
    if (inexact) {
        env->fpsr |= FPSR_IXC;
    }
    return whole == 0 ? fp_zero(f, n.sign) : fp_pack_integer(f, n.sign, whole);
}

/* What a conversion that is out of range gives. */
FP_INLINE uint64_t fp_saturated(bool negative, bool is_unsigned, unsigned width)
{
    const uint64_t mask = UINT64_MAX >> (64 - width);

    if (is_unsigned) {
        return negative ? 0 : mask;
    }
    return negative ? (mask >> 1) + 1u : mask >> 1;
}

FP_INLINE uint64_t fp_to_fixed(enum fp_format f, uint64_t a, unsigned fbits, bool is_unsigned,
                               unsigned width, enum fp_rounding mode, struct fp_env *env)
{
    const struct fp_num n = fp_unpack(f, a, env);
    const uint64_t mask = UINT64_MAX >> (64 - width);
    const int exp = n.exp + (int)fbits;
    bool inexact = false;

    if (n.cls == FP_IS_ZERO) {
        return 0;
    }
    if (fp_is_nan(n)) {
        env->fpsr |= FPSR_IOC;
        return 0;
    }
    if (n.cls == FP_IS_FINITE && exp < 64) {
        const uint64_t whole = fp_integer(n, exp, mode, &inexact);
        const uint64_t limit = is_unsigned ? (n.sign ? 0 : mask) : (mask >> 1) + (n.sign ? 1u : 0u);
        if (whole <= limit) {
            env->fpsr |= inexact ? FPSR_IXC : 0;
            return (n.sign ? 0 - whole : whole) & mask;
        }
    }
    env->fpsr |= FPSR_IOC;
    return fp_saturated(n.sign, is_unsigned, width);
}

FP_INLINE uint64_t fp_from_fixed(enum fp_format f, uint64_t value, unsigned fbits, bool is_unsigned,
                                 enum fp_rounding mode, struct fp_env *env)
{
    const bool sign = !is_unsigned && (value >> 63) != 0;
    const uint64_t magnitude = sign ? 0 - value : value;

    if (magnitude == 0) {
        return 0;
    }
    const int lead = 63 - fp_clz64(magnitude);
    const uint64_t sig = lead == 63 ? fp_shr_jam(magnitude, 1) : magnitude << (62 - lead);
    return fp_round(f, sign, lead - (int)fbits, sig, mode, env);
}

#define FP_INTEGERS(P, T, F)                                                                       \
    T P##_round_int(T a, enum fp_rounding mode, bool exact, struct fp_env *env)                    \
    {                                                                                              \
        return (T)fp_round_int(F, a, mode, exact, env);                                            \
    }                                                                                              \
    uint64_t P##_to_fixed(T a, unsigned fbits, bool is_unsigned, unsigned width,                   \
                          enum fp_rounding mode, struct fp_env *env)                               \
    {                                                                                              \
        return fp_to_fixed(F, a, fbits, is_unsigned, width, mode, env);                            \
    }                                                                                              \
    T P##_from_fixed(uint64_t value, unsigned fbits, bool is_unsigned, enum fp_rounding mode,      \
                     struct fp_env *env)                                                           \
    {                                                                                              \
        return (T)fp_from_fixed(F, value, fbits, is_unsigned, mode, env);                          \
    }

FP_INTEGERS(fp16, uint16_t, FP_H)
FP_INTEGERS(fp32, uint32_t, FP_S)
FP_INTEGERS(fp64, uint64_t, FP_D)

uint32_t fp32_round_int_n(uint32_t a, enum fp_rounding mode, unsigned intsize, struct fp_env *env)
{
    return (uint32_t)fp_round_int_n(FP_S, a, mode, intsize, env);
}

uint64_t fp64_round_int_n(uint64_t a, enum fp_rounding mode, unsigned intsize, struct fp_env *env)
{
    return fp_round_int_n(FP_D, a, mode, intsize, env);
}

uint32_t fp64_to_int32_js(uint64_t a, bool *z, struct fp_env *env)
{
    const struct fp_num n = fp_unpack(FP_D, a, env);

    if (n.cls == FP_IS_ZERO) {
        *z = a == 0; /* neither -0.0 nor a flushed denormal converts back to what it was */
        return 0;
    }
    *z = false;
    if (n.cls != FP_IS_FINITE) {
        env->fpsr |= FPSR_IOC;
        return 0;
    }
    if (n.exp >= 62) {
        /* Above 2^94 every one of the 53 bits is a multiple of 2^32. */
        env->fpsr |= FPSR_IOC;
        const uint32_t low = n.exp < 94 ? (uint32_t)(n.sig << (n.exp - 62)) : 0;
        return n.sign ? 0u - low : low;
    }
    const struct fp_parts p = fp_split(n.sig, n.exp);
    if (p.whole > UINT64_C(0x7fffffff) + (n.sign ? 1u : 0u)) {
        env->fpsr |= FPSR_IOC;
    } else if (p.fraction != 0) {
        env->fpsr |= FPSR_IXC;
    } else {
        *z = true;
    }
    return n.sign ? 0u - (uint32_t)p.whole : (uint32_t)p.whole;
}
