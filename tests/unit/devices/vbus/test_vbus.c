/* The bus: who is found, what is refused, and what devices are told. */
#include "test.h"

#include <vml/vbus.h>

struct toy {
    struct vml_device device;
    struct vml_access last;
    unsigned accesses;
    unsigned resets;
    unsigned shutdowns;
    unsigned order;
    enum vml_bus_result result;
    struct vml_vbus *nested_bus; /* an access makes one at this address too */
    uint64_t nested_addr;
};

static unsigned order;

static enum vml_bus_result toy_access(struct vml_device *device, struct vml_access *access)
{
    struct toy *toy = VML_CONTAINER_OF(device, struct toy, device);

    toy->last = *access;
    toy->accesses++;
    if (toy->nested_bus != NULL) {
        struct vml_access nested = {.size = 4, .cpu = access->cpu};

        assert_int_equal(vml_vbus_access(toy->nested_bus, toy->nested_addr, &nested), VML_BUS_OK);
        access->value = nested.value + 1;
        return VML_BUS_OK;
    }
    if (!access->write) {
        access->value = 0x1000 + access->offset;
    }
    return toy->result;
}

static void toy_reset(struct vml_device *device)
{
    struct toy *toy = VML_CONTAINER_OF(device, struct toy, device);

    toy->resets++;
    toy->order = ++order;
}

static void toy_shutdown(struct vml_device *device)
{
    struct toy *toy = VML_CONTAINER_OF(device, struct toy, device);

    toy->shutdowns++;
    toy->order = ++order;
}

static const struct vml_device_ops toy_ops = {
    .access = toy_access, .reset = toy_reset, .shutdown = toy_shutdown};
static const struct vml_device_ops no_ops = {.access = NULL};

#define RANGES 8
#define CPUS   2

static _Alignas(VML_CACHE_LINE_SIZE) uint8_t storage[VML_BUS_STORAGE(RANGES, CPUS)];
static struct vml_vbus bus;
static struct toy low;
static struct toy high;
static struct vml_bus_range low_range;
static struct vml_bus_range high_range;

static struct vml_vbus_config config(void)
{
    struct vml_vbus_config c = {.name = "mmio",
                                .space = VML_SPACE_MMIO,
                                .max_ranges = RANGES,
                                .cpus = CPUS,
                                .storage = storage};

    return c;
}

static int setup(void **state)
{
    const struct vml_vbus_config c = config();

    memset(storage, 0xee, sizeof(storage));
    order = 0;
    low = (struct toy){.device = {"low", &toy_ops}};
    high = (struct toy){.device = {"high", &toy_ops}};
    low_range = (struct vml_bus_range){.base = 0x1000, .size = 0x100, .device = &low.device};
    high_range = (struct vml_bus_range){
        .base = UINT64_MAX - 0xfff, .size = 0x1000, .device = &high.device, .device_offset = 0x500};
    assert_int_equal(vml_vbus_init(&bus, &c), VML_OK);
    assert_int_equal(vml_vbus_register(&bus, &high_range), VML_OK);
    assert_int_equal(vml_vbus_register(&bus, &low_range), VML_OK);
    return 0;
}

static enum vml_bus_result read4(uint64_t addr, uint32_t cpu, uint64_t *value)
{
    struct vml_access access = {.size = 4, .cpu = cpu};
    enum vml_bus_result result = vml_vbus_access(&bus, addr, &access);

    *value = access.value;
    return result;
}

static void initialisation_is_checked(void **state)
{
    struct vml_vbus other;
    struct vml_vbus_config c = config();

    c.storage = NULL;
    assert_int_equal(vml_vbus_init(&other, &c), VML_ERR_INVALID);
    c = config();
    c.max_ranges = 0;
    assert_int_equal(vml_vbus_init(&other, &c), VML_ERR_INVALID);
    c = config();
    c.storage = storage + 8;
    assert_int_equal(vml_vbus_init(&other, &c), VML_ERR_INVALID);
}

