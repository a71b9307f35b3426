#include "fake_gic.h"

#include "test.h"

#include <vml/base.h>
#include <vml/vbus.h>

#define ICC_ATTR(crm, op2) (VML_SYSREG(3, 0, 12, crm, op2) >> 3)

enum { CBPR = 1, EOIMODE = 2 };

struct fake_gic fake_gic;

void fake_gic_reset(void)
{
    memset(&fake_gic, 0, sizeof(fake_gic));
    fake_gic.priority_bits = 5;
}

uint64_t *fake_gic_reg(uint32_t group, uint64_t attr)
{
    struct fake_gic_reg *reg;

    for (unsigned i = 0; i < fake_gic.count; i++) {
        reg = &fake_gic.regs[i];
        if (reg->group == group && reg->attr == attr) {
            return &reg->value;
        }
    }
    assert_true(fake_gic.count < FAKE_GIC_REGS);
    reg = &fake_gic.regs[fake_gic.count++];
    *reg = (struct fake_gic_reg){group, attr, 0};
    return &reg->value;
}

bool fake_gic_has(uint32_t group, uint64_t attr)
{
    return group == ABI_VGIC_GRP_DIST_REGS || group >= ABI_VGIC_GRP_REDIST_REGS ||
           (group == ABI_VGIC_GRP_CTRL && attr != ABI_VGIC_CTRL_INIT);
}

/* The distributor, and a redistributor's SGI frame. */
static int interrupts(uint32_t group, uint64_t attr, uint32_t *value, bool set)
{
    uint64_t *at;
    uint32_t offset = (uint32_t)attr & 0xffff;
    bool private = group == ABI_VGIC_GRP_REDIST_REGS;

    switch (offset & 0xff80) {
    case 0x180: /* ICENABLER, ICACTIVER: shown by, and cleared from, the register in front */
    case 0x380:
        at = fake_gic_reg(group, attr - 0x80);
        if (set) {
            *at &= ~(uint64_t)*value;
        } else {
            *value = (uint32_t)*at;
        }
        return 0;
    default:
        at = fake_gic_reg(group, attr);
        break;
    }
    if (!set) {
        *value = (uint32_t)*at;
        if (private && offset == 0xc00) {
            *value = 0xaaaaaaaa; /* SGIs are edge-triggered */
        }
        return 0;
    }
    if ((offset & 0xff80) == 0x100 || (offset & 0xff80) == 0x300) {
        *at |= *value;
    } else if (offset >= 0x400 && offset < 0x800) {
        *at = *value & 0xf8f8f8f8;
    } else if (offset >= 0x6000 && offset < 0x8000) {
        *at = offset & 4 ? 0 : *value & 0xffffff;
    } else if (!(private && offset >= 0xc00 && offset < 0xc08)) {
        *at = *value;
    }
    return 0;
}

static int distributor(uint64_t attr, uint32_t *value, bool set)
{
    switch (attr) {
    case 0x0000:
        if (set) {
            *fake_gic_reg(ABI_VGIC_GRP_DIST_REGS, attr) = *value & 2;
        } else {
            *value = (uint32_t)*fake_gic_reg(ABI_VGIC_GRP_DIST_REGS, attr) | 0x50;
        }
        return 0;
    case 0x0008: /* GICD_IIDR: revision 3 */
        if (set) {
            return *value == 0x4b00343b ? 0 : -ABI_EINVAL;
        }
        *value = 0x4b00343b;
        return 0;
    default:
        return interrupts(ABI_VGIC_GRP_DIST_REGS, attr, value, set);
    }
}

static int redistributor(uint64_t attr, uint32_t *value, bool set)
{
    uint64_t *at;
    bool enabled = (*fake_gic_reg(ABI_VGIC_GRP_REDIST_REGS, attr & ~UINT64_C(0x1ffff)) & 1) != 0;

    if (attr & 0x10000) {
        return interrupts(ABI_VGIC_GRP_REDIST_REGS, attr, value, set);
    }
    if ((attr & 0x1fff8) == 0x70) { /* one GICR_PROPBASER */
        attr &= 0xffff;
    }
    at = fake_gic_reg(ABI_VGIC_GRP_REDIST_REGS, attr);
    if (!set) {
        *value = (uint32_t)*at;
    } else if ((attr & 0xfff0) != 0x70 || !enabled) {
        *at = *value;
    }
    return 0;
}

