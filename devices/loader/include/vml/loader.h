/**
 * @file
 * @brief Guest images: what a file is, where it goes, and what the boot CPU finds in its registers.
 *
 * Three kinds of image are known: the arm64 Linux `Image` (Documentation/arch/arm64/booting.rst),
 * 64-bit little-endian ELF for AArch64, and a flat binary. The embedder reads files (and unpacks
 * compressed ones); the loader only ever sees bytes, checks all of them that it uses, and writes
 * guest memory through a guest address space.
 *
 * Use: vml_loader_inspect() on the kernel's bytes, vml_loader_place() to lay out kernel, device
 * tree and initial RAM disk (the device tree is then made, since it names the places),
 * vml_loader_load(). The boot CPU then starts at `entry` with its MMU off, X0 = `dtb`, X1..X3 = 0.
 *
 * No function keeps anything between calls: they may run concurrently on different arguments.
 * @defgroup vml_loader Guest image loader
 * @{
 */
#ifndef VML_LOADER_H
#define VML_LOADER_H

#include <vml/base.h>
#include <vml/simple_as.h>

#ifdef __cplusplus
extern "C" {
#endif

/** @brief What a file is. */
enum vml_image_kind {
    VML_IMAGE_LINUX, /**< arm64 Image: a 64-byte header with the magic "ARM\x64" */
    VML_IMAGE_ELF,   /**< ELF64, little-endian, AArch64 */
    VML_IMAGE_FLAT,  /**< anything else */
    VML_IMAGE_GZIP,  /**< gzip: unpack `bytes` of vml_image, and inspect what comes out */
};

/** @brief What inspection found. */
struct vml_image {
    enum vml_image_kind kind; /**< see there */
    const uint8_t *bytes;     /**< the caller's, unchanged until it is loaded: the file, or the
                                   compressed part of an EFI zboot file (GZIP) */
    uint64_t size;            /**< of `bytes` */
    uint64_t text_offset;     /**< LINUX: from a 2 MiB boundary */
    uint64_t span;            /**< bytes of guest memory that it occupies, its bss included */
    uint64_t base;            /**< ELF: lowest physical address of its segments */
    uint64_t entry;           /**< ELF: physical address of the entry point */
};

/** @brief What is to be placed, and where RAM is. */
struct vml_boot_config {
    uint64_t ram_base;    /**< first byte of RAM, a multiple of 2 MiB */
    uint64_t ram_size;    /**< bytes */
    uint64_t initrd_size; /**< bytes; 0 for none */
    uint64_t dtb_size;    /**< bytes that the device tree may take: at most 2 MiB; 0 for none */
};

/** @brief Where everything goes. */
struct vml_boot_plan {
    uint64_t kernel;      /**< address of the image's first byte (lowest segment for ELF) */
    uint64_t kernel_end;  /**< one past its last byte, bss included (which FLAT does not tell) */
    uint64_t entry;       /**< where the boot CPU starts */
    uint64_t dtb;         /**< address of the device tree; X0 at entry; 0 for none */
    uint64_t initrd;      /**< address of the initial RAM disk; 0 for none */
    uint64_t initrd_size; /**< its bytes */
};

/** @brief Finds out what a file is, and checks its headers.
 * @param image filled on success, else untouched
 * @param bytes the file
 * @param size its bytes
 * @return VML_OK; VML_ERR_INVALID for an empty file or headers that contradict the file;
 * VML_ERR_UNSUPPORTED for a big-endian Image, an ELF file for another machine or that is no
 * executable, or an EFI zboot file that is compressed with something else than gzip */
VML_MUST_CHECK enum vml_status vml_loader_inspect(struct vml_image *image, const void *bytes,
                                                  uint64_t size);

/** @brief Lays everything out in RAM, in this order: kernel, device tree, initial RAM disk. Nothing
 * overlaps; the device tree begins at a 2 MiB boundary, the RAM disk at a page. Behind a FLAT
 * image, whose bss is unknown, all is free up to 128 MiB or half of RAM, whichever is less.
 * @param plan filled on success, else untouched
 * @param image inspected; not GZIP
 * @param config see there
 * @return VML_OK; VML_ERR_INVALID for bad arguments; VML_ERR_NO_SPACE when RAM is too small;
 * VML_ERR_RANGE when an ELF segment lies outside of RAM */
VML_MUST_CHECK enum vml_status vml_loader_place(struct vml_boot_plan *plan,
                                                const struct vml_image *image,
                                                const struct vml_boot_config *config);

/** @brief Writes a placed kernel to guest memory, its bss zeroed. No vCPU runs yet: caches are not
 * cleaned here.
 * @return VML_OK; VML_ERR_INVALID for GZIP; or what vml_as_write() answers (some may be written
 * then) */
VML_MUST_CHECK enum vml_status vml_loader_load(struct vml_as *as, const struct vml_image *image,
                                               const struct vml_boot_plan *plan);

#ifdef __cplusplus
}
#endif
/** @} */
#endif
