/* An ITS's tables in guest memory, between the layout of KVM's ITS and this one's: what a guest may leave
 * there is converted without harm, and what has been converted once comes back the same. */
#include <stdlib.h>
#include <string.h>
#include <vml/gic_its.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    CPUS = 3,
    LPIS = 64,
    RAM = 0x40000000,
    RAM_SIZE = 0x50000,
    DEVICES = 0x00000, /* with one level: 8192 devices */
    COLLECTIONS = 0x10000,
    ITTS = 0x20000,   /* 4 KiB each */
    SECOND = 0x30000, /* with two levels */
    QUEUE = 0x40000,
    SLOTS = 16,
};
#define VALID VML_BIT64(63)

static const uint32_t ids[SLOTS] = {0,    1,    2,    5,    6,    63,   64,   100,
                                    1000, 4095, 4096, 8000, 8189, 8190, 8191, 7};

static _Alignas(VML_CACHE_LINE_SIZE) uint8_t storage[VML_GIC_STORAGE_LPIS(CPUS, 32, LPIS)];
static _Alignas(4096) uint8_t ram[RAM_SIZE];
static uint8_t once[RAM_SIZE];
static struct vml_gic gic;
static struct vml_its its;
static struct vml_as as;
static uint64_t as_storage[VML_AS_STORAGE(1) / 8 + 1];
static struct vml_as_region region;

static uint64_t take(const uint8_t **data, size_t *size, size_t bytes)
{
    uint64_t v = 0;
    size_t n = *size < bytes ? *size : bytes;

    memcpy(&v, *data, n);
    *data += n;
    *size -= n;
    return v;
}

static void must(bool condition)
{
    if (!condition) {
        abort();
    }
}

static void make(bool two_levels)
{
    struct vml_gic_config config = {.version = 3,
                                    .cpus = CPUS,
                                    .spis = 32,
                                    .lpis = LPIS,
                                    .memory = &as,
                                    .storage = storage,
                                    .storage_size = sizeof(storage)};
    struct vml_its_config its_config = {.gic = &gic, .base = 0x08080000};
    struct vml_its_registers registers = {
        .enabled = true,
        .cbaser = VALID | (RAM + QUEUE),
        .baser = {VALID | (RAM + DEVICES) | 2 << 8, VALID | (RAM + COLLECTIONS) | 2 << 8}};

    memset(ram, 0, sizeof(ram));
    must(vml_as_init(&as, as_storage, 1) == VML_OK);
    region = (struct vml_as_region){.name = "ram", .base = RAM, .size = RAM_SIZE, .host = ram};
    must(vml_as_add(&as, &region) == VML_OK);
    must(vml_gic_init(&gic, &config) == VML_OK);
    must(vml_its_init(&its, &its_config) == VML_OK);
    if (two_levels) {
        registers.baser[0] |= VML_BIT64(62);
        vml_store_le64(&ram[DEVICES], VALID | (RAM + SECOND));
    }
    vml_its_set_registers(&its, &registers);
}

/* Entries where they belong, of KVM's layout more or less. */
static void fill(const uint8_t **data, size_t *size, bool two_levels)
{
    for (uint32_t n = 0; n < 64 && *size != 0; n++) {
        uint32_t what = (uint32_t)take(data, size, 1), slot = what >> 4;
        uint64_t value = take(data, size, 6);
        uint32_t next = (uint32_t)take(data, size, 2);

        switch (what & 3) {
        case 0:
            vml_store_le64(&ram[(two_levels ? SECOND : DEVICES) + ids[slot] * 8],
                           (value & 1) << 63 | (uint64_t)(next & 0x3fff) << 49 |
                               ((uint64_t)(RAM + ITTS) + slot * 0x1000) >> 8 << 5 |
                               (value >> 1 & 7));
            break;
        case 1:
            vml_store_le64(&ram[COLLECTIONS + (value >> 24 & 31) * 8],
                           VALID | (value >> 16 & 3) << 16 | (value & 0x1fff));
            break;
        default:
            vml_store_le64(&ram[ITTS + slot * 0x1000 + (value >> 40) * 8],
                           (uint64_t)next << 48 |
                               (uint64_t)(VML_GIC_FIRST_LPI + (value >> 16 & 63)) << 16 |
                               (value & 0x1fff));
            break;
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint32_t mode = (uint32_t)take(&data, &size, 1);
    bool two_levels = (mode & 1) != 0;

    make(two_levels);
    fill(&data, &size, two_levels);
    if (mode & 2) { /* anything anywhere: of either layout, overlapping */
        for (uint32_t n = 0; n < 64 && size != 0; n++) {
            uint32_t at = (uint32_t)take(&data, &size, 2) * 8 % RAM_SIZE;

            vml_store_le64(&ram[at], take(&data, &size, 8));
        }
        enum vml_status to = vml_its_tables_to_kvm(&its), from = vml_its_tables_from_kvm(&its);

        (void)to; /* either may refuse it */
        (void)from;
        return 0;
    }
    if (vml_its_tables_from_kvm(&its) != VML_OK) {
        return 0;
    }
    for (uint32_t slot = 0; slot < SLOTS; slot++) { /* what is there can be used */
        for (uint32_t event = 0; event < 4; event++) {
            (void)vml_its_msi(&its, ids[slot], event);
        }
    }
    memcpy(once, ram, sizeof(once));
    must(vml_its_tables_to_kvm(&its) == VML_OK);
    must(vml_its_tables_from_kvm(&its) == VML_OK);
    must(memcmp(once, ram, sizeof(once)) == 0);
    return 0;
}
