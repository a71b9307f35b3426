/* The ITS: registers, messages, the translation cache, and its saved state. */
#include "its.h"
#include <vml/regs.h>

enum { VERSION = 1, DOORBELL = 0x10040 };
#define TAG VML_STATE_TAG('I', 'T', 'S', ' ')

/* IHI 0069H 12.19.1 to 12.19.8 */
enum { CTLR_ENABLED = 1 };
#define CTLR_QUIESCENT UINT64_C(0x80000000)
/* Physical; 8 bytes an ITT entry; bits of EventID and DeviceID; PTA 0: RDbase is a processor number. */
#define TYPER_VALUE                                                                                \
    (1u | 7u << 4 | (ITS_EVENT_BITS - 1u) << 8 | (uint64_t)(ITS_DEVICE_BITS - 1u) << 13)
#define CBASER_BITS                                                                                \
    (ITS_VALID | VML_MASK64(61, 59) | VML_MASK64(55, 53) | VML_MASK64(51, 10) | 0xffu)
/* Valid, Indirect, cacheability, address, shareability, page size, size; the rest is fixed. */
#define BASER_BITS                                                                                 \
    (ITS_VALID | ITS_INDIRECT | VML_MASK64(61, 59) | VML_MASK64(55, 53) | VML_MASK64(47, 0))
#define BASER_ENTRY_SIZE (UINT64_C(7) << 48)

static struct vml_its *its_of(struct vml_device *device)
{
    return VML_CONTAINER_OF(device, struct vml_its, device);
}

/* A translation in the cache: DeviceID, EventID, LPI and vCPU, 16 bits each. */
static uint64_t entry_of(uint32_t device_id, uint32_t event_id, uint32_t lpi, uint32_t cpu)
{
    return (uint64_t)device_id << 48 | (uint64_t)event_id << 32 | lpi << 16 | cpu;
}

static inline _Atomic uint64_t *place(const struct vml_its *its, uint32_t device_id,
                                      uint32_t event_id)
{
    return &its->config.cache[(device_id * 37 + event_id) & (its->config.cache_size - 1)];
}

void its_forget(struct vml_its *its, uint32_t device_id, uint32_t event_id)
{
    if (its->config.cache_size != 0) {
        STORE(place(its, device_id, event_id), ITS_NO_ENTRY);
    }
}

void its_forget_all(struct vml_its *its)
{
    for (uint32_t i = 0; i < its->config.cache_size; i++) {
        STORE(&its->config.cache[i], ITS_NO_ENTRY);
    }
}

enum its_result its_translate(struct vml_its *its, uint32_t device_id, uint32_t event_id,
                              uint32_t *lpi, uint32_t *cpu)
{
    struct its_event event;
    enum its_result result = its_find_event(its, device_id, event_id, &event);

    if (result == ITS_OK) {
        *lpi = event.lpi;
        result = its_find_collection(its, event.icid, cpu);
    }
    return result;
}

/* The message's translation is not in the cache: it is put there. */
static VML_COLD enum vml_status walk(struct vml_its *its, uint32_t device_id, uint32_t event_id)
{
    struct gic_effect effect = {0, 0};
    enum vml_status status = VML_ERR_NOT_FOUND;
    uint32_t lpi, cpu;

    vml_mutex_lock(&its->lock);
    if (its->enabled && its_translate(its, device_id, event_id, &lpi, &cpu) == ITS_OK) {
        if (its->config.cache_size != 0) {
            STORE(place(its, device_id, event_id), entry_of(device_id, event_id, lpi, cpu));
        }
        (void)gic_lpi_raise(its->config.gic, lpi, cpu, NULL, 0, &effect);
        status = VML_OK;
    }
    vml_mutex_unlock(&its->lock);
    gic_tell_effect(its->config.gic, effect);
    return status;
}

enum vml_status vml_its_msi(struct vml_its *its, uint32_t device_id, uint32_t event_id)
{
    struct gic_effect effect = {0, 0};

