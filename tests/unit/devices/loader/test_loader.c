/* Images built here from booting.rst and the System V gABI, placed and loaded into 4 MiB of RAM. */
#include "test.h"
#include <vml/arch.h>
#include <vml/loader.h>

enum { RAM_SIZE = 4 << 20, MIB = 1 << 20, EHDR = 64, PHDR = 56 };
#define RAM UINT64_C(0x40000000)

struct rig {
    struct vml_as as;
    struct vml_as_region region;
    _Alignas(8) uint8_t storage[VML_AS_STORAGE(2)];
    uint8_t *ram;
    uint8_t file[2048];
};

static struct rig *make(void)
{
    struct rig *r = calloc(1, sizeof(*r));

    r->ram = aligned_alloc(4096, RAM_SIZE);
    memset(r->ram, 0xee, RAM_SIZE);
    r->region =
        (struct vml_as_region){.name = "ram", .base = RAM, .size = RAM_SIZE, .host = r->ram};
    assert_int_equal(vml_as_init(&r->as, r->storage, 2), VML_OK);
    assert_int_equal(vml_as_add(&r->as, &r->region), VML_OK);
    for (size_t i = 0; i < sizeof(r->file); i++) {
        r->file[i] = (uint8_t)(i * 7 + 1);
    }
    return r;
}

static void end(struct rig *r)
{
    free(r->ram);
    free(r);
}

static void linux_header(struct rig *r, uint64_t text_offset, uint64_t image_size, uint64_t flags)
{
    memset(r->file, 0, 64);
    vml_store_le64(r->file + 8, text_offset);
    vml_store_le64(r->file + 16, image_size);
    vml_store_le64(r->file + 24, flags);
    memcpy(r->file + 56, "ARM\x64", 4);
}

/* An executable of `segments` program headers, PT_NULL until they are set. */
static void elf_header(struct rig *r, uint64_t entry, uint16_t segments)
{
    memset(r->file, 0, EHDR + segments * PHDR);
    memcpy(r->file, "\177ELF\2\1\1", 7);
    vml_store_le16(r->file + 16, 2);   /* ET_EXEC */
    vml_store_le16(r->file + 18, 183); /* EM_AARCH64 */
    vml_store_le32(r->file + 20, 1);
    vml_store_le64(r->file + 24, entry);
    vml_store_le64(r->file + 32, EHDR);
    vml_store_le16(r->file + 52, EHDR);
    vml_store_le16(r->file + 54, PHDR);
    vml_store_le16(r->file + 56, segments);
}

static void segment(struct rig *r, uint32_t index, uint64_t offset, uint64_t virtual_address,
                    uint64_t address, uint64_t file_size, uint64_t memory_size)
{
    uint8_t *p = r->file + EHDR + (size_t)index * PHDR;

    vml_store_le32(p, 1); /* PT_LOAD */
    vml_store_le64(p + 8, offset);
    vml_store_le64(p + 16, virtual_address);
    vml_store_le64(p + 24, address);
    vml_store_le64(p + 32, file_size);
    vml_store_le64(p + 40, memory_size);
}

static enum vml_status inspect(const struct rig *r, struct vml_image *image, uint64_t size)
{
    return vml_loader_inspect(image, r->file, size);
}

static void is_filled(const struct rig *r, uint64_t from, uint64_t to, uint8_t value)
{
    for (uint64_t a = from; a < to; a++) {
        assert_int_equal(r->ram[a - RAM], value);
    }
}

static const struct vml_boot_config usual = {
    .ram_base = RAM, .ram_size = RAM_SIZE, .dtb_size = 0x10000, .initrd_size = 0x1234};

