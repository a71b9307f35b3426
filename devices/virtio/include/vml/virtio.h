/**
 * @file
 * @brief A virtio device without its transport: features, status, config space, queues, requests in
 * flight.
 *
 * A device library (virtio_net, virtio_block...) embeds a `struct vml_virtio`, fills a
 * `struct vml_virtio_setup`, and supplies `struct vml_virtio_ops`.  A transport (vml/virtio_mmio.h)
 * calls the functions of the second half.  docs/virtio-device.md shows a whole device.
 *
 * **Serving a queue.**  A notification may come on any thread, several at once.  The one that
 * gets true from vml_virtio_queue_enter() is its only server until vml_virtio_queue_leave() says so;
 * it pops without a lock and may call back ends.  Chains are given back by vml_virtio_queue_push()
 * on any thread.  A queue whose buffers are filled from outside (a receive queue) may instead be
 * popped and pushed under vml_virtio_queue_lock().
 *
 * **Reset and stop.**  The core disables the queue, calls the device's `cancel` until nothing is
 * in flight, and only then forgets the rings: no back end touches guest memory after a reset.
 * @addtogroup vml_virtio
 * @{
 */
#ifndef VML_VIRTIO_H
#define VML_VIRTIO_H

#include <stdatomic.h>
#include <vml/debug.h>
#include <vml/device.h>
#include <vml/platform.h>
#include <vml/virtq.h>

