/*
 * Any word as an instruction of the SIMD and floating-point class, on any registers: an input is the
 * word, FPCR, FPSR, NZCV, and vector registers as far as it goes.
 */
#include "simd.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint32_t head[4];
    struct a64_regs regs;
    struct a64_simd_op op;

    if (size < sizeof(head)) {
        return 0;
    }
    memcpy(head, data, sizeof(head));
    memset(&regs, 0, sizeof(regs));
    regs.fpcr = head[1] & 0x07c80000u;
    regs.fpsr = head[2] & 0x0800009fu;
    regs.nzcv = head[3] & 0xf0000000u;
    size -= sizeof(head);
    memcpy(regs.v, data + sizeof(head), size < sizeof(regs.v) ? size : sizeof(regs.v));
    for (unsigned i = 0; i < 31; i++) {
        regs.x[i] = regs.v[i].d[1];
    }
    if (!a64_simd_decode(head[0] | 0x0e000000u, UINT64_MAX, &op)) {
        return 0;
    }
    if (op.fn >= a64_simd_table_size) {
        abort();
    }
    a64_simd_table[op.fn].fn(&regs, &op);
    if (regs.x[A64_X_ZERO] != 0 || (regs.nzcv & 0x0fffffffu) != 0) {
        abort();
    }
    return 0;
}
