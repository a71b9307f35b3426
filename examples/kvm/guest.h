/* The bare-metal guest, and the machine that it expects. */
#ifndef KVM_GUEST_H
#define KVM_GUEST_H

#define GUEST_RAM      0x40000000
#define GUEST_RAM_SIZE 0x00200000
#define GUEST_ENTRY    0x40080000
#define GUEST_GICD     0x08000000
#define GUEST_GICC     0x08010000
#define GUEST_GICR     0x080a0000
#define GUEST_ITS      0x08080000
#define GUEST_ROM      0x00000000
#define GUEST_ROM_SIZE 0x00010000
#define GUEST_HOLE     0x0b000000
/* A device of the example's own. */
#define GUEST_DEVICE    0x09000000
#define DEVICE_PUTC     0x00 /* writes a character */
#define DEVICE_PAIR     0x10 /* 16 bytes that keep what is written */
#define DEVICE_LINE     0x20 /* bit 0: the level of the device's interrupt */
#define DEVICE_SNAPSHOT 0x28 /* a read makes the host save and restore the machine */
#define DEVICE_DOORBELL 0x30 /* a write signals an eventfd, which is an interrupt */
#define DEVICE_SIZE     0x1000
#define DEVICE_SPI      33
#define DOORBELL_SPI    40
/* What the read of DEVICE_SNAPSHOT gives. */
#define SNAPSHOT_VALUE 0x5a5a1234

#endif
