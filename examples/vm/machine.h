/* The machine: everything that a `vm` consists of, in the order in which it is put together. */
#ifndef VM_MACHINE_H
#define VM_MACHINE_H

#include "console.h"
#include "engine.h"
#include "gdb.h"
#include "layout.h"
#include "options.h"

#include <vml/arm_state.h>
#include <vml/chardev.h>
#include <vml/clock.h>
#include <vml/debug.h>
#include <vml/flash.h>
#include <vml/fw_cfg.h>
#include <vml/gic.h>
#include <vml/gic_its.h>
#include <vml/gicv2m.h>
#include <vml/lifecycle.h>
#include <vml/loader.h>
#include <vml/pci.h>
#include <vml/pl011.h>
#include <vml/pl031.h>
#include <vml/pl061.h>
#include <vml/psci.h>
#include <vml/simple_as.h>
#include <vml/smccc.h>
#include <vml/timer.h>
#include <vml/trng.h>
#include <vml/vbus.h>
#include <vml/virtio_mmio.h>
#include <vml/virtio_pci.h>

enum { VM_MAX_REGIONS = 4, VM_MAX_RANGES = 64, VM_MAX_FW_CFG = 16, VM_DTB_SIZE = 1 << 20 };

/* A file that the guest boots from, in memory for as long as the program runs. */
struct vm_file {
    uint8_t *bytes;
    uint64_t size;
    bool mapped; /* else allocated */
};

/* The PCI Express host bridge with its functions; see pci.c. */
struct vm_pci {
    struct vml_pci_host host;
    struct vml_pci_function bridge;
    struct vml_pci_function *functions[VM_PCI_DEVICES];
    struct vml_pci_mapping map[VM_PCI_DEVICES * VML_PCI_BARS];
    unsigned devices; /* 0: the machine has no PCI */
};

/* A virtio device with its transport and its back end; see virtio.c. */
struct vm_virtio {
    struct vml_virtio *dev;
    union {
        struct vml_virtio_mmio mmio;
        struct vml_virtio_pci pci; /* options->pci */
    };
    struct vml_device *state; /* the transport's, for snapshots */
    void *vectors;            /* storage of `pci` */
    const struct vm_virtio_type *type;
    const struct vm_device_options *options;
    void *device; /* of the type */
};

/* Bytes that the pipe to the main thread carries. */
enum vm_event {
    VM_EVENT_OFF = 'o',   /* the guest powered off */
    VM_EVENT_QUIT = 'q',  /* the user asked to leave */
    VM_EVENT_SAVE = 's',  /* the user asked for a snapshot */
    VM_EVENT_RESET = 'r', /* the user asked for a reset */
};

/* What a vCPU's thread is given. */
struct vm_worker {
    struct vm *vm;
    unsigned cpu;
};

struct vm {
    struct vm_options options;
    unsigned number; /* of the machines in this process */
    int events[2];   /* a pipe */

    struct vml_debug debug;
    struct vm_trace *trace;                 /* of --trace */
    struct vml_host_clock host_clock;       /* or */
    struct vml_virtual_clock virtual_clock; /* when deterministic */
    struct vml_clock *clock;

    struct vml_memory ram;
    struct vml_memory flash_memory[2];
    struct vml_as as;
    struct vml_as_region regions[VM_MAX_REGIONS];
    uint32_t region_count;
    uint64_t as_storage[VML_AS_STORAGE(VM_MAX_REGIONS) / sizeof(uint64_t) + 1];

    struct vml_vbus mmio;
    struct vml_vbus sysreg;
    struct vml_vbus *buses[2]; /* both of them */
    struct vml_bus_range ranges[VM_MAX_RANGES];
    uint32_t range_count;

    /* With --restore: the identification registers that the guest has found so far. */
    struct vml_arm_ids saved_ids;

