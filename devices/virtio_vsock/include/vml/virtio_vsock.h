/**
 * @file
 * @brief The virtio socket device (virtio 1.3, 5.10): stream connections between guest and host.
 *
 * What is behind it, a *back end*, gets the guest's connections and makes its own. Bytes of the guest
 * wait in a buffer of each connection until the back end takes them, and the guest sends no more than
 * that buffer holds; bytes for the guest are taken as far as it has announced room for them. Nothing
 * waits in here, and a connection that stands still holds up no other.
 *
 * **Who owns a connection.** One that the back end was told of, or made, is its own until it calls
 * vml_virtio_vsock_release(), even when it has ended. Functions on one that has ended do nothing.
 * Operations of one connection are called one at a time, without a lock held, on any thread; they may
 * call the functions below. `gone` is the last of them.
 * @defgroup vml_virtio_vsock Virtio socket
 * @{
 */
#ifndef VML_VIRTIO_VSOCK_H
#define VML_VIRTIO_VSOCK_H

#include <vml/virtio.h>

#ifdef __cplusplus
extern "C" {
#endif

/** @name Features
 * @{ */
#define VML_VIRTIO_VSOCK_F_STREAM            VML_BIT64(0) /**< stream sockets */
#define VML_VIRTIO_VSOCK_F_NO_IMPLIED_STREAM VML_BIT64(2) /**< stream sockets only with STREAM */
/** @} */

/** @name What is shut down, as bits
 * @{ */
#define VML_VIRTIO_VSOCK_RECEIVE 1u /**< who says so receives no more */
#define VML_VIRTIO_VSOCK_SEND    2u /**< who says so sends no more */
/** @} */

/** @brief Largest Queue Size. */
#define VML_VIRTIO_VSOCK_QUEUE_SIZE 128u
/** @brief Number of queues: rx, tx, event. */
#define VML_VIRTIO_VSOCK_QUEUES 3u
/** @brief The host's CID. */
#define VML_VIRTIO_VSOCK_HOST 2u
/** @brief Refusals of what belongs to no connection that can wait for a receive buffer. */
#define VML_VIRTIO_VSOCK_REFUSALS 32u

struct vml_virtio_vsock;

/** @brief A connection. Members are private but the first three. */
struct vml_virtio_vsock_conn {
    void *owner;         /**< the back end's, to set as it likes */
    uint32_t host_port;  /**< port on the host */
    uint32_t guest_port; /**< port in the guest */

    struct vml_virtio_vsock *vsock; /**< whose it is */
    uint8_t *buffer;                /**< bytes of the guest; what follows is cleared for each */
    uint8_t state;                  /**< where it is in its life */
    uint8_t pending;                /**< packets to send */
    uint8_t news;                   /**< operations to call */
    uint8_t peer_shutdown;          /**< what the guest has shut down */
    uint8_t told_shutdown;          /**< what of that the back end knows */
    uint8_t own_shutdown;           /**< what the back end has shut down */
    bool serving;                   /**< an operation may be running */
    bool released;                  /**< by the back end */
    bool gone;                      /**< the back end's last operation was called */
    bool blocked;                   /**< the back end takes nothing for now */
    bool refused;                   /**< the back end has more for the guest */
    bool retry;                     /**< and may try again */
    uint32_t sent;                  /**< bytes to the guest (tx_cnt) */
    uint32_t peer_alloc;            /**< the guest's buf_alloc */
    uint32_t peer_forwarded;        /**< the guest's fwd_cnt */
    uint32_t received;              /**< bytes from the guest */
    uint32_t forwarded;             /**< of these, taken by the back end (fwd_cnt) */
    uint32_t announced;             /**< fwd_cnt as the guest knows it */
};

/** @brief A back end. `send` must be there, others may be NULL. */
struct vml_virtio_vsock_ops {
    /** The guest wants `conn->host_port`: vml_virtio_vsock_accept() or vml_virtio_vsock_release(), now
     * or later. NULL refuses all. */
    void (*connect)(void *context, struct vml_virtio_vsock_conn *conn);
    /** The guest accepted what vml_virtio_vsock_connect() asked for. */
    void (*connected)(void *context, struct vml_virtio_vsock_conn *conn);
    /** Bytes of the guest. @return how many were taken; after fewer than `len`,
     * vml_virtio_vsock_ready() when there is room again */
    size_t (*send)(void *context, struct vml_virtio_vsock_conn *conn, const uint8_t *bytes,
                   size_t len);
    /** The guest shut down directions: VML_VIRTIO_VSOCK_*, all until now. Its bytes came before. */
    void (*shutdown)(void *context, struct vml_virtio_vsock_conn *conn, uint32_t what);
    /** vml_virtio_vsock_send() may take bytes again, after it took fewer than it was given. */
    void (*room)(void *context, struct vml_virtio_vsock_conn *conn);
    /** It has ended: refused, closed by the guest, or lost in a reset. Release it, now or later. NULL
     * releases it at once, so that it may be another's by now: for a back end that releases none itself. */
    void (*closed)(void *context, struct vml_virtio_vsock_conn *conn);
    /** It was released, and nothing is called for it any more; it may be another's by the time this
     * returns. */
    void (*gone)(void *context, struct vml_virtio_vsock_conn *conn);
};

/** @brief How a socket device is made. */
struct vml_virtio_vsock_config {
    struct vml_virtio_platform platform; /**< see there */
    uint64_t guest_cid;                  /**< 3 to 0xfffffffe */
    struct vml_virtio_vsock_conn *conns; /**< storage of the connections; kept */
    uint32_t conn_count;                 /**< the most at a time, 1 or more */
    uint8_t *buffers;                    /**< storage: `conn_count` * `buffer_size`; kept */
    uint32_t buffer_size; /**< bytes of a guest that wait, for each connection: a power of two */
    const struct vml_virtio_vsock_ops *ops; /**< the back end */
    void *context;                          /**< given to it */
};

/** @brief A refusal that waits. Private. */
struct vml_virtio_vsock_refusal {
    uint64_t cid;        /**< whom the guest asked */
    uint32_t host_port;  /**< and where */
    uint32_t guest_port; /**< who asked */
    uint16_t type;       /**< of what socket */
};

/** @brief A socket device. Members are private but `virtio`. */
struct vml_virtio_vsock {
    struct vml_virtio virtio;                                /**< what a transport gets */
    struct vml_virtio_vsock_config config;                   /**< as given */
    uint8_t space[8];                                        /**< the config space */
    struct vml_virtio_queue queues[VML_VIRTIO_VSOCK_QUEUES]; /**< rx, tx, event */
    struct vml_mutex lock;  /**< of connections and all that follows; inside a queue's lock */
    uint32_t next_port;     /**< of the host, for vml_virtio_vsock_connect() */
    uint32_t refusal_count; /**< waiting */
    bool stalled;           /**< the tx queue waits for room for refusals */
    bool reset_event;       /**< TRANSPORT_RESET is to be sent */
    struct vml_virtio_vsock_refusal refusals[VML_VIRTIO_VSOCK_REFUSALS]; /**< RST to send */
    struct vml_virtq_buf rx_bufs[VML_VIRTIO_VSOCK_QUEUE_SIZE];           /**< of a chain */
    struct vml_virtq_buf tx_bufs[VML_VIRTIO_VSOCK_QUEUE_SIZE];           /**< of a chain */
    struct vml_virtq_buf event_bufs[VML_VIRTIO_VSOCK_QUEUE_SIZE];        /**< of a chain */
};

/** @brief Makes a socket device. @param config copied; storage in it is kept
 * @return VML_ERR_INVALID for a reserved CID, missing storage or back end, sizes that cannot be */
VML_MUST_CHECK enum vml_status vml_virtio_vsock_init(struct vml_virtio_vsock *vsock,
                                                     const struct vml_virtio_vsock_config *config);
/** @brief Ends its use, after its transport. Connections still there are closed. */
void vml_virtio_vsock_destroy(struct vml_virtio_vsock *vsock);

/** @brief Asks the guest for a connection, from a free port of the host. Any thread.
 *
 * `connected` or `closed` follows.
 * @param port the guest's
 * @param owner as conn->owner is to be
 * @param conn gets the connection
 * @return VML_ERR_STATE while there is no driver, VML_ERR_NO_MEMORY when the table is full */
VML_MUST_CHECK enum vml_status vml_virtio_vsock_connect(struct vml_virtio_vsock *vsock,
                                                        uint32_t port, void *owner,
                                                        struct vml_virtio_vsock_conn **conn);
/** @brief Accepts what the guest asked for by `connect`. Any thread. */
void vml_virtio_vsock_accept(struct vml_virtio_vsock_conn *conn);
/** @brief Sends bytes to the guest. One thread at a time for each connection.
 * @return how many were taken; `room` follows when they are fewer than `len` */
VML_MUST_CHECK size_t vml_virtio_vsock_send(struct vml_virtio_vsock_conn *conn,
                                            const uint8_t *bytes, size_t len);
/** @brief The back end takes bytes of the guest again. Any thread. */
void vml_virtio_vsock_ready(struct vml_virtio_vsock_conn *conn);
/** @brief Tells the guest that no more is sent, or received. With both, the guest is to end the
 * connection; how long to wait for that before a release is the back end's choice. Any thread.
 * @param what VML_VIRTIO_VSOCK_RECEIVE, VML_VIRTIO_VSOCK_SEND */
void vml_virtio_vsock_shutdown(struct vml_virtio_vsock_conn *conn, uint32_t what);
/** @brief Gives a connection back, and ends it by a RST where it has not ended. `gone` follows, maybe
 * in here. Any thread; once. */
void vml_virtio_vsock_release(struct vml_virtio_vsock_conn *conn);

#ifdef __cplusplus
}
#endif
/** @} */
#endif
