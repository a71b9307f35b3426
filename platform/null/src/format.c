#include <vml/platform_null.h>

struct output {
    char *buffer;
    size_t size; /* with the final zero */
    size_t used;
};

struct conversion {
    bool left;  /* - */
    bool zero;  /* 0 */
    bool alter; /* # */
    bool plus;  /* + */
    bool has_precision;
    unsigned width;
    unsigned precision;
    unsigned bytes; /* of an integer argument */
    char type;
};

static void put(struct output *out, char c)
{
    if (out->used + 1 < out->size) {
        out->buffer[out->used++] = c;
    }
}

static void pad(struct output *out, char c, unsigned count)
{
    /* More than the buffer holds cannot be seen. */
    for (; count != 0 && out->used + 1 < out->size; count--) {
        put(out, c);
    }
}

static const char *parse_number(const char *p, unsigned *value)
{
    for (*value = 0; *p >= '0' && *p <= '9'; p++) {
        *value = *value > 100000 ? *value : *value * 10 + (unsigned)(*p - '0');
    }
    return p;
}

static const char *parse_flags(const char *p, struct conversion *c)
{
    for (;; p++) {
        switch (*p) {
        case '-':
            c->left = true;
            break;
        case '0':
            c->zero = true;
            break;
        case '#':
            c->alter = true;
            break;
        case '+':
            c->plus = true;
            break;
        default:
            return p;
        }
    }
}

static const char *parse_length(const char *p, struct conversion *c)
{
    c->bytes = sizeof(int);
    switch (*p) {
    case 'h':
        c->bytes = p[1] == 'h' ? 1 : 2;
        return p + (p[1] == 'h' ? 2 : 1);
    case 'l':
        c->bytes = p[1] == 'l' ? sizeof(long long) : sizeof(long);
        return p + (p[1] == 'l' ? 2 : 1);
    case 'z':
    case 't':
    case 'j':
        c->bytes = *p == 'j' ? sizeof(intmax_t) : sizeof(size_t);
        return p + 1;
    default:
        return p;
    }
}

/* What follows the per cent sign; * is not known. */
static const char *parse(const char *p, struct conversion *c)
{
    p = parse_flags(p, c);
    p = parse_number(p, &c->width);
    if (*p == '.') {
        c->has_precision = true;
        p = parse_number(p + 1, &c->precision);
    }
    p = parse_length(p, c);
    c->type = *p;
    return *p == '\0' ? p : p + 1;
}

static void put_field(struct output *out, const struct conversion *c, const char *prefix,
                      unsigned zeros, const char *text, size_t length)
{
    size_t total = length + zeros;
    unsigned blanks;

    for (const char *p = prefix; *p != '\0'; p++) {
        total++;
    }
    blanks = c->width > total ? c->width - (unsigned)total : 0;
    if (!c->left) {
        pad(out, ' ', blanks);
    }
    for (; *prefix != '\0'; prefix++) {
        put(out, *prefix);
    }
    pad(out, '0', zeros);
    for (size_t i = 0; i < length; i++) {
        put(out, text[i]);
    }
    if (c->left) {
        pad(out, ' ', blanks);
    }
}

static void put_integer(struct output *out, const struct conversion *c, uint64_t value,
                        bool negative)
{
    const char *digits = c->type == 'X' ? "0123456789ABCDEF" : "0123456789abcdef";
    unsigned base = c->type == 'x' || c->type == 'X' ? 16 : 10;
    const char *prefix = negative ? "-" : c->plus && base == 10 && c->type != 'u' ? "+" : "";
    char text[20];
    unsigned at = sizeof(text);
    unsigned length;
    unsigned zeros = 0;
    unsigned used;

    if (c->alter && base == 16 && value != 0) {
        prefix = c->type == 'x' ? "0x" : "0X";
    }
    for (; value != 0; value /= base) {
        text[--at] = digits[value % base];
    }
    if (at == sizeof(text) && !(c->has_precision && c->precision == 0)) {
        text[--at] = '0';
    }
    length = (unsigned)sizeof(text) - at;
    used = length + (prefix[0] != '\0') + (prefix[0] == '0');
    if (c->has_precision) {
        zeros = c->precision > length ? c->precision - length : 0;
    } else if (c->zero && !c->left && c->width > used) {
        zeros = c->width - used;
    }
    put_field(out, c, prefix, zeros, text + at, length);
}

static uint64_t mask_of(unsigned bytes)
{
    return UINT64_MAX >> (64 - 8 * bytes);
}

/* Takes the argument in the type that the caller's promotion gave it. */
#define TAKE(args, bytes, small, large)                                                            \
    ((bytes) > sizeof(int) ? (uint64_t)va_arg(args, large) : (uint64_t)va_arg(args, small))

size_t vml_null_format(char *buffer, size_t size, const char *format, va_list args)
{
    struct output out = {buffer, size, 0};

    while (*format != '\0') {
        struct conversion c = {0};
        const char *start = format;

        if (*format != '%') {
            put(&out, *format++);
            continue;
        }
        format = parse(format + 1, &c);
        if (c.type == '%') {
            put(&out, '%');
        } else if (c.type == 'c') {
            char one = (char)va_arg(args, int);

            put_field(&out, &c, "", 0, &one, 1);
        } else if (c.type == 's') {
            const char *text = va_arg(args, const char *);
            size_t length = 0;

            text = text == NULL ? "(null)" : text;
            while (text[length] != '\0' && !(c.has_precision && length >= c.precision)) {
                length++;
            }
            put_field(&out, &c, "", 0, text, length);
        } else if (c.type == 'p') {
            c.alter = true;
            c.type = 'x';
            put_integer(&out, &c, (uintptr_t)va_arg(args, void *), false);
        } else if (c.type == 'u' || c.type == 'x' || c.type == 'X') {
            uint64_t value = TAKE(args, c.bytes, unsigned, unsigned long long);

            put_integer(&out, &c, value & mask_of(c.bytes), false);
        } else if (c.type == 'd' || c.type == 'i') {
            uint64_t value = TAKE(args, c.bytes, int, long long) & mask_of(c.bytes);
            bool negative = (value >> (8 * c.bytes - 1)) != 0;

            put_integer(&out, &c, negative ? (0 - value) & mask_of(c.bytes) : value, negative);
        } else {
            /* How long its argument is, is not known: nothing after it can be right. */
            while (*start != '\0') {
                put(&out, *start++);
            }
            break;
        }
    }
    out.buffer[out.used] = '\0';
    return out.used;
}
