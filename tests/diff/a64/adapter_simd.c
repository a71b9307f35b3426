/*
 * The adapter for scalar floating point, Advanced SIMD and cryptographic instructions.
 *
DIFF_SRCS: vcpu/a64/src/fp_*.c vcpu/a64/src/simd_*.c
 */
#include "diff.h"
#include "simd.h"

#include <stdio.h>
#include <string.h>

/* Everything that the table of functions implements and the oracle (-cpu max) has. */
#define FEATURES                                                                                   \
    (A64_FEAT_RDM | A64_FEAT_FP16 | A64_FEAT_DOTPROD | A64_FEAT_AES | A64_FEAT_PMULL |             \
     A64_FEAT_SHA1 | A64_FEAT_SHA256 | A64_FEAT_SHA512 | A64_FEAT_SHA3 | A64_FEAT_SM3 |            \
     A64_FEAT_SM4 | A64_FEAT_FCMA | A64_FEAT_JSCVT | A64_FEAT_FHM | A64_FEAT_FRINTTS |             \
     A64_FEAT_I8MM)

/* DDI 0487 C4.1, in its order. */
static const struct diff_class classes[] = {
    {0xff3e0c00u, 0x4e280800u, "Cryptographic AES"},
    {0xff208c00u, 0x5e000000u, "Cryptographic three-register SHA"},
    {0xff3e0c00u, 0x5e280800u, "Cryptographic two-register SHA"},
    {0xdfe08400u, 0x5e000400u, "SIMD scalar copy"},
    {0xdf60c400u, 0x5e400400u, "SIMD scalar three same FP16"},
    {0xdf7e0c00u, 0x5e780800u, "SIMD scalar two-register misc FP16"},
    {0xdf208400u, 0x5e008400u, "SIMD scalar three same extra"},
    {0xdf3e0c00u, 0x5e200800u, "SIMD scalar two-register misc"},
    {0xdf3e0c00u, 0x5e300800u, "SIMD scalar pairwise"},
    {0xdf200c00u, 0x5e200000u, "SIMD scalar three different"},
    {0xdf200400u, 0x5e200400u, "SIMD scalar three same"},
    {0xdf800400u, 0x5f000400u, "SIMD scalar shift by immediate"},
    {0xdf000400u, 0x5f000000u, "SIMD scalar by element"},
    {0xbf208c00u, 0x0e000000u, "SIMD table lookup"},
    {0xbf208c00u, 0x0e000800u, "SIMD permute"},
    {0xbf208400u, 0x2e000000u, "SIMD extract"},
    {0x9fe08400u, 0x0e000400u, "SIMD copy"},
    {0x9f60c400u, 0x0e400400u, "SIMD three same FP16"},
    {0x9f7e0c00u, 0x0e780800u, "SIMD two-register misc FP16"},
    {0x9f208400u, 0x0e008400u, "SIMD three same extra"},
    {0x9f3e0c00u, 0x0e200800u, "SIMD two-register misc"},
    {0x9f3e0c00u, 0x0e300800u, "SIMD across lanes"},
    {0x9f200c00u, 0x0e200000u, "SIMD three different"},
    {0x9f200400u, 0x0e200400u, "SIMD three same"},
    {0x9ff80400u, 0x0f000400u, "SIMD modified immediate"},
    {0x9f800400u, 0x0f000400u, "SIMD shift by immediate"},
    {0x9f000400u, 0x0f000000u, "SIMD by element"},
    {0xffe0c000u, 0xce408000u, "Cryptographic three-register, imm2"},
    {0xffe0b000u, 0xce608000u, "Cryptographic three-register SHA512"},
    {0xff808000u, 0xce000000u, "Cryptographic four-register"},
    {0xffe00000u, 0xce800000u, "XAR"},
    {0xfffff000u, 0xcec08000u, "Cryptographic two-register SHA512"},
    {0x7f200000u, 0x1e000000u, "FP/fixed-point conversion"},
    {0x7f20fc00u, 0x1e200000u, "FP/integer conversion"},
    {0xff207c00u, 0x1e204000u, "FP one source"},
    {0xff203c00u, 0x1e202000u, "FP compare"},
    {0xff201c00u, 0x1e201000u, "FP immediate"},
    {0xff200c00u, 0x1e200400u, "FP conditional compare"},
    {0xff200c00u, 0x1e200800u, "FP two source"},
    {0xff200c00u, 0x1e200c00u, "FP conditional select"},
    {0xff000000u, 0x1f000000u, "FP three source"},
    {0x5e000000u, 0x1e000000u, "all of scalar FP"},
    {0xdf000000u, 0x5e000000u, "all of SIMD scalar"},
    {0x9f000000u, 0x0e000000u, "all of SIMD three registers"},
    {0xff000000u, 0xce000000u, "all of the newer cryptographic"},
};

