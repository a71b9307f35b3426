/*
 * Between the sources of the PL011.
 *
 * Lock order: `lock` is a leaf. It is never held while the back end, the interrupt wire or the
 * clock is called: an entrance takes it, changes the state, and leaves through pl011_leave(),
 * which acts.
 */
#ifndef VML_PL011_PRIVATE_H
#define VML_PL011_PRIVATE_H

#include <vml/pl011.h>

/* UARTFR */
#define FR_BUSY  0x008u
#define FR_RXFE  0x010u
#define FR_TXFF  0x020u
#define FR_RXFF  0x040u
#define FR_TXFE  0x080u
#define FR_MODEM (VML_PL011_FR_CTS | VML_PL011_FR_DSR | VML_PL011_FR_DCD | VML_PL011_FR_RI)

/* UARTRSR */
#define RSR_OE 0x8u

/* UARTLCR_H */
#define LCR_H_BRK 0x01u
#define LCR_H_FEN 0x10u

/* UARTCR */
#define CR_UARTEN 0x0001u
#define CR_LBE    0x0080u
#define CR_TXE    0x0100u
#define CR_RXE    0x0200u
#define CR_CTSEN  0x8000u

/* UARTIMSC, UARTRIS, UARTMIS, UARTICR */
#define INT_RIM   0x001u
#define INT_CTSM  0x002u
#define INT_DCDM  0x004u
#define INT_DSRM  0x008u
#define INT_RX    0x010u
#define INT_TX    0x020u
#define INT_RT    0x040u
#define INT_FE    0x080u
#define INT_PE    0x100u
#define INT_BE    0x200u
#define INT_OE    0x400u
#define INT_ALL   0x7ffu

#define OFFSET_DR 0x000u
#define OFFSET_FR 0x018u

/* A pusher that subtracts 1 ends its push: TX_BUSY becomes TX_OPEN, and TX_AGAIN does not. */
enum tx_owner {
    TX_OPEN,  /* nobody pushes; a write may push without the lock */
    TX_BUSY,  /* somebody pushes */
    TX_AGAIN, /* somebody pushes, and must then look at the FIFO and the registers again */
    TX_SLOW,  /* nobody pushes; a write goes through the lock */
};

static inline struct vml_pl011 *pl011_of(struct vml_device *device)
{
    return VML_CONTAINER_OF(device, struct vml_pl011, device);
}

/* fifo.c; the lock is held */
uint32_t pl011_depth(const struct vml_pl011 *uart);
void pl011_flush(struct vml_pl011 *uart);
void pl011_receive(struct vml_pl011 *uart, uint32_t character);
uint32_t pl011_read_character(struct vml_pl011 *uart);
void pl011_write_character(struct vml_pl011 *uart, uint8_t character);
bool pl011_can_receive(const struct vml_pl011 *uart);
uint32_t pl011_modem(const struct vml_pl011 *uart);
void pl011_change_modem(struct vml_pl011 *uart, uint32_t before);
void pl011_update(struct vml_pl011 *uart);

/* fifo.c; without the lock */
void pl011_write_fast_failed(struct vml_pl011 *uart, uint8_t character, bool refused);
/* Drops the lock and does what the change asks for. */
void pl011_leave(struct vml_pl011 *uart);

/* state.c */
void pl011_save(struct vml_device *device, struct vml_state_writer *w);
enum vml_status pl011_restore(struct vml_device *device, struct vml_state_reader *r);

#endif
