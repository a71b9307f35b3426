/*
 * Filling and folding list registers.
 *
 * A list register has what is pending of an interrupt (and what is active) while it is listed; what
 * comes in addition stays with the interrupt.  The vCPU is told then, and folds.
 */
#include "lpi.h"
#include <vml/gic_lr.h>

/* IHI 0069H 12.4.7 ICH_LR<n>_EL2. */
enum { LR_PENDING = 1, LR_ACTIVE = 2 };
/* IHI 0069H 12.4.5 ICH_HCR_EL2, IHI 0048B 5.3.2 GICH_HCR. */
enum {
    HCR_EN = 1 << 0,
    HCR_LRENPIE = 1 << 2,
    HCR_NPIE = 1 << 3,
    HCR_GROUP_CHANGES = 4, /* VGrp0EIE, VGrp0DIE, VGrp1EIE, VGrp1DIE */
    HCR_TC = 1 << 10,
    HCR_EOICOUNT = 27,
};
/* Of active interrupts: those that are not linked, those that are. */
enum kind { UNLINKED, LINKED, ANY };
/* Which list registers took a latched pending state, and which were active. */
enum { FILLED_LATCHED = 0, FILLED_ACTIVE = 16 };

/* A list register's fields, whichever the layout. */
struct fields {
    uint32_t intid;
    uint32_t state;
    uint32_t group;
    uint32_t priority;
    uint32_t physical; /* 0: not linked */
    uint32_t source;   /* of a GICv2's SGI */
    bool eoi;          /* maintenance interrupt when deactivated */
};

static uint64_t encode(const struct vml_gic *gic, const struct fields *f)
{
    bool hw = f->physical != 0;

    if (gic->config.version == 3) {
        return gic_intid(f->intid) | (uint64_t)f->state << 62 | (uint64_t)hw << 61 |
               (uint64_t)f->group << 60 | (uint64_t)f->priority << 48 |
               (hw ? (uint64_t)f->physical << 32 : (uint64_t)f->eoi << 41);
    }
    return (uint32_t)hw << 31 | f->group << 30 | f->state << 28 | (f->priority >> 3) << 23 |
           (hw ? f->physical << 10 : (uint32_t)f->eoi << 19 | f->source << 10) | f->intid;
}

/* The number; an LPI's INTID. */
static uint32_t lr_intid(const struct vml_gic *gic, uint64_t lr)
{
    uint32_t intid = gic->config.version == 3 ? (uint32_t)lr : (uint32_t)lr & 0x3ff;

    return VML_LIKELY(intid - FIRST_EPPI >= VML_GIC_FIRST_LPI - FIRST_EPPI)
               ? intid
               : gic_number(gic, intid);
}

static uint32_t lr_state(const struct vml_gic *gic, uint64_t lr)
{
    return gic->config.version == 3 ? (uint32_t)(lr >> 62) : (uint32_t)lr >> 28 & 3;
}

static uint64_t lr_state_bits(const struct vml_gic *gic, uint32_t state)
{
    return (uint64_t)state << (gic->config.version == 3 ? 62 : 28);
}

static uint32_t lr_group(const struct vml_gic *gic, uint64_t lr)
{
    return (uint32_t)(lr >> (gic->config.version == 3 ? 60 : 30)) & 1;
}

static uint32_t lr_priority(const struct vml_gic *gic, uint64_t lr)
{
    return gic->config.version == 3 ? (uint32_t)(lr >> 48) & 0xff : (uint32_t)lr >> 23 << 3 & 0xff;
}

static uint32_t lr_source(uint64_t lr)
{
    return (uint32_t)lr >> 10 & 7;
}

uint32_t vml_gic_lr_linked(struct vml_gic *gic, uint32_t intid, uint32_t cpu)
{
    intid = gic_number(gic, intid);
    return gic_is_implemented(gic, intid) && cpu < gic->config.cpus
               ? LOAD(gic_link_of(gic, cpu, intid))
               : 0;
}

