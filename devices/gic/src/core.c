/* Making a GIC, interrupt state, and the wires. */
#include "lpi.h"

static bool config_is_valid(const struct vml_gic_config *c)
{
    uint32_t max = c->version == 2 ? VML_GIC_MAX_CPUS_V2 : VML_GIC_MAX_CPUS;

    return (c->version == 2 || c->version == 3) && c->cpus != 0 && c->cpus <= max &&
           c->spis <= VML_GIC_MAX_SPIS && (c->spis % 32 == 0 || c->spis == VML_GIC_MAX_SPIS) &&
           c->espis <= VML_GIC_MAX_ESPIS && c->espis % 32 == 0 && c->eppis <= VML_GIC_MAX_EPPIS &&
           c->eppis % 32 == 0 && ((c->espis | c->eppis) == 0 || c->version == 3) &&
           gic_lpi_config_is_valid(c);
}

size_t vml_gic_storage_size(const struct vml_gic_config *config)
{
    size_t size;

    if (!config_is_valid(config)) {
        return 0;
    }
    size = config->lpis == 0 ? VML_GIC_STORAGE(config->cpus, config->spis)
                             : VML_GIC_STORAGE_LPIS(config->cpus, config->spis, config->lpis);
    size += config->eppis == 0 ? 0 : VML_GIC_STORAGE_EPPIS(config->cpus);
    return config->espis == 0 ? size : size + VML_GIC_STORAGE_ESPIS(config->cpus, config->espis);
}

uint64_t gic_pack_affinity(uint64_t mpidr)
{
    return (mpidr & 0xffffff) | (mpidr >> 32 & 0xff) << 24;
}

static void *take(uint8_t **at, size_t size)
{
    void *p = *at;

    *at += (size + 15) & ~(size_t)15;
    return p;
}

/* Insertion sort: once, at most 512. */
static bool sort_by_affinity(struct vml_gic *gic)
{
    for (uint32_t i = 0; i < gic->config.cpus; i++) {
        uint64_t affinity = gic->cpus[i].affinity;
        uint32_t at = i;

        for (; at > 0 && gic->cpus[gic->by_affinity[at - 1]].affinity > affinity; at--) {
            gic->by_affinity[at] = gic->by_affinity[at - 1];
        }
        if (at > 0 && gic->cpus[gic->by_affinity[at - 1]].affinity == affinity) {
            return false;
        }
        gic->by_affinity[at] = (uint16_t)i;
    }
    return true;
}

static void wire_set_level(void *controller, uint32_t line, uint32_t cpu, bool level)
{
    vml_gic_set_level(VML_CONTAINER_OF(controller, struct vml_gic, controller), line, cpu, level);
}

static void wire_pulse(void *controller, uint32_t line, uint32_t cpu)
{
    vml_gic_pulse(VML_CONTAINER_OF(controller, struct vml_gic, controller), line, cpu);
}

static bool controller_pending(struct vml_irq_controller *controller, uint32_t cpu,
                               enum vml_irq_output output)
{
    const struct vml_gic *gic = VML_CONTAINER_OF(controller, struct vml_gic, controller);

    return cpu < gic->config.cpus && vml_gic_pending(gic, cpu, output);
}

static void make_line(struct vml_gic_line *line, struct vml_gic_word *word, uint32_t intid,
                      struct vml_gic_cpu *owner)
{
    line->word = word;
    line->bit = VML_BIT32(intid % 32);
    STORE(&line->owner, owner);
}

static void make_lines(struct vml_gic *gic)
{
    for (uint32_t i = 0; i < gic->config.cpus; i++) {
        struct vml_gic_cpu *c = &gic->cpus[i];

        for (uint32_t n = 16; n < 32; n++) {
            make_line(&c->lines[n - 16], &c->private_irqs, n, c);
        }
    }
    for (uint32_t n = 32; n < gic->intids; n++) {
        make_line(&gic->lines[n - 32], &gic->irqs[n / 32], n, gic->cpus);
    }
}

enum vml_status vml_gic_init(struct vml_gic *gic, const struct vml_gic_config *config)
{
    static const struct vml_irq_controller_ops ops = {{wire_set_level, wire_pulse, NULL},
                                                      controller_pending};
    size_t size = vml_gic_storage_size(config), numbers = 1024;
    uint8_t *at = config->storage;

