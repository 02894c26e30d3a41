--- Measures the memory of a pending task, and whether tasks are slower when many are pending.
--
--   prunner scripts/bench/queued.lua -n 1 -- 1000000
--   bytes_per_task 72.1
--   ns_per_task 151.3
--
-- One task posts COUNT tasks with two small arguments; with -n 1 all are pending before the first
-- one runs. Bytes: the growth of the shared memory. Time: posting and running.

local prunner = require "prunner"
local clock = require "clock"

local count = tonumber(arg[1]) or 100000

local done = prunner.counter("done")
local bytes, start

--- The size of the shared memory: the blocks of a memfd called prunner.
local function shared_bytes()
  local pipe = assert(io.popen([[
    for fd in /proc/$PPID/fd/*; do
      case $(readlink $fd) in /memfd:prunner*) stat -Lc %b $fd ;; esac
    done]]))
  local blocks = pipe:read("*n")
  pipe:close()
  return assert(blocks, "the shared memory was not found") * 512
end

local function work(a, b)
  done:add(b - a)
end

local function fill()
  for i = 1, count do prunner.post_task(work, i, i + 1) end
end

function begin()
  bytes = shared_bytes()
  start = clock.now()
  prunner.post_task(fill)
end

function end_()
  local seconds = clock.now() - start
  bytes = shared_bytes() - bytes -- what was used once is not given back before the job ends
  assert(done:get() == count, "a task is missing")
  print(("bytes_per_task %.1f"):format(bytes / count))
  print(("ns_per_task %.1f"):format(seconds / count * 1e9))
end
