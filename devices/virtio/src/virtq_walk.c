/*
 * Taking chains. The common chain, whose descriptors lie in the ring or in one indirect table and
 * whose buffers lie in the memory region used last, takes a short path; everything else, errors
 * included, starts over in virtq_walk_any(), which alone decides what is an error.
 *
 * Each descriptor is read as two words, each loaded once; the path that starts over does not use
 * what the other had read.
 */
#include "ring.h"

#define SPLIT_WRITE  ((uint64_t)DESC_F_WRITE << SPLIT_FLAGS_SHIFT)
#define PACKED_WRITE ((uint64_t)DESC_F_WRITE << PACKED_FLAGS_SHIFT)
#define SPLIT_NEXT   ((uint64_t)DESC_F_NEXT << SPLIT_FLAGS_SHIFT)
#define PACKED_NEXT  ((uint64_t)DESC_F_NEXT << PACKED_FLAGS_SHIFT)

/* Which flags of a packed descriptor tell whether it is available (2.8.1). */
#define PACKED_STATE ((uint64_t)(DESC_F_AVAIL | DESC_F_USED) << PACKED_FLAGS_SHIFT)

/* A descriptor is copied into a buffer as it is, the address replaced by a pointer. */
static inline void put_buf(struct vml_virtq_buf *buf, uint8_t *host, uint64_t word)
{
    buf->host = host;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    /* `opaque` too, in one store. */
    memcpy((uint8_t *)buf + offsetof(struct vml_virtq_buf, len), &word, sizeof(word));
#else
    buf->len = (uint32_t)word;
    buf->opaque = (uint32_t)(word >> 32);
#endif
}

/* All buffers are readable, as far as one knows. */
static inline void put_readable(struct vml_virtq_chain *chain, uint32_t count)
{
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    memcpy((uint8_t *)chain + offsetof(struct vml_virtq_chain, readable), &count, sizeof(count));
#else
    chain->readable = (uint16_t)count;
    chain->writable = 0;
#endif
}

/* Counts the readable buffers, and sees to it that the others are writable, from the flags kept. */
static __attribute__((noinline)) bool split_sides(struct vml_virtq_chain *chain,
                                                  const struct vml_virtq_buf *end, uint32_t write)
{
    const struct vml_virtq_buf *buf = chain->bufs;
    const struct vml_virtq_buf *first;

    while (buf != end && !(buf->opaque & write)) {
        buf++;
    }
    first = buf;
    while (buf != end && (buf->opaque & write)) {
        buf++;
    }
    chain->readable = (uint16_t)(first - chain->bufs);
    chain->writable = (uint16_t)(end - first);
    return buf == end;
}

/* How a descriptor went. */
enum step { STEP_MORE, STEP_LAST, STEP_RESTART };

/* Where a walk on the short path is. */
struct run {
    uint64_t offset; /* of a descriptor's buffer in the window */
    uint64_t word;   /* the rest of it */
    uint64_t next;   /* split: where the next descriptor is, in bytes */
    uint64_t seen;   /* every bit that was set in a word before */
};

static VML_ALWAYS_INLINE void run_read(const struct vml_virtq *vq, struct run *run,
                                       const uint8_t *table, uint64_t at)
{
    run->offset = ring_load64(table + at) - vq->window_base;
    run->word = ring_load64(table + at + 8);
}

/*
 * In the ring, the mask makes any index one that is in the table, and whether it had to is looked
 * at once for the whole chain, together with what makes descriptors odd. An indirect table has any
 * number of entries: `size` is its bytes, 0 for the ring.
 */
static VML_ALWAYS_INLINE enum step follow(const struct vml_virtq *vq, struct run *run,
                                          uint64_t size)
{
    run->seen |= run->word;
    run->next = run->word >> 44; /* times DESC_SIZE */
    if (size == 0) {
        run->next &= vq->mask_bytes;
        return STEP_MORE;
    }
    run->next &= ~(uint64_t)(DESC_SIZE - 1);
    return run->next < size ? STEP_MORE : STEP_RESTART;
}

/* Puts the buffer of a descriptor, if it is in the window. */
static VML_ALWAYS_INLINE enum step step_split(const struct vml_virtq *vq, struct run *run,
                                              struct vml_virtq_buf *buf, uint64_t size)
{
    if (VML_UNLIKELY(run->offset >= vq->window_limit)) {
        return STEP_RESTART;
    }
    put_buf(buf, vq->window_host + run->offset, run->word);
    return run->word & SPLIT_NEXT ? follow(vq, run, size) : STEP_LAST;
}

/* Not inlined, as all that is called in the end: what they keep over calls of their own would be
 * kept on the short path too. */
