/**
 * @file
 * @brief PrimeCell UART (PL011) r1p5, as Arm DDI 0183G specifies it, and its SBSA Generic UART
 * subset.
 *
 * Transmission takes no time: a character that the guest writes is pushed into the back end at
 * once. What the back end refuses waits in the transmit FIFO, as on a slow line, until the back
 * end calls `ready` of the UART's end.  In the other direction the UART takes as many characters
 * as its receive FIFO has room for, and calls `ready` of the back end when there is room again;
 * so nothing is lost. Errors on the line happen only when vml_pl011_inject() makes them.
 *
 * Characters go both ways whether or not the guest has enabled the UART, because early consoles
 * write UARTDR before anybody has set UARTCR; VML_PL011_STRICT makes it honour UARTEN, TXE, RXE
 * and the word length.
 *
 * Threads: everything but init, reset, save, restore and destroy may be called from any thread.
 * @defgroup vml_pl011 PL011 UART
 * @{
 */
#ifndef VML_PL011_H
#define VML_PL011_H

#include <stdatomic.h>
#include <vml/amba.h>
#include <vml/chardev.h>
#include <vml/clock.h>

#ifdef __cplusplus
extern "C" {
#endif

/** @name Options
 * @{ */
#define VML_PL011_STRICT 0x1u /**< UARTEN, TXE, RXE and WLEN count */
#define VML_PL011_SBSA   0x2u /**< SBSA Generic UART: always enabled, no line and baud registers */
/** @} */

/** @name UARTFR: modem inputs, for vml_pl011_set_modem()
 * @{ */
#define VML_PL011_FR_CTS 0x001u /**< clear to send */
#define VML_PL011_FR_DSR 0x002u /**< data set ready */
#define VML_PL011_FR_DCD 0x004u /**< data carrier detect */
#define VML_PL011_FR_RI  0x100u /**< ring indicator */
/** @} */

/** @name UARTDR: error bits of a received character, for vml_pl011_inject()
 * @{ */
#define VML_PL011_DR_FE 0x100u /**< framing error */
#define VML_PL011_DR_PE 0x200u /**< parity error */
#define VML_PL011_DR_BE 0x400u /**< break */
#define VML_PL011_DR_OE 0x800u /**< overrun before this character */
/** @} */

/** @brief Entries of a FIFO, at most. */
#define VML_PL011_FIFO_MAX 32u

/** @brief How a UART is made. Copied. */
struct vml_pl011_config {
    const char *name;        /**< for traces; NULL: "pl011" */
    struct vml_irq irq;      /**< UARTINTR, the combined interrupt; level */
    struct vml_chardev peer; /**< the back end */
    struct vml_clock *clock; /**< of the receive timeout; NULL: it passes at once */
    uint32_t uartclk_hz;     /**< UARTCLK; 0: 24 MHz */
    uint32_t fifo_depth;     /**< 16 (before r1p5) or 32; 0: 32 */
    uint32_t modem;          /**< modem inputs at first: VML_PL011_FR_CTS... */
    uint32_t flags;          /**< VML_PL011_STRICT, VML_PL011_SBSA */
};

/** @brief The architectural state. */
struct vml_pl011_state {
    uint32_t UARTRSR;                   /**< 3:0 OE, BE, PE, FE */
    uint32_t UARTILPR;                  /**< IrDA divisor */
    uint32_t UARTIBRD;                  /**< integer divisor */
    uint32_t UARTFBRD;                  /**< fractional divisor */
    uint32_t UARTLCR_H;                 /**< line control */
    uint32_t UARTCR;                    /**< control */
    uint32_t UARTIFLS;                  /**< FIFO levels */
    uint32_t UARTIMSC;                  /**< interrupt mask */
    uint32_t UARTRIS;                   /**< raw interrupt status */
    uint32_t UARTDMACR;                 /**< DMA control */
    uint32_t divisor;                   /**< IBRD:FBRD as latched by the last write to UARTLCR_H */
    uint32_t modem;                     /**< modem inputs, as in UARTFR */
    uint32_t rx_count;                  /**< characters in the receive FIFO */
    uint32_t tx_count;                  /**< characters in the transmit FIFO */
    bool overrun;                       /**< goes with the next character into the receive FIFO */
    uint16_t rx[VML_PL011_FIFO_MAX];    /**< receive FIFO from `rx_head` on, around */
    uint8_t tx[2 * VML_PL011_FIFO_MAX]; /**< transmit FIFO from `tx_head` on, around */
    uint32_t rx_head;                   /**< oldest of `rx` */
    uint32_t tx_head;                   /**< oldest of `tx` */
    uint64_t rt_deadline;               /**< of the receive timeout, or VML_CLOCK_NEVER */
};

/** @brief A UART. The embedder supplies the storage; members are private. */
struct vml_pl011 {
    struct vml_device device;  /**< register this on a bus, 0x1000 bytes */
    _Atomic uint32_t tx_owner; /**< who is pushing; see src/fifo.c */
    _Atomic uint32_t fr;       /**< UARTFR, kept up to date for lock-free reads */
    size_t (*push)(void *context, const uint8_t *bytes,
                   size_t len); /**< the back end's, not NULL */
    void *push_context;         /**< given to it */
    struct vml_reg_index regs;  /**< of the registers below the identification */
    struct vml_reg_slot slots[VML_REG_SLOTS(0x4c)]; /**< of `regs` */
    struct vml_pl011_config config;                 /**< as given, defaults filled in */
    struct vml_mutex lock;                          /**< of everything below */
    struct vml_irq_driver out;                      /**< UARTINTR */
    struct vml_clock_event timeout;                 /**< receive timeout */
    struct vml_pl011_state state;                   /**< what the guest sees */
    uint32_t tx_flushes;                            /**< times that the transmit FIFO was emptied */
    bool rx_blocked;                                /**< the back end had characters refused */
    bool kick;                                      /**< there may be something to transmit */
    bool send_break;                                /**< UARTLCR_H.BRK was set */
    bool rearm;                                     /**< the receive timeout starts anew */
};

/** @brief The registers of the PL011. */
extern const struct vml_reg_table vml_pl011_regs;
/** @brief The registers of the SBSA Generic UART. */
extern const struct vml_reg_table vml_pl011_sbsa_regs;

/** @brief Makes a UART in its reset state.
 * @return VML_OK, or VML_ERR_INVALID for another FIFO depth or an unknown flag */
VML_MUST_CHECK enum vml_status vml_pl011_init(struct vml_pl011 *uart,
                                              const struct vml_pl011_config *config);
/** @brief Ends its use: it is on no bus, and its back end calls it no more. */
void vml_pl011_destroy(struct vml_pl011 *uart);

/** @brief The UART's end of the line: what the back end pushes into. */
struct vml_chardev vml_pl011_end(struct vml_pl011 *uart);

/** @brief Puts a character on the line as it comes, without regard to room: an overrun is possible.
 * @param character 8 bits of data and VML_PL011_DR_* errors */
void vml_pl011_inject(struct vml_pl011 *uart, uint32_t character);

/** @brief Sets the modem inputs, VML_PL011_FR_*; a change raises the modem interrupts. */
void vml_pl011_set_modem(struct vml_pl011 *uart, uint32_t inputs);

/** @brief The modem outputs and enables: UARTCR, in which DTR is bit 10, RTS 11, Out1 12, Out2
 * 13. */
uint32_t vml_pl011_control(struct vml_pl011 *uart);

#ifdef __cplusplus
}
#endif
/** @} */
#endif
