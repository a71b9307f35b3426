/* Memory-mapped timers from DDI 0487: frame 0 with everything, frame 2 with a physical timer only.
   */
#include "test.h"
#include <vml/timer_frames.h>

enum { CNTPCT = 0x00, CNTVCT = 0x08, CNTFRQ = 0x10, CNTEL0ACR = 0x14, CNTVOFF = 0x18 };
enum { P_CVAL = 0x20, P_TVAL = 0x28, P_CTL = 0x2c, V_CVAL = 0x30, V_TVAL = 0x38, V_CTL = 0x3c };
enum { TIDR = 0x08, ACR = 0x40, VOFF = 0x80 };

struct rig {
    struct vml_timer_frames frames;
    struct vml_timer timer[2];
    struct vml_virtual_clock clock;
    bool level[4];
};

static void set_level(void *controller, uint32_t line, uint32_t cpu, bool level)
{
    ((struct rig *)controller)->level[line] = level;
}

static struct rig *make(void)
{
    static const struct vml_irq_ops ops = {.set_level = set_level};
    struct rig *r = calloc(1, sizeof(*r));
    struct vml_timer_frames_config config = {
        .timer = {[0] = &r->timer[0], [2] = &r->timer[1]}, .with_virtual = 1, .with_el0 = 5};

    assert_int_equal(vml_virtual_clock_init(&r->clock, 1000000), VML_OK);
    for (uint32_t i = 0; i < 2; i++) {
        struct vml_timer_config timer = {.clock = &r->clock.clock,
                                         .irq = {{&ops, r, 2 * i, 0}, {&ops, r, 2 * i + 1, 0}}};

        assert_int_equal(vml_timer_init(&r->timer[i], &timer), VML_OK);
    }
    assert_int_equal(vml_timer_frames_init(&r->frames, &config), VML_OK);
    return r;
}

static void end(struct rig *r)
{
    vml_timer_destroy(&r->timer[0]);
    vml_timer_destroy(&r->timer[1]);
    vml_clock_destroy(&r->clock.clock);
    free(r);
}

static uint64_t rd(struct vml_device *device, uint32_t offset, uint8_t size)
{
    struct vml_access a = {.offset = offset, .size = size};

    assert_int_equal(device->ops->access(device, &a), VML_BUS_OK);
    return a.value;
}

static void wr(struct vml_device *device, uint32_t offset, uint8_t size, uint64_t value)
{
    struct vml_access a = {.offset = offset, .size = size, .write = true, .value = value};

    assert_int_equal(device->ops->access(device, &a), VML_BUS_OK);
}

static void to(struct rig *r, uint64_t ticks)
{
    vml_virtual_clock_advance(&r->clock, ticks);
}

static void what_is_there(void **state)
{
    struct rig *r = make();
    struct vml_timer_frames_config config = {.name = "none"};
    struct vml_timer_frames other;
    struct vml_access bad = {.offset = P_CTL, .size = 8};
    uint32_t row = 0;

    assert_int_equal(vml_regs_check(&vml_timer_control_regs, &row), VML_OK);
    assert_int_equal(vml_regs_check(&vml_timer_frame_regs, &row), VML_OK);
    /* FI, FVI, FEL0I of frame 0; FI, FEL0I of frame 2 */
    assert_int_equal(rd(&r->frames.control, TIDR, 4), 0x507);
    assert_int_equal(rd(&r->frames.control, CNTPCT, 4), 1000000); /* CNTFRQ of the control frame */
    assert_int_equal(rd(&r->frames.control, 0x04, 4), 0);
    assert_int_equal(rd(&r->frames.control, 0xfd0, 4), 0);
    assert_null(r->frames.frame[1].device.ops->access);
    assert_null(r->frames.el0[1].device.ops->access);
    assert_int_equal(r->frames.frame[0].device.ops->access(&r->frames.frame[0].device, &bad),
                     VML_BUS_FAULT);
    assert_int_equal(vml_timer_frames_init(&other, &config), VML_ERR_INVALID);
    config.timer[3] = &r->timer[0];
    config.with_virtual = 1;
    assert_int_equal(vml_timer_frames_init(&other, &config), VML_ERR_INVALID);
    config.with_virtual = 8;
    config.with_el0 = 0x10;
    assert_int_equal(vml_timer_frames_init(&other, &config), VML_ERR_INVALID);
    end(r);
}

