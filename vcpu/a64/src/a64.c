/* The public interface and the run loop. */
#include "core.h"

static size_t round_up(size_t n)
{
    return (n + VML_CACHE_LINE_SIZE - 1) / VML_CACHE_LINE_SIZE * VML_CACHE_LINE_SIZE;
}

static uint32_t hash_size(uint32_t pages)
{
    uint32_t size = 16;

    while (size < pages && size < UINT32_C(1) << 20) {
        size *= 2;
    }
    return size;
}

size_t vml_a64_storage_size(uint32_t code_pages)
{
    return round_up(sizeof(struct a64_core)) +
           round_up(hash_size(code_pages) * sizeof(struct a64_code_page *)) +
           round_up(((size_t)code_pages + 1) * sizeof(struct a64_code_page));
}

static void start(struct vml_cpu *cpu, const struct vml_cpu_start *how)
{
    struct a64_core *core = vml_a64_of(cpu)->core;
    const struct vml_a64_machine_config *config = &core->machine->config;

    a64_reset(core);
    if (config->set_timer_offset) {
        config->set_timer_offset(config->context, cpu->config.index, how->timer_offset);
    }
    core->regs.pc = how->entry;
    core->regs.x[0] = how->context;
    if (how->mode == 0) {
        a64_set_pstate(core, core->pstate & ~(A64_PSTATE_EL1 | A64_PSTATE_SP));
    }
}

static void dump(struct vml_cpu *cpu)
{
    struct a64_core *core = vml_a64_of(cpu)->core;

    vml_log(VML_LOG_INFO, "PC %016llx PSTATE %08x SP %016llx ESR %08x FAR %016llx ELR %016llx",
            (unsigned long long)core->regs.pc, a64_get_pstate(core),
            (unsigned long long)core->regs.x[A64_X_SP], (unsigned)core->sys.ESR_EL1,
            (unsigned long long)core->sys.FAR_EL1, (unsigned long long)core->sys.ELR_EL1);
    for (unsigned i = 0; i < 31; i += 4) {
        vml_log(VML_LOG_INFO, "X%-2u %016llx %016llx %016llx %016llx", i,
                (unsigned long long)core->regs.x[i], (unsigned long long)core->regs.x[i + 1],
                (unsigned long long)core->regs.x[i + 2], (unsigned long long)core->regs.x[i + 3]);
    }
}

static const struct vml_cpu_ops ops = {.start = start, .dump = dump};

enum vml_status vml_a64_init(struct vml_a64 *cpu, const struct vml_a64_config *config)
{
    static const uint8_t pa_bits[] = {32, 36, 40, 42, 44, 48};
    struct vml_a64_machine *machine = config->machine;
    struct vml_cpu_config cpu_config = config->cpu;
    struct a64_core *core = config->storage;
    enum vml_status status;
    char *at = config->storage;

    if (!machine || !config->model || !config->storage || config->code_pages < 4 ||
        ((uintptr_t)config->storage & (VML_CACHE_LINE_SIZE - 1)) != 0 ||
        config->cpu.index != machine->count) {
        return VML_ERR_INVALID;
    }
    if (machine->count >= machine->config.max_cpus ||
        config->storage_size < vml_a64_storage_size(config->code_pages)) {
        return VML_ERR_NO_SPACE;
    }
    if (!a64_model_supported(config->model) ||
        (config->model->ID_AA64MMFR0_EL1 & 15) >= VML_ARRAY_SIZE(pa_bits)) {
        return VML_ERR_UNSUPPORTED;
    }
    cpu_config.ops = &ops;
    status = vml_cpu_init(&cpu->cpu, &cpu_config);
    if (status != VML_OK) {
        return status;
    }
    memset(core, 0, sizeof(*core));
    at += round_up(sizeof(*core));
    core->hash = (struct a64_code_page **)(void *)at;
    core->hash_mask = hash_size(config->code_pages) - 1;
    memset(core->hash, 0, (core->hash_mask + 1) * sizeof(*core->hash));
    at += round_up((core->hash_mask + 1) * sizeof(*core->hash));
    core->pages = (struct a64_code_page *)(void *)at;
    core->page_count = config->code_pages;
    core->pages[0].ops[A64_PAGE_OPS].fn = NULL; /* a64_execute() initializes them */
    core->step_page = &core->pages[config->code_pages];
    core->owner = cpu;
    core->machine = machine;
    core->model = *config->model;
    core->features = a64_model_features(config->model);
    core->pa_limit = UINT64_C(1) << pa_bits[config->model->ID_AA64MMFR0_EL1 & 15];
    core->zva_size = UINT64_C(4) << (config->model->DCZID_EL0 & 15);
    core->page = core->step_page;
    core->op = core->step_page->ops;
    cpu->core = core;
    cpu->machine = machine;
    atomic_init(&cpu->inputs, 0);
    a64_reset(core);
    machine->config.cpus[machine->count++] = cpu;
    for (uint32_t i = 0; i < machine->count; i++) {
        machine->config.cpus[i]->core->parallel =
            machine->count > 1 && !machine->config.single_thread;
    }
    return VML_OK;
}

