/* The 16550's registers, and its entrances: the bus, the back end, the embedder. */
#include "ns16550.h"

static bool dlab(const struct vml_ns16550 *uart)
{
    return uart->state.LCR & LCR_DLAB;
}

static uint8_t read_lsr(struct vml_ns16550 *uart)
{
    struct vml_ns16550_state *s = &uart->state;
    uint8_t lsr = s->errors;

    lsr |= s->rx_count != 0 ? LSR_DR : 0;
    lsr |= s->tx_count == 0 ? LSR_THRE | LSR_TEMT : 0;
    for (uint32_t i = 0; i < s->rx_count && ns16550_depth(uart) != 1; i++) {
        lsr |= s->rx_lsr[i] ? LSR_FIFO_ERROR : 0;
    }
    /* Read is gone; bit 7 stays while a character that is not at the top has errors. */
    s->errors = 0;
    s->rx_lsr[0] = 0;
    return lsr;
}

static uint8_t read_data(struct vml_ns16550 *uart)
{
    return dlab(uart) ? uart->state.DLL : ns16550_read_character(uart);
}

static void write_data(struct vml_ns16550 *uart, uint8_t value)
{
    if (dlab(uart)) {
        uart->state.DLL = value;
    } else {
        ns16550_write_character(uart, value);
    }
}

static uint64_t read_reg(struct vml_device *device, const struct vml_reg *reg, uint32_t index,
                         const struct vml_access *access)
{
    struct vml_ns16550 *uart = ns16550_of(device);
    struct vml_ns16550_state *s = &uart->state;
    uint8_t value;

    VML_UNUSED(index, access);
    switch (reg->offset) {
    case 0:
        return read_data(uart);
    case 1:
        return dlab(uart) ? s->DLM : s->IER;
    case 2:
        value = ns16550_identify(uart);
        /* "Reading the IIR (if source of interrupt)" ends the transmitter's. */
        s->thre = s->thre && value != 2;
        return value | (s->FCR & FCR_ENABLE ? 0xc0u : 0);
    case 5:
        return read_lsr(uart);
    default: /* 6 */
        value = ns16550_modem(uart) | s->changed;
        s->changed = 0;
        return value;
    }
}

static void write_ier(struct vml_ns16550 *uart, uint8_t value)
{
    struct vml_ns16550_state *s = &uart->state;

    /* Enabling it while the transmitter is empty interrupts. */
    if ((value & ~s->IER & IER_THRE) && s->tx_count == 0) {
        s->thre = true;
    }
    s->IER = value & IER_MASK;
}

static void write_fcr(struct vml_ns16550 *uart, uint8_t value)
{
    struct vml_ns16550_state *s = &uart->state;
    bool switched = (value ^ s->FCR) & FCR_ENABLE;

    /* "Bit 0 must be a 1 when other FCR bits are written to or they will not be programmed." */
    s->FCR = value & FCR_ENABLE ? value & FCR_KEPT : 0;
    if (switched || (value & (FCR_ENABLE | FCR_CLEAR_RX)) == (FCR_ENABLE | FCR_CLEAR_RX)) {
        ns16550_clear_rx(uart);
    }
    if (switched || (value & (FCR_ENABLE | FCR_CLEAR_TX)) == (FCR_ENABLE | FCR_CLEAR_TX)) {
        ns16550_clear_tx(uart);
    }
}

static void write_mcr(struct vml_ns16550 *uart, uint8_t value)
{
    uint8_t before = ns16550_modem(uart);

    uart->state.MCR = value & MCR_MASK;
    ns16550_modem_changed(uart, before);
}

static void write_reg(struct vml_device *device, const struct vml_reg *reg, uint32_t index,
                      uint64_t value, uint64_t mask, const struct vml_access *access)
{
    struct vml_ns16550 *uart = ns16550_of(device);
    struct vml_ns16550_state *s = &uart->state;
    uint8_t byte = (uint8_t)value;

    VML_UNUSED(index, mask, access);
    switch (reg->offset) {
    case 0:
        write_data(uart, byte);
        break;
    case 1:
        if (dlab(uart)) {
            s->DLM = byte;
        } else {
            write_ier(uart, byte);
        }
        break;
    case 2:
        write_fcr(uart, byte);
        break;
    case 3:
        uart->send_break = (byte & ~s->LCR & LCR_BREAK) && !(s->MCR & MCR_LOOP);
        s->LCR = byte;
        break;
    default: /* 4 */
        write_mcr(uart, byte);
        break;
    }
}

#define ROW(id, where, how)                                                                        \
    .name = (id), .offset = (where), .width = 1, .sizes = VML_SIZE_1, .kind = (how)
#define STATE(member) (uint32_t) offsetof(struct vml_ns16550_state, member)

static const struct vml_reg rows[] = {
    {ROW("RBR/THR/DLL", 0, VML_REG_RW), .write_mask = 0xff, .state = VML_REG_NO_STATE,
     .read = read_reg, .write = write_reg},
    {ROW("IER/DLM", 1, VML_REG_RW), .write_mask = 0xff, .state = STATE(IER), .read = read_reg,
     .write = write_reg},
    {ROW("IIR/FCR", 2, VML_REG_RW), .write_mask = 0xff, .state = STATE(FCR), .read = read_reg,
     .write = write_reg},
    {ROW("LCR", 3, VML_REG_RW), .write_mask = 0xff, .state = STATE(LCR), .write = write_reg},
    {ROW("MCR", 4, VML_REG_RW), .write_mask = MCR_MASK, .state = STATE(MCR), .write = write_reg},
    {ROW("LSR", 5, VML_REG_RO), .state = VML_REG_NO_STATE, .read = read_reg},
    {ROW("MSR", 6, VML_REG_RO), .state = VML_REG_NO_STATE, .read = read_reg},
    {ROW("SCR", 7, VML_REG_RW), .write_mask = 0xff, .state = STATE(SCR)},
};