/* CNTACR: each bit opens its registers, and no others. */
static void access_control_of_a_frame(void **state)
{
    static const struct {
        uint32_t offset, bit;
        uint8_t size;
    } regs[] = {{CNTPCT, 0x01, 8}, {CNTVCT, 0x02, 8}, {CNTFRQ, 0x04, 4}, {CNTVOFF, 0x08, 8},
                {V_CVAL, 0x10, 8}, {V_TVAL, 0x10, 4}, {V_CTL, 0x10, 4},  {P_CVAL, 0x20, 8},
                {P_TVAL, 0x20, 4}, {P_CTL, 0x20, 4}};
    struct rig *r = make();
    struct vml_device *frame = &r->frames.frame[0].device;

    to(r, 12345);
    wr(&r->frames.control, VOFF, 8, 345);
    wr(&r->frames.control, ACR, 4, 0xffffffff);
    assert_int_equal(rd(&r->frames.control, ACR, 4), 0x3f);
    wr(frame, P_CVAL, 8, 50000);
    wr(frame, V_CVAL, 8, 60000);
    wr(frame, P_CTL, 4, 3);
    wr(frame, V_CTL, 4, 3);
    for (uint32_t bit = 1; bit < 0x40; bit <<= 1) {
        wr(&r->frames.control, ACR, 4, bit);
        for (size_t i = 0; i < VML_ARRAY_SIZE(regs); i++) {
            assert_int_equal(rd(frame, regs[i].offset, regs[i].size) != 0, regs[i].bit == bit);
        }
    }
    /* Not permitted is not written. */
    wr(&r->frames.control, ACR, 4, 0);
    wr(frame, P_CVAL, 8, 1);
    wr(frame, V_CTL, 4, 0);
    assert_int_equal(vml_timer_read_cval(&r->timer[0], VML_TIMER_PHYSICAL), 50000);
    assert_int_equal(vml_timer_read_ctl(&r->timer[0], VML_TIMER_VIRTUAL), 3);
    /* A frame that there is not has no rights. */
    wr(&r->frames.control, ACR + 4, 4, 0x3f);
    assert_int_equal(rd(&r->frames.control, ACR + 4, 4), 0);
    end(r);
}

static void both_timers_of_a_frame(void **state)
{
    struct rig *r = make();
    struct vml_device *frame = &r->frames.frame[0].device;

    wr(&r->frames.control, ACR, 4, 0x3f);
    to(r, 100);
    assert_int_equal(rd(frame, CNTPCT, 8), 100);
    wr(&r->frames.control, VOFF + 4, 4, 0);
    wr(&r->frames.control, VOFF, 4, 40);
    assert_int_equal(rd(&r->frames.control, VOFF, 8), 40);
    assert_int_equal(rd(frame, CNTVOFF, 4), 40);
    assert_int_equal(rd(frame, CNTVCT, 4), 60);
    assert_int_equal(rd(frame, CNTVCT + 4, 4), 0);
    wr(frame, P_CVAL, 8, 150);
    wr(frame, P_CTL, 4, 1);
    wr(frame, V_TVAL, 4, 100);
    assert_int_equal(rd(frame, V_CVAL, 8), 160);
    wr(frame, V_CTL, 4, 1);
    to(r, 149);
    assert_false(r->level[0]);
    assert_int_equal(rd(frame, P_TVAL, 4), 1);
    to(r, 150);
    assert_true(r->level[0] && !r->level[1]);
    assert_int_equal(rd(frame, P_CTL, 4), 5);
    to(r, 200);
    assert_true(r->level[1]);
    assert_int_equal(rd(frame, V_CTL, 4), 5);
    wr(frame, P_TVAL, 4, 1000);
    assert_false(r->level[0]);
    assert_int_equal(rd(frame, P_CVAL, 8), 1200);
    /* a compare value in halves */
    wr(frame, V_CVAL + 4, 4, 7);
    wr(frame, V_CVAL, 4, 9);
    assert_int_equal(rd(frame, V_CVAL, 8), UINT64_C(0x700000009));
    assert_int_equal(rd(frame, V_TVAL, 4), 9 - 160 + UINT64_C(0x100000000));
    assert_false(r->level[1]);
    /* read-only */
    wr(frame, CNTPCT, 8, 1);
    wr(frame, CNTVOFF, 8, 1);
    wr(frame, CNTFRQ, 4, 1);
    assert_int_equal(rd(frame, CNTPCT, 8), 200);
    assert_int_equal(rd(frame, CNTFRQ, 4), 1000000);
    end(r);
}

static void a_frame_without_a_virtual_timer(void **state)
{
    struct rig *r = make();
    struct vml_device *frame = &r->frames.frame[2].device;

    to(r, 10);
    wr(&r->frames.control, ACR + 8, 4, 0x3f);
    wr(&r->frames.control, VOFF + 16, 8, 5);
    assert_int_equal(rd(&r->frames.control, VOFF + 16, 8), 0);
    assert_int_equal(rd(frame, CNTPCT, 8), 10);
    assert_int_equal(rd(frame, CNTVCT, 8), 0);
    wr(frame, V_CTL, 4, 1);
    assert_int_equal(rd(frame, V_CTL, 4), 0);
    wr(frame, P_TVAL, 4, 5);
    wr(frame, P_CTL, 4, 1);
    to(r, 15);
    assert_true(r->level[2] && !r->level[3]);
    end(r);
}

/* The second view shows what both CNTACR and CNTEL0ACR permit, and neither CNTEL0ACR nor CNTVOFF.
   */
