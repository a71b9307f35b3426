/* Branches, exception generation, and system instructions (DDI 0487, C4.1.96). */
#include "decode.h"

/*
 * The target of a direct branch.  Inside the page (and unless alone) `imm` becomes the distance in
 * bytes of decoded operations and the local form is used; else `imm` is the distance in bytes of
 * code from the page's start.
 */
static bool local_target(const struct a64_decoder *d, int32_t distance)
{
    int64_t target = (int64_t)d->offset + distance;

    if (!d->alone && target >= 0 && target < (int64_t)A64_PAGE_SIZE) {
        d->op->imm = distance / 4 * (int32_t)sizeof(struct a64_op);
        return true;
    }
    d->op->imm = (int32_t)target;
    return false;
}

static enum a64_op_id decode_exception(const struct a64_decoder *d)
{
    d->op->imm = (int32_t)field(d, 20, 5);
    switch (field(d, 23, 21) << 5 | field(d, 4, 0)) {
    case 0x01:
        return A64_OP_SVC;
    case 0x02:
        return A64_OP_HVC;
    case 0x03:
        return A64_OP_SMC;
    case 0x20:
        return A64_OP_BRK;
    default: /* HLT and DCPS need halting debug */
        return A64_OP_UNDEFINED;
    }
}

static enum a64_op_id decode_hint(const struct a64_decoder *d)
{
    if (field(d, 4, 0) != 31) {
        return A64_OP_UNDEFINED;
    }
    switch (field(d, 11, 5)) {
    case 1:
        return A64_OP_YIELD;
    case 2:
        return A64_OP_WFE;
    case 3:
        return A64_OP_WFI;
    case 4:
        return A64_OP_SEV;
    case 5:
        return A64_OP_SEVL;
    default:
        return A64_OP_NOP;
    }
}

static enum a64_op_id decode_barrier(const struct a64_decoder *d)
{
    uint32_t crm = field(d, 11, 8);

    if (field(d, 4, 0) != 31) {
        return A64_OP_UNDEFINED;
    }
    switch (field(d, 7, 5)) {
    case 2:
        return A64_OP_CLREX;
    case 4:
        return A64_OP_DSB; /* CRm 0 and 4 are SSBB and PSSBB */
    case 5:
        return (crm & 3) == 1 ? A64_OP_DMB_LD : (crm & 3) == 2 ? A64_OP_DMB_ST : A64_OP_DMB;
    case 6:
        return A64_OP_ISB;
    case 7:
        return has(d, A64_FEAT_SB) && crm == 0 ? A64_OP_SB : A64_OP_UNDEFINED;
    default:
        return A64_OP_UNDEFINED;
    }
}

static enum a64_op_id decode_pstate(const struct a64_decoder *d)
{
    uint32_t op1 = field(d, 18, 16);
    uint32_t op2 = field(d, 7, 5);

    if (field(d, 4, 0) != 31) {
        return A64_OP_UNDEFINED;
    }
    d->op->imm = (int32_t)field(d, 11, 8);
    d->op->a = (uint8_t)op1;
    d->op->b = (uint8_t)op2;
    if (op1 == 0 && op2 <= 2) {
        if (!has(d, op2 == 0 ? A64_FEAT_FLAGM : A64_FEAT_FLAGM2) || d->op->imm != 0) {
            return A64_OP_UNDEFINED;
        }
        return op2 == 0 ? A64_OP_CFINV : op2 == 1 ? A64_OP_XAFLAG : A64_OP_AXFLAG;
    }
    return A64_OP_MSR_IMM;
}

static enum a64_op_id decode_register_move(const struct a64_decoder *d)
{
    uint32_t encoding = (uint32_t)VML_SYSREG(field(d, 20, 19), field(d, 18, 16), field(d, 15, 12),
                                             field(d, 11, 8), field(d, 7, 5));
    bool read = bit(d, 21);

    d->op->imm = (int32_t)encoding;
    d->op->a = read ? reg_write(field(d, 4, 0)) : reg_read(field(d, 4, 0));
    if (encoding == VML_SYSREG(3, 3, 13, 0, 2) && read) {
        return A64_OP_MRS_TPIDR_EL0;
    }
    if (encoding == VML_SYSREG(3, 0, 4, 1, 0) && read) {
        return A64_OP_MRS_SP_EL0;
    }
    if (encoding == VML_SYSREG(3, 3, 4, 2, 0)) {
        return read ? A64_OP_MRS_NZCV : A64_OP_MSR_NZCV;
    }
    if (read) {
        uint32_t plain = a64_sysreg_plain(encoding);

        if (plain != 0) {
            d->op->imm = (int32_t)plain;
            return A64_OP_MRS_PLAIN;
        }
        return A64_OP_MRS;
    }
    return A64_OP_MSR;
}

