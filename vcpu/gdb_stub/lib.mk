SRCS := src/gdb_stub.c src/commands.c src/resume.c src/text.c src/target.c
NEEDS := base chardev platform_api
