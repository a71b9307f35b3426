/* The host bridge and its functions: PCI Local Bus 3.0, 6; PCI Express base 5.0, 7. */
#include "pci_bus.h"
#include "test.h"

enum { VECTORS = 70, MEMORY = VML_PCI_COMMAND_MEMORY, MASTER = VML_PCI_COMMAND_MASTER };

#define DEV1     VML_PCI_ID(0, 1, 0)
#define TABLE    0x1000u
#define PBA      0x1800u
#define DOORBELL UINT64_C(0x123408090040)

/* A function of three BARs: 4 KiB in 32 bits, 16 KiB in 64 bits with MSI-X, 16 bytes. */
struct toy {
    struct vml_pci_function function;
    struct vml_pci_msix_vector vectors[VECTORS];
    _Atomic uint32_t intx;
    struct vml_access last;
    uint32_t bar, accesses, resets, windows;
    uint8_t own;
};

struct fixture {
    struct pb pb;
    struct toy toy[4];
};

static struct toy *toy_of(struct vml_pci_function *function)
{
    return VML_CONTAINER_OF(function, struct toy, function);
}

static enum vml_bus_result toy_bar(struct vml_pci_function *function, uint32_t bar,
                                   struct vml_access *access)
{
    struct toy *t = toy_of(function);

    t->bar = bar;
    t->last = *access;
    t->accesses++;
    if (!access->write) {
        access->value = 0xa0u + bar;
    }
    return VML_BUS_OK;
}

static void toy_window(struct vml_pci_function *function, struct vml_access *access)
{
    struct toy *t = toy_of(function);

    t->windows++;
    t->last = *access;
    if (!access->write) {
        access->value = 0x57;
    }
}

static void toy_reset(struct vml_pci_function *function)
{
    toy_of(function)->resets++;
    toy_of(function)->intx = 0;
}

static void toy_save(struct vml_pci_function *function, struct vml_state_writer *w)
{
    vml_state_put_u8(w, toy_of(function)->own);
}

static enum vml_status toy_restore(struct vml_pci_function *function, struct vml_state_reader *r,
                                   bool apply)
{
    uint8_t own = vml_state_get_u8(r);

    if (own > 9) {
        vml_state_fail(r, VML_ERR_CORRUPT);
    } else if (apply) {
        toy_of(function)->own = own;
    }
    return vml_state_read_status(r);
}

static const struct vml_pci_ops toy_ops = {.bar = toy_bar,
                                           .window = toy_window,
                                           .reset = toy_reset,
                                           .save = toy_save,
                                           .restore = toy_restore};

static struct vml_pci_function_config toy_config(struct toy *t)
{
    return (struct vml_pci_function_config){
        .name = "toy",
        .ops = &toy_ops,
        .vendor_id = 0x1234,
        .device_id = 0x5678,
        .subsystem_vendor_id = 0x9abc,
        .subsystem_id = 0xdef0,
        .class_code = 0x020304,
        .revision = 7,
        .interrupt_pin = 1,
        .express = true,
        .bars = {{.size = 4096},
                 {0},
                 {.size = 16384, .wide = true, .prefetchable = true},
                 {0},
                 {.size = 16}},
        .msix = {.vectors = t->vectors, .count = VECTORS, .bar = 2, .table = TABLE, .pba = PBA},
        .intx = &t->intx,
    };
}

static void add(struct fixture *f, uint32_t i, uint16_t id)
{
    struct vml_pci_function_config config = toy_config(&f->toy[i]);

    assert_int_equal(vml_pci_function_init(&f->toy[i].function, &config), VML_OK);
    assert_int_equal(vml_pci_host_add(&f->pb.host, &f->toy[i].function, id), VML_OK);
}

static int set_up(void **state)
{
    struct fixture *f = aligned_alloc(64, (sizeof(*f) + 63) / 64 * 64);

    memset(f, 0, sizeof(*f));
    pb_init(&f->pb);
    add(f, 0, DEV1);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;

    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(vml_vbus_unregister(&f->pb.bus, &f->pb.ranges[i]), VML_OK);
    }
    for (uint32_t i = 0; i < 4; i++) {
        if (f->toy[i].function.host) {
            vml_pci_function_destroy(&f->toy[i].function);
        }
    }
    vml_pci_host_destroy(&f->pb.host);
    free(f);
    return 0;
}

/* Enables memory and messages, with BAR 2 at the start of the high window. */
static void place(struct fixture *f)
{
    pb_set(&f->pb, DEV1, VML_PCI_BAR0 + 8, 4, (uint32_t)PB_HIGH);
    pb_set(&f->pb, DEV1, VML_PCI_BAR0 + 12, 4, (uint32_t)(PB_HIGH >> 32));
    pb_set(&f->pb, DEV1, VML_PCI_COMMAND, 2, MEMORY | MASTER);
}