static __attribute__((noinline)) enum vml_status
sides_split(struct vml_virtq *vq, struct vml_virtq_chain *chain, const struct vml_virtq_buf *end)
{
    return split_sides(chain, end, DESC_F_WRITE) ? VML_OK : virtq_walk_any(vq, chain, chain->id);
}

/* The buffers lie in order. */
static VML_ALWAYS_INLINE enum vml_status finish_split(struct vml_virtq *vq, const struct run *run,
                                                      struct vml_virtq_chain *chain,
                                                      const struct vml_virtq_buf *end, bool ring)
{
    uint64_t odd = ring ? vq->odd : SPLIT_ODD;

    if (VML_UNLIKELY((run->word & SPLIT_ODD) | (run->seen & odd))) {
        return virtq_walk_any(vq, chain, chain->id);
    }
    if ((run->seen | run->word) & SPLIT_WRITE) {
        return sides_split(vq, chain, end);
    }
    put_readable(chain, (uint32_t)(end - chain->bufs));
    return VML_OK;
}

/* What follows the first descriptors. */
static __attribute__((noinline)) enum vml_status long_split(struct vml_virtq *vq,
                                                            struct vml_virtq_chain *chain,
                                                            const uint8_t *table, uint64_t size,
                                                            uint64_t next, uint64_t seen)
{
    struct vml_virtq_buf *buf = chain->bufs + SHORT_CHAIN;
    const struct vml_virtq_buf *end = chain->bufs + vq->max_chain;
    struct run run = {.next = next, .seen = seen};
    enum step step = STEP_MORE;

    while (step == STEP_MORE && buf != end) {
        run_read(vq, &run, table, run.next);
        step = step_split(vq, &run, buf++, size);
    }
    if (VML_UNLIKELY(step != STEP_LAST)) {
        return virtq_walk_any(vq, chain, chain->id);
    }
    return finish_split(vq, &run, chain, buf, size == 0);
}

/* Walks a chain of several split descriptors, the first of which went as `step`: readable ones, then
 * writable ones. */
static VML_ALWAYS_INLINE enum vml_status short_split(struct vml_virtq *vq, struct run *run,
                                                     struct vml_virtq_chain *chain,
                                                     const uint8_t *table, uint64_t size,
                                                     enum step step)
{
    struct vml_virtq_buf *buf = chain->bufs + 1;

    if (step == STEP_MORE) {
        run_read(vq, run, table, run->next);
        step = step_split(vq, run, buf++, size);
    }
    if (step == STEP_MORE) {
        run_read(vq, run, table, run->next);
        step = step_split(vq, run, buf++, size);
    }
    if (step == STEP_MORE) {
        run_read(vq, run, table, run->next);
        step = step_split(vq, run, buf++, size);
    }
    if (step == STEP_MORE) {
        return long_split(vq, chain, table, size, run->next, run->seen);
    }
    if (VML_UNLIKELY(step == STEP_RESTART)) {
        return virtq_walk_any(vq, chain, chain->id);
    }
    return finish_split(vq, run, chain, buf, size == 0);
}

/* A table within the window, or NULL for virtq_walk_any() to say what it is. `end` gets the byte after
 * it. */
static const uint8_t *window_table(const struct vml_virtq *vq, uint64_t address, uint32_t len)
{
    uint64_t offset = address - vq->window_base;

    if (!vq->indirect || offset >= vq->window_limit || len == 0 || len % DESC_SIZE != 0 ||
        len >= WINDOW_SLACK || (offset & 7u) != 0) {
        return NULL;
    }
    return vq->window_host + offset;
}

static __attribute__((noinline)) enum vml_status walk_split_indirect(struct vml_virtq *vq,
                                                                     struct vml_virtq_chain *chain,
                                                                     uint64_t address,
                                                                     uint64_t word)
{
    const uint8_t *table = window_table(vq, address, (uint32_t)word);
    struct run run = {.seen = 0};

    if (!table || (word & SPLIT_NEXT) || vq->max_chain < SHORT_CHAIN) {
        return virtq_walk_any(vq, chain, chain->id);
    }
    run_read(vq, &run, table, 0);
    return short_split(vq, &run, chain, table, (uint32_t)word,
                       step_split(vq, &run, chain->bufs, (uint32_t)word));
}

/* The head was read, is in the window, and has a next one. */
static __attribute__((noinline)) enum vml_status walk_split_chain(struct vml_virtq *vq,
                                                                  struct vml_virtq_chain *chain,
                                                                  uint64_t offset, uint64_t word)
{
    struct run run = {.word = word};

    if (VML_UNLIKELY(vq->max_chain < SHORT_CHAIN)) {
        return virtq_walk_any(vq, chain, chain->id);
    }
    put_buf(chain->bufs, vq->window_host + offset, word);
    return short_split(vq, &run, chain, vq->desc, 0, follow(vq, &run, 0));
}

