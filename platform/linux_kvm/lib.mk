SRCS := src/linux_kvm.c
NEEDS := kvm
HOSTED := 1
LIBS := -pthread
