/*
 * The shortest ways: a wire that rises while nothing else is pending, a fill of it and a fold.
 *
 * Nearly always one level-sensitive interrupt is pending at a time.  It need not go through the queue,
 * nor through the bits that say that it is in a list register: `pending_line` of its owner stands for
 * its place in the queue, and then `listed_line` for list register 0 in which it is.  While these are
 * set, `queue`, and `listed` and `gate` of that interrupt, are not up to date; gic_lock() makes them so
 * for whoever else takes the lock.  So nobody but the functions here knows of them, and between a
 * fill and its fold nothing has happened to the interrupt that `listed_line` still names, but that the
 * guest had it.
 *
 * `fit_line` is the wire that was last found fit for this: enabled, not active and so on, and nothing
 * else pending.  It stays so until somebody else takes the lock, which makes it NULL.  While it is NULL
 * so are the two others.
 *
 * Each function serves what is frequent without a call, so that it saves no register, and leaves the
 * rest to the long way.
 */
#include "gic.h"
#include <vml/gic_lr.h>

#define NOINLINE __attribute__((noinline))

/* Puts what the shortcuts left undone where it belongs. Lock held. */
void gic_settle_lines(struct vml_gic *gic, struct vml_gic_cpu *cpu)
{
    struct vml_gic_line *line = cpu->pending_line;

    cpu->fit_line = NULL;
    if (line) {
        cpu->pending_line = NULL;
        gic_enqueue_at(gic, cpu, line->place, (uint32_t)LOAD(&line->lr));
    }
    line = cpu->listed_line;
    if (line) {
        cpu->listed_line = NULL;
        gic_put_bits(&line->word->listed, line->bit, true);
        gic_put_bits(&line->word->gate, line->bit, false);
        if ((uint32_t)LOAD(&line->lr) >= 32) {
            STORE(&gic->taker[(uint32_t)LOAD(&line->lr)], (uint16_t)gic_index(gic, cpu));
        }
    }
}

/* After a change of the priority, the group or the link of an interrupt. Owner's lock held. */
void gic_refresh_line(struct vml_gic *gic, struct vml_gic_cpu *cpu, uint32_t intid)
{
    struct vml_gic_line *line = gic_line(gic, cpu, intid);
    uint32_t place, physical;

    if (!line) {
        return;
    }
    place = gic_place(gic, cpu, intid);
    physical = LOAD(gic_link_of(gic, gic_index(gic, cpu), intid));
    line->place = place;
    STORE(&line->lr,
          intid | (uint64_t)(place >> 1) << 51 | (uint64_t)(place & 1) << 60 | VML_BIT64(62) |
              (physical != 0 ? VML_BIT64(61) | (uint64_t)physical << 32 : VML_BIT64(41)));
}

/* The lock is held, and released. */
static NOINLINE void unlock_and_tell(struct vml_gic *gic, struct vml_gic_cpu *c, uint32_t change)
{
    vml_mutex_unlock(&c->lock);
    gic_tell(gic, gic_index(gic, c), change);
}

/* A change of the only thing that is pending. The lock is held, and released. */
static VML_ALWAYS_INLINE void put_output(struct vml_gic *gic, struct vml_gic_cpu *c, uint32_t now,
                                         uint32_t change)
{
    atomic_store_explicit(&c->outputs, now, memory_order_release);
    if (gic->config.output) {
        unlock_and_tell(gic, c, change | now << 8);
        return;
    }
    vml_mutex_unlock(&c->lock);
}

/* Whether the interrupt, once its wire is high, is signalled, and nothing else is pending.  It is so as
 * long as nobody comes by gic_lock(). Lock held. */
static bool is_fit(const struct vml_gic_cpu *c, const struct vml_gic_line *line)
{
    const struct vml_gic_word *w = line->word;
    uint32_t others = LOAD(&w->latch) | LOAD(&w->edge) | ~LOAD(&w->gate);

    return LOAD(&line->owner) == c && (others & line->bit) == 0 && c->queue.places == 0 &&
           (c->open >> line->place & 1) != 0 && line->place < c->pmr >> 2 &&
           c->running == IDLE_PRIORITY && (c->left_over == 0 || c->left_over == UINT32_MAX);
}

