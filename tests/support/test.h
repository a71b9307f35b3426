/**
 * @file
 * @brief What every unit test includes: cmocka with the headers that it wants before it.
 */
#ifndef VML_TESTS_SUPPORT_TEST_H
#define VML_TESTS_SUPPORT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#endif
