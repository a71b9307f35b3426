/* NaNs, infinities, flushing, flags and rounding as DDI 0487 J1.3 and A1.5 have them. */
#include "simd_support.h"
#include "test.h"

#define ONE     UINT64_C(0x3ff0000000000000)
#define TWO     UINT64_C(0x4000000000000000)
#define INF     UINT64_C(0x7ff0000000000000)
#define NEG     UINT64_C(0x8000000000000000)
#define DEFAULT UINT64_C(0x7ff8000000000000)
#define QNAN(n) (UINT64_C(0x7ff8000000000000) | (n))
#define SNAN(n) (UINT64_C(0x7ff0000000000000) | (n))
#define MAX64   UINT64_C(0x7fefffffffffffff)
#define MIN64   UINT64_C(0x0010000000000000) /* the smallest normal */
#define DENORM  UINT64_C(0x0008000000000000)

typedef uint64_t (*binary)(uint64_t, uint64_t, struct fp_env *);

struct rule {
    binary fn;
    uint64_t a;
    uint64_t b;
    uint32_t fpcr;
    uint64_t result;
    uint32_t fpsr;
};

#define RM(mode) ((uint32_t)(mode) << FPCR_RMODE_SHIFT)

static const struct rule rules[] = {
    /* FPProcessNaNs: signalling before quiet, first before second, the payload kept and made quiet */
    {fp64_add, QNAN(1), SNAN(2), 0, QNAN(2), FPSR_IOC},
    {fp64_add, SNAN(1), SNAN(2), 0, QNAN(1), FPSR_IOC},
    {fp64_add, QNAN(1), QNAN(2), 0, QNAN(1), 0},
    {fp64_add, ONE, QNAN(2) | NEG, 0, QNAN(2) | NEG, 0},
    {fp64_sub, ONE, QNAN(2), 0, QNAN(2), 0},
    {fp64_mul, QNAN(7), INF, FPCR_DN, DEFAULT, 0},
    {fp64_div, SNAN(7), ONE, FPCR_DN, DEFAULT, FPSR_IOC},
    /* invalid operations */
    {fp64_add, INF, INF | NEG, 0, DEFAULT, FPSR_IOC},
    {fp64_sub, INF, INF, 0, DEFAULT, FPSR_IOC},
    {fp64_mul, INF, NEG, 0, DEFAULT, FPSR_IOC},
    {fp64_div, INF, INF, 0, DEFAULT, FPSR_IOC},
    {fp64_div, 0, NEG, 0, DEFAULT, FPSR_IOC},
    /* FPMulX */
    {fp64_mulx, INF, NEG, 0, TWO | NEG, 0},
    {fp64_mulx, 0, INF, 0, TWO, 0},
    {fp64_mulx, ONE, TWO, 0, TWO, 0},
    /* division by zero */
    {fp64_div, ONE, NEG, 0, INF | NEG, FPSR_DZC},
    {fp64_div, INF, 0, 0, INF, 0},
    {fp64_div, ONE, INF | NEG, 0, NEG, 0},
    /* signs of zeros */
    {fp64_add, NEG, NEG, 0, NEG, 0},
    {fp64_add, 0, NEG, 0, 0, 0},
    {fp64_add, 0, NEG, RM(FP_NEGINF), NEG, 0},
    {fp64_sub, ONE, ONE, RM(FP_NEGINF), NEG, 0},
    {fp64_sub, ONE, ONE, RM(FP_POSINF), 0, 0},
    /* overflow in each mode */
    {fp64_add, MAX64, MAX64, 0, INF, FPSR_OFC | FPSR_IXC},
    {fp64_add, MAX64, MAX64, RM(FP_TOZERO), MAX64, FPSR_OFC | FPSR_IXC},
    {fp64_add, MAX64, MAX64, RM(FP_NEGINF), MAX64, FPSR_OFC | FPSR_IXC},
    {fp64_sub, MAX64 | NEG, MAX64, RM(FP_NEGINF), INF | NEG, FPSR_OFC | FPSR_IXC},
    {fp64_sub, MAX64 | NEG, MAX64, RM(FP_POSINF), MAX64 | NEG, FPSR_OFC | FPSR_IXC},
    /* tininess is detected before rounding: this rounds up to the smallest normal, yet is tiny */
    {fp64_mul, MIN64, ONE - 1, 0, MIN64, FPSR_UFC | FPSR_IXC},
    /* an exact denormal raises nothing */
    {fp64_div, MIN64, TWO, 0, DENORM, 0},
    {fp64_mul, 1, UINT64_C(0x3fe0000000000000), 0, 0, FPSR_UFC | FPSR_IXC},
    {fp64_mul, 1, UINT64_C(0x3fe0000000000000), RM(FP_POSINF), 1, FPSR_UFC | FPSR_IXC},
    /* FZ: inputs with IDC, results with UFC alone */
    {fp64_add, DENORM, ONE, FPCR_FZ, ONE, FPSR_IDC},
    {fp64_add, DENORM | NEG, NEG, FPCR_FZ, NEG, FPSR_IDC},
    {fp64_div, MIN64 | NEG, TWO, FPCR_FZ, NEG, FPSR_UFC},
    {fp64_mul, MIN64, ONE - 1, FPCR_FZ, 0, FPSR_UFC},
    {fp64_add, DENORM, QNAN(1), FPCR_FZ, QNAN(1), FPSR_IDC},
    /* FZ16 is no matter of double precision */
    {fp64_div, MIN64, TWO, FPCR_FZ16, DENORM, 0},
    /* maximum and minimum */
    {fp64_max, 0, NEG, 0, 0, 0},
    {fp64_min, 0, NEG, 0, NEG, 0},
    {fp64_max, ONE, QNAN(3), 0, QNAN(3), 0},
    {fp64_maxnm, ONE | NEG, QNAN(3), 0, ONE | NEG, 0},
    {fp64_minnm, QNAN(3), ONE, 0, ONE, 0},
    {fp64_minnm, QNAN(3), QNAN(4), 0, QNAN(3), 0},
    {fp64_maxnm, SNAN(3), ONE, 0, QNAN(3), FPSR_IOC},
    {fp64_maxnm, QNAN(3), SNAN(4), 0, QNAN(4), FPSR_IOC},
    {fp64_max, DENORM | NEG, NEG | 1, FPCR_FZ, NEG, FPSR_IDC},
    /* reciprocal steps: 2 - ab and (3 - ab) / 2; the first operand is negated before NaN rules */
    {fp64_recip_step, ONE, ONE, 0, ONE, 0},
    {fp64_recip_step, 0, INF, 0, TWO, 0},
    {fp64_recip_step, QNAN(5), ONE, 0, QNAN(5) | NEG, 0},
    {fp64_recip_step, TWO, ONE, RM(FP_NEGINF), NEG, 0},
    {fp64_rsqrt_step, ONE, ONE, 0, ONE, 0},
    {fp64_rsqrt_step, INF, NEG, 0, UINT64_C(0x3ff8000000000000), 0},
    {fp64_rsqrt_step, INF, ONE, 0, INF | NEG, 0},
};

