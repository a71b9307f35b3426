/*
 * The cache of decoded pages, by physical page.
 *
 * A page that is dropped keeps its operations until it is used again: the vCPU may still be in it,
 * and leaves it at the next branch out of it or synchronization.
 */
#include "core.h"

static struct a64_code_page **chain_of(const struct a64_core *core, uint64_t pa)
{
    return &core->hash[(pa >> A64_PAGE_BITS) & core->hash_mask];
}

static struct a64_code_page *find(const struct a64_core *core, uint64_t pa)
{
    struct a64_code_page *page = *chain_of(core, pa);

    while (page && page->pa != pa) {
        page = page->next;
    }
    return page;
}

static void undecode(const struct a64_core *core, struct a64_code_page *page)
{
    for (unsigned i = 0; i < A64_PAGE_OPS; i++) {
        page->ops[i].fn = core->fn_decode;
    }
    page->ops[A64_PAGE_OPS].fn = core->fn_page_end;
}

void a64_code_init(struct a64_core *core)
{
    for (unsigned i = 0; i < core->page_count; i++) {
        core->pages[i].pa = A64_NO_PAGE;
        core->pages[i].next = NULL;
        undecode(core, &core->pages[i]);
    }
    undecode(core, core->step_page);
    a64_code_flush(core);
}

static void drop(struct a64_core *core, struct a64_code_page *page)
{
    struct a64_code_page **link;

    if (page->pa == A64_NO_PAGE) {
        return;
    }
    for (link = chain_of(core, page->pa); *link != page; link = &(*link)->next) {
    }
    *link = page->next;
    page->pa = A64_NO_PAGE;
    for (unsigned i = 0; i < A64_FTLB_SIZE; i++) {
        for (unsigned el = 0; el < 2; el++) {
            if (core->ftlbs[el][i].page == page) {
                core->ftlbs[el][i].tag = A64_TAG_NONE;
            }
        }
    }
}

void a64_code_flush(struct a64_core *core)
{
    for (unsigned i = 0; i <= core->hash_mask; i++) {
        core->hash[i] = NULL;
    }
    for (unsigned i = 0; i < core->page_count; i++) {
        core->pages[i].pa = A64_NO_PAGE;
    }
    for (unsigned i = 0; i < A64_FTLB_SIZE; i++) {
        core->ftlbs[0][i].tag = A64_TAG_NONE;
        core->ftlbs[1][i].tag = A64_TAG_NONE;
    }
}

bool a64_code_holds(const struct a64_core *core, uint64_t pa)
{
    return find(core, pa) != NULL;
}

void a64_code_written(struct a64_core *core, uint64_t pa, uint64_t len)
{
    struct a64_code_page *page = find(core, pa & A64_PAGE_MASK);
    uint64_t first = (pa & ~A64_PAGE_MASK) / 4;
    uint64_t last = ((pa & ~A64_PAGE_MASK) + len - 1) / 4;

    if (!page) {
        return;
    }
    /* The one before may be a superinstruction that includes the first. */
    for (uint64_t i = first ? first - 1 : 0; i <= last && i < A64_PAGE_OPS; i++) {
        page->ops[i].fn = core->fn_decode;
    }
}

static struct a64_code_page *fetch_fault(struct a64_core *core, uint64_t va, uint32_t fsc)
{
    core->fault.far = va;
    core->fault.esr = A64_ESR(core->el == 0 ? A64_EC_IABORT_LOWER : A64_EC_IABORT, fsc);
    return NULL;
}

struct a64_code_page *a64_code_fetch(struct a64_core *core, uint64_t va)
{
    struct a64_ftlb_entry *e = &core->ftlb[(va >> A64_PAGE_BITS) & (A64_FTLB_SIZE - 1)];
    struct a64_translation t = {0};
    struct a64_code_page *page;
    const struct vml_as_region *region;
    uint64_t pa;

    if (va & 3) {
        core->fault.far = va;
        core->fault.esr = A64_ESR(A64_EC_PC_ALIGNMENT, 0);
        return NULL;
    }
    if (!a64_walk(core, va, A64_EXECUTE, core->el == 0 ? A64_CONTEXT_EL0 : A64_CONTEXT_EL1, &t)) {
        return fetch_fault(core, va, t.fsc);
    }
    if (t.size > A64_PAGE_SIZE) {
        core->large[va >> 55 & 1] = 1;
    }
    pa = t.pa & A64_PAGE_MASK;
    page = find(core, pa);
    if (!page) {
        region = vml_as_find(core->machine->config.memory, pa);
        if (!region) {
            return fetch_fault(core, va, A64_FSC_EXTERNAL);
        }
        page = &core->pages[core->page_next];
        core->page_next = (core->page_next + 1) % core->page_count;
        drop(core, page);
        undecode(core, page);
        page->pa = pa;
        page->host = (const uint8_t *)region->host + (pa - region->base);
        page->next = *chain_of(core, pa);
        *chain_of(core, pa) = page;
        a64_tlb_protect(core, pa);
    }
    e->tag = va & A64_PAGE_MASK;
    e->page = page;
    return page;
}
