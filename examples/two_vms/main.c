/*
 * Two machines of examples/vm in one process, joined by a switch:
 *
 *     two_vms OPTIONS OF THE FIRST -- OPTIONS OF THE SECOND
 *
 * with `--net switch=NAME` among the options of both.  They end when both have powered off.
 */
#include "../vm/machine.h"

#include <signal.h>
#include <string.h>

static struct vm machines[2];

static void run(void *context)
{
    (void)vm_run(context);
}

int main(int argc, char **argv)
{
    struct vml_thread threads[2];
    int split = 1;

    while (split < argc && strcmp(argv[split], "--") != 0) {
        split++;
    }
    if (split == argc) {
        vm_fail("usage: two_vms OPTIONS OF THE FIRST -- OPTIONS OF THE SECOND (see vm --help)");
    }
    argv[split] = argv[0];
    vm_options_parse(&machines[0].options, split, argv);
    vm_options_parse(&machines[1].options, argc - split, argv + split);
    (void)signal(SIGPIPE, SIG_IGN);
    for (unsigned i = 0; i < 2; i++) {
        vm_create(&machines[i]);
    }
    for (unsigned i = 0; i < 2; i++) {
        vm_check(vml_thread_create(&threads[i], i ? "second" : "first", run, &machines[i]),
                 "threads");
    }
    for (unsigned i = 0; i < 2; i++) {
        vml_thread_join(&threads[i]);
    }
    for (unsigned i = 0; i < 2; i++) {
        vm_destroy(&machines[i]);
    }
    return 0;
}
