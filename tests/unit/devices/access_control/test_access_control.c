/* Permissions by range and by bit. */
#include "test.h"
#include <vml/access_control.h>

struct rig {
    struct vml_access_control filter;
    struct vml_device target;
    uint8_t bytes[64];
    unsigned accesses, reports, resets, shutdowns, saves, restores;
    enum vml_bus_result result;
};

static struct rig rig;

static enum vml_bus_result target_access(struct vml_device *device, struct vml_access *a)
{
    rig.accesses++;
    if (rig.result != VML_BUS_OK) {
        return rig.result;
    }
    if (a->write) {
        memcpy(rig.bytes + a->offset, &a->value, a->size);
    } else {
        a->value = 0;
        memcpy(&a->value, rig.bytes + a->offset, a->size);
    }
    return VML_BUS_OK;
}

static void target_reset(struct vml_device *device)
{
    rig.resets++;
}

static void target_shutdown(struct vml_device *device)
{
    rig.shutdowns++;
}

static void target_save(struct vml_device *device, struct vml_state_writer *w)
{
    rig.saves++;
}

static enum vml_status target_restore(struct vml_device *device, struct vml_state_reader *r)
{
    rig.restores++;
    return VML_ERR_CORRUPT;
}

static void on_report(void *context, const struct vml_access *access)
{
    rig.reports++;
}

static const struct vml_access_range ranges[] = {
    {.offset = 0x00, .size = 8, .allow = VML_ACCESS_READ},
    {.offset = 0x10, .size = 8, .allow = VML_ACCESS_READ | VML_ACCESS_WRITE},
    {.offset = 0x20, .size = 4, .allow = VML_ACCESS_WRITE},
    {.offset = 0x28, .size = 8, .allow = VML_ACCESS_READ | VML_ACCESS_WRITE, .mask = 0x0000ff0f},
};

static void make(enum vml_access_denied denied, bool with_target)
{
    static const struct vml_device_ops ops = {target_access, target_reset, target_shutdown,
                                              target_save, target_restore};
    struct vml_access_control_config config = {.target = with_target ? &rig.target : NULL,
                                               .ranges = ranges,
                                               .count = VML_ARRAY_SIZE(ranges),
                                               .denied = denied,
                                               .report = on_report};

    memset(&rig, 0, sizeof(rig));
    rig.target = (struct vml_device){"target", &ops};
    memset(rig.bytes, 0xa5, sizeof(rig.bytes));
    assert_int_equal(vml_access_control_init(&rig.filter, &config), VML_OK);
}

static enum vml_bus_result go(bool write, uint64_t offset, uint8_t size, uint64_t *value)
{
    struct vml_access a = {.offset = offset, .size = size, .write = write, .value = *value};
    enum vml_bus_result result = rig.filter.device.ops->access(&rig.filter.device, &a);

    *value = a.value;
    return result;
}

/* Every offset of every range and between them, every size. */
static void permissions_by_range(void **state)
{
    for (uint64_t offset = 0; offset < 0x28; offset++) {
        for (uint8_t size = 1; size <= 8; size = (uint8_t)(size * 2)) {
            for (unsigned write = 0; write < 2; write++) {
                uint64_t value = 0x77;
                bool allowed = false;

                for (unsigned i = 0; i < 3; i++) {
                    allowed |= offset >= ranges[i].offset &&
                               offset + size <= ranges[i].offset + ranges[i].size &&
                               (ranges[i].allow & (write ? 2u : 1u));
                }
                make(VML_ACCESS_RAZ_WI, true);
                assert_int_equal(go(write, offset, size, &value), VML_BUS_OK);
                assert_int_equal(rig.accesses, allowed);
                assert_int_equal(rig.reports, !allowed);
                if (!write) {
                    assert_int_equal(value & 0xff, allowed ? 0xa5 : 0);
                }
                make(VML_ACCESS_FAULT, true);
                assert_int_equal(go(write, offset, size, &value),
                                 allowed ? VML_BUS_OK : VML_BUS_FAULT);
                assert_int_equal(rig.accesses, allowed);
                make(VML_ACCESS_REPORT, true);
                assert_int_equal(go(write, offset, size, &value), VML_BUS_OK);
                assert_int_equal(rig.accesses, 1);
                assert_int_equal(rig.reports, !allowed);
            }
        }
    }
}

