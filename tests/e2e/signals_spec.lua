--- Signals to the command while tasks run.

local helper = require "tests.e2e.helper"
local expect, script, has, count = helper.expect, helper.script, helper.has, helper.count

--- A job of ten tasks, of which two run, each until the file `go` beside the script appears.
local text = [[
  local prunner = require "prunner"
  local go = arg[0]:match "^(.*)/" .. "/go"
  function begin() for i = 1, 10 do prunner.post_task(work, i) end end
  function work()
    io.write "started\n"
    io.stdout:flush()
    io.stderr:write "running\n"
    while not io.open(go) do end
    prunner.counter "done":add(1)
    io.write "finished\n"
  end
  function worker_end() io.stderr:write "worker_end\n" end
  function end_() print "end" end
]]
--- Starts it; returns when two tasks run.
local function start()
  local path = script(text)
  local run = helper.spawn_prunner(path, "-n", 2, { timeout = 20 })
  assert.is_true(helper.wait_until(function() return count("running\n", run:err()) == 2 end))
  return run, helper.beside(path, "go")
end

describe("--deadline", function()
  after_each(helper.cleanup)

  it("starts nothing new, lets finish what runs, and runs end_", function()
    local path = script(text)
    local run = helper.spawn_prunner(path, "-n", 2, "--deadline", "0.5", { timeout = 20 })
    assert.is_true(helper.wait_until(function() return count("time is up", run:err()) == 1 end))
    helper.write(helper.beside(path, "go"), "")
    local result = expect(run:wait(), 1)
    assert.are.equal(2, count("finished\n", result.out))
    assert.has_match("end\n$", result.out)
    has("prunner: --deadline: time is up, no new tasks will start, waiting for running tasks (10 unfinished)\n",
      result.err)
    has("prunner: 8 tasks are left, of 10 tasks\n", result.err)
  end)

  it("does nothing to a job that is over in time", function()
    local path = script(text)
    helper.write(helper.beside(path, "go"), "")
    expect(helper.prunner(path, "-n", 2, "--deadline", "60"), 0)
  end)
end)

