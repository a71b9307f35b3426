/*
 * Half precision against a reference in double precision, where sums, products and remainders of
 * halves are exact and quotients and roots have more than twice the bits (so that rounding twice is
 * innocuous).  All inputs of the unary operations are tried.
 */
#include "simd_support.h"
#include "test.h"

#include <math.h>

#define SAMPLES 60000

static const uint32_t modes[4] = {FP_TIEEVEN, FP_POSINF, FP_NEGINF, FP_TOZERO};

static bool is_nan(uint16_t h)
{
    return (h & 0x7fffu) > 0x7c00u;
}

static double value(uint16_t h)
{
    const int exp = (h >> 10) & 31;
    const double frac = h & 0x3ff;
    double v;

    if (exp == 31) {
        v = (h & 0x3ff) != 0 ? NAN : INFINITY;
    } else {
        v = exp == 0 ? ldexp(frac, -24) : ldexp(1024 + frac, exp - 25);
    }
    return (h & 0x8000u) != 0 ? -v : v;
}

static double to_integral(double x, uint32_t mode)
{
    switch (mode) {
    case FP_TIEEVEN:
        return nearbyint(x);
    case FP_POSINF:
        return ceil(x);
    case FP_NEGINF:
        return floor(x);
    case FP_TIEAWAY:
        return round(x);
    default:
        return trunc(x);
    }
}

/* The nearest half in the mode, and the flags OFC, UFC, IXC as IEEE 754 and tininess before have. */
static uint16_t narrow(double x, uint32_t mode, uint32_t *flags)
{
    const uint16_t sign = signbit(x) ? 0x8000u : 0;
    int exp;

    if (isinf(x) || x == 0) {
        return sign | (isinf(x) ? 0x7c00u : 0);
    }
    frexp(x, &exp);
    const bool tiny = fabs(x) < ldexp(1, -14);
    const int quantum = tiny ? -24 : exp - 11;
    const double n = to_integral(ldexp(x, -quantum), mode);
    const double r = fabs(ldexp(n, quantum));
    if (r > 65504) {
        const bool up = mode == FP_TIEEVEN || (mode == FP_POSINF && sign == 0) ||
                        (mode == FP_NEGINF && sign != 0);
        *flags |= FPSR_OFC | FPSR_IXC;
        return sign | (up ? 0x7c00u : 0x7bffu);
    }
    if (r != fabs(x)) {
        *flags |= tiny ? FPSR_UFC | FPSR_IXC : FPSR_IXC;
    }
    if (r == 0) {
        return sign;
    }
    frexp(r, &exp);
    if (r < ldexp(1, -14)) {
        return (uint16_t)(sign | (uint16_t)ldexp(r, 24));
    }
    return (uint16_t)(sign | ((exp + 14) << 10) | ((uint16_t)ldexp(r, 11 - exp) & 0x3ffu));
}

static void test_widening_is_exact_and_comes_back(void **state)
{
    for (uint32_t h = 0; h < 0x10000; h++) {
        struct fp_env env = {0, 0};
        const uint32_t s = fp16_to_fp32((uint16_t)h, &env);
        const uint64_t d = fp16_to_fp64((uint16_t)h, &env);
        const bool signalling = is_nan((uint16_t)h) && (h & 0x200u) == 0;
        double as_double;

        memcpy(&as_double, &d, sizeof(d));
        assert_int_equal(env.fpsr, signalling ? FPSR_IOC : 0);
        env.fpsr = 0;
        assert_true(fp32_to_fp64(s, &env) == d);
        const uint32_t back = is_nan((uint16_t)h) ? h | 0x200u : h;
        assert_int_equal(fp32_to_fp16(s, &env), back);
        assert_int_equal(fp64_to_fp16(d, &env), back);
        assert_int_equal(env.fpsr, 0);
        if (!is_nan((uint16_t)h)) {
            assert_true(as_double == value((uint16_t)h));
        }
    }
}

static void test_square_root_of_every_half(void **state)
{
    for (unsigned m = 0; m < 4; m++) {
        for (uint32_t h = 0; h < 0x10000; h++) {
            struct fp_env env = {modes[m] << FPCR_RMODE_SHIFT, 0};
            const uint16_t got = fp16_sqrt((uint16_t)h, &env);
            uint32_t flags = 0;
            uint16_t want;

            if (is_nan((uint16_t)h)) {
                want = (uint16_t)(h | 0x200u);
                flags = (h & 0x200u) == 0 ? FPSR_IOC : 0;
            } else if (h > 0x8000u) {
                want = 0x7e00;
                flags = FPSR_IOC;
            } else {
                want = narrow(sqrt(value((uint16_t)h)), modes[m], &flags);
            }
            assert_int_equal(got, want);
            assert_int_equal(env.fpsr, flags);
        }
    }
}

static void test_rounding_every_half_to_integral(void **state)
{
    for (uint32_t mode = FP_TIEEVEN; mode <= FP_TIEAWAY; mode++) {
        for (uint32_t h = 0; h < 0x10000; h++) {
            struct fp_env env = {0, 0};
            uint32_t flags = 0;

            if (is_nan((uint16_t)h)) {
                continue;
            }
            const double v = value((uint16_t)h);
            const double r = to_integral(v, mode);
            const uint16_t want = narrow(copysign(r, v), FP_TIEEVEN, &flags);
            assert_int_equal(fp16_round_int((uint16_t)h, mode, false, &env), want);
            assert_int_equal(env.fpsr, 0);
            assert_int_equal(fp16_round_int((uint16_t)h, mode, true, &env), want);
            assert_int_equal(env.fpsr, r != v && !isinf(v) ? FPSR_IXC : 0);
        }
    }
}

