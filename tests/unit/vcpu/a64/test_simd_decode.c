/* What is allocated and what is not, and the form of decoded operands (DDI 0487 C4.1). */
#include "simd_support.h"
#include "test.h"

struct encoding {
    uint32_t insn;
    const char *name; /* NULL: unallocated */
};

static void check(const struct encoding *e, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *name = simd_mnemonic(e[i].insn, SIMD_ALL);

        if (e[i].name == NULL ? name != NULL : name == NULL || strcmp(name, e[i].name) != 0) {
            fail_msg("%08x: %s", e[i].insn, name == NULL ? "unallocated" : name);
        }
    }
}

#define CHECK(table) check(table, sizeof(table) / sizeof((table)[0]))

static void test_vector_sizes(void **state)
{
    static const struct encoding table[] = {
        {0x4e228420u, "add"},     {0x4ee28420u, "add"},   {0x0ee28420u, NULL}, /* 1D */
        {0x5ee28420u, "add"},     {0x5ea28420u, NULL},                         /* scalar, not D */
        {0x4ea29420u, "mla"},     {0x4ee29420u, NULL},                         /* 2D */
        {0x6e229c20u, "pmul"},    {0x6e629c20u, NULL}, /* PMUL of halfwords */
        {0x4e62b420u, "sqdmulh"}, {0x4e22b420u, NULL},    {0x4ee2b420u, NULL},
        {0x4e22d420u, "fadd"},    {0x4e62d420u, "fadd"},  {0x0e62d420u, NULL}, /* 1D */
        {0x0e22d420u, "fadd"},    {0x6e22bc20u, NULL},                         /* ADDP with U */
        {0x4ee2bc20u, "addp"},    {0x0ee2bc20u, NULL},    {0x0e221c20u, "and"},
        {0x6ee21c20u, "bif"},     {0x4ea21c41u, "mov"},   {0x4ea31c41u, "orr"},
        {0x6e224c20u, "uqshl"},   {0x7e224c20u, "uqshl"}, {0x7e222420u, NULL},
        {0x4e220c20u, "sqadd"},   {0x0ee20c20u, NULL},    {0x5ee20c20u, "sqadd"},
    };

    CHECK(table);
}

static void test_two_registers_and_across(void **state)
{
    static const struct encoding table[] = {
        {0x4e200820u, "rev64"},  {0x4ee00820u, NULL},     {0x4e201820u, "rev16"},
        {0x4e601820u, NULL},     {0x6e600820u, "rev32"},  {0x6ea00820u, NULL},
        {0x4e205820u, "cnt"},    {0x4e605820u, NULL},     {0x6e205820u, "not"},
        {0x6e605820u, "rbit"},   {0x6ea05820u, NULL},     {0x0e212820u, "xtn"},
        {0x0ee12820u, NULL},     {0x6e213820u, "ushll"},  {0x6ee13820u, NULL},
        {0x4ea1c820u, "urecpe"}, {0x4ee1c820u, NULL},     {0x2e216820u, NULL}, /* FCVTXN, sz 0 */
        {0x2e616820u, "fcvtxn"}, {0x4e616820u, "fcvtn"},  {0x4ee0f820u, "fabs"},
        {0x0ee0f820u, NULL},     {0x5ee1f820u, "frecpx"}, {0x4ee1f820u, NULL},
        {0x4e31b820u, "addv"},   {0x4eb1b820u, "addv"},   {0x0eb1b820u, NULL}, /* 2S */
        {0x4ef1b820u, NULL},     {0x6e31b820u, NULL},     {0x6e30f820u, "fmaxv"},
        {0x2e30f820u, NULL},     {0x6e70f820u, NULL},     {0x0e30f820u, "fmaxv"},
        {0x0e70f820u, NULL},     {0x5ef1b820u, "addp"},   {0x5eb1b820u, NULL},
        {0x7e30d820u, "faddp"},  {0x7eb0d820u, NULL},     {0x5e30d820u, "faddp"},
        {0x5e70d820u, NULL},     {0x4e285820u, "aesd"},   {0x4e685820u, NULL},
        {0x5e280820u, "sha1h"},  {0x5e283820u, NULL},     {0x5ef8f820u, NULL},
        {0x0ef9f820u, NULL},     {0x5ef9f820u, "frecpx"}, {0x0ef8f820u, "fabs"},
        {0x5ee0b820u, "abs"},    {0x5ea0b820u, NULL},     {0x7e212820u, "sqxtun"},
        {0x5e212820u, NULL},     {0x7ee12820u, NULL},     {0x4e21e820u, "frint32/64"},
        {0x0e61e820u, NULL},
    };

    CHECK(table);
}

