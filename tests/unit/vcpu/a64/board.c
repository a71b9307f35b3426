#include "test.h"

#include "board.h"

#define SPIS       64
#define CODE_PAGES 16

static size_t print(void *context, const uint8_t *bytes, size_t len)
{
    struct board *b = context;

    for (size_t i = 0; i < len && b->sent < sizeof(b->output) - 1; i++) {
        b->output[b->sent++] = (char)bytes[i];
    }
    return len;
}

static const struct vml_chardev_ops console = {.push = print};

static void put_on(struct board *b, struct vml_vbus *bus, uint64_t base, uint64_t size,
                   struct vml_device *device, uint64_t offset)
{
    struct vml_bus_range *range = &b->ranges[b->range_count++];

    *range = (struct vml_bus_range){
        .base = base, .size = size, .device = device, .device_offset = offset};
    assert_int_equal(vml_vbus_register(bus, range), VML_OK);
}

static void *storage(struct board *b, unsigned which, size_t size)
{
    b->storage[which] = aligned_alloc(64, (size + 63) / 64 * 64);
    assert_non_null(b->storage[which]);
    return b->storage[which];
}

static void make_gic(struct board *b, unsigned version)
{
    struct vml_gic_config config = {.version = version,
                                    .cpus = BOARD_CPUS,
                                    .spis = SPIS,
                                    .output = vml_a64_irq_output,
                                    .context = &b->machine,
                                    .storage_size = VML_GIC_STORAGE(BOARD_CPUS, SPIS)};
    uint64_t pmr = VML_SYSREG(3, 0, 4, 6, 0), first = VML_SYSREG(3, 0, 12, 8, 0);

    config.storage = storage(b, 3, config.storage_size);
    assert_int_equal(vml_gic_init(&b->gic, &config), VML_OK);
    put_on(b, &b->mmio, 0x08000000, VML_GICD_SIZE, &b->gic.gicd, 0);
    if (version == 3) {
        put_on(b, &b->mmio, 0x080a0000, (uint64_t)VML_GICR_SIZE * BOARD_CPUS, &b->gic.gicr, 0);
        put_on(b, &b->sysreg, pmr, 8, &b->gic.icc, pmr);
        put_on(b, &b->sysreg, first, VML_SYSREG(3, 0, 12, 12, 7) + 8 - first, &b->gic.icc, first);
    } else {
        put_on(b, &b->mmio, 0x08010000, VML_GICC_SIZE, &b->gic.gicc, 0);
    }
}

static void make_devices(struct board *b)
{
    struct vml_pl011_config uart = {.irq = vml_irq_wire(&b->gic.controller, 33, 0),
                                    .peer = {&console, b}};

    if (b->single_thread) {
        assert_int_equal(vml_virtual_clock_init(&b->virtual_clock, 1000000000), VML_OK);
        b->clock = &b->virtual_clock.clock;
    } else {
        assert_int_equal(vml_host_clock_init(&b->host_clock, 62500000), VML_OK);
        b->clock = &b->host_clock.clock;
    }
    for (uint32_t i = 0; i < BOARD_CPUS; i++) {
        struct vml_timer_config timer = {
            .clock = b->clock,
            .irq = {vml_irq_wire(&b->gic.controller, VML_TIMER_PHYSICAL_INTID, i),
                    vml_irq_wire(&b->gic.controller, VML_TIMER_VIRTUAL_INTID, i)}};

        assert_int_equal(vml_timer_init(&b->timer[i], &timer), VML_OK);
        b->timer_pointers[i] = &b->timer[i];
    }
    vml_timers_init(&b->timers, b->timer_pointers, BOARD_CPUS);
    put_on(b, &b->sysreg, VML_TIMER_SYSREG_LO, VML_TIMER_SYSREG_SIZE, &b->timers.device,
           VML_TIMER_SYSREG_LO);
    uart.clock = b->clock;
    assert_int_equal(vml_pl011_init(&b->uart, &uart), VML_OK);
    put_on(b, &b->mmio, 0x09000000, 0x1000, &b->uart.device, 0);
}

