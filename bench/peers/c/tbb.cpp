/* The sum job and the tree with oneTBB's task_group.
 *
 *   tbb sum N W mutex|atomic      prints N * (N + 1)
 *   tbb tree D W mutex|atomic     prints 2 to the power of D
 */
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <tbb/global_control.h>
#include <tbb/task_arena.h>
#include <tbb/task_group.h>

static long sum;
static std::atomic<long> atomic_sum;
static std::mutex mutex;
static bool atomic;
static tbb::task_group *group;

static void
add(long n)
{
    if (atomic) {
        atomic_sum.fetch_add(n);
    } else {
        std::lock_guard<std::mutex> hold(mutex);
        sum += n;
    }
}

static void
double_(long n)
{
    group->run([n] { add(n); });
    group->run([n] { add(n); });
}

static void
add_one(long n)
{
    group->run([n] { double_(n + 1); });
}

static void
init(long n)
{
    for (long i = 0; i < n; i++)
        group->run([i] { add_one(i); });
}

static void
split(long depth)
{
    if (depth == 0) {
        add(1);
        return;
    }
    group->run([depth] { split(depth - 1); });
    group->run([depth] { split(depth - 1); });
}

int
main(int argc, char **argv)
{
    if (argc != 5)
        return 2;
    bool tree = !strcmp(argv[1], "tree");
    long size = atol(argv[2]);
    int workers = atoi(argv[3]);
    atomic = !strcmp(argv[4], "atomic");

    tbb::global_control limit(tbb::global_control::max_allowed_parallelism, workers);
    tbb::task_arena arena(workers);
    arena.execute([&] {
        tbb::task_group all;
        group = &all;
        all.run([&] { (tree ? split : init)(size); });
        all.wait();
    });
    printf("%ld\n", atomic ? atomic_sum.load() : sum);
    return 0;
}
