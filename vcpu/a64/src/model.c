/* What a CPU is said to have, and has: ID registers and features. */
#include "core.h"

static bool id_field(uint64_t value, unsigned lo, unsigned at_least)
{
    unsigned field = value >> lo & 15;

    return field >= at_least && field != 15;
}

uint64_t a64_model_features(const struct vml_arm_ids *model)
{
    uint64_t isar0 = model->ID_AA64ISAR0_EL1, isar1 = model->ID_AA64ISAR1_EL1;
    uint64_t pfr0 = model->ID_AA64PFR0_EL1, pfr1 = model->ID_AA64PFR1_EL1;
    uint64_t mmfr0 = model->ID_AA64MMFR0_EL1;
    uint64_t mmfr1 = model->ID_AA64MMFR1_EL1, mmfr2 = model->ID_AA64MMFR2_EL1;
    uint64_t f = 0;

    f |= id_field(isar0, 4, 1) ? A64_FEAT_AES : 0;
    f |= id_field(isar0, 4, 2) ? A64_FEAT_PMULL : 0;
    f |= id_field(isar0, 8, 1) ? A64_FEAT_SHA1 : 0;
    f |= id_field(isar0, 12, 1) ? A64_FEAT_SHA256 : 0;
    f |= id_field(isar0, 12, 2) ? A64_FEAT_SHA512 : 0;
    f |= id_field(isar0, 16, 1) ? A64_FEAT_CRC32 : 0;
    f |= id_field(isar0, 20, 2) ? A64_FEAT_LSE : 0;
    f |= id_field(isar0, 28, 1) ? A64_FEAT_RDM : 0;
    f |= id_field(isar0, 32, 1) ? A64_FEAT_SHA3 : 0;
    f |= id_field(isar0, 36, 1) ? A64_FEAT_SM3 : 0;
    f |= id_field(isar0, 40, 1) ? A64_FEAT_SM4 : 0;
    f |= id_field(isar0, 44, 1) ? A64_FEAT_DOTPROD : 0;
    f |= id_field(isar0, 48, 1) ? A64_FEAT_FHM : 0;
    f |= id_field(isar0, 52, 1) ? A64_FEAT_FLAGM : 0;
    f |= id_field(isar0, 52, 2) ? A64_FEAT_FLAGM2 : 0;
    f |= id_field(isar1, 0, 1) ? A64_FEAT_DPB : 0;
    f |= id_field(isar1, 12, 1) ? A64_FEAT_JSCVT : 0;
    f |= id_field(isar1, 16, 1) ? A64_FEAT_FCMA : 0;
    f |= id_field(isar1, 20, 1) ? A64_FEAT_RCPC : 0;
    f |= id_field(isar1, 20, 2) ? A64_FEAT_RCPC2 : 0;
    f |= id_field(isar1, 32, 1) ? A64_FEAT_FRINTTS : 0;
    f |= id_field(isar1, 36, 1) ? A64_FEAT_SB : 0;
    f |= id_field(isar1, 44, 1) ? A64_FEAT_BF16 : 0;
    f |= id_field(isar1, 52, 1) ? A64_FEAT_I8MM : 0;
    f |= id_field(pfr0, 16, 0) ? A64_FEAT_FP : 0;
    f |= id_field(pfr0, 16, 1) ? A64_FEAT_FP16 : 0;
    f |= id_field(pfr0, 48, 1) ? A64_FEAT_DIT : 0;
    f |= id_field(pfr1, 4, 1) ? A64_FEAT_SSBS : 0;
    f |= id_field(mmfr1, 0, 1) ? A64_FEAT_HAF : 0;
    f |= id_field(mmfr1, 0, 2) ? A64_FEAT_DBM : 0;
    f |= id_field(mmfr1, 20, 1) ? A64_FEAT_PAN : 0;
    f |= id_field(mmfr2, 4, 1) ? A64_FEAT_UAO : 0;
    f |= id_field(mmfr0, 20, 1) ? A64_FEAT_TGRAN16 : 0;
    f |= id_field(mmfr0, 24, 0) ? A64_FEAT_TGRAN64 : 0;
    f |= id_field(mmfr0, 28, 0) ? A64_FEAT_TGRAN4 : 0;
    return f;
}

