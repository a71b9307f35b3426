#include <vml/arch.h>
#include <vml/psci.h>
#include <vml/pvtime.h>
#include <vml/smccc.h>
#include <vml/trng.h>

#define VERSION_1_0 UINT32_C(0x10000)
#define VERSION_1_1 UINT32_C(0x10001)
#define VERSION_1_2 UINT32_C(0x10002)
#define VERSION_1_3 UINT32_C(0x10003)
#define VERSION_1_4 UINT32_C(0x10004)
#define VERSION_1_6 UINT32_C(0x10006)
#define VERSION_1_7 UINT32_C(0x10007)

/* DEN0028: from 1.3 on the caller may hint that no SVE state is live. */
#define SVE_HINT UINT32_C(0x10000)

/* X0 to X7 carry arguments of 32-bit calls (DEN0028, register use). */
#define ARGUMENTS 8u
/* Most calls have no more results than these. */
#define RESULTS        4u

#define STANDARD_FIRST UINT32_C(0x84000000)
#define PSCI_LAST      UINT32_C(0x8400001f)
#define TRNG_LAST      UINT32_C(0x8400005f)

/* KVM's UID, 28b46fb6-2ec5-11e9-a9ca-4b564d003a74, as four words. */
static const uint32_t kvm_uid[4] = {0xb66fb428u, 0xe911c52eu, 0x564bcaa9u, 0x743a004du};

#define SOC_ID_64 (VML_SMCCC_ARCH_SOC_ID | VML_SMCCC_SMC64)

/* CLEAN_INV_MEMREGION: only answer what it would answer. */
#define CLEAN_DRY_RUN 1u

static uint32_t first_version(const struct vml_smccc_config *config)
{
    if (config->clean) {
        return VERSION_1_7;
    }
    return config->soc_name ? VERSION_1_6 : VERSION_1_4;
}

static bool is_name_allowed(const struct vml_smccc_config *config)
{
    uint32_t length = 0;

    if (!config->soc_name) {
        return true;
    }
    while (length <= VML_SMCCC_SOC_NAME_MAX && config->soc_name[length]) {
        length++;
    }
    return config->soc_id && length <= VML_SMCCC_SOC_NAME_MAX;
}

enum vml_status vml_smccc_init(struct vml_smccc *smccc, const struct vml_smccc_config *config)
{
    uint32_t version = config->version ? config->version : first_version(config);

    if (version < VERSION_1_0 || version > VERSION_1_7 || config->conduits == 0 ||
        (config->conduits & ~(uint32_t)(VML_SMCCC_HVC | VML_SMCCC_SMC)) ||
        (config->soc_version >> 31) || (config->soc_revision >> 31) || !is_name_allowed(config)) {
        return VML_ERR_INVALID;
    }
    smccc->config = *config;
    smccc->config.version = version;
    return VML_OK;
}

static int64_t workaround_answer(enum vml_smccc_workaround workaround)
{
    switch (workaround) {
    case VML_SMCCC_WORKAROUND_AVAILABLE:
        return 0;
    case VML_SMCCC_WORKAROUND_NOT_REQUIRED:
        return 1;
    default:
        return VML_SMCCC_NOT_SUPPORTED;
    }
}

/* The workaround that an identifier names: 0 to 3, or -1. */
static int workaround_of(uint32_t fid)
{
    switch (fid) {
    case VML_SMCCC_ARCH_WORKAROUND_1:
        return 0;
    case VML_SMCCC_ARCH_WORKAROUND_2:
        return 1;
    case VML_SMCCC_ARCH_WORKAROUND_3:
        return 2;
    case VML_SMCCC_ARCH_WORKAROUND_4:
        return 3;
    default:
        return -1;
    }
}

static bool has_soc_id(const struct vml_smccc_config *config, uint32_t fid)
{
    return config->soc_id && config->version >= (fid & VML_SMCCC_SMC64 ? VERSION_1_6 : VERSION_1_2);
}

