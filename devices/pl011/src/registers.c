/* The register tables: DDI 0183G 3.2, and the SBSA's appendix on the Generic UART. */
#include "pl011.h"

static uint64_t read_dr(struct vml_device *device, const struct vml_reg *reg, uint32_t index,
                        const struct vml_access *access)
{
    VML_UNUSED(reg, index, access);
    return pl011_read_character(pl011_of(device));
}

static void write_dr(struct vml_device *device, const struct vml_reg *reg, uint32_t index,
                     uint64_t value, uint64_t mask, const struct vml_access *access)
{
    VML_UNUSED(reg, index, mask, access);
    pl011_write_character(pl011_of(device), (uint8_t)value);
}

/* UARTECR: any write clears the errors. */
static void write_ecr(struct vml_device *device, const struct vml_reg *reg, uint32_t index,
                      uint64_t value, uint64_t mask, const struct vml_access *access)
{
    VML_UNUSED(reg, index, value, mask, access);
    pl011_of(device)->state.UARTRSR = 0;
}

static uint64_t read_fr(struct vml_device *device, const struct vml_reg *reg, uint32_t index,
                        const struct vml_access *access)
{
    VML_UNUSED(reg, index, access);
    return atomic_load_explicit(&pl011_of(device)->fr, memory_order_relaxed);
}

/* The divisors are latched by a write of this register; a change of FEN empties the FIFOs. */
static void write_lcr_h(struct vml_device *device, const struct vml_reg *reg, uint32_t index,
                        uint64_t value, uint64_t mask, const struct vml_access *access)
{
    struct vml_pl011 *uart = pl011_of(device);
    struct vml_pl011_state *s = &uart->state;
    uint32_t bits = (uint32_t)(mask & reg->write_mask);
    uint32_t before = s->UARTLCR_H;

    VML_UNUSED(index, access);
    s->UARTLCR_H = (before & ~bits) | ((uint32_t)value & bits);
    s->divisor = s->UARTIBRD << 6 | s->UARTFBRD;
    if ((before ^ s->UARTLCR_H) & LCR_H_FEN) {
        pl011_flush(uart);
    }
    if (~before & s->UARTLCR_H & LCR_H_BRK) {
        uart->send_break = true;
    }
}

static void write_cr(struct vml_device *device, const struct vml_reg *reg, uint32_t index,
                     uint64_t value, uint64_t mask, const struct vml_access *access)
{
    struct vml_pl011 *uart = pl011_of(device);
    uint32_t bits = (uint32_t)(mask & reg->write_mask);
    uint32_t modem = pl011_modem(uart);

    VML_UNUSED(index, access);
    uart->state.UARTCR = (uart->state.UARTCR & ~bits) | ((uint32_t)value & bits);
    pl011_change_modem(uart, modem);
    uart->kick = true;
}

static void write_imsc(struct vml_device *device, const struct vml_reg *reg, uint32_t index,
                       uint64_t value, uint64_t mask, const struct vml_access *access)
{
    uint32_t *imsc = &pl011_of(device)->state.UARTIMSC;
    uint32_t bits = (uint32_t)(mask & reg->write_mask);

    VML_UNUSED(index, access);
    *imsc = (*imsc & ~bits) | ((uint32_t)value & bits);
}

static uint64_t read_ris(struct vml_device *device, const struct vml_reg *reg, uint32_t index,
                         const struct vml_access *access)
{
    VML_UNUSED(reg, index, access);
    return pl011_of(device)->state.UARTRIS;
}

static uint64_t read_mis(struct vml_device *device, const struct vml_reg *reg, uint32_t index,
                         const struct vml_access *access)
{
    const struct vml_pl011_state *s = &pl011_of(device)->state;

    VML_UNUSED(reg, index, access);
    return s->UARTRIS & s->UARTIMSC;
}

static void write_icr(struct vml_device *device, const struct vml_reg *reg, uint32_t index,
                      uint64_t value, uint64_t mask, const struct vml_access *access)
{
    struct vml_pl011 *uart = pl011_of(device);
    uint32_t clear = (uint32_t)(value & mask) & INT_ALL;

    VML_UNUSED(reg, index, access);
    uart->state.UARTRIS &= ~clear;
    if ((clear & (INT_RX | INT_RT)) && uart->state.rx_count != 0 && uart->config.clock) {
        /* What still waits is told again later, or a sender that waits for room would wait
         * forever. */
        uart->rearm = true;
    }
}

