/* Any accesses in any order, time passing, any image: the wires are what the registers say. */
#include <stdlib.h>
#include <vml/sp804.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool level[3];

static void set_level(void *controller, uint32_t line, uint32_t cpu, bool on)
{
    level[line] = on;
}

static void check(bool holds)
{
    if (!holds) {
        abort();
    }
}

static uint32_t read_word(struct vml_sp804 *timers, uint32_t offset)
{
    struct vml_access a = {.offset = offset, .size = 4};

    check(timers->device.ops->access(&timers->device, &a) == VML_BUS_OK);
    return (uint32_t)a.value;
}

static void check_wires(struct vml_sp804 *timers)
{
    uint32_t first = read_word(timers, 0x14), second = read_word(timers, 0x34);

    if (read_word(timers, 0xf00) == 0) {
        check(level[0] == (first != 0) && level[1] == (second != 0));
    }
    check(level[2] == (level[0] || level[1]));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct vml_irq_ops ops = {.set_level = set_level};
    static struct vml_virtual_clock clock;
    static struct vml_sp804 timers;
    struct vml_sp804_config config = {.irq = {{&ops, NULL, 0, 0}, {&ops, NULL, 1, 0}},
                                      .combined = {&ops, NULL, 2, 0},
                                      .clock = &clock.clock};

    memset(level, 0, sizeof(level));
    if (size == 0) {
        return 0;
    }
    config.frequency_hz = data[0] & 2 ? 24000 : 0;
    check(vml_virtual_clock_init(&clock, 1000) == VML_OK);
    check(vml_sp804_init(&timers, &config) == VML_OK);
    if (data[0] & 1) {
        struct vml_state_reader r;

        vml_state_reader_init(&r, data + 1, size - 1);
        (void)timers.device.ops->restore(&timers.device, &r);
    }
    for (size_t i = 1; i + 6 <= size && i < 6 * 200; i += 6) {
        const uint8_t *p = data + i;
        struct vml_access a = {.offset = p[1] & 0x80 ? 0xf00 + (p[1] & 4u) : p[1] & 0x3fu,
                               .value = p[2] | (uint64_t)p[3] << 8 | (uint64_t)p[4] << 24,
                               .size = (uint8_t)(1u << (p[0] & 3)),
                               .write = (p[0] & 4) != 0};

        (void)timers.device.ops->access(&timers.device, &a);
        vml_virtual_clock_advance(&clock, clock.ticks + ((uint64_t)p[5] << (p[0] >> 4)));
        check_wires(&timers);
    }
    vml_sp804_destroy(&timers);
    vml_clock_destroy(&clock.clock);
    return 0;
}
