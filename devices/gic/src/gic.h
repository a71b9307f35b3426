/*
 * Private to devices/gic.
 *
 * Lock order: route_lock, then vCPU locks by ascending index.
 *
 * A vCPU's lock guards its CPU interface, its private interrupts, its queue, and the state of the
 * SPIs that it owns: owner[INTID] names the vCPU that an SPI is routed to.  Owners change under
 * route_lock and the locks of both vCPUs; so whoever wants an SPI locks its owner and looks again.
 * The bits of one vml_gic_word can have different owners: they change by atomic operations.
 *
 * Inside, an interrupt goes by a number.  It is its INTID, but for the extended ranges: PPI 1056 is
 * 1024, SPI 4096 is 1088, and so on.  gic_number() and gic_intid() translate where INTIDs come in and
 * go out.  What is often done asks first whether a number is less than FIRST_EPPI: the compiler then
 * leaves the questions after the extended ranges out.
 *
 * An interrupt is in the queue of its owner exactly while gic_deliverable() is true of it, at the
 * place of its group and priority.  Whoever changes any of these moves it in the same lock section.
 * shortcut.c alone has exceptions; gic_lock() ends them.
 * Changes of a vCPU's outputs are computed under its lock and told after it has been released.
 */
#ifndef GIC_PRIVATE_H
#define GIC_PRIVATE_H

#include <vml/gic.h>

#define LOAD(p)     atomic_load_explicit((p), memory_order_relaxed)
#define STORE(p, v) atomic_store_explicit((p), (v), memory_order_relaxed)

enum {
    IDLE_PRIORITY = 0x100,
    PRIORITY_MASK = 0xf8,
    MIN_BPR0 = 2,
    MIN_BPR1 = 3,
    OUT_IRQ = 1,
    OUT_FIQ = 2,
};

enum { WAKER_SLEEP = 2, WAKER_ASLEEP = 4 };
enum { GICR_DPG0 = 1 << 24, GICR_DPG1NS = 1 << 25, GICR_DPG1S = 1 << 26 };
enum { ICC_CBPR = 1, ICC_EOIMODE = 2 };
enum { GICC_ACKCTL = 1 << 2, GICC_FIQEN = 1 << 3, GICC_CBPR = 1 << 4, GICC_EOIMODE = 1 << 9 };
/* INTIDs of the first extended PPI and SPI, and their numbers. */
enum { EPPI_INTID = 1056, ESPI_INTID = 4096 };
enum { FIRST_EPPI = 1024, FIRST_ESPI = FIRST_EPPI + VML_GIC_MAX_EPPIS };
enum { CTLR_ARE = 1 << 4, CTLR_DS = 1 << 6 };
#define ODD_VERSION   VML_BIT64(63)
#define ODD_TAKEN     (ODD_VERSION - 1)
#define ROUTE_IRM     UINT64_C(0x80000000)
#define PLACES_GROUP0 UINT64_C(0x5555555555555555)
#define PLACES_GROUP1 UINT64_C(0xaaaaaaaaaaaaaaaa)

/* Per-interrupt bits that the distributor and redistributor registers show. */
enum gic_field {
    FIELD_GROUP,
    FIELD_ENABLED,
    FIELD_PENDING,
    FIELD_ACTIVE,
    FIELD_EDGE,
    FIELD_GRPMOD
};

/* Whether a number is an SGI's or a PPI's. */
static inline bool gic_is_private(uint32_t number)
{
    return VML_LIKELY(number < FIRST_EPPI) ? number < 32 : number < FIRST_ESPI;
}

static inline struct vml_gic_word *gic_word(struct vml_gic *gic, uint32_t cpu, uint32_t word)
{
    if (word == 0) {
        return &gic->cpus[cpu].private_irqs;
    }
    return VML_UNLIKELY(gic_is_private(word * 32))
               ? &gic->cpus[cpu].eppis->words[word - FIRST_EPPI / 32]
               : &gic->irqs[word];
}

