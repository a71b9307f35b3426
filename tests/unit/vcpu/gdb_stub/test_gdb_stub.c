/* What GDB's documentation says of the remote serial protocol. */
#include "test.h"

#include <stdio.h>

#include "machine.h"

static struct machine m;

static int setup(void **state)
{
    (void)state;
    machine_make(&m, 2, false);
    vml_chardev_event(&m.end, VML_CHARDEV_OPENED);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    machine_end(&m);
    return 0;
}

static void feed(const char *bytes, size_t len)
{
    while (len != 0) {
        size_t n = vml_chardev_push(&m.end, (const uint8_t *)bytes, len);

        assert_int_not_equal(n, 0);
        bytes += n;
        len -= n;
    }
}

/* `$text#sum`, of binary bytes that are escaped already. */
static void packet_bytes(const char *bytes, size_t len)
{
    uint8_t sum = 0;
    char end[4];

    for (size_t i = 0; i < len; i++) {
        sum = (uint8_t)(sum + (uint8_t)bytes[i]);
    }
    snprintf(end, sizeof(end), "#%02x", sum);
    feed("$", 1);
    feed(bytes, len);
    feed(end, 3);
}

static void packet(const char *text)
{
    packet_bytes(text, strlen(text));
}

/* All that was sent since the last time. */
static const char *sent(void)
{
    static char copy[sizeof(m.sent) + 1];

    memcpy(copy, m.sent, m.sent_len);
    copy[m.sent_len] = 0;
    m.sent_len = 0;
    return copy;
}

/* What a packet is answered with, between `+$` and `#`; its checksum is looked at. */
static const char *ask(const char *text)
{
    static char reply[VML_GDB_PACKET_SIZE + 1];
    uint8_t sum = 0;
    char end[4];
    const char *all;
    size_t len;

    packet(text);
    all = sent();
    len = strlen(all);
    assert_true(len >= 5 && all[0] == '+' && all[1] == '$');
    assert_true(len - 5 <= VML_GDB_PACKET_SIZE);
    memcpy(reply, all + 2, len - 5);
    reply[len - 5] = 0;
    for (size_t i = 0; i < len - 5; i++) {
        sum = (uint8_t)(sum + (uint8_t)reply[i]);
    }
    snprintf(end, sizeof(end), "#%02x", sum);
    assert_string_equal(all + len - 3, end);
    feed("+", 1);
    return reply;
}

static void assert_asked(const char *text, const char *reply)
{
    assert_string_equal(ask(text), reply);
}

static void assert_error(const char *text)
{
    const char *reply = ask(text);

    assert_int_equal(strlen(reply), 3);
    assert_int_equal(reply[0], 'E');
}

static void init_wants_its_members(void **state)
{
    struct vml_gdb_config config = m.gdb.config;
    struct vml_gdb_ops ops = *config.ops;
    struct vml_gdb gdb;

    (void)state;
    config.cpus = 0;
    assert_int_equal(vml_gdb_init(&gdb, &config), VML_ERR_INVALID);
    config.cpus = 1;
    config.target = NULL;
    assert_int_equal(vml_gdb_init(&gdb, &config), VML_ERR_INVALID);
    config.target = &vml_gdb_aarch64;
    ops.resume = NULL;
    config.ops = &ops;
    assert_int_equal(vml_gdb_init(&gdb, &config), VML_ERR_INVALID);
    config.ops = NULL;
    assert_int_equal(vml_gdb_init(&gdb, &config), VML_ERR_INVALID);
}

static void a_connection_stops_the_machine_and_its_end_lets_it_go(void **state)
{
    (void)state;
    assert_false(m.running);
    assert_int_equal(m.stops, 1);
    assert_string_equal(sent(), ""); /* a stop is reported when it is asked for */
    assert_asked("?", "T05thread:1;");
    assert_asked("Z0,1000,4", "OK");
    vml_chardev_event(&m.end, VML_CHARDEV_CLOSED);
    assert_true(m.running);
    assert_int_equal(m.breakpoint_count, 0);
    vml_chardev_event(&m.end, VML_CHARDEV_CLOSED);
    assert_int_equal(m.resumes, 1);
    vml_chardev_event(&m.end, VML_CHARDEV_OPENED);
    assert_false(m.running);
}

