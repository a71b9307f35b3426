/* The console: virtio 1.3, 5.3, with a peer of this file at every port. */
#include "test.h"
#include "virtio_driver.h"
#include <vml/virtio_console.h>

enum { PORTS = 3 };

struct peer {
    uint8_t got[4096];
    size_t len, room;
    unsigned ready, opened, closed;
};

struct rig {
    struct vd vd;
    struct vml_virtio_console console;
    struct vml_virtio_console_port ports[PORTS];
    struct vml_virtio_queue queues[VML_VIRTIO_CONSOLE_QUEUES(PORTS)];
    struct vml_virtio_mmio mmio;
    struct peer peers[PORTS];
    uint64_t gpa;
};

static size_t peer_push(void *context, const uint8_t *bytes, size_t len)
{
    struct peer *p = context;
    size_t n = len < p->room ? len : p->room;

    memcpy(p->got + p->len, bytes, n);
    p->len += n;
    p->room -= n;
    return n;
}

static void peer_ready(void *context)
{
    ((struct peer *)context)->ready++;
}

static void peer_event(void *context, enum vml_chardev_event event)
{
    struct peer *p = context;

    p->opened += event == VML_CHARDEV_OPENED;
    p->closed += event == VML_CHARDEV_CLOSED;
}

static const struct vml_chardev_ops peer_ops = {
    .push = peer_push, .ready = peer_ready, .event = peer_event};

static struct rig *make(uint32_t ports)
{
    struct rig *r = calloc(1, sizeof(*r));

    vd_init(&r->vd, 8 << 20);
    for (unsigned i = 0; i < PORTS; i++) {
        r->peers[i].room = sizeof(r->peers[i].got);
        r->ports[i].peer = (struct vml_chardev){&peer_ops, &r->peers[i]};
        r->ports[i].console = i == 0;
        r->ports[i].name = i == 1 ? "org.example" : NULL;
        r->ports[i].absent = i == 2;
    }
    struct vml_virtio_console_config config = {.platform = {.as = &r->vd.as},
                                               .ports = r->ports,
                                               .port_count = ports,
                                               .queues = r->queues,
                                               .cols = 80,
                                               .rows = 25};
    struct vml_virtio_mmio_config mmio = {.name = "console", .dev = &r->console.virtio};

    assert_int_equal(vml_virtio_console_init(&r->console, &config), VML_OK);
    assert_int_equal(vml_virtio_mmio_init(&r->mmio, &mmio), VML_OK);
    r->vd.device = &r->mmio.device;
    r->gpa = vd_alloc(&r->vd, 1 << 20, 4096);
    return r;
}

static void end(struct rig *r)
{
    vml_virtio_mmio_destroy(&r->mmio);
    vml_virtio_console_destroy(&r->console);
    vd_free(&r->vd);
    free(r);
}

#define BASIC (VML_VIRTIO_F_VERSION_1 | VML_VIRTIO_CONSOLE_F_SIZE)
#define MULTI (BASIC | VML_VIRTIO_CONSOLE_F_MULTIPORT)

static void write_port(struct rig *r, uint32_t queue, const char *text, unsigned pieces)
{
    size_t len = strlen(text);
    struct vd_buf bufs[4];

    memcpy(vd_host(&r->vd, r->gpa), text, len);
    for (unsigned i = 0; i < pieces; i++) {
        size_t from = len * i / pieces;

        bufs[i] = (struct vd_buf){r->gpa + from, (uint32_t)(len * (i + 1) / pieces - from), false};
    }
    assert_true(vd_add(&r->vd.q[queue], bufs, pieces) >= 0);
    vd_kick(&r->vd, &r->vd.q[queue]);
}

static void add_buffer(struct rig *r, uint32_t queue, uint64_t offset, uint32_t len)
{
    struct vd_buf buf = {r->gpa + offset, len, true};

    assert_true(vd_add(&r->vd.q[queue], &buf, 1) >= 0);
    vd_kick(&r->vd, &r->vd.q[queue]);
}

static size_t push(struct rig *r, uint32_t port, const char *text)
{
    struct vml_chardev end = vml_virtio_console_end(&r->console, port);

    return vml_chardev_push(&end, (const uint8_t *)text, strlen(text));
}

