SRCS :=
NEEDS := base arch_api
