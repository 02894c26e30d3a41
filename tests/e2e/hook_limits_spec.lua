--- Hooks that do not end: --timeout, --deadline, and a second signal end them.

local helper = require "tests.e2e.helper"
local expect, script, has, has_not, count =
  helper.expect, helper.script, helper.has, helper.has_not, helper.count

--- Lines that scripts begin with: hang.HOW() never ends.
local prelude = [[
  local prunner = require "prunner"
  local ffi = require "ffi"
  ffi.cdef "int poll(void *, unsigned long, int);"
  local function pause(ms) ffi.C.poll(nil, 0, ms) end
  local hang = {
    compiled = function() while true do end end,
    interpreted = function() while true do pause(10) end end,
    program = function() io.stderr:write "hangs\n" while true do os.execute "sleep 1001" end end,
  }
  jit.off(hang.interpreted, true)
]]

local function spawn(text, ...)
  return helper.spawn_prunner(script(prelude .. text), "-n", 2, ...)
end

local function nothing_left(result)
  assert.is_true(helper.wait_until(function() return #helper.survivors(result) == 0 end, 2))
end

describe("--timeout and hooks", function()
  after_each(helper.cleanup)

  local hows = { "compiled", "interpreted", "program" }

  it("ends on_error: the task's outcome stands, and the others run", function()
    local runs = {}
    for i, how in ipairs(hows) do
      runs[i] = spawn([[
        function begin()
          prunner.post_task(bad)
          for i = 1, 20 do prunner.post_task(good, i) end
        end
        function bad() error "x" end
        function good(i) prunner.counter "n":add(i) end
        function on_error(task) prunner.counter "called":add(1) hang.]] .. how .. [[() end
        function end_() print(prunner.counter "n":get(), prunner.stats().failed, prunner.stats().finished) end
      ]], "--timeout", 0.3, { timeout = 20 })
    end
    for _, run in ipairs(runs) do
      local result = expect(run:wait(), 1, "210\t1\t21\n")
      assert.are.equal(1, count("on_error failed in worker", result.err))
      has(": it ran longer than allowed (--timeout, timeout)\n", result.err)
      has_not("no task was harmed", result.err)
      nothing_left(result)
    end
  end)

  it("ends worker_begin: a new worker tries", function()
    local runs = {}
    for i, how in ipairs(hows) do
      runs[i] = spawn([[
        local file = arg[0]:match "^(.*)/" .. "/tried"
        function worker_begin()
          if io.open(file) then return end
          assert(io.open(file, "w")):close()
          hang.]] .. how .. [[()
        end
        function begin() for i = 1, 20 do prunner.post_task(good, i) end end
        function good(i) pause(30) prunner.counter "n":add(i) end
        function end_() print(prunner.counter "n":get()) end
      ]], "--timeout", 0.3, { timeout = 20 })
    end
    for _, run in ipairs(runs) do
      local result = expect(run:wait(), 0, "210\n")
      assert.are.equal(1, count("worker_begin failed in worker", result.err))
      nothing_left(result)
    end
  end)

  it("ends worker_end, also with --max-tasks", function()
    for _, more in ipairs { {}, { "--max-tasks", 2 } } do
      local runs = {}
      for i, how in ipairs(hows) do
        runs[i] = spawn([[
          function worker_end() prunner.counter "n":add(1000) hang.]] .. how .. [[() end
          function begin() for i = 1, 8 do prunner.post_task(good, i) end end
          function good(i) prunner.counter "n":add(i) end
          function end_() print(prunner.counter "n":get()) end
        ]], "--timeout", 0.2, unpack(more))
      end
      for _, run in ipairs(runs) do
        local result = expect(run:wait(), 0, "36\n")
        assert.are.equal(1, count("worker_end failed in worker", result.err))
        nothing_left(result)
      end
    end
  end)

  it("is that of the task that failed, for its on_error", function()
    local result = expect(spawn([[
      prunner.task("bad", function() error "x" end, { timeout = 0.2 })
      prunner.task("patient", function() error "y" end, { timeout = 30 })
      function begin() prunner.post_task "bad" prunner.post_task "patient" end
      function on_error(task)
        if task.name == "bad" then hang.compiled() end
        pause(600)
        prunner.dict.told = task.name
      end
      function end_() print(prunner.dict.told) end
    ]], { timeout = 20 }):wait(), 1, "patient\n")
    assert.are.equal(1, count("on_error failed", result.err))
  end)

  it("is for each call of a hook, not for all of them", function()
    local result = expect(spawn([[
      function begin() for _ = 1, 60 do prunner.post_task(bad) end end
      function bad() error "x" end
      function on_error() pause(50) prunner.counter "called":add(1) end
      function end_() print(prunner.stats().failed) end
    ]], "--timeout", 1, "-q"):wait(), 1, "60\n")
    has_not("on_error failed", result.err)
  end)
end)

describe("--deadline and hooks", function()
  after_each(helper.cleanup)

  -- All at the same time: each takes its five seconds.
  it("ends what hangs in any of them", function()
    local bodies = [[
      function work() error "x" end
      begin = begin or function() prunner.post_task(work) end
    ]]
    local cases = {
      { "worker_begin", "compiled", 1, "worker_begin failed in worker %d: it has not ended %(%-%-deadline%)\n" },
      { "on_error", "program", 1, "on_error failed in worker %d: it has not ended %(%-%-deadline%)\n" },
      { "worker_end", "interpreted", 1, "worker_end failed in worker %d: it has not ended %(%-%-deadline%)\n" },
      { "begin", "interpreted", 2, "begin%(%) failed: .*script.lua:%d+: it has not ended %(%-%-deadline%)\n" },
      { "begin", "compiled", 2, "begin%(%) has not ended %(%-%-deadline%): stopping at once\n" },
      { "end_", "interpreted", 1, "end_%(%) failed: .*script.lua:%d+: it has not ended %(%-%-deadline%)\n" },
      { "end_", "program", 1, "end_%(%) has not ended %(%-%-deadline%): stopping at once\n" },
    }
    for _, case in ipairs(cases) do
      case.run = spawn(case[1] .. " = hang." .. case[2] .. "\n" .. bodies, "--deadline", 0.2)
    end
    for _, case in ipairs(cases) do
      local result = expect(case.run:wait(), case[3])
      assert.has_match(case[4], result.err)
    end
  end)

  it("leaves hooks alone that end in time, and those that have a --timeout", function()
    expect(spawn([[
      function begin() pause(400) prunner.post_task(work) end
      function work() end
      function worker_begin() pause(300) end
      function worker_end() pause(6000) io.stderr:write "told\n" end
      function end_() pause(400) print "end" end
    ]], "--deadline", 0.2, "--timeout", 30):wait(), 1, "end\n")
  end)
end)

describe("a second SIGTERM", function()
  after_each(helper.cleanup)

  local function stops(hook, how)
    local run = spawn(([[
      function work() error "x" end
      function begin() prunner.post_task(work) end
      function %s() io.stderr:write "in it\n" hang.%s() end
    ]]):format(hook, how), "-q", { timeout = 20 })
    assert.is_true(helper.wait_until(function() return count("in it\n", run:err()) > 0 end))
    run:kill "TERM"
    if hook ~= "begin" and hook ~= "end_" then
      assert.is_true(helper.wait_until(function() return count("again to kill them", run:err()) > 0 end))
      run:kill "TERM"
    end
    local result = run:wait()
    assert.is_nil(result.timed_out)
    assert.is_true(result.status == 143 or result.signal == 15)
    if hook ~= "begin" and hook ~= "end_" then nothing_left(result) end
  end

  for _, hook in ipairs { "begin", "worker_begin", "on_error", "worker_end", "end_" } do
    it("ends what hangs in " .. hook, function()
      for _, how in ipairs { "compiled", "interpreted", "program" } do stops(hook, how) end
    end)
  end
end)
