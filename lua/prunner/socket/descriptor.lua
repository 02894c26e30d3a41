-- What every socket of a class needs, whatever it is for.
setfenv(1, require "prunner.globals")

local ffi = require "ffi"
local core = require("prunner.native").core

ffi.cdef [[
int prn_socket_fcntl(int, int, int) __asm__("fcntl");
int prn_socket_close(int) __asm__("close");
]]

local C = ffi.C
local F_SETFD, FD_CLOEXEC, F_DUPFD_CLOEXEC = 2, 1, 1030 -- Linux

local M = {}

--- Programs that a task starts do not inherit it: else they would keep its connection open.
function M.close_on_exec(fd)
  if fd >= 0 then C.prn_socket_fcntl(fd, F_SETFD, FD_CLOEXEC) end
end

--- Another descriptor of the same file; less than 0: none.
function M.duplicate(fd)
  return C.prn_socket_fcntl(fd, F_DUPFD_CLOEXEC, 0)
end

--- Closes a descriptor that no socket has.
function M.close(fd)
  if fd >= 0 then C.prn_socket_close(fd) end
end

--- Makes a new socket ours: it never waits by itself.
function M.adopt(s, native)
  native.settimeout(s, 0)
  M.close_on_exec(native.getfd(s))
  return s
end

--- A function of the module that makes sockets.
-- @tparam function make the module's own
-- @tparam table natives [class] = its methods
function M.constructor(make, natives)
  local function adopted(s, ...)
    if not s then return s, ... end
    return M.adopt(s, natives[s.class])
  end

  return function(...)
    return adopted(make(...))
  end
end

--- close() for a class: who waits for the socket is told.
function M.closer(native)
  local getfd, close = native.getfd, native.close
  return function(s)
    local fd = getfd(s)
    if fd >= 0 then core.closes(fd) end
    return close(s)
  end
end

return M
