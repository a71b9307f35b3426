/* The guest's physical address space. */
#include "test.h"

#include <vml/simple_as.h>

#define PAGE VML_AS_PAGE_SIZE

/* Two adjacent RAM regions that are also adjacent in the host, ROM after them, and RAM at the very end. */
static uint8_t host[6 * PAGE];
static uint8_t top_host[PAGE];
static _Atomic uint64_t dirty_a[1];
static _Atomic uint64_t dirty_b[1];
static uint64_t storage[VML_AS_STORAGE(4) / 8 + 1];
static struct vml_as as;
static const struct vml_as_region a = {"a", 0x40000000, 2 * PAGE, host, 0, dirty_a};
static const struct vml_as_region b = {"b", 0x40002000, 2 * PAGE, host + 2 * PAGE, 0, dirty_b};
static const struct vml_as_region rom = {"rom",           0x40004000,      PAGE,
                                         host + 5 * PAGE, VML_AS_READONLY, NULL};
static const struct vml_as_region top = {"top", UINT64_MAX - PAGE + 1, PAGE, top_host, 0, NULL};

static int setup(void **state)
{
    for (size_t i = 0; i < sizeof(host); i++) {
        host[i] = (uint8_t)(i / PAGE * 16 + i % 13);
    }
    dirty_a[0] = 0;
    dirty_b[0] = 0;
    assert_int_equal(vml_as_init(&as, storage, 4), VML_OK);
    assert_int_equal(vml_as_add(&as, &rom), VML_OK);
    assert_int_equal(vml_as_add(&as, &a), VML_OK);
    assert_int_equal(vml_as_add(&as, &top), VML_OK);
    assert_int_equal(vml_as_add(&as, &b), VML_OK);
    return 0;
}

static void initialisation_checks_its_storage(void **state)
{
    struct vml_as other;

    assert_int_equal(vml_as_init(&other, NULL, 4), VML_ERR_INVALID);
    assert_int_equal(vml_as_init(&other, storage, 0), VML_ERR_INVALID);
    assert_int_equal(vml_as_init(&other, (uint8_t *)storage + 4, 1), VML_ERR_INVALID);
}

static void regions_are_checked(void **state)
{
    struct vml_as_region r = {"r", 0x1000, PAGE, host, 0, NULL};
    struct vml_as_region first = {"first", 0, PAGE, host, 0, NULL};
    struct vml_as other;
    uint64_t space[VML_AS_STORAGE(2) / 8 + 1];

    assert_int_equal(vml_as_init(&other, space, 2), VML_OK);
#define REFUSED(member, value, expected)                                                           \
    do {                                                                                           \
        struct vml_as_region bad = r;                                                              \
        bad.member = (value);                                                                      \
        assert_int_equal(vml_as_add(&other, &bad), expected);                                      \
    } while (0)
    REFUSED(base, 0x1001, VML_ERR_INVALID);
    REFUSED(size, 0, VML_ERR_INVALID);
    REFUSED(size, 100, VML_ERR_INVALID);
    REFUSED(host, NULL, VML_ERR_INVALID);
    REFUSED(flags, 2, VML_ERR_INVALID);
    r.base = 0x2000;
    REFUSED(size, UINT64_MAX - PAGE + 1, VML_ERR_RANGE);
    r.base = 0x1000;
    assert_int_equal(vml_as_add(&other, &r), VML_OK);
    assert_int_equal(vml_as_add(&other, &r), VML_ERR_OVERLAP);
    assert_int_equal(vml_as_add(&other, &first), VML_OK);
    REFUSED(base, 0x8000, VML_ERR_NO_SPACE);
}

