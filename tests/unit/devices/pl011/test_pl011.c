/* The PL011 from DDI 0183G: reset values, FIFOs, interrupts, errors, loopback. */
#include "test.h"
#include <vml/pl011.h>

enum {
    DR = 0x000,
    RSR = 0x004,
    FR = 0x018,
    ILPR = 0x020,
    IBRD = 0x024,
    FBRD = 0x028,
    LCR_H = 0x02c,
    CR = 0x030,
    IFLS = 0x034,
    IMSC = 0x038,
    RIS = 0x03c,
    MIS = 0x040,
    ICR = 0x044,
    DMACR = 0x048,
};

enum {
    BUSY = 0x008,
    RXFE = 0x010,
    TXFF = 0x020,
    RXFF = 0x040,
    TXFE = 0x080,
    I_RI = 0x001,
    I_CTS = 0x002,
    I_DCD = 0x004,
    I_DSR = 0x008,
    I_RX = 0x010,
    I_TX = 0x020,
    I_RT = 0x040,
    I_FE = 0x080,
    I_PE = 0x100,
    I_BE = 0x200,
    I_OE = 0x400,
};

struct rig {
    struct vml_pl011 uart;
    struct vml_virtual_clock clock;
    struct vml_chardev end;
    uint8_t out[256];
    size_t out_len, room;
    unsigned ready, breaks, levels;
    bool level, lock_held;
};

static bool lock_is_free(struct rig *r)
{
    if (!vml_mutex_try_lock(&r->uart.lock)) {
        return false;
    }
    vml_mutex_unlock(&r->uart.lock);
    return true;
}

static size_t take(void *context, const uint8_t *bytes, size_t len)
{
    struct rig *r = context;
    size_t n = len < r->room ? len : r->room;

    r->lock_held |= !lock_is_free(r);
    memcpy(r->out + r->out_len, bytes, n);
    r->out_len += n;
    r->room -= n;
    return n;
}

static void ready(void *context)
{
    struct rig *r = context;

    r->lock_held |= !lock_is_free(r);
    r->ready++;
}

static void event(void *context, enum vml_chardev_event e)
{
    struct rig *r = context;

    r->lock_held |= !lock_is_free(r);
    r->breaks += e == VML_CHARDEV_BREAK;
}

static void set_level(void *controller, uint32_t line, uint32_t cpu, bool level)
{
    struct rig *r = controller;

    assert_int_equal(line, 33);
    r->lock_held |= !lock_is_free(r);
    r->level = level;
    r->levels++;
}

static const struct vml_chardev_ops peer_ops = {take, ready, event};
static const struct vml_irq_ops irq_ops = {.set_level = set_level};

static struct rig *make(uint32_t flags, uint32_t depth)
{
    struct rig *r = calloc(1, sizeof(*r));
    struct vml_pl011_config config = {.irq = {&irq_ops, r, 33, 0},
                                      .peer = {&peer_ops, r},
                                      .clock = &r->clock.clock,
                                      .fifo_depth = depth,
                                      .flags = flags};

    assert_int_equal(vml_virtual_clock_init(&r->clock, 1000000), VML_OK);
    assert_int_equal(vml_pl011_init(&r->uart, &config), VML_OK);
    r->end = vml_pl011_end(&r->uart);
    r->room = sizeof(r->out);
    return r;
}

static void end(struct rig *r)
{
    assert_false(r->lock_held);
    vml_pl011_destroy(&r->uart);
    vml_clock_destroy(&r->clock.clock);
    free(r);
}

static uint32_t rd(struct rig *r, uint32_t offset)
{
    struct vml_access a = {.offset = offset, .size = 4};

    assert_int_equal(r->uart.device.ops->access(&r->uart.device, &a), VML_BUS_OK);
    return (uint32_t)a.value;
}

static void wr(struct rig *r, uint32_t offset, uint32_t value)
{
    struct vml_access a = {.offset = offset, .size = 4, .write = true, .value = value};

    assert_int_equal(r->uart.device.ops->access(&r->uart.device, &a), VML_BUS_OK);
}

static size_t push(struct rig *r, const char *text)
{
    return vml_chardev_push(&r->end, (const uint8_t *)text, strlen(text));
}

static void both_tables_are_sound(void **state)
{
    uint32_t bad = 0;

    assert_int_equal(vml_regs_check(&vml_pl011_regs, &bad), VML_OK);
    assert_int_equal(vml_regs_check(&vml_pl011_sbsa_regs, &bad), VML_OK);
}

