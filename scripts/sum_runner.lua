--- Shows the class API: a runner with its queue, its dict and its lock, and tasks that carry a
-- label and data instead of naming a function.
--
--   prunner scripts/sum_runner.lua -n 10              4002000
--   prunner scripts/sum_runner.lua -n 2 -- 1000000    1000001000000
--   luajit scripts/sum_runner.lua                     4002000 (see docs/examples.md)
--
-- The job is that of sum_functions.lua; the sum is N * (N + 1).

local prunner = require "prunner"

local Task = prunner.Task
local Runner = prunner.ParallelTaskRunner:extend()

--- The function for each label. It is called with the runner, like a method of Runner.
local steps = {}

function steps.init(runner, numbers)
  for _, i in ipairs(numbers) do runner.queue:put(Task("add_one", i)) end
end

function steps.add_one(runner, n)
  runner.queue:put(Task("double", n + 1))
end

function steps.double(runner, n)
  runner.queue:put(Task("sum_up", n))
  runner.queue:put(Task("sum_up", n))
end

function steps.sum_up(runner, n)
  runner.lock:with(function() runner.dict_.sum = runner.dict_.sum + n end)
end

--- Runs once, before there are any workers, with the options given to Runner:new.
function Runner:begin(options)
  self.dict_.sum = 0
  self.queue:put(Task("init", prunner.range(options.n)))
end

--- Runs in a worker, once for each task.
function Runner:run(task)
  steps[task.label](self, task.data)
end

--- Runs once, after the last task.
function Runner:end_()
  print(self.dict_.sum)
end

Runner:new(10, false, { n = tonumber(arg[1]) or 2000 }):start()
