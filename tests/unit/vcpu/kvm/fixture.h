/* A machine on the fake kernel: 1 MiB of RAM at 1 GiB, a ROM at 0, and a device at 0x0900_0000. */
#ifndef KVM_FIXTURE_H
#define KVM_FIXTURE_H

#include "fake.h"

#include <vml/psci.h>
#include <vml/roundup.h>

#define RAM      UINT64_C(0x40000000)
#define RAM_SIZE 0x100000u
#define ROM_SIZE 0x10000u
#define DEVICE   UINT64_C(0x09000000)

struct fixture {
    struct vml_as as;
    uint64_t as_storage[VML_AS_STORAGE(40) / 8 + 1];
    struct vml_as_region regions[40];
    struct vml_vbus bus;
    struct vml_device device;
    struct vml_bus_range range;
    struct vml_access last; /* of the device */
    unsigned accesses;
    enum vml_bus_result answer;
    uint64_t value; /* what reads give */
    void (*inside)(void);

    /* An interrupt controller in user space: levels to be set by the test. */
    struct vml_irq_controller controller;
    _Atomic uint32_t pending[4]; /* bit 0 IRQ, bit 1 FIQ */
    uint32_t wires[FAKE_CPUS];   /* bit INTID: the level */

    struct vml_kvm_machine machine;
    struct vml_kvm_machine_config config;
    struct vml_kvm_gic_config gic;
    struct vml_kvm kvms[FAKE_CPUS];
    struct vml_kvm *pointers[FAKE_CPUS];
    struct vml_cpu *cpus[FAKE_CPUS];
    struct vml_cpu *sorted[FAKE_CPUS];
    struct vml_cpu_set set;
    struct vml_lifecycle lifecycle;
    struct vml_lifecycle_event told;
    unsigned told_count;
    enum vml_lifecycle_action action;
    struct vml_psci psci;
    struct vml_smccc smccc;
    bool user_irqs, user_firmware;
};

extern struct fixture fx;

/* Memory, bus and configuration; no machine yet. */
int fixture_begin(void **state);
/* The machine and its vCPUs. */
void fixture_machine(uint32_t cpus);
int fixture_end(void **state);
void fixture_start(uint32_t cpu, uint64_t entry);

#endif
