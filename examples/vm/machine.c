/* Puts the machine together. */
#define _GNU_SOURCE
#include "machine.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <vml/arm_cpu_model.h>

enum {
    POWER_KEY_NS = 100000000,
};

/* 2026-01-01 00:00:00 UTC, when every deterministic machine starts. */
#define DETERMINISTIC_EPOCH UINT64_C(1767225600)

void vm_check(enum vml_status status, const char *what)
{
    if (status != VML_OK) {
        fprintf(stderr, "vm: %s: %s\n", what, vml_status_name(status));
        exit(1);
    }
}

void vm_post(struct vm *vm, enum vm_event event)
{
    const char byte = (char)event;

    (void)!write(vm->events[1], &byte, 1);
}

/* Strong entropy, or in a deterministic machine the same numbers each time (splitmix64). */
enum vml_status vm_entropy(void *context, void *buffer, size_t len)
{
    struct vm *vm = context;
    uint8_t *bytes = buffer;

    if (!vm->options.deterministic) {
        return vml_platform_entropy(buffer, len);
    }
    for (size_t i = 0; i < len; i++) {
        uint64_t z = vm->seed += UINT64_C(0x9e3779b97f4a7c15);

        z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
        z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
        bytes[i] = (uint8_t)(z >> 56);
    }
    return VML_OK;
}

/* ------------------------------------------------------------------------------ memory and buses */

static void add_region(struct vm *vm, const char *name, uint64_t base,
                       const struct vml_memory *host, uint32_t flags)
{
    struct vml_as_region *region = &vm->regions[vm->region_count++];

    *region = (struct vml_as_region){
        .name = name, .base = base, .size = host->size, .host = host->host, .flags = flags};
    vm_check(vml_as_add(&vm->as, region), name);
}

static void create_memory(struct vm *vm)
{
    enum vml_status status =
        vml_memory_map(&vm->ram, VML_MEMORY_ANONYMOUS, NULL, vm->options.memory, VML_MEMORY_HUGE);

    if (status != VML_OK) {
        vm_fail("--memory %lluM: this host cannot map so much",
                (unsigned long long)(vm->options.memory >> 20));
    }
    vm_check(vml_as_init(&vm->as, vm->as_storage, VM_MAX_REGIONS), "memory");
    add_region(vm, "ram", VM_RAM_BASE, &vm->ram, 0);
}

static void create_bus(struct vm *vm, struct vml_vbus *bus, const char *name, enum vml_space space)
{
    size_t size = VML_BUS_STORAGE(VM_MAX_RANGES, vm->options.cpus);
    size_t align = VML_CACHE_LINE_SIZE;
    struct vml_vbus_config config = {
        .name = name,
        .space = space,
        .max_ranges = VM_MAX_RANGES,
        .cpus = vm->options.cpus,
        .storage = aligned_alloc(align, (size + align - 1) / align * align),
        .debug = &vm->debug,
    };

    if (!config.storage) {
        vm_fail("out of memory");
    }
    vm_check(vml_vbus_init(bus, &config), name);
    vml_vbus_set_statistics(bus, vm->options.stats);
}

void vm_add_range(struct vm *vm, struct vml_vbus *bus, uint64_t base, uint64_t size,
                  struct vml_device *device, uint64_t device_offset)
{
    struct vml_bus_range *range = &vm->ranges[vm->range_count++];

    *range = (struct vml_bus_range){
        .base = base, .size = size, .device = device, .device_offset = device_offset};
    vm_check(vml_vbus_register(bus, range), device->name);
}

static void create_clock(struct vm *vm)
{
    uint64_t hz = vm->engine->counter_hz ? vm->engine->counter_hz(vm)
                  : vm->options.restore  ? vm->saved_ids.CNTFRQ_EL0
                                         : VM_COUNTER_HZ;

    if (vm->options.deterministic) {
        vm_check(vml_virtual_clock_init(&vm->virtual_clock, VM_COUNTER_HZ), "clock");
        vm->clock = &vm->virtual_clock.clock;
    } else {
        vm_check(vml_host_clock_init(&vm->host_clock, hz), "clock");
        vm->clock = &vm->host_clock.clock;
    }
}

