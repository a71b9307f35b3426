/*
 * Dirty pages.  A page is marked after it was written, with release, and taken with acquire: who takes
 * a bit sees what was written before it, and a write that comes later sets the bit again.
 */
#include "as.h"

void as_mark(const struct vml_as_region *region, uint64_t offset, uint64_t len)
{
    uint64_t page = offset / VML_AS_PAGE_SIZE;
    uint64_t last = (offset + (len - 1)) / VML_AS_PAGE_SIZE;

    if (region->dirty == NULL) {
        return;
    }
    while (page <= last) {
        uint64_t word = page / 64;
        unsigned from = (unsigned)(page % 64);
        unsigned to = word == last / 64 ? (unsigned)(last % 64) : 63;

        (void)atomic_fetch_or_explicit(&region->dirty[word], VML_MASK64(to, from),
                                       memory_order_release);
        page = (word + 1) * 64;
    }
}

void vml_as_track(struct vml_as *as, bool on)
{
    atomic_store(&as->tracking, on ? 1 : 0);
    (void)atomic_fetch_add(&as->version, 1);
}

void vml_as_mark_dirty(struct vml_as *as, uint64_t gpa, uint64_t len)
{
    const struct vml_as_table *table = as_table(as);

    if (!vml_as_tracking(as) || len == 0) {
        return;
    }
    for (uint32_t at = as_find(table, gpa); at < table->count; at++) {
        const struct vml_as_region *region = table->regions[at];
        uint64_t offset = gpa - region->base;
        uint64_t part;

        if (offset >= region->size) {
            break;
        }
        part = vml_min_u64(len, region->size - offset);
        as_mark(region, offset, part);
        gpa += part;
        len -= part;
        if (len == 0) {
            break;
        }
    }
}

enum vml_status vml_as_take_dirty(struct vml_as *as, const struct vml_as_region *region,
                                  uint64_t *words)
{
    if (vml_as_find(as, region->base) != region) {
        return VML_ERR_NOT_FOUND;
    }
    if (region->dirty == NULL) {
        return VML_ERR_UNSUPPORTED;
    }
    for (uint64_t i = 0; i < VML_AS_DIRTY_WORDS(region->size); i++) {
        words[i] = atomic_exchange_explicit(&region->dirty[i], 0, memory_order_acquire);
    }
    return VML_OK;
}