describe("a signal", function()
  after_each(helper.cleanup)

  for _, case in ipairs {
    { "INT", 130, "interrupted" }, { "TERM", 143, "terminated" }, { "HUP", 129, "hung up" },
  } do
    it("SIG" .. case[1] .. " starts nothing new and lets finish what runs", function()
      local run, go = start()
      run:kill(case[1])
      assert.is_true(helper.wait_until(function() return run:err():find("waiting for running tasks", 1, true) end)
        ~= nil)
      has("prunner: " .. case[3] .. ": no new tasks will start, waiting for running tasks (10 unfinished); "
        .. "interrupt again to kill them\n", run:err())
      assert.is_nil(run:poll())
      helper.write(go, "")
      local result = expect(run:wait(), case[2])
      assert.are.equal(2, count("finished\n", result.out))
      assert.are.equal(2, count("started\n", result.out))
      assert.are.equal(2, count("worker_end\n", result.err))
      assert.is_nil(result.out:find("end\n", 1, true))
      has("prunner: 8 tasks are left, of 10 tasks\n", result.err)
      assert.are.same({}, helper.survivors(run))
    end)

    it("SIG" .. case[1] .. " twice stops at once", function()
      local run = start()
      run:kill(case[1])
      assert.is_true(helper.wait_until(function() return run:err():find("again to kill them", 1, true) end) ~= nil)
      run:kill(case[1])
      local result = expect(run:wait(), case[2]) -- its tasks would never end
      has("prunner: stopping at once\n", result.err)
      has("prunner: 10 tasks are left, of 10 tasks\n", result.err)
      assert.is_nil(result.err:find("died", 1, true))
      assert.are.equal(0, count("finished\n", result.out))
      assert.are.same({}, helper.survivors(run))
    end)
  end

  it("SIGINT after SIGTERM stops at once, with the status of the last", function()
    local run = start()
    run:kill "TERM"
    assert.is_true(helper.wait_until(function() return run:err():find("again to kill them", 1, true) end) ~= nil)
    run:kill "INT"
    expect(run:wait(), 130)
  end)

  it("ends what tasks have started, too, when it comes twice", function()
    local run = helper.spawn_prunner(script [[
      function begin() require("prunner").post_task(work) end
      function work() os.execute "echo up >&2; sleep 1000" end
    ]], "-n", 1)
    assert.is_true(helper.wait_until(function() return run:err() == "up\n" end))
    run:kill "INT"
    assert.is_true(helper.wait_until(function() return run:err():find("again to kill them", 1, true) end) ~= nil)
    run:kill "INT"
    expect(run:wait(), 130)
    assert.is_true(helper.wait_until(function() return #helper.survivors(run) == 0 end, 2))
  end)

  it("leaves end_ and what follows to a job that has just ended", function()
    local path = script [[
      local prunner = require "prunner"
      local go = arg[0]:match "^(.*)/" .. "/go"
      function begin() end
      function end_()
        io.stderr:write "in end_\n"
        while not io.open(go) do end
        print "end"
      end
    ]]
    local run = helper.spawn_prunner(path, "-n", 1)
    assert.is_true(helper.wait_until(function() return run:err() == "in end_\n" end))
    run:kill "TERM"
    local result = run:wait()
    assert.is_true(result.signal == 15 or result.status == 143)
  end)

  it("does not end a stopped and continued job", function()
    local run, go = start()
    run:kill "STOP"
    run:kill "CONT"
    helper.write(go, "")
    local result = expect(run:wait(), 0)
    assert.are.equal(10, count("finished\n", result.out))
  end)

  it("ignored by who started the command stays ignored", function()
    local path = script(text)
    local run = helper.spawn(("trap '' HUP; exec %s %s -n 2"):format(helper.quote(helper.command),
      helper.quote(path)), { timeout = 20 })
    assert.is_true(helper.wait_until(function() return count("running\n", run:err()) == 2 end))
    run:kill "HUP"
    helper.write(helper.beside(path, "go"), "")
    local result = expect(run:wait(), 0)
    assert.are.equal(10, count("finished\n", result.out))
  end)

  for _, state in ipairs {
    "--ignore-signal=CHLD", "--block-signal=CHLD", "--block-signal", "--ignore-signal=CHLD --block-signal",
    "--ignore-signal=PIPE --block-signal=TERM,INT,USR1",
  } do
    it("state left behind by who started the command does no harm: " .. state, function()
      local path = script [[
        local prunner = require "prunner"
        local status = os.execute "exit 3"
        function begin()
          prunner.post_task(work, "begin", status)
          prunner.post_task(work, "begin", os.execute "exit 3")
        end
        function work(where, status)
          local mine = os.execute "exit 3"
          print(where, status, mine)
          local pid = io.open "/proc/self/status":read "*a"
          print("blocked", tonumber(pid:match "SigBlk:%s*(%x+)", 16) % 2 ^ 31)
        end
        function end_() print("end", os.execute "exit 3") end
      ]]
      for _, options in ipairs { "-n 2", "--serial" } do
        local result = expect(helper.run(("env %s %s %s %s"):format(state, helper.quote(helper.command),
          helper.quote(path), options), { timeout = 20 }), 0)
        assert.are.equal(2, count("begin\t768\t768\n", result.out))
        assert.are.equal(2, count("blocked\t0\n", result.out))
        has("end\t768\n", result.out)
      end
    end)
  end

  it("blocked by who started the command arrives all the same", function()
    local path = script(text)
    local run = helper.spawn(("exec env --block-signal %s %s -n 2"):format(helper.quote(helper.command),
      helper.quote(path)), { timeout = 20 })
    assert.is_true(helper.wait_until(function() return count("running\n", run:err()) == 2 end))
    run:kill "TERM"
    assert.is_true(helper.wait_until(function() return run:err():find("again to kill them", 1, true) end) ~= nil)
    run:kill "TERM"
    expect(run:wait(), 143)
  end)

  it("SIGCHLD ignored by the script itself does no harm", function()
    expect(helper.prunner(script [[
      local ffi = require "ffi"
      ffi.cdef "void (*signal(int, void (*)(int)))(int);"
      function begin()
        ffi.C.signal(17, ffi.cast("void (*)(int)", 1))
        require("prunner").post_task(work)
      end
      function work() print(os.execute "exit 3") end
    ]], "-n", 1, { timeout = 20 }), 0, "768\n")
  end)
end)
