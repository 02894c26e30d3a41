--- Functions and classes that every worker knows: those that exist before the fork.
--
-- A task names its function by number, an object its class. This module hands out the
-- numbers: it walks everything that can be reached from the globals, the loaded modules and
-- the script's own functions (their upvalues, methods, metatables), or registers a single
-- function when begin() posts it. After the fork nothing is added any more.
local jit = require "jit"
local util = require "jit.util"
local new = require "table.new"
local core = require("prunner.native").core

local M = {}

-- So many functions come with Lua; tables that are made for them need not grow.
local MANY = 400

--- number of each known function; names are keys as well
M.ids = new(0, 2 * MANY)

local classes = {}
M.classes = {} -- number of each class, by name
local class_count = 0
local named = {} -- [function] = name given with prunner.task

local FUNCTION, CLASS = core.NAMED.FUNCTION, core.NAMED.CLASS
local state = core.config "state" -- then numbers are the same in every run of the job
local keys = {}

-- The number of a function or class under --state: by its path and place. Two of the same
-- name and place are told apart by the order in which they are found.
local function stable_number(kind, what, key, code)
  keys[key] = (keys[key] or 0) + 1
  local number, problem = core.stable_number(kind, ("%s #%d"):format(key, keys[key]), code)
  if not number then error(("--resume: %s %s"):format(what, problem), 0) end
  return number
end

local function has_constant_table(fn)
  local i = 1
  local constant = util.funck(fn, -i)
  while constant ~= nil do
    if type(constant) == "table" then return true end
    if type(constant) == "proto" and has_constant_table(constant) then return true end
    i = i + 1
    constant = util.funck(fn, -i)
  end
  return false
end

-- What a function does, as a string that is the same in every process. The keys of a constant
-- table are dumped in the order of their hashes, which LuaJIT seeds anew in each process: then
-- the bytes are counted only.
local function code_of(fn)
  local code = string.dump(fn, true)
  if not has_constant_table(fn) then return code end
  local counts = {}
  for b = 1, 256 do counts[b] = 0 end
  for i = 1, #code do
    local b = code:byte(i) + 1
    counts[b] = counts[b] + 1
  end
  return table.concat(counts, " ")
end

-- Where prunner's own functions are defined. Of its modules only what they give away is known:
-- `prunner` itself, the functions in it, and the `classes` of each module. What is behind those
-- is nobody's argument, and as much as everything that comes with Lua.
local OWN = debug.getinfo(1, "S").source:match "^(.*)registry%.lua$"
local own = {} -- [function] = true

local function where_of(fn)
  local info = debug.getinfo(fn, "S")
  if info.what == "C" then return "C" end
  return info.short_src .. ":" .. info.linedefined
end
M.where_of = where_of

-- --dead: names are written down for another run. So they are handed out in the same order in
-- every run, as far as that can be, and each names one function or class only.
local lasting = core.config "dead" or core.config "retry_dead"
local taken = { {}, {} } -- functions, classes: [name] = the one called so

local function lasting_name(kind, name, object, where)
  local names = taken[kind]
  if not lasting or names[name] == nil or names[name] == object then
    names[name] = object
    return name
  end
  local base, k = where and name .. " " .. where or name, 1
  name = base
  while names[name] ~= nil do
    k = k + 1
    name = ("%s #%d"):format(base, k)
  end
  names[name] = object
  return name
end

