#include "options.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MIB (UINT64_C(1) << 20)

static const char usage[] =
    "usage: vm --kernel IMAGE [options]\n"
    "       vm --bios FIRMWARE [options]\n"
    "\n"
    "guest\n"
    "  --kernel FILE         arm64 Image (may be gzip-compressed), ELF, or flat binary\n"
    "  --initrd FILE         initial RAM disk\n"
    "  --append TEXT         kernel command line\n"
    "  --bios FILE           firmware in flash bank 0\n"
    "  --dtb FILE            use this device tree, patched, instead of a generated one\n"
    "  --dump-dtb FILE       write the device tree and exit\n"
    "machine\n"
    "  --memory SIZE         RAM, such as 512M or 2G (default 512M)\n"
    "  --cpus N              vCPUs (default 1)\n"
    "  --host-cpus LIST      host CPUs that the vCPUs are bound to, in turn, such as 0,2-3\n"
    "  --cpu MODEL           cortex-a53, cortex-a57, cortex-a72 or max (default cortex-a57)\n"
    "  --gic 2|3             interrupt controller (default 3)\n"
    "  --accel ENGINE        what executes the guest: a64 (software), kvm, or auto (default)\n"
    "  --deterministic       all vCPUs in turn on one thread, time counted in instructions\n"
    "devices\n"
    "  --disk FILE[,ro]      virtio disk; may be repeated\n"
    "  --net BACKEND[,pcap=FILE]  virtio network: user, tap=IF, switch=NAME or none; and\n"
    "                        a record of its frames for a packet analyser\n"
    "  --console WHERE       the serial line: stdio (default), pty, unix:PATH, log:FILE or none\n"
    "  --virtio-console WHERE  virtio console; WHERE as above\n"
    "  --rng                 virtio entropy device\n"
    "  --pci                 virtio devices are on PCI Express, not on MMIO\n"
    "other\n"
    "  --config FILE         read attributes from a file (see README.md)\n"
    "  --save FILE           write the machine's state when the monitor or SIGUSR1 asks for it\n"
    "  --restore FILE        go on from a saved state\n"
    "  --debug LEVEL         say what happens: condensed, detailed or full (default none)\n"
    "  --gdb WHERE           a debugger may attach: tcp:PORT (of this host), unix:PATH or pty\n"
    "  --gdb-wait            start when the debugger says so\n"
    "  --trace FILE          write a trace that opens in a trace viewer\n"
    "  --stats               print statistics at the end\n"
    "  --help                this text\n";

void vm_fail(const char *format, ...)
{
    va_list args;

    fputs("vm: ", stderr);
    va_start(args, format);
    vfprintf(stderr, format, args);
    va_end(args);
    fputc('\n', stderr);
    exit(2);
}

static uint64_t parse_number(const char *what, const char *text, uint64_t min, uint64_t max)
{
    char *end;
    unsigned long long value;

    errno = 0;
    value = strtoull(text, &end, 0);
    if (end == text || *end || text[0] == '-' || errno || value < min || value > max) {
        vm_fail("%s '%s': must be a number from %llu to %llu", what, text, (unsigned long long)min,
                (unsigned long long)max);
    }
    return value;
}

static uint64_t parse_size(const char *what, const char *text)
{
    char *end;
    unsigned long long value;
    unsigned shift = 0;

    errno = 0;
    value = strtoull(text, &end, 0);
    if (end != text && *end) {
        shift = strchr("kK", *end) ? 10 : strchr("mM", *end) ? 20 : strchr("gG", *end) ? 30 : 64;
        end++;
    }
    if (end == text || *end || text[0] == '-' || errno || shift == 64 ||
        value > (UINT64_MAX >> shift)) {
        vm_fail("%s '%s': must be a size, such as 512M or 2G", what, text);
    }
    value <<= shift;
    if (value < 16 * MIB || value > 255 * 1024 * MIB || value % (2 * MIB) != 0) {
        vm_fail("%s '%s': must be from 16M to 255G, in steps of 2M", what, text);
    }
    return value;
}

