/* LPI configuration and pending tables in guest memory, the registers about LPIs, and their saved state. */
#include "lpi.h"
#include <vml/regs.h>

enum { FIRST_PENDING_BYTE = VML_GIC_FIRST_LPI / 8 };

/* IHI 0069H 12.11.27 and 12.11.26: what of GICR_PROPBASER and GICR_PENDBASER is stored. */
#define CACHEABILITY (VML_MASK64(58, 56) | VML_MASK64(11, 7))
#define PROP_ADDRESS VML_MASK64(51, 12)
#define PROP_BITS    (CACHEABILITY | PROP_ADDRESS | VML_MASK64(4, 0))
#define PEND_ADDRESS VML_MASK64(51, 16)
#define PEND_PTZ     VML_BIT64(62)
#define PEND_BITS    (CACHEABILITY | PEND_ADDRESS | PEND_PTZ)

static struct vml_gic *gic_of(struct vml_device *device)
{
    return VML_CONTAINER_OF(device, struct vml_gic, gicr);
}

/* GICR_PROPBASER or GICR_PENDBASER, whole. */
static uint64_t load_base(struct vml_gic *gic, uint32_t cpu, const uint64_t *base)
{
    uint64_t value;

    gic_lock(gic, &gic->cpus[cpu]);
    value = *base;
    vml_mutex_unlock(&gic->cpus[cpu].lock);
    return value;
}

/* LPIs that GICR_PROPBASER.IDbits allows. */
static uint32_t limit_of(const struct vml_gic *gic, uint64_t propbaser)
{
    uint32_t bits = (uint32_t)(propbaser & 31) + 1, most;

    if (bits > 16) {
        bits = 16;
    }
    most = bits < 14 ? 0 : VML_BIT32(bits) - VML_GIC_FIRST_LPI;
    return most < gic->config.lpis ? most : gic->config.lpis;
}

/* What cannot be read is 0: a disabled LPI, none pending. */
static void read_table(struct vml_gic *gic, uint64_t address, uint8_t *bytes, uint32_t count)
{
    if (vml_as_read(gic->config.memory, address, bytes, count) != VML_OK) {
        memset(bytes, 0, count);
    }
}

/* Reads the configuration of one LPI again. */
void gic_lpi_reload(struct vml_gic *gic, uint32_t cpu, uint32_t n, struct gic_effect *effect)
{
    uint64_t base = load_base(gic, cpu, &gic->lpi_cpus[cpu].propbaser);
    uint8_t config;

    if (LOAD(&gic->lpi_cpus[cpu].enabled) && n < limit_of(gic, base)) {
        read_table(gic, (base & PROP_ADDRESS) + n, &config, 1);
        gic_lpi_set_config(gic, n, config, effect);
    }
}

/* Reads on in the configuration table: to the next change, at most LPI_CHUNK LPIs.
 * @param cursor in: where to begin; out: where to go on
 * @return false when all has been read */
bool gic_lpi_reload_some(struct vml_gic *gic, uint32_t cpu, uint32_t *cursor,
                         struct gic_effect *effect)
{
    uint64_t base = load_base(gic, cpu, &gic->lpi_cpus[cpu].propbaser);
    uint32_t limit = limit_of(gic, base), first = *cursor, count;
    uint8_t bytes[LPI_CHUNK];

    if (first >= limit) {
        return false;
    }
    count = limit - first < LPI_CHUNK ? limit - first : LPI_CHUNK;
    read_table(gic, (base & PROP_ADDRESS) + first, bytes, count);
    for (uint32_t i = 0; i < count; i++) {
        uint8_t config = bytes[i] & (PRIORITY_MASK | LPI_CONFIG_ENABLED);

        if (config != LOAD(&gic->lpis[first + i].config)) {
            gic_lpi_set_config(gic, first + i, config, effect);
            *cursor = first + i + 1;
            return *cursor < limit;
        }
    }
    *cursor = first + count;
    return *cursor < limit;
}

/* Bounded by the number of LPIs: each step goes on by one at least. */
static void reload_all(struct vml_gic *gic, uint32_t cpu)
{
    uint32_t cursor = 0;
    bool more = true;

    while (more) {
        struct gic_effect effect = {0, 0};

        more = gic_lpi_reload_some(gic, cpu, &cursor, &effect);
        gic_tell_effect(gic, effect);
    }
}

