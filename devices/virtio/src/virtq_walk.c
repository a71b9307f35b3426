/*
 * Taking chains. The common chain, whose descriptors lie in the ring or in one indirect table and
 * whose buffers lie in the memory region used last, takes a short path; everything else, errors
 * included, starts over in virtq_walk_any(), which alone decides what is an error.
 *
 * Each descriptor is read as two words, each loaded once; the path that starts over does not use
 * what the other had read.
 */
#include "ring.h"

/* Which flags of a packed descriptor tell whether it is available (2.8.1). */
#define PACKED_STATE ((uint64_t)(DESC_F_AVAIL | DESC_F_USED) << PACKED_FLAGS_SHIFT)

/* A descriptor becomes a buffer as it is, the address replaced by a pointer. */
static inline void put_buf(struct vml_virtq_buf *buf, uint8_t *host, uint64_t word)
{
    buf->host = host;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    /* `opaque` too, in one store. */
    memcpy((uint8_t *)buf + offsetof(struct vml_virtq_buf, len), &word, sizeof(word));
#else
    buf->len = (uint32_t)word;
#endif
}

static inline void put_sides(struct vml_virtq_chain *chain, uint32_t readable, uint32_t writable)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    uint32_t both = readable | writable << 16;

    memcpy((uint8_t *)chain + offsetof(struct vml_virtq_chain, readable), &both, sizeof(both));
#else
    chain->readable = (uint16_t)readable;
    chain->writable = (uint16_t)writable;
#endif
}

/*
 * Takes a descriptor whose buffer is in the window. Most are like the one before them: `plain` has
 * the flags of those, and `odd` gets what this one's second word has besides, or has not.
 */
static VML_ALWAYS_INLINE bool take(const struct vml_virtq *vq, struct vml_virtq_buf *buf,
                                   const uint8_t *table, uint64_t at, uint64_t plain, uint64_t *odd)
{
    uint64_t offset = ring_load64(table + at) - vq->window_base;

    *odd = ring_load64(table + at + 8) ^ plain;
    if (VML_UNLIKELY(offset >= vq->window_limit)) {
        return false;
    }
    put_buf(buf, vq->window_host + offset, *odd);
    return true;
}

/* How a descriptor went. */
enum step { STEP_MORE, STEP_LAST, STEP_TURN, STEP_RESTART };

