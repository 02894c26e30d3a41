--- Posts that are mistakes: at a wrong moment, of a function that cannot be known, with a value that
-- cannot be sent.

local helper = require "tests.e2e.helper"
local has, has_not, count = helper.has, helper.has_not, helper.count

--- Runs `text` after `local prunner = require "prunner"` on the same line, with -n 2 and options.
local function job(text, status, out, ...)
  return helper.job(text, status, out, "-n", 2, ...)
end

describe("posting at a wrong moment", function()
  after_each(helper.cleanup)

  it("raises while the script loads, in worker_begin, worker_end and end_", function()
    local result = job([[
      function work() end
      prunner.post_task(work)
      function begin() end
    ]], 2, "")
    has("post_task: tasks are posted by begin() and by tasks, not while the script loads", result.err)
    result = job([[
      function work() end
      local function try(name)
        local ok, err = pcall(prunner.post_task, work)
        prunner.dict:set(name, tostring(ok) .. err)
      end
      function begin() prunner.post_task(work) end
      function worker_begin() try "worker_begin" end
      function worker_end() try "worker_end" end
      function end_()
        try "end_"
        for k, v in prunner.dict:each() do print(k, v) end
      end
    ]], 0)
    local hook = "falsepost_task(work): tasks are posted by begin() and by tasks, "
      .. "not in worker_begin, worker_end or on_error\n"
    has("worker_begin\t" .. hook, result.out)
    has("worker_end\t" .. hook, result.out)
    has("end_\tfalsepost_task(work): tasks are posted by begin() and by tasks, not in end_: the "
      .. "workers are gone\n", result.out)
  end)

  -- Whether the error is caught or not, nothing of it has happened.
  it("raises in the function of update, as adding does, and has done nothing", function()
    local result = job([[
      local d, q = prunner.dict, prunner.get_manager():queue "q"
      local refused = {
        post_task = function() prunner.post_task(child) end,
        post_many = function() prunner.post_many(child, { 1, 2 }) end,
        post_table = function() prunner.post_task(child, {}) end,
        counter = function() prunner.counter "n":add() end,
        max = function() prunner.max "n":add(1) end,
        collect = function() prunner.collector "n":add(1) end,
        commit = function() prunner.commit() end,
      }
      function begin()
        for name in pairs(refused) do prunner.post_task(work, name) prunner.post_task(fail, name) end
      end
      function work(name)
        local value = d:update(name, function()
          assert(d:update("inner " .. name, function() return prunner.task_id() end) > 0)
          local ok, problem = pcall(refused[name])
          return { ok, problem }
        end)
        assert(value[1] == false)
        prunner.collector "said":add(value[2])
        prunner.post_task(after) -- and afterwards it may
      end
      function fail(name) d:update("k", refused[name]) end
      function child() print "it ran" end
      function after() prunner.counter "after":add() end
      function end_()
        for _, said in ipairs(prunner.collector "said":get()) do print(said) end
        print(prunner.counter "after":get(), prunner.counter "n":get(), prunner.max "n":get(),
          #prunner.collector "n":get(), d.k)
      end
    ]], 1, nil, "--debug")
    has("7\t0\tnil\t0\tnil\n", result.out)
    assert.are.equal(6, count("not in the function of d:update, which may run several times", result.out))
    has("commit: only a running task can commit", result.out)
    has_not("it ran", result.out)
    assert.are.equal(7, count("task fail(", result.err))
    has("in function <", result.err) -- with --debug the traceback goes down to the function
  end)
end)

describe("a function that cannot be known", function()
  after_each(helper.cleanup)

  it("is named with its place and what to do", function()
    local result = job([[
      function begin() prunner.post_task(work) end
      function work()
        prunner.post_task(function() end)
      end
    ]], 1, "")
    has("script.lua:3: post_task: the function defined at ", result.err)
    has("script.lua:3 was not known before the workers started: define it at the top level of "
      .. "the script, or name it with prunner.task, and give what differs as arguments", result.err)
    result = job([[
      function begin() prunner.post_task(work) end
      function work()
        prunner.post_task(work, { f = function() end })
      end
    ]], 1, "")
    has("post_task(work): argument 1, at .f: function defined at ", result.err)
    result = job([[
      function begin() prunner.post_task(work) end
      function work() prunner.post_task("wrok") end
    ]], 1, "")
    has('post_task: no function is called "wrok"', result.err)
    result = job([[
      function begin() prunner.post_task(work) end
      function work() prunner.post_task(misspelt) end
    ]], 1, "")
    has("the first argument must be a function or its name, got nil (a misspelt name? ", result.err)
    result = job([[
      function begin() prunner.post_task(work) end
      function work() prunner.task("late", function() end) end
    ]], 1, "")
    has("task: functions are named while the script loads or in begin(), before the workers start",
      result.err)
    result = job([[
      function begin() prunner.post_task(work) end
      function work() prunner.post_task(work, setmetatable({}, { __index = {} })) end
    ]], 1, "")
    has("a table whose metatable was not known before the workers started", result.err)
  end)

  it("is known if it is a local, an upvalue, a field, a method, or was made by begin", function()
    job([[
      local n = prunner.counter "n"
      local function a_local() n:add(1) end
      local t = { field = { deep = function() n:add(10) end } }
      local C = {}; C.__index = C
      function C:method(k) n:add(k) assert(getmetatable(self) == C) end
      function begin()
        prunner.post_task(a_local)
        prunner.post_task(t.field.deep)
        prunner.post_task(C.method, setmetatable({}, C), 100)
        local k = 1000
        prunner.post_task(function() n:add(k) prunner.post_task(a_local) end)
        prunner.task("by name", function() n:add(10000) end)
        prunner.post_task("by name")
        prunner.post_task("C.method", setmetatable({}, C), 100000)
      end
      function end_() print(n:get()) end
    ]], 0, "111112\n")
  end)
end)

describe("a value that cannot be sent", function()
  after_each(helper.cleanup)

  it("fails the task that posts it, naming the path", function()
    local result = job([[
      function begin() prunner.post_task(work) end
      function work() prunner.post_task(fetch, 1, { conn = io.stdout }) end
      function fetch() end
    ]], 1, "")
    has("script.lua:2: post_task(fetch): argument 2, at .conn: a userdata cannot be sent to "
      .. "another process\n", result.err)
    result = job([[
      function begin() prunner.post_task(work, 1, { conn = io.stdout }) end
      function work() end
    ]], 2, "")
    has("post_task(work): argument 2, at .conn: a userdata", result.err)
  end)
end)
