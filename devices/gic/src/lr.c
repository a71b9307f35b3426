/* Filling and folding list registers. */
#include "lpi.h"
#include <vml/gic_lr.h>

/* IHI 0069H 12.4.7 ICH_LR<n>_EL2. */
enum { LR_PENDING = 1, LR_ACTIVE = 2 };
enum { HCR_EN = 1 << 0, HCR_UIE = 1 << 1, HCR_LRENPIE = 1 << 2 };

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
        return (uint64_t)f->state << 62 | (uint64_t)hw << 61 | (uint64_t)f->group << 60 |
               (uint64_t)f->priority << 48 |
               (hw ? (uint64_t)f->physical << 32 : (uint64_t)f->eoi << 41) | f->intid;
    }
    return (uint32_t)hw << 31 | f->group << 30 | f->state << 28 | (f->priority >> 3) << 23 |
           (hw ? f->physical << 10 : (uint32_t)f->eoi << 19 | f->source << 10) | f->intid;
}

static uint32_t lr_intid(const struct vml_gic *gic, uint64_t lr)
{
    return gic->config.version == 3 ? (uint32_t)lr : (uint32_t)lr & 0x3ff;
}

static uint32_t lr_state(const struct vml_gic *gic, uint64_t lr)
{
    return gic->config.version == 3 ? (uint32_t)(lr >> 62) : (uint32_t)lr >> 28 & 3;
}

static bool lr_is_linked(const struct vml_gic *gic, uint64_t lr)
{
    return (lr >> (gic->config.version == 3 ? 61 : 31) & 1) != 0;
}

static uint32_t lr_source(uint64_t lr)
{
    return (uint32_t)lr >> 10 & 7;
}

static _Atomic uint16_t *link_of(struct vml_gic *gic, uint32_t cpu, uint32_t intid)
{
    return intid < 32 ? &gic->cpus[cpu].links[intid] : &gic->links[intid];
}

enum vml_status vml_gic_lr_link(struct vml_gic *gic, uint32_t intid, uint32_t cpu,
                                uint32_t physical)
{
    if (intid < 16 || !gic_is_implemented(gic, intid) || cpu >= gic->config.cpus ||
        (physical != 0 && (physical < 16 || physical > 1019))) {
        return VML_ERR_RANGE;
    }
    STORE(link_of(gic, cpu, intid), (uint16_t)physical);
    return VML_OK;
}

/* Lists an interrupt, whose state the list register then has. Owner's lock held. */
static void list(struct vml_gic *gic, struct vml_gic_cpu *c, uint32_t intid,
                 struct vml_gic_lrs *lrs)
{
    uint32_t cpu = gic_index(gic, c), bit = VML_BIT32(intid % 32);
    struct vml_gic_word *w = gic_word(gic, cpu, intid / 32);
    bool pending = (gic_pending_bits(w) & LOAD(&w->enabled) & bit) != 0;
    bool active = (LOAD(&w->active) & bit) != 0, level = !(LOAD(&w->edge) & bit);
    bool sgi_v2 = gic->config.version == 2 && intid < 16;
    struct fields f = {.intid = intid,
                       .group = LOAD(&w->group) >> intid % 32 & 1,
                       .priority = gic_priority(gic, c, intid),
                       .physical = LOAD(link_of(gic, cpu, intid)),
                       .eoi = level};