static void linux_image_goes_to_its_text_offset(void **state)
{
    struct rig *r = make();
    struct vml_image image;
    struct vml_boot_plan plan;

    linux_header(r, 0x10000, 0x3000, 0xa);
    assert_int_equal(inspect(r, &image, 1000), VML_OK);
    assert_int_equal(image.kind, VML_IMAGE_LINUX);
    assert_int_equal(image.span, 0x3000);
    assert_int_equal(image.text_offset, 0x10000);
    assert_int_equal(vml_loader_place(&plan, &image, &usual), VML_OK);
    assert_int_equal(plan.kernel, RAM + 0x10000);
    assert_int_equal(plan.entry, plan.kernel);
    assert_int_equal(plan.kernel_end, RAM + 0x13000);
    /* it "must not be placed within any 2M region which must be mapped with [...] attributes" */
    assert_int_equal(plan.dtb, RAM + 2 * MIB);
    assert_int_equal(plan.initrd, RAM + 2 * MIB + 0x10000);
    assert_int_equal(plan.initrd_size, 0x1234);
    assert_int_equal(vml_loader_load(&r->as, &image, &plan), VML_OK);
    assert_memory_equal(r->ram + 0x10000, r->file, 1000);
    is_filled(r, RAM, plan.kernel, 0xee);
    is_filled(r, plan.kernel + 1000, plan.kernel_end, 0);
    is_filled(r, plan.kernel_end, plan.kernel_end + 4096, 0xee);
    end(r);
}

/* "Where image_size is zero, text_offset can be assumed to be 0x80000." */
static void linux_image_before_3_17(void **state)
{
    struct rig *r = make();
    struct vml_image image;

    linux_header(r, 0x1234567890, 0, 0);
    assert_int_equal(inspect(r, &image, 1000), VML_OK);
    assert_int_equal(image.text_offset, 0x80000);
    assert_true(image.span >= 1000 + MIB);
    end(r);
}

/* A signature behind the image is no part of image_size; all of the file has its place. */
static void linux_file_longer_than_its_image(void **state)
{
    struct rig *r = make();
    struct vml_image image;

    linux_header(r, 0, 512, 0xa);
    assert_int_equal(inspect(r, &image, 1000), VML_OK);
    assert_int_equal(image.span, 1000);
    end(r);
}

static void linux_headers_that_are_refused(void **state)
{
    struct rig *r = make();
    struct vml_image image = {.size = 77};

    linux_header(r, 0, 0x3000, 1);
    assert_int_equal(inspect(r, &image, 1000), VML_ERR_UNSUPPORTED);
    linux_header(r, 2, 0x3000, 0);
    assert_int_equal(inspect(r, &image, 1000), VML_ERR_INVALID);
    assert_int_equal(image.size, 77);
    /* A header that is cut off is no header. */
    linux_header(r, 0, 0x3000, 0);
    assert_int_equal(inspect(r, &image, 63), VML_OK);
    assert_int_equal(image.kind, VML_IMAGE_FLAT);
    assert_int_equal(inspect(r, &image, 64), VML_OK);
    assert_int_equal(image.kind, VML_IMAGE_LINUX);
    end(r);
}

/* Sizes near 2^64 from a header neither wrap nor find room. */
static void sizes_beyond_all_memory(void **state)
{
    struct rig *r = make();
    struct vml_image image;
    struct vml_boot_plan plan = {.kernel = 77};
    static const uint64_t sizes[][2] = {
        {0, UINT64_MAX},      {UINT64_MAX - 3, 0x3000},    {UINT64_MAX - 3, UINT64_MAX},
        {0x1000, UINT64_MAX}, {UINT64_MAX - RAM, RAM - 1}, {RAM_SIZE, 0x1000},
    };

    for (size_t i = 0; i < VML_ARRAY_SIZE(sizes); i++) {
        linux_header(r, sizes[i][0] & ~UINT64_C(3), sizes[i][1], 0);
        assert_int_equal(inspect(r, &image, 1000), VML_OK);
        assert_int_equal(vml_loader_place(&plan, &image, &usual), VML_ERR_NO_SPACE);
    }
    linux_header(r, 0, 0, 0);
    assert_int_equal(vml_loader_inspect(&image, r->file, UINT64_MAX), VML_ERR_INVALID);
    assert_int_equal(plan.kernel, 77);
    end(r);
}

