/* The entropy device: virtio 1.3, 5.4. */
#include "test.h"
#include "virtio_driver.h"
#include <vml/virtio_rng.h>

struct rig {
    struct vd vd;
    struct vml_virtio_rng rng;
    struct vml_virtio_mmio mmio;
    unsigned calls;
    bool fail;
};

static enum vml_status entropy(void *context, void *buffer, size_t len)
{
    struct rig *r = context;

    r->calls++;
    memset(buffer, 0xa5, len);
    return r->fail ? VML_ERR_UNSUPPORTED : VML_OK;
}

static struct rig *make(bool own)
{
    struct rig *r = calloc(1, sizeof(*r));

    vd_init(&r->vd, 4 << 20);
    struct vml_virtio_rng_config config = {
        .platform = {.as = &r->vd.as}, .entropy = own ? entropy : NULL, .entropy_context = r};
    struct vml_virtio_mmio_config mmio = {.name = "rng", .dev = &r->rng.virtio};

    assert_int_equal(vml_virtio_rng_init(&r->rng, &config), VML_OK);
    assert_int_equal(vml_virtio_mmio_init(&r->mmio, &mmio), VML_OK);
    r->vd.device = &r->mmio.device;
    return r;
}

static void end(struct rig *r)
{
    vml_virtio_mmio_destroy(&r->mmio);
    vml_virtio_rng_destroy(&r->rng);
    vd_free(&r->vd);
    free(r);
}

static void buffers_are_filled(void **state)
{
    for (int packed = 0; packed < 2; packed++) {
        struct rig *r = make(true);
        uint64_t gpa = vd_alloc(&r->vd, 100, 8);
        struct vd_buf bufs[] = {{gpa, 40, true}, {gpa + 50, 30, true}};
        uint8_t *host = vd_host(&r->vd, gpa);
        uint32_t len;

        assert_int_equal(vd_read(&r->vd, 8), 4);
        assert_true(vd_offered(&r->vd) & VML_VIRTIO_F_IN_ORDER);
        vd_start(&r->vd, VML_VIRTIO_F_VERSION_1 | (packed ? VML_VIRTIO_F_RING_PACKED : 0), 1, 8);
        vd_add(&r->vd.q[0], bufs, 2);
        vd_kick(&r->vd, &r->vd.q[0]);
        assert_true(vd_used(&r->vd.q[0], &len) >= 0);
        assert_int_equal(len, 70);
        assert_int_equal(host[39], 0xa5);
        assert_int_equal(host[40], 0);
        assert_int_equal(host[79], 0xa5);
        assert_int_equal(host[80], 0);
        end(r);
    }
}

static void platform_entropy_differs(void **state)
{
    struct rig *r = make(false);
    uint64_t gpa = vd_alloc(&r->vd, 64, 8);
    struct vd_buf bufs[] = {{gpa, 32, true}, {gpa + 32, 32, true}};
    uint8_t *host = vd_host(&r->vd, gpa);

    vd_start(&r->vd, VML_VIRTIO_F_VERSION_1, 1, 8);
    vd_add(&r->vd.q[0], bufs, 1);
    vd_add(&r->vd.q[0], bufs + 1, 1);
    vd_kick(&r->vd, &r->vd.q[0]);
    assert_true(vd_used(&r->vd.q[0], NULL) >= 0);
    assert_true(vd_used(&r->vd.q[0], NULL) >= 0);
    assert_memory_not_equal(host, host + 32, 32);
    end(r);
}

static void huge_and_odd_requests_are_bounded(void **state)
{
    struct rig *r = make(true);
    uint64_t gpa = vd_alloc(&r->vd, 1 << 20, 8);
    struct vd_buf huge = {gpa, 1 << 20, true};
    struct vd_buf readable = {gpa, 8, false};
    uint32_t len;

    vd_start(&r->vd, VML_VIRTIO_F_VERSION_1, 1, 8);
    vd_add(&r->vd.q[0], &huge, 1);
    vd_add(&r->vd.q[0], &readable, 1);
    vd_kick(&r->vd, &r->vd.q[0]);
    assert_true(vd_used(&r->vd.q[0], &len) >= 0);
    assert_int_equal(len, VML_VIRTIO_RNG_MAX_BYTES);
    assert_true(vd_used(&r->vd.q[0], &len) >= 0);
    assert_int_equal(len, 0);
    r->fail = true;
    vd_add(&r->vd.q[0], &huge, 1);
    vd_kick(&r->vd, &r->vd.q[0]);
    assert_true(vd_used(&r->vd.q[0], &len) >= 0);
    assert_int_equal(len, 0);
    end(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buffers_are_filled),
        cmocka_unit_test(platform_entropy_differs),
        cmocka_unit_test(huge_and_odd_requests_are_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
