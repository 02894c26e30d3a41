--- Waiting: a task that waits leaves its worker to others (`--concurrency` above 1).
--
-- Everything that waits comes down to two functions of C, core.wait and core.wait_many. They switch to
-- another task if they can: if they were called from the coroutine in which the task runs. In a
-- coroutine of the script's own the wait has to be handed out to that one first: prunner.coroutines
-- does it. Where neither can be, they block, as without --concurrency.
setfenv(1, require "prunner.globals")

local arguments = require "prunner.arguments"
local native = require "prunner.native"
local core = native.core

local WAIT, POLLER = core.WAIT, core.POLLER
local BITS = { r = POLLER.READ, w = POLLER.WRITE, rw = POLLER.READ + POLLER.WRITE }

local M = { BITS = BITS, WAIT = WAIT }

-- core.wait and core.wait_many, from wherever they are called. prunner.coroutines puts others here.
M.call = function(fn, ...) return fn(...) end

-- The results of the wait, or its error, raised at `level`.
local function result(level, ok, message, raise)
  if raise then error(message, level) end
  return ok, message
end

-- Waits for one descriptor, or for a moment. For prunner's modules.
--
--   fd       nil: for none
--   bits     BITS.r, BITS.w, BITS.rw
--   seconds  at most; nil: for ever
--   what     WAIT.CLOCK ...: what it is called where tasks are shown
--   level    where errors are raised, as for error()
--
-- Returns true: ready; false: the time is over; nil and "closed".
function M.wait(fd, bits, seconds, what, level)
  return result(level + 1, M.call(core.wait, fd, bits, seconds, what))
end

-- The same for several descriptors: descriptor, bits, descriptor, bits ... Returns a list of the bits that
-- are ready, in the order of the list; false; nil and "closed".
function M.wait_many(list, seconds, what, level)
  return result(level + 1, M.call(core.wait_many, list, seconds, what))
end

local FD_MAX = 2 ^ 31 - 1 -- an int

local function is_seconds(v)
  return type(v) == "number" and v >= 0 -- which nan is not
end

--- Waiting
-- @section waiting

--- Waits this many seconds. With -c above 1 the worker runs other tasks meanwhile.
-- @tparam number seconds 0 or more; 0 lets others go first
-- @raise if `seconds` is not such a number; when the task's time is over (`--timeout`)
function M.sleep(seconds, ...)
  arguments.no_more("sleep", 1, ...)
  if not is_seconds(seconds) then
    error(string.format("sleep: a number of seconds is needed, got %s", tostring(seconds)), 2)
  end
  M.wait(nil, 0, seconds, WAIT.CLOCK, 2)
end

--- Waits until a descriptor can be read or written. With it a library that is not known to prunner can
-- wait without keeping its worker.
-- @tparam integer fd the number of an open descriptor
-- @tparam string mode `"r"`, `"w"` or `"rw"`
-- @tparam[opt=forever] number seconds at most
-- @treturn[1] boolean true: it is ready, or has an error or its end to tell
-- @treturn[2] boolean false: the time is over
-- @treturn[3] nil it was closed meanwhile
-- @treturn[3] string `"closed"`
-- @raise if an argument is wrong; if another task waits for the same; when the task's time is over
function M.wait_fd(fd, mode, seconds, ...)
  arguments.no_more("wait_fd", 3, ...)
  if type(fd) ~= "number" or fd < 0 or fd % 1 ~= 0 or fd > FD_MAX then
    error(string.format("wait_fd: the number of a descriptor is needed, got %s", tostring(fd)), 2)
  elseif not BITS[mode] then
    error(string.format('wait_fd: the mode must be "r", "w" or "rw", got %s', tostring(mode)), 2)
  elseif seconds ~= nil and not is_seconds(seconds) then
    error(string.format("wait_fd: a number of seconds is needed, got %s", tostring(seconds)), 2)
  end
  local ready, closed = M.wait(fd, BITS[mode], seconds, WAIT.DESCRIPTOR, 2)
  return ready, closed
end

return M