static bool has_clean(const struct vml_smccc_config *config)
{
    return config->clean && config->version >= VERSION_1_7;
}

static int64_t arch_features(const struct vml_smccc *smccc, uint32_t fid)
{
    const struct vml_smccc_config *config = &smccc->config;
    int workaround = workaround_of(fid);

    if (workaround >= 0) {
        int64_t answer = workaround_answer(config->workarounds[workaround]);

        /* 1 means "not required" for the first and third; the second has NOT_REQUIRED for it. The
         * fourth only tells that it is there. */
        if (answer == 1 && workaround == 3) {
            return VML_SMCCC_NOT_SUPPORTED;
        }
        return answer == 1 && workaround == 1 ? VML_SMCCC_NOT_REQUIRED : answer;
    }
    switch (fid) {
    case VML_SMCCC_VERSION:
    case VML_SMCCC_ARCH_FEATURES:
        return VML_SMCCC_SUCCESS;
    case VML_SMCCC_ARCH_SOC_ID:
    case SOC_ID_64:
        return has_soc_id(config, fid) ? VML_SMCCC_SUCCESS : VML_SMCCC_NOT_SUPPORTED;
    case VML_SMCCC_ARCH_CLEAN_INV_MEMREGION:
    case VML_SMCCC_ARCH_CLEAN_INV_MEMREGION_ATTRIBUTES:
        return has_clean(config) ? VML_SMCCC_SUCCESS : VML_SMCCC_NOT_SUPPORTED;
    case VML_PV_TIME_FEATURES:
        return config->pvtime ? VML_SMCCC_SUCCESS : VML_SMCCC_NOT_SUPPORTED;
    default:
        return VML_SMCCC_NOT_SUPPORTED;
    }
}

/* The name is in X1 to X17, eight bytes in each, the first lowest; only 64-bit calls have it. */
static unsigned soc_id(const struct vml_smccc_config *config, uint32_t fid,
                       struct vml_smccc_call *call)
{
    uint8_t bytes[17 * 8] = {0};

    if (call->x[1] < 2) {
        vml_smccc_result(call, call->x[1] == 0 ? config->soc_version : config->soc_revision);
        return RESULTS;
    }
    if (call->x[1] > 2 || fid != SOC_ID_64) {
        vml_smccc_result(call, VML_SMCCC_INVALID_PARAMETER);
        return RESULTS;
    }
    if (!config->soc_name) {
        return 0;
    }
    for (uint32_t i = 0; i < VML_SMCCC_SOC_NAME_MAX && config->soc_name[i]; i++) {
        bytes[i] = (uint8_t)config->soc_name[i];
    }
    vml_smccc_result(call, VML_SMCCC_SUCCESS);
    for (unsigned i = 0; i < 17; i++) {
        call->x[1 + i] = vml_load_le64(&bytes[8 * i]);
    }
    return 18;
}

static unsigned clean_region(const struct vml_smccc_clean *clean, struct vml_smccc_call *call)
{
    uint64_t base = call->x[1];
    uint64_t length = call->x[2];
    uint64_t flags = call->x[3];

    if (length == 0 || vml_range_wraps(base, length) || (flags & ~(uint64_t)CLEAN_DRY_RUN)) {
        vml_smccc_result(call, VML_SMCCC_INVALID_PARAMETER);
    } else {
        vml_smccc_result(call, clean->clean(clean->context, base, length, flags != 0));
    }
    return RESULTS;
}

static unsigned clean_attributes(const struct vml_smccc_clean *clean, struct vml_smccc_call *call)
{
    vml_smccc_result(call, VML_SMCCC_SUCCESS);
    call->x[1] = clean->global;
    call->x[2] = clean->latency_us;
    call->x[3] = clean->rate_limit;
    call->x[4] = clean->break_even;
    return 5;
}

