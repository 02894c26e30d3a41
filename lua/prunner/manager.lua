--- More shared objects by name, as in the original: dicts, locks, queues, single values.
--
--     local manager = prunner.get_manager()
--     local seen = manager:dict "seen"
setfenv(1, require "prunner.globals")

local native = require "prunner.native"
local arguments = require "prunner.arguments"
local dict = require "prunner.dict"
local handle = require "prunner.handle"
local lock = require "prunner.lock"
local wait = require "prunner.wait"

local C, core = native.C, native.core
local check_self, no_more = arguments.check_self, arguments.no_more
local EMPTY, REPEAT = core.QUEUE.EMPTY, core.QUEUE.REPEAT
local DICT, LOCK = handle.field "dict", handle.field "lock"
local QUEUE = handle.field "queue"

-- Dicts and queues have names of their own each, told apart by what is put before them.
local NAME_BYTES = core.MAX.NAME_BYTES - #"queue "

local M = {}

--- Hands out shared objects by name. Made by @{get_manager}.
-- @type Manager
local Manager = { __name = "prunner.manager" }

local function check_name(what, name)
  if type(name) ~= "string" then
    error(string.format("%s: the name must be a string, got %s", what, type(name)), 3)
  elseif #name > NAME_BYTES then
    error(string.format("%s: a name may have up to %d bytes", what, NAME_BYTES), 3)
  end
end

--- The dict with this name.
-- @tparam string name at most 90 bytes
-- @treturn Dict
-- @raise if the name is not a string or is too long, or there are too many names
function Manager:dict(name, ...) -- luacheck: ignore self
  no_more("dict", 1, ...)
  check_name("dict", name)
  return (dict.open("dict " .. name))
end

--- The lock with this name; the same as @{lock}.
-- @tparam string name at most 96 bytes
-- @treturn Lock
-- @raise as @{lock}
function Manager:lock(name, ...) -- luacheck: ignore self
  no_more("lock", 1, ...)
  return (lock.open(name))
end

local Value = { __name = "prunner.value" }

-- Values are keys of one dict, as many as there is room for. So handles that nobody has are garbage.
local values = setmetatable({}, { __mode = "v" }) -- by name
local new_value, value_forms

local function value_of(name)
  local value = values[name]
  if not value then
    value = new_value(0, { name = name })
    values[name] = value
  end
  return value
end

new_value, value_forms = handle.class("value", Value, {
  use = "use value:get()",
  of_form = function(form) return type(form.name) == "string" and value_of(form.name) or nil end,
})

local function all_values()
  return dict.open "values"
end

--- The single shared value with this name.
-- @tparam string name at most 90 bytes
-- @param[opt] v its value, if it has none yet
-- @treturn Value
-- @raise if the name is not a string or is too long, or the value cannot be sent
function Manager:value(name, v, ...) -- luacheck: ignore self
  no_more("value", 2, ...)
  check_name("value", name)
  local all, value = all_values(), value_of(name)
  if v ~= nil then
    local ok, problem = pcall(all.add, all, name, v)
    if not ok then error(problem, 2) end
  end
  return value
end

--- The queue with this name. put and get are all or nothing, even if a worker dies.
-- @tparam string name at most 90 bytes
-- @treturn Queue
-- @raise if the name is not a string or is too long
-- @function Manager:queue

--- A single shared value. Made by @{Manager:value}.
-- @type Value

--- Its value.
-- @function Value:get
-- @return a copy; nil if it has none
function Value:get(...)
  check_self(self, "value", "get")
  no_more("get", 0, ...)
  return all_values():get(value_forms[self].name)
end

--- Sets the value.
-- @param v anything that can be sent; nil deletes it
-- @raise if the value cannot be sent
function Value:set(v, extra)
  check_self(self, "value", "set")
  return all_values():set(value_forms[self].name, v, extra)
end

--- Adds to the value; a missing value counts as 0.
-- @tparam[opt=1] number n what to add
-- @treturn number the new value
-- @raise if the value or `n` is not a number
function Value:incr(...)
  check_self(self, "value", "incr")
  return all_values():incr(value_forms[self].name, ...)
end

--- Stores `fn(old value)`; see @{Dict:update}.
-- @tparam function fn gets the value and returns the new one
-- @return the new value
-- @raise what `fn` raises
function Value:update(fn, extra)
  check_self(self, "value", "update")
  return all_values():update(value_forms[self].name, fn, extra)
