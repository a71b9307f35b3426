/* Saved state of the 16550. The receive timeout starts anew after a restore. */
#include "ns16550.h"

#define TAG     VML_STATE_TAG('1', '6', '5', '5')
#define VERSION 1

void ns16550_save(struct vml_device *device, struct vml_state_writer *w)
{
    struct vml_ns16550 *uart = ns16550_of(device);
    struct vml_ns16550_state s;

    vml_mutex_lock(&uart->lock);
    s = uart->state;
    vml_mutex_unlock(&uart->lock);
    vml_state_begin(w, TAG, VERSION);
    vml_regs_save(&vml_ns16550_regs, &s, w);
    vml_state_put_u8(w, s.DLL);
    vml_state_put_u8(w, s.DLM);
    vml_state_put_u8(w, s.modem);
    vml_state_put_u8(w, s.changed);
    vml_state_put_u8(w, s.errors);
    vml_state_put_bool(w, s.thre);
    vml_state_put_bool(w, s.timeout);
    vml_state_put_u8(w, s.rx_count);
    vml_state_put_bytes(w, s.rx, s.rx_count);
    vml_state_put_bytes(w, s.rx_lsr, s.rx_count);
    vml_state_put_u8(w, s.tx_count);
    vml_state_put_bytes(w, s.tx, s.tx_count);
    vml_state_end(w);
}

static uint8_t get_count(struct vml_state_reader *r, const struct vml_ns16550_state *s)
{
    uint8_t count = vml_state_get_u8(r);

    if (count > (s->FCR & FCR_ENABLE ? VML_NS16550_FIFO : 1)) {
        vml_state_fail(r, VML_ERR_CORRUPT);
        return 0;
    }
    return count;
}

enum vml_status ns16550_restore(struct vml_device *device, struct vml_state_reader *r)
{
    struct vml_ns16550 *uart = ns16550_of(device);
    struct vml_ns16550_state s = {.IER = 0};
    enum vml_status status;
    uint8_t bad;

    (void)vml_state_enter(r, TAG, VERSION);
    vml_regs_restore(&vml_ns16550_regs, &s, r);
    s.DLL = vml_state_get_u8(r);
    s.DLM = vml_state_get_u8(r);
    s.modem = vml_state_get_u8(r);
    s.changed = vml_state_get_u8(r);
    s.errors = vml_state_get_u8(r);
    s.thre = vml_state_get_bool(r);
    s.timeout = vml_state_get_bool(r);
    s.rx_count = get_count(r, &s);
    vml_state_get_bytes(r, s.rx, s.rx_count);
    vml_state_get_bytes(r, s.rx_lsr, s.rx_count);
    s.tx_count = get_count(r, &s);
    vml_state_get_bytes(r, s.tx, s.tx_count);
    bad =
        (uint8_t)((s.IER & ~IER_MASK) | (s.FCR & ~FCR_KEPT) | (s.MCR & ~MCR_MASK) |
                  (s.modem & ~MSR_INPUTS) | (s.changed & ~MSR_CHANGES) | (s.errors & ~LSR_ERRORS));
    for (uint32_t i = 0; i < s.rx_count; i++) {
        bad |= (uint8_t)(s.rx_lsr[i] & ~LSR_ERRORS);
    }
    if (bad || (s.FCR && !(s.FCR & FCR_ENABLE)) || (s.timeout && s.rx_count == 0)) {
        vml_state_fail(r, VML_ERR_CORRUPT);
    }
    vml_state_leave(r);
    status = vml_state_read_status(r);
    if (status != VML_OK) {
        return status;
    }
    vml_mutex_lock(&uart->lock);
    uart->state = s;
    uart->tx_flushes++;
    uart->rx_blocked = true; /* whoever has something is told that there is room */
    uart->deadline = VML_CLOCK_NEVER;
    if (s.rx_count != 0 && !s.timeout && (s.FCR & FCR_ENABLE)) {
        uart->deadline = uart->config.clock ? vml_clock_now(uart->config.clock) : 0;
        uart->state.timeout = !uart->config.clock;
    }
    ns16550_leave(uart, true);
    return VML_OK;
}
