/*
 * The two FIFOs, and who may push into the back end.
 *
 * `tx_owner` says who pushes, so that characters leave in the order in which they were written
 * although the lock is not held around the push.  A write that finds TX_OPEN makes it TX_BUSY,
 * pushes its one character and makes it TX_OPEN again: two atomic operations, no lock.  TX_OPEN
 * promises that such a write changes nothing else: the FIFO is empty, TXRIS is set already, and
 * the line is not looped back. All other changes of it are made under the lock; who finds
 * TX_BUSY then makes it TX_AGAIN, which obliges the pusher to take the lock and look again.
 */
#include "pl011.h"

uint32_t pl011_depth(const struct vml_pl011 *uart)
{
    return uart->state.UARTLCR_H & LCR_H_FEN ? uart->config.fifo_depth : 1;
}

/* UARTIFLS: 1/8, 1/4, 1/2, 3/4, 7/8 of the FIFO; the reserved codes do as the last. Without FIFOs
 * the holding register counts: full for the receiver, empty for the transmitter. */
static uint32_t level(const struct vml_pl011 *uart, uint32_t code)
{
    static const uint8_t eighths[8] = {1, 2, 4, 6, 7, 7, 7, 7};

    return uart->config.fifo_depth * eighths[code & 7] / 8;
}

static uint32_t rx_level(const struct vml_pl011 *uart)
{
    return uart->state.UARTLCR_H & LCR_H_FEN ? level(uart, uart->state.UARTIFLS >> 3) : 1;
}

static uint32_t tx_level(const struct vml_pl011 *uart)
{
    return uart->state.UARTLCR_H & LCR_H_FEN ? level(uart, uart->state.UARTIFLS) : 0;
}

static bool enabled(const struct vml_pl011 *uart, uint32_t bit)
{
    uint32_t need = CR_UARTEN | bit;

    return !(uart->config.flags & VML_PL011_STRICT) || (uart->state.UARTCR & need) == need;
}

bool pl011_can_receive(const struct vml_pl011 *uart)
{
    return enabled(uart, CR_RXE);
}

uint32_t pl011_modem(const struct vml_pl011 *uart)
{
    uint32_t cr = uart->state.UARTCR;

    if (!(cr & CR_LBE)) {
        return uart->state.modem;
    }
    /* DDI 0183, UARTCR.LBE: nUARTRTS, DTR, Out1 and Out2 are looped to CTS, DSR, DCD and RI. */
    return (cr >> 11 & 1) * VML_PL011_FR_CTS | (cr >> 10 & 1) * VML_PL011_FR_DSR |
           (cr >> 12 & 1) * VML_PL011_FR_DCD | (cr >> 13 & 1) * VML_PL011_FR_RI;
}

static bool can_transmit(const struct vml_pl011 *uart)
{
    if ((uart->state.UARTCR & CR_CTSEN) && !(pl011_modem(uart) & VML_PL011_FR_CTS)) {
        return false;
    }
    return enabled(uart, CR_TXE);
}

static uint8_t word_mask(const struct vml_pl011 *uart)
{
    if (!(uart->config.flags & VML_PL011_STRICT)) {
        return 0xff;
    }
    return (uint8_t)(0xff >> (3 - (uart->state.UARTLCR_H >> 5 & 3)));
}

void pl011_change_modem(struct vml_pl011 *uart, uint32_t before)
{
    uint32_t changed = before ^ pl011_modem(uart);
    uint32_t raise = 0;

    raise |= changed & VML_PL011_FR_RI ? INT_RIM : 0;
    raise |= changed & VML_PL011_FR_CTS ? INT_CTSM : 0;
    raise |= changed & VML_PL011_FR_DCD ? INT_DCDM : 0;
    raise |= changed & VML_PL011_FR_DSR ? INT_DSRM : 0;
    uart->state.UARTRIS |= raise;
}

void pl011_flush(struct vml_pl011 *uart)
{
    struct vml_pl011_state *s = &uart->state;

    s->rx_count = 0;
    s->rx_head = 0;
    s->tx_count = 0;
    s->tx_head = 0;
    s->rt_deadline = VML_CLOCK_NEVER;
    s->UARTRIS &= ~(INT_RX | INT_RT);
    uart->tx_flushes++;
    uart->rearm = false;
}

