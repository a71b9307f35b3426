/* Two joined ends under any accesses: the wires are what the counts say, and each event arrives. */
#include <stdlib.h>
#include <vml/cross_vm.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool level[2];

static void set_level(void *controller, uint32_t line, uint32_t cpu, bool on)
{
    level[line] = on;
}

static void check(bool holds)
{
    if (!holds) {
        abort();
    }
}

/* Its state saved, a byte of it changed, and restored: taken or refused, the wire is right. */
static void change(struct vml_cross_vm *end, uint8_t at, uint8_t bits)
{
    struct vml_device *device = &end->device;
    uint32_t before = end->consume;
    uint8_t image[64];
    struct vml_state_writer w;
    struct vml_state_reader r;

    vml_state_writer_init(&w, image, sizeof(image));
    device->ops->save(device, &w);
    check(vml_state_write_status(&w) == VML_OK);
    image[at % w.used] ^= bits;
    vml_state_reader_init(&r, image, w.used);
    check(device->ops->restore(device, &r) == VML_OK || end->consume == before);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct vml_irq_ops ops = {.set_level = set_level};
    static struct vml_cross_vm ends[2];

    for (uint32_t i = 0; i < 2; i++) {
        struct vml_cross_vm_config config = {
            .irq = {&ops, NULL, i, 0}, .emit = vml_cross_vm_signal, .context = &ends[1 - i]};

        level[i] = false;
        vml_cross_vm_init(&ends[i], &config);
    }
    for (size_t i = 0; i + 4 <= size; i += 4) {
        const uint8_t *p = data + i;
        struct vml_cross_vm *end = &ends[p[0] >> 7], *other = &ends[!(p[0] >> 7)];
        struct vml_access a = {.offset = p[1],
                               .value = p[2] | (uint64_t)p[3] << 24,
                               .size = (uint8_t)(1u << (p[0] & 3)),
                               .write = (p[0] & 4) != 0};
        uint32_t before = other->consume;

        if ((p[0] & 0x78) == 0x78) {
            change(end, p[2], p[3]);
            check(level[0] == (ends[0].consume != 0) && level[1] == (ends[1].consume != 0));
            continue;
        }
        enum vml_bus_result result = end->device.ops->access(&end->device, &a);
        bool emitted = result == VML_BUS_OK && a.write && p[1] == 0;

        check(other->consume == before + (emitted && before != UINT32_MAX));
        check(level[0] == (ends[0].consume != 0) && level[1] == (ends[1].consume != 0));
    }
    vml_cross_vm_destroy(&ends[0]);
    vml_cross_vm_destroy(&ends[1]);
    return 0;
}
