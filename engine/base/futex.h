/* futex: sleeping on a word of shared memory (futex(2)). Not FUTEX_PRIVATE: the
 * sleepers are different processes. */
#ifndef PRN_FUTEX_H
#define PRN_FUTEX_H

#include <stdint.h>
#include <time.h>

#ifdef PRN_SIM
void futex_wait(uint32_t *word, uint32_t while_value, const struct timespec *at_most);
void futex_wake(uint32_t *word, int how_many);
#else
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

/* futex_wait sleeps while *word == while_value, at most for `at_most` (NULL: for ever).
 * May return early for no reason: look again. */
static inline void
futex_wait(uint32_t *word, uint32_t while_value, const struct timespec *at_most)
{
    syscall(SYS_futex, word, FUTEX_WAIT, while_value, at_most, NULL, 0);
}

static inline void
futex_wake(uint32_t *word, int how_many)
{
    syscall(SYS_futex, word, FUTEX_WAKE, how_many, NULL, NULL, 0);
}
#endif

#endif
