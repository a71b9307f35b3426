/* Device tree blobs from the Devicetree Specification 0.4, chapter 5: byte by byte, and round
   trips. */
#include "test.h"
#include <vml/fdt.h>

enum { SIZE = 4096 };

/* A root with a property of one cell, and a node with a string. */
static const uint8_t expected[] = {
    0xd0, 0x0d, 0xfe, 0xed, 0,   0,   0,    156, /* magic, total size */
    0,    0,    0,    72,   0,   0,   0,    136, /* structure, strings */
    0,    0,    0,    40,   0,   0,   0,    17,  /* reservations, version */
    0,    0,    0,    16,   0,   0,   0,    0,   /* compatible with 16, boot CPU */
    0,    0,    0,    20,   0,   0,   0,    64,  /* sizes of strings and structure */
    0,    0,    0,    1,    2,   3,   4,    5,   /* reserved: address */
    0,    0,    0,    0,    0,   0,   0x10, 0,   /* and size */
    0,    0,    0,    0,    0,   0,   0,    0,   /* end of the reservations */
    0,    0,    0,    0,    0,   0,   0,    0,   /* */
    0,    0,    0,    1,    0,   0,   0,    0,   /* BEGIN_NODE, "" */
    0,    0,    0,    3,    0,   0,   0,    4,   /* PROP, 4 bytes */
    0,    0,    0,    5,    0,   0,   0,    2,   /* named by offset 5, cell 2 */
    0,    0,    0,    1,    'a', '@', '1',  0,   /* BEGIN_NODE, "a@1" */
    0,    0,    0,    3,    0,   0,   0,    6,   /* PROP, 6 bytes */
    0,    0,    0,    0,    'h', 'e', 'l',  'l', /* named by offset 0 */
    'o',  0,    0,    0,    0,   0,   0,    2,   /* padding, END_NODE */
    0,    0,    0,    2,    0,   0,   0,    9,   /* END_NODE, END */
    'n',  'a',  'm',  'e',  0,   '#', 'a',  'd', /* strings */
    'd',  'r',  'e',  's',  's', '-', 'c',  'e', /* */
    'l',  'l',  's',  0,
};

static uint32_t make_expected(uint8_t *blob, uint32_t size, enum vml_status *status)
{
    struct vml_fdt fdt;
    uint32_t total = 0;

    vml_fdt_begin(&fdt, blob, size);
    vml_fdt_reserve(&fdt, UINT64_C(0x102030405), 0x1000);
    vml_fdt_reserve(&fdt, 7, 0);
    vml_fdt_node(&fdt, "");
    vml_fdt_u32(&fdt, "#address-cells", 2);
    vml_fdt_node(&fdt, "a@1");
    vml_fdt_string(&fdt, "name", "hello");
    vml_fdt_end_node(&fdt);
    vml_fdt_end_node(&fdt);
    *status = vml_fdt_finish(&fdt, &total);
    return total;
}

static void a_small_tree_byte_by_byte(void **state)
{
    uint8_t blob[SIZE];
    enum vml_status status;

    assert_int_equal(make_expected(blob, SIZE, &status), sizeof(expected));
    assert_int_equal(status, VML_OK);
    assert_memory_equal(blob, expected, sizeof(expected));
    assert_int_equal(vml_fdt_check(blob, SIZE), VML_OK);
    assert_int_equal(vml_fdt_size(blob), sizeof(expected));
    /* into exactly as much room as it needs (the END token included), and no less */
    assert_int_equal(make_expected(blob, sizeof(expected), &status), sizeof(expected));
    assert_int_equal(status, VML_OK);
    for (uint32_t size = 0; size < sizeof(expected); size++) {
        assert_int_equal(make_expected(blob, size, &status), 0);
        assert_int_equal(status, VML_ERR_NO_SPACE);
    }
}

