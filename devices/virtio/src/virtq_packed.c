/* Taking chains from packed rings: virtio 1.3, 2.8. */
#include "walk.h"

/* The queue begins again, at `next`. */
static VML_COLD enum vml_status packed_wrap(struct vml_virtq *vq, uint32_t next)
{
    vq->avail_wrap = !vq->avail_wrap;
    vq->avail_pattern ^= PACKED_STATE;
    vq->next_avail = (uint16_t)(next - vq->size);
    return VML_OK;
}

static VML_ALWAYS_INLINE enum vml_status packed_advance(struct vml_virtq *vq, uint32_t head,
                                                        uint32_t slots)
{
    uint16_t next = (uint16_t)(head + slots); /* at most twice 32,768, less one */

    if (VML_UNLIKELY(next >= (uint16_t)vq->size)) {
        return packed_wrap(vq, next);
    }
    vq->next_avail = next;
    return VML_OK;
}

static VML_COLD enum vml_status restart_packed(struct vml_virtq *vq, struct vml_virtq_chain *chain)
{
    enum vml_status status = virtq_walk_any(vq, chain, vq->next_avail);

    return status == VML_OK ? packed_advance(vq, vq->next_avail, chain->slots) : status;
}

/* The last of a chain's `count` descriptors left `odd`. */
static VML_ALWAYS_INLINE enum vml_status
finish_packed(struct vml_virtq *vq, struct vml_virtq_chain *chain, uint32_t count, uint64_t odd)
{
    chain->id = (uint16_t)(odd >> 32);
    chain->slots = (uint16_t)count;
    return packed_advance(vq, vq->next_avail, count);
}

/* Where a walk of any length is. */
struct packed_run {
    const uint8_t *desc; /* the next descriptor */
    struct vml_virtq_buf *buf;
    uint64_t plain; /* see take() */
    uint64_t odd;
};

/* After `count` descriptors, which do not reach across the end of the ring. */
static VML_ALWAYS_INLINE struct packed_run run_after(const struct vml_virtq *vq,
                                                     const struct vml_virtq_chain *chain,
                                                     uint32_t count, uint64_t odd, uint64_t flags)
{
    return (struct packed_run){
        .desc = vq->desc + (size_t)(vq->next_avail + count) * DESC_SIZE,
        .buf = chain->bufs + count,
        .plain = vq->avail_pattern | flags,
        .odd = odd,
    };
}

/* As run_split(). */
static VML_ALWAYS_INLINE bool
run_packed(const struct vml_virtq *vq, const struct vml_virtq_chain *chain, struct packed_run *run)
{
    const struct vml_virtq_buf *end = chain->bufs + vq->max_chain;
    const uint8_t *wrap = vq->desc + (size_t)vq->size * DESC_SIZE;

    while ((run->odd & PACKED_KIND) == 0) {
        if (run->desc == wrap) {
            run->desc = vq->desc;
            run->plain ^= PACKED_STATE;
        }
        if (run->buf == end || !take(vq, run->buf, run->desc, 0, run->plain, &run->odd)) {
            return false;
        }
        run->desc += DESC_SIZE;
        run->buf++;
    }
    return true;
}

static VML_ALWAYS_INLINE enum vml_status run_writable(struct vml_virtq *vq,
                                                      struct vml_virtq_chain *chain,
                                                      struct packed_run *run, uint32_t readable)
{
    uint32_t count;

    if (!run_packed(vq, chain, run) || (run->odd & PACKED_KIND) != PACKED_NEXT) {
        return restart_packed(vq, chain);
    }
    count = (uint32_t)(run->buf - chain->bufs);
    put_sides(chain, readable, count - readable);
    return finish_packed(vq, chain, count, run->odd);
}

static VML_ALWAYS_INLINE enum step step_packed(const struct vml_virtq *vq,
                                               struct vml_virtq_buf *buf, const uint8_t *desc,
                                               uint64_t plain, uint64_t *odd)
{
    if (!take(vq, buf, desc, 0, plain, odd)) {
        return STEP_RESTART;
    }
    if ((*odd & PACKED_KIND) == 0) {
        return STEP_MORE;
    }
    return (*odd & (PACKED_KIND & ~PACKED_NEXT)) == 0 ? STEP_LAST : STEP_TURN;
}

