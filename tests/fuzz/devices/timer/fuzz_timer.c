/* Register accesses and time, by the fuzzer: what was read back must fit what was written. */
#include <stdlib.h>
#include <string.h>

#include <vml/timer.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool level[VML_TIMERS];

static void set_level(void *controller, uint32_t line, uint32_t cpu, bool on)
{
    level[line] = on;
}

static const struct vml_irq_ops irq_ops = {.set_level = set_level};

static void check_output(struct vml_timer *timer, enum vml_timer_kind kind)
{
    uint32_t ctl = vml_timer_read_ctl(timer, kind);

    if (level[kind] != (ctl == (VML_TIMER_CTL_ENABLE | VML_TIMER_CTL_ISTATUS))) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vml_virtual_clock clock;
    struct vml_timer timer;
    struct vml_timer *const pointers[] = {&timer};
    struct vml_timers timers;
    struct vml_timer_config config = {.clock = &clock.clock};

    config.irq[0] = (struct vml_irq){&irq_ops, NULL, VML_TIMER_PHYSICAL, 0};
    config.irq[1] = (struct vml_irq){&irq_ops, NULL, VML_TIMER_VIRTUAL, 0};
    level[0] = level[1] = false;
    if (vml_virtual_clock_init(&clock, 62500000) != VML_OK ||
        vml_timer_init(&timer, &config) != VML_OK) {
        abort();
    }
    vml_timers_init(&timers, pointers, 1);
    for (size_t at = 0; at + 10 <= size; at += 10) {
        struct vml_access access = {.size = 8, .write = data[at] & 1};

        access.offset = VML_TIMER_SYSREG_LO + 8u * (data[at + 1] % (VML_TIMER_SYSREG_SIZE / 8));
        memcpy(&access.value, data + at + 2, 8);
        switch ((data[at] >> 1) & 3) {
        case 0:
            vml_virtual_clock_advance(&clock, vml_clock_now(&clock.clock) + (uint32_t)access.value);
            break;
        case 1:
            vml_timer_set_virtual_offset(&timer, access.value);
            break;
        default:
            (void)timers.device.ops->access(&timers.device, &access);
            break;
        }
        check_output(&timer, VML_TIMER_PHYSICAL);
        check_output(&timer, VML_TIMER_VIRTUAL);
    }
    if (size) {
        struct vml_state_reader r;

        vml_state_reader_init(&r, data, size);
        if (timers.device.ops->restore(&timers.device, &r) == VML_OK) {
            check_output(&timer, VML_TIMER_PHYSICAL);
            check_output(&timer, VML_TIMER_VIRTUAL);
        }
    }
    vml_timer_destroy(&timer);
    vml_clock_destroy(&clock.clock);
    return 0;
}
