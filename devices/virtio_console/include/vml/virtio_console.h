/**
 * @file
 * @brief The virtio console (virtio 1.3, 5.3): ports of characters, with SIZE, MULTIPORT and
 * EMERG_WRITE.
 * @defgroup vml_virtio_console Virtio console
 * @{
 */
#ifndef VML_VIRTIO_CONSOLE_H
#define VML_VIRTIO_CONSOLE_H

#include <vml/chardev.h>
#include <vml/virtio.h>

#ifdef __cplusplus
extern "C" {
#endif

/** @name Features
 * @{ */
#define VML_VIRTIO_CONSOLE_F_SIZE        VML_BIT64(0) /**< cols and rows are valid */
#define VML_VIRTIO_CONSOLE_F_MULTIPORT   VML_BIT64(1) /**< ports and control queues */
#define VML_VIRTIO_CONSOLE_F_EMERG_WRITE VML_BIT64(2) /**< emerg_wr works */
/** @} */

/** @brief Largest Queue Size. */
#define VML_VIRTIO_CONSOLE_QUEUE_SIZE 64u
/** @brief Queues of a console with `ports` ports; one port means no MULTIPORT. */
#define VML_VIRTIO_CONSOLE_QUEUES(ports) ((ports) == 1 ? 2u : 2u * (ports) + 2u)
/** @brief The most ports. */
#define VML_VIRTIO_CONSOLE_MAX_PORTS 64u
/** @brief Longest port name, without a zero. */
#define VML_VIRTIO_CONSOLE_MAX_NAME 63u

struct vml_virtio_console;

/** @brief A port. The first members are set by the caller, the others are private. */
struct vml_virtio_console_port {
    struct vml_chardev peer; /**< its back end: gets what the guest writes */
    const char *name;        /**< NULL, or for the guest's udev; not owned */
    bool console;            /**< the guest may use it as a console (hvc) */
    bool absent;             /**< not there yet: vml_virtio_console_plug() adds it */

    struct vml_virtio_console *owner;                             /**< whose port it is */
    uint32_t index;                                               /**< its number */
    uint32_t pending;                                             /**< control messages to send */
    _Atomic bool guest_open;                                      /**< the guest has it open */
    _Atomic bool host_open;                                       /**< the back end is there */
    bool announced;                                               /**< the driver was told of it */
    _Atomic bool refused;                                         /**< the peer waits for `ready` */
    bool holding;                                                 /**< `out` is not done yet */
    uint64_t held_at;                                             /**< bytes of `out` that are */
    struct vml_virtq_chain out;                                   /**< being written to the peer */
    struct vml_virtq_buf out_bufs[VML_VIRTIO_CONSOLE_QUEUE_SIZE]; /**< of `out` */
    struct vml_virtq_buf in_bufs[VML_VIRTIO_CONSOLE_QUEUE_SIZE];  /**< of receive buffers */
};

/** @brief How a console is made. */
struct vml_virtio_console_config {
    struct vml_virtio_platform platform;   /**< see there */
    struct vml_virtio_console_port *ports; /**< storage; its first members set; kept */
    uint32_t port_count;                   /**< 1: a plain console; more: MULTIPORT */
    struct vml_virtio_queue *queues; /**< VML_VIRTIO_CONSOLE_QUEUES(port_count) of them; kept */
    uint16_t cols;                   /**< of the terminal; 0: SIZE is not offered */
    uint16_t rows;                   /**< of the terminal */
    /** RESIZE of a MULTIPORT console has the rows before the columns. The specification has the
     * columns first (5.3.6.2); Linux had it the other way round until 6.14, and kernels of both kinds
     * are in use. Consoles of one port have their size in the config space, where all agree. */
    bool resize_rows_first;
};

/** @brief A console. Members are private but `virtio`. */
struct vml_virtio_console {
    struct vml_virtio virtio;                /**< what a transport gets */
    struct vml_virtio_console_config config; /**< as given */
    uint8_t space[12];                       /**< the config space */
    _Atomic uint32_t dimensions;             /**< cols, and rows in the upper half */
    bool device_ready; /**< the driver said DEVICE_READY; under the control queue's lock */
    struct vml_virtq_buf control_in[VML_VIRTIO_CONSOLE_QUEUE_SIZE];  /**< of control receiveq */
    struct vml_virtq_buf control_out[VML_VIRTIO_CONSOLE_QUEUE_SIZE]; /**< of control transmitq */
};

/** @brief Makes a console. @param config copied; storage in it is kept
 * @return VML_ERR_INVALID for a number of ports that cannot be */
VML_MUST_CHECK enum vml_status
vml_virtio_console_init(struct vml_virtio_console *console,
                        const struct vml_virtio_console_config *config);
/** @brief Ends its use, after its transport. */
void vml_virtio_console_destroy(struct vml_virtio_console *console);

/** @brief A port as its back end sees it: push bytes for the guest into it. VML_CHARDEV_OPENED and
 * CLOSED tell the guest whether somebody is there; at first somebody is.
 * @param port below `port_count` */
struct vml_chardev vml_virtio_console_end(struct vml_virtio_console *console, uint32_t port);
/** @brief The terminal's size changed. Any thread. */
void vml_virtio_console_resize(struct vml_virtio_console *console, uint16_t cols, uint16_t rows);
/** @brief Adds (or takes away) a port of a MULTIPORT console while the guest runs. Any thread; nothing
 * happens when it is (or is not) there already. */
void vml_virtio_console_plug(struct vml_virtio_console *console, uint32_t port, bool present);

#ifdef __cplusplus
}
#endif
/** @} */
#endif
