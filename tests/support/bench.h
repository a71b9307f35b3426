/**
 * @file
 * @brief The main of a benchmark: `bench_x --list` names the cases, `bench_x CASE N` runs one N times.
 *
 * tools/run-bench runs each case under callgrind with N and with 2N iterations; the difference of the
 * instruction counts, divided by N, is the figure, so that set-up does not count.
 *
 *     static void hit(uint64_t iterations) { ...set up...; for (...) {...} }
 *     static const struct bench_case cases[] = {{"repeated hit", hit}};
 *     BENCH_MAIN(cases)
 */
#ifndef VML_TESTS_SUPPORT_BENCH_H
#define VML_TESTS_SUPPORT_BENCH_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/** @brief One benchmark; a case name has no tab and no line end. */
struct bench_case {
    const char *name;
    void (*run)(uint64_t iterations); /**< the set-up may not depend on `iterations` */
};

/** @brief The compiler must have `v` ready, and knows nothing of it afterwards. */
#define BENCH_KEEP(v) __asm__ volatile("" : "+r"(v) : : "memory")

static inline int bench_main(const struct bench_case *cases, size_t count, int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--list") == 0) {
        for (size_t i = 0; i < count; i++) {
            puts(cases[i].name);
        }
        return 0;
    }
    if (argc == 3) {
        for (size_t i = 0; i < count; i++) {
            if (strcmp(cases[i].name, argv[1]) == 0) {
                cases[i].run(strtoull(argv[2], NULL, 0));
                return 0;
            }
        }
        fprintf(stderr, "%s: no case '%s'\n", argv[0], argv[1]);
        return 2;
    }
    fprintf(stderr, "usage: %s --list | CASE ITERATIONS\n", argv[0]);
    return 2;
}

#define BENCH_MAIN(cases)                                                                          \
    int main(int argc, char **argv)                                                                \
    {                                                                                              \
        return bench_main(cases, sizeof(cases) / sizeof((cases)[0]), argc, argv);                  \
    }

#endif
