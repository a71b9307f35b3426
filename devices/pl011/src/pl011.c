/* The PL011's entrances: the bus, the back end, the clock, the embedder. */
#include "pl011.h"

static __attribute__((noinline)) enum vml_bus_result access_slow(struct vml_pl011 *uart,
                                                                 struct vml_access *access)
{
    enum vml_bus_result result;

    if (access->size > 4) {
        return VML_BUS_FAULT;
    }
    vml_mutex_lock(&uart->lock);
    result = vml_regs_access_indexed(&uart->regs, &uart->device, &uart->state, access);
    if (!access->write && access->offset >= OFFSET_DR + 4) {
        /* Of the registers only UARTDR is changed by reading it. */
        vml_mutex_unlock(&uart->lock);
    } else {
        pl011_leave(uart);
    }
    return result;
}

/* Where the back end takes everything and there is none. */
static size_t drop_all(void *context, const uint8_t *bytes, size_t len)
{
    (void)context;
    (void)bytes;
    return len;
}

static enum vml_bus_result pl011_access(struct vml_device *device, struct vml_access *access)
{
    struct vml_pl011 *uart = pl011_of(device);
    uint32_t open = TX_OPEN;
    uint8_t character;
    bool taken;

    if (!access->write && access->offset == OFFSET_FR && access->size == 4) {
        access->value = atomic_load_explicit(&uart->fr, memory_order_relaxed);
        return VML_BUS_OK;
    }
    if (!access->write || access->offset != OFFSET_DR || access->size > 4 ||
        !atomic_compare_exchange_strong_explicit(&uart->tx_owner, &open, TX_BUSY,
                                                 memory_order_acquire, memory_order_relaxed)) {
        return access_slow(uart, access);
    }
    character = (uint8_t)access->value;
    taken = uart->push(uart->push_context, &character, 1) != 0;
    if (VML_LIKELY(taken) && VML_LIKELY(atomic_fetch_sub_explicit(
                                            &uart->tx_owner, 1, memory_order_release) == TX_BUSY)) {
        return VML_BUS_OK;
    }
    pl011_write_fast_failed(uart, character, !taken);
    return VML_BUS_OK;
}

static void reset_state(struct vml_pl011 *uart)
{
    struct vml_pl011_state *s = &uart->state;

    vml_regs_reset(uart->regs.table, s);
    if (uart->config.flags & VML_PL011_SBSA) {
        /* 8 bits, no parity, FIFOs on and half full at the interrupt; always enabled. */
        s->UARTLCR_H = 0x60 | LCR_H_FEN;
        s->UARTCR = CR_RXE | CR_TXE | CR_UARTEN;
        s->UARTIFLS = 0x12;
    }
    s->UARTRIS = 0;
    s->divisor = 0;
    s->overrun = false;
    pl011_flush(uart);
    uart->send_break = false;
    uart->kick = true;
}

static void pl011_reset(struct vml_device *device)
{
    struct vml_pl011 *uart = pl011_of(device);

    vml_mutex_lock(&uart->lock);
    reset_state(uart);
    pl011_leave(uart);
}

/* The back end's side. */

static size_t end_push(void *context, const uint8_t *bytes, size_t len)
{
    struct vml_pl011 *uart = context;
    size_t done = 0;

    vml_mutex_lock(&uart->lock);
    if (pl011_can_receive(uart) && !(uart->state.UARTCR & CR_LBE)) {
        while (done < len && uart->state.rx_count < pl011_depth(uart)) {
            pl011_receive(uart, bytes[done]);
            done++;
        }
    }
    uart->rx_blocked = done < len;
    pl011_leave(uart);
    return done;
}

static void end_ready(void *context)
{
    struct vml_pl011 *uart = context;

    vml_mutex_lock(&uart->lock);
    uart->kick = true;
    pl011_leave(uart);
}

static void end_event(void *context, enum vml_chardev_event event)
{
    if (event == VML_CHARDEV_BREAK) {
        vml_pl011_inject(context, VML_PL011_DR_BE);
    }
}