static void overlaps_are_refused_from_every_side(void **state)
{
    struct vml_as_region r = {"r", 0, PAGE, host, 0, NULL};
    uint64_t space[VML_AS_STORAGE(3) / 8 + 1];
    struct vml_as other;
    struct vml_as_region middle = {"m", 0x4000, 4 * PAGE, host, 0, NULL};

    assert_int_equal(vml_as_init(&other, space, 3), VML_OK);
    assert_int_equal(vml_as_add(&other, &middle), VML_OK);
    r.base = 0x7000;
    assert_int_equal(vml_as_add(&other, &r), VML_ERR_OVERLAP);
    r.base = 0x3000;
    r.size = 2 * PAGE;
    assert_int_equal(vml_as_add(&other, &r), VML_ERR_OVERLAP);
    r.size = 6 * PAGE;
    assert_int_equal(vml_as_add(&other, &r), VML_ERR_OVERLAP);
    r.size = PAGE;
    assert_int_equal(vml_as_add(&other, &r), VML_OK);
}

static void next_goes_through_all_regions(void **state)
{
    assert_ptr_equal(vml_as_next(&as, 0), &a);
    assert_ptr_equal(vml_as_next(&as, 0x40001fff), &a);
    assert_ptr_equal(vml_as_next(&as, 0x40002000), &b);
    assert_ptr_equal(vml_as_next(&as, 0x40004000), &rom);
    assert_ptr_equal(vml_as_next(&as, 0x40005000), &top);
    assert_ptr_equal(vml_as_next(&as, UINT64_MAX), &top);
    assert_int_equal(vml_as_remove(&as, &top), VML_OK);
    assert_null(vml_as_next(&as, 0x40005000));
}

static void find_knows_the_edges(void **state)
{
    assert_null(vml_as_find(&as, 0));
    assert_null(vml_as_find(&as, 0x3fffffff));
    assert_ptr_equal(vml_as_find(&as, 0x40000000), &a);
    assert_ptr_equal(vml_as_find(&as, 0x40001fff), &a);
    assert_ptr_equal(vml_as_find(&as, 0x40002000), &b);
    assert_ptr_equal(vml_as_find(&as, 0x40004fff), &rom);
    assert_null(vml_as_find(&as, 0x40005000));
    assert_ptr_equal(vml_as_find(&as, UINT64_MAX), &top);
}

static void translation_stays_inside_one_region(void **state)
{
    assert_ptr_equal(vml_as_translate(&as, 0x40000010, 16, VML_AS_READ), host + 16);
    assert_ptr_equal(vml_as_translate(&as, 0x40001fff, 1, VML_AS_WRITE), host + 2 * PAGE - 1);
    assert_null(vml_as_translate(&as, 0x40001fff, 2, VML_AS_READ));
    assert_null(vml_as_translate(&as, 0x40000000, 0, VML_AS_READ));
    assert_null(vml_as_translate(&as, 0x40000000, UINT64_MAX, VML_AS_READ));
    assert_null(vml_as_translate(&as, 0x50000000, 1, VML_AS_READ));
    assert_ptr_equal(vml_as_translate(&as, UINT64_MAX, 1, VML_AS_WRITE), top_host + PAGE - 1);
    assert_null(vml_as_translate(&as, UINT64_MAX, 2, VML_AS_READ));
    assert_ptr_equal(vml_as_translate(&as, 0x40004000, 4, VML_AS_READ), host + 5 * PAGE);
    assert_null(vml_as_translate(&as, 0x40004000, 4, VML_AS_WRITE));
}

/* With a cache it is the same, whatever was looked up before. */
static void a_cache_changes_no_translation(void **state)
{
    static const uint64_t gpas[] = {0,          0x3fffffff, 0x40000000, 0x40001fff, 0x40002000,
                                    0x40003ffe, 0x40004000, 0x40004fff, 0x40005000, UINT64_MAX};
    static const uint64_t lens[] = {0, 1, 2, 16, PAGE, 2 * PAGE, UINT64_MAX};
    static const uint64_t warm[] = {0x40000000, 0x40002000, 0x40004000, UINT64_MAX, 0x50000000};

    for (unsigned w = 0; w < VML_ARRAY_SIZE(warm); w++) {
        for (unsigned i = 0; i < VML_ARRAY_SIZE(gpas) * VML_ARRAY_SIZE(lens) * 2; i++) {
            enum vml_as_access access = i & 1 ? VML_AS_WRITE : VML_AS_READ;
            uint64_t gpa = gpas[i / 2 % VML_ARRAY_SIZE(gpas)];
            uint64_t len = lens[i / 2 / VML_ARRAY_SIZE(gpas)];
            void *plain = vml_as_translate(&as, gpa, len, access);
            struct vml_as_cache cache = {0};

            (void)vml_as_translate_cached(&as, &cache, warm[w], 1, VML_AS_READ);
            assert_ptr_equal(vml_as_translate_cached(&as, &cache, gpa, len, access), plain);
            assert_ptr_equal(vml_as_translate_cached(&as, &cache, gpa, len, access), plain);
        }
    }
}

