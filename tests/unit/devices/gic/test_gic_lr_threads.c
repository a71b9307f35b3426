/* vCPUs take interrupts through list registers while other threads raise them and move them about:
 * none is lost, and none is active on two of them. */
#include "rig.h"
#include <vml/gic_lr.h>

enum { CPUS = 3, FIRST = 32, LINES = 40, ROUNDS = 1500 };
enum { ALONE = 96, INTIDS = 128 }; /* from ALONE one line a vCPU; all but the last are linked */

static struct rig rig;
static struct vml_gic_lrs lrs[CPUS];
static _Atomic bool done, recalled[CPUS];
static _Atomic uint32_t taken[INTIDS], active[INTIDS];
static _Atomic uint32_t twice;

static bool is_edge(uint32_t intid)
{
    return intid < FIRST || (intid < ALONE && intid % 2 == 0);
}

static bool is_linked(uint32_t intid)
{
    return intid >= ALONE && intid < ALONE + CPUS - 1;
}

static void told(void *context, uint32_t cpu, enum vml_irq_output output, bool level)
{
    (void)context;
    (void)output;
    if (level) {
        atomic_store(&recalled[cpu], true);
    }
}

/* The guest takes one that is pending, and serves its device. */
static uint64_t take(uint64_t lr)
{
    uint32_t intid = (uint32_t)lr;

    if (intid >= FIRST && atomic_exchange(&active[intid], 1) != 0) {
        atomic_fetch_add(&twice, 1);
    }
    atomic_fetch_add(&taken[intid], 1);
    if (!is_edge(intid) && !is_linked(intid)) {
        vml_gic_set_level(&rig.gic, intid, 0, false);
    }
    return lr_with_state(lr, LR_ACTIVE);
}

static uint64_t end(uint64_t lr)
{
    if ((uint32_t)lr >= FIRST) {
        atomic_store(&active[(uint32_t)lr], 0);
    }
    return lr & ~((uint64_t)LR_ACTIVE << 62);
}

/* Runs a guest until it has done what there was; it leaves some interrupts active now and then. */
static bool run_guest(uint32_t cpu, bool all)
{
    bool any = false;

    atomic_store(&recalled[cpu], false);
    vml_gic_lr_fill(&rig.gic, cpu, &lrs[cpu]);
    for (uint32_t i = 0; i < lrs[cpu].used; i++) {
        uint64_t lr = lrs[cpu].lr[i];

        any = true;
        lr = lr >> 63 ? end(lr) : lr;
        if (lr_state(lr) == LR_PENDING && (all || !atomic_load(&recalled[cpu]))) {
            lr = take(lr);
            lr = all || i % 3 != 0 ? end(lr) : lr;
        }
        lrs[cpu].lr[i] = lr;
    }
    vml_gic_lr_fold(&rig.gic, cpu, &lrs[cpu]);
    return any;
}

static void vcpu(void *context)
{
    uint32_t cpu = (uint32_t)(uintptr_t)context;

    for (uint32_t n = 0; !atomic_load(&done); n++) {
        if (!run_guest(cpu, false)) {
            vml_thread_yield();
        }
        if (n % 64 == 0) {
            icc_write(&rig, cpu, SGI1R, UINT64_C(1) << 40 | UINT64_C(1) << 24);
        }
    }
}