end

--- A queue of values. Made by @{Manager:queue}. Prefer tasks: a queue is rarely needed.
-- @type Queue
local Queue = { __name = "prunner.queue" }

local queues, locks = {}, {} -- by the number of its dict: the handle, the number of its lock
local new_queue

local function queue_of(number, lock_number)
  local queue = queues[number]
  if not queue then
    locks[number] = lock_number
    queue = new_queue(number, { dict = number, lock = lock_number })
    queues[number] = queue
  end
  return queue
end

new_queue = handle.class("queue", Queue, {
  use = "use queue:get(), and queue:len() for #queue",
  of_form = function(form)
    if type(form.dict) ~= "number" or type(form.lock) ~= "number" then return nil end
    return queue_of(form.dict, form.lock)
  end,
})

local DONE_AGAIN = -core.errno.EPERM

local function fail(err, level)
  local problem = err == DONE_AGAIN and "not in the function of d:update, which may run several times"
    or core.error_text(err)
  error("queue: " .. problem, level + 1)
end

--- Puts a value at the end. Never waits.
-- @param v anything that can be sent, but not nil
-- @raise if the value cannot be sent or is nil, or the memory is full; inside the function of @{Dict:update}
function Queue:put(v, extra)
  check_self(self, "queue", "put")
  if v == nil then error("queue: the value is nil", 2) end
  if extra ~= nil then error("queue: one value at a time", 2) end
  local ok, err = pcall(core.queue_put, self[QUEUE], locks[self[QUEUE]], v)
  if not ok then error("queue: " .. err, 2) end
  if err ~= 0 then fail(err, 2) end
  C.prn_queue_bump()
end

-- Until there may be a value, or the time is over. nil and a message: to be raised.
local function wait_for_value(number, event, seconds)
  local getter = core.getter()
  local ok, message, raise = wait.call(core.queue_wait, getter, number, seconds)
  core.queue_waited(getter)
  if ok ~= nil then return true end
  if raise then return nil, message end
  if core.waiting() > 0 then
    return nil, string.format("queue: get cannot wait %s: it would keep other tasks of this worker waiting, "
      .. "and one of them may have to put the value", message)
  end
  C.prn_queue_wait(event, seconds)
  return true
end

--- Takes the first value.
-- With `--concurrency` above 1 the worker runs other tasks while this one waits.
-- @tparam[opt=0] number seconds how long to wait for one
-- @return the value; nil if the queue is empty
-- @raise if `seconds` is not a number; inside the function of @{Dict:update}; if it would have to wait where
--   no other task can run (under a lock, in `table.sort`), while other tasks of this worker wait; when the
--   task's time is over
function Queue:get(seconds, ...)
  check_self(self, "queue", "get")
  no_more("get", 1, ...)
  if seconds ~= nil and (type(seconds) ~= "number" or seconds ~= seconds) then
    error(string.format("queue: seconds must be a number, got %s",
      seconds ~= seconds and "nan" or type(seconds)), 2)
  end
  local number = self[QUEUE]
  local waits = seconds ~= nil and seconds > 0
  local deadline = waits and C.prn_now() + seconds
  while true do
    local event = C.prn_queue_event()
    local left = waits and deadline - C.prn_now() or 0
    local found = core.queue_look(number)
    local last = left <= 0 or found == REPEAT
    if last or found ~= EMPTY then
      local err, v = core.queue_take(number, locks[number], last)
      if err ~= 0 then fail(err, 2) end
      if v ~= nil or last then return v end
    end
    local ok, message = wait_for_value(number, event, left)
    if not ok then error(message, 2) end
  end
end

--- The number of values in the queue.
-- @function Queue:len
-- @treturn number
function Queue:len(...)
  check_self(self, "queue", "len")
  no_more("len", 0, ...)
  return (core.queue_len(self[QUEUE]))
end

function Manager:queue(name, ...) -- luacheck: ignore self
  no_more("queue", 1, ...)
  check_name("queue", name)
  return queue_of(dict.open("queue " .. name)[DICT], lock.open("queue " .. name)[LOCK])
end

M.classes = { Manager, Value, Queue }
M.numbered = { Queue } -- forms have numbers of their job

local manager
manager = handle.class("manager", Manager, {
  use = "it hands out dicts, locks, queues and values by name",
  of_form = function() return manager end,
})(0, {})

function M.get_manager()
  return manager
end

return M
