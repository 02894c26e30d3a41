--- By place: where functions are defined, and the numbers that --state gives by that.
--
-- A job that is resumed has tasks of an earlier run, which name their functions by number. So under
-- --state the number belongs to the function's name and place, and is the same in every run.
setfenv(1, require "prunner.globals")

local util = require "jit.util"
local core = require("prunner.native").core

local M = {}

-- Where prunner's own functions are defined.
local OWN = string.match(debug.getinfo(1, "S").source, "^(.*)registry/place%.lua$")

--- Is this source, as debug.getinfo() has it, one of prunner's own?
function M.is_own(source)
  return string.sub(source, 1, #OWN) == OWN
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
    local b = string.byte(code, i) + 1
    counts[b] = counts[b] + 1
  end
  return table.concat(counts, " ")
end

local met = {}     -- [key] = how many were found with it
local files = {}   -- [index] = true: a file that was met
local sources = {} -- [source] = its key
local changed      -- the first that is not what it was when the job was started

-- Ends the walk: nothing more of another program gets a number.
local function note_change(what)
  changed = what .. " has changed since the job was started"
  error(changed, 0)
end

-- Two of the same name and place are told apart by the order in which they are found.
local function number_of(kind, what, key, code)
  met[key] = (met[key] or 0) + 1
  local number, same = core.stable_number(kind, string.format("%s #%d", key, met[key]), code)
  if not number then error(string.format("--state: %s: %s", what, same), 0) end
  if not same then note_change(what) end
  return number
end

-- A file's path as it is seen from the script's directory, wherever the command is started.
local function from_script(path)
  local dir = string.match(core.config "script", "^(.*/)[^/]*$") or "./"
  if string.sub(path, 1, #dir) == dir then return string.sub(path, #dir + 1) end
  return (string.gsub(path, "^%./", ""))
end

-- The script may have gone to another directory.
local function from_start(path)
  return string.sub(path, 1, 1) == "/" and path or core.config "start_dir" .. "/" .. path
end

-- What stands for the source of a function, as debug.getinfo() has it. A file is read when it is met
-- for the first time: all of it has to be as it was, else functions are not where they were.
local function key_of(info)
  local source = info.source
  local key = sources[source]
  if key then return key end
  local path = string.match(source, "^@(.*)")
  key = path and from_script(path) or info.short_src
  sources[source] = key
  if path and not M.is_own(source) then
    local index, same = core.same_file(key, from_start(path))
    if not index then error(string.format("--state: %s: %s", key, same), 0) end
    files[index] = true
    if not same then note_change(key) end
  end
  return key
end

--- The number of a function that is met for the first time.
function M.function_number(fn, name)
  local info = debug.getinfo(fn, "S")
  local where = info.what == "C" and "C" or string.format("%s:%d", key_of(info), info.linedefined)
  return number_of(core.NAMED.FUNCTION, "function " .. name, name .. " " .. where, code_of(fn, where))
end

--- Why a job cannot continue with what was loaded this time, or nil.
-- @tparam boolean all was everything met?
function M.why_not_the_same(all)
  if changed or not all then return changed end
  local file = core.file_left(files)
  if file then return string.format("%s is not loaded, as it was when the job was started", file) end
  local unknown = core.unknown_tasks()
  if unknown == 0 then return nil end
  return string.format("%d of its tasks call functions that are not defined now", unknown)
end

--- The number of a class that is met for the first time, by its path alone.
function M.class_number(path)
  return number_of(core.NAMED.CLASS, "class " .. path, path, "class")
end

return M
