-- Replaces what waits in LuaSocket and LuaSec. Their sockets never wait any more by themselves (timeout 0);
-- what LuaSocket documents is done here, with prunner's wait, which blocks where no other task can continue.
--
--     timeouts     "b" and "t"                       stream     receive, send, dohandshake
--     connect      connect, bind, accept             datagram   send, sendto, receive, receivefrom
--     names        socket.dns                        select     socket.select
--     exceptions   protect, newtry                   descriptor close, close-on-exec
setfenv(1, require "prunner.globals")

local connect = require "prunner.socket.connect"
local datagram = require "prunner.socket.datagram"
local descriptor = require "prunner.socket.descriptor"
local exceptions = require "prunner.socket.exceptions"
local names = require "prunner.socket.names"
local select_ = require "prunner.socket.select"
local stream = require "prunner.socket.stream"
local timeouts = require "prunner.socket.timeouts"
local wait = require "prunner.wait"

local natives = {} -- [class] = its methods, as LuaSocket has them

-- The method table of a class; nil: there is none.
local function methods_of(class)
  local metatable = debug.getregistry()[class]
  return type(metatable) == "table" and metatable.__index or nil
end

local function replace(methods, by)
  for name, fn in pairs(by) do
    if methods[name] then methods[name] = fn end
  end
end

-- Replaces methods in each of the classes that there are.
-- @tparam function make native methods -> their replacements, by name
local function patch_classes(classes, make)
  for _, class in ipairs(classes) do
    local methods = methods_of(class)
    if methods then
      local native = {}
      for name, fn in pairs(methods) do native[name] = fn end
      natives[class] = native
      replace(methods, make(native))
      replace(methods, {
        settimeout = timeouts.setter(native.settimeout),
        gettimeout = timeouts.getter(native.gettimeout),
        close = descriptor.closer(native),
      })
    end
  end
end

local TCP = { "tcp{master}", "tcp{client}", "tcp{server}" }
local UDP = { "udp{connected}", "udp{unconnected}" }
local UNIX_STREAM = {
  "unixstream{master}", "unixstream{client}", "unixstream{server}",
  "unix{master}", "unix{client}", "unix{server}", -- 3.0rc1
}
local UNIX_DATAGRAM = { "unixdgram{connected}", "unixdgram{unconnected}" }

local function sleep(seconds)
  local n = tonumber(seconds)
  if not n then
    error(string.format("bad argument #1 to 'sleep' (number expected, got %s)",
      seconds == nil and "no value" or type(seconds)), 2)
  end
  wait.wait(nil, 0, math.max(n, 0), wait.WAIT.CLOCK, 2)
end

local function patch_socket(socket)
  for _, name in ipairs { "tcp", "tcp4", "tcp6", "udp", "udp4", "udp6" } do
    if socket[name] then socket[name] = descriptor.constructor(socket[name], natives) end
  end
  local create = { inet = socket.tcp4 or socket.tcp, inet6 = socket.tcp6 }
  patch_classes(TCP, function(native)
    local new = connect.family_getters(native)
    new.connect = connect.connecter(native, create)
    new.setpeername = new.connect
    new.bind = connect.binder(native)
    new.setsockname = new.bind
    new.accept = connect.accepter(native, natives)
    new.receive, new.send = stream.receiver(native), stream.sender(native)
    return new
  end)
  patch_classes(UDP, function(native)
    local new = datagram.methods(native)
    new.setpeername = connect.peer_setter(native)
    new.setsockname = connect.binder(native)
    return new
  end)
  socket.connect = connect.opener(socket, create, socket.connect)
  socket.select, socket.sleep = select_.select, sleep
  names.patch(socket.dns)
  exceptions.patch(socket)
  return socket
end

-- A table with constructors, or the only one (3.0rc1).
local function patch_unix(unix)
  patch_classes(UNIX_STREAM, function(native)
    local connecter = connect.unix_connecter(native)
    return {
      connect = connecter, setpeername = connecter, accept = connect.accepter(native, natives),
      receive = stream.receiver(native), send = stream.sender(native),
    }
  end)
  patch_classes(UNIX_DATAGRAM, datagram.methods)
  if type(unix) == "function" then
    local create = descriptor.constructor(unix, natives)
    local socket = package.loaded.socket
    if type(socket) == "table" and socket.unix then socket.unix = create end -- it was put there, too
    return create
  end
  for _, name in ipairs { "stream", "dgram", "tcp", "udp" } do
    if unix[name] then unix[name] = descriptor.constructor(unix[name], natives) end
  end
  return unix
end

-- Another class that only can be read and written; the module is its constructor.
local function patch_serial(create)
  patch_classes({ "serial{client}" }, function(native)
    return { receive = stream.receiver(native), send = stream.sender(native) }
  end)
  return descriptor.constructor(create, natives)
end

local function patch_ssl(ssl)
  local class = "SSL:Connection"
  patch_classes({ class }, function(native)
    return {
      receive = stream.receiver(native),
      send = stream.sender(native),
      dohandshake = stream.handshaker(native),
    }
  end)
  local create = ssl.create
  function ssl.create(...)
    local s, problem = create(...)
    if s then natives[class].settimeout(s, 0) end
    return s, problem
  end
  return ssl
end

--- [module in C] = what to do with it: it returns the module.
return {
  ["socket.core"] = patch_socket,
  ["socket.unix"] = patch_unix,
  ["socket.serial"] = patch_serial,
  ["ssl.core"] = patch_ssl,
}
