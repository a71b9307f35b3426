/* The 16550A from its data sheet, between a back end of this file and a guest. */
#include "test.h"
#include <vml/ns16550.h>

enum { RBR = 0, THR = 0, DLL = 0, IER = 1, DLM = 1, IIR = 2, FCR = 2, LCR = 3, MCR = 4, LSR = 5 };
enum { MSR = 6, SCR = 7 };
enum { OE = 2, PE = 4, FE = 8, BI = 16 };

struct rig {
    struct vml_ns16550 uart;
    struct vml_virtual_clock clock;
    uint8_t out[64];
    size_t out_count, room;
    unsigned ready, breaks;
    bool level;
};

static void no_lock_is_held(struct rig *r)
{
    assert_true(vml_mutex_try_lock(&r->uart.lock));
    vml_mutex_unlock(&r->uart.lock);
}

static void set_level(void *controller, uint32_t line, uint32_t cpu, bool level)
{
    no_lock_is_held(controller);
    ((struct rig *)controller)->level = level;
}

static size_t push(void *context, const uint8_t *bytes, size_t len)
{
    struct rig *r = context;
    size_t n = len < r->room ? len : r->room;

    no_lock_is_held(r);
    memcpy(r->out + r->out_count, bytes, n);
    r->out_count += n;
    r->room -= n;
    return n;
}

static void ready(void *context)
{
    no_lock_is_held(context);
    ((struct rig *)context)->ready++;
}

static void event(void *context, enum vml_chardev_event what)
{
    ((struct rig *)context)->breaks += what == VML_CHARDEV_BREAK;
}

static struct rig *make(bool with_clock, uint8_t shift)
{
    static const struct vml_irq_ops irq = {.set_level = set_level};
    static const struct vml_chardev_ops peer = {push, ready, event};
    struct rig *r = calloc(1, sizeof(*r));
    struct vml_ns16550_config config = {.irq = {&irq, r, 4, 0},
                                        .peer = {&peer, r},
                                        .clock = with_clock ? &r->clock.clock : NULL,
                                        .reg_shift = shift,
                                        .modem = VML_NS16550_MSR_CTS};

    r->room = sizeof(r->out);
    assert_int_equal(vml_virtual_clock_init(&r->clock, 1000000), VML_OK);
    assert_int_equal(vml_ns16550_init(&r->uart, &config), VML_OK);
    return r;
}

static void end(struct rig *r)
{
    vml_ns16550_destroy(&r->uart);
    vml_clock_destroy(&r->clock.clock);
    free(r);
}

static uint8_t rd(struct rig *r, uint32_t offset)
{
    struct vml_access a = {.offset = offset, .size = 1};

    assert_int_equal(r->uart.device.ops->access(&r->uart.device, &a), VML_BUS_OK);
    return (uint8_t)a.value;
}

static void wr(struct rig *r, uint32_t offset, uint8_t value)
{
    struct vml_access a = {.offset = offset, .size = 1, .write = true, .value = value};

    assert_int_equal(r->uart.device.ops->access(&r->uart.device, &a), VML_BUS_OK);
}

static size_t type(struct rig *r, const char *text)
{
    struct vml_chardev line = vml_ns16550_end(&r->uart);

    return vml_chardev_push(&line, (const uint8_t *)text, strlen(text));
}

