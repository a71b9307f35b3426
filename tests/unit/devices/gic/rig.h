/* A GIC with accessors, for its tests. */
#ifndef RIG_H
#define RIG_H

#include "test.h"
#include <stdlib.h>
#include <vml/gic.h>
#include <vml/vbus.h>

#define ICC(crm, op2) VML_SYSREG(3, 0, 12, crm, op2)
#define IAR0          ICC(8, 0)
#define EOIR0         ICC(8, 1)
#define HPPIR0        ICC(8, 2)
#define BPR0          ICC(8, 3)
#define AP0R0         ICC(8, 4)
#define AP1R0         ICC(9, 0)
#define DIR           ICC(11, 1)
#define RPR           ICC(11, 3)
#define SGI1R         ICC(11, 5)
#define ASGI1R        ICC(11, 6)
#define SGI0R         ICC(11, 7)
#define IAR1          ICC(12, 0)
#define EOIR1         ICC(12, 1)
#define HPPIR1        ICC(12, 2)
#define BPR1          ICC(12, 3)
#define CTLR          ICC(12, 4)
#define SRE           ICC(12, 5)
#define IGRPEN0       ICC(12, 6)
#define IGRPEN1       ICC(12, 7)
#define PMR           VML_SYSREG(3, 0, 4, 6, 0)

struct rig {
    struct vml_gic gic;
    void *storage;
    unsigned told;
    bool lock_held;
    bool told_level[2];
    uint32_t told_cpu;
};

static inline void rig_told(void *context, uint32_t cpu, enum vml_irq_output output, bool level)
{
    struct rig *r = context;

    r->told++;
    r->told_cpu = cpu;
    r->told_level[output] = level;
    if (vml_mutex_try_lock(&r->gic.cpus[cpu].lock)) {
        vml_mutex_unlock(&r->gic.cpus[cpu].lock);
    } else {
        r->lock_held = true;
    }
    if (vml_mutex_try_lock(&r->gic.route_lock)) {
        vml_mutex_unlock(&r->gic.route_lock);
    } else {
        r->lock_held = true;
    }
}

/* As `config` says, but for what the rig has: storage, and who is told. */
static inline void rig_make(struct rig *r, struct vml_gic_config config)
{
    memset(r, 0, sizeof(*r));
    config.output = rig_told;
    config.context = r;
    config.storage_size = vml_gic_storage_size(&config);
    assert_int_not_equal(config.storage_size, 0);
    r->storage =
        aligned_alloc(VML_CACHE_LINE_SIZE, (config.storage_size + VML_CACHE_LINE_SIZE - 1) /
                                               VML_CACHE_LINE_SIZE * VML_CACHE_LINE_SIZE);
    config.storage = r->storage;
    assert_int_equal(vml_gic_init(&r->gic, &config), VML_OK);
}

static inline void rig_init(struct rig *r, uint32_t version, uint32_t cpus, uint32_t spis)
{
    rig_make(r, (struct vml_gic_config){.version = version, .cpus = cpus, .spis = spis});
}

static inline void rig_free(struct rig *r)
{
    assert_false(r->lock_held);
    free(r->storage);
}

static inline uint64_t rd(struct vml_device *d, uint32_t cpu, uint64_t offset, uint8_t size)
{
    struct vml_access a = {.offset = offset, .cpu = cpu, .size = size};

    assert_int_equal(d->ops->access(d, &a), VML_BUS_OK);
    return a.value;
}

static inline void wr(struct vml_device *d, uint32_t cpu, uint64_t offset, uint8_t size,
                      uint64_t value)
{
    struct vml_access a = {
        .offset = offset, .cpu = cpu, .size = size, .write = true, .value = value};

    assert_int_equal(d->ops->access(d, &a), VML_BUS_OK);
}

static inline uint64_t icc(struct rig *r, uint32_t cpu, uint64_t reg)
{
    uint64_t value = 0;

    assert_int_equal(vml_gic_icc_read(&r->gic, cpu, reg, &value), VML_BUS_OK);
    return value;
}

