/* CPUID: Intel SDM volume 2A, and KVM's leaves at 0x40000000. */
#include <vml/x86_cpuid.h>

#define LEAF(n, a, b, c, d)                                                                        \
    {                                                                                              \
        .leaf = (n), .reg = {(a), (b), (c), (d) }                                                  \
    }
#define SUBLEAF(n, sub, a, b, c, d)                                                                \
    {                                                                                              \
        .leaf = (n), .subleaf = (sub), .indexed = true, .reg = {(a), (b), (c), (d) }               \
    }

/* Leaf 1 ECX: SSE3, PCLMULQDQ, SSSE3, CX16, SSE4.1, SSE4.2, x2APIC, MOVBE, POPCNT, TSC deadline,
 * AES, RDRAND, hypervisor. */
#define BASE_ECX 0xc3f82203u
/* Leaf 1 EDX: FPU to SSE2 without PSN and DS, HTT is added by the number of vCPUs. */
#define BASE_EDX 0x078bfbffu

/* LAHF, and LZCNT where the level has it. */
#define VENDOR_LEAVES(ext_ecx)                                                                     \
    LEAF(0x80000000, 0x80000008, 0x756e6547, 0x6c65746e, 0x49656e69),                              \
        LEAF(0x80000001, 0, 0, (ext_ecx), 0x28100800), LEAF(0x80000008, 0x00003028, 0, 0, 0),      \
        LEAF(0x40000000, 0x40000001, 0x4b4d564b, 0x564b4d56, 0x0000004d),                          \
        LEAF(0x40000001, 0x01000008, 0, 0, 0)

static const struct vml_x86_cpu_model models[] = {
    {
        .name = "x86-64",
        .leaves = {LEAF(0, 0xd, 0x756e6547, 0x6c65746e, 0x49656e69),
                   LEAF(1, 0x000106a5, 0x00000800, BASE_ECX, BASE_EDX),
                   SUBLEAF(7, 0, 0, 0x00000002, 0, 0x2c000000), VENDOR_LEAVES(0x01)},
        .count = 8,
    },
    {
        .name = "x86-64-v3",
        .leaves = {LEAF(0, 0xd, 0x756e6547, 0x6c65746e, 0x49656e69),
                   LEAF(1, 0x000306c3, 0x00000800, BASE_ECX | 0x34001000, BASE_EDX),
                   SUBLEAF(7, 0, 0, 0x0000012a, 0, 0xac000000), SUBLEAF(0xd, 0, 7, 0x340, 0x340, 0),
                   SUBLEAF(0xd, 1, 0, 0, 0, 0), SUBLEAF(0xd, 2, 0x100, 0x240, 0, 0),
                   VENDOR_LEAVES(0x21)},
        .count = 11,
    },
};

struct bit {
    uint8_t feature;
    uint8_t reg;
    uint32_t leaf, mask;
};

static const struct bit bits[] = {
    {VML_X86_FEATURE_X2APIC, VML_X86_ECX, 1, 1u << 21},
    {VML_X86_FEATURE_TSC_DEADLINE, VML_X86_ECX, 1, 1u << 24},
    {VML_X86_FEATURE_MTRR, VML_X86_EDX, 1, 1u << 12},
    {VML_X86_FEATURE_PAT, VML_X86_EDX, 1, 1u << 16},
    {VML_X86_FEATURE_MCE, VML_X86_EDX, 1, 1u << 7 | 1u << 14},
    {VML_X86_FEATURE_XSAVE, VML_X86_ECX, 1, 1u << 26},
    {VML_X86_FEATURE_AVX, VML_X86_ECX, 1, 1u << 12 | 1u << 28 | 1u << 29},
    {VML_X86_FEATURE_AVX, VML_X86_EBX, 7, 1u << 5},
    {VML_X86_FEATURE_NX, VML_X86_EDX, 0x80000001, 1u << 20},
    {VML_X86_FEATURE_SYSCALL, VML_X86_EDX, 0x80000001, 1u << 11},
    {VML_X86_FEATURE_RDTSCP, VML_X86_EDX, 0x80000001, 1u << 27},
    {VML_X86_FEATURE_TSC_ADJUST, VML_X86_EBX, 7, 1u << 1},
    {VML_X86_FEATURE_SPEC_CTRL, VML_X86_EDX, 7, 1u << 26 | 1u << 27 | 1u << 31},
    {VML_X86_FEATURE_ARCH_CAPS, VML_X86_EDX, 7, 1u << 29},
    {VML_X86_FEATURE_RDRAND, VML_X86_ECX, 1, 1u << 30},
    {VML_X86_FEATURE_RDRAND, VML_X86_EBX, 7, 1u << 18},
    {VML_X86_FEATURE_VMX, VML_X86_ECX, 1, 1u << 5},
    {VML_X86_FEATURE_KVMCLOCK, VML_X86_EAX, 0x40000001, 1u << 0 | 1u << 3 | 1u << 24},
};