static void header_is_as_configured(void **state)
{
    struct fixture *f = *state;
    struct pb *pb = &f->pb;

    assert_int_equal(pb_get(pb, DEV1, 0x00, 4), 0x56781234);
    assert_int_equal(pb_get(pb, DEV1, 0x02, 2), 0x5678);
    assert_int_equal(pb_get(pb, DEV1, 0x08, 4), 0x02030407);
    assert_int_equal(pb_get(pb, DEV1, 0x09, 1), 0x04); /* programming interface */
    assert_int_equal(pb_get(pb, DEV1, 0x0b, 1), 0x02); /* base class */
    assert_int_equal(pb_get(pb, DEV1, VML_PCI_HEADER_TYPE, 1), 0);
    assert_int_equal(pb_get(pb, DEV1, VML_PCI_SUBSYSTEM, 4), 0xdef09abc);
    assert_int_equal(pb_get(pb, DEV1, VML_PCI_INTERRUPT_PIN, 1), 1);
    assert_int_equal(pb_get(pb, DEV1, VML_PCI_STATUS, 2), VML_PCI_STATUS_CAPABILITIES);
    assert_int_equal(pb_get(pb, DEV1, VML_PCI_COMMAND, 2), 0);
    /* 6.2.4: interrupt line is software's; expansion ROM is not there. */
    pb_set(pb, DEV1, VML_PCI_INTERRUPT_LINE, 1, 0x5a);
    assert_int_equal(pb_get(pb, DEV1, VML_PCI_INTERRUPT_LINE, 2), 0x015a);
    pb_set(pb, DEV1, 0x30, 4, UINT32_MAX);
    assert_int_equal(pb_get(pb, DEV1, 0x30, 4), 0);
}

static void read_only_bits_stay(void **state)
{
    struct fixture *f = *state;
    struct pb *pb = &f->pb;

    for (uint32_t offset = 0; offset < 16; offset += 4) {
        uint32_t before = pb_get(pb, DEV1, offset, 4);

        pb_set(pb, DEV1, offset, 4, ~before);
        if (offset != 4 && offset != 12) {
            assert_int_equal(pb_get(pb, DEV1, offset, 4), before);
        }
    }
    /* I/O space cannot be enabled: there is none. What can be set is what 6.2.2 names. */
    assert_int_equal(pb_get(pb, DEV1, VML_PCI_COMMAND, 2), 0x0546);
    assert_int_equal(pb_get(pb, DEV1, VML_PCI_STATUS, 2), VML_PCI_STATUS_CAPABILITIES);
    pb_set(pb, DEV1, VML_PCI_COMMAND + 1, 1, 0);
    assert_int_equal(pb_get(pb, DEV1, VML_PCI_COMMAND, 2), 0x0046);
}

static void absent_functions_read_as_ones(void **state)
{
    struct fixture *f = *state;
    struct pb *pb = &f->pb;

    assert_int_equal(pb_get(pb, VML_PCI_ID(0, 0, 0), 0, 2), 0xffff);
    assert_int_equal(pb_get(pb, VML_PCI_ID(0, 1, 1), 0, 4), 0xffffffff);
    assert_int_equal(pb_get(pb, VML_PCI_ID(1, 1, 0), 0xfff, 1), 0xff);
    pb_set(pb, VML_PCI_ID(0, 31, 7), 4, 2, 7);
    assert_int_equal(pb_get(pb, VML_PCI_ID(0, 31, 7), 4, 2), 0xffff);
}

static void odd_accesses_of_ecam_do_nothing(void **state)
{
    struct fixture *f = *state;
    struct pb *pb = &f->pb;
    struct vml_access access = {.offset = VML_PCI_ECAM_SIZE(PB_BUSES), .size = 4};

    assert_true(pb_read(pb, pb_config(DEV1, 0), 8) == UINT64_MAX);
    assert_int_equal(pb_read(pb, pb_config(DEV1, 1), 2), 0xffff);
    pb_write(pb, pb_config(DEV1, VML_PCI_BAR0), 8, UINT64_MAX);
    pb_write(pb, pb_config(DEV1, VML_PCI_COMMAND - 1), 2, 0xffff);
    assert_int_equal(pb_get(pb, DEV1, VML_PCI_BAR0, 4), 0);
    assert_int_equal(pb_get(pb, DEV1, VML_PCI_COMMAND, 2), 0);
    assert_int_equal(pb->host.ecam.ops->access(&pb->host.ecam, &access), VML_BUS_FAULT);
}

static void extended_space_is_empty(void **state)
{
    struct fixture *f = *state;

    /* PCIe 7.6.1: without extended capabilities the first header is zero. */
    assert_int_equal(pb_get(&f->pb, DEV1, 0x100, 4), 0);
    pb_set(&f->pb, DEV1, 0xffc, 4, 1);
    assert_int_equal(pb_get(&f->pb, DEV1, 0xffc, 4), 0);
}

static void bars_tell_their_size(void **state)
{
    struct fixture *f = *state;
    struct pb *pb = &f->pb;
    static const uint32_t sized[VML_PCI_BARS] = {0xfffff000, 0,          0xffffc00c,
                                                 0xffffffff, 0xfffffff0, 0};

    /* 6.2.5.1: software writes all ones and reads back what it must leave alone. */
    for (uint32_t i = 0; i < VML_PCI_BARS; i++) {
        pb_set(pb, DEV1, VML_PCI_BAR0 + 4 * i, 4, UINT32_MAX);
        assert_int_equal(pb_get(pb, DEV1, VML_PCI_BAR0 + 4 * i, 4), sized[i]);
    }
    pb_set(pb, DEV1, VML_PCI_BAR0 + 3, 1, 0x12);
    assert_int_equal(pb_get(pb, DEV1, VML_PCI_BAR0, 4), 0x12fff000);
}

