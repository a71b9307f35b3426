/* LPIs and an ITS whose tables, queue and registers belong to the guest, mixed with messages. */
#include <stdlib.h>
#include <string.h>
#include <vml/gic_its.h>
#include <vml/gic_lr.h>
#include <vml/vbus.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    CPUS = 3,
    LPIS = 64,
    RAM = 0x40000000,
    RAM_SIZE = 0x10000,
    DEVICES = 0x1000,
    COLLECTIONS = 0x2000,
    QUEUE = 0x3000,
    PROP = 0x4000,
    PEND = 0x0000, /* 64 KiB aligned; its LPIs begin at 0x400 */
    ITTS = 0x5000,
    BUDGET = 8,
};

struct machine {
    struct vml_gic gic;
    struct vml_its its;
    struct vml_as as;
    uint64_t as_storage[VML_AS_STORAGE(1) / 8 + 1];
    struct vml_as_region region;
    _Atomic uint64_t cache[16];
    struct vml_gic_lrs lrs[CPUS];
    uint32_t cwriter;
};

static _Alignas(VML_CACHE_LINE_SIZE) uint8_t storage[VML_GIC_STORAGE_LPIS(CPUS, 32, LPIS)];
static _Alignas(4096) uint8_t ram[RAM_SIZE];
static struct machine m;

static uint64_t take(const uint8_t **data, size_t *size, size_t bytes)
{
    uint64_t v = 0;
    size_t n = *size < bytes ? *size : bytes;

    memcpy(&v, *data, n);
    *data += n;
    *size -= n;
    return v;
}

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

static void write_reg(struct vml_device *device, uint64_t offset, uint8_t size, uint64_t value)
{
    struct vml_access a = {.offset = offset, .size = size, .write = true, .value = value};

    must(device->ops->access(device, &a) == VML_BUS_OK);
}

static void make(void)
{
    struct vml_gic_config config = {.version = 3,
                                    .cpus = CPUS,
                                    .spis = 32,
                                    .lpis = LPIS,
                                    .memory = &m.as,
                                    .storage = storage,
                                    .storage_size = sizeof(storage)};
    struct vml_its_config its = {
        .gic = &m.gic, .budget = BUDGET, .cache = m.cache, .cache_size = 16};

    memset(&m, 0, sizeof(m));
    memset(ram, 0, sizeof(ram));
    must(vml_as_init(&m.as, m.as_storage, 1) == VML_OK);
    m.region = (struct vml_as_region){.name = "ram", .base = RAM, .size = RAM_SIZE, .host = ram};
    must(vml_as_add(&m.as, &m.region) == VML_OK);
    must(vml_gic_init(&m.gic, &config) == VML_OK);
    must(vml_its_init(&m.its, &its) == VML_OK);
}

/* What a driver does first, so that short inputs get somewhere. */
static void prepare(void)
{
    const uint64_t valid = UINT64_C(1) << 63;

    write_reg(&m.gic.gicd, 0, 4, 2);
    memset(ram + PROP, 0xa1, LPIS);
    for (uint32_t i = 0; i < CPUS; i++) {
        uint64_t base = (uint64_t)i * VML_GICR_SIZE;

        write_reg(&m.gic.gicr, base + 0x70, 8, (RAM + PROP) | 15);
        write_reg(&m.gic.gicr, base + 0x78, 8, RAM + PEND);
        write_reg(&m.gic.gicr, base, 4, 1);
        must(vml_gic_icc_write(&m.gic, i, VML_SYSREG(3, 0, 4, 6, 0), 0xff) == VML_BUS_OK);
        must(vml_gic_icc_write(&m.gic, i, VML_SYSREG(3, 0, 12, 12, 7), 1) == VML_BUS_OK);
    }
    write_reg(&m.its.device, 0x100, 8, valid | (RAM + DEVICES));
    write_reg(&m.its.device, 0x108, 8, valid | (RAM + COLLECTIONS));
    write_reg(&m.its.device, 0x80, 8, valid | (RAM + QUEUE));
    write_reg(&m.its.device, 0, 4, 1);
}

