SRCS :=
NEEDS := platform_api