static void bars_are_where_they_are_put(void **state)
{
    struct fixture *f = *state;
    struct pb *pb = &f->pb;
    struct toy *t = &f->toy[0];

    pb_set(pb, DEV1, VML_PCI_BAR0, 4, (uint32_t)PB_LOW + 0x5000);
    assert_int_equal(pb_read(pb, PB_LOW + 0x5000, 4), 0xffffffff); /* memory is not enabled */
    place(f);
    assert_int_equal(pb_read(pb, PB_LOW + 0x5000, 4), 0xa0);
    assert_int_equal(pb_read(pb, PB_LOW + 0x5fff, 1), 0xa0);
    assert_int_equal(t->last.offset, 0xfff);
    assert_int_equal(pb_read(pb, PB_HIGH + 0x3ff8, 8), 0xa2);
    assert_int_equal(t->last.offset, 0x3ff8);
    pb_write(pb, PB_LOW + 0x5010, 2, 0xbeef);
    assert_int_equal(t->last.value, 0xbeef);
    assert_int_equal(t->bar, 0);
    /* Beside them is nobody; an access must be all inside. */
    assert_int_equal(pb_read(pb, PB_LOW + 0x4fff, 1), 0xff);
    assert_int_equal(pb_read(pb, PB_LOW + 0x6000, 1), 0xff);
    assert_int_equal(pb_read(pb, PB_LOW + 0x5ffe, 4), 0xffffffff);
    assert_true(pb_read(pb, PB_HIGH + 0x4000, 8) == UINT64_MAX);
    pb_write(pb, PB_LOW + 0x6000, 4, 1);
    assert_int_equal(t->accesses, 4);
    /* Moved, and switched off. */
    pb_set(pb, DEV1, VML_PCI_BAR0, 4, (uint32_t)PB_LOW + 0x7000);
    assert_int_equal(pb_read(pb, PB_LOW + 0x5000, 4), 0xffffffff);
    assert_int_equal(pb_read(pb, PB_LOW + 0x7000, 4), 0xa0);
    pb_set(pb, DEV1, VML_PCI_COMMAND, 2, MASTER);
    assert_int_equal(pb_read(pb, PB_LOW + 0x7000, 4), 0xffffffff);
}

static void bars_outside_of_windows_are_nowhere(void **state)
{
    struct fixture *f = *state;
    struct pb *pb = &f->pb;
    static const uint64_t places[] = {
        0,     PB_LOW - 0x4000,    PB_LOW + PB_LOW_SIZE, PB_HIGH - 0x4000, PB_HIGH + PB_HIGH_SIZE,
        PB_IO, UINT64_MAX - 0x3fff};

    place(f);
    for (size_t i = 0; i < VML_ARRAY_SIZE(places); i++) {
        pb_set(pb, DEV1, VML_PCI_BAR0 + 8, 4, (uint32_t)places[i]);
        pb_set(pb, DEV1, VML_PCI_BAR0 + 12, 4, (uint32_t)(places[i] >> 32));
        assert_int_equal(atomic_load(&pb->host.mapped), 0);
    }
    /* The last place of a window is in it; a 64-bit BAR can be below 4 GiB. */
    pb_set(pb, DEV1, VML_PCI_BAR0 + 12, 4, 0);
    pb_set(pb, DEV1, VML_PCI_BAR0 + 8, 4, (uint32_t)(PB_LOW + PB_LOW_SIZE - 0x4000));
    assert_int_equal(pb_read(pb, PB_LOW + PB_LOW_SIZE - 1, 1), 0xa2);
}

static void io_space_is_empty(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(pb_read(&f->pb, PB_IO + 0x1f7, 1), 0xff);
    pb_write(&f->pb, PB_IO + 0x80, 1, 0x12);
    assert_int_equal(pb_read(&f->pb, PB_IO + PB_IO_SIZE - 4, 4), 0xffffffff);
}

static void of_bars_over_each_other_the_first_wins(void **state)
{
    struct fixture *f = *state;
    struct pb *pb = &f->pb;
    const uint16_t dev2 = VML_PCI_ID(0, 2, 0);
    const uint16_t dev0 = VML_PCI_ID(0, 0, 0);

    add(f, 1, dev2);
    add(f, 2, dev0);
    for (uint32_t i = 0; i < 3; i++) {
        pb_set(pb, (uint16_t)(8 * i), VML_PCI_BAR0, 4, (uint32_t)PB_LOW + 0x1000);
    }
    /* Whatever the order in which they come. */
    pb_set(pb, dev2, VML_PCI_COMMAND, 2, MEMORY);
    pb_read(pb, PB_LOW + 0x1000, 4);
    assert_int_equal(f->toy[1].accesses, 1);
    pb_set(pb, DEV1, VML_PCI_COMMAND, 2, MEMORY);
    pb_read(pb, PB_LOW + 0x1000, 4);
    assert_int_equal(f->toy[0].accesses, 1);
    pb_set(pb, dev0, VML_PCI_COMMAND, 2, MEMORY);
    pb_read(pb, PB_LOW + 0x1000, 4);
    assert_int_equal(f->toy[2].accesses, 1);
    /* Who had no place gets it when the other goes. */
    pb_set(pb, dev0, VML_PCI_BAR0, 4, (uint32_t)PB_LOW + 0x2000);
    pb_read(pb, PB_LOW + 0x1000, 4);
    assert_int_equal(f->toy[0].accesses, 2);
    pb_read(pb, PB_LOW + 0x2000, 4);
    assert_int_equal(f->toy[2].accesses, 2);
    /* A small one inside of a large one, and a large one around a small one. */
    pb_set(pb, DEV1, VML_PCI_BAR0 + 16, 4, (uint32_t)PB_LOW + 0x1800);
    pb_read(pb, PB_LOW + 0x1800, 4);
    assert_int_equal(f->toy[0].bar, 0);
    pb_set(pb, dev0, VML_PCI_BAR0 + 16, 4, (uint32_t)PB_LOW + 0x1010);
    pb_read(pb, PB_LOW + 0x1010, 4);
    assert_int_equal(f->toy[2].bar, 4);
    assert_int_equal(pb_read(pb, PB_LOW + 0x1000, 4), 0xffffffff); /* DEV1's BAR 0 is not there */
    pb_read(pb, PB_LOW + 0x1800, 4);
    assert_int_equal(f->toy[0].bar, 4); /* but its BAR 4 now is */
}

