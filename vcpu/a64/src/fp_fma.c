/* FPMulAdd, FPMulAddH, FPRecipStepFused and FPRSqrtStepFused: one rounding after multiply and add. */
#include "fp_host.h"

/* addend + a * b, halved `halvings` times, for operands that are numbers or infinities. */
FP_INLINE uint64_t fp_fused(enum fp_format f, struct fp_num c, struct fp_num a, struct fp_num b,
                            int halvings, struct fp_env *env)
{
    const enum fp_rounding mode = fp_mode(env);
    const bool sign = a.sign != b.sign;
    const bool zero = a.cls == FP_IS_ZERO || b.cls == FP_IS_ZERO;
    const bool inf = a.cls == FP_IS_INF || b.cls == FP_IS_INF;

    if ((inf && zero) || (inf && c.cls == FP_IS_INF && c.sign != sign)) {
        return fp_invalid(f, env);
    }
    if (inf || c.cls == FP_IS_INF) {
        return fp_infinity(f, inf ? sign : c.sign);
    }
    if (zero) {
        if (c.cls == FP_IS_ZERO) {
            return sign == c.sign ? fp_zero(f, sign) : fp_cancelled(f, mode);
        }
        return fp_round(f, c.sign, c.exp - halvings, c.sig, mode, env);
    }

    /* Values are p * 2^(exp - 124); the product leads in bit 124 or 125, the addend in 124. */
    fp_u128 p = (fp_u128)a.sig * b.sig;
    int exp = a.exp + b.exp;
    bool result_sign = sign;
    if (c.cls != FP_IS_ZERO) {
        fp_u128 q = (fp_u128)c.sig << 62;
        const int distance = exp - c.exp;
        if (distance >= 0) {
            q = fp_shr_jam128(q, (unsigned)distance);
        } else {
            p = fp_shr_jam128(p, (unsigned)-distance);
            exp = c.exp;
        }
        if (sign == c.sign) {
            p += q;
        } else if (p >= q) {
            p -= q;
        } else {
            p = q - p;
            result_sign = c.sign;
        }
        if (p == 0) {
            return fp_cancelled(f, mode);
        }
    }

    const uint64_t high = (uint64_t)(p >> 64);
    const int zeros = high != 0 ? fp_clz64(high) : 64 + fp_clz64((uint64_t)p);
    const int lead = 127 - zeros;
    const uint64_t sig =
        lead > 62 ? (uint64_t)fp_shr_jam128(p, (unsigned)(lead - 62)) : (uint64_t)p << (62 - lead);
    return fp_round(f, result_sign, exp + lead - 124 - halvings, sig, mode, env);
}

/* FPProcessNaNs3, and the rule that infinity times zero is invalid even beside a quiet addend. */
FP_INLINE uint64_t fp_process_nans3(enum fp_format f, uint64_t c, struct fp_num nc, uint64_t a,
                                    struct fp_num na, uint64_t b, struct fp_num nb,
                                    struct fp_env *env)
{
    if (nc.cls == FP_IS_QNAN && ((na.cls == FP_IS_INF && nb.cls == FP_IS_ZERO) ||
                                 (na.cls == FP_IS_ZERO && nb.cls == FP_IS_INF))) {
        return fp_invalid(f, env);
    }
    if (nc.cls == FP_IS_SNAN ||
        (nc.cls == FP_IS_QNAN && na.cls != FP_IS_SNAN && nb.cls != FP_IS_SNAN)) {
        return fp_process_nan(f, c, nc.cls, env);
    }
    return fp_process_nans(f, a, na.cls, b, nb.cls, env);
}

FP_INLINE uint64_t fp_muladd(enum fp_format f, uint64_t c, uint64_t a, uint64_t b,
                             struct fp_env *env)
{
    const struct fp_num nc = fp_unpack(f, c, env);
    const struct fp_num na = fp_unpack(f, a, env);
    const struct fp_num nb = fp_unpack(f, b, env);

    if (fp_is_nan(na) || fp_is_nan(nb) || fp_is_nan(nc)) {
        return fp_process_nans3(f, c, nc, a, na, b, nb, env);
    }
    return fp_fused(f, nc, na, nb, 0, env);
}

