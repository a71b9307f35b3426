/* Any accesses in any order, time passing, and any state image. */
#include <stdlib.h>
#include <vml/pl061.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct vml_pl061 gpio;
    struct vml_pl061_config config = {.inputs = 0x55};

    if (size == 0 || vml_pl061_init(&gpio, &config) != VML_OK) {
        return 0;
    }
    if (data[0] & 1) {
        struct vml_state_reader r;

        vml_state_reader_init(&r, data + 1, size - 1);
        (void)gpio.device.ops->restore(&gpio.device, &r);
    }
    for (size_t i = 1; i + 4 <= size; i += 4) {
        const uint8_t *p = data + i;
        struct vml_access a = {.offset = (p[1] | p[2] << 8) & 0xfff,
                               .value = p[3],
                               .size = (uint8_t)(1u << (p[0] & 3)),
                               .write = (p[0] & 4) != 0};

        if (p[0] & 8) {
            vml_pl061_set_input(&gpio, p[1], p[2] & 1);
        }
        (void)gpio.device.ops->access(&gpio.device, &a);
    }
    vml_pl061_destroy(&gpio);
    return 0;
}
