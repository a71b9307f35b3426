TEST_LIBS := -lm
