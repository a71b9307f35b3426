/* The table of semantic functions that decoded operations index. */
#include "simd_list.h"

#define LIST_ENTRY(name, flags, mnemonic) {a64_simd_##name, flags, mnemonic},

const struct a64_simd_entry a64_simd_table[] = {A64_SIMD_LIST(LIST_ENTRY)};

const uint16_t a64_simd_table_size = SIMD_FN_COUNT;
