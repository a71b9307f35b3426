/* The ITS's tables as Linux KVM's ITS has them: arm-vgic-its.rst, "ITS Table ABI REV0". */
#include "its_rig.h"

enum { SECOND_LEVEL = RAM + 0x300000, ITT_SIZE = 0x1000 };

/* As its_up(), with the only page size that KVM's ITS has. */
static void up(struct its_rig *t)
{
    its_up(t, 4);
    gits_write(t, GITS_CTLR, 4, 0);
    gits_write(t, BASER, 8, VALID | DEVICES | 2 << 8);
    gits_write(t, BASER + 8, 8, VALID | COLLECTIONS | 2 << 8);
    gits_write(t, GITS_CTLR, 4, 1);
}

static uint64_t get64(struct its_rig *t, uint64_t address)
{
    return vml_load_le64(ram(t, address));
}

static uint64_t itt_of(uint32_t n)
{
    return ITTS + (uint64_t)n * ITT_SIZE;
}

static uint64_t device_entry(uint32_t next, uint64_t itt, uint32_t bits)
{
    return VALID | (uint64_t)next << 49 | itt >> 8 << 5 | (bits - 1);
}

static uint64_t event_entry(uint32_t next, uint32_t intid, uint32_t icid)
{
    return (uint64_t)next << 48 | (uint64_t)intid << 16 | icid;
}

static uint64_t collection_entry(uint64_t cpu, uint32_t icid)
{
    return VALID | cpu << 16 | icid;
}

/* Where a message goes: the LPI and the vCPU. */
static void assert_goes(struct its_rig *t, uint32_t device, uint32_t event, uint32_t cpu,
                        uint32_t lpi)
{
    assert_int_equal(vml_its_msi(&t->its, device, event), VML_OK);
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(take(t, i), i == cpu ? lpi : 1023);
    }
}

static void test_to_kvm(void **state)
{
    struct its_rig t;

    (void)state;
    up(&t);
    q_mapd(&t, 0, itt_of(0), 1, true);
    q_mapd(&t, 5, itt_of(1), 5, true);
    q_mapd(&t, 8000, itt_of(2), 16, true);
    q_mapti(&t, 0, 1, LPI + 1, 0);
    q_mapti(&t, 5, 0, LPI + 2, 3);
    q_mapti(&t, 5, 31, LPI + 3, 9); /* no such collection yet */
    submit(&t);
    assert_int_equal(vml_its_tables_to_kvm(&t.its), VML_OK);
    assert_true(get64(&t, DEVICES) == device_entry(5, itt_of(0), 1));
    assert_true(get64(&t, DEVICES + 8 * 5) == device_entry(7995, itt_of(1), 5));
    assert_true(get64(&t, DEVICES + 8 * 8000) == device_entry(0, itt_of(2), 16));
    assert_true(get64(&t, itt_of(0)) == 0);
    assert_true(get64(&t, itt_of(0) + 8) == event_entry(0, LPI + 1, 0));
    assert_true(get64(&t, itt_of(1)) == event_entry(31, LPI + 2, 3));
    assert_true(get64(&t, itt_of(1) + 8 * 31) == event_entry(0, LPI + 3, 9));
    for (uint32_t i = 0; i < 4; i++) {
        assert_true(get64(&t, COLLECTIONS + 8 * i) == collection_entry(i, i));
    }
    /* KVM knows a collection that is not mapped by a processor number of all ones. */
    assert_true(get64(&t, COLLECTIONS + 8 * 4) == collection_entry(0xffffffff, 9));
    assert_true(get64(&t, COLLECTIONS + 8 * 5) == 0);
    assert_true(get64(&t, COLLECTIONS + 8 * 9) == 0);
    its_rig_free(&t);
}

static void test_there_and_back(void **state)
{
    struct its_rig t;

    (void)state;
    up(&t);
    q_mapd(&t, 7, itt_of(0), 5, true);
    q_mapd(&t, 8, itt_of(1), 5, true);
    for (uint32_t n = 0; n < 32; n += 3) {
        q_mapti(&t, 7, n, LPI + n, n % 4);
    }
    q_mapti(&t, 8, 4, LPI + 100, 2);
    q_mapti(&t, 8, 5, LPI + 101, 200);
    submit(&t);
    assert_goes(&t, 7, 9, 1, LPI + 9); /* is in the cache now */
    assert_int_equal(vml_its_tables_to_kvm(&t.its), VML_OK);
    assert_int_equal(vml_its_tables_from_kvm(&t.its), VML_OK);
    for (uint32_t n = 0; n < 32; n++) {
        if (n % 3 == 0) {
            assert_goes(&t, 7, n, n % 4, LPI + n);
        } else {
            assert_int_equal(vml_its_msi(&t.its, 7, n), VML_ERR_NOT_FOUND);
        }
    }
    assert_goes(&t, 8, 4, 2, LPI + 100);
    assert_int_equal(vml_its_msi(&t.its, 8, 5), VML_ERR_NOT_FOUND);
    assert_int_equal(vml_its_msi(&t.its, 9, 0), VML_ERR_NOT_FOUND);
    /* The collection that the event waits for. */
    q_mapc(&t, 200, 1, true);
    submit(&t);
    assert_goes(&t, 8, 5, 1, LPI + 101);
    its_rig_free(&t);
}

