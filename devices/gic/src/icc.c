/* ICC_*_EL1: GICv3's CPU interface as system registers. */
#include "gic.h"
#include <vml/vbus.h>

#define REG(crm, op2) VML_SYSREG(3, 0, 12, crm, op2)

enum {
    INTID_MASK = 0xffffff,
    SRE_VALUE = 7,
    /* IHI 0069H 12.2.7 ICC_CTLR_EL1: 5 priority bits, 16 bits of INTID, A3V, RSS. */
    CTLR_EXT_RANGE = 1 << 19,
    CTLR_READS = 4 << 8 | 1 << 15 | 1 << 18,
};

static uint64_t highest(struct vml_gic *gic, uint32_t cpu, uint32_t group)
{
    uint32_t of, intid = gic_highest_pending(gic, cpu, &of);

    return of == group ? intid : VML_GIC_SPURIOUS;
}

/* IHI 0069H 12.2.5: with CBPR group 1's binary point reads as group 0's plus one, and is not written. */
static uint64_t read_bpr1(const struct vml_gic_cpu *c)
{
    if (c->ctlr & ICC_CBPR) {
        return c->bpr[0] < 7 ? c->bpr[0] + 1u : 7u;
    }
    return c->bpr[1];
}

enum vml_bus_result vml_gic_icc_read(struct vml_gic *gic, uint32_t cpu, uint64_t sysreg,
                                     uint64_t *value)
{
    struct vml_gic_cpu *c;

    if (gic->config.version != 3 || cpu >= gic->config.cpus) {
        return VML_BUS_FAULT;
    }
    if (VML_LIKELY(sysreg == REG(12, 0))) { /* ICC_IAR1_EL1 */
        *value = gic_acknowledge(gic, cpu, TAKE_GROUP1);
        return VML_BUS_OK;
    }
    c = &gic->cpus[cpu];
    switch (sysreg) {
    case REG(8, 0): /* ICC_IAR0_EL1 */
        *value = gic_acknowledge(gic, cpu, TAKE_GROUP0);
        break;
    case REG(8, 2): /* ICC_HPPIR0_EL1 */
        *value = highest(gic, cpu, 0);
        break;
    case REG(12, 2): /* ICC_HPPIR1_EL1 */
        *value = highest(gic, cpu, 1);
        break;
    case REG(8, 3): /* ICC_BPR0_EL1 */
        *value = c->bpr[0];
        break;
    case REG(12, 3): /* ICC_BPR1_EL1 */
        *value = read_bpr1(c);
        break;
    case REG(8, 4): /* ICC_AP0R0_EL1 */
        *value = c->apr[0];
        break;
    case REG(9, 0): /* ICC_AP1R0_EL1 */
        *value = c->apr[1];
        break;
    case REG(11, 3): /* ICC_RPR_EL1 */
        *value = c->running == IDLE_PRIORITY ? 0xff : c->running;
        break;
    case REG(12, 4): /* ICC_CTLR_EL1 */
        *value = CTLR_READS | c->ctlr |
                 ((gic->config.eppis | gic->config.espis) != 0 ? CTLR_EXT_RANGE : 0);
        break;
    case REG(12, 5): /* ICC_SRE_EL1 */
        *value = SRE_VALUE;
        break;
    case REG(12, 6): /* ICC_IGRPEN0_EL1 */
        *value = LOAD(&c->enabled_groups) & 1;
        break;
    case REG(12, 7): /* ICC_IGRPEN1_EL1 */
        *value = LOAD(&c->enabled_groups) >> 1;
        break;
    case VML_SYSREG(3, 0, 4, 6, 0): /* ICC_PMR_EL1 */
        *value = c->pmr;
        break;
    default:
        return VML_BUS_FAULT;
    }
    return VML_BUS_OK;
}

