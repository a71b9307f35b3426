/* Virtio over PCI with a device of this file: virtio 1.3, 4.1. */
#include "pci_bus.h"
#include "test.h"
#include "virtio_pci_shim.h"
#include <vml/regs.h>

enum { QUEUES = 3, VECTORS = QUEUES + 1, SIZE = 8, NO_VECTOR = VML_VIRTIO_PCI_NO_VECTOR };

#define DEV1 VML_PCI_ID(0, 1, 0)

/* Fields of the common configuration. */
enum {
    C_FEATURE_SELECT = 0x00,
    C_FEATURE = 0x04,
    C_DRIVER_SELECT = 0x08,
    C_DRIVER = 0x0c,
    C_CONFIG_VECTOR = 0x10,
    C_NUM_QUEUES = 0x12,
    C_STATUS = 0x14,
    C_GENERATION = 0x15,
    C_SELECT = 0x16,
    C_SIZE = 0x18,
    C_VECTOR = 0x1a,
    C_ENABLE = 0x1c,
    C_NOTIFY_OFF = 0x1e,
    C_DESC = 0x20,
    C_DRIVER_AREA = 0x28,
    C_DEVICE_AREA = 0x30,
    C_RESET = 0x3a,
};

struct toy {
    struct pb pb;
    struct vml_virtio virtio;
    struct vml_virtio_queue queues[QUEUES];
    struct vml_virtio_pci pci;
    struct vml_pci_msix_vector vectors[VECTORS];
    uint16_t queue_vectors[QUEUES];
    uint8_t space[13];
    struct vml_virtq_buf bufs[64];
    unsigned notified[QUEUES], resets;
    uint32_t written_offset;
    uint64_t written_value;
    struct vd vd;
    struct vps shim;
};

static struct toy *toy_of(struct vml_virtio *dev)
{
    return VML_CONTAINER_OF(dev, struct toy, virtio);
}

static void toy_notify(struct vml_virtio *dev, uint32_t index)
{
    struct toy *t = toy_of(dev);
    struct vml_virtio_queue *q = &t->queues[index];
    struct vml_virtq_chain chain = {.bufs = t->bufs};

    t->notified[index]++;
    if (!vml_virtio_queue_enter(q)) {
        return;
    }
    do {
        while (vml_virtio_queue_pop(q, &chain)) {
            vml_virtio_queue_complete(q, &chain, 7);
        }
    } while (!vml_virtio_queue_leave(q));
}

static void toy_write(struct vml_virtio *dev, uint32_t offset, uint32_t size, uint64_t value)
{
    (void)size;
    toy_of(dev)->written_offset = offset;
    toy_of(dev)->written_value = value;
}

static void toy_reset(struct vml_virtio *dev)
{
    toy_of(dev)->resets++;
}

static const struct vml_virtio_ops toy_ops = {
    .notify = toy_notify, .config_write = toy_write, .reset = toy_reset};

static struct toy *make(uint32_t device_id, uint32_t config_size, uint32_t vectors)
{
    struct toy *t = aligned_alloc(64, (sizeof(*t) + 63) / 64 * 64);
    struct vml_virtio_platform platform = {0};
    struct vml_virtio_setup setup = {.ops = &toy_ops,
                                     .device_id = device_id,
                                     .features = 1,
                                     .queue_count = QUEUES,
                                     .queue_size = SIZE,
                                     .max_bufs = 64,
                                     .config_size = config_size};
    struct vml_virtio_pci_config config = {.name = "toy", .vector_count = vectors};

    memset(t, 0, sizeof(*t));
    pb_init(&t->pb);
    vd_init(&t->vd, 1 << 20);
    platform.as = &t->vd.as;
    setup.queues = t->queues;
    setup.config = t->space;
    for (uint8_t i = 0; i < sizeof(t->space); i++) {
        t->space[i] = (uint8_t)(0x10 + i);
    }
    assert_int_equal(vml_virtio_init(&t->virtio, &platform, &setup), VML_OK);
    config.dev = &t->virtio;
    config.queue_vectors = t->queue_vectors;
    config.vectors = vectors ? t->vectors : NULL;
    assert_int_equal(vml_virtio_pci_init(&t->pci, &config), VML_OK);
    assert_int_equal(vml_pci_host_add(&t->pb.host, &t->pci.function, DEV1), VML_OK);
    vps_init(&t->shim, &t->pci, &t->vd);
    pb_set(&t->pb, DEV1, VML_PCI_BAR0, 4, (uint32_t)PB_LOW);
    pb_set(&t->pb, DEV1, VML_PCI_COMMAND, 2, VML_PCI_COMMAND_MEMORY | VML_PCI_COMMAND_MASTER);
    return t;
}

