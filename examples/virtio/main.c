/*
 * A console and two network devices behind their MMIO transports, driven by a small driver instead
 * of a guest. Prints what moved. The driver is the one of the project's own tests.
 */
#include <stdio.h>

#include <vml/virtio_console.h>
#include <vml/virtio_net.h>
#include <vml/vswitch.h>

#include "virtio_driver.h"

/* ------------------------------------------------------------------------------------------
 * console */

static size_t print(void *context, const uint8_t *bytes, size_t len)
{
    (void)context;
    printf("console: the guest wrote %zu bytes: \"%.*s\"\n", len, (int)len, (const char *)bytes);
    return len;
}

static const struct vml_chardev_ops printer = {.push = print};

static int run_console(bool packed)
{
    static const char typed[] = "typed on the host";
    struct vd vd;
    struct vml_virtio_console console;
    struct vml_virtio_console_port port = {.peer = {&printer, NULL}, .console = true};
    struct vml_virtio_queue queues[VML_VIRTIO_CONSOLE_QUEUES(1)];
    struct vml_virtio_mmio mmio;
    struct vml_chardev end;
    uint32_t len = 0;

    vd_init(&vd, 4 << 20);
    struct vml_virtio_console_config config = {
        .platform = {.as = &vd.as}, .ports = &port, .port_count = 1, .queues = queues};
    struct vml_virtio_mmio_config transport = {.name = "console", .dev = &console.virtio};

    if (vml_virtio_console_init(&console, &config) != VML_OK ||
        vml_virtio_mmio_init(&mmio, &transport) != VML_OK) {
        return 1;
    }
    vd.device = &mmio.device;
    vd_start(&vd, VML_VIRTIO_F_VERSION_1 | (packed ? VML_VIRTIO_F_RING_PACKED : 0), 2, 16);

    struct vd_buf out = {vd_alloc(&vd, 64, 8), 11, false};
    struct vd_buf in = {vd_alloc(&vd, 64, 8), 64, true};

    memcpy(vd_host(&vd, out.gpa), "hello, host", 11);
    vd_add(&vd.q[1], &out, 1);
    vd_kick(&vd, &vd.q[1]);
    vd_add(&vd.q[0], &in, 1);
    vd_kick(&vd, &vd.q[0]);
    end = vml_virtio_console_end(&console, 0);
    vml_chardev_push(&end, (const uint8_t *)typed, sizeof(typed) - 1);
    if (vd_used(&vd.q[1], NULL) < 0 || vd_used(&vd.q[0], &len) < 0) {
        return 1;
    }
    printf("console: the guest read %u bytes: \"%.*s\"\n", len, (int)len,
           (const char *)vd_host(&vd, in.gpa));
    vml_virtio_mmio_destroy(&mmio);
    vml_virtio_console_destroy(&console);
    vd_free(&vd);
    return 0;
}

/* ------------------------------------------------------------------------------------------
 * network */

struct machine {
    struct vd vd;
    struct vml_virtio_net net;
    struct vml_virtio_net_pair pair;
    struct vml_virtio_queue queues[VML_VIRTIO_NET_QUEUES(1)];
    struct vml_virtio_mmio mmio;
};

static int make_machine(struct machine *m, struct vml_vswitch *vswitch, uint32_t number,
                        bool packed)
{
    vd_init(&m->vd, 4 << 20);
    struct vml_virtio_net_config config = {.platform = {.as = &m->vd.as},
                                           .peer = vml_vswitch_end(vswitch, number),
                                           .peer_can = VML_NET_CAN_CSUM,
                                           .mac = {2, 0, 0, 0, 0, (uint8_t)number},
                                           .pairs = &m->pair,
                                           .pair_count = 1,
                                           .queues = m->queues};
    struct vml_virtio_mmio_config transport = {.name = "net", .dev = &m->net.virtio};
    struct vml_net end;

    if (vml_virtio_net_init(&m->net, &config) != VML_OK ||
        vml_virtio_mmio_init(&m->mmio, &transport) != VML_OK) {
        return 1;
    }
    end = vml_virtio_net_end(&m->net);
    vml_vswitch_connect(vswitch, number, &end);
    m->vd.device = &m->mmio.device;
    vd_start(&m->vd,
             VML_VIRTIO_F_VERSION_1 | VML_VIRTIO_NET_F_MAC |
                 (packed ? VML_VIRTIO_F_RING_PACKED : 0),
             2, 64);
    for (unsigned i = 0; i < 32; i++) {
        struct vd_buf buf = {vd_alloc(&m->vd, 2048, 8), 1526, true};

        vd_add(&m->vd.q[0], &buf, 1);
    }
    vd_kick(&m->vd, &m->vd.q[0]);
    return 0;
}

static void destroy_machine(struct machine *m)
{
    vml_virtio_mmio_destroy(&m->mmio);
    vml_virtio_net_destroy(&m->net);
    vd_free(&m->vd);
}

static void send_frame(struct machine *m, uint8_t to, uint8_t from, uint32_t len)
{
    struct vd_buf bufs[2] = {{vd_alloc(&m->vd, 16, 8), 12, false},
                             {vd_alloc(&m->vd, 2048, 8), len, false}};
    uint8_t *frame = vd_host(&m->vd, bufs[1].gpa);
    const uint8_t head[14] = {2, 0, 0, 0, 0, to, 2, 0, 0, 0, 0, from, 0x88, 0xb5};

    memset(frame, 0x55, len);
    memcpy(frame, head, sizeof(head));
    vd_add(&m->vd.q[1], bufs, 2);
    vd_kick(&m->vd, &m->vd.q[1]);
}

static int run_net(bool packed)
{
    static struct machine a;
    static struct machine b;
    struct vml_vswitch vswitch;
    struct vml_vswitch_port ports[2] = {{0}, {0}};
    struct vml_vswitch_entry entries[16];
    struct vml_vswitch_config config = {
        .ports = ports, .port_count = 2, .entries = entries, .entry_count = 16};
    uint32_t len;
    unsigned frames = 0;
    unsigned bytes = 0;

    if (vml_vswitch_init(&vswitch, &config) != VML_OK || make_machine(&a, &vswitch, 0, packed) ||
        make_machine(&b, &vswitch, 1, packed)) {
        return 1;
    }
    for (unsigned i = 0; i < 20; i++) {
        send_frame(&a, 1, 0, 60 + 70 * i);
        while (vd_used(&b.vd.q[0], &len) >= 0) {
            frames++;
            bytes += len - 12;
        }
    }
    printf("net: machine A sent %llu frames of %llu bytes, machine B received %u of %u\n",
           (unsigned long long)vml_virtio_net_counters(&a.net).tx_frames,
           (unsigned long long)vml_virtio_net_counters(&a.net).tx_bytes, frames, bytes);
    printf("net: the switch passed %llu frames from port 0 to port 1\n",
           (unsigned long long)vml_vswitch_counters(&vswitch, 1).out_frames);
    vml_vswitch_disconnect(&vswitch, 0);
    vml_vswitch_disconnect(&vswitch, 1);
    destroy_machine(&a);
    destroy_machine(&b);
    vml_vswitch_destroy(&vswitch);
    return frames == 20 ? 0 : 1;
}

int main(void)
{
    for (int packed = 0; packed < 2; packed++) {
        printf("%s rings\n", packed ? "packed" : "split");
        if (run_console(packed) != 0 || run_net(packed) != 0) {
            fprintf(stderr, "something did not move\n");
            return 1;
        }
    }
    return 0;
}
