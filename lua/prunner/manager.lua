--- More shared objects by name, as in the original: dicts, locks, queues, single values.
--
--     local manager = prunner.get_manager()
--     local seen = manager:dict "seen"
setfenv(1, require "prunner.globals")

local native = require "prunner.native"
local dict = require "prunner.dict"
local lock = require "prunner.lock"

local C, core = native.C, native.core

-- Dicts and queues have names of their own each, told apart by what is put before them.
local NAME_BYTES = core.MAX.NAME_BYTES - #"queue "

local M = {}

--- Hands out shared objects by name. Made by @{get_manager}.
-- @type Manager
local Manager = { __name = "prunner.manager" }
Manager.__index = Manager

local function check_name(what, name)
  if type(name) ~= "string" then
    error(("%s: the name must be a string, got %s"):format(what, type(name)), 3)
  elseif #name > NAME_BYTES then
    error(("%s: a name may have up to %d bytes"):format(what, NAME_BYTES), 3)
  end
end

--- A dict of its own under that name.
-- @tparam string name at most 90 bytes
-- @treturn Dict
-- @raise if the name is no string or too long, or there are too many names
function Manager:dict(name) -- luacheck: ignore self
  check_name("dict", name)
  return (dict.open("dict " .. name))
end

--- The lock of that name; the same as @{lock}.
-- @tparam string name at most 96 bytes
-- @treturn Lock
-- @raise as @{lock}
function Manager:lock(name) -- luacheck: ignore self
  return (lock.open(name))
end

local Value = { __name = "prunner.value" }
Value.__index = Value

--- A single shared value under that name.
-- @tparam string name at most 90 bytes
-- @param[opt] v its value if it has none yet
-- @treturn Value
-- @raise if the name is no string or too long, or the value cannot be sent
function Manager:value(name, v) -- luacheck: ignore self
  check_name("value", name)
  local value = setmetatable({ dict = dict.open "values", name = name }, Value)
  if v ~= nil then
    local ok, problem = pcall(value.dict.add, value.dict, name, v)
    if not ok then error(problem, 2) end
  end
  return value
end

--- A queue under that name: put and get are all or nothing, whatever dies.
-- @tparam string name at most 90 bytes
-- @treturn Queue
-- @raise if the name is no string or too long
-- @function Manager:queue

--- A single shared value. Made by @{Manager:value}.
-- @type Value

--- Its value.
-- @return a copy; nil: it has none
function Value:get() return self.dict:get(self.name) end

--- Sets it.
-- @param v anything that can be sent; nil: none
-- @raise if the value cannot be sent
function Value:set(v, extra) return self.dict:set(self.name, v, extra) end

--- Adds to it; none counts as 0.
-- @tparam[opt=1] number n what to add
-- @treturn number the new value
-- @raise if the value, or `n`, is no number
function Value:incr(...) return self.dict:incr(self.name, ...) end

--- Stores `fn(old value)`; see @{Dict:update}.
-- @tparam function fn gets the value and returns the new one
-- @return the new value
-- @raise what `fn` raises
function Value:update(fn, extra) return self.dict:update(self.name, fn, extra) end

--- A queue of values. Made by @{Manager:queue}. Prefer tasks: a queue is rarely needed.
-- @type Queue
local Queue = { __name = "prunner.queue" }
Queue.__index = Queue

local DONE_AGAIN = -core.errno.EPERM

local function fail(err, level)
  local problem = err == DONE_AGAIN and "not in the function of d:update, which may run several times"
    or core.error_text(err)
  error("queue: " .. problem, level + 1)
end

--- Puts a value at the end. Never waits for room.
-- @param v anything that can be sent, but not nil
-- @raise if the value cannot be sent or is nil, or no room is left; in the function of @{Dict:update}
function Queue:put(v, extra)
  if v == nil then error("queue: the value is nil", 2) end
  if extra ~= nil then error("queue: one value at a time", 2) end
  local ok, err = pcall(core.queue_put, self.dict, self.lock, v)
  if not ok then error("queue: " .. err, 2) end
  if err ~= 0 then fail(err, 2) end
  C.prn_queue_bump()
end

--- Takes the first value.
-- @tparam[opt=0] number seconds how long to wait for one; the worker does nothing else meanwhile
-- @return the value; nil: the queue is empty
-- @raise if `seconds` is no number; in the function of @{Dict:update}
function Queue:get(seconds)
  if seconds ~= nil and (type(seconds) ~= "number" or seconds ~= seconds) then
    error(("queue: seconds must be a number, got %s")
      :format(seconds ~= seconds and "nan" or type(seconds)), 2)
  end
  local deadline = seconds and C.prn_now() + seconds
  while true do
    local event = C.prn_queue_event()
    local err, v = core.queue_take(self.dict, self.lock)
    if err ~= 0 then fail(err, 2) end
    if v ~= nil then return v end
    local left = deadline and deadline - C.prn_now() or 0
    if left <= 0 then return nil end
    C.prn_queue_wait(event, left)
  end
end

--- How many values wait.
-- @treturn number
function Queue:len()
  return (core.queue_len(self.dict))
end

function Manager:queue(name) -- luacheck: ignore self
  check_name("queue", name)
  return setmetatable({
    dict = dict.number_of(dict.open("queue " .. name)),
    lock = lock.open("queue " .. name).id,
  }, Queue)
end

M.classes = { Manager, Value, Queue }

local manager = setmetatable({}, Manager)

function M.get_manager()
  return manager
end

return M
