/**
 * @file
 * @brief A virtio driver for tests, benches and examples: drives a device through its MMIO
 * registers and rings, in either ring format, the way the specification tells a driver to.  Being a
 * test's, it shows its rings, so that a hostile test can write into them what it likes.
 */
#ifndef VML_TESTS_SUPPORT_VIRTIO_DRIVER_H
#define VML_TESTS_SUPPORT_VIRTIO_DRIVER_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <vml/simple_as.h>
#include <vml/virtio.h>
#include <vml/virtio_mmio.h>

#define VD_RAM_BASE   UINT64_C(0x40000000)
#define VD_MAX_QUEUES 16u
#define VD_MAX_SIZE   256u
/* The device looks at descriptors at any time, as it may. */
#define VD_STORE(place, value) __atomic_store_n(&(place), (value), __ATOMIC_RELAXED)
#define VD_UNUSED              __attribute__((unused))

/** @brief One descriptor as both formats have it; `a` and `b` differ. */
struct vd_desc {
    uint64_t addr;
    uint32_t len;
    uint16_t a; /**< split: flags; packed: id */
    uint16_t b; /**< split: next; packed: flags */
};

/** @brief A piece of a chain. */
struct vd_buf {
    uint64_t gpa;
    uint32_t len;
    bool write;
};

struct vd_queue {
    uint32_t index, size;
    bool packed, event_idx;
    uint64_t desc_gpa, driver_gpa, device_gpa;
    struct vd_desc *desc;
    uint16_t *driver; /**< avail ring, or driver event */
    uint16_t *device; /**< used ring, or device event */
    uint16_t avail, used;
    bool avail_wrap, used_wrap;
    uint16_t free_head, free_count;
    uint16_t slots[VD_MAX_SIZE]; /**< descriptors of the chain with this head or id */
    uint16_t next[VD_MAX_SIZE];  /**< packed: free ids */
    uint16_t kicked;             /**< avail at the last kick */
};

struct vd {
    uint8_t *ram;
    uint64_t ram_size, top;
    struct vml_as as;
    struct vml_as_region region;
    uint64_t storage[VML_AS_STORAGE(4) / 8 + 1];
    struct vml_device *device;
    uint64_t features;
    struct vd_queue q[VD_MAX_QUEUES];
};

static VD_UNUSED void vd_fail(const char *what, int line)
{
    fprintf(stderr, "virtio_driver.h:%d: %s\n", line, what);
    abort();
}
#define VD_CHECK(x) ((x) ? (void)0 : vd_fail(#x, __LINE__))

/** @brief Guest memory first: devices are configured with `vd->as`. */
static VD_UNUSED void vd_init(struct vd *vd, uint64_t ram_size)
{
    memset(vd, 0, sizeof(*vd));
    vd->ram = aligned_alloc(4096, ram_size);
    VD_CHECK(vd->ram != NULL);
    memset(vd->ram, 0, ram_size);
    vd->ram_size = ram_size;
    vd->top = VD_RAM_BASE;
    vd->region = (struct vml_as_region){
        .name = "ram", .base = VD_RAM_BASE, .size = ram_size, .host = vd->ram};
    VD_CHECK(vml_as_init(&vd->as, vd->storage, 4) == VML_OK);
    VD_CHECK(vml_as_add(&vd->as, &vd->region) == VML_OK);
}

static VD_UNUSED void vd_free(struct vd *vd)
{
    free(vd->ram);
}

static VD_UNUSED void *vd_host(struct vd *vd, uint64_t gpa)
{
    return vd->ram + (gpa - VD_RAM_BASE);
}

/** @brief Takes guest memory; never given back. */
static VD_UNUSED uint64_t vd_alloc(struct vd *vd, uint64_t len, uint64_t align)
{
    uint64_t at = (vd->top + align - 1) & ~(align - 1);

    VD_CHECK(at + len <= VD_RAM_BASE + vd->ram_size);
    vd->top = at + len;
    return at;
}

static VD_UNUSED uint64_t vd_access(struct vd *vd, uint32_t offset, uint8_t size, bool write,
                                    uint64_t value)
{
    struct vml_access access = {.offset = offset, .size = size, .write = write, .value = value};

    VD_CHECK(vd->device->ops->access(vd->device, &access) == VML_BUS_OK);
    return access.value;
}