    if (size == 0 || !at || (uintptr_t)at % VML_CACHE_LINE_SIZE != 0) {
        return VML_ERR_INVALID;
    }
    if (config->storage_size < size) {
        return VML_ERR_NO_SPACE;
    }
    memset(gic, 0, sizeof(*gic));
    memset(at, 0, size);
    gic->config = *config;
    gic->intids = 32 + config->spis;
    gic->spi_words = (config->spis + 31) / 32;
    gic->numbers = gic->intids;
    gic->words = (gic->intids + 63) / 64;
    if (config->eppis != 0) {
        gic->words = FIRST_ESPI / 64;
    }
    if (config->espis != 0) {
        numbers = FIRST_ESPI + config->espis;
        gic->numbers = FIRST_ESPI + config->espis;
        gic->words = (gic->numbers + 63) / 64;
    }
    if (config->lpis != 0 && gic->words < LPI_WORDS) {
        gic->words = LPI_WORDS;
    }
    gic->cpus = take(&at, config->cpus * sizeof(*gic->cpus));
    gic->irqs = take(&at, numbers / 32 * sizeof(*gic->irqs));
    gic->route = take(&at, numbers * sizeof(*gic->route));
    gic->owner = take(&at, numbers * sizeof(*gic->owner));
    gic->links = take(&at, numbers * sizeof(*gic->links));
    gic->taker = take(&at, numbers * sizeof(*gic->taker));
    gic->priority = take(&at, numbers);
    gic->lines = take(&at, config->spis * sizeof(*gic->lines));
    gic->cpu_size = sizeof(*gic->cpus);
    gic->plain_lines = config->debug ? 0 : config->spis;
    gic->by_affinity = take(&at, config->cpus * sizeof(*gic->by_affinity));
    if (config->lpis != 0) {
        gic->lpis = take(&at, config->lpis * sizeof(*gic->lpis));
        gic->lpi_cpus = take(&at, config->cpus * sizeof(*gic->lpi_cpus));
    }
    vml_mutex_init(&gic->route_lock);
    for (uint32_t i = 0; i < config->cpus; i++) {
        struct vml_gic_cpu *cpu = &gic->cpus[i];

        vml_mutex_init(&cpu->lock);
        cpu->affinity =
            config->mpidrs ? gic_pack_affinity(config->mpidrs[i]) : (i & 15) | (i >> 4) << 8;
        cpu->lpis = config->lpis != 0 ? &gic->lpi_cpus[i] : NULL;
        cpu->queue.bits = take(&at, 2 * VML_GIC_LEVELS * gic->words * sizeof(uint64_t));
        cpu->taken = take(&at, gic->words * sizeof(*cpu->taken));
        if (config->eppis != 0) {
            cpu->eppis = take(&at, sizeof(*cpu->eppis));
        }
    }
    make_lines(gic);
    if (!sort_by_affinity(gic)) {
        return VML_ERR_INVALID;
    }
    gic->controller = (struct vml_irq_controller){"gic", &ops};
    gic->gicd = (struct vml_device){"gicd", &gic_gicd_ops};
    gic->gicc = (struct vml_device){"gicc", &gic_gicc_ops};
    gic->gicr = (struct vml_device){"gicr", &gic_gicr_ops};
    gic->icc = (struct vml_device){"icc", &gic_icc_ops};
    vml_gic_reset(gic);
    return VML_OK;
}

static void reset_word(struct vml_gic_word *w, uint32_t edge, uint32_t routed)
{
    STORE(&w->group, 0);
    STORE(&w->enabled, 0);
    STORE(&w->latch, 0);
    STORE(&w->active, 0);
    STORE(&w->grpmod, 0);
    STORE(&w->listed, 0);
    STORE(&w->edge, edge);
    STORE(&w->routed, routed);
    STORE(&w->gate, 0);
}

