/* The whole state as a value; `gicd` stands for all of the GIC's devices. */
#include "lpi.h"

enum { VERSION = 1 };
#define TAG VML_STATE_TAG('G', 'I', 'C', ' ')

static struct vml_gic *gic_of(struct vml_device *device)
{
    return VML_CONTAINER_OF(device, struct vml_gic, gicd);
}

static void save_word(struct vml_state_writer *w, const struct vml_gic_word *word)
{
    vml_state_put_u32(w, LOAD(&word->group));
    vml_state_put_u32(w, LOAD(&word->enabled));
    vml_state_put_u32(w, LOAD(&word->latch));
    vml_state_put_u32(w, LOAD(&word->level));
    vml_state_put_u32(w, LOAD(&word->active));
    vml_state_put_u32(w, LOAD(&word->edge));
    vml_state_put_u32(w, LOAD(&word->grpmod));
}

void gic_save(struct vml_device *device, struct vml_state_writer *w)
{
    struct vml_gic *gic = gic_of(device);

    vml_state_begin(w, TAG, VERSION);
    vml_state_put_u32(w, gic->config.version);
    vml_state_put_u32(w, gic->config.cpus);
    vml_state_put_u32(w, gic->config.spis);
    vml_state_put_u32(w, gic->config.espis | gic->config.eppis << 16);
    vml_state_put_u32(w, LOAD(&gic->enabled_groups));
    for (uint32_t i = 0; i < gic->config.cpus; i++) {
        const struct vml_gic_cpu *c = &gic->cpus[i];

        vml_state_put_u64(w, c->affinity);
        vml_state_put_u32(w, c->pmr);
        vml_state_put_u32(w, c->apr[0]);
        vml_state_put_u32(w, c->apr[1]);
        vml_state_put_u32(w, LOAD(&c->enabled_groups));
        vml_state_put_u32(w, c->ctlr);
        vml_state_put_u8(w, c->bpr[0]);
        vml_state_put_u8(w, c->bpr[1]);
        vml_state_put_u32(w, LOAD(&c->waker));
        vml_state_put_u32(w, LOAD(&c->gicr_ctlr));
        save_word(w, &c->private_irqs);
        for (uint32_t n = 0; n < 32; n++) {
            vml_state_put_u8(w, LOAD(&c->priority[n]) & PRIORITY_MASK);
        }
        for (uint32_t n = 0; n < 16; n++) {
            vml_state_put_u8(w, LOAD(&c->sgi_sources[n]));
            vml_state_put_u8(w, c->sgi_active[n]);
        }
        for (uint32_t n = 0; n < gic->config.eppis / 32; n++) {
            save_word(w, &c->eppis->words[n]);
        }
        for (uint32_t n = 0; n < gic->config.eppis; n++) {
            vml_state_put_u8(w, LOAD(&c->eppis->priority[n]) & PRIORITY_MASK);
        }
    }
    for (uint32_t n = 1; n * 32 < gic->numbers; n = gic_next_spi(gic, n * 32 + 32) / 32) {
        save_word(w, &gic->irqs[n]);
    }
    FOR_EACH_SPI(gic, intid)
    {
        vml_state_put_u8(w, LOAD(&gic->priority[intid]) & PRIORITY_MASK);
        vml_state_put_u64(w, LOAD(&gic->route[intid]));
        vml_state_put_u16(w, LOAD(&gic->taker[intid]));
    }
    gic_lpi_save(gic, w);
    vml_state_end(w);
}

static void check(struct vml_state_reader *r, bool valid)
{
    if (!valid) {
        vml_state_fail(r, VML_ERR_CORRUPT);
    }
}

/* Reads a word of interrupts: into `word` if that is not NULL. */
static void restore_word(struct vml_state_reader *r, struct vml_gic_word *word, uint32_t valid,
                         uint32_t always_edge)
{
    uint32_t v[7];

    for (uint32_t i = 0; i < 7; i++) {
        v[i] = vml_state_get_u32(r);
        check(r, (v[i] & ~valid) == 0);
    }
    check(r, (v[5] & always_edge) == always_edge && (v[3] & always_edge) == 0);
    if (word) {
        STORE(&word->group, v[0]);
        STORE(&word->enabled, v[1]);
        STORE(&word->latch, v[2]);
        STORE(&word->level, v[3]);
        STORE(&word->active, v[4]);
        STORE(&word->edge, v[5]);
        STORE(&word->grpmod, v[6]);
    }
}

static uint32_t ctlr_bits(const struct vml_gic *gic)
{
    return gic->config.version == 3 ? ICC_CBPR | ICC_EOIMODE
                                    : GICC_ACKCTL | GICC_FIQEN | GICC_CBPR | 0x1e0 | GICC_EOIMODE;
}