struct vml_chardev vml_pl011_end(struct vml_pl011 *uart)
{
    static const struct vml_chardev_ops ops = {end_push, end_ready, end_event};

    return (struct vml_chardev){&ops, uart};
}

static void timed_out(struct vml_clock_event *event)
{
    struct vml_pl011 *uart = VML_CONTAINER_OF(event, struct vml_pl011, timeout);
    struct vml_pl011_state *s = &uart->state;
    uint64_t now = vml_clock_now(uart->config.clock), again = VML_CLOCK_NEVER;

    vml_mutex_lock(&uart->lock);
    if (s->rt_deadline <= now) {
        s->rt_deadline = VML_CLOCK_NEVER;
        s->UARTRIS |= s->rx_count != 0 ? INT_RT : 0;
    } else {
        again = s->rt_deadline;
    }
    pl011_leave(uart);
    if (again != VML_CLOCK_NEVER) {
        vml_clock_event_arm(event, again);
    }
}

void vml_pl011_inject(struct vml_pl011 *uart, uint32_t character)
{
    vml_mutex_lock(&uart->lock);
    if (pl011_can_receive(uart) && !(uart->state.UARTCR & CR_LBE)) {
        pl011_receive(uart, character & 0xfffu);
    }
    pl011_leave(uart);
}

void vml_pl011_set_modem(struct vml_pl011 *uart, uint32_t inputs)
{
    uint32_t before;

    vml_mutex_lock(&uart->lock);
    before = pl011_modem(uart);
    uart->state.modem = inputs & FR_MODEM;
    pl011_change_modem(uart, before);
    uart->kick = true;
    pl011_leave(uart);
}

uint32_t vml_pl011_control(struct vml_pl011 *uart)
{
    uint32_t cr;

    vml_mutex_lock(&uart->lock);
    cr = uart->state.UARTCR;
    vml_mutex_unlock(&uart->lock);
    return cr;
}

enum vml_status vml_pl011_init(struct vml_pl011 *uart, const struct vml_pl011_config *config)
{
    static const struct vml_device_ops ops = {
        .access = pl011_access, .reset = pl011_reset, .save = pl011_save, .restore = pl011_restore};
    uint32_t depth = config->fifo_depth ? config->fifo_depth : VML_PL011_FIFO_MAX;

    if ((depth != 16 && depth != VML_PL011_FIFO_MAX) ||
        (config->flags & ~(VML_PL011_STRICT | VML_PL011_SBSA))) {
        return VML_ERR_INVALID;
    }
    *uart = (struct vml_pl011){.config = *config};
    uart->device = (struct vml_device){config->name ? config->name : "pl011", &ops};
    vml_regs_index(&uart->regs,
                   config->flags & VML_PL011_SBSA ? &vml_pl011_sbsa_regs : &vml_pl011_regs,
                   uart->slots, VML_ARRAY_SIZE(uart->slots));
    uart->config.fifo_depth = depth;
    uart->config.uartclk_hz = config->uartclk_hz ? config->uartclk_hz : 24000000;
    uart->state.modem = config->modem & FR_MODEM;
    uart->push = config->peer.ops && config->peer.ops->push ? config->peer.ops->push : drop_all;
    uart->push_context = config->peer.context;
    atomic_init(&uart->tx_owner, TX_SLOW);
    atomic_init(&uart->fr, 0);
    vml_mutex_init(&uart->lock);
    vml_irq_driver_init(&uart->out, &config->irq);
    if (config->clock) {
        vml_clock_event_init(&uart->timeout, config->clock, timed_out);
    }
    reset_state(uart);
    pl011_update(uart);
    return VML_OK;
}

void vml_pl011_destroy(struct vml_pl011 *uart)
{
    if (uart->config.clock) {
        vml_clock_event_cancel(&uart->timeout);
    }
    vml_mutex_destroy(&uart->lock);
}