enum vml_status vml_gic_lr_link(struct vml_gic *gic, uint32_t intid, uint32_t cpu,
                                uint32_t physical)
{
    struct vml_gic_cpu *c;

    intid = gic_number(gic, intid);
    if (intid < 16 || !gic_is_implemented(gic, intid) || cpu >= gic->config.cpus ||
        (physical != 0 && (physical < 16 || physical > 1019))) {
        return VML_ERR_RANGE;
    }
    c = gic_lock_owner(gic, intid, cpu);
    STORE(gic_link_of(gic, cpu, intid), (uint16_t)physical);
    gic_refresh_line(gic, c, intid);
    vml_mutex_unlock(&c->lock);
    return VML_OK;
}

/* Whether a list register of an active interrupt may also say that it is pending: this vCPU could take
 * it.  It never has what a wire makes pending as well, so that a level which falls meanwhile is not
 * taken; and the architecture has no active and pending state of linked ones. Owner's lock held. */
static bool lists_pending_too(struct vml_gic *gic, struct vml_gic_cpu *c, uint32_t intid,
                              const struct fields *f)
{
    const struct vml_gic_word *w = gic_word(gic, gic_index(gic, c), intid / 32);
    uint32_t latched = LOAD(&w->latch) & LOAD(&w->enabled) & LOAD(&w->routed);

    return latched >> intid % 32 & 1 && f->physical == 0 &&
           (gic->config.version == 3 || intid >= 16) &&
           LOAD(&gic->enabled_groups) >> f->group & 1 &&
           (gic_is_private(intid) || LOAD(&gic->owner[intid]) == gic_index(gic, c));
}

/* Lists what is active on this vCPU. What more there is of it comes after it has been ended: that is
 * told then. Owner's lock held. */
static void list_active(struct vml_gic *gic, struct vml_gic_cpu *c, uint32_t intid,
                        struct vml_gic_lrs *lrs)
{
    uint32_t cpu = gic_index(gic, c), bit = VML_BIT32(intid % 32);
    struct vml_gic_word *w = gic_word(gic, cpu, intid / 32);
    struct fields f = {.intid = intid,
                       .state = LR_ACTIVE,
                       .group = LOAD(&w->group) >> intid % 32 & 1,
                       .priority = gic_priority(gic, c, intid),
                       .physical = LOAD(gic_link_of(gic, cpu, intid))};

    if (gic->config.version == 2 && intid < 16) {
        f.source = c->sgi_active[intid];
    }
    if (lists_pending_too(gic, c, intid, &f)) {
        f.state |= LR_PENDING;
        gic_put_bits(&w->latch, bit, false);
        lrs->filled |= VML_BIT32(FILLED_LATCHED + lrs->used);
    }
    lrs->filled |= VML_BIT32(FILLED_ACTIVE + lrs->used);
    f.eoi = ((~LOAD(&w->edge) | LOAD(&w->latch)) & bit) != 0;
    gic_put_bits(&w->listed, bit, true);
    gic_put_bits(&w->gate, bit, false);
    gic_note_taken(gic, c, intid);
    lrs->lr[lrs->used++] = encode(gic, &f);
}

static void list_lpi(struct vml_gic *gic, struct vml_gic_cpu *c, uint32_t priority,
                     struct vml_gic_lrs *lrs)
{
    struct fields f = {.intid = gic_lpi_list(gic, c, priority >> 3),
                       .state = LR_PENDING,
                       .group = 1,
                       .priority = priority};

    lrs->lr[lrs->used++] = encode(gic, &f);
}

static bool is_linked(struct vml_gic *gic, uint32_t cpu, uint32_t intid)
{
    return LOAD(gic_link_of(gic, cpu, intid)) != 0;
}

/* Whether an interrupt is active on this vCPU and in no list register. Owner's lock held. */
static bool is_active_here(struct vml_gic *gic, uint32_t cpu, uint32_t intid)
{
    const struct vml_gic_word *w = gic_word(gic, cpu, intid / 32);

    return (LOAD(&w->active) & ~LOAD(&w->listed)) >> intid % 32 & 1 &&
           (gic_is_private(intid) || LOAD(&gic->taker[intid]) == cpu);
}

