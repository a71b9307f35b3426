/* One queue notified by several threads, whose requests end on yet another, with resets in between. */
#include "test.h"
#include "virtio_driver.h"

#include <pthread.h>
#include <unistd.h>

enum { REQUESTS = 64, CHAINS = 2000, RESETS = 40 };

struct request {
    struct vml_virtq_chain chain;
    struct vml_virtq_buf bufs[4];
    struct request *next;
};

struct rig {
    struct vd vd;
    struct vml_virtio virtio;
    struct vml_virtio_queue queue;
    struct vml_virtio_mmio mmio;
    pthread_mutex_t lock; /* of both lists */
    struct request *free, *waiting;
    struct request requests[REQUESTS];
    _Atomic bool stop;
    _Atomic unsigned raised;
    _Atomic bool level;
};

static struct request *take(struct rig *r, struct request **list)
{
    struct request *q;

    pthread_mutex_lock(&r->lock);
    q = *list;
    if (q) {
        *list = q->next;
    }
    pthread_mutex_unlock(&r->lock);
    return q;
}

static void give(struct rig *r, struct request **list, struct request *q)
{
    pthread_mutex_lock(&r->lock);
    q->next = *list;
    *list = q;
    pthread_mutex_unlock(&r->lock);
}

static void notify(struct vml_virtio *dev, uint32_t index)
{
    struct rig *r = VML_CONTAINER_OF(dev, struct rig, virtio);

    if (!vml_virtio_queue_enter(&r->queue)) {
        return;
    }
    do {
        struct request *q;

        while ((q = take(r, &r->free)) != NULL) {
            if (!vml_virtio_queue_pop(&r->queue, &q->chain)) {
                give(r, &r->free, q);
                break;
            }
            give(r, &r->waiting, q);
        }
    } while (!vml_virtio_queue_leave(&r->queue));
}

static bool end_one(struct rig *r)
{
    struct request *q = take(r, &r->waiting);

    if (!q) {
        return false;
    }
    *q->chain.bufs[q->chain.readable].host = 0xaa;
    /* More is in flight than this chain: its request goes back to the list afterwards. */
    vml_virtio_queue_hold(&r->queue);
    vml_virtio_queue_complete(&r->queue, &q->chain, 1);
    give(r, &r->free, q);
    vml_virtio_queue_release(&r->queue);
    return true;
}

static void cancel(struct vml_virtio *dev, uint32_t queue)
{
    while (end_one(VML_CONTAINER_OF(dev, struct rig, virtio))) {
    }
}

static const struct vml_virtio_ops ops = {.notify = notify, .cancel = cancel};

static void set_level(void *context, uint32_t line, uint32_t cpu, bool level)
{
    struct rig *r = context;

    /* Threads that change the level at about the same time may be inside together. */
    atomic_store(&r->level, level);
    atomic_fetch_add(&r->raised, level);
}

static const struct vml_irq_ops irq_ops = {.set_level = set_level};

static void *notifier(void *context)
{
    struct rig *r = context;

    while (!atomic_load(&r->stop)) {
        vml_virtio_mmio_notify(&r->mmio, 0);
        usleep(1);
    }
    return NULL;
}

static void *worker(void *context)
{
    struct rig *r = context;

    while (!atomic_load(&r->stop)) {
        if (!end_one(r)) {
            usleep(1);
        }
    }
    return NULL;
}

static struct rig *make(pthread_t threads[4])
{
    struct rig *r = calloc(1, sizeof(*r));

    vd_init(&r->vd, 2 << 20);
    struct vml_virtio_platform platform = {.as = &r->vd.as};
    struct vml_virtio_setup setup = {.ops = &ops,
                                     .device_id = 63,
                                     .queues = &r->queue,
                                     .queue_count = 1,
                                     .queue_size = 64,
                                     .max_bufs = 4};
    struct vml_virtio_mmio_config config = {
        .name = "threads", .dev = &r->virtio, .irq = {&irq_ops, r, 0, 0}};

    pthread_mutex_init(&r->lock, NULL);
    for (unsigned i = 0; i < REQUESTS; i++) {
        r->requests[i].chain.bufs = r->requests[i].bufs;
        give(r, &r->free, &r->requests[i]);
    }
    assert_int_equal(vml_virtio_init(&r->virtio, &platform, &setup), VML_OK);
    assert_int_equal(vml_virtio_mmio_init(&r->mmio, &config), VML_OK);
    r->vd.device = &r->mmio.device;
    pthread_create(&threads[0], NULL, notifier, r);
    pthread_create(&threads[1], NULL, notifier, r);
    pthread_create(&threads[2], NULL, worker, r);
    pthread_create(&threads[3], NULL, worker, r);
    return r;
}

static void end(struct rig *r, pthread_t threads[4])
{
    atomic_store(&r->stop, true);
    for (unsigned i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
    }
    vml_virtio_mmio_destroy(&r->mmio);
    vml_virtio_destroy(&r->virtio);
    vd_free(&r->vd);
    free(r);
}

static void every_chain_comes_back_once(void **state)
{
    for (int packed = 0; packed < 2; packed++) {
        pthread_t threads[4];
        struct rig *r = make(threads);
        uint64_t gpa = vd_alloc(&r->vd, 4096, 8);
        unsigned added = 0, back = 0, idle = 0;

        vd_start(&r->vd,
                 VML_VIRTIO_F_VERSION_1 | VML_VIRTIO_F_EVENT_IDX |
                     (packed ? VML_VIRTIO_F_RING_PACKED : 0),
                 1, 32);
        while (back < CHAINS && idle < 100000) {
            struct vd_buf bufs[2] = {{gpa + 1024, 8, false}, {gpa + added % 1024, 1, true}};

            if (added < CHAINS && vd_add(&r->vd.q[0], bufs + (added & 1), 2 - (added & 1)) >= 0) {
                added++;
                vd_kick(&r->vd, &r->vd.q[0]);
            }
            if (vd_used(&r->vd.q[0], NULL) >= 0) {
                back++;
                idle = 0;
            } else {
                usleep(1);
                idle++;
            }
            vd_write(&r->vd, 0x64, vd_read(&r->vd, 0x60));
        }
        assert_int_equal(back, CHAINS);
        assert_int_equal(vd_read(&r->vd, 0x70), 15);
        end(r, threads);
    }
}

static void resets_in_mid_flight(void **state)
{
    pthread_t threads[4];
    struct rig *r = make(threads);
    uint64_t gpa = vd_alloc(&r->vd, 4096, 4096);
    uint64_t top = r->vd.top;
    uint8_t *host = vd_host(&r->vd, gpa);

    for (unsigned round = 0; round < RESETS; round++) {
        r->vd.top = top;
        vd_start(&r->vd, VML_VIRTIO_F_VERSION_1 | (round & 1 ? VML_VIRTIO_F_RING_PACKED : 0), 1,
                 32);
        for (unsigned i = 0; i < 32; i++) {
            struct vd_buf buf = {gpa + i, 1, true};

            assert_true(vd_add(&r->vd.q[0], &buf, 1) >= 0);
        }
        vd_kick(&r->vd, &r->vd.q[0]);
        vd_write(&r->vd, 0x70, 0);
        assert_int_equal(vd_read(&r->vd, 0x70), 0);
        memset(host, 0, 32);
        for (unsigned i = 0; i < 32; i++) { /* nobody writes after a reset */
            assert_int_equal(host[i], 0);
        }
    }
    end(r, threads);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_chain_comes_back_once),
        cmocka_unit_test(resets_in_mid_flight),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
