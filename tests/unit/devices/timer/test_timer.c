/* DDI 0487, D11: registers, conditions, outputs, access control; and saved state. */
#include "test.h"

#include <vml/timer.h>

#define FREQUENCY UINT64_C(62500000)

static struct vml_virtual_clock clock;
static struct vml_timer timer;
static struct vml_timer second;
static int level[2][VML_TIMERS]; /* [vCPU][unit] */
static unsigned changes;

static void set_level(void *controller, uint32_t line, uint32_t cpu, bool on)
{
    assert_true(line == 27 || line == 30);
    level[cpu][line == 27 ? VML_TIMER_VIRTUAL : VML_TIMER_PHYSICAL] = on;
    changes++;
}

static const struct vml_irq_ops irq_ops = {.set_level = set_level};

static void make(struct vml_timer *t, uint32_t cpu)
{
    struct vml_timer_config config = {
        .clock = &clock.clock,
        .irq = {[VML_TIMER_PHYSICAL] = {&irq_ops, NULL, VML_TIMER_PHYSICAL_INTID, cpu},
                [VML_TIMER_VIRTUAL] = {&irq_ops, NULL, VML_TIMER_VIRTUAL_INTID, cpu}},
    };

    assert_int_equal(vml_timer_init(t, &config), VML_OK);
}

static int setup(void **state)
{
    assert_int_equal(vml_virtual_clock_init(&clock, FREQUENCY), VML_OK);
    memset(level, 0, sizeof(level));
    changes = 0;
    make(&timer, 0);
    make(&second, 1);
    return 0;
}

static int teardown(void **state)
{
    vml_timer_destroy(&timer);
    vml_timer_destroy(&second);
    vml_clock_destroy(&clock.clock);
    return 0;
}

static void to(uint64_t ticks)
{
    vml_virtual_clock_advance(&clock, ticks);
}

static uint64_t rd(uint64_t sysreg)
{
    uint64_t value = 0xdead;

    assert_int_equal(vml_timer_read(&timer, sysreg, &value), VML_OK);
    return value;
}

static void wr(uint64_t sysreg, uint64_t value)
{
    assert_int_equal(vml_timer_write(&timer, sysreg, value), VML_OK);
}

static void test_counters_and_frequency(void **state)
{
    assert_int_equal(rd(VML_CNTFRQ_EL0), FREQUENCY);
    to(1000);
    assert_int_equal(rd(VML_CNTPCT_EL0), 1000);
    assert_int_equal(rd(VML_CNTPCTSS_EL0), 1000);
    assert_int_equal(rd(VML_CNTVCT_EL0), 1000);
    vml_timer_set_virtual_offset(&timer, 400);
    assert_int_equal(vml_timer_virtual_offset(&timer), 400);
    assert_int_equal(rd(VML_CNTVCT_EL0), 600);
    assert_int_equal(rd(VML_CNTVCTSS_EL0), 600);
    assert_int_equal(rd(VML_CNTPCT_EL0), 1000);
    /* Before the offset the virtual count is far in the past: it wraps. */
    vml_timer_set_virtual_offset(&timer, 1001);
    assert_int_equal(rd(VML_CNTVCT_EL0), UINT64_MAX);
}

static void test_counters_and_frequency_are_read_only(void **state)
{
    static const uint64_t registers[] = {VML_CNTFRQ_EL0, VML_CNTPCT_EL0, VML_CNTVCT_EL0,
                                         VML_CNTPCTSS_EL0, VML_CNTVCTSS_EL0};

    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(vml_timer_write(&timer, registers[i], 1), VML_ERR_ACCESS);
    }
}

static void test_unknown_registers(void **state)
{
    uint64_t value;

    assert_int_equal(vml_timer_read(&timer, VML_SYSREG(3, 3, 14, 2, 3), &value), VML_ERR_NOT_FOUND);
    assert_int_equal(vml_timer_write(&timer, VML_SYSREG(3, 3, 14, 4, 0), 0), VML_ERR_NOT_FOUND);
    assert_false(vml_timer_el0_allowed(&timer, VML_SYSREG(3, 3, 14, 4, 0)));
}