static inline void packed_advance(struct vml_virtq *vq, uint32_t head, uint32_t slots)
{
    uint32_t next = head + slots;

    if (VML_UNLIKELY(next >= vq->size)) {
        next -= vq->size;
        vq->avail_wrap = !vq->avail_wrap;
        vq->avail_pattern ^= PACKED_STATE;
    }
    vq->next_avail = (uint16_t)next;
}

static VML_COLD __attribute__((noinline)) enum vml_status
restart_packed(struct vml_virtq *vq, struct vml_virtq_chain *chain)
{
    enum vml_status status = virtq_walk_any(vq, chain, vq->next_avail);

    if (status == VML_OK) {
        packed_advance(vq, vq->next_avail, chain->slots);
    }
    return status;
}

/*
 * As step_split(), for entries that follow each other. In the ring NEXT tells where the chain ends;
 * in a table (`last` is the address of the last entry) all are one chain.
 */
static VML_ALWAYS_INLINE enum step step_packed(const struct vml_virtq *vq, struct run *run,
                                               struct vml_virtq_buf *buf, const uint8_t *desc,
                                               const uint8_t *last)
{
    if (VML_UNLIKELY(run->offset >= vq->window_limit)) {
        return STEP_RESTART;
    }
    put_buf(buf, vq->window_host + run->offset, run->word);
    run->seen |= run->word;
    return (last ? desc == last : !(run->word & PACKED_NEXT)) ? STEP_LAST : STEP_MORE;
}

static __attribute__((noinline)) enum vml_status
sides_packed(struct vml_virtq *vq, struct vml_virtq_chain *chain, const struct vml_virtq_buf *end)
{
    if (!split_sides(chain, end, DESC_F_WRITE << 16)) {
        return restart_packed(vq, chain);
    }
    packed_advance(vq, vq->next_avail, chain->slots);
    return VML_OK;
}

static VML_ALWAYS_INLINE enum vml_status finish_packed(struct vml_virtq *vq, const struct run *run,
                                                       struct vml_virtq_chain *chain,
                                                       const struct vml_virtq_buf *end, uint16_t id,
                                                       const bool table)
{
    uint32_t count = (uint32_t)(end - chain->bufs);
    uint32_t slots = table ? 1 : count;

    if (VML_UNLIKELY(run->seen & (table ? LONG_BUFFER : PACKED_ODD))) {
        return restart_packed(vq, chain);
    }
    chain->id = id;
    chain->slots = (uint16_t)slots;
    if (run->seen & PACKED_WRITE) {
        return sides_packed(vq, chain, end);
    }
    put_readable(chain, count);
    packed_advance(vq, vq->next_avail, slots);
    return VML_OK;
}

/* All of a chain that is long, or lies across the end of the ring. */
static __attribute__((noinline)) enum vml_status long_packed(struct vml_virtq *vq,
                                                             struct vml_virtq_chain *chain,
                                                             const uint8_t *desc,
                                                             const uint8_t *last, uint16_t id)
{
    const uint8_t *wrap = vq->desc + (size_t)vq->size * DESC_SIZE;
    struct vml_virtq_buf *buf = chain->bufs;
    const struct vml_virtq_buf *end = buf + vq->max_chain;
    struct run run = {.seen = 0};
    enum step step = STEP_MORE;

    while (step == STEP_MORE && buf != end) {
        run_read(vq, &run, desc, 0);
        step = step_packed(vq, &run, buf++, desc, last);
        desc += DESC_SIZE;
        if (desc == wrap && !last) {
            desc = vq->desc;
        }
    }
    if (VML_UNLIKELY(step != STEP_LAST)) {
        return restart_packed(vq, chain);
    }
    return finish_packed(vq, &run, chain, buf, last ? id : (uint16_t)(run.word >> 32), last);
}

/* Walks a chain of several packed descriptors, the first of which went as `step`. Those after it are
 * not behind the end of the ring. `id` is of the one that points to a table. */
