/* A disk image behind a block device, with requests on several threads, and a process that is
 * killed. */
#define _GNU_SOURCE
#include "failures.h"
#include "test.h"
#include "virtio_driver.h"

#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
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

static void attach_device(struct rig *r, const char *path, bool read_only)
{
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
}

static struct rig *attach(const char *path, bool read_only)
{
    struct rig *r = calloc(1, sizeof(*r));

    vd_init(&r->vd, 8 << 20);
    attach_device(r, path, read_only);
    r->gpa = vd_alloc(&r->vd, 4 << 20, 4096);
    return r;
}

static void detach_device(struct rig *r)
{
    vml_virtio_mmio_destroy(&r->mmio);
    vml_virtio_block_destroy(&r->block);
    vml_block_file_close(&r->file);
}

static void detach(struct rig *r)
{
    detach_device(r);
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

/* A device is drained and saved with requests under way, and taken away with its back end; another one,
 * with the same guest memory, goes on. Every request is answered once. */
static void drained_device_goes_on_elsewhere(void **state)
{
    for (unsigned round = 0; round < 20; round++) {
        uint64_t packed = round % 2 ? VML_VIRTIO_F_RING_PACKED : 0;
        struct vml_state_writer w;
        struct vml_state_reader reader;
        uint8_t image[2048];
        char path[64];
        struct rig *r;
        unsigned answered = 0;

        make_image(path);
        r = attach(path, false);
        vd_start(&r->vd, FEATURES | packed, 1, 128);
        for (unsigned i = 0; i < DEPTH; i++) {
            memset(data_of(r, i), (int)(i + 1), 512);
            assert_true(submit(r, i, 1, i, 512, false) >= 0);
        }
        vml_virtio_drain(&r->block.virtio);
        vml_state_writer_init(&w, image, sizeof(image));
        r->mmio.device.ops->save(&r->mmio.device, &w);
        assert_int_equal(vml_state_write_status(&w), VML_OK);
        detach_device(r);

        attach_device(r, path, false);
        vml_state_reader_init(&reader, image, w.used);
        assert_int_equal(r->mmio.device.ops->restore(&r->mmio.device, &reader), VML_OK);
        for (; answered < DEPTH; answered++) {
            wait_used(r);
        }
        assert_int_equal(vd_used(&r->vd.q[0], NULL), -1);
        for (unsigned i = 0; i < DEPTH; i++) {
            assert_int_equal(status_of(r, i), 0);
        }
        for (unsigned i = 0; i < DEPTH; i++) {
            assert_int_equal(request(r, 0, i, 512, true), 0);
            assert_int_equal(data_of(r, 0)[511], i + 1);
        }
        detach(r);
        unlink(path);
    }
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

/* ------------------------------------------------------------------- the back end without device */

struct ask {
    struct vml_block_request request;
    enum vml_status status;
    sem_t done;
    sem_t *hold; /* `done` waits for this */
    sem_t entered;
};

static void asked(struct vml_block_request *request, enum vml_status status)
{
    struct ask *ask = request->context;

    sem_post(&ask->entered);
    if (ask->hold) {
        sem_wait(ask->hold);
    }
    ask->status = status;
    sem_post(&ask->done);
}

static void prepare_ask(struct ask *ask, const struct vml_virtq_buf *bufs, uint32_t count)
{
    ask->request.bufs = bufs;
    ask->request.buf_count = count;
    for (uint32_t i = 0; i < count; i++) {
        ask->request.length += bufs[i].len;
    }
    ask->request.done = asked;
    ask->request.context = ask;
    sem_init(&ask->done, 0, 0);
    sem_init(&ask->entered, 0, 0);
}

typedef void (*op)(void *context, struct vml_block_request *request);

static enum vml_status run(struct vml_block_file *file, op fn, struct ask *ask)
{
    fn(file, &ask->request);
    sem_wait(&ask->done);
    return ask->status;
}

static enum vml_status transfer(struct vml_block_file *file, bool write, uint64_t offset,
                                const struct vml_virtq_buf *bufs, uint32_t count, bool durable)
{
    struct vml_block b = vml_block_file_backend(file);
    struct ask ask = {.request = {.offset = offset, .durable = durable}};

    prepare_ask(&ask, bufs, count);
    return run(file, write ? b.ops->write : b.ops->read, &ask);
}

static enum vml_status zero(struct vml_block_file *file, uint64_t offset, uint64_t length,
                            bool unmap, bool discard)
{
    struct vml_block b = vml_block_file_backend(file);
    struct ask ask = {.request = {.offset = offset, .unmap = unmap, .discard = discard}};

    prepare_ask(&ask, NULL, 0);
    ask.request.length = length;
    return run(file, b.ops->zero, &ask);
}

static enum vml_status flush(struct vml_block_file *file)
{
    struct vml_block b = vml_block_file_backend(file);
    struct ask ask = {.hold = NULL};

    prepare_ask(&ask, NULL, 0);
    return run(file, b.ops->flush, &ask);
}

static void what_cannot_be_opened(void **state)
{
    struct vml_block_file file, second;
    char path[64];

    assert_int_equal(vml_block_file_open(&file, "/tmp", true, 1), VML_ERR_INVALID);
    assert_int_equal(vml_block_file_open(&file, "/tmp", false, 1), VML_ERR_INVALID);
    assert_int_equal(vml_block_file_open(&file, "/dev/full", false, 1), VML_ERR_INVALID);
    make_image(path);
    assert_int_equal(vml_block_file_open(&file, path, false, 17), VML_ERR_INVALID);
    assert_int_equal(chmod(path, 0), 0);
    privileges_end();
    enum vml_status status = vml_block_file_open(&file, path, false, 1);
    privileges_back();
    assert_int_equal(status, VML_ERR_ACCESS);
    assert_int_equal(chmod(path, 0600), 0);

    unsigned long limit = descriptors_end(0);
    status = vml_block_file_open(&file, path, false, 1);
    descriptors_back(limit);
    assert_int_equal(status, VML_ERR_IO);

    threads_end();
    status = vml_block_file_open(&file, path, false, 4);
    threads_back();
    assert_int_equal(status, VML_ERR_NO_MEMORY);

    /* One writer, or any number of readers. */
    assert_int_equal(vml_block_file_open(&file, path, false, 1), VML_OK);
    assert_int_equal(vml_block_file_open(&second, path, false, 1), VML_ERR_BUSY);
    assert_int_equal(vml_block_file_open(&second, path, true, 1), VML_ERR_BUSY);
    vml_block_file_close(&file);
    assert_int_equal(vml_block_file_open(&file, path, true, 1), VML_OK);
    assert_int_equal(vml_block_file_open(&second, path, true, 1), VML_OK);
    vml_block_file_close(&second);
    vml_block_file_close(&file);
    unlink(path);
}

/* A file in memory: its system has no call that makes zeroes, so they are written. */
static void zeroes_are_written_where_the_system_has_no_call(void **state)
{
    static uint8_t bytes[200000], got[200000];
    struct vml_virtq_buf in = {bytes, sizeof(bytes), 0}, out = {got, sizeof(got), 0};
    struct vml_block_file file;
    char path[64];
    int fd = memfd_create("image", MFD_ALLOW_SEALING);

    assert_true(fd >= 0);
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    assert_int_equal(ftruncate(fd, 1 << 20), 0);
    assert_int_equal(vml_block_file_open(&file, path, false, 2), VML_OK);
    assert_int_equal(file.size, 1 << 20);
    memset(bytes, 0x5a, sizeof(bytes));
    for (int unmap = 0; unmap < 2; unmap++) {
        assert_int_equal(transfer(&file, true, 512, &in, 1, true), VML_OK);
        assert_int_equal(zero(&file, 1024, 150016, unmap, false), VML_OK);
        assert_int_equal(transfer(&file, false, 512, &out, 1, false), VML_OK);
        for (size_t i = 0; i < sizeof(got); i++) {
            assert_int_equal(got[i], i >= 512 && i < 512 + 150016 ? 0 : 0x5a);
        }
    }
    assert_int_equal(zero(&file, 512, 0, false, false), VML_OK); /* nothing */
    assert_int_equal(zero(&file, 512, 512, true, true), VML_OK);
    assert_int_equal(flush(&file), VML_OK);

    /* Now it cannot be written to at all. A discard is a hint, and none that fails. */
    assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), 0);
    assert_int_equal(transfer(&file, true, 512, &in, 1, false), VML_ERR_IO);
    assert_int_equal(zero(&file, 512, 512, false, false), VML_ERR_IO);
    assert_int_equal(zero(&file, 512, 512, true, false), VML_ERR_IO);
    assert_int_equal(zero(&file, 512, 512, true, true), VML_OK);
    assert_int_equal(transfer(&file, false, 512, &out, 1, false), VML_OK);
    vml_block_file_close(&file);
    close(fd);
}

