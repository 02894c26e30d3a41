--- prunner: plain Lua functions on many processes.
--
--     local prunner = require "prunner"
--     function begin() for i = 1, 10 do prunner.post_task(work, i) end end
--     function work(i) print(i, prunner.worker_id()) end
--
-- Run it with `prunner job.lua -n 4`. docs/SCRIPTING.md is the guide.
--
-- @module prunner
setfenv(1, require "prunner.globals")

local native = require "prunner.native"
local accumulators = require "prunner.accumulators"
local dict = require "prunner.dict"
local job = require "prunner.job"
local lock = require "prunner.lock"
local manager = require "prunner.manager"
local options = require "prunner.options"
local runner = require "prunner.runner"
local task = require "prunner.task"

local C, core = native.C, native.core

local M = {
  _VERSION = core.version,
  post_task = task.post_task,
  post_many = task.post_many,
  post_once = task.post_once,
  task = task.task,
  constant = task.constant,
  commit = task.commit,
  cursor = task.cursor,
  range = task.range,
  counter = accumulators.counter,
  max = accumulators.max,
  min = accumulators.min,
  collector = accumulators.collector,
  ParallelTaskRunner = runner.ParallelTaskRunner,
  Task = runner.Task,
  init = job.init,
  options = options.options,
}

--- The version of prunner, such as `"0.1.0"`.
-- @field _VERSION

--- Shared state
-- @section state

--- The shared dict, a @{Dict}.
-- @field dict
M.dict = dict.open ""

--- The shared dict, as a function.
-- @treturn Dict the same as `prunner.dict`
function M.get_dict()
  return M.dict
end

local global = lock.open("global_lock", "global_lock")

--- Calls `fn(...)` while no other task is in a global_lock. What it writes into dicts is published as
-- a whole when it returns, and not at all if it raises.
-- @tparam function fn what needs the lock
-- @param ... its arguments
-- @return what `fn` returns
-- @raise what `fn` raises; or inside another global_lock of the same task
function M.global_lock(fn, ...)
  return global:with(fn, ...)
end

--- The lock of that name, the same in every worker.
-- @tparam string name at most 96 bytes
-- @treturn Lock
-- @raise if the name is no string or too long, or there are 16,384 names already
function M.lock(name)
  return (lock.open(name))
end

--- What hands out further shared objects by name.
-- @treturn Manager
function M.get_manager()
  return manager.get_manager()
end

--- Jobs under plain luajit
-- @section jobs

--- Says what job @{start} shall run.
-- @function init
-- @tparam[opt] integer n workers, 1 to 4000 (default: the CPUs that the process may use); -n on the
--   command line wins
-- @tparam[opt=false] boolean debug as --debug
-- @tparam[opt] function begin called once, before there are workers
-- @tparam[opt] function end_ called once, when every task is done
-- @raise if an argument has another type

--- Runs the job that @{init} described. Does not return after an interruption.
-- @treturn table its summary: `posted`, `finished` (in any way, failed ones included), `failed`, `retried`,
--   `duplicates`, `quarantined`, `pending`, `seconds`, `workers`, `cpu` (seconds),
--   `efficiency` (0 to 1), `halted`, `late` (--deadline ended it), and `status`, the exit status that
--   the command would have
-- @raise if a job was run in this process already
function M.start()
  return (job.start())
end

--- Where am I
-- @section where

--- The number of this worker. A replacement has the number of the dead.
-- @treturn integer 1 to @{nworkers}; 0 in the supervisor
function M.worker_id()
  return C.prn_worker_id()
end

--- How many workers the job has.
-- @treturn integer
function M.nworkers()
  return core.config "n"
end

--- The id of the running task.
-- @treturn number one that no other task of this job has; 0 outside tasks
function M.task_id()
  return C.prn_task_id()
end

--- Which run of this task this is.
-- @treturn integer 1 the first time, and after @{commit}; 0 outside tasks
function M.attempt()
  return C.prn_attempt()
end

--- How the job stands. Exact in `end_`.
-- @treturn table `posted`, `finished` (in any way, failed ones included), `failed`, `retried`, `quarantined`,
--   `duplicates`, `pending` (posted and not finished); and how the workers got along: `steals` of tasks,
--   `lost_claims` (another worker was faster), `wakes` of others, `parks` (times that a worker slept)
function M.stats()
  return core.stats()
end

--- Tells how many tasks the job will have in all, so that progress can say how long it takes.
-- At any moment, and again when it is known better; what was posted in fact counts if it is more.
-- @tparam integer n 0: not known any more
-- @raise if n is no whole number, 0 or more
function M.expect(n)
  if type(n) ~= "number" or n < 0 or n % 1 ~= 0 or n > 2 ^ 53 then
    error("expect: a number of tasks is needed, got " .. tostring(n), 2)
  end
  core.expect(n)
end

return M
