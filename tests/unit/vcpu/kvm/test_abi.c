/* The interface as written out in the engine against the system's headers. */
#include "test.h"

#include <vml/timer.h>
#include <vml/vbus.h>

#include "kvm_abi.h"

#if defined(__linux__)
#include <errno.h>
#include <linux/kvm.h>

#define SAME(ours, theirs) assert_int_equal((uint64_t)(ours), (uint64_t)(theirs))

static void test_requests(void **state)
{
    SAME(ABI_GET_API_VERSION, KVM_GET_API_VERSION);
    SAME(ABI_CREATE_VM, KVM_CREATE_VM);
    SAME(ABI_CHECK_EXTENSION, KVM_CHECK_EXTENSION);
    SAME(ABI_GET_VCPU_MMAP_SIZE, KVM_GET_VCPU_MMAP_SIZE);
    SAME(ABI_CREATE_VCPU, KVM_CREATE_VCPU);
    SAME(ABI_GET_DIRTY_LOG, KVM_GET_DIRTY_LOG);
    SAME(ABI_SET_MEMORY_REGION, KVM_SET_USER_MEMORY_REGION);
    SAME(ABI_IRQ_LINE, KVM_IRQ_LINE);
    SAME(ABI_IRQFD, KVM_IRQFD);
    SAME(ABI_IOEVENTFD, KVM_IOEVENTFD);
    SAME(ABI_RUN, KVM_RUN);
    SAME(ABI_GET_MP_STATE, KVM_GET_MP_STATE);
    SAME(ABI_SET_MP_STATE, KVM_SET_MP_STATE);
    SAME(ABI_ENABLE_CAP, KVM_ENABLE_CAP);
    SAME(ABI_SIGNAL_MSI, KVM_SIGNAL_MSI);
    SAME(ABI_GET_ONE_REG, KVM_GET_ONE_REG);
    SAME(ABI_SET_ONE_REG, KVM_SET_ONE_REG);
    SAME(ABI_CREATE_DEVICE, KVM_CREATE_DEVICE);
    SAME(ABI_SET_DEVICE_ATTR, KVM_SET_DEVICE_ATTR);
    SAME(ABI_GET_DEVICE_ATTR, KVM_GET_DEVICE_ATTR);
    SAME(ABI_HAS_DEVICE_ATTR, KVM_HAS_DEVICE_ATTR);
    SAME(ABI_API_VERSION, KVM_API_VERSION);
}

static void test_numbers(void **state)
{
    SAME(ABI_CAP_MP_STATE, KVM_CAP_MP_STATE);
    SAME(ABI_CAP_SET_GUEST_DEBUG, KVM_CAP_SET_GUEST_DEBUG);
    SAME(ABI_CAP_IRQFD, KVM_CAP_IRQFD);
    SAME(ABI_CAP_IOEVENTFD, KVM_CAP_IOEVENTFD);
    SAME(ABI_CAP_SIGNAL_MSI, KVM_CAP_SIGNAL_MSI);
    SAME(ABI_CAP_READONLY_MEM, KVM_CAP_READONLY_MEM);
    SAME(ABI_CAP_PSCI_0_2, KVM_CAP_ARM_PSCI_0_2);
    SAME(ABI_CAP_IMMEDIATE_EXIT, KVM_CAP_IMMEDIATE_EXIT);
    SAME(ABI_CAP_USER_IRQ, KVM_CAP_ARM_USER_IRQ);
    SAME(ABI_CAP_IPA_SIZE, KVM_CAP_ARM_VM_IPA_SIZE);
    SAME(ABI_CAP_NISV_TO_USER, KVM_CAP_ARM_NISV_TO_USER);
    SAME(ABI_CAP_INJECT_EXT_DABT, KVM_CAP_ARM_INJECT_EXT_DABT);
#ifdef KVM_CAP_ARM_SYSTEM_SUSPEND
    SAME(ABI_CAP_SYSTEM_SUSPEND, KVM_CAP_ARM_SYSTEM_SUSPEND);
    SAME(ABI_MP_SUSPENDED, KVM_MP_STATE_SUSPENDED);
    SAME(ABI_SYSTEM_EVENT_SUSPEND, KVM_SYSTEM_EVENT_SUSPEND);
#endif
    SAME(ABI_EXIT_DEBUG, KVM_EXIT_DEBUG);
    SAME(ABI_EXIT_HYPERCALL, KVM_EXIT_HYPERCALL);
    SAME(ABI_EXIT_MMIO, KVM_EXIT_MMIO);
    SAME(ABI_EXIT_INTR, KVM_EXIT_INTR);
    SAME(ABI_EXIT_FAIL_ENTRY, KVM_EXIT_FAIL_ENTRY);
    SAME(ABI_EXIT_INTERNAL_ERROR, KVM_EXIT_INTERNAL_ERROR);
    SAME(ABI_EXIT_SYSTEM_EVENT, KVM_EXIT_SYSTEM_EVENT);
    SAME(ABI_EXIT_ARM_NISV, KVM_EXIT_ARM_NISV);
    SAME(ABI_SYSTEM_EVENT_SHUTDOWN, KVM_SYSTEM_EVENT_SHUTDOWN);
    SAME(ABI_SYSTEM_EVENT_RESET, KVM_SYSTEM_EVENT_RESET);
    SAME(ABI_SYSTEM_EVENT_CRASH, KVM_SYSTEM_EVENT_CRASH);
    SAME(ABI_MP_RUNNABLE, KVM_MP_STATE_RUNNABLE);
    SAME(ABI_MP_STOPPED, KVM_MP_STATE_STOPPED);
    SAME(ABI_MEM_LOG_DIRTY_PAGES, KVM_MEM_LOG_DIRTY_PAGES);
    SAME(ABI_MEM_READONLY, KVM_MEM_READONLY);
    SAME(ABI_IRQFD_DEASSIGN, KVM_IRQFD_FLAG_DEASSIGN);
    SAME(ABI_IOEVENTFD_DATAMATCH, KVM_IOEVENTFD_FLAG_DATAMATCH);
    SAME(ABI_IOEVENTFD_DEASSIGN, KVM_IOEVENTFD_FLAG_DEASSIGN);
    SAME(ABI_MSI_VALID_DEVID, KVM_MSI_VALID_DEVID);
    SAME(ABI_DEV_VGIC_V3, KVM_DEV_TYPE_ARM_VGIC_V3);
    SAME(ABI_DEV_VGIC_ITS, KVM_DEV_TYPE_ARM_VGIC_ITS);
    SAME(ABI_GUESTDBG_ENABLE, KVM_GUESTDBG_ENABLE);
    SAME(ABI_GUESTDBG_SINGLESTEP, KVM_GUESTDBG_SINGLESTEP);
    SAME(ABI_EPERM, EPERM);
    SAME(ABI_ENOENT, ENOENT);
    SAME(ABI_EINTR, EINTR);
    SAME(ABI_ENXIO, ENXIO);
    SAME(ABI_EAGAIN, EAGAIN);
    SAME(ABI_ENOMEM, ENOMEM);
    SAME(ABI_EACCES, EACCES);
    SAME(ABI_EBUSY, EBUSY);
    SAME(ABI_EEXIST, EEXIST);
    SAME(ABI_ENODEV, ENODEV);
    SAME(ABI_EINVAL, EINVAL);
    SAME(ABI_ENOTTY, ENOTTY);
}

