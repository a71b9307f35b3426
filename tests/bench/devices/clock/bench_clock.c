/* Moving deadlines about while other events are armed. */
#include "bench.h"

#include <vml/clock.h>

#define EVENTS 64

static struct vml_virtual_clock clock;
static struct vml_clock_event events[EVENTS];

static void nothing(struct vml_clock_event *event)
{
    (void)event;
}

static void make_clock(uint32_t armed)
{
    if (vml_virtual_clock_init(&clock, 62500000) != VML_OK) {
        abort();
    }
    for (uint32_t i = 0; i < armed; i++) {
        vml_clock_event_init(&events[i], &clock.clock, nothing);
        vml_clock_event_arm(&events[i], 1000000 + i);
    }
}

static void rearm(uint32_t armed, uint64_t iterations)
{
    uint64_t deadline = 2000000;

    make_clock(armed);
    while (iterations-- > 0) {
        vml_clock_event_arm(&events[armed - 1], deadline);
        deadline ^= 1;
    }
}

static void rearm_1(uint64_t n)
{
    rearm(1, n);
}

static void rearm_64(uint64_t n)
{
    rearm(EVENTS, n);
}

static const struct bench_case cases[] = {
    {"arm again, 1 event", rearm_1},
    {"arm again, 64 events", rearm_64},
};

BENCH_MAIN(cases)