static void a_cache_sees_changes_of_the_map(void **state)
{
    static uint8_t elsewhere[2 * PAGE];
    const struct vml_as_region moved = {"moved", 0x40000000, 2 * PAGE, elsewhere, 0, NULL};
    struct vml_as_cache cache = {0};

    assert_ptr_equal(vml_as_translate_cached(&as, &cache, 0x40000008, 8, VML_AS_READ), host + 8);
    assert_int_equal(vml_as_remove(&as, &a), VML_OK);
    assert_null(vml_as_translate_cached(&as, &cache, 0x40000008, 8, VML_AS_READ));
    assert_int_equal(vml_as_add(&as, &moved), VML_OK);
    assert_ptr_equal(vml_as_translate_cached(&as, &cache, 0x40000008, 8, VML_AS_WRITE),
                     elsewhere + 8);
}

static void spans_join_what_is_adjacent_on_both_sides(void **state)
{
    uint64_t len = 3 * PAGE;

    assert_ptr_equal(vml_as_span(&as, 0x40000000, &len, VML_AS_READ), host);
    assert_true(len == 3 * PAGE);
    len = UINT64_MAX;
    assert_ptr_equal(vml_as_span(&as, 0x40001000, &len, VML_AS_READ), host + PAGE);
    assert_true(len == 3 * PAGE); /* the ROM is elsewhere in the host */
    len = 8;
    assert_null(vml_as_span(&as, 0x40004000, &len, VML_AS_WRITE));
    assert_true(len == 0);
    len = 0;
    assert_null(vml_as_span(&as, 0x40000000, &len, VML_AS_READ));
    len = 8;
    assert_null(vml_as_span(&as, 0x3fffffff, &len, VML_AS_READ));
    assert_true(len == 0);
    len = 100;
    assert_ptr_equal(vml_as_span(&as, UINT64_MAX, &len, VML_AS_WRITE), top_host + PAGE - 1);
    assert_true(len == 1);
}

static void copies_cross_adjacent_regions(void **state)
{
    uint8_t buffer[5 * PAGE];

    assert_int_equal(vml_as_read(&as, 0x40000000, buffer, 5 * PAGE), VML_OK);
    assert_memory_equal(buffer, host, 4 * PAGE);
    assert_memory_equal(buffer + 4 * PAGE, host + 5 * PAGE, PAGE);
    memset(buffer, 0x5a, sizeof(buffer));
    assert_int_equal(vml_as_write(&as, 0x40001ff0, buffer, 32), VML_OK);
    assert_memory_equal(host + 0x1ff0, buffer, 32);
    assert_int_not_equal(host[0x1fef], 0x5a);
    assert_int_equal(vml_as_fill(&as, 0x40003000, 7, PAGE), VML_OK);
    assert_int_equal(host[0x3000], 7);
    assert_int_equal(host[0x3fff], 7);
    /* Nothing is anywhere. */
    assert_int_equal(vml_as_read(&as, 0x123, NULL, 0), VML_OK);
    assert_int_equal(vml_as_write(&as, UINT64_MAX, NULL, 0), VML_OK);
    assert_int_equal(vml_as_fill(&as, 0, 0, 0), VML_OK);
}

