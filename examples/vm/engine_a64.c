/* The software CPU as the machine's engine. */
#include "machine.h"

#include <stdlib.h>
#include <string.h>
#include <vml/a64.h>
#include <vml/arm_cpu_model.h>

enum {
    CODE_PAGES = 1024, /* 4 KiB pages of decoded code for each vCPU */

    /* Deterministic machines: a turn, and how many instructions pass in a tick of 16 ns. */
    TURN = 10000,
    INSTRUCTIONS_A_TICK = 16,
};

struct a64_engine {
    struct vml_a64_machine machine;
    struct vml_a64 cpus[VM_MAX_CPUS];
    struct vml_a64 *by_index[VM_MAX_CPUS];
    void *storage[VM_MAX_CPUS];
    uint64_t time; /* instructions, when deterministic */
};

static struct a64_engine *engine_of(struct vm *vm)
{
    return vm->engine_state;
}

static const char *unavailable(const struct vm_options *options)
{
    (void)options;
    return NULL;
}

/* HVC: to the firmware, and what it decides is done. */
static enum vml_a64_call_result firmware(void *context, struct vml_a64 *cpu, bool smc, uint16_t imm,
                                         uint64_t x[18])
{
    struct vm *vm = context;
    struct vml_smccc_call call = {.cpu = &cpu->cpu, .conduit = smc ? VML_SMCCC_SMC : VML_SMCCC_HVC};

    memcpy(call.x, x, sizeof(call.x));
    if (imm != 0 || vml_smccc_handle(&vm->smccc, &call) != VML_OK) {
        return VML_A64_CALL_UNDEFINED;
    }
    /* VML_SMCCC_RESTART needs a power state that this machine has not; VML_SMCCC_NO_RETURN: the run
     * loop sees what has become of the vCPU. */
    memcpy(x, call.x, sizeof(call.x));
    return call.action == VML_SMCCC_WAIT ? VML_A64_CALL_WAIT : VML_A64_CALL_DONE;
}

static uint64_t counter(void *context, uint32_t cpu, bool virtual_count)
{
    struct vm *vm = context;

    return virtual_count ? vml_timer_virtual_count(&vm->timer[cpu])
                         : vml_timer_physical_count(&vm->timer[cpu]);
}

static void set_timer_offset(void *context, uint32_t cpu, uint64_t offset)
{
    struct vm *vm = context;

    vml_timer_set_virtual_offset(&vm->timer[cpu], offset);
}

/* A named model, as far as the engine has it. */
static void choose_model(struct vm *vm, struct vml_arm_ids *model)
{
    const struct vml_arm_cpu_model *named = vml_arm_cpu_model_find(vm->options.cpu);

    if (!named) {
        char names[128] = "";

        for (uint32_t i = 0; vml_arm_cpu_model_at(i); i++) {
            strncat(names, i ? ", " : "", sizeof(names) - strlen(names) - 1);
            strncat(names, vml_arm_cpu_model_at(i)->name, sizeof(names) - strlen(names) - 1);
        }
        vm_fail("--cpu '%s': there are %s", vm->options.cpu, names);
    }
    if (vm->options.restore) { /* the guest goes on with what it has found so far */
        *model = vm->saved_ids;
        return;
    }
    vml_a64_model_v8_0(model);
    for (unsigned i = 0; i < VML_ARM_ID_COUNT; i++) {
        (void)vml_a64_model_limit(model, vml_arm_id_sysreg(i), named->id[i]);
    }
    model->CNTFRQ_EL0 = VM_COUNTER_HZ;
    if (vm->options.gic == 3) {
        model->ID_AA64PFR0_EL1 |= UINT64_C(1) << 24; /* GIC: the system registers are there */
    }
}

