/* Decoding of scalar floating point (DDI 0487 C4.1, from "Conversion between floating-point and
   fixed-point" to "Floating-point data-processing (3 source)"). */
#include "simd_decode.h"

/* ptype to a precision, or -1: 10 is reserved, half precision needs FEAT_FP16. */
static int precision(uint32_t insn, uint64_t features)
{
    switch (field(insn, 23, 22)) {
    case 0:
        return TYPE_S;
    case 1:
        return TYPE_D;
    case 3:
        return has(features, A64_FEAT_FP16) ? TYPE_H : -1;
    default:
        return -1;
    }
}

/* FPDecodeRounding */
static uint16_t rounding(unsigned rmode)
{
    return (uint16_t)rmode;
}

static bool to_general(struct a64_simd_op *op, bool is_unsigned, bool sf, unsigned type)
{
    const unsigned base = is_unsigned ? (sf ? SIMD_fcvtu_x_h : SIMD_fcvtu_w_h)
                                      : (sf ? SIMD_fcvts_x_h : SIMD_fcvts_w_h);

    op->rd = x_dest(op->rd);
    return use(op, base + type);
}

static bool from_general(struct a64_simd_op *op, bool is_unsigned, bool sf, unsigned type)
{
    const unsigned base = is_unsigned ? (sf ? SIMD_ucvtf_x_h : SIMD_ucvtf_w_h)
                                      : (sf ? SIMD_scvtf_x_h : SIMD_scvtf_w_h);

    op->rn = x_source(op->rn);
    return use(op, base + type);
}

static bool decode_fixed(uint32_t insn, uint64_t features, struct a64_simd_op *op)
{
    const int type = precision(insn, features);
    const bool sf = bit(insn, 31);
    const unsigned scale = field(insn, 15, 10);
    const unsigned rmode = field(insn, 20, 19);
    const unsigned opcode = field(insn, 18, 16);

    if (type < 0 || (!sf && scale < 32)) {
        return false;
    }
    op->rm = (uint8_t)(64u - scale);
    op->imm = FP_TOZERO;
    if (rmode == 3 && opcode < 2) {
        return to_general(op, opcode == 1, sf, (unsigned)type);
    }
    return rmode == 0 && (opcode == 2 || opcode == 3) &&
           from_general(op, opcode == 3, sf, (unsigned)type);
}

/* FMOV between the files; nothing is converted. */
static bool decode_fmov_general(uint32_t insn, uint64_t features, struct a64_simd_op *op)
{
    const bool from = bit(insn, 16);
    const bool sf = bit(insn, 31);
    const unsigned ptype = field(insn, 23, 22);
    const unsigned rmode = field(insn, 20, 19);
    unsigned type;

    if (ptype == 2 && rmode == 1 && sf) {
        type = TYPE_D + 1u; /* the top half */
    } else if (rmode != 0 || ptype == 2) {
        return false;
    } else if (ptype == 3) {
        if (!has(features, A64_FEAT_FP16)) {
            return false;
        }
        type = TYPE_H;
    } else if ((ptype == 1) == sf) {
        type = sf ? TYPE_D : TYPE_S;
    } else {
        return false;
    }
    if (from) {
        op->rn = x_source(op->rn);
        return use(op, SIMD_fmov_from_gen_h + type);
    }
    op->rd = x_dest(op->rd);
    return use(op, SIMD_fmov_to_gen_h + type);
}

static bool decode_integer(uint32_t insn, uint64_t features, struct a64_simd_op *op)
{
    const int type = precision(insn, features);
    const bool sf = bit(insn, 31);
    const unsigned rmode = field(insn, 20, 19);
    const unsigned opcode = field(insn, 18, 16);

    op->rm = 0;
    if (opcode >= 6) {
        if (!sf && field(insn, 23, 22) == 1 && rmode == 3 && opcode == 6) {
            op->rd = x_dest(op->rd);
            return has(features, A64_FEAT_JSCVT) && use(op, SIMD_fjcvtzs);
        }
        return decode_fmov_general(insn, features, op);
    }
    if (type < 0) {
        return false;
    }
    if (opcode < 2) {
        op->imm = rounding(rmode);
        return to_general(op, opcode == 1, sf, (unsigned)type);
    }
    if (rmode != 0) {
        return false;
    }
    if (opcode < 4) {
        return from_general(op, opcode == 3, sf, (unsigned)type);
    }
    op->imm = FP_TIEAWAY;
    return to_general(op, opcode == 5, sf, (unsigned)type);
}

static bool decode_fcvt(unsigned ptype, unsigned to, struct a64_simd_op *op)
{
    static const uint16_t fns[4][4] = {
        /* rows: ptype of the source; columns: of the destination (0 single, 1 double, 3 half) */
        {0, SIMD_fcvt_ds, 0, SIMD_fcvt_hs},
        {SIMD_fcvt_sd, 0, 0, SIMD_fcvt_hd},
        {0, 0, 0, 0},
        {SIMD_fcvt_sh, SIMD_fcvt_dh, 0, 0},
    };

    return fns[ptype][to] != 0 && use(op, fns[ptype][to]);
}

