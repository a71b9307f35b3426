/**
 * @file
 * @brief A PCI Express host bridge with ECAM, and the functions behind it: configuration space, memory
 * BARs, INTx wires, MSI-X.
 *
 * The embedder puts two kinds of device on an MMIO bus: `ecam`, VML_PCI_ECAM_SIZE() bytes, and each
 * window, in which the guest places BARs.  A device library embeds a `struct vml_pci_function`, says
 * what it is in a `struct vml_pci_function_config`, and serves accesses to its BARs.
 *
 * **BARs.**  Where BARs are follows from the configuration spaces alone, never from their history: a
 * BAR is in a window if the function's Memory Space Enable is set, and all of the BAR lies in one
 * window.  Of BARs that lie over each other the first function's (in order of bus, device, function
 * number) first BAR is there, and the others are not.  What nobody answers reads as all ones, and
 * writes there are lost.  An access that is inside a function when the guest moves the BAR goes on: a
 * function stays until its host ends.
 *
 * **Interrupts.**  INTA to INTD lead to four wires, swizzled by device number as in PCI-to-PCI Bridge
 * 1.2, 9.1.  Messages go to `msi` with the function's requester ID as DeviceID.
 *
 * **Limits.**  Type 0 headers; no bridges, so software finds bus 0 alone unless it is told of others.
 * Memory BARs only; a window of I/O space is one where nobody answers.  The first 256 bytes of configuration space; the extended space reads as zero: no
 * extended capability.  Bus Master Enable stops messages; other accesses to memory are the device's.
 *
 * **Threads.**  All functions but those that make and end things may run on any thread at once.
 * @defgroup vml_pci PCI Express host bridge
 * @{
 */
#ifndef VML_PCI_H
#define VML_PCI_H

#include <stdatomic.h>
#include <vml/device.h>
#include <vml/irq_driver.h>
#include <vml/platform.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VML_PCI_BARS        6u    /**< base address registers of a function */
#define VML_PCI_WINDOWS     3u    /**< windows of a host, at most */
#define VML_PCI_SPACE       256u  /**< bytes of configuration space that a function keeps */
#define VML_PCI_MAX_VECTORS 2048u /**< MSI-X vectors of a function, at most */
/** @brief Bytes of ECAM. @param buses 1 to 256 */
#define VML_PCI_ECAM_SIZE(buses) ((uint64_t)(buses) << 20)
/** @brief A requester ID. @param bus 0-255 @param device 0-31 @param function 0-7 */
#define VML_PCI_ID(bus, device, function)                                                          \
    ((uint16_t)((255u & (unsigned)(bus)) << 8 | (31u & (unsigned)(device)) << 3 |                  \
                (7u & (unsigned)(function))))

/** @name Registers of a type 0 header (PCI 3.0, 6.1)
 * @{ */
#define VML_PCI_VENDOR_ID      0x00u /**< 2 bytes */
#define VML_PCI_DEVICE_ID      0x02u /**< 2 bytes */
#define VML_PCI_COMMAND        0x04u /**< 2 bytes */
#define VML_PCI_STATUS         0x06u /**< 2 bytes */
#define VML_PCI_REVISION       0x08u /**< 1 byte; the class code follows */
#define VML_PCI_HEADER_TYPE    0x0eu /**< 1 byte */
#define VML_PCI_BAR0           0x10u /**< 4 bytes each */
#define VML_PCI_SUBSYSTEM      0x2cu /**< vendor and device, 2 bytes each */
#define VML_PCI_CAPABILITIES   0x34u /**< 1 byte: the first capability */
#define VML_PCI_INTERRUPT_LINE 0x3cu /**< 1 byte */
#define VML_PCI_INTERRUPT_PIN  0x3du /**< 1 byte */
/** @} */
/** @name Bits of Command and Status (PCI 3.0, 6.2.2 and 6.2.3)
 * @{ */
#define VML_PCI_COMMAND_MEMORY       0x0002u /**< Memory Space Enable */
#define VML_PCI_COMMAND_MASTER       0x0004u /**< Bus Master Enable */
#define VML_PCI_COMMAND_INTX_DISABLE 0x0400u /**< Interrupt Disable */
#define VML_PCI_STATUS_INTERRUPT     0x0008u /**< Interrupt Status */
#define VML_PCI_STATUS_CAPABILITIES  0x0010u /**< Capabilities List */
/** @} */
/** @name Capability IDs
 * @{ */
#define VML_PCI_CAP_VENDOR  0x09u /**< vendor-specific */
#define VML_PCI_CAP_EXPRESS 0x10u /**< PCI Express */
#define VML_PCI_CAP_MSIX    0x11u /**< MSI-X */
/** @} */
/** @name Message Control of MSI-X (PCI 3.0, 6.8.2.3)
 * @{ */
#define VML_PCI_MSIX_ENABLE 0x8000u /**< MSI-X Enable */
#define VML_PCI_MSIX_MASK   0x4000u /**< Function Mask */
/** @} */

struct vml_pci_function;
struct vml_pci_host;

