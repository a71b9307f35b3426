/* The ITS, from IHI 0069 chapter 5 and 12.19. */
#include "its_rig.h"

static void test_identification(void **state)
{
    struct its_rig t;
    uint64_t typer;

    (void)state;
    its_rig_make(&t, 1, 64);
    typer = gits(&t, GITS_TYPER, 8);
    assert_int_equal(typer & 3, 1);          /* physical LPIs, no virtual ones */
    assert_int_equal(typer >> 4 & 15, 7);    /* 8 bytes an ITT entry */
    assert_int_equal(typer >> 8 & 31, 15);   /* 16 bits of EventID */
    assert_int_equal(typer >> 13 & 31, 15);  /* 16 bits of DeviceID */
    assert_int_equal(typer >> 19 & 1, 0);    /* PTA: processor numbers */
    assert_int_equal(typer >> 24 & 0xff, 0); /* HCC: collections are in memory */
    assert_int_equal(gits(&t, GITS_TYPER, 4), typer & 0xffffffff);
    assert_int_equal(gits(&t, GITS_TYPER + 4, 4), typer >> 32);
    assert_int_equal(gits(&t, 0xffe8, 4) & 0xf0, 0x30);
    assert_int_equal(gits(&t, GITS_CTLR, 4), 0x80000000); /* Quiescent, not enabled */
    gits_write(&t, GITS_CTLR, 4, 0xffffffff);
    assert_int_equal(gits(&t, GITS_CTLR, 4), 1);
    assert_int_equal(gits(&t, 0x4000, 8), 0); /* RAZ/WI */
    its_rig_free(&t);
}

static void test_configuration_is_checked(void **state)
{
    struct its_rig t;
    struct rig without;
    struct vml_its its;
    struct vml_its_config c = {.cache_size = 0};

    (void)state;
    its_rig_make(&t, 1, 64);
    rig_init(&without, 3, 1, 32);
    assert_int_equal(vml_its_init(&its, &c), VML_ERR_INVALID);
    c.gic = &without.gic;
    assert_int_equal(vml_its_init(&its, &c), VML_ERR_INVALID);
    c.gic = &t.r.gic;
    assert_int_equal(vml_its_init(&its, &c), VML_OK);
    c.cache_size = 64;
    assert_int_equal(vml_its_init(&its, &c), VML_ERR_INVALID);
    c.cache = t.cache;
    c.cache_size = 63;
    assert_int_equal(vml_its_init(&its, &c), VML_ERR_INVALID);
    c.cache_size = 8192;
    assert_int_equal(vml_its_init(&its, &c), VML_ERR_INVALID);
    rig_free(&without);
    its_rig_free(&t);
}

/* What Linux's its_setup_baser() and its_probe_baser_psz() check. */
static void test_bases_keep_what_is_written(void **state)
{
    struct its_rig t;

    (void)state;
    its_rig_make(&t, 1, 64);
    assert_int_equal(gits(&t, BASER, 8) >> 56 & 7, 1);
    assert_int_equal(gits(&t, BASER + 8, 8) >> 56 & 7, 4);
    for (uint32_t n = 0; n < 8; n++) {
        gits_write(&t, BASER + 8 * n, 8, UINT64_MAX);
    }
    assert_true(gits(&t, BASER, 8) == 0xf9e7ffffffffffff);
    assert_true(gits(&t, BASER + 8, 8) == 0xfce7ffffffffffff);
    for (uint32_t n = 2; n < 8; n++) {
        assert_int_equal(gits(&t, BASER + 8 * n, 8), 0);
    }
    for (uint32_t size = 0; size < 3; size++) {
        gits_write(&t, BASER, 8, VALID | DEVICES | size << 8);
        assert_int_equal(gits(&t, BASER, 8) >> 8 & 3, size);
    }
    gits_write(&t, CBASER, 8, UINT64_MAX);
    assert_true(gits(&t, CBASER, 8) == 0xb8effffffffffcff);
    gits_write(&t, CWRITER, 8, UINT64_MAX);
    assert_int_equal(gits(&t, CWRITER, 8), 0xfffe0);
    gits_write(&t, GITS_CTLR, 4, 1);
    gits_write(&t, CBASER, 8, 0); /* not while enabled */
    gits_write(&t, BASER, 8, 0);
    assert_true(gits(&t, CBASER, 8) == 0xb8effffffffffcff);
    assert_int_equal(gits(&t, BASER, 8) >> 63, 1);
    its_rig_free(&t);
}

