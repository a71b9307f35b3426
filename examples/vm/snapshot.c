/*
 * The machine's state in a file: a header, the records of every part, and the pages of RAM that are
 * not all zero.  It fits a machine that was made with the same options.  A file is complete or not
 * there: it is written beside its place and then moved.
 */
#include "machine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAGIC       "vml-vm 1"
#define MAX_STATE   (UINT64_C(1) << 32)
#define TAG_MACHINE VML_STATE_TAG('V', 'M', 'M', 'C')
#define TAG_CPU     VML_STATE_TAG('V', 'M', 'C', 'P')

enum { PAGE = 4096, CPU_NAME = 32, MAX_DEVICES = VM_VIRTIO_SLOTS + 24 };

/* In front of the records; little-endian, as every host here is. */
struct header {
    char magic[8];
    uint64_t state_size;
    uint64_t ram_size;
};

/* In front of `count` pages from `first` on; the last has no pages. */
struct run {
    uint64_t first;
    uint64_t count;
};

/* Every device that has state, in the order of the file. */
static unsigned list_devices(struct vm *vm, struct vml_device **list)
{
    unsigned n = 0;

    list[n++] = &vm->gic.gicd;
    if (vm->options.gic == 3) {
        list[n++] = &vm->its.device;
    }
    list[n++] = &vm->timers.device;
    list[n++] = &vm->uart.device;
    list[n++] = &vm->rtc.device;
    list[n++] = &vm->gpio.device;
    if (vm->options.bios) {
        list[n++] = &vm->flash[0].device;
        list[n++] = &vm->flash[1].device;
        list[n++] = &vm->fw_cfg.device;
    }
    if (vm->pci.devices != 0) {
        list[n++] = &vm->pci.bridge.device;
    }
    for (unsigned i = 0; i < vm->virtio_count; i++) {
        list[n++] = vm->virtio[i].state;
    }
    return n;
}

/* What a virtio device is, and where. */
static uint32_t type_of(const struct vm_virtio *v)
{
    return (uint32_t)v->options->type | (v->options->pci ? 0x100u : 0u);
}

/* What must be the same on both sides. */
static void put_options(struct vm *vm, struct vml_state_writer *w)
{
    char cpu[CPU_NAME] = "";

    strncpy(cpu, vm->options.cpu, sizeof(cpu) - 1);
    vml_state_put_u32(w, vm->options.cpus);
    vml_state_put_u32(w, vm->options.gic);
    vml_state_put_u32(w, vm->virtio_count);
    for (unsigned i = 0; i < vm->virtio_count; i++) {
        vml_state_put_u32(w, type_of(&vm->virtio[i]));
    }
    vml_state_put_bool(w, vm->options.bios != NULL);
    vml_state_put_bool(w, vm->options.deterministic);
    vml_state_put_bytes(w, cpu, sizeof(cpu));
}

/* What put_options() wrote, and what stands behind it. */
struct saved {
    uint32_t cpus, gic, virtio_count;
    uint32_t types[VM_VIRTIO_SLOTS];
    bool bios, deterministic;
    char cpu[CPU_NAME];
    uint64_t ticks, seed;
};

static void get_options(struct vml_state_reader *r, struct saved *saved)
{
    memset(saved, 0, sizeof(*saved));
    saved->cpus = vml_state_get_u32(r);
    saved->gic = vml_state_get_u32(r);
    saved->virtio_count = vml_state_get_u32(r);
    if (saved->virtio_count > VM_VIRTIO_SLOTS) {
        vml_state_fail(r, VML_ERR_CORRUPT);
        return;
    }
    for (uint32_t i = 0; i < saved->virtio_count; i++) {
        saved->types[i] = vml_state_get_u32(r);
    }
    saved->bios = vml_state_get_bool(r);
    saved->deterministic = vml_state_get_bool(r);
    vml_state_get_bytes(r, saved->cpu, sizeof(saved->cpu));
    saved->cpu[sizeof(saved->cpu) - 1] = 0;
    saved->ticks = vml_state_get_u64(r);
    saved->seed = vml_state_get_u64(r);
}

