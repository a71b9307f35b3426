/* Networks: libslirp's user-mode network, a TAP interface, a switch of this process, or nowhere; and what goes
 * over them in a file. */
#include "virtio.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vml/pcap.h>
#include <vml/tap.h>
#include <vml/user_net.h>
#include <vml/virtio_net.h>
#include <vml/vswitch.h>

enum { SWITCHES = 4, PORTS = 8, ADDRESSES = 256 };

/* A switch that devices of this process are plugged into by its name. */
struct lan {
    const char *name;
    struct vml_vswitch vswitch;
    struct vml_vswitch_port ports[PORTS];
    struct vml_vswitch_entry entries[ADDRESSES];
    unsigned used;
};

static struct lan lans[SWITCHES];

enum kind { NOWHERE, USER, TAP, SWITCH };

struct nic {
    struct vml_virtio_net net;
    struct vml_virtio_net_pair pair;
    struct vml_virtio_queue queues[VML_VIRTIO_NET_QUEUES(1)];
    enum kind kind;
    struct vml_user_net user;
    struct vml_tap tap;
    struct lan *lan;
    unsigned port;
    struct vml_pcap pcap;
    const char *pcap_file; /* NULL: frames are not recorded */
};

static void join_lan(struct nic *nic, const char *name)
{
    struct lan *lan = lans;

    while (lan->name && strcmp(lan->name, name) != 0) {
        if (++lan == lans + SWITCHES) {
            vm_fail("--net 'switch=%s': there is room for %d switches", name, SWITCHES);
        }
    }
    if (!lan->name) {
        const struct vml_vswitch_config config = {.ports = lan->ports,
                                                  .port_count = PORTS,
                                                  .entries = lan->entries,
                                                  .entry_count = ADDRESSES};

        lan->name = name;
        vm_check(vml_vswitch_init(&lan->vswitch, &config), "switch");
    }
    if (lan->used == PORTS) {
        vm_fail("--net 'switch=%s': its %d ports are taken", name, PORTS);
    }
    nic->lan = lan;
    nic->port = lan->used++;
}

static void open_backend(struct vm *vm, struct nic *nic, const char *backend)
{
    enum vml_status status;

    if (!backend || strcmp(backend, "none") == 0) {
        nic->kind = NOWHERE;
        return;
    }
    if (vm->options.deterministic) {
        vm_fail("--net '%s': a deterministic machine has no network but none", backend);
    }
    if (strcmp(backend, "user") == 0) {
        nic->kind = USER;
        vm_check(vml_user_net_open(&nic->user), "user-mode network");
    } else if (strncmp(backend, "tap=", 4) == 0) {
        nic->kind = TAP;
        status = vml_tap_open(&nic->tap, backend + 4);
        if (status != VML_OK) {
            vm_fail("--net '%s': the interface cannot be opened (%s)", backend,
                    vml_status_name(status));
        }
    } else if (strncmp(backend, "switch=", 7) == 0 && backend[7]) {
        nic->kind = SWITCH;
        join_lan(nic, backend + 7);
    } else {
        vm_fail("--net '%s': must be user, tap=IF, switch=NAME or none", backend);
    }
}

static void open_record(struct nic *nic, const char *file)
{
    enum vml_status status = vml_pcap_open(&nic->pcap, file);

    if (status != VML_OK) {
        vm_fail("--net: pcap '%s' cannot be written (%s)", file, vml_status_name(status));
    }
    nic->pcap_file = file;
}

static struct vml_virtio *create(struct vm *vm, struct vm_virtio *v,
                                 const struct vml_virtio_platform *platform)
{
    struct nic *nic = v->device = calloc(1, sizeof(*nic));
    struct vml_virtio_net_config config = {
        .platform = *platform,
        /* Locally administered; machine and device. */
        .mac = {0x52, 0x54, 0x00, 0x76, (uint8_t)vm->number, (uint8_t)(v - vm->virtio)},
        .pair_count = 1,
    };

    if (!nic) {
        vm_fail("out of memory");
    }
    open_backend(vm, nic, v->options->backend);
    if (v->options->pcap) {
        open_record(nic, v->options->pcap);
    }
    config.pairs = &nic->pair;
    config.queues = nic->queues;
    if (nic->kind == USER) {
        config.peer = vml_user_net_end(&nic->user);
    } else if (nic->kind == TAP) {
        config.peer = vml_tap_end(&nic->tap);
        config.peer_can = nic->tap.can;
    } else if (nic->kind == SWITCH) {
        config.peer = vml_vswitch_end(&nic->lan->vswitch, nic->port);
    }
    if (nic->pcap_file) {
        config.peer = vml_pcap_to_network(&nic->pcap, &config.peer);
    }
    vm_check(vml_virtio_net_init(&nic->net, &config), v->options->name);
    return &nic->net.virtio;
}

static void start(struct vm *vm, struct vm_virtio *v)
{
    struct nic *nic = v->device;
    struct vml_net end = vml_virtio_net_end(&nic->net);

    (void)vm;
    if (nic->pcap_file) {
        end = vml_pcap_to_device(&nic->pcap, &end);
    }
    if (nic->kind == USER) {
        vm_check(vml_user_net_start(&nic->user, &end), "user-mode network");
    } else if (nic->kind == TAP) {
        vm_check(vml_tap_start(&nic->tap, &end), "tap");
    } else if (nic->kind == SWITCH) {
        vml_vswitch_connect(&nic->lan->vswitch, nic->port, &end);
    }
}

static void stop(struct vm *vm, struct vm_virtio *v)
{
    struct nic *nic = v->device;

    (void)vm;
    if (nic->kind == USER) {
        vml_user_net_close(&nic->user);
    } else if (nic->kind == TAP) {
        vml_tap_close(&nic->tap);
    } else if (nic->kind == SWITCH) {
        vml_vswitch_disconnect(&nic->lan->vswitch, nic->port);
    }
    nic->kind = NOWHERE;
}

static void destroy(struct vm *vm, struct vm_virtio *v)
{
    struct nic *nic = v->device;

    (void)vm;
    vml_virtio_net_destroy(&nic->net);
    if (nic->pcap_file && vml_pcap_close(&nic->pcap) != VML_OK) {
        fprintf(stderr, "vm: '%s': not all frames could be written\n", nic->pcap_file);
    }
}

const struct vm_virtio_type vm_virtio_net_type = {
    .name = "net", .create = create, .start = start, .stop = stop, .destroy = destroy};
