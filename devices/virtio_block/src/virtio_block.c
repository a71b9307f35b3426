/*
 * The block device apart from its requests: config space, queues. `block->lock` guards the free
 * requests only; nothing is called with it held.
 */
#include "block_private.h"

#define DEVICE_ID 2u
#define BLOCK_TAG VML_STATE_TAG('V', 'B', 'L', 'K')

/* Sectors of one discard or write-zeroes request. */
#define MAX_ZERO_SECTORS 0x400000u

static struct vml_virtio_block *block_of(struct vml_virtio *dev)
{
    return VML_CONTAINER_OF(dev, struct vml_virtio_block, virtio);
}

uint64_t block_capacity(struct vml_virtio_block *block)
{
    return vml_virtio_config_read(&block->virtio, SPACE_CAPACITY, 8);
}

static void block_notify(struct vml_virtio *dev, uint32_t index)
{
    struct vml_virtio_block *block = block_of(dev);

    block_serve(block, &block->config.queues[index]);
}

static void block_cancel(struct vml_virtio *dev, uint32_t index)
{
    const struct vml_block *backend = &block_of(dev)->config.backend;

    /* A back end knows no queues, and the requests of others must not fail: those of one queue end
     * by themselves. */
    if (index == VML_VIRTIO_ALL_QUEUES && backend->ops->cancel) {
        backend->ops->cancel(backend->context);
    }
}

static void set_writeback(struct vml_virtio_block *block, uint8_t value)
{
    vml_mutex_lock(&block->virtio.lock);
    block->space[SPACE_WRITEBACK] = value;
    vml_mutex_unlock(&block->virtio.lock);
}

static void block_config_write(struct vml_virtio *dev, uint32_t offset, uint32_t size,
                               uint64_t value)
{
    struct vml_virtio_block *block = block_of(dev);

    if (offset <= SPACE_WRITEBACK && SPACE_WRITEBACK - offset < size &&
        vml_virtio_has(dev, VML_VIRTIO_BLK_F_CONFIG_WCE)) {
        set_writeback(block, (value >> (8 * (SPACE_WRITEBACK - offset))) & 1u);
    }
}

/* 5.2.5: without CONFIG_WCE the field tells that a cache is on when the driver can flush. */
static void block_start(struct vml_virtio *dev)
{
    if (!vml_virtio_has(dev, VML_VIRTIO_BLK_F_CONFIG_WCE)) {
        set_writeback(block_of(dev), vml_virtio_has(dev, VML_VIRTIO_BLK_F_FLUSH));
    }
}

static void block_reset(struct vml_virtio *dev)
{
    set_writeback(block_of(dev), 1);
}

static void block_save(struct vml_virtio *dev, struct vml_state_writer *w)
{
    vml_state_begin(w, BLOCK_TAG, 1);
    vml_state_put_u8(w, (uint8_t)vml_virtio_config_read(dev, SPACE_WRITEBACK, 1));
    vml_state_end(w);
}

static enum vml_status block_restore(struct vml_virtio *dev, struct vml_state_reader *r, bool apply)
{
    bool writeback;

    vml_state_enter(r, BLOCK_TAG, 1);
    writeback = vml_state_get_bool(r);
    vml_state_leave(r);
    if (apply && vml_state_read_status(r) == VML_OK) {
        set_writeback(block_of(dev), writeback);
    }
    return vml_state_read_status(r);
}

static const struct vml_virtio_ops block_ops = {
    .start = block_start,
    .notify = block_notify,
    .config_write = block_config_write,
    .cancel = block_cancel,
    .reset = block_reset,
    .save = block_save,
    .restore = block_restore,
};

