--- Measures operations on shared data: how many all workers together do per second.
--
--   prunner scripts/bench/shared.lua -n 2 -- incr 4000000      ops_per_s 8123456
--
-- incr       dict:incr on one key
-- incr_own   dict:incr, a key for each worker
-- get        reading one key of the dict
-- counter    counter:add
-- lock       lock:acquire, reading and writing a key of the dict, lock:release
-- with       the same with lock:with(function)
--
-- A task does 10,000 operations, which hides the cost of the task.

local prunner = require "prunner"
local clock = require "clock"

local STEP = 10000

local what, count = arg[1], tonumber(arg[2]) or 1000000
local tasks = math.ceil(count / STEP)
local dict, counter, lock = prunner.get_dict(), prunner.counter("sum"), prunner.lock("sum")
local start

local operations = {}

function operations.incr()
  for _ = 1, STEP do dict:incr("sum", 1) end
end

function operations.incr_own()
  local key = prunner.worker_id()
  for _ = 1, STEP do dict:incr(key, 1) end
end

function operations.get()
  local sum = 0
  for _ = 1, STEP do sum = sum + dict:get("one") end
  counter:add(sum)
end

function operations.counter()
  for _ = 1, STEP do counter:add(1) end
end

function operations.lock()
  for _ = 1, STEP do
    lock:acquire()
    dict.sum = dict.sum + 1
    lock:release()
  end
end

function operations.with()
  for _ = 1, STEP do
    lock:with(function() dict.sum = dict.sum + 1 end)
  end
end

local operation = operations[what]
if not operation then error("usage: shared.lua -- incr|incr_own|get|counter|lock|with COUNT", 0) end

function begin()
  dict:set("one", 1)
  dict:set("sum", 0)
  start = clock.now()
  for _ = 1, tasks do prunner.post_task(operation) end
end

function end_()
  local seconds = clock.now() - start
  local sum = counter:get() + dict:get("sum")
  for worker = 0, prunner.nworkers() do sum = sum + (dict:get(worker) or 0) end
  assert(sum == tasks * STEP, "an operation is missing")
  print(("ops_per_s %.0f"):format(tasks * STEP / seconds))
end
