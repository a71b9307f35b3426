/*
 * Packet capture files: the classic format, of nanoseconds, whose numbers are in the host's order. `lock` is a
 * leaf; frames are passed on without it.
 */
#include <vml/pcap.h>

#include <errno.h>
#include <string.h>

#define MAGIC_NS      UINT32_C(0xa1b23c4d)
#define LINK_ETHERNET 1u

static void put(struct vml_pcap *pcap, const void *bytes, size_t len)
{
    if (fwrite(bytes, 1, len, pcap->file) != len) {
        pcap->failed = true;
    }
}

static void record(struct vml_pcap *pcap, const struct vml_net_frame *frame)
{
    uint64_t now = vml_platform_realtime_ns();
    size_t len = vml_net_copy(frame, 0, pcap->frame, sizeof(pcap->frame));
    const uint32_t head[4] = {(uint32_t)(now / 1000000000), (uint32_t)(now % 1000000000),
                              (uint32_t)len, frame->length};

    put(pcap, head, sizeof(head));
    put(pcap, pcap->frame, len);
}

/* Written before it is passed on: an answer comes behind it in the file. */
static bool pass(struct vml_pcap *pcap, const struct vml_net *to, const struct vml_net_frame *frame)
{
    vml_mutex_lock(&pcap->lock);
    record(pcap, frame);
    vml_mutex_unlock(&pcap->lock);
    return vml_net_send(to, frame);
}

static bool device_sends(void *context, const struct vml_net_frame *frame)
{
    struct vml_pcap *pcap = context;

    return pass(pcap, &pcap->network, frame);
}

static void device_is_ready(void *context)
{
    vml_net_ready(&((struct vml_pcap *)context)->network);
}

static void device_takes(void *context, uint32_t can)
{
    vml_net_offloads(&((struct vml_pcap *)context)->network, can);
}

static bool network_sends(void *context, const struct vml_net_frame *frame)
{
    struct vml_pcap *pcap = context;

    return pass(pcap, &pcap->device, frame);
}

static void network_is_ready(void *context)
{
    vml_net_ready(&((struct vml_pcap *)context)->device);
}

struct vml_net vml_pcap_to_network(struct vml_pcap *pcap, const struct vml_net *network)
{
    static const struct vml_net_ops ops = {
        .send = device_sends, .ready = device_is_ready, .offloads = device_takes};

    pcap->network = *network;
    return (struct vml_net){&ops, pcap};
}

struct vml_net vml_pcap_to_device(struct vml_pcap *pcap, const struct vml_net *device)
{
    static const struct vml_net_ops ops = {.send = network_sends, .ready = network_is_ready};

    pcap->device = *device;
    return (struct vml_net){&ops, pcap};
}

enum vml_status vml_pcap_open(struct vml_pcap *pcap, const char *path)
{
    const struct {
        uint32_t magic;
        uint16_t major, minor;
        uint32_t zone, accuracy, longest, link;
    } head = {MAGIC_NS, 2, 4, 0, 0, sizeof(pcap->frame), LINK_ETHERNET};

    memset(pcap, 0, sizeof(*pcap));
    pcap->file = fopen(path, "wbe");
    if (!pcap->file) {
        return errno == ENOENT ? VML_ERR_NOT_FOUND : errno == EACCES ? VML_ERR_ACCESS : VML_ERR_IO;
    }
    vml_mutex_init(&pcap->lock);
    put(pcap, &head, sizeof(head));
    return VML_OK;
}

enum vml_status vml_pcap_close(struct vml_pcap *pcap)
{
    bool failed = fclose(pcap->file) != 0 || pcap->failed;

    vml_mutex_destroy(&pcap->lock);
    return failed ? VML_ERR_IO : VML_OK;
}
