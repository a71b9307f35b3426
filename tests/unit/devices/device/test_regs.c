/* Register tables: decode, access rules of each kind, and storage. */
#include "test.h"

#include <vml/regs.h>

struct regs_state {
    uint32_t rw;
    uint32_t ro;
    uint32_t w1c;
    uint32_t w1s;
    uint32_t wo;
    uint64_t wide;
    uint8_t bytes[8];
    uint32_t array[4];
    uint32_t hooked;
    uint16_t half;
};

struct hook_call {
    uint32_t index;
    uint64_t value;
    uint64_t mask;
    uint32_t cpu;
    unsigned calls;
};

static struct hook_call last_write;
static struct vml_device the_device = {.name = "test"};

static uint64_t hook_read(struct vml_device *device, const struct vml_reg *reg, uint32_t index,
                          const struct vml_access *access)
{
    assert_ptr_equal(device, &the_device);
    assert_string_equal(reg->name, "HOOKED");
    return 0xa1b2c3d4u + index + ((uint64_t)access->cpu << 8);
}

static void hook_write(struct vml_device *device, const struct vml_reg *reg, uint32_t index,
                       uint64_t value, uint64_t mask, const struct vml_access *access)
{
    assert_ptr_equal(device, &the_device);
    last_write = (struct hook_call){index, value, mask, access->cpu, last_write.calls + 1};
}

#define AT(member) offsetof(struct regs_state, member)

static const struct vml_reg rows[] = {
    {.name = "RW",
     .offset = 0,
     .width = 4,
     .sizes = VML_SIZE_124,
     .kind = VML_REG_RW,
     .reset = 0x80000001,
     .write_mask = 0x00ffff0f,
     .state = AT(rw)},
    {.name = "RO",
     .offset = 4,
     .width = 4,
     .sizes = VML_SIZE_4,
     .kind = VML_REG_RO,
     .reset = 0x12345678,
     .write_mask = 0,
     .state = AT(ro)},
    {.name = "W1C",
     .offset = 8,
     .width = 4,
     .sizes = VML_SIZE_4,
     .kind = VML_REG_W1C,
     .write_mask = 0xff,
     .state = AT(w1c)},
    {.name = "W1S",
     .offset = 12,
     .width = 4,
     .sizes = VML_SIZE_4,
     .kind = VML_REG_W1S,
     .write_mask = 0xff,
     .state = AT(w1s)},
    {.name = "WO",
     .offset = 16,
     .width = 4,
     .sizes = VML_SIZE_4,
     .kind = VML_REG_WO,
     .write_mask = UINT32_MAX,
     .state = AT(wo)},
    {.name = "ID",
     .offset = 20,
     .width = 4,
     .sizes = VML_SIZE_4,
     .kind = VML_REG_RO,
     .reset = 0x1d,
     .state = VML_REG_NO_STATE},
    {.name = "WIDE",
     .offset = 24,
     .width = 8,
     .sizes = VML_SIZE_48,
     .kind = VML_REG_RW,
     .write_mask = UINT64_MAX,
     .state = AT(wide)},
    {.name = "BYTES",
     .offset = 32,
     .count = 8,
     .width = 1,
     .sizes = VML_SIZE_14,
     .kind = VML_REG_RW,
     .write_mask = 0xf0,
     .state = AT(bytes)},
    {.name = "ARRAY",
     .offset = 64,
     .count = 4,
     .stride = 16,
     .width = 4,
     .sizes = VML_SIZE_48,
     .kind = VML_REG_RW,
     .reset = 7,
     .write_mask = UINT32_MAX,
     .state = AT(array)},
    {.name = "HOOKED",
     .offset = 128,
     .count = 2,
     .width = 4,
     .sizes = VML_SIZE_124 | VML_SIZE_8,
     .kind = VML_REG_RW,
     .write_mask = UINT32_MAX,
     .state = VML_REG_NO_STATE,
     .read = hook_read,
     .write = hook_write},
    {.name = "RAZ",
     .offset = 136,
     .width = 4,
     .sizes = VML_SIZE_4,
     .kind = VML_REG_RAZ,
     .state = VML_REG_NO_STATE},
    {.name = "HALF",
     .offset = 140,
     .width = 2,
     .sizes = VML_SIZE_2,
     .kind = VML_REG_RW,
     .write_mask = 0xffff,
     .state = AT(half)},
};

