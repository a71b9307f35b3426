/* Data processing, register (DDI 0487, C4.1.95). */
#include "decode.h"

static enum a64_op_id decode_logic(const struct a64_decoder *d)
{
    static const enum a64_op_id plain[2][8] = {
        {A64_OP_AND32, A64_OP_BIC32, A64_OP_ORR32, A64_OP_ORN32, A64_OP_EOR32, A64_OP_EON32,
         A64_OP_ANDS32, A64_OP_BICS32},
        {A64_OP_AND64, A64_OP_BIC64, A64_OP_ORR64, A64_OP_ORN64, A64_OP_EOR64, A64_OP_EON64,
         A64_OP_ANDS64, A64_OP_BICS64},
    };
    static const enum a64_op_id shifted[2][8] = {
        {A64_OP_AND_SH32, A64_OP_BIC_SH32, A64_OP_ORR_SH32, A64_OP_ORN_SH32, A64_OP_EOR_SH32,
         A64_OP_EON_SH32, A64_OP_ANDS_SH32, A64_OP_BICS_SH32},
        {A64_OP_AND_SH64, A64_OP_BIC_SH64, A64_OP_ORR_SH64, A64_OP_ORN_SH64, A64_OP_EOR_SH64,
         A64_OP_EON_SH64, A64_OP_ANDS_SH64, A64_OP_BICS_SH64},
    };
    struct a64_op *op = d->op;
    uint32_t which = field(d, 30, 29) << 1 | field(d, 21, 21);
    bool is64 = bit(d, 31);
    uint32_t amount = field(d, 15, 10);

    if (!is64 && amount >= 32) {
        return A64_OP_UNDEFINED;
    }
    op->a = reg_write(field(d, 4, 0));
    op->b = reg_read(field(d, 9, 5));
    op->c = reg_read(field(d, 20, 16));
    op->d = (uint8_t)amount;
    op->imm = (int32_t)field(d, 23, 22);
    if (amount != 0) {
        return shifted[is64][which];
    }
    if (which == 2 && op->b == A64_X_ZERO) {
        return SIZED(d, MOV);
    }
    if (which == 6 && op->a == A64_X_SINK) {
        return SIZED(d, TST);
    }
    return plain[is64][which];
}

static enum a64_op_id decode_add_shifted(const struct a64_decoder *d)
{
    struct a64_op *op = d->op;
    uint32_t amount = field(d, 15, 10);
    uint32_t which = field(d, 30, 29);
    uint32_t type = field(d, 23, 22);

    if (type == 3 || (!bit(d, 31) && amount >= 32)) {
        return A64_OP_UNDEFINED;
    }
    op->a = reg_write(field(d, 4, 0));
    op->b = reg_read(field(d, 9, 5));
    op->c = reg_read(field(d, 20, 16));
    op->d = (uint8_t)amount;
    op->imm = (int32_t)type;
    if (amount == 0) {
        switch (which) {
        case 0:
            return SIZED(d, ADD);
        case 1:
            return SIZED(d, ADDS);
        case 2:
            return SIZED(d, SUB);
        default:
            return op->a == A64_X_SINK ? SIZED(d, CMP) : SIZED(d, SUBS);
        }
    }
    switch (which) {
    case 0:
        return type == 0 ? SIZED(d, ADDL) : SIZED(d, ADD_SH);
    case 1:
        return SIZED(d, ADDS_SH);
    case 2:
        return type == 0 ? SIZED(d, SUBL) : SIZED(d, SUB_SH);
    default:
        return SIZED(d, SUBS_SH);
    }
}

static enum a64_op_id decode_add_extended(const struct a64_decoder *d)
{
    struct a64_op *op = d->op;
    uint32_t which = field(d, 30, 29);

    if (field(d, 23, 22) != 0 || field(d, 12, 10) > 4) {
        return A64_OP_UNDEFINED;
    }
    op->a = (which & 1) ? reg_write(field(d, 4, 0)) : reg_sp(field(d, 4, 0));
    op->b = reg_sp(field(d, 9, 5));
    op->c = reg_read(field(d, 20, 16));
    op->d = (uint8_t)field(d, 12, 10);
    op->imm = (int32_t)field(d, 15, 13);
    switch (which) {
    case 0:
        return SIZED(d, ADD_EX);
    case 1:
        return SIZED(d, ADDS_EX);
    case 2:
        return SIZED(d, SUB_EX);
    default:
        return SIZED(d, SUBS_EX);
    }
}

static enum a64_op_id decode_carry(const struct a64_decoder *d)
{
    struct a64_op *op = d->op;

    op->a = reg_write(field(d, 4, 0));
    op->b = reg_read(field(d, 9, 5));
    op->c = reg_read(field(d, 20, 16));
    if (field(d, 15, 10) == 0) {
        switch (field(d, 30, 29)) {
        case 0:
            return SIZED(d, ADC);
        case 1:
            return SIZED(d, ADCS);
        case 2:
            return SIZED(d, SBC);
        default:
            return SIZED(d, SBCS);
        }
    }
    if (!has(d, A64_FEAT_FLAGM) || !bit(d, 29) || bit(d, 30)) {
        return A64_OP_UNDEFINED;
    }
    if (field(d, 14, 10) == 1 && bit(d, 31) && !bit(d, 4)) {
        op->a = (uint8_t)field(d, 3, 0);
        op->d = (uint8_t)field(d, 20, 15);
        return A64_OP_RMIF;
    }
    if ((field(d, 20, 10) & ~0x10u) == 2 && !bit(d, 31) && field(d, 4, 0) == 13) {
        op->d = bit(d, 14) ? 16 : 8;
        return A64_OP_SETF;
    }
    return A64_OP_UNDEFINED;
}