static void bad_configurations_are_refused(void **state)
{
    static struct vml_pl011 uart;
    struct vml_pl011_config config = {.fifo_depth = 17};

    assert_int_equal(vml_pl011_init(&uart, &config), VML_ERR_INVALID);
    config = (struct vml_pl011_config){.flags = 0x80};
    assert_int_equal(vml_pl011_init(&uart, &config), VML_ERR_INVALID);
}

/* DDI 0183G table 3-1. */
static void reset_values(void **state)
{
    static const struct {
        uint32_t offset, value;
    } want[] = {
        {RSR, 0},      {FR, 0x90},    {ILPR, 0},     {IBRD, 0},     {FBRD, 0},
        {LCR_H, 0},    {CR, 0x300},   {IFLS, 0x12},  {IMSC, 0},     {RIS, 0},
        {MIS, 0},      {DMACR, 0},    {0xfe0, 0x11}, {0xfe4, 0x10}, {0xfe8, 0x34},
        {0xfec, 0x00}, {0xff0, 0x0d}, {0xff4, 0xf0}, {0xff8, 0x05}, {0xffc, 0xb1},
    };
    struct rig *r = make(0, 0);

    for (size_t i = 0; i < VML_ARRAY_SIZE(want); i++) {
        assert_int_equal(rd(r, want[i].offset), want[i].value);
    }
    assert_int_equal(rd(r, 0x100), 0);
    end(r);
    r = make(0, 16);
    assert_int_equal(rd(r, 0xfe8), 0x14);
    end(r);
}

static void only_the_defined_bits_are_writable(void **state)
{
    static const struct {
        uint32_t offset, mask;
    } want[] = {{ILPR, 0xff}, {IBRD, 0xffff}, {FBRD, 0x3f},  {LCR_H, 0xff},
                {CR, 0xff87}, {IFLS, 0x3f},   {IMSC, 0x7ff}, {DMACR, 0x7}};
    struct rig *r = make(0, 0);

    for (size_t i = 0; i < VML_ARRAY_SIZE(want); i++) {
        wr(r, want[i].offset, 0xffffffff);
        assert_int_equal(rd(r, want[i].offset), want[i].mask);
        wr(r, want[i].offset, 0);
        assert_int_equal(rd(r, want[i].offset), 0);
    }
    wr(r, FR, 0xffffffff);
    wr(r, RIS, 0xffffffff);
    wr(r, 0xfe0, 0);
    assert_int_equal(rd(r, 0xfe0), 0x11);
    assert_int_equal(rd(r, ICR), 0);
    end(r);
}

static void access_sizes(void **state)
{
    struct rig *r = make(0, 0);
    struct vml_access a = {.offset = CR + 1, .size = 1, .write = true, .value = 0x01};

    assert_int_equal(r->uart.device.ops->access(&r->uart.device, &a), VML_BUS_OK);
    assert_int_equal(rd(r, CR), 0x100);
    a = (struct vml_access){.offset = FR, .size = 2};
    assert_int_equal(r->uart.device.ops->access(&r->uart.device, &a), VML_BUS_OK);
    assert_int_equal(a.value, 0x90);
    a = (struct vml_access){.offset = FR, .size = 8};
    assert_int_equal(r->uart.device.ops->access(&r->uart.device, &a), VML_BUS_FAULT);
    a = (struct vml_access){.offset = CR + 1, .size = 2};
    assert_int_equal(r->uart.device.ops->access(&r->uart.device, &a), VML_BUS_FAULT);
    a = (struct vml_access){.offset = DR, .size = 8, .write = true};
    assert_int_equal(r->uart.device.ops->access(&r->uart.device, &a), VML_BUS_FAULT);
    assert_int_equal(r->out_len, 0);
    end(r);
}

static void output_before_the_driver_enables_it(void **state)
{
    struct rig *r = make(0, 0);

    wr(r, CR, 0);
    wr(r, DR, 'h');
    wr(r, DR, 'i');
    assert_int_equal(r->out_len, 2);
    assert_memory_equal(r->out, "hi", 2);
    assert_int_equal(rd(r, FR) & (TXFE | TXFF | BUSY), TXFE);
    end(r);
}