/* The list of collections is in any order, and ends with an entry that is not valid. */
static void test_collections_from_kvm(void **state)
{
    struct its_rig t;

    (void)state;
    up(&t);
    put64(&t, COLLECTIONS, collection_entry(3, 2));
    put64(&t, COLLECTIONS + 8, collection_entry(2, 0));
    put64(&t, COLLECTIONS + 16, collection_entry(1, 4000));
    put64(&t, COLLECTIONS + 24, collection_entry(0, 3));
    put64(&t, COLLECTIONS + 32, collection_entry(0xffffffff, 1));
    put64(&t, COLLECTIONS + 40, collection_entry(64, 6)); /* no such processor */
    put64(&t, COLLECTIONS + 48, 0);
    put64(&t, COLLECTIONS + 56, collection_entry(1, 7)); /* behind the end */
    assert_int_equal(vml_its_tables_from_kvm(&t.its), VML_OK);
    assert_true(get64(&t, COLLECTIONS) == (VALID | 2));
    assert_true(get64(&t, COLLECTIONS + 8) == 0);
    assert_true(get64(&t, COLLECTIONS + 16) == (VALID | 3));
    assert_true(get64(&t, COLLECTIONS + 24) == (VALID | 0));
    for (uint32_t i = 4; i < 8; i++) {
        assert_true(get64(&t, COLLECTIONS + 8 * i) == 0);
    }
    assert_true(get64(&t, COLLECTIONS + 8 * 4000) == (VALID | 1));
    its_rig_free(&t);
}

/* Until the first entry that is valid each counts; from there only what `next` leads to: kernels before
 * Linux 6.13 leave behind what was unmapped. */
static void test_stale_entries(void **state)
{
    struct its_rig t;

    (void)state;
    up(&t);
    put64(&t, DEVICES + 8 * 2, device_entry(3, itt_of(0), 3));
    put64(&t, DEVICES + 8 * 3, device_entry(1, itt_of(1), 3)); /* passed over */
    put64(&t, DEVICES + 8 * 5, device_entry(0, itt_of(2), 3));
    put64(&t, DEVICES + 8 * 6, device_entry(0, itt_of(3), 3)); /* behind the last */
    put64(&t, itt_of(0) + 8, event_entry(2, LPI, 0));
    put64(&t, itt_of(0) + 16, event_entry(0xffff, LPI + 1, 0)); /* passed over */
    put64(&t, itt_of(0) + 24, event_entry(0, LPI + 2, 0));
    put64(&t, itt_of(0) + 32, event_entry(0xffff, LPI + 3, 0));
    put64(&t, itt_of(1), event_entry(0, LPI + 4, 0));
    put64(&t, itt_of(2), event_entry(0, LPI + 5, 0));
    put64(&t, COLLECTIONS, collection_entry(0, 0));
    put64(&t, COLLECTIONS + 8, 0);
    assert_int_equal(vml_its_tables_from_kvm(&t.its), VML_OK);
    assert_goes(&t, 2, 1, 0, LPI);
    assert_goes(&t, 2, 3, 0, LPI + 2);
    assert_goes(&t, 5, 0, 0, LPI + 5);
    assert_int_equal(vml_its_msi(&t.its, 2, 2), VML_ERR_NOT_FOUND);
    assert_int_equal(vml_its_msi(&t.its, 2, 4), VML_ERR_NOT_FOUND);
    assert_int_equal(vml_its_msi(&t.its, 3, 0), VML_ERR_NOT_FOUND);
    assert_int_equal(vml_its_msi(&t.its, 6, 0), VML_ERR_NOT_FOUND);
    assert_true(get64(&t, DEVICES + 8 * 3) == 0);
    assert_true(get64(&t, DEVICES + 8 * 6) == 0);
    assert_true(get64(&t, itt_of(0) + 16) == 0);
    its_rig_free(&t);
}

