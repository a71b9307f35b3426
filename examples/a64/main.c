/*
 * A whole, small machine on the software CPU: two vCPUs, a GIC, timers, a UART and PSCI firmware, put
 * together from vml's libraries, at the addresses of QEMU's `virt` machine. It runs the program in
 * guest.S.
 *
 *     a64 [gicv2 | gicv3] [turns]
 *
 * With `turns` all vCPUs run on this thread and time is counted in instructions: every run is the same.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vml/a64.h>
#include <vml/clock.h>
#include <vml/gic.h>
#include <vml/lifecycle.h>
#include <vml/pl011.h>
#include <vml/psci.h>
#include <vml/timer.h>

enum { CPUS = 2, SPIS = 64, CODE_PAGES = 16, UART_INTID = 33 };

#define RAM_BASE UINT64_C(0x40000000)
#define RAM_SIZE UINT64_C(0x200000)
#define ENTRY    (RAM_BASE + 0x80000)
#define GICD     UINT64_C(0x08000000)
#define GICC     UINT64_C(0x08010000)
#define GICR     UINT64_C(0x080a0000)
#define UART     UINT64_C(0x09000000)

/* Made of guest.S by tools/guest-words. */
static const uint32_t guest[] = {
#include "guest.inc"
};

static struct {
    bool gicv3, turns;
    struct vml_as memory;
    struct vml_as_region ram;
    struct vml_vbus mmio, sysreg;
    struct vml_bus_range ranges[8];
    unsigned range_count;
    struct vml_host_clock host_clock;
    struct vml_virtual_clock virtual_clock;
    struct vml_clock *clock;
    struct vml_gic gic;
    struct vml_timer timer[CPUS], *timer_pointers[CPUS];
    struct vml_timers timers;
    struct vml_pl011 uart;
    struct vml_a64_machine cpus;
    struct vml_a64 cpu[CPUS], *cpu_pointers[CPUS];
    struct vml_cpu *by_index[CPUS], *by_affinity[CPUS];
    struct vml_cpu_set set;
    struct vml_lifecycle lifecycle;
    struct vml_psci psci;
    struct vml_smccc firmware;
    void *cpu_storage[CPUS];
    struct vml_thread threads[CPUS];
} m;

static _Alignas(4096) uint8_t ram[RAM_SIZE];
static _Alignas(VML_CACHE_LINE_SIZE) uint8_t memory_storage[VML_AS_STORAGE(1)];
static _Alignas(VML_CACHE_LINE_SIZE) uint8_t mmio_storage[VML_BUS_STORAGE(3, CPUS)];
static _Alignas(VML_CACHE_LINE_SIZE) uint8_t sysreg_storage[VML_BUS_STORAGE(4, CPUS)];
static _Alignas(VML_CACHE_LINE_SIZE) uint8_t gic_storage[VML_GIC_STORAGE(CPUS, SPIS)];

static void must(enum vml_status status, const char *what)
{
    if (status != VML_OK) {
        fprintf(stderr, "a64: %s: %s\n", what, vml_status_name(status));
        exit(1);
    }
}

static size_t print(void *context, const uint8_t *bytes, size_t len)
{
    (void)context;
    return fwrite(bytes, 1, len, stdout);
}

static const struct vml_chardev_ops console = {.push = print};

static void put_on(struct vml_vbus *bus, uint64_t base, uint64_t size, struct vml_device *device,
                   uint64_t offset)
{
    struct vml_bus_range *range = &m.ranges[m.range_count++];

    *range = (struct vml_bus_range){
        .base = base, .size = size, .device = device, .device_offset = offset};
    must(vml_vbus_register(bus, range), device->name);
}

static void make_memory(void)
{
    struct vml_vbus_config mmio = {.name = "mmio",
                                   .space = VML_SPACE_MMIO,
                                   .max_ranges = 3,
                                   .cpus = CPUS,
                                   .storage = mmio_storage};
    struct vml_vbus_config sysreg = {.name = "sysreg",
                                     .space = VML_SPACE_SYSREG,
                                     .max_ranges = 4,
                                     .cpus = CPUS,
                                     .storage = sysreg_storage};

    m.ram = (struct vml_as_region){.name = "ram", .base = RAM_BASE, .size = RAM_SIZE, .host = ram};
    must(vml_as_init(&m.memory, memory_storage, 1), "memory");
    must(vml_as_add(&m.memory, &m.ram), "RAM");
    for (size_t i = 0; i < VML_ARRAY_SIZE(guest); i++) {
        vml_store_le32(ram + (ENTRY - RAM_BASE) + i * 4, guest[i]);
    }
    must(vml_vbus_init(&m.mmio, &mmio), "MMIO bus");
    must(vml_vbus_init(&m.sysreg, &sysreg), "system register bus");
}