static void functions_have_one_place(void **state)
{
    struct fixture *f = *state;
    struct vml_pci_function_config config = toy_config(&f->toy[1]);
    struct vml_pci_host *host = &f->pb.host;
    struct vml_pci_function many[PB_FUNCTIONS];

    assert_int_equal(vml_pci_function_init(&f->toy[1].function, &config), VML_OK);
    assert_int_equal(vml_pci_host_add(host, &f->toy[1].function, DEV1), VML_ERR_OVERLAP);
    assert_int_equal(vml_pci_host_add(host, &f->toy[1].function, VML_PCI_ID(2, 0, 0)),
                     VML_ERR_RANGE);
    assert_int_equal(vml_pci_host_add(host, &f->toy[0].function, VML_PCI_ID(0, 9, 0)),
                     VML_ERR_STATE);
    vml_pci_function_destroy(&f->toy[1].function);
    config.msix.count = 0;
    for (uint32_t i = 0; i < PB_FUNCTIONS; i++) {
        assert_int_equal(vml_pci_function_init(&many[i], &config), VML_OK);
        assert_int_equal(vml_pci_host_add(host, &many[i], VML_PCI_ID(1, 20 - i, 0)),
                         i < PB_FUNCTIONS - 1 ? VML_OK : VML_ERR_NO_SPACE);
    }
    assert_int_equal(pb_get(&f->pb, VML_PCI_ID(1, 15, 0), 0, 2), 0x1234);
    for (uint32_t i = 0; i < PB_FUNCTIONS; i++) {
        vml_pci_function_destroy(&many[i]);
    }
}

static void multifunction_devices_say_so(void **state)
{
    struct fixture *f = *state;

    add(f, 1, VML_PCI_ID(0, 1, 3));
    add(f, 2, VML_PCI_ID(0, 2, 0));
    assert_int_equal(pb_get(&f->pb, DEV1, VML_PCI_HEADER_TYPE, 1), 0x80);
    assert_int_equal(pb_get(&f->pb, VML_PCI_ID(0, 2, 0), VML_PCI_HEADER_TYPE, 1), 0);
    f->pb.host.ecam.ops->reset(&f->pb.host.ecam);
    assert_int_equal(pb_get(&f->pb, DEV1, VML_PCI_HEADER_TYPE, 1), 0x80);
}

static void capabilities_are_a_list(void **state)
{
    struct fixture *f = *state;
    struct pb *pb = &f->pb;
    uint32_t express = pb_capability(pb, DEV1, VML_PCI_CAP_EXPRESS, 0);
    uint32_t msix = pb_capability(pb, DEV1, VML_PCI_CAP_MSIX, 0);
    struct vml_pci_function_config config = toy_config(&f->toy[1]);
    uint8_t body[250] = {1, 2, 3};
    uint8_t mask[3] = {0, 0xf0, 0};

    assert_true(express >= 0x40 && (express & 3) == 0);
    assert_int_equal(pb_get(pb, DEV1, express + 2, 2), 0x0092); /* version 2, integrated endpoint */
    assert_true(msix >= 0x40 && (msix & 3) == 0);
    assert_int_equal(pb_get(pb, DEV1, msix + 2, 2), VECTORS - 1); /* 6.8.2.3: N - 1 */
    assert_int_equal(pb_get(pb, DEV1, msix + 4, 4), TABLE | 2);
    assert_int_equal(pb_get(pb, DEV1, msix + 8, 4), PBA | 2);
    assert_int_equal(vml_pci_add_capability(&f->toy[0].function, 9, body, NULL, 3), 0);
    /* Without any there is no list. */
    config.express = false;
    config.msix.count = 0;
    assert_int_equal(vml_pci_function_init(&f->toy[1].function, &config), VML_OK);
    assert_int_equal(vml_pci_config_read(&f->toy[1].function, VML_PCI_STATUS, 2), 0);
    assert_int_equal(vml_pci_config_read(&f->toy[1].function, VML_PCI_CAPABILITIES, 1), 0);
    assert_int_equal(vml_pci_add_capability(&f->toy[1].function, 9, body, NULL, 191), 0);
    assert_int_equal(vml_pci_add_capability(&f->toy[1].function, 9, body, mask, 3), 0x40);
    assert_int_equal(vml_pci_add_capability(&f->toy[1].function, 5, body, NULL, 182), 0x48);
    assert_int_equal(vml_pci_add_capability(&f->toy[1].function, 5, body, NULL, 1), 0);
    vml_pci_config_write(&f->toy[1].function, 0x40, 4, 0xffffffff);
    assert_int_equal(vml_pci_config_read(&f->toy[1].function, 0x40, 4), 0xf2014809);
    vml_pci_function_destroy(&f->toy[1].function);
}

