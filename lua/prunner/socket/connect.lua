-- connect(), bind() and accept(): sockets that come to be.
--
-- A name has several addresses, and LuaSocket tries one after the other, each with the whole timeout, but
-- with a timeout of 0, which is the one its sockets have here, the first only. So each address is tried by
-- itself. LuaSocket fixes a socket's family with the first try; for an address of the other one a second
-- socket is made, and its descriptor moves into the first.
setfenv(1, require "prunner.globals")

local core = require("prunner.native").core
local descriptor = require "prunner.socket.descriptor"
local names = require "prunner.socket.names"
local timeouts = require "prunner.socket.timeouts"
local wait = require "prunner.wait"

local BITS, SOCKET = wait.BITS, wait.WAIT.SOCKET
local left, never, now = timeouts.left, timeouts.never, timeouts.now

local M = {}

-- [socket] = the family that it has, where LuaSocket believes another.
local moved = setmetatable({}, { __mode = "k" })
-- [socket] = the family of its last try: none of its addresses could be reached, it may have any again.
local unfixed = setmetatable({}, { __mode = "k" })

local HINT = { inet = "inet", inet4 = "inet", inet6 = "inet6" }

-- Of a socket that has one already.
local function family_of(s, native)
  if moved[s] then return moved[s] end
  if native.getfd(s) < 0 or unfixed[s] or not native.getfamily then return nil end
  return HINT[native.getfamily(s)]
end

-- Which one LuaSocket takes it for.
local function believed(s, native)
  if moved[s] then return moved[s] == "inet6" and "inet" or "inet6" end
  return unfixed[s] or family_of(s, native)
end

local LOOPBACK = { { addr = "::1", family = "inet6" }, { addr = "127.0.0.1", family = "inet" } }

local function addresses_of(host, family, level)
  if host == "*" then -- getaddrinfo(3) knows it
    return family and { LOOPBACK[family == "inet6" and 1 or 2] } or LOOPBACK
  elseif names.numeric(host) then
    return { { addr = host, family = string.find(host, ":", 1, true) and "inet6" or "inet" } }
  end
  local found, problem = names.addresses(host, family, level + 1)
  return found, problem
end

-- As LuaSocket's functions return it: nothing behind what is true.
local function outcome(ok, err)
  if ok then return ok end
  return nil, err
end

local function close(s, native)
  local fd = native.getfd(s)
  if fd >= 0 then core.closes(fd) end
  native.close(s)
end

-- One address. `owner` is whose timeouts hold.
local function try(s, native, owner, address, port, level)
  local ok, err = native.connect(s, address, port)
  descriptor.close_on_exec(native.getfd(s))
  if ok or err ~= "timeout" or never(owner) then return ok, err end
  local ready, closed = wait.wait(native.getfd(s), BITS.w, left(owner, now()), SOCKET, level + 1)
  if not ready then return nil, closed or "timeout" end
  local known, problem = pcall(native.getoption, s, "error") -- what became of it
  if known then
    if problem then return nil, problem end
    return 1
  end
  ok, err = native.connect(s, address, port) -- a LuaSocket without this option
  if ok or err == "already connected" then return 1 end
  return nil, err
end

-- An address of another family than the one that LuaSocket has fixed for s.
local function try_other(s, native, create, address, port, level)
  local other, problem = create[address.family]()
  if not other then return nil, problem end
  local ok, err = try(other, native, s, address.addr, port, level + 1)
  if not ok and not (err == "timeout" and never(s)) then
    close(other, native)
    return nil, err
  end
  close(s, native)
  native.setfd(s, native.getfd(other))
  native.setfd(other, -1)
  moved[s] = address.family
  return ok, err
end

-- A further connect() of a socket that was moved, by one that LuaSocket takes for what it is.
local function try_moved(s, native, create, address, port)
  local other, problem = create[moved[s]]()
  if not other then return nil, problem end
  native.close(other)
  native.setfd(other, native.getfd(s))
  local ok, err = native.connect(other, address.addr, port)
  native.setfd(other, -1)
  return ok, err
end

-- A socket without a family: all the addresses.
local function try_all(s, native, create, list, port, level)
  local fixed, ok, err = believed(s, native), nil, nil
  for i, address in ipairs(list) do
    if fixed and address.family ~= fixed then
      ok, err = try_other(s, native, create, address, port, level + 1)
    else
      if i > 1 or unfixed[s] then close(s, native) end
      ok, err = try(s, native, s, address.addr, port, level + 1)
      fixed, moved[s] = address.family, nil
    end
    if ok or never(s) then break end
  end
  unfixed[s] = not ok and not never(s) and fixed or nil
  return ok, err
end

local function try_same(s, native, list, port, level)
  local ok, err
  for _, address in ipairs(list) do
    ok, err = try(s, native, s, address.addr, port, level + 1)
    if ok or never(s) then break end
  end
  return ok, err
end

--- connect() for tcp sockets.
-- @tparam table native the methods of the class
-- @tparam table create `inet`, `inet6`: functions that make a socket of the family, patched
function M.connecter(native, create)
  local client = debug.getregistry()["tcp{client}"]

  return function(s, host, port)
    if type(host) ~= "string" then return native.connect(s, host, port) end
    local family = family_of(s, native)
    local list, problem = addresses_of(host, family, 2)
    if not list then
      debug.setmetatable(s, client) -- which it is from its first try on
      return nil, problem
    end
    local ok, err
    if moved[s] and native.getfd(s) >= 0 then
      ok, err = try_moved(s, native, create, list[1], port)
    elseif family and not moved[s] then
      ok, err = try_same(s, native, list, port, 2)
    else
      ok, err = try_all(s, native, create, list, port, 2)
    end
    return outcome(ok, err)
  end
