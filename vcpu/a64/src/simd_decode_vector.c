/* Decoding of the Advanced SIMD classes of three registers, by element and by immediate shift. */
#include "simd_decode.h"

/* For opcodes below 11000, by U:opcode.  Logical operations and PMUL are decided by size. */
static const struct simd_row three_same[2][24] = {
    {
        {SIMD_shadd_b, KIND_E3, false},  {SIMD_sqadd_b, KIND_E4, true},
        {SIMD_srhadd_b, KIND_E3, false}, {0, KIND_NONE, false},
        {SIMD_shsub_b, KIND_E3, false},  {SIMD_sqsub_b, KIND_E4, true},
        {SIMD_cmgt_8b, KIND_B8, true},   {SIMD_cmge_8b, KIND_B8, true},
        {SIMD_sshl_b, KIND_E4D, true},   {SIMD_sqshl_b, KIND_E4, true},
        {SIMD_srshl_b, KIND_E4D, true},  {SIMD_sqrshl_b, KIND_E4, true},
        {SIMD_smax_8b, KIND_B6, false},  {SIMD_smin_8b, KIND_B6, false},
        {SIMD_sabd_8b, KIND_B6, false},  {SIMD_saba_8b, KIND_B6, false},
        {SIMD_add_8b, KIND_B8, true},    {SIMD_cmtst_8b, KIND_B8, true},
        {SIMD_mla_8b, KIND_B6, false},   {SIMD_mul_8b, KIND_B6, false},
        {SIMD_smaxp_8b, KIND_B6, false}, {SIMD_sminp_8b, KIND_B6, false},
        {SIMD_sqdmulh_h, KIND_E2, true}, {SIMD_addp_8b, KIND_B7, false},
    },
    {
        {SIMD_uhadd_b, KIND_E3, false},   {SIMD_uqadd_b, KIND_E4, true},
        {SIMD_urhadd_b, KIND_E3, false},  {0, KIND_NONE, false},
        {SIMD_uhsub_b, KIND_E3, false},   {SIMD_uqsub_b, KIND_E4, true},
        {SIMD_cmhi_8b, KIND_B8, true},    {SIMD_cmhs_8b, KIND_B8, true},
        {SIMD_ushl_b, KIND_E4D, true},    {SIMD_uqshl_b, KIND_E4, true},
        {SIMD_urshl_b, KIND_E4D, true},   {SIMD_uqrshl_b, KIND_E4, true},
        {SIMD_umax_8b, KIND_B6, false},   {SIMD_umin_8b, KIND_B6, false},
        {SIMD_uabd_8b, KIND_B6, false},   {SIMD_uaba_8b, KIND_B6, false},
        {SIMD_sub_8b, KIND_B8, true},     {SIMD_cmeq_8b, KIND_B8, true},
        {SIMD_mls_8b, KIND_B6, false},    {SIMD_pmul_b, KIND_E1B, false},
        {SIMD_umaxp_8b, KIND_B6, false},  {SIMD_uminp_8b, KIND_B6, false},
        {SIMD_sqrdmulh_h, KIND_E2, true}, {0, KIND_NONE, false},
    },
};

struct fp_row {
    uint16_t fn;
    bool scalar;
};

/* Floating point, by U:a:opcode<2:0> where a is size<1>; 0 is unallocated. */
static const struct fp_row three_same_fp[2][2][8] = {
    {{{SIMD_fmaxnm_h, false},
      {SIMD_fmla_h, false},
      {SIMD_fadd_h, false},
      {SIMD_fmulx_h, true},
      {SIMD_fcmeq_h, true},
      {0, false},
      {SIMD_fmax_h, false},
      {SIMD_frecps_h, true}},
     {{SIMD_fminnm_h, false},
      {SIMD_fmls_h, false},
      {SIMD_fsub_h, false},
      {0, false},
      {0, false},
      {0, false},
      {SIMD_fmin_h, false},
      {SIMD_frsqrts_h, true}}},
    {{{SIMD_fmaxnmp_h, false},
      {0, false},
      {SIMD_faddp_h, false},
      {SIMD_fmul_h, false},
      {SIMD_fcmge_h, true},
      {SIMD_facge_h, true},
      {SIMD_fmaxp_h, false},
      {SIMD_fdiv_h, false}},
     {{SIMD_fminnmp_h, false},
      {0, false},
      {SIMD_fabd_h, true},
      {0, false},
      {SIMD_fcmgt_h, true},
      {SIMD_facgt_h, true},
      {SIMD_fminp_h, false},
      {0, false}}},
};

