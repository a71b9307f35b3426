/*
 * What the vCPUs of a machine share: TLB and instruction cache invalidations that reach all of them.
 *
 * Invalidations are numbered.  The one who posts writes the entry and then the head, under the lock;
 * each vCPU takes what is new before it enters guest code and when it is recalled, and publishes how
 * far it is.  A DSB waits until every vCPU that is in guest code has taken what was posted.  A vCPU
 * says that it is in guest code before it looks at the head, and a poster looks at who is in guest
 * code after it moved the head: one of the two sees the other.  Devices and firmware are not guest
 * code.  Whoever waits takes what others post: two that wait for each other both go on.
 */
#include "core.h"

void a64_broadcast(struct a64_core *core, enum a64_broadcast_kind kind, uint64_t argument,
                   uint64_t pages)
{
    struct vml_a64_machine *machine = core->machine;
    struct vml_a64_broadcast *slot;
    uint64_t head;

    if (machine->count <= 1) {
        return;
    }
    if (machine->config.single_thread) { /* the others are at rest */
        for (uint32_t i = 0; i < machine->count; i++) {
            struct a64_core *other = machine->config.cpus[i]->core;

            if (other != core) {
                a64_broadcast_apply(other, kind, argument, pages);
            }
        }
        return;
    }
    vml_mutex_lock(&machine->broadcast_lock);
    head = atomic_load_explicit(&machine->broadcast_head, memory_order_relaxed);
    slot = &machine->broadcasts[head % VML_A64_BROADCASTS];
    atomic_store(&slot->sequence, 0);
    atomic_store_explicit(&slot->kind, (uint64_t)kind, memory_order_relaxed);
    atomic_store_explicit(&slot->argument, argument, memory_order_relaxed);
    atomic_store_explicit(&slot->pages, pages, memory_order_relaxed);
    atomic_store(&slot->sequence, head + 1);
    atomic_store(&machine->broadcast_head, head + 1);
    vml_mutex_unlock(&machine->broadcast_lock);
}

void a64_broadcast_apply(struct a64_core *core, enum a64_broadcast_kind kind, uint64_t argument,
                         uint64_t pages)
{
    switch (kind) {
    case A64_BROADCAST_TLB_ALL:
        a64_tlb_flush(core);
        break;
    case A64_BROADCAST_TLB_PAGE:
        a64_tlb_flush_page(core, argument, pages);
        break;
    case A64_BROADCAST_CODE_LINE:
        a64_code_written(core, argument, 64);
        break;
    default:
        a64_code_flush(core);
        break;
    }
}

static bool take_one(struct a64_core *core, uint64_t number)
{
    struct vml_a64_broadcast *slot = &core->machine->broadcasts[number % VML_A64_BROADCASTS];
    uint64_t kind, argument, pages;

    if (atomic_load(&slot->sequence) != number + 1) {
        return false;
    }
    kind = atomic_load(&slot->kind);
    argument = atomic_load(&slot->argument);
    pages = atomic_load(&slot->pages);
    if (atomic_load(&slot->sequence) != number + 1) {
        return false;
    }
    a64_broadcast_apply(core, (enum a64_broadcast_kind)kind, argument, pages);
    return true;
}

void a64_broadcast_take(struct a64_core *core)
{
    uint64_t head = atomic_load(&core->machine->broadcast_head);

    while (core->broadcast_seen < head) {
        if (!take_one(core, core->broadcast_seen)) { /* overtaken */
            a64_tlb_flush(core);
            a64_code_flush(core);
            core->broadcast_seen = head;
            break;
        }
        core->broadcast_seen++;
    }
    atomic_store_explicit(&core->broadcast_done, core->broadcast_seen, memory_order_release);
}

void a64_guest_enter(struct a64_core *core)
{
    atomic_store(&core->in_guest, 1);
    if (atomic_load(&core->machine->broadcast_head) != core->broadcast_seen) {
        a64_broadcast_take(core);
    }
}

void a64_guest_leave(struct a64_core *core)
{
    atomic_store_explicit(&core->in_guest, 0, memory_order_release);
}

void a64_broadcast_wait(struct a64_core *core)
{
    struct vml_a64_machine *machine = core->machine;
    uint64_t head = atomic_load(&machine->broadcast_head);

    if (core->waited == head) {
        return;
    }
    for (uint32_t i = 0; i < machine->count; i++) {
        struct vml_a64 *other = machine->config.cpus[i];

        if (other->core == core || atomic_load(&other->core->broadcast_done) >= head ||
            !atomic_load(&other->core->in_guest)) {
            continue;
        }
        vml_cpu_recall(&other->cpu, VML_CPU_REQUEST_ENGINE);
        while (atomic_load(&other->core->in_guest) &&
               atomic_load(&other->core->broadcast_done) < head) {
            a64_broadcast_take(core);
            vml_cpu_relax();
        }
    }
    a64_broadcast_take(core);
    core->waited = head;
}

void a64_send_event(struct a64_core *core)
{
    struct vml_a64_machine *machine = core->machine;

    for (uint32_t i = 0; i < machine->count; i++) {
        struct vml_a64 *other = machine->config.cpus[i];

        atomic_store(&other->core->event, 1);
        if (other->core != core) {
            vml_cpu_wake(&other->cpu);
        }
    }
}

enum vml_status vml_a64_machine_init(struct vml_a64_machine *machine,
                                     const struct vml_a64_machine_config *config)
{
    if (!machine || !config || !config->memory || !config->cpus || config->max_cpus == 0) {
        return VML_ERR_INVALID;
    }
    memset(machine, 0, sizeof(*machine));
    machine->config = *config;
    vml_mutex_init(&machine->broadcast_lock);
    return VML_OK;
}

void vml_a64_machine_destroy(struct vml_a64_machine *machine)
{
    vml_mutex_destroy(&machine->broadcast_lock);
}

void vml_a64_memory_changed(struct vml_a64_machine *machine)
{
    for (uint32_t i = 0; i < machine->count; i++) {
        a64_tlb_flush(machine->config.cpus[i]->core);
        a64_code_flush(machine->config.cpus[i]->core);
    }
}