static const struct vml_reg_table table = {
    .rows = rows, .row_count = sizeof(rows) / sizeof(rows[0]), .size = 256};

static struct regs_state regs;

/* Every test runs with and without an index; one that ends in the middle of the registers, too. */
static uint32_t slot_count;
static struct vml_reg_slot slots[VML_REG_SLOTS(256) + 8];

static int setup(void **state)
{
    slot_count = 0;
    memset(&regs, 0, sizeof(regs));
    memset(&last_write, 0, sizeof(last_write));
    vml_regs_reset(&table, &regs);
    return 0;
}

static int setup_indexed(void **state)
{
    (void)setup(state);
    slot_count = VML_ARRAY_SIZE(slots);
    return 0;
}

static int setup_partly_indexed(void **state)
{
    (void)setup(state);
    slot_count = VML_REG_SLOTS(76);
    return 0;
}

static enum vml_bus_result serve(const struct vml_reg_table *t, struct vml_access *access)
{
    struct vml_reg_index index;

    if (slot_count == 0) {
        return vml_regs_access(t, &the_device, &regs, access);
    }
    vml_regs_index(&index, t, slots, slot_count);
    return vml_regs_access_indexed(&index, &the_device, &regs, access);
}

static enum vml_bus_result put(const struct vml_reg_table *t, uint64_t offset, uint8_t size,
                               uint64_t value)
{
    struct vml_access access = {
        .offset = offset, .size = size, .value = value, .write = true, .cpu = 2};

    return serve(t, &access);
}

static enum vml_bus_result get(const struct vml_reg_table *t, uint64_t offset, uint8_t size,
                               uint64_t *value)
{
    struct vml_access access = {.offset = offset, .size = size, .value = UINT64_MAX, .cpu = 3};
    enum vml_bus_result result = serve(t, &access);

    *value = access.value;
    return result;
}

static uint64_t read_ok(uint64_t offset, uint8_t size)
{
    uint64_t value;

    assert_int_equal(get(&table, offset, size, &value), VML_BUS_OK);
    return value;
}

static void write_ok(uint64_t offset, uint8_t size, uint64_t value)
{
    assert_int_equal(put(&table, offset, size, value), VML_BUS_OK);
}

static void the_table_is_sound(void **state)
{
    uint32_t bad = 99;

    assert_int_equal(vml_regs_check(&table, &bad), VML_OK);
    assert_int_equal(bad, 99);
}

static void reset_values_are_in_the_storage(void **state)
{
    assert_int_equal(regs.rw, 0x80000001);
    assert_int_equal(regs.ro, 0x12345678);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(regs.array[i], 7);
    }
}

static void each_kind_takes_writes_as_it_says(void **state)
{
    write_ok(0, 4, UINT32_MAX);
    assert_true(read_ok(0, 4) == 0x80ffff0f);
    write_ok(0, 4, 0);
    assert_true(read_ok(0, 4) == 0x80000000);
    write_ok(4, 4, 0);
    assert_true(read_ok(4, 4) == 0x12345678);
    regs.w1c = 0xfff;
    write_ok(8, 4, 0xf05);
    assert_int_equal(regs.w1c, 0xffa);
    write_ok(12, 4, 0xf05);
    write_ok(12, 4, 0x10);
    assert_int_equal(regs.w1s, 0x15);
    write_ok(16, 4, 0xcafe);
    assert_int_equal(regs.wo, 0xcafe);
    assert_true(read_ok(16, 4) == 0);
    write_ok(20, 4, 0);
    assert_true(read_ok(20, 4) == 0x1d);
    write_ok(136, 4, UINT32_MAX);
    assert_true(read_ok(136, 4) == 0);
    write_ok(140, 2, 0xbeef);
    assert_true(read_ok(140, 2) == 0xbeef);
}