/* Where the next descriptor is, in bytes, if the flags beside the index are plain. */
static inline uint64_t split_next(uint64_t odd)
{
    return odd >> 44;
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

/* Goes on in a table of `size` bytes after a writable descriptor that left `odd`, the first one after
 * `readable` others. */
static __attribute__((noinline)) enum vml_status writable_split(struct vml_virtq *vq,
                                                                struct vml_virtq_chain *chain,
                                                                const uint8_t *table, uint64_t size,
                                                                uint32_t readable, uint64_t odd)
{
    const struct vml_virtq_buf *end = chain->bufs + vq->max_chain;
    struct vml_virtq_buf *buf = chain->bufs + readable + 1;

    if (!run_split(vq, &buf, end, table, size, SPLIT_NEXT | SPLIT_WRITE, &odd) ||
        (odd & SPLIT_KIND) != SPLIT_NEXT) {
        return virtq_walk_any(vq, chain, chain->id);
    }
    put_sides(chain, readable, (uint32_t)(buf - chain->bufs) - readable);
    return VML_OK;
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
static __attribute__((noinline)) enum vml_status readable_split(struct vml_virtq *vq,
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

/*
 * Takes the next descriptor. Whether its own next one is in the ring is seen together with
 * everything else (`mask` is `vq->odd`); a table has any number of entries, `size` is its bytes.
 */
static VML_ALWAYS_INLINE enum step step_split(const struct vml_virtq *vq, struct vml_virtq_buf *buf,
                                              const uint8_t *table, uint64_t size, uint64_t mask,
                                              uint64_t *odd)
{
    if (!take(vq, buf, table, split_next(*odd), SPLIT_NEXT, odd)) {
        return STEP_RESTART;
    }
    if ((*odd & mask) == 0) {
        return size == 0 || split_next(*odd) < size ? STEP_MORE : STEP_RESTART;
    }
    if (size == 0) { /* the index of the last one may be any */
        return (*odd & SPLIT_KIND) == SPLIT_NEXT ? STEP_LAST : STEP_TURN;
    }
    return (*odd & (SPLIT_KIND & ~SPLIT_NEXT)) == 0 ? STEP_LAST : STEP_TURN;
}

static inline uint64_t table_bytes(const struct vml_virtq *vq, uint64_t size)
{
    return size == 0 ? (uint64_t)vq->size * DESC_SIZE : size;
}

/* Walks a chain of several descriptors, the first of which was taken and has a next one. */
static VML_ALWAYS_INLINE enum vml_status
short_split(struct vml_virtq *vq, struct vml_virtq_chain *chain, struct vml_virtq_buf *bufs,
            const uint8_t *table, const uint64_t size, uint64_t odd)
{
    const uint64_t mask = size == 0 ? vq->odd : SPLIT_KIND;
    uint32_t count = 2;
    enum step step = step_split(vq, &bufs[1], table, size, mask, &odd);

    if (step == STEP_MORE) {
        count = 3;
        step = step_split(vq, &bufs[2], table, size, mask, &odd);
    }
    if (step == STEP_MORE) {
        if (!take(vq, &bufs[3], table, split_next(odd), SPLIT_NEXT, &odd)) {
            return virtq_walk_any(vq, chain, chain->id);
        }
        put_sides(chain, SHORT_CHAIN, 0);
        return (odd & SPLIT_KIND) == SPLIT_NEXT
                   ? VML_OK
                   : readable_split(vq, chain, table, table_bytes(vq, size), SHORT_CHAIN, odd);
    }
    if (step == STEP_LAST) {
        put_sides(chain, count, 0);
        return VML_OK;
    }
    if (VML_UNLIKELY(step == STEP_RESTART)) {
        return virtq_walk_any(vq, chain, chain->id);
    }
    return turn_split(vq, chain, table, table_bytes(vq, size), count - 1, odd);
}

/* Whether a table is one for the short way; virtq_walk_any() says what others are. From one entry to
 * VML_VIRTQ_MAX_SIZE, which is not more than there is behind the window. */
static inline bool is_table(const struct vml_virtq *vq, uint64_t offset, uint32_t len)
{
    return vq->indirect && ((len - DESC_SIZE) & ~((VML_VIRTQ_MAX_SIZE - 1) * DESC_SIZE)) == 0 &&
           (offset & 7u) == 0;
}

/* A chain that begins with a table, a writable or a long buffer. */
static __attribute__((noinline)) enum vml_status
walk_split_odd(struct vml_virtq *vq, struct vml_virtq_chain *chain, uint64_t offset, uint64_t word)
{
    struct vml_virtq_buf *bufs = chain->bufs;
    const uint8_t *table = vq->window_host + offset;
    uint64_t size = (uint32_t)word;
    uint64_t odd;

    if (word & SPLIT_NEXT) {
        put_buf(bufs, vq->window_host + offset, word);
        return readable_split(vq, chain, vq->desc, (uint64_t)vq->size * DESC_SIZE, 1,
                              word ^ SPLIT_NEXT);
    }
    if (!is_table(vq, offset, (uint32_t)word) || !take(vq, bufs, table, 0, SPLIT_NEXT, &odd)) {
        return virtq_walk_any(vq, chain, chain->id);
    }
    if ((odd & SPLIT_KIND) || split_next(odd) >= size || vq->max_chain < SHORT_CHAIN) {
        return readable_split(vq, chain, table, size, 1, odd);
    }
    return short_split(vq, chain, bufs, table, size, odd);
}

/* The head was read, is in the window, and is not all of the chain, or not a usual one. */
static __attribute__((noinline)) enum vml_status walk_split_chain(struct vml_virtq *vq,
                                                                  struct vml_virtq_chain *chain,
                                                                  uint64_t offset, uint64_t word)
{
    struct vml_virtq_buf *bufs = chain->bufs;

    if (VML_UNLIKELY(word & vq->odd_head)) {
        return walk_split_odd(vq, chain, offset, word);
    }
    put_buf(bufs, vq->window_host + offset, word);
    return short_split(vq, chain, bufs, vq->desc, 0, word);
}

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

/* As writable_split(). */
static __attribute__((noinline)) enum vml_status writable_packed(struct vml_virtq *vq,
                                                                 struct vml_virtq_chain *chain,
                                                                 uint32_t readable, uint64_t odd)
{
    struct packed_run run = run_after(vq, chain, readable + 1, odd, PACKED_NEXT | PACKED_WRITE);

    return run_writable(vq, chain, &run, readable);
}

/* Goes on after `count` descriptors, all readable but perhaps for the last one, which left `odd`. */
static __attribute__((noinline)) enum vml_status
readable_packed(struct vml_virtq *vq, struct vml_virtq_chain *chain, uint32_t count, uint64_t odd)
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
static __attribute__((noinline)) enum vml_status
walk_packed_odd(struct vml_virtq *vq, struct vml_virtq_chain *chain, uint64_t offset, uint64_t word)
{
    if (word & PACKED_STATE) {
        return VML_ERR_AGAIN;
    }
    if (word & PACKED_NEXT) {
        put_buf(chain->bufs, vq->window_host + offset, word);
        return (word & PACKED_KIND) == (PACKED_NEXT | PACKED_WRITE)
                   ? writable_packed(vq, chain, 0, word ^ (PACKED_NEXT | PACKED_WRITE))
                   : readable_packed(vq, chain, 1, word ^ PACKED_NEXT);
    }
    return walk_packed_table(vq, chain, offset, word);
}

/* The head was read, is in the window, and is not all of the chain, or not a usual one. */
static __attribute__((noinline)) enum vml_status walk_packed_chain(struct vml_virtq *vq,
                                                                   struct vml_virtq_chain *chain,
                                                                   const uint8_t *desc,
                                                                   uint64_t offset, uint64_t word)
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
        count = 4;
        step = step_packed(vq, &bufs[3], desc + 3 * DESC_SIZE, plain, &odd);
    }
    if (VML_LIKELY(step == STEP_LAST)) {
        put_sides(chain, count, 0);
        return finish_packed(vq, chain, count, odd);
    }
    if (VML_UNLIKELY(step == STEP_RESTART)) {
        return restart_packed(vq, chain);
    }
    return (odd & PACKED_KIND) == PACKED_WRITE
               ? writable_packed(vq, chain, count - 1, odd ^ PACKED_WRITE)
               : readable_packed(vq, chain, count, odd);
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

/* Looks how far the driver is. */
static enum vml_status look(struct vml_virtq *vq)
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

static __attribute__((noinline)) enum vml_status look_and_pop(struct vml_virtq *vq,
                                                              struct vml_virtq_chain *chain)
{
    enum vml_status status = look(vq);

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

void vml_virtq_rewind(struct vml_virtq *vq, const struct vml_virtq_chain *chain)
{
    if (!vq->packed) {
        vq->next_avail--;
        return;
    }
    if (vq->next_avail < chain->slots) {
        vq->avail_wrap = !vq->avail_wrap;
        vq->avail_pattern ^= PACKED_STATE;
        vq->next_avail = (uint16_t)(vq->next_avail + vq->size - chain->slots);
    } else {
        vq->next_avail = (uint16_t)(vq->next_avail - chain->slots);
    }
}

bool vml_virtq_available(struct vml_virtq *vq)
{
    if (virtq_condition(vq) != VML_VIRTQ_RUNS) {
        return virtq_condition(vq) == VML_VIRTQ_BROKEN;
    }
    if (vq->packed) {
        uint64_t word = ring_load64_acquire(vq->desc + (size_t)vq->next_avail * DESC_SIZE + 8);

        return ((word ^ vq->avail_pattern) & PACKED_STATE) == 0;
    }
    return vq->next_avail != vq->avail_seen || look(vq) != VML_ERR_AGAIN;
}
