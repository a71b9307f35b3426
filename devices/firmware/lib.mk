SRCS := src/smccc.c src/psci.c src/psci_power.c src/psci_system.c src/trng.c src/pvtime.c
NEEDS := cpu_model lifecycle clock simple_as state
