/* One register, and what the trap decoder wants. */
#include "core.h"

int kvm_get_reg(struct vml_kvm *cpu, uint64_t id, void *value)
{
    struct abi_one_reg reg = {id, (uint64_t)(uintptr_t)value};

    return kvm_cpu_ioctl(cpu, ABI_GET_ONE_REG, &reg);
}

int kvm_set_reg(struct vml_kvm *cpu, uint64_t id, const void *value)
{
    struct abi_one_reg reg = {id, (uint64_t)(uintptr_t)value};

    return kvm_cpu_ioctl(cpu, ABI_SET_ONE_REG, &reg);
}

int kvm_get_sysreg(struct vml_kvm *cpu, uint64_t sysreg, uint64_t *value)
{
    return kvm_get_reg(cpu, ABI_REG_SYS(sysreg), value);
}

int kvm_set_sysreg(struct vml_kvm *cpu, uint64_t sysreg, uint64_t value)
{
    return kvm_set_reg(cpu, ABI_REG_SYS(sysreg), &value);
}

int kvm_get_general(struct vml_kvm *cpu, struct vml_arm_regs *regs)
{
    int error = 0;

    for (uint32_t i = 0; i < 31 && error == 0; i++) {
        error = kvm_get_reg(cpu, ABI_REG_X(i), &regs->x[i]);
    }
    error = error ? error : kvm_get_reg(cpu, ABI_REG_SP_EL0, &regs->sp_el0);
    error = error ? error : kvm_get_reg(cpu, ABI_REG_SP_EL1, &regs->sp_el1);
    error = error ? error : kvm_get_reg(cpu, ABI_REG_PC, &regs->pc);
    return error ? error : kvm_get_reg(cpu, ABI_REG_PSTATE, &regs->pstate);
}

int kvm_set_general(struct vml_kvm *cpu, const struct vml_arm_regs *regs)
{
    int error = 0;

    for (uint32_t i = 0; i < 31 && error == 0; i++) {
        error = kvm_set_reg(cpu, ABI_REG_X(i), &regs->x[i]);
    }
    error = error ? error : kvm_set_reg(cpu, ABI_REG_SP_EL0, &regs->sp_el0);
    error = error ? error : kvm_set_reg(cpu, ABI_REG_SP_EL1, &regs->sp_el1);
    error = error ? error : kvm_set_reg(cpu, ABI_REG_PC, &regs->pc);
    return error ? error : kvm_set_reg(cpu, ABI_REG_PSTATE, &regs->pstate);
}

/* The kernel's 128-bit registers are little-endian, as the halves here are. */
int kvm_get_vectors(struct vml_kvm *cpu, uint64_t v[32][2])
{
    int error = 0;

    for (uint32_t i = 0; i < 32 && error == 0; i++) {
        error = kvm_get_reg(cpu, ABI_REG_V(i), v[i]);
    }
    return error;
}

int kvm_set_vectors(struct vml_kvm *cpu, uint64_t v[32][2])
{
    int error = 0;

    for (uint32_t i = 0; i < 32 && error == 0; i++) {
        error = kvm_set_reg(cpu, ABI_REG_V(i), v[i]);
    }
    return error;
}

void kvm_dump(struct vml_cpu *base)
{
    struct vml_kvm *cpu = vml_kvm_of(base);
    struct vml_arm_regs regs;
    uint64_t esr = 0, far = 0, elr = 0;

    memset(&regs, 0, sizeof(regs));
    if (kvm_get_general(cpu, &regs) != 0) {
        vml_log(VML_LOG_ERROR, "kvm: vCPU %u: its registers cannot be read", base->config.index);
        return;
    }
    (void)kvm_get_sysreg(cpu, VML_SYSREG(3, 0, 5, 2, 0), &esr);
    (void)kvm_get_sysreg(cpu, VML_SYSREG(3, 0, 6, 0, 0), &far);
    (void)kvm_get_reg(cpu, ABI_REG_ELR_EL1, &elr);
    vml_log(VML_LOG_INFO,
            "PC %016llx PSTATE %08x SP_EL1 %016llx ESR %016llx FAR %016llx ELR %016llx",
            (unsigned long long)regs.pc, (unsigned)regs.pstate, (unsigned long long)regs.sp_el1,
            (unsigned long long)esr, (unsigned long long)far, (unsigned long long)elr);
    for (unsigned i = 0; i < 28; i += 4) {
        vml_log(VML_LOG_INFO, "X%-2u %016llx %016llx %016llx %016llx", i,
                (unsigned long long)regs.x[i], (unsigned long long)regs.x[i + 1],
                (unsigned long long)regs.x[i + 2], (unsigned long long)regs.x[i + 3]);
    }
    vml_log(VML_LOG_INFO, "X28 %016llx %016llx %016llx", (unsigned long long)regs.x[28],
            (unsigned long long)regs.x[29], (unsigned long long)regs.x[30]);
}