static void config_windows_are_the_devices(void **state)
{
    struct fixture *f = *state;
    struct vml_pci_function_config config = toy_config(&f->toy[1]);
    const uint16_t dev2 = VML_PCI_ID(0, 2, 0);

    assert_int_equal(vml_pci_function_init(&f->toy[1].function, &config), VML_OK);
    vml_pci_set_window(&f->toy[1].function, 0xf0);
    assert_int_equal(vml_pci_host_add(&f->pb.host, &f->toy[1].function, dev2), VML_OK);
    assert_int_equal(pb_get(&f->pb, dev2, 0xf2, 2), 0x57);
    assert_int_equal(f->toy[1].last.offset, 2);
    pb_set(&f->pb, dev2, 0xf0, 4, 0x1234);
    assert_int_equal(f->toy[1].last.value, 0x1234);
    assert_int_equal(pb_get(&f->pb, dev2, 0xf4, 4), 0);
    assert_int_equal(f->toy[1].windows, 2);
}

/* Wires. */

static void intx(struct fixture *f, uint32_t toy, uint32_t value)
{
    f->toy[toy].intx = value;
    vml_pci_intx_update(&f->toy[toy].function);
}

static void intx_follows_its_source(void **state)
{
    struct fixture *f = *state;
    struct pb *pb = &f->pb;

    intx(f, 0, 4);
    assert_true(pb->lines[1]); /* device 1, INTA */
    assert_int_equal(pb_get(pb, DEV1, VML_PCI_STATUS, 1), 0x18);
    assert_int_equal(pb_get(pb, DEV1, VML_PCI_COMMAND, 4), 0x00180000);
    intx(f, 0, 0);
    assert_false(pb->lines[1]);
    assert_int_equal(pb_get(pb, DEV1, VML_PCI_STATUS, 1), 0x10);
    /* 6.2.2: Interrupt Disable keeps the wire low, not the status. */
    pb_set(pb, DEV1, VML_PCI_COMMAND, 2, VML_PCI_COMMAND_INTX_DISABLE);
    intx(f, 0, 1);
    assert_false(pb->lines[1]);
    assert_int_equal(pb_get(pb, DEV1, VML_PCI_STATUS, 1), 0x18);
    pb_set(pb, DEV1, VML_PCI_COMMAND, 2, 0);
    assert_true(pb->lines[1]);
    /* 6.8.2: with MSI-X enabled a function does not use its pin. */
    pb_set(pb, DEV1, pb_capability(pb, DEV1, VML_PCI_CAP_MSIX, 0) + 2, 2, VML_PCI_MSIX_ENABLE);
    assert_false(pb->lines[1]);
    assert_int_equal(pb_get(pb, DEV1, VML_PCI_STATUS, 1), 0x10);
}

static void wires_are_swizzled_and_shared(void **state)
{
    struct fixture *f = *state;
    struct pb *pb = &f->pb;
    struct vml_pci_function_config config = toy_config(&f->toy[2]);

    add(f, 1, VML_PCI_ID(1, 5, 0)); /* as device 1: 5 mod 4 */
    config.interrupt_pin = 4;
    assert_int_equal(vml_pci_function_init(&f->toy[2].function, &config), VML_OK);
    assert_int_equal(vml_pci_host_add(&pb->host, &f->toy[2].function, VML_PCI_ID(0, 3, 0)), VML_OK);
    intx(f, 2, 1);
    assert_true(pb->lines[2]); /* device 3, INTD */
    intx(f, 0, 1);
    intx(f, 1, 1);
    intx(f, 0, 0);
    assert_true(pb->lines[1]);
    intx(f, 1, 0);
    assert_false(pb->lines[1]);
    assert_false(pb->lines[0] || pb->lines[3]);
}

static void functions_without_a_pin_have_no_wire(void **state)
{
    struct fixture *f = *state;
    struct vml_pci_function_config config = toy_config(&f->toy[1]);

    config.interrupt_pin = 0;
    assert_int_equal(vml_pci_function_init(&f->toy[1].function, &config), VML_OK);
    assert_int_equal(vml_pci_host_add(&f->pb.host, &f->toy[1].function, VML_PCI_ID(0, 2, 0)),
                     VML_OK);
    intx(f, 1, 1);
    for (uint32_t i = 0; i < 4; i++) {
        assert_false(f->pb.lines[i]);
    }
    pb_set(&f->pb, VML_PCI_ID(0, 2, 0), VML_PCI_COMMAND, 2, VML_PCI_COMMAND_INTX_DISABLE);
    assert_int_equal(pb_get(&f->pb, VML_PCI_ID(0, 2, 0), VML_PCI_COMMAND, 2), 0);
}

/* Messages. */

static void set_msix(struct fixture *f, uint32_t control)
{
    pb_set(&f->pb, DEV1, pb_capability(&f->pb, DEV1, VML_PCI_CAP_MSIX, 0) + 2, 2, control);
}

static void set_vector(struct fixture *f, uint32_t vector, uint32_t data, bool masked)
{
    uint64_t entry = PB_HIGH + TABLE + 16 * vector;

    pb_write(&f->pb, entry, 4, (uint32_t)DOORBELL);
    pb_write(&f->pb, entry + 4, 4, (uint32_t)(DOORBELL >> 32));
    pb_write(&f->pb, entry + 8, 4, data);
    pb_write(&f->pb, entry + 12, 4, masked);
}

static bool send(struct fixture *f, uint32_t vector)
{
    return vml_pci_msix_send(&f->toy[0].function, vector);
}