/* The long way of a wire. */
static NOINLINE void change_level(struct vml_gic *gic, const struct vml_gic_line *line, bool level)
{
    gic_set_level(gic, (uint32_t)LOAD(&line->lr), gic_index(gic, LOAD(&line->owner)), level);
}

/* The same for who holds the lock, and releases it. */
static NOINLINE void unlock_and_change_level(struct vml_gic *gic, const struct vml_gic_line *line,
                                             struct vml_gic_cpu *c, bool level)
{
    vml_mutex_unlock(&c->lock);
    change_level(gic, line, level);
}

/* A wire that rises, but perhaps not the one that did before. The lock is held, and released. */
static NOINLINE void raise_locked(struct vml_gic *gic, struct vml_gic_line *line,
                                  struct vml_gic_cpu *c)
{
    if (!c->pending_line && !(LOAD(&line->word->level) & line->bit) && is_fit(c, line)) {
        c->fit_line = line;
        c->fit_out = c->outs[line->place & 1];
        c->pending_line = line;
        gic_put_bits(&line->word->level, line->bit, true);
        put_output(gic, c, c->fit_out, c->fit_out);
        return;
    }
    unlock_and_change_level(gic, line, c, true);
}

static VML_ALWAYS_INLINE void raise(struct vml_gic *gic, struct vml_gic_line *line)
{
    struct vml_gic_word *w = line->word;
    uint32_t bit = line->bit;
    struct vml_gic_cpu *c;

    if (LOAD(&w->level) & bit) {
        return;
    }
    c = LOAD(&line->owner);
    if (VML_UNLIKELY(!vml_mutex_try_lock(&c->lock))) {
        change_level(gic, line, true);
        return;
    }
    if (VML_UNLIKELY(c->fit_line != line || c->listed_line == line || c->pending_line)) {
        raise_locked(gic, line, c);
        return;
    }
    c->pending_line = line;
    gic_put_bits(&w->level, bit, true);
    put_output(gic, c, c->fit_out, c->fit_out);
}

static VML_ALWAYS_INLINE void lower(struct vml_gic *gic, struct vml_gic_line *line)
{
    struct vml_gic_word *w = line->word;
    uint32_t bit = line->bit;
    struct vml_gic_cpu *c;

    if (!(LOAD(&w->level) & bit)) {
        return;
    }
    c = LOAD(&line->owner);
    if (VML_UNLIKELY(!vml_mutex_try_lock(&c->lock))) {
        change_level(gic, line, false);
        return;
    }
    if (c->pending_line == line) {
        gic_put_bits(&w->level, bit, false);
        c->pending_line = NULL;
        put_output(gic, c, 0, LOAD(&c->outputs));
    } else if (LOAD(&line->owner) == c && !(LOAD(&w->gate) & bit)) { /* so it is in no queue */
        gic_put_bits(&w->level, bit, false);
        vml_mutex_unlock(&c->lock);
    } else {
        unlock_and_change_level(gic, line, c, false);
    }
}

/* PPIs, extended ranges, and whatever is traced. */
static NOINLINE void set_other_level(struct vml_gic *gic, uint32_t intid, uint32_t cpu, bool level)
{
    uint32_t number = gic_number(gic, intid);
    struct vml_gic_line *line;

    if (!gic_is_line(gic, number, cpu)) {
        return;
    }
    vml_trace(gic->config.debug, UINT32_MAX, VML_TRACE_IRQ_RAISE, intid, cpu, level);
    line = gic_line(gic, &gic->cpus[cpu], number);
    if (!line) {
        gic_set_level(gic, number, cpu, level);
    } else if (level) {
        raise(gic, line);
    } else {
        lower(gic, line);
    }
}

void vml_gic_set_level(struct vml_gic *gic, uint32_t intid, uint32_t cpu, bool level)
{
    if (VML_UNLIKELY(intid - 32 >= gic->plain_lines)) {
        set_other_level(gic, intid, cpu, level);
    } else if (level) {
        raise(gic, &gic->lines[intid - 32]);
    } else {
        lower(gic, &gic->lines[intid - 32]);
    }
}

