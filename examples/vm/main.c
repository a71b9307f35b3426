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

/* What these did before: a sanitizer's report, or the end. */
static struct sigaction before[NSIG];

/* Gives the terminal back, then lets the signal do what it does. */
static void on_death(int number, siginfo_t *info, void *context)
{
    (void)context;
    vm_console_restore_terminal();
    (void)sigaction(number, &before[number], NULL);
    if (info->si_code <= 0) { /* sent by a process: unlike a fault, it does not come again */
        (void)raise(number);
    }
}

static void catch_deaths(void)
{
    static const int numbers[] = {SIGHUP, SIGINT, SIGQUIT, SIGILL, SIGTRAP, SIGABRT,
                                  SIGBUS, SIGFPE, SIGSEGV, SIGSYS, SIGTERM};
    struct sigaction action = {.sa_sigaction = on_death, .sa_flags = SA_SIGINFO};

    (void)sigfillset(&action.sa_mask); /* SIGTTOU would stop a job in the background */
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        (void)sigaction(numbers[i], &action, &before[numbers[i]]);
    }
}

/* Once the machine can be told. */
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
    catch_deaths();
    vm_create(&machine);
    catch_signals();
    (void)vm_run(&machine);
    vm_destroy(&machine);
    return 0;
}