/* Lists an interrupt that may be active on this vCPU, unless there are `limit` list registers in use
 * or it is not of this kind. Returns whether it is left over. */
static bool list_if_active(struct vml_gic *gic, struct vml_gic_cpu *c, struct vml_gic_lrs *lrs,
                           uint32_t intid, uint32_t limit, enum kind kind)
{
    uint32_t cpu = gic_index(gic, c);
    struct vml_gic_cpu *owner = gic_lock_owner(gic, intid, cpu);
    bool left_over = false;

    if (!is_active_here(gic, cpu, intid)) {
        if (!(LOAD(&gic_word(gic, cpu, intid / 32)->listed) >> intid % 32 & 1)) {
            atomic_fetch_and_explicit(&c->taken[intid / 64], ~VML_BIT64(intid % 64),
                                      memory_order_relaxed);
        }
    } else if (lrs->used < limit &&
               (kind == ANY || is_linked(gic, cpu, intid) == (kind == LINKED))) {
        list_active(gic, c, intid, lrs);
    } else {
        left_over = true;
    }
    vml_mutex_unlock(&owner->lock);
    return left_over;
}

static bool list_some_active(struct vml_gic *gic, struct vml_gic_cpu *c, struct vml_gic_lrs *lrs,
                             enum kind kind)
{
    bool left_over = false;

    for (uint64_t words = LOAD(&c->odd) & ODD_TAKEN; words != 0; words &= words - 1) {
        uint32_t n = vml_ctz64(words);

        atomic_fetch_and_explicit(&c->odd, ~VML_BIT64(n), memory_order_relaxed);
        for (uint64_t left = LOAD(&c->taken[n]); left != 0; left &= left - 1) {
            atomic_fetch_or_explicit(&c->odd, VML_BIT64(n), memory_order_relaxed);
            left_over |=
                list_if_active(gic, c, lrs, n * 64 + vml_ctz64(left), lrs->count - 1, kind);
        }
    }
    return left_over;
}

/* Lists active interrupts; returns whether others are left.  Linked ones first: only a list register
 * makes hardware deactivate them. One list register stays for what is pending: a maintenance interrupt
 * tells when that has been taken. */
static bool list_all_active(struct vml_gic *gic, struct vml_gic_cpu *c, struct vml_gic_lrs *lrs)
{
    uint64_t words = LOAD(&c->odd) & ODD_TAKEN;

    if (words != 0 && (words & (words - 1)) == 0) { /* most often there is one */
        uint32_t n = vml_ctz64(words);
        uint64_t taken = LOAD(&c->taken[n]);

        if (taken != 0 && (taken & (taken - 1)) == 0) {
            return list_if_active(gic, c, lrs, n * 64 + vml_ctz64(taken), lrs->count - 1, ANY);
        }
    }
    return list_some_active(gic, c, lrs, LINKED) && list_some_active(gic, c, lrs, UNLINKED);
}

/* ICH_VMCR_EL2 and GICH_VMCR have one layout, for five bits of priority. */
void gic_export_interface(const struct vml_gic *gic, struct vml_gic_cpu *c)
{
    uint32_t ctlr = c->ctlr, groups = LOAD(&c->enabled_groups);

    if (gic->config.version == 3) {
        ctlr = (ctlr & ICC_CBPR ? 1u << 4 : 0) | (ctlr & ICC_EOIMODE ? 1u << 9 : 0) | 1u << 3;
    } else {
        ctlr &= GICC_ACKCTL | GICC_FIQEN | GICC_CBPR | GICC_EOIMODE;
    }
    c->vmcr = c->pmr << 24 | (uint32_t)c->bpr[0] << 21 | (uint32_t)c->bpr[1] << 18 | ctlr | groups;
    c->hcr = HCR_EN | VML_BIT32(HCR_GROUP_CHANGES + (groups & 1)) |
             VML_BIT32(HCR_GROUP_CHANGES + 2 + (groups >> 1));
}

