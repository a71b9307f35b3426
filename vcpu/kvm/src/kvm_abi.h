/*
 * The part of the arm64 KVM interface that the engine uses, as Documentation/virt/kvm/api.rst has it.
 * Written out here because the system headers of another architecture, or of an older kernel, do not
 * have all of it; the unit tests compare it with the system's headers.
 */
#ifndef VML_KVM_ABI_H
#define VML_KVM_ABI_H

#include <stdint.h>

/* The errors that the engine tells apart. */
enum {
    ABI_EPERM = 1,
    ABI_ENOENT = 2,
    ABI_EINTR = 4,
    ABI_ENXIO = 6,
    ABI_EAGAIN = 11,
    ABI_ENOMEM = 12,
    ABI_EACCES = 13,
    ABI_EBUSY = 16,
    ABI_EEXIST = 17,
    ABI_ENODEV = 19,
    ABI_EINVAL = 22,
    ABI_ENOTTY = 25,
};

#define ABI_IO(nr)         (UINT32_C(0xae00) | (nr))
#define ABI_IOW(nr, type)  (UINT32_C(0x4000ae00) | (uint32_t)sizeof(type) << 16 | (nr))
#define ABI_IOR(nr, type)  (UINT32_C(0x8000ae00) | (uint32_t)sizeof(type) << 16 | (nr))
#define ABI_IOWR(nr, type) (UINT32_C(0xc000ae00) | (uint32_t)sizeof(type) << 16 | (nr))

struct abi_memory_region {
    uint32_t slot;
    uint32_t flags;
    uint64_t guest_phys_addr;
    uint64_t memory_size;
    uint64_t userspace_addr;
};
#define ABI_MEM_LOG_DIRTY_PAGES 1u
#define ABI_MEM_READONLY        2u

struct abi_dirty_log {
    uint32_t slot;
    uint32_t padding;
    uint64_t dirty_bitmap; /* pointer */
};

struct abi_irq_level {
    uint32_t irq;
    uint32_t level;
};
#define ABI_IRQ_VCPU2_SHIFT 28
#define ABI_IRQ_TYPE_SHIFT  24
#define ABI_IRQ_VCPU_SHIFT  16
enum { ABI_IRQ_TYPE_CPU = 0, ABI_IRQ_TYPE_SPI = 1, ABI_IRQ_TYPE_PPI = 2 };

struct abi_irqfd {
    uint32_t fd;
    uint32_t gsi;
    uint32_t flags;
    uint32_t resamplefd;
    uint8_t pad[16];
};
#define ABI_IRQFD_DEASSIGN 1u

struct abi_ioeventfd {
    uint64_t datamatch;
    uint64_t addr;
    uint32_t len;
    int32_t fd;
    uint32_t flags;
    uint8_t pad[36];
};
#define ABI_IOEVENTFD_DATAMATCH 1u
#define ABI_IOEVENTFD_DEASSIGN  4u

struct abi_msi {
    uint32_t address_lo;
    uint32_t address_hi;
    uint32_t data;
    uint32_t flags;
    uint32_t devid;
    uint8_t pad[12];
};
#define ABI_MSI_VALID_DEVID 1u

struct abi_one_reg {
    uint64_t id;
    uint64_t addr; /* pointer */
};

struct abi_vcpu_init {
    uint32_t target;
    uint32_t features[7];
};
enum { ABI_VCPU_POWER_OFF = 0, ABI_VCPU_PSCI_0_2 = 2 };

struct abi_vcpu_events {
    uint8_t serror_pending;
    uint8_t serror_has_esr;
    uint8_t ext_dabt_pending;
    uint8_t pad[5];
    uint64_t serror_esr;
    uint32_t reserved[12];
};

struct abi_mp_state {
    uint32_t mp_state;
};
enum { ABI_MP_RUNNABLE = 0, ABI_MP_STOPPED = 5, ABI_MP_SUSPENDED = 10 };

struct abi_enable_cap {
    uint32_t cap;
    uint32_t flags;
    uint64_t args[4];
    uint8_t pad[64];
};

struct abi_guest_debug {
    uint32_t control;
    uint32_t pad;
    uint64_t arch[64];
};
#define ABI_GUESTDBG_ENABLE     1u
#define ABI_GUESTDBG_SINGLESTEP 2u

struct abi_create_device {
    uint32_t type;
    uint32_t fd;
    uint32_t flags;
};
enum { ABI_DEV_VGIC_V3 = 7, ABI_DEV_VGIC_ITS = 8 };