static enum vml_a64_call_result firmware(void *context, struct vml_a64 *cpu, bool smc, uint16_t imm,
                                         uint64_t x[18])
{
    struct board *b = context;
    struct vml_smccc_call call = {.cpu = &cpu->cpu, .conduit = smc ? VML_SMCCC_SMC : VML_SMCCC_HVC};

    memcpy(call.x, x, sizeof(call.x));
    if (imm != 0 || vml_smccc_handle(&b->firmware, &call) != VML_OK) {
        return VML_A64_CALL_UNDEFINED;
    }
    memcpy(x, call.x, sizeof(call.x));
    return call.action == VML_SMCCC_WAIT ? VML_A64_CALL_WAIT : VML_A64_CALL_DONE;
}

static void set_timer_offset(void *context, uint32_t cpu, uint64_t offset)
{
    struct board *b = context;

    vml_timer_set_virtual_offset(&b->timer[cpu], offset);
}

static void make_cpus(struct board *b, unsigned gic_version, const struct vml_arm_ids *model)
{
    struct vml_a64_machine_config config = {.memory = &b->memory,
                                            .mmio = &b->mmio,
                                            .sysreg = &b->sysreg,
                                            .irq_controller = &b->gic.controller,
                                            .firmware = firmware,
                                            .set_timer_offset = set_timer_offset,
                                            .context = b,
                                            .cpus = b->cpu_pointers,
                                            .max_cpus = BOARD_CPUS,
                                            .single_thread = b->single_thread};
    struct vml_lifecycle_config life = {.cpus = &b->set, .boot = {.entry = BOARD_ENTRY, .mode = 1}};
    struct vml_psci_config psci = {.cpus = &b->set, .lifecycle = &b->lifecycle};
    struct vml_smccc_config smccc = {.conduits = VML_SMCCC_HVC, .psci = &b->psci};
    struct vml_arm_ids own = *model;

    own.ID_AA64PFR0_EL1 |= gic_version == 3 ? 1u << 24 : 0;
    own.CNTFRQ_EL0 = vml_clock_frequency(b->clock);
    assert_int_equal(vml_a64_machine_init(&b->machine, &config), VML_OK);
    for (uint32_t i = 0; i < BOARD_CPUS; i++) {
        struct vml_a64_config cpu = {.cpu = {.index = i, .mpidr = i, .host_cpu = UINT32_MAX},
                                     .machine = &b->machine,
                                     .model = &own,
                                     .storage_size = vml_a64_storage_size(CODE_PAGES),
                                     .code_pages = CODE_PAGES};

        cpu.storage = storage(b, 4 + i, cpu.storage_size);
        assert_int_equal(vml_a64_init(&b->cpu[i], &cpu), VML_OK);
        b->by_index[i] = &b->cpu[i].cpu;
    }
    assert_int_equal(vml_cpu_set_init(&b->set, b->by_index, b->by_affinity, BOARD_CPUS), VML_OK);
    assert_int_equal(vml_lifecycle_init(&b->lifecycle, &life), VML_OK);
    assert_int_equal(vml_psci_init(&b->psci, &psci), VML_OK);
    assert_int_equal(vml_smccc_init(&b->firmware, &smccc), VML_OK);
}

