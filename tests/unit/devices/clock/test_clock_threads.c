/* A clock on the host's time, armed from several threads. */
#include "test.h"

#include <vml/clock.h>

#define THREADS 3
#define ROUNDS  100

struct waiter {
    struct vml_clock_event event;
    struct vml_signal rang;
    struct vml_thread thread;
    struct vml_host_clock *host;
    uint64_t deadline;
    uint32_t early;
    uint32_t rounds;
};

static void ring(struct vml_clock_event *event)
{
    struct waiter *waiter = VML_CONTAINER_OF(event, struct waiter, event);

    if (vml_clock_now(event->clock) < __atomic_load_n(&waiter->deadline, __ATOMIC_RELAXED)) {
        waiter->early++;
    }
    vml_signal_set(&waiter->rang);
}

static void wait_for_alarms(void *context)
{
    struct waiter *waiter = context;

    for (uint32_t i = 0; i < ROUNDS; i++) {
        uint64_t deadline = vml_clock_now(&waiter->host->clock) + i * 7 % 50;

        __atomic_store_n(&waiter->deadline, deadline, __ATOMIC_RELAXED);
        /* A far one first, so that deadlines move both ways. */
        vml_clock_event_arm(&waiter->event, deadline + UINT64_C(3600000000));
        vml_clock_event_arm(&waiter->event, deadline);
        (void)!vml_signal_wait_until(&waiter->rang, VML_TIME_NEVER);
        waiter->rounds++;
    }
}

static void no_alarm_is_lost_or_early(void **state)
{
    struct waiter waiters[THREADS];
    struct vml_host_clock host;

    assert_int_equal(vml_host_clock_init(&host, 1000000), VML_OK);
    memset(waiters, 0, sizeof(waiters));
    for (int i = 0; i < THREADS; i++) {
        waiters[i].host = &host;
        vml_signal_init(&waiters[i].rang);
        vml_clock_event_init(&waiters[i].event, &host.clock, ring);
        assert_int_equal(
            vml_thread_create(&waiters[i].thread, "waiter", wait_for_alarms, &waiters[i]), VML_OK);
    }
    for (int i = 0; i < THREADS; i++) {
        vml_thread_join(&waiters[i].thread);
        assert_int_equal(waiters[i].rounds, ROUNDS);
        assert_int_equal(waiters[i].early, 0);
    }
    vml_host_clock_destroy(&host);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_alarm_is_lost_or_early),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
