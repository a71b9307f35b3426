/*
 * Decoded operations.
 *
 * A64_OPS lists every operation once; exec.c has one handler for each, in exec_*.h.  The payload's
 * members are register slots (see regs.h) and immediates; what each operation uses is said at its
 * decoder.
 */
#ifndef VML_A64_OP_H
#define VML_A64_OP_H

#include <stdint.h>

#include "simd.h"

struct a64_op {
    const void *fn;
    union {
        struct {
            uint8_t a; /* destination, or the register to store */
            uint8_t b; /* first source, base */
            uint8_t c; /* second source, second register */
            uint8_t d; /* shift, bit number, flags, mask of the SP check */
            int32_t imm;
        };
        struct a64_simd_op simd;
        uint64_t raw;
    };
};
_Static_assert(sizeof(struct a64_op) == 16, "a decoded operation is 16 bytes on 64-bit hosts");

/* clang-format off */
/* Each condition but AL, in order of its encoding. */
#define A64_CONDS(X, name)                                                                         \
    X(name##_EQ) X(name##_NE) X(name##_CS) X(name##_CC) X(name##_MI) X(name##_PL) X(name##_VS)     \
    X(name##_VC) X(name##_HI) X(name##_LS) X(name##_GE) X(name##_LT) X(name##_GT) X(name##_LE)

#define A64_BOTH(X, name) X(name##64) X(name##32)

/* A load or store in all its addressing modes: immediate, immediate from SP, pre- and post-index,
 * register, extended register, unprivileged (which only some have). */
#define A64_MODES(X, name)                                                                         \
    X(name##_I) X(name##_IS) X(name##_P) X(name##_O) X(name##_R) X(name##_E)
#define A64_PAIR_MODES(X, name) X(name##_I) X(name##_P) X(name##_O)

#define A64_INT_LOADS(M, X)                                                                        \
    M(X, LDU8) M(X, LDU16) M(X, LDU32) M(X, LDU64) M(X, LDS8X) M(X, LDS8W) M(X, LDS16X)            \
    M(X, LDS16W) M(X, LDS32X)
#define A64_INT_STORES(M, X) M(X, ST8) M(X, ST16) M(X, ST32) M(X, ST64)
#define A64_VEC_MEMORY(M, X)                                                                       \
    M(X, LDV8) M(X, LDV16) M(X, LDV32) M(X, LDV64) M(X, LDV128)                                    \
    M(X, STV8) M(X, STV16) M(X, STV32) M(X, STV64) M(X, STV128)
#define A64_PAIRS(M, X)                                                                            \
    M(X, LDP64) M(X, LDP32) M(X, LDPSW) M(X, STP64) M(X, STP32)                                    \
    M(X, LDPV32) M(X, LDPV64) M(X, LDPV128) M(X, STPV32) M(X, STPV64) M(X, STPV128)
#define A64_UNPRIVILEGED(X, name) X(name##_T)

#define A64_OPS(X)                                                                                 \
    /* bookkeeping */                                                                              \
    X(DECODE) X(PAGE_END) X(STEP_END) X(UNDEFINED) X(NOP) X(HOST_BREAK)                            \
    /* immediates */                                                                               \
    X(ADR) X(ADRP) X(MOVI) X(MOVU) X(MOVZS) X(MOVNS) A64_BOTH(X, MOVK)                             \
    A64_BOTH(X, ADDI) A64_BOTH(X, SUBSI) A64_BOTH(X, CMPI)                                         \
    A64_BOTH(X, ANDI) A64_BOTH(X, ORRI) A64_BOTH(X, EORI) A64_BOTH(X, ANDSI) A64_BOTH(X, TSTI)     \
    X(ANDW) X(ORRW) X(EORW) X(ANDSW)                                                               \
    A64_BOTH(X, LSLI) A64_BOTH(X, LSRI) A64_BOTH(X, ASRI) X(SXTW) X(UXTB)                          \
    X(UBFM) A64_BOTH(X, SBFM) A64_BOTH(X, BFM) A64_BOTH(X, EXTR)                                   \
    /* registers */                                                                                \
    A64_BOTH(X, ADD) A64_BOTH(X, SUB) A64_BOTH(X, ADDS) A64_BOTH(X, SUBS) A64_BOTH(X, CMP)         \
    A64_BOTH(X, ADDL) A64_BOTH(X, SUBL)                                                            \
    A64_BOTH(X, ADD_SH) A64_BOTH(X, SUB_SH) A64_BOTH(X, ADDS_SH) A64_BOTH(X, SUBS_SH)              \
    A64_BOTH(X, ADD_EX) A64_BOTH(X, SUB_EX) A64_BOTH(X, ADDS_EX) A64_BOTH(X, SUBS_EX)              \
    A64_BOTH(X, AND) A64_BOTH(X, ORR) A64_BOTH(X, EOR) A64_BOTH(X, ANDS)                           \
    A64_BOTH(X, BIC) A64_BOTH(X, ORN) A64_BOTH(X, EON) A64_BOTH(X, BICS)                           \
    A64_BOTH(X, MOV) A64_BOTH(X, TST)                                                              \
    A64_BOTH(X, AND_SH) A64_BOTH(X, ORR_SH) A64_BOTH(X, EOR_SH) A64_BOTH(X, ANDS_SH)               \
    A64_BOTH(X, BIC_SH) A64_BOTH(X, ORN_SH) A64_BOTH(X, EON_SH) A64_BOTH(X, BICS_SH)               \
    A64_BOTH(X, ADC) A64_BOTH(X, ADCS) A64_BOTH(X, SBC) A64_BOTH(X, SBCS)                          \
    A64_BOTH(X, CCMN) A64_BOTH(X, CCMP) A64_BOTH(X, CCMNI) A64_BOTH(X, CCMPI)                      \
    A64_CONDS(X, CSEL64) A64_CONDS(X, CSEL32) A64_CONDS(X, CSINC64) A64_CONDS(X, CSINC32)          \
    A64_CONDS(X, CSINV64) A64_CONDS(X, CSINV32) A64_CONDS(X, CSNEG64) A64_CONDS(X, CSNEG32)        \
    A64_BOTH(X, MADD) A64_BOTH(X, MSUB) A64_BOTH(X, MUL)                                           \
    X(SMADDL) X(SMSUBL) X(UMADDL) X(UMSUBL) X(SMULH) X(UMULH)                                      \
    A64_BOTH(X, UDIV) A64_BOTH(X, SDIV)                                                            \
    A64_BOTH(X, LSLV) A64_BOTH(X, LSRV) A64_BOTH(X, ASRV) A64_BOTH(X, RORV)                        \
    A64_BOTH(X, RBIT) A64_BOTH(X, REV16) A64_BOTH(X, REV) X(REV32X) A64_BOTH(X, CLZ)               \
    A64_BOTH(X, CLS) X(CRC32) X(CFINV) X(RMIF) X(SETF) X(AXFLAG) X(XAFLAG)                         \
    /* branches; _F: to another page, or alone */                                                  \
    X(B) X(B_F) X(BL) X(BL_F) X(BR) X(BLR) X(RET)                                                  \
    A64_CONDS(X, BC) X(BC_F)                                                                       \
    A64_BOTH(X, CBZ) A64_BOTH(X, CBNZ) X(CB_F) X(TBZ) X(TBNZ) X(TB_F)                              \
    A64_CONDS(X, CMPI64_BC) A64_CONDS(X, CMPI32_BC)                                                \
    A64_CONDS(X, CMP64_BC) A64_CONDS(X, CMP32_BC)                                                  \
    /* memory */                                                                                   \
    A64_INT_LOADS(A64_MODES, X) A64_INT_STORES(A64_MODES, X) A64_VEC_MEMORY(A64_MODES, X)          \
    A64_INT_LOADS(A64_UNPRIVILEGED, X) A64_INT_STORES(A64_UNPRIVILEGED, X)                         \
    A64_PAIRS(A64_PAIR_MODES, X)                                                                   \
    X(LDU32_L) X(LDU64_L) X(LDS32X_L) X(LDV32_L) X(LDV64_L) X(LDV128_L)                            \
    X(LDAR) X(STLR) X(EXCLUSIVE) X(ATOMIC) X(VECTOR_MEMORY)                                        \
    /* system */                                                                                   \
    X(SVC) X(HVC) X(SMC) X(BRK) X(ERET)                                                            \
    X(MRS) X(MRS_PLAIN) X(MRS_TPIDR_EL0) X(MRS_SP_EL0) X(MRS_NZCV) X(MSR_NZCV) X(MSR) X(MSR_IMM)   \
    X(SYS) X(SYSL) X(DC_ZVA) X(WFI) X(WFE) X(SEV) X(SEVL) X(YIELD) X(CLREX)                        \
    X(DSB) X(DMB) X(DMB_LD) X(DMB_ST) X(ISB) X(SB)                                                 \
    X(SIMD) X(SIMD_FLAGS)
/* clang-format on */

enum a64_op_id {
#define A64_OP_ENUM(name) A64_OP_##name,
    A64_OPS(A64_OP_ENUM)
#undef A64_OP_ENUM
        A64_OP_COUNT,
};

#endif
