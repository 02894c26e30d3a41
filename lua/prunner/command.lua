--- What the command does with a script: load it, run it, and run the job of its hooks unless it ran
-- one itself.
--
--     check ─────► resume ─────► load ─────► call ─────► start
--     can there    --resume      compile     the main    the job of
--     be a job?    the state     the file    function    the hooks
--
-- Each returns the exit status with which the command ends there, or nothing: the next one follows.
setfenv(1, require "prunner.globals")

-- Nothing is compiled that runs once, while modules are loaded.
local compiling = jit.status()
if compiling then jit.off() end

local core = require("prunner.native").core
local exit = require "prunner.exit"
local job = require "prunner.job"
local options = require "prunner.options"

local EXIT = core.EXIT
local HOOKS = { "begin", "end_", "worker_begin", "worker_end", "on_error" }

local M = {}

-- --report: can it be written? Before anything runs.
local function check_report()
  local path = core.config "report"
  if not path then return end
  local ok, problem = require("prunner.report").check(path)
  if ok then return end
  core.error(string.format("--report: %s", problem))
  return EXIT.USAGE
end

local function check()
  if not core.config "finished" then return check_report() end
  core.warn(string.format("%s: the job was finished already: nothing is left to do", core.config "state"))
  return EXIT.DONE
end

local function resume()
  if not core.config "resuming" then return end
  local ok, problem = core.resume()
  if ok then return end
  core.error(string.format("--resume: %s", problem))
  return EXIT.FATAL
end

-- Modules next to the script are found.
local function extend_path(path)
  local dir = path ~= "-" and string.match(path, "^(.*)/[^/]*$") or "."
  package.path = string.format("%s/?.lua;%s/?/init.lua;%s", dir, dir, package.path)
  package.cpath = string.format("%s/?.so;%s", dir, package.cpath)
end

local function load(script)
  local problem
  if core.config "concurrency" > 1 then
    require("prunner.coroutines").install(_G.coroutine)
    require("prunner.socket").install()
  end
  job.main, problem = loadfile(script.path ~= "-" and script.path or nil)
  if not job.main then
    core.error(job.explained(problem))
    return EXIT.USAGE
  end
  require "prunner" -- all of it, before the workers start, wherever the script requires it
  if compiling then jit.on() end
end

-- The script raised an error. What was decided before counts, if it is a failure too.
local function status_of_error()
  if not exit.status then options.undeclared() end -- and what may have been the reason
  if not exit.status or exit.status == EXIT.DONE then return EXIT.USAGE end
  return exit.status
end

local function call(script)
  local what = script.path == "-" and "the script" or script.path
  local ok, result = job.call(what, job.main, unpack(options.words_given()))
  if not ok and result ~= exit.over then return status_of_error() end
  if exit.status or job.started() then return exit.status or EXIT.DONE end
  script.result = result
  return options.undeclared()
end

-- The hooks of the script: fields of the table that it returned, or globals. nil: message printed.
local function hooks_of(result)
  local from = type(result) == "table" and result or _G
  local hooks = { roots = { result } }
  for _, name in ipairs(HOOKS) do
    local hook = rawget(from, name)
    if name == "end_" and hook == nil then hook = rawget(from, "end") end
    if hook ~= nil and type(hook) ~= "function" then
      core.error(string.format("%s must be a function, it is a %s", name, type(hook)))
      return nil
    end
    hooks[name] = hook
  end
  return hooks
end

local function start(script)
  local hooks = hooks_of(script.result)
  if not hooks then return EXIT.USAGE end
  if not hooks.begin and not core.config "retry_failed" then
    core.warn(string.format("%s defines no begin(): there is nothing to do (is it misspelt, or local?)",
      script.path))
  end
  local ok, problem = job.call("the job", job.start, hooks)
  if not ok and problem ~= exit.over then return EXIT.FATAL end
  return exit.status
end

local STAGES = { check, resume, load, call, start }

--- Runs a script.
-- @tparam string path "-" for standard input
-- @treturn number exit status
function M.run(path)
  extend_path(path)
  local script = { path = path }
  for _, stage in ipairs(STAGES) do
    local status = stage(script)
    if status then return status end
  end
end

return M
