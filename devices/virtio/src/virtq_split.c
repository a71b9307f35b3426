/* Taking chains from split rings: virtio 1.3, 2.7. */
#include "walk.h"

/* Where the next descriptor is, in bytes, if the flags beside the index are plain. */
static inline uint64_t split_next(uint64_t odd)
{
    return odd >> 44;
}

/*
 * Takes the descriptor after one that left `odd`, in a table of `size` bytes, as the ring is one too. If
 * `masked`, that it is in the table was found together with everything else: `mask` is `vq->odd`.
 */
static VML_ALWAYS_INLINE enum step step_split(const struct vml_virtq *vq, struct vml_virtq_buf *buf,
                                              const uint8_t *table, uint64_t size,
                                              const bool masked, uint64_t mask,
                                              const uint64_t plain, uint64_t *odd)
{
    if ((!masked && split_next(*odd) >= size) ||
        !take(vq, buf, table, split_next(*odd), plain, odd)) {
        return STEP_RESTART;
    }
    if ((*odd & mask) == 0) {
        return STEP_MORE;
    }
    if (masked) { /* the index of the last one may be any */
        return (*odd & SPLIT_KIND) == SPLIT_NEXT ? STEP_LAST : STEP_TURN;
    }
    return (*odd & (SPLIT_KIND & ~SPLIT_NEXT)) == 0 ? STEP_LAST : STEP_TURN;
}

/* Takes descriptors of one side, after one that left `odd`, up to one that is not plain. */
static VML_ALWAYS_INLINE bool run_split(const struct vml_virtq *vq, struct vml_virtq_buf **buf,
                                        const struct vml_virtq_buf *end, const uint8_t *table,
                                        uint64_t size, const uint64_t plain, uint64_t *odd)
{
    while ((*odd & SPLIT_KIND) == 0) {
        if (split_next(*odd) >= size || *buf == end ||
            !take(vq, *buf, table, split_next(*odd), plain, odd)) {
            return false;
        }
        (*buf)++;
    }
    return true;
}

/* Goes on in a table of `size` bytes after `readable` descriptors and `count` writable ones, the last of
 * which left `odd`. */
static OUT_OF_LINE enum vml_status
long_writable_split(struct vml_virtq *vq, struct vml_virtq_chain *chain, const uint8_t *table,
                    uint64_t size, uint32_t readable, uint32_t count, uint64_t odd)
{
    const struct vml_virtq_buf *end = chain->bufs + vq->max_chain;
    struct vml_virtq_buf *buf = chain->bufs + readable + count;

    if (!run_split(vq, &buf, end, table, size, SPLIT_NEXT | SPLIT_WRITE, &odd) ||
        (odd & SPLIT_KIND) != SPLIT_NEXT) {
        return virtq_walk_any(vq, chain, chain->id);
    }
    put_sides(chain, readable, (uint32_t)(buf - chain->bufs) - readable);
    return VML_OK;
}

/* As long_writable_split(), after one writable descriptor. */
static OUT_OF_LINE enum vml_status writable_split(struct vml_virtq *vq,
                                                  struct vml_virtq_chain *chain,
                                                  const uint8_t *table, uint64_t size,
                                                  uint32_t readable, uint64_t odd)
{
    const uint64_t plain = SPLIT_NEXT | SPLIT_WRITE;
    struct vml_virtq_buf *bufs = chain->bufs + readable;
    uint32_t count = 1;
    enum step step = STEP_MORE;

    if (VML_LIKELY(readable + SHORT_CHAIN <= vq->max_chain)) {
        count = 2;
        step = step_split(vq, &bufs[1], table, size, false, SPLIT_KIND, plain, &odd);
        if (step == STEP_MORE) {
            count = 3;
            step = step_split(vq, &bufs[2], table, size, false, SPLIT_KIND, plain, &odd);
        }
        if (step == STEP_MORE) {
            count = 4;
            step = step_split(vq, &bufs[3], table, size, false, SPLIT_KIND, plain, &odd);
        }
    }
    if (VML_LIKELY(step == STEP_LAST)) {
        put_sides(chain, readable, count);
        return VML_OK;
    }
    if (step == STEP_MORE) {
        return long_writable_split(vq, chain, table, size, readable, count, odd);
    }
    return virtq_walk_any(vq, chain, chain->id);
}

