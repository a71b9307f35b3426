/*
 * The heart of the soft float: unpacking, rounding and NaN rules, as always-inlined functions of a
 * constant format, so that each precision gets code of its own.
 */
#ifndef VML_A64_FP_CORE_H
#define VML_A64_FP_CORE_H

#include "fp.h"

#define FP_INLINE static inline __attribute__((always_inline))

__extension__ typedef unsigned __int128 fp_u128;

enum fp_format { FP_H, FP_S, FP_D };

FP_INLINE int fp_frac_bits(enum fp_format f)
{
    return f == FP_H ? 10 : f == FP_S ? 23 : 52;
}

FP_INLINE int fp_bias(enum fp_format f)
{
    return f == FP_H ? 15 : f == FP_S ? 127 : 1023;
}

/* The biased exponent of infinities and NaNs. */
FP_INLINE int fp_exp_max(enum fp_format f)
{
    return 2 * fp_bias(f) + 1;
}

FP_INLINE uint64_t fp_sign_bit(enum fp_format f)
{
    return f == FP_H ? UINT64_C(0x8000) : f == FP_S ? UINT64_C(0x80000000) : UINT64_C(1) << 63;
}

FP_INLINE uint64_t fp_frac_mask(enum fp_format f)
{
    return (UINT64_C(1) << fp_frac_bits(f)) - 1u;
}

FP_INLINE uint64_t fp_infinity(enum fp_format f, bool sign)
{
    return (sign ? fp_sign_bit(f) : 0) | ((uint64_t)fp_exp_max(f) << fp_frac_bits(f));
}

FP_INLINE uint64_t fp_zero(enum fp_format f, bool sign)
{
    return sign ? fp_sign_bit(f) : 0;
}

FP_INLINE uint64_t fp_max_normal(enum fp_format f, bool sign)
{
    return fp_infinity(f, sign) - 1u;
}

FP_INLINE uint64_t fp_quiet_bit(enum fp_format f)
{
    return UINT64_C(1) << (fp_frac_bits(f) - 1);
}

FP_INLINE uint64_t fp_default_nan(enum fp_format f)
{
    return fp_infinity(f, false) | fp_quiet_bit(f);
}

/* The order matters: everything from FP_IS_QNAN on is a NaN. */
enum fp_class { FP_IS_ZERO, FP_IS_FINITE, FP_IS_INF, FP_IS_QNAN, FP_IS_SNAN };

/* A finite value is sig * 2^(exp - 62) with bit 62 of sig set. */
struct fp_num {
    uint64_t sig;
    int32_t exp;
    enum fp_class cls;
    bool sign;
};

FP_INLINE bool fp_is_nan(struct fp_num n)
{
    return n.cls >= FP_IS_QNAN;
}

FP_INLINE int fp_clz64(uint64_t v)
{
    return __builtin_clzll(v);
}

/* Shifts right; what falls out stays visible in bit 0 (a sticky bit). */
FP_INLINE uint64_t fp_shr_jam(uint64_t v, unsigned n)
{
    if (n == 0) {
        return v;
    }
    if (n > 63) {
        return v != 0;
    }
    return (v >> n) | (uint64_t)((v << (64 - n)) != 0);
}

FP_INLINE fp_u128 fp_shr_jam128(fp_u128 v, unsigned n)
{
    if (n == 0) {
        return v;
    }
    if (n > 127) {
        return v != 0;
    }
    return (v >> n) | (fp_u128)((v << (128 - n)) != 0);
}

/* FPCR.FZ is for single and double precision, FPCR.FZ16 for half. */
FP_INLINE bool fp_flushes(enum fp_format f, const struct fp_env *env)
{
    return (env->fpcr & (f == FP_H ? FPCR_FZ16 : FPCR_FZ)) != 0;
}

/* FPUnpackBase.  An input flushed to zero sets IDC, except in half precision. */
FP_INLINE struct fp_num fp_unpack_base(enum fp_format f, uint64_t bits, bool flush, bool ahp,
                                       struct fp_env *env)
{
    const int frac_bits = fp_frac_bits(f);
    const uint64_t frac = bits & fp_frac_mask(f);
    const int exp = (int)(bits >> frac_bits) & fp_exp_max(f);
    struct fp_num n = {.sign = (bits & fp_sign_bit(f)) != 0, .cls = FP_IS_FINITE};

    if (exp == 0) {
        if (frac == 0) {
            n.cls = FP_IS_ZERO;
        } else if (flush) {
            n.cls = FP_IS_ZERO;
            env->fpsr |= f == FP_H ? 0 : FPSR_IDC;
        } else {
            const int shift = fp_clz64(frac) - 1;
            n.sig = frac << shift;
            n.exp = 1 - fp_bias(f) - frac_bits + 62 - shift;
        }
    } else if (exp == fp_exp_max(f) && !ahp) {
        n.cls = frac == 0 ? FP_IS_INF : (frac & fp_quiet_bit(f)) != 0 ? FP_IS_QNAN : FP_IS_SNAN;
    } else {
        n.sig = (frac | (fp_frac_mask(f) + 1u)) << (62 - frac_bits);
        n.exp = exp - fp_bias(f);
    }
    return n;
}

