/*
 * Lock order: vml_vbus.lock (changes), then vml_vbus.other_lock (who enters where).  No device is called
 * with either held.
 *
 * There are two tables.  A change builds the spare, publishes it, and waits until nobody can be inside
 * of the old one, which is then the spare: so the wait also makes sure that a range taken off is unused.
 *
 * A vCPU announces the version of the bus that it uses; see access.c.  Other threads are counted, in
 * one of two phases.  A change begins the other phase, which is empty since the change before, and waits
 * for the end of the old one, which nobody enters any more.
 */
#include "bus.h"

static const _Atomic bool never = false;

enum vml_status vml_vbus_init(struct vml_vbus *bus, const struct vml_vbus_config *config)
{
    size_t cpus_size;
    size_t table_size;
    uint8_t *storage = config->storage;

    if (storage == NULL || config->max_ranges == 0 || config->cpus == UINT32_MAX ||
        (uintptr_t)storage % VML_CACHE_LINE_SIZE != 0) {
        return VML_ERR_INVALID;
    }
    memset(bus, 0, sizeof(*bus));
    bus->config = *config;
    cpus_size = (size_t)config->cpus * sizeof(struct vml_bus_cpu);
    table_size =
        sizeof(struct vml_bus_table) + (size_t)config->max_ranges * sizeof(struct vml_bus_range *);
    memset(storage, 0, cpus_size + 2 * table_size);
    bus->cpus = (struct vml_bus_cpu *)(void *)storage;
    bus->spare = (struct vml_bus_table *)(void *)(storage + cpus_size + table_size);
    atomic_init(&bus->table, (struct vml_bus_table *)(void *)(storage + cpus_size));
    /* No vCPU has a hit of the first version: theirs are 0. */
    atomic_init(&bus->version, BUS_VERSION_STEP);
    atomic_init(&bus->statistics, false);
    atomic_init(&bus->others[0], 0);
    atomic_init(&bus->others[1], 0);
    bus->watched = config->debug == NULL ? &never : &config->debug->watched;
    vml_mutex_init(&bus->lock);
    vml_mutex_init(&bus->other_lock);
    return VML_OK;
}

struct bus_visit bus_enter(struct vml_vbus *bus)
{
    struct bus_visit visit;

    vml_mutex_lock(&bus->other_lock);
    visit.phase = bus->other_phase;
    (void)atomic_fetch_add_explicit(&bus->others[visit.phase], 1, memory_order_relaxed);
    visit.table = atomic_load_explicit(&bus->table, memory_order_acquire);
    vml_mutex_unlock(&bus->other_lock);
    return visit;
}

void bus_leave(struct vml_vbus *bus, struct bus_visit visit)
{
    (void)atomic_fetch_sub_explicit(&bus->others[visit.phase], 1, memory_order_release);
}

static void wait_for_others(struct vml_vbus *bus)
{
    uint32_t phase;

    vml_mutex_lock(&bus->other_lock);
    phase = bus->other_phase;
    bus->other_phase = phase ^ 1u;
    vml_mutex_unlock(&bus->other_lock);
    while (atomic_load_explicit(&bus->others[phase], memory_order_acquire) != 0) {
        vml_cpu_relax();
    }
}

/* Publishes the spare, which the caller has filled, and waits for those inside of what it replaces. */
static void publish(struct vml_vbus *bus, struct vml_bus_table *old)
{
    uint64_t version;

    atomic_store(&bus->table, bus->spare);
    version = atomic_fetch_add(&bus->version, BUS_VERSION_STEP) + BUS_VERSION_STEP;
    for (uint32_t i = 0; i < bus->config.cpus; i++) {
        uint64_t inside = atomic_load(&bus->cpus[i].inside);

        while (inside != 0 && inside < version) {
            vml_cpu_relax();
            inside = atomic_load(&bus->cpus[i].inside);
        }
    }
    wait_for_others(bus);
    bus->spare = old;
}

static enum vml_status insert(struct vml_vbus *bus, struct vml_bus_range *range)
{
    struct vml_bus_table *old = atomic_load(&bus->table);
    struct vml_bus_table *next = bus->spare;
    uint64_t last = range->base + (range->size - 1);
    uint32_t at = 0;

