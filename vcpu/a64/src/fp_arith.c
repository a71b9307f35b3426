/* FPAdd, FPSub, FPMul, FPMulX, FPDiv, FPMax, FPMin, FPMaxNum, FPMinNum and FPSqrt. */
#include "fp_host.h"

/* Both are finite and not zero; the result of a - b is wanted when the signs differ. */
FP_INLINE uint64_t fp_sum(enum fp_format f, struct fp_num a, struct fp_num b, struct fp_env *env)
{
    const enum fp_rounding mode = fp_mode(env);

    if (a.exp < b.exp || (a.exp == b.exp && a.sig < b.sig)) {
        const struct fp_num t = a;
        a = b;
        b = t;
    }
    b.sig = fp_shr_jam(b.sig, (unsigned)(a.exp - b.exp));
    if (a.sign == b.sign) {
        const uint64_t s = a.sig + b.sig;
        const unsigned carry = (unsigned)(s >> 63);
        return fp_round(f, a.sign, a.exp + (int)carry, fp_shr_jam(s, carry), mode, env);
    }
    const uint64_t s = a.sig - b.sig;
    if (s == 0) {
        return fp_cancelled(f, mode);
    }
    const int shift = fp_clz64(s) - 1;
    return fp_round(f, a.sign, a.exp - shift, s << shift, mode, env);
}

FP_INLINE uint64_t fp_add_or_sub(enum fp_format f, uint64_t a, uint64_t b, bool subtract,
                                 struct fp_env *env)
{
    const struct fp_num na = fp_unpack(f, a, env);
    struct fp_num nb = fp_unpack(f, b, env);

    if (fp_is_nan(na) || fp_is_nan(nb)) {
        return fp_process_nans(f, a, na.cls, b, nb.cls, env);
    }
    if (subtract) {
        nb.sign = !nb.sign;
        b ^= fp_sign_bit(f);
    }
    if (na.cls == FP_IS_INF || nb.cls == FP_IS_INF) {
        if (na.cls == nb.cls && na.sign != nb.sign) {
            return fp_invalid(f, env);
        }
        return na.cls == FP_IS_INF ? a : b;
    }
    if (na.cls == FP_IS_ZERO || nb.cls == FP_IS_ZERO) {
        if (na.cls != nb.cls) {
            return na.cls == FP_IS_ZERO ? b : a;
        }
        return na.sign == nb.sign ? fp_zero(f, na.sign) : fp_cancelled(f, fp_mode(env));
    }
    return fp_sum(f, na, nb, env);
}

/* `extended` is FPMulX: zero times infinity is two. */
FP_INLINE uint64_t fp_multiply(enum fp_format f, uint64_t a, uint64_t b, bool extended,
                               struct fp_env *env)
{
    const struct fp_num na = fp_unpack(f, a, env);
    const struct fp_num nb = fp_unpack(f, b, env);
    const bool sign = na.sign != nb.sign;

    if (fp_is_nan(na) || fp_is_nan(nb)) {
        return fp_process_nans(f, a, na.cls, b, nb.cls, env);
    }
    if (na.cls == FP_IS_INF || nb.cls == FP_IS_INF) {
        if (na.cls == FP_IS_ZERO || nb.cls == FP_IS_ZERO) {
            const uint64_t two = (uint64_t)(fp_bias(f) + 1) << fp_frac_bits(f);
            return extended ? fp_zero(f, sign) | two : fp_invalid(f, env);
        }
        return fp_infinity(f, sign);
    }
    if (na.cls == FP_IS_ZERO || nb.cls == FP_IS_ZERO) {
        return fp_zero(f, sign);
    }
    const fp_u128 p = (fp_u128)na.sig * nb.sig; /* bit 124 or 125 leads */
    const unsigned top = (unsigned)(p >> 125);
    const uint64_t sig = (uint64_t)fp_shr_jam128(p, 62 + top);
    return fp_round(f, sign, na.exp + nb.exp + (int)top, sig, fp_mode(env), env);
}

/*
 * a / b, in [1, 2), for significands halved by the caller: bit 62 of the result is set, bit 0 sticky.
 * Long division by machine words: a half or single needs one step, a double five of eleven bits.
 */
FP_INLINE uint64_t fp_divide_sig(enum fp_format f, uint64_t a, uint64_t b)
{
    const int drop = 61 - fp_frac_bits(f);
    const int digit = f == FP_D ? 11 : 39;
    const int steps = f == FP_D ? 5 : 1;
    const uint64_t divisor = b >> drop;
    uint64_t rem = (a >> drop) - divisor;
    uint64_t quotient = 1;

    for (int i = 0; i < steps; i++) {
        rem <<= digit;
        quotient = (quotient << digit) | (rem / divisor);
        rem %= divisor;
    }
    return (quotient << (62 - digit * steps)) | (uint64_t)(rem != 0);
}

