#include <vml/lifecycle.h>
#include <vml/roundup.h>

enum vml_status vml_lifecycle_init(struct vml_lifecycle *lifecycle,
                                   const struct vml_lifecycle_config *config)
{
    if (config->boot_cpu >= config->cpus->count) {
        return VML_ERR_RANGE;
    }
    lifecycle->config = *config;
    atomic_init(&lifecycle->rebooting, 0);
    atomic_init(&lifecycle->reboots, 0);
    return VML_OK;
}

enum vml_status vml_lifecycle_boot(struct vml_lifecycle *lifecycle)
{
    const struct vml_lifecycle_config *config = &lifecycle->config;

    return vml_cpu_start(config->cpus->by_index[config->boot_cpu], &config->boot);
}

void vml_lifecycle_stop(struct vml_lifecycle *lifecycle)
{
    struct vml_cpu_set *cpus = lifecycle->config.cpus;

    for (uint32_t i = 0; i < cpus->count; i++) {
        vml_cpu_stop(cpus->by_index[i]);
    }
}

static void reset_machine(struct vml_lifecycle *lifecycle)
{
    const struct vml_lifecycle_config *config = &lifecycle->config;
    struct vml_cpu_start boot = config->boot;

    for (uint32_t i = 0; i < config->bus_count; i++) {
        vml_vbus_reset(config->buses[i]);
    }
    if (config->reload) {
        config->reload(config->context, &boot);
    }
    for (uint32_t i = 0; i < config->cpus->count; i++) {
        vml_cpu_reset(config->cpus->by_index[i], i == config->boot_cpu ? &boot : NULL);
    }
    atomic_fetch_add(&lifecycle->reboots, 1);
}

void vml_lifecycle_reboot(struct vml_lifecycle *lifecycle, struct vml_cpu *self)
{
    struct vml_cpu_set *cpus = lifecycle->config.cpus;

    if (self) {
        /* Whoever comes second has no life either until the reset of the first undoes this. */
        vml_cpu_stop(self);
    }
    if (atomic_exchange(&lifecycle->rebooting, 1)) {
        vml_roundup(cpus, self);
        vml_resume(cpus, self);
        return;
    }
    vml_roundup(cpus, self);
    reset_machine(lifecycle);
    /* Before anything runs that could ask for the next one. */
    atomic_store(&lifecycle->rebooting, 0);
    vml_resume(cpus, self);
}

enum vml_lifecycle_action vml_lifecycle_raise(struct vml_lifecycle *lifecycle,
                                              const struct vml_lifecycle_event *event)
{
    const struct vml_lifecycle_config *config = &lifecycle->config;

    if (config->event && config->event(config->context, event) == VML_LIFECYCLE_TAKEN) {
        return VML_LIFECYCLE_TAKEN;
    }
    switch (event->kind) {
    case VML_LIFECYCLE_OFF:
    case VML_LIFECYCLE_HIBERNATE:
        vml_lifecycle_stop(lifecycle);
        break;
    case VML_LIFECYCLE_RESET:
        vml_lifecycle_reboot(lifecycle, event->cpu);
        break;
    case VML_LIFECYCLE_SUSPEND:
        break;
    }
    return VML_LIFECYCLE_ACT;
}
