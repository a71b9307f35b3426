SRCS := src/trace_json.c
NEEDS := vmm_debug
HOSTED := 1