static void the_view_for_el0(void **state)
{
    struct rig *r = make();
    struct vml_device *frame = &r->frames.frame[0].device, *el0 = &r->frames.el0[0].device;

    to(r, 10);
    wr(&r->frames.control, ACR, 4, 0x3f);
    wr(&r->frames.control, VOFF, 8, 3);
    assert_int_equal(rd(el0, CNTPCT, 8), 0);
    assert_int_equal(rd(el0, CNTFRQ, 4), 0);
    wr(el0, CNTEL0ACR, 4, 0x303);
    assert_int_equal(rd(frame, CNTEL0ACR, 4), 0);
    wr(frame, CNTEL0ACR, 4, 0xffffffff);
    assert_int_equal(rd(frame, CNTEL0ACR, 4), 0x303);
    assert_int_equal(rd(el0, CNTEL0ACR, 4), 0);
    assert_int_equal(rd(el0, CNTVOFF, 8), 0);
    assert_int_equal(rd(el0, CNTPCT, 8), 10);
    assert_int_equal(rd(el0, CNTVCT, 8), 7);
    wr(frame, CNTEL0ACR, 4, 0x2);
    assert_int_equal(rd(el0, CNTPCT, 8), 0);
    assert_int_equal(rd(el0, CNTVCT, 8), 7);
    assert_int_equal(rd(el0, CNTFRQ, 4), 1000000);
    wr(el0, P_CTL, 4, 3);
    wr(el0, V_CTL, 4, 3);
    assert_int_equal(rd(frame, P_CTL, 4) | rd(frame, V_CTL, 4), 0);
    wr(frame, CNTEL0ACR, 4, 0x100);
    wr(el0, P_CTL, 4, 3);
    wr(el0, V_CTL, 4, 3);
    assert_int_equal(rd(frame, P_CTL, 4) & 3, 0);
    assert_int_equal(rd(frame, V_CTL, 4) & 3, 3);
    wr(frame, CNTEL0ACR, 4, 0x303);
    wr(&r->frames.control, ACR, 4, 0);
    assert_int_equal(rd(el0, CNTPCT, 8), 0);
    end(r);
}

static void reset_save_and_restore(void **state)
{
    uint8_t image[128], before[128], after[128];
    struct vml_state_writer w;
    struct vml_state_reader reader;
    struct rig *r = make(), *s = make();
    struct vml_timer_frames_config less = {.timer = {[0] = &s->timer[0]}};
    size_t n;

    wr(&r->frames.control, ACR, 4, 0x15);
    wr(&r->frames.control, ACR + 8, 4, 0x21);
    wr(&r->frames.frame[0].device, CNTEL0ACR, 4, 0x201);
    vml_state_writer_init(&w, image, sizeof(image));
    r->frames.control.ops->save(&r->frames.control, &w);
    assert_int_equal(vml_state_write_status(&w), VML_OK);
    n = w.used;
    vml_state_writer_init(&w, before, sizeof(before));
    s->frames.control.ops->save(&s->frames.control, &w);
    for (size_t cut = 0; cut < n; cut++) {
        vml_state_reader_init(&reader, image, cut);
        assert_int_not_equal(s->frames.control.ops->restore(&s->frames.control, &reader), VML_OK);
        vml_state_writer_init(&w, after, sizeof(after));
        s->frames.control.ops->save(&s->frames.control, &w);
        assert_memory_equal(after, before, n);
    }
    vml_state_reader_init(&reader, image, n);
    assert_int_equal(s->frames.control.ops->restore(&s->frames.control, &reader), VML_OK);
    assert_int_equal(rd(&s->frames.control, ACR, 4), 0x15);
    assert_int_equal(rd(&s->frames.control, ACR + 8, 4), 0x21);
    assert_int_equal(rd(&s->frames.frame[0].device, CNTEL0ACR, 4), 0x201);
    s->frames.control.ops->reset(&s->frames.control);
    assert_int_equal(rd(&s->frames.control, ACR, 4), 0);
    assert_int_equal(rd(&s->frames.frame[0].device, CNTEL0ACR, 4), 0);
    /* rights of frames and views that there are not here; and bits that there are nowhere */
    assert_int_equal(vml_timer_frames_init(&s->frames, &less), VML_OK);
    vml_state_reader_init(&reader, image, n);
    assert_int_equal(s->frames.control.ops->restore(&s->frames.control, &reader),
                     VML_ERR_UNSUPPORTED);
    atomic_store(&r->frames.CNTACR[0], 0x40);
    vml_state_writer_init(&w, image, sizeof(image));
    r->frames.control.ops->save(&r->frames.control, &w);
    vml_state_reader_init(&reader, image, n);
    assert_int_equal(r->frames.control.ops->restore(&r->frames.control, &reader), VML_ERR_CORRUPT);
    end(s);
    end(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_there),          cmocka_unit_test(access_control_of_a_frame),
        cmocka_unit_test(both_timers_of_a_frame), cmocka_unit_test(a_frame_without_a_virtual_timer),
        cmocka_unit_test(the_view_for_el0),       cmocka_unit_test(reset_save_and_restore),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
