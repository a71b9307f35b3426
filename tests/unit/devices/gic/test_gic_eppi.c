/* The extended PPI range of GICv3.1, from IHI 0069 2.2.1 and 12.11. */
#include "rig.h"
#include <vml/gic_lr.h>

enum { EPPI = 1056, ESPI = 4096, SGI_FRAME = 0x10000 };

/* Registers of the SGI frame: bits that are set by one register and cleared by another, and bits that
 * are written. Of the extended range: the first word of INTIDs 1056 to 1087. */
static const uint32_t set_registers[] = {0x104, 0x204, 0x304};
static const uint32_t clear_registers[] = {0x184, 0x284, 0x384};
static const uint32_t plain_registers[] = {0x084, 0xd04};

static uint64_t sgi_frame(uint32_t cpu)
{
    return (uint64_t)cpu * VML_GICR_SIZE + SGI_FRAME;
}

static uint64_t gicr(struct rig *r, uint32_t cpu, uint32_t offset)
{
    return rd(&r->gic.gicr, 0, sgi_frame(cpu) + offset, 4);
}

static void write_gicr(struct rig *r, uint32_t cpu, uint32_t offset, uint32_t value)
{
    wr(&r->gic.gicr, 0, sgi_frame(cpu) + offset, 4, value);
}

static void write_priority(struct rig *r, uint32_t cpu, uint32_t intid, uint8_t priority)
{
    wr(&r->gic.gicr, 0, sgi_frame(cpu) + 0x420 + intid - EPPI, 1, priority);
}

/* As Linux does: all of group 1, of one priority, disabled. */
static void make(struct rig *r, const struct vml_gic_config *config)
{
    rig_make(r, *config);
    linux_v3(r);
    for (uint32_t c = 0; c < config->cpus; c++) {
        for (uint32_t n = 0; n < config->eppis; n += 4) {
            write_gicr(r, c, 0x420 + n, 0xa0a0a0a0);
        }
        for (uint32_t n = 0; n < config->eppis; n += 32) {
            write_gicr(r, c, 0x084 + n / 8, UINT32_MAX);
        }
    }
}

static void make_cpus(struct rig *r, uint32_t cpus, uint32_t eppis)
{
    make(r, &(struct vml_gic_config){.version = 3, .cpus = cpus, .spis = 32, .eppis = eppis});
}

static uint32_t offset_of(uint32_t base, uint32_t intid)
{
    return base + (intid - EPPI) / 32 * 4;
}

static void enable(struct rig *r, uint32_t cpu, uint32_t intid)
{
    write_gicr(r, cpu, offset_of(0x104, intid), 1u << intid % 32);
}

static void make_edge(struct rig *r, uint32_t cpu, uint32_t intid)
{
    write_gicr(r, cpu, 0xc08 + (intid - EPPI) / 16 * 4, 2u << intid % 16 * 2);
}

static uint64_t bit_of(struct rig *r, uint32_t cpu, uint32_t base, uint32_t intid)
{
    return gicr(r, cpu, offset_of(base, intid)) >> intid % 32 & 1;
}

static void test_identification(void **state)
{
    struct rig r;

    (void)state;
    for (uint32_t n = 0; n <= 64; n += 32) {
        make_cpus(&r, 2, n);
        for (uint32_t c = 0; c < 2; c++) { /* PPInum */
            uint64_t typer = rd(&r.gic.gicr, c, (uint64_t)c * VML_GICR_SIZE + 8, 8);

            assert_int_equal(typer >> 27 & 31, n / 32);
            assert_int_equal(typer >> 32, c); /* the affinity beside it */
            assert_int_equal(rd(&r.gic.gicr, c, (uint64_t)c * VML_GICR_SIZE + 8, 4) >> 27, n / 32);
        }
        assert_int_equal(icc(&r, 0, CTLR) >> 19 & 1, n != 0);   /* ExtRange */
        assert_int_equal(rd(&r.gic.gicd, 0, 4, 4) >> 8 & 1, 0); /* no extended SPIs */
        assert_int_equal(rd(&r.gic.gicd, 0, 4, 4) & 31, 1);
        rig_free(&r);
    }
}

