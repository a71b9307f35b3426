/* The parts of ELF64 (System V gABI 4.1, chapters 4 and 5) that loading needs. */
#ifndef VML_LOADER_ELF_H
#define VML_LOADER_ELF_H

#include <vml/loader.h>

enum vml_status elf_inspect(struct vml_image *image);
enum vml_status elf_load(struct vml_as *as, const struct vml_image *image);

#endif
