/* A serial line's or virtio console's other end, with the escape key and the monitor. */
#ifndef VM_CONSOLE_H
#define VM_CONSOLE_H

#include <stdbool.h>
#include <vml/char_host.h>

struct vm;

enum { VM_MONITOR_LINE = 128 };

struct vm_console {
    struct vm *vm;
    struct vml_char_host host;
    bool open;
    bool escapes; /* Ctrl-A is looked for */
    struct vml_chardev device;
    bool escaping; /* the last character was Ctrl-A */
    bool monitor;  /* input goes to the monitor */
    char line[VM_MONITOR_LINE];
    size_t line_length;
};

/* Opens "stdio", "pty", "unix:PATH", "log:FILE" or "none"; `what` is the option, for messages. */
void vm_console_open(struct vm_console *console, struct vm *vm, const char *what,
                     const char *where);
/* What the device pushes into. */
struct vml_chardev vm_console_end(struct vm_console *console);
/* Input goes to the device from now on. */
void vm_console_start(struct vm_console *console, struct vml_chardev device);
/* Stops, and restores the terminal. */
void vm_console_close(struct vm_console *console);
/* For a signal's handler: gives the terminal back, whichever console has it. */
void vm_console_restore_terminal(void);

#endif
