SRCS :=
NEEDS := base device irq_controller platform_api
