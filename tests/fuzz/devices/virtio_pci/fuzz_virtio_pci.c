/* A hostile guest behind a PCI Express host bridge with two entropy devices: ECAM, BARs wherever it likes,
 * MSI-X, the transport's structures, rings, and damaged saved states. */
#include "pci_bus.h"
#include "virtio_fuzz.h"
#include "virtio_pci_shim.h"
#include <vml/virtio_rng.h>

enum { DEVICES = 2, VECTORS = 2 };

struct machine {
    struct pb pb;
    struct vml_virtio_rng rng[DEVICES];
    struct vml_virtio_pci pci[DEVICES];
    struct vml_pci_msix_vector vectors[DEVICES][VECTORS];
    uint16_t queue_vectors[DEVICES];
    struct vps shim;
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum vml_status entropy(void *context, void *buffer, size_t len)
{
    (void)context;
    memset(buffer, 0x5a, len);
    return VML_OK;
}

/* What is always true, whatever the guest has done. */
static void check(struct machine *m)
{
    struct vml_pci_host *host = &m->pb.host;
    uint32_t asserted[4] = {0};
    uint64_t next = 0;

    /* BARs are ascending, not over each other, in a window, and where their registers say. */
    PB_CHECK((host->version & 1) == 0);
    for (uint32_t i = 0; i < host->mapped; i++) {
        struct vml_pci_function *function = host->config.map[i].function;
        uint64_t base = host->config.map[i].base;
        uint64_t last = host->config.map[i].last;

        PB_CHECK(base >= next && base >= PB_LOW && last < PB_HIGH + PB_HIGH_SIZE);
        PB_CHECK(base == ((uint64_t)vml_pci_config_read(function, VML_PCI_BAR0 + 4, 4) << 32 |
                          (vml_pci_config_read(function, VML_PCI_BAR0, 4) & ~15u)));
        PB_CHECK(last == base + (VML_VIRTIO_PCI_BAR_SIZE - 1));
        PB_CHECK(vml_pci_config_read(function, VML_PCI_COMMAND, 2) & VML_PCI_COMMAND_MEMORY);
        next = last + 1;
    }
    /* A wire is high when a function of it has something to say, and may. */
    for (uint32_t i = 0; i < DEVICES; i++) {
        struct vml_pci_function *function = &m->pci[i].function;
        uint32_t msix = vml_pci_config_read(function, function->msix + 2u, 2);
        uint32_t command = vml_pci_config_read(function, VML_PCI_COMMAND, 2);

        asserted[1 + i] = vml_virtio_isr(&m->rng[i].virtio) != 0 && !(msix & VML_PCI_MSIX_ENABLE) &&
                          !(command & VML_PCI_COMMAND_INTX_DISABLE);
    }
    for (uint32_t i = 0; i < 4; i++) {
        PB_CHECK(m->pb.lines[i] == (asserted[i] != 0));
    }
}

static void access_bus(struct machine *m, struct vf *vf, uint64_t address, uint8_t command)
{
    uint8_t size = (uint8_t)(1u << (command & 3u));

    if (command & 4u) {
        address &= ~(uint64_t)(size - 1u);
    }
    pb_access(&m->pb, command >> 7, address, size, (command & 8u) != 0,
              command & 8u ? vf_take(vf, size) : 0);
}

static void extra(struct vf *vf, uint8_t command)
{
    struct machine *m = vf->context;
    uint16_t id = VML_PCI_ID(0, 1 + vf_take(vf, 1) % (DEVICES + 1), 0);
    uint8_t how = (uint8_t)vf_take(vf, 1);
    uint32_t i;

    switch (command & 7) {
    case 0: /* configuration space */
        access_bus(m, vf, pb_config(id, (uint32_t)vf_take(vf, 1)), how);
        break;
    case 1:
        access_bus(m, vf, PB_ECAM + vf_take(vf, 3) % (VML_PCI_ECAM_SIZE(PB_BUSES) - 8), how);
        break;
    case 2: /* what is where BARs may be */
        access_bus(m, vf, PB_LOW + vf_take(vf, 3) % (PB_LOW_SIZE - 8), how);
        break;
    case 3:
        access_bus(m, vf, PB_HIGH + vf_take(vf, 3) % (PB_HIGH_SIZE - 8), how);
        break;
    case 4: /* a BAR put where another may be, and switched on or off */
        pb_set(&m->pb, id, VML_PCI_BAR0, 4, (uint32_t)vf_take(vf, 1) << 16 | (uint32_t)PB_LOW);
        pb_set(&m->pb, id, VML_PCI_BAR0 + 4, 4, how & 1 ? (uint32_t)(PB_HIGH >> 32) : 0);
        pb_set(&m->pb, id, VML_PCI_COMMAND, 2, (uint32_t)vf_take(vf, 2) | (how & 6));
        break;
    case 5: /* a device's BAR, wherever it is */
        i = id >> 3 == 1 ? 0 : 1;
        vps_bar(&m->pci[i], (uint32_t)vf_take(vf, 2) % (VML_VIRTIO_PCI_BAR_SIZE - 8),
                (uint8_t)(1u << (how & 3u)), (how & 8) != 0, vf_take(vf, 4));
        break;
    case 6: /* MSI-X */
        pb_set(&m->pb, id, pb_capability(&m->pb, id, VML_PCI_CAP_MSIX, 0) + 2, 2,
               (uint32_t)how << 8);
        vps_set(&m->pci[0], VML_VIRTIO_PCI_TABLE + 16 * (how & 1) + 12, 4, (how >> 1) & 1);
        break;
    default: /* a function level reset, or the machine's */
        if (how & 1) {
            vml_vbus_reset(&m->pb.bus);
        } else {
            pb_set(&m->pb, id, pb_capability(&m->pb, id, VML_PCI_CAP_EXPRESS, 0) + 8, 2, 0x8000);
        }
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct vf vf;
    static struct machine m;

    vf_begin(&vf, data, size);
    memset(&m, 0, sizeof(m));
    pb_init(&m.pb);
    for (uint32_t i = 0; i < DEVICES; i++) {
        struct vml_virtio_rng_config rng = {.entropy = entropy};
        struct vml_virtio_pci_config pci = {.name = "fuzzed",
                                            .queue_vectors = &m.queue_vectors[i],
                                            .vectors = m.vectors[i],
                                            .vector_count = VECTORS};

        rng.platform.as = &vf.vd.as;
        VD_CHECK(vml_virtio_rng_init(&m.rng[i], &rng) == VML_OK);
        pci.dev = &m.rng[i].virtio;
        VD_CHECK(vml_virtio_pci_init(&m.pci[i], &pci) == VML_OK);
        VD_CHECK(vml_pci_host_add(&m.pb.host, &m.pci[i].function, VML_PCI_ID(0, 1 + i, 0)) ==
                 VML_OK);
    }
    vps_init(&m.shim, &m.pci[0], &vf.vd);
    vf.queues = 1;
    vf.extra = extra;
    vf.context = &m;
    while (vf.left > 0) {
        vf_step(&vf);
        check(&m);
    }
    for (uint32_t i = 0; i < DEVICES; i++) {
        vml_virtio_pci_destroy(&m.pci[i]);
        vml_virtio_rng_destroy(&m.rng[i]);
    }
    vml_pci_host_destroy(&m.pb.host);
    vf_end(&vf);
    return 0;
}
