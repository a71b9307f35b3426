/* Operations on a GIC from bytes, and what must hold after each. */
#ifndef GIC_FUZZ_H
#define GIC_FUZZ_H

#include <stdlib.h>
#include <string.h>
#include <vml/gic.h>
#include <vml/vbus.h>

enum { FUZZ_CPUS = 4, FUZZ_SPIS = 96, FUZZ_EPPIS = 64, FUZZ_ESPIS = 32 };
enum { FUZZ_EPPI_NUMBER = 1024, FUZZ_ESPI_NUMBER = 1088 }; /* what they are inside */
#define FUZZ_STORAGE                                                                               \
    (VML_GIC_STORAGE(FUZZ_CPUS, FUZZ_SPIS) + VML_GIC_STORAGE_EPPIS(FUZZ_CPUS) +                    \
     VML_GIC_STORAGE_ESPIS(FUZZ_CPUS, FUZZ_ESPIS))

static struct vml_gic_config gic_fuzz_config(uint32_t version)
{
    return (struct vml_gic_config){.version = version,
                                   .cpus = FUZZ_CPUS,
                                   .spis = FUZZ_SPIS,
                                   .eppis = version == 3 ? FUZZ_EPPIS : 0,
                                   .espis = version == 3 ? FUZZ_ESPIS : 0};
}

static uint64_t gic_fuzz_take(const uint8_t **data, size_t *size, size_t bytes)
{
    uint64_t v = 0;
    size_t n = *size < bytes ? *size : bytes;

    memcpy(&v, *data, n);
    *data += n;
    *size -= n;
    return v;
}

/* An INTID from a byte: its own value, or from 144 one at the end of an extended range or beyond. */
static uint32_t gic_fuzz_intid(const uint8_t **data, size_t *size)
{
    uint32_t byte = (uint32_t)gic_fuzz_take(data, size, 1);

    if (byte >= 224) {
        return 4096 + (byte - 224) * 2;
    }
    return byte < 144 ? byte : 1056 + (byte - 144);
}

static bool gic_fuzz_is_queued(const struct vml_gic *gic, const struct vml_gic_cpu *c,
                               uint32_t group, uint32_t priority, uint32_t intid)
{
    return (c->queue.bits[((priority >> 3) * 2 + group) * gic->words + intid / 64] >> intid % 64 &
            1) != 0;
}

static bool gic_fuzz_is_line(const struct vml_gic_line *line, uint32_t intid)
{
    return line && (uint32_t)line->lr == intid;
}

/* How many interrupts are deliverable; each of them must be queued at its place, or be the only one
 * that is pending on its vCPU.  One that was listed by a shortcut only seems to be deliverable. */
static uint32_t gic_fuzz_deliverable(const struct vml_gic *gic, const struct vml_gic_word *w,
                                     uint32_t first, const struct vml_gic_cpu *cpu,
                                     const _Atomic uint8_t *priorities)
{
    uint32_t pending = w->latch | (w->level & ~w->edge), count = 0;
    uint32_t gate = w->enabled & ~w->active & w->routed & ~w->listed, bits = pending & gate;

    if (gate != w->gate) {
        abort();
    }
    for (uint32_t n = 0; n < 32; n++) {
        uint32_t intid = first + n;
        const struct vml_gic_cpu *c = cpu ? cpu : &gic->cpus[gic->owner[intid]];
        uint32_t priority = priorities[n];

        if (!(bits >> n & 1)) {
            if (gic_fuzz_is_line(c->pending_line, intid) ||
                gic_fuzz_is_line(c->listed_line, intid)) {
                abort();
            }
        } else if (!gic_fuzz_is_line(c->listed_line, intid)) {
            count++;
            if (gic_fuzz_is_line(c->pending_line, intid)
                    ? c->queue.places != 0
                    : !gic_fuzz_is_queued(gic, c, w->group >> n & 1, priority, intid)) {
                abort();
            }
        }
    }
    return count;
}

