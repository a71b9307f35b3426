/* Small programs for the tests, assembled; the comments are what was assembled. */
#ifndef PROGRAMS_H
#define PROGRAMS_H

#include <stdint.h>

static const uint32_t count_exclusive[] = {
    0xd2a80001, /* mov x1, #0x40000000 */
    0x91401021, /* add x1, x1, #0x4, lsl #12 */
    0xd289c402, /* mov x2, #0x4e20 */
    0xc85ffc23, /* ldaxr x3, [x1] */
    0x91000463, /* add x3, x3, #0x1 */
    0xc804fc23, /* stlxr w4, x3, [x1] */
    0x35ffffa4, /* cbnz w4, . -12 */
    0xd1000442, /* sub x2, x2, #0x1 */
    0xb5ffff62, /* cbnz x2, . -20 */
    0xd4000002, /* hvc #0x0 */
    0x14000000, /* b . +0 */
};

static const uint32_t count_atomic[] = {
    0xd2a80001, /* mov x1, #0x40000000 */
    0x91401021, /* add x1, x1, #0x4, lsl #12 */
    0xd289c402, /* mov x2, #0x4e20 */
    0xd2800023, /* mov x3, #0x1 */
    0xf8e30024, /* ldaddal x3, x4, [x1] */
    0xd1000442, /* sub x2, x2, #0x1 */
    0xb5ffffc2, /* cbnz x2, . -8 */
    0xd4000002, /* hvc #0x0 */
    0x14000000, /* b . +0 */
};

static const uint32_t count_compare_swap[] = {
    0xd2a80001, /* mov x1, #0x40000000 */
    0x91401021, /* add x1, x1, #0x4, lsl #12 */
    0xd289c402, /* mov x2, #0x4e20 */
    0xf9400023, /* ldr x3, [x1] */
    0x91000464, /* add x4, x3, #0x1 */
    0xaa0303e5, /* mov x5, x3 */
    0xc8e5fc24, /* casal x5, x4, [x1] */
    0xeb0300bf, /* cmp x5, x3 */
    0x54ffff61, /* b.ne . -20 */
    0xd1000442, /* sub x2, x2, #0x1 */
    0xb5ffff22, /* cbnz x2, . -28 */
    0xd4000002, /* hvc #0x0 */
    0x14000000, /* b . +0 */
};

static const uint32_t message_writer[] = {
    0xd2a80001, /* mov x1, #0x40000000 */
    0x91401421, /* add x1, x1, #0x5, lsl #12 */
    0xd289c402, /* mov x2, #0x4e20 */
    0xd2800003, /* mov x3, #0x0 */
    0x91040026, /* add x6, x1, #0x100 */
    0x91000463, /* add x3, x3, #0x1 */
    0xf9000023, /* str x3, [x1] */
    0xd5033bbf, /* dmb ish */
    0xf90000c3, /* str x3, [x6] */
    0xeb02007f, /* cmp x3, x2 */
    0x54ffff61, /* b.ne . -20 */
    0xd4000002, /* hvc #0x0 */
    0x14000000, /* b . +0 */
};

static const uint32_t message_reader[] = {
    0xd2a80001, /* mov x1, #0x40000000 */
    0x91401421, /* add x1, x1, #0x5, lsl #12 */
    0xd289c402, /* mov x2, #0x4e20 */
    0x91040026, /* add x6, x1, #0x100 */
    0xd2800007, /* mov x7, #0x0 */
    0xc8dffcc3, /* ldar x3, [x6] */
    0xf9400024, /* ldr x4, [x1] */
    0xeb03009f, /* cmp x4, x3 */
    0x9a8724e7, /* cinc x7, x7, cc */
    0xeb02007f, /* cmp x3, x2 */
    0x54ffff61, /* b.ne . -20 */
    0xaa0703e0, /* mov x0, x7 */
    0xd4000002, /* hvc #0x0 */
    0x14000000, /* b . +0 */
};

static const uint32_t invalidate[] = {
    0xd280fa02, /* mov x2, #0x7d0 */
    0xd508831f, /* tlbi vmalle1is */
    0xd5033b9f, /* dsb ish */
    0xd5033fdf, /* isb */
    0xd1000442, /* sub x2, x2, #0x1 */
    0xb5ffff82, /* cbnz x2, . -16 */
    0xd4000002, /* hvc #0x0 */
    0x14000000, /* b . +0 */
};

static const uint32_t modify_code[] = {
    0x100001c1, /* adr x1, . +56 */
    0x100001e2, /* adr x2, . +60 */
    0xb9400043, /* ldr w3, [x2] */
    0x9400000b, /* bl . +44 */
    0xaa0003e5, /* mov x5, x0 */
    0xb9000023, /* str w3, [x1] */
    0xd50b7b21, /* dc cvau, x1 */
    0xd5033b9f, /* dsb ish */
    0xd50b7521, /* ic ivau, x1 */
    0xd5033b9f, /* dsb ish */
    0xd5033fdf, /* isb */
    0x94000003, /* bl . +12 */
    0xd4000002, /* hvc #0x0 */
    0x14000000, /* b . +0 */
    0xd2800020, /* mov x0, #0x1 */
    0xd65f03c0, /* ret */
    0xd2800040, /* mov x0, #0x2 */
    0xd65f03c0, /* ret */
};

static const uint32_t mixed_loop[] = {
    0xd2800000, /* mov x0, #0x0 */
    0xd2807d01, /* mov x1, #0x3e8 */
    0x8b010000, /* add x0, x0, x1 */
    0xca010c02, /* eor x2, x0, x1, lsl #3 */
    0xf90007e2, /* str x2, [sp, #8] */
    0xf94007e3, /* ldr x3, [sp, #8] */
    0xeb00007f, /* cmp x3, x0 */
    0x9a9f97e4, /* cset x4, hi */
    0xd1000421, /* sub x1, x1, #0x1 */
    0xb5ffff21, /* cbnz x1, . -28 */
    0x17fffff6, /* b . -40 */
};

#endif