static void set_group(struct vml_gic *gic, uint32_t cpu, uint32_t group, uint64_t value)
{
    uint32_t groups = LOAD(&gic->cpus[cpu].enabled_groups) & ~VML_BIT32(group);

    gic_set_cpu_groups(gic, cpu, groups | (uint32_t)(value & 1) << group);
}

static void end(struct vml_gic *gic, uint32_t cpu, uint64_t value, uint32_t groups)
{
    gic_end(gic, cpu, (uint32_t)value & INTID_MASK, groups, !(gic->cpus[cpu].ctlr & ICC_EOIMODE));
}

enum vml_bus_result vml_gic_icc_write(struct vml_gic *gic, uint32_t cpu, uint64_t sysreg,
                                      uint64_t value)
{
    if (gic->config.version != 3 || cpu >= gic->config.cpus) {
        return VML_BUS_FAULT;
    }
    if (VML_LIKELY(sysreg == REG(12, 1))) { /* ICC_EOIR1_EL1 */
        end(gic, cpu, value, TAKE_GROUP1);
        return VML_BUS_OK;
    }
    switch (sysreg) {
    case REG(8, 1): /* ICC_EOIR0_EL1 */
        end(gic, cpu, value, TAKE_GROUP0);
        break;
    case REG(11, 1): /* ICC_DIR_EL1 */
        if (gic->cpus[cpu].ctlr & ICC_EOIMODE) {
            gic_deactivate(gic, cpu, gic_number(gic, (uint32_t)value & INTID_MASK));
        }
        break;
    case VML_SYSREG(3, 0, 4, 6, 0): /* ICC_PMR_EL1 */
        gic_set_pmr(gic, cpu, (uint32_t)value);
        break;
    case REG(8, 3): /* ICC_BPR0_EL1 */
        gic_set_bpr(gic, cpu, 0, (uint32_t)value);
        break;
    case REG(12, 3): /* ICC_BPR1_EL1 */
        if (!(gic->cpus[cpu].ctlr & ICC_CBPR)) {
            gic_set_bpr(gic, cpu, 1, (uint32_t)value);
        }
        break;
    case REG(8, 4): /* ICC_AP0R0_EL1 */
        gic_set_apr(gic, cpu, 0, (uint32_t)value);
        break;
    case REG(9, 0): /* ICC_AP1R0_EL1 */
        gic_set_apr(gic, cpu, 1, (uint32_t)value);
        break;
    case REG(11, 5): /* ICC_SGI1R_EL1 */
        gic_send_sgi_v3(gic, cpu, value, 1);
        break;
    case REG(11, 6): /* ICC_ASGI1R_EL1: with one security state, as the other state's: group 0 */
    case REG(11, 7): /* ICC_SGI0R_EL1 */
        gic_send_sgi_v3(gic, cpu, value, 0);
        break;
    case REG(12, 4): /* ICC_CTLR_EL1 */
        gic_set_cpu_ctlr(gic, cpu, (uint32_t)value & (ICC_CBPR | ICC_EOIMODE));
        break;
    case REG(12, 5): /* ICC_SRE_EL1: SRE, DFB and DIB are fixed */
        break;
    case REG(12, 6): /* ICC_IGRPEN0_EL1 */
        set_group(gic, cpu, 0, value);
        break;
    case REG(12, 7): /* ICC_IGRPEN1_EL1 */
        set_group(gic, cpu, 1, value);
        break;
    default:
        return VML_BUS_FAULT;
    }
    return VML_BUS_OK;
}

static enum vml_bus_result icc_access(struct vml_device *device, struct vml_access *access)
{
    struct vml_gic *gic = VML_CONTAINER_OF(device, struct vml_gic, icc);

    return access->write ? vml_gic_icc_write(gic, access->cpu, access->offset, access->value)
                         : vml_gic_icc_read(gic, access->cpu, access->offset, &access->value);
}

const struct vml_device_ops gic_icc_ops = {icc_access, NULL, NULL, NULL, NULL};
