/* vm: runs an unmodified arm64 guest on vml's devices. See README.md, and `vm --help`. */
#include "machine.h"

#include <errno.h>
#include <signal.h>

static struct vm machine;

static void on_signal(int number)
{
    int saved = errno;

    vm_post(&machine, number == SIGUSR1 ? VM_EVENT_SAVE : VM_EVENT_QUIT);
    errno = saved;
}

static void catch_signals(void)
{
    static const int numbers[] = {SIGINT, SIGTERM, SIGHUP, SIGUSR1};
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_RESTART};

    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        (void)sigaction(numbers[i], &action, NULL);
    }
    (void)signal(SIGPIPE, SIG_IGN);
}

int main(int argc, char **argv)
{
    vm_options_parse(&machine.options, argc, argv);
    vm_create(&machine);
    catch_signals();
    (void)vm_run(&machine);
    vm_destroy(&machine);
    return 0;
}