static VML_ALWAYS_INLINE enum vml_status short_packed(struct vml_virtq *vq, struct run *run,
                                                      struct vml_virtq_chain *chain,
                                                      const uint8_t *desc, const uint8_t *last,
                                                      uint16_t id, enum step step)
{
    struct vml_virtq_buf *buf = chain->bufs + 1;

    if (step == STEP_MORE) {
        run_read(vq, run, desc, DESC_SIZE);
        step = step_packed(vq, run, buf++, desc + DESC_SIZE, last);
    }
    if (step == STEP_MORE) {
        run_read(vq, run, desc, 2 * DESC_SIZE);
        step = step_packed(vq, run, buf++, desc + 2 * DESC_SIZE, last);
    }
    if (step == STEP_MORE) {
        run_read(vq, run, desc, 3 * DESC_SIZE);
        step = step_packed(vq, run, buf++, desc + 3 * DESC_SIZE, last);
    }
    if (step == STEP_MORE) {
        return long_packed(vq, chain, desc, last, id);
    }
    if (VML_UNLIKELY(step == STEP_RESTART)) {
        return restart_packed(vq, chain);
    }
    return finish_packed(vq, run, chain, buf, last ? id : (uint16_t)(run->word >> 32),
                         last != NULL);
}

/* The head, at `desc`, was read, is in the window, and has a next one. */
static __attribute__((noinline)) enum vml_status walk_packed_chain(struct vml_virtq *vq,
                                                                   struct vml_virtq_chain *chain,
                                                                   const uint8_t *desc,
                                                                   uint64_t offset, uint64_t word)
{
    struct run run = {.seen = word};

    if (VML_UNLIKELY(desc > vq->last_short)) {
        return long_packed(vq, chain, desc, NULL, 0);
    }
    put_buf(chain->bufs, vq->window_host + offset, word);
    return short_packed(vq, &run, chain, desc, NULL, 0, STEP_MORE);
}

static __attribute__((noinline)) enum vml_status walk_packed_indirect(struct vml_virtq *vq,
                                                                      struct vml_virtq_chain *chain,
                                                                      uint64_t address,
                                                                      uint64_t word)
{
    const uint8_t *table = window_table(vq, address, (uint32_t)word);
    const uint8_t *last;
    struct run run = {.seen = 0};
    uint16_t id = (uint16_t)(word >> 32); /* 2.8.7: in a table it is reserved */

    if (!table || (word & PACKED_NEXT) || vq->max_chain < SHORT_CHAIN) {
        return restart_packed(vq, chain);
    }
    run_read(vq, &run, table, 0);
    last = table + (uint32_t)word - DESC_SIZE;
    return short_packed(vq, &run, chain, table, last, id,
                        step_packed(vq, &run, chain->bufs, table, last));
}

enum vml_status virtq_pop_packed(struct vml_virtq *vq, struct vml_virtq_chain *chain)
{
    uint32_t head = vq->next_avail;
    const uint8_t *desc = vq->desc + (size_t)head * DESC_SIZE;
    /* One load has flags, id and length: what was written before the flags is seen. */
    uint64_t word = ring_load64_acquire(desc + 8) ^ vq->avail_pattern;
    uint64_t address = ring_load64(desc);
    uint64_t offset = address - vq->window_base;
    uint32_t write;

    if (VML_UNLIKELY(offset >= vq->window_limit)) {
        return word & PACKED_STATE ? VML_ERR_AGAIN : restart_packed(vq, chain);
    }
    if (word & (PACKED_STATE | PACKED_ODD | PACKED_NEXT)) {
        if (word & PACKED_STATE) {
            return VML_ERR_AGAIN;
        }
        return word & PACKED_ODD ? walk_packed_indirect(vq, chain, address, word)
                                 : walk_packed_chain(vq, chain, desc, offset, word);
    }
    put_buf(chain->bufs, vq->window_host + offset, word);
    write = (uint32_t)(word >> (PACKED_FLAGS_SHIFT + 1)) & 1u;
    chain->writable = (uint16_t)write;
    chain->readable = (uint16_t)(write ^ 1u);
    chain->id = (uint16_t)(word >> 32);
    chain->slots = 1;
    packed_advance(vq, head, 1);
    return VML_OK;
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
    uint64_t address;
    uint64_t word;
    uint64_t offset;
    uint32_t write;

    head = ring_load16(vq->heads + (size_t)(next & vq->mask) * 2);
    if (VML_UNLIKELY(head >= vq->size)) {
        return virtq_break(vq);
    }
    vq->next_avail = (uint16_t)(next + 1);
    chain->id = (uint16_t)head;
    desc = vq->desc + (size_t)head * DESC_SIZE;
    word = ring_load64(desc + 8);
    address = ring_load64(desc);
    offset = address - vq->window_base;
    if (VML_UNLIKELY(offset >= vq->window_limit)) {
        return virtq_walk_any(vq, chain, head);
    }
    if (word & (SPLIT_ODD | SPLIT_NEXT)) {
        return word & SPLIT_ODD ? walk_split_indirect(vq, chain, address, word)
                                : walk_split_chain(vq, chain, offset, word);
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