/* GICH_APR does not say which group an active priority is of: the active interrupt does. */
static VML_COLD void import_gich_apr(struct vml_gic *gic, struct vml_gic_cpu *c,
                                     const struct vml_gic_lrs *lrs)
{
    uint32_t group1 = lrs->ap0r & c->apr[1], fresh = lrs->ap0r & ~(c->apr[0] | c->apr[1]);

    for (uint32_t i = 0; i < lrs->used && fresh != 0; i++) {
        uint64_t lr = lrs->lr[i];

        if (lr_state(gic, lr) & LR_ACTIVE && lr_group(gic, lr) == 1) {
            group1 |= VML_BIT32((lr_priority(gic, lr) & c->group_mask[1]) >> 3) & fresh;
        }
    }
    c->apr[0] = lrs->ap0r & ~group1;
    c->apr[1] = group1;
}

/* Whatever but the priority mask. Returns whether the guest enabled or disabled a group. */
static VML_COLD bool import_interface(struct vml_gic *gic, struct vml_gic_cpu *c, uint32_t v)
{
    uint32_t bpr0 = v >> 21 & 7, bpr1 = v >> 18 & 7;
    bool changed = LOAD(&c->enabled_groups) != (v & 3);

    c->bpr[0] = (uint8_t)(bpr0 < MIN_BPR0 ? MIN_BPR0 : bpr0);
    c->bpr[1] = (uint8_t)(bpr1 < MIN_BPR1 ? MIN_BPR1 : bpr1);
    c->ctlr = gic->config.version == 3
                  ? (v & 1u << 4 ? ICC_CBPR : 0u) | (v & 1u << 9 ? ICC_EOIMODE : 0u)
                  : (c->ctlr & 0x1e0) | (v & (GICC_ACKCTL | GICC_FIQEN | GICC_CBPR | GICC_EOIMODE));
    STORE(&c->enabled_groups, v & 3);
    gic_open_groups(gic, c);
    gic_binary_points(gic, c);
    return changed;
}

/* A GICv2's SGI: one of those who sent it. The others wait. Lock held. */
static VML_COLD void list_sgi_v2(struct vml_gic *gic, struct vml_gic_cpu *c, uint32_t place,
                                 uint32_t intid, struct vml_gic_lrs *lrs)
{
    uint32_t sources = LOAD(&c->sgi_sources[intid]), bit = VML_BIT32(intid);
    struct fields f = {.intid = intid,
                       .state = LR_PENDING,
                       .group = place & 1,
                       .priority = place >> 1 << 3,
                       .source = sources != 0 ? vml_ctz32(sources) : 0};

    sources &= sources - 1;
    f.eoi = sources != 0;
    STORE(&c->sgi_sources[intid], (uint8_t)sources);
    gic_put_bits(&c->private_irqs.latch, bit, sources != 0);
    gic_put_bits(&c->private_irqs.listed, bit, true);
    gic_put_bits(&c->private_irqs.gate, bit, false);
    lrs->filled |= VML_BIT32(FILLED_LATCHED + lrs->used);
    lrs->lr[lrs->used++] = encode(gic, &f);
}

/* Lists what the queue had, so it is enabled and pending and not active. Lock held.
 * Returns the list register; sets FILLED_LATCHED of it in `filled`. */
