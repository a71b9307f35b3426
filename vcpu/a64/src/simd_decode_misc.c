/* Decoding of the Advanced SIMD classes of two registers, across lanes, copies, permutes and
   modified immediates. */
#include "simd_decode.h"

static bool pick_fp(struct a64_simd_op *op, unsigned fn, unsigned type, bool q, bool scalar)
{
    if (type == TYPE_D && !q && !scalar) {
        return false;
    }
    op->ra = scalar ? 1 : simd_lane_count(type + 1u, q);
    return use(op, fn + type);
}

struct fp_misc_row {
    uint16_t fn;
    uint8_t key; /* U:a:opcode, a being size<1> */
    uint8_t imm;
    bool vector;
    bool scalar;
};

#define KEY(u, a, opcode) ((u) << 6 | (a) << 5 | (opcode))
#define EXACT             (0x80 | FP_CURRENT)

/* What exists in half precision with the same numbers. */
static const struct fp_misc_row fp_misc[] = {
    {SIMD_frint_h, KEY(0, 0, 0x18), FP_TIEEVEN, true, false},
    {SIMD_frint_h, KEY(0, 0, 0x19), FP_NEGINF, true, false},
    {SIMD_fcvts_h, KEY(0, 0, 0x1a), FP_TIEEVEN, true, true},
    {SIMD_fcvts_h, KEY(0, 0, 0x1b), FP_NEGINF, true, true},
    {SIMD_fcvts_h, KEY(0, 0, 0x1c), FP_TIEAWAY, true, true},
    {SIMD_scvtf_h, KEY(0, 0, 0x1d), 0, true, true},
    {SIMD_fcmgt0_h, KEY(0, 1, 0x0c), 0, true, true},
    {SIMD_fcmeq0_h, KEY(0, 1, 0x0d), 0, true, true},
    {SIMD_fcmlt0_h, KEY(0, 1, 0x0e), 0, true, true},
    {SIMD_fabs_h, KEY(0, 1, 0x0f), 0, true, false},
    {SIMD_frint_h, KEY(0, 1, 0x18), FP_POSINF, true, false},
    {SIMD_frint_h, KEY(0, 1, 0x19), FP_TOZERO, true, false},
    {SIMD_fcvts_h, KEY(0, 1, 0x1a), FP_POSINF, true, true},
    {SIMD_fcvts_h, KEY(0, 1, 0x1b), FP_TOZERO, true, true},
    {SIMD_frecpe_h, KEY(0, 1, 0x1d), 0, true, true},
    {SIMD_frecpx_h, KEY(0, 1, 0x1f), 0, false, true},
    {SIMD_frint_h, KEY(1, 0, 0x18), FP_TIEAWAY, true, false},
    {SIMD_frint_h, KEY(1, 0, 0x19), EXACT, true, false},
    {SIMD_fcvtu_h, KEY(1, 0, 0x1a), FP_TIEEVEN, true, true},
    {SIMD_fcvtu_h, KEY(1, 0, 0x1b), FP_NEGINF, true, true},
    {SIMD_fcvtu_h, KEY(1, 0, 0x1c), FP_TIEAWAY, true, true},
    {SIMD_ucvtf_h, KEY(1, 0, 0x1d), 0, true, true},
    {SIMD_fcmge0_h, KEY(1, 1, 0x0c), 0, true, true},
    {SIMD_fcmle0_h, KEY(1, 1, 0x0d), 0, true, true},
    {SIMD_fneg_h, KEY(1, 1, 0x0f), 0, true, false},
    {SIMD_frint_h, KEY(1, 1, 0x19), FP_CURRENT, true, false},
    {SIMD_fcvtu_h, KEY(1, 1, 0x1a), FP_POSINF, true, true},
    {SIMD_fcvtu_h, KEY(1, 1, 0x1b), FP_TOZERO, true, true},
    {SIMD_frsqrte_h, KEY(1, 1, 0x1d), 0, true, true},
    {SIMD_fsqrt_h, KEY(1, 1, 0x1f), 0, true, false},
};

static bool two_misc_fp(uint32_t insn, unsigned type, bool scalar, struct a64_simd_op *op)
{
    const unsigned key = KEY(field(insn, 29, 29), field(insn, 23, 23), field(insn, 16, 12));

    for (unsigned i = 0; i < sizeof(fp_misc) / sizeof(fp_misc[0]); i++) {
        const struct fp_misc_row *row = &fp_misc[i];
        if (row->key == key && (scalar ? row->scalar : row->vector)) {
            op->imm = row->imm;
            op->rm = 0;
            return pick_fp(op, row->fn, type, bit(insn, 30), scalar);
        }
    }
    return false;
}