static void create(struct vm *vm)
{
    struct a64_engine *engine = calloc(1, sizeof(*engine));
    struct vml_a64_machine_config machine = {
        .memory = &vm->as,
        .mmio = &vm->mmio,
        .sysreg = &vm->sysreg,
        .irq_controller = &vm->gic.controller,
        .firmware = firmware,
        .counter = counter,
        .set_timer_offset = set_timer_offset,
        .context = vm,
        .max_cpus = VM_MAX_CPUS,
        .single_thread = vm->options.deterministic,
    };
    size_t size = vml_a64_storage_size(CODE_PAGES);
    struct vml_arm_ids model;
    enum vml_status status;

    choose_model(vm, &model);
    if (!engine) {
        vm_fail("out of memory");
    }
    vm->engine_state = engine;
    machine.cpus = engine->by_index;
    vm_check(vml_a64_machine_init(&engine->machine, &machine), "a64");
    size = (size + VML_CACHE_LINE_SIZE - 1) / VML_CACHE_LINE_SIZE * VML_CACHE_LINE_SIZE;
    for (uint32_t i = 0; i < vm->options.cpus; i++) {
        struct vml_a64_config config = {
            .cpu = {.index = i,
                    .mpidr = vm->mpidr[i],
                    .host_cpu = vm->options.host_cpu[i],
                    .debug = &vm->debug},
            .machine = &engine->machine,
            .model = &model,
            .storage = engine->storage[i] = aligned_alloc(VML_CACHE_LINE_SIZE, size),
            .storage_size = size,
            .code_pages = CODE_PAGES,
        };

        if (!config.storage) {
            vm_fail("--cpus %u: out of memory", vm->options.cpus);
        }
        status = vml_a64_init(&engine->cpus[i], &config);
        if (status == VML_ERR_UNSUPPORTED && vm->options.restore) {
            vm_fail("--restore '%s': its CPU has features that the software CPU has not",
                    vm->options.restore);
        }
        vm_check(status, "a64");
        vm->cpus[i] = &engine->cpus[i].cpu;
    }
}

static void destroy(struct vm *vm)
{
    struct a64_engine *engine = engine_of(vm);

    for (uint32_t i = 0; i < vm->options.cpus; i++) {
        vml_a64_destroy(&engine->cpus[i]);
        free(engine->storage[i]);
    }
    vml_a64_machine_destroy(&engine->machine);
    free(engine);
}

static void irq_output(struct vm *vm, uint32_t cpu, enum vml_irq_output output, bool level)
{
    if (vm->engine_state) { /* the controller exists before the vCPUs do */
        vml_a64_irq_output(&engine_of(vm)->machine, cpu, output, level);
    }
}

static void run(struct vm *vm, uint32_t cpu)
{
    struct vml_a64 *a64 = &engine_of(vm)->cpus[cpu];

    if (!vm->options.gdb) {
        vml_a64_thread(a64);
        return;
    }
    for (;;) {
        switch (vml_a64_run(a64, UINT64_MAX)) {
        case VML_A64_EXIT_OFF:
            if (vml_cpu_wait_on(&a64->cpu) != VML_OK) {
                (void)vml_cpu_take_requests(&a64->cpu, VML_CPU_REQUEST_EXIT);
                return;
            }
            break;
        case VML_A64_EXIT_REQUEST:
            return;
        case VML_A64_EXIT_BREAK:
            vm_gdb_break(vm, cpu);
            break;
        default:
            break;
        }
    }
}

static void advance(void *context, uint64_t time)
{
    struct vm *vm = context;

    vml_virtual_clock_advance(&vm->virtual_clock, time / INSTRUCTIONS_A_TICK);
}

static uint64_t next_deadline(void *context)
{
    struct vm *vm = context;
    uint64_t next = vml_clock_next(vm->clock);

    return next > UINT64_MAX / INSTRUCTIONS_A_TICK ? UINT64_MAX : next * INSTRUCTIONS_A_TICK;
}

static enum vm_engine_end run_alone(struct vm *vm, uint64_t until)
{
    struct a64_engine *engine = engine_of(vm);
    struct vml_a64_turns turns = {
        .quantum = TURN,
        .time = vml_clock_now(vm->clock) * INSTRUCTIONS_A_TICK,
        .until = until * INSTRUCTIONS_A_TICK,
        .advance = advance,
        .next = next_deadline,
        .context = vm,
    };

