/* A driver of a memory-mapped timer. */
#include "bench_device.h"

#include <vml/timer_frames.h>

static struct vml_virtual_clock virtual;
static struct vml_timer timer;
static struct vml_timer_frames frames;

static struct vml_device *make(void)
{
    struct vml_timer_config counter = {.clock = &virtual.clock};
    struct vml_timer_frames_config config = {.timer = {&timer}, .with_virtual = 1};

    if (vml_virtual_clock_init(&virtual, 1000000) != VML_OK ||
        vml_timer_init(&timer, &counter) != VML_OK ||
        vml_timer_frames_init(&frames, &config) != VML_OK) {
        abort();
    }
    return &frames.frame[0].device;
}

static void count(uint64_t iterations)
{
    bench_read(make(), iterations, 0x00);
}

static void control(uint64_t iterations)
{
    bench_read(make(), iterations, 0x2c);
}

static void delay(uint64_t iterations)
{
    bench_write(make(), iterations, 0x28, 1000);
}

static const struct bench_case cases[] = {
    {"timer_frames CNTPCT, low word", count},
    {"timer_frames CNTP_CTL", control},
    {"timer_frames CNTP_TVAL", delay},
};

BENCH_MAIN(cases)