static void reset_values_and_storage(void **state)
{
    static const uint8_t reset[] = {0x00, 0x00, 0x01, 0x00, 0x00, 0x60, 0x10, 0x00};
    struct rig *r = make(true, 0);
    struct vml_access bad = {.offset = 0, .size = 2};
    struct vml_ns16550_config config = {.reg_shift = 4};
    struct vml_ns16550 other;
    uint32_t row = 0;

    assert_int_equal(vml_regs_check(&vml_ns16550_regs, &row), VML_OK);
    for (uint32_t i = 0; i < 8; i++) {
        assert_int_equal(rd(r, i), reset[i]);
    }
    wr(r, SCR, 0xa5);
    assert_int_equal(rd(r, SCR), 0xa5);
    wr(r, IER, 0xff);
    assert_int_equal(rd(r, IER), 0x0f);
    wr(r, MCR, 0xff);
    assert_int_equal(rd(r, MCR), 0x1f);
    wr(r, MCR, 0);
    wr(r, LCR, 0x83);
    wr(r, DLL, 0x34);
    wr(r, DLM, 0x12);
    assert_int_equal(rd(r, DLL), 0x34);
    assert_int_equal(rd(r, DLM), 0x12);
    wr(r, LCR, 0x03);
    assert_int_equal(rd(r, IER), 0x0f);
    assert_int_equal(r->out_count, 0);
    assert_int_equal(r->uart.device.ops->access(&r->uart.device, &bad), VML_BUS_FAULT);
    bad = (struct vml_access){.offset = 8, .size = 1};
    assert_int_equal(r->uart.device.ops->access(&r->uart.device, &bad), VML_BUS_FAULT);
    assert_int_equal(vml_ns16550_init(&other, &config), VML_ERR_INVALID);
    r->uart.device.ops->reset(&r->uart.device);
    assert_int_equal(rd(r, IER), 0);
    assert_int_equal(rd(r, SCR), 0);
    end(r);
}

static void registers_further_apart(void **state)
{
    struct rig *r = make(true, 2);
    struct vml_access a = {.offset = 7 << 2, .size = 4, .write = true, .value = 0xffffff5a};
    struct vml_device *device = &r->uart.device;

    assert_int_equal(device->ops->access(device, &a), VML_BUS_OK);
    a = (struct vml_access){.offset = 7 << 2, .size = 4};
    assert_int_equal(device->ops->access(device, &a), VML_BUS_OK);
    assert_int_equal(a.value, 0x5a);
    a = (struct vml_access){.offset = 29, .size = 1};
    assert_int_equal(device->ops->access(device, &a), VML_BUS_FAULT);
    a = (struct vml_access){.offset = 24, .size = 8};
    assert_int_equal(device->ops->access(device, &a), VML_BUS_FAULT);
    end(r);
}

static void characters_out(void **state)
{
    struct rig *r = make(true, 0);

    wr(r, THR, 'a');
    wr(r, THR, 'b');
    assert_memory_equal(r->out, "ab", 2);
    assert_int_equal(rd(r, LSR), 0x60);
    end(r);
}

/* "Transmitter holding register empty": by enabling it, and each time that it becomes empty;
   reading IIR or writing THR ends it. */
static void transmitter_interrupt(void **state)
{
    struct rig *r = make(true, 0);

    wr(r, IER, 2);
    assert_true(r->level);
    assert_int_equal(rd(r, IIR), 0x02);
    assert_false(r->level);
    assert_int_equal(rd(r, IIR), 0x01);
    wr(r, THR, 'x');
    assert_true(r->level);
    r->room = 0;
    wr(r, THR, 'y');
    assert_false(r->level); /* it waits */
    assert_int_equal(rd(r, LSR), 0x00);
    r->room = 5;
    struct vml_chardev line = vml_ns16550_end(&r->uart);

    vml_chardev_ready(&line);
    assert_true(r->level);
    assert_memory_equal(r->out, "xy", 2);
    assert_int_equal(rd(r, LSR), 0x60);
    wr(r, IER, 0);
    assert_false(r->level);
    end(r);
}

static void the_transmit_fifo_waits_for_the_back_end(void **state)
{
    struct rig *r = make(true, 0);
    struct vml_chardev line = vml_ns16550_end(&r->uart);

    r->room = 0;
    wr(r, FCR, 0x01);
    for (uint8_t i = 0; i < 20; i++) {
        wr(r, THR, (uint8_t)('a' + i));
    }
    r->room = 10;
    vml_chardev_ready(&line);
    assert_int_equal(r->out_count, 10);
    assert_int_equal(rd(r, LSR), 0);
    r->room = 30;
    vml_chardev_ready(&line);
    assert_int_equal(r->out_count, 16); /* what did not fit is lost */
    assert_memory_equal(r->out, "abcdefghijklmnop", 16);
    /* cleared by FCR */
    r->room = 0;
    wr(r, THR, 'z');
    wr(r, FCR, 0x05);
    assert_int_equal(rd(r, LSR), 0x60);
    r->room = 30;
    vml_chardev_ready(&line);
    assert_int_equal(r->out_count, 16);
    end(r);
}