#define REGISTER(op1, crn, crm, op2, name)                                                         \
    {                                                                                              \
        (uint32_t) VML_SYSREG(3, op1, crn, crm, op2), offsetof(struct vml_arm_ids, name)           \
    }

static const struct {
    uint32_t encoding;
    size_t offset;
} registers[] = {
    REGISTER(0, 0, 4, 0, ID_AA64PFR0_EL1),
    REGISTER(0, 0, 4, 1, ID_AA64PFR1_EL1),
    REGISTER(0, 0, 5, 0, ID_AA64DFR0_EL1),
    REGISTER(0, 0, 6, 0, ID_AA64ISAR0_EL1),
    REGISTER(0, 0, 6, 1, ID_AA64ISAR1_EL1),
    REGISTER(0, 0, 6, 2, ID_AA64ISAR2_EL1),
    REGISTER(0, 0, 7, 0, ID_AA64MMFR0_EL1),
    REGISTER(0, 0, 7, 1, ID_AA64MMFR1_EL1),
    REGISTER(0, 0, 7, 2, ID_AA64MMFR2_EL1),
    /* What is above has features in fields; what is below is not looked at but for CTR_EL0. */
    REGISTER(0, 0, 0, 0, MIDR_EL1),
    REGISTER(0, 0, 0, 6, REVIDR_EL1),
    REGISTER(1, 0, 0, 1, CLIDR_EL1),
    REGISTER(3, 0, 0, 1, CTR_EL0),
    REGISTER(3, 0, 0, 7, DCZID_EL0),
    REGISTER(3, 14, 0, 0, CNTFRQ_EL0),
};
#define FIELD_REGISTERS 9u

#define CTR_DIC         (UINT64_C(1) << 29)
#define CTR_IMINLINE    UINT64_C(15)
#define IMINLINE_MOST   4u /* what IC IVAU drops: 64 bytes */

static uint64_t *member(struct vml_arm_ids *model, unsigned i)
{
    return (uint64_t *)(void *)((char *)model + registers[i].offset);
}

/* Fields in which 15 means that a feature is absent, and 0 that it is there (DDI 0487, D19.1.3). */
static bool is_signed(uint32_t encoding, unsigned lo)
{
    switch (encoding) {
    case VML_SYSREG(3, 0, 0, 4, 0):
        return lo == 16 || lo == 20; /* FP, AdvSIMD */
    case VML_SYSREG(3, 0, 0, 7, 0):
        return lo == 24 || lo == 28; /* TGran64, TGran4 */
    default:
        return false;
    }
}

/* Field by field, no more than `most`. */
static uint64_t lower(uint32_t encoding, uint64_t value, uint64_t most)
{
    uint64_t result = 0;

    for (unsigned lo = 0; lo < 64; lo += 4) {
        unsigned a = value >> lo & 15, b = most >> lo & 15;
        unsigned bias = is_signed(encoding, lo) ? 8 : 0;

        result |= (uint64_t)(((a + bias) & 15) < ((b + bias) & 15) ? a : b) << lo;
    }
    return result;
}

/* All that this engine has, and what the embedder may have besides. */
static void most_of_all(struct vml_arm_ids *model)
{
    vml_a64_model_max(model);
    model->ID_AA64PFR0_EL1 |= 1u << 24 | UINT64_C(0x22) << 56; /* a GICv3 */
}

