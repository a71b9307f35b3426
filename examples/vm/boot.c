/* Kernel, initial RAM disk, device tree and firmware: from files to the guest's memory. */
#define _GNU_SOURCE
#include "device_tree.h"
#include "machine.h"

#include <errno.h>
#include <fcntl.h>
#include <libfdt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vml/arm_cpu_model.h>
#include <zlib.h>

/* The device tree's place has room for what a boot loader adds. */
#define DTB_ROOM (UINT64_C(2) << 20)

static void too_big(const char *what, const char *path, uint64_t max)
{
    vm_fail("%s '%s': is bigger than %lluM, which is all that there is for it", what, path,
            (unsigned long long)(max >> 20));
}

/* Maps a file: its pages are the system's, and are given back once they are in the guest's memory. */
static struct vm_file map_file(const char *what, const char *path, uint64_t max)
{
    struct vm_file file = {.mapped = true};
    struct stat status;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0 || fstat(fd, &status) != 0) {
        vm_fail("%s '%s': %s", what, path, strerror(errno));
    }
    if (!S_ISREG(status.st_mode)) {
        vm_fail("%s '%s': is not a file", what, path);
    }
    file.size = (uint64_t)status.st_size;
    if (file.size == 0) {
        vm_fail("%s '%s': is empty", what, path);
    }
    if (file.size > max) {
        too_big(what, path, max);
    }
    file.bytes = mmap(NULL, file.size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (file.bytes == MAP_FAILED) {
        vm_fail("%s '%s': %s", what, path, strerror(errno));
    }
    close(fd);
    return file;
}

/* Unpacks a gzip-compressed file. */
static struct vm_file unpack_file(const char *what, const char *path, uint64_t max)
{
    struct vm_file file = {.mapped = false};
    gzFile gz = gzopen(path, "rb");
    uint64_t room = 0;
    int n = 1;

    while (gz && n > 0) {
        if (file.size == room) {
            room = room ? room * 2 : UINT64_C(1) << 24;
            file.bytes = realloc(file.bytes, room);
            if (!file.bytes) {
                vm_fail("%s '%s': out of memory", what, path);
            }
        }
        n = gzread(gz, file.bytes + file.size, (unsigned)vml_min_u64(room - file.size, 1u << 30));
        file.size += n > 0 ? (uint64_t)n : 0;
        if (file.size > max) {
            too_big(what, path, max);
        }
    }
    if (!gz || n < 0 || gzclose(gz) != Z_OK) {
        vm_fail("%s '%s': the compressed data are damaged", what, path);
    }
    return file;
}

static struct vm_file read_file(const char *what, const char *path, uint64_t max, bool unpack)
{
    struct vm_file file = map_file(what, path, max);

    if (unpack && file.size > 2 && file.bytes[0] == 0x1f && file.bytes[1] == 0x8b) {
        (void)munmap(file.bytes, file.size);
        file = unpack_file(what, path, max);
    }
    return file;
}

/* The guest's memory has a copy. */
static void release(const struct vm_file *file)
{
    if (file->mapped && file->size) {
        (void)madvise(file->bytes, file->size, MADV_DONTNEED);
    }
}

static void read_kernel(struct vm *vm)
{
    const char *path = vm->options.kernel;
    enum vml_status status;

    vm->kernel = read_file("--kernel", path, vm->options.memory, true);
    status = vml_loader_inspect(&vm->image, vm->kernel.bytes, vm->kernel.size);
    if (status == VML_ERR_UNSUPPORTED) {
        vm_fail("--kernel '%s': is for another machine; arm64 little-endian is what runs here",
                path);
    }
    if (status != VML_OK) {
        vm_fail("--kernel '%s': its headers contradict the file (damaged or cut short?)", path);
    }
    if (vm->image.kind == VML_IMAGE_GZIP) {
        vm_fail("--kernel '%s': is compressed twice", path);
    }
}

void vm_boot_read(struct vm *vm)
{
    const struct vm_options *o = &vm->options;

    if (o->bios) {
        vm->bios = read_file("--bios", o->bios, VM_FLASH_SIZE, false);
    }
    if (o->kernel) {
        read_kernel(vm);
    }
    if (o->initrd) {
        vm->initrd = read_file("--initrd", o->initrd, o->memory, false);
    }
    if (o->dtb) {
        vm->dtb = read_file("--dtb", o->dtb, VM_DTB_SIZE / 2, false);
        if (vm->dtb.size < sizeof(struct fdt_header) || fdt_check_header(vm->dtb.bytes) != 0 ||
            fdt_totalsize(vm->dtb.bytes) > vm->dtb.size) {
            vm_fail("--dtb '%s': is not a flattened device tree", o->dtb);
        }
    }
}

