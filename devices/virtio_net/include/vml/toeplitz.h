/**
 * @file
 * @brief The Toeplitz hash, by which network devices spread flows over queues.
 *
 * Each bit of the input that is set adds, by exclusive or, the 32 bits of the key that begin where
 * that bit is.  Here what four bits add is looked up: one cache line for each half of a byte.
 * @addtogroup vml_virtio_net
 * @{
 */
#ifndef VML_TOEPLITZ_H
#define VML_TOEPLITZ_H

#include <vml/arch.h>
#include <vml/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/** @brief Bytes of the longest input: two IPv6 addresses and two ports. */
#define VML_TOEPLITZ_INPUT 36u
/** @brief Bytes of a key: all that the longest input uses. */
#define VML_TOEPLITZ_KEY (VML_TOEPLITZ_INPUT + 4u)

/** @brief A key, made ready. Members are private. */
struct vml_toeplitz {
    uint32_t rows[2u * VML_TOEPLITZ_INPUT][16]; /**< what the halves of the input's bytes add */
};

/** @brief Makes a key ready. @param key all of it; a shorter key goes on with zeroes */
static inline void vml_toeplitz_set_key(struct vml_toeplitz *t, const uint8_t key[VML_TOEPLITZ_KEY])
{
    uint64_t window =
        (uint64_t)key[0] << 24 | (uint32_t)key[1] << 16 | (uint32_t)key[2] << 8 | (uint32_t)key[3];

    for (uint32_t i = 0; i < VML_TOEPLITZ_INPUT; i++) {
        window = window << 8 | key[i + 4];
        for (uint32_t half = 0; half < 2; half++) {
            uint32_t *row = t->rows[2 * i + half];

            for (uint32_t bit = 0; bit < 4; bit++) {
                uint32_t first = 8u >> bit;

                /* Those with this bit only, and with it and some of the bits below. */
                row[first] = (uint32_t)(window >> (8 - 4 * half - bit));
            }
            row[0] = 0;
            for (uint32_t v = 3; v < 16; v++) {
                row[v] = row[v & (v - 1)] ^ row[v & (0u - v)];
            }
        }
    }
}

/** @brief The hash of an input. @param len a multiple of 4, at most VML_TOEPLITZ_INPUT */
static inline uint32_t vml_toeplitz_hash(const struct vml_toeplitz *t, const uint8_t *input,
                                         uint32_t len)
{
    const uint32_t(*row)[16] = t->rows;
    uint32_t hash = 0;

    for (const uint8_t *end = input + len; input != end; input += 4, row += 8) {
        uint32_t w = vml_load_le32(input);

        hash ^= row[0][w >> 4 & 15u] ^ row[1][w & 15u];
        hash ^= row[2][w >> 12 & 15u] ^ row[3][w >> 8 & 15u];
        hash ^= row[4][w >> 20 & 15u] ^ row[5][w >> 16 & 15u];
        hash ^= row[6][w >> 28] ^ row[7][w >> 24 & 15u];
    }
    return hash;
}

#ifdef __cplusplus
}
#endif
/** @} */
#endif