void vml_a64_destroy(struct vml_a64 *cpu)
{
    vml_cpu_destroy(&cpu->cpu);
}

void vml_a64_set_input(struct vml_a64 *cpu, uint32_t inputs, bool level)
{
    if (level) {
        atomic_fetch_or(&cpu->inputs, inputs);
    } else {
        atomic_fetch_and(&cpu->inputs, ~inputs);
    }
    vml_cpu_recall(&cpu->cpu, VML_CPU_REQUEST_IRQ);
}

void vml_a64_irq_output(void *context, uint32_t cpu, enum vml_irq_output output, bool level)
{
    struct vml_a64_machine *machine = context;

    (void)output;
    (void)level;
    if (cpu < machine->count) {
        vml_cpu_recall(&machine->config.cpus[cpu]->cpu, VML_CPU_REQUEST_IRQ);
    }
}

uint64_t vml_a64_instructions(const struct vml_a64 *cpu)
{
    const struct a64_core *core = cpu->core;
    intptr_t left = (intptr_t)(core->limit - (uintptr_t)core->op) / (intptr_t)sizeof(*core->op);

    if (core->quantum == 0) {
        return core->instructions;
    }
    return core->instructions + core->quantum - (uint64_t)left;
}

bool vml_a64_is_idle(const struct vml_a64 *cpu)
{
    struct a64_core *core = cpu->core;

    if (vml_cpu_state(&cpu->cpu) == VML_CPU_OFF) {
        return true;
    }
    if (core->halted == A64_HALTED_BUS) { /* only the device knows */
        return false;
    }
    return core->halted && !a64_wakes(core) && !(core->halted == A64_HALTED_WFE && core->event);
}

/* Takes the most urgent interrupt that is not masked. */
static void take_interrupt(struct a64_core *core)
{
    uint32_t pending = a64_pending(core);

    if (pending & VML_A64_INPUT_SERROR) {
        atomic_fetch_and(&core->owner->inputs, ~(uint32_t)VML_A64_INPUT_SERROR);
        a64_interrupt(core, 0x180, core->regs.pc);
    } else if (pending & VML_A64_INPUT_FIQ) {
        a64_interrupt(core, 0x100, core->regs.pc);
    } else if (pending & VML_A64_INPUT_IRQ) {
        a64_interrupt(core, 0x80, core->regs.pc);
    }
    if (pending) {
        core->halted = A64_HALTED_NOT;
    }
}

/* One instruction with what debug exceptions ask for; returns false when an exception came instead. */
static void step(struct a64_core *core)
{
    core->stepping = A64_STEP_FETCHED;
    core->took_exception = 0;
    a64_execute(core);
    core->stepping = A64_STEP_NONE;
}

/* Illegal state, software step and breakpoints: everything that is looked at before an instruction. */
static void debug_step(struct a64_core *core)
{
    const struct vml_a64_machine *machine = core->machine;

    if (machine->breakpoint_count != 0 && !core->passing &&
        !(vml_cpu_features(&core->owner->cpu) & VML_CPU_SINGLE_STEP) &&
        a64_breaks_at(machine, core->regs.pc)) {
        core->run_exit = VML_A64_EXIT_BREAK + 1;
        return;
    }
    if (core->pstate & A64_PSTATE_IL) {
        a64_raise(core, core->regs.pc, A64_ESR(A64_EC_ILLEGAL, 0));
        return;
    }
    if (core->software_step && !(core->pstate & A64_PSTATE_SS)) {
        a64_raise(core, core->regs.pc,
                  A64_ESR(core->el == 0 ? A64_EC_STEP_LOWER : A64_EC_STEP,
                          0x22u | (core->stepped ? 1u << 24 : 0)));
        core->stepped = 0;
        return;
    }
    if (core->breaking && a64_breakpoint(core, core->regs.pc)) {
        a64_raise(core, core->regs.pc,
                  A64_ESR(core->el == 0 ? A64_EC_BREAKPOINT_LOWER : A64_EC_BREAKPOINT, 0x22));
        return;
    }
    step(core);
    if (!core->took_exception && core->halted != A64_HALTED_BUS) {
        core->stepped = core->software_step;
        core->pstate &= ~A64_PSTATE_SS;
    }
}