/* How many interrupts are queued at a place. The summaries must say so. */
static uint32_t gic_fuzz_queued(const struct vml_gic *gic, const struct vml_gic_cpu *c,
                                uint32_t place)
{
    uint64_t summary = c->queue.summary[place];
    uint32_t count = 0;

    if ((summary != 0) != (c->queue.places >> place & 1) || summary >> gic->words != 0) {
        abort();
    }
    for (; summary != 0; summary &= summary - 1) {
        uint64_t bits = c->queue.bits[place * gic->words + (uint32_t)__builtin_ctzll(summary)];

        if (bits == 0) {
            abort();
        }
        count += (uint32_t)__builtin_popcountll(bits);
    }
    return count;
}

/* The queues hold what the registers show as deliverable, at its place, and nothing else; nothing is
 * signalled while they are empty. */
static void gic_fuzz_check(struct vml_gic *gic)
{
    uint32_t expected = 0, queued = 0;

    for (uint32_t i = 1; i * 32 < gic->numbers; i++) {
        if (i * 32 < gic->intids || i * 32 >= FUZZ_ESPI_NUMBER) {
            expected +=
                gic_fuzz_deliverable(gic, &gic->irqs[i], i * 32, NULL, &gic->priority[i * 32]);
        }
    }
    for (uint32_t i = 0; i < FUZZ_CPUS; i++) {
        const struct vml_gic_cpu *c = &gic->cpus[i];
        bool out = vml_gic_pending(gic, i, VML_IRQ_OUTPUT_IRQ) ||
                   vml_gic_pending(gic, i, VML_IRQ_OUTPUT_FIQ);

        expected += gic_fuzz_deliverable(gic, &c->private_irqs, 0, c, c->priority);
        for (uint32_t n = 0; n < gic->config.eppis; n += 32) {
            expected += gic_fuzz_deliverable(gic, &c->eppis->words[n / 32], FUZZ_EPPI_NUMBER + n, c,
                                             &c->eppis->priority[n]);
        }
        for (uint32_t place = 0; place < 2 * VML_GIC_LEVELS; place++) {
            queued += gic_fuzz_queued(gic, c, place);
        }
        queued += c->pending_line != NULL;
        if ((out && c->queue.places == 0 && !c->pending_line) ||
            (!c->fit_line && (c->pending_line || c->listed_line))) {
            abort();
        }
    }
    if (queued != expected) {
        abort();
    }
}

static inline int gic_fuzz(uint32_t version, const uint8_t *data, size_t size)
{
    static _Alignas(VML_CACHE_LINE_SIZE) uint8_t storage[FUZZ_STORAGE];
    struct vml_gic_config config = gic_fuzz_config(version);
    struct vml_gic gic;

    config.storage = storage;
    config.storage_size = sizeof(storage);
    if (vml_gic_init(&gic, &config) != VML_OK) {
        abort();
    }
    struct vml_device *devices[] = {&gic.gicd, version == 2 ? &gic.gicc : &gic.gicr, &gic.icc};

    while (size > 0) {
        uint8_t op = (uint8_t)gic_fuzz_take(&data, &size, 1);
        uint32_t cpu = op >> 6, kind = op & 7;
        struct vml_access a = {.cpu = cpu, .write = (op & 8) != 0};

        if (kind < 6) {
            struct vml_device *device = devices[kind % 3];

            a.offset = gic_fuzz_take(&data, &size, 3);
            a.size = (uint8_t)(1u << (op >> 4 & 3));
            a.value = a.write ? gic_fuzz_take(&data, &size, a.size) : 0;
            if (device == &gic.icc) {
                a.offset = VML_SYSREG(3, 0, a.offset & 128 ? 4 : 12, a.offset >> 3, a.offset);
            }
            (void)device->ops->access(device, &a);
        } else if (kind == 6) {
            vml_gic_set_level(&gic, gic_fuzz_intid(&data, &size), cpu, a.write);
        } else {
            vml_gic_pulse(&gic, gic_fuzz_intid(&data, &size), cpu);
        }
        gic_fuzz_check(&gic);
    }
    return 0;
}

#endif