static void permissions_by_bit(void **state)
{
    uint64_t v = 0;

    make(VML_ACCESS_RAZ_WI, true);
    assert_int_equal(go(false, 0x28, 4, &v), VML_BUS_OK);
    assert_int_equal(v, 0x0000a505);
    v = 0;
    assert_int_equal(go(true, 0x2c, 4, &v), VML_BUS_OK);
    assert_memory_equal(rig.bytes + 0x2c, "\xa0\x00\xa5\xa5", 4);
    assert_int_equal(rig.reports, 1);
    v = 0x12;
    assert_int_equal(go(true, 0x29, 1, &v), VML_BUS_OK);
    assert_int_equal(rig.bytes[0x29], 0x12);
    v = 0;
    assert_int_equal(go(false, 0x28, 8, &v), VML_BUS_OK);
    assert_int_equal(v, 0x0000000000001205u);
    make(VML_ACCESS_FAULT, true);
    v = 0xa5a5a5a0; /* only permitted bits change */
    assert_int_equal(go(true, 0x28, 4, &v), VML_BUS_OK);
    v = 0;
    assert_int_equal(go(true, 0x28, 4, &v), VML_BUS_FAULT);
    assert_int_equal(rig.bytes[0x28], 0xa0);
    make(VML_ACCESS_REPORT, true);
    v = 0;
    assert_int_equal(go(true, 0x28, 4, &v), VML_BUS_OK);
    assert_int_equal(rig.bytes[0x2b], 0);
    assert_int_equal(rig.reports, 1);
    rig.result = VML_BUS_PENDING;
    assert_int_equal(go(true, 0x28, 4, &v), VML_BUS_FAULT);
    rig.result = VML_BUS_NO_DEVICE;
    assert_int_equal(go(true, 0x28, 4, &v), VML_BUS_NO_DEVICE);
}

static void without_a_device_permitted_reads_are_zero(void **state)
{
    uint64_t v = 1;

    make(VML_ACCESS_FAULT, false);
    assert_int_equal(go(false, 0, 4, &v), VML_BUS_OK);
    assert_int_equal(v, 0);
    assert_int_equal(go(true, 0x10, 4, &v), VML_BUS_OK);
    assert_int_equal(go(true, 0, 4, &v), VML_BUS_FAULT);
    rig.filter.device.ops->reset(&rig.filter.device);
    rig.filter.device.ops->shutdown(&rig.filter.device);
    rig.filter.device.ops->save(&rig.filter.device, NULL);
    assert_int_equal(rig.filter.device.ops->restore(&rig.filter.device, NULL), VML_OK);
}

static void the_rest_goes_to_the_device(void **state)
{
    make(VML_ACCESS_FAULT, true);
    rig.filter.device.ops->reset(&rig.filter.device);
    rig.filter.device.ops->shutdown(&rig.filter.device);
    rig.filter.device.ops->save(&rig.filter.device, NULL);
    assert_int_equal(rig.filter.device.ops->restore(&rig.filter.device, NULL), VML_ERR_CORRUPT);
    assert_int_equal(rig.resets + rig.shutdowns + rig.saves + rig.restores, 4);
}

static void bad_ranges_are_refused(void **state)
{
    static const struct vml_access_range bad[][2] = {
        {{.offset = 0, .size = 0}, {.offset = 8, .size = 8}},
        {{.offset = 0, .size = 9}, {.offset = 8, .size = 8}},
        {{.offset = 8, .size = 8}, {.offset = 0, .size = 8}},
        {{.offset = 0, .size = 8}, {.offset = UINT64_MAX - 3, .size = 8}},
    };

    for (unsigned i = 0; i < VML_ARRAY_SIZE(bad); i++) {
        struct vml_access_control_config config = {.ranges = bad[i], .count = 2};

        assert_int_equal(vml_access_control_init(&rig.filter, &config), VML_ERR_INVALID);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(permissions_by_range),
        cmocka_unit_test(permissions_by_bit),
        cmocka_unit_test(without_a_device_permitted_reads_are_zero),
        cmocka_unit_test(the_rest_goes_to_the_device),
        cmocka_unit_test(bad_ranges_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
