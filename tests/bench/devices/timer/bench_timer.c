#include "bench.h"

#include <vml/timer.h>

static uint64_t ticks;
static uint64_t now(void *context)
{
    return ticks++;
}

static struct vml_clock clock;
static struct vml_timer timer;

static void make(void)
{
    struct vml_clock_source source = {.now = now, .frequency_hz = 62500000};
    struct vml_timer_config config = {.clock = &clock};

    if (vml_clock_init(&clock, &source) != VML_OK || vml_timer_init(&timer, &config) != VML_OK) {
        abort();
    }
}

static void read_count(uint64_t iterations)
{
    make();
    for (uint64_t i = 0; i < iterations; i++) {
        uint64_t count = vml_timer_virtual_count(&timer);

        BENCH_KEEP(count);
    }
}

static void read_sysreg(uint64_t iterations)
{
    make();
    for (uint64_t i = 0; i < iterations; i++) {
        uint64_t count = 0;

        if (vml_timer_read(&timer, VML_CNTVCT_EL0, &count) != VML_OK) {
            abort();
        }
        BENCH_KEEP(count);
    }
}

static void write_cval(uint64_t iterations)
{
    make();
    vml_timer_write_ctl(&timer, VML_TIMER_VIRTUAL, VML_TIMER_CTL_ENABLE);
    for (uint64_t i = 0; i < iterations; i++) {
        vml_timer_write_cval(&timer, VML_TIMER_VIRTUAL, ticks + 100000);
    }
}

static const struct bench_case cases[] = {
    {"virtual count, inline", read_count},
    {"CNTVCT_EL0 by address", read_sysreg},
    {"CNTV_CVAL_EL0 write, deadline moved", write_cval},
};
BENCH_MAIN(cases)