static const struct vml_x86_leaf *find(const struct vml_x86_cpu_model *model, uint32_t leaf,
                                       uint32_t subleaf)
{
    for (uint32_t i = 0; i < model->count; i++) {
        const struct vml_x86_leaf *l = &model->leaves[i];

        if (l->leaf == leaf && (!l->indexed || l->subleaf == subleaf)) {
            return l;
        }
    }
    return NULL;
}

const struct vml_x86_cpu_model *vml_x86_cpu_model_at(uint32_t index)
{
    return index < VML_ARRAY_SIZE(models) ? &models[index] : NULL;
}

const struct vml_x86_cpu_model *vml_x86_cpu_model_find(const char *name)
{
    for (size_t i = 0; i < VML_ARRAY_SIZE(models); i++) {
        const char *a = models[i].name, *b = name;

        while (*a && *a == *b) {
            a++;
            b++;
        }
        if (*a == *b) {
            return &models[i];
        }
    }
    return NULL;
}

static void hide_one(struct vml_x86_cpu_model *model, unsigned feature)
{
    for (size_t i = 0; i < VML_ARRAY_SIZE(bits); i++) {
        for (uint32_t k = 0; k < model->count && bits[i].feature == feature; k++) {
            if (model->leaves[k].leaf == bits[i].leaf && model->leaves[k].subleaf == 0) {
                model->leaves[k].reg[bits[i].reg] &= ~bits[i].mask;
            }
        }
    }
}

/* The AVX state component: 2, of 256 bytes behind the legacy area and the header. */
static void hide_avx_state(struct vml_x86_cpu_model *model, bool all)
{
    for (uint32_t i = 0; i < model->count; i++) {
        struct vml_x86_leaf *l = &model->leaves[i];

        if (l->leaf != 0xd) {
            continue;
        }
        if (all || l->subleaf == 2) {
            memset(l->reg, 0, sizeof(l->reg));
        } else if (l->subleaf == 0) {
            l->reg[VML_X86_EAX] &= ~4u;
            l->reg[VML_X86_EBX] = 0x240;
            l->reg[VML_X86_ECX] = 0x240;
        }
    }
}

enum vml_status vml_x86_cpu_model_hide(struct vml_x86_cpu_model *model,
                                       enum vml_x86_feature feature)
{
    if ((unsigned)feature >= VML_X86_FEATURE_COUNT) {
        return VML_ERR_INVALID;
    }
    hide_one(model, feature);
    if (feature == VML_X86_FEATURE_XSAVE) {
        hide_one(model, VML_X86_FEATURE_AVX);
        hide_avx_state(model, true);
    } else if (feature == VML_X86_FEATURE_AVX) {
        hide_avx_state(model, false);
    }
    return VML_OK;
}

