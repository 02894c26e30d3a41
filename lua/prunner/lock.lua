--- Locks between all workers. A lock section is all or nothing: what it writes into dicts
-- is published when the lock is released; an error or the worker's death publishes nothing.
--
--     local lock = prunner.lock "report"
--     lock:with(function() ... end)
setfenv(1, require "prunner.globals")

local native = require "prunner.native"

local C, core = native.C, native.core
local EPERM, ETIMEDOUT = core.errno.EPERM, core.errno.ETIMEDOUT
local FOREVER = -1 -- seconds: any number below 0

local M = {}
local Lock = { __name = "prunner.lock" }
Lock.__index = Lock
M.classes = { Lock }

local function fail(lock, err, level)
  local words = core.error_text(err)
  if err == -EPERM then words = "is not held by this task" end
  local between = words:find "^deadlock" and ": " or " "
  error(lock.name .. between .. words, level + 1)
end

local function too_many(lock, level)
  error(lock.name .. ": too many arguments", level + 1)
end

--- A lock between all workers. What is written into dicts while it is held is published when it is
-- released, as a whole. Made by @{lock}. All operations raise in a deadlock with other tasks, or when
-- the task holds 64 locks already.
-- @type Lock

--- Takes the lock; waits for it.
-- @tparam[opt=forever] number seconds how long to wait
-- @treturn[1] boolean true
-- @treturn[2] nil after that time
-- @treturn[2] string `"timeout"`
-- @treturn[2] number 110
-- @raise if this task holds it already, or `seconds` is no number
function Lock:acquire(seconds, extra)
  if extra ~= nil then too_many(self, 2) end
  if seconds ~= nil and (type(seconds) ~= "number" or seconds ~= seconds) then
    error(("%s: seconds must be a number, got %s"):format(self.name,
      type(seconds) == "number" and "nan" or type(seconds)), 2)
  end
  local err = C.prn_lock_take(self.id, seconds or FOREVER)
  if err == 0 then return true end
  if err == -ETIMEDOUT then return nil, "timeout", ETIMEDOUT end
  fail(self, err, 2)
end

--- Takes the lock if it is free.
-- @function Lock:try_acquire
-- @treturn boolean whether it was, and is held now
-- @raise if this task holds it already
function Lock:try_acquire(extra)
  if extra ~= nil then too_many(self, 2) end
  local err = C.prn_lock_take(self.id, 0)
  if err == 0 then return true end
  if err == -ETIMEDOUT then return false end
  fail(self, err, 2)
end

--- Publishes what was written under the lock and gives it up.
-- @function Lock:release
-- @raise if this task does not hold it
function Lock:release(extra)
  if extra ~= nil then too_many(self, 2) end
  local err = C.prn_lock_release(self.id, 1)
  if err ~= 0 then fail(self, err, 2) end
end

local function finish(lock, ok, ...)
  local err = C.prn_lock_release(lock.id, ok and 1 or 0)
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
  local err = C.prn_lock_take(lock.id, FOREVER)
  if err ~= 0 then fail(lock, err, 2) end
  local ok, n, a, b = pcall(call_few, fn)
  err = C.prn_lock_release(lock.id, ok and 1 or 0)
  if not ok then error(n, 0) end
  if err ~= 0 then fail(lock, err, 2) end
  if n == 0 then return end
  if n == 1 then return a end
  if n == 2 then return a, b end
  return unpack(a, 1, n)
end

--- Calls `fn(...)` with the lock held. When it raises, nothing of what it wrote is published, and the
-- lock is released.
-- @tparam function fn what needs the lock
-- @param ... its arguments
-- @return what `fn` returns
-- @raise what `fn` raises, or if this task holds the lock already
function Lock:with(fn, ...)
  if type(fn) ~= "function" then
    error(("%s: the first argument must be a function, got %s"):format(self.name, type(fn)), 2)
  end
  if select("#", ...) == 0 then return with_nothing(self, fn) end
  local err = C.prn_lock_take(self.id, FOREVER)
  if err ~= 0 then fail(self, err, 2) end
  return finish(self, pcall(call, fn, ...))
end

function Lock:__tostring()
  return self.name
end

local opened = {}

-- The lock of that name, the same in every worker.
function M.open(name, shown)
  if type(name) ~= "string" then
    error(("lock: the name must be a string, got %s"):format(type(name)), 3)
  end
  local lock = opened[name]
  if not lock then
    local id, problem = core.name(core.NAMED.LOCK, name)
    if not id then error(("lock %q: %s"):format(name, problem), 3) end
    lock = setmetatable({ id = id, name = shown or ("lock %q"):format(name) }, Lock)
    opened[name] = lock
  end
  return lock
end

return M
