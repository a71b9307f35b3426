/**
 * @file
 * @brief True random number generator firmware interface (DEN0098), 1.0.
 * @addtogroup vml_firmware
 * @{
 */
#ifndef VML_TRNG_H
#define VML_TRNG_H

#include <vml/smccc.h>

#ifdef __cplusplus
extern "C" {
#endif

/** @name Function identifiers
 * @{ */
#define VML_TRNG_VERSION  UINT32_C(0x84000050) /**< TRNG_VERSION */
#define VML_TRNG_FEATURES UINT32_C(0x84000051) /**< TRNG_FEATURES */
#define VML_TRNG_GET_UUID UINT32_C(0x84000052) /**< TRNG_GET_UUID */
#define VML_TRNG_RND32    UINT32_C(0x84000053) /**< TRNG_RND, up to 96 bits */
#define VML_TRNG_RND64    UINT32_C(0xc4000053) /**< TRNG_RND, up to 192 bits */
/** @} */

/** @name Return codes
 * @{ */
#define VML_TRNG_NOT_SUPPORTED      -1 /**< no such call */
#define VML_TRNG_INVALID_PARAMETERS -2 /**< too many bits, or none */
#define VML_TRNG_NO_ENTROPY         -3 /**< none now: the guest tries again */
/** @} */

/** @brief A source of entropy. */
struct vml_trng {
    /** Fills a buffer. NULL: vml_platform_entropy(). */
    enum vml_status (*entropy)(void *context, void *buffer, size_t len);
    void *context;    /**< given to `entropy` */
    uint32_t uuid[4]; /**< what TRNG_GET_UUID answers; the first is not 0xffffffff */
};

/** @brief Serves a call. @return false when there is no such call */
bool vml_trng_call(struct vml_trng *trng, uint32_t fid, struct vml_smccc_call *call);

#ifdef __cplusplus
}
#endif
/** @} */
#endif
