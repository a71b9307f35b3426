/*
 * The host bridge: ECAM (PCIe base 5.0, 7.2.2), and the windows with the BARs.
 *
 * The map of BARs is read without a lock: who reads it looks whether `version` has changed meanwhile,
 * and if so asks again under the lock, so that a guest which moves BARs all the time delays nobody
 * without end.
 */
#include "pci_private.h"

#define ECAM_OFFSET   0xfffu
#define ECAM_ID_SHIFT 12u

static uint64_t ones(uint8_t size)
{
    return UINT64_MAX >> (64u - 8u * size);
}

/* Nobody answers: the bridge ends the transaction (PCI 3.0, 3.2.2.3.4). */
static enum vml_bus_result nobody(struct vml_access *access)
{
    if (!access->write) {
        access->value = ones(access->size);
    }
    return VML_BUS_OK;
}

/* Functions. */

/* Index of the first function whose ID is not below `id`. */
static uint32_t lower_bound(const struct vml_pci_host *host, uint32_t id)
{
    uint32_t low = 0;
    uint32_t high = host->count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;

        if (host->config.functions[middle]->id < id) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static struct vml_pci_function *find_function(struct vml_pci_host *host, uint32_t id)
{
    struct vml_pci_function *function = NULL;
    uint32_t i;

    vml_mutex_lock(&host->lock);
    i = lower_bound(host, id);
    if (i < host->count && host->config.functions[i]->id == id) {
        function = host->config.functions[i];
    }
    vml_mutex_unlock(&host->lock);
    return function;
}

/* 6.2.1: function 0 of a device tells whether there are others. */
static void mark_multifunction(struct vml_pci_host *host, uint32_t id)
{
    uint32_t first = lower_bound(host, id & ~7u);
    uint32_t end = lower_bound(host, (id & ~7u) + 8u);

    for (uint32_t i = first; i < end; i++) {
        struct vml_pci_function *function = host->config.functions[i];

        if (end - first > 1 || (function->id & 7u) != 0) {
            function->initial[VML_PCI_HEADER_TYPE] |= 0x80u;
            function->space[VML_PCI_HEADER_TYPE] |= 0x80u;
        }
    }
}

enum vml_status vml_pci_host_add(struct vml_pci_host *host, struct vml_pci_function *function,
                                 uint16_t id)
{
    enum vml_status status = VML_OK;
    uint32_t at;

    if (id >> 8 >= host->config.buses) {
        return VML_ERR_RANGE;
    }
    if (function->host) {
        return VML_ERR_STATE;
    }
    vml_mutex_lock(&host->lock);
    at = lower_bound(host, id);
    if (at < host->count && host->config.functions[at]->id == id) {
        status = VML_ERR_OVERLAP;
    } else if (host->count == host->config.max_functions) {
        status = VML_ERR_NO_SPACE;
    } else {
        for (uint32_t i = host->count; i > at; i--) {
            host->config.functions[i] = host->config.functions[i - 1];
        }
        host->config.functions[at] = function;
        host->count++;
        function->host = host;
        function->id = id;
        mark_multifunction(host, id);
        pci_space_changed(function);
    }
    vml_mutex_unlock(&host->lock);
    return status;
}

/* ECAM. */

static enum vml_bus_result ecam_access(struct vml_device *device, struct vml_access *access)
{
    struct vml_pci_host *host = VML_CONTAINER_OF(device, struct vml_pci_host, ecam);
    uint32_t offset = (uint32_t)access->offset & ECAM_OFFSET;
    struct vml_pci_function *function;

    if (access->offset >= VML_PCI_ECAM_SIZE(host->config.buses)) {
        return VML_BUS_FAULT;
    }
    /* 7.2.2: what is wider than a doubleword, or crosses one, need not be supported. */
    if (access->size > 4 || (offset & (access->size - 1u)) != 0) {
        return nobody(access);
    }
    function = find_function(host, (uint32_t)(access->offset >> ECAM_ID_SHIFT));
    if (!function) {
        return nobody(access);
    }
    if (function->window && function->config.ops->window && (offset & ~3u) == function->window) {
        access->offset = offset & 3u;
        function->config.ops->window(function, access);
    } else if (access->write) {
        vml_pci_config_write(function, offset, access->size, (uint32_t)access->value);
    } else {
        access->value = vml_pci_config_read(function, offset, access->size);
    }
    return VML_BUS_OK;
}

static void reset_functions(struct vml_device *device)
{
    struct vml_pci_host *host = VML_CONTAINER_OF(device, struct vml_pci_host, ecam);

    for (uint32_t i = 0; i < host->count; i++) {
        pci_function_reset(&host->config.functions[i]->device);
    }
}

static const struct vml_device_ops ecam_ops = {
    .access = ecam_access, .reset = reset_functions, .shutdown = reset_functions};

/* The map. */

uint64_t pci_bar_base(const struct vml_pci_function *function, uint32_t bar)
{
    const struct vml_pci_bar *config = &function->config.bars[bar];
    uint64_t base = pci_get(function->space + VML_PCI_BAR0 + 4 * bar, 4) & ~15u;

    if (config->wide) {
        base |= (uint64_t)pci_get(function->space + VML_PCI_BAR0 + 4 * bar + 4, 4) << 32;
    }
    return base;
}

static bool in_a_window(const struct vml_pci_host *host, uint64_t base, uint64_t size)
{
    for (uint32_t i = 0; i < VML_PCI_WINDOWS; i++) {
        const struct vml_pci_window *window = &host->config.windows[i];

        if (!window->io && base >= window->base && size <= window->size &&
            base - window->base <= window->size - size) {
            return true;
        }
    }
    return false;
}

/*
 * A reader that sees something of a change sees before it that `version` is odd, or, when it looks at
 * that afterwards, that it is another one.
 */
#define GET(place)        atomic_load_explicit(&(place), memory_order_acquire)
#define SET(place, value) atomic_store_explicit(&(place), (value), memory_order_release)

/* Index of the first mapping that ends above an address, of the first `count`. */
static uint32_t first_above(const struct vml_pci_host *host, uint32_t count, uint64_t address)
{
    uint32_t low = 0;
    uint32_t high = count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const struct vml_pci_mapping *mapping = &host->config.map[middle];

        if (GET(mapping->last) < address) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

/* @return the new number of mappings */
static uint32_t insert(struct vml_pci_host *host, uint32_t count, struct vml_pci_function *function,
                       uint32_t bar)
{
    struct vml_pci_mapping *map = host->config.map;
    uint64_t base = pci_bar_base(function, bar);
    uint64_t last = base + (function->config.bars[bar].size - 1);
    uint32_t at = first_above(host, count, base);

    if (at < count && GET(map[at].base) <= last) {
        return count; /* another one is there */
    }
    for (uint32_t i = count; i > at; i--) {
        SET(map[i].base, GET(map[i - 1].base));
        SET(map[i].last, GET(map[i - 1].last));
        SET(map[i].function, GET(map[i - 1].function));
        SET(map[i].bar, GET(map[i - 1].bar));
    }
    SET(map[at].base, base);
    SET(map[at].last, last);
    SET(map[at].function, function);
    SET(map[at].bar, bar);
    return count + 1;
}

void pci_map_update(struct vml_pci_host *host)
{
    uint32_t count = 0;

    atomic_fetch_add_explicit(&host->version, 1, memory_order_relaxed);
    for (uint32_t i = 0; i < host->count; i++) {
        struct vml_pci_function *function = host->config.functions[i];

        for (uint32_t bar = 0; bar < VML_PCI_BARS; bar++) {
            uint64_t size = function->config.bars[bar].size;

            if (size != 0 && (pci_command(function) & VML_PCI_COMMAND_MEMORY) &&
                in_a_window(host, pci_bar_base(function, bar), size)) {
                count = insert(host, count, function, bar);
            }
        }
    }
    SET(host->mapped, count);
    atomic_fetch_add_explicit(&host->version, 1, memory_order_release);
}

struct hit {
    struct vml_pci_function *function;
    uint32_t bar;
    uint64_t offset;
};

/* What it finds may be torn while the map changes. */
static bool look_up(const struct vml_pci_host *host, uint64_t address, uint8_t size,
                    struct hit *hit)
{
    uint32_t count = GET(host->mapped);
    uint32_t at = first_above(host, count, address);
    const struct vml_pci_mapping *mapping;
    uint64_t base;

    if (at == count) {
        return false;
    }
    mapping = &host->config.map[at];
    base = GET(mapping->base);
    hit->function = GET(mapping->function);
    hit->bar = GET(mapping->bar);
    hit->offset = address - base;
    return address >= base && size - 1u <= GET(mapping->last) - address;
}

static bool find_bar(struct vml_pci_host *host, uint64_t address, uint8_t size, struct hit *hit)
{
    uint32_t version = atomic_load_explicit(&host->version, memory_order_acquire);
    bool found = look_up(host, address, size, hit);

    if (VML_LIKELY((version & 1u) == 0 && GET(host->version) == version)) {
        return found;
    }
    vml_mutex_lock(&host->lock);
    found = look_up(host, address, size, hit);
    vml_mutex_unlock(&host->lock);
    return found;
}

static enum vml_bus_result window_access(struct vml_device *device, struct vml_access *access)
{
    struct vml_pci_host_window *window =
        VML_CONTAINER_OF(device, struct vml_pci_host_window, device);
    struct hit hit;

    if (window->io || !find_bar(window->host, window->base + access->offset, access->size, &hit)) {
        return nobody(access);
    }
    access->offset = hit.offset;
    return vml_pci_bar_access(hit.function, hit.bar, access);
}

static const struct vml_device_ops window_ops = {.access = window_access};

enum vml_bus_result vml_pci_bar_access(struct vml_pci_function *function, uint32_t bar,
                                       struct vml_access *access)
{
    if (function->config.msix.count != 0 && bar == function->config.msix.bar &&
        pci_msix_access(function, access)) {
        return VML_BUS_OK;
    }
    if (function->config.ops->bar) {
        return function->config.ops->bar(function, bar, access);
    }
    access->value = 0;
    return VML_BUS_OK;
}

enum vml_status vml_pci_host_init(struct vml_pci_host *host,
                                  const struct vml_pci_host_config *config)
{
    if (!config->name || config->buses == 0 || config->buses > 256 ||
        (config->max_functions != 0 && (!config->functions || !config->map))) {
        return VML_ERR_INVALID;
    }
    for (uint32_t i = 0; i < VML_PCI_WINDOWS; i++) {
        if (config->windows[i].size != 0 &&
            config->windows[i].base + (config->windows[i].size - 1) < config->windows[i].base) {
            return VML_ERR_RANGE;
        }
    }
    memset(host, 0, sizeof(*host));
    host->config = *config;
    host->ecam = (struct vml_device){.name = config->name, .ops = &ecam_ops};
    for (uint32_t i = 0; i < VML_PCI_WINDOWS; i++) {
        host->windows[i] = (struct vml_pci_host_window){
            .device = {.name = config->name, .ops = &window_ops},
            .host = host,
            .base = config->windows[i].base,
            .io = config->windows[i].io,
        };
    }
    for (uint32_t i = 0; i < VML_ARRAY_SIZE(host->intx); i++) {
        vml_irq_driver_init(&host->intx[i], &config->intx[i]);
    }
    vml_mutex_init(&host->lock);
    vml_mutex_init(&host->intx_lock);
    return VML_OK;
}

void vml_pci_host_destroy(struct vml_pci_host *host)
{
    vml_mutex_destroy(&host->intx_lock);
    vml_mutex_destroy(&host->lock);
}
