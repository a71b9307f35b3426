/* Pins that a driver reads, and its interrupt handler. */
#include "bench_device.h"

#include <vml/pl061.h>

static struct vml_pl061 gpio;

static struct vml_device *make(void)
{
    struct vml_pl061_config config = {.inputs = 0};

    if (vml_pl061_init(&gpio, &config) != VML_OK) {
        abort();
    }
    return &gpio.device;
}

static void value(uint64_t iterations)
{
    bench_read(make(), iterations, 0x3fc);
}

static void status(uint64_t iterations)
{
    bench_read(make(), iterations, 0x418);
}

static void clear(uint64_t iterations)
{
    bench_write(make(), iterations, 0x41c, 1);
}

static const struct bench_case cases[] = {
    {"pl061 GPIODATA", value},
    {"pl061 GPIOMIS", status},
    {"pl061 GPIOIC", clear},
};

BENCH_MAIN(cases)
