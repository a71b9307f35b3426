#include <vml/linux_kvm.h>

#if defined(__linux__) && defined(__aarch64__)

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

static int open_kvm(void *context)
{
    int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);

    (void)context;
    return fd < 0 ? -errno : fd;
}

static void close_fd(void *context, int fd)
{
    (void)context;
    (void)close(fd);
}

static int do_ioctl(void *context, int fd, uint32_t request, uintptr_t argument)
{
    int result = ioctl(fd, (unsigned long)request, argument);

    (void)context;
    return result < 0 ? -errno : result;
}

static void *map(void *context, int fd, size_t size)
{
    void *address = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    (void)context;
    return address == MAP_FAILED ? NULL : address;
}

static void unmap(void *context, void *address, size_t size)
{
    (void)context;
    (void)munmap(address, size);
}

static uint64_t thread(void *context)
{
    (void)context;
    return (uint64_t)syscall(SYS_gettid);
}

/* The signal's number is what `context` holds. By tgkill(), which a thread that has ended survives. */
static void kick(void *context, uint64_t id)
{
    (void)syscall(SYS_tgkill, getpid(), (pid_t)id, (int)(intptr_t)context);
}

static void on_signal(int number)
{
    (void)number;
}

enum vml_status vml_linux_kvm(struct vml_kvm_system *system, int number)
{
    struct sigaction action = {.sa_handler = on_signal};
    uint64_t frequency, dczid;

    number = number ? number : SIGUSR2;
    /* No SA_RESTART: the system call is to end. */
    if (sigaction(number, &action, NULL) != 0) {
        return VML_ERR_INVALID;
    }
    __asm__("mrs %0, cntfrq_el0" : "=r"(frequency));
    __asm__("mrs %0, dczid_el0" : "=r"(dczid));
    *system = (struct vml_kvm_system){
        .open = open_kvm,
        .close = close_fd,
        .ioctl = do_ioctl,
        .map = map,
        .unmap = unmap,
        .thread = thread,
        .kick = kick,
        .context = (void *)(intptr_t)number,
        .CNTFRQ_EL0 = frequency,
        .DCZID_EL0 = dczid,
    };
    return VML_OK;
}

const char *vml_linux_kvm_unavailable(void)
{
    int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);

    if (fd >= 0) {
        (void)close(fd);
        return NULL;
    }
    switch (errno) {
    case ENOENT:
    case ENODEV:
    case ENXIO:
        return "there is no /dev/kvm: the kernel was not booted at EL2, or has no KVM";
    case EACCES:
    case EPERM:
        return "/dev/kvm may not be opened by this user (group kvm)";
    default:
        return "/dev/kvm cannot be opened";
    }
}

int vml_linux_eventfd(void)
{
    return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
}

#else

enum vml_status vml_linux_kvm(struct vml_kvm_system *system, int signal)
{
    (void)system;
    (void)signal;
    return VML_ERR_UNSUPPORTED;
}

const char *vml_linux_kvm_unavailable(void)
{
    return "KVM runs A64 guests on arm64 Linux only";
}

int vml_linux_eventfd(void)
{
    return -1;
}

#endif
