/* Status names, and the small helpers at the edges of their ranges. */
#include "test.h"

#include <vml/base.h>

static void every_status_has_its_own_name(void **state)
{
    assert_string_equal(vml_status_name(VML_OK), "VML_OK");
    assert_string_equal(vml_status_name(VML_ERR_INVALID), "VML_ERR_INVALID");
    assert_string_equal(vml_status_name(VML_ERR_TIMEOUT), "VML_ERR_TIMEOUT");
    assert_string_equal(vml_status_name(VML_ERR_CORRUPT), "VML_ERR_CORRUPT");
    assert_string_equal(vml_status_name(VML_ERR_NO_MEMORY), "VML_ERR_NO_MEMORY");
    for (int a = VML_ERR_NO_MEMORY; a <= VML_OK; a++) {
        for (int b = VML_ERR_NO_MEMORY; b < a; b++) {
            assert_string_not_equal(vml_status_name((enum vml_status)a),
                                    vml_status_name((enum vml_status)b));
        }
    }
    assert_string_equal(vml_status_name((enum vml_status)1), "VML_ERR_?");
    assert_string_equal(vml_status_name((enum vml_status)(VML_ERR_NO_MEMORY - 1)), "VML_ERR_?");
}

static void ranges_wrap_only_past_the_last_byte(void **state)
{
    assert_false(vml_range_wraps(0, 0));
    assert_false(vml_range_wraps(UINT64_MAX, 0));
    assert_false(vml_range_wraps(UINT64_MAX, 1));
    assert_true(vml_range_wraps(UINT64_MAX, 2));
    assert_false(vml_range_wraps(0, UINT64_MAX));
    assert_true(vml_range_wraps(2, UINT64_MAX));
    assert_false(vml_range_wraps(UINT64_MAX - 9, 10));
    assert_true(vml_range_wraps(UINT64_MAX - 9, 11));
}

static void masks_and_fields(void **state)
{
    assert_true(VML_MASK64(63, 0) == UINT64_MAX);
    assert_true(VML_MASK64(0, 0) == 1);
    assert_true(VML_MASK64(63, 63) == UINT64_C(1) << 63);
    assert_true(VML_MASK64(15, 8) == 0xff00);
    assert_true(VML_FIELD64(UINT64_C(0x123456789abcdef0), 63, 60) == 1);
    assert_true(VML_FIELD64(0x123456789abcdef0, 15, 4) == 0xdef);
    assert_true(VML_BIT64(63) == UINT64_C(0x8000000000000000));
    assert_true(VML_BIT32(31) == UINT32_C(0x80000000));
}

struct outer {
    uint8_t before;
    uint32_t member;
};

static void small_helpers(void **state)
{
    struct outer outer;

    assert_ptr_equal(VML_CONTAINER_OF(&outer.member, struct outer, member), &outer);
    assert_true(vml_min_u64(3, UINT64_MAX) == 3);
    assert_true(vml_max_u64(3, UINT64_MAX) == UINT64_MAX);
    assert_false(vml_is_pow2(0));
    assert_true(vml_is_pow2(1));
    assert_false(vml_is_pow2(3));
    assert_true(vml_is_pow2(UINT64_C(1) << 63));
    assert_false(vml_is_pow2(UINT64_MAX));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_status_has_its_own_name),
        cmocka_unit_test(ranges_wrap_only_past_the_last_byte),
        cmocka_unit_test(masks_and_fields),
        cmocka_unit_test(small_helpers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
