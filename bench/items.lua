--- What is measured: a list of items, each the same work done by several programs.
--
-- An item has
--   name       with its sizes; `--only` chooses by parts of it
--   title      what it is, for the reader of the table
--   metric     "rate": tasks a second of wall time; "wall", "wall_ms": wall time in s, in ms;
--              "cpu_us": CPU time of all its processes for a task, in us;
--              else the name before the number that the programs print
--   unit       of the metric
--   better     "more" or "less"
--   rounds     how often each program runs, in turn with the others
--   programs   the first is what the others are compared with
-- and a program
--   label      for the table
--   program    a name of bench/peers.lua
--   args       appended to the command
--   expect     what it must print; nil where the metric is printed
--   tasks      for "rate", "cpu_us"
-- Slow programs get less work of the same kind, and their label says so: compared is the rate.

local items = {}

-- FULL is what docs/benchmarks.md reports. QUICK tries out the harness in about a minute.
local FULL = {
  rounds = 5, more_rounds = 15, small = 2000, sum = 2000000, styles = 200000,
  erlang = 200000, python = 20000, perl = 5000, parallel = 1000, tree = 20, chain = 1000000,
  spread = 200000, buffer = 2000000, queens = 15, queens_answer = 2279184, requests = 2000,
  together = 10000, sleepers = 100000, switches = 2000000,
  wakes = 500, strings = 300000, queued = { 1000000, 10000000 }, operations = 4000000, counters = 40000000,
}
local QUICK = {
  rounds = 2, more_rounds = 2, small = 200, sum = 20000, styles = 5000,
  erlang = 5000, python = 500, perl = 200, parallel = 20, tree = 12, chain = 20000,
  spread = 10000, buffer = 20000, queens = 11, queens_answer = 2680, requests = 200,
  together = 500, sleepers = 5000, switches = 50000,
  wakes = 50, strings = 30000, queued = { 20000, 200000 }, operations = 200000, counters = 1000000,
}

