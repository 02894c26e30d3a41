/* lookup: asks the system's resolver, and waits for what it says: getaddrinfo(3),
 * gethostbyname_r(3),
 * getnameinfo(3). In any thread. The answers and the messages are those of LuaSocket. */
#ifndef PRN_LOOKUP_H
#define PRN_LOOKUP_H

#include <stdbool.h>
#include <stddef.h>

enum lookup_kind {
    LOOKUP_ADDRESSES = 0, /* of a host */
    LOOKUP_HOST,          /* all that is known of a host: its name, other names, IPv4 addresses */
    LOOKUP_NAMES,         /* of a host's addresses, of a service */
    LOOKUP_KINDS,
};

/* What each string of an answer is: its first byte. */
enum lookup_tag {
    LOOKUP_INET = '4',
    LOOKUP_INET6 = '6',
    LOOKUP_NAME = 'n',
    LOOKUP_ALIAS = 'a',
    LOOKUP_SERVICE = 's',
};

struct lookup_question {
    enum lookup_kind kind;
    int family;          /* of the addresses: AF_UNSPEC: of any */
    const char *host;    /* NULL: none */
    const char *service; /* NULL: none */
};

/* Strings, one after the other, each with its 0. */
struct lookup_answer {
    bool failed; /* then the only string is the message, without a tag */
    char *text;  /* NULL: there are none, or there was no memory for them */
    size_t bytes;
};

void lookup(const struct lookup_question *q, struct lookup_answer *a);
void lookup_free(struct lookup_answer *a);

#endif
