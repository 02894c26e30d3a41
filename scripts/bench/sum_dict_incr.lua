--- The sum job with an atomic operation of the shared dict: one call instead of a lock around a
-- read and a write. Other tasks can read the value so far.
--
--   prunner scripts/bench/sum_dict_incr.lua -n 2 -- 2000000    4000002000000
--
-- To compare the scripts of this directory, and scripts/sum_functions.lua, put `time` before each.
-- 4 * N + 1 tasks; the sum is N * (N + 1). N defaults to 2000.

local prunner = require "prunner"

local N = tonumber(arg[1]) or 2000
local dict = prunner.get_dict()

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
  dict:incr("sum", n)
end

function end_()
  print(dict:get("sum"))
end