static void narrow_accesses_reach_their_bytes_only(void **state)
{
    uint64_t value;

    write_ok(1, 1, 0xab);
    assert_true(regs.rw == 0x8000ab01);
    assert_true(read_ok(1, 1) == 0xab);
    write_ok(2, 2, 0xffcd);
    assert_true(regs.rw == 0x80cdab01);
    assert_true(read_ok(2, 2) == 0x80cd);
    /* What is above the size is not written. */
    write_ok(0, 1, 0xfffffffffffff00e);
    assert_true(regs.rw == 0x80cdab0e);
    write_ok(24, 8, UINT64_C(0x1122334455667788));
    assert_true(read_ok(24, 4) == 0x55667788);
    assert_true(read_ok(28, 4) == 0x11223344);
    write_ok(28, 4, 0xaabbccdd);
    assert_true(regs.wide == UINT64_C(0xaabbccdd55667788));
    /* Sizes that the row does not have. */
    assert_int_equal(get(&table, 24, 2, &value), VML_BUS_FAULT);
    assert_int_equal(get(&table, 4, 1, &value), VML_BUS_FAULT);
    assert_int_equal(put(&table, 4, 2, 0), VML_BUS_FAULT);
}

static void wide_accesses_cover_whole_elements(void **state)
{
    uint64_t value;

    write_ok(32, 4, 0xffeeddcc);
    assert_memory_equal(regs.bytes, "\xc0\xd0\xe0\xf0\0\0\0\0", 8);
    assert_true(read_ok(32, 4) == 0xf0e0d0c0);
    assert_true(read_ok(33, 1) == 0xd0);
    assert_true(read_ok(36, 4) == 0);
    /* The elements of this one do not follow each other. */
    assert_int_equal(get(&table, 64, 8, &value), VML_BUS_FAULT);
    assert_true(read_ok(128, 8) == UINT64_C(0xa1b2c6d5a1b2c6d4));
    write_ok(128, 8, UINT64_C(0x1111111122222222));
    assert_int_equal(last_write.calls, 2);
    assert_int_equal(last_write.index, 1);
    assert_true(last_write.value == 0x11111111);
    assert_true(last_write.mask == UINT32_MAX);
}

static void arrays_with_gaps(void **state)
{
    uint64_t value;

    write_ok(64 + 48, 4, 99);
    assert_int_equal(regs.array[3], 99);
    assert_true(read_ok(64 + 16, 4) == 7);
    assert_int_equal(get(&table, 64 + 4, 4, &value), VML_BUS_FAULT);
    assert_int_equal(get(&table, 64 + 64, 4, &value), VML_BUS_OK); /* the next row */
    assert_int_equal(get(&table, 64 + 52, 4, &value), VML_BUS_FAULT);
}

static void hooks_see_value_and_mask_in_place(void **state)
{
    write_ok(134, 2, 0xffff1234);
    assert_int_equal(last_write.index, 1);
    assert_true(last_write.value == 0x12340000);
    assert_true(last_write.mask == 0xffff0000);
    assert_int_equal(last_write.cpu, 2);
    assert_true(read_ok(129, 1) == 0xc6); /* 0xa1b2c3d4 + cpu 3 << 8 */
}

static void offsets_without_a_register(void **state)
{
    struct vml_reg_table lenient = table;
    uint64_t value;

    lenient.unknown_raz_wi = true;
    assert_int_equal(get(&table, 48, 4, &value), VML_BUS_FAULT);
    assert_int_equal(put(&table, 200, 4, 1), VML_BUS_FAULT);
    assert_int_equal(get(&lenient, 48, 4, &value), VML_BUS_OK);
    assert_true(value == 0);
    assert_int_equal(put(&lenient, 200, 4, 1), VML_BUS_OK);
    assert_int_equal(get(&lenient, 252, 4, &value), VML_BUS_OK);
    assert_int_equal(get(&lenient, 255, 1, &value), VML_BUS_OK);
    /* Wholly in a hole of an array. */
    assert_int_equal(get(&lenient, 68, 4, &value), VML_BUS_OK);
    assert_int_equal(get(&lenient, 72, 8, &value), VML_BUS_OK);
}