static VML_ALWAYS_INLINE uint64_t list_pending(struct vml_gic_word *w, uint32_t place,
                                               uint32_t intid, uint32_t physical, uint32_t n,
                                               uint32_t *filled, const bool v3)
{
    uint32_t bit = VML_BIT32(intid % 32), edge = LOAD(&w->edge) & bit;
    uint64_t lr;

    if (LOAD(&w->latch) & bit) {
        gic_put_bits(&w->latch, bit, false);
        *filled |= VML_BIT32(FILLED_LATCHED + n);
    }
    gic_put_bits(&w->listed, bit, true);
    gic_put_bits(&w->gate, bit, false);
    if (v3) {
        lr = intid | (uint64_t)(place >> 1) << 51 | (uint64_t)(place & 1) << 60 | VML_BIT64(62);
        if (physical != 0) {
            return lr | VML_BIT64(61) | (uint64_t)physical << 32;
        }
        return edge ? lr : lr | VML_BIT64(41);
    }
    lr = intid | place >> 1 << 23 | (place & 1) << 30 | VML_BIT32(28);
    if (physical != 0) {
        return lr | VML_BIT32(31) | physical << 10;
    }
    return edge ? lr : lr | VML_BIT32(19);
}

/* Others wait for list registers: what is pending of an active interrupt waits with them, so that it
 * does not come before them. Told when it has been ended. Lock held. */
static void keep_pending_of_active(struct vml_gic *gic, struct vml_gic_cpu *c,
                                   struct vml_gic_lrs *lrs)
{
    const uint64_t eoi = gic->config.version == 3 ? VML_BIT64(41) : VML_BIT64(19);
    uint32_t both = lrs->filled >> FILLED_ACTIVE & lrs->filled >> FILLED_LATCHED;

    for (; both != 0; both &= both - 1) {
        uint32_t i = vml_ctz32(both), intid = lr_intid(gic, lrs->lr[i]);

        lrs->lr[i] = (lrs->lr[i] & ~lr_state_bits(gic, LR_PENDING)) | eoi;
        lrs->filled &= ~VML_BIT32(FILLED_LATCHED + i);
        gic_put_bits(&gic_word(gic, gic_index(gic, c), intid / 32)->latch, VML_BIT32(intid % 32),
                     true);
    }
}

/* Those that are no ordinary interrupts of the queue: LPIs, the extended ranges', and a GICv2's SGIs.
 * Lock held. */
static __attribute__((noinline)) void list_special(struct vml_gic *gic, struct vml_gic_cpu *c,
                                                   uint32_t place, uint32_t intid,
                                                   struct vml_gic_lrs *lrs)
{
    uint32_t cpu = gic_index(gic, c), n;

    if (intid == LPI_MARK) {
        list_lpi(gic, c, place >> 1 << 3, lrs);
        return;
    }
    gic_dequeue_at(gic, c, place, intid);
    if (intid < 16) {
        list_sgi_v2(gic, c, place, intid, lrs);
        return;
    }
    n = lrs->used++;
    if (!gic_is_private(intid)) {
        STORE(&gic->taker[intid], (uint16_t)cpu);
    }
    lrs->lr[n] = list_pending(gic_word(gic, cpu, intid / 32), place, intid,
                              LOAD(gic_link_of(gic, cpu, intid)), n, &lrs->filled, true) +
                 gic_intid(intid) - intid;
}

/* Lists what is pending, most urgent first. Lock held. */
static VML_ALWAYS_INLINE void list_queue(struct vml_gic *gic, struct vml_gic_cpu *c, uint32_t cpu,
                                         struct vml_gic_lrs *lrs, const bool v3)
{
    struct vml_gic_queue *q = &c->queue;
    uint64_t ready = q->places & c->open;