static void reset_cpu(struct vml_gic *gic, struct vml_gic_cpu *cpu)
{
    uint64_t *bits = cpu->queue.bits;

    cpu->pmr = 0;
    cpu->apr[0] = 0;
    cpu->apr[1] = 0;
    cpu->running = IDLE_PRIORITY;
    cpu->ctlr = 0;
    cpu->open = 0;
    cpu->pending_line = NULL;
    cpu->listed_line = NULL;
    cpu->fit_line = NULL;
    cpu->left_over = 0;
    STORE(&cpu->odd, gic->config.version == 3 ? 0 : ODD_VERSION);
    cpu->bpr[0] = MIN_BPR0;
    cpu->bpr[1] = MIN_BPR1;
    gic_binary_points(gic, cpu);
    STORE(&cpu->enabled_groups, 0);
    gic_export_interface(gic, cpu);
    STORE(&cpu->waker, WAKER_SLEEP | WAKER_ASLEEP);
    STORE(&cpu->gicr_ctlr, 0);
    reset_word(&cpu->private_irqs, 0xffff, UINT32_MAX);
    for (uint32_t i = 0; i < 32; i++) {
        gic_set_place(gic, cpu, i, 0, 0);
        STORE(&cpu->sgi_sources[i % 16], 0);
    }
    for (uint32_t i = 0; i < gic->config.eppis; i++) {
        STORE(&cpu->eppis->priority[i], 0);
    }
    for (uint32_t i = 0; i < gic->config.eppis / 32; i++) {
        reset_word(&cpu->eppis->words[i], 0, UINT32_MAX);
    }
    memset(bits, 0, 2 * VML_GIC_LEVELS * gic->words * sizeof(uint64_t));
    for (uint32_t i = 0; i < gic->words; i++) {
        STORE(&cpu->taken[i], 0);
    }
    memset(cpu->sgi_active, 0, sizeof(cpu->sgi_active));
    memset(&cpu->queue, 0, sizeof(cpu->queue));
    cpu->queue.bits = bits;
}

void vml_gic_reset(struct vml_gic *gic)
{
    STORE(&gic->enabled_groups, 0);
    for (uint32_t i = 0; i < gic->config.cpus; i++) {
        reset_cpu(gic, &gic->cpus[i]);
    }
    for (uint32_t w = 1; w * 32 < gic->numbers; w++) {
        reset_word(&gic->irqs[w], 0, 0);
    }
    FOR_EACH_SPI(gic, intid)
    {
        gic_set_place(gic, gic->cpus, intid, 0, 0);
        gic_set_owner(gic, intid, 0);
        STORE(&gic->route[intid], 0);
        STORE(&gic->taker[intid], 0);
    }
    gic_lpi_reset(gic);
    gic_route_all(gic);
    gic_update_all(gic);
}

VML_COLD void gic_tell_slow(struct vml_gic *gic, uint32_t cpu, uint32_t change)
{
    vml_trace(gic->config.debug, UINT32_MAX, VML_TRACE_IRQ_OUTPUT, cpu, change >> 8 & change,
              change);
    if (change & OUT_IRQ) {
        gic->config.output(gic->config.context, cpu, VML_IRQ_OUTPUT_IRQ,
                           (change >> 8 & OUT_IRQ) != 0);
    }
    if (change & OUT_FIQ) {
        gic->config.output(gic->config.context, cpu, VML_IRQ_OUTPUT_FIQ,
                           (change >> 8 & OUT_FIQ) != 0);
    }
}

void gic_update_all(struct vml_gic *gic)
{
    for (uint32_t i = 0; i < gic->config.cpus; i++) {
        struct vml_gic_cpu *cpu = &gic->cpus[i];
        uint32_t change;

        gic_lock(gic, cpu);
        gic_open_groups(gic, cpu);
        change = gic_update(gic, cpu);
        vml_mutex_unlock(&cpu->lock);
        gic_tell(gic, i, change);
    }
}

/* Makes every vCPU that is resident (its list registers are in use) fold and fill. */
void gic_recall_all(struct vml_gic *gic)
{
    for (uint32_t i = 0; i < gic->config.cpus; i++) {
        struct vml_gic_cpu *cpu = &gic->cpus[i];
        bool resident;

        gic_lock(gic, cpu);
        resident = gic_is_resident(cpu);
        vml_mutex_unlock(&cpu->lock);
        if (resident && gic->config.output) {
            gic_tell_slow(gic, i, OUT_IRQ | OUT_IRQ << 8);
        }
    }
}

uint32_t gic_get_field(struct vml_gic *gic, uint32_t cpu, uint32_t word, enum gic_field field)
{
    struct vml_gic_word *w;

    if (!gic_is_implemented(gic, word * 32)) {
        return 0;
    }
    w = gic_word(gic, cpu, word);
    switch (field) {
    case FIELD_GROUP:
        return LOAD(&w->group);
    case FIELD_ENABLED:
        return LOAD(&w->enabled);
    case FIELD_PENDING:
        return gic_pending_bits(w);
    case FIELD_ACTIVE:
        return LOAD(&w->active);
    case FIELD_EDGE:
        return LOAD(&w->edge);
    case FIELD_GRPMOD:
        return LOAD(&w->grpmod);
    }
    return 0;
}