static void test_binary_operations(void **state)
{
    for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
        struct fp_env env = {rules[i].fpcr, 0};
        const uint64_t got = rules[i].fn(rules[i].a, rules[i].b, &env);

        if (got != rules[i].result || env.fpsr != rules[i].fpsr) {
            fail_msg("rule %zu: %016llx, flags %x", i, (unsigned long long)got, env.fpsr);
        }
        /* Flags accumulate: the host's path may be taken now, and must say the same. */
        env.fpsr = FPSR_IXC | FPSR_QC;
        assert_true(rules[i].fn(rules[i].a, rules[i].b, &env) == rules[i].result);
        assert_int_equal(env.fpsr, rules[i].fpsr | FPSR_IXC | FPSR_QC);
    }
}

static void test_fused_multiply_add(void **state)
{
    struct fp_env env = {0, 0};

    /* one rounding: (1 + 2^-52)^2 - (1 + 2^-51) is 2^-104 */
    assert_true(fp64_muladd((ONE + 2) | NEG, ONE + 1, ONE + 1, &env) == (uint64_t)(1023 - 104)
                                                                            << 52);
    assert_int_equal(env.fpsr, 0);
    /* infinity times zero is invalid even beside a quiet NaN, and the default NaN results */
    assert_true(fp64_muladd(QNAN(9), INF, 0, &env) == DEFAULT);
    assert_int_equal(env.fpsr, FPSR_IOC);
    /* but a signalling addend is the one that is propagated */
    assert_true(fp64_muladd(SNAN(9), INF, 0, &env) == QNAN(9));
    env.fpsr = 0;
    /* the addend is the first operand for FPProcessNaNs3 */
    assert_true(fp64_muladd(QNAN(1), QNAN(2), QNAN(3), &env) == QNAN(1));
    assert_true(fp64_muladd(ONE, QNAN(2), QNAN(3), &env) == QNAN(2));
    assert_int_equal(env.fpsr, 0);
    assert_true(fp64_muladd(QNAN(1), ONE, SNAN(3), &env) == QNAN(3));
    assert_int_equal(env.fpsr, FPSR_IOC);
    env.fpsr = 0;
    assert_true(fp64_muladd(INF | NEG, INF, ONE, &env) == DEFAULT);
    assert_int_equal(env.fpsr, FPSR_IOC);
    env.fpsr = 0;
    assert_true(fp64_muladd(NEG, 0, ONE, &env) == 0);
    assert_true(fp64_muladd(NEG, NEG, ONE, &env) == NEG);
    assert_true(fp64_muladd(ONE, NEG, ONE, &env) == ONE);
    assert_true(fp64_muladd(INF, ONE, ONE, &env) == INF);
    assert_int_equal(env.fpsr, 0);
    /* far apart: the product, then the addend, only decides rounding */
    assert_true(fp64_muladd(ONE, 1, 1, &env) == ONE);
    assert_int_equal(env.fpsr, FPSR_IXC);
    env = (struct fp_env){RM(FP_POSINF), 0};
    assert_true(fp64_muladd(ONE, 1, 1, &env) == ONE + 1);
    assert_true(fp64_muladd(1, TWO, TWO, &env) == UINT64_C(0x4010000000000001));
}