bool simd_decode_two_misc_fp16(uint32_t insn, uint64_t features, bool scalar,
                               struct a64_simd_op *op)
{
    return has(features, A64_FEAT_FP16) && two_misc_fp(insn, TYPE_H, scalar, op);
}

/* The rest of the floating-point opcodes, which only single and double precision have. */
static bool two_misc_fp_rest(uint32_t insn, uint64_t features, bool scalar, struct a64_simd_op *op)
{
    const bool q = bit(insn, 30);
    const unsigned sz = field(insn, 22, 22);
    const unsigned type = sz != 0 ? TYPE_D : TYPE_S;
    const uint8_t half = q ? SIMD_UPPER : 0;

    switch (KEY(field(insn, 29, 29), field(insn, 23, 23), field(insn, 16, 12))) {
    case KEY(0, 0, 0x16):
        op->ra = half;
        return !scalar && use(op, SIMD_fcvtn_h + sz);
    case KEY(0, 0, 0x17):
        op->ra = half;
        return !scalar && use(op, SIMD_fcvtl_h + sz);
    case KEY(1, 0, 0x16):
        op->ra = scalar ? 1 : (uint8_t)(half | 2u);
        return sz == 1 && use(op, SIMD_fcvtxn);
    case KEY(0, 1, 0x1c):
    case KEY(1, 1, 0x1c):
        op->ra = simd_lane_count(2, q);
        return sz == 0 && !scalar && use(op, bit(insn, 29) ? SIMD_ursqrte_s : SIMD_urecpe_s);
    case KEY(0, 0, 0x1e):
    case KEY(0, 0, 0x1f):
    case KEY(1, 0, 0x1e):
    case KEY(1, 0, 0x1f):
        if (scalar || !has(features, A64_FEAT_FRINTTS) || (sz == 1 && !q)) {
            return false;
        }
        op->imm = bit(insn, 29) ? FP_CURRENT : FP_TOZERO;
        op->rm = bit(insn, 12) ? 64 : 32;
        op->ra = simd_lane_count(type + 1u, q);
        return use(op, SIMD_frint_n_s + sz);
    default:
        return two_misc_fp(insn, type, scalar, op);
    }
}

static struct simd_row two_misc_row(bool u, unsigned opcode)
{
#define ROW(s_fn, u_fn, kind, scalar)                                                              \
    return (struct simd_row)                                                                       \
    {                                                                                              \
        (uint16_t)(u ? (u_fn) : (s_fn)), kind, scalar                                              \
    }
    switch (opcode) {
    case 0x00:
        ROW(SIMD_rev64_8b, SIMD_rev32_8b, u ? KIND_B4 : KIND_B6, false);
    case 0x01:
        ROW(SIMD_rev16_8b, 0, u ? KIND_NONE : KIND_B2, false);
    case 0x02:
        ROW(SIMD_saddlp_b, SIMD_uaddlp_b, KIND_P3, false);
    case 0x03:
        ROW(SIMD_suqadd_b, SIMD_usqadd_b, KIND_E4, true);
    case 0x04:
        ROW(SIMD_cls_b, SIMD_clz_b, KIND_E3, false);
    case 0x05:
        ROW(SIMD_cnt_8b, SIMD_not_8b, KIND_B2, false);
    case 0x06:
        ROW(SIMD_sadalp_b, SIMD_uadalp_b, KIND_P3, false);
    case 0x07:
        ROW(SIMD_sqabs_b, SIMD_sqneg_b, KIND_E4, true);
    case 0x08:
        ROW(SIMD_cmgt0_8b, SIMD_cmge0_8b, KIND_B8, true);
    case 0x09:
        ROW(SIMD_cmeq0_8b, SIMD_cmle0_8b, KIND_B8, true);
    case 0x0a:
        ROW(SIMD_cmlt0_8b, 0, u ? KIND_NONE : KIND_B8, true);
    case 0x0b:
        ROW(SIMD_abs_8b, SIMD_neg_8b, KIND_B8, true);
    case 0x12:
        ROW(SIMD_xtn_8b, SIMD_sqxtun_b, u ? KIND_N3 : KIND_N6, u);
    case 0x13:
        ROW(0, SIMD_ushll_8b, u ? KIND_N6 : KIND_NONE, false);
    case 0x14:
        ROW(SIMD_sqxtn_b, SIMD_uqxtn_b, KIND_N3, true);
    default:
        ROW(0, 0, KIND_NONE, false);
    }
#undef ROW
}

