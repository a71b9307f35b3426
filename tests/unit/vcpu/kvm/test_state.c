/* Saved state, and timers. */
#include "fixture.h"

#include <vml/clock.h>

static uint8_t image[16384];
static size_t image_size;

static int begin(void **state)
{
    (void)fixture_begin(state);
    fixture_machine(2);
    return 0;
}

/* Something different in every register. */
static void fill(unsigned cpu)
{
    for (unsigned i = 0; i < fake.cpus[cpu].reg_count; i++) {
        struct fake_reg *reg = &fake.cpus[cpu].regs[i];
        unsigned size = 1u << (reg->id >> 52 & 15);

        if ((reg->id & 0xff0000) == 0x130000 && reg->value[0] >= 0x100) {
            continue; /* identification */
        }
        reg->value[0] = size == 4 ? 0 : UINT64_C(0x0101010101010101) * (i + 1);
        reg->value[1] = size == 16 ? ~reg->value[0] : 0;
    }
    *fake_reg(cpu, ABI_REG_PSTATE) = 0x600003c5;
    *fake_reg(cpu, ABI_REG_FPCR) = 0x03000000;
    *fake_reg(cpu, ABI_REG_FPSR) = 0x08000010;
}

static void save(unsigned cpu)
{
    struct vml_state_writer w;

    vml_state_writer_init(&w, image, sizeof(image));
    assert_int_equal(vml_kvm_save(&fx.kvms[cpu], &w), VML_OK);
    assert_int_equal(vml_state_write_status(&w), VML_OK);
    image_size = w.used;
}

static enum vml_status restore(unsigned cpu)
{
    struct vml_state_reader r;

    vml_state_reader_init(&r, image, image_size);
    return vml_kvm_restore(&fx.kvms[cpu], &r);
}

static void assert_same_registers(unsigned a, unsigned b)
{
    for (unsigned i = 0; i < fake.cpus[a].reg_count; i++) {
        struct fake_reg *reg = &fake.cpus[a].regs[i];

        if (reg->id == ABI_REG_SYS(VML_SYSREG(3, 0, 0, 0, 5)) ||
            (reg->id >= ABI_REG_PTIMER_CNT && reg->id <= ABI_REG_TIMER_CNT &&
             reg->id != ABI_REG_SYS(VML_SYSREG(3, 3, 13, 0, 2)))) {
            continue; /* affinity; timers are not the vCPU's record */
        }
        assert_true(reg->value[0] == fake_reg(b, reg->id)[0]);
        assert_true(reg->value[1] == fake_reg(b, reg->id)[1]);
    }
}

static void test_round_trip(void **state)
{
    fill(0);
    fake.cpus[0].events.serror_pending = 1;
    save(0);
    assert_int_equal(restore(1), VML_OK);
    assert_same_registers(0, 1);
    assert_int_equal(fake.cpus[1].events.serror_pending, 1);
}

static void test_state_is_neutral(void **state)
{
    struct vml_arm_state now;

    fill(0);
    *fake_reg(0, ABI_REG_SP_EL0) = 0x1000;
    *fake_reg(0, ABI_REG_SP_EL1) = 0x2000;
    *fake_reg(0, ABI_REG_ELR_EL1) = 0x3000;
    *fake_reg(0, ABI_REG_SPSR_EL1) = 0x3c4;
    assert_int_equal(vml_kvm_get_state(&fx.kvms[0], &now), VML_OK);
    assert_int_equal(now.sp_el0, 0x1000);
    assert_int_equal(now.sp_el1, 0x2000);
    assert_int_equal(now.sys.ELR_EL1, 0x3000);
    assert_int_equal(now.sys.SPSR_EL1, 0x3c4);
    assert_int_equal(now.sys.OSDLR_EL1, 0); /* the kernel does not have it */
    assert_true(now.event);
    assert_int_equal(now.inputs, 0);
    assert_int_equal(now.halted, VML_ARM_HALTED_NOT);
    assert_int_equal(now.ids.CNTFRQ_EL0, 62500000);
    /* A register that the kernel does not have can be zero, and nothing else. */
    assert_int_equal(vml_kvm_set_state(&fx.kvms[1], &now), VML_OK);
    now.sys.OSDLR_EL1 = 1;
    assert_int_equal(vml_kvm_set_state(&fx.kvms[1], &now), VML_ERR_UNSUPPORTED);
}

static void test_other_identification(void **state)
{
    fill(0);
    save(0);
    *fake_reg(1, ABI_REG_SYS(VML_SYSREG(3, 0, 0, 7, 0))) ^= 1;
    *fake_reg(1, ABI_REG_X(0)) = 42;
    assert_int_equal(restore(1), VML_ERR_UNSUPPORTED);
    assert_int_equal(*fake_reg(1, ABI_REG_X(0)), 42);
}

