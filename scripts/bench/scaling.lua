--- Measures contention between workers: runs the job of sum_counter.lua, then prints the number of
-- stolen tasks, lost claims, woken and parked workers per million tasks.
--
--   prunner scripts/bench/scaling.lua -n 100 -- 1000000
--
-- docs/internals/speed.md explains these numbers. 4 * N + 1 tasks.

local prunner = require "prunner"
require "sum_counter" -- in this directory: begin() and the tasks

function end_()
  local n = tonumber(arg[1]) or 2000
  assert(prunner.counter("sum"):get() == n * (n + 1))
  local s = prunner.stats()
  print(("tasks %d"):format(s.posted))
  for _, name in ipairs { "steals", "lost_claims", "wakes", "parks" } do
    print(("%s %.0f"):format(name, s[name] / s.posted * 1e6))
  end
end