static void guest_writes(void **state)
{
    for (int packed = 0; packed < 2; packed++) {
        struct rig *r = make(1);

        assert_int_equal(vd_read(&r->vd, 8), 3);
        vd_start(&r->vd, BASIC | (packed ? VML_VIRTIO_F_RING_PACKED : 0), 2, 8);
        assert_int_equal(r->peers[0].opened, 1);
        write_port(r, 1, "hello, world", 3);
        assert_true(vd_used(&r->vd.q[1], NULL) >= 0);
        assert_int_equal(r->peers[0].len, 12);
        assert_memory_equal(r->peers[0].got, "hello, world", 12);
        end(r);
    }
}

static void slow_peer_holds_the_chain(void **state)
{
    struct rig *r = make(1);
    struct vml_chardev port = vml_virtio_console_end(&r->console, 0);

    vd_start(&r->vd, BASIC, 2, 8);
    r->peers[0].room = 5;
    write_port(r, 1, "hello, world", 2);
    assert_int_equal(vd_used(&r->vd.q[1], NULL), -1);
    assert_int_equal(r->peers[0].len, 5);
    r->peers[0].room = 3;
    vml_chardev_ready(&port);
    assert_int_equal(vd_used(&r->vd.q[1], NULL), -1);
    r->peers[0].room = 100;
    vml_chardev_ready(&port);
    assert_true(vd_used(&r->vd.q[1], NULL) >= 0);
    assert_memory_equal(r->peers[0].got, "hello, world", 12);
    vml_chardev_ready(&port); /* nothing held: nothing happens */
    assert_int_equal(r->peers[0].len, 12);
    end(r);
}

static void reset_drops_the_held_chain(void **state)
{
    struct rig *r = make(1);

    vd_start(&r->vd, BASIC, 2, 8);
    r->peers[0].room = 5;
    write_port(r, 1, "hello, world", 1);
    vd_start(&r->vd, BASIC, 2, 8);
    r->peers[0].room = 100;
    write_port(r, 1, "again", 1);
    assert_memory_equal(r->peers[0].got, "helloagain", 10);
    end(r);
}

static void held_chain_survives_a_snapshot(void **state)
{
    struct rig *r = make(1);
    uint8_t image[1024];
    struct vml_state_writer w;
    struct vml_state_reader rd;

    vd_start(&r->vd, BASIC, 2, 8);
    r->peers[0].room = 5;
    write_port(r, 1, "hello, world", 1);
    vml_virtio_drain(&r->console.virtio);
    vml_state_writer_init(&w, image, sizeof(image));
    r->mmio.device.ops->save(&r->mmio.device, &w);
    assert_int_equal(vml_state_write_status(&w), VML_OK);
    r->peers[0].room = 100;
    vml_state_reader_init(&rd, image, w.used);
    assert_int_equal(r->mmio.device.ops->restore(&r->mmio.device, &rd), VML_OK);
    assert_true(vd_used(&r->vd.q[1], NULL) >= 0);
    assert_memory_equal(r->peers[0].got, "hello, world", 12);
    end(r);
}

static void guest_reads(void **state)
{
    for (int packed = 0; packed < 2; packed++) {
        struct rig *r = make(1);
        uint32_t len;

        assert_int_equal(push(r, 0, "early"), 0); /* no driver */
        vd_start(&r->vd, BASIC | VML_VIRTIO_F_EVENT_IDX | (packed ? VML_VIRTIO_F_RING_PACKED : 0),
                 2, 8);
        assert_int_equal(r->peers[0].ready, 1); /* there is a driver now */
        r->peers[0].ready = 0;
        assert_int_equal(push(r, 0, "abc"), 0); /* no buffer */
        assert_int_equal(r->peers[0].ready, 0);
        add_buffer(r, 0, 0, 4);
        assert_int_equal(r->peers[0].ready, 1);
        add_buffer(r, 0, 16, 4);
        assert_int_equal(push(r, 0, "abcdefghij"), 8);
        assert_true(vd_used(&r->vd.q[0], &len) >= 0);
        assert_int_equal(len, 4);
        assert_true(vd_used(&r->vd.q[0], &len) >= 0);
        assert_memory_equal(vd_host(&r->vd, r->gpa), "abcd", 4);
        assert_memory_equal(vd_host(&r->vd, r->gpa + 16), "efgh", 4);
        add_buffer(r, 0, 32, 100);
        assert_int_equal(r->peers[0].ready, 2);
        assert_int_equal(push(r, 0, "ij"), 2);
        assert_true(vd_used(&r->vd.q[0], &len) >= 0);
        assert_int_equal(len, 2);
        add_buffer(r, 0, 32, 100);
        assert_int_equal(r->peers[0].ready, 2); /* nobody waits */
        end(r);
    }
}

