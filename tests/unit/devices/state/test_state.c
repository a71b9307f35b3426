/* The format of saved state: what is written, and what a hostile image cannot do. */
#include "test.h"

#include <vml/state.h>

#define TAG_A VML_STATE_TAG('A', 'A', 'A', 'A')
#define TAG_B VML_STATE_TAG('B', 'B', 'B', 'B')

static size_t write_sample(void *buffer, size_t size, enum vml_status expected)
{
    struct vml_state_writer w;

    vml_state_writer_init(&w, buffer, size);
    vml_state_begin(&w, TAG_A, 3);
    vml_state_put_u8(&w, 0x11);
    vml_state_put_u16(&w, 0x2233);
    vml_state_begin(&w, TAG_B, 1);
    vml_state_put_u32(&w, 0x44556677);
    vml_state_end(&w);
    vml_state_put_u64(&w, UINT64_C(0x8899aabbccddeeff));
    vml_state_put_bool(&w, true);
    vml_state_put_bytes(&w, "xyz", 3);
    vml_state_put_bytes(&w, NULL, 0);
    vml_state_end(&w);
    assert_int_equal(vml_state_write_status(&w), expected);
    return w.used;
}

static const uint8_t sample[] = {
    'A',  'A',  'A',  'A',  3,    0,    0,    0,    31, 0,   0,   0,   /* header */
    0x11, 0x33, 0x22,                                                  /* u8, u16 */
    'B',  'B',  'B',  'B',  1,    0,    0,    0,    4,  0,   0,   0,   /* header */
    0x77, 0x66, 0x55, 0x44,                                            /* u32 */
    0xff, 0xee, 0xdd, 0xcc, 0xbb, 0xaa, 0x99, 0x88, 1,  'x', 'y', 'z', /* u64, bool, bytes */
};

static void the_bytes_are_as_specified(void **state)
{
    uint8_t buffer[64];

    assert_int_equal(write_sample(buffer, sizeof(buffer), VML_OK), sizeof(sample));
    assert_memory_equal(buffer, sample, sizeof(sample));
}

static void a_writer_counts_without_a_buffer(void **state)
{
    assert_int_equal(write_sample(NULL, 0, VML_OK), sizeof(sample));
    assert_int_equal(write_sample(NULL, 5, VML_OK), sizeof(sample));
}

static void a_short_buffer_is_not_overrun_and_says_how_much(void **state)
{
    for (size_t size = 0; size < sizeof(sample); size++) {
        uint8_t buffer[64];

        memset(buffer, 0xcc, sizeof(buffer));
        assert_int_equal(write_sample(buffer, size, VML_ERR_NO_SPACE), sizeof(sample));
        for (size_t i = size; i < sizeof(buffer); i++) {
            assert_int_equal(buffer[i], 0xcc);
        }
    }
}

static void unbalanced_records_are_an_error(void **state)
{
    struct vml_state_writer w;
    uint8_t buffer[256];

    vml_state_writer_init(&w, buffer, sizeof(buffer));
    vml_state_begin(&w, TAG_A, 1);
    assert_int_equal(vml_state_write_status(&w), VML_ERR_STATE);
    vml_state_end(&w);
    assert_int_equal(vml_state_write_status(&w), VML_OK);
    vml_state_end(&w);
    assert_int_equal(vml_state_write_status(&w), VML_ERR_STATE);
    vml_state_writer_init(&w, buffer, sizeof(buffer));
    for (unsigned i = 0; i < VML_STATE_MAX_DEPTH; i++) {
        vml_state_begin(&w, TAG_A, 1);
    }
    assert_int_equal(w.status, VML_OK);
    vml_state_begin(&w, TAG_A, 1);
    assert_int_equal(vml_state_write_status(&w), VML_ERR_STATE);
}

static enum vml_status read_sample(const void *bytes, size_t size)
{
    struct vml_state_reader r;
    char text[4] = "???";

    vml_state_reader_init(&r, bytes, size);
    (void)vml_state_enter(&r, TAG_A, 3);
    (void)vml_state_get_u8(&r);
    (void)vml_state_get_u16(&r);
    (void)vml_state_enter(&r, TAG_B, 1);
    (void)vml_state_get_u32(&r);
    vml_state_leave(&r);
    (void)vml_state_get_u64(&r);
    (void)vml_state_get_bool(&r);
    vml_state_get_bytes(&r, text, 3);
    vml_state_leave(&r);
    if (vml_state_read_status(&r) != VML_OK) {
        /* After an error everything reads as zero. */
        assert_int_equal(vml_state_get_u8(&r) | vml_state_get_u16(&r), 0);
        assert_int_equal(vml_state_get_u32(&r), 0);
        assert_true(vml_state_get_u64(&r) == 0);
        assert_false(vml_state_get_bool(&r));
        vml_state_get_bytes(&r, text, 3);
        assert_memory_equal(text, "\0\0\0", 3);
        assert_int_equal(vml_state_peek(&r), 0);
        assert_int_equal(vml_state_enter(&r, TAG_A, 9), 0);
    }
    return vml_state_read_status(&r);
}

