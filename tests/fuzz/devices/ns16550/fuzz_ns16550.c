/* Any accesses in any order against a back end that takes, refuses and types; any image. The FIFOs
 * stay within their size, and the wire is what IIR says. */
#include <stdlib.h>
#include <vml/ns16550.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool level;
static size_t room;

static void check(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void set_level(void *controller, uint32_t line, uint32_t cpu, bool on)
{
    level = on;
}

static size_t push(void *context, const uint8_t *bytes, size_t len)
{
    size_t n = len < room ? len : room;

    check(len != 0 && len <= VML_NS16550_FIFO);
    room -= n;
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct vml_irq_ops irq = {.set_level = set_level};
    static const struct vml_chardev_ops peer = {.push = push};
    static struct vml_virtual_clock clock;
    static struct vml_ns16550 uart;
    struct vml_ns16550_config config = {.irq = {&irq, NULL, 0, 0}, .peer = {&peer, NULL}};
    struct vml_chardev line;

    level = false;
    room = 0;
    if (size == 0) {
        return 0;
    }
    check(vml_virtual_clock_init(&clock, 1000000) == VML_OK);
    config.clock = data[0] & 2 ? &clock.clock : NULL;
    config.reg_shift = data[0] >> 2 & 3;
    check(vml_ns16550_init(&uart, &config) == VML_OK);
    line = vml_ns16550_end(&uart);
    if (data[0] & 1) {
        struct vml_state_reader r;

        vml_state_reader_init(&r, data + 1, size - 1);
        (void)uart.device.ops->restore(&uart.device, &r);
    }
    for (size_t i = 1; i + 4 <= size && i < 4 * 300; i += 4) {
        const uint8_t *p = data + i;
        struct vml_access a = {.offset = (uint64_t)(p[1] & 15) << config.reg_shift,
                               .value = p[2],
                               .size = (uint8_t)(1u << (p[1] >> 6)),
                               .write = (p[0] & 4) != 0};

        switch (p[0] & 3) {
        case 0:
            room = p[2];
            vml_chardev_ready(&line);
            break;
        case 1:
            (void)vml_chardev_push(&line, &p[2], 1);
            break;
        case 2:
            vml_ns16550_inject(&uart, p[2], p[3]);
            vml_ns16550_set_modem(&uart, p[1]);
            break;
        default:
            (void)uart.device.ops->access(&uart.device, &a);
            break;
        }
        vml_virtual_clock_advance(&clock, clock.ticks + p[3]);
        check(uart.state.rx_count <= VML_NS16550_FIFO && uart.state.tx_count <= VML_NS16550_FIFO);
        a = (struct vml_access){.offset = (uint64_t)2 << config.reg_shift, .size = 1};
        if (p[3] & 1) {
            bool before = level;

            check(uart.device.ops->access(&uart.device, &a) == VML_BUS_OK);
            check(before == !(a.value & 1));
        }
    }
    vml_ns16550_destroy(&uart);
    vml_clock_destroy(&clock.clock);
    return 0;
}