static void strict_waits_for_the_enables(void **state)
{
    struct rig *r = make(VML_PL011_STRICT, 0);

    wr(r, LCR_H, 0x70);
    wr(r, DR, 'a');
    wr(r, DR, 'b');
    assert_int_equal(r->out_len, 0);
    assert_int_equal(rd(r, FR) & (TXFE | BUSY), BUSY);
    assert_int_equal(push(r, "x"), 0);
    wr(r, CR, 0x101);
    assert_memory_equal(r->out, "ab", 2);
    assert_int_equal(r->ready, 0);
    wr(r, CR, 0x301);
    assert_int_equal(r->ready, 1);
    assert_int_equal(push(r, "x"), 1);
    assert_int_equal(rd(r, DR), 'x');
    wr(r, LCR_H, 0x10); /* 5 bits */
    wr(r, DR, 0xff);
    assert_int_equal(r->out[2], 0x1f);
    end(r);
}

static void a_full_back_end_fills_the_fifo_and_loses_nothing_that_fits(void **state)
{
    struct rig *r = make(0, 32);

    wr(r, LCR_H, 0x70);
    wr(r, IMSC, I_TX);
    wr(r, DR, '0');
    assert_true(r->level);
    r->room = 0;
    for (int i = 0; i < 32; i++) {
        assert_int_equal(rd(r, FR) & TXFF, 0);
        wr(r, DR, (uint32_t)('A' + i));
        /* IFLS 1/2: interrupt until more than 16 wait */
        assert_int_equal(r->level, i + 1 <= 16);
    }
    assert_int_equal(rd(r, FR) & (TXFF | TXFE | BUSY), TXFF | BUSY);
    wr(r, DR, '!'); /* lost, as on hardware */
    r->room = 15;
    vml_chardev_ready(&r->end);
    assert_false(r->level);
    r->room = 1;
    vml_chardev_ready(&r->end);
    assert_true(r->level);
    r->room = 100;
    vml_chardev_ready(&r->end);
    assert_int_equal(r->out_len, 33);
    for (int i = 0; i < 32; i++) {
        assert_int_equal(r->out[1 + i], 'A' + i);
    }
    assert_int_equal(rd(r, FR) & (TXFF | TXFE | BUSY), TXFE);
    wr(r, DR, 'z');
    assert_int_equal(r->out[33], 'z');
    end(r);
}

/* The interrupt is a transition: clearing it with an idle transmitter leaves it clear until a
 * write. */
static void transmit_interrupt(void **state)
{
    struct rig *r = make(0, 0);

    assert_int_equal(rd(r, RIS) & I_TX, 0);
    wr(r, IMSC, I_TX);
    wr(r, DR, 'a');
    assert_int_equal(rd(r, RIS), I_TX);
    assert_int_equal(rd(r, MIS), I_TX);
    assert_true(r->level);
    wr(r, ICR, I_TX);
    assert_int_equal(rd(r, RIS), 0);
    assert_false(r->level);
    wr(r, DR, 'b');
    assert_true(r->level);
    wr(r, IMSC, 0);
    assert_false(r->level);
    assert_int_equal(rd(r, MIS), 0);
    assert_int_equal(rd(r, RIS), I_TX);
    end(r);
}

static void receive_levels(void **state)
{
    static const uint32_t eighths[] = {1, 2, 4, 6, 7};
    static const uint32_t depths[] = {16, 32};

    for (unsigned d = 0; d < 2; d++) {
        for (uint32_t ifls = 0; ifls < 5; ifls++) {
            struct rig *r = make(0, depths[d]);
            uint32_t at = depths[d] * eighths[ifls] / 8;

            wr(r, LCR_H, 0x70);
            wr(r, IFLS, ifls << 3);
            wr(r, IMSC, I_RX);
            for (uint32_t i = 1; i <= depths[d]; i++) {
                assert_int_equal(push(r, "x"), 1);
                assert_int_equal(rd(r, RIS) & I_RX, i >= at ? I_RX : 0);
                assert_int_equal(r->level, i >= at);
            }
            assert_int_equal(rd(r, FR) & (RXFF | RXFE), RXFF);
            for (uint32_t i = depths[d]; i > 0; i--) {
                assert_int_equal(r->level, i >= at);
                assert_int_equal(rd(r, DR), 'x');
            }
            assert_int_equal(rd(r, FR) & (RXFF | RXFE), RXFE);
            assert_false(r->level);
            end(r);
        }
    }
}