static void destroy(struct toy *t)
{
    vml_virtio_pci_destroy(&t->pci);
    vml_virtio_destroy(&t->virtio);
    vml_pci_host_destroy(&t->pb.host);
    vd_free(&t->vd);
    free(t);
}

static int set_up(void **state)
{
    *state = make(1, 13, VECTORS);
    return 0;
}

static int tear_down(void **state)
{
    destroy(*state);
    return 0;
}

static uint64_t get(struct toy *t, uint32_t offset, uint8_t size)
{
    return pb_read(&t->pb, PB_LOW + offset, size);
}

static void set(struct toy *t, uint32_t offset, uint8_t size, uint64_t value)
{
    pb_write(&t->pb, PB_LOW + offset, size, value);
}

static void enable_msix(struct toy *t)
{
    uint32_t cap = pb_capability(&t->pb, DEV1, VML_PCI_CAP_MSIX, 0);

    pb_set(&t->pb, DEV1, cap + 2, 2, VML_PCI_MSIX_ENABLE);
    for (uint32_t i = 0; i < VECTORS; i++) {
        set(t, VML_VIRTIO_PCI_TABLE + 16 * i, 8, 0x8090040);
        set(t, VML_VIRTIO_PCI_TABLE + 16 * i + 8, 8, 100 + i);
    }
}

/* Vector 0 for the configuration, i + 1 for queue i. */
static void route(struct toy *t)
{
    set(t, C_CONFIG_VECTOR, 2, 0);
    for (uint32_t i = 0; i < QUEUES; i++) {
        set(t, C_SELECT, 2, i);
        set(t, C_VECTOR, 2, i + 1);
        assert_int_equal(get(t, C_VECTOR, 2), i + 1);
    }
}

static void request(struct toy *t, uint32_t queue)
{
    struct vd_buf buf = {vd_alloc(&t->vd, 16, 16), 16, true};
    uint32_t len = 0;

    assert_true(vd_add(&t->vd.q[queue], &buf, 1) >= 0);
    vd_kick(&t->vd, &t->vd.q[queue]);
    assert_true(vd_used(&t->vd.q[queue], &len) >= 0);
    assert_int_equal(len, 7);
}

/* Finding the device. */

static void ids_are_virtio(void **state)
{
    struct toy *t = *state;
    struct toy *other;

    /* 4.1.2.1: vendor 0x1AF4, device 0x1040 and up, revision 1 or higher, subsystem 0x40 or higher. */
    assert_int_equal(pb_get(&t->pb, DEV1, VML_PCI_VENDOR_ID, 2), 0x1af4);
    assert_int_equal(pb_get(&t->pb, DEV1, VML_PCI_DEVICE_ID, 2), 0x1041);
    assert_true(pb_get(&t->pb, DEV1, VML_PCI_REVISION, 1) >= 1);
    assert_true(pb_get(&t->pb, DEV1, VML_PCI_SUBSYSTEM + 2, 2) >= 0x40);
    assert_int_equal(pb_get(&t->pb, DEV1, VML_PCI_REVISION, 4) >> 8, 0x020000);
    static const uint32_t classes[][2] = {{2, 0x010000}, {3, 0x078000},  {4, 0x00ff00},
                                          {8, 0x010000}, {16, 0x038000}, {18, 0x098000},
                                          {25, 0x040100}};
    for (size_t i = 0; i < VML_ARRAY_SIZE(classes); i++) {
        other = make(classes[i][0], 13, VECTORS);
        assert_int_equal(pb_get(&other->pb, DEV1, VML_PCI_DEVICE_ID, 2), 0x1040 + classes[i][0]);
        assert_int_equal(pb_get(&other->pb, DEV1, VML_PCI_REVISION, 4) >> 8, classes[i][1]);
        destroy(other);
    }
}

/* The offset of a virtio structure's capability, and what it says. */
static uint32_t structure(struct toy *t, uint32_t type, uint32_t *offset, uint32_t *length)
{
    for (uint32_t i = 0; i < 8; i++) {
        uint32_t cap = pb_capability(&t->pb, DEV1, VML_PCI_CAP_VENDOR, i);

        if (cap != 0 && pb_get(&t->pb, DEV1, cap + 3, 1) == type) {
            assert_int_equal(pb_get(&t->pb, DEV1, cap + 4, 1), 0); /* BAR 0 */
            *offset = pb_get(&t->pb, DEV1, cap + 8, 4);
            *length = pb_get(&t->pb, DEV1, cap + 12, 4);
            return cap;
        }
    }
    return 0;
}

