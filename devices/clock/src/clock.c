/*
 * A clock's events are a pairing heap: arming is a comparison, taking the earliest is logarithmic on
 * average.  In the list of a node's children `prev` of the first is the node itself.
 *
 * Lock order: vml_clock.lock alone; neither the source nor an event is called with it held.
 */
#include <vml/clock.h>

/* Events that one vml_clock_run() calls; what is due after so many is left to the next. */
#define MAX_EVENTS_PER_RUN 4096u

/* Makes the later of two roots the first child of the earlier. */
static struct vml_clock_event *meld(struct vml_clock_event *a, struct vml_clock_event *b)
{
    if (a == NULL || b == NULL) {
        return a == NULL ? b : a;
    }
    if (b->deadline < a->deadline) {
        struct vml_clock_event *swap = a;

        a = b;
        b = swap;
    }
    b->next = a->child;
    b->prev = a;
    if (a->child != NULL) {
        a->child->prev = b;
    }
    a->child = b;
    return a;
}

/* Makes one heap of a list of siblings: pairs from the front, then the pairs from the back. */
static struct vml_clock_event *meld_siblings(struct vml_clock_event *first)
{
    struct vml_clock_event *pairs = NULL;
    struct vml_clock_event *root = NULL;

    while (first != NULL) {
        struct vml_clock_event *a = first;
        struct vml_clock_event *b = a->next;

        first = b == NULL ? NULL : b->next;
        a->next = NULL;
        a->prev = NULL;
        if (b != NULL) {
            b->next = NULL;
            b->prev = NULL;
        }
        a = meld(a, b);
        a->next = pairs;
        pairs = a;
    }
    while (pairs != NULL) {
        struct vml_clock_event *next = pairs->next;

        pairs->next = NULL;
        root = meld(root, pairs);
        pairs = next;
    }
    return root;
}

static void take_out(struct vml_clock *clock, struct vml_clock_event *event)
{
    struct vml_clock_event *rest = meld_siblings(event->child);

    event->child = NULL;
    if (event == clock->root) {
        clock->root = rest;
    } else {
        if (event->prev->child == event) {
            event->prev->child = event->next;
        } else {
            event->prev->next = event->next;
        }
        if (event->next != NULL) {
            event->next->prev = event->prev;
        }
        clock->root = meld(clock->root, rest);
    }
    event->next = NULL;
    event->prev = NULL;
    event->deadline = VML_CLOCK_NEVER;
}

/*
 * Gives the source the earliest deadline, without the lock.  One thread at a time does so, and looks
 * again afterwards: a deadline that came meanwhile is not overtaken by an older one.
 */
static void tell_source(struct vml_clock *clock)
{
    uint64_t deadline;

    vml_mutex_lock(&clock->lock);
    for (;;) {
        deadline = clock->root == NULL ? VML_CLOCK_NEVER : clock->root->deadline;
        if (clock->telling || deadline == clock->programmed) {
            break;
        }
        clock->programmed = deadline;
        if (clock->source.set_deadline == NULL) {
            break;
        }
        clock->telling = true;
        vml_mutex_unlock(&clock->lock);
        clock->source.set_deadline(clock->source.context, deadline);
        vml_mutex_lock(&clock->lock);
        clock->telling = false;
    }
    vml_mutex_unlock(&clock->lock);
}

enum vml_status vml_clock_init(struct vml_clock *clock, const struct vml_clock_source *source)
{
    if (source->now == NULL || source->frequency_hz == 0) {
        return VML_ERR_INVALID;
    }
    clock->source = *source;
    clock->root = NULL;
    clock->programmed = VML_CLOCK_NEVER;
    clock->telling = false;
    vml_mutex_init(&clock->lock);
    return VML_OK;
}

void vml_clock_destroy(struct vml_clock *clock)
{
    vml_mutex_destroy(&clock->lock);
}

void vml_clock_event_init(struct vml_clock_event *event, struct vml_clock *clock,
                          vml_clock_event_fn fn)
{
    memset(event, 0, sizeof(*event));
    event->fn = fn;
    event->clock = clock;
    event->deadline = VML_CLOCK_NEVER;
}

void vml_clock_event_arm(struct vml_clock_event *event, uint64_t deadline)
{
    struct vml_clock *clock = event->clock;
    bool changed;

    vml_mutex_lock(&clock->lock);
    if (event->deadline != VML_CLOCK_NEVER) {
        take_out(clock, event);
    }
    if (deadline != VML_CLOCK_NEVER) {
        event->deadline = deadline;
        clock->root = meld(clock->root, event);
    }
    changed = clock->programmed != (clock->root == NULL ? VML_CLOCK_NEVER : clock->root->deadline);
    vml_mutex_unlock(&clock->lock);
    if (changed) {
        tell_source(clock);
    }
}

void vml_clock_event_cancel(struct vml_clock_event *event)
{
    vml_clock_event_arm(event, VML_CLOCK_NEVER);
}

void vml_clock_run(struct vml_clock *clock)
{
    /* The source has used up the deadline that it had. */
    vml_mutex_lock(&clock->lock);
    clock->programmed = VML_CLOCK_NEVER;
    vml_mutex_unlock(&clock->lock);
    for (uint32_t i = 0; i < MAX_EVENTS_PER_RUN; i++) {
        uint64_t now = vml_clock_now(clock);
        struct vml_clock_event *event;

        vml_mutex_lock(&clock->lock);
        event = clock->root;
        if (event != NULL && event->deadline <= now) {
            take_out(clock, event);
        } else {
            event = NULL;
        }
        vml_mutex_unlock(&clock->lock);
        if (event == NULL) {
            break;
        }
        event->fn(event);
    }
    tell_source(clock);
}

uint64_t vml_clock_next(struct vml_clock *clock)
{
    uint64_t deadline;

    vml_mutex_lock(&clock->lock);
    deadline = clock->root == NULL ? VML_CLOCK_NEVER : clock->root->deadline;
    vml_mutex_unlock(&clock->lock);
    return deadline;
}
