/*
 * Loads and stores (DDI 0487, C4.1.94).
 *
 * Payloads: `a` is the transfer register, `b` the base.  Immediate modes have the offset in `imm` and
 * the mask of the SP alignment check in `d`; register modes have the index in `c`, the shift in `d`,
 * the check's mask in `imm` bits 11:8 and the extension in bits 2:0.
 */
#include "decode.h"

enum mode {
    MODE_I,
    MODE_IS,
    MODE_P,
    MODE_O,
    MODE_R,
    MODE_E,
};

static uint8_t sp_mask(uint32_t rn)
{
    return rn == 31 ? 15 : 0;
}

/* The operation in its immediate mode; A64_OP_NOP: prefetch; A64_OP_UNDEFINED: none. */
static enum a64_op_id access_of(const struct a64_decoder *d)
{
    static const enum a64_op_id integer[4][4] = {
        {A64_OP_ST8_I, A64_OP_LDU8_I, A64_OP_LDS8X_I, A64_OP_LDS8W_I},
        {A64_OP_ST16_I, A64_OP_LDU16_I, A64_OP_LDS16X_I, A64_OP_LDS16W_I},
        {A64_OP_ST32_I, A64_OP_LDU32_I, A64_OP_LDS32X_I, A64_OP_UNDEFINED},
        {A64_OP_ST64_I, A64_OP_LDU64_I, A64_OP_NOP, A64_OP_UNDEFINED},
    };
    static const enum a64_op_id vector[5][2] = {
        {A64_OP_STV8_I, A64_OP_LDV8_I},     {A64_OP_STV16_I, A64_OP_LDV16_I},
        {A64_OP_STV32_I, A64_OP_LDV32_I},   {A64_OP_STV64_I, A64_OP_LDV64_I},
        {A64_OP_STV128_I, A64_OP_LDV128_I},
    };
    uint32_t size = field(d, 31, 30);
    uint32_t opc = field(d, 23, 22);

    if (!bit(d, 26)) {
        return integer[size][opc];
    }
    if (opc >= 2) {
        if (size != 0) {
            return A64_OP_UNDEFINED;
        }
        size = 4;
    }
    return vector[size][opc & 1];
}

/* log2 of the bytes that access_of() transfers. */
static unsigned access_shift(const struct a64_decoder *d)
{
    return bit(d, 26) && bit(d, 23) ? 4 : field(d, 31, 30);
}

static bool is_load(const struct a64_decoder *d)
{
    return bit(d, 26) ? bit(d, 22) : field(d, 23, 22) != 0;
}

static void set_transfer(const struct a64_decoder *d)
{
    uint32_t rt = field(d, 4, 0);

    d->op->a = !bit(d, 26) && is_load(d) ? reg_write(rt) : reg_read(rt);
    d->op->b = reg_sp(field(d, 9, 5));
}

static enum a64_op_id in_mode(enum a64_op_id id, enum mode mode)
{
    return (enum a64_op_id)(id + (unsigned)mode);
}

static enum a64_op_id decode_unprivileged(const struct a64_decoder *d)
{
    static const enum a64_op_id table[4][4] = {
        {A64_OP_ST8_T, A64_OP_LDU8_T, A64_OP_LDS8X_T, A64_OP_LDS8W_T},
        {A64_OP_ST16_T, A64_OP_LDU16_T, A64_OP_LDS16X_T, A64_OP_LDS16W_T},
        {A64_OP_ST32_T, A64_OP_LDU32_T, A64_OP_LDS32X_T, A64_OP_UNDEFINED},
        {A64_OP_ST64_T, A64_OP_LDU64_T, A64_OP_UNDEFINED, A64_OP_UNDEFINED},
    };

    if (bit(d, 26)) {
        return A64_OP_UNDEFINED;
    }
    return table[field(d, 31, 30)][field(d, 23, 22)];
}

static enum a64_op_id decode_atomic(const struct a64_decoder *d)
{
    struct a64_op *op = d->op;
    uint32_t size = field(d, 31, 30);

