--- Functions and classes that every worker knows: those that exist before the fork.
--
-- A task names its function by number, an object its class. This module hands out the numbers;
-- what is found, and what it is called, say three others:
--
--     walk     by path: what can be reached from the globals, the modules and the script
--     names    by name: prunner.task, the first path, and others of the same name
--     place by place: under --state numbers belong to places in the sources
--
-- A function that nothing leads to is registered when begin() posts it, under its place; the walk at
-- the end of begin() may find a better name. After the fork nothing is added any more. What the command
-- line says of it is asked when it matters: modules may be loaded
-- before the job is configured.
setfenv(1, require "prunner.globals")

local new = require "table.new"
local core = require("prunner.native").core
local names = require "prunner.registry.names"
local place = require "prunner.registry.place"
local walking = require "prunner.registry.walk"

local looks_like_class, walk = walking.looks_like_class, walking.walk

local M = {
  ids = new(0, 800), -- number of each known function; names are keys as well
  class_ids = {},    -- number of each class, by name
  where_of = place.where_of,
  is_own = place.is_own,
  why_not_the_same = place.why_not_the_same,
}

local roots = {}
local classes = {} -- number of each class, by its metatable
local class_count = 0
local own = {}     -- [function] = true: prunner's
local late = {}    -- functions and classes that begin() made: a list; and [each] = true: has no path yet
local walked       -- was there a walk?

-- What the command line says of numbers and names.
local function rules()
  return { by_place = place.counts(), names_last = names.last() }
end

-- A function that is met for the first time gets its number, and perhaps another name.
local function register(fn, found_as, rule)
  local name = names.given(fn) or found_as
  local stable = rule.by_place and place.function_number(fn, name) or nil
  if rule.names_last then name = names.unique(names.functions, name, fn) end
  names.functions[name] = fn
  local number, source = core.know_function(fn, stable, name)
  own[fn] = place.is_own(source) or nil
  M.ids[fn] = number
  return number, name
end

-- A function that was known by its place is found by a path.
local function rename(fn, number, name, rule)
  late[fn] = nil
  if names.given(fn) then return names.given(fn) end
  if rule.names_last then name = names.unique(names.functions, name, fn) end
  core.know_function(fn, number, name)
  return name
end

local function add_function(fn, name, rule)
  local ids = M.ids
  local number = ids[fn]
  if not number then
    number, name = register(fn, name, rule)
  elseif late[fn] and name ~= place.where_of(fn) then
    name = rename(fn, number, name, rule)
  end
  if ids[name] == nil then
    ids[name] = number
    names.functions[name] = fn
  end
  return number
end

local function add_class(mt, path, rule)
  if classes[mt] then return end
  class_count = class_count + 1
  local number = rule.by_place and place.class_number(path) or class_count
  local name = rule.names_last and names.unique(names.classes, path, mt) or path
  names.classes[name] = mt
  classes[mt] = number
  if M.class_ids[name] == nil then M.class_ids[name] = number end
  core.know_class(mt, number, name)
end

--- Registers a function under a name. The first name counts.
-- @tparam function fn
-- @tparam string name as reports call it and post_task may name it
-- @treturn number its number
function M.add(fn, name)
  return (add_function(fn, name, rules()))
end

