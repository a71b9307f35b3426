/* A disk image behind a block device, with requests on several threads, and a process that is
 * killed. */
#include "test.h"
#include "virtio_driver.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <vml/block_file.h>
#include <vml/virtio_block.h>

enum { SECTORS = 256, REQUESTS = 16, SEGS = 8, DEPTH = 32 };

struct rig {
    struct vd vd;
    struct vml_block_file file;
    struct vml_virtio_block block;
    struct vml_virtio_mmio mmio;
    struct vml_virtio_queue queue;
    struct vml_virtio_block_request requests[REQUESTS];
    struct vml_virtq_buf bufs[REQUESTS * VML_VIRTIO_BLOCK_BUFS(SEGS)];
    uint64_t gpa;
    char path[64];
};

static struct rig *attach(const char *path, bool read_only)
{
    struct rig *r = calloc(1, sizeof(*r));

    vd_init(&r->vd, 8 << 20);
    assert_int_equal(vml_block_file_open(&r->file, path, read_only, 4), VML_OK);
    struct vml_virtio_block_config config = {.platform = {.as = &r->vd.as},
                                             .backend = vml_block_file_backend(&r->file),
                                             .capacity = r->file.size / 512,
                                             .read_only = read_only,
                                             .seg_max = SEGS,
                                             .queues = &r->queue,
                                             .queue_count = 1,
                                             .requests = r->requests,
                                             .request_count = REQUESTS,
                                             .bufs = r->bufs};
    struct vml_virtio_mmio_config mmio = {.name = "block", .dev = &r->block.virtio};

    assert_int_equal(vml_virtio_block_init(&r->block, &config), VML_OK);
    assert_int_equal(vml_virtio_mmio_init(&r->mmio, &mmio), VML_OK);
    r->vd.device = &r->mmio.device;
    r->gpa = vd_alloc(&r->vd, 4 << 20, 4096);
    return r;
}

static void detach(struct rig *r)
{
    vml_virtio_mmio_destroy(&r->mmio);
    vml_virtio_block_destroy(&r->block);
    vml_block_file_close(&r->file);
    vd_free(&r->vd);
    free(r);
}

static void make_image(char path[64])
{
    int fd;

    strcpy(path, "/tmp/vml-block-XXXXXX");
    fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, SECTORS * 512), 0);
    close(fd);
}

#define FEATURES                                                                                   \
    (VML_VIRTIO_F_VERSION_1 | VML_VIRTIO_BLK_F_FLUSH | VML_VIRTIO_BLK_F_CONFIG_WCE |               \
     VML_VIRTIO_BLK_F_DISCARD | VML_VIRTIO_BLK_F_WRITE_ZEROES)

/* Place `n`: header, status, data of one sector each. */
static uint64_t place(struct rig *r, unsigned n)
{
    return r->gpa + 4096 * (uint64_t)n;
}

static int submit(struct rig *r, unsigned n, uint32_t type, uint64_t sector, uint32_t data,
                  bool write)
{
    uint8_t *header = vd_host(&r->vd, place(r, n));
    struct vd_buf bufs[3] = {{place(r, n), 16, false}};
    unsigned count = 1;
    int id;

    vml_store_le32(header, type);
    vml_store_le64(header + 8, sector);
    header[16] = 0xee;
    if (data) {
        bufs[count++] = (struct vd_buf){place(r, n) + 512, data, write};
    }
    bufs[count++] = (struct vd_buf){place(r, n) + 16, 1, true};
    id = vd_add(&r->vd.q[0], bufs, count);
    vd_kick(&r->vd, &r->vd.q[0]);
    return id;
}

static uint8_t status_of(struct rig *r, unsigned n)
{
    return ((uint8_t *)vd_host(&r->vd, place(r, n)))[16];
}

static int wait_used(struct rig *r)
{
    for (unsigned i = 0; i < 20000; i++) {
        int id = vd_used(&r->vd.q[0], NULL);

        if (id >= 0) {
            return id;
        }
        usleep(500);
    }
    fail_msg("a request did not end");
    return -1;
}

static uint8_t request(struct rig *r, uint32_t type, uint64_t sector, uint32_t data, bool write)
{
    assert_true(submit(r, 0, type, sector, data, write) >= 0);
    wait_used(r);
    return status_of(r, 0);
}