/* Goes on after `readable` descriptors and `count` writable ones, the last of which left `odd`. */
static OUT_OF_LINE enum vml_status long_writable_packed(struct vml_virtq *vq,
                                                        struct vml_virtq_chain *chain,
                                                        uint32_t readable, uint32_t count,
                                                        uint64_t odd)
{
    struct packed_run run = run_after(vq, chain, readable + count, odd, PACKED_NEXT | PACKED_WRITE);

    return run_writable(vq, chain, &run, readable);
}

/* Goes on after `readable` descriptors and a writable one, which left `odd`. */
static OUT_OF_LINE enum vml_status writable_packed(struct vml_virtq *vq,
                                                   struct vml_virtq_chain *chain, uint32_t readable,
                                                   uint64_t odd)
{
    const uint8_t *desc = vq->desc + (size_t)(vq->next_avail + readable) * DESC_SIZE;
    const uint64_t plain = vq->avail_pattern | PACKED_NEXT | PACKED_WRITE;
    struct vml_virtq_buf *bufs = chain->bufs + readable;
    uint32_t count = 1;
    enum step step = STEP_MORE;

    if (VML_LIKELY(desc <= vq->last_short && readable + SHORT_CHAIN <= vq->max_chain)) {
        count = 2;
        step = step_packed(vq, &bufs[1], desc + DESC_SIZE, plain, &odd);
        if (step == STEP_MORE) {
            count = 3;
            step = step_packed(vq, &bufs[2], desc + 2 * DESC_SIZE, plain, &odd);
        }
        if (step == STEP_MORE) {
            count = 4;
            step = step_packed(vq, &bufs[3], desc + 3 * DESC_SIZE, plain, &odd);
        }
    }
    if (VML_LIKELY(step == STEP_LAST)) {
        put_sides(chain, readable, count);
        return finish_packed(vq, chain, readable + count, odd);
    }
    return step == STEP_MORE ? long_writable_packed(vq, chain, readable, count, odd)
                             : restart_packed(vq, chain);
}

/* As turn_packed(). */
static OUT_OF_LINE enum vml_status long_readable_packed(struct vml_virtq *vq,
                                                        struct vml_virtq_chain *chain,
                                                        uint32_t count, uint64_t odd)
{
    struct packed_run run = run_after(vq, chain, count, odd, PACKED_NEXT);
    uint64_t kind;

    if (!run_packed(vq, chain, &run)) {
        return restart_packed(vq, chain);
    }
    count = (uint32_t)(run.buf - chain->bufs);
    kind = run.odd & PACKED_KIND;
    if (kind == PACKED_WRITE) {
        run.plain |= PACKED_WRITE;
        run.odd ^= PACKED_WRITE;
        return run_writable(vq, chain, &run, count - 1);
    }
    if ((kind & ~PACKED_WRITE) != PACKED_NEXT) {
        return restart_packed(vq, chain);
    }
    put_sides(chain, kind & PACKED_WRITE ? count - 1 : count, kind & PACKED_WRITE ? 1 : 0);
    return finish_packed(vq, chain, count, run.odd);
}

/* Goes on after `count` descriptors, all readable but perhaps for the last one, which left `odd`. */
static OUT_OF_LINE enum vml_status turn_packed(struct vml_virtq *vq, struct vml_virtq_chain *chain,
                                               uint32_t count, uint64_t odd)
{
    if ((odd & PACKED_KIND) == PACKED_WRITE) {
        return writable_packed(vq, chain, count - 1, odd ^ PACKED_WRITE);
    }
    return long_readable_packed(vq, chain, count, odd);
}

/* All entries of the table are one chain, and have no flag but WRITE (2.8.7). */
static enum vml_status walk_packed_table(struct vml_virtq *vq, struct vml_virtq_chain *chain,
                                         uint64_t offset, uint64_t word)
{
    const uint8_t *table = vq->window_host + offset;
    uint32_t entries = (uint32_t)word / DESC_SIZE;
    uint32_t readable = entries;
    uint64_t plain = 0;
    uint64_t odd;

    if (!is_table(vq, offset, (uint32_t)word) || entries > vq->max_chain) {
        return restart_packed(vq, chain);
    }
    for (uint32_t i = 0; i < entries; i++) {
        if (!take(vq, &chain->bufs[i], table, (size_t)i * DESC_SIZE, plain, &odd)) {
            return restart_packed(vq, chain);
        }
        odd &= PACKED_WRITE | LONG_BUFFER;
        if (odd != 0) {
            if (odd != PACKED_WRITE || plain != 0) {
                return restart_packed(vq, chain);
            }
            readable = i;
            plain = PACKED_WRITE;
        }
    }
    put_sides(chain, readable, entries - readable);
    chain->id = (uint16_t)(word >> 32);
    chain->slots = 1;
    return packed_advance(vq, vq->next_avail, 1);
}

