/* Save and restore. */
#include "pl011.h"

#define TAG     VML_STATE_TAG('P', 'L', '1', '1')
#define VERSION 1

void pl011_save(struct vml_device *device, struct vml_state_writer *w)
{
    struct vml_pl011 *uart = pl011_of(device);
    uint64_t now = uart->config.clock ? vml_clock_now(uart->config.clock) : 0;
    struct vml_pl011_state s;

    vml_mutex_lock(&uart->lock);
    s = uart->state;
    vml_mutex_unlock(&uart->lock);
    vml_state_begin(w, TAG, VERSION);
    vml_state_put_u32(w, uart->config.fifo_depth);
    vml_state_put_u32(w, uart->config.flags);
    vml_regs_save(uart->regs.table, &s, w);
    vml_state_put_u32(w, s.divisor);
    vml_state_put_u32(w, s.modem);
    vml_state_put_bool(w, s.overrun);
    vml_state_put_u32(w, s.rx_count);
    for (uint32_t i = 0; i < s.rx_count; i++) {
        vml_state_put_u16(w, s.rx[(s.rx_head + i) % VML_PL011_FIFO_MAX]);
    }
    vml_state_put_u32(w, s.tx_count);
    for (uint32_t i = 0; i < s.tx_count; i++) {
        vml_state_put_u8(w, s.tx[(s.tx_head + i) % sizeof(s.tx)]);
    }
    /* Deadlines are relative: the clock of the machine that restores begins elsewhere. */
    vml_state_put_bool(w, s.rt_deadline != VML_CLOCK_NEVER);
    vml_state_put_u64(
        w, s.rt_deadline != VML_CLOCK_NEVER && s.rt_deadline > now ? s.rt_deadline - now : 0);
    vml_state_end(w);
}

static void check(struct vml_state_reader *r, bool good)
{
    if (!good) {
        vml_state_fail(r, VML_ERR_CORRUPT);
    }
}

static void read_fifos(const struct vml_pl011 *uart, struct vml_pl011_state *s,
                       struct vml_state_reader *r)
{
    uint32_t depth = s->UARTLCR_H & LCR_H_FEN ? uart->config.fifo_depth : 1;

    s->rx_count = vml_state_get_u32(r);
    check(r, s->rx_count <= depth);
    for (uint32_t i = 0; i < s->rx_count && i < VML_PL011_FIFO_MAX; i++) {
        s->rx[i] = vml_state_get_u16(r);
        check(r, s->rx[i] <= 0xfff);
    }
    s->tx_count = vml_state_get_u32(r);
    /* One more than the depth: the character that was on its way when the back end refused. */
    check(r, s->tx_count <= depth + 1);
    for (uint32_t i = 0; i < s->tx_count && i < VML_ARRAY_SIZE(s->tx); i++) {
        s->tx[i] = vml_state_get_u8(r);
    }
    s->rx_head = 0;
    s->tx_head = 0;
}

enum vml_status pl011_restore(struct vml_device *device, struct vml_state_reader *r)
{
    struct vml_pl011 *uart = pl011_of(device);
    uint64_t now = uart->config.clock ? vml_clock_now(uart->config.clock) : 0, left;
    struct vml_pl011_state s;
    enum vml_status status;
    bool timeout, changed;

    vml_mutex_lock(&uart->lock);
    s = uart->state;
    vml_mutex_unlock(&uart->lock);
    (void)vml_state_enter(r, TAG, VERSION);
    check(r, vml_state_get_u32(r) == uart->config.fifo_depth);
    check(r, vml_state_get_u32(r) == uart->config.flags);
    vml_regs_restore(uart->regs.table, &s, r);
    s.divisor = vml_state_get_u32(r);
    s.modem = vml_state_get_u32(r);
    s.overrun = vml_state_get_bool(r);
    check(r, s.divisor <= 0x3fffff && (s.modem & ~FR_MODEM) == 0 && s.UARTRSR <= 0xf);
    check(r, s.UARTRIS <= INT_ALL && s.UARTIMSC <= INT_ALL && s.UARTLCR_H <= 0xff);
    check(r, (s.UARTCR & ~0xff87u) == 0);
    read_fifos(uart, &s, r);
    timeout = vml_state_get_bool(r);
    left = vml_state_get_u64(r);
    /* A timeout is at most 2^22 * 8 periods of UARTCLK: within a day at any clock. */
    check(r, left <= UINT64_C(1) << 48);
    vml_state_leave(r);
    status = vml_state_read_status(r);
    if (status != VML_OK) {
        return status;
    }
    s.rt_deadline = timeout && uart->config.clock ? now + left : VML_CLOCK_NEVER;

    vml_mutex_lock(&uart->lock);
    uart->state = s;
    uart->tx_flushes++;
    uart->kick = true;
    changed = vml_irq_driver_force(&uart->out, (s.UARTRIS & s.UARTIMSC) != 0);
    pl011_leave(uart);
    if (changed) {
        vml_irq_driver_send(&uart->out, &uart->lock);
    }
    if (s.rt_deadline != VML_CLOCK_NEVER) {
        vml_clock_event_arm(&uart->timeout, s.rt_deadline);
    }
    return VML_OK;
}
