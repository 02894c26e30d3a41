--- The script's own coroutines, where a task may wait inside them (`--concurrency` above 1).
--
-- A wait has to reach the worker and not the script's resume(). So resume and wrap are replaced: they
-- hand a token out to the next coroutine outside, and the answer back in. That is sound only if every
-- coroutine on the way was resumed by these: `ours` says so, set before a resume and taken back after it.
-- Else the wait blocks: below a resume that a library has kept from before, in a wrap that a comparison
-- of table.sort has called.
--
-- While its wait is on its way a coroutine has the status "normal", as one that has resumed another:
-- nobody else can resume it. The same holds for the coroutines in which tasks run.
setfenv(1, require "prunner.globals")

local core = require("prunner.native").core
local wait = require "prunner.wait"

local create, resume, running, wrap = coroutine.create, coroutine.resume, coroutine.running, coroutine.wrap
local status, yield, isyieldable = coroutine.status, coroutine.yield, coroutine.isyieldable

local M = {}

local TOKEN = {}
local ours = setmetatable({}, { __mode = "k" })    -- [coroutine] = true: a wait in it can be handed out
local waiting = setmetatable({}, { __mode = "k" }) -- [coroutine] = true: its wait is under way
local fibers = setmetatable({}, { __mode = "k" })  -- [coroutine] = true: a task's own, known to scripts

-- A wait, from wherever.
local function call(fn, ...)
  local co = running()
  if co and ours[co] and isyieldable() then return yield(TOKEN, fn, ...) end
  return fn(...)
end

local pass

local function call_behind(_, ...)
  return call(...)
end

local function answered(co, ...)
  waiting[co] = nil
  return pass(co, resume(co, ...))
end

-- What a coroutine has yielded, returned or raised.
function pass(co, ok, ...)
  if ok and (...) == TOKEN then
    waiting[co] = true
    return answered(co, call_behind(...))
  end
  ours[co] = nil
  return ok, ...
end

local function enter(co)
  local me = running()
  if me and (ours[me] or core.in_fiber()) then ours[co] = true end
end

local NOT_SUSPENDED = "cannot resume non-suspended coroutine"

local function resume_ours(co, ...)
  if type(co) ~= "thread" or status(co) ~= "suspended" then return resume(co, ...) end
  if waiting[co] or fibers[co] then return false, NOT_SUSPENDED end
  enter(co)
  return pass(co, resume(co, ...))
end

local function status_ours(co)
  if type(co) ~= "thread" or not (waiting[co] or fibers[co]) or status(co) ~= "suspended" then
    return status(co)
  end
  return "normal"
end

-- Who knows the coroutine of a task could resume it while the task waits.
local function running_ours()
  local co, main = running()
  if co and core.in_fiber() then fibers[co] = true end
  return co, main
end

-- As LuaJIT's wrap: a string gets the place of the call in front. As a tail call only: it stands in the
-- place of the function that wrap has returned.
local function unwrap(ok, ...)
  if ok then return ... end
  local value = ...
  error(value, type(value) == "string" and 2 or 0)
end

local function wrap_ours(...)
  local fn = ...
  if type(fn) ~= "function" then return wrap(...) end -- it raises
  local co = create(fn)
  return function(...)
    return unwrap(resume_ours(co, ...))
  end
end

--- Puts these in the place of the library's functions. Before the script is loaded.
-- @tparam table library the global `coroutine`
function M.install(library)
  library.resume, library.wrap = resume_ours, wrap_ours
  library.status, library.running = status_ours, running_ours
  wait.call = call
end

return M
