/* vm: runs an unmodified arm64 guest on vml's devices. See README.md, and `vm --help`. */
#define _GNU_SOURCE
#include "machine.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <vml/roundup.h>

/* Deterministic machines look at the pipe this often, in ticks of 16 ns. */
#define SLICE UINT64_C(1000000)

static struct vm machine;

static void on_signal(int number)
{
    int saved = errno;

    vm_post(&machine, number == SIGUSR1 ? VM_EVENT_SAVE : VM_EVENT_QUIT);
    errno = saved;
}

static void catch_signals(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1};
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};

    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        (void)sigaction(numbers[i], &action, NULL);
    }
    (void)signal(SIGPIPE, SIG_IGN);
}

struct worker {
    struct vm *vm;
    unsigned cpu;
};

static void worker_main(void *context)
{
    struct worker *worker = context;

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
    static struct worker workers[VM_MAX_CPUS];
    char event;

    for (unsigned i = 0; i < vm->options.cpus; i++) {
        char name[16];

        snprintf(name, sizeof(name), "vcpu%u", i);
        workers[i] = (struct worker){vm, i};
        vm_check(vml_thread_create(&vm->threads[i], name, worker_main, &workers[i]), "threads");
    }
    do {
        event = next_event(vm);
    } while (!serve(vm, event));
    for (unsigned i = 0; i < vm->options.cpus; i++) {
        vml_cpu_recall(vm->cpus[i], VML_CPU_REQUEST_EXIT);
    }
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
    for (;;) {
        char event;

        switch (vm->engine->run_alone(vm, vml_clock_now(vm->clock) + SLICE)) {
        case VM_ENGINE_OFF:
        case VM_ENGINE_TIME:
            break;
        case VM_ENGINE_STUCK: /* only the outside world can go on */
            break;
        }
        while (read(vm->events[0], &event, 1) == 1) {
            if (serve(vm, event)) {
                return event;
            }
        }
    }
}

static void open_events(struct vm *vm)
{
    if (pipe2(vm->events, O_CLOEXEC) != 0 || fcntl(vm->events[1], F_SETFL, O_NONBLOCK) != 0 ||
        (vm->options.deterministic && fcntl(vm->events[0], F_SETFL, O_NONBLOCK) != 0)) {
        vm_fail("cannot make a pipe: %s", strerror(errno));
    }
}

int main(int argc, char **argv)
{
    struct vm *vm = &machine;
    char event;

    vm_options_parse(&vm->options, argc, argv);
    open_events(vm);
    vm_create(vm);
    catch_signals();
    if (vm->options.restore) {
        vm_restore(vm, vm->options.restore);
    } else {
        vm_check(vml_lifecycle_boot(&vm->lifecycle), "boot");
    }
    vm_console_start(&vm->console, vml_pl011_end(&vm->uart));
    vm_virtio_start(vm);
    event = vm->options.deterministic ? run_alone(vm) : run_threads(vm);
    vm_virtio_stop(vm);
    vm_console_close(&vm->console);
    if (vm->options.stats) {
        vm_report(vm);
    }
    if (vm->options.deterministic && event == VM_EVENT_OFF) {
        fprintf(stderr, "vm: state %016llx\n", (unsigned long long)vm_state_hash(vm));
    }
    vm_destroy(vm);
    return 0;
}