static void check_u32(const char *file, const char *what, uint32_t saved, uint32_t mine)
{
    if (saved != mine) {
        vm_fail("--restore '%s': was saved with %s %u, and this machine has %u", file, what, saved,
                mine);
    }
}

static void check_options(const struct vm *vm, const char *file, const struct saved *saved)
{
    check_u32(file, "--cpus", saved->cpus, vm->options.cpus);
    check_u32(file, "--gic", saved->gic, vm->options.gic);
    check_u32(file, "a number of virtio devices of", saved->virtio_count, vm->virtio_count);
    for (unsigned i = 0; i < vm->virtio_count; i++) {
        check_u32(file, "a virtio device of type", saved->types[i], type_of(&vm->virtio[i]));
    }
    if (saved->bios != (vm->options.bios != NULL)) {
        vm_fail("--restore '%s': only one of the two machines has --bios", file);
    }
    if (saved->deterministic != vm->options.deterministic) {
        vm_fail("--restore '%s': only one of the two machines is --deterministic", file);
    }
    if (strcmp(saved->cpu, vm->options.cpu) != 0) {
        vm_fail("--restore '%s': was saved with --cpu %s, and this machine has %s", file,
                saved->cpu, vm->options.cpu);
    }
}

static void put_cpu(struct vm *vm, uint32_t i, struct vml_state_writer *w)
{
    struct vml_cpu *cpu = vm->cpus[i];
    enum vml_cpu_state state = vml_cpu_state(cpu);

    vml_state_begin(w, TAG_CPU, 1);
    vml_state_put_u8(w, state == VML_CPU_OFF ? 0 : state == VML_CPU_ON_PENDING ? 1 : 2);
    vml_state_put_u64(w, cpu->start.entry);
    vml_state_put_u64(w, cpu->start.context);
    vml_state_put_u64(w, cpu->start.timer_offset);
    vml_state_put_u32(w, cpu->start.mode);
    vm->engine->save(vm, i, w);
    vml_state_end(w);
}

/* Enters a vCPU's record, up to the engine's own. Returns what put_cpu() told of its state. */
static uint8_t enter_cpu(struct vml_state_reader *r, struct vml_cpu_start *start)
{
    uint8_t state;

    (void)vml_state_enter(r, TAG_CPU, 1);
    state = vml_state_get_u8(r);
    start->entry = vml_state_get_u64(r);
    start->context = vml_state_get_u64(r);
    start->timer_offset = vml_state_get_u64(r);
    start->mode = vml_state_get_u32(r);
    return state;
}

static void get_cpu(struct vm *vm, uint32_t i, struct vml_state_reader *r)
{
    struct vml_cpu_start start;
    uint8_t state = enter_cpu(r, &start);

    if (state == 2) {
        /* On: it is started first, so that the registers that follow are what counts. */
        vm_check(vml_cpu_start(vm->cpus[i], &start), "vCPU");
        vm_check(vml_cpu_wait_on(vm->cpus[i]), "vCPU");
    }
    if (vm->engine->restore(vm, i, r) != VML_OK) {
        vml_state_fail(r, VML_ERR_CORRUPT);
    }
    vml_state_leave(r);
    if (state == 2) {
        vml_cpu_park(vm->cpus[i]);
    } else if (state == 1) {
        vm_check(vml_cpu_start(vm->cpus[i], &start), "vCPU");
    }
    vml_cpu_recall(vm->cpus[i], VML_CPU_REQUEST_IRQ);
}

static void put_state(struct vm *vm, struct vml_state_writer *w)
{
    struct vml_device *devices[MAX_DEVICES];
    unsigned count = list_devices(vm, devices);

    vml_state_begin(w, TAG_MACHINE, 1);
    put_options(vm, w);
    vml_state_put_u64(w, vml_clock_now(vm->clock));
    vml_state_put_u64(w, vm->seed);
    for (unsigned i = 0; i < count; i++) {
        devices[i]->ops->save(devices[i], w);
    }
    vml_psci_save(&vm->psci, w);
    for (uint32_t i = 0; i < vm->options.cpus; i++) {
        put_cpu(vm, i, w);
    }
    vml_state_end(w);
}

