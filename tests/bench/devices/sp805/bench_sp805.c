/* A watchdog that is looked at, and kept from barking. */
#include "bench_device.h"

#include <vml/sp805.h>

static struct vml_virtual_clock virtual;
static struct vml_sp805 watchdog;

static struct vml_device *make(void)
{
    struct vml_sp805_config config = {.clock = &virtual.clock};

    if (vml_virtual_clock_init(&virtual, 1000000) != VML_OK ||
        vml_sp805_init(&watchdog, &config) != VML_OK) {
        abort();
    }
    return &watchdog.device;
}

static void value(uint64_t iterations)
{
    bench_read(make(), iterations, 0x04);
}

static void status(uint64_t iterations)
{
    bench_read(make(), iterations, 0x14);
}

static void clear(uint64_t iterations)
{
    bench_write(make(), iterations, 0x0c, 1);
}

static const struct bench_case cases[] = {
    {"sp805 WDOGVALUE", value},
    {"sp805 WDOGMIS", status},
    {"sp805 WDOGINTCLR", clear},
};

BENCH_MAIN(cases)
