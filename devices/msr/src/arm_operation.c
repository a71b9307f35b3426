/*
 * A trapped load, store or system register access as bus accesses, and their results in registers.
 *
 * A syndrome describes only single general-purpose registers without write-back (DDI 0487, ISV);
 * all other loads and stores are decoded here, by its table of loads and stores.
 */
#include <vml/arm_trap.h>

#define PSTATE_SPSEL 0x1u
#define PSTATE_EL    0xcu
#define PSTATE_NRW   0x10u

/* The registers and addressing of a load or store. */
struct transfer {
    unsigned size;    /* bytes of one register */
    unsigned regs[2]; /* transferred */
    unsigned count;   /* of them */
    unsigned base;    /* register; 31 is SP */
    uint64_t address; /* of the first byte */
    uint64_t after;   /* value of the base afterwards */
    bool load, vector, sign_extend, sixty_four, write_back;
};

static bool uses_sp_el0(const struct vml_arm_regs *regs)
{
    return (regs->pstate & PSTATE_EL) == 0 || !(regs->pstate & PSTATE_SPSEL);
}

static uint64_t get_x(const struct vml_arm_regs *regs, unsigned n)
{
    return n < 31 ? regs->x[n] : 0;
}

static uint64_t get_base(const struct vml_arm_regs *regs, unsigned n)
{
    if (n < 31) {
        return regs->x[n];
    }
    return uses_sp_el0(regs) ? regs->sp_el0 : regs->sp_el1;
}

static uint64_t sign_extend(uint64_t v, unsigned bits)
{
    uint64_t sign = UINT64_C(1) << (bits - 1);

    v &= sign | (sign - 1);
    return (v ^ sign) - sign;
}

static bool decode_pair(struct transfer *t, uint32_t insn, const struct vml_arm_regs *regs)
{
    unsigned opc = insn >> 30, index = insn >> 23 & 3;
    uint64_t base, offset;

    t->vector = insn >> 26 & 1;
    t->load = insn >> 22 & 1;
    if (opc == 3 || (!t->vector && opc == 1 && !t->load)) {
        return false; /* unallocated; STGP */
    }
    t->size = t->vector ? 4u << opc : (opc == 2 ? 8 : 4);
    t->sign_extend = !t->vector && opc == 1;
    t->sixty_four = t->sign_extend || t->size == 8;
    t->count = 2;
    t->regs[0] = insn & 31;
    t->regs[1] = insn >> 10 & 31;
    t->base = insn >> 5 & 31;
    base = get_base(regs, t->base);
    offset = sign_extend(insn >> 15 & 0x7f, 7) * t->size;
    t->address = index == 1 ? base : base + offset;
    t->after = base + offset;
    t->write_back = index & 1;
    /* A pair of one register, or a base that is loaded too, is CONSTRAINED UNPREDICTABLE. */
    return true;
}

static uint64_t extended_index(uint32_t insn, const struct vml_arm_regs *regs, unsigned scale)
{
    uint64_t v = get_x(regs, insn >> 16 & 31);

    switch (insn >> 13 & 7) {
    case 2:
        v = (uint32_t)v;
        break;
    case 6:
        v = sign_extend(v, 32);
        break;
    default:
        break;
    }
    return insn >> 12 & 1 ? v << scale : v;
}

static bool decode_single_size(struct transfer *t, uint32_t insn, unsigned *scale)
{
    unsigned size = insn >> 30, opc = insn >> 22 & 3;

    t->vector = insn >> 26 & 1;
    t->count = 1;
    t->regs[0] = insn & 31;
    t->base = insn >> 5 & 31;
    if (t->vector) {
        *scale = (opc & 2) << 1 | size;
        t->load = opc & 1;
        t->size = 1u << *scale;
        return *scale <= 4;
    }
    *scale = size;
    t->size = 1u << size;
    t->load = opc != 0;
    t->sign_extend = opc >= 2;
    t->sixty_four = opc == 2 || size == 3;
    /* size 11 opc 1x is a prefetch or unallocated; size 10 opc 11 is unallocated */
    return !(opc >= 2 && size == 3) && !(opc == 3 && size == 2);
}

