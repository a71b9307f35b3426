#include <vml/trng.h>

#define VERSION_1_0 INT64_C(0x10000)

static bool features(uint32_t fid)
{
    switch (fid) {
    case VML_TRNG_VERSION:
    case VML_TRNG_FEATURES:
    case VML_TRNG_GET_UUID:
    case VML_TRNG_RND32:
    case VML_TRNG_RND64:
        return true;
    default:
        return false;
    }
}

/* DEN0098, TRNG_RND: the lowest bits are in X3, then X2, then X1; those not asked for are zero. */
static void random_bits(struct vml_trng *trng, unsigned word_bits, struct vml_smccc_call *call)
{
    uint64_t bits = call->x[1];
    uint64_t words[3] = {0, 0, 0};
    enum vml_status status;

    if (bits == 0 || bits > 3u * word_bits) {
        vml_smccc_result(call, VML_TRNG_INVALID_PARAMETERS);
        return;
    }
    if (trng->entropy) {
        status = trng->entropy(trng->context, words, sizeof(words));
    } else {
        status = vml_platform_entropy(words, sizeof(words));
    }
    if (status != VML_OK) {
        vml_smccc_result(call, VML_TRNG_NO_ENTROPY);
        return;
    }
    for (unsigned i = 0; i < 3; i++) {
        uint64_t wanted = vml_min_u64(bits, word_bits);

        call->x[3 - i] = wanted ? words[i] & (UINT64_MAX >> (64 - wanted)) : 0;
        bits -= wanted;
    }
    vml_smccc_result(call, VML_SMCCC_SUCCESS);
}

bool vml_trng_call(struct vml_trng *trng, uint32_t fid, struct vml_smccc_call *call)
{
    switch (fid) {
    case VML_TRNG_VERSION:
        vml_smccc_result(call, VERSION_1_0);
        return true;
    case VML_TRNG_FEATURES:
        vml_smccc_result(call, features((uint32_t)call->x[1]) ? VML_SMCCC_SUCCESS
                                                              : VML_TRNG_NOT_SUPPORTED);
        return true;
    case VML_TRNG_GET_UUID:
        for (unsigned i = 0; i < 4; i++) {
            call->x[i] = trng->uuid[i];
        }
        return true;
    case VML_TRNG_RND32:
        random_bits(trng, 32, call);
        return true;
    case VML_TRNG_RND64:
        random_bits(trng, 64, call);
        return true;
    default:
        return false;
    }
}
