/*
 * A saved state that somebody has changed, and guest memory of any content: what is restored is executed, and
 * harms nobody; what is refused leaves the vCPU as it was; what was restored is saved again as it came.
 * First byte: how many changes; then for each the place, 2 bytes, and what is XORed there; then memory.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <vml/a64.h>

#define RAM  UINT64_C(0x40000000)
#define SIZE 0x20000u

static enum vml_a64_call_result firmware(void *context, struct vml_a64 *cpu, bool smc, uint16_t imm,
                                         uint64_t x[18])
{
    (void)context;
    (void)cpu;
    (void)smc;
    x[0] = imm;
    return VML_A64_CALL_DONE;
}

static enum vml_bus_result device_access(struct vml_device *device, struct vml_access *access)
{
    (void)device;
    access->value = access->offset;
    return access->offset & 0x80 ? VML_BUS_FAULT : VML_BUS_OK;
}

static uint8_t memory[SIZE] __attribute__((aligned(4096)));
static uint64_t as_storage[64];
static _Alignas(64) uint8_t bus_storage[4096];

static uint8_t image[8192], again[sizeof(image)];

static size_t save(struct vml_a64 *cpu, uint8_t *bytes)
{
    struct vml_state_writer w;

    vml_state_writer_init(&w, bytes, sizeof(image));
    vml_a64_save(cpu, &w);
    if (vml_state_write_status(&w) != VML_OK) {
        abort();
    }
    return w.used;
}

/* Restores the image with its changes. */
static void change(struct vml_a64 *cpu, const uint8_t *changes, size_t count)
{
    size_t used = save(cpu, image);
    struct vml_state_reader r;
    enum vml_status status;

    memcpy(again, image, used);
    for (size_t i = 0; i < count; i++) {
        image[((size_t)changes[3 * i] << 8 | changes[3 * i + 1]) % used] ^= changes[3 * i + 2];
    }
    vml_state_reader_init(&r, image, used);
    status = vml_a64_restore(cpu, &r);
    if (status != VML_OK) {
        memcpy(image, again, used); /* untouched */
    }
    if (save(cpu, again) != used) {
        abort();
    }
    if (status == VML_OK) {
        /* One of the stack pointers is there twice, and only the one in use counts. */
        vml_state_reader_init(&r, again, used);
        if (vml_a64_restore(cpu, &r) != VML_OK || save(cpu, image) != used) {
            abort();
        }
    }
    if (memcmp(image, again, used) != 0) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t changes = 0;
    static const struct vml_device_ops ops = {.access = device_access};
    static void *storage;
    struct vml_device device = {"device", &ops};
    struct vml_bus_range range = {.base = 0x09000000, .size = 0x1000, .device = &device};
    struct vml_as_region region = {.name = "ram", .base = RAM, .size = SIZE, .host = memory};
    struct vml_vbus_config bus_config = {
        .name = "mmio", .max_ranges = 1, .cpus = 1, .storage = bus_storage};
    struct vml_a64 *pointers[1];
    struct vml_cpu *by_index[1], *by_affinity[1];
    struct vml_cpu_set set;
    struct vml_as as;
    struct vml_vbus bus;
    struct vml_a64_machine machine;
    struct vml_a64_machine_config machine_config = {.memory = &as,
                                                    .mmio = &bus,
                                                    .firmware = firmware,
                                                    .cpus = pointers,
                                                    .max_cpus = 1,
                                                    .single_thread = true};
    struct vml_arm_ids model;
    struct vml_a64 cpu;
    size_t storage_size = vml_a64_storage_size(4);
    struct vml_a64_config config = {
        .machine = &machine, .model = &model, .storage_size = storage_size, .code_pages = 4};
    struct vml_cpu_start start = {.entry = RAM, .context = RAM + 0x8000, .mode = 1};

    if (size != 0) {
        changes = vml_min_u64(data[0], (size - 1) / 3);
    }
    if (!storage) {
        storage = aligned_alloc(64, (storage_size + 63) / 64 * 64);
    }
    memset(memory, 0, SIZE);
    for (size_t i = 0, from = 1 + 3 * changes; from + i < size && i < SIZE; i++) {
        memory[i] = data[from + i];
    }
    vml_a64_model_max(&model);
    config.storage = storage;
    if (!storage || vml_as_init(&as, as_storage, 1) != VML_OK ||
        vml_as_add(&as, &region) != VML_OK || vml_vbus_init(&bus, &bus_config) != VML_OK ||
        vml_vbus_register(&bus, &range) != VML_OK ||
        vml_a64_machine_init(&machine, &machine_config) != VML_OK ||
        vml_a64_init(&cpu, &config) != VML_OK) {
        abort();
    }
    by_index[0] = &cpu.cpu;
    if (vml_cpu_set_init(&set, by_index, by_affinity, 1) != VML_OK ||
        vml_cpu_start(&cpu.cpu, &start) != VML_OK) {
        abort();
    }
    (void)vml_a64_run(&cpu, 4); /* so that it is on */
    if (size != 0) {
        change(&cpu, data + 1, changes);
    }
    for (unsigned i = 0; i < 4; i++) {
        (void)vml_a64_run(&cpu, 2000);
        vml_a64_set_input(&cpu, VML_A64_INPUT_IRQ, i & 1);
    }
    vml_a64_destroy(&cpu);
    vml_a64_machine_destroy(&machine);
    vml_cpu_set_destroy(&set);
    return 0;
}
