/*
 * A bare-metal program for the memory map of examples/a64 (which is that of QEMU's `virt` machine, so
 * it runs there too). Two vCPUs turn their MMU on, set up a GICv2 or a GICv3, whichever there is,
 * take five timer interrupts each and print them through a PL011. vCPU 0 starts vCPU 1 by PSCI, is
 * told of its end by an SGI, and powers off.
 *
 * guest.inc is made of this file by tools/guest-words.
 */
#define GICD     0x08000000
#define GICC     0x08010000
#define GICR     0x080a0000
#define UART     0x09000000
#define TIMER    27 /* INTID of the virtual timer's PPI */
#define DONE     1  /* INTID of the SGI that vCPU 1 sends at its end */
#define TICKS    5

/* Memory behind the image: not loaded, and cleared here before it is used. */
#define TABLE    0 /* translation table, level 1 */
#define LOCK     0x1000
#define ENDED    0x1004
#define STACKS   0x2000 /* 4 KiB each; they grow down, so stack n ends at STACKS + (n + 1) * 0x1000 */

/* A constant of 32 bits: no literal pools, which assemblers fill each in its own way. */
    .macro  load reg, value:vararg
    movz    \reg, #(\value) & 0xffff
    movk    \reg, #((\value) >> 16) & 0xffff, lsl #16
    .endm

    .text
    .globl _start
/* Both vCPUs begin here. x19: number of this vCPU, x20: memory behind the image, for good. */
_start:
    mrs     x19, mpidr_el1
    and     x19, x19, #0xff
    adrp    x20, _image_end
    add     x0, x20, #STACKS + 0x1000
    add     x0, x0, x19, lsl #12
    mov     sp, x0
    adr     x0, vectors
    msr     vbar_el1, x0
    msr     tpidr_el1, x19
    cbnz    x19, 1f
    bl      make_table
1:  bl      mmu_on
    adr     x0, text_mpidr
    mrs     x1, mpidr_el1
    bl      say
    cbnz    x19, 2f
    mov     x0, #0x84000000         /* PSCI_VERSION */
    hvc     #0
    mov     x1, x0
    adr     x0, text_psci
    bl      say
    bl      gicd_on
2:  bl      gic_on
    mov     x21, #0                 /* x21: ticks seen; the interrupt handler counts */
    bl      arm_timer
    cbnz    x19, 3f
    load    x0, 0xc4000003          /* CPU_ON */
    mov     x1, #1
    adr     x2, _start
    mov     x3, #0
    hvc     #0
    cbnz    x0, failed
3:  cmp     x21, #TICKS             /* looked at with interrupts masked, so that none is missed */
    b.hs    4f
    bl      wait
    b       3b
4:  cbz     x19, 5f
    bl      send_done               /* vCPU 1 ends here */
    load    x0, 0x84000002          /* CPU_OFF */
    hvc     #0
    b       failed
