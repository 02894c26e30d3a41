--- Shows the message-loop API: plain functions post each other as tasks and add to a value in the
-- shared dict under the global lock. The job ends when no task is left.
--
--   prunner scripts/sum_functions.lua -n 10              4002000
--   prunner scripts/sum_functions.lua -n 2 -- 1000000    1000001000000
--   luajit scripts/sum_functions.lua                     4002000 (see docs/examples.md)
--
-- Each number i of 0 .. N-1 makes four tasks: add_one(i), double(i + 1), and sum_up(i + 1) twice.
-- The sum is therefore 2 * (1 + ... + N) = N * (N + 1).

local prunner = require "prunner"

local N = tonumber(arg[1]) or 2000

--- Runs once, before the workers start: prepares the shared state, posts the first task.
function begin()
  prunner.dict.sum = 0
  prunner.post_task(init, prunner.range(N)) -- {0, 1, ..., N-1}
end

function init(numbers)
  for _, i in ipairs(numbers) do prunner.post_task(add_one, i) end
end

function add_one(n) prunner.post_task(double, n + 1) end

function double(n)
  prunner.post_task(sum_up, n)
  prunner.post_task(sum_up, n)
end

--- Reading and writing the sum are two steps; the lock lets no other worker come between them.
-- scripts/bench/ has the same job with a counter and with dict:incr, which need no lock.
function sum_up(n)
  prunner.global_lock(function() prunner.dict.sum = prunner.dict.sum + n end)
end

--- Runs once, after the last task. (`end` is a reserved word, hence the underscore.)
function end_()
  print(prunner.dict.sum)
end

-- These two lines make the file run under plain luajit, with 10 workers. Under prunner they run the
-- job as well, and -n on the command line wins. A script only meant for prunner can leave them out.
prunner.init(10, false, begin, end_)
prunner.start()
