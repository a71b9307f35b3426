/**
 * @file
 * @brief A bounded ring of bytes in the caller's storage, for ends that keep what cannot go on yet.
 *
 * One thread puts and one thread gets, at the same time and without a lock.  Where several threads
 * put (or get), they hold a lock of the owner's while they do.
 * @addtogroup vml_chardev
 * @{
 */
#ifndef VML_CHARDEV_RING_H
#define VML_CHARDEV_RING_H

#include <stdatomic.h>
#include <vml/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/** @brief A ring. Members are private. */
struct vml_char_ring {
    uint8_t *bytes;        /**< the caller's storage */
    uint32_t size;         /**< of it; a power of two */
    _Atomic uint32_t head; /**< bytes ever put; wraps */
    _Atomic uint32_t tail; /**< bytes ever got; wraps */
};

/** @brief Makes an empty ring.
 * @param bytes `size` bytes, kept while in use
 * @param size a power of two, at most 2^31
 * @return VML_OK, or VML_ERR_INVALID for no storage or another size */
static inline VML_MUST_CHECK enum vml_status vml_char_ring_init(struct vml_char_ring *ring,
                                                                uint8_t *bytes, uint32_t size)
{
    if (!bytes || !vml_is_pow2(size)) {
        return VML_ERR_INVALID;
    }
    ring->bytes = bytes;
    ring->size = size;
    atomic_init(&ring->head, 0);
    atomic_init(&ring->tail, 0);
    return VML_OK;
}

/** @brief Bytes that wait in the ring. The getter can rely on at least these. */
static inline uint32_t vml_char_ring_count(const struct vml_char_ring *ring)
{
    return atomic_load_explicit(&ring->head, memory_order_acquire) -
           atomic_load_explicit(&ring->tail, memory_order_acquire);
}

/** @brief Bytes that fit in. The putter can rely on at least these. */
static inline uint32_t vml_char_ring_room(const struct vml_char_ring *ring)
{
    return ring->size - vml_char_ring_count(ring);
}

/** @brief Putter: appends bytes. @return how many fitted, 0 to `len` */
static inline size_t vml_char_ring_put(struct vml_char_ring *ring, const uint8_t *bytes, size_t len)
{
    uint32_t head = atomic_load_explicit(&ring->head, memory_order_relaxed);
    uint32_t used = head - atomic_load_explicit(&ring->tail, memory_order_acquire);
    uint32_t n = (uint32_t)vml_min_u64(len, ring->size - used);
    uint32_t at = head & (ring->size - 1);
    uint32_t first = (uint32_t)vml_min_u64(n, ring->size - at);

    if (n == 0) {
        return 0;
    }
    memcpy(ring->bytes + at, bytes, first);
    memcpy(ring->bytes, bytes + first, n - first);
    atomic_store_explicit(&ring->head, head + n, memory_order_release);
    return n;
}

/** @brief Getter: the oldest bytes that lie together, without taking them.
 * @param bytes gets their address; valid until they are dropped
 * @return how many; 0 only when the ring is empty */
static inline size_t vml_char_ring_peek(const struct vml_char_ring *ring, const uint8_t **bytes)
{
    uint32_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    uint32_t used = atomic_load_explicit(&ring->head, memory_order_acquire) - tail;
    uint32_t at = tail & (ring->size - 1);

    *bytes = ring->bytes + at;
    return (size_t)vml_min_u64(used, ring->size - at);
}

/** @brief Getter: takes the oldest `len` bytes out; at most what vml_char_ring_peek() returned. */
static inline void vml_char_ring_drop(struct vml_char_ring *ring, size_t len)
{
    uint32_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);

    atomic_store_explicit(&ring->tail, tail + (uint32_t)len, memory_order_release);
}

/** @brief Getter: copies the oldest bytes out and takes them. @return how many, 0 to `len` */
static inline size_t vml_char_ring_get(struct vml_char_ring *ring, uint8_t *bytes, size_t len)
{
    size_t done = 0;

    /* At most twice: up to the end of the storage, and from its start. */
    for (unsigned part = 0; part < 2 && done < len; part++) {
        const uint8_t *from;
        size_t n = (size_t)vml_min_u64(vml_char_ring_peek(ring, &from), len - done);

        if (n == 0) {
            break;
        }
        memcpy(bytes + done, from, n);
        vml_char_ring_drop(ring, n);
        done += n;
    }
    return done;
}

/** @brief Getter: empties it. */
static inline void vml_char_ring_clear(struct vml_char_ring *ring)
{
    atomic_store_explicit(&ring->tail, atomic_load_explicit(&ring->head, memory_order_acquire),
                          memory_order_release);
}

#ifdef __cplusplus
}
#endif
/** @} */
#endif