static void without_fifos_one_character_fits(void **state)
{
    struct rig *r = make(0, 0);

    wr(r, IMSC, I_RX);
    assert_int_equal(push(r, "ab"), 1);
    assert_int_equal(rd(r, FR) & (RXFF | RXFE), RXFF);
    assert_true(r->level);
    assert_int_equal(r->ready, 0);
    assert_int_equal(rd(r, DR), 'a');
    assert_int_equal(r->ready, 1);
    assert_false(r->level);
    assert_int_equal(push(r, "b"), 1);
    assert_int_equal(rd(r, DR), 'b');
    assert_int_equal(r->ready, 1);
    end(r);
}

static void receive_timeout(void **state)
{
    struct rig *r = make(0, 0);

    /* 24 MHz / (16 * 13.0208) = 115200 baud: 32 bits are 277.8 us, at 1 MHz 277.8 ticks. */
    wr(r, IBRD, 13);
    wr(r, FBRD, 1);
    wr(r, LCR_H, 0x70);
    wr(r, IMSC, I_RT | I_RX);
    assert_int_equal(push(r, "ab"), 2);
    vml_virtual_clock_advance(&r->clock, 270);
    assert_false(r->level);
    assert_int_equal(push(r, "c"), 1); /* starts it anew */
    vml_virtual_clock_advance(&r->clock, 500);
    assert_false(r->level);
    vml_virtual_clock_advance(&r->clock, 550);
    assert_true(r->level);
    assert_int_equal(rd(r, RIS), I_RT);
    assert_int_equal(rd(r, DR), 'a');
    assert_true(r->level);
    wr(r, ICR, I_RT);
    assert_false(r->level);
    /* What was acknowledged but not read is told again. */
    vml_virtual_clock_advance(&r->clock, 900);
    assert_true(r->level);
    assert_int_equal(rd(r, DR), 'b');
    assert_int_equal(rd(r, DR), 'c');
    assert_false(r->level);
    vml_virtual_clock_advance(&r->clock, 5000);
    assert_false(r->level);
    end(r);
}

static void without_a_clock_the_timeout_passes_at_once(void **state)
{
    static struct vml_pl011 uart;
    struct vml_pl011_config config = {.uartclk_hz = 1};
    struct vml_chardev uart_end;
    struct vml_access a = {.offset = LCR_H, .size = 4, .write = true, .value = 0x70};

    assert_int_equal(vml_pl011_init(&uart, &config), VML_OK);
    uart.device.ops->access(&uart.device, &a);
    uart_end = vml_pl011_end(&uart);
    assert_int_equal(vml_chardev_push(&uart_end, (const uint8_t *)"q", 1), 1);
    a = (struct vml_access){.offset = RIS, .size = 4};
    uart.device.ops->access(&uart.device, &a);
    assert_int_equal(a.value, I_RT);
    vml_pl011_destroy(&uart);
}

static void line_errors(void **state)
{
    struct rig *r = make(0, 0);

    wr(r, LCR_H, 0x70);
    wr(r, IMSC, I_FE | I_PE | I_BE | I_OE);
    vml_pl011_inject(&r->uart, 'f' | VML_PL011_DR_FE);
    assert_int_equal(rd(r, RIS) & 0x780, I_FE);
    vml_pl011_inject(&r->uart, 'p' | VML_PL011_DR_PE);
    vml_chardev_event(&r->end, VML_CHARDEV_BREAK);
    assert_int_equal(rd(r, RIS) & 0x780, I_FE | I_PE | I_BE);
    assert_true(r->level);
    assert_int_equal(rd(r, DR), 'f' | VML_PL011_DR_FE);
    assert_int_equal(rd(r, RSR), 1);
    assert_int_equal(rd(r, DR), 'p' | VML_PL011_DR_PE);
    assert_int_equal(rd(r, RSR), 2);
    assert_int_equal(rd(r, DR), VML_PL011_DR_BE);
    assert_int_equal(rd(r, RSR), 4);
    wr(r, RSR, 0);
    assert_int_equal(rd(r, RSR), 0);
    wr(r, ICR, 0x780);
    assert_false(r->level);
    end(r);
}

