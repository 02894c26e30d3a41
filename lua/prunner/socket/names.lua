-- Names and addresses, asked by threads of the worker (engine/worker/resolver.h): socket.dns, and for
-- connect() and bind().
setfenv(1, require "prunner.globals")

local core = require("prunner.native").core
local wait = require "prunner.wait"

local LOOKUP, BITS, NAME = core.LOOKUP, wait.BITS, wait.WAIT.NAME

local M = {}

-- A list of strings, each with a tag in front; or nil and a message.
local function ask(level, kind, family, host, service)
  local found, fd, question = core.resolve(kind, family, host, service)
  if found ~= false then return found, fd end
  local _, message, raise = wait.call(core.wait, fd, BITS.r, nil, NAME)
  local answer, problem = core.resolved(question)
  if raise then error(message, level + 1) end
  return answer, problem
end

--- Is it an address already, which nobody has to be asked about?
function M.numeric(host)
  return type(host) ~= "string" or string.find(host, "^%d+%.%d+%.%d+%.%d+$") ~= nil
    or string.find(host, ":", 1, true) ~= nil
end

local FAMILY = { ["4"] = "inet", ["6"] = "inet6" }

--- The addresses of a host, in the system's order.
-- @tparam string host
-- @tparam ?string family `"inet"` or `"inet6"`: of this one only
-- @treturn {{family=string,addr=string},...}|nil
-- @treturn ?string what was wrong
function M.addresses(host, family, level)
  local found, problem = ask(level + 1, LOOKUP.ADDRESSES, family, host)
  if not found then return nil, problem end
  for i, text in ipairs(found) do
    found[i] = { family = FAMILY[string.sub(text, 1, 1)], addr = string.sub(text, 2) }
  end
  return found
end

-- What LuaSocket calls resolved information.
local function host_of(found)
  local host = { ip = {}, alias = {} }
  for _, text in ipairs(found) do
    local tag, value = string.sub(text, 1, 1), string.sub(text, 2)
    if tag == "n" then
      host.name = value
    else
      local list = tag == "a" and host.alias or host.ip
      list[#list + 1] = value
    end
  end
  return host
end

--- Replaces the functions of `socket.dns`.
function M.patch(dns)
  local native = {}
  for name, fn in pairs(dns) do native[name] = fn end

  local function is_text(value) return type(value) == "string" or type(value) == "number" end

  function dns.toip(address)
    if not is_text(address) then return native.toip(address) end
    local found, problem = ask(2, LOOKUP.HOST, nil, address)
    if not found then return nil, problem end
    local host = host_of(found)
    return host.ip[1], host
  end

  function dns.tohostname(address)
    if not is_text(address) then return native.tohostname(address) end
    local found, problem = ask(2, LOOKUP.HOST, nil, address)
    if not found then return nil, problem end
    local host = host_of(found)
    return host.name, host
  end

  if native.getaddrinfo then
    function dns.getaddrinfo(host)
      if M.numeric(host) then return native.getaddrinfo(host) end
      local found, problem = M.addresses(host, nil, 2)
      return found, problem
    end
  end

  if native.getnameinfo then
    function dns.getnameinfo(host, service)
      if not (is_text(host or service) and (service == nil or is_text(service))) then
        return native.getnameinfo(host, service)
      end
      local found, problem = ask(2, LOOKUP.NAMES, nil, host, service)
      if not found then return nil, problem end
      local names, named = {}, nil
      for _, text in ipairs(found) do
        if string.sub(text, 1, 1) == "s" then named = string.sub(text, 2)
        else names[#names + 1] = string.sub(text, 2) end
      end
      if service ~= nil then return names, named end
      return names
    end
  end
end

return M