static inline uint32_t gic_pending_bits(const struct vml_gic_word *w)
{
    return LOAD(&w->latch) | (LOAD(&w->level) & ~LOAD(&w->edge));
}

/* Those that are deliverable as soon as they are pending. */
static inline uint32_t gic_deliverable_bits(const struct vml_gic_word *w)
{
    return gic_pending_bits(w) & LOAD(&w->gate);
}

static inline void gic_put_bits(_Atomic uint32_t *p, uint32_t bits, bool value)
{
    if (value) {
        atomic_fetch_or_explicit(p, bits, memory_order_relaxed);
    } else {
        atomic_fetch_and_explicit(p, ~bits, memory_order_relaxed);
    }
}

/* After a change of what `gate` is made of. The lock of the bit's owner is held. */
static inline void gic_regate(struct vml_gic_word *w, uint32_t bit)
{
    uint32_t open = LOAD(&w->enabled) & ~LOAD(&w->active) & LOAD(&w->routed) & ~LOAD(&w->listed);

    gic_put_bits(&w->gate, bit, (open & bit) != 0);
}

static inline _Atomic uint8_t *gic_place_of(struct vml_gic *gic, struct vml_gic_cpu *cpu,
                                            uint32_t intid)
{
    if (!gic_is_private(intid)) {
        return &gic->priority[intid];
    }
    return intid < 32 ? &cpu->priority[intid] : &cpu->eppis->priority[intid - FIRST_EPPI];
}

static inline _Atomic uint16_t *gic_link_of(struct vml_gic *gic, uint32_t cpu, uint32_t intid)
{
    if (!gic_is_private(intid)) {
        return &gic->links[intid];
    }
    return intid < 32 ? &gic->cpus[cpu].links[intid]
                      : &gic->cpus[cpu].eppis->links[intid - FIRST_EPPI];
}

/* Where an interrupt is in a queue, by priority and group; its priority; its group. */
static inline uint32_t gic_place(struct vml_gic *gic, struct vml_gic_cpu *cpu, uint32_t intid)
{
    return (uint32_t)LOAD(gic_place_of(gic, cpu, intid)) >> 2;
}

static inline uint32_t gic_priority(struct vml_gic *gic, struct vml_gic_cpu *cpu, uint32_t intid)
{
    return gic_place(gic, cpu, intid) >> 1 << 3;
}

static inline void gic_enqueue_at(struct vml_gic *gic, struct vml_gic_cpu *cpu, uint32_t place,
                                  uint32_t intid)
{
    struct vml_gic_queue *q = &cpu->queue;

    q->bits[place * gic->words + intid / 64] |= VML_BIT64(intid % 64);
    q->summary[place] |= VML_BIT64(intid / 64);
    q->places |= VML_BIT64(place);
}

static inline void gic_dequeue_at(struct vml_gic *gic, struct vml_gic_cpu *cpu, uint32_t place,
                                  uint32_t intid)
{
    struct vml_gic_queue *q = &cpu->queue;
    uint64_t *word = &q->bits[place * gic->words + intid / 64];

    *word &= ~VML_BIT64(intid % 64);
    if (*word == 0) {
        q->summary[place] &= ~VML_BIT64(intid / 64);
        if (q->summary[place] == 0) {
            q->places &= ~VML_BIT64(place);
        }
    }
}

static inline void gic_enqueue(struct vml_gic *gic, struct vml_gic_cpu *cpu, uint32_t group,
                               uint32_t level, uint32_t intid)
{
    gic_enqueue_at(gic, cpu, level << 1 | group, intid);
}

static inline void gic_dequeue(struct vml_gic *gic, struct vml_gic_cpu *cpu, uint32_t group,
                               uint32_t level, uint32_t intid)
{
    gic_dequeue_at(gic, cpu, level << 1 | group, intid);
}

/* What a vCPU would take next. */
struct gic_candidate {
    uint32_t group;
    uint32_t priority; /* IDLE_PRIORITY: nothing */
};