static void an_access_reaches_its_device(void **state)
{
    struct vml_access access = {.size = 2, .cpu = 1, .write = true, .value = 0xbeef};
    uint64_t value;

    for (uint32_t cpu = 0; cpu < 4; cpu++) {
        uint32_t who = cpu < CPUS ? cpu : VML_CPU_NONE - (cpu - CPUS);

        assert_int_equal(read4(0x1010, who, &value), VML_BUS_OK);
        assert_true(value == 0x1010);
        assert_int_equal(low.last.cpu, who);
        assert_true(low.last.offset == 0x10);
        assert_int_equal(read4(UINT64_MAX - 3, who, &value), VML_BUS_OK);
        assert_true(high.last.offset == 0x500 + 0xffc);
    }
    assert_int_equal(vml_vbus_access(&bus, 0x10fe, &access), VML_BUS_OK);
    assert_true(low.last.write);
    assert_int_equal(low.last.value, 0xbeef);
    assert_int_equal(low.last.size, 2);
    low.result = VML_BUS_PENDING;
    assert_int_equal(read4(0x1010, 0, &value), VML_BUS_PENDING);
}

static void holes_and_edges(void **state)
{
    struct vml_access wide = {.size = 8, .cpu = 0};
    uint64_t value;

    assert_int_equal(read4(0, 0, &value), VML_BUS_NO_DEVICE);
    assert_int_equal(read4(0xfff, 0, &value), VML_BUS_NO_DEVICE);
    assert_int_equal(read4(0x10fc, 0, &value), VML_BUS_OK);
    assert_int_equal(read4(0x10fd, 0, &value), VML_BUS_FAULT);
    assert_int_equal(read4(0x1100, 0, &value), VML_BUS_NO_DEVICE);
    assert_int_equal(read4(UINT64_MAX, 0, &value), VML_BUS_FAULT);
    assert_int_equal(vml_vbus_access(&bus, 0x10fc, &wide), VML_BUS_FAULT);
    assert_int_equal(low.accesses, 1);
    assert_int_equal(high.accesses, 0);
}

static void registration_is_checked(void **state)
{
    struct toy toy = {.device = {"toy", &toy_ops}};
    struct vml_bus_range r = {.base = 0x10ff, .size = 1, .device = &toy.device};
    struct vml_bus_range more[RANGES];

    assert_int_equal(vml_vbus_register(&bus, &r), VML_ERR_OVERLAP);
    r.base = 0xf00;
    r.size = 0x101;
    assert_int_equal(vml_vbus_register(&bus, &r), VML_ERR_OVERLAP);
    r.size = 0x1000;
    assert_int_equal(vml_vbus_register(&bus, &r), VML_ERR_OVERLAP);
    r.size = 0;
    assert_int_equal(vml_vbus_register(&bus, &r), VML_ERR_INVALID);
    r.size = UINT64_MAX;
    assert_int_equal(vml_vbus_register(&bus, &r), VML_ERR_RANGE);
    r.size = 0x100;
    r.device_offset = UINT64_MAX;
    assert_int_equal(vml_vbus_register(&bus, &r), VML_ERR_RANGE);
    r.device_offset = 0;
    r.device = NULL;
    assert_int_equal(vml_vbus_register(&bus, &r), VML_ERR_INVALID);
    r.device = &toy.device;
    assert_int_equal(vml_vbus_register(&bus, &r), VML_OK); /* adjacent: 0xf00 to 0xfff */
    for (unsigned i = 0; i < RANGES; i++) {
        more[i] = (struct vml_bus_range){
            .base = 0x10000 + i * 0x100, .size = 0x100, .device = &toy.device};
        assert_int_equal(vml_vbus_register(&bus, &more[i]),
                         i < RANGES - 3 ? VML_OK : VML_ERR_NO_SPACE);
    }
}

static void what_is_unregistered_is_not_found_again(void **state)
{
    uint64_t value;

    /* The last hit is remembered, and must not be used. */
    assert_int_equal(read4(0x1010, 0, &value), VML_BUS_OK);
    assert_int_equal(vml_vbus_unregister(&bus, &low_range), VML_OK);
    assert_int_equal(read4(0x1010, 0, &value), VML_BUS_NO_DEVICE);
    assert_int_equal(vml_vbus_unregister(&bus, &low_range), VML_ERR_NOT_FOUND);
    low_range.base = 0x2000;
    assert_int_equal(vml_vbus_register(&bus, &low_range), VML_OK);
    assert_int_equal(read4(0x1010, 0, &value), VML_BUS_NO_DEVICE);
    assert_int_equal(read4(0x2010, 0, &value), VML_BUS_OK);
    assert_int_equal(vml_vbus_unregister(&bus, &low_range), VML_OK);
    assert_int_equal(vml_vbus_unregister(&bus, &high_range), VML_OK);
    assert_int_equal(read4(0x2010, 0, &value), VML_BUS_NO_DEVICE);
    assert_int_equal(read4(0x2010, VML_CPU_NONE, &value), VML_BUS_NO_DEVICE);
    assert_null(vml_vbus_find(&bus, 0x2010));
}