/* A chain that begins with a table, a writable or a long buffer, or near the end of the ring; or
 * none. */
static OUT_OF_LINE enum vml_status
walk_packed_odd(struct vml_virtq *vq, struct vml_virtq_chain *chain, uint64_t offset, uint64_t word)
{
    if (word & PACKED_STATE) {
        return VML_ERR_AGAIN;
    }
    if (word & PACKED_NEXT) {
        put_buf(chain->bufs, vq->window_host + offset, word);
        return turn_packed(vq, chain, 1, word ^ PACKED_NEXT);
    }
    return walk_packed_table(vq, chain, offset, word);
}

/* The head was read, is in the window, and is not all of the chain, or not a usual one. */
static OUT_OF_LINE enum vml_status walk_packed_chain(struct vml_virtq *vq,
                                                     struct vml_virtq_chain *chain,
                                                     const uint8_t *desc, uint64_t offset,
                                                     uint64_t word)
{
    struct vml_virtq_buf *bufs = chain->bufs;
    uint64_t plain = vq->avail_pattern | PACKED_NEXT;
    uint64_t odd;
    uint32_t count = 2;
    enum step step;

    if (VML_UNLIKELY((word & (PACKED_KIND & ~PACKED_NEXT)) || desc > vq->last_short)) {
        return walk_packed_odd(vq, chain, offset, word);
    }
    put_buf(bufs, vq->window_host + offset, word);
    step = step_packed(vq, &bufs[1], desc + DESC_SIZE, plain, &odd);
    if (step == STEP_MORE) {
        count = 3;
        step = step_packed(vq, &bufs[2], desc + 2 * DESC_SIZE, plain, &odd);
    }
    if (step == STEP_MORE) {
        step = step_packed(vq, &bufs[3], desc + 3 * DESC_SIZE, plain, &odd);
        if (step == STEP_LAST) {
            put_sides(chain, SHORT_CHAIN, 0);
            return finish_packed(vq, chain, SHORT_CHAIN, odd);
        }
        count = SHORT_CHAIN;
    }
    if (VML_LIKELY(step == STEP_LAST)) {
        put_sides(chain, count, 0);
        return finish_packed(vq, chain, count, odd);
    }
    if (VML_UNLIKELY(step == STEP_RESTART)) {
        return restart_packed(vq, chain);
    }
    return turn_packed(vq, chain, count, odd);
}

enum vml_status virtq_pop_packed(struct vml_virtq *vq, struct vml_virtq_chain *chain)
{
    uint32_t head = vq->next_avail;
    const uint8_t *desc = vq->desc + (size_t)head * DESC_SIZE;
    /* One load has flags, id and length: what was written before the flags is seen. */
    uint64_t word = ring_load64_acquire(desc + 8) ^ vq->avail_pattern;
    uint64_t offset = ring_load64(desc) - vq->window_base;
    uint32_t write;

    if (VML_UNLIKELY(offset >= vq->window_limit)) {
        return word & PACKED_STATE ? VML_ERR_AGAIN : restart_packed(vq, chain);
    }
    if (word & (PACKED_STATE | PACKED_ODD | PACKED_NEXT)) {
        return walk_packed_chain(vq, chain, desc, offset, word);
    }
    put_buf(chain->bufs, vq->window_host + offset, word);
    write = (uint32_t)(word >> (PACKED_FLAGS_SHIFT + 1)) & 1u;
    chain->writable = (uint16_t)write;
    chain->readable = (uint16_t)(write ^ 1u);
    chain->id = (uint16_t)(word >> 32);
    chain->slots = 1;
    return packed_advance(vq, head, 1);
}