static bool parse_bool(const char *what, const char *text)
{
    if (strcmp(text, "yes") == 0 || strcmp(text, "true") == 0) {
        return true;
    }
    if (strcmp(text, "no") == 0 || strcmp(text, "false") == 0) {
        return false;
    }
    vm_fail("%s '%s': must be yes or no", what, text);
}

static struct vm_device_options *add_device(struct vm_options *options, const char *name)
{
    struct vm_device_options *device;
    unsigned i;

    if (options->device_count == VM_MAX_DEVICES) {
        vm_fail("device '%s': there is room for %d virtio devices", name, VM_MAX_DEVICES);
    }
    for (i = 0; i < options->device_count; i++) {
        if (strcmp(options->devices[i].name, name) == 0) {
            vm_fail("device '%s' is there twice", name);
        }
    }
    device = &options->devices[options->device_count++];
    memset(device, 0, sizeof(*device));
    if (snprintf(device->name, sizeof(device->name), "%s", name) >= (int)sizeof(device->name)) {
        vm_fail("device '%s': a name has at most %d characters", name, VM_NAME_SIZE - 1);
    }
    return device;
}

static struct vm_device_options *add_numbered(struct vm_options *options, const char *kind,
                                              enum vm_device_type type)
{
    struct vm_device_options *device;
    char name[VM_NAME_SIZE];

    snprintf(name, sizeof(name), "%s%u", kind, options->device_count);
    device = add_device(options, name);
    device->type = type;
    device->has_type = true;
    return device;
}

static void add_disk(struct vm_options *options, char *text)
{
    struct vm_device_options *device = add_numbered(options, "disk", VM_DEVICE_BLOCK);
    char *comma = strrchr(text, ',');

    if (comma && strcmp(comma, ",ro") == 0) {
        *comma = 0;
        device->readonly = true;
    }
    device->file = text;
}

static void set_cpus(struct vm_options *options, const char *what, const char *text)
{
    options->cpus = (unsigned)parse_number(what, text, 1, VM_MAX_CPUS);
}

static void set_gic(struct vm_options *options, const char *what, const char *text)
{
    options->gic = (unsigned)parse_number(what, text, 2, 3);
}

/* ------------------------------------------------------------------------ configuration file */

struct reader {
    struct vm_options *options;
    const char *file;
};

static char *keep(const char *text)
{
    char *copy = strdup(text);

    if (!copy) {
        vm_fail("out of memory");
    }
    return copy;
}

static void machine_attribute(struct reader *r, const char *key, const char *value)
{
    struct vm_options *o = r->options;
    const struct {
        const char *key;
        const char **target;
    } texts[] = {
        {"kernel", &o->kernel},       {"initrd", &o->initrd}, {"bootargs", &o->append},
        {"bios", &o->bios},           {"dtb", &o->dtb},       {"cpu_type", &o->cpu},
        {"console", &o->console},     {"accel", &o->accel},   {"debug", &o->debug},
        {"host_cpus", &o->host_cpus},
    };
    size_t i;

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (strcmp(key, texts[i].key) == 0) {
            *texts[i].target = keep(value);
            return;
        }
    }
    if (strcmp(key, "ram_size") == 0) {
        o->memory = parse_size("ram_size", value);
    } else if (strcmp(key, "cpu_count") == 0) {
        set_cpus(o, "cpu_count", value);
    } else if (strcmp(key, "gic_version") == 0) {
        set_gic(o, "gic_version", value);
    } else {
        vm_fail("%s: unknown attribute '%s': there are kernel, initrd, bootargs, bios, dtb, "
                "ram_size, cpu_count, cpu_type, host_cpus, gic_version, console, accel, debug and "
                "sections [virtio_device NAME]",
                r->file, key);
    }
}

static bool parse_transport(const char *file, const char *name, const char *value)
{
    if (strcmp(value, "mmio") != 0 && strcmp(value, "pci") != 0) {
        vm_fail("%s: device '%s': unknown transport '%s': there are mmio and pci", file, name,
                value);
    }
    return value[0] == 'p';
}