static void test_shifts_copies_permutes_and_immediates(void **state)
{
    static const struct encoding table[] = {
        {0x4f0f0420u, "sshr"},  {0x0f400420u, NULL},      {0x4f400420u, "sshr"},
        {0x5f400420u, "sshr"},  {0x5f3f0420u, NULL},      {0x0f0f8420u, "shrn"},
        {0x0f408420u, NULL},    {0x7f0f8420u, "sqshrun"}, {0x5f0f8420u, NULL},
        {0x0f08a420u, "sshll"}, {0x4f40a420u, NULL},      {0x5f08a420u, NULL},
        {0x0f08e420u, NULL},    {0x4f21e420u, "scvtf"},   {0x0f41e420u, NULL},
        {0x4f116420u, NULL},    {0x6f116420u, "sqshlu"},  {0x4f114420u, NULL},
        {0x6f114420u, "sri"},   {0x4e010420u, "dup"},     {0x4e000420u, NULL},
        {0x0e080420u, NULL},    {0x4e080420u, "dup"},     {0x4e100420u, NULL},
        {0x5e010420u, "dup"},   {0x5e011420u, NULL},      {0x0e080c20u, NULL},
        {0x4e080c20u, "dup"},   {0x4e011c20u, "ins"},     {0x0e011c20u, NULL},
        {0x0e042c20u, NULL},    {0x4e042c20u, "smov"},    {0x4e082c20u, NULL},
        {0x0e083c20u, NULL},    {0x4e083c20u, "umov"},    {0x4e043c20u, NULL},
        {0x6e010420u, "ins"},   {0x2e010420u, NULL},      {0x0e010c20u, "dup"},
        {0x4e012420u, NULL},    {0x0ec01820u, NULL},      {0x4ec01820u, "uzp1"},
        {0x4e000820u, NULL},    {0x4e004820u, NULL},      {0x6e004020u, "ext"},
        {0x2e004020u, NULL},    {0x2e003820u, "ext"},     {0x6e404020u, NULL},
        {0x4e000020u, "tbl"},   {0x4e001020u, "tbx"},     {0x4e400020u, NULL},
        {0x4f00e420u, "movi"},  {0x2f00e420u, "movi"},    {0x2f00f420u, NULL}, /* FMOV 1D */
        {0x6f00f420u, "fmov"},  {0x0f00fc20u, "fmov"},    {0x2f00fc20u, NULL},
        {0x0f00ec20u, NULL},    {0x0f001420u, "orr"},     {0x2f009420u, "bic"},
        {0x0f00d420u, "movi"},  {0x5f000420u, NULL},      {0x6f00c420u, "mvni"},
    };

    CHECK(table);
}

static void test_three_different_and_by_element(void **state)
{
    static const struct encoding table[] = {
        {0x0e220020u, "saddl"},   {0x0ee20020u, NULL},       {0x5e220020u, NULL},
        {0x0e629020u, "sqdmlal"}, {0x0e229020u, NULL},       {0x5e629020u, "sqdmlal"},
        {0x2e629020u, NULL},      {0x0e22e020u, "pmull"},    {0x0e62e020u, NULL},
        {0x4ee2e020u, "pmull"},   {0x2e22e020u, NULL},       {0x4e22f020u, NULL},
        {0x4f428020u, "mul"},     {0x4f028020u, NULL},       {0x4fc28020u, NULL},
        {0x5f428020u, NULL},      {0x5f42c020u, "sqdmulh"},  {0x4fc21020u, "fmla"},
        {0x4fe21020u, NULL},      {0x0fc21020u, NULL},       {0x0f421020u, NULL},
        {0x0f021020u, "fmla"},    {0x5fc29020u, "fmul"},     {0x6f821020u, "fcmla"},
        {0x2f821020u, NULL},      {0x6fa21020u, NULL},       {0x2f421020u, "fcmla"},
        {0x2f421820u, NULL},      {0x6fc21020u, NULL},       {0x7f821020u, NULL},
        {0x0f82e020u, "sdot"},    {0x0f42e020u, NULL},       {0x5f82e020u, NULL},
        {0x0f820020u, "fmlal"},   {0x0fc20020u, NULL},       {0x0f02f020u, "sudot"},
        {0x0f82f020u, "usdot"},   {0x2f42d020u, "sqrdmlah"}, {0x2f02d020u, NULL},
        {0x2e829420u, "udot"},    {0x2e828420u, "sqrdmlah"}, {0x2e028420u, NULL},
        {0x4e829420u, "sdot"},    {0x4e829c20u, "usdot"},    {0x0e429420u, NULL},
        {0x4e82a420u, "smmla"},   {0x0e82a420u, NULL},       {0x2ec2e420u, NULL},
        {0x6ec2e420u, "fcadd"},   {0x6e02e420u, NULL},       {0x6e42ec20u, NULL}, /* BFMMLA */
    };

    CHECK(table);
}

