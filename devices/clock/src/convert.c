/* Conversions without a 128-bit division, which the compiler would take from a library. */
#include <vml/clock.h>

#define NS_PER_S UINT64_C(1000000000)

/* whole * unit + part, saturating. */
static uint64_t combine(uint64_t whole, uint64_t unit, uint64_t part)
{
    uint64_t product;

    if (__builtin_mul_overflow(whole, unit, &product) ||
        __builtin_add_overflow(product, part, &product)) {
        return UINT64_MAX;
    }
    return product;
}

/* Nanoseconds of less than a second's ticks, rounded up: ceil(ticks * 10^9 / frequency). */
static uint64_t part_to_ns(uint64_t ticks, uint64_t frequency)
{
    uint64_t quotient = 0;
    uint64_t rest = 0;

    if (ticks <= UINT64_MAX / NS_PER_S) {
        return ticks * NS_PER_S / frequency + (ticks * NS_PER_S % frequency != 0);
    }
    /* Bit by bit of 10^9; rest stays below the frequency, and nothing overflows. */
    for (unsigned bit = 30; bit-- > 0;) {
        quotient *= 2;
        if (rest >= frequency - rest) {
            rest -= frequency - rest;
            quotient++;
        } else {
            rest *= 2;
        }
        if ((NS_PER_S >> bit & 1) != 0) {
            if (ticks >= frequency - rest) {
                rest = ticks - (frequency - rest);
                quotient++;
            } else {
                rest += ticks;
            }
        }
    }
    return quotient + (rest != 0);
}

uint64_t vml_clock_ticks_to_ns(const struct vml_clock *clock, uint64_t ticks)
{
    uint64_t frequency = clock->source.frequency_hz;

    return combine(ticks / frequency, NS_PER_S, part_to_ns(ticks % frequency, frequency));
}

uint64_t vml_clock_ns_to_ticks(const struct vml_clock *clock, uint64_t ns)
{
    uint64_t frequency = clock->source.frequency_hz;
    uint64_t part = ns % NS_PER_S;

    /* part < 10^9: neither product reaches 2^64. */
    return combine(ns / NS_PER_S, frequency,
                   part * (frequency / NS_PER_S) + part * (frequency % NS_PER_S) / NS_PER_S);
}