static enum vm_device_type parse_type(const char *file, const char *name, const char *value)
{
    static const char *const types[] = {"block", "net", "console", "rng"};
    size_t i;

    for (i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (strcmp(value, types[i]) == 0) {
            return (enum vm_device_type)i;
        }
    }
    vm_fail("%s: device '%s': unknown type '%s': there are block, net, console, rng", file, name,
            value);
}

static void device_attribute(struct reader *r, const char *name, const char *key, const char *value)
{
    struct vm_device_options *device = NULL;
    unsigned i;

    for (i = 0; i < r->options->device_count; i++) {
        if (strcmp(r->options->devices[i].name, name) == 0) {
            device = &r->options->devices[i];
        }
    }
    if (!device) {
        device = add_device(r->options, name);
    }
    if (strcmp(key, "type") == 0) {
        device->type = parse_type(r->file, name, value);
        device->has_type = true;
    } else if (strcmp(key, "file") == 0) {
        device->file = keep(value);
    } else if (strcmp(key, "readonly") == 0) {
        device->readonly = parse_bool("readonly", value);
    } else if (strcmp(key, "backend") == 0) {
        device->backend = keep(value);
    } else if (strcmp(key, "pcap") == 0) {
        device->pcap = keep(value);
    } else if (strcmp(key, "transport") == 0) {
        device->pci = parse_transport(r->file, name, value);
        device->has_transport = true;
    } else {
        vm_fail("%s: device '%s': unknown attribute '%s': there are type, file, readonly, backend, "
                "pcap, transport",
                r->file, name, key);
    }
}

static int on_attribute(void *user, const char *section, const char *key, const char *value)
{
    static const char prefix[] = "virtio_device ";
    struct reader *r = user;

    if (section[0] == 0) {
        machine_attribute(r, key, value);
    } else if (strncmp(section, prefix, sizeof(prefix) - 1) == 0) {
        device_attribute(r, section + sizeof(prefix) - 1, key, value);
    } else {
        vm_fail("%s: unknown section '[%s]': there is [virtio_device NAME]", r->file, section);
    }
    return 1;
}

static void read_config(struct vm_options *options, const char *file)
{
    struct reader r = {options, file};
    int line = ini_parse(file, on_attribute, &r);

    if (line < 0) {
        vm_fail("--config '%s': %s", file, strerror(errno));
    }
    if (line > 0) {
        vm_fail("%s:%d: neither 'attribute = value' nor '[virtio_device NAME]'", file, line);
    }
}

/* ------------------------------------------------------------------------------ command line */

enum option_code {
    OPT_KERNEL = 256,
    OPT_INITRD,
    OPT_APPEND,
    OPT_BIOS,
    OPT_DTB,
    OPT_DUMP_DTB,
    OPT_MEMORY,
    OPT_CPUS,
    OPT_HOST_CPUS,
    OPT_CPU,
    OPT_GIC,
    OPT_DETERMINISTIC,
    OPT_DISK,
    OPT_NET,
    OPT_CONSOLE,
    OPT_VIRTIO_CONSOLE,
    OPT_RNG,
    OPT_PCI,
    OPT_CONFIG,
    OPT_SAVE,
    OPT_RESTORE,
    OPT_TRACE,
    OPT_DEBUG,
    OPT_GDB,
    OPT_GDB_WAIT,
    OPT_STATS,
    OPT_ACCEL,
    OPT_HELP,
};

