/**
 * @file
 * @brief What the KVM engine asks of the operating system, on Linux.
 *
 * Recalled vCPUs are interrupted by a signal, SIGUSR2 by default, whose handler does nothing.
 * @defgroup vml_linux_kvm KVM on Linux
 * @{
 */
#ifndef VML_LINUX_KVM_H
#define VML_LINUX_KVM_H

#include <vml/kvm.h>

#ifdef __cplusplus
extern "C" {
#endif

/** @brief Fills in the system calls, and installs the handler of the signal.
 * @param system to be filled in
 * @param signal number of the signal that this process does not use otherwise; 0: SIGUSR2
 * @return VML_OK; VML_ERR_UNSUPPORTED when this is not Linux on arm64, where KVM runs no A64 guests;
 * VML_ERR_INVALID for a signal that cannot be caught */
VML_MUST_CHECK enum vml_status vml_linux_kvm(struct vml_kvm_system *system, int signal);

/** @brief Why vml_linux_kvm() and an attempt to open /dev/kvm would fail, in a line for the user; NULL
 * when KVM is there. */
const char *vml_linux_kvm_unavailable(void);

/** @brief Makes an eventfd that does not block. @return a descriptor, or below 0 */
int vml_linux_eventfd(void);

#ifdef __cplusplus
}
#endif
/** @} */
#endif
