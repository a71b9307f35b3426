/* What the device and its requests share. */
#ifndef VML_VIRTIO_BLOCK_PRIVATE_H
#define VML_VIRTIO_BLOCK_PRIVATE_H

#include <vml/virtio_block.h>

/* Config space (5.2.4). */
#define SPACE_CAPACITY     0u
#define SPACE_SIZE_MAX     8u
#define SPACE_SEG_MAX      12u
#define SPACE_BLK_SIZE     20u
#define SPACE_TOPOLOGY     24u
#define SPACE_WRITEBACK    32u
#define SPACE_NUM_QUEUES   34u
#define SPACE_DISCARD      36u
#define SPACE_WRITE_ZEROES 48u

/* Serves a queue as far as there are requests to put its chains in. */
void block_serve(struct vml_virtio_block *block, struct vml_virtio_queue *queue);
/* Serves all queues, if one waits for a request that has become free. */
void block_feed(struct vml_virtio_block *block);
/* Sectors of 512 bytes. */
uint64_t block_capacity(struct vml_virtio_block *block);

#endif
