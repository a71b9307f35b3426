/* The CPU interface behind GICC and ICC: acknowledge, priority drop, deactivation. */
#include "lpi.h"

/* IHI 0069H 4.8.2, table 4-3: group 1's binary point counts from one bit lower than group 0's. */
void gic_binary_points(struct vml_gic *gic, struct vml_gic_cpu *cpu)
{
    uint32_t cbpr = cpu->ctlr & (gic->config.version == 3 ? ICC_CBPR : GICC_CBPR);

    cpu->group_mask[0] = UINT32_MAX << (cpu->bpr[0] + 1) & 0xff;
    cpu->outs[0] = gic->config.version == 3 || (cpu->ctlr & GICC_FIQEN) ? OUT_FIQ : OUT_IRQ;
    cpu->outs[1] = OUT_IRQ;
    cpu->group_mask[1] = cbpr ? cpu->group_mask[0] : UINT32_MAX << cpu->bpr[1] & 0xff;
}

/* Ends a change of a vCPU's interface: outputs, unlock, tell. */
static inline void leave(struct vml_gic *gic, struct vml_gic_cpu *c)
{
    uint32_t change = gic_update(gic, c);

    vml_mutex_unlock(&c->lock);
    gic_tell(gic, gic_index(gic, c), change);
}

static uint32_t take_sgi_source(struct vml_gic_cpu *c, uint32_t intid)
{
    uint32_t sources = LOAD(&c->sgi_sources[intid]), source;

    if (sources == 0) {
        return 0;
    }
    source = vml_ctz32(sources);
    sources &= sources - 1;
    STORE(&c->sgi_sources[intid], (uint8_t)sources);
    c->sgi_active[intid] = (uint8_t)source;
    gic_put_bits(&c->private_irqs.latch, VML_BIT32(intid), sources != 0);
    return source << 10;
}

/* From pending to active. Returns the value of IAR. */
static VML_ALWAYS_INLINE uint32_t take(struct vml_gic *gic, struct vml_gic_cpu *c,
                                       struct gic_candidate best, uint32_t intid)
{
    struct vml_gic_word *w = gic_word(gic, gic_index(gic, c), intid / 32);
    uint32_t bit = VML_BIT32(intid % 32);

    gic_dequeue(gic, c, best.group, best.priority >> 3, intid);
    gic_put_bits(&w->active, bit, true);
    gic_put_bits(&w->gate, bit, false);
    gic_note_taken(gic, c, intid);
    if (intid < 16 && gic->config.version == 2) {
        return intid | take_sgi_source(c, intid);
    }
    gic_put_bits(&w->latch, bit, false);
    return gic_intid(intid);
}

static VML_COLD uint32_t take_extended(struct vml_gic *gic, struct vml_gic_cpu *c,
                                       struct gic_candidate best, uint32_t intid)
{
    return take(gic, c, best, intid);
}

/* As gic_acknowledge(). Lock held, and released. */
static __attribute__((noinline)) uint32_t acknowledge(struct vml_gic *gic, uint32_t cpu,
                                                      uint32_t groups)
{
    struct vml_gic_cpu *c = &gic->cpus[cpu];
    struct gic_candidate best;
    uint32_t intid, value;

    gic_settle(gic, c);
    best = gic_candidate(c);
    if (!gic_can_take(c, best) || !(groups >> best.group & 1)) {
        bool hidden = gic_can_take(c, best) && gic->config.version == 2 && best.group == 1;

        vml_mutex_unlock(&c->lock);
        return hidden ? 1022 : VML_GIC_SPURIOUS; /* IHI 0048B 4.4.4: AckCtl */
    }
    intid = gic_candidate_intid(gic, c, best);
    if (VML_LIKELY(intid < LPI_MARK)) {
        value = take(gic, c, best, intid);
    } else {
        value = intid == LPI_MARK ? gic_lpi_acknowledge(gic, c, best.priority >> 3)
                                  : take_extended(gic, c, best, intid);
    }
    c->apr[best.group] |= VML_BIT32((best.priority & c->group_mask[best.group]) >> 3);
    gic_set_running(c);
    leave(gic, c);
    vml_trace(gic->config.debug, cpu, VML_TRACE_IRQ_ACK, value, best.priority, 0);
    return value;
}