static void one_that_waits_is_not_let_go_by_a_line_without_anybody(void **state)
{
    (void)state;
    machine_end(&m);
    machine_make(&m, 1, true);
    vml_chardev_event(&m.end, VML_CHARDEV_CLOSED);
    assert_false(m.running);
    vml_chardev_event(&m.end, VML_CHARDEV_OPENED);
    assert_int_equal(m.stops, 0);
    vml_chardev_event(&m.end, VML_CHARDEV_CLOSED);
    assert_true(m.running);
}

static void a_first_packet_attaches_where_the_line_does_not_tell(void **state)
{
    (void)state;
    machine_end(&m);
    machine_make(&m, 1, false);
    feed("+\003", 2); /* neither does */
    assert_int_equal(m.stops, 0);
    m.late = true;
    packet("?");
    assert_string_equal(sent(), "+");
    assert_int_equal(m.stops, 1);
    vml_gdb_stopped(&m.gdb, 7, VML_GDB_INTERRUPTED);
    assert_string_equal(sent(), "$T05thread:1;#d7");
}

static void checksums_are_checked(void **state)
{
    (void)state;
    feed("$?#00", 5);
    assert_string_equal(sent(), "-");
    feed("$?#zz", 5);
    assert_string_equal(sent(), "-");
    feed("$?#3F", 5); /* either case */
    assert_int_equal(sent()[0], '+');
    feed("$qC$?#3f", 8); /* cut off, and then a whole one */
    assert_non_null(strstr(sent(), "+$T05"));
}

static void a_nack_asks_for_the_packet_again(void **state)
{
    char first[64];

    (void)state;
    feed("-", 1); /* of nothing */
    assert_string_equal(sent(), "");
    packet("qC");
    memcpy(first, sent(), sizeof(first));
    assert_string_equal(first, "+$QC1#c5");
    feed("-", 1);
    assert_string_equal(sent(), first + 1);
    feed("-", 1);
    assert_string_equal(sent(), first + 1);
}

static void acks_can_be_turned_off(void **state)
{
    (void)state;
    assert_asked("QStartNoAckMode", "OK");
    packet("qC");
    assert_string_equal(sent(), "$QC1#c5");
    feed("-$qC#00", 7); /* neither is of any use then */
    assert_string_equal(sent(), "");
    vml_chardev_event(&m.end, VML_CHARDEV_OPENED); /* for one session */
    assert_asked("qC", "QC1");
}

static void unknown_packets_have_an_empty_reply(void **state)
{
    static const char *const unknown[] = {
        "vMustReplyEmpty", "",          "!",           "qUnknown", "QUnknown",
        "Z2,1000,4",       "z4,1000,4", "vFile:open:", "R00"};

    (void)state;
    for (size_t i = 0; i < VML_ARRAY_SIZE(unknown); i++) {
        assert_asked(unknown[i], "");
    }
}

static void features_are_told(void **state)
{
    (void)state;
    assert_asked("qSupported:swbreak+;xmlRegisters=i386",
                 "PacketSize=1000;QStartNoAckMode+;qXfer:features:read+;vContSupported+;swbreak+;"
                 "hwbreak+");
    assert_asked("vCont?", "vCont;c;C;s;S");
    assert_asked("qAttached", "1");
    assert_asked("qAttached:1", "1");
}

static void the_description_is_read_in_pieces(void **state)
{
    char xml[8192] = "", request[64];
    const char *reply = "m";

    (void)state;
    while (reply[0] == 'm') {
        snprintf(request, sizeof(request), "qXfer:features:read:target.xml:%zx,1f3", strlen(xml));
        reply = ask(request);
        assert_true(reply[0] == 'm' || reply[0] == 'l');
        strcat(xml, reply + 1);
    }
    assert_int_equal(strlen(xml), vml_gdb_aarch64.xml_size);
    assert_non_null(strstr(xml, "<architecture>aarch64</architecture>"));
    assert_non_null(strstr(xml, "org.gnu.gdb.aarch64.core"));
    assert_non_null(strstr(xml, "org.gnu.gdb.aarch64.fpu"));
    assert_non_null(strstr(xml, "name=\"x30\""));
    assert_non_null(strstr(xml, "name=\"v31\""));
    assert_asked("qXfer:features:read:target.xml:ffff,10", "E16");
    assert_asked("qXfer:features:read:other.xml:0,10", "E00");
    assert_error("qXfer:features:read:target.xml:0");
    assert_error("qXfer:features:read:target.xml:x,1");
    snprintf(request, sizeof(request), "qXfer:features:read:target.xml:%zx,10", strlen(xml));
    assert_asked(request, "l");
}

