/*
 * A hostile debugger: whatever it sends, the stub asks nothing of the machine that it must not, sends
 * nothing but acks and packets with their checksums, and never more than fits. Bytes go to the stub as they
 * are, but for three: 0xff and what follows is an event of the line or the machine, 0xfe closes a packet
 * with its checksum, 0xfd lets the peer read so much.
 */
#include <stdlib.h>
#include <vml/gdb_stub.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct rig {
    struct vml_gdb gdb;
    struct vml_chardev end;
    bool standing, ended;
    size_t room;
    uint32_t in_packet, digits;
    uint8_t memory[64];
};

static void check(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void stop(void *context)
{
    struct rig *r = context;

    check(!r->ended && !r->standing);
}

static enum vml_status resume(void *context, enum vml_gdb_how how, uint32_t cpu)
{
    struct rig *r = context;

    check(!r->ended && r->standing && cpu < 2);
    if (how == VML_GDB_STEP) {
        vml_gdb_stopped(&r->gdb, cpu, VML_GDB_STEPPED);
    } else {
        r->standing = false;
    }
    return VML_OK;
}

static bool read_register(void *context, uint32_t cpu, uint32_t number, uint8_t *bytes)
{
    const struct rig *r = context;

    check(!r->ended && r->standing && cpu < 2 && number < vml_gdb_aarch64.registers);
    memset(bytes, (int)number, vml_gdb_aarch64.register_sizes[number]);
    return number != 7;
}

static bool write_register(void *context, uint32_t cpu, uint32_t number, const uint8_t *bytes)
{
    const struct rig *r = context;

    check(!r->ended && r->standing && cpu < 2 && number < vml_gdb_aarch64.registers);
    return bytes[0] != 7;
}

static size_t read_memory(void *context, uint32_t cpu, uint64_t address, uint8_t *bytes, size_t len)
{
    const struct rig *r = context;
    size_t n =
        address >= sizeof(r->memory) ? 0 : (size_t)vml_min_u64(len, sizeof(r->memory) - address);

    check(!r->ended && r->standing && cpu < 2);
    memset(bytes, 0x5a, n);
    return n;
}

static size_t write_memory(void *context, uint32_t cpu, uint64_t address, const uint8_t *bytes,
                           size_t len)
{
    struct rig *r = context;
    size_t n =
        address >= sizeof(r->memory) ? 0 : (size_t)vml_min_u64(len, sizeof(r->memory) - address);

    check(!r->ended && r->standing && cpu < 2);
    if (n != 0) {
        memcpy(r->memory + address, bytes, n);
    }
    return n;
}

static enum vml_status set_breakpoints(void *context, const uint64_t *addresses, uint32_t count)
{
    const struct rig *r = context;

    check(!r->ended && r->standing && count <= VML_GDB_BREAKPOINTS);
    return count != 0 && addresses[count - 1] == 7 ? VML_ERR_NO_SPACE : VML_OK;
}

static const struct vml_gdb_ops ops = {
    .stop = stop,
    .resume = resume,
    .read_register = read_register,
    .write_register = write_register,
    .read_memory = read_memory,
    .write_memory = write_memory,
    .set_breakpoints = set_breakpoints,
};

static size_t peer_push(void *context, const uint8_t *bytes, size_t len)
{
    struct rig *r = context;
    size_t n = (size_t)vml_min_u64(len, r->room);

    for (size_t i = 0; i < n; i++) {
        if (bytes[i] == '$') { /* a new one, also where the last session was cut off */
            r->in_packet = 1;
            r->digits = 0;
        } else if (r->digits != 0) {
            r->digits--;
        } else if (bytes[i] == '#') {
            check(r->in_packet != 0);
            r->in_packet = 0;
            r->digits = 2;
        } else if (r->in_packet != 0) {
            check(++r->in_packet <= VML_GDB_PACKET_SIZE + 1);
        } else {
            check(bytes[i] == '+' || bytes[i] == '-');
        }
    }
    r->room -= n;
    return n;
}

static const struct vml_chardev_ops peer_ops = {.push = peer_push};

static void happen(struct rig *r, uint8_t what)
{
    switch (what % 6) {
    case 0:
        vml_chardev_event(&r->end, VML_CHARDEV_OPENED);
        break;
    case 1:
        r->in_packet = 0;
        r->digits = 0;
        vml_chardev_event(&r->end, VML_CHARDEV_CLOSED);
        break;
    case 2:
        vml_chardev_event(&r->end, VML_CHARDEV_BREAK);
        break;
    case 3:
    case 4:
        if (!r->standing) {
            r->standing = true;
            vml_gdb_stopped(&r->gdb, what / 6,
                            what % 6 == 3 ? VML_GDB_BREAKPOINT : VML_GDB_INTERRUPTED);
        }
        break;
    default:
        if (what >= 0xf0) {
            vml_gdb_exited(&r->gdb);
            r->ended = true;
        }
        break;
    }
}

static void push(struct rig *r, uint8_t byte)
{
    (void)vml_chardev_push(&r->end, &byte, 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char digits[] = "0123456789abcdef";
    static struct rig r;
    struct vml_gdb_config config = {
        .ops = &ops, .context = &r, .target = &vml_gdb_aarch64, .cpus = 2, .peer = {&peer_ops, &r}};
    uint8_t sum = 0;

    memset(&r, 0, sizeof(r));
    r.room = SIZE_MAX;
    r.standing = config.stopped = size != 0 && data[0] & 1;
    check(vml_gdb_init(&r.gdb, &config) == VML_OK);
    r.end = vml_gdb_end(&r.gdb);
    for (size_t i = 1; i < size; i++) {
        switch (data[i]) {
        case 0xff:
            happen(&r, i + 1 < size ? data[++i] : 0);
            break;
        case 0xfe:
            push(&r, '#');
            push(&r, (uint8_t)digits[sum >> 4]);
            push(&r, (uint8_t)digits[sum & 15]);
            break;
        case 0xfd:
            r.room = i + 1 < size ? data[++i] * 16u : SIZE_MAX;
            vml_chardev_ready(&r.end);
            break;
        default:
            sum = data[i] == '$' ? 0 : (uint8_t)(sum + data[i]);
            push(&r, data[i]);
            break;
        }
    }
    vml_gdb_destroy(&r.gdb);
    return 0;
}
