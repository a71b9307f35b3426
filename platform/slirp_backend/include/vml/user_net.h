/**
 * @file
 * @brief User-mode networking: a NAT with DHCP and DNS in this process, by libslirp. Needs no
 * privileges.
 *
 * The guest gets 10.0.2.15, its gateway is 10.0.2.2 (which is also this host's loopback interface),
 * its name server 10.0.2.3 (the one that this host uses). For IPv6 it makes itself an address in
 * fec0::/64; gateway and name server are fec0::2 and fec0::3.
 * @defgroup vml_user_net User-mode networking
 * @{
 */
#ifndef VML_USER_NET_H
#define VML_USER_NET_H

#include <pthread.h>
#include <stdatomic.h>
#include <vml/net.h>

#ifdef __cplusplus
extern "C" {
#endif

/** @brief Frames that wait for the guest, or from it. */
#define VML_USER_NET_RING 64u
/** @brief Longest frame. */
#define VML_USER_NET_FRAME 1600u
/** @brief Timers that libslirp uses. */
#define VML_USER_NET_TIMERS 8u

/** @brief Frames on their way. Private; under the lock. */
struct vml_user_net_ring {
    uint32_t head;                                        /**< the next to be taken */
    uint32_t count;                                       /**< waiting */
    uint32_t len[VML_USER_NET_RING];                      /**< bytes of each */
    uint8_t frame[VML_USER_NET_RING][VML_USER_NET_FRAME]; /**< the frames */
};

/** @brief A timer of libslirp. Private; of the thread. */
struct vml_user_net_timer {
    void (*fn)(void *opaque); /**< NULL: free */
    void *opaque;             /**< given to it */
    int64_t expires_ms;       /**< -1: not armed */
};

/** @brief A user-mode network. Members are private. libslirp runs on one thread of its own. */
struct vml_user_net {
    void *slirp;                         /**< struct Slirp; of the thread once it runs */
    struct vml_net peer;                 /**< the device's end */
    int wake[2];                         /**< a pipe that ends the thread's waiting */
    _Atomic bool stop;                   /**< the thread is to end */
    bool started;                        /**< it runs */
    pthread_t thread;                    /**< runs libslirp */
    pthread_mutex_t lock;                /**< of `from_guest`, `refused` */
    bool refused;                        /**< the device waits for `ready`; under the lock */
    struct vml_user_net_ring from_guest; /**< what the guest sent */
    struct vml_user_net_ring to_guest;   /**< what the guest had no buffer for; of the thread */
    struct vml_user_net_timer timers[VML_USER_NET_TIMERS]; /**< see there */
};

/** @brief Makes a network. @return VML_ERR_IO */
VML_MUST_CHECK enum vml_status vml_user_net_open(struct vml_user_net *net);
/** @brief Forwards a port of this host to the guest; before vml_user_net_start().
 * @param udp UDP, else TCP @param host_port on 127.0.0.1 @param guest_port of 10.0.2.15
 * @return VML_ERR_BUSY when the host's port is taken */
VML_MUST_CHECK enum vml_status vml_user_net_forward(struct vml_user_net *net, bool udp,
                                                    uint16_t host_port, uint16_t guest_port);
/** @brief The network's end, for the device's configuration (`peer_can` 0). */
struct vml_net vml_user_net_end(struct vml_user_net *net);
/** @brief Connects the device and starts the thread. @param peer the device's end */
VML_MUST_CHECK enum vml_status vml_user_net_start(struct vml_user_net *net,
                                                  const struct vml_net *peer);
/** @brief Stops it. The device does not send any more. */
void vml_user_net_close(struct vml_user_net *net);

#ifdef __cplusplus
}
#endif
/** @} */
#endif
