/* One thread reads frames and waits while the device has no buffer for one; frames are written by
 * who sends them. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <linux/if.h>
#include <linux/if_tun.h>

#include <vml/arch.h>
#include <vml/tap.h>

#include "host_error.h"
#include "host_thread.h"

#define HEADER_SIZE 10 /* struct virtio_net_hdr */
#define MAX_IOV     66

static bool tap_send(void *context, const struct vml_net_frame *frame)
{
    struct vml_tap *tap = context;
    uint8_t header[HEADER_SIZE] = {frame->flags, frame->gso_type};
    struct iovec iov[MAX_IOV];
    int n = 0;

    vml_store_le16(header + 2, frame->hdr_len);
    vml_store_le16(header + 4, frame->gso_size);
    vml_store_le16(header + 6, frame->csum_start);
    vml_store_le16(header + 8, frame->csum_offset);
    if (tap->header) {
        iov[n++] = (struct iovec){header, sizeof(header)};
    }
    if (frame->count > (uint32_t)(MAX_IOV - n)) {
        return true; /* dropped */
    }
    for (uint32_t i = 0; i < frame->count; i++) {
        iov[n++] = (struct iovec){frame->bufs[i].host, frame->bufs[i].len};
    }
    /* A full network drops, as networks do. */
    (void)!writev(tap->fd, iov, n);
    return true;
}

static void tap_ready(void *context)
{
    struct vml_tap *tap = context;

    (void)!write(tap->wake[1], "", 1);
}

/* The kernel is told what the guest takes. */
static void tap_offloads(void *context, uint32_t can)
{
    struct vml_tap *tap = context;
    unsigned flags = 0;

    flags |= can & VML_NET_CAN_CSUM ? TUN_F_CSUM : 0u;
    flags |= can & VML_NET_CAN_TSO4 ? TUN_F_TSO4 : 0u;
    flags |= can & VML_NET_CAN_TSO6 ? TUN_F_TSO6 : 0u;
    flags |= can & VML_NET_CAN_ECN ? TUN_F_TSO_ECN : 0u;
    if (tap->header) {
        (void)!ioctl(tap->fd, TUNSETOFFLOAD, flags);
    }
}

static const struct vml_net_ops ops = {
    .send = tap_send, .ready = tap_ready, .offloads = tap_offloads};

struct vml_net vml_tap_end(struct vml_tap *tap)
{
    return (struct vml_net){.ops = &ops, .context = tap};
}

/* @return true when the frame in the buffer is done with */
static bool deliver(struct vml_tap *tap, size_t len)
{
    const uint8_t *h = tap->frame;
    size_t skip = tap->header ? HEADER_SIZE : 0;
    struct vml_virtq_buf buf = {.host = tap->frame + skip, .len = (uint32_t)(len - skip)};
    struct vml_net_frame frame = {.bufs = &buf, .count = 1, .length = buf.len};

    if (len < skip) {
        return true;
    }
    if (tap->header) {
        frame.flags = h[0] & (VML_NET_NEEDS_CSUM | VML_NET_DATA_VALID);
        frame.gso_type = h[1];
        frame.hdr_len = vml_load_le16(h + 2);
        frame.gso_size = vml_load_le16(h + 4);
        frame.csum_start = vml_load_le16(h + 6);
        frame.csum_offset = vml_load_le16(h + 8);
    }
    return vml_net_send(&tap->peer, &frame);
}

static void *thread_main(void *context)
{
    struct vml_tap *tap = context;
    size_t len = 0; /* of a frame that waits */

    while (!atomic_load(&tap->stop)) {
        struct pollfd fds[2] = {{.fd = tap->wake[0], .events = POLLIN},
                                {.fd = len ? -1 : tap->fd, .events = POLLIN}};

        (void)poll(fds, 2, -1);
        if (fds[0].revents) {
            char drain[64];

            (void)!read(tap->wake[0], drain, sizeof(drain));
        }
        if (fds[1].revents) {
            ssize_t n = read(tap->fd, tap->frame, sizeof(tap->frame));

            if (n == 0 || (n < 0 && errno != EAGAIN)) {
                break; /* the interface is gone */
            }
            len = n > 0 ? (size_t)n : 0;
        }
        if (len != 0 && deliver(tap, len)) {
            len = 0;
        }
    }
    return NULL;
}

static enum vml_status prepare(struct vml_tap *tap, int fd)
{
    memset(tap, 0, sizeof(*tap));
    tap->fd = fd;
    (void)fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    if (pipe2(tap->wake, O_NONBLOCK | O_CLOEXEC) != 0) {
        return VML_ERR_IO;
    }
    return VML_OK;
}

enum vml_status vml_tap_from_fd(struct vml_tap *tap, int fd)
{
    return prepare(tap, fd);
}

enum vml_status vml_tap_open(struct vml_tap *tap, const char *name)
{
    struct ifreq request;
    enum vml_status status;
    int size = HEADER_SIZE;
    int little_endian = 1;
    int fd;

    if (strlen(name) >= sizeof(request.ifr_name)) {
        return VML_ERR_INVALID;
    }
    memset(&request, 0, sizeof(request));
    request.ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR;
    memcpy(request.ifr_name, name, strlen(name));
    fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
    if (fd < 0) {
        return host_status(errno);
    }
    if (ioctl(fd, TUNSETIFF, &request) < 0 || ioctl(fd, TUNSETVNETHDRSZ, &size) < 0 ||
        ioctl(fd, TUNSETVNETLE, &little_endian) < 0) {
        status = host_status(errno);
    } else {
        status = prepare(tap, fd);
    }
    if (status != VML_OK) {
        close(fd);
        return status;
    }
    tap->header = true;
    tap->can = VML_NET_CAN_CSUM | VML_NET_CAN_TSO4 | VML_NET_CAN_TSO6 | VML_NET_CAN_ECN;
    return VML_OK;
}

enum vml_status vml_tap_start(struct vml_tap *tap, const struct vml_net *peer)
{
    enum vml_status status;

    tap->peer = *peer;
    status = host_thread_start(&tap->thread, thread_main, tap);
    tap->started = status == VML_OK;
    return status;
}

void vml_tap_close(struct vml_tap *tap)
{
    if (tap->started) {
        atomic_store(&tap->stop, true);
        (void)!write(tap->wake[1], "", 1);
        pthread_join(tap->thread, NULL);
    }
    close(tap->fd);
    close(tap->wake[0]);
    close(tap->wake[1]);
}
