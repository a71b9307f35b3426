/**
 * @file
 * @brief The virtio network device (virtio 1.3, 5.1).
 *
 * Frames go from the guest's memory to the back end and back without a copy in between but the one
 * into a receive buffer.  Offloads are the back end's: the device offers to the guest what
 * `peer_can` says, and tells the back end what the guest takes.  A frame without checksum is
 * finished here when the guest takes none such.
 *
 * With several queue pairs a flow stays on one of them, chosen by the device or, with RSS, by the
 * driver's own key and table.
 * @defgroup vml_virtio_net Virtio net
 * @{
 */
#ifndef VML_VIRTIO_NET_H
#define VML_VIRTIO_NET_H

#include <vml/clock_alarm.h>
#include <vml/net.h>
#include <vml/toeplitz.h>
#include <vml/virtio.h>

#ifdef __cplusplus
extern "C" {
#endif

/** @name Features (5.1.3)
 * @{ */
#define VML_VIRTIO_NET_F_CSUM                                                                      \
    VML_BIT64(0)                                           /**< the device takes frames without
        checksum */
#define VML_VIRTIO_NET_F_GUEST_CSUM          VML_BIT64(1)  /**< the driver takes them */
#define VML_VIRTIO_NET_F_CTRL_GUEST_OFFLOADS VML_BIT64(2)  /**< offloads can be switched */
#define VML_VIRTIO_NET_F_MTU                 VML_BIT64(3)  /**< mtu is valid */
#define VML_VIRTIO_NET_F_MAC                 VML_BIT64(5)  /**< mac is valid */
#define VML_VIRTIO_NET_F_GUEST_TSO4          VML_BIT64(7)  /**< the driver takes TCP over IPv4 */
#define VML_VIRTIO_NET_F_GUEST_TSO6          VML_BIT64(8)  /**< the driver takes TCP over IPv6 */
#define VML_VIRTIO_NET_F_GUEST_ECN           VML_BIT64(9)  /**< ... with ECN */
#define VML_VIRTIO_NET_F_GUEST_UFO           VML_BIT64(10) /**< the driver takes UDP fragments */
#define VML_VIRTIO_NET_F_HOST_TSO4           VML_BIT64(11) /**< the device takes TCP over IPv4 */
#define VML_VIRTIO_NET_F_HOST_TSO6           VML_BIT64(12) /**< the device takes TCP over IPv6 */
#define VML_VIRTIO_NET_F_HOST_ECN            VML_BIT64(13) /**< ... with ECN */
#define VML_VIRTIO_NET_F_HOST_UFO                                                                  \
    VML_BIT64(14)                                    /**< the device takes UDP to be
        fragmented */
#define VML_VIRTIO_NET_F_MRG_RXBUF     VML_BIT64(15) /**< a frame may take several buffers */
#define VML_VIRTIO_NET_F_STATUS        VML_BIT64(16) /**< status is valid */
#define VML_VIRTIO_NET_F_CTRL_VQ       VML_BIT64(17) /**< control queue */
#define VML_VIRTIO_NET_F_CTRL_RX       VML_BIT64(18) /**< receive modes */
#define VML_VIRTIO_NET_F_CTRL_VLAN     VML_BIT64(19) /**< VLAN filter */
#define VML_VIRTIO_NET_F_CTRL_RX_EXTRA VML_BIT64(20) /**< more receive modes */
#define VML_VIRTIO_NET_F_GUEST_ANNOUNCE                                                            \
    VML_BIT64(21)                                    /**< the driver announces itself on
        demand */
#define VML_VIRTIO_NET_F_MQ            VML_BIT64(22) /**< several queue pairs */
#define VML_VIRTIO_NET_F_CTRL_MAC_ADDR VML_BIT64(23) /**< the MAC address can be set */
#define VML_VIRTIO_NET_F_VQ_NOTF_COAL  VML_BIT64(52) /**< notifications of a queue can wait */
#define VML_VIRTIO_NET_F_NOTF_COAL     VML_BIT64(53) /**< notifications can wait */
#define VML_VIRTIO_NET_F_GUEST_USO4    VML_BIT64(54) /**< the driver takes UDP over IPv4 */
#define VML_VIRTIO_NET_F_GUEST_USO6    VML_BIT64(55) /**< the driver takes UDP over IPv6 */
#define VML_VIRTIO_NET_F_HOST_USO      VML_BIT64(56) /**< the device takes UDP to be cut */
#define VML_VIRTIO_NET_F_HASH_REPORT   VML_BIT64(57) /**< frames come with their hash */
#define VML_VIRTIO_NET_F_RSS           VML_BIT64(60) /**< the driver steers by hash */
#define VML_VIRTIO_NET_F_SPEED_DUPLEX  VML_BIT64(63) /**< speed and duplex are valid */
/** @} */

/** @brief Largest Queue Size. */
#define VML_VIRTIO_NET_QUEUE_SIZE 256u
/** @brief Buffers of one chain. */
#define VML_VIRTIO_NET_MAX_BUFS 64u
/** @brief Receive buffers that one frame may take (MRG_RXBUF). */
#define VML_VIRTIO_NET_MAX_MERGE 64u
/** @brief Queues of a device with `pairs` queue pairs. */
#define VML_VIRTIO_NET_QUEUES(pairs) (2u * (pairs) + 1u)
/** @brief The most queue pairs. */
#define VML_VIRTIO_NET_MAX_PAIRS 64u
/** @brief MAC addresses that the receive filter holds; with more it lets everything of their kind
 * through. */
#define VML_VIRTIO_NET_MAC_TABLE 64u

/** @name Hash types (5.1.6.4.3); a hash report is the number of the type's bit, from 1 on
 * @{ */
#define VML_VIRTIO_NET_HASH_TYPE_IPv4   1u   /**< IPv4: the addresses */
#define VML_VIRTIO_NET_HASH_TYPE_TCPv4  2u   /**< TCP over IPv4: addresses and ports */
#define VML_VIRTIO_NET_HASH_TYPE_UDPv4  4u   /**< UDP over IPv4: addresses and ports */
#define VML_VIRTIO_NET_HASH_TYPE_IPv6   8u   /**< IPv6: the addresses */
#define VML_VIRTIO_NET_HASH_TYPE_TCPv6  16u  /**< TCP over IPv6: addresses and ports */
#define VML_VIRTIO_NET_HASH_TYPE_UDPv6  32u  /**< UDP over IPv6: addresses and ports */
#define VML_VIRTIO_NET_HASH_TYPE_IP_EX  64u  /**< IPv6 with extension headers: home addresses */
#define VML_VIRTIO_NET_HASH_TYPE_TCP_EX 128u /**< TCP over that: home addresses and ports */
#define VML_VIRTIO_NET_HASH_TYPE_UDP_EX 256u /**< UDP over that: home addresses and ports */
/** @} */

/** @brief All hash types: the device supports them. */
#define VML_VIRTIO_NET_HASH_TYPES 0x1ffu
/** @brief Entries of the largest indirection table. */
#define VML_VIRTIO_NET_RSS_TABLE 128u

/** @brief What the driver told to hash and how to steer by it. Private. */
struct vml_virtio_net_steering {
    uint32_t hash_types;                     /**< enabled */
    bool by_hash;                            /**< RSS_CONFIG was the last command about queues */
    uint8_t mask;                            /**< of `table`, with `by_hash` */
    uint8_t unclassified;                    /**< pair of frames without hash, with `by_hash` */
    uint8_t table[VML_VIRTIO_NET_RSS_TABLE]; /**< pairs, with `by_hash` */
    uint8_t key[VML_TOEPLITZ_KEY];           /**< zeroes behind a shorter one */
};

/** @brief Storage for hashing frames and steering by hash. Private; under the device's lock. */
struct vml_virtio_net_rss {
    struct vml_virtio_net_steering steering; /**< see there */
    struct vml_toeplitz toeplitz;            /**< its key, made ready */
};

/** @brief How long notifications may wait (5.1.6.5.9): not at all if either is 0. Private. */
struct vml_virtio_net_coalescing {
    uint32_t max_packets; /**< packets until one */
    uint32_t max_usecs;   /**< microseconds until one */
};

/** @brief A queue's notifications that wait. Private; under `lock`. */
struct vml_virtio_net_notifier {
    struct vml_virtio_queue *queue;       /**< whose they are */
    struct vml_clock *clock;              /**< what `max_usecs` are measured by */
    struct vml_mutex lock;                /**< of what follows, as far as it is not atomic */
    struct vml_virtio_net_coalescing set; /**< as told */
    uint64_t ticks;                       /**< of the clock in `max_usecs` */
    uint64_t began;                       /**< the tick of the first packet counted */
    uint32_t packets;                     /**< counted */
    bool wanted;                          /**< the driver is to be told */
    bool waiting;                         /**< ... when `alarm` rings at the latest */
    _Atomic bool active;                  /**< notifications may wait */
    _Atomic bool missed;                  /**< the driver is to be told once the queue is open */
    struct vml_clock_alarm alarm;         /**< the end of `ticks` */
};

/** @brief A queue pair's storage. Private. */
struct vml_virtio_net_pair {
    struct vml_virtq_buf tx_bufs[VML_VIRTIO_NET_MAX_BUFS];      /**< of the frame being sent */
    struct vml_virtq_buf rx_bufs[2 * VML_VIRTIO_NET_MAX_BUFS];  /**< of the frame being received */
    struct vml_virtq_chain rx_chains[VML_VIRTIO_NET_MAX_MERGE]; /**< of it */
    _Atomic bool refused;                                       /**< the peer waits for `ready` */
    struct vml_virtio_net_notifier notifiers[2];                /**< of receiveq and transmitq */
};

/** @brief How a network device is made. */
struct vml_virtio_net_config {
    struct vml_virtio_platform platform; /**< see there */
    struct vml_net peer;                 /**< the network */
    uint32_t peer_can; /**< VML_NET_CAN_* that the peer takes, and offers to the guest */
    uint8_t mac[6];    /**< the device's address */
    uint16_t mtu;      /**< 0: not told; else at least 68 */
    uint32_t speed;    /**< Mbit/s; 0: not told */
    bool half_duplex;  /**< with `speed` */
    bool link_down;    /**< at first */
    struct vml_virtio_net_pair *pairs; /**< storage for `pair_count` of them; kept */
    uint16_t pair_count;               /**< 1 to VML_VIRTIO_NET_MAX_PAIRS; more than one: MQ */
    struct vml_virtio_queue *queues;   /**< VML_VIRTIO_NET_QUEUES(pair_count) of them; kept */
    /** Storage, kept: RSS and HASH_REPORT are offered, if not in `platform.features_off`. NULL: not. */
    struct vml_virtio_net_rss *rss;
    /** Not NULL: NOTF_COAL and VQ_NOTF_COAL are offered, if not in `platform.features_off`. */
    struct vml_clock *clock;
};

/** @brief What the driver told to receive. Private; under `lock`. */
struct vml_virtio_net_filter {
    bool promisc;                              /**< everything */
    bool allmulti;                             /**< all multicast */
    bool alluni;                               /**< all unicast */
    bool nomulti;                              /**< no multicast */
    bool nouni;                                /**< no unicast */
    bool nobcast;                              /**< no broadcast */
    bool uni_overflow;                         /**< more unicast addresses than fit */
    bool multi_overflow;                       /**< more multicast addresses than fit */
    bool vlans;                                /**< the VLAN filter is on */
    uint32_t uni_count;                        /**< of `macs`: first unicast */
    uint32_t mac_count;                        /**< of `macs`: all */
    uint8_t mac[6];                            /**< the device's address as it is now */
    uint8_t macs[VML_VIRTIO_NET_MAC_TABLE][6]; /**< the table */
    uint64_t vlan_bits[64];                    /**< VLAN ids that pass */
};

/** @brief Counters; read with vml_virtio_net_counters(). */
struct vml_virtio_net_counters {
    uint64_t tx_frames;  /**< handed to the peer */
    uint64_t tx_bytes;   /**< in them */
    uint64_t tx_dropped; /**< malformed, or refused by the peer */
    uint64_t rx_frames;  /**< put into the guest's buffers */
    uint64_t rx_bytes;   /**< in them */
    uint64_t rx_dropped; /**< did not fit, or filtered */
};

/** @brief A network device. Members are private but `virtio`. */
struct vml_virtio_net {
    struct vml_virtio virtio;            /**< what a transport gets */
    struct vml_virtio_net_config config; /**< as given */
    uint8_t space[24];                   /**< the config space */
    struct vml_mutex lock;               /**< of what follows, and `config.rss` */
    struct vml_virtio_net_filter filter; /**< see there */
    uint64_t guest_offloads;             /**< features that the driver wants at present */
    struct vml_virtio_net_coalescing coalescing[2]; /**< of all receiveqs and all transmitqs */
    _Atomic uint32_t pairs;                         /**< queue pairs in use */
    _Atomic bool link;                              /**< the link is up */
    _Atomic uint64_t counts[6]; /**< in the order of struct vml_virtio_net_counters */
    struct vml_virtq_buf control_bufs[VML_VIRTIO_NET_MAX_BUFS]; /**< of a command */
};

/** @brief Makes a network device. @param config copied; storage in it is kept
 * @return VML_ERR_INVALID for numbers that cannot be */
VML_MUST_CHECK enum vml_status vml_virtio_net_init(struct vml_virtio_net *net,
                                                   const struct vml_virtio_net_config *config);
/** @brief Ends its use, after its transport; its peer sends no more. */
void vml_virtio_net_destroy(struct vml_virtio_net *net);
/** @brief The device as its network sees it: send frames for the guest to it. */
struct vml_net vml_virtio_net_end(struct vml_virtio_net *net);
/** @brief Takes the link up or down, and tells the guest. Any thread. */
void vml_virtio_net_set_link(struct vml_virtio_net *net, bool up);
/** @brief Asks the guest to announce itself (after it moved). Any thread. */
void vml_virtio_net_announce(struct vml_virtio_net *net);
/** @brief A copy of the counters. */
struct vml_virtio_net_counters vml_virtio_net_counters(const struct vml_virtio_net *net);

#ifdef __cplusplus
}
#endif
/** @} */
#endif
