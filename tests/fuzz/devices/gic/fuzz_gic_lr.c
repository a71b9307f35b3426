/*
 * Delivery through list registers: whatever a guest makes of them and of the virtual interface, with
 * register accesses and wires while vCPUs are resident. No interrupt is in two list registers.
 */
#include "gic_fuzz.h"
#include <vml/gic_lr.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct guest {
    struct vml_gic gic;
    struct vml_gic_lrs lrs[FUZZ_CPUS];
    bool resident[FUZZ_CPUS];
};

static uint32_t intid_of(const struct guest *g, uint32_t cpu, uint32_t i)
{
    uint64_t lr = g->lrs[cpu].lr[i];

    return g->gic.config.version == 3 ? (uint32_t)lr : (uint32_t)lr & 0x3ff;
}

static bool has(const struct guest *g, uint32_t cpu, uint32_t intid, uint32_t from)
{
    for (uint32_t i = from; g->resident[cpu] && i < g->lrs[cpu].used; i++) {
        if (intid_of(g, cpu, i) == intid) {
            return true;
        }
    }
    return false;
}

static bool is_private(uint32_t intid)
{
    return intid < 32 || intid - 1056 < FUZZ_EPPIS;
}

static bool is_there(const struct guest *g, uint32_t intid)
{
    return intid < g->gic.intids || intid - 1056 < g->gic.config.eppis ||
           intid - 4096 < g->gic.config.espis;
}

static void check_lrs(const struct guest *g, uint32_t cpu)
{
    const struct vml_gic_lrs *lrs = &g->lrs[cpu];
    uint32_t shift = g->gic.config.version == 3 ? 62 : 28;

    if (lrs->used > lrs->count) {
        abort();
    }
    for (uint32_t i = 0; i < lrs->used; i++) {
        uint32_t intid = intid_of(g, cpu, i);

        if (!is_there(g, intid) || (lrs->lr[i] >> shift & 3) == 0 || has(g, cpu, intid, i + 1)) {
            abort();
        }
        for (uint32_t c = 0; !is_private(intid) && c < FUZZ_CPUS; c++) {
            if (c != cpu && has(g, c, intid, 0)) {
                abort();
            }
        }
    }
}

static void enter(struct guest *g, uint32_t cpu)
{
    vml_gic_lr_fill(&g->gic, cpu, &g->lrs[cpu]);
    g->resident[cpu] = true;
    check_lrs(g, cpu);
}

/* Leaves a guest that has done anything to what it can reach. */
static void leave(struct guest *g, uint32_t cpu, const uint8_t **data, size_t *size)
{
    struct vml_gic_lrs *lrs = &g->lrs[cpu];
    uint32_t shift = g->gic.config.version == 3 ? 62 : 28;
    uint64_t states = gic_fuzz_take(data, size, 2);

    for (uint32_t i = 0; i < lrs->used; i++) {
        lrs->lr[i] = (lrs->lr[i] & ~(UINT64_C(3) << shift)) | (states >> 2 * i & 3) << shift;
    }
    lrs->vmcr ^= (uint32_t)gic_fuzz_take(data, size, 4);
    lrs->ap0r ^= (uint32_t)gic_fuzz_take(data, size, 4);
    lrs->ap1r ^= (uint32_t)gic_fuzz_take(data, size, 4);
    lrs->hcr = (lrs->hcr & 0x07ffffff) | (uint32_t)gic_fuzz_take(data, size, 1) << 27;
    g->resident[cpu] = false;
    vml_gic_lr_fold(&g->gic, cpu, lrs);
}

static void access_register(struct guest *g, uint8_t op, const uint8_t **data, size_t *size)
{
    struct vml_gic *gic = &g->gic;
    struct vml_device *devices[] = {&gic->gicd, gic->config.version == 2 ? &gic->gicc : &gic->gicr,
                                    &gic->icc};
    struct vml_device *device = devices[op & 7];
    struct vml_access a = {.cpu = op >> 6, .write = (op & 8) != 0};

    a.offset = gic_fuzz_take(data, size, 3);
    a.size = (uint8_t)(1u << (op >> 4 & 3));
    a.value = a.write ? gic_fuzz_take(data, size, a.size) : 0;
    if (device == &gic->icc) {
        a.offset = VML_SYSREG(3, 0, a.offset & 128 ? 4 : 12, a.offset >> 3, a.offset);
    }
    if (g->resident[a.cpu] && (device == &gic->icc || device == &gic->gicc)) {
        leave(g, a.cpu, data, size); /* its interface is in hardware */
    }
    (void)device->ops->access(device, &a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static _Alignas(VML_CACHE_LINE_SIZE) uint8_t storage[FUZZ_STORAGE];
    static struct guest g;
    uint8_t how = (uint8_t)gic_fuzz_take(&data, &size, 1);
    struct vml_gic_config config = gic_fuzz_config(2 + (how & 1));

    config.storage = storage;
    config.storage_size = sizeof(storage);
    memset(&g, 0, sizeof(g));
    if (vml_gic_init(&g.gic, &config) != VML_OK) {
        abort();
    }
    for (uint32_t c = 0; c < FUZZ_CPUS; c++) {
        g.lrs[c].count = 1 + (how >> 1 & 7);
    }
    while (size > 0) {
        uint8_t op = (uint8_t)gic_fuzz_take(&data, &size, 1);
        uint32_t cpu = op >> 6, intid;

        switch (op & 7) {
        case 3:
            vml_gic_set_level(&g.gic, gic_fuzz_intid(&data, &size), cpu, (op & 8) != 0);
            break;
        case 4:
            intid = gic_fuzz_intid(&data, &size);
            if (op & 8) {
                vml_gic_set_pending(&g.gic, intid, cpu);
            } else {
                vml_gic_pulse(&g.gic, intid, cpu);
            }
            break;
        case 5:
        case 6:
            if (g.resident[cpu]) {
                leave(&g, cpu, &data, &size);
            } else {
                enter(&g, cpu);
            }
            break;
        case 7:
            intid = gic_fuzz_intid(&data, &size);
            if (vml_gic_lr_link(&g.gic, intid, cpu, op & 8 ? 32 + intid % 128 : 0) == VML_OK &&
                (intid < 16 || !is_there(&g, intid))) {
                abort(); /* there is no such line */
            }
            break;
        default:
            access_register(&g, op, &data, &size);
            break;
        }
        gic_fuzz_check(&g.gic);
    }
    return 0;
}