/* Takes the most urgent interrupt if it is in one of `groups`. Returns the value of IAR. A wire that
 * shortcut.c raised is signalled, so it can be taken. */
uint32_t gic_acknowledge(struct vml_gic *gic, uint32_t cpu, uint32_t groups)
{
    struct vml_gic_cpu *c = &gic->cpus[cpu];
    struct vml_gic_line *line;
    uint32_t place, priority, intid;

    vml_mutex_lock(&c->lock);
    line = c->pending_line;
    if (!line || !(groups >> (line->place & 1) & 1) || gic_is_resident(c)) {
        return acknowledge(gic, cpu, groups);
    }
    place = line->place;
    intid = (uint32_t)LOAD(&line->lr);
    priority = place >> 1 << 3 & c->group_mask[place & 1];
    gic_put_bits(&line->word->active, line->bit, true);
    gic_put_bits(&line->word->gate, line->bit, false);
    gic_note_taken(gic, c, intid);
    c->pending_line = NULL;
    c->fit_line = NULL;
    c->apr[place & 1] |= VML_BIT32(priority >> 3);
    c->running = priority;
    leave(gic, c);
    vml_trace(gic->config.debug, cpu, VML_TRACE_IRQ_ACK, intid, place >> 1 << 3, 0);
    return intid;
}

/* Drops the running priority if it is of one of `groups`. */
static VML_ALWAYS_INLINE bool drop(struct vml_gic_cpu *c, uint32_t groups)
{
    uint32_t lowest = (c->apr[0] | c->apr[1]) & -(c->apr[0] | c->apr[1]);
    uint32_t group = (c->apr[0] & lowest) == 0;

    if (lowest == 0 || !(groups >> group & 1)) {
        return false;
    }
    c->apr[group] &= ~lowest;
    gic_set_running(c);
    return true;
}

static inline void deactivate_locked(struct vml_gic *gic, struct vml_gic_cpu *c,
                                     struct vml_gic_word *w, uint32_t intid)
{
    uint32_t bit = VML_BIT32(intid % 32);

    if (LOAD(&w->active) & bit) {
        gic_put_bits(&w->active, bit, false);
        if (LOAD(&w->enabled) & LOAD(&w->routed) & ~LOAD(&w->listed) & bit) {
            gic_put_bits(&w->gate, bit, true);
            if (gic_pending_bits(w) & bit) {
                gic_enqueue_at(gic, c, gic_place(gic, c, intid), intid);
            }
        }
    }
}

/* A linked interrupt that is deactivated has been served: hardware says when it comes again. */
static void lower_linked(struct vml_gic *gic, uint32_t cpu, struct vml_gic_word *w, uint32_t intid)
{
    if (LOAD(gic_link_of(gic, cpu, intid)) != 0 &&
        (~LOAD(&w->edge) & LOAD(&w->active)) >> intid % 32 & 1) {
        gic_put_bits(&w->level, VML_BIT32(intid % 32), false);
    }
}

void gic_deactivate(struct vml_gic *gic, uint32_t cpu, uint32_t intid)
{
    struct vml_gic_cpu *c;
    struct vml_gic_word *w;

    if (!gic_is_implemented(gic, intid)) {
        return;
    }
    c = gic_lock_owner(gic, intid, cpu);
    w = gic_word(gic, cpu, intid / 32);
    lower_linked(gic, cpu, w, intid);
    deactivate_locked(gic, c, w, intid);
    leave(gic, c);
}

static VML_ALWAYS_INLINE void end(struct vml_gic *gic, uint32_t cpu, uint32_t intid,
                                  uint32_t groups, bool deactivate, const bool extended)
{
    struct vml_gic_cpu *c = &gic->cpus[cpu];
    uint32_t number = 0;
    bool elsewhere = false;

    gic_lock(gic, c);
    if (drop(c, groups) && deactivate) {
        number = extended ? gic_number(gic, intid) : intid % FIRST_EPPI;
        elsewhere = !gic_is_private(number) && LOAD(&gic->owner[number]) != cpu;
        if (!elsewhere) {
            deactivate_locked(gic, c, gic_word(gic, cpu, number / 32), number);
        }
    }
    leave(gic, c);
    vml_trace(gic->config.debug, cpu, VML_TRACE_IRQ_EOI, intid, 0, 0);
    if (elsewhere) {
        gic_deactivate(gic, cpu, number);
    }
}