static inline void icc_write(struct rig *r, uint32_t cpu, uint64_t reg, uint64_t value)
{
    assert_int_equal(vml_gic_icc_write(&r->gic, cpu, reg, value), VML_BUS_OK);
}

static inline bool irq(struct rig *r, uint32_t cpu)
{
    return vml_gic_pending(&r->gic, cpu, VML_IRQ_OUTPUT_IRQ);
}

static inline bool fiq(struct rig *r, uint32_t cpu)
{
    return vml_gic_pending(&r->gic, cpu, VML_IRQ_OUTPUT_FIQ);
}

static inline size_t save_device(struct vml_device *d, uint8_t *image, size_t size)
{
    struct vml_state_writer w;

    vml_state_writer_init(&w, image, size);
    d->ops->save(d, &w);
    assert_int_equal(vml_state_write_status(&w), VML_OK);
    return w.used;
}

static inline enum vml_status restore_device(struct vml_device *d, const uint8_t *image,
                                             size_t size)
{
    struct vml_state_reader r;

    vml_state_reader_init(&r, image, size);
    return d->ops->restore(d, &r);
}

static inline size_t rig_save(struct rig *r, uint8_t *image, size_t size)
{
    return save_device(&r->gic.gicd, image, size);
}

static inline enum vml_status rig_restore(struct rig *r, const uint8_t *image, size_t size)
{
    return restore_device(&r->gic.gicd, image, size);
}

/* Of an SPI, in a register with a bit for each. */
static inline void rig_enable_spi(struct rig *r, uint32_t intid)
{
    wr(&r->gic.gicd, 0, 0x100 + intid / 32 * 4, 4, 1u << intid % 32);
}

static inline uint64_t rig_spi_bit(struct rig *r, uint32_t base, uint32_t intid)
{
    return rd(&r->gic.gicd, 0, base + intid / 32 * 4, 4) >> intid % 32 & 1;
}

/* The state of a version 3's list register. */
enum { LR_INVALID, LR_PENDING, LR_ACTIVE };

static inline uint32_t lr_state(uint64_t lr)
{
    return (uint32_t)(lr >> 62);
}

static inline uint64_t lr_with_state(uint64_t lr, uint32_t state)
{
    return (lr & ~(UINT64_C(3) << 62)) | (uint64_t)state << 62;
}

/* Does what Linux's irq-gic-v3.c does on the way up. */
static inline void linux_v3(struct rig *r)
{
    struct vml_gic *g = &r->gic;

    wr(&g->gicd, 0, 0, 4, 0);
    for (uint32_t i = 32; i < g->intids; i += 32) {
        wr(&g->gicd, 0, 0x80 + i / 8, 4, 0xffffffff);
        wr(&g->gicd, 0, 0x380 + i / 8, 4, 0xffffffff);
        wr(&g->gicd, 0, 0x180 + i / 8, 4, 0xffffffff);
    }
    for (uint32_t i = 32; i < g->intids; i += 4) {
        wr(&g->gicd, 0, 0x400 + i, 4, 0xa0a0a0a0);
    }
    wr(&g->gicd, 0, 0, 4, 0x13);
    for (uint32_t c = 0; c < g->config.cpus; c++) {
        uint64_t rd_base = (uint64_t)c * VML_GICR_SIZE, sgi = rd_base + 0x10000;

        wr(&g->gicr, c, rd_base + 0x14, 4, 0);
        wr(&g->gicr, c, sgi + 0x80, 4, 0xffffffff);
        for (uint32_t i = 0; i < 32; i += 4) {
            wr(&g->gicr, c, sgi + 0x400 + i, 4, 0xa0a0a0a0);
        }
        wr(&g->gicr, c, sgi + 0x100, 4, 0xffff);
        icc_write(r, c, PMR, 0xf0);
        icc_write(r, c, BPR1, 0);
        icc_write(r, c, CTLR, 0);
        icc_write(r, c, IGRPEN1, 1);
    }
}

/* A GICv3 with all SPIs that there can be, as Linux has it. */
static inline void rig_up(struct rig *r, uint32_t cpus)
{
    rig_init(r, 3, cpus, 988);
    linux_v3(r);
}

#endif