static bool decode_single(struct transfer *t, uint32_t insn, const struct vml_arm_regs *regs)
{
    unsigned scale = 0;
    uint64_t base, imm9 = sign_extend(insn >> 12 & 0x1ff, 9);

    if (!decode_single_size(t, insn, &scale)) {
        return false;
    }
    base = get_base(regs, t->base);
    t->address = base;
    if (insn >> 24 & 1) {
        t->address = base + ((uint64_t)(insn >> 10 & 0xfff) << scale);
        return true;
    }
    if (insn >> 21 & 1) {
        /* register offset; the other values of 11:10 are atomics and authenticated loads */
        if ((insn >> 10 & 3) != 2 || !(insn >> 14 & 1)) {
            return false;
        }
        t->address = base + extended_index(insn, regs, scale);
        return true;
    }
    t->after = base + imm9;
    t->write_back = insn >> 10 & 1;
    t->address = (insn >> 10 & 3) == 1 ? base : base + imm9;
    return true;
}

static bool decode_literal(struct transfer *t, uint32_t insn, const struct vml_arm_regs *regs)
{
    unsigned opc = insn >> 30;

    t->vector = insn >> 26 & 1;
    if (opc == 3) {
        return false; /* PRFM */
    }
    t->size = t->vector ? 4u << opc : (opc == 1 ? 8 : 4);
    t->sign_extend = !t->vector && opc == 2;
    t->sixty_four = opc != 0;
    t->load = true;
    t->count = 1;
    t->regs[0] = insn & 31;
    t->address = regs->pc + (sign_extend(insn >> 5 & 0x7ffff, 19) << 2);
    return true;
}

/* LDAR, LDLAR, STLR, STLLR; exclusives and compare-and-swap are not for devices. */
static bool decode_ordered(struct transfer *t, uint32_t insn, const struct vml_arm_regs *regs)
{
    if (!(insn >> 23 & 1) || (insn >> 21 & 1)) {
        return false;
    }
    t->size = 1u << (insn >> 30);
    t->load = insn >> 22 & 1;
    t->sixty_four = t->size == 8;
    t->count = 1;
    t->regs[0] = insn & 31;
    t->base = insn >> 5 & 31;
    t->address = get_base(regs, t->base);
    return true;
}

static bool decode(struct transfer *t, uint32_t insn, const struct vml_arm_regs *regs)
{
    if ((insn & 0x3a000000) == 0x28000000) {
        return decode_pair(t, insn, regs);
    }
    if ((insn & 0x3a000000) == 0x38000000) {
        return decode_single(t, insn, regs);
    }
    if ((insn & 0x3b000000) == 0x18000000) {
        return decode_literal(t, insn, regs);
    }
    if ((insn & 0x3f000000) == 0x08000000) {
        return decode_ordered(t, insn, regs);
    }
    return false;
}

enum vml_status vml_arm_operation_address(const struct vml_arm_regs *regs, uint32_t instruction,
                                          uint64_t *va)
{
    struct transfer t = {0};

    if ((regs->pstate & PSTATE_NRW) || !decode(&t, instruction, regs)) {
        return VML_ERR_UNSUPPORTED;
    }
    *va = t.address;
    return VML_OK;
}

static void add_part(struct vml_arm_operation *op, uint64_t address, unsigned size, bool write,
                     unsigned reg, unsigned half, uint64_t value, uint32_t cpu)
{
    op->parts[op->count++] = (struct vml_arm_part){
        .access = {.value = value, .cpu = cpu, .size = (uint8_t)size, .write = write},
        .address = address,
        .reg = (uint8_t)reg,
        .half = (uint8_t)half,
    };
}

static uint64_t low_bytes(uint64_t v, unsigned size)
{
    return size >= 8 ? v : v & ((UINT64_C(1) << size * 8) - 1);
}

