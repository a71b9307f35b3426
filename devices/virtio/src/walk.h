/*
 * Taking chains. The common chain, whose descriptors lie in the ring or in one indirect table and
 * whose buffers lie in the memory region used last, takes a short way; everything else, errors
 * included, starts over in virtq_walk_any(), which alone decides what is an error.
 *
 * Each descriptor is read as two words, each loaded once; the way that starts over does not use
 * what the other had read.
 *
 * Readable buffers come first, and most chains are short: so up to SHORT_CHAIN readable descriptors
 * are taken without a loop, then up to as many writable ones, and loops take what is left of either.
 */
#ifndef VML_VIRTIO_WALK_H
#define VML_VIRTIO_WALK_H

#include "ring.h"

/* What is called last is not inlined: what it keeps over calls of its own would be kept by its caller
 * too, needed or not. */
#define OUT_OF_LINE __attribute__((noinline))

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

/* Whether a table is one for the short way; virtq_walk_any() says what others are. From one entry to
 * VML_VIRTQ_MAX_SIZE, which is not more than there is behind the window. */
static inline bool is_table(const struct vml_virtq *vq, uint64_t offset, uint32_t len)
{
    return vq->indirect && ((len - DESC_SIZE) & ~((VML_VIRTQ_MAX_SIZE - 1) * DESC_SIZE)) == 0 &&
           (offset & 7u) == 0;
}

#endif
