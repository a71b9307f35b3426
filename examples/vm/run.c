/* Runs a machine that was put together, until its end. */
#include "machine.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>
#include <vml/roundup.h>

/* Deterministic machines look at the pipe this often, in ticks of 16 ns. */
#define SLICE UINT64_C(1000000)
/* Characters that come in wake vCPUs, and nobody tells of them. */
#define STUCK_MS 5

static void worker_main(void *context)
{
    struct vm_worker *worker = context;
    uint32_t host_cpu = worker->vm->cpus[worker->cpu]->config.host_cpu;

    if (host_cpu != UINT32_MAX && vml_thread_bind(host_cpu) != VML_OK) {
        vml_log(VML_LOG_WARNING, "vCPU %u cannot be bound to host CPU %u", worker->cpu, host_cpu);
    }
    worker->vm->engine->run(worker->vm, worker->cpu);
}

/* Snapshot to the file of --save; the machine stands still afterwards, since its disks go with it. */
static bool save(struct vm *vm)
{
    if (!vm->options.save) {
        fprintf(stderr, "vm: SIGUSR1 ignored: there is no --save FILE\n");
        return false;
    }
    vml_roundup(&vm->cpu_set, NULL);
    vm_save(vm, vm->options.save);
    return true;
}

/* One event of the pipe. True: the machine has ended. */
static bool serve(struct vm *vm, char event)
{
    switch (event) {
    case VM_EVENT_OFF:
    case VM_EVENT_QUIT:
        return true;
    case VM_EVENT_SAVE:
        return save(vm);
    case VM_EVENT_RESET:
        vml_lifecycle_reboot(&vm->lifecycle, NULL);
        return false;
    default:
        return false;
    }
}

static char next_event(struct vm *vm)
{
    char event = 0;

    while (read(vm->events[0], &event, 1) < 0 && errno == EINTR) {
    }
    return event;
}

/* A thread for each vCPU. */
static char run_threads(struct vm *vm)
{
    char event;

    for (unsigned i = 0; i < vm->options.cpus; i++) {
        char name[16];

        snprintf(name, sizeof(name), "vcpu%u", i);
        vm->workers[i] = (struct vm_worker){vm, i};
        vm_check(vml_thread_create(&vm->threads[i], name, worker_main, &vm->workers[i]), "threads");
    }
    do {
        event = next_event(vm);
    } while (!serve(vm, event));
    for (unsigned i = 0; i < vm->options.cpus; i++) {
        vml_cpu_recall(vm->cpus[i], VML_CPU_REQUEST_EXIT);
    }
    vm_gdb_end(vm);
    if (event == VM_EVENT_SAVE) { /* to leave, which comes before anything else */
        vml_resume(&vm->cpu_set, NULL);
    }
    for (unsigned i = 0; i < vm->options.cpus; i++) {
        vml_thread_join(&vm->threads[i]);
    }
    return event;
}

/* All vCPUs in turn on this thread, in the virtual clock's time. */
static char run_alone(struct vm *vm)
{
    struct pollfd outside = {.fd = vm->events[0], .events = POLLIN};

    for (;;) {
        char event;

        switch (vm->engine->run_alone(vm, vml_clock_now(vm->clock) + SLICE)) {
        case VM_ENGINE_OFF:
        case VM_ENGINE_TIME:
            break;
        case VM_ENGINE_STUCK: /* only the outside world can go on: it is looked at now and then */
            (void)poll(&outside, 1, STUCK_MS);
            break;
        }
        while (read(vm->events[0], &event, 1) == 1) {
            if (serve(vm, event)) {
                return event;
            }
        }
    }
}

enum vm_event vm_run(struct vm *vm)
{
    char event;

    if (vm->options.restore) {
        vm_restore(vm, vm->options.restore);
    } else {
        vm_check(vml_lifecycle_boot(&vm->lifecycle), "boot");
    }
    vm_console_start(&vm->console, vml_pl011_end(&vm->uart));
    vm_virtio_start(vm);
    if (vm_engine_takes_notifications(vm)) {
        vm->engine->start(vm);
    }
    vm_gdb_start(vm);
    event = vm->options.deterministic ? run_alone(vm) : run_threads(vm);
    if (vm_engine_takes_notifications(vm)) {
        vm->engine->stop(vm);
    }
    vm_virtio_stop(vm);
    vm_console_close(&vm->console);
    vm_trace_end(vm);
    if (vm->options.stats) {
        vm_report(vm);
    }
    if (vm->options.deterministic && event == VM_EVENT_OFF) {
        fprintf(stderr, "vm: state %016llx\n", (unsigned long long)vm_state_hash(vm));
    }
    return (enum vm_event)event;
}
