--- More shared objects by name, as in the original: dicts, locks, queues, single values.
--
--     local manager = prunner.get_manager()
--     local seen = manager:dict "seen"
local C = require("prunner.c").C
local dict = require "prunner.dict"
local lock = require "prunner.lock"

local M = {}
local Manager = { __name = "prunner.manager" }
Manager.__index = Manager

local function check_name(what, name)
  if type(name) ~= "string" then
    error(("%s: the name must be a string, got %s"):format(what, type(name)), 3)
  elseif #name > 90 then
    error(("%s: a name may have up to 90 bytes"):format(what), 3)
  end
end

--- A dict of its own under that name.
function Manager:dict(name) -- luacheck: ignore self
  check_name("dict", name)
  return (dict.open("dict " .. name))
end

--- The lock of that name; the same as prunner.lock(name).
function Manager:lock(name) -- luacheck: ignore self
  return (lock.open(name))
end

--- A single shared value.
local Value = { __name = "prunner.value" }
Value.__index = Value

function Value:get() return self.dict:get(self.name) end
function Value:set(v) return self.dict:set(self.name, v) end
function Value:incr(n) return self.dict:incr(self.name, n) end
function Value:update(fn) return self.dict:update(self.name, fn) end

--- @tparam string name
-- @param v its value if it has none yet
function Manager:value(name, v) -- luacheck: ignore self
  check_name("value", name)
  local value = setmetatable({ dict = dict.open "values", name = name }, Value)
  if v ~= nil then
    local ok, problem = pcall(value.dict.add, value.dict, name, v)
    if not ok then error(problem, 2) end
  end
  return value
end

--- A queue: put and get are all or nothing, whatever dies.
local Queue = { __name = "prunner.queue" }
Queue.__index = Queue

local function put(d, v)
  local tail = d:get "tail" or 0
  d:set(tail, v)
  d:set("tail", tail + 1)
end

local function take(d)
  local head = d:get "head" or 0
  if head >= (d:get "tail" or 0) then return nil end
  local v = d:get(head)
  d:delete(head)
  d:set("head", head + 1)
  return v
end

--- Puts a value at the end. Never waits for room.
function Queue:put(v)
  if v == nil then error("queue: the value is nil", 2) end
  local ok, problem = pcall(self.lock.with, self.lock, put, self.dict, v)
  if not ok then error("queue: " .. (problem:match 'set of "%d+": (.*)' or problem), 2) end
  C.prn_queue_bump()
end

--- Takes the first value.
-- @tparam[opt] number seconds how long to wait for one; without: not at all
-- @return the value, or nil when the queue is empty
function Queue:get(seconds)
  if seconds ~= nil and type(seconds) ~= "number" then
    error(("queue: seconds must be a number, got %s"):format(type(seconds)), 2)
  end
  local deadline = seconds and C.prn_now() + seconds
  while true do
    local event = C.prn_queue_event()
    local v = self.lock:with(take, self.dict)
    if v ~= nil then return v end
    local left = deadline and deadline - C.prn_now() or 0
    if left <= 0 then return nil end
    C.prn_queue_wait(event, left)
  end
end

--- How many values wait.
function Queue:len()
  return (self.dict:get "tail" or 0) - (self.dict:get "head" or 0)
end

function Manager:queue(name) -- luacheck: ignore self
  check_name("queue", name)
  return setmetatable({
    dict = dict.open("queue " .. name),
    lock = lock.open("queue " .. name),
  }, Queue)
end

M.classes = { Manager, Value, Queue }

local manager = setmetatable({}, Manager)

function M.get_manager()
  return manager
end

return M
