/* Two machines' ends, joined; registers as the Linux driver of such connections uses them. */
#include "test.h"
#include <vml/cross_vm.h>

enum { EMIT = 0x00, CONSUME = 0x04, NAME = 0x08 };

struct rig {
    struct vml_cross_vm end[2];
    bool level[2];
};

static void set_level(void *controller, uint32_t line, uint32_t cpu, bool level)
{
    struct rig *r = controller;

    assert_true(vml_mutex_try_lock(&r->end[line].lock));
    vml_mutex_unlock(&r->end[line].lock);
    r->level[line] = level;
}

static struct rig *make(void)
{
    static const struct vml_irq_ops ops = {.set_level = set_level};
    struct rig *r = calloc(1, sizeof(*r));

    for (uint32_t i = 0; i < 2; i++) {
        struct vml_cross_vm_config config = {.connection = i ? NULL : "telemetry",
                                             .irq = {&ops, r, i, 0},
                                             .emit = vml_cross_vm_signal,
                                             .context = &r->end[1 - i]};

        vml_cross_vm_init(&r->end[i], &config);
    }
    return r;
}

static void end(struct rig *r)
{
    vml_cross_vm_destroy(&r->end[0]);
    vml_cross_vm_destroy(&r->end[1]);
    free(r);
}

static uint64_t rd(struct rig *r, unsigned i, uint32_t offset, uint8_t size)
{
    struct vml_access a = {.offset = offset, .size = size};

    assert_int_equal(r->end[i].device.ops->access(&r->end[i].device, &a), VML_BUS_OK);
    return a.value;
}

static void wr(struct rig *r, unsigned i, uint32_t offset, uint32_t value)
{
    struct vml_access a = {.offset = offset, .size = 4, .write = true, .value = value};

    assert_int_equal(r->end[i].device.ops->access(&r->end[i].device, &a), VML_BUS_OK);
}

static void events_go_both_ways(void **state)
{
    struct rig *r = make();

    wr(r, 0, EMIT, 1);
    assert_true(r->level[1] && !r->level[0]);
    assert_int_equal(rd(r, 1, CONSUME, 4), 1);
    wr(r, 0, EMIT, 0); /* whatever is written */
    assert_int_equal(rd(r, 1, CONSUME, 4), 2);
    assert_int_equal(rd(r, 0, EMIT, 4), 0);
    wr(r, 1, EMIT, 1);
    assert_true(r->level[0]);
    assert_int_equal(rd(r, 0, CONSUME, 4), 1);
    wr(r, 0, CONSUME, 0);
    assert_true(r->level[1] && !r->level[0]);
    wr(r, 1, CONSUME, 1);
    assert_true(r->level[1]);
    wr(r, 1, CONSUME, 0);
    assert_false(r->level[1]);
    end(r);
}

static void names(void **state)
{
    static const char longer[] = "01234567890123456789012345678901234567890123456789xyz";
    struct rig *r = make();
    struct vml_cross_vm_config config = {.connection = longer};
    struct vml_cross_vm other;
    uint32_t row = 0;

    assert_int_equal(vml_regs_check(&vml_cross_vm_regs, &row), VML_OK);
    assert_int_equal(rd(r, 0, NAME, 8), UINT64_C(0x7274656d656c6574)); /* "telemetr" */
    for (uint32_t i = 0; i < 10; i++) {
        assert_int_equal(rd(r, 0, NAME + i, 1), "telemetry"[i]);
        assert_int_equal(rd(r, 1, NAME + i, 1), "connector"[i]);
    }
    assert_int_equal(rd(r, 1, NAME, 4), 'c' | 'o' << 8 | 'n' << 16 | 'n' << 24);
    vml_cross_vm_init(&other, &config);
    struct vml_access a = {.offset = NAME + 49, .size = 1};

    assert_int_equal(other.device.ops->access(&other.device, &a), VML_BUS_OK);
    assert_int_equal(a.value, '9');
    a = (struct vml_access){.offset = NAME + 50, .size = 1};
    assert_int_equal(other.device.ops->access(&other.device, &a), VML_BUS_OK);
    assert_int_equal(a.value, 0);
    /* nobody on the other side */
    a = (struct vml_access){.offset = EMIT, .size = 4, .write = true};
    assert_int_equal(other.device.ops->access(&other.device, &a), VML_BUS_OK);
    a = (struct vml_access){.offset = EMIT, .size = 8, .write = true};
    assert_int_equal(other.device.ops->access(&other.device, &a), VML_BUS_FAULT);
    vml_cross_vm_destroy(&other);
    end(r);
}

static void the_count_stands_at_its_end(void **state)
{
    struct rig *r = make();

    wr(r, 0, CONSUME, 0xfffffffe);
    vml_cross_vm_signal(&r->end[0]);
    vml_cross_vm_signal(&r->end[0]);
    assert_int_equal(rd(r, 0, CONSUME, 4), 0xffffffff);
    assert_true(r->level[0]);
    r->end[0].device.ops->reset(&r->end[0].device);
    assert_false(r->level[0]);
    assert_int_equal(rd(r, 0, CONSUME, 4), 0);
    end(r);
}

static void save_and_restore(void **state)
{
    uint8_t image[64];
    struct vml_state_writer w;
    struct vml_state_reader reader;
    struct rig *r = make(), *s = make();
    struct vml_device *device = &s->end[0].device;

    vml_cross_vm_signal(&r->end[0]);
    vml_cross_vm_signal(&r->end[0]);
    vml_state_writer_init(&w, image, sizeof(image));
    r->end[0].device.ops->save(&r->end[0].device, &w);
    assert_int_equal(vml_state_write_status(&w), VML_OK);
    for (size_t cut = 0; cut < w.used; cut++) {
        vml_state_reader_init(&reader, image, cut);
        assert_int_not_equal(device->ops->restore(device, &reader), VML_OK);
        assert_int_equal(rd(s, 0, CONSUME, 4), 0);
    }
    vml_state_reader_init(&reader, image, w.used);
    assert_int_equal(device->ops->restore(device, &reader), VML_OK);
    assert_int_equal(rd(s, 0, CONSUME, 4), 2);
    assert_true(s->level[0]);
    end(s);
    end(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_go_both_ways),
        cmocka_unit_test(names),
        cmocka_unit_test(the_count_stands_at_its_end),
        cmocka_unit_test(save_and_restore),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