    if (bit(d, 26)) {
        return A64_OP_UNDEFINED;
    }
    op->a = reg_write(field(d, 4, 0));
    op->b = reg_sp(field(d, 9, 5));
    if (bit(d, 15) && field(d, 14, 12) == 4) {
        if (!has(d, A64_FEAT_RCPC) || !bit(d, 23) || bit(d, 22) || field(d, 20, 16) != 31) {
            return A64_OP_UNDEFINED;
        }
        op->c = sp_mask(field(d, 9, 5));
        op->d = (uint8_t)size;
        return A64_OP_LDAR;
    }
    if (!has(d, A64_FEAT_LSE) || (bit(d, 15) && field(d, 14, 12) != 0)) {
        return A64_OP_UNDEFINED;
    }
    op->c = reg_read(field(d, 20, 16));
    op->d = (uint8_t)size;
    op->imm = (int32_t)(field(d, 15, 12) | (uint32_t)sp_mask(field(d, 9, 5)) << 8);
    return A64_OP_ATOMIC;
}

static enum a64_op_id decode_register_offset(const struct a64_decoder *d, enum a64_op_id id)
{
    struct a64_op *op = d->op;
    uint32_t option = field(d, 15, 13);

    if (!(option & 2)) {
        return A64_OP_UNDEFINED;
    }
    op->c = reg_read(field(d, 20, 16));
    op->d = (uint8_t)(bit(d, 12) ? access_shift(d) : 0);
    op->imm = (int32_t)(option | (uint32_t)sp_mask(field(d, 9, 5)) << 8);
    return in_mode(id, (option & 3) == 3 ? MODE_R : MODE_E);
}

static enum a64_op_id decode_single(const struct a64_decoder *d)
{
    struct a64_op *op = d->op;
    enum a64_op_id id = access_of(d);
    bool sp = field(d, 9, 5) == 31;
    uint32_t kind = field(d, 11, 10);

    if (!bit(d, 24) && bit(d, 21) && kind == 0) {
        return decode_atomic(d);
    }
    if (id == A64_OP_UNDEFINED) {
        return id;
    }
    set_transfer(d);
    op->d = sp_mask(field(d, 9, 5));
    if (bit(d, 24)) {
        op->imm = (int32_t)(field(d, 21, 10) << access_shift(d));
        return id == A64_OP_NOP ? id : in_mode(id, sp ? MODE_IS : MODE_I);
    }
    if (bit(d, 21)) {
        if (kind != 2) {
            return A64_OP_UNDEFINED;
        }
        if (id == A64_OP_NOP) {
            return bit(d, 14) ? id : A64_OP_UNDEFINED;
        }
        return decode_register_offset(d, id);
    }
    op->imm = sfield(d, 20, 12);
    switch (kind) {
    case 0:
        return id == A64_OP_NOP ? id : in_mode(id, sp ? MODE_IS : MODE_I);
    case 2:
        return decode_unprivileged(d);
    default:
        return id == A64_OP_NOP ? A64_OP_UNDEFINED : in_mode(id, kind == 1 ? MODE_O : MODE_P);
    }
}

static enum a64_op_id decode_literal(const struct a64_decoder *d)
{
    struct a64_op *op = d->op;
    uint32_t opc = field(d, 31, 30);

    op->imm = (int32_t)d->offset + (int32_t)((uint32_t)sfield(d, 23, 5) << 2);
    if (bit(d, 26)) {
        op->a = (uint8_t)field(d, 4, 0);
        return opc == 0   ? A64_OP_LDV32_L
               : opc == 1 ? A64_OP_LDV64_L
               : opc == 2 ? A64_OP_LDV128_L
                          : A64_OP_UNDEFINED;
    }
    op->a = reg_write(field(d, 4, 0));
    return opc == 0   ? A64_OP_LDU32_L
           : opc == 1 ? A64_OP_LDU64_L
           : opc == 2 ? A64_OP_LDS32X_L
                      : A64_OP_NOP;
}

