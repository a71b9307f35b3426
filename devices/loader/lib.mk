SRCS := src/image.c src/elf.c src/place.c
NEEDS := simple_as arch_api
