/* Any blob: nothing outside of it is looked at, and what is right comes out of an edit right. */
#include <stdlib.h>
#include <vml/fdt.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct vml_fdt_edit edits[] = {
        {.path = "/chosen", .name = "bootargs", .value = "quiet", .length = 6},
        {.path = "/memory", .name = "reg", .value = "12345678", .length = 8},
        {.path = "/soc", .name = "compatible", .remove = true},
        {.path = "/soc/uart", .remove = true},
        {.path = "/", .name = "model", .value = "x", .length = 2},
    };
    static uint8_t out[1 << 16];
    struct vml_fdt fdt;
    uint32_t length = 0, total;
    const uint8_t *found = vml_fdt_get(data, size, "/chosen", "bootargs", &length);
    enum vml_status status = vml_fdt_check(data, size);

    check(!found || (found >= data && found + length <= data + size));
    vml_fdt_begin(&fdt, out, sizeof(out));
    check(status == VML_OK || vml_fdt_apply(&fdt, data, size, edits, 5) == status);
    if (status != VML_OK || vml_fdt_apply(&fdt, data, size, edits, 5) != VML_OK) {
        return 0;
    }
    if (vml_fdt_finish(&fdt, &total) == VML_OK) {
        check(vml_fdt_check(out, total) == VML_OK && vml_fdt_size(out) == total);
        found = vml_fdt_get(out, total, "/", "model", &length);
        check(found && length == 2);
        check(!vml_fdt_get(out, total, "/soc", "compatible", NULL));
    }
    return 0;
}
