/* The sum job and the tree as OpenMP tasks (libgomp). No queue to speak of:
 * with many tasks waiting, libgomp runs a new one where it is posted.
 *
 *   omp sum N W critical|atomic      prints N * (N + 1)
 *   omp tree D W critical|atomic     prints 2 to the power of D
 */
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static long sum;
static int atomic;

static void
add(long n)
{
    if (atomic) {
#pragma omp atomic
        sum += n;
    } else {
#pragma omp critical(sum)
        sum += n;
    }
}

static void
double_(long n)
{
#pragma omp task firstprivate(n)
    add(n);
#pragma omp task firstprivate(n)
    add(n);
}

static void
add_one(long n)
{
#pragma omp task firstprivate(n)
    double_(n + 1);
}

static void
init(long n)
{
    for (long i = 0; i < n; i++) {
#pragma omp task firstprivate(i)
        add_one(i);
    }
}

static void
split(long depth)
{
    if (depth == 0) {
        add(1);
        return;
    }
#pragma omp task firstprivate(depth)
    split(depth - 1);
#pragma omp task firstprivate(depth)
    split(depth - 1);
}

int
main(int argc, char **argv)
{
    if (argc != 5)
        return 2;
    int tree = !strcmp(argv[1], "tree");
    long size = atol(argv[2]);
    omp_set_num_threads(atoi(argv[3]));
    atomic = !strcmp(argv[4], "atomic");

#pragma omp parallel
#pragma omp single
    {
#pragma omp task
        (tree ? split : init)(size);
    }
    printf("%ld\n", sum);
    return 0;
}