static void emergency_write_and_size(void **state)
{
    struct rig *r = make(1);

    assert_int_equal(vd_access(&r->vd, 0x100, 2, false, 0), 80);
    assert_int_equal(vd_access(&r->vd, 0x102, 2, false, 0), 25);
    vd_access(&r->vd, 0x108, 4, true, 'X'); /* before any driver */
    assert_int_equal(r->peers[0].got[0], 'X');
    vd_start(&r->vd, BASIC, 2, 8);
    vml_virtio_console_resize(&r->console, 132, 50);
    assert_int_equal(vd_access(&r->vd, 0x100, 4, false, 0), 132 | 50 << 16);
    assert_int_equal(vd_read(&r->vd, 0x60), 2);
    end(r);
}

static void control(struct rig *r, uint32_t id, uint16_t event, uint16_t value)
{
    uint64_t at = r->gpa + 0x80000;
    uint8_t *bytes = vd_host(&r->vd, at);
    struct vd_buf buf = {at, 8, false};

    vml_store_le32(bytes, id);
    vml_store_le16(bytes + 4, event);
    vml_store_le16(bytes + 6, value);
    assert_true(vd_add(&r->vd.q[3], &buf, 1) >= 0);
    vd_kick(&r->vd, &r->vd.q[3]);
    assert_true(vd_used(&r->vd.q[3], NULL) >= 0);
}

/* Takes the next control message; 0xffff: none. Its buffer is made available again. */
static uint16_t message(struct rig *r, uint32_t *id, uint16_t *value, char *rest)
{
    uint32_t len;
    int used = vd_used(&r->vd.q[2], &len);
    uint64_t at;
    uint8_t *bytes;
    uint16_t event;
    struct vd_buf buf;

    if (used < 0) {
        return 0xffff;
    }
    at = r->vd.q[2].desc[used].addr;
    bytes = vd_host(&r->vd, at);
    *id = vml_load_le32(bytes);
    event = vml_load_le16(bytes + 4);
    *value = vml_load_le16(bytes + 6);
    memcpy(rest, bytes + 8, len - 8);
    rest[len - 8] = '\0';
    buf = (struct vd_buf){at, 128, true};
    vd_add(&r->vd.q[2], &buf, 1);
    vd_kick(&r->vd, &r->vd.q[2]);
    return event;
}

static void multiport(void **state)
{
    struct rig *r = make(PORTS);
    uint32_t id;
    uint16_t value;
    char rest[128];

    assert_int_equal(vd_read(&r->vd, 0x104), PORTS);
    vd_start(&r->vd, MULTI, VML_VIRTIO_CONSOLE_QUEUES(PORTS), 8);
    control(r, 0, 0, 1); /* DEVICE_READY, while there is no buffer */
    add_buffer(r, 2, 0x1000, 128);
    assert_int_equal(message(r, &id, &value, rest), 1); /* PORT_ADD */
    assert_int_equal(id, 0);
    assert_int_equal(message(r, &id, &value, rest), 1);
    assert_int_equal(id, 1);
    assert_int_equal(message(r, &id, &value, rest), 0xffff); /* the third is absent */

    control(r, 0, 3, 1);
    assert_int_equal(message(r, &id, &value, rest), 4); /* CONSOLE_PORT */
    assert_int_equal(message(r, &id, &value, rest), 5); /* RESIZE: cols, rows */
    assert_int_equal(vml_load_le16(rest), 80);
    assert_int_equal(vml_load_le16(rest + 2), 25);
    assert_int_equal(message(r, &id, &value, rest), 6); /* PORT_OPEN */
    assert_int_equal(value, 1);
    control(r, 1, 3, 1);
    assert_int_equal(message(r, &id, &value, rest), 7); /* PORT_NAME */
    assert_string_equal(rest, "org.example");
    assert_int_equal(message(r, &id, &value, rest), 6);

    assert_int_equal(push(r, 1, "x"), 0); /* the guest has not opened it */
    add_buffer(r, 4, 0x2000, 16);
    control(r, 1, 6, 1);
    assert_int_equal(r->peers[1].opened, 1);
    assert_int_equal(push(r, 1, "x"), 1);
    write_port(r, 5, "to port one", 1);
    assert_memory_equal(r->peers[1].got, "to port one", 11);
    control(r, 1, 6, 0);
    assert_int_equal(r->peers[1].closed, 1);

    struct vml_chardev port = vml_virtio_console_end(&r->console, 1);

    vml_chardev_event(&port, VML_CHARDEV_CLOSED);
    assert_int_equal(message(r, &id, &value, rest), 6);
    assert_int_equal(value, 0);
    vml_chardev_event(&port, VML_CHARDEV_BREAK);
    vml_virtio_console_plug(&r->console, 2, true);
    assert_int_equal(message(r, &id, &value, rest), 1);
    assert_int_equal(id, 2);
    vml_virtio_console_plug(&r->console, 2, false);
    assert_int_equal(message(r, &id, &value, rest), 2);
    vml_virtio_console_resize(&r->console, 100, 30);
    assert_int_equal(message(r, &id, &value, rest), 5);
    assert_int_equal(vml_load_le16(rest), 100);
    assert_int_equal(vml_load_le16(rest + 2), 30);

    control(r, PORTS, 6, 1); /* no such port, absent, unknown */
    control(r, UINT32_MAX, 3, 1);
    control(r, 2, 6, 1);
    control(r, 0, 99, 1);
    assert_int_equal(message(r, &id, &value, rest), 0xffff);
    end(r);
}

