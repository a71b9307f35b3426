/* Clocks: events at their deadlines, what the source is told, and conversions. */
#include "test.h"

#include <vml/clock.h>

struct source {
    uint64_t now;
    uint64_t deadline;
    unsigned told;
};

static uint64_t source_now(void *context)
{
    return ((struct source *)context)->now;
}

static void source_set_deadline(void *context, uint64_t deadline)
{
    struct source *source = context;

    source->deadline = deadline;
    source->told++;
}

static struct source source;
static struct vml_clock clock;

struct alarm {
    struct vml_clock_event event;
    uint64_t at;
    unsigned count;
    unsigned order;
    uint64_t again; /* ticks later, once more each time; 0 not */
    struct alarm *cancels;
};

static unsigned order;

static void ring(struct vml_clock_event *event)
{
    struct alarm *alarm = VML_CONTAINER_OF(event, struct alarm, event);

    alarm->at = vml_clock_now(event->clock);
    alarm->count++;
    alarm->order = ++order;
    if (alarm->again != 0) {
        vml_clock_event_arm(event, alarm->at + alarm->again);
    }
    if (alarm->cancels != NULL) {
        vml_clock_event_cancel(&alarm->cancels->event);
    }
}

static int setup(void **state)
{
    const struct vml_clock_source config = {source_now, source_set_deadline, &source, 1000000};

    source = (struct source){.deadline = VML_CLOCK_NEVER};
    order = 0;
    assert_int_equal(vml_clock_init(&clock, &config), VML_OK);
    return 0;
}

static void sources_are_checked(void **state)
{
    struct vml_clock_source config = {NULL, NULL, NULL, 1};
    struct vml_host_clock host;
    struct vml_virtual_clock virtual;

    assert_int_equal(vml_clock_init(&clock, &config), VML_ERR_INVALID);
    config.now = source_now;
    config.frequency_hz = 0;
    assert_int_equal(vml_clock_init(&clock, &config), VML_ERR_INVALID);
    assert_int_equal(vml_host_clock_init(&host, 0), VML_ERR_INVALID);
    assert_int_equal(vml_host_clock_init(&host, 1000000001), VML_ERR_INVALID);
    assert_int_equal(vml_virtual_clock_init(&virtual, 0), VML_ERR_INVALID);
}

static void the_source_is_told_of_the_earliest_deadline_only(void **state)
{
    struct alarm a = {0};
    struct alarm b = {0};

    vml_clock_event_init(&a.event, &clock, ring);
    vml_clock_event_init(&b.event, &clock, ring);
    assert_true(vml_clock_next(&clock) == VML_CLOCK_NEVER);
    vml_clock_event_cancel(&a.event);
    assert_int_equal(source.told, 0);
    vml_clock_event_arm(&a.event, 100);
    assert_true(source.deadline == 100);
    vml_clock_event_arm(&b.event, 200);
    assert_int_equal(source.told, 1);
    vml_clock_event_arm(&b.event, 50);
    assert_true(source.deadline == 50);
    assert_true(vml_clock_next(&clock) == 50);
    vml_clock_event_cancel(&b.event);
    assert_true(source.deadline == 100);
    vml_clock_event_arm(&a.event, VML_CLOCK_NEVER);
    assert_true(source.deadline == VML_CLOCK_NEVER);
    assert_int_equal(source.told, 4);
}