struct abi_device_attr {
    uint32_t flags;
    uint32_t group;
    uint64_t attr;
    uint64_t addr; /* pointer */
};
enum {
    ABI_VGIC_GRP_ADDR = 0,
    ABI_VGIC_GRP_DIST_REGS = 1,
    ABI_VGIC_GRP_NR_IRQS = 3,
    ABI_VGIC_GRP_CTRL = 4,
    ABI_VGIC_GRP_REDIST_REGS = 5,
    ABI_VGIC_GRP_CPU_SYSREGS = 6,
    ABI_VGIC_GRP_LEVEL_INFO = 7,
    ABI_VGIC_GRP_ITS_REGS = 8,
    ABI_VGIC_CTRL_INIT = 0,
    ABI_VGIC_CTRL_ITS_SAVE_TABLES = 1,
    ABI_VGIC_CTRL_ITS_RESTORE_TABLES = 2,
    ABI_VGIC_CTRL_SAVE_PENDING_TABLES = 3,
    ABI_VGIC_CTRL_ITS_RESET = 4,
    ABI_VGIC_ADDR_V3_DIST = 2,
    ABI_VGIC_ADDR_ITS = 4,
    ABI_VGIC_ADDR_V3_REDIST_REGION = 5,
};
/* Of the VM. */
enum { ABI_VM_SMCCC_CTRL = 0, ABI_VM_SMCCC_FILTER = 0 };
struct abi_smccc_filter {
    uint32_t base;
    uint32_t nr_functions;
    uint8_t action;
    uint8_t pad[15];
};
enum { ABI_SMCCC_FWD_TO_USER = 2 };

#define ABI_GET_API_VERSION    ABI_IO(0x00)
#define ABI_CREATE_VM          ABI_IO(0x01)
#define ABI_CHECK_EXTENSION    ABI_IO(0x03)
#define ABI_GET_VCPU_MMAP_SIZE ABI_IO(0x04)
#define ABI_CREATE_VCPU        ABI_IO(0x41)
#define ABI_GET_DIRTY_LOG      ABI_IOW(0x42, struct abi_dirty_log)
#define ABI_SET_MEMORY_REGION  ABI_IOW(0x46, struct abi_memory_region)
#define ABI_IRQ_LINE           ABI_IOW(0x61, struct abi_irq_level)
#define ABI_IRQFD              ABI_IOW(0x76, struct abi_irqfd)
#define ABI_IOEVENTFD          ABI_IOW(0x79, struct abi_ioeventfd)
#define ABI_RUN                ABI_IO(0x80)
#define ABI_GET_MP_STATE       ABI_IOR(0x98, struct abi_mp_state)
#define ABI_SET_MP_STATE       ABI_IOW(0x99, struct abi_mp_state)
#define ABI_SET_GUEST_DEBUG    ABI_IOW(0x9b, struct abi_guest_debug)
#define ABI_GET_VCPU_EVENTS    ABI_IOR(0x9f, struct abi_vcpu_events)
#define ABI_SET_VCPU_EVENTS    ABI_IOW(0xa0, struct abi_vcpu_events)
#define ABI_ENABLE_CAP         ABI_IOW(0xa3, struct abi_enable_cap)
#define ABI_SIGNAL_MSI         ABI_IOW(0xa5, struct abi_msi)
#define ABI_GET_ONE_REG        ABI_IOW(0xab, struct abi_one_reg)
#define ABI_SET_ONE_REG        ABI_IOW(0xac, struct abi_one_reg)
#define ABI_ARM_VCPU_INIT      ABI_IOW(0xae, struct abi_vcpu_init)
#define ABI_ARM_PREFERRED      ABI_IOR(0xaf, struct abi_vcpu_init)
#define ABI_CREATE_DEVICE      ABI_IOWR(0xe0, struct abi_create_device)
#define ABI_SET_DEVICE_ATTR    ABI_IOW(0xe1, struct abi_device_attr)
#define ABI_GET_DEVICE_ATTR    ABI_IOW(0xe2, struct abi_device_attr)
#define ABI_HAS_DEVICE_ATTR    ABI_IOW(0xe3, struct abi_device_attr)

#define ABI_API_VERSION        12

enum {
    ABI_CAP_MP_STATE = 14,
    ABI_CAP_SET_GUEST_DEBUG = 23,
    ABI_CAP_IRQFD = 32,
    ABI_CAP_IOEVENTFD = 36,
    ABI_CAP_SIGNAL_MSI = 77,
    ABI_CAP_READONLY_MEM = 81,
    ABI_CAP_PSCI_0_2 = 102,
    ABI_CAP_IMMEDIATE_EXIT = 136,
    ABI_CAP_USER_IRQ = 144,
    ABI_CAP_IPA_SIZE = 165,
    ABI_CAP_NISV_TO_USER = 177,
    ABI_CAP_INJECT_EXT_DABT = 178,
    ABI_CAP_SYSTEM_SUSPEND = 216,
};