/* FPMulAddH widens NaNs of half precision as FPConvertNaN does. */
static void test_fused_multiply_add_of_halves(void **state)
{
    struct fp_env env = {0, 0};

    assert_int_equal(fp32_muladd_h(0x3f800000, 0x3c00, 0x4000, &env), 0x40400000);
    assert_int_equal(fp32_muladd_h(0x3f800000, 0xfe01, 0x4000, &env), 0xffc02000);
    assert_int_equal(env.fpsr, 0);
    assert_int_equal(fp32_muladd_h(0x7fc00005, 0x7c01, 0x4000, &env), 0x7fc02000);
    assert_int_equal(env.fpsr, FPSR_IOC);
    /* FZ16 flushes the halves without IDC */
    env = (struct fp_env){FPCR_FZ16, 0};
    assert_int_equal(fp32_muladd_h(0x3f800000, 0x0001, 0x7bff, &env), 0x3f800000);
    assert_int_equal(env.fpsr, 0);
}

static void test_square_root(void **state)
{
    struct fp_env env = {0, 0};

    assert_true(fp64_sqrt(NEG, &env) == NEG);
    assert_true(fp64_sqrt(INF, &env) == INF);
    assert_true(fp64_sqrt(UINT64_C(0x4010000000000000), &env) == TWO);
    assert_true(fp64_sqrt(UINT64_C(0x4022000000000000), &env) == UINT64_C(0x4008000000000000));
    assert_int_equal(env.fpsr, 0);
    assert_true(fp64_sqrt(TWO, &env) == UINT64_C(0x3ff6a09e667f3bcd));
    assert_int_equal(env.fpsr, FPSR_IXC);
    assert_true(fp64_sqrt(ONE | NEG, &env) == DEFAULT);
    assert_int_equal(env.fpsr, FPSR_IXC | FPSR_IOC);
    assert_int_equal(fp32_sqrt(0x40000000, &env), 0x3fb504f3);
}

