/**
 * @file
 * @brief The pvpanic device: a guest's word that it has panicked, is about to dump, or shuts down.
 *
 * One byte, at an I/O port or in memory ("qemu,pvpanic-mmio" in a device tree): it reads as the
 * events that the machine understands, and the guest writes the event that happens. It has no
 * state.
 *
 * Threads: any number. The hook is called from the vCPU's access, without a lock held.
 * @defgroup vml_pvpanic pvpanic
 * @{
 */
#ifndef VML_PVPANIC_H
#define VML_PVPANIC_H

#include <vml/regs.h>

#ifdef __cplusplus
extern "C" {
#endif

/** @name Events
 * @{ */
#define VML_PVPANIC_PANICKED 0x1u /**< the guest has panicked, and does no more */
#define VML_PVPANIC_CRASH_LOADED                                                                   \
    0x2u                          /**< it has panicked, and handles that itself: a crash kernel */
#define VML_PVPANIC_SHUTDOWN 0x4u /**< it asks for a clean shutdown */
/** @} */

/** @brief How the device is made. Copied. */
struct vml_pvpanic_config {
    const char *name; /**< for traces; NULL: "pvpanic" */
    uint8_t events;   /**< what the guest may report, VML_PVPANIC_* */
    /** The guest reports events: bits, those of `events` only, not none. Not NULL. */
    void (*event)(void *context, uint32_t cpu, uint8_t events);
    void *context; /**< given to it */
};

/** @brief The device. The embedder supplies the storage; members are private. */
struct vml_pvpanic {
    struct vml_device device;         /**< register this on a bus, 2 bytes of memory or 1 port */
    struct vml_pvpanic_config config; /**< as given */
};

/** @brief The register. */
extern const struct vml_reg_table vml_pvpanic_regs;

/** @brief Makes the device. @return VML_ERR_INVALID without a hook, or for events that there are
 * not */
VML_MUST_CHECK enum vml_status vml_pvpanic_init(struct vml_pvpanic *pvpanic,
                                                const struct vml_pvpanic_config *config);

#ifdef __cplusplus
}
#endif
/** @} */
#endif