static void test_shared_page(void **state)
{
    SAME(offsetof(struct abi_run, immediate_exit), offsetof(struct kvm_run, immediate_exit));
    SAME(offsetof(struct abi_run, exit_reason), offsetof(struct kvm_run, exit_reason));
    SAME(offsetof(struct abi_run, exit.mmio), offsetof(struct kvm_run, mmio));
    SAME(offsetof(struct abi_run, exit.mmio.data), offsetof(struct kvm_run, mmio.data));
    SAME(offsetof(struct abi_run, exit.mmio.len), offsetof(struct kvm_run, mmio.len));
    SAME(offsetof(struct abi_run, exit.mmio.is_write), offsetof(struct kvm_run, mmio.is_write));
    SAME(offsetof(struct abi_run, exit.system_event), offsetof(struct kvm_run, system_event));
    SAME(offsetof(struct abi_run, exit.nisv.fault_ipa),
         offsetof(struct kvm_run, arm_nisv.fault_ipa));
    SAME(offsetof(struct abi_run, device_irq_level), offsetof(struct kvm_run, s));
}

#if defined(__aarch64__)
static void test_registers(void **state)
{
    uint64_t core = KVM_REG_ARM64 | KVM_REG_ARM_CORE;

    SAME(ABI_ARM_VCPU_INIT, KVM_ARM_VCPU_INIT);
    SAME(ABI_ARM_PREFERRED, KVM_ARM_PREFERRED_TARGET);
    SAME(ABI_GET_VCPU_EVENTS, KVM_GET_VCPU_EVENTS);
    SAME(ABI_SET_VCPU_EVENTS, KVM_SET_VCPU_EVENTS);
    SAME(ABI_SET_GUEST_DEBUG, KVM_SET_GUEST_DEBUG);
    SAME(ABI_REG_X(7), core | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE_REG(regs.regs[7]));
    SAME(ABI_REG_SP_EL0, core | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE_REG(regs.sp));
    SAME(ABI_REG_PC, core | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE_REG(regs.pc));
    SAME(ABI_REG_PSTATE, core | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE_REG(regs.pstate));
    SAME(ABI_REG_SP_EL1, core | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE_REG(sp_el1));
    SAME(ABI_REG_ELR_EL1, core | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE_REG(elr_el1));
    SAME(ABI_REG_SPSR_EL1, core | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE_REG(spsr[0]));
    SAME(ABI_REG_V(3), core | KVM_REG_SIZE_U128 | KVM_REG_ARM_CORE_REG(fp_regs.vregs[3]));
    SAME(ABI_REG_FPSR, core | KVM_REG_SIZE_U32 | KVM_REG_ARM_CORE_REG(fp_regs.fpsr));
    SAME(ABI_REG_FPCR, core | KVM_REG_SIZE_U32 | KVM_REG_ARM_CORE_REG(fp_regs.fpcr));
    SAME(ABI_REG_SYS(VML_SYSREG(3, 3, 13, 0, 2)), ARM64_SYS_REG(3, 3, 13, 0, 2));
    SAME(ABI_REG_TIMER_CTL, KVM_REG_ARM_TIMER_CTL);
    SAME(ABI_REG_TIMER_CVAL, KVM_REG_ARM_TIMER_CVAL);
    SAME(ABI_REG_TIMER_CNT, KVM_REG_ARM_TIMER_CNT);
    SAME(ABI_REG_PTIMER_CTL, KVM_REG_ARM_PTIMER_CTL);
    SAME(ABI_REG_PTIMER_CVAL, KVM_REG_ARM_PTIMER_CVAL);
    SAME(ABI_REG_PTIMER_CNT, KVM_REG_ARM_PTIMER_CNT);
    SAME(ABI_IRQ_TYPE_CPU, KVM_ARM_IRQ_TYPE_CPU);
    SAME(ABI_IRQ_TYPE_SPI, KVM_ARM_IRQ_TYPE_SPI);
    SAME(ABI_IRQ_TYPE_PPI, KVM_ARM_IRQ_TYPE_PPI);
    SAME(ABI_IRQ_TYPE_SHIFT, KVM_ARM_IRQ_TYPE_SHIFT);
    SAME(ABI_IRQ_VCPU_SHIFT, KVM_ARM_IRQ_VCPU_SHIFT);
    SAME(ABI_IRQ_VCPU2_SHIFT, KVM_ARM_IRQ_VCPU2_SHIFT);
    SAME(ABI_VCPU_PSCI_0_2, KVM_ARM_VCPU_PSCI_0_2);
    SAME(ABI_DEVICE_VTIMER, KVM_ARM_DEV_EL1_VTIMER);
    SAME(ABI_DEVICE_PTIMER, KVM_ARM_DEV_EL1_PTIMER);
    SAME(ABI_DEVICE_PMU, KVM_ARM_DEV_PMU);
    SAME(ABI_VGIC_GRP_ADDR, KVM_DEV_ARM_VGIC_GRP_ADDR);
    SAME(ABI_VGIC_GRP_NR_IRQS, KVM_DEV_ARM_VGIC_GRP_NR_IRQS);
    SAME(ABI_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_GRP_CTRL);
    SAME(ABI_VGIC_GRP_DIST_REGS, KVM_DEV_ARM_VGIC_GRP_DIST_REGS);
    SAME(ABI_VGIC_GRP_REDIST_REGS, KVM_DEV_ARM_VGIC_GRP_REDIST_REGS);
    SAME(ABI_VGIC_GRP_CPU_SYSREGS, KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS);
    SAME(ABI_VGIC_GRP_LEVEL_INFO, KVM_DEV_ARM_VGIC_GRP_LEVEL_INFO);
    SAME(ABI_VGIC_GRP_ITS_REGS, KVM_DEV_ARM_VGIC_GRP_ITS_REGS);
    SAME(ABI_VGIC_CTRL_INIT, KVM_DEV_ARM_VGIC_CTRL_INIT);
    SAME(ABI_VGIC_CTRL_ITS_SAVE_TABLES, KVM_DEV_ARM_ITS_SAVE_TABLES);
    SAME(ABI_VGIC_CTRL_ITS_RESTORE_TABLES, KVM_DEV_ARM_ITS_RESTORE_TABLES);
    SAME(ABI_VGIC_CTRL_SAVE_PENDING_TABLES, KVM_DEV_ARM_VGIC_SAVE_PENDING_TABLES);
    SAME(ABI_VGIC_CTRL_ITS_RESET, KVM_DEV_ARM_ITS_CTRL_RESET);
    SAME(ABI_VGIC_ADDR_V3_DIST, KVM_VGIC_V3_ADDR_TYPE_DIST);
    SAME(ABI_VGIC_ADDR_ITS, KVM_VGIC_ITS_ADDR_TYPE);
    SAME(ABI_VGIC_ADDR_V3_REDIST_REGION, KVM_VGIC_V3_ADDR_TYPE_REDIST_REGION);
}
#endif
#endif

/* Sizes are part of the requests' numbers. */
static void test_sizes(void **state)
{
    assert_int_equal(sizeof(struct abi_memory_region), 32);
    assert_int_equal(sizeof(struct abi_one_reg), 16);
    assert_int_equal(sizeof(struct abi_vcpu_init), 32);
    assert_int_equal(sizeof(struct abi_vcpu_events), 64);
    assert_int_equal(sizeof(struct abi_guest_debug), 520);
    assert_int_equal(sizeof(struct abi_enable_cap), 104);
    assert_int_equal(sizeof(struct abi_device_attr), 24);
    assert_int_equal(sizeof(struct abi_smccc_filter), 24);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#if defined(__linux__)
        cmocka_unit_test(test_requests),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_shared_page),
#if defined(__aarch64__)
        cmocka_unit_test(test_registers),
#endif
#endif
        cmocka_unit_test(test_sizes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