static void messages_are_what_the_table_says(void **state)
{
    struct fixture *f = *state;

    place(f);
    /* 6.8.2.9: entries are masked after reset. */
    assert_int_equal(pb_read(&f->pb, PB_HIGH + TABLE + 12, 4), 1);
    assert_int_equal(pb_read(&f->pb, PB_HIGH + TABLE + 16 * VECTORS - 4, 4), 1);
    set_vector(f, 0, 0x111, false);
    set_vector(f, VECTORS - 1, 0x222, false);
    assert_false(send(f, 0)); /* not enabled */
    set_msix(f, VML_PCI_MSIX_ENABLE);
    assert_true(send(f, 0));
    assert_int_equal(f->pb.messages, 1);
    assert_int_equal(f->pb.last.data, 0x111);
    assert_true(f->pb.last.address == DOORBELL);
    assert_int_equal(f->pb.last.device_id, DEV1);
    assert_true(send(f, VECTORS - 1));
    assert_int_equal(f->pb.last.data, 0x222);
    assert_true(send(f, VECTORS)); /* none: nothing happens */
    assert_true(send(f, 0xffff));
    assert_int_equal(f->pb.messages, 2);
    assert_int_equal(f->toy[0].accesses, 0); /* the device sees nothing of the table */
}

static void masked_vectors_are_pending(void **state)
{
    struct fixture *f = *state;
    struct pb *pb = &f->pb;

    place(f);
    set_msix(f, VML_PCI_MSIX_ENABLE);
    set_vector(f, 65, 0x65, true);
    assert_true(send(f, 65));
    assert_true(send(f, 65));
    assert_int_equal(pb->messages, 0);
    assert_int_equal(pb_read(pb, PB_HIGH + PBA + 8, 8), 2);
    assert_int_equal(pb_read(pb, PB_HIGH + PBA + 8, 4), 2);
    assert_int_equal(pb_read(pb, PB_HIGH + PBA, 8), 0);
    pb_write(pb, PB_HIGH + PBA + 8, 8, 0); /* read only */
    /* 6.8.3.5: once, when it is unmasked, with what the entry says then. */
    pb_write(pb, PB_HIGH + TABLE + 16 * 65 + 8, 8, 0x77);
    assert_int_equal(pb->messages, 1);
    assert_int_equal(pb->last.data, 0x77);
    assert_int_equal(pb_read(pb, PB_HIGH + PBA + 8, 8), 0);
}

static void function_mask_masks_all(void **state)
{
    struct fixture *f = *state;
    struct pb *pb = &f->pb;

    place(f);
    set_msix(f, VML_PCI_MSIX_ENABLE | VML_PCI_MSIX_MASK);
    set_vector(f, 1, 1, false);
    set_vector(f, 2, 2, false);
    set_vector(f, 3, 3, true);
    for (uint32_t i = 1; i <= 3; i++) {
        assert_true(send(f, i));
    }
    assert_int_equal(pb->messages, 0);
    assert_int_equal(pb_read(pb, PB_HIGH + PBA, 8), 0xe);
    set_msix(f, VML_PCI_MSIX_ENABLE);
    assert_int_equal(pb->messages, 2);
    assert_int_equal(pb_read(pb, PB_HIGH + PBA, 8), 0x8);
}

static void without_bus_master_nothing_is_sent(void **state)
{
    struct fixture *f = *state;

    place(f);
    set_msix(f, VML_PCI_MSIX_ENABLE);
    set_vector(f, 1, 1, false);
    pb_set(&f->pb, DEV1, VML_PCI_COMMAND, 2, MEMORY);
    assert_true(send(f, 1));
    pb_set(&f->pb, DEV1, VML_PCI_COMMAND, 2, MEMORY | MASTER);
    assert_int_equal(f->pb.messages, 0);
    assert_true(send(f, 1));
    assert_int_equal(f->pb.messages, 1);
}

static void narrow_accesses_of_the_table_do_nothing(void **state)
{
    struct fixture *f = *state;
    struct pb *pb = &f->pb;

    place(f);
    set_vector(f, 0, 0x12345678, true);
    pb_write(pb, PB_HIGH + TABLE + 8, 2, 0xffff);
    pb_write(pb, PB_HIGH + TABLE + 12, 1, 0);
    pb_write(pb, PB_HIGH + TABLE + 6, 4, UINT32_MAX);
    assert_int_equal(pb_read(pb, PB_HIGH + TABLE + 8, 2), 0);
    assert_int_equal(pb_read(pb, PB_HIGH + TABLE + 10, 4), 0);
    assert_true(pb_read(pb, PB_HIGH + TABLE, 8) == DOORBELL);
    assert_true(pb_read(pb, PB_HIGH + TABLE + 8, 8) == UINT64_C(0x112345678));
    /* 6.8.2.6: the two low bits of an address are zero. */
    pb_write(pb, PB_HIGH + TABLE, 4, 0x43);
    assert_int_equal(pb_read(pb, PB_HIGH + TABLE, 4), 0x40);
    pb_write(pb, PB_HIGH + TABLE + 12, 4, UINT32_MAX);
    assert_int_equal(pb_read(pb, PB_HIGH + TABLE + 12, 4), 1);
}

/* Reset and state. */

static void dirty(struct fixture *f)
{
    place(f);
    set_msix(f, VML_PCI_MSIX_ENABLE);
    set_vector(f, 3, 0x33, true);
    assert_true(send(f, 3));
    pb_set(&f->pb, DEV1, VML_PCI_BAR0, 4, (uint32_t)PB_LOW + 0x3000);
    f->toy[0].own = 5;
}

