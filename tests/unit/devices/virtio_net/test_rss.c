/* The commands that configure hashes and steering, and steering: virtio 1.3, 5.1.6.5.5 to 5.1.6.5.7.
 */
#include "net_packets.h"

/* 5.1.4, 5.1.4.1: only when asked for; the table's length only with RSS. */
static void config_space_tells_of_hashes(void **state)
{
    struct rig *r = make_rss(PAIRS, 0);

    assert_true((vd_offered(&r->vd) & RSS) && (vd_offered(&r->vd) & REPORT));
    assert_int_equal(vd_access(&r->vd, 0x111, 1, false, 0), 40);
    assert_int_equal(vd_access(&r->vd, 0x112, 2, false, 0), 128);
    assert_int_equal(vd_access(&r->vd, 0x114, 4, false, 0), ALL_TYPES);
    assert_int_equal(vd_access(&r->vd, 0x118, 4, false, 0), 0);
    assert_false(vd_negotiate(&r->vd, BASIC | RSS)); /* requires CTRL_VQ */
    assert_true(vd_negotiate(&r->vd, BASIC | CTRL | RSS | REPORT));
    end(r);
    r = make_rss(PAIRS, RSS);
    assert_true(!(vd_offered(&r->vd) & RSS) && (vd_offered(&r->vd) & REPORT));
    assert_int_equal(vd_access(&r->vd, 0x111, 1, false, 0), 40);
    assert_int_equal(vd_access(&r->vd, 0x112, 2, false, 0), 0);
    assert_int_equal(vd_access(&r->vd, 0x114, 4, false, 0), ALL_TYPES);
    end(r);
    r = make(PAIRS);
    assert_int_equal(vd_offered(&r->vd) & (RSS | REPORT), 0);
    assert_int_equal(vd_access(&r->vd, 0x110, 8, false, 0) >> 8, 0);
    end(r);
}

/* An RSS_CONFIG command, to be spoilt. */
struct config {
    uint32_t types;
    uint16_t mask, unclassified;
    uint16_t table[512];
    uint16_t max_tx_vq;
    uint8_t key_len;
    uint8_t bytes[2000];
    uint32_t len;
};

static struct config config_for(uint16_t entries, uint16_t pairs)
{
    struct config c = {
        .types = ALL_TYPES, .mask = (uint16_t)(entries - 1), .max_tx_vq = pairs, .key_len = 40};

    for (unsigned i = 0; i < entries; i++) {
        c.table[i] = (uint16_t)(i % pairs);
    }
    return c;
}

static void pack(struct config *c)
{
    uint32_t at = 8;

    vml_store_le32(c->bytes, c->types);
    vml_store_le16(c->bytes + 4, c->mask);
    vml_store_le16(c->bytes + 6, c->unclassified);
    for (uint32_t i = 0; i <= c->mask && i < VML_ARRAY_SIZE(c->table); i++, at += 2) {
        vml_store_le16(c->bytes + at, c->table[i]);
    }
    vml_store_le16(c->bytes + at, c->max_tx_vq);
    c->bytes[at + 2] = c->key_len;
    for (uint32_t i = 0; i < c->key_len; i++) {
        c->bytes[at + 3 + i] = i < 40 ? the_key[i] : 0;
    }
    c->len = at + 3 + c->key_len;
}

static uint8_t set_rss(struct rig *r, struct config *c)
{
    pack(c);
    return control(r, 8, 4, 1, c->bytes, c->len);
}

static struct rig *make_steered(uint64_t features)
{
    struct rig *r = make_rss(MAX_PAIRS, 0);

    vd_start(&r->vd, BASIC | CTRL | RSS | features, VML_VIRTIO_NET_QUEUES(MAX_PAIRS), 16);
    return r;
}

/* The pair that a packet arrives on; -1: none. */
static int pair_of(struct rig *r, struct packet *p)
{
    int pair = -1;

    for (uint32_t i = 0; i < MAX_PAIRS; i++) {
        if (r->vd.q[2 * i].free_count > 8) {
            buffer(r, 2 * i, 4096 * i, 2000);
        }
    }
    assert_true(deliver(r, p->bytes, p->len, whole));
    for (uint32_t i = 0; i < MAX_PAIRS; i++) {
        if (vd_used(&r->vd.q[2 * i], NULL) >= 0) {
            assert_int_equal(pair, -1);
            pair = (int)i;
        }
    }
    return pair;
}

