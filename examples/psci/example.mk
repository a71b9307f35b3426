NEEDS := firmware
