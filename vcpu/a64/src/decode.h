/* The parts of the decoder. */
#ifndef VML_A64_DECODE_H
#define VML_A64_DECODE_H

#include "core.h"

struct a64_decoder {
    uint64_t features;
    uint32_t insn;
    uint32_t offset; /* of the instruction in its page */
    bool alone;
    struct a64_op *op;
};

static inline uint32_t field(const struct a64_decoder *d, unsigned hi, unsigned lo)
{
    return (d->insn >> lo) & (UINT32_MAX >> (31u - (hi - lo)));
}

static inline bool bit(const struct a64_decoder *d, unsigned n)
{
    return (d->insn >> n) & 1u;
}

static inline int32_t sfield(const struct a64_decoder *d, unsigned hi, unsigned lo)
{
    return (int32_t)(d->insn << (31u - hi)) >> (31u - hi + lo);
}

static inline bool has(const struct a64_decoder *d, uint64_t feature)
{
    return (d->features & feature) != 0;
}

/* Slots: read with 31 = XZR, written with 31 = XZR, and 31 = SP. */
static inline uint8_t reg_read(uint32_t r)
{
    return (uint8_t)r;
}

static inline uint8_t reg_write(uint32_t r)
{
    return (uint8_t)(r == 31 ? A64_X_SINK : r);
}

static inline uint8_t reg_sp(uint32_t r)
{
    return (uint8_t)(r == 31 ? A64_X_SP : r);
}

/* The 64- or 32-bit variant of an operation of A64_BOTH. */
#define SIZED(d, name) (bit(d, 31) ? A64_OP_##name##64 : A64_OP_##name##32)

enum a64_op_id a64_decode_register(const struct a64_decoder *d);
enum a64_op_id a64_decode_memory(const struct a64_decoder *d);
enum a64_op_id a64_decode_branch(const struct a64_decoder *d);

#endif
