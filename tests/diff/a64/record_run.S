/*
 * run(struct vector_state *x0, code x1): loads all registers but X29 and X30 from the state, calls the
 * code, and stores them again.
 */
.globl run
run:	stp x29,x30,[sp,#-176]!
	stp x19,x20,[sp,#16]
	stp x21,x22,[sp,#32]
	stp x23,x24,[sp,#48]
	stp x25,x26,[sp,#64]
	stp x27,x28,[sp,#80]
	stp d8,d9,[sp,#96]
	stp d10,d11,[sp,#112]
	stp d12,d13,[sp,#128]
	stp d14,d15,[sp,#144]
	adrp x2, savesp
	add x2,x2,:lo12:savesp
	mov x3, sp
	str x3,[x2]
	mov x29,x0
	mov x30,x1
	add x2,x29,#256
	.irp n,0,2,4,6,8,10,12,14,16,18,20,22,24,26,28,30
	ldr q\n,[x2],#32
	.endr
	add x2,x29,#272
	.irp n,1,3,5,7,9,11,13,15,17,19,21,23,25,27,29,31
	ldr q\n,[x2],#32
	.endr
	ldr w2,[x29,#776]
	msr fpcr,x2
	ldr w2,[x29,#780]
	msr fpsr,x2
	ldr w2,[x29,#768]
	msr nzcv,x2
	adrp x2, code
	add x2,x2,:lo12:code
	str x30,[x2]
	ldr x2,[x29,#248]
	mov sp,x2
	.irp n,0,2,4,6,8,10,12,14,16,18,20,22,24,26
	ldr x\n,[x29,#\n*8]
	.endr
	.irp n,1,3,5,7,9,11,13,15,17,19,21,23,25,27,28
	ldr x\n,[x29,#\n*8]
	.endr
	adrp x30, code
	ldr x30,[x30,:lo12:code]
	blr x30
	.irp n,0,2,4,6,8,10,12,14,16,18,20,22,24,26
	str x\n,[x29,#\n*8]
	.endr
	.irp n,1,3,5,7,9,11,13,15,17,19,21,23,25,27,28
	str x\n,[x29,#\n*8]
	.endr
	mrs x2,nzcv
	str w2,[x29,#768]
	mrs x2,fpsr
	str w2,[x29,#780]
	mov x2,sp
	str x2,[x29,#248]
	adrp x2, savesp
	ldr x2,[x2,:lo12:savesp]
	mov sp,x2
	add x2,x29,#256
	.irp n,0,2,4,6,8,10,12,14,16,18,20,22,24,26,28,30
	str q\n,[x2],#32
	.endr
	add x2,x29,#272
	.irp n,1,3,5,7,9,11,13,15,17,19,21,23,25,27,29,31
	str q\n,[x2],#32
	.endr
	msr fpcr,xzr
	ldp x19,x20,[sp,#16]
	ldp x21,x22,[sp,#32]
	ldp x23,x24,[sp,#48]
	ldp x25,x26,[sp,#64]
	ldp x27,x28,[sp,#80]
	ldp d8,d9,[sp,#96]
	ldp d10,d11,[sp,#112]
	ldp d12,d13,[sp,#128]
	ldp d14,d15,[sp,#144]
	ldp x29,x30,[sp],#176
	ret
.bss
.balign 8
savesp: .skip 8
code: .skip 8
