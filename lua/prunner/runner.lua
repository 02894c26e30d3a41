--- The class API of the original: derive from ParallelTaskRunner, put tasks into its queue.
--
--     local Runner = prunner.ParallelTaskRunner:extend()
--     function Runner:begin(options) self.queue:put(prunner.Task("work", 1)) end
--     function Runner:run(task) print(task.label, task.data) end
--     Runner:new(4, false, {}):start()
local dict = require "prunner.dict"
local job = require "prunner.job"
local lock = require "prunner.lock"
local task = require "prunner.task"

local M = {}

local TaskClass = { __name = "prunner.Task" }
TaskClass.__index = TaskClass

--- A piece of work: a label to tell the kinds apart, and data.
-- @tparam string label
-- @param data anything that can be sent
function M.Task(label, data)
  return setmetatable({ label = label, data = data }, TaskClass)
end

-- The runner that was started. There is one job a process, and every worker inherits it.
local active

local function run(t)
  active:run(t)
end
task.task("ParallelTaskRunner.run", run)

local Queue = { __name = "prunner.runner.queue" }
Queue.__index = Queue

--- Posts a task: some worker will call runner:run(task).
function Queue:put(t) -- luacheck: ignore self
  if getmetatable(t) ~= TaskClass then
    error("queue:put: the argument must be a prunner.Task", 2)
  end
  return task.post_task(run, t) -- a tail call: errors name the line of the caller
end

local Runner = { __name = "prunner.ParallelTaskRunner" }
Runner.__index = Runner
M.ParallelTaskRunner = Runner

--- A class of your own, to which begin, run and end_ are added.
function Runner:extend()
  local Class = {}
  for k, v in pairs(self) do
    if type(k) == "string" and k:find "^__" then Class[k] = v end
  end
  Class.__index = Class
  return setmetatable(Class, self)
end

--- @tparam[opt] number n workers
-- @tparam[opt] boolean debug
-- @tparam[opt] table options handed to begin
function Runner:new(n, debug, options)
  local this = setmetatable({}, self)
  this.n, this.debug, this.options = n, debug, options
  this.queue = setmetatable({}, Queue)
  this.dict_ = dict.open ""
  this.lock = lock.open("global_lock", "global_lock")
  return this
end

--- Hooks of your class, each optional but run.
function Runner:begin() end -- luacheck: ignore self
function Runner:end_() end -- luacheck: ignore self
function Runner:run() -- luacheck: ignore self
  error("a class derived from ParallelTaskRunner needs a method run(task)", 2)
end

--- Runs the job; returns its summary.
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
