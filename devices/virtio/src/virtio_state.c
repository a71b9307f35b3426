/* Saved state of a device: features, status, queues, and the device's own record. */
#include "core.h"

#define VIRTIO_TAG     VML_STATE_TAG('V', 'I', 'O', 'D')
#define VIRTIO_VERSION 1u

struct core_fields {
    uint32_t device_id;
    uint32_t status;
    uint32_t isr;
    uint32_t generation;
    uint64_t features;
    uint32_t queues;
    bool own_record;
};

struct queue_fields {
    uint32_t num;
    uint64_t desc;
    uint64_t driver;
    uint64_t device;
    bool ready;
    struct vml_virtq_position position;
};

void vml_virtio_save(struct vml_virtio *dev, struct vml_state_writer *w)
{
    vml_state_begin(w, VIRTIO_TAG, VIRTIO_VERSION);
    vml_state_put_u32(w, dev->setup.device_id);
    vml_state_put_u32(w, vml_virtio_status(dev));
    vml_state_put_u32(w, vml_virtio_isr(dev));
    vml_state_put_u32(w, dev->generation);
    vml_state_put_u64(w, dev->driver_features);
    vml_state_put_u32(w, dev->setup.queue_count);
    vml_state_put_bool(w, dev->setup.ops->save != NULL);
    for (uint32_t i = 0; i < dev->setup.queue_count; i++) {
        const struct vml_virtio_queue *queue = &dev->setup.queues[i];
        struct vml_virtq_position at = vml_virtq_position(&queue->vq);

        if (atomic_load(&queue->in_flight) != 0) {
            w->status = VML_ERR_STATE; /* the device is to be drained first */
        }
        vml_state_put_u32(w, queue->num);
        vml_state_put_u64(w, queue->desc);
        vml_state_put_u64(w, queue->driver);
        vml_state_put_u64(w, queue->device);
        vml_state_put_bool(w, queue->ready);
        vml_state_put_u16(w, at.next_avail);
        vml_state_put_u16(w, at.next_used);
        vml_state_put_bool(w, at.avail_wrap);
        vml_state_put_bool(w, at.used_wrap);
    }
    if (dev->setup.ops->save) {
        dev->setup.ops->save(dev, w);
    }
    vml_state_end(w);
}

static struct core_fields get_core(struct vml_state_reader *r)
{
    struct core_fields f;

    f.device_id = vml_state_get_u32(r);
    f.status = vml_state_get_u32(r);
    f.isr = vml_state_get_u32(r);
    f.generation = vml_state_get_u32(r);
    f.features = vml_state_get_u64(r);
    f.queues = vml_state_get_u32(r);
    f.own_record = vml_state_get_bool(r);
    return f;
}

static struct queue_fields get_queue(struct vml_state_reader *r)
{
    struct queue_fields f;

    f.num = vml_state_get_u32(r);
    f.desc = vml_state_get_u64(r);
    f.driver = vml_state_get_u64(r);
    f.device = vml_state_get_u64(r);
    f.ready = vml_state_get_bool(r);
    f.position.next_avail = vml_state_get_u16(r);
    f.position.next_used = vml_state_get_u16(r);
    f.position.avail_wrap = vml_state_get_bool(r);
    f.position.used_wrap = vml_state_get_bool(r);
    return f;
}

static struct vml_virtq_layout layout_of(const struct vml_virtio_queue *queue,
                                         const struct queue_fields *f, uint64_t features)
{
    struct vml_virtio_queue registers = {.max_size = queue->max_size,
                                         .num = f->num,
                                         .desc = f->desc,
                                         .driver = f->driver,
                                         .device = f->device};

    return virtio_queue_layout(&registers, features);
}

static bool queue_is_valid(const struct vml_virtio_queue *queue, const struct queue_fields *f,
                           uint64_t features)
{
    struct vml_virtq scratch;
    struct vml_virtq_layout layout = layout_of(queue, f, features);

    if (!f->ready) {
        return true;
    }
    return vml_virtq_init(&scratch, &queue->vq.config) == VML_OK &&
           vml_virtq_start(&scratch, &layout) == VML_OK &&
           vml_virtq_set_position(&scratch, &f->position) == VML_OK;
}

