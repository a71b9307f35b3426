#include "fixture.h"

struct fixture fx;

static _Alignas(4096) uint8_t ram[RAM_SIZE];
static _Alignas(4096) uint8_t rom[ROM_SIZE];
static _Alignas(VML_CACHE_LINE_SIZE) uint8_t bus_storage[VML_BUS_STORAGE(2, FAKE_CPUS)];

static enum vml_bus_result device_access(struct vml_device *device, struct vml_access *access)
{
    fx.accesses++;
    fx.last = *access;
    if (!access->write) {
        access->value = fx.value;
    }
    if (fx.inside) {
        fx.inside();
    }
    return fx.answer;
}

static const struct vml_device_ops device_ops = {.access = device_access};

static void set_level(void *controller, uint32_t line, uint32_t cpu, bool level)
{
    uint32_t bit = 1u << line;

    fx.wires[cpu] = level ? fx.wires[cpu] | bit : fx.wires[cpu] & ~bit;
}

static bool pending(struct vml_irq_controller *controller, uint32_t cpu, enum vml_irq_output output)
{
    return atomic_load(&fx.pending[cpu]) >> output & 1;
}

static const struct vml_irq_controller_ops controller_ops = {.wire = {.set_level = set_level},
                                                             .pending = pending};

static enum vml_lifecycle_action event(void *context, const struct vml_lifecycle_event *e)
{
    fx.told = *e;
    fx.told_count++;
    return fx.action;
}

static void quiet(void *context, enum vml_log_level level, const char *line)
{
}

int fixture_begin(void **state)
{
    struct vml_vbus_config bus = {.name = "mmio",
                                  .space = VML_SPACE_MMIO,
                                  .max_ranges = 2,
                                  .cpus = FAKE_CPUS,
                                  .storage = bus_storage};

    fake_reset();
    memset(&fx, 0, sizeof(fx));
    memset(ram, 0, sizeof(ram));
    vml_log_set_sink(quiet, NULL);
    fx.regions[0] = (struct vml_as_region){"ram", RAM, RAM_SIZE, ram, 0, NULL};
    fx.regions[1] = (struct vml_as_region){"rom", 0, ROM_SIZE, rom, VML_AS_READONLY, NULL};
    assert_int_equal(vml_as_init(&fx.as, fx.as_storage, 40), VML_OK);
    assert_int_equal(vml_as_add(&fx.as, &fx.regions[0]), VML_OK);
    assert_int_equal(vml_as_add(&fx.as, &fx.regions[1]), VML_OK);
    assert_int_equal(vml_vbus_init(&fx.bus, &bus), VML_OK);
    fx.device = (struct vml_device){"device", &device_ops};
    fx.range = (struct vml_bus_range){.base = DEVICE, .size = 0x1000, .device = &fx.device};
    assert_int_equal(vml_vbus_register(&fx.bus, &fx.range), VML_OK);
    fx.controller.ops = &controller_ops;
    fx.gic = (struct vml_kvm_gic_config){0x08000000, 0x080a0000, 0x08080000, 64};
    fx.user_irqs = true;
    fx.user_firmware = true;
    fx.config = (struct vml_kvm_machine_config){.system = &fake.system,
                                                .memory = &fx.as,
                                                .mmio = &fx.bus,
                                                .irq_controller = &fx.controller,
                                                .smccc = &fx.smccc,
                                                .lifecycle = &fx.lifecycle,
                                                .cpus = fx.pointers,
                                                .max_cpus = FAKE_CPUS};
    return 0;
}

void fixture_machine(uint32_t cpus)
{
    struct vml_lifecycle_config lifecycle = {
        .cpus = &fx.set, .event = event, .boot = {.entry = RAM, .mode = 1}};
    struct vml_psci_config psci = {.cpus = &fx.set, .lifecycle = &fx.lifecycle};
    struct vml_smccc_config smccc = {.conduits = VML_SMCCC_HVC, .psci = &fx.psci};

    assert_int_equal(vml_kvm_machine_init(&fx.machine, &fx.config), VML_OK);
    for (uint32_t i = 0; i < cpus; i++) {
        struct vml_kvm_config config = {.cpu = {.index = i, .mpidr = i}, .machine = &fx.machine};

        assert_int_equal(vml_kvm_init(&fx.kvms[i], &config), VML_OK);
        fx.cpus[i] = &fx.kvms[i].cpu;
    }
    assert_int_equal(vml_cpu_set_init(&fx.set, fx.cpus, fx.sorted, cpus), VML_OK);
    assert_int_equal(vml_kvm_machine_ready(&fx.machine), VML_OK);
    assert_int_equal(vml_lifecycle_init(&fx.lifecycle, &lifecycle), VML_OK);
    assert_int_equal(vml_psci_init(&fx.psci, &psci), VML_OK);
    assert_int_equal(vml_smccc_init(&fx.smccc, &smccc), VML_OK);
}

/* Whatever a test did, nothing is left open or mapped. */
int fixture_end(void **state)
{
    for (uint32_t i = 0; i < fx.machine.count; i++) {
        vml_kvm_destroy(fx.pointers[i]);
        assert_false(fake.cpus[i].mapped);
    }
    if (fx.machine.config.system) {
        vml_kvm_machine_destroy(&fx.machine);
    }
    assert_int_equal(fake.fds, 0);
    vml_log_set_sink(NULL, NULL);
    return 0;
}

void fixture_start(uint32_t cpu, uint64_t entry)
{
    struct vml_cpu_start start = {.entry = entry, .context = 0x1234, .mode = 1};

    assert_int_equal(vml_cpu_start(fx.cpus[cpu], &start), VML_OK);
}