static enum a64_op_id decode_ccmp(const struct a64_decoder *d)
{
    struct a64_op *op = d->op;
    bool cmp = bit(d, 30);

    if (!bit(d, 29) || bit(d, 10) || bit(d, 4)) {
        return A64_OP_UNDEFINED;
    }
    op->a = (uint8_t)field(d, 15, 12);
    op->b = reg_read(field(d, 9, 5));
    op->d = (uint8_t)field(d, 3, 0);
    if (bit(d, 11)) {
        op->imm = (int32_t)field(d, 20, 16);
        return cmp ? SIZED(d, CCMPI) : SIZED(d, CCMNI);
    }
    op->c = reg_read(field(d, 20, 16));
    return cmp ? SIZED(d, CCMP) : SIZED(d, CCMN);
}

static enum a64_op_id decode_csel(const struct a64_decoder *d)
{
    static const enum a64_op_id base[2][4] = {
        {A64_OP_CSEL32_EQ, A64_OP_CSINC32_EQ, A64_OP_CSINV32_EQ, A64_OP_CSNEG32_EQ},
        {A64_OP_CSEL64_EQ, A64_OP_CSINC64_EQ, A64_OP_CSINV64_EQ, A64_OP_CSNEG64_EQ},
    };
    struct a64_op *op = d->op;
    uint32_t cond = field(d, 15, 12);

    if (bit(d, 29) || bit(d, 11)) {
        return A64_OP_UNDEFINED;
    }
    op->a = reg_write(field(d, 4, 0));
    op->b = reg_read(field(d, 9, 5));
    op->c = reg_read(field(d, 20, 16));
    if (cond >= 14) {
        op->c = op->b;
        return SIZED(d, MOV);
    }
    return (enum a64_op_id)(base[bit(d, 31)][field(d, 30, 30) << 1 | field(d, 10, 10)] + cond);
}

static enum a64_op_id decode_two_source(const struct a64_decoder *d)
{
    struct a64_op *op = d->op;
    uint32_t opcode = field(d, 15, 10);

    if (bit(d, 29)) {
        return A64_OP_UNDEFINED;
    }
    op->a = reg_write(field(d, 4, 0));
    op->b = reg_read(field(d, 9, 5));
    op->c = reg_read(field(d, 20, 16));
    switch (opcode) {
    case 2:
        return SIZED(d, UDIV);
    case 3:
        return SIZED(d, SDIV);
    case 8:
        return SIZED(d, LSLV);
    case 9:
        return SIZED(d, LSRV);
    case 10:
        return SIZED(d, ASRV);
    case 11:
        return SIZED(d, RORV);
    default:
        break;
    }
    if (opcode >= 16 && opcode < 24 && has(d, A64_FEAT_CRC32) &&
        bit(d, 31) == ((opcode & 3) == 3)) {
        op->d = (uint8_t)(1u << (opcode & 3));
        op->imm = (opcode & 4) != 0;
        return A64_OP_CRC32;
    }
    return A64_OP_UNDEFINED;
}

static enum a64_op_id decode_one_source(const struct a64_decoder *d)
{
    struct a64_op *op = d->op;

    if (bit(d, 29) || field(d, 20, 16) != 0) {
        return A64_OP_UNDEFINED;
    }
    op->a = reg_write(field(d, 4, 0));
    op->b = reg_read(field(d, 9, 5));
    switch (field(d, 15, 10)) {
    case 0:
        return SIZED(d, RBIT);
    case 1:
        return SIZED(d, REV16);
    case 2:
        return bit(d, 31) ? A64_OP_REV32X : A64_OP_REV32;
    case 3:
        return bit(d, 31) ? A64_OP_REV64 : A64_OP_UNDEFINED;
    case 4:
        return SIZED(d, CLZ);
    case 5:
        return SIZED(d, CLS);
    default:
        return A64_OP_UNDEFINED;
    }
}

static enum a64_op_id decode_three_source(const struct a64_decoder *d)
{
    struct a64_op *op = d->op;
    bool o0 = bit(d, 15);

    op->a = reg_write(field(d, 4, 0));
    op->b = reg_read(field(d, 9, 5));
    op->c = reg_read(field(d, 20, 16));
    op->d = reg_read(field(d, 14, 10));
    if (field(d, 30, 29) != 0) {
        return A64_OP_UNDEFINED;
    }
    if (field(d, 23, 21) == 0) {
        if (o0) {
            return SIZED(d, MSUB);
        }
        return op->d == A64_X_ZERO ? SIZED(d, MUL) : SIZED(d, MADD);
    }
    if (!bit(d, 31)) {
        return A64_OP_UNDEFINED;
    }
    switch (field(d, 23, 21)) {
    case 1:
        return o0 ? A64_OP_SMSUBL : A64_OP_SMADDL;
    case 2:
        return o0 ? A64_OP_UNDEFINED : A64_OP_SMULH;
    case 5:
        return o0 ? A64_OP_UMSUBL : A64_OP_UMADDL;
    case 6:
        return o0 ? A64_OP_UNDEFINED : A64_OP_UMULH;
    default:
        return A64_OP_UNDEFINED;
    }
}

enum a64_op_id a64_decode_register(const struct a64_decoder *d)
{
    if (bit(d, 28)) {
        if (bit(d, 24)) {
            return decode_three_source(d);
        }
        switch (field(d, 23, 21)) {
        case 0:
            return decode_carry(d);
        case 2:
            return decode_ccmp(d);
        case 4:
            return decode_csel(d);
        case 6:
            return bit(d, 30) ? decode_one_source(d) : decode_two_source(d);
        default:
            return A64_OP_UNDEFINED;
        }
    }
    if (!bit(d, 24)) {
        return decode_logic(d);
    }
    return bit(d, 21) ? decode_add_extended(d) : decode_add_shifted(d);
}