bool vml_a64_model_limit(struct vml_arm_ids *model, uint64_t encoding, uint64_t value)
{
    struct vml_arm_ids most;

    most_of_all(&most);
    for (unsigned i = 0; i < VML_ARRAY_SIZE(registers); i++) {
        if (registers[i].encoding != encoding) {
            continue;
        }
        *member(model, i) =
            i < FIELD_REGISTERS ? lower((uint32_t)encoding, value, *member(&most, i)) : value;
        if (encoding == VML_SYSREG(3, 0, 0, 5, 0)) { /* no more context-aware ones than all */
            uint64_t all = model->ID_AA64DFR0_EL1 >> 12 & 15;

            if ((model->ID_AA64DFR0_EL1 >> 28 & 15) > all) {
                model->ID_AA64DFR0_EL1 &= ~(UINT64_C(15) << 28);
                model->ID_AA64DFR0_EL1 |= all << 28;
            }
        }
        if (encoding == VML_SYSREG(3, 3, 0, 0, 1)) {
            model->CTR_EL0 &= ~CTR_DIC;
            if ((value & CTR_IMINLINE) > IMINLINE_MOST) {
                model->CTR_EL0 = (model->CTR_EL0 & ~CTR_IMINLINE) | IMINLINE_MOST;
            }
        }
        return true;
    }
    return false;
}

bool a64_model_supported(const struct vml_arm_ids *model)
{
    struct vml_arm_ids wanted = *model, most;
    uint64_t features = a64_model_features(model);

    most_of_all(&most);
    for (unsigned i = 0; i < FIELD_REGISTERS; i++) {
        uint64_t value = *member(&wanted, i);

        if (lower(registers[i].encoding, value, *member(&most, i)) != value) {
            return false;
        }
    }
    return (model->ID_AA64PFR0_EL1 >> 16 & 15) == (model->ID_AA64PFR0_EL1 >> 20 & 15) &&
           (model->ID_AA64PFR0_EL1 & 0xff) == 0x11 && (model->ID_AA64DFR0_EL1 & 15) == 6 &&
           (model->ID_AA64DFR0_EL1 >> 28 & 15) <= (model->ID_AA64DFR0_EL1 >> 12 & 15) &&
           (features & (A64_FEAT_TGRAN4 | A64_FEAT_TGRAN16 | A64_FEAT_TGRAN64)) != 0 &&
           !(model->CTR_EL0 & CTR_DIC) && (model->CTR_EL0 & CTR_IMINLINE) <= IMINLINE_MOST &&
           (model->DCZID_EL0 & 15) <= 9;
}

void vml_a64_model_v8_0(struct vml_arm_ids *model)
{
    *model = (struct vml_arm_ids){
        .MIDR_EL1 = 0x000f0510, /* reserved for software use */
        .CTR_EL0 = 0x8444c004 | 1u << 28,
        .CLIDR_EL1 = 0x0a200023,
        .DCZID_EL0 = 4,
        .CNTFRQ_EL0 = 62500000,
        .ID_AA64PFR0_EL1 = UINT64_C(0x1100000000000011),
        /* two of the breakpoints compare the context ID */
        .ID_AA64DFR0_EL1 = 6 | (VML_ARM_STATE_BREAKPOINTS - 1) << 12 |
                           (VML_ARM_STATE_WATCHPOINTS - 1) << 20 | 1u << 28,
        .ID_AA64ISAR0_EL1 = 0x11120,
        /* 44-bit addresses, 16-bit ASIDs, all granules */
        .ID_AA64MMFR0_EL1 = 0x00100024,
    };
}

void vml_a64_model_max(struct vml_arm_ids *model)
{
    vml_a64_model_v8_0(model);
    model->ID_AA64PFR0_EL1 |= UINT64_C(1) << 48 | 0x110000;
    model->ID_AA64PFR1_EL1 = 1u << 4;
    model->ID_AA64ISAR0_EL1 = UINT64_C(0x0021111110212120);
    model->ID_AA64ISAR1_EL1 =
        UINT64_C(1) << 36 | UINT64_C(1) << 32 | 2u << 20 | 1u << 16 | 1u << 12 | 1;
    model->ID_AA64MMFR1_EL1 = 1u << 20 | 2;
    model->ID_AA64MMFR2_EL1 = 1u << 4;
}
