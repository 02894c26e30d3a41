/* ensure: stop at once when shared memory is not what it must be. Stays on in
 * release builds: a worker that ends with a file and a line is better than one
 * that continues with damage. Never for a refused allocation or a user's mistake. */
#ifndef PRN_ENSURE_H
#define PRN_ENSURE_H

#include <stdio.h>
#include <stdlib.h>

#define ENSURE(x)                                                          \
    ((x) ? (void)0                                                         \
         : (fprintf(stderr, "prunner: damaged shared memory: %s:%d: %s\n", \
                    __FILE__, __LINE__, #x),                               \
            abort()))

#endif
