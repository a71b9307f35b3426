/**
 * @file
 * @brief What becomes of the whole machine: off, reset, suspend, as events that the embedder is told of.
 *
 * Firmware (PSCI SYSTEM_OFF, SYSTEM_RESET...), a watchdog or a management interface raises an event.
 * The embedder's hook is told first, on the thread that raised it, and either takes the event (to
 * serve it on a thread of its own, later) or lets this library act: stop every vCPU, or reboot.
 * @defgroup vml_lifecycle Lifecycle
 * @{
 */
#ifndef VML_LIFECYCLE_H
#define VML_LIFECYCLE_H

#include <vml/cpu.h>
#include <vml/vbus.h>

#ifdef __cplusplus
extern "C" {
#endif

/** @brief What is asked for. */
enum vml_lifecycle_kind {
    VML_LIFECYCLE_OFF,       /**< power off; by default every vCPU is stopped */
    VML_LIFECYCLE_RESET,     /**< reset; by default the machine reboots */
    VML_LIFECYCLE_HIBERNATE, /**< power off, memory has been saved by the guest; as OFF */
    VML_LIFECYCLE_SUSPEND,   /**< sleep until a wake-up; by default nothing is done */
};

/** @brief An event. */
struct vml_lifecycle_event {
    enum vml_lifecycle_kind kind; /**< what is asked for */
    uint32_t type;                /**< reset or hibernate type as PSCI numbers them; else 0 */
    uint64_t cookie;              /**< given with a reset type, else 0 */
    struct vml_cpu *cpu;          /**< the vCPU whose owner raises it, or NULL */
};

/** @brief What the embedder answers. */
enum vml_lifecycle_action {
    VML_LIFECYCLE_ACT,   /**< this library does what the kind says */
    VML_LIFECYCLE_TAKEN, /**< the embedder does it, now or later */
};

/** @brief What a machine is made of. */
struct vml_lifecycle_config {
    struct vml_cpu_set *cpus;      /**< its vCPUs */
    struct vml_vbus *const *buses; /**< its buses, reset in this order; NULL for none */
    uint32_t bus_count;            /**< of `buses` */
    uint32_t boot_cpu;             /**< index of the vCPU that starts after a reset */
    struct vml_cpu_start boot;     /**< how it starts */
    /** Told of every event first. No lock held. NULL: this library acts. */
    enum vml_lifecycle_action (*event)(void *context, const struct vml_lifecycle_event *event);
    /** During a reboot, devices are reset and no vCPU runs: load the images anew, and change the
     * start if need be. NULL: memory is left as it is. */
    void (*reload)(void *context, struct vml_cpu_start *boot);
    void *context; /**< given to the hooks */
};

/** @brief A machine's lifecycle. Members are private. */
struct vml_lifecycle {
    struct vml_lifecycle_config config; /**< as given */
    _Atomic uint32_t rebooting;         /**< a reboot is under way */
    _Atomic uint32_t reboots;           /**< reboots since the beginning */
};

/** @brief Makes it ready. @return VML_ERR_RANGE for a boot vCPU that there is not */
VML_MUST_CHECK enum vml_status vml_lifecycle_init(struct vml_lifecycle *lifecycle,
                                                  const struct vml_lifecycle_config *config);

/** @brief Starts the boot vCPU of a machine that has just been made.
 * @return as vml_cpu_start() */
VML_MUST_CHECK enum vml_status vml_lifecycle_boot(struct vml_lifecycle *lifecycle);

/** @brief Raises an event. Any thread; a vCPU's owner gives its vCPU in the event, and after the
 * return goes on to vml_cpu_enter(), which tells what has become of it.
 * @return what the embedder answered */
enum vml_lifecycle_action vml_lifecycle_raise(struct vml_lifecycle *lifecycle,
                                              const struct vml_lifecycle_event *event);

/** @brief Stops every vCPU; vml_cpus_wait_off() tells when they have. Any thread. */
void vml_lifecycle_stop(struct vml_lifecycle *lifecycle);

/** @brief Reboots: rounds up, resets every device of the buses, reloads, resets every vCPU, starts
 * the boot vCPU, resumes. Several at once are one. Not from inside of an access to a device whose
 * reset may wait for that access.
 * @param lifecycle the machine's
 * @param self the vCPU whose owner calls, or NULL */
void vml_lifecycle_reboot(struct vml_lifecycle *lifecycle, struct vml_cpu *self);

#ifdef __cplusplus
}
#endif
/** @} */
#endif
