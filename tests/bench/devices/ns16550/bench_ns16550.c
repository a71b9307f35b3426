/* What the library adds to an exit: a character out, and the line status that drivers poll. */
#include "bench.h"
#include <vml/ns16550.h>

static volatile uint8_t last;

static size_t take(void *context, const uint8_t *bytes, size_t len)
{
    last = bytes[0];
    return len;
}

static void repeat(uint64_t iterations, struct vml_access what)
{
    static const struct vml_chardev_ops ops = {.push = take};
    static struct vml_ns16550 uart;
    struct vml_ns16550_config config = {.peer = {&ops, NULL}};

    if (vml_ns16550_init(&uart, &config) != VML_OK) {
        abort();
    }
    for (uint64_t i = 0; i < iterations; i++) {
        struct vml_access access = what;

        uart.device.ops->access(&uart.device, &access);
        BENCH_KEEP(access.value);
    }
}

static void byte_out(uint64_t iterations)
{
    repeat(iterations, (struct vml_access){.offset = 0, .size = 1, .write = true, .value = 'a'});
}

static void line_status(uint64_t iterations)
{
    repeat(iterations, (struct vml_access){.offset = 5, .size = 1});
}

static const struct bench_case cases[] = {
    {"ns16550 byte out", byte_out},
    {"ns16550 LSR", line_status},
};

BENCH_MAIN(cases)