static void test_configuration_is_checked(void **state)
{
    struct vml_gic_config c = {.version = 3, .cpus = 1, .eppis = 64};

    (void)state;
    assert_int_not_equal(vml_gic_storage_size(&c), 0);
    c.eppis = 96;
    assert_int_equal(vml_gic_storage_size(&c), 0);
    c.eppis = 16;
    assert_int_equal(vml_gic_storage_size(&c), 0);
    c.eppis = 32;
    assert_int_not_equal(vml_gic_storage_size(&c), 0);
    c.version = 2;
    assert_int_equal(vml_gic_storage_size(&c), 0);
}

/* Every one of them, on each of two vCPUs. */
static void test_end_to_end(void **state)
{
    struct rig r;

    (void)state;
    make_cpus(&r, 2, 64);
    for (uint32_t n = 0; n < 128; n++) {
        uint32_t intid = EPPI + n / 2, cpu = n % 2;
        struct vml_irq wire = vml_irq_wire(&r.gic.controller, intid, cpu);

        enable(&r, cpu, intid);
        vml_irq_set(&wire, true);
        assert_true(irq(&r, cpu) && !irq(&r, !cpu) && !fiq(&r, cpu));
        assert_int_equal(bit_of(&r, cpu, 0x204, intid), 1);
        assert_int_equal(bit_of(&r, !cpu, 0x204, intid), 0);
        assert_int_equal(icc(&r, cpu, HPPIR1), intid);
        assert_int_equal(icc(&r, cpu, IAR1), intid);
        assert_int_equal(bit_of(&r, cpu, 0x304, intid), 1);
        assert_int_equal(bit_of(&r, !cpu, 0x304, intid), 0);
        icc_write(&r, cpu, EOIR1, intid);
        assert_int_equal(bit_of(&r, cpu, 0x384, intid), 0);
        assert_int_equal(icc(&r, cpu, IAR1), intid); /* the wire is still up */
        vml_irq_set(&wire, false);
        icc_write(&r, cpu, CTLR, 2); /* EOImode */
        icc_write(&r, cpu, EOIR1, intid);
        assert_int_equal(icc(&r, cpu, RPR), 0xff);
        assert_int_equal(bit_of(&r, cpu, 0x304, intid), 1);
        icc_write(&r, !cpu, CTLR, 2);
        icc_write(&r, !cpu, DIR, intid); /* its own, which is not active */
        assert_int_equal(bit_of(&r, cpu, 0x304, intid), 1);
        icc_write(&r, cpu, DIR, intid);
        assert_int_equal(bit_of(&r, cpu, 0x304, intid), 0);
        icc_write(&r, cpu, CTLR, 0);
        icc_write(&r, !cpu, CTLR, 0);
    }
    assert_int_equal(icc(&r, 0, IAR1), 1023);
    rig_free(&r);
}

/* Each register of the range in each of its elements, and that neither its neighbours change nor the
 * other redistributor. */
