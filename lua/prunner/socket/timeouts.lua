-- LuaSocket's timeouts. The sockets themselves have none (0: never wait): what was asked for is kept here,
-- and prunner waits.
--
--   "b"  for one wait of the operating system
--   "t"  for the whole call
--
-- LuaSocket 3 counts the first from the start of the call as well, unless both are set: so does this.
setfenv(1, require "prunner.globals")

local ffi = require "ffi"

ffi.cdef 'int prn_socket_clock(int, long *) __asm__("clock_gettime");'

local C = ffi.C
local CLOCK_MONOTONIC = 1 -- Linux

local M = {}

local block = setmetatable({}, { __mode = "k" }) -- [socket] = seconds; nil, less than 0: for ever
local total = setmetatable({}, { __mode = "k" })

local moment = ffi.new "long[2]"

--- Seconds on a clock that nobody sets.
function M.now()
  C.prn_socket_clock(CLOCK_MONOTONIC, moment)
  return tonumber(moment[0]) + tonumber(moment[1]) / 1e9
end

--- Is it never to wait? LuaSocket looks at the first alone.
function M.never(s)
  return block[s] == 0
end

--- How long a call that has begun at `start` may still wait, as in LuaSocket.
-- @treturn ?number seconds; nil: for ever
function M.left(s, start)
  local b, t = block[s] or -1, total[s] or -1
  if b < 0 and t < 0 then return nil end
  local passed = M.now() - start
  if t < 0 then return math.max(b - passed, 0) end
  t = math.max(t - passed, 0)
  return b < 0 and t or math.min(b, t)
end

local function kept(value)
  return value ~= -1 and value or nil
end

--- The timeouts of `from` hold for `to` as well.
function M.copy(from, to)
  block[to], total[to] = block[from], total[from]
end

--- settimeout() for a class.
-- @tparam function native its own: it checks the arguments
function M.setter(native)
  return function(s, value, mode)
    local seconds = value == nil and -1 or tonumber(value)
    if seconds and (mode == nil or type(mode) == "string" and string.sub(mode, 1, 1) == "b") then
      native(s, 0)
      block[s] = kept(seconds)
    else
      native(s, value, mode)
      total[s] = kept(seconds)
    end
    return 1
  end
end

--- gettimeout() for a class.
function M.getter(native)
  return function(s)
    native(s)
    return block[s] or -1, total[s] or -1
  end
end

return M
