/* The same chains through DPDK's rte_vhost, where it is installed (Debian: libdpdk-dev): it takes them
 * from the ring, copies them into packets of its own, which are allocated and freed, and gives them
 * back, 32 at a time. To compare with the lines pop+copy+push+publish/32 of bench_virtq. */
#include "bench.h"

#if __has_include(<rte_vhost.h>)
#include <errno.h>
#include <fcntl.h>
#include <linux/vhost_types.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <rte_vhost.h>

enum { SIZE = 256, BATCH = 32, RAM_BASE = 0x40000000, RAM_SIZE = 16 << 20, BUFFERS = 8 << 20 };
enum { HEADER = 12 }; /* of virtio-net, before each packet */

struct desc {
    uint64_t addr;
    uint32_t len;
    uint16_t a; /* split: flags, packed: id */
    uint16_t b; /* split: next, packed: flags */
};

static uint8_t *ram;
static int ram_fd;
static struct desc *descs;
static uint16_t *avail;
static struct desc laps[2][SIZE];
static struct rte_mempool *pool;
static int device = -1;

/* ------------------------------------------------------------------- the other side of the socket */

enum {
    SET_FEATURES = 2,
    SET_OWNER = 3,
    SET_MEM_TABLE = 5,
    SET_VRING_NUM = 8,
    SET_VRING_ADDR = 9,
    SET_VRING_BASE = 10,
    SET_VRING_KICK = 12,
    SET_VRING_CALL = 13,
    NO_FD = 0x100,
};

struct message {
    uint32_t request, flags, size;
    union {
        uint64_t u64;
        struct vhost_vring_state state;
        struct vhost_vring_addr addr;
        struct {
            uint32_t count, padding;
            uint64_t gpa, size, user, offset;
        } memory;
    } payload;
} __attribute__((packed));

static void tell(int fd, uint32_t request, const void *payload, uint32_t size, int passed)
{
    struct message m = {.request = request, .flags = 1, .size = size};
    struct iovec iov = {&m, 12 + size};
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {.header = {.cmsg_level = SOL_SOCKET,
                            .cmsg_type = SCM_RIGHTS,
                            .cmsg_len = CMSG_LEN(sizeof(int))}};
    struct msghdr msg = {.msg_iov = &iov, .msg_iovlen = 1};

    memcpy(&m.payload, payload, size);
    if (passed >= 0) {
        memcpy(CMSG_DATA(&control.header), &passed, sizeof(int));
        msg.msg_control = &control;
        msg.msg_controllen = sizeof(control);
    }
    if (sendmsg(fd, &msg, 0) < 0) {
        abort();
    }
}

static void tell_u64(int fd, uint32_t request, uint64_t value)
{
    tell(fd, request, &value, sizeof(value), -1);
}

static void tell_ring(int fd, unsigned index, bool packed)
{
    struct vhost_vring_state size = {index, SIZE}, base = {index, packed ? 0x80008000u : 0};
    uint8_t *at = ram + index * 0x40000;
    struct vhost_vring_addr addr = {.index = index,
                                    .desc_user_addr = (uintptr_t)at,
                                    .avail_user_addr = (uintptr_t)at + 0x10000,
                                    .used_user_addr = (uintptr_t)at + 0x20000};

    tell(fd, SET_VRING_NUM, &size, sizeof(size), -1);
    tell(fd, SET_VRING_BASE, &base, sizeof(base), -1);
    tell(fd, SET_VRING_ADDR, &addr, sizeof(addr), -1);
    tell_u64(fd, SET_VRING_CALL, index | NO_FD);
    tell_u64(fd, SET_VRING_KICK, index | NO_FD);
}

static int new_device(int vid)
{
    __atomic_store_n(&device, vid, __ATOMIC_RELEASE);
    return 0;
}

static void destroy_device(int vid)
{
    (void)vid;
}

static const struct rte_vhost_device_ops ops = {.new_device = new_device,
                                                .destroy_device = destroy_device};