static VD_UNUSED uint32_t vd_read(struct vd *vd, uint32_t offset)
{
    return (uint32_t)vd_access(vd, offset, 4, false, 0);
}

static VD_UNUSED void vd_write(struct vd *vd, uint32_t offset, uint32_t value)
{
    vd_access(vd, offset, 4, true, value);
}

static VD_UNUSED uint64_t vd_offered(struct vd *vd)
{
    uint64_t low, high;

    vd_write(vd, 0x14, 0);
    low = vd_read(vd, 0x10);
    vd_write(vd, 0x14, 1);
    high = vd_read(vd, 0x10);
    return low | high << 32;
}

/** @brief Resets the device and negotiates; @return true when FEATURES_OK stayed. */
static VD_UNUSED bool vd_negotiate(struct vd *vd, uint64_t features)
{
    vd_write(vd, 0x70, 0);
    VD_CHECK(vd_read(vd, 0x70) == 0);
    vd_write(vd, 0x70, VML_VIRTIO_ACKNOWLEDGE);
    vd_write(vd, 0x70, VML_VIRTIO_ACKNOWLEDGE | VML_VIRTIO_DRIVER);
    vd_write(vd, 0x24, 0);
    vd_write(vd, 0x20, (uint32_t)features);
    vd_write(vd, 0x24, 1);
    vd_write(vd, 0x20, (uint32_t)(features >> 32));
    vd_write(vd, 0x70, VML_VIRTIO_ACKNOWLEDGE | VML_VIRTIO_DRIVER | VML_VIRTIO_FEATURES_OK);
    vd->features = features;
    return (vd_read(vd, 0x70) & VML_VIRTIO_FEATURES_OK) != 0;
}

/** @brief Sets a queue up, as a ring of the negotiated format. */
static VD_UNUSED struct vd_queue *vd_setup_queue(struct vd *vd, uint32_t index, uint32_t size)
{
    struct vd_queue *q = &vd->q[index];

    VD_CHECK(index < VD_MAX_QUEUES && size <= VD_MAX_SIZE);
    memset(q, 0, sizeof(*q));
    q->index = index;
    q->size = size;
    q->packed = (vd->features & VML_VIRTIO_F_RING_PACKED) != 0;
    q->event_idx = (vd->features & VML_VIRTIO_F_EVENT_IDX) != 0;
    q->desc_gpa = vd_alloc(vd, 16u * size, 16);
    q->driver_gpa = vd_alloc(vd, 6u + 2u * size, 4);
    q->device_gpa = vd_alloc(vd, 6u + 8u * size, 4);
    q->desc = vd_host(vd, q->desc_gpa);
    q->driver = vd_host(vd, q->driver_gpa);
    q->device = vd_host(vd, q->device_gpa);
    memset(q->desc, 0, 16u * size);
    memset(q->driver, 0, 6u + 2u * size);
    memset(q->device, 0, 6u + 8u * size);
    q->avail_wrap = q->used_wrap = true;
    q->free_count = (uint16_t)size;
    for (uint32_t i = 0; i < size; i++) {
        q->next[i] = (uint16_t)(i + 1);
    }
    vd_write(vd, 0x30, index);
    VD_CHECK(vd_read(vd, 0x34) >= size);
    vd_write(vd, 0x38, size);
    vd_write(vd, 0x80, (uint32_t)q->desc_gpa);
    vd_write(vd, 0x84, (uint32_t)(q->desc_gpa >> 32));
    vd_write(vd, 0x90, (uint32_t)q->driver_gpa);
    vd_write(vd, 0x94, (uint32_t)(q->driver_gpa >> 32));
    vd_write(vd, 0xa0, (uint32_t)q->device_gpa);
    vd_write(vd, 0xa4, (uint32_t)(q->device_gpa >> 32));
    vd_write(vd, 0x44, 1);
    return q;
}

static VD_UNUSED void vd_ready(struct vd *vd)
{
    vd_write(vd, 0x70,
             VML_VIRTIO_ACKNOWLEDGE | VML_VIRTIO_DRIVER | VML_VIRTIO_FEATURES_OK |
                 VML_VIRTIO_DRIVER_OK);
}

