/*
 * The machine, as the debugger's stub sees it.
 *
 * It stands by a round-up, which whoever stops it brings about and the debugger undoes.  Steps are done by
 * the stub's thread while it stands, without interrupts: a clock that goes on would end each of them in its
 * handler.
 */
#include "machine.h"

#include <stdio.h>
#include <string.h>
#include <vml/roundup.h>

/* Not on the thread of a vCPU that is active. */
static void halt(struct vm *vm, uint32_t cpu, enum vml_gdb_reason reason)
{
    struct vm_gdb *gdb = &vm->gdb;
    bool first;

    vml_roundup(&vm->cpu_set, NULL);
    vml_mutex_lock(&gdb->lock);
    first = !gdb->halted && !gdb->ended;
    gdb->halted |= first;
    vml_mutex_unlock(&gdb->lock);
    if (!first) { /* it is stopped already: of two reasons one is told */
        vml_resume(&vm->cpu_set, NULL);
        return;
    }
    for (unsigned i = 0; i < vm->options.cpus; i++) {
        vml_cpu_request_features(vm->cpus[i], VML_CPU_BY_INTROSPECTION, 0);
    }
    vml_gdb_stopped(&gdb->stub, cpu, reason);
}

static void let_go(struct vm *vm)
{
    bool halted;

    vml_mutex_lock(&vm->gdb.lock);
    halted = vm->gdb.halted;
    vm->gdb.halted = false;
    vml_mutex_unlock(&vm->gdb.lock);
    if (halted) {
        vml_resume(&vm->cpu_set, NULL);
    }
}

static void stop(void *context)
{
    halt(context, 0, VML_GDB_INTERRUPTED);
}

static void step(struct vm *vm, uint32_t cpu)
{
    enum vml_cpu_state state = vml_cpu_state(vm->cpus[cpu]);

    if (state != VML_CPU_OFF && state != VML_CPU_ON_PENDING) {
        atomic_store(&vm->gdb.stepping, true);
        vm->engine->debug->step(vm, cpu);
        atomic_store(&vm->gdb.stepping, false);
        vml_cpu_recall(vm->cpus[cpu], VML_CPU_REQUEST_IRQ); /* it may have waited */
    }
    vml_gdb_stopped(&vm->gdb.stub, cpu, VML_GDB_STEPPED);
}

static enum vml_status resume(void *context, enum vml_gdb_how how, uint32_t cpu)
{
    struct vm *vm = context;

    if (how == VML_GDB_STEP) {
        step(vm, cpu);
        return VML_OK;
    }
    for (unsigned i = 0; how == VML_GDB_CONTINUE_ONE && i < vm->options.cpus; i++) {
        vml_cpu_request_features(vm->cpus[i], VML_CPU_BY_INTROSPECTION,
                                 i == cpu ? 0 : VML_CPU_PAUSED);
    }
    let_go(vm);
    return VML_OK;
}

static bool read_register(void *context, uint32_t cpu, uint32_t number, uint8_t *bytes)
{
    struct vm *vm = context;

    return vm->engine->debug->read_register(vm, cpu, number, bytes);
}

static bool write_register(void *context, uint32_t cpu, uint32_t number, const uint8_t *bytes)
{
    struct vm *vm = context;

    return vm->engine->debug->write_register(vm, cpu, number, bytes);
}

/* Memory at a virtual address, up to the end of its page; NULL: none. Devices are left alone. */
static void *memory_at(struct vm *vm, uint32_t cpu, uint64_t address, uint64_t *len, bool write)
{
    uint64_t pa;

    *len = vml_min_u64(*len, 4096 - address % 4096);
    if (!vm->engine->debug->translate(vm, cpu, address, &pa)) {
        return NULL;
    }
    return vml_as_translate(&vm->as, pa, *len, write ? VML_AS_WRITE : VML_AS_READ);
}

static size_t read_memory(void *context, uint32_t cpu, uint64_t address, uint8_t *bytes, size_t len)
{
    size_t done = 0;

    while (done < len) {
        uint64_t n = len - done;
        const void *from = memory_at(context, cpu, address + done, &n, false);

        if (!from) {
            break;
        }
        memcpy(bytes + done, from, (size_t)n);
        done += (size_t)n;
    }
    return done;
}

static size_t write_memory(void *context, uint32_t cpu, uint64_t address, const uint8_t *bytes,
                           size_t len)
{
    struct vm *vm = context;
    size_t done = 0;

    while (done < len) {
        uint64_t n = len - done;
        void *to = memory_at(vm, cpu, address + done, &n, true);

        if (!to) {
            break;
        }
        memcpy(to, bytes + done, (size_t)n);
        done += (size_t)n;
    }
    vm->engine->memory_changed(vm); /* it may have been code */
    return done;
}