void pl011_receive(struct vml_pl011 *uart, uint32_t character)
{
    struct vml_pl011_state *s = &uart->state;

    if (s->rx_count >= pl011_depth(uart)) {
        s->overrun = true;
        s->UARTRSR |= RSR_OE;
        s->UARTRIS |= INT_OE;
        return;
    }
    character &= 0xf00u | word_mask(uart);
    if (s->overrun) {
        character |= VML_PL011_DR_OE;
        s->overrun = false;
    }
    s->rx[(s->rx_head + s->rx_count) % VML_PL011_FIFO_MAX] = (uint16_t)character;
    s->rx_count++;
    s->UARTRIS |= (character >> 8 & 0xfu) * INT_FE;
    if (s->rx_count >= rx_level(uart)) {
        s->UARTRIS |= INT_RX;
    }
    uart->rearm = true;
}

uint32_t pl011_read_character(struct vml_pl011 *uart)
{
    struct vml_pl011_state *s = &uart->state;
    uint32_t character;

    if (s->rx_count == 0) {
        return 0;
    }
    character = s->rx[s->rx_head];
    s->rx_head = (s->rx_head + 1) % VML_PL011_FIFO_MAX;
    s->rx_count--;
    s->UARTRSR = (s->UARTRSR & RSR_OE) | (character >> 8 & 0xfu);
    if (s->rx_count < rx_level(uart)) {
        s->UARTRIS &= ~INT_RX;
    }
    if (s->rx_count == 0) {
        s->UARTRIS &= ~INT_RT;
        s->rt_deadline = VML_CLOCK_NEVER;
        uart->rearm = false;
    }
    return character;
}

static void put_tx(struct vml_pl011 *uart, uint8_t character)
{
    struct vml_pl011_state *s = &uart->state;

    s->tx[(s->tx_head + s->tx_count) % sizeof(s->tx)] = character;
    s->tx_count++;
    if (s->tx_count > tx_level(uart)) {
        s->UARTRIS &= ~INT_TX;
    }
}

void pl011_write_character(struct vml_pl011 *uart, uint8_t character)
{
    struct vml_pl011_state *s = &uart->state;

    if (s->tx_count >= pl011_depth(uart)) {
        return;
    }
    put_tx(uart, character);
    uart->kick = true;
}

/* Takes what has left the FIFO out of it. UARTTXINTR is about the transition: DDI 0183. */
static void sent(struct vml_pl011 *uart, uint32_t count)
{
    struct vml_pl011_state *s = &uart->state;

    s->tx_head = (s->tx_head + count) % (uint32_t)sizeof(s->tx);
    s->tx_count -= count;
    if (s->tx_count <= tx_level(uart)) {
        s->UARTRIS |= INT_TX;
    }
}

static void loop_back(struct vml_pl011 *uart)
{
    struct vml_pl011_state *s = &uart->state;

    while (s->tx_count != 0) {
        uint8_t character = s->tx[s->tx_head];

        sent(uart, 1);
        if (pl011_can_receive(uart)) {
            pl011_receive(uart, character);
        }
    }
}

/* Makes the caller the pusher, or tells the pusher to look again. */
static bool claim(struct vml_pl011 *uart)
{
    uint32_t now = atomic_load_explicit(&uart->tx_owner, memory_order_relaxed);

    for (;;) {
        uint32_t next = now == TX_SLOW || now == TX_OPEN ? TX_BUSY : TX_AGAIN;

        if (atomic_compare_exchange_weak_explicit(&uart->tx_owner, &now, next, memory_order_acq_rel,
                                                  memory_order_relaxed)) {
            return next == TX_BUSY;
        }
    }
}

static bool may_open(const struct vml_pl011 *uart)
{
    return uart->state.tx_count == 0 && (uart->state.UARTRIS & INT_TX) && can_transmit(uart) &&
           !(uart->state.UARTCR & CR_LBE) && word_mask(uart) == 0xff;
}

/* Pushes what is in the FIFO. The caller is the pusher, and no more afterwards. */
static void drain(struct vml_pl011 *uart)
{
    struct vml_pl011_state *s = &uart->state;

    for (;;) {
        uint8_t chunk[sizeof(s->tx)];
        uint32_t count = 0, flushes = uart->tx_flushes;
        size_t taken;

        atomic_store_explicit(&uart->tx_owner, TX_BUSY, memory_order_relaxed);
        if (can_transmit(uart)) {
            if (s->UARTCR & CR_LBE) {
                loop_back(uart);
            }
            count = s->tx_count;
        }
        for (uint32_t i = 0; i < count; i++) {
            chunk[i] = s->tx[(s->tx_head + i) % sizeof(s->tx)] & word_mask(uart);
        }
        if (count == 0) {
            break;
        }
        pl011_update(uart);
        vml_mutex_unlock(&uart->lock);
        taken = vml_chardev_push(&uart->config.peer, chunk, count);
        vml_mutex_lock(&uart->lock);
        if (flushes == uart->tx_flushes) {
            sent(uart, (uint32_t)vml_min_u64(taken, count));
        }
        if (taken < count &&
            atomic_load_explicit(&uart->tx_owner, memory_order_relaxed) == TX_BUSY) {
            break;
        }
    }
    atomic_store_explicit(&uart->tx_owner, may_open(uart) ? TX_OPEN : TX_SLOW,
                          memory_order_release);
}

