--- Builds strings, in begin or in a task. A task must be as fast as begin, although each worker's
-- garbage collector starts with the heap that begin has left.
--
--   prunner scripts/bench/strings.lua -n 1 -- task 300000      ns_per_string 96.20
--
-- Builds N strings, which are garbage at once, nine times, and prints the median.

local prunner = require "prunner"
local clock = require "clock"

local where, n = arg[1] or "task", tonumber(arg[2]) or 300000

local function build()
  for i = 1, n do Line = "abcdefghijklmnopqrstuvwxyz" .. i end -- luacheck: globals Line
end

local function measure()
  local took = {}
  for i = 1, 9 do
    local from = clock.now()
    build()
    took[i] = clock.now() - from
  end
  table.sort(took)
  print(("ns_per_string %.2f"):format(took[5] / n * 1e9))
end

function begin()
  if where == "begin" then measure() else prunner.post_task(measure) end
end