static void make_gic(void)
{
    struct vml_gic_config config = {.version = m.gicv3 ? 3 : 2,
                                    .cpus = CPUS,
                                    .spis = SPIS,
                                    .output = vml_a64_irq_output,
                                    .context = &m.cpus,
                                    .storage = gic_storage,
                                    .storage_size = sizeof(gic_storage)};

    must(vml_gic_init(&m.gic, &config), "GIC");
    put_on(&m.mmio, GICD, VML_GICD_SIZE, &m.gic.gicd, 0);
    if (m.gicv3) {
        put_on(&m.mmio, GICR, UINT64_C(1) * VML_GICR_SIZE * CPUS, &m.gic.gicr, 0);
        put_on(&m.sysreg, VML_SYSREG(3, 0, 4, 6, 0), 8, &m.gic.icc, VML_SYSREG(3, 0, 4, 6, 0));
        put_on(&m.sysreg, VML_SYSREG(3, 0, 12, 8, 0),
               VML_SYSREG(3, 0, 12, 12, 7) + 8 - VML_SYSREG(3, 0, 12, 8, 0), &m.gic.icc,
               VML_SYSREG(3, 0, 12, 8, 0));
    } else {
        put_on(&m.mmio, GICC, VML_GICC_SIZE, &m.gic.gicc, 0);
    }
}

static void make_devices(void)
{
    struct vml_pl011_config uart = {.irq = vml_irq_wire(&m.gic.controller, UART_INTID, 0),
                                    .peer = {.ops = &console}};

    if (m.turns) { /* a tick is an instruction */
        must(vml_virtual_clock_init(&m.virtual_clock, 1000000000), "clock");
        m.clock = &m.virtual_clock.clock;
    } else {
        must(vml_host_clock_init(&m.host_clock, 62500000), "clock");
        m.clock = &m.host_clock.clock;
    }
    for (uint32_t i = 0; i < CPUS; i++) {
        struct vml_timer_config timer = {
            .clock = m.clock,
            .irq = {vml_irq_wire(&m.gic.controller, VML_TIMER_PHYSICAL_INTID, i),
                    vml_irq_wire(&m.gic.controller, VML_TIMER_VIRTUAL_INTID, i)}};

        must(vml_timer_init(&m.timer[i], &timer), "timer");
        m.timer_pointers[i] = &m.timer[i];
    }
    vml_timers_init(&m.timers, m.timer_pointers, CPUS);
    put_on(&m.sysreg, VML_TIMER_SYSREG_LO, VML_TIMER_SYSREG_SIZE, &m.timers.device,
           VML_TIMER_SYSREG_LO);
    uart.clock = m.clock;
    must(vml_pl011_init(&m.uart, &uart), "UART");
    put_on(&m.mmio, UART, 0x1000, &m.uart.device, 0);
}

/* HVC: registers in, the call, registers out. */
static enum vml_a64_call_result firmware(void *context, struct vml_a64 *cpu, bool smc, uint16_t imm,
                                         uint64_t x[18])
{
    struct vml_smccc_call call = {.cpu = &cpu->cpu, .conduit = smc ? VML_SMCCC_SMC : VML_SMCCC_HVC};

    (void)context;
    memcpy(call.x, x, sizeof(call.x));
    if (imm != 0 || vml_smccc_handle(&m.firmware, &call) != VML_OK) {
        return VML_A64_CALL_UNDEFINED;
    }
    if (call.action == VML_SMCCC_RESTART) { /* a power-down may be less deep than asked for */
        call.x[0] = VML_PSCI_SUCCESS;
    }
    memcpy(x, call.x, sizeof(call.x));
    return call.action == VML_SMCCC_WAIT || call.action == VML_SMCCC_RESTART ? VML_A64_CALL_WAIT
                                                                             : VML_A64_CALL_DONE;
}

static uint64_t counter(void *context, uint32_t cpu, bool virtual_count)
{
    (void)context;
    return virtual_count ? vml_timer_virtual_count(&m.timer[cpu])
                         : vml_timer_physical_count(&m.timer[cpu]);
}

static void set_timer_offset(void *context, uint32_t cpu, uint64_t offset)
{
    (void)context;
    vml_timer_set_virtual_offset(&m.timer[cpu], offset);
}