/* 5.3.6.2: no PORT_ADD of a port that there is, no PORT_REMOVE of one that was not added, and nothing
 * else about one that is not there; also when there is no buffer for a while. */
static void ports_come_and_go(void **state)
{
    struct rig *r = make(PORTS);
    struct vml_chardev port = vml_virtio_console_end(&r->console, 2);
    uint32_t id;
    uint16_t value;
    char rest[128];

    r->ports[2].console = true;
    vd_start(&r->vd, MULTI, VML_VIRTIO_CONSOLE_QUEUES(PORTS), 8);
    add_buffer(r, 2, 0x1000, 128);
    control(r, 0, 0, 1);
    assert_int_equal(message(r, &id, &value, rest), 1);
    assert_int_equal(message(r, &id, &value, rest), 1);
    vml_virtio_console_plug(&r->console, 2, false);
    vml_virtio_console_plug(&r->console, 1, true);
    vml_chardev_event(&port, VML_CHARDEV_CLOSED);
    vml_chardev_event(&port, VML_CHARDEV_OPENED);
    assert_int_equal(message(r, &id, &value, rest), 0xffff);

    vml_virtio_console_plug(&r->console, 2, true); /* takes the buffer */
    vml_virtio_console_plug(&r->console, 2, false);
    vml_virtio_console_plug(&r->console, 2, true);
    vml_virtio_console_plug(&r->console, 1, false);
    vml_virtio_console_plug(&r->console, 1, true);
    vml_virtio_console_plug(&r->console, 1, false);
    assert_int_equal(message(r, &id, &value, rest), 1);
    assert_int_equal(id, 2);
    assert_int_equal(message(r, &id, &value, rest), 2);
    assert_int_equal(id, 1);
    assert_int_equal(message(r, &id, &value, rest), 2);
    assert_int_equal(id, 2);
    assert_int_equal(message(r, &id, &value, rest), 1);
    assert_int_equal(id, 2);
    assert_int_equal(message(r, &id, &value, rest), 0xffff);

    vml_virtio_console_plug(&r->console, 1, true); /* takes the buffer */
    vml_virtio_console_plug(&r->console, 1, false);
    vml_virtio_console_plug(&r->console, 0, false);
    vml_virtio_console_plug(&r->console, 0, true);
    control(r, 0, 0, 1);                                /* the driver begins anew */
    assert_int_equal(message(r, &id, &value, rest), 1); /* what was on its way */
    assert_int_equal(message(r, &id, &value, rest), 1);
    assert_int_equal(id, 0);
    assert_int_equal(message(r, &id, &value, rest), 1);
    assert_int_equal(id, 2);
    assert_int_equal(message(r, &id, &value, rest), 0xffff);
    vml_virtio_console_plug(&r->console, 1, true);
    assert_int_equal(message(r, &id, &value, rest), 1);
    assert_int_equal(id, 1);
    end(r);
}

