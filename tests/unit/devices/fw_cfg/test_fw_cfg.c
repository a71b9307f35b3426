/* The firmware configuration device as U-Boot and EDK2 use it, with guest memory of this file. */
#include "test.h"
#include <vml/fw_cfg.h>

enum { DATA = 0, SELECTOR = 8, DMA = 16, RAM = 0x40000000, RAM_SIZE = 0x10000 };
enum { ERROR = 1, READ = 2, SKIP = 4, SELECT = 8, WRITE = 16 };

struct rig {
    struct vml_fw_cfg cfg;
    struct vml_fw_cfg_item items[6];
    uint8_t directory[4 + 2 * VML_FW_CFG_DIR_ENTRY];
    struct vml_as as;
    struct vml_as_region region;
    _Alignas(8) uint8_t storage[VML_AS_STORAGE(2)];
    _Alignas(4096) uint8_t ram[RAM_SIZE];
    uint8_t file[4];
    unsigned written;
};

static const char text[] = "0123456789";

static void on_written(void *context, uint16_t key)
{
    struct rig *r = context;

    assert_int_equal(key, 0x21);
    r->written++;
}

static struct rig *make(bool with_dma)
{
    struct rig *r = aligned_alloc(4096, (sizeof(*r) + 4095) / 4096 * 4096);

    memset(r, 0, sizeof(*r));
    r->region =
        (struct vml_as_region){.name = "ram", .base = RAM, .size = RAM_SIZE, .host = r->ram};
    assert_int_equal(vml_as_init(&r->as, r->storage, 2), VML_OK);
    assert_int_equal(vml_as_add(&r->as, &r->region), VML_OK);
    struct vml_fw_cfg_config config = {.as = with_dma ? &r->as : NULL,
                                       .items = r->items,
                                       .max_items = 6,
                                       .directory = r->directory,
                                       .directory_size = sizeof(r->directory),
                                       .written = on_written,
                                       .context = r};

    assert_int_equal(vml_fw_cfg_init(&r->cfg, &config), VML_OK);
    assert_int_equal(vml_fw_cfg_add(&r->cfg, VML_FW_CFG_CMDLINE_DATA, text, 10), VML_OK);
    assert_int_equal(vml_fw_cfg_add_file(&r->cfg, "etc/one", (void *)(uintptr_t)text, 10, false),
                     VML_OK);
    assert_int_equal(vml_fw_cfg_add_file(&r->cfg, "etc/two", r->file, 4, true), VML_OK);
    return r;
}

static void end(struct rig *r)
{
    vml_fw_cfg_destroy(&r->cfg);
    free(r);
}

static enum vml_bus_result go(struct rig *r, bool write, uint32_t offset, uint8_t size,
                              uint64_t *value)
{
    struct vml_access a = {.offset = offset, .size = size, .write = write, .value = *value};
    enum vml_bus_result result = r->cfg.device.ops->access(&r->cfg.device, &a);

    *value = a.value;
    return result;
}

static uint64_t rd(struct rig *r, uint32_t offset, uint8_t size)
{
    uint64_t v = 0;

    assert_int_equal(go(r, false, offset, size, &v), VML_BUS_OK);
    return v;
}

static void wr(struct rig *r, uint32_t offset, uint8_t size, uint64_t v)
{
    assert_int_equal(go(r, true, offset, size, &v), VML_BUS_OK);
}

static void select_key(struct rig *r, uint16_t key)
{
    wr(r, SELECTOR, 2, __builtin_bswap16(key));
}

static void command(struct rig *r, uint32_t at, uint32_t control, uint32_t length, uint64_t address)
{
    uint32_t be32 = __builtin_bswap32(control);
    uint64_t be64 = __builtin_bswap64(address);

    memcpy(r->ram + at, &be32, 4);
    be32 = __builtin_bswap32(length);
    memcpy(r->ram + at + 4, &be32, 4);
    memcpy(r->ram + at + 8, &be64, 8);
}

/* Runs a command at the start of memory; what its control word is afterwards. */
static uint32_t dma(struct rig *r, uint32_t control, uint32_t length, uint64_t address)
{
    uint32_t be32;

    command(r, 0, control, length, address);
    wr(r, DMA, 8, __builtin_bswap64(RAM));
    memcpy(&be32, r->ram, 4);
    return __builtin_bswap32(be32);
}

