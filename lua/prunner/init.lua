--- prunner: plain Lua functions on many processes.
--
--     local prunner = require "prunner"
--     function begin() for i = 1, 10 do prunner.post_task(work, i) end end
--     function work(i) print(i, prunner.worker_id()) end
--
-- Run it with `prunner job.lua -n 4`. docs/guide.md is the guide.
--
-- @module prunner
setfenv(1, require "prunner.globals")

local native = require "prunner.native"
local arguments = require "prunner.arguments"
local accumulators = require "prunner.accumulators"
local dict = require "prunner.dict"
local job = require "prunner.job"
local lock = require "prunner.lock"
local manager = require "prunner.manager"
local options = require "prunner.options"
local pipe = require "prunner.pipe"
local pool = require "prunner.pool"
local program = require "prunner.program"
local runner = require "prunner.runner"
local socket = require "prunner.socket"
local task = require "prunner.task"
local wait = require "prunner.wait"

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
  sleep = wait.sleep,
  wait_fd = wait.wait_fd,
  socket_patch = socket.socket_patch,
  pool = pool.pool,
  sh = program.sh,
  execute = program.execute,
  popen = pipe.popen,
  quote = program.quote,
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

--- Returns the shared dict.
-- @treturn Dict the same as `prunner.dict`
function M.get_dict()
  return M.dict
end

local global = lock.open("global_lock", "global_lock")

--- Calls `fn(...)` while no other task is in a global_lock. Its dict writes are published together when
-- it returns, and dropped if it raises.
-- @tparam function fn the function to call
-- @param ... its arguments
-- @return what `fn` returns
-- @raise what `fn` raises; or inside another global_lock of the same task
function M.global_lock(fn, ...)
  return global:with(fn, ...)
end

--- The lock with this name, the same in every worker.
-- @tparam string name at most 96 bytes
-- @treturn Lock
-- @raise if the name is not a string or is too long, or the job already has 16,384 names
function M.lock(name, ...)
  arguments.no_more("lock", 1, ...)
  return (lock.open(name))
end

--- Returns the manager, which gives access to further shared objects by name.
-- @treturn Manager
function M.get_manager()
  return manager.get_manager()
end

--- Jobs under plain luajit
-- @section jobs

--- Defines the job that @{start} runs.
-- @function init
-- @tparam[opt] integer n workers, 1 to 4000 (default: the CPUs that the process may use); -n on the
--   command line overrides it
-- @tparam[opt=false] boolean debug as --debug
-- @tparam[opt] function begin called once, before the workers are started
-- @tparam[opt] function end_ called once, when every task is finished
-- @raise if an argument has the wrong type

--- Runs the job that @{init} defined. Does not return after an interruption.
-- @treturn table its summary: `posted`, `finished` (in any way, failed ones included), `failed`, `retried`,
--   `duplicates`, `quarantined`, `pending`, `seconds`, `workers`, `cpu` (seconds),
--   `efficiency` (0 to 1), `halted`, `deadline_passed` (--deadline ended it), and `status`, the exit
--   status that the command would have
-- @raise if this process has already run a job
function M.start()
  return (job.start())
end

--- Task and worker identity
-- @section where

--- The number of this worker. A replacement has the number of the dead worker.
-- @treturn integer 1 to @{nworkers}; 0 in the supervisor
function M.worker_id()
  return C.prn_worker_id()
end

--- The current maximum number of workers (`-n`).
-- @treturn integer
function M.nworkers()
  return core.config "n"
end

--- The id of the running task.
-- @treturn number unique in this job; 0 outside tasks
function M.task_id()
  return C.prn_task_id()
end

--- Which run of this task this is.
-- @treturn integer 1 the first time, and after @{commit}; 0 outside tasks
function M.attempt()
  return C.prn_attempt()
end

--- The counts of the job. Exact in `end_`.
-- @treturn table `posted`, `finished` (in any way, failed ones included), `failed`, `retried`, `quarantined`,
--   `duplicates`, `pending` (posted and not finished); and internal counts: `steals` of tasks,
--   `lost_claims` (another worker was faster), `wakes` of other workers, `parks` (a worker slept)
function M.stats()
  return core.stats()
end

--- Announces how many tasks the job will have in all, so that progress can estimate the remaining time.
-- Call it at any time, and again with a better estimate. If more tasks are posted, their number counts.
-- @tparam integer n the number of tasks; 0 if it is not known any more
-- @raise if n is not a whole number, 0 or more
function M.expect(n, ...)
  arguments.no_more("expect", 1, ...)
  if type(n) ~= "number" or n < 0 or n % 1 ~= 0 or n > 2 ^ 53 then
    error("expect: a number of tasks is needed, got " .. tostring(n), 2)
  end
  core.expect(n)
end

return M
