/*
 * Requests: virtio 1.3, 5.2.6. A chain becomes a request of the back end, whose end may come on any
 * thread, also before the call that began it returns.
 */
#include "block_private.h"

enum {
    T_IN = 0,
    T_OUT = 1,
    T_FLUSH = 4,
    T_GET_ID = 8,
    T_DISCARD = 11,
    T_WRITE_ZEROES = 13,
};

enum { S_OK = 0, S_IOERR = 1, S_UNSUPP = 2 };

#define HEADER_SIZE  16u
#define SEGMENT_SIZE 16u
#define UNMAP        1u

static struct vml_virtio_block_request *take_free(struct vml_virtio_block *block)
{
    struct vml_virtio_block_request *request;

    vml_mutex_lock(&block->lock);
    request = block->free;
    if (request) {
        block->free = request->next;
    }
    vml_mutex_unlock(&block->lock);
    return request;
}

static void give_free(struct vml_virtio_block *block, struct vml_virtio_block_request *request)
{
    vml_mutex_lock(&block->lock);
    request->next = block->free;
    block->free = request;
    vml_mutex_unlock(&block->lock);
}

/* Answers a chain. The request is free afterwards. */
static void answer(struct vml_virtio_block_request *request, uint8_t status, uint32_t written)
{
    struct vml_virtio_block *block = request->owner;
    struct vml_virtio_queue *queue = request->queue;
    struct vml_virtq_chain chain = request->chain;

    *request->status = status;
    /* The status byte belongs to its buffer again. */
    chain.bufs[chain.readable + chain.writable - 1].len++;
    vml_virtio_queue_hold(queue);
    vml_virtio_queue_complete(queue, &chain, written + 1);
    give_free(block, request);
    vml_virtio_queue_release(queue);
}

static void done(struct vml_block_request *b, enum vml_status status)
{
    struct vml_virtio_block_request *request =
        VML_CONTAINER_OF(b, struct vml_virtio_block_request, block);
    struct vml_virtio_block *block = request->owner;
    struct vml_virtio_queue *queue = request->queue;

    vml_virtio_queue_hold(queue); /* the device stays until its other queues are looked at */
    answer(request,
           status == VML_OK                ? S_OK
           : status == VML_ERR_UNSUPPORTED ? S_UNSUPP
                                           : S_IOERR,
           status == VML_OK ? request->written : 0);
    block_feed(block);
    vml_virtio_queue_release(queue);
}

static bool in_capacity(struct vml_virtio_block *block, uint64_t sector, uint64_t length)
{
    uint64_t capacity = block_capacity(block);

    return length % VML_VIRTIO_BLOCK_SECTOR == 0 && sector <= capacity &&
           length / VML_VIRTIO_BLOCK_SECTOR <= capacity - sector;
}

static uint64_t sum(const struct vml_virtq_buf *bufs, uint32_t count)
{
    uint64_t total = 0;

    for (uint32_t i = 0; i < count; i++) {
        total += bufs[i].len;
    }
    return total;
}

/* 5.2.6.2: a write is durable at once unless the driver can flush and the cache is on. */
static bool writes_through(struct vml_virtio_block *block)
{
    if (vml_virtio_has(&block->virtio, VML_VIRTIO_BLK_F_CONFIG_WCE)) {
        return vml_virtio_config_read(&block->virtio, SPACE_WRITEBACK, 1) == 0;
    }
    return !vml_virtio_has(&block->virtio, VML_VIRTIO_BLK_F_FLUSH);
}

static void begin_read(struct vml_virtio_block_request *request, uint64_t sector,
                       const struct vml_virtq_buf *bufs, uint32_t count)
{
    const struct vml_block *backend = &request->owner->config.backend;
    struct vml_block_request *b = &request->block;

    b->bufs = bufs;
    b->buf_count = count;
    b->length = sum(bufs, count);
    if (!in_capacity(request->owner, sector, b->length) || b->length >= UINT32_MAX) {
        answer(request, S_IOERR, 0);
        return;
    }
    b->offset = sector * VML_VIRTIO_BLOCK_SECTOR;
    request->written = (uint32_t)b->length;
    backend->ops->read(backend->context, b);
}

static void begin_write(struct vml_virtio_block_request *request, uint64_t sector,
                        const struct vml_virtq_buf *bufs, uint32_t count)
{
    const struct vml_block *backend = &request->owner->config.backend;
    struct vml_block_request *b = &request->block;

    b->bufs = bufs;
    b->buf_count = count;
    b->length = sum(bufs, count);
    if (request->owner->config.read_only || !in_capacity(request->owner, sector, b->length)) {
        answer(request, S_IOERR, 0);
        return;
    }
    b->offset = sector * VML_VIRTIO_BLOCK_SECTOR;
    b->durable = writes_through(request->owner);
    backend->ops->write(backend->context, b);
}

