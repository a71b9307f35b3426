/* What the data ports and the control queues of a console share. */
#ifndef VML_VIRTIO_CONSOLE_PRIVATE_H
#define VML_VIRTIO_CONSOLE_PRIVATE_H

#include <vml/virtio_console.h>

#define CONTROL_RX 2u
#define CONTROL_TX 3u

/* Receive and transmit queue of a port (5.3.2). */
static inline uint32_t rx_queue(uint32_t port)
{
    return port == 0 ? 0 : 2 * port + 2;
}

static inline uint32_t tx_queue(uint32_t port)
{
    return rx_queue(port) + 1;
}

/* Messages to the driver, in the order in which they are sent. */
enum {
    PENDING_REMOVE = 1u << 0,
    PENDING_ADD = 1u << 1,
    PENDING_CONSOLE = 1u << 2,
    PENDING_NAME = 1u << 3,
    PENDING_RESIZE = 1u << 4,
    PENDING_OPEN = 1u << 5,
    PENDING_ALL = (1u << 6) - 1,
};

/* Adds messages about a port, if there is one, and sends what fits. */
void console_tell(struct vml_virtio_console *console, uint32_t port, uint32_t pending);
/* Adds or takes away a port. */
void console_plug(struct vml_virtio_console *console, uint32_t port, bool present);
/* Sends what waits. */
void console_send_control(struct vml_virtio_console *console);
/* Serves the driver's control messages. */
void console_serve_control(struct vml_virtio_console *console);

#endif
