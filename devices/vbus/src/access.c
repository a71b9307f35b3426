#include "bus.h"

static void count_access(struct vml_bus_range *range, bool write, enum vml_bus_result result)
{
    uint64_t *counter = result == VML_BUS_FAULT ? &range->stats.faults
                        : write                 ? &range->stats.writes
                                                : &range->stats.reads;

    (void)__atomic_add_fetch(counter, 1, __ATOMIC_RELAXED);
}

static enum vml_trace_kind kind_of(const struct vml_vbus *bus, bool write)
{
    if (bus->config.space == VML_SPACE_SYSREG) {
        return write ? VML_TRACE_SYSREG_WRITE : VML_TRACE_SYSREG_READ;
    }
    return write ? VML_TRACE_BUS_WRITE : VML_TRACE_BUS_READ;
}

static void say(const struct vml_vbus *bus, const struct vml_bus_range *range, uint64_t addr,
                const struct vml_access *access, enum vml_bus_result result)
{
    static const char *const ends[] = {
        [VML_BUS_OK] = "done",
        [VML_BUS_FAULT] = "refused",
        [VML_BUS_NO_DEVICE] = "nobody is there",
        [VML_BUS_PENDING] = "to be answered",
    };
    const char *name = bus->config.name ? bus->config.name : "bus";

    vml_log(VML_LOG_INFO, "%s: vCPU %d %s %u bytes at 0x%llx (%s), 0x%llx: %s", name,
            (int)access->cpu, access->write ? "writes" : "reads", (unsigned)access->size,
            (unsigned long long)addr, range ? range->device->name : "-",
            (unsigned long long)access->value, ends[result]);
}

/* Somebody traces, or wants to be told. */
static VML_COLD void watch(const struct vml_vbus *bus, const struct vml_bus_range *range,
                           uint64_t addr, const struct vml_access *access,
                           enum vml_bus_result result)
{
    bool wrong = result == VML_BUS_FAULT || result == VML_BUS_NO_DEVICE;

    vml_trace(bus->config.debug, access->cpu, kind_of(bus, access->write), addr, access->value,
              access->size | (uint32_t)result << 8 | (uint32_t)bus->config.space << 16);
    if (vml_debug_enabled(bus->config.debug, wrong ? VML_DEBUG_CONDENSED : VML_DEBUG_FULL)) {
        say(bus, range, addr, access, result);
    }
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
    if (atomic_load_explicit(bus->watched, memory_order_relaxed)) {
        watch(bus, range, addr, access, result);
    }
    return result;
}

static VML_COLD enum vml_bus_result access_by_other(struct vml_vbus *bus, uint64_t addr,
                                                    struct vml_access *access)
{
    struct bus_visit visit = bus_enter(bus);
    enum vml_bus_result result = serve(bus, bus_find(visit.table, addr), addr, access);

    bus_leave(bus, visit);
    return result;
}

/* A small range is not copied: an access that leaves it would need another check. */
static void remember(const struct vml_vbus *bus, struct vml_bus_cpu *cpu, uint64_t version,
                     const struct vml_bus_range *range)
{
    if (cpu->version != version) {
        cpu->version = version;
        cpu->span = 0;
    }
    if (range == NULL || range->size < BUS_WIDEST || range->device->ops->access == NULL ||
        atomic_load_explicit(&bus->statistics, memory_order_relaxed)) {
        return;
    }
    cpu->base = range->base;
    cpu->span = range->size - (BUS_WIDEST - 1);
    cpu->delta = range->device_offset - range->base;
    cpu->device = range->device;
    cpu->access = range->device->ops->access;
}

/*
 * Not a repeated hit.  Here the vCPU announces what is current.  The announcement and the second look
 * at the version are both sequentially consistent, as a change's new version and its look at the
 * announcement are: either the change waits for this access, or this access sees the change, and with
 * it the table, which was published before.
 */
static __attribute__((noinline)) enum vml_bus_result
access_by_search(struct vml_vbus *bus, struct vml_bus_cpu *cpu, uint64_t before, uint64_t addr,
                 struct vml_access *access)
{
    struct vml_bus_range *range;
    enum vml_bus_result result;
    uint64_t version;
    uint64_t seen;

    if (VML_UNLIKELY(before != 0)) {
        /* From inside of another access, whose announcement, the same one again, covers this too. */
        return serve(bus, bus_find(atomic_load(&bus->table), addr), addr, access);
    }
    seen = atomic_load(&bus->version);
    do {
        version = seen;
        atomic_store(&cpu->inside, version);
        seen = atomic_load(&bus->version);
    } while (VML_UNLIKELY(seen != version));
    range = bus_find(atomic_load_explicit(&bus->table, memory_order_acquire), addr);
    remember(bus, cpu, version, range);
    result = serve(bus, range, addr, access);
    atomic_store_explicit(&cpu->inside, 0, memory_order_release);
    return result;
}

/*
 * The fast path repeats the last hit, whose copy is in the vCPU's own cache line.  It announces the
 * version that the copy was made at.  Where the sum is that version, the copy is current, nobody
 * watches (that would make the sum odd), and the vCPU is not inside of an access already (the announcement
 * was 0; inside, it is always the copy's version, so that it was not changed here).
 */
enum vml_bus_result vml_vbus_access(struct vml_vbus *bus, uint64_t addr, struct vml_access *access)
{
    struct vml_bus_cpu *cpu;
    enum vml_bus_result result;
    uint64_t before;

    if (VML_UNLIKELY(access->cpu >= bus->config.cpus)) {
        return access_by_other(bus, addr, access);
    }
    cpu = &bus->cpus[access->cpu];
    before = atomic_exchange(&cpu->inside, cpu->version);
    if (VML_UNLIKELY(before + atomic_load(&bus->version) +
                             atomic_load_explicit(bus->watched, memory_order_relaxed) !=
                         cpu->version ||
                     addr - cpu->base >= cpu->span)) {
        return access_by_search(bus, cpu, before, addr, access);
    }
    access->offset = addr + cpu->delta;
    result = cpu->access(cpu->device, access);
    atomic_store_explicit(&cpu->inside, 0, memory_order_release);
    return result;
}