static void accesses_that_no_table_serves(void **state)
{
    uint64_t value;

    assert_int_equal(get(&table, 1, 4, &value), VML_BUS_FAULT);
    assert_int_equal(get(&table, 2, 4, &value), VML_BUS_FAULT);
    assert_int_equal(get(&table, 0, 3, &value), VML_BUS_FAULT);
    assert_int_equal(get(&table, 0, 0, &value), VML_BUS_FAULT);
    assert_int_equal(get(&table, 0, 16, &value), VML_BUS_FAULT);
    assert_int_equal(get(&table, 256, 4, &value), VML_BUS_FAULT);
    assert_int_equal(get(&table, UINT64_MAX, 1, &value), VML_BUS_FAULT);
    assert_int_equal(get(&table, UINT64_MAX - 7, 8, &value), VML_BUS_FAULT);
    assert_int_equal(put(&table, UINT64_C(1) << 32, 4, 0), VML_BUS_FAULT);
    /* A faulting read leaves the value alone. */
    assert_true(value == UINT64_MAX);
}

static void find_names_row_and_element(void **state)
{
    uint32_t index = 77;
    struct vml_reg_table empty = {.size = 16};

    assert_ptr_equal(vml_regs_find(&table, 64 + 33, &index), &rows[8]);
    assert_int_equal(index, 2);
    assert_null(vml_regs_find(&table, 64 + 36, &index));
    assert_null(vml_regs_find(&table, 200, &index));
    assert_null(vml_regs_find(&empty, 0, &index));
}

/* Every size at every offset, read and written, is as without the index. */
static void an_index_changes_nothing(void **state)
{
    struct vml_reg_table lenient = table;

    for (unsigned i = 0; i < 4u * 264 * 9; i++) {
        struct vml_access access = {.offset = i / 4 % 264,
                                    .size = (uint8_t)(i / 4 / 264),
                                    .write = (i & 1) != 0,
                                    .value = UINT64_C(0x9e3779b97f4a7c15) * (i + 1),
                                    .cpu = 1};
        struct vml_access again = access;
        struct regs_state before = regs;
        struct regs_state without;
        enum vml_bus_result result;

        lenient.unknown_raz_wi = (i & 2) != 0;
        memset(&last_write, 0, sizeof(last_write));
        result = vml_regs_access(&lenient, &the_device, &regs, &access);
        without = regs;
        regs = before;
        slot_count = i % 3 == 0 ? 19 : VML_ARRAY_SIZE(slots);
        assert_int_equal(serve(&lenient, &again), result);
        assert_memory_equal(&regs, &without, sizeof(regs));
        assert_true(again.value == access.value);
        assert_true(last_write.calls % 2 == 0);
    }
}

/* What has a number too large for a slot is searched. */
static void rows_beyond_the_index(void **state)
{
    static struct vml_reg many[300];
    static uint32_t values[300];
    static struct vml_reg_slot room[300];
    const struct vml_reg_table large = {.rows = many, .row_count = 300, .size = 1200};
    struct vml_reg_index index;

    for (uint32_t i = 0; i < 300; i++) {
        many[i] = (struct vml_reg){
            .name = "R", .offset = 4 * i, .width = 4, .sizes = VML_SIZE_4, .state = 4 * i};
        values[i] = i + 1;
    }
    vml_regs_index(&index, &large, room, 300);
    for (uint32_t i = 0; i < 300; i++) {
        struct vml_access access = {.offset = 4 * i, .size = 4};

        assert_int_equal(vml_regs_access_indexed(&index, &the_device, values, &access), VML_BUS_OK);
        assert_true(access.value == i + 1);
    }
}

/* A device may have no storage at all; a sanitizer sees arithmetic on its pointer. */
static void without_storage(void **state)
{
    static const struct vml_reg ids[] = {{.name = "ID",
                                          .offset = 0,
                                          .width = 4,
                                          .sizes = VML_SIZE_4,
                                          .kind = VML_REG_RO,
                                          .reset = 0x1d,
                                          .state = VML_REG_NO_STATE}};
    const struct vml_reg_table constants = {.rows = ids, .row_count = 1, .size = 8};
    struct vml_access access = {.size = 4};
    struct vml_reg_slot room[2];
    struct vml_reg_index index;

    vml_regs_index(&index, &constants, room, 2);
    assert_int_equal(vml_regs_access_indexed(&index, &the_device, NULL, &access), VML_BUS_OK);
    assert_int_equal(access.value, 0x1d);
}