static inline struct gic_candidate gic_candidate(const struct vml_gic_cpu *cpu)
{
    uint64_t ready = cpu->queue.places & cpu->open;
    uint32_t place;

    if (ready == 0) {
        return (struct gic_candidate){0, IDLE_PRIORITY};
    }
    place = vml_ctz64(ready);
    return (struct gic_candidate){place & 1, place >> 1 << 3};
}

static inline uint32_t gic_candidate_intid(const struct vml_gic *gic, const struct vml_gic_cpu *cpu,
                                           struct gic_candidate c)
{
    uint32_t place = c.priority >> 2 | c.group;
    uint32_t word = vml_ctz64(cpu->queue.summary[place]);

    return word * 64 + vml_ctz64(cpu->queue.bits[place * gic->words + word]);
}

/* Between a fill and the fold after it. */
static inline bool gic_is_resident(const struct vml_gic_cpu *cpu)
{
    return cpu->left_over != 0;
}

/* After a change of the groups that are enabled: GICD_CTLR, or the interface's. Lock held. */
static inline void gic_open_groups(const struct vml_gic *gic, struct vml_gic_cpu *cpu)
{
    uint32_t groups = LOAD(&gic->enabled_groups) & LOAD(&cpu->enabled_groups);

    cpu->open = (groups & 1 ? PLACES_GROUP0 : 0) | (groups & 2 ? PLACES_GROUP1 : 0);
}

/* The order of candidates as a number, not 0: lower is more urgent. */
static inline uint32_t gic_urgency(struct vml_gic *gic, struct vml_gic_cpu *cpu,
                                   struct gic_candidate c)
{
    return c.priority == IDLE_PRIORITY
               ? UINT32_MAX
               : (c.priority << 16 | c.group << 15 | gic_candidate_intid(gic, cpu, c)) + 1;
}

static inline void gic_set_running(struct vml_gic_cpu *cpu)
{
    uint32_t active = cpu->apr[0] | cpu->apr[1];

    cpu->running = active != 0 ? vml_ctz32(active) << 3 : IDLE_PRIORITY;
}

/* IHI 0069H 4.8: lower is more urgent; it must pass the mask and preempt what runs. */
static inline bool gic_can_take(const struct vml_gic_cpu *cpu, struct gic_candidate c)
{
    return c.priority < cpu->pmr && (c.priority & cpu->group_mask[c.group]) < cpu->running;
}

/* Recomputes the outputs. Lock held. Returns which changed: bits OUT_*; the new ones << 8. */
static inline uint32_t gic_update(struct vml_gic *gic, struct vml_gic_cpu *cpu)
{
    uint64_t ready = cpu->queue.places & cpu->open;
    uint32_t old = LOAD(&cpu->outputs), now = 0;

    if (ready != 0) {
        uint32_t place = vml_ctz64(ready), priority = place >> 1 << 3;

        if ((priority < cpu->pmr && (priority & cpu->group_mask[place & 1]) < cpu->running) ||
            gic_is_resident(cpu)) { /* then whatever is deliverable is told, masked or not */
            now = cpu->outs[place & 1];
        }
    }
    if (VML_LIKELY(now == old)) {
        return 0;
    }
    if (VML_UNLIKELY(gic_is_resident(cpu)) && now != 0 &&
        gic_urgency(gic, cpu, gic_candidate(cpu)) >= cpu->left_over) {
        return 0; /* nothing more urgent than what had to wait when it became resident */
    }
    atomic_store_explicit(&cpu->outputs, now, memory_order_release);
    return (now ^ old) | now << 8;
}

void gic_tell_slow(struct vml_gic *gic, uint32_t cpu, uint32_t change);

/* Tells of what gic_update() returned. No lock held. */
static inline void gic_tell(struct vml_gic *gic, uint32_t cpu, uint32_t change)
{
    if (change != 0 && gic->config.output) {
        gic_tell_slow(gic, cpu, change);
    }
}

