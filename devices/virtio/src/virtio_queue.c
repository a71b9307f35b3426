/* Queues of a device: registers, servers, requests in flight. virtio 1.3, 2.6. */
#include "core.h"

/* How long a wait for a back end lasts before we look, and ask it to cancel, again. */
#define PAUSE_NS UINT64_C(100000)

struct vml_virtio_queue *vml_virtio_queue(struct vml_virtio *dev, uint32_t index)
{
    return index < dev->setup.queue_count ? &dev->setup.queues[index] : NULL;
}

/* Servers and waiting. */

bool vml_virtio_queue_enter(struct vml_virtio_queue *queue)
{
    return atomic_fetch_add(&queue->kicks, 1) == 0;
}

bool vml_virtio_queue_leave(struct vml_virtio_queue *queue)
{
    uint32_t kicks = atomic_load(&queue->kicks);

    if (kicks == 1 && atomic_compare_exchange_strong(&queue->kicks, &kicks, 0)) {
        return true;
    }
    /* Those who called before this are served now; who calls after it counts again. */
    atomic_exchange(&queue->kicks, 1);
    return false;
}

static bool is_idle(const struct vml_virtio_queue *queue)
{
    return atomic_load(&queue->kicks) == 0 && atomic_load(&queue->in_flight) == 0;
}

static bool are_idle(const struct vml_virtio *dev, uint32_t index)
{
    if (index != VML_VIRTIO_ALL_QUEUES) {
        return is_idle(&dev->setup.queues[index]);
    }
    for (uint32_t i = 0; i < dev->setup.queue_count; i++) {
        if (!is_idle(&dev->setup.queues[i])) {
            return false;
        }
    }
    return true;
}

static void wait_idle(struct vml_virtio *dev, uint32_t index, bool cancel)
{
    /* What is in flight may be complete at once, so that a platform of one thread needs no wait. */
    while (!are_idle(dev, index)) {
        if (cancel && dev->setup.ops->cancel) {
            dev->setup.ops->cancel(dev, index);
        } else if (!cancel && dev->setup.ops->drain) {
            dev->setup.ops->drain(dev);
        }
        if (!are_idle(dev, index)) {
            /* Nobody sets it: who ends a request touches the device for the last time when it is no
             * more counted. */
            enum vml_status status =
                vml_signal_wait_until(&dev->pause, vml_platform_time_ns() + PAUSE_NS);

            (void)status;
        }
    }
}

void virtio_wait_idle(struct vml_virtio *dev, uint32_t index)
{
    wait_idle(dev, index, true);
}

void virtio_queue_close(struct vml_virtio_queue *queue)
{
    vml_mutex_lock(&queue->lock);
    atomic_store(&queue->enabled, false);
    vml_mutex_unlock(&queue->lock);
}

void virtio_queue_open(struct vml_virtio_queue *queue)
{
    struct vml_virtio *dev = queue->dev;

    atomic_store(&queue->enabled, true);
    /*
     * The driver may have filled the queue before, and its notification found it closed. Only a
     * server may look, so the device is told in any case.
     */
    if (dev->setup.ops->notify) {
        dev->setup.ops->notify(dev, queue->index);
    }
}

void vml_virtio_drain(struct vml_virtio *dev)
{
    virtio_begin_change(dev);
    for (uint32_t i = 0; i < dev->setup.queue_count; i++) {
        virtio_queue_close(&dev->setup.queues[i]);
    }
    wait_idle(dev, VML_VIRTIO_ALL_QUEUES, false);
    virtio_end_change(dev);
}

void vml_virtio_resume(struct vml_virtio *dev)
{
    virtio_begin_change(dev);
    for (uint32_t i = 0; vml_virtio_running(dev) && i < dev->setup.queue_count; i++) {
        if (dev->setup.queues[i].ready) {
            virtio_queue_open(&dev->setup.queues[i]);
        }
    }
    virtio_end_change(dev);
}

/* Taking and giving. */

bool vml_virtio_queue_pop(struct vml_virtio_queue *queue, struct vml_virtq_chain *chain)
{
    enum vml_status status;

    /* Counted before it is looked at: who closes the queue waits for us, or we see it closed. */
    atomic_fetch_add(&queue->in_flight, 1);
    if (atomic_load(&queue->enabled)) {
        status = vml_virtq_pop(&queue->vq, chain);
        if (status == VML_ERR_AGAIN && vml_virtq_enable_notify(&queue->vq)) {
            status = vml_virtq_pop(&queue->vq, chain);
        }
        if (status == VML_OK) {
            return true;
        }
        if (status == VML_ERR_CORRUPT) {
            vml_virtio_broken(queue->dev);
        }
    }
    atomic_fetch_sub(&queue->in_flight, 1);
    return false;
}

