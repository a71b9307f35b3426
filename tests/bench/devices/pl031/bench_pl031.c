/* The time, and a register that is only kept. */
#include "bench_device.h"

#include <vml/pl031.h>

static struct vml_virtual_clock virtual;
static struct vml_pl031 rtc;

static struct vml_device *make(void)
{
    struct vml_pl031_config config = {.clock = &virtual.clock};

    if (vml_virtual_clock_init(&virtual, 1000000) != VML_OK ||
        vml_pl031_init(&rtc, &config) != VML_OK) {
        abort();
    }
    return &rtc.device;
}

static void value(uint64_t iterations)
{
    bench_read(make(), iterations, 0x00);
}

static void mask(uint64_t iterations)
{
    bench_read(make(), iterations, 0x10);
}

static void clear(uint64_t iterations)
{
    bench_write(make(), iterations, 0x1c, 1);
}

static const struct bench_case cases[] = {
    {"pl031 RTCDR", value},
    {"pl031 RTCIMSC", mask},
    {"pl031 RTCICR", clear},
};

BENCH_MAIN(cases)