/* ---------------------------------------------------------------------------- interrupts and time */

static void irq_output(void *context, uint32_t cpu, enum vml_irq_output output, bool level)
{
    struct vm *vm = context;

    vm->engine->irq_output(vm, cpu, output, level);
}

static void create_its(struct vm *vm)
{
    const struct vml_its_config config = {
        .gic = &vm->gic,
        .base = VM_ITS_BASE,
        .cache = vm->its_cache,
        .cache_size = VM_ITS_CACHE,
    };

    vm_check(vml_its_init(&vm->its, &config), "its");
}

static void gicv2_on_buses(struct vm *vm)
{
    vm_add_range(vm, &vm->mmio, VM_GICC_BASE, VM_GICC_SIZE, &vm->gic.gicc, 0);
    vm_check(
        vml_gicv2m_init(&vm->v2m, &vm->gic, VM_GICV2M_BASE, VM_SPI + VM_SPI_V2M, VM_SPI_V2M_COUNT),
        "gicv2m");
    vm_add_range(vm, &vm->mmio, VM_GICV2M_BASE, VM_GICV2M_SIZE, &vm->v2m.device, 0);
}

static void gicv3_on_buses(struct vm *vm)
{
    vm_add_range(vm, &vm->mmio, VM_ITS_BASE, VM_ITS_SIZE, &vm->its.device, 0);
    vm_add_range(vm, &vm->mmio, VM_GICR_BASE, vm->options.cpus * VM_GICR_CPU_SIZE, &vm->gic.gicr,
                 0);
    /* ICC_*_EL1 are op0 3, CRn 4 (PMR) and 12; the bus tells everything else apart. */
    vm_add_range(vm, &vm->sysreg, VML_SYSREG(3, 0, 4, 6, 0), 8, &vm->gic.icc,
                 VML_SYSREG(3, 0, 4, 6, 0));
    vm_add_range(vm, &vm->sysreg, VML_SYSREG(3, 0, 12, 8, 0),
                 VML_SYSREG(3, 0, 12, 15, 7) + 8 - VML_SYSREG(3, 0, 12, 8, 0), &vm->gic.icc,
                 VML_SYSREG(3, 0, 12, 8, 0));
}

/* Where the engine has brought a controller along, this one only carries its state into snapshots. */
static void create_gic(struct vm *vm)
{
    struct vml_gic_config config = {
        .version = vm->options.gic,
        .cpus = vm->options.cpus,
        .spis = VM_SPIS,
        .mpidrs = vm->mpidr,
        .output = vm->irqs ? NULL : irq_output,
        .context = vm,
        .debug = &vm->debug,
    };

    if (config.version == 3) {
        config.lpis = VM_LPIS;
        config.memory = &vm->as;
    }
    config.storage_size = vml_gic_storage_size(&config);
    config.storage = aligned_alloc(VML_CACHE_LINE_SIZE, config.storage_size);
    if (!config.storage) {
        vm_fail("out of memory");
    }
    vm_check(vml_gic_init(&vm->gic, &config), "gic");
    if (config.version == 3) {
        create_its(vm);
    }
    if (vm->irqs) {
        return;
    }
    vm->irqs = &vm->gic.controller;
    vm_add_range(vm, &vm->mmio, VM_GICD_BASE, VM_GICD_SIZE, &vm->gic.gicd, 0);
    if (config.version == 3) {
        gicv3_on_buses(vm);
    } else {
        gicv2_on_buses(vm);
    }
}

/* A wire to an SPI. */
static struct vml_irq spi(struct vm *vm, unsigned number)
{
    return vml_irq_wire(vm->irqs, VM_SPI + number, 0);
}

