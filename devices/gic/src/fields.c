/* What the registers of fields.h read, and what writes to them do. */
#include "fields.h"

/* Which interrupts an element of a row is about. */
struct place {
    struct vml_gic *gic;
    uint32_t cpu;
    uint32_t first; /* number of the first of them */
    bool away;      /* with affinity routing GICD's of private ones are RAZ/WI: GICR has them */
};

/* An extended range's rows are at 0x1000 and up in the distributor.  A redistributor's arrays begin at
 * multiples of 0x80, with the extended range's rows in the same arrays. */
static struct place place_of(struct vml_device *device, const struct vml_reg *reg, uint32_t index,
                             uint32_t interrupts, const struct vml_access *access)
{
    struct place p = {.first = index * interrupts};

    if (device->ops == &gic_gicr_ops) {
        p.gic = VML_CONTAINER_OF(device, struct vml_gic, gicr);
        p.first += reg->offset % 0x80 == 0 ? 0 : FIRST_EPPI;
    } else {
        p.gic = VML_CONTAINER_OF(device, struct vml_gic, gicd);
        p.first += reg->offset < 0x1000 ? 0 : FIRST_ESPI;
        p.away = p.first < 32 && p.gic->config.version == 3;
    }
    p.cpu = gic_access_cpu(p.gic, access);
    return p;
}

static uint32_t get_bits(const struct place *p, enum gic_field field)
{
    return p->away ? 0 : gic_get_field(p->gic, p->cpu, p->first / 32, field);
}

static void set_bits(const struct place *p, enum gic_field field, uint64_t bits, bool value)
{
    if (!p->away) {
        gic_set_field(p->gic, p->cpu, p->first / 32, field, (uint32_t)bits, value);
    }
}

#define READ_BITS(name, field)                                                                     \
    GIC_READ_HOOK(name)                                                                            \
    {                                                                                              \
        struct place p = place_of(device, reg, index, 32, access);                                 \
                                                                                                   \
        return get_bits(&p, field);                                                                \
    }
#define WRITE_ONES(name, field, set)                                                               \
    GIC_WRITE_HOOK(name)                                                                           \
    {                                                                                              \
        struct place p = place_of(device, reg, index, 32, access);                                 \
                                                                                                   \
        set_bits(&p, field, value &mask, set);                                                     \
    }
#define WRITE_BITS(name, field)                                                                    \
    GIC_WRITE_HOOK(name)                                                                           \
    {                                                                                              \
        struct place p = place_of(device, reg, index, 32, access);                                 \
                                                                                                   \
        set_bits(&p, field, value &mask, true);                                                    \
        set_bits(&p, field, ~value &mask, false);                                                  \
    }

READ_BITS(gic_read_group, FIELD_GROUP)
WRITE_BITS(gic_write_group, FIELD_GROUP)
READ_BITS(gic_read_enabled, FIELD_ENABLED)
WRITE_ONES(gic_write_isenabler, FIELD_ENABLED, true)
WRITE_ONES(gic_write_icenabler, FIELD_ENABLED, false)
READ_BITS(gic_read_pending, FIELD_PENDING)
WRITE_ONES(gic_write_ispendr, FIELD_PENDING, true)
WRITE_ONES(gic_write_icpendr, FIELD_PENDING, false)
READ_BITS(gic_read_active, FIELD_ACTIVE)
WRITE_ONES(gic_write_isactiver, FIELD_ACTIVE, true)
WRITE_ONES(gic_write_icactiver, FIELD_ACTIVE, false)
READ_BITS(gic_read_grpmod, FIELD_GRPMOD)
WRITE_BITS(gic_write_grpmod, FIELD_GRPMOD)

/* ICFGR has two bits an interrupt, the upper one for edge-triggered. */
GIC_READ_HOOK(gic_read_icfgr)
{
    struct place p = place_of(device, reg, index, 16, access);
    uint32_t edges = get_bits(&p, FIELD_EDGE) >> p.first % 32, value = 0;

    for (uint32_t i = 0; i < 16; i++) {
        value |= (edges >> i & 1) << (2 * i + 1);
    }
    return value;
}

static uint32_t gather_edges(uint64_t value)
{
    uint32_t edges = 0;

    for (uint32_t i = 0; i < 16; i++) {
        edges |= (uint32_t)(value >> (2 * i + 1) & 1) << i;
    }
    return edges;
}

GIC_WRITE_HOOK(gic_write_icfgr)
{
    struct place p = place_of(device, reg, index, 16, access);

    set_bits(&p, FIELD_EDGE, gather_edges(value & mask) << p.first % 32, true);
    set_bits(&p, FIELD_EDGE, gather_edges(~value & mask) << p.first % 32, false);
}

GIC_READ_HOOK(gic_read_priority)
{
    struct place p = place_of(device, reg, index, 1, access);

    return p.away || !gic_is_implemented(p.gic, p.first)
               ? 0
               : gic_priority(p.gic, &p.gic->cpus[p.cpu], p.first);
}

GIC_WRITE_HOOK(gic_write_priority)
{
    struct place p = place_of(device, reg, index, 1, access);

    (void)mask;
    if (!p.away) {
        gic_set_priority(p.gic, p.cpu, p.first, (uint8_t)value);
    }
}
