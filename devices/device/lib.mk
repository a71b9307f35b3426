SRCS :=
NEEDS := state
