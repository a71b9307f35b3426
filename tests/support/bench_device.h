/**
 * @file
 * @brief What benchmarks of devices share: one access, again and again, without a bus.
 */
#ifndef VML_TESTS_SUPPORT_BENCH_DEVICE_H
#define VML_TESTS_SUPPORT_BENCH_DEVICE_H

#include "bench.h"
#include <vml/device.h>

/** @brief Does an access `iterations` times. */
static inline void bench_access(struct vml_device *device, uint64_t iterations,
                                struct vml_access what)
{
    struct vml_access access = what;

    for (uint64_t i = 0; i < iterations; i++) {
        access.offset = what.offset;
        access.value = what.value;
        device->ops->access(device, &access);
        BENCH_KEEP(access.value);
    }
}

/** @brief Reads 4 bytes at `offset` `iterations` times. */
static inline void bench_read(struct vml_device *device, uint64_t iterations, uint64_t offset)
{
    bench_access(device, iterations, (struct vml_access){.offset = offset, .size = 4});
}

/** @brief Writes 4 bytes at `offset` `iterations` times. */
static inline void bench_write(struct vml_device *device, uint64_t iterations, uint64_t offset,
                               uint64_t value)
{
    bench_access(device, iterations,
                 (struct vml_access){.offset = offset, .size = 4, .write = true, .value = value});
}

#endif
