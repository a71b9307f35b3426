#include "private.h"

#define R64(name)  "<reg name=\"" name "\" bitsize=\"64\"/>"
#define R128(name) "<reg name=\"" name "\" bitsize=\"128\" type=\"uint128\"/>"
#define R32(name)  "<reg name=\"" name "\" bitsize=\"32\" type=\"int\"/>"
#define TEN(R, p, t)                                                                               \
    R(p t "0")                                                                                     \
    R(p t "1") R(p t "2") R(p t "3") R(p t "4") R(p t "5") R(p t "6") R(p t "7") R(p t "8")        \
        R(p t "9")

static const char xml[] =
    "<?xml version=\"1.0\"?><!DOCTYPE target SYSTEM \"gdb-target.dtd\">"
    "<target><architecture>aarch64</architecture>"
    "<feature name=\"org.gnu.gdb.aarch64.core\">" TEN(R64, "x", "") TEN(R64, "x", "1") TEN(R64, "x",
                                                                                           "2")
        R64("x30") "<reg name=\"sp\" bitsize=\"64\" type=\"data_ptr\"/>"
                   "<reg name=\"pc\" bitsize=\"64\" type=\"code_ptr\"/>" R32(
                       "cpsr") "</feature><feature name=\"org.gnu.gdb.aarch64.fpu\">" TEN(R128, "v",
                                                                                          "")
                       TEN(R128, "v", "1") TEN(R128, "v", "2") R128("v30") R128("v31") R32("fpsr")
                           R32("fpcr") "</feature></target>";

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
