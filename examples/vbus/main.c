/*
 * A bus with a demo device, memory beside it, an interrupt wire, and a snapshot.
 *
 * The guest writes an address and a length, then 1 to SUM_CTRL; the device sums
 * the bytes of guest memory there and raises its interrupt until the guest clears SUM_STATUS.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <vml/irq.h>
#include <vml/regs.h>
#include <vml/simple_as.h>
#include <vml/vbus.h>

#define RAM_BASE       UINT64_C(0x40000000)
#define RAM_SIZE       0x10000u
#define DEVICE_BASE    UINT64_C(0x0a000000)
#define SUM_LENGTH_MAX 4096u

enum { SUM_ADDR = 0x0, SUM_LENGTH = 0x8, SUM_CTRL = 0xc, SUM_STATUS = 0x10, SUM_RESULT = 0x14 };

struct sum_state {
    uint64_t addr;
    uint32_t length;
    uint32_t status;
    uint32_t result;
};

/* One vCPU uses this device, so it has no lock; a real one computes under its lock. */
struct sum {
    struct vml_device device;
    struct sum_state state;
    struct vml_as *memory;
    struct vml_irq irq;
};

static void sum_update_irq(struct sum *sum)
{
    vml_irq_set(&sum->irq, sum->state.status != 0);
}

static void write_ctrl(struct vml_device *device, const struct vml_reg *reg, uint32_t index,
                       uint64_t value, uint64_t mask, const struct vml_access *access)
{
    struct sum *sum = VML_CONTAINER_OF(device, struct sum, device);
    static const uint32_t done = 1;
    static const uint32_t refused = 2;
    uint8_t bytes[SUM_LENGTH_MAX];
    uint32_t length = sum->state.length;

    (void)reg, (void)index, (void)access;
    if ((value & mask & 1u) == 0) {
        return;
    }
    if (length > sizeof(bytes) ||
        vml_as_read(sum->memory, sum->state.addr, bytes, length) != VML_OK) {
        sum->state.status |= refused;
    } else {
        sum->state.result = 0;
        for (uint32_t i = 0; i < length; i++) {
            sum->state.result += bytes[i];
        }
        sum->state.status |= done;
    }
    sum_update_irq(sum);
}

static void write_status(struct vml_device *device, const struct vml_reg *reg, uint32_t index,
                         uint64_t value, uint64_t mask, const struct vml_access *access)
{
    struct sum *sum = VML_CONTAINER_OF(device, struct sum, device);

    (void)reg, (void)index, (void)access;
    sum->state.status &= ~(uint32_t)(value & mask);
    sum_update_irq(sum);
}

#define STATE(member) ((uint32_t)offsetof(struct sum_state, member))

static const struct vml_reg sum_rows[] = {
    {.name = "SUM_ADDR",
     .offset = SUM_ADDR,
     .width = 8,
     .sizes = VML_SIZE_48,
     .kind = VML_REG_RW,
     .write_mask = UINT64_MAX,
     .state = STATE(addr)},
    {.name = "SUM_LENGTH",
     .offset = SUM_LENGTH,
     .width = 4,
     .sizes = VML_SIZE_4,
     .kind = VML_REG_RW,
     .write_mask = UINT32_MAX,
     .state = STATE(length)},
    {.name = "SUM_CTRL",
     .offset = SUM_CTRL,
     .width = 4,
     .sizes = VML_SIZE_4,
     .kind = VML_REG_WO,
     .write_mask = 1,
     .state = VML_REG_NO_STATE,
     .write = write_ctrl},
    {.name = "SUM_STATUS",
     .offset = SUM_STATUS,
     .width = 4,
     .sizes = VML_SIZE_4,
     .kind = VML_REG_W1C,
     .write_mask = 3,
     .state = STATE(status),
     .write = write_status},
    {.name = "SUM_RESULT",
     .offset = SUM_RESULT,
     .width = 4,
     .sizes = VML_SIZE_4,
     .kind = VML_REG_RO,
     .write_mask = UINT32_MAX,
     .state = STATE(result)},
};

static const struct vml_reg_table sum_table = {
    .rows = sum_rows, .row_count = sizeof(sum_rows) / sizeof(sum_rows[0]), .size = 0x1000};

static enum vml_bus_result sum_access(struct vml_device *device, struct vml_access *access)
{
    struct sum *sum = VML_CONTAINER_OF(device, struct sum, device);

    return vml_regs_access(&sum_table, device, &sum->state, access);
}

static void sum_reset(struct vml_device *device)
{
    struct sum *sum = VML_CONTAINER_OF(device, struct sum, device);

    vml_regs_reset(&sum_table, &sum->state);
    sum_update_irq(sum);
}

#define SUM_TAG VML_STATE_TAG('D', 'S', 'U', 'M')

static void sum_save(struct vml_device *device, struct vml_state_writer *w)
{
    struct sum *sum = VML_CONTAINER_OF(device, struct sum, device);

    vml_state_begin(w, SUM_TAG, 1);
    vml_regs_save(&sum_table, &sum->state, w);
    vml_state_end(w);
}

static enum vml_status sum_restore(struct vml_device *device, struct vml_state_reader *r)
{
    struct sum *sum = VML_CONTAINER_OF(device, struct sum, device);
    struct sum_state state = sum->state;
    enum vml_status status;

