SRCS :=
NEEDS := base platform_api