static void structures_are_found_by_capabilities(void **state)
{
    struct toy *t = *state;
    uint32_t offset, length, cap;

    cap = structure(t, 1, &offset, &length);
    assert_true(cap != 0 && offset % 4 == 0 && length >= 0x3c);
    assert_int_equal(pb_get(&t->pb, DEV1, cap + 2, 1), 16); /* cap_len */
    assert_int_equal(offset, VML_VIRTIO_PCI_COMMON);
    cap = structure(t, 2, &offset, &length);
    assert_true(cap != 0 && offset % 2 == 0);
    assert_int_equal(pb_get(&t->pb, DEV1, cap + 2, 1), 20);
    assert_int_equal(pb_get(&t->pb, DEV1, cap + 16, 4), VML_VIRTIO_PCI_MULTIPLIER);
    /* 4.1.4.4.1: at least queue_notify_off * multiplier + 4, since NOTIFICATION_DATA is offered. */
    assert_true(length >= (QUEUES - 1) * VML_VIRTIO_PCI_MULTIPLIER + 4);
    cap = structure(t, 3, &offset, &length);
    assert_true(cap != 0 && length >= 1);
    cap = structure(t, 4, &offset, &length);
    assert_true(cap != 0 && offset % 4 == 0 && length == 13);
    cap = structure(t, 5, &offset, &length);
    assert_true(cap != 0);
    assert_int_equal(pb_get(&t->pb, DEV1, cap + 2, 1), 20);
}

static void without_config_space_there_is_no_device_structure(void **state)
{
    struct toy *t = make(4, 0, 0);
    uint32_t offset, length;

    (void)state;
    assert_int_equal(structure(t, 4, &offset, &length), 0);
    assert_true(structure(t, 5, &offset, &length) != 0);
    assert_int_equal(pb_capability(&t->pb, DEV1, VML_PCI_CAP_MSIX, 0), 0);
    destroy(t);
}

/* The common configuration. */

static void common_table_is_sound(void **state)
{
    uint32_t bad;

    (void)state;
    assert_int_equal(vml_regs_check(&vml_virtio_pci_common_regs, &bad), VML_OK);
}

static void features_are_negotiated_in_halves(void **state)
{
    struct toy *t = *state;
    uint64_t offered = 0;

    for (uint32_t i = 0; i < 2; i++) {
        set(t, C_FEATURE_SELECT, 4, i);
        assert_int_equal(get(t, C_FEATURE_SELECT, 4), i);
        offered |= get(t, C_FEATURE, 4) << (32 * i);
    }
    assert_true(offered == (VML_VIRTIO_CORE_FEATURES | 1));
    /* 4.1.4.3.1: other values of device_feature_select present 0. */
    set(t, C_FEATURE_SELECT, 4, 2);
    assert_int_equal(get(t, C_FEATURE, 4), 0);
    set(t, C_DRIVER_SELECT, 4, 1);
    set(t, C_DRIVER, 4, 0x12345);
    set(t, C_DRIVER_SELECT, 4, 0);
    set(t, C_DRIVER, 4, 0x678);
    assert_int_equal(get(t, C_DRIVER, 4), 0x678); /* what the driver wrote */
    set(t, C_DRIVER_SELECT, 4, 1);
    assert_int_equal(get(t, C_DRIVER, 4), 0x12345);
    assert_int_equal(get(t, C_DRIVER_SELECT, 4), 1);
    set(t, C_DRIVER_SELECT, 4, 2);
    assert_int_equal(get(t, C_DRIVER, 4), 0);
}