bool simd_decode_two_misc(uint32_t insn, uint64_t features, bool scalar, struct a64_simd_op *op)
{
    const bool u = bit(insn, 29);
    const bool q = bit(insn, 30);
    const unsigned size = field(insn, 23, 22);
    const unsigned opcode = field(insn, 16, 12);

    if ((opcode >= 0x0c && opcode <= 0x0f) || opcode >= 0x16) {
        return two_misc_fp_rest(insn, features, scalar, op);
    }
    const struct simd_row row = two_misc_row(u, opcode);
    if (opcode == 0x13) {
        op->imm = (uint16_t)(8u << size); /* SHLL shifts by the element's size */
    }
    if (opcode == 0x05 && u && size == 1) {
        return !scalar && use(op, SIMD_rbit_8b + (q ? 1u : 0u));
    }
    return scalar ? simd_pick_scalar(op, row, size) : simd_pick(op, row, size, q);
}

/* Scalar pairwise: half precision where U is 0, single and double where it is 1. */
bool simd_decode_pairwise(uint32_t insn, uint64_t features, struct a64_simd_op *op)
{
    const bool u = bit(insn, 29);
    const bool o1 = bit(insn, 23);
    const bool sz = bit(insn, 22);
    const unsigned opcode = field(insn, 16, 12);
    unsigned fn;

    switch (opcode) {
    case 0x1b:
        return !u && o1 && sz && use(op, SIMD_addp_scalar);
    case 0x0c:
        fn = o1 ? SIMD_fminnmp_scalar_h : SIMD_fmaxnmp_scalar_h;
        break;
    case 0x0d:
        if (o1) {
            return false;
        }
        fn = SIMD_faddp_scalar_h;
        break;
    case 0x0f:
        fn = o1 ? SIMD_fminp_scalar_h : SIMD_fmaxp_scalar_h;
        break;
    default:
        return false;
    }
    if (!u) {
        return !sz && has(features, A64_FEAT_FP16) && use(op, fn + TYPE_H);
    }
    return use(op, fn + (sz ? TYPE_D : TYPE_S));
}

bool simd_decode_across(uint32_t insn, uint64_t features, struct a64_simd_op *op)
{
    const bool u = bit(insn, 29);
    const bool q = bit(insn, 30);
    const bool o1 = bit(insn, 23);
    const unsigned size = field(insn, 23, 22);
    const unsigned opcode = field(insn, 16, 12);
    unsigned fn;

    switch (opcode) {
    case 0x03:
        fn = u ? SIMD_uaddlv_8b : SIMD_saddlv_8b;
        break;
    case 0x0a:
        fn = u ? SIMD_umaxv_8b : SIMD_smaxv_8b;
        break;
    case 0x1a:
        fn = u ? SIMD_uminv_8b : SIMD_sminv_8b;
        break;
    case 0x1b:
        if (u) {
            return false;
        }
        fn = SIMD_addv_8b;
        break;
    case 0x0c:
    case 0x0f:
        if (bit(insn, 22) || (u ? !q : !has(features, A64_FEAT_FP16))) {
            return false;
        }
        if (opcode == 0x0c) {
            fn = o1 ? SIMD_fminnmv_h : SIMD_fmaxnmv_h;
        } else {
            fn = o1 ? SIMD_fminv_h : SIMD_fmaxv_h;
        }
        op->ra = simd_lane_count(u ? 2 : 1, q);
        return use(op, fn + (u ? 1u : 0u));
    default:
        return false;
    }
    /* Two words have no such operation. */
    if (size == 2) {
        return q && use(op, fn + 4u);
    }
    return size < 2 && use(op, fn + 2u * size + (q ? 1u : 0u));
}

