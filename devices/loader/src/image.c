#include "elf.h"

#include <vml/arch.h>

/* The 64-byte header of Documentation/arch/arm64/booting.rst, "Call the kernel image". */
enum {
    LINUX_HEADER_SIZE = 64,
    LINUX_TEXT_OFFSET = 8,
    LINUX_IMAGE_SIZE = 16,
    LINUX_FLAGS = 24,
    LINUX_MAGIC = 56,
    LINUX_FLAG_BIG_ENDIAN = 1,
    /* "Prior to v3.17 image_size is zero, and text_offset is 0x80000": the space to give then. */
    LINUX_OLD_TEXT_OFFSET = 0x80000,
    LINUX_OLD_BSS = 0x400000,
    /* An EFI program that unpacks a kernel: drivers/firmware/efi/libstub/zboot-header.S in Linux.
       */
    ZBOOT_HEADER_SIZE = 64,
    ZBOOT_TYPE = 4,
    ZBOOT_PAYLOAD_OFFSET = 8,
    ZBOOT_PAYLOAD_SIZE = 12,
    ZBOOT_COMPRESSION = 24,
};

static bool has_bytes(const struct vml_image *image, uint64_t offset, const char *bytes,
                      uint32_t count)
{
    return offset <= image->size && count <= image->size - offset &&
           memcmp(image->bytes + offset, bytes, count) == 0;
}

static enum vml_status inspect_linux(struct vml_image *image)
{
    const uint8_t *h = image->bytes;
    uint64_t image_size = vml_load_le64(h + LINUX_IMAGE_SIZE);

    if (vml_load_le64(h + LINUX_FLAGS) & LINUX_FLAG_BIG_ENDIAN) {
        return VML_ERR_UNSUPPORTED;
    }
    image->kind = VML_IMAGE_LINUX;
    if (image_size == 0) {
        image->text_offset = LINUX_OLD_TEXT_OFFSET;
        image->span = image->size + LINUX_OLD_BSS;
        return image->span < image->size ? VML_ERR_INVALID : VML_OK;
    }
    image->text_offset = vml_load_le64(h + LINUX_TEXT_OFFSET);
    if (image->text_offset % 4 != 0) {
        return VML_ERR_INVALID;
    }
    /* Padding or a signature may follow the image in its file. */
    image->span = vml_max_u64(image_size, image->size);
    return VML_OK;
}

static enum vml_status inspect_zboot(struct vml_image *image)
{
    uint64_t offset = vml_load_le32(image->bytes + ZBOOT_PAYLOAD_OFFSET);
    uint64_t size = vml_load_le32(image->bytes + ZBOOT_PAYLOAD_SIZE);

    if (!has_bytes(image, ZBOOT_COMPRESSION, "gzip", sizeof("gzip"))) {
        return VML_ERR_UNSUPPORTED;
    }
    if (size == 0 || offset > image->size || size > image->size - offset) {
        return VML_ERR_INVALID;
    }
    image->kind = VML_IMAGE_GZIP;
    image->bytes += offset;
    image->size = size;
    image->span = size;
    return VML_OK;
}

enum vml_status vml_loader_inspect(struct vml_image *image, const void *bytes, uint64_t size)
{
    struct vml_image found = {.kind = VML_IMAGE_FLAT, .bytes = bytes, .size = size, .span = size};
    enum vml_status status = VML_OK;

    if (!bytes || size == 0) {
        return VML_ERR_INVALID;
    }
    if (size >= LINUX_HEADER_SIZE && has_bytes(&found, LINUX_MAGIC, "ARM\x64", 4)) {
        status = inspect_linux(&found);
    } else if (has_bytes(&found, 0, "\177ELF", 4)) {
        found.kind = VML_IMAGE_ELF;
        status = elf_inspect(&found);
    } else if (size >= ZBOOT_HEADER_SIZE && has_bytes(&found, 0, "MZ", 2) &&
               has_bytes(&found, ZBOOT_TYPE, "zimg", 4)) {
        status = inspect_zboot(&found);
    } else if (has_bytes(&found, 0, "\x1f\x8b", 2)) {
        found.kind = VML_IMAGE_GZIP;
    }
    if (status == VML_OK) {
        *image = found;
    }
    return status;
}

enum vml_status vml_loader_load(struct vml_as *as, const struct vml_image *image,
                                const struct vml_boot_plan *plan)
{
    enum vml_status status;

    if (image->kind == VML_IMAGE_GZIP) {
        return VML_ERR_INVALID;
    }
    if (image->kind == VML_IMAGE_ELF) {
        return elf_load(as, image);
    }
    status = vml_as_write(as, plan->kernel, image->bytes, image->size);
    if (status != VML_OK) {
        return status;
    }
    return vml_as_fill(as, plan->kernel + image->size, 0, image->span - image->size);
}
