/* resolver: has names looked up by threads, so that the worker continues meanwhile.
 *
 *   resolver_ask() --> queue --> a thread: lookup() --> eventfd of each that asked
 *   --> resolver_answer()
 *
 * Up to 32 threads, as gevent has by default; each is started when there is more to ask than there
 * are threads that rest, and ends when there was nothing for a while. Equal questions that are on
 * their way are asked once. The threads touch neither Lua nor the arena, and block all signals.
 *
 * The eventfd is readable once the answer is there: the caller waits for it as for any descriptor.
 *
 * After a fork the child has no such threads: it does not use this (resolver_ask() says so).
 * Private to the process; all functions are for one thread, the worker's own. */
#ifndef PRN_RESOLVER_H
#define PRN_RESOLVER_H

#include "worker/lookup.h"

struct resolver_ticket;

/* resolver_ask: the question is copied. NULL: it cannot be asked that way (no thread, no
 * descriptor, no memory): the caller may lookup() itself. */
struct resolver_ticket *resolver_ask(const struct lookup_question *q);
/* resolver_fd: readable once there is an answer. The ticket's: it is closed with it. */
int resolver_fd(const struct resolver_ticket *t);
/* resolver_answer: NULL: not yet. The ticket's. */
const struct lookup_answer *resolver_answer(const struct resolver_ticket *t);
/* resolver_drop: with or without an answer. A question that nobody waits for any more is not asked
 * if no thread has begun. */
void resolver_drop(struct resolver_ticket *t);

#endif
