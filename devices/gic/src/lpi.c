/* LPIs: which are pending where, and their lists. */
#include "lpi.h"

bool gic_lpi_config_is_valid(const struct vml_gic_config *c)
{
    if (c->lpis == 0) {
        return true;
    }
    return c->version == 3 && c->memory && c->lpis >= 4 &&
           (c->lpis == VML_GIC_MAX_LPIS || (vml_is_pow2(c->lpis) && c->lpis < VML_GIC_MAX_LPIS));
}

/* IHI 0069H 12.9.38: LPIS, 16 bits of INTID; num_LPIs where not all of these are LPIs. */
uint32_t gic_lpi_typer(const struct vml_gic *gic)
{
    uint32_t lpis = gic->config.lpis;

    return 1u << 17 | 15u << 19 | (lpis == VML_GIC_MAX_LPIS ? 0 : (vml_ctz32(lpis) - 1) << 11);
}

void gic_lpi_reset(struct vml_gic *gic)
{
    if (gic->config.lpis == 0) {
        return;
    }
    memset(gic->lpis, 0, gic->config.lpis * sizeof(*gic->lpis));
    for (uint32_t i = 0; i < gic->config.cpus; i++) {
        struct vml_gic_lpi_cpu *lc = &gic->lpi_cpus[i];

        memset(lc, 0, sizeof(*lc));
        memset(lc->head, 0xff, sizeof(lc->head));
        memset(lc->tail, 0xff, sizeof(lc->tail));
    }
}

/* Locks the vCPU that guards an LPI. */
struct vml_gic_cpu *gic_lpi_lock(struct vml_gic *gic, uint32_t n)
{
    for (;;) {
        uint32_t owner = atomic_load_explicit(&gic->lpis[n].owner, memory_order_acquire);
        struct vml_gic_cpu *c = &gic->cpus[owner];

        gic_lock(gic, c);
        if (VML_LIKELY(atomic_load_explicit(&gic->lpis[n].owner, memory_order_acquire) == owner)) {
            return c;
        }
        vml_mutex_unlock(&c->lock);
    }
}

static void append(struct vml_gic *gic, struct vml_gic_cpu *c, uint32_t n)
{
    struct vml_gic_lpi_cpu *lc = c->lpis;
    struct vml_gic_lpi *lpi = &gic->lpis[n];
    uint32_t config = LOAD(&lpi->config), list = LPI_HELD;

    if ((config & LPI_CONFIG_ENABLED) && !(lpi->state & LPI_LISTED)) {
        list = config >> 3;
    }
    lpi->state = (uint8_t)((lpi->state & LPI_LISTED) | LPI_PENDING | list);
    lpi->next = LPI_NONE;
    lpi->previous = lc->tail[list];
    lc->tail[list] = (uint16_t)n;
    if (lpi->previous != LPI_NONE) {
        gic->lpis[lpi->previous].next = (uint16_t)n;
        return;
    }
    lc->head[list] = (uint16_t)n;
    if (list != LPI_HELD) {
        gic_enqueue(gic, c, 1, list, LPI_MARK);
    }
}

/* Takes a pending LPI out of its list: it is not pending then. */
static void take_out(struct vml_gic *gic, struct vml_gic_cpu *c, uint32_t n)
{
    struct vml_gic_lpi_cpu *lc = c->lpis;
    struct vml_gic_lpi *lpi = &gic->lpis[n];
    uint32_t list = lpi->state & LPI_LIST;

    lpi->state &= LPI_LISTED;
    if (lpi->previous != LPI_NONE) {
        gic->lpis[lpi->previous].next = lpi->next;
    } else {
        lc->head[list] = lpi->next;
    }
    if (lpi->next != LPI_NONE) {
        gic->lpis[lpi->next].previous = lpi->previous;
    } else {
        lc->tail[list] = lpi->previous;
    }
    if (lc->head[list] == LPI_NONE && list != LPI_HELD) {
        gic_dequeue(gic, c, 1, list, LPI_MARK);
    }
}

uint32_t gic_lpi_first(const struct vml_gic_cpu *c, uint32_t level)
{
    return VML_GIC_FIRST_LPI + c->lpis->head[level];
}

/* Takes the LPI that came first at a level. Lock held. Returns its INTID. */
uint32_t gic_lpi_acknowledge(struct vml_gic *gic, struct vml_gic_cpu *c, uint32_t level)
{
    uint32_t n = c->lpis->head[level];

    take_out(gic, c, n);
    return VML_GIC_FIRST_LPI + n;
}

