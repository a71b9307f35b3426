/*
 * Models of CPUs. Values of the Cortex CPUs are those of their technical reference manuals, for
 * a CPU without a GIC CPU interface's system registers: whoever supplies a GICv3 sets
 * ID_AA64PFR0.GIC.
 */
#include <vml/arm_cpu_model.h>
#include <vml/vbus.h>

#define ARMV8_AARCH32                                                                              \
    [VML_ARM_ID_PFR0_EL1] = 0x131, [VML_ARM_ID_PFR1_EL1] = 0x11011,                                \
    [VML_ARM_ID_DFR0_EL1] = 0x03010066, [VML_ARM_ID_MMFR1_EL1] = 0x40000000,                       \
    [VML_ARM_ID_MMFR2_EL1] = 0x01260000, [VML_ARM_ID_MMFR3_EL1] = 0x02102211,                      \
    [VML_ARM_ID_ISAR0_EL1] = 0x02101110, [VML_ARM_ID_ISAR1_EL1] = 0x13112111,                      \
    [VML_ARM_ID_ISAR2_EL1] = 0x21232042, [VML_ARM_ID_ISAR3_EL1] = 0x01112131,                      \
    [VML_ARM_ID_ISAR4_EL1] = 0x00011142, [VML_ARM_ID_ISAR5_EL1] = 0x00011121,                      \
    [VML_ARM_MVFR0_EL1] = 0x10110222, [VML_ARM_MVFR1_EL1] = 0x12111111,                            \
    [VML_ARM_MVFR2_EL1] = 0x00000043

#define ARMV8_AARCH64                                                                              \
    [VML_ARM_DCZID_EL0] = 4, [VML_ARM_CLIDR_EL1] = 0x0a200023, [VML_ARM_ID_AA64PFR0_EL1] = 0x2222, \
    [VML_ARM_ID_AA64DFR0_EL1] = 0x10305106, [VML_ARM_ID_AA64ISAR0_EL1] = 0x11120

static const struct vml_arm_cpu_model models[] = {
    {
        .name = "cortex-a53",
        .compatible = "arm,cortex-a53",
        .id = {ARMV8_AARCH32, ARMV8_AARCH64, [VML_ARM_MIDR_EL1] = 0x410fd034,
               [VML_ARM_REVIDR_EL1] = 0x100, [VML_ARM_CTR_EL0] = 0x84448004,
               [VML_ARM_ID_MMFR0_EL1] = 0x10101105, [VML_ARM_ID_AA64MMFR0_EL1] = 0x1122},
        .caches = {{0, 0x700fe01a}, {1, 0x201fe00a}, {2, 0x707fe07a}},
    },
    {
        .name = "cortex-a57",
        .compatible = "arm,cortex-a57",
        .id = {ARMV8_AARCH32,
               ARMV8_AARCH64, [VML_ARM_MIDR_EL1] = 0x411fd070, [VML_ARM_CTR_EL0] = 0x8444c004,
               [VML_ARM_ID_MMFR0_EL1] = 0x10101105, [VML_ARM_ID_AA64MMFR0_EL1] = 0x1124},
        .caches = {{0, 0x701fe00a}, {1, 0x201fe012}, {2, 0x70ffe07a}},
    },
    {
        .name = "cortex-a72",
        .compatible = "arm,cortex-a72",
        .id = {ARMV8_AARCH32,
               ARMV8_AARCH64, [VML_ARM_MIDR_EL1] = 0x410fd083, [VML_ARM_CTR_EL0] = 0x8444c004,
               [VML_ARM_ID_MMFR0_EL1] = 0x10201105, [VML_ARM_ID_AA64MMFR0_EL1] = 0x1124},
        .caches = {{0, 0x701fe00a}, {1, 0x201fe012}, {2, 0x707fe07a}},
    },
    {
        /* AArch64 only, features of Armv8.0 to Armv8.5 that need nothing of the system. */
        .name = "max",
        .compatible = "arm,armv8",
        .id = {[VML_ARM_MIDR_EL1] = 0x000f0510,
               [VML_ARM_CTR_EL0] = 0x9444c004,
               [VML_ARM_DCZID_EL0] = 4,
               [VML_ARM_CLIDR_EL1] = 0x0a200023,
               /* CSV3, CSV2, DIT, RAS 1, AdvSIMD and FP with half precision, EL1 and EL0 */
               [VML_ARM_ID_AA64PFR0_EL1] = UINT64_C(0x1101000010110011),
               /* SSBS 1, BTI */
               [VML_ARM_ID_AA64PFR1_EL1] = 0x11,
               /* 6 breakpoints, 4 watchpoints, PMUv3 for Armv8.1 */
               [VML_ARM_ID_AA64DFR0_EL1] = 0x10305406,
               /* RNDR, TS 2, FHM, DP, SM4, SM3, SHA3, RDM, Atomic, CRC32, SHA2 2, SHA1, AES 2 */
               [VML_ARM_ID_AA64ISAR0_EL1] = UINT64_C(0x1021111110212120),
               /* SPECRES, SB, FRINTTS, LRCPC 2, FCMA, JSCVT, API, DPB 2 */
               [VML_ARM_ID_AA64ISAR1_EL1] = UINT64_C(0x0000011100211102),
               /* 44 bits, 16-bit ASIDs, all granules */
               [VML_ARM_ID_AA64MMFR0_EL1] = 0x00100124,
               /* PAN 2, LO, HPDS, HAFDBS 2 */
               [VML_ARM_ID_AA64MMFR1_EL1] = 0x00211002,
               /* E0PD, TTL 0, IDS 0, UAO, CnP */
               [VML_ARM_ID_AA64MMFR2_EL1] = UINT64_C(0x1000000000000011)},
        .caches = {{0, 0x701fe00a}, {1, 0x201fe012}, {2, 0x707fe07a}},
    },
};

