/*
 * Changing the map.  Lock order: vml_as.lock alone; lookups take none.
 */
#include "as.h"

enum vml_status vml_as_init(struct vml_as *as, void *storage, uint32_t capacity)
{
    size_t table_size;
    struct vml_as_table *first = storage;

    if (storage == NULL || capacity == 0 || (uintptr_t)storage % sizeof(uint64_t) != 0) {
        return VML_ERR_INVALID;
    }
    table_size = sizeof(*first) + (size_t)capacity * sizeof(first->regions[0]);
    memset(storage, 0, 2 * table_size);
    as->spare = (struct vml_as_table *)(void *)((uint8_t *)storage + table_size);
    as->capacity = capacity;
    atomic_init(&as->table, first);
    /* Not 0, which caches begin with. */
    atomic_init(&as->version, 1);
    atomic_init(&as->tracking, 0);
    vml_mutex_init(&as->lock);
    return VML_OK;
}

static void find_largest(struct vml_as_table *table)
{
    table->size = 0;
    for (uint32_t i = 0; i < table->count; i++) {
        const struct vml_as_region *region = table->regions[i];

        if (region->size > table->size) {
            table->largest = i;
            table->base = region->base;
            table->size = region->size;
            table->host = region->host;
            table->readonly = (region->flags & VML_AS_READONLY) != 0;
        }
    }
}

/* The spare becomes the table, and what was the table is free for the next change. */
static void publish(struct vml_as *as, const struct vml_as_table *old)
{
    struct vml_as_table *next = as->spare;

    find_largest(next);
    /* It came out of the caller's writable storage. */
    as->spare = (struct vml_as_table *)(uintptr_t)old;
    atomic_store_explicit(&as->table, next, memory_order_release);
    (void)atomic_fetch_add(&as->version, 1);
}

static enum vml_status insert(struct vml_as *as, const struct vml_as_region *region)
{
    const struct vml_as_table *old = as_table(as);
    struct vml_as_table *next = as->spare;
    uint64_t last = region->base + (region->size - 1);
    uint32_t at = 0;

    while (at < old->count && old->regions[at]->base < region->base) {
        at++;
    }
    if ((at > 0 && region->base - old->regions[at - 1]->base < old->regions[at - 1]->size) ||
        (at < old->count && old->regions[at]->base <= last)) {
        return VML_ERR_OVERLAP;
    }
    if (old->count == as->capacity) {
        return VML_ERR_NO_SPACE;
    }
    memcpy(next->regions, old->regions, at * sizeof(old->regions[0]));
    next->regions[at] = region;
    memcpy(next->regions + at + 1, old->regions + at, (old->count - at) * sizeof(old->regions[0]));
    next->count = old->count + 1;
    publish(as, old);
    return VML_OK;
}

enum vml_status vml_as_add(struct vml_as *as, const struct vml_as_region *region)
{
    enum vml_status status;

    if (region->size == 0 || region->host == NULL ||
        ((region->base | region->size) & (VML_AS_PAGE_SIZE - 1)) != 0 ||
        (region->flags & ~VML_AS_READONLY) != 0) {
        return VML_ERR_INVALID;
    }
    if (vml_range_wraps(region->base, region->size)) {
        return VML_ERR_RANGE;
    }
    vml_mutex_lock(&as->lock);
    status = insert(as, region);
    vml_mutex_unlock(&as->lock);
    return status;
}

enum vml_status vml_as_remove(struct vml_as *as, const struct vml_as_region *region)
{
    enum vml_status status = VML_ERR_NOT_FOUND;
    const struct vml_as_table *old;
    struct vml_as_table *next;
    uint32_t kept = 0;

    vml_mutex_lock(&as->lock);
    old = as_table(as);
    next = as->spare;
    for (uint32_t i = 0; i < old->count; i++) {
        if (old->regions[i] == region) {
            status = VML_OK;
        } else {
            next->regions[kept++] = old->regions[i];
        }
    }
    if (status == VML_OK) {
        next->count = kept;
        publish(as, old);
    }
    vml_mutex_unlock(&as->lock);
    return status;
}
