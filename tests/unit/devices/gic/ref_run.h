/* Random operations on the library and on the model side by side; a difference shrinks to a trace. */
#ifndef REF_RUN_H
#define REF_RUN_H

#include <stdbool.h>
#include <stdint.h>

struct ref_setup {
    const char *name;
    uint32_t version, cpus, spis, eppis, espis;
    bool clusters; /* affinities that differ in every field */
    uint32_t lrs;  /* delivery through so many list registers; 0: the emulated CPU interface */
};

/* Runs about `operations`, in episodes that each start from reset.
 * Returns whether all agreed; else prints the shortest trace that it found. */
bool ref_run(const struct ref_setup *setup, uint64_t operations, uint64_t seed);

/* From VML_GIC_REF_OPS and VML_GIC_REF_SEED, else the default. */
uint64_t ref_from_environment(const char *name, uint64_t otherwise);

#endif
