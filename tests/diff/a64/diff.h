/*
 * The differential harness: random cases of each encoding class go to an implementation under test
 * and to the native program (native.c, run by qemu-aarch64), and all of the state is compared.
 *
 * An implementation is an adapter: a table of classes and a function that executes one instruction.
 */
#ifndef DIFF_H
#define DIFF_H

#include "diff_state.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Instructions with (insn & mask) == value; the other bits are random. */
struct diff_class {
    uint32_t mask;
    uint32_t value;
    const char *name;
};

/* A pseudo-random sequence (splitmix64), reproducible from the seed that the harness prints. */
struct diff_random {
    uint64_t state;
};

uint64_t diff_random_next(struct diff_random *r);
uint32_t diff_random_below(struct diff_random *r, uint32_t bound);

/* Integers and floating-point numbers at the edges of what `bits` (8 to 64) hold. */
uint64_t diff_random_corner(struct diff_random *r, unsigned bits);

struct diff_adapter {
    const char *name;
    const struct diff_class *classes;
    size_t class_count;
    /* Executes state->insn on the state and sets state->status. */
    void (*execute)(struct diff_state *state);
    /* May change a random state before it is used (set base registers for loads and so on). */
    void (*prepare)(struct diff_state *state, struct diff_random *random);
    /* Whether this unallocated instruction makes the native side abort: UDF is sent in its place. */
    bool (*aborts)(uint32_t insn);
    /* NULL, or why the native side's answer to this instruction is not to be believed. */
    const char *(*excuse)(const struct diff_state *before);
    /* Prints what of the implementation no case reached; returns how much that is. */
    size_t (*report)(void);
};

/* The one adapter that the program is linked with. */
extern const struct diff_adapter diff_adapter;

#endif
