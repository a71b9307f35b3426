#include "device_tree.h"
#include "layout.h"

#include <libfdt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum {
    PHANDLE_GIC = 1,
    PHANDLE_CLOCK,
    PHANDLE_V2M,
    PHANDLE_ITS,
    PHANDLE_GPIO,

    GIC_SPI = 0,
    GIC_PPI = 1,
    IRQ_EDGE_RISING = 1,
    IRQ_LEVEL_HIGH = 4,

    KEY_POWER = 116,
};

/* libfdt's sequential-write calls each return an error; the first one is kept. */
struct writer {
    void *fdt;
    int error;
};

static void keep_error(struct writer *w, int error)
{
    if (!w->error && error < 0) {
        w->error = error;
    }
}

static void begin(struct writer *w, const char *name)
{
    keep_error(w, fdt_begin_node(w->fdt, name));
}

static void begin_at(struct writer *w, const char *name, uint64_t address)
{
    char full[64];

    snprintf(full, sizeof(full), "%s@%llx", name, (unsigned long long)address);
    begin(w, full);
}

static void end(struct writer *w)
{
    keep_error(w, fdt_end_node(w->fdt));
}

static void cells(struct writer *w, const char *name, const uint32_t *values, size_t count)
{
    fdt32_t out[160];
    size_t i;

    if (count > sizeof(out) / sizeof(out[0])) {
        keep_error(w, -FDT_ERR_NOSPACE);
        return;
    }
    for (i = 0; i < count; i++) {
        out[i] = cpu_to_fdt32(values[i]);
    }
    keep_error(w, fdt_property(w->fdt, name, out, (int)(count * sizeof(out[0]))));
}

#define CELLS(w, name, ...)                                                                        \
    cells(w, name, (const uint32_t[]){__VA_ARGS__},                                                \
          sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))

static void u32(struct writer *w, const char *name, uint32_t value)
{
    keep_error(w, fdt_property_u32(w->fdt, name, value));
}

static void text(struct writer *w, const char *name, const char *value)
{
    keep_error(w, fdt_property(w->fdt, name, value, (int)strlen(value) + 1));
}

static void flag(struct writer *w, const char *name)
{
    keep_error(w, fdt_property(w->fdt, name, NULL, 0));
}

/* A list of strings, as one literal with a NUL between them. */
#define TEXTS(w, name, list) keep_error(w, fdt_property((w)->fdt, name, list, (int)sizeof(list)))

static uint32_t high(uint64_t v)
{
    return (uint32_t)(v >> 32);
}

static uint32_t low(uint64_t v)
{
    return (uint32_t)v;
}

static void reg(struct writer *w, uint64_t base, uint64_t size)
{
    CELLS(w, "reg", high(base), low(base), high(size), low(size));
}

static void cpus(struct writer *w, const struct vm_fdt_config *c)
{
    unsigned i;

    begin(w, "cpus");
    u32(w, "#address-cells", 2);
    u32(w, "#size-cells", 0);
    for (i = 0; i < c->cpus; i++) {
        begin_at(w, "cpu", c->mpidr[i]);
        text(w, "device_type", "cpu");
        text(w, "compatible", c->cpu_compatible);
        CELLS(w, "reg", high(c->mpidr[i]), low(c->mpidr[i]));
        text(w, "enable-method", "psci");
        end(w);
    }
    end(w);
    begin(w, "psci");
    TEXTS(w, "compatible", "arm,psci-1.0\0arm,psci-0.2");
    text(w, "method", "hvc");
    end(w);
}

static void timer(struct writer *w, const struct vm_fdt_config *c)
{
    /* With a GICv2, bits 15:8 of a PPI's flags are the CPUs that it is wired to. */
    uint32_t flags = IRQ_LEVEL_HIGH | (c->gic == 2 ? ((1u << c->cpus) - 1u) << 8 : 0u);

    begin(w, "timer");
    TEXTS(w, "compatible", "arm,armv8-timer\0arm,armv7-timer");
    CELLS(w, "interrupts", GIC_PPI, VM_PPI_SECURE_TIMER, flags, GIC_PPI, VM_PPI_PHYS_TIMER, flags,
          GIC_PPI, VM_PPI_VIRT_TIMER, flags, GIC_PPI, VM_PPI_HYP_TIMER, flags);
    flag(w, "always-on");
    end(w);
}