static enum a64_op_id decode_system(const struct a64_decoder *d)
{
    uint32_t op0 = field(d, 20, 19);
    uint32_t crn = field(d, 15, 12);

    if (op0 >= 2) {
        return decode_register_move(d);
    }
    if (op0 == 1) {
        uint32_t encoding =
            (uint32_t)VML_SYSREG(1, field(d, 18, 16), crn, field(d, 11, 8), field(d, 7, 5));

        d->op->imm = (int32_t)encoding;
        d->op->a = reg_read(field(d, 4, 0));
        if (bit(d, 21)) {
            return A64_OP_SYSL;
        }
        return encoding == VML_SYSREG(1, 3, 7, 4, 1) ? A64_OP_DC_ZVA : A64_OP_SYS;
    }
    if (bit(d, 21)) {
        return A64_OP_UNDEFINED;
    }
    switch (crn) {
    case 2:
        return field(d, 18, 16) == 3 ? decode_hint(d) : A64_OP_UNDEFINED;
    case 3:
        return field(d, 18, 16) == 3 ? decode_barrier(d) : A64_OP_UNDEFINED;
    case 4:
        return decode_pstate(d);
    default:
        return A64_OP_UNDEFINED;
    }
}

static enum a64_op_id decode_branch_register(const struct a64_decoder *d)
{
    d->op->b = reg_read(field(d, 9, 5));
    if (field(d, 20, 10) != 0x7c0 || field(d, 4, 0) != 0) {
        return A64_OP_UNDEFINED;
    }
    switch (field(d, 24, 21)) {
    case 0:
        return A64_OP_BR;
    case 1:
        return A64_OP_BLR;
    case 2:
        return A64_OP_RET;
    case 4:
        return field(d, 9, 5) == 31 ? A64_OP_ERET : A64_OP_UNDEFINED;
    default: /* DRPS needs halting debug */
        return A64_OP_UNDEFINED;
    }
}

enum a64_op_id a64_decode_branch(const struct a64_decoder *d)
{
    struct a64_op *op = d->op;
    bool local;

    switch (field(d, 31, 29)) {
    case 0:
    case 4: /* B, BL */
        local = local_target(d, (int32_t)((uint32_t)sfield(d, 25, 0) << 2));
        if (bit(d, 31)) {
            return local ? A64_OP_BL : A64_OP_BL_F;
        }
        return local ? A64_OP_B : A64_OP_B_F;
    case 1:
    case 5:
        if (!bit(d, 25)) { /* CBZ, CBNZ */
            op->a = reg_read(field(d, 4, 0));
            if (local_target(d, (int32_t)((uint32_t)sfield(d, 23, 5) << 2))) {
                return bit(d, 24) ? SIZED(d, CBNZ) : SIZED(d, CBZ);
            }
            op->c = bit(d, 24);
            op->d = bit(d, 31);
            return A64_OP_CB_F;
        }
        op->a = reg_read(field(d, 4, 0));
        op->d = (uint8_t)(field(d, 31, 31) << 5 | field(d, 23, 19));
        if (local_target(d, (int32_t)((uint32_t)sfield(d, 18, 5) << 2))) {
            return bit(d, 24) ? A64_OP_TBNZ : A64_OP_TBZ;
        }
        op->c = bit(d, 24);
        return A64_OP_TB_F;
    case 2: /* B.cond */
        if (bit(d, 25) || bit(d, 24) || bit(d, 4)) {
            return A64_OP_UNDEFINED;
        }
        local = local_target(d, (int32_t)((uint32_t)sfield(d, 23, 5) << 2));
        if (field(d, 3, 0) >= 14) {
            return local ? A64_OP_B : A64_OP_B_F;
        }
        op->d = (uint8_t)field(d, 3, 0);
        return local ? (enum a64_op_id)(A64_OP_BC_EQ + field(d, 3, 0)) : A64_OP_BC_F;
    case 6:
        if (bit(d, 25)) {
            return decode_branch_register(d);
        }
        if (!bit(d, 24)) {
            return decode_exception(d);
        }
        return field(d, 23, 22) == 0 ? decode_system(d) : A64_OP_UNDEFINED;
    default:
        return A64_OP_UNDEFINED;
    }
}
