/* Events and reboots, alone and with vCPUs on threads. */
#include "test.h"

#include <vml/lifecycle.h>
#include <vml/roundup.h>

#define CPUS 3

static struct vml_cpu cpus[CPUS];
static struct vml_cpu *pointers[CPUS];
static struct vml_cpu *sorted[CPUS];
static struct vml_cpu_set set;
static struct vml_lifecycle lifecycle;
static _Alignas(VML_CACHE_LINE_SIZE) uint8_t bus_storage[VML_BUS_STORAGE(2, CPUS)];
static struct vml_vbus bus;
static struct vml_vbus *const buses[] = {&bus};
static struct vml_lifecycle_event told;
static unsigned told_count;
static enum vml_lifecycle_action action;
static unsigned resets;
static unsigned reloads;
static _Atomic uint32_t starts[CPUS];
static _Atomic uint64_t entry_seen;

static void reset_device(struct vml_device *device)
{
    assert_true(vml_rounded_up(&set));
    resets++;
}

static const struct vml_device_ops device_ops = {.reset = reset_device};
static struct vml_device device = {.name = "device", .ops = &device_ops};
static struct vml_bus_range range = {.base = 0x1000, .size = 0x1000, .device = &device};

static enum vml_lifecycle_action event(void *context, const struct vml_lifecycle_event *e)
{
    told = *e;
    told_count++;
    return action;
}

static void reload(void *context, struct vml_cpu_start *boot)
{
    assert_true(vml_rounded_up(&set));
    assert_int_equal(resets, reloads + 1);
    reloads++;
    boot->entry += reloads;
}

static void started(struct vml_cpu *cpu, const struct vml_cpu_start *start)
{
    atomic_store(&entry_seen, start->entry);
    atomic_fetch_add(&starts[cpu->config.index], 1);
}

static const struct vml_cpu_ops ops = {.start = started};

static int setup(void **state)
{
    struct vml_vbus_config bus_config = {
        .name = "mmio", .max_ranges = 2, .cpus = CPUS, .storage = bus_storage};
    struct vml_lifecycle_config config = {
        .cpus = &set,
        .buses = buses,
        .bus_count = 1,
        .boot_cpu = 1,
        .boot = {.entry = 0x100},
        .event = event,
        .reload = reload,
    };

    for (uint32_t i = 0; i < CPUS; i++) {
        struct vml_cpu_config cpu = {.index = i, .mpidr = i, .host_cpu = UINT32_MAX, .ops = &ops};

        assert_int_equal(vml_cpu_init(&cpus[i], &cpu), VML_OK);
        pointers[i] = &cpus[i];
        atomic_store(&starts[i], 0);
    }
    assert_int_equal(vml_cpu_set_init(&set, pointers, sorted, CPUS), VML_OK);
    assert_int_equal(vml_vbus_init(&bus, &bus_config), VML_OK);
    assert_int_equal(vml_vbus_register(&bus, &range), VML_OK);
    assert_int_equal(vml_lifecycle_init(&lifecycle, &config), VML_OK);
    told_count = 0;
    resets = 0;
    reloads = 0;
    action = VML_LIFECYCLE_ACT;
    return 0;
}

static int teardown(void **state)
{
    vml_cpu_set_destroy(&set);
    for (uint32_t i = 0; i < CPUS; i++) {
        vml_cpu_destroy(&cpus[i]);
    }
    return 0;
}

static void test_boot_vcpu_must_exist(void **state)
{
    struct vml_lifecycle other;
    struct vml_lifecycle_config config = {.cpus = &set, .boot_cpu = CPUS};

    assert_int_equal(vml_lifecycle_init(&other, &config), VML_ERR_RANGE);
}

static void test_boot(void **state)
{
    assert_int_equal(vml_lifecycle_boot(&lifecycle), VML_OK);
    assert_int_equal(vml_cpu_state(&cpus[1]), VML_CPU_ON_PENDING);
    assert_int_equal(vml_lifecycle_boot(&lifecycle), VML_ERR_BUSY);
}

static void test_the_embedder_may_take_an_event(void **state)
{
    struct vml_lifecycle_event e = {.kind = VML_LIFECYCLE_RESET, .type = 3, .cookie = 4};

    action = VML_LIFECYCLE_TAKEN;
    assert_int_equal(vml_lifecycle_raise(&lifecycle, &e), VML_LIFECYCLE_TAKEN);
    assert_int_equal(told_count, 1);
    assert_int_equal(told.type, 3);
    assert_int_equal(told.cookie, 4);
    assert_int_equal(resets, 0);
}