/* log2 of the bytes of a precision's lane is the type plus one. */
static bool pick_fp(struct a64_simd_op *op, unsigned fn, unsigned type, bool q, bool scalar)
{
    if (fn == 0 || (type == TYPE_D && !q && !scalar)) {
        return false;
    }
    op->ra = scalar ? 1 : simd_lane_count(type + 1u, q);
    return use(op, fn + type);
}

static bool three_same_float(uint32_t insn, unsigned type, bool scalar, struct a64_simd_op *op)
{
    const struct fp_row row =
        three_same_fp[field(insn, 29, 29)][field(insn, 23, 23)][field(insn, 13, 11)];

    return (row.scalar || !scalar) && pick_fp(op, row.fn, type, bit(insn, 30), scalar);
}

/* FMLAL and its kind have sz = 0 among opcodes that are otherwise empty. */
static bool fmlal(uint32_t insn, uint64_t features, bool upper, struct a64_simd_op *op)
{
    const unsigned count = bit(insn, 30) ? 4 : 2;

    op->ra = (uint8_t)(count | (upper ? SIMD_UPPER : 0));
    return has(features, A64_FEAT_FHM) && use(op, bit(insn, 23) ? SIMD_fmlsl : SIMD_fmlal);
}

bool simd_decode_three_same(uint32_t insn, uint64_t features, bool scalar, struct a64_simd_op *op)
{
    static const uint16_t logic[2][4] = {
        {SIMD_and_8b, SIMD_bic_8b, SIMD_orr_8b, SIMD_orn_8b},
        {SIMD_eor_8b, SIMD_bsl_8b, SIMD_bit_8b, SIMD_bif_8b},
    };
    const unsigned u = field(insn, 29, 29);
    const unsigned q = field(insn, 30, 30);
    const unsigned size = field(insn, 23, 22);
    const unsigned opcode = field(insn, 15, 11);

    if (opcode >= 24) {
        const unsigned fhm = u != 0 ? 25 : 29;
        if (opcode == fhm && !scalar && (size & 1u) == 0) {
            return fmlal(insn, features, u != 0, op);
        }
        return three_same_float(insn, (size & 1u) != 0 ? TYPE_D : TYPE_S, scalar, op);
    }
    if (opcode == 3) {
        if (u == 0 && size == 2 && op->rn == op->rm && !scalar) {
            return use(op, SIMD_mov_8b + q);
        }
        return !scalar && use(op, logic[u][size] + q);
    }
    return scalar ? simd_pick_scalar(op, three_same[u][opcode], size)
                  : simd_pick(op, three_same[u][opcode], size, q != 0);
}

bool simd_decode_three_same_fp16(uint32_t insn, uint64_t features, bool scalar,
                                 struct a64_simd_op *op)
{
    return has(features, A64_FEAT_FP16) && three_same_float(insn, TYPE_H, scalar, op);
}

/* Dot products and matrix multiplications. */
static bool dot(struct a64_simd_op *op, unsigned fn, bool q, bool allocated)
{
    op->ra = q ? 4 : 2;
    return allocated && use(op, fn);
}

/* Precision of the complex operations: size 01, 10 or 11. */
static bool complex_op(uint32_t insn, uint64_t features, unsigned fn, struct a64_simd_op *op)
{
    const unsigned size = field(insn, 23, 22);

    if (!has(features, A64_FEAT_FCMA) || size == 0 ||
        (size == 1 && !has(features, A64_FEAT_FP16))) {
        return false;
    }
    return pick_fp(op, fn, size - 1u, bit(insn, 30), false);
}

bool simd_decode_three_same_extra(uint32_t insn, uint64_t features, bool scalar,
                                  struct a64_simd_op *op)
{
    const bool u = bit(insn, 29);
    const bool q = bit(insn, 30);
    const unsigned size = field(insn, 23, 22);
    const unsigned opcode = field(insn, 14, 11);

