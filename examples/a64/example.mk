NEEDS := a64 gic timer pl011 firmware
