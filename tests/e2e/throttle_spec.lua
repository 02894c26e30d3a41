--- Consideration for the machine: --load, --memfree, --delay, --nice.

local helper = require "tests.e2e.helper"
local expect, script, prunner, has = helper.expect, helper.script, helper.prunner, helper.has

--- Posts `n` tasks, each of which prints when it began, on the clock of helper.now().
local stamps = helper.clock .. [[
  ffi.cdef "int getpriority(int, int);"
  function begin() for i = 1, tonumber(arg[1]) do prunner.post_task(work, i) end end
  function work() print(("%.6f"):format(now())) end
]]

local function times_of(result)
  local times = {}
  for line in result.out:gmatch "[^\n]+" do times[#times + 1] = tonumber(line) end
  table.sort(times)
  return times
end

describe("--delay", function()
  after_each(helper.cleanup)

  for _, case in ipairs {
    { "one worker", { "-n", 1 } },
    { "more workers than tasks", { "-n", 8 } },
    { "newest first", { "-n", 2, "--order", "lifo" } },
    { "one process", { "--serial" } },
  } do
    it("is kept between the starts of any two tasks: " .. case[1], function()
      local words = { script(stamps), "--delay", "0.1" }
      for _, word in ipairs(case[2]) do words[#words + 1] = word end
      words[#words + 1] = "5"
      local since = helper.now()
      local times = times_of(expect(prunner(unpack(words))))
      assert.are.equal(5, #times)
      -- A task's own clock tells its turn or later, and the first turn is after the start.
      for i = 2, 5 do assert.is_true(times[i] - since >= 0.1 * (i - 1), times[i] - since) end
    end)
  end

  it("does not make a task wait for turns that nobody used", function()
    -- Ten workers see one task at a time: each posts the next. Compared with one worker that
    -- does the same at the same time.
    local path = script [[
      local prunner = require "prunner"
      function begin() prunner.post_task(work, 1) end
      function work(i) if i < 6 then prunner.post_task(work, i + 1) else print "last" end end
    ]]
    local one = helper.spawn_prunner(path, "-n", 1, "--delay", "0.5")
    local ten = helper.spawn_prunner(path, "-n", 10, "--delay", "0.5")
    local least = expect(one:wait(), 0, "last\n").seconds
    local result = expect(ten:wait(), 0, "last\n")
    assert.is_true(least >= 2.5 and result.seconds >= 2.5)
    assert.is_true(result.seconds < 4 * least, ("%g s, one worker %g s"):format(result.seconds, least))
  end)

  it("holds for workers that take turns with tasks, and lets no turn pass unused", function()
    local path = script [[
      local prunner = require "prunner"
      function begin() prunner.post_many(work, prunner.range(200)) end
      function work() end
      function end_() print(prunner.stats().finished) end
    ]]
    -- Two seconds; one task a second would leave most of them.
    expect(prunner(path, "-n", 1, "-c", 3, "--delay", "0.01", "--deadline", "40"), 0, "200\n")
  end)

  it("goes on when workers die", function()
    local path = script [[
      local prunner = require "prunner"
      local ffi = require "ffi"
      ffi.cdef "int getpid(void); int kill(int, int);"
      function begin() for i = 1, 10 do prunner.post_task(work, i) end end
      function work(i)
        if prunner.attempt() == 1 and i % 2 == 0 then ffi.C.kill(ffi.C.getpid(), 9) end
        prunner.counter "n":add(i)
      end
      function end_() print(prunner.counter "n":get()) end
    ]]
    expect(prunner(path, "-n", 3, "--delay", "0.02"), 0, "55\n")
  end)
end)

describe("--load", function()
  after_each(helper.cleanup)

  it("lets everything run below its number", function()
    expect(prunner(script(stamps), "--load", 100000, "-n", 3, 100))
    expect(prunner(script(stamps), "--load", "900000%", "-n", 3, 100))
    expect(prunner(script(stamps), "--load", 100000, "--serial", 100))
  end)

  it("starts nothing while more runs, and goes on afterwards", function()
    local others = tonumber(helper.read("/proc/loadavg"):match "(%d+)/")
    -- They all want to run, but only on one CPU, and get what nobody else wants of it: the other
    -- CPUs stay free.
    local crowd = helper.spawn [[
      cpu=$(taskset -cp $$ | sed 's/.*: \([0-9]*\).*/\1/')
      exec taskset -c "$cpu" chrt -i 0 sh -c 'for i in $(seq 60); do
        while :; do :; done & done; echo up; wait']]
    assert.is_truthy(helper.wait_until(function() return crowd:out() == "up\n" end))
    -- Others may crowd this machine as well: 20 more than there were before.
    local limit = others + 20
    local run = helper.spawn_prunner(script(stamps), "--load", limit, "-n", 2, 10)
    assert.is_truthy(helper.wait_until(function() return run:err() ~= "" end))
    assert.has_match("^prunner: %-%-load: %d+ processes run, more than " .. limit .. ": "
      .. "no task is started until it is less\n$", run:err())
    assert.are.equal("", run:out())
    for _, pid in ipairs(helper.survivors(crowd)) do os.execute("kill -9 " .. pid) end
    assert.are.equal(10, #times_of(expect(run:wait())))
  end)
end)

describe("--memfree", function()
  after_each(helper.cleanup)

  it("lets everything run while as much is free", function()
    expect(prunner(script(stamps), "--memfree", "1M", "-n", 3, 100))
    expect(prunner(script(stamps), "--memfree", "1M", "--serial", 100))
  end)

  for _, mode in ipairs { "--order=fifo", "--serial" } do
    it("starts nothing while less is free, and says so: " .. mode, function()
      local run = helper.spawn_prunner(script(stamps), "--memfree", "4096T", mode, 10)
      assert.is_truthy(helper.wait_until(function() return run:err() ~= "" end))
      assert.has_match("^prunner: %-%-memfree: %d+ MiB are free, less than 4096T: "
        .. "no task is started until it is more\n$", run:err())
      run:kill "INT"
      local result = run:wait()
      assert.are.equal("", result.out)
      if mode ~= "--serial" then has("10 tasks are left", expect(result, 130).err) end
    end)
  end
end)

describe("--nice", function()
  after_each(helper.cleanup)

  local path, own -- `own`: the niceness of the tests
  before_each(function()
    own = tonumber(expect(helper.run({ "nice" })).out)
    path = script(stamps:gsub("print%b()", "print(ffi.C.getpriority(0, 0))", 1)
      .. "function end_() print('end', ffi.C.getpriority(0, 0)) end")
  end)

  it("gives the workers its niceness, and the supervisor not", function()
    expect(prunner(path, "--nice", 19, "-n", 1, 1), 0, ("19\nend\t%d\n"):format(own))
    local nicer = math.max(own, 7)
    expect(prunner(path, "--nice", 7, "--serial", 1), 0, ("%d\nend\t%d\n"):format(nicer, nicer))
  end)

  it("leaves alone who is nicer already", function()
    local result = helper.run({ "nice", "-n", "15", helper.command, path, "--nice", "10", "-n", "1", "1" })
    local nicer = math.min(own + 15, 19)
    expect(result, 0, ("%d\nend\t%d\n"):format(nicer, nicer))
  end)
end)
