/*
 * A kernel's KVM for tests: keeps registers, remembers what it was told, fails where a test wants it,
 * and "runs" a vCPU by calling a function of the test.
 */
#ifndef FAKE_KVM_H
#define FAKE_KVM_H

#include "test.h"

#include <vml/kvm.h>

#include "kvm_abi.h"

enum { FAKE_CPUS = 4, FAKE_REGS = 400, FAKE_LOG = 64, FAKE_SLOTS = 40 };

struct fake_reg {
    uint64_t id;
    uint64_t value[2];
};

struct fake_cpu {
    struct fake_reg regs[FAKE_REGS];
    unsigned reg_count;
    union {
        struct abi_run run;
        uint8_t bytes[4096];
    } page;
    bool mapped;
    uint32_t mp_state;
    struct abi_vcpu_events events;
    struct abi_vcpu_init init;
    uint32_t debug;
    unsigned inits, runs, immediate_runs;
};

struct fake_attr {
    int fd;
    uint32_t group;
    uint64_t attr;
    uint64_t value;
};

struct fake {
    struct vml_kvm_system system;
    int open_result, api_version, mmap_size, ipa_bits;
    bool missing[256]; /* capabilities */
    bool read_only_ids;
    bool no_filter, no_map;
    /* The `fail_skip`th next request of this number fails. */
    uint32_t fail_request;
    int fail_error;
    unsigned fail_skip;
    int fds; /* open */
    uint32_t vm_type;
    struct abi_memory_region slots[FAKE_SLOTS];
    unsigned slot_calls;
    struct abi_irq_level lines[FAKE_LOG];
    unsigned line_count;
    struct fake_attr attrs[FAKE_LOG];
    unsigned attr_count;
    uint32_t enabled[32];
    unsigned enabled_count;
    struct abi_smccc_filter filters[12];
    unsigned filter_count;
    struct abi_msi msi;
    int msi_result;
    struct abi_irqfd irqfd;
    struct abi_ioeventfd ioeventfd;
    uint64_t dirty_bits;
    struct fake_cpu cpus[FAKE_CPUS];
    unsigned cpu_count;
    _Atomic unsigned kicks;
    uint64_t thread;
    /* KVM_RUN: fills the page, returns 0 or an error number. */
    int (*run)(struct fake *fake, unsigned cpu, struct abi_run *page);
    void *context;
};

extern struct fake fake;

void fake_reset(void);
/* A register that must be there. */
uint64_t *fake_reg(unsigned cpu, uint64_t id);
void fake_add_reg(struct fake_cpu *cpu, uint64_t id, uint64_t value);
void fake_remove_reg(unsigned cpu, uint64_t id);

#endif
