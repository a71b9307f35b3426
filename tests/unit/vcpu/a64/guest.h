/* A small machine for the tests: RAM, one device, one or two vCPUs. */
#ifndef GUEST_H
#define GUEST_H

#include <vml/a64.h>

#define GUEST_RAM    UINT64_C(0x40000000)
#define GUEST_SIZE   UINT64_C(0x200000)
#define GUEST_UART   UINT64_C(0x09000000)
#define GUEST_CPUS   2
#define GUEST_SYSREG VML_SYSREG(3, 3, 15, 0, 0) /* the device again */
#define GUEST_VBAR   (GUEST_RAM + 0x10000)
#define GUEST_TABLE  (GUEST_RAM + 0x100000)

struct guest {
    struct vml_as as;
    struct vml_as_region ram;
    struct vml_vbus bus;
    struct vml_bus_range range;
    struct vml_vbus sysreg;
    struct vml_bus_range sysreg_range;
    struct vml_device device;
    struct vml_a64_machine machine;
    struct vml_a64 *pointers[GUEST_CPUS];
    struct vml_a64 cpu[GUEST_CPUS];
    struct vml_cpu *by_index[GUEST_CPUS];
    struct vml_cpu *by_affinity[GUEST_CPUS];
    struct vml_cpu_set set;
    uint32_t cpus;
    uint8_t *memory;
    void *storage[GUEST_CPUS];
    void *as_storage;
    void *bus_storage;
    void *sysreg_storage;
    struct vml_access last;    /* the device's last access */
    uint64_t device_value;     /* what the device reads as */
    _Atomic bool device_waits; /* it answers later */
    _Atomic uint64_t accesses; /* to the device */
    uint64_t timer_offset[GUEST_CPUS];
    _Atomic uint64_t firmware_calls; /* HVC and SMC */
    _Atomic uint64_t firmware_x0;    /* of the last */
    _Atomic bool firmware_smc;       /* of the last */
    bool firmware_stops;             /* a call stops the vCPU */
    bool firmware_waits;             /* a call suspends the vCPU */
};

void guest_make(struct guest *g, uint32_t cpus, bool single_thread);
void guest_make_model(struct guest *g, uint32_t cpus, bool single_thread,
                      const struct vml_arm_ids *model);
void guest_end(struct guest *g);
void guest_load(struct guest *g, uint64_t pa, const uint32_t *words, size_t count);
/* Starts a vCPU at an address. */
void guest_start(struct guest *g, uint32_t cpu, uint64_t pc);
uint64_t guest_sysreg(struct guest *g, uint64_t encoding);
void guest_set_sysreg(struct guest *g, uint64_t encoding, uint64_t value);
uint64_t guest_read64(const struct guest *g, uint64_t pa);
void guest_write64(struct guest *g, uint64_t pa, uint64_t value);
/* Executes one instruction of vCPU 0; returns true when it took an exception. */
bool guest_step(struct guest *g, uint32_t instruction);
/* Identity map of RAM with 4 KiB granules in a 48-bit lower range: 2 MiB blocks, and level 3 tables
 * for one 2 MiB region at `va`, whose leaf for page n is guest_leaf(). Turns the MMU on. */
void guest_map(struct guest *g);
uint64_t guest_leaf_at(uint32_t page);

#define LOAD_WORDS(g, pa, words) guest_load(g, pa, words, sizeof(words) / sizeof((words)[0]))

#define SCTLR                    VML_SYSREG(3, 0, 1, 0, 0)
#define CPACR                    VML_SYSREG(3, 0, 1, 0, 2)
#define TTBR0                    VML_SYSREG(3, 0, 2, 0, 0)
#define TTBR1                    VML_SYSREG(3, 0, 2, 0, 1)
#define TCR                      VML_SYSREG(3, 0, 2, 0, 2)
#define SPSR                     VML_SYSREG(3, 0, 4, 0, 0)
#define ELR                      VML_SYSREG(3, 0, 4, 0, 1)
#define ESR                      VML_SYSREG(3, 0, 5, 2, 0)
#define FAR                      VML_SYSREG(3, 0, 6, 0, 0)
#define PAR                      VML_SYSREG(3, 0, 7, 4, 0)
#define MAIR                     VML_SYSREG(3, 0, 10, 2, 0)
#define VBAR                     VML_SYSREG(3, 0, 12, 0, 0)
#define MDSCR                    VML_SYSREG(2, 0, 0, 2, 2)
#define DBGBVR0                  VML_SYSREG(2, 0, 0, 0, 4)
#define DBGBCR0                  VML_SYSREG(2, 0, 0, 0, 5)
#define DBGWVR0                  VML_SYSREG(2, 0, 0, 0, 6)
#define DBGWCR0                  VML_SYSREG(2, 0, 0, 0, 7)
#define OSLAR                    VML_SYSREG(2, 0, 1, 0, 4)

#endif
