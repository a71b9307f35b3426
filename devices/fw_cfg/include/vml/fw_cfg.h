/**
 * @file
 * @brief The firmware configuration device that U-Boot and EDK2 read: named files and numbered
 * items.
 *
 * 24 bytes of MMIO as on the `virt` machine: data at 0, selector at 8, DMA address at 16 (QEMU's
 * docs/specs/fw_cfg). Items are the embedder's memory; they are added before the machine runs.
 *
 * Threads: everything but init, the adding functions, reset, save, restore and destroy may be
 * called from any thread.
 * @defgroup vml_fw_cfg Firmware configuration
 * @{
 */
#ifndef VML_FW_CFG_H
#define VML_FW_CFG_H

#include <vml/device.h>
#include <vml/platform.h>
#include <vml/simple_as.h>

#ifdef __cplusplus
extern "C" {
#endif

/** @brief Bytes of MMIO. */
#define VML_FW_CFG_SIZE 0x18u
/** @brief The longest name of a file, with its final zero. */
#define VML_FW_CFG_NAME 56u
/** @brief Bytes of a file's entry in the directory. */
#define VML_FW_CFG_DIR_ENTRY 64u

/** @name Numbered items
 * @{ */
#define VML_FW_CFG_SIGNATURE    0x00u /**< "QEMU"; built in */
#define VML_FW_CFG_ID           0x01u /**< interface revision; built in */
#define VML_FW_CFG_UUID         0x02u /**< 16 bytes */
#define VML_FW_CFG_RAM_SIZE     0x03u /**< 8 bytes, little-endian */
#define VML_FW_CFG_NB_CPUS      0x05u /**< 2 bytes, little-endian */
#define VML_FW_CFG_KERNEL_SIZE  0x08u /**< 4 bytes, little-endian */
#define VML_FW_CFG_INITRD_SIZE  0x0bu /**< 4 bytes, little-endian */
#define VML_FW_CFG_KERNEL_DATA  0x11u /**< the kernel */
#define VML_FW_CFG_INITRD_DATA  0x12u /**< the initial RAM disk */
#define VML_FW_CFG_CMDLINE_SIZE 0x14u /**< 4 bytes, little-endian */
#define VML_FW_CFG_CMDLINE_DATA 0x15u /**< the command line */
#define VML_FW_CFG_FILE_DIR     0x19u /**< the directory; built in */
#define VML_FW_CFG_FILE_FIRST   0x20u /**< the first file */
/** @} */

/** @brief One item. Members are private. */
struct vml_fw_cfg_item {
    uint16_t key;  /**< what selects it */
    bool writable; /**< by DMA */
    uint8_t *data; /**< the embedder's */
    uint32_t size; /**< bytes */
};

/** @brief How the device is made. Copied. */
struct vml_fw_cfg_config {
    const char *name;              /**< for traces; NULL: "fw_cfg" */
    struct vml_as *as;             /**< guest memory of DMA; NULL: there is no DMA interface */
    struct vml_fw_cfg_item *items; /**< storage for `max_items`; kept */
    uint32_t max_items;            /**< files and numbered items, at most */
    uint8_t *directory;      /**< storage for 4 + 64 * files bytes; kept; may be NULL: no files */
    uint32_t directory_size; /**< of it */
    /** A writable item was written by the guest; no lock held. May be NULL. */
    void (*written)(void *context, uint16_t key);
    void *context; /**< given to it */
};

/** @brief The device. The embedder supplies the storage; members are private. */
struct vml_fw_cfg {
    struct vml_device device;        /**< register this on a bus, VML_FW_CFG_SIZE bytes */
    struct vml_fw_cfg_config config; /**< as given */
    struct vml_mutex lock;           /**< of everything below */
    uint32_t count;                  /**< items */
    uint32_t files;                  /**< of them, files */
    uint16_t key;                    /**< selected */
    uint32_t offset;                 /**< of the next byte */
    uint32_t dma_high;               /**< upper half of the DMA address */
    uint8_t id[4];                   /**< item 1 */
};

/** @brief Makes the device with its built-in items. @return VML_ERR_INVALID without storage */
VML_MUST_CHECK enum vml_status vml_fw_cfg_init(struct vml_fw_cfg *cfg,
                                               const struct vml_fw_cfg_config *config);
/** @brief Ends its use. */
void vml_fw_cfg_destroy(struct vml_fw_cfg *cfg);
/** @brief Adds a numbered item. @param data kept
 * @return VML_ERR_INVALID for a built-in or a file's number, VML_ERR_OVERLAP, VML_ERR_NO_SPACE */
VML_MUST_CHECK enum vml_status vml_fw_cfg_add(struct vml_fw_cfg *cfg, uint16_t key,
                                              const void *data, uint32_t size);
/** @brief Adds a file, as in "etc/table-loader". @param data kept
 * @param writable the guest may write it by DMA
 * @return VML_ERR_INVALID for a name that is empty or too long, VML_ERR_OVERLAP for one that is
 * there, VML_ERR_NO_SPACE */
VML_MUST_CHECK enum vml_status vml_fw_cfg_add_file(struct vml_fw_cfg *cfg, const char *name,
                                                   void *data, uint32_t size, bool writable);

#ifdef __cplusplus
}
#endif
/** @} */
#endif