static void test_off_stops_every_vcpu(void **state)
{
    static const enum vml_lifecycle_kind kinds[] = {VML_LIFECYCLE_OFF, VML_LIFECYCLE_HIBERNATE};

    for (unsigned i = 0; i < 2; i++) {
        struct vml_lifecycle_event e = {.kind = kinds[i]};

        assert_int_equal(vml_lifecycle_boot(&lifecycle), VML_OK);
        assert_int_equal(vml_cpu_wait_on(&cpus[1]), VML_OK);
        assert_int_equal(vml_lifecycle_raise(&lifecycle, &e), VML_LIFECYCLE_ACT);
        assert_int_equal(vml_cpu_enter(&cpus[1]), VML_ERR_STATE);
        assert_int_equal(vml_cpus_wait_off(&set, 0), VML_OK);
    }
}

static void test_suspend_leaves_vcpus_alone(void **state)
{
    struct vml_lifecycle_event e = {.kind = VML_LIFECYCLE_SUSPEND};

    assert_int_equal(vml_lifecycle_boot(&lifecycle), VML_OK);
    assert_int_equal(vml_cpu_wait_on(&cpus[1]), VML_OK);
    assert_int_equal(vml_lifecycle_raise(&lifecycle, &e), VML_LIFECYCLE_ACT);
    assert_int_equal(vml_cpu_enter(&cpus[1]), VML_OK);
}

static void test_a_vcpu_reboots_the_machine_that_it_runs_in(void **state)
{
    struct vml_lifecycle_event e = {.kind = VML_LIFECYCLE_RESET, .cpu = &cpus[1]};
    static const struct vml_cpu_start start = {.entry = 0x500};

    assert_int_equal(vml_lifecycle_boot(&lifecycle), VML_OK);
    assert_int_equal(vml_cpu_wait_on(&cpus[1]), VML_OK);
    assert_int_equal(vml_cpu_start(&cpus[2], &start), VML_OK);
    assert_int_equal(vml_cpu_enter(&cpus[1]), VML_OK);
    vml_cpu_exit(&cpus[1]);
    assert_int_equal(vml_lifecycle_raise(&lifecycle, &e), VML_LIFECYCLE_ACT);
    assert_int_equal(resets, 1);
    assert_int_equal(reloads, 1);
    assert_int_equal(vml_cpu_state(&cpus[2]), VML_CPU_OFF);
    assert_int_equal(vml_cpu_enter(&cpus[1]), VML_ERR_STATE);
    assert_int_equal(vml_cpu_wait_on(&cpus[1]), VML_OK);
    assert_int_equal(atomic_load(&entry_seen), 0x101);
    assert_int_equal(vml_cpu_enter(&cpus[1]), VML_OK);
    assert_false(vml_rounded_up(&set));
}

/* ---- threads: the boot vCPU starts the others, which all ask for a reboot now and then */

#define REBOOTS 50

static void engine(void *context)
{
    static const struct vml_cpu_start start = {.entry = 0x500};
    struct vml_cpu *cpu = context;
    uint32_t index = cpu->config.index;
    unsigned n = 0;

    while (vml_cpu_wait_on(cpu) == VML_OK) {
        while (vml_cpu_enter(cpu) == VML_OK) {
            vml_cpu_exit(cpu);
            n++;
            if (index == 1) {
                enum vml_status status = vml_cpu_start(&cpus[0], &start);

                status = vml_cpu_start(&cpus[2], &start);
                (void)status;
            }
            if (n % 4 == 3 && atomic_load(&lifecycle.reboots) < REBOOTS) {
                vml_lifecycle_reboot(&lifecycle, cpu);
            }
        }
        if (vml_cpu_take_requests(cpu, VML_CPU_REQUEST_EXIT)) {
            return;
        }
    }
}

static void test_vcpus_reboot_at_the_same_time(void **state)
{
    struct vml_thread threads[CPUS];

    for (uint32_t i = 0; i < CPUS; i++) {
        assert_int_equal(vml_thread_create(&threads[i], "vcpu", engine, &cpus[i]), VML_OK);
    }
    assert_int_equal(vml_lifecycle_boot(&lifecycle), VML_OK);
    while (atomic_load(&lifecycle.reboots) < REBOOTS) {
        vml_thread_yield();
    }
    /* The machine is alive after the last one: its boot vCPU has started once more. */
    while (atomic_load(&entry_seen) != 0x500) {
        vml_thread_yield();
    }
    vml_lifecycle_stop(&lifecycle);
    for (uint32_t i = 0; i < CPUS; i++) {
        vml_cpu_recall(&cpus[i], VML_CPU_REQUEST_EXIT);
        vml_thread_join(&threads[i]);
    }
    assert_true(atomic_load(&starts[1]) >= REBOOTS);
    assert_int_equal(resets, reloads);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        T(test_boot_vcpu_must_exist),           T(test_boot),
        T(test_the_embedder_may_take_an_event), T(test_off_stops_every_vcpu),
        T(test_suspend_leaves_vcpus_alone),     T(test_a_vcpu_reboots_the_machine_that_it_runs_in),
        T(test_vcpus_reboot_at_the_same_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
