/**
 * @file
 * @brief A bank of NOR flash with CFI and the Intel command set: two 16-bit chips side by side,
 * as on the `virt` machine (bank width 4, 64 MiB, erase blocks of 256 KiB).
 *
 * The content is the embedder's memory.  In read array mode the bank is plain memory, and may be
 * mapped into the guest read-only; writes, which are commands, must still reach the device. The
 * `array` hook tells when that mode begins and ends.
 *
 * Commands: read array 0xFF, read identifier 0x90, read query 0x98, read status 0x70, clear status
 * 0x50, program 0x40 and 0x10, buffered program 0xE8 with confirmation 0xD0, block erase 0x20 with
 * confirmation 0xD0, lock and unlock 0x60. They take no time: the status is always ready.
 *
 * Threads: everything but init, reset, save, restore and destroy may be called from any thread.
 * @defgroup vml_flash CFI flash
 * @{
 */
#ifndef VML_FLASH_H
#define VML_FLASH_H

#include <stdatomic.h>
#include <vml/device.h>
#include <vml/platform.h>

#ifdef __cplusplus
extern "C" {
#endif

/** @brief Bytes of the write buffer, of both chips together. */
#define VML_FLASH_BUFFER 128u
/** @brief Bytes of an erase block by default. */
#define VML_FLASH_BLOCK UINT32_C(0x40000)

/** @brief How a bank is made. Copied. */
struct vml_flash_config {
    const char *name;    /**< for traces; NULL: "flash" */
    uint8_t *memory;     /**< the content; kept */
    uint64_t size;       /**< bytes: a power of two, at least two blocks and 1 MiB */
    uint32_t block_size; /**< bytes of an erase block, a power of two, 512 to 8 MiB; 0: 256 KiB */
    bool read_only;      /**< programs and erasures fail: the blocks are locked */
    /** The mode changed: true when reads give the array from now on. No lock held. Calls of several
     * vCPUs may overtake each other: what the mode is now, vml_flash_is_array() says. May be NULL. */
    void (*array)(void *context, bool array);
    /** The content changed: write it back. No lock held. May be NULL. */
    void (*changed)(void *context, uint64_t offset, uint64_t length);
    void *context; /**< given to both */
};

/** @brief The architectural state, beside the content. */
struct vml_flash_state {
    uint8_t mode;                     /**< what reads give: a command, 0xFF for the array */
    uint8_t command;                  /**< that waits for its next cycle; 0: none */
    uint8_t cycle;                    /**< cycles of it so far */
    uint8_t status;                   /**< of each chip */
    uint32_t words_left;              /**< of a buffered program */
    uint64_t base;                    /**< of the write buffer */
    uint8_t buffer[VML_FLASH_BUFFER]; /**< what is to be programmed; ones elsewhere */
};

/** @brief A bank. The embedder supplies the storage; members are private. */
struct vml_flash {
    struct vml_device device;       /**< register this on a bus, `size` bytes */
    struct vml_flash_config config; /**< as given */
    struct vml_mutex lock;          /**< of everything below, and of the content */
    struct vml_flash_state state;   /**< what the guest sees */
    uint64_t changed_at;            /**< what `changed` will be told */
    uint64_t changed_length;        /**< 0: nothing */
    _Atomic bool array;             /**< reads give the array */
};

/** @brief Makes a bank in read array mode. @return VML_OK or VML_ERR_INVALID */
VML_MUST_CHECK enum vml_status vml_flash_init(struct vml_flash *flash,
                                              const struct vml_flash_config *config);
/** @brief Ends its use. */
void vml_flash_destroy(struct vml_flash *flash);
/** @brief True while reads give the array. */
static inline bool vml_flash_is_array(const struct vml_flash *flash)
{
    return atomic_load_explicit(&flash->array, memory_order_acquire);
}

#ifdef __cplusplus
}
#endif
/** @} */
#endif