static void create_timers(struct vm *vm)
{
    for (unsigned i = 0; i < vm->options.cpus; i++) {
        struct vml_timer_config config = {.clock = vm->clock, .debug = &vm->debug};

        /* Those of an engine that has its own only carry their state into snapshots. */
        if (!vm->engine->counter_hz) {
            config.irq[VML_TIMER_PHYSICAL] = vml_irq_wire(vm->irqs, VM_PPI + VM_PPI_PHYS_TIMER, i);
            config.irq[VML_TIMER_VIRTUAL] = vml_irq_wire(vm->irqs, VM_PPI + VM_PPI_VIRT_TIMER, i);
        }
        vm_check(vml_timer_init(&vm->timer[i], &config), "timer");
        vm->timer_by_index[i] = &vm->timer[i];
    }
    vml_timers_init(&vm->timers, vm->timer_by_index, vm->options.cpus);
    vm_add_range(vm, &vm->sysreg, VML_TIMER_SYSREG_LO, VML_TIMER_SYSREG_SIZE, &vm->timers.device,
                 VML_TIMER_SYSREG_LO);
    vm_add_range(vm, &vm->sysreg, VML_CNTKCTL_EL1, 8, &vm->timers.device, VML_CNTKCTL_EL1);
}

/* ------------------------------------------------------------------------------------ peripherals */

static void create_peripherals(struct vm *vm)
{
    const struct vml_pl011_config uart = {
        .irq = spi(vm, VM_SPI_UART),
        .peer = vm_console_end(&vm->console),
        .clock = vm->clock,
        .uartclk_hz = VM_APB_CLOCK_HZ,
    };
    const struct vml_pl031_config rtc = {
        .irq = spi(vm, VM_SPI_RTC),
        .clock = vm->clock,
        .epoch_s = vm->options.deterministic ? DETERMINISTIC_EPOCH
                                             : vml_platform_realtime_ns() / 1000000000u,
    };
    const struct vml_pl061_config gpio = {.irq = spi(vm, VM_SPI_GPIO)};

    vm_check(vml_pl011_init(&vm->uart, &uart), "pl011");
    vm_add_range(vm, &vm->mmio, VM_UART_BASE, VM_PERIPHERAL, &vm->uart.device, 0);
    vm_check(vml_pl031_init(&vm->rtc, &rtc), "pl031");
    vm_add_range(vm, &vm->mmio, VM_RTC_BASE, VM_PERIPHERAL, &vm->rtc.device, 0);
    vm_check(vml_pl061_init(&vm->gpio, &gpio), "pl061");
    vm_add_range(vm, &vm->mmio, VM_GPIO_BASE, VM_PERIPHERAL, &vm->gpio.device, 0);
}

void vm_power_key(struct vm *vm)
{
    vml_pl061_set_input(&vm->gpio, VM_GPIO_POWER_KEY, true);
    /* Drivers debounce: a finger stays on a key for a while. */
    (void)usleep(POWER_KEY_NS / 1000);
    vml_pl061_set_input(&vm->gpio, VM_GPIO_POWER_KEY, false);
}

/* Flash for firmware: bank 0 holds it and is memory to the guest, bank 1 keeps its variables. */
static void create_flash(struct vm *vm)
{
    for (unsigned i = 0; i < 2; i++) {
        struct vml_flash_config config = {.size = VM_FLASH_SIZE, .read_only = i == 0};

        vm_check(vml_memory_map(&vm->flash_memory[i], VML_MEMORY_ANONYMOUS, NULL, VM_FLASH_SIZE, 0),
                 "flash");
        config.memory = vm->flash_memory[i].host;
        memset(config.memory, 0xff, VM_FLASH_SIZE);
        vm_check(vml_flash_init(&vm->flash[i], &config), "flash");
        vm_add_range(vm, &vm->mmio, VM_FLASH_BASE + i * VM_FLASH_SIZE, VM_FLASH_SIZE,
                     &vm->flash[i].device, 0);
    }
    memcpy(vm->flash_memory[0].host, vm->bios.bytes, vm->bios.size);
    add_region(vm, "flash", VM_FLASH_BASE, &vm->flash_memory[0], VML_AS_READONLY);
}

