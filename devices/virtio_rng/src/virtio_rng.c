/* Entropy: every request's buffers are filled. Requests are served in order, so IN_ORDER holds. No
 * locks. */
#include <vml/virtio_rng.h>

#define DEVICE_ID 4u

static enum vml_status fill(struct vml_virtio_rng *rng, uint8_t *bytes, size_t len)
{
    if (rng->config.entropy) {
        return rng->config.entropy(rng->config.entropy_context, bytes, len);
    }
    return vml_platform_entropy(bytes, len);
}

static uint32_t serve(struct vml_virtio_rng *rng, const struct vml_virtq_chain *chain)
{
    uint32_t done = 0;

    for (uint32_t i = 0; i < chain->writable && done < VML_VIRTIO_RNG_MAX_BYTES; i++) {
        const struct vml_virtq_buf *buf = &chain->bufs[chain->readable + i];
        uint32_t len = (uint32_t)vml_min_u64(buf->len, VML_VIRTIO_RNG_MAX_BYTES - done);

        if (len != 0 && fill(rng, buf->host, len) != VML_OK) {
            break;
        }
        done += len;
    }
    return done;
}

static void rng_notify(struct vml_virtio *dev, uint32_t index)
{
    struct vml_virtio_rng *rng = VML_CONTAINER_OF(dev, struct vml_virtio_rng, virtio);
    struct vml_virtio_queue *queue = &rng->queue;
    struct vml_virtq_chain chain = {.bufs = rng->bufs};

    (void)index;
    if (!vml_virtio_queue_enter(queue)) {
        return;
    }
    do {
        while (vml_virtio_queue_pop(queue, &chain)) {
            vml_virtio_queue_push(queue, &chain, serve(rng, &chain));
        }
        vml_virtio_queue_publish(queue);
    } while (!vml_virtio_queue_leave(queue));
}

static const struct vml_virtio_ops rng_ops = {.notify = rng_notify};

enum vml_status vml_virtio_rng_init(struct vml_virtio_rng *rng,
                                    const struct vml_virtio_rng_config *config)
{
    const struct vml_virtio_setup setup = {
        .ops = &rng_ops,
        .device_id = DEVICE_ID,
        .features = VML_VIRTIO_F_IN_ORDER,
        .queues = &rng->queue,
        .queue_count = 1,
        .queue_size = VML_VIRTIO_RNG_QUEUE_SIZE,
        .max_bufs = VML_VIRTIO_RNG_QUEUE_SIZE,
    };

    memset(rng, 0, sizeof(*rng));
    rng->config = *config;
    return vml_virtio_init(&rng->virtio, &config->platform, &setup);
}

void vml_virtio_rng_destroy(struct vml_virtio_rng *rng)
{
    vml_virtio_destroy(&rng->virtio);
}
