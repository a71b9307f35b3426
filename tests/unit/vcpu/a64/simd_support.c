#include "simd_support.h"

#include "test.h"

void simd_run(uint32_t insn, struct a64_regs *regs)
{
    struct a64_simd_op op;

    assert_true(a64_simd_decode(insn, SIMD_ALL, &op));
    assert_true(op.fn < a64_simd_table_size);
    a64_simd_table[op.fn].fn(regs, &op);
}

const char *simd_mnemonic(uint32_t insn, uint64_t features)
{
    struct a64_simd_op op;

    return a64_simd_decode(insn, features, &op) ? a64_simd_table[op.fn].name : NULL;
}

uint64_t simd_random(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));

    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}
