/* Any accesses, any characters, any state image: nothing breaks, and the FIFOs stay within
 * bounds. */
#include <stdlib.h>
#include <vml/pl011.h>

static size_t take(void *context, const uint8_t *bytes, size_t len)
{
    uint8_t *room = context;
    size_t n = len < *room ? len : *room;

    (void)bytes;
    *room = (uint8_t)(*room - n);
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct vml_chardev_ops ops = {.push = take};
    static struct vml_pl011 uart;
    uint8_t room = 3;
    struct vml_pl011_config config = {.peer = {&ops, &room}};
    struct vml_chardev end;

    if (size == 0) {
        return 0;
    }
    config.flags = data[0] & 3u;
    config.fifo_depth = data[0] & 4 ? 16 : 32;
    if (vml_pl011_init(&uart, &config) != VML_OK) {
        abort();
    }
    end = vml_pl011_end(&uart);
    if (data[0] & 8) {
        struct vml_state_reader r;

        vml_state_reader_init(&r, data + 1, size - 1);
        (void)uart.device.ops->restore(&uart.device, &r);
        size = size < 64 ? size : 64;
    }
    for (size_t i = 1; i + 5 <= size; i += 5) {
        const uint8_t *p = data + i;
        struct vml_access a = {.offset = (p[1] | p[2] << 8) & 0xfff,
                               .value = p[3] | (uint64_t)p[4] << 8,
                               .size = (uint8_t)(1u << (p[0] & 3)),
                               .write = (p[0] & 4) != 0};

        switch (p[0] >> 4 & 3) {
        case 0:
        case 1:
            (void)uart.device.ops->access(&uart.device, &a);
            break;
        case 2:
            (void)vml_chardev_push(&end, p + 1, 4);
            vml_pl011_inject(&uart, (uint32_t)a.value);
            break;
        default:
            room = p[1];
            vml_chardev_ready(&end);
            vml_pl011_set_modem(&uart, p[2]);
            break;
        }
        if (uart.state.rx_count > 32 || uart.state.tx_count > 33) {
            abort();
        }
    }
    vml_pl011_destroy(&uart);
    return 0;
}
