#include "virtio_fuzz.h"
#include <vml/virtio_rng.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static enum vml_status entropy(void *context, void *buffer, size_t len)
{
    (void)context;
    memset(buffer, 0x5a, len);
    return VML_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct vf vf;
    static struct vml_virtio_rng rng;
    struct vml_virtio_rng_config config = {.entropy = entropy};

    vf_begin(&vf, data, size);
    config.platform.as = &vf.vd.as;
    VD_CHECK(vml_virtio_rng_init(&rng, &config) == VML_OK);
    vf_run(&vf, &rng.virtio, 1, size & 1);
    vml_virtio_rng_destroy(&rng);
    vf_end(&vf);
    return 0;
}
