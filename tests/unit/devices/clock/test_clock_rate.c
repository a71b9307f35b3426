/* A counter beside a clock: what it shows, and when it shows it first. */
#include "test.h"
#include <vml/clock_rate.h>

static struct vml_clock_rate make(uint64_t clock_hz, uint64_t hz)
{
    struct vml_virtual_clock clock;
    struct vml_clock_rate rate;

    assert_int_equal(vml_virtual_clock_init(&clock, clock_hz), VML_OK);
    assert_int_equal(vml_clock_rate_init(&rate, &clock.clock, hz), VML_OK);
    vml_clock_destroy(&clock.clock);
    return rate;
}

static void the_same_rate_is_the_clock(void **state)
{
    struct vml_clock_rate rate = make(62500000, 0);

    assert_int_equal(vml_clock_rate_count(&rate, 12345), 12345);
    assert_int_equal(vml_clock_rate_tick(&rate, UINT64_MAX), UINT64_MAX);
}

/* The first tick of a count shows it, and the tick before does not. */
static void counts_and_first_ticks_agree(void **state)
{
    static const uint64_t rates[][2] = {{62500000, 32768}, {1000, 24000000},        {7, 3}, {3, 7},
                                        {1, 1000000},      {4294967295, 4294967294}};

    for (size_t i = 0; i < VML_ARRAY_SIZE(rates); i++) {
        struct vml_clock_rate rate = make(rates[i][0], rates[i][1]);

        assert_int_equal(vml_clock_rate_count(&rate, 0), 0);
        assert_int_equal(vml_clock_rate_count(&rate, rates[i][0]), rates[i][1]);
        for (uint64_t count = 1; count < UINT64_C(1) << 40; count = count * 3 + 1) {
            uint64_t tick = vml_clock_rate_tick(&rate, count);

            assert_true(vml_clock_rate_count(&rate, tick) >= count);
            assert_true(vml_clock_rate_count(&rate, tick - 1) < count);
        }
    }
}

static void beyond_the_clocks_range(void **state)
{
    struct vml_clock_rate rate = make(62500000, 32768);
    struct vml_virtual_clock clock;

    assert_int_equal(vml_clock_rate_tick(&rate, UINT64_MAX), VML_CLOCK_NEVER);
    assert_int_equal(vml_virtual_clock_init(&clock, 1000), VML_OK);
    assert_int_equal(vml_clock_rate_init(&rate, &clock.clock, UINT64_C(1) << 32), VML_ERR_INVALID);
    vml_clock_destroy(&clock.clock);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_rate_is_the_clock),
        cmocka_unit_test(counts_and_first_ticks_agree),
        cmocka_unit_test(beyond_the_clocks_range),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
