/* What the parts of the decoder share.  Tables of DDI 0487 C4.1 are named at each function. */
#ifndef VML_A64_SIMD_DECODE_H
#define VML_A64_SIMD_DECODE_H

#include "fp.h"
#include "simd_lanes.h"

static inline uint32_t field(uint32_t insn, unsigned high, unsigned low)
{
    return (insn >> low) & ((2u << (high - low)) - 1u);
}

static inline bool bit(uint32_t insn, unsigned n)
{
    return ((insn >> n) & 1u) != 0;
}

static inline bool has(uint64_t features, uint64_t wanted)
{
    return (features & wanted) == wanted;
}

/* A general register as a destination and as a source. */
static inline uint8_t x_dest(unsigned reg)
{
    return (uint8_t)(reg == 31 ? A64_X_SINK : reg);
}

static inline uint8_t x_source(unsigned reg)
{
    return (uint8_t)(reg == 31 ? A64_X_ZERO : reg);
}

/* The operation of that index; decoding has succeeded. */
static inline bool use(struct a64_simd_op *op, unsigned fn)
{
    op->fn = (uint16_t)fn;
    return true;
}

/* How a family of functions covers sizes, which decides what is reserved. */
enum simd_kind {
    KIND_NONE, /* unallocated */
    KIND_B6,   /* arrangements up to 4S */
    KIND_B7,   /* and 2D */
    KIND_B8,   /* and a D scalar */
    KIND_B4,   /* bytes and halfwords only */
    KIND_B2,   /* bytes only */
    KIND_E3,   /* lanes of B, H, S */
    KIND_E4,   /* lanes of B, H, S, D */
    KIND_E4D,  /* the same, but the only scalar is D */
    KIND_E2,   /* lanes of H, S */
    KIND_E1B,  /* lanes of B */
    KIND_E1S,  /* lanes of S */
    KIND_N6,   /* as B6, narrowing or lengthening: a scalar does not exist */
    KIND_N3,   /* lanes of B, H, S that are half of a source: `ra` has the half */
    KIND_P3,   /* lanes of B, H, S whose results are twice as wide */
};

struct simd_row {
    uint16_t fn;
    uint8_t kind;
    bool scalar;
};

static inline uint8_t simd_lane_count(unsigned size, bool q)
{
    return (uint8_t)((q ? 16u : 8u) >> size);
}

/* The functions of a row for a vector, and for a scalar; false for reserved sizes. */
bool simd_pick(struct a64_simd_op *op, struct simd_row row, unsigned size, bool q);
bool simd_pick_scalar(struct a64_simd_op *op, struct simd_row row, unsigned size);

/* Precisions in the order of LIST_F3. */
enum { TYPE_H = 0, TYPE_S = 1, TYPE_D = 2 };

bool simd_decode_scalar_fp(uint32_t insn, uint64_t features, struct a64_simd_op *op);
bool simd_decode_crypto(uint32_t insn, uint64_t features, struct a64_simd_op *op);

/* Classes that exist for vectors and, with `scalar`, for scalars. */
bool simd_decode_three_same(uint32_t insn, uint64_t features, bool scalar, struct a64_simd_op *op);
bool simd_decode_three_same_fp16(uint32_t insn, uint64_t features, bool scalar,
                                 struct a64_simd_op *op);
bool simd_decode_three_same_extra(uint32_t insn, uint64_t features, bool scalar,
                                  struct a64_simd_op *op);
bool simd_decode_three_different(uint32_t insn, uint64_t features, bool scalar,
                                 struct a64_simd_op *op);
bool simd_decode_two_misc(uint32_t insn, uint64_t features, bool scalar, struct a64_simd_op *op);
bool simd_decode_two_misc_fp16(uint32_t insn, uint64_t features, bool scalar,
                               struct a64_simd_op *op);
bool simd_decode_shift_imm(uint32_t insn, uint64_t features, bool scalar, struct a64_simd_op *op);
bool simd_decode_by_element(uint32_t insn, uint64_t features, bool scalar, struct a64_simd_op *op);
bool simd_decode_pairwise(uint32_t insn, uint64_t features, struct a64_simd_op *op);
bool simd_decode_across(uint32_t insn, uint64_t features, struct a64_simd_op *op);
bool simd_decode_copy(uint32_t insn, bool scalar, struct a64_simd_op *op);
bool simd_decode_modified_imm(uint32_t insn, uint64_t features, struct a64_simd_op *op);
bool simd_decode_table(uint32_t insn, struct a64_simd_op *op);
bool simd_decode_permute(uint32_t insn, struct a64_simd_op *op);
bool simd_decode_extract(uint32_t insn, struct a64_simd_op *op);

#endif