static void test_conversions_between_precisions(void **state)
{
    struct fp_env env = {0, 0};

    /* FPConvertNaN keeps the payload's top bits and makes it quiet */
    assert_int_equal(fp64_to_fp32(SNAN(UINT64_C(1) << 30) | NEG, FP_TIEEVEN, &env), 0xffc00002);
    assert_int_equal(env.fpsr, FPSR_IOC);
    assert_true(fp32_to_fp64(0x7fc00002, &env) == QNAN(UINT64_C(1) << 30));
    env = (struct fp_env){FPCR_DN, 0};
    assert_int_equal(fp64_to_fp32(QNAN(5) | NEG, FP_TIEEVEN, &env), 0x7fc00000);
    assert_int_equal(fp64_to_fp32(INF | NEG, FP_TIEEVEN, &env), 0xff800000);
    assert_int_equal(env.fpsr, 0);
    /* FCVTXN: to odd; overflow gives the largest number */
    assert_int_equal(fp64_to_fp32(ONE + 1, FP_ODD, &env), 0x3f800001);
    assert_int_equal(fp64_to_fp32(MAX64, FP_ODD, &env), 0x7f7fffff);
    assert_int_equal(env.fpsr, FPSR_IXC | FPSR_OFC);
    /* alternative half precision has neither infinities nor NaNs */
    env = (struct fp_env){FPCR_AHP, 0};
    assert_int_equal(fp32_to_fp16(0x47800000, &env), 0x7c00); /* 65536 */
    assert_int_equal(fp16_to_fp32(0x7c00, &env), 0x47800000);
    assert_int_equal(env.fpsr, 0);
    assert_int_equal(fp32_to_fp16(0xff800000, &env), 0xffff);
    assert_int_equal(env.fpsr, FPSR_IOC);
    env.fpsr = 0;
    assert_int_equal(fp32_to_fp16(0xffc00001, &env), 0x8000);
    assert_int_equal(env.fpsr, FPSR_IOC);
    env.fpsr = 0;
    assert_int_equal(fp64_to_fp16(MAX64, &env), 0x7fff);
    assert_int_equal(env.fpsr, FPSR_IOC); /* and neither overflow nor inexact */
    /* FZ flushes a single that becomes denormal, and never a half */
    env = (struct fp_env){FPCR_FZ | FPCR_FZ16, 0};
    assert_int_equal(fp64_to_fp32(UINT64_C(0x3800000000000000), FP_TIEEVEN, &env), 0);
    assert_int_equal(env.fpsr, FPSR_UFC);
    env.fpsr = 0;
    assert_int_equal(fp32_to_fp16(0x33800000, &env), 0x0001);
    assert_int_equal(fp16_to_fp32(0x0001, &env), 0x33800000);
    assert_int_equal(env.fpsr, 0);
}

static void test_conversions_to_integers_saturate(void **state)
{
    struct fp_env env = {0, 0};

    assert_true(fp64_to_fixed(INF, 0, false, 64, FP_TOZERO, &env) == UINT64_C(0x7fffffffffffffff));
    assert_true(fp64_to_fixed(INF | NEG, 0, false, 32, FP_TOZERO, &env) == UINT64_C(0x80000000));
    assert_true(fp64_to_fixed(ONE | NEG, 0, true, 64, FP_TOZERO, &env) == 0);
    assert_true(fp64_to_fixed(QNAN(0), 0, true, 64, FP_TOZERO, &env) == 0);
    assert_int_equal(env.fpsr, FPSR_IOC); /* and not IXC */
    env.fpsr = 0;
    assert_true(fp64_to_fixed(UINT64_C(0xbfe0000000000000), 0, true, 64, FP_TIEEVEN, &env) == 0);
    assert_int_equal(env.fpsr, FPSR_IXC); /* -0.5 rounds to 0, which is in range */
    env.fpsr = 0;
    assert_true(fp64_to_fixed(UINT64_C(0xc3e0000000000000), 0, false, 64, FP_TOZERO, &env) == NEG);
    assert_true(fp64_to_fixed(UINT64_C(0x43e0000000000000), 0, true, 64, FP_TOZERO, &env) == NEG);
    assert_int_equal(env.fpsr, 0);
    assert_true(fp64_from_fixed(UINT64_MAX, 0, true, FP_TIEEVEN, &env) ==
                UINT64_C(0x43f0000000000000));
    assert_int_equal(env.fpsr, FPSR_IXC);
    assert_true(fp64_from_fixed(UINT64_MAX, 0, false, FP_TIEEVEN, &env) == (ONE | NEG));
    assert_int_equal(fp32_from_fixed(1, 64, true, FP_TIEEVEN, &env), 0x1f800000);
}

