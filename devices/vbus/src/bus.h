#ifndef VML_VBUS_PRIVATE_H
#define VML_VBUS_PRIVATE_H

#include <vml/vbus.h>

static inline struct vml_bus_cpu *bus_others(struct vml_vbus *bus)
{
    return &bus->cpus[bus->config.cpus];
}

/* The index of the last range that begins at or before the address; 0 when there is none. */
static inline uint32_t bus_search(const struct vml_bus_table *table, uint64_t addr)
{
    uint32_t low = 0;
    uint32_t left = table->count;

    while (left > 1) {
        uint32_t half = left / 2;

        low = table->ranges[low + half]->base <= addr ? low + half : low;
        left -= half;
    }
    return low;
}

static inline struct vml_bus_range *bus_find(const struct vml_bus_table *table, uint64_t addr)
{
    struct vml_bus_range *range;

    if (table->count == 0) {
        return NULL;
    }
    range = table->ranges[bus_search(table, addr)];
    return addr - range->base < range->size ? range : NULL;
}

/*
 * Between these, what the table holds stays valid.  The announcement of the generation and the table
 * are both sequentially consistent: either a change sees the announcement and waits, or the second look
 * at the table sees the change.
 */
static inline struct vml_bus_table *bus_announce(struct vml_vbus *bus, struct vml_bus_cpu *cpu)
{
    struct vml_bus_table *table = atomic_load_explicit(&bus->table, memory_order_acquire);

    for (;;) {
        struct vml_bus_table *seen = table;

        atomic_store(&cpu->inside, __atomic_load_n(&seen->generation, __ATOMIC_RELAXED) + 1);
        table = atomic_load(&bus->table);
        if (VML_LIKELY(table == seen)) {
            return table;
        }
    }
}

/* Threads that are no vCPU share one announcement: that of the first of them to enter. */
struct vml_bus_table *bus_enter_other(struct vml_vbus *bus);
void bus_leave_other(struct vml_vbus *bus);

#endif