    for (uint32_t left = lrs->count - lrs->used; ready != 0 && left != 0; left--) {
        uint32_t place = vml_ctz64(ready), word = vml_ctz64(q->summary[place]);
        uint64_t *bits = &q->bits[place * gic->words + word], now = *bits;
        uint32_t intid = word * 64 + vml_ctz64(now), n;

        if (VML_UNLIKELY(v3 ? intid >= LPI_MARK : intid < 16)) {
            list_special(gic, c, place, intid, lrs);
            ready = q->places & c->open;
            continue;
        }
        now &= now - 1;
        *bits = now;
        if (now == 0) {
            uint64_t summary = q->summary[place] & (q->summary[place] - 1u);

            q->summary[place] = summary;
            if (summary == 0) {
                q->places &= ~VML_BIT64(place);
                ready &= ready - 1;
            }
        }
        n = lrs->used++;
        if (intid >= 32) {
            STORE(&gic->taker[intid], (uint16_t)cpu);
            lrs->lr[n] = list_pending(&gic->irqs[intid / 32], place, intid,
                                      LOAD(&gic->links[intid]), n, &lrs->filled, v3);
        } else {
            lrs->lr[n] = list_pending(&c->private_irqs, place, intid, LOAD(&c->links[intid]), n,
                                      &lrs->filled, v3);
        }
    }
    lrs->hcr = c->hcr;
    c->left_over = UINT32_MAX;
    if (VML_UNLIKELY(ready != 0)) {
        keep_pending_of_active(gic, c, lrs);
        lrs->hcr |= HCR_NPIE;
        c->left_over = gic_urgency(gic, c, gic_candidate(c));
    }
}

/* The rest of a fill. Lock held, and released. */
void gic_fill_locked(struct vml_gic *gic, uint32_t cpu, struct vml_gic_lrs *lrs)
{
    struct vml_gic_cpu *c = &gic->cpus[cpu];

    gic_settle(gic, c);
    lrs->vmcr = c->vmcr;
    lrs->ap0r = c->apr[0];
    lrs->ap1r = c->apr[1];
    if (VML_LIKELY(gic->config.version == 3)) {
        list_queue(gic, c, cpu, lrs, true);
    } else {
        lrs->ap0r |= lrs->ap1r;
        lrs->ap1r = 0;
        list_queue(gic, c, cpu, lrs, false);
    }
    atomic_store_explicit(&c->outputs, 0, memory_order_release);
    vml_mutex_unlock(&c->lock);
}

/* A fill that finds active interrupts, or the lock taken, or that no shortcut serves. */
void gic_fill(struct vml_gic *gic, uint32_t cpu, struct vml_gic_lrs *lrs)
{
    struct vml_gic_cpu *c = &gic->cpus[cpu];
    bool left_over;

    lrs->used = 0;
    lrs->filled = 0;
    left_over = (LOAD(&c->odd) & ODD_TAKEN) && list_all_active(gic, c, lrs);
    vml_mutex_lock(&c->lock);
    gic_fill_locked(gic, cpu, lrs);
    if (left_over) {
        lrs->hcr |= HCR_LRENPIE | HCR_TC;
    }
}

/* Takes back a list register that has a state. Owner's lock held. */
static void unlist_state(struct vml_gic *gic, struct vml_gic_cpu *c, struct vml_gic_word *w,
                         uint32_t intid, uint64_t lr, bool latched)
{
    uint32_t bit = VML_BIT32(intid % 32), state = lr_state(gic, lr);
    bool sgi_v2 = gic->config.version == 2 && intid < 16;

    gic_put_bits(&w->active, bit, (state & LR_ACTIVE) != 0);
    if (state & LR_ACTIVE) {
        gic_note_taken(gic, c, intid);
        if (sgi_v2) {
            c->sgi_active[intid] = (uint8_t)lr_source(lr);
        }
    }
    if ((state & LR_PENDING) && latched) {
        gic_put_bits(&w->latch, bit, true);
        if (sgi_v2) {
            STORE(&c->sgi_sources[intid],
                  (uint8_t)(LOAD(&c->sgi_sources[intid]) | 1u << lr_source(lr)));
        }
    }
}

