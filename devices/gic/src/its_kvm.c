/*
 * The ITS's tables as Linux KVM's ITS saves and restores them, Documentation/virt/kvm/devices/
 * arm-vgic-its.rst, "ITS Table ABI REV0". Each entry is 8 bytes, little-endian, as here:
 *
 *   device       63 valid, 62:49 next, 48:5 ITT address bits 51:8, 4:0 bits of EventID - 1
 *   collection   63 valid, 51:16 processor number, 15:0 ICID; not indexed: a list up to an entry that is
 *                not valid
 *   event        63:48 next, 47:16 INTID, 15:0 ICID; INTID 0 for none
 *
 * `next` is how much further the next entry that is valid is, or the most that it can hold; 0 behind the
 * last.  What it passes over counts for nothing, whatever is there.
 */
#include "its.h"

enum {
    IDS = 1 << 16,
    MAX_EVENTS = 1 << 22, /* of all devices; a bound of time */
    MAX_DEVICE_STEP = 0x3fff,
    MAX_EVENT_STEP = 0xffff,
};
/* In a collection's entry, while tables are converted: has its place in the new table. */
#define PLACED VML_BIT64(62)
/* In a collection's entry that is not valid: events name it all the same. */
#define NAMED VML_BIT64(61)
/* The processor number of a collection that is not mapped. */
#define UNMAPPED UINT64_C(0xffffffff)

struct conversion {
    struct vml_its *its;
    uint32_t events; /* that may still come */
    enum vml_status status;
};

/* Where in the list of valid entries a walk is. */
struct walk {
    uint32_t expected;
    bool ended;
};

static bool fail(struct conversion *c, enum vml_status status)
{
    if (c->status == VML_OK) {
        c->status = status;
    }
    return false;
}

/* Writes an entry that has changed. */
static bool replace(struct conversion *c, uint64_t address, uint64_t old, uint64_t now)
{
    if (now != old && its_store(c->its, address, now) != ITS_OK) {
        return fail(c, VML_ERR_RANGE);
    }
    return true;
}

/* The entry of an identifier. False: there is none, or no memory. */
static bool entry_of(struct conversion *c, uint32_t table, uint32_t id, uint64_t *address,
                     uint64_t *entry)
{
    enum its_result result = its_entry_address(c->its, table, id, address);

    if (result == ITS_OK) {
        result = its_load(c->its, *address, entry);
    }
    return result == ITS_OK || (result == ITS_STALL && fail(c, VML_ERR_RANGE));
}

static bool take_events(struct conversion *c, uint32_t count)
{
    if (count > c->events) {
        return fail(c, VML_ERR_RANGE);
    }
    c->events -= count;
    return true;
}

/* ---- to KVM's ---- */

/* A collection that events name is in the list even if it is not mapped. */
static bool name_collection(struct conversion *c, uint32_t icid)
{
    uint64_t address, entry;

    return entry_of(c, ITS_COLLECTIONS, icid, &address, &entry) &&
           (entry & ITS_VALID || replace(c, address, entry, NAMED));
}

/* From the last to the first, so that it is known what is next. */
static bool events_to_kvm(struct conversion *c, uint64_t itt, uint32_t count)
{
    uint32_t last = 0;

    if (!take_events(c, count)) {
        return false;
    }
    for (uint32_t n = count; n-- > 0;) {
        uint64_t address = itt + (uint64_t)n * ITS_ENTRY, entry, now = 0;
        uint32_t intid, step = last != 0 ? last - n : 0;

        if (its_load(c->its, address, &entry) != ITS_OK) {
            return false; /* the guest gave it no memory */
        }
        intid = (uint32_t)VML_FIELD64(entry, 47, 16);
        if (entry & ITS_VALID && gic_is_lpi(c->its->config.gic, intid) &&
            name_collection(c, (uint32_t)(entry & 0xffff))) {
            step = step < MAX_EVENT_STEP ? step : MAX_EVENT_STEP;
            now = (uint64_t)step << 48 | (entry & VML_MASK64(47, 0));
            last = n;
        }
        if (!replace(c, address, entry, now)) {
            return false;
        }
    }
    return true;
}

static void devices_to_kvm(struct conversion *c)
{
    uint32_t last = 0;

    for (uint32_t id = IDS; id-- > 0 && c->status == VML_OK;) {
        uint32_t step = last != 0 ? last - id : 0;
        uint64_t address, entry, now = 0;

        if (!entry_of(c, ITS_DEVICES, id, &address, &entry)) {
            continue;
        }
        if (entry & ITS_VALID && (entry & 31) < ITS_EVENT_BITS &&
            events_to_kvm(c, entry & VML_MASK64(51, 8), 2u << (entry & 31))) {
            step = step < MAX_DEVICE_STEP ? step : MAX_DEVICE_STEP;
            now = ITS_VALID | (uint64_t)step << 49 | VML_FIELD64(entry, 51, 8) << 5 | (entry & 31);
            last = id;
        }
        (void)replace(c, address, entry, now);
    }
}

/* The list grows no faster than the table is read. */
static void collections_to_kvm(struct conversion *c)
{
    const uint32_t cpus = c->its->config.gic->config.cpus;
    uint32_t used = 0;
    uint64_t to, old;

    for (uint32_t icid = 0; icid < IDS && c->status == VML_OK; icid++) {
        uint64_t address, entry, cpu;

        if (!entry_of(c, ITS_COLLECTIONS, icid, &address, &entry)) {
            break;
        }
        if (entry & (ITS_VALID | NAMED) && entry_of(c, ITS_COLLECTIONS, used, &to, &old)) {
            cpu = entry & ITS_VALID && (entry & 0xffff) < cpus ? entry & 0xffff : UNMAPPED;
            (void)replace(c, to, old, ITS_VALID | cpu << 16 | icid);
            used++;
        }
    }
    for (; used < IDS && entry_of(c, ITS_COLLECTIONS, used, &to, &old); used++) {
        (void)replace(c, to, old, 0);
    }
}

