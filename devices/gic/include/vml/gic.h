/**
 * @file
 * @brief Arm Generic Interrupt Controller: GICv2 (IHI 0048B) and GICv3 (IHI 0069H) for virtual machines.
 *
 * GICv3 has one security state (GICD_CTLR.DS = 1), affinity routing that is always on, and system
 * registers that are always enabled.  Both versions have two groups, five priority bits and 32
 * preemption levels.
 *
 * Which calls go where:
 *
 *  - registers: `gicd`, `gicc` (version 2) and `gicr` (version 3) are devices for an MMIO bus, `icc`
 *    is one for a SYSREG bus.  An engine that traps ICC_* itself calls vml_gic_icc_read() and
 *    vml_gic_icc_write() instead;
 *  - interrupts: devices get wires from vml_irq_wire(&gic->controller, INTID, cpu); for messages they
 *    get one of a GICv2m frame (gicv2m.h) or of an ITS (gic_its.h);
 *  - a vCPU's loop: pending() of `controller` says whether IRQ or FIQ is asserted; the output callback
 *    says when to look again.
 *
 * What the architecture leaves open: of interrupts with one priority those of group 0 come first, and
 * in a group the lowest INTID; a 1-of-N interrupt goes to the vCPU of the lowest index that is awake,
 * has the group enabled and does not opt out; a GICv2 interrupt with several targets goes to the
 * lowest of them whose CPU interface has the group enabled (the lowest, where none has); a sleeping
 * redistributor (GICR_WAKER) still delivers what is routed to its vCPU alone, as if each wake request
 * were served at once.
 *
 * LPIs (`config.lpis`): of those with one priority the one that became pending first comes first (one
 * that is moved, or whose configuration changes, begins to wait anew), and after other interrupts of
 * that priority but those of the extended ranges.  There is one configuration table: that which was read last.
 * A write of GICR_CTLR.EnableLPIs or GICR_INVALLR takes time in proportion to `config.lpis`; nothing
 * else that a guest does reads more than a few hundred bytes of it.
 *
 * Threads: everything but init, reset, save and restore may be called from any thread at any time;
 * accesses that carry a vCPU's index come from one thread at a time for each vCPU.
 * @defgroup vml_gic Arm GIC
 * @{
 */
#ifndef VML_GIC_H
#define VML_GIC_H

#include <stdatomic.h>
#include <vml/arch.h>
#include <vml/debug.h>
#include <vml/device.h>
#include <vml/irq_controller.h>
#include <vml/platform.h>
#include <vml/simple_as.h>

