/* The memory map of QEMU's `virt` machine, which kernels, firmware and test suites are built for. */
#ifndef VM_LAYOUT_H
#define VM_LAYOUT_H

#include <stdint.h>

#define VM_FLASH_BASE    UINT64_C(0x00000000) /* two banks */
#define VM_FLASH_SIZE    UINT64_C(0x04000000) /* each */
#define VM_GICD_BASE     UINT64_C(0x08000000)
#define VM_GICD_SIZE     UINT64_C(0x00010000)
#define VM_GICC_BASE     UINT64_C(0x08010000)
#define VM_GICC_SIZE     UINT64_C(0x00010000)
#define VM_GICV2M_BASE   UINT64_C(0x08020000)
#define VM_GICV2M_SIZE   UINT64_C(0x00001000)
#define VM_ITS_BASE      UINT64_C(0x08080000)
#define VM_ITS_SIZE      UINT64_C(0x00020000)
#define VM_ITS_BASE      UINT64_C(0x08080000)
#define VM_ITS_SIZE      UINT64_C(0x00020000)
#define VM_GICR_BASE     UINT64_C(0x080a0000)
#define VM_GICR_SIZE     UINT64_C(0x00f60000)
#define VM_GICR_CPU_SIZE UINT64_C(0x00020000) /* two 64 KiB frames */
#define VM_UART_BASE     UINT64_C(0x09000000)
#define VM_RTC_BASE      UINT64_C(0x09010000)
#define VM_FW_CFG_BASE   UINT64_C(0x09020000)
#define VM_FW_CFG_SIZE   UINT64_C(0x00000018)
#define VM_GPIO_BASE     UINT64_C(0x09030000)
#define VM_PVTIME_BASE   UINT64_C(0x090a0000)
#define VM_PVTIME_SIZE   UINT64_C(0x00010000)
#define VM_PERIPHERAL    UINT64_C(0x00001000) /* size of a PrimeCell's range */
#define VM_VIRTIO_BASE   UINT64_C(0x0a000000)
#define VM_VIRTIO_STRIDE UINT64_C(0x00000200)
#define VM_PCI_BASE      UINT64_C(0x10000000) /* for 32-bit BARs */
#define VM_PCI_SIZE      UINT64_C(0x2eff0000)
#define VM_PCI_IO_BASE   UINT64_C(0x3eff0000)
#define VM_PCI_IO_SIZE   UINT64_C(0x00010000)
#define VM_PCI_ECAM_BASE UINT64_C(0x3f000000)
#define VM_PCI_HIGH_BASE UINT64_C(0x8000000000) /* for 64-bit BARs */
#define VM_PCI_HIGH_SIZE UINT64_C(0x8000000000)
#define VM_RAM_BASE      UINT64_C(0x40000000)

enum {
    VM_VIRTIO_SLOTS = 32,
    VM_PCI_BUSES = 16,
    VM_PCI_DEVICES = 32, /* of bus 0; the first is the host bridge */
    VM_LPIS = 8192,
    VM_ITS_CACHE = 1024, /* translations */
    VM_MAX_CPUS = 123,   /* redistributors that fit below the UART */
    VM_MAX_CPUS_GICV2 = 8,

    VM_SPI = 32, /* INTID of SPI 0 */
    VM_PPI = 16, /* INTID of PPI 0 */

    VM_PPI_HYP_TIMER = 10,
    VM_PPI_VIRT_TIMER = 11,
    VM_PPI_SECURE_TIMER = 13,
    VM_PPI_PHYS_TIMER = 14,

    VM_SPI_UART = 1,
    VM_SPI_RTC = 2,
    VM_SPI_PCI = 3, /* INTA to INTD */
    VM_SPI_GPIO = 7,
    VM_SPI_VIRTIO = 16, /* one each from here */
    VM_SPI_V2M = 48,    /* message-based, from here */
    VM_SPI_V2M_COUNT = 64,
    VM_SPIS = 256 - VM_SPI,

    VM_GPIO_POWER_KEY = 3,
    VM_APB_CLOCK_HZ = 24000000,
    VM_COUNTER_HZ = 62500000,
};

#endif