    vml_trace(its->config.gic->config.debug, UINT32_MAX, VML_TRACE_MSI, its->config.base + DOORBELL,
              event_id, device_id);
    if (VML_UNLIKELY((device_id >> ITS_DEVICE_BITS | event_id >> ITS_EVENT_BITS) != 0)) {
        return VML_ERR_NOT_FOUND;
    }
    if (VML_LIKELY(its->config.cache_size != 0)) {
        const _Atomic uint64_t *at = place(its, device_id, event_id);
        uint64_t entry = LOAD(at);

        if (VML_LIKELY(entry >> 32 == (device_id << 16 | event_id) && entry != ITS_NO_ENTRY &&
                       gic_lpi_raise(its->config.gic, (uint32_t)entry >> 16,
                                     (uint32_t)(entry & 0xffff), at, entry, &effect))) {
            gic_tell_effect(its->config.gic, effect);
            return VML_OK;
        }
    }
    return walk(its, device_id, event_id);
}

static enum vml_status take_msi(void *controller, const struct vml_msi *msi)
{
    struct vml_its *its = VML_CONTAINER_OF(controller, struct vml_its, controller);

    return msi->address == its->config.base + DOORBELL ? vml_its_msi(its, msi->device_id, msi->data)
                                                       : VML_ERR_NOT_FOUND;
}

bool vml_its_run(struct vml_its *its, uint32_t budget)
{
    uint32_t used = 0;

    for (;;) {
        struct gic_effect effects[2] = {{0, 0}, {0, 0}};
        bool work;

        vml_mutex_lock(&its->lock);
        work = its_has_work(its);
        if (!work || used >= budget) {
            vml_mutex_unlock(&its->lock);
            return work;
        }
        used += its_step(its, effects);
        vml_mutex_unlock(&its->lock);
        gic_tell_effect(its->config.gic, effects[0]);
        gic_tell_effect(its->config.gic, effects[1]);
    }
}

static uint64_t load(struct vml_its *its, const uint64_t *reg)
{
    uint64_t value;

    vml_mutex_lock(&its->lock);
    value = *reg;
    vml_mutex_unlock(&its->lock);
    return value;
}

static GIC_READ_HOOK(read_ctlr)
{
    struct vml_its *its = its_of(device);
    uint64_t value;

    (void)reg;
    (void)index;
    (void)access;
    vml_mutex_lock(&its->lock);
    value = its->enabled ? CTLR_ENABLED : CTLR_QUIESCENT;
    vml_mutex_unlock(&its->lock);
    return value;
}

static GIC_WRITE_HOOK(write_ctlr)
{
    struct vml_its *its = its_of(device);

    (void)reg;
    (void)index;
    (void)access;
    vml_mutex_lock(&its->lock);
    its->enabled = (uint32_t)(value & mask & CTLR_ENABLED);
    its_forget_all(its);
    vml_mutex_unlock(&its->lock);
}

static GIC_READ_HOOK(read_cbaser)
{
    (void)reg;
    (void)index;
    (void)access;
    return load(its_of(device), &its_of(device)->cbaser);
}

/* IHI 0069H 12.19.2: a change while enabled is UNPREDICTABLE: here it is ignored. */
static GIC_WRITE_HOOK(write_cbaser)
{
    struct vml_its *its = its_of(device);

    (void)reg;
    (void)index;
    (void)access;
    vml_mutex_lock(&its->lock);
    if (!its->enabled) {
        mask &= CBASER_BITS;
        its->cbaser = (its->cbaser & ~mask) | (value & mask);
        its->creadr = 0;
        its->progress = 0;
    }
    vml_mutex_unlock(&its->lock);
}

static GIC_READ_HOOK(read_cwriter)
{
    (void)reg;
    (void)index;
    (void)access;
    return load(its_of(device), &its_of(device)->cwriter);
}

static GIC_WRITE_HOOK(write_cwriter)
{
    struct vml_its *its = its_of(device);

    (void)reg;
    (void)index;
    (void)access;
    vml_mutex_lock(&its->lock);
    if (value & mask & 1) { /* Retry */
        its->creadr &= ~ITS_STALLED;
    }
    its->cwriter = (its->cwriter & ~mask) | (value & mask & ITS_OFFSET);
    vml_mutex_unlock(&its->lock);
}

static GIC_READ_HOOK(read_creadr)
{
    (void)reg;
    (void)index;
    (void)access;
    return load(its_of(device), &its_of(device)->creadr);
}

