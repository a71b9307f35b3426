/* vCPUs take interrupts while other threads raise them and move them about: none is lost. */
#include "rig.h"

enum { CPUS = 3, FIRST = 32, LINES = 40, ROUNDS = 3000 };

static struct rig rig;
static _Atomic bool done;
static _Atomic uint32_t taken[FIRST + LINES];

static bool take_one(uint32_t cpu)
{
    uint32_t intid = (uint32_t)icc(&rig, cpu, IAR1);

    if (intid >= 1020) {
        return false;
    }
    atomic_fetch_add(&taken[intid], 1);
    icc_write(&rig, cpu, EOIR1, intid);
    return true;
}

static void vcpu(void *context)
{
    uint32_t cpu = (uint32_t)(uintptr_t)context, n = 0;

    while (!atomic_load(&done)) {
        if (!vml_gic_pending(&rig.gic, cpu, VML_IRQ_OUTPUT_IRQ) || !take_one(cpu)) {
            vml_thread_yield();
        }
        if (++n % 64 == 0) {
            icc_write(&rig, cpu, SGI1R, UINT64_C(1) << 40 | UINT64_C(1) << 24);
            icc_write(&rig, cpu, IGRPEN1, n / 64 % 2);
        }
    }
    icc_write(&rig, cpu, IGRPEN1, 1);
}

static void raiser(void *context)
{
    (void)context;
    for (uint32_t i = 0; i < ROUNDS; i++) {
        for (uint32_t line = FIRST; line < FIRST + LINES; line++) {
            if (line % 2 == 0) {
                vml_gic_pulse(&rig.gic, line, 0);
            } else {
                vml_gic_set_level(&rig.gic, line, 0, (i & 1) == 0);
            }
        }
    }
}

static void router(void *context)
{
    (void)context;
    for (uint32_t i = 0; i < ROUNDS * 4; i++) {
        uint32_t line = FIRST + i % LINES;

        wr(&rig.gic.gicd, 0, 0x6000 + line * 8, 8, i % 7 == 0 ? 0x80000000 : i % CPUS);
        wr(&rig.gic.gicd, 0, 0x400 + line, 1, i & 0x98);
        (void)rd(&rig.gic.gicd, 0, 0x200 + line / 32 * 4, 4);
    }
}

static void test_nothing_is_lost(void **state)
{
    struct vml_thread vcpus[CPUS], a, b;
    bool more = true;

    (void)state;
    rig_init(&rig, 3, CPUS, 96);
    rig.gic.config.output = NULL;
    linux_v3(&rig);
    for (uint32_t line = FIRST; line < FIRST + LINES; line += 16) {
        wr(&rig.gic.gicd, 0, 0xc00 + line / 16 * 4, 4, 0x22222222); /* even lines: edges */
    }
    wr(&rig.gic.gicd, 0, 0x104, 4, 0xffffffff);
    wr(&rig.gic.gicd, 0, 0x108, 4, 0xff);
    for (uint32_t i = 0; i < CPUS; i++) {
        assert_int_equal(vml_thread_create(&vcpus[i], "vcpu", vcpu, (void *)(uintptr_t)i), VML_OK);
    }
    assert_int_equal(vml_thread_create(&a, "raiser", raiser, NULL), VML_OK);
    assert_int_equal(vml_thread_create(&b, "router", router, NULL), VML_OK);
    vml_thread_join(&a);
    vml_thread_join(&b);
    atomic_store(&done, true);
    for (uint32_t i = 0; i < CPUS; i++) {
        vml_thread_join(&vcpus[i]);
    }
    for (uint32_t line = FIRST; line < FIRST + LINES; line++) {
        atomic_store(&taken[line], 0);
        vml_gic_set_level(&rig.gic, line, 0, true);
    }
    for (uint32_t line = FIRST; line < FIRST + LINES; line += 2) {
        vml_gic_pulse(&rig.gic, line, 0);
    }
    for (uint32_t n = 0; more && n < 1000; n++) {
        more = false;
        for (uint32_t i = 0; i < CPUS; i++) {
            uint32_t intid = (uint32_t)icc(&rig, i, IAR1);

            if (intid < 1020) {
                more = true;
                taken[intid < FIRST + LINES ? intid : 0]++;
                vml_gic_set_level(&rig.gic, intid, 0, false);
                icc_write(&rig, i, EOIR1, intid);
            }
        }
    }
    for (uint32_t line = FIRST; line < FIRST + LINES; line++) {
        assert_int_equal(atomic_load(&taken[line]), 1);
    }
    for (uint32_t i = 0; i < CPUS; i++) {
        assert_false(irq(&rig, i));
    }
    assert_int_equal(rd(&rig.gic.gicd, 0, 0x204, 4) | rd(&rig.gic.gicd, 0, 0x304, 4), 0);
    rig_free(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_nothing_is_lost)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
