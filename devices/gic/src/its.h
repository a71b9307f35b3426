/* The ITS: private to devices/gic. Lock order: the ITS's lock, then a vCPU's; see lpi.h. */
#ifndef ITS_H
#define ITS_H

#include "lpi.h"
#include <vml/gic_its.h>

/* How a command, or a look at a table, ends. */
enum its_result {
    ITS_OK,
    ITS_MORE,  /* the command has more steps to do */
    ITS_ERROR, /* a command error: the command is ignored */
    ITS_STALL, /* guest memory that is not there */
};

enum { ITS_EVENT_BITS = 16, ITS_DEVICE_BITS = 16 };
enum { ITS_DEVICES, ITS_COLLECTIONS };
#define ITS_VALID    VML_BIT64(63)
#define ITS_INDIRECT VML_BIT64(62)
#define ITS_STALLED  UINT64_C(1)
#define ITS_OFFSET   VML_MASK64(19, 5)
#define ITS_NO_ENTRY UINT64_MAX

/* A device's interrupt translation table. */
struct its_device {
    uint64_t itt;
    uint32_t events; /* how many EventIDs it has */
};

/* An EventID's entry of an interrupt translation table. */
struct its_event {
    uint64_t address; /* of the entry */
    uint32_t lpi;     /* INTID - 8192 */
    uint32_t icid;
};

/* its_table.c */
enum { ITS_ENTRY = 8 };
enum its_result its_load(struct vml_its *its, uint64_t address, uint64_t *value);
enum its_result its_store(struct vml_its *its, uint64_t address, uint64_t value);
enum its_result its_entry_address(struct vml_its *its, uint32_t table, uint32_t id,
                                  uint64_t *address);
enum its_result its_find_device(struct vml_its *its, uint32_t device_id, struct its_device *device);
enum its_result its_set_device(struct vml_its *its, uint32_t device_id, uint64_t itt, uint32_t bits,
                               bool valid);
enum its_result its_find_collection(struct vml_its *its, uint32_t icid, uint32_t *cpu);
enum its_result its_set_collection(struct vml_its *its, uint32_t icid, uint32_t cpu, bool valid);
enum its_result its_collection_exists(struct vml_its *its, uint32_t icid);
enum its_result its_event_address(struct vml_its *its, uint32_t device_id, uint32_t event_id,
                                  uint64_t *address);
enum its_result its_find_event(struct vml_its *its, uint32_t device_id, uint32_t event_id,
                               struct its_event *event);
enum its_result its_set_event(struct vml_its *its, uint64_t address, uint32_t lpi, uint32_t icid,
                              bool valid);

/* its_command.c; the lock is held */
bool its_has_work(const struct vml_its *its);
uint32_t its_step(struct vml_its *its, struct gic_effect effects[2]);

/* its.c; the lock is held */
void its_forget(struct vml_its *its, uint32_t device_id, uint32_t event_id);
void its_forget_all(struct vml_its *its);
enum its_result its_translate(struct vml_its *its, uint32_t device_id, uint32_t event_id,
                              uint32_t *lpi, uint32_t *cpu);

#endif
