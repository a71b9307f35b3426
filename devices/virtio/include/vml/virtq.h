/**
 * @file
 * @brief Virtqueues, the device's side: split and packed rings behind one interface.
 *
 * A queue's rings are translated to host pointers once, when it starts.  vml_virtq_pop() takes the
 * next available chain as a list of host buffers; vml_virtq_push() puts a chain into the used ring
 * where the driver does not see it yet; vml_virtq_publish() shows the driver all that was pushed
 * and tells whether it wants an interrupt.  What is in guest memory is read once, checked, and then
 * used.
 *
 * Threads: one thread at a time may pop, rewind and change notifications (the *driver side*), one
 * thread at a time may push and publish (the *used side*), and the two may be different threads.
 * Start, stop, save and restore exclude both.
 * @defgroup vml_virtio Virtio
 * @{
 */
#ifndef VML_VIRTQ_H
#define VML_VIRTQ_H

#include <stdatomic.h>
#include <vml/arch.h>
#include <vml/base.h>
#include <vml/simple_as.h>

#ifdef __cplusplus
extern "C" {
#endif

/** @brief The largest Queue Size (virtio 1.3, 2.7 and 2.8). */
#define VML_VIRTQ_MAX_SIZE 32768u

/** @brief One piece of a chain in host memory. */
struct vml_virtq_buf {
    uint8_t *host;   /**< first byte; not to be touched when `len` is 0 */
    uint32_t len;    /**< bytes */
    uint32_t opaque; /**< private */
};

/** @brief A chain of buffers. `bufs` is set by the caller, the rest by vml_virtq_pop(). */
struct vml_virtq_chain {
    struct vml_virtq_buf *bufs; /**< storage for the queue's `max_bufs` buffers */
    uint16_t readable;          /**< buffers that the device reads: the first ones */
    uint16_t writable;          /**< buffers that the device writes: those after them */
    uint16_t id;                /**< private: what the used ring calls it */
    uint16_t slots;             /**< private: packed: descriptors that it takes in the ring */
};

/** @brief Translates a device's address for a platform with an IOMMU (ACCESS_PLATFORM).
 * @param context as configured
 * @param address what the driver wrote
 * @param len in: bytes wanted, not 0; out: bytes that are contiguous from there, at most as many
 * @param write the device writes there
 * @param gpa gets the guest physical address
 * @return false when there is no such mapping */
typedef bool (*vml_virtq_translate_fn)(void *context, uint64_t address, uint64_t *len, bool write,
                                       uint64_t *gpa);

/** @brief What a queue needs to know for ever. */
struct vml_virtq_config {
    struct vml_as *as;                /**< the guest's memory */
    vml_virtq_translate_fn translate; /**< NULL: addresses are guest physical */
    void *translate_context;          /**< given to it */
    uint16_t max_bufs; /**< most buffers of a chain: longer ones break the queue. A buffer
                                         that crosses memory regions counts once for each */
};

/** @brief Where a queue is, as the driver set it up. */
struct vml_virtq_layout {
    uint32_t size;   /**< Queue Size */
    uint64_t desc;   /**< Descriptor Area */
    uint64_t driver; /**< Driver Area: available ring, or driver event suppression */
    uint64_t device; /**< Device Area: used ring, or device event suppression */
    bool packed;     /**< VIRTIO_F_RING_PACKED */
    bool event_idx;  /**< VIRTIO_F_EVENT_IDX */
    bool indirect;   /**< VIRTIO_F_INDIRECT_DESC */
    bool translated; /**< VIRTIO_F_ACCESS_PLATFORM: addresses go through `translate` */
};

/** @brief Where the device is in the rings, for saved state. */
struct vml_virtq_position {
    uint16_t next_avail; /**< index of the next available entry */
    uint16_t next_used;  /**< index of the next used entry */
    bool avail_wrap;     /**< packed: the driver's wrap counter as the device expects it */
    bool used_wrap;      /**< packed: the device's wrap counter */
};

/** @brief Whether a queue can be popped. */
enum vml_virtq_condition {
    VML_VIRTQ_RUNS,    /**< it can */
    VML_VIRTQ_STOPPED, /**< there are no rings */
    VML_VIRTQ_BROKEN,  /**< the driver violated the protocol */
};

struct vml_virtq;
/** @brief Private: pops according to the ring format. */
typedef enum vml_status (*vml_virtq_pop_fn)(struct vml_virtq *vq, struct vml_virtq_chain *chain);
/** @brief Private: pushes according to the ring format. */
typedef void (*vml_virtq_push_fn)(struct vml_virtq *vq, const struct vml_virtq_chain *chain,
                                  uint32_t written);

/** @brief A queue. Members are private. */
struct vml_virtq {
    /* Constant while it runs. */
    VML_CACHE_ALIGNED vml_virtq_pop_fn pop; /**< see vml_virtq_pop() */
    uint8_t *desc;                          /**< Descriptor Area */
    uint8_t *heads;                         /**< split: the entries of the available ring */
    uint8_t *driver;                        /**< Driver Area */
    uint8_t *device;                        /**< Device Area */
    uint64_t window_base;                   /**< first address of the memory region used last */
    uint64_t window_limit; /**< from there, where a fast buffer may begin; 0: no window */
    uint8_t *window_host;  /**< host address of `window_base` */
    uint64_t odd;          /**< split: none of these bits is in the usual descriptor of a chain */
    uint64_t odd_head;     /**< split: as `odd`, for its first one; all if there is no room */
    uint8_t *last_short;   /**< packed: last descriptor that has three after it in the ring */
    uint32_t mask;         /**< split: Queue Size - 1 */
    uint32_t max_chain;    /**< the smaller of Queue Size and `max_bufs` */
    const _Atomic uint32_t *tracking; /**< dirty tracking is on */
    uint32_t size;                    /**< Queue Size; 0: stopped */
    uint16_t max_bufs;                /**< as configured */
    bool packed;                      /**< ring format */
    bool indirect;                    /**< INDIRECT_DESC negotiated */
    bool event_idx;                   /**< EVENT_IDX negotiated */
    bool translated;                  /**< ACCESS_PLATFORM negotiated */
    _Atomic uint8_t condition;        /**< enum vml_virtq_condition */
    /* Driver side. */
    VML_CACHE_ALIGNED uint64_t avail_pattern; /**< packed: flags of an available descriptor */
    uint16_t next_avail;                      /**< see struct vml_virtq_position */
    uint16_t avail_seen;                      /**< split: the driver's idx as read last */
    bool avail_wrap;                          /**< see struct vml_virtq_position */
    /* Used side. */
    VML_CACHE_ALIGNED uint16_t next_used; /**< see struct vml_virtq_position */
    uint16_t published;                   /**< split: idx as the driver sees it */
    uint16_t first_used;                  /**< packed: where the unpublished ones begin, if any */
    uint16_t first_flags;                 /**< packed: flags that publish the first of them */
    uint32_t used_flags;                  /**< packed: flags of a used descriptor */
    vml_virtq_push_fn push;               /**< see vml_virtq_push() */
    /* Cold. */
    struct vml_virtq_config config; /**< as given */
    struct vml_virtq_layout layout; /**< as given to vml_virtq_start() */
    uint64_t used_gpa;              /**< of what the device writes in the ring, for dirty marks */
    uint64_t desc_gpa;              /**< as `used_gpa` */
};

/** @brief Makes a stopped queue. @param config copied
 * @return VML_ERR_INVALID without an address space or with `max_bufs` 0 */
VML_MUST_CHECK enum vml_status vml_virtq_init(struct vml_virtq *vq,
                                              const struct vml_virtq_config *config);

/** @brief Checks a layout, translates its rings, and starts at position zero.
 * @return VML_OK; VML_ERR_INVALID (a size of 0 or too large, one that is no power of two for a
 * split ring, misaligned areas), VML_ERR_RANGE (an area is not in one piece of writable memory):
 * the queue is stopped then */
VML_MUST_CHECK enum vml_status vml_virtq_start(struct vml_virtq *vq,
                                               const struct vml_virtq_layout *layout);
/** @brief Forgets the rings. Popping then finds nothing. */
void vml_virtq_stop(struct vml_virtq *vq);
/** @brief Translates again after the map of guest memory changed. @return see vml_virtq_start() */
VML_MUST_CHECK enum vml_status vml_virtq_retranslate(struct vml_virtq *vq);

/** @brief Takes the next available chain.
 *
 * Readable buffers come before writable ones; a chain that violates this, is longer than the queue
 * or than `max_bufs`, leaves guest memory, or does not end, breaks the queue.
 * @return VML_OK; VML_ERR_AGAIN when there is none; VML_ERR_CORRUPT when the queue is broken: the
 * device then needs a reset */
static inline VML_MUST_CHECK enum vml_status vml_virtq_pop(struct vml_virtq *vq,
                                                           struct vml_virtq_chain *chain)
{
    return vq->pop(vq, chain);
}
/** @brief Puts back the chain popped last, as if it had not been popped. May be repeated in reverse
 * order. */
void vml_virtq_rewind(struct vml_virtq *vq, const struct vml_virtq_chain *chain);
/** @brief True when vml_virtq_pop() would not return VML_ERR_AGAIN. */
bool vml_virtq_available(struct vml_virtq *vq);
/** @brief Asks the driver not to notify while the device looks by itself anyway. A hint. */
void vml_virtq_disable_notify(struct vml_virtq *vq);
/** @brief Asks the driver to notify, and looks once more.
 * @return true when a chain is available: pop it, a notification for it may never come */
VML_MUST_CHECK bool vml_virtq_enable_notify(struct vml_virtq *vq);

/** @brief Marks the writable buffers of a chain dirty. vml_virtq_push() does it when tracking is
 * on. */
void vml_virtq_mark_written(struct vml_virtq *vq, const struct vml_virtq_chain *chain);
/** @brief Puts a chain into the used ring; the driver does not see it before vml_virtq_publish().
 * With dirty tracking on, marks what it may have written.
 * @param written bytes written into its writable buffers */
static inline void vml_virtq_push(struct vml_virtq *vq, const struct vml_virtq_chain *chain,
                                  uint32_t written)
{
    if (VML_UNLIKELY(atomic_load_explicit(vq->tracking, memory_order_relaxed) != 0)) {
        vml_virtq_mark_written(vq, chain);
    }
    vq->push(vq, chain, written);
}
/** @brief Shows the driver what was pushed. @return true when the driver wants to be interrupted */
VML_MUST_CHECK bool vml_virtq_publish(struct vml_virtq *vq);

/** @brief Where the device is. Everything pushed must have been published. */
struct vml_virtq_position vml_virtq_position(const struct vml_virtq *vq);
/** @brief Moves a started queue. @return VML_ERR_CORRUPT for a position that cannot be */
VML_MUST_CHECK enum vml_status vml_virtq_set_position(struct vml_virtq *vq,
                                                      const struct vml_virtq_position *position);

/** @brief Bytes in the readable buffers. */
uint64_t vml_virtq_readable_len(const struct vml_virtq_chain *chain);
/** @brief Bytes in the writable buffers. */
uint64_t vml_virtq_writable_len(const struct vml_virtq_chain *chain);
/** @brief Copies out of the readable buffers from byte `offset`. @return bytes copied, at most
 * `len` */
size_t vml_virtq_copy_from(const struct vml_virtq_chain *chain, uint64_t offset, void *dst,
                           size_t len);
/** @brief Copies into the writable buffers from byte `offset`. @return bytes copied */
size_t vml_virtq_copy_to(const struct vml_virtq_chain *chain, uint64_t offset, const void *src,
                         size_t len);
/** @brief Cuts `len` bytes off the front of some buffers, for headers.
 * @param bufs changed in place
 * @param count in: of `bufs`; out: those left
 * @return the first buffer left */
struct vml_virtq_buf *vml_virtq_skip(struct vml_virtq_buf *bufs, uint16_t *count, uint64_t len);

#ifdef __cplusplus
}
#endif
/** @} */
#endif
