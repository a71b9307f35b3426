/* LD1..LD4, ST1..ST4, LD1R..LD4R. The payload is at decode_structures(). */
#include "core.h"

static bool transfer(struct a64_core *core, uint64_t va, unsigned bytes, bool load, uint8_t *where)
{
    uint64_t value[2] = {0, 0};

    if (load) {
        if (!a64_read(core, core->tlb, va, bytes, value)) {
            return false;
        }
        memcpy(where, value, bytes);
        return true;
    }
    memcpy(value, where, bytes);
    return a64_write(core, core->tlb, va, bytes, value);
}

/* The address of element `index` of register `n`. */
static uint8_t *element(union a64_vreg *v, unsigned n, unsigned index, unsigned esize)
{
    return &v[n & 31].b[index * esize];
}

static bool multiple(struct a64_core *core, const struct a64_op *op, union a64_vreg *v, uint64_t va)
{
    unsigned count = op->imm & 7, rpt = op->imm >> 3 & 7, esize = 1u << (op->imm >> 6 & 3);
    unsigned bytes = (op->imm >> 8 & 1) ? 16 : 8;
    bool load = op->imm >> 9 & 1;

    if (count == 1 && !(core->sys.SCTLR_EL1 & A64_SCTLR_A)) {
        for (unsigned r = 0; r < rpt; r++, va += bytes) {
            const struct a64_tlb_entry *e = &core->tlb[(va >> A64_PAGE_BITS) & (A64_TLB_SIZE - 1)];

            if (((va + bytes - 1) & A64_PAGE_MASK) == (load ? e->tag_read : e->tag_write)) {
                void *host = (void *)(uintptr_t)(va + e->addend);

                memcpy(load ? v[(op->a + r) & 31].b : host, load ? host : v[(op->a + r) & 31].b,
                       bytes);
                continue;
            }
            for (unsigned i = 0; i < bytes / esize; i++) {
                if (!transfer(core, va + i * esize, esize, load, element(v, op->a + r, i, esize))) {
                    return false;
                }
            }
        }
        return true;
    }
    for (unsigned r = 0; r < rpt; r++) {
        for (unsigned i = 0; i < bytes / esize; i++) {
            for (unsigned s = 0; s < count; s++, va += esize) {
                if (!transfer(core, va, esize, load, element(v, op->a + r + s, i, esize))) {
                    return false;
                }
            }
        }
    }
    return true;
}

static bool one(struct a64_core *core, const struct a64_op *op, union a64_vreg *v, uint64_t va)
{
    unsigned count = op->imm & 7, esize = 1u << (op->imm >> 6 & 3);
    bool load = op->imm >> 9 & 1, replicate = op->imm >> 11 & 1;
    unsigned index = op->imm >> 12 & 15;
    unsigned bytes = (op->imm >> 8 & 1) ? 16 : 8;

    for (unsigned s = 0; s < count; s++, va += esize) {
        if (!transfer(core, va, esize, load, element(v, op->a + s, replicate ? 0 : index, esize))) {
            return false;
        }
        for (unsigned i = 1; replicate && i < bytes / esize; i++) {
            memcpy(element(v, op->a + s, i, esize), element(v, op->a + s, 0, esize), esize);
        }
    }
    return true;
}

bool a64_vector_memory(struct a64_core *core, const struct a64_op *op)
{
    unsigned count = op->imm & 7, rpt = op->imm >> 3 & 7;
    bool single = op->imm >> 10 & 1, load = op->imm >> 9 & 1;
    unsigned bytes = (op->imm >> 8 & 1) ? 16 : 8;
    uint64_t va = core->regs.x[op->b];
    unsigned registers = single ? count : count * rpt;
    union a64_vreg v[32];

    /* On a copy of those concerned: a fault leaves the registers as they were. */
    for (unsigned i = 0; i < registers; i++) {
        v[(op->a + i) & 31] = core->regs.v[(op->a + i) & 31];
    }
    if (!(single ? one(core, op, v, va) : multiple(core, op, v, va))) {
        return false;
    }
    for (unsigned i = 0; load && i < registers; i++) {
        union a64_vreg *to = &core->regs.v[(op->a + i) & 31];

        *to = v[(op->a + i) & 31];
        if (bytes == 8 && (!single || (op->imm >> 11 & 1))) {
            to->d[1] = 0;
        }
    }
    if (op->imm >> 16 & 1) {
        uint64_t total =
            single ? (uint64_t)count << (op->imm >> 6 & 3) : (uint64_t)registers * bytes;

        core->regs.x[op->b] = va + ((op->imm >> 17 & 1) ? core->regs.x[op->c] : total);
    }
    return true;
}
