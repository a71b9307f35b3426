/* Looking up, and copying.  No lock is taken. */
#include "as.h"

const struct vml_as_region *vml_as_find(const struct vml_as *as, uint64_t gpa)
{
    const struct vml_as_table *table = as_table(as);
    uint32_t at = as_find(table, gpa);

    return at == table->count ? NULL : table->regions[at];
}

const struct vml_as_region *vml_as_next(const struct vml_as *as, uint64_t gpa)
{
    const struct vml_as_table *table = as_table(as);

    for (uint32_t at = 0; at < table->count; at++) {
        const struct vml_as_region *region = table->regions[at];

        if (region->base + (region->size - 1) >= gpa) {
            return region;
        }
    }
    return NULL;
}

static inline bool refused(const struct vml_as_region *region, enum vml_as_access access)
{
    return access == VML_AS_WRITE && (region->flags & VML_AS_READONLY) != 0;
}

static inline void mark_if_tracking(const struct vml_as *as, const struct vml_as_region *region,
                                    uint64_t offset, uint64_t len)
{
    if (VML_UNLIKELY(vml_as_tracking(as))) {
        as_mark(region, offset, len);
    }
}

static __attribute__((noinline)) void *translate_by_search(struct vml_as *as, uint64_t gpa,
                                                           uint64_t len, enum vml_as_access access)
{
    const struct vml_as_table *table = as_table(as);
    uint32_t at = as_search(table, gpa);
    const struct vml_as_region *region;
    uint64_t offset;

    if (at == table->count || len == 0) {
        return NULL;
    }
    region = table->regions[at];
    if (refused(region, access)) {
        return NULL;
    }
    offset = gpa - region->base;
    if (len > region->size - offset) {
        return NULL;
    }
    if (access == VML_AS_WRITE) {
        mark_if_tracking(as, region, offset, len);
    }
    return as_host(region, offset);
}

/* The largest region is mostly the one. A length of 0 becomes larger than any. */
void *vml_as_translate(struct vml_as *as, uint64_t gpa, uint64_t len, enum vml_as_access access)
{
    const struct vml_as_table *table = as_table(as);
    uint64_t offset = gpa - table->base;

    if (VML_UNLIKELY(offset >= table->size || len - 1 >= table->size - offset ||
                     (access == VML_AS_WRITE && (table->readonly || vml_as_tracking(as))))) {
        return translate_by_search(as, gpa, len, access);
    }
    return table->host + offset;
}

void *vml_as_translate_miss(struct vml_as *as, struct vml_as_cache *cache, uint64_t gpa,
                            uint64_t len, enum vml_as_access access)
{
    /* Before the table: if that is a newer one, then the cache is out of date at its next use. */
    uint64_t version = atomic_load_explicit(&as->version, memory_order_acquire);
    const struct vml_as_region *region = vml_as_find(as, gpa);

    if (region != NULL) {
        cache->version = version;
        cache->base = region->base;
        cache->host = region->host;
        cache->size[VML_AS_READ] = region->size;
        /* Pages written must be marked while tracking is on. */
        cache->size[VML_AS_WRITE] =
            refused(region, VML_AS_WRITE) || vml_as_tracking(as) ? 0 : region->size;
    }
    return vml_as_translate(as, gpa, len, access);
}

void *vml_as_span(struct vml_as *as, uint64_t gpa, uint64_t *len, enum vml_as_access access)
{
    const struct vml_as_table *table = as_table(as);
    uint32_t first = as_find(table, gpa);
    uint64_t wanted = *len;
    uint64_t offset;
    uint64_t got;

    *len = 0;
    if (first == table->count || wanted == 0 || refused(table->regions[first], access)) {
        return NULL;
    }
    offset = gpa - table->regions[first]->base;
    got = vml_min_u64(wanted, table->regions[first]->size - offset);
    if (access == VML_AS_WRITE) {
        mark_if_tracking(as, table->regions[first], offset, got);
    }
    for (uint32_t i = first + 1; got < wanted && i < table->count; i++) {
        const struct vml_as_region *before = table->regions[i - 1];
        const struct vml_as_region *region = table->regions[i];
        uint64_t part = vml_min_u64(wanted - got, region->size);

        if (region->base - before->base != before->size || refused(region, access) ||
            as_host(before, before->size) != as_host(region, 0)) {
            break;
        }
        if (access == VML_AS_WRITE) {
            mark_if_tracking(as, region, 0, part);
        }
        got += part;
    }
    *len = got;
    return as_host(table->regions[first], offset);
}

/* VML_OK when every byte is memory, and may be accessed so: the copies check nothing afterwards. */
static enum vml_status check(const struct vml_as_table *table, uint64_t gpa, uint64_t len,
                             enum vml_as_access access, uint32_t *first)
{
    enum vml_status status = VML_OK;
    uint32_t at = as_find(table, gpa);

    *first = at;
    while (at < table->count) {
        const struct vml_as_region *region = table->regions[at];
        uint64_t here = region->size - (gpa - region->base);

        if (refused(region, access)) {
            status = VML_ERR_ACCESS;
        }
        if (len <= here) {
            return status;
        }
        len -= here;
        gpa += here;
        at++;
        if (at == table->count || table->regions[at]->base != gpa) {
            break;
        }
    }
    return VML_ERR_RANGE;
}

enum vml_status vml_as_read(struct vml_as *as, uint64_t gpa, void *buffer, uint64_t len)
{
    const struct vml_as_table *table = as_table(as);
    uint8_t *to = buffer;
    enum vml_status status;
    uint32_t at;

    if (len == 0) {
        return VML_OK;
    }
    status = check(table, gpa, len, VML_AS_READ, &at);
    if (status != VML_OK) {
        return status;
    }
    for (; len != 0; at++) {
        const struct vml_as_region *region = table->regions[at];
        uint64_t offset = gpa - region->base;
        uint64_t part = vml_min_u64(len, region->size - offset);

        memcpy(to, as_host(region, offset), (size_t)part);
        to += part;
        gpa += part;
        len -= part;
    }
    return VML_OK;
}

/* Writes bytes, or where there are none, `value`. */
static enum vml_status put(struct vml_as *as, uint64_t gpa, const uint8_t *from, uint8_t value,
                           uint64_t len, enum vml_as_access access)
{
    const struct vml_as_table *table = as_table(as);
    enum vml_status status;
    uint32_t at;

    if (len == 0) {
        return VML_OK;
    }
    status = check(table, gpa, len, access, &at);
    if (status != VML_OK) {
        return status;
    }
    for (; len != 0; at++) {
        const struct vml_as_region *region = table->regions[at];
        uint64_t offset = gpa - region->base;
        uint64_t part = vml_min_u64(len, region->size - offset);

        if (from != NULL) {
            memcpy(as_host(region, offset), from, (size_t)part);
            from += part;
        } else {
            memset(as_host(region, offset), value, (size_t)part);
        }
        mark_if_tracking(as, region, offset, part);
        gpa += part;
        len -= part;
    }
    return VML_OK;
}

enum vml_status vml_as_write(struct vml_as *as, uint64_t gpa, const void *buffer, uint64_t len)
{
    return put(as, gpa, buffer, 0, len, VML_AS_WRITE);
}

enum vml_status vml_as_load(struct vml_as *as, uint64_t gpa, const void *buffer, uint64_t len)
{
    return put(as, gpa, buffer, 0, len, VML_AS_READ);
}

enum vml_status vml_as_fill(struct vml_as *as, uint64_t gpa, uint8_t value, uint64_t len)
{
    return put(as, gpa, NULL, value, len, VML_AS_WRITE);
}
