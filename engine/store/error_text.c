#include "store/error_text.h"

#include <errno.h>
#include <string.h>

const char *
error_text(int err)
{
    switch (-err) {
    case ENOSPC:
    case ENOMEM:
        return "no room is left for shared data: neither in memory (--memory) nor in the "
               "file that the queue spills to (--tmpdir)";
    case EPERM:
        return "not held";
    case EDEADLK:
        return "is already held by this task";
    case ELOOP:
        return "deadlock: it is held by a task that waits, itself or through others, for a "
               "lock that this task holds";
    case ETIMEDOUT:
        return "timeout";
    case ESTALE:
        return "this run of the task differs from an earlier run whose worker "
               "died, after reading what that run had read under the lock: the task fails "
               "rather than write by an old value";
    case EUSERS:
        return "more than 64 locks held at once";
    case EFBIG:
        return "a value may take up to 256 MiB";
    case ENAMETOOLONG:
        return "a name may have up to 96 bytes";
    case ENFILE:
        return "too many names: 16,384 in all, 256 of them counters and the like";
    default:
        return strerror(-err);
    }
}