static void test_cval_fires_at_equality(void **state)
{
    wr(VML_CNTV_CVAL_EL0, 100);
    wr(VML_CNTV_CTL_EL0, VML_TIMER_CTL_ENABLE);
    to(99);
    assert_int_equal(rd(VML_CNTV_CTL_EL0), VML_TIMER_CTL_ENABLE);
    assert_int_equal(level[0][VML_TIMER_VIRTUAL], 0);
    to(100);
    assert_int_equal(rd(VML_CNTV_CTL_EL0), VML_TIMER_CTL_ENABLE | VML_TIMER_CTL_ISTATUS);
    assert_int_equal(level[0][VML_TIMER_VIRTUAL], 1);
    assert_int_equal(level[0][VML_TIMER_PHYSICAL], 0);
    assert_int_equal(level[1][VML_TIMER_VIRTUAL], 0);
    /* A level: low again as soon as the condition is not met any more. */
    wr(VML_CNTV_CVAL_EL0, 101);
    assert_int_equal(level[0][VML_TIMER_VIRTUAL], 0);
    to(101);
    assert_int_equal(level[0][VML_TIMER_VIRTUAL], 1);
    wr(VML_CNTV_CTL_EL0, 0);
    assert_int_equal(level[0][VML_TIMER_VIRTUAL], 0);
}

static void test_deadlines_are_traced(void **state)
{
    struct vml_trace_ring rings[3];
    struct vml_trace_event events[3 * 8];
    struct vml_trace_event got[8];
    struct vml_debug debug;

    vml_debug_init(&debug);
    assert_int_equal(vml_debug_set_rings(&debug, rings, events, 2, 8), VML_OK);
    timer.config.debug = second.config.debug = &debug;
    wr(VML_CNTV_CVAL_EL0, 90);
    vml_debug_set_tracing(&debug, true);
    wr(VML_CNTV_CTL_EL0, VML_TIMER_CTL_ENABLE);
    wr(VML_CNTV_CVAL_EL0, 100);
    to(99);
    assert_int_equal(vml_trace_read(&debug, 2, got, 8), 2);
    assert_int_equal(got[0].kind, VML_TRACE_TIMER_ARM);
    assert_true(got[0].a == 27 && got[0].b == 90 && got[0].c == 0);
    assert_true(got[1].a == 27 && got[1].b == 100);
    to(100);
    vml_timer_write_cval(&second, VML_TIMER_PHYSICAL, 5);
    vml_timer_write_ctl(&second, VML_TIMER_PHYSICAL, VML_TIMER_CTL_ENABLE); /* at once */
    assert_int_equal(vml_trace_read(&debug, 2, got, 8), 4);
    assert_int_equal(got[2].kind, VML_TRACE_TIMER_FIRE);
    assert_true(got[2].a == 27 && got[2].c == 0);
    assert_int_equal(got[3].kind, VML_TRACE_TIMER_FIRE);
    assert_true(got[3].a == 30 && got[3].c == 1);
    timer.config.debug = second.config.debug = NULL;
}

static void test_the_physical_timer_is_independent(void **state)
{
    to(60);
    vml_timer_set_virtual_offset(&timer, 50);
    wr(VML_CNTP_CVAL_EL0, 100);
    wr(VML_CNTP_CTL_EL0, VML_TIMER_CTL_ENABLE);
    wr(VML_CNTV_CVAL_EL0, 100);
    wr(VML_CNTV_CTL_EL0, VML_TIMER_CTL_ENABLE);
    to(100);
    assert_int_equal(level[0][VML_TIMER_PHYSICAL], 1);
    assert_int_equal(level[0][VML_TIMER_VIRTUAL], 0);
    to(149);
    assert_int_equal(level[0][VML_TIMER_VIRTUAL], 0);
    to(150);
    assert_int_equal(level[0][VML_TIMER_VIRTUAL], 1);
}

static void test_a_change_of_the_offset_moves_the_virtual_timer(void **state)
{
    wr(VML_CNTV_CVAL_EL0, 100);
    wr(VML_CNTV_CTL_EL0, VML_TIMER_CTL_ENABLE);
    to(50);
    vml_timer_set_virtual_offset(&timer, UINT64_MAX - 49); /* the virtual count is 100 ahead */
    assert_int_equal(level[0][VML_TIMER_VIRTUAL], 1);
    vml_timer_set_virtual_offset(&timer, 10);
    assert_int_equal(level[0][VML_TIMER_VIRTUAL], 0);
    to(110);
    assert_int_equal(level[0][VML_TIMER_VIRTUAL], 1);
}