end

--- connect() for unix streams: a full backlog has to be waited for and fails nothing, and nothing tells when
-- it is no longer. LuaSocket closes the socket then: so there is another descriptor of it.
function M.unix_connecter(native)
  local function retry(s, path, spare)
    local start, pause = now(), 0.001
    local ok, err = nil, "timeout"
    while not ok and err == "timeout" and spare >= 0 do
      native.setfd(s, spare) -- which it owns, whatever the wait raises
      local seconds = left(s, start)
      if seconds == 0 then
        native.close(s)
        return nil, err
      end
      wait.wait(nil, 0, math.min(seconds or pause, pause), SOCKET, 3)
      pause = math.min(pause * 2, 0.05)
      spare = descriptor.duplicate(native.getfd(s))
      ok, err = native.connect(s, path)
    end
    descriptor.close(spare)
    return ok, err
  end

  return function(s, path)
    if type(path) ~= "string" or not string.find(s.class, "master", 1, true) or never(s) then
      return native.connect(s, path)
    end
    local spare = descriptor.duplicate(native.getfd(s))
    local ok, err = native.connect(s, path)
    if ok or err ~= "timeout" then
      descriptor.close(spare)
    else
      ok, err = retry(s, path, spare)
    end
    return outcome(ok, err)
  end
end

local ANY = { { addr = "*" } } -- no name

-- A function of sockets that takes an address, for names as well. try_one(s, address, port) is for one
-- address; it returns, too, whether its failure is the last.
local function for_names(native, try_one)
  return function(s, host, port)
    local list, problem = ANY, nil
    if host ~= "*" then list, problem = addresses_of(host, family_of(s, native), 2) end
    if not list then return nil, problem end
    local ok, err, last
    for _, address in ipairs(list) do
      ok, err, last = try_one(s, address.addr, port)
      descriptor.close_on_exec(native.getfd(s))
      if ok or last then break end
    end
    return outcome(ok, err)
  end
end

--- bind() for tcp and udp sockets.
function M.binder(native)
  local bind = native.bind or native.setsockname
  return for_names(native, function(s, address, port)
    local ok, err = bind(s, address, port)
    return ok, err, false
  end)
end

--- setpeername() for udp sockets: connected at once, and LuaSocket leaves their family open until then if the
-- timeout is not 0.
function M.peer_setter(native)
  return for_names(native, function(s, address, port)
    if not never(s) then native.settimeout(s, 1e-9) end
    local ok, err = native.setpeername(s, address, port)
    native.settimeout(s, 0)
    return ok, err, never(s)
  end)
end

--- accept() for a class.
-- @tparam table natives [class] = the methods, of all classes
function M.accepter(native, natives)
  local accept, getfd = native.accept, native.getfd

  local function accepted(client)
    return descriptor.adopt(client, natives[client.class])
  end

  return function(s)
    local client, err = accept(s)
    if client then return accepted(client) end
    local start = now()
    while err == "timeout" and not never(s) do
      local ready, closed = wait.wait(getfd(s), BITS.r, left(s, start), SOCKET, 2)
      if not ready then return nil, closed or err end
      client, err = accept(s)
      if client then return accepted(client) end
    end
    return nil, err
  end
end

--- getfamily() for a class; getpeername() and getsockname(), which name it after the address.
function M.family_getters(native)
  local function with_family(s, address, port, family, ...)
    if address and family and moved[s] then return address, port, moved[s], ... end
    return address, port, family, ...
  end
  return {
    getfamily = function(s)
      local family = native.getfamily(s)
      if moved[s] then return moved[s] == "inet6" and "inet6" or "inet4" end
      return family
    end,
    getpeername = function(s)
      if moved[s] then return with_family(s, native.getpeername(s)) end
      return native.getpeername(s)
    end,
    getsockname = function(s)
      if moved[s] then return with_family(s, native.getsockname(s)) end
      return native.getsockname(s)
    end,
  }
end

local FAMILIES = { unspec = true, inet = true, inet6 = true }

local function is_text(value)
  return type(value) == "string" or type(value) == "number"
end

local function is_connected(s, ok, err, address, port)
  if ok then ok, err = s:connect(address, port) end
  if ok then return s end
  s:close()
  return nil, err
end

-- LuaSocket 3.0rc1, whose sockets have a family from the start: one for each address.
local function open_each(create, host, port, family)
  local numeric = string.find(host, ":", 1, true) and "inet6" or "inet"
  local list, problem = { { addr = host, family = numeric } }, nil
  if not names.numeric(host) then list, problem = names.addresses(host, family, 3) end
  local s, err = nil, problem
  for _, address in ipairs(list or {}) do
    s, err = create[address.family]()
    if s then s, err = is_connected(s, true, nil, address.addr, port) end
    if s then break end
  end
  return s, err
end

--- socket.connect().
-- @tparam table socket the module `socket.core`, patched
-- @tparam table create as in connecter()
-- @tparam function native its own: it checks the arguments
function M.opener(socket, create, native)
  return function(address, port, local_address, local_port, family)
    if not (is_text(address) and is_text(port) and (family == nil or FAMILIES[family]) and
        (local_address == nil or is_text(local_address)) and (local_port == nil or is_text(local_port))) then
      return native(address, port, local_address, local_port, family)
    end
    local s, ok, err
    if not socket.tcp4 and not local_address then
      if family == "unspec" then family = nil end
      s, err = open_each(create, tostring(address), port, family)
    else
      s, err = (local_address and create[family] or socket.tcp)()
      if not s then return nil, err end
      ok = true
      if local_address then ok, err = s:bind(local_address, local_port or 0) end
      s, err = is_connected(s, ok, err, address, port)
    end
    return outcome(s, err)
  end
end

return M
