NEEDS := gic simple_as vbus
