/* A GICv3 with LPIs, guest memory for its tables, and an ITS, as its driver uses them. */
#ifndef ITS_RIG_H
#define ITS_RIG_H

#include "rig.h"
#include <vml/gic_its.h>

/* Guest memory: one region, and where things are in it. */
enum {
    RAM = 0x40000000,
    RAM_SIZE = 0x400000,
    PROP = RAM + 0x100000,       /* 64 KiB */
    PEND = RAM + 0x200000,       /* 64 KiB for each vCPU */
    QUEUE = RAM + 0x10000,       /* 4 KiB: 128 commands */
    DEVICES = RAM + 0x20000,     /* flat, 64 KiB: 8192 devices */
    COLLECTIONS = RAM + 0x30000, /* flat, 4 KiB: 512 collections */
    ITTS = RAM + 0x40000,        /* 4 KiB for each device */
    NOWHERE = 0x20000000,        /* no memory */
    ITS_BASE = 0x08080000,
    LPI = 8192,
};
enum { GITS_CTLR = 0, GITS_TYPER = 8, CBASER = 0x80, CWRITER = 0x88, CREADR = 0x90, BASER = 0x100 };
enum { PROPBASER = 0x70, PENDBASER = 0x78, INVLPIR = 0xa0, INVALLR = 0xb0, SYNCR = 0xc0 };
enum { SETLPIR = 0x40, CLRLPIR = 0x48 };
enum { GICR_TYPER = 8 };
#define VALID (UINT64_C(1) << 63)

struct its_rig {
    struct rig r;
    struct vml_as as;
    uint64_t as_storage[VML_AS_STORAGE(4) / 8 + 1];
    struct vml_as_region region;
    uint8_t *ram;
    struct vml_its its;
    _Atomic uint64_t cache[64];
    uint64_t cwriter;
};

/* Makes the GIC; no LPIs are enabled yet. */
static inline void its_rig_make(struct its_rig *t, uint32_t cpus, uint32_t lpis)
{
    struct vml_its_config its_config = {
        .gic = &t->r.gic, .base = ITS_BASE, .cache = t->cache, .cache_size = 64};

    memset(t, 0, sizeof(*t));
    t->ram = aligned_alloc(4096, RAM_SIZE);
    memset(t->ram, 0, RAM_SIZE);
    assert_int_equal(vml_as_init(&t->as, t->as_storage, 4), VML_OK);
    t->region =
        (struct vml_as_region){.name = "ram", .base = RAM, .size = RAM_SIZE, .host = t->ram};
    assert_int_equal(vml_as_add(&t->as, &t->region), VML_OK);
    rig_make(&t->r, (struct vml_gic_config){
                        .version = 3, .cpus = cpus, .spis = 64, .lpis = lpis, .memory = &t->as});
    assert_int_equal(vml_its_init(&t->its, &its_config), VML_OK);
    linux_v3(&t->r);
}

static inline void its_rig_free(struct its_rig *t)
{
    rig_free(&t->r);
    free(t->ram);
}

static inline uint8_t *ram(struct its_rig *t, uint64_t address)
{
    return &t->ram[address - RAM];
}

static inline void put64(struct its_rig *t, uint64_t address, uint64_t value)
{
    vml_store_le64(ram(t, address), value);
}

static inline uint64_t gicr(struct its_rig *t, uint32_t cpu, uint64_t offset, uint8_t size)
{
    return rd(&t->r.gic.gicr, cpu, (uint64_t)cpu * VML_GICR_SIZE + offset, size);
}

static inline void gicr_write(struct its_rig *t, uint32_t cpu, uint64_t offset, uint8_t size,
                              uint64_t value)
{
    wr(&t->r.gic.gicr, cpu, (uint64_t)cpu * VML_GICR_SIZE + offset, size, value);
}

/* Priority and enable of an LPI in the configuration table; no invalidation. */
static inline void configure(struct its_rig *t, uint32_t intid, uint8_t config)
{
    *ram(t, PROP + intid - LPI) = config;
}

static inline uint64_t pending_table(uint32_t cpu)
{
    return PEND + (uint64_t)cpu * 0x10000;
}

static inline bool is_in_table(struct its_rig *t, uint32_t cpu, uint32_t intid)
{
    return (*ram(t, pending_table(cpu) + intid / 8) >> intid % 8 & 1) != 0;
}

/* As Linux's its_cpu_init_lpis(). */
static inline void enable_lpis(struct its_rig *t, uint32_t cpu)
{
    gicr_write(t, cpu, PROPBASER, 8, PROP | 15 | 7 << 7 | 1 << 10);
    gicr_write(t, cpu, PENDBASER, 8, pending_table(cpu) | 7 << 7 | 1 << 10);
    gicr_write(t, cpu, 0, 4, gicr(t, cpu, 0, 4) | 1);
}

static inline void disable_lpis(struct its_rig *t, uint32_t cpu)
{
    gicr_write(t, cpu, 0, 4, gicr(t, cpu, 0, 4) & ~UINT64_C(1));
}

static inline uint64_t gits(struct its_rig *t, uint64_t offset, uint8_t size)
{
    return rd(&t->its.device, 0, offset, size);
}

static inline void gits_write(struct its_rig *t, uint64_t offset, uint8_t size, uint64_t value)
{
    wr(&t->its.device, 0, offset, size, value);
}