--- Registers a function under a name (the first name counts, unless it was only its place).
-- @tparam function fn
-- @tparam string name as reports call it and post_task may name it
-- @treturn number its number
function M.add(fn, name)
  local ids = M.ids
  local number = ids[fn]
  if not number then
    local where = (state or lasting) and where_of(fn)
    name = named[fn] or name
    local stable = state and stable_number(FUNCTION, "function " .. name, name .. " " .. where,
      where == "C" and "C" or code_of(fn))
    name = lasting_name(1, name, fn, where)
    local source
    number, source = core.know_function(fn, stable, name)
    own[fn] = source:sub(1, #OWN) == OWN or nil
    ids[fn] = number
  end
  if ids[name] == nil then
    ids[name] = number
    taken[1][name] = fn
  end
  return number
end

--- Names a function for good (prunner.task).
function M.name(fn, name, options)
  local other = taken[1][name]
  named[fn] = name
  taken[1][name] = fn
  if lasting and other and other ~= fn then
    core.know_function(other, M.ids[other], lasting_name(1, name, other, where_of(other)))
  end
  local number = M.ids[fn]
  if number then
    core.know_function(fn, number, name)
  else
    number = M.add(fn, name)
  end
  M.ids[name] = number
  if options then
    core.function_options(number, options)
  end
  return number
end

local function add_class(mt, path)
  if classes[mt] then return end
  class_count = class_count + 1
  classes[mt] = state and stable_number(CLASS, "class " .. path, path, "class") or class_count
  local name = lasting_name(2, path, mt)
  if M.classes[name] == nil then M.classes[name] = classes[mt] end
  core.know_class(mt, classes[mt], name)
end

-- Could other tables have this one as their metatable?
local function looks_like_class(t)
  return rawget(t, "__index") ~= nil or rawget(t, "__newindex") ~= nil
    or rawget(t, "__call") ~= nil or rawget(t, "__tostring") ~= nil or rawget(t, "__eq") ~= nil
    or rawget(t, "__name") ~= nil or rawget(t, "__add") ~= nil or rawget(t, "__lt") ~= nil
    or rawget(t, "__concat") ~= nil or rawget(t, "__gc") ~= nil or rawget(t, "__mode") ~= nil
end

-- Longer paths name nothing that people would look for.
local PATH_MAX = 100

local function path_of(path, key)
  if #path > PATH_MAX then return path end
  if type(key) == "string" and key:find "^[%a_\128-\255][%w_\128-\255]*$" then -- LuaJIT's names
    return path == "" and key or path .. "." .. key
  end
  if type(key) == "number" then return ("%s[%s]"):format(path, key) end
  return path .. "[?]"
end

local roots = {}

-- All entries of a table; under --state in an order that is the same in every run, as far as
-- keys can be ordered.
local function entries(t)
  if not (state or lasting) then return next, t end
  local list, rest = {}, {}
  for k in next, t do
    local kind = type(k)
    local ordered = kind == "string" or kind == "number" or kind == "boolean"
    if ordered then
      list[#list + 1] = k
    elseif not state then
      rest[#rest + 1] = k
    end
  end
  table.sort(list, function(a, b)
    if type(a) == type(b) and type(a) ~= "boolean" then return a < b end
    return tostring(a) < tostring(b)
  end)
  for _, k in ipairs(rest) do list[#list + 1] = k end
  local i = 0
  return function()
    i = i + 1
    local k = list[i]
    if k ~= nil then return k, rawget(t, k) end
  end
end

--- Where else than from the globals to look for functions and classes.
-- @tparam table list of functions and tables
function M.set_roots(list)
  roots = list
end

local function walk(further)
  local seen, queue, paths, n = new(0, 2 * MANY), new(2 * MANY, 0), new(2 * MANY, 0), 0
  local function push(value, path)
    local t = type(value)
    if (t == "table" or t == "function") and not seen[value] then
      seen[value] = true
      n = n + 1
      queue[n], paths[n] = value, path
    end
  end

  seen[_G] = true
  for k, v in entries(_G) do push(v, path_of("", k)) end -- the shortest names first
  for _, root in ipairs(roots) do push(root, "") end
  for name, module in entries(package.loaded) do
    if not tostring(name):find "^prunner%." then
      push(module, name)
    elseif type(module) == "table" then
      seen[module] = true
      for _, class in ipairs(module.classes or {}) do push(class, class.__name) end
    end
  end
  for name, fn in entries(taken[1]) do push(fn, name) end -- named or posted, and perhaps nowhere else
  push(further, "")

  local i = 0
  while i < n do
    i = i + 1
    local value, path = queue[i], paths[i]
    queue[i], paths[i] = nil, nil
    if type(value) == "table" then
      local mt = debug.getmetatable(value)
      if mt then
        add_class(mt, path .. " metatable")
        push(mt, path)
      end
      if looks_like_class(value) then add_class(value, path) end
      for k, v in entries(value) do
        local tv = type(v)
        if tv == "table" or tv == "function" then push(v, path_of(path, k)) end
        local tk = type(k)
        if tk == "table" or tk == "function" then push(k, path_of(path)) end
      end
    else
      local named_so = path ~= "" and #path <= PATH_MAX
      M.add(value, named_so and path or where_of(value))
      for up = 1, own[value] and 0 or 255 do
        local name, v = debug.getupvalue(value, up)
        if not name then break end
        push(v, name)
      end
      push(debug.getfenv(value), "")
    end
  end
end

--- Makes everything known that can be reached from the globals, the loaded modules and
-- the roots. Breadth first, so that each function gets its shortest name; walked by hand
-- and not by recursion, since data may be nested deeply. Run once or twice in a process's
-- life: never compiled, which would cost more than it saves.
-- @param[opt] further one more root
function M.walk(further)
  local compiling = jit.status()
  if compiling then jit.off() end
  local ok, problem = pcall(walk, further)
  if compiling then jit.on() end
  if not ok then error(problem, 0) end
end

--- The number of a class, by its metatable.
function M.class_of(mt)
  return classes[mt]
end

--- What a function is called.
function M.name_of(number)
  return (core.function_name(number))
end

return M
