NEEDS := gic vbus