/* What changes while it is in a list register: that vCPU must fold and fill. No lock held. */
static inline void gic_recall(struct vml_gic *gic, uint32_t intid, uint32_t cpu, bool listed)
{
    if (VML_UNLIKELY(listed) && gic->config.output) {
        gic_tell_slow(gic, gic_is_private(intid) ? cpu : LOAD(&gic->taker[intid]),
                      OUT_IRQ | OUT_IRQ << 8);
    }
}

/* An interrupt becomes active, on this vCPU. Owner's lock held. */
static inline void gic_note_taken(struct vml_gic *gic, struct vml_gic_cpu *cpu, uint32_t intid)
{
    atomic_fetch_or_explicit(&cpu->taken[intid / 64], VML_BIT64(intid % 64), memory_order_relaxed);
    atomic_fetch_or_explicit(&cpu->odd, VML_BIT64(intid / 64), memory_order_relaxed);
    if (!gic_is_private(intid)) {
        STORE(&gic->taker[intid], (uint16_t)(cpu - gic->cpus));
    }
}

/* It is so no longer. The vCPU's lock is held, which is the owner's. */
static inline void gic_forget_taken(struct vml_gic_cpu *cpu, uint32_t intid)
{
    uint64_t left = LOAD(&cpu->taken[intid / 64]) & ~VML_BIT64(intid % 64);

    STORE(&cpu->taken[intid / 64], left);
    if (left == 0) {
        atomic_fetch_and_explicit(&cpu->odd, ~VML_BIT64(intid / 64), memory_order_relaxed);
    }
}

static inline uint32_t gic_index(const struct vml_gic *gic, const struct vml_gic_cpu *cpu)
{
    return (uint32_t)(cpu - gic->cpus);
}

/* shortcut.c */
void gic_settle_lines(struct vml_gic *gic, struct vml_gic_cpu *cpu);
void gic_refresh_line(struct vml_gic *gic, struct vml_gic_cpu *cpu, uint32_t intid);

/* Puts interrupts where they belong. Lock held. */
static inline void gic_settle(struct vml_gic *gic, struct vml_gic_cpu *cpu)
{
    if (VML_UNLIKELY(cpu->fit_line != NULL)) {
        gic_settle_lines(gic, cpu);
    }
}

/* Locks a vCPU, for whatever no shortcut does. */
static inline void gic_lock(struct vml_gic *gic, struct vml_gic_cpu *cpu)
{
    vml_mutex_lock(&cpu->lock);
    gic_settle(gic, cpu);
}

/* A wire; NULL where there is none, or no shortcut. */
static inline struct vml_gic_line *gic_line(struct vml_gic *gic, struct vml_gic_cpu *cpu,
                                            uint32_t intid)
{
    if (intid >= FIRST_EPPI || intid < 16) {
        return NULL;
    }
    return intid < 32 ? &cpu->lines[intid - 16] : &gic->lines[intid - 32];
}

static inline void gic_set_place(struct vml_gic *gic, struct vml_gic_cpu *cpu, uint32_t intid,
                                 uint32_t priority, uint32_t group)
{
    STORE(gic_place_of(gic, cpu, intid), (uint8_t)((priority & PRIORITY_MASK) | group << 2));
    gic_refresh_line(gic, cpu, intid);
}

/* The owner's lock is held, and the new one's. */
static inline void gic_set_owner(struct vml_gic *gic, uint32_t intid, uint32_t owner)
{
    struct vml_gic_line *line = gic_line(gic, NULL, intid);

    STORE(&gic->owner[intid], (uint16_t)owner);
    if (line) {
        STORE(&line->owner, &gic->cpus[owner]);
    }
}

/* Locks the vCPU that guards an interrupt: for a private one, vCPU `cpu`. */
static inline struct vml_gic_cpu *gic_lock_owner(struct vml_gic *gic, uint32_t intid, uint32_t cpu)
{
    struct vml_gic_cpu *c;
    uint32_t owner;

    if (gic_is_private(intid)) {
        c = &gic->cpus[cpu];
        gic_lock(gic, c);
        return c;
    }
    for (;;) {
        owner = LOAD(&gic->owner[intid]);
        c = &gic->cpus[owner];
        gic_lock(gic, c);
        if (VML_LIKELY(LOAD(&gic->owner[intid]) == owner)) {
            return c;
        }
        vml_mutex_unlock(&c->lock);
    }
}