static uint32_t reached[4096 / 32];

static void execute(struct diff_state *s)
{
    struct a64_simd_op op;
    struct a64_regs regs;

    if (!a64_simd_decode(s->insn, FEATURES, &op)) {
        s->status = DIFF_UNDEFINED;
        return;
    }
    reached[op.fn / 32] |= 1u << (op.fn % 32);
    memset(&regs, 0, sizeof(regs));
    memcpy(regs.x, s->x, sizeof(s->x));
    regs.nzcv = s->nzcv;
    regs.fpcr = s->fpcr;
    regs.fpsr = s->fpsr;
    memcpy(regs.v, s->v, sizeof(s->v));
    a64_simd_table[op.fn].fn(&regs, &op);
    memcpy(s->x, regs.x, sizeof(s->x));
    if (regs.x[A64_X_ZERO] != 0 ||
        (regs.nzcv != s->nzcv && (a64_simd_table[op.fn].flags & A64_SIMD_WRITES_NZCV) == 0)) {
        printf("  %s broke the rules of its table entry\n", a64_simd_table[op.fn].name);
        s->status = DIFF_FAULT;
        return;
    }
    s->nzcv = regs.nzcv;
    s->fpcr = regs.fpcr;
    s->fpsr = regs.fpsr;
    memcpy(s->v, regs.v, sizeof(s->v));
    s->pc += 4;
    s->status = DIFF_OK;
}

/*
 * QEMU 7.2 ends itself (an assertion) at the encodings that would be FABS, FNEG and FSQRT of a half
 * precision scalar in the Advanced SIMD class, and FRECPX of a vector of them.
 */
static bool aborts(uint32_t insn)
{
    const uint32_t key = insn & 0xfffffc00u;

    return key == 0x5ef8f800u || key == 0x7ef8f800u || key == 0x7ef9f800u ||
           (key & 0xbfffffffu) == 0x0ef9f800u;
}

/* What the oracle is known to have wrong, or has and we do not offer. */
static const struct {
    uint32_t mask;
    uint32_t value;
    const char *reason;
} excuses[] = {
    {0xff7ecc00u, 0x5e70c800u, "QEMU 7.2 takes size x1 for half precision"},
    {0xbf7e8c00u, 0x0e708800u, "QEMU 7.2 takes size x1 for half precision"},
    {0xfff0fc00u, 0x5f10fc00u, "QEMU 7.2 sign-extends FCVTZS Hd, #fbits to 32 bits"},
    {0xbff8fc00u, 0x2f00fc00u, "QEMU 7.2 takes FMOV (half) with op = 1"},
    {0xbfe0fc00u, 0x2e40fc00u, "FEAT_BF16 is not offered"}, /* BFDOT */
    {0xffe0fc00u, 0x6e40ec00u, "FEAT_BF16 is not offered"}, /* BFMMLA */
    {0xbfe0fc00u, 0x2ec0fc00u, "FEAT_BF16 is not offered"}, /* BFMLAL */
    {0xbfc0f400u, 0x0f40f000u, "FEAT_BF16 is not offered"}, /* BFDOT by element */
    {0xbfc0f400u, 0x0fc0f000u, "FEAT_BF16 is not offered"}, /* BFMLAL by element */
    {0xfffffc00u, 0x1e634000u, "FEAT_BF16 is not offered"}, /* BFCVT */
    {0xbffffc00u, 0x0ea16800u, "FEAT_BF16 is not offered"}, /* BFCVTN */
};

static const char *excuse(const struct diff_state *before)
{
    for (unsigned i = 0; i < sizeof(excuses) / sizeof(excuses[0]); i++) {
        if ((before->insn & excuses[i].mask) == excuses[i].value) {
            return excuses[i].reason;
        }
    }
    const uint64_t n = before->v[(before->insn >> 5) & 31u][0];
    if ((before->insn & 0xfffffc00u) == 0x1e7e0000u && (before->fpcr & 1u << 24) != 0 && n != 0 &&
        n >> 52 == 0) {
        return "QEMU 7.2 sets Z for FJCVTZS of a flushed denormal (its issue 2375)";
    }
    return NULL;
}

static size_t report(void)
{
    size_t missing = 0;

    for (unsigned i = 0; i < a64_simd_table_size; i++) {
        if ((reached[i / 32] & 1u << (i % 32)) == 0) {
            printf("not reached: %s (entry %u)\n", a64_simd_table[i].name, i);
            missing++;
        }
    }
    printf("%u functions in the table, %zu not reached\n", a64_simd_table_size, missing);
    return missing;
}

const struct diff_adapter diff_adapter = {
    .name = "vml a64 SIMD and FP",
    .classes = classes,
    .class_count = sizeof(classes) / sizeof(classes[0]),
    .execute = execute,
    .aborts = aborts,
    .excuse = excuse,
    .report = report,
};