/* Bounds that the code relies on, and what no guest can set. */
static void check_cpu(const struct vml_gic *gic, struct vml_state_reader *r,
                      const struct vml_gic_cpu *c, uint32_t groups, uint32_t waker, uint32_t ctlr)
{
    const uint32_t dpg = GICR_DPG0 | GICR_DPG1NS | GICR_DPG1S;

    check(r, (c->pmr & ~(uint32_t)PRIORITY_MASK) == 0 && groups <= 3);
    check(r, (c->ctlr & ~ctlr_bits(gic)) == 0);
    check(r, c->bpr[0] >= MIN_BPR0 && c->bpr[0] <= 7 && c->bpr[1] >= MIN_BPR1 && c->bpr[1] <= 7);
    check(r, waker == 0 || waker == (WAKER_SLEEP | WAKER_ASLEEP));
    check(r, (ctlr & ~dpg) == 0);
}

static void restore_cpu(struct vml_gic *gic, struct vml_state_reader *r, struct vml_gic_cpu *to,
                        uint64_t affinity)
{
    struct vml_gic_cpu c;
    uint32_t groups, waker, ctlr, sgis = 0;
    uint8_t bytes[48], source[16];

    memset(&c, 0, sizeof(c));
    check(r, vml_state_get_u64(r) == affinity);
    c.pmr = vml_state_get_u32(r);
    c.apr[0] = vml_state_get_u32(r);
    c.apr[1] = vml_state_get_u32(r);
    groups = vml_state_get_u32(r);
    c.ctlr = vml_state_get_u32(r);
    c.bpr[0] = vml_state_get_u8(r);
    c.bpr[1] = vml_state_get_u8(r);
    waker = vml_state_get_u32(r);
    ctlr = vml_state_get_u32(r);
    check_cpu(gic, r, &c, groups, waker, ctlr);
    restore_word(r, &c.private_irqs, UINT32_MAX, 0xffff);
    for (uint32_t n = 0; n < 32; n++) {
        bytes[n] = vml_state_get_u8(r);
        check(r, (bytes[n] & ~PRIORITY_MASK) == 0);
    }
    for (uint32_t n = 0; n < 16; n++) {
        bytes[32 + n] = vml_state_get_u8(r);
        check(r, bytes[32 + n] < 1u << (gic->config.version == 2 ? gic->config.cpus : 0));
        sgis |= (uint32_t)(bytes[32 + n] != 0) << n;
        source[n] = vml_state_get_u8(r);
        check(r, source[n] < VML_GIC_MAX_CPUS_V2);
    }
    check(r, gic->config.version == 3 || (LOAD(&c.private_irqs.latch) & 0xffff) == sgis);
    if (!to) {
        return;
    }
    to->pmr = c.pmr;
    to->apr[0] = c.apr[0];
    to->apr[1] = c.apr[1];
    to->ctlr = c.ctlr;
    to->bpr[0] = c.bpr[0];
    to->bpr[1] = c.bpr[1];
    STORE(&to->enabled_groups, groups);
    STORE(&to->waker, waker);
    STORE(&to->gicr_ctlr, ctlr);
    for (uint32_t n = 0; n < 32; n++) {
        STORE(&to->priority[n], bytes[n]);
        STORE(&to->sgi_sources[n % 16], bytes[32 + n % 16]);
        to->sgi_active[n % 16] = source[n % 16];
    }
    STORE(&to->private_irqs.group, LOAD(&c.private_irqs.group));
    STORE(&to->private_irqs.enabled, LOAD(&c.private_irqs.enabled));
    STORE(&to->private_irqs.latch, LOAD(&c.private_irqs.latch));
    STORE(&to->private_irqs.level, LOAD(&c.private_irqs.level));
    STORE(&to->private_irqs.active, LOAD(&c.private_irqs.active));
    STORE(&to->private_irqs.edge, LOAD(&c.private_irqs.edge));
    STORE(&to->private_irqs.grpmod, LOAD(&c.private_irqs.grpmod));
}

static void restore_eppis(const struct vml_gic *gic, struct vml_state_reader *r,
                          struct vml_gic_eppis *to)
{
    for (uint32_t n = 0; n < gic->config.eppis / 32; n++) {
        restore_word(r, to ? &to->words[n] : NULL, UINT32_MAX, 0);
    }
    for (uint32_t n = 0; n < gic->config.eppis; n++) {
        uint8_t priority = vml_state_get_u8(r);

        check(r, (priority & ~PRIORITY_MASK) == 0);
        if (to) {
            STORE(&to->priority[n], priority);
        }
    }
}

