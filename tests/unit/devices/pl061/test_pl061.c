/* The PL061 from DDI 0190B. */
#include "test.h"
#include <vml/pl061.h>

enum {
    DATA = 0x3fc,
    DIR = 0x400,
    IS = 0x404,
    IBE = 0x408,
    IEV = 0x40c,
    IE = 0x410,
    RIS = 0x414,
    MIS = 0x418,
    IC = 0x41c,
    AFSEL = 0x420,
};

struct rig {
    struct vml_pl061 gpio;
    bool level;
    unsigned outputs;
    uint8_t directions, levels;
};

static void check_unlocked(struct rig *r)
{
    assert_true(vml_mutex_try_lock(&r->gpio.lock));
    vml_mutex_unlock(&r->gpio.lock);
}

static void set_level(void *controller, uint32_t line, uint32_t cpu, bool level)
{
    struct rig *r = controller;

    check_unlocked(r);
    r->level = level;
}

static void output(void *context, uint8_t directions, uint8_t levels)
{
    struct rig *r = context;

    check_unlocked(r);
    r->outputs++;
    r->directions = directions;
    r->levels = levels;
}

static struct rig *make(uint8_t inputs)
{
    static const struct vml_irq_ops ops = {.set_level = set_level};
    struct rig *r = calloc(1, sizeof(*r));
    struct vml_pl061_config config = {
        .irq = {&ops, r, 39, 0}, .output = output, .context = r, .inputs = inputs};

    assert_int_equal(vml_pl061_init(&r->gpio, &config), VML_OK);
    return r;
}

static void end(struct rig *r)
{
    vml_pl061_destroy(&r->gpio);
    free(r);
}

static uint32_t rd(struct rig *r, uint32_t offset)
{
    struct vml_access a = {.offset = offset, .size = 4};

    assert_int_equal(r->gpio.device.ops->access(&r->gpio.device, &a), VML_BUS_OK);
    return (uint32_t)a.value;
}

static void wr(struct rig *r, uint32_t offset, uint32_t value)
{
    struct vml_access a = {.offset = offset, .size = 4, .write = true, .value = value};

    assert_int_equal(r->gpio.device.ops->access(&r->gpio.device, &a), VML_BUS_OK);
}

static void reset_values_and_identification(void **state)
{
    static const uint8_t id[] = {0x61, 0x10, 0x04, 0x00, 0x0d, 0xf0, 0x05, 0xb1};
    struct rig *r = make(0);
    uint32_t row = 0;

    assert_int_equal(vml_regs_check(&vml_pl061_regs, &row), VML_OK);
    for (uint32_t offset = 0; offset <= AFSEL; offset += 4) {
        assert_int_equal(rd(r, offset), 0);
    }
    for (uint32_t i = 0; i < 8; i++) {
        assert_int_equal(rd(r, 0xfe0 + 4 * i), id[i]);
    }
    for (uint32_t offset = DIR; offset <= AFSEL; offset += 4) {
        if (offset != RIS && offset != MIS && offset != IC) {
            wr(r, offset, 0xffffffff);
            assert_int_equal(rd(r, offset), 0xff);
            wr(r, offset, 0);
        }
    }
    end(r);
}

/* Figure 3-1 and 3-2: address 0x098 writes bits 5, 2 and 1; address 0x0C4 reads 5, 4 and 0. */
static void data_is_masked_by_the_address(void **state)
{
    struct rig *r = make(0);

    wr(r, DIR, 0xff);
    wr(r, 0x098, 0xfb);
    assert_int_equal(rd(r, DATA), 0x22);
    assert_int_equal(r->levels, 0x22);
    wr(r, DATA, 0xfe);
    assert_int_equal(rd(r, 0x0c4), 0x30);
    assert_int_equal(rd(r, 0x000), 0);
    wr(r, 0x000, 0xff);
    assert_int_equal(rd(r, DATA), 0xfe);
    end(r);
}

static void inputs_cannot_be_written_and_outputs_not_set_from_outside(void **state)
{
    struct rig *r = make(0x80);

    wr(r, DIR, 0x0f);
    assert_int_equal(r->outputs, 1);
    wr(r, DATA, 0xff);
    assert_int_equal(rd(r, DATA), 0x8f);
    assert_int_equal(r->outputs, 2);
    assert_int_equal(r->directions, 0x0f);
    assert_int_equal(r->levels, 0x0f);
    wr(r, DATA, 0xff);
    assert_int_equal(r->outputs, 2);
    wr(r, DATA, 0);
    vml_pl061_set_input(&r->gpio, 0, true);
    vml_pl061_set_input(&r->gpio, 8, true);
    assert_int_equal(rd(r, DATA), 0x80);
    vml_pl061_set_input(&r->gpio, 7, false);
    assert_int_equal(rd(r, DATA), 0);
    end(r);
}