static void test_registers(void **state)
{
    struct rig r;

    (void)state;
    make_cpus(&r, 2, 64);
    for (uint32_t at = 0; at < 8; at += 4) {
        for (uint32_t i = 0; i < 3; i++) {
            uint64_t first = gicr(&r, 0, set_registers[i] - 4);

            write_gicr(&r, 0, set_registers[i] + at, 0x80000001);
            assert_int_equal(gicr(&r, 0, set_registers[i] + at), 0x80000001);
            assert_int_equal(gicr(&r, 0, clear_registers[i] + at), 0x80000001);
            assert_int_equal(gicr(&r, 0, set_registers[i] + (4 - at)), 0);
            assert_int_equal(gicr(&r, 0, set_registers[i] - 4), first);
            assert_int_equal(gicr(&r, 1, set_registers[i] + at), 0);
            write_gicr(&r, 0, clear_registers[i] + at, 1);
            assert_int_equal(gicr(&r, 0, set_registers[i] + at), 0x80000000);
            write_gicr(&r, 0, clear_registers[i] + at, UINT32_MAX);
            assert_int_equal(gicr(&r, 0, set_registers[i] + at), 0);
        }
        for (uint32_t i = 0; i < 2; i++) {
            write_gicr(&r, 0, plain_registers[i] + at, 0x5a5aa5a5);
            assert_int_equal(gicr(&r, 0, plain_registers[i] + at), 0x5a5aa5a5);
            write_gicr(&r, 0, plain_registers[i] + at, 0);
            assert_int_equal(gicr(&r, 1, plain_registers[i] + at), i == 0 ? UINT32_MAX : 0);
        }
    }
    for (uint32_t at = 0xc08; at < 0xc18; at += 4) { /* ICFGR2E to ICFGR5E */
        write_gicr(&r, 0, at, 0xaa0000aa | at);
        assert_int_equal(gicr(&r, 0, at), (0xaa0000aa | at) & 0xaaaaaaaa);
        assert_int_equal(gicr(&r, 1, at), 0);
    }
    assert_int_equal(gicr(&r, 0, 0xc00), 0xaaaaaaaa);
    assert_int_equal(gicr(&r, 0, 0xc04), 0);
    for (uint32_t n = 0; n < 64; n++) {
        write_priority(&r, 0, EPPI + n, (uint8_t)(n * 4 + 7));
    }
    for (uint32_t n = 0; n < 64; n += 4) {
        uint32_t least = (n * 4 + 7) & 0xf8, most = (n * 4 + 19) & 0xf8;

        assert_int_equal(gicr(&r, 0, 0x420 + n) & 0xff, least);
        assert_int_equal(gicr(&r, 0, 0x420 + n) >> 24, most);
        assert_int_equal(gicr(&r, 1, 0x420 + n), 0xa0a0a0a0);
    }
    assert_int_equal(gicr(&r, 0, 0x41c), 0xa0a0a0a0);
    rig_free(&r);
}

/* With 32 of them, and without any: what there is not reads as zero and ignores writes. */
static void test_registers_beyond_the_range(void **state)
{
    struct rig r;

    (void)state;
    for (uint32_t n = 0; n <= 32; n += 32) {
        uint32_t at = n / 8;

        make_cpus(&r, 1, n);
        for (uint32_t i = 0; i < 3; i++) {
            write_gicr(&r, 0, set_registers[i] + at, UINT32_MAX);
            assert_int_equal(gicr(&r, 0, set_registers[i] + at), 0);
            assert_int_equal(gicr(&r, 0, clear_registers[i] + at), 0);
        }
        for (uint32_t i = 0; i < 2; i++) {
            write_gicr(&r, 0, plain_registers[i] + at, UINT32_MAX);
            assert_int_equal(gicr(&r, 0, plain_registers[i] + at), 0);
        }
        write_gicr(&r, 0, 0xc08 + n / 4, UINT32_MAX);
        assert_int_equal(gicr(&r, 0, 0xc08 + n / 4), 0);
        write_gicr(&r, 0, 0x420 + n, UINT32_MAX);
        assert_int_equal(gicr(&r, 0, 0x420 + n), 0);
        write_gicr(&r, 0, 0xe04, UINT32_MAX); /* GICR_NSACR is of SGIs only */
        assert_int_equal(gicr(&r, 0, 0xe04), 0);
        rig_free(&r);
    }
}

