/* The rings as they are in guest memory: virtio 1.3, 2.7 (split) and 2.8. Little-endian. */
#ifndef VML_VIRTIO_RING_H
#define VML_VIRTIO_RING_H

#include <vml/virtq.h>

#define DESC_F_NEXT          1u
#define DESC_F_WRITE         2u
#define DESC_F_INDIRECT      4u
#define DESC_F_AVAIL         0x0080u /* packed */
#define DESC_F_USED          0x8000u /* packed */

#define AVAIL_F_NO_INTERRUPT 1u
#define USED_F_NO_NOTIFY     1u

#define EVENT_ENABLE         0u /* packed, 2.8.10 */
#define EVENT_DISABLE        1u
#define EVENT_DESC           2u

#define DESC_SIZE            16u

/*
 * A descriptor is read as two 64-bit words, each once: the address, and the rest. In the rest a
 * split ring has len 0-31, flags 32-47, next 48-63; a packed one len 0-31, id 32-47, flags 48-63.
 */
#define SPLIT_FLAGS_SHIFT  32u
#define PACKED_FLAGS_SHIFT 48u

/* What in a second word makes a descriptor one for the long path: a long buffer, a table. */
#define LONG_BUFFER 0xfff00000u
#define SPLIT_ODD   ((uint64_t)DESC_F_INDIRECT << SPLIT_FLAGS_SHIFT | LONG_BUFFER)
#define PACKED_ODD  ((uint64_t)DESC_F_INDIRECT << PACKED_FLAGS_SHIFT | LONG_BUFFER)

/* Which flags of a packed descriptor tell whether it is available (2.8.1). */
#define PACKED_STATE ((uint64_t)(DESC_F_AVAIL | DESC_F_USED) << PACKED_FLAGS_SHIFT)

#define SPLIT_NEXT   ((uint64_t)DESC_F_NEXT << SPLIT_FLAGS_SHIFT)
#define PACKED_NEXT  ((uint64_t)DESC_F_NEXT << PACKED_FLAGS_SHIFT)
#define SPLIT_WRITE  ((uint64_t)DESC_F_WRITE << SPLIT_FLAGS_SHIFT)
#define PACKED_WRITE ((uint64_t)DESC_F_WRITE << PACKED_FLAGS_SHIFT)

/* All flags, and whether the buffer is a long one: what decides how one in a chain is taken. */
#define SPLIT_KIND  ((uint64_t)0xffffu << SPLIT_FLAGS_SHIFT | LONG_BUFFER)
#define PACKED_KIND ((uint64_t)0xffffu << PACKED_FLAGS_SHIFT | LONG_BUFFER)

/* As many descriptors of either side of a chain are taken without a loop. */
#define SHORT_CHAIN 4u

/* Buffers shorter than this, so far before the end of a region, need one comparison. */
#define WINDOW_SLACK (UINT64_C(1) << 20)

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define LE16(v) __builtin_bswap16(v)
#define LE32(v) __builtin_bswap32(v)
#define LE64(v) __builtin_bswap64(v)
#else
#define LE16(v) (v)
#define LE32(v) (v)
#define LE64(v) (v)
#endif

/* Guest memory changes under us: every access is one atomic load or store. */
static inline uint16_t ring_load16(const uint8_t *p)
{
    return LE16(__atomic_load_n((const uint16_t *)(const void *)p, __ATOMIC_RELAXED));
}

static inline uint16_t ring_load16_acquire(const uint8_t *p)
{
    return LE16(__atomic_load_n((const uint16_t *)(const void *)p, __ATOMIC_ACQUIRE));
}

static inline uint64_t ring_load64(const uint8_t *p)
{
    return LE64(__atomic_load_n((const uint64_t *)(const void *)p, __ATOMIC_RELAXED));
}

static inline uint64_t ring_load64_acquire(const uint8_t *p)
{
    return LE64(__atomic_load_n((const uint64_t *)(const void *)p, __ATOMIC_ACQUIRE));
}

static inline void ring_store16(uint8_t *p, uint16_t v)
{
    __atomic_store_n((uint16_t *)(void *)p, LE16(v), __ATOMIC_RELAXED);
}

static inline void ring_store16_release(uint8_t *p, uint16_t v)
{
    __atomic_store_n((uint16_t *)(void *)p, LE16(v), __ATOMIC_RELEASE);
}

static inline void ring_store32(uint8_t *p, uint32_t v)
{
    __atomic_store_n((uint32_t *)(void *)p, LE32(v), __ATOMIC_RELAXED);
}

static inline void ring_store64(uint8_t *p, uint64_t v)
{
    __atomic_store_n((uint64_t *)(void *)p, LE64(v), __ATOMIC_RELAXED);
}

/* Bytes of the split rings; the two bytes of the event index are there whether it is used or not
 * (2.7). */
#define AVAIL_RING_SIZE(size) (6u + 2u * (uint64_t)(size))
#define USED_RING_SIZE(size)  (6u + 8u * (uint64_t)(size))
#define AVAIL_ENTRY(i)        (4u + 2u * (size_t)(i))
#define USED_ENTRY(i)         (4u + 8u * (size_t)(i))
#define EVENT_AREA_SIZE       4u

/* What vml_virtq_pop() calls: a queue that does not run, and the two formats. */
enum vml_status virtq_pop_none(struct vml_virtq *vq, struct vml_virtq_chain *chain);
enum vml_status virtq_pop_split(struct vml_virtq *vq, struct vml_virtq_chain *chain);
enum vml_status virtq_pop_packed(struct vml_virtq *vq, struct vml_virtq_chain *chain);
/* Split: looks how far the driver is. */
enum vml_status virtq_look_split(struct vml_virtq *vq);
/* Takes the chain that begins at a descriptor, whatever it is; breaks the queue if it may not be. */
enum vml_status virtq_walk_any(struct vml_virtq *vq, struct vml_virtq_chain *chain, uint32_t index);
/* The driver violated the protocol. @return VML_ERR_CORRUPT */
enum vml_status virtq_break(struct vml_virtq *vq);

static inline uint8_t virtq_condition(const struct vml_virtq *vq)
{
    return atomic_load_explicit(&vq->condition, memory_order_relaxed);
}

/* Moves the window to the region of guest memory at `gpa`, unless addresses are not physical. */
void virtq_move_window(struct vml_virtq *vq, uint64_t gpa);
/* Host pointer for an address of the driver; see vml_as_span(). */
uint8_t *virtq_span(struct vml_virtq *vq, uint64_t address, uint64_t *len, bool write);
/* Marks a piece of guest memory dirty that is known by its host address. */
void virtq_mark_host(struct vml_virtq *vq, const uint8_t *host, uint64_t len);

#endif