static void queue_fields_are_the_selected_queues(void **state)
{
    struct toy *t = *state;

    assert_int_equal(get(t, C_NUM_QUEUES, 2), QUEUES);
    for (uint32_t i = 0; i < QUEUES; i++) {
        set(t, C_SELECT, 2, i);
        assert_int_equal(get(t, C_SELECT, 2), i);
        assert_int_equal(get(t, C_SIZE, 2), SIZE); /* on reset the largest */
        assert_int_equal(get(t, C_NOTIFY_OFF, 2), i);
        assert_int_equal(get(t, C_ENABLE, 2), 0);
        set(t, C_SIZE, 2, 4);
        set(t, C_DESC, 8, 0x1234567800u + i);
        set(t, C_DRIVER_AREA, 4, 0x1000 + i);
        set(t, C_DRIVER_AREA + 4, 4, 0x77);
        set(t, C_DEVICE_AREA, 8, UINT64_C(0x8877665544332210));
        set(t, C_DEVICE_AREA, 4, i);
    }
    for (uint32_t i = 0; i < QUEUES; i++) {
        set(t, C_SELECT, 2, i);
        assert_int_equal(get(t, C_SIZE, 2), 4);
        assert_true(get(t, C_DESC, 8) == 0x1234567800u + i);
        assert_int_equal(get(t, C_DESC + 4, 4), 0x12);
        assert_true(get(t, C_DRIVER_AREA, 8) == (UINT64_C(0x77) << 32 | (0x1000 + i)));
        assert_true(get(t, C_DEVICE_AREA, 8) == (UINT64_C(0x8877665500000000) | i));
    }
    /* 4.1.4.3.1: 0 in queue_size if the queue is not there; nor are its other fields. */
    set(t, C_SELECT, 2, QUEUES);
    assert_int_equal(get(t, C_SIZE, 2), 0);
    assert_int_equal(get(t, C_VECTOR, 2), NO_VECTOR);
    set(t, C_ENABLE, 2, 1);
    set(t, C_SELECT, 2, 0xffff);
    set(t, C_DESC, 8, 1);
    assert_int_equal(get(t, C_STATUS, 1), 0);
}

static void wrong_widths_do_nothing(void **state)
{
    struct toy *t = *state;

    set(t, C_SELECT, 2, 1);
    assert_int_equal(get(t, C_SIZE, 4), 0);
    assert_int_equal(get(t, C_SELECT, 1), 0);
    set(t, C_SELECT, 4, 0x20002);
    set(t, C_FEATURE_SELECT, 8, UINT64_MAX);
    assert_int_equal(get(t, C_SELECT, 2), 1);
    assert_int_equal(get(t, C_FEATURE_SELECT, 4), 0);
    set(t, C_NUM_QUEUES, 2, 9);
    assert_int_equal(get(t, C_NUM_QUEUES, 2), QUEUES);
    /* Where no structure is. */
    assert_int_equal(get(t, 0x40, 4), 0);
    assert_int_equal(get(t, 0x1004, 4), 0);
    assert_int_equal(get(t, 0xd000, 4), 0);
    set(t, VML_VIRTIO_PCI_ISR, 1, 3);
    assert_int_equal(get(t, VML_VIRTIO_PCI_NOTIFY, 4), 0);
}

static void a_driver_uses_queues_at_their_addresses(void **state)
{
    struct toy *t = *state;
    static const uint64_t more[] = {0, VML_VIRTIO_F_NOTIFICATION_DATA, VML_VIRTIO_F_RING_PACKED,
                                    VML_VIRTIO_CORE_FEATURES};

    for (size_t i = 0; i < VML_ARRAY_SIZE(more); i++) {
        vd_start(&t->vd, VML_VIRTIO_F_VERSION_1 | more[i], QUEUES, SIZE);
        for (uint32_t queue = 0; queue < QUEUES; queue++) {
            unsigned before = t->notified[queue];

            request(t, queue);
            assert_int_equal(t->notified[queue], before + 1);
        }
    }
    vml_virtio_pci_notify(&t->pci, 1);
    set(t, VML_VIRTIO_PCI_NOTIFY + 4 * QUEUES, 2, QUEUES); /* no such queue */
}

static void queue_size_may_be_left_alone(void **state)
{
    struct toy *t = *state;
    struct vd_queue *q;

    assert_true(vd_negotiate(&t->vd, VML_VIRTIO_F_VERSION_1));
    q = vd_setup_queue(&t->vd, 0, SIZE);
    set(t, C_STATUS, 1, 0);
    assert_true(vd_negotiate(&t->vd, VML_VIRTIO_F_VERSION_1));
    set(t, C_SELECT, 2, 0);
    set(t, C_DESC, 8, q->desc_gpa);
    set(t, C_DRIVER_AREA, 8, q->driver_gpa);
    set(t, C_DEVICE_AREA, 8, q->device_gpa);
    set(t, C_ENABLE, 2, 0); /* a driver must not; nothing happens */
    assert_int_equal(get(t, C_ENABLE, 2), 0);
    set(t, C_ENABLE, 2, 1);
    assert_int_equal(get(t, C_ENABLE, 2), 1);
    set(t, C_ENABLE, 2, 0);
    assert_int_equal(get(t, C_ENABLE, 2), 1);
    vd_ready(&t->vd);
    request(t, 0);
}

