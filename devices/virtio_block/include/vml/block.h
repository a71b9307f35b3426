/**
 * @file
 * @brief Block back ends: four asynchronous calls on a range of bytes.
 * @addtogroup vml_virtio_block
 * @{
 */
#ifndef VML_BLOCK_H
#define VML_BLOCK_H

#include <vml/virtq.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vml_block_request;

/** @brief Called once for each request when it is done, on any thread, also before the call that
 * began it returns. The back end does not touch the request afterwards.
 * @param status VML_OK, or why it failed; what a failed write left behind is undefined */
typedef void (*vml_block_done_fn)(struct vml_block_request *request, enum vml_status status);

/** @brief A request. The caller owns it until `done`. */
struct vml_block_request {
    uint64_t offset;                  /**< bytes from the beginning; a multiple of 512 */
    uint64_t length;                  /**< bytes; the sum of `bufs`, where there are any */
    const struct vml_virtq_buf *bufs; /**< read: to fill; write: to take */
    uint32_t buf_count;               /**< of `bufs` */
    bool durable;                     /**< write, zero: done only when it survives a power cut */
    bool unmap;                       /**< zero: the space may be given back */
    bool discard;                     /**< zero: the content may be anything afterwards */
    vml_block_done_fn done;           /**< never NULL */
    void *context;                    /**< the caller's */
    struct vml_block_request *next;   /**< the back end's, for its queue */
    uint32_t kind;                    /**< the back end's */
};

/** @brief A back end's calls: none blocks for long, each ends in one `done`. Any thread, several at
 * once. */
struct vml_block_ops {
    /** Fills the buffers from `offset`. */
    void (*read)(void *context, struct vml_block_request *request);
    /** Writes the buffers to `offset`. */
    void (*write)(void *context, struct vml_block_request *request);
    /** Every write that was done before this began survives a power cut once this is done. */
    void (*flush)(void *context, struct vml_block_request *request);
    /** Makes `length` bytes from `offset` read as zeroes, or with `discard` as anything. NULL: not
     * supported. */
    void (*zero)(void *context, struct vml_block_request *request);
    /** Ends all requests: those not begun with VML_ERR_STATE, the others as they end. Returns when
     * there is none. NULL where requests are done when their call returns. */
    void (*cancel)(void *context);
};

/** @brief A back end. A value. */
struct vml_block {
    const struct vml_block_ops *ops; /**< never NULL */
    void *context;                   /**< given to them */
};

#ifdef __cplusplus
}
#endif
/** @} */
#endif