/* Waits in WFI or WFE. True: go on running; false: return VML_A64_EXIT_HALTED. */
static bool wait_halted(struct a64_core *core)
{
    struct vml_cpu *cpu = &core->owner->cpu;
    uint64_t deadline = VML_TIME_NEVER;
    enum vml_status status;

    if (a64_wakes(core) || (core->halted == A64_HALTED_WFE && atomic_exchange(&core->event, 0))) {
        core->halted = A64_HALTED_NOT;
        return true;
    }
    if (core->machine->config.single_thread) {
        if (core->halted == A64_HALTED_WFE) { /* another vCPU may clear a monitor: look again */
            core->halted = A64_HALTED_NOT;
            core->run_exit = VML_A64_EXIT_YIELD + 1;
        }
        return false;
    }
    if (core->halted == A64_HALTED_WFE) {
        /* Stores to a monitored granule are events too, which nobody signals. */
        core->halted = A64_HALTED_NOT;
        deadline = vml_platform_time_ns() + 50000;
    }
    status = vml_cpu_wait(cpu, deadline);
    (void)status; /* woken or not, what there is to do is looked at again */
    return true;
}

/* Makes the vCPU active; true: run; false: `*why`. */
static bool become_active(struct vml_a64 *cpu, enum vml_a64_exit *why)
{
    enum vml_status status = vml_cpu_activate(&cpu->cpu);

    if (status != VML_OK) {
        *why = status == VML_ERR_STATE ? VML_A64_EXIT_OFF : VML_A64_EXIT_REQUEST;
    }
    return status == VML_OK;
}

/*
 * PC is at an access that a device answers later.  The vCPU waits until it is recalled or woken, and
 * then makes it again; nothing else is done before, interrupts included.  Requests are taken before the
 * access: what comes behind it ends the next wait.  True: make it; false: `core->run_exit`, or wait.
 */
static bool retry_access(struct a64_core *core)
{
    struct vml_cpu *cpu = &core->owner->cpu;

    if (!core->retrying) {
        core->retrying = 1;
        if (core->machine->config.single_thread) {
            core->run_exit = VML_A64_EXIT_YIELD + 1;
        } else if (vml_cpu_wait(cpu, VML_TIME_NEVER) != VML_OK) {
            return false;
        }
        return false;
    }
    core->retrying = 0;
    (void)vml_cpu_take_requests(cpu, VML_CPU_REQUEST_IRQ | VML_CPU_REQUEST_RECONFIGURE |
                                         VML_CPU_REQUEST_ENGINE);
    core->halted = A64_HALTED_NOT;
    return true;
}

/* While writes are tracked, no store may go past memory.c. */
static void follow_tracking(struct a64_core *core)
{
    uint32_t tracking = vml_as_tracking(core->machine->config.memory);

    if (tracking != core->tracking) {
        core->tracking = tracking;
        a64_tlb_flush(core);
    }
}

static void serve_requests(struct a64_core *core)
{
    struct vml_cpu *cpu = &core->owner->cpu;
    uint32_t requests = vml_cpu_take_requests(
        cpu, VML_CPU_REQUEST_IRQ | VML_CPU_REQUEST_RECONFIGURE | VML_CPU_REQUEST_ENGINE);

    follow_tracking(core);
    if ((requests & VML_CPU_REQUEST_IRQ) || core->lines) {
        take_interrupt(core);
    }
}

/* Executes until something wants attention; at most to the taken branch after `end` instructions. */
static void run_some(struct a64_core *core, uint64_t end)
{
    if (core->parallel) {
        a64_guest_enter(core);
    }
    if (VML_UNLIKELY(vml_cpu_features(&core->owner->cpu) & VML_CPU_SINGLE_STEP)) {
        debug_step(core);
        core->run_exit = core->run_exit ? core->run_exit : VML_A64_EXIT_STEP + 1;
    } else if (VML_UNLIKELY(core->debug_active | core->passing | core->step_over)) {
        debug_step(core);
        core->passing = 0;
        core->step_over = 0;
    } else {
        core->quantum = vml_min_u64(A64_QUANTUM, end - core->instructions);
        a64_execute(core);
    }
    if (core->parallel) { /* nobody waits for one that is rounded up or paused next */
        a64_guest_leave(core);
    }
}

