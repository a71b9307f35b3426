/**
 * @file
 * @brief The virtio block device (virtio 1.3, 5.2).
 * @defgroup vml_virtio_block Virtio block
 * @{
 */
#ifndef VML_VIRTIO_BLOCK_H
#define VML_VIRTIO_BLOCK_H

#include <vml/block.h>
#include <vml/virtio.h>

#ifdef __cplusplus
extern "C" {
#endif

/** @name Features (5.2.3)
 * @{ */
#define VML_VIRTIO_BLK_F_SIZE_MAX     VML_BIT64(1)  /**< size_max is valid */
#define VML_VIRTIO_BLK_F_SEG_MAX      VML_BIT64(2)  /**< seg_max is valid */
#define VML_VIRTIO_BLK_F_RO           VML_BIT64(5)  /**< read-only */
#define VML_VIRTIO_BLK_F_BLK_SIZE     VML_BIT64(6)  /**< blk_size is valid */
#define VML_VIRTIO_BLK_F_FLUSH        VML_BIT64(9)  /**< flush */
#define VML_VIRTIO_BLK_F_TOPOLOGY     VML_BIT64(10) /**< topology is valid */
#define VML_VIRTIO_BLK_F_CONFIG_WCE   VML_BIT64(11) /**< the driver may switch the write cache */
#define VML_VIRTIO_BLK_F_MQ           VML_BIT64(12) /**< several queues */
#define VML_VIRTIO_BLK_F_DISCARD      VML_BIT64(13) /**< discard */
#define VML_VIRTIO_BLK_F_WRITE_ZEROES VML_BIT64(14) /**< write zeroes */
/** @} */

/** @brief Largest Queue Size. */
#define VML_VIRTIO_BLOCK_QUEUE_SIZE 256u
/** @brief Bytes of a sector, whatever the block size. */
#define VML_VIRTIO_BLOCK_SECTOR 512u
/** @brief Bytes of a serial number. */
#define VML_VIRTIO_BLOCK_ID_BYTES 20u
/** @brief Buffers that one request needs for `seg_max` segments: header, status, and those that
 * cross memory regions. */
#define VML_VIRTIO_BLOCK_BUFS(seg_max) ((seg_max) + 4u)

struct vml_virtio_block;

/** @brief A request in flight. Members are private. */
struct vml_virtio_block_request {
    struct vml_block_request block;        /**< what the back end gets */
    struct vml_virtio_block *owner;        /**< whose it is */
    struct vml_virtio_queue *queue;        /**< where it came from */
    struct vml_virtq_chain chain;          /**< its buffers */
    struct vml_virtio_block_request *next; /**< of the free ones */
    uint8_t *status;                       /**< where the status byte goes */
    uint32_t written; /**< bytes of data that the device has written when it succeeds */
};

/** @brief How a block device is made. */
struct vml_virtio_block_config {
    struct vml_virtio_platform platform; /**< see there */
    struct vml_block backend;            /**< who stores the data */
    uint64_t capacity;                   /**< sectors of 512 bytes */
    bool read_only;                      /**< RO */
    uint32_t block_size;                 /**< a multiple of 512; 0: not told */
    uint8_t
        physical_block_exp; /**< TOPOLOGY: logical blocks in a physical one, as a power of two */
    uint16_t min_io_blocks; /**< TOPOLOGY: suggested smallest transfer, in blocks; 0: none told */
    uint32_t opt_io_blocks; /**< TOPOLOGY: best transfer, in blocks */
    uint16_t seg_max;       /**< segments of a request; at least 1 */
    uint32_t size_max;      /**< largest segment; 0: not told */
    char serial[VML_VIRTIO_BLOCK_ID_BYTES];    /**< what GET_ID answers, padded with zeroes */
    struct vml_virtio_queue *queues;           /**< `queue_count` of them; kept */
    uint16_t queue_count;                      /**< 1 or more (MQ) */
    struct vml_virtio_block_request *requests; /**< storage; kept */
    uint32_t request_count;                    /**< the most requests in flight; at least 1 */
    struct vml_virtq_buf *bufs; /**< request_count * VML_VIRTIO_BLOCK_BUFS(seg_max) of them; kept */
};

/** @brief A block device. Members are private but `virtio`. */
struct vml_virtio_block {
    struct vml_virtio virtio;              /**< what a transport gets */
    struct vml_virtio_block_config config; /**< as given */
    uint8_t space[60];                     /**< the config space */
    struct vml_mutex lock;                 /**< of `free` */
    struct vml_virtio_block_request *free; /**< requests not in use */
    _Atomic bool starved;                  /**< a queue waits for a free request */
    _Atomic uint32_t feeding;              /**< who serves such queues, and calls meanwhile */
};

/** @brief Makes a block device. @param config copied; storage in it is kept
 * @return VML_ERR_INVALID for sizes, counts or storage that cannot be */
VML_MUST_CHECK enum vml_status vml_virtio_block_init(struct vml_virtio_block *block,
                                                     const struct vml_virtio_block_config *config);
/** @brief Ends its use, after its transport; waits for requests in flight. */
void vml_virtio_block_destroy(struct vml_virtio_block *block);
/** @brief The back end has another size now. Any thread. */
void vml_virtio_block_resize(struct vml_virtio_block *block, uint64_t capacity);

#ifdef __cplusplus
}
#endif
/** @} */
#endif