static void make(bool packed)
{
    char *args[] = {
        "bench", "--no-huge", "--no-pci", "--no-telemetry", "--no-shconf", "--log-level=1", "-m",
        "64",    "-l",        "0"};
    char path[64];
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    struct {
        uint32_t count, padding;
        uint64_t gpa, size, user, offset;
    } memory = {1, 0, RAM_BASE, RAM_SIZE, 0, 0};
    int fd;

    snprintf(path, sizeof(path), "/tmp/vml-vhost-%d", (int)getpid());
    unlink(path);
    ram_fd = memfd_create("ram", 0);
    if (ram_fd < 0 || ftruncate(ram_fd, RAM_SIZE) != 0) {
        abort();
    }
    ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, ram_fd, 0);
    memory.user = (uintptr_t)ram;
    descs = (struct desc *)(ram + 0x40000); /* ring 1 is what the guest sends by */
    avail = (uint16_t *)(ram + 0x50000);
    if (rte_eal_init((int)(sizeof(args) / sizeof(args[0])), args) < 0) {
        fprintf(stderr, "rte_vhost: %s\n", rte_strerror(rte_errno));
        exit(1);
    }
    pool = rte_pktmbuf_pool_create("mbufs", 1023, 64, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
    if (!pool || rte_vhost_driver_register(path, 0) != 0 ||
        rte_vhost_driver_callback_register(path, &ops) != 0 || rte_vhost_driver_start(path) != 0) {
        fprintf(stderr, "rte_vhost: %s\n", rte_strerror(rte_errno));
        exit(1);
    }
    memcpy(name.sun_path, path, strlen(path) + 1);
    fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr *)&name, sizeof(name)) != 0) {
        abort();
    }
    unlink(path);
    tell(fd, SET_OWNER, "", 0, -1);
    tell_u64(fd, SET_FEATURES, UINT64_C(1) << 32 | (packed ? UINT64_C(1) << 34 : 0));
    tell(fd, SET_MEM_TABLE, &memory, sizeof(memory), ram_fd);
    avail[0] = 1; /* no interrupts */
    ((uint16_t *)(ram + 0x50000))[1] = packed ? 1 : 0;
    tell_ring(fd, 0, packed);
    tell_ring(fd, 1, packed);
    while (__atomic_load_n(&device, __ATOMIC_ACQUIRE) < 0) {
        usleep(1000);
    }
    usleep(100000); /* what the other thread has left to do */
}

static void fill_split(unsigned chain, uint32_t len)
{
    for (unsigned i = 0; i < SIZE; i++) {
        descs[i] =
            (struct desc){RAM_BASE + BUFFERS + i * 2048u, len + (i % chain == 0 ? HEADER : 0),
                          (uint16_t)(i % chain != chain - 1), (uint16_t)(i + 1)};
    }
    for (unsigned i = 0; i < SIZE; i++) {
        avail[2 + i] = (uint16_t)(i * chain % SIZE);
    }
}

static void fill_packed(unsigned chain, uint32_t len)
{
    for (unsigned wrap = 0; wrap < 2; wrap++) {
        for (unsigned i = 0; i < SIZE; i++) {
            laps[wrap][i] = (struct desc){
                RAM_BASE + BUFFERS + i * 2048u, len + (i % chain == 0 ? HEADER : 0), (uint16_t)i,
                (uint16_t)((wrap ? 0x80 : 0x8000) | (i % chain != chain - 1))};
        }
    }
}

static void take(unsigned batch, uint32_t len)
{
    struct rte_mbuf *packets[BATCH];

    if (rte_vhost_dequeue_burst(device, 1, pool, packets, (uint16_t)batch) != batch ||
        rte_pktmbuf_pkt_len(packets[0]) != len) {
        abort();
    }
    rte_pktmbuf_free_bulk(packets, batch);
}

static void run(uint64_t n, bool packed, unsigned chain, uint32_t len)
{
    bool wrap = true;

    make(packed);
    if (packed) {
        fill_packed(chain, len);
    } else {
        fill_split(chain, len);
    }
    while (n != 0) {
        unsigned left = n < SIZE / chain ? (unsigned)n : SIZE / chain;

        n -= left;
        if (packed) {
            memcpy(descs, laps[wrap], sizeof(laps[wrap]));
            wrap = !wrap;
        }
        while (left != 0) {
            unsigned batch = left < BATCH ? left : BATCH;

            if (!packed) {
                avail[1] = (uint16_t)(avail[1] + batch);
            }
            take(batch, chain * len);
            left -= batch;
        }
    }
}

static void split_1(uint64_t n)
{
    run(n, false, 1, 64);
}

static void split_4(uint64_t n)
{
    run(n, false, 4, 64);
}

static void packed_1(uint64_t n)
{
    run(n, true, 1, 64);
}

static void packed_4(uint64_t n)
{
    run(n, true, 4, 64);
}

static const struct bench_case cases[] = {
    {"split dequeue_burst/32 64, chain of 1", split_1},
    {"split dequeue_burst/32 4x64, chain of 4", split_4},
    {"packed dequeue_burst/32 64, chain of 1", packed_1},
    {"packed dequeue_burst/32 4x64, chain of 4", packed_4},
};

BENCH_MAIN(cases)

#else

int main(int argc, char **argv)
{
    return bench_main(NULL, 0, argc, argv);
}

#endif
