/**
 * @file
 * @brief The virtio entropy device (virtio 1.3, 5.4).
 * @defgroup vml_virtio_rng Virtio entropy
 * @{
 */
#ifndef VML_VIRTIO_RNG_H
#define VML_VIRTIO_RNG_H

#include <vml/virtio.h>

#ifdef __cplusplus
extern "C" {
#endif

/** @brief Largest Queue Size. */
#define VML_VIRTIO_RNG_QUEUE_SIZE 64u
/** @brief Most bytes that one request gets; a driver asks again for more. */
#define VML_VIRTIO_RNG_MAX_BYTES 4096u

/** @brief How an entropy device is made. */
struct vml_virtio_rng_config {
    struct vml_virtio_platform platform; /**< see there */
    /** Fills a buffer with strong random bytes; may take its time. NULL: vml_platform_entropy(). */
    enum vml_status (*entropy)(void *context, void *buffer, size_t len);
    void *entropy_context; /**< given to it */
};

/** @brief An entropy device. Members are private but `virtio`. */
struct vml_virtio_rng {
    struct vml_virtio virtio;                             /**< what a transport gets */
    struct vml_virtio_rng_config config;                  /**< as given */
    struct vml_virtio_queue queue;                        /**< requestq */
    struct vml_virtq_buf bufs[VML_VIRTIO_RNG_QUEUE_SIZE]; /**< of the request being served */
};

/** @brief Makes an entropy device. @param config copied */
VML_MUST_CHECK enum vml_status vml_virtio_rng_init(struct vml_virtio_rng *rng,
                                                   const struct vml_virtio_rng_config *config);
/** @brief Ends its use, after its transport. */
void vml_virtio_rng_destroy(struct vml_virtio_rng *rng);

#ifdef __cplusplus
}
#endif
/** @} */
#endif
