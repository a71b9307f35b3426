/*
 * The device apart from its queues: features, status, config space, interrupts. virtio 1.3, 2.1 to
 * 2.5 and 3.1.
 *
 * Lock order: none nests in another. `dev->lock` guards registers and config space, `queue->lock`
 * the used side of a queue. `changing` serialises resets, starts and stops, which call the device:
 * it is no lock of theirs, since nothing that a device may call waits for it.
 */
#include "core.h"

enum vml_status vml_virtio_init(struct vml_virtio *dev, const struct vml_virtio_platform *platform,
                                const struct vml_virtio_setup *setup)
{
    const struct vml_virtq_config vq = {.as = platform->as,
                                        .translate = platform->translate,
                                        .translate_context = platform->translate_context,
                                        .max_bufs = setup->max_bufs};

    if (!platform->as || !setup->ops || !vml_is_pow2(setup->queue_size) ||
        setup->queue_count > VML_VIRTIO_MAX_QUEUES || (setup->queue_count && !setup->queues) ||
        (platform->shm_count && !platform->shm) || (setup->config_size && !setup->config)) {
        return VML_ERR_INVALID;
    }
    memset(dev, 0, sizeof(*dev));
    dev->platform = *platform;
    dev->setup = *setup;
    dev->offered = (VML_VIRTIO_CORE_FEATURES | setup->features |
                    (platform->translate ? VML_VIRTIO_F_ACCESS_PLATFORM : 0)) &
                   ~platform->features_off;
    for (uint32_t i = 0; i < setup->queue_count; i++) {
        struct vml_virtio_queue *queue = &setup->queues[i];
        enum vml_status status;

        memset(queue, 0, sizeof(*queue));
        status = vml_virtq_init(&queue->vq, &vq);
        if (status != VML_OK) {
            return status;
        }
        queue->dev = dev;
        queue->index = i;
        queue->max_size = setup->queue_size;
        vml_mutex_init(&queue->lock);
    }
    vml_mutex_init(&dev->lock);
    vml_signal_init(&dev->pause);
    return VML_OK;
}

void vml_virtio_destroy(struct vml_virtio *dev)
{
    virtio_reset_now(dev);
    for (uint32_t i = 0; i < dev->setup.queue_count; i++) {
        vml_mutex_destroy(&dev->setup.queues[i].lock);
    }
    vml_mutex_destroy(&dev->lock);
    vml_signal_destroy(&dev->pause);
}

void vml_virtio_attach(struct vml_virtio *dev, const struct vml_virtio_transport *transport)
{
    dev->transport = *transport;
}

/* Interrupts. */

static void raise_isr(struct vml_virtio *dev, uint32_t bit)
{
    /* With the bit set already the driver has yet to look, and will look at everything. */
    if (!(atomic_fetch_or(&dev->isr, bit) & bit) && dev->transport.interrupt) {
        dev->transport.interrupt(dev->transport.context);
    }
}

static bool send_message(struct vml_virtio *dev, uint32_t queue)
{
    return dev->transport.message && dev->transport.message(dev->transport.context, queue);
}

void virtio_queue_interrupt(struct vml_virtio_queue *queue)
{
    if (!send_message(queue->dev, queue->index)) {
        raise_isr(queue->dev, VML_VIRTIO_ISR_QUEUE);
    }
}

void vml_virtio_config_interrupt(struct vml_virtio *dev)
{
    if (vml_virtio_status(dev) & VML_VIRTIO_DRIVER_OK) {
        /* 4.1.4.5.1: the bit is set before the notification, whatever carries that. A driver that
         * gets messages need not clear it. */
        raise_isr(dev, VML_VIRTIO_ISR_CONFIG);
        (void)send_message(dev, VML_VIRTIO_ALL_QUEUES);
    }
}

void vml_virtio_ack(struct vml_virtio *dev, uint32_t bits)
{
    atomic_fetch_and(&dev->isr, ~bits);
}

/* Features. */

uint32_t vml_virtio_offered(const struct vml_virtio *dev, uint32_t half)
{
    uint64_t offered = dev->offered;

    if (dev->transport.legacy) {
        offered &= UINT32_MAX;
    }
    return half > 1 ? 0 : (uint32_t)(offered >> (32 * half));
}

void vml_virtio_accept(struct vml_virtio *dev, uint32_t half, uint32_t bits)
{
    if (half > 1 || (half == 1 && dev->transport.legacy)) {
        return;
    }
    vml_mutex_lock(&dev->lock);
    if (!(vml_virtio_status(dev) & (VML_VIRTIO_FEATURES_OK | VML_VIRTIO_DRIVER_OK))) {
        uint64_t mask = (uint64_t)UINT32_MAX << (32 * half);

        dev->driver_features = (dev->driver_features & ~mask) | (uint64_t)bits << (32 * half);
    }
    vml_mutex_unlock(&dev->lock);
}

/* 3.1.1: the device says at FEATURES_OK whether the subset is one that it supports. */
static bool features_allowed(struct vml_virtio *dev)
{
    uint64_t features = dev->driver_features;

    if (features & ~dev->offered) {
        return false;
    }
    if (!dev->transport.legacy && !(features & VML_VIRTIO_F_VERSION_1)) {
        return false;
    }
    if (dev->platform.translate && !(features & VML_VIRTIO_F_ACCESS_PLATFORM)) {
        return false;
    }
    return !dev->setup.ops->accept || dev->setup.ops->accept(dev, features) == VML_OK;
}

/* Status. */

uint32_t vml_virtio_status(const struct vml_virtio *dev)
{
    return atomic_load(&dev->status);
}

bool vml_virtio_running(const struct vml_virtio *dev)
{
    return (vml_virtio_status(dev) & (VML_VIRTIO_DRIVER_OK | VML_VIRTIO_NEEDS_RESET)) ==
           VML_VIRTIO_DRIVER_OK;
}

