#ifndef VML_NS16550_PRIVATE_H
#define VML_NS16550_PRIVATE_H

#include <vml/ns16550.h>

enum { IER_DATA = 1, IER_THRE = 2, IER_LINE = 4, IER_MODEM = 8, IER_MASK = 15 };
enum { FCR_ENABLE = 1, FCR_CLEAR_RX = 2, FCR_CLEAR_TX = 4, FCR_KEPT = 0xc9 };
enum { LCR_BREAK = 0x40, LCR_DLAB = 0x80 };
enum { MCR_DTR = 1, MCR_RTS = 2, MCR_OUT1 = 4, MCR_OUT2 = 8, MCR_LOOP = 16, MCR_MASK = 0x1f };
enum { LSR_DR = 1, LSR_ERRORS = 0x1e, LSR_THRE = 0x20, LSR_TEMT = 0x40, LSR_FIFO_ERROR = 0x80 };
enum { MSR_INPUTS = 0xf0, MSR_TERI = 4, MSR_CHANGES = 0x0f };

static inline struct vml_ns16550 *ns16550_of(struct vml_device *device)
{
    return VML_CONTAINER_OF(device, struct vml_ns16550, device);
}

/* With the lock held. */
uint32_t ns16550_depth(const struct vml_ns16550 *uart);
void ns16550_receive(struct vml_ns16550 *uart, uint8_t character, uint8_t errors);
uint8_t ns16550_read_character(struct vml_ns16550 *uart);
void ns16550_write_character(struct vml_ns16550 *uart, uint8_t character);
void ns16550_clear_rx(struct vml_ns16550 *uart);
void ns16550_clear_tx(struct vml_ns16550 *uart);
uint8_t ns16550_modem(const struct vml_ns16550 *uart);
void ns16550_modem_changed(struct vml_ns16550 *uart, uint8_t before);
/* What IIR reads. */
uint8_t ns16550_identify(const struct vml_ns16550 *uart);
/* Transmits what can be, drops the lock, and tells wire, clock and back end. */
void ns16550_leave(struct vml_ns16550 *uart, bool force);
void ns16550_timed_out(struct vml_clock_event *event);

void ns16550_save(struct vml_device *device, struct vml_state_writer *w);
enum vml_status ns16550_restore(struct vml_device *device, struct vml_state_reader *r);

#endif
