#include "test.h"

#include "guest.h"

static enum vml_bus_result device_access(struct vml_device *device, struct vml_access *access)
{
    struct guest *g = VML_CONTAINER_OF(device, struct guest, device);

    g->last = *access;
    atomic_fetch_add(&g->accesses, 1);
    if (atomic_load(&g->device_waits)) {
        return VML_BUS_PENDING;
    }
    if (access->offset >= 0x800) {
        return VML_BUS_FAULT;
    }
    if (access->write) {
        g->device_value = access->value;
    } else {
        access->value = g->device_value;
    }
    return VML_BUS_OK;
}

static const struct vml_device_ops device_ops = {.access = device_access};

static enum vml_a64_call_result firmware(void *context, struct vml_a64 *cpu, bool smc, uint16_t imm,
                                         uint64_t x[18])
{
    struct guest *g = context;

    if (imm == 0xdead) {
        return VML_A64_CALL_UNDEFINED;
    }
    g->firmware_calls++;
    g->firmware_smc = smc;
    g->firmware_x0 = x[0];
    x[0] = 0x1234;
    if (g->firmware_stops) {
        vml_cpu_stop(&cpu->cpu);
    }
    return g->firmware_waits ? VML_A64_CALL_WAIT : VML_A64_CALL_DONE;
}

static void set_timer_offset(void *context, uint32_t cpu, uint64_t offset)
{
    struct guest *g = context;

    g->timer_offset[cpu] = offset;
}

void guest_make(struct guest *g, uint32_t cpus, bool single_thread)
{
    struct vml_arm_ids model;

    vml_a64_model_max(&model);
    guest_make_model(g, cpus, single_thread, &model);
}

void guest_make_model(struct guest *g, uint32_t cpus, bool single_thread,
                      const struct vml_arm_ids *model)
{
    struct vml_vbus_config bus_config = {
        .name = "mmio", .space = VML_SPACE_MMIO, .max_ranges = 2, .cpus = cpus};
    struct vml_vbus_config sysreg_config = {
        .name = "sysreg", .space = VML_SPACE_SYSREG, .max_ranges = 1, .cpus = cpus};
    struct vml_a64_machine_config machine_config = {.context = g,
                                                    .firmware = firmware,
                                                    .set_timer_offset = set_timer_offset,
                                                    .cpus = g->pointers,
                                                    .max_cpus = cpus,
                                                    .single_thread = single_thread};
    size_t size = vml_a64_storage_size(8);

    memset(g, 0, sizeof(*g));
    g->cpus = cpus;
    g->memory = aligned_alloc(4096, GUEST_SIZE);
    assert_non_null(g->memory);
    memset(g->memory, 0, GUEST_SIZE);
    g->as_storage = aligned_alloc(64, 4096);
    g->bus_storage = aligned_alloc(64, (VML_BUS_STORAGE(2, cpus) + 63) / 64 * 64);
    g->sysreg_storage = aligned_alloc(64, (VML_BUS_STORAGE(1, cpus) + 63) / 64 * 64);
    assert_int_equal(vml_as_init(&g->as, g->as_storage, 2), VML_OK);
    g->ram = (struct vml_as_region){
        .name = "ram", .base = GUEST_RAM, .size = GUEST_SIZE, .host = g->memory};
    assert_int_equal(vml_as_add(&g->as, &g->ram), VML_OK);
    bus_config.storage = g->bus_storage;
    assert_int_equal(vml_vbus_init(&g->bus, &bus_config), VML_OK);
    g->device = (struct vml_device){"device", &device_ops};
    g->range = (struct vml_bus_range){.base = GUEST_UART, .size = 0x1000, .device = &g->device};
    assert_int_equal(vml_vbus_register(&g->bus, &g->range), VML_OK);
    machine_config.memory = &g->as;
    machine_config.mmio = &g->bus;
    sysreg_config.storage = g->sysreg_storage;
    assert_int_equal(vml_vbus_init(&g->sysreg, &sysreg_config), VML_OK);
    g->sysreg_range = (struct vml_bus_range){.base = GUEST_SYSREG, .size = 8, .device = &g->device};
    assert_int_equal(vml_vbus_register(&g->sysreg, &g->sysreg_range), VML_OK);
    machine_config.sysreg = &g->sysreg;
    assert_int_equal(vml_a64_machine_init(&g->machine, &machine_config), VML_OK);
    for (uint32_t i = 0; i < cpus; i++) {
        struct vml_a64_config config = {.cpu = {.index = i, .mpidr = i},
                                        .machine = &g->machine,
                                        .model = model,
                                        .storage_size = size,
                                        .code_pages = 8};

        g->storage[i] = aligned_alloc(64, (size + 63) / 64 * 64);
        config.storage = g->storage[i];
        assert_int_equal(vml_a64_init(&g->cpu[i], &config), VML_OK);
        g->by_index[i] = &g->cpu[i].cpu;
    }
    assert_int_equal(vml_cpu_set_init(&g->set, g->by_index, g->by_affinity, cpus), VML_OK);
    guest_set_sysreg(g, VBAR, GUEST_VBAR);
}