static void signature_and_revision(void **state)
{
    struct rig *r = make(true);

    select_key(r, 0);
    assert_int_equal(rd(r, DATA, 4), 0x554d4551); /* "QEMU" in the order of memory */
    select_key(r, 0);
    assert_int_equal(rd(r, DATA, 1), 'Q');
    assert_int_equal(rd(r, DATA, 1), 'E');
    assert_int_equal(rd(r, DATA, 2), 'M' | 'U' << 8);
    assert_int_equal(rd(r, DATA, 1), 0);
    select_key(r, 1);
    assert_int_equal(rd(r, DATA, 8), 3);
    assert_int_equal(rd(r, DMA, 8), __builtin_bswap64(0x51454d5520434647u));
    assert_int_equal(rd(r, DMA, 4), 0x554d4551);
    assert_int_equal(rd(r, DMA + 4, 4), 0x47464320);
    assert_int_equal(rd(r, SELECTOR, 2), 0);
    end(r);
    r = make(false);
    select_key(r, 1);
    assert_int_equal(rd(r, DATA, 4), 1);
    assert_int_equal(rd(r, DMA, 8), 0);
    wr(r, DMA, 8, __builtin_bswap64(RAM));
    end(r);
}

static void directory(void **state)
{
    struct rig *r = make(true);
    uint8_t d[sizeof(r->directory) + 8];

    select_key(r, VML_FW_CFG_FILE_DIR);
    for (size_t i = 0; i < sizeof(d); i++) {
        d[i] = (uint8_t)rd(r, DATA, 1);
    }
    assert_memory_equal(d, "\0\0\0\2\0\0\0\12\0\x20\0\0etc/one", 20);
    assert_memory_equal(d + 68, "\0\0\0\4\0\x21\0\0etc/two", 16);
    assert_int_equal(d[sizeof(r->directory)], 0);
    select_key(r, 0x20);
    assert_int_equal(rd(r, DATA, 8), 0x3736353433323130u);
    assert_int_equal(rd(r, DATA, 8), 0x3938);
    select_key(r, 0x7777);
    assert_int_equal(rd(r, DATA, 8), 0);
    end(r);
}

static void what_cannot_be_added(void **state)
{
    struct rig *r = make(true);
    static const char longest[] = "0123456789012345678901234567890123456789012345678901234";
    static const char longer[] = "01234567890123456789012345678901234567890123456789012345";
    struct vml_fw_cfg_config none = {0};

    assert_int_equal(vml_fw_cfg_add(&r->cfg, 0, text, 1), VML_ERR_INVALID);
    assert_int_equal(vml_fw_cfg_add(&r->cfg, 1, text, 1), VML_ERR_INVALID);
    assert_int_equal(vml_fw_cfg_add(&r->cfg, 0x19, text, 1), VML_ERR_INVALID);
    assert_int_equal(vml_fw_cfg_add(&r->cfg, 0x20, text, 1), VML_ERR_INVALID);
    assert_int_equal(vml_fw_cfg_add(&r->cfg, 0x15, text, 1), VML_ERR_OVERLAP);
    assert_int_equal(vml_fw_cfg_add(&r->cfg, 0x14, text, 1), VML_ERR_NO_SPACE);
    assert_int_equal(vml_fw_cfg_add_file(&r->cfg, "", r->file, 1, false), VML_ERR_INVALID);
    assert_int_equal(vml_fw_cfg_add_file(&r->cfg, longer, r->file, 1, false), VML_ERR_INVALID);
    assert_int_equal(vml_fw_cfg_add_file(&r->cfg, "etc/one", r->file, 1, false), VML_ERR_OVERLAP);
    assert_int_equal(vml_fw_cfg_add_file(&r->cfg, longest, r->file, 1, false), VML_ERR_NO_SPACE);
    assert_int_equal(vml_fw_cfg_init(&r->cfg, &none), VML_ERR_INVALID);
    end(r);
}

static void dma_reads_skips_and_pads(void **state)
{
    struct rig *r = make(true);

    memset(r->ram + 0x100, 0xaa, 32);
    assert_int_equal(dma(r, SELECT | READ | 0x20u << 16, 4, RAM + 0x100), 0);
    assert_memory_equal(r->ram + 0x100, "0123\xaa", 5);
    assert_int_equal(dma(r, SKIP, 2, 0), 0);
    assert_int_equal(dma(r, READ, 8, RAM + 0x100), 0);
    assert_memory_equal(r->ram + 0x100, "6789\0\0\0\0\xaa", 9);
    assert_int_equal(dma(r, READ, 4, RAM + 0x100), 0);
    assert_memory_equal(r->ram + 0x100, "\0\0\0\0", 4);
    assert_int_equal(dma(r, SELECT | 0x15u << 16, 0, 0), 0);
    assert_int_equal(rd(r, DATA, 1), '0');
    /* by halves: the lower one starts it */
    command(r, 0x40, SELECT | READ | 0x20u << 16, 2, RAM + 0x200);
    wr(r, DMA, 4, 0);
    assert_int_equal(r->ram[0x200], 0);
    wr(r, DMA + 4, 4, __builtin_bswap32(RAM + 0x40));
    assert_memory_equal(r->ram + 0x200, "01", 2);
    end(r);
}

