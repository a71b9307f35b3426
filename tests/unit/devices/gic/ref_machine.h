/* The library and the model side by side: runs operations on both and says where they differ. */
#ifndef REF_MACHINE_H
#define REF_MACHINE_H

#include "ref_gic.h"
#include "ref_run.h"

enum ref_kind {
    OP_ACCESS,
    OP_LEVEL,
    OP_PULSE,
    OP_MESSAGE,
    OP_TAKE,
    OP_END,
    OP_DEACTIVATE,
    OP_RESET,
    OP_SAVE
};

/* Self-contained, so that an episode without some of its operations still means something. */
struct ref_op {
    enum ref_kind kind;
    enum ref_frame frame;
    uint32_t cpu, size, intid;
    bool flag; /* write; level; group 1 */
    uint64_t offset, value;
};

/* An ICC_ register, as ref_access() wants it. */
#define ICC_ENC(crn, crm, op2) (3u << 14 | (crn) << 7 | (crm) << 3 | (op2))

/* Affinities of machines with `clusters`. */
extern const uint64_t ref_clusters[REF_CPUS];

struct machine;
struct machine *machine_new(const struct ref_setup *setup);
void machine_free(struct machine *m);

/* Runs operations from reset, and compares all registers after every `every` of them.
 * Returns the index of the operation after which there is a difference, or `count`. */
uint32_t machine_run(struct machine *m, const struct ref_op *ops, uint32_t count, uint32_t every);

/* What differed last. */
const char *machine_why(const struct machine *m);

#endif