static enum a64_op_id decode_pair(const struct a64_decoder *d)
{
    static const enum a64_op_id vector[3][2] = {
        {A64_OP_STPV32_I, A64_OP_LDPV32_I},
        {A64_OP_STPV64_I, A64_OP_LDPV64_I},
        {A64_OP_STPV128_I, A64_OP_LDPV128_I},
    };
    /* Modes in order of bits 24:23: no-allocate, post-index, offset, pre-index. */
    static const uint8_t mode[4] = {0, 2, 0, 1};
    struct a64_op *op = d->op;
    uint32_t opc = field(d, 31, 30);
    bool load = bit(d, 22);
    enum a64_op_id id;
    unsigned shift;

    op->b = reg_sp(field(d, 9, 5));
    op->d = sp_mask(field(d, 9, 5));
    if (opc == 3) {
        return A64_OP_UNDEFINED;
    }
    if (bit(d, 26)) {
        op->a = (uint8_t)field(d, 4, 0);
        op->c = (uint8_t)field(d, 14, 10);
        id = vector[opc][load];
        shift = 2 + opc;
    } else {
        op->a = load ? reg_write(field(d, 4, 0)) : reg_read(field(d, 4, 0));
        op->c = load ? reg_write(field(d, 14, 10)) : reg_read(field(d, 14, 10));
        if (opc == 1 && (!load || field(d, 24, 23) == 0)) {
            return A64_OP_UNDEFINED;
        }
        shift = opc == 2 ? 3 : 2;
        id = opc == 2   ? (load ? A64_OP_LDP64_I : A64_OP_STP64_I)
             : opc == 1 ? A64_OP_LDPSW_I
                        : (load ? A64_OP_LDP32_I : A64_OP_STP32_I);
    }
    op->imm = (int32_t)((uint32_t)sfield(d, 21, 15) << shift);
    return (enum a64_op_id)(id + mode[field(d, 24, 23)]);
}

/* `imm` of an exclusive: bits 1:0 log2 of the element's size, bit 2 pair, bit 3 load, bit 8.. SP check. */
static enum a64_op_id decode_exclusive(const struct a64_decoder *d)
{
    struct a64_op *op = d->op;
    uint32_t size = field(d, 31, 30);
    uint32_t rs = field(d, 20, 16), rt2 = field(d, 14, 10), rt = field(d, 4, 0);
    bool load = bit(d, 22), pair = bit(d, 21);
    uint32_t sp = (uint32_t)sp_mask(field(d, 9, 5)) << 8;

    op->b = reg_sp(field(d, 9, 5));
    if (!bit(d, 23)) {
        if (pair && size < 2) { /* CASP */
            if (!has(d, A64_FEAT_LSE) || rt2 != 31 || ((rs | rt) & 1)) {
                return A64_OP_UNDEFINED;
            }
            op->a = (uint8_t)rt;
            op->c = (uint8_t)rs;
            op->d = (uint8_t)(2 + (size & 1));
            op->imm = (int32_t)(17 | sp);
            return A64_OP_ATOMIC;
        }
        op->a = load ? reg_write(rt) : reg_read(rt);
        op->c = load ? reg_write(rt2) : reg_read(rt2);
        op->d = reg_write(rs);
        op->imm = (int32_t)(size | (uint32_t)pair << 2 | (uint32_t)load << 3 | sp);
        return A64_OP_EXCLUSIVE;
    }
    if (pair) { /* CAS */
        if (!has(d, A64_FEAT_LSE) || rt2 != 31) {
            return A64_OP_UNDEFINED;
        }
        op->a = reg_read(rt);
        op->c = (uint8_t)rs;
        op->d = (uint8_t)size;
        op->imm = (int32_t)(16 | sp);
        return A64_OP_ATOMIC;
    }
    if (!bit(d, 15)) { /* LDLAR, STLLR: limited ordering regions */
        return A64_OP_UNDEFINED;
    }
    op->a = load ? reg_write(rt) : reg_read(rt);
    op->c = sp_mask(field(d, 9, 5));
    op->d = (uint8_t)size;
    return load ? A64_OP_LDAR : A64_OP_STLR;
}

