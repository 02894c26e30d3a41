--- prunner: plain Lua functions on many processes.
--
--     local prunner = require "prunner"
--     function begin() for i = 1, 10 do prunner.post_task(work, i) end end
--     function work(i) print(i, prunner.worker_id()) end
--
-- Run it with `prunner job.lua -n 4`. docs/SCRIPTING.md is the guide.
local c = require "prunner.c"
local acc = require "prunner.acc"
local dict = require "prunner.dict"
local job = require "prunner.job"
local lock = require "prunner.lock"
local manager = require "prunner.manager"
local options = require "prunner.options"
local runner = require "prunner.runner"
local task = require "prunner.task"

local C, core = c.C, c.core

local M = {
  _VERSION = core.version,
  post_task = task.post_task,
  post_many = task.post_many,
  task = task.task,
  commit = task.commit,
  cursor = task.cursor,
  counter = acc.counter,
  max = acc.max,
  min = acc.min,
  collect = acc.collect,
  get_manager = manager.get_manager,
  ParallelTaskRunner = runner.ParallelTaskRunner,
  Task = runner.Task,
  init = job.init,
  options = options.options,
}

--- The shared dict.
M.dict = dict.open ""

function M.get_dict()
  return M.dict
end

local global = lock.open("global_lock", "global_lock")

--- Calls fn(...) while no other task is in a global_lock, and returns what it returns.
function M.global_lock(fn, ...)
  return global:with(fn, ...)
end

--- The lock of that name.
function M.lock(name)
  return (lock.open(name))
end

--- Runs the job that init() described; returns its summary.
function M.start()
  return (job.start())
end

--- The number of this worker, 1 .. nworkers(); 0 in the supervisor.
function M.worker_id()
  return C.prn_worker_id()
end

function M.nworkers()
  return core.config "n"
end

--- The id of the running task; 0 outside tasks.
function M.task_id()
  return C.prn_task_id()
end

--- Which run of this task this is: 1 the first time.
function M.attempt()
  return C.prn_attempt()
end

--- How the job stands: tasks, done, failed, retried, dead, left.
function M.stats()
  return core.stats()
end

--- A list of numbers: range(n) is {0, ..., n - 1}, range(from, n) is {from, ..., n - 1}.
function M.range(from, n)
  if n == nil then from, n = 0, from end
  if type(from) ~= "number" or type(n) ~= "number" then
    error("range: numbers are needed", 2)
  end
  local list = {}
  for i = from, n - 1 do list[#list + 1] = i end
  return list
end

return M