const struct vml_reg_table vml_ns16550_regs = {
    .rows = rows, .row_count = VML_ARRAY_SIZE(rows), .size = 8};

/* What drivers do all the time, without the table: data, and line status. */
static bool access_fast(struct vml_ns16550 *uart, struct vml_access *byte)
{
    if (byte->offset == 5 && !byte->write) {
        byte->value = read_lsr(uart);
    } else if (byte->offset != 0) {
        return false;
    } else if (byte->write) {
        write_data(uart, (uint8_t)byte->value);
    } else {
        byte->value = read_data(uart);
    }
    return true;
}

/* Registers are bytes; where they are further apart, wider accesses see zeroes above them. */
static enum vml_bus_result ns16550_access(struct vml_device *device, struct vml_access *access)
{
    struct vml_ns16550 *uart = ns16550_of(device);
    uint8_t shift = uart->config.reg_shift;
    struct vml_access byte = *access;
    enum vml_bus_result result = VML_BUS_OK;

    if ((access->offset & ((UINT64_C(1) << shift) - 1)) || access->size > 1u << shift) {
        return VML_BUS_FAULT;
    }
    byte.offset >>= shift;
    byte.size = 1;
    byte.value &= 0xff;
    vml_mutex_lock(&uart->lock);
    if (!access_fast(uart, &byte)) {
        result = vml_regs_access(&vml_ns16550_regs, device, &uart->state, &byte);
    }
    ns16550_leave(uart, false);
    access->value = byte.value;
    return result;
}

static void reset_state(struct vml_ns16550 *uart)
{
    uart->state = (struct vml_ns16550_state){.modem = uart->state.modem};
    uart->deadline = VML_CLOCK_NEVER;
    uart->tx_flushes++;
    uart->send_break = false;
}

static void ns16550_reset(struct vml_device *device)
{
    struct vml_ns16550 *uart = ns16550_of(device);

    vml_mutex_lock(&uart->lock);
    reset_state(uart);
    ns16550_leave(uart, false);
}

static size_t end_push(void *context, const uint8_t *bytes, size_t len)
{
    struct vml_ns16550 *uart = context;
    size_t done = 0;

    vml_mutex_lock(&uart->lock);
    if (!(uart->state.MCR & MCR_LOOP)) {
        while (done < len && uart->state.rx_count < ns16550_depth(uart)) {
            ns16550_receive(uart, bytes[done], 0);
            done++;
        }
    }
    uart->rx_blocked = done < len;
    ns16550_leave(uart, false);
    return done;
}

static void end_ready(void *context)
{
    struct vml_ns16550 *uart = context;

    vml_mutex_lock(&uart->lock);
    ns16550_leave(uart, false);
}

static void end_event(void *context, enum vml_chardev_event event)
{
    if (event == VML_CHARDEV_BREAK) {
        vml_ns16550_inject(context, 0, VML_NS16550_LSR_BI);
    }
}

struct vml_chardev vml_ns16550_end(struct vml_ns16550 *uart)
{
    static const struct vml_chardev_ops ops = {end_push, end_ready, end_event};

    return (struct vml_chardev){&ops, uart};
}

void vml_ns16550_inject(struct vml_ns16550 *uart, uint8_t character, uint32_t errors)
{
    vml_mutex_lock(&uart->lock);
    if (!(uart->state.MCR & MCR_LOOP)) {
        ns16550_receive(uart, character,
                        errors & (LSR_ERRORS & ~(uint32_t)VML_NS16550_LSR_OE) & 0xff);
    }
    ns16550_leave(uart, false);
}

void vml_ns16550_set_modem(struct vml_ns16550 *uart, uint32_t inputs)
{
    uint8_t before;

    vml_mutex_lock(&uart->lock);
    before = ns16550_modem(uart);
    uart->state.modem = inputs & MSR_INPUTS;
    ns16550_modem_changed(uart, before);
    ns16550_leave(uart, false);
}

uint32_t vml_ns16550_control(struct vml_ns16550 *uart)
{
    uint32_t mcr;

    vml_mutex_lock(&uart->lock);
    mcr = uart->state.MCR;
    vml_mutex_unlock(&uart->lock);
    return mcr;
}

enum vml_status vml_ns16550_init(struct vml_ns16550 *uart, const struct vml_ns16550_config *config)
{
    static const struct vml_device_ops ops = {.access = ns16550_access,
                                              .reset = ns16550_reset,
                                              .save = ns16550_save,
                                              .restore = ns16550_restore};

    if (config->reg_shift > 3) {
        return VML_ERR_INVALID;
    }
    *uart = (struct vml_ns16550){.config = *config};
    uart->device = (struct vml_device){config->name ? config->name : "ns16550", &ops};
    uart->config.clock_hz = config->clock_hz ? config->clock_hz : 1843200;
    uart->state.modem = config->modem & MSR_INPUTS;
    vml_mutex_init(&uart->lock);
    vml_irq_driver_init(&uart->out, &config->irq);
    if (config->clock) {
        vml_clock_alarm_init(&uart->silence, config->clock, ns16550_timed_out);
    }
    reset_state(uart);
    return VML_OK;
}

void vml_ns16550_destroy(struct vml_ns16550 *uart)
{
    if (uart->config.clock) {
        vml_clock_event_cancel(&uart->silence.event);
    }
    vml_mutex_destroy(&uart->lock);
}
