/*
 * Any ranges before a device that is 64 bytes of memory, and any accesses: where the filter denies,
 * no bit that is not permitted changes, and none is seen. Bytes: policy, number of ranges, then 4 a
 * range (gap, size, permissions, mask), then 12 an access.
 */
#include <stdlib.h>
#include <vml/access_control.h>

#define MEMORY     64u
#define MAX_RANGES 8u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct memory {
    struct vml_device device;
    uint8_t bytes[MEMORY];
};

/* What the guest may do with each bit. */
struct permitted {
    uint8_t read[MEMORY];
    uint8_t write[MEMORY];
};

static void check(bool holds)
{
    if (!holds) {
        abort();
    }
}

static enum vml_bus_result memory_access(struct vml_device *device, struct vml_access *access)
{
    struct memory *m = VML_CONTAINER_OF(device, struct memory, device);

    if (access->offset > MEMORY || access->size > MEMORY - access->offset) {
        return VML_BUS_FAULT;
    }
    for (unsigned i = 0; i < access->size; i++) {
        if (access->write) {
            m->bytes[access->offset + i] = (uint8_t)(access->value >> 8 * i);
        } else if (i == 0) {
            access->value = m->bytes[access->offset];
        } else {
            access->value |= (uint64_t)m->bytes[access->offset + i] << 8 * i;
        }
    }
    return VML_BUS_OK;
}

static const uint8_t *read_ranges(const uint8_t *p, uint32_t count, struct vml_access_range *ranges,
                                  struct permitted *permitted)
{
    static const uint32_t masks[] = {0, 1, 0x80000000, 0xff00ff00, 0x00ffff00, 0xf, 0xffffffff, 0};
    uint64_t at = 0;

    for (uint32_t i = 0; i < count; i++, p += 4) {
        struct vml_access_range *r = &ranges[i];

        at += p[0] % 8;
        *r = (struct vml_access_range){
            .offset = at, .size = p[1] % 16, .allow = p[2] & 3, .mask = masks[p[3] % 8]};
        at += r->size;
        for (uint64_t b = r->offset; b < at && b < MEMORY; b++) {
            uint8_t bits = r->mask ? (uint8_t)(r->mask >> 8 * (b & 3)) : 0xff;

            permitted->read[b] = r->allow & VML_ACCESS_READ ? bits : 0;
            permitted->write[b] = r->allow & VML_ACCESS_WRITE ? bits : 0;
        }
    }
    return p;
}

static void one_access(struct vml_access_control *filter, struct memory *m,
                       const struct permitted *permitted, const uint8_t *p)
{
    struct vml_access a = {
        .offset = p[0] & 0x40 ? UINT64_MAX - p[1] % 16 : p[1] % (MEMORY + 8),
        .size = (uint8_t)(1u << (p[0] & 3)),
        .write = (p[0] & 4) != 0,
    };
    const struct vml_access asked = a;
    const struct memory before = *m;
    enum vml_bus_result result;

    for (unsigned i = 0; a.write && i < a.size; i++) {
        a.value |= (uint64_t)p[2 + i] << 8 * i;
    }
    result = filter->device.ops->access(&filter->device, &a);
    check(result == VML_BUS_OK || result == VML_BUS_FAULT);
    if (filter->config.denied == VML_ACCESS_REPORT) {
        return;
    }
    for (unsigned b = 0; b < MEMORY; b++) {
        bool inside = b >= asked.offset && b - asked.offset < asked.size;

        check(((m->bytes[b] ^ before.bytes[b]) & ~(inside ? permitted->write[b] : 0)) == 0);
        if (!asked.write && inside && result == VML_BUS_OK) {
            uint8_t seen = (uint8_t)(a.value >> 8 * (b - asked.offset));

            check((seen & ~(permitted->read[b] & before.bytes[b])) == 0);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct vml_device_ops ops = {.access = memory_access};
    struct memory m = {.device = {"memory", &ops}};
    struct permitted permitted = {{0}, {0}};
    struct vml_access_range ranges[MAX_RANGES];
    struct vml_access_control filter;
    struct vml_access_control_config config = {.target = &m.device, .ranges = ranges};
    const uint8_t *end = data + size;
    const uint8_t *p = data + 2;

    if (size < 2) {
        return 0;
    }
    config.denied = (enum vml_access_denied)(data[0] % 3);
    config.count = data[1] % (MAX_RANGES + 1);
    if ((size_t)(end - p) < config.count * 4u) {
        return 0;
    }
    p = read_ranges(p, config.count, ranges, &permitted);
    if (vml_access_control_init(&filter, &config) != VML_OK) {
        return 0;
    }
    for (unsigned b = 0; b < MEMORY; b++) {
        m.bytes[b] = (uint8_t)(b * 37 + 11);
    }
    for (; end - p >= 12; p += 12) {
        one_access(&filter, &m, &permitted, p);
    }
    return 0;
}