/* As gic_lpi_acknowledge(), for a list register, which then has the pending state. */
uint32_t gic_lpi_list(struct vml_gic *gic, struct vml_gic_cpu *c, uint32_t level)
{
    uint32_t n = c->lpis->head[level];

    take_out(gic, c, n);
    gic->lpis[n].state |= LPI_LISTED;
    gic->lpis[n].lister = (uint16_t)gic_index(gic, c);
    return VML_GIC_FIRST_LPI + n;
}

/* Ends a change under the lock of `c`. */
static void leave(struct vml_gic *gic, struct vml_gic_cpu *c, struct gic_effect *effect)
{
    effect->cpu = gic_index(gic, c);
    effect->change |= gic_update(gic, c);
    vml_mutex_unlock(&c->lock);
}

/* As leave(), with the new owner of the LPI; if it is in a list register that vCPU shall fold: then
 * it is in no queue, and the outputs are as they were. */
static void leave_and_recall(struct vml_gic *gic, struct vml_gic_cpu *c, uint32_t n, uint32_t owner,
                             struct gic_effect *effect)
{
    bool listed = (gic->lpis[n].state & LPI_LISTED) != 0;
    uint32_t lister = gic->lpis[n].lister & ~(uint32_t)LPI_VOID;

    atomic_store_explicit(&gic->lpis[n].owner, (uint16_t)owner, memory_order_release);
    leave(gic, c, effect);
    if (VML_UNLIKELY(listed)) {
        *effect = (struct gic_effect){lister, OUT_IRQ | OUT_IRQ << 8};
    }
}

/* Whether a redistributor takes an LPI. */
static inline bool takes(const struct vml_gic_cpu *c, uint32_t n)
{
    return n < LOAD(&c->lpis->limit);
}

/* Takes an LPI back from a list register. No lock held. */
void gic_lpi_unlist(struct vml_gic *gic, uint32_t intid, bool pending)
{
    uint32_t n = intid - VML_GIC_FIRST_LPI;
    struct vml_gic_cpu *c = gic_lpi_lock(gic, n);
    struct gic_effect effect = {0, 0};
    bool was = (gic->lpis[n].state & LPI_PENDING) != 0;

    if (was) {
        take_out(gic, c, n);
    }
    pending = pending && !(gic->lpis[n].lister & LPI_VOID);
    gic->lpis[n].state = 0;
    gic->lpis[n].lister = 0;
    if (was || (pending && takes(c, n))) {
        append(gic, c, n);
    }
    leave(gic, c, &effect);
    gic_tell_effect(gic, effect);
}

/* Makes an LPI pending at a vCPU, if that one's redistributor takes it.
 * With `entry`: returns false, and does nothing, if that is not `expected` any more.  Whoever changes
 * an entry does so before it locks the LPI; so a translation is either used before or not at all. */
bool gic_lpi_raise(struct vml_gic *gic, uint32_t n, uint32_t cpu, const _Atomic uint64_t *entry,
                   uint64_t expected, struct gic_effect *effect)
{
    struct vml_gic_lpi *lpi = &gic->lpis[n];
    struct vml_gic_cpu *c;
    bool valid;

    for (uint32_t tries = 0;; tries++) {
        c = gic_lpi_lock(gic, n);
        if (VML_LIKELY(c == &gic->cpus[cpu]) || (lpi->state & LPI_PENDING) || tries == 8) {
            break;
        }
        if ((lpi->state & LPI_LISTED) && !takes(&gic->cpus[cpu], n)) {
            vml_mutex_unlock(&c->lock); /* ignored: what is in a list register stays here */
            return !entry || LOAD(entry) == expected;
        }
        atomic_store_explicit(&lpi->owner, (uint16_t)cpu, memory_order_release);
        vml_mutex_unlock(&c->lock);
    }
    valid = !entry || LOAD(entry) == expected;
    if (valid && !(lpi->state & LPI_PENDING) && takes(c, n)) {
        append(gic, c, n);
        leave_and_recall(gic, c, n, gic_index(gic, c), effect);
    } else {
        vml_mutex_unlock(&c->lock);
    }
    return valid;
}

/* Puts back what was pending, into a GIC that nobody uses yet; outputs are computed afterwards. */
void gic_lpi_put(struct vml_gic *gic, uint32_t cpu, uint32_t n)
{
    if (!(gic->lpis[n].state & LPI_PENDING)) {
        STORE(&gic->lpis[n].owner, (uint16_t)cpu);
        append(gic, &gic->cpus[cpu], n);
    }
}

void gic_lpi_clear(struct vml_gic *gic, uint32_t n, struct gic_effect *effect)
{
    struct vml_gic_cpu *c = gic_lpi_lock(gic, n);

    if (gic->lpis[n].state & LPI_PENDING) {
        take_out(gic, c, n);
    }
    if (gic->lpis[n].state & LPI_LISTED) {
        gic->lpis[n].lister |= LPI_VOID;
    }
    leave_and_recall(gic, c, n, gic_index(gic, c), effect);
}