static void gicv2(struct writer *w)
{
    text(w, "compatible", "arm,cortex-a15-gic");
    CELLS(w, "reg", 0, low(VM_GICD_BASE), 0, low(VM_GICD_SIZE), 0, low(VM_GICC_BASE), 0,
          low(VM_GICC_SIZE));
    begin_at(w, "v2m", VM_GICV2M_BASE);
    text(w, "compatible", "arm,gic-v2m-frame");
    flag(w, "msi-controller");
    reg(w, VM_GICV2M_BASE, VM_GICV2M_SIZE);
    u32(w, "phandle", PHANDLE_V2M);
    end(w);
}

static void gicv3(struct writer *w, const struct vm_fdt_config *c)
{
    uint64_t frames = c->cpus * VM_GICR_CPU_SIZE;

    text(w, "compatible", "arm,gic-v3");
    CELLS(w, "reg", 0, low(VM_GICD_BASE), 0, low(VM_GICD_SIZE), 0, low(VM_GICR_BASE), 0,
          low(frames));
    begin_at(w, "its", VM_ITS_BASE);
    text(w, "compatible", "arm,gic-v3-its");
    flag(w, "msi-controller");
    u32(w, "#msi-cells", 1);
    reg(w, VM_ITS_BASE, VM_ITS_SIZE);
    u32(w, "phandle", PHANDLE_ITS);
    end(w);
}

static void gic(struct writer *w, const struct vm_fdt_config *c)
{
    begin_at(w, "intc", VM_GICD_BASE);
    flag(w, "interrupt-controller");
    u32(w, "#interrupt-cells", 3);
    u32(w, "#address-cells", 2);
    u32(w, "#size-cells", 2);
    flag(w, "ranges");
    u32(w, "phandle", PHANDLE_GIC);
    if (c->gic == 2) {
        gicv2(w);
    } else {
        gicv3(w, c);
    }
    end(w);
}

static void primecell(struct writer *w, uint64_t base, uint32_t spi)
{
    reg(w, base, VM_PERIPHERAL);
    CELLS(w, "interrupts", GIC_SPI, spi, IRQ_LEVEL_HIGH);
}

static void peripherals(struct writer *w)
{
    begin(w, "apb-pclk");
    text(w, "compatible", "fixed-clock");
    u32(w, "#clock-cells", 0);
    u32(w, "clock-frequency", VM_APB_CLOCK_HZ);
    text(w, "clock-output-names", "clk24mhz");
    u32(w, "phandle", PHANDLE_CLOCK);
    end(w);

    begin_at(w, "pl011", VM_UART_BASE);
    TEXTS(w, "compatible", "arm,pl011\0arm,primecell");
    primecell(w, VM_UART_BASE, VM_SPI_UART);
    CELLS(w, "clocks", PHANDLE_CLOCK, PHANDLE_CLOCK);
    TEXTS(w, "clock-names", "uartclk\0apb_pclk");
    end(w);

    begin_at(w, "pl031", VM_RTC_BASE);
    TEXTS(w, "compatible", "arm,pl031\0arm,primecell");
    primecell(w, VM_RTC_BASE, VM_SPI_RTC);
    u32(w, "clocks", PHANDLE_CLOCK);
    text(w, "clock-names", "apb_pclk");
    end(w);

    begin_at(w, "pl061", VM_GPIO_BASE);
    TEXTS(w, "compatible", "arm,pl061\0arm,primecell");
    primecell(w, VM_GPIO_BASE, VM_SPI_GPIO);
    flag(w, "gpio-controller");
    u32(w, "#gpio-cells", 2);
    flag(w, "interrupt-controller");
    u32(w, "#interrupt-cells", 2);
    u32(w, "clocks", PHANDLE_CLOCK);
    text(w, "clock-names", "apb_pclk");
    u32(w, "phandle", PHANDLE_GPIO);
    end(w);

    begin(w, "gpio-keys");
    text(w, "compatible", "gpio-keys");
    begin(w, "poweroff");
    text(w, "label", "GPIO Key Poweroff");
    u32(w, "linux,code", KEY_POWER);
    CELLS(w, "gpios", PHANDLE_GPIO, VM_GPIO_POWER_KEY, 0);
    end(w);
    end(w);
}

