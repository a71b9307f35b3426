/* Any accesses in any order, time passing, and any state image. */
#include <stdlib.h>
#include <vml/pl031.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct vml_virtual_clock clock;
    static struct vml_pl031 rtc;
    struct vml_pl031_config config = {.clock = &clock.clock, .epoch_s = 1700000000};

    if (size == 0 || vml_virtual_clock_init(&clock, 1000) != VML_OK ||
        vml_pl031_init(&rtc, &config) != VML_OK) {
        return 0;
    }
    if (data[0] & 1) {
        struct vml_state_reader r;

        vml_state_reader_init(&r, data + 1, size - 1);
        (void)rtc.device.ops->restore(&rtc.device, &r);
        size = size < 64 ? size : 64;
    }
    for (size_t i = 1; i + 6 <= size; i += 6) {
        const uint8_t *p = data + i;
        struct vml_access a = {.offset = p[1],
                               .value = p[2] | (uint64_t)p[3] << 8 | (uint64_t)p[4] << 24,
                               .size = (uint8_t)(1u << (p[0] & 3)),
                               .write = (p[0] & 4) != 0};

        (void)rtc.device.ops->access(&rtc.device, &a);
        vml_virtual_clock_advance(&clock, clock.ticks + p[5] * 100u);
    }
    vml_pl031_destroy(&rtc);
    vml_clock_destroy(&clock.clock);
    return 0;
}