static uint64_t features_of(const struct vml_virtio_block_config *config)
{
    bool zero = config->backend.ops->zero != NULL && !config->read_only;

    return VML_VIRTIO_BLK_F_SEG_MAX | VML_VIRTIO_BLK_F_FLUSH | VML_VIRTIO_BLK_F_CONFIG_WCE |
           (config->size_max ? VML_VIRTIO_BLK_F_SIZE_MAX : 0) |
           (config->read_only ? VML_VIRTIO_BLK_F_RO : 0) |
           (config->block_size ? VML_VIRTIO_BLK_F_BLK_SIZE : 0) |
           (config->block_size && config->min_io_blocks ? VML_VIRTIO_BLK_F_TOPOLOGY : 0) |
           (config->queue_count > 1 ? VML_VIRTIO_BLK_F_MQ : 0) |
           (zero ? VML_VIRTIO_BLK_F_DISCARD | VML_VIRTIO_BLK_F_WRITE_ZEROES : 0);
}

static void fill_space(struct vml_virtio_block *block)
{
    const struct vml_virtio_block_config *config = &block->config;
    uint8_t *space = block->space;

    vml_store_le64(space + SPACE_CAPACITY, config->capacity);
    vml_store_le32(space + SPACE_SIZE_MAX, config->size_max);
    vml_store_le32(space + SPACE_SEG_MAX, config->seg_max);
    vml_store_le32(space + SPACE_BLK_SIZE, config->block_size);
    space[SPACE_TOPOLOGY] = config->physical_block_exp;
    vml_store_le16(space + SPACE_TOPOLOGY + 2, config->min_io_blocks);
    vml_store_le32(space + SPACE_TOPOLOGY + 4, config->opt_io_blocks);
    space[SPACE_WRITEBACK] = 1;
    vml_store_le16(space + SPACE_NUM_QUEUES, config->queue_count);
    vml_store_le32(space + SPACE_DISCARD, MAX_ZERO_SECTORS);
    vml_store_le32(space + SPACE_DISCARD + 4, 1);
    vml_store_le32(space + SPACE_DISCARD + 8,
                   config->block_size ? config->block_size / VML_VIRTIO_BLOCK_SECTOR : 1);
    vml_store_le32(space + SPACE_WRITE_ZEROES, MAX_ZERO_SECTORS);
    vml_store_le32(space + SPACE_WRITE_ZEROES + 4, 1);
    space[SPACE_WRITE_ZEROES + 8] = 1;
}

enum vml_status vml_virtio_block_init(struct vml_virtio_block *block,
                                      const struct vml_virtio_block_config *config)
{
    struct vml_virtio_setup setup = {
        .ops = &block_ops,
        .device_id = DEVICE_ID,
        .queues = config->queues,
        .queue_count = config->queue_count,
        .queue_size = VML_VIRTIO_BLOCK_QUEUE_SIZE,
        .max_bufs = (uint16_t)VML_VIRTIO_BLOCK_BUFS(config->seg_max),
        .config = block->space,
        .config_size = sizeof(block->space),
    };

    if (!config->backend.ops || config->queue_count == 0 || config->seg_max == 0 ||
        config->seg_max > VML_VIRTIO_BLOCK_QUEUE_SIZE - 2 || !config->requests ||
        config->request_count == 0 || !config->bufs ||
        config->block_size % VML_VIRTIO_BLOCK_SECTOR != 0) {
        return VML_ERR_INVALID;
    }
    memset(block, 0, sizeof(*block));
    block->config = *config;
    fill_space(block);
    vml_mutex_init(&block->lock);
    for (uint32_t i = 0; i < config->request_count; i++) {
        struct vml_virtio_block_request *request = &config->requests[i];

        memset(request, 0, sizeof(*request));
        request->owner = block;
        request->chain.bufs = &config->bufs[i * VML_VIRTIO_BLOCK_BUFS(config->seg_max)];
        request->next = block->free;
        block->free = request;
    }
    setup.features = features_of(config);
    return vml_virtio_init(&block->virtio, &config->platform, &setup);
}

void vml_virtio_block_destroy(struct vml_virtio_block *block)
{
    vml_virtio_destroy(&block->virtio);
    vml_mutex_destroy(&block->lock);
}

void vml_virtio_block_resize(struct vml_virtio_block *block, uint64_t capacity)
{
    uint8_t bytes[8];

    vml_store_le64(bytes, capacity);
    vml_virtio_config_change(&block->virtio, SPACE_CAPACITY, bytes, sizeof(bytes));
}
