--- The life of a job. There is one a process.
--
--      load            begin            run             end
--     the script      begin(), or      the workers     what is said and written,
--     or the command  --retry-failed   do the tasks    end_(), --state
--     calls start()
--         │               │               │               │
--         ├──────────────►├──────────────►├──────────────►├──────► start() returns
--         │               │                               │        the summary
--         │ options not   │ it failed                     │ interrupted, broken; or end_()
--         │ understood    │                               │ failed, under luajit
--         └───────────────┴───────────────┬───────────────┘
--                                         ▼
--                                 exit.now(status)
--
-- A stage is a function of the job that returns the exit status to leave with, or nothing: the next
-- one follows. What a job that was run ends with, exit_status() alone decides, from its result.
setfenv(1, require "prunner.globals")

local arguments = require "prunner.arguments"
local core = require("prunner.native").core
local retry_failed = require "prunner.retry_failed"
local exit = require "prunner.exit"
local options = require "prunner.options"
local registry = require "prunner.registry"
local task = require "prunner.task"
require "prunner.task_loop" -- of the workers: later globals may have other meanings

local EXIT, WORKERS_MAX = core.EXIT, core.MAX.WORKERS
local SIGPIPE = 13

local M = {
  main = nil, -- the script's main function, if the command runs it
}

local configured = {} -- the hooks that prunner.init() was given
local job             -- { hooks =, result =, end_failed = }; nil: none was started

--- What prunner.init() was given; the command line wins.
function M.configure(n, debug)
  if n ~= nil and (type(n) ~= "number" or n % 1 ~= 0 or n < 1 or n > WORKERS_MAX) then
    error(string.format("init: the number of workers must be a whole number from 1 to %d, got %s",
      WORKERS_MAX, tostring(n)), 3)
  end
  core.configure { n = n, debug = debug and true or false }
end

--- Remembers the hooks for start().
function M.init(n, debug, begin, end_, ...)
  arguments.no_more("init", 4, ...)
  M.configure(n, debug)
  for name, hook in pairs { begin = begin, end_ = end_ } do
    if type(hook) ~= "function" then
      error(string.format("init: %s must be a function, got %s", name, type(hook)), 2)
    end
  end
  configured.begin, configured.end_ = begin, end_
end

---------------------------------------------------------------------------------------------------
-- Calling what the script has given
---------------------------------------------------------------------------------------------------

-- What Lua says of some first mistakes (patterns), and what to say with it.
local MISTAKES = {
  ["global%s'prunner'%s%(a%snil"] = ': local prunner = require "prunner" is missing above',
  ["'<name>'%sexpected%snear%s'end'"] = ": end is a word of Lua, the hook is called end_",
}

--- An error of Lua's, with what helps.
function M.explained(text)
  for pattern, more in pairs(MISTAKES) do
    if string.find(text, pattern) then return text .. more end
  end
  return text
end

--- Calls a function of the script in the supervisor, and reports its error. (Tracebacks are cut at
-- the xpcall in this file.)
-- @tparam string what it is called in the report
-- @treturn[1] boolean true
-- @return[1] its first two results
-- @treturn[2] boolean false
-- @return[2] the error, which was reported, or `exit.over`
function M.call(what, fn, ...)
  local ok, result, second = xpcall(fn, core.traceback, ...)
  if not ok and result ~= exit.over then
    local text, traceback = core.text(result)
    core.error(string.format("%s failed: %s%s", what, M.explained(text),
      traceback and "\n" .. traceback or ""))
  end
  return ok, result, second
end

-- Calls begin() or end_() as M.call() does, within --deadline.
local function call_limited(what, start_limit, fn)
  start_limit()
  local ok = M.call(what, fn)
  core.limit_over()
  return ok
end

---------------------------------------------------------------------------------------------------
-- begin
---------------------------------------------------------------------------------------------------