static void bad_queues_need_a_reset(void **state)
{
    struct toy *t = *state;

    static const uint16_t sizes[] = {3, SIZE * 2, 0xffff};

    for (size_t i = 0; i < VML_ARRAY_SIZE(sizes); i++) {
        assert_true(vd_negotiate(&t->vd, VML_VIRTIO_F_VERSION_1));
        set(t, C_SELECT, 2, 1);
        set(t, C_SIZE, 2, sizes[i]);
        set(t, C_DESC, 8, VD_RAM_BASE);
        set(t, C_DRIVER_AREA, 8, VD_RAM_BASE + 0x1000);
        set(t, C_DEVICE_AREA, 8, VD_RAM_BASE + 0x2000);
        set(t, C_ENABLE, 2, 1);
        assert_int_equal(get(t, C_ENABLE, 2), 0);
        assert_true(get(t, C_STATUS, 1) & VML_VIRTIO_NEEDS_RESET);
    }
}

static void one_queue_is_reset(void **state)
{
    struct toy *t = *state;

    vd_start(&t->vd, VML_VIRTIO_F_VERSION_1 | VML_VIRTIO_F_RING_RESET, QUEUES, 4);
    route(t);
    set(t, C_SELECT, 2, 1);
    set(t, C_RESET, 2, 0);
    assert_int_equal(get(t, C_ENABLE, 2), 1);
    /* 2.6.1.1: after it queue_reset and queue_enable are 0, and the rest is as after a device reset. */
    set(t, C_RESET, 2, 1);
    assert_int_equal(get(t, C_RESET, 2), 0);
    assert_int_equal(get(t, C_ENABLE, 2), 0);
    assert_int_equal(get(t, C_SIZE, 2), SIZE);
    assert_int_equal(get(t, C_VECTOR, 2), NO_VECTOR);
    request(t, 0);
    vd_setup_queue(&t->vd, 1, SIZE);
    request(t, 1);
    /* Not without the feature. */
    vd_start(&t->vd, VML_VIRTIO_F_VERSION_1, QUEUES, 4);
    set(t, C_SELECT, 2, 1);
    set(t, C_RESET, 2, 1);
    assert_int_equal(get(t, C_ENABLE, 2), 1);
}

static void device_config_is_whole(void **state)
{
    struct toy *t = *state;
    uint8_t byte = 0xee;

    for (uint32_t i = 0; i < 13; i++) {
        assert_int_equal(get(t, VML_VIRTIO_PCI_DEVICE + i, 1), 0x10 + i);
    }
    assert_int_equal(get(t, VML_VIRTIO_PCI_DEVICE + 12, 4), 0x1c);
    assert_true(get(t, VML_VIRTIO_PCI_DEVICE, 8) == UINT64_C(0x1716151413121110));
    set(t, VML_VIRTIO_PCI_DEVICE + 12, 1, 0x42);
    assert_int_equal(t->written_offset, 12);
    assert_int_equal(t->written_value, 0x42);
    /* 4.1.4.3.1: a change shows in config_generation. */
    uint64_t before = get(t, C_GENERATION, 1);
    vml_virtio_config_change(&t->virtio, 3, &byte, 1);
    assert_int_not_equal(get(t, C_GENERATION, 1), before);
    assert_int_equal(get(t, VML_VIRTIO_PCI_DEVICE + 3, 1), 0xee);
}

/* Interrupts. */

static void isr_is_cleared_by_reading(void **state)
{
    struct toy *t = *state;
    uint8_t byte = 1;

    vd_start(&t->vd, VML_VIRTIO_F_VERSION_1, QUEUES, SIZE);
    request(t, 0);
    /* 4.1.4.5.1: Interrupt Status and INTx are the OR of the ISR's bits. */
    assert_true(t->pb.lines[1]);
    assert_true(pb_get(&t->pb, DEV1, VML_PCI_STATUS, 2) & VML_PCI_STATUS_INTERRUPT);
    vml_virtio_config_change(&t->virtio, 0, &byte, 1);
    assert_int_equal(get(t, VML_VIRTIO_PCI_ISR, 1), 3);
    assert_false(t->pb.lines[1]);
    assert_false(pb_get(&t->pb, DEV1, VML_PCI_STATUS, 2) & VML_PCI_STATUS_INTERRUPT);
    assert_int_equal(get(t, VML_VIRTIO_PCI_ISR, 1), 0);
    request(t, 1);
    assert_int_equal(get(t, VML_VIRTIO_PCI_ISR, 1), 1);
    assert_int_equal(t->pb.messages, 0);
}

