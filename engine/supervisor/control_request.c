#include "supervisor/control_request.h"

#include <ctype.h>
#include <string.h>

#include "job/config.h"

/* Decimal, no sign, 1..max; 0: it is not. */
static uint64_t
parse_number(const char *text, size_t len, uint64_t max)
{
    uint64_t n = 0;
    if (len == 0 || len > 20)
        return 0;
    for (size_t i = 0; i < len; i++) {
        uint64_t digit = (uint64_t)(text[i] - '0');
        if (!isdigit((unsigned char)text[i]) || n > (max - digit) / 10)
            return 0;
        n = n * 10 + digit;
    }
    return n;
}

uint64_t
control_request_task(const char *text, size_t len)
{
    return parse_number(text, len, UINT64_MAX);
}

/* Of the number behind the word for this action; 0: it takes none. */
static uint64_t
largest(enum control_action action)
{
    if (action == CONTROL_WORKERS)
        return CONFIG_WORKERS_MAX;
    return action == CONTROL_KILL ? UINT64_MAX : 0;
}

bool
control_request_parse(struct control_request *out, const char *text, size_t len)
{
    static const char *const words[] = {
        [CONTROL_STATUS] = "status",
        [CONTROL_WORKERS] = "workers ",
        [CONTROL_PAUSE] = "pause",
        [CONTROL_RESUME] = "resume",
        [CONTROL_STOP] = "stop",
        [CONTROL_STOP_NOW] = "stop now",
        [CONTROL_KILL] = "kill ",
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t n = strlen(words[i]);
        if (len < n || memcmp(text, words[i], n) != 0)
            continue;
        uint64_t max = largest((enum control_action)i);
        uint64_t number = max ? parse_number(text + n, len - n, max) : 0;
        if (max ? !number : len != n)
            continue;
        *out = (struct control_request){(enum control_action)i, number};
        return true;
    }
    return false;
}