/** @brief All in one: negotiate, `count` queues of `size`, DRIVER_OK. */
static VD_UNUSED void vd_start(struct vd *vd, uint64_t features, uint32_t count, uint32_t size)
{
    VD_CHECK(vd_negotiate(vd, features));
    for (uint32_t i = 0; i < count; i++) {
        vd_setup_queue(vd, i, size);
        VD_CHECK(vd_read(vd, 0x44) == 1);
    }
    vd_ready(vd);
}

static VD_UNUSED int vd_add_split(struct vd_queue *q, const struct vd_buf *bufs, uint32_t count)
{
    uint16_t head = q->free_head;
    uint16_t at = head;

    for (uint32_t i = 0; i < count; i++) {
        struct vd_desc *d = &q->desc[at];
        uint16_t next = q->next[at];

        VD_STORE(d->addr, bufs[i].gpa);
        VD_STORE(d->len, bufs[i].len);
        VD_STORE(d->a, (uint16_t)((bufs[i].write ? 2 : 0) | (i + 1 < count ? 1 : 0)));
        VD_STORE(d->b, i + 1 < count ? next : 0);
        at = next;
    }
    q->free_head = at;
    q->driver[2 + (q->avail & (q->size - 1))] = head;
    q->avail++;
    __atomic_store_n(&q->driver[1], q->avail, __ATOMIC_RELEASE);
    return head;
}

static VD_UNUSED int vd_add_packed(struct vd_queue *q, const struct vd_buf *bufs, uint32_t count)
{
    uint16_t id = q->free_head;
    struct vd_desc *first = &q->desc[q->avail];
    struct vd_desc head = {0};
    uint64_t word;

    q->free_head = q->next[id];
    for (uint32_t i = 0; i < count; i++) {
        struct vd_desc *d = &q->desc[q->avail];
        uint16_t flags = (uint16_t)((bufs[i].write ? 2 : 0) | (i + 1 < count ? 1 : 0) |
                                    (q->avail_wrap ? 0x80 : 0x8000));

        VD_STORE(d->addr, bufs[i].gpa);
        VD_STORE(d->len, bufs[i].len);
        VD_STORE(d->a, id);
        if (i == 0) {
            head = (struct vd_desc){bufs[i].gpa, bufs[i].len, id, flags};
        } else {
            VD_STORE(d->b, flags);
        }
        if (++q->avail == q->size) {
            q->avail = 0;
            q->avail_wrap = !q->avail_wrap;
        }
    }
    /* The flags, and once more what is beside them: the device takes all of it in one load, and a checker
     * of threads knows only of stores and loads of one size. */
    memcpy(&word, &head.len, sizeof(word));
    __atomic_store_n((uint64_t *)(void *)&first->len, word, __ATOMIC_RELEASE);
    return id;
}

/** @brief Makes a chain available. @return its id, or -1 when the ring is full */
static VD_UNUSED int vd_add(struct vd_queue *q, const struct vd_buf *bufs, uint32_t count)
{
    int id;

    if (count == 0 || count > q->free_count) {
        return -1;
    }
    id = q->packed ? vd_add_packed(q, bufs, count) : vd_add_split(q, bufs, count);
    q->slots[id] = (uint16_t)count;
    q->free_count = (uint16_t)(q->free_count - count);
    return id;
}