/* A device table in two levels; a step that `next` cannot hold: the way is gone one by one from there. */
static void test_two_levels(void **state)
{
    struct its_rig t;

    (void)state;
    up(&t);
    gits_write(&t, GITS_CTLR, 4, 0);
    gits_write(&t, BASER, 8, VALID | 1ull << 62 | DEVICES | 2 << 8);
    gits_write(&t, GITS_CTLR, 4, 1);
    put64(&t, DEVICES, VALID | SECOND_LEVEL);
    put64(&t, DEVICES + 8 * 2, VALID | (SECOND_LEVEL + 0x10000));
    put64(&t, DEVICES + 8 * 7, VALID | (SECOND_LEVEL + 0x20000));
    q_mapd(&t, 1, itt_of(0), 1, true);
    q_mapd(&t, 2 * 8192 + 5, itt_of(1), 1, true);
    q_mapd(&t, 65535, itt_of(2), 1, true);
    q_mapti(&t, 1, 0, LPI, 0);
    q_mapti(&t, 2 * 8192 + 5, 1, LPI + 1, 1);
    q_mapti(&t, 65535, 1, LPI + 2, 2);
    submit(&t);
    assert_int_equal(vml_its_tables_to_kvm(&t.its), VML_OK);
    assert_true(get64(&t, SECOND_LEVEL + 8) == device_entry(0x3fff, itt_of(0), 1));
    assert_true(get64(&t, SECOND_LEVEL + 0x10000 + 8 * 5) == device_entry(0x3fff, itt_of(1), 1));
    assert_true(get64(&t, SECOND_LEVEL + 0x2fff8) == device_entry(0, itt_of(2), 1));
    assert_int_equal(vml_its_tables_from_kvm(&t.its), VML_OK);
    assert_goes(&t, 1, 0, 0, LPI);
    assert_goes(&t, 2 * 8192 + 5, 1, 1, LPI + 1);
    assert_goes(&t, 65535, 1, 2, LPI + 2);
    its_rig_free(&t);
}

static void test_what_kvm_has_not(void **state)
{
    struct its_rig t;
    struct vml_its_registers good, r;

    (void)state;
    its_up(&t, 1);
    put64(&t, DEVICES, VALID | ITTS);
    assert_int_equal(vml_its_tables_to_kvm(&t.its), VML_ERR_UNSUPPORTED); /* pages of 4 KiB */
    assert_true(get64(&t, DEVICES) == (VALID | ITTS));
    its_rig_free(&t);
    up(&t);
    vml_its_get_registers(&t.its, &good);
    r = good;
    r.baser[1] |= 1ull << 62; /* collections in two levels */
    vml_its_set_registers(&t.its, &r);
    assert_int_equal(vml_its_tables_to_kvm(&t.its), VML_ERR_UNSUPPORTED);
    r = good;
    r.cbaser = VALID | (QUEUE + 0x1000);
    vml_its_set_registers(&t.its, &r);
    assert_int_equal(vml_its_tables_to_kvm(&t.its), VML_ERR_UNSUPPORTED);
    vml_its_set_registers(&t.its, &good);
    assert_int_equal(vml_its_tables_to_kvm(&t.its), VML_OK);
    its_rig_free(&t);
}

/* Tables that are not memory; nonsense that a guest can write. */
static void test_bad_tables(void **state)
{
    struct its_rig t;
    struct vml_its_registers r = {.baser = {VALID | NOWHERE | 2 << 8, 0}};

    (void)state;
    up(&t);
    vml_its_set_registers(&t.its, &r);
    assert_int_equal(vml_its_tables_to_kvm(&t.its), VML_ERR_RANGE);
    assert_int_equal(vml_its_tables_from_kvm(&t.its), VML_ERR_RANGE);
    r = (struct vml_its_registers){.baser = {0, VALID | NOWHERE | 2 << 8}};
    vml_its_set_registers(&t.its, &r);
    assert_int_equal(vml_its_tables_to_kvm(&t.its), VML_ERR_RANGE);
    assert_int_equal(vml_its_tables_from_kvm(&t.its), VML_ERR_RANGE);
    r = (struct vml_its_registers){
        .baser = {VALID | DEVICES | 2 << 8, VALID | COLLECTIONS | 2 << 8}};
    vml_its_set_registers(&t.its, &r);
    put64(&t, DEVICES, VALID | NOWHERE | 3);   /* a device without a table */
    put64(&t, DEVICES + 8, VALID | ITTS | 31); /* too many EventIDs */
    put64(&t, DEVICES + 16, VALID | itt_of(1) | 3);
    put64(&t, itt_of(1), VALID | (uint64_t)(LPI + 60000) << 16);    /* no such LPI */
    put64(&t, itt_of(1) + 8, VALID | (uint64_t)LPI << 16 | 0xffff); /* no such collection */
    put64(&t, itt_of(1) + 16, VALID | (uint64_t)LPI << 16);
    assert_int_equal(vml_its_tables_to_kvm(&t.its), VML_OK);
    assert_true(get64(&t, DEVICES) == 0);
    assert_true(get64(&t, DEVICES + 8) == 0);
    assert_true(get64(&t, itt_of(1)) == 0);
    assert_true(get64(&t, itt_of(1) + 8) == 0);
    assert_true(get64(&t, itt_of(1) + 16) == event_entry(0, LPI, 0));
    put64(&t, DEVICES, device_entry(1, NOWHERE, 3));
    put64(&t, DEVICES + 8, device_entry(1, ITTS, 32));
    put64(&t, COLLECTIONS, collection_entry(1, 0xffff));
    assert_int_equal(vml_its_tables_from_kvm(&t.its), VML_OK);
    assert_true(get64(&t, DEVICES) == (VALID | NOWHERE | 2));
    assert_true(get64(&t, DEVICES + 8) == 0);
    assert_true(get64(&t, COLLECTIONS) == 0);
    /* Unknown LPIs were unknown to no kernel: that is said. */
    put64(&t, DEVICES, device_entry(0, itt_of(2), 3));
    put64(&t, itt_of(2), event_entry(0, LPI + 8192, 0));
    assert_int_equal(vml_its_tables_from_kvm(&t.its), VML_ERR_UNSUPPORTED);
    its_rig_free(&t);
}

