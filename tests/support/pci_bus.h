/**
 * @file
 * @brief A PCI Express host bridge on an MMIO bus, for tests: what is sent is noted.
 */
#ifndef VML_TESTS_SUPPORT_PCI_BUS_H
#define VML_TESTS_SUPPORT_PCI_BUS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vml/pci.h>
#include <vml/vbus.h>

#define PB_ECAM      UINT64_C(0x3f000000)
#define PB_LOW       UINT64_C(0x10000000)
#define PB_LOW_SIZE  UINT64_C(0x01000000)
#define PB_IO        UINT64_C(0x3eff0000)
#define PB_IO_SIZE   UINT64_C(0x10000)
#define PB_HIGH      UINT64_C(0x8000000000)
#define PB_HIGH_SIZE UINT64_C(0x0100000000)
#define PB_BUSES     2u
#define PB_FUNCTIONS 8u
#define PB_CPUS      4u
#define PB_UNUSED    __attribute__((unused))

struct pb {
    struct vml_vbus bus;
    struct vml_bus_range ranges[4];
    struct vml_pci_host host;
    struct vml_pci_function *functions[PB_FUNCTIONS];
    struct vml_pci_mapping map[PB_FUNCTIONS * VML_PCI_BARS];
    _Alignas(VML_CACHE_LINE_SIZE) uint8_t storage[VML_BUS_STORAGE(4, PB_CPUS)];
    _Atomic bool lines[4];
    _Atomic uint32_t messages;
    struct vml_msi last; /**< the last of them, where one thread sends */
};

#define PB_CHECK(x)                                                                                \
    do {                                                                                           \
        if (!(x)) {                                                                                \
            fprintf(stderr, "pci_bus.h:%d: %s\n", __LINE__, #x);                                   \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

static PB_UNUSED void pb_level(void *controller, uint32_t line, uint32_t cpu, bool level)
{
    struct pb *pb = controller;

    (void)cpu;
    atomic_store(&pb->lines[line], level);
}

static PB_UNUSED enum vml_status pb_msi(void *controller, const struct vml_msi *msi)
{
    struct pb *pb = controller;

    if (atomic_fetch_add(&pb->messages, 1) < UINT32_MAX / 2) {
        pb->last = *msi;
    }
    return VML_OK;
}

/** @brief Messages of several threads: only counted. */
static PB_UNUSED enum vml_status pb_count_msi(void *controller, const struct vml_msi *msi)
{
    struct pb *pb = controller;

    (void)msi;
    atomic_fetch_add(&pb->messages, 1);
    return VML_OK;
}

static PB_UNUSED void pb_init(struct pb *pb)
{
    static const struct vml_irq_ops irq_ops = {.set_level = pb_level, .msi = pb_msi};
    struct vml_vbus_config bus = {.name = "mmio",
                                  .space = VML_SPACE_MMIO,
                                  .max_ranges = 4,
                                  .cpus = PB_CPUS,
                                  .storage = pb->storage};
    struct vml_pci_host_config config = {
        .name = "pcie",
        .buses = PB_BUSES,
        .windows = {{.base = PB_LOW, .size = PB_LOW_SIZE},
                    {.base = PB_HIGH, .size = PB_HIGH_SIZE},
                    {.base = PB_IO, .size = PB_IO_SIZE, .io = true}},
        .msi = {.ops = &irq_ops, .controller = pb},
        .functions = pb->functions,
        .map = pb->map,
        .max_functions = PB_FUNCTIONS,
    };

    memset(pb, 0, sizeof(*pb));
    for (uint32_t i = 0; i < 4; i++) {
        config.intx[i] = (struct vml_irq){.ops = &irq_ops, .controller = pb, .line = i};
    }
    PB_CHECK(vml_vbus_init(&pb->bus, &bus) == VML_OK);
    PB_CHECK(vml_pci_host_init(&pb->host, &config) == VML_OK);
    pb->ranges[0] = (struct vml_bus_range){
        .base = PB_ECAM, .size = VML_PCI_ECAM_SIZE(PB_BUSES), .device = &pb->host.ecam};
    pb->ranges[1] = (struct vml_bus_range){
        .base = PB_LOW, .size = PB_LOW_SIZE, .device = &pb->host.windows[0].device};
    pb->ranges[2] = (struct vml_bus_range){
        .base = PB_HIGH, .size = PB_HIGH_SIZE, .device = &pb->host.windows[1].device};
    pb->ranges[3] = (struct vml_bus_range){
        .base = PB_IO, .size = PB_IO_SIZE, .device = &pb->host.windows[2].device};
    for (uint32_t i = 0; i < 4; i++) {
        PB_CHECK(vml_vbus_register(&pb->bus, &pb->ranges[i]) == VML_OK);
    }
}

/** @brief An access of the guest's. @return what was read; all ones above `size` never are */
static PB_UNUSED uint64_t pb_access(struct pb *pb, uint32_t cpu, uint64_t address, uint8_t size,
                                    bool write, uint64_t value)
{
    struct vml_access access = {.size = size, .write = write, .value = value, .cpu = cpu};

    PB_CHECK(vml_vbus_access(&pb->bus, address, &access) == VML_BUS_OK);
    return access.value;
}

static PB_UNUSED uint64_t pb_read(struct pb *pb, uint64_t address, uint8_t size)
{
    return pb_access(pb, 0, address, size, false, 0);
}

static PB_UNUSED void pb_write(struct pb *pb, uint64_t address, uint8_t size, uint64_t value)
{
    pb_access(pb, 0, address, size, true, value);
}

static PB_UNUSED uint64_t pb_config(uint16_t id, uint32_t offset)
{
    return PB_ECAM + ((uint64_t)id << 12) + offset;
}

static PB_UNUSED uint32_t pb_get(struct pb *pb, uint16_t id, uint32_t offset, uint8_t size)
{
    return (uint32_t)pb_read(pb, pb_config(id, offset), size);
}

static PB_UNUSED void pb_set(struct pb *pb, uint16_t id, uint32_t offset, uint8_t size,
                             uint32_t value)
{
    pb_write(pb, pb_config(id, offset), size, value);
}

/** @brief The offset of a capability, found as software finds it (PCI 3.0, 6.7); 0 for none.
 * @param nth 0 for the first with this ID */
static PB_UNUSED uint32_t pb_capability(struct pb *pb, uint16_t id, uint8_t cap, uint32_t nth)
{
    uint32_t at = pb_get(pb, id, VML_PCI_CAPABILITIES, 1) & 0xfcu;

    for (uint32_t i = 0; at != 0 && i < 48; i++) {
        if (pb_get(pb, id, at, 1) == cap && nth-- == 0) {
            return at;
        }
        at = pb_get(pb, id, at + 1, 1) & 0xfcu;
    }
    return 0;
}

#endif