void vml_virtio_queue_unpop(struct vml_virtio_queue *queue, const struct vml_virtq_chain *chain)
{
    vml_virtq_rewind(&queue->vq, chain);
    atomic_fetch_sub(&queue->in_flight, 1);
}

void vml_virtio_queue_push(struct vml_virtio_queue *queue, const struct vml_virtq_chain *chain,
                           uint32_t written)
{
    vml_mutex_lock(&queue->lock);
    vml_virtq_push(&queue->vq, chain, written);
    vml_mutex_unlock(&queue->lock);
    atomic_fetch_sub(&queue->in_flight, 1);
}

static bool publish(struct vml_virtio_queue *queue)
{
    struct vml_virtio *dev = queue->dev;

    vml_trace(dev->platform.debug, VML_CPU_NONE, VML_TRACE_QUEUE_USED, dev->platform.trace_id,
              queue->index, 0);
    return vml_virtq_publish(&queue->vq);
}

/* The driver wants to hear of it: now, or when the device thinks fit. */
static void tell(struct vml_virtio_queue *queue)
{
    struct vml_virtio *dev = queue->dev;

    if (!dev->setup.ops->used || dev->setup.ops->used(dev, queue->index)) {
        virtio_queue_interrupt(queue);
    }
}

bool vml_virtio_queue_tell(struct vml_virtio_queue *queue)
{
    bool enabled;

    if (!atomic_load(&queue->enabled)) {
        return false;
    }
    /* As in vml_virtio_queue_pop(): a reset waits for us, or we see the queue closed. */
    atomic_fetch_add(&queue->in_flight, 1);
    enabled = atomic_load(&queue->enabled);
    if (enabled) {
        virtio_queue_interrupt(queue);
    }
    atomic_fetch_sub(&queue->in_flight, 1);
    return enabled;
}

void vml_virtio_queue_publish(struct vml_virtio_queue *queue)
{
    bool wanted;

    vml_mutex_lock(&queue->lock);
    wanted = publish(queue);
    vml_mutex_unlock(&queue->lock);
    if (wanted) {
        tell(queue);
    }
}

void vml_virtio_queue_complete(struct vml_virtio_queue *queue, const struct vml_virtq_chain *chain,
                               uint32_t written)
{
    bool wanted;

    vml_mutex_lock(&queue->lock);
    vml_virtq_push(&queue->vq, chain, written);
    wanted = publish(queue);
    vml_mutex_unlock(&queue->lock);
    if (wanted) {
        tell(queue);
    }
    atomic_fetch_sub(&queue->in_flight, 1);
}

bool vml_virtio_queue_lock(struct vml_virtio_queue *queue)
{
    vml_mutex_lock(&queue->lock);
    if (atomic_load(&queue->enabled) && vml_virtio_running(queue->dev)) {
        return true;
    }
    vml_mutex_unlock(&queue->lock);
    return false;
}

void vml_virtio_queue_unlock(struct vml_virtio_queue *queue, bool broken)
{
    bool wanted = publish(queue);

    vml_mutex_unlock(&queue->lock);
    if (broken) {
        vml_virtio_broken(queue->dev);
    }
    if (wanted) {
        tell(queue);
    }
}

void vml_virtio_notify(struct vml_virtio *dev, uint32_t value)
{
    /* 4.2.2: what is written names the queue, whatever QueueSel is; 2.9: the rest tells the
     * position. */
    uint32_t index = vml_virtio_has(dev, VML_VIRTIO_F_NOTIFICATION_DATA) ? value & 0xffffu : value;
    struct vml_virtio_queue *queue = vml_virtio_queue(dev, index);

    if (!queue || !atomic_load(&queue->enabled) || !vml_virtio_running(dev)) {
        return;
    }
    vml_trace(dev->platform.debug, VML_CPU_NONE, VML_TRACE_QUEUE_NOTIFY, dev->platform.trace_id,
              index, 0);
    if (dev->setup.ops->notify) {
        dev->setup.ops->notify(dev, index);
    }
}

/* Registers. */

void vml_virtio_queue_set_num(struct vml_virtio_queue *queue, uint32_t num)
{
    vml_mutex_lock(&queue->dev->lock);
    if (!queue->ready) {
        queue->num = num;
    }
    vml_mutex_unlock(&queue->dev->lock);
}

