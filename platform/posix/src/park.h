/* Waiting for a word to change, without a lost wake-up: what all of this platform's objects wait by. */
#ifndef VML_POSIX_PARK_H
#define VML_POSIX_PARK_H

#include <vml/platform.h>

/* Sleeps while *word == expected, until a wake-up or the deadline; may also return for no reason. */
void posix_park(const uint32_t *word, uint32_t expected, uint64_t deadline_ns);
/* Wakes one waiter at least, if there is one. Who changes *word does so before. */
void posix_unpark(const uint32_t *word);

/* The two by POSIX threads alone, for systems without a futex; always there, so that tests reach them. */
void posix_park_by_cond(const uint32_t *word, uint32_t expected, uint64_t deadline_ns);
void posix_unpark_by_cond(const uint32_t *word);

#endif
