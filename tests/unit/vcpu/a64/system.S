/*
 * What the privileged architecture does, tried from inside: exceptions, translation faults, TLB
 * maintenance, exclusives, self-modifying code, debug, timers and interrupts, the memory model. Two vCPUs,
 * a GICv2 or GICv3 and a PL011 of QEMU's `virt` machine, on which it runs too.
 *
 * Each case names itself; what fails is printed. The last line counts checks and failures.
 * system.inc is made of this file by tools/guest-words.
 */
#define GICD        0x08000000
#define GICC        0x08010000
#define GICR        0x080a0000
#define UART        0x09000000
#define NOWHERE     0x0f000000 /* no device and no memory */

/* Memory that is not loaded, from here on. */
#define WORK        0x40100000
#define TABLE_LOW   0x40100000 /* level 1, of the lower range */
#define TABLE_2     0x40101000 /* level 2 of the third GiB */
#define TABLE_3     0x40102000 /* level 3 of its first 2 MiB */
#define TABLE_HIGH  0x40103000 /* level 1, of the upper range */
#define TABLE_64K   0x40110000 /* level 2, 64 KiB granules */
#define TABLE_64K_3 0x401e0000
#define TABLE_16K   0x40120000 /* level 2, 16 KiB granules */
#define TABLE_16K_3 0x40124000
#define STACKS      0x40130000 /* their ends: + 0x1000 for vCPU 0, + 0x2000 for vCPU 1 */
#define RECORDS     0x40134000 /* + 0x100 for vCPU 1 */
#define SHARED      0x40135000
#define PAGE_A      0x40150000
#define PAGE_B      0x40151000
#define CODE        0x40152000
#define LOG_0       0x40160000
#define LOG_1       0x401a0000

/* A vCPU's record: of the last exception, and of interrupts. */
#define R_RESUME    0x00
#define R_VECTOR    0x08
#define R_ESR       0x10
#define R_FAR       0x18
#define R_ELR       0x20
#define R_SPSR      0x28
#define R_INTID     0x30
#define R_IRQS      0x38
#define R_IRQ_VECTOR 0x40

/* SHARED */
#define S_LOCK      0x000
#define S_CHECKS    0x040
#define S_FAILURES  0x048
#define S_JOB       0x080
#define S_WORD      0x0c0
#define S_MEET      0x0d0
#define S_X         0x100
#define S_Y         0x200

/* Virtual addresses of the pages of TABLE_3. */
#define VA(page)    (0x80000000 + (page) * 0x1000)
#define BLOCK       0x701
#define PAGE        0x703 /* AF, inner shareable, attribute 0 below */
#define NORMAL      (1 << 2)
#define USER        (1 << 6)
#define READ_ONLY   (1 << 7)
#define AF          (1 << 10)
#define NOT_GLOBAL  (1 << 11)
#define PXN         (1 << 53)
#define UXN         (1 << 54)
#define EL0_PAGE    16 /* where the code of section .el0 is */

#define ROUNDS      8000
#define COUNT       10000

/* Constants without literal pools, which assemblers fill each in its own way. */
    .macro  load reg, value:vararg
    movz    \reg, #(\value) & 0xffff
    movk    \reg, #((\value) >> 16) & 0xffff, lsl #16
    .endm
    .macro  load64 reg, value:vararg
    movz    \reg, #(\value) & 0xffff
    movk    \reg, #((\value) >> 16) & 0xffff, lsl #16
    movk    \reg, #((\value) >> 32) & 0xffff, lsl #32
    movk    \reg, #((\value) >> 48) & 0xffff, lsl #48
    .endm

    .macro  case name
    .pushsection .rodata
.Lname\@: .asciz "\name"
    .popsection
    adrp    x28, .Lname\@
    add     x28, x28, :lo12:.Lname\@
    mov     x27, #0
    .endm

/* The register has the value. Changes x0 to x9 and x30. */
    .macro  check reg, value:vararg
    mov     x0, \reg
    load64  x1, \value
    bl      check_equal
    .endm
    .macro  check_reg reg, other
    mov     x0, \reg
    mov     x1, \other
    bl      check_equal
    .endm

