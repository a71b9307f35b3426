/*
 * A second model of the GIC, to be compared with the library: one struct for each interrupt, every
 * question answered by a loop over all of them, written from the words of IHI 0048B (version 2) and
 * IHI 0069H (version 3, one security state).  It includes nothing of the library.
 *
 * What the architecture leaves open is chosen as the library's header says it chooses; and:
 *
 *  - an EOIR that names another interrupt than the one whose priority is dropped (UNPREDICTABLE)
 *    drops, and deactivates what it names; one for which no priority is active does nothing;
 *  - DIR without EOImode (UNPREDICTABLE) does nothing;
 *  - a change of the trigger type (UNPREDICTABLE while enabled) keeps what was latched;
 *  - SETSPI and CLRSPI of a level-sensitive SPI move its wire.
 */
#ifndef REF_GIC_H
#define REF_GIC_H

#include <stdbool.h>
#include <stdint.h>

enum { REF_CPUS = 8, REF_INTIDS = 5120, REF_EPPI = 1056, REF_EPPIS = 64, REF_ESPI = 4096 };
#define REF_NONE UINT32_MAX

struct ref_irq {
    bool group1, enabled, latch, level, active, edge, grpmod;
    uint8_t priority;
    uint8_t sources; /* SGI of a version 2: from whom it is pending */
    uint8_t active_source;
    uint64_t route; /* SPI: IROUTER or ITARGETSR */
};

struct ref_cpu {
    uint64_t affinity; /* as in MPIDR_EL1 */
    struct ref_irq irqs[32], eppis[REF_EPPIS];
    uint8_t pmr, bpr0, bpr1;
    bool enable0, enable1;
    bool ackctl, fiqen, cbpr, eoimode;
    uint8_t bypass; /* GICC_CTLR bits 8:5: stored */
    uint32_t apr0, apr1;
    bool asleep, dpg0, dpg1ns, dpg1s;
};

struct ref_gic {
    uint32_t version, cpus, intids; /* `intids`: but those of the extended ranges */
    uint32_t eppis, espis;
    bool enable0, enable1;
    struct ref_irq spis[REF_INTIDS]; /* by INTID */
    struct ref_cpu cpu[REF_CPUS];
};

enum ref_frame { REF_GICD, REF_GICC, REF_GICR, REF_ICC };

void ref_init(struct ref_gic *g, uint32_t version, uint32_t cpus, uint32_t spis, uint32_t eppis,
              uint32_t espis, const uint64_t *mpidrs);

/* An access, at an offset of GICD, GICC or GICR, or to an ICC_ register by its encoding
 * op0.op1.CRn.CRm.op2 in 2, 3, 4, 4 and 3 bits. Returns what a read reads. */
uint64_t ref_access(struct ref_gic *g, enum ref_frame frame, uint32_t cpu, uint64_t offset,
                    uint32_t size, bool write, uint64_t value);

void ref_set_level(struct ref_gic *g, uint32_t intid, uint32_t cpu, bool level);
void ref_pulse(struct ref_gic *g, uint32_t intid, uint32_t cpu);
void ref_set_pending(struct ref_gic *g, uint32_t intid, uint32_t cpu);

/* IHI 0069H 2.2.1: PPIs, with the extended ones, and SGIs, are each vCPU's own. */
bool ref_is_private(uint32_t intid);

/* The INTID after this one; REF_NONE after the last. */
uint32_t ref_next(const struct ref_gic *g, uint32_t intid);

/* Which INTIDs an access of GICD or GICR is about, in a register that is an array. */
bool ref_array(const struct ref_gic *g, enum ref_frame frame, uint64_t offset, uint32_t size,
               uint32_t *first, uint32_t *count);

/* The running priority: 0x100 for idle; and whether it is of group 1. */
uint32_t ref_running(const struct ref_gic *g, uint32_t cpu, bool *group1);

struct ref_irq *ref_irq_of(struct ref_gic *g, uint32_t intid, uint32_t cpu);
bool ref_is_pending(const struct ref_irq *irq);

/* The vCPU that an SPI goes to; REF_NONE for none. */
uint32_t ref_target(const struct ref_gic *g, uint32_t intid);

/* The INTID of the highest priority pending interrupt; 1023 for none. */
uint32_t ref_highest_pending(const struct ref_gic *g, uint32_t cpu);

/* Which output is asserted. */
enum ref_output { REF_NOTHING, REF_IRQ, REF_FIQ };
enum ref_output ref_output(const struct ref_gic *g, uint32_t cpu);

#endif
