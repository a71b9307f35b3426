/*
 * Lock order: `lock` of a timer is a leaf. The clock's events and the wires are driven without it, by
 * one thread at a time for each unit: see unit_changed().
 */
#include "timer_private.h"

#define CTL_WRITABLE (VML_TIMER_CTL_ENABLE | VML_TIMER_CTL_IMASK)

static uint64_t count_of(const struct vml_timer *timer, unsigned kind)
{
    return kind == VML_TIMER_VIRTUAL ? vml_timer_virtual_count(timer)
                                     : vml_timer_physical_count(timer);
}

/* DDI 0487, the Generic Timer: the condition is met when count - CVAL >= 0, of unsigned values that
 * do not wrap. */
static bool condition_met(const struct vml_timer_unit *unit, uint64_t count)
{
    return count >= unit->cval;
}

static bool unmasked(const struct vml_timer_unit *unit)
{
    return (unit->ctl & CTL_WRITABLE) == VML_TIMER_CTL_ENABLE;
}

/* The clock's tick at which the output changes next, NEVER when it will not; and what it is now. */
static uint64_t next_change(const struct vml_timer *timer, const struct vml_timer_unit *unit,
                            bool *level)
{
    uint64_t now;
    uint64_t offset;
    uint64_t count;
    uint64_t ticks;

    *level = false;
    if (!unmasked(unit)) {
        return VML_CLOCK_NEVER;
    }
    now = vml_clock_now(timer->config.clock);
    offset = atomic_load_explicit(&timer->physical, memory_order_relaxed);
    if (unit->kind == VML_TIMER_VIRTUAL) {
        offset -= atomic_load_explicit(&timer->virtual_offset, memory_order_relaxed);
    }
    count = now + offset;
    *level = condition_met(unit, count);
    /* A count that an offset has put before zero wraps, and is below CVAL again. */
    ticks = (*level ? 0 : unit->cval) - count;
    /* Nothing is scheduled beyond the end of the clock's own range. */
    return ticks != 0 && ticks < VML_CLOCK_NEVER - now ? now + ticks : VML_CLOCK_NEVER;
}

static VML_COLD void trace(const struct vml_timer *timer, const struct vml_timer_unit *unit,
                           uint64_t deadline, bool fires)
{
    const struct vml_irq *irq = &timer->config.irq[unit->kind];

    /* From any thread: it is not the vCPU's ring. */
    if (deadline != VML_CLOCK_NEVER) {
        vml_trace(timer->config.debug, UINT32_MAX, VML_TRACE_TIMER_ARM, irq->line, deadline,
                  irq->cpu);
    }
    if (fires) {
        vml_trace(timer->config.debug, UINT32_MAX, VML_TRACE_TIMER_FIRE, irq->line, 0, irq->cpu);
    }
}

/*
 * Brings the event and the output up to date after a change. Called with the lock, returns without.
 *
 * Each thread does so itself, even while another is inside: the clock's thread that raises the output
 * wakes the vCPU, whose write that ends the interrupt must see it fall when it returns, although that
 * thread has not had its turn again. What threads that overlap have done may have overtaken each
 * other; so the last of them does it once more.
 */
static void unit_changed(struct vml_timer *timer, struct vml_timer_unit *unit)
{
    bool again = false;

    unit->inside++;
    do {
        bool level;
        uint64_t deadline = next_change(timer, unit, &level);
        bool drive = level != unit->level || again;

        unit->level = level;
        vml_mutex_unlock(&timer->lock);
        if (vml_trace_on(timer->config.debug)) {
            trace(timer, unit, deadline, level && drive);
        }
        vml_clock_event_arm(&unit->event, deadline);
        if (drive) {
            vml_irq_set(&timer->config.irq[unit->kind], level);
        }
        vml_mutex_lock(&timer->lock);
        if (unit->inside > 1) {
            unit->overlapped = true;
            break;
        }
        again = unit->overlapped;
        unit->overlapped = false;
    } while (again);
    unit->inside--;
    vml_mutex_unlock(&timer->lock);
}

static void deadline_passed(struct vml_clock_event *event)
{
    struct vml_timer_unit *unit = VML_CONTAINER_OF(event, struct vml_timer_unit, event);
    struct vml_timer_unit *first = unit - unit->kind;
    struct vml_timer *timer = VML_CONTAINER_OF(first, struct vml_timer, unit[0]);

    vml_mutex_lock(&timer->lock);
    unit_changed(timer, unit);
}

enum vml_status vml_timer_init(struct vml_timer *timer, const struct vml_timer_config *config)
{
    if (!config->clock) {
        return VML_ERR_INVALID;
    }
    memset(timer, 0, sizeof(*timer));
    timer->config = *config;
    atomic_init(&timer->physical, 0);
    atomic_init(&timer->virtual_offset, 0);
    atomic_init(&timer->cntkctl, 0);
    vml_mutex_init(&timer->lock);
    for (unsigned kind = 0; kind < VML_TIMERS; kind++) {
        timer->unit[kind].kind = (uint8_t)kind;
        vml_clock_event_init(&timer->unit[kind].event, config->clock, deadline_passed);
    }
    return VML_OK;
}

