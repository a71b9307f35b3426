/**
 * @file
 * @brief Interrupt wires: how a device signals without seeing an interrupt controller.
 * @defgroup vml_irq Interrupt wires and controllers
 * @{
 */
#ifndef VML_IRQ_H
#define VML_IRQ_H

#include <vml/base.h>

#ifdef __cplusplus
extern "C" {
#endif

/** @brief A message-signalled interrupt, as a bus carries it. */
struct vml_msi {
    uint64_t address;   /**< doorbell's guest physical address */
    uint32_t data;      /**< EventID for an ITS, INTID for a v2m frame or GICD_SETSPI */
    uint32_t device_id; /**< who writes: requester ID, DeviceID */
};

/** @brief What an interrupt controller does for a wire. Callable from any thread, no lock held. */
struct vml_irq_ops {
    /** Sets a line's level. Idempotent. `cpu` is the vCPU index for private (PPI) lines. */
    void (*set_level)(void *controller, uint32_t line, uint32_t cpu, bool level);
    /** Signals one edge. */
    void (*pulse)(void *controller, uint32_t line, uint32_t cpu);
    /** Delivers a message. NULL where the controller takes none. */
    enum vml_status (*msi)(void *controller, const struct vml_msi *msi);
};

/** @brief A wire. A value: copy it into the device's configuration. All zero: not connected. */
struct vml_irq {
    const struct vml_irq_ops *ops; /**< NULL: not connected */
    void *controller;              /**< given to the ops */
    uint32_t line;                 /**< the controller's number for it (a GIC: the INTID) */
    uint32_t cpu;                  /**< vCPU index of a private line, else 0 */
};

/** @brief Sets the level of a wire; nothing happens on an unconnected one. */
static inline void vml_irq_set(const struct vml_irq *irq, bool level)
{
    if (irq->ops) {
        irq->ops->set_level(irq->controller, irq->line, irq->cpu, level);
    }
}

/** @brief Signals one edge on a wire. */
static inline void vml_irq_pulse(const struct vml_irq *irq)
{
    if (irq->ops) {
        irq->ops->pulse(irq->controller, irq->line, irq->cpu);
    }
}

/** @brief Sends a message to a wire's controller.
 * @return VML_OK; VML_ERR_UNSUPPORTED when it takes none; VML_ERR_NOT_FOUND for nobody's doorbell */
static inline VML_MUST_CHECK enum vml_status vml_irq_msi(const struct vml_irq *irq,
                                                         const struct vml_msi *msi)
{
    if (!irq->ops || !irq->ops->msi) {
        return VML_ERR_UNSUPPORTED;
    }
    return irq->ops->msi(irq->controller, msi);
}

#ifdef __cplusplus
}
#endif
/** @} */
#endif