static void flat_binary_has_room_behind_it(void **state)
{
    struct rig *r = make();
    struct vml_image image;
    struct vml_boot_plan plan;
    struct vml_boot_config config = {.ram_base = RAM, .ram_size = UINT64_C(1) << 30, .dtb_size = 8};

    assert_int_equal(inspect(r, &image, 1000), VML_OK);
    assert_int_equal(image.kind, VML_IMAGE_FLAT);
    assert_int_equal(vml_loader_place(&plan, &image, &config), VML_OK);
    assert_int_equal(plan.kernel, RAM + 0x80000);
    assert_int_equal(plan.entry, RAM + 0x80000);
    assert_int_equal(plan.kernel_end, RAM + 0x80000 + 1000);
    assert_int_equal(plan.dtb, RAM + 128 * MIB);
    assert_int_equal(plan.initrd, 0);
    assert_int_equal(plan.initrd_size, 0);
    assert_int_equal(vml_loader_place(&plan, &image, &usual), VML_OK);
    assert_int_equal(plan.dtb, RAM + 2 * MIB);
    config.ram_size = 512 * 1024 + 1000;
    config.dtb_size = 0;
    assert_int_equal(vml_loader_place(&plan, &image, &config), VML_OK);
    assert_int_equal(plan.dtb, 0);
    config.ram_size--;
    assert_int_equal(vml_loader_place(&plan, &image, &config), VML_ERR_NO_SPACE);
    assert_int_equal(vml_loader_load(&r->as, &image, &plan), VML_OK);
    assert_memory_equal(r->ram + 0x80000, r->file, 1000);
    is_filled(r, RAM + 0x80000 + 1000, RAM + MIB, 0xee);
    end(r);
}

static void device_tree_and_initrd_fill_ram_to_its_last_byte(void **state)
{
    struct rig *r = make();
    struct vml_image image;
    struct vml_boot_plan plan;
    struct vml_boot_config config = usual;

    linux_header(r, 0, 0x3000, 0);
    assert_int_equal(inspect(r, &image, 1000), VML_OK);
    config.dtb_size = 0x1001;
    config.initrd_size = 2 * MIB - 0x2000;
    assert_int_equal(vml_loader_place(&plan, &image, &config), VML_OK);
    assert_int_equal(plan.initrd, RAM + 2 * MIB + 0x2000);
    assert_int_equal(plan.initrd + plan.initrd_size, RAM + RAM_SIZE);
    config.initrd_size++;
    assert_int_equal(vml_loader_place(&plan, &image, &config), VML_ERR_NO_SPACE);
    config.initrd_size = UINT64_MAX;
    assert_int_equal(vml_loader_place(&plan, &image, &config), VML_ERR_NO_SPACE);
    config.initrd_size = 0;
    config.dtb_size = 2 * MIB;
    assert_int_equal(vml_loader_place(&plan, &image, &config), VML_OK);
    config.dtb_size++;
    assert_int_equal(vml_loader_place(&plan, &image, &config), VML_ERR_INVALID);
    end(r);
}

