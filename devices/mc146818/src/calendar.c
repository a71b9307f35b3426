#include "calendar.h"

#define DAY_S UINT64_C(86400)
/* Days from 0000-03-01, where the arithmetic begins, to 1970-01-01. */
#define EPOCH_DAYS UINT64_C(719468)

static uint8_t to_register(uint8_t b, uint64_t value)
{
    return (uint8_t)(b & B_BINARY ? value : value / 10 << 4 | value % 10);
}

static uint64_t from_register(uint8_t b, uint8_t value)
{
    return b & B_BINARY ? value : (uint64_t)(value >> 4) * 10 + (value & 15u);
}

/* In 12-hour mode bit 7 is PM, and midnight and noon are 12. */
static uint8_t hour_to_register(uint8_t b, uint64_t hour)
{
    if (b & B_24) {
        return to_register(b, hour);
    }
    return (uint8_t)(to_register(b, hour % 12 ? hour % 12 : 12) | (hour >= 12 ? 0x80 : 0));
}

static uint64_t hour_from_register(uint8_t b, uint8_t value)
{
    if (b & B_24) {
        return from_register(b, value);
    }
    return from_register(b, value & 0x7f) % 12 + (value & 0x80 ? 12 : 0);
}

/* Years begin in March here, so that the leap day is their last; 400 of them have 146097 days. */
void calendar_show(uint8_t *bytes, uint8_t b, uint64_t seconds)
{
    uint64_t day = seconds / DAY_S, second = seconds % DAY_S;
    uint64_t from_march = day + EPOCH_DAYS;
    uint64_t era = from_march / 146097, in_era = from_march % 146097;
    uint64_t year_of_era = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
    uint64_t day_of_year = in_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    uint64_t month = (5 * day_of_year + 2) / 153;
    uint64_t day_of_month = day_of_year - (153 * month + 2) / 5 + 1;
    uint64_t year = era * 400 + year_of_era + (month >= 10 ? 1 : 0);

    month = month < 10 ? month + 3 : month - 9;
    bytes[SECONDS] = to_register(b, second % 60);
    bytes[MINUTES] = to_register(b, second / 60 % 60);
    bytes[HOURS] = hour_to_register(b, second / 3600);
    bytes[WEEKDAY] = to_register(b, (day + 4) % 7 + 1); /* 1970-01-01 was a Thursday; Sunday is 1 */
    bytes[DAY] = to_register(b, day_of_month);
    bytes[MONTH] = to_register(b, month);
    bytes[YEAR] = to_register(b, year % 100);
    bytes[CENTURY] = to_register(b, year / 100 % 100);
}

uint64_t calendar_read(const uint8_t *bytes, uint8_t b)
{
    uint64_t year = from_register(b, bytes[CENTURY]) * 100 + from_register(b, bytes[YEAR]);
    uint64_t month = from_register(b, bytes[MONTH]);
    uint64_t day = from_register(b, bytes[DAY]);
    uint64_t days, years;

    /* Nothing is before 1970; months that there are not become ones that there are. */
    year = vml_max_u64(year, 1970);
    month = (month + 11) % 12 + 1;
    years = month > 2 ? year : year - 1;
    month = month > 2 ? month - 3 : month + 9;
    days = years * 365 + years / 4 - years / 100 + years / 400 + (153 * month + 2) / 5 +
           vml_max_u64(day, 1) - 1 - EPOCH_DAYS;
    return days * DAY_S + hour_from_register(b, bytes[HOURS]) * 3600 +
           from_register(b, bytes[MINUTES]) * 60 + from_register(b, bytes[SECONDS]);
}

/* An alarm register of 0xc0 and up matches everything. */
static bool matches(uint8_t alarm, uint8_t shown)
{
    return alarm >= 0xc0 || alarm == shown;
}

uint64_t calendar_next_alarm(const uint8_t *bytes, uint8_t b, uint64_t seconds)
{
    uint64_t t = seconds + 1;

    /* At most every hour of a day, then the minutes of one, then its seconds; and once more around.
       */
    for (unsigned step = 0; step < 400; step++) {
        uint64_t second = t % DAY_S;

        if (!matches(bytes[HOURS_ALARM], hour_to_register(b, second / 3600))) {
            t += 3600 - second % 3600;
        } else if (!matches(bytes[MINUTES_ALARM], to_register(b, second / 60 % 60))) {
            t += 60 - second % 60;
        } else if (!matches(bytes[SECONDS_ALARM], to_register(b, second % 60))) {
            t++;
        } else {
            return t;
        }
    }
    return UINT64_MAX; /* a time that there is not */
}
