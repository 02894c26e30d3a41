--- Accumulators: counter, max, min, collect. Each worker adds to a place of its own, so
-- adding costs next to nothing; what a task adds counts exactly once, when it is done.
--
--     local hits = prunner.counter "hits"
--     hits:add(1)                -- in tasks
--     print(hits:get())          -- in end_: the total
local c = require "prunner.c"

local C, core = c.C, c.core

local M = {}

local NAMED = { sum = 3, max = 4, min = 5, collect = 6 }
local SUM, MAX, MIN = 1, 2, 3

-- A class for each kind, all with :add and :get.
local function class(kind, what)
  local Class = { __name = "prunner." .. what }
  Class.__index = Class

  --- Adds v for the running task.
  function Class:add(v)
    if type(v) ~= "number" then
      error(("%s %q: a number is needed, got %s"):format(what, self.name, type(v)), 2)
    end
    C.prn_acc_add(kind, self.number, v)
  end

  --- What tasks that are done have added, and the running one.
  function Class:get()
    local v = core.acc_get(kind, self.number)
    if v == nil and kind == SUM then return 0 end
    return v
  end

  return Class
end

local Counter, Max, Min = class(SUM, "counter"), class(MAX, "max"), class(MIN, "min")

function Counter:add(v)
  if v == nil then v = 1 end
  if type(v) ~= "number" then
    error(("counter %q: a number is needed, got %s"):format(self.name, type(v)), 2)
  end
  C.prn_acc_add(SUM, self.number, v)
end

local Collect = { __name = "prunner.collect" }
Collect.__index = Collect

--- Adds a value, anything that can be sent.
function Collect:add(v)
  if v == nil then error(("collect %q: the value is nil"):format(self.name), 2) end
  local ok, problem = pcall(core.collect, self.number, v)
  if not ok then error(("collect %q: %s"):format(self.name, problem), 2) end
end

--- A list of all values that were added, in no particular order.
function Collect:get()
  return (core.collected(self.number))
end

M.classes = { Counter, Max, Min, Collect }

local opened = { sum = {}, max = {}, min = {}, collect = {} }

local function opener(kind, Class, what)
  return function(name)
    local acc = opened[kind][name]
    if acc then return acc end
    if type(name) ~= "string" then
      error(("%s: the name must be a string, got %s"):format(what, type(name)), 2)
    end
    local index, number = core.name(NAMED[kind], name)
    if not index then error(("%s %q: %s"):format(what, name, number), 2) end
    acc = setmetatable({ name = name, number = number }, Class)
    opened[kind][name] = acc
    return acc
  end
end

M.counter = opener("sum", Counter, "counter")
M.max = opener("max", Max, "max")
M.min = opener("min", Min, "min")
M.collect = opener("collect", Collect, "collect")

return M
