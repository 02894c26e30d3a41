"""GETs by multiprocessing.Pool, one a task; each process keeps its connection.

    python3 pool_get.py REQUESTS W PORT      prints how many answers were right
"""

import http.client
import multiprocessing as mp
import sys

requests, workers, port = map(int, sys.argv[1:4])
connection = None


def get(_):
    global connection
    if connection is None:
        connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.request("GET", "/")
    return connection.getresponse().read() == b"ok\n"


if __name__ == "__main__":
    with mp.get_context("fork").Pool(workers) as pool:
        print(sum(pool.imap_unordered(get, range(requests), chunksize=1)))