static void overrun_goes_with_the_next_character(void **state)
{
    struct rig *r = make(0, 16);

    wr(r, LCR_H, 0x70);
    wr(r, IMSC, I_OE);
    for (int i = 0; i < 16; i++) {
        vml_pl011_inject(&r->uart, (uint32_t)('a' + i));
    }
    assert_false(r->level);
    vml_pl011_inject(&r->uart, 'X');
    assert_true(r->level);
    assert_int_equal(rd(r, RSR), 8);
    for (int i = 0; i < 16; i++) {
        assert_int_equal(rd(r, DR), 'a' + i);
    }
    vml_pl011_inject(&r->uart, 'n');
    vml_pl011_inject(&r->uart, 'm');
    assert_int_equal(rd(r, DR), 'n' | VML_PL011_DR_OE);
    assert_int_equal(rd(r, DR), 'm');
    assert_int_equal(rd(r, RSR), 8);
    wr(r, RSR, 0xff);
    assert_int_equal(rd(r, RSR), 0);
    end(r);
}

static void loopback(void **state)
{
    struct rig *r = make(0, 0);

    wr(r, DR, 'o');
    wr(r, LCR_H, 0x70);
    wr(r, CR, 0x381);
    wr(r, DR, 'l');
    assert_int_equal(r->out_len, 1);
    assert_int_equal(rd(r, DR), 'l');
    assert_int_equal(push(r, "x"), 0);
    vml_pl011_inject(&r->uart, 'y');
    assert_int_equal(rd(r, FR) & RXFE, RXFE);
    wr(r, CR, 0x381 | 1u << 10 | 1u << 11 | 1u << 12 | 1u << 13);
    assert_int_equal(rd(r, FR) & 0x107, 0x107);
    assert_int_equal(rd(r, RIS) & 0xf, I_RI | I_CTS | I_DCD | I_DSR);
    wr(r, CR, 0x301);
    assert_int_equal(rd(r, FR) & 0x107, 0);
    assert_int_equal(r->ready, 1);
    wr(r, DR, 'p');
    assert_int_equal(r->out_len, 2);
    end(r);
}

static void modem_inputs(void **state)
{
    struct rig *r = make(0, 0);

    wr(r, IMSC, I_CTS);
    vml_pl011_set_modem(&r->uart, VML_PL011_FR_CTS | VML_PL011_FR_DCD | 0xf0);
    assert_int_equal(rd(r, FR) & 0x107, VML_PL011_FR_CTS | VML_PL011_FR_DCD);
    assert_int_equal(rd(r, RIS) & 0xf, I_CTS | I_DCD);
    assert_true(r->level);
    wr(r, ICR, I_CTS | I_DCD);
    assert_false(r->level);
    vml_pl011_set_modem(&r->uart, VML_PL011_FR_CTS | VML_PL011_FR_DCD);
    assert_int_equal(rd(r, RIS) & 0xf, 0);
    /* CTSEn: nothing is sent without CTS. */
    wr(r, CR, 0xc301);
    vml_pl011_set_modem(&r->uart, 0);
    wr(r, DR, 'c');
    assert_int_equal(r->out_len, 0);
    vml_pl011_set_modem(&r->uart, VML_PL011_FR_CTS);
    assert_int_equal(r->out_len, 1);
    assert_int_equal(vml_pl011_control(&r->uart), 0xc301);
    end(r);
}

static void break_is_sent_once(void **state)
{
    struct rig *r = make(0, 0);

    wr(r, LCR_H, 0x71);
    wr(r, LCR_H, 0x71);
    wr(r, LCR_H, 0x70);
    wr(r, LCR_H, 0x71);
    assert_int_equal(r->breaks, 2);
    end(r);
}

static void switching_fifos_empties_them(void **state)
{
    struct rig *r = make(0, 0);

    wr(r, LCR_H, 0x70);
    wr(r, IMSC, I_RX);
    wr(r, IFLS, 0);
    assert_int_equal(push(r, "abcdef"), 6);
    assert_true(r->level);
    r->room = 0;
    wr(r, DR, 't');
    wr(r, LCR_H, 0x60);
    assert_false(r->level);
    assert_int_equal(rd(r, FR) & 0xf8, TXFE | RXFE);
    r->room = 9;
    vml_chardev_ready(&r->end);
    assert_int_equal(r->out_len, 0);
    end(r);
}

