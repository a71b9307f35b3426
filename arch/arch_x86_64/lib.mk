SRCS :=
NEEDS := base
