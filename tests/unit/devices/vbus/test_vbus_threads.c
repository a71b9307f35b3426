/* Devices come and go while vCPUs and other threads access them. */
#include "test.h"

#include <vml/vbus.h>

#define CPUS   3
#define OTHERS 2
#define CYCLES 300

struct toy {
    struct vml_device device;
    uint32_t alive;  /* registered: an access must see it so, from its beginning to its end */
    uint32_t errors; /* accesses that did not */
    uint32_t accesses;
};

static enum vml_bus_result toy_access(struct vml_device *device, struct vml_access *access)
{
    struct toy *toy = VML_CONTAINER_OF(device, struct toy, device);

    (void)__atomic_add_fetch(&toy->accesses, 1, __ATOMIC_RELAXED);
    for (int i = 0; i < 20; i++) {
        if (__atomic_load_n(&toy->alive, __ATOMIC_RELAXED) == 0) {
            (void)__atomic_add_fetch(&toy->errors, 1, __ATOMIC_RELAXED);
        }
        vml_cpu_relax();
    }
    return VML_BUS_OK;
}

static const struct vml_device_ops toy_ops = {.access = toy_access};
static _Alignas(VML_CACHE_LINE_SIZE) uint8_t storage[VML_BUS_STORAGE(4, CPUS)];
static struct vml_vbus bus;
static struct toy fixed;
static struct toy transient;
static uint32_t stop;

struct worker {
    struct vml_thread thread;
    uint32_t cpu;
    uint32_t misses; /* of the device that is always there */
};

static void access_devices(void *context)
{
    struct worker *worker = context;

    while (__atomic_load_n(&stop, __ATOMIC_RELAXED) == 0) {
        struct vml_access access = {.size = 4, .cpu = worker->cpu};

        (void)vml_vbus_access(&bus, 0x2000, &access);
        access = (struct vml_access){.size = 4, .cpu = worker->cpu};
        if (vml_vbus_access(&bus, 0x1000, &access) != VML_BUS_OK) {
            worker->misses++;
        }
        (void)vml_vbus_find(&bus, 0x2000);
        vml_thread_yield();
    }
}

static void a_device_stays_while_an_access_is_inside(void **state)
{
    const struct vml_vbus_config config = {
        .name = "mmio", .max_ranges = 4, .cpus = CPUS, .storage = storage};
    struct worker workers[CPUS + OTHERS];
    struct vml_bus_range always = {.base = 0x1000, .size = 16, .device = &fixed.device};
    struct vml_bus_range sometimes = {.base = 0x2000, .size = 16, .device = &transient.device};

    fixed = (struct toy){.device = {"fixed", &toy_ops}, .alive = 1};
    transient = (struct toy){.device = {"transient", &toy_ops}};
    assert_int_equal(vml_vbus_init(&bus, &config), VML_OK);
    assert_int_equal(vml_vbus_register(&bus, &always), VML_OK);
    for (uint32_t i = 0; i < CPUS + OTHERS; i++) {
        workers[i] = (struct worker){.cpu = i < CPUS ? i : VML_CPU_NONE};
        assert_int_equal(
            vml_thread_create(&workers[i].thread, "worker", access_devices, &workers[i]), VML_OK);
    }
    for (int i = 0; i < CYCLES; i++) {
        __atomic_store_n(&transient.alive, 1, __ATOMIC_RELAXED);
        assert_int_equal(vml_vbus_register(&bus, &sometimes), VML_OK);
        vml_vbus_set_statistics(&bus, i % 2 != 0);
        vml_thread_yield();
        assert_int_equal(vml_vbus_unregister(&bus, &sometimes), VML_OK);
        __atomic_store_n(&transient.alive, 0, __ATOMIC_RELAXED);
    }
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    for (uint32_t i = 0; i < CPUS + OTHERS; i++) {
        vml_thread_join(&workers[i].thread);
        assert_int_equal(workers[i].misses, 0);
    }
    assert_int_equal(transient.errors, 0);
    assert_int_equal(fixed.errors, 0);
    assert_true(fixed.accesses > 0);
}

/* Each access ends only when the next one has begun: there is always one inside. */
static uint32_t begun;

static enum vml_bus_result relay_access(struct vml_device *device, struct vml_access *access)
{
    uint32_t me = __atomic_add_fetch(&begun, 1, __ATOMIC_RELAXED);

    while (__atomic_load_n(&begun, __ATOMIC_RELAXED) == me &&
           __atomic_load_n(&stop, __ATOMIC_RELAXED) == 0) {
        vml_thread_yield();
    }
    return VML_BUS_OK;
}

static void relay(void *context)
{
    while (__atomic_load_n(&stop, __ATOMIC_RELAXED) == 0) {
        struct vml_access access = {.size = 4, .cpu = VML_CPU_NONE};

        (void)vml_vbus_access(&bus, 0x1000, &access);
    }
}

static void threads_that_are_no_vcpu_do_not_hold_up_a_change(void **state)
{
    static const struct vml_device_ops relay_ops = {.access = relay_access};
    const struct vml_vbus_config config = {
        .name = "mmio", .max_ranges = 4, .cpus = CPUS, .storage = storage};
    struct vml_device device = {"relay", &relay_ops};
    struct vml_bus_range always = {.base = 0x1000, .size = 16, .device = &device};
    struct vml_bus_range sometimes = {.base = 0x2000, .size = 16, .device = &transient.device};
    struct vml_thread threads[2];

    stop = 0;
    assert_int_equal(vml_vbus_init(&bus, &config), VML_OK);
    assert_int_equal(vml_vbus_register(&bus, &always), VML_OK);
    for (uint32_t i = 0; i < 2; i++) {
        assert_int_equal(vml_thread_create(&threads[i], "relay", relay, NULL), VML_OK);
    }
    while (__atomic_load_n(&begun, __ATOMIC_RELAXED) < 4) {
        vml_thread_yield();
    }
    /* Would not end if the wait were for a moment without any access. */
    for (int i = 0; i < 10; i++) {
        assert_int_equal(vml_vbus_register(&bus, &sometimes), VML_OK);
        assert_int_equal(vml_vbus_unregister(&bus, &sometimes), VML_OK);
    }
    __atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
    for (uint32_t i = 0; i < 2; i++) {
        vml_thread_join(&threads[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_device_stays_while_an_access_is_inside),
        cmocka_unit_test(threads_that_are_no_vcpu_do_not_hold_up_a_change),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