/* One field that tells of a feature. `absent` is what says "no". */
struct field {
    uint8_t feature, id, lo, width, absent;
};

#define F(feature, id, lo)                                                                         \
    {                                                                                              \
        VML_ARM_FEATURE_##feature, VML_ARM_##id##_EL1, lo, 4, 0                                    \
    }
#define F_NO(feature, id, lo, absent)                                                              \
    {                                                                                              \
        VML_ARM_FEATURE_##feature, VML_ARM_##id##_EL1, lo, 4, absent                               \
    }
#define F_ALL(feature, id)                                                                         \
    {                                                                                              \
        VML_ARM_FEATURE_##feature, VML_ARM_##id##_EL1, 0, 64, 0                                    \
    }

static const struct field fields[] = {
    F_ALL(AARCH32, ID_PFR0),
    F_ALL(AARCH32, ID_PFR1),
    F_ALL(AARCH32, ID_PFR2),
    F_ALL(AARCH32, ID_DFR0),
    F_ALL(AARCH32, ID_DFR1),
    F_ALL(AARCH32, ID_AFR0),
    F_ALL(AARCH32, ID_MMFR0),
    F_ALL(AARCH32, ID_MMFR1),
    F_ALL(AARCH32, ID_MMFR2),
    F_ALL(AARCH32, ID_MMFR3),
    F_ALL(AARCH32, ID_MMFR4),
    F_ALL(AARCH32, ID_MMFR5),
    F_ALL(AARCH32, ID_ISAR0),
    F_ALL(AARCH32, ID_ISAR1),
    F_ALL(AARCH32, ID_ISAR2),
    F_ALL(AARCH32, ID_ISAR3),
    F_ALL(AARCH32, ID_ISAR4),
    F_ALL(AARCH32, ID_ISAR5),
    F_ALL(AARCH32, ID_ISAR6),
    F_ALL(AARCH32, MVFR0),
    F_ALL(AARCH32, MVFR1),
    F_ALL(AARCH32, MVFR2),
    F(EL2, ID_AA64PFR0, 8),
    F(EL2, ID_AA64PFR0, 36),
    F(EL2, ID_AA64MMFR0, 32),
    F(EL2, ID_AA64MMFR0, 36),
    F(EL2, ID_AA64MMFR0, 40),
    F(EL2, ID_AA64MMFR0, 56),
    F(EL2, ID_AA64MMFR1, 4),
    F(EL2, ID_AA64MMFR1, 8),
    F(EL2, ID_AA64MMFR1, 28),
    F(EL2, ID_AA64MMFR1, 32),
    F(EL2, ID_AA64MMFR1, 40),
    F(EL2, ID_AA64MMFR2, 24),
    F(EL2, ID_AA64MMFR2, 40),
    F(EL2, ID_AA64MMFR2, 56),
    F(EL2, ID_AA64MMFR4, 20),
    F(EL2, ID_AA64MMFR4, 24),
    F(EL2, ID_PFR1, 12),
    F(EL3, ID_AA64PFR0, 12),
    F(EL3, ID_PFR1, 4),
    F_NO(FP, ID_AA64PFR0, 16, 15),
    F_NO(FP, ID_AA64PFR0, 20, 15),
    F(FP, ID_AA64ISAR0, 28),
    F(FP, ID_AA64ISAR0, 44),
    F(FP, ID_AA64ISAR0, 48),
    F(FP, ID_AA64ISAR1, 12),
    F(FP, ID_AA64ISAR1, 16),
    F(FP, ID_AA64ISAR1, 32),
    F(FP, ID_AA64ISAR1, 44),
    F(FP, ID_AA64ISAR1, 52),
    F_ALL(FP, MVFR0),
    F_ALL(FP, MVFR1),
    F_ALL(FP, MVFR2),
    F_ALL(FP, ID_AA64FPFR0),
    F(FP16, ID_AA64ISAR0, 48),
    F(CRYPTO, ID_AA64ISAR0, 4),
    F(CRYPTO, ID_AA64ISAR0, 8),
    F(CRYPTO, ID_AA64ISAR0, 12),
    F(CRYPTO, ID_AA64ISAR0, 32),
    F(CRYPTO, ID_AA64ISAR0, 36),
    F(CRYPTO, ID_AA64ISAR0, 40),
    F(CRYPTO, ID_ISAR5, 4),
    F(CRYPTO, ID_ISAR5, 8),
    F(CRYPTO, ID_ISAR5, 12),
    F(CRYPTO, ID_AA64ZFR0, 4),
    F(CRYPTO, ID_AA64ZFR0, 32),
    F(CRYPTO, ID_AA64ZFR0, 40),
    F(CRC32, ID_AA64ISAR0, 16),
    F(CRC32, ID_ISAR5, 16),
    F(LSE, ID_AA64ISAR0, 20),
    F(RDM, ID_AA64ISAR0, 28),
    F(RDM, ID_ISAR5, 24),
    F(DOTPROD, ID_AA64ISAR0, 44),
    F(DOTPROD, ID_ISAR6, 4),
    F(PAUTH, ID_AA64ISAR1, 4),
    F(PAUTH, ID_AA64ISAR1, 8),
    F(PAUTH, ID_AA64ISAR1, 24),
    F(PAUTH, ID_AA64ISAR1, 28),
    F(PAUTH, ID_AA64ISAR2, 8),
    F(PAUTH, ID_AA64ISAR2, 12),
    F(PAUTH, ID_AA64ISAR2, 24),
    F(BTI, ID_AA64PFR1, 0),
    F(MTE, ID_AA64PFR1, 8),
    F(MTE, ID_AA64PFR1, 40),
    F(MTE, ID_AA64PFR1, 52),
    F(MTE, ID_AA64PFR2, 0),
    F(MTE, ID_AA64PFR2, 4),
    F(MTE, ID_AA64PFR2, 8),
    F(SSBS, ID_AA64PFR1, 4),
    F(SSBS, ID_PFR2, 4),
    F(RNG, ID_AA64ISAR0, 60),
    F(RNG, ID_AA64PFR1, 28),
    F(SVE, ID_AA64PFR0, 32),
    F_ALL(SVE, ID_AA64ZFR0),
    F(SME, ID_AA64PFR1, 24),
    F_ALL(SME, ID_AA64SMFR0),
    F(PMU, ID_AA64DFR0, 8),
    F(PMU, ID_DFR0, 24),
    F(PMU, ID_AA64DFR0, 48),
    F(PMU, ID_AA64DFR0, 60),
    F(PMU, ID_AA64DFR1, 32),
    F(PMU, ID_AA64DFR1, 36),
    F(PMU, ID_AA64DFR1, 48),
    F(PMU, ID_AA64DFR1, 52),
    F(PMU, ID_DFR1, 0),
    F(PMU, ID_DFR1, 4),
    F(SPE, ID_AA64DFR0, 32),
    F(TRACE, ID_AA64DFR0, 4),
    F(TRACE, ID_AA64DFR0, 40),
    F(TRACE, ID_AA64DFR0, 44),
    F(TRACE, ID_AA64DFR0, 52),
    F(TRACE, ID_AA64DFR0, 56),
    F(TRACE, ID_AA64DFR1, 44),
    F(TRACE, ID_DFR0, 12),
    F(TRACE, ID_DFR0, 16),
    F(TRACE, ID_DFR0, 28),
    F(RAS, ID_AA64PFR0, 28),
    F(RAS, ID_AA64PFR1, 12),
    F(RAS, ID_PFR0, 28),
    F(MPAM, ID_AA64PFR0, 40),
    F(MPAM, ID_AA64PFR1, 16),
    F(AMU, ID_AA64PFR0, 44),
    F(AMU, ID_PFR0, 20),
    F(GIC, ID_AA64PFR0, 24),
    F(GIC, ID_PFR1, 28),
    F(LOR, ID_AA64MMFR1, 16),
    F(HAFDBS, ID_AA64MMFR1, 0),
    F(PAN, ID_AA64MMFR1, 20),
    F(PAN, ID_MMFR3, 16),
    F(UAO, ID_AA64MMFR2, 4),
};