enum vml_a64_exit vml_a64_run(struct vml_a64 *cpu, uint64_t budget)
{
    struct a64_core *core = cpu->core;
    uint64_t end = core->instructions + budget;
    enum vml_a64_exit why = VML_A64_EXIT_BUDGET;

    if (end < budget) {
        end = UINT64_MAX;
    }
    while (become_active(cpu, &why)) {
        core->run_exit = 0;
        if (VML_UNLIKELY(core->halted == A64_HALTED_BUS)) {
            if (retry_access(core)) {
                run_some(core, core->instructions + 1);
                if (core->halted != A64_HALTED_BUS) { /* interrupts are looked at again */
                    vml_cpu_recall(&cpu->cpu, VML_CPU_REQUEST_IRQ);
                }
            }
        } else {
            serve_requests(core);
            if (core->halted) {
                if (!wait_halted(core)) {
                    why = core->run_exit ? (enum vml_a64_exit)(core->run_exit - 1)
                                         : VML_A64_EXIT_HALTED;
                    break;
                }
                continue;
            }
            if (core->instructions >= end) {
                why = VML_A64_EXIT_BUDGET;
                break;
            }
            run_some(core, end);
        }
        if (core->run_exit) {
            why = (enum vml_a64_exit)(core->run_exit - 1);
            break;
        }
    }
    core->passing = 0;
    core->step_over = 0;
    if (why != VML_A64_EXIT_OFF && why != VML_A64_EXIT_REQUEST) {
        vml_cpu_park(&cpu->cpu);
    }
    return why;
}

void vml_a64_thread(struct vml_a64 *cpu)
{
    for (;;) {
        switch (vml_a64_run(cpu, UINT64_MAX)) {
        case VML_A64_EXIT_OFF:
            if (vml_cpu_wait_on(&cpu->cpu) != VML_OK) {
                (void)vml_cpu_take_requests(&cpu->cpu, VML_CPU_REQUEST_EXIT);
                return;
            }
            break;
        case VML_A64_EXIT_REQUEST:
            return;
        default:
            break;
        }
    }
}

void vml_a64_skip(struct vml_a64 *cpu)
{
    cpu->core->regs.pc += 4;
}

void vml_a64_pass(struct vml_a64 *cpu)
{
    cpu->core->passing = 1;
}

enum a64_sys_result a64_firmware_call(struct a64_core *core, bool smc, uint16_t imm)
{
    struct vml_a64 *cpu = core->owner;
    uint64_t x[18];
    enum vml_a64_call_result result;

    if (!core->passing && (vml_cpu_features(&cpu->cpu) & VML_CPU_TRAP_HYPERCALL)) {
        core->run_exit = VML_A64_EXIT_HYPERCALL + 1;
        return A64_SYS_EXIT;
    }
    memcpy(x, core->regs.x, sizeof(x));
    if (core->parallel) {
        a64_guest_leave(core);
    }
    result = core->machine->config.firmware(core->machine->config.context, cpu, smc, imm, x);
    if (core->parallel) {
        a64_guest_enter(core);
    }
    if (result == VML_A64_CALL_UNDEFINED) {
        return A64_SYS_UNDEFINED;
    }
    memcpy(core->regs.x, x, sizeof(x));
    if (result == VML_A64_CALL_WAIT) {
        core->halted = A64_HALTED_WFI;
        return A64_SYS_RESYNC;
    }
    return vml_cpu_has_requests(&cpu->cpu) ? A64_SYS_RESYNC : A64_SYS_OK;
}

static enum vml_a64_step_result step_state(struct a64_core *core, enum a64_stepping how)
{
    core->stepping = how;
    core->took_exception = 0;
    follow_tracking(core);
    if (core->parallel) {
        a64_guest_enter(core);
    }
    a64_execute(core);
    if (core->parallel) {
        a64_guest_leave(core);
    }
    core->stepping = A64_STEP_NONE;
    if (core->halted == A64_HALTED_BUS) {
        core->halted = A64_HALTED_NOT;
        return VML_A64_STEP_PENDING;
    }
    core->halted = A64_HALTED_NOT;
    return core->took_exception ? VML_A64_STEP_EXCEPTION : VML_A64_STEP_DONE;
}

enum vml_a64_step_result vml_a64_step_state(struct vml_a64 *cpu)
{
    return step_state(cpu->core, A64_STEP_FETCHED);
}

enum vml_a64_step_result vml_a64_step_instruction(struct vml_a64 *cpu, uint32_t instruction)
{
    cpu->core->step_insn = instruction;
    return step_state(cpu->core, A64_STEP_GIVEN);
}
