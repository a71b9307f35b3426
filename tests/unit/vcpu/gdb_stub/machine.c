#include "machine.h"

#include <stdlib.h>

static void stop(void *context)
{
    struct machine *m = context;

    m->stops++;
    if (!m->late) {
        m->running = false;
        vml_gdb_stopped(&m->gdb, 0, VML_GDB_INTERRUPTED);
    }
}

static enum vml_status resume(void *context, enum vml_gdb_how how, uint32_t cpu)
{
    struct machine *m = context;

    if (m->refuses) {
        return VML_ERR_UNSUPPORTED;
    }
    m->resumes++;
    m->how = how;
    m->cpu = cpu;
    if (how == VML_GDB_STEP) {
        m->registers[cpu][VML_GDB_AARCH64_PC][0] += 4;
        vml_gdb_stopped(&m->gdb, cpu, VML_GDB_STEPPED);
    } else {
        m->running = true;
    }
    return VML_OK;
}

static bool read_register(void *context, uint32_t cpu, uint32_t number, uint8_t *bytes)
{
    struct machine *m = context;

    memcpy(bytes, m->registers[cpu][number], vml_gdb_aarch64.register_sizes[number]);
    return !m->refuses;
}

static bool write_register(void *context, uint32_t cpu, uint32_t number, const uint8_t *bytes)
{
    struct machine *m = context;

    if (!m->refuses) {
        memcpy(m->registers[cpu][number], bytes, vml_gdb_aarch64.register_sizes[number]);
    }
    return !m->refuses;
}

static size_t there(const struct machine *m, uint64_t address, size_t len)
{
    uint64_t offset = address - MACHINE_MEMORY;

    return offset >= sizeof(m->memory) ? 0 : (size_t)vml_min_u64(len, sizeof(m->memory) - offset);
}

static size_t read_memory(void *context, uint32_t cpu, uint64_t address, uint8_t *bytes, size_t len)
{
    struct machine *m = context;
    size_t n = there(m, address, len);

    (void)cpu;
    if (n != 0) {
        memcpy(bytes, m->memory + (address - MACHINE_MEMORY), n);
    }
    return n;
}

static size_t write_memory(void *context, uint32_t cpu, uint64_t address, const uint8_t *bytes,
                           size_t len)
{
    struct machine *m = context;
    size_t n = there(m, address, len);

    (void)cpu;
    if (n != 0) {
        memcpy(m->memory + (address - MACHINE_MEMORY), bytes, n);
    }
    return n;
}

static enum vml_status set_breakpoints(void *context, const uint64_t *addresses, uint32_t count)
{
    struct machine *m = context;

    if (count > m->most) {
        return VML_ERR_NO_SPACE;
    }
    m->breakpoints = addresses;
    m->breakpoint_count = count;
    return VML_OK;
}

static size_t describe(void *context, uint32_t cpu, char *text, size_t size)
{
    (void)context;
    (void)size;
    text[0] = 'v';
    text[1] = (char)('0' + cpu);
    return 2;
}

static void kill_machine(void *context)
{
    struct machine *m = context;

    m->kills++;
}

static const struct vml_gdb_ops ops = {
    .stop = stop,
    .resume = resume,
    .read_register = read_register,
    .write_register = write_register,
    .read_memory = read_memory,
    .write_memory = write_memory,
    .set_breakpoints = set_breakpoints,
    .describe = describe,
    .kill = kill_machine,
};

static size_t peer_push(void *context, const uint8_t *bytes, size_t len)
{
    struct machine *m = context;
    size_t n = (size_t)vml_min_u64(vml_min_u64(len, m->room), sizeof(m->sent) - m->sent_len);

    memcpy(m->sent + m->sent_len, bytes, n);
    m->sent_len += n;
    m->room -= n;
    return n;
}

static void peer_ready(void *context)
{
    struct machine *m = context;

    m->readies++;
}

static const struct vml_chardev_ops peer_ops = {.push = peer_push, .ready = peer_ready};

void machine_make(struct machine *m, uint32_t cpus, bool stopped)
{
    struct vml_gdb_config config = {
        .ops = &ops,
        .context = m,
        .target = &vml_gdb_aarch64,
        .cpus = cpus,
        .stopped = stopped,
        .peer = {&peer_ops, m},
    };
    enum vml_status status;

    memset(m, 0, sizeof(*m));
    m->running = !stopped;
    m->most = VML_GDB_BREAKPOINTS;
    m->room = SIZE_MAX;
    status = vml_gdb_init(&m->gdb, &config);
    if (status != VML_OK) {
        abort();
    }
    m->end = vml_gdb_end(&m->gdb);
}

void machine_end(struct machine *m)
{
    vml_gdb_destroy(&m->gdb);
}
