/* Linux's KVM as the machine's engine: on arm64 hosts. */
#include "machine.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <vml/a64.h>
#include <vml/linux_kvm.h>

enum { MAX_NOTIFICATIONS = 64 };

/* A virtqueue whose notifications the kernel turns into an eventfd's signals. */
struct notification {
    struct vm_virtio *virtio;
    uint32_t queue;
    struct vml_kvm_ioeventfd fd;
};

struct kvm_engine {
    struct vml_kvm_system system;
    struct vml_kvm_machine machine;
    struct vml_kvm_gic_config gic;
    struct vml_kvm cpus[VM_MAX_CPUS];
    struct vml_kvm *by_index[VM_MAX_CPUS];

    struct notification notifications[MAX_NOTIFICATIONS];
    struct pollfd polled[MAX_NOTIFICATIONS + 1]; /* the last: `quit` */
    unsigned notification_count;
    int quit;
    uint64_t notified;
    struct vml_thread notifier;
};

static struct kvm_engine *engine_of(struct vm *vm)
{
    return vm->engine_state;
}

static const char *unavailable(const struct vm_options *options)
{
    if (options->deterministic) {
        return "a --deterministic machine needs the software CPU (--accel a64)";
    }
    if (options->pci_devices != 0 && (options->save || options->restore)) {
        return "--save and --restore with devices on PCI need the software CPU (--accel a64)";
    }
    if (options->gdb) {
        return "--gdb needs the software CPU (--accel a64)";
    }
    return vml_linux_kvm_unavailable();
}

static enum vml_status open_machine(struct vm *vm)
{
    struct kvm_engine *engine = engine_of(vm);
    struct vml_kvm_machine_config config = {
        .system = &engine->system,
        .memory = &vm->as,
        .mmio = &vm->mmio,
        .irq_controller = vm->options.gic == 2 ? &vm->gic.controller : NULL,
        .gic = vm->options.gic == 2 ? NULL : &engine->gic,
        .smccc = &vm->smccc,
        .lifecycle = &vm->lifecycle,
        .cpus = engine->by_index,
        .max_cpus = VM_MAX_CPUS,
    };

    return vml_kvm_machine_init(&engine->machine, &config);
}

static struct vml_irq_controller *begin(struct vm *vm)
{
    struct kvm_engine *engine = calloc(1, sizeof(*engine));
    enum vml_status status;

    if (!engine) {
        vm_fail("out of memory");
    }
    vm->engine_state = engine;
    engine->gic = (struct vml_kvm_gic_config){.gicd_base = VM_GICD_BASE,
                                              .gicr_base = VM_GICR_BASE,
                                              .its_base = VM_ITS_BASE,
                                              .spis = VM_SPIS};
    vm_check(vml_linux_kvm(&engine->system, 0), "kvm");
    status = open_machine(vm);
    if (status == VML_ERR_UNSUPPORTED && vm->options.gic == 3 &&
        vm->options.cpus <= VM_MAX_CPUS_GICV2) {
        fprintf(stderr, "vm: kvm: the machine gets a GICv2, in user space\n");
        vm->options.gic = 2;
        status = open_machine(vm);
    }
    vm_check(status, "kvm");
    /* Which vCPUs are on is the kernel's, where PSCI is. */
    if ((vm->options.save || vm->options.restore) && !engine->machine.firmware) {
        vm_fail(
            "--save and --restore need a kernel that forwards firmware calls (Linux 6.4 and up)");
    }
    return vm->options.gic == 2 ? NULL : engine->machine.irqs;
}

/* A machine that may be saved has no more than the software CPU can go on with, where that can be. */
static void limit_ids(void *context, struct vml_arm_ids *ids)
{
    const struct vml_arm_ids offered = *ids;

    (void)context;
    for (uint32_t i = 0; vml_arm_id_reg(i); i++) {
        const struct vml_arm_state_reg *row = vml_arm_id_reg(i);
        uint64_t value;

        memcpy(&value, (const char *)&offered + row->offset, sizeof(value));
        /* What CPU it is, and its caches, are the host's. */
        if (row->offset >= offsetof(struct vml_arm_ids, ID_AA64PFR0_EL1)) {
            (void)vml_a64_model_limit(ids, row->sysreg, value);
        }
    }
}

static void create(struct vm *vm)
{
    struct kvm_engine *engine = engine_of(vm);

    vm_check(vml_kvm_memory_changed(&engine->machine), "kvm: memory");
    for (uint32_t i = 0; i < vm->options.cpus; i++) {
        struct vml_kvm_config config = {
            .cpu = {.index = i,
                    .mpidr = vm->mpidr[i],
                    .host_cpu = vm->options.host_cpu[i],
                    .debug = &vm->debug},
            .machine = &engine->machine,
            .ids = vm->options.restore ? &vm->saved_ids : NULL,
            .limit = vm->options.save && !vm->options.restore ? limit_ids : NULL,
        };

        vm_check(vml_kvm_init(&engine->cpus[i], &config), "kvm: vCPU");
        vm->cpus[i] = &engine->cpus[i].cpu;
    }
    vm_check(vml_kvm_machine_ready(&engine->machine), "kvm");
}

static void destroy(struct vm *vm)
{
    struct kvm_engine *engine = engine_of(vm);

    for (uint32_t i = 0; i < vm->options.cpus; i++) {
        vml_kvm_destroy(&engine->cpus[i]);
    }
    vml_kvm_machine_destroy(&engine->machine);
    free(engine);
}

static void irq_output(struct vm *vm, uint32_t cpu, enum vml_irq_output output, bool level)
{
    vml_kvm_irq_output(&engine_of(vm)->machine, cpu, output, level);
}