bool simd_decode_copy(uint32_t insn, bool scalar, struct a64_simd_op *op)
{
    const bool q = bit(insn, 30);
    const unsigned imm5 = field(insn, 20, 16);
    const unsigned imm4 = field(insn, 14, 11);
    const unsigned size = (unsigned)__builtin_ctz(imm5 | 0x20u);

    if (size > 3) {
        return false;
    }
    op->imm = (uint16_t)(imm5 >> (size + 1u));
    if (scalar) {
        op->ra = 1;
        return !bit(insn, 29) && imm4 == 0 && use(op, SIMD_dup_elem_b + size);
    }
    if (bit(insn, 29)) {
        op->rm = (uint8_t)(imm4 >> size);
        return q && use(op, SIMD_ins_elem_b + size);
    }
    switch (imm4) {
    case 0:
        op->ra = simd_lane_count(size, q);
        return (size < 3 || q) && use(op, SIMD_dup_elem_b + size);
    case 1:
        op->rn = x_source(op->rn);
        return simd_pick(op, (struct simd_row){SIMD_dup_gen_8b, KIND_B7, false}, size, q);
    case 3:
        op->rn = x_source(op->rn);
        return q && use(op, SIMD_ins_gen_b + size);
    case 5:
        op->rd = x_dest(op->rd);
        if (q) {
            return size < 3 && use(op, SIMD_smov_x_b + size);
        }
        return size < 2 && use(op, SIMD_smov_w_b + size);
    case 7:
        op->rd = x_dest(op->rd);
        return (size == 3) == q && use(op, SIMD_umov_b + size);
    default:
        return false;
    }
}

bool simd_decode_modified_imm(uint32_t insn, uint64_t features, struct a64_simd_op *op)
{
    const bool q = bit(insn, 30);
    const bool invert = bit(insn, 29);
    const unsigned cmode = field(insn, 15, 12);

    op->imm = (uint16_t)(field(insn, 18, 16) << 5 | field(insn, 9, 5));
    op->rn = q ? 1 : 0;
    if (bit(insn, 11)) {
        return cmode == 15 && !invert && has(features, A64_FEAT_FP16) && use(op, SIMD_fmov_vimm_h);
    }
    if (cmode < 12) {
        const bool narrow = cmode >= 8;
        op->ra = (uint8_t)(8u * (narrow ? (cmode >> 1) & 1u : (cmode >> 1) & 3u));
        if ((cmode & 1u) != 0) {
            const unsigned fn = narrow ? SIMD_orr_imm_16 : SIMD_orr_imm_32;
            return use(op, invert ? fn + (SIMD_bic_imm_16 - SIMD_orr_imm_16) : fn);
        }
        if (invert) {
            return use(op, narrow ? SIMD_mvni_16 : SIMD_mvni_32);
        }
        return use(op, narrow ? SIMD_movi_16 : SIMD_movi_32);
    }
    switch (cmode) {
    case 14:
        return use(op, invert ? SIMD_movi_64 : SIMD_movi_8);
    case 15:
        if (invert) {
            return q && use(op, SIMD_fmov_vimm_d);
        }
        return use(op, SIMD_fmov_vimm_s);
    default:
        op->ra = cmode == 12 ? 8 : 16;
        return use(op, invert ? SIMD_mvni_msl : SIMD_movi_msl);
    }
}

bool simd_decode_table(uint32_t insn, struct a64_simd_op *op)
{
    const unsigned q = field(insn, 30, 30);

    op->imm = (uint16_t)(field(insn, 14, 13) + 1u);
    return field(insn, 23, 22) == 0 && use(op, (bit(insn, 12) ? SIMD_tbx_8b : SIMD_tbl_8b) + q);
}

bool simd_decode_permute(uint32_t insn, struct a64_simd_op *op)
{
    static const uint16_t fns[8] = {0, SIMD_uzp1_8b, SIMD_trn1_8b, SIMD_zip1_8b,
                                    0, SIMD_uzp2_8b, SIMD_trn2_8b, SIMD_zip2_8b};
    const unsigned fn = fns[field(insn, 14, 12)];

    return fn != 0 && simd_pick(op, (struct simd_row){(uint16_t)fn, KIND_B7, false},
                                field(insn, 23, 22), bit(insn, 30));
}

bool simd_decode_extract(uint32_t insn, struct a64_simd_op *op)
{
    const bool q = bit(insn, 30);
    const unsigned index = field(insn, 14, 11);

    op->imm = (uint16_t)(8u * index);
    return field(insn, 23, 22) == 0 && (q || index < 8) && use(op, q ? SIMD_ext_16b : SIMD_ext_8b);
}