static void test_cbaser_resets_creadr(void **state)
{
    struct its_rig t;

    (void)state;
    its_up(&t, 1);
    assert_int_not_equal(gits(&t, CREADR, 8), 0);
    gits_write(&t, CREADR, 8, 0x100); /* read-only */
    assert_int_equal(gits(&t, CREADR, 8), t.cwriter);
    gits_write(&t, GITS_CTLR, 4, 0);
    gits_write(&t, CBASER, 8, VALID | QUEUE);
    assert_int_equal(gits(&t, CREADR, 8), 0);
    its_rig_free(&t);
}

static void test_message_end_to_end(void **state)
{
    struct its_rig t;
    struct vml_irq wire;
    struct vml_msi message = {ITS_BASE + 0x10040, 3, DEVICE};

    (void)state;
    its_up_with_device(&t, 2);
    wire = vml_irq_wire(&t.its.controller, 0, 0);
    for (uint32_t i = 0; i < 3; i++) { /* the first walks the tables, the others do not */
        assert_int_equal(vml_irq_msi(&wire, &message), VML_OK);
        assert_true(irq(&t.r, 0));
        assert_int_equal(take(&t, 0), LPI + 3);
    }
    message.address += 4;
    assert_int_equal(vml_irq_msi(&wire, &message), VML_ERR_NOT_FOUND);
    message.address -= 4;
    message.data = 32;
    assert_int_equal(vml_irq_msi(&wire, &message), VML_ERR_NOT_FOUND);
    message.data = 0x10003; /* not EventID 3 */
    assert_int_equal(vml_irq_msi(&wire, &message), VML_ERR_NOT_FOUND);
    message.data = 3;
    message.device_id = 8;
    assert_int_equal(vml_irq_msi(&wire, &message), VML_ERR_NOT_FOUND);
    message.device_id = 0x10007;
    assert_int_equal(vml_irq_msi(&wire, &message), VML_ERR_NOT_FOUND);
    gits_write(&t, 0x10040, 4, 3); /* a vCPU has no DeviceID */
    vml_irq_set(&wire, true);      /* an ITS has no lines */
    vml_irq_pulse(&wire);
    assert_false(t.its.controller.ops->pending(&t.its.controller, 0, VML_IRQ_OUTPUT_IRQ));
    assert_int_equal(take(&t, 0), 1023);
    its_rig_free(&t);
}

/* The cache stands for the tables: a hit does not look at them. */
static void test_messages_do_not_walk_guest_memory(void **state)
{
    struct its_rig t;

    (void)state;
    its_up_with_device(&t, 1);
    assert_int_equal(msi(&t, 4), VML_OK);
    assert_int_equal(take(&t, 0), LPI + 4);
    memset(ram(&t, DEVICES), 0, 0x10000);
    assert_int_equal(msi(&t, 4), VML_OK);
    assert_int_equal(take(&t, 0), LPI + 4);
    assert_int_equal(msi(&t, 5), VML_ERR_NOT_FOUND);
    its_rig_free(&t);
}

static void test_disabled_translates_nothing(void **state)
{
    struct its_rig t;

    (void)state;
    its_up_with_device(&t, 1);
    assert_int_equal(msi(&t, 4), VML_OK);
    assert_int_equal(take(&t, 0), LPI + 4);
    gits_write(&t, GITS_CTLR, 4, 0);
    assert_int_equal(msi(&t, 4), VML_ERR_NOT_FOUND);
    q_int(&t, DEVICE, 4);
    gits_write(&t, CWRITER, 8, t.cwriter);
    assert_int_not_equal(gits(&t, CREADR, 8), t.cwriter);
    assert_false(irq(&t.r, 0));
    gits_write(&t, GITS_CTLR, 4, 1); /* the mappings are still in the tables */
    assert_int_equal(gits(&t, CREADR, 8), t.cwriter);
    assert_int_equal(take(&t, 0), LPI + 4);
    assert_int_equal(msi(&t, 4), VML_OK);
    its_rig_free(&t);
}

static void test_int_and_clear(void **state)
{
    struct its_rig t;

    (void)state;
    its_up_with_device(&t, 1);
    q_int(&t, DEVICE, 1);
    q_int(&t, DEVICE, 2);
    q_clear(&t, DEVICE, 1);
    q_sync(&t, 0);
    submit(&t);
    assert_int_equal(take(&t, 0), LPI + 2);
    assert_int_equal(take(&t, 0), 1023);
    its_rig_free(&t);
}

static void test_mapi_uses_the_event_id(void **state)
{
    struct its_rig t;

    (void)state;
    its_up(&t, 1);
    q_mapd(&t, DEVICE, ITTS, 16, true);
    q_mapi(&t, DEVICE, LPI + 77, 0);
    q_mapi(&t, DEVICE, 77, 0); /* no LPI */
    q_int(&t, DEVICE, LPI + 77);
    q_int(&t, DEVICE, 77);
    submit(&t);
    assert_int_equal(take(&t, 0), LPI + 77);
    assert_int_equal(take(&t, 0), 1023);
    its_rig_free(&t);
}

