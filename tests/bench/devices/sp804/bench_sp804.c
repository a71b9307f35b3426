/* A timer that a driver reads, and one whose period it sets; nothing is due. */
#include "bench_device.h"

#include <vml/sp804.h>

static struct vml_virtual_clock virtual;
static struct vml_sp804 timers;

static struct vml_device *make(void)
{
    struct vml_sp804_config config = {.clock = &virtual.clock};

    if (vml_virtual_clock_init(&virtual, 1000000) != VML_OK ||
        vml_sp804_init(&timers, &config) != VML_OK) {
        abort();
    }
    return &timers.device;
}

static void value(uint64_t iterations)
{
    bench_read(make(), iterations, 0x04);
}

static void status(uint64_t iterations)
{
    bench_read(make(), iterations, 0x34);
}

static void clear(uint64_t iterations)
{
    bench_write(make(), iterations, 0x0c, 1);
}

static void load(uint64_t iterations)
{
    bench_write(make(), iterations, 0x00, 1000);
}

static const struct bench_case cases[] = {
    {"sp804 Timer1Value", value},
    {"sp804 Timer2MIS", status},
    {"sp804 Timer1IntClr", clear},
    {"sp804 Timer1Load", load},
};

BENCH_MAIN(cases)