void vml_timer_destroy(struct vml_timer *timer)
{
    for (unsigned kind = 0; kind < VML_TIMERS; kind++) {
        vml_clock_event_cancel(&timer->unit[kind].event);
    }
    vml_mutex_destroy(&timer->lock);
}

void vml_timer_reset(struct vml_timer *timer)
{
    atomic_store_explicit(&timer->cntkctl, 0, memory_order_relaxed);
    for (unsigned kind = 0; kind < VML_TIMERS; kind++) {
        vml_mutex_lock(&timer->lock);
        timer->unit[kind].ctl = 0;
        timer->unit[kind].cval = 0;
        unit_changed(timer, &timer->unit[kind]);
    }
}

void vml_timer_set_virtual_offset(struct vml_timer *timer, uint64_t offset)
{
    vml_mutex_lock(&timer->lock);
    atomic_store_explicit(&timer->virtual_offset, offset, memory_order_relaxed);
    unit_changed(timer, &timer->unit[VML_TIMER_VIRTUAL]);
}

uint64_t vml_timer_virtual_offset(const struct vml_timer *timer)
{
    return atomic_load_explicit(&timer->virtual_offset, memory_order_relaxed);
}

uint32_t vml_timer_read_ctl(struct vml_timer *timer, enum vml_timer_kind kind)
{
    struct vml_timer_unit *unit = &timer->unit[kind];
    uint32_t ctl;

    vml_mutex_lock(&timer->lock);
    ctl = unit->ctl;
    if ((ctl & VML_TIMER_CTL_ENABLE) && condition_met(unit, count_of(timer, kind))) {
        ctl |= VML_TIMER_CTL_ISTATUS;
    }
    vml_mutex_unlock(&timer->lock);
    return ctl;
}

void vml_timer_write_ctl(struct vml_timer *timer, enum vml_timer_kind kind, uint32_t value)
{
    vml_mutex_lock(&timer->lock);
    timer->unit[kind].ctl = value & CTL_WRITABLE;
    unit_changed(timer, &timer->unit[kind]);
}

uint64_t vml_timer_read_cval(struct vml_timer *timer, enum vml_timer_kind kind)
{
    uint64_t cval;

    vml_mutex_lock(&timer->lock);
    cval = timer->unit[kind].cval;
    vml_mutex_unlock(&timer->lock);
    return cval;
}

void vml_timer_write_cval(struct vml_timer *timer, enum vml_timer_kind kind, uint64_t value)
{
    vml_mutex_lock(&timer->lock);
    timer->unit[kind].cval = value;
    unit_changed(timer, &timer->unit[kind]);
}

uint32_t vml_timer_read_tval(struct vml_timer *timer, enum vml_timer_kind kind)
{
    return (uint32_t)(vml_timer_read_cval(timer, kind) - count_of(timer, kind));
}

void vml_timer_write_tval(struct vml_timer *timer, enum vml_timer_kind kind, uint32_t value)
{
    uint64_t extended = (uint64_t)value | ((value >> 31) ? UINT64_C(0xffffffff00000000) : 0);

    vml_timer_write_cval(timer, kind, count_of(timer, kind) + extended);
}

uint64_t vml_timer_next(struct vml_timer *timer)
{
    uint64_t next = VML_CLOCK_NEVER;

    vml_mutex_lock(&timer->lock);
    for (unsigned kind = 0; kind < VML_TIMERS; kind++) {
        bool level;
        uint64_t change = next_change(timer, &timer->unit[kind], &level);

        next = vml_min_u64(next, level ? 0 : change);
    }
    vml_mutex_unlock(&timer->lock);
    return next;
}

void timer_state_save(struct vml_timer *timer, struct vml_state_writer *w)
{
    vml_mutex_lock(&timer->lock);
    vml_state_put_u64(w, vml_timer_virtual_offset(timer));
    vml_state_put_u64(w, atomic_load_explicit(&timer->cntkctl, memory_order_relaxed));
    for (unsigned kind = 0; kind < VML_TIMERS; kind++) {
        vml_state_put_u64(w, timer->unit[kind].cval);
        vml_state_put_u32(w, timer->unit[kind].ctl);
    }
    vml_mutex_unlock(&timer->lock);
}

void timer_state_apply(struct vml_timer *timer, const struct timer_state *state, uint64_t count,
                       uint64_t now)
{
    vml_mutex_lock(&timer->lock);
    atomic_store_explicit(&timer->physical, count - now, memory_order_relaxed);
    atomic_store_explicit(&timer->virtual_offset, state->virtual_offset, memory_order_relaxed);
    atomic_store_explicit(&timer->cntkctl, state->cntkctl, memory_order_relaxed);
    for (unsigned kind = 0; kind < VML_TIMERS; kind++) {
        timer->unit[kind].cval = state->cval[kind];
        timer->unit[kind].ctl = state->ctl[kind];
    }
    unit_changed(timer, &timer->unit[VML_TIMER_PHYSICAL]);
    vml_mutex_lock(&timer->lock);
    unit_changed(timer, &timer->unit[VML_TIMER_VIRTUAL]);
}