/** @brief What a function does. Every member may be NULL. Called with no lock held. */
struct vml_pci_ops {
    /** Serves an access to a BAR, but for those to the MSI-X structures. `access->offset` is relative
     * to the BAR. NULL: BARs read as zero. */
    enum vml_bus_result (*bar)(struct vml_pci_function *function, uint32_t bar,
                               struct vml_access *access);
    /** Serves an access to the four bytes that vml_pci_set_window() named; `access->offset` is
     * relative to them. */
    void (*window)(struct vml_pci_function *function, struct vml_access *access);
    /** Reset: the host's, or the guest's function level reset. Configuration space and MSI-X are in
     * their reset state already. */
    void (*reset)(struct vml_pci_function *function);
    /** Writes the device's own record, if it has one. */
    void (*save)(struct vml_pci_function *function, struct vml_state_writer *w);
    /** Reads it. Called twice: to validate all of it, changing nothing, and then with `apply`, when
     * configuration space and MSI-X are as saved; that must then succeed. */
    enum vml_status (*restore)(struct vml_pci_function *function, struct vml_state_reader *r,
                               bool apply);
};

/** @brief A memory BAR. */
struct vml_pci_bar {
    uint64_t size;     /**< bytes, a power of two from 16; 0: none. Below 4 GiB unless `wide` */
    bool wide;         /**< 64 bits: takes the next BAR's register too, which must have size 0 */
    bool prefetchable; /**< reads have no side effects */
};

/** @brief An MSI-X vector. Members are private. */
struct vml_pci_msix_vector {
    uint64_t address; /**< Message Address */
    uint32_t data;    /**< Message Data */
    bool masked;      /**< Vector Control.Mask */
    bool pending;     /**< its bit of the PBA */
};

/** @brief MSI-X of a function. */
struct vml_pci_msix {
    struct vml_pci_msix_vector *vectors; /**< storage for `count` of them */
    uint32_t count;                      /**< 0: none; at most VML_PCI_MAX_VECTORS */
    uint32_t bar;                        /**< in which the two structures are */
    uint32_t table;                      /**< where the table is, a multiple of 8 */
    uint32_t pba;                        /**< where the pending bits are, a multiple of 8 */
};

/** @brief What a function is. */
struct vml_pci_function_config {
    const char *name;              /**< of the function; not owned */
    const struct vml_pci_ops *ops; /**< never NULL */
    uint16_t vendor_id;            /**< Vendor ID */
    uint16_t device_id;            /**< Device ID */
    uint16_t subsystem_vendor_id;  /**< Subsystem Vendor ID */
    uint16_t subsystem_id;         /**< Subsystem ID */
    uint32_t class_code;           /**< base class, subclass, interface: 24 bits */
    uint8_t revision;              /**< Revision ID */
    uint8_t interrupt_pin;         /**< 1 to 4: INTA to INTD; 0: none */
    bool express;                  /**< has a PCI Express capability: an integrated endpoint */
    struct vml_pci_bar bars[VML_PCI_BARS]; /**< its BARs */
    struct vml_pci_msix msix;              /**< its MSI-X */
    const _Atomic uint32_t *intx;          /**< INTx is asserted while this is not 0; may be NULL */
};

/** @brief A function. Members are private but `device` and `config`. */
struct vml_pci_function {
    struct vml_device device;              /**< saves, restores and resets it; not for a bus */
    struct vml_pci_function_config config; /**< as given */
    struct vml_pci_host *host;             /**< where it is; NULL: nowhere yet */
    uint16_t id;                           /**< its requester ID */
    uint16_t free;                         /**< where the next capability goes */
    uint8_t link;                          /**< the register that will point to it */
    uint8_t express;                       /**< offset of the PCI Express capability */
    uint8_t msix;                          /**< offset of the MSI-X capability */
    uint8_t window;                        /**< see vml_pci_set_window() */
    uint8_t initial[VML_PCI_SPACE];        /**< configuration space after reset */
    uint8_t writable[VML_PCI_SPACE];       /**< which bits the guest can change */
    uint8_t space[VML_PCI_SPACE];          /**< configuration space; under the host's lock */
    struct vml_mutex lock;                 /**< of what follows, and of the vectors */
    bool msix_enabled;                     /**< MSI-X Enable */
    bool msix_masked;                      /**< Function Mask */
    bool master;                           /**< Bus Master Enable */
    bool intx_allowed;                     /**< under the host's `intx_lock`: may assert INTx */
    bool intx_asserted;                    /**< under the host's `intx_lock`: does it */
};

/** @brief A BAR in a window. Private. Readers use it only if the map did not change meanwhile. */
struct vml_pci_mapping {
    _Atomic uint64_t base;                       /**< bus address */
    _Atomic uint64_t last;                       /**< its last byte */
    _Atomic(struct vml_pci_function *) function; /**< whose */
    _Atomic uint32_t bar;                        /**< which */
};

/** @brief A piece of the guest's memory map in which it places BARs. */
struct vml_pci_window {
    uint64_t base; /**< address on the PCI bus, as the device tree's `ranges` tells */
    uint64_t size; /**< bytes; 0: no such window */
    bool io;       /**< of I/O space, for software that wants one: no BAR is there */
};