    (void)vml_state_enter(r, SUM_TAG, 1);
    vml_regs_restore(&sum_table, &state, r);
    vml_state_leave(r);
    if ((state.status & ~3u) != 0) {
        vml_state_fail(r, VML_ERR_CORRUPT);
    }
    status = vml_state_read_status(r);
    if (status == VML_OK) {
        sum->state = state;
        sum_update_irq(sum);
    }
    return status;
}

static const struct vml_device_ops sum_ops = {
    .access = sum_access, .reset = sum_reset, .save = sum_save, .restore = sum_restore};

/* The interrupt controller of this machine: it says what the wire does. */
static void say_level(void *controller, uint32_t line, uint32_t cpu, bool level)
{
    bool *last = controller;

    (void)cpu;
    if (*last != level) {
        printf("interrupt %" PRIu32 ": %s\n", line, level ? "high" : "low");
        *last = level;
    }
}

static void say_pulse(void *controller, uint32_t line, uint32_t cpu)
{
    (void)controller, (void)cpu;
    printf("interrupt %" PRIu32 ": edge\n", line);
}

static const struct vml_irq_ops say_ops = {.set_level = say_level, .pulse = say_pulse};

static void must(enum vml_status status)
{
    if (status != VML_OK) {
        fprintf(stderr, "error %d\n", (int)status);
        exit(1);
    }
}

/* What a vCPU's trap handler does with a decoded load or store. */
static uint64_t guest(struct vml_vbus *bus, uint64_t addr, uint8_t size, bool write, uint64_t value)
{
    struct vml_access access = {.value = value, .cpu = 0, .size = size, .write = write};
    enum vml_bus_result result = vml_vbus_access(bus, addr, &access);

    if (result != VML_BUS_OK) {
        printf("%s at 0x%" PRIx64 ": %s\n", write ? "write" : "read", addr,
               result == VML_BUS_FAULT ? "fault" : "nobody there");
        return 0;
    }
    return access.value;
}

static _Alignas(VML_CACHE_LINE_SIZE) uint8_t bus_storage[VML_BUS_STORAGE(4, 1)];
static _Alignas(8) uint8_t as_storage[VML_AS_STORAGE(2)];
static uint8_t ram[RAM_SIZE];

int main(int argc, char **argv)
{
    const struct vml_vbus_config config = {.name = "mmio",
                                           .space = VML_SPACE_MMIO,
                                           .max_ranges = 4,
                                           .cpus = 1,
                                           .storage = bus_storage};
    const struct vml_as_region region = {
        .name = "ram", .base = RAM_BASE, .size = RAM_SIZE, .host = ram};
    static struct vml_vbus bus;
    static struct vml_as memory;
    static bool level;
    static struct sum sum = {
        .device = {"sum", &sum_ops}, .memory = &memory, .irq = {&say_ops, &level, 33, 0}};
    struct vml_bus_range range = {.base = DEVICE_BASE, .size = 0x1000, .device = &sum.device};
    uint8_t image[256];
    struct vml_state_writer w;
    struct vml_state_reader r;

    must(vml_as_init(&memory, as_storage, 2));
    must(vml_as_add(&memory, &region));
    must(vml_vbus_init(&bus, &config));
    must(vml_vbus_register(&bus, &range));
    vml_vbus_reset(&bus);

    must(vml_as_write(&memory, RAM_BASE + 0x100, "\1\2\3\4", 4));
    (void)guest(&bus, DEVICE_BASE + SUM_ADDR, 8, true, RAM_BASE + 0x100);
    (void)guest(&bus, DEVICE_BASE + SUM_LENGTH, 4, true, 4);
    (void)guest(&bus, DEVICE_BASE + SUM_CTRL, 4, true, 1);
    printf("sum: %" PRIu64 "\n", guest(&bus, DEVICE_BASE + SUM_RESULT, 4, false, 0));

    vml_state_writer_init(&w, image, sizeof(image));
    sum_save(&sum.device, &w);
    must(vml_state_write_status(&w));
    printf("snapshot: %zu bytes\n", w.used);
    if (argc > 1) {
        FILE *file = fopen(argv[1], "wb");

        if (!file || fwrite(image, 1, w.used, file) != w.used || fclose(file) != 0) {
            perror(argv[1]);
            return 1;
        }
    }

    (void)guest(&bus, DEVICE_BASE + SUM_STATUS, 4, true, 3);
    vml_vbus_reset(&bus);
    printf("after reset: %" PRIu64 "\n", guest(&bus, DEVICE_BASE + SUM_RESULT, 4, false, 0));

    vml_state_reader_init(&r, image, w.used - 1);
    printf("truncated snapshot: %s\n",
           sum_restore(&sum.device, &r) == VML_OK ? "taken" : "refused");
    vml_state_reader_init(&r, image, w.used);
    must(sum_restore(&sum.device, &r));
    printf("restored: %" PRIu64 "\n", guest(&bus, DEVICE_BASE + SUM_RESULT, 4, false, 0));

    (void)guest(&bus, DEVICE_BASE + 0x2000, 4, false, 0);
    (void)guest(&bus, DEVICE_BASE + 0xffe, 4, false, 0);
    must(vml_vbus_unregister(&bus, &range));
    return 0;
}