/* GITS_BASER0 is for devices, Type 1, GITS_BASER1 for collections, Type 4; the others do not exist. */
static GIC_READ_HOOK(read_baser)
{
    (void)reg;
    (void)access;
    if (index > ITS_COLLECTIONS) {
        return 0;
    }
    return load(its_of(device), &its_of(device)->baser[index]) | BASER_ENTRY_SIZE |
           (index == ITS_DEVICES ? UINT64_C(1) : UINT64_C(4)) << 56;
}

static GIC_WRITE_HOOK(write_baser)
{
    struct vml_its *its = its_of(device);

    (void)reg;
    (void)access;
    if (index > ITS_COLLECTIONS) {
        return;
    }
    vml_mutex_lock(&its->lock);
    if (!its->enabled) {
        mask &= BASER_BITS;
        its->baser[index] = (its->baser[index] & ~mask) | (value & mask);
    }
    vml_mutex_unlock(&its->lock);
}

#define NONE VML_REG_NO_STATE
#define HOOKS(name, offset, count, width, sizes, read, write)                                      \
    {                                                                                              \
        name, offset, count, 0, width, sizes, VML_REG_RW, 0, UINT64_MAX, NONE, read, write         \
    }
#define CONSTANT(name, offset, width, sizes, value)                                                \
    {                                                                                              \
        name, offset, 1, 0, width, sizes, VML_REG_RO, value, 0, NONE, gic_read_constant, NULL      \
    }

static const struct vml_reg rows[] = {
    HOOKS("GITS_CTLR", 0x0000, 1, 4, VML_SIZE_4, read_ctlr, write_ctlr),
    CONSTANT("GITS_IIDR", 0x0004, 4, VML_SIZE_4, GIC_IIDR),
    CONSTANT("GITS_TYPER", 0x0008, 8, VML_SIZE_48, TYPER_VALUE),
    HOOKS("GITS_CBASER", 0x0080, 1, 8, VML_SIZE_48, read_cbaser, write_cbaser),
    HOOKS("GITS_CWRITER", 0x0088, 1, 8, VML_SIZE_48, read_cwriter, write_cwriter),
    HOOKS("GITS_CREADR", 0x0090, 1, 8, VML_SIZE_48, read_creadr, gic_ignore_write),
    HOOKS("GITS_BASER", 0x0100, 8, 8, VML_SIZE_48, read_baser, write_baser),
    CONSTANT("GITS_PIDR4", 0xffd0, 4, VML_SIZE_4, 0x44),
    CONSTANT("GITS_PIDR0", 0xffe0, 4, VML_SIZE_4, 0x94),
    CONSTANT("GITS_PIDR1", 0xffe4, 4, VML_SIZE_4, 0xb4),
    CONSTANT("GITS_PIDR2", 0xffe8, 4, VML_SIZE_4, 0x3b),
    CONSTANT("GITS_CIDR0", 0xfff0, 4, VML_SIZE_4, 0x0d),
    CONSTANT("GITS_CIDR1", 0xfff4, 4, VML_SIZE_4, 0xf0),
    CONSTANT("GITS_CIDR2", 0xfff8, 4, VML_SIZE_4, 0x05),
    CONSTANT("GITS_CIDR3", 0xfffc, 4, VML_SIZE_4, 0xb1),
    /* A vCPU's own write has no DeviceID: it is ignored. Devices use `controller`. */
    {"GITS_TRANSLATER", DOORBELL, 1, 0, 4, VML_SIZE_2 | VML_SIZE_4, VML_REG_WO, 0, UINT32_MAX, NONE,
     gic_read_constant, gic_ignore_write},
};

const struct vml_reg_table vml_gits_regs = {rows, VML_ARRAY_SIZE(rows), VML_ITS_SIZE, true};

/* Each access runs commands: writes after they have changed something, reads before they look. */
static enum vml_bus_result its_access(struct vml_device *device, struct vml_access *access)
{
    struct vml_its *its = its_of(device);
    enum vml_bus_result result;

    if (access->write) {
        result = vml_regs_access(&vml_gits_regs, device, NULL, access);
        (void)vml_its_run(its, its->config.budget);
        return result;
    }
    (void)vml_its_run(its, its->config.budget);
    return vml_regs_access(&vml_gits_regs, device, NULL, access);
}

