--- By place: where functions are defined, and the numbers that --state gives by that.
--
-- A job that is resumed has tasks of an earlier run, which name their functions by number. So under
-- --state the number belongs to the function's name and place, and is the same in every run.
setfenv(1, require "prunner.globals")

local util = require "jit.util"
local core = require("prunner.native").core

local M = {}

-- Where prunner's own functions are defined.
local OWN = debug.getinfo(1, "S").source:match "^(.*)registry/place%.lua$"

--- Is this source, as debug.getinfo() has it, one of prunner's own?
function M.is_own(source)
  return source:sub(1, #OWN) == OWN
end

--- "job.lua:12", or "C".
function M.where_of(fn)
  local info = debug.getinfo(fn, "S")
  if info.what == "C" then return "C" end
  return info.short_src .. ":" .. info.linedefined
end

--- Are numbers given by place?
function M.counts()
  return core.config "state" ~= nil
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
local function code_of(fn, where)
  if where == "C" then return "C" end
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

local met = {} -- [key] = how many were found with it

-- Two of the same name and place are told apart by the order in which they are found.
local function number_of(kind, what, key, code)
  met[key] = (met[key] or 0) + 1
  local number, problem = core.stable_number(kind, ("%s #%d"):format(key, met[key]), code)
  if not number then error(("--resume: %s %s"):format(what, problem), 0) end
  return number
end

--- The number of a function that is met for the first time.
-- @raise if the one that had this place when the job was started did something else
function M.function_number(fn, name)
  local where = M.where_of(fn)
  return number_of(core.NAMED.FUNCTION, "function " .. name, name .. " " .. where, code_of(fn, where))
end

--- The number of a class that is met for the first time, by its path alone.
function M.class_number(path)
  return number_of(core.NAMED.CLASS, "class " .. path, path, "class")
end

return M