static void test_intids_that_are_not_there(void **state)
{
    static const uint32_t none[] = {64, 1020, 1023, 1024, 1055, EPPI + 32, 1119, 1120, 2048, ESPI};
    struct rig r;

    (void)state;
    make_cpus(&r, 1, 32);
    write_gicr(&r, 0, 0x104, UINT32_MAX);
    for (uint32_t i = 0; i < VML_ARRAY_SIZE(none); i++) {
        vml_gic_set_level(&r.gic, none[i], 0, true);
        vml_gic_pulse(&r.gic, none[i], 0);
        vml_gic_set_pending(&r.gic, none[i], 0);
        wr(&r.gic.gicd, 0, 0x40, 4, none[i]);
        assert_int_equal(vml_gic_lr_link(&r.gic, none[i], 0, 40), VML_ERR_RANGE);
        assert_int_equal(vml_gic_lr_linked(&r.gic, none[i], 0), 0);
    }
    vml_gic_set_level(&r.gic, EPPI, 1, true); /* no such vCPU */
    vml_gic_pulse(&r.gic, EPPI, 1);
    vml_gic_set_pending(&r.gic, EPPI, UINT32_MAX);
    assert_int_equal(vml_gic_lr_link(&r.gic, EPPI, 1, 40), VML_ERR_RANGE);
    wr(&r.gic.gicd, 0, 0x40, 4, EPPI); /* no message makes a PPI pending */
    assert_false(irq(&r, 0));
    assert_int_equal(gicr(&r, 0, 0x204), 0);
    vml_gic_set_pending(&r.gic, EPPI + 5, 0);
    assert_int_equal(icc(&r, 0, IAR1), EPPI + 5);
    icc_write(&r, 0, EOIR1, 1024 + 5); /* nobody's number */
    icc_write(&r, 0, EOIR1, EPPI + 32);
    assert_int_equal(icc(&r, 0, RPR), 0xa0);
    icc_write(&r, 0, EOIR1, EPPI + 5);
    assert_int_equal(icc(&r, 0, RPR), 0xff);
    rig_free(&r);
}

/* Lower is more urgent; of one priority the lowest INTID, whichever the range; group 0 comes first. */
static void test_priorities_and_order(void **state)
{
    static const uint32_t order[] = {EPPI + 2, EPPI, 16, 33, EPPI + 1, EPPI + 63, ESPI + 1};
    struct rig r;

    (void)state;
    make(&r,
         &(struct vml_gic_config){.version = 3, .cpus = 1, .spis = 32, .eppis = 64, .espis = 1024});
    wr(&r.gic.gicd, 0, 0x1000, 4, 2);
    wr(&r.gic.gicd, 0, 0x2001, 1, 0xa0);
    write_priority(&r, 0, EPPI + 2, 0x80);
    write_gicr(&r, 0, 0x084, ~UINT32_C(1)); /* the first: group 0 */
    icc_write(&r, 0, IGRPEN0, 1);
    for (uint32_t i = VML_ARRAY_SIZE(order); i-- > 0;) {
        if (order[i] >= ESPI) {
            wr(&r.gic.gicd, 0, 0x1200, 4, 2);
        } else if (order[i] >= EPPI) {
            enable(&r, 0, order[i]);
        } else if (order[i] >= 32) {
            wr(&r.gic.gicd, 0, 0x104, 4, 2);
        } else {
            write_gicr(&r, 0, 0x100, 1u << order[i]);
        }
        vml_gic_set_pending(&r.gic, order[i], 0);
    }
    for (uint32_t i = 0; i < VML_ARRAY_SIZE(order); i++) {
        bool group0 = order[i] == EPPI;

        assert_int_equal(fiq(&r, 0), group0);
        assert_int_equal(icc(&r, 0, group0 ? HPPIR0 : HPPIR1), order[i]);
        assert_int_equal(icc(&r, 0, group0 ? IAR0 : IAR1), order[i]);
        icc_write(&r, 0, group0 ? EOIR0 : EOIR1, order[i]);
    }
    assert_int_equal(icc(&r, 0, IAR1), 1023);
    rig_free(&r);
}

