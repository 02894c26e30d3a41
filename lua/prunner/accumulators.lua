--- Accumulators: counter, max, min, collector. Each worker adds to a place of its own, so
-- adding costs next to nothing. What a task adds counts exactly once, when the task ends successfully.
--
--     local hits = prunner.counter "hits"
--     hits:add(1)                -- in tasks
--     print(hits:get())          -- in end_: the total
setfenv(1, require "prunner.globals")

local arguments = require "prunner.arguments"
local handle = require "prunner.handle"
local native = require "prunner.native"

local C, core = native.C, native.core
local check_self, no_more = arguments.check_self, arguments.no_more

local M = {}

local NAMED = core.NAMED
local COUNTER, COLLECT = handle.field "counter", handle.field "collector"
local SUM, MAX, MIN = core.ACCUMULATOR.SUM, core.ACCUMULATOR.MAX, core.ACCUMULATOR.MIN

local names = {} -- [class][number]

-- Why a number was not added.
local function fail(what, name, n, extra, level)
  local problem = string.format("a number is needed, got %s", n ~= n and "nan" or type(n))
  if extra ~= nil then
    problem = "one number at a time"
  elseif type(n) == "number" and n == n then
    problem = "not in the function of d:update, which may run several times"
  end
  error(string.format("%s %q: %s", what, name, problem), level + 1)
end

-- A class for each kind, all with :add and :get.
local function class(kind, what)
  local ID = handle.field(what)
  local Class = { __name = "prunner." .. what }

  -- The documentation is below, with each kind.
  function Class:add(n, extra)
    check_self(self, what, "add")
    if type(n) ~= "number" or extra ~= nil or C.prn_accumulator_add(kind, self[ID], n) ~= 0 then
      fail(what, names[Class][self[ID]], n, extra, 2)
    end
  end

  function Class:get(...)
    check_self(self, what, "get")
    no_more("get", 0, ...)
    local v = core.accumulator_get(kind, self[ID])
    if v == nil and kind == SUM then return 0 end
    return v
  end

  return Class
end

local Counter, Max, Min = class(SUM, "counter"), class(MAX, "max"), class(MIN, "min")

--- A sum. Made by @{counter}.
-- @type Counter

--- Adds to the sum. Counts exactly once, when the task ends successfully.
-- @function Counter:add
-- @tparam[opt=1] number n what to add; `add()` adds 1, `add(nil)` is an error
-- @raise if `n` is not a number or is nan, or inside the function of @{Dict:update}

--- The sum that successful tasks and the running task have added. In `end_`: the total.
-- @function Counter:get
-- @treturn number 0 at first

--- The maximum of numbers. Made by @{max}.
-- @type Max

--- Takes a number into account. Counts when the task ends successfully.
-- @function Max:add
-- @tparam number n the number
-- @raise if `n` is not a number or is nan, or inside the function of @{Dict:update}

--- The largest number that successful tasks and the running task have added.
-- @function Max:get
-- @treturn ?number nil if there is none yet

--- The minimum of numbers. Made by @{min}.
-- @type Min

--- Takes a number into account. Counts when the task ends successfully.
-- @function Min:add
-- @tparam number n the number
-- @raise if `n` is not a number or is nan, or inside the function of @{Dict:update}

--- The smallest number that successful tasks and the running task have added.
-- @function Min:get
-- @treturn ?number nil if there is none yet

function Counter:add(...)
  check_self(self, "counter", "add")
  local n, extra = ...
  if n == nil and select("#", ...) == 0 then n = 1 end
  if type(n) ~= "number" or extra ~= nil or C.prn_accumulator_add(SUM, self[COUNTER], n) ~= 0 then
    fail("counter", names[Counter][self[COUNTER]], n, extra, 2)
  end
end

--- A list of values. Made by @{collector}.
-- @type Collect
local Collect = { __name = "prunner.collector" }

--- Adds a value. Counts exactly once, when the task ends successfully.
-- @param v anything that can be sent, but not nil
-- @raise if the value cannot be sent, or the memory is full; inside the function of @{Dict:update}
function Collect:add(v, extra)
  check_self(self, "collector", "add")
  if v == nil then
    error(string.format("collector %q: the value is nil", names[Collect][self[COLLECT]]), 2)
  end
  if extra ~= nil then
    error(string.format("collector %q: one value at a time", names[Collect][self[COLLECT]]), 2)
  end
  local ok, problem = pcall(core.collect, self[COLLECT], v)
  if not ok then error(string.format("collector %q: %s", names[Collect][self[COLLECT]], problem), 2) end
end

--- All values that successful tasks and the running task have added.
-- @function Collect:get
-- @treturn {any,...} a new list, in no particular order
function Collect:get(...)
  check_self(self, "collector", "get")
  no_more("get", 0, ...)
  return (core.collected(self[COLLECT]))
end

M.classes = { Counter, Max, Min, Collect }

-- The function that opens those of one kind.
local function opener(kind, Class, what)
  local handles, opened = {}, {} -- by number, by name
  names[Class] = {}
  local new_handle
  local function of_number(number, name)
    local accumulator = handles[number]
    if not accumulator then
      accumulator = new_handle(number, { number = number, name = name })
      names[Class][number] = name
      handles[number] = accumulator
    end
    return accumulator
  end
  new_handle = handle.class(what, Class, {
    use = "use :get() for what it has",
    of_form = function(form)
      if type(form.number) ~= "number" or type(form.name) ~= "string" then return nil end
      return of_number(form.number, form.name)
    end,
  })
  return function(name, ...)
    no_more(what, 1, ...)
    local accumulator = opened[name]
    if accumulator then return accumulator end
    if type(name) ~= "string" then
      error(string.format("%s: the name must be a string, got %s", what, type(name)), 2)
    end
    local index, number = core.name(kind, name)
    if not index then error(string.format("%s %q: %s", what, name, number), 2) end
    accumulator = of_number(number, name)
    opened[name] = accumulator
    return accumulator
  end
end

--- Accumulators
-- @section accumulators

--- The counter with this name, the same in every worker.
-- @function counter
-- @tparam string name at most 96 bytes; each kind of accumulator has its own names
-- @treturn Counter
-- @raise if the name is not a string or is too long, or there are 256 accumulators already
M.counter = opener(NAMED.SUM, Counter, "counter")

--- The maximum with this name, the same in every worker.
-- @function max
-- @tparam string name at most 96 bytes
-- @treturn Max
-- @raise as @{counter}
M.max = opener(NAMED.MAX, Max, "max")

--- The minimum with this name, the same in every worker.
-- @function min
-- @tparam string name at most 96 bytes
-- @treturn Min
-- @raise as @{counter}
M.min = opener(NAMED.MIN, Min, "min")

--- The collector with this name, the same in every worker.
-- @function collector
-- @tparam string name at most 96 bytes
-- @treturn Collect
-- @raise as @{counter}
M.collector = opener(NAMED.COLLECT, Collect, "collector")

return M