/* 5.1.6.5.7.3: hash, mask, table; what has no hash goes to unclassified_queue. */
static void the_table_says_where_packets_go(void **state)
{
    for (unsigned entries = 1; entries <= 128; entries *= 2) {
        struct rig *r = make_steered(entries & 0x55 ? REPORT : VML_VIRTIO_NET_F_MQ);
        struct config c = config_for((uint16_t)entries, MAX_PAIRS);
        struct packet p;

        whole_packet(&p, &suite[2], TCP);
        assert_int_equal(pair_of(r, &p), 0); /* multiqueue is disabled at first */
        c.unclassified = 3;
        for (unsigned i = 0; i < entries; i++) {
            c.table[i] = (uint16_t)(i * 7 / 3 % MAX_PAIRS);
        }
        assert_int_equal(set_rss(r, &c), 0);
        for (size_t i = 0; i < VML_ARRAY_SIZE(suite); i++) {
            whole_packet(&p, &suite[i], TCP);
            assert_int_equal(pair_of(r, &p), c.table[suite[i].ports & c.mask]);
            whole_packet(&p, &suite[i], 0);
            assert_int_equal(pair_of(r, &p), c.table[suite[i].addresses & c.mask]);
            p.bytes[12] = 0x12;
            assert_int_equal(pair_of(r, &p), 3);
        }
        c.types = TYPE(UDPV4);
        assert_int_equal(set_rss(r, &c), 0);
        whole_packet(&p, &suite[2], TCP);
        assert_int_equal(pair_of(r, &p), 3);
        whole_packet(&p, &suite[2], UDP);
        assert_int_equal(pair_of(r, &p), c.table[suite[2].ports & c.mask]);
        end(r);
    }
}

/* A command that is refused changes nothing. */
static void bad_rss_configs_are_refused(void **state)
{
    struct rig *r = make_steered(VML_VIRTIO_NET_F_MQ);
    struct config good = config_for(128, MAX_PAIRS);
    struct config c;
    struct vml_virtio_net_steering before;

    assert_int_equal(set_rss(r, &good), 0);
    before = r->rss.steering;
    for (unsigned i = 0; i < 15; i++) {
        c = good;
        c.unclassified = 1;
        c.types = i == 0 ? 0x3ff : i == 1 ? 0x800001ffu : c.types;
        /* Not a power of two; longer than offered. */
        c.mask = i == 2 ? 126 : i == 3 ? 255 : i == 4 ? 0xffff : c.mask;
        /* The reserved bit; and all of the number counts. */
        c.unclassified = i == 5 ? MAX_PAIRS : i == 6 ? 0x8000 : 1;
        c.table[i == 7   ? 0
                : i == 8 ? 127
                         : 64] = i == 7   ? MAX_PAIRS
                                 : i == 8 ? 0x8000
                                 : i == 9 ? 0x100
                                          : 0;
        c.max_tx_vq = i == 10 ? 0 : i == 11 ? MAX_PAIRS + 1 : MAX_PAIRS;
        c.key_len = i == 12 ? 41 : i == 13 ? 255 : i == 14 ? 0 : 40;
        assert_int_equal(set_rss(r, &c), 1);
        assert_memory_equal(&before, &r->rss.steering, sizeof(before));
        assert_int_equal(r->net.pairs, MAX_PAIRS);
    }
    c = good;
    c.unclassified = 1;
    pack(&c);
    for (uint32_t len = 0; len < c.len; len++) { /* cut anywhere */
        assert_int_equal(control(r, 8, 4, 1, c.bytes, len), 1);
        assert_memory_equal(&before, &r->rss.steering, sizeof(before));
    }
    assert_int_equal(control(r, 8, 4, 1, c.bytes, c.len), 0);
    c.types = 0; /* no hashes: no key is needed */
    c.key_len = 0;
    assert_int_equal(set_rss(r, &c), 0);
    assert_int_equal(control(r, 8, 4, 2, c.bytes, c.len), 1); /* HASH_REPORT is not negotiated */
    assert_int_equal(control(r, 8, 4, 3, c.bytes, c.len), 1); /* no such command */
    end(r);
}

static void bad_hash_configs_are_refused(void **state)
{
    struct rig *r = make_reporting();
    uint8_t command[13 + 41] = {0x1ff & 0xff, 1};
    struct vml_virtio_net_steering before;

    assert_int_equal(set_hash(r, TYPE(TCPV6)), 0);
    before = r->rss.steering;
    command[12] = 40;
    for (uint32_t len = 0; len < 53; len++) {
        assert_int_equal(control(r, 2, 4, 2, command, len), 1);
    }
    command[12] = 41;
    assert_int_equal(control(r, 2, 4, 2, command, 54), 1);
    command[12] = 0;
    assert_int_equal(control(r, 2, 4, 2, command, 54), 1);
    assert_memory_equal(&before, &r->rss.steering, sizeof(before));
    assert_int_equal(control(r, 2, 4, 1, command, 54), 1); /* RSS is not negotiated */
    command[12] = 40;
    assert_int_equal(control(r, 2, 4, 2, command, 53), 0);
    end(r);
    r = make(1); /* nothing of it is offered */
    vd_start(&r->vd, BASIC | CTRL, 3, 16);
    assert_int_equal(control(r, 2, 4, 1, command, 53), 1);
    assert_int_equal(control(r, 2, 4, 2, command, 53), 1);
    end(r);
}