static void assert_reset(struct fixture *f)
{
    struct pb *pb = &f->pb;

    assert_int_equal(f->toy[0].resets, 1);
    assert_int_equal(pb_get(pb, DEV1, VML_PCI_COMMAND, 2), 0);
    assert_int_equal(pb_get(pb, DEV1, VML_PCI_BAR0, 4), 0);
    assert_int_equal(pb_get(pb, DEV1, pb_capability(pb, DEV1, VML_PCI_CAP_MSIX, 0) + 2, 2),
                     VECTORS - 1);
    assert_int_equal(pb_read(pb, PB_HIGH, 4), 0xffffffff);
    place(f);
    assert_int_equal(pb_read(pb, PB_HIGH + TABLE + 16 * 3 + 8, 8), VML_BIT64(32));
    assert_int_equal(pb_read(pb, PB_HIGH + PBA, 8), 0);
    for (uint32_t i = 0; i < 4; i++) {
        assert_false(pb->lines[i]);
    }
}

static void reset_forgets_everything(void **state)
{
    struct fixture *f = *state;

    intx(f, 0, 1);
    dirty(f);
    vml_vbus_reset(&f->pb.bus);
    assert_reset(f);
}

static void function_level_reset(void **state)
{
    struct fixture *f = *state;
    uint32_t express = pb_capability(&f->pb, DEV1, VML_PCI_CAP_EXPRESS, 0);

    /* PCIe 7.5.3.3: bit 28 says that there is one. */
    assert_true(pb_get(&f->pb, DEV1, express + 4, 4) & VML_BIT32(28));
    intx(f, 0, 1);
    dirty(f);
    pb_set(&f->pb, DEV1, express + 8, 2, 0x000f);
    assert_int_equal(f->toy[0].resets, 0);
    assert_int_equal(pb_get(&f->pb, DEV1, express + 8, 2), 0x000f);
    pb_set(&f->pb, DEV1, express + 9, 1, 0x80);
    assert_int_equal(pb_get(&f->pb, DEV1, express + 8, 2), 0);
    assert_reset(f);
}

static size_t save(struct toy *t, uint8_t *image, size_t size)
{
    struct vml_state_writer w;

    vml_state_writer_init(&w, image, size);
    t->function.device.ops->save(&t->function.device, &w);
    assert_int_equal(vml_state_write_status(&w), VML_OK);
    return w.used;
}

static enum vml_status restore(struct toy *t, const uint8_t *image, size_t size)
{
    struct vml_state_reader r;

    vml_state_reader_init(&r, image, size);
    return t->function.device.ops->restore(&t->function.device, &r);
}

static void state_round_trip(void **state)
{
    struct fixture *f = *state;
    struct fixture *other;
    void *second = NULL;
    static uint8_t image[4096], again[4096];
    size_t size;

    dirty(f);
    size = save(&f->toy[0], image, sizeof(image));
    set_up(&second);
    other = second;
    assert_int_equal(restore(&other->toy[0], image, size), VML_OK);
    assert_int_equal(save(&other->toy[0], again, sizeof(again)), size);
    assert_memory_equal(image, again, size);
    assert_int_equal(other->toy[0].own, 5);
    assert_int_equal(pb_read(&other->pb, PB_LOW + 0x3000, 4), 0xa0);
    assert_int_equal(pb_read(&other->pb, PB_HIGH + PBA, 8), 8);
    pb_write(&other->pb, PB_HIGH + TABLE + 16 * 3 + 12, 4, 0);
    assert_int_equal(other->pb.last.data, 0x33);
    tear_down(&second);
}

static void corrupt_images_change_nothing(void **state)
{
    struct fixture *f = *state;
    static uint8_t image[4096], before[4096], after[4096];
    size_t size;
    size_t refused = 0;

    dirty(f);
    size = save(&f->toy[0], image, sizeof(image));
    f->toy[0].own = 1;
    save(&f->toy[0], before, sizeof(before));
    for (size_t i = 0; i < size; i++) {
        assert_int_not_equal(restore(&f->toy[0], image, i), VML_OK);
    }
    for (size_t i = 0; i < size; i++) {
        uint8_t good = image[i];

        image[i] ^= 0x80;
        if (restore(&f->toy[0], image, size) != VML_OK) {
            save(&f->toy[0], after, sizeof(after));
            assert_memory_equal(before, after, size);
            refused++;
        } else {
            image[i] = good;
            assert_int_equal(restore(&f->toy[0], before, size), VML_OK);
        }
        image[i] = good;
    }
    /* IDs, capabilities, BAR flags, sizes, flags and the device's own byte are checked. */
    assert_in_range(refused, 200, size);
}

static void without_operations_nothing_happens(void **state)
{
    struct fixture *f = *state;
    static const struct vml_pci_ops none = {0};
    struct vml_pci_function_config config = toy_config(&f->toy[1]);
    static uint8_t image[4096];
    const uint16_t dev2 = VML_PCI_ID(0, 2, 0);
    size_t size;

    config.ops = &none;
    assert_int_equal(vml_pci_function_init(&f->toy[1].function, &config), VML_OK);
    vml_pci_set_window(&f->toy[1].function, 0xf0);
    /* A function that is nowhere yet can be saved and reset all the same. */
    assert_false(vml_pci_msix_send(&f->toy[1].function, 0));
    vml_pci_intx_update(&f->toy[1].function);
    f->toy[1].function.device.ops->reset(&f->toy[1].function.device);
    size = save(&f->toy[1], image, sizeof(image));
    assert_int_equal(restore(&f->toy[1], image, size), VML_OK);
    assert_int_equal(restore(&f->toy[0], image, size), VML_ERR_CORRUPT);
    assert_int_equal(vml_pci_host_add(&f->pb.host, &f->toy[1].function, dev2), VML_OK);
    pb_set(&f->pb, dev2, VML_PCI_BAR0, 4, (uint32_t)PB_LOW);
    pb_set(&f->pb, dev2, VML_PCI_COMMAND, 2, MEMORY);
    assert_int_equal(pb_read(&f->pb, PB_LOW, 4), 0);
    assert_int_equal(pb_get(&f->pb, dev2, 0xf0, 4), 0);
}