static void check_to_fixed(uint16_t h, unsigned fbits, bool is_unsigned, uint32_t mode)
{
    struct fp_env env = {0, 0};
    const double low = is_unsigned ? 0 : -32768.0;
    const double high = is_unsigned ? 65535.0 : 32767.0;
    const double scaled = ldexp(value(h), (int)fbits);
    const double r = to_integral(scaled, mode);
    uint32_t flags = r != scaled ? FPSR_IXC : 0;
    double want = r;

    if (isnan(scaled) || r < low || r > high) {
        want = isnan(scaled) ? 0 : r < low ? low : high;
        flags = FPSR_IOC;
    }
    const uint64_t got = fp16_to_fixed(h, fbits, is_unsigned, 16, mode, &env);
    assert_int_equal(got, (uint16_t)(int32_t)want);
    assert_int_equal(env.fpsr, flags);
}

static void test_every_half_to_fixed_point(void **state)
{
    static const unsigned fractions[4] = {0, 1, 11, 16};

    for (uint32_t mode = FP_TIEEVEN; mode <= FP_TIEAWAY; mode++) {
        for (uint32_t h = 0; h < 0x10000; h++) {
            check_to_fixed((uint16_t)h, fractions[(h + mode) % 4], false, mode);
            check_to_fixed((uint16_t)h, fractions[(h + mode) % 4], true, mode);
        }
    }
}

static void test_every_16_bit_integer_to_half(void **state)
{
    for (unsigned m = 0; m < 4; m++) {
        for (uint32_t i = 0; i < 0x10000; i++) {
            const unsigned fbits = i % 17;
            struct fp_env env = {0, 0};
            uint32_t flags = 0;
            const uint16_t want = narrow(ldexp(i, -(int)fbits), modes[m], &flags);

            assert_int_equal(fp16_from_fixed(i, fbits, true, modes[m], &env), want);
            const int64_t negative = -(int64_t)i;
            uint16_t want_negative = narrow(ldexp((double)negative, -(int)fbits), modes[m], &flags);
            want_negative = i == 0 ? 0 : want_negative;
            assert_int_equal(fp16_from_fixed((uint64_t)negative, fbits, false, modes[m], &env),
                             want_negative);
            assert_int_equal(env.fpsr, flags);
        }
    }
}

/* Pairs of numbers: NaNs and infinities have tests of their own. */
static uint16_t random_number(uint64_t *seed)
{
    uint16_t h;

    do {
        h = (uint16_t)simd_random(seed);
    } while ((h & 0x7c00u) == 0x7c00u);
    return h;
}

static void test_arithmetic_of_numbers(void **state)
{
    uint64_t seed = 1;

    for (unsigned i = 0; i < SAMPLES; i++) {
        const uint32_t mode = modes[i % 4];
        const uint16_t a = random_number(&seed);
        const uint16_t b = random_number(&seed);
        const uint16_t c = random_number(&seed);
        struct fp_env env = {mode << FPCR_RMODE_SHIFT, 0};
        uint32_t flags = 0;

        if (value(a) + value(b) != 0) {
            assert_int_equal(fp16_add(a, b, &env), narrow(value(a) + value(b), mode, &flags));
        }
        if (value(a) - value(b) != 0) {
            assert_int_equal(fp16_sub(a, b, &env), narrow(value(a) - value(b), mode, &flags));
        }
        assert_int_equal(fp16_mul(a, b, &env), narrow(value(a) * value(b), mode, &flags));
        if (value(b) != 0) {
            assert_int_equal(fp16_div(a, b, &env), narrow(value(a) / value(b), mode, &flags));
        }
        /* Only where the sum is exact in double precision. */
        const double p = value(a) * value(b);
        const double sum = p + value(c);
        if (sum != 0 && sum - p == value(c) && sum - value(c) == p) {
            assert_int_equal(fp16_muladd(c, a, b, &env), narrow(sum, mode, &flags));
        }
        assert_int_equal(env.fpsr, flags);
        env.fpsr = 0;
        const uint32_t cmp = fp16_compare(a, b, true, &env);
        assert_int_equal(cmp, value(a) == value(b)  ? FP_CMP_EQ
                              : value(a) < value(b) ? FP_CMP_LT
                                                    : FP_CMP_GT);
        if (value(a) != value(b)) {
            assert_int_equal(fp16_max(a, b, &env), value(a) > value(b) ? a : b);
            assert_int_equal(fp16_minnm(a, b, &env), value(a) < value(b) ? a : b);
        }
    }
}

/* FPRecipEstimate and FPRSqrtEstimate are good to 8 bits; the steps refine them. */
static void test_estimates_are_within_their_error(void **state)
{
    for (uint32_t h = 0x0400; h < 0x7800; h++) {
        struct fp_env env = {0, 0};
        const double recip = value(fp16_recip_estimate((uint16_t)h, &env)) * value((uint16_t)h);
        const double rsqrt =
            value(fp16_rsqrt_estimate((uint16_t)h, &env)) * sqrt(value((uint16_t)h));

        if (h < 0x7400) {
            assert_true(fabs(recip - 1) < 1.0 / 256);
        }
        assert_true(fabs(rsqrt - 1) < 1.0 / 256);
        assert_int_equal(env.fpsr, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_widening_is_exact_and_comes_back),
        cmocka_unit_test(test_square_root_of_every_half),
        cmocka_unit_test(test_rounding_every_half_to_integral),
        cmocka_unit_test(test_every_half_to_fixed_point),
        cmocka_unit_test(test_every_16_bit_integer_to_half),
        cmocka_unit_test(test_arithmetic_of_numbers),
        cmocka_unit_test(test_estimates_are_within_their_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
