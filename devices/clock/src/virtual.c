#include <vml/clock.h>

static uint64_t virtual_now(void *context)
{
    const struct vml_virtual_clock *clock = context;

    return __atomic_load_n(&clock->ticks, __ATOMIC_ACQUIRE);
}

enum vml_status vml_virtual_clock_init(struct vml_virtual_clock *clock, uint64_t frequency_hz)
{
    const struct vml_clock_source source = {
        .now = virtual_now,
        .context = clock,
        .frequency_hz = frequency_hz,
    };

    clock->ticks = 0;
    return vml_clock_init(&clock->clock, &source);
}

void vml_virtual_clock_advance(struct vml_virtual_clock *clock, uint64_t ticks)
{
    uint64_t deadline = vml_clock_next(&clock->clock);

    while (deadline <= ticks && deadline != VML_CLOCK_NEVER) {
        if (deadline > virtual_now(clock)) {
            __atomic_store_n(&clock->ticks, deadline, __ATOMIC_RELEASE);
        }
        vml_clock_run(&clock->clock);
        deadline = vml_clock_next(&clock->clock);
    }
    if (ticks > virtual_now(clock)) {
        __atomic_store_n(&clock->ticks, ticks, __ATOMIC_RELEASE);
    }
}