    while (at < old->count && old->ranges[at]->base < range->base) {
        at++;
    }
    if ((at > 0 && range->base - old->ranges[at - 1]->base < old->ranges[at - 1]->size) ||
        (at < old->count && old->ranges[at]->base <= last)) {
        return VML_ERR_OVERLAP;
    }
    if (old->count == bus->config.max_ranges) {
        return VML_ERR_NO_SPACE;
    }
    memset(&range->stats, 0, sizeof(range->stats));
    memcpy(next->ranges, old->ranges, at * sizeof(old->ranges[0]));
    next->ranges[at] = range;
    memcpy(next->ranges + at + 1, old->ranges + at, (old->count - at) * sizeof(old->ranges[0]));
    next->count = old->count + 1;
    publish(bus, old);
    return VML_OK;
}

enum vml_status vml_vbus_register(struct vml_vbus *bus, struct vml_bus_range *range)
{
    enum vml_status status;

    if (range->size == 0 || range->device == NULL || range->device->ops == NULL) {
        return VML_ERR_INVALID;
    }
    if (vml_range_wraps(range->base, range->size) ||
        vml_range_wraps(range->device_offset, range->size)) {
        return VML_ERR_RANGE;
    }
    vml_mutex_lock(&bus->lock);
    status = insert(bus, range);
    vml_mutex_unlock(&bus->lock);
    return status;
}

enum vml_status vml_vbus_unregister(struct vml_vbus *bus, struct vml_bus_range *range)
{
    enum vml_status status = VML_ERR_NOT_FOUND;
    struct vml_bus_table *old;
    struct vml_bus_table *next;
    uint32_t kept = 0;

    vml_mutex_lock(&bus->lock);
    old = atomic_load(&bus->table);
    next = bus->spare;
    for (uint32_t i = 0; i < old->count; i++) {
        if (old->ranges[i] == range) {
            status = VML_OK;
        } else {
            next->ranges[kept++] = old->ranges[i];
        }
    }
    if (status == VML_OK) {
        next->count = kept;
        publish(bus, old);
    }
    vml_mutex_unlock(&bus->lock);
    return status;
}

struct vml_bus_range *vml_vbus_find(struct vml_vbus *bus, uint64_t addr)
{
    struct bus_visit visit = bus_enter(bus);
    struct vml_bus_range *range = bus_find(visit.table, addr);

    bus_leave(bus, visit);
    return range;
}

void vml_vbus_for_each(struct vml_vbus *bus, bool (*fn)(void *context, struct vml_bus_range *range),
                       void *context)
{
    struct bus_visit visit = bus_enter(bus);
    const struct vml_bus_table *table = visit.table;

    for (uint32_t i = 0; i < table->count; i++) {
        if (!fn(context, table->ranges[i])) {
            break;
        }
    }
    bus_leave(bus, visit);
}

/* True when none of the ranges [from, to) has the device of range `at`. */
static bool no_other(const struct vml_bus_table *table, uint32_t at, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++) {
        if (table->ranges[i]->device == table->ranges[at]->device) {
            return false;
        }
    }
    return true;
}

void vml_vbus_reset(struct vml_vbus *bus)
{
    struct bus_visit visit = bus_enter(bus);
    const struct vml_bus_table *table = visit.table;

    for (uint32_t i = 0; i < table->count; i++) {
        struct vml_device *device = table->ranges[i]->device;

        if (device->ops->reset != NULL && no_other(table, i, 0, i)) {
            device->ops->reset(device);
        }
    }
    bus_leave(bus, visit);
}

void vml_vbus_shutdown(struct vml_vbus *bus)
{
    struct bus_visit visit = bus_enter(bus);
    const struct vml_bus_table *table = visit.table;

    for (uint32_t i = table->count; i-- > 0;) {
        struct vml_device *device = table->ranges[i]->device;

        if (device->ops->shutdown != NULL && no_other(table, i, i + 1, table->count)) {
            device->ops->shutdown(device);
        }
    }
    bus_leave(bus, visit);
}

void vml_vbus_set_statistics(struct vml_vbus *bus, bool on)
{
    atomic_store(&bus->statistics, on);
    /* The copies of hits, through which nothing is counted, become old. */
    (void)atomic_fetch_add(&bus->version, BUS_VERSION_STEP);
}

struct vml_bus_stats vml_vbus_stats(const struct vml_bus_range *range)
{
    struct vml_bus_stats stats = {
        .reads = __atomic_load_n(&range->stats.reads, __ATOMIC_RELAXED),
        .writes = __atomic_load_n(&range->stats.writes, __ATOMIC_RELAXED),
        .faults = __atomic_load_n(&range->stats.faults, __ATOMIC_RELAXED),
    };

    return stats;
}