static void set_bit(struct vml_gic_word *w, enum gic_field field, uint32_t bit, bool value)
{
    switch (field) {
    case FIELD_GROUP:
        gic_put_bits(&w->group, bit, value);
        break;
    case FIELD_ENABLED:
        gic_put_bits(&w->enabled, bit, value);
        break;
    case FIELD_PENDING:
        gic_put_bits(&w->latch, bit, value);
        break;
    case FIELD_ACTIVE:
        gic_put_bits(&w->active, bit, value);
        break;
    case FIELD_EDGE:
        gic_put_bits(&w->edge, bit, value);
        break;
    case FIELD_GRPMOD:
        gic_put_bits(&w->grpmod, bit, value);
        break;
    }
}

static void set_field_bit(struct vml_gic *gic, uint32_t cpu, uint32_t intid, enum gic_field field,
                          bool value)
{
    struct vml_gic_cpu *c = gic_lock_owner(gic, intid, cpu);
    struct vml_gic_word *w = gic_word(gic, cpu, intid / 32);
    uint32_t bit = VML_BIT32(intid % 32), change;
    bool was = (gic_deliverable_bits(w) & bit) != 0, listed = (LOAD(&w->listed) & bit) != 0;

    if (field == FIELD_GROUP) { /* moves from one place to another */
        if (was) {
            gic_dequeue_at(gic, c, gic_place(gic, c, intid), intid);
            was = false;
        }
        gic_set_place(gic, c, intid, gic_priority(gic, c, intid), value);
    }
    set_bit(w, field, bit, value);
    if (field == FIELD_ACTIVE && value) {
        gic_note_taken(gic, c, intid);
    }
    gic_requeue(gic, c, w, intid, was);
    change = gic_update(gic, c);
    vml_mutex_unlock(&c->lock);
    gic_tell(gic, gic_index(gic, c), change);
    gic_recall(gic, intid, cpu, listed);
}

/* IHI 0048B 4.3.7: GICv2 SGIs are made pending by source; SGIs are always edge-triggered. */
static uint32_t writable_bits(const struct vml_gic *gic, uint32_t word, enum gic_field field)
{
    uint32_t left;

    if (!gic_is_implemented(gic, word * 32)) {
        return 0;
    }
    if (word == 0) {
        return field == FIELD_EDGE || (field == FIELD_PENDING && gic->config.version == 2)
                   ? 0xffff0000
                   : UINT32_MAX;
    }
    left = gic->intids - word * 32;
    return word * 32 < gic->intids && left < 32 ? VML_BIT32(left) - 1 : UINT32_MAX;
}

void gic_set_field(struct vml_gic *gic, uint32_t cpu, uint32_t word, enum gic_field field,
                   uint32_t bits, bool value)
{
    uint32_t have = gic_get_field(gic, cpu, word, field);
    uint32_t todo = bits & writable_bits(gic, word, field);

    /* Pending can be latched, or unlatched, behind an asserted wire. */
    if (field != FIELD_PENDING) {
        todo &= value ? ~have : have;
    }
    for (; todo != 0; todo &= todo - 1) {
        set_field_bit(gic, cpu, word * 32 + vml_ctz32(todo), field, value);
    }
    if (field == FIELD_GROUP && !gic_is_private(word * 32) && bits != 0) {
        gic_reroute_shared(gic);
    }
}

void gic_set_priority(struct vml_gic *gic, uint32_t cpu, uint32_t intid, uint8_t priority)
{
    struct vml_gic_cpu *c;
    struct vml_gic_word *w;
    uint32_t change;
    bool was, listed;

    if (!gic_is_implemented(gic, intid)) {
        return;
    }
    c = gic_lock_owner(gic, intid, cpu);
    w = gic_word(gic, cpu, intid / 32);
    was = (gic_deliverable_bits(w) >> intid % 32 & 1) != 0;
    if (was) {
        gic_dequeue_at(gic, c, gic_place(gic, c, intid), intid);
    }
    gic_set_place(gic, c, intid, priority, LOAD(&w->group) >> intid % 32 & 1);
    gic_requeue(gic, c, w, intid, false);
    listed = (LOAD(&w->listed) >> intid % 32 & 1) != 0;
    change = gic_update(gic, c);
    vml_mutex_unlock(&c->lock);
    gic_tell(gic, gic_index(gic, c), change);
    gic_recall(gic, intid, cpu, listed);
}

/* A level has changed: pending follows it, or latches, and so does the place in the queue. Lock held.
 * Returns what gic_update() does; `listed`: whether it is pending again while listed. */
