/*
 * Scalar floating point, Advanced SIMD and cryptographic data processing: decoded once, executed by
 * a call through a table.
 *
 * Loads and stores of vector registers are not here (the memory side of the CPU has them); all of
 * "Data Processing -- Scalar Floating-Point and Advanced SIMD" (DDI 0487, C4.1) is.
 */
#ifndef VML_A64_SIMD_H
#define VML_A64_SIMD_H

#include "regs.h"

#include <stdbool.h>

/* Optional features that decide what is allocated.  One bit each, shared by the whole decoder. */
#define A64_FEAT_CRC32   (1ull << 0)
#define A64_FEAT_LSE     (1ull << 1)
#define A64_FEAT_PAN     (1ull << 2)
#define A64_FEAT_RDM     (1ull << 3)
#define A64_FEAT_FP16    (1ull << 4)
#define A64_FEAT_DOTPROD (1ull << 5)
#define A64_FEAT_RCPC    (1ull << 6)
#define A64_FEAT_RCPC2   (1ull << 7)
#define A64_FEAT_DIT     (1ull << 8)
#define A64_FEAT_FLAGM   (1ull << 9)
#define A64_FEAT_FLAGM2  (1ull << 10)
#define A64_FEAT_AES     (1ull << 11)
#define A64_FEAT_PMULL   (1ull << 12)
#define A64_FEAT_SHA1    (1ull << 13)
#define A64_FEAT_SHA256  (1ull << 14)
#define A64_FEAT_SHA512  (1ull << 15)
#define A64_FEAT_SHA3    (1ull << 16)
#define A64_FEAT_SM3     (1ull << 17)
#define A64_FEAT_SM4     (1ull << 18)
#define A64_FEAT_FCMA    (1ull << 19)
#define A64_FEAT_JSCVT   (1ull << 20)
#define A64_FEAT_FHM     (1ull << 21)
#define A64_FEAT_FRINTTS (1ull << 22)
#define A64_FEAT_DPB     (1ull << 23)
#define A64_FEAT_UAO     (1ull << 24)
#define A64_FEAT_DBM     (1ull << 25)
#define A64_FEAT_VMID16  (1ull << 26)
#define A64_FEAT_I8MM    (1ull << 27)
#define A64_FEAT_BF16    (1ull << 28)
#define A64_FEAT_SSBS    (1ull << 29)
#define A64_FEAT_SB      (1ull << 30)
#define A64_FEAT_LSE2    (1ull << 31)
#define A64_FEAT_FP      (1ull << 32)
#define A64_FEAT_HAF     (1ull << 33)
#define A64_FEAT_TGRAN4  (1ull << 34)
#define A64_FEAT_TGRAN16 (1ull << 35)
#define A64_FEAT_TGRAN64 (1ull << 36)

/* The operand payload of a decoded operation: what its function needs, in eight bytes. */
struct a64_simd_op {
    uint16_t fn; /* index into a64_simd_table */
    uint8_t rd;
    uint8_t rn;
    uint8_t rm;
    uint8_t ra;   /* third source, or free use of the function */
    uint16_t imm; /* free use of the function: immediate, shift, index, size */
};

typedef void (*a64_simd_fn)(struct a64_regs *regs, const struct a64_simd_op *op);

/* What the caller must know of a function before it calls it. */
#define A64_SIMD_READS_NZCV  (1u << 0) /* regs->nzcv must be up to date */
#define A64_SIMD_WRITES_NZCV (1u << 1) /* regs->nzcv is changed */

struct a64_simd_entry {
    a64_simd_fn fn;
    uint32_t flags;
    const char *name; /* the mnemonic, for traces and coverage tables */
};

extern const struct a64_simd_entry a64_simd_table[];
extern const uint16_t a64_simd_table_size;

/*
 * Decodes one instruction of the class (bits 28:25 = x111).  General registers in `op` are slots
 * (see regs.h), vector registers are 0..31.  Returns false for what is unallocated with these
 * features: the CPU then takes an Undefined Instruction exception.  Never looks at CPU state:
 * whether FP access is enabled is the caller's affair.
 */
bool a64_simd_decode(uint32_t insn, uint64_t features, struct a64_simd_op *op);

#endif
