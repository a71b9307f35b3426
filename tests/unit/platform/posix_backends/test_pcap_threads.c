/* The file as packet analysers read it, byte by byte; and frames from both sides on threads. */
#include "test.h"
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>
#include <vml/arch.h>
#include <vml/pcap.h>

enum { FRAMES = 2000 };

static struct vml_pcap pcap;
static char path[] = "/tmp/vml-pcap-XXXXXX";
static uint8_t content[1 << 20];

struct side {
    _Atomic uint32_t frames;
    uint32_t last; /* length */
    unsigned ready;
    uint32_t can;
    bool refuses;
};

static struct side device, network;

static bool side_gets(void *context, const struct vml_net_frame *frame)
{
    struct side *side = context;

    if (side->refuses) {
        return false;
    }
    side->last = frame->length;
    atomic_fetch_add(&side->frames, 1);
    return true;
}

static void side_is_ready(void *context)
{
    ((struct side *)context)->ready++;
}

static void side_takes(void *context, uint32_t can)
{
    ((struct side *)context)->can = can;
}

static const struct vml_net_ops ops = {
    .send = side_gets, .ready = side_is_ready, .offloads = side_takes};

static int setup(void **state)
{
    static char name[sizeof(path)];
    int fd;

    memcpy(name, "/tmp/vml-pcap-XXXXXX", sizeof(name));
    fd = mkstemp(name);
    assert_true(fd >= 0);
    (void)close(fd);
    memcpy(path, name, sizeof(path));
    memset(&device, 0, sizeof(device));
    memset(&network, 0, sizeof(network));
    return 0;
}

static int teardown(void **state)
{
    return unlink(path);
}

static size_t read_file(void)
{
    FILE *file = fopen(path, "rb");
    size_t size;

    assert_non_null(file);
    size = fread(content, 1, sizeof(content), file);
    assert_int_equal(fclose(file), 0);
    return size;
}

/* A frame of `length` bytes in two pieces. */
static bool send(const struct vml_net *to, uint8_t first, uint32_t length)
{
    uint8_t bytes[256];
    struct vml_virtq_buf bufs[2] = {{bytes, 5, 0}, {bytes + 5, length - 5, 0}};
    struct vml_net_frame frame = {.bufs = bufs, .count = 2, .length = length};

    for (uint32_t i = 0; i < length; i++) {
        bytes[i] = (uint8_t)(first + i);
    }
    return vml_net_send(to, &frame);
}

static void the_file_is_as_analysers_want_it(void **state)
{
    static const uint8_t head[24] = {0x4d, 0x3c, 0xb2, 0xa1, 2, 0, 4, 0, [16] = 0x1a, 0, 1, 0, 1};
    struct vml_net to_device = {&ops, &device}, to_network = {&ops, &network};
    struct vml_net from_device, from_network;
    uint64_t before = vml_platform_realtime_ns() / 1000000000;
    const uint8_t *p = content + 24;

    assert_int_equal(vml_pcap_open(&pcap, path), VML_OK);
    from_device = vml_pcap_to_network(&pcap, &to_network);
    from_network = vml_pcap_to_device(&pcap, &to_device);
    assert_true(send(&from_device, 1, 60));
    assert_true(send(&from_network, 100, 61));
    assert_int_equal(network.frames, 1);
    assert_int_equal(network.last, 60);
    assert_int_equal(device.frames, 1);
    assert_int_equal(device.last, 61);
    device.refuses = true;
    assert_false(send(&from_network, 7, 62));
    vml_net_ready(&from_device); /* what the network calls when it can take more is the device's */
    vml_net_ready(&from_network);
    assert_int_equal(network.ready, 1);
    assert_int_equal(device.ready, 1);
    vml_net_offloads(&from_device, VML_NET_CAN_CSUM);
    assert_int_equal(network.can, VML_NET_CAN_CSUM);
    assert_int_equal(vml_pcap_close(&pcap), VML_OK);

    assert_int_equal(read_file(), 24 + 3 * 16 + 60 + 61 + 62);
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    assert_memory_equal(content, head, sizeof(head));
#endif
    for (uint32_t i = 0; i < 3; i++) {
        static const uint8_t first[3] = {1, 100, 7};
        uint32_t record[4];

        memcpy(record, p, sizeof(record));
        assert_in_range(record[0], before, before + 60);
        assert_in_range(record[1], 0, 999999999);
        assert_int_equal(record[2], 60 + i);
        assert_int_equal(record[3], 60 + i);
        for (uint32_t n = 0; n < 60 + i; n++) {
            assert_int_equal(p[16 + n], (uint8_t)(first[i] + n));
        }
        p += 16 + 60 + i;
    }
}

static void what_cannot_be_written(void **state)
{
    struct vml_net to_network = {&ops, &network}, from_device;

    assert_int_equal(vml_pcap_open(&pcap, "/nothing/here"), VML_ERR_NOT_FOUND);
    assert_int_equal(vml_pcap_open(&pcap, "/proc"), VML_ERR_IO);
    if (access("/dev/full", W_OK) != 0) {
        skip();
    }
    /* A disk that is full does not stop the network. */
    assert_int_equal(vml_pcap_open(&pcap, "/dev/full"), VML_OK);
    from_device = vml_pcap_to_network(&pcap, &to_network);
    for (unsigned i = 0; i < 100; i++) {
        assert_true(send(&from_device, 1, 200));
    }
    assert_int_equal(network.frames, 100);
    assert_int_equal(vml_pcap_close(&pcap), VML_ERR_IO);
}

static void sender(void *context)
{
    for (uint32_t i = 0; i < FRAMES; i++) {
        (void)send(context, (uint8_t)i, 20 + i % 100);
    }
}

static void records_of_two_threads_are_whole(void **state)
{
    struct vml_net to_device = {&ops, &device}, to_network = {&ops, &network};
    struct vml_net from[2];
    struct vml_thread threads[2];
    size_t at = 24, size;
    uint32_t count = 0;

    assert_int_equal(vml_pcap_open(&pcap, path), VML_OK);
    from[0] = vml_pcap_to_network(&pcap, &to_network);
    from[1] = vml_pcap_to_device(&pcap, &to_device);
    for (unsigned i = 0; i < 2; i++) {
        assert_int_equal(vml_thread_create(&threads[i], "sender", sender, &from[i]), VML_OK);
    }
    for (unsigned i = 0; i < 2; i++) {
        vml_thread_join(&threads[i]);
    }
    assert_int_equal(vml_pcap_close(&pcap), VML_OK);
    for (size = read_file(); at < size; count++) {
        uint32_t record[4];

        memcpy(record, content + at, sizeof(record));
        assert_in_range(record[2], 20, 119);
        for (uint32_t n = 1; n < record[2]; n++) {
            assert_int_equal(content[at + 16 + n], (uint8_t)(content[at + 16] + n));
        }
        at += 16 + record[2];
    }
    assert_int_equal(at, size);
    assert_int_equal(count, 2 * FRAMES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_file_is_as_analysers_want_it, setup, teardown),
        cmocka_unit_test_setup_teardown(what_cannot_be_written, setup, teardown),
        cmocka_unit_test_setup_teardown(records_of_two_threads_are_whole, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