static void binary_replies_are_escaped(void **state)
{
    struct vml_gdb_target target = vml_gdb_aarch64;
    struct vml_gdb_config config = m.gdb.config;

    (void)state;
    target.xml = "a#$}*b";
    target.xml_size = 6;
    config.target = &target;
    machine_end(&m);
    assert_int_equal(vml_gdb_init(&m.gdb, &config), VML_OK);
    assert_asked("qXfer:features:read:target.xml:0,100", "la}\003}\004}]}\nb");
}

static void registers_are_read_and_written(void **state)
{
    const size_t digits = 2 * (33 * 8 + 4 + 32 * 16 + 8);
    char all[2048];

    (void)state;
    for (unsigned i = 0; i < 8; i++) {
        m.registers[0][VML_GDB_AARCH64_PC][i] = (uint8_t)(0x10 + i);
    }
    assert_asked("p20", "1011121314151617");
    assert_asked("P20=efcdab8967452301", "OK");
    assert_int_equal(m.registers[0][VML_GDB_AARCH64_PC][0], 0xef);
    assert_asked("P21=01020304", "OK");
    assert_asked("p21", "01020304");
    snprintf(all, sizeof(all), "G%s", ask("g"));
    assert_int_equal(strlen(all), digits + 1);
    assert_memory_equal(all + 1 + 32 * 16, "efcdab896745230101020304", 24);
    all[1] = '7';
    assert_asked(all, "OK");
    assert_int_equal(m.registers[0][0][0], 0x70);
    all[digits] = 0;
    assert_error(all);
    all[digits] = 'x';
    assert_error(all);
    assert_error("p44");
    assert_error("p");
    assert_error("p1x");
    assert_error("pffffffffffffffff1");
    assert_error("P20=00");
    assert_error("P20");
    assert_error("P20=00000000000000000");
    m.refuses = true;
    assert_error("p0");
    assert_error("P0=0000000000000000");
    assert_memory_equal(ask("g"), "xxxx", 4);
    all[digits] = '0';
    assert_error(all);
}

static void threads_are_vcpus(void **state)
{
    (void)state;
    assert_asked("qfThreadInfo", "m1,2");
    assert_asked("qsThreadInfo", "l");
    assert_asked("qC", "QC1");
    assert_asked("Hg2", "OK");
    assert_asked("qC", "QC2");
    m.registers[1][0][0] = 0x42;
    assert_asked("p0", "4200000000000000");
    assert_asked("Hc-1", "OK"); /* all, and any: as it was */
    assert_asked("Hg0", "OK");
    assert_asked("qC", "QC2");
    assert_asked("T1", "OK");
    assert_asked("T2", "OK");
    assert_error("T3");
    assert_error("T0");
    assert_error("T");
    assert_error("Hg3");
    assert_error("Hx1");
    assert_error("H");
    assert_asked("qThreadExtraInfo,2", "7631");
    assert_error("qThreadExtraInfo,3");
}

static void a_long_list_of_threads_goes_on(void **state)
{
    unsigned count = 0, parts = 0;
    const char *reply;

    (void)state;
    m.gdb.config.cpus = 3000;
    for (reply = ask("qfThreadInfo"); reply[0] == 'm'; reply = ask("qsThreadInfo")) {
        parts++;
        for (const char *at = reply; *at; at++) {
            count += *at == ',' || *at == 'm';
        }
    }
    assert_string_equal(reply, "l");
    assert_int_equal(count, 3000);
    assert_true(parts > 1);
}

