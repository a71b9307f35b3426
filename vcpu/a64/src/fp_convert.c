/* FPConvert between the precisions, and FPCompare. */
#include "fp_core.h"

/* FPConvertNaN: the payload's top bits, quiet. */
FP_INLINE uint64_t fp_convert_nan(enum fp_format from, enum fp_format to, uint64_t a)
{
    const int shift = fp_frac_bits(to) - fp_frac_bits(from);
    const uint64_t frac = a & fp_frac_mask(from);
    const bool sign = (a & fp_sign_bit(from)) != 0;

    return fp_infinity(to, sign) | fp_quiet_bit(to) | (shift >= 0 ? frac << shift : frac >> -shift);
}

FP_INLINE uint64_t fp_convert(enum fp_format from, enum fp_format to, uint64_t a,
                              enum fp_rounding mode, struct fp_env *env)
{
    const bool ahp = (env->fpcr & FPCR_AHP) != 0;
    const bool from_ahp = from == FP_H && ahp;
    const bool to_ahp = to == FP_H && ahp;
    const bool fz = (env->fpcr & FPCR_FZ) != 0;
    const struct fp_num n = fp_unpack_base(from, a, from != FP_H && fz, from_ahp, env);

    if (fp_is_nan(n)) {
        if (n.cls == FP_IS_SNAN || to_ahp) {
            env->fpsr |= FPSR_IOC;
        }
        if (to_ahp) {
            return fp_zero(to, n.sign);
        }
        return (env->fpcr & FPCR_DN) != 0 ? fp_default_nan(to) : fp_convert_nan(from, to, a);
    }
    if (n.cls == FP_IS_INF) {
        if (to_ahp) {
            env->fpsr |= FPSR_IOC;
            return fp_zero(to, n.sign) | (fp_sign_bit(to) - 1u);
        }
        return fp_infinity(to, n.sign);
    }
    if (n.cls == FP_IS_ZERO) {
        return fp_zero(to, n.sign);
    }
    return fp_round_base(to, n.sign, n.exp, n.sig, to != FP_H && fz, to_ahp, mode, env);
}

uint16_t fp32_to_fp16(uint32_t a, struct fp_env *env)
{
    return (uint16_t)fp_convert(FP_S, FP_H, a, fp_mode(env), env);
}

uint16_t fp64_to_fp16(uint64_t a, struct fp_env *env)
{
    return (uint16_t)fp_convert(FP_D, FP_H, a, fp_mode(env), env);
}

uint32_t fp16_to_fp32(uint16_t a, struct fp_env *env)
{
    return (uint32_t)fp_convert(FP_H, FP_S, a, fp_mode(env), env);
}

uint32_t fp64_to_fp32(uint64_t a, enum fp_rounding mode, struct fp_env *env)
{
    return (uint32_t)fp_convert(FP_D, FP_S, a, mode, env);
}

uint64_t fp16_to_fp64(uint16_t a, struct fp_env *env)
{
    return fp_convert(FP_H, FP_D, a, fp_mode(env), env);
}

uint64_t fp32_to_fp64(uint32_t a, struct fp_env *env)
{
    return fp_convert(FP_S, FP_D, a, fp_mode(env), env);
}

FP_INLINE uint32_t fp_compare(enum fp_format f, uint64_t a, uint64_t b, bool signal_nans,
                              struct fp_env *env)
{
    const struct fp_num na = fp_unpack(f, a, env);
    const struct fp_num nb = fp_unpack(f, b, env);
    const uint64_t magnitude = fp_sign_bit(f) - 1u;

    if (fp_is_nan(na) || fp_is_nan(nb)) {
        if (signal_nans || na.cls == FP_IS_SNAN || nb.cls == FP_IS_SNAN) {
            env->fpsr |= FPSR_IOC;
        }
        return FP_CMP_UNORDERED;
    }
    const int64_t ma = na.cls == FP_IS_ZERO ? 0 : (int64_t)(a & magnitude);
    const int64_t mb = nb.cls == FP_IS_ZERO ? 0 : (int64_t)(b & magnitude);
    const int64_t ia = na.sign ? -ma : ma;
    const int64_t ib = nb.sign ? -mb : mb;
    return ia == ib ? FP_CMP_EQ : ia < ib ? FP_CMP_LT : FP_CMP_GT;
}

uint32_t fp16_compare(uint16_t a, uint16_t b, bool signal_nans, struct fp_env *env)
{
    return fp_compare(FP_H, a, b, signal_nans, env);
}

uint32_t fp32_compare(uint32_t a, uint32_t b, bool signal_nans, struct fp_env *env)
{
    return fp_compare(FP_S, a, b, signal_nans, env);
}

uint32_t fp64_compare(uint64_t a, uint64_t b, bool signal_nans, struct fp_env *env)
{
    return fp_compare(FP_D, a, b, signal_nans, env);
}
