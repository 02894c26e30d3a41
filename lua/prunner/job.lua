--- The life of a job: load, begin, fork and run, end.
local core = require("prunner.native").core
local registry = require "prunner.registry"
local exit = require "prunner.exit"
local dead_letters = require "prunner.dead_letters"
local options = require "prunner.options"
local task = require "prunner.task"

local M = {}

local HOOKS = { "begin", "end_", "worker_begin", "worker_end", "on_error" }

-- --help of a script that declares no options: the command prints its own.
local NO_OPTIONS = -1

local over = exit.over

local started = false
local status = 0 -- the exit status that the job asks for
local chunk      -- the script's main function
local configured = {}

--- What prunner.init() was given; the command line wins.
function M.configure(n, debug)
  if n ~= nil and (type(n) ~= "number" or n % 1 ~= 0 or n < 1 or n > 4000) then
    error(("init: the number of workers must be a whole number from 1 to 4000, got %s")
      :format(tostring(n)), 3)
  end
  core.configure { n = n, debug = debug and true or false }
end

--- Remembers the hooks for start().
function M.init(n, debug, begin, end_)
  M.configure(n, debug)
  for name, hook in pairs { begin = begin, end_ = end_ } do
    if type(hook) ~= "function" then
      error(("init: %s must be a function, got %s"):format(name, type(hook)), 2)
    end
  end
  configured.begin, configured.end_ = begin, end_
end

-- What Lua says of some first mistakes (patterns), and what to say beside it.
local MISTAKES = {
  ["global%s'prunner'%s%(a%snil"] = ': local prunner = require "prunner" is missing above',
  ["'<name>'%sexpected%snear%s'end'"] = ": end is a word of Lua, the hook is called end_",
}

local function explained(text)
  for pattern, more in pairs(MISTAKES) do
    if text:find(pattern) then return text .. more end
  end
  return text
end

local function report(what, err)
  local text, traceback = core.text(err)
  core.error(("%s failed: %s%s"):format(what, explained(text), traceback and "\n" .. traceback or ""))
end

-- Runs a hook of the supervisor. true and its result, or false after its report.
local function call(what, hook, ...)
  local ok, result = xpcall(hook, core.traceback, ...)
  if not ok and result ~= over then report(what, result) end
  return ok, result
end

local function count(n, one, many)
  return ("%d %s"):format(n, n == 1 and one or many)
end

