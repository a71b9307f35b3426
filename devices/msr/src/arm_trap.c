/* DDI 0487: ESR_EL2, its exception classes and syndromes. */
#include <vml/arm_trap.h>

static bool bit(uint32_t v, unsigned n)
{
    return v >> n & 1;
}

static void decode_abort(struct vml_arm_trap *t, uint64_t far, uint64_t hpfar)
{
    uint32_t iss = t->iss;

    t->va = far;
    /* HPFAR_EL2.FIPA, bits 47:4, is the address from bit 12 on. */
    t->ipa = VML_FIELD64(hpfar, 47, 4) << 12 | (far & 0xfff);
    t->fsc = iss & 0x3f;
    t->translation = (t->fsc & 0x3c) == 0x04;
    t->permission = (t->fsc & 0x3c) == 0x0c;
    t->table_walk = bit(iss, 7);
    t->far_invalid = bit(iss, 10);
    if (t->kind != VML_ARM_TRAP_DATA_ABORT) {
        return;
    }
    t->write = bit(iss, 6);
    t->maintenance = bit(iss, 8);
    t->isv = bit(iss, 24);
    if (t->isv) {
        t->size = (uint8_t)(1u << (iss >> 22 & 3));
        t->sign_extend = bit(iss, 21);
        t->reg = iss >> 16 & 0x1f;
        t->sixty_four = bit(iss, 15);
        t->acquire_release = bit(iss, 14);
    }
}

static void decode_sysreg(struct vml_arm_trap *t)
{
    uint32_t iss = t->iss;

    t->sysreg = VML_SYSREG(iss >> 20, iss >> 14, iss >> 10, iss >> 1, iss >> 17);
    t->reg = iss >> 5 & 0x1f;
    t->read = bit(iss, 0);
    t->write = !t->read;
}

static void decode_coprocessor(struct vml_arm_trap *t, bool two)
{
    uint32_t iss = t->iss;

    t->condition_valid = bit(iss, 24);
    t->condition = iss >> 20 & 0xf;
    t->reg = iss >> 5 & 0x1f;
    t->crm = iss >> 1 & 0xf;
    t->read = bit(iss, 0);
    t->write = !t->read;
    if (two) {
        t->opc1 = iss >> 16 & 0xf;
        t->reg2 = iss >> 10 & 0x1f;
    } else {
        t->opc1 = iss >> 14 & 7;
        t->opc2 = iss >> 17 & 7;
        t->crn = iss >> 10 & 0xf;
    }
}

void vml_arm_trap_decode(struct vml_arm_trap *trap, uint64_t esr, uint64_t far, uint64_t hpfar)
{
    *trap = (struct vml_arm_trap){
        .ec = (enum vml_arm_ec)(esr >> 26 & 0x3f),
        .iss = (uint32_t)(esr & 0x1ffffff),
        .wide_instruction = esr >> 25 & 1,
    };
    switch (trap->ec) {
    case VML_ARM_EC_WFX:
        trap->kind = VML_ARM_TRAP_WAIT;
        trap->event = bit(trap->iss, 0);
        trap->timed = bit(trap->iss, 1);
        trap->condition_valid = bit(trap->iss, 24);
        trap->condition = trap->iss >> 20 & 0xf;
        break;
    case VML_ARM_EC_SYSREG:
        trap->kind = VML_ARM_TRAP_SYSREG;
        decode_sysreg(trap);
        break;
    case VML_ARM_EC_CP15_RT:
    case VML_ARM_EC_CP14_RT:
    case VML_ARM_EC_VMRS:
        trap->kind = VML_ARM_TRAP_COPROCESSOR;
        decode_coprocessor(trap, false);
        break;
    case VML_ARM_EC_CP15_RRT:
    case VML_ARM_EC_CP14_RRT:
        trap->kind = VML_ARM_TRAP_COPROCESSOR;
        decode_coprocessor(trap, true);
        break;
    case VML_ARM_EC_HVC32:
    case VML_ARM_EC_HVC64:
        trap->kind = VML_ARM_TRAP_HVC;
        trap->imm = (uint16_t)trap->iss;
        break;
    case VML_ARM_EC_SMC32:
    case VML_ARM_EC_SMC64:
        trap->kind = VML_ARM_TRAP_SMC;
        trap->imm = trap->ec == VML_ARM_EC_SMC64 ? (uint16_t)trap->iss : 0;
        break;
    case VML_ARM_EC_SVC32:
    case VML_ARM_EC_SVC64:
        trap->imm = (uint16_t)trap->iss;
        break;
    case VML_ARM_EC_FP:
    case VML_ARM_EC_SVE:
        trap->kind = VML_ARM_TRAP_FP;
        break;
    case VML_ARM_EC_DABT_LOW:
        trap->kind = VML_ARM_TRAP_DATA_ABORT;
        decode_abort(trap, far, hpfar);
        break;
    case VML_ARM_EC_IABT_LOW:
        trap->kind = VML_ARM_TRAP_INSTRUCTION_ABORT;
        decode_abort(trap, far, hpfar);
        break;
    case VML_ARM_EC_WATCH_LOW:
        trap->va = far;
        trap->kind = VML_ARM_TRAP_DEBUG;
        break;
    case VML_ARM_EC_BKPT32:
    case VML_ARM_EC_BRK64:
        trap->imm = (uint16_t)trap->iss;
        trap->kind = VML_ARM_TRAP_DEBUG;
        break;
    case VML_ARM_EC_BREAK_LOW:
    case VML_ARM_EC_STEP_LOW:
        trap->kind = VML_ARM_TRAP_DEBUG;
        break;
    default:
        break;
    }
}