/* Puts an interrupt in or out of the queue after a change. Lock held; `was`: deliverable before. */
static inline void gic_requeue(struct vml_gic *gic, struct vml_gic_cpu *cpu, struct vml_gic_word *w,
                               uint32_t intid, bool was)
{
    bool now;

    gic_regate(w, VML_BIT32(intid % 32));
    now = (gic_deliverable_bits(w) >> intid % 32 & 1) != 0;
    if (now != was) {
        uint32_t place = gic_place(gic, cpu, intid);

        if (now) {
            gic_enqueue_at(gic, cpu, place, intid);
        } else {
            gic_dequeue_at(gic, cpu, place, intid);
        }
    }
}

static inline bool gic_is_implemented(const struct vml_gic *gic, uint32_t number)
{
    return VML_LIKELY(number < FIRST_EPPI)
               ? number < gic->intids
               : number - FIRST_EPPI < gic->config.eppis || number - FIRST_ESPI < gic->config.espis;
}

/* Whether a number is a PPI's or an SPI's. */
static inline bool gic_is_line(const struct vml_gic *gic, uint32_t number, uint32_t cpu)
{
    return number >= 16 && gic_is_implemented(gic, number) &&
           (!gic_is_private(number) || cpu < gic->config.cpus);
}

/* The number of an INTID; one that is not implemented where there is no such interrupt. */
static inline uint32_t gic_number(const struct vml_gic *gic, uint32_t intid)
{
    if (VML_LIKELY(intid < FIRST_EPPI)) {
        return intid;
    }
    if (intid - EPPI_INTID < gic->config.eppis) {
        return intid - EPPI_INTID + FIRST_EPPI;
    }
    return intid - ESPI_INTID < gic->config.espis ? intid - ESPI_INTID + FIRST_ESPI : UINT32_MAX;
}

/* The INTID of a number; an LPI's INTID stays. */
static inline uint32_t gic_intid(uint32_t number)
{
    if (VML_LIKELY(number - FIRST_EPPI >= VML_GIC_MAX_EPPIS + VML_GIC_MAX_ESPIS)) {
        return number;
    }
    return number < FIRST_ESPI ? number - FIRST_EPPI + EPPI_INTID
                               : number - FIRST_ESPI + ESPI_INTID;
}

/* A number, or the first one after it that is an SPI's. */
static inline uint32_t gic_next_spi(const struct vml_gic *gic, uint32_t number)
{
    return number < gic->intids || number >= FIRST_ESPI ? number : FIRST_ESPI;
}

#define FOR_EACH_SPI(gic, number)                                                                  \
    for (uint32_t number = gic_next_spi(gic, 32); (number) < (gic)->numbers;                       \
         (number) = gic_next_spi(gic, (number) + 1))

/* Identification registers: implementer Arm, this implementation's product and revision. */
enum { GIC_IIDR = 0x0100043b };

static inline uint32_t gic_access_cpu(const struct vml_gic *gic, const struct vml_access *access)
{
    return access->cpu < gic->config.cpus ? access->cpu : 0;
}

/* Hooks that several tables share (dist.c); and see fields.h. */
struct vml_reg;
#define GIC_READ_HOOK(name)                                                                        \
    uint64_t name(struct vml_device *device, const struct vml_reg *reg, uint32_t index,            \
                  const struct vml_access *access)
#define GIC_WRITE_HOOK(name)                                                                       \
    void name(struct vml_device *device, const struct vml_reg *reg, uint32_t index,                \
              uint64_t value, uint64_t mask, const struct vml_access *access)
GIC_READ_HOOK(gic_read_constant);

static inline GIC_WRITE_HOOK(gic_ignore_write)
{
    (void)device;
    (void)reg;
    (void)index;
    (void)value;
    (void)mask;
    (void)access;
}