static void what_was_written_is_read(void **state)
{
    struct vml_state_reader r;
    char text[4] = {0};

    vml_state_reader_init(&r, sample, sizeof(sample));
    assert_int_equal(vml_state_peek(&r), TAG_A);
    assert_int_equal(vml_state_enter(&r, TAG_A, 5), 3);
    assert_int_equal(vml_state_get_u8(&r), 0x11);
    assert_int_equal(vml_state_get_u16(&r), 0x2233);
    assert_int_equal(vml_state_peek(&r), TAG_B);
    assert_int_equal(vml_state_enter(&r, TAG_B, 1), 1);
    assert_int_equal(vml_state_get_u32(&r), 0x44556677);
    assert_int_equal(vml_state_peek(&r), 0);
    vml_state_leave(&r);
    assert_true(vml_state_get_u64(&r) == UINT64_C(0x8899aabbccddeeff));
    assert_true(vml_state_get_bool(&r));
    vml_state_get_bytes(&r, text, 3);
    assert_string_equal(text, "xyz");
    vml_state_leave(&r);
    assert_int_equal(vml_state_peek(&r), 0);
    assert_int_equal(vml_state_read_status(&r), VML_OK);
}

static void every_truncation_is_refused(void **state)
{
    assert_int_equal(read_sample(sample, sizeof(sample)), VML_OK);
    for (size_t size = 0; size < sizeof(sample); size++) {
        /* In storage of its own, so that an address sanitizer sees a byte too far. */
        uint8_t *copy = malloc(size + 1);

        memcpy(copy, sample, size);
        assert_int_equal(read_sample(copy, size), VML_ERR_CORRUPT);
        free(copy);
    }
    assert_int_equal(read_sample(NULL, 100), VML_ERR_CORRUPT);
}

static void wrong_headers_are_refused(void **state)
{
    static const struct {
        size_t at;
        uint8_t value;
        enum vml_status status;
    } cases[] = {
        {0, 'X', VML_ERR_CORRUPT},   /* tag */
        {4, 0, VML_ERR_CORRUPT},     /* version 0 does not exist */
        {4, 4, VML_ERR_VERSION},     /* newer than the reader */
        {5, 1, VML_ERR_VERSION},     /* 259 */
        {6, 1, VML_ERR_CORRUPT},     /* a flag that nobody defined */
        {8, 30, VML_ERR_CORRUPT},    /* shorter than its fields */
        {8, 32, VML_ERR_CORRUPT},    /* longer than the image */
        {11, 0xff, VML_ERR_CORRUPT}, /* four gigabytes */
        {23, 3, VML_ERR_CORRUPT},    /* the inner record, shorter */
        {23, 5, VML_ERR_CORRUPT},    /* longer: a byte is left unread */
        {23, 17, VML_ERR_CORRUPT},   /* longer than the outer record */
        {39, 2, VML_ERR_CORRUPT},    /* a truth value of 2 */
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t image[sizeof(sample)];

        memcpy(image, sample, sizeof(image));
        image[cases[i].at] = cases[i].value;
        assert_int_equal(read_sample(image, sizeof(image)), cases[i].status);
    }
}

static void records_can_be_passed_over(void **state)
{
    uint8_t two[2 * sizeof(sample)];
    struct vml_state_reader r;

    memcpy(two, sample, sizeof(sample));
    memcpy(two + sizeof(sample), sample, sizeof(sample));
    two[sizeof(sample)] = 'C';
    vml_state_reader_init(&r, two, sizeof(two));
    vml_state_skip(&r);
    assert_int_equal(vml_state_peek(&r), VML_STATE_TAG('C', 'A', 'A', 'A'));
    vml_state_skip(&r);
    assert_int_equal(vml_state_peek(&r), 0);
    assert_int_equal(vml_state_read_status(&r), VML_OK);
    vml_state_skip(&r);
    assert_int_equal(vml_state_read_status(&r), VML_ERR_CORRUPT);
}

static void the_first_error_stays(void **state)
{
    struct vml_state_reader r;

    vml_state_reader_init(&r, sample, sizeof(sample));
    vml_state_fail(&r, VML_ERR_RANGE);
    vml_state_fail(&r, VML_ERR_CORRUPT);
    assert_int_equal(vml_state_enter(&r, TAG_A, 3), 0);
    vml_state_skip(&r);
    vml_state_leave(&r);
    assert_int_equal(vml_state_read_status(&r), VML_ERR_RANGE);
    vml_state_reader_init(&r, sample, sizeof(sample));
    vml_state_leave(&r);
    assert_int_equal(vml_state_read_status(&r), VML_ERR_STATE);
}

static void records_nest_only_so_deep(void **state)
{
    uint8_t image[(VML_STATE_MAX_DEPTH + 1) * VML_STATE_HEADER_SIZE];
    struct vml_state_reader r;

    memset(image, 0, sizeof(image));
    for (unsigned i = 0; i <= VML_STATE_MAX_DEPTH; i++) {
        uint8_t *p = image + i * VML_STATE_HEADER_SIZE;

        memcpy(p, "AAAA\1", 5);
        p[8] = (uint8_t)((VML_STATE_MAX_DEPTH - i) * VML_STATE_HEADER_SIZE);
    }
    vml_state_reader_init(&r, image, sizeof(image));
    for (unsigned i = 0; i < VML_STATE_MAX_DEPTH; i++) {
        assert_int_equal(vml_state_enter(&r, TAG_A, 1), 1);
    }
    assert_int_equal(vml_state_enter(&r, TAG_A, 1), 0);
    assert_int_equal(vml_state_read_status(&r), VML_ERR_CORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_bytes_are_as_specified),
        cmocka_unit_test(a_writer_counts_without_a_buffer),
        cmocka_unit_test(a_short_buffer_is_not_overrun_and_says_how_much),
        cmocka_unit_test(unbalanced_records_are_an_error),
        cmocka_unit_test(what_was_written_is_read),
        cmocka_unit_test(every_truncation_is_refused),
        cmocka_unit_test(wrong_headers_are_refused),
        cmocka_unit_test(records_can_be_passed_over),
        cmocka_unit_test(the_first_error_stays),
        cmocka_unit_test(records_nest_only_so_deep),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