static bool route_is_valid(const struct vml_gic *gic, uint64_t route)
{
    return gic->config.version == 3 ? (route & ~UINT64_C(0xff80ffffff)) == 0
                                    : route < VML_BIT64(gic->config.cpus);
}

/* One pass over the record: checks it, and stores it where `apply`. */
static void pass(struct vml_gic *gic, struct vml_state_reader *r, bool apply)
{
    uint32_t groups;

    vml_state_enter(r, TAG, VERSION);
    check(r, vml_state_get_u32(r) == gic->config.version);
    check(r, vml_state_get_u32(r) == gic->config.cpus);
    check(r, vml_state_get_u32(r) == gic->config.spis);
    check(r, vml_state_get_u32(r) == (gic->config.espis | gic->config.eppis << 16));
    groups = vml_state_get_u32(r);
    check(r, groups <= 3);
    if (apply) {
        STORE(&gic->enabled_groups, groups);
    }
    for (uint32_t i = 0; i < gic->config.cpus; i++) {
        restore_cpu(gic, r, apply ? &gic->cpus[i] : NULL, gic->cpus[i].affinity);
        restore_eppis(gic, r, apply ? gic->cpus[i].eppis : NULL);
    }
    for (uint32_t n = 1; n * 32 < gic->numbers; n = gic_next_spi(gic, n * 32 + 32) / 32) {
        uint32_t left = n * 32 < gic->intids ? gic->intids - n * 32 : 32;

        restore_word(r, apply ? &gic->irqs[n] : NULL, left < 32 ? VML_BIT32(left) - 1 : UINT32_MAX,
                     0);
    }
    FOR_EACH_SPI(gic, intid)
    {
        uint8_t priority = vml_state_get_u8(r);
        uint64_t route = vml_state_get_u64(r);
        uint16_t taker = vml_state_get_u16(r);

        check(r, (priority & ~PRIORITY_MASK) == 0 && route_is_valid(gic, route));
        check(r, taker < gic->config.cpus);
        if (apply) {
            STORE(&gic->priority[intid], priority);
            STORE(&gic->route[intid], route);
            STORE(&gic->taker[intid], taker);
        }
    }
    gic_lpi_restore(gic, r, apply);
    vml_state_leave(r);
}

/* Finds the place of an interrupt, and queues it. A private one's vCPU has the index `cpu`. */
static void rebuild_one(struct vml_gic *gic, uint32_t cpu, uint32_t intid)
{
    struct vml_gic_word *w = gic_word(gic, cpu, intid / 32);
    bool is_private = gic_is_private(intid);
    struct vml_gic_cpu *owner = &gic->cpus[is_private ? cpu : LOAD(&gic->owner[intid])];

    gic_set_place(gic, owner, intid, gic_priority(gic, owner, intid),
                  LOAD(&w->group) >> intid % 32 & 1);
    gic_requeue(gic, owner, w, intid, false);
    if (LOAD(&w->active) >> intid % 32 & 1) {
        gic_note_taken(gic, &gic->cpus[is_private ? cpu : LOAD(&gic->taker[intid])], intid);
    }
}

static void rebuild(struct vml_gic *gic)
{
    for (uint32_t i = 0; i < gic->config.cpus; i++) {
        struct vml_gic_cpu *c = &gic->cpus[i];
        uint32_t active = c->apr[0] | c->apr[1];

        gic_binary_points(gic, c);
        gic_export_interface(gic, c);
        c->running = active != 0 ? vml_ctz32(active) << 3 : IDLE_PRIORITY;
        for (uint32_t intid = 0; intid < 32; intid++) {
            rebuild_one(gic, i, intid);
        }
        for (uint32_t n = 0; n < gic->config.eppis; n++) {
            rebuild_one(gic, i, FIRST_EPPI + n);
        }
    }
    FOR_EACH_SPI(gic, intid)
    {
        rebuild_one(gic, 0, intid);
    }
    gic_route_all(gic);
    gic_update_all(gic);
}

enum vml_status gic_restore(struct vml_device *device, struct vml_state_reader *r)
{
    struct vml_gic *gic = gic_of(device);
    struct vml_state_reader check_only = *r;

    pass(gic, &check_only, false);
    if (vml_state_read_status(&check_only) != VML_OK) {
        pass(gic, r, false); /* leaves the error, and the place of it, in the caller's reader */
        return vml_state_read_status(r);
    }
    vml_gic_reset(gic);
    pass(gic, r, true);
    rebuild(gic);
    return vml_state_read_status(r);
}
