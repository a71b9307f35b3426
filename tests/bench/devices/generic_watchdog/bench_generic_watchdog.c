/* A watchdog that is looked at, and kept from barking. */
#include "bench_device.h"

#include <vml/generic_watchdog.h>

static struct vml_virtual_clock virtual;
static struct vml_timer timer;
static struct vml_generic_watchdog watchdog;

static struct vml_device *make(void)
{
    struct vml_timer_config counter = {.clock = &virtual.clock};
    struct vml_generic_watchdog_config config = {.timer = &timer};

    if (vml_virtual_clock_init(&virtual, 1000000) != VML_OK ||
        vml_timer_init(&timer, &counter) != VML_OK ||
        vml_generic_watchdog_init(&watchdog, &config) != VML_OK) {
        abort();
    }
    return &watchdog.device;
}

static void status(uint64_t iterations)
{
    bench_read(make(), iterations, VML_GENERIC_WATCHDOG_CONTROL);
}

static void refresh(uint64_t iterations)
{
    bench_write(make(), iterations, VML_GENERIC_WATCHDOG_REFRESH, 1);
}

static const struct bench_case cases[] = {
    {"generic_watchdog WCS", status},
    {"generic_watchdog WRR", refresh},
};

BENCH_MAIN(cases)