/* What Linux sends at its start: the command in four pieces or, later, two, with a byte behind its end;
 * with HASH_CONFIG, the number of queues is in a field that is reserved. */
static void commands_as_linux_sends_them(void **state)
{
    static const uint32_t cuts[2][4] = {{8, 8 + 256, 8 + 259, 8 + 299}, {8 + 256, 8 + 300, 0, 0}};
    struct config c = config_for(128, MAX_PAIRS);
    uint8_t hash[53] = {0xff, 1, [10] = 4, [12] = 40};
    struct rig *r;

    pack(&c);
    assert_int_equal(c.len, 8 + 299);
    for (unsigned k = 0; k < 2; k++) {
        uint64_t at;
        uint8_t *bytes;
        struct vd_buf bufs[6];
        uint32_t count = 1;
        uint32_t from = 0;

        r = make_steered(VML_VIRTIO_NET_F_MQ | REPORT);
        at = r->gpa + 0x80000;
        bytes = vd_host(&r->vd, at);
        bytes[0] = 4;
        bytes[1] = 1;
        memcpy(bytes + 2, c.bytes, c.len);
        bufs[0] = (struct vd_buf){at, 2, false};
        for (unsigned i = 0; i < 4 && cuts[k][i]; i++) {
            bufs[count++] = (struct vd_buf){at + 2 + from, cuts[k][i] - from, false};
            from = cuts[k][i];
        }
        bufs[count++] = (struct vd_buf){at + 4000, 1, true};
        bytes[4000] = 99;
        assert_true(vd_add(&r->vd.q[8], bufs, count) >= 0);
        vd_kick(&r->vd, &r->vd.q[8]);
        assert_int_equal(bytes[4000], 0);
        assert_int_equal(r->net.pairs, MAX_PAIRS);
        end(r);
    }
    r = make_reporting();
    assert_int_equal(control(r, 2, 4, 2, hash, sizeof(hash)), 0);
    end(r);
}

/* 5.1.6.5.5: the last command says who steers. */
static void the_last_command_decides(void **state)
{
    struct rig *r = make_steered(VML_VIRTIO_NET_F_MQ | REPORT);
    struct config c = config_for(128, MAX_PAIRS);
    uint8_t pairs[2] = {1, 0};
    uint8_t hash[53] = {0xff, 1, [12] = 40};
    struct packet p;

    for (unsigned i = 0; i < 128; i++) {
        c.table[i] = 2;
    }
    whole_packet(&p, &suite[0], TCP);
    assert_int_equal(set_rss(r, &c), 0);
    assert_int_equal(pair_of(r, &p), 2);
    assert_int_equal(control(r, 8, 4, 0, pairs, 2), 0);
    assert_int_equal(pair_of(r, &p), 0);
    c.max_tx_vq = 1;
    assert_int_equal(set_rss(r, &c), 0);
    assert_int_equal(pair_of(r, &p), 2);
    assert_int_equal(control(r, 8, 4, 2, hash, sizeof(hash)), 0);
    assert_int_equal(pair_of(r, &p), 0);
    end(r);
}

/* 5.1.6.5.7.3: a packet for a queue that is being reset is dropped. */
static void packets_for_a_queue_in_reset_are_dropped(void **state)
{
    struct rig *r = make_steered(VML_VIRTIO_F_RING_RESET);
    struct config c = config_for(1, MAX_PAIRS);
    struct packet p;

    c.table[0] = 1;
    assert_int_equal(set_rss(r, &c), 0);
    whole_packet(&p, &suite[0], TCP);
    assert_int_equal(pair_of(r, &p), 1);
    vd_write(&r->vd, 0x30, 2);
    vd_write(&r->vd, 0xc0, 1);
    assert_int_equal(vd_read(&r->vd, 0xc0), 0);
    r->vd.q[2].free_count = 0;
    assert_int_equal(pair_of(r, &p), -1);
    assert_int_equal(vml_virtio_net_counters(&r->net).rx_dropped, 1);
    end(r);
}

