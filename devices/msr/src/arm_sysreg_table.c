/*
 * The registers: DDI 0487, the chapters on AArch64 system registers (general, debug, performance
 * monitors) and system instructions. Rows of one kind and feature stand together.
 */
#include "arm_sysreg.h"

#define NO_ID      VML_ARM_ID_COUNT
#define NO_FEATURE VML_ARM_FEATURE_COUNT
#define ALL        UINT64_MAX
#define LOW32      UINT64_C(0xffffffff)

#define ROW(id_name, number, how, needs, at_reset, mask)                                           \
    {                                                                                              \
        .name = (id_name), .sysreg = (number), .kind = VML_ARM_SYSREG_##how, .feature = (needs),   \
        .id = NO_ID, .reset = (at_reset), .write_mask = (mask)                                     \
    }
#define ID(id_name, op1, crm, op2)                                                                 \
    {                                                                                              \
        .name = #id_name, .sysreg = REG(3, op1, 0, crm, op2), .kind = VML_ARM_SYSREG_RO,           \
        .feature = NO_FEATURE, .id = VML_ARM_##id_name                                             \
    }
/* Reserved identification registers read as zero. */
#define RESERVED(crm, op2)                                                                         \
    {                                                                                              \
        .name = "reserved", .sysreg = REG(3, 0, 0, crm, op2), .kind = VML_ARM_SYSREG_RAZ,          \
        .feature = NO_FEATURE, .id = NO_ID                                                         \
    }
