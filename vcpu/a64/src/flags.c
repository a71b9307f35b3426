/* The lazy flags. */
#include "core.h"

uint32_t a64_flags_get(struct a64_core *core)
{
    uint64_t a = core->flag_a, b = core->flag_b, r = a - b;
    uint32_t nzcv;

    if (core->flag_kind == A64_FLAGS_PACKED) {
        return core->regs.nzcv;
    }
    nzcv = (uint32_t)(r >> 63) << 31 | (uint32_t)(r == 0) << 30 |
           (uint32_t)(((a ^ b) & (a ^ r)) >> 63) << 28;
    if (core->flag_kind == A64_FLAGS_SUB && a >= b) {
        nzcv |= 1u << 29;
    }
    core->regs.nzcv = nzcv;
    return nzcv;
}

void a64_flags_set(struct a64_core *core, uint32_t nzcv)
{
    core->regs.nzcv = nzcv & A64_PSTATE_NZCV;
    core->flag_kind = A64_FLAGS_PACKED;
}

bool a64_condition(struct a64_core *core, unsigned cond)
{
    uint32_t nzcv = a64_flags_get(core);
    bool n = nzcv >> 31, z = nzcv >> 30 & 1, c = nzcv >> 29 & 1, v = nzcv >> 28 & 1;
    bool holds;

    switch (cond >> 1) {
    case 0:
        holds = z;
        break;
    case 1:
        holds = c;
        break;
    case 2:
        holds = n;
        break;
    case 3:
        holds = v;
        break;
    case 4:
        holds = c && !z;
        break;
    case 5:
        holds = n == v;
        break;
    case 6:
        holds = !z && n == v;
        break;
    default:
        return true;
    }
    return holds != (cond & 1);
}
