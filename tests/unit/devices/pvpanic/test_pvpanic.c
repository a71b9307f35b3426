/* What a guest's panic notifier does. */
#include "test.h"
#include <vml/pvpanic.h>

static uint8_t seen;
static uint32_t by;
static unsigned count;

static void event(void *context, uint32_t cpu, uint8_t events)
{
    assert_ptr_equal(context, &seen);
    seen = events;
    by = cpu;
    count++;
}

static enum vml_bus_result go(struct vml_pvpanic *p, bool write, uint8_t size, uint64_t *value)
{
    struct vml_access a = {.size = size, .write = write, .value = *value, .cpu = 3};
    enum vml_bus_result result = p->device.ops->access(&p->device, &a);

    *value = a.value;
    return result;
}

static void events_are_told(void **state)
{
    struct vml_pvpanic_config config = {
        .events = VML_PVPANIC_PANICKED | VML_PVPANIC_SHUTDOWN, .event = event, .context = &seen};
    struct vml_pvpanic p;
    uint64_t v = 0;
    uint32_t row = 0;

    assert_int_equal(vml_regs_check(&vml_pvpanic_regs, &row), VML_OK);
    assert_int_equal(vml_pvpanic_init(&p, &config), VML_OK);
    assert_int_equal(go(&p, false, 1, &v), VML_BUS_OK);
    assert_int_equal(v, 5);
    v = 1;
    assert_int_equal(go(&p, true, 1, &v), VML_BUS_OK);
    assert_int_equal(seen, VML_PVPANIC_PANICKED);
    assert_int_equal(by, 3);
    v = 0xff; /* of all that, what the machine understands */
    assert_int_equal(go(&p, true, 1, &v), VML_BUS_OK);
    assert_int_equal(seen, 5);
    v = VML_PVPANIC_CRASH_LOADED;
    assert_int_equal(go(&p, true, 1, &v), VML_BUS_OK);
    assert_int_equal(count, 2);
    assert_int_equal(go(&p, true, 4, &v), VML_BUS_FAULT);
}

static void what_is_refused(void **state)
{
    struct vml_pvpanic_config config = {.events = 1};
    struct vml_pvpanic p;

    assert_int_equal(vml_pvpanic_init(&p, &config), VML_ERR_INVALID);
    config.event = event;
    config.events = 8;
    assert_int_equal(vml_pvpanic_init(&p, &config), VML_ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_are_told),
        cmocka_unit_test(what_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
