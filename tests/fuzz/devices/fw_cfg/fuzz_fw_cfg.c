/* Any accesses, with DMA commands of any content in guest memory. */
#include <stdlib.h>
#include <string.h>
#include <vml/fw_cfg.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Its state saved, a byte of it changed, and restored or refused. */
static void change(struct vml_device *device, uint8_t at, uint8_t bits)
{
    uint8_t image[64], before[64], after[64];
    struct vml_state_writer w;
    struct vml_state_reader r;
    size_t used;

    vml_state_writer_init(&w, image, sizeof(image));
    device->ops->save(device, &w);
    used = w.used;
    if (vml_state_write_status(&w) != VML_OK) {
        abort();
    }
    memcpy(before, image, used);
    image[at % used] ^= bits;
    vml_state_reader_init(&r, image, used);
    if (device->ops->restore(device, &r) != VML_OK) {
        vml_state_writer_init(&w, after, sizeof(after));
        device->ops->save(device, &w);
        if (w.used != used || memcmp(before, after, used) != 0) {
            abort();
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static _Alignas(4096) uint8_t ram[4096];
    static _Alignas(8) uint8_t storage[VML_AS_STORAGE(1)];
    static struct vml_as as;
    static struct vml_fw_cfg cfg;
    static struct vml_fw_cfg_item items[8];
    static uint8_t directory[4 + 2 * VML_FW_CFG_DIR_ENTRY], file[16];
    const struct vml_as_region region = {.name = "ram", .size = 4096, .host = ram};
    struct vml_fw_cfg_config config = {.as = &as,
                                       .items = items,
                                       .max_items = 8,
                                       .directory = directory,
                                       .directory_size = sizeof(directory)};

    if (size < 64 || vml_as_init(&as, storage, 1) != VML_OK || vml_as_add(&as, &region) != VML_OK ||
        vml_fw_cfg_init(&cfg, &config) != VML_OK ||
        vml_fw_cfg_add_file(&cfg, "a", file, 16, true) != VML_OK ||
        vml_fw_cfg_add_file(&cfg, "b", file, 7, false) != VML_OK) {
        return 0;
    }
    memcpy(ram, data, 64);
    for (size_t i = 64; i + 4 <= size; i += 4) {
        const uint8_t *p = data + i;
        struct vml_access a = {.offset = p[1] & 31,
                               .value = p[2] | (uint64_t)p[3] << 8,
                               .size = (uint8_t)(1u << (p[0] & 3)),
                               .write = (p[0] & 4) != 0};

        if ((p[0] & 0x70) == 0x70) {
            change(&cfg.device, p[2], p[3]);
            continue;
        }
        if (p[0] & 8) {
            /* a DMA command that is certainly in memory */
            a = (struct vml_access){
                .offset = 16, .size = 8, .write = true, .value = (uint64_t)(p[1] & 63) << 56};
        }
        (void)cfg.device.ops->access(&cfg.device, &a);
    }
    vml_fw_cfg_destroy(&cfg);
    return 0;
}
