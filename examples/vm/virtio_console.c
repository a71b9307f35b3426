/* Virtio consoles, on the same kinds of back end as the serial line. */
#include "virtio.h"

#include <stdlib.h>
#include <vml/virtio_console.h>

struct hvc {
    struct vml_virtio_console console;
    struct vml_virtio_console_port port;
    struct vml_virtio_queue queues[VML_VIRTIO_CONSOLE_QUEUES(1)];
    struct vm_console host;
};

static struct vml_virtio *create(struct vm *vm, struct vm_virtio *v,
                                 const struct vml_virtio_platform *platform)
{
    struct hvc *hvc = v->device = calloc(1, sizeof(*hvc));
    struct vml_virtio_console_config config = {.platform = *platform, .port_count = 1};

    if (!hvc) {
        vm_fail("out of memory");
    }
    vm_console_open(&hvc->host, vm, "--virtio-console",
                    v->options->backend ? v->options->backend : "none");
    hvc->port.peer = vm_console_end(&hvc->host);
    hvc->port.console = true;
    config.ports = &hvc->port;
    config.queues = hvc->queues;
    vm_check(vml_virtio_console_init(&hvc->console, &config), v->options->name);
    return &hvc->console.virtio;
}

static void start(struct vm *vm, struct vm_virtio *v)
{
    struct hvc *hvc = v->device;

    (void)vm;
    vm_console_start(&hvc->host, vml_virtio_console_end(&hvc->console, 0));
}

static void stop(struct vm *vm, struct vm_virtio *v)
{
    struct hvc *hvc = v->device;

    (void)vm;
    vm_console_close(&hvc->host);
}

static void destroy(struct vm *vm, struct vm_virtio *v)
{
    struct hvc *hvc = v->device;

    (void)vm;
    vml_virtio_console_destroy(&hvc->console);
}

const struct vm_virtio_type vm_virtio_console_type = {
    .name = "console", .create = create, .start = start, .stop = stop, .destroy = destroy};
