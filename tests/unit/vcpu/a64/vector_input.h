/*
 * The state in which an instruction of vectors.h is executed: derived from the instruction alone, so
 * that the recorder (a program for a reference implementation) and the test make the same one.
 */
#ifndef VECTOR_INPUT_H
#define VECTOR_INPUT_H

#include <stdint.h>

#define VECTOR_BUFFER UINT64_C(0x40180000)
#define VECTOR_BYTES  0x4000u

struct vector_state {
    uint64_t x[31]; /* X29 and X30 are not touched by any vector */
    uint64_t sp;
    uint64_t v[32][2];
    uint32_t nzcv;
    uint32_t insn;
    uint32_t fpcr;
    uint32_t fpsr;
};

static inline uint64_t vector_random(uint64_t *seed)
{
    uint64_t z = *seed += UINT64_C(0x9e3779b97f4a7c15);

    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

/* Corner values as often as others. */
static inline uint64_t vector_value(uint64_t *seed)
{
    static const uint64_t corners[16] = {0,
                                         1,
                                         2,
                                         UINT64_MAX,
                                         UINT64_C(0x8000000000000000),
                                         UINT64_C(0x7fffffffffffffff),
                                         0xffffffff,
                                         0x80000000,
                                         0x7fffffff,
                                         UINT64_C(0x3ff0000000000000),
                                         UINT64_C(0x3f8000003f800000),
                                         UINT64_C(0x7ff00000ff800000),
                                         UINT64_C(0x7fc000007fa00001),
                                         UINT64_C(0x7ff8000000000000),
                                         UINT64_C(0x3c003c00bc007c00),
                                         63};
    uint64_t r = vector_random(seed);

    return r & 1 ? corners[r >> 1 & 15] : vector_random(seed);
}

static inline void vector_input(uint32_t insn, struct vector_state *s)
{
    uint64_t seed = insn;
    unsigned rn = insn >> 5 & 31, rm = insn >> 16 & 31;

    for (unsigned i = 0; i < 31; i++) {
        s->x[i] = vector_value(&seed);
    }
    for (unsigned i = 0; i < 32; i++) {
        s->v[i][0] = vector_value(&seed);
        s->v[i][1] = vector_value(&seed);
    }
    s->sp = VECTOR_BUFFER + 0x2000;
    s->nzcv = (uint32_t)(vector_random(&seed) & 15) << 28;
    s->insn = insn;
    s->fpcr = (uint32_t)(vector_random(&seed) & 15) << 22; /* rounding mode, FZ, DN */
    s->fpsr = 0;
    if ((insn & 0x0a000000) == 0x08000000) { /* loads and stores */
        if (rm < 29) {
            s->x[rm] = vector_random(&seed) & 0xff;
        }
        if (rn < 29) {
            s->x[rn] = VECTOR_BUFFER + 0x2000 + (vector_random(&seed) & 0x3f0);
        }
    }
}

static inline uint64_t vector_word(unsigned i)
{
    return i * UINT64_C(0x9e3779b97f4a7c15);
}

static inline uint64_t vector_digest(const struct vector_state *s, const uint64_t *buffer)
{
    uint64_t h = s->sp ^ s->nzcv ^ (uint64_t)s->fpsr << 32;

    for (unsigned i = 0; i < 29; i++) {
        h = (h ^ s->x[i]) * UINT64_C(0x100000001b3);
        h ^= h >> 29;
    }
    for (unsigned i = 0; i < 64; i++) {
        h = (h ^ s->v[i / 2][i & 1]) * UINT64_C(0x100000001b3);
        h ^= h >> 29;
    }
    for (unsigned i = 0; i < VECTOR_BYTES / 8; i++) {
        h = (h ^ buffer[i]) * UINT64_C(0x100000001b3);
        h ^= h >> 29;
    }
    return h;
}

#endif
