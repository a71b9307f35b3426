/* What a function costs behind the host bridge: a register in a BAR, a message, configuration space. */
#include "bench.h"
#include "pci_bus.h"

enum { TABLE = 0x1000, PBA = 0x1800 };

#define DEV1 VML_PCI_ID(0, 1, 0)

static struct pb pb;
static struct vml_pci_function functions[PB_FUNCTIONS];
static struct vml_pci_msix_vector vectors[4];

static enum vml_bus_result bar(struct vml_pci_function *function, uint32_t index,
                               struct vml_access *access)
{
    (void)function;
    (void)index;
    access->value = 0;
    return VML_BUS_OK;
}

static const struct vml_pci_ops ops = {.bar = bar};

static void make(void)
{
    struct vml_pci_function_config config = {
        .name = "bench", .ops = &ops, .bars = {{.size = 4096}, {.size = 8192}}};

    pb_init(&pb);
    for (uint32_t i = 0; i < PB_FUNCTIONS; i++) {
        uint16_t id = VML_PCI_ID(0, 1 + i, 0);

        config.msix = (struct vml_pci_msix){.vectors = i ? NULL : vectors,
                                            .count = i ? 0 : 4,
                                            .bar = 1,
                                            .table = TABLE,
                                            .pba = PBA};
        PB_CHECK(vml_pci_function_init(&functions[i], &config) == VML_OK);
        PB_CHECK(vml_pci_host_add(&pb.host, &functions[i], id) == VML_OK);
        pb_set(&pb, id, VML_PCI_BAR0, 4, (uint32_t)PB_LOW + 0x10000 * i);
        pb_set(&pb, id, VML_PCI_BAR0 + 4, 4, (uint32_t)PB_LOW + 0x10000 * i + 0x8000);
        pb_set(&pb, id, VML_PCI_COMMAND, 2, VML_PCI_COMMAND_MEMORY | VML_PCI_COMMAND_MASTER);
    }
    pb_set(&pb, DEV1, functions[0].msix + 2u, 2, VML_PCI_MSIX_ENABLE);
    pb_write(&pb, PB_LOW + 0x8000 + TABLE + 12, 4, 0);
}

static void bar_write(uint64_t iterations)
{
    make();
    while (iterations--) {
        pb_write(&pb, PB_LOW + 0x30010, 4, 1);
    }
}

static void message(uint64_t iterations)
{
    make();
    while (iterations--) {
        PB_CHECK(vml_pci_msix_send(&functions[0], 0));
    }
}

static void config_read(uint64_t iterations)
{
    make();
    while (iterations--) {
        (void)pb_get(&pb, DEV1, VML_PCI_VENDOR_ID, 4);
    }
}

static void bar_moved(uint64_t iterations)
{
    make();
    while (iterations--) {
        pb_set(&pb, DEV1, VML_PCI_BAR0, 4, (uint32_t)PB_LOW + (iterations & 1 ? 0x1000 : 0));
    }
}

static const struct bench_case cases[] = {
    {"pci BAR write, 16 BARs", bar_write},
    {"pci MSI-X message", message},
    {"pci ECAM read", config_read},
    {"pci BAR moved, 16 BARs", bar_moved},
};

BENCH_MAIN(cases)