#define VM(id_name, op1, crn, crm, op2, at_reset)                                                  \
    ROW(#id_name, REG(3, op1, crn, crm, op2), VM, NO_FEATURE, at_reset, ALL)
#define DEBUG(id_name, op1, crn, crm, op2, how, at_reset, mask)                                    \
    ROW(#id_name, REG(2, op1, crn, crm, op2), how, NO_FEATURE, at_reset, mask)
#define PMU(id_name, op1, crn, crm, op2, how, at_reset, mask)                                      \
    ROW(#id_name, REG(3, op1, crn, crm, op2), how, VML_ARM_FEATURE_PMU, at_reset, mask)
#define BREAKPOINT(n)                                                                              \
    DEBUG(DBGBVR##n##_EL1, 0, 0, n, 4, RW, 0, ALL),                                                \
        DEBUG(DBGBCR##n##_EL1, 0, 0, n, 5, RW, 0, UINT64_C(0x00ffe1e7))
#define WATCHPOINT(n)                                                                              \
    DEBUG(DBGWVR##n##_EL1, 0, 0, n, 6, RW, 0, ALL & ~UINT64_C(3)),                                 \
        DEBUG(DBGWCR##n##_EL1, 0, 0, n, 7, RW, 0, UINT64_C(0x1f1fffff))

static const struct vml_arm_sysreg table[] = {
    ID(MIDR_EL1, 0, 0, 0),
    ID(REVIDR_EL1, 0, 0, 6),
    ID(AIDR_EL1, 1, 0, 7),
    ID(CTR_EL0, 3, 0, 1),
    ID(DCZID_EL0, 3, 0, 7),
    ID(CLIDR_EL1, 1, 0, 1),
    ID(ID_PFR0_EL1, 0, 1, 0),
    ID(ID_PFR1_EL1, 0, 1, 1),
    ID(ID_DFR0_EL1, 0, 1, 2),
    ID(ID_AFR0_EL1, 0, 1, 3),
    ID(ID_MMFR0_EL1, 0, 1, 4),
    ID(ID_MMFR1_EL1, 0, 1, 5),
    ID(ID_MMFR2_EL1, 0, 1, 6),
    ID(ID_MMFR3_EL1, 0, 1, 7),
    ID(ID_ISAR0_EL1, 0, 2, 0),
    ID(ID_ISAR1_EL1, 0, 2, 1),
    ID(ID_ISAR2_EL1, 0, 2, 2),
    ID(ID_ISAR3_EL1, 0, 2, 3),
    ID(ID_ISAR4_EL1, 0, 2, 4),
    ID(ID_ISAR5_EL1, 0, 2, 5),
    ID(ID_MMFR4_EL1, 0, 2, 6),
    ID(ID_ISAR6_EL1, 0, 2, 7),
    ID(MVFR0_EL1, 0, 3, 0),
    ID(MVFR1_EL1, 0, 3, 1),
    ID(MVFR2_EL1, 0, 3, 2),
    ID(ID_PFR2_EL1, 0, 3, 4),
    ID(ID_DFR1_EL1, 0, 3, 5),
    ID(ID_MMFR5_EL1, 0, 3, 6),
    ID(ID_AA64PFR0_EL1, 0, 4, 0),
    ID(ID_AA64PFR1_EL1, 0, 4, 1),
    ID(ID_AA64PFR2_EL1, 0, 4, 2),
    ID(ID_AA64ZFR0_EL1, 0, 4, 4),
    ID(ID_AA64SMFR0_EL1, 0, 4, 5),
    ID(ID_AA64FPFR0_EL1, 0, 4, 7),
    ID(ID_AA64DFR0_EL1, 0, 5, 0),
    ID(ID_AA64DFR1_EL1, 0, 5, 1),
    ID(ID_AA64AFR0_EL1, 0, 5, 4),
    ID(ID_AA64AFR1_EL1, 0, 5, 5),
    ID(ID_AA64ISAR0_EL1, 0, 6, 0),
    ID(ID_AA64ISAR1_EL1, 0, 6, 1),
    ID(ID_AA64ISAR2_EL1, 0, 6, 2),
    ID(ID_AA64MMFR0_EL1, 0, 7, 0),
    ID(ID_AA64MMFR1_EL1, 0, 7, 1),
    ID(ID_AA64MMFR2_EL1, 0, 7, 2),
    ID(ID_AA64MMFR3_EL1, 0, 7, 3),
    ID(ID_AA64MMFR4_EL1, 0, 7, 4),
    RESERVED(3, 3),
    RESERVED(3, 7),
    RESERVED(4, 3),
    RESERVED(4, 6),
    RESERVED(5, 2),
    RESERVED(5, 3),
    RESERVED(5, 6),
    RESERVED(5, 7),
    RESERVED(6, 3),
    RESERVED(6, 4),
    RESERVED(6, 5),
    RESERVED(6, 6),
    RESERVED(6, 7),
    RESERVED(7, 5),
    RESERVED(7, 6),
    RESERVED(7, 7),
    ROW("MPIDR_EL1", MPIDR_EL1, RO, NO_FEATURE, 0, 0),
    ROW("CCSIDR_EL1", CCSIDR_EL1, OTHER, NO_FEATURE, 0, 0),
    ROW("CSSELR_EL1", CSSELR_EL1, RW, NO_FEATURE, 0, 0xf),

    /* SCTLR_EL1: RES1 bits of Armv8.0, MMU and caches off */
    VM(SCTLR_EL1, 0, 1, 0, 0, 0x30d00800),
    ROW("ACTLR_EL1", REG(3, 0, 1, 0, 1), RAZ, NO_FEATURE, 0, 0),
    ROW("CPACR_EL1", REG(3, 0, 1, 0, 2), RW, NO_FEATURE, 0, 0x10330000),
    VM(TTBR0_EL1, 0, 2, 0, 0, 0),
    VM(TTBR1_EL1, 0, 2, 0, 1, 0),
    VM(TCR_EL1, 0, 2, 0, 2, 0),
    VM(AFSR0_EL1, 0, 5, 1, 0, 0),
    VM(AFSR1_EL1, 0, 5, 1, 1, 0),
    VM(ESR_EL1, 0, 5, 2, 0, 0),
    VM(FAR_EL1, 0, 6, 0, 0, 0),
    VM(MAIR_EL1, 0, 10, 2, 0, 0),
    VM(AMAIR_EL1, 0, 10, 3, 0, 0),
    VM(CONTEXTIDR_EL1, 0, 13, 0, 1, 0),

    ROW("LORSA_EL1", REG(3, 0, 10, 4, 0), RAZ, VML_ARM_FEATURE_LOR, 0, 0),
    ROW("LOREA_EL1", REG(3, 0, 10, 4, 1), RAZ, VML_ARM_FEATURE_LOR, 0, 0),
    ROW("LORN_EL1", REG(3, 0, 10, 4, 2), RAZ, VML_ARM_FEATURE_LOR, 0, 0),
    ROW("LORC_EL1", REG(3, 0, 10, 4, 3), RAZ, VML_ARM_FEATURE_LOR, 0, 0),
    ROW("LORID_EL1", REG(3, 0, 10, 4, 7), RO, VML_ARM_FEATURE_LOR, 0, 0),

    /* No error records. */
    ROW("ERRIDR_EL1", REG(3, 0, 5, 3, 0), RO, VML_ARM_FEATURE_RAS, 0, 0),
    ROW("ERRSELR_EL1", REG(3, 0, 5, 3, 1), RAZ, VML_ARM_FEATURE_RAS, 0, 0),
    ROW("DISR_EL1", REG(3, 0, 12, 1, 1), RAZ, VML_ARM_FEATURE_RAS, 0, 0),

    ROW("DC ISW", DC_ISW, WO, NO_FEATURE, 0, 0),
    ROW("DC CSW", DC_CSW, WO, NO_FEATURE, 0, 0),
    ROW("DC CISW", DC_CISW, WO, NO_FEATURE, 0, 0),

    BREAKPOINT(0),
    BREAKPOINT(1),
    BREAKPOINT(2),
    BREAKPOINT(3),
    BREAKPOINT(4),
    BREAKPOINT(5),
    BREAKPOINT(6),
    BREAKPOINT(7),
    BREAKPOINT(8),
    BREAKPOINT(9),
    BREAKPOINT(10),
    BREAKPOINT(11),
    BREAKPOINT(12),
    BREAKPOINT(13),
    BREAKPOINT(14),
    BREAKPOINT(15),
    WATCHPOINT(0),
    WATCHPOINT(1),
    WATCHPOINT(2),
    WATCHPOINT(3),
    WATCHPOINT(4),
    WATCHPOINT(5),
    WATCHPOINT(6),
    WATCHPOINT(7),
    WATCHPOINT(8),
    WATCHPOINT(9),
    WATCHPOINT(10),
    WATCHPOINT(11),
    WATCHPOINT(12),
    WATCHPOINT(13),
    WATCHPOINT(14),
    WATCHPOINT(15),
    DEBUG(OSDTRRX_EL1, 0, 0, 0, 2, RW, 0, LOW32),
    DEBUG(MDCCINT_EL1, 0, 0, 2, 0, RW, 0, 0x60000000),
    /* RXfull, TXfull, RXO, TXU, INTdis, TDA, MDE, HDE, KDE, TDCC, ERR, SS */
    DEBUG(MDSCR_EL1, 0, 0, 2, 2, RW, 0, 0x6ce0f041),
    DEBUG(OSDTRTX_EL1, 0, 0, 3, 2, RW, 0, LOW32),
    DEBUG(OSECCR_EL1, 0, 0, 6, 2, RW, 0, LOW32),
    DEBUG(MDRAR_EL1, 0, 1, 0, 0, RO, 0, 0),
    DEBUG(OSLAR_EL1, 0, 1, 0, 4, WO, 0, 0),
    /* OSLM 10: there is an OS lock; OSLK: locked at reset */
    DEBUG(OSLSR_EL1, 0, 1, 1, 4, RO, 0xa, 0),
    DEBUG(OSDLR_EL1, 0, 1, 3, 4, RW, 0, 1),
    DEBUG(DBGPRCR_EL1, 0, 1, 4, 4, RW, 0, 1),
    DEBUG(DBGCLAIMSET_EL1, 0, 7, 8, 6, OTHER, 0, 0xff),
    DEBUG(DBGCLAIMCLR_EL1, 0, 7, 9, 6, OTHER, 0, 0xff),
    DEBUG(DBGAUTHSTATUS_EL1, 0, 7, 14, 6, RO, 0, 0),
    DEBUG(MDCCSR_EL0, 3, 0, 1, 0, RO, 0, 0),
    DEBUG(DBGDTR_EL0, 3, 0, 4, 0, RAZ, 0, 0),
    DEBUG(DBGDTRRX_EL0, 3, 0, 5, 0, RAZ, 0, 0),
    DEBUG(DBGVCR32_EL2, 4, 0, 7, 0, RW, 0, LOW32),

    /* The cycle counter, and no event counters: PMCR_EL0.N is 0. LC is RES1 without AArch32. */
    PMU(PMINTENSET_EL1, 0, 9, 14, 1, OTHER, 0, 0x80000000),
    PMU(PMINTENCLR_EL1, 0, 9, 14, 2, OTHER, 0, 0x80000000),
    PMU(PMMIR_EL1, 0, 9, 14, 6, RO, 0, 0),
    PMU(PMCR_EL0, 3, 9, 12, 0, OTHER, 0x40, 0x69),
    PMU(PMCNTENSET_EL0, 3, 9, 12, 1, OTHER, 0, 0x80000000),
    PMU(PMCNTENCLR_EL0, 3, 9, 12, 2, OTHER, 0, 0x80000000),
    PMU(PMOVSCLR_EL0, 3, 9, 12, 3, OTHER, 0, 0x80000000),
    PMU(PMSWINC_EL0, 3, 9, 12, 4, WO, 0, 0),
    PMU(PMSELR_EL0, 3, 9, 12, 5, RW, 0, 0x1f),
    /* Events that exist: CPU_CYCLES */
    PMU(PMCEID0_EL0, 3, 9, 12, 6, RO, 0x20000, 0),
    PMU(PMCEID1_EL0, 3, 9, 12, 7, RO, 0, 0),
    PMU(PMCCNTR_EL0, 3, 9, 13, 0, OTHER, 0, ALL),
    PMU(PMXEVTYPER_EL0, 3, 9, 13, 1, RAZ, 0, 0),
    PMU(PMXEVCNTR_EL0, 3, 9, 13, 2, RAZ, 0, 0),
    PMU(PMUSERENR_EL0, 3, 9, 14, 0, RW, 0, 0xf),
    PMU(PMOVSSET_EL0, 3, 9, 14, 3, OTHER, 0, 0x80000000),
    PMU(PMCCFILTR_EL0, 3, 14, 15, 7, RW, 0, 0xf8000000),
};

const struct vml_arm_sysreg *vml_arm_sysreg_table(uint32_t *count)
{
    *count = VML_ARRAY_SIZE(table);
    return table;
}