    if (u && opcode < 2) {
        const struct simd_row row = {opcode == 0 ? SIMD_sqrdmlah_h : SIMD_sqrdmlsh_h, KIND_E2,
                                     true};
        return has(features, A64_FEAT_RDM) &&
               (scalar ? simd_pick_scalar(op, row, size) : simd_pick(op, row, size, q));
    }
    if (scalar) {
        return false;
    }
    const bool matrix = size == 2 && q && has(features, A64_FEAT_I8MM);
    switch (opcode) {
    case 2:
        return dot(op, u ? SIMD_udot : SIMD_sdot, q, size == 2 && has(features, A64_FEAT_DOTPROD));
    case 3:
        return dot(op, SIMD_usdot, q, !u && size == 2 && has(features, A64_FEAT_I8MM));
    case 4:
        return dot(op, u ? SIMD_ummla : SIMD_smmla, q, matrix);
    case 5:
        return dot(op, SIMD_usmmla, q, !u && matrix);
    case 8:
    case 9:
    case 10:
    case 11:
        op->imm = (uint16_t)(opcode & 3u);
        return u && complex_op(insn, features, SIMD_fcmla_h, op);
    case 12:
    case 14:
        op->imm = opcode == 12 ? 1 : 3;
        return u && complex_op(insn, features, SIMD_fcadd_h, op);
    default:
        return false;
    }
}

bool simd_decode_three_different(uint32_t insn, uint64_t features, bool scalar,
                                 struct a64_simd_op *op)
{
    /* By U:opcode; functions of lanes B, H, S, or H, S for the saturating ones. */
    static const uint16_t fns[2][16] = {
        {SIMD_saddl_b, SIMD_saddw_b, SIMD_ssubl_b, SIMD_ssubw_b, SIMD_addhn_b, SIMD_sabal_b,
         SIMD_subhn_b, SIMD_sabdl_b, SIMD_smlal_b, SIMD_sqdmlal_h, SIMD_smlsl_b, SIMD_sqdmlsl_h,
         SIMD_smull_b, SIMD_sqdmull_h, SIMD_pmull_b, 0},
        {SIMD_uaddl_b, SIMD_uaddw_b, SIMD_usubl_b, SIMD_usubw_b, SIMD_raddhn_b, SIMD_uabal_b,
         SIMD_rsubhn_b, SIMD_uabdl_b, SIMD_umlal_b, 0, SIMD_umlsl_b, 0, SIMD_umull_b, 0, 0, 0},
    };
    const unsigned size = field(insn, 23, 22);
    const unsigned opcode = field(insn, 15, 12);
    const unsigned fn = fns[field(insn, 29, 29)][opcode];
    const bool doubling = opcode == 9 || opcode == 11 || opcode == 13;

    if (fn == 0 || (scalar && !doubling)) {
        return false;
    }
    op->ra =
        (uint8_t)(scalar ? 1u : simd_lane_count(size, false) | (bit(insn, 30) ? SIMD_UPPER : 0u));
    if (doubling) {
        return size != 0 && size < 3 && use(op, fn + size - 1u);
    }
    if (opcode == 14) {
        if (size == 3) {
            return has(features, A64_FEAT_PMULL) && use(op, SIMD_pmull_d);
        }
        return size == 0 && use(op, SIMD_pmull_b);
    }
    return size < 3 && use(op, fn + size);
}

enum shift_direction { LEFT, RIGHT };

struct shift_row {
    struct simd_row row;
    enum shift_direction direction;
};

/* By U and opcode, which is even but for the narrowing ones. */
static struct shift_row shift_row(bool u, unsigned opcode)
{
#define ROW(s_fn, u_fn, kind, scalar, direction)                                                   \
    return (struct shift_row)                                                                      \
    {                                                                                              \
        {(uint16_t)(u ? (u_fn) : (s_fn)), kind, scalar}, direction                                 \
    }
    switch (opcode) {
    case 0x00:
        ROW(SIMD_sshr_8b, SIMD_ushr_8b, KIND_B8, true, RIGHT);
    case 0x02:
        ROW(SIMD_ssra_8b, SIMD_usra_8b, KIND_B8, true, RIGHT);
    case 0x04:
        ROW(SIMD_srshr_8b, SIMD_urshr_8b, KIND_B8, true, RIGHT);
    case 0x06:
        ROW(SIMD_srsra_8b, SIMD_ursra_8b, KIND_B8, true, RIGHT);
    case 0x08:
        ROW(0, SIMD_sri_8b, u ? KIND_B8 : KIND_NONE, u, RIGHT);
    case 0x0a:
        ROW(SIMD_shl_8b, SIMD_sli_8b, KIND_B8, true, LEFT);
    case 0x0c:
        ROW(0, SIMD_sqshlu_b, u ? KIND_E4 : KIND_NONE, u, LEFT);
    case 0x0e:
        ROW(SIMD_sqshl_imm_b, SIMD_uqshl_imm_b, KIND_E4, true, LEFT);
    case 0x10:
        ROW(SIMD_shrn_8b, SIMD_sqshrun_b, u ? KIND_N3 : KIND_N6, u, RIGHT);
    case 0x11:
        ROW(SIMD_rshrn_8b, SIMD_sqrshrun_b, u ? KIND_N3 : KIND_N6, u, RIGHT);
    case 0x12:
        ROW(SIMD_sqshrn_b, SIMD_uqshrn_b, KIND_N3, true, RIGHT);
    case 0x13:
        ROW(SIMD_sqrshrn_b, SIMD_uqrshrn_b, KIND_N3, true, RIGHT);
    case 0x14:
        ROW(SIMD_sshll_8b, SIMD_ushll_8b, KIND_N6, false, LEFT);
    default:
        ROW(0, 0, KIND_NONE, false, LEFT);
    }
#undef ROW
}

