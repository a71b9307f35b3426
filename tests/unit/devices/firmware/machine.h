/* A machine of four vCPUs in two clusters, that one thread plays. */
#ifndef TESTS_FIRMWARE_MACHINE_H
#define TESTS_FIRMWARE_MACHINE_H

#include "test.h"

#include <vml/psci.h>
#include <vml/pvtime.h>
#include <vml/trng.h>

#define CPUS     4
#define RAM_BASE UINT64_C(0x40000000)
#define RAM_SIZE UINT64_C(0x10000)
#define ENTRY    (RAM_BASE + 0x1000)

struct machine {
    struct vml_cpu cpu[CPUS];
    struct vml_cpu *pointers[CPUS];
    struct vml_cpu *sorted[CPUS];
    struct vml_cpu_set set;
    struct vml_lifecycle lifecycle;
    struct vml_psci psci;
    struct vml_trng trng;
    struct vml_smccc smccc;
    struct vml_virtual_clock clock;
    struct vml_as as;
    _Alignas(8) uint8_t as_storage[VML_AS_STORAGE(4)];
    struct vml_as_region region;
    struct vml_psci_config psci_config; /* change, then machine_remake() */
    struct vml_smccc_config config;     /* likewise */
    struct vml_lifecycle_event events[4];
    unsigned event_count;
    unsigned results;                 /* registers that the next call may change; 0: four */
    enum vml_lifecycle_action action; /* what the embedder's hook answers */
};

extern struct machine m;

void machine_make(void);
void machine_remake(void);
void machine_destroy(void);
/* Takes a vCPU from OFF to ON. */
void machine_bring_up(uint32_t cpu);
/* One call by a vCPU; the answer is X0, all of the call is in `last`. */
int64_t call_by(uint32_t cpu, uint32_t fid, uint64_t x1, uint64_t x2, uint64_t x3);
extern struct vml_smccc_call last;

#define call0(fid)          call_by(0, fid, 0, 0, 0)
#define call1(fid, a)       call_by(0, fid, a, 0, 0)
#define call2(fid, a, b)    call_by(0, fid, a, b, 0)
#define call3(fid, a, b, c) call_by(0, fid, a, b, c)

#endif