-- Where functions and classes may be that tasks need: what the functions between here and the
-- script's main chunk hold, too.
local function roots_of(hooks)
  local roots = { hooks, M.main }
  for _, root in ipairs(hooks.roots or {}) do roots[#roots + 1] = root end
  for level = 2, 200 do
    local info = debug.getinfo(level, "fS")
    if not info then break end
    if not registry.is_own(info.source) then
      roots[#roots + 1] = info.func
      for i = 1, 250 do
        local name, v = debug.getlocal(level, i)
        if not name then break end
        if type(v) == "function" or type(v) == "table" then roots[#roots + 1] = v end
      end
    end
  end
  return roots
end

-- --retry-failed: posts the tasks of a file instead of begin().
local function post_failed()
  registry.walk()
  local ok, posted, problem = M.call("--retry-failed", retry_failed.post, core.config "retry_failed",
    core.config "script")
  if ok and not posted then core.error(string.format("--retry-failed: %s", problem)) end
  return ok and posted
end

local function post_first_tasks(hooks)
  core.begin_open()
  local began
  if core.config "retry_failed" then
    began = post_failed()
  else
    began = not hooks.begin or call_limited("begin()", core.limit_begin, hooks.begin)
  end
  local closed, problem = core.begin_close(began)
  if not closed then
    core.error(string.format("begin() failed: what it wrote under a lock that it did not release is lost: %s",
      problem))
  end
  return began and closed
end

-- What was locked and not released is, and is published unless its author has failed: no worker
-- could ever get such a lock.
local function release_locks(who, ok)
  local released, problem = core.release_locks(who, ok)
  if not released then
    core.error(string.format("what %s wrote under a lock that it did not release is lost: %s", who, problem))
  end
  return ok and released
end

local function begin()
  if not release_locks("loading the script", true) then return EXIT.USAGE end
  if core.config "debug" then task.remember_lines() end
  registry.set_roots(roots_of(job.hooks))
  if core.config "state" then
    registry.walk() -- in the same order whatever begin() posts, and whether it is run
    local problem = core.config "begun" and registry.why_not_the_same(true)
    if problem then
      core.error(string.format(
        "--resume: %s: resume it with the modules as they were, or remove it and start over",
        problem))
      return EXIT.USAGE
    end
  end
  if not core.config "begun" and not post_first_tasks(job.hooks) then return EXIT.USAGE end
  registry.walk()
end

---------------------------------------------------------------------------------------------------
-- run
---------------------------------------------------------------------------------------------------

local function run()
  job.result = core.run(job.hooks) -- forks; the workers never come back from here
end

---------------------------------------------------------------------------------------------------
-- end
---------------------------------------------------------------------------------------------------

-- Was it cut short?
local function broken_off(result)
  return result.signal or result.reader_gone or result.fatal
end

local function exit_status()
  local result = job.result
  if result.reader_gone then return 128 + SIGPIPE end
  if result.signal then return 128 + result.signal end
  if result.fatal then return EXIT.FATAL end
  local failed = result.failed > 0 or result.quarantined > 0 or result.deadline_passed
  if result.succeeded then failed = false end -- --halt: more was not asked for
  failed = failed or job.end_failed
  return failed and EXIT.FAILED or EXIT.DONE
end

local function count(n, one, many)
  return string.format("%d %s", n, n == 1 and one or many)
end

local function say_how_it_ended(result)
  local parts = {}
  if result.failed > 0 then parts[#parts + 1] = count(result.failed, "task failed", "tasks failed") end
  if result.quarantined > 0 then
    parts[#parts + 1] = count(result.quarantined, "task was quarantined", "tasks were quarantined")
  end
  if result.pending > 0 and not result.reader_gone then
    parts[#parts + 1] = count(result.pending, "task is left", "tasks are left")
  end
  if #parts > 0 then
    core.error(string.format("%s, of %s", table.concat(parts, ", "), count(result.posted, "task", "tasks")))
  end
end

-- --report: what goes wrong is said, and does not change how the job ended.
local function write_report(result, status)
  local path = core.config "report"
  if not path then return end
  local ok, written, problem = pcall(require("prunner.report").write, path, result, status)
  if not ok then written, problem = nil, written end
  if not written then core.error(string.format("--report: %s", problem)) end
end

-- As a shell reads it.
local function quote(word)
  if string.find(word, "^[%w_./=:,@+-]+$") then return word end
  return "'" .. string.gsub(word, "'", "'\\''") .. "'"
end

-- --state: the job can continue another time, or is done.
local function end_state(result)
  if result.pending == 0 and not result.signal and not result.fatal then
    core.finish()
  else
    local words = { core.config "state", core.config "script", unpack(options.words()) }
    for i, word in ipairs(words) do words[i] = quote(word) end
    local ok, problem = core.stop_state()
    if not ok then
      core.warn(string.format("%s: %s: after a reboot the job cannot continue", core.config "state", problem))
    end
    core.error("to continue it: prunner --resume " .. table.concat(words, " "))
  end
end

local function finish()
  local result, end_ = job.result, job.hooks.end_
  say_how_it_ended(result)
  write_report(result, exit_status())
  local wanted = end_ and not broken_off(result) and not (result.halted and core.config "halt_now")
  job.end_failed = wanted
    and not release_locks("end_()", call_limited("end_()", core.limit_end_hook, end_))
  result.status = exit_status()
  exit.status = result.status
  if core.config "state" then end_state(result) end
  if broken_off(result) or job.end_failed and not core.config "command" then return result.status end
end

---------------------------------------------------------------------------------------------------
-- All of it
---------------------------------------------------------------------------------------------------

local STAGES = { begin, run, finish }

--- Runs a job with these hooks and returns its summary.
-- @raise if one was started already
function M.start(hooks)
  if job then error("start: the job was run already; there is one a process", 3) end
  local status = exit.status or options.undeclared()
  if status then exit.now(status) end
  job = { hooks = hooks or configured }
  for _, stage in ipairs(STAGES) do
    status = stage()
    if status then exit.now(status) end
  end
  return job.result
end

--- Was a job started in this process?
function M.started()
  return job ~= nil
end

return M