static void test_movi_moves_what_is_pending(void **state)
{
    struct its_rig t;

    (void)state;
    its_up_with_device(&t, 3);
    assert_int_equal(msi(&t, 1), VML_OK);
    q_movi(&t, DEVICE, 1, 2);
    q_sync(&t, 0);
    submit(&t);
    assert_false(irq(&t.r, 0));
    assert_int_equal(take(&t, 2), LPI + 1);
    assert_int_equal(msi(&t, 1), VML_OK); /* and what comes */
    assert_false(irq(&t.r, 0));
    assert_int_equal(take(&t, 2), LPI + 1);
    q_movi(&t, DEVICE, 1, 2); /* to where it is */
    q_int(&t, DEVICE, 1);
    submit(&t);
    assert_int_equal(take(&t, 2), LPI + 1);
    its_rig_free(&t);
}

static void test_movall(void **state)
{
    struct its_rig t;

    (void)state;
    its_up_with_device(&t, 3);
    for (uint32_t n = 0; n < 8; n++) {
        assert_int_equal(msi(&t, n), VML_OK);
    }
    q_movi(&t, DEVICE, 7, 2);
    q_mapc(&t, 0, 1, true); /* the collection, first: then nothing comes to vCPU 0 any more */
    q_movall(&t, 0, 1);
    submit(&t);
    assert_false(irq(&t.r, 0));
    for (uint32_t n = 0; n < 7; n++) {
        assert_int_equal(take(&t, 1), LPI + n);
    }
    assert_int_equal(take(&t, 1), 1023);
    assert_int_equal(take(&t, 2), LPI + 7);
    assert_int_equal(msi(&t, 3), VML_OK);
    assert_int_equal(take(&t, 1), LPI + 3);
    assert_int_equal(msi(&t, 3), VML_OK);
    q_movall(&t, 1, 1); /* nothing to do */
    q_movall(&t, 1, 3); /* there is no such vCPU */
    q_movall(&t, 77, 1);
    submit(&t);
    assert_int_equal(take(&t, 1), LPI + 3);
    its_rig_free(&t);
}

static void test_mapc_moves_new_messages_only(void **state)
{
    struct its_rig t;

    (void)state;
    its_up_with_device(&t, 2);
    assert_int_equal(msi(&t, 0), VML_OK);
    q_mapc(&t, 0, 1, true);
    submit(&t);
    assert_int_equal(msi(&t, 1), VML_OK);
    assert_int_equal(take(&t, 1), LPI + 1);
    assert_int_equal(take(&t, 0), LPI);
    q_mapc(&t, 0, 0, false);
    submit(&t);
    assert_int_equal(msi(&t, 1), VML_ERR_NOT_FOUND);
    its_rig_free(&t);
}

static void test_discard(void **state)
{
    struct its_rig t;

    (void)state;
    its_up_with_device(&t, 1);
    assert_int_equal(msi(&t, 1), VML_OK);
    q_discard(&t, DEVICE, 1);
    submit(&t);
    assert_int_equal(take(&t, 0), 1023); /* not pending any more */
    assert_int_equal(msi(&t, 1), VML_ERR_NOT_FOUND);
    assert_int_equal(msi(&t, 2), VML_OK);
    q_mapti(&t, DEVICE, 1, LPI + 30, 0);
    submit(&t);
    assert_int_equal(msi(&t, 1), VML_OK);
    assert_int_equal(take(&t, 0), LPI + 2);
    assert_int_equal(take(&t, 0), LPI + 30);
    its_rig_free(&t);
}

static void test_mapti_again_replaces(void **state)
{
    struct its_rig t;

    (void)state;
    its_up_with_device(&t, 2);
    assert_int_equal(msi(&t, 1), VML_OK);
    assert_int_equal(take(&t, 0), LPI + 1);
    q_mapti(&t, DEVICE, 1, LPI + 55, 1);
    submit(&t);
    assert_int_equal(msi(&t, 1), VML_OK);
    assert_int_equal(take(&t, 0), 1023);
    assert_int_equal(take(&t, 1), LPI + 55);
    its_rig_free(&t);
}

