/**
 * @file
 * @brief A counter that runs at a rate of its own beside a clock, exactly and without drift.
 *
 * A device whose input clock is not the `vml_clock` that it was configured with (a watchdog at 32
 * kHz on a clock of 62.5 MHz) counts floor(ticks * rate / frequency).
 * @addtogroup vml_clock
 * @{
 */
#ifndef VML_CLOCK_RATE_H
#define VML_CLOCK_RATE_H

#include <vml/clock.h>

#ifdef __cplusplus
extern "C" {
#endif

/** @brief Two frequencies. Members are private. */
struct vml_clock_rate {
    uint64_t hz;       /**< of the counter */
    uint64_t clock_hz; /**< of the clock */
};

/** @brief Makes it ready.
 * @param hz of the counter, below 2^32; 0: as the clock
 * @return VML_ERR_INVALID when either frequency has more than 32 bits and they differ */
static inline VML_MUST_CHECK enum vml_status
vml_clock_rate_init(struct vml_clock_rate *rate, const struct vml_clock *clock, uint64_t hz)
{
    rate->clock_hz = vml_clock_frequency(clock);
    rate->hz = hz ? hz : rate->clock_hz;
    return rate->hz == rate->clock_hz || (rate->hz <= UINT32_MAX && rate->clock_hz <= UINT32_MAX)
               ? VML_OK
               : VML_ERR_INVALID;
}

/** @brief What the counter shows at a tick of the clock; it was 0 at tick 0, and wraps. */
static inline uint64_t vml_clock_rate_count(const struct vml_clock_rate *rate, uint64_t ticks)
{
    if (VML_LIKELY(rate->hz == rate->clock_hz)) {
        return ticks;
    }
    return ticks / rate->clock_hz * rate->hz + ticks % rate->clock_hz * rate->hz / rate->clock_hz;
}

/** @brief The first tick at which the counter shows `count` or more; VML_CLOCK_NEVER when that is
 * not within the clock's range. */
static inline uint64_t vml_clock_rate_tick(const struct vml_clock_rate *rate, uint64_t count)
{
    uint64_t seconds, rest;

    if (VML_LIKELY(rate->hz == rate->clock_hz)) {
        return count;
    }
    seconds = count / rate->hz;
    rest = (count % rate->hz * rate->clock_hz + (rate->hz - 1)) / rate->hz;
    if (seconds > (VML_CLOCK_NEVER - rest) / rate->clock_hz) {
        return VML_CLOCK_NEVER;
    }
    return seconds * rate->clock_hz + rest;
}

#ifdef __cplusplus
}
#endif
/** @} */
#endif