#ifdef __cplusplus
extern "C" {
#endif

#define VML_GIC_MAX_CPUS    512u  /**< vCPUs of a GICv3 */
#define VML_GIC_MAX_CPUS_V2 8u    /**< vCPUs of a GICv2 */
#define VML_GIC_MAX_SPIS    988u  /**< INTIDs 32 to 1019 */
#define VML_GIC_MAX_EPPIS   64u   /**< extended PPIs: INTIDs 1056 to 1119 */
#define VML_GIC_MAX_ESPIS   1024u /**< extended SPIs: INTIDs 4096 to 5119 */
#define VML_GIC_LEVELS      32u   /**< priority levels: five bits */

#define VML_GIC_SPURIOUS    1023u /**< INTID that an acknowledge returns for nothing to take */

#define VML_GIC_FIRST_LPI   8192u  /**< INTID of the first LPI */
#define VML_GIC_MAX_LPIS    57344u /**< LPIs: INTIDs of 16 bits */
#define VML_GIC_LPI_LISTS   33u    /**< one for each level, one for what is not deliverable */

#define VML_GICD_SIZE       0x10000u /**< bytes of the GICD frame */
#define VML_GICC_SIZE       0x10000u /**< bytes of the GICC frame; registers are in its first 8 KiB */
#define VML_GICR_SIZE       0x20000u /**< bytes of `gicr` for each vCPU: RD and SGI frames */

/** @brief 32 interrupts' state; bit n belongs to INTID 32 * index + n. Private. */
struct vml_gic_word {
    _Atomic uint32_t group;   /**< IGROUPR; the first four are in the order of the registers */
    _Atomic uint32_t enabled; /**< ISENABLER */
    _Atomic uint32_t latch;   /**< edges seen, and ISPENDR written */
    _Atomic uint32_t active;  /**< ISACTIVER */
    _Atomic uint32_t level;   /**< the wires */
    _Atomic uint32_t edge;    /**< ICFGR: edge-triggered */
    _Atomic uint32_t routed;  /**< has a vCPU to go to */
    _Atomic uint32_t grpmod;  /**< IGRPMODR: stored, of no effect with one security state */
    _Atomic uint32_t listed;  /**< in a list register, which then has its state */
    _Atomic uint32_t gate;    /**< enabled, routed, neither active nor listed */
};

/** @brief Deliverable interrupts of a vCPU by place (2 * level + group) and INTID. Private. */
struct vml_gic_queue {
    uint64_t places;                      /**< bit p: `summary[p]` is not 0 */
    uint64_t summary[2 * VML_GIC_LEVELS]; /**< bit w: word w of the bitmap is not 0 */
    uint64_t *bits;                       /**< [2 * VML_GIC_LEVELS][words] */
};

/** @brief An LPI. Guarded by the lock of the vCPU that `owner` names. Private. */
struct vml_gic_lpi {
    _Atomic uint16_t owner; /**< vCPU index: where it is pending, or was last */
    uint16_t next;          /**< in its list */
    uint16_t previous;      /**< in its list */
    uint16_t lister;        /**< vCPU in whose list register it is, and whether that counts */
    _Atomic uint8_t config; /**< priority and enable, as last read from the configuration table */
    uint8_t state;          /**< which list, pending, in a list register */
};

/** @brief A redistributor's LPIs. Guarded by its vCPU's lock. Private. */
struct vml_gic_lpi_cpu {
    uint16_t head[VML_GIC_LPI_LISTS]; /**< pending LPIs in the order that they came */
    uint16_t tail[VML_GIC_LPI_LISTS]; /**< the last of each list */
    _Atomic uint32_t limit;           /**< LPIs that GICR_PROPBASER.IDbits allows; 0: disabled */
    _Atomic uint32_t enabled;         /**< GICR_CTLR.EnableLPIs */
    _Atomic uint32_t changing;        /**< EnableLPIs is just being changed */
    uint64_t propbaser;               /**< GICR_PROPBASER */
    uint64_t pendbaser;               /**< GICR_PENDBASER */
};

/** @brief A vCPU's extended PPIs. Private. */
struct vml_gic_eppis {
    struct vml_gic_word words[2];                /**< as vml_gic_cpu.private_irqs */
    _Atomic uint16_t links[VML_GIC_MAX_EPPIS];   /**< physical INTIDs */
    _Atomic uint8_t priority[VML_GIC_MAX_EPPIS]; /**< bit 2: the group */
};

/** @brief A wire, all that its shortest way needs: see src/shortcut.c. Guarded by its owner's lock.
 * Private. */
struct vml_gic_line {
    _Atomic uint64_t lr;               /**< its list register, pending; bits 31:0 are its INTID */
    struct vml_gic_word *word;         /**< where its bits are */
    struct vml_gic_cpu *_Atomic owner; /**< the vCPU whose lock guards it */
    uint32_t bit;                      /**< its bit in each field of `word` */
    uint32_t place;                    /**< its place in a queue */
};

/** @brief A vCPU's redistributor and CPU interface. Private. */
struct vml_gic_cpu {
    VML_CACHE_ALIGNED struct vml_mutex lock; /**< of what follows and of the SPIs it owns */
    _Atomic uint32_t outputs;                /**< bit 0 IRQ, bit 1 FIQ */
    struct vml_gic_line *pending_line;       /**< pending, with nothing in `queue` */
    struct vml_gic_line *listed_line;        /**< in list register 0 */
    _Atomic uint64_t odd;          /**< bit w: `taken[w]` may not be 0; bit 63: no GICv3 */
    struct vml_gic_line *fit_line; /**< can become `pending_line` without another look */
    uint32_t fit_out;              /**< the output that signals it */
    uint32_t left_over;     /**< urgency of the first left out of a fill, or ~0; 0: not resident */
    uint32_t hcr;           /**< the interface as ICH_HCR_EL2, its enables */
    uint32_t vmcr;          /**< and as ICH_VMCR_EL2 */
    uint32_t apr[2];        /**< active priorities of each group */
    uint64_t open;          /**< places of the groups that are enabled */
    uint32_t pmr;           /**< priority mask */
    uint32_t running;       /**< priority of what runs; 0x100 for none */
    uint32_t group_mask[2]; /**< priority bits that decide preemption */
    _Atomic uint32_t enabled_groups;  /**< IGRPEN, or GICC_CTLR bits 1:0 */
    uint32_t ctlr;                    /**< ICC_CTLR_EL1 or GICC_CTLR, writable bits */
    uint8_t bpr[2];                   /**< binary points */
    uint8_t outs[2];                  /**< which output a group is signalled by */
    struct vml_gic_queue queue;       /**< what can be taken */
    _Atomic uint32_t waker;           /**< GICR_WAKER */
    _Atomic uint32_t gicr_ctlr;       /**< GICR_CTLR: DPG0, DPG1NS, DPG1S */
    struct vml_gic_word private_irqs; /**< INTIDs 0 to 31 */
    _Atomic uint8_t priority[32];     /**< of INTIDs 0 to 31; bit 2: the group */
    _Atomic uint8_t sgi_sources[16];  /**< GICv2: who sent an SGI, a bit each */
    _Atomic uint16_t links[32];       /**< physical INTIDs of INTIDs 0 to 31 */
    uint8_t sgi_active[16];           /**< GICv2: whose SGI is active */
    struct vml_gic_eppis *eppis;      /**< NULL without */
    struct vml_gic_lpi_cpu *lpis;     /**< NULL without */
    _Atomic uint64_t *taken;          /**< [words] by INTID: may be active here */
    struct vml_gic_line lines[16];    /**< PPIs: INTIDs 16 to 31 */
    uint64_t affinity;                /**< Aff3.Aff2.Aff1.Aff0 in 32 bits */
};

/** @brief How a GIC is made. */
struct vml_gic_config {
    uint32_t version; /**< 2 or 3 */
    uint32_t cpus;    /**< vCPUs: 1 to 8 (version 2) or 512 */
    uint32_t spis;    /**< SPIs: 0 to 988; a multiple of 32, or 988 */
    const uint64_t
        *mpidrs;           /**< affinities of the vCPUs; NULL: Aff0 = index % 16, Aff1 = index / 16.
                                   Not used by version 2. Read by init only */
    uint32_t first_gicrs;  /**< vCPUs whose redistributors are in a first region of their own, so
                                   that GICR_TYPER.Last is set for the last of them; 0: one region */
    uint32_t eppis;        /**< extended PPIs of version 3: 0, 32 or 64. They are INTIDs 1056 and
                                   up */
    uint32_t espis;        /**< extended SPIs of version 3: 0 to 1024, a multiple of 32. They are
                                   INTIDs 4096 and up */
    uint32_t lpis;         /**< LPIs of version 3: 0, a power of two from 4, or
                                   VML_GIC_MAX_LPIS. They are INTIDs 8192 and up */
    struct vml_as *memory; /**< guest memory, with the tables of LPIs and of an ITS; NULL without */
    vml_irq_output_fn output; /**< told of changes; may be NULL */
    void *context;            /**< given to `output` */
    struct vml_debug *debug;  /**< traces interrupts; may be NULL */
    void *storage;            /**< vml_gic_storage_size() bytes, aligned to VML_CACHE_LINE_SIZE */
    size_t storage_size;      /**< bytes there */
};

/** @brief Bytes of storage for a number of vCPUs and SPIs, for static storage. */
#define VML_GIC_STORAGE(cpus, spis)                                                                \
    ((cpus) * (sizeof(struct vml_gic_cpu) +                                                        \
               (2u * VML_GIC_LEVELS + 2u) * ((32u + (spis) + 63u) / 64u) * sizeof(uint64_t)) +     \
     32u * sizeof(struct vml_gic_word) + (spis) * sizeof(struct vml_gic_line) +                    \
     (1024u) * (sizeof(uint64_t) + 3u * sizeof(uint16_t) + sizeof(uint8_t)) +                      \
     (cpus) * sizeof(uint16_t) + 256u)

/** @brief What a number of extended PPIs that is not 0 needs in addition. */
#define VML_GIC_STORAGE_EPPIS(cpus)                                                                \
    ((cpus) *                                                                                      \
         (sizeof(struct vml_gic_eppis) + (2u * VML_GIC_LEVELS + 2u) * 17u * sizeof(uint64_t)) +    \
     256u)

/** @brief What a number of extended SPIs that is not 0 needs in addition. */
#define VML_GIC_STORAGE_ESPIS(cpus, espis)                                                         \
    ((cpus) * (2u * VML_GIC_LEVELS + 2u) * (17u + (espis) / 64u) * sizeof(uint64_t) +              \
     (2u + (espis) / 32u) * sizeof(struct vml_gic_word) +                                          \
     (64u + (espis)) * (sizeof(uint64_t) + 3u * sizeof(uint16_t) + sizeof(uint8_t)) + 256u)

/** @brief As VML_GIC_STORAGE(), with a number of LPIs that is not 0. */
#define VML_GIC_STORAGE_LPIS(cpus, spis, lpis)                                                     \
    (VML_GIC_STORAGE(cpus, (spis) + (VML_GIC_MAX_SPIS - (spis))) +                                 \
     (lpis) * sizeof(struct vml_gic_lpi) + (cpus) * sizeof(struct vml_gic_lpi_cpu) + 32u)

/** @brief An interrupt controller. Members are private but the devices and `controller`. */
struct vml_gic {
    struct vml_irq_controller controller; /**< wires, outputs */
    struct vml_device gicd;           /**< VML_GICD_SIZE; also saves and restores all of the GIC */
    struct vml_device gicc;           /**< VML_GICC_SIZE; version 2 */
    struct vml_device gicr;           /**< VML_GICR_SIZE for each vCPU, in order; version 3 */
    struct vml_device icc;            /**< SYSREG bus; device_offset = base; version 3 */
    struct vml_gic_config config;     /**< as given; `storage` and `mpidrs` are not used again */
    struct vml_mutex route_lock;      /**< of changes of routes and of GICD_CTLR */
    _Atomic uint32_t enabled_groups;  /**< GICD_CTLR bits 1:0 */
    uint32_t intids;                  /**< 32 + SPIs */
    uint32_t spi_words;               /**< of `irqs`, for SPIs */
    uint32_t numbers;                 /**< the end of all SPIs' numbers; see src/gic.h */
    uint32_t words;                   /**< 64-bit words of one level of a queue */
    uint32_t plain_lines;             /**< SPIs, if none has to be traced; else 0 */
    size_t cpu_size;                  /**< of each of `cpus` */
    struct vml_gic_line *lines;       /**< by INTID - 32 */
    struct vml_gic_cpu *cpus;         /**< one per vCPU */
    struct vml_gic_word *irqs;        /**< by INTID / 32, all 32; the first is not used */
    _Atomic uint8_t *priority;        /**< by INTID; bit 2: the group */
    _Atomic uint16_t *owner;          /**< by INTID: the vCPU whose lock guards an SPI */
    _Atomic uint64_t *route;          /**< by INTID: IROUTER, or ITARGETSR */
    _Atomic uint16_t *links;          /**< by INTID: physical INTIDs */
    _Atomic uint16_t *taker;          /**< by INTID: where an SPI is active, or listed */
    uint16_t *by_affinity;            /**< vCPU indexes by ascending affinity */
    struct vml_gic_lpi *lpis;         /**< by INTID - 8192 */
    struct vml_gic_lpi_cpu *lpi_cpus; /**< one per vCPU */
};

/** @brief Bytes of storage that a configuration needs. @return 0 for a bad configuration */
size_t vml_gic_storage_size(const struct vml_gic_config *config);

/** @brief Makes a GIC in its reset state.
 * @return VML_ERR_INVALID for counts that are not allowed, equal affinities, or misaligned storage;
 * VML_ERR_NO_SPACE for too little of it */
VML_MUST_CHECK enum vml_status vml_gic_init(struct vml_gic *gic,
                                            const struct vml_gic_config *config);

/** @brief Puts registers into their reset state; the levels of wires stay. No vCPU runs meanwhile. */
void vml_gic_reset(struct vml_gic *gic);

/** @brief Sets the level of a PPI's (of vCPU `cpu`) or SPI's wire. Others are ignored. */
void vml_gic_set_level(struct vml_gic *gic, uint32_t intid, uint32_t cpu, bool level);
/** @brief Signals an edge: pending if it is edge-triggered; a level-sensitive input sees nothing. */
void vml_gic_pulse(struct vml_gic *gic, uint32_t intid, uint32_t cpu);
/** @brief Makes an interrupt pending, as a write to ISPENDR: what a message does. SGIs too. */
void vml_gic_set_pending(struct vml_gic *gic, uint32_t intid, uint32_t cpu);

/** @brief The levels of 32 interrupts' wires, for those who move a guest to another GIC. No vCPU runs.
 * @param intid of the first: a multiple of 32, below 1024
 * @param cpu whose, for INTIDs below 32
 * @return bit n: of INTID intid + n; 0 for interrupts that are not implemented */
uint32_t vml_gic_levels(const struct vml_gic *gic, uint32_t intid, uint32_t cpu);
/** @brief Which of 32 interrupts are pending because of an edge or a write, rather than of the wire, which
 * ISPENDR does not tell apart. See vml_gic_levels(). */
uint32_t vml_gic_latched(const struct vml_gic *gic, uint32_t intid, uint32_t cpu);

/** @brief Writes which LPIs are pending into the pending tables in guest memory, for those who move a
 * guest to another GIC by its memory. A saved state holds them itself: it needs no such call. No vCPU
 * runs meanwhile. */
void vml_gic_lpi_write_back(struct vml_gic *gic);

/** @brief The level of a vCPU's input. Lock-free. */
static inline bool vml_gic_pending(const struct vml_gic *gic, uint32_t cpu,
                                   enum vml_irq_output output)
{
    return (atomic_load_explicit(&gic->cpus[cpu].outputs, memory_order_acquire) >> output & 1u) !=
           0;
}

/** @brief Reads an ICC_*_EL1 register for a vCPU.
 * @param sysreg VML_SYSREG() encoding
 * @param value gets what was read
 * @return VML_BUS_OK; VML_BUS_FAULT for what cannot be read or does not exist (UNDEFINED) */
enum vml_bus_result vml_gic_icc_read(struct vml_gic *gic, uint32_t cpu, uint64_t sysreg,
                                     uint64_t *value);
/** @brief Writes an ICC_*_EL1 register. See vml_gic_icc_read(). */
enum vml_bus_result vml_gic_icc_write(struct vml_gic *gic, uint32_t cpu, uint64_t sysreg,
                                      uint64_t value);

/** @brief The registers of a GICv3's distributor. */
extern const struct vml_reg_table vml_gicd_regs;
/** @brief The registers of a GICv2's distributor. */
extern const struct vml_reg_table vml_gicd_v2_regs;
/** @brief The registers of a GICv3's redistributor: both frames. */
extern const struct vml_reg_table vml_gicr_regs;
/** @brief The registers of a GICv2's CPU interface. */
extern const struct vml_reg_table vml_gicc_regs;

#ifdef __cplusplus
}
#endif
/** @} */
#endif