static void make_cpus(void)
{
    struct vml_a64_machine_config config = {.memory = &m.memory,
                                            .mmio = &m.mmio,
                                            .sysreg = &m.sysreg,
                                            .irq_controller = &m.gic.controller,
                                            .firmware = firmware,
                                            .counter = counter,
                                            .set_timer_offset = set_timer_offset,
                                            .cpus = m.cpu_pointers,
                                            .max_cpus = CPUS,
                                            .single_thread = m.turns};
    struct vml_arm_ids model;

    must(vml_a64_machine_init(&m.cpus, &config), "machine");
    vml_a64_model_max(&model);
    model.CNTFRQ_EL0 = vml_clock_frequency(m.clock);
    if (m.gicv3) {
        model.ID_AA64PFR0_EL1 |= 1u << 24; /* GIC: the system registers are there */
    }
    for (uint32_t i = 0; i < CPUS; i++) {
        struct vml_a64_config cpu = {.cpu = {.index = i, .mpidr = i, .host_cpu = UINT32_MAX},
                                     .machine = &m.cpus,
                                     .model = &model,
                                     .storage_size = vml_a64_storage_size(CODE_PAGES),
                                     .code_pages = CODE_PAGES};

        m.cpu_storage[i] = aligned_alloc(VML_CACHE_LINE_SIZE, cpu.storage_size);
        must(m.cpu_storage[i] ? VML_OK : VML_ERR_NO_SPACE, "storage");
        cpu.storage = m.cpu_storage[i];
        must(vml_a64_init(&m.cpu[i], &cpu), "vCPU");
        m.by_index[i] = &m.cpu[i].cpu;
    }
    must(vml_cpu_set_init(&m.set, m.by_index, m.by_affinity, CPUS), "vCPUs");
}

static void make_firmware(void)
{
    struct vml_lifecycle_config life = {.cpus = &m.set, .boot = {.entry = ENTRY, .mode = 1}};
    struct vml_psci_config psci = {.cpus = &m.set, .lifecycle = &m.lifecycle};
    struct vml_smccc_config config = {.conduits = VML_SMCCC_HVC, .psci = &m.psci};

    must(vml_lifecycle_init(&m.lifecycle, &life), "lifecycle");
    must(vml_psci_init(&m.psci, &psci), "PSCI");
    must(vml_smccc_init(&m.firmware, &config), "SMCCC");
}

static void advance(void *context, uint64_t time)
{
    vml_virtual_clock_advance(context, time);
}

static uint64_t next_deadline(void *context)
{
    (void)context;
    return vml_clock_next(m.clock);
}

static void run_vcpu(void *context)
{
    vml_a64_thread(context);
}

static void run(void)
{
    struct vml_a64_turns turns = {.quantum = 1000,
                                  .until = UINT64_MAX,
                                  .advance = advance,
                                  .next = next_deadline,
                                  .context = &m.virtual_clock};

    must(vml_lifecycle_boot(&m.lifecycle), "boot");
    if (m.turns) {
        if (vml_a64_run_turns(&m.cpus, &turns) != VML_A64_EXIT_OFF) {
            fprintf(stderr, "a64: the guest waits for nothing\n");
            exit(1);
        }
        return;
    }
    for (uint32_t i = 0; i < CPUS; i++) {
        must(vml_thread_create(&m.threads[i], "vcpu", run_vcpu, &m.cpu[i]), "thread");
    }
    must(vml_cpus_wait_off(&m.set, VML_TIME_NEVER), "power off");
    for (uint32_t i = 0; i < CPUS; i++) {
        vml_cpu_recall(&m.cpu[i].cpu, VML_CPU_REQUEST_EXIT);
        vml_thread_join(&m.threads[i]);
    }
}

int main(int argc, char **argv)
{
    uint64_t instructions = 0;

    m.gicv3 = true;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "gicv2") == 0) {
            m.gicv3 = false;
        } else if (strcmp(argv[i], "turns") == 0) {
            m.turns = true;
        } else if (strcmp(argv[i], "gicv3") != 0) {
            fprintf(stderr, "usage: a64 [gicv2 | gicv3] [turns]\n");
            return 2;
        }
    }
    make_memory();
    make_gic();
    make_devices();
    make_cpus();
    make_firmware();
    run();
    for (uint32_t i = 0; i < CPUS; i++) {
        instructions += vml_a64_instructions(&m.cpu[i]);
        vml_a64_destroy(&m.cpu[i]);
        free(m.cpu_storage[i]);
    }
    printf("the machine is off after %llu instructions\n", (unsigned long long)instructions);
    return 0;
}