static uint8_t *data_of(struct rig *r, unsigned n)
{
    return vd_host(&r->vd, place(r, n) + 512);
}

static void many_requests(void **state)
{
    for (int packed = 0; packed < 2; packed++) {
        char path[64];
        struct rig *r;

        make_image(path);
        r = attach(path, false);
        vd_start(&r->vd, FEATURES | (packed ? VML_VIRTIO_F_RING_PACKED : 0), 1, 128);
        for (unsigned round = 0; round < 8; round++) {
            for (unsigned i = 0; i < DEPTH; i++) {
                memset(data_of(r, i), (int)(round * DEPTH + i), 512);
                assert_true(submit(r, i, 1, round * DEPTH + i, 512, false) >= 0);
            }
            for (unsigned i = 0; i < DEPTH; i++) {
                wait_used(r);
            }
            for (unsigned i = 0; i < DEPTH; i++) {
                assert_int_equal(status_of(r, i), 0);
            }
        }
        assert_int_equal(request(r, 4, 0, 0, false), 0);
        for (unsigned i = 0; i < DEPTH; i++) {
            submit(r, i, 0, 200 + i, 512, true);
        }
        for (unsigned i = 0; i < DEPTH; i++) {
            wait_used(r);
        }
        for (unsigned i = 0; i < DEPTH; i++) {
            assert_int_equal(data_of(r, i)[0], (uint8_t)(200 + i));
            assert_int_equal(data_of(r, i)[511], (uint8_t)(200 + i));
        }
        detach(r);
        unlink(path);
    }
}

static void zeroes_and_cache(void **state)
{
    char path[64];
    struct rig *r;

    make_image(path);
    r = attach(path, false);
    vd_start(&r->vd, FEATURES, 1, 64);
    memset(data_of(r, 0), 0x5a, 3072);
    vd_access(&r->vd, 0x120, 1, true, 0); /* write through */
    assert_int_equal(request(r, 1, 10, 3072, false), 0);
    for (uint32_t unmap = 0; unmap < 2; unmap++) {
        vml_store_le64(data_of(r, 0), 11 + unmap);
        vml_store_le32(data_of(r, 0) + 8, 1);
        vml_store_le32(data_of(r, 0) + 12, unmap);
        assert_int_equal(request(r, 13, 0, 16, false), 0);
    }
    vml_store_le64(data_of(r, 0), 14);
    vml_store_le32(data_of(r, 0) + 12, 0);
    assert_int_equal(request(r, 11, 0, 16, false), 0);
    assert_int_equal(request(r, 0, 10, 2048, true), 0);
    assert_int_equal(data_of(r, 0)[0], 0x5a);
    assert_int_equal(data_of(r, 0)[512], 0);
    assert_int_equal(data_of(r, 0)[1024], 0);
    assert_int_equal(data_of(r, 0)[1536], 0x5a);
    detach(r);
    unlink(path);
}

static void behind_the_end_of_the_file(void **state)
{
    char path[64];
    struct rig *r;

    make_image(path);
    r = attach(path, false);
    vd_start(&r->vd, FEATURES, 1, 64);
    assert_int_equal(truncate(path, 512), 0);
    memset(data_of(r, 0), 0x77, 2048);
    assert_int_equal(request(r, 0, 0, 2048, true), 0);
    assert_int_equal(data_of(r, 0)[512], 0);
    assert_int_equal(data_of(r, 0)[2047], 0);
    detach(r);
    unlink(path);
}

static void reset_with_requests_in_flight(void **state)
{
    char path[64];
    struct rig *r;

    make_image(path);
    r = attach(path, false);
    for (unsigned round = 0; round < 50; round++) {
        vd_start(&r->vd, FEATURES, 1, 128);
        r->vd.top = place(r, 64); /* rings of the rounds before are given up */
        for (unsigned i = 0; i < DEPTH; i++) {
            submit(r, i, i & 1, i, 512, !(i & 1));
        }
        vd_write(&r->vd, 0x70, 0);
        assert_int_equal(r->queue.in_flight, 0);
        memset(vd_host(&r->vd, r->gpa), 0xdd, DEPTH * 4096);
        for (unsigned i = 0; i < DEPTH * 4096; i += 511) { /* nobody writes there any more */
            assert_int_equal(((uint8_t *)vd_host(&r->vd, r->gpa))[i], 0xdd);
        }
    }
    vd_start(&r->vd, FEATURES, 1, 128);
    for (unsigned i = 0; i < DEPTH; i++) {
        submit(r, i, 0, i, 512, true);
    }
    vml_virtio_drain(&r->block.virtio); /* ends them all */
    assert_int_equal(r->queue.in_flight, 0);
    vml_virtio_resume(&r->block.virtio);
    for (unsigned i = 0; i < DEPTH; i++) {
        wait_used(r);
    }
    detach(r);
    unlink(path);
}

