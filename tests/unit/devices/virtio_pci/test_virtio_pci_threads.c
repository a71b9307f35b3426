/* vCPUs that configure, notify, and reset one device at once, while it sends. */
#include "pci_bus.h"
#include "test.h"
#include "virtio_pci_shim.h"

enum { QUEUES = 2, VECTORS = QUEUES + 1, SIZE = 8, ROUNDS = 600 };

#define DEV1 VML_PCI_ID(0, 1, 0)

struct fixture {
    struct pb pb;
    struct vml_virtio virtio;
    struct vml_virtio_queue queues[QUEUES];
    struct vml_virtio_pci pci;
    struct vml_pci_msix_vector vectors[VECTORS];
    uint16_t queue_vectors[QUEUES];
    uint8_t space[4];
    struct vml_virtq_buf bufs[QUEUES][16];
    struct vd vd;
    struct vps shim;
    _Atomic bool stop;
};

static void notify(struct vml_virtio *dev, uint32_t index)
{
    struct fixture *f = VML_CONTAINER_OF(dev, struct fixture, virtio);
    struct vml_virtio_queue *q = &f->queues[index];
    struct vml_virtq_chain chain = {.bufs = f->bufs[index]};

    if (!vml_virtio_queue_enter(q)) {
        return;
    }
    do {
        while (vml_virtio_queue_pop(q, &chain)) {
            vml_virtio_queue_complete(q, &chain, 1);
        }
    } while (!vml_virtio_queue_leave(q));
}

static const struct vml_virtio_ops ops = {.notify = notify};

/* A vCPU that reads and writes the common configuration and the vectors. */
static void configure(void *context)
{
    struct fixture *f = context;

    for (uint32_t i = 0; !atomic_load(&f->stop); i++) {
        static const uint8_t fields[] = {0x18, 0x1a, 0x1c, 0x1e, 0x12, 0x16, 0x10};

        pb_access(&f->pb, 1, PB_LOW + 0x16, 2, true, i % 3);
        pb_access(&f->pb, 1, PB_LOW + fields[i % sizeof(fields)], 2, false, 0);
        pb_access(&f->pb, 1, PB_LOW + 0x1a, 2, true, i % 5);
        pb_access(&f->pb, 1, PB_LOW + 0x10, 2, true, i % 4);
        pb_access(&f->pb, 1, PB_LOW + 0x20 + 8 * (i % 3), 8, false, 0);
        pb_access(&f->pb, 1, PB_LOW + VML_VIRTIO_PCI_TABLE + 16 * (i % VECTORS) + 12, 4, true,
                  (i >> 3) & 1);
        pb_access(&f->pb, 1, PB_LOW + VML_VIRTIO_PCI_ISR, 1, false, 0);
    }
}

/* One that notifies, and a back end that changes the configuration. */
static void kick(void *context)
{
    struct fixture *f = context;

    for (uint32_t i = 0; !atomic_load(&f->stop); i++) {
        uint8_t byte = (uint8_t)i;

        pb_access(&f->pb, 2, PB_LOW + VML_VIRTIO_PCI_NOTIFY + 4 * (i % 3), 2, true, i % 3);
        vml_virtio_config_change(&f->virtio, i % 4, &byte, 1);
    }
}

static void place(struct fixture *f)
{
    uint32_t cap = pb_capability(&f->pb, DEV1, VML_PCI_CAP_MSIX, 0);

    pb_set(&f->pb, DEV1, VML_PCI_BAR0, 4, (uint32_t)PB_LOW);
    pb_set(&f->pb, DEV1, VML_PCI_BAR0 + 4, 4, 0);
    pb_set(&f->pb, DEV1, VML_PCI_COMMAND, 2, VML_PCI_COMMAND_MEMORY | VML_PCI_COMMAND_MASTER);
    pb_set(&f->pb, DEV1, cap + 2, 2, VML_PCI_MSIX_ENABLE);
}

