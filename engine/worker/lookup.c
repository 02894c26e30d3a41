#include "worker/lookup.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { HOST_BYTES_MAX = 1 << 20 };

/* ---- answers ---- */

static bool
add(struct lookup_answer *a, char tag, const char *text)
{
    size_t len = strlen(text) + 1;
    size_t tagged = tag ? 1 : 0;
    char *grown = realloc(a->text, a->bytes + tagged + len);
    if (!grown)
        return false;
    a->text = grown;
    if (tagged)
        a->text[a->bytes] = tag;
    memcpy(a->text + a->bytes + tagged, text, len);
    a->bytes += tagged + len;
    return true;
}

void
lookup_free(struct lookup_answer *a)
{
    free(a->text);
    *a = (struct lookup_answer){0};
}

static void
fail(struct lookup_answer *a, const char *message)
{
    lookup_free(a);
    a->failed = true;
    (void)add(a, 0, message);
}

/* ---- messages: LuaSocket's own words ---- */

static const char *
of_getaddrinfo(int err)
{
    switch (err) {
    case EAI_AGAIN:
        return "temporary failure in name resolution";
    case EAI_BADFLAGS:
        return "invalid value for ai_flags";
    case EAI_FAIL:
        return "non-recoverable failure in name resolution";
    case EAI_FAMILY:
        return "ai_family not supported";
    case EAI_MEMORY:
        return "memory allocation failure";
    case EAI_NONAME:
        return "host or service not provided, or not known";
    case EAI_OVERFLOW:
        return "argument buffer overflow";
    case EAI_SERVICE:
        return "service not supported for socket type";
    case EAI_SOCKTYPE:
        return "ai_socktype not supported";
    case EAI_SYSTEM:
        return strerror(errno);
    default:
        return gai_strerror(err);
    }
}

static const char *
of_gethostbyname(int err)
{
    return err == HOST_NOT_FOUND ? "host not found" : hstrerror(err);
}

/* ---- questions ---- */

static bool
add_address(struct lookup_answer *a, const struct addrinfo *i)
{
    char text[NI_MAXHOST];
    char tag = i->ai_family == AF_INET6 ? LOOKUP_INET6 : LOOKUP_INET;
    int err =
        getnameinfo(i->ai_addr, i->ai_addrlen, text, sizeof text, NULL, 0, NI_NUMERICHOST);
    if (!err && !add(a, tag, text))
        err = EAI_MEMORY;
    if (err)
        fail(a, of_getaddrinfo(err));
    return !err;
}

/* LuaSocket continues after an error, with the name before. */
static bool
add_name(struct lookup_answer *a, const struct addrinfo *i, const struct lookup_question *q,
         char *host, char *service)
{
    (void)getnameinfo(i->ai_addr, i->ai_addrlen, host, q->host ? NI_MAXHOST : 0, service,
                      q->service ? NI_MAXSERV : 0, 0);
    if (!q->host || add(a, LOOKUP_NAME, host))
        return true;
    fail(a, of_getaddrinfo(EAI_MEMORY));
    return false;
}

static void
by_getaddrinfo(const struct lookup_question *q, struct lookup_answer *a)
{
    char host[NI_MAXHOST] = "", service[NI_MAXSERV] = "";
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_family = q->family};
    struct addrinfo *list = NULL;
    bool names = q->kind == LOOKUP_NAMES;
    int err = getaddrinfo(q->host, names ? q->service : NULL, &hints, &list);
    bool ok = !err;
    if (err)
        fail(a, of_getaddrinfo(err));
    for (const struct addrinfo *i = list; ok && i; i = i->ai_next)
        ok = names ? add_name(a, i, q, host, service) : add_address(a, i);
    if (ok && names && q->service && !add(a, LOOKUP_SERVICE, service))
        fail(a, of_getaddrinfo(EAI_MEMORY));
    if (list)
        freeaddrinfo(list);
}

static void
add_host(struct lookup_answer *a, const struct hostent *h)
{
    char text[INET_ADDRSTRLEN];
    bool ok = add(a, LOOKUP_NAME, h->h_name);
    for (char **alias = h->h_aliases; ok && alias && *alias; alias++)
        ok = add(a, LOOKUP_ALIAS, *alias);
    for (char **addr = h->h_addr_list; ok && addr && *addr; addr++)
        ok = inet_ntop(AF_INET, *addr, text, sizeof text) && add(a, LOOKUP_INET, text);
    if (!ok)
        fail(a, of_getaddrinfo(EAI_MEMORY));
}

static void
by_gethostbyname(const struct lookup_question *q, struct lookup_answer *a)
{
    struct in_addr addr;
    struct hostent h, *found = NULL;
    int err = 0, again = ERANGE;
    bool numeric = inet_aton(q->host, &addr);
    char *room = NULL;
    for (size_t bytes = 2048; again == ERANGE && bytes <= HOST_BYTES_MAX; bytes *= 2) {
        char *grown = realloc(room, bytes);
        if (!grown)
            break;
        room = grown;
        again = numeric ? gethostbyaddr_r(&addr, sizeof addr, AF_INET, &h, room, bytes, &found,
                                          &err)
                        : gethostbyname_r(q->host, &h, room, bytes, &found, &err);
    }
    if (found)
        add_host(a, found);
    else
        fail(a, of_gethostbyname(err));
    free(room);
}

void
lookup(const struct lookup_question *q, struct lookup_answer *a)
{
    *a = (struct lookup_answer){0};
    if (q->kind == LOOKUP_HOST)
        by_gethostbyname(q, a);
    else
        by_getaddrinfo(q, a);
}
