-- send(), sendto(), receive() and receivefrom() of udp and unix datagrams: all is done at once, or nothing.
setfenv(1, require "prunner.globals")

local descriptor = require "prunner.socket.descriptor"
local timeouts = require "prunner.socket.timeouts"
local wait = require "prunner.wait"

local BITS, SOCKET = wait.BITS, wait.WAIT.SOCKET
local left, never, now = timeouts.left, timeouts.never, timeouts.now

local M = {}

local PAUSE_MAX = 0.05 -- seconds

-- sendto() to a unix socket whose queue is full: ours can be written at any time, poll(2) says.
local function pause_for(s, start, pause)
  local seconds = left(s, start)
  if seconds == 0 then return false end
  wait.wait(nil, 0, math.min(seconds or pause, pause), SOCKET, 4)
  return true
end

-- sendto() makes the socket if there is none.
local function sending(native)
  local sendto, getfd = native.sendto, native.getfd
  return function(s, data, address, port)
    if getfd(s) >= 0 then return sendto(s, data, address, port) end
    local sent, err = sendto(s, data, address, port)
    descriptor.close_on_exec(getfd(s))
    if sent then return sent end
    return nil, err
  end
end

local function method(native, call, bits, pauses)
  local getfd = native.getfd

  local function again(s, a, b, c)
    local start, pause = now(), 0.001
    while true do
      local ready, closed = wait.wait(getfd(s), bits, left(s, start), SOCKET, 4)
      if not ready then return nil, closed or "timeout" end
      local x, y, z = call(s, a, b, c)
      if x ~= nil or y ~= "timeout" then return x, y, z end
      if pauses then
        if not pause_for(s, start, pause) then return nil, "timeout" end
        pause = math.min(pause * 2, PAUSE_MAX)
      end
    end
  end

  -- As many results as LuaSocket has.
  local function counted(x, y, z)
    if z ~= nil then return x, y, z end
    if y ~= nil then return x, y end
    return x
  end

  local function done(s, a, b, c, ...)
    local got, err = ...
    if got ~= nil or err ~= "timeout" or never(s) then return ... end
    local x, y, z = again(s, a, b, c)
    return counted(x, y, z)
  end

  return function(s, a, b, c)
    return done(s, a, b, c, call(s, a, b, c))
  end
end

--- The methods of a class that wait.
-- @tparam table native its methods
function M.methods(native)
  return {
    send = method(native, native.send, BITS.w),
    sendto = method(native, sending(native), BITS.w, not native.getfamily),
    receive = method(native, native.receive, BITS.r),
    receivefrom = method(native, native.receivefrom, BITS.r),
  }
end

return M
