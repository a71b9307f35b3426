/*
 * LPIs: private to devices/gic.
 *
 * An LPI is guarded by the lock of the vCPU that its `owner` names, as an SPI is.  Its owner changes
 * only while it is in no list, under the old owner's lock alone; hence the ordering of `owner`.
 *
 * A pending LPI is in one list of its owner: that of its level if it is deliverable, else HELD.
 * While the list of a level has LPIs, LPI_MARK, which is no interrupt, is in the owner's queue at that
 * level: so selection finds the level as for any interrupt, and what is next in two steps.
 *
 * A list register has the pending state of the LPI that is listed; what comes in addition stays with
 * the LPI, which is HELD until its vCPU folds.  That vCPU is told of all that happens to it meanwhile.
 * The LPI's owner can be another vCPU by then: what the list register has left goes there.
 *
 * Pending is one bit an LPI, not one a redistributor: software that makes an LPI pending where it is
 * pending elsewhere already (an error, IHI 0069H 5.1) finds it pending in the first place only.
 *
 * Lock order: an ITS's lock, then a vCPU's lock.  simple_as takes no lock.
 */
#ifndef LPI_H
#define LPI_H

#include "gic.h"

enum {
    LPI_MARK = 1023,
    LPI_WORDS = 16, /* of a level of a queue that has LPI_MARK */
    LPI_NONE = 0xffff,
    LPI_CHUNK = 256, /* how many are looked at in one step */
    LPI_HELD = 32,   /* the list of what is pending but not deliverable */
};
/* vml_gic_lpi.state: bits 5:0 its list, while pending. */
enum { LPI_LIST = 0x3f, LPI_PENDING = 0x40, LPI_LISTED = 0x80 };
/* vml_gic_lpi.lister: cleared since; the list register's pending state is void. */
enum { LPI_VOID = 0x8000 };
enum { LPI_CONFIG_ENABLED = 1 };
enum { GICR_ENABLE_LPIS = 1, GICR_CES = 1 << 1, GICR_IR = 1 << 2, GICR_RWP = 1 << 3 };
/* IHI 0069H 12.11.35 GICR_TYPER: PLPIS, DirectLPI; CommonLPIAff is 0: one configuration table. */
enum { GICR_TYPER_LPIS = 1 | 1 << 3 };

/* Outputs to tell of when no lock is held any more. */
struct gic_effect {
    uint32_t cpu;
    uint32_t change;
};

static inline void gic_tell_effect(struct vml_gic *gic, struct gic_effect e)
{
    gic_tell(gic, e.cpu, e.change);
}

static inline bool gic_is_lpi(const struct vml_gic *gic, uint32_t intid)
{
    return intid - VML_GIC_FIRST_LPI < gic->config.lpis;
}

/* lpi.c; `n` is an INTID - 8192, less than config.lpis */
bool gic_lpi_config_is_valid(const struct vml_gic_config *config);
uint32_t gic_lpi_typer(const struct vml_gic *gic);
void gic_lpi_reset(struct vml_gic *gic);
struct vml_gic_cpu *gic_lpi_lock(struct vml_gic *gic, uint32_t n);
uint32_t gic_lpi_first(const struct vml_gic_cpu *c, uint32_t level);
uint32_t gic_lpi_acknowledge(struct vml_gic *gic, struct vml_gic_cpu *c, uint32_t level);
uint32_t gic_lpi_list(struct vml_gic *gic, struct vml_gic_cpu *c, uint32_t level);
void gic_lpi_unlist(struct vml_gic *gic, uint32_t intid, bool pending);
bool gic_lpi_raise(struct vml_gic *gic, uint32_t n, uint32_t cpu, const _Atomic uint64_t *entry,
                   uint64_t expected, struct gic_effect *effect);
void gic_lpi_put(struct vml_gic *gic, uint32_t cpu, uint32_t n);
void gic_lpi_clear(struct vml_gic *gic, uint32_t n, struct gic_effect *effect);
void gic_lpi_move(struct vml_gic *gic, uint32_t n, uint32_t to, struct gic_effect effects[2]);
bool gic_lpi_move_one(struct vml_gic *gic, uint32_t from, uint32_t to,
                      struct gic_effect effects[2]);
bool gic_lpi_move_listed(struct vml_gic *gic, uint32_t from, uint32_t to, uint32_t *cursor,
                         struct gic_effect effects[2]);
void gic_lpi_set_config(struct vml_gic *gic, uint32_t n, uint8_t config, struct gic_effect *effect);
void gic_lpi_set_limit(struct vml_gic *gic, uint32_t cpu, uint32_t limit);

/* lpi_table.c */
uint32_t gic_lpi_ctlr(const struct vml_gic *gic, uint32_t cpu);
void gic_lpi_enable(struct vml_gic *gic, uint32_t cpu, bool enable);
void gic_lpi_reload(struct vml_gic *gic, uint32_t cpu, uint32_t n, struct gic_effect *effect);
bool gic_lpi_reload_some(struct vml_gic *gic, uint32_t cpu, uint32_t *cursor,
                         struct gic_effect *effect);
GIC_WRITE_HOOK(gic_write_setlpir);
GIC_WRITE_HOOK(gic_write_clrlpir);
GIC_READ_HOOK(gic_read_propbaser);
GIC_WRITE_HOOK(gic_write_propbaser);
GIC_READ_HOOK(gic_read_pendbaser);
GIC_WRITE_HOOK(gic_write_pendbaser);
GIC_WRITE_HOOK(gic_write_invlpir);
GIC_WRITE_HOOK(gic_write_invallr);
void gic_lpi_save(struct vml_gic *gic, struct vml_state_writer *w);
void gic_lpi_restore(struct vml_gic *gic, struct vml_state_reader *r, bool apply);

#endif