static void each_queue_has_its_vector(void **state)
{
    struct toy *t = *state;
    uint8_t byte = 1;

    enable_msix(t);
    vd_start(&t->vd, VML_VIRTIO_F_VERSION_1, QUEUES, SIZE);
    route(t);
    for (uint32_t i = 0; i < QUEUES; i++) {
        request(t, i);
        assert_int_equal(t->pb.messages, i + 1);
        assert_int_equal(t->pb.last.data, 101 + i);
        assert_int_equal(t->pb.last.device_id, DEV1);
    }
    assert_int_equal(get(t, VML_VIRTIO_PCI_ISR, 1), 0);
    /* 4.1.4.5.1: for the configuration the ISR's bit is set all the same. */
    vml_virtio_config_change(&t->virtio, 0, &byte, 1);
    assert_int_equal(t->pb.last.data, 100);
    byte++;
    vml_virtio_config_change(&t->virtio, 0, &byte, 1); /* although nobody has read that */
    assert_int_equal(t->pb.messages, QUEUES + 2);
    assert_int_equal(get(t, VML_VIRTIO_PCI_ISR, 1), 2);
    assert_false(t->pb.lines[1]);
}

static void vectors_are_shared_and_unmapped(void **state)
{
    struct toy *t = *state;

    enable_msix(t);
    vd_start(&t->vd, VML_VIRTIO_F_VERSION_1, QUEUES, SIZE);
    /* 4.1.5.1.2.1: after reset none is mapped; then nothing is sent. */
    assert_int_equal(get(t, C_CONFIG_VECTOR, 2), NO_VECTOR);
    set(t, C_SELECT, 2, 0);
    assert_int_equal(get(t, C_VECTOR, 2), NO_VECTOR);
    request(t, 0);
    assert_int_equal(t->pb.messages, 0);
    /* A vector that is not there reads back as NO_VECTOR: the mapping failed. */
    set(t, C_VECTOR, 2, VECTORS);
    assert_int_equal(get(t, C_VECTOR, 2), NO_VECTOR);
    set(t, C_CONFIG_VECTOR, 2, VECTORS);
    assert_int_equal(get(t, C_CONFIG_VECTOR, 2), NO_VECTOR);
    for (uint32_t i = 0; i < QUEUES; i++) {
        set(t, C_SELECT, 2, i);
        set(t, C_VECTOR, 2, 2);
        request(t, i);
        assert_int_equal(t->pb.last.data, 102);
    }
    set(t, C_VECTOR, 2, NO_VECTOR);
    request(t, QUEUES - 1);
    assert_int_equal(t->pb.messages, QUEUES);
}

static void a_broken_driver_is_told_by_message(void **state)
{
    struct toy *t = *state;

    enable_msix(t);
    vd_start(&t->vd, VML_VIRTIO_F_VERSION_1, QUEUES, SIZE);
    route(t);
    t->vd.q[0].driver[2] = SIZE; /* no such descriptor */
    t->vd.q[0].driver[1] = 1;
    vd_kick(&t->vd, &t->vd.q[0]);
    assert_true(get(t, C_STATUS, 1) & VML_VIRTIO_NEEDS_RESET);
    assert_int_equal(t->pb.last.data, 100);
}

/* The window in configuration space: 4.1.4.9. */