/* All records, in memory; the caller frees them. */
static uint8_t *state_of(struct vm *vm, size_t *size)
{
    struct vml_state_writer w;
    uint8_t *bytes;

    if (vm->engine->timers_out) {
        vm->engine->timers_out(vm);
    }
    if (vm->engine->gic_out) {
        vm->engine->gic_out(vm);
    }
    vml_state_writer_init(&w, NULL, 0);
    put_state(vm, &w);
    *size = w.used;
    bytes = malloc(*size);
    if (!bytes) {
        vm_fail("--save: out of memory");
    }
    vml_state_writer_init(&w, bytes, *size);
    put_state(vm, &w);
    vm_check(vml_state_write_status(&w), "--save");
    return bytes;
}

static bool is_zero(const uint8_t *page)
{
    static const uint8_t zero[PAGE];

    return memcmp(page, zero, PAGE) == 0;
}

static bool write_ram(FILE *file, const uint8_t *ram, uint64_t pages)
{
    struct run run = {0, 0};

    for (uint64_t i = 0; i <= pages; i++) {
        if (i < pages && !is_zero(ram + i * PAGE)) {
            run.first = run.count ? run.first : i;
            run.count++;
        } else if (run.count) {
            if (fwrite(&run, sizeof(run), 1, file) != 1 ||
                fwrite(ram + run.first * PAGE, PAGE, run.count, file) != run.count) {
                return false;
            }
            run.count = 0;
        }
    }
    return fwrite(&run, sizeof(run), 1, file) == 1;
}

void vm_save(struct vm *vm, const char *path)
{
    struct header header = {.ram_size = vm->ram.size};
    char beside[4096];
    size_t size;
    uint8_t *state;
    FILE *file;

    vm_virtio_pause(vm, true);
    state = state_of(vm, &size);
    memcpy(header.magic, MAGIC, sizeof(header.magic));
    header.state_size = size;
    snprintf(beside, sizeof(beside), "%s.part", path);
    file = fopen(beside, "wb");
    if (!file || fwrite(&header, sizeof(header), 1, file) != 1 ||
        fwrite(state, size, 1, file) != 1 || !write_ram(file, vm->ram.host, vm->ram.size / PAGE) ||
        fflush(file) != 0 || fsync(fileno(file)) != 0 || fclose(file) != 0 ||
        rename(beside, path) != 0) {
        int error = errno;

        (void)unlink(beside);
        vm_fail("--save '%s': %s", path, strerror(error));
    }
    free(state);
    vm_virtio_pause(vm, false);
    fprintf(stderr, "vm: saved to %s\n", path);
}

static void read_all(const char *path, FILE *file, void *to, uint64_t size)
{
    if (size != 0 && fread(to, size, 1, file) != 1) {
        vm_fail("--restore '%s': %s", path, ferror(file) ? strerror(errno) : "is cut short");
    }
}

static void read_ram(const char *path, FILE *file, uint8_t *ram, uint64_t pages)
{
    uint64_t next = 0;
    struct run run;

    do {
        read_all(path, file, &run, sizeof(run));
        if (run.count && (run.first < next || run.first > pages || run.count > pages - run.first)) {
            vm_fail("--restore '%s': is damaged", path);
        }
        for (uint64_t end = run.count ? run.first : pages; next < end; next++) {
            if (!is_zero(ram + next * PAGE)) {
                memset(ram + next * PAGE, 0, PAGE);
            }
        }
        read_all(path, file, ram + next * PAGE, run.count * PAGE);
        next += run.count;
    } while (run.count);
}

