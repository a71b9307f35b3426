/* What the library adds to an exit: a character out, and the flag register that drivers poll. */
#include "bench.h"
#include <vml/pl011.h>

static volatile uint8_t last;

static size_t take(void *context, const uint8_t *bytes, size_t len)
{
    last = bytes[0];
    return len;
}

static const struct vml_chardev_ops ops = {.push = take};
static struct vml_pl011 uart;

static void set_up(void)
{
    struct vml_pl011_config config = {.peer = {&ops, NULL}};

    if (vml_pl011_init(&uart, &config) != VML_OK) {
        abort();
    }
    struct vml_access first = {.offset = 0, .size = 4, .write = true, .value = 'x'};

    uart.device.ops->access(&uart.device, &first);
}

static void repeat(uint64_t iterations, struct vml_access what)
{
    set_up();
    struct vml_access access = what;

    for (uint64_t i = 0; i < iterations; i++) {
        access.offset = what.offset;
        uart.device.ops->access(&uart.device, &access);
        BENCH_KEEP(access.value);
    }
}

static void byte_out(uint64_t iterations)
{
    repeat(iterations, (struct vml_access){.offset = 0, .size = 1, .write = true, .value = 'a'});
}

static void flags(uint64_t iterations)
{
    repeat(iterations, (struct vml_access){.offset = 0x18, .size = 4});
}

static void masked_status(uint64_t iterations)
{
    repeat(iterations, (struct vml_access){.offset = 0x40, .size = 4});
}

static const struct bench_case cases[] = {
    {"pl011 byte out", byte_out},
    {"pl011 UARTFR", flags},
    {"pl011 UARTMIS through the table", masked_status},
};

BENCH_MAIN(cases)
