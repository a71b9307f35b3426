/*
 * The registers that have a bit, two bits or a byte for each interrupt, of the distributor and of the
 * redistributors.  One hook serves all rows of a kind: that of the first interrupts, and that of an
 * extended range.  Private to devices/gic.
 */
#ifndef GIC_FIELDS_H
#define GIC_FIELDS_H

#include "gic.h"
#include <vml/regs.h>

GIC_READ_HOOK(gic_read_group);
GIC_WRITE_HOOK(gic_write_group);
GIC_READ_HOOK(gic_read_enabled);
GIC_WRITE_HOOK(gic_write_isenabler);
GIC_WRITE_HOOK(gic_write_icenabler);
GIC_READ_HOOK(gic_read_pending);
GIC_WRITE_HOOK(gic_write_ispendr);
GIC_WRITE_HOOK(gic_write_icpendr);
GIC_READ_HOOK(gic_read_active);
GIC_WRITE_HOOK(gic_write_isactiver);
GIC_WRITE_HOOK(gic_write_icactiver);
GIC_READ_HOOK(gic_read_grpmod);
GIC_WRITE_HOOK(gic_write_grpmod);
GIC_READ_HOOK(gic_read_icfgr);
GIC_WRITE_HOOK(gic_write_icfgr);
GIC_READ_HOOK(gic_read_priority);
GIC_WRITE_HOOK(gic_write_priority);

#define NONE VML_REG_NO_STATE
#define HOOKS(name, offset, count, width, sizes, read, write)                                      \
    {                                                                                              \
        name, offset, count, 0, width, sizes, VML_REG_RW, 0, UINT64_MAX, NONE, read, write         \
    }
#define RAZ_WI(name, offset, count)                                                                \
    {                                                                                              \
        name, offset, count, 0, 4, VML_SIZE_4, VML_REG_RAZ, 0, 0, NONE, NULL, NULL                 \
    }
#define CONSTANT(name, offset, value)                                                              \
    {                                                                                              \
        name, offset, 1, 0, 4, VML_SIZE_4, VML_REG_RO, value, 0, NONE, gic_read_constant, NULL     \
    }
/* A row of words with a bit for each interrupt: what it reads, and what a write does. */
#define BITS(name, offset, words, read, write)                                                     \
    HOOKS(name, offset, words, 4, VML_SIZE_4, gic_read_##read, gic_write_##write)
#define PRIORITIES(name, offset, count)                                                            \
    HOOKS(name, offset, count, 1, VML_SIZE_14, gic_read_priority, gic_write_priority)

#endif