/* Takes one list register back. Owner's lock held. */
static VML_ALWAYS_INLINE void unlist(struct vml_gic *gic, struct vml_gic_cpu *c,
                                     struct vml_gic_cpu *owner, struct vml_gic_word *w,
                                     uint32_t intid, const struct vml_gic_lrs *lrs, uint32_t i,
                                     const bool v3)
{
    uint32_t bit = VML_BIT32(intid % 32);
    uint64_t lr = lrs->lr[i];

    gic_put_bits(&w->listed, bit, false);
    if (v3 ? lr >> 62 != 0 : (lr >> 28 & 3) != 0) {
        unlist_state(gic, c, w, intid, lr, (lrs->filled >> (FILLED_LATCHED + i) & 1) != 0);
        gic_regate(w, bit);
    } else {
        if (LOAD(&w->active) & bit) {
            gic_put_bits(&w->active, bit, false);
            if (c == owner) {
                gic_forget_taken(c, intid);
            }
        }
        if ((lr >> (v3 ? 61 : 31) & 1) && !(LOAD(&w->edge) & bit)) { /* linked */
            gic_put_bits(&w->level, bit, false);
        }
        if (LOAD(&w->enabled) & LOAD(&w->routed) & bit) {
            gic_put_bits(&w->gate, bit, true);
        }
    }
    if (gic_pending_bits(w) & LOAD(&w->gate) & bit) {
        gic_enqueue_at(gic, owner, gic_place(gic, owner, intid), intid);
    }
}

/* The most urgent of the interrupts that are active on this vCPU and in no list register, whose
 * priority is `least` or less urgent. Or none. */
static uint32_t first_left_over(struct vml_gic *gic, struct vml_gic_cpu *c, uint32_t least)
{
    uint32_t cpu = gic_index(gic, c), first = VML_GIC_SPURIOUS, best = IDLE_PRIORITY;

    for (uint64_t words = LOAD(&c->odd) & ODD_TAKEN; words != 0; words &= words - 1) {
        uint32_t n = vml_ctz64(words);

        for (uint64_t left = LOAD(&c->taken[n]); left != 0; left &= left - 1) {
            uint32_t intid = n * 64 + vml_ctz64(left), priority = gic_priority(gic, c, intid);

            if (priority >= least && priority < best && is_active_here(gic, cpu, intid)) {
                best = priority;
                first = intid;
            }
        }
    }
    return first;
}

/* The active priorities that were dropped since the fill, but those of interrupts that were active in
 * list registers. */
static uint32_t dropped_priorities(const struct vml_gic *gic, const struct vml_gic_cpu *c,
                                   const struct vml_gic_lrs *lrs)
{
    uint32_t dropped = (c->apr[0] | c->apr[1]) & ~(lrs->ap0r | lrs->ap1r);

    for (uint32_t i = 0; i < lrs->used; i++) {
        uint64_t lr = lrs->lr[i];

        if (lrs->filled >> (FILLED_ACTIVE + i) & 1 && !(lr_state(gic, lr) & LR_ACTIVE)) {
            dropped &= ~VML_BIT32((lr_priority(gic, lr) & c->group_mask[lr_group(gic, lr)]) >> 3);
        }
    }
    return dropped;
}

/* IHI 0069H 12.4.5, EOIcount: so many were ended that are in no list register. Which, say the active
 * priorities that were dropped: they are group priorities, so those of their interrupts are not more
 * urgent.  Where DIR deactivates and is not trapped (GICv2), it is anybody's guess. */
static void apply_eoi_count(struct vml_gic *gic, struct vml_gic_cpu *c,
                            const struct vml_gic_lrs *lrs)
{
    uint32_t dropped = dropped_priorities(gic, c, lrs);

    for (uint32_t count = lrs->hcr >> HCR_EOICOUNT; count != 0; count--) {
        uint32_t intid = first_left_over(gic, c, dropped != 0 ? vml_ctz32(dropped) << 3 : 0);

        if (intid == VML_GIC_SPURIOUS) {
            return;
        }
        dropped &= dropped - 1;
        gic_deactivate(gic, gic_index(gic, c), intid);
    }
}

/* The extended ranges', and those that another vCPU's lock guards now: LPIs, and what was re-routed
 * meanwhile. */