/* A command with small numbers: device and event of 4 bits, LPIs around those that there are. */
static void command(const uint8_t **data, size_t *size)
{
    uint64_t code = take(data, size, 1), ids = take(data, size, 1), lpi = take(data, size, 1);
    uint64_t rest = take(data, size, 1), dw[4];

    dw[0] = (code & 0x1f) | (ids & 15) << 32;
    dw[1] = (ids >> 4) | (8190 + lpi % 80) << 32;
    dw[2] = (rest & 3) | (rest >> 2 & 3) << 16 | (rest & 128) << 56;
    dw[3] = (rest >> 4 & 3) << 16;
    if ((code & 0x1f) == 8) {
        dw[1] = lpi % 18;
        dw[2] = (rest & 128) << 56 | (RAM + ITTS + (ids & 15) * 0x400);
    }
    for (uint32_t i = 0; i < 4; i++) {
        vml_store_le64(ram + QUEUE + m.cwriter + i * 8, dw[i]);
    }
    m.cwriter = (m.cwriter + 32) % 4096;
    if (code & 0x80) {
        write_reg(&m.its.device, 0x88, 8, m.cwriter | 1);
    }
}

static void check_cpu(uint32_t cpu, uint32_t *listed)
{
    const struct vml_gic_lpi_cpu *lc = &m.gic.lpi_cpus[cpu];
    const struct vml_gic_cpu *c = &m.gic.cpus[cpu];

    for (uint32_t list = 0; list < VML_GIC_LPI_LISTS; list++) {
        uint32_t previous = 0xffff;

        for (uint32_t n = lc->head[list]; n != 0xffff; n = m.gic.lpis[n].next) {
            const struct vml_gic_lpi *lpi = &m.gic.lpis[n];
            bool deliverable = (lpi->config & 1) && !(lpi->state & 0x80);

            must(n < LPIS && lpi->owner == cpu && lpi->previous == previous);
            must((lpi->state & 0x40) && (lpi->state & 0x3f) == list);
            must(list == (deliverable ? lpi->config >> 3 : 32u));
            must(++*listed <= LPIS && n < lc->limit);
            previous = n;
        }
        must(lc->tail[list] == previous);
        if (list < 32) {
            bool mark = (c->queue.bits[(2 * list + 1) * m.gic.words + 15] >> 63) != 0;

            must(mark == (lc->head[list] != 0xffff));
        }
    }
}

/* Whether a vCPU is in its guest with an LPI in a list register. */
static bool is_in_list_register(uint32_t cpu, uint32_t n)
{
    const struct vml_gic_lrs *lrs = &m.lrs[cpu];

    for (uint32_t i = 0; lrs->count != 0 && i < lrs->used; i++) {
        if ((uint32_t)lrs->lr[i] == VML_GIC_FIRST_LPI + n) {
            return true;
        }
    }
    return false;
}

/* The lists hold what is pending, each where it belongs; list registers what is said to be in them. */
static void check(void)
{
    uint32_t listed = 0, pending = 0;

    for (uint32_t i = 0; i < CPUS; i++) {
        check_cpu(i, &listed);
    }
    for (uint32_t n = 0; n < LPIS; n++) {
        const struct vml_gic_lpi *lpi = &m.gic.lpis[n];

        pending += lpi->state >> 6 & 1;
        for (uint32_t i = 0; i < CPUS; i++) {
            bool here = (lpi->state & 0x80) != 0 && (lpi->lister & 0x7fff) == i;

            must(here == is_in_list_register(i, n));
        }
    }
    must(listed == pending);
}

static void access_device(struct vml_device *device, uint8_t op, uint64_t offset, uint64_t value)
{
    struct vml_access a = {.offset = offset,
                           .size = (uint8_t)(1u << (op >> 4 & 3)),
                           .cpu = (op >> 6) % CPUS,
                           .write = (op & 8) != 0,
                           .value = value};
    uint64_t before = m.its.creadr & ~UINT64_C(31), moved;

    (void)device->ops->access(device, &a);
    moved = (m.its.creadr & ~UINT64_C(31)) - before;
    /* At most as much as one access may run, unless it began again, or wrapped. */
    must(device != &m.its.device || moved <= BUDGET * 32 || m.its.creadr < before);
}