static enum vml_status begin_decoded(struct vml_arm_operation *op, const struct vml_arm_trap *trap,
                                     const struct vml_arm_regs *regs, uint32_t insn, uint32_t cpu)
{
    struct transfer t = {0};

    if ((regs->pstate & PSTATE_NRW) || trap->far_invalid || !decode(&t, insn, regs) ||
        t.load == trap->write || (t.vector && !regs->v)) {
        return VML_ERR_UNSUPPORTED;
    }
    /* The fault must be at the first byte, or the registers are not those of the instruction. The
     * address may be tagged. */
    if ((t.address ^ trap->va) << 8 != 0) {
        return VML_ERR_UNSUPPORTED;
    }
    for (unsigned i = 0; i < t.count; i++) {
        for (unsigned at = 0; at < t.size; at += 8) {
            unsigned reg = t.regs[i], size = t.size - at < 8 ? t.size - at : 8;
            uint64_t value = 0;

            if (!t.load) {
                value = t.vector ? regs->v[reg][at / 8] : get_x(regs, reg);
            }
            add_part(op, trap->ipa + i * t.size + at, size, !t.load, reg, at / 8,
                     low_bytes(value, size), cpu);
        }
    }
    op->vector = t.vector;
    op->sign_extend = t.sign_extend;
    op->sixty_four = t.sixty_four;
    op->write_back = t.write_back;
    op->base = (uint8_t)t.base;
    op->base_value = t.after;
    return VML_OK;
}

enum vml_status vml_arm_operation_begin(struct vml_arm_operation *op,
                                        const struct vml_arm_trap *trap,
                                        const struct vml_arm_regs *regs, uint32_t instruction,
                                        uint32_t cpu)
{
    op->count = 0;
    op->done = 0;
    op->vector = false;
    op->write_back = false;
    op->sign_extend = false;
    op->sixty_four = true;
    op->length = trap->wide_instruction ? 4 : 2;
    if (trap->kind == VML_ARM_TRAP_SYSREG) {
        op->space = VML_SPACE_SYSREG;
        add_part(op, trap->sysreg, 8, !trap->read, trap->reg, 0,
                 trap->read ? 0 : get_x(regs, trap->reg), cpu);
        return VML_OK;
    }
    op->space = VML_SPACE_MMIO;
    if (trap->kind != VML_ARM_TRAP_DATA_ABORT || trap->table_walk || trap->maintenance) {
        return VML_ERR_UNSUPPORTED;
    }
    if (!trap->isv) {
        return begin_decoded(op, trap, regs, instruction, cpu);
    }
    op->sign_extend = trap->sign_extend;
    op->sixty_four = trap->sixty_four;
    add_part(op, trap->ipa, trap->size, trap->write, trap->reg, 0,
             trap->write ? low_bytes(get_x(regs, trap->reg), trap->size) : 0, cpu);
    return VML_OK;
}

enum vml_bus_result vml_arm_operation_run(struct vml_arm_operation *op, struct vml_vbus *mmio,
                                          struct vml_vbus *sysreg)
{
    struct vml_vbus *bus = op->space == VML_SPACE_SYSREG ? sysreg : mmio;

    if (!bus) {
        return VML_BUS_NO_DEVICE;
    }
    while (op->done < op->count) {
        struct vml_arm_part *part = &op->parts[op->done];
        enum vml_bus_result result = vml_vbus_access(bus, part->address, &part->access);

        if (result != VML_BUS_OK) {
            return result;
        }
        op->done++;
    }
    return VML_BUS_OK;
}

void vml_arm_operation_complete(struct vml_arm_operation *op, uint64_t value)
{
    if (op->done < op->count) {
        op->parts[op->done].access.value = value;
        op->done++;
    }
}

void vml_arm_operation_finish(const struct vml_arm_operation *op, struct vml_arm_regs *regs)
{
    if (op->write_back) {
        if (op->base < 31) {
            regs->x[op->base] = op->base_value;
        } else if (uses_sp_el0(regs)) {
            regs->sp_el0 = op->base_value;
        } else {
            regs->sp_el1 = op->base_value;
        }
    }
    for (uint32_t i = 0; i < op->count; i++) {
        const struct vml_arm_part *part = &op->parts[i];
        uint64_t v = low_bytes(part->access.value, part->access.size);

        if (part->access.write) {
            continue;
        }
        if (op->vector) {
            /* The rest of the register becomes zero. */
            regs->v[part->reg][part->half] = v;
            if (part->half == 0) {
                regs->v[part->reg][1] = 0;
            }
            continue;
        }
        if (op->sign_extend) {
            v = sign_extend(v, part->access.size * 8u);
        }
        if (part->reg < 31) {
            regs->x[part->reg] = op->sixty_four ? v : (uint32_t)v;
        }
    }
    regs->pc += op->length;
}
