/*
 * The registers of the fake kernel's GICv3 and ITS, as user space sees them: what
 * Documentation/virt/kvm/devices/arm-vgic-v3.rst and arm-vgic-its.rst say, and which bits Linux keeps.
 */
#ifndef FAKE_GIC_H
#define FAKE_GIC_H

#include "kvm_abi.h"

#include <stdbool.h>
#include <stdint.h>

enum { FAKE_GIC_REGS = 1200, FAKE_GIC_LOG = 4000 };

struct fake_gic_reg {
    uint32_t group;
    uint64_t attr;
    uint64_t value;
};

struct fake_gic {
    struct fake_gic_reg regs[FAKE_GIC_REGS];
    unsigned count;
    struct fake_gic_reg log[FAKE_GIC_LOG]; /* what was written, in order */
    unsigned log_count;
    uint32_t priority_bits;    /* of ICC_CTLR_EL1 */
    void (*control)(uint64_t); /* told of controls but INIT and RESET */
};

extern struct fake_gic fake_gic;

void fake_gic_reset(void);
/* Whether the attributes of a group are registers. */
bool fake_gic_has(uint32_t group, uint64_t attr);
int fake_gic_attr(const struct abi_device_attr *attr, bool set);
/* A register's value, to be looked at or changed. */
uint64_t *fake_gic_reg(uint32_t group, uint64_t attr);

#endif