static void test_fjcvtzs(void **state)
{
    static const struct {
        uint64_t in;
        uint32_t out;
        bool z;
        uint32_t fpsr;
    } cases[] = {
        {0, 0, true, 0},
        {NEG, 0, false, 0},
        {ONE, 1, true, 0},
        {ONE | NEG, 0xffffffff, true, 0},
        {UINT64_C(0xc1e0000000000000), 0x80000000, true, 0},         /* -2^31 */
        {UINT64_C(0x41e0000000000000), 0x80000000, false, FPSR_IOC}, /* 2^31 */
        {UINT64_C(0x41f0000000100000), 1, false, FPSR_IOC},          /* 2^32 + 1 */
        {UINT64_C(0x3ff8000000000000), 1, false, FPSR_IXC},          /* 1.5 */
        {UINT64_C(0x4340000000000001), 2, false, FPSR_IOC},          /* 2^53 + 2 */
        {UINT64_C(0x4520000000000001), 0x80000000, false, FPSR_IOC}, /* 2^83 + 2^31 */
        {UINT64_C(0x4530000000000001), 0, false, FPSR_IOC},
        {UINT64_C(0x47f0000000000001), 0, false, FPSR_IOC},
        {INF, 0, false, FPSR_IOC},
        {SNAN(1), 0, false, FPSR_IOC},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fp_env env = {0, 0};
        bool z = !cases[i].z;

        assert_int_equal(fp64_to_int32_js(cases[i].in, &z, &env), cases[i].out);
        assert_int_equal(z, cases[i].z);
        assert_int_equal(env.fpsr, cases[i].fpsr);
    }
    /* a denormal that is flushed does not convert back either */
    struct fp_env env = {FPCR_FZ, 0};
    bool z = true;
    assert_int_equal(fp64_to_int32_js(1, &z, &env), 0);
    assert_false(z);
    assert_int_equal(env.fpsr, FPSR_IDC);
}

static void test_rounding_to_32_and_64_bits(void **state)
{
    struct fp_env env = {0, 0};

    assert_int_equal(fp32_round_int_n(0x3fc00000, FP_TIEEVEN, 32, &env), 0x40000000);
    assert_int_equal(env.fpsr, FPSR_IXC);
    env.fpsr = 0;
    assert_int_equal(fp32_round_int_n(0x80000000, FP_TOZERO, 32, &env), 0x80000000);
    assert_int_equal(fp32_round_int_n(0xcf000000, FP_TOZERO, 32, &env), 0xcf000000);
    assert_int_equal(env.fpsr, 0);
    assert_int_equal(fp32_round_int_n(0x4f000000, FP_TOZERO, 32, &env), 0xcf000000);
    assert_true(fp64_round_int_n(QNAN(1), FP_TOZERO, 64, &env) == UINT64_C(0xc3e0000000000000));
    assert_int_equal(env.fpsr, FPSR_IOC);
}