static void take_interrupt(uint32_t cpu)
{
    uint64_t value;

    must(vml_gic_icc_read(&m.gic, cpu, VML_SYSREG(3, 0, 12, 12, 0), &value) == VML_BUS_OK);
    if (vml_gic_pending(&m.gic, cpu, VML_IRQ_OUTPUT_IRQ) && value == 1023) {
        abort();
    }
    must(vml_gic_icc_write(&m.gic, cpu, VML_SYSREG(3, 0, 12, 12, 1), value) == VML_BUS_OK);
}

/* A fill, and a fold some time later; in between the guest takes some. */
static void switch_world(uint32_t cpu, uint64_t taken)
{
    struct vml_gic_lrs *lrs = &m.lrs[cpu];

    if (lrs->count == 0) {
        lrs->count = 4;
        vml_gic_lr_fill(&m.gic, cpu, lrs);
        return;
    }
    for (uint32_t i = 0; i < lrs->used; i++) {
        if (taken >> i & 1) {
            lrs->lr[i] &= ~(UINT64_C(3) << 62);
        }
    }
    vml_gic_lr_fold(&m.gic, cpu, lrs);
    lrs->count = 0;
}

static size_t save(uint8_t *image, size_t size)
{
    struct vml_state_writer w;

    vml_state_writer_init(&w, image, size);
    m.gic.gicd.ops->save(&m.gic.gicd, &w);
    m.its.device.ops->save(&m.its.device, &w);
    must(vml_state_write_status(&w) == VML_OK);
    return w.used;
}

/* What was saved is restored and saved alike; a byte of it changed does no harm. */
static void round_trip(uint64_t at, uint64_t value)
{
    static uint8_t image[8192], again[8192];
    struct vml_state_reader r;
    size_t size;

    for (uint32_t i = 0; i < CPUS; i++) {
        if (m.lrs[i].count != 0) {
            switch_world(i, 0);
        }
    }
    size = save(image, sizeof(image));
    vml_state_reader_init(&r, image, size);
    must(m.gic.gicd.ops->restore(&m.gic.gicd, &r) == VML_OK);
    must(m.its.device.ops->restore(&m.its.device, &r) == VML_OK);
    must(save(again, sizeof(again)) == size && memcmp(image, again, size) == 0);
    image[at % size] = (uint8_t)value;
    vml_state_reader_init(&r, image, size);
    if (m.gic.gicd.ops->restore(&m.gic.gicd, &r) == VML_OK) {
        (void)m.its.device.ops->restore(&m.its.device, &r);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    make();
    if (take(&data, &size, 1) & 1) {
        prepare();
    }
    while (size > 0) {
        uint8_t op = (uint8_t)take(&data, &size, 1);
        uint32_t cpu = (op >> 6) % CPUS;
        uint64_t a, b;

        switch (op & 7) {
        case 0:
            command(&data, &size);
            break;
        case 1:
            a = take(&data, &size, 2);
            b = take(&data, &size, 8);
            vml_store_le64(ram + a % (RAM_SIZE - 7), b);
            break;
        case 2:
            a = take(&data, &size, 2);
            access_device(&m.its.device, op, a % 0x110, take(&data, &size, 8));
            break;
        case 3:
            a = take(&data, &size, 1);
            access_device(&m.gic.gicr, op, cpu * VML_GICR_SIZE + a % 0xd0, take(&data, &size, 8));
            break;
        case 4:
            a = take(&data, &size, 1);
            (void)vml_its_msi(&m.its, a & 15, a >> 4);
            break;
        case 5:
            take_interrupt(cpu);
            break;
        case 6:
            switch_world(cpu, op >> 3);
            break;
        default:
            a = take(&data, &size, 2);
            round_trip(a, take(&data, &size, 1));
            break;
        }
        check();
    }
    return 0;
}
