--- Shows methods of an object as tasks: post_task(self.add_one, self, n). The object is copied to
-- the worker that runs the task. It has its methods there, because its class existed before the
-- workers were forked.
--
--   prunner scripts/sum_methods.lua -n 10              4002000
--   prunner scripts/sum_methods.lua -n 2 -- 1000000    1000001000000
--   luajit scripts/sum_methods.lua                     4002000 (see docs/examples.md)
--
-- The job is that of sum_functions.lua; the sum is N * (N + 1).

local prunner = require "prunner"

local N = tonumber(arg[1]) or 2000

local Summer = {}
Summer.__index = Summer

--- @tparam string key the key of the sum in the shared dict
function Summer.new(key)
  return setmetatable({ key = key }, Summer)
end

function Summer:init(numbers)
  for _, i in ipairs(numbers) do prunner.post_task(self.add_one, self, i) end
end

function Summer:add_one(n)
  prunner.post_task(self.double, self, n + 1)
end

function Summer:double(n)
  prunner.post_task(self.sum_up, self, n)
  prunner.post_task(self.sum_up, self, n)
end

--- Each task has its own copy of `self`, so a sum kept in self.sum would be lost with the copy.
-- What all tasks share is in the dict.
function Summer:sum_up(n)
  prunner.global_lock(function() prunner.dict[self.key] = prunner.dict[self.key] + n end)
end

function begin()
  local summer = Summer.new("sum")
  prunner.dict.sum = 0
  prunner.post_task(summer.init, summer, prunner.range(N))
end

function end_()
  print(prunner.dict.sum)
end

prunner.init(10, false, begin, end_)
prunner.start()