static void test_mapd_unmaps_and_remaps(void **state)
{
    struct its_rig t;

    (void)state;
    its_up_with_device(&t, 1);
    assert_int_equal(msi(&t, 1), VML_OK);
    assert_int_equal(take(&t, 0), LPI + 1);
    q_mapd(&t, DEVICE, 0, 1, false);
    submit(&t);
    assert_int_equal(msi(&t, 1), VML_ERR_NOT_FOUND);
    q_mapd(&t, DEVICE, ITTS + 0x1000, 1, true); /* another table, of two EventIDs */
    q_mapti(&t, DEVICE, 1, LPI + 9, 0);
    q_mapti(&t, DEVICE, 2, LPI + 10, 0); /* beyond it */
    submit(&t);
    assert_int_equal(msi(&t, 0), VML_ERR_NOT_FOUND);
    assert_int_equal(msi(&t, 1), VML_OK);
    assert_int_equal(msi(&t, 2), VML_ERR_NOT_FOUND);
    assert_int_equal(take(&t, 0), LPI + 9);
    its_rig_free(&t);
}

static void test_inv_and_invall(void **state)
{
    struct its_rig t;

    (void)state;
    its_up_with_device(&t, 1);
    configure(&t, LPI + 1, 0xa0);
    configure(&t, LPI + 2, 0xa0);
    assert_int_equal(msi(&t, 1), VML_OK); /* as it was */
    assert_int_equal(take(&t, 0), LPI + 1);
    q_inv(&t, DEVICE, 1);
    submit(&t);
    assert_int_equal(msi(&t, 1), VML_OK);
    assert_int_equal(take(&t, 0), 1023);
    assert_int_equal(msi(&t, 2), VML_OK);
    assert_int_equal(take(&t, 0), LPI + 2);
    configure(&t, LPI + 1, 0xa1);
    q_invall(&t, 0);
    submit(&t);
    assert_int_equal(take(&t, 0), LPI + 1); /* held until now */
    assert_int_equal(msi(&t, 2), VML_OK);
    assert_int_equal(take(&t, 0), 1023);
    its_rig_free(&t);
}

/* Each is ignored, and the queue goes on. */
static void test_command_errors_are_ignored(void **state)
{
    struct its_rig t;

    (void)state;
    its_up_with_device(&t, 1);
    q_mapd(&t, 8, ITTS, 17, true);            /* more EventID bits than there are */
    q_mapti(&t, 8, 0, LPI, 0);                /* so this device is not mapped */
    q_mapd(&t, 8192, ITTS, 5, true);          /* beyond the table */
    q_mapd(&t, 0x10000 + DEVICE, ITTS, 1, 1); /* beyond 16 bits */
    q_mapc(&t, 3, 1, true);                   /* no such vCPU */
    q_mapc(&t, 512, 0, true);                 /* beyond the table */
    q_mapti(&t, DEVICE, 32, LPI, 0);          /* beyond the device's EventIDs */
    q_mapti(&t, DEVICE, 1, LPI - 1, 0);       /* no LPI */
    q_mapti(&t, DEVICE, 1, LPI + 8192, 0);    /* no LPI */
    q_mapti(&t, DEVICE, 1, LPI + 40, 512);    /* no such collection */
    q_mapti(&t, DEVICE, 30, LPI + 41, 5);     /* fine: a collection that is not mapped */
    q_int(&t, DEVICE, 30);                    /* but that is needed now */
    q_clear(&t, DEVICE, 30);
    q_inv(&t, DEVICE, 30);
    q_movi(&t, DEVICE, 30, 0);
    q_movi(&t, DEVICE, 2, 5);
    q_int(&t, DEVICE, 31 + 1);
    q_int(&t, 9, 0);
    q_discard(&t, 9, 0);
    q_invall(&t, 5);
    queue(&t, 0x25, 0, 0, 0); /* VSYNC: no GICv4 */
    queue(&t, 0xff, UINT64_MAX, UINT64_MAX, UINT64_MAX);
    queue(&t, 0, 0, 0, 0);
    q_int(&t, DEVICE, 2);
    submit(&t);
    assert_int_equal(gits(&t, CREADR, 8) & 1, 0);
    assert_int_equal(take(&t, 0), LPI + 2);
    assert_int_equal(take(&t, 0), 1023);
    assert_int_equal(msi(&t, 1), VML_OK);
    assert_int_equal(take(&t, 0), LPI + 1);
    its_rig_free(&t);
}