    if (active && (f.physical != 0 || sgi_v2)) {
        pending = false; /* the architecture has no active and pending linked state */
    }
    f.state = (uint32_t)(pending ? LR_PENDING : 0) | (uint32_t)(active ? LR_ACTIVE : 0);
    if (pending && sgi_v2) {
        uint32_t sources = LOAD(&c->sgi_sources[intid]);

        f.source = sources != 0 ? vml_ctz32(sources) : 0;
        sources &= sources - 1;
        STORE(&c->sgi_sources[intid], (uint8_t)sources);
        gic_put_bits(&w->latch, bit, sources != 0);
        f.eoi = sources != 0;
        lrs->latched |= VML_BIT32(lrs->used);
    } else if (pending && (LOAD(&w->latch) & bit)) {
        gic_put_bits(&w->latch, bit, false);
        lrs->latched |= VML_BIT32(lrs->used);
    }
    gic_put_bits(&w->listed, bit, true);
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

/* Lists active interrupts that a fold left; keeps one list register for pending ones. */
static bool list_active(struct vml_gic *gic, struct vml_gic_cpu *c, struct vml_gic_lrs *lrs)
{
    uint32_t cpu = gic_index(gic, c), limit = lrs->count > 1 ? lrs->count - 1 : 1;
    bool all = true;

    for (uint32_t n = 0; n < gic->words; n++) {
        for (uint64_t left = c->lr_active[n]; left != 0; left &= left - 1) {
            uint32_t intid = n * 64 + vml_ctz64(left);
            struct vml_gic_cpu *owner;
            struct vml_gic_word *w = gic_word(gic, cpu, intid / 32);

            if (lrs->used >= limit) {
                all = false;
                continue;
            }
            owner = gic_lock_owner(gic, intid, cpu);
            if (!(LOAD(&w->active) >> intid % 32 & 1)) { /* ICACTIVER, meanwhile */
                c->lr_active[n] &= ~VML_BIT64(intid % 64);
            } else if (!(LOAD(&w->listed) >> intid % 32 & 1)) {
                list(gic, owner, intid, lrs);
            }
            vml_mutex_unlock(&owner->lock);
        }
    }
    return all;
}

/* ICH_VMCR_EL2 and GICH_VMCR have one layout, for five bits of priority. */
static void export_interface(const struct vml_gic *gic, const struct vml_gic_cpu *c,
                             struct vml_gic_lrs *lrs)
{
    uint32_t ctlr = c->ctlr;

