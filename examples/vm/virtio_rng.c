/* Entropy for the guest. */
#include "virtio.h"

#include <stdlib.h>
#include <vml/virtio_rng.h>

static struct vml_virtio *create(struct vm *vm, struct vm_virtio *v,
                                 const struct vml_virtio_platform *platform)
{
    struct vml_virtio_rng *rng = v->device = calloc(1, sizeof(*rng));
    const struct vml_virtio_rng_config config = {
        .platform = *platform, .entropy = vm_entropy, .entropy_context = vm};

    if (!rng) {
        vm_fail("out of memory");
    }
    vm_check(vml_virtio_rng_init(rng, &config), v->options->name);
    return &rng->virtio;
}

static void destroy(struct vm *vm, struct vm_virtio *v)
{
    (void)vm;
    vml_virtio_rng_destroy(v->device);
}

const struct vm_virtio_type vm_virtio_rng_type = {
    .name = "rng", .create = create, .destroy = destroy};