static void test_stall_and_retry(void **state)
{
    struct its_rig t;
    uint64_t before;

    (void)state;
    its_up_with_device(&t, 1);
    before = t.cwriter;
    q_mapd(&t, 8, NOWHERE, 5, true); /* fine until it is used */
    q_mapti(&t, 8, 0, LPI, 0);
    q_int(&t, DEVICE, 2);
    gits_write(&t, CWRITER, 8, t.cwriter);
    assert_int_equal(gits(&t, CREADR, 8), (before + 32) | 1); /* at the MAPTI */
    assert_false(irq(&t.r, 0));
    gits_write(&t, CWRITER, 8, t.cwriter); /* no Retry */
    assert_int_equal(gits(&t, CREADR, 8), (before + 32) | 1);
    gits_write(&t, CWRITER, 8, t.cwriter | 1); /* the same again */
    assert_int_equal(gits(&t, CREADR, 8), (before + 32) | 1);
    put64(&t, QUEUE + before + 32, 0x05); /* make it a SYNC */
    gits_write(&t, CWRITER, 8, t.cwriter | 1);
    assert_int_equal(gits(&t, CREADR, 8), t.cwriter);
    assert_int_equal(gits(&t, CWRITER, 8), t.cwriter);
    assert_int_equal(take(&t, 0), LPI + 2);
    its_rig_free(&t);
}

static void test_a_queue_that_is_no_memory_stalls(void **state)
{
    struct its_rig t;

    (void)state;
    its_rig_make(&t, 1, 64);
    gits_write(&t, CBASER, 8, VALID | NOWHERE);
    gits_write(&t, GITS_CTLR, 4, 1);
    gits_write(&t, CWRITER, 8, 32);
    assert_int_equal(gits(&t, CREADR, 8), 1);
    its_rig_free(&t);
}

static void test_tables_that_are_no_memory_stall(void **state)
{
    struct its_rig t;

    (void)state;
    its_up_with_device(&t, 1);
    gits_write(&t, GITS_CTLR, 4, 0);
    gits_write(&t, BASER, 8, VALID | NOWHERE);
    gits_write(&t, GITS_CTLR, 4, 1);
    assert_int_equal(msi(&t, 1), VML_ERR_NOT_FOUND);
    q_mapd(&t, DEVICE, ITTS, 5, true);
    gits_write(&t, CWRITER, 8, t.cwriter);
    assert_int_equal(gits(&t, CREADR, 8) & 1, 1);
    gits_write(&t, GITS_CTLR, 4, 0);
    gits_write(&t, BASER, 8, 0); /* no table: a command error */
    gits_write(&t, GITS_CTLR, 4, 1);
    gits_write(&t, CWRITER, 8, t.cwriter | 1);
    assert_int_equal(gits(&t, CREADR, 8), t.cwriter);
    its_rig_free(&t);
}

static void test_cwriter_beyond_the_queue(void **state)
{
    struct its_rig t;
    uint64_t before;

    (void)state;
    its_up_with_device(&t, 1);
    before = t.cwriter;
    q_int(&t, DEVICE, 2);
    gits_write(&t, CWRITER, 8, 4096);
    assert_int_equal(gits(&t, CREADR, 8), before); /* nothing runs */
    gits_write(&t, CWRITER, 8, t.cwriter);
    assert_int_equal(gits(&t, CREADR, 8), t.cwriter);
    assert_int_equal(take(&t, 0), LPI + 2);
    gits_write(&t, GITS_CTLR, 4, 0);
    gits_write(&t, CBASER, 8, QUEUE); /* not valid */
    gits_write(&t, GITS_CTLR, 4, 1);
    assert_int_equal(gits(&t, CREADR, 8), 0);
    its_rig_free(&t);
}

static void test_the_queue_wraps(void **state)
{
    struct its_rig t;

    (void)state;
    its_up_with_device(&t, 1);
    for (uint32_t n = 0; n < 300; n++) {
        q_int(&t, DEVICE, n % 32);
        submit(&t);
        assert_int_equal(take(&t, 0), LPI + n % 32);
    }
    its_rig_free(&t);
}

/* One access runs no more than its budget; accesses and vml_its_run() go on. */
static void test_work_is_bounded(void **state)
{
    struct its_rig t;
    uint64_t start;

    (void)state;
    its_up_with_device(&t, 1);
    start = t.cwriter;
    for (uint32_t n = 0; n < 127; n++) {
        q_sync(&t, 0);
    }
    gits_write(&t, CWRITER, 8, t.cwriter);
    assert_int_equal(t.its.creadr, (start + VML_ITS_BUDGET * 32) % 4096);
    assert_true(vml_its_run(&t.its, 3));
    assert_int_equal(t.its.creadr, (start + (VML_ITS_BUDGET + 3) * 32) % 4096);
    assert_false(vml_its_run(&t.its, 1000));
    assert_int_equal(t.its.creadr, t.cwriter);
    assert_false(vml_its_run(&t.its, 1000));
    q_sync(&t, 0);
    t.its.cwriter = t.cwriter;
    assert_true(vml_its_run(&t.its, 0)); /* only asks */
    assert_true(vml_its_run(&t.its, 0));
    assert_false(vml_its_run(&t.its, 1));
    its_rig_free(&t);
}

