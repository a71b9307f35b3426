/*
 * A bare-metal guest with two vCPUs on the KVM engine: all that a VMM does around it, in one file.
 *
 *     kvm gicv2    vml's interrupt controller and firmware, in user space
 *     kvm gicv3    the kernel's interrupt controller
 *
 * Prints what the guest prints; exit status 77 where there is no KVM for A64 guests.
 */
#include "guest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vml/gic_its.h>
#include <vml/linux_kvm.h>
#include <vml/psci.h>
#include <vml/roundup.h>

enum { CPUS = 2, SPIS = 64, LPIS = 64, RANGES = 4, IMAGE_SIZE = 1 << 18 };

extern const char guest_begin[];
extern const unsigned long guest_size;

static struct vml_kvm_system system_calls;
static struct vml_kvm_machine machine;
static struct vml_kvm vcpus[CPUS];
static struct vml_kvm *vcpu_pointers[CPUS];
static struct vml_cpu *cpus[CPUS], *sorted[CPUS];
static struct vml_cpu_set set;
static struct vml_thread threads[CPUS];
static struct vml_lifecycle lifecycle;
static struct vml_psci psci;
static struct vml_smccc smccc;
static struct vml_host_clock host_clock;
static struct vml_timer timer[CPUS];
static struct vml_timer *timers[CPUS];
/* The guest's GICv2; or a GICv3 and an ITS that carry the kernel's state into an image and out of it. */
static struct vml_gic gic;
static struct vml_its its;
static _Alignas(VML_CACHE_LINE_SIZE) uint8_t gic_storage[VML_GIC_STORAGE_LPIS(CPUS, SPIS, LPIS)];

static struct vml_memory ram, rom;
static struct vml_as as;
static uint64_t as_storage[VML_AS_STORAGE(4) / 8 + 1];
static struct vml_vbus bus;
static _Alignas(VML_CACHE_LINE_SIZE) uint8_t bus_storage[VML_BUS_STORAGE(RANGES, CPUS)];

static struct vml_irq device_irq;
static struct vml_signal snapshot_wanted, stop_wanted;
static uint8_t pair[16];
static uint8_t image[IMAGE_SIZE];

static void check(enum vml_status status, const char *what)
{
    if (status != VML_OK) {
        (void)fprintf(stderr, "%s: %s\n", what, vml_status_name(status));
        exit(status == VML_ERR_UNSUPPORTED ? 77 : 1);
    }
}

/* The example's own device; see guest.h. */
static enum vml_bus_result device_access(struct vml_device *device, struct vml_access *access)
{
    uint64_t offset = access->offset;

    (void)device;
    if (offset >= DEVICE_PAIR && offset + access->size <= DEVICE_PAIR + sizeof(pair)) {
        uint8_t *at = &pair[offset - DEVICE_PAIR];

        if (access->write) {
            memcpy(at, &access->value, access->size);
        } else {
            access->value = 0;
            memcpy(&access->value, at, access->size);
        }
    } else if (offset == DEVICE_PUTC && access->write) {
        (void)putchar((char)access->value);
        (void)fflush(stdout);
    } else if (offset == DEVICE_LINE && access->write) {
        vml_irq_set(&device_irq, access->value & 1);
    } else if (offset == DEVICE_SNAPSHOT && !access->write) {
        access->value = SNAPSHOT_VALUE;
        vml_signal_set(&snapshot_wanted);
    } else {
        return VML_BUS_FAULT;
    }
    return VML_BUS_OK;
}

static const struct vml_device_ops device_ops = {.access = device_access};
static struct vml_device device = {.name = "device", .ops = &device_ops};
static struct vml_bus_range device_range = {
    .base = GUEST_DEVICE, .size = DEVICE_SIZE, .device = &device};
static struct vml_bus_range gicd_range = {
    .base = GUEST_GICD, .size = VML_GICD_SIZE, .device = &gic.gicd};
static struct vml_bus_range gicc_range = {
    .base = GUEST_GICC, .size = VML_GICC_SIZE, .device = &gic.gicc};

static void make_memory(void)
{
    static struct vml_as_region regions[] = {
        {.name = "rom", .base = GUEST_ROM, .size = GUEST_ROM_SIZE, .flags = VML_AS_READONLY},
        {.name = "ram", .base = GUEST_RAM, .size = GUEST_RAM_SIZE},
    };
    static const uint32_t magic = 0x766d6c21;

    check(vml_memory_map(&ram, VML_MEMORY_ANONYMOUS, NULL, GUEST_RAM_SIZE, 0), "RAM");
    check(vml_memory_map(&rom, VML_MEMORY_ANONYMOUS, NULL, GUEST_ROM_SIZE, 0), "ROM");
    regions[0].host = rom.host;
    regions[1].host = ram.host;
    check(vml_as_init(&as, as_storage, 4), "address space");
    check(vml_as_add(&as, &regions[0]), "ROM");
    check(vml_as_add(&as, &regions[1]), "RAM");
    check(vml_as_load(&as, GUEST_ROM, &magic, sizeof(magic)), "ROM");
    check(vml_as_load(&as, GUEST_ENTRY, guest_begin, guest_size), "guest");
}

