/* Any sequence of commands and reads, and any state image: nothing is written out of the
 * content. */
#include <stdlib.h>
#include <vml/flash.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t commands[] = {0x10, 0x20, 0x40, 0x50, 0x60, 0x70, 0x90, 0x98,
                                       0xd0, 0xe8, 0xff, 0x00, 0x01, 0x03, 0x1f, 0xf0};
    static struct vml_flash flash;
    static uint8_t *memory;
    struct vml_flash_config config = {.size = 1 << 20};

    if (!memory) {
        memory = calloc(1, 1 << 20);
    }
    config.memory = memory;
    if (size == 0 || !memory || vml_flash_init(&flash, &config) != VML_OK) {
        return 0;
    }
    if (data[0] & 1) {
        struct vml_state_reader r;

        vml_state_reader_init(&r, data + 1, size - 1);
        (void)flash.device.ops->restore(&flash.device, &r);
        size = size < 256 ? size : 256;
    }
    for (size_t i = 1; i + 3 <= size; i += 3) {
        const uint8_t *p = data + i;
        uint64_t low = p[1] | (uint64_t)(p[2] & 0xf) << 16;
        struct vml_access a = {.offset = p[0] & 8 ? (1 << 20) - 1 - low : low,
                               .value = commands[p[2] >> 4] * UINT64_C(0x10001),
                               .size = (uint8_t)(1u << (p[0] & 3)),
                               .write = (p[0] & 4) != 0};

        (void)flash.device.ops->access(&flash.device, &a);
    }
    vml_flash_destroy(&flash);
    return 0;
}