static void what_is_due_is_called_in_order(void **state)
{
    struct alarm alarms[5];
    const uint64_t deadlines[5] = {30, 10, 50, 20, 40};

    for (int i = 0; i < 5; i++) {
        alarms[i] = (struct alarm){0};
        vml_clock_event_init(&alarms[i].event, &clock, ring);
        vml_clock_event_arm(&alarms[i].event, deadlines[i]);
    }
    source.now = 9;
    vml_clock_run(&clock);
    assert_int_equal(order, 0);
    /* The source's deadline is used up by a run, and it is told again. */
    assert_true(source.deadline == 10);
    source.now = 40;
    vml_clock_run(&clock);
    assert_int_equal(order, 4);
    assert_int_equal(alarms[1].order, 1);
    assert_int_equal(alarms[3].order, 2);
    assert_int_equal(alarms[0].order, 3);
    assert_int_equal(alarms[4].order, 4);
    assert_int_equal(alarms[2].count, 0);
    assert_true(source.deadline == 50);
    source.now = 1000;
    vml_clock_run(&clock);
    vml_clock_run(&clock);
    assert_int_equal(alarms[2].count, 1);
    assert_int_equal(order, 5);
    assert_true(vml_clock_next(&clock) == VML_CLOCK_NEVER);
}

static void a_past_deadline_waits_for_a_run(void **state)
{
    struct alarm a = {0};

    source.now = 500;
    vml_clock_event_init(&a.event, &clock, ring);
    vml_clock_event_arm(&a.event, 3);
    assert_int_equal(a.count, 0);
    assert_true(source.deadline == 3);
    vml_clock_run(&clock);
    assert_int_equal(a.count, 1);
}

static void functions_may_arm_and_cancel(void **state)
{
    struct alarm a = {.again = 10};
    struct alarm victim = {0};
    struct alarm killer = {.cancels = &victim};

    vml_clock_event_init(&a.event, &clock, ring);
    vml_clock_event_init(&victim.event, &clock, ring);
    vml_clock_event_init(&killer.event, &clock, ring);
    vml_clock_event_arm(&a.event, 1);
    vml_clock_event_arm(&victim.event, 3);
    vml_clock_event_arm(&killer.event, 2);
    source.now = 5;
    vml_clock_run(&clock);
    assert_int_equal(a.count, 1);
    assert_int_equal(killer.count, 1);
    assert_int_equal(victim.count, 0);
    assert_true(source.deadline == 15);
}

static void an_event_that_never_rests_does_not_hang_a_run(void **state)
{
    struct alarm a = {.again = UINT64_MAX}; /* one tick into the past */

    source.now = 5;
    vml_clock_event_init(&a.event, &clock, ring);
    vml_clock_event_arm(&a.event, 1);
    vml_clock_run(&clock);
    assert_true(a.count > 0);
    assert_true(source.deadline == 4);
    a.again = 0;
    vml_clock_run(&clock);
    assert_true(vml_clock_next(&clock) == VML_CLOCK_NEVER);
}

/* The heap against a sorted list, over many random steps. */
static void many_events_keep_their_order(void **state)
{
    enum { COUNT = 64 };
    struct alarm alarms[COUNT];
    uint64_t deadlines[COUNT];
    uint32_t random = 12345;

    for (int i = 0; i < COUNT; i++) {
        alarms[i] = (struct alarm){0};
        vml_clock_event_init(&alarms[i].event, &clock, ring);
        deadlines[i] = VML_CLOCK_NEVER;
    }
    for (int step = 0; step < 20000; step++) {
        uint64_t earliest = VML_CLOCK_NEVER;
        uint32_t which;

        random = random * 1664525 + 1013904223;
        which = random >> 20 & (COUNT - 1);
        if (random >> 28 < 11) {
            deadlines[which] = source.now + 1 + (random >> 8 & 0xfff);
        } else {
            deadlines[which] = VML_CLOCK_NEVER;
        }
        vml_clock_event_arm(&alarms[which].event, deadlines[which]);
        if (step % 7 == 0) {
            source.now += random >> 4 & 0xff;
            vml_clock_run(&clock);
        }
        for (int i = 0; i < COUNT; i++) {
            if (deadlines[i] <= source.now && step % 7 == 0) {
                assert_int_equal(alarms[i].count, 1);
                deadlines[i] = VML_CLOCK_NEVER;
            } else {
                assert_int_equal(alarms[i].count, 0);
            }
            alarms[i].count = 0;
            earliest = vml_min_u64(earliest, deadlines[i]);
        }
        assert_true(vml_clock_next(&clock) == earliest);
        assert_true(source.deadline == earliest);
    }
}