static void dma_writes_only_writable_items(void **state)
{
    struct rig *r = make(true);

    memcpy(r->ram + 0x100, "abcdef", 6);
    assert_int_equal(dma(r, SELECT | WRITE | 0x20u << 16, 4, RAM + 0x100), ERROR);
    assert_string_equal(text, "0123456789");
    assert_int_equal(dma(r, SELECT | WRITE | 0x21u << 16, 6, RAM + 0x100), ERROR);
    assert_int_equal(r->written, 0);
    assert_int_equal(dma(r, SELECT | WRITE | 0x21u << 16, 4, RAM + 0x100), 0);
    assert_memory_equal(r->file, "abcd", 4);
    assert_int_equal(r->written, 1);
    assert_int_equal(dma(r, SELECT | WRITE | 0x7777u << 16, 4, RAM + 0x100), ERROR);
    end(r);
}

static void bad_addresses_of_dma(void **state)
{
    struct rig *r = make(true);

    assert_int_equal(dma(r, SELECT | READ | 0x20u << 16, 4, RAM + RAM_SIZE - 2), ERROR);
    assert_int_equal(dma(r, SELECT | READ | 0x20u << 16, 4, UINT64_MAX - 1), ERROR);
    assert_int_equal(dma(r, SELECT | READ | 0x20u << 16, UINT32_MAX, RAM), ERROR);
    assert_int_equal(dma(r, SELECT | WRITE | 0x21u << 16, 4, 0), ERROR);
    /* The command itself out of memory: nothing happens. */
    wr(r, DMA, 8, __builtin_bswap64(RAM + RAM_SIZE - 8));
    wr(r, DMA, 8, UINT64_MAX);
    end(r);
}

static void access_sizes(void **state)
{
    static const struct {
        bool write;
        uint8_t offset, size;
        enum vml_bus_result want;
    } cases[] = {
        {false, 24, 1, VML_BUS_FAULT},   {false, 23, 1, VML_BUS_OK},
        {false, 1, 2, VML_BUS_FAULT},    {true, DMA, 2, VML_BUS_FAULT},
        {true, 20, 8, VML_BUS_FAULT},    {true, DMA + 2, 2, VML_BUS_FAULT},
        {true, SELECTOR, 4, VML_BUS_OK}, {true, DATA, 8, VML_BUS_OK},
    };
    struct rig *r = make(true);

    for (size_t i = 0; i < VML_ARRAY_SIZE(cases); i++) {
        uint64_t v = 0;

        assert_int_equal(go(r, cases[i].write, cases[i].offset, cases[i].size, &v), cases[i].want);
    }
    end(r);
}

static void reset_save_and_restore(void **state)
{
    uint8_t image[64];
    struct vml_state_writer w;
    struct vml_state_reader reader;
    struct rig *r = make(true), *s = make(true);

    select_key(r, 0x20);
    (void)rd(r, DATA, 4);
    vml_state_writer_init(&w, image, sizeof(image));
    r->cfg.device.ops->save(&r->cfg.device, &w);
    assert_int_equal(vml_state_write_status(&w), VML_OK);
    for (size_t cut = 0; cut < w.used; cut++) {
        vml_state_reader_init(&reader, image, cut);
        assert_int_not_equal(s->cfg.device.ops->restore(&s->cfg.device, &reader), VML_OK);
        assert_int_equal(s->cfg.key, 0);
    }
    vml_state_reader_init(&reader, image, w.used);
    assert_int_equal(s->cfg.device.ops->restore(&s->cfg.device, &reader), VML_OK);
    assert_int_equal(rd(s, DATA, 1), '4');
    s->cfg.device.ops->reset(&s->cfg.device);
    assert_int_equal(rd(s, DATA, 1), 'Q');
    end(s);
    end(r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signature_and_revision),
        cmocka_unit_test(directory),
        cmocka_unit_test(what_cannot_be_added),
        cmocka_unit_test(dma_reads_skips_and_pads),
        cmocka_unit_test(dma_writes_only_writable_items),
        cmocka_unit_test(bad_addresses_of_dma),
        cmocka_unit_test(access_sizes),
        cmocka_unit_test(reset_save_and_restore),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