/* A queue full of the most expensive commands: each access does a little of one. */
static void test_long_commands_take_several_accesses(void **state)
{
    struct its_rig t;
    uint32_t accesses = 0;

    (void)state;
    its_up_with_device(&t, 2);
    for (uint32_t n = 0; n < 8192; n++) {
        configure(&t, LPI + n, 0x91);
    }
    q_invall(&t, 0);
    gits_write(&t, CWRITER, 8, t.cwriter);
    assert_int_not_equal(t.its.creadr, t.cwriter);
    for (; t.its.creadr != t.cwriter && accesses < 10000; accesses++) {
        (void)gits(&t, CREADR, 8);
    }
    assert_in_range(accesses, 100, 8192);
    for (uint32_t n = 0; n < 8192; n++) {
        gicr_write(&t, 0, SETLPIR, 8, LPI + n);
    }
    q_movall(&t, 0, 1);
    gits_write(&t, CWRITER, 8, t.cwriter);
    assert_true(irq(&t.r, 0));
    submit(&t);
    assert_false(irq(&t.r, 0));
    for (uint32_t n = 0; n < 8192; n++) {
        assert_int_equal(take(&t, 1), LPI + n);
    }
    its_rig_free(&t);
}

static void test_two_level_tables(void **state)
{
    struct its_rig t;
    enum { L1 = DEVICES, L2 = RAM + 0x50000, CL2 = RAM + 0x60000 };

    (void)state;
    its_up(&t, 2);
    gits_write(&t, GITS_CTLR, 4, 0);
    gits_write(&t, BASER, 8, VALID | UINT64_C(1) << 62 | L1); /* 4 KiB pages */
    gits_write(&t, BASER + 8, 8, VALID | UINT64_C(1) << 62 | COLLECTIONS | 1 << 8); /* 16 KiB */
    gits_write(&t, GITS_CTLR, 4, 1);
    memset(ram(&t, COLLECTIONS), 0, 4096);
    put64(&t, L1 + 8 * 3, VALID | L2);
    put64(&t, COLLECTIONS + 8 * 1, VALID | CL2);
    q_mapd(&t, 3 * 512 + 5, ITTS, 5, true);
    q_mapc(&t, 2048 + 9, 1, true);
    q_mapti(&t, 3 * 512 + 5, 2, LPI + 20, 2048 + 9);
    q_int(&t, 3 * 512 + 5, 2);
    q_mapd(&t, 4 * 512 + 5, ITTS, 5, true); /* no second level */
    q_mapc(&t, 9, 1, true);
    q_int(&t, 4 * 512 + 5, 2);
    submit(&t);
    assert_int_equal(take(&t, 1), LPI + 20);
    assert_int_equal(take(&t, 1), 1023);
    assert_int_equal(vml_its_msi(&t.its, 3 * 512 + 5, 2), VML_OK);
    assert_int_equal(vml_its_msi(&t.its, 4 * 512 + 5, 2), VML_ERR_NOT_FOUND);
    assert_int_not_equal(vml_load_le64(ram(&t, L2 + 5 * 8)), 0);
    assert_int_not_equal(vml_load_le64(ram(&t, CL2 + 9 * 8)), 0);
    put64(&t, L1 + 8 * 4, VALID | NOWHERE);
    q_mapd(&t, 4 * 512 + 5, ITTS, 5, true);
    gits_write(&t, CWRITER, 8, t.cwriter);
    assert_int_equal(gits(&t, CREADR, 8) & 1, 1);
    its_rig_free(&t);
}

/* With pages of 64 KiB bits 51:48 of an address are in bits 15:12. */
static void test_addresses_of_64k_pages(void **state)
{
    struct its_rig t;
    struct vml_as_region high = {.name = "high", .base = UINT64_C(3) << 48, .size = 0x10000};
    uint64_t at = UINT64_C(3) << 12;

    (void)state;
    its_up(&t, 1);
    high.host = aligned_alloc(4096, high.size);
    memset(high.host, 0, high.size);
    assert_int_equal(vml_as_add(&t.as, &high), VML_OK);
    gits_write(&t, GITS_CTLR, 4, 0);
    for (uint32_t size = 2; size < 4; size++) { /* 3 is reserved: as 2 */
        gits_write(&t, BASER, 8, VALID | at | size << 8);
        gits_write(&t, GITS_CTLR, 4, 1);
        memset(high.host, 0, high.size);
        q_mapd(&t, 8191, ITTS, 5, true); /* the last one */
        q_mapd(&t, 8192, ITTS, 5, true);
        q_mapti(&t, 8191, 0, LPI + size, 0);
        q_int(&t, 8191, 0);
        submit(&t);
        assert_int_equal(take(&t, 0), LPI + size);
        assert_int_not_equal(vml_load_le64((uint8_t *)high.host + 8191 * 8), 0);
        gits_write(&t, GITS_CTLR, 4, 0);
    }
    free(high.host);
    its_rig_free(&t);
}