/* Goes on after a descriptor that is not as the `readable` ones before it. */
static enum vml_status turn_split(struct vml_virtq *vq, struct vml_virtq_chain *chain,
                                  const uint8_t *table, uint64_t size, uint32_t readable,
                                  uint64_t odd)
{
    if ((odd & SPLIT_KIND) == SPLIT_WRITE) {
        return writable_split(vq, chain, table, size, readable, odd ^ SPLIT_WRITE);
    }
    if ((odd & SPLIT_KIND) == (SPLIT_NEXT | SPLIT_WRITE)) {
        put_sides(chain, readable, 1);
        return VML_OK;
    }
    return virtq_walk_any(vq, chain, chain->id);
}

/* Goes on after `count` readable descriptors, the last of which left `odd`. */
static OUT_OF_LINE enum vml_status long_readable_split(struct vml_virtq *vq,
                                                       struct vml_virtq_chain *chain,
                                                       const uint8_t *table, uint64_t size,
                                                       uint32_t count, uint64_t odd)
{
    const struct vml_virtq_buf *end = chain->bufs + vq->max_chain;
    struct vml_virtq_buf *buf = chain->bufs + count;

    if (!run_split(vq, &buf, end, table, size, SPLIT_NEXT, &odd)) {
        return virtq_walk_any(vq, chain, chain->id);
    }
    count = (uint32_t)(buf - chain->bufs);
    if ((odd & SPLIT_KIND) != SPLIT_NEXT) {
        return turn_split(vq, chain, table, size, count - 1, odd);
    }
    put_sides(chain, count, 0);
    return VML_OK;
}

static inline uint64_t ring_bytes(const struct vml_virtq *vq)
{
    return (uint64_t)vq->size * DESC_SIZE;
}

/* Walks a chain of several descriptors, the first of which was taken and has a next one. */
static VML_ALWAYS_INLINE enum vml_status
short_split(struct vml_virtq *vq, struct vml_virtq_chain *chain, struct vml_virtq_buf *bufs,
            const uint8_t *table, uint64_t size, const bool ring, uint64_t odd)
{
    const uint64_t mask = ring ? vq->odd : SPLIT_KIND;
    uint32_t count = 2;
    enum step step = step_split(vq, &bufs[1], table, size, ring, mask, SPLIT_NEXT, &odd);

    if (step == STEP_MORE) {
        count = 3;
        step = step_split(vq, &bufs[2], table, size, ring, mask, SPLIT_NEXT, &odd);
    }
    if (step == STEP_MORE) {
        if ((!ring && split_next(odd) >= size) ||
            !take(vq, &bufs[3], table, split_next(odd), SPLIT_NEXT, &odd)) {
            return virtq_walk_any(vq, chain, chain->id);
        }
        put_sides(chain, SHORT_CHAIN, 0); /* as it is most often */
        return (odd & SPLIT_KIND) == SPLIT_NEXT
                   ? VML_OK
                   : long_readable_split(vq, chain, table, ring ? ring_bytes(vq) : size,
                                         SHORT_CHAIN, odd);
    }
    if (step == STEP_LAST) {
        put_sides(chain, count, 0);
        return VML_OK;
    }
    if (VML_UNLIKELY(step == STEP_RESTART)) {
        return virtq_walk_any(vq, chain, chain->id);
    }
    return turn_split(vq, chain, table, ring ? ring_bytes(vq) : size, count - 1, odd);
}

