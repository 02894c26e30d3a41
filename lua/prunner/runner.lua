--- The class API of the original: derive from ParallelTaskRunner, put tasks into its queue.
--
--     local Runner = prunner.ParallelTaskRunner:extend()
--     function Runner:begin(options) self.queue:put(prunner.Task("work", 1)) end
--     function Runner:run(task) print(task.label, task.data) end
--     Runner:new(4, false, {}):start()
setfenv(1, require "prunner.globals")

local dict = require "prunner.dict"
local handle = require "prunner.handle"
local job = require "prunner.job"
local lock = require "prunner.lock"
local task = require "prunner.task"

local M = {}

local TaskClass = { __name = "prunner.Task" }
TaskClass.__index = TaskClass

--- The class API
-- @section classes

--- A piece of work for a runner: a table with the fields `label` and `data`.
-- @tparam string label the kind of task
-- @param data anything that can be sent
-- @treturn Task
function M.Task(label, data)
  return setmetatable({ label = label, data = data }, TaskClass)
end

-- The runner that was started. There is one job a process, and every worker inherits it.
local active

local function run(t)
  active:run(t)
end
task.task("ParallelTaskRunner.run", run)

--- The queue of a runner, its field `queue`.
-- @type RunnerQueue
local Queue = { __name = "prunner.runner.queue" }
local queue
queue = handle.class("runner_queue", Queue, {
  use = "use queue:put(task)",
  of_form = function() return queue end,
})(0, {})

--- Posts a task: some worker will call `runner:run(task)`.
-- @function RunnerQueue:put
-- @tparam Task t made by @{Task}
-- @raise if it is not a task, or as @{post_task}
function Queue:put(t) -- luacheck: ignore self
  if getmetatable(t) ~= TaskClass then
    error("queue:put: the argument must be a prunner.Task", 2)
  end
  return task.post_task(run, t) -- a tail call: errors name the line of the caller
end

--- A job as an object. Its fields: `queue` (a @{RunnerQueue}), `dict_` (the shared @{Dict}), `lock`
-- (the global @{Lock}), `options`. `worker_begin`, `worker_end` and `on_error` may be methods, too.
-- @type ParallelTaskRunner
local Runner = { __name = "prunner.ParallelTaskRunner" }
Runner.__index = Runner
M.ParallelTaskRunner = Runner

--- A class of your own, to which you add `begin`, `run` and `end_`.
-- @function ParallelTaskRunner:extend
-- @treturn table the class
function Runner:extend()
  local Class = {}
  for k, v in pairs(self) do
    if type(k) == "string" and string.find(k, "^__") then Class[k] = v end
  end
  Class.__index = Class
  return setmetatable(Class, self)
end

--- A runner: one job.
-- @function ParallelTaskRunner:new
-- @tparam[opt] integer n workers, 1 to 4000 (default: the CPUs that the process may use)
-- @tparam[opt=false] boolean debug as --debug
-- @param[opt] options handed to `begin`
-- @treturn ParallelTaskRunner
function Runner:new(n, debug, options)
  local this = setmetatable({}, self)
  this.n, this.debug, this.options = n, debug, options
  this.queue = queue
  this.dict_ = dict.open ""
  this.lock = lock.open("global_lock", "global_lock")
  return this
end

--- Hook, called once before the workers are started: puts the first tasks.
-- @function ParallelTaskRunner:begin
-- @param options those given to `new`
function Runner:begin(options) end -- luacheck: ignore self options

--- Hook, called once when every task is finished.
-- @function ParallelTaskRunner:end_
function Runner:end_() end -- luacheck: ignore self

--- Runs one task. Your class must have this method.
-- @function ParallelTaskRunner:run
-- @tparam Task task as it was put
function Runner:run(task) -- luacheck: ignore
  error("a class derived from ParallelTaskRunner needs a method run(task)", 2)
end

--- Runs the job.
-- @function ParallelTaskRunner:start
-- @treturn table its summary, see @{start}
-- @raise if this process has already run a job
function Runner:start()
  active = self
  local hooks = {
    begin = function() self:begin(self.options) end,
    end_ = function() self:end_() end,
    roots = { self, getmetatable(self) },
  }
  for _, name in ipairs { "worker_begin", "worker_end", "on_error" } do
    local hook = self[name]
    if hook then hooks[name] = function(...) return hook(self, ...) end end
  end
  job.configure(self.n, self.debug)
  return (job.start(hooks))
end

M.classes = { TaskClass, Queue, Runner }

return M