static bool core_is_valid(const struct vml_virtio *dev, const struct core_fields *f)
{
    const uint32_t known = VML_VIRTIO_ACKNOWLEDGE | VML_VIRTIO_DRIVER | VML_VIRTIO_DRIVER_OK |
                           VML_VIRTIO_FEATURES_OK | VML_VIRTIO_NEEDS_RESET | VML_VIRTIO_FAILED;
    const uint32_t settled = VML_VIRTIO_FEATURES_OK | VML_VIRTIO_DRIVER_OK;

    if (f->device_id != dev->setup.device_id || f->queues != dev->setup.queue_count ||
        f->own_record != (dev->setup.ops->save != NULL) || (f->status & ~known) ||
        (f->isr & ~(VML_VIRTIO_ISR_QUEUE | VML_VIRTIO_ISR_CONFIG))) {
        return false;
    }
    if ((f->status & settled) && (f->features & ~dev->offered)) {
        return false;
    }
    return dev->transport.legacy || !(f->status & VML_VIRTIO_DRIVER_OK) ||
           (f->status & VML_VIRTIO_FEATURES_OK);
}

/* Validates everything on a copy of the reader. */
static enum vml_status check(struct vml_virtio *dev, struct vml_state_reader r)
{
    struct core_fields core;

    vml_state_enter(&r, VIRTIO_TAG, VIRTIO_VERSION);
    core = get_core(&r);
    if (vml_state_read_status(&r) != VML_OK) {
        return vml_state_read_status(&r);
    }
    if (!core_is_valid(dev, &core)) {
        return VML_ERR_CORRUPT;
    }
    for (uint32_t i = 0; i < core.queues; i++) {
        struct queue_fields f = get_queue(&r);

        if (vml_state_read_status(&r) != VML_OK) {
            return vml_state_read_status(&r);
        }
        if (!queue_is_valid(&dev->setup.queues[i], &f, core.features)) {
            return VML_ERR_CORRUPT;
        }
    }
    if (core.own_record) {
        enum vml_status status = dev->setup.ops->restore(dev, &r, false);

        if (status != VML_OK) {
            return status;
        }
    }
    vml_state_leave(&r);
    return vml_state_read_status(&r);
}

static void apply_queue(struct vml_virtio_queue *queue, const struct queue_fields *f,
                        uint64_t features)
{
    struct vml_virtq_layout layout = layout_of(queue, f, features);

    queue->num = f->num;
    queue->desc = f->desc;
    queue->driver = f->driver;
    queue->device = f->device;
    if (f->ready) {
        bool started = vml_virtq_start(&queue->vq, &layout) == VML_OK &&
                       vml_virtq_set_position(&queue->vq, &f->position) == VML_OK;

        VML_ASSERT(started); /* check() did the same; guest memory must not change meanwhile */
        queue->ready = true;
    }
}

enum vml_status vml_virtio_check(struct vml_virtio *dev, struct vml_state_reader *r)
{
    enum vml_status status = check(dev, *r);

    if (status != VML_OK) {
        vml_state_fail(r, status);
        return status;
    }
    vml_state_skip(r);
    return vml_state_read_status(r);
}

enum vml_status vml_virtio_restore(struct vml_virtio *dev, struct vml_state_reader *r)
{
    enum vml_status status = check(dev, *r);
    struct core_fields core;

    if (status != VML_OK) {
        vml_state_fail(r, status);
        return status;
    }
    virtio_begin_change(dev);
    virtio_reset_now(dev);
    vml_state_enter(r, VIRTIO_TAG, VIRTIO_VERSION);
    core = get_core(r);
    dev->driver_features = core.features;
    dev->generation = core.generation;
    for (uint32_t i = 0; i < core.queues; i++) {
        struct queue_fields f = get_queue(r);

        apply_queue(&dev->setup.queues[i], &f, core.features);
    }
    if (core.own_record) {
        status = dev->setup.ops->restore(dev, r, true);
        VML_ASSERT(status == VML_OK);
    }
    vml_state_leave(r);
    atomic_store(&dev->status, core.status);
    atomic_store(&dev->isr, core.isr);
    if (dev->transport.interrupt) {
        dev->transport.interrupt(dev->transport.context);
    }
    if (vml_virtio_running(dev)) {
        if (dev->setup.ops->start) {
            dev->setup.ops->start(dev);
        }
        for (uint32_t i = 0; i < core.queues; i++) {
            if (dev->setup.queues[i].ready) {
                virtio_queue_open(&dev->setup.queues[i]);
            }
        }
    }
    virtio_end_change(dev);
    return VML_OK;
}
