/**
 * @file
 * @brief A debugger attaches to the guest: GDB's remote serial protocol over a character back end.
 *
 * The stub is one end of a connection (see chardev); gdb is at the other. It knows the protocol and
 * nothing of the machine: registers, memory, breakpoints and going on are asked of the embedder through
 * struct vml_gdb_ops. A thread of the protocol is a vCPU: thread 1 is vCPU 0.
 *
 * All vCPUs stop and go on together ("all-stop"). The machine is stopped when a debugger connects (or
 * sends its first packet, where the connection does not tell), and goes on without breakpoints when it
 * detaches or the connection closes.
 *
 * Threads: everything may be called from any thread. The ops are called by whichever thread brought the
 * bytes or the news that they follow from, one at a time and with no lock held; so they may call
 * vml_gdb_stopped().
 *
 * What the peer sends is not trusted: whatever is malformed, too long or out of range is answered with
 * an error, or not at all where the protocol says so.
 * @defgroup vml_gdb_stub Debugger
 * @{
 */
#ifndef VML_GDB_STUB_H
#define VML_GDB_STUB_H

#include <vml/base.h>
#include <vml/chardev.h>
#include <vml/platform.h>

#ifdef __cplusplus
extern "C" {
#endif

/** @brief The most characters between `$` and `#`, in both directions. */
#define VML_GDB_PACKET_SIZE 4096u
/** @brief The most breakpoints at a time. */
#define VML_GDB_BREAKPOINTS 64u
/** @brief The most bytes of a register. */
#define VML_GDB_REGISTER_SIZE 16u

/** @brief Why the machine stopped. */
enum vml_gdb_reason {
    VML_GDB_INTERRUPTED, /**< it was asked to: vml_gdb_ops.stop */
    VML_GDB_BREAKPOINT, /**< a vCPU is at a breakpoint, and has not executed the instruction there */
    VML_GDB_STEPPED,    /**< the step was done */
};

/** @brief How the machine goes on. */
enum vml_gdb_how {
    VML_GDB_CONTINUE,     /**< all vCPUs */
    VML_GDB_CONTINUE_ONE, /**< one vCPU; the others stand */
    VML_GDB_STEP, /**< one vCPU by one instruction, past a breakpoint there; the others stand */
};

/** @brief A kind of CPU, as gdb is told of it. */
struct vml_gdb_target {
    const char *xml;               /**< target.xml: its features and registers */
    size_t xml_size;               /**< of it, without a terminator */
    const uint8_t *register_sizes; /**< in bytes, at most VML_GDB_REGISTER_SIZE; by number */
    uint32_t registers;            /**< how many */
    uint32_t pc;                   /**< which is the program counter; 8 bytes, little-endian */
};

/** @brief The registers of #vml_gdb_aarch64, by number: `org.gnu.gdb.aarch64.core` and `.fpu`. */
enum vml_gdb_aarch64_register {
    VML_GDB_AARCH64_X0 = 0,    /**< to X30 */
    VML_GDB_AARCH64_SP = 31,   /**< of the present exception level */
    VML_GDB_AARCH64_PC = 32,   /**< PC */
    VML_GDB_AARCH64_CPSR = 33, /**< PSTATE as in an SPSR, 4 bytes */
    VML_GDB_AARCH64_V0 = 34,   /**< to V31, 16 bytes */
    VML_GDB_AARCH64_FPSR = 66, /**< 4 bytes */
    VML_GDB_AARCH64_FPCR = 67, /**< 4 bytes */
    VML_GDB_AARCH64_REGISTERS, /**< how many there are */
};
/** @brief AArch64 with floating point. */
extern const struct vml_gdb_target vml_gdb_aarch64;

/** @brief What the machine does for the debugger. All but `stop`, `kill` and `describe` are called
 * while it stands. */
struct vml_gdb_ops {
    /** Stops all vCPUs. vml_gdb_stopped() tells when they stand, from inside or later. */
    void (*stop)(void *context);
    /** Goes on; vml_gdb_stopped() tells the end, from inside or later. Of a vCPU that cannot be stepped
     * (it is off) a step ends at once. @return not VML_OK: nothing was done */
    enum vml_status (*resume)(void *context, enum vml_gdb_how how, uint32_t cpu);
    /** Reads a register, as many bytes as it has, in the guest's byte order. @return false: cannot */
    bool (*read_register)(void *context, uint32_t cpu, uint32_t number, uint8_t *bytes);
    /** Writes one. @return false: cannot, or not this value; nothing has changed */
    bool (*write_register)(void *context, uint32_t cpu, uint32_t number, const uint8_t *bytes);
    /** Reads memory at the addresses that the vCPU's program uses. @return how many bytes could be read
     * from `address` on, 0 to `len` */
    size_t (*read_memory)(void *context, uint32_t cpu, uint64_t address, uint8_t *bytes,
                          size_t len);
    /** Writes memory, code included. @return how many bytes could be written from `address` on */
    size_t (*write_memory)(void *context, uint32_t cpu, uint64_t address, const uint8_t *bytes,
                           size_t len);
    /** From now on vCPUs stop with VML_GDB_BREAKPOINT at these addresses and at no others. The array is
     * valid until the next call, and changes only before it. NULL: there are no breakpoints.
     * @return not VML_OK: the ones of the call before are still what counts; never for fewer of them */
    enum vml_status (*set_breakpoints)(void *context, const uint64_t *addresses, uint32_t count);
    /** Says what a vCPU is or does, for lists of threads. @return the length. May be NULL */
    size_t (*describe)(void *context, uint32_t cpu, char *text, size_t size);
    /** Ends the machine soon. NULL: the debugger cannot, and detaches */
    void (*kill)(void *context);
};

/** @brief How a stub is made. */
struct vml_gdb_config {
    const struct vml_gdb_ops *ops;       /**< the machine's */
    void *context;                       /**< given to them */
    const struct vml_gdb_target *target; /**< the vCPUs' kind */
    uint32_t cpus;                       /**< vCPUs, at least 1 */
    bool stopped;            /**< the machine stands, and waits for its first debugger */
    struct vml_chardev peer; /**< the back end's end */
};

/** @brief A stub. Members are private. */
struct vml_gdb {
    struct vml_gdb_config config; /**< as given */
    struct vml_mutex lock;        /**< of `busy` to `in` */
    bool busy;                    /**< some thread is at work; what follows `in` is its own */
    bool again;                   /**< there may be more to do */
    bool in_refused;              /**< the peer waits for `ready` */
    uint32_t events;              /**< what happened and was not looked at yet */
    uint32_t event_cpu;           /**< of a stop */
    uint32_t event_reason;        /**< of a stop */
    uint32_t in_at;               /**< next of `in` */
    uint32_t in_len;              /**< end of what is in `in` */
    uint8_t in[512];              /**< bytes that were taken and not looked at */

    uint32_t state;      /**< of the machine, as far as the stub knows */
    uint32_t reason;     /**< of the last stop */
    uint32_t cpu;        /**< that packets are about */
    uint32_t threads_at; /**< next vCPU of a list that goes on */
    bool connected;      /**< there is a debugger */
    bool leave;          /**< detach as soon as the machine stands */
    bool forget;         /**< so should breakpoints */
    bool reporting;      /**< a stop is to be reported */
    bool no_ack;         /**< QStartNoAckMode */
    bool swbreak;        /**< the debugger knows of it */
    bool hwbreak;        /**< the debugger knows of it */

    uint32_t receiving;   /**< where in a packet the input is */
    uint8_t sum;          /**< of the packet so far */
    uint8_t sum_received; /**< its first digit */
    bool too_long;        /**< the packet is */
    bool packet_ready;    /**< it waits for the machine to stand */
    uint32_t packet_len;  /**< of it */
    uint32_t out_at;      /**< next of `out` to send */
    uint32_t out_len;     /**< end of what is to be sent */
    uint32_t out_packet;  /**< where the packet in `out` begins, to be sent again */
    bool out_overflow;    /**< the reply does not fit */

    uint32_t breakpoint_count;                 /**< of those */
    uint64_t breakpoints[VML_GDB_BREAKPOINTS]; /**< addresses */
    uint8_t types[VML_GDB_BREAKPOINTS];        /**< bit 0: software, bit 1: hardware */
    char packet[VML_GDB_PACKET_SIZE + 1];      /**< received */
    char out[VML_GDB_PACKET_SIZE + 8];         /**< to be sent */
};

/** @brief Makes a stub. @return VML_ERR_INVALID for missing members */
VML_MUST_CHECK enum vml_status vml_gdb_init(struct vml_gdb *gdb,
                                            const struct vml_gdb_config *config);
/** @brief Ends its use; nobody calls it any more. */
void vml_gdb_destroy(struct vml_gdb *gdb);
/** @brief The stub's end, for the back end. */
struct vml_chardev vml_gdb_end(struct vml_gdb *gdb);
/** @brief The machine stands now: after `stop` or `resume`, or on its own account. Only one of several
 * reasons that come at the same time is told, and nothing until it was resumed.
 * @param cpu the vCPU that it is about */
void vml_gdb_stopped(struct vml_gdb *gdb, uint32_t cpu, enum vml_gdb_reason reason);
/** @brief The machine has ended: the debugger is told, and the ops are not called any more. They still
 * may be in use by another thread when this returns. */
void vml_gdb_exited(struct vml_gdb *gdb);

#ifdef __cplusplus
}
#endif
/** @} */
#endif