static void test_estimates(void **state)
{
    struct fp_env env = {0, 0};

    assert_true(fp64_recip_estimate(ONE, &env) == UINT64_C(0x3feff00000000000));
    assert_true(fp64_rsqrt_estimate(ONE, &env) == UINT64_C(0x3feff00000000000));
    assert_true(fp64_recip_estimate(INF | NEG, &env) == NEG);
    assert_true(fp64_rsqrt_estimate(INF, &env) == 0);
    assert_int_equal(env.fpsr, 0);
    assert_true(fp64_recip_estimate(NEG, &env) == (INF | NEG));
    assert_true(fp64_rsqrt_estimate(NEG, &env) == (INF | NEG));
    assert_int_equal(env.fpsr, FPSR_DZC);
    env.fpsr = 0;
    assert_true(fp64_recip_estimate(1, &env) == INF);
    assert_int_equal(env.fpsr, FPSR_OFC | FPSR_IXC);
    env.fpsr = 0;
    assert_true(fp64_rsqrt_estimate(ONE | NEG, &env) == DEFAULT);
    assert_int_equal(env.fpsr, FPSR_IOC);
    env = (struct fp_env){FPCR_FZ, 0};
    assert_true(fp64_recip_estimate(MAX64, &env) == 0);
    assert_int_equal(env.fpsr, FPSR_UFC);
    env = (struct fp_env){0, 0};
    assert_true((fp64_recip_estimate(MAX64, &env) >> 52) == 0); /* a denormal */
    assert_true(fp64_recpx(0, &env) == UINT64_C(0x7fe0000000000000));
    assert_true(fp64_recpx(ONE, &env) == UINT64_C(0x4000000000000000));
    assert_int_equal(fp_unsigned_recip_estimate(0x7fffffff), 0xffffffff);
    assert_int_equal(fp_unsigned_recip_estimate(0x80000000), 0xff800000);
    assert_int_equal(fp_unsigned_rsqrt_estimate(0x3fffffff), 0xffffffff);
    assert_int_equal(fp_unsigned_rsqrt_estimate(0x40000000), 0xff800000);
}

/* What the host computes is what the integer path computes: IXC decides which one runs. */
static void check_paths(uint64_t a, uint64_t b, uint64_t c)
{
    static const binary doubles[] = {fp64_add, fp64_sub, fp64_mul, fp64_div};
    static uint32_t (*const singles[])(uint32_t, uint32_t, struct fp_env *) = {fp32_add, fp32_sub,
                                                                               fp32_mul, fp32_div};
    struct fp_env soft = {0, 0};
    struct fp_env host = {0, FPSR_IXC};

    for (unsigned i = 0; i < 4; i++) {
        soft.fpsr = 0;
        assert_true(doubles[i](a, b, &soft) == doubles[i](a, b, &host));
        soft.fpsr = 0;
        assert_int_equal(singles[i]((uint32_t)a, (uint32_t)b, &soft),
                         singles[i]((uint32_t)a, (uint32_t)b, &host));
    }
    soft.fpsr = 0;
    assert_true(fp64_sqrt(a, &soft) == fp64_sqrt(a, &host));
    soft.fpsr = 0;
    assert_int_equal(fp32_sqrt((uint32_t)a, &soft), fp32_sqrt((uint32_t)a, &host));
    soft.fpsr = 0;
    assert_int_equal(fp32_muladd((uint32_t)c, (uint32_t)a, (uint32_t)b, &soft),
                     fp32_muladd((uint32_t)c, (uint32_t)a, (uint32_t)b, &host));
}

/* Numbers of like magnitude, and with few bits so that ties and cancellation are common. */
static uint64_t random_bits(uint64_t *seed, unsigned i)
{
    const uint64_t r = simd_random(seed);
    const uint64_t few = UINT64_C(0xffff0000e00fe00f);

    if (i % 4 == 0) {
        return r;
    }
    return (r & (i % 4 == 1 ? UINT64_MAX : few) & UINT64_C(0x81ffffff81ffffff)) |
           UINT64_C(0x3e0000003e000000);
}

static void test_host_and_integer_paths_agree(void **state)
{
    uint64_t seed = 3;

    for (unsigned i = 0; i < 100000; i++) {
        const uint64_t a = random_bits(&seed, i);
        const uint64_t b = random_bits(&seed, i / 2);
        check_paths(a, b, random_bits(&seed, i / 3));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_binary_operations),
        cmocka_unit_test(test_fused_multiply_add),
        cmocka_unit_test(test_fused_multiply_add_of_halves),
        cmocka_unit_test(test_square_root),
        cmocka_unit_test(test_conversions_between_precisions),
        cmocka_unit_test(test_conversions_to_integers_saturate),
        cmocka_unit_test(test_fjcvtzs),
        cmocka_unit_test(test_rounding_to_32_and_64_bits),
        cmocka_unit_test(test_estimates),
        cmocka_unit_test(test_host_and_integer_paths_agree),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
