--- Measures divide and conquer: tasks that post tasks, down to a depth. A task posts two tasks of
-- the next depth; the tasks of the last depth are counted.
--
--   prunner scripts/bench/tree.lua -n 2 -- 20      1048576
--
-- 2 ^ (DEPTH + 1) - 1 tasks; prints 2 ^ DEPTH. With --order lifo few tasks wait at a time.

local prunner = require "prunner"

local depth = tonumber(arg[1]) or 10
local leaves = prunner.counter("leaves")

function begin()
  prunner.post_task(split, depth)
end

function split(left)
  if left == 0 then
    leaves:add(1)
    return
  end
  prunner.post_task(split, left - 1)
  prunner.post_task(split, left - 1)
end

function end_()
  print(leaves:get())
end
