/* What the parts of the core share. */
#ifndef VML_VIRTIO_CORE_H
#define VML_VIRTIO_CORE_H

#include <vml/virtio.h>

/* A queue has used buffers that the driver wants to hear of. */
void virtio_queue_interrupt(struct vml_virtio_queue *queue);
/* Only one reset, start or stop at a time. */
void virtio_begin_change(struct vml_virtio *dev);
void virtio_end_change(struct vml_virtio *dev);
/* Resets while no other change goes on. */
void virtio_reset_now(struct vml_virtio *dev);
/* Lets a queue that is ready be served, and serves what is there. */
void virtio_queue_open(struct vml_virtio_queue *queue);
/* Lets no new server in; those inside find nothing more. */
void virtio_queue_close(struct vml_virtio_queue *queue);
/* Waits until a closed queue (or all) has no server and nothing in flight. */
void virtio_wait_idle(struct vml_virtio *dev, uint32_t queue);
/* Forgets the rings and registers of an idle queue. */
void virtio_queue_clear(struct vml_virtio_queue *queue);
/* The layout that the registers and features of a queue say. */
struct vml_virtq_layout virtio_queue_layout(const struct vml_virtio_queue *queue,
                                            uint64_t features);

#endif