uint32_t vml_virtio_queue_num(struct vml_virtio_queue *queue)
{
    uint32_t num;

    vml_mutex_lock(&queue->dev->lock);
    num = queue->num;
    vml_mutex_unlock(&queue->dev->lock);
    return num;
}

static uint64_t *address_of(struct vml_virtio_queue *queue, enum vml_virtio_area area)
{
    return area == VML_VIRTIO_DESC          ? &queue->desc
           : area == VML_VIRTIO_DRIVER_AREA ? &queue->driver
                                            : &queue->device;
}

uint64_t vml_virtio_queue_area(struct vml_virtio_queue *queue, enum vml_virtio_area area)
{
    uint64_t address;

    vml_mutex_lock(&queue->dev->lock);
    address = *address_of(queue, area);
    vml_mutex_unlock(&queue->dev->lock);
    return address;
}

void vml_virtio_queue_set_area(struct vml_virtio_queue *queue, enum vml_virtio_area area, bool high,
                               uint32_t bits)
{
    uint64_t *address = address_of(queue, area);

    vml_mutex_lock(&queue->dev->lock);
    if (!queue->ready) {
        *address = high ? (*address & UINT32_MAX) | (uint64_t)bits << 32
                        : (*address & ~(uint64_t)UINT32_MAX) | bits;
    }
    vml_mutex_unlock(&queue->dev->lock);
}

struct vml_virtq_layout virtio_queue_layout(const struct vml_virtio_queue *queue, uint64_t features)
{
    return (struct vml_virtq_layout){
        .size = queue->num <= queue->max_size ? queue->num : 0,
        .desc = queue->desc,
        .driver = queue->driver,
        .device = queue->device,
        .packed = (features & VML_VIRTIO_F_RING_PACKED) != 0,
        .event_idx = (features & VML_VIRTIO_F_EVENT_IDX) != 0,
        .indirect = (features & VML_VIRTIO_F_INDIRECT_DESC) != 0,
        .translated = (features & VML_VIRTIO_F_ACCESS_PLATFORM) != 0,
    };
}

static void start_queue(struct vml_virtio_queue *queue)
{
    struct vml_virtio *dev = queue->dev;
    struct vml_virtq_layout layout;

    if (queue->ready) {
        return;
    }
    /* 4.2.2: features are settled before queues are set up; a legacy driver has only DRIVER_OK to
     * settle them. */
    if (!dev->transport.legacy && !(vml_virtio_status(dev) & VML_VIRTIO_FEATURES_OK)) {
        return;
    }
    vml_mutex_lock(&dev->lock);
    layout = virtio_queue_layout(queue, dev->driver_features);
    vml_mutex_unlock(&dev->lock);
    if (vml_virtq_start(&queue->vq, &layout) != VML_OK) {
        vml_virtio_broken(dev);
        return;
    }
    queue->ready = true;
    if (vml_virtio_running(dev)) {
        virtio_queue_open(queue);
    }
}

static void stop_queue(struct vml_virtio_queue *queue)
{
    virtio_queue_close(queue);
    virtio_wait_idle(queue->dev, queue->index);
    vml_virtq_stop(&queue->vq);
    queue->ready = false;
    if (queue->dev->setup.ops->queue_stopped) {
        queue->dev->setup.ops->queue_stopped(queue->dev, queue->index);
    }
}

void virtio_queue_clear(struct vml_virtio_queue *queue)
{
    stop_queue(queue);
    vml_mutex_lock(&queue->dev->lock);
    queue->num = 0;
    queue->desc = 0;
    queue->driver = 0;
    queue->device = 0;
    vml_mutex_unlock(&queue->dev->lock);
}

void vml_virtio_queue_set_ready(struct vml_virtio_queue *queue, bool ready)
{
    virtio_begin_change(queue->dev);
    if (ready) {
        start_queue(queue);
    } else if (queue->ready) {
        stop_queue(queue);
    }
    virtio_end_change(queue->dev);
}

void vml_virtio_queue_reset(struct vml_virtio_queue *queue)
{
    if (!vml_virtio_has(queue->dev, VML_VIRTIO_F_RING_RESET)) {
        return;
    }
    virtio_begin_change(queue->dev);
    virtio_queue_clear(queue);
    virtio_end_change(queue->dev);
}

void vml_virtio_memory_changed(struct vml_virtio *dev)
{
    bool lost = false;

    for (uint32_t i = 0; i < dev->setup.queue_count; i++) {
        lost |= vml_virtq_retranslate(&dev->setup.queues[i].vq) != VML_OK;
    }
    if (lost) {
        vml_virtio_broken(dev);
    }
}
