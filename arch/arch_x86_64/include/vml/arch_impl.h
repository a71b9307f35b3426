/*
 * The architecture API on x86_64.  <vml/arch.h> says what each function means.
 * Normal memory is strongly ordered (SDM volume 3, 8.2): only a load may pass an older store.
 */
#ifndef VML_ARCH_IMPL_H
#define VML_ARCH_IMPL_H

#include <stddef.h>
#include <stdint.h>

#define VML_CACHE_LINE_SIZE 64
#define VML_HOST_PAGE_SIZE  4096

static inline void vml_barrier_full(void)
{
    /* A locked operation orders as MFENCE does, and takes less time. It changes nothing. */
    __asm__ volatile("lock; addl $0, -4(%%rsp)" ::: "memory", "cc");
}

static inline void vml_barrier_read(void)
{
    __asm__ volatile("" ::: "memory");
}

static inline void vml_barrier_write(void)
{
    __asm__ volatile("" ::: "memory");
}

/* Device memory may be mapped write-combining, for which only the fences order. */
static inline void vml_barrier_device_full(void)
{
    __asm__ volatile("mfence" ::: "memory");
}

static inline void vml_barrier_device_read(void)
{
    __asm__ volatile("lfence" ::: "memory");
}

static inline void vml_barrier_device_write(void)
{
    __asm__ volatile("sfence" ::: "memory");
}

static inline void vml_cpu_relax(void)
{
    __asm__ volatile("pause" ::: "memory");
}

static inline uint64_t vml_cycle_counter(void)
{
    uint32_t low;
    uint32_t high;

    __asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
    return (uint64_t)high << 32 | low;
}

/* CLFLUSH writes back and discards; there is no baseline instruction that only writes back. */
static inline void vml_cache_clean_invalidate(const void *addr, size_t len)
{
    const uintptr_t line = VML_CACHE_LINE_SIZE;
    uintptr_t p = (uintptr_t)addr & ~(line - 1);
    uintptr_t lines = len == 0 ? 0 : (((uintptr_t)addr & (line - 1)) + (len - 1)) / line + 1;

    __asm__ volatile("mfence" ::: "memory");
    for (; lines != 0; lines--, p += line) {
        __asm__ volatile("clflush (%0)" ::"r"(p) : "memory");
    }
    __asm__ volatile("mfence" ::: "memory");
}

static inline void vml_cache_clean(const void *addr, size_t len)
{
    vml_cache_clean_invalidate(addr, len);
}

/* Instruction fetch snoops (SDM volume 3, 11.6); a jump, and so a return, is enough. */
static inline void vml_icache_sync(const void *addr, size_t len)
{
    (void)addr;
    (void)len;
    __asm__ volatile("" ::: "memory");
}

static inline void vml_breakpoint(void)
{
    __asm__ volatile("int3" ::: "memory");
}

#endif