/* Kernels tell of the GIC's system registers until the first run, though there are none. */
static void test_no_gic_registers(void **state)
{
    uint64_t *pfr0 = fake_reg(1, ABI_REG_SYS(VML_SYSREG(3, 0, 0, 4, 0)));
    struct vml_arm_ids ids;

    save(0);
    *pfr0 |= UINT64_C(1) << 24;
    assert_int_equal(restore(1), VML_OK);
    assert_int_equal(vml_kvm_ids(&fx.kvms[1], &ids), VML_OK);
    assert_int_equal(ids.ID_AA64PFR0_EL1 >> 24 & 15, 0);
}

/* Cut anywhere, or not a state of an A64 vCPU: refused, and the vCPU untouched. */
static void test_corrupt_images(void **state)
{
    size_t whole;

    fill(0);
    save(0);
    whole = image_size;
    *fake_reg(1, ABI_REG_X(0)) = 42;
    for (image_size = 0; image_size < whole; image_size += 7) {
        assert_int_not_equal(restore(1), VML_OK);
    }
    image_size = whole;
    *fake_reg(0, ABI_REG_PSTATE) = 0x10; /* AArch32 */
    save(0);
    assert_int_equal(restore(1), VML_ERR_CORRUPT);
    *fake_reg(0, ABI_REG_PSTATE) = 0x3c9; /* EL2 */
    save(0);
    assert_int_equal(restore(1), VML_ERR_CORRUPT);
    assert_int_equal(*fake_reg(1, ABI_REG_X(0)), 42);
}

static void test_kernel_refuses(void **state)
{
    struct vml_arm_state now;
    struct vml_state_writer w;

    fake.fail_error = ABI_EINVAL;
    for (fake.fail_skip = 0; fake.fail_skip < 130; fake.fail_skip += 3) {
        unsigned skip = fake.fail_skip;

        fake.fail_request = ABI_GET_ONE_REG;
        vml_state_writer_init(&w, image, sizeof(image));
        if (vml_kvm_save(&fx.kvms[0], &w) == VML_OK) {
            assert_int_equal(fake.fail_request, ABI_GET_ONE_REG);
        } else {
            assert_int_equal(w.used, 0);
        }
        fake.fail_skip = skip;
    }
    fake.fail_request = ABI_GET_VCPU_EVENTS;
    fake.fail_skip = 0;
    assert_int_equal(vml_kvm_get_state(&fx.kvms[0], &now), VML_ERR_IO);
    assert_int_equal(vml_kvm_get_state(&fx.kvms[0], &now), VML_OK);
    for (unsigned skip = 0; skip < 100; skip += 9) {
        fake.fail_request = ABI_SET_ONE_REG;
        fake.fail_skip = skip;
        assert_int_equal(vml_kvm_set_state(&fx.kvms[0], &now), VML_ERR_IO);
    }
    fake.fail_request = ABI_SET_VCPU_EVENTS;
    fake.fail_skip = 0;
    assert_int_equal(vml_kvm_set_state(&fx.kvms[0], &now), VML_ERR_IO);
}

/* ---- timers ---- */

static struct vml_virtual_clock vclock;
static struct vml_timer timer[2];
static struct vml_timer *timers[] = {&timer[0], &timer[1]};

static int begin_timers(void **state)
{
    struct vml_timer_config config = {.clock = &vclock.clock};

    (void)begin(state);
    assert_int_equal(vml_virtual_clock_init(&vclock, 62500000), VML_OK);
    vml_virtual_clock_advance(&vclock, 1000);
    assert_int_equal(vml_timer_init(&timer[0], &config), VML_OK);
    assert_int_equal(vml_timer_init(&timer[1], &config), VML_OK);
    return 0;
}

static int end_timers(void **state)
{
    vml_timer_destroy(&timer[0]);
    vml_timer_destroy(&timer[1]);
    vml_clock_destroy(&vclock.clock);
    return fixture_end(state);
}

static void set_kernel_timers(void)
{
    for (unsigned i = 0; i < 2; i++) {
        *fake_reg(i, ABI_REG_TIMER_CNT) = 5000;
        *fake_reg(i, ABI_REG_TIMER_CVAL) = 5700 + i;
        *fake_reg(i, ABI_REG_TIMER_CTL) = VML_TIMER_CTL_ENABLE | VML_TIMER_CTL_ISTATUS;
        *fake_reg(i, ABI_REG_PTIMER_CNT) = 9000;
        *fake_reg(i, ABI_REG_PTIMER_CVAL) = 9300;
        *fake_reg(i, ABI_REG_PTIMER_CTL) = VML_TIMER_CTL_ENABLE | VML_TIMER_CTL_IMASK;
        *fake_reg(i, ABI_REG_SYS(VML_CNTKCTL_EL1)) = 0x302;
    }
}