static void one_device_and_many_vcpus(void **state)
{
    static const struct vml_irq_ops irq_ops = {.set_level = pb_level, .msi = pb_count_msi};
    struct fixture *f = aligned_alloc(64, (sizeof(*f) + 63) / 64 * 64);
    struct vml_virtio_platform platform = {0};
    struct vml_virtio_setup setup = {.ops = &ops,
                                     .device_id = 1,
                                     .queue_count = QUEUES,
                                     .queue_size = SIZE,
                                     .max_bufs = 16,
                                     .config_size = 4};
    struct vml_virtio_pci_config config = {.name = "toy", .vector_count = VECTORS};
    struct vml_thread threads[2];
    struct vd_buf buf;

    (void)state;
    memset(f, 0, sizeof(*f));
    pb_init(&f->pb);
    f->pb.host.config.msi.ops = &irq_ops;
    vd_init(&f->vd, 1 << 20);
    platform.as = &f->vd.as;
    setup.queues = f->queues;
    setup.config = f->space;
    assert_int_equal(vml_virtio_init(&f->virtio, &platform, &setup), VML_OK);
    config.dev = &f->virtio;
    config.queue_vectors = f->queue_vectors;
    config.vectors = f->vectors;
    assert_int_equal(vml_virtio_pci_init(&f->pci, &config), VML_OK);
    assert_int_equal(vml_pci_host_add(&f->pb.host, &f->pci.function, DEV1), VML_OK);
    vps_init(&f->shim, &f->pci, &f->vd);
    assert_int_equal(vml_thread_create(&threads[0], "configure", configure, f), VML_OK);
    assert_int_equal(vml_thread_create(&threads[1], "kick", kick, f), VML_OK);
    for (uint32_t i = 0; i < ROUNDS; i++) {
        place(f);
        /* Initialisation as far as the others let it come; then one of three kinds of reset. */
        for (uint32_t status = 1; status < 16; status = 2 * status + 1) {
            pb_write(&f->pb, PB_LOW + 0x08, 4, 1);
            pb_write(&f->pb, PB_LOW + 0x0c, 4, 1);
            pb_write(&f->pb, PB_LOW + 0x20, 8, VD_RAM_BASE + 0x1000);
            pb_write(&f->pb, PB_LOW + 0x28, 8, VD_RAM_BASE + 0x2000);
            pb_write(&f->pb, PB_LOW + 0x30, 8, VD_RAM_BASE + 0x3000);
            pb_write(&f->pb, PB_LOW + 0x14, 1, status);
            pb_write(&f->pb, PB_LOW + 0x1c, 2, 1);
        }
        if (i % 3 == 0) {
            pb_write(&f->pb, PB_LOW + 0x14, 1, 0);
        } else if (i % 3 == 1) {
            pb_set(&f->pb, DEV1, pb_capability(&f->pb, DEV1, VML_PCI_CAP_EXPRESS, 0) + 8, 2,
                   0x8000);
        } else {
            pb_set(&f->pb, DEV1, VML_PCI_COMMAND, 2, 0);
        }
    }
    atomic_store(&f->stop, true);
    vml_thread_join(&threads[0]);
    vml_thread_join(&threads[1]);
    /* It is as good as new: a driver has it alone, and gets its message. */
    place(f);
    f->vd.top = VD_RAM_BASE + 0x10000;
    vd_start(&f->vd, VML_VIRTIO_F_VERSION_1, QUEUES, SIZE);
    pb_write(&f->pb, PB_LOW + 0x16, 2, 1);
    pb_write(&f->pb, PB_LOW + 0x1a, 2, 2);
    pb_write(&f->pb, PB_LOW + VML_VIRTIO_PCI_TABLE + 16 * 2 + 12, 4, 0);
    f->pb.messages = 0;
    buf = (struct vd_buf){vd_alloc(&f->vd, 16, 16), 16, true};
    assert_true(vd_add(&f->vd.q[1], &buf, 1) >= 0);
    vd_kick(&f->vd, &f->vd.q[1]);
    assert_true(vd_used(&f->vd.q[1], NULL) >= 0);
    assert_int_equal(f->pb.messages, 1);
    vml_virtio_pci_destroy(&f->pci);
    vml_virtio_destroy(&f->virtio);
    vml_pci_host_destroy(&f->pb.host);
    vd_free(&f->vd);
    free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(one_device_and_many_vcpus)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