/* One multiplication, where compilers make five operations of the constant size. */
static VML_ALWAYS_INLINE struct vml_gic_cpu *cpu_at(const struct vml_gic *gic, uint32_t cpu)
{
    return (void *)((uint8_t *)gic->cpus + cpu * gic->cpu_size);
}

/* All are read before any is written: so the compiler sees that it can copy them at once. */
static VML_ALWAYS_INLINE void copy_interface(struct vml_gic_lrs *to, const struct vml_gic_cpu *from)
{
    uint32_t hcr = from->hcr, vmcr = from->vmcr, ap0r = from->apr[0], ap1r = from->apr[1];

    to->hcr = hcr;
    to->vmcr = vmcr;
    to->ap0r = ap0r;
    to->ap1r = ap1r;
}

/* As gic_fill(), if nothing is active and at most a line pending. */
void vml_gic_lr_fill(struct vml_gic *gic, uint32_t cpu, struct vml_gic_lrs *lrs)
{
    struct vml_gic_cpu *c = cpu_at(gic, cpu);
    struct vml_gic_line *line;

    if (VML_UNLIKELY(LOAD(&c->odd) != 0 || !vml_mutex_try_lock(&c->lock))) {
        gic_fill(gic, cpu, lrs);
        return;
    }
    line = c->pending_line;
    if (line) {
        lrs->used = 1;
        lrs->filled = 0;
        lrs->lr[0] = LOAD(&line->lr);
        c->listed_line = line;
        c->pending_line = NULL;
        atomic_store_explicit(&c->outputs, 0, memory_order_release);
    } else {
        lrs->used = 0;
        lrs->filled = 0;
        if (VML_UNLIKELY((c->queue.places & c->open) != 0)) {
            gic_fill_locked(gic, cpu, lrs);
            return;
        }
    }
    copy_interface(lrs, c);
    c->left_over = UINT32_MAX;
    vml_mutex_unlock(&c->lock);
}

/* The list register was not taken, or the wire is still high: pending again. The lock is held, and
 * released. */
static NOINLINE void fold_pending(struct vml_gic *gic, uint32_t cpu, struct vml_gic_lrs *lrs)
{
    struct vml_gic_cpu *c = &gic->cpus[cpu];
    struct vml_gic_line *line = c->listed_line;

    if (lrs->lr[0] >> 63 != 0 || c->pending_line || c->fit_line != line) {
        gic_fold_locked(gic, cpu, lrs);
        return;
    }
    lrs->used = 0;
    c->left_over = 0;
    c->listed_line = NULL;
    c->pending_line = line;
    put_output(gic, c, c->fit_out, c->fit_out);
}

/* As gic_fold(), if the guest has left its interface as it was, and at most one line was listed. */
void vml_gic_lr_fold(struct vml_gic *gic, uint32_t cpu, struct vml_gic_lrs *lrs)
{
    struct vml_gic_cpu *c = cpu_at(gic, cpu);
    struct vml_gic_line *line;

    if (VML_UNLIKELY(lrs->hcr != c->hcr || lrs->vmcr != c->vmcr || lrs->ap0r != c->apr[0] ||
                     lrs->ap1r != c->apr[1] || !vml_mutex_try_lock(&c->lock))) {
        gic_fold(gic, cpu, lrs);
        return;
    }
    line = c->listed_line;
    if (line) {
        if (VML_UNLIKELY(lrs->lr[0] >> 61 != 1)) {
            fold_pending(gic, cpu, lrs);
            return;
        }
        gic_put_bits(&line->word->level, line->bit, false); /* linked, and ended */
        c->listed_line = NULL;
        lrs->used = 0;
    } else if (lrs->used != 0 || (c->queue.places & c->open) != 0) {
        gic_fold_locked(gic, cpu, lrs);
        return;
    }
    c->left_over = 0;
    vml_mutex_unlock(&c->lock);
}