static VML_COLD void unlist_elsewhere(struct vml_gic *gic, struct vml_gic_cpu *c,
                                      const struct vml_gic_lrs *lrs, uint32_t elsewhere)
{
    for (; elsewhere != 0; elsewhere &= elsewhere - 1) {
        uint32_t i = vml_ctz32(elsewhere), intid = lr_intid(gic, lrs->lr[i]), change;
        struct vml_gic_cpu *owner;

        if (gic_is_lpi(gic, intid)) {
            gic_lpi_unlist(gic, intid, (lr_state(gic, lrs->lr[i]) & LR_PENDING) != 0);
            continue;
        }
        owner = gic_lock_owner(gic, intid, gic_index(gic, c));
        unlist(gic, c, owner, gic_word(gic, gic_index(gic, c), intid / 32), intid, lrs, i,
               gic->config.version == 3);
        change = gic_update(gic, owner);
        vml_mutex_unlock(&owner->lock);
        gic_tell(gic, gic_index(gic, owner), change);
    }
}

/* Takes all back but those that it returns, a bit each. Lock held. */
static VML_ALWAYS_INLINE uint32_t unlist_all(struct vml_gic *gic, struct vml_gic_cpu *c,
                                             uint32_t cpu, const struct vml_gic_lrs *lrs,
                                             const bool v3)
{
    uint32_t elsewhere = 0;

    for (uint32_t i = 0, used = lrs->used; i < used; i++) {
        uint32_t intid = (uint32_t)lrs->lr[i] & (v3 ? UINT32_MAX : 0x3ff);

        if (intid < 32) {
            unlist(gic, c, c, &c->private_irqs, intid, lrs, i, v3);
        } else if (VML_LIKELY(intid < 1024 && LOAD(&gic->owner[intid]) == cpu)) {
            unlist(gic, c, c, &gic->irqs[intid / 32], intid, lrs, i, v3);
        } else {
            elsewhere |= VML_BIT32(i);
        }
    }
    return elsewhere;
}

/* The rest of a fold. Lock held, and released. */
void gic_fold_locked(struct vml_gic *gic, uint32_t cpu, struct vml_gic_lrs *lrs)
{
    struct vml_gic_cpu *c = &gic->cpus[cpu];
    uint32_t change, elsewhere, vmcr = lrs->vmcr;
    bool groups_changed = false;

    gic_settle(gic, c);
    c->left_over = 0;
    if (VML_UNLIKELY((vmcr ^ c->vmcr) << 8 != 0)) {
        groups_changed = import_interface(gic, c, vmcr);
        c->pmr = vmcr >> 24 & PRIORITY_MASK;
        gic_export_interface(gic, c);
    }
    c->pmr = vmcr >> 24 & PRIORITY_MASK;
    c->vmcr = vmcr;
    if (VML_LIKELY(gic->config.version == 3)) {
        c->apr[0] = lrs->ap0r;
        c->apr[1] = lrs->ap1r;
        gic_set_running(c);
        elsewhere = unlist_all(gic, c, cpu, lrs, true);
    } else {
        import_gich_apr(gic, c, lrs);
        gic_set_running(c);
        elsewhere = unlist_all(gic, c, cpu, lrs, false);
    }
    change = gic_update(gic, c);
    vml_mutex_unlock(&c->lock);
    if (VML_UNLIKELY((elsewhere | change) != 0 || groups_changed)) {
        gic_tell(gic, cpu, change);
        if (elsewhere != 0) {
            unlist_elsewhere(gic, c, lrs, elsewhere);
        }
        if (groups_changed) {
            gic_reroute_shared(gic);
        }
    }
    lrs->used = 0;
}

/* A fold after an EOIcount, or one that finds the lock taken, or that no shortcut serves. */
void gic_fold(struct vml_gic *gic, uint32_t cpu, struct vml_gic_lrs *lrs)
{
    if (lrs->hcr >> HCR_EOICOUNT != 0) {
        apply_eoi_count(gic, &gic->cpus[cpu], lrs);
    }
    vml_mutex_lock(&gic->cpus[cpu].lock);
    gic_fold_locked(gic, cpu, lrs);
}
