--- The figures that documents quote: what pages say of the speed and size of prunner and its peers.
-- Each comes from one row of bench/results/tables.md, which `make bench DOCS=1` writes, or says how
-- it was measured. tests/spec/figures_spec.lua holds the pages to this list, and the list to the
-- tables.
--
-- `quoted`: as pages write it. `item`, `row`, `column` (1: the median, 3: the ratio): where it is
-- in the tables; `from(median)` turns that into what is quoted.

local function ns_of_rate(per_second)
  return 1e9 / per_second
end

return {
  { quoted = "80 ns", what = "a task with a number as its argument: posting, running, finishing",
    item = "args_chain_n1000000_w1", row = "number" },
  { quoted = "57 ns", what = "dict:incr", item = "shared_incr_n4000000", row = "1 worker",
    from = ns_of_rate },
  { quoted = "24 ns", what = "reading a number from the dict", item = "shared_get_n4000000", row = "1 worker",
    from = ns_of_rate },
  { quoted = "2 ns", what = "counter:add", item = "shared_counter_n40000000", row = "1 worker",
    from = ns_of_rate },
  { quoted = "150 ns", what = "lock:acquire, read, write, lock:release",
    measured = "CPU time of `prunner scripts/bench/shared.lua -n 1 -- lock 4000000`: 152 ns" },
  { quoted = "280 ns", what = "the same with lock:with",
    measured = "CPU time of `prunner scripts/bench/shared.lua -n 1 -- with 4000000`: 275 ns" },
  { quoted = "22,000,000", what = "tasks per second: prunner", item = "sum_n2000000_w2",
    row = "prunner: counter" },
  { quoted = "560", what = "tasks per second: GNU parallel", item = "sum_n2000000_w2",
    row = "GNU parallel: 1000 times `true`" },
  { quoted = "120,000", what = "tasks per second: multiprocessing", item = "sum_n2000000_w2",
    row = "Python: JoinableQueue (N=20000)" },
  { quoted = "2.3 times", what = "tasks per second over the faster Go pool", item = "sum_n2000000_w2",
    row = "Go: pool-queue-atomic", column = 3 },
  { quoted = "3.6 times", what = "tasks per second over TBB", item = "sum_n2000000_w2",
    row = "TBB: atomic", column = 3 },
  { quoted = "74 to", what = "bytes of a waiting task, few of them",
    item = "queued_bytes_per_task_n1000000_n10000000", row = "1000000 queued" },
  { quoted = "78 bytes", what = "bytes of a waiting task, many of them",
    item = "queued_bytes_per_task_n1000000_n10000000", row = "10000000 queued" },
}
