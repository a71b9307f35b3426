/*
 * An interrupt controller from end to end: a machine with two vCPUs and a GICv3, the guest's side of
 * it played by this program.  An SPI, an SGI and two MSIs, one of them through an ITS, are raised,
 * acknowledged and ended.
 *
 * In a hypervisor the calls are in these places:
 *   trap handler      vml_vbus_access() for GICD, GICR and GITS, vml_gic_icc_read() and _write() for ICC_*
 *   vCPU loop         vml_gic_pending() before entering the guest
 *   output callback   recall the vCPU, so that it comes to its loop
 */
#include <stdio.h>
#include <stdlib.h>
#include <vml/gic.h>
#include <vml/gic_its.h>
#include <vml/gicv2m.h>
#include <vml/vbus.h>

enum { CPUS = 2, SPIS = 96, UART = 33, FIRST_MSI = 80, MSIS = 16, LPIS = 64, FIRST_LPI = 8192 };

#define GICD UINT64_C(0x08000000)
#define V2M  UINT64_C(0x08020000)
#define ITS  UINT64_C(0x08080000)
#define GICR UINT64_C(0x080a0000)

/* The guest's memory, and where it has put the tables of the ITS and of the redistributors. */
#define RAM             UINT64_C(0x40000000)
#define RAM_SIZE        0x80000u
#define DEVICE_TABLE    (RAM + 0x01000)
#define COLLECTIONS     (RAM + 0x02000)
#define COMMANDS        (RAM + 0x03000)
#define ITT             (RAM + 0x04000)
#define LPI_CONFIG      (RAM + 0x10000)
#define LPI_PENDING     (RAM + 0x20000) /* 64 KiB for each vCPU */
#define VALID           (UINT64_C(1) << 63)

#define ICC_PMR_EL1     VML_SYSREG(3, 0, 4, 6, 0)
#define ICC_SGI1R_EL1   VML_SYSREG(3, 0, 12, 11, 5)
#define ICC_IAR1_EL1    VML_SYSREG(3, 0, 12, 12, 0)
#define ICC_EOIR1_EL1   VML_SYSREG(3, 0, 12, 12, 1)
#define ICC_IGRPEN1_EL1 VML_SYSREG(3, 0, 12, 12, 7)

static _Alignas(VML_CACHE_LINE_SIZE) uint8_t gic_storage[VML_GIC_STORAGE_LPIS(CPUS, SPIS, LPIS)];
static _Alignas(VML_CACHE_LINE_SIZE) uint8_t bus_storage[VML_BUS_STORAGE(4, CPUS)];
static struct vml_gic gic;
static struct vml_gicv2m msi_frame;
static struct vml_its its;
static _Atomic uint64_t its_cache[16];
static _Alignas(VML_AS_PAGE_SIZE) uint8_t ram[RAM_SIZE];
static struct vml_as_region ram_region;
static uint64_t as_storage[VML_AS_STORAGE(1) / sizeof(uint64_t) + 1];
static struct vml_as as;
static struct vml_vbus bus;
static struct vml_bus_range ranges[4];

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
                                    .lpis = LPIS,
                                    .memory = &as,
                                    .output = output,
                                    .storage = gic_storage,
                                    .storage_size = sizeof(gic_storage)};
    struct vml_its_config its_config = {
        .gic = &gic, .base = ITS, .cache = its_cache, .cache_size = VML_ARRAY_SIZE(its_cache)};
    struct vml_vbus_config bus_config = {
        .name = "mmio", .max_ranges = 4, .cpus = CPUS, .storage = bus_storage};

    ram_region =
        (struct vml_as_region){.name = "ram", .base = RAM, .size = sizeof(ram), .host = ram};
    must(vml_as_init(&as, as_storage, 1) == VML_OK, "vml_as_init");
    must(vml_as_add(&as, &ram_region) == VML_OK, "vml_as_add");
    must(vml_gic_init(&gic, &config) == VML_OK, "vml_gic_init");
    must(vml_gicv2m_init(&msi_frame, &gic, V2M, FIRST_MSI, MSIS) == VML_OK, "vml_gicv2m_init");
    must(vml_its_init(&its, &its_config) == VML_OK, "vml_its_init");
    must(vml_vbus_init(&bus, &bus_config) == VML_OK, "vml_vbus_init");
    ranges[0] = (struct vml_bus_range){.base = GICD, .size = VML_GICD_SIZE, .device = &gic.gicd};
    ranges[1] =
        (struct vml_bus_range){.base = V2M, .size = VML_GICV2M_SIZE, .device = &msi_frame.device};
    ranges[2] = (struct vml_bus_range){
        .base = GICR, .size = UINT64_C(1) * VML_GICR_SIZE * CPUS, .device = &gic.gicr};
    ranges[3] = (struct vml_bus_range){.base = ITS, .size = VML_ITS_SIZE, .device = &its.device};
    for (unsigned i = 0; i < VML_ARRAY_SIZE(ranges); i++) {
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

/* What a guest writes into its own memory. */
static void poke(uint64_t address, uint64_t value)
{
    must(vml_as_write(&as, address, &value, sizeof(value)) == VML_OK, "a memory access");
}

/* A command to the ITS; GITS_CREADR follows when it is done. */
static void guest_command(uint64_t dw0, uint64_t dw1, uint64_t dw2)
{
    static uint64_t at;

    poke(COMMANDS + at, dw0);
    poke(COMMANDS + at + 8, dw1);
    poke(COMMANDS + at + 16, dw2);
    poke(COMMANDS + at + 24, 0);
    at += 32;
    put(0, ITS + 0x0088, 8, at);
}

/* What a driver of the ITS does: tables, LPIs, and EventID `event` of a device to an LPI of vCPU 1. */
static void guest_set_up_its(uint32_t device, uint32_t event, uint32_t intid)
{
    poke(LPI_CONFIG, UINT64_C(0x0101010101010101) * 0xa1); /* enabled, priority 0xa0 */
    for (uint32_t cpu = 0; cpu < CPUS; cpu++) {
        uint64_t base = GICR + (uint64_t)cpu * VML_GICR_SIZE;

        put(cpu, base + 0x0070, 8, LPI_CONFIG | 15);
        put(cpu, base + 0x0078, 8, LPI_PENDING + cpu * UINT64_C(0x10000));
        put(cpu, base + 0x0000, 4, 1);
    }
    put(0, ITS + 0x0100, 8, VALID | DEVICE_TABLE);
    put(0, ITS + 0x0108, 8, VALID | COLLECTIONS);
    put(0, ITS + 0x0080, 8, VALID | COMMANDS);
    put(0, ITS + 0x0000, 4, 1);
    guest_command(0x09, 0, VALID | UINT64_C(1) << 16);            /* MAPC: collection 0 is vCPU 1 */
    guest_command((uint64_t)device << 32 | 0x08, 4, VALID | ITT); /* MAPD: 2^5 EventIDs */
    guest_command((uint64_t)device << 32 | 0x0a, event | (uint64_t)intid << 32, 0); /* MAPTI */
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

    puts("MSI: device 8 writes EventID 3 to GITS_TRANSLATER");
    guest_set_up_its(8, 3, FIRST_LPI + 5);
    msi_wire = vml_irq_wire(&its.controller, 0, 0);
    msi = (struct vml_msi){.address = ITS + 0x10040, .data = 3, .device_id = 8};
    must(vml_irq_msi(&msi_wire, &msi) == VML_OK, "vml_irq_msi");
    guest_take(1, FIRST_LPI + 5, NULL);
    return 0;
}