static void memory_is_read(void **state)
{
    (void)state;
    for (unsigned i = 0; i < sizeof(m.memory); i++) {
        m.memory[i] = (uint8_t)i;
    }
    assert_asked("m1000,4", "00010203");
    assert_asked("m10fe,4", "feff"); /* as much as there is */
    assert_asked("m1000,0", "");
    assert_int_equal(strlen(ask("m1000,100")), 512);
    assert_int_equal(strlen(ask("m1000,ffffffff")), 512);
    assert_error("m2000,4");
    assert_error("mffffffffffffffff,10");
    assert_error("m");
    assert_error("m1000");
    assert_error("m1000,");
    assert_error("m1000,4x");
    assert_error("m1,ffffffffffffffff1");
}

static void memory_is_written(void **state)
{
    (void)state;
    assert_asked("M1000,3:0aFf10", "OK");
    assert_memory_equal(m.memory, "\x0a\xff\x10\0", 4);
    packet_bytes("X1004,5:a}\003}]}\004\0", 16);
    assert_non_null(strstr(sent(), "$OK#"));
    assert_memory_equal(m.memory + 4, "a#}$\0", 5);
    assert_asked("X1000,0:", "OK"); /* how gdb asks whether there is X */
    assert_error("X1000,2:a");
    assert_error("M1000,2:00");
    assert_error("M1000,1:0");
    assert_error("M1000,1:0g");
    assert_error("M1000,1");
    assert_error("M1000:00");
    assert_error("M2000,1:00");
    assert_error("M10ff,2:1122");
}

static void it_goes_on_and_stops(void **state)
{
    (void)state;
    packet("c");
    assert_string_equal(sent(), "+");
    assert_true(m.running);
    assert_int_equal(m.how, VML_GDB_CONTINUE);
    assert_error("g"); /* not while it runs */
    assert_error("vCont;c");
    assert_asked("qC", "QC1");
    feed("\003", 1);
    assert_string_equal(sent(), "$T02thread:1;#d4");
    assert_false(m.running);
    feed("\003", 1); /* it stands */
    assert_int_equal(m.stops, 2);
    packet("C05");
    assert_string_equal(sent(), "+");
    vml_gdb_stopped(&m.gdb, 1, VML_GDB_INTERRUPTED);
    vml_gdb_stopped(&m.gdb, 0, VML_GDB_BREAKPOINT); /* nothing until it was resumed */
    assert_non_null(strstr(sent(), "$T02thread:2;#"));
    assert_asked("qC", "QC2");
    packet("c");
    vml_chardev_event(&m.end, VML_CHARDEV_BREAK);
    assert_non_null(strstr(sent(), "$T02"));
    m.refuses = true;
    assert_error("c");
}

static void it_steps(void **state)
{
    (void)state;
    assert_asked("s", "T05thread:1;");
    assert_int_equal(m.how, VML_GDB_STEP);
    assert_asked("S05", "T05thread:1;");
    assert_asked("s1000", "T05thread:1;");
    assert_asked("p20", "0410000000000000");
    assert_asked("S05;2000", "T05thread:1;");
    assert_asked("p20", "0420000000000000");
    assert_error("sx");
    assert_error("s1000x");
    assert_error("S");
    assert_error("S05;");
    assert_error("S05x");
    assert_int_equal(m.resumes, 4);
    m.refuses = true;
    assert_error("s1000");
}

static void resumed(const char *text, enum vml_gdb_how how, uint32_t cpu)
{
    unsigned before = m.resumes;

    packet(text);
    assert_int_equal(m.resumes, before + 1);
    assert_int_equal(m.how, how);
    if (how != VML_GDB_CONTINUE) {
        assert_int_equal(m.cpu, cpu);
    }
    if (how != VML_GDB_STEP) {
        vml_gdb_stopped(&m.gdb, 0, VML_GDB_INTERRUPTED);
    }
    (void)sent();
}

