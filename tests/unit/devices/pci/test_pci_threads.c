/* A guest that moves a BAR while other vCPUs use it, and masks vectors while they are sent. */
#include "pci_bus.h"
#include "test.h"

enum { ROUNDS = 4000, TABLE = 0x1000, PBA = 0x1800 };

#define DEV1 VML_PCI_ID(0, 1, 0)

struct fixture {
    struct pb pb;
    struct vml_pci_function function;
    struct vml_pci_msix_vector vectors[2];
    _Atomic uint32_t intx;
    _Atomic bool stop;
    _Atomic uint32_t strays; /* accesses of which what came back cannot be */
    _Atomic uint32_t sent;
};

static enum vml_bus_result bar(struct vml_pci_function *function, uint32_t index,
                               struct vml_access *access)
{
    (void)function;
    if (!access->write) {
        access->value = access->offset < 4096 && index == 0 ? 0x600d : 0xbad;
    }
    return VML_BUS_OK;
}

static const struct vml_pci_ops ops = {.bar = bar};

static void read_bars(void *context)
{
    struct fixture *f = context;

    while (!atomic_load(&f->stop)) {
        for (uint32_t i = 0; i < 8; i++) {
            uint64_t value = pb_access(&f->pb, 1, PB_LOW + 0x800 * i, 4, false, 0);

            if (value != 0x600d && value != 0xffffffff) {
                atomic_fetch_add(&f->strays, 1);
            }
        }
    }
}

static void send_messages(void *context)
{
    struct fixture *f = context;

    for (uint32_t i = 0; i < ROUNDS; i++) {
        if (vml_pci_msix_send(&f->function, 0)) {
            atomic_fetch_add(&f->sent, 1);
        }
        atomic_store(&f->intx, i & 1);
        vml_pci_intx_update(&f->function);
    }
}

static void the_guest_moves_what_is_in_use(void **state)
{
    static const struct vml_irq_ops irq_ops = {.set_level = pb_level, .msi = pb_count_msi};
    struct fixture *f = aligned_alloc(64, (sizeof(*f) + 63) / 64 * 64);
    struct vml_thread reader;
    struct vml_thread sender;
    struct vml_pci_function_config config = {
        .name = "toy",
        .ops = &ops,
        .interrupt_pin = 1,
        .bars = {{.size = 4096}, {.size = 8192}},
    };
    uint32_t control;

    (void)state;
    memset(f, 0, sizeof(*f));
    pb_init(&f->pb);
    f->pb.host.config.msi.ops = &irq_ops;
    config.intx = &f->intx;
    config.msix = (struct vml_pci_msix){
        .vectors = f->vectors, .count = 2, .bar = 1, .table = TABLE, .pba = PBA};
    assert_int_equal(vml_pci_function_init(&f->function, &config), VML_OK);
    assert_int_equal(vml_pci_host_add(&f->pb.host, &f->function, DEV1), VML_OK);
    control = pb_capability(&f->pb, DEV1, VML_PCI_CAP_MSIX, 0) + 2;
    pb_set(&f->pb, DEV1, control, 2, VML_PCI_MSIX_ENABLE);
    pb_set(&f->pb, DEV1, VML_PCI_BAR0 + 4, 4, (uint32_t)PB_LOW + 0x10000);
    pb_set(&f->pb, DEV1, VML_PCI_COMMAND, 2, VML_PCI_COMMAND_MEMORY | VML_PCI_COMMAND_MASTER);
    assert_int_equal(vml_thread_create(&reader, "reader", read_bars, f), VML_OK);
    assert_int_equal(vml_thread_create(&sender, "sender", send_messages, f), VML_OK);
    for (uint32_t i = 0; i < ROUNDS; i++) {
        pb_set(&f->pb, DEV1, VML_PCI_BAR0, 4, (uint32_t)PB_LOW + 0x1000 * (i % 4));
        pb_write(&f->pb, PB_LOW + 0x10000 + TABLE + 12, 4, i & 1);
        pb_set(&f->pb, DEV1, VML_PCI_COMMAND, 2,
               VML_PCI_COMMAND_MEMORY | VML_PCI_COMMAND_MASTER |
                   (i & 8 ? VML_PCI_COMMAND_INTX_DISABLE : 0));
    }
    vml_thread_join(&sender);
    atomic_store(&f->stop, true);
    vml_thread_join(&reader);
    assert_int_equal(f->strays, 0);
    assert_int_equal(f->sent, ROUNDS);
    /* Nothing is lost: unmasked, nothing is pending; and the wire is what its source says. */
    pb_write(&f->pb, PB_LOW + 0x10000 + TABLE + 12, 4, 0);
    assert_int_equal(pb_read(&f->pb, PB_LOW + 0x10000 + PBA, 4), 0);
    assert_in_range(f->pb.messages, 1, ROUNDS);
    pb_set(&f->pb, DEV1, control, 2, 0);
    pb_set(&f->pb, DEV1, VML_PCI_COMMAND, 2, 0);
    assert_int_equal(f->pb.lines[1], f->intx != 0);
    vml_pci_function_destroy(&f->function);
    vml_pci_host_destroy(&f->pb.host);
    free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_guest_moves_what_is_in_use)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