static void conversions(void **state)
{
    const uint64_t frequencies[] = {1,
                                    3,
                                    1000,
                                    24000000,
                                    62500000,
                                    999999999,
                                    1000000000,
                                    1000000001,
                                    UINT64_C(18446744074),
                                    UINT64_C(30000000000),
                                    UINT64_C(1) << 40,
                                    UINT64_MAX / 2 + 1,
                                    UINT64_MAX};
    const uint64_t values[] = {0,
                               1,
                               2,
                               999,
                               1000000000,
                               1000000001,
                               UINT64_C(123456789012345),
                               UINT64_C(1) << 40,
                               UINT64_C(1) << 63,
                               UINT64_MAX - 1,
                               UINT64_MAX};

    for (size_t f = 0; f < sizeof(frequencies) / sizeof(frequencies[0]); f++) {
        for (size_t v = 0; v < sizeof(values) / sizeof(values[0]); v++) {
            __extension__ typedef unsigned __int128 wide;
            wide hz = frequencies[f];
            wide ns = ((wide)values[v] * 1000000000u + hz - 1) / hz;
            wide ticks = (wide)values[v] * hz / 1000000000u;

            clock.source.frequency_hz = frequencies[f];
            assert_true(vml_clock_ticks_to_ns(&clock, values[v]) ==
                        (ns > UINT64_MAX ? UINT64_MAX : (uint64_t)ns));
            assert_true(vml_clock_ns_to_ticks(&clock, values[v]) ==
                        (ticks > UINT64_MAX ? UINT64_MAX : (uint64_t)ticks));
        }
    }
    assert_true(vml_clock_frequency(&clock) == UINT64_MAX);
}

static void a_virtual_clock_stops_at_each_deadline(void **state)
{
    struct vml_virtual_clock virtual;
    struct alarm a = {.again = 30};
    struct alarm b = {0};

    assert_int_equal(vml_virtual_clock_init(&virtual, 1000), VML_OK);
    vml_clock_event_init(&a.event, &virtual.clock, ring);
    vml_clock_event_init(&b.event, &virtual.clock, ring);
    vml_clock_event_arm(&a.event, 30);
    vml_clock_event_arm(&b.event, 70);
    vml_virtual_clock_advance(&virtual, 29);
    assert_true(vml_clock_now(&virtual.clock) == 29);
    assert_int_equal(a.count, 0);
    vml_virtual_clock_advance(&virtual, 100);
    assert_true(vml_clock_now(&virtual.clock) == 100);
    assert_int_equal(a.count, 3);
    assert_true(a.at == 90);
    assert_true(b.at == 70);
    vml_virtual_clock_advance(&virtual, 50);
    assert_true(vml_clock_now(&virtual.clock) == 100);
    a.again = 0;
    vml_clock_event_arm(&b.event, 10); /* in the past */
    vml_virtual_clock_advance(&virtual, 100);
    assert_int_equal(b.count, 2);
    assert_true(b.at == 100);
    vml_virtual_clock_advance(&virtual, UINT64_MAX);
    assert_int_equal(a.count, 4);
    vml_clock_destroy(&virtual.clock);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sources_are_checked),
        cmocka_unit_test_setup(the_source_is_told_of_the_earliest_deadline_only, setup),
        cmocka_unit_test_setup(what_is_due_is_called_in_order, setup),
        cmocka_unit_test_setup(a_past_deadline_waits_for_a_run, setup),
        cmocka_unit_test_setup(functions_may_arm_and_cancel, setup),
        cmocka_unit_test_setup(an_event_that_never_rests_does_not_hang_a_run, setup),
        cmocka_unit_test_setup(many_events_keep_their_order, setup),
        cmocka_unit_test_setup(conversions, setup),
        cmocka_unit_test(a_virtual_clock_stops_at_each_deadline),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
