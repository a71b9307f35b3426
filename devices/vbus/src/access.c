#include "bus.h"

static void count_access(struct vml_bus_range *range, bool write, enum vml_bus_result result)
{
    uint64_t *counter = result == VML_BUS_FAULT ? &range->stats.faults
                        : write                 ? &range->stats.writes
                                                : &range->stats.reads;

    (void)__atomic_add_fetch(counter, 1, __ATOMIC_RELAXED);
}

static void trace_access(struct vml_vbus *bus, uint64_t addr, const struct vml_access *access,
                         enum vml_bus_result result)
{
    vml_trace_write(bus->config.debug, access->cpu,
                    access->write ? VML_TRACE_BUS_WRITE : VML_TRACE_BUS_READ, addr, access->value,
                    access->size | (uint32_t)result << 8 | (uint32_t)bus->config.space << 16);
}

static inline enum vml_bus_result serve(struct vml_vbus *bus, struct vml_bus_range *range,
                                        uint64_t addr, struct vml_access *access)
{
    enum vml_bus_result result = VML_BUS_NO_DEVICE;

    if (VML_LIKELY(range != NULL)) {
        uint64_t offset = addr - range->base;
        struct vml_device *device = range->device;

        result = VML_BUS_FAULT;
        if (VML_LIKELY(access->size <= range->size - offset && device->ops->access != NULL)) {
            access->offset = offset + range->device_offset;
            result = device->ops->access(device, access);
        }
        if (VML_UNLIKELY(atomic_load_explicit(&bus->statistics, memory_order_relaxed))) {
            count_access(range, access->write, result);
        }
    }
    if (VML_UNLIKELY(vml_trace_on(bus->config.debug))) {
        trace_access(bus, addr, access, result);
    }
    return result;
}

static VML_COLD enum vml_bus_result access_by_other(struct vml_vbus *bus, uint64_t addr,
                                                    struct vml_access *access)
{
    struct vml_bus_table *table = bus_enter_other(bus);
    enum vml_bus_result result = serve(bus, bus_find(table, addr), addr, access);

    bus_leave_other(bus);
    return result;
}

enum vml_bus_result vml_vbus_access(struct vml_vbus *bus, uint64_t addr, struct vml_access *access)
{
    struct vml_bus_cpu *cpu;
    struct vml_bus_table *table;
    struct vml_bus_range *range;
    enum vml_bus_result result;

    if (VML_UNLIKELY(access->cpu >= bus->config.cpus)) {
        return access_by_other(bus, addr, access);
    }
    cpu = &bus->cpus[access->cpu];
    /* One from inside of another is covered by that one's announcement. */
    if (VML_LIKELY(cpu->depth++ == 0)) {
        table = bus_announce(bus, cpu);
    } else {
        table = atomic_load_explicit(&bus->table, memory_order_acquire);
    }
    range = cpu->hit;
    if (VML_UNLIKELY(cpu->generation != table->generation || addr - range->base >= range->size)) {
        range = bus_find(table, addr);
        if (range != NULL) {
            cpu->hit = range;
            cpu->generation = table->generation;
        }
    }
    result = serve(bus, range, addr, access);
    if (VML_LIKELY(--cpu->depth == 0)) {
        atomic_store_explicit(&cpu->inside, 0, memory_order_release);
    }
    return result;
}
