/**
 * @file
 * @brief A TAP device of the host as a network.
 * @addtogroup vml_posix_backends
 * @{
 */
#ifndef VML_TAP_H
#define VML_TAP_H

#include <pthread.h>
#include <stdatomic.h>
#include <vml/net.h>

#ifdef __cplusplus
extern "C" {
#endif

/** @brief A TAP device. Members are private but `can`. */
struct vml_tap {
    int fd;                    /**< of /dev/net/tun, or given */
    uint32_t can;              /**< VML_NET_CAN_* for the device's `peer_can` */
    bool header;               /**< frames have virtio's header before them */
    struct vml_net peer;       /**< the device's end */
    int wake[2];               /**< a pipe that ends the thread's waiting */
    _Atomic bool stop;         /**< the thread is to end */
    bool started;              /**< it runs */
    pthread_t thread;          /**< reads frames */
    uint8_t frame[65562 + 12]; /**< being read */
};

/** @brief Opens an interface. @param name of it; the kernel makes one where it is not there and
 * that is allowed
 * @return VML_ERR_NOT_FOUND, VML_ERR_ACCESS, VML_ERR_IO, VML_ERR_INVALID; VML_ERR_BUSY when another
 * program has it open */
VML_MUST_CHECK enum vml_status vml_tap_open(struct vml_tap *tap, const char *name);
/** @brief Uses a descriptor that carries one frame a read and write, without headers, such as one
 * of a socket pair.
 * @param fd closed by vml_tap_close(); still the caller's after an error */
VML_MUST_CHECK enum vml_status vml_tap_from_fd(struct vml_tap *tap, int fd);
/** @brief The network's end, for the device's configuration. */
struct vml_net vml_tap_end(struct vml_tap *tap);
/** @brief Connects the device and begins to read. @param peer the device's end */
VML_MUST_CHECK enum vml_status vml_tap_start(struct vml_tap *tap, const struct vml_net *peer);
/** @brief Stops reading and closes. The device does not send any more. */
void vml_tap_close(struct vml_tap *tap);

#ifdef __cplusplus
}
#endif
/** @} */
#endif