static void create_fw_cfg(struct vm *vm)
{
    const struct vml_fw_cfg_config config = {
        .as = &vm->as,
        .items = vm->fw_cfg_items,
        .max_items = VM_MAX_FW_CFG,
        .directory = vm->fw_cfg_directory,
        .directory_size = sizeof(vm->fw_cfg_directory),
    };

    vm_check(vml_fw_cfg_init(&vm->fw_cfg, &config), "fw_cfg");
    vm_boot_fw_cfg(vm);
    vm_add_range(vm, &vm->mmio, VM_FW_CFG_BASE, VM_FW_CFG_SIZE, &vm->fw_cfg.device, 0);
}

/* --------------------------------------------------------------------------------------- firmware */

/* KVM's PTP call: the host's wall clock and the guest's counter at one instant. */
static bool ptp(void *context, struct vml_cpu *cpu, bool physical, uint64_t *wall_ns,
                uint64_t *count)
{
    struct vm *vm = context;
    struct vml_timer *timer = &vm->timer[cpu->config.index];

    *wall_ns = vml_platform_realtime_ns();
    *count = physical ? vml_timer_physical_count(timer) : vml_timer_virtual_count(timer);
    return true;
}

static void create_firmware(struct vm *vm)
{
    /* Standby is the only power state below "on": CPU_SUSPEND waits for an interrupt. */
    static const uint32_t power_states[] = {0};
    const struct vml_psci_config psci = {
        .cpus = &vm->cpu_set,
        .lifecycle = &vm->lifecycle,
        .options = VML_PSCI_OPTION_SYSTEM_RESET2,
        .smccc_1_1 = true,
        .as = &vm->as,
        .power_states = power_states,
        .power_state_count = VML_ARRAY_SIZE(power_states),
    };
    const struct vml_smccc_config smccc = {
        .conduits = VML_SMCCC_HVC,
        .psci = &vm->psci,
        .trng = &vm->trng,
        .workarounds = {VML_SMCCC_WORKAROUND_NOT_REQUIRED, VML_SMCCC_WORKAROUND_NOT_REQUIRED,
                        VML_SMCCC_WORKAROUND_NOT_REQUIRED},
        .kvm = true,
        .ptp = vm->options.deterministic || vm->engine->counter_hz ? NULL : ptp,
        .context = vm,
    };

    vm->trng = (struct vml_trng){
        .entropy = vm_entropy, .context = vm, .uuid = {0x766d6c00, 0x74726e67, 0, 1}};
    vm_check(vml_psci_init(&vm->psci, &psci), "psci");
    vm_check(vml_smccc_init(&vm->smccc, &smccc), "smccc");
}

/* The guest asked for the end, or a new beginning. The lifecycle then does it. */
static enum vml_lifecycle_action lifecycle_event(void *context,
                                                 const struct vml_lifecycle_event *event)
{
    struct vm *vm = context;

    if (event->kind == VML_LIFECYCLE_OFF || event->kind == VML_LIFECYCLE_HIBERNATE) {
        vm_post(vm, VM_EVENT_OFF);
    }
    if (event->kind == VML_LIFECYCLE_RESET && vm_gdb_is_stepping(vm)) {
        vm_post(vm, VM_EVENT_RESET); /* the vCPU's thread, which would do it, stands */
        return VML_LIFECYCLE_TAKEN;
    }
    return VML_LIFECYCLE_ACT;
}

static void reload(void *context, struct vml_cpu_start *boot)
{
    struct vm *vm = context;

    vml_psci_reset(&vm->psci);
    if (vm->engine->gic_reset) {
        vm->engine->gic_reset(vm);
    }
    vm_boot_load(vm, boot);
    vm->engine->memory_changed(vm);
}

static void create_lifecycle(struct vm *vm)
{
    struct vml_lifecycle_config config = {
        .cpus = &vm->cpu_set,
        .buses = vm->buses,
        .bus_count = VML_ARRAY_SIZE(vm->buses),
        .event = lifecycle_event,
        .reload = reload,
        .context = vm,
    };

    vm->buses[0] = &vm->mmio;
    vm->buses[1] = &vm->sysreg;
    vm_boot_load(vm, &config.boot);
    vm_check(vml_lifecycle_init(&vm->lifecycle, &config), "lifecycle");
}

