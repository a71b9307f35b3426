/* Which vCPU an SPI goes to, and SGIs. */
#include "gic.h"

uint32_t gic_find_affinity(const struct vml_gic *gic, uint64_t affinity)
{
    uint32_t low = 0, high = gic->config.cpus;

    while (low < high) {
        uint32_t middle = (low + high) / 2;

        if (gic->cpus[gic->by_affinity[middle]].affinity < affinity) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    if (low < gic->config.cpus && gic->cpus[gic->by_affinity[low]].affinity == affinity) {
        return gic->by_affinity[low];
    }
    return VML_CPU_NONE;
}

/* IHI 0069H 12.11.20, DPG0 and DPG1NS; with one security state group 1 looks at DPG1NS. */
static bool participates(struct vml_gic *gic, uint32_t cpu, uint32_t group)
{
    const struct vml_gic_cpu *c = &gic->cpus[cpu];

    if (!(LOAD(&c->enabled_groups) >> group & 1)) {
        return false;
    }
    return gic->config.version == 2 ||
           (!(LOAD(&c->waker) & WAKER_SLEEP) &&
            !(LOAD(&c->gicr_ctlr) & (uint32_t)(group == 0 ? GICR_DPG0 : GICR_DPG1NS)));
}

/* The vCPU that an SPI goes to; VML_CPU_NONE where the route names none. */
static uint32_t choose(struct vml_gic *gic, uint32_t intid)
{
    uint64_t route = LOAD(&gic->route[intid]);
    uint32_t group = LOAD(&gic->irqs[intid / 32].group) >> intid % 32 & 1;
    uint32_t cpus = gic->config.cpus;

    if (gic->config.version == 2 && cpus == 1) {
        return 0; /* ITARGETSR is RAZ/WI there */
    }
    if (gic->config.version == 3 && !(route & ROUTE_IRM)) {
        return gic_find_affinity(gic, gic_pack_affinity(route));
    }
    for (uint32_t i = 0; i < cpus; i++) {
        if ((gic->config.version == 3 || (route >> i & 1)) && participates(gic, i, group)) {
            return i;
        }
    }
    if (gic->config.version == 3) {
        return VML_CPU_NONE;
    }
    return route != 0 ? vml_ctz64(route) : VML_CPU_NONE;
}

/* Moves an SPI to where its route says. route_lock held, nothing else. */
static void reroute(struct vml_gic *gic, uint32_t intid)
{
    struct vml_gic_word *w = &gic->irqs[intid / 32];
    uint32_t from = LOAD(&gic->owner[intid]), target = choose(gic, intid);
    uint32_t to = target == VML_CPU_NONE ? from : target;
    uint32_t bit = VML_BIT32(intid % 32), changes[2] = {0, 0};
    struct vml_gic_cpu *a = &gic->cpus[from < to ? from : to];
    struct vml_gic_cpu *b = &gic->cpus[from < to ? to : from];
    bool routed = (LOAD(&w->routed) & bit) != 0;

    if (from == to && routed == (target != VML_CPU_NONE)) {
        return;
    }
    gic_lock(gic, a);
    if (a != b) {
        gic_lock(gic, b);
    }
    if (gic_deliverable_bits(w) & bit) {
        gic_dequeue_at(gic, &gic->cpus[from], gic_place(gic, &gic->cpus[from], intid), intid);
    }
    gic_set_owner(gic, intid, to);
    gic_put_bits(&w->routed, bit, target != VML_CPU_NONE);
    gic_requeue(gic, &gic->cpus[to], w, intid, false);
    changes[0] = gic_update(gic, a);
    if (a != b) {
        changes[1] = gic_update(gic, b);
        vml_mutex_unlock(&b->lock);
    }
    vml_mutex_unlock(&a->lock);
    if ((changes[0] | changes[1]) != 0) {
        vml_mutex_unlock(&gic->route_lock);
        gic_tell(gic, gic_index(gic, a), changes[0]);
        gic_tell(gic, gic_index(gic, b), changes[1]);
        vml_mutex_lock(&gic->route_lock);
    }
}

void gic_set_route(struct vml_gic *gic, uint32_t intid, uint64_t route)
{
    if (gic_is_private(intid) || !gic_is_implemented(gic, intid)) {
        return;
    }
    vml_mutex_lock(&gic->route_lock);
    STORE(&gic->route[intid], route);
    reroute(gic, intid);
    vml_mutex_unlock(&gic->route_lock);
}

void gic_route_all(struct vml_gic *gic)
{
    vml_mutex_lock(&gic->route_lock);
    FOR_EACH_SPI(gic, intid)
    {
        reroute(gic, intid);
    }
    vml_mutex_unlock(&gic->route_lock);
}

/* Somebody's participation changed: looks again at the SPIs that several vCPUs can take. */
void gic_reroute_shared(struct vml_gic *gic)
{
    vml_mutex_lock(&gic->route_lock);
    FOR_EACH_SPI(gic, intid)
    {
        uint64_t route = LOAD(&gic->route[intid]);

        if (gic->config.version == 3 ? (route & ROUTE_IRM) != 0 : (route & (route - 1)) != 0) {
            reroute(gic, intid);
        }
    }
    vml_mutex_unlock(&gic->route_lock);
}

/* Changes the sources of a pending GICv2 SGI; its latch is set while there are any. */
static void change_sources(struct vml_gic *gic, uint32_t cpu, uint32_t intid, uint32_t set,
                           uint32_t clear)
{
    struct vml_gic_cpu *c = &gic->cpus[cpu];
    struct vml_gic_word *w = &c->private_irqs;
    uint32_t change, sources;
    bool was, listed;

    gic_lock(gic, c);
    was = (gic_deliverable_bits(w) >> intid & 1) != 0;
    sources = (LOAD(&c->sgi_sources[intid]) | set) & ~clear;
    STORE(&c->sgi_sources[intid], (uint8_t)sources);
    gic_put_bits(&w->latch, VML_BIT32(intid), sources != 0);
    gic_requeue(gic, c, w, intid, was);
    listed = (LOAD(&w->listed) >> intid & 1) != 0;
    change = gic_update(gic, c);
    vml_mutex_unlock(&c->lock);
    gic_tell(gic, cpu, change);
    gic_recall(gic, intid, cpu, listed);
}

void gic_set_sgi_v2(struct vml_gic *gic, uint32_t cpu, uint32_t intid, uint32_t sources)
{
    change_sources(gic, cpu, intid, sources & (VML_BIT32(gic->config.cpus) - 1), 0);
}

void gic_clear_sgi_v2(struct vml_gic *gic, uint32_t cpu, uint32_t intid, uint32_t sources)
{
    change_sources(gic, cpu, intid, 0, sources);
}

void gic_send_sgi_v2(struct vml_gic *gic, uint32_t from, uint32_t targets, uint32_t intid)
{
    for (targets &= VML_BIT32(gic->config.cpus) - 1; targets != 0; targets &= targets - 1) {
        change_sources(gic, vml_ctz32(targets), intid, VML_BIT32(from), 0);
    }
}

/* IHI 0069H 8.1.10, table 8-14: with one security state SGI1R generates an SGI of either group, as its
 * target has configured it; the other registers one of group 0 only. */
static void send_one(struct vml_gic *gic, uint32_t cpu, uint32_t intid, uint32_t group)
{
    if (group == 1 || !(LOAD(&gic->cpus[cpu].private_irqs.group) >> intid & 1)) {
        gic_set_field(gic, cpu, 0, FIELD_PENDING, VML_BIT32(intid), true);
    }
}

/* IHI 0069H 12.2.19 ICC_SGI1R_EL1: Aff3.Aff2.Aff1, RS and TargetList, or IRM: all but the sender. */
void gic_send_sgi_v3(struct vml_gic *gic, uint32_t from, uint64_t value, uint32_t group)
{
    uint32_t intid = (uint32_t)VML_FIELD64(value, 27, 24);
    uint32_t targets = (uint32_t)VML_FIELD64(value, 15, 0);
    uint64_t cluster = VML_FIELD64(value, 55, 48) << 24 | VML_FIELD64(value, 39, 32) << 16 |
                       VML_FIELD64(value, 23, 16) << 8 | VML_FIELD64(value, 47, 44) << 4;

    if (value & VML_BIT64(40)) {
        for (uint32_t i = 0; i < gic->config.cpus; i++) {
            if (i != from) {
                send_one(gic, i, intid, group);
            }
        }
        return;
    }
    for (; targets != 0; targets &= targets - 1) {
        uint32_t cpu = gic_find_affinity(gic, cluster | vml_ctz32(targets));

        if (cpu != VML_CPU_NONE) {
            send_one(gic, cpu, intid, group);
        }
    }
}