static void test_a_virtual_count_that_wraps_is_below_cval_again(void **state)
{
    vml_timer_set_virtual_offset(&timer, 20);
    wr(VML_CNTV_CVAL_EL0, 5);
    wr(VML_CNTV_CTL_EL0, VML_TIMER_CTL_ENABLE);
    assert_int_equal(level[0][VML_TIMER_VIRTUAL], 1);
    to(19);
    assert_int_equal(level[0][VML_TIMER_VIRTUAL], 1);
    to(20);
    assert_int_equal(level[0][VML_TIMER_VIRTUAL], 0);
    assert_int_equal(vml_timer_next(&timer), 25);
    to(25);
    assert_int_equal(level[0][VML_TIMER_VIRTUAL], 1);
}

static void test_imask_masks_the_output_but_not_istatus(void **state)
{
    wr(VML_CNTV_CVAL_EL0, 10);
    wr(VML_CNTV_CTL_EL0, VML_TIMER_CTL_ENABLE | VML_TIMER_CTL_IMASK);
    assert_int_equal(vml_timer_next(&timer), VML_CLOCK_NEVER);
    to(20);
    assert_int_equal(rd(VML_CNTV_CTL_EL0), 7);
    assert_int_equal(level[0][VML_TIMER_VIRTUAL], 0);
    wr(VML_CNTV_CTL_EL0, VML_TIMER_CTL_ENABLE);
    assert_int_equal(level[0][VML_TIMER_VIRTUAL], 1);
    wr(VML_CNTV_CTL_EL0, 7);
    assert_int_equal(level[0][VML_TIMER_VIRTUAL], 0);
}

static void test_only_enable_and_imask_are_written(void **state)
{
    wr(VML_CNTP_CVAL_EL0, 1000);
    wr(VML_CNTP_CTL_EL0, UINT64_MAX);
    assert_int_equal(rd(VML_CNTP_CTL_EL0), 3);
}

static void test_istatus_is_clear_while_disabled(void **state)
{
    to(20);
    assert_int_equal(rd(VML_CNTV_CTL_EL0), 0);
    wr(VML_CNTV_CTL_EL0, VML_TIMER_CTL_IMASK);
    assert_int_equal(rd(VML_CNTV_CTL_EL0), VML_TIMER_CTL_IMASK);
}

static void test_tval_is_signed(void **state)
{
    to(1000);
    wr(VML_CNTV_TVAL_EL0, 50);
    assert_int_equal(rd(VML_CNTV_CVAL_EL0), 1050);
    wr(VML_CNTV_TVAL_EL0, (uint32_t)-50);
    assert_int_equal(rd(VML_CNTV_CVAL_EL0), 950);
    assert_int_equal((int32_t)rd(VML_CNTV_TVAL_EL0), -50);
    /* Bits 63:32 of the written register are ignored. */
    wr(VML_CNTV_TVAL_EL0, UINT64_C(0xffffffff00000001));
    assert_int_equal(rd(VML_CNTV_CVAL_EL0), 1001);
    wr(VML_CNTP_TVAL_EL0, INT32_MAX);
    assert_int_equal(rd(VML_CNTP_CVAL_EL0), UINT64_C(1000) + INT32_MAX);
    wr(VML_CNTP_TVAL_EL0, UINT64_C(0x80000000));
    assert_int_equal(rd(VML_CNTP_CVAL_EL0), UINT64_C(1000) - UINT64_C(0x80000000));
}

static void test_tval_counts_down_through_zero(void **state)
{
    wr(VML_CNTP_TVAL_EL0, 5);
    to(3);
    assert_int_equal(rd(VML_CNTP_TVAL_EL0), 2);
    to(8);
    assert_int_equal(rd(VML_CNTP_TVAL_EL0), UINT32_MAX - 2);
}

static void test_tval_is_relative_to_the_virtual_count(void **state)
{
    to(1000);
    vml_timer_set_virtual_offset(&timer, 900);
    wr(VML_CNTV_TVAL_EL0, 7);
    assert_int_equal(rd(VML_CNTV_CVAL_EL0), 107);
    assert_int_equal(rd(VML_CNTV_TVAL_EL0), 7);
    wr(VML_CNTV_CTL_EL0, VML_TIMER_CTL_ENABLE);
    assert_int_equal(vml_timer_next(&timer), 1007);
}

static void test_the_largest_cval_never_fires(void **state)
{
    wr(VML_CNTV_CVAL_EL0, UINT64_MAX);
    wr(VML_CNTV_CTL_EL0, VML_TIMER_CTL_ENABLE);
    to(UINT64_C(1) << 62);
    assert_int_equal(rd(VML_CNTV_CTL_EL0), VML_TIMER_CTL_ENABLE);
    assert_int_equal(vml_timer_next(&timer), VML_CLOCK_NEVER);
    assert_int_equal(level[0][VML_TIMER_VIRTUAL], 0);
}