/* The file may not grow further: part of what was asked for is written, and that is an error. */
static void no_room(void **state)
{
    static uint8_t bytes[8192];
    struct vml_virtq_buf in = {bytes, sizeof(bytes), 0};
    struct vml_block_file file;
    struct rlimit before, limit;
    char path[64];

    make_image(path);
    assert_int_equal(truncate(path, 0), 0);
    assert_int_equal(vml_block_file_open(&file, path, false, 1), VML_OK);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit = before;
    limit.rlim_cur = 4096;
    fflush(stdout);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
    enum vml_status write = transfer(&file, true, 0, &in, 1, false);
    enum vml_status again = transfer(&file, true, 4096, &in, 1, false);
    enum vml_status fits =
        transfer(&file, true, 0, &(struct vml_virtq_buf){bytes, 4096, 0}, 1, true);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(write, VML_ERR_IO);
    assert_int_equal(again, VML_ERR_IO);
    assert_int_equal(fits, VML_OK);
    vml_block_file_close(&file);
    unlink(path);
}

/* What could not be made durable once may be lost, whatever the system says later. */
static void failed_flush_stays_failed(void **state)
{
    static uint8_t bytes[512];
    struct vml_virtq_buf in = {bytes, sizeof(bytes), 0};
    struct vml_block_file file;
    char path[64];
    int saved, null = open("/dev/null", O_RDWR);

    make_image(path);
    assert_int_equal(vml_block_file_open(&file, path, false, 1), VML_OK);
    assert_int_equal(flush(&file), VML_OK);
    saved = dup(file.fd);
    dup2(null, file.fd); /* which cannot be synchronised */
    assert_int_equal(flush(&file), VML_ERR_IO);
    dup2(saved, file.fd);
    assert_int_equal(flush(&file), VML_ERR_IO);
    assert_int_equal(transfer(&file, true, 0, &in, 1, true), VML_ERR_IO);
    assert_int_equal(transfer(&file, false, 0, &in, 1, false), VML_OK);
    close(saved);
    close(null);
    vml_block_file_close(&file);
    unlink(path);
}