static void wrong_configurations_are_refused(void **state)
{
    struct fixture *f = *state;
    struct vml_pci_function function;
    struct vml_pci_function_config good = toy_config(&f->toy[1]);
    struct vml_pci_function_config c;
    struct vml_pci_host host;
    struct vml_pci_host_config h = f->pb.host.config;

#define REFUSED(change)                                                                            \
    do {                                                                                           \
        c = good;                                                                                  \
        change;                                                                                    \
        assert_int_equal(vml_pci_function_init(&function, &c), VML_ERR_INVALID);                   \
    } while (0)
    REFUSED(c.name = NULL);
    REFUSED(c.ops = NULL);
    REFUSED(c.interrupt_pin = 5);
    REFUSED(c.class_code = 0x1000000);
    REFUSED(c.bars[0].size = 8);
    REFUSED(c.bars[0].size = 24);
    REFUSED(c.bars[0].size = VML_BIT64(32));
    REFUSED(c.bars[3].size = 16); /* the upper half of BAR 2 */
    REFUSED(c.bars[5] = ((struct vml_pci_bar){.size = 16, .wide = true}));
    REFUSED(c.msix.count = VML_PCI_MAX_VECTORS + 1);
    REFUSED(c.msix.vectors = NULL);
    REFUSED(c.msix.bar = 6);
    REFUSED(c.msix.bar = 5);
    REFUSED(c.msix.table = 0x1004);
    REFUSED(c.msix.pba = 0x1804);
    REFUSED(c.msix.table = 0x4000 - 16 * VECTORS + 16);
    REFUSED(c.msix.pba = 0x4000 - 8);
    REFUSED(c.msix.pba = TABLE + 16 * VECTORS - 8);
    h.name = NULL;
    assert_int_equal(vml_pci_host_init(&host, &h), VML_ERR_INVALID);
    h = f->pb.host.config;
    h.buses = 0;
    assert_int_equal(vml_pci_host_init(&host, &h), VML_ERR_INVALID);
    h.buses = 257;
    assert_int_equal(vml_pci_host_init(&host, &h), VML_ERR_INVALID);
    h = f->pb.host.config;
    h.map = NULL;
    assert_int_equal(vml_pci_host_init(&host, &h), VML_ERR_INVALID);
    h = f->pb.host.config;
    h.windows[0].size = UINT64_MAX;
    assert_int_equal(vml_pci_host_init(&host, &h), VML_ERR_RANGE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(header_is_as_configured, set_up, tear_down),
        cmocka_unit_test_setup_teardown(read_only_bits_stay, set_up, tear_down),
        cmocka_unit_test_setup_teardown(absent_functions_read_as_ones, set_up, tear_down),
        cmocka_unit_test_setup_teardown(odd_accesses_of_ecam_do_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(extended_space_is_empty, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bars_tell_their_size, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bars_are_where_they_are_put, set_up, tear_down),
        cmocka_unit_test_setup_teardown(bars_outside_of_windows_are_nowhere, set_up, tear_down),
        cmocka_unit_test_setup_teardown(io_space_is_empty, set_up, tear_down),
        cmocka_unit_test_setup_teardown(of_bars_over_each_other_the_first_wins, set_up, tear_down),
        cmocka_unit_test_setup_teardown(functions_have_one_place, set_up, tear_down),
        cmocka_unit_test_setup_teardown(multifunction_devices_say_so, set_up, tear_down),
        cmocka_unit_test_setup_teardown(capabilities_are_a_list, set_up, tear_down),
        cmocka_unit_test_setup_teardown(config_windows_are_the_devices, set_up, tear_down),
        cmocka_unit_test_setup_teardown(intx_follows_its_source, set_up, tear_down),
        cmocka_unit_test_setup_teardown(wires_are_swizzled_and_shared, set_up, tear_down),
        cmocka_unit_test_setup_teardown(functions_without_a_pin_have_no_wire, set_up, tear_down),
        cmocka_unit_test_setup_teardown(messages_are_what_the_table_says, set_up, tear_down),
        cmocka_unit_test_setup_teardown(masked_vectors_are_pending, set_up, tear_down),
        cmocka_unit_test_setup_teardown(function_mask_masks_all, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_bus_master_nothing_is_sent, set_up, tear_down),
        cmocka_unit_test_setup_teardown(narrow_accesses_of_the_table_do_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reset_forgets_everything, set_up, tear_down),
        cmocka_unit_test_setup_teardown(function_level_reset, set_up, tear_down),
        cmocka_unit_test_setup_teardown(state_round_trip, set_up, tear_down),
        cmocka_unit_test_setup_teardown(corrupt_images_change_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_operations_nothing_happens, set_up, tear_down),
        cmocka_unit_test_setup_teardown(wrong_configurations_are_refused, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