static void fifo_state_does_not_survive_reset(void **state)
{
    struct rig *r = make(0, 0);

    wr(r, LCR_H, 0x70);
    wr(r, IMSC, 0x7ff);
    wr(r, CR, 0x381);
    wr(r, CR, 0x301);
    vml_pl011_inject(&r->uart, 'x' | VML_PL011_DR_FE);
    r->room = 0;
    wr(r, DR, 'q');
    assert_int_not_equal(push(r, "0123456789012345678901234567890123456789"), 40);
    assert_true(r->level);
    r->uart.device.ops->reset(&r->uart.device);
    assert_false(r->level);
    assert_int_equal(rd(r, RIS), 0);
    assert_int_equal(rd(r, RSR), 0);
    assert_int_equal(rd(r, FR), 0x90);
    assert_int_equal(rd(r, DR), 0);
    assert_int_equal(rd(r, CR), 0x300);
    assert_int_equal(r->ready, 1);
    r->room = 9;
    vml_chardev_ready(&r->end);
    assert_int_equal(r->out_len, 0);
    vml_virtual_clock_advance(&r->clock, 1000000);
    assert_int_equal(rd(r, RIS), 0);
    end(r);
}

/* Each source alone must raise the line: computed from half of the sources it would not. */
static void the_level_comes_from_every_source(void **state)
{
    for (uint32_t bit = 0; bit < 11; bit++) {
        struct rig *r = make(0, 0);

        wr(r, LCR_H, 0x70);
        wr(r, IFLS, 0);
        wr(r, DR, 'a');
        vml_pl011_set_modem(&r->uart, 0x107);
        for (int i = 0; i < 33; i++) {
            vml_pl011_inject(&r->uart, 0x700);
        }
        vml_virtual_clock_advance(&r->clock, 1000);
        assert_int_equal(rd(r, RIS), 0x7ff);
        assert_false(r->level);
        wr(r, IMSC, 1u << bit);
        assert_true(r->level);
        assert_int_equal(rd(r, MIS), 1u << bit);
        wr(r, ICR, 1u << bit);
        assert_false(r->level);
        end(r);
    }
}

static void sbsa_subset(void **state)
{
    struct rig *r = make(VML_PL011_SBSA | VML_PL011_STRICT, 0);

    wr(r, DR, 0xe9);
    assert_int_equal(r->out[0], 0xe9);
    wr(r, CR, 0);
    wr(r, LCR_H, 0);
    assert_int_equal(rd(r, CR), 0);
    assert_int_equal(rd(r, 0xfe0), 0);
    assert_int_equal(push(r, "0123456789012345678901234567890123456789"), 32);
    assert_int_equal(rd(r, RIS) & I_RX, I_RX);
    r->uart.device.ops->reset(&r->uart.device);
    wr(r, DR, 'k');
    assert_int_equal(r->out[1], 'k');
    end(r);
}

struct echo {
    struct vml_pl011 uart;
    unsigned depth;
};

static size_t echo_push(void *context, const uint8_t *bytes, size_t len)
{
    struct echo *e = context;
    struct vml_chardev uart_end = vml_pl011_end(&e->uart);

    return vml_chardev_push(&uart_end, bytes, len);
}

static void a_back_end_may_answer_from_inside_its_push(void **state)
{
    static struct echo e;
    static const struct vml_chardev_ops ops = {.push = echo_push};
    struct vml_pl011_config config = {.peer = {&ops, &e}};
    struct vml_access a;

    assert_int_equal(vml_pl011_init(&e.uart, &config), VML_OK);
    for (int i = 0; i < 100; i++) {
        a = (struct vml_access){.offset = DR, .size = 1, .write = true, .value = 'a' + (i & 7)};
        assert_int_equal(e.uart.device.ops->access(&e.uart.device, &a), VML_BUS_OK);
        a = (struct vml_access){.offset = DR, .size = 1};
        assert_int_equal(e.uart.device.ops->access(&e.uart.device, &a), VML_BUS_OK);
        assert_int_equal(a.value, 'a' + (i & 7));
    }
    vml_pl011_destroy(&e.uart);
}

static size_t save(struct rig *r, uint8_t *buffer, size_t size)
{
    struct vml_state_writer w;

    vml_state_writer_init(&w, buffer, size);
    r->uart.device.ops->save(&r->uart.device, &w);
    assert_int_equal(vml_state_write_status(&w), VML_OK);
    return w.used;
}

static enum vml_status restore(struct rig *r, const uint8_t *buffer, size_t size)
{
    struct vml_state_reader reader;

    vml_state_reader_init(&reader, buffer, size);
    return r->uart.device.ops->restore(&r->uart.device, &reader);
}

static struct rig *make_busy(void)
{
    struct rig *r = make(0, 0);

