/**
 * @file
 * @brief The 16550A UART: the data sheet of National's PC16550D, with FIFOs of 16 characters.
 *
 * Transmission takes no time: a character that the guest writes is pushed into the back end at
 * once. What the back end refuses waits in the transmit FIFO until it calls `ready` of the UART's
 * end. In the other direction the UART takes as many characters as its receive FIFO has room for,
 * and calls `ready` of the back end when there is room again; so nothing is lost. Errors on the
 * line happen only when vml_ns16550_inject() makes them.
 *
 * Threads: everything but init, reset, save, restore and destroy may be called from any thread. The
 * back end, the wire and hooks are called without a lock held.
 * @defgroup vml_ns16550 16550A UART
 * @{
 */
#ifndef VML_NS16550_H
#define VML_NS16550_H

#include <vml/chardev.h>
#include <vml/clock_alarm.h>
#include <vml/irq_driver.h>
#include <vml/regs.h>

#ifdef __cplusplus
extern "C" {
#endif

/** @name LSR: errors of a received character, for vml_ns16550_inject()
 * @{ */
#define VML_NS16550_LSR_OE 0x02u /**< overrun: a character before this one was lost */
#define VML_NS16550_LSR_PE 0x04u /**< parity error */
#define VML_NS16550_LSR_FE 0x08u /**< framing error */
#define VML_NS16550_LSR_BI 0x10u /**< break */
/** @} */

/** @name MSR: modem inputs, for vml_ns16550_set_modem()
 * @{ */
#define VML_NS16550_MSR_CTS 0x10u /**< clear to send */
#define VML_NS16550_MSR_DSR 0x20u /**< data set ready */
#define VML_NS16550_MSR_RI  0x40u /**< ring indicator */
#define VML_NS16550_MSR_DCD 0x80u /**< data carrier detect */
/** @} */

/** @brief Entries of a FIFO. */
#define VML_NS16550_FIFO 16u

/** @brief How a UART is made. Copied. */
struct vml_ns16550_config {
    const char *name;        /**< for traces; NULL: "ns16550" */
    struct vml_irq irq;      /**< INTR; level */
    struct vml_chardev peer; /**< the back end */
    struct vml_clock *clock; /**< of the receive timeout; NULL: it passes at once */
    uint32_t clock_hz;       /**< what the divisor divides; 0: 1.8432 MHz */
    uint8_t reg_shift;       /**< registers are 1 << reg_shift bytes apart: 0 (I/O ports) to 3 */
    uint32_t modem;          /**< modem inputs at first: VML_NS16550_MSR_CTS... */
};

/** @brief The architectural state. */
struct vml_ns16550_state {
    uint8_t IER;                      /**< interrupt enable */
    uint8_t FCR;                      /**< FIFO control, as last written */
    uint8_t LCR;                      /**< line control */
    uint8_t MCR;                      /**< modem control */
    uint8_t SCR;                      /**< scratch */
    uint8_t DLL;                      /**< divisor, low */
    uint8_t DLM;                      /**< divisor, high */
    uint8_t modem;                    /**< modem inputs, as in MSR */
    uint8_t changed;                  /**< MSR 3:0, what changed since it was read */
    uint8_t errors;                   /**< LSR 4:1, until it is read */
    bool thre;                        /**< the transmitter interrupt is there */
    bool timeout;                     /**< the receive timeout has passed */
    uint8_t rx_count;                 /**< characters in the receive FIFO */
    uint8_t tx_count;                 /**< characters in the transmit FIFO */
    uint8_t rx[VML_NS16550_FIFO];     /**< receive FIFO, the oldest first */
    uint8_t rx_lsr[VML_NS16550_FIFO]; /**< errors of each */
    uint8_t tx[VML_NS16550_FIFO];     /**< transmit FIFO, the oldest first */
};

/** @brief A UART. The embedder supplies the storage; members are private. */
struct vml_ns16550 {
    struct vml_device device;         /**< register this on a bus, 8 << reg_shift bytes */
    struct vml_ns16550_config config; /**< as given, defaults filled in */
    struct vml_mutex lock;            /**< of everything below */
    struct vml_irq_driver out;        /**< INTR */
    struct vml_clock_alarm silence;   /**< the receive timeout */
    uint64_t deadline;                /**< of it, or VML_CLOCK_NEVER */
    struct vml_ns16550_state state;   /**< what the guest sees */
    uint32_t tx_flushes;              /**< times that the transmit FIFO was emptied */
    bool pushing;                     /**< a thread pushes into the back end */
    bool again;                       /**< it is to look again */
    bool rx_blocked;                  /**< the back end had characters refused */
    bool send_break;                  /**< LCR's break was set */
};

/** @brief The registers, one byte apart. */
extern const struct vml_reg_table vml_ns16550_regs;

/** @brief Makes a UART in its reset state. @return VML_OK, or VML_ERR_INVALID for a reg_shift above
 * 3 */
VML_MUST_CHECK enum vml_status vml_ns16550_init(struct vml_ns16550 *uart,
                                                const struct vml_ns16550_config *config);
/** @brief Ends its use: it is on no bus, and its back end calls it no more. */
void vml_ns16550_destroy(struct vml_ns16550 *uart);

/** @brief The UART's end of the line: what the back end pushes into. */
struct vml_chardev vml_ns16550_end(struct vml_ns16550 *uart);

/** @brief Puts a character on the line as it comes, without regard to room: an overrun is possible.
 * @param errors VML_NS16550_LSR_PE, _FE, _BI */
void vml_ns16550_inject(struct vml_ns16550 *uart, uint8_t character, uint32_t errors);

/** @brief Sets the modem inputs, VML_NS16550_MSR_*; a change raises the modem status interrupt. */
void vml_ns16550_set_modem(struct vml_ns16550 *uart, uint32_t inputs);

/** @brief The modem outputs: MCR, in which DTR is bit 0, RTS 1, OUT1 2, OUT2 3. */
uint32_t vml_ns16550_control(struct vml_ns16550 *uart);

#ifdef __cplusplus
}
#endif
/** @} */
#endif
