/* Any file: what is placed lies in RAM and does not overlap, and loading stays within it. */
#include <stdlib.h>
#include <vml/arch.h>
#include <vml/loader.h>

#define RAM      UINT64_C(0x40000000)
#define RAM_SIZE UINT64_C(0x400000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void check_plan(const struct vml_boot_plan *plan, const struct vml_boot_config *config)
{
    uint64_t end = config->ram_base + config->ram_size;

    check(plan->kernel >= config->ram_base && plan->kernel < plan->kernel_end);
    check(plan->kernel_end <= end);
    check(plan->entry >= plan->kernel && plan->entry < plan->kernel_end && plan->entry % 4 == 0);
    if (config->dtb_size != 0) {
        check(plan->dtb >= plan->kernel_end && plan->dtb + config->dtb_size <= end);
        check(plan->dtb % 0x200000 == 0);
    }
    if (config->initrd_size != 0) {
        check(plan->initrd >= plan->kernel_end && plan->initrd >= plan->dtb + config->dtb_size);
        check(plan->initrd_size <= end - plan->initrd);
    }
}

/* The first four bytes are the configuration, the others the file. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t *ram;
    _Alignas(8) static uint8_t storage[VML_AS_STORAGE(1)];
    static struct vml_as as;
    static struct vml_as_region region = {.name = "ram", .base = RAM, .size = RAM_SIZE};
    struct vml_boot_config config = {.ram_base = RAM, .ram_size = RAM_SIZE};
    struct vml_boot_plan plan;
    struct vml_image image;

    if (!ram) {
        ram = aligned_alloc(4096, RAM_SIZE);
        region.host = ram;
        check(ram && vml_as_init(&as, storage, 1) == VML_OK && vml_as_add(&as, &region) == VML_OK);
    }
    if (size < 4) {
        return 0;
    }
    config.dtb_size = (uint64_t)data[0] << 13;
    config.initrd_size = data[1] == 0xff ? UINT64_MAX : (uint64_t)data[1] << 12;
    config.ram_size = data[2] == 0 ? RAM_SIZE : (uint64_t)data[2] << 16;
    config.ram_base = data[3] & 1 ? ~UINT64_C(0x1fffff) : RAM;
    if (vml_loader_inspect(&image, data + 4, size - 4) == VML_OK &&
        vml_loader_place(&plan, &image, &config) == VML_OK) {
        check_plan(&plan, &config);
        if (vml_loader_load(&as, &image, &plan) != VML_OK) {
            /* Only where the configuration promised more than there is. */
            check(config.ram_base != RAM || config.ram_size > RAM_SIZE);
        }
    }
    return 0;
}