5:  ldr     w0, [x20, #ENDED]       /* vCPU 0 waits for that */
    cbnz    w0, 6f
    bl      wait
    b       5b
6:  load    x0, 0xc4000004          /* AFFINITY_INFO, until it is off */
    mov     x1, #1
    mov     x2, #0
    hvc     #0
    cmp     x0, #1
    b.ne    6b
    adr     x0, text_off
    mov     x1, x21
    bl      say
    load    x0, 0x84000008          /* SYSTEM_OFF */
    hvc     #0
failed:
    adr     x0, text_failed
    bl      say
7:  wfi
    b       7b

/* Waits for an interrupt and takes it. */
wait:
    wfi
    msr     daifclr, #2
    isb
    msr     daifset, #2
    ret

/* One table of 1 GiB blocks: the first is devices, the second memory. */
make_table:
    mov     x0, x20
    add     x1, x0, #0x2000
1:  stp     xzr, xzr, [x0], #16
    cmp     x0, x1
    b.lo    1b
    mov     x0, #0x401              /* block, AF, attribute 0 */
    movk    x0, #0x60, lsl #48      /* UXN, PXN */
    mov     x1, #0x705              /* block, AF, inner shareable, attribute 1 */
    movk    x1, #0x4000, lsl #16
    stp     x0, x1, [x20, #TABLE]
    dsb     sy
    ret

mmu_on:
    mov     x0, #0xff00             /* attribute 0: Device-nGnRnE, 1: Normal, write-back */
    msr     mair_el1, x0
    msr     ttbr0_el1, x20
    load    x0, 0x803519
    movk    x0, #2, lsl #32         /* 39 bits, 4 KiB, write-back, inner shareable; no TTBR1 */
    msr     tcr_el1, x0
    tlbi    vmalle1
    dsb     nsh
    isb
    mrs     x0, sctlr_el1
    mov     x1, #0x1005             /* I, C, M */
    orr     x0, x0, x1
    msr     sctlr_el1, x0
    isb
    ret

/* Flags: not equal for a GICv2, equal for a GICv3, as the ID register says. Changes x9. */
    .macro  is_gicv3
    mrs     x9, id_aa64pfr0_el1
    ubfx    x9, x9, #24, #4
    cmp     x9, #1
    .endm

gicd_on:
    mov     x0, #GICD
    is_gicv3
    mov     w1, #1                  /* group 0 */
    mov     w2, #0x12               /* affinity routing and group 1 */
    csel    w1, w2, w1, eq
    str     w1, [x0]
    ret

/* The CPU interface, and the interrupts of this vCPU alone. */
gic_on:
    load    w1, 1 << TIMER | 1 << DONE
    is_gicv3
    b.eq    1f
    mov     x0, #GICD
    str     w1, [x0, #0x100]        /* GICD_ISENABLER0 */
    mov     x0, #GICC
    mov     w1, #0xf0
    str     w1, [x0, #4]            /* GICC_PMR */
    mov     w1, #1
    str     w1, [x0]                /* GICC_CTLR */
    ret
1:  mov     x0, #GICR
    add     x0, x0, x19, lsl #17
    str     wzr, [x0, #0x14]        /* GICR_WAKER */
2:  ldr     w2, [x0, #0x14]
    tbnz    w2, #2, 2b              /* ChildrenAsleep */
    add     x0, x0, #0x10000
    mov     w2, #-1
    str     w2, [x0, #0x80]         /* GICR_IGROUPR0: all in group 1 */
    str     w1, [x0, #0x100]        /* GICR_ISENABLER0 */
    mov     x2, #7
    msr     s3_0_c12_c12_5, x2      /* ICC_SRE_EL1 */
    isb
    mov     x2, #0xf0
    msr     s3_0_c4_c6_0, x2        /* ICC_PMR_EL1 */
    mov     x2, #1
    msr     s3_0_c12_c12_7, x2      /* ICC_IGRPEN1_EL1 */
    isb
    ret

send_done:
    dsb     ish
    is_gicv3
    b.eq    1f
    mov     x0, #GICD
    load    w1, 1 << 16 | DONE      /* to vCPU 0 */
    str     w1, [x0, #0xf00]        /* GICD_SGIR */
    ret
1:  load    x1, DONE << 24 | 1      /* to vCPU 0 */
    msr     s3_0_c12_c11_5, x1      /* ICC_SGI1R_EL1 */
    isb
    ret

/* The next tick is in a 64th of a second. */
arm_timer:
    mrs     x0, cntfrq_el0
    lsr     x0, x0, #6
    msr     cntv_tval_el0, x0
    mov     x0, #1
    msr     cntv_ctl_el0, x0
    isb
    ret

irq:
    stp     x0, x1, [sp, #-176]!
    stp     x2, x3, [sp, #16]
    stp     x4, x5, [sp, #32]
    stp     x6, x7, [sp, #48]
    stp     x8, x9, [sp, #64]
    stp     x10, x11, [sp, #80]
    stp     x22, x30, [sp, #96]
    is_gicv3
    b.eq    1f
    mov     x0, #GICC
    ldr     w22, [x0, #12]          /* GICC_IAR */
    b       2f
1:  mrs     x22, s3_0_c12_c12_0     /* ICC_IAR1_EL1 */
2:  and     w0, w22, #0x3ff
    cmp     w0, #TIMER
    b.ne    4f
    add     x21, x21, #1
    adr     x0, text_tick
    mov     x1, x21
    bl      say
    bl      arm_timer
    cmp     x21, #TICKS
    b.lo    5f
    msr     cntv_ctl_el0, xzr
    b       5f
4:  cmp     w0, #DONE
    b.ne    6f
    mov     w0, #1
    str     w0, [x20, #ENDED]
5:  is_gicv3
    b.eq    7f
    mov     x0, #GICC
    str     w22, [x0, #16]          /* GICC_EOIR */
    b       6f
7:  msr     s3_0_c12_c12_1, x22     /* ICC_EOIR1_EL1 */
6:  ldp     x2, x3, [sp, #16]
    ldp     x4, x5, [sp, #32]
    ldp     x6, x7, [sp, #48]
    ldp     x8, x9, [sp, #64]
    ldp     x10, x11, [sp, #80]
    ldp     x22, x30, [sp, #96]
    ldp     x0, x1, [sp], #176
    eret

unexpected:
    adr     x0, text_exception
    mrs     x1, esr_el1
    bl      say
    b       failed

/* Prints "vCPU <n>: <string x0><x1 in hexadecimal>" and a new line, one vCPU at a time, with interrupts
 * masked. Changes x0 to x9. */
say:
    mrs     x7, daif
    msr     daifset, #2
    mov     x8, x30
    mov     x5, x0
    mov     x6, x1
    mov     x4, #UART
    add     x2, x20, #LOCK
    mov     w3, #1
    sevl
1:  wfe
    ldaxr   w0, [x2]
    cbnz    w0, 1b
    stxr    w0, w3, [x2]
    cbnz    w0, 1b
    adr     x0, text_vcpu
    bl      put_string
    add     w0, w19, #'0'
    str     w0, [x4]
    mov     w0, #':'
    str     w0, [x4]
    mov     w0, #' '
    str     w0, [x4]
    mov     x0, x5
    bl      put_string
    mov     w1, #60                 /* leading zeros are left out */
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
    add     x2, x20, #LOCK
    stlr    wzr, [x2]
    msr     daif, x7
    ret     x8

put_string:
    ldrb    w1, [x0], #1
    cbz     w1, 1f
    str     w1, [x4]
    b       put_string
1:  ret

text_vcpu:      .asciz "vCPU "
text_mpidr:     .asciz "at EL1 with the MMU on, MPIDR "
text_psci:      .asciz "PSCI version "
text_tick:      .asciz "timer interrupt "
text_exception: .asciz "unexpected exception, ESR "
text_failed:    .asciz "failed "
text_off:       .asciz "powers off after interrupts: "

    .balign 2048
vectors:
    .rept   5                       /* all but IRQ at this level, from the first five entries on */
    b       unexpected
    .balign 128
    .endr
    b       irq
    .balign 128
    .rept   10
    b       unexpected
    .balign 128
    .endr