static uint32_t move_level(struct vml_gic *gic, struct vml_gic_cpu *c, struct vml_gic_word *w,
                           uint32_t intid, bool *listed, bool level)
{
    uint32_t bit = VML_BIT32(intid % 32), edge = LOAD(&w->edge) & bit;

    if ((LOAD(&w->latch) & bit) || (edge && !level)) {
        *listed = level && (LOAD(&w->listed) & bit);
        return 0; /* pending as before */
    }
    if (edge) {
        gic_put_bits(&w->latch, bit, true);
    }
    if (!(LOAD(&w->gate) & bit)) {
        *listed = level && (LOAD(&w->listed) & bit);
        return 0;
    }
    if (level) {
        gic_enqueue_at(gic, c, gic_place(gic, c, intid), intid);
    } else {
        gic_dequeue_at(gic, c, gic_place(gic, c, intid), intid);
    }
    return gic_update(gic, c);
}

void gic_set_level(struct vml_gic *gic, uint32_t intid, uint32_t cpu, bool level)
{
    uint32_t bit = VML_BIT32(intid % 32), change = 0;
    struct vml_gic_cpu *c = gic_lock_owner(gic, intid, cpu);
    struct vml_gic_word *w = gic_word(gic, cpu, intid / 32);
    bool listed = false;

    if (VML_LIKELY(((LOAD(&w->level) & bit) != 0) != level)) {
        gic_put_bits(&w->level, bit, level);
        change = move_level(gic, c, w, intid, &listed, level);
    }
    vml_mutex_unlock(&c->lock);
    gic_tell(gic, gic_index(gic, c), change);
    if (level) {
        gic_recall(gic, intid, cpu, listed);
    }
}

static const struct vml_gic_word *word_at(const struct vml_gic *gic, uint32_t intid, uint32_t cpu)
{
    if (intid >= gic->intids || (intid < 32 && cpu >= gic->config.cpus)) {
        return NULL;
    }
    return intid < 32 ? &gic->cpus[cpu].private_irqs : &gic->irqs[intid / 32];
}

uint32_t vml_gic_levels(const struct vml_gic *gic, uint32_t intid, uint32_t cpu)
{
    const struct vml_gic_word *w = word_at(gic, intid, cpu);

    return w ? LOAD(&w->level) : 0;
}

uint32_t vml_gic_latched(const struct vml_gic *gic, uint32_t intid, uint32_t cpu)
{
    const struct vml_gic_word *w = word_at(gic, intid, cpu);

    return w ? LOAD(&w->latch) : 0;
}

static void latch(struct vml_gic *gic, uint32_t intid, uint32_t cpu, bool only_edge)
{
    uint32_t bit = VML_BIT32(intid % 32), change = 0;
    struct vml_gic_cpu *c = gic_lock_owner(gic, intid, cpu);
    struct vml_gic_word *w = gic_word(gic, cpu, intid / 32);
    bool listed = false;

    if (!only_edge || (LOAD(&w->edge) & bit)) {
        bool was = (gic_deliverable_bits(w) & bit) != 0;

        gic_put_bits(&w->latch, bit, true);
        gic_requeue(gic, c, w, intid, was);
        listed = (LOAD(&w->listed) & bit) != 0;
        change = gic_update(gic, c);
    }
    vml_mutex_unlock(&c->lock);
    gic_tell(gic, gic_index(gic, c), change);
    gic_recall(gic, intid, cpu, listed);
}

void vml_gic_pulse(struct vml_gic *gic, uint32_t intid, uint32_t cpu)
{
    uint32_t number = gic_number(gic, intid);

    if (gic_is_line(gic, number, cpu)) {
        vml_trace(gic->config.debug, UINT32_MAX, VML_TRACE_IRQ_RAISE, intid, cpu, 1);
        latch(gic, number, cpu, true);
    }
}

void vml_gic_set_pending(struct vml_gic *gic, uint32_t intid, uint32_t cpu)
{
    uint32_t number = gic_number(gic, intid);

    if (gic->config.version == 2 && intid < 16) {
        return;
    }
    if (gic_is_implemented(gic, number) && (!gic_is_private(number) || cpu < gic->config.cpus)) {
        vml_trace(gic->config.debug, UINT32_MAX, VML_TRACE_IRQ_RAISE, intid, cpu, 1);
        latch(gic, number, cpu, false);
    }
}

void gic_no_level(void *controller, uint32_t line, uint32_t cpu, bool level)
{
    (void)controller;
    (void)line;
    (void)cpu;
    (void)level;
}

void gic_no_pulse(void *controller, uint32_t line, uint32_t cpu)
{
    (void)controller;
    (void)line;
    (void)cpu;
}

bool gic_not_pending(struct vml_irq_controller *controller, uint32_t cpu,
                     enum vml_irq_output output)
{
    (void)controller;
    (void)cpu;
    (void)output;
    return false;
}