static void firmware_devices(struct writer *w)
{
    begin_at(w, "flash", VM_FLASH_BASE);
    text(w, "compatible", "cfi-flash");
    CELLS(w, "reg", 0, 0, 0, low(VM_FLASH_SIZE), 0, low(VM_FLASH_SIZE), 0, low(VM_FLASH_SIZE));
    u32(w, "bank-width", 4);
    end(w);

    begin_at(w, "fw-cfg", VM_FW_CFG_BASE);
    text(w, "compatible", "qemu,fw-cfg-mmio");
    reg(w, VM_FW_CFG_BASE, VM_FW_CFG_SIZE);
    flag(w, "dma-coherent");
    end(w);
}

static void virtio(struct writer *w, const struct vm_fdt_config *c)
{
    unsigned i;

    for (i = 0; i < c->virtio_slots; i++) {
        uint64_t base = VM_VIRTIO_BASE + i * VM_VIRTIO_STRIDE;

        begin_at(w, "virtio_mmio", base);
        text(w, "compatible", "virtio,mmio");
        reg(w, base, VM_VIRTIO_STRIDE);
        /* vml's transport drives its line by level, so that is what the tree says. */
        CELLS(w, "interrupts", GIC_SPI, VM_SPI_VIRTIO + i, IRQ_LEVEL_HIGH);
        flag(w, "dma-coherent");
        end(w);
    }
}

/* Which SPI each device's INTA to INTD leads to; a device's number is in bits 15:11 of its address. */
static void interrupt_map(struct writer *w)
{
    uint32_t map[4 * 4 * 10];
    size_t n = 0;

    for (uint32_t device = 0; device < 4; device++) {
        for (uint32_t pin = 1; pin <= 4; pin++) {
            const uint32_t spi = VM_SPI_PCI + (device + pin - 1) % 4;
            const uint32_t row[] = {device << 11,  0, 0, pin, PHANDLE_GIC, 0, 0, GIC_SPI, spi,
                                    IRQ_LEVEL_HIGH};

            memcpy(&map[n], row, sizeof(row));
            n += sizeof(row) / sizeof(row[0]);
        }
    }
    cells(w, "interrupt-map", map, n);
    CELLS(w, "interrupt-map-mask", 3 << 11, 0, 0, 7);
}

static void pci(struct writer *w, const struct vm_fdt_config *c)
{
    enum { IO = 0x01000000, MEMORY_32 = 0x02000000, MEMORY_64 = 0x03000000 };

    begin_at(w, "pcie", VM_PCI_ECAM_BASE);
    text(w, "compatible", "pci-host-ecam-generic");
    text(w, "device_type", "pci");
    reg(w, VM_PCI_ECAM_BASE, (uint64_t)VM_PCI_BUSES << 20);
    u32(w, "#address-cells", 3);
    u32(w, "#size-cells", 2);
    u32(w, "#interrupt-cells", 1);
    u32(w, "linux,pci-domain", 0);
    CELLS(w, "bus-range", 0, VM_PCI_BUSES - 1);
    flag(w, "dma-coherent");
    CELLS(w, "ranges", IO, 0, 0, 0, low(VM_PCI_IO_BASE), 0, low(VM_PCI_IO_SIZE), MEMORY_32, 0,
          low(VM_PCI_BASE), 0, low(VM_PCI_BASE), 0, low(VM_PCI_SIZE), MEMORY_64,
          high(VM_PCI_HIGH_BASE), low(VM_PCI_HIGH_BASE), high(VM_PCI_HIGH_BASE),
          low(VM_PCI_HIGH_BASE), high(VM_PCI_HIGH_SIZE), low(VM_PCI_HIGH_SIZE));
    /* Requester IDs are DeviceIDs of the ITS. */
    CELLS(w, "msi-map", 0, c->gic == 2 ? PHANDLE_V2M : PHANDLE_ITS, 0, 0x10000);
    interrupt_map(w);
    end(w);
}

