/* What the user asked for: from the command line, and from a configuration file. */
#ifndef VM_OPTIONS_H
#define VM_OPTIONS_H

#include "layout.h"

#include <stdbool.h>
#include <stdint.h>

enum { VM_MAX_DEVICES = 32, VM_NAME_SIZE = 64 };

enum vm_device_type { VM_DEVICE_BLOCK, VM_DEVICE_NET, VM_DEVICE_CONSOLE, VM_DEVICE_RNG };

/* A virtio device; text is the user's and lives as long as the program. */
struct vm_device_options {
    char name[VM_NAME_SIZE];
    enum vm_device_type type;
    bool has_type;
    const char *file; /* block: the image */
    bool readonly;    /* block */
    bool pci;         /* its transport is PCI, not MMIO */
    bool has_transport;
    const char *backend; /* net: user, tap=IF, switch=NAME, none; console: as --console */
    const char *pcap;    /* net: what goes over it is recorded in this file; or NULL */
};

struct vm_options {
    const char *kernel;
    const char *initrd;
    const char *append;
    const char *bios;
    const char *dtb;
    const char *dump_dtb;
    const char *console;
    const char *trace;
    const char *save;
    const char *restore;
    const char *cpu;
    const char *accel;
    const char *debug;
    const char *gdb; /* where a debugger connects, or NULL */
    bool gdb_wait;
    uint64_t memory;
    unsigned cpus;
    const char *host_cpus;          /* NULL: vCPUs run anywhere */
    uint32_t host_cpu[VM_MAX_CPUS]; /* of each vCPU, or UINT32_MAX */
    unsigned gic;
    bool deterministic;
    bool stats;
    bool pci;             /* where virtio devices are that do not say it themselves */
    unsigned pci_devices; /* that are on PCI */
    struct vm_device_options devices[VM_MAX_DEVICES];
    unsigned device_count;
};

/* Prints "vm: ..." on stderr and exits with status 2. For the user's mistakes. */
void vm_fail(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* Reads the command line (and the file that it names); every mistake ends in vm_fail(). */
void vm_options_parse(struct vm_options *options, int argc, char **argv);

#endif