void pl011_update(struct vml_pl011 *uart)
{
    const struct vml_pl011_state *s = &uart->state;
    uint32_t depth = pl011_depth(uart);
    uint32_t fr = pl011_modem(uart);

    fr |= s->rx_count == 0 ? FR_RXFE : 0;
    fr |= s->rx_count >= depth ? FR_RXFF : 0;
    fr |= s->tx_count == 0 ? FR_TXFE : FR_BUSY;
    fr |= s->tx_count >= depth ? FR_TXFF : 0;
    atomic_store_explicit(&uart->fr, fr, memory_order_relaxed);
}

/* Starts the receive timeout: 32 bit periods without a character, DDI 0183, UARTRTINTR. */
static uint64_t start_timeout(struct vml_pl011 *uart, uint64_t now)
{
    struct vml_pl011_state *s = &uart->state;
    uint64_t divisor = s->divisor >= 64 ? s->divisor : 64;
    uint64_t ns;

    uart->rearm = false;
    if (!uart->config.clock) {
        s->UARTRIS |= INT_RT;
        return VML_CLOCK_NEVER;
    }
    /* A bit is 16 * (IBRD + FBRD / 64) periods of UARTCLK; `divisor` is in 64ths. */
    ns = divisor * 8 * 1000000000u / uart->config.uartclk_hz;
    s->rt_deadline = now + vml_clock_ns_to_ticks(uart->config.clock, ns) + 1;
    return s->rt_deadline;
}

void pl011_leave(struct vml_pl011 *uart)
{
    uint64_t arm = VML_CLOCK_NEVER;
    bool send_break = uart->send_break, ready = false, level_changed;

    uart->send_break = false;
    if (uart->kick || (atomic_load_explicit(&uart->tx_owner, memory_order_relaxed) != TX_SLOW &&
                       !may_open(uart))) {
        /* Also when nothing waits: TX_OPEN's promise may no longer hold. */
        uart->kick = false;
        if (claim(uart)) {
            drain(uart);
        }
    }
    if (uart->rearm) {
        uint64_t now = uart->config.clock ? vml_clock_now(uart->config.clock) : 0;

        arm = start_timeout(uart, now);
    }
    if (uart->rx_blocked && pl011_can_receive(uart) && !(uart->state.UARTCR & CR_LBE) &&
        uart->state.rx_count < pl011_depth(uart)) {
        uart->rx_blocked = false;
        ready = true;
    }
    pl011_update(uart);
    level_changed =
        vml_irq_driver_set(&uart->out, (uart->state.UARTRIS & uart->state.UARTIMSC) != 0);
    vml_mutex_unlock(&uart->lock);

    if (level_changed) {
        vml_irq_driver_send(&uart->out, &uart->lock);
    }
    if (arm != VML_CLOCK_NEVER) {
        vml_clock_event_arm(&uart->timeout, arm);
    }
    if (send_break) {
        vml_chardev_event(&uart->config.peer, VML_CHARDEV_BREAK);
    }
    if (ready) {
        vml_chardev_ready(&uart->config.peer);
    }
}

/* The lock-free write did not end well: the back end refused, or somebody changed something. This
 * thread is still the pusher. */
VML_COLD void pl011_write_fast_failed(struct vml_pl011 *uart, uint8_t character, bool refused)
{
    struct vml_pl011_state *s = &uart->state;

    vml_mutex_lock(&uart->lock);
    if (refused) {
        /* It was first, whatever has come since; the storage has room beyond the FIFO's depth. */
        s->tx_head = (s->tx_head + (uint32_t)sizeof(s->tx) - 1) % (uint32_t)sizeof(s->tx);
        s->tx[s->tx_head] = character;
        s->tx_count++;
        if (s->tx_count > tx_level(uart)) {
            s->UARTRIS &= ~INT_TX;
        }
    }
    drain(uart);
    pl011_leave(uart);
}