static void saved_storage_comes_back(void **state)
{
    uint8_t image[128];
    struct vml_state_writer w;
    struct vml_state_reader r;
    struct regs_state before;
    struct regs_state after;

    write_ok(0, 4, 0x00123401);
    write_ok(24, 8, UINT64_C(0x1122334455667788));
    write_ok(64 + 32, 4, 5);
    write_ok(140, 2, 0xbeef);
    write_ok(35, 1, 0xff);
    before = regs;
    vml_state_writer_init(&w, image, sizeof(image));
    vml_regs_save(&table, &regs, &w);
    assert_int_equal(vml_state_write_status(&w), VML_OK);
    memset(&after, 0, sizeof(after));
    vml_state_reader_init(&r, image, w.used);
    vml_regs_restore(&table, &after, &r);
    assert_int_equal(vml_state_read_status(&r), VML_OK);
    assert_memory_equal(&after, &before, sizeof(after));
    for (size_t size = 0; size < w.used; size++) {
        vml_state_reader_init(&r, image, size);
        vml_regs_restore(&table, &after, &r);
        assert_int_equal(vml_state_read_status(&r), VML_ERR_CORRUPT);
    }
    /* Bit 4 of RW can neither be written nor is it set at reset. */
    image[0] |= 0x10;
    vml_state_reader_init(&r, image, w.used);
    vml_regs_restore(&table, &after, &r);
    assert_int_equal(vml_state_read_status(&r), VML_ERR_CORRUPT);
}

static void bad_tables_are_found(void **state)
{
    struct vml_reg copy[2] = {rows[0], rows[1]};
    struct vml_reg_table bad_table = {.rows = copy, .row_count = 2, .size = 256};
    uint32_t bad;

#define BAD(member, value)                                                                         \
    do {                                                                                           \
        copy[1] = rows[1];                                                                         \
        copy[1].member = (value);                                                                  \
        bad = 99;                                                                                  \
        assert_int_equal(vml_regs_check(&bad_table, &bad), VML_ERR_INVALID);                       \
        assert_int_equal(bad, 1);                                                                  \
    } while (0)
    BAD(offset, 0);
    BAD(offset, 3);
    BAD(offset, 253);
    BAD(name, NULL);
    BAD(width, 3);
    BAD(width, 0);
    BAD(sizes, 0);
    BAD(sizes, 16);
    BAD(stride, 2);
    BAD(count, 100);
    BAD(count, UINT32_MAX);
    BAD(kind, (enum vml_reg_kind)9);
    BAD(reset, UINT64_C(1) << 32);
    BAD(write_mask, UINT64_C(1) << 32);
    copy[1] = rows[1];
    assert_int_equal(vml_regs_check(&bad_table, &bad), VML_OK);
}

#define EACH_WAY(test)                                                                             \
    cmocka_unit_test_setup(test, setup), cmocka_unit_test_setup(test, setup_indexed),              \
        cmocka_unit_test_setup(test, setup_partly_indexed)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(the_table_is_sound, setup),
        cmocka_unit_test_setup(reset_values_are_in_the_storage, setup),
        EACH_WAY(each_kind_takes_writes_as_it_says),
        EACH_WAY(narrow_accesses_reach_their_bytes_only),
        EACH_WAY(wide_accesses_cover_whole_elements),
        EACH_WAY(arrays_with_gaps),
        EACH_WAY(hooks_see_value_and_mask_in_place),
        EACH_WAY(offsets_without_a_register),
        EACH_WAY(accesses_that_no_table_serves),
        cmocka_unit_test_setup(an_index_changes_nothing, setup),
        cmocka_unit_test_setup(rows_beyond_the_index, setup),
        cmocka_unit_test_setup(without_storage, setup),
        cmocka_unit_test_setup(find_names_row_and_element, setup),
        cmocka_unit_test_setup(saved_storage_comes_back, setup),
        cmocka_unit_test_setup(bad_tables_are_found, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
