--- The sum job with a named lock, taken and released by hand. Unlike
-- global_lock(function() ... end) this creates no closure in each task, so tasks stay compiled.
--
--   prunner scripts/bench/sum_lock.lua -n 2 -- 2000000    4000002000000
--
-- To compare the scripts of this directory, and scripts/sum_functions.lua, put `time` before each.
-- 4 * N + 1 tasks; the sum is N * (N + 1). N defaults to 2000.

local prunner = require "prunner"

local N = tonumber(arg[1]) or 2000
local dict, lock = prunner.get_dict(), prunner.lock("sum")

function begin()
  dict:set("sum", 0)
  prunner.post_task(init, prunner.range(N))
end

function init(numbers)
  for _, i in ipairs(numbers) do prunner.post_task(add_one, i) end
end

function add_one(n) prunner.post_task(double, n + 1) end

function double(n)
  prunner.post_task(sum_up, n)
  prunner.post_task(sum_up, n)
end

function sum_up(n)
  lock:acquire()
  dict:set("sum", dict:get("sum") + n)
  lock:release() -- what the task wrote under the lock becomes visible here, all at once
end

function end_()
  print(dict:get("sum"))
end