static void vcont_says_who(void **state)
{
    static const char *const wrong[] = {
        "vCont;",     "vCont",        "vCont;x",   "vCont;c:", "vCont;c:3",  "vCont;C",
        "vCont;c;s;", "vCont;c:p1.1", "vCont;t:1", "vContc",   "vCont;C05:9"};

    (void)state;
    resumed("vCont;c", VML_GDB_CONTINUE, 0);
    resumed("vCont;c:-1", VML_GDB_CONTINUE, 0);
    resumed("vCont;C05:1;c", VML_GDB_CONTINUE, 0);
    resumed("vCont;c:2", VML_GDB_CONTINUE_ONE, 1);
    resumed("vCont;s:2", VML_GDB_STEP, 1);
    resumed("vCont;s:2;c", VML_GDB_STEP, 1);
    resumed("vCont;S05:1;c:-1", VML_GDB_STEP, 0);
    resumed("vCont;c:1;s:2", VML_GDB_STEP, 1);
    resumed("vCont;s", VML_GDB_STEP, 1); /* the present one */
    for (size_t i = 0; i < VML_ARRAY_SIZE(wrong); i++) {
        assert_error(wrong[i]);
    }
}

static void breakpoints_are_inserted_and_hit(void **state)
{
    (void)state;
    (void)ask("qSupported:swbreak+;hwbreak+");
    assert_asked("Z0,1000,4", "OK");
    assert_asked("Z0,1000,4", "OK"); /* idempotent */
    assert_asked("Z1,1004,4", "OK");
    assert_int_equal(m.breakpoint_count, 2);
    assert_int_equal(m.breakpoints[0], 0x1000);
    assert_int_equal(m.breakpoints[1], 0x1004);
    packet("c");
    memcpy(m.registers[1][VML_GDB_AARCH64_PC], "\0\x10", 2);
    vml_gdb_stopped(&m.gdb, 1, VML_GDB_BREAKPOINT);
    assert_non_null(strstr(sent(), "$T05thread:2;swbreak:;#"));
    packet("c");
    memcpy(m.registers[1][VML_GDB_AARCH64_PC], "\x04\x10", 2);
    vml_gdb_stopped(&m.gdb, 1, VML_GDB_BREAKPOINT);
    assert_non_null(strstr(sent(), "$T05thread:2;hwbreak:;#"));
    assert_asked("z0,1000,4", "OK");
    assert_asked("z0,1000,4", "OK");
    assert_asked("z0,1004,4", "OK"); /* of the other kind */
    assert_int_equal(m.breakpoint_count, 1);
    assert_int_equal(m.breakpoints[0], 0x1004);
    assert_error("Z");
    assert_error("Z0");
    assert_error("Z0,1000");
    assert_error("Z0,1000,4;X1,00");
    assert_error("z0,,4");
    assert_asked("D", "OK");
    assert_int_equal(m.breakpoint_count, 0);
    assert_true(m.running);
}

static void there_are_only_so_many_breakpoints(void **state)
{
    char text[32];

    (void)state;
    for (unsigned i = 0; i < VML_GDB_BREAKPOINTS; i++) {
        snprintf(text, sizeof(text), "Z0,%x,4", i * 4);
        assert_asked(text, "OK");
    }
    assert_error("Z0,4000,4");
    assert_asked("Z0,0,4", "OK");
    assert_asked("z0,0,4", "OK");
    m.most = 10;
    assert_error("Z0,4000,4"); /* the machine refuses */
    assert_int_equal(m.gdb.breakpoint_count, VML_GDB_BREAKPOINTS - 1);
}

static void packets_too_long_are_refused(void **state)
{
    static char text[VML_GDB_PACKET_SIZE + 2];

    (void)state;
    memset(text, '0', sizeof(text) - 1);
    memcpy(text, "m", 1);
    assert_error(text);
    text[VML_GDB_PACKET_SIZE] = 0; /* as long as it may be */
    memcpy(text, "X1000,0:", 8);
    assert_error(text);
    assert_asked("qC", "QC1");
}

static void a_peer_that_does_not_read_is_not_listened_to(void **state)
{
    static const char burst[] = "$qC#b4$qC#b4$qC#b4";
    uint8_t noise[600];

    (void)state;
    m.room = 0;
    feed(burst, sizeof(burst) - 1);
    memset(noise, 'x', sizeof(noise));
    assert_true(vml_chardev_push(&m.end, noise, sizeof(noise)) < sizeof(noise));
    assert_int_equal(m.readies, 0);
    m.room = 3;
    vml_chardev_ready(&m.end);
    assert_string_equal(sent(), "+$Q");
    m.room = SIZE_MAX;
    vml_chardev_ready(&m.end);
    assert_string_equal(sent(), "C1#c5+$QC1#c5+$QC1#c5");
    assert_int_equal(m.readies, 1);
    m.room = 0;
    packet("qC");
    (void)vml_chardev_push(&m.end, noise, sizeof(noise));
    vml_chardev_event(&m.end, VML_CHARDEV_CLOSED); /* nothing of it is left to the next one */
    assert_int_equal(m.readies, 2);
    m.room = SIZE_MAX;
    vml_chardev_event(&m.end, VML_CHARDEV_OPENED);
    assert_string_equal(sent(), "");
}

