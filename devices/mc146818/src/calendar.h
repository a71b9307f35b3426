/* Days and dates of the Gregorian calendar, and the registers that show them. */
#ifndef VML_MC146818_CALENDAR_H
#define VML_MC146818_CALENDAR_H

#include <vml/mc146818.h>

enum {
    SECONDS = 0x00,
    SECONDS_ALARM = 0x01,
    MINUTES = 0x02,
    MINUTES_ALARM = 0x03,
    HOURS = 0x04,
    HOURS_ALARM = 0x05,
    WEEKDAY = 0x06,
    DAY = 0x07,
    MONTH = 0x08,
    YEAR = 0x09,
    REG_A = 0x0a,
    REG_B = 0x0b,
    REG_C = 0x0c,
    REG_D = 0x0d,
    CENTURY = 0x32,
};

enum { A_UIP = 0x80, A_RS = 0x0f };
enum { B_SET = 0x80, B_PIE = 0x40, B_AIE = 0x20, B_UIE = 0x10, B_BINARY = 0x04, B_24 = 0x02 };
enum { C_IRQF = 0x80, C_PF = 0x40, C_AF = 0x20, C_UF = 0x10 };

/* Writes the time registers. `b` is register B, which says how. */
void calendar_show(uint8_t *bytes, uint8_t b, uint64_t seconds);
/* The time that the registers show; what is out of range is carried on. */
uint64_t calendar_read(const uint8_t *bytes, uint8_t b);
/* The first second after `seconds` that the alarm registers match. */
uint64_t calendar_next_alarm(const uint8_t *bytes, uint8_t b, uint64_t seconds);

#endif
