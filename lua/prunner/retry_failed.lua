--- Failure records: posts again the tasks that an earlier run wrote down with --failures.
--
--     prunner --failures failed.jsonl job.lua
--     prunner --retry-failed failed.jsonl job.lua
--
-- The file is read by people too, and may have been edited: nothing in it is believed before
-- it was looked at, all lines are checked before the first task is posted, and nothing of it
-- is ever executed.
setfenv(1, require "prunner.globals")

local accumulators = require "prunner.accumulators"
local core = require("prunner.native").core
local dict = require "prunner.dict"
local foreign = require "prunner.foreign"
local registry = require "prunner.registry"
local lock = require "prunner.lock"
local manager = require "prunner.manager"
local open = io.open

local M = {}

local function base_name(path)
  return string.match(path, "[^/]*$")
end

-- Classes whose objects mean something in their own job only.
local function belongs_to_job(number)
  for _, classes in ipairs { dict.classes, lock.classes, accumulators.classes, manager.numbered } do
    for _, class in ipairs(classes) do
      if registry.class_of(class) == number then return true end
    end
  end
  return false
end

-- {["12"] = "fetch"} of the record -> {[12] = the number that "fetch" has here}
local function numbers_of(names, numbers, what)
  local map = {}
  if type(names) ~= "table" then return nil, "is damaged: it has no list of its " .. what .. "s" end
  for old, name in pairs(names) do
    local number = type(name) == "string" and numbers[name]
    if not tonumber(old) or type(name) ~= "string" then
      return nil, string.format("is damaged: a %s without a number or name", what)
    elseif not number then
      return nil, string.format("needs the %s %q, which the script does not have (any more)", what, name)
    elseif what == "class" and belongs_to_job(number) then
      return nil, string.format(
        "holds an object of its own job (%s): a dict, lock, counter or queue. Post it "
        .. "from begin()", name)
    end
    map[tonumber(old)] = number
  end
  return map
end

-- The arguments of a record with the numbers of this run, or nil and what is wrong.
local function arguments_of(record)
  local refs = type(record.refs) == "table" and record.refs or {}
  local bytes = type(record.data) == "string" and core.unbase64(record.data)
  if not bytes then return nil, "is damaged: its data is not base64" end
  local functions, problem = numbers_of(refs.functions, registry.ids, "function")
  if not functions then return nil, problem end
  local classes
  classes, problem = numbers_of(refs.classes, registry.class_ids, "class")
  if not classes then return nil, problem end
  bytes = core.renumber(bytes, functions, classes)
  if not bytes then return nil, "is damaged: its data does not fit its list of functions and classes" end
  local ok, damage = pcall(core.decode, bytes)
  if not ok then return nil, string.format("is damaged: %s", damage) end
  return bytes
end

local function task_of(record)
  local name = record.task
  if type(name) ~= "string" then return nil, "is damaged: it names no task" end
  local number = registry.ids[name]
  if not number then
    return nil, string.format("is of the task %q, which the script does not have (any more)", name)
  end
  local bytes, problem = arguments_of(record)
  if not bytes then return nil, problem end
  return { number = number, bytes = bytes }
end

-- The tasks of all lines that belong to the script, or nil and what is wrong.
local function read(file, script, decode)
  local tasks, others, n = {}, 0, 0
  for line in file:lines() do
    n = n + 1
    local ok, record = pcall(decode, line)
    if string.find(line, "%S") then
      if not ok or type(record) ~= "table" or type(record.script) ~= "string" then
        return nil, string.format("line %d is damaged: not a failure record", n)
      elseif base_name(record.script) == base_name(script) then
        local task, problem = task_of(record)
        if not task then return nil, string.format("line %d %s", n, problem) end
        tasks[#tasks + 1] = task
      else
        others = others + 1
      end
    end
  end
  return tasks, others
end

--- Posts the tasks of a file that belong to the script. Instead of begin(), when all
-- functions are known.
-- @tparam string path
-- @tparam string script by its name; where it lies does not matter
-- @treturn[1] boolean true
-- @treturn[2] nil
-- @treturn[2] string what is wrong, and in which line; nothing was posted
function M.post(path, script)
  local cjson, absent = foreign.load("cjson", "new", "to read the file (Debian: apt-get install lua-cjson)")
  if not cjson then return nil, absent end
  local file, problem = open(path, "rb")
  if not file then return nil, problem end
  local readable
  readable, problem = file:read(0) -- nil without a problem: it is empty
  if not readable and problem then return nil, string.format("%s: %s", path, problem) end
  local tasks, others = read(file, script, cjson.new().decode)
  file:close()
  if not tasks then return nil, string.format("%s: %s", path, others) end
  if others > 0 then
    core.warn(string.format("%s: lines of other scripts, left alone: %d", path, others))
  end
  if #tasks == 0 then core.warn(string.format("%s has no task of %s", path, script)) end
  for _, task in ipairs(tasks) do
    local err = core.post_bytes(task.number, task.bytes)
    if err ~= 0 then return nil, core.error_text(err) end
  end
  return true
end

return M