enum {
    ABI_EXIT_DEBUG = 4,
    ABI_EXIT_HYPERCALL = 3,
    ABI_EXIT_MMIO = 6,
    ABI_EXIT_FAIL_ENTRY = 9,
    ABI_EXIT_INTR = 10,
    ABI_EXIT_INTERNAL_ERROR = 17,
    ABI_EXIT_SYSTEM_EVENT = 24,
    ABI_EXIT_ARM_NISV = 28,
};
#define ABI_HYPERCALL_EXIT_SMC 1u

enum {
    ABI_SYSTEM_EVENT_SHUTDOWN = 1,
    ABI_SYSTEM_EVENT_RESET = 2,
    ABI_SYSTEM_EVENT_CRASH = 3,
    ABI_SYSTEM_EVENT_WAKEUP = 4,
    ABI_SYSTEM_EVENT_SUSPEND = 5,
};

/* What the kernel and the engine share, mapped from the vCPU's descriptor. */
struct abi_run {
    uint8_t request_interrupt_window;
    uint8_t immediate_exit;
    uint8_t padding1[6];
    uint32_t exit_reason;
    uint8_t ready_for_interrupt_injection;
    uint8_t if_flag;
    uint16_t flags;
    uint64_t cr8;
    uint64_t apic_base;
    union {
        struct {
            uint64_t phys_addr;
            uint8_t data[8];
            uint32_t len;
            uint8_t is_write;
        } mmio;
        struct {
            uint64_t nr;
            uint64_t args[6];
            uint64_t ret;
            uint64_t flags;
        } hypercall;
        struct {
            uint32_t type;
            uint32_t ndata;
            uint64_t data[16];
        } system_event;
        struct {
            uint64_t esr_iss;
            uint64_t fault_ipa;
        } nisv;
        struct {
            uint64_t reason;
            uint32_t cpu;
        } fail_entry;
        struct {
            uint32_t suberror;
            uint32_t ndata;
            uint64_t data[16];
        } internal;
        uint8_t padding[256];
    } exit;
    uint64_t kvm_valid_regs;
    uint64_t kvm_dirty_regs;
    uint64_t device_irq_level;
};
#define ABI_DEVICE_VTIMER 1u
#define ABI_DEVICE_PTIMER 2u
#define ABI_DEVICE_PMU    4u

/* Registers: core ones by their place in struct kvm_regs, in words of 32 bits. */
#define ABI_REG_ARM64    UINT64_C(0x6000000000000000)
#define ABI_REG_U32      UINT64_C(0x0020000000000000)
#define ABI_REG_U64      UINT64_C(0x0030000000000000)
#define ABI_REG_U128     UINT64_C(0x0040000000000000)
#define ABI_REG_CORE(n)  (ABI_REG_ARM64 | UINT64_C(0x100000) | (n))
#define ABI_REG_X(n)     (ABI_REG_CORE(2u * (n)) | ABI_REG_U64)
#define ABI_REG_SP_EL0   (ABI_REG_CORE(62u) | ABI_REG_U64)
#define ABI_REG_PC       (ABI_REG_CORE(64u) | ABI_REG_U64)
#define ABI_REG_PSTATE   (ABI_REG_CORE(66u) | ABI_REG_U64)
#define ABI_REG_SP_EL1   (ABI_REG_CORE(68u) | ABI_REG_U64)
#define ABI_REG_ELR_EL1  (ABI_REG_CORE(70u) | ABI_REG_U64)
#define ABI_REG_SPSR_EL1 (ABI_REG_CORE(72u) | ABI_REG_U64)
#define ABI_REG_V(n)     (ABI_REG_CORE(84u + 4u * (n)) | ABI_REG_U128)
#define ABI_REG_FPSR     (ABI_REG_CORE(212u) | ABI_REG_U32)
#define ABI_REG_FPCR     (ABI_REG_CORE(213u) | ABI_REG_U32)
/* System registers by their encoding; a SYSREG bus has the same bits three places higher. */
#define ABI_REG_SYS(sysreg)                                                                        \
    (ABI_REG_ARM64 | ABI_REG_U64 | UINT64_C(0x130000) | (uint64_t)(sysreg) >> 3)
/* The virtual timer's compare value and count: their numbers are interchanged, and stay so. */
#define ABI_REG_TIMER_CTL   ABI_REG_SYS(VML_CNTV_CTL_EL0)
#define ABI_REG_TIMER_CVAL  ABI_REG_SYS(VML_CNTVCT_EL0)
#define ABI_REG_TIMER_CNT   ABI_REG_SYS(VML_CNTV_CVAL_EL0)
#define ABI_REG_PTIMER_CTL  ABI_REG_SYS(VML_CNTP_CTL_EL0)
#define ABI_REG_PTIMER_CVAL ABI_REG_SYS(VML_CNTP_CVAL_EL0)
#define ABI_REG_PTIMER_CNT  ABI_REG_SYS(VML_CNTPCT_EL0)

#endif