static int interface(uint64_t attr, uint64_t *value, bool set)
{
    uint64_t sysreg = attr & 0xffff, cpu = attr & ~UINT64_C(0xffff);
    uint64_t *at = fake_gic_reg(ABI_VGIC_GRP_CPU_SYSREGS, attr);
    uint64_t *ctlr = fake_gic_reg(ABI_VGIC_GRP_CPU_SYSREGS, cpu | ICC_ATTR(12, 4));
    uint64_t fixed = (uint64_t)(fake_gic.priority_bits - 1) << 8 | 1 << 11 | 1 << 15;
    unsigned aprs = fake_gic.priority_bits <= 5 ? 1 : fake_gic.priority_bits == 6 ? 2 : 4;

    if (sysreg == ICC_ATTR(12, 4)) {
        if (set && (*value & ~(uint64_t)(CBPR | EOIMODE)) != fixed) {
            return -ABI_EINVAL;
        }
        if (set) {
            *ctlr = *value & (CBPR | EOIMODE);
        } else {
            *value = *ctlr | fixed;
        }
        return 0;
    }
    if ((sysreg >= ICC_ATTR(8, 4) + aprs && sysreg <= ICC_ATTR(8, 7)) ||
        (sysreg >= ICC_ATTR(9, 0) + aprs && sysreg <= ICC_ATTR(9, 3))) {
        return -ABI_EINVAL;
    }
    if (sysreg == ICC_ATTR(12, 3) && *ctlr & CBPR) {
        if (!set) {
            *value = *fake_gic_reg(ABI_VGIC_GRP_CPU_SYSREGS, cpu | ICC_ATTR(8, 3)) + 1;
        }
        return 0;
    }
    if (set) {
        *at = *value;
    } else {
        *value = *at;
    }
    return 0;
}

static int its(uint64_t attr, uint64_t *value, bool set)
{
    uint64_t *at = fake_gic_reg(ABI_VGIC_GRP_ITS_REGS, attr);
    bool enabled = (*fake_gic_reg(ABI_VGIC_GRP_ITS_REGS, 0) & 1) != 0;

    if (!set) {
        *value = *at;
        return 0;
    }
    if (attr == 0x90 && enabled) {
        return -ABI_EBUSY;
    }
    if (attr == 0 || !enabled) {
        *at = attr == 4 ? *at : *value;
    }
    if (attr == 0x80) { /* GITS_CBASER puts both pointers back */
        *fake_gic_reg(ABI_VGIC_GRP_ITS_REGS, 0x88) = 0;
        *fake_gic_reg(ABI_VGIC_GRP_ITS_REGS, 0x90) = 0;
    }
    return 0;
}

static void reset_its(void)
{
    for (unsigned i = 0; i < fake_gic.count; i++) {
        if (fake_gic.regs[i].group == ABI_VGIC_GRP_ITS_REGS && fake_gic.regs[i].attr != 4) {
            fake_gic.regs[i].value = 0;
        }
    }
}

int fake_gic_attr(const struct abi_device_attr *attr, bool set)
{
    void *memory = (void *)(uintptr_t)attr->addr;
    uint32_t *word = memory;

    if (set) {
        bool wide = attr->group == ABI_VGIC_GRP_CPU_SYSREGS || attr->group == ABI_VGIC_GRP_ITS_REGS;

        assert_true(fake_gic.log_count < FAKE_GIC_LOG);
        fake_gic.log[fake_gic.log_count++] = (struct fake_gic_reg){attr->group, attr->attr,
                                                                   !memory ? 0
                                                                   : wide  ? *(uint64_t *)memory
                                                                           : *word};
    }
    switch (attr->group) {
    case ABI_VGIC_GRP_DIST_REGS:
        return distributor(attr->attr, word, set);
    case ABI_VGIC_GRP_REDIST_REGS:
        return redistributor(attr->attr, word, set);
    case ABI_VGIC_GRP_CPU_SYSREGS:
        return interface(attr->attr, memory, set);
    case ABI_VGIC_GRP_LEVEL_INFO:
        assert_int_equal(attr->attr & 0xffffffff & ~UINT64_C(0x3e0), 0);
        if (set) {
            *fake_gic_reg(attr->group, attr->attr) = *word;
        } else {
            *word = (uint32_t)*fake_gic_reg(attr->group, attr->attr);
        }
        return 0;
    case ABI_VGIC_GRP_ITS_REGS:
        return its(attr->attr, memory, set);
    case ABI_VGIC_GRP_CTRL:
        if (attr->attr == ABI_VGIC_CTRL_ITS_RESET) {
            reset_its();
        } else if (fake_gic.control) {
            fake_gic.control(attr->attr);
        }
        return 0;
    default:
        return -ABI_ENXIO;
    }
}