/* 5.1.2: with RSS alone, there are all pairs too, and the control queue is behind them; a device of one
 * pair can steer to that. */
static void rss_without_multiqueue(void **state)
{
    struct rig *r = make_rss(1, 0);
    struct config c = config_for(128, 1);
    struct packet p;

    assert_false(vd_offered(&r->vd) & VML_VIRTIO_NET_F_MQ);
    vd_start(&r->vd, BASIC | CTRL | RSS, 3, 16);
    pack(&c);
    assert_int_equal(control(r, 2, 4, 1, c.bytes, c.len), 0);
    buffer(r, 0, 0, 2000);
    whole_packet(&p, &suite[0], TCP);
    assert_true(deliver(r, p.bytes, p.len, whole));
    assert_true(vd_used(&r->vd.q[0], NULL) >= 0);
    end(r);
}

static size_t save(struct rig *r, uint8_t *image, size_t size)
{
    struct vml_state_writer w;

    vml_state_writer_init(&w, image, size);
    r->mmio.device.ops->save(&r->mmio.device, &w);
    assert_int_equal(vml_state_write_status(&w), VML_OK);
    return w.used;
}

static enum vml_status restore(struct rig *r, const uint8_t *image, size_t size)
{
    struct vml_state_reader rd;

    vml_state_reader_init(&rd, image, size);
    return r->mmio.device.ops->restore(&r->mmio.device, &rd);
}

static void steering_survives_save_and_not_reset(void **state)
{
    struct rig *r = make_steered(VML_VIRTIO_NET_F_MQ | REPORT);
    struct config c = config_for(64, MAX_PAIRS);
    static uint8_t image[8192], again[8192];
    struct vml_virtio_net_steering before;
    struct packet p;
    size_t len;

    c.unclassified = 3;
    assert_int_equal(set_rss(r, &c), 0);
    before = r->rss.steering;
    len = save(r, image, sizeof(image));
    vd_write(&r->vd, 0x70, 0);
    assert_int_equal(r->rss.steering.hash_types, 0);
    assert_false(r->rss.steering.by_hash);
    assert_int_equal(restore(r, image, len), VML_OK);
    assert_memory_equal(&before, &r->rss.steering, sizeof(before));
    assert_int_equal(save(r, again, sizeof(again)), len);
    assert_memory_equal(image, again, len);
    for (size_t i = 0; i < VML_ARRAY_SIZE(suite); i++) {
        whole_packet(&p, &suite[i], TCP);
        assert_int_equal(pair_of(r, &p), c.table[suite[i].ports & 63]);
    }
    end(r);
}

static void corrupt_steering_is_refused(void **state)
{
    struct rig *r = make_steered(VML_VIRTIO_NET_F_MQ | REPORT);
    struct config c = config_for(64, MAX_PAIRS);
    static uint8_t image[8192], good[8192];
    struct vml_virtio_net_steering before;
    size_t len, at = 0;

    assert_int_equal(set_rss(r, &c), 0);
    len = save(r, good, sizeof(good));
    /* The record: hash types, by_hash, mask, unclassified, table. */
    while (memcmp(good + at, (uint8_t[]){0xff, 1, 0, 0, 1, 63, 0, 0, 1, 2, 3, 0, 1}, 13) != 0) {
        at++;
        assert_true(at + 13 < len);
    }
    r->rss.steering.mask = 31;
    before = r->rss.steering;
    for (unsigned i = 0; i < 7; i++) {
        memcpy(image, good, len);
        image[at + (size_t[]){1, 5, 5, 6, 7, 7 + 127, 4}[i]] =
            (uint8_t[]){2, 62, 255, MAX_PAIRS, MAX_PAIRS, MAX_PAIRS, 2}[i];
        assert_int_not_equal(restore(r, image, len), VML_OK);
        assert_memory_equal(&before, &r->rss.steering, sizeof(before));
    }
    assert_int_equal(restore(r, good, len), VML_OK);
    assert_int_equal(r->rss.steering.mask, 63);
    end(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(config_space_tells_of_hashes),
        cmocka_unit_test(the_table_says_where_packets_go),
        cmocka_unit_test(bad_rss_configs_are_refused),
        cmocka_unit_test(bad_hash_configs_are_refused),
        cmocka_unit_test(commands_as_linux_sends_them),
        cmocka_unit_test(the_last_command_decides),
        cmocka_unit_test(packets_for_a_queue_in_reset_are_dropped),
        cmocka_unit_test(rss_without_multiqueue),
        cmocka_unit_test(steering_survives_save_and_not_reset),
        cmocka_unit_test(corrupt_steering_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
