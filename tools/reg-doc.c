/*
 * Prints the libraries' register tables for the API reference: each becomes part of its library's page.
 * The list of tables is made by tools/reg-doc-tables from the public headers.
 */
#include <inttypes.h>
#include <stdio.h>
#include <vml/arm_sysreg.h>
#include <vml/regs.h>
#include <vml/x86_msr.h>

#include "reg-doc-tables.h"

static void begin(const char *group, const char *symbol, const char *brief)
{
    printf("/** @addtogroup %s\n * <h3>%s</h3>\n * %s\n * <table class=\"doxtable\">\n", group,
           symbol, brief);
}

static void head(const char *where, const char *width)
{
    printf(" * <tr><th>%s<th>Register%s<th>Access<th>Reset<th>Writable bits\n", where, width);
}

static void end(void)
{
    printf(" * </table>\n */\n\n");
}

static void print_bits(uint64_t mask)
{
    const char *comma = "";

    if (mask == 0) {
        printf("none");
    }
    for (int high = 63; high >= 0; high--) {
        int low = high;

        if ((mask >> high & 1) == 0) {
            continue;
        }
        while (low > 0 && (mask >> (low - 1) & 1) != 0) {
            low--;
        }
        if (high == low) {
            printf("%s%d", comma, high);
        } else {
            printf("%s%d:%d", comma, high, low);
        }
        comma = ", ";
        high = low;
    }
}

static const char *access_of(const struct vml_reg *reg)
{
    static const char *const names[] = {"RW", "RO", "WO", "W1C", "W1S", "RAZ/WI"};

    return (unsigned)reg->kind < VML_ARRAY_SIZE(names) ? names[reg->kind] : "?";
}

static void print_sizes(const struct vml_reg *reg)
{
    const char *comma = "";

    for (unsigned size = 1; size <= 8; size *= 2) {
        if ((reg->sizes & size) != 0) {
            printf("%s%u", comma, 8 * size);
            comma = ", ";
        }
    }
}

/* What is read at first is in the row where it is kept or is a constant; a hook may compute another. */
static bool reset_is_known(const struct vml_reg *reg)
{
    return reg->kind != VML_REG_WO && (reg->read == NULL || reg->state != VML_REG_NO_STATE ||
                                       (reg->kind == VML_REG_RO && reg->reset != 0));
}

static void print_row(const struct vml_reg *reg)
{
    uint64_t all = UINT64_MAX >> (64 - 8 * reg->width);

    printf(" * <tr><td>0x%03" PRIx32, reg->offset);
    if (reg->count > 1) {
        printf(" + %u n", reg->stride != 0 ? reg->stride : reg->width);
    }
    printf("<td>%s", reg->name);
    if (reg->count > 1) {
        printf(" n, n &lt; %" PRIu32, reg->count);
    }
    printf("<td>%u<td>", 8u * reg->width);
    print_sizes(reg);
    printf("<td>%s<td>", access_of(reg));
    if (reset_is_known(reg)) {
        printf("0x%" PRIx64, reg->reset);
    } else {
        printf("-");
    }
    printf("<td>");
    print_bits(reg->kind == VML_REG_RO || reg->kind == VML_REG_RAZ ? 0 : reg->write_mask & all);
    printf("\n");
}

static void print_table(const char *group, const char *symbol, const char *brief,
                        const struct vml_reg_table *table)
{
    begin(group, symbol, brief);
    head("Offset", "<th>Bits<th>Accesses, bits");
    for (uint32_t i = 0; i < table->row_count; i++) {
        print_row(&table->rows[i]);
    }
    printf(" * <tr><td>others<td colspan=\"6\">%s\n",
           table->unknown_raz_wi ? "read as zero, writes ignored" : "fault");
    end();
}

static void print_arm(void)
{
    static const char *const names[] = {"RO", "RW", "RAZ/WI", "WO", "RW", "special"};
    uint32_t count;
    const struct vml_arm_sysreg *row = vml_arm_sysreg_table(&count);

    begin("vml_msr", "vml_arm_sysreg_table()", "Arm system registers: op0, op1, CRn, CRm, op2.");
    head("Encoding", "");
    for (uint32_t i = 0; i < count; i++, row++) {
        uint32_t n = row->sysreg >> 3;

        printf(" * <tr><td>%u, %u, %u, %u, %u<td>%s%s<td>%s<td>", n >> 14 & 3, n >> 11 & 7,
               n >> 7 & 15, n >> 3 & 15, n & 7, row->name,
               row->feature != VML_ARM_FEATURE_COUNT ? " (with its feature)" : "",
               row->kind < VML_ARRAY_SIZE(names) ? names[row->kind] : "?");
        if (row->id != VML_ARM_ID_COUNT) {
            printf("of the CPU model");
        } else {
            printf("0x%" PRIx64, row->reset);
        }
        printf("<td>");
        print_bits(row->write_mask);
        printf("\n");
    }
    end();
}

static void print_x86(void)
{
    static const char *const names[] = {"RO", "RW", "WO", "RW", "RW", "special"};
    uint32_t count;
    const struct vml_x86_msr *row = vml_x86_msr_table(&count);

    begin("vml_msr", "vml_x86_msr_table()", "x86 model-specific registers.");
    head("Number", "");
    for (uint32_t i = 0; i < count; i++, row++) {
        printf(" * <tr><td>0x%03" PRIx32 "<td>%s%s<td>%s<td>0x%" PRIx64 "<td>", row->number,
               row->name, row->feature != VML_X86_FEATURE_COUNT ? " (with its feature)" : "",
               row->kind < VML_ARRAY_SIZE(names) ? names[row->kind] : "?", row->reset);
        print_bits(row->write_mask);
        printf("\n");
    }
    end();
}

int main(void)
{
    printf("/** @page vml_registers Register tables\n * What the guest finds at which offset. Each "
           "table "
           "is printed from the one that the library\n * itself decodes accesses by.\n *\n");
#define TABLE(group, symbol, brief) printf(" * - @ref " group " \"" #symbol "\": %s\n", brief);
    REG_DOC_TABLES
#undef TABLE
    printf(" * - @ref vml_msr \"vml_arm_sysreg_table()\": Arm system registers\n"
           " * - @ref vml_msr \"vml_x86_msr_table()\": x86 model-specific registers\n */\n\n");
#define TABLE(group, symbol, brief) print_table(group, #symbol, brief, &symbol);
    REG_DOC_TABLES
    print_arm();
    print_x86();
    return 0;
}