/* Features that cannot be without another one. */
static const struct {
    uint8_t feature, without;
} needs[] = {
    {VML_ARM_FEATURE_SVE, VML_ARM_FEATURE_SME},    {VML_ARM_FEATURE_FP, VML_ARM_FEATURE_FP16},
    {VML_ARM_FEATURE_FP, VML_ARM_FEATURE_CRYPTO},  {VML_ARM_FEATURE_FP, VML_ARM_FEATURE_RDM},
    {VML_ARM_FEATURE_FP, VML_ARM_FEATURE_DOTPROD}, {VML_ARM_FEATURE_FP, VML_ARM_FEATURE_SVE},
    {VML_ARM_FEATURE_FP, VML_ARM_FEATURE_SME},     {VML_ARM_FEATURE_FP16, VML_ARM_FEATURE_SVE},
    {VML_ARM_FEATURE_FP16, VML_ARM_FEATURE_SME},
};

#define E(op1, crm, op2) (uint32_t) VML_SYSREG(3, op1, 0, crm, op2)

static const struct {
    const char *name;
    uint32_t sysreg;
} ids[VML_ARM_ID_COUNT] = {
    [VML_ARM_MIDR_EL1] = {"MIDR_EL1", E(0, 0, 0)},
    [VML_ARM_REVIDR_EL1] = {"REVIDR_EL1", E(0, 0, 6)},
    [VML_ARM_AIDR_EL1] = {"AIDR_EL1", E(1, 0, 7)},
    [VML_ARM_CTR_EL0] = {"CTR_EL0", E(3, 0, 1)},
    [VML_ARM_DCZID_EL0] = {"DCZID_EL0", E(3, 0, 7)},
    [VML_ARM_CLIDR_EL1] = {"CLIDR_EL1", E(1, 0, 1)},
    [VML_ARM_ID_PFR0_EL1] = {"ID_PFR0_EL1", E(0, 1, 0)},
    [VML_ARM_ID_PFR1_EL1] = {"ID_PFR1_EL1", E(0, 1, 1)},
    [VML_ARM_ID_DFR0_EL1] = {"ID_DFR0_EL1", E(0, 1, 2)},
    [VML_ARM_ID_AFR0_EL1] = {"ID_AFR0_EL1", E(0, 1, 3)},
    [VML_ARM_ID_MMFR0_EL1] = {"ID_MMFR0_EL1", E(0, 1, 4)},
    [VML_ARM_ID_MMFR1_EL1] = {"ID_MMFR1_EL1", E(0, 1, 5)},
    [VML_ARM_ID_MMFR2_EL1] = {"ID_MMFR2_EL1", E(0, 1, 6)},
    [VML_ARM_ID_MMFR3_EL1] = {"ID_MMFR3_EL1", E(0, 1, 7)},
    [VML_ARM_ID_ISAR0_EL1] = {"ID_ISAR0_EL1", E(0, 2, 0)},
    [VML_ARM_ID_ISAR1_EL1] = {"ID_ISAR1_EL1", E(0, 2, 1)},
    [VML_ARM_ID_ISAR2_EL1] = {"ID_ISAR2_EL1", E(0, 2, 2)},
    [VML_ARM_ID_ISAR3_EL1] = {"ID_ISAR3_EL1", E(0, 2, 3)},
    [VML_ARM_ID_ISAR4_EL1] = {"ID_ISAR4_EL1", E(0, 2, 4)},
    [VML_ARM_ID_ISAR5_EL1] = {"ID_ISAR5_EL1", E(0, 2, 5)},
    [VML_ARM_ID_MMFR4_EL1] = {"ID_MMFR4_EL1", E(0, 2, 6)},
    [VML_ARM_ID_ISAR6_EL1] = {"ID_ISAR6_EL1", E(0, 2, 7)},
    [VML_ARM_MVFR0_EL1] = {"MVFR0_EL1", E(0, 3, 0)},
    [VML_ARM_MVFR1_EL1] = {"MVFR1_EL1", E(0, 3, 1)},
    [VML_ARM_MVFR2_EL1] = {"MVFR2_EL1", E(0, 3, 2)},
    [VML_ARM_ID_PFR2_EL1] = {"ID_PFR2_EL1", E(0, 3, 4)},
    [VML_ARM_ID_DFR1_EL1] = {"ID_DFR1_EL1", E(0, 3, 5)},
    [VML_ARM_ID_MMFR5_EL1] = {"ID_MMFR5_EL1", E(0, 3, 6)},
    [VML_ARM_ID_AA64PFR0_EL1] = {"ID_AA64PFR0_EL1", E(0, 4, 0)},
    [VML_ARM_ID_AA64PFR1_EL1] = {"ID_AA64PFR1_EL1", E(0, 4, 1)},
    [VML_ARM_ID_AA64PFR2_EL1] = {"ID_AA64PFR2_EL1", E(0, 4, 2)},
    [VML_ARM_ID_AA64ZFR0_EL1] = {"ID_AA64ZFR0_EL1", E(0, 4, 4)},
    [VML_ARM_ID_AA64SMFR0_EL1] = {"ID_AA64SMFR0_EL1", E(0, 4, 5)},
    [VML_ARM_ID_AA64FPFR0_EL1] = {"ID_AA64FPFR0_EL1", E(0, 4, 7)},
    [VML_ARM_ID_AA64DFR0_EL1] = {"ID_AA64DFR0_EL1", E(0, 5, 0)},
    [VML_ARM_ID_AA64DFR1_EL1] = {"ID_AA64DFR1_EL1", E(0, 5, 1)},
    [VML_ARM_ID_AA64AFR0_EL1] = {"ID_AA64AFR0_EL1", E(0, 5, 4)},
    [VML_ARM_ID_AA64AFR1_EL1] = {"ID_AA64AFR1_EL1", E(0, 5, 5)},
    [VML_ARM_ID_AA64ISAR0_EL1] = {"ID_AA64ISAR0_EL1", E(0, 6, 0)},
    [VML_ARM_ID_AA64ISAR1_EL1] = {"ID_AA64ISAR1_EL1", E(0, 6, 1)},
    [VML_ARM_ID_AA64ISAR2_EL1] = {"ID_AA64ISAR2_EL1", E(0, 6, 2)},
    [VML_ARM_ID_AA64MMFR0_EL1] = {"ID_AA64MMFR0_EL1", E(0, 7, 0)},
    [VML_ARM_ID_AA64MMFR1_EL1] = {"ID_AA64MMFR1_EL1", E(0, 7, 1)},
    [VML_ARM_ID_AA64MMFR2_EL1] = {"ID_AA64MMFR2_EL1", E(0, 7, 2)},
    [VML_ARM_ID_AA64MMFR3_EL1] = {"ID_AA64MMFR3_EL1", E(0, 7, 3)},
    [VML_ARM_ID_AA64MMFR4_EL1] = {"ID_AA64MMFR4_EL1", E(0, 7, 4)},
};