    if (gic->config.version == 3) {
        ctlr = (ctlr & ICC_CBPR ? 1u << 4 : 0) | (ctlr & ICC_EOIMODE ? 1u << 9 : 0) | 1u << 3;
    } else {
        ctlr &= GICC_ACKCTL | GICC_FIQEN | GICC_CBPR | GICC_EOIMODE;
    }
    lrs->vmcr = c->pmr << 24 | (uint32_t)c->bpr[0] << 21 | (uint32_t)c->bpr[1] << 18 | ctlr |
                LOAD(&c->enabled_groups);
    lrs->ap0r = gic->config.version == 3 ? c->apr[0] : c->apr[0] | c->apr[1];
    lrs->ap1r = gic->config.version == 3 ? c->apr[1] : 0;
}

static void import_interface(struct vml_gic *gic, struct vml_gic_cpu *c,
                             const struct vml_gic_lrs *lrs)
{
    uint32_t v = lrs->vmcr, bpr0 = v >> 21 & 7, bpr1 = v >> 18 & 7;

    c->pmr = v >> 24 & PRIORITY_MASK;
    c->bpr[0] = (uint8_t)(bpr0 < MIN_BPR0 ? MIN_BPR0 : bpr0);
    c->bpr[1] = (uint8_t)(bpr1 < MIN_BPR1 ? MIN_BPR1 : bpr1);
    c->ctlr = gic->config.version == 3
                  ? (v & 1u << 4 ? ICC_CBPR : 0u) | (v & 1u << 9 ? ICC_EOIMODE : 0u)
                  : (c->ctlr & 0x1e0) | (v & (GICC_ACKCTL | GICC_FIQEN | GICC_CBPR | GICC_EOIMODE));
    STORE(&c->enabled_groups, v & 3);
    c->apr[0] = lrs->ap0r;
    c->apr[1] = lrs->ap1r;
    gic_binary_points(gic, c);
    gic_set_running(c);
}

void vml_gic_lr_fill(struct vml_gic *gic, uint32_t cpu, struct vml_gic_lrs *lrs)
{
    struct vml_gic_cpu *c = &gic->cpus[cpu];
    struct gic_candidate best;
    bool all = true;

    lrs->used = 0;
    lrs->latched = 0;
    if (c->any_lr_active) {
        all = list_active(gic, c, lrs);
    }
    vml_mutex_lock(&c->lock);
    export_interface(gic, c, lrs);
    STORE(&c->enabled_groups, 3);
    while ((best = gic_candidate(gic, c)).priority != IDLE_PRIORITY && lrs->used < lrs->count) {
        uint32_t intid = gic_candidate_intid(gic, c, best);

        if (VML_UNLIKELY(intid == LPI_MARK)) {
            list_lpi(gic, c, best.priority, lrs);
        } else {
            gic_dequeue(gic, c, best.group, best.priority >> 3, intid);
            list(gic, c, intid, lrs);
        }
    }
    lrs->hcr = HCR_EN | (best.priority != IDLE_PRIORITY ? HCR_UIE : 0) | (all ? 0 : HCR_LRENPIE);
    /* Resident: whatever becomes deliverable from now on is told, masked or not. */
    c->pmr = IDLE_PRIORITY;
    c->running = IDLE_PRIORITY;
    atomic_store_explicit(&c->outputs, 0, memory_order_release);
    vml_mutex_unlock(&c->lock);
}

/* Takes one list register back. Owner's lock held. */
static void unlist(struct vml_gic *gic, struct vml_gic_cpu *c, struct vml_gic_cpu *owner,
                   uint32_t intid, uint64_t lr, bool latched)
{
    uint32_t cpu = gic_index(gic, c), bit = VML_BIT32(intid % 32), state = lr_state(gic, lr);
    struct vml_gic_word *w = gic_word(gic, cpu, intid / 32);

    gic_put_bits(&w->listed, bit, false);
    gic_put_bits(&w->active, bit, (state & LR_ACTIVE) != 0);
    if (state & LR_ACTIVE) {
        c->lr_active[intid / 64] |= VML_BIT64(intid % 64);
        c->any_lr_active = true;
    } else {
        c->lr_active[intid / 64] &= ~VML_BIT64(intid % 64);
    }
    if ((state & LR_PENDING) && latched) {
        gic_put_bits(&w->latch, bit, true);
        if (gic->config.version == 2 && intid < 16) {
            STORE(&c->sgi_sources[intid],
                  (uint8_t)(LOAD(&c->sgi_sources[intid]) | 1u << lr_source(lr)));
        }
    }
    if (state == 0 && lr_is_linked(gic, lr) && !(LOAD(&w->edge) & bit)) {
        gic_put_bits(&w->level, bit, false);
    }
    gic_requeue(gic, owner, w, intid, false);
}

/* IHI 0069H 12.4.5, EOIcount: the guest deactivated active interrupts that were in no list register. */
static void apply_eoi_count(struct vml_gic *gic, struct vml_gic_cpu *c, uint32_t count)
{
    uint32_t cpu = gic_index(gic, c);

    for (uint32_t n = 0; n < gic->words && count != 0; n++) {
        for (uint64_t left = c->lr_active[n]; left != 0 && count != 0; left &= left - 1) {
            uint32_t intid = n * 64 + vml_ctz64(left);

            if (!(LOAD(&gic_word(gic, cpu, intid / 32)->listed) >> intid % 32 & 1)) {
                c->lr_active[n] &= ~VML_BIT64(intid % 64);
                gic_deactivate(gic, cpu, intid);
                count--;
            }
        }
    }
}

void vml_gic_lr_fold(struct vml_gic *gic, uint32_t cpu, struct vml_gic_lrs *lrs)
{
    struct vml_gic_cpu *c = &gic->cpus[cpu];
    uint32_t change, elsewhere = 0;
    uint64_t any = 0;

    if (lrs->hcr >> 27 != 0) {
        apply_eoi_count(gic, c, lrs->hcr >> 27);
    }
    vml_mutex_lock(&c->lock);
    import_interface(gic, c, lrs);
    for (uint32_t i = 0; i < lrs->used; i++) {
        uint32_t intid = lr_intid(gic, lrs->lr[i]);

        if (intid >= VML_GIC_FIRST_LPI || (intid >= 32 && LOAD(&gic->owner[intid]) != cpu)) {
            elsewhere |= VML_BIT32(i);
        } else {
            unlist(gic, c, c, intid, lrs->lr[i], (lrs->latched >> i & 1) != 0);
        }
    }
    change = gic_update(gic, c);
    vml_mutex_unlock(&c->lock);
    gic_tell(gic, cpu, change);
    for (; elsewhere != 0;
         elsewhere &= elsewhere - 1) { /* LPIs, and what was re-routed meanwhile */
        uint32_t i = vml_ctz32(elsewhere), intid = lr_intid(gic, lrs->lr[i]);
        struct vml_gic_cpu *owner;

        if (gic_is_lpi(gic, intid)) {
            gic_lpi_unlist(gic, intid, (lr_state(gic, lrs->lr[i]) & LR_PENDING) != 0);
            continue;
        }
        owner = gic_lock_owner(gic, intid, cpu);
        unlist(gic, c, owner, intid, lrs->lr[i], (lrs->latched >> i & 1) != 0);
        change = gic_update(gic, owner);
        vml_mutex_unlock(&owner->lock);
        gic_tell(gic, gic_index(gic, owner), change);
    }
    if (c->any_lr_active) {
        for (uint32_t n = 0; n < gic->words; n++) {
            any |= c->lr_active[n];
        }
        c->any_lr_active = any != 0;
    }
    lrs->used = 0;
}