/* A chain that begins with a table, a writable or a long buffer. */
static OUT_OF_LINE enum vml_status
walk_split_odd(struct vml_virtq *vq, struct vml_virtq_chain *chain, uint64_t offset, uint64_t word)
{
    struct vml_virtq_buf *bufs = chain->bufs;
    const uint8_t *table = vq->window_host + offset;
    uint64_t size = (uint32_t)word;
    uint64_t odd;

    if (word & SPLIT_NEXT) {
        put_buf(bufs, vq->window_host + offset, word);
        if ((word & SPLIT_KIND) == (SPLIT_NEXT | SPLIT_WRITE)) {
            return writable_split(vq, chain, vq->desc, ring_bytes(vq), 0,
                                  word ^ (SPLIT_NEXT | SPLIT_WRITE));
        }
        return long_readable_split(vq, chain, vq->desc, ring_bytes(vq), 1, word ^ SPLIT_NEXT);
    }
    if (!is_table(vq, offset, (uint32_t)word) || !take(vq, bufs, table, 0, SPLIT_NEXT, &odd)) {
        return virtq_walk_any(vq, chain, chain->id);
    }
    if ((odd & SPLIT_KIND) || vq->max_chain < SHORT_CHAIN) {
        return long_readable_split(vq, chain, table, size, 1, odd);
    }
    return short_split(vq, chain, bufs, table, size, false, odd);
}

/* The head was read, is in the window, and is not all of the chain, or not a usual one. */
static OUT_OF_LINE enum vml_status walk_split_chain(struct vml_virtq *vq,
                                                    struct vml_virtq_chain *chain, uint64_t offset,
                                                    uint64_t word)
{
    struct vml_virtq_buf *bufs = chain->bufs;

    if (VML_UNLIKELY(word & vq->odd_head)) {
        return walk_split_odd(vq, chain, offset, word);
    }
    put_buf(bufs, vq->window_host + offset, word);
    return short_split(vq, chain, bufs, vq->desc, 0, true, word);
}

/* Looks how far the driver is. */
enum vml_status virtq_look_split(struct vml_virtq *vq)
{
    uint16_t seen = ring_load16_acquire(vq->driver + 2);

    if ((uint16_t)(seen - vq->next_avail) > vq->size) {
        return virtq_break(vq);
    }
    vq->avail_seen = seen;
    return seen == vq->next_avail ? VML_ERR_AGAIN : VML_OK;
}

/* The entry at `next_avail`, which is there. */
static VML_ALWAYS_INLINE enum vml_status take_split(struct vml_virtq *vq,
                                                    struct vml_virtq_chain *chain, uint32_t next)
{
    uint32_t head;
    const uint8_t *desc;
    uint64_t word;
    uint64_t offset;
    uint32_t write;

    head = ring_load16(vq->heads + (size_t)(next & vq->mask) * 2);
    chain->id = (uint16_t)head;
    if (VML_UNLIKELY(head >= vq->size)) {
        return virtq_break(vq);
    }
    vq->next_avail = (uint16_t)(next + 1);
    desc = vq->desc + (size_t)head * DESC_SIZE;
    word = ring_load64(desc + 8);
    offset = ring_load64(desc) - vq->window_base;
    if (VML_UNLIKELY(offset >= vq->window_limit)) {
        return virtq_walk_any(vq, chain, chain->id);
    }
    if (word & (SPLIT_ODD | SPLIT_NEXT)) {
        return walk_split_chain(vq, chain, offset, word);
    }
    put_buf(chain->bufs, vq->window_host + offset, word);
    write = (uint32_t)(word >> (SPLIT_FLAGS_SHIFT + 1)) & 1u;
    chain->writable = (uint16_t)write;
    chain->readable = (uint16_t)(write ^ 1u);
    return VML_OK;
}

static OUT_OF_LINE enum vml_status look_and_pop(struct vml_virtq *vq, struct vml_virtq_chain *chain)
{
    enum vml_status status = virtq_look_split(vq);

    return status == VML_OK ? take_split(vq, chain, vq->next_avail) : status;
}

enum vml_status virtq_pop_split(struct vml_virtq *vq, struct vml_virtq_chain *chain)
{
    uint32_t next = vq->next_avail;

    if (VML_UNLIKELY(next == vq->avail_seen)) {
        return look_and_pop(vq, chain);
    }
    return take_split(vq, chain, next);
}