FP_INLINE uint64_t fp_divide(enum fp_format f, uint64_t a, uint64_t b, struct fp_env *env)
{
    const struct fp_num na = fp_unpack(f, a, env);
    const struct fp_num nb = fp_unpack(f, b, env);
    const bool sign = na.sign != nb.sign;

    if (fp_is_nan(na) || fp_is_nan(nb)) {
        return fp_process_nans(f, a, na.cls, b, nb.cls, env);
    }
    if (na.cls == nb.cls && na.cls != FP_IS_FINITE) {
        return fp_invalid(f, env);
    }
    if (na.cls == FP_IS_INF || nb.cls == FP_IS_ZERO) {
        env->fpsr |= na.cls == FP_IS_INF ? 0 : FPSR_DZC;
        return fp_infinity(f, sign);
    }
    if (na.cls == FP_IS_ZERO || nb.cls == FP_IS_INF) {
        return fp_zero(f, sign);
    }
    /* Halved, so that the dividend can be doubled; the bit shifted out is zero. */
    const bool less = na.sig < nb.sig;
    const uint64_t dividend = less ? na.sig : na.sig >> 1;
    const uint64_t q = fp_divide_sig(f, dividend, nb.sig >> 1);
    return fp_round(f, sign, na.exp - nb.exp - (less ? 1 : 0), q, fp_mode(env), env);
}

FP_INLINE uint64_t fp_square_root(enum fp_format f, uint64_t a, struct fp_env *env)
{
    const struct fp_num n = fp_unpack(f, a, env);

    if (fp_is_nan(n)) {
        return fp_process_nan(f, a, n.cls, env);
    }
    if (n.cls == FP_IS_ZERO) {
        return fp_zero(f, n.sign);
    }
    if (n.sign) {
        return fp_invalid(f, env);
    }
    if (n.cls == FP_IS_INF) {
        return fp_infinity(f, false);
    }
    /* Two bits of the radicand, whose integer part is two bits, give one of the root. */
    const unsigned odd = (unsigned)n.exp & 1u;
    const int bits = fp_frac_bits(f) + 3;
    uint64_t radicand = n.sig << odd;
    uint64_t rem = 0;
    uint64_t root = 0;
    for (int i = 0; i < bits; i++) {
        const uint64_t trial = (root << 2) | 1u;
        rem = (rem << 2) | (radicand >> 62);
        radicand <<= 2;
        root <<= 1;
        if (rem >= trial) {
            rem -= trial;
            root |= 1u;
        }
    }
    const uint64_t sticky = (rem | radicand) != 0;
    const int exp = (n.exp - (int)odd) / 2;
    return fp_round(f, false, exp, (root << (63 - bits)) | sticky, fp_mode(env), env);
}

/* FPMax or FPMin. */
FP_INLINE uint64_t fp_extreme(enum fp_format f, uint64_t a, uint64_t b, bool want_max,
                              struct fp_env *env)
{
    const struct fp_num na = fp_unpack(f, a, env);
    const struct fp_num nb = fp_unpack(f, b, env);

    if (fp_is_nan(na) || fp_is_nan(nb)) {
        return fp_process_nans(f, a, na.cls, b, nb.cls, env);
    }
    if (na.cls == FP_IS_ZERO && nb.cls == FP_IS_ZERO) {
        return fp_zero(f, want_max ? na.sign && nb.sign : na.sign || nb.sign);
    }
    /* A flushed operand is compared, and returned, as a zero. */
    const uint64_t va = na.cls == FP_IS_ZERO ? fp_zero(f, na.sign) : a;
    const uint64_t vb = nb.cls == FP_IS_ZERO ? fp_zero(f, nb.sign) : b;
    const uint64_t magnitude = fp_sign_bit(f) - 1u;
    const int64_t ia = na.sign ? -(int64_t)(va & magnitude) : (int64_t)va;
    const int64_t ib = nb.sign ? -(int64_t)(vb & magnitude) : (int64_t)vb;
    return (ia > ib) == want_max ? va : vb;
}

/* FPMaxNum or FPMinNum: a number wins over a quiet NaN. */
FP_INLINE uint64_t fp_extreme_num(enum fp_format f, uint64_t a, uint64_t b, bool want_max,
                                  struct fp_env *env)
{
    struct fp_env unused = {0, 0};
    const enum fp_class ca = fp_unpack(f, a, &unused).cls;
    const enum fp_class cb = fp_unpack(f, b, &unused).cls;

    if (ca == FP_IS_QNAN && cb < FP_IS_QNAN) {
        a = fp_infinity(f, want_max);
    } else if (cb == FP_IS_QNAN && ca < FP_IS_QNAN) {
        b = fp_infinity(f, want_max);
    }
    return fp_extreme(f, a, b, want_max, env);
}

#define FP_BINARY(P, T, F)                                                                         \
    T P##_mulx(T a, T b, struct fp_env *env)                                                       \
    {                                                                                              \
        return (T)fp_multiply(F, a, b, true, env);                                                 \
    }                                                                                              \
    T P##_max(T a, T b, struct fp_env *env)                                                        \
    {                                                                                              \
        return (T)fp_extreme(F, a, b, true, env);                                                  \
    }                                                                                              \
    T P##_min(T a, T b, struct fp_env *env)                                                        \
    {                                                                                              \
        return (T)fp_extreme(F, a, b, false, env);                                                 \
    }                                                                                              \
    T P##_maxnm(T a, T b, struct fp_env *env)                                                      \
    {                                                                                              \
        return (T)fp_extreme_num(F, a, b, true, env);                                              \
    }                                                                                              \
    T P##_minnm(T a, T b, struct fp_env *env)                                                      \
    {                                                                                              \
        return (T)fp_extreme_num(F, a, b, false, env);                                             \
    }

