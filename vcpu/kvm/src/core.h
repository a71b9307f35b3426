/*
 * The private part of the KVM engine.
 *
 *   machine.c    the machine, its memory, its vCPUs
 *   run.c        the run loop, recall, interrupt lines
 *   exits.c      what is done about an exit
 *   nisv.c       accesses that the syndrome does not describe
 *   registers.c  one register, and what the trap decoder wants
 *   state.c      saved state, timers
 *   gic.c        the kernel's interrupt controller
 *   gic_state.c  its state, to and from the library's
 */
#ifndef VML_KVM_CORE_H
#define VML_KVM_CORE_H

#include <vml/arm_trap.h>
#include <vml/kvm.h>

#include "kvm_abi.h"

static inline struct abi_run *kvm_run_page(struct vml_kvm *cpu)
{
    return cpu->run;
}

/* `mode` of a start that leaves it to the kernel's PSCI to start the vCPU. */
#define KVM_MODE_STOPPED UINT32_MAX

/* ---- machine.c ---- */
int kvm_vm_ioctl(struct vml_kvm_machine *machine, uint32_t request, const void *argument);
int kvm_cpu_ioctl(struct vml_kvm *cpu, uint32_t request, const void *argument);
/* What an error number comes to. */
enum vml_status kvm_status(int error);
/* The number with which a vCPU is made, which decides its affinity. */
static inline uint64_t kvm_default_mpidr(uint32_t index)
{
    return VML_MPIDR(0, index >> 12 & 0xff, index >> 4 & 0xff, index & 15);
}
void kvm_start(struct vml_cpu *cpu, const struct vml_cpu_start *start);

/* ---- run.c ---- */
void kvm_recall(struct vml_cpu *cpu);
/* Lets the kernel write the result of the last access into the registers. */
void kvm_complete(struct vml_kvm *cpu);
/* Looks at the interrupt controller, and tells the kernel. */
void kvm_look_at_lines(struct vml_kvm *cpu);

/* ---- exits.c ---- */
enum kvm_next {
    KVM_NEXT_RUN,
    KVM_NEXT_STEPPED,
    KVM_NEXT_FAILED,
};
enum kvm_next kvm_handle_exit(struct vml_kvm *cpu);
/* The guest's access gets a synchronous external abort. */
enum kvm_next kvm_inject_abort(struct vml_kvm *cpu);

/* ---- nisv.c ---- */
enum kvm_next kvm_handle_nisv(struct vml_kvm *cpu);

/* ---- registers.c ---- */
int kvm_get_reg(struct vml_kvm *cpu, uint64_t id, void *value);
int kvm_set_reg(struct vml_kvm *cpu, uint64_t id, const void *value);
int kvm_get_sysreg(struct vml_kvm *cpu, uint64_t sysreg, uint64_t *value);
int kvm_set_sysreg(struct vml_kvm *cpu, uint64_t sysreg, uint64_t value);
/* X0 to X30, SPs, PC and PSTATE. */
int kvm_get_general(struct vml_kvm *cpu, struct vml_arm_regs *regs);
int kvm_set_general(struct vml_kvm *cpu, const struct vml_arm_regs *regs);
int kvm_get_vectors(struct vml_kvm *cpu, uint64_t v[32][2]);
int kvm_set_vectors(struct vml_kvm *cpu, uint64_t v[32][2]);
void kvm_dump(struct vml_cpu *cpu);

/* ---- gic.c ---- */
enum vml_status kvm_gic_create(struct vml_kvm_machine *machine);
enum vml_status kvm_gic_ready(struct vml_kvm_machine *machine);
int kvm_set_attr(struct vml_kvm_machine *machine, int fd, uint32_t group, uint64_t attr,
                 const void *value);
int kvm_get_attr(struct vml_kvm_machine *machine, int fd, uint32_t group, uint64_t attr,
                 void *value);

#endif