static void make_bus(bool user_gic)
{
    struct vml_vbus_config config = {.name = "mmio",
                                     .space = VML_SPACE_MMIO,
                                     .max_ranges = RANGES,
                                     .cpus = CPUS,
                                     .storage = bus_storage};
    struct vml_gic_config gic_config = {.version = user_gic ? 2 : 3,
                                        .cpus = CPUS,
                                        .spis = SPIS,
                                        .lpis = user_gic ? 0 : LPIS,
                                        .memory = &as,
                                        .output = user_gic ? vml_kvm_irq_output : NULL,
                                        .context = &machine,
                                        .storage = gic_storage,
                                        .storage_size = sizeof(gic_storage)};
    struct vml_its_config its_config = {.gic = &gic, .base = GUEST_ITS};

    check(vml_vbus_init(&bus, &config), "bus");
    check(vml_vbus_register(&bus, &device_range), "device");
    check(vml_gic_init(&gic, &gic_config), "GIC");
    if (user_gic) {
        check(vml_vbus_register(&bus, &gicd_range), "GICD");
        check(vml_vbus_register(&bus, &gicc_range), "GICC");
    } else {
        check(vml_its_init(&its, &its_config), "ITS");
    }
}

static enum vml_lifecycle_action event(void *context, const struct vml_lifecycle_event *e)
{
    (void)context;
    if (e->kind == VML_LIFECYCLE_OFF) {
        vml_signal_set(&stop_wanted);
    }
    return VML_LIFECYCLE_ACT;
}

static void make_vcpus(bool user_gic)
{
    static const struct vml_kvm_gic_config kernel_gic = {
        .gicd_base = GUEST_GICD, .gicr_base = GUEST_GICR, .its_base = GUEST_ITS, .spis = SPIS};
    struct vml_kvm_machine_config config = {.system = &system_calls,
                                            .memory = &as,
                                            .mmio = &bus,
                                            .irq_controller = user_gic ? &gic.controller : NULL,
                                            .gic = user_gic ? NULL : &kernel_gic,
                                            .smccc = user_gic ? &smccc : NULL,
                                            .lifecycle = &lifecycle,
                                            .cpus = vcpu_pointers,
                                            .max_cpus = CPUS};
    struct vml_psci_config psci_config = {.cpus = &set, .lifecycle = &lifecycle, .as = &as};
    struct vml_smccc_config smccc_config = {.conduits = VML_SMCCC_HVC, .psci = &psci};
    struct vml_lifecycle_config lifecycle_config = {
        .cpus = &set,
        .event = event,
        .boot = {.entry = GUEST_ENTRY, .context = user_gic ? 2 : 3, .mode = 1}};

    check(vml_kvm_machine_init(&machine, &config), "KVM");
    for (uint32_t i = 0; i < CPUS; i++) {
        struct vml_kvm_config vcpu = {.cpu = {.index = i, .mpidr = VML_MPIDR(0, 0, 0, i)},
                                      .machine = &machine};

        check(vml_kvm_init(&vcpus[i], &vcpu), "vCPU");
        cpus[i] = &vcpus[i].cpu;
    }
    check(vml_cpu_set_init(&set, cpus, sorted, CPUS), "vCPUs");
    check(vml_kvm_machine_ready(&machine), "KVM");
    device_irq = vml_irq_wire(machine.irqs, DEVICE_SPI, 0);
    if (!user_gic && machine.has.irqfd && machine.has.ioeventfd) {
        struct vml_kvm_ioeventfd doorbell = {
            .address = GUEST_DEVICE + DEVICE_DOORBELL, .size = 4, .eventfd = vml_linux_eventfd()};

        check(vml_kvm_ioeventfd(&machine, &doorbell, true), "ioeventfd");
        check(vml_kvm_irqfd(&machine, DOORBELL_SPI, doorbell.eventfd, true), "irqfd");
        lifecycle_config.boot.context |= 0x100;
    }
    check(vml_psci_init(&psci, &psci_config), "PSCI");
    check(vml_smccc_init(&smccc, &smccc_config), "firmware");
    check(vml_lifecycle_init(&lifecycle, &lifecycle_config), "lifecycle");
    (void)printf("%s, %s PSCI: ", user_gic ? "GICv2 in user space" : "GICv3 of the kernel",
                 machine.firmware ? "vml's" : "the kernel's");
    (void)fflush(stdout);
}