static unsigned arch_call_64(const struct vml_smccc *smccc, uint32_t fid,
                             struct vml_smccc_call *call)
{
    const struct vml_smccc_config *config = &smccc->config;

    switch (fid) {
    case SOC_ID_64:
        return has_soc_id(config, fid) ? soc_id(config, fid, call) : 0;
    case VML_SMCCC_ARCH_CLEAN_INV_MEMREGION:
        return has_clean(config) ? clean_region(config->clean, call) : 0;
    case VML_SMCCC_ARCH_CLEAN_INV_MEMREGION_ATTRIBUTES:
        return has_clean(config) ? clean_attributes(config->clean, call) : 0;
    default:
        return 0;
    }
}

static bool arch_call(const struct vml_smccc *smccc, uint32_t fid, struct vml_smccc_call *call)
{
    const struct vml_smccc_config *config = &smccc->config;
    int workaround = workaround_of(fid);

    if (config->version < VERSION_1_1) {
        return false;
    }
    if (workaround >= 0) {
        if (config->workarounds[workaround] == VML_SMCCC_WORKAROUND_NOT_SUPPORTED) {
            return false;
        }
        vml_smccc_result(call, VML_SMCCC_SUCCESS);
        return true;
    }
    switch (fid) {
    case VML_SMCCC_VERSION:
        vml_smccc_result(call, config->version);
        return true;
    case VML_SMCCC_ARCH_FEATURES:
        vml_smccc_result(call, arch_features(smccc, (uint32_t)call->x[1]));
        return true;
    case VML_SMCCC_ARCH_SOC_ID:
        return has_soc_id(config, fid) && soc_id(config, fid, call) != 0;
    default:
        return false;
    }
}

static bool kvm_ptp(const struct vml_smccc *smccc, struct vml_smccc_call *call)
{
    uint64_t wall_ns = 0;
    uint64_t count = 0;

    if (call->x[1] > 1) {
        return false;
    }
    if (!smccc->config.ptp(smccc->config.context, call->cpu, call->x[1] == 1, &wall_ns, &count)) {
        return false;
    }
    call->x[0] = wall_ns >> 32;
    call->x[1] = (uint32_t)wall_ns;
    call->x[2] = count >> 32;
    call->x[3] = (uint32_t)count;
    return true;
}

static bool hypervisor_call(const struct vml_smccc *smccc, uint32_t fid,
                            struct vml_smccc_call *call)
{
    bool ptp = smccc->config.ptp != NULL;

    if (!smccc->config.kvm) {
        return false;
    }
    switch (fid) {
    case VML_SMCCC_HYP_UID:
        for (unsigned i = 0; i < 4; i++) {
            call->x[i] = kvm_uid[i];
        }
        return true;
    case VML_SMCCC_KVM_FEATURES:
        /* A bitmap over four words, bit n for call n: itself, and the PTP call. */
        call->x[0] = ptp ? 3 : 1;
        call->x[1] = 0;
        call->x[2] = 0;
        call->x[3] = 0;
        return true;
    case VML_SMCCC_KVM_PTP:
        return ptp && kvm_ptp(smccc, call);
    default:
        return false;
    }
}

static bool embedder_call(const struct vml_smccc *smccc, uint32_t fid, struct vml_smccc_call *call)
{
    for (uint32_t i = 0; i < smccc->config.range_count; i++) {
        const struct vml_smccc_range *range = &smccc->config.ranges[i];

        if (fid >= range->first && fid <= range->last && range->call(range->context, call)) {
            return true;
        }
    }
    return false;
}

