/* Any accesses in any order, time passing, any image: the wire is what the registers say, and a
 * reset is asked for only where it is enabled. */
#include <stdlib.h>
#include <vml/sp805.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool level;
static unsigned resets;

static void set_level(void *controller, uint32_t line, uint32_t cpu, bool on)
{
    level = on;
}

static void expired(void *context)
{
    resets++;
}

static void check(bool holds)
{
    if (!holds) {
        abort();
    }
}

static uint32_t read_word(struct vml_sp805 *watchdog, uint32_t offset)
{
    struct vml_access a = {.offset = offset, .size = 4};

    check(watchdog->device.ops->access(&watchdog->device, &a) == VML_BUS_OK);
    return (uint32_t)a.value;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct vml_irq_ops ops = {.set_level = set_level};
    static const uint16_t offsets[] = {0x00,  0x04, 0x08, 0x0c,  0x10, 0x14, 0xc00, 0xf00,
                                       0xf04, 0x00, 0x08, 0xfe0, 0x02, 0x18, 0xffc, 0xc01};
    static struct vml_virtual_clock clock;
    static struct vml_sp805 watchdog;
    struct vml_sp805_config config = {
        .irq = {&ops, NULL, 0, 0}, .clock = &clock.clock, .expired = expired};

    level = false;
    resets = 0;
    if (size == 0) {
        return 0;
    }
    config.frequency_hz = data[0] & 2 ? 24000 : 0;
    check(vml_virtual_clock_init(&clock, 1000) == VML_OK);
    check(vml_sp805_init(&watchdog, &config) == VML_OK);
    if (data[0] & 1) {
        struct vml_state_reader r;

        vml_state_reader_init(&r, data + 1, size - 1);
        (void)watchdog.device.ops->restore(&watchdog.device, &r);
    }
    for (size_t i = 1; i + 6 <= size && i < 6 * 200; i += 6) {
        const uint8_t *p = data + i;
        struct vml_access a = {.offset = offsets[p[1] & 15],
                               .value = p[2] | (uint64_t)p[3] << 8 | (uint64_t)p[4] << 24,
                               .size = (uint8_t)(1u << (p[0] & 3)),
                               .write = (p[0] & 4) != 0};
        uint32_t enabled = read_word(&watchdog, 0x08) & 2, testing = read_word(&watchdog, 0xf00);
        unsigned before = resets;

        if (p[1] & 0x80) {
            a.value = VML_SP805_UNLOCK;
        }
        (void)watchdog.device.ops->access(&watchdog.device, &a);
        vml_virtual_clock_advance(&clock, clock.ticks + ((uint64_t)p[5] << (p[0] >> 4)));
        enabled |= read_word(&watchdog, 0x08) & 2;
        testing |= read_word(&watchdog, 0xf00);
        check(resets == before || enabled || testing);
        if (!read_word(&watchdog, 0xf00)) {
            check(level == (read_word(&watchdog, 0x14) != 0));
        }
    }
    vml_sp805_destroy(&watchdog);
    vml_clock_destroy(&clock.clock);
    return 0;
}