static void copies_that_leave_memory_copy_nothing(void **state)
{
    uint8_t buffer[8 * PAGE];
    uint8_t before[sizeof(host)];

    memcpy(before, host, sizeof(host));
    memset(buffer, 0x5a, sizeof(buffer));
    assert_int_equal(vml_as_read(&as, 0x40000000, buffer, 5 * PAGE + 1), VML_ERR_RANGE);
    assert_int_equal(vml_as_read(&as, 0x3fffffff, buffer, 2), VML_ERR_RANGE);
    assert_int_equal(vml_as_read(&as, UINT64_MAX, buffer, 2), VML_ERR_RANGE);
    assert_int_equal(vml_as_read(&as, 0x40000000, buffer, UINT64_MAX), VML_ERR_RANGE);
    assert_int_equal(buffer[0], 0x5a);
    assert_int_equal(vml_as_write(&as, 0x40004fff, buffer, 2), VML_ERR_RANGE);
    /* The end of RAM and the beginning of ROM. */
    assert_int_equal(vml_as_write(&as, 0x40003fff, buffer, 2), VML_ERR_ACCESS);
    assert_int_equal(vml_as_fill(&as, 0x40004000, 0, 1), VML_ERR_ACCESS);
    assert_memory_equal(host, before, sizeof(host));
    assert_int_equal(vml_as_load(&as, 0x40003fff, buffer, 2), VML_OK);
    assert_int_equal(host[5 * PAGE], 0x5a);
}

static void removed_regions_are_gone(void **state)
{
    assert_int_equal(vml_as_remove(&as, &b), VML_OK);
    assert_int_equal(vml_as_remove(&as, &b), VML_ERR_NOT_FOUND);
    assert_null(vml_as_find(&as, 0x40002000));
    assert_ptr_equal(vml_as_find(&as, 0x40001fff), &a);
    assert_ptr_equal(vml_as_find(&as, 0x40004000), &rom);
    assert_int_equal(vml_as_add(&as, &b), VML_OK);
    assert_ptr_equal(vml_as_find(&as, 0x40002000), &b);
    assert_int_equal(vml_as_remove(&as, &b), VML_OK);
    assert_int_equal(vml_as_remove(&as, &a), VML_OK);
    assert_int_equal(vml_as_remove(&as, &rom), VML_OK);
    assert_int_equal(vml_as_remove(&as, &top), VML_OK);
    assert_null(vml_as_find(&as, UINT64_MAX));
    assert_null(vml_as_translate(&as, 0x40000000, 1, VML_AS_READ));
}

static uint64_t taken(const struct vml_as_region *region)
{
    uint64_t words[1] = {UINT64_MAX};

    assert_int_equal(vml_as_take_dirty(&as, region, words), VML_OK);
    return words[0];
}

static void writes_mark_pages_while_tracking(void **state)
{
    uint64_t len = 3 * PAGE;
    uint64_t words[1];
    uint8_t byte = 1;

    assert_int_equal(vml_as_write(&as, 0x40000000, &byte, 1), VML_OK);
    vml_as_mark_dirty(&as, 0x40000000, 1);
    assert_true(taken(&a) == 0);
    assert_false(vml_as_tracking(&as));
    vml_as_track(&as, true);
    assert_true(vml_as_tracking(&as));
    assert_int_equal(vml_as_write(&as, 0x40001fff, "xy", 2), VML_OK);
    assert_true(taken(&a) == 2);
    assert_true(taken(&b) == 1);
    assert_true(taken(&a) == 0);
    assert_non_null(vml_as_translate(&as, 0x40000fff, 2, VML_AS_WRITE));
    assert_true(taken(&a) == 3);
    assert_non_null(vml_as_translate(&as, 0x40000fff, 2, VML_AS_READ));
    assert_non_null(vml_as_span(&as, 0x40001000, &len, VML_AS_READ));
    assert_int_equal(vml_as_read(&as, 0x40000000, &byte, 1), VML_OK);
    assert_true(taken(&a) == 0);
    len = 3 * PAGE;
    assert_non_null(vml_as_span(&as, 0x40001000, &len, VML_AS_WRITE));
    assert_true(taken(&a) == 2);
    assert_true(taken(&b) == 3);
    vml_as_mark_dirty(&as, 0x40001fff, PAGE + 2);
    assert_true(taken(&a) == 2);
    assert_true(taken(&b) == 3);
    /* Past the end of memory, and nowhere. */
    vml_as_mark_dirty(&as, 0x40003000, UINT64_MAX);
    vml_as_mark_dirty(&as, 0x100, 5);
    vml_as_mark_dirty(&as, 0x40000000, 0);
    assert_true(taken(&a) == 0);
    assert_true(taken(&b) == 2);
    assert_int_equal(vml_as_fill(&as, UINT64_MAX, 1, 1), VML_OK); /* has no bitmap */
    assert_int_equal(vml_as_take_dirty(&as, &top, words), VML_ERR_UNSUPPORTED);
    assert_int_equal(vml_as_remove(&as, &b), VML_OK);
    assert_int_equal(vml_as_take_dirty(&as, &b, words), VML_ERR_NOT_FOUND);
    vml_as_track(&as, false);
    assert_int_equal(vml_as_write(&as, 0x40000000, &byte, 1), VML_OK);
    assert_true(taken(&a) == 0);
}

