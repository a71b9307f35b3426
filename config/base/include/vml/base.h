/**
 * @file
 * @brief What every vml library shares: status codes, attributes, and small helpers.
 * @defgroup vml_base Base definitions
 * @{
 */
#ifndef VML_BASE_H
#define VML_BASE_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/** @brief The outcome of every vml function that can fail. Zero is success, negatives are errors. */
enum vml_status {
    VML_OK = 0,                /**< done */
    VML_ERR_INVALID = -1,      /**< an argument or a configuration value is not allowed */
    VML_ERR_RANGE = -2,        /**< an address, index or length is outside of what there is */
    VML_ERR_OVERLAP = -3,      /**< the range overlaps one that is already there */
    VML_ERR_NO_SPACE = -4,     /**< the storage that the caller supplied is full */
    VML_ERR_NOT_FOUND = -5,    /**< no such thing */
    VML_ERR_STATE = -6,        /**< not allowed in the present state */
    VML_ERR_BUSY = -7,         /**< in use; the same call may succeed later */
    VML_ERR_AGAIN = -8,        /**< nothing to do now; the same call may succeed later */
    VML_ERR_TIMEOUT = -9,      /**< the deadline passed */
    VML_ERR_CORRUPT = -10,     /**< a saved state does not parse or fails validation */
    VML_ERR_VERSION = -11,     /**< a saved state has a version that this code does not read */
    VML_ERR_UNSUPPORTED = -12, /**< this build, platform or configuration does not have it */
    VML_ERR_ACCESS = -13,      /**< the permissions do not allow it */
    VML_ERR_IO = -14,          /**< the host's operating system reported an error */
    VML_ERR_NO_MEMORY = -15,   /**< the host's operating system has no memory for it */
};

/** @brief The compiler warns when the result is not looked at. */
#define VML_MUST_CHECK __attribute__((warn_unused_result))
/** @brief Marks a function that never returns. */
#define VML_NORETURN __attribute__((noreturn))
/** @brief Marks a printf-like function: `fmt` and `args` are argument positions from 1. */
#define VML_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
/** @brief The condition is expected to hold. */
#define VML_LIKELY(x) __builtin_expect(!!(x), 1)
/** @brief The condition is expected not to hold. */
#define VML_UNLIKELY(x) __builtin_expect(!!(x), 0)
/** @brief Inlined even where the compiler would not. For measured hot paths only. */
#define VML_ALWAYS_INLINE inline __attribute__((always_inline))
/** @brief Kept out of line, away from a hot path. */
#define VML_COLD __attribute__((cold, noinline))
/** @brief Says that a hook has no use for these parameters. */
#define VML_UNUSED(...) ((void)sizeof(vml_unused(0, __VA_ARGS__)))
/** @brief Only VML_UNUSED() names it; there is no such function. */
int vml_unused(int none, ...);
/** @brief Number of elements of an array. */
#define VML_ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
/** @brief The struct of type `type` whose member `member` is at `ptr`. */
#define VML_CONTAINER_OF(ptr, type, member)                                                        \
    ((type *)(void *)(&((char *)(ptr))[0] - offsetof(type, member)))
/** @brief Bit `n` of a 32-bit word. */
#define VML_BIT32(n) (UINT32_C(1) << (n))
/** @brief Bit `n` of a 64-bit word. */
#define VML_BIT64(n) (UINT64_C(1) << (n))
/** @brief A 64-bit mask of bits `hi` down to `lo`, both included. */
#define VML_MASK64(hi, lo) ((UINT64_MAX >> (63u - (hi))) & (UINT64_MAX << (lo)))
/** @brief The bit field `hi`:`lo` of `v`, shifted down to bit 0. */
#define VML_FIELD64(v, hi, lo) ((VML_MASK64(hi, lo) & (uint64_t)(v)) >> (lo))

/** @brief The smaller of two values. */
static inline uint64_t vml_min_u64(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/** @brief The larger of two values. */
static inline uint64_t vml_max_u64(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/** @brief True when `v` is a power of two; zero is not. */
static inline bool vml_is_pow2(uint64_t v)
{
    return v != 0 && (v & (v - 1)) == 0;
}

/** @brief True when [base, base + len) wraps around the 64-bit space. A zero length never wraps. */
static inline bool vml_range_wraps(uint64_t base, uint64_t len)
{
    return len != 0 && base + (len - 1) < base;
}

/**
 * @brief The name of a status, as spelled in the enumeration.
 * @param status any value
 * @return a constant string, never NULL; "VML_ERR_?" for a value that is none of them
 */
const char *vml_status_name(enum vml_status status);

/* The four memory functions that the core uses; the compiler supplies or inlines them. */
/** @cond */
void *memcpy(void *__restrict dst, const void *__restrict src, size_t n);
void *memmove(void *dst, const void *src, size_t n);
void *memset(void *dst, int c, size_t n);
int memcmp(const void *a, const void *b, size_t n);
#define VML_HAS_MEM_FUNCTIONS 1
/** @endcond */

#ifdef __cplusplus
}
#endif
/** @} */
#endif
