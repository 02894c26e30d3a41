--- LuaSocket and LuaSec wait as prunner does (`--concurrency` above 1): their scripts need no change.
--
-- What waits in them is replaced (prunner.socket.patch) when their modules in C are loaded, before
-- LuaSocket's modules in Lua take anything of these.
setfenv(1, require "prunner.globals")

local arguments = require "prunner.arguments"

local M = {}

local enabled = os.getenv "PRUNNER_NO_PATCH" ~= "1"

local MODULES = {
  ["socket.core"] = true, ["socket.unix"] = true, ["socket.serial"] = true, ["ssl.core"] = true,
}

-- Where a module of these names comes from, and its replacement.
local function searcher(name)
  if not enabled or not MODULES[name] then return nil end
  for _, other in ipairs(package.loaders) do
    local found, extra
    if other ~= searcher then found, extra = other(name) end
    if type(found) == "function" then
      return function(...)
        local module = found(..., extra)
        if module == nil then module = package.loaded[name] end
        return require("prunner.socket.patch")[name](module)
      end
    end
  end
  return nil -- the others say where they have looked
end

-- Before the script is loaded.
function M.install()
  table.insert(package.loaders, 1, searcher)
end

--- Says whether LuaSocket and LuaSec let other tasks continue while they wait.
-- With `--concurrency` above 1 they do, unless this is called with false before they are required, or
-- `PRUNNER_NO_PATCH=1` is in the environment.
-- @tparam boolean on false: they keep the worker, as without `--concurrency`
-- @raise if `on` is not a boolean; if LuaSocket was loaded before
function M.socket_patch(on, ...)
  arguments.no_more("socket_patch", 1, ...)
  if type(on) ~= "boolean" then
    error(string.format("socket_patch: true or false is needed, got %s", tostring(on)), 2)
  elseif package.loaded["socket.core"] and on ~= enabled then
    error('socket_patch: LuaSocket is loaded already: call it before require "socket"', 2)
  end
  enabled = on
end

return M
