/*
 * Between a host's terminal (or socket, or file) and a device of the guest.  Everything passes both
 * ways as it is, but for Ctrl-A on the terminal: Ctrl-A x quits, Ctrl-A c opens the monitor, Ctrl-A
 * Ctrl-A is one Ctrl-A.  The device refuses what it has no room for, so pasted text is not lost.
 */
#include "console.h"
#include "machine.h"

#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CTRL_A 0x01u

/* Who has the terminal: two devices cannot share it, and however the program ends it is given back. */
static struct vml_char_host *_Atomic terminal;

void vm_console_restore_terminal(void)
{
    struct vml_char_host *host = atomic_load(&terminal);

    if (host) {
        vml_char_host_restore(host);
    }
}

static void say(struct vm_console *console, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void say(struct vm_console *console, const char *format, ...)
{
    char text[512];
    struct vml_chardev end = vml_char_host_end(&console->host);
    va_list args;
    int length;

    va_start(args, format);
    length = vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    if (length > 0) {
        (void)vml_chardev_push(&end, (const uint8_t *)text,
                               vml_min_u64((uint64_t)length, sizeof(text) - 1));
    }
}

static void help(struct vm_console *console);

static void stats(struct vm_console *console)
{
    vm_report(console->vm);
}

static void registers(struct vm_console *console)
{
    vm_registers(console->vm);
}

static void save(struct vm_console *console)
{
    if (console->vm->options.save) {
        vm_post(console->vm, VM_EVENT_SAVE);
    } else {
        say(console, "save: the machine was started without --save FILE\n");
    }
}

static void reset(struct vm_console *console)
{
    vm_post(console->vm, VM_EVENT_RESET);
}

static void power(struct vm_console *console)
{
    vm_power_key(console->vm);
}

static void quit(struct vm_console *console)
{
    vm_post(console->vm, VM_EVENT_QUIT);
}

static const struct {
    const char *name;
    const char *what;
    void (*run)(struct vm_console *console);
} commands[] = {
    {"stats", "what the machine has done", stats},
    {"registers", "of every vCPU", registers},
    {"save", "write the state to the file of --save, and quit", save},
    {"reset", "reset the machine", reset},
    {"power", "press the power key", power},
    {"quit", "end at once", quit},
    {"help", "this list; an empty line goes back to the guest", help},
};

static void help(struct vm_console *console)
{
    for (size_t i = 0; i < VML_ARRAY_SIZE(commands); i++) {
        say(console, "%-10s %s\n", commands[i].name, commands[i].what);
    }
}

static void command(struct vm_console *console, const char *line)
{
    for (size_t i = 0; i < VML_ARRAY_SIZE(commands); i++) {
        if (strcmp(line, commands[i].name) == 0) {
            commands[i].run(console);
            return;
        }
    }
    if (line[0]) {
        say(console, "%s: no such command\n", line);
    }
}

static void monitor_input(struct vm_console *console, uint8_t c)
{
    if (c == '\r' || c == '\n') {
        say(console, "\n");
        console->line[console->line_length] = 0;
        command(console, console->line);
        console->monitor = console->line_length != 0;
        console->line_length = 0;
        say(console, console->monitor ? "(vm) " : "");
    } else if ((c == 0x7f || c == 0x08) && console->line_length != 0) {
        console->line_length--;
        say(console, "\b \b");
    } else if (c >= ' ' && c < 0x7f && console->line_length < sizeof(console->line) - 1) {
        console->line[console->line_length++] = (char)c;
        say(console, "%c", c);
    }
}

/* One character of the terminal. False: the device has no room for it now. */
static bool input(struct vm_console *console, uint8_t c)
{
    if (console->escaping) {
        if (c == CTRL_A && vml_chardev_push(&console->device, &c, 1) == 0) {
            return false;
        }
        console->escaping = false;
        if (c == 'x') {
            vm_post(console->vm, VM_EVENT_QUIT);
        } else if (c == 'c') {
            console->monitor = !console->monitor;
            say(console, console->monitor ? "\n(vm) " : "\n");
        }
        return true;
    }
    if (c == CTRL_A) {
        console->escaping = true;
        return true;
    }
    if (console->monitor) {
        monitor_input(console, c);
        return true;
    }
    return vml_chardev_push(&console->device, &c, 1) != 0;
}

/* From the host. */
static size_t push(void *context, const uint8_t *bytes, size_t length)
{
    struct vm_console *console = context;
    size_t done = 0;

    if (!console->escapes) {
        return vml_chardev_push(&console->device, bytes, length);
    }
    while (done < length && input(console, bytes[done])) {
        done++;
    }
    return done;
}

static void ready(void *context)
{
    struct vm_console *console = context;

    vml_chardev_ready(&console->device);
}

static void event(void *context, enum vml_chardev_event what)
{
    struct vm_console *console = context;

    vml_chardev_event(&console->device, what);
}

static const struct vml_chardev_ops ops = {.push = push, .ready = ready, .event = event};

static bool starts_with(const char *text, const char *prefix)
{
    return strncmp(text, prefix, strlen(prefix)) == 0;
}

void vm_console_open(struct vm_console *console, struct vm *vm, const char *what, const char *where)
{
    enum vml_char_host_kind kind;
    const char *path = NULL;
    enum vml_status status;

    memset(console, 0, sizeof(*console));
    console->vm = vm;
    if (strcmp(where, "none") == 0) {
        return;
    }
    if (strcmp(where, "stdio") == 0) {
        if (terminal) {
            vm_fail("%s 'stdio': another console is on the terminal already", what);
        }
        console->escapes = true;
        kind = VML_CHAR_HOST_STDIO;
    } else if (strcmp(where, "pty") == 0) {
        kind = VML_CHAR_HOST_PTY;
    } else if (starts_with(where, "unix:")) {
        kind = VML_CHAR_HOST_UNIX;
        path = where + strlen("unix:");
    } else if (starts_with(where, "log:")) {
        kind = VML_CHAR_HOST_FILE;
        path = where + strlen("log:");
    } else {
        vm_fail("%s '%s': must be stdio, pty, unix:PATH, log:FILE or none", what, where);
    }
    status = vml_char_host_open(&console->host, kind, path);
    if (status != VML_OK) {
        vm_fail("%s '%s': cannot be opened (%s)", what, where, vml_status_name(status));
    }
    console->open = true;
    if (kind == VML_CHAR_HOST_STDIO) {
        terminal = &console->host;
        (void)atexit(vm_console_restore_terminal);
    }
    if (kind == VML_CHAR_HOST_PTY) {
        fprintf(stderr, "vm: %s is on %s\n", what, console->host.name);
    }
}

struct vml_chardev vm_console_end(struct vm_console *console)
{
    return console->open ? vml_char_host_end(&console->host) : (struct vml_chardev){NULL, NULL};
}

void vm_console_start(struct vm_console *console, struct vml_chardev device)
{
    struct vml_chardev self = {&ops, console};

    console->device = device;
    if (console->open) {
        vm_check(vml_char_host_start(&console->host, &self), "console");
    }
}

void vm_console_close(struct vm_console *console)
{
    if (console->open) {
        console->open = false;
        if (terminal == &console->host) {
            vm_console_restore_terminal(); /* first: from here on no signal's handler does */
            terminal = NULL;
        }
        vml_char_host_close(&console->host);
    }
}
