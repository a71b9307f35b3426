SRCS := src/fw_cfg.c
NEEDS := base device platform_api simple_as state