static void configurations_that_are_refused(void **state)
{
    struct rig *r = make();
    struct vml_image image;
    struct vml_boot_plan plan;
    struct vml_boot_config config = usual;

    assert_int_equal(inspect(r, &image, 1000), VML_OK);
    config.ram_size = 0;
    assert_int_equal(vml_loader_place(&plan, &image, &config), VML_ERR_INVALID);
    config = usual;
    config.ram_base = RAM + MIB;
    assert_int_equal(vml_loader_place(&plan, &image, &config), VML_ERR_INVALID);
    config.ram_base = UINT64_MAX & ~UINT64_C(0x1fffff);
    assert_int_equal(vml_loader_place(&plan, &image, &config), VML_ERR_INVALID);
    memcpy(r->file, "\x1f\x8b", 2);
    assert_int_equal(inspect(r, &image, 1000), VML_OK);
    assert_int_equal(image.kind, VML_IMAGE_GZIP);
    assert_int_equal(vml_loader_place(&plan, &image, &usual), VML_ERR_INVALID);
    assert_int_equal(vml_loader_load(&r->as, &image, &plan), VML_ERR_INVALID);
    assert_int_equal(inspect(r, &image, 0), VML_ERR_INVALID);
    assert_int_equal(vml_loader_inspect(&image, NULL, 5), VML_ERR_INVALID);
    assert_int_equal(inspect(r, &image, 1), VML_OK);
    assert_int_equal(image.kind, VML_IMAGE_FLAT);
    end(r);
}

static void zboot_gives_its_compressed_part(void **state)
{
    struct rig *r = make();
    struct vml_image image;

    memset(r->file, 0, 64);
    memcpy(r->file, "MZ\0\0zimg", 8);
    vml_store_le32(r->file + 8, 0x100);
    vml_store_le32(r->file + 12, 744);
    memcpy(r->file + 24, "gzip", 5);
    assert_int_equal(inspect(r, &image, 1000), VML_OK);
    assert_int_equal(image.kind, VML_IMAGE_GZIP);
    assert_ptr_equal(image.bytes, r->file + 0x100);
    assert_int_equal(image.size, 744);
    assert_int_equal(inspect(r, &image, 999), VML_ERR_INVALID);
    vml_store_le32(r->file + 8, UINT32_MAX);
    assert_int_equal(inspect(r, &image, 1000), VML_ERR_INVALID);
    vml_store_le32(r->file + 12, 0);
    assert_int_equal(inspect(r, &image, 1000), VML_ERR_INVALID);
    memcpy(r->file + 24, "zstd", 5);
    assert_int_equal(inspect(r, &image, 1000), VML_ERR_UNSUPPORTED);
    end(r);
}

static void elf_segments_go_where_they_say(void **state)
{
    struct rig *r = make();
    struct vml_image image;
    struct vml_boot_plan plan;

    elf_header(r, RAM + MIB + 0x10, 4);
    segment(r, 1, 512, RAM + MIB, RAM + MIB, 256, 256);
    segment(r, 2, 768, RAM + MIB + 0x2000, RAM + MIB + 0x2000, 128, 4096);
    segment(r, 3, UINT64_MAX, 0, 0, UINT64_MAX, 0); /* of no size: nothing to look at */
    assert_int_equal(inspect(r, &image, 1000), VML_OK);
    assert_int_equal(image.kind, VML_IMAGE_ELF);
    assert_int_equal(image.base, RAM + MIB);
    assert_int_equal(image.span, 0x3000);
    assert_int_equal(vml_loader_place(&plan, &image, &usual), VML_OK);
    assert_int_equal(plan.kernel, RAM + MIB);
    assert_int_equal(plan.kernel_end, RAM + MIB + 0x3000);
    assert_int_equal(plan.entry, RAM + MIB + 0x10);
    assert_int_equal(plan.dtb, RAM + 2 * MIB);
    assert_int_equal(vml_loader_load(&r->as, &image, &plan), VML_OK);
    assert_memory_equal(r->ram + MIB, r->file + 512, 256);
    is_filled(r, RAM + MIB + 256, RAM + MIB + 0x2000, 0xee);
    assert_memory_equal(r->ram + MIB + 0x2000, r->file + 768, 128);
    is_filled(r, RAM + MIB + 0x2000 + 128, RAM + MIB + 0x3000, 0);
    is_filled(r, RAM + MIB + 0x3000, RAM + MIB + 0x4000, 0xee);
    end(r);
}