static void test_edges(void **state)
{
    struct rig r;

    (void)state;
    make_cpus(&r, 2, 64);
    enable(&r, 1, EPPI + 40);
    vml_gic_pulse(&r.gic, EPPI + 40, 1); /* level-sensitive as yet */
    assert_false(irq(&r, 1));
    make_edge(&r, 1, EPPI + 40);
    vml_gic_set_level(&r.gic, EPPI + 40, 1, true);
    vml_gic_set_level(&r.gic, EPPI + 40, 1, false);
    assert_int_equal(icc(&r, 1, IAR1), EPPI + 40);
    vml_gic_pulse(&r.gic, EPPI + 40, 1); /* again, while it is active */
    assert_int_equal(icc(&r, 1, IAR1), 1023);
    icc_write(&r, 1, EOIR1, EPPI + 40);
    assert_int_equal(icc(&r, 1, IAR1), EPPI + 40);
    icc_write(&r, 1, EOIR1, EPPI + 40);
    assert_false(irq(&r, 1) || irq(&r, 0));
    rig_free(&r);
}

static void test_list_registers(void **state)
{
    struct rig r;
    struct vml_gic_lrs lrs = {.count = 4};

    (void)state;
    make_cpus(&r, 2, 64);
    enable(&r, 1, EPPI + 40);
    assert_int_equal(vml_gic_lr_link(&r.gic, EPPI + 40, 1, 77), VML_OK);
    assert_int_equal(vml_gic_lr_linked(&r.gic, EPPI + 40, 1), 77);
    assert_int_equal(vml_gic_lr_linked(&r.gic, EPPI + 40, 0), 0);
    vml_gic_set_level(&r.gic, EPPI + 40, 1, true);
    vml_gic_lr_fill(&r.gic, 1, &lrs);
    assert_int_equal(lrs.used, 1);
    assert_int_equal((uint32_t)lrs.lr[0], EPPI + 40);
    assert_int_equal(lrs.lr[0] >> 61, 3); /* pending, linked */
    assert_int_equal(lrs.lr[0] >> 32 & 0x3ff, 77);
    lrs.lr[0] ^= UINT64_C(3) << 62; /* acknowledged: active */
    lrs.ap1r = 1u << (0xa0 >> 3);
    vml_gic_lr_fold(&r.gic, 1, &lrs);
    assert_int_equal(bit_of(&r, 1, 0x304, EPPI + 40), 1);
    assert_int_equal(bit_of(&r, 0, 0x304, EPPI + 40), 0);
    vml_gic_lr_fill(&r.gic, 1, &lrs);
    assert_int_equal(lrs.used, 1);
    assert_int_equal((uint32_t)lrs.lr[0], EPPI + 40);
    assert_int_equal(lrs.lr[0] >> 62, 2);
    lrs.lr[0] &= ~(UINT64_C(3) << 62);
    lrs.ap1r = 0;
    vml_gic_lr_fold(&r.gic, 1, &lrs);
    assert_int_equal(bit_of(&r, 1, 0x304, EPPI + 40), 0);
    assert_false(irq(&r, 1)); /* linked: the level has fallen with the deactivation */
    rig_free(&r);
}

/* What happens to one that is in a list register: its vCPU is told, and has it at the next fill. */
static void test_changes_while_listed(void **state)
{
    struct rig r;
    struct vml_gic_lrs lrs = {.count = 4};

    (void)state;
    make_cpus(&r, 3, 64);
    make_edge(&r, 2, EPPI + 33);
    enable(&r, 2, EPPI + 33);
    vml_gic_pulse(&r.gic, EPPI + 33, 2);
    vml_gic_lr_fill(&r.gic, 2, &lrs);
    assert_int_equal(lrs.used, 1);
    r.told = 0;
    vml_gic_pulse(&r.gic, EPPI + 33, 2);
    assert_true(r.told != 0 && r.told_cpu == 2);
    lrs.lr[0] &= ~(UINT64_C(3) << 62); /* taken and ended */
    vml_gic_lr_fold(&r.gic, 2, &lrs);
    vml_gic_lr_fill(&r.gic, 2, &lrs);
    assert_int_equal(lrs.used, 1);
    assert_int_equal((uint32_t)lrs.lr[0], EPPI + 33);
    r.told = 0;
    write_gicr(&r, 2, 0x188, 1u << 1); /* ICENABLER2E */
    assert_true(r.told != 0 && r.told_cpu == 2);
    vml_gic_lr_fold(&r.gic, 2, &lrs);
    vml_gic_lr_fill(&r.gic, 2, &lrs);
    assert_int_equal(lrs.used, 0);
    vml_gic_lr_fold(&r.gic, 2, &lrs);
    assert_int_equal(bit_of(&r, 2, 0x204, EPPI + 33), 1); /* still pending */
    rig_free(&r);
}