static void characters_in_without_fifos(void **state)
{
    struct rig *r = make(true, 0);

    wr(r, IER, 1);
    assert_int_equal(type(r, "ab"), 1);
    assert_true(r->level);
    assert_int_equal(rd(r, IIR), 0x04);
    assert_int_equal(rd(r, LSR), 0x61);
    assert_int_equal(rd(r, RBR), 'a');
    assert_false(r->level);
    assert_int_equal(r->ready, 1);
    assert_int_equal(rd(r, RBR), 0);
    assert_int_equal(type(r, "b"), 1);
    /* An overrun replaces the character. */
    vml_ns16550_inject(&r->uart, 'c', 0);
    assert_int_equal(rd(r, LSR), 0x63);
    assert_int_equal(rd(r, LSR), 0x61);
    assert_int_equal(rd(r, RBR), 'c');
    end(r);
}

static void trigger_levels(void **state)
{
    static const uint8_t levels[] = {1, 4, 8, 14};

    for (uint8_t i = 0; i < 4; i++) {
        struct rig *r = make(true, 0);

        wr(r, FCR, (uint8_t)(1 | i << 6));
        wr(r, IER, 1);
        for (uint8_t n = 1; n <= 16; n++) {
            assert_int_equal(type(r, "x"), 1);
            assert_int_equal(r->level, n >= levels[i]);
        }
        assert_int_equal(type(r, "x"), 0);
        assert_int_equal(rd(r, IIR), 0xc4);
        for (uint8_t n = 16; n > 0; n--) {
            assert_int_equal(rd(r, RBR), 'x');
            assert_int_equal(r->level, n - 1 >= levels[i]);
        }
        end(r);
    }
}

/* 115200 baud is a divisor of 1; four characters of ten bits last 348 microseconds. */
static void receive_timeout(void **state)
{
    struct rig *r = make(true, 0);

    wr(r, LCR, 0x83);
    wr(r, DLL, 1);
    wr(r, LCR, 0x03);
    wr(r, FCR, 0xc1);
    wr(r, IER, 1);
    assert_int_equal(type(r, "a"), 1);
    vml_virtual_clock_advance(&r->clock, 300);
    assert_int_equal(type(r, "b"), 1);
    vml_virtual_clock_advance(&r->clock, 640);
    assert_false(r->level);
    vml_virtual_clock_advance(&r->clock, 700);
    assert_true(r->level);
    assert_int_equal(rd(r, IIR), 0xcc);
    assert_int_equal(rd(r, RBR), 'a');
    assert_false(r->level); /* reading restarts it */
    vml_virtual_clock_advance(&r->clock, 1100);
    assert_true(r->level);
    assert_int_equal(rd(r, RBR), 'b');
    assert_false(r->level);
    vml_virtual_clock_advance(&r->clock, 10000);
    assert_false(r->level);
    end(r);
    /* Without a clock it passes at once. */
    r = make(false, 0);
    wr(r, FCR, 0xc1);
    wr(r, IER, 1);
    assert_int_equal(type(r, "a"), 1);
    assert_int_equal(rd(r, IIR), 0xcc);
    end(r);
}

static void errors_come_to_the_top(void **state)
{
    struct rig *r = make(true, 0);

    wr(r, FCR, 0x01);
    wr(r, IER, 4);
    vml_ns16550_inject(&r->uart, 'a', 0);
    vml_ns16550_inject(&r->uart, 'b', PE | FE | OE);
    assert_false(r->level);
    assert_int_equal(rd(r, LSR), 0xe1);
    assert_int_equal(rd(r, RBR), 'a');
    assert_true(r->level);
    assert_int_equal(rd(r, IIR), 0xc6);
    assert_int_equal(rd(r, LSR), 0xe1 | PE | FE);
    assert_false(r->level);
    assert_int_equal(rd(r, LSR), 0x61);
    assert_int_equal(rd(r, RBR), 'b');
    /* a break, from the back end */
    struct vml_chardev line = vml_ns16550_end(&r->uart);

    vml_chardev_event(&line, VML_CHARDEV_OPENED);
    vml_chardev_event(&line, VML_CHARDEV_BREAK);
    assert_int_equal(rd(r, LSR), 0xe1 | BI);
    assert_int_equal(rd(r, RBR), 0);
    /* a FIFO that is full keeps what it has */
    for (uint8_t i = 0; i < 16; i++) {
        vml_ns16550_inject(&r->uart, i, 0);
    }
    vml_ns16550_inject(&r->uart, 99, 0);
    assert_int_equal(rd(r, LSR), 0x61 | OE);
    for (uint8_t i = 0; i < 16; i++) {
        assert_int_equal(rd(r, RBR), i);
    }
    end(r);
}

