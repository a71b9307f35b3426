/* The decoder's top, data processing with immediates (DDI 0487, C4.1), and superinstructions. */
#include "decode.h"

/* C4.1.94 and DecodeBitMasks() of the shared pseudocode. */
bool a64_bitmask(uint32_t n, uint32_t imms, uint32_t immr, bool is64, uint64_t *mask)
{
    uint32_t key = n << 6 | (~imms & 0x3f);
    uint32_t len, levels, s, r, size;
    uint64_t ones;

    if (key < 2 || (!is64 && n)) {
        return false;
    }
    len = 31u - vml_clz32(key);
    size = 1u << len;
    levels = size - 1;
    s = imms & levels;
    r = immr & levels;
    if (s == levels) {
        return false;
    }
    ones = (UINT64_C(2) << s) - 1;
    if (r) {
        ones = ones >> r | ones << (size - r);
        if (size < 64) {
            ones &= (UINT64_C(1) << size) - 1;
        }
    }
    for (; size < 64; size *= 2) {
        ones |= ones << size;
    }
    *mask = ones;
    return true;
}

static enum a64_op_id decode_add_imm(const struct a64_decoder *d)
{
    struct a64_op *op = d->op;
    uint32_t imm = field(d, 21, 10) << (bit(d, 22) ? 12 : 0);
    bool sub = bit(d, 30);

    op->b = reg_sp(field(d, 9, 5));
    if (!bit(d, 29)) {
        op->a = reg_sp(field(d, 4, 0));
        op->imm = sub ? -(int32_t)imm : (int32_t)imm;
        if (imm == 0 && bit(d, 31)) {
            op->c = op->b;
            return A64_OP_MOV64;
        }
        return SIZED(d, ADDI);
    }
    op->a = reg_write(field(d, 4, 0));
    if (!sub && imm == 0) {
        op->c = A64_X_ZERO;
        return SIZED(d, ADDS);
    }
    /* Adding a constant other than 0 has the flags of subtracting its negative. */
    op->imm = sub ? (int32_t)imm : -(int32_t)imm;
    return op->a == A64_X_SINK ? SIZED(d, CMPI) : SIZED(d, SUBSI);
}

static enum a64_op_id decode_logic_imm(const struct a64_decoder *d)
{
    static const enum a64_op_id narrow[2][4] = {
        {A64_OP_ANDI32, A64_OP_ORRI32, A64_OP_EORI32, A64_OP_ANDSI32},
        {A64_OP_ANDI64, A64_OP_ORRI64, A64_OP_EORI64, A64_OP_ANDSI64},
    };
    static const enum a64_op_id wide[4] = {A64_OP_ANDW, A64_OP_ORRW, A64_OP_EORW, A64_OP_ANDSW};
    struct a64_op *op = d->op;
    uint32_t opc = field(d, 30, 29);
    bool is64 = bit(d, 31);
    uint64_t mask;

    if (!a64_bitmask(field(d, 22, 22), field(d, 15, 10), field(d, 21, 16), is64, &mask)) {
        return A64_OP_UNDEFINED;
    }
    op->a = opc == 3 ? reg_write(field(d, 4, 0)) : reg_sp(field(d, 4, 0));
    op->b = reg_read(field(d, 9, 5));
    op->imm = (int32_t)(uint32_t)mask;
    if (is64 && (uint64_t)(int64_t)op->imm != mask) {
        op->imm = (int32_t)field(d, 22, 10);
        return wide[opc];
    }
    if (opc == 1 && op->b == A64_X_ZERO) {
        return is64 ? A64_OP_MOVI : A64_OP_MOVU;
    }
    if (opc == 3 && op->a == A64_X_SINK) {
        return SIZED(d, TSTI);
    }
    if (opc == 0 && mask == 0xff) {
        return A64_OP_UXTB;
    }
    return narrow[is64][opc];
}

static enum a64_op_id decode_mov_wide(const struct a64_decoder *d)
{
    struct a64_op *op = d->op;
    bool is64 = bit(d, 31);
    uint32_t shift = field(d, 22, 21) * 16;
    uint64_t imm = field(d, 20, 5);
    uint64_t value;

    if ((!is64 && shift > 16) || field(d, 30, 29) == 1) {
        return A64_OP_UNDEFINED;
    }
    op->a = reg_write(field(d, 4, 0));
    op->imm = (int32_t)imm;
    op->d = (uint8_t)shift;
    if (field(d, 30, 29) == 3) {
        return SIZED(d, MOVK);
    }
    value = imm << shift;
    if (field(d, 30, 29) == 0) {
        value = ~value;
    }
    if (!is64) {
        value = (uint32_t)value;
    }
    if (value == (uint32_t)value) {
        op->imm = (int32_t)(uint32_t)value;
        return A64_OP_MOVU;
    }
    if (value == (uint64_t)(int64_t)(int32_t)(uint32_t)value) {
        op->imm = (int32_t)(uint32_t)value;
        return A64_OP_MOVI;
    }
    return field(d, 30, 29) == 0 ? A64_OP_MOVNS : A64_OP_MOVZS;
}

/*
 * Bitfield moves are two shifts: left by `c`, which puts the field's top bit at bit 63, and right by
 * `d`.  32-bit ones are the same with the register's upper half shifted out.
 */
