/* Any accesses to any view, time passing, any image: what is not permitted reads as zero. */
#include <stdlib.h>
#include <vml/timer_frames.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
    if (!holds) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct vml_virtual_clock clock;
    static struct vml_timer timer[2];
    static struct vml_timer_frames frames;
    struct vml_timer_config timer_config = {.clock = &clock.clock};
    struct vml_timer_frames_config config = {
        .timer = {&timer[0], NULL, &timer[1]}, .with_virtual = 1, .with_el0 = 5};

    if (size == 0) {
        return 0;
    }
    check(vml_virtual_clock_init(&clock, 1000) == VML_OK);
    check(vml_timer_init(&timer[0], &timer_config) == VML_OK);
    check(vml_timer_init(&timer[1], &timer_config) == VML_OK);
    check(vml_timer_frames_init(&frames, &config) == VML_OK);
    if (data[0] & 1) {
        struct vml_state_reader r;

        vml_state_reader_init(&r, data + 1, size - 1);
        (void)frames.control.ops->restore(&frames.control, &r);
    }
    for (size_t i = 1; i + 6 <= size && i < 6 * 200; i += 6) {
        const uint8_t *p = data + i;
        struct vml_device *views[8] = {&frames.control,         &frames.frame[0].device,
                                       &frames.frame[2].device, &frames.el0[0].device,
                                       &frames.el0[2].device,   &frames.control,
                                       &frames.frame[0].device, &frames.el0[0].device};
        struct vml_device *view = views[p[0] >> 5];
        struct vml_access a = {.offset = p[1],
                               .value = p[2] | (uint64_t)p[3] << 8 | (uint64_t)p[4] << 56,
                               .size = (uint8_t)(1u << (p[0] & 3)),
                               .write = (p[0] & 4) != 0};
        enum vml_bus_result result = view->ops->access(view, &a);

        if (result == VML_BUS_OK && !a.write && view == &frames.el0[2].device) {
            /* without rights, and without a virtual timer */
            bool rights = frames.CNTACR[2] && frames.CNTEL0ACR[2];

            check(a.value == 0 || (rights && a.offset < 0x30 && (a.offset & ~7u) != 8));
        }
        vml_virtual_clock_advance(&clock, clock.ticks + p[5]);
    }
    vml_timer_destroy(&timer[0]);
    vml_timer_destroy(&timer[1]);
    vml_clock_destroy(&clock.clock);
    return 0;
}