static void test_next_deadline(void **state)
{
    assert_int_equal(vml_timer_next(&timer), VML_CLOCK_NEVER);
    wr(VML_CNTV_CVAL_EL0, 300);
    assert_int_equal(vml_timer_next(&timer), VML_CLOCK_NEVER);
    wr(VML_CNTV_CTL_EL0, VML_TIMER_CTL_ENABLE);
    assert_int_equal(vml_timer_next(&timer), 300);
    wr(VML_CNTP_CVAL_EL0, 200);
    wr(VML_CNTP_CTL_EL0, VML_TIMER_CTL_ENABLE);
    assert_int_equal(vml_timer_next(&timer), 200);
    to(200);
    assert_int_equal(vml_timer_next(&timer), 0);
}

static void test_nothing_is_driven_without_a_change(void **state)
{
    wr(VML_CNTV_CVAL_EL0, 10);
    wr(VML_CNTV_CTL_EL0, VML_TIMER_CTL_ENABLE);
    to(10);
    assert_int_equal(changes, 1);
    wr(VML_CNTV_CVAL_EL0, 9);
    wr(VML_CNTV_CTL_EL0, VML_TIMER_CTL_ENABLE);
    assert_int_equal(changes, 1);
}

static void test_reset(void **state)
{
    wr(VML_CNTKCTL_EL1, 3);
    wr(VML_CNTV_CTL_EL0, VML_TIMER_CTL_ENABLE);
    wr(VML_CNTP_TVAL_EL0, 100);
    wr(VML_CNTP_CTL_EL0, VML_TIMER_CTL_ENABLE);
    assert_int_equal(level[0][VML_TIMER_VIRTUAL], 1);
    vml_timer_reset(&timer);
    assert_int_equal(level[0][VML_TIMER_VIRTUAL], 0);
    assert_int_equal(rd(VML_CNTV_CTL_EL0), 0);
    assert_int_equal(rd(VML_CNTKCTL_EL1), 0);
    to(200);
    assert_int_equal(level[0][VML_TIMER_PHYSICAL], 0);
    assert_int_equal(rd(VML_CNTPCT_EL0), 200);
}

static void test_access_from_el0(void **state)
{
    static const struct {
        uint64_t sysreg;
        uint64_t bits;
    } rows[] = {
        {VML_CNTPCT_EL0, VML_CNTKCTL_EL0PCTEN},   {VML_CNTPCTSS_EL0, VML_CNTKCTL_EL0PCTEN},
        {VML_CNTVCT_EL0, VML_CNTKCTL_EL0VCTEN},   {VML_CNTVCTSS_EL0, VML_CNTKCTL_EL0VCTEN},
        {VML_CNTP_CTL_EL0, VML_CNTKCTL_EL0PTEN},  {VML_CNTP_CVAL_EL0, VML_CNTKCTL_EL0PTEN},
        {VML_CNTP_TVAL_EL0, VML_CNTKCTL_EL0PTEN}, {VML_CNTV_CTL_EL0, VML_CNTKCTL_EL0VTEN},
        {VML_CNTV_CVAL_EL0, VML_CNTKCTL_EL0VTEN}, {VML_CNTV_TVAL_EL0, VML_CNTKCTL_EL0VTEN},
        {VML_CNTFRQ_EL0, VML_CNTKCTL_EL0PCTEN},   {VML_CNTFRQ_EL0, VML_CNTKCTL_EL0VCTEN},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        wr(VML_CNTKCTL_EL1, 0);
        assert_false(vml_timer_el0_allowed(&timer, rows[i].sysreg));
        wr(VML_CNTKCTL_EL1, rows[i].bits);
        assert_true(vml_timer_el0_allowed(&timer, rows[i].sysreg));
        if (rows[i].sysreg != VML_CNTFRQ_EL0) {
            wr(VML_CNTKCTL_EL1, 0x303 & ~rows[i].bits);
            assert_false(vml_timer_el0_allowed(&timer, rows[i].sysreg));
        }
    }
    wr(VML_CNTKCTL_EL1, UINT64_MAX);
    assert_int_equal(rd(VML_CNTKCTL_EL1), 0x203ff);
    assert_false(vml_timer_el0_allowed(&timer, VML_CNTKCTL_EL1));
}

