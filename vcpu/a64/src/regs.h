/*
 * The register file of the software Armv8-A CPU, as its semantic functions see it.
 *
 * Register numbers inside decoded operations are slots, not encodings: the decoder has already
 * turned encoding 31 into the slot that it means at that place, so that no handler ever tests for
 * it.  Reading XZR reads slot A64_X_ZERO, which nothing ever writes; writing XZR writes slot
 * A64_X_SINK, which nothing ever reads.
 */
#ifndef VML_A64_REGS_H
#define VML_A64_REGS_H

#include <stdint.h>

enum {
    A64_X_ZERO = 31,
    A64_X_SINK = 32,
    A64_X_SP = 33,
    A64_X_SLOTS = 34,
};

/* A vector register.  Element 0 is the least significant; hosts are little-endian. */
union a64_vreg {
    uint8_t b[16];
    uint16_t h[8];
    uint32_t s[4];
    uint64_t d[2];
};

struct a64_regs {
    uint64_t x[A64_X_SLOTS];
    uint64_t pc;
    uint32_t nzcv; /* PSTATE.{N,Z,C,V} in bits 31:28, all other bits zero */
    uint32_t fpcr;
    uint32_t fpsr;
    uint32_t reserved;
    union a64_vreg v[32] __attribute__((aligned(16)));
};

#endif
