/* Addresses and lengths are the guest's: no answer may reach outside of the regions. */
#include <stdlib.h>
#include <string.h>
#include <vml/simple_as.h>

#define PAGE VML_AS_PAGE_SIZE

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t memory[3][2 * PAGE];
static _Atomic uint64_t dirty[VML_AS_DIRTY_WORDS(2 * PAGE)];
static _Alignas(8) uint8_t storage[VML_AS_STORAGE(3)];

/* Two adjacent regions, and one that ends with the address space. */
static const struct vml_as_region regions[3] = {
    {.name = "ram", .base = 0x10000, .size = 2 * PAGE, .host = memory[0], .dirty = dirty},
    {.name = "rom",
     .base = 0x10000 + 2 * PAGE,
     .size = 2 * PAGE,
     .host = memory[1],
     .flags = VML_AS_READONLY},
    {.name = "top", .base = UINT64_MAX - 2 * PAGE + 1, .size = 2 * PAGE, .host = memory[2]},
};

/* What the contract says, the slow way. */
static uint8_t *expected(uint64_t gpa, uint64_t len, bool write)
{
    for (unsigned i = 0; i < 3; i++) {
        const struct vml_as_region *region = &regions[i];

        if (gpa >= region->base && gpa - region->base < region->size) {
            uint64_t offset = gpa - region->base;

            if (len > region->size - offset || (write && (region->flags & VML_AS_READONLY) != 0)) {
                return NULL;
            }
            return memory[i] + offset;
        }
    }
    return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct vml_as as;
    uint8_t buffer[5 * PAGE];

    if (vml_as_init(&as, storage, 3) != VML_OK) {
        abort();
    }
    for (unsigned i = 0; i < 3; i++) {
        if (vml_as_add(&as, &regions[i]) != VML_OK) {
            abort();
        }
    }
    vml_as_track(&as, true);
    memset(buffer, 0x5a, sizeof(buffer));
    for (; size >= 17; data += 17, size -= 17) {
        uint64_t gpa;
        uint64_t len;
        uint64_t span;
        bool write = (data[0] & 1) != 0;
        void *host;

        memcpy(&gpa, data + 1, 8);
        memcpy(&len, data + 9, 8);
        if (len == 0) {
            len = 1;
        }
        host = vml_as_translate(&as, gpa, len, write ? VML_AS_WRITE : VML_AS_READ);
        if (host != expected(gpa, len, write)) {
            abort();
        }
        span = len;
        host = vml_as_span(&as, gpa, &span, VML_AS_READ);
        if ((host == NULL) != (span == 0) || span > len) {
            abort();
        }
        vml_as_mark_dirty(&as, gpa, len);
        if (len > sizeof(buffer)) {
            continue;
        }
        if (write ? vml_as_write(&as, gpa, buffer, len) == VML_OK
                  : vml_as_read(&as, gpa, buffer, len) == VML_OK) {
            uint64_t last = gpa + (len - 1);

            if (last < gpa || !vml_as_find(&as, gpa) || !vml_as_find(&as, last)) {
                abort();
            }
        }
    }
    return 0;
}