/* Puts a command into the queue; the ITS does not see it yet. */
static inline void queue(struct its_rig *t, uint64_t dw0, uint64_t dw1, uint64_t dw2, uint64_t dw3)
{
    put64(t, QUEUE + t->cwriter, dw0);
    put64(t, QUEUE + t->cwriter + 8, dw1);
    put64(t, QUEUE + t->cwriter + 16, dw2);
    put64(t, QUEUE + t->cwriter + 24, dw3);
    t->cwriter = (t->cwriter + 32) % 4096;
}

/* Lets the ITS run what is queued, and waits for it. */
static inline void submit(struct its_rig *t)
{
    gits_write(t, CWRITER, 8, t->cwriter);
    for (uint32_t i = 0; i < 1000 && gits(t, CREADR, 8) != t->cwriter; i++) {
    }
    assert_int_equal(gits(t, CREADR, 8), t->cwriter);
}

static inline void q_mapd(struct its_rig *t, uint32_t device, uint64_t itt, uint32_t bits,
                          bool valid)
{
    queue(t, (uint64_t)device << 32 | 0x08, bits - 1, itt | (valid ? VALID : 0), 0);
}

static inline void q_mapc(struct its_rig *t, uint32_t icid, uint32_t cpu, bool valid)
{
    queue(t, 0x09, 0, icid | (uint64_t)cpu << 16 | (valid ? VALID : 0), 0);
}

static inline void q_mapti(struct its_rig *t, uint32_t device, uint32_t event, uint32_t intid,
                           uint32_t icid)
{
    queue(t, (uint64_t)device << 32 | 0x0a, event | (uint64_t)intid << 32, icid, 0);
}

static inline void q_event(struct its_rig *t, uint32_t code, uint32_t device, uint32_t event,
                           uint32_t icid)
{
    queue(t, (uint64_t)device << 32 | code, event, icid, 0);
}

static inline void q_movi(struct its_rig *t, uint32_t device, uint32_t event, uint32_t icid)
{
    q_event(t, 0x01, device, event, icid);
}

static inline void q_int(struct its_rig *t, uint32_t device, uint32_t event)
{
    q_event(t, 0x03, device, event, 0);
}

static inline void q_clear(struct its_rig *t, uint32_t device, uint32_t event)
{
    q_event(t, 0x04, device, event, 0);
}

static inline void q_sync(struct its_rig *t, uint32_t cpu)
{
    queue(t, 0x05, 0, (uint64_t)cpu << 16, 0);
}

static inline void q_mapi(struct its_rig *t, uint32_t device, uint32_t event, uint32_t icid)
{
    q_event(t, 0x0b, device, event, icid);
}

static inline void q_inv(struct its_rig *t, uint32_t device, uint32_t event)
{
    q_event(t, 0x0c, device, event, 0);
}

static inline void q_invall(struct its_rig *t, uint32_t icid)
{
    queue(t, 0x0d, 0, icid, 0);
}

static inline void q_movall(struct its_rig *t, uint32_t from, uint32_t to)
{
    queue(t, 0x0e, 0, (uint64_t)from << 16, (uint64_t)to << 16);
}

static inline void q_discard(struct its_rig *t, uint32_t device, uint32_t event)
{
    q_event(t, 0x0f, device, event, 0);
}

/* As Linux's its_probe_one(): flat tables, the queue, and a collection for each vCPU. */
static inline void its_up(struct its_rig *t, uint32_t cpus)
{
    its_rig_make(t, cpus, 8192);
    for (uint32_t n = 0; n < 8192; n++) {
        configure(t, LPI + n, 0xa1);
    }
    gits_write(t, BASER, 8, VALID | 7ull << 59 | DEVICES | 1 << 10 | 15);
    gits_write(t, BASER + 8, 8, VALID | 7ull << 59 | COLLECTIONS | 1 << 10);
    gits_write(t, CBASER, 8, VALID | 7ull << 59 | QUEUE | 1 << 10);
    gits_write(t, CWRITER, 8, 0);
    gits_write(t, GITS_CTLR, 4, 1);
    for (uint32_t i = 0; i < cpus; i++) {
        enable_lpis(t, i);
        q_mapc(t, i, i, true);
        q_invall(t, i);
    }
    submit(t);
}

enum { DEVICE = 7 };

/* DEVICE with 32 EventIDs; EventID n is LPI 8192 + n of vCPU 0. */
static inline void its_up_with_device(struct its_rig *t, uint32_t cpus)
{
    its_up(t, cpus);
    q_mapd(t, DEVICE, ITTS, 5, true);
    for (uint32_t n = 0; n < 32; n++) {
        q_mapti(t, DEVICE, n, LPI + n, 0);
    }
    submit(t);
}

static inline enum vml_status msi(struct its_rig *t, uint32_t event)
{
    return vml_its_msi(&t->its, DEVICE, event);
}

/* Takes and ends what is pending; returns its INTID. */
static inline uint32_t take(struct its_rig *t, uint32_t cpu)
{
    uint32_t intid = (uint32_t)icc(&t->r, cpu, IAR1);

    if (intid != 1023) {
        icc_write(&t->r, cpu, EOIR1, intid);
    }
    return intid;
}

#endif
