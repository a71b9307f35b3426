/**
 * @file
 * @brief The abstract interrupt controller: what an engine and an embedder ask of any of them.
 * @addtogroup vml_irq
 * @{
 */
#ifndef VML_IRQ_CONTROLLER_H
#define VML_IRQ_CONTROLLER_H

#include <vml/irq.h>

#ifdef __cplusplus
extern "C" {
#endif

/** @brief The inputs of a CPU that an interrupt controller drives. */
enum vml_irq_output {
    VML_IRQ_OUTPUT_IRQ = 0, /**< IRQ; INTR on x86 */
    VML_IRQ_OUTPUT_FIQ = 1, /**< FIQ; NMI on x86 */
};

/** @brief Told when a vCPU's interrupt input changes.
 *
 * Called from whichever thread caused the change, without any lock held; calls for one vCPU may
 * overtake each other, so the receiver treats a call as "look again": it asks `pending()`.
 * @param context as configured
 * @param cpu vCPU index
 * @param output which input
 * @param level the level at the time of the call */
typedef void (*vml_irq_output_fn)(void *context, uint32_t cpu, enum vml_irq_output output,
                                  bool level);

struct vml_irq_controller;

/** @brief What every interrupt controller can do. */
struct vml_irq_controller_ops {
    /** The wires' side. */
    struct vml_irq_ops wire;
    /** The level of a vCPU's input now. Lock-free; callable from any thread. */
    bool (*pending)(struct vml_irq_controller *controller, uint32_t cpu,
                    enum vml_irq_output output);
};

/** @brief Embed it in an interrupt controller. */
struct vml_irq_controller {
    const char *name;                         /**< for traces; not owned */
    const struct vml_irq_controller_ops *ops; /**< never NULL */
};

/** @brief A wire to line `line` of a controller (of vCPU `cpu` when the line is private). */
static inline struct vml_irq vml_irq_wire(struct vml_irq_controller *controller, uint32_t line,
                                          uint32_t cpu)
{
    struct vml_irq irq = {&controller->ops->wire, controller, line, cpu};

    return irq;
}

#ifdef __cplusplus
}
#endif
/** @} */
#endif
