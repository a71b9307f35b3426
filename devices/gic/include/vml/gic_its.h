/**
 * @file
 * @brief Interrupt Translation Service (IHI 0069H, chapters 5 and 12.19): from DeviceID and EventID to an LPI.
 *
 * The ITS has no mappings of its own: they are in the tables that the guest gave to it (device,
 * collection and interrupt translation tables), flat or in two levels.  What is read there is checked
 * before it is used.  Translations that were used are kept in a cache of the embedder's, so that a
 * message takes neither a lock of the ITS nor a look at guest memory.
 *
 * Commands run when the guest writes GITS_CWRITER or GITS_CTLR, at most `budget` of them (INVALL and
 * MOVALL count several times, by what they do).  What is left runs at the guest's next accesses to the
 * ITS, such as a read of GITS_CREADR, or when the embedder calls vml_its_run().  A command with an error
 * is ignored, and the next one runs; a command that cannot be read, or whose tables are not memory,
 * stalls the queue (GITS_CREADR.Stalled) until the guest writes GITS_CWRITER.Retry.
 *
 * What is in a list register (gic_lr.h) is moved by MOVI and MOVALL, and cleared by CLEAR and DISCARD,
 * when its vCPU folds, which it is told to: what the guest has not taken by then goes to the vCPU that
 * it was moved to last.  For that MOVALL takes time in proportion to the GIC's `lpis`, in steps.
 *
 * Limits: DeviceIDs, EventIDs and ICIDs of 16 bits.  No GICv4.
 *
 * Threads: as for the GIC.
 * @ingroup vml_gic
 */
#ifndef VML_GIC_ITS_H
#define VML_GIC_ITS_H

#include <vml/gic.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VML_ITS_SIZE   0x20000u /**< bytes of `device`: the control and the translation frame */
#define VML_ITS_BUDGET 64u      /**< commands an access, where the configuration says 0 */

/** @brief How an ITS is made. */
struct vml_its_config {
    struct vml_gic *gic;     /**< whose LPIs it makes pending; it has `lpis` and `memory` */
    uint64_t base;           /**< guest physical address of the ITS */
    uint32_t budget;         /**< commands that one access runs; 0: VML_ITS_BUDGET */
    _Atomic uint64_t *cache; /**< translations: `cache_size` words; NULL without */
    uint32_t cache_size;     /**< 0, or a power of two up to 4096: more than the guest's vectors */
};

/** @brief An ITS. Members are private but `device` and `controller`. */
struct vml_its {
    struct vml_device device;             /**< VML_ITS_SIZE; saves and restores the registers */
    struct vml_irq_controller controller; /**< takes messages to its doorbell: vml_irq_msi() */
    struct vml_its_config config;         /**< as given */
    struct vml_mutex lock;                /**< of what follows, and of the tables */
    uint32_t enabled;                     /**< GITS_CTLR.Enabled */
    uint64_t cbaser;                      /**< GITS_CBASER */
    uint64_t cwriter;                     /**< GITS_CWRITER */
    uint64_t creadr;                      /**< GITS_CREADR */
    uint64_t baser[2];                    /**< GITS_BASER0: devices; GITS_BASER1: collections */
    uint32_t progress;                    /**< of an INVALL or MOVALL that takes several steps */
};

/** @brief Makes an ITS in its reset state.
 * @return VML_ERR_INVALID for a GIC without LPIs, or a bad size of the cache */
VML_MUST_CHECK enum vml_status vml_its_init(struct vml_its *its,
                                            const struct vml_its_config *config);

/** @brief A message: what a write of `event_id` to GITS_TRANSLATER by device `device_id` does.
 * Any thread. With the translation in the cache it takes no lock but the target vCPU's.
 * @return VML_OK; VML_ERR_NOT_FOUND where the guest has mapped no LPI to it: the message is ignored */
enum vml_status vml_its_msi(struct vml_its *its, uint32_t device_id, uint32_t event_id);

/** @brief Runs queued commands. Any thread.
 * @param its the ITS
 * @param budget the most commands to run
 * @return true if there are more that can run */
bool vml_its_run(struct vml_its *its, uint32_t budget);

/** @brief An ITS's registers as values, for those who move a guest between this ITS and another. */
struct vml_its_registers {
    bool enabled;      /**< GITS_CTLR.Enabled */
    uint64_t cbaser;   /**< GITS_CBASER */
    uint64_t cwriter;  /**< GITS_CWRITER */
    uint64_t creadr;   /**< GITS_CREADR, Stalled too */
    uint64_t baser[2]; /**< GITS_BASER0 and GITS_BASER1; Type and Entry_Size are ignored */
};

/** @brief Reads the registers. No vCPU runs, and no command is under way. */
void vml_its_get_registers(const struct vml_its *its, struct vml_its_registers *registers);
/** @brief Writes the registers, of which each keeps what it has bits for; no command runs. */
void vml_its_set_registers(struct vml_its *its, const struct vml_its_registers *registers);

/** @brief Writes the tables in guest memory anew as Linux KVM's ITS has them ("ITS Table ABI REV0" of its
 * documentation). They are no tables of this ITS's then, until vml_its_tables_from_kvm(). No vCPU runs.
 * @return VML_ERR_UNSUPPORTED for what that ITS cannot have: table pages other than 64 KiB, a collection
 * table in two levels, a command queue that is not aligned to 64 KiB: nothing was changed then;
 * VML_ERR_RANGE for tables that are not memory, or more than four million EventIDs in all */
VML_MUST_CHECK enum vml_status vml_its_tables_to_kvm(struct vml_its *its);
/** @brief The reverse: the registers are set, and the tables are those that KVM's ITS has saved.
 * @return VML_ERR_UNSUPPORTED for an LPI that the GIC does not have; VML_ERR_RANGE as above */
VML_MUST_CHECK enum vml_status vml_its_tables_from_kvm(struct vml_its *its);

/** @brief The registers of an ITS: both frames. */
extern const struct vml_reg_table vml_gits_regs;

#ifdef __cplusplus
}
#endif
#endif