/* A machine's tree with one of everything. */
static uint32_t make_tree(uint8_t *blob)
{
    static const uint32_t reg[] = {0, 0x9000000, 0, 0x1000};
    struct vml_fdt fdt;
    uint32_t size;

    vml_fdt_begin(&fdt, blob, SIZE);
    vml_fdt_reserve(&fdt, 0x1000, 0x2000);
    vml_fdt_node(&fdt, "");
    vml_fdt_string(&fdt, "compatible", "vml,test");
    vml_fdt_node(&fdt, "memory@40000000");
    vml_fdt_u64(&fdt, "size", UINT64_C(0x123456789));
    vml_fdt_end_node(&fdt);
    vml_fdt_node(&fdt, "soc");
    vml_fdt_property(&fdt, "ranges", NULL, 0);
    vml_fdt_node(&fdt, "uart@9000000");
    vml_fdt_string(&fdt, "compatible", "arm,pl011");
    vml_fdt_cells(&fdt, "reg", reg, 4);
    vml_fdt_end_node(&fdt);
    vml_fdt_node(&fdt, "uart@9001000");
    vml_fdt_string(&fdt, "status", "disabled");
    vml_fdt_end_node(&fdt);
    vml_fdt_end_node(&fdt);
    vml_fdt_end_node(&fdt);
    assert_int_equal(vml_fdt_finish(&fdt, &size), VML_OK);
    assert_int_equal(vml_fdt_check(blob, size), VML_OK);
    return size;
}

static const void *get(const uint8_t *blob, const char *path, const char *name, uint32_t *length)
{
    return vml_fdt_get(blob, SIZE, path, name, length);
}

static void properties_are_found(void **state)
{
    uint8_t blob[SIZE];
    uint32_t length = 77;

    (void)make_tree(blob);
    assert_string_equal(get(blob, "/", "compatible", &length), "vml,test");
    assert_int_equal(length, 9);
    assert_memory_equal(get(blob, "/memory@40000000", "size", &length),
                        "\x00\x00\x00\x01\x23\x45\x67\x89", 8);
    assert_non_null(get(blob, "/memory", "size", NULL));
    assert_non_null(get(blob, "soc", "ranges", &length));
    assert_int_equal(length, 0);
    assert_memory_equal(get(blob, "/soc/uart@9000000", "reg", &length),
                        "\0\0\0\0\x09\0\0\0\0\0\0\0\0\0\x10\0", 16);
    assert_int_equal(length, 16);
    assert_string_equal(get(blob, "//soc//uart@9001000/", "status", NULL), "disabled");
    assert_string_equal(get(blob, "/soc/uart@9001000", NULL, &length), "uart@9001000");
    assert_int_equal(length, 0);
    assert_string_equal(get(blob, "", NULL, NULL), "");
    assert_null(get(blob, "/soc", "reg", NULL)); /* of a node inside */
    assert_null(get(blob, "/soc", "size", NULL));
    assert_null(get(blob, "/so", NULL, NULL));
    assert_null(get(blob, "/socs", NULL, NULL));
    assert_null(get(blob, "/memory@4000000", NULL, NULL));
    assert_null(get(blob, "/soc/uart@9000000/x", NULL, NULL));
    assert_null(get(blob, "/nothing", "compatible", NULL));
    assert_null(get(blob, "/", "nothing", NULL));
    assert_null(vml_fdt_get(NULL, 0, "/", NULL, NULL));
}

