--- Modules of others that prunner itself needs, such as cjson.
--
-- A script may have files of the same names next to it, which are found first and are something
-- else. So these modules are looked for where they are installed, and kept out of `package.loaded`:
-- the script gets what it would get without prunner.
setfenv(1, require "prunner.globals")

local M = {}

-- Only what does not depend on the directory that somebody is in.
local function absolute(path)
  local kept = {}
  for template in string.gmatch(path, "[^;]+") do
    if string.find(template, "^/") then kept[#kept + 1] = template end
  end
  return table.concat(kept, ";")
end

-- As they are before the directory of the script is put in front.
local path, cpath = absolute(package.path), absolute(package.cpath)
local searchpath, loadlib = package.searchpath, package.loadlib

local globals = require "prunner.globals"
local environment = setmetatable({}, { __index = function(_, name)
  local value = globals[name]
  if value == nil then return rawget(_G, name) end
  return value
end })

-- What to call to get the module, or nil.
local function loader_of(name)
  local file = searchpath(name, path)
  local chunk = file and loadfile(file)
  if chunk then return setfenv(chunk, environment) end
  file = searchpath(name, cpath)
  return file and loadlib(file, "luaopen_" .. name) or package.preload[name]
end

-- Where require() has found it.
local function file_of(name)
  return searchpath(name, package.path) or searchpath(name, package.cpath)
    or "package.preload"
end

local loaded = {}

--- The module of that name.
-- @tparam string name
-- @tparam string has a field that tells it from others of the same name
-- @tparam string hint what to do if there is none
-- @treturn[1] table the module
-- @treturn[2] nil
-- @treturn[2] string the problem
function M.load(name, has, hint)
  if loaded[name] then return loaded[name] end
  local loader = loader_of(name)
  local ok, module = pcall(loader or require, name)
  if not ok then return nil, string.format("the Lua module %s is needed %s", name, hint) end
  if type(module) ~= "table" or rawget(module, has) == nil then
    return nil, string.format("the Lua module %s is needed %s; %s is another one", name, hint, file_of(name))
  end
  loaded[name] = module
  return module
end

return M