static bool decode_one_source(uint32_t insn, uint64_t features, struct a64_simd_op *op)
{
    static const uint8_t frint_modes[8] = {FP_TIEEVEN, FP_POSINF, FP_NEGINF,         FP_TOZERO,
                                           FP_TIEAWAY, 0xff,      0x80 | FP_CURRENT, FP_CURRENT};
    const unsigned opcode = field(insn, 20, 15);
    const unsigned ptype = field(insn, 23, 22);

    if (opcode >= 4 && opcode < 8) {
        return decode_fcvt(ptype, opcode & 3u, op);
    }
    const int precise = precision(insn, features);
    if (precise < 0) {
        return false;
    }
    const unsigned type = (unsigned)precise;
    op->ra = 1;
    switch (opcode) {
    case 0:
        return use(op, SIMD_fmov1_h + type);
    case 1:
        return use(op, SIMD_fabs1_h + type);
    case 2:
        return use(op, SIMD_fneg1_h + type);
    case 3:
        return use(op, SIMD_fsqrt1_h + type);
    default:
        break;
    }
    if (opcode >= 8 && opcode < 16 && opcode != 13) {
        op->imm = frint_modes[opcode - 8u];
        return use(op, SIMD_frint_h + type);
    }
    if (opcode >= 16 && opcode < 20 && type != TYPE_H && has(features, A64_FEAT_FRINTTS)) {
        op->imm = (opcode & 1u) != 0 ? FP_CURRENT : FP_TOZERO;
        op->rm = opcode < 18 ? 32 : 64;
        return use(op, SIMD_frint_n_s + type - TYPE_S);
    }
    return false;
}

static bool decode_two_source(uint32_t insn, unsigned type, struct a64_simd_op *op)
{
    static const uint16_t fns[9] = {
        SIMD_fmul1_h, SIMD_fdiv1_h,   SIMD_fadd1_h,   SIMD_fsub1_h,  SIMD_fmax1_h,
        SIMD_fmin1_h, SIMD_fmaxnm1_h, SIMD_fminnm1_h, SIMD_fnmul1_h,
    };
    const unsigned opcode = field(insn, 15, 12);

    return opcode < 9 && use(op, fns[opcode] + type);
}

static bool decode_compare(uint32_t insn, unsigned type, struct a64_simd_op *op)
{
    static const uint16_t fns[4] = {SIMD_fcmp_h, SIMD_fcmp0_h, SIMD_fcmpe_h, SIMD_fcmpe0_h};

    return field(insn, 15, 14) == 0 && field(insn, 2, 0) == 0 &&
           use(op, fns[field(insn, 4, 3)] + type);
}

bool simd_decode_scalar_fp(uint32_t insn, uint64_t features, struct a64_simd_op *op)
{
    if (bit(insn, 29)) {
        return false;
    }
    if (!bit(insn, 24)) {
        if (!bit(insn, 21)) {
            return decode_fixed(insn, features, op);
        }
        if (field(insn, 15, 10) == 0) {
            return decode_integer(insn, features, op);
        }
    }
    if (bit(insn, 31)) {
        return false;
    }
    if (!bit(insn, 24) && field(insn, 14, 10) == 0x10) {
        return decode_one_source(insn, features, op);
    }

    const int precise = precision(insn, features);
    if (precise < 0) {
        return false;
    }
    const unsigned type = (unsigned)precise;
    if (bit(insn, 24)) {
        static const uint16_t fns[4] = {SIMD_fmadd1_h, SIMD_fmsub1_h, SIMD_fnmadd1_h,
                                        SIMD_fnmsub1_h};
        op->ra = (uint8_t)field(insn, 14, 10);
        return use(op, fns[2u * field(insn, 21, 21) + field(insn, 15, 15)] + type);
    }
    switch (field(insn, 11, 10)) {
    case 1:
        op->imm = (uint16_t)(field(insn, 3, 0) << 4 | field(insn, 15, 12));
        return use(op, (bit(insn, 4) ? SIMD_fccmpe_h : SIMD_fccmp_h) + type);
    case 2:
        return decode_two_source(insn, type, op);
    case 3:
        op->imm = (uint16_t)field(insn, 15, 12);
        return use(op, SIMD_fcsel_h + type);
    default:
        break;
    }
    if (bit(insn, 12)) {
        op->imm = (uint16_t)field(insn, 20, 13);
        return field(insn, 9, 5) == 0 && use(op, SIMD_fmov_imm_h + type);
    }
    return bit(insn, 13) && decode_compare(insn, type, op);
}