static void raise(struct vml_gic *gic, uint32_t cpu, uint32_t n)
{
    struct gic_effect effect = {0, 0};

    (void)gic_lpi_raise(gic, n, cpu, NULL, 0, &effect);
    gic_tell_effect(gic, effect);
}

static void load_pending(struct vml_gic *gic, uint32_t cpu, uint64_t pendbaser, uint32_t limit)
{
    uint64_t table = (pendbaser & PEND_ADDRESS) + FIRST_PENDING_BYTE;
    uint8_t bytes[LPI_CHUNK];

    for (uint32_t at = 0; at < limit / 8; at += LPI_CHUNK) {
        uint32_t count = limit / 8 - at < LPI_CHUNK ? limit / 8 - at : LPI_CHUNK;

        read_table(gic, table + at, bytes, count);
        for (uint32_t i = 0; i < count; i++) {
            for (uint32_t bits = bytes[i]; bits != 0; bits &= bits - 1) {
                raise(gic, cpu, (at + i) * 8 + vml_ctz32(bits));
            }
        }
    }
}

/* Whether a list register has an LPI: perhaps pending, so that counts as pending. */
static bool is_in_register(const struct vml_gic_lpi *lpi)
{
    return lpi->state & LPI_LISTED && !(lpi->lister & LPI_VOID);
}

/* Writes which LPIs are pending at a vCPU into its pending table. */
static void store_pending(struct vml_gic *gic, uint32_t cpu, uint64_t pendbaser, uint32_t limit)
{
    uint64_t table = (pendbaser & PEND_ADDRESS) + FIRST_PENDING_BYTE;
    uint8_t bytes[LPI_CHUNK];

    for (uint32_t at = 0; at < limit / 8; at += LPI_CHUNK) {
        uint32_t count = limit / 8 - at < LPI_CHUNK ? limit / 8 - at : LPI_CHUNK;

        memset(bytes, 0, sizeof(bytes));
        gic_lock(gic, &gic->cpus[cpu]);
        for (uint32_t i = 0; i < count * 8; i++) {
            const struct vml_gic_lpi *lpi = &gic->lpis[at * 8 + i];

            if (atomic_load_explicit(&lpi->owner, memory_order_acquire) == cpu &&
                (lpi->state & LPI_PENDING || is_in_register(lpi))) {
                bytes[i / 8] = (uint8_t)(bytes[i / 8] | 1u << i % 8);
            }
        }
        vml_mutex_unlock(&gic->cpus[cpu].lock);
        if (vml_as_write(gic->config.memory, table + at, bytes, count) != VML_OK) {
            return; /* no memory: nothing is kept */
        }
    }
}

void vml_gic_lpi_write_back(struct vml_gic *gic)
{
    for (uint32_t cpu = 0; gic->config.lpis != 0 && cpu < gic->config.cpus; cpu++) {
        const struct vml_gic_lpi_cpu *lc = &gic->lpi_cpus[cpu];

        if (LOAD(&lc->enabled)) {
            store_pending(gic, cpu, load_base(gic, cpu, &lc->pendbaser), LOAD(&lc->limit));
        }
    }
}

/* IHI 0069H 12.11.3: EnableLPIs, CES and IR; RWP while another vCPU changes EnableLPIs. */
uint32_t gic_lpi_ctlr(const struct vml_gic *gic, uint32_t cpu)
{
    if (gic->config.lpis == 0) {
        return 0;
    }
    return LOAD(&gic->lpi_cpus[cpu].enabled) | GICR_CES | GICR_IR |
           (LOAD(&gic->lpi_cpus[cpu].changing) ? GICR_RWP : 0);
}

/* IHI 0069H 12.11.27: a change while EnableLPIs is 1 is UNPREDICTABLE: here it is ignored. */
static void write_base(struct vml_gic *gic, uint32_t cpu, uint64_t *base, uint64_t value,
                       uint64_t mask)
{
    gic_lock(gic, &gic->cpus[cpu]);
    if (!LOAD(&gic->lpi_cpus[cpu].enabled)) {
        *base = (*base & ~mask) | (value & mask);
    }
    vml_mutex_unlock(&gic->cpus[cpu].lock);
}