/* 5.2.6.2: one segment (max_*_seg is 1); DISCARD has no flags, WRITE_ZEROES has one. */
static void begin_zero(struct vml_virtio_block_request *request, bool discard,
                       const struct vml_virtq_chain *data)
{
    const struct vml_block *backend = &request->owner->config.backend;
    struct vml_block_request *b = &request->block;
    uint8_t segment[SEGMENT_SIZE];
    uint64_t sector;
    uint64_t length;
    uint32_t flags;

    if (!backend->ops->zero) {
        answer(request, S_UNSUPP, 0);
        return;
    }
    if (request->owner->config.read_only ||
        vml_virtq_copy_from(data, 0, segment, SEGMENT_SIZE) != SEGMENT_SIZE) {
        answer(request, S_IOERR, 0);
        return;
    }
    sector = vml_load_le64(segment);
    length = (uint64_t)vml_load_le32(segment + 8) * VML_VIRTIO_BLOCK_SECTOR;
    flags = vml_load_le32(segment + 12);
    if ((flags & ~UNMAP) || (discard && flags) || vml_virtq_readable_len(data) != SEGMENT_SIZE) {
        answer(request, S_UNSUPP, 0);
        return;
    }
    if (!in_capacity(request->owner, sector, length)) {
        answer(request, S_IOERR, 0);
        return;
    }
    b->offset = sector * VML_VIRTIO_BLOCK_SECTOR;
    b->length = length;
    b->discard = discard;
    b->unmap = discard || (flags & UNMAP);
    b->durable = !discard && writes_through(request->owner);
    backend->ops->zero(backend->context, b);
}

static void get_id(struct vml_virtio_block_request *request)
{
    struct vml_virtq_chain *chain = &request->chain;
    size_t len =
        vml_virtq_copy_to(chain, 0, request->owner->config.serial, VML_VIRTIO_BLOCK_ID_BYTES);

    answer(request, S_OK, (uint32_t)len);
}

/* Cuts header and status byte off a chain. What has no room for them is beyond an answer. */
static bool open_chain(struct vml_virtio_block_request *request, uint8_t header[HEADER_SIZE],
                       struct vml_virtq_buf **bufs, uint16_t *readable)
{
    struct vml_virtq_chain *chain = &request->chain;
    struct vml_virtq_buf *last;

    if (vml_virtq_copy_from(chain, 0, header, HEADER_SIZE) != HEADER_SIZE) {
        return false;
    }
    while (chain->writable > 0 && chain->bufs[chain->readable + chain->writable - 1].len == 0) {
        chain->writable--;
    }
    if (chain->writable == 0) {
        return false;
    }
    last = &chain->bufs[chain->readable + chain->writable - 1];
    last->len--;
    request->status = last->host + last->len;
    *readable = chain->readable;
    *bufs = vml_virtq_skip(chain->bufs, readable, HEADER_SIZE);
    return true;
}

static void begin(struct vml_virtio_block_request *request)
{
    struct vml_virtq_chain *chain = &request->chain;
    const struct vml_block *backend = &request->owner->config.backend;
    uint8_t header[HEADER_SIZE];
    struct vml_virtq_buf *bufs;
    uint16_t readable;
    struct vml_virtq_chain data;
    uint64_t sector;

    if (!open_chain(request, header, &bufs, &readable)) {
        struct vml_virtio_block *block = request->owner;

        struct vml_virtio_queue *queue = request->queue;

        vml_virtio_broken(&block->virtio);
        vml_virtio_queue_hold(queue);
        vml_virtio_queue_complete(queue, chain, 0);
        give_free(block, request);
        vml_virtio_queue_release(queue);
        return;
    }
    data = (struct vml_virtq_chain){.bufs = bufs, .readable = readable};
    sector = vml_load_le64(header + 8);
    request->written = 0;
    request->block = (struct vml_block_request){.done = done, .context = request};
    switch (vml_load_le32(header)) {
    case T_IN:
        begin_read(request, sector, &chain->bufs[chain->readable], chain->writable);
        break;
    case T_OUT:
        begin_write(request, sector, bufs, readable);
        break;
    case T_FLUSH:
        backend->ops->flush(backend->context, &request->block);
        break;
    case T_GET_ID:
        get_id(request);
        break;
    case T_DISCARD:
        begin_zero(request, true, &data);
        break;
    case T_WRITE_ZEROES:
        begin_zero(request, false, &data);
        break;
    default:
        answer(request, S_UNSUPP, 0);
        break;
    }
}

static void serve(struct vml_virtio_block *block, struct vml_virtio_queue *queue)
{
    if (!vml_virtio_queue_enter(queue)) {
        return;
    }
    do {
        for (;;) {
            struct vml_virtio_block_request *request = take_free(block);

            if (!request) {
                /* One that ends before this is seen would not call us. */
                atomic_store(&block->starved, true);
                request = take_free(block);
                if (!request) {
                    break;
                }
            }
            if (!vml_virtio_queue_pop(queue, &request->chain)) {
                give_free(block, request);
                break;
            }
            request->queue = queue;
            begin(request);
        }
    } while (!vml_virtio_queue_leave(queue));
}

/* Back ends may end requests before their call returns: then we are inside already, and look again. */
void block_feed(struct vml_virtio_block *block)
{
    uint32_t seen;

    if (!atomic_exchange(&block->starved, false) || atomic_fetch_add(&block->feeding, 1) != 0) {
        return;
    }
    do {
        seen = atomic_load(&block->feeding);
        for (uint32_t i = 0; i < block->config.queue_count; i++) {
            serve(block, &block->config.queues[i]);
        }
    } while (!atomic_compare_exchange_strong(&block->feeding, &seen, 0));
}

void block_serve(struct vml_virtio_block *block, struct vml_virtio_queue *queue)
{
    serve(block, queue);
    block_feed(block);
}