    wr(r, IBRD, 13);
    wr(r, LCR_H, 0x70);
    wr(r, IMSC, 0x7f0);
    wr(r, DR, 'd');
    r->room = 0;
    wr(r, DR, 'e');
    wr(r, DR, 'f');
    vml_pl011_inject(&r->uart, 'i' | VML_PL011_DR_PE);
    assert_int_equal(push(r, "jk"), 2);
    return r;
}

static void save_and_restore(void **state)
{
    uint8_t image[512], again[512];
    struct rig *r = make_busy(), *s = make(0, 0);
    size_t n = save(r, image, sizeof(image));

    vml_virtual_clock_advance(&s->clock, 12345);
    assert_int_equal(restore(s, image, n), VML_OK);
    assert_int_equal(s->out_len, 2);
    assert_memory_equal(s->out, "ef", 2);
    assert_true(s->level);
    assert_int_equal(rd(s, RIS) & I_RT, 0);
    vml_virtual_clock_advance(&s->clock, 12345 + 300);
    assert_int_equal(rd(s, RIS) & I_RT, I_RT);
    assert_int_equal(rd(s, DR), 'i' | VML_PL011_DR_PE);
    assert_int_equal(rd(s, DR), 'j');
    assert_int_equal(rd(s, DR), 'k');
    end(s);
    s = make(0, 0);
    s->room = 0;
    assert_int_equal(restore(s, image, n), VML_OK);
    assert_int_equal(save(s, again, sizeof(again)), n);
    assert_memory_equal(again, image, n);
    end(s);
    end(r);
}

static void corrupt_images_leave_the_device_untouched(void **state)
{
    uint8_t image[512], before[512], after[512];
    struct rig *r = make_busy(), *s = make_busy();
    size_t n = save(r, image, sizeof(image)), m;

    wr(s, IFLS, 0);
    m = save(s, before, sizeof(before));
    for (size_t cut = 0; cut < n; cut++) {
        assert_int_not_equal(restore(s, image, cut), VML_OK);
        assert_int_equal(save(s, after, sizeof(after)), m);
        assert_memory_equal(after, before, m);
    }
    /* Of another UART: depth and options are part of the image. */
    image[12] = 16;
    assert_int_not_equal(restore(s, image, n), VML_OK);
    image[12] = 32;
    image[16] = 1;
    assert_int_not_equal(restore(s, image, n), VML_OK);
    image[16] = 0;
    /* Every byte after the header, as 0xff, either is refused or gives a device that saves what
     * it was given. */
    for (size_t i = VML_STATE_HEADER_SIZE; i < n; i++) {
        uint8_t keep = image[i];

        image[i] = 0xff;
        s->room = 0;
        if (restore(s, image, n) != VML_OK) {
            assert_int_equal(save(s, after, sizeof(after)), m);
            assert_memory_equal(after, before, m);
        } else {
            m = save(s, before, sizeof(before));
            assert_memory_equal(before, image, n);
        }
        image[i] = keep;
    }
    end(r);
    end(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(both_tables_are_sound),
        cmocka_unit_test(bad_configurations_are_refused),
        cmocka_unit_test(reset_values),
        cmocka_unit_test(only_the_defined_bits_are_writable),
        cmocka_unit_test(access_sizes),
        cmocka_unit_test(output_before_the_driver_enables_it),
        cmocka_unit_test(strict_waits_for_the_enables),
        cmocka_unit_test(a_full_back_end_fills_the_fifo_and_loses_nothing_that_fits),
        cmocka_unit_test(transmit_interrupt),
        cmocka_unit_test(receive_levels),
        cmocka_unit_test(without_fifos_one_character_fits),
        cmocka_unit_test(receive_timeout),
        cmocka_unit_test(without_a_clock_the_timeout_passes_at_once),
        cmocka_unit_test(line_errors),
        cmocka_unit_test(overrun_goes_with_the_next_character),
        cmocka_unit_test(loopback),
        cmocka_unit_test(modem_inputs),
        cmocka_unit_test(break_is_sent_once),
        cmocka_unit_test(switching_fifos_empties_them),
        cmocka_unit_test(fifo_state_does_not_survive_reset),
        cmocka_unit_test(the_level_comes_from_every_source),
        cmocka_unit_test(sbsa_subset),
        cmocka_unit_test(a_back_end_may_answer_from_inside_its_push),
        cmocka_unit_test(save_and_restore),
        cmocka_unit_test(corrupt_images_leave_the_device_untouched),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
