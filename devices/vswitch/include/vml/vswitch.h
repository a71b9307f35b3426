/**
 * @file
 * @brief A learning Ethernet switch between network devices and back ends.
 *
 * Frames pass through while their sender waits: from the sender's buffers right into the
 * receivers'.  The table of addresses is of fixed size and ages; what it does not know is flooded.
 * @defgroup vml_vswitch Switch
 * @{
 */
#ifndef VML_VSWITCH_H
#define VML_VSWITCH_H

#include <vml/clock.h>
#include <vml/net.h>

#ifdef __cplusplus
extern "C" {
#endif

/** @brief Addresses that share a place in the table. */
#define VML_VSWITCH_WAYS 4u

/** @brief What a port has done. */
struct vml_vswitch_counters {
    uint64_t in_frames;  /**< came from the port's peer */
    uint64_t in_bytes;   /**< in them */
    uint64_t out_frames; /**< went to it */
    uint64_t out_bytes;  /**< in them */
    uint64_t dropped;    /**< came or were to go, and were not */
};

struct vml_vswitch;

/** @brief A port. `isolated` is set by the caller, the rest is private. */
struct vml_vswitch_port {
    bool isolated;              /**< does not exchange frames with other isolated ports */
    struct vml_vswitch *owner;  /**< whose port it is */
    uint32_t index;             /**< its number */
    struct vml_net peer;        /**< who is connected; under the switch's lock */
    bool connected;             /**< somebody is; under the switch's lock */
    _Atomic uint32_t inside;    /**< frames being given to the peer */
    _Atomic uint64_t counts[5]; /**< in the order of struct vml_vswitch_counters */
};

/** @brief An address that was learned. Private. */
struct vml_vswitch_entry {
    uint64_t mac;   /**< the address; 0: free */
    uint64_t seen;  /**< when, in ticks of the clock */
    uint32_t port;  /**< where */
    uint32_t order; /**< among those that were seen */
};

/** @brief How a switch is made. */
struct vml_vswitch_config {
    struct vml_vswitch_port *ports;    /**< storage; kept */
    uint32_t port_count;               /**< at least 1 */
    struct vml_vswitch_entry *entries; /**< storage for the table; kept */
    uint32_t entry_count;              /**< a power of two, at least VML_VSWITCH_WAYS */
    struct vml_clock *clock;           /**< ages the table; NULL: addresses stay until replaced */
    uint64_t age_ns; /**< an address not seen for so long is forgotten; 0: 300 s */
};

/** @brief A switch. Members are private. Any number of threads. */
struct vml_vswitch {
    struct vml_vswitch_config config; /**< as given */
    struct vml_mutex lock;            /**< of table and connections */
    uint64_t age;                     /**< ticks */
    uint32_t order;                   /**< of the next address that is seen */
};

/** @brief Makes a switch with nobody connected. @param config copied
 * @return VML_ERR_INVALID for counts or storage that cannot be */
VML_MUST_CHECK enum vml_status vml_vswitch_init(struct vml_vswitch *vswitch,
                                                const struct vml_vswitch_config *config);
/** @brief Ends its use; nobody sends any more. */
void vml_vswitch_destroy(struct vml_vswitch *vswitch);
/** @brief A port as its peer sees it: send frames for the others to it. @param port below
 * `port_count` */
struct vml_net vml_vswitch_end(struct vml_vswitch *vswitch, uint32_t port);
/** @brief Connects a port to its peer, in place of the one before. */
void vml_vswitch_connect(struct vml_vswitch *vswitch, uint32_t port, const struct vml_net *peer);
/** @brief Disconnects a port, forgets its addresses, and waits until no frame is being given to the
 * peer. What the peer still sends is dropped. Not from inside the peer's `send`. */
void vml_vswitch_disconnect(struct vml_vswitch *vswitch, uint32_t port);
/** @brief A copy of a port's counters. */
struct vml_vswitch_counters vml_vswitch_counters(const struct vml_vswitch *vswitch, uint32_t port);

#ifdef __cplusplus
}
#endif
/** @} */
#endif
