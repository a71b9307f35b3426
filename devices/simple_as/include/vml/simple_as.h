/**
 * @file
 * @brief A guest's physical address space, made of RAM and ROM regions.
 * @defgroup vml_simple_as Guest address space
 * @{
 */
#ifndef VML_SIMPLE_AS_H
#define VML_SIMPLE_AS_H

#include <stdatomic.h>
#include <vml/base.h>
#include <vml/platform.h>

#ifdef __cplusplus
extern "C" {
#endif

/** @brief Why memory is looked up. */
enum vml_as_access {
    VML_AS_READ = 0,  /**< the host only reads */
    VML_AS_WRITE = 1, /**< the host writes: read-only regions refuse; pages become dirty */
};

/** @brief The guest cannot write it; writes by the embedder go through vml_as_load(). */
#define VML_AS_READONLY 1u

/** @brief Bytes of a dirty-tracking page. */
#define VML_AS_PAGE_SIZE 4096u
/** @brief 64-bit words of dirty bitmap for a region of `size` bytes. */
#define VML_AS_DIRTY_WORDS(size) ((((size) + VML_AS_PAGE_SIZE - 1) / VML_AS_PAGE_SIZE + 63) / 64)

/** @brief A region of guest memory. The embedder owns it, fills it, and keeps it while it is added. */
struct vml_as_region {
    const char *name; /**< for messages; not owned */
    uint64_t base;    /**< guest physical address, page aligned */
    uint64_t size;    /**< bytes, a multiple of the page size, not 0 */
    void *host;       /**< where it is in the host */
    uint32_t flags;   /**< VML_AS_READONLY */
    /** NULL, or VML_AS_DIRTY_WORDS(size) words, zeroed: then tracking can be switched on. */
    _Atomic uint64_t *dirty;
};

/** @brief The regions, sorted; published as a whole, so that lookups take no lock. */
struct vml_as_table {
    uint64_t base;                         /**< of the largest region, which is looked at first */
    uint64_t size;                         /**< of the largest region; 0: none */
    uint8_t *host;                         /**< of the largest region */
    bool readonly;                         /**< the largest region is */
    uint32_t largest;                      /**< its index */
    uint32_t count;                        /**< of `regions` */
    const struct vml_as_region *regions[]; /**< ascending by base */
};

/** @brief Bytes of storage that vml_as_init() needs for at most `regions` regions. */
#define VML_AS_STORAGE(regions)                                                                    \
    (2u * (sizeof(struct vml_as_table) + (regions) * sizeof(struct vml_as_region *)))

/** @brief A guest address space. Members are private. */
struct vml_as {
    _Atomic(const struct vml_as_table *) table; /**< what lookups use */
    _Atomic uint64_t version;   /**< grows with each change and switch of tracking */
    struct vml_as_table *spare; /**< what the next change is built in */
    uint32_t capacity;          /**< regions per table */
    _Atomic uint32_t tracking;  /**< dirty tracking is on */
    struct vml_mutex lock;      /**< of changes */
};

/** @brief Makes an empty address space.
 * @param storage VML_AS_STORAGE(capacity) bytes, 8-byte aligned; kept until the end of use
 * @param capacity the most regions that it will hold */
VML_MUST_CHECK enum vml_status vml_as_init(struct vml_as *as, void *storage, uint32_t capacity);

/** @brief Adds a region. No lookup may run at the same time as the second of two changes: change the
 * map before vCPUs run or while they are rounded up.
 * @return VML_ERR_INVALID (alignment, size 0, no host pointer), VML_ERR_RANGE (wraps),
 * VML_ERR_OVERLAP, VML_ERR_NO_SPACE */
VML_MUST_CHECK enum vml_status vml_as_add(struct vml_as *as, const struct vml_as_region *region);
/** @brief Removes a region. See vml_as_add() for when. */
VML_MUST_CHECK enum vml_status vml_as_remove(struct vml_as *as, const struct vml_as_region *region);

/** @brief The region that holds `gpa`, or NULL. Lock-free. */
const struct vml_as_region *vml_as_find(const struct vml_as *as, uint64_t gpa);

/** @brief The first region that ends above `gpa`: for going through all regions in ascending order.
 * NULL when there is none. Lock-free; the map does not change meanwhile. */
const struct vml_as_region *vml_as_next(const struct vml_as *as, uint64_t gpa);

/** @brief Host pointer to [gpa, gpa + len), all inside one region (adjacent regions that are also
 * adjacent in the host count as one only through vml_as_span()). Marks pages dirty for VML_AS_WRITE.
 * @param len bytes, not 0
 * @return NULL when any byte is outside, not permitted, or the range wraps. Lock-free. */
void *vml_as_translate(struct vml_as *as, uint64_t gpa, uint64_t len, enum vml_as_access access);

/** @brief What one user of an address space, a vCPU or a queue, looked up last. Zero at first. Members are
 * private. */
struct vml_as_cache {
    uint64_t version; /**< of the address space, or 0 */
    uint64_t base;    /**< of the region */
    uint64_t size[2]; /**< of the region; by access, 0 where more must be done than to look */
    uint8_t *host;    /**< of the region */
};

/** @brief vml_as_translate() when the cache does not help. Use vml_as_translate_cached(). */
void *vml_as_translate_miss(struct vml_as *as, struct vml_as_cache *cache, uint64_t gpa,
                            uint64_t len, enum vml_as_access access);

/** @brief vml_as_translate() that looks first at the region that it found the last time.
 * @param cache the caller's, zero before its first use; not used by two threads at a time */
static inline void *vml_as_translate_cached(struct vml_as *as, struct vml_as_cache *cache,
                                            uint64_t gpa, uint64_t len, enum vml_as_access access)
{
    uint64_t size = cache->size[access];
    uint64_t offset = gpa - cache->base;

    /* A length of 0 becomes larger than any. */
    if (VML_LIKELY(offset < size && len - 1 < size - offset &&
                   atomic_load_explicit(&as->version, memory_order_acquire) == cache->version)) {
        return cache->host + offset;
    }
    return vml_as_translate_miss(as, cache, gpa, len, access);
}

/** @brief Host pointer to `gpa` and how many bytes, at most `*len`, are contiguous from there.
 * @param len in: bytes wanted, not 0; out: bytes available, 0 with a NULL result */
void *vml_as_span(struct vml_as *as, uint64_t gpa, uint64_t *len, enum vml_as_access access);

/** @brief Copies out of guest memory, across adjacent regions. Zero length succeeds anywhere.
 * @return VML_OK; VML_ERR_RANGE when any byte is not memory (nothing is copied then) */
VML_MUST_CHECK enum vml_status vml_as_read(struct vml_as *as, uint64_t gpa, void *buffer,
                                           uint64_t len);
/** @brief Copies into guest memory; refuses read-only regions with VML_ERR_ACCESS. */
VML_MUST_CHECK enum vml_status vml_as_write(struct vml_as *as, uint64_t gpa, const void *buffer,
                                            uint64_t len);
/** @brief As vml_as_write(), read-only regions included: for loaders of firmware. */
VML_MUST_CHECK enum vml_status vml_as_load(struct vml_as *as, uint64_t gpa, const void *buffer,
                                           uint64_t len);
/** @brief Fills guest memory with a byte. See vml_as_write(). */
VML_MUST_CHECK enum vml_status vml_as_fill(struct vml_as *as, uint64_t gpa, uint8_t value,
                                           uint64_t len);

/** @brief Switches dirty tracking of regions that have a bitmap. */
void vml_as_track(struct vml_as *as, bool on);
/** @brief True while dirty tracking is on: engines that write through cached host pointers ask. */
static inline bool vml_as_tracking(const struct vml_as *as)
{
    return atomic_load_explicit(&as->tracking, memory_order_relaxed) != 0;
}
/** @brief Marks pages dirty, for writes through pointers obtained earlier. */
void vml_as_mark_dirty(struct vml_as *as, uint64_t gpa, uint64_t len);
/** @brief Takes the dirty bits of a region and clears them, atomically word by word.
 * @param words gets VML_AS_DIRTY_WORDS(region->size) words */
VML_MUST_CHECK enum vml_status
vml_as_take_dirty(struct vml_as *as, const struct vml_as_region *region, uint64_t *words);

#ifdef __cplusplus
}
#endif
/** @} */
#endif
