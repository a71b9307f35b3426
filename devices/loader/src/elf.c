#include "elf.h"

#include <vml/arch.h>

enum {
    EHDR_SIZE = 64,
    PHDR_SIZE = 56,
    ELFCLASS64 = 2,
    ELFDATA2LSB = 1,
    ET_EXEC = 2,
    ET_DYN = 3,
    EM_AARCH64 = 183,
    PT_LOAD = 1,
    MAX_SEGMENTS = 64,
};

struct segment {
    uint32_t type;
    uint64_t offset;
    uint64_t virtual_address;
    uint64_t address; /* physical */
    uint64_t file_size;
    uint64_t memory_size;
};

static struct segment read_segment(const struct vml_image *image, uint32_t index)
{
    const uint8_t *p =
        image->bytes + vml_load_le64(image->bytes + 32) + (uint64_t)index * PHDR_SIZE;
    struct segment s = {
        .type = vml_load_le32(p),
        .offset = vml_load_le64(p + 8),
        .virtual_address = vml_load_le64(p + 16),
        .address = vml_load_le64(p + 24),
        .file_size = vml_load_le64(p + 32),
        .memory_size = vml_load_le64(p + 40),
    };

    return s;
}

static bool is_loaded(const struct segment *s)
{
    return s->type == PT_LOAD && s->memory_size != 0;
}

static bool segment_is_sane(const struct vml_image *image, const struct segment *s)
{
    return s->file_size <= s->memory_size && s->offset <= image->size &&
           s->file_size <= image->size - s->offset && !vml_range_wraps(s->address, s->memory_size);
}

static enum vml_status check_header(const struct vml_image *image, uint32_t *segments)
{
    const uint8_t *h = image->bytes;
    uint64_t table;
    uint16_t type;

    if (image->size < EHDR_SIZE) {
        return VML_ERR_INVALID;
    }
    if (h[4] != ELFCLASS64 || h[5] != ELFDATA2LSB || vml_load_le16(h + 18) != EM_AARCH64) {
        return VML_ERR_UNSUPPORTED;
    }
    type = vml_load_le16(h + 16);
    if (type != ET_EXEC && type != ET_DYN) {
        return VML_ERR_UNSUPPORTED;
    }
    table = vml_load_le64(h + 32);
    *segments = vml_load_le16(h + 56);
    if (vml_load_le16(h + 54) != PHDR_SIZE || *segments == 0 || *segments > MAX_SEGMENTS ||
        table > image->size || (uint64_t)*segments * PHDR_SIZE > image->size - table) {
        return VML_ERR_INVALID;
    }
    return VML_OK;
}

/* e_entry is a virtual address, and the boot CPU starts with its MMU off. */
static enum vml_status find_entry(struct vml_image *image, uint32_t segments)
{
    uint64_t entry = vml_load_le64(image->bytes + 24);
    uint32_t i;

    for (i = 0; i < segments; i++) {
        struct segment s = read_segment(image, i);
        uint64_t offset = entry - s.virtual_address;

        if (is_loaded(&s) && entry >= s.virtual_address && offset < s.memory_size) {
            image->entry = s.address + offset;
            return image->entry % 4 == 0 ? VML_OK : VML_ERR_INVALID;
        }
    }
    return VML_ERR_INVALID;
}

enum vml_status elf_inspect(struct vml_image *image)
{
    uint64_t low = UINT64_MAX;
    uint64_t high = 0;
    uint32_t segments;
    uint32_t i;
    enum vml_status status = check_header(image, &segments);

    if (status != VML_OK) {
        return status;
    }
    for (i = 0; i < segments; i++) {
        struct segment s = read_segment(image, i);

        if (!is_loaded(&s)) {
            continue;
        }
        if (!segment_is_sane(image, &s)) {
            return VML_ERR_INVALID;
        }
        low = vml_min_u64(low, s.address);
        high = vml_max_u64(high, s.address + (s.memory_size - 1));
    }
    /* Nothing to load, or all of 2^64 bytes. */
    if (low > high || high - low == UINT64_MAX) {
        return VML_ERR_INVALID;
    }
    image->base = low;
    image->span = high - low + 1;
    return find_entry(image, segments);
}

enum vml_status elf_load(struct vml_as *as, const struct vml_image *image)
{
    uint32_t segments = vml_load_le16(image->bytes + 56);
    uint32_t i;

    for (i = 0; i < segments; i++) {
        struct segment s = read_segment(image, i);
        enum vml_status status;

        if (!is_loaded(&s)) {
            continue;
        }
        status = vml_as_write(as, s.address, image->bytes + s.offset, s.file_size);
        if (status == VML_OK) {
            status = vml_as_fill(as, s.address + s.file_size, 0, s.memory_size - s.file_size);
        }
        if (status != VML_OK) {
            return status;
        }
    }
    return VML_OK;
}
