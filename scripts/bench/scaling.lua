--- What workers do to each other: the sum job with a counter, and then how often a task was
-- stolen, a claim lost, a worker woken, for each million tasks.
--
--   prunner scripts/bench/scaling.lua -n 100 -- 1000000
--
-- docs/scaling.md says what these mean. 4 * N + 1 tasks.

local prunner = require "prunner"

local N = tonumber(arg[1]) or 2000
local sum = prunner.counter("sum")

function begin()
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
  sum:add(n)
end

function end_()
  local s = prunner.stats()
  assert(sum:get() == N * (N + 1))
  print(("tasks %d"):format(s.tasks))
  for _, name in ipairs { "steals", "lost", "wakes", "parks" } do
    print(("%s %.0f"):format(name, s[name] / s.tasks * 1e6))
  end
end