/* The guest writes rubbish into the tables: what is out of range is an error, never an index. */
static void test_rubbish_in_the_tables(void **state)
{
    struct its_rig t;

    (void)state;
    its_up_with_device(&t, 1);
    put64(&t, COLLECTIONS, VALID | 0xffff); /* no such vCPU */
    assert_int_equal(msi(&t, 1), VML_ERR_NOT_FOUND);
    put64(&t, COLLECTIONS, VALID);
    put64(&t, ITTS + 8, VALID | UINT64_C(0xffffffff) << 16);
    assert_int_equal(msi(&t, 1), VML_ERR_NOT_FOUND);
    put64(&t, ITTS + 8, VALID | UINT64_C(40) << 16);
    assert_int_equal(msi(&t, 1), VML_ERR_NOT_FOUND);
    put64(&t, ITTS + 8, VALID | (LPI + UINT64_C(1)) << 16 | 0xffff);
    assert_int_equal(msi(&t, 1), VML_ERR_NOT_FOUND);
    put64(&t, DEVICES + 8 * DEVICE, VALID | ITTS | 31);
    assert_int_equal(msi(&t, 2), VML_ERR_NOT_FOUND);
    put64(&t, DEVICES + 8 * DEVICE, VALID | 0xfffffffffff00 | 15);
    assert_int_equal(msi(&t, 2), VML_ERR_NOT_FOUND);
    assert_int_equal(take(&t, 0), 1023);
    its_rig_free(&t);
}

static void test_without_a_cache(void **state)
{
    struct its_rig t;
    struct vml_its its;
    struct vml_its_config c = {0};

    (void)state;
    its_up_with_device(&t, 1);
    c.gic = &t.r.gic;
    assert_int_equal(vml_its_init(&its, &c), VML_OK);
    assert_int_equal(vml_its_msi(&its, DEVICE, 1), VML_ERR_NOT_FOUND);
    wr(&its.device, 0, BASER, 8, VALID | DEVICES | 15);
    wr(&its.device, 0, BASER + 8, 8, VALID | COLLECTIONS);
    wr(&its.device, 0, GITS_CTLR, 4, 1);
    assert_int_equal(vml_its_msi(&its, DEVICE, 1), VML_OK);
    assert_int_equal(vml_its_msi(&its, DEVICE, 1), VML_OK);
    assert_int_equal(take(&t, 0), LPI + 1);
    assert_int_equal(take(&t, 0), 1023);
    its_rig_free(&t);
}

/* Moved while it is in a list register of the first vCPU: what the guest did not take goes along. */
enum { IMAGE = 65536 };

/* Saved with commands queued and LPIs pending, and restored: both go on alike. */
static void test_save_and_restore(void **state)
{
    struct its_rig a, b;
    uint8_t *image = malloc(IMAGE), *its_image = malloc(1024), *again = malloc(1024);
    size_t size, its_size;

    (void)state;
    its_up_with_device(&a, 2);
    its_rig_make(&b, 2, 8192);
    b.cwriter = a.cwriter;
    for (uint32_t n = 0; n < 4; n++) {
        assert_int_equal(msi(&a, n), VML_OK);
    }
    memset(ram(&a, PROP), 0x81, 8192);
    q_movi(&a, DEVICE, 2, 1);
    q_invall(&a, 0);
    for (uint32_t n = 0; n < 70; n++) {
        q_sync(&a, 0);
    }
    q_int(&a, DEVICE, 9);
    q_mapti(&a, DEVICE, 31, LPI + 60, 1);
    q_int(&a, DEVICE, 31);
    gits_write(&a, CWRITER, 8, a.cwriter);
    assert_int_not_equal(a.its.creadr, a.cwriter);
    assert_int_not_equal(a.its.progress, 0); /* in the middle of INVALL */
    size = save_device(&a.r.gic.gicd, image, IMAGE);
    its_size = save_device(&a.its.device, its_image, 1024);
    memcpy(b.ram, a.ram, RAM_SIZE);
    assert_int_equal(restore_device(&b.r.gic.gicd, image, size), VML_OK);
    assert_int_equal(restore_device(&b.its.device, its_image, its_size), VML_OK);
    assert_int_equal(save_device(&b.its.device, again, 1024), its_size);
    assert_memory_equal(its_image, again, its_size);
    for (uint32_t i = 0; i < 10000 && a.its.creadr != a.cwriter; i++) {
        (void)gits(&a, CREADR, 8);
        (void)gits(&b, CREADR, 8);
        assert_int_equal(a.its.creadr, b.its.creadr);
        assert_int_equal(irq(&a.r, 0), irq(&b.r, 0));
        assert_int_equal(irq(&a.r, 1), irq(&b.r, 1));
    }
    for (uint32_t i = 0; i < 6; i++) {
        uint32_t first = take(&a, 0), second = take(&a, 1);

        assert_int_equal(take(&b, 0), first);
        assert_int_equal(take(&b, 1), second);
        assert_int_equal(first == 1023, i > 3);
        assert_int_equal(second == 1023, i > 1);
    }
    its_rig_free(&a);
    its_rig_free(&b);
    free(image);
    free(its_image);
    free(again);
}