/* More buffers than one call of the system takes, of all lengths. */
static void many_buffers(void **state)
{
    enum { COUNT = 300 };
    static uint8_t bytes[COUNT * 600], got[COUNT * 600];
    struct vml_virtq_buf in[COUNT], out[COUNT];
    struct vml_block_file file;
    char path[64];
    size_t at = 0;

    make_image(path);
    assert_int_equal(truncate(path, 1 << 20), 0);
    for (unsigned i = 0; i < COUNT; i++) {
        uint32_t len = (i * 37) % 600; /* none, too */

        in[i] = (struct vml_virtq_buf){bytes + at, len, 0};
        out[COUNT - 1 - i] = (struct vml_virtq_buf){NULL, len, 0};
        at += len;
    }
    for (size_t i = 0; i < at; i++) {
        bytes[i] = (uint8_t)(i * 7 + i / 256);
    }
    for (size_t i = 0, k = 0; i < COUNT; i++) {
        out[i].host = got + k;
        k += out[i].len;
    }
    assert_int_equal(vml_block_file_open(&file, path, false, 1), VML_OK);
    assert_int_equal(transfer(&file, true, 1024, in, COUNT, false), VML_OK);
    assert_int_equal(transfer(&file, false, 1024, out, COUNT, false), VML_OK);
    assert_memory_equal(bytes, got, at);
    vml_block_file_close(&file);
    unlink(path);
}

static void *let_go(void *context)
{
    usleep(20000);
    sem_post(context);
    return NULL;
}

/* Cancelling ends what waits, and waits for what is under way. */
static void cancel_waits_for_what_is_under_way(void **state)
{
    static uint8_t bytes[512];
    struct vml_virtq_buf buf = {bytes, sizeof(bytes), 0};
    struct ask first = {.hold = NULL}, second = {.hold = NULL};
    struct vml_block_file file;
    struct vml_block b;
    char path[64];
    pthread_t thread;
    sem_t hold;

    make_image(path);
    assert_int_equal(vml_block_file_open(&file, path, false, 1), VML_OK);
    b = vml_block_file_backend(&file);
    sem_init(&hold, 0, 0);
    prepare_ask(&first, &buf, 1);
    first.hold = &hold;
    prepare_ask(&second, &buf, 1);
    b.ops->read(b.context, &first.request);
    sem_wait(&first.entered);
    b.ops->read(b.context, &second.request);
    assert_int_equal(pthread_create(&thread, NULL, let_go, &hold), 0);
    b.ops->cancel(b.context);
    assert_int_equal(sem_trywait(&first.done), 0); /* it is over when cancel returns */
    assert_int_equal(sem_trywait(&second.done), 0);
    assert_int_equal(first.status, VML_OK);
    assert_int_equal(second.status, VML_ERR_STATE);
    pthread_join(thread, NULL);
    vml_block_file_close(&file);
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
        cmocka_unit_test(drained_device_goes_on_elsewhere),
        cmocka_unit_test(reset_with_requests_in_flight),
        cmocka_unit_test(read_only_and_errors),
        cmocka_unit_test(what_cannot_be_opened),
        cmocka_unit_test(zeroes_are_written_where_the_system_has_no_call),
        cmocka_unit_test(no_room),
        cmocka_unit_test(failed_flush_stays_failed),
        cmocka_unit_test(many_buffers),
        cmocka_unit_test(cancel_waits_for_what_is_under_way),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