local function say_how_it_ended(s)
  local parts = {}
  if s.failed > 0 then parts[#parts + 1] = count(s.failed, "task failed", "tasks failed") end
  if s.dead > 0 then
    parts[#parts + 1] = count(s.dead, "task was set aside", "tasks were set aside")
  end
  if s.left > 0 and not s.reader_gone then
    parts[#parts + 1] = count(s.left, "task is left", "tasks are left")
  end
  if #parts > 0 then
    core.error(("%s, of %s"):format(table.concat(parts, ", "), count(s.tasks, "task", "tasks")))
  end
end

local function status_of(s)
  if s.reader_gone then return 128 + 13 end
  if s.signal then return 128 + s.signal end
  if s.fatal then return 3 end
  return (s.failed > 0 or s.dead > 0 or s.deadline_passed) and 1 or 0
end

-- Is end_ run? Not when the job was cut short.
local function ended_well(s)
  return not (s.signal or s.fatal or s.reader_gone or (s.halted and core.config "halt_now"))
end

-- As a shell reads it.
local function quote(word)
  if word:find "^[%w_./=:,@+-]+$" then return word end
  return "'" .. word:gsub("'", "'\\''") .. "'"
end

-- --state: the job can go on another time, or is done.
local function end_state(s)
  if s.left == 0 and not s.signal and not s.fatal then
    core.finish()
  else
    local words = { core.config "state", arg[0], unpack(options.words()) }
    for i, word in ipairs(words) do words[i] = quote(word) end
    core.error("go on with it by: prunner --resume " .. table.concat(words, " "))
  end
end

-- What the command line has that only a declaration of options could explain. An exit status, or nil.
local function undeclared()
  if options.declared then return nil end
  if core.config "help" then return NO_OPTIONS end
  local complaint = core.config "unknown"
  if not complaint then return nil end
  core.error(complaint)
  return 2
end

local function roots_of(hooks)
  local roots = { hooks, chunk }
  for _, root in ipairs(hooks.roots or {}) do roots[#roots + 1] = root end
  -- The functions between here and the script's main chunk may hold what tasks need.
  for level = 2, 200 do
    local info = debug.getinfo(level, "f")
    if not info then break end
    roots[#roots + 1] = info.func
    for i = 1, 250 do
      local name, v = debug.getlocal(level, i)
      if not name then break end
      if type(v) == "function" or type(v) == "table" then roots[#roots + 1] = v end
    end
  end
  return roots
end

-- --retry-dead: posts the tasks of a file in place of begin().
local function retry_dead()
  registry.walk()
  return call("--retry-dead", function()
    local posted, problem = dead_letters.post(core.config "retry_dead", core.config "script")
    if posted then return end
    core.error(("--retry-dead: %s"):format(problem))
    error(over, 0)
  end)
end

-- --report: can it be written? Before anything runs.
local function report_can_be_written()
  local path = core.config "report"
  local ok, problem = true, nil
  if path then ok, problem = require("prunner.report").check(path) end
  if not ok then core.error(("--report: %s"):format(problem)) end
  return ok
end

-- --report: what goes wrong is said, and does not change how the job ended.
local function write_report(s)
  local path = core.config "report"
  if not path then return end
  local fine, written, problem = pcall(require("prunner.report").write, path, s, status)
  if not fine then written, problem = nil, written end
  if not written then core.error(("--report: %s"):format(problem)) end
end

--- Runs a job with these hooks and returns its summary.
-- @raise if one was started already
function M.start(hooks)
  if started then error("start: the job was run already; there is one a process", 3) end
  local refused = exit.status or undeclared()
  if refused then exit.now(refused) end
  started = true
  hooks = hooks or configured
  if core.config "debug" then task.remember_lines() end

  registry.set_roots(roots_of(hooks))
  if core.config "state" then
    registry.walk() -- in the same order whatever begin() posts, and whether it is run
  end
  if not core.config "begun" then
    core.begin_open()
    local began
    if core.config "retry_dead" then
      began = retry_dead()
    else
      began = not hooks.begin or call("begin()", hooks.begin)
    end
    core.begin_close(began)
    if not began then
      status = 2
      exit.now(status)
    end
  end
  registry.walk()

  local s = core.run(hooks)
  status = status_of(s)
  say_how_it_ended(s)
  write_report(s)
  if ended_well(s) and hooks.end_ and not call("end_()", hooks.end_) then
    status = 1
    if not core.config "command" then exit.now(status) end
  end
  s.status = status
  if core.config "state" then end_state(s) end
  if s.signal or s.reader_gone or s.fatal then exit.now(status) end
  return s
end

local function script_directory(path)
  if path == "-" then return "." end
  return path:match "^(.*)/[^/]*$" or "."
end

-- Modules beside the script are found.
local function extend_path(path)
  local dir = script_directory(path)
  package.path = ("%s/?.lua;%s/?/init.lua;%s"):format(dir, dir, package.path)
  package.cpath = ("%s/?.so;%s"):format(dir, package.cpath)
end

local function hooks_of(result)
  local from = type(result) == "table" and result or _G
  local hooks = {}
  for _, name in ipairs(HOOKS) do
    local hook = rawget(from, name)
    if name == "end_" and hook == nil then hook = rawget(from, "end") end
    if hook ~= nil and type(hook) ~= "function" then
      core.error(("%s must be a function, it is a %s"):format(name, type(hook)))
      return nil
    end
    hooks[name] = hook
  end
  return hooks
end

--- Runs a script as the command does.
-- @tparam string path "-" for standard input
-- @treturn number exit status
function M.command(path)
  extend_path(path)
  if core.config "finished" then
    core.warn(("%s: the job was finished already: nothing is left to do"):format(
      core.config "state"))
    return 0
  end
  if not report_can_be_written() then return 2 end
  local problem
  if core.config "resuming" then
    local ok
    ok, problem = core.resume()
    if not ok then
      core.error(("--resume: %s"):format(problem))
      return 3
    end
  end
  chunk, problem = loadfile(path ~= "-" and path or nil)
  if not chunk then
    core.error(explained(problem))
    return 2
  end
  require "prunner" -- all of it, before the workers start, wherever the script requires it
  local ok, result = call(path == "-" and "the script" or path, chunk, unpack(arg))
  if started then return ok and status or status ~= 0 and status or 2 end
  if exit.status then return exit.status end
  local refused = undeclared()
  if not ok then return 2 end
  if refused then return refused end
  local hooks = hooks_of(result)
  if not hooks then return 2 end
  if not hooks.begin and not core.config "retry_dead" then
    core.warn(("%s defines no begin(): there is nothing to do (is it misspelt, or local?)")
      :format(path))
  end
  hooks.roots = { result }
  local function run() M.start(hooks) end
  local fine, err = xpcall(run, core.traceback)
  if not fine and err ~= over then
    report("the job", err)
    return 3
  end
  return status
end

return M