static void priorities(void **state)
{
    struct rig *r = make(true, 0);

    wr(r, FCR, 0x01);
    wr(r, IER, 0x0f);
    vml_ns16550_set_modem(&r->uart, 0);
    vml_ns16550_inject(&r->uart, 'a', PE);
    assert_int_equal(rd(r, IIR), 0xc6);
    (void)rd(r, LSR);
    assert_int_equal(rd(r, IIR), 0xc4);
    (void)rd(r, RBR);
    assert_int_equal(rd(r, IIR), 0xc2);
    assert_int_equal(rd(r, IIR), 0xc0);
    assert_true(r->level);
    assert_int_equal(rd(r, MSR), 0x01); /* DCTS */
    assert_int_equal(rd(r, IIR), 0xc1);
    assert_false(r->level);
    end(r);
}

static void modem_lines(void **state)
{
    struct rig *r = make(true, 0);

    wr(r, IER, 8);
    vml_ns16550_set_modem(&r->uart, VML_NS16550_MSR_CTS | VML_NS16550_MSR_RI);
    assert_false(r->level); /* the ring indicator counts when it ends */
    vml_ns16550_set_modem(&r->uart, VML_NS16550_MSR_DSR | VML_NS16550_MSR_DCD);
    assert_true(r->level);
    assert_int_equal(rd(r, MSR), 0xa0 | 0x0f);
    assert_int_equal(rd(r, MSR), 0xa0);
    assert_false(r->level);
    wr(r, MCR, 0x0b);
    assert_int_equal(vml_ns16550_control(&r->uart), 0x0b);
    end(r);
}

static void loopback(void **state)
{
    struct rig *r = make(true, 0);

    wr(r, MCR, 0x10);
    (void)rd(r, MSR);
    wr(r, THR, 'q');
    assert_int_equal(r->out_count, 0);
    assert_int_equal(rd(r, LSR), 0x61);
    assert_int_equal(rd(r, RBR), 'q');
    /* the line is cut */
    assert_int_equal(type(r, "a"), 0);
    vml_ns16550_inject(&r->uart, 'b', 0);
    assert_int_equal(rd(r, LSR), 0x60);
    /* RTS, DTR, OUT1, OUT2 come in as CTS, DSR, RI, DCD: how drivers find out that this is a UART
       */
    wr(r, MCR, 0x1a);
    assert_int_equal(rd(r, MSR) & 0xf0, 0x90);
    wr(r, MCR, 0x15);
    assert_int_equal(rd(r, MSR) & 0xf0, 0x60);
    wr(r, MCR, 0x00);
    assert_int_equal(rd(r, MSR) & 0xf0, 0x10);
    assert_int_equal(r->ready, 1);
    end(r);
}

static void fifo_control(void **state)
{
    struct rig *r = make(true, 0);

    wr(r, FCR, 0xc0); /* bit 0 clear: the others are not programmed */
    assert_int_equal(rd(r, IIR) & 0xc0, 0);
    wr(r, FCR, 0x01);
    assert_int_equal(rd(r, IIR) & 0xc0, 0xc0);
    assert_int_equal(type(r, "abc"), 3);
    wr(r, FCR, 0x03);
    assert_int_equal(rd(r, LSR), 0x60);
    assert_int_equal(type(r, "abc"), 3);
    wr(r, FCR, 0x00); /* switching empties them */
    assert_int_equal(rd(r, LSR), 0x60);
    end(r);
}

