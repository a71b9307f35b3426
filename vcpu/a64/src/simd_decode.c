/* Which encoding class an instruction belongs to: the tables at the head of DDI 0487 C4.1. */
#include "simd_decode.h"

bool simd_pick(struct a64_simd_op *op, struct simd_row row, unsigned size, bool q)
{
    const unsigned arrangement = 2u * size + (q ? 1u : 0u);

    op->ra = simd_lane_count(size, q);
    switch ((enum simd_kind)row.kind) {
    case KIND_B2:
        return size == 0 && use(op, row.fn + arrangement);
    case KIND_B4:
        return size < 2 && use(op, row.fn + arrangement);
    case KIND_B6:
    case KIND_N6:
        return size < 3 && use(op, row.fn + arrangement);
    case KIND_B7:
        return arrangement != 6 && use(op, row.fn + (size == 3 ? 6u : arrangement));
    case KIND_B8:
        return arrangement != 6 && use(op, row.fn + arrangement);
    case KIND_E4:
    case KIND_E4D:
        return arrangement != 6 && use(op, row.fn + size);
    case KIND_E3:
        return size < 3 && use(op, row.fn + size);
    case KIND_E2:
        return size != 0 && size < 3 && use(op, row.fn + size - 1u);
    case KIND_E1B:
        return size == 0 && use(op, row.fn);
    case KIND_E1S:
        return size == 2 && use(op, row.fn);
    case KIND_N3:
        op->ra = (uint8_t)(simd_lane_count(size, false) | (q ? SIMD_UPPER : 0));
        return size < 3 && use(op, row.fn + size);
    case KIND_P3:
        op->ra /= 2;
        return size < 3 && use(op, row.fn + size);
    default:
        return false;
    }
}

bool simd_pick_scalar(struct a64_simd_op *op, struct simd_row row, unsigned size)
{
    op->ra = 1;
    if (!row.scalar) {
        return false;
    }
    switch ((enum simd_kind)row.kind) {
    case KIND_B8:
        return size == 3 && use(op, row.fn + 6u);
    case KIND_E4D:
        return size == 3 && use(op, row.fn + 3u);
    case KIND_E4:
        return use(op, row.fn + size);
    case KIND_E2:
        return size != 0 && size < 3 && use(op, row.fn + size - 1u);
    case KIND_N3:
        return size < 3 && use(op, row.fn + size);
    default:
        return false;
    }
}

/* Classes with bits 28:25 = 0111 (vectors) and with bits 31:30, 28 = 01, 1 (scalars). */
static bool decode_simd(uint32_t insn, uint64_t features, bool scalar, struct a64_simd_op *op)
{
    const bool u = bit(insn, 29);
    const bool class_bit21 = bit(insn, 21);
    const unsigned size = field(insn, 23, 22);

    if (bit(insn, 24)) {
        if (!bit(insn, 10)) {
            return simd_decode_by_element(insn, features, scalar, op);
        }
        if (bit(insn, 23)) {
            return false;
        }
        if (field(insn, 22, 19) != 0) {
            return simd_decode_shift_imm(insn, features, scalar, op);
        }
        return !scalar && simd_decode_modified_imm(insn, features, op);
    }
    if (class_bit21) {
        if (bit(insn, 10)) {
            return simd_decode_three_same(insn, features, scalar, op);
        }
        if (!bit(insn, 11)) {
            return simd_decode_three_different(insn, features, scalar, op);
        }
        switch (field(insn, 21, 17)) {
        case 0x10:
            return simd_decode_two_misc(insn, features, scalar, op);
        case 0x18:
            return scalar ? simd_decode_pairwise(insn, features, op)
                          : simd_decode_across(insn, features, op);
        case 0x1c:
            return bit(insn, 22) && simd_decode_two_misc_fp16(insn, features, scalar, op);
        case 0x14:
            return simd_decode_crypto(insn, features, op);
        default:
            return false;
        }
    }
    if (bit(insn, 10)) {
        if (bit(insn, 15)) {
            return simd_decode_three_same_extra(insn, features, scalar, op);
        }
        if (size == 0) {
            return simd_decode_copy(insn, scalar, op);
        }
        return bit(insn, 22) && !bit(insn, 14) &&
               simd_decode_three_same_fp16(insn, features, scalar, op);
    }
    if (bit(insn, 15)) {
        return false;
    }
    if (scalar) {
        return simd_decode_crypto(insn, features, op);
    }
    if (u) {
        return simd_decode_extract(insn, op);
    }
    return bit(insn, 11) ? simd_decode_permute(insn, op) : simd_decode_table(insn, op);
}

bool a64_simd_decode(uint32_t insn, uint64_t features, struct a64_simd_op *op)
{
    *op = (struct a64_simd_op){
        .rd = (uint8_t)field(insn, 4, 0),
        .rn = (uint8_t)field(insn, 9, 5),
        .rm = (uint8_t)field(insn, 20, 16),
    };
    if (field(insn, 27, 25) != 7) {
        return false;
    }
    if (field(insn, 31, 24) == 0xce) {
        return simd_decode_crypto(insn, features, op);
    }
    if (!bit(insn, 28)) {
        return !bit(insn, 31) && decode_simd(insn, features, false, op);
    }
    if (bit(insn, 30)) {
        return !bit(insn, 31) && decode_simd(insn, features, true, op);
    }
    return simd_decode_scalar_fp(insn, features, op);
}
