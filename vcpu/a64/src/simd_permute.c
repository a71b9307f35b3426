/* Permutes, extract, table lookups, reversals, and copies between elements and general registers. */
#include "simd_lanes.h"

/* expr is the lane i of the result, from vn and vm; `half` is count / 2. */
#define PERMUTE(fn, f, T, count, expr)                                                             \
    SIMD_FN(fn)                                                                                    \
    {                                                                                              \
        const union a64_vreg vn = regs->v[op->rn];                                                 \
        const union a64_vreg vm = regs->v[op->rm];                                                 \
        union a64_vreg r = {.d = {0, 0}};                                                          \
        for (unsigned i = 0; i < (count) / 2; i++) {                                               \
            const unsigned half = (count) / 2;                                                     \
            (void)half;                                                                            \
            expr(f)                                                                                \
        }                                                                                          \
        regs->v[op->rd] = r;                                                                       \
    }

#define UZP(f, odd)                                                                                \
    r.f[i] = vn.f[2 * i + (odd)];                                                                  \
    r.f[half + i] = vm.f[2 * i + (odd)];
#define TRN(f, odd)                                                                                \
    r.f[2 * i] = vn.f[2 * i + (odd)];                                                              \
    r.f[2 * i + 1] = vm.f[2 * i + (odd)];
#define ZIP(f, upper)                                                                              \
    r.f[2 * i] = vn.f[((upper) ? half : 0) + i];                                                   \
    r.f[2 * i + 1] = vm.f[((upper) ? half : 0) + i];
#define UZP1(f) UZP(f, 0)
#define UZP2(f) UZP(f, 1)
#define TRN1(f) TRN(f, 0)
#define TRN2(f) TRN(f, 1)
#define ZIP1(f) ZIP(f, 0)
#define ZIP2(f) ZIP(f, 1)

SIMD_B7(PERMUTE, uzp1, uint, UZP1)
SIMD_B7(PERMUTE, uzp2, uint, UZP2)
SIMD_B7(PERMUTE, trn1, uint, TRN1)
SIMD_B7(PERMUTE, trn2, uint, TRN2)
SIMD_B7(PERMUTE, zip1, uint, ZIP1)
SIMD_B7(PERMUTE, zip2, uint, ZIP2)

/* EXT: `imm` is the index of the first byte in Vm:Vn, in bits. */
static inline uint64_t extract(uint64_t low, uint64_t high, unsigned shift)
{
    return (low >> shift) | (high << 1 << (63 - shift));
}

SIMD_FN(ext_8b)
{
    const uint64_t n = regs->v[op->rn].d[0];
    const uint64_t m = regs->v[op->rm].d[0];

    regs->v[op->rd].d[0] = extract(n, m, op->imm);
    regs->v[op->rd].d[1] = 0;
}

SIMD_FN(ext_16b)
{
    const union a64_vreg n = regs->v[op->rn];
    const union a64_vreg m = regs->v[op->rm];

    if (op->imm < 64) {
        regs->v[op->rd].d[0] = extract(n.d[0], n.d[1], op->imm);
        regs->v[op->rd].d[1] = extract(n.d[1], m.d[0], op->imm);
    } else {
        regs->v[op->rd].d[0] = extract(n.d[1], m.d[0], op->imm - 64u);
        regs->v[op->rd].d[1] = extract(m.d[0], m.d[1], op->imm - 64u);
    }
}

/* `imm` is the number of table registers, which wrap from V31 to V0. */
static inline void table_lookup(struct a64_regs *regs, const struct a64_simd_op *op, unsigned count,
                                bool keep)
{
    const union a64_vreg index = regs->v[op->rm];
    const union a64_vreg old = regs->v[op->rd];
    union a64_vreg r = {.d = {0, 0}};

    for (unsigned i = 0; i < count; i++) {
        const unsigned reg = index.b[i] / 16u;
        if (reg < op->imm) {
            r.b[i] = regs->v[(op->rn + reg) % 32u].b[index.b[i] % 16u];
        } else if (keep) {
            r.b[i] = old.b[i];
        }
    }
    regs->v[op->rd] = r;
}

SIMD_FN(tbl_8b)
{
    table_lookup(regs, op, 8, false);
}

SIMD_FN(tbl_16b)
{
    table_lookup(regs, op, 16, false);
}

SIMD_FN(tbx_8b)
{
    table_lookup(regs, op, 8, true);
}

SIMD_FN(tbx_16b)
{
    table_lookup(regs, op, 16, true);
}

