/* Any accesses in any order, time passing, any image: the wire is what registers B and C say. */
#include <stdlib.h>
#include <vml/mc146818.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool level;

static void set_level(void *controller, uint32_t line, uint32_t cpu, bool on)
{
    level = on;
}

static void check(bool holds)
{
    if (!holds) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct vml_irq_ops ops = {.set_level = set_level};
    static struct vml_virtual_clock clock;
    static struct vml_mc146818 rtc;
    struct vml_mc146818_config config = {
        .irq = {&ops, NULL, 0, 0}, .clock = &clock.clock, .epoch_s = 1700000000};

    level = false;
    if (size == 0) {
        return 0;
    }
    check(vml_virtual_clock_init(&clock, data[0] & 2 ? 1000 : 62500000) == VML_OK);
    check(vml_mc146818_init(&rtc, &config) == VML_OK);
    if (data[0] & 1) {
        struct vml_state_reader r;

        vml_state_reader_init(&r, data + 1, size - 1);
        (void)rtc.device.ops->restore(&rtc.device, &r);
    }
    for (size_t i = 1; i + 4 <= size && i < 4 * 100; i += 4) {
        const uint8_t *p = data + i;
        struct vml_access a = {.offset = 0, .value = p[1], .size = 1, .write = true};
        unsigned events = 0;

        (void)rtc.device.ops->access(&rtc.device, &a);
        a = (struct vml_access){.offset = 1,
                                .value = p[2],
                                .size = (uint8_t)(1u << (p[0] >> 1 & 1)),
                                .write = (p[0] & 4) != 0};
        (void)rtc.device.ops->access(&rtc.device, &a);
        /* A deadline that is passed is not asked for again at once. */
        while (events < 4 && vml_clock_next(&clock.clock) <= clock.ticks) {
            vml_virtual_clock_advance(&clock, clock.ticks);
            vml_clock_run(&clock.clock);
            events++;
        }
        check(events < 4);
        vml_virtual_clock_advance(&clock, clock.ticks + ((uint64_t)p[3] << (p[0] >> 3)));
        check(level == ((rtc.state.bytes[0x0b] & rtc.state.bytes[0x0c] & 0x70) != 0));
    }
    vml_mc146818_destroy(&rtc);
    vml_clock_destroy(&clock.clock);
    return 0;
}
