/* The rings alone, in either format: what comes out of them lies in guest memory and within the
 * limits. */
#include "virtio_fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct vf *vf, const struct vml_virtq_chain *chain, uint32_t max)
{
    VD_CHECK((uint32_t)chain->readable + chain->writable <= max);
    for (uint32_t i = 0; i < (uint32_t)chain->readable + chain->writable; i++) {
        const struct vml_virtq_buf *b = &chain->bufs[i];

        VD_CHECK(b->len == 0 || (b->host >= vf->vd.ram && b->host < vf->vd.ram + VF_RAM &&
                                 b->len <= (uint64_t)(vf->vd.ram + VF_RAM - b->host)));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { MAX = 40 };
    static struct vf vf;
    static struct vml_virtq vq;
    struct vml_virtq_buf bufs[MAX];
    struct vml_virtq_chain chain = {.bufs = bufs};
    struct vml_virtq_config config = {.max_bufs = MAX};
    struct vml_virtq_layout layout = {
        .desc = VD_RAM_BASE, .driver = VD_RAM_BASE + 0x1000, .device = VD_RAM_BASE + 0x2000};

    vf_begin(&vf, data, size);
    config.as = &vf.vd.as;
    VD_CHECK(vml_virtq_init(&vq, &config) == VML_OK);
    for (unsigned steps = 0; vf.left > 0 && steps < 4096; steps++) {
        uint8_t command = (uint8_t)vf_take(&vf, 1);

        switch (command & 7) {
        case 0: {
            layout.size = 1u << (vf_take(&vf, 1) % 8);
            layout.packed = command & 8;
            layout.event_idx = command & 16;
            layout.indirect = command & 32;
            if (command & 64) {
                layout.size = (uint32_t)vf_take(&vf, 2);
            }
            (void)!vml_virtq_start(&vq, &layout);
            break;
        }
        case 1:
        case 2:
            if (vml_virtq_pop(&vq, &chain) == VML_OK) {
                check(&vf, &chain, MAX);
                if (command & 8) {
                    vml_virtq_rewind(&vq, &chain);
                } else {
                    vml_virtq_push(&vq, &chain, command);
                }
            }
            break;
        case 3:
            (void)!vml_virtq_publish(&vq);
            break;
        case 4:
            (void)!vml_virtq_enable_notify(&vq);
            break;
        case 5: { /* a whole descriptor somewhere in the ring or in a table */
            uint64_t at = (vf_take(&vf, 1) % 64) * 16;
            struct vd_desc *d = vd_host(&vf.vd, VD_RAM_BASE + (command & 8 ? 0x4000 : 0) + at);

            d->addr = command & 16 ? VD_RAM_BASE + 0x4000 : vf_address(&vf);
            d->len = (uint32_t)vf_take(&vf, command & 32 ? 4 : 1);
            d->a = (uint16_t)vf_take(&vf, 1);
            d->b = (uint16_t)(vf_take(&vf, 1) | (command & 64 ? 0x80 : 0) |
                              (command & 128 ? 0x8000 : 0));
            break;
        }
        case 6: { /* the available ring */
            uint16_t *avail = vd_host(&vf.vd, VD_RAM_BASE + 0x1000);

            avail[2 + vf_take(&vf, 1) % 128] = (uint16_t)vf_take(&vf, 1);
            avail[1] = (uint16_t)(avail[1] + (command >> 3) % 4);
            break;
        }
        default: {
            struct vml_virtq_position at = {(uint16_t)vf_take(&vf, 2), (uint16_t)vf_take(&vf, 2),
                                            (command & 8) != 0, (command & 16) != 0};

            (void)!vml_virtq_set_position(&vq, &at);
            break;
        }
        }
    }
    vf_end(&vf);
    return 0;
}