/* The timers are the kernel's; these carry their state into an image and out of it. */
static void make_timers(void)
{
    check(vml_host_clock_init(&host_clock, system_calls.CNTFRQ_EL0), "clock");
    for (uint32_t i = 0; i < CPUS; i++) {
        struct vml_timer_config config = {.clock = &host_clock.clock};

        check(vml_timer_init(&timer[i], &config), "timer");
        timers[i] = &timer[i];
    }
}

/* The kernel's interrupt controller, and then it is as after a reset. */
static void save_gic(struct vml_state_writer *w)
{
    check(vml_kvm_gic_get(&machine, &gic, &its), "GIC");
    gic.gicd.ops->save(&gic.gicd, w);
    its.device.ops->save(&its.device, w);
    check(vml_kvm_gic_reset(&machine, &gic, &its), "GIC");
}

static void restore_gic(struct vml_state_reader *r)
{
    check(gic.gicd.ops->restore(&gic.gicd, r), "GIC");
    check(its.device.ops->restore(&its.device, r), "ITS");
    check(vml_kvm_gic_set(&machine, &gic, &its), "GIC");
}

static void snapshot(void)
{
    const bool kernel_gic = !machine.config.irq_controller;
    struct vml_state_writer w;
    struct vml_state_reader r;
    struct vml_arm_state nothing = {.pstate = 0x3c5};

    vml_roundup(&set, NULL);
    vml_state_writer_init(&w, image, sizeof(image));
    check(vml_kvm_timers_get(&machine, timers), "timers");
    for (uint32_t i = 0; i < CPUS; i++) {
        check(vml_kvm_save(&vcpus[i], &w), "save");
        vml_timer_save(&timer[i], &w);
    }
    if (kernel_gic) {
        save_gic(&w);
    }
    check(vml_state_write_status(&w), "image");
    for (uint32_t i = 0; i < CPUS; i++) {
        check(vml_kvm_get_state(&vcpus[i], &nothing), "state");
        memset(nothing.x, 0x77, sizeof(nothing.x));
        memset(nothing.v, 0x77, sizeof(nothing.v));
        nothing.pc = 0;
        check(vml_kvm_set_state(&vcpus[i], &nothing), "state");
    }
    vml_state_reader_init(&r, image, w.used);
    for (uint32_t i = 0; i < CPUS; i++) {
        check(vml_kvm_restore(&vcpus[i], &r), "restore");
        check(vml_timer_restore(&timer[i], &r), "timer");
    }
    check(vml_kvm_timers_set(&machine, timers), "timers");
    if (kernel_gic) {
        restore_gic(&r);
    }
    vml_resume(&set, NULL);
}

static void vcpu_thread(void *context)
{
    vml_kvm_thread(context);
}

static void snapshot_thread(void *context)
{
    (void)context;
    check(vml_signal_wait_until(&snapshot_wanted, VML_TIME_NEVER), "snapshot");
    snapshot();
}

int main(int argc, char **argv)
{
    bool user_gic = argc < 2 || strcmp(argv[1], "gicv3") != 0;
    const char *why = vml_linux_kvm_unavailable();
    struct vml_thread snapshots;

    if (why) {
        (void)printf("%s\n", why);
        return 77;
    }
    check(vml_linux_kvm(&system_calls, 0), "KVM");
    vml_signal_init(&snapshot_wanted);
    vml_signal_init(&stop_wanted);
    make_memory();
    make_bus(user_gic);
    make_vcpus(user_gic);
    make_timers();
    for (uint32_t i = 0; i < CPUS; i++) {
        check(vml_thread_create(&threads[i], "vcpu", vcpu_thread, &vcpus[i]), "thread");
    }
    check(vml_thread_create(&snapshots, "snapshot", snapshot_thread, NULL), "thread");
    check(vml_lifecycle_boot(&lifecycle), "boot");
    check(vml_signal_wait_until(&stop_wanted, vml_platform_time_ns() + UINT64_C(60000000000)),
          "the guest's power-off");
    check(vml_cpus_wait_off(&set, VML_TIME_NEVER), "vCPUs off");
    for (uint32_t i = 0; i < CPUS; i++) {
        vml_cpu_recall(cpus[i], VML_CPU_REQUEST_EXIT);
        vml_thread_join(&threads[i]);
        vml_kvm_destroy(&vcpus[i]);
    }
    vml_kvm_machine_destroy(&machine);
    return 0;
}
