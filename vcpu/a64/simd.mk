# Scalar floating point, Advanced SIMD and cryptography; lib.mk includes this.
SIMD_SRCS := $(addprefix src/,fp_arith.c fp_convert.c fp_estimate.c fp_fma.c fp_round.c \
	simd_aes.c simd_decode.c simd_decode_crypto.c simd_decode_misc.c simd_decode_scalar.c \
	simd_decode_vector.c simd_fp.c simd_int.c simd_lane.c simd_logic.c simd_permute.c \
	simd_scalar.c simd_sha.c simd_shift.c simd_sm.c simd_table.c simd_wide.c)