/* How many registers from X0 on are results; 0: nobody serves the call. */
static unsigned service_call(struct vml_smccc *smccc, uint32_t fid, struct vml_smccc_call *call)
{
    const struct vml_smccc_config *config = &smccc->config;
    bool served = false;
    uint32_t as_32 = fid & ~VML_SMCCC_SMC64;

    if (smccc->config.range_count && embedder_call(smccc, fid, call)) {
        return RESULTS;
    }
    if (as_32 >= STANDARD_FIRST && as_32 <= PSCI_LAST) {
        served = config->psci && vml_psci_call(config->psci, fid, call);
    } else if (as_32 >= VML_TRNG_VERSION && as_32 <= TRNG_LAST) {
        served = config->trng && vml_trng_call(config->trng, fid, call);
    } else if (fid == VML_PV_TIME_FEATURES || fid == VML_PV_TIME_ST) {
        served = config->pvtime && vml_pvtime_call(config->pvtime, fid, call);
    } else if (fid >> 24 == 0x80) { /* owning entity (bits 29:24) 0: Arm architecture */
        served = arch_call(smccc, fid, call);
    } else if (fid >> 24 == 0xc0) {
        return arch_call_64(smccc, fid, call);
    } else if (fid >> 24 == 0x86) { /* 6: vendor hypervisor */
        served = hypervisor_call(smccc, fid, call);
    }
    return served ? RESULTS : 0;
}

/* Somebody traces, or wants to be told. */
static VML_COLD void watch(const struct vml_smccc_call *call, uint32_t fid, uint64_t argument,
                           bool served)
{
    struct vml_debug *debug = call->cpu->config.debug;
    uint32_t index = call->cpu->config.index;

    vml_trace(debug, index, VML_TRACE_FIRMWARE, fid, argument, (uint32_t)call->x[0]);
    if (vml_debug_enabled(debug, served ? VML_DEBUG_DETAILED : VML_DEBUG_CONDENSED)) {
        vml_log(VML_LOG_INFO, "firmware: vCPU %u calls 0x%x (0x%llx, ...): %s 0x%llx",
                (unsigned)index, (unsigned)fid, (unsigned long long)argument,
                served ? "answer" : "no such call,", (unsigned long long)call->x[0]);
    }
}

enum vml_status vml_smccc_handle(struct vml_smccc *smccc, struct vml_smccc_call *call)
{
    uint32_t fid = (uint32_t)call->x[0];
    bool is_32 = !(fid & VML_SMCCC_SMC64);
    uint64_t kept[ARGUMENTS];
    unsigned results;

    if (!(smccc->config.conduits & (uint32_t)call->conduit)) {
        return VML_ERR_UNSUPPORTED;
    }
    call->action = VML_SMCCC_RETURN;
    if (smccc->config.version >= VERSION_1_3 && (fid >> 31)) {
        fid &= ~SVE_HINT;
    }
    memcpy(kept, call->x, sizeof(kept));
    if (is_32) {
        for (unsigned i = 0; i < ARGUMENTS; i++) {
            call->x[i] = (uint32_t)call->x[i];
        }
    }
    results = service_call(smccc, fid, call);
    if (results == 0) {
        memcpy(&call->x[1], &kept[1], sizeof(kept) - sizeof(kept[0]));
        vml_smccc_result(call, VML_SMCCC_NOT_SUPPORTED);
        call->action = VML_SMCCC_RETURN;
    } else {
        /* What is no result is the caller's, in every version that guests may rely on; and so are
         * those of X1 to X3 that were only cut to 32 bits. */
        if (VML_LIKELY(results == RESULTS)) {
            memcpy(&call->x[RESULTS], &kept[RESULTS], sizeof(kept) - RESULTS * sizeof(kept[0]));
        } else {
            for (unsigned i = results; i < ARGUMENTS; i++) {
                call->x[i] = kept[i];
            }
        }
        for (unsigned i = 1; is_32 && i < 4; i++) {
            if (call->x[i] == (uint32_t)kept[i]) {
                call->x[i] = kept[i];
            }
        }
    }
    if (vml_debug_watched(call->cpu->config.debug)) {
        watch(call, fid, kept[1], results != 0);
    }
    return VML_OK;
}