static void test_scalar_floating_point(void **state)
{
    static const struct encoding table[] = {
        {0x1e222820u, "fadd"},  {0x1e622820u, "fadd"},    {0x1ee22820u, "fadd"},
        {0x1ea22820u, NULL},    {0x3e222820u, NULL},      {0x9e222820u, NULL},
        {0x1e229820u, NULL},    {0x1e228820u, "fnmul"},   {0x1f020820u, "fmadd"},
        {0x1fa20820u, NULL},    {0x1e204020u, "fmov"},    {0x1ea04020u, NULL},
        {0x1e22c020u, "fcvt"},  {0x1e224020u, NULL},      {0x1e23c020u, "fcvt"},
        {0x1ee3c020u, NULL},    {0x1e26c020u, NULL},      {0x1e284020u, "frint32/64"},
        {0x1ee84020u, NULL},    {0x1e2a4020u, NULL},      {0x1e222020u, "fcmp"},
        {0x1e222021u, NULL},    {0x1e226020u, NULL},      {0x1e201000u, "fmov"},
        {0x1e201020u, NULL},    {0x1e220420u, "fccmp"},   {0x1ea20420u, NULL},
        {0x1e220c20u, "fcsel"}, {0x9e220c20u, NULL},      {0x1e02fc20u, "scvtf"},
        {0x1e027c20u, NULL},    {0x9e027c20u, "scvtf"},   {0x1e0afc20u, NULL},
        {0x1e18fc20u, "fcvts"}, {0x1e00fc20u, NULL},      {0x1e220020u, "scvtf"},
        {0x1e2a0020u, NULL},    {0x1e240020u, "fcvts"},   {0x1e2c0020u, NULL},
        {0x1e260020u, "fmov"},  {0x9e260020u, NULL},      {0x9e660020u, "fmov"},
        {0x1e660020u, NULL},    {0x9eae0020u, "fmov"},    {0x1eae0020u, NULL},
        {0x9eaf0020u, "fmov"},  {0x9e6e0020u, NULL},      {0x1ee60020u, "fmov"},
        {0x9ee60020u, "fmov"},  {0x1e7e0020u, "fjcvtzs"}, {0x9e7e0020u, NULL},
        {0x1e3e0020u, NULL},
    };

    CHECK(table);
}

static void test_cryptographic(void **state)
{
    static const struct encoding table[] = {
        {0xce020c20u, "eor3"},   {0xce028c20u, NULL},        {0xce220c20u, "bcax"},
        {0xce420c20u, "sm3ss1"}, {0xce620c20u, NULL},        {0xce820c20u, "xar"},
        {0xcea20c20u, NULL},     {0xce428020u, "sm3tt1a"},   {0xce628020u, "sha512h"},
        {0xce629020u, NULL},     {0xcec08020u, "sha512su0"}, {0xcec08420u, "sm4e"},
        {0xcec08820u, NULL},     {0xcec18020u, NULL},        {0x5e020020u, "sha1c"},
        {0x5e027020u, NULL},     {0x5e420020u, NULL},
    };

    CHECK(table);
}