static const struct option long_options[] = {
    {"kernel", required_argument, NULL, OPT_KERNEL},
    {"initrd", required_argument, NULL, OPT_INITRD},
    {"append", required_argument, NULL, OPT_APPEND},
    {"bios", required_argument, NULL, OPT_BIOS},
    {"dtb", required_argument, NULL, OPT_DTB},
    {"dump-dtb", required_argument, NULL, OPT_DUMP_DTB},
    {"memory", required_argument, NULL, OPT_MEMORY},
    {"cpus", required_argument, NULL, OPT_CPUS},
    {"host-cpus", required_argument, NULL, OPT_HOST_CPUS},
    {"cpu", required_argument, NULL, OPT_CPU},
    {"gic", required_argument, NULL, OPT_GIC},
    {"deterministic", no_argument, NULL, OPT_DETERMINISTIC},
    {"disk", required_argument, NULL, OPT_DISK},
    {"net", required_argument, NULL, OPT_NET},
    {"console", required_argument, NULL, OPT_CONSOLE},
    {"virtio-console", required_argument, NULL, OPT_VIRTIO_CONSOLE},
    {"rng", no_argument, NULL, OPT_RNG},
    {"pci", no_argument, NULL, OPT_PCI},
    {"config", required_argument, NULL, OPT_CONFIG},
    {"save", required_argument, NULL, OPT_SAVE},
    {"restore", required_argument, NULL, OPT_RESTORE},
    {"trace", required_argument, NULL, OPT_TRACE},
    {"debug", required_argument, NULL, OPT_DEBUG},
    {"gdb", required_argument, NULL, OPT_GDB},
    {"gdb-wait", no_argument, NULL, OPT_GDB_WAIT},
    {"stats", no_argument, NULL, OPT_STATS},
    {"accel", required_argument, NULL, OPT_ACCEL},
    {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0},
};

/* BACKEND[,pcap=FILE] */
static void add_network(struct vm_options *o, char *text)
{
    struct vm_device_options *device;
    char *pcap = strstr(text, ",pcap=");

    if (strcmp(text, "none") == 0) {
        return;
    }
    device = add_numbered(o, "net", VM_DEVICE_NET);
    device->backend = text;
    if (pcap) {
        *pcap = 0;
        device->pcap = pcap + strlen(",pcap=");
    }
}

static void take_option(struct vm_options *o, int code, char *arg)
{
    switch (code) {
    case OPT_KERNEL:
        o->kernel = arg;
        break;
    case OPT_INITRD:
        o->initrd = arg;
        break;
    case OPT_APPEND:
        o->append = arg;
        break;
    case OPT_BIOS:
        o->bios = arg;
        break;
    case OPT_DTB:
        o->dtb = arg;
        break;
    case OPT_DUMP_DTB:
        o->dump_dtb = arg;
        break;
    case OPT_MEMORY:
        o->memory = parse_size("--memory", arg);
        break;
    case OPT_CPUS:
        set_cpus(o, "--cpus", arg);
        break;
    case OPT_HOST_CPUS:
        o->host_cpus = arg;
        break;
    case OPT_CPU:
        o->cpu = arg;
        break;
    case OPT_GIC:
        set_gic(o, "--gic", arg);
        break;
    case OPT_DETERMINISTIC:
        o->deterministic = true;
        break;
    case OPT_DISK:
        add_disk(o, arg);
        break;
    case OPT_NET:
        add_network(o, arg);
        break;
    case OPT_CONSOLE:
        o->console = arg;
        break;
    case OPT_VIRTIO_CONSOLE:
        add_numbered(o, "console", VM_DEVICE_CONSOLE)->backend = arg;
        break;
    case OPT_RNG:
        add_numbered(o, "rng", VM_DEVICE_RNG);
        break;
    case OPT_PCI:
        o->pci = true;
        break;
    case OPT_CONFIG:
        read_config(o, arg);
        break;
    case OPT_SAVE:
        o->save = arg;
        break;
    case OPT_RESTORE:
        o->restore = arg;
        break;
    case OPT_TRACE:
        o->trace = arg;
        break;
    case OPT_DEBUG:
        o->debug = arg;
        break;
    case OPT_GDB:
        o->gdb = arg;
        break;
    case OPT_GDB_WAIT:
        o->gdb_wait = true;
        break;
    case OPT_STATS:
        o->stats = true;
        break;
    case OPT_ACCEL:
        o->accel = arg;
        break;
    case OPT_HELP:
        fputs(usage, stdout);
        exit(0);
    default: /* getopt has said what is wrong */
        fputs("vm: see vm --help\n", stderr);
        exit(2);
    }
}

