/* Two vCPUs with what surrounds them in a machine, for guests that are more than a few instructions. */
#ifndef BOARD_H
#define BOARD_H

#include <vml/a64.h>
#include <vml/clock.h>
#include <vml/gic.h>
#include <vml/lifecycle.h>
#include <vml/pl011.h>
#include <vml/psci.h>
#include <vml/timer.h>

#define BOARD_CPUS  2
#define BOARD_RAM   UINT64_C(0x40000000)
#define BOARD_SIZE  UINT64_C(0x200000)
#define BOARD_ENTRY (BOARD_RAM + 0x80000)

struct board {
    uint8_t *ram;
    struct vml_as memory;
    struct vml_as_region region;
    struct vml_vbus mmio, sysreg;
    struct vml_bus_range ranges[6];
    unsigned range_count;
    struct vml_host_clock host_clock;
    struct vml_virtual_clock virtual_clock;
    struct vml_clock *clock;
    struct vml_gic gic;
    struct vml_timer timer[BOARD_CPUS], *timer_pointers[BOARD_CPUS];
    struct vml_timers timers;
    struct vml_pl011 uart;
    struct vml_a64_machine machine;
    struct vml_a64 cpu[BOARD_CPUS], *cpu_pointers[BOARD_CPUS];
    struct vml_cpu *by_index[BOARD_CPUS], *by_affinity[BOARD_CPUS];
    struct vml_cpu_set set;
    struct vml_lifecycle lifecycle;
    struct vml_psci psci;
    struct vml_smccc firmware;
    struct vml_a64_turns turns;
    bool single_thread;
    void *storage[6];
    char output[16384]; /* what the UART sent, as a string */
    size_t sent;
};

void board_make(struct board *board, unsigned gic_version, bool single_thread,
                const struct vml_arm_ids *model, const uint32_t *words, size_t count);
/* Boots and runs in turns, at most until a time in instructions. */
enum vml_a64_exit board_run_turns(struct board *board, uint64_t until);
/* Boots and runs on threads until it is off. */
void board_run_threads(struct board *board);
void board_end(struct board *board);
/* Of all memory and all registers. */
uint64_t board_hash(struct board *board);

#endif