static uint64_t counter_hz(struct vm *vm)
{
    return engine_of(vm)->system.CNTFRQ_EL0;
}

/* A thread of its own serves what guests notify, while their vCPUs go on. */
static void notifier_main(void *context)
{
    struct kvm_engine *engine = context;
    const unsigned count = engine->notification_count;

    while (poll(engine->polled, count + 1, -1) >= 0 && !engine->polled[count].revents) {
        for (unsigned i = 0; i < count; i++) {
            uint64_t signals;

            if (engine->polled[i].revents &&
                read(engine->polled[i].fd, &signals, sizeof(signals)) == sizeof(signals)) {
                engine->notified += signals;
                vml_virtio_mmio_notify(&engine->notifications[i].virtio->mmio,
                                       engine->notifications[i].queue);
            }
        }
    }
}

static void join_queue(struct vm *vm, struct vm_virtio *virtio, unsigned slot, uint32_t queue)
{
    struct kvm_engine *engine = engine_of(vm);
    struct notification *n = &engine->notifications[engine->notification_count];

    *n = (struct notification){
        .virtio = virtio,
        .queue = queue,
        .fd = {.address = VM_VIRTIO_BASE + slot * VM_VIRTIO_STRIDE + VML_VIRTIO_MMIO_NOTIFY,
               .size = 4,
               .match = true,
               .value = queue,
               .eventfd = vml_linux_eventfd()}};
    if (n->fd.eventfd < 0 || vml_kvm_ioeventfd(&engine->machine, &n->fd, true) != VML_OK) {
        if (n->fd.eventfd >= 0) {
            close(n->fd.eventfd);
        }
        return; /* its notifications go on to be accesses to the transport */
    }
    engine->polled[engine->notification_count++] =
        (struct pollfd){.fd = n->fd.eventfd, .events = POLLIN};
}

static void start(struct vm *vm)
{
    struct kvm_engine *engine = engine_of(vm);

    for (unsigned i = 0, slot = 0; i < vm->virtio_count; i++) {
        struct vm_virtio *virtio = &vm->virtio[i];

        if (virtio->options->pci) {
            continue; /* where its notifications are is for the guest to say */
        }
        for (uint32_t queue = 0;
             vml_virtio_queue(virtio->dev, queue) && engine->notification_count < MAX_NOTIFICATIONS;
             queue++) {
            join_queue(vm, virtio, slot, queue);
        }
        slot++;
    }
    engine->quit = vml_linux_eventfd();
    engine->polled[engine->notification_count] =
        (struct pollfd){.fd = engine->quit, .events = POLLIN};
    vm_check(vml_thread_create(&engine->notifier, "notify", notifier_main, engine), "threads");
}

static void stop(struct vm *vm)
{
    struct kvm_engine *engine = engine_of(vm);
    const uint64_t one = 1;

    (void)!write(engine->quit, &one, sizeof(one));
    vml_thread_join(&engine->notifier);
    for (unsigned i = 0; i < engine->notification_count; i++) {
        vm_check(vml_kvm_ioeventfd(&engine->machine, &engine->notifications[i].fd, false),
                 "kvm: ioeventfd");
        close(engine->notifications[i].fd.eventfd);
    }
    close(engine->quit);
    if (vm->options.stats) {
        fprintf(stderr, "vm: %llu notifications by eventfd\n",
                (unsigned long long)engine->notified);
    }
}

static void run(struct vm *vm, uint32_t cpu)
{
    vml_kvm_thread(&engine_of(vm)->cpus[cpu]);
}

static void memory_changed(struct vm *vm)
{
    vm_check(vml_kvm_memory_changed(&engine_of(vm)->machine), "kvm: memory");
}

static void timers_out(struct vm *vm)
{
    vm_check(vml_kvm_timers_get(&engine_of(vm)->machine, vm->timer_by_index), "kvm: timers");
}

static void timers_in(struct vm *vm)
{
    vm_check(vml_kvm_timers_set(&engine_of(vm)->machine, vm->timer_by_index), "kvm: timers");
}

static void gic_out(struct vm *vm)
{
    if (vm->options.gic == 3) {
        vm_check(vml_kvm_gic_get(&engine_of(vm)->machine, &vm->gic, &vm->its), "kvm: GICv3");
    }
}

static void gic_in(struct vm *vm)
{
    if (vm->options.gic == 3) {
        vm_check(vml_kvm_gic_set(&engine_of(vm)->machine, &vm->gic, &vm->its), "kvm: GICv3");
    }
}

static void gic_reset(struct vm *vm)
{
    if (vm->options.gic == 3) {
        vm_check(vml_kvm_gic_reset(&engine_of(vm)->machine, &vm->gic, &vm->its), "kvm: GICv3");
    }
}

static void save(struct vm *vm, uint32_t cpu, struct vml_state_writer *w)
{
    vm_check(vml_kvm_save(&engine_of(vm)->cpus[cpu], w), "kvm: vCPU");
}

static enum vml_status restore(struct vm *vm, uint32_t cpu, struct vml_state_reader *r)
{
    return vml_kvm_restore(&engine_of(vm)->cpus[cpu], r);
}

const struct vm_engine vm_engine_kvm = {
    .name = "kvm",
    .unavailable = unavailable,
    .begin = begin,
    .create = create,
    .destroy = destroy,
    .irq_output = irq_output,
    .counter_hz = counter_hz,
    .start = start,
    .stop = stop,
    .run = run,
    .memory_changed = memory_changed,
    .timers_out = timers_out,
    .timers_in = timers_in,
    .gic_out = gic_out,
    .gic_in = gic_in,
    .gic_reset = gic_reset,
    .save = save,
    .restore = restore,
};