/* Each device can name 65536 events, in the same memory: there is an end to it. */
static void test_too_many_events(void **state)
{
    struct its_rig t;

    (void)state;
    up(&t);
    for (uint32_t id = 0; id < 65; id++) {
        put64(&t, DEVICES + 8 * id, VALID | ITTS | 15);
    }
    assert_int_equal(vml_its_tables_to_kvm(&t.its), VML_ERR_RANGE);
    for (uint32_t id = 0; id < 65; id++) {
        put64(&t, DEVICES + 8 * id, device_entry(1, ITTS, 16));
    }
    assert_int_equal(vml_its_tables_from_kvm(&t.its), VML_ERR_RANGE);
    its_rig_free(&t);
}

/* Registers keep what they have bits for, and no command runs. */
static void test_registers(void **state)
{
    struct its_rig t;
    struct vml_its_registers all = {
        true, UINT64_MAX, UINT64_MAX, UINT64_MAX, {UINT64_MAX, UINT64_MAX}};
    struct vml_its_registers r;

    (void)state;
    up(&t);
    vml_its_set_registers(&t.its, &all);
    vml_its_get_registers(&t.its, &r);
    assert_true(r.enabled);
    assert_int_equal(r.cwriter, 0xfffe0);
    assert_int_equal(r.creadr, 0xfffe1);
    assert_true(r.cbaser == 0xb8effffffffffcff);
    assert_true(r.baser[0] == 0xf8e0ffffffffffff);
    assert_true(r.baser[1] == 0xf8e0ffffffffffff);
    its_rig_free(&t);
}

/* What vml_gic_levels() and vml_gic_latched() tell apart. */
static void test_levels_and_latches(void **state)
{
    struct its_rig t;
    struct vml_gic *gic;

    (void)state;
    its_rig_make(&t, 2, 64);
    gic = &t.r.gic;
    vml_gic_set_level(gic, 27, 1, true);
    vml_gic_set_level(gic, 40, 0, true);
    vml_gic_set_pending(gic, 41, 0);
    vml_gic_set_pending(gic, 3, 1);
    assert_int_equal(vml_gic_levels(gic, 0, 0), 0);
    assert_int_equal(vml_gic_levels(gic, 0, 1), 1 << 27);
    assert_int_equal(vml_gic_levels(gic, 32, 0), 1 << 8);
    assert_int_equal(vml_gic_latched(gic, 0, 1), 1 << 3);
    assert_int_equal(vml_gic_latched(gic, 32, 0), 1 << 9);
    assert_int_equal(vml_gic_latched(gic, 0, 0), 0);
    assert_int_equal(vml_gic_levels(gic, 96, 0), 0); /* the first that is not implemented */
    assert_int_equal(vml_gic_latched(gic, 0, 2), 0);
    its_rig_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_to_kvm),
        cmocka_unit_test(test_there_and_back),
        cmocka_unit_test(test_collections_from_kvm),
        cmocka_unit_test(test_stale_entries),
        cmocka_unit_test(test_two_levels),
        cmocka_unit_test(test_what_kvm_has_not),
        cmocka_unit_test(test_bad_tables),
        cmocka_unit_test(test_too_many_events),
        cmocka_unit_test(test_registers),
        cmocka_unit_test(test_levels_and_latches),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
