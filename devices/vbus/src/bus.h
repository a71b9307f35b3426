#ifndef VML_VBUS_PRIVATE_H
#define VML_VBUS_PRIVATE_H

#include <vml/vbus.h>

/* Versions are even: one that watching has made odd is nobody's. */
#define BUS_VERSION_STEP 2u
/* Bytes of the widest access. */
#define BUS_WIDEST 8u

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

/* An access that no vCPU makes: between these what the table holds stays valid. */
struct bus_visit {
    const struct vml_bus_table *table;
    uint32_t phase;
};

struct bus_visit bus_enter(struct vml_vbus *bus);
void bus_leave(struct vml_vbus *bus, struct bus_visit visit);

#endif
