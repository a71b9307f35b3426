/*
 * The tables of the ITS in guest memory.  Their layout is the implementation's own (IHI 0069H 5.2);
 * each entry is 8 bytes, little-endian:
 *
 *   device       63 valid, 51:8 ITT address, 4:0 bits of EventID - 1
 *   collection   63 valid, 15:0 vCPU index
 *   event        63 valid, 47:16 INTID, 15:0 ICID
 *
 * The guest can write there: an entry is read once, checked, and then used.
 */
#include "its.h"

enum its_result its_load(struct vml_its *its, uint64_t address, uint64_t *value)
{
    uint8_t bytes[ITS_ENTRY];

    if (vml_as_read(its->config.gic->config.memory, address, bytes, sizeof(bytes)) != VML_OK) {
        return ITS_STALL;
    }
    *value = vml_load_le64(bytes);
    return ITS_OK;
}

enum its_result its_store(struct vml_its *its, uint64_t address, uint64_t value)
{
    uint8_t bytes[ITS_ENTRY];

    vml_store_le64(bytes, value);
    return vml_as_write(its->config.gic->config.memory, address, bytes, sizeof(bytes)) == VML_OK
               ? ITS_OK
               : ITS_STALL;
}

/* IHI 0069H 12.19.1 GITS_BASER<n>: where the entry of an identifier is. */
enum its_result its_entry_address(struct vml_its *its, uint32_t table, uint32_t id,
                                  uint64_t *address)
{
    uint64_t baser = its->baser[table], base, pages = (baser & 0xff) + 1, first;
    uint32_t size_field = (uint32_t)VML_FIELD64(baser, 9, 8);
    uint32_t page_shift = size_field >= 2 ? 16 : 12 + 2 * size_field;
    uint32_t id_shift = page_shift - 3; /* entries of a page */
    enum its_result result;

    if (!(baser & ITS_VALID) || id >> 16 != 0) {
        return ITS_ERROR;
    }
    base = page_shift == 16 ? VML_FIELD64(baser, 47, 16) << 16 | VML_FIELD64(baser, 15, 12) << 48
                            : baser & VML_MASK64(47, 12);
    if (!(baser & ITS_INDIRECT)) {
        *address = base + (uint64_t)id * ITS_ENTRY;
        return id < pages << id_shift ? ITS_OK : ITS_ERROR;
    }
    if (id >> id_shift >= pages << id_shift) {
        return ITS_ERROR;
    }
    result = its_load(its, base + (uint64_t)(id >> id_shift) * ITS_ENTRY, &first);
    if (result != ITS_OK) {
        return result;
    }
    *address = (first & VML_MASK64(51, 12) & ~(VML_BIT64(page_shift) - 1)) +
               (uint64_t)(id & (VML_BIT32(id_shift) - 1)) * ITS_ENTRY;
    return first & ITS_VALID ? ITS_OK : ITS_ERROR;
}

/* An entry that is valid. */
static enum its_result find(struct vml_its *its, uint32_t table, uint32_t id, uint64_t *entry)
{
    uint64_t address;
    enum its_result result = its_entry_address(its, table, id, &address);

    if (result == ITS_OK) {
        result = its_load(its, address, entry);
    }
    return result == ITS_OK && !(*entry & ITS_VALID) ? ITS_ERROR : result;
}

static enum its_result set(struct vml_its *its, uint32_t table, uint32_t id, uint64_t entry)
{
    uint64_t address;
    enum its_result result = its_entry_address(its, table, id, &address);

    return result == ITS_OK ? its_store(its, address, entry) : result;
}

enum its_result its_find_device(struct vml_its *its, uint32_t device_id, struct its_device *device)
{
    uint64_t entry;
    enum its_result result = find(its, ITS_DEVICES, device_id, &entry);

    if (result != ITS_OK) {
        return result;
    }
    device->itt = entry & VML_MASK64(51, 8);
    device->events = 2u << (entry & 15);
    return (entry & 31) < ITS_EVENT_BITS ? ITS_OK : ITS_ERROR;
}

enum its_result its_set_device(struct vml_its *its, uint32_t device_id, uint64_t itt, uint32_t bits,
                               bool valid)
{
    return set(its, ITS_DEVICES, device_id,
               valid ? ITS_VALID | (itt & VML_MASK64(51, 8)) | (bits - 1) : 0);
}

enum its_result its_find_collection(struct vml_its *its, uint32_t icid, uint32_t *cpu)
{
    uint64_t entry;
    enum its_result result = find(its, ITS_COLLECTIONS, icid, &entry);

    if (result != ITS_OK) {
        return result;
    }
    *cpu = (uint32_t)(entry & 0xffff);
    return *cpu < its->config.gic->config.cpus ? ITS_OK : ITS_ERROR;
}

enum its_result its_set_collection(struct vml_its *its, uint32_t icid, uint32_t cpu, bool valid)
{
    return set(its, ITS_COLLECTIONS, icid, valid ? ITS_VALID | cpu : 0);
}

/* Whether the table has a place for a collection, mapped or not. */
enum its_result its_collection_exists(struct vml_its *its, uint32_t icid)
{
    uint64_t address;

    return its_entry_address(its, ITS_COLLECTIONS, icid, &address);
}

enum its_result its_event_address(struct vml_its *its, uint32_t device_id, uint32_t event_id,
                                  uint64_t *address)
{
    struct its_device device;
    enum its_result result = its_find_device(its, device_id, &device);

    if (result != ITS_OK) {
        return result;
    }
    *address = device.itt + (uint64_t)event_id * ITS_ENTRY;
    return event_id < device.events ? ITS_OK : ITS_ERROR;
}

enum its_result its_find_event(struct vml_its *its, uint32_t device_id, uint32_t event_id,
                               struct its_event *event)
{
    enum its_result result = its_event_address(its, device_id, event_id, &event->address);
    uint64_t entry;
    uint32_t intid;

    if (result == ITS_OK) {
        result = its_load(its, event->address, &entry);
    }
    if (result != ITS_OK) {
        return result;
    }
    intid = (uint32_t)VML_FIELD64(entry, 47, 16);
    if (!(entry & ITS_VALID) || !gic_is_lpi(its->config.gic, intid)) {
        return ITS_ERROR;
    }
    event->lpi = intid - VML_GIC_FIRST_LPI;
    event->icid = (uint32_t)(entry & 0xffff);
    return ITS_OK;
}

enum its_result its_set_event(struct vml_its *its, uint64_t address, uint32_t lpi, uint32_t icid,
                              bool valid)
{
    return its_store(its, address,
                     valid ? ITS_VALID | (uint64_t)(lpi + VML_GIC_FIRST_LPI) << 16 | icid : 0);
}