bool simd_decode_shift_imm(uint32_t insn, uint64_t features, bool scalar, struct a64_simd_op *op)
{
    const bool u = bit(insn, 29);
    const bool q = bit(insn, 30);
    const unsigned opcode = field(insn, 15, 11);
    const unsigned immhb = field(insn, 22, 16);
    const unsigned size = 28u - (unsigned)__builtin_clz(immhb); /* of the highest bit of immh */
    const unsigned esize = 8u << size;

    if (opcode == 0x1c || opcode == 0x1f) {
        /* Fixed point: `rm` is the number of fraction bits. */
        if (size == 0 || (size == 1 && !has(features, A64_FEAT_FP16))) {
            return false;
        }
        op->rm = (uint8_t)(2u * esize - immhb);
        op->imm = FP_TOZERO;
        const unsigned fn =
            opcode == 0x1c ? (u ? SIMD_ucvtf_h : SIMD_scvtf_h) : (u ? SIMD_fcvtu_h : SIMD_fcvts_h);
        return pick_fp(op, fn, size - 1u, q, scalar);
    }
    const struct shift_row row = shift_row(u, opcode);
    op->imm = (uint16_t)(row.direction == LEFT ? immhb - esize : 2u * esize - immhb);
    return scalar ? simd_pick_scalar(op, row.row, size) : simd_pick(op, row.row, size, q);
}

/* The index and register of an element of 16, 32 or 64 bits; false if L is set for 64. */
static bool element(uint32_t insn, unsigned size, struct a64_simd_op *op)
{
    const unsigned h = field(insn, 11, 11);
    const unsigned l = field(insn, 21, 21);
    const unsigned m = field(insn, 20, 20);

    switch (size) {
    case 1:
        op->imm = (uint16_t)(h << 2 | l << 1 | m);
        op->rm = (uint8_t)field(insn, 19, 16);
        return true;
    case 2:
        op->imm = (uint16_t)(h << 1 | l);
        return true;
    default:
        op->imm = (uint16_t)h;
        return l == 0;
    }
}

static bool by_element_fp(uint32_t insn, uint64_t features, bool scalar, unsigned fn,
                          struct a64_simd_op *op)
{
    /* size 00 is half precision, 01 is not allocated, 1x single and double */
    static const int8_t types[4] = {TYPE_H, -1, TYPE_S, TYPE_D};
    const int type = types[field(insn, 23, 22)];

    if (type < 0 || (type == TYPE_H && !has(features, A64_FEAT_FP16))) {
        return false;
    }
    return element(insn, (unsigned)type + 1u, op) &&
           pick_fp(op, fn, (unsigned)type, bit(insn, 30), scalar);
}

static bool by_element_complex(uint32_t insn, uint64_t features, bool scalar,
                               struct a64_simd_op *op)
{
    const unsigned size = field(insn, 23, 22);
    const bool q = bit(insn, 30);
    const bool h = bit(insn, 11);
    const bool l = bit(insn, 21);
    unsigned pair;

    if (scalar || !has(features, A64_FEAT_FCMA)) {
        return false;
    }
    if (size == 1) {
        if (!has(features, A64_FEAT_FP16) || (h && !q)) {
            return false;
        }
        pair = (h ? 2u : 0) + (l ? 1u : 0);
    } else if (size == 2 && !l && q) {
        pair = h ? 1 : 0;
    } else {
        return false;
    }
    op->imm = (uint16_t)(pair << 8 | field(insn, 14, 13));
    op->ra = simd_lane_count(size, q);
    return use(op, size == 1 ? SIMD_fcmla_e_h : SIMD_fcmla_e_s);
}

