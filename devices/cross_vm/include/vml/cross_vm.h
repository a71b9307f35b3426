/**
 * @file
 * @brief Connections between virtual machines: shared memory, and events in both directions.
 *
 * The registers are those of the cross-VM connections of seL4's VMMs, whose Linux driver finds a
 * page of events and a data port: the guest emits an event by a write, and is told of the other
 * side's by an interrupt and a count. The data port is memory: add one `struct vml_as_region` with
 * the same host memory to the address space of each machine.
 *
 *     0x00  emit     written: the other side gets an event; reads as zero
 *     0x04  consume  events that have come; the guest writes what is left, 0 when it has seen them
 *     0x08  name     of the connection, up to 50 bytes
 *
 * Ends of two machines in one process are joined by making each other's vml_cross_vm_signal() their
 * `emit` hook; an end whose other side is elsewhere gets a hook of the embedder's.
 *
 * Threads: any number. Hooks and the wire are called without a lock held.
 * @defgroup vml_cross_vm Cross-VM connections
 * @{
 */
#ifndef VML_CROSS_VM_H
#define VML_CROSS_VM_H

#include <vml/irq_driver.h>
#include <vml/regs.h>

#ifdef __cplusplus
extern "C" {
#endif

/** @brief Bytes of a connection's name. */
#define VML_CROSS_VM_NAME 50u

/** @brief How an end is made. Copied. */
struct vml_cross_vm_config {
    const char *name; /**< for traces; NULL: "cross_vm" */
    const char
        *connection; /**< what the guest reads; cut to VML_CROSS_VM_NAME bytes; NULL: "connector" */
    struct vml_irq irq; /**< high while the count is not zero; not connected: the guest polls */
    void (*emit)(void *context); /**< the guest has emitted; NULL: it is dropped */
    void *context;               /**< given to it */
};

/** @brief One machine's end. The embedder supplies the storage; members are private. */
struct vml_cross_vm {
    struct vml_device device;              /**< register this on a bus, 0x1000 bytes */
    struct vml_cross_vm_config config;     /**< as given */
    struct vml_mutex lock;                 /**< of everything below */
    struct vml_irq_driver out;             /**< the interrupt */
    uint32_t consume;                      /**< events that the guest has not seen */
    uint32_t emitted;                      /**< hooks to call */
    uint8_t connection[VML_CROSS_VM_NAME]; /**< what the guest reads */
};

/** @brief The registers. */
extern const struct vml_reg_table vml_cross_vm_regs;

/** @brief Makes an end. */
void vml_cross_vm_init(struct vml_cross_vm *end, const struct vml_cross_vm_config *config);
/** @brief Ends its use: it is on no bus, and nobody signals it. */
void vml_cross_vm_destroy(struct vml_cross_vm *end);
/** @brief An event from the other side. Any thread; also from the other end's `emit` hook.
 * @param end a `struct vml_cross_vm` */
void vml_cross_vm_signal(void *end);

#ifdef __cplusplus
}
#endif
/** @} */
#endif