/* A write of GICR_CTLR.EnableLPIs; while one is under way others are ignored. */
void gic_lpi_enable(struct vml_gic *gic, uint32_t cpu, bool enable)
{
    struct vml_gic_lpi_cpu *lc;
    uint64_t pendbaser;
    uint32_t limit;

    if (gic->config.lpis == 0) {
        return;
    }
    lc = &gic->lpi_cpus[cpu];
    if (LOAD(&lc->enabled) == enable || atomic_exchange(&lc->changing, 1) != 0) {
        return;
    }
    if (LOAD(&lc->enabled) != enable) {
        limit = limit_of(gic, load_base(gic, cpu, &lc->propbaser));
        pendbaser = load_base(gic, cpu, &lc->pendbaser);
        STORE(&lc->enabled, enable);
        if (enable) {
            reload_all(gic, cpu);
            gic_lpi_set_limit(gic, cpu, limit);
            if (!(pendbaser & PEND_PTZ)) {
                load_pending(gic, cpu, pendbaser, limit);
            }
        } else {
            store_pending(gic, cpu, pendbaser, limit);
            gic_lpi_set_limit(gic, cpu, 0);
            write_base(gic, cpu, &lc->pendbaser, 0, PEND_PTZ); /* the table has content now */
        }
    }
    atomic_store(&lc->changing, 0);
}

/* The LPI that a register names: its INTID is in the lower word. LPI_NONE for none, or no LPIs yet. */
static uint32_t named(struct vml_gic *gic, uint32_t cpu, uint64_t value, uint64_t mask)
{
    uint32_t intid = (uint32_t)value;

    if ((uint32_t)mask == 0 || !gic_is_lpi(gic, intid) || !LOAD(&gic->lpi_cpus[cpu].enabled)) {
        return LPI_NONE;
    }
    return intid - VML_GIC_FIRST_LPI;
}

GIC_WRITE_HOOK(gic_write_setlpir)
{
    struct vml_gic *gic = gic_of(device);
    uint32_t n = named(gic, access->cpu, value, mask);

    (void)reg;
    (void)index;
    if (n != LPI_NONE) {
        raise(gic, access->cpu, n);
    }
}

GIC_WRITE_HOOK(gic_write_clrlpir)
{
    struct vml_gic *gic = gic_of(device);
    uint32_t n = named(gic, access->cpu, value, mask);
    struct gic_effect effect = {0, 0};

    (void)reg;
    (void)index;
    if (n != LPI_NONE && LOAD(&gic->lpis[n].owner) == access->cpu) {
        gic_lpi_clear(gic, n, &effect);
        gic_tell_effect(gic, effect);
    }
}

GIC_WRITE_HOOK(gic_write_invlpir)
{
    struct vml_gic *gic = gic_of(device);
    uint32_t n = named(gic, access->cpu, value, mask);
    struct gic_effect effect = {0, 0};

    (void)reg;
    (void)index;
    if (n != LPI_NONE) {
        gic_lpi_reload(gic, access->cpu, n, &effect);
        gic_tell_effect(gic, effect);
    }
}

GIC_WRITE_HOOK(gic_write_invallr)
{
    struct vml_gic *gic = gic_of(device);

    (void)reg;
    (void)index;
    (void)value;
    (void)mask;
    if (gic->config.lpis != 0 && LOAD(&gic->lpi_cpus[access->cpu].enabled)) {
        reload_all(gic, access->cpu);
    }
}

GIC_READ_HOOK(gic_read_propbaser)
{
    struct vml_gic *gic = gic_of(device);

    (void)reg;
    (void)index;
    return gic->config.lpis == 0
               ? 0
               : load_base(gic, access->cpu, &gic->lpi_cpus[access->cpu].propbaser);
}

GIC_WRITE_HOOK(gic_write_propbaser)
{
    struct vml_gic *gic = gic_of(device);

    (void)reg;
    (void)index;
    if (gic->config.lpis != 0) {
        write_base(gic, access->cpu, &gic->lpi_cpus[access->cpu].propbaser, value,
                   mask & PROP_BITS);
    }
}

