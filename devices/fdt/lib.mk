SRCS := src/write.c src/read.c src/edit.c
NEEDS := base