/* FPRecipStepFused (`root` false) or FPRSqrtStepFused: 2 - a * b, or (3 - a * b) / 2. */
FP_INLINE uint64_t fp_step(enum fp_format f, uint64_t a, uint64_t b, bool root, struct fp_env *env)
{
    a ^= fp_sign_bit(f);
    const struct fp_num na = fp_unpack(f, a, env);
    const struct fp_num nb = fp_unpack(f, b, env);
    /* 2.0, or 3.0 */
    const struct fp_num constant = {
        .sig = root ? UINT64_C(3) << 61 : UINT64_C(1) << 62, .exp = 1, .cls = FP_IS_FINITE};

    if (fp_is_nan(na) || fp_is_nan(nb)) {
        return fp_process_nans(f, a, na.cls, b, nb.cls, env);
    }
    if ((na.cls == FP_IS_INF && nb.cls == FP_IS_ZERO) ||
        (na.cls == FP_IS_ZERO && nb.cls == FP_IS_INF)) {
        const struct fp_num zero = {.cls = FP_IS_ZERO};
        return fp_fused(f, constant, zero, zero, root ? 1 : 0, env);
    }
    return fp_fused(f, constant, na, nb, root ? 1 : 0, env);
}

#define FP_FUSED(P, T, F)                                                                          \
    T P##_recip_step(T a, T b, struct fp_env *env)                                                 \
    {                                                                                              \
        return (T)fp_step(F, a, b, false, env);                                                    \
    }                                                                                              \
    T P##_rsqrt_step(T a, T b, struct fp_env *env)                                                 \
    {                                                                                              \
        return (T)fp_step(F, a, b, true, env);                                                     \
    }

FP_FUSED(fp16, uint16_t, FP_H)
FP_FUSED(fp32, uint32_t, FP_S)
FP_FUSED(fp64, uint64_t, FP_D)

uint16_t fp16_muladd(uint16_t addend, uint16_t a, uint16_t b, struct fp_env *env)
{
    return (uint16_t)fp_muladd(FP_H, addend, a, b, env);
}

static __attribute__((noinline)) uint32_t slow_fp32_muladd(uint32_t addend, uint32_t a, uint32_t b,
                                                           struct fp_env *env)
{
    return (uint32_t)fp_muladd(FP_S, addend, a, b, env);
}

uint32_t fp32_muladd(uint32_t addend, uint32_t a, uint32_t b, struct fp_env *env)
{
#if FP_HOST
    if (fp_host_usable(env)) {
        /*
         * The product is exact in double precision.  Rounding the sum twice is harmless unless the
         * first rounding ended exactly half way between two single-precision numbers.
         */
        const double sum =
            (double)fp_host_float(a) * (double)fp_host_float(b) + (double)fp_host_float(addend);
        const uint32_t bits = fp_host_bits32((float)sum);
        if (fp_host_normal(FP_S, bits) && (fp_host_bits64(sum) & 0x1fffffffu) != 0x10000000u) {
            return bits;
        }
    }
#endif
    return slow_fp32_muladd(addend, a, b, env);
}

uint64_t fp64_muladd(uint64_t addend, uint64_t a, uint64_t b, struct fp_env *env)
{
    return fp_muladd(FP_D, addend, a, b, env);
}

/* A NaN of half precision as FPConvertNaN widens it, still signalling if it was. */
static uint32_t widen_nan(uint16_t bits)
{
    return ((uint32_t)(bits & 0x8000u) << 16) | 0x7f800000u | ((uint32_t)(bits & 0x3ffu) << 13);
}

uint32_t fp32_muladd_h(uint32_t addend, uint16_t a, uint16_t b, struct fp_env *env)
{
    const struct fp_num nc = fp_unpack(FP_S, addend, env);
    const struct fp_num na = fp_unpack(FP_H, a, env);
    const struct fp_num nb = fp_unpack(FP_H, b, env);

    if (fp_is_nan(na) || fp_is_nan(nb) || fp_is_nan(nc)) {
        return (uint32_t)fp_process_nans3(FP_S, addend, nc, widen_nan(a), na, widen_nan(b), nb,
                                          env);
    }
    return (uint32_t)fp_fused(FP_S, nc, na, nb, 0, env);
}