void guest_end(struct guest *g)
{
    for (uint32_t i = 0; i < g->cpus; i++) {
        vml_a64_destroy(&g->cpu[i]);
        free(g->storage[i]);
    }
    vml_a64_machine_destroy(&g->machine);
    free(g->bus_storage);
    free(g->sysreg_storage);
    free(g->as_storage);
    free(g->memory);
}

void guest_load(struct guest *g, uint64_t pa, const uint32_t *words, size_t count)
{
    memcpy(g->memory + (pa - GUEST_RAM), words, count * 4);
}

void guest_start(struct guest *g, uint32_t cpu, uint64_t pc)
{
    struct vml_cpu_start start = {.entry = pc, .context = cpu, .mode = 1};

    assert_int_equal(vml_cpu_start(&g->cpu[cpu].cpu, &start), VML_OK);
}

uint64_t guest_sysreg(struct guest *g, uint64_t encoding)
{
    uint64_t value;

    assert_int_equal(vml_a64_get_sysreg(&g->cpu[0], encoding, &value), VML_OK);
    return value;
}

void guest_set_sysreg(struct guest *g, uint64_t encoding, uint64_t value)
{
    assert_int_equal(vml_a64_set_sysreg(&g->cpu[0], encoding, value), VML_OK);
}

uint64_t guest_read64(const struct guest *g, uint64_t pa)
{
    uint64_t value;

    memcpy(&value, g->memory + (pa - GUEST_RAM), 8);
    return value;
}

void guest_write64(struct guest *g, uint64_t pa, uint64_t value)
{
    memcpy(g->memory + (pa - GUEST_RAM), &value, 8);
}

bool guest_step(struct guest *g, uint32_t instruction)
{
    return vml_a64_step_instruction(&g->cpu[0], instruction) == VML_A64_STEP_EXCEPTION;
}

uint64_t guest_leaf_at(uint32_t page)
{
    return GUEST_TABLE + 0x3000 + page * 8;
}

void guest_map(struct guest *g)
{
    const uint64_t table = 3, block = 1, af = 1 << 10, sh = 3 << 8;

    guest_write64(g, GUEST_TABLE, (GUEST_TABLE + 0x1000) | table);
    /* The first GiB holds the device, the second RAM; one more 2 MiB at 0x8000_0000. */
    guest_write64(g, GUEST_TABLE + 0x1000, 0 | block | af | 1 << 2);
    guest_write64(g, GUEST_TABLE + 0x1008, GUEST_RAM | block | af | sh);
    guest_write64(g, GUEST_TABLE + 0x1010, (GUEST_TABLE + 0x2000) | table);
    guest_write64(g, GUEST_TABLE + 0x2000, (GUEST_TABLE + 0x3000) | table);
    guest_set_sysreg(g, MAIR, 0x00ff);
    guest_set_sysreg(g, TTBR0, GUEST_TABLE);
    guest_set_sysreg(g, TCR, UINT64_C(5) << 32 | 16 | 16 << 16 | UINT64_C(1) << 23);
    guest_set_sysreg(g, SCTLR, guest_sysreg(g, SCTLR) | 1 | 1 << 3 | 1 << 4);
}
