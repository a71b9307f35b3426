/* VFPExpandImm: a floating-point constant from its eight bits. */
#ifndef VML_A64_SIMD_IMM_H
#define VML_A64_SIMD_IMM_H

#include <stdint.h>

static inline uint64_t fp_expand_imm64(unsigned imm8)
{
    const uint64_t b = (imm8 >> 6) & 1u;
    const uint64_t exp = ((b ^ 1u) << 10) | ((b * 0xffu) << 2) | ((imm8 >> 4) & 3u);

    return ((uint64_t)(imm8 >> 7) << 63) | (exp << 52) | ((uint64_t)(imm8 & 15u) << 48);
}

static inline uint32_t fp_expand_imm32(unsigned imm8)
{
    const uint32_t b = (imm8 >> 6) & 1u;
    const uint32_t exp = ((b ^ 1u) << 7) | ((b * 0x1fu) << 2) | ((imm8 >> 4) & 3u);

    return ((uint32_t)(imm8 >> 7) << 31) | (exp << 23) | ((uint32_t)(imm8 & 15u) << 19);
}

static inline uint16_t fp_expand_imm16(unsigned imm8)
{
    const uint32_t b = (imm8 >> 6) & 1u;
    const uint32_t exp = ((b ^ 1u) << 4) | ((b * 3u) << 2) | ((imm8 >> 4) & 3u);

    return (uint16_t)(((imm8 >> 7) << 15) | (exp << 10) | ((imm8 & 15u) << 6));
}

#endif