const struct vml_arm_cpu_model *vml_arm_cpu_model_at(uint32_t index)
{
    return index < VML_ARRAY_SIZE(models) ? &models[index] : NULL;
}

static bool same(const char *a, const char *b)
{
    while (*a && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

const struct vml_arm_cpu_model *vml_arm_cpu_model_find(const char *name)
{
    for (size_t i = 0; i < VML_ARRAY_SIZE(models); i++) {
        if (same(name, models[i].name)) {
            return &models[i];
        }
    }
    return NULL;
}

static uint64_t mask_of(const struct field *f)
{
    return VML_MASK64(f->lo + f->width - 1u, f->lo);
}

static void at_most(uint64_t *id, unsigned lo, uint64_t limit)
{
    if (VML_FIELD64(*id, lo + 3, lo) > limit) {
        *id = (*id & ~VML_MASK64(lo + 3, lo)) | limit << lo;
    }
}

static void hide_one(struct vml_arm_cpu_model *model, unsigned feature)
{
    model->hidden |= VML_BIT64(feature);
    for (size_t i = 0; i < VML_ARRAY_SIZE(fields); i++) {
        const struct field *f = &fields[i];

        if (f->feature == feature) {
            model->id[f->id] = (model->id[f->id] & ~mask_of(f)) | (uint64_t)f->absent << f->lo;
        }
    }
    if (feature == VML_ARM_FEATURE_AARCH32) {
        /* AArch64 only, at every level that there is. */
        for (unsigned lo = 0; lo < 16; lo += 4) {
            if (VML_FIELD64(model->id[VML_ARM_ID_AA64PFR0_EL1], lo + 3, lo) == 2) {
                model->id[VML_ARM_ID_AA64PFR0_EL1] -= UINT64_C(1) << lo;
            }
        }
    }
    if (feature == VML_ARM_FEATURE_FP16) {
        for (unsigned lo = 16; lo <= 20; lo += 4) {
            if (VML_FIELD64(model->id[VML_ARM_ID_AA64PFR0_EL1], lo + 3, lo) == 1) {
                model->id[VML_ARM_ID_AA64PFR0_EL1] -= UINT64_C(1) << lo;
            }
        }
        /* AArch32 counts conversions, which stay, and then arithmetic: FPHP 3, SIMDHP 2. */
        at_most(&model->id[VML_ARM_MVFR1_EL1], 24, 2);
        at_most(&model->id[VML_ARM_MVFR1_EL1], 20, 1);
    }
}

enum vml_status vml_arm_cpu_model_hide(struct vml_arm_cpu_model *model,
                                       enum vml_arm_feature feature)
{
    if ((unsigned)feature >= VML_ARM_FEATURE_COUNT) {
        return VML_ERR_INVALID;
    }
    hide_one(model, feature);
    for (size_t i = 0; i < VML_ARRAY_SIZE(needs); i++) {
        if (needs[i].feature == feature) {
            hide_one(model, needs[i].without);
        }
    }
    return VML_OK;
}

bool vml_arm_cpu_model_has(const struct vml_arm_cpu_model *model, enum vml_arm_feature feature)
{
    uint64_t pfr0 = model->id[VML_ARM_ID_AA64PFR0_EL1];

    if ((unsigned)feature >= VML_ARM_FEATURE_COUNT) {
        return false;
    }
    switch (feature) {
    case VML_ARM_FEATURE_AARCH32:
        return (pfr0 & 0xf) == 2;
    case VML_ARM_FEATURE_FP:
        return VML_FIELD64(pfr0, 19, 16) != 15;
    case VML_ARM_FEATURE_FP16:
        return VML_FIELD64(pfr0, 19, 16) == 1;
    default:
        break;
    }
    for (size_t i = 0; i < VML_ARRAY_SIZE(fields); i++) {
        if (fields[i].feature == feature && (model->id[fields[i].id] & mask_of(&fields[i]))) {
            return true;
        }
    }
    return false;
}

enum vml_status vml_arm_cpu_model_set(struct vml_arm_cpu_model *model, enum vml_arm_id id,
                                      unsigned hi, unsigned lo, uint64_t value)
{
    uint64_t mask;

    if ((unsigned)id >= VML_ARM_ID_COUNT || hi > 63 || lo > hi) {
        return VML_ERR_RANGE;
    }
    mask = VML_MASK64(hi, lo);
    if (value > mask >> lo) {
        return VML_ERR_RANGE;
    }
    model->id[id] = (model->id[id] & ~mask) | value << lo;
    return VML_OK;
}

uint32_t vml_arm_id_sysreg(enum vml_arm_id id)
{
    return (unsigned)id < VML_ARM_ID_COUNT ? ids[id].sysreg : 0;
}

const char *vml_arm_id_name(enum vml_arm_id id)
{
    return (unsigned)id < VML_ARM_ID_COUNT ? ids[id].name : "?";
}
