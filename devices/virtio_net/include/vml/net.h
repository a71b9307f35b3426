/**
 * @file
 * @brief Ethernet frames between a device and its network: one small interface for both directions.
 * @addtogroup vml_virtio_net
 * @{
 */
#ifndef VML_NET_H
#define VML_NET_H

#include <vml/virtq.h>

#ifdef __cplusplus
extern "C" {
#endif

/** @name What is left to do for a frame: as virtio's, and Linux's, header says it (virtio 1.3,
 * 5.1.6)
 * @{ */
#define VML_NET_NEEDS_CSUM                                                                         \
    1u /**< flags: the checksum from `csum_start` is to be put at `csum_offset` */
#define VML_NET_DATA_VALID 2u    /**< flags: checksums were verified */
#define VML_NET_GSO_NONE   0u    /**< gso_type: one packet */
#define VML_NET_GSO_TCPV4  1u    /**< gso_type: to be cut into TCP packets over IPv4 */
#define VML_NET_GSO_UDP    3u    /**< gso_type: to be cut into IP fragments of UDP */
#define VML_NET_GSO_TCPV6  4u    /**< gso_type: to be cut into TCP packets over IPv6 */
#define VML_NET_GSO_UDP_L4 5u    /**< gso_type: to be cut into UDP packets */
#define VML_NET_GSO_ECN    0x80u /**< gso_type: with ECN */
/** @} */

/** @name What an end can take
 * @{ */
#define VML_NET_CAN_CSUM 1u  /**< NEEDS_CSUM */
#define VML_NET_CAN_TSO4 2u  /**< GSO_TCPV4 */
#define VML_NET_CAN_TSO6 4u  /**< GSO_TCPV6 */
#define VML_NET_CAN_ECN  8u  /**< GSO_ECN */
#define VML_NET_CAN_UFO  16u /**< GSO_UDP */
#define VML_NET_CAN_USO  32u /**< GSO_UDP_L4 */
/** @} */

/** @brief Bytes of an Ethernet header. */
#define VML_NET_HEADER 14u
/** @brief Longest frame, offloaded ones included. */
#define VML_NET_MAX_FRAME 65562u

/** @brief A frame, in pieces, without checksum sequence. Valid during the call only. */
struct vml_net_frame {
    const struct vml_virtq_buf *bufs; /**< the pieces */
    uint32_t count;                   /**< of them */
    uint32_t length;                  /**< bytes in all */
    uint8_t flags;                    /**< VML_NET_NEEDS_CSUM, VML_NET_DATA_VALID */
    uint8_t gso_type;                 /**< VML_NET_GSO_* */
    uint16_t hdr_len;                 /**< headers up to the payload, with GSO; a hint */
    uint16_t gso_size;                /**< payload of each packet, with GSO */
    uint16_t csum_start;              /**< with NEEDS_CSUM: from here to the end */
    uint16_t csum_offset;             /**< from `csum_start` to where it goes */
};

/** @brief What an end does. Every member may be NULL. Any thread, no lock held. */
struct vml_net_ops {
    /** Takes a frame, or drops it for good. @return false: not now, `ready` will be called */
    bool (*send)(void *context, const struct vml_net_frame *frame);
    /** The other end, which refused a frame, would take one now. */
    void (*ready)(void *context);
    /** The device can take these (VML_NET_CAN_*) from now on. */
    void (*offloads)(void *context, uint32_t can);
};

/** @brief An end, as the other sees it. A value. All zero: nobody. */
struct vml_net {
    const struct vml_net_ops *ops; /**< NULL: nobody */
    void *context;                 /**< given to them */
};

/** @brief Gives a frame to an end. @return false: not now */
static inline bool vml_net_send(const struct vml_net *end, const struct vml_net_frame *frame)
{
    return !end->ops || !end->ops->send || end->ops->send(end->context, frame);
}

/** @brief Tells an end that had a frame refused to send again. */
static inline void vml_net_ready(const struct vml_net *end)
{
    if (end->ops && end->ops->ready) {
        end->ops->ready(end->context);
    }
}

/** @brief Tells an end what may be sent to the other. */
static inline void vml_net_offloads(const struct vml_net *end, uint32_t can)
{
    if (end->ops && end->ops->offloads) {
        end->ops->offloads(end->context, can);
    }
}

/** @brief Copies bytes out of a frame. @return bytes copied, at most `len` */
static inline size_t vml_net_copy(const struct vml_net_frame *frame, uint64_t offset, void *dst,
                                  size_t len)
{
    const struct vml_virtq_chain chain = {.bufs = (struct vml_virtq_buf *)(uintptr_t)frame->bufs,
                                          .readable = (uint16_t)frame->count};

    return vml_virtq_copy_from(&chain, offset, dst, len);
}

#ifdef __cplusplus
}
#endif
/** @} */
#endif
