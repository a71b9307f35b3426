#ifndef VML_SIMPLE_AS_PRIVATE_H
#define VML_SIMPLE_AS_PRIVATE_H

#include <vml/simple_as.h>

static inline const struct vml_as_table *as_table(const struct vml_as *as)
{
    return atomic_load_explicit(&as->table, memory_order_acquire);
}

/* The index of the region that holds `gpa`, or `count`. */
static inline uint32_t as_search(const struct vml_as_table *table, uint64_t gpa)
{
    uint32_t low = 0;
    uint32_t count = table->count;
    uint32_t left = count;

    while (left > 1) {
        uint32_t half = left / 2;

        low = table->regions[low + half]->base <= gpa ? low + half : low;
        left -= half;
    }
    return count != 0 && gpa - table->regions[low]->base < table->regions[low]->size ? low : count;
}

/* The same; most addresses are of the largest one. */
static inline uint32_t as_find(const struct vml_as_table *table, uint64_t gpa)
{
    return VML_LIKELY(gpa - table->base < table->size) ? table->largest : as_search(table, gpa);
}

/* Marks the pages of [offset, offset + len) of a region; len is not 0, and the range is inside. */
void as_mark(const struct vml_as_region *region, uint64_t offset, uint64_t len);

static inline uint8_t *as_host(const struct vml_as_region *region, uint64_t offset)
{
    return (uint8_t *)region->host + offset;
}

#endif
