/* A console of three ports; the fuzzer also is the peers, which take what they like. */
#include "virtio_fuzz.h"
#include <vml/virtio_console.h>

enum { PORTS = 3 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct vml_virtio_console console;
static size_t room;

static size_t peer_push(void *context, const uint8_t *bytes, size_t len)
{
    size_t n = len < room ? len : room;

    (void)context;
    for (size_t i = 0; i < n; i++) {
        (void)*(const volatile uint8_t *)&bytes[i];
    }
    room -= n;
    return n;
}

static const struct vml_chardev_ops peer_ops = {.push = peer_push};

static void extra(struct vf *vf, uint8_t command)
{
    uint32_t port = (uint32_t)vf_take(vf, 1) % PORTS;
    struct vml_chardev end = vml_virtio_console_end(&console, port);
    uint8_t bytes[64] = {0};

    room = vf_take(vf, 1) * 16;
    switch (command & 7) {
    case 0:
        vml_chardev_push(&end, bytes, vf_take(vf, 1) % 64);
        break;
    case 1:
        vml_chardev_ready(&end);
        break;
    case 2:
        vml_chardev_event(&end, command & 8 ? VML_CHARDEV_OPENED : VML_CHARDEV_CLOSED);
        break;
    case 3:
        vml_virtio_console_resize(&console, (uint16_t)vf_take(vf, 2), 1);
        break;
    case 4:
        vml_virtio_console_plug(&console, port, command & 8);
        break;
    case 5:
        vml_virtio_drain(&console.virtio);
        vml_virtio_resume(&console.virtio);
        break;
    default:
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct vf vf;
    static struct vml_virtio_console_port ports[PORTS];
    static struct vml_virtio_queue queues[VML_VIRTIO_CONSOLE_QUEUES(PORTS)];
    struct vml_virtio_console_config config = {
        .ports = ports, .port_count = PORTS, .queues = queues, .cols = 80, .rows = 25};

    memset(ports, 0, sizeof(ports));
    room = 1000;
    for (unsigned i = 0; i < PORTS; i++) {
        ports[i].peer = (struct vml_chardev){&peer_ops, NULL};
        ports[i].name = i == 1 ? "port" : NULL;
        ports[i].console = i == 0;
    }
    vf_begin(&vf, data, size);
    config.platform.as = &vf.vd.as;
    VD_CHECK(vml_virtio_console_init(&console, &config) == VML_OK);
    vf.extra = extra;
    vf_run(&vf, &console.virtio, VML_VIRTIO_CONSOLE_QUEUES(PORTS), size & 1);
    vml_virtio_console_destroy(&console);
    vf_end(&vf);
    return 0;
}