local function add(list, ...)
  for _, element in ipairs { ... } do list[#list + 1] = element end
end

local function sum_of(n) return ("%.0f\n"):format(n * (n + 1)) end

--- A run of a script by prunner; `options` are prunner's, `...` the script's.
local function job(label, script, w, options, ...)
  local args = { script, "-n", w }
  add(args, unpack(options))
  add(args, "--", ...)
  return { label = label, program = "prunner", args = args }
end

local function answers(tasks, expect, program)
  program.tasks, program.expect = tasks, expect
  return program
end

--- A program that does the sum job.
local function sum(n, program)
  return answers(4 * n + 1, sum_of(n), program)
end

local function prunner_sum(label, script, w, n, ...)
  return sum(n, job(label, "scripts/" .. script .. ".lua", w, { ... }, n))
end

local function peer_sum(label, name, n, ...)
  return sum(n, { label = label, program = name, args = { ... } })
end

--- Erlang's "workers" are schedulers, or worker processes on a scheduler for each CPU.
local function erlang(label, mode, what, size, w)
  local small = what == "sum" and size <= 50000
  local words = { "+P", small and 262144 or 4000000 } -- how many processes there may be
  if mode == "proc" then add(words, "+S", w .. ":" .. w) end
  add(words, "-s", "chain", "main", mode, what, size, w)
  return { label = label, program = "erlang", args = words }
end

---------------------------------------------------------------------------------------------------
-- The sum job
---------------------------------------------------------------------------------------------------

local IDIOMS = {
  { "prunner: counter", "bench/sum_counter" },
  { "prunner: dict:incr", "bench/sum_dict_incr" },
  { "prunner: lock:acquire/release", "bench/sum_lock" },
  { "prunner: global_lock(function)", "sum_functions" },
}

--- prunner's idioms and the fast peers, all with the same N.
local function sum_programs(n, w)
  local list = {}
  for _, idiom in ipairs(IDIOMS) do add(list, prunner_sum(idiom[1], idiom[2], w, n)) end
  for _, mode in ipairs { "pool-queue", "pool-queue-atomic", "pool-chan", "pool-enc", "gor" } do
    add(list, peer_sum("Go: " .. mode, "go_pool", n, mode, "sum", n, w))
  end
  for _, how in ipairs { "critical", "atomic" } do
    add(list, peer_sum("OpenMP: " .. how, "omp", n, "sum", n, w, how))
  end
  for _, how in ipairs { "mutex", "atomic" } do
    add(list, peer_sum("TBB: " .. how, "tbb", n, "sum", n, w, how))
  end
  for _, how in ipairs { "robust", "plain" } do
    add(list, peer_sum("C, shared memory: " .. how, "shmpool", n, n, w, how))
  end
  return list
end

--- `usual` is the N of the others; where it differs the label says so.
local function sum_slow_peers(n, usual, w)
  local function label(text, own)
    return own == usual and text or ("%s (N=%d)"):format(text, own)
  end
  return sum(n.erlang, erlang(label("Erlang: process a task", n.erlang), "proc", "sum", n.erlang, w)),
    sum(n.python, erlang(label("Erlang: dispatcher", n.python), "disp", "sum", n.python, w)),
    peer_sum(label("Python: JoinableQueue", n.python), "python_queue", n.python, n.python, w),
    peer_sum(label("Perl: MCE::Queue", n.perl), "perl_mce", n.perl, n.perl, w)
end

--- Not the sum job, which it cannot do: so many processes that do nothing.
local function gnu_parallel(count, w)
  local words = { "--will-cite", "-j" .. w, "true", ":::" }
  for i = 1, count do add(words, i) end
  return { label = ("GNU parallel: %d times `true`"):format(count), program = "parallel",
    args = words, tasks = count, expect = "" }
end

local function sum_large(n, w)
  local programs = sum_programs(n.sum, w)
  add(programs, prunner_sum("prunner: counter, --order lifo", "bench/sum_counter", w, n.sum,
    "--order", "lifo"))
  add(programs, sum_slow_peers(n, n.sum, w))
  add(programs, gnu_parallel(n.parallel, w))
  return {
    name = ("sum_n%d_w%d"):format(n.sum, w),
    title = ("The sum job, N = %d, %d workers"):format(n.sum, w),
    metric = "rate", unit = "tasks/s", better = "more", rounds = n.rounds, programs = programs,
  }
end

local function sum_whole(n, w)
  local programs = sum_programs(n.small, w)
  if w <= 10 then
    local same = { erlang = n.small, python = n.small, perl = n.small }
    add(programs, sum_slow_peers(same, n.small, w))
  end
  return {
    name = ("sum_n%d_w%d"):format(n.small, w),
    title = ("The sum job, N = %d, %d workers: the whole process"):format(n.small, w),
    metric = "wall_ms", unit = "ms", better = "less", rounds = n.more_rounds, programs = programs,
  }
end

local function sum_styles(n, w)
  return {
    name = ("sum_styles_n%d_w%d"):format(n.styles, w),
    title = ("API styles, the sum job under the global lock, N = %d, %d workers"):format(n.styles, w),
    metric = "rate", unit = "tasks/s", better = "more", rounds = n.rounds,
    programs = {
      prunner_sum("functions", "sum_functions", w, n.styles),
      prunner_sum("methods", "sum_methods", w, n.styles),
      prunner_sum("class", "sum_runner", w, n.styles),
    },
  }
end

---------------------------------------------------------------------------------------------------
-- Other shapes of work
---------------------------------------------------------------------------------------------------

local function tree(n, w)
  local depth, script = n.tree, "scripts/bench/tree.lua"
  local programs = {
    job("prunner", script, w, {}, depth),
    job("prunner, --order lifo", script, w, { "--order", "lifo" }, depth),
  }
  for _, mode in ipairs { "pool-queue-atomic", "pool-enc-atomic", "gor-atomic" } do
    add(programs, { label = "Go: " .. mode, program = "go_pool", args = { mode, "tree", depth, w } })
  end
  add(programs,
    { label = "OpenMP: atomic", program = "omp", args = { "tree", depth, w, "atomic" } },
    { label = "TBB: atomic", program = "tbb", args = { "tree", depth, w, "atomic" } },
    erlang("Erlang: process a task", "proc", "tree", depth, w))
  for _, program in ipairs(programs) do answers(2 ^ (depth + 1) - 1, 2 ^ depth .. "\n", program) end
  return {
    name = ("tree_d%d_w%d"):format(depth, w),
    title = ("A tree of tasks, binary splitting to depth %d, %d workers"):format(depth, w),
    metric = "rate", unit = "tasks/s", better = "more", rounds = n.rounds, programs = programs,
  }
end

local function args(n, how, count, w)
  local programs = {}
  for _, kind in ipairs { "number", "table", "string" } do
    add(programs, job(kind, "scripts/bench/args.lua", w, {}, how, kind, count))
  end
  for _, kind in ipairs { "number", "table", "string" } do
    add(programs, { label = "string.buffer alone: " .. kind, program = "buffer",
      args = { kind, n.buffer }, metric = "ns_per_op" })
  end
  return {
    name = ("args_%s_n%d_w%d"):format(how, count, w),
    title = ("What a task costs by its argument (a number, {id=5, name=\"hello\", x={1,2,3}}, 1 KB); "
      .. "%s, %d tasks, %d worker%s"):format(how == "chain" and "64 chains" or "one producer", count,
      w, w == 1 and "" or "s"),
    metric = "ns_per_task", unit = "ns", better = "less", rounds = n.rounds, programs = programs,
  }
end

local function queens(n)
  local script, size = "scripts/nqueens.lua", n.queens
  local programs = {
    job("prunner -n 2", script, 2, {}, size),
    job("prunner --serial", script, 1, { "--serial" }, size),
    { label = "plain luajit", program = "luajit", args = { "bench/peers/lua/nqueens.lua", size } },
  }
  for _, program in ipairs(programs) do answers(nil, n.queens_answer .. "\n", program) end
  return {
    name = "nqueens_" .. size, title = ("CPU-bound: %d queens"):format(size),
    metric = "wall", unit = "s", better = "less", rounds = n.more_rounds, programs = programs,
  }
end

--- `server` is started by the harness; its port takes the place of PORT.
local function io_bound(n, w)
  local script, r = "scripts/bench/get.lua", n.requests
  local url = "http://127.0.0.1:PORT/"
  local programs = {
    job("prunner, keep-alive", script, w, {}, r, "PORT", "keep"),
    job("prunner, close", script, w, {}, r, "PORT", "close"),
    { label = "Go, keep-alive", program = "go_client", args = { r, w, url, "keep" } },
    { label = "Go, close", program = "go_client", args = { r, w, url, "close" } },
    { label = "Python Pool, keep-alive", program = "python_pool", args = { r, w, "PORT" } },
  }
  for _, program in ipairs(programs) do answers(nil, r .. "\n", program) end
  return {
    name = ("io_r%d_20ms_w%d"):format(r, w),
    title = ("I/O-bound: %d GETs of 20 ms, %d workers; ideal %.2f s"):format(r, w, r * 0.02 / w),
    metric = "wall", unit = "s", better = "less",
    rounds = w > 10 and n.more_rounds or n.rounds, programs = programs,
    server = { "server", 20 }, ideal = r * 0.02 / w,
  }
end

---------------------------------------------------------------------------------------------------
-- Tasks that wait while others run (--concurrency)
---------------------------------------------------------------------------------------------------

--- scripts/bench/waiting.lua in W workers that begin C tasks each.
local function waiting(label, w, c, ...)
  return job(label, "scripts/bench/waiting.lua", w, { "-c", c }, ...)
end

--- GETs of R requests by socket.http in 2 workers, `at_once` at a time, and by as many goroutines.
local function gets(name, title, r, at_once, ms, ideal, rounds)
  local url = "http://127.0.0.1:PORT/"
  local programs = {
    waiting("prunner, socket.http", 2, at_once / 2, "get", r, url),
    { label = ("Go, %d goroutines, close"):format(at_once), program = "go_client",
      args = { r, at_once, url, "close" } },
  }
  for _, program in ipairs(programs) do answers(nil, r .. "\n", program) end
  return {
    name = name, title = title, metric = "wall", unit = "s", better = "less", rounds = rounds,
    programs = programs, server = { "server", ms }, ideal = ideal,
  }
end

local function gets_together(n)
  local r = n.together
  return gets(("waiting_get_r%d_1s"):format(r),
    ("%d GETs answered after 1 s, all at once, 2 workers; ideal 1 s"):format(r), r, r, 1000, 1, n.rounds)
end

local function gets_in_turn(n)
  local r = n.requests
  return gets(("waiting_get_r%d_20ms"):format(r),
    ("%d GETs of 20 ms, 100 at once, 2 workers; ideal %.2f s"):format(r, r * 0.02 / 100), r, 100, 20,
    r * 0.02 / 100, n.more_rounds)
end

local function waiting_memory(n)
  local r = n.together
  return {
    name = ("waiting_memory_r%d"):format(r), title = ("Memory of a GET that waits for its answer, %d of "
      .. "them: PSS of all processes by tasks"):format(r),
    metric = "pss_per_task", unit = "bytes", better = "less", rounds = n.rounds,
    programs = { waiting("prunner, socket.http", 2, r / 2 + 1, "memory", r, "http://127.0.0.1:PORT/") },
    server = { "server", 6000 },
  }
end

local function waiting_collector(n)
  local r = n.together / 2
  return {
    name = ("waiting_collector_r%d"):format(r),
    title = ("The longest step of Lua's collector beside %d GETs that wait: CPU time"):format(r),
    metric = "longest_step_us", unit = "us", better = "less", rounds = n.rounds,
    programs = { waiting("prunner, socket.http", 1, r + 1, "collector", r, "http://127.0.0.1:PORT/") },
    server = { "server", 6000 },
  }
end

local function waiting_switch(n)
  return {
    name = "waiting_switch", title = "prunner.sleep(0), two tasks in turn: CPU time of a wait and its end",
    metric = "ns_per_switch", unit = "ns", better = "less", rounds = n.rounds,
    programs = { waiting("prunner", 1, 2, "switch", n.switches) },
  }
end

local function sleepers(n)
  local count = n.sleepers
  return {
    name = ("waiting_sleepers_n%d"):format(count),
    title = ("%d tasks that sleep 0.1 to 1 s, 2 workers: CPU time of a task"):format(count),
    metric = "cpu_us", unit = "us", better = "less", rounds = n.rounds,
    programs = { answers(count, count .. "\n", waiting("prunner", 2, count / 2, "sleepers", count)) },
  }
end

---------------------------------------------------------------------------------------------------
-- Parts of the engine
---------------------------------------------------------------------------------------------------

local function wake(n)
  return {
    name = "wake_idle_w2", title = "Waking an idle worker, from the post to the start of the task",
    metric = "post_to_start_us", unit = "us", better = "less", rounds = n.rounds,
    programs = {
      job("prunner", "scripts/bench/wake.lua", 2, {}, n.wakes, 1000),
      { label = "futex round trip, after the same rest", program = "futex",
        args = { n.wakes, 1000 }, metric = "round_trip_us" },
      { label = "futex round trip, without a rest", program = "futex",
        args = { n.wakes, 0 }, metric = "round_trip_us" },
    },
  }
end

local function strings(n)
  return {
    name = "strings", title = "Building strings that are garbage at once",
    metric = "ns_per_string", unit = "ns", better = "less", rounds = n.rounds,
    programs = {
      job("in a task", "scripts/bench/strings.lua", 1, {}, "task", n.strings),
      job("in begin", "scripts/bench/strings.lua", 1, {}, "begin", n.strings),
    },
  }
end

local function queued(n, field, title, unit)
  local programs = {}
  for _, count in ipairs(n.queued) do
    add(programs, job(count .. " queued", "scripts/bench/queued.lua", 1, {}, count))
  end
  return {
    name = ("queued_%s_n%d_n%d"):format(field, unpack(n.queued)), title = title,
    metric = field, unit = unit, better = "less", rounds = n.rounds, programs = programs,
  }
end

local function shared(n, what, title, count)
  local programs = {}
  for _, w in ipairs { 1, 2, 10 } do
    add(programs, job(("%d worker%s"):format(w, w == 1 and "" or "s"), "scripts/bench/shared.lua", w,
      {}, what, count))
  end
  return {
    name = ("shared_%s_n%d"):format(what, count), title = title .. ", all workers together",
    metric = "ops_per_s", unit = "ops/s", better = "more", rounds = n.rounds, programs = programs,
  }
end

local function termination(n, w)
  local flags = prunner_sum("a flag for each worker", "bench/sum_counter", w, n.sum)
  local counter = prunner_sum("one shared counter", "bench/sum_counter", w, n.sum)
  counter.program = "shared_counter"
  return {
    name = ("termination_n%d_w%d"):format(n.sum, w),
    title = ("Knowing that all is done, the sum job, N = %d, %d workers"):format(n.sum, w),
    metric = "wall", unit = "s", better = "less", rounds = n.rounds, programs = { flags, counter },
  }
end

--- All items.
-- @tparam boolean quick with small sizes
function items.list(quick)
  local n, list = quick and QUICK or FULL, {}
  for _, w in ipairs { 2, 10, 50, 100 } do add(list, sum_whole(n, w)) end
  for _, w in ipairs { 2, 10 } do add(list, sum_large(n, w)) end
  add(list, sum_styles(n, 2), sum_styles(n, 10))
  add(list, tree(n, 2), tree(n, 10))
  add(list, args(n, "chain", n.chain, 1), args(n, "spread", n.spread, 2))
  add(list, queens(n), io_bound(n, 10), io_bound(n, 100))
  add(list, gets_together(n), gets_in_turn(n), waiting_memory(n), waiting_collector(n))
  add(list, waiting_switch(n), sleepers(n))
  add(list, wake(n), strings(n))
  add(list,
    queued(n, "bytes_per_task", "Memory of a waiting task with two small arguments", "bytes"),
    queued(n, "ns_per_task", "A task when many wait: posting and running", "ns"))
  add(list,
    shared(n, "incr", "dict:incr on one key", n.operations),
    shared(n, "incr_own", "dict:incr, a key for each worker", n.operations),
    shared(n, "get", "Reading one key of the dict", n.operations),
    shared(n, "counter", "counter:add", n.counters))
  for _, w in ipairs { 2, 10, 100 } do add(list, termination(n, w)) end
  return list
end

return items
