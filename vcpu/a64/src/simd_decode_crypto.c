/* Decoding of the cryptographic classes (DDI 0487 C4.1, "Cryptographic ..."). */
#include "simd_decode.h"

struct crypto_row {
    uint32_t mask;
    uint32_t value;
    uint64_t feature;
    uint16_t fn;
};

#define TWO_REGISTERS   0xfffffc00u
#define THREE_REGISTERS 0xffe0fc00u
#define FOUR_REGISTERS  0xffe08000u
#define WITH_IMM6       0xffe00000u
#define WITH_IMM2       0xffe0cc00u

static const struct crypto_row rows[] = {
    {TWO_REGISTERS, 0x4e284800u, A64_FEAT_AES, SIMD_aese},
    {TWO_REGISTERS, 0x4e285800u, A64_FEAT_AES, SIMD_aesd},
    {TWO_REGISTERS, 0x4e286800u, A64_FEAT_AES, SIMD_aesmc},
    {TWO_REGISTERS, 0x4e287800u, A64_FEAT_AES, SIMD_aesimc},
    {THREE_REGISTERS, 0x5e000000u, A64_FEAT_SHA1, SIMD_sha1c},
    {THREE_REGISTERS, 0x5e001000u, A64_FEAT_SHA1, SIMD_sha1p},
    {THREE_REGISTERS, 0x5e002000u, A64_FEAT_SHA1, SIMD_sha1m},
    {THREE_REGISTERS, 0x5e003000u, A64_FEAT_SHA1, SIMD_sha1su0},
    {THREE_REGISTERS, 0x5e004000u, A64_FEAT_SHA256, SIMD_sha256h},
    {THREE_REGISTERS, 0x5e005000u, A64_FEAT_SHA256, SIMD_sha256h2},
    {THREE_REGISTERS, 0x5e006000u, A64_FEAT_SHA256, SIMD_sha256su1},
    {TWO_REGISTERS, 0x5e280800u, A64_FEAT_SHA1, SIMD_sha1h},
    {TWO_REGISTERS, 0x5e281800u, A64_FEAT_SHA1, SIMD_sha1su1},
    {TWO_REGISTERS, 0x5e282800u, A64_FEAT_SHA256, SIMD_sha256su0},
    {FOUR_REGISTERS, 0xce000000u, A64_FEAT_SHA3, SIMD_eor3},
    {FOUR_REGISTERS, 0xce200000u, A64_FEAT_SHA3, SIMD_bcax},
    {FOUR_REGISTERS, 0xce400000u, A64_FEAT_SM3, SIMD_sm3ss1},
    {WITH_IMM6, 0xce800000u, A64_FEAT_SHA3, SIMD_xar},
    {WITH_IMM2, 0xce408000u, A64_FEAT_SM3, SIMD_sm3tt1a},
    {WITH_IMM2, 0xce408400u, A64_FEAT_SM3, SIMD_sm3tt1b},
    {WITH_IMM2, 0xce408800u, A64_FEAT_SM3, SIMD_sm3tt2a},
    {WITH_IMM2, 0xce408c00u, A64_FEAT_SM3, SIMD_sm3tt2b},
    {THREE_REGISTERS, 0xce608000u, A64_FEAT_SHA512, SIMD_sha512h},
    {THREE_REGISTERS, 0xce608400u, A64_FEAT_SHA512, SIMD_sha512h2},
    {THREE_REGISTERS, 0xce608800u, A64_FEAT_SHA512, SIMD_sha512su1},
    {THREE_REGISTERS, 0xce608c00u, A64_FEAT_SHA3, SIMD_rax1},
    {THREE_REGISTERS, 0xce60c000u, A64_FEAT_SM3, SIMD_sm3partw1},
    {THREE_REGISTERS, 0xce60c400u, A64_FEAT_SM3, SIMD_sm3partw2},
    {THREE_REGISTERS, 0xce60c800u, A64_FEAT_SM4, SIMD_sm4ekey},
    {TWO_REGISTERS, 0xcec08000u, A64_FEAT_SHA512, SIMD_sha512su0},
    {TWO_REGISTERS, 0xcec08400u, A64_FEAT_SM4, SIMD_sm4e},
};

bool simd_decode_crypto(uint32_t insn, uint64_t features, struct a64_simd_op *op)
{
    for (unsigned i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const struct crypto_row *row = &rows[i];
        if ((insn & row->mask) != row->value) {
            continue;
        }
        if (row->mask == FOUR_REGISTERS) {
            op->ra = (uint8_t)field(insn, 14, 10);
        } else if (row->mask == WITH_IMM6) {
            op->imm = (uint16_t)field(insn, 15, 10);
        } else if (row->mask == WITH_IMM2) {
            op->imm = (uint16_t)field(insn, 13, 12);
        }
        return has(features, row->feature) && use(op, row->fn);
    }
    return false;
}