/* Moves an LPI, if it is pending, to another vCPU; what a list register has of it goes there when that
 * is folded.  Lock of its owner held, and released. */
static void move_locked(struct vml_gic *gic, struct vml_gic_cpu *c, uint32_t n, uint32_t to,
                        struct gic_effect effects[2])
{
    bool pending = (gic->lpis[n].state & LPI_PENDING) != 0;

    if (pending) {
        take_out(gic, c, n);
    }
    leave_and_recall(gic, c, n, to, &effects[0]);
    if (pending) {
        (void)gic_lpi_raise(gic, n, to, NULL, 0, &effects[1]);
    }
}

void gic_lpi_move(struct vml_gic *gic, uint32_t n, uint32_t to, struct gic_effect effects[2])
{
    struct vml_gic_cpu *c = gic_lpi_lock(gic, n);

    if (c == &gic->cpus[to]) {
        vml_mutex_unlock(&c->lock);
        return;
    }
    move_locked(gic, c, n, to, effects);
}

/* Moves the first pending LPI of `from`, most urgent first. @return false for none */
bool gic_lpi_move_one(struct vml_gic *gic, uint32_t from, uint32_t to, struct gic_effect effects[2])
{
    struct vml_gic_cpu *c = &gic->cpus[from];
    const struct vml_gic_lpi_cpu *lc = &gic->lpi_cpus[from];
    uint32_t list = 0;

    gic_lock(gic, c);
    while (list < LPI_HELD && lc->head[list] == LPI_NONE) {
        list++;
    }
    if (lc->head[list] == LPI_NONE) {
        vml_mutex_unlock(&c->lock);
        return false;
    }
    move_locked(gic, c, lc->head[list], to, effects);
    return true;
}

/* Goes on in search of what list registers have of `from`'s LPIs, to the next one, and moves that; at
 * most LPI_CHUNK LPIs.  One that has just been folded, and is pending, counts, too.
 * @param cursor in: where to begin; out: where to go on
 * @return false when all have been looked at */
bool gic_lpi_move_listed(struct vml_gic *gic, uint32_t from, uint32_t to, uint32_t *cursor,
                         struct gic_effect effects[2])
{
    struct vml_gic_cpu *c = &gic->cpus[from];
    uint32_t n = *cursor;
    uint32_t end = gic->config.lpis - n < LPI_CHUNK ? gic->config.lpis : n + LPI_CHUNK;

    gic_lock(gic, c);
    for (; n < end; n++) {
        const struct vml_gic_lpi *lpi = &gic->lpis[n];

        if (atomic_load_explicit(&lpi->owner, memory_order_acquire) == from && lpi->state != 0) {
            move_locked(gic, c, n, to, effects);
            *cursor = n + 1;
            return *cursor < gic->config.lpis;
        }
    }
    vml_mutex_unlock(&c->lock);
    *cursor = end;
    return end < gic->config.lpis;
}

void gic_lpi_set_config(struct vml_gic *gic, uint32_t n, uint8_t config, struct gic_effect *effect)
{
    struct vml_gic_cpu *c = gic_lpi_lock(gic, n);
    bool pending = (gic->lpis[n].state & LPI_PENDING) != 0;

    config &= PRIORITY_MASK | LPI_CONFIG_ENABLED;
    if (LOAD(&gic->lpis[n].config) == config) {
        vml_mutex_unlock(&c->lock);
        return;
    }
    if (pending) {
        take_out(gic, c, n);
    }
    STORE(&gic->lpis[n].config, config);
    if (pending) {
        append(gic, c, n);
    }
    leave_and_recall(gic, c, n, gic_index(gic, c), effect);
}

/* How many LPIs a redistributor takes; those that are pending there are dropped when it is 0. */
void gic_lpi_set_limit(struct vml_gic *gic, uint32_t cpu, uint32_t limit)
{
    struct vml_gic_cpu *c = &gic->cpus[cpu];
    struct vml_gic_lpi_cpu *lc = &gic->lpi_cpus[cpu];
    struct gic_effect effect = {0, 0};

    gic_lock(gic, c);
    STORE(&lc->limit, limit);
    for (uint32_t list = 0; limit == 0 && list < VML_GIC_LPI_LISTS; list++) {
        for (uint32_t left = gic->config.lpis; left != 0 && lc->head[list] != LPI_NONE; left--) {
            take_out(gic, c, lc->head[list]);
        }
    }
    leave(gic, c, &effect);
    gic_tell_effect(gic, effect);
}
