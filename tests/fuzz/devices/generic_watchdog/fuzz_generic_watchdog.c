/* Any accesses in any order, time passing, any image: the wire is signal 0, and signal 1 is told.
   */
#include <stdlib.h>
#include <vml/generic_watchdog.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool level, was_told;

static void set_level(void *controller, uint32_t line, uint32_t cpu, bool on)
{
    level = on;
}

static void expired(void *context)
{
    was_told = true;
}

static void check(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void check_signals(struct vml_generic_watchdog *watchdog)
{
    struct vml_access a = {.offset = 0, .size = 4};

    check(watchdog->device.ops->access(&watchdog->device, &a) == VML_BUS_OK);
    check(level == ((a.value & 2) != 0));
    check(!(a.value & 4) || was_told);
    check(a.value == 0 || (a.value & 1));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct vml_irq_ops ops = {.set_level = set_level};
    static const uint16_t offsets[] = {0x00, 0x08, 0x0c, 0x10, 0x14, 0xfcc,  0x1000, 0x1fcc,
                                       0x04, 0x00, 0x08, 0x10, 0x02, 0x1004, 0x18,   0x1000};
    static struct vml_virtual_clock clock;
    static struct vml_timer timer;
    static struct vml_generic_watchdog watchdog;
    struct vml_timer_config timer_config = {.clock = &clock.clock};
    struct vml_generic_watchdog_config config = {
        .irq = {&ops, NULL, 0, 0}, .timer = &timer, .expired = expired};

    level = was_told = false;
    if (size == 0) {
        return 0;
    }
    check(vml_virtual_clock_init(&clock, 1000) == VML_OK);
    check(vml_timer_init(&timer, &timer_config) == VML_OK);
    check(vml_generic_watchdog_init(&watchdog, &config) == VML_OK);
    if (data[0] & 1) {
        struct vml_state_reader r;

        vml_state_reader_init(&r, data + 1, size - 1);
        (void)watchdog.device.ops->restore(&watchdog.device, &r);
    }
    for (size_t i = 1; i + 6 <= size && i < 6 * 200; i += 6) {
        const uint8_t *p = data + i;
        struct vml_access a = {.offset = offsets[p[1] & 15],
                               .value = p[2] | (uint64_t)p[3] << 8 | (uint64_t)p[4] << 56,
                               .size = (uint8_t)(1u << (p[0] & 3)),
                               .write = (p[0] & 4) != 0};

        (void)watchdog.device.ops->access(&watchdog.device, &a);
        vml_virtual_clock_advance(&clock, clock.ticks + ((uint64_t)p[5] << (p[0] >> 4)));
        check_signals(&watchdog);
    }
    vml_generic_watchdog_destroy(&watchdog);
    vml_timer_destroy(&timer);
    vml_clock_destroy(&clock.clock);
    return 0;
}
