#ifndef VML_TIMER_PRIVATE_H
#define VML_TIMER_PRIVATE_H

#include <vml/timer.h>

/* What of a timer is saved, apart from the counter. */
struct timer_state {
    uint64_t virtual_offset;
    uint64_t cntkctl;
    uint64_t cval[VML_TIMERS];
    uint32_t ctl[VML_TIMERS];
};

/* One register of the table. */
struct timer_reg {
    uint64_t address;
    const char *name;
    uint64_t el0; /* any of these CNTKCTL_EL1 bits lets EL0 in */
    uint64_t (*read)(struct vml_timer *timer);
    void (*write)(struct vml_timer *timer, uint64_t value); /* NULL: not writable */
};

/* The row of an address, or NULL. */
const struct timer_reg *timer_reg_find(uint64_t address);

void timer_state_save(struct vml_timer *timer, struct vml_state_writer *w);
void timer_state_read(struct timer_state *state, struct vml_state_reader *r);
/* Takes a state over; the physical count is `count` now, when the clock says `now`. */
void timer_state_apply(struct vml_timer *timer, const struct timer_state *state, uint64_t count,
                       uint64_t now);

#endif