/* state.c */
void gic_save(struct vml_device *device, struct vml_state_writer *w);
enum vml_status gic_restore(struct vml_device *device, struct vml_state_reader *r);

/* core.c */
void gic_set_field(struct vml_gic *gic, uint32_t cpu, uint32_t word, enum gic_field field,
                   uint32_t bits, bool value);
uint32_t gic_get_field(struct vml_gic *gic, uint32_t cpu, uint32_t word, enum gic_field field);
void gic_set_priority(struct vml_gic *gic, uint32_t cpu, uint32_t intid, uint8_t priority);
void gic_update_all(struct vml_gic *gic);
void gic_recall_all(struct vml_gic *gic);
uint64_t gic_pack_affinity(uint64_t mpidr);

/* route.c */
void gic_set_route(struct vml_gic *gic, uint32_t intid, uint64_t route);
void gic_reroute_shared(struct vml_gic *gic);
void gic_route_all(struct vml_gic *gic);
uint32_t gic_find_affinity(const struct vml_gic *gic, uint64_t affinity);
void gic_send_sgi_v2(struct vml_gic *gic, uint32_t from, uint32_t targets, uint32_t intid);
void gic_clear_sgi_v2(struct vml_gic *gic, uint32_t cpu, uint32_t intid, uint32_t sources);
void gic_set_sgi_v2(struct vml_gic *gic, uint32_t cpu, uint32_t intid, uint32_t sources);
void gic_send_sgi_v3(struct vml_gic *gic, uint32_t from, uint64_t value, uint32_t group);

/* dist.c, redist.c, gicc.c, icc.c */
extern const struct vml_device_ops gic_gicd_ops, gic_gicr_ops, gic_gicc_ops, gic_icc_ops;

/* core.c and lr.c: the long ways of shortcut.c's functions */
void gic_set_level(struct vml_gic *gic, uint32_t intid, uint32_t cpu, bool level);
struct vml_gic_lrs;
void gic_export_interface(const struct vml_gic *gic, struct vml_gic_cpu *cpu);
void gic_fill(struct vml_gic *gic, uint32_t cpu, struct vml_gic_lrs *lrs);
void gic_fill_locked(struct vml_gic *gic, uint32_t cpu, struct vml_gic_lrs *lrs);
void gic_fold(struct vml_gic *gic, uint32_t cpu, struct vml_gic_lrs *lrs);
void gic_fold_locked(struct vml_gic *gic, uint32_t cpu, struct vml_gic_lrs *lrs);

/* cpuif.c */
enum { TAKE_GROUP0 = 1, TAKE_GROUP1 = 2 };
uint32_t gic_acknowledge(struct vml_gic *gic, uint32_t cpu, uint32_t groups);
void gic_end(struct vml_gic *gic, uint32_t cpu, uint32_t intid, uint32_t groups, bool deactivate);
void gic_deactivate(struct vml_gic *gic, uint32_t cpu, uint32_t intid);
void gic_set_bpr(struct vml_gic *gic, uint32_t cpu, uint32_t group, uint32_t value);
void gic_set_apr(struct vml_gic *gic, uint32_t cpu, uint32_t group, uint32_t value);
void gic_set_pmr(struct vml_gic *gic, uint32_t cpu, uint32_t value);
void gic_set_cpu_ctlr(struct vml_gic *gic, uint32_t cpu, uint32_t value);
void gic_set_cpu_groups(struct vml_gic *gic, uint32_t cpu, uint32_t groups);
void gic_binary_points(struct vml_gic *gic, struct vml_gic_cpu *cpu);
uint32_t gic_highest_pending(struct vml_gic *gic, uint32_t cpu, uint32_t *group);

/* What a doorbell (a GICv2m frame, an ITS) answers as a controller: it takes messages, and has no lines. */
void gic_no_level(void *controller, uint32_t line, uint32_t cpu, bool level);
void gic_no_pulse(void *controller, uint32_t line, uint32_t cpu);
bool gic_not_pending(struct vml_irq_controller *controller, uint32_t cpu,
                     enum vml_irq_output output);

#endif