static void get_state(struct vm *vm, const char *path, struct vml_state_reader *r)
{
    struct vml_device *devices[MAX_DEVICES];
    unsigned count = list_devices(vm, devices);
    struct saved saved;

    (void)vml_state_enter(r, TAG_MACHINE, 1);
    get_options(r, &saved);
    if (vml_state_read_status(r) != VML_OK) {
        return; /* the caller says so */
    }
    check_options(vm, path, &saved);
    if (vm->options.deterministic) {
        vml_virtual_clock_advance(&vm->virtual_clock, saved.ticks);
        vm->seed = saved.seed;
    }
    for (unsigned i = 0; i < count; i++) {
        enum vml_status status = devices[i]->ops->restore(devices[i], r);

        if (status != VML_OK) {
            vm_fail("--restore '%s': %s: %s", path, devices[i]->name, vml_status_name(status));
        }
    }
    if (vml_psci_restore(&vm->psci, r) != VML_OK) {
        vm_fail("--restore '%s': psci: is damaged", path);
    }
    for (uint32_t i = 0; i < vm->options.cpus; i++) {
        get_cpu(vm, i, r);
    }
    vml_state_leave(r);
    if (vm->engine->timers_in && vml_state_read_status(r) == VML_OK) {
        vm->engine->timers_in(vm);
    }
    if (vm->engine->gic_in && vml_state_read_status(r) == VML_OK) {
        vm->engine->gic_in(vm);
    }
}

/* The header and the records; the file is then at the pages of RAM. */
static FILE *open_saved(const char *path, struct header *header, uint8_t **state)
{
    FILE *file = fopen(path, "rb");
    bool right;

    if (!file) {
        vm_fail("--restore '%s': %s", path, strerror(errno));
    }
    read_all(path, file, header, sizeof(*header));
    right = memcmp(header->magic, MAGIC, sizeof(header->magic)) == 0;
    if (!right || header->state_size > MAX_STATE) {
        vm_fail("--restore '%s': is not a saved machine", path);
    }
    *state = malloc(header->state_size + 1);
    if (!*state) {
        vm_fail("--restore '%s': out of memory", path);
    }
    read_all(path, file, *state, header->state_size);
    return file;
}

void vm_restore_ids(struct vm *vm, const char *path)
{
    struct vml_state_reader r;
    struct vml_arm_state cpu;
    struct header header;
    uint8_t *state = NULL;
    FILE *file = open_saved(path, &header, &state);
    struct vml_cpu_start start;
    struct saved saved;

    vml_state_reader_init(&r, state, header.state_size);
    (void)vml_state_enter(&r, TAG_MACHINE, 1);
    get_options(&r, &saved);
    while (vml_state_peek(&r) != TAG_CPU && vml_state_peek(&r) != 0) {
        vml_state_skip(&r); /* devices */
    }
    (void)enter_cpu(&r, &start);
    if (vml_arm_state_restore(&cpu, &r) != VML_OK) {
        vm_fail("--restore '%s': is damaged", path);
    }
    vm->saved_ids = cpu.ids;
    free(state);
    fclose(file);
}

void vm_restore(struct vm *vm, const char *path)
{
    struct vml_state_reader r;
    struct header header;
    uint8_t *state = NULL;
    FILE *file = open_saved(path, &header, &state);

    if (header.ram_size != vm->ram.size) {
        vm_fail("--restore '%s': was saved with --memory %lluM, and this machine has %lluM", path,
                (unsigned long long)(header.ram_size >> 20),
                (unsigned long long)(vm->ram.size >> 20));
    }
    read_ram(path, file, vm->ram.host, vm->ram.size / PAGE);
    fclose(file);
    /* Memory is there now: devices find their rings in it. */
    vml_state_reader_init(&r, state, header.state_size);
    get_state(vm, path, &r);
    if (vml_state_read_status(&r) != VML_OK) {
        vm_fail("--restore '%s': is damaged (%s)", path,
                vml_status_name(vml_state_read_status(&r)));
    }
    free(state);
    vm->engine->memory_changed(vm);
}

/* FNV-1a, eight bytes at a time. */
static uint64_t hash(uint64_t h, const uint8_t *bytes, uint64_t size)
{
    uint64_t word = 0;

    for (uint64_t i = 0; i < size; i += sizeof(word)) {
        uint64_t n = vml_min_u64(sizeof(word), size - i);

        memcpy(&word, bytes + i, n);
        h = (h ^ word) * UINT64_C(0x100000001b3);
    }
    return h;
}

uint64_t vm_state_hash(struct vm *vm)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    size_t size;
    uint8_t *state;

    vm_virtio_pause(vm, true);
    state = state_of(vm, &size);
    h = hash(h, state, size);
    free(state);
    h = hash(h, vm->ram.host, vm->ram.size);
    vm_virtio_pause(vm, false);
    return h;
}