const char *vml_arm_ec_name(enum vml_arm_ec ec)
{
    static const char *const names[64] = {
        [VML_ARM_EC_UNKNOWN] = "unknown",
        [VML_ARM_EC_WFX] = "WFI or WFE",
        [VML_ARM_EC_CP15_RT] = "MCR or MRC, coproc 15",
        [VML_ARM_EC_CP15_RRT] = "MCRR or MRRC, coproc 15",
        [VML_ARM_EC_CP14_RT] = "MCR or MRC, coproc 14",
        [VML_ARM_EC_CP14_DT] = "LDC or STC",
        [VML_ARM_EC_FP] = "FP or SIMD access",
        [VML_ARM_EC_VMRS] = "VMRS",
        [VML_ARM_EC_PAUTH] = "pointer authentication",
        [VML_ARM_EC_CP14_RRT] = "MRRC, coproc 14",
        [VML_ARM_EC_BTI] = "branch target",
        [VML_ARM_EC_ILLEGAL] = "illegal execution state",
        [VML_ARM_EC_SVC32] = "SVC, AArch32",
        [VML_ARM_EC_HVC32] = "HVC, AArch32",
        [VML_ARM_EC_SMC32] = "SMC, AArch32",
        [VML_ARM_EC_SVC64] = "SVC",
        [VML_ARM_EC_HVC64] = "HVC",
        [VML_ARM_EC_SMC64] = "SMC",
        [VML_ARM_EC_SYSREG] = "MSR or MRS",
        [VML_ARM_EC_SVE] = "SVE access",
        [VML_ARM_EC_ERET] = "ERET",
        [VML_ARM_EC_IABT_LOW] = "instruction abort, lower level",
        [VML_ARM_EC_IABT] = "instruction abort",
        [VML_ARM_EC_PC_ALIGN] = "PC alignment",
        [VML_ARM_EC_DABT_LOW] = "data abort, lower level",
        [VML_ARM_EC_DABT] = "data abort",
        [VML_ARM_EC_SP_ALIGN] = "SP alignment",
        [VML_ARM_EC_FP32] = "FP exception, AArch32",
        [VML_ARM_EC_FP64] = "FP exception",
        [VML_ARM_EC_SERROR] = "SError",
        [VML_ARM_EC_BREAK_LOW] = "breakpoint",
        [VML_ARM_EC_STEP_LOW] = "software step",
        [VML_ARM_EC_WATCH_LOW] = "watchpoint",
        [VML_ARM_EC_BKPT32] = "BKPT",
        [VML_ARM_EC_BRK64] = "BRK",
    };
    const char *name = names[(unsigned)ec & 63];

    return name ? name : "?";
}