static void pci_cfg_reaches_the_bar(void **state)
{
    struct toy *t = *state;
    uint32_t offset, length;
    uint32_t cap = structure(t, 5, &offset, &length);
    uint32_t data = cap + 16;
    struct pb *pb = &t->pb;

    pb_set(pb, DEV1, VML_PCI_COMMAND, 2, 0); /* without memory space enabled */
    pb_set(pb, DEV1, cap + 12, 4, 2);
    pb_set(pb, DEV1, cap + 8, 4, C_NUM_QUEUES);
    assert_int_equal(pb_get(pb, DEV1, data, 2), QUEUES);
    pb_set(pb, DEV1, cap + 8, 4, C_SELECT);
    pb_set(pb, DEV1, data, 2, 2);
    assert_int_equal(vps_get(&t->pci, C_SELECT, 2), 2);
    pb_set(pb, DEV1, data, 4, 0x770001); /* the first two bytes of it */
    assert_int_equal(vps_get(&t->pci, C_SELECT, 2), 1);
    assert_int_equal(pb_get(pb, DEV1, data, 4), 1);
    pb_set(pb, DEV1, cap + 12, 4, 1);
    pb_set(pb, DEV1, cap + 8, 4, VML_VIRTIO_PCI_DEVICE + 12);
    assert_int_equal(pb_get(pb, DEV1, data, 1), 0x1c);
    pb_set(pb, DEV1, cap + 12, 4, 4);
    pb_set(pb, DEV1, cap + 8, 4, VML_VIRTIO_PCI_TABLE + 12);
    assert_int_equal(pb_get(pb, DEV1, data, 4), 1);
    /* What a driver must not do: another BAR, length or alignment, beyond the BAR, within the data. */
    static const uint32_t bad[][3] = {
        {0, C_FEATURE, 0},     {0, C_FEATURE, 3}, {0, C_FEATURE, 8},
        {0, C_FEATURE + 1, 4}, {1, C_FEATURE, 4}, {0, VML_VIRTIO_PCI_BAR_SIZE, 4},
        {0, 0xfffffffc, 4},    {6, 0, 4},         {0, C_FEATURE, 0xffffffff}};
    set(t, C_FEATURE_SELECT, 4, 0);
    for (size_t i = 0; i < VML_ARRAY_SIZE(bad); i++) {
        pb_set(pb, DEV1, cap + 4, 1, bad[i][0]);
        pb_set(pb, DEV1, cap + 8, 4, bad[i][1]);
        pb_set(pb, DEV1, cap + 12, 4, bad[i][2]);
        assert_int_equal(pb_get(pb, DEV1, data, 4), 0);
        pb_set(pb, DEV1, data, 4, UINT32_MAX);
    }
    pb_set(pb, DEV1, cap + 4, 1, 0);
    pb_set(pb, DEV1, cap + 8, 4, C_FEATURE);
    pb_set(pb, DEV1, cap + 12, 4, 4);
    assert_int_not_equal(pb_get(pb, DEV1, data, 4), 0);
    assert_int_equal(pb_get(pb, DEV1, data + 2, 2), 0);
}

/* Reset and state. */

static void reset_forgets_everything(void **state)
{
    struct toy *t = *state;
    unsigned resets = t->resets;

    enable_msix(t);
    vd_start(&t->vd, VML_VIRTIO_F_VERSION_1, QUEUES, 4);
    route(t);
    set(t, C_STATUS, 1, 0);
    assert_int_equal(get(t, C_STATUS, 1), 0);
    assert_int_equal(get(t, C_CONFIG_VECTOR, 2), NO_VECTOR);
    assert_int_equal(get(t, C_SELECT, 2), 0);
    assert_int_equal(get(t, C_VECTOR, 2), NO_VECTOR);
    assert_int_equal(get(t, C_SIZE, 2), SIZE);
    assert_int_equal(get(t, C_ENABLE, 2), 0);
    /* The vectors themselves are the function's, and stay. */
    assert_int_equal(get(t, VML_VIRTIO_PCI_TABLE + 24, 4), 101);
    vml_vbus_reset(&t->pb.bus);
    assert_true(t->resets >= resets + 2);
    assert_int_equal(pb_get(&t->pb, DEV1, VML_PCI_COMMAND, 2), 0);
    vml_vbus_shutdown(&t->pb.bus);
}

static size_t save(struct toy *t, uint8_t *image, size_t size)
{
    struct vml_state_writer w;

    vml_state_writer_init(&w, image, size);
    t->pci.function.device.ops->save(&t->pci.function.device, &w);
    assert_int_equal(vml_state_write_status(&w), VML_OK);
    return w.used;
}

static enum vml_status restore(struct toy *t, const uint8_t *image, size_t size)
{
    struct vml_state_reader r;

    vml_state_reader_init(&r, image, size);
    return t->pci.function.device.ops->restore(&t->pci.function.device, &r);
}

static void a_running_device_moves(void **state)
{
    struct toy *t = *state;
    struct toy *other = make(1, 13, VECTORS);
    static uint8_t image[4096], again[4096];
    struct vd_buf buf = {VD_RAM_BASE + 0x80000, 16, true};
    size_t size;

    enable_msix(t);
    vd_start(&t->vd, VML_VIRTIO_F_VERSION_1, QUEUES, SIZE);
    route(t);
    request(t, 1);
    set(t, C_FEATURE_SELECT, 4, 1);
    vml_virtio_drain(&t->virtio);
    assert_true(vd_add(&t->vd.q[2], &buf, 1) >= 0); /* made available, and nobody has taken it */
    size = save(t, image, sizeof(image));
    memcpy(other->vd.ram, t->vd.ram, t->vd.ram_size);
    assert_int_equal(restore(other, image, size), VML_OK);
    /* It was served at once, and its message went where the restored table says. */
    assert_int_equal(other->pb.messages, 1);
    assert_int_equal(other->pb.last.data, 103);
    assert_int_equal(get(other, C_FEATURE_SELECT, 4), 1);
    assert_int_equal(get(other, C_STATUS, 1), 15);
    set(other, C_SELECT, 2, 0);
    assert_int_equal(get(other, C_VECTOR, 2), 1);
    assert_int_equal(restore(t, image, size), VML_OK);
    vml_virtio_drain(&t->virtio);
    assert_int_equal(save(t, again, sizeof(again)), size);
    destroy(other);
}

