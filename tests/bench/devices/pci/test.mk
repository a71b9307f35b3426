NEEDS := vbus
