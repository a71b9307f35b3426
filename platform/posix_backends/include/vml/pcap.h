/**
 * @file
 * @brief A record of what goes over a network, in a file for packet analysers.
 *
 * It stands between a device and its network, either of which sees the other through it:
 *
 *     vml_pcap_open(&pcap, "frames.pcap");
 *     config.peer = vml_pcap_to_network(&pcap, &network);     the device's configuration
 *     end = vml_pcap_to_device(&pcap, &device);               the network's peer
 *
 * Frames are written as they pass, with the time of day, and whole: those that are still to be cut, or whose
 * checksum is still to be finished, are so in the file too. A frame that the other side refuses for now is in
 * it again when it is sent again.
 * @addtogroup vml_posix_backends
 * @{
 */
#ifndef VML_PCAP_H
#define VML_PCAP_H

#include <stdio.h>
#include <vml/net.h>
#include <vml/platform.h>

#ifdef __cplusplus
extern "C" {
#endif

/** @brief A record. Members are private. */
struct vml_pcap {
    struct vml_mutex lock;  /**< of the file */
    FILE *file;             /**< being written */
    bool failed;            /**< the disk is full, or the like */
    struct vml_net network; /**< where the device's frames go */
    struct vml_net device;  /**< where the network's go */
    uint8_t frame[65562];   /**< being written */
};

/** @brief Begins a file, in place of one of this name.
 * @return VML_ERR_NOT_FOUND, VML_ERR_ACCESS, VML_ERR_IO */
VML_MUST_CHECK enum vml_status vml_pcap_open(struct vml_pcap *pcap, const char *path);
/** @brief The network as the device sees it. @param network copied */
struct vml_net vml_pcap_to_network(struct vml_pcap *pcap, const struct vml_net *network);
/** @brief The device as the network sees it. @param device copied; nobody sends yet */
struct vml_net vml_pcap_to_device(struct vml_pcap *pcap, const struct vml_net *device);
/** @brief Ends the file. Nobody sends any more. @return VML_ERR_IO when not all could be written */
VML_MUST_CHECK enum vml_status vml_pcap_close(struct vml_pcap *pcap);

#ifdef __cplusplus
}
#endif
/** @} */
#endif