    switch (vml_a64_run_turns(&engine->machine, &turns)) {
    case VML_A64_EXIT_OFF:
        return VM_ENGINE_OFF;
    case VML_A64_EXIT_HALTED:
        return VM_ENGINE_STUCK;
    default:
        return VM_ENGINE_TIME;
    }
}

static void memory_changed(struct vm *vm)
{
    vml_a64_memory_changed(&engine_of(vm)->machine);
}

static void save(struct vm *vm, uint32_t cpu, struct vml_state_writer *w)
{
    vml_a64_save(&engine_of(vm)->cpus[cpu], w);
}

static enum vml_status restore(struct vm *vm, uint32_t cpu, struct vml_state_reader *r)
{
    return vml_a64_restore(&engine_of(vm)->cpus[cpu], r);
}

static uint64_t instructions(struct vm *vm, uint32_t cpu)
{
    return vml_a64_instructions(&engine_of(vm)->cpus[cpu]);
}

/* Where a register is in the engine's, and how many bytes it has. */
static void *register_at(struct vml_a64_registers *r, uint32_t number, size_t *size)
{
    if (number < VML_GDB_AARCH64_SP) {
        *size = sizeof(r->x[0]);
        return &r->x[number];
    }
    if (number >= VML_GDB_AARCH64_V0 && number < VML_GDB_AARCH64_FPSR) {
        *size = sizeof(r->v[0]);
        return r->v[number - VML_GDB_AARCH64_V0];
    }
    *size = sizeof(r->pstate);
    switch (number) {
    case VML_GDB_AARCH64_CPSR:
        return &r->pstate;
    case VML_GDB_AARCH64_FPSR:
        return &r->fpsr;
    case VML_GDB_AARCH64_FPCR:
        return &r->fpcr;
    default:
        *size = sizeof(r->pc);
        return number == VML_GDB_AARCH64_SP ? &r->sp : &r->pc;
    }
}

static bool read_register(struct vm *vm, uint32_t cpu, uint32_t number, uint8_t *bytes)
{
    struct vml_a64_registers registers;
    const void *at;
    size_t size;

    vml_a64_get_registers(&engine_of(vm)->cpus[cpu], &registers);
    at = register_at(&registers, number, &size);
    memcpy(bytes, at, size);
    return true;
}

static bool write_register(struct vm *vm, uint32_t cpu, uint32_t number, const uint8_t *bytes)
{
    struct vml_a64_registers registers;
    void *at;
    size_t size;

    vml_a64_get_registers(&engine_of(vm)->cpus[cpu], &registers);
    at = register_at(&registers, number, &size);
    memcpy(at, bytes, size);
    return vml_a64_set_registers(&engine_of(vm)->cpus[cpu], &registers) == VML_OK;
}

static bool translate(struct vm *vm, uint32_t cpu, uint64_t va, uint64_t *pa)
{
    return vml_a64_translate(&engine_of(vm)->cpus[cpu], va, pa) == VML_OK;
}

static void step(struct vm *vm, uint32_t cpu)
{
    (void)vml_a64_step_state(&engine_of(vm)->cpus[cpu]);
}

static void set_breakpoints(struct vm *vm, const uint64_t *addresses, uint32_t count)
{
    vml_a64_set_breakpoints(&engine_of(vm)->machine, addresses, count);
}

static const struct vm_engine_debug debug = {
    .read_register = read_register,
    .write_register = write_register,
    .translate = translate,
    .step = step,
    .set_breakpoints = set_breakpoints,
};

const struct vm_engine vm_engine_a64 = {
    .name = "a64",
    .unavailable = unavailable,
    .create = create,
    .destroy = destroy,
    .irq_output = irq_output,
    .run = run,
    .run_alone = run_alone,
    .memory_changed = memory_changed,
    .save = save,
    .restore = restore,
    .instructions = instructions,
    .debug = &debug,
};
