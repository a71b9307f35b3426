/* What the machine wants of whatever executes the guest: the software CPU, or a hypervisor. */
#ifndef VM_ENGINE_H
#define VM_ENGINE_H

#include <stdbool.h>
#include <stdint.h>
#include <vml/cpu.h>
#include <vml/irq_controller.h>
#include <vml/state.h>

struct vm;
struct vm_options;

/* Why vm_engine.run_alone() returned. */
enum vm_engine_end { VM_ENGINE_OFF, VM_ENGINE_TIME, VM_ENGINE_STUCK };

/* What a debugger does with vCPUs, all of which stand. Registers by enum vml_gdb_aarch64_register. */
struct vm_engine_debug {
    bool (*read_register)(struct vm *vm, uint32_t cpu, uint32_t number, uint8_t *bytes);
    bool (*write_register)(struct vm *vm, uint32_t cpu, uint32_t number, const uint8_t *bytes);
    /* The physical address; false: there is none. */
    bool (*translate)(struct vm *vm, uint32_t cpu, uint64_t va, uint64_t *pa);
    /* One instruction, and no interrupt. */
    void (*step)(struct vm *vm, uint32_t cpu);
    /* vm_gdb_break() is called at these from now on; `addresses` is kept. */
    void (*set_breakpoints)(struct vm *vm, const uint64_t *addresses, uint32_t count);
};

struct vm_engine {
    const char *name;
    /* NULL when it can be used here, and for such a machine; else why not. */
    const char *(*unavailable)(const struct vm_options *options);
    /* Memory and buses are there, devices are not. The interrupt controller that the engine brings
     * along, or NULL: the machine makes one. NULL: nothing to do. */
    struct vml_irq_controller *(*begin)(struct vm *vm);
    /* Makes the vCPUs, OFF, and fills vm->cpus; memory and buses are there. */
    void (*create)(struct vm *vm);
    void (*destroy)(struct vm *vm);
    /* The output of the interrupt controller changed; any thread. */
    void (*irq_output)(struct vm *vm, uint32_t cpu, enum vml_irq_output output, bool level);
    /* The timers are the engine's, and count so many ticks a second; NULL: they are the machine's. */
    uint64_t (*counter_hz)(struct vm *vm);
    /* Takes notifications of virtio devices past the vCPUs, from here to `stop`; NULL: it cannot. */
    void (*start)(struct vm *vm);
    void (*stop)(struct vm *vm);
    /* The body of a vCPU's thread; returns after VML_CPU_REQUEST_EXIT. */
    void (*run)(struct vm *vm, uint32_t cpu);
    /* All vCPUs in turn on this thread until a time of the virtual clock; NULL: it cannot. */
    enum vm_engine_end (*run_alone)(struct vm *vm, uint64_t until);
    /* Memory was changed behind its back, or other memory is there; no vCPU runs. */
    void (*memory_changed)(struct vm *vm);
    /* Its timers' state goes to the machine's, to be saved, and comes from there. NULL with
     * `counter_hz` NULL. No vCPU runs. */
    void (*timers_out)(struct vm *vm);
    void (*timers_in)(struct vm *vm);
    /* The same of the interrupt controller that `begin` brought along; NULL: it is the machine's. Out
     * before memory is saved, and in when everything else is there. */
    void (*gic_out)(struct vm *vm);
    void (*gic_in)(struct vm *vm);
    /* The machine reboots: so does that interrupt controller. Devices are reset, no vCPU runs. */
    void (*gic_reset)(struct vm *vm);
    void (*save)(struct vm *vm, uint32_t cpu, struct vml_state_writer *w);
    enum vml_status (*restore)(struct vm *vm, uint32_t cpu, struct vml_state_reader *r);
    /* Guest instructions executed so far; NULL: it does not know. */
    uint64_t (*instructions)(struct vm *vm, uint32_t cpu);
    /* For --gdb; NULL: `unavailable` says so. */
    const struct vm_engine_debug *debug;
};

extern const struct vm_engine vm_engine_a64;
extern const struct vm_engine vm_engine_kvm;

/* Whether `start` is to be called: not for a machine that is saved or restored, since a notification that
 * is on its way is nobody's state. */
bool vm_engine_takes_notifications(const struct vm *vm);

/* The engine of --accel (a64, kvm, auto); ends the program with a clear message where there is none. */
const struct vm_engine *vm_engine_find(const struct vm_options *options);

#endif