static void test_corrupt_images_are_refused(void **state)
{
    struct its_rig t;
    uint8_t image[256], after[256], bad[256];
    size_t size;
    static const struct {
        uint8_t at;
        uint8_t value;
    } faults[] = {
        {12, 2},     /* Enabled */
        {13 + 1, 1}, /* GITS_CBASER: reserved bits */
        {21 + 4, 1}, /* GITS_CWRITER */
        {29, 0x02},  /* GITS_CREADR */
        {37 + 6, 1}, /* GITS_BASER0: Entry_Size is fixed */
        {45 + 7, 4}, /* GITS_BASER1: Type is fixed */
        {53 + 2, 1}, /* progress */
        {0, 0},      /* the tag */
        {4, 2},      /* the version */
    };

    (void)state;
    its_up_with_device(&t, 1);
    size = save_device(&t.its.device, image, sizeof(image));
    assert_int_equal(size, 57);
    for (size_t cut = 0; cut < size; cut++) {
        assert_int_not_equal(restore_device(&t.its.device, image, cut), VML_OK);
    }
    for (uint32_t i = 0; i < VML_ARRAY_SIZE(faults); i++) {
        memcpy(bad, image, size);
        bad[faults[i].at] =
            (uint8_t)(faults[i].at >= 13 ? bad[faults[i].at] | faults[i].value : faults[i].value);
        assert_int_not_equal(restore_device(&t.its.device, bad, size), VML_OK);
    }
    assert_int_equal(save_device(&t.its.device, after, sizeof(after)), size);
    assert_memory_equal(image, after, size);
    t.its.device.ops->reset(&t.its.device);
    assert_int_equal(gits(&t, CREADR, 8), 0);
    assert_int_equal(gits(&t, GITS_CTLR, 4), 0x80000000);
    assert_int_equal(msi(&t, 1), VML_ERR_NOT_FOUND);
    assert_int_equal(restore_device(&t.its.device, image, size), VML_OK);
    assert_int_equal(msi(&t, 1), VML_OK);
    its_rig_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_identification),
        cmocka_unit_test(test_configuration_is_checked),
        cmocka_unit_test(test_bases_keep_what_is_written),
        cmocka_unit_test(test_cbaser_resets_creadr),
        cmocka_unit_test(test_message_end_to_end),
        cmocka_unit_test(test_messages_do_not_walk_guest_memory),
        cmocka_unit_test(test_disabled_translates_nothing),
        cmocka_unit_test(test_int_and_clear),
        cmocka_unit_test(test_mapi_uses_the_event_id),
        cmocka_unit_test(test_movi_moves_what_is_pending),
        cmocka_unit_test(test_movall),
        cmocka_unit_test(test_mapc_moves_new_messages_only),
        cmocka_unit_test(test_discard),
        cmocka_unit_test(test_mapti_again_replaces),
        cmocka_unit_test(test_mapd_unmaps_and_remaps),
        cmocka_unit_test(test_inv_and_invall),
        cmocka_unit_test(test_command_errors_are_ignored),
        cmocka_unit_test(test_stall_and_retry),
        cmocka_unit_test(test_a_queue_that_is_no_memory_stalls),
        cmocka_unit_test(test_tables_that_are_no_memory_stall),
        cmocka_unit_test(test_cwriter_beyond_the_queue),
        cmocka_unit_test(test_the_queue_wraps),
        cmocka_unit_test(test_work_is_bounded),
        cmocka_unit_test(test_long_commands_take_several_accesses),
        cmocka_unit_test(test_two_level_tables),
        cmocka_unit_test(test_addresses_of_64k_pages),
        cmocka_unit_test(test_rubbish_in_the_tables),
        cmocka_unit_test(test_without_a_cache),
        cmocka_unit_test(test_save_and_restore),
        cmocka_unit_test(test_corrupt_images_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
