/*
 * Both FIFOs, the modem lines, and what follows from them. Lock order: `lock` is a leaf; the back
 * end, the wire and the clock's queue are called without it. One thread at a time pushes into the
 * back end; others that have something for it leave `again` for it to see.
 */
#include "ns16550.h"

static bool fifos(const struct vml_ns16550 *uart)
{
    return uart->state.FCR & FCR_ENABLE;
}

uint32_t ns16550_depth(const struct vml_ns16550 *uart)
{
    return fifos(uart) ? VML_NS16550_FIFO : 1;
}

static uint32_t rx_level(const struct vml_ns16550 *uart)
{
    static const uint8_t levels[] = {1, 4, 8, 14};

    return fifos(uart) ? levels[uart->state.FCR >> 6] : 1;
}

/* "No characters have been removed from or input to the RCVR FIFO during the last 4 character
   times". */
static void restart_timeout(struct vml_ns16550 *uart)
{
    const struct vml_ns16550_state *s = &uart->state;
    uint64_t divisor = s->DLL | (uint64_t)s->DLM << 8;
    uint64_t ns;

    uart->state.timeout = false;
    uart->deadline = VML_CLOCK_NEVER;
    if (s->rx_count == 0 || !fifos(uart)) {
        return;
    }
    if (!uart->config.clock) {
        uart->state.timeout = true;
        return;
    }
    /* 4 characters of 10 bits, each of 16 periods of the divided clock */
    ns = (divisor ? divisor : 1) * 640 * 1000000000u / uart->config.clock_hz;
    uart->deadline =
        vml_clock_now(uart->config.clock) + vml_clock_ns_to_ticks(uart->config.clock, ns) + 1;
}

void ns16550_receive(struct vml_ns16550 *uart, uint8_t character, uint8_t errors)
{
    struct vml_ns16550_state *s = &uart->state;

    if (s->rx_count >= ns16550_depth(uart)) {
        /* A FIFO keeps what it has; the single register is overwritten. */
        s->errors |= VML_NS16550_LSR_OE;
        if (fifos(uart)) {
            return;
        }
        s->rx_count = 0;
    }
    s->rx[s->rx_count] = character;
    s->rx_lsr[s->rx_count] = errors;
    if (s->rx_count == 0) {
        s->errors |= errors;
    }
    s->rx_count++;
    restart_timeout(uart);
}

/* Errors of a character show in LSR when it comes to the top of the FIFO. */
uint8_t ns16550_read_character(struct vml_ns16550 *uart)
{
    struct vml_ns16550_state *s = &uart->state;
    uint8_t character = s->rx[0];

    if (s->rx_count == 0) {
        return 0;
    }
    s->rx_count--;
    memmove(s->rx, s->rx + 1, s->rx_count);
    memmove(s->rx_lsr, s->rx_lsr + 1, s->rx_count);
    if (s->rx_count != 0) {
        s->errors |= s->rx_lsr[0];
    }
    restart_timeout(uart);
    return character;
}

void ns16550_clear_rx(struct vml_ns16550 *uart)
{
    uart->state.rx_count = 0;
    restart_timeout(uart);
}

void ns16550_clear_tx(struct vml_ns16550 *uart)
{
    if (uart->state.tx_count != 0) {
        uart->state.thre = true;
    }
    uart->state.tx_count = 0;
    uart->tx_flushes++;
}

void ns16550_write_character(struct vml_ns16550 *uart, uint8_t character)
{
    struct vml_ns16550_state *s = &uart->state;

    s->thre = false;
    if (s->MCR & MCR_LOOP) {
        ns16550_receive(uart, character, 0);
        s->thre = true;
        return;
    }
    if (s->tx_count < ns16550_depth(uart)) {
        s->tx[s->tx_count++] = character;
    }
}

/* In loopback the outputs come in as CTS, DSR, RI and DCD, and the inputs are not looked at. */
uint8_t ns16550_modem(const struct vml_ns16550 *uart)
{
    uint8_t mcr = uart->state.MCR;
    uint8_t inputs = 0;

    if (!(mcr & MCR_LOOP)) {
        return uart->state.modem;
    }
    inputs |= mcr & MCR_RTS ? VML_NS16550_MSR_CTS : 0;
    inputs |= mcr & MCR_DTR ? VML_NS16550_MSR_DSR : 0;
    inputs |= mcr & MCR_OUT1 ? VML_NS16550_MSR_RI : 0;
    inputs |= mcr & MCR_OUT2 ? VML_NS16550_MSR_DCD : 0;
    return inputs;
}