/* An exception from here on resumes at the label. */
    .macro  try label
    adr     x9, \label
    str     x9, [x29, #R_RESUME]
    mov     x9, #-1
    str     x9, [x29, #R_VECTOR]
    .endm
/* That it came, through which vector (0 to 15), and with what in ESR_EL1. */
    .macro  expect vector, ec, iss:vararg
    ldr     x0, [x29, #R_VECTOR]
    mov     x1, #\vector
    bl      check_equal
    ldr     x0, [x29, #R_ESR]
    load64  x1, (\ec) << 26 | 1 << 25 | (\iss)
    bl      check_equal
    .endm
    .macro  expect_far value:vararg
    ldr     x0, [x29, #R_FAR]
    load64  x1, \value
    bl      check_equal
    .endm
    .macro  expect_elr label
    ldr     x0, [x29, #R_ELR]
    adr     x1, \label
    bl      check_equal
    .endm
/* Where a label of section .el0 is at EL0. */
    .macro  user_address reg, label:vararg
    load    \reg, VA(EL0_PAGE)
    add     \reg, \reg, #(\label - el0_start)
    .endm
/* Runs it; exceptions resume at `back`. */
    .macro  user label, back
    try     \back
    user_address x0, \label
    mov     x1, #0
    bl      enter
    .endm
    .macro  page number, descriptor:vararg
    mov     x0, #\number
    load64  x1, \descriptor
    bl      set_page
    .endm
    .macro  is_gicv3
    mrs     x9, id_aa64pfr0_el1
    ubfx    x9, x9, #24, #4
    cmp     x9, #1
    .endm
    .macro  group name
    .balign 16
\name:
    stp     x29, x30, [sp, #-16]!
    .endm
    .macro  group_end
    ldp     x29, x30, [sp], #16
    ret
    .endm

    .text
    .globl _start
_start:
    mrs     x19, mpidr_el1
    and     x19, x19, #0xff
    load    x0, STACKS + 0x1000
    add     x0, x0, x19, lsl #12
    mov     sp, x0
    load    x29, RECORDS
    add     x29, x29, x19, lsl #8
    msr     tpidr_el1, x29
    adr     x0, vectors
    msr     vbar_el1, x0
    msr     oslar_el1, xzr
    cbnz    x19, 1f
    bl      make_tables
1:  bl      mmu_on
    mov     x0, #3 << 20
    msr     cpacr_el1, x0
    isb
    cbz     x19, 2f
    bl      gic_on
    b       work
2:  bl      gicd_on
    bl      gic_on
    load    x0, 0xc4000003              /* CPU_ON */
    mov     x1, #1
    adr     x2, _start
    hvc     #0
    bl      exceptions
    bl      faults
    bl      granules
    bl      tlb
    bl      debug
    bl      two
    bl      litmus
    bl      interrupts
    load    x20, SHARED
    adr     x0, text_checks
    ldr     x1, [x20, #S_CHECKS]
    bl      say
    adr     x0, text_failures
    ldr     x1, [x20, #S_FAILURES]
    bl      say
    load    x0, 0x84000008              /* SYSTEM_OFF */
    hvc     #0
    b       .

/* vCPU 1: calls what it is given, again and again. */
work:
    load    x20, SHARED
    sevl
1:  wfe
    add     x0, x20, #S_JOB
    ldaxr   x0, [x0]
    cbz     x0, 1b
    clrex
    blr     x0
    add     x0, x20, #S_JOB
    stlr    xzr, [x0]
    sev
    b       1b

/* Gives it x0, and waits until it is done. */
start_job:
    load    x1, SHARED + S_JOB
    stlr    x0, [x1]
    dsb     ish
    sev
    ret
wait_job:
    load    x1, SHARED + S_JOB
    sevl
1:  wfe
    ldaxr   x0, [x1]
    cbnz    x0, 1b
    clrex
    ret

/* ---- tables and translation ---- */

make_tables:
    load    x0, WORK
    load    x1, LOG_0
1:  stp     xzr, xzr, [x0], #16
    cmp     x0, x1
    b.lo    1b
    load    x0, TABLE_LOW
    load64  x1, 0x0060000000000401      /* devices: PXN, UXN, AF, attribute 0 */
    str     x1, [x0]
    load64  x2, 0x40000000 | BLOCK | NORMAL
    str     x2, [x0, #8]
    load    x3, TABLE_2 | 3
    str     x3, [x0, #16]
    load    x4, TABLE_HIGH
    str     x2, [x4, #8]                /* memory is there too, at 0xffffff8040000000 */
    load    x0, TABLE_2
    load    x3, TABLE_3 | 3
    str     x3, [x0]
    load    x0, TABLE_3 + EL0_PAGE * 8
    adrp    x1, el0_start
    load    x2, PAGE | NORMAL | USER | READ_ONLY
    orr     x1, x1, x2
    str     x1, [x0]
    dsb     sy
    ret

mmu_on:
    load    x0, 0x44ff00                /* attribute 0: Device-nGnRnE, 1: Normal, 2: not cacheable */
    msr     mair_el1, x0
    load    x0, TABLE_LOW
    msr     ttbr0_el1, x0
    load    x0, TABLE_HIGH
    msr     ttbr1_el1, x0
    load64  x0, 0x12b5193519            /* 39 bits and 4 KiB, both; 16-bit ASIDs; 40-bit PAs */
    msr     tcr_el1, x0
    tlbi    vmalle1
    dsb     nsh
    isb
    mrs     x0, sctlr_el1
    load    x1, 0x1005                  /* I, C, M */
    orr     x0, x0, x1
    load    x1, 0x0408c202              /* UCI, WXN, UCT, DZE, UMA, A */
    bic     x0, x0, x1
    load    x1, 0x50000                 /* nTWE, nTWI */
    orr     x0, x0, x1
    load    x1, 0x800000                /* SPAN */
    orr     x0, x0, x1
    msr     sctlr_el1, x0
    isb
    ret

/* Page x0 of TABLE_3 becomes x1. */
set_page:
    load    x2, TABLE_3
    str     x1, [x2, x0, lsl #3]
    dsb     ishst
    load    x2, 0x80000
    add     x2, x2, x0
    tlbi    vaae1is, x2
    dsb     ish
    isb
    ret

/* To address x0 with PSTATE x1. What a fault leaves in x30 is not looked at. */
enter:
    msr     elr_el1, x0
    msr     spsr_el1, x1
    eret

/* ---- exceptions that instructions cause ---- */

    group   exceptions
    case    "udf is UNDEFINED"
    try     1f
2:  .inst   0
1:  expect  4, 0x00, 0
    expect_elr 2b
    ldr     x2, [x29, #R_SPSR]
    and     x2, x2, #0xfffffff
    check   x2, 0x3c5

    case    "svc"
    try     1f
    svc     #0x1234
1:  expect  4, 0x15, 0x1234
    expect_elr 1b
    user    el0_svc, 1f
1:  expect  8, 0x15, 0xbeef
    ldr     x2, [x29, #R_SPSR]
    and     x2, x2, #0xfffffff
    check   x2, 0

    case    "brk"
    try     1f
2:  brk     #0x777
1:  expect  4, 0x3c, 0x777
    expect_elr 2b

    case    "with SP_EL0, through the first vectors"
    try     1f
    msr     spsel, #0
    svc     #1
1:  expect  0, 0x15, 1

    case    "system registers of EL1, at EL0"
    user    el0_mrs_sctlr, 1f
1:  expect  8, 0x00, 0

    case    "hvc at EL0 is UNDEFINED"
    user    el0_hvc, 1f
1:  expect  8, 0x00, 0

    case    "what SCTLR_EL1 keeps from EL0"
    user    el0_mrs_ctr, 1f
1:  expect  8, 0x18, 3 << 20 | 1 << 17 | 3 << 14 | 0 << 10 | 2 << 5 | 0 << 1 | 1
    user    el0_msr_daif, 1f            /* UMA */
1:  expect  8, 0x18, 3 << 20 | 1 << 17 | 3 << 14 | 4 << 10 | 2 << 5 | 2 << 1
    user    el0_daifset, 1f
1:  expect  8, 0x18, 0 << 20 | 6 << 17 | 3 << 14 | 4 << 10 | 31 << 5 | 2 << 1
    user    el0_zva, 1f                 /* DZE */
1:  expect  8, 0x18, 1 << 20 | 1 << 17 | 3 << 14 | 7 << 10 | 2 << 5 | 4 << 1
    user    el0_civac, 1f               /* UCI */
1:  expect  8, 0x18, 1 << 20 | 1 << 17 | 3 << 14 | 7 << 10 | 2 << 5 | 14 << 1

    case    "what CNTKCTL_EL1 keeps from EL0"
    msr     cntkctl_el1, xzr
    isb
    user    el0_cntvct, 1f
1:  expect  8, 0x18, 3 << 20 | 2 << 17 | 3 << 14 | 14 << 10 | 2 << 5 | 0 << 1 | 1
    user    el0_cntv_ctl, 1f
1:  expect  8, 0x18, 3 << 20 | 1 << 17 | 3 << 14 | 14 << 10 | 2 << 5 | 3 << 1 | 1
    load    x0, 0x302
    msr     cntkctl_el1, x0
    isb
    user    el0_cntvct, 1f
1:  expect  8, 0x15, 2
    user    el0_cntv_ctl, 1f
1:  expect  8, 0x15, 2

    case    "wfi and wfe at EL0 trap"
    mrs     x0, sctlr_el1
    bic     x0, x0, #1 << 16
    bic     x0, x0, #1 << 18
    msr     sctlr_el1, x0
    isb
    user    el0_wfi, 1f
1:  ldr     x2, [x29, #R_ESR]
    load    x3, ~0x2000000 & ~0x3e0 & 0xffffffff
    and     x2, x2, x3                  /* which register it names is for WFIT only */
    check   x2, 0x01 << 26 | 0xe << 20 | 1 << 24
    user    el0_wfe, 1f
1:  ldr     x2, [x29, #R_ESR]
    load    x3, ~0x2000000 & ~0x3e0 & 0xffffffff
    and     x2, x2, x3
    check   x2, 0x01 << 26 | 0xe << 20 | 1 << 24 | 1
    mrs     x0, sctlr_el1
    orr     x0, x0, #1 << 16
    orr     x0, x0, #1 << 18
    msr     sctlr_el1, x0
    isb

    case    "Advanced SIMD and floating point trap"
    msr     cpacr_el1, xzr
    isb
    try     1f
2:  fmov    d0, #1.0
1:  expect  4, 0x07, 1 << 24 | 0xe << 20
    expect_elr 2b
    mov     x0, #1 << 20
    msr     cpacr_el1, x0
    isb
    fmov    d0, #1.0                    /* EL1 may, EL0 may not */
    user    el0_fmov, 1f
1:  expect  8, 0x07, 1 << 24 | 0xe << 20
    mov     x0, #3 << 20
    msr     cpacr_el1, x0
    isb
    user    el0_fmov, 1f
1:  expect  8, 0x15, 2

    case    "illegal exception return"
    try     1f
    adr     x0, 2f
    load    x1, 0x3c5 | 1 << 20
    bl      enter
2:  nop
1:  expect  4, 0x0e, 0
    expect_elr 2b
    try     1f
    adr     x0, 2f
    mov     x1, #0x3cd                  /* EL3 */
    bl      enter
2:  nop
1:  expect  4, 0x0e, 0
    expect_elr 2b

    case    "misaligned PC"
    try     1f
    adr     x0, 2f
    add     x0, x0, #2
    br      x0
2:  nop
1:  ldr     x2, [x29, #R_ESR]
    check   x2, 0x22 << 26 | 1 << 25
    ldr     x2, [x29, #R_FAR]
    ldr     x3, [x29, #R_ELR]
    check_reg x2, x3

    case    "misaligned SP"
    mrs     x0, sctlr_el1
    orr     x0, x0, #3 << 3             /* SA, SA0 */
    msr     sctlr_el1, x0
    isb
    load    x0, PAGE_A + 8
    msr     sp_el0, x0
    try     1f
    msr     spsel, #0
    ldr     x1, [sp]
1:  msr     spsel, #1
    expect  0, 0x26, 0
    load    x0, PAGE_A + 8
    msr     sp_el0, x0
    user    el0_load_sp, 1f
1:  expect  8, 0x26, 0
    mrs     x0, sctlr_el1
    bic     x0, x0, #3 << 3
    msr     sctlr_el1, x0
    isb
    try     1f
    msr     spsel, #0
    ldr     x1, [sp]
    msr     spsel, #1
    mov     x9, #77
    str     x9, [x29, #R_VECTOR]
1:  ldr     x2, [x29, #R_VECTOR]
    check   x2, 77

    case    "reserved and absent system registers are UNDEFINED"
    try     1f
    mrs     x0, s3_0_c15_c15_7
1:  expect  4, 0x00, 0
    try     1f
    msr     s3_0_c0_c4_0, x0            /* ID_AA64PFR0_EL1 */
1:  expect  4, 0x00, 0
    try     1f
    mrs     x0, s3_4_c1_c0_0            /* SCTLR_EL2 */
1:  expect  4, 0x00, 0
    mrs     x2, s3_0_c0_c7_7            /* reserved ID registers read as zero */
    check   x2, 0
    group_end

/* ---- faults of translation ---- */

    group   faults
    case    "translation faults, each level"
    try     1f
    load64  x0, 0x2000000000            /* within the range, no entry in level 1 */
    ldr     x1, [x0]
1:  expect  4, 0x25, 0x05
    expect_far 0x2000000000
    try     1f
    load64  x0, 0x0000008000000008      /* outside of both ranges */
    ldr     x1, [x0]
1:  expect  4, 0x25, 0x04
    expect_far 0x0000008000000008
    try     1f
    load    x0, 0x80200010
    str     x1, [x0]
1:  expect  4, 0x25, 0x46
    expect_far 0x80200010
    try     1f
    load    x0, VA(0)
    ldrb    w1, [x0, #5]
1:  expect  4, 0x25, 0x07
    expect_far VA(0) + 5
    user    el0_load_10, 1f
1:  expect  8, 0x24, 0x07
    expect_far VA(10)

    case    "instruction translation faults"
    try     1f
    load    x0, VA(0)
    br      x0
1:  expect  4, 0x21, 0x07
    expect_far VA(0)
    load    x2, VA(0)
    ldr     x3, [x29, #R_ELR]
    check_reg x2, x3
    try     1f
    load    x0, VA(0)
    mov     x1, #0
    bl      enter
1:  expect  8, 0x20, 0x07

    case    "access flag"
    page    1, PAGE_A | (PAGE & ~AF) | NORMAL
    try     1f
    load    x0, VA(1)
    ldr     x1, [x0]
1:  expect  4, 0x25, 0x0b
    page    1, PAGE_A | (PAGE & ~AF) | NORMAL | USER | READ_ONLY
    try     1f
    load    x0, VA(1)
    br      x0
1:  expect  4, 0x21, 0x0b

    case    "permissions of data"
    page    1, PAGE_A | PAGE | NORMAL | READ_ONLY
    try     1f
    load    x0, VA(1)
    ldr     x1, [x0]
    str     x1, [x0]
1:  expect  4, 0x25, 0x4f
    expect_far VA(1)
    page    10, PAGE_A | PAGE | NORMAL
    user    el0_load_10, 1f             /* not for EL0 */
1:  expect  8, 0x24, 0x0f
    page    10, PAGE_A | PAGE | NORMAL | USER | READ_ONLY
    user    el0_load_10, 1f
1:  expect  8, 0x15, 2
    user    el0_store_10, 1f
1:  expect  8, 0x24, 0x4f
    page    10, PAGE_A | PAGE | NORMAL | USER
    user    el0_store_10, 1f
1:  expect  8, 0x15, 2
    page    10, PAGE_A | PAGE | NORMAL  /* LDTR is as at EL0 */
    try     1f
    load    x0, VA(10)
    ldtr    x1, [x0]
1:  expect  4, 0x25, 0x0f
    try     1f
    load    x0, VA(10)
    sttr    x1, [x0]
1:  expect  4, 0x25, 0x4f

    case    "permissions of code"
    page    1, PAGE_A | PAGE | NORMAL | PXN
    try     1f
    load    x0, VA(1)
    br      x0
1:  expect  4, 0x21, 0x0f
    page    1, PAGE_A | PAGE | NORMAL | USER /* writable at EL0: not executed at EL1 */
    try     1f
    load    x0, VA(1)
    br      x0
1:  expect  4, 0x21, 0x0f
    page    1, PAGE_A | PAGE | NORMAL | USER | UXN
    try     1f
    load    x0, VA(1)
    mov     x1, #0
    bl      enter
1:  expect  8, 0x20, 0x0f

    case    "SCTLR_EL1.WXN"
    load    x0, PAGE_A
    load    x1, 0xd65f03c0              /* ret */
    str     w1, [x0]
    dsb     ish
    ic      ialluis
    dsb     ish
    isb
    page    1, PAGE_A | PAGE | NORMAL | USER
    load    x0, VA(1)
    mov     x1, #0
    user    el0_call_1, 1f              /* EL0 may execute what it may write */
1:  expect  8, 0x15, 2
    page    1, PAGE_A | PAGE | NORMAL
    load    x0, VA(1)
    blr     x0                          /* and so may EL1 */
    adr     x0, wxn_part                /* a page that only reads, with a vector, to run while it is on */
    load    x1, CODE
    mov     x2, #wxn_caught - wxn_part
    bl      copy
    adr     x0, wxn_caught
    load    x1, CODE + 0xa00
    mov     x2, #wxn_end - wxn_caught
    bl      copy
    dsb     ish
    ic      ialluis
    dsb     ish
    isb
    page    3, CODE | PAGE | NORMAL | READ_ONLY
    load    x0, VA(3)
    load    x1, VA(1)
    mrs     x2, sctlr_el1
    adr     x6, 1f
    br      x0
1:  adr     x0, vectors
    msr     vbar_el1, x0
    isb
    mov     x0, x5
    load64  x1, 0x21 << 26 | 1 << 25 | 0x0f
    bl      check_equal

    case    "alignment"
    page    1, PAGE_A | PAGE | NORMAL
    load    x0, VA(1) + 1
    ldr     x1, [x0]                    /* Normal memory: any */
    try     1f
    load    x0, VA(1) + 4
    ldxr    x1, [x0]
1:  expect  4, 0x25, 0x21
    expect_far VA(1) + 4
    try     1f
    load    x0, VA(1) + 2
    stlr    w1, [x0]
1:  ldr     x2, [x29, #R_ESR]
    check   x2, 0x25 << 26 | 1 << 25 | 0x61
    page    1, PAGE_A | PAGE            /* Device memory: none */
    try     1f
    load    x0, VA(1) + 2
    ldr     w1, [x0]
1:  expect  4, 0x25, 0x21
    mrs     x0, sctlr_el1
    orr     x0, x0, #2
    msr     sctlr_el1, x0
    isb
    page    1, PAGE_A | PAGE | NORMAL
    try     1f
    load    x0, VA(1) + 2
    str     w1, [x0]
1:  expect  4, 0x25, 0x61
    mrs     x0, sctlr_el1
    bic     x0, x0, #2
    msr     sctlr_el1, x0
    isb

    case    "external abort"
    try     1f
    load    x0, NOWHERE
    ldr     w1, [x0]
1:  ldr     x2, [x29, #R_ESR]
    and     x2, x2, #~(1 << 9)          /* EA */
    check   x2, 0x25 << 26 | 1 << 25 | 0x10
    expect_far NOWHERE

    case    "external abort of a walk"
    load    x0, TABLE_2 + 8
    load    x1, NOWHERE | 3
    str     x1, [x0]
    dsb     ish
    try     1f
    load    x0, 0x80200000
    ldr     x1, [x0]
1:  ldr     x2, [x29, #R_ESR]
    and     x2, x2, #~(1 << 9)
    check   x2, 0x25 << 26 | 1 << 25 | 0x17
    load    x0, TABLE_2 + 8
    str     xzr, [x0]
    dsb     ish

    case    "address size"
    load    x0, TABLE_3 + 4 * 8
    load64  x1, 0x0000800000000000 | PAGE | NORMAL
    str     x1, [x0]
    dsb     ish
    try     1f
    load    x0, VA(4)
    ldr     x1, [x0]
1:  expect  4, 0x25, 0x03
    load    x0, TABLE_3 + 4 * 8
    str     xzr, [x0]
    dsb     ish

    case    "cache maintenance by address faults"
    try     1f
    load    x0, VA(0)
    dc      cvac, x0
1:  expect  4, 0x25, 0x147
    expect_far VA(0)
    try     1f
    load    x0, VA(0)
    dc      zva, x0
1:  ldr     x2, [x29, #R_ESR]
    and     x2, x2, #~(1 << 8)          /* CM: zva counts as a store */
    check   x2, 0x25 << 26 | 1 << 25 | 0x47

    case    "an access across pages: the second one's fault"
    page    1, PAGE_A | PAGE | NORMAL
    page    2, PAGE_B | PAGE | NORMAL
    try     1f
    load    x0, VA(1) + 0xffc
    ldr     x1, [x0]
1:  ldr     x2, [x29, #R_VECTOR]
    check   x2, -1                      /* none: page 2 is there */
    page    2, 0
    try     1f
    load    x0, VA(1) + 0xffc
    str     x1, [x0]
1:  expect  4, 0x25, 0x47
    expect_far VA(2)

    case    "the upper range"
    load64  x0, 0xffffff8000000000 + PAGE_A
    load    x1, PAGE_A
    load    x2, 0x5a5a5a5a
    str     x2, [x0]
    ldr     x3, [x1]
    check   x3, 0x5a5a5a5a
    try     1f
    load64  x0, 0xffffff7fffffffff & ~7 /* below it */
    ldr     x1, [x0]
1:  expect  4, 0x25, 0x04
    mrs     x20, tcr_el1
    orr     x0, x20, #1 << 23           /* EPD1 */
    msr     tcr_el1, x0
    tlbi    vmalle1
    dsb     nsh
    isb
    try     1f
    load64  x0, 0xffffff8000000000 + PAGE_A
    ldr     x1, [x0]
1:  ldr     x2, [x29, #R_ESR]
    and     x2, x2, #~3                 /* at which level it says depends */
    check   x2, 0x25 << 26 | 1 << 25 | 0x04
    orr     x0, x20, #1 << 37           /* TBI0 */
    msr     tcr_el1, x0
    tlbi    vmalle1
    dsb     nsh
    isb
    load64  x0, 0xa500000000000000 + PAGE_A
    ldr     x3, [x0]
    check   x3, 0x5a5a5a5a
    msr     tcr_el1, x20
    tlbi    vmalle1
    dsb     nsh
    isb
    try     1f
    load64  x0, 0xa500000000000000 + PAGE_A
    ldr     x3, [x0]
1:  expect  4, 0x25, 0x04

    case    "AT"
    page    1, PAGE_A | PAGE | NORMAL | READ_ONLY
    load    x0, VA(1) + 0x123
    at      s1e1r, x0
    isb
    mrs     x2, par_el1
    and     x3, x2, #1
    check   x3, 0
    mrs     x2, par_el1
    ubfx    x3, x2, #12, #36
    check   x3, PAGE_A >> 12
    mrs     x2, par_el1
    lsr     x3, x2, #56
    check   x3, 0xff
    load    x0, VA(1)
    at      s1e1w, x0
    isb
    mrs     x2, par_el1
    and     x3, x2, #0x7f
    check   x3, 0x0f << 1 | 1
    load    x0, VA(1)
    at      s1e0r, x0
    isb
    mrs     x2, par_el1
    and     x3, x2, #0x7f
    check   x3, 0x0f << 1 | 1
    load    x0, VA(0)
    at      s1e0w, x0
    isb
    mrs     x2, par_el1
    and     x3, x2, #0x7f
    check   x3, 0x07 << 1 | 1

    case    "PAN"
    mrs     x0, id_aa64mmfr1_el1
    ubfx    x0, x0, #20, #4
    cbz     x0, 9f
    page    1, PAGE_A | PAGE | NORMAL | USER
    try     1f
    .inst   0xd500419f                  /* msr pan, #1 */
    load    x0, VA(1)
    ldtr    x1, [x0]
    ldr     x1, [x0]
1:  expect  4, 0x25, 0x0f
    ldr     x2, [x29, #R_SPSR]
    ubfx    x2, x2, #22, #1
    check   x2, 1
    load    x0, VA(1)
    ldr     x1, [x0]                    /* the handler's return cleared it */
9:
    case    "hardware access flag and dirty state"
    mrs     x0, id_aa64mmfr1_el1
    and     x0, x0, #15
    cmp     x0, #2
    b.lo    9f
    mrs     x20, tcr_el1
    orr     x0, x20, #3 << 39           /* HA, HD */
    msr     tcr_el1, x0
    isb
    page    1, PAGE_A | (PAGE & ~AF) | NORMAL | READ_ONLY | 1 << 51
    load    x0, VA(1)
    ldr     x1, [x0]
    load    x0, TABLE_3 + 8
    ldr     x2, [x0]
    load    x3, AF | READ_ONLY
    and     x2, x2, x3
    check   x2, AF | READ_ONLY
    load    x0, VA(1)
    str     x1, [x0]
    load    x0, TABLE_3 + 8
    ldr     x2, [x0]
    load    x3, AF | READ_ONLY
    and     x2, x2, x3
    check   x2, AF
    msr     tcr_el1, x20
    tlbi    vmalle1
    dsb     nsh
    isb
9:  group_end

/* At VA(3): x0 is that, x1: VA(1), x2: SCTLR_EL1. What EL1 may write it does not execute now. */
wxn_part:
    add     x0, x0, #0x800
    msr     vbar_el1, x0
    orr     x3, x2, #1 << 19
    msr     sctlr_el1, x3
    isb
    br      x1
wxn_caught:                             /* at VA(3) + 0xa00: the vector for this */
    msr     sctlr_el1, x2
    isb
    mrs     x5, esr_el1
    br      x6
wxn_end:

/* x2 bytes from x0 to x1. */
copy:
    ldr     w3, [x0], #4
    str     w3, [x1], #4
    subs    x2, x2, #4
    b.ne    copy
    ret

/* ---- 64 KiB and 16 KiB granules ---- */

/* The lower range by table x0 with TCR_EL1's low half x1. */
switch:
    mrs     x3, sctlr_el1
    bic     x4, x3, #1
    msr     sctlr_el1, x4
    isb
    mrs     x4, tcr_el1
    bfi     x4, x1, #0, #16
    msr     tcr_el1, x4
    msr     ttbr0_el1, x0
    tlbi    vmalle1
    dsb     nsh
    isb
    msr     sctlr_el1, x3
    isb
    ret

    .macro  use table, tcr
    load    x0, \table
    load    x1, \tcr
    bl      switch
    .endm
    .macro  entry table, index, value:vararg
    load    x0, (\table) + (\index) * 8
    load64  x1, \value
    str     x1, [x0]
    .endm
    .macro  try_granule size
    load    x0, VA(0) + 0x1008
    ldr     x1, [x0]
    check   x1, 0x1122
    try     1f
    load    x0, VA(0) + \size
    ldr     x1, [x0]
1:  expect  4, 0x25, 0x07
    try     1f
    load    x0, 0xc0000000
    str     x1, [x0]
1:  expect  4, 0x25, 0x46
    .endm

    group   granules
    load    x0, PAGE_B
    mov     x1, #0x1122
    str     x1, [x0, #8]
    mrs     x0, id_aa64mmfr0_el1
    ubfx    x0, x0, #24, #4
    cbnz    x0, 2f
    case    "64 KiB granules"
    load    x0, TABLE_64K_3
    load    x1, TABLE_64K_3 + 0x10000
3:  stp     xzr, xzr, [x0], #16
    cmp     x0, x1
    b.lo    3b
    entry   TABLE_64K, 0, 0x0060000000000401
    entry   TABLE_64K, 2, 0x40000000 | BLOCK | NORMAL
    entry   TABLE_64K, 4, TABLE_64K_3 | 3
    entry   TABLE_64K_3, 0, PAGE_A | PAGE | NORMAL
    dsb     ish
    use     TABLE_64K, 0x7519
    try_granule 0x10000
2:  mrs     x0, id_aa64mmfr0_el1
    ubfx    x0, x0, #20, #4
    cbz     x0, 2f
    case    "16 KiB granules"
    entry   TABLE_16K, 4, 0x0060000008000401
    entry   TABLE_16K, 32, 0x40000000 | BLOCK | NORMAL
    entry   TABLE_16K, 64, TABLE_16K_3 | 3
    entry   TABLE_16K_3, 0, PAGE_A | PAGE | NORMAL
    dsb     ish
    use     TABLE_16K, 0xb51c
    try_granule 0x4000
2:  use     TABLE_LOW, 0x3519
    group_end

/* ---- TLB maintenance ---- */

/* Page 1 was at A and becomes B; the invalidation lets it be seen. */
    .macro  tlbi_case name, bits, operation:vararg
    case    "\name"
    page    1, PAGE_A | PAGE | NORMAL | \bits
    load    x20, VA(1)
    ldr     x1, [x20]
    check   x1, 0xaa
    load    x0, TABLE_3 + 8
    load64  x1, PAGE_B | PAGE | NORMAL | \bits
    str     x1, [x0]
    dsb     ishst
    load    x2, VA(1) >> 12
    tlbi    \operation
    dsb     ish
    isb
    ldr     x1, [x20]
    check   x1, 0xbb
    .endm
    .macro  tlbi_broadcast name, bits, operation:vararg
    case    "\name on another vCPU"
    page    1, PAGE_A | PAGE | NORMAL | \bits
    adr     x0, job_read
    bl      start_job
    bl      wait_job
    load    x0, SHARED + S_WORD
    ldr     x1, [x0]
    check   x1, 0xaa
    load    x0, TABLE_3 + 8
    load64  x1, PAGE_B | PAGE | NORMAL | \bits
    str     x1, [x0]
    dsb     ishst
    load    x2, VA(1) >> 12
    tlbi    \operation
    dsb     ish
    adr     x0, job_read
    bl      start_job
    bl      wait_job
    load    x0, SHARED + S_WORD
    ldr     x1, [x0]
    check   x1, 0xbb
    .endm

job_read:
    load    x0, VA(1)
    ldr     x1, [x0]
    load    x0, SHARED + S_WORD
    str     x1, [x0]
    ret

    group   tlb
    load    x0, PAGE_A
    mov     x1, #0xaa
    str     x1, [x0]
    load    x0, PAGE_B
    mov     x1, #0xbb
    str     x1, [x0]
    tlbi_case "tlbi vae1", 0, vae1, x2
    tlbi_case "tlbi vaae1", NOT_GLOBAL, vaae1, x2
    tlbi_case "tlbi vale1", 0, vale1, x2
    tlbi_case "tlbi vaale1", NOT_GLOBAL, vaale1, x2
    tlbi_case "tlbi aside1", NOT_GLOBAL, aside1, xzr
    tlbi_case "tlbi vmalle1", 0, vmalle1
    tlbi_case "tlbi vae1is", NOT_GLOBAL, vae1is, x2
    tlbi_case "tlbi aside1is", NOT_GLOBAL, aside1is, xzr
    tlbi_broadcast "tlbi vae1is", NOT_GLOBAL, vae1is, x2
    tlbi_broadcast "tlbi vaae1is", 0, vaae1is, x2
    tlbi_broadcast "tlbi vale1is", 0, vale1is, x2
    tlbi_broadcast "tlbi vaale1is", 0, vaale1is, x2
    tlbi_broadcast "tlbi aside1is", NOT_GLOBAL, aside1is, xzr
    tlbi_broadcast "tlbi vmalle1is", 0, vmalle1is

    case    "address spaces"
    load    x20, TABLE_LOW
    orr     x21, x20, #1 << 48
    orr     x22, x20, #2 << 48
    page    1, PAGE_A | PAGE | NORMAL | NOT_GLOBAL
    msr     ttbr0_el1, x21
    isb
    load    x0, VA(1)
    ldr     x1, [x0]
    check   x1, 0xaa
    load    x0, TABLE_3 + 8             /* the second address space has had nothing there */
    load64  x1, PAGE_B | PAGE | NORMAL | NOT_GLOBAL
    str     x1, [x0]
    dsb     ish
    msr     ttbr0_el1, x22
    isb
    load    x0, VA(1)
    ldr     x1, [x0]
    check   x1, 0xbb
    mov     x2, #1 << 48
    tlbi    aside1, x2
    dsb     nsh
    msr     ttbr0_el1, x21
    isb
    load    x0, VA(1)
    ldr     x1, [x0]
    check   x1, 0xbb
    msr     ttbr0_el1, x20
    isb
    group_end

/* ---- debug exceptions ---- */

    .macro  debug_off
    msr     daifset, #8
    msr     mdscr_el1, xzr
    isb
    .endm
    .macro  mdscr value
    load    x0, \value
    msr     mdscr_el1, x0
    isb
    .endm

    group   debug
    case    "software step"
    mdscr   0x2001                      /* KDE, SS */
    try     1f
    adr     x0, 2f
    load    x1, 0x1c5 | 1 << 21
    bl      enter
2:  nop
3:  nop
    nop
1:  debug_off
    expect  4, 0x33, 1 << 24 | 0x22
    expect_elr 3b
    mdscr   0x2001
    try     1f
    adr     x0, 2f
    load    x1, 0x1c5                   /* SS is clear: before the first */
    bl      enter
2:  nop
1:  debug_off
    expect  4, 0x33, 0x22
    expect_elr 2b
    mdscr   0x0001
    try     1f
    user_address x0, el0_step
    load    x1, 1 << 21
    bl      enter
1:  debug_off
    expect  8, 0x32, 1 << 24 | 0x22
    user_address x2, 4 + el0_step
    ldr     x3, [x29, #R_ELR]
    check_reg x2, x3

    case    "breakpoint"
    adr     x0, 2f
    msr     dbgbvr0_el1, x0
    load    x0, 0x1e7
    msr     dbgbcr0_el1, x0
    mdscr   0xa000                      /* MDE, KDE */
    try     1f
    msr     daifclr, #8
    nop
2:  nop
1:  debug_off
    expect  4, 0x31, 0x22
    expect_elr 2b
    load    x0, 0x1e5                   /* EL0 only */
    msr     dbgbcr0_el1, x0
    mdscr   0xa000
    try     1f
    adr     x0, 2f
    msr     dbgbvr0_el1, x0
    msr     daifclr, #8
    isb
2:  nop
1:  debug_off
    ldr     x2, [x29, #R_VECTOR]
    check   x2, -1
    user_address x0, 4 + el0_step
    msr     dbgbvr0_el1, x0
    mdscr   0x8000
    user    el0_step, 1f
1:  debug_off
    expect  8, 0x30, 0x22

    case    "linked and context breakpoints"
    load    x0, 0x4321
    msr     contextidr_el1, x0
    msr     dbgbvr5_el1, x0
    load    x0, 0x3 << 20 | 0x1e7       /* linked context */
    msr     dbgbcr5_el1, x0
    load    x0, 0x1 << 20 | 5 << 16 | 0x1e7
    msr     dbgbcr0_el1, x0
    mdscr   0x8000
    user    el0_step, 1f
1:  debug_off
    expect  8, 0x30, 0x22
    msr     contextidr_el1, xzr
    mdscr   0x8000
    user    el0_step, 1f
1:  debug_off
    expect  8, 0x15, 2
    msr     dbgbcr0_el1, xzr
    load    x0, 0x2 << 20 | 0x1e5       /* context alone, at EL0 */
    msr     dbgbcr5_el1, x0
    mdscr   0x8000
    user    el0_step, 1f
1:  debug_off
    expect  8, 0x15, 2
    load    x0, 0x4321
    msr     contextidr_el1, x0
    mdscr   0x8000
    user    el0_step, 1f
1:  debug_off
    expect  8, 0x30, 0x22
    user_address x2, el0_step
    ldr     x3, [x29, #R_ELR]
    check_reg x2, x3
    msr     dbgbcr5_el1, xzr

    case    "watchpoint"
    load    x20, PAGE_A + 0x100
    msr     dbgwvr0_el1, x20
    load    x0, 0xff << 5 | 3 << 3 | 3 << 1 | 1
    msr     dbgwcr0_el1, x0
    mdscr   0xa000
    msr     daifclr, #8
    isb
    try     1f
2:  str     w1, [x20, #4]
1:  debug_off
    expect  4, 0x35, 0x62
    expect_far PAGE_A + 0x104
    expect_elr 2b
    load    x0, 0x0f << 5 | 1 << 3 | 3 << 1 | 1 /* loads of the first word */
    msr     dbgwcr0_el1, x0
    mdscr   0xa000
    msr     daifclr, #8
    isb
    try     1f
    str     x1, [x20]
    ldr     w1, [x20, #4]
    ldr     w1, [x20, #-4]
2:  ldr     x1, [x20, #-4]
1:  debug_off
    ldr     x2, [x29, #R_ESR]
    check   x2, 0x35 << 26 | 1 << 25 | 0x22
    expect_elr 2b
    load    x0, VA(10)
    msr     dbgwvr0_el1, x0
    load    x0, 0xff << 5 | 3 << 3 | 2 << 1 | 1 /* EL0 */
    msr     dbgwcr0_el1, x0
    page    10, PAGE_A | PAGE | NORMAL | USER
    mdscr   0xa000
    msr     daifclr, #8
    isb
    load    x0, VA(10)
    ldr     x1, [x0]
    user    el0_load_10, 1f
1:  debug_off
    expect  8, 0x34, 0x22
    load    x0, 10 << 24 | 0xff << 5 | 1 << 3 | 3 << 1 | 1 /* by mask: 1 KiB */
    msr     dbgwcr0_el1, x0
    load    x20, PAGE_A + 0x400
    msr     dbgwvr0_el1, x20
    mdscr   0xa000
    msr     daifclr, #8
    isb
    try     1f
    ldrb    w1, [x20, #-1]
    ldrb    w1, [x20, #0x400]
2:  ldrb    w1, [x20, #0x3ff]
1:  debug_off
    expect  4, 0x35, 0x22
    expect_elr 2b
    msr     dbgwcr0_el1, xzr
    group_end

/* ---- two vCPUs ---- */

job_exclusive:
    load    x0, SHARED + S_WORD
    load    x1, COUNT
1:  ldxr    x2, [x0]
    add     x2, x2, #1
    stxr    w3, x2, [x0]
    cbnz    w3, 1b
    subs    x1, x1, #1
    b.ne    1b
    ret
job_exclusive_pair:
    load    x0, SHARED + S_WORD
    load    x1, COUNT
1:  ldaxp   x2, x4, [x0]
    add     x2, x2, #1
    sub     x4, x4, #1
    stlxp   w3, x2, x4, [x0]
    cbnz    w3, 1b
    subs    x1, x1, #1
    b.ne    1b
    ret
    .arch   armv8-a+lse
job_add:
    load    x0, SHARED + S_WORD
    load    x1, COUNT
    mov     x2, #1
1:  ldadd   x2, x3, [x0]
    subs    x1, x1, #1
    b.ne    1b
    ret
job_swap:
    load    x0, SHARED + S_WORD
    load    x1, COUNT
1:  ldr     x2, [x0]
2:  mov     x3, x2
    add     x4, x2, #1
    casal   x3, x4, [x0]
    cmp     x3, x2
    mov     x2, x3
    b.ne    2b
    subs    x1, x1, #1
    b.ne    1b
    ret
    .arch   armv8-a
job_store:
    load    x0, SHARED + S_WORD
    mov     x1, #0x99
    str     x1, [x0]
    ret
job_call:
    isb
    stp     x29, x30, [sp, #-16]!
    load    x0, CODE
    blr     x0
    load    x1, SHARED + S_WORD
    str     x0, [x1]
    ldp     x29, x30, [sp], #16
    ret

/* The same on both, from 0; what the word is then. */
    .macro  both job
    load    x0, SHARED + S_WORD
    stp     xzr, xzr, [x0]
    adr     x0, \job
    bl      start_job
    bl      \job
    bl      wait_job
    load    x0, SHARED + S_WORD
    ldp     x20, x21, [x0]
    .endm
/* At CODE: mov w0, #x1; ret. */
write_code:
    load    x0, CODE
    load    x2, 0x52800000
    orr     x2, x2, x1, lsl #5
    str     w2, [x0]
    load    x2, 0xd65f03c0
    str     w2, [x0, #4]
    dc      cvau, x0
    dsb     ish
    ic      ivau, x0
    dsb     ish
    isb
    ret

    group   two
    case    "PSCI"
    load    x0, 0xc4000004              /* AFFINITY_INFO: on */
    mov     x1, #1
    mov     x2, #0
    hvc     #0
    check   x0, 0
    load    x0, 0xc4000003              /* CPU_ON: ALREADY_ON */
    mov     x1, #1
    adr     x2, _start
    hvc     #0
    sxtw    x0, w0
    check   x0, -4
    load    x0, 0xc4000003              /* INVALID_PARAMETERS */
    mov     x1, #7
    adr     x2, _start
    hvc     #0
    sxtw    x0, w0
    check   x0, -2

    case    "exclusives"
    both    job_exclusive
    check   x20, 2 * COUNT
    case    "exclusive pairs"
    both    job_exclusive_pair
    check   x20, 2 * COUNT
    check   x21, -2 * COUNT
    mrs     x0, id_aa64isar0_el1
    ubfx    x0, x0, #20, #4
    cbz     x0, 1f
    case    "atomic addition"
    both    job_add
    check   x20, 2 * COUNT
    case    "compare and swap"
    both    job_swap
    check   x20, 2 * COUNT
1:
    case    "the exclusive monitor"
    load    x20, SHARED + S_WORD
    mov     x1, #5
    stxr    w2, x1, [x20]               /* nothing is monitored */
    check   x2, 1
    ldxr    x1, [x20]
    clrex
    stxr    w2, x1, [x20]
    check   x2, 1
    ldxr    x1, [x20]
    stxr    w2, x1, [x20]
    check   x2, 0
    str     xzr, [x20]
    ldxr    x21, [x20]
    adr     x0, job_store
    bl      start_job
    load    x1, SHARED + S_JOB
1:  yield
    ldar    x2, [x1]
    cbnz    x2, 1b
    stxr    w2, x21, [x20]              /* another vCPU has stored there */
    check   x2, 1
    ldr     x2, [x20]
    check   x2, 0x99
    ldxr    x1, [x20]
    try     1f
    svc     #0                          /* an exception's return clears it */
1:  stxr    w2, x1, [x20]
    check   x2, 1

    case    "code that is changed"
    mov     x1, #11
    bl      write_code
    load    x0, CODE
    blr     x0
    check   x0, 11
    mov     x1, #12
    bl      write_code
    load    x0, CODE
    blr     x0
    check   x0, 12
    adr     x0, job_call
    bl      start_job
    bl      wait_job
    load    x0, SHARED + S_WORD
    ldr     x2, [x0]
    check   x2, 12
    mov     x1, #13                     /* on the other vCPU, which has decoded it */
    bl      write_code
    adr     x0, job_call
    bl      start_job
    bl      wait_job
    load    x0, SHARED + S_WORD
    ldr     x2, [x0]
    check   x2, 13
    group_end

/* ---- litmus tests ----
 *
 * Each thread goes through its rounds without waiting for the other, writes the round's number, and logs
 * what it reads; afterwards the logs are searched for what the architecture forbids.
 */
    .macro  litmus_thread name, mine, other, log, first:vararg
\name:
    load    x0, SHARED + \mine
    load    x1, SHARED + \other
    load    x2, \log
    mov     x3, #1
    load    x4, ROUNDS
    load    x5, SHARED + S_MEET         /* both begin at once */
1:  ldaxr   w6, [x5]
    add     w6, w6, #1
    stlxr   w7, w6, [x5]
    cbnz    w7, 1b
2:  yield
    ldar    w6, [x5]
    cmp     w6, #2
    b.lo    2b
1:  \first
    .endm
    .macro  litmus_end
    str     w5, [x2, x3, lsl #2]
    add     x3, x3, #1
    cmp     x3, x4
    b.ls    1b
    ret
    .endm

    /* Store buffering. */
    litmus_thread sb_dmb_0, S_X, S_Y, LOG_0
    str     w3, [x0]
    dmb     ish
    ldr     w5, [x1]
    litmus_end
    litmus_thread sb_dmb_1, S_Y, S_X, LOG_1
    str     w3, [x0]
    dmb     ish
    ldr     w5, [x1]
    litmus_end
    litmus_thread sb_stlr_0, S_X, S_Y, LOG_0
    stlr    w3, [x0]
    ldar    w5, [x1]
    litmus_end
    litmus_thread sb_stlr_1, S_Y, S_X, LOG_1
    stlr    w3, [x0]
    ldar    w5, [x1]
    litmus_end
    /* Load buffering, with a barrier and with an address dependency. */
    litmus_thread lb_dmb_0, S_X, S_Y, LOG_0
    ldr     w5, [x1]
    dmb     ish
    str     w3, [x0]
    litmus_end
    litmus_thread lb_dmb_1, S_Y, S_X, LOG_1
    ldr     w5, [x1]
    dmb     ish
    str     w3, [x0]
    litmus_end
    litmus_thread lb_addr_0, S_X, S_Y, LOG_0
    ldr     w5, [x1]
    eor     w6, w5, w5
    str     w3, [x0, x6]
    litmus_end
    litmus_thread lb_addr_1, S_Y, S_X, LOG_1
    ldr     w5, [x1]
    eor     w6, w5, w5
    str     w3, [x0, x6]
    litmus_end
    /* Message passing: the writer writes both; the reader logs y, then x. */
    litmus_thread mp_dmb_0, S_X, S_Y, LOG_0
    str     w3, [x0]
    dmb     ishst
    str     w3, [x1]
    mov     w5, w3
    litmus_end
    litmus_thread mp_dmb_1, S_X, S_Y, LOG_1
    ldr     w5, [x1]
    dmb     ishld
    ldr     w6, [x0]
    subs    w5, w6, w5                  /* x is y at least */
    csel    w5, wzr, w5, ge
    litmus_end
    litmus_thread mp_stlr_0, S_X, S_Y, LOG_0
    str     w3, [x0]
    stlr    w3, [x1]
    mov     w5, w3
    litmus_end
    litmus_thread mp_stlr_1, S_X, S_Y, LOG_1
    ldar    w5, [x1]
    ldr     w6, [x0]
    subs    w5, w6, w5
    csel    w5, wzr, w5, ge
    litmus_end
    /* No barriers: nothing but that one location does not go back. */
    litmus_thread mp_0, S_X, S_Y, LOG_0
    str     w3, [x0]
    str     w3, [x1]
    mov     w5, w3
    litmus_end
    litmus_thread mp_1, S_X, S_Y, LOG_1
    ldr     w5, [x1]
    ldr     w6, [x1]
    subs    w5, w6, w5
    csel    w5, wzr, w5, ge
    litmus_end

    .macro  litmus_run a, b
    load    x0, SHARED
    str     wzr, [x0, #S_X]
    str     wzr, [x0, #S_Y]
    str     wzr, [x0, #S_MEET]
    adr     x0, \b
    bl      start_job
    bl      \a
    bl      wait_job
    .endm

/* Of thread 0's round i that read n: thread 1's round n + x0 read at least i - x1. x2 counts others. */
forbidden:
    load    x3, LOG_0
    load    x4, LOG_1
    mov     x2, #0
    mov     x5, #1
    load    x6, ROUNDS
1:  ldr     w7, [x3, x5, lsl #2]
    add     x7, x7, x0
    cbz     x7, 2f
    cmp     x7, x6
    b.hi    2f
    ldr     w8, [x4, x7, lsl #2]
    add     x8, x8, x1
    cmp     x8, x5
    cinc    x2, x2, lo
2:  add     x5, x5, #1
    cmp     x5, x6
    b.ls    1b
    ret
/* As that, for load buffering: thread 1's round n, if there is one, read less than i. */
forbidden_loads:
    load    x3, LOG_0
    load    x4, LOG_1
    mov     x2, #0
    mov     x5, #1
    load    x6, ROUNDS
1:  ldr     w7, [x3, x5, lsl #2]
    cbz     x7, 2f
    ldr     w8, [x4, x7, lsl #2]
    cmp     x8, x5
    cinc    x2, x2, hs
2:  add     x5, x5, #1
    cmp     x5, x6
    b.ls    1b
    ret
/* Rounds of thread 1 that logged something. */
logged:
    load    x4, LOG_1
    mov     x2, #0
    mov     x5, #1
    load    x6, ROUNDS
1:  ldr     w7, [x4, x5, lsl #2]
    cmp     w7, #0
    cinc    x2, x2, ne
    add     x5, x5, #1
    cmp     x5, x6
    b.ls    1b
    ret

    group   litmus
    case    "store buffering, DMB"
    litmus_run sb_dmb_0, sb_dmb_1
    mov     x0, #1
    mov     x1, #0
    bl      forbidden
    check   x2, 0
    case    "store buffering, STLR and LDAR"
    litmus_run sb_stlr_0, sb_stlr_1
    mov     x0, #1
    mov     x1, #0
    bl      forbidden
    check   x2, 0
    case    "load buffering, DMB"
    litmus_run lb_dmb_0, lb_dmb_1
    bl      forbidden_loads
    check   x2, 0
    case    "load buffering, dependencies"
    litmus_run lb_addr_0, lb_addr_1
    bl      forbidden_loads
    check   x2, 0
    case    "message passing, DMB"
    litmus_run mp_dmb_0, mp_dmb_1
    bl      logged
    check   x2, 0
    case    "message passing, STLR and LDAR"
    litmus_run mp_stlr_0, mp_stlr_1
    bl      logged
    check   x2, 0
    case    "coherence of one location"
    litmus_run mp_0, mp_1
    bl      logged
    check   x2, 0
    group_end

/* ---- interrupts ---- */

gicd_on:
    load    x0, GICD
    is_gicv3
    mov     w1, #1                      /* group 0 */
    mov     w2, #0x13                   /* affinity routing, both groups */
    csel    w1, w2, w1, eq
    str     w1, [x0]
    mov     w1, #0x100                  /* INTID 40 */
    str     w1, [x0, #0x104]            /* GICD_ISENABLER1 */
    mov     w1, #1
    strb    w1, [x0, #0x828]            /* GICD_ITARGETSR: vCPU 0 */
    b.ne    1f
    mov     w1, #-1
    str     w1, [x0, #0x84]             /* GICD_IGROUPR1 */
    add     x0, x0, #0x6000
    str     xzr, [x0, #0x140]           /* GICD_IROUTER40 */
1:  ret

gic_on:
    load    w1, 1 << 27 | 1 << 30 | 0xff
    is_gicv3
    b.eq    1f
    load    x0, GICD
    str     w1, [x0, #0x100]            /* GICD_ISENABLER0 */
    load    x0, GICC
    mov     w1, #0xf0
    str     w1, [x0, #4]                /* GICC_PMR */
    mov     w1, #1
    str     w1, [x0]                    /* GICC_CTLR */
    ret
1:  load    x0, GICR
    add     x0, x0, x19, lsl #17
    str     wzr, [x0, #0x14]            /* GICR_WAKER */
2:  ldr     w2, [x0, #0x14]
    tbnz    w2, #2, 2b                  /* ChildrenAsleep */
    add     x0, x0, #0x10000
    mov     w2, #~(1 << 2)              /* GICR_IGROUPR0: SGI 2 is in group 0 */
    str     w2, [x0, #0x80]
    str     w1, [x0, #0x100]            /* GICR_ISENABLER0 */
    mov     x2, #7
    msr     s3_0_c12_c12_5, x2          /* ICC_SRE_EL1 */
    isb
    mov     x2, #0xf0
    msr     s3_0_c4_c6_0, x2            /* ICC_PMR_EL1 */
    mov     x2, #1
    msr     s3_0_c12_c12_7, x2          /* ICC_IGRPEN1_EL1 */
    msr     s3_0_c12_c12_6, x2          /* ICC_IGRPEN0_EL1 */
    isb
    ret

/* SGI w0 to vCPU w1. SGI 2 is in group 0 of a GICv3. */
send_sgi:
    mov     w2, #1
    lsl     w2, w2, w1
    dsb     ish
    is_gicv3
    b.eq    1f
    orr     w0, w0, w2, lsl #16
    load    x1, GICD
    str     w0, [x1, #0xf00]            /* GICD_SGIR */
    ret
1:  orr     x2, x2, x0, lsl #24
    cmp     w0, #2
    b.eq    2f
    msr     s3_0_c12_c11_5, x2          /* ICC_SGI1R_EL1 */
    isb
    ret
2:  msr     s3_0_c12_c11_7, x2          /* ICC_SGI0R_EL1 */
    isb
    ret

/* The CPU interface's priority mask becomes w0. */
set_pmr:
    is_gicv3
    b.eq    1f
    load    x1, GICC
    str     w0, [x1, #4]
    ldr     w0, [x1, #4]
    ret
1:  msr     s3_0_c4_c6_0, x0
    isb
    ret

/* Takes interrupts until one more has come. Also a job. */
wait_irq:
    ldr     x1, [x29, #R_IRQS]
1:  ldr     x2, [x29, #R_IRQS]
    cmp     x1, x2
    b.ne    2f
    wfi                                 /* masked: it ends all the same */
    msr     daifclr, #3
    isb
    msr     daifset, #3
    b       1b
2:  ret

/* A job: the virtual timer of vCPU 1. */
job_timer:
    stp     x29, x30, [sp, #-16]!
    mov     x0, #1000
    msr     cntv_tval_el0, x0
    mov     x0, #1
    msr     cntv_ctl_el0, x0
    bl      wait_irq
    ldp     x29, x30, [sp], #16
    ret

    .macro  expect_irq record, vector, intid
    load    x20, RECORDS + \record
    ldr     x1, [x20, #R_IRQ_VECTOR]
    check   x1, \vector
    ldr     x1, [x20, #R_INTID]
    check   x1, \intid
    .endm

    group   interrupts
    case    "virtual timer"
    mov     x0, #1000
    msr     cntv_tval_el0, x0
    mov     x0, #1
    msr     cntv_ctl_el0, x0
    bl      wait_irq
    expect_irq 0, 5, 27
    case    "physical timer"
    mrs     x0, cntpct_el0
    add     x0, x0, #1000
    msr     cntp_cval_el0, x0
    mov     x0, #1
    msr     cntp_ctl_el0, x0
    isb
    bl      wait_irq
    expect_irq 0, 5, 30
    case    "timer condition"
    mov     x0, #3                      /* masked */
    msr     cntv_ctl_el0, x0
    msr     cntv_tval_el0, xzr
    isb
    mrs     x2, cntv_ctl_el0
    check   x2, 7
    mrs     x2, isr_el1
    check   x2, 0
    msr     cntv_ctl_el0, xzr
    case    "SGI to itself"
    mov     w0, #3
    mov     w1, #0
    bl      send_sgi
    mrs     x2, isr_el1
    check   x2, 1 << 7
    bl      wait_irq
    expect_irq 0, 5, 3
    mrs     x2, isr_el1
    check   x2, 0
    case    "SGI to the other"
    adr     x0, wait_irq
    bl      start_job
    mov     w0, #4
    mov     w1, #1
    bl      send_sgi
    bl      wait_job
    expect_irq 0x100, 5, 4
    case    "timer of the other"
    adr     x0, job_timer
    bl      start_job
    bl      wait_job
    expect_irq 0x100, 5, 27
    case    "SPI"
    load    x0, GICD
    mov     w1, #0x100
    str     w1, [x0, #0x204]            /* GICD_ISPENDR1 */
    bl      wait_irq
    expect_irq 0, 5, 40
    case    "priority mask"
    mov     w0, #0
    bl      set_pmr
    mov     w0, #5
    mov     w1, #0
    bl      send_sgi
    mrs     x2, isr_el1
    check   x2, 0
    mov     w0, #0xf0
    bl      set_pmr
    mrs     x2, isr_el1
    check   x2, 1 << 7
    bl      wait_irq
    expect_irq 0, 5, 5
    case    "interrupt at EL0"
    mov     w0, #6
    mov     w1, #0
    bl      send_sgi
    user    el0_step, 1f
1:  expect  8, 0x15, 2
    expect_irq 0, 9, 6
    case    "FIQ"
    is_gicv3
    b.eq    1f
    load    x0, GICC
    mov     w1, #9                      /* FIQEn */
    str     w1, [x0]
1:  mov     w0, #2
    mov     w1, #0
    bl      send_sgi
    mrs     x2, isr_el1
    check   x2, 1 << 6
    bl      wait_irq
    expect_irq 0, 6, 2
    is_gicv3
    b.eq    1f
    load    x0, GICC
    mov     w1, #1
    str     w1, [x0]
1:  group_end

/* ---- exceptions as they come in ---- */

/* x0: the vector, x0 and x1 are on the stack. */
taken:
    mrs     x1, tpidr_el1
    stp     x2, x9, [sp, #-16]!
    tbnz    x0, #0, irq
    tbnz    x0, #1, irq
    str     x0, [x1, #R_VECTOR]
    mrs     x0, esr_el1
    str     x0, [x1, #R_ESR]
    mrs     x0, far_el1
    str     x0, [x1, #R_FAR]
    mrs     x0, elr_el1
    str     x0, [x1, #R_ELR]
    mrs     x0, spsr_el1
    str     x0, [x1, #R_SPSR]
    ldr     x0, [x1, #R_RESUME]
    cbz     x0, unexpected
    str     xzr, [x1, #R_RESUME]
    msr     elr_el1, x0
    mov     x0, #0x3c5
    msr     spsr_el1, x0
    b       back
irq:
    str     x0, [x1, #R_IRQ_VECTOR]
    tbnz    x0, #0, 1f
    tbz     x0, #1, 1f
    is_gicv3
    b.ne    1f
    mrs     x2, s3_0_c12_c8_0           /* ICC_IAR0_EL1 */
    msr     s3_0_c12_c8_1, x2           /* ICC_EOIR0_EL1 */
    b       4f
1:  is_gicv3
    b.eq    2f
    load    x0, GICC
    ldr     w2, [x0, #12]               /* GICC_IAR */
    b       3f
2:  mrs     x2, s3_0_c12_c12_0          /* ICC_IAR1_EL1 */
3:  msr     cntv_ctl_el0, xzr
    msr     cntp_ctl_el0, xzr
    isb
    is_gicv3
    b.eq    2f
    str     w2, [x0, #16]               /* GICC_EOIR */
    b       4f
2:  msr     s3_0_c12_c12_1, x2          /* ICC_EOIR1_EL1 */
4:  isb
    and     w2, w2, #0x3ff
    cmp     w2, #1023
    b.eq    back                        /* spurious */
    str     x2, [x1, #R_INTID]
    ldr     x0, [x1, #R_IRQS]
    add     x0, x0, #1
    str     x0, [x1, #R_IRQS]
back:
    ldp     x2, x9, [sp], #16
    ldp     x0, x1, [sp], #16
    eret

unexpected:
    adr     x0, text_exception
    ldr     x1, [x1, #R_ESR]
    bl      say
    adr     x0, text_at
    mrs     x1, elr_el1
    bl      say
    load    x0, 0x84000008
    hvc     #0
    b       .

/* ---- what is reported ---- */

/* x0 is to be x1. Changes x0 to x9. */
check_equal:
    add     x27, x27, #1
    load    x2, SHARED
    ldr     x3, [x2, #S_CHECKS]
    add     x3, x3, #1
    str     x3, [x2, #S_CHECKS]
    cmp     x0, x1
    b.eq    1f
    ldr     x3, [x2, #S_FAILURES]
    add     x3, x3, #1
    str     x3, [x2, #S_FAILURES]
    stp     x20, x30, [sp, #-16]!
    stp     x0, x1, [sp, #-16]!
    adr     x0, text_failed
    bl      put_string
    mov     x0, x28
    bl      put_string
    adr     x0, text_check
    mov     x1, x27
    bl      say
    ldp     x0, x1, [sp], #16
    mov     x20, x1
    mov     x1, x0
    adr     x0, text_is
    bl      say
    mov     x1, x20
    adr     x0, text_not
    bl      say
    ldp     x20, x30, [sp], #16
1:  ret

/* The string x0, x1 in hexadecimal, a new line. */
say:
    stp     x1, x30, [sp, #-16]!
    bl      put_string
    ldp     x6, x30, [sp], #16
    mov     w1, #60
2:  lsr     x0, x6, x1
    cbnz    x0, 3f
    subs    w1, w1, #4
    b.gt    2b
    mov     w1, #0
3:  lsr     x0, x6, x1
    and     w0, w0, #15
    cmp     w0, #10
    add     w3, w0, #'a' - 10
    add     w0, w0, #'0'
    csel    w0, w0, w3, lo
    str     w0, [x4]
    subs    w1, w1, #4
    b.ge    3b
    mov     w0, #'\n'
    str     w0, [x4]
    ret
put_string:
    load    x4, UART
1:  ldrb    w1, [x0], #1
    cbz     w1, 2f
    str     w1, [x4]
    b       1b
2:  ret

text_checks:    .asciz "checks: "
text_failures:  .asciz "failures: "
text_failed:    .asciz "FAILED: "
text_check:     .asciz ", check "
text_is:        .asciz "    is  "
text_not:       .asciz "    not "
text_exception: .asciz "unexpected exception, ESR "
text_at:        .asciz "at "

    .balign 2048
vectors:
    .irp    number, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    stp     x0, x1, [sp, #-16]!
    mov     x0, #\number
    b       taken
    .balign 128
    .endr

/* ---- what runs at EL0 ---- */

    .section .el0, "ax"
    .balign 4096
el0_start:
el0_svc:        svc     #0xbeef
el0_hvc:        hvc     #0
el0_mrs_sctlr:  mrs     x2, sctlr_el1
el0_mrs_ctr:    mrs     x2, ctr_el0
el0_msr_daif:   msr     daif, x2
el0_daifset:    msr     daifset, #2
el0_zva:        dc      zva, x2
el0_civac:      dc      civac, x2
el0_wfi:        wfi
el0_wfe:        wfe                     /* takes the event that the return was */
    wfe
    svc     #2
el0_cntvct:     mrs     x2, cntvct_el0
    svc     #2
el0_cntv_ctl:   mrs     x2, cntv_ctl_el0
    svc     #2
el0_fmov:       fmov    d0, #1.0
    svc     #2
el0_load_sp:    ldr     x1, [sp]
    svc     #2
el0_load_10:
    load    x0, VA(10)
    ldr     x1, [x0]
    svc     #2
el0_store_10:
    load    x0, VA(10)
    str     x1, [x0]
    svc     #2
el0_call_1:
    load    x0, VA(1)
    blr     x0
    svc     #2
el0_step:       nop
    nop
    svc     #2