static uint64_t read_id2(struct vml_device *device, const struct vml_reg *reg, uint32_t index,
                         const struct vml_access *access)
{
    VML_UNUSED(index, access);
    /* Drivers take the depth of the FIFOs from the revision: r1p5 is the first with 32. */
    return pl011_of(device)->config.fifo_depth == VML_PL011_FIFO_MAX ? reg->reset : 0x14;
}

#define STATE(member) (uint32_t) offsetof(struct vml_pl011_state, member)
#define ROW(id, where, how)                                                                        \
    .name = (id), .offset = (where), .width = 4, .sizes = VML_SIZE_124, .kind = (how)

#define ROWS_BEFORE_LINE                                                                           \
    {ROW("UARTDR", 0x000, VML_REG_RW), .write_mask = 0xff, .state = VML_REG_NO_STATE,              \
     .read = read_dr, .write = write_dr},                                                          \
        {ROW("UARTRSR", 0x004, VML_REG_RW), .write_mask = 0xf, .state = STATE(UARTRSR),            \
         .write = write_ecr},                                                                      \
    {                                                                                              \
        ROW("UARTFR", 0x018, VML_REG_RO), .state = VML_REG_NO_STATE, .read = read_fr               \
    }

#define ROWS_OF_INTERRUPTS                                                                         \
    {ROW("UARTIMSC", 0x038, VML_REG_RW), .write_mask = INT_ALL, .state = STATE(UARTIMSC),          \
     .write = write_imsc},                                                                         \
        {ROW("UARTRIS", 0x03c, VML_REG_RO), .state = STATE(UARTRIS), .read = read_ris},            \
        {ROW("UARTMIS", 0x040, VML_REG_RO), .state = VML_REG_NO_STATE, .read = read_mis},          \
    {                                                                                              \
        ROW("UARTICR", 0x044, VML_REG_WO), .write_mask = INT_ALL, .state = VML_REG_NO_STATE,       \
                                           .read = vml_amba_read_id, .write = write_icr            \
    }

static const struct vml_reg rows[] = {
    ROWS_BEFORE_LINE,
    {ROW("UARTILPR", 0x020, VML_REG_RW), .write_mask = 0xff, .state = STATE(UARTILPR)},
    {ROW("UARTIBRD", 0x024, VML_REG_RW), .write_mask = 0xffff, .state = STATE(UARTIBRD)},
    {ROW("UARTFBRD", 0x028, VML_REG_RW), .write_mask = 0x3f, .state = STATE(UARTFBRD)},
    {ROW("UARTLCR_H", 0x02c, VML_REG_RW), .write_mask = 0xff, .state = STATE(UARTLCR_H),
     .write = write_lcr_h},
    {ROW("UARTCR", 0x030, VML_REG_RW), .reset = CR_TXE | CR_RXE, .write_mask = 0xff87,
     .state = STATE(UARTCR), .write = write_cr},
    {ROW("UARTIFLS", 0x034, VML_REG_RW), .reset = 0x12, .write_mask = 0x3f,
     .state = STATE(UARTIFLS)},
    ROWS_OF_INTERRUPTS,
    {ROW("UARTDMACR", 0x048, VML_REG_RW), .write_mask = 0x7, .state = STATE(UARTDMACR)},
    VML_AMBA_ID_ROW("UARTPeriphID0", 0xfe0, 0x11),
    VML_AMBA_ID_ROW("UARTPeriphID1", 0xfe4, 0x10),
    {ROW("UARTPeriphID2", 0xfe8, VML_REG_RO), .reset = 0x34, .state = VML_REG_NO_STATE,
     .read = read_id2},
    VML_AMBA_ID_ROW("UARTPeriphID3", 0xfec, 0x00),
    VML_AMBA_ID_ROW("UARTPCellID0", 0xff0, 0x0d),
    VML_AMBA_ID_ROW("UARTPCellID1", 0xff4, 0xf0),
    VML_AMBA_ID_ROW("UARTPCellID2", 0xff8, 0x05),
    VML_AMBA_ID_ROW("UARTPCellID3", 0xffc, 0xb1),
};

static const struct vml_reg sbsa_rows[] = {ROWS_BEFORE_LINE, ROWS_OF_INTERRUPTS};

const struct vml_reg_table vml_pl011_regs = {
    .rows = rows, .row_count = VML_ARRAY_SIZE(rows), .size = 0x1000, .unknown_raz_wi = true};

const struct vml_reg_table vml_pl011_sbsa_regs = {.rows = sbsa_rows,
                                                  .row_count = VML_ARRAY_SIZE(sbsa_rows),
                                                  .size = 0x1000,
                                                  .unknown_raz_wi = true};