bool vml_x86_cpu_model_has(const struct vml_x86_cpu_model *model, enum vml_x86_feature feature)
{
    for (size_t i = 0; i < VML_ARRAY_SIZE(bits); i++) {
        const struct vml_x86_leaf *l = find(model, bits[i].leaf, 0);

        if (bits[i].feature == feature && l && (l->reg[bits[i].reg] & bits[i].mask)) {
            return true;
        }
    }
    return false;
}

enum vml_status vml_x86_cpu_model_mask(struct vml_x86_cpu_model *model, uint32_t leaf,
                                       uint32_t subleaf, enum vml_x86_reg reg, uint32_t clear,
                                       uint32_t set)
{
    struct vml_x86_leaf *l;
    uint32_t i = 0;

    if ((unsigned)reg > VML_X86_EDX) {
        return VML_ERR_INVALID;
    }
    while (i < model->count && find(model, leaf, subleaf) != &model->leaves[i]) {
        i++;
    }
    if (i == VML_X86_LEAVES) {
        return VML_ERR_NO_SPACE;
    }
    l = &model->leaves[i];
    if (i == model->count) {
        *l = (struct vml_x86_leaf){.leaf = leaf, .subleaf = subleaf, .indexed = subleaf != 0};
        model->count++;
    }
    l->reg[reg] = (l->reg[reg] & ~clear) | set;
    return VML_OK;
}

/* Leaf 0xB: threads (one a core), then cores. */
static void topology(const struct vml_x86_cpuid_context *context, uint32_t subleaf, uint32_t out[4])
{
    uint32_t shift = 0;

    while (shift < 31 && (1u << shift) < context->cpus) {
        shift++;
    }
    out[VML_X86_ECX] = (subleaf & 0xff);
    out[VML_X86_EDX] = context->apic_id;
    if (subleaf == 0) {
        out[VML_X86_EBX] = 1;
        out[VML_X86_ECX] |= 1u << 8;
    } else if (subleaf == 1) {
        out[VML_X86_EAX] = shift;
        out[VML_X86_EBX] = context->cpus;
        out[VML_X86_ECX] |= 2u << 8;
    }
}

static void adjust(const struct vml_x86_cpu_model *model,
                   const struct vml_x86_cpuid_context *context, uint32_t leaf, uint32_t subleaf,
                   uint32_t out[4])
{
    uint32_t cpus = context->cpus < 255 ? context->cpus : 255;

    if (leaf == 1) {
        out[VML_X86_EBX] = (out[VML_X86_EBX] & 0xffff) | cpus << 16 | context->apic_id << 24;
        out[VML_X86_EDX] |= context->cpus > 1 ? 1u << 28 : 0;
        if ((context->cr4 >> 18 & 1) && (out[VML_X86_ECX] >> 26 & 1)) {
            out[VML_X86_ECX] |= 1u << 27;
        }
    } else if (leaf == 0xb) {
        topology(context, subleaf, out);
    } else if (leaf == 0xd && subleaf == 0 && vml_x86_cpu_model_has(model, VML_X86_FEATURE_XSAVE)) {
        out[VML_X86_EBX] = context->xcr0 & 4 ? 0x340 : 0x240;
    }
}

void vml_x86_cpuid(const struct vml_x86_cpu_model *model,
                   const struct vml_x86_cpuid_context *context, uint32_t leaf, uint32_t subleaf,
                   uint32_t out[4])
{
    const struct vml_x86_leaf *l;

    memset(out, 0, 4 * sizeof(out[0]));
    /* Above the highest basic leaf the highest one answers; hypervisor and extended leaves do not
     * count as basic. */
    if (leaf < 0x40000000 || leaf > 0x80000008) {
        l = find(model, 0, 0);
        if (l && leaf > l->reg[VML_X86_EAX]) {
            leaf = l->reg[VML_X86_EAX];
        }
    }
    l = find(model, leaf, subleaf);
    if (l) {
        memcpy(out, l->reg, sizeof(l->reg));
    }
    adjust(model, context, leaf, subleaf, out);
}
