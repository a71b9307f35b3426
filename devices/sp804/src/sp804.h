/* One timer as a function of the time. */
#ifndef VML_SP804_PRIVATE_H
#define VML_SP804_PRIVATE_H

#include <vml/sp804.h>

enum {
    ONE_SHOT = 0x01,
    SIZE_32 = 0x02,
    PRESCALE_SHIFT = 2,
    INT_ENABLE = 0x20,
    PERIODIC = 0x40,
    ENABLE = 0x80,
    CONTROL_MASK = 0xef,
    CONTROL_RESET = INT_ENABLE,
};

/* Brings a timer up to TIMCLK `now`; `base` is when it was up to date. */
void sp804_advance(struct vml_sp804_timer *timer, uint64_t *base, uint64_t now);
/* TIMCLK ticks from `base` until it reaches zero next; UINT64_MAX for never. */
uint64_t sp804_left(const struct vml_sp804_timer *timer);

#endif
