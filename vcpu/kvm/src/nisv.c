/*
 * Accesses that the syndrome does not describe: pairs, write-back, vector registers.  The instruction
 * is fetched through the guest's own translation tables, and what it does is found by the decoder.
 */
#include "core.h"

#define SCTLR_EL1    VML_SYSREG(3, 0, 1, 0, 0)
#define TTBR0_EL1    VML_SYSREG(3, 0, 2, 0, 0)
#define TTBR1_EL1    VML_SYSREG(3, 0, 2, 0, 1)
#define TCR_EL1      VML_SYSREG(3, 0, 2, 0, 2)
#define TCR_TBI0     37u
#define TCR_TBI1     38u
#define TCR_DS       VML_BIT64(59)
#define DESC_VALID   1u
#define DESC_TABLE   2u
#define ESR_DABT_LOW (UINT64_C(0x24) << 26 | UINT64_C(1) << 25)

/* The EL1&0 translation regime, as far as finding an address needs it. */
struct regime {
    uint64_t sctlr;
    uint64_t tcr;
    uint64_t ttbr[2];
};

static bool read_regime(struct vml_kvm *cpu, struct regime *regime)
{
    return kvm_get_sysreg(cpu, SCTLR_EL1, &regime->sctlr) == 0 &&
           kvm_get_sysreg(cpu, TCR_EL1, &regime->tcr) == 0 &&
           kvm_get_sysreg(cpu, TTBR0_EL1, &regime->ttbr[0]) == 0 &&
           kvm_get_sysreg(cpu, TTBR1_EL1, &regime->ttbr[1]) == 0;
}

/* DDI 0487, D8.2: bits of a granule; TG0 and TG1 number them differently. 0: reserved. */
static unsigned granule_bits(const struct regime *regime, bool upper)
{
    static const uint8_t tg0[] = {12, 16, 14, 0}, tg1[] = {0, 14, 12, 16};

    return upper ? tg1[regime->tcr >> 30 & 3] : tg0[regime->tcr >> 14 & 3];
}

/* Permissions are not looked at: the access has been made. */
static bool translate(struct vml_kvm *cpu, const struct regime *regime, uint64_t va, uint64_t *pa)
{
    bool upper = (va >> 55 & 1) != 0;
    unsigned granule = granule_bits(regime, upper), stride = granule - 3, low;
    unsigned size = 64 - (unsigned)(regime->tcr >> (upper ? 16 : 0) & 0x3f);
    uint64_t table = regime->ttbr[upper] & VML_MASK64(47, 1);

    if (!(regime->sctlr & 1)) {
        *pa = va;
        return true;
    }
    if (granule == 0 || size > 48 || size <= granule || (regime->tcr & TCR_DS)) {
        return false;
    }
    low = granule + (size - granule - 1) / stride * stride;
    for (unsigned top = size; low >= granule; top = low, low -= stride) {
        uint64_t index = VML_FIELD64(va, top - 1, low), descriptor;

        if (vml_as_read(cpu->machine->config.memory, table + index * 8, &descriptor, 8) != VML_OK ||
            !(descriptor & DESC_VALID)) {
            return false;
        }
        if (low == granule || !(descriptor & DESC_TABLE)) {
            *pa = (descriptor & VML_MASK64(47, low)) | (va & VML_MASK64(low - 1, 0));
            return low != granule || (descriptor & DESC_TABLE);
        }
        table = descriptor & VML_MASK64(47, granule);
    }
    return false;
}

/* Without the tag, where tags are ignored. */
static uint64_t without_tag(const struct regime *regime, uint64_t va)
{
    bool upper = (va >> 55 & 1) != 0;

    if (!(regime->tcr >> (upper ? TCR_TBI1 : TCR_TBI0) & 1)) {
        return va;
    }
    return upper ? va | VML_MASK64(63, 56) : va & VML_MASK64(55, 0);
}

/* What the guest executes, and where it accesses; false: it is not what faulted. */
static bool fetch(struct vml_kvm *cpu, const struct vml_arm_regs *regs, uint64_t ipa,
                  uint32_t *instruction, uint64_t *va)
{
    struct regime regime;
    uint64_t pa;

    return read_regime(cpu, &regime) && translate(cpu, &regime, regs->pc, &pa) &&
           vml_as_read(cpu->machine->config.memory, pa, instruction, 4) == VML_OK &&
           vml_arm_operation_address(regs, *instruction, va) == VML_OK &&
           translate(cpu, &regime, without_tag(&regime, *va), &pa) && pa == ipa;
}

static bool put_back(struct vml_kvm *cpu, const struct vml_arm_operation *op,
                     struct vml_arm_regs *regs)
{
    vml_arm_operation_finish(op, regs);
    return kvm_set_general(cpu, regs) == 0 && (!op->vector || kvm_set_vectors(cpu, regs->v) == 0);
}

enum kvm_next kvm_handle_nisv(struct vml_kvm *cpu)
{
    struct abi_run *run = kvm_run_page(cpu);
    uint64_t ipa = run->exit.nisv.fault_ipa, va = 0, v[32][2];
    struct vml_arm_regs regs = {.v = v};
    struct vml_arm_operation op;
    struct vml_arm_trap trap;
    uint32_t instruction = 0;

    if (kvm_get_general(cpu, &regs) != 0 || kvm_get_vectors(cpu, v) != 0) {
        return KVM_NEXT_FAILED;
    }
    if (fetch(cpu, &regs, ipa, &instruction, &va)) {
        vml_arm_trap_decode(&trap, ESR_DABT_LOW | run->exit.nisv.esr_iss, va, ipa >> 12 << 4);
        if (vml_arm_operation_begin(&op, &trap, &regs, instruction, cpu->cpu.config.index) ==
                VML_OK &&
            vml_arm_operation_run(&op, cpu->machine->config.mmio, NULL) == VML_BUS_OK) {
            return put_back(cpu, &op, &regs) ? KVM_NEXT_RUN : KVM_NEXT_FAILED;
        }
    }
    return kvm_inject_abort(cpu);
}