/* As Linux until 6.14 takes it. */
static void rows_before_columns(void **state)
{
    struct rig *r = make(PORTS);
    uint32_t id;
    uint16_t value;
    char rest[128];

    r->console.config.resize_rows_first = true;
    vd_start(&r->vd, MULTI, VML_VIRTIO_CONSOLE_QUEUES(PORTS), 8);
    add_buffer(r, 2, 0x1000, 128);
    control(r, 0, 0, 1);
    while (message(r, &id, &value, rest) != 0xffff) {
    }
    vml_virtio_console_resize(&r->console, 132, 50);
    assert_int_equal(message(r, &id, &value, rest), 5);
    assert_int_equal(vml_load_le16(rest), 50);
    assert_int_equal(vml_load_le16(rest + 2), 132);
    assert_int_equal(vd_access(&r->vd, 0x100, 4, false, 0), 132 | 50 << 16); /* not here */
    end(r);
}

static void short_control_message_is_ignored(void **state)
{
    struct rig *r = make(PORTS);
    struct vd_buf buf = {r->gpa, 7, false};

    vd_start(&r->vd, MULTI, VML_VIRTIO_CONSOLE_QUEUES(PORTS), 8);
    vd_add(&r->vd.q[3], &buf, 1);
    vd_kick(&r->vd, &r->vd.q[3]);
    assert_true(vd_used(&r->vd.q[3], NULL) >= 0);
    assert_int_equal(vd_read(&r->vd, 0x70), 15);
    end(r);
}

static void broken_receive_queues(void **state)
{
    for (uint32_t q = 0; q < 3; q += 2) {
        struct rig *r = make(PORTS);

        vd_start(&r->vd, MULTI, VML_VIRTIO_CONSOLE_QUEUES(PORTS), 8);
        control(r, 0, 0, 1);
        control(r, 0, 6, 1);
        add_buffer(r, q, UINT64_C(0x900000000), 16);
        assert_int_equal(push(r, 0, "x"), 0);
        assert_true(vd_read(&r->vd, 0x70) & VML_VIRTIO_NEEDS_RESET);
        end(r);
    }
}

static void state_round_trip(void **state)
{
    struct rig *r = make(PORTS);
    uint8_t image[2048];
    uint8_t again[2048];
    struct vml_state_writer w;
    struct vml_state_reader rd;
    uint32_t id;
    uint16_t value;
    char rest[128];

    vd_start(&r->vd, MULTI, VML_VIRTIO_CONSOLE_QUEUES(PORTS), 8);
    control(r, 0, 0, 1);
    control(r, 1, 6, 1);
    vml_state_writer_init(&w, image, sizeof(image));
    r->mmio.device.ops->save(&r->mmio.device, &w);
    vd_write(&r->vd, 0x70, 0);
    vml_state_reader_init(&rd, image, w.used);
    assert_int_equal(r->mmio.device.ops->restore(&r->mmio.device, &rd), VML_OK);
    vml_state_writer_init(&w, again, sizeof(again));
    r->mmio.device.ops->save(&r->mmio.device, &w);
    assert_memory_equal(image, again, w.used);
    assert_true(atomic_load(&r->ports[1].guest_open));
    add_buffer(r, 2, 0x1000, 128);
    assert_int_equal(message(r, &id, &value, rest), 1); /* what waited is sent */
    end(r);
}

static void bad_configurations(void **state)
{
    struct vml_virtio_console console;
    struct vml_virtio_console_config config = {.port_count = 0};

    assert_int_equal(vml_virtio_console_init(&console, &config), VML_ERR_INVALID);
    config.port_count = 65;
    assert_int_equal(vml_virtio_console_init(&console, &config), VML_ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(guest_writes),
        cmocka_unit_test(slow_peer_holds_the_chain),
        cmocka_unit_test(reset_drops_the_held_chain),
        cmocka_unit_test(held_chain_survives_a_snapshot),
        cmocka_unit_test(guest_reads),
        cmocka_unit_test(emergency_write_and_size),
        cmocka_unit_test(multiport),
        cmocka_unit_test(ports_come_and_go),
        cmocka_unit_test(rows_before_columns),
        cmocka_unit_test(short_control_message_is_ignored),
        cmocka_unit_test(broken_receive_queues),
        cmocka_unit_test(state_round_trip),
        cmocka_unit_test(bad_configurations),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
