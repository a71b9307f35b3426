/*
 * An interrupt controller from end to end: a machine with two vCPUs and a GICv3, the guest's side of
 * it played by this program.  An SPI, an SGI and an MSI are raised, acknowledged and ended.
 *
 * In a hypervisor the calls are in these places:
 *   trap handler      vml_vbus_access() for GICD and GICR, vml_gic_icc_read() and _write() for ICC_*
 *   vCPU loop         vml_gic_pending() before entering the guest
 *   output callback   recall the vCPU, so that it comes to its loop
 */
#include <stdio.h>
#include <stdlib.h>
#include <vml/gic.h>
#include <vml/gicv2m.h>
#include <vml/vbus.h>

enum { CPUS = 2, SPIS = 96, UART = 33, FIRST_MSI = 80, MSIS = 16 };

#define GICD            UINT64_C(0x08000000)
#define V2M             UINT64_C(0x08020000)
#define GICR            UINT64_C(0x080a0000)

#define ICC_PMR_EL1     VML_SYSREG(3, 0, 4, 6, 0)
#define ICC_SGI1R_EL1   VML_SYSREG(3, 0, 12, 11, 5)
#define ICC_IAR1_EL1    VML_SYSREG(3, 0, 12, 12, 0)
#define ICC_EOIR1_EL1   VML_SYSREG(3, 0, 12, 12, 1)
#define ICC_IGRPEN1_EL1 VML_SYSREG(3, 0, 12, 12, 7)

static _Alignas(VML_CACHE_LINE_SIZE) uint8_t gic_storage[VML_GIC_STORAGE(CPUS, SPIS)];
static _Alignas(VML_CACHE_LINE_SIZE) uint8_t bus_storage[VML_BUS_STORAGE(3, CPUS)];
static struct vml_gic gic;
static struct vml_gicv2m msi_frame;
static struct vml_vbus bus;
static struct vml_bus_range ranges[3];

static void must(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "gic: %s failed\n", what);
        exit(1);
    }
}

/* An engine would make the vCPU leave the guest here. */
static void output(void *context, uint32_t cpu, enum vml_irq_output which, bool level)
{
    (void)context;
    printf("  vCPU %u: %s %s\n", (unsigned)cpu, which == VML_IRQ_OUTPUT_IRQ ? "IRQ" : "FIQ",
           level ? "asserted" : "deasserted");
}

static void put(uint32_t cpu, uint64_t address, uint8_t size, uint64_t value)
{
    struct vml_access access = {.value = value, .cpu = cpu, .size = size, .write = true};

    must(vml_vbus_access(&bus, address, &access) == VML_BUS_OK, "a bus access");
}

static void put_icc(uint32_t cpu, uint64_t reg, uint64_t value)
{
    must(vml_gic_icc_write(&gic, cpu, reg, value) == VML_BUS_OK, "a system register write");
}

static void make_machine(void)
{
    struct vml_gic_config config = {.version = 3,
                                    .cpus = CPUS,
                                    .spis = SPIS,
                                    .output = output,
                                    .storage = gic_storage,
                                    .storage_size = sizeof(gic_storage)};
    struct vml_vbus_config bus_config = {
        .name = "mmio", .max_ranges = 3, .cpus = CPUS, .storage = bus_storage};

    must(vml_gic_init(&gic, &config) == VML_OK, "vml_gic_init");
    must(vml_gicv2m_init(&msi_frame, &gic, V2M, FIRST_MSI, MSIS) == VML_OK, "vml_gicv2m_init");
    must(vml_vbus_init(&bus, &bus_config) == VML_OK, "vml_vbus_init");
    ranges[0] = (struct vml_bus_range){.base = GICD, .size = VML_GICD_SIZE, .device = &gic.gicd};
    ranges[1] =
        (struct vml_bus_range){.base = V2M, .size = VML_GICV2M_SIZE, .device = &msi_frame.device};
    ranges[2] = (struct vml_bus_range){
        .base = GICR, .size = UINT64_C(1) * VML_GICR_SIZE * CPUS, .device = &gic.gicr};
    for (unsigned i = 0; i < 3; i++) {
        must(vml_vbus_register(&bus, &ranges[i]) == VML_OK, "vml_vbus_register");
    }
}

/* What a guest does on the way up: group 1 everywhere, then the enables. */
static void guest_set_up(void)
{
    put(0, GICD, 4, 2);
    for (uint32_t intid = 32; intid < 32 + SPIS; intid += 32) {
        put(0, GICD + 0x080 + intid / 8, 4, UINT32_MAX);
        put(0, GICD + 0x100 + intid / 8, 4, UINT32_MAX);
    }
    put(0, GICD + 0xc00 + FIRST_MSI / 4, 4, 0xaaaaaaaa);   /* MSIs are edges */
    put(0, GICD + 0x6000 + UINT64_C(8) * FIRST_MSI, 8, 1); /* the first one goes to vCPU 1 */
    for (uint32_t cpu = 0; cpu < CPUS; cpu++) {
        uint64_t base = GICR + (uint64_t)cpu * VML_GICR_SIZE;

        put(cpu, base + 0x14, 4, 0);
        put(cpu, base + 0x10080, 4, UINT32_MAX);
        put(cpu, base + 0x10100, 4, 0xffff);
        put_icc(cpu, ICC_PMR_EL1, 0xf0);
        put_icc(cpu, ICC_IGRPEN1_EL1, 1);
    }
}

/* What a guest does in its interrupt handler; `device` stops asserting its line. */
static void guest_take(uint32_t cpu, uint32_t expected, const struct vml_irq *device)
{
    uint64_t intid = 0;

    must(vml_gic_pending(&gic, cpu, VML_IRQ_OUTPUT_IRQ), "delivery");
    must(vml_gic_icc_read(&gic, cpu, ICC_IAR1_EL1, &intid) == VML_BUS_OK, "acknowledge");
    must(intid == expected, "the right INTID");
    printf("  vCPU %u: took INTID %u\n", (unsigned)cpu, (unsigned)intid);
    if (device) {
        vml_irq_set(device, false);
    }
    put_icc(cpu, ICC_EOIR1_EL1, intid);
    must(!vml_gic_pending(&gic, cpu, VML_IRQ_OUTPUT_IRQ), "the end of it");
}

int main(void)
{
    struct vml_irq wire, msi_wire;
    struct vml_msi msi = {.address = V2M + 0x40, .data = FIRST_MSI};

    make_machine();
    guest_set_up();

    puts("SPI: a device asserts its line");
    wire = vml_irq_wire(&gic.controller, UART, 0);
    vml_irq_set(&wire, true);
    guest_take(0, UART, &wire);

    puts("SGI: vCPU 0 sends INTID 5 to vCPU 1");
    put_icc(0, ICC_SGI1R_EL1, UINT64_C(5) << 24 | 1u << 1);
    guest_take(1, 5, NULL);

    puts("MSI: a device writes to its doorbell");
    msi_wire = vml_irq_wire(&msi_frame.controller, 0, 0);
    must(vml_irq_msi(&msi_wire, &msi) == VML_OK, "vml_irq_msi");
    guest_take(1, FIRST_MSI, NULL);
    return 0;
}
