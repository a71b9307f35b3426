/*
 * The architecture API on aarch64.  <vml/arch.h> says what each function means.
 * Barriers and cache maintenance: Arm ARM (DDI 0487) B2.3 and B2.4.
 */
#ifndef VML_ARCH_IMPL_H
#define VML_ARCH_IMPL_H

#include <stddef.h>
#include <stdint.h>

/* What separates data of different CPUs; cache maintenance reads the real size. */
#define VML_CACHE_LINE_SIZE 64
/* The smallest granule; a host with larger pages maps at multiples of this too. */
#define VML_HOST_PAGE_SIZE 4096

static inline void vml_barrier_full(void)
{
    __asm__ volatile("dmb ish" ::: "memory");
}

static inline void vml_barrier_read(void)
{
    __asm__ volatile("dmb ishld" ::: "memory");
}

static inline void vml_barrier_write(void)
{
    __asm__ volatile("dmb ishst" ::: "memory");
}

static inline void vml_barrier_device_full(void)
{
    __asm__ volatile("dsb sy" ::: "memory");
}

static inline void vml_barrier_device_read(void)
{
    __asm__ volatile("dsb ld" ::: "memory");
}

static inline void vml_barrier_device_write(void)
{
    __asm__ volatile("dsb st" ::: "memory");
}

static inline void vml_cpu_relax(void)
{
    __asm__ volatile("yield" ::: "memory");
}

static inline uint64_t vml_cycle_counter(void)
{
    uint64_t value;

    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(value));
    return value;
}

/* CTR_EL0: DminLine in bits 19:16 and IminLine in bits 3:0, as log2 of words of four bytes. */
static inline uint64_t vml_arch_ctr_el0(void)
{
    uint64_t value;

    __asm__ volatile("mrs %0, ctr_el0" : "=r"(value));
    return value;
}

static inline void vml_cache_clean(const void *addr, size_t len)
{
    const uintptr_t line = (uintptr_t)4 << ((vml_arch_ctr_el0() >> 16) & 15u);
    uintptr_t p = (uintptr_t)addr & ~(line - 1);
    uintptr_t lines = len == 0 ? 0 : (((uintptr_t)addr & (line - 1)) + (len - 1)) / line + 1;

    for (; lines != 0; lines--, p += line) {
        __asm__ volatile("dc cvac, %0" ::"r"(p) : "memory");
    }
    __asm__ volatile("dsb sy" ::: "memory");
}

static inline void vml_cache_clean_invalidate(const void *addr, size_t len)
{
    const uintptr_t line = (uintptr_t)4 << ((vml_arch_ctr_el0() >> 16) & 15u);
    uintptr_t p = (uintptr_t)addr & ~(line - 1);
    uintptr_t lines = len == 0 ? 0 : (((uintptr_t)addr & (line - 1)) + (len - 1)) / line + 1;

    for (; lines != 0; lines--, p += line) {
        __asm__ volatile("dc civac, %0" ::"r"(p) : "memory");
    }
    __asm__ volatile("dsb sy" ::: "memory");
}

/* Clean to the point of unification, then invalidate: DDI 0487 B2.4.4. */
static inline void vml_icache_sync(const void *addr, size_t len)
{
    const uintptr_t dline = (uintptr_t)4 << ((vml_arch_ctr_el0() >> 16) & 15u);
    const uintptr_t iline = (uintptr_t)4 << (vml_arch_ctr_el0() & 15u);
    uintptr_t p = (uintptr_t)addr & ~(dline - 1);
    uintptr_t lines = len == 0 ? 0 : (((uintptr_t)addr & (dline - 1)) + (len - 1)) / dline + 1;

    for (; lines != 0; lines--, p += dline) {
        __asm__ volatile("dc cvau, %0" ::"r"(p) : "memory");
    }
    __asm__ volatile("dsb ish" ::: "memory");
    p = (uintptr_t)addr & ~(iline - 1);
    lines = len == 0 ? 0 : (((uintptr_t)addr & (iline - 1)) + (len - 1)) / iline + 1;
    for (; lines != 0; lines--, p += iline) {
        __asm__ volatile("ic ivau, %0" ::"r"(p) : "memory");
    }
    __asm__ volatile("dsb ish\n\tisb" ::: "memory");
}

static inline void vml_breakpoint(void)
{
    __asm__ volatile("brk #0" ::: "memory");
}

#endif
