#include <vml/clock.h>

static uint64_t host_now(void *context)
{
    const struct vml_host_clock *host = context;

    return vml_clock_ns_to_ticks(&host->clock, vml_platform_time_ns() - host->origin_ns);
}

static void host_set_deadline(void *context, uint64_t deadline)
{
    struct vml_host_clock *host = context;
    uint64_t ns = VML_TIME_NEVER;

    /* Rounded up, so that the deadline has come when the timer fires. */
    if (deadline != VML_CLOCK_NEVER &&
        __builtin_add_overflow(vml_clock_ticks_to_ns(&host->clock, deadline), host->origin_ns,
                               &ns)) {
        ns = VML_TIME_NEVER;
    }
    vml_platform_timer_arm(&host->timer, ns);
}

static void host_timer(void *context)
{
    struct vml_host_clock *host = context;

    vml_clock_run(&host->clock);
}

enum vml_status vml_host_clock_init(struct vml_host_clock *clock, uint64_t frequency_hz)
{
    const struct vml_clock_source source = {
        .now = host_now,
        .set_deadline = host_set_deadline,
        .context = clock,
        .frequency_hz = frequency_hz,
    };
    enum vml_status status;

    if (frequency_hz == 0 || frequency_hz > 1000000000) {
        return VML_ERR_INVALID;
    }
    status = vml_clock_init(&clock->clock, &source);
    if (status != VML_OK) {
        return status;
    }
    clock->frequency_hz = frequency_hz;
    clock->origin_ns = vml_platform_time_ns();
    status = vml_platform_timer_init(&clock->timer, host_timer, clock);
    if (status != VML_OK) {
        vml_clock_destroy(&clock->clock);
    }
    return status;
}

void vml_host_clock_destroy(struct vml_host_clock *clock)
{
    vml_platform_timer_destroy(&clock->timer);
    vml_clock_destroy(&clock->clock);
}