/* More are active than there are list registers: an end is counted, or trapped. */
static void test_active_without_list_register(void **state)
{
    struct rig r;
    struct vml_gic_lrs lrs = {.count = 2};

    (void)state;
    make_cpus(&r, 1, 64);
    for (uint32_t n = 0; n < 3; n++) {
        enable(&r, 0, EPPI + n * 31);
        write_priority(&r, 0, EPPI + n * 31, (uint8_t)(0x90 - n * 0x10));
        vml_gic_set_pending(&r.gic, EPPI + n * 31, 0);
        assert_int_equal(icc(&r, 0, IAR1), EPPI + n * 31);
    }
    vml_gic_lr_fill(&r.gic, 0, &lrs); /* one list register stays for what is pending */
    assert_int_equal(lrs.used, 1);
    assert_int_equal((uint32_t)lrs.lr[0], EPPI);
    assert_true(lrs.hcr & 1u << 10); /* TC */
    lrs.ap1r &= ~(1u << (0x70 >> 3));
    lrs.hcr |= 1u << 27; /* EOIcount: the most urgent of the others was ended */
    vml_gic_lr_fold(&r.gic, 0, &lrs);
    assert_int_equal(gicr(&r, 0, 0x304), UINT32_C(0x80000001));
    assert_int_equal(gicr(&r, 0, 0x308), 0);
    assert_int_equal(icc(&r, 0, RPR), 0x80);
    rig_free(&r);
}

static void test_save_and_restore(void **state)
{
    static uint8_t image[16384], again[16384];
    struct rig a, b;
    size_t size;

    (void)state;
    make_cpus(&a, 2, 64);
    make_cpus(&b, 2, 64);
    enable(&a, 1, EPPI + 7);
    enable(&a, 0, EPPI + 63);
    make_edge(&a, 0, EPPI + 20);
    write_priority(&a, 0, EPPI + 63, 0x40);
    write_gicr(&a, 1, 0xd04, 0x1234);
    vml_gic_set_level(&a.gic, EPPI + 7, 1, true);
    vml_gic_set_pending(&a.gic, EPPI + 63, 0);
    assert_int_equal(icc(&a, 0, IAR1), EPPI + 63);
    size = rig_save(&a, image, sizeof(image));
    assert_int_equal(rig_restore(&b, image, size), VML_OK);
    assert_int_equal(rig_save(&b, again, sizeof(again)), size);
    assert_memory_equal(image, again, size);
    assert_int_equal(gicr(&b, 0, 0xc0c), 2u << 8);
    assert_int_equal(gicr(&b, 1, 0xd04), 0x1234);
    assert_int_equal(icc(&b, 1, IAR1), EPPI + 7);
    assert_int_equal(bit_of(&b, 0, 0x304, EPPI + 63), 1);
    assert_int_equal(icc(&b, 0, RPR), 0x40);
    icc_write(&b, 0, EOIR1, EPPI + 63);
    assert_int_equal(bit_of(&b, 0, 0x304, EPPI + 63), 0);
    for (size_t cut = 0; cut < size; cut += 13) {
        assert_int_not_equal(rig_restore(&b, image, cut), VML_OK);
    }
    rig_free(&b);
    for (uint32_t n = 0; n <= 32; n += 32) { /* a GIC with fewer of them */
        make_cpus(&b, 2, n);
        size = rig_save(&b, again, sizeof(again));
        assert_int_not_equal(rig_restore(&b, image, sizeof(image)), VML_OK);
        assert_int_not_equal(rig_restore(&a, again, size), VML_OK);
        rig_free(&b);
    }
    assert_int_equal(bit_of(&a, 0, 0x304, EPPI + 63), 1); /* untouched */
    vml_gic_reset(&a.gic);
    assert_int_equal(gicr(&a, 1, 0x104) | gicr(&a, 0, 0x308) | gicr(&a, 0, 0x458), 0);
    assert_int_equal(bit_of(&a, 1, 0x204, EPPI + 7), 1); /* the wire is as it was */
    rig_free(&a);
}