static void a_device_may_use_the_bus_itself(void **state)
{
    uint64_t value;

    low.nested_bus = &bus;
    low.nested_addr = UINT64_MAX - 0xfff;
    assert_int_equal(read4(0x1000, 0, &value), VML_BUS_OK);
    assert_true(value == 0x1501);
    assert_int_equal(read4(0x1000, VML_CPU_NONE, &value), VML_BUS_OK);
    assert_true(value == 0x1501);
    /* Again as a repeated hit, and after what was remembered is out of date. */
    assert_int_equal(read4(0x1000, 0, &value), VML_BUS_OK);
    assert_true(value == 0x1501);
    assert_int_equal(read4(0x1000, 0, &value), VML_BUS_OK);
    vml_vbus_set_statistics(&bus, true);
    vml_vbus_set_statistics(&bus, false);
    assert_int_equal(read4(0x1000, 0, &value), VML_BUS_OK);
    assert_true(value == 0x1501);
    /* All accesses are over: a change does not wait. */
    assert_int_equal(vml_vbus_unregister(&bus, &high_range), VML_OK);
}

/* The vCPU's hit is not replaced by what has none of its own, and stays right at its ends. */
static void the_last_bytes_of_a_repeated_hit(void **state)
{
    struct vml_device dumb = {"dumb", &no_ops};
    struct vml_bus_range small = {.base = 0x3000, .size = 4, .device = &low.device};
    struct vml_bus_range exact = {.base = 0x4000, .size = 8, .device = &high.device};
    struct vml_bus_range deaf = {.base = 0x5000, .size = 16, .device = &dumb};
    struct vml_access access;
    uint64_t value;

    assert_int_equal(vml_vbus_register(&bus, &small), VML_OK);
    assert_int_equal(vml_vbus_register(&bus, &exact), VML_OK);
    assert_int_equal(vml_vbus_register(&bus, &deaf), VML_OK);
    for (uint64_t at = 0xf8; at <= 0x100; at++) {
        for (unsigned size = 1; size <= 8; size *= 2) {
            enum vml_bus_result want = at == 0x100          ? VML_BUS_NO_DEVICE
                                       : at + size <= 0x100 ? VML_BUS_OK
                                                            : VML_BUS_FAULT;

            assert_int_equal(read4(0x1000, 0, &value), VML_BUS_OK);
            access = (struct vml_access){.size = (uint8_t)size};
            assert_int_equal(vml_vbus_access(&bus, 0x1000 + at, &access), want);
            assert_int_equal(read4(0xfff, 0, &value), VML_BUS_NO_DEVICE);
        }
    }
    for (int i = 0; i < 2; i++) {
        access = (struct vml_access){.size = 8};
        assert_int_equal(vml_vbus_access(&bus, 0x4000, &access), VML_BUS_OK);
        assert_true(high.last.offset == 0);
        assert_int_equal(read4(0x4004, 0, &value), VML_BUS_OK);
        assert_true(high.last.offset == 4);
        assert_int_equal(read4(0x4005, 0, &value), VML_BUS_FAULT);
        assert_int_equal(read4(0x3000, 0, &value), VML_BUS_OK);
        assert_int_equal(read4(0x3001, 0, &value), VML_BUS_FAULT);
        assert_int_equal(read4(0x5000, 0, &value), VML_BUS_FAULT);
    }
}

static void devices_without_functions_fault(void **state)
{
    struct vml_device dumb = {"dumb", &no_ops};
    struct vml_bus_range range = {.base = 0x3000, .size = 16, .device = &dumb};
    uint64_t value;

    assert_int_equal(vml_vbus_register(&bus, &range), VML_OK);
    assert_int_equal(read4(0x3000, 0, &value), VML_BUS_FAULT);
    vml_vbus_reset(&bus);
    vml_vbus_shutdown(&bus);
}

static void reset_and_shutdown_reach_each_device_once(void **state)
{
    struct vml_bus_range second = {.base = 0x8000, .size = 16, .device = &low.device};

    assert_int_equal(vml_vbus_register(&bus, &second), VML_OK);
    vml_vbus_reset(&bus);
    assert_int_equal(low.resets, 1);
    assert_int_equal(high.resets, 1);
    assert_true(low.order < high.order);
    vml_vbus_shutdown(&bus);
    assert_int_equal(low.shutdowns, 1);
    assert_int_equal(high.shutdowns, 1);
    assert_true(high.order < low.order);
}