    const struct vm_engine *engine;
    void *engine_state;
    struct vml_cpu *cpus[VM_MAX_CPUS];
    struct vml_cpu *cpus_by_affinity[VM_MAX_CPUS];
    struct vml_cpu_set cpu_set;
    uint64_t mpidr[VM_MAX_CPUS];
    struct vml_thread threads[VM_MAX_CPUS];
    struct vm_worker workers[VM_MAX_CPUS];

    struct vml_gic gic;
    struct vml_gicv2m v2m;
    struct vml_its its;
    _Atomic uint64_t its_cache[VM_ITS_CACHE];
    struct vml_irq_controller *irqs; /* who the devices' wires lead to */
    struct vml_timer timer[VM_MAX_CPUS];
    struct vml_timer *timer_by_index[VM_MAX_CPUS];
    struct vml_timers timers;

    struct vm_gdb gdb;
    struct vm_console console;
    struct vml_pl011 uart;
    struct vml_pl031 rtc;
    struct vml_pl061 gpio;
    struct vml_flash flash[2];
    struct vml_fw_cfg fw_cfg;
    struct vml_fw_cfg_item fw_cfg_items[VM_MAX_FW_CFG];
    uint8_t fw_cfg_directory[4 + VM_MAX_FW_CFG * VML_FW_CFG_DIR_ENTRY];

    struct vml_trng trng;
    struct vml_psci psci;
    struct vml_smccc smccc;
    struct vml_lifecycle lifecycle;

    struct vm_pci pci;
    struct vm_virtio virtio[VM_VIRTIO_SLOTS];
    unsigned virtio_count;
    unsigned mmio_count; /* of them, those on MMIO transports */

    struct vm_file kernel, initrd, dtb, bios;
    struct vml_image image;
    struct vml_boot_plan plan;
    uint8_t tree[VM_DTB_SIZE];
    uint64_t seed; /* of the deterministic entropy */
};

/* machine.c */
void vm_create(struct vm *vm); /* from vm->options; every mistake ends in vm_fail() */
void vm_destroy(struct vm *vm);
void vm_post(struct vm *vm, enum vm_event event); /* any thread */
void vm_power_key(struct vm *vm);
enum vml_status vm_entropy(void *context, void *buffer, size_t len);
void vm_add_range(struct vm *vm, struct vml_vbus *bus, uint64_t base, uint64_t size,
                  struct vml_device *device, uint64_t device_offset);
void vm_check(enum vml_status status, const char *what); /* ends the program unless VML_OK */

/* run.c */
enum vm_event vm_run(struct vm *vm); /* boots or restores it, and returns why it ended */

/* boot.c */
void vm_boot_read(struct vm *vm);                         /* reads the files */
void vm_boot_place(struct vm *vm);                        /* finds places, makes the tree */
void vm_boot_load(struct vm *vm, struct vml_cpu_start *); /* fills memory */
void vm_boot_fw_cfg(struct vm *vm);

/* pci.c */
void vm_pci_create(struct vm *vm);                                 /* if a device is on PCI */
void vm_pci_add(struct vm *vm, struct vml_pci_function *function); /* in the next place */
void vm_pci_destroy(struct vm *vm);

/* virtio.c */
void vm_virtio_create(struct vm *vm);
void vm_virtio_start(struct vm *vm); /* back ends begin to work */
void vm_virtio_stop(struct vm *vm);
void vm_virtio_destroy(struct vm *vm);
void vm_virtio_pause(struct vm *vm, bool pause); /* nothing in flight, for a snapshot */

/* snapshot.c */
void vm_save(struct vm *vm, const char *file);        /* vCPUs are rounded up */
void vm_restore(struct vm *vm, const char *file);     /* nothing runs yet */
void vm_restore_ids(struct vm *vm, const char *file); /* before anything is made */
uint64_t vm_state_hash(struct vm *vm);                /* vCPUs are rounded up */

/* trace.c */
void vm_trace_start(struct vm *vm);
void vm_trace_end(struct vm *vm);

/* report.c */
void vm_report(struct vm *vm);    /* what the machine has done */
void vm_registers(struct vm *vm); /* of every vCPU */

#endif
