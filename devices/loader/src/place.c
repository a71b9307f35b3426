#include <vml/loader.h>

#define MIB2 UINT64_C(0x200000)
/* Where a flat binary goes: RAM base + 512 KiB, as bare-metal suites for this machine expect. */
#define FLAT_OFFSET UINT64_C(0x80000)
/* The device tree of a flat binary goes here at most: its bss, of unknown size, is before that. */
#define FLAT_ROOM UINT64_C(0x8000000)

/* A cursor through RAM that remembers that it ran out. */
struct room {
    uint64_t next;
    uint64_t end;
    bool full;
};

static uint64_t take(struct room *room, uint64_t align, uint64_t size)
{
    uint64_t start = (room->next + (align - 1)) & ~(align - 1);

    if (room->full || start < room->next || start > room->end || size > room->end - start) {
        room->full = true;
        return 0;
    }
    room->next = start + size;
    return start;
}

static enum vml_status place_elf(struct vml_boot_plan *plan, const struct vml_image *image,
                                 struct room *room)
{
    if (image->base < room->next || image->base > room->end ||
        image->span > room->end - image->base) {
        return VML_ERR_RANGE;
    }
    plan->kernel = image->base;
    plan->entry = image->entry;
    room->next = image->base + image->span;
    return VML_OK;
}

static void place_image(struct vml_boot_plan *plan, const struct vml_image *image,
                        struct room *room)
{
    uint64_t offset = image->kind == VML_IMAGE_LINUX ? image->text_offset : FLAT_OFFSET;

    /* The gap below text_offset belongs to the kernel's 2 MiB block and stays free. */
    (void)take(room, MIB2, offset);
    plan->kernel = take(room, 1, image->span);
    plan->entry = plan->kernel;
}

enum vml_status vml_loader_place(struct vml_boot_plan *plan, const struct vml_image *image,
                                 const struct vml_boot_config *config)
{
    struct vml_boot_plan p = {.initrd_size = config->initrd_size};
    struct room room = {config->ram_base, config->ram_base + config->ram_size, false};
    enum vml_status status = VML_OK;

    if (config->ram_size == 0 || room.end < config->ram_base || config->ram_base % MIB2 != 0 ||
        config->dtb_size > MIB2 || image->kind == VML_IMAGE_GZIP) {
        return VML_ERR_INVALID;
    }
    if (image->kind == VML_IMAGE_ELF) {
        status = place_elf(&p, image, &room);
    } else {
        place_image(&p, image, &room);
    }
    if (status != VML_OK) {
        return status;
    }
    p.kernel_end = room.next;
    if (image->kind == VML_IMAGE_FLAT) {
        room.next =
            vml_max_u64(room.next, config->ram_base + vml_min_u64(config->ram_size / 2, FLAT_ROOM));
    }
    /*
     * The device tree "must not exceed 2 megabytes" and is mapped in 2 MiB blocks: from a boundary
     * on it crosses none. The initial RAM disk follows; it may not share a page with it.
     */
    if (config->dtb_size != 0) {
        p.dtb = take(&room, MIB2, config->dtb_size);
    }
    if (config->initrd_size != 0) {
        p.initrd = take(&room, 4096, config->initrd_size);
    }
    if (room.full) {
        return VML_ERR_NO_SPACE;
    }
    *plan = p;
    return VML_OK;
}