static bool visit(void *context, struct vml_bus_range *range)
{
    struct vml_bus_range **seen = context;

    if (seen[0] != NULL) {
        seen[1] = range;
        return false;
    }
    seen[0] = range;
    return true;
}

static void ranges_are_visited_in_order(void **state)
{
    struct vml_bus_range *seen[2] = {NULL, NULL};

    vml_vbus_for_each(&bus, visit, seen);
    assert_ptr_equal(seen[0], &low_range);
    assert_ptr_equal(seen[1], &high_range);
    assert_ptr_equal(vml_vbus_find(&bus, 0x10ff), &low_range);
    assert_null(vml_vbus_find(&bus, 0x1100));
    seen[0] = &low_range;
    vml_vbus_for_each(&bus, visit, seen);
    assert_ptr_equal(seen[1], &low_range);
}

static void statistics_count_while_they_are_on(void **state)
{
    struct vml_access write = {.size = 4, .cpu = 0, .write = true};
    struct vml_bus_stats stats;
    uint64_t value;

    assert_int_equal(read4(0x1000, 0, &value), VML_BUS_OK);
    vml_vbus_set_statistics(&bus, true);
    assert_int_equal(read4(0x1000, 0, &value), VML_BUS_OK);
    assert_int_equal(read4(0x1000, 1, &value), VML_BUS_OK);
    assert_int_equal(vml_vbus_access(&bus, 0x1000, &write), VML_BUS_OK);
    assert_int_equal(read4(0x10fd, 1, &value), VML_BUS_FAULT);
    low.result = VML_BUS_FAULT;
    assert_int_equal(read4(0x1000, 1, &value), VML_BUS_FAULT);
    vml_vbus_set_statistics(&bus, false);
    assert_int_equal(read4(0x1000, 1, &value), VML_BUS_FAULT);
    stats = vml_vbus_stats(&low_range);
    assert_true(stats.reads == 2);
    assert_true(stats.writes == 1);
    assert_true(stats.faults == 2);
}

static void accesses_are_traced(void **state)
{
    struct vml_trace_ring rings[CPUS + 1];
    struct vml_trace_event events[(CPUS + 1) * 4];
    struct vml_trace_event got[4];
    struct vml_vbus_config c = config();
    struct vml_access write = {.size = 4, .cpu = 1, .write = true, .value = 77};
    struct vml_debug debug;
    uint64_t value;

    vml_debug_init(&debug);
    assert_int_equal(vml_debug_set_rings(&debug, rings, events, CPUS, 4), VML_OK);
    c.debug = &debug;
    c.space = VML_SPACE_PIO;
    assert_int_equal(vml_vbus_init(&bus, &c), VML_OK);
    assert_int_equal(vml_vbus_register(&bus, &low_range), VML_OK);
    assert_int_equal(read4(0x1004, 1, &value), VML_BUS_OK);
    vml_debug_set_tracing(&debug, true);
    assert_int_equal(read4(0x1004, 1, &value), VML_BUS_OK);
    assert_int_equal(vml_vbus_access(&bus, 0x1008, &write), VML_BUS_OK);
    assert_int_equal(read4(0x5000, 1, &value), VML_BUS_NO_DEVICE);
    assert_int_equal(vml_trace_read(&debug, 1, got, 4), 3);
    assert_int_equal(got[0].kind, VML_TRACE_BUS_READ);
    assert_true(got[0].a == 0x1004);
    assert_true(got[0].b == 0x1004);
    assert_int_equal(got[0].c, 4 | VML_BUS_OK << 8 | VML_SPACE_PIO << 16);
    assert_int_equal(got[1].kind, VML_TRACE_BUS_WRITE);
    assert_true(got[1].b == 77);
    assert_int_equal(got[2].c, 4 | VML_BUS_NO_DEVICE << 8 | VML_SPACE_PIO << 16);
    /* Registers have kinds of their own. */
    c.space = VML_SPACE_SYSREG;
    assert_int_equal(vml_vbus_init(&bus, &c), VML_OK);
    assert_int_equal(read4(0x1004, 0, &value), VML_BUS_NO_DEVICE);
    write.cpu = 0;
    assert_int_equal(vml_vbus_access(&bus, 0x1008, &write), VML_BUS_NO_DEVICE);
    assert_int_equal(vml_trace_read(&debug, 0, got, 4), 2);
    assert_int_equal(got[0].kind, VML_TRACE_SYSREG_READ);
    assert_int_equal(got[1].kind, VML_TRACE_SYSREG_WRITE);
    assert_true(got[1].a == 0x1008 && got[1].b == 77);
}