/** @brief How a host is made. */
struct vml_pci_host_config {
    const char *name;                               /**< of the bus devices; not owned */
    uint32_t buses;                                 /**< 1 to 256 */
    struct vml_pci_window windows[VML_PCI_WINDOWS]; /**< where BARs can be */
    struct vml_irq intx[4];                         /**< wires, by level */
    struct vml_irq msi;                             /**< who takes messages */
    struct vml_pci_function **functions;            /**< storage: `max_functions` pointers */
    struct vml_pci_mapping *map;                    /**< storage: VML_PCI_BARS for each of them */
    uint32_t max_functions;                         /**< that can be added */
};

/** @brief A window's device. Members are private but `device`. */
struct vml_pci_host_window {
    struct vml_device device;  /**< what a bus gets, `size` bytes of it */
    struct vml_pci_host *host; /**< whose */
    uint64_t base;             /**< bus address */
    bool io;                   /**< of I/O space */
};

/** @brief A host bridge. Members are private but `ecam` and `windows`. */
struct vml_pci_host {
    struct vml_device ecam; /**< what a bus gets; resets and shuts down all functions */
    struct vml_pci_host_window windows[VML_PCI_WINDOWS]; /**< see there */
    struct vml_pci_host_config config;                   /**< as given */
    struct vml_mutex lock;         /**< of configuration spaces and of changes of the map */
    uint32_t count;                /**< functions */
    _Atomic uint32_t version;      /**< of the map; odd while it changes */
    _Atomic uint32_t mapped;       /**< entries of the map, ascending by base */
    struct vml_mutex intx_lock;    /**< of what follows */
    struct vml_irq_driver intx[4]; /**< the wires */
    uint32_t intx_count[4];        /**< functions that assert each */
};

/** @brief Makes a host without functions. @param config copied
 * @return VML_ERR_INVALID for a missing name or storage, or a number of buses that cannot be;
 * VML_ERR_RANGE for a window that wraps */
VML_MUST_CHECK enum vml_status vml_pci_host_init(struct vml_pci_host *host,
                                                 const struct vml_pci_host_config *config);
/** @brief Ends its use; it is off its bus, and its functions have ended. */
void vml_pci_host_destroy(struct vml_pci_host *host);
/** @brief Puts a function into a host, for as long as the host is there.
 *
 * A device whose function 0 is not there is not found by the guest; add the others before it.
 * @param id VML_PCI_ID()
 * @return VML_ERR_RANGE for a bus that is not there, VML_ERR_OVERLAP when the place is taken,
 * VML_ERR_NO_SPACE, VML_ERR_STATE for one that is in a host already */
VML_MUST_CHECK enum vml_status vml_pci_host_add(struct vml_pci_host *host,
                                                struct vml_pci_function *function, uint16_t id);

/** @brief Makes a function, in its reset state, not in a host. @param config copied
 * @return VML_ERR_INVALID for BARs, a pin or MSI-X structures that cannot be */
VML_MUST_CHECK enum vml_status vml_pci_function_init(struct vml_pci_function *function,
                                                     const struct vml_pci_function_config *config);
/** @brief Ends its use; its host is off its bus. */
void vml_pci_function_destroy(struct vml_pci_function *function);
/** @brief Adds a capability, before the function is in a host.
 * @param id its ID
 * @param body what follows ID and next pointer
 * @param writable which bits of that the guest can change; NULL: none
 * @param size bytes of both
 * @return its offset; 0 when there is no room */
VML_MUST_CHECK uint8_t vml_pci_add_capability(struct vml_pci_function *function, uint8_t id,
                                              const void *body, const uint8_t *writable,
                                              uint8_t size);
/** @brief Lets `ops->window` serve the four bytes at `offset`, a multiple of 4, of the configuration
 * space. Before the function is in a host. */
void vml_pci_set_window(struct vml_pci_function *function, uint8_t offset);

/** @brief Reads configuration space.
 * @param offset 0 to 4095 @param size 1, 2 or 4, to which `offset` is aligned */
uint32_t vml_pci_config_read(struct vml_pci_function *function, uint32_t offset, uint8_t size);
/** @brief Writes it, with everything that follows from that. See vml_pci_config_read(). */
void vml_pci_config_write(struct vml_pci_function *function, uint32_t offset, uint8_t size,
                          uint32_t value);
/** @brief An access to a BAR, wherever it is, MSI-X structures included.
 * @param bar number of the BAR, below VML_PCI_BARS @param access all inside of it */
enum vml_bus_result vml_pci_bar_access(struct vml_pci_function *function, uint32_t bar,
                                       struct vml_access *access);
/** @brief What `config.intx` points to may have changed. */
void vml_pci_intx_update(struct vml_pci_function *function);
/** @brief Sends a vector's message, or notes it as pending while it is masked. Lost without Bus Master
 * Enable, and with a vector that is not there (as VIRTIO_MSI_NO_VECTOR).
 * @return false: MSI-X is not enabled, and nothing was done */
VML_MUST_CHECK bool vml_pci_msix_send(struct vml_pci_function *function, uint32_t vector);

#ifdef __cplusplus
}
#endif
/** @} */
#endif