static void writes_through_a_cache_mark_pages(void **state)
{
    struct vml_as_cache cache = {0};

    for (int i = 0; i < 2; i++) {
        assert_non_null(vml_as_translate_cached(&as, &cache, 0x40001000, 1, VML_AS_WRITE));
        assert_true(taken(&a) == 0);
    }
    vml_as_track(&as, true);
    for (int i = 0; i < 2; i++) {
        assert_non_null(vml_as_translate_cached(&as, &cache, 0x40001000, 1, VML_AS_READ));
        assert_true(taken(&a) == 0);
        assert_non_null(vml_as_translate_cached(&as, &cache, 0x40001000, 1, VML_AS_WRITE));
        assert_true(taken(&a) == 2);
    }
    vml_as_track(&as, false);
    for (int i = 0; i < 2; i++) {
        assert_non_null(vml_as_translate_cached(&as, &cache, 0x40001000, 1, VML_AS_WRITE));
        assert_true(taken(&a) == 0);
    }
}

static void large_regions_have_many_words(void **state)
{
    static _Atomic uint64_t dirty[VML_AS_DIRTY_WORDS(200 * PAGE)];
    static uint8_t memory[200 * PAGE];
    struct vml_as_region region = {"large", 0, sizeof(memory), memory, 0, dirty};
    uint64_t space[VML_AS_STORAGE(1) / 8 + 1];
    uint64_t words[4];
    struct vml_as other;

    assert_int_equal(sizeof(dirty), 4 * 8);
    assert_int_equal(vml_as_init(&other, space, 1), VML_OK);
    assert_int_equal(vml_as_add(&other, &region), VML_OK);
    vml_as_track(&other, true);
    vml_as_mark_dirty(&other, 63 * PAGE, 130 * PAGE);
    assert_int_equal(vml_as_take_dirty(&other, &region, words), VML_OK);
    assert_true(words[0] == UINT64_C(1) << 63);
    assert_true(words[1] == UINT64_MAX);
    assert_true(words[2] == UINT64_MAX);
    assert_true(words[3] == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(initialisation_checks_its_storage),
        cmocka_unit_test(regions_are_checked),
        cmocka_unit_test(overlaps_are_refused_from_every_side),
        cmocka_unit_test_setup(find_knows_the_edges, setup),
        cmocka_unit_test_setup(next_goes_through_all_regions, setup),
        cmocka_unit_test_setup(translation_stays_inside_one_region, setup),
        cmocka_unit_test_setup(a_cache_changes_no_translation, setup),
        cmocka_unit_test_setup(a_cache_sees_changes_of_the_map, setup),
        cmocka_unit_test_setup(spans_join_what_is_adjacent_on_both_sides, setup),
        cmocka_unit_test_setup(copies_cross_adjacent_regions, setup),
        cmocka_unit_test_setup(copies_that_leave_memory_copy_nothing, setup),
        cmocka_unit_test_setup(removed_regions_are_gone, setup),
        cmocka_unit_test_setup(writes_mark_pages_while_tracking, setup),
        cmocka_unit_test_setup(writes_through_a_cache_mark_pages, setup),
        cmocka_unit_test(large_regions_have_many_words),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
