/*
 * One case: the state of a CPU before an instruction, or after it.  The same bytes go through the
 * pipe to the program that executes the instruction natively and come back.
 */
#ifndef DIFF_STATE_H
#define DIFF_STATE_H

#include <stdint.h>

/* The instruction is at DIFF_CODE + 16 * (index in its batch), with UDF after it. */
#define DIFF_CODE  UINT64_C(0x10000000)
#define DIFF_SLOT  16u
#define DIFF_BATCH 256u

/* A window of memory for loads and stores: DIFF_PAGE bytes are mapped, the case's are in the middle. */
#define DIFF_MEMORY      UINT64_C(0x20000000)
#define DIFF_PAGE        0x10000u
#define DIFF_MEMORY_SIZE 256u
#define DIFF_MEMORY_AT   (DIFF_MEMORY + DIFF_PAGE / 2u)

enum diff_status {
    DIFF_OK = 0,        /* executed; pc is where it went on */
    DIFF_UNDEFINED = 1, /* SIGILL at the instruction itself */
    DIFF_FAULT = 2,     /* any other signal at the instruction */
};

struct diff_state {
    uint64_t x[31];
    uint64_t sp;
    uint64_t pc;
    uint32_t nzcv; /* bits 31:28 */
    uint32_t fpcr;
    uint32_t fpsr;
    uint32_t insn;
    uint32_t status; /* enum diff_status */
    uint32_t reserved;
    uint64_t v[32][2];
    uint8_t memory[DIFF_MEMORY_SIZE];
};

#endif