/* A ring indicator counts when it ends. */
void ns16550_modem_changed(struct vml_ns16550 *uart, uint8_t before)
{
    uint8_t now = ns16550_modem(uart);
    uint8_t changed = (uint8_t)((before ^ now) >> 4);

    if (now & VML_NS16550_MSR_RI) {
        changed &= (uint8_t)~MSR_TERI;
    }
    uart->state.changed |= changed;
}

/* By priority: line status, received data, receive timeout, transmitter empty, modem status. */
uint8_t ns16550_identify(const struct vml_ns16550 *uart)
{
    const struct vml_ns16550_state *s = &uart->state;

    if ((s->IER & IER_LINE) && s->errors) {
        return 0x06;
    }
    if ((s->IER & IER_DATA) && s->rx_count >= rx_level(uart)) {
        return 0x04;
    }
    if ((s->IER & IER_DATA) && s->timeout) {
        return 0x0c;
    }
    if ((s->IER & IER_THRE) && s->thre) {
        return 0x02;
    }
    if ((s->IER & IER_MODEM) && s->changed) {
        return 0x00;
    }
    return 0x01;
}

static void sent(struct vml_ns16550_state *s, size_t count)
{
    s->tx_count = (uint8_t)(s->tx_count - count);
    memmove(s->tx, s->tx + count, s->tx_count);
    if (s->tx_count == 0) {
        s->thre = true;
    }
}

/* Pushes until the FIFO is empty or the back end refuses. */
static void transmit(struct vml_ns16550 *uart)
{
    struct vml_ns16550_state *s = &uart->state;

    if (uart->pushing) {
        uart->again = true;
        return;
    }
    uart->pushing = true;
    while (s->tx_count != 0) {
        uint8_t chunk[VML_NS16550_FIFO];
        uint32_t flushes = uart->tx_flushes;
        size_t count = s->tx_count, taken;

        uart->again = false;
        memcpy(chunk, s->tx, count);
        vml_mutex_unlock(&uart->lock);
        taken = (size_t)vml_min_u64(vml_chardev_push(&uart->config.peer, chunk, count), count);
        vml_mutex_lock(&uart->lock);
        if (flushes == uart->tx_flushes) {
            sent(s, taken);
        }
        if (taken < count && !uart->again) {
            break;
        }
    }
    uart->pushing = false;
}

void ns16550_leave(struct vml_ns16550 *uart, bool force)
{
    bool changed, arm = false, ready = false, send_break = uart->send_break;

    uart->send_break = false;
    if (uart->state.tx_count != 0) {
        transmit(uart);
    }
    if (uart->rx_blocked && uart->state.rx_count < ns16550_depth(uart) &&
        !(uart->state.MCR & MCR_LOOP)) {
        uart->rx_blocked = false;
        ready = true;
    }
    changed = vml_irq_driver_update(&uart->out, ns16550_identify(uart) != 1, force);
    if (uart->config.clock) {
        arm = vml_clock_alarm_set(&uart->silence, uart->deadline);
    }
    vml_mutex_unlock(&uart->lock);
    if (changed) {
        vml_irq_driver_send(&uart->out, &uart->lock);
    }
    if (arm) {
        vml_clock_alarm_arm(&uart->silence, &uart->lock);
    }
    if (send_break) {
        vml_chardev_event(&uart->config.peer, VML_CHARDEV_BREAK);
    }
    if (ready) {
        vml_chardev_ready(&uart->config.peer);
    }
}

void ns16550_timed_out(struct vml_clock_event *event)
{
    struct vml_ns16550 *uart =
        VML_CONTAINER_OF(vml_clock_alarm_of(event), struct vml_ns16550, silence);

    vml_mutex_lock(&uart->lock);
    vml_clock_alarm_rang(&uart->silence);
    if (uart->deadline <= vml_clock_now(uart->config.clock)) {
        uart->deadline = VML_CLOCK_NEVER;
        uart->state.timeout = uart->state.rx_count != 0;
    }
    ns16550_leave(uart, false);
}