static enum a64_op_id decode_bitfield(const struct a64_decoder *d)
{
    struct a64_op *op = d->op;
    uint32_t immr = field(d, 21, 16);
    uint32_t imms = field(d, 15, 10);
    uint32_t opc = field(d, 30, 29);
    bool is64 = bit(d, 31);
    uint32_t width = is64 ? 64 : 32;

    if (opc == 3 || bit(d, 22) != is64 || immr >= width || imms >= width) {
        return A64_OP_UNDEFINED;
    }
    op->a = reg_write(field(d, 4, 0));
    op->b = reg_read(field(d, 9, 5));
    if (imms >= immr) {
        op->c = (uint8_t)(63 - imms);
        op->d = (uint8_t)(63 - imms + immr);
    } else {
        op->c = (uint8_t)(63 - imms);
        op->d = (uint8_t)(63 - imms - (width - immr));
    }
    if (opc == 1) {
        return SIZED(d, BFM);
    }
    if (opc == 2) {
        if (imms == width - 1) {
            op->d = (uint8_t)immr;
            return SIZED(d, LSRI);
        }
        if (imms + 1 == immr) {
            op->d = (uint8_t)(width - immr);
            return SIZED(d, LSLI);
        }
        return immr == 0 && imms == 7 ? A64_OP_UXTB : A64_OP_UBFM;
    }
    if (imms == width - 1) {
        op->d = (uint8_t)immr;
        return SIZED(d, ASRI);
    }
    if (is64 && immr == 0 && imms == 31) {
        return A64_OP_SXTW;
    }
    return SIZED(d, SBFM);
}

static enum a64_op_id decode_immediate(const struct a64_decoder *d)
{
    struct a64_op *op = d->op;
    int32_t imm;

    switch (field(d, 25, 23)) {
    case 0:
    case 1: /* PC-relative */
        imm = (int32_t)((uint32_t)sfield(d, 23, 5) << 2 | field(d, 30, 29));
        op->a = reg_write(field(d, 4, 0));
        if (bit(d, 31)) {
            op->imm = imm;
            return A64_OP_ADRP;
        }
        op->imm = imm + (int32_t)d->offset;
        return A64_OP_ADR;
    case 2:
        return decode_add_imm(d);
    case 4:
        return decode_logic_imm(d);
    case 5:
        return decode_mov_wide(d);
    case 6:
        return decode_bitfield(d);
    case 7: /* extract */
        if (field(d, 30, 29) != 0 || bit(d, 21) || bit(d, 22) != bit(d, 31) ||
            (!bit(d, 31) && bit(d, 15))) {
            return A64_OP_UNDEFINED;
        }
        op->a = reg_write(field(d, 4, 0));
        op->b = reg_read(field(d, 9, 5));
        op->c = reg_read(field(d, 20, 16));
        op->d = (uint8_t)field(d, 15, 10);
        return SIZED(d, EXTR);
    default: /* add with tags: MTE */
        return A64_OP_UNDEFINED;
    }
}

enum a64_op_id a64_decode(const struct a64_core *core, uint32_t insn, uint32_t offset, bool alone,
                          struct a64_op *op)
{
    const struct a64_decoder d = {core->features, insn, offset, alone, op};

    op->raw = 0;
    switch (field(&d, 28, 25)) {
    case 8:
    case 9:
        return decode_immediate(&d);
    case 10:
    case 11:
        return a64_decode_branch(&d);
    case 5:
    case 13:
        return a64_decode_register(&d);
    case 4:
    case 6:
    case 12:
    case 14:
        return a64_decode_memory(&d);
    case 7:
    case 15:
        if (!a64_simd_decode(insn, core->features, &op->simd)) {
            op->raw = 0;
            return A64_OP_UNDEFINED;
        }
        return a64_simd_table[op->simd.fn].flags ? A64_OP_SIMD_FLAGS : A64_OP_SIMD;
    default: /* reserved, SVE */
        return A64_OP_UNDEFINED;
    }
}

/* Superinstructions execute the operation in the next slot too, and read its payload there: that slot
 * stays as it is, for those who jump to it. */
enum a64_op_id a64_fuse(enum a64_op_id first, const struct a64_op *op, enum a64_op_id second)
{
    (void)op;
    if (second >= A64_OP_BC_EQ && second <= A64_OP_BC_LE) {
        enum a64_op_id cond = (enum a64_op_id)(second - A64_OP_BC_EQ);

        switch (first) {
        case A64_OP_CMPI64:
            return (enum a64_op_id)(A64_OP_CMPI64_BC_EQ + cond);
        case A64_OP_CMPI32:
            return (enum a64_op_id)(A64_OP_CMPI32_BC_EQ + cond);
        case A64_OP_CMP64:
            return (enum a64_op_id)(A64_OP_CMP64_BC_EQ + cond);
        case A64_OP_CMP32:
            return (enum a64_op_id)(A64_OP_CMP32_BC_EQ + cond);
        default:
            break;
        }
    }
    return first;
}

bool a64_is_block_end(enum a64_op_id id)
{
    switch (id) {
    case A64_OP_B:
    case A64_OP_B_F:
    case A64_OP_BR:
    case A64_OP_RET:
    case A64_OP_ERET:
    case A64_OP_UNDEFINED:
    case A64_OP_BRK:
        return true;
    default:
        return false;
    }
}