void board_make(struct board *b, unsigned gic_version, bool single_thread,
                const struct vml_arm_ids *model, const uint32_t *words, size_t count)
{
    struct vml_vbus_config mmio = {
        .name = "mmio", .space = VML_SPACE_MMIO, .max_ranges = 3, .cpus = BOARD_CPUS};
    struct vml_vbus_config sysreg = {
        .name = "sysreg", .space = VML_SPACE_SYSREG, .max_ranges = 3, .cpus = BOARD_CPUS};

    memset(b, 0, sizeof(*b));
    b->single_thread = single_thread;
    b->ram = aligned_alloc(4096, BOARD_SIZE);
    assert_non_null(b->ram);
    memset(b->ram, 0, BOARD_SIZE);
    for (size_t i = 0; i < count; i++) {
        vml_store_le32(b->ram + (BOARD_ENTRY - BOARD_RAM) + i * 4, words[i]);
    }
    b->region = (struct vml_as_region){
        .name = "ram", .base = BOARD_RAM, .size = BOARD_SIZE, .host = b->ram};
    assert_int_equal(vml_as_init(&b->memory, storage(b, 0, VML_AS_STORAGE(1)), 1), VML_OK);
    assert_int_equal(vml_as_add(&b->memory, &b->region), VML_OK);
    mmio.storage = storage(b, 1, VML_BUS_STORAGE(3, BOARD_CPUS));
    assert_int_equal(vml_vbus_init(&b->mmio, &mmio), VML_OK);
    sysreg.storage = storage(b, 2, VML_BUS_STORAGE(3, BOARD_CPUS));
    assert_int_equal(vml_vbus_init(&b->sysreg, &sysreg), VML_OK);
    make_gic(b, gic_version);
    make_devices(b);
    make_cpus(b, gic_version, model);
    assert_int_equal(vml_lifecycle_boot(&b->lifecycle), VML_OK);
}

static void advance(void *context, uint64_t time)
{
    struct board *b = context;

    vml_virtual_clock_advance(&b->virtual_clock, time);
}

static uint64_t next_deadline(void *context)
{
    struct board *b = context;

    return vml_clock_next(b->clock);
}

enum vml_a64_exit board_run_turns(struct board *b, uint64_t until)
{
    b->turns.quantum = 1000;
    b->turns.until = until;
    b->turns.advance = advance;
    b->turns.next = next_deadline;
    b->turns.context = b;
    return vml_a64_run_turns(&b->machine, &b->turns);
}

static void run_vcpu(void *context)
{
    vml_a64_thread(context);
}

void board_run_threads(struct board *b)
{
    struct vml_thread threads[BOARD_CPUS];

    for (uint32_t i = 0; i < BOARD_CPUS; i++) {
        assert_int_equal(vml_thread_create(&threads[i], "vcpu", run_vcpu, &b->cpu[i]), VML_OK);
    }
    /* The guest waits for nothing for ever; this is for one that is lost. */
    if (vml_cpus_wait_off(&b->set, vml_platform_time_ns() + UINT64_C(120000000000)) != VML_OK) {
        vml_lifecycle_stop(&b->lifecycle);
        print_message("the guest was stopped\n");
    }
    for (uint32_t i = 0; i < BOARD_CPUS; i++) {
        vml_cpu_recall(&b->cpu[i].cpu, VML_CPU_REQUEST_EXIT);
        vml_thread_join(&threads[i]);
    }
}

void board_end(struct board *b)
{
    for (uint32_t i = 0; i < BOARD_CPUS; i++) {
        vml_cpu_stop(&b->cpu[i].cpu);
        vml_timer_reset(&b->timer[i]);
        vml_timer_destroy(&b->timer[i]);
        vml_a64_destroy(&b->cpu[i]);
    }
    vml_a64_machine_destroy(&b->machine);
    vml_pl011_destroy(&b->uart);
    if (!b->single_thread) {
        vml_host_clock_destroy(&b->host_clock);
    }
    for (unsigned i = 0; i < VML_ARRAY_SIZE(b->storage); i++) {
        free(b->storage[i]);
    }
    free(b->ram);
}

static uint64_t hash(uint64_t h, const uint8_t *bytes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        h = (h ^ bytes[i]) * UINT64_C(0x100000001b3);
    }
    return h;
}

uint64_t board_hash(struct board *b)
{
    uint64_t h = hash(UINT64_C(0xcbf29ce484222325), b->ram, BOARD_SIZE);

    for (uint32_t i = 0; i < BOARD_CPUS; i++) {
        uint8_t image[8192];
        struct vml_state_writer w;

        vml_state_writer_init(&w, image, sizeof(image));
        vml_a64_save(&b->cpu[i], &w);
        vml_timer_save(&b->timer[i], &w);
        assert_int_equal(vml_state_write_status(&w), VML_OK);
        h = hash(h, image, w.used);
    }
    return hash(h, (const uint8_t *)b->output, b->sent);
}