/* A priority with bits that there are not. */
static void test_corrupt_state_is_refused(void **state)
{
    static uint8_t image[16384], again[16384];
    struct rig r;
    size_t size;
    uint32_t found = 0;

    (void)state;
    make_cpus(&r, 1, 32);
    for (uint32_t n = 0; n < 32; n++) {
        write_priority(&r, 0, EPPI + n, 0x58);
    }
    size = rig_save(&r, image, sizeof(image));
    for (size_t at = 0; at < size; at++) {
        if (image[at] == 0x58) {
            image[at] |= 4;
            assert_int_equal(rig_restore(&r, image, size), VML_ERR_CORRUPT);
            image[at] &= (uint8_t)~4u;
            found++;
        }
    }
    assert_int_equal(found, 32);
    assert_int_equal(rig_save(&r, again, sizeof(again)), size);
    assert_memory_equal(image, again, size);
    rig_free(&r);
}

/* As many of everything as there can be, in just as much storage as it says; the last of each range. */
static void test_beside_all_others(void **state)
{
    struct rig r;

    (void)state;
    make(&r, &(struct vml_gic_config){
                 .version = 3, .cpus = 5, .spis = 988, .eppis = 64, .espis = 1024});
    for (uint32_t c = 0; c < 5; c++) {
        enable(&r, c, EPPI);
        enable(&r, c, EPPI + 63);
        vml_gic_set_level(&r.gic, EPPI, c, true);
        vml_gic_set_level(&r.gic, EPPI + 63, c, true);
    }
    wr(&r.gic.gicd, 0, 0x1200 + 31 * 4, 4, UINT32_C(1) << 31);
    wr(&r.gic.gicd, 0, 0x1000 + 31 * 4, 4, UINT32_C(1) << 31);
    wr(&r.gic.gicd, 0, 0x2000 + 1023, 1, 0xa8);
    vml_gic_set_level(&r.gic, ESPI + 1023, 0, true);
    for (uint32_t c = 0; c < 5; c++) {
        assert_int_equal(icc(&r, c, IAR1), EPPI);
        icc_write(&r, c, CTLR, 2);
        icc_write(&r, c, EOIR1, EPPI);
        assert_int_equal(icc(&r, c, IAR1), EPPI + 63);
        icc_write(&r, c, EOIR1, EPPI + 63);
        assert_int_equal(icc(&r, c, IAR1), c == 0 ? ESPI + 1023 : 1023);
    }
    rig_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_identification),
        cmocka_unit_test(test_configuration_is_checked),
        cmocka_unit_test(test_end_to_end),
        cmocka_unit_test(test_registers),
        cmocka_unit_test(test_registers_beyond_the_range),
        cmocka_unit_test(test_intids_that_are_not_there),
        cmocka_unit_test(test_priorities_and_order),
        cmocka_unit_test(test_edges),
        cmocka_unit_test(test_list_registers),
        cmocka_unit_test(test_changes_while_listed),
        cmocka_unit_test(test_active_without_list_register),
        cmocka_unit_test(test_save_and_restore),
        cmocka_unit_test(test_corrupt_state_is_refused),
        cmocka_unit_test(test_beside_all_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