static void test_init_wants_a_clock(void **state)
{
    struct vml_timer t;
    struct vml_timer_config config = {.clock = NULL};

    assert_int_equal(vml_timer_init(&t, &config), VML_ERR_INVALID);
}

/* ---- saved state */

static uint8_t image[512];

static size_t save_one(struct vml_timer *t)
{
    struct vml_state_writer w;

    vml_state_writer_init(&w, image, sizeof(image));
    vml_timer_save(t, &w);
    assert_int_equal(vml_state_write_status(&w), VML_OK);
    return w.used;
}

static void test_restored_time_goes_on_from_where_it_was(void **state)
{
    struct vml_state_reader r;
    size_t size;

    to(1000);
    vml_timer_set_virtual_offset(&timer, 100);
    wr(VML_CNTV_CVAL_EL0, 950);
    wr(VML_CNTV_CTL_EL0, VML_TIMER_CTL_ENABLE);
    wr(VML_CNTKCTL_EL1, 2);
    size = save_one(&timer);
    to(50000);
    /* The second vCPU stands for the machine that it moves to. */
    vml_state_reader_init(&r, image, size);
    assert_int_equal(vml_timer_restore(&second, &r), VML_OK);
    assert_int_equal(vml_timer_physical_count(&second), 1000);
    assert_int_equal(vml_timer_virtual_count(&second), 900);
    assert_int_equal(level[1][VML_TIMER_VIRTUAL], 0);
    assert_true(vml_timer_el0_allowed(&second, VML_CNTVCT_EL0));
    assert_int_equal(vml_timer_next(&second), 50050);
    to(50049);
    assert_int_equal(level[1][VML_TIMER_VIRTUAL], 0);
    to(50050);
    assert_int_equal(level[1][VML_TIMER_VIRTUAL], 1);
}

static void test_saved_with_the_output_high(void **state)
{
    struct vml_state_reader r;
    size_t size;

    to(10);
    wr(VML_CNTP_CTL_EL0, VML_TIMER_CTL_ENABLE);
    size = save_one(&timer);
    vml_state_reader_init(&r, image, size);
    assert_int_equal(vml_timer_restore(&second, &r), VML_OK);
    assert_int_equal(level[1][VML_TIMER_PHYSICAL], 1);
}

static void test_corrupt_images_are_refused_and_change_nothing(void **state)
{
    struct vml_state_reader r;
    uint8_t before[512];
    size_t size;

    to(10);
    wr(VML_CNTP_CVAL_EL0, 77);
    size = save_one(&timer);
    memcpy(before, image, size);
    for (size_t cut = 0; cut < size; cut++) {
        vml_state_reader_init(&r, image, cut);
        assert_int_not_equal(vml_timer_restore(&second, &r), VML_OK);
    }
    image[size - 4] |= 4; /* ISTATUS, in the virtual timer's control */
    vml_state_reader_init(&r, image, size);
    assert_int_equal(vml_timer_restore(&second, &r), VML_ERR_CORRUPT);
    memcpy(image, before, size);
    image[VML_STATE_HEADER_SIZE + 8 + 8 + 8 + 3] = 1; /* a reserved bit of CNTKCTL */
    vml_state_reader_init(&r, image, size);
    assert_int_equal(vml_timer_restore(&second, &r), VML_ERR_CORRUPT);
    memcpy(image, before, size);
    image[VML_STATE_HEADER_SIZE] ^= 1; /* another frequency */
    vml_state_reader_init(&r, image, size);
    assert_int_equal(vml_timer_restore(&second, &r), VML_ERR_UNSUPPORTED);
    memcpy(image, before, size);
    image[4] = 2; /* a version from the future */
    vml_state_reader_init(&r, image, size);
    assert_int_equal(vml_timer_restore(&second, &r), VML_ERR_VERSION);
    assert_int_equal(vml_timer_read_cval(&second, VML_TIMER_PHYSICAL), 0);
    assert_int_equal(vml_timer_physical_count(&second), 10);
}

/* ---- the device */

static struct vml_timer *const pair[] = {&timer, &second};