static void a_break_goes_out(void **state)
{
    struct rig *r = make(true, 0);

    wr(r, LCR, 0x43);
    wr(r, LCR, 0x43);
    assert_int_equal(r->breaks, 1);
    wr(r, LCR, 0x03);
    wr(r, LCR, 0x43);
    assert_int_equal(r->breaks, 2);
    end(r);
}

static size_t save(struct rig *r, uint8_t *image, size_t size)
{
    struct vml_state_writer w;

    vml_state_writer_init(&w, image, size);
    r->uart.device.ops->save(&r->uart.device, &w);
    assert_int_equal(vml_state_write_status(&w), VML_OK);
    return w.used;
}

static enum vml_status restore(struct rig *r, const uint8_t *image, size_t size)
{
    struct vml_state_reader reader;

    vml_state_reader_init(&reader, image, size);
    return r->uart.device.ops->restore(&r->uart.device, &reader);
}

static void save_and_restore(void **state)
{
    uint8_t image[256], before[256], after[256];
    struct rig *r = make(true, 0), *s = make(true, 0);
    size_t n, m;

    r->room = 0;
    wr(r, FCR, 0xc1);
    wr(r, IER, 0x0f);
    wr(r, LCR, 0x83);
    wr(r, DLL, 3);
    wr(r, LCR, 0x03);
    wr(r, THR, 'x');
    wr(r, THR, 'y');
    vml_ns16550_inject(&r->uart, 'a', 0);
    vml_ns16550_inject(&r->uart, 'b', FE);
    n = save(r, image, sizeof(image));
    m = save(s, before, sizeof(before));
    for (size_t cut = 0; cut < n; cut++) {
        assert_int_not_equal(restore(s, image, cut), VML_OK);
        assert_int_equal(save(s, after, sizeof(after)), m);
        assert_memory_equal(after, before, m);
    }
    assert_int_equal(restore(s, image, n), VML_OK);
    /* What waited goes out here; what came in is read here; the timeout passes. */
    assert_int_equal(s->out_count, 2);
    assert_memory_equal(s->out, "xy", 2);
    vml_virtual_clock_advance(&s->clock, 1);
    assert_int_equal(rd(s, IIR), 0xcc);
    assert_true(s->level);
    assert_int_equal(rd(s, RBR), 'a');
    assert_int_equal(rd(s, LSR) & FE, FE);
    assert_int_equal(rd(s, RBR), 'b');
    end(s);
    s = make(false, 0);
    assert_int_equal(restore(s, image, n), VML_OK);
    assert_int_equal(rd(s, IIR), 0xcc);
    end(s);
    end(r);
}

static void images_that_are_refused(void **state)
{
    uint8_t image[256], bad[256];
    struct rig *r = make(true, 0);
    unsigned refused = 0;
    size_t n;

    wr(r, FCR, 0x01);
    vml_ns16550_inject(&r->uart, 'a', FE);
    n = save(r, image, sizeof(image));
    for (size_t i = 0; i < n; i++) {
        memcpy(bad, image, n);
        bad[i] ^= 0xff;
        if (restore(r, bad, n) != VML_OK) {
            refused++;
            assert_int_equal(save(r, bad, sizeof(bad)), n);
        }
        assert_int_equal(restore(r, image, n), VML_OK);
    }
    assert_true(refused > 12);
    end(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reset_values_and_storage),
        cmocka_unit_test(registers_further_apart),
        cmocka_unit_test(characters_out),
        cmocka_unit_test(transmitter_interrupt),
        cmocka_unit_test(the_transmit_fifo_waits_for_the_back_end),
        cmocka_unit_test(characters_in_without_fifos),
        cmocka_unit_test(trigger_levels),
        cmocka_unit_test(receive_timeout),
        cmocka_unit_test(errors_come_to_the_top),
        cmocka_unit_test(priorities),
        cmocka_unit_test(modem_lines),
        cmocka_unit_test(loopback),
        cmocka_unit_test(fifo_control),
        cmocka_unit_test(a_break_goes_out),
        cmocka_unit_test(save_and_restore),
        cmocka_unit_test(images_that_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