static void chosen(struct writer *w, const struct vm_fdt_config *c)
{
    begin(w, "chosen");
    text(w, "stdout-path", "/pl011@9000000");
    if (c->bootargs[0]) {
        text(w, "bootargs", c->bootargs);
    }
    if (c->initrd_size) {
        CELLS(w, "linux,initrd-start", high(c->initrd), low(c->initrd));
        CELLS(w, "linux,initrd-end", high(c->initrd + c->initrd_size),
              low(c->initrd + c->initrd_size));
    }
    keep_error(w, fdt_property(w->fdt, "rng-seed", c->seed, 32));
    keep_error(w, fdt_property(w->fdt, "kaslr-seed", c->seed + 32, 8));
    end(w);
}

int vm_fdt_generate(void *buffer, size_t size, const struct vm_fdt_config *c)
{
    struct writer w = {buffer, 0};

    keep_error(&w, fdt_create(buffer, (int)size));
    keep_error(&w, fdt_finish_reservemap(buffer));
    begin(&w, "");
    text(&w, "compatible", "linux,dummy-virt");
    text(&w, "model", "linux,dummy-virt");
    u32(&w, "#address-cells", 2);
    u32(&w, "#size-cells", 2);
    u32(&w, "interrupt-parent", PHANDLE_GIC);
    flag(&w, "dma-coherent");
    begin_at(&w, "memory", c->ram_base);
    text(&w, "device_type", "memory");
    reg(&w, c->ram_base, c->ram_size);
    end(&w);
    cpus(&w, c);
    timer(&w, c);
    gic(&w, c);
    peripherals(&w);
    if (c->flash) {
        firmware_devices(&w);
    }
    virtio(&w, c);
    if (c->pci) {
        pci(&w, c);
    }
    chosen(&w, c);
    end(&w);
    keep_error(&w, fdt_finish(buffer));
    return w.error;
}

static int patch_memory(void *fdt, const struct vm_fdt_config *c)
{
    int node = fdt_node_offset_by_prop_value(fdt, -1, "device_type", "memory", sizeof("memory"));
    fdt64_t range[2] = {cpu_to_fdt64(c->ram_base), cpu_to_fdt64(c->ram_size)};

    if (node == -FDT_ERR_NOTFOUND) {
        node = fdt_add_subnode(fdt, 0, "memory");
        if (node >= 0) {
            int error = fdt_setprop_string(fdt, node, "device_type", "memory");

            if (error < 0) {
                return error;
            }
        }
    }
    if (node < 0) {
        return node;
    }
    /* The tree's root is taken to have two address and two size cells, as every arm64 tree here. */
    return fdt_setprop(fdt, node, "reg", range, sizeof(range));
}

static int patch_chosen(void *fdt, const struct vm_fdt_config *c)
{
    int node = fdt_path_offset(fdt, "/chosen");
    int error;

    if (node == -FDT_ERR_NOTFOUND) {
        node = fdt_add_subnode(fdt, 0, "chosen");
    }
    if (node < 0) {
        return node;
    }
    if (c->bootargs[0]) {
        error = fdt_setprop(fdt, node, "bootargs", c->bootargs, (int)strlen(c->bootargs) + 1);
    } else {
        error = 0;
    }
    if (!error && c->initrd_size) {
        error = fdt_setprop_u64(fdt, node, "linux,initrd-start", c->initrd);
        if (!error) {
            error = fdt_setprop_u64(fdt, node, "linux,initrd-end", c->initrd + c->initrd_size);
        }
    }
    if (!error) {
        error = fdt_setprop(fdt, node, "rng-seed", c->seed, 32);
    }
    return error ? error : fdt_setprop(fdt, node, "kaslr-seed", c->seed + 32, 8);
}

int vm_fdt_patch(void *buffer, size_t size, const struct vm_fdt_config *c)
{
    int error = fdt_open_into(buffer, buffer, (int)size);

    if (!error && c->ram_size) {
        error = patch_memory(buffer, c);
    }
    if (!error) {
        error = patch_chosen(buffer, c);
    }
    return error ? error : fdt_pack(buffer);
}