static void test_device_serves_each_vcpu(void **state)
{
    struct vml_timers timers;
    struct vml_access access = {
        .offset = VML_CNTV_CVAL_EL0, .value = 5, .cpu = 1, .size = 8, .write = true};

    vml_timers_init(&timers, pair, 2);
    assert_int_equal(timers.device.ops->access(&timers.device, &access), VML_BUS_OK);
    assert_int_equal(vml_timer_read_cval(&second, VML_TIMER_VIRTUAL), 5);
    assert_int_equal(vml_timer_read_cval(&timer, VML_TIMER_VIRTUAL), 0);
    access.write = false;
    access.value = 0;
    assert_int_equal(timers.device.ops->access(&timers.device, &access), VML_BUS_OK);
    assert_int_equal(access.value, 5);
    access.size = 4;
    assert_int_equal(timers.device.ops->access(&timers.device, &access), VML_BUS_FAULT);
    access.size = 8;
    access.cpu = 2;
    assert_int_equal(timers.device.ops->access(&timers.device, &access), VML_BUS_FAULT);
    access.cpu = VML_CPU_NONE;
    assert_int_equal(timers.device.ops->access(&timers.device, &access), VML_BUS_FAULT);
    access.cpu = 0;
    access.offset = VML_CNTVCT_EL0;
    access.write = true;
    assert_int_equal(timers.device.ops->access(&timers.device, &access), VML_BUS_FAULT);
    access.offset = VML_CNTVCT_EL0 + 8;
    access.write = false;
    assert_int_equal(timers.device.ops->access(&timers.device, &access), VML_BUS_FAULT);
}

static void test_device_saves_and_restores_all(void **state)
{
    struct vml_timers timers;
    struct vml_state_writer w;
    struct vml_state_reader r;
    uint8_t bytes[512];

    vml_timers_init(&timers, pair, 2);
    to(500);
    wr(VML_CNTV_CVAL_EL0, 600);
    wr(VML_CNTV_CTL_EL0, VML_TIMER_CTL_ENABLE);
    vml_timer_write_cval(&second, VML_TIMER_PHYSICAL, 700);
    vml_state_writer_init(&w, bytes, sizeof(bytes));
    timers.device.ops->save(&timers.device, &w);
    assert_int_equal(vml_state_write_status(&w), VML_OK);
    to(2000);
    timers.device.ops->reset(&timers.device);
    assert_int_equal(vml_timer_read_cval(&second, VML_TIMER_PHYSICAL), 0);
    for (size_t cut = 0; cut < w.used; cut++) {
        vml_state_reader_init(&r, bytes, cut);
        assert_int_not_equal(timers.device.ops->restore(&timers.device, &r), VML_OK);
    }
    assert_int_equal(vml_timer_read_cval(&second, VML_TIMER_PHYSICAL), 0);
    vml_state_reader_init(&r, bytes, w.used);
    assert_int_equal(timers.device.ops->restore(&timers.device, &r), VML_OK);
    assert_int_equal(vml_timer_read_cval(&second, VML_TIMER_PHYSICAL), 700);
    assert_int_equal(vml_timer_physical_count(&timer), 500);
    assert_int_equal(vml_timer_physical_count(&second), 500);
    assert_int_equal(level[0][VML_TIMER_VIRTUAL], 0);
    to(2100);
    assert_int_equal(level[0][VML_TIMER_VIRTUAL], 1);
    timers.device.ops->shutdown(&timers.device);
    assert_int_equal(level[0][VML_TIMER_VIRTUAL], 0);
    timers.count = 1;
    vml_state_reader_init(&r, bytes, w.used);
    assert_int_equal(timers.device.ops->restore(&timers.device, &r), VML_ERR_CORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        T(test_counters_and_frequency),
        T(test_counters_and_frequency_are_read_only),
        T(test_unknown_registers),
        T(test_cval_fires_at_equality),
        T(test_deadlines_are_traced),
        T(test_the_physical_timer_is_independent),
        T(test_a_change_of_the_offset_moves_the_virtual_timer),
        T(test_a_virtual_count_that_wraps_is_below_cval_again),
        T(test_imask_masks_the_output_but_not_istatus),
        T(test_only_enable_and_imask_are_written),
        T(test_istatus_is_clear_while_disabled),
        T(test_tval_is_signed),
        T(test_tval_counts_down_through_zero),
        T(test_tval_is_relative_to_the_virtual_count),
        T(test_the_largest_cval_never_fires),
        T(test_next_deadline),
        T(test_nothing_is_driven_without_a_change),
        T(test_reset),
        T(test_access_from_el0),
        T(test_init_wants_a_clock),
        T(test_restored_time_goes_on_from_where_it_was),
        T(test_saved_with_the_output_high),
        T(test_corrupt_images_are_refused_and_change_nothing),
        T(test_device_serves_each_vcpu),
        T(test_device_saves_and_restores_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
