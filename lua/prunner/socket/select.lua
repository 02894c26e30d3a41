-- socket.select() for any number of descriptors, and of any size: LuaSocket's raises for 1,024 and more.
setfenv(1, require "prunner.globals")

local core = require("prunner.native").core
local wait = require "prunner.wait"

local BITS, SOCKET = wait.BITS, wait.WAIT.SOCKET

local M = {}

local function descriptor_of(object)
  local getfd = object.getfd
  local fd = getfd ~= nil and tonumber((getfd(object)))
  return fd and fd >= 0 and fd or nil
end

local function is_dirty(object)
  local dirty = object.dirty
  return dirty ~= nil and dirty(object)
end

-- The descriptors of a list, each once: of two objects that have the same the last one counts.
local function collect(list, bits, into, dirty)
  local at = {} -- [descriptor] = its place
  local i = 1
  while list and list[i] ~= nil do
    local object = list[i]
    local fd = descriptor_of(object)
    if fd and dirty and is_dirty(object) then
      dirty[#dirty + 1] = object
    elseif fd and at[fd] then
      into.objects[at[fd]] = object
    elseif fd then
      into.n = into.n + 1
      at[fd] = into.n
      into.objects[into.n] = object
      into.list[2 * into.n - 1], into.list[2 * into.n] = fd, bits
    end
    i = i + 1
  end
end

-- Also by object, as LuaSocket has it.
local function associated(list)
  for i = 1, #list do list[list[i]] = i end
  return list
end

local function check(value, n)
  if value ~= nil and type(value) ~= "table" then
    error(string.format("bad argument #%d to 'select' (table expected, got %s)", n, type(value)), 3)
  end
end

--- socket.select().
function M.select(readers, writers, seconds)
  check(readers, 1)
  check(writers, 2)
  local limit = seconds == nil and -1 or tonumber(seconds)
  if not limit then
    error(string.format("bad argument #3 to 'select' (number expected, got %s)", type(seconds)), 2)
  end
  local readable, writable = {}, {}
  local watched = { n = 0, list = {}, objects = {} }
  collect(readers, BITS.r, watched, readable)
  local first_writer = watched.n + 1
  collect(writers, BITS.w, watched)
  if #readable > 0 then limit = 0 end
  local bits = wait.wait_many(watched.list, limit >= 0 and limit or nil, SOCKET, 2)
  if bits and watched.n > 1 then bits = core.ready_many(watched.list) or bits end -- not the first alone
  for i = 1, bits and watched.n or 0 do
    if bits == true or bits[i] > 0 then
      local list = i < first_writer and readable or writable
      list[#list + 1] = watched.objects[i]
    end
  end
  if #readable == 0 and #writable == 0 then return readable, writable, "timeout" end
  return associated(readable), associated(writable)
end

return M