#ifdef __cplusplus
extern "C" {
#endif

/** @name Device status (virtio 1.3, 2.1)
 * @{ */
#define VML_VIRTIO_ACKNOWLEDGE 1u   /**< the guest has seen it */
#define VML_VIRTIO_DRIVER      2u   /**< the guest has a driver */
#define VML_VIRTIO_DRIVER_OK   4u   /**< the driver is ready */
#define VML_VIRTIO_FEATURES_OK 8u   /**< feature negotiation is complete */
#define VML_VIRTIO_NEEDS_RESET 64u  /**< the device cannot go on */
#define VML_VIRTIO_FAILED      128u /**< the driver gave up */
/** @} */

/** @name Feature bits of all devices (6)
 * @{ */
#define VML_VIRTIO_F_INDIRECT_DESC     VML_BIT64(28) /**< chains in tables of their own */
#define VML_VIRTIO_F_EVENT_IDX         VML_BIT64(29) /**< notifications by index */
#define VML_VIRTIO_F_VERSION_1         VML_BIT64(32) /**< not a legacy driver */
#define VML_VIRTIO_F_ACCESS_PLATFORM   VML_BIT64(33) /**< the platform translates addresses */
#define VML_VIRTIO_F_RING_PACKED       VML_BIT64(34) /**< packed rings */
#define VML_VIRTIO_F_IN_ORDER          VML_BIT64(35) /**< buffers are used in their order */
#define VML_VIRTIO_F_NOTIFICATION_DATA VML_BIT64(38) /**< notifications tell the ring's position */
#define VML_VIRTIO_F_RING_RESET        VML_BIT64(40) /**< queues can be reset one by one */
/** @brief What the core can do for any device: offered unless switched off. */
#define VML_VIRTIO_CORE_FEATURES                                                                   \
    (VML_VIRTIO_F_INDIRECT_DESC | VML_VIRTIO_F_EVENT_IDX | VML_VIRTIO_F_VERSION_1 |                \
     VML_VIRTIO_F_RING_PACKED | VML_VIRTIO_F_NOTIFICATION_DATA | VML_VIRTIO_F_RING_RESET)
/** @} */

/** @name Interrupt status
 * @{ */
#define VML_VIRTIO_ISR_QUEUE  1u /**< a queue has used buffers */
#define VML_VIRTIO_ISR_CONFIG 2u /**< the configuration changed, or the device needs a reset */
/** @} */

/** @brief All queues, for `cancel`. */
#define VML_VIRTIO_ALL_QUEUES UINT32_MAX

struct vml_virtio;

/** @brief What a device does. Every member may be NULL. Called with no lock held. */
struct vml_virtio_ops {
    /** May refuse a set of features: anything but VML_OK leaves FEATURES_OK clear. */
    enum vml_status (*accept)(struct vml_virtio *dev, uint64_t features);
    /** The driver is ready: queues may be used from now on. */
    void (*start)(struct vml_virtio *dev);
    /** Buffers are available in a queue that runs. Any thread, several at once. */
    void (*notify)(struct vml_virtio *dev, uint32_t queue);
    /** The driver wrote the config space; the core's copy does not change by itself. */
    void (*config_write)(struct vml_virtio *dev, uint32_t offset, uint32_t size, uint64_t value);
    /** Makes the back end give back what it has of a queue (or of all), done or not. Called until
     * nothing is in flight; a back end that works on other threads should wait for them in here. */
    void (*cancel)(struct vml_virtio *dev, uint32_t queue);
    /** The queues are closed for vml_virtio_drain(): chains that wait for somebody without end are
     * to be put back. */
    void (*drain)(struct vml_virtio *dev);
    /** A queue was stopped or reset: nothing of it is in flight. */
    void (*queue_stopped)(struct vml_virtio *dev, uint32_t queue);
    /** The driver wants to hear of buffers used in a queue. true: at once, as with NULL; false: the
     * device will call vml_virtio_queue_tell(). Any thread. */
    bool (*used)(struct vml_virtio *dev, uint32_t queue);
    /** The device is reset: nothing is in flight. Forgets what drivers configured. */
    void (*reset)(struct vml_virtio *dev);
    /** Writes the device's own record, if it has one. Nothing is in flight. */
    void (*save)(struct vml_virtio *dev, struct vml_state_writer *w);
    /** Reads it. Called twice: to validate all of it, changing nothing, and then, when everything
     * else is valid too and the device has been reset, with `apply`. */
    enum vml_status (*restore)(struct vml_virtio *dev, struct vml_state_reader *r, bool apply);
};

/** @brief A queue of a device. Members are private but `vq`, for who serves it. */
struct vml_virtio_queue {
    struct vml_virtq vq;        /**< the rings */
    struct vml_virtio *dev;     /**< whose queue it is */
    struct vml_mutex lock;      /**< of the used side */
    _Atomic uint32_t kicks;     /**< servers inside, and calls meanwhile */
    _Atomic uint32_t in_flight; /**< chains with a back end */
    _Atomic bool enabled;       /**< it may be served */
    uint32_t index;             /**< in its device */
    uint32_t max_size;          /**< QueueNumMax */
    uint32_t num;               /**< QueueNum */
    uint64_t desc;              /**< QueueDesc */
    uint64_t driver;            /**< QueueDriver */
    uint64_t device;            /**< QueueDevice */
    _Atomic bool ready;         /**< QueueReady */
};

/** @brief A shared memory region (2.10). */
struct vml_virtio_shm {
    uint8_t id;      /**< shmid */
    uint64_t base;   /**< guest physical address */
    uint64_t length; /**< bytes */
};

/** @brief What the embedder tells every device: part of each device's configuration. */
struct vml_virtio_platform {
    struct vml_as *as;                /**< guest memory */
    vml_virtq_translate_fn translate; /**< not NULL: ACCESS_PLATFORM is offered and demanded */
    void *translate_context;          /**< given to it */
    uint64_t features_off;            /**< features not to offer */
    const struct vml_virtio_shm *shm; /**< shared memory regions; may be NULL */
    uint32_t shm_count;               /**< of them */
    struct vml_debug *debug;          /**< traces; may be NULL */
    uint64_t trace_id;                /**< argument `a` of its events */
};

/** @brief What a device library tells the core. */
struct vml_virtio_setup {
    const struct vml_virtio_ops *ops; /**< what the device does */
    uint32_t device_id;               /**< virtio 1.3, 5 */
    uint64_t features; /**< the device's own, and VML_VIRTIO_F_IN_ORDER when it does that */
    struct vml_virtio_queue *queues; /**< storage for `queue_count` queues */
    uint32_t queue_count;            /**< at most VML_VIRTIO_MAX_QUEUES */
    uint16_t queue_size;             /**< largest Queue Size, a power of two */
    uint16_t max_bufs;               /**< see struct vml_virtq_config */
    uint8_t *config;                 /**< the config space, little-endian, kept by the device */
    uint32_t config_size;            /**< bytes */
};

/** @brief The most queues of a device. */
#define VML_VIRTIO_MAX_QUEUES 1024u

/** @brief How a device reaches its transport. */
struct vml_virtio_transport {
    void (*interrupt)(void *context); /**< vml_virtio_isr() may have changed; no lock held */
    void *context;                    /**< given to it, and to `message` */
    /** Sends the message of a queue, or of configuration changes (VML_VIRTIO_ALL_QUEUES). May be NULL.
     * @return false where there are no messages: the interrupt status then tells it */
    bool (*message)(void *context, uint32_t queue);
    bool legacy; /**< drivers of before VERSION_1 are served */
};

/** @brief A virtio device. Members are private. */
struct vml_virtio {
    struct vml_virtio_platform platform;   /**< as given */
    struct vml_virtio_setup setup;         /**< as given */
    struct vml_virtio_transport transport; /**< as attached */
    uint64_t offered;                      /**< features */
    _Atomic uint64_t driver_features;      /**< as written */
    struct vml_mutex lock;                 /**< of registers and config space */
    struct vml_signal pause;               /**< never set: to wait a little */
    _Atomic bool changing;   /**< a reset, or a start or stop of a queue, is going on */
    _Atomic uint32_t status; /**< device status */
    _Atomic uint32_t isr;    /**< interrupt status */
    uint32_t generation;     /**< ConfigGeneration */
};

/** @name For devices
 * @{ */
/** @brief Makes a device; no transport yet. Both structs are copied.
 * @return VML_ERR_INVALID for a missing address space, queue sizes or counts that cannot be */
VML_MUST_CHECK enum vml_status vml_virtio_init(struct vml_virtio *dev,
                                               const struct vml_virtio_platform *platform,
                                               const struct vml_virtio_setup *setup);
/** @brief Waits until nothing is in flight and ends its use; it is off its bus. */
void vml_virtio_destroy(struct vml_virtio *dev);

/** @brief True when a feature is negotiated. Valid in `start` and while queues run. */
static inline bool vml_virtio_has(const struct vml_virtio *dev, uint64_t feature)
{
    return (atomic_load_explicit(&dev->driver_features, memory_order_relaxed) & feature) != 0;
}

/** @brief True between DRIVER_OK and reset, unless the device is broken. */
bool vml_virtio_running(const struct vml_virtio *dev);
/** @brief Changes bytes of the config space, and tells the driver (2.5). Any thread. */
void vml_virtio_config_change(struct vml_virtio *dev, uint32_t offset, const void *bytes,
                              uint32_t len);
/** @brief Sends a config interrupt, if the driver is ready. */
void vml_virtio_config_interrupt(struct vml_virtio *dev);
/** @brief The driver broke the protocol: sets NEEDS_RESET, tells the driver, and serves no queue
 * any more. */
void vml_virtio_broken(struct vml_virtio *dev);

/** @brief Begins to serve a queue, or tells its present server to look again.
 * @return true when the caller is the server */
VML_MUST_CHECK bool vml_virtio_queue_enter(struct vml_virtio_queue *queue);
/** @brief Ends serving. @return false when there was a call meanwhile: serve again, then leave
 * again */
VML_MUST_CHECK bool vml_virtio_queue_leave(struct vml_virtio_queue *queue);
/** @brief As vml_virtq_pop(), for the server: nothing from a queue that is being stopped, and a
 * broken queue breaks the device. When there is nothing more, asks the driver to notify and looks
 * once again.
 * @return true with a chain, which counts as in flight until it is pushed or put back */
VML_MUST_CHECK bool vml_virtio_queue_pop(struct vml_virtio_queue *queue,
                                         struct vml_virtq_chain *chain);
/** @brief Puts back the chain popped last. */
void vml_virtio_queue_unpop(struct vml_virtio_queue *queue, const struct vml_virtq_chain *chain);
/** @brief Gives a chain back, not yet seen by the driver. Any thread. */
void vml_virtio_queue_push(struct vml_virtio_queue *queue, const struct vml_virtq_chain *chain,
                           uint32_t written);
/** @brief Shows the driver what was pushed, and interrupts it if it wants that. Any thread. */
void vml_virtio_queue_publish(struct vml_virtio_queue *queue);
/** @brief vml_virtio_queue_push() and vml_virtio_queue_publish() at once. */
void vml_virtio_queue_complete(struct vml_virtio_queue *queue, const struct vml_virtq_chain *chain,
                               uint32_t written);
/** @brief Interrupts the driver for a queue, after `used` put it off. Any thread.
 * @return false: the queue is closed; it is to be done when it is opened again, which `notify` shows */
VML_MUST_CHECK bool vml_virtio_queue_tell(struct vml_virtio_queue *queue);
/** @brief Counts one more in flight, so that the device stays until vml_virtio_queue_release(). For
 * the holder of a chain, before it gives that back, when it needs the device afterwards. */
static inline void vml_virtio_queue_hold(struct vml_virtio_queue *queue)
{
    atomic_fetch_add(&queue->in_flight, 1);
}
/** @brief Ends vml_virtio_queue_hold(). The device may be gone when it returns. */
static inline void vml_virtio_queue_release(struct vml_virtio_queue *queue)
{
    atomic_fetch_sub(&queue->in_flight, 1);
}
/** @brief Takes the queue's lock for vml_virtq_pop() to vml_virtq_push() in one go, without calls
 * of others.
 * @return false, and no lock, when the queue may not be served */
VML_MUST_CHECK bool vml_virtio_queue_lock(struct vml_virtio_queue *queue);
/** @brief Publishes, gives the lock back, and interrupts the driver if it wants that.
 * @param broken what vml_virtq_pop() returned was VML_ERR_CORRUPT */
void vml_virtio_queue_unlock(struct vml_virtio_queue *queue, bool broken);
/** @brief Closes the device's queues and waits until no request is in flight.
 *
 * To save a device: round up the vCPUs; drain every device; save them all, and then guest memory,
 * which now has every answer in it; then vml_virtio_resume() what goes on here. What the driver made
 * available and nobody took stays in the rings, for the device that goes on. Without this, saving
 * fails with VML_ERR_STATE while requests are in flight. Back ends go on working meanwhile, so none of
 * their threads may wait for the caller. */
void vml_virtio_drain(struct vml_virtio *dev);
/** @brief Opens the queues after vml_virtio_drain() and serves what has come meanwhile. */
void vml_virtio_resume(struct vml_virtio *dev);
/** @} */

/** @name For transports
 * @{ */
/** @brief Connects a device to its transport. @param transport copied */
void vml_virtio_attach(struct vml_virtio *dev, const struct vml_virtio_transport *transport);
/** @brief Features offered: 32 bits of them; half 0 or 1, others are 0. */
uint32_t vml_virtio_offered(const struct vml_virtio *dev, uint32_t half);
/** @brief Features accepted by the driver; ignored after FEATURES_OK. */
void vml_virtio_accept(struct vml_virtio *dev, uint32_t half, uint32_t bits);
/** @brief Device status. */
uint32_t vml_virtio_status(const struct vml_virtio *dev);
/** @brief A write of the device status; 0 resets the device and returns when it is reset. */
void vml_virtio_set_status(struct vml_virtio *dev, uint32_t status);
/** @brief Resets the device, as a driver's write of 0 does. */
void vml_virtio_reset(struct vml_virtio *dev);
/** @brief The queue of an index, or NULL. */
struct vml_virtio_queue *vml_virtio_queue(struct vml_virtio *dev, uint32_t index);
/** @brief Writes QueueNum; ignored while the queue is ready. */
void vml_virtio_queue_set_num(struct vml_virtio_queue *queue, uint32_t num);
/** @brief Which of the areas vml_virtio_queue_set_area() sets. */
enum vml_virtio_area { VML_VIRTIO_DESC, VML_VIRTIO_DRIVER_AREA, VML_VIRTIO_DEVICE_AREA };
/** @brief Writes one half of an area's address, all 32 bits of it; ignored while the queue is
 * ready. */
void vml_virtio_queue_set_area(struct vml_virtio_queue *queue, enum vml_virtio_area area, bool high,
                               uint32_t bits);
/** @brief Queue Size as written; 0 after reset. */
uint32_t vml_virtio_queue_num(struct vml_virtio_queue *queue);
/** @brief An area's address as written. */
uint64_t vml_virtio_queue_area(struct vml_virtio_queue *queue, enum vml_virtio_area area);
/** @brief Writes QueueReady. A layout that cannot be leaves it 0, and the device needs a reset. */
void vml_virtio_queue_set_ready(struct vml_virtio_queue *queue, bool ready);
/** @brief Resets one queue (RING_RESET, 2.6.1); returns when it is reset. */
void vml_virtio_queue_reset(struct vml_virtio_queue *queue);
/** @brief A notification. @param value what the driver wrote: a queue's index, with
 * NOTIFICATION_DATA in the low half */
void vml_virtio_notify(struct vml_virtio *dev, uint32_t value);
/** @brief Reads the config space: any offset, 1, 2, 4 or 8 bytes; zeroes beyond its end. */
uint64_t vml_virtio_config_read(struct vml_virtio *dev, uint32_t offset, uint32_t size);
/** @brief Writes the config space. */
void vml_virtio_config_write(struct vml_virtio *dev, uint32_t offset, uint32_t size,
                             uint64_t value);
/** @brief ConfigGeneration. */
uint32_t vml_virtio_generation(struct vml_virtio *dev);
/** @brief Interrupt status. */
static inline uint32_t vml_virtio_isr(const struct vml_virtio *dev)
{
    return atomic_load(&dev->isr);
}
/** @brief Clears bits of the interrupt status; the transport then recomputes its wire. */
void vml_virtio_ack(struct vml_virtio *dev, uint32_t bits);
/** @brief The shared memory region with an id, or NULL. */
const struct vml_virtio_shm *vml_virtio_shm(const struct vml_virtio *dev, uint32_t id);
/** @brief Saves core, queues and device. Requests in flight are an error (VML_ERR_STATE): call
 * vml_virtio_drain() first. */
void vml_virtio_save(struct vml_virtio *dev, struct vml_state_writer *w);
/** @brief Restores them, queues running; or changes nothing. Guest memory is restored before. */
VML_MUST_CHECK enum vml_status vml_virtio_restore(struct vml_virtio *dev,
                                                  struct vml_state_reader *r);
/** @brief Whether vml_virtio_restore() would succeed; nothing changes. For a transport that restores
 * more than the device. @param r where the device's record begins; it is passed over when valid */
VML_MUST_CHECK enum vml_status vml_virtio_check(struct vml_virtio *dev, struct vml_state_reader *r);
/** @brief Translates the rings of all queues again after the map of guest memory changed; a queue
 * that has none there breaks the device. No vCPU runs. */
void vml_virtio_memory_changed(struct vml_virtio *dev);
/** @} */

#ifdef __cplusplus
}
#endif
/** @} */
#endif