static char said[512];
static unsigned lines;

static void listen(void *context, enum vml_log_level level, const char *line)
{
    assert_int_equal(level, VML_LOG_INFO);
    assert_true(strlen(line) < sizeof(said));
    memcpy(said, line, strlen(line) + 1);
    lines++;
}

/* What goes wrong is told first, then everything; of repeated hits too, which otherwise take a way of
 * their own; and a level that goes back to none is silent again. */
static void levels_say_what_happens(void **state)
{
    struct vml_vbus_config c = config();
    struct vml_access odd = {.size = 8, .cpu = 1};
    struct vml_debug debug;
    uint64_t value;

    vml_debug_init(&debug);
    vml_log_set_sink(listen, NULL);
    lines = 0;
    c.debug = &debug;
    assert_int_equal(vml_vbus_init(&bus, &c), VML_OK);
    assert_int_equal(vml_vbus_register(&bus, &low_range), VML_OK);
    assert_int_equal(read4(0x5000, 1, &value), VML_BUS_NO_DEVICE);
    assert_int_equal(read4(0x1004, 1, &value), VML_BUS_OK);
    assert_int_equal(lines, 0);
    vml_debug_set_level(&debug, VML_DEBUG_CONDENSED);
    assert_int_equal(read4(0x1004, 1, &value), VML_BUS_OK);
    assert_int_equal(lines, 0);
    assert_int_equal(read4(0x5000, 1, &value), VML_BUS_NO_DEVICE);
    assert_int_equal(lines, 1);
    assert_non_null(strstr(said, "vCPU 1 reads 4 bytes at 0x5000"));
    assert_non_null(strstr(said, "nobody is there"));
    assert_int_equal(vml_vbus_access(&bus, low_range.base + low_range.size - 4, &odd),
                     VML_BUS_FAULT);
    assert_int_equal(lines, 2);
    assert_non_null(strstr(said, "refused"));
    vml_debug_set_level(&debug, VML_DEBUG_FULL);
    for (unsigned i = 3; i < 6; i++) {
        assert_int_equal(read4(0x1004, 1, &value), VML_BUS_OK);
        assert_int_equal(lines, i);
    }
    assert_non_null(strstr(said, low_range.device->name));
    assert_int_equal(read4(0x1004, VML_CPU_NONE, &value), VML_BUS_OK);
    assert_non_null(strstr(said, "vCPU -1 reads"));
    vml_debug_set_level(&debug, VML_DEBUG_NONE);
    assert_int_equal(read4(0x5000, 1, &value), VML_BUS_NO_DEVICE);
    assert_int_equal(lines, 6);
    vml_log_set_sink(NULL, NULL);
}

static void system_register_numbers(void **state)
{
    /* ICC_IAR1_EL1 is op0 3, op1 0, CRn 12, CRm 12, op2 0; a register is 8 wide. */
    assert_true(VML_SYSREG(3, 0, 12, 12, 0) == (3u << 17 | 12u << 10 | 12u << 6));
    assert_true(VML_SYSREG(3, 7, 15, 15, 7) == 0x7fff8);
    assert_true(VML_SYSREG(0, 0, 0, 0, 1) == 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(initialisation_is_checked),
        cmocka_unit_test_setup(an_access_reaches_its_device, setup),
        cmocka_unit_test_setup(holes_and_edges, setup),
        cmocka_unit_test_setup(registration_is_checked, setup),
        cmocka_unit_test_setup(what_is_unregistered_is_not_found_again, setup),
        cmocka_unit_test_setup(a_device_may_use_the_bus_itself, setup),
        cmocka_unit_test_setup(the_last_bytes_of_a_repeated_hit, setup),
        cmocka_unit_test_setup(devices_without_functions_fault, setup),
        cmocka_unit_test_setup(reset_and_shutdown_reach_each_device_once, setup),
        cmocka_unit_test_setup(ranges_are_visited_in_order, setup),
        cmocka_unit_test_setup(statistics_count_while_they_are_on, setup),
        cmocka_unit_test_setup(accesses_are_traced, setup),
        cmocka_unit_test_setup(levels_say_what_happens, setup),
        cmocka_unit_test(system_register_numbers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