/* With firmware the tree is at the start of RAM, and the firmware loads the rest by itself. */
static void place(struct vm *vm)
{
    const struct vml_boot_config config = {
        .ram_base = VM_RAM_BASE,
        .ram_size = vm->options.memory,
        .initrd_size = vm->initrd.size,
        .dtb_size = DTB_ROOM,
    };
    enum vml_status status;

    if (vm->options.bios) {
        vm->plan = (struct vml_boot_plan){.entry = VM_FLASH_BASE, .dtb = VM_RAM_BASE};
        return;
    }
    status = vml_loader_place(&vm->plan, &vm->image, &config);
    if (status == VML_ERR_RANGE) {
        vm_fail("--kernel '%s': wants to be at 0x%llx, and RAM is at 0x%llx, %lluM of it",
                vm->options.kernel, (unsigned long long)vm->image.base,
                (unsigned long long)VM_RAM_BASE, (unsigned long long)(vm->options.memory >> 20));
    }
    if (status != VML_OK) {
        vm_fail("--memory %lluM: is too small for kernel and initrd",
                (unsigned long long)(vm->options.memory >> 20));
    }
}

static void make_tree(struct vm *vm)
{
    const struct vml_arm_cpu_model *model = vml_arm_cpu_model_find(vm->options.cpu);
    struct vm_fdt_config config = {
        .cpus = vm->options.cpus,
        .mpidr = vm->mpidr,
        .cpu_compatible = model ? model->compatible : "arm,armv8",
        .gic = vm->options.gic,
        .ram_base = VM_RAM_BASE,
        .ram_size = vm->options.memory,
        .bootargs = vm->options.append,
        .initrd = vm->plan.initrd,
        .initrd_size = vm->plan.initrd_size,
        .virtio_slots = vm->mmio_count,
        .pci = vm->pci.devices != 0,
        .flash = vm->options.bios != NULL,
    };
    int error;

    vm_check(vm_entropy(vm, config.seed, sizeof(config.seed)), "entropy");
    if (vm->options.dtb) {
        memcpy(vm->tree, vm->dtb.bytes, vm->dtb.size);
        error = vm_fdt_patch(vm->tree, sizeof(vm->tree), &config);
    } else {
        error = vm_fdt_generate(vm->tree, sizeof(vm->tree), &config);
    }
    if (error) {
        vm_fail("device tree: %s", fdt_strerror(error));
    }
}

void vm_boot_place(struct vm *vm)
{
    const char *path = vm->options.dump_dtb;

    place(vm);
    if (path) {
        FILE *file = fopen(path, "wb");

        make_tree(vm);
        if (!file || fwrite(vm->tree, fdt_totalsize(vm->tree), 1, file) != 1 || fclose(file) != 0) {
            vm_fail("--dump-dtb '%s': %s", path, strerror(errno));
        }
        exit(0);
    }
}

void vm_boot_load(struct vm *vm, struct vml_cpu_start *start)
{
    make_tree(vm);
    vm_check(vml_as_write(&vm->as, vm->plan.dtb, vm->tree, fdt_totalsize(vm->tree)), "device tree");
    if (!vm->options.bios) {
        vm_check(vml_loader_load(&vm->as, &vm->image, &vm->plan), "kernel");
        vm_check(vml_as_write(&vm->as, vm->plan.initrd, vm->initrd.bytes, vm->initrd.size),
                 "initrd");
        release(&vm->kernel);
        release(&vm->initrd);
    }
    *start = (struct vml_cpu_start){.entry = vm->plan.entry, .context = vm->plan.dtb, .mode = 1};
}

static void add_item(struct vm *vm, uint16_t key, const void *data, uint64_t size)
{
    vm_check(vml_fw_cfg_add(&vm->fw_cfg, key, data, (uint32_t)size), "fw_cfg");
}

/* What firmware asks fw_cfg for: see QEMU's docs/specs/fw_cfg. */
void vm_boot_fw_cfg(struct vm *vm)
{
    static uint8_t ram_size[8], cpus[2], sizes[3][4];
    const uint64_t values[3] = {vm->kernel.size, vm->initrd.size, strlen(vm->options.append) + 1};

    for (unsigned i = 0; i < sizeof(ram_size); i++) {
        ram_size[i] = (uint8_t)(vm->options.memory >> 8 * i);
    }
    cpus[0] = (uint8_t)vm->options.cpus;
    for (unsigned i = 0; i < 3; i++) {
        for (unsigned k = 0; k < 4; k++) {
            sizes[i][k] = (uint8_t)(values[i] >> 8 * k);
        }
    }
    add_item(vm, VML_FW_CFG_RAM_SIZE, ram_size, sizeof(ram_size));
    add_item(vm, VML_FW_CFG_NB_CPUS, cpus, sizeof(cpus));
    if (!vm->options.kernel) {
        return;
    }
    add_item(vm, VML_FW_CFG_KERNEL_SIZE, sizes[0], 4);
    add_item(vm, VML_FW_CFG_KERNEL_DATA, vm->kernel.bytes, vm->kernel.size);
    if (vm->initrd.size) {
        add_item(vm, VML_FW_CFG_INITRD_SIZE, sizes[1], 4);
        add_item(vm, VML_FW_CFG_INITRD_DATA, vm->initrd.bytes, vm->initrd.size);
    }
    add_item(vm, VML_FW_CFG_CMDLINE_SIZE, sizes[2], 4);
    add_item(vm, VML_FW_CFG_CMDLINE_DATA, vm->options.append, values[2]);
}
