"""The sum job on multiprocessing.JoinableQueue, whose join() knows the end.

    python3 queue_sum.py N W      prints N * (N + 1)
"""

import multiprocessing as mp
import sys

queue = total = None


def post(function, arg):
    queue.put((function, arg))


def init(n):
    for i in range(n):
        post(add_one, i)


def add_one(n):
    post(double, n + 1)


def double(n):
    post(sum_up, n)
    post(sum_up, n)


def sum_up(n):
    with total.get_lock():
        total.value += n


def work():
    while True:
        task = queue.get()
        if task is not None:
            function, arg = task
            function(arg)
        queue.task_done()
        if task is None:
            break


if __name__ == "__main__":
    mp.set_start_method("fork")
    n, workers = int(sys.argv[1]), int(sys.argv[2])
    queue, total = mp.JoinableQueue(), mp.Value("q", 0)
    post(init, n)
    processes = [mp.Process(target=work) for _ in range(workers)]
    for process in processes:
        process.start()
    queue.join()
    for _ in processes:
        queue.put(None)
    for process in processes:
        process.join()
    print(total.value)
