/* What the tests of the floating-point and SIMD half share. */
#ifndef SIMD_SUPPORT_H
#define SIMD_SUPPORT_H

#include "fp.h"
#include "simd.h"

#include <stdint.h>

/* Every feature that the decoder knows and implements. */
#define SIMD_ALL                                                                                   \
    (A64_FEAT_RDM | A64_FEAT_FP16 | A64_FEAT_DOTPROD | A64_FEAT_AES | A64_FEAT_PMULL |             \
     A64_FEAT_SHA1 | A64_FEAT_SHA256 | A64_FEAT_SHA512 | A64_FEAT_SHA3 | A64_FEAT_SM3 |            \
     A64_FEAT_SM4 | A64_FEAT_FCMA | A64_FEAT_JSCVT | A64_FEAT_FHM | A64_FEAT_FRINTTS |             \
     A64_FEAT_I8MM)

/* Decodes with SIMD_ALL and executes; the test fails if the instruction is unallocated. */
void simd_run(uint32_t insn, struct a64_regs *regs);

/* The mnemonic, or NULL if the instruction is unallocated with these features. */
const char *simd_mnemonic(uint32_t insn, uint64_t features);

/* A reproducible pseudo-random sequence. */
uint64_t simd_random(uint64_t *state);

#endif