static void corrupt_images_change_nothing(void **state)
{
    struct toy *t = *state;
    static uint8_t image[4096], before[4096], after[4096];
    size_t size;
    size_t refused = 0;

    enable_msix(t);
    vd_start(&t->vd, VML_VIRTIO_F_VERSION_1, QUEUES, SIZE);
    route(t);
    size = save(t, image, sizeof(image));
    set(t, C_SELECT, 2, 0);
    save(t, before, sizeof(before));
    for (size_t i = 0; i < size; i++) {
        uint8_t good = image[i];

        assert_int_not_equal(restore(t, image, i), VML_OK);
        image[i] ^= 0x80;
        if (restore(t, image, size) != VML_OK) {
            save(t, after, sizeof(after));
            assert_memory_equal(before, after, size);
            refused++;
        } else {
            assert_int_equal(restore(t, before, size), VML_OK);
        }
        image[i] = good;
    }
    assert_in_range(refused, 200, size);
}

static void other_devices_images_are_refused(void **state)
{
    struct toy *t = *state;
    struct toy *other = make(4, 13, VECTORS);
    static uint8_t image[4096];
    size_t size = save(other, image, sizeof(image));

    assert_int_equal(restore(t, image, size), VML_ERR_CORRUPT);
    destroy(other);
}

static void wrong_configurations_are_refused(void **state)
{
    struct toy *t = *state;
    struct vml_virtio_pci pci;
    struct vml_virtio_pci_config good = t->pci.config;
    struct vml_virtio_pci_config c;

    c = good;
    c.name = NULL;
    assert_int_equal(vml_virtio_pci_init(&pci, &c), VML_ERR_INVALID);
    c = good;
    c.dev = NULL;
    assert_int_equal(vml_virtio_pci_init(&pci, &c), VML_ERR_INVALID);
    c = good;
    c.queue_vectors = NULL;
    assert_int_equal(vml_virtio_pci_init(&pci, &c), VML_ERR_INVALID);
    c = good;
    c.vectors = NULL;
    assert_int_equal(vml_virtio_pci_init(&pci, &c), VML_ERR_INVALID);
    c = good;
    c.vector_count = VML_PCI_MAX_VECTORS + 1;
    assert_int_equal(vml_virtio_pci_init(&pci, &c), VML_ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(ids_are_virtio, set_up, tear_down),
        cmocka_unit_test_setup_teardown(structures_are_found_by_capabilities, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_config_space_there_is_no_device_structure, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(common_table_is_sound, set_up, tear_down),
        cmocka_unit_test_setup_teardown(features_are_negotiated_in_halves, set_up, tear_down),
        cmocka_unit_test_setup_teardown(queue_fields_are_the_selected_queues, set_up, tear_down),
        cmocka_unit_test_setup_teardown(wrong_widths_do_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_driver_uses_queues_at_their_addresses, set_up, tear_down),
        cmocka_unit_test_setup_teardown(queue_size_may_be_left_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bad_queues_need_a_reset, set_up, tear_down),
        cmocka_unit_test_setup_teardown(one_queue_is_reset, set_up, tear_down),
        cmocka_unit_test_setup_teardown(device_config_is_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(isr_is_cleared_by_reading, set_up, tear_down),
        cmocka_unit_test_setup_teardown(each_queue_has_its_vector, set_up, tear_down),
        cmocka_unit_test_setup_teardown(vectors_are_shared_and_unmapped, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_broken_driver_is_told_by_message, set_up, tear_down),
        cmocka_unit_test_setup_teardown(pci_cfg_reaches_the_bar, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reset_forgets_everything, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_running_device_moves, set_up, tear_down),
        cmocka_unit_test_setup_teardown(corrupt_images_change_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(other_devices_images_are_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(wrong_configurations_are_refused, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