void vml_virtio_broken(struct vml_virtio *dev)
{
    uint32_t old = atomic_fetch_or(&dev->status, VML_VIRTIO_NEEDS_RESET);

    /* 2.1.2: a config change notification, if DRIVER_OK is set. */
    if (!(old & VML_VIRTIO_NEEDS_RESET)) {
        if (vml_debug_enabled(dev->platform.debug, VML_DEBUG_CONDENSED)) {
            vml_log(VML_LOG_INFO, "virtio: the driver of device 0x%llx broke the protocol",
                    (unsigned long long)dev->platform.trace_id);
        }
        vml_virtio_config_interrupt(dev);
    }
}

void virtio_begin_change(struct vml_virtio *dev)
{
    while (atomic_exchange(&dev->changing, true)) {
        vml_cpu_relax();
    }
}

void virtio_end_change(struct vml_virtio *dev)
{
    atomic_store(&dev->changing, false);
}

static void go(struct vml_virtio *dev)
{
    atomic_fetch_or(&dev->status, VML_VIRTIO_DRIVER_OK);
    if (dev->setup.ops->start) {
        dev->setup.ops->start(dev);
    }
    for (uint32_t i = 0; i < dev->setup.queue_count; i++) {
        struct vml_virtio_queue *queue = &dev->setup.queues[i];

        if (queue->ready) {
            virtio_queue_open(queue);
        }
    }
}

void vml_virtio_set_status(struct vml_virtio *dev, uint32_t status)
{
    uint32_t added;

    status &= 0xffu;
    if (status == 0) {
        vml_virtio_reset(dev);
        return;
    }
    virtio_begin_change(dev);
    /* A driver never clears a bit but by reset (2.1.1), and never sets the device's own. */
    added = status & ~vml_virtio_status(dev) & ~VML_VIRTIO_NEEDS_RESET;
    atomic_fetch_or(&dev->status,
                    added & (VML_VIRTIO_ACKNOWLEDGE | VML_VIRTIO_DRIVER | VML_VIRTIO_FAILED));
    if ((added & VML_VIRTIO_FEATURES_OK) && features_allowed(dev)) {
        atomic_fetch_or(&dev->status, VML_VIRTIO_FEATURES_OK);
    }
    if (added & VML_VIRTIO_DRIVER_OK) {
        if (vml_virtio_status(dev) & VML_VIRTIO_FEATURES_OK) {
            go(dev);
        } else if (dev->transport.legacy && features_allowed(dev)) {
            go(dev); /* 3.1.2: legacy drivers do not know FEATURES_OK */
        }
    }
    virtio_end_change(dev);
}

void virtio_reset_now(struct vml_virtio *dev)
{
    for (uint32_t i = 0; i < dev->setup.queue_count; i++) {
        virtio_queue_close(&dev->setup.queues[i]);
    }
    virtio_wait_idle(dev, VML_VIRTIO_ALL_QUEUES);
    for (uint32_t i = 0; i < dev->setup.queue_count; i++) {
        virtio_queue_clear(&dev->setup.queues[i]);
    }
    if (dev->setup.ops->reset) {
        dev->setup.ops->reset(dev);
    }
    vml_mutex_lock(&dev->lock);
    dev->driver_features = 0;
    vml_mutex_unlock(&dev->lock);
    atomic_store(&dev->isr, 0);
    atomic_store(&dev->status, 0);
    if (dev->transport.interrupt) {
        dev->transport.interrupt(dev->transport.context);
    }
}

void vml_virtio_reset(struct vml_virtio *dev)
{
    virtio_begin_change(dev);
    virtio_reset_now(dev);
    virtio_end_change(dev);
}

/* Config space. */

uint64_t vml_virtio_config_read(struct vml_virtio *dev, uint32_t offset, uint32_t size)
{
    uint64_t value = 0;

    vml_mutex_lock(&dev->lock);
    for (uint32_t i = 0; i < size && i < 8; i++) {
        if (offset < dev->setup.config_size && i < dev->setup.config_size - offset) {
            value |= (uint64_t)dev->setup.config[offset + i] << (8 * i);
        }
    }
    vml_mutex_unlock(&dev->lock);
    return value;
}

void vml_virtio_config_write(struct vml_virtio *dev, uint32_t offset, uint32_t size, uint64_t value)
{
    if (offset < dev->setup.config_size && size <= dev->setup.config_size - offset &&
        dev->setup.ops->config_write) {
        dev->setup.ops->config_write(dev, offset, size, value);
    }
}

void vml_virtio_config_change(struct vml_virtio *dev, uint32_t offset, const void *bytes,
                              uint32_t len)
{
    bool changed;

    VML_ASSERT(offset <= dev->setup.config_size && len <= dev->setup.config_size - offset);
    vml_mutex_lock(&dev->lock);
    changed = memcmp(dev->setup.config + offset, bytes, len) != 0;
    if (changed) {
        memcpy(dev->setup.config + offset, bytes, len);
        dev->generation++;
    }
    vml_mutex_unlock(&dev->lock);
    if (changed) {
        vml_virtio_config_interrupt(dev);
    }
}

uint32_t vml_virtio_generation(struct vml_virtio *dev)
{
    uint32_t generation;

    vml_mutex_lock(&dev->lock);
    generation = dev->generation;
    vml_mutex_unlock(&dev->lock);
    return generation;
}

const struct vml_virtio_shm *vml_virtio_shm(const struct vml_virtio *dev, uint32_t id)
{
    for (uint32_t i = 0; i < dev->platform.shm_count; i++) {
        if (dev->platform.shm[i].id == id) {
            return &dev->platform.shm[i];
        }
    }
    return NULL;
}