static void what_the_writer_refuses(void **state)
{
    uint8_t blob[SIZE];
    struct vml_fdt fdt;
    uint32_t size = 77;

    vml_fdt_begin(&fdt, blob, SIZE);
    assert_int_equal(vml_fdt_finish(&fdt, &size), VML_ERR_STATE);
    vml_fdt_begin(&fdt, blob, SIZE);
    vml_fdt_node(&fdt, "");
    assert_int_equal(vml_fdt_finish(&fdt, &size), VML_ERR_STATE);
    vml_fdt_begin(&fdt, blob, SIZE);
    vml_fdt_u32(&fdt, "x", 1);
    vml_fdt_node(&fdt, "");
    vml_fdt_end_node(&fdt);
    assert_int_equal(vml_fdt_finish(&fdt, &size), VML_ERR_STATE);
    vml_fdt_begin(&fdt, blob, SIZE);
    vml_fdt_node(&fdt, "");
    vml_fdt_reserve(&fdt, 1, 1);
    vml_fdt_end_node(&fdt);
    assert_int_equal(vml_fdt_finish(&fdt, &size), VML_ERR_STATE);
    /* a property after a node */
    vml_fdt_begin(&fdt, blob, SIZE);
    vml_fdt_node(&fdt, "");
    vml_fdt_node(&fdt, "a");
    vml_fdt_end_node(&fdt);
    vml_fdt_u32(&fdt, "x", 1);
    vml_fdt_end_node(&fdt);
    assert_int_equal(vml_fdt_finish(&fdt, &size), VML_ERR_STATE);
    /* two roots; an end too many */
    vml_fdt_begin(&fdt, blob, SIZE);
    vml_fdt_node(&fdt, "");
    vml_fdt_end_node(&fdt);
    vml_fdt_node(&fdt, "");
    assert_int_equal(vml_fdt_finish(&fdt, &size), VML_ERR_STATE);
    vml_fdt_begin(&fdt, blob, SIZE);
    vml_fdt_node(&fdt, "");
    vml_fdt_end_node(&fdt);
    vml_fdt_end_node(&fdt);
    assert_int_equal(vml_fdt_finish(&fdt, &size), VML_ERR_STATE);
    vml_fdt_begin(&fdt, blob, SIZE);
    for (unsigned i = 0; i <= VML_FDT_DEPTH; i++) {
        vml_fdt_node(&fdt, "");
    }
    assert_int_equal(vml_fdt_finish(&fdt, &size), VML_ERR_RANGE);
    vml_fdt_begin(&fdt, blob, SIZE);
    vml_fdt_node(&fdt, "");
    vml_fdt_cells(&fdt, "x", NULL, UINT32_MAX / 4 + 1);
    assert_int_equal(vml_fdt_finish(&fdt, &size), VML_ERR_NO_SPACE);
    vml_fdt_begin(&fdt, blob, SIZE);
    vml_fdt_node(&fdt, "");
    vml_fdt_property(&fdt, "x", blob, UINT32_MAX);
    assert_int_equal(vml_fdt_finish(&fdt, &size), VML_ERR_NO_SPACE);
    assert_int_equal(size, 77);
}

/* Cut anywhere, and with any byte changed: right or refused, and never looked beyond. */
static void blobs_that_are_not_right(void **state)
{
    uint8_t blob[SIZE];
    uint32_t size = make_tree(blob);

    for (uint32_t cut = 0; cut < size; cut++) {
        uint8_t *exact = malloc(cut ? cut : 1);

        memcpy(exact, blob, cut);
        assert_int_equal(vml_fdt_check(exact, cut), VML_ERR_CORRUPT);
        free(exact);
    }
    for (uint32_t i = 0; i < size; i++) {
        static const uint8_t changes[] = {0x01, 0x02, 0x04, 0x80, 0xff};

        for (size_t k = 0; k < sizeof(changes); k++) {
            uint8_t *exact = malloc(size);

            memcpy(exact, blob, size);
            exact[i] ^= changes[k];
            if (vml_fdt_check(exact, size) != VML_OK) {
                assert_null(vml_fdt_get(exact, size, "/", NULL, NULL));
            } else {
                (void)vml_fdt_get(exact, size, "/soc/uart@9000000", "reg", NULL);
            }
            free(exact);
        }
    }
    blob[23] = 16;
    assert_int_equal(vml_fdt_check(blob, size), VML_ERR_VERSION);
    blob[23] = 18;
    blob[27] = 18;
    assert_int_equal(vml_fdt_check(blob, size), VML_ERR_VERSION);
}

static uint32_t edit(uint8_t *out, const uint8_t *in, const struct vml_fdt_edit *edits,
                     uint32_t count)
{
    struct vml_fdt fdt;
    uint32_t size;

    vml_fdt_begin(&fdt, out, SIZE);
    assert_int_equal(vml_fdt_apply(&fdt, in, SIZE, edits, count), VML_OK);
    assert_int_equal(vml_fdt_finish(&fdt, &size), VML_OK);
    assert_int_equal(vml_fdt_check(out, size), VML_OK);
    return size;
}

static void without_edits_it_is_a_copy(void **state)
{
    uint8_t blob[SIZE], copy[SIZE];
    uint32_t size = make_tree(blob);

    blob[31] = 3; /* the boot CPU */
    assert_int_equal(edit(copy, blob, NULL, 0), size);
    assert_memory_equal(copy, blob, size);
}