static enum a64_op_id decode_rcpc2(const struct a64_decoder *d)
{
    struct a64_op *op = d->op;
    uint32_t size = field(d, 31, 30), opc = field(d, 23, 22);

    if (!has(d, A64_FEAT_RCPC2) || bit(d, 26) || bit(d, 21) || field(d, 11, 10) != 0 ||
        (size == 3 && opc >= 2) || (size == 2 && opc == 3)) {
        return A64_OP_UNDEFINED;
    }
    op->a = opc ? reg_write(field(d, 4, 0)) : reg_read(field(d, 4, 0));
    op->b = reg_sp(field(d, 9, 5));
    op->c = sp_mask(field(d, 9, 5));
    op->imm = sfield(d, 20, 12);
    op->d = (uint8_t)(size | (opc >= 2 ? 16u : 0u) | (opc == 3 ? 32u : 0u));
    return opc ? A64_OP_LDAR : A64_OP_STLR;
}

/*
 * Structures.  `imm`: bits 2:0 elements of a structure, 5:3 repeats, 7:6 log2 of the element's size,
 * 8 Q, 9 load, 10 single, 11 replicate, 15:12 index, 16 post-index, 17 post-index by register `c`;
 * `d` is the mask of the SP check.
 */
static enum a64_op_id decode_structures(const struct a64_decoder *d)
{
    static const uint8_t elements[16] = {4, 0, 1, 0, 3, 0, 1, 1, 2, 0, 1};
    static const uint8_t repeats[16] = {1, 0, 4, 0, 1, 0, 3, 1, 1, 0, 2};
    struct a64_op *op = d->op;
    bool single = bit(d, 24), post = bit(d, 23), q = bit(d, 30), load = bit(d, 22);
    uint32_t size = field(d, 11, 10), index = 0, count, rpt = 1, replicate = 0;

    if (bit(d, 31) || (!post && field(d, 20, 16) != 0)) {
        return A64_OP_UNDEFINED;
    }
    if (!single) {
        count = elements[field(d, 15, 12)];
        rpt = repeats[field(d, 15, 12)];
        if (bit(d, 21) || count == 0 || (count != 1 && size == 3 && !q)) {
            return A64_OP_UNDEFINED;
        }
    } else {
        uint32_t scale = field(d, 15, 14);
        uint32_t s = field(d, 12, 12);

        count = (field(d, 13, 13) << 1 | field(d, 21, 21)) + 1;
        index = (uint32_t)q << 3 | s << 2 | size;
        switch (scale) {
        case 0:
            size = 0;
            break;
        case 1:
            if (size & 1) {
                return A64_OP_UNDEFINED;
            }
            index >>= 1;
            size = 1;
            break;
        case 2:
            if (size & 2 || (size == 1 && s)) {
                return A64_OP_UNDEFINED;
            }
            index = size == 1 ? q : index >> 2;
            size = size == 1 ? 3 : 2;
            break;
        default:
            if (!load || s) {
                return A64_OP_UNDEFINED;
            }
            replicate = 1;
            break;
        }
    }
    op->a = (uint8_t)field(d, 4, 0);
    op->b = reg_sp(field(d, 9, 5));
    op->c = reg_read(field(d, 20, 16));
    op->d = sp_mask(field(d, 9, 5));
    op->imm = (int32_t)(count | rpt << 3 | size << 6 | (uint32_t)q << 8 | (uint32_t)load << 9 |
                        (uint32_t)single << 10 | replicate << 11 | index << 12 |
                        (uint32_t)post << 16 | (uint32_t)(op->c != A64_X_ZERO) << 17);
    return A64_OP_VECTOR_MEMORY;
}

enum a64_op_id a64_decode_memory(const struct a64_decoder *d)
{
    switch (field(d, 29, 28)) {
    case 0:
        if (bit(d, 26)) {
            return decode_structures(d);
        }
        return bit(d, 24) ? A64_OP_UNDEFINED : decode_exclusive(d);
    case 1:
        if (!bit(d, 24)) {
            return decode_literal(d);
        }
        return decode_rcpc2(d);
    case 2:
        return decode_pair(d);
    default:
        return decode_single(d);
    }
}
