#include "supervisor/control_request.h"

#include <ctype.h>
#include <string.h>

#include "job/config.h"

/* Decimal, no sign, 1..CONFIG_WORKERS_MAX; 0: it is not. */
static uint32_t
parse_workers(const char *text, size_t len)
{
    uint32_t n = 0;
    if (len == 0 || len > 4)
        return 0;
    for (size_t i = 0; i < len; i++) {
        if (!isdigit((unsigned char)text[i]))
            return 0;
        n = n * 10 + (uint32_t)(text[i] - '0');
    }
    return n <= CONFIG_WORKERS_MAX ? n : 0;
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
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        size_t n = strlen(words[i]);
        if (len < n || memcmp(text, words[i], n) != 0)
            continue;
        uint32_t workers = i == CONTROL_WORKERS ? parse_workers(text + n, len - n) : 0;
        if (i == CONTROL_WORKERS ? !workers : len != n)
            continue;
        *out = (struct control_request){(enum control_action)i, workers};
        return true;
    }
    return false;
}
