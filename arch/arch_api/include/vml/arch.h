/**
 * @file
 * @brief What a library may ask of the CPU that it runs on.
 *
 * This is the host's CPU, never the guest's.  The meaning of each function is documented here, once;
 * `<vml/arch_impl.h>`, which the selected arch library supplies, defines them, inline where they are
 * hot.
 * @defgroup vml_arch_api Architecture API
 * @{
 */
#ifndef VML_ARCH_H
#define VML_ARCH_H

#include <vml/base.h>
/*
 * An arch library defines, in <vml/arch_impl.h>:
 *   VML_CACHE_LINE_SIZE, VML_HOST_PAGE_SIZE (constants) and static inline
 *   vml_barrier_{full,read,write}, vml_barrier_device_{full,read,write}, vml_cpu_relax,
 *   vml_cycle_counter, vml_cache_clean, vml_cache_clean_invalidate, vml_icache_sync, vml_breakpoint.
 */
#include <vml/arch_impl.h>

#ifdef __cplusplus
extern "C" {
#endif

/** @brief Aligns a variable or a member to its own host cache line. */
#define VML_CACHE_ALIGNED __attribute__((aligned(VML_CACHE_LINE_SIZE)))

/** @brief The compiler moves no memory access across this; the CPU may. */
static inline void vml_barrier_compiler(void)
{
    __asm__ volatile("" ::: "memory");
}

/** @name Barriers for memory shared with a guest or another host thread (normal memory)
 * @{ */
static inline void vml_barrier_full(void);  /**< all earlier accesses before all later ones */
static inline void vml_barrier_read(void);  /**< earlier loads before later loads */
static inline void vml_barrier_write(void); /**< earlier stores before later stores */
/** @} */

/** @name Barriers that also order accesses to device memory
 * @{ */
static inline void vml_barrier_device_full(void);  /**< all accesses */
static inline void vml_barrier_device_read(void);  /**< loads before loads */
static inline void vml_barrier_device_write(void); /**< stores before stores */
/** @} */

/** @brief Tells the CPU that this is a spin loop. */
static inline void vml_cpu_relax(void);

/** @brief A free-running cycle-like counter of this CPU; for statistics only. */
static inline uint64_t vml_cycle_counter(void);

/** @brief Writes the host's data cache lines of a range back to memory.
 * @param addr first byte
 * @param len bytes; zero does nothing */
static inline void vml_cache_clean(const void *addr, size_t len);

/** @brief Writes back and discards the host's data cache lines of a range. See vml_cache_clean(). */
static inline void vml_cache_clean_invalidate(const void *addr, size_t len);

/** @brief Makes instructions that were written to a range visible to instruction fetch. */
static inline void vml_icache_sync(const void *addr, size_t len);

/** @brief Stops in a debugger, or ends the process where there is none. */
static inline void vml_breakpoint(void);

/** @brief The number of zero bits below the lowest set bit. @param v not 0 */
static inline unsigned vml_ctz32(uint32_t v)
{
    return (unsigned)__builtin_ctz(v);
}

/** @brief The number of zero bits below the lowest set bit. @param v not 0 */
static inline unsigned vml_ctz64(uint64_t v)
{
    return (unsigned)__builtin_ctzll(v);
}

/** @brief The number of zero bits above the highest set bit. @param v not 0 */
static inline unsigned vml_clz32(uint32_t v)
{
    return (unsigned)__builtin_clz(v);
}

/** @brief The number of zero bits above the highest set bit. @param v not 0 */
static inline unsigned vml_clz64(uint64_t v)
{
    return (unsigned)__builtin_clzll(v);
}

/** @brief The number of set bits. */
static inline unsigned vml_popcount64(uint64_t v)
{
    return (unsigned)__builtin_popcountll(v);
}

/** @name Little-endian, unaligned loads and stores
 * @{ */
/** @brief Loads a 16-bit little-endian value from any address. */
static inline uint16_t vml_load_le16(const void *p)
{
    const uint8_t *b = p;

    return (uint16_t)(b[0] | (b[1] << 8));
}

/** @brief Loads a 32-bit little-endian value from any address. */
static inline uint32_t vml_load_le32(const void *p)
{
    const uint8_t *b = p;

    return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

/** @brief Loads a 64-bit little-endian value from any address. */
static inline uint64_t vml_load_le64(const void *p)
{
    const uint8_t *b = p;

    return vml_load_le32(b) | (uint64_t)vml_load_le32(b + 4) << 32;
}

/** @brief Stores a 16-bit value, little-endian, at any address. */
static inline void vml_store_le16(void *p, uint16_t v)
{
    uint8_t *b = p;

    b[0] = (uint8_t)v;
    b[1] = (uint8_t)(v >> 8);
}

/** @brief Stores a 32-bit value, little-endian, at any address. */
static inline void vml_store_le32(void *p, uint32_t v)
{
    vml_store_le16(p, (uint16_t)v);
    vml_store_le16((uint8_t *)p + 2, (uint16_t)(v >> 16));
}

/** @brief Stores a 64-bit value, little-endian, at any address. */
static inline void vml_store_le64(void *p, uint64_t v)
{
    vml_store_le32(p, (uint32_t)v);
    vml_store_le32((uint8_t *)p + 4, (uint32_t)(v >> 32));
}
/** @} */

#ifdef __cplusplus
}
#endif
/** @} */
#endif