/* Every line, every edge and level setting. */
static void interrupts_of_every_kind(void **state)
{
    for (uint32_t line = 0; line < 8; line++) {
        for (unsigned kind = 0; kind < 8; kind++) {
            struct rig *r = make(0);
            uint32_t bit = 1u << line;
            bool is = kind & 1, both = kind & 2, rising = kind & 4;

            wr(r, IS, is ? bit : 0);
            wr(r, IBE, both ? bit : 0);
            wr(r, IEV, rising ? bit : 0);
            wr(r, IE, bit);
            assert_int_equal(r->level, is && !rising);
            vml_pl061_set_input(&r->gpio, line, true);
            assert_int_equal(r->level, is ? rising : both || rising);
            wr(r, IC, bit);
            assert_int_equal(r->level, is && rising);
            vml_pl061_set_input(&r->gpio, line, false);
            assert_int_equal(r->level, is ? !rising : both || !rising);
            assert_int_equal(rd(r, RIS) == bit, r->level);
            assert_int_equal(rd(r, MIS) == bit, r->level);
            wr(r, IE, 0);
            assert_false(r->level);
            assert_int_equal(rd(r, MIS), 0);
            end(r);
        }
    }
}

static void power_key(void **state)
{
    struct rig *r = make(0);

    wr(r, IBE, 8);
    wr(r, IE, 8);
    vml_pl061_set_input(&r->gpio, 3, true);
    assert_true(r->level);
    assert_int_equal(rd(r, 0x020), 8);
    wr(r, IC, 8);
    assert_false(r->level);
    vml_pl061_set_input(&r->gpio, 3, true);
    assert_false(r->level);
    vml_pl061_set_input(&r->gpio, 3, false);
    assert_true(r->level);
    end(r);
}

static void reset_clears_what_was_latched(void **state)
{
    struct rig *r = make(0);

    wr(r, IE, 0xff);
    wr(r, IEV, 0xff);
    vml_pl061_set_input(&r->gpio, 1, true);
    wr(r, DIR, 0x80);
    assert_true(r->level);
    r->gpio.device.ops->reset(&r->gpio.device);
    assert_false(r->level);
    assert_int_equal(rd(r, RIS), 0);
    assert_int_equal(rd(r, DATA), 2);
    assert_int_equal(r->directions, 0);
    end(r);
}

static void save_and_restore(void **state)
{
    uint8_t image[64], before[64], after[64];
    struct vml_state_writer w;
    struct vml_state_reader reader;
    struct rig *r = make(0), *s = make(0);
    size_t n;

    wr(r, IE, 0xff);
    wr(r, IEV, 0x02);
    wr(r, DIR, 0x80);
    wr(r, DATA, 0x80);
    vml_pl061_set_input(&r->gpio, 1, true);
    vml_state_writer_init(&w, image, sizeof(image));
    r->gpio.device.ops->save(&r->gpio.device, &w);
    assert_int_equal(vml_state_write_status(&w), VML_OK);
    n = w.used;
    vml_state_writer_init(&w, before, sizeof(before));
    s->gpio.device.ops->save(&s->gpio.device, &w);
    for (size_t cut = 0; cut < n; cut++) {
        vml_state_reader_init(&reader, image, cut);
        assert_int_not_equal(s->gpio.device.ops->restore(&s->gpio.device, &reader), VML_OK);
        vml_state_writer_init(&w, after, sizeof(after));
        s->gpio.device.ops->save(&s->gpio.device, &w);
        assert_memory_equal(after, before, w.used);
    }
    vml_state_reader_init(&reader, image, n);
    assert_int_equal(s->gpio.device.ops->restore(&s->gpio.device, &reader), VML_OK);
    assert_true(s->level);
    assert_int_equal(s->levels, 0x80);
    assert_int_equal(rd(s, MIS), 2);
    wr(s, IC, 2);
    assert_false(s->level);
    end(s);
    end(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reset_values_and_identification),
        cmocka_unit_test(data_is_masked_by_the_address),
        cmocka_unit_test(inputs_cannot_be_written_and_outputs_not_set_from_outside),
        cmocka_unit_test(interrupts_of_every_kind),
        cmocka_unit_test(power_key),
        cmocka_unit_test(reset_clears_what_was_latched),
        cmocka_unit_test(save_and_restore),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
