/**
 * @file
 * @brief What the fuzz targets of virtio devices share: the fuzzer's bytes are a program for a
 * hostile driver, which owns guest memory, registers and time.  A device adds its own commands
 * through `extra`.
 */
#ifndef VML_TESTS_SUPPORT_VIRTIO_FUZZ_H
#define VML_TESTS_SUPPORT_VIRTIO_FUZZ_H

#include "virtio_driver.h"

/* Just large enough for the short path of the queues. */
#define VF_RAM ((1u << 20) + (256u << 10))

struct vf {
    const uint8_t *data;
    size_t left;
    struct vd vd;
    struct vml_virtio_mmio mmio;
    uint32_t queues;
    void (*extra)(struct vf *vf, uint8_t command);
    void *context;
    uint8_t image[8192];
    size_t image_len;
};

static inline uint64_t vf_take(struct vf *vf, size_t n)
{
    uint64_t v = 0;

    for (size_t i = 0; i < n && vf->left > 0; i++, vf->left--) {
        v |= (uint64_t)*vf->data++ << (8 * i);
    }
    return v;
}

/* An address that is mostly in RAM, and often where rings are. */
static inline uint64_t vf_address(struct vf *vf)
{
    uint64_t v = vf_take(vf, 3);

    switch (v >> 22) {
    case 0:
        return VD_RAM_BASE + (v & 0xffff);
    case 1:
        return VD_RAM_BASE + VF_RAM - (v & 0xff);
    case 2:
        return VD_RAM_BASE + (v & 0x3fffff);
    default:
        return vf_take(vf, 8);
    }
}

static inline void vf_start(struct vf *vf)
{
    uint64_t features = vd_offered(&vf->vd) & (vf_take(vf, 8) | VML_VIRTIO_F_VERSION_1);
    uint32_t size = 1u << (vf_take(vf, 1) % 6);

    vf->vd.top = VD_RAM_BASE;
    if (!vd_negotiate(&vf->vd, features)) {
        return;
    }
    for (uint32_t i = 0; i < vf->queues; i++) {
        vd_setup_queue(&vf->vd, i, size);
    }
    vd_ready(&vf->vd);
}

static inline void vf_chain(struct vf *vf)
{
    struct vd_queue *q = &vf->vd.q[vf_take(vf, 1) % vf->queues];
    uint8_t shape = (uint8_t)vf_take(vf, 1);
    struct vd_buf bufs[8];
    uint32_t count = 1 + shape % 8;

    if (q->size == 0 || count > q->free_count) {
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        bufs[i].gpa = vf_address(vf);
        bufs[i].len = (uint32_t)vf_take(vf, 2) & 0x3fff;
        bufs[i].write = vf_take(vf, 1) & 1;
    }
    if (shape & 0x80 && vf->vd.top < VD_RAM_BASE + 0x40000) {
        vd_add_indirect(&vf->vd, q, bufs, count);
    } else {
        vd_add(q, bufs, count);
    }
    if (shape & 0x40) {
        vd_kick(&vf->vd, q);
    }
}

/* The ring may hold anything by now: used chains are taken only as far as the driver can make sense
 * of them. */
static inline void vf_collect(struct vf *vf)
{
    struct vd_queue *q = &vf->vd.q[vf_take(vf, 1) % vf->queues];

    if (q->size != 0) {
        q->free_count = (uint16_t)q->size;
        memset(q->slots, 0, sizeof(q->slots));
        for (uint32_t i = 0; i < q->size; i++) {
            q->next[i] = (uint16_t)((i + 1) % q->size);
        }
        q->free_head = 0;
    }
}

static inline void vf_state(struct vf *vf)
{
    struct vml_device *d = vf->vd.device;

    if (vf_take(vf, 1) & 1) {
        struct vml_state_writer w;

        vml_state_writer_init(&w, vf->image, sizeof(vf->image));
        d->ops->save(d, &w);
        vf->image_len = vml_state_write_status(&w) == VML_OK ? w.used : 0;
    } else if (vf->image_len != 0) {
        struct vml_state_reader r;
        size_t at = (size_t)vf_take(vf, 2) % vf->image_len;

        vf->image[at] ^= (uint8_t)vf_take(vf, 1);
        vml_state_reader_init(&r, vf->image, vf->image_len);
        (void)!d->ops->restore(d, &r);
    }
}

static inline void vf_step(struct vf *vf)
{
    uint8_t command = (uint8_t)vf_take(vf, 1);
    uint32_t at;

    switch (command & 15) {
    case 0:
        at = (uint32_t)vf_take(vf, 1) * 2;
        vd_access(&vf->vd, at, 4, true, vf_take(vf, 4));
        break;
    case 1:
        at = (uint32_t)vf_take(vf, 2) % 0x200;
        vd_access(&vf->vd, at, (uint8_t)(1u << (command >> 6)), (command & 16) != 0,
                  vf_take(vf, 4));
        break;
    case 2:
    case 3: {
        uint64_t to = vf_address(vf) - VD_RAM_BASE;
        uint64_t len = vf_take(vf, 1) % 32;

        for (; len > 0 && to < VF_RAM; len--, to++) {
            vf->vd.ram[to] = (uint8_t)vf_take(vf, 1);
        }
        break;
    }
    case 4:
    case 5:
        vd_write(&vf->vd, 0x50, (uint32_t)vf_take(vf, 1) % (vf->queues + 1));
        break;
    case 6:
        vf_start(vf);
        break;
    case 7:
    case 8:
    case 9:
        vf_chain(vf);
        break;
    case 10:
        vf_collect(vf);
        break;
    case 11:
        vf_state(vf);
        break;
    default:
        if (vf->extra) {
            vf->extra(vf, command >> 4);
        }
        break;
    }
}

static inline void vf_begin(struct vf *vf, const uint8_t *data, size_t size)
{
    memset(vf, 0, sizeof(*vf));
    vf->data = data;
    vf->left = size;
    vd_init(&vf->vd, VF_RAM);
}

static inline void vf_run(struct vf *vf, struct vml_virtio *dev, uint32_t queues, bool legacy)
{
    struct vml_virtio_mmio_config config = {.name = "fuzzed", .dev = dev, .legacy = legacy};

    VD_CHECK(vml_virtio_mmio_init(&vf->mmio, &config) == VML_OK);
    vf->vd.device = &vf->mmio.device;
    vf->queues = queues;
    while (vf->left > 0) {
        vf_step(vf);
    }
    vml_virtio_mmio_destroy(&vf->mmio);
}

static inline void vf_end(struct vf *vf)
{
    vd_free(&vf->vd);
}

#endif