static void a_peer_may_leave_while_the_machine_stops_or_runs(void **state)
{
    (void)state;
    assert_asked("Z0,1000,4", "OK");
    packet("c");
    m.late = true;
    vml_chardev_event(&m.end, VML_CHARDEV_CLOSED); /* breakpoints go while it stands */
    assert_int_equal(m.stops, 2);
    assert_int_equal(m.breakpoint_count, 1);
    vml_gdb_stopped(&m.gdb, 0, VML_GDB_INTERRUPTED);
    assert_int_equal(m.breakpoint_count, 0);
    assert_int_equal(m.resumes, 2);
    vml_gdb_stopped(&m.gdb, 0, VML_GDB_BREAKPOINT); /* late news */
    assert_int_equal(m.resumes, 3);
    vml_chardev_event(&m.end, VML_CHARDEV_OPENED);
    vml_chardev_event(&m.end, VML_CHARDEV_CLOSED);
    vml_chardev_event(&m.end, VML_CHARDEV_OPENED);
    packet("?");
    vml_gdb_stopped(&m.gdb, 0, VML_GDB_INTERRUPTED);
    assert_non_null(strstr(sent(), "$T05"));
    assert_int_equal(m.resumes, 3);
}

static void kill_ends_the_machine(void **state)
{
    (void)state;
    packet("k");
    assert_string_equal(sent(), "+"); /* no reply */
    assert_int_equal(m.kills, 1);
    vml_chardev_event(&m.end, VML_CHARDEV_OPENED);
    assert_asked("vKill;1", "OK");
    assert_int_equal(m.kills, 2);
}

static void the_end_is_told(void **state)
{
    unsigned resumes;

    (void)state;
    packet("c");
    (void)sent();
    resumes = m.resumes;
    vml_gdb_exited(&m.gdb);
    assert_string_equal(sent(), "$W00#b7");
    vml_gdb_exited(&m.gdb);
    vml_gdb_stopped(&m.gdb, 0, VML_GDB_INTERRUPTED);
    assert_string_equal(sent(), "");
    assert_error("?");
    assert_error("c");
    assert_asked("qThreadExtraInfo,1", "");
    packet("k");
    vml_chardev_event(&m.end, VML_CHARDEV_CLOSED);
    vml_chardev_event(&m.end, VML_CHARDEV_OPENED);
    assert_int_equal(m.kills, 0);
    assert_int_equal(m.resumes, resumes);
    assert_int_equal(m.stops, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        TEST(init_wants_its_members),
        TEST(a_connection_stops_the_machine_and_its_end_lets_it_go),
        TEST(one_that_waits_is_not_let_go_by_a_line_without_anybody),
        TEST(a_first_packet_attaches_where_the_line_does_not_tell),
        TEST(checksums_are_checked),
        TEST(a_nack_asks_for_the_packet_again),
        TEST(acks_can_be_turned_off),
        TEST(unknown_packets_have_an_empty_reply),
        TEST(features_are_told),
        TEST(the_description_is_read_in_pieces),
        TEST(binary_replies_are_escaped),
        TEST(registers_are_read_and_written),
        TEST(threads_are_vcpus),
        TEST(a_long_list_of_threads_goes_on),
        TEST(memory_is_read),
        TEST(memory_is_written),
        TEST(it_goes_on_and_stops),
        TEST(it_steps),
        TEST(vcont_says_who),
        TEST(breakpoints_are_inserted_and_hit),
        TEST(there_are_only_so_many_breakpoints),
        TEST(packets_too_long_are_refused),
        TEST(a_peer_that_does_not_read_is_not_listened_to),
        TEST(a_peer_may_leave_while_the_machine_stops_or_runs),
        TEST(kill_ends_the_machine),
        TEST(the_end_is_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