/* gABI: e_entry is a virtual address; the CPU starts with its MMU off. */
static void elf_entry_is_translated(void **state)
{
    struct rig *r = make();
    struct vml_image image;
    const uint64_t high = UINT64_C(0xffff000000080000);

    elf_header(r, high + 0x1ffc, 2);
    segment(r, 0, 512, high, RAM + MIB, 16, 0x1000);
    segment(r, 1, 512, high + 0x1000, RAM, 16, 0x1000);
    assert_int_equal(inspect(r, &image, 1000), VML_OK);
    assert_int_equal(image.entry, RAM + 0xffc);
    vml_store_le64(r->file + 24, high + 0x2000);
    assert_int_equal(inspect(r, &image, 1000), VML_ERR_INVALID);
    vml_store_le64(r->file + 24, high - 4);
    assert_int_equal(inspect(r, &image, 1000), VML_ERR_INVALID);
    vml_store_le64(r->file + 24, high + 2);
    assert_int_equal(inspect(r, &image, 1000), VML_ERR_INVALID);
    elf_header(r, high, 1);
    segment(r, 0, 512, high, RAM + 2, 16, 0x1000);
    assert_int_equal(inspect(r, &image, 1000), VML_ERR_INVALID);
    end(r);
}

static void elf_outside_of_ram(void **state)
{
    struct rig *r = make();
    struct vml_image image;
    struct vml_boot_plan plan;
    static const struct {
        uint64_t address, size;
        enum vml_status status;
    } cases[] = {
        {RAM - 4096, 4096, VML_ERR_RANGE},      {RAM - 16, 32, VML_ERR_RANGE},
        {RAM + RAM_SIZE, 16, VML_ERR_RANGE},    {RAM + RAM_SIZE - 16, 17, VML_ERR_RANGE},
        {RAM + RAM_SIZE + 4, 1, VML_ERR_RANGE}, {0, RAM + 1, VML_ERR_RANGE},
        {UINT64_MAX - 15, 16, VML_ERR_RANGE},   {RAM, RAM_SIZE + 1, VML_ERR_RANGE},
        {RAM, RAM_SIZE, VML_ERR_NO_SPACE},      {RAM, 2 * MIB, VML_OK},
    };

    for (size_t i = 0; i < VML_ARRAY_SIZE(cases); i++) {
        elf_header(r, 0, 1);
        segment(r, 0, 512, 0, cases[i].address, 0, cases[i].size);
        assert_int_equal(inspect(r, &image, 1000), VML_OK);
        assert_int_equal(vml_loader_place(&plan, &image, &usual), cases[i].status);
    }
    end(r);
}

static void elf_files_for_others(void **state)
{
    static const struct {
        uint8_t offset, value;
    } cases[] = {
        {4, 1},   /* 32 bits */
        {5, 2},   /* big-endian */
        {18, 62}, /* x86-64 */
        {16, 1},  /* relocatable */
        {16, 4},  /* core */
    };
    struct rig *r = make();
    struct vml_image image;

    for (size_t i = 0; i < VML_ARRAY_SIZE(cases); i++) {
        elf_header(r, 0, 1);
        segment(r, 0, 512, 0, RAM, 4, 4);
        r->file[cases[i].offset] = cases[i].value;
        assert_int_equal(inspect(r, &image, 1000), VML_ERR_UNSUPPORTED);
    }
    r->file[16] = 3; /* position-independent: where its headers say, too */
    assert_int_equal(inspect(r, &image, 1000), VML_OK);
    end(r);
}