static void its_reset(struct vml_device *device)
{
    struct vml_its *its = its_of(device);

    its->enabled = 0;
    its->cbaser = 0;
    its->cwriter = 0;
    its->creadr = 0;
    its->baser[0] = 0;
    its->baser[1] = 0;
    its->progress = 0;
    its_forget_all(its);
}

/* The mappings are in guest memory. */
static void its_save(struct vml_device *device, struct vml_state_writer *w)
{
    const struct vml_its *its = its_of(device);

    vml_state_begin(w, TAG, VERSION);
    vml_state_put_bool(w, its->enabled != 0);
    vml_state_put_u64(w, its->cbaser);
    vml_state_put_u64(w, its->cwriter);
    vml_state_put_u64(w, its->creadr);
    vml_state_put_u64(w, its->baser[0]);
    vml_state_put_u64(w, its->baser[1]);
    vml_state_put_u32(w, its->progress);
    vml_state_end(w);
}

static enum vml_status its_restore(struct vml_device *device, struct vml_state_reader *r)
{
    struct vml_its *its = its_of(device);
    bool enabled;
    uint64_t cbaser, cwriter, creadr, baser[2];
    uint32_t progress;

    vml_state_enter(r, TAG, VERSION);
    enabled = vml_state_get_bool(r);
    cbaser = vml_state_get_u64(r);
    cwriter = vml_state_get_u64(r);
    creadr = vml_state_get_u64(r);
    baser[0] = vml_state_get_u64(r);
    baser[1] = vml_state_get_u64(r);
    progress = vml_state_get_u32(r);
    vml_state_leave(r);
    if ((cbaser & ~CBASER_BITS) != 0 || (cwriter & ~ITS_OFFSET) != 0 ||
        (creadr & ~(ITS_OFFSET | ITS_STALLED)) != 0 || (baser[0] & ~BASER_BITS) != 0 ||
        (baser[1] & ~BASER_BITS) != 0 || progress > 2 * its->config.gic->config.lpis) {
        vml_state_fail(r, VML_ERR_CORRUPT);
    }
    if (vml_state_read_status(r) != VML_OK) {
        return vml_state_read_status(r);
    }
    its_reset(device);
    its->enabled = enabled;
    its->cbaser = cbaser;
    its->cwriter = cwriter;
    its->creadr = creadr;
    its->baser[0] = baser[0];
    its->baser[1] = baser[1];
    its->progress = progress;
    return VML_OK;
}

void vml_its_get_registers(const struct vml_its *its, struct vml_its_registers *registers)
{
    *registers = (struct vml_its_registers){
        .enabled = its->enabled != 0,
        .cbaser = its->cbaser,
        .cwriter = its->cwriter,
        .creadr = its->creadr,
        .baser = {its->baser[0], its->baser[1]},
    };
}

void vml_its_set_registers(struct vml_its *its, const struct vml_its_registers *registers)
{
    its_reset(&its->device);
    its->enabled = registers->enabled;
    its->cbaser = registers->cbaser & CBASER_BITS;
    its->cwriter = registers->cwriter & ITS_OFFSET;
    its->creadr = registers->creadr & (ITS_OFFSET | ITS_STALLED);
    its->baser[0] = registers->baser[0] & BASER_BITS;
    its->baser[1] = registers->baser[1] & BASER_BITS;
}

enum vml_status vml_its_init(struct vml_its *its, const struct vml_its_config *config)
{
    static const struct vml_device_ops device_ops = {its_access, its_reset, NULL, its_save,
                                                     its_restore};
    static const struct vml_irq_controller_ops ops = {{gic_no_level, gic_no_pulse, take_msi},
                                                      gic_not_pending};

    if (!config->gic || config->gic->config.lpis == 0 ||
        (config->cache_size != 0 &&
         (!config->cache || config->cache_size > 4096 || !vml_is_pow2(config->cache_size)))) {
        return VML_ERR_INVALID;
    }
    memset(its, 0, sizeof(*its));
    its->config = *config;
    if (config->budget == 0) {
        its->config.budget = VML_ITS_BUDGET;
    }
    its->device = (struct vml_device){"its", &device_ops};
    its->controller = (struct vml_irq_controller){"its", &ops};
    vml_mutex_init(&its->lock);
    its_reset(&its->device);
    return VML_OK;
}