FP_BINARY(fp16, uint16_t, FP_H)
FP_BINARY(fp32, uint32_t, FP_S)
FP_BINARY(fp64, uint64_t, FP_D)

uint16_t fp16_add(uint16_t a, uint16_t b, struct fp_env *env)
{
    return (uint16_t)fp_add_or_sub(FP_H, a, b, false, env);
}

uint16_t fp16_sub(uint16_t a, uint16_t b, struct fp_env *env)
{
    return (uint16_t)fp_add_or_sub(FP_H, a, b, true, env);
}

uint16_t fp16_mul(uint16_t a, uint16_t b, struct fp_env *env)
{
    return (uint16_t)fp_multiply(FP_H, a, b, false, env);
}

uint16_t fp16_div(uint16_t a, uint16_t b, struct fp_env *env)
{
    return (uint16_t)fp_divide(FP_H, a, b, env);
}

uint16_t fp16_sqrt(uint16_t a, struct fp_env *env)
{
    return (uint16_t)fp_square_root(FP_H, a, env);
}

/* Out of line, so that the way to the host's result saves no registers. */
#define FP_SLOW(name, T, P, call)                                                                  \
    static __attribute__((noinline)) T slow_##P##_##name(T a, T b, struct fp_env *env)             \
    {                                                                                              \
        (void)b;                                                                                   \
        return (T)(call);                                                                          \
    }
#define FP_SLOW_ALL(P, T, F)                                                                       \
    FP_SLOW(add, T, P, fp_add_or_sub(F, a, b, false, env))                                         \
    FP_SLOW(sub, T, P, fp_add_or_sub(F, a, b, true, env))                                          \
    FP_SLOW(mul, T, P, fp_multiply(F, a, b, false, env))                                           \
    FP_SLOW(div, T, P, fp_divide(F, a, b, env))                                                    \
    FP_SLOW(sqrt, T, P, fp_square_root(F, a, env))

FP_SLOW_ALL(fp32, uint32_t, FP_S)
FP_SLOW_ALL(fp64, uint64_t, FP_D)

uint32_t fp32_add(uint32_t a, uint32_t b, struct fp_env *env)
{
    FP_TRY_HOST32(env, fp_host_float(a) + fp_host_float(b))
    return slow_fp32_add(a, b, env);
}

uint32_t fp32_sub(uint32_t a, uint32_t b, struct fp_env *env)
{
    FP_TRY_HOST32(env, fp_host_float(a) - fp_host_float(b))
    return slow_fp32_sub(a, b, env);
}

uint32_t fp32_mul(uint32_t a, uint32_t b, struct fp_env *env)
{
    FP_TRY_HOST32(env, fp_host_float(a) * fp_host_float(b))
    return slow_fp32_mul(a, b, env);
}

uint32_t fp32_div(uint32_t a, uint32_t b, struct fp_env *env)
{
    /* A zero divisor is left to the integer path: the host's flags do not matter, UBSan's do. */
    if ((b & 0x7fffffffu) != 0) {
        FP_TRY_HOST32(env, fp_host_float(a) / fp_host_float(b))
    }
    return slow_fp32_div(a, b, env);
}

uint32_t fp32_sqrt(uint32_t a, struct fp_env *env)
{
    FP_TRY_HOST32(env, fp_host_sqrt32(fp_host_float(a)))
    return slow_fp32_sqrt(a, 0, env);
}

uint64_t fp64_add(uint64_t a, uint64_t b, struct fp_env *env)
{
    FP_TRY_HOST64(env, fp_host_double(a) + fp_host_double(b))
    return slow_fp64_add(a, b, env);
}

uint64_t fp64_sub(uint64_t a, uint64_t b, struct fp_env *env)
{
    FP_TRY_HOST64(env, fp_host_double(a) - fp_host_double(b))
    return slow_fp64_sub(a, b, env);
}

uint64_t fp64_mul(uint64_t a, uint64_t b, struct fp_env *env)
{
    FP_TRY_HOST64(env, fp_host_double(a) * fp_host_double(b))
    return slow_fp64_mul(a, b, env);
}

uint64_t fp64_div(uint64_t a, uint64_t b, struct fp_env *env)
{
    if (b << 1 != 0) {
        FP_TRY_HOST64(env, fp_host_double(a) / fp_host_double(b))
    }
    return slow_fp64_div(a, b, env);
}

uint64_t fp64_sqrt(uint64_t a, struct fp_env *env)
{
    FP_TRY_HOST64(env, fp_host_sqrt64(fp_host_double(a)))
    return slow_fp64_sqrt(a, 0, env);
}