/* Each optional instruction is unallocated without its feature, and with all the others. */
static void test_features_gate_their_instructions(void **state)
{
    static const struct {
        uint32_t insn;
        uint64_t feature;
    } table[] = {
        {0x2e828420u, A64_FEAT_RDM},
        {0x2f42d020u, A64_FEAT_RDM},
        {0x1ee22820u, A64_FEAT_FP16},
        {0x4e421420u, A64_FEAT_FP16},
        {0x4ef8f820u, A64_FEAT_FP16},
        {0x0f00fc20u, A64_FEAT_FP16},
        {0x1ee60020u, A64_FEAT_FP16},
        {0x4f11e420u, A64_FEAT_FP16},
        {0x0e30f820u, A64_FEAT_FP16},
        {0x5e30d820u, A64_FEAT_FP16},
        {0x0f021020u, A64_FEAT_FP16},
        {0x2f421020u, A64_FEAT_FP16},
        {0x2e42c420u, A64_FEAT_FP16},
        {0x0e829420u, A64_FEAT_DOTPROD},
        {0x0f82e020u, A64_FEAT_DOTPROD},
        {0x4e829c20u, A64_FEAT_I8MM},
        {0x4ea29420u, 0},
        {0x4e284820u, A64_FEAT_AES},
        {0x4ee2e020u, A64_FEAT_PMULL},
        {0x0e22e020u, 0},
        {0x5e020020u, A64_FEAT_SHA1},
        {0x5e282820u, A64_FEAT_SHA256},
        {0xce628020u, A64_FEAT_SHA512},
        {0xce020c20u, A64_FEAT_SHA3},
        {0xce628c20u, A64_FEAT_SHA3},
        {0xce428020u, A64_FEAT_SM3},
        {0xcec08420u, A64_FEAT_SM4},
        {0x2e82c420u, A64_FEAT_FCMA},
        {0x2f421020u, A64_FEAT_FCMA},
        {0x1e7e0020u, A64_FEAT_JSCVT},
        {0x0e22ec20u, A64_FEAT_FHM},
        {0x0f820020u, A64_FEAT_FHM},
        {0x1e284020u, A64_FEAT_FRINTTS},
        {0x4e21e820u, A64_FEAT_FRINTTS},
        {0x4e82a420u, A64_FEAT_I8MM},
        {0x0f82f020u, A64_FEAT_I8MM},
    };

    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        const bool with = simd_mnemonic(table[i].insn, SIMD_ALL) != NULL;
        const bool without = simd_mnemonic(table[i].insn, SIMD_ALL & ~table[i].feature) != NULL;
        const bool baseline = simd_mnemonic(table[i].insn, 0) != NULL;

        if (!with || without != (table[i].feature == 0) || baseline != (table[i].feature == 0)) {
            fail_msg("%08x: %d %d %d", table[i].insn, with, without, baseline);
        }
    }
    /* conversions to and from half precision are always there */
    assert_string_equal(simd_mnemonic(0x1e23c020u, 0), "fcvt");
    assert_string_equal(simd_mnemonic(0x0e216820u, 0), "fcvtn");
}

/* Encoding 31 of a general register is the zero register, as a slot of its own each way. */
static void test_general_register_31(void **state)
{
    struct a64_simd_op op;

    assert_true(a64_simd_decode(0x9e67001fu | 31u << 5, 0, &op)); /* FMOV D31, XZR */
    assert_int_equal(op.rn, A64_X_ZERO);
    assert_int_equal(op.rd, 31);
    assert_true(a64_simd_decode(0x9e6603ffu, 0, &op)); /* FMOV XZR, D31 */
    assert_int_equal(op.rd, A64_X_SINK);
    assert_int_equal(op.rn, 31);
    assert_true(a64_simd_decode(0x4e080fe0u, 0, &op)); /* DUP V0.2D, XZR */
    assert_int_equal(op.rn, A64_X_ZERO);
    assert_true(a64_simd_decode(0x0e013c1fu, 0, &op)); /* UMOV WZR, V0.B[0] */
    assert_int_equal(op.rd, A64_X_SINK);
}

/* Nothing outside of the class decodes, and whatever decodes is in the table. */
static void test_any_word(void **state)
{
    uint64_t seed = 5;

    for (unsigned i = 0; i < 1000000; i++) {
        const uint32_t insn = (uint32_t)simd_random(&seed);
        struct a64_simd_op op;

        if (a64_simd_decode(insn, i % 2 == 0 ? UINT64_MAX : simd_random(&seed), &op)) {
            assert_int_equal((insn >> 25) & 7u, 7);
            assert_true(op.fn < a64_simd_table_size);
            assert_true(op.rd < A64_X_SLOTS && op.rn < A64_X_SLOTS);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vector_sizes),
        cmocka_unit_test(test_two_registers_and_across),
        cmocka_unit_test(test_shifts_copies_permutes_and_immediates),
        cmocka_unit_test(test_three_different_and_by_element),
        cmocka_unit_test(test_scalar_floating_point),
        cmocka_unit_test(test_cryptographic),
        cmocka_unit_test(test_features_gate_their_instructions),
        cmocka_unit_test(test_general_register_31),
        cmocka_unit_test(test_any_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