/* What KVM's ITS has no other of. */
static bool fits(const struct vml_its *its)
{
    for (uint32_t i = 0; i < 2; i++) {
        if (its->baser[i] & ITS_VALID && VML_FIELD64(its->baser[i], 9, 8) < 2) {
            return false;
        }
    }
    return !(its->baser[ITS_COLLECTIONS] & ITS_VALID &&
             its->baser[ITS_COLLECTIONS] & ITS_INDIRECT) &&
           !(its->cbaser & ITS_VALID && its->cbaser & VML_MASK64(15, 12));
}

enum vml_status vml_its_tables_to_kvm(struct vml_its *its)
{
    struct conversion c = {.its = its, .events = MAX_EVENTS, .status = VML_OK};

    if (!fits(its)) {
        return VML_ERR_UNSUPPORTED;
    }
    its_forget_all(its);
    devices_to_kvm(&c);
    collections_to_kvm(&c);
    return c.status;
}

/* ---- from KVM's ---- */

/* Whether an entry is in the list; moves on to where the next one is. */
static bool is_listed(struct walk *walk, uint32_t id, bool valid, uint32_t step)
{
    if (walk->ended || id != walk->expected) {
        return false;
    }
    walk->ended = valid && step == 0;
    walk->expected = id + (valid ? step : 1);
    return valid;
}

static bool events_from_kvm(struct conversion *c, uint64_t itt, uint32_t count)
{
    struct walk walk = {0, false};

    if (!take_events(c, count)) {
        return false;
    }
    for (uint32_t n = 0; n < count; n++) {
        uint64_t address = itt + (uint64_t)n * ITS_ENTRY, entry, now = 0;
        uint32_t intid;

        if (its_load(c->its, address, &entry) != ITS_OK) {
            return true; /* KVM found no memory there either: it has no events */
        }
        intid = (uint32_t)VML_FIELD64(entry, 47, 16);
        if (is_listed(&walk, n, intid != 0, (uint32_t)(entry >> 48))) {
            if (!gic_is_lpi(c->its->config.gic, intid)) {
                return fail(c, VML_ERR_UNSUPPORTED);
            }
            now = ITS_VALID | (entry & VML_MASK64(47, 0));
        }
        if (!replace(c, address, entry, now)) {
            return false;
        }
    }
    return true;
}

static void devices_from_kvm(struct conversion *c)
{
    struct walk walk = {0, false};

    for (uint32_t id = 0; id < IDS && c->status == VML_OK; id++) {
        uint64_t address = 0, entry = 0, now = 0;
        bool there = entry_of(c, ITS_DEVICES, id, &address, &entry);

        if (is_listed(&walk, id, there && entry & ITS_VALID,
                      (uint32_t)VML_FIELD64(entry, 62, 49)) &&
            (entry & 31) < ITS_EVENT_BITS) {
            now = ITS_VALID | VML_FIELD64(entry, 48, 5) << 8 | (entry & 31);
            (void)events_from_kvm(c, now & VML_MASK64(51, 8), 2u << (entry & 31));
        }
        if (there) {
            (void)replace(c, address, entry, now);
        }
    }
}

/* Puts an entry of the list to its place, what was there to its, and so on: each gets there once. */
static void place_collection(struct conversion *c, uint64_t entry, uint32_t listed)
{
    const uint32_t cpus = c->its->config.gic->config.cpus;

    for (uint32_t i = 0; i < IDS && entry & ITS_VALID; i++) {
        uint32_t icid = (uint32_t)(entry & 0xffff);
        uint64_t cpu = VML_FIELD64(entry, 51, 16), address, old;

        if (!entry_of(c, ITS_COLLECTIONS, icid, &address, &old)) {
            return;
        }
        if (!replace(c, address, old, PLACED | (cpu < cpus ? ITS_VALID | cpu : 0))) {
            return;
        }
        entry = icid < listed && !(old & PLACED) ? old : 0;
    }
}

static void collections_from_kvm(struct conversion *c)
{
    uint64_t address, entry;
    uint32_t listed = 0;

    while (listed < IDS && entry_of(c, ITS_COLLECTIONS, listed, &address, &entry) &&
           entry & ITS_VALID) {
        (void)replace(c, address, entry, entry & ~PLACED);
        listed++;
    }
    for (uint32_t n = listed; n < IDS && entry_of(c, ITS_COLLECTIONS, n, &address, &entry); n++) {
        (void)replace(c, address, entry, 0);
    }
    for (uint32_t n = 0; n < listed && c->status == VML_OK; n++) {
        if (entry_of(c, ITS_COLLECTIONS, n, &address, &entry) && !(entry & PLACED) &&
            replace(c, address, entry, 0)) {
            place_collection(c, entry, listed);
        }
    }
    for (uint32_t n = 0; n < IDS && entry_of(c, ITS_COLLECTIONS, n, &address, &entry); n++) {
        (void)replace(c, address, entry, entry & ~PLACED);
    }
}

enum vml_status vml_its_tables_from_kvm(struct vml_its *its)
{
    struct conversion c = {.its = its, .events = MAX_EVENTS, .status = VML_OK};

    its_forget_all(its);
    devices_from_kvm(&c);
    collections_from_kvm(&c);
    return c.status;
}
