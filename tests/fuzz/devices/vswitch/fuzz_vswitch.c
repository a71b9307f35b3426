/*
 * Any frames at any ports, ports that come and go, and time that passes. A frame goes to nobody twice,
 * never back, never between isolated ports, and neither to nor from a port that is not connected; who
 * was heard last, and has not been silent for too long, is sent what is for him alone.
 */
#include <stdlib.h>
#include <string.h>
#include <vml/vswitch.h>

enum { PORTS = 5, ENTRIES = 8, AGE_NS = 1000 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct vml_vswitch_port ports[PORTS];
static struct vml_vswitch_entry entries[ENTRIES];
static struct vml_clock sw_clock;
static uint64_t now;
static uint32_t times[PORTS];
static bool refuses[PORTS];

static void check(bool holds)
{
    if (!holds) {
        abort();
    }
}

static uint64_t read_clock(void *context)
{
    return now;
}

static bool station_gets(void *context, const struct vml_net_frame *frame)
{
    uint32_t port = (uint32_t)((uint32_t *)context - times);

    times[port]++;
    return !refuses[port];
}

static void send(struct vml_vswitch *vswitch, uint32_t from, const uint8_t *bytes, uint32_t length)
{
    uint32_t cut = length / 2;
    struct vml_virtq_buf bufs[2] = {{(uint8_t *)(uintptr_t)bytes, cut, 0},
                                    {(uint8_t *)(uintptr_t)bytes + cut, length - cut, 0}};
    struct vml_net_frame frame = {.bufs = bufs, .count = 2, .length = length};
    struct vml_net end = vml_vswitch_end(vswitch, from);

    memset(times, 0, sizeof(times));
    check(vml_net_send(&end, &frame));
    for (uint32_t i = 0; i < PORTS; i++) {
        check(times[i] <= 1);
        check(times[i] == 0 || (ports[i].connected && ports[from].connected && i != from &&
                                !(ports[i].isolated && ports[from].isolated) && length >= 14));
        /* What is for a group goes to all who may get it. */
        check(length < 14 || !(bytes[0] & 1) || times[i] != 0 || !ports[i].connected ||
              !ports[from].connected || i == from || (ports[i].isolated && ports[from].isolated));
    }
}

/* The answer to who was heard just now goes to no third one. */
static void answer(struct vml_vswitch *vswitch, uint32_t from, uint32_t to, const uint8_t *heard)
{
    uint8_t bytes[14] = {0};

    memcpy(bytes, heard + 6, 6);
    memcpy(bytes + 6, heard, 6);
    bytes[6] &= 0xfe;
    if (!ports[from].connected || (heard[6] & 1) || memcmp(bytes, bytes + 6, 6) == 0) {
        return;
    }
    if (memcmp(heard + 6, "\0\0\0\0\0", 6) == 0) {
        return;
    }
    send(vswitch, to, bytes, sizeof(bytes));
    for (uint32_t i = 0; i < PORTS; i++) {
        check(times[i] == 0 || i == from);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct vml_net_ops ops = {.send = station_gets};
    static struct vml_vswitch vswitch;
    struct vml_vswitch_config config = {.ports = ports,
                                        .port_count = PORTS,
                                        .entries = entries,
                                        .entry_count = ENTRIES,
                                        .clock = &sw_clock,
                                        .age_ns = AGE_NS};

    now = 0;
    sw_clock.source =
        (struct vml_clock_source){.now = read_clock, .frequency_hz = UINT64_C(1000000000)};
    for (uint32_t i = 0; i < PORTS; i++) {
        ports[i].isolated = i < 2;
    }
    check(vml_vswitch_init(&vswitch, &config) == VML_OK);
    while (size >= 2) {
        uint32_t command = data[0] >> 5, port = (data[0] & 31) % PORTS, value = data[1];
        struct vml_net peer = {&ops, &times[port]};
        uint32_t length;

        data += 2;
        size -= 2;
        switch (command) {
        case 0:
            vml_vswitch_connect(&vswitch, port, &peer);
            break;
        case 1:
            vml_vswitch_disconnect(&vswitch, port);
            break;
        case 2:
            refuses[port] = value & 1;
            break;
        case 3:
            now += (uint64_t)value * 8;
            break;
        default:
            length = (uint32_t)vml_min_u64(value % 20, size);
            send(&vswitch, port, data, length);
            if (length >= 14 && command >= 6) {
                answer(&vswitch, port, value % PORTS == port ? (port + 1) % PORTS : value % PORTS,
                       data);
            }
            data += length;
            size -= length;
            break;
        }
    }
    vml_vswitch_destroy(&vswitch);
    return 0;
}