static void test_timers_to_the_library(void **state)
{
    uint64_t cntkctl;

    set_kernel_timers();
    assert_int_equal(vml_kvm_timers_get(&fx.machine, timers), VML_OK);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(vml_timer_virtual_count(&timer[i]), 5000);
        assert_int_equal(vml_timer_read_cval(&timer[i], VML_TIMER_VIRTUAL), 5700 + i);
        assert_int_equal(vml_timer_read_ctl(&timer[i], VML_TIMER_VIRTUAL), VML_TIMER_CTL_ENABLE);
        /* As far ahead of the library's count as it was of the kernel's. */
        assert_int_equal(vml_timer_read_cval(&timer[i], VML_TIMER_PHYSICAL), 1300);
        assert_int_equal(vml_timer_read_ctl(&timer[i], VML_TIMER_PHYSICAL),
                         VML_TIMER_CTL_ENABLE | VML_TIMER_CTL_IMASK);
        assert_int_equal(vml_timer_read(&timer[i], VML_CNTKCTL_EL1, &cntkctl), VML_OK);
        assert_int_equal(cntkctl, 0x302);
    }
}

static void test_timers_to_the_kernel(void **state)
{
    set_kernel_timers();
    assert_int_equal(vml_kvm_timers_get(&fx.machine, timers), VML_OK);
    vml_virtual_clock_advance(&vclock, 1100);
    for (unsigned i = 0; i < 2; i++) {
        *fake_reg(i, ABI_REG_TIMER_CTL) = 0;
        *fake_reg(i, ABI_REG_TIMER_CVAL) = 0;
        *fake_reg(i, ABI_REG_PTIMER_CTL) = 0;
        *fake_reg(i, ABI_REG_PTIMER_CNT) = 20000;
        *fake_reg(i, ABI_REG_SYS(VML_CNTKCTL_EL1)) = 0;
    }
    assert_int_equal(vml_kvm_timers_set(&fx.machine, timers), VML_OK);
    assert_int_equal(*fake_reg(0, ABI_REG_TIMER_CNT), 5100);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(*fake_reg(i, ABI_REG_TIMER_CVAL), 5700 + i);
        assert_int_equal(*fake_reg(i, ABI_REG_TIMER_CTL), VML_TIMER_CTL_ENABLE);
        assert_int_equal(*fake_reg(i, ABI_REG_PTIMER_CVAL), 20200);
        assert_int_equal(*fake_reg(i, ABI_REG_PTIMER_CTL),
                         VML_TIMER_CTL_ENABLE | VML_TIMER_CTL_IMASK);
        assert_int_equal(*fake_reg(i, ABI_REG_SYS(VML_CNTKCTL_EL1)), 0x302);
    }
}

/* Kernels before 6.4 keep the physical timer to themselves. */
static void test_no_physical_timer(void **state)
{
    set_kernel_timers();
    for (unsigned i = 0; i < 2; i++) {
        fake_remove_reg(i, ABI_REG_PTIMER_CNT);
        fake_remove_reg(i, ABI_REG_PTIMER_CVAL);
        fake_remove_reg(i, ABI_REG_PTIMER_CTL);
    }
    assert_int_equal(vml_kvm_timers_get(&fx.machine, timers), VML_OK);
    assert_int_equal(vml_timer_read_ctl(&timer[0], VML_TIMER_PHYSICAL), 0);
    assert_int_equal(vml_timer_virtual_count(&timer[0]), 5000);
    assert_int_equal(vml_kvm_timers_set(&fx.machine, timers), VML_OK);
    vml_timer_write_ctl(&timer[1], VML_TIMER_PHYSICAL, VML_TIMER_CTL_ENABLE);
    assert_int_equal(vml_kvm_timers_set(&fx.machine, timers), VML_ERR_UNSUPPORTED);
}

static void test_timers_fail(void **state)
{
    assert_int_equal(vml_kvm_timers_get(&fx.machine, NULL), VML_ERR_INVALID);
    fake.fail_error = ABI_EINVAL;
    for (unsigned skip = 0; skip < 6; skip++) {
        fake.fail_request = ABI_GET_ONE_REG;
        fake.fail_skip = skip;
        assert_int_equal(vml_kvm_timers_get(&fx.machine, timers), VML_ERR_IO);
    }
    for (unsigned skip = 0; skip < 6; skip++) {
        fake.fail_request = ABI_SET_ONE_REG;
        fake.fail_skip = skip;
        assert_int_equal(vml_kvm_timers_set(&fx.machine, timers), VML_ERR_IO);
    }
}

#define TEST(fn)  cmocka_unit_test_setup_teardown(fn, begin, fixture_end)
#define TIMER(fn) cmocka_unit_test_setup_teardown(fn, begin_timers, end_timers)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_round_trip),
        TEST(test_state_is_neutral),
        TEST(test_other_identification),
        TEST(test_no_gic_registers),
        TEST(test_corrupt_images),
        TEST(test_kernel_refuses),
        TIMER(test_timers_to_the_library),
        TIMER(test_timers_to_the_kernel),
        TIMER(test_no_physical_timer),
        TIMER(test_timers_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
