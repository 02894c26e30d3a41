--- Locks between all workers. A lock section is all or nothing: its dict writes are published
-- when the lock is released. After an error or the worker's death nothing is published.
--
--     local lock = prunner.lock "report"
--     lock:with(function() ... end)
setfenv(1, require "prunner.globals")

local arguments = require "prunner.arguments"
local handle = require "prunner.handle"
local native = require "prunner.native"

local C, core = native.C, native.core
local check_self = arguments.check_self
local EPERM, ETIMEDOUT = core.errno.EPERM, core.errno.ETIMEDOUT
local FOREVER = -1 -- seconds: any number below 0

local M = {}
local ID = handle.field "lock" -- the number of its name
local Lock = { __name = "prunner.lock" }
M.classes = { Lock }

local handles = {} -- by number
local new_handle, forms

-- The lock with that number, which messages call `shown`.
local function of_number(id, shown)
  local lock = handles[id]
  if not lock then
    lock = new_handle(id, { id = id, name = shown })
    handles[id] = lock
  end
  return lock
end

local function name_of(lock)
  return forms[lock].name
end

new_handle, forms = handle.class("lock", Lock, {
  use = "lock:with(fn) runs a function with it held",
  __tostring = name_of,
  of_form = function(form)
    if type(form.id) ~= "number" or type(form.name) ~= "string" then return nil end
    return of_number(form.id, form.name)
  end,
})

local function fail(lock, err, level)
  local words = core.error_text(err)
  if err == -EPERM then words = "is not held by this task" end
  local between = string.find(words, "^deadlock") and ": " or " "
  error(name_of(lock) .. between .. words, level + 1)
end

local function too_many(lock, level)
  error(name_of(lock) .. ": too many arguments", level + 1)
end

--- A lock between all workers. Dict writes made while it is held are published together when it is
-- released. Made by @{lock}. All operations raise in a deadlock with other tasks, or if the task already
-- holds 64 locks.
-- @type Lock

--- Waits for the lock and takes it.
-- @tparam[opt=forever] number seconds how long to wait
-- @treturn[1] boolean true
-- @treturn[2] nil after that time
-- @treturn[2] string `"timeout"`
-- @treturn[2] number 110
-- @raise if this task already holds it, or `seconds` is not a number
function Lock:acquire(seconds, extra)
  check_self(self, "lock", "acquire")
  if extra ~= nil then too_many(self, 2) end
  if seconds ~= nil and (type(seconds) ~= "number" or seconds ~= seconds) then
    error(string.format("%s: seconds must be a number, got %s", name_of(self),
      type(seconds) == "number" and "nan" or type(seconds)), 2)
  end
  local err = C.prn_lock_take(self[ID], seconds or FOREVER)
  if err == 0 then return true end
  if err == -ETIMEDOUT then return nil, "timeout", ETIMEDOUT end
  fail(self, err, 2)
end

--- Takes the lock if it is free.
-- @function Lock:try_acquire
-- @treturn boolean whether the task now holds the lock
-- @raise if this task already holds it
function Lock:try_acquire(extra)
  check_self(self, "lock", "try_acquire")
  if extra ~= nil then too_many(self, 2) end
  local err = C.prn_lock_take(self[ID], 0)
  if err == 0 then return true end
  if err == -ETIMEDOUT then return false end
  fail(self, err, 2)
end

--- Publishes what was written under the lock, and releases it.
-- @function Lock:release
-- @raise if this task does not hold it
function Lock:release(extra)
  check_self(self, "lock", "release")
  if extra ~= nil then too_many(self, 2) end
  local err = C.prn_lock_release(self[ID], 1)
  if err ~= 0 then fail(self, err, 2) end
end

local function finish(lock, ok, ...)
  local err = C.prn_lock_release(lock[ID], ok and 1 or 0)
  if not ok then error((...), 0) end
  if err ~= 0 then fail(lock, err, 3) end
  return ...
end

-- A function that pcall calls itself cannot be compiled: its return into pcall's frame ends
-- the trace. One that returns to `call` can.
local function pass(...) return ... end
local function call(fn, ...) return pass(fn(...)) end

-- Results as a fixed number of values: how many, then the first two, or a table of all.
local function few(...)
  local n = select("#", ...)
  local a, b = ...
  if n <= 2 then return n, a, b end
  return n, { ... }
end

local function call_few(fn)
  local n, a, b = few(fn())
  return n, a, b
end

-- `with` without arguments. It has a fixed number of them, and results, so that it becomes a
-- trace of its own even where its caller is interpreted: a task that makes a new function for
-- each section is.
local function with_nothing(lock, fn)
  local err = C.prn_lock_take(lock[ID], FOREVER)
  if err ~= 0 then fail(lock, err, 2) end
  local ok, n, a, b = pcall(call_few, fn)
  err = C.prn_lock_release(lock[ID], ok and 1 or 0)
  if not ok then error(n, 0) end
  if err ~= 0 then fail(lock, err, 2) end
  if n == 0 then return end
  if n == 1 then return a end
  if n == 2 then return a, b end
  return unpack(a, 1, n)
end

--- Calls `fn(...)` with the lock held. If `fn` raises, its writes are dropped and the lock is released.
-- @tparam function fn the function to call
-- @param ... its arguments
-- @return what `fn` returns
-- @raise what `fn` raises, or if this task already holds the lock
function Lock:with(fn, ...)
  check_self(self, "lock", "with")
  if type(fn) ~= "function" then
    error(string.format("%s: the first argument must be a function, got %s", name_of(self), type(fn)), 2)
  end
  if select("#", ...) == 0 then return with_nothing(self, fn) end
  local err = C.prn_lock_take(self[ID], FOREVER)
  if err ~= 0 then fail(self, err, 2) end
  return finish(self, pcall(call, fn, ...))
end

local opened = {}

-- The lock of that name, the same in every worker.
function M.open(name, shown)
  if type(name) ~= "string" then
    error(string.format("lock: the name must be a string, got %s", type(name)), 3)
  end
  local lock = opened[name]
  if not lock then
    local id, problem = core.name(core.NAMED.LOCK, name)
    if not id then error(string.format("lock %q: %s", name, problem), 3) end
    lock = of_number(id, shown or string.format("lock %q", name))
    opened[name] = lock
  end
  return lock
end

return M