static bool by_element_fmlal(uint32_t insn, uint64_t features, bool scalar, struct a64_simd_op *op)
{
    if (scalar || field(insn, 23, 22) != 2 || !has(features, A64_FEAT_FHM)) {
        return false;
    }
    op->ra = (uint8_t)((bit(insn, 30) ? 4u : 2u) | (bit(insn, 29) ? SIMD_UPPER : 0u));
    return element(insn, 1, op) && use(op, bit(insn, 14) ? SIMD_fmlsl_e : SIMD_fmlal_e);
}

static bool by_element_dot(uint32_t insn, uint64_t features, bool scalar, struct a64_simd_op *op)
{
    const bool u = bit(insn, 29);
    const unsigned size = field(insn, 23, 22);
    const bool q = bit(insn, 30);

    if (scalar || !element(insn, 2, op)) {
        return false;
    }
    if (field(insn, 15, 12) == 14) {
        return dot(op, u ? SIMD_udot_e : SIMD_sdot_e, q,
                   size == 2 && has(features, A64_FEAT_DOTPROD));
    }
    return dot(op, size == 0 ? SIMD_sudot_e : SIMD_usdot_e, q,
               (size & 1u) == 0 && has(features, A64_FEAT_I8MM));
}

bool simd_decode_by_element(uint32_t insn, uint64_t features, bool scalar, struct a64_simd_op *op)
{
    enum { LONG = 1, SCALAR = 2, RDM = 4 };
    static const struct {
        uint16_t fn;
        uint8_t flags;
    } rows[2][16] = {
        {[2] = {SIMD_smlal_e_h, LONG},
         [3] = {SIMD_sqdmlal_e_h, LONG | SCALAR},
         [6] = {SIMD_smlsl_e_h, LONG},
         [7] = {SIMD_sqdmlsl_e_h, LONG | SCALAR},
         [8] = {SIMD_mul_e_h, 0},
         [10] = {SIMD_smull_e_h, LONG},
         [11] = {SIMD_sqdmull_e_h, LONG | SCALAR},
         [12] = {SIMD_sqdmulh_e_h, SCALAR},
         [13] = {SIMD_sqrdmulh_e_h, SCALAR}},
        {[0] = {SIMD_mla_e_h, 0},
         [2] = {SIMD_umlal_e_h, LONG},
         [4] = {SIMD_mls_e_h, 0},
         [6] = {SIMD_umlsl_e_h, LONG},
         [10] = {SIMD_umull_e_h, LONG},
         [13] = {SIMD_sqrdmlah_e_h, SCALAR | RDM},
         [15] = {SIMD_sqrdmlsh_e_h, SCALAR | RDM}},
    };
    const unsigned u = field(insn, 29, 29);
    const unsigned size = field(insn, 23, 22);
    const bool q = bit(insn, 30);
    const unsigned opcode = field(insn, 15, 12);

    switch (u << 4 | opcode) {
    case 0x00:
    case 0x04:
    case 0x18:
    case 0x1c:
        return by_element_fmlal(insn, features, scalar, op);
    case 0x01:
        return by_element_fp(insn, features, scalar, SIMD_fmla_e_h, op);
    case 0x05:
        return by_element_fp(insn, features, scalar, SIMD_fmls_e_h, op);
    case 0x09:
        return by_element_fp(insn, features, scalar, SIMD_fmul_e_h, op);
    case 0x19:
        return by_element_fp(insn, features, scalar, SIMD_fmulx_e_h, op);
    case 0x11:
    case 0x13:
    case 0x15:
    case 0x17:
        return by_element_complex(insn, features, scalar, op);
    case 0x0e:
    case 0x0f:
    case 0x1e:
        return by_element_dot(insn, features, scalar, op);
    default:
        break;
    }
    const unsigned fn = rows[u][opcode].fn;
    const unsigned flags = rows[u][opcode].flags;
    if (fn == 0 || size == 0 || size == 3 || (scalar && (flags & SCALAR) == 0) ||
        ((flags & RDM) != 0 && !has(features, A64_FEAT_RDM)) || !element(insn, size, op)) {
        return false;
    }
    if (scalar) {
        op->ra = 1;
    } else if ((flags & LONG) != 0) {
        op->ra = (uint8_t)(simd_lane_count(size, false) | (q ? SIMD_UPPER : 0u));
    } else {
        op->ra = simd_lane_count(size, q);
    }
    return use(op, fn + size - 1u);
}