/* FPUnpack */
FP_INLINE struct fp_num fp_unpack(enum fp_format f, uint64_t bits, struct fp_env *env)
{
    return fp_unpack_base(f, bits, fp_flushes(f, env), false, env);
}

/* Whether a magnitude whose last kept bit is `odd` and whose remainder is `rem` goes up. */
FP_INLINE bool fp_rounds_up(enum fp_rounding mode, bool sign, bool odd, uint64_t rem, uint64_t half)
{
    switch (mode) {
    case FP_TIEEVEN:
        return rem > half || (rem == half && odd);
    case FP_TIEAWAY:
        return rem >= half;
    case FP_POSINF:
        return !sign && rem != 0;
    case FP_NEGINF:
        return sign && rem != 0;
    case FP_ODD:
        return !odd && rem != 0;
    default:
        return false;
    }
}

FP_INLINE bool fp_overflows_to_infinity(enum fp_rounding mode, bool sign)
{
    switch (mode) {
    case FP_TIEEVEN:
    case FP_TIEAWAY:
        return true;
    case FP_POSINF:
        return !sign;
    case FP_NEGINF:
        return sign;
    default:
        return false;
    }
}

FP_INLINE uint64_t fp_overflow(enum fp_format f, bool sign, enum fp_rounding mode,
                               struct fp_env *env)
{
    env->fpsr |= FPSR_OFC | FPSR_IXC;
    return fp_overflows_to_infinity(mode, sign) ? fp_infinity(f, sign) : fp_max_normal(f, sign);
}

/*
 * FPRoundBase: the value sig * 2^(exp - 62), bit 62 of sig set, bit 0 sticky.  Tininess is seen
 * before rounding.  With `ahp` the largest exponent is an ordinary one.
 */
FP_INLINE uint64_t fp_round_base(enum fp_format f, bool sign, int exp, uint64_t sig, bool flush,
                                 bool ahp, enum fp_rounding mode, struct fp_env *env)
{
    const int frac_bits = fp_frac_bits(f);
    const int shift = 62 - frac_bits;
    int biased = exp + fp_bias(f);
    const bool tiny = biased < 1;

    if (tiny) {
        if (flush) {
            env->fpsr |= FPSR_UFC;
            return fp_zero(f, sign);
        }
        sig = fp_shr_jam(sig, (unsigned)(1 - biased));
        biased = 1;
    }

    const uint64_t rem = sig & ((UINT64_C(1) << shift) - 1u);
    uint64_t kept = sig >> shift;
    kept += fp_rounds_up(mode, sign, (kept & 1u) != 0, rem, UINT64_C(1) << (shift - 1));

    /* The implicit bit of `kept`, or a carry out of it, adds to the exponent. */
    const int carry = (int)(kept >> (frac_bits + 1));
    if (biased + carry >= fp_exp_max(f) + (ahp ? 1 : 0)) {
        if (ahp) {
            env->fpsr |= FPSR_IOC;
            return fp_zero(f, sign) | (fp_sign_bit(f) - 1u);
        }
        return fp_overflow(f, sign, mode, env);
    }
    if (rem != 0) {
        env->fpsr |= tiny ? FPSR_IXC | FPSR_UFC : FPSR_IXC;
    }
    return fp_zero(f, sign) | (((uint64_t)(biased - 1) << frac_bits) + kept);
}

/* FPRound */
FP_INLINE uint64_t fp_round(enum fp_format f, bool sign, int exp, uint64_t sig,
                            enum fp_rounding mode, struct fp_env *env)
{
    return fp_round_base(f, sign, exp, sig, fp_flushes(f, env), false, mode, env);
}

FP_INLINE uint64_t fp_invalid(enum fp_format f, struct fp_env *env)
{
    env->fpsr |= FPSR_IOC;
    return fp_default_nan(f);
}

/* FPProcessNaN */
FP_INLINE uint64_t fp_process_nan(enum fp_format f, uint64_t bits, enum fp_class cls,
                                  struct fp_env *env)
{
    if (cls == FP_IS_SNAN) {
        env->fpsr |= FPSR_IOC;
    }
    return (env->fpcr & FPCR_DN) != 0 ? fp_default_nan(f) : bits | fp_quiet_bit(f);
}

/* FPProcessNaNs: one of the two is a NaN; signalling ones go first. */
FP_INLINE uint64_t fp_process_nans(enum fp_format f, uint64_t a, enum fp_class ca, uint64_t b,
                                   enum fp_class cb, struct fp_env *env)
{
    const bool second = ca != FP_IS_SNAN && (cb == FP_IS_SNAN || ca != FP_IS_QNAN);

    return second ? fp_process_nan(f, b, cb, env) : fp_process_nan(f, a, ca, env);
}

/* The zero that is the exact sum of two values of opposite signs. */
FP_INLINE uint64_t fp_cancelled(enum fp_format f, enum fp_rounding mode)
{
    return fp_zero(f, mode == FP_NEGINF);
}

#endif