static void raiser(void *context)
{
    (void)context;
    for (uint32_t i = 0; i < ROUNDS; i++) {
        for (uint32_t line = FIRST; line < FIRST + LINES; line++) {
            if (is_edge(line)) {
                vml_gic_pulse(&rig.gic, line, 0);
            } else {
                vml_gic_set_level(&rig.gic, line, 0, true);
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
        wr(&rig.gic.gicd, 0, (i & 1 ? 0x100 : 0x180) + line / 32 * 4, 4, 1u << i % 32);
    }
}

static void drain(void)
{
    bool more = true;

    for (uint32_t n = 0; more && n < 1000; n++) {
        more = false;
        for (uint32_t i = 0; i < CPUS; i++) {
            more |= run_guest(i, true);
        }
    }
    assert_false(more);
}

static void test_nothing_is_lost(void **state)
{
    struct vml_thread vcpus[CPUS], a, b;

    (void)state;
    rig_init(&rig, 3, CPUS, 96);
    rig.gic.config.output = told;
    linux_v3(&rig);
    for (uint32_t line = FIRST; line < FIRST + LINES; line += 16) {
        wr(&rig.gic.gicd, 0, 0xc00 + line / 16 * 4, 4, 0x22222222); /* even lines: edges */
    }
    wr(&rig.gic.gicd, 0, 0x104, 4, 0xffffffff);
    wr(&rig.gic.gicd, 0, 0x108, 4, 0xff);
    for (uint32_t i = 0; i < CPUS; i++) {
        lrs[i].count = 4;
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
    wr(&rig.gic.gicd, 0, 0x104, 4, 0xffffffff);
    wr(&rig.gic.gicd, 0, 0x108, 4, 0xff);
    drain();
    assert_int_equal(atomic_load(&twice), 0);
    assert_int_equal(rd(&rig.gic.gicd, 0, 0x204, 4) | rd(&rig.gic.gicd, 0, 0x304, 4), 0);
    assert_int_equal(rd(&rig.gic.gicd, 0, 0x208, 4) | rd(&rig.gic.gicd, 0, 0x308, 4), 0);
    for (uint32_t line = FIRST; line < FIRST + LINES; line++) {
        assert_true(atomic_load(&taken[line]) != 0);
        atomic_store(&taken[line], 0);
        if (is_edge(line)) {
            vml_gic_pulse(&rig.gic, line, 0);
        } else {
            vml_gic_set_level(&rig.gic, line, 0, true);
        }
    }
    drain();
    for (uint32_t line = FIRST; line < FIRST + LINES; line++) {
        assert_int_equal(atomic_load(&taken[line]), 1);
    }
    rig_free(&rig);
}

/* One line, up as soon as it is down. */
static void raise_alone(void *context)
{
    uint32_t line = (uint32_t)(uintptr_t)context;

    for (uint32_t i = 0; i < ROUNDS * 20; i++) {
        vml_gic_set_level(&rig.gic, line, 0, i % 64 != 0);
        if (i % 16 == 0) {
            vml_thread_yield();
        }
    }
}

static void route_alone(void *context)
{
    (void)context;
    for (uint32_t i = 0; i < ROUNDS / 2; i++) {
        wr(&rig.gic.gicd, 0, 0x6000 + (ALONE + i % CPUS) * 8, 8, i / CPUS % CPUS);
        for (uint32_t n = 0; n < 8; n++) {
            vml_thread_yield();
        }
    }
}

/* Each vCPU has mostly one that is pending: what shortcuts are for. */
static void test_nothing_is_lost_by_a_shortcut(void **state)
{
    struct vml_thread vcpus[CPUS], raisers[CPUS], router_thread;

    (void)state;
    rig_init(&rig, 3, CPUS, 96);
    rig.gic.config.output = told;
    linux_v3(&rig);
    wr(&rig.gic.gicd, 0, 0x100 + ALONE / 8, 4, (1u << CPUS) - 1);
    atomic_store(&done, false);
    for (uint32_t i = 0; i < CPUS; i++) {
        uint32_t line = ALONE + i;

        wr(&rig.gic.gicd, 0, 0x6000 + line * 8, 8, i);
        assert_int_equal(vml_gic_lr_link(&rig.gic, line, 0, is_linked(line) ? line : 0), VML_OK);
        lrs[i].count = 4;
        assert_int_equal(vml_thread_create(&vcpus[i], "vcpu", vcpu, (void *)(uintptr_t)i), VML_OK);
        assert_int_equal(
            vml_thread_create(&raisers[i], "raiser", raise_alone, (void *)(uintptr_t)line), VML_OK);
    }
    assert_int_equal(vml_thread_create(&router_thread, "router", route_alone, NULL), VML_OK);
    vml_thread_join(&router_thread);
    for (uint32_t i = 0; i < CPUS; i++) {
        vml_thread_join(&raisers[i]);
    }
    atomic_store(&done, true);
    for (uint32_t i = 0; i < CPUS; i++) {
        vml_thread_join(&vcpus[i]);
    }
    drain();
    assert_int_equal(atomic_load(&twice), 0);
    for (uint32_t i = 0; i < CPUS; i++) {
        assert_true(atomic_load(&taken[ALONE + i]) != 0);
        atomic_store(&taken[ALONE + i], 0);
    }
    for (uint32_t i = 0; i < CPUS; i++) {
        vml_gic_set_level(&rig.gic, ALONE + i, 0, true);
    }
    drain();
    for (uint32_t i = 0; i < CPUS; i++) {
        assert_int_equal(atomic_load(&taken[ALONE + i]), 1);
    }
    assert_int_equal(rd(&rig.gic.gicd, 0, 0x200 + ALONE / 8, 4), 0);
    assert_int_equal(rd(&rig.gic.gicd, 0, 0x300 + ALONE / 8, 4), 0);
    rig_free(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_nothing_is_lost),
                                       cmocka_unit_test(test_nothing_is_lost_by_a_shortcut)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