static void elf_headers_that_contradict_the_file(void **state)
{
    struct rig *r = make();
    struct vml_image image = {.size = 77};
    static const struct {
        uint64_t offset, address, file_size, memory_size;
    } bad[] = {
        {512, RAM, 17, 16},       /* more in the file than in memory */
        {990, RAM, 11, 16},       /* behind the end of the file */
        {1001, RAM, 0, 16},       /* begins behind it */
        {UINT64_MAX, RAM, 2, 16}, /* wraps in the file */
        {512, UINT64_MAX, 2, 2},  /* wraps in memory */
    };

    for (size_t i = 0; i < VML_ARRAY_SIZE(bad); i++) {
        elf_header(r, 0, 1);
        segment(r, 0, bad[i].offset, 0, bad[i].address, bad[i].file_size, bad[i].memory_size);
        assert_int_equal(inspect(r, &image, 1000), VML_ERR_INVALID);
    }
    /* together all of memory */
    elf_header(r, 0, 2);
    segment(r, 0, 512, 0, 0, 16, 16);
    segment(r, 1, 512, 0, UINT64_MAX, 1, 1);
    assert_int_equal(inspect(r, &image, 1000), VML_ERR_INVALID);
    /* nothing to load */
    elf_header(r, 0, 1);
    assert_int_equal(inspect(r, &image, 1000), VML_ERR_INVALID);
    segment(r, 0, 512, 0, RAM, 4, 4);
    assert_int_equal(inspect(r, &image, 1000), VML_OK);
    assert_int_equal(inspect(r, &image, EHDR - 1), VML_ERR_INVALID);
    assert_int_equal(inspect(r, &image, EHDR + PHDR - 1), VML_ERR_INVALID);
    vml_store_le16(r->file + 54, PHDR - 8);
    assert_int_equal(inspect(r, &image, 1000), VML_ERR_INVALID);
    vml_store_le16(r->file + 54, PHDR);
    vml_store_le64(r->file + 32, UINT64_MAX - 8);
    assert_int_equal(inspect(r, &image, 1000), VML_ERR_INVALID);
    vml_store_le64(r->file + 32, 1000);
    assert_int_equal(inspect(r, &image, 1000), VML_ERR_INVALID);
    vml_store_le64(r->file + 32, EHDR);
    vml_store_le16(r->file + 56, 0);
    assert_int_equal(inspect(r, &image, 1000), VML_ERR_INVALID);
    vml_store_le16(r->file + 56, 0xffff);
    assert_int_equal(inspect(r, &image, 1000), VML_ERR_INVALID);
    end(r);
}

static void memory_that_is_not_there(void **state)
{
    struct rig *r = make();
    struct vml_image image;
    struct vml_boot_plan plan;
    struct vml_boot_config config = {.ram_base = RAM, .ram_size = 2 * RAM_SIZE};

    linux_header(r, RAM_SIZE - 64, 0x3000, 0);
    assert_int_equal(inspect(r, &image, 1000), VML_OK);
    assert_int_equal(vml_loader_place(&plan, &image, &config), VML_OK);
    assert_int_equal(vml_loader_load(&r->as, &image, &plan), VML_ERR_RANGE);
    elf_header(r, 0, 1);
    segment(r, 0, 512, 0, RAM + RAM_SIZE - 16, 16, 32);
    assert_int_equal(inspect(r, &image, 1000), VML_OK);
    assert_int_equal(vml_loader_place(&plan, &image, &config), VML_OK);
    assert_int_equal(vml_loader_load(&r->as, &image, &plan), VML_ERR_RANGE);
    end(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(linux_image_goes_to_its_text_offset),
        cmocka_unit_test(linux_image_before_3_17),
        cmocka_unit_test(linux_file_longer_than_its_image),
        cmocka_unit_test(linux_headers_that_are_refused),
        cmocka_unit_test(sizes_beyond_all_memory),
        cmocka_unit_test(flat_binary_has_room_behind_it),
        cmocka_unit_test(device_tree_and_initrd_fill_ram_to_its_last_byte),
        cmocka_unit_test(configurations_that_are_refused),
        cmocka_unit_test(zboot_gives_its_compressed_part),
        cmocka_unit_test(elf_segments_go_where_they_say),
        cmocka_unit_test(elf_entry_is_translated),
        cmocka_unit_test(elf_outside_of_ram),
        cmocka_unit_test(elf_files_for_others),
        cmocka_unit_test(elf_headers_that_contradict_the_file),
        cmocka_unit_test(memory_that_is_not_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
