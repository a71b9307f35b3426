/* Counting: DDI 0271, operation of the timers. All in closed form, whatever time has passed. */
#include "sp804.h"

/* TimerPre 3 is undefined; it divides by 256 here. */
static uint64_t prescaler(const struct vml_sp804_timer *timer)
{
    static const uint16_t divisors[] = {1, 16, 256, 256};

    return divisors[timer->control >> PRESCALE_SHIFT & 3];
}

static uint32_t mask_of(const struct vml_sp804_timer *timer)
{
    return timer->control & SIZE_32 ? UINT32_MAX : UINT16_MAX;
}

/* Prescaled steps until zero is reached; UINT64_MAX for never. */
static uint64_t steps_left(const struct vml_sp804_timer *timer)
{
    uint32_t mask = mask_of(timer);
    uint64_t value = timer->value & mask;
    uint64_t load = timer->load & mask;

    if (value != 0) {
        return value;
    }
    if (timer->control & ONE_SHOT) {
        return UINT64_MAX; /* it stands at zero until it is loaded */
    }
    if (timer->control & PERIODIC) {
        return load + 1; /* a load of zero is reached with each step */
    }
    return (uint64_t)mask + 1;
}

uint64_t sp804_left(const struct vml_sp804_timer *timer)
{
    uint64_t steps = steps_left(timer);

    if (!(timer->control & ENABLE) || steps == UINT64_MAX) {
        return UINT64_MAX;
    }
    return steps * prescaler(timer);
}

/* Zero has been reached `past` steps ago: a periodic counter is reloaded as it reaches zero. */
static uint32_t value_after_zero(const struct vml_sp804_timer *timer, uint64_t past)
{
    uint32_t mask = mask_of(timer);
    uint32_t load = timer->load & mask;

    if (timer->control & ONE_SHOT) {
        return 0;
    }
    if (timer->control & PERIODIC) {
        return load == 0 ? 0 : load - (uint32_t)(past % load);
    }
    return (uint32_t)(0 - past) & mask;
}

void sp804_advance(struct vml_sp804_timer *timer, uint64_t *base, uint64_t now)
{
    uint64_t divisor = prescaler(timer);
    uint64_t steps = (now - *base) / divisor;
    uint64_t left = steps_left(timer);
    uint32_t mask = mask_of(timer);
    uint32_t value = timer->value & mask;

    /* Clocks of two host CPUs may differ by a little. */
    if ((int64_t)(now - *base) < 0) {
        return;
    }
    if (!(timer->control & ENABLE)) {
        *base = now;
        return;
    }
    *base += steps * divisor;
    if (steps >= left) {
        timer->ris = 1;
        value = value_after_zero(timer, steps - left);
    } else if (value != 0) {
        value -= (uint32_t)steps;
    } else if (steps != 0 && !(timer->control & ONE_SHOT)) {
        /* From zero the first step is to the load value, or to the highest. */
        value = (timer->control & PERIODIC ? timer->load & mask : mask) - (uint32_t)(steps - 1);
    }
    /* In 16-bit mode the upper half of TimerXValue stays what it was. */
    timer->value = (timer->value & ~mask) | value;
}