static void read_only_and_errors(void **state)
{
    char path[64];
    struct rig *r;
    struct vml_block_file file;

    make_image(path);
    r = attach(path, true);
    vd_start(&r->vd, VML_VIRTIO_F_VERSION_1 | VML_VIRTIO_BLK_F_RO | VML_VIRTIO_BLK_F_FLUSH, 1, 64);
    assert_int_equal(request(r, 1, 0, 512, false), 1);
    assert_int_equal(request(r, 4, 0, 0, false), 0);
    assert_int_equal(request(r, 0, 0, 512, true), 0);
    detach(r);
    assert_int_equal(vml_block_file_open(&file, path, false, 0), VML_ERR_INVALID);
    unlink(path);
    assert_int_equal(vml_block_file_open(&file, path, false, 1), VML_ERR_NOT_FOUND);
}

/* The child writes sectors and tells of each once the device has acknowledged it; it is killed in
 * mid-flight. */
static void child(const char *path, int pipe_fd)
{
    struct rig *r = attach(path, false);
    uint8_t count[SECTORS] = {0};
    unsigned sector_of[DEPTH];

    vd_start(&r->vd, FEATURES, 1, 128);
    for (unsigned n = 0;; n++) {
        for (unsigned i = 0; i < 8; i++) {
            unsigned sector = (n * 8 + i) % SECTORS;

            sector_of[i] = sector;
            count[sector]++;
            memset(data_of(r, i), count[sector], 512);
            submit(r, i, 1, sector, 512, false);
        }
        for (unsigned i = 0; i < 8; i++) {
            wait_used(r);
        }
        for (unsigned i = 0; i < 8; i++) {
            uint8_t told[2] = {(uint8_t)sector_of[i], count[sector_of[i]]};

            if (status_of(r, i) != 0 || write(pipe_fd, told, 2) != 2) {
                _exit(1);
            }
        }
    }
}

static void no_acknowledged_write_is_lost_when_killed(void **state)
{
    char path[64];

    make_image(path);
    for (unsigned round = 0; round < 3; round++) {
        uint8_t told[SECTORS] = {0}, pair[2];
        struct rig *r;
        int fds[2];
        pid_t pid;

        assert_int_equal(pipe(fds), 0);
        pid = fork();
        if (pid == 0) {
            close(fds[0]);
            child(path, fds[1]);
        }
        close(fds[1]);
        for (unsigned i = 0; i < 700 + 300 * round; i++) {
            assert_int_equal(read(fds[0], pair, 2), 2);
            told[pair[0]] = pair[1];
        }
        kill(pid, SIGKILL);
        while (read(fds[0], pair, 2) == 2) {
            told[pair[0]] = pair[1];
        }
        close(fds[0]);
        waitpid(pid, NULL, 0);

        r = attach(path, false); /* restarted */
        vd_start(&r->vd, FEATURES, 1, 128);
        for (unsigned s = 0; s < SECTORS; s++) {
            uint8_t got;

            assert_int_equal(request(r, 0, s, 512, true), 0);
            got = data_of(r, 0)[0];
            /* What was acknowledged, or a later write that was under way. */
            assert_true(told[s] == 0 || got == told[s] || got == (uint8_t)(told[s] + 1));
        }
        memset(data_of(r, 0), 0, 3072);
        for (unsigned s = 0; s < SECTORS; s++) {
            assert_int_equal(request(r, 1, s, 512, false), 0);
        }
        detach(r);
    }
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        /* First, before this process has had threads. */
        cmocka_unit_test(no_acknowledged_write_is_lost_when_killed),
        cmocka_unit_test(many_requests),
        cmocka_unit_test(zeroes_and_cache),
        cmocka_unit_test(behind_the_end_of_the_file),
        cmocka_unit_test(reset_with_requests_in_flight),
        cmocka_unit_test(read_only_and_errors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
