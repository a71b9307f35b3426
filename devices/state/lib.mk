SRCS := src/writer.c src/reader.c
NEEDS := base arch_api
