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

static enum vml_bus_result serve(struct vml_vbus *bus, struct vml_bus_range *range, uint64_t addr,
                                 struct vml_access *access)
{
    enum vml_bus_result result = VML_BUS_NO_DEVICE;

    if (range != NULL) {
        uint64_t offset = addr - range->base;
        struct vml_device *device = range->device;

        result = VML_BUS_FAULT;
        if (access->size <= range->size - offset && device->ops->access != NULL) {
            access->offset = offset + range->device_offset;
            result = device->ops->access(device, access);
        }
        if (atomic_load_explicit(&bus->statistics, memory_order_relaxed)) {
            count_access(range, access->write, result);
        }
    }
    if (atomic_load_explicit(bus->tracing, memory_order_relaxed)) {
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

/* What a hit may be copied from: a small range would need another check for accesses that leave it. */
static void remember(struct vml_bus_cpu *cpu, const struct vml_bus_table *table,
                     const struct vml_bus_range *range)
{
    if (range == NULL || range->size < 8 || range->device->ops->access == NULL) {
        return;
    }
    cpu->generation = table->generation;
    cpu->base = range->base;
    cpu->size = range->size;
    cpu->delta = range->device_offset - range->base;
    cpu->device = range->device;
    cpu->access = range->device->ops->access;
}

/* The announcement is made already. */
static __attribute__((noinline)) enum vml_bus_result
access_by_search(struct vml_vbus *bus, struct vml_bus_cpu *cpu, const struct vml_bus_table *table,
                 uint64_t addr, struct vml_access *access)
{
    struct vml_bus_range *range = bus_find(table, addr);
    enum vml_bus_result result;

    remember(cpu, table, range);
    result = serve(bus, range, addr, access);
    atomic_store_explicit(&cpu->inside, 0, memory_order_release);
    return result;
}

/* An access from inside of another is covered by that one's announcement. */
static VML_COLD enum vml_bus_result access_nested(struct vml_vbus *bus, uint64_t addr,
                                                  struct vml_access *access)
{
    const struct vml_bus_table *table = atomic_load_explicit(&bus->table, memory_order_acquire);

    return serve(bus, bus_find(table, addr), addr, access);
}

/*
 * The fast path repeats the last hit, whose copy is in the vCPU's own cache line.  It holds while the
 * generation is the table's.  The range is at least as large as any access, so that one comparison
 * covers both of its ends.
 */
enum vml_bus_result vml_vbus_access(struct vml_vbus *bus, uint64_t addr, struct vml_access *access)
{
    struct vml_bus_cpu *cpu;
    struct vml_bus_table *table;
    enum vml_bus_result result;

    if (VML_UNLIKELY(access->cpu >= bus->config.cpus)) {
        return access_by_other(bus, addr, access);
    }
    cpu = &bus->cpus[access->cpu];
    if (VML_UNLIKELY(atomic_load_explicit(&cpu->inside, memory_order_relaxed) != 0)) {
        return access_nested(bus, addr, access);
    }
    table = bus_announce(bus, cpu);
    if (VML_UNLIKELY(cpu->generation != table->generation ||
                     addr - cpu->base > cpu->size - access->size ||
                     atomic_load_explicit(&bus->statistics, memory_order_relaxed) ||
                     atomic_load_explicit(bus->tracing, memory_order_relaxed))) {
        return access_by_search(bus, cpu, table, addr, access);
    }
    access->offset = addr + cpu->delta;
    result = cpu->access(cpu->device, access);
    atomic_store_explicit(&cpu->inside, 0, memory_order_release);
    return result;
}
