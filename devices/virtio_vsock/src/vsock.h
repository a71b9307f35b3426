/* What connections and queues share. */
#ifndef VML_VIRTIO_VSOCK_PRIVATE_H
#define VML_VIRTIO_VSOCK_PRIVATE_H

#include <vml/virtio_vsock.h>

enum { RX, TX, EVENT };

enum {
    OP_REQUEST = 1,
    OP_RESPONSE = 2,
    OP_RST = 3,
    OP_SHUTDOWN = 4,
    OP_RW = 5,
    OP_CREDIT_UPDATE = 6,
    OP_CREDIT_REQUEST = 7,
};

#define TYPE_STREAM 1u

/* struct virtio_vsock_hdr, 5.10.6. */
#define HEADER_SIZE 44u

struct header {
    uint64_t src_cid;
    uint64_t dst_cid;
    uint32_t src_port;
    uint32_t dst_port;
    uint32_t len;
    uint16_t type;
    uint16_t op;
    uint32_t flags;
    uint32_t buf_alloc;
    uint32_t fwd_cnt;
};

/* States of a connection. */
enum {
    FREE,
    ASKED,   /* the guest asked, the back end has not answered */
    CALLING, /* the back end asked, the guest has not answered */
    OPEN,
    LINGERING, /* ended cleanly by the guest, with bytes that the back end has yet to take */
    DEAD,
};

/* Packets of a connection, in the order in which they are sent. */
enum {
    PENDING_REQUEST = 1u << 0,
    PENDING_RESPONSE = 1u << 1,
    PENDING_CREDIT_UPDATE = 1u << 2,
    PENDING_CREDIT_REQUEST = 1u << 3,
    PENDING_SHUTDOWN = 1u << 4,
    PENDING_RST = 1u << 5,
};

enum { NEWS_CONNECT = 1u << 0, NEWS_CONNECTED = 1u << 1, NEWS_CLOSED = 1u << 2 };

/* Under the lock. */

struct vml_virtio_vsock_conn *conn_find(struct vml_virtio_vsock *vsock, uint32_t host_port,
                                        uint32_t guest_port);
/* @return NULL when the table is full */
struct vml_virtio_vsock_conn *conn_new(struct vml_virtio_vsock *vsock, uint8_t state,
                                       uint32_t host_port, uint32_t guest_port);
/* Ends it. @param rst the guest is to know */
void conn_kill(struct vml_virtio_vsock_conn *conn, bool rst);
/* Frees it when nobody needs it any more. */
void conn_settle(struct vml_virtio_vsock_conn *conn);
/* Bytes that the guest has room for. */
uint32_t conn_credit(const struct vml_virtio_vsock_conn *conn);
/* What the guest said in a header. */
void conn_receive(struct vml_virtio_vsock_conn *conn, const struct header *h,
                  const struct vml_virtq_chain *chain);
/* The header of a packet to the guest. */
void conn_header(struct vml_virtio_vsock_conn *conn, uint16_t op, uint32_t len, uint8_t *bytes);
void vsock_put_header(const struct header *h, uint8_t *bytes);

/* Without a lock. */

/* Calls the operations that are due, unless somebody does already. */
void conn_serve(struct vml_virtio_vsock_conn *conn);
/* Sends what waits, and goes on with the tx queue where that waited for it. */
void vsock_pump(struct vml_virtio_vsock *vsock);
/* Sends bytes of an open connection, as far as buffers and credit go. */
size_t vsock_send(struct vml_virtio_vsock_conn *conn, const uint8_t *bytes, size_t len);

#endif