/** @brief As vd_add(), in an indirect table. */
static VD_UNUSED int vd_add_indirect(struct vd *vd, struct vd_queue *q, const struct vd_buf *bufs,
                                     uint32_t count)
{
    uint64_t gpa = vd_alloc(vd, 16u * count, 16);
    struct vd_desc *table = vd_host(vd, gpa);
    struct vd_buf one = {gpa, 16u * count, false};
    int id;

    for (uint32_t i = 0; i < count; i++) {
        uint16_t flags = bufs[i].write ? 2 : 0;

        table[i].addr = bufs[i].gpa;
        table[i].len = bufs[i].len;
        table[i].a = q->packed ? 0 : (uint16_t)(flags | (i + 1 < count));
        table[i].b = q->packed ? flags : (uint16_t)(i + 1);
    }
    if (q->free_count == 0) {
        return -1;
    }
    /* The descriptor gets its INDIRECT flag before it is made available. */
    if (q->packed) {
        uint16_t at = q->avail;
        bool wrap = q->avail_wrap;

        id = q->free_head;
        q->free_head = q->next[id];
        q->desc[at].addr = gpa;
        q->desc[at].len = one.len;
        q->desc[at].a = (uint16_t)id;
        __atomic_store_n(&q->desc[at].b, (uint16_t)(4 | (wrap ? 0x80 : 0x8000)), __ATOMIC_RELEASE);
        if (++q->avail == q->size) {
            q->avail = 0;
            q->avail_wrap = !wrap;
        }
    } else {
        id = q->free_head;
        q->free_head = q->next[id];
        q->desc[id].addr = gpa;
        q->desc[id].len = one.len;
        q->desc[id].a = 4;
        q->desc[id].b = 0;
        q->driver[2 + (q->avail & (q->size - 1))] = (uint16_t)id;
        q->avail++;
        __atomic_store_n(&q->driver[1], q->avail, __ATOMIC_RELEASE);
    }
    q->slots[id] = 1;
    q->free_count--;
    return id;
}

static VD_UNUSED void vd_kick(struct vd *vd, struct vd_queue *q)
{
    uint32_t value = q->index;

    if (vd->features & VML_VIRTIO_F_NOTIFICATION_DATA) {
        value |= (uint32_t)q->avail << 16;
        if (q->packed) {
            value = q->index | (uint32_t)q->avail << 16 | (q->avail_wrap ? 1u << 31 : 0);
        }
    }
    vd_write(vd, 0x50, value);
}

/** @brief Takes the next used chain. @return its id, or -1 */
static VD_UNUSED int vd_used(struct vd_queue *q, uint32_t *len)
{
    int id;

    if (q->packed) {
        struct vd_desc *d = &q->desc[q->used];
        uint16_t flags = __atomic_load_n(&d->b, __ATOMIC_ACQUIRE);

        if (((flags >> 7) & 1) != (flags >> 15) || (flags >> 15) != q->used_wrap) {
            return -1;
        }
        id = d->a;
        if (len) {
            *len = d->len;
        }
        VD_CHECK(id < (int)q->size && q->slots[id] != 0);
        q->used = (uint16_t)(q->used + q->slots[id]);
        if (q->used >= q->size) {
            q->used = (uint16_t)(q->used - q->size);
            q->used_wrap = !q->used_wrap;
        }
        q->next[id] = q->free_head;
        q->free_head = (uint16_t)id;
    } else {
        uint32_t element[2];
        uint16_t tail;

        if (__atomic_load_n(&q->device[1], __ATOMIC_ACQUIRE) == q->used) {
            return -1;
        }
        memcpy(element, (uint8_t *)q->device + 4 + 8 * (q->used & (q->size - 1)), 8);
        id = (int)element[0];
        if (len) {
            *len = element[1];
        }
        VD_CHECK(id < (int)q->size && q->slots[id] != 0);
        q->used++;
        tail = (uint16_t)id;
        for (uint32_t i = 1; i < q->slots[id]; i++) {
            tail = q->next[tail];
        }
        q->next[tail] = q->free_head;
        q->free_head = (uint16_t)id;
    }
    q->free_count = (uint16_t)(q->free_count + q->slots[id]);
    q->slots[id] = 0;
    return id;
}

/** @brief Asks for an interrupt at the next used chain, or for none at all. */
static VD_UNUSED void vd_interrupts(struct vd_queue *q, bool on)
{
    if (q->packed) {
        if (q->event_idx) {
            q->driver[0] = (uint16_t)(q->used | (q->used_wrap ? 0x8000 : 0));
        }
        q->driver[1] = on ? (q->event_idx ? 2 : 0) : 1;
    } else if (q->event_idx) {
        q->driver[2 + q->size] = on ? q->used : (uint16_t)(q->used - 1);
    } else {
        q->driver[0] = on ? 0 : 1;
    }
}

#endif