static VML_COLD void end_extended(struct vml_gic *gic, uint32_t cpu, uint32_t intid,
                                  uint32_t groups, bool deactivate)
{
    if (gic_is_implemented(gic, gic_number(gic, intid))) {
        end(gic, cpu, intid, groups, deactivate, true);
    }
}

/* A write of EOIR. */
void gic_end(struct vml_gic *gic, uint32_t cpu, uint32_t intid, uint32_t groups, bool deactivate)
{
    if (gic_is_lpi(gic, intid)) {
        deactivate = false; /* IHI 0069H 4.1.2: LPIs have no active state */
    } else if (VML_UNLIKELY(intid >= gic->intids)) {
        end_extended(gic, cpu, intid, groups, deactivate);
        return;
    }
    end(gic, cpu, intid, groups, deactivate, false);
}

/* The most urgent pending interrupt of the enabled groups, masked or not. */
uint32_t gic_highest_pending(struct vml_gic *gic, uint32_t cpu, uint32_t *group)
{
    struct vml_gic_cpu *c = &gic->cpus[cpu];
    struct gic_candidate best;
    uint32_t intid = VML_GIC_SPURIOUS;

    gic_lock(gic, c);
    best = gic_candidate(c);
    if (best.priority != IDLE_PRIORITY) {
        intid = gic_candidate_intid(gic, c, best);
        if (intid == LPI_MARK) {
            intid = gic_lpi_first(c, best.priority >> 3);
        } else if (intid < 16 && gic->config.version == 2) {
            uint32_t sources = LOAD(&c->sgi_sources[intid]);

            intid |= sources != 0 ? vml_ctz32(sources) << 10 : 0;
        } else {
            intid = gic_intid(intid);
        }
    }
    *group = best.group;
    vml_mutex_unlock(&c->lock);
    return intid;
}

void gic_set_bpr(struct vml_gic *gic, uint32_t cpu, uint32_t group, uint32_t value)
{
    struct vml_gic_cpu *c = &gic->cpus[cpu];
    uint32_t min = group == 0 ? MIN_BPR0 : MIN_BPR1;

    gic_lock(gic, c);
    c->bpr[group] = (uint8_t)((value & 7) < min ? min : value & 7);
    gic_binary_points(gic, c);
    gic_export_interface(gic, c);
    leave(gic, c);
}

void gic_set_apr(struct vml_gic *gic, uint32_t cpu, uint32_t group, uint32_t value)
{
    struct vml_gic_cpu *c = &gic->cpus[cpu];

    gic_lock(gic, c);
    c->apr[group] = value;
    gic_set_running(c);
    leave(gic, c);
}

void gic_set_pmr(struct vml_gic *gic, uint32_t cpu, uint32_t value)
{
    struct vml_gic_cpu *c = &gic->cpus[cpu];

    gic_lock(gic, c);
    c->pmr = value & PRIORITY_MASK;
    c->vmcr = (c->vmcr & ~(UINT32_MAX << 24)) | c->pmr << 24;
    leave(gic, c);
}

void gic_set_cpu_ctlr(struct vml_gic *gic, uint32_t cpu, uint32_t value)
{
    struct vml_gic_cpu *c = &gic->cpus[cpu];

    gic_lock(gic, c);
    c->ctlr = value;
    gic_binary_points(gic, c);
    gic_export_interface(gic, c);
    leave(gic, c);
}

void gic_set_cpu_groups(struct vml_gic *gic, uint32_t cpu, uint32_t groups)
{
    struct vml_gic_cpu *c = &gic->cpus[cpu];
    uint32_t before;

    gic_lock(gic, c);
    before = LOAD(&c->enabled_groups);
    STORE(&c->enabled_groups, groups);
    gic_open_groups(gic, c);
    gic_export_interface(gic, c);
    leave(gic, c);
    if (before != groups) {
        gic_reroute_shared(gic);
    }
}