static enum vml_status set_breakpoints(void *context, const uint64_t *addresses, uint32_t count)
{
    struct vm *vm = context;

    vm->engine->debug->set_breakpoints(vm, addresses, count);
    return VML_OK;
}

static size_t describe(void *context, uint32_t cpu, char *text, size_t size)
{
    static const char *const states[] = {
        [VML_CPU_OFF] = "off",      [VML_CPU_ON_PENDING] = "starts", [VML_CPU_ON] = "on",
        [VML_CPU_EMULATING] = "on", [VML_CPU_SUSPENDED] = "waits",
    };
    struct vm *vm = context;
    int length = snprintf(text, size, "vCPU %u: %s", cpu, states[vml_cpu_state(vm->cpus[cpu])]);

    return length < 0 ? 0 : (size_t)vml_min_u64((uint64_t)length, size - 1);
}

static void kill_machine(void *context)
{
    vm_post(context, VM_EVENT_QUIT);
}

static const struct vml_gdb_ops ops = {
    .stop = stop,
    .resume = resume,
    .read_register = read_register,
    .write_register = write_register,
    .read_memory = read_memory,
    .write_memory = write_memory,
    .set_breakpoints = set_breakpoints,
    .describe = describe,
    .kill = kill_machine,
};

void vm_gdb_open(struct vm *vm)
{
    const char *where = vm->options.gdb;
    enum vml_char_host_kind kind = VML_CHAR_HOST_PTY;
    struct vm_gdb *gdb = &vm->gdb;
    const char *path = NULL;
    enum vml_status status;

    if (!where) {
        return;
    }
    if (strncmp(where, "tcp:", 4) == 0) {
        kind = VML_CHAR_HOST_TCP;
        path = where + 4;
    } else if (strncmp(where, "unix:", 5) == 0) {
        kind = VML_CHAR_HOST_UNIX;
        path = where + 5;
    } else if (strcmp(where, "pty") != 0) {
        vm_fail("--gdb '%s': must be tcp:PORT, unix:PATH or pty", where);
    }
    status = vml_char_host_open(&gdb->host, kind, path);
    if (status != VML_OK) {
        vm_fail("--gdb '%s': cannot be opened (%s)", where, vml_status_name(status));
    }
    vml_mutex_init(&gdb->lock);
    gdb->open = true;
}

void vm_gdb_start(struct vm *vm)
{
    struct vm_gdb *gdb = &vm->gdb;
    struct vml_gdb_config config = {
        .ops = &ops,
        .context = vm,
        .target = &vml_gdb_aarch64,
        .cpus = vm->options.cpus,
        .stopped = vm->options.gdb_wait,
    };
    struct vml_chardev end;

    if (!gdb->open) {
        return;
    }
    config.peer = vml_char_host_end(&gdb->host);
    if (vm->options.gdb_wait) {
        for (unsigned i = 0; i < vm->options.cpus; i++) {
            if (vml_cpu_state(vm->cpus[i]) == VML_CPU_ON_PENDING) { /* to show where it starts */
                vm_check(vml_cpu_wait_on(vm->cpus[i]), "vCPU");
                vml_cpu_park(vm->cpus[i]);
            }
        }
        vml_roundup(&vm->cpu_set, NULL);
        gdb->halted = true;
    }
    vm_check(vml_gdb_init(&gdb->stub, &config), "gdb");
    end = vml_gdb_end(&gdb->stub);
    vm_check(vml_char_host_start(&gdb->host, &end), "gdb");
    fprintf(stderr, "vm: gdb: target remote %s%s\n",
            gdb->host.kind == VML_CHAR_HOST_TCP ? "localhost:" : "", gdb->host.name);
}

void vm_gdb_end(struct vm *vm)
{
    if (!vm->gdb.open) {
        return;
    }
    vml_mutex_lock(&vm->gdb.lock);
    vm->gdb.ended = true;
    vml_mutex_unlock(&vm->gdb.lock);
    vml_gdb_exited(&vm->gdb.stub);
    let_go(vm);
}

void vm_gdb_close(struct vm *vm)
{
    if (vm->gdb.open) {
        vml_char_host_close(&vm->gdb.host);
        vml_gdb_destroy(&vm->gdb.stub);
        vml_mutex_destroy(&vm->gdb.lock);
        vm->gdb.open = false;
    }
}

void vm_gdb_break(struct vm *vm, uint32_t cpu)
{
    halt(vm, cpu, VML_GDB_BREAKPOINT);
}

bool vm_gdb_is_stepping(const struct vm *vm)
{
    return atomic_load(&vm->gdb.stepping);
}