static void edits(void **state)
{
    static const struct vml_fdt_edit changes[] = {
        {.path = "/", .name = "compatible", .value = "vml,other", .length = 10},
        {.path = "/", .name = "model", .value = "new", .length = 4},
        {.path = "/memory", .name = "size", .value = "\1\2\3\4", .length = 4},
        {.path = "/chosen", .name = "bootargs", .value = "quiet", .length = 6},
        {.path = "/chosen", .name = "empty"},
        {.path = "/soc/uart@9000000", .remove = true},
        {.path = "/soc/uart@9001000", .name = "status", .remove = true},
        {.path = "/soc/rtc@1", .name = "compatible", .value = "arm,pl031", .length = 10},
        {.path = "/soc/rtc@1", .name = "reg", .value = "\0\0\0\1", .length = 4},
        {.path = "/soc/nothing", .name = "x", .remove = true},
        {.path = "/no/where", .remove = true},
    };
    uint8_t blob[SIZE], out[SIZE];
    uint32_t length;

    (void)make_tree(blob);
    (void)edit(out, blob, changes, VML_ARRAY_SIZE(changes));
    assert_string_equal(get(out, "/", "compatible", NULL), "vml,other");
    assert_string_equal(get(out, "/", "model", NULL), "new");
    assert_memory_equal(get(out, "/memory@40000000", "size", &length), "\1\2\3\4", 4);
    assert_int_equal(length, 4);
    assert_string_equal(get(out, "/chosen", "bootargs", NULL), "quiet");
    assert_non_null(get(out, "/chosen", "empty", &length));
    assert_int_equal(length, 0);
    assert_null(get(out, "/soc/uart@9000000", NULL, NULL));
    assert_non_null(get(out, "/soc/uart@9001000", NULL, NULL));
    assert_null(get(out, "/soc/uart@9001000", "status", NULL));
    assert_string_equal(get(out, "/soc/rtc@1", "compatible", NULL), "arm,pl031");
    assert_non_null(get(out, "/soc/rtc@1", "reg", NULL));
    assert_null(get(out, "/soc/nothing", NULL, NULL));
    assert_non_null(get(out, "/soc", "ranges", NULL));
    /* The reservation is still there. */
    assert_memory_equal(out + 40, "\0\0\0\0\0\0\x10\0\0\0\0\0\0\0\x20\0", 16);
}

/* A node goes with all that is in it, also what other edits say of it. */
static void a_removed_node_takes_its_own_along(void **state)
{
    static const struct vml_fdt_edit changes[] = {
        {.path = "/soc", .remove = true},
        {.path = "/soc/uart@9000000", .name = "status", .value = "okay", .length = 5},
        {.path = "/soc", .name = "ranges", .value = "x", .length = 1},
        {.path = "/last", .name = "here"},
    };
    uint8_t blob[SIZE], out[SIZE];

    (void)make_tree(blob);
    (void)edit(out, blob, changes, VML_ARRAY_SIZE(changes));
    assert_null(get(out, "/soc", NULL, NULL));
    assert_non_null(get(out, "/memory", "size", NULL));
    assert_non_null(get(out, "/last", "here", NULL));
}

static void edits_that_are_refused(void **state)
{
    static const struct vml_fdt_edit orphan = {.path = "/no/where", .name = "x"};
    static const struct vml_fdt_edit big = {.path = "/a", .name = "x", .value = "", .length = SIZE};
    uint8_t blob[SIZE], out[SIZE];
    struct vml_fdt fdt;
    uint32_t size = make_tree(blob);

    vml_fdt_begin(&fdt, out, SIZE);
    assert_int_equal(vml_fdt_apply(&fdt, blob, size, &orphan, 1), VML_ERR_NOT_FOUND);
    vml_fdt_begin(&fdt, out, SIZE);
    assert_int_equal(vml_fdt_apply(&fdt, blob, size, &orphan, VML_FDT_EDITS + 1), VML_ERR_INVALID);
    vml_fdt_begin(&fdt, out, SIZE);
    assert_int_equal(vml_fdt_apply(&fdt, blob, size - 1, &orphan, 1), VML_ERR_CORRUPT);
    vml_fdt_begin(&fdt, out, 100);
    assert_int_equal(vml_fdt_apply(&fdt, blob, size, NULL, 0), VML_ERR_NO_SPACE);
    vml_fdt_begin(&fdt, out, SIZE);
    assert_int_equal(vml_fdt_apply(&fdt, blob, size, &big, 1), VML_ERR_NO_SPACE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_small_tree_byte_by_byte),
        cmocka_unit_test(properties_are_found),
        cmocka_unit_test(what_the_writer_refuses),
        cmocka_unit_test(blobs_that_are_not_right),
        cmocka_unit_test(without_edits_it_is_a_copy),
        cmocka_unit_test(edits),
        cmocka_unit_test(a_removed_node_takes_its_own_along),
        cmocka_unit_test(edits_that_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