/* -------------------------------------------------------------------------------------- all of it */

static void open_events(struct vm *vm)
{
    if (pipe2(vm->events, O_CLOEXEC) != 0 || fcntl(vm->events[1], F_SETFL, O_NONBLOCK) != 0 ||
        (vm->options.deterministic && fcntl(vm->events[0], F_SETFL, O_NONBLOCK) != 0)) {
        vm_fail("cannot make a pipe: %s", strerror(errno));
    }
}

static void start_debug(struct vm *vm)
{
    static const char *const levels[] = {"none", "condensed", "detailed", "full"};
    const char *wanted = vm->options.debug;
    unsigned level = 0;

    while (level < VML_ARRAY_SIZE(levels) && strcmp(wanted, levels[level]) != 0) {
        level++;
    }
    if (level == VML_ARRAY_SIZE(levels)) {
        vm_fail("--debug '%s': must be none, condensed, detailed or full", wanted);
    }
    vml_debug_init(&vm->debug);
    vml_debug_set_level(&vm->debug, (enum vml_debug_level)level);
}

void vm_create(struct vm *vm)
{
    static unsigned machines;
    const struct vm_options *options = &vm->options;

    vm->number = machines++;
    open_events(vm);
    if (options->restore) {
        vm_restore_ids(vm, options->restore);
    }

    vm->engine = vm_engine_find(options);
    for (unsigned i = 0; i < options->cpus; i++) {
        vm->mpidr[i] = VML_MPIDR(0, 0, i / 16, i % 16); /* a GICv3 SGI reaches 16 of an Aff1 */
    }
    vm_boot_read(vm);
    start_debug(vm);
    vm_trace_start(vm);
    create_memory(vm);
    create_bus(vm, &vm->mmio, "mmio", VML_SPACE_MMIO);
    create_bus(vm, &vm->sysreg, "sysreg", VML_SPACE_SYSREG);
    vm->irqs = vm->engine->begin ? vm->engine->begin(vm) : NULL;
    create_clock(vm);
    create_gic(vm);
    create_timers(vm);
    vm_console_open(&vm->console, vm, "--console", options->console);
    create_peripherals(vm);
    if (options->bios) {
        create_flash(vm);
    }
    vm_pci_create(vm);
    vm_virtio_create(vm);
    vm->engine->create(vm);
    vm_check(vml_cpu_set_init(&vm->cpu_set, vm->cpus, vm->cpus_by_affinity, options->cpus),
             "vCPUs");
    vm_boot_place(vm);
    if (options->bios) {
        create_fw_cfg(vm);
    }
    create_firmware(vm);
    create_lifecycle(vm);
    vm_gdb_open(vm);
}

void vm_destroy(struct vm *vm)
{
    vm_gdb_close(vm);
    vm_virtio_destroy(vm);
    vm_pci_destroy(vm);
    vm_console_close(&vm->console);
    vm->engine->destroy(vm);
    for (unsigned i = 0; i < vm->options.cpus; i++) {
        vml_timer_destroy(&vm->timer[i]);
    }
    vml_pl011_destroy(&vm->uart);
    vml_pl031_destroy(&vm->rtc);
    vml_pl061_destroy(&vm->gpio);
    if (vm->options.bios) {
        vml_fw_cfg_destroy(&vm->fw_cfg);
        for (unsigned i = 0; i < 2; i++) {
            vml_flash_destroy(&vm->flash[i]);
            vml_memory_unmap(&vm->flash_memory[i]);
        }
    }
    vml_cpu_set_destroy(&vm->cpu_set);
    if (!vm->options.deterministic) {
        vml_host_clock_destroy(&vm->host_clock);
    }
    vml_memory_unmap(&vm->ram);
    free(vm->gic.config.storage);
    free(vm->mmio.config.storage);
    free(vm->sysreg.config.storage);
}
