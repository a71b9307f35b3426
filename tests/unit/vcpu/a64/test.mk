TEST_LIBS := -lm
NEEDS := firmware gic timer pl011
