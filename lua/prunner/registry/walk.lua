--- By path: finds all functions and classes that can be reached from the globals, the loaded modules
-- and the script's own functions: their upvalues, fields, methods, metatables.
--
-- Breadth first, so that each is met by its shortest path; by hand and not by recursion, since
-- data may be nested deeply.
setfenv(1, require "prunner.globals")

-- Not compiled, like all that a walk calls (registry/init.lua); here, whoever calls it. Its loop was
-- miscompiled in one of a hundred runs of its spec: SIGSEGV in LuaJIT's machine code, by an address
-- on the stack of which the upper half was lost (2.1.0-beta3 of Debian 12).
jit.off(true, true)

local clear = require "table.clear"
local new = require "table.new"

local M = {}

-- About how many values come with Lua: tables that are made for them need not grow.
local MANY = 480

-- Of the last walk, for the next one, which would touch as much memory again.
local seen, queue, paths = new(0, MANY), new(MANY, 0), new(MANY, 0)

-- Longer paths name nothing that people would look for.
local PATH_MAX = 100

local function path_of(path, key)
  if #path > PATH_MAX then return path end
  if type(key) == "string" and string.find(key, "^[%a_\128-\255][%w_\128-\255]*$") -- LuaJIT's names
      and not string.find(key, "\194[\128-\159]") then -- but no control characters
    return path == "" and key or path .. "." .. key
  end
  if type(key) == "number" then return string.format("%s[%s]", path, key) end
  return path .. "[?]"
end

--- Could other tables have this one as their metatable?
local function looks_like_class(t)
  return rawget(t, "__index") ~= nil or rawget(t, "__newindex") ~= nil
    or rawget(t, "__call") ~= nil or rawget(t, "__tostring") ~= nil or rawget(t, "__eq") ~= nil
    or rawget(t, "__name") ~= nil or rawget(t, "__add") ~= nil or rawget(t, "__lt") ~= nil
    or rawget(t, "__concat") ~= nil or rawget(t, "__gc") ~= nil or rawget(t, "__mode") ~= nil
end

M.looks_like_class = looks_like_class

local function in_order(a, b)
  if type(a) == type(b) and type(a) ~= "boolean" then return a < b end
  return tostring(a) < tostring(b)
end

-- The entries of a table in an order that is the same in every run, as far as keys have one; those
-- whose keys have none come last, or not at all.
local function ordered_entries(t, only_ordered)
  local list, rest = {}, {}
  for k in next, t do
    local kind = type(k)
    if kind == "string" or kind == "number" or kind == "boolean" then
      list[#list + 1] = k
    elseif not only_ordered then
      rest[#rest + 1] = k
    end
  end
  table.sort(list, in_order)
  for _, k in ipairs(rest) do list[#list + 1] = k end
  local i = 0
  return function()
    i = i + 1
    local k = list[i]
    if k ~= nil then return k, rawget(t, k) end
  end
end

local function all_entries(t) return next, t end

-- Returns how many values it has met.
-- @tparam table from `roots`: list of functions and tables; `named`: {[name] = function};
--   `late`: a list of functions and tables; what is found nowhere else is found there, without a path;
--   `further`: one more root, the last
-- @tparam string|nil order of the entries of tables. nil: any; "most": the same in every run, as far
--   as it can be; "strict": the same in every run, without those that have none
-- @tparam table visit what is called for each that is found: `class(metatable, path)`;
--   `fn(function, path)`, whose path is nil where it names nothing, and which says whether what is
--   behind the function is to be found, too
local function walk(from, order, visit)
  local entries = order and function(t) return ordered_entries(t, order == "strict") end or all_entries
  local n = 0
  local function push(value, path)
    local t = type(value)
    if (t == "table" or t == "function") and not seen[value] then
      seen[value] = true
      n = n + 1
      queue[n], paths[n] = value, path
    end
  end

  local function push_globals()
    seen[_G] = true
    for k, v in entries(_G) do push(v, path_of("", k)) end -- the shortest names first
  end

  -- Of prunner's modules only what they give away is known: `prunner` itself, and the classes of
  -- each. What is behind those is nobody's argument, and as much as everything that comes with Lua.
  local function push_modules()
    for name, module in entries(package.loaded) do
      if not string.find(tostring(name), "^prunner%.") then
        push(module, name)
      elseif type(module) == "table" then
        seen[module] = true
        for _, class in ipairs(rawget(module, "classes") or {}) do push(class, class.__name) end
      end
    end
  end

  local function look_into_table(t, path)
    local mt = debug.getmetatable(t)
    if mt then
      visit.class(mt, path .. " metatable")
      push(mt, path)
    end
    if looks_like_class(t) then visit.class(t, path) end
    for k, v in entries(t) do
      local tv = type(v)
      if tv == "table" or tv == "function" then push(v, path_of(path, k)) end
      local tk = type(k)
      if tk == "table" or tk == "function" then push(k, path_of(path)) end
    end
  end

  local function look_into_function(fn, path)
    local further = visit.fn(fn, path ~= "" and #path <= PATH_MAX and path or nil)
    for up = 1, further and 255 or 0 do
      local name, v = debug.getupvalue(fn, up)
      if not name then break end
      push(v, name)
    end
    if further then push(debug.getfenv(fn), "") end
  end

  push_globals()
  for _, root in ipairs(from.roots) do push(root, "") end
  push_modules()
  for name, fn in entries(from.named) do -- and perhaps found nowhere else
    if not from.late[fn] then push(fn, name) end
  end
  push(from.further, "")

  local i = 0
  local function look_into_all()
    while i < n do
      i = i + 1
      local value, path = queue[i], paths[i]
      queue[i], paths[i] = nil, nil
      if type(value) == "table" then
        look_into_table(value, path)
      else
        look_into_function(value, path)
      end
    end
  end
  look_into_all()
  for _, object in ipairs(from.late) do push(object, "") end
  look_into_all()
  return n
end

--- Walks.
function M.walk(from, order, visit)
  local ok, n = pcall(walk, from, order, visit)
  if ok and n <= 2 * MANY then
    clear(seen)
  else
    seen, queue, paths = {}, {}, {} -- workers would keep them
  end
  if not ok then error(n, 0) end
end

return M