-- What begin() has made, and no walk has found yet: the last walk looks behind it.
local function add_late(object)
  late[#late + 1], late[object] = object, true
end

-- A function goes under its place until a walk finds a path to it.
local function add_late_function(fn, rule)
  if M.ids[fn] then return M.ids[fn] end
  add_late(fn)
  return (add_function(fn, place.where_of(fn), rule))
end

local function add_late_class(mt, rule)
  if classes[mt] then return end
  add_late(mt)
  local name = rawget(mt, "__name")
  add_class(mt, type(name) == "string" and name or "a class", rule)
end

-- The function that a name such as "a.b" leads to from the globals or the modules, or nil.
local function function_at(path)
  for _, from in ipairs { _G, package.loaded } do
    local value = from
    for key in string.gmatch(path, "[^.]+") do
      value = type(value) == "table" and rawget(value, key) or nil
    end
    if type(value) == "function" then return value end
  end
end

local function global_of(fn)
  for name, value in next, _G do
    if value == fn and type(name) == "string" then return name end
  end
end

--- The number of a function, or of a name, that begin() posts and that has none yet. However many
-- functions begin() makes, everything is walked once for them.
-- @treturn ?number nil: there is no such function; or, under --state, it has no name
function M.number_in_begin(fn)
  local rule = rules()
  if not walked then
    M.walk()
    if M.ids[fn] then return M.ids[fn] end
  end
  local named = type(fn) == "string" and function_at(fn)
  if named then return (add_function(named, fn, rule)) end
  if type(fn) == "function" then
    if not rule.by_place then return add_late_function(fn, rule) end
    local global = global_of(fn)
    if global then return (add_function(fn, global, rule)) end
  end
  M.walk()
  return M.ids[fn]
end

--- Makes the functions and classes known that are inside of these values and that begin() has made.
-- Looks at what is sent, and at nothing behind it.
function M.add_inside(...)
  local rule, seen, queue, n = rules(), {}, {}, 0
  local function push(value)
    if type(value) == "function" then
      add_late_function(value, rule)
    elseif type(value) == "table" and not seen[value] then
      seen[value] = true
      n = n + 1
      queue[n] = value
    end
  end
  local function look_into(t)
    local mt = debug.getmetatable(t)
    if mt then add_late_class(mt, rule) end
    if looks_like_class(t) then return add_late_class(t, rule) end
    for k, v in next, t do
      push(k)
      push(v)
    end
  end
  for i = 1, select("#", ...) do push((select(i, ...))) end
  while n > 0 do
    local t = queue[n]
    n = n - 1
    look_into(t)
  end
end

-- While begin() runs: before anything that is not known is refused.
core.when_unknown(function(...)
  if not walked then M.walk() end
  M.add_inside(...)
end)

--- Names a function for good (prunner.task).
function M.name(fn, name, options)
  local other, rule = names.give(name, fn), rules()
  if other and rule.names_last then
    local another = names.unique(names.functions, name, other)
    names.functions[another] = other
    core.know_function(other, M.ids[other], another)
  end
  local number = M.ids[fn]
  if number then
    core.know_function(fn, number, name)
  else
    number = add_function(fn, name, rule)
  end
  M.ids[name] = number
  local shown = M.name_of(number) -- without control characters: so failure records have it
  if M.ids[shown] == nil then M.ids[shown] = number end
  if options then core.function_options(number, options) end
  return number
end

--- Where else than from the globals to look for functions and classes.
-- @tparam table list of functions and tables
function M.set_roots(list)
  roots = list
end

local function order_of_walk(rule)
  if rule.by_place then return "strict" end
  return rule.names_last and "most" or nil
end

--- Makes everything known that can be reached from the globals, the loaded modules and the roots.
-- Run once or twice in a process's life: never compiled, which would cost more than it saves.
-- @param[opt] further one more root
function M.walk(further)
  local rule = rules()
  local visit = {
    class = function(mt, path) add_class(mt, path, rule) end,
    fn = function(fn, path)
      add_function(fn, path or place.where_of(fn), rule)
      return not own[fn]
    end,
  }
  walked = true
  local from = { roots = roots, named = names.functions, late = late, further = further }
  local compiling = jit.status()
  if compiling then jit.off() end
  local ok, problem = pcall(walk, from, order_of_walk(rule), visit)
  if compiling then jit.on() end
  if not ok and not place.why_not_the_same() then error(problem, 0) end
end

--- The number of a class, by its metatable.
function M.class_of(mt)
  return classes[mt]
end

--- Makes a value known that is sent as itself: it arrives as the receiver's own.
-- @return the other value that has the name
function M.constant(value, name)
  local other = names.classes[name]
  if other ~= nil and other ~= value then return other end
  add_class(value, name, rules())
end

--- What a function is called.
function M.name_of(number)
  return (core.function_name(number))
end

return M