/* Elements in containers of `per` lanes, reversed in each; `per` is a power of two. */
#define REVERSE(fn, f, count, per)                                                                 \
    SIMD_FN(fn)                                                                                    \
    {                                                                                              \
        const union a64_vreg vn = regs->v[op->rn];                                                 \
        union a64_vreg r = {.d = {0, 0}};                                                          \
        for (unsigned i = 0; i < (count); i++) {                                                   \
            r.f[i] = vn.f[i ^ ((per)-1u)];                                                         \
        }                                                                                          \
        regs->v[op->rd] = r;                                                                       \
    }

REVERSE(rev64_8b, b, 8, 8)
REVERSE(rev64_16b, b, 16, 8)
REVERSE(rev64_4h, h, 4, 4)
REVERSE(rev64_8h, h, 8, 4)
REVERSE(rev64_2s, s, 2, 2)
REVERSE(rev64_4s, s, 4, 2)
REVERSE(rev32_8b, b, 8, 4)
REVERSE(rev32_16b, b, 16, 4)
REVERSE(rev32_4h, h, 4, 2)
REVERSE(rev32_8h, h, 8, 2)
REVERSE(rev16_8b, b, 8, 2)
REVERSE(rev16_16b, b, 16, 2)

/* DUP from a general register; `ones` spreads a lane over 64 bits by multiplication. */
#define DUP_GENERAL(fn, T, ones, whole)                                                            \
    SIMD_FN(fn)                                                                                    \
    {                                                                                              \
        const uint64_t v = (T)regs->x[op->rn] * (ones);                                            \
        regs->v[op->rd].d[0] = v;                                                                  \
        regs->v[op->rd].d[1] = (whole) ? v : 0;                                                    \
    }

#define ONES_B UINT64_C(0x0101010101010101)
#define ONES_H UINT64_C(0x0001000100010001)
#define ONES_S UINT64_C(0x0000000100000001)

DUP_GENERAL(dup_gen_8b, uint8_t, ONES_B, false)
DUP_GENERAL(dup_gen_16b, uint8_t, ONES_B, true)
DUP_GENERAL(dup_gen_4h, uint16_t, ONES_H, false)
DUP_GENERAL(dup_gen_8h, uint16_t, ONES_H, true)
DUP_GENERAL(dup_gen_2s, uint32_t, ONES_S, false)
DUP_GENERAL(dup_gen_4s, uint32_t, ONES_S, true)
DUP_GENERAL(dup_gen_2d, uint64_t, UINT64_C(1), true)

/* `imm` is an element's index; in INS (element) `imm` is the destination's and `rm` the source's. */
#define COPIES(f)                                                                                  \
    SIMD_FN(dup_elem_##f)                                                                          \
    {                                                                                              \
        const lane_##f v = regs->v[op->rn].f[op->imm];                                             \
        union a64_vreg r = {.d = {0, 0}};                                                          \
        for (unsigned i = 0; i < op->ra; i++) {                                                    \
            r.f[i] = v;                                                                            \
        }                                                                                          \
        regs->v[op->rd] = r;                                                                       \
    }                                                                                              \
    SIMD_FN(ins_gen_##f)                                                                           \
    {                                                                                              \
        regs->v[op->rd].f[op->imm] = (lane_##f)regs->x[op->rn];                                    \
    }                                                                                              \
    SIMD_FN(ins_elem_##f)                                                                          \
    {                                                                                              \
        regs->v[op->rd].f[op->imm] = regs->v[op->rn].f[op->rm];                                    \
    }                                                                                              \
    SIMD_FN(umov_##f)                                                                              \
    {                                                                                              \
        regs->x[op->rd] = regs->v[op->rn].f[op->imm];                                              \
    }

COPIES(b)
COPIES(h)
COPIES(s)
COPIES(d)

SIMD_FN(smov_w_b)
{
    const int32_t v = (int8_t)regs->v[op->rn].b[op->imm];

    regs->x[op->rd] = (uint32_t)v;
}

SIMD_FN(smov_w_h)
{
    const int32_t v = (int16_t)regs->v[op->rn].h[op->imm];

    regs->x[op->rd] = (uint32_t)v;
}

SIMD_FN(smov_x_b)
{
    const int64_t v = (int8_t)regs->v[op->rn].b[op->imm];

    regs->x[op->rd] = (uint64_t)v;
}

SIMD_FN(smov_x_h)
{
    const int64_t v = (int16_t)regs->v[op->rn].h[op->imm];

    regs->x[op->rd] = (uint64_t)v;
}

SIMD_FN(smov_x_s)
{
    const int64_t v = (int32_t)regs->v[op->rn].s[op->imm];

    regs->x[op->rd] = (uint64_t)v;
}