GIC_READ_HOOK(gic_read_pendbaser)
{
    struct vml_gic *gic = gic_of(device);

    (void)reg;
    (void)index;
    return gic->config.lpis == 0
               ? 0
               : load_base(gic, access->cpu, &gic->lpi_cpus[access->cpu].pendbaser) & ~PEND_PTZ;
}

GIC_WRITE_HOOK(gic_write_pendbaser)
{
    struct vml_gic *gic = gic_of(device);

    (void)reg;
    (void)index;
    if (gic->config.lpis != 0) {
        write_base(gic, access->cpu, &gic->lpi_cpus[access->cpu].pendbaser, value,
                   mask & PEND_BITS);
    }
}

/* The configuration as it was last read, and the pending LPIs in the order of their lists. */
void gic_lpi_save(struct vml_gic *gic, struct vml_state_writer *w)
{
    vml_state_put_u32(w, gic->config.lpis);
    if (gic->config.lpis == 0) {
        return;
    }
    for (uint32_t n = 0; n < gic->config.lpis; n++) {
        vml_state_put_u8(w, LOAD(&gic->lpis[n].config));
    }
    for (uint32_t i = 0; i < gic->config.cpus; i++) {
        const struct vml_gic_lpi_cpu *lc = &gic->lpi_cpus[i];

        vml_state_put_bool(w, LOAD(&lc->enabled) != 0);
        vml_state_put_u64(w, lc->propbaser);
        vml_state_put_u64(w, lc->pendbaser);
        for (uint32_t list = 0; list < VML_GIC_LPI_LISTS; list++) {
            for (uint32_t n = lc->head[list]; n != LPI_NONE; n = gic->lpis[n].next) {
                vml_state_put_u16(w, (uint16_t)n);
            }
        }
        vml_state_put_u16(w, LPI_NONE);
    }
}

static void check(struct vml_state_reader *r, bool valid)
{
    if (!valid) {
        vml_state_fail(r, VML_ERR_CORRUPT);
    }
}

static void restore_cpu(struct vml_gic *gic, struct vml_state_reader *r, uint32_t cpu, bool apply)
{
    struct vml_gic_lpi_cpu *lc = &gic->lpi_cpus[cpu];
    bool enabled = vml_state_get_bool(r);
    uint64_t propbaser = vml_state_get_u64(r), pendbaser = vml_state_get_u64(r);
    uint32_t limit = enabled ? limit_of(gic, propbaser) : 0, n = 0;

    check(r, (propbaser & ~PROP_BITS) == 0 && (pendbaser & ~PEND_BITS) == 0);
    if (apply) {
        STORE(&lc->enabled, enabled);
        lc->propbaser = propbaser;
        lc->pendbaser = pendbaser;
        STORE(&lc->limit, limit);
    }
    for (uint32_t count = 0; n != LPI_NONE && count <= limit; count++) {
        n = vml_state_get_u16(r);
        check(r, n == LPI_NONE || n < limit);
        if (vml_state_read_status(r) != VML_OK) {
            return;
        }
        if (apply && n != LPI_NONE) {
            gic_lpi_put(gic, cpu, n);
        }
    }
    check(r, n == LPI_NONE);
}

/* Checks what gic_lpi_save() wrote; stores it, in a GIC that has been reset, where `apply`. */
void gic_lpi_restore(struct vml_gic *gic, struct vml_state_reader *r, bool apply)
{
    check(r, vml_state_get_u32(r) == gic->config.lpis);
    if (gic->config.lpis == 0 || vml_state_read_status(r) != VML_OK) {
        return;
    }
    for (uint32_t n = 0; n < gic->config.lpis; n++) {
        uint8_t config = vml_state_get_u8(r);

        check(r, (config & ~(PRIORITY_MASK | LPI_CONFIG_ENABLED)) == 0);
        if (apply) {
            STORE(&gic->lpis[n].config, config);
        }
    }
    for (uint32_t i = 0; i < gic->config.cpus; i++) {
        restore_cpu(gic, r, i, apply);
    }
}