/* A number of the list, which must be a host CPU's. */
static uint32_t next_host_cpu(const struct vm_options *o, const char **at)
{
    long host_cpus = sysconf(_SC_NPROCESSORS_CONF);
    char *end;
    long number = isdigit((unsigned char)**at) ? strtol(*at, &end, 10) : -1;

    if (number < 0) {
        vm_fail("--host-cpus '%s': must be numbers and ranges, such as 0,2-3", o->host_cpus);
    }
    if (number >= host_cpus) {
        vm_fail("--host-cpus '%s': this host's CPUs are 0 to %ld", o->host_cpus, host_cpus - 1);
    }
    *at = end;
    return (uint32_t)number;
}

/* The vCPUs take the list's CPUs in turn, more than once where there are more of them. */
static void assign_host_cpus(struct vm_options *o)
{
    const char *at = o->host_cpus;
    unsigned count = 0, i;

    for (i = 0; i < o->cpus; i++) {
        o->host_cpu[i] = UINT32_MAX;
    }
    if (!at) {
        return;
    }
    if (o->deterministic) {
        vm_fail("--host-cpus '%s': a --deterministic machine has no threads", o->host_cpus);
    }
    do {
        uint32_t first = next_host_cpu(o, &at);
        uint32_t last = *at == '-' ? (at++, next_host_cpu(o, &at)) : first;

        if (last < first || (*at && *at != ',')) {
            vm_fail("--host-cpus '%s': must be numbers and ranges, such as 0,2-3", o->host_cpus);
        }
        for (; first <= last && count < o->cpus; first++) {
            o->host_cpu[count++] = first;
        }
    } while (*at++ == ',');
    for (i = count; i < o->cpus; i++) {
        o->host_cpu[i] = o->host_cpu[i - count];
    }
}

static void place_devices(struct vm_options *o)
{
    for (unsigned i = 0; i < o->device_count; i++) {
        if (!o->devices[i].has_transport) {
            o->devices[i].pci = o->pci;
        }
        o->pci_devices += o->devices[i].pci;
    }
    if (o->pci_devices >= VM_PCI_DEVICES) {
        vm_fail("there is room for %d devices on PCI", VM_PCI_DEVICES - 1);
    }
}

static void check_options(const struct vm_options *o)
{
    unsigned i;

    if (!o->kernel && !o->bios) {
        vm_fail("no guest: give --kernel or --bios (see vm --help)");
    }
    if (o->initrd && !o->kernel) {
        vm_fail("--initrd '%s': needs --kernel", o->initrd);
    }
    if (o->gic == 2 && o->cpus > VM_MAX_CPUS_GICV2) {
        vm_fail("--cpus %u: a GICv2 serves at most %d vCPUs; use --gic 3", o->cpus,
                VM_MAX_CPUS_GICV2);
    }
    if (o->gdb_wait && !o->gdb) {
        vm_fail("--gdb-wait: needs --gdb");
    }
    if (o->gdb && o->deterministic) {
        vm_fail("--gdb '%s': a --deterministic machine cannot be debugged", o->gdb);
    }
    for (i = 0; i < o->device_count; i++) {
        const struct vm_device_options *d = &o->devices[i];

        if (!d->has_type) {
            vm_fail("device '%s' has no type: block, net, console or rng", d->name);
        }
        if (d->type == VM_DEVICE_BLOCK && !d->file) {
            vm_fail("device '%s': a block device needs a file", d->name);
        }
    }
}

void vm_options_parse(struct vm_options *options, int argc, char **argv)
{
    int code;

    memset(options, 0, sizeof(*options));
    options->memory = 512 * MIB;
    options->cpus = 1;
    options->gic = 3;
    options->cpu = "cortex-a57";
    options->append = "";
    options->console = "stdio";
    options->accel = "auto";
    options->debug = "none";
    optind = 1; /* this may not be the first machine */
    while ((code = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
        take_option(options, code, optarg);
    }
    if (optind < argc) {
        vm_fail("'%s': unexpected argument (see vm --help)", argv[optind]);
    }
    check_options(options);
    assign_host_cpus(options);
    place_devices(options);
}
