#include "private.h"

/* clang-format off */
#define R64(name)  "<reg name=\"" name "\" bitsize=\"64\"/>"
#define R128(name) "<reg name=\"" name "\" bitsize=\"128\" type=\"uint128\"/>"
#define R32(name)  "<reg name=\"" name "\" bitsize=\"32\" type=\"int\"/>"
#define TEN(R, tens) \
    R(tens "0") R(tens "1") R(tens "2") R(tens "3") R(tens "4") \
    R(tens "5") R(tens "6") R(tens "7") R(tens "8") R(tens "9")

static const char xml[] =
    "<?xml version=\"1.0\"?><!DOCTYPE target SYSTEM \"gdb-target.dtd\">"
    "<target><architecture>aarch64</architecture>"
    "<feature name=\"org.gnu.gdb.aarch64.core\">"
    TEN(R64, "x") TEN(R64, "x1") TEN(R64, "x2") R64("x30")
    "<reg name=\"sp\" bitsize=\"64\" type=\"data_ptr\"/>"
    "<reg name=\"pc\" bitsize=\"64\" type=\"code_ptr\"/>"
    R32("cpsr")
    "</feature><feature name=\"org.gnu.gdb.aarch64.fpu\">"
    TEN(R128, "v") TEN(R128, "v1") TEN(R128, "v2") R128("v30") R128("v31")
    R32("fpsr") R32("fpcr")
    "</feature></target>";
/* clang-format on */

#define FOUR(x)    x, x, x, x
#define SIXTEEN(x) FOUR(x), FOUR(x), FOUR(x), FOUR(x)

static const uint8_t sizes[] = {
    SIXTEEN(8), SIXTEEN(8), 8, 4, SIXTEEN(16), SIXTEEN(16), 4, 4,
};
_Static_assert(sizeof(sizes) == VML_GDB_AARCH64_REGISTERS, "a size for each");

const struct vml_gdb_target vml_gdb_aarch64 = {
    .xml = xml,
    .xml_size = sizeof(xml) - 1,
    .register_sizes = sizes,
    .registers = VML_GDB_AARCH64_REGISTERS,
    .pc = VML_GDB_AARCH64_PC,
};
