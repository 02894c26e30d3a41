--- Workers are started when there is work for them: how many come, not when.

local helper = require "tests.e2e.helper"
local expect, script = helper.expect, helper.script

local cpus = tonumber(helper.run("nproc").out)

--- The workers that a job has started, from what --debug says.
local function started(err)
  local n = 0
  for _ in err:gmatch "worker %d+ started: process" do n = n + 1 end
  return n
end

-- Each task waits until as many have begun as arg[1] says; with arg[2] it computes meanwhile.
local together = [[
  local prunner = require "prunner"
  local ffi = require "ffi"
  ffi.cdef "int poll(void *, unsigned long, int);"
  local n, computes = tonumber(arg[1]), arg[2] == "computes"
  local function rest() if not computes then ffi.C.poll(nil, 0, 1) end end
  function work()
    prunner.dict:incr "begun"
    while prunner.dict.begun < n do rest() end
  end
]]
local posts_all = together .. [[
  function begin() for _ = 1, n do prunner.post_task(work) end end
  function end_() print(prunner.dict.begun) end
]]

describe("workers", function()
  after_each(helper.cleanup)

  it("are not started without work: one for each CPU", function()
    local result = expect(helper.prunner("-d", "-n", 1000, script [[
      local prunner = require "prunner"
      local ffi = require "ffi"
      ffi.cdef "int poll(void *, unsigned long, int);"
      function begin() prunner.post_task(work) end
      function work() ffi.C.poll(nil, 0, 300) end
      function end_() print(prunner.nworkers()) end
    ]]), 0, "1000\n")
    assert.are.equal(cpus, started(result.err))
  end)

  it("are all there when tasks wait for each other", function()
    for _, n in ipairs { 1, 2, 3, 17, 100 } do
      local result = expect(helper.prunner("-d", "-n", n, script(posts_all), n), 0, n .. "\n")
      assert.are.equal(n, started(result.err))
    end
  end)

  it("are all there, in the end, when tasks compute", function()
    local n = cpus + 6
    local result = expect(helper.prunner("-d", "-n", n, script(posts_all), n, "computes"), 0, n .. "\n")
    assert.are.equal(n, started(result.err))
  end)

  it("come for tasks that are posted while the supervisor sleeps", function()
    local n = cpus + 5
    local text = together .. [[
      function begin() prunner.post_task(spread, n) end
      function spread(left)
        ffi.C.poll(nil, 0, 30)
        prunner.post_task(work)
        if left > 1 then prunner.post_task(spread, left - 1) end
      end
      function end_() print(prunner.dict.begun) end
    ]]
    local result = expect(helper.prunner("-d", "-n", n, script(text), n), 0, n .. "\n")
    assert.are.equal(n, started(result.err))
  end)

  it("come for tasks that were to be run again later", function()
    local n = cpus + 3
    local text = together .. [[
      local again = prunner.task("again", function()
        if prunner.attempt() == 1 then error("later", 0) end
        work()
      end, { retries = 1, backoff = 0.1 })
      function begin() for _ = 1, n do prunner.post_task(again) end end
      function end_() print(prunner.dict.begun) end
    ]]
    expect(helper.prunner("-q", "-n", n, script(text), n), 0, n .. "\n")
  end)

  it("come when workers die while there are few", function()
    local n = cpus + 3
    local text = together .. [[
      ffi.cdef "int kill(int, int); int getpid(void);"
      function begin() for i = 1, n do prunner.post_task(dies_first, i) end end
      function dies_first()
        if prunner.attempt() == 1 then ffi.C.kill(ffi.C.getpid(), 9) end
        work()
      end
      function end_() print(prunner.dict.begun) end
    ]]
    expect(helper.prunner("-q", "-n", n, script(text), n), 0, n .. "\n")
    expect(helper.prunner("-q", "-n", n, "--max-tasks", 1, script(posts_all), n), 0, n .. "\n")
  end)

  it("come for prunner ctl -n, and not beyond it", function()
    local n = cpus + 2
    local run = helper.spawn_prunner("-d", "-n", 1, script(posts_all), n)
    assert.is_truthy(helper.wait_until(function()
      return helper.run(("%s ctl %d -n %d"):format(helper.quote(helper.command), run:pid(), n)).status == 0
    end))
    local result = expect(run:wait(), 0, n .. "\n")
    assert.are.equal(n, started(result.err))
  end)

  it("are all there from the start with --eager", function()
    local result = expect(helper.prunner("-d", "--eager", "-n", 20, script [[
      local prunner = require "prunner"
      function begin() prunner.post_task(work) end
      function worker_begin() prunner.counter "lives":add(1) end
      function work() while prunner.counter "lives":get() < 20 do end end
      function end_() print(prunner.counter "lives":get()) end
    ]]), 0)
    assert.are.equal(20, started(result.err))
  end)

  -- Many times as many looks as there are messages: tasks sleep while others wait.
  it("for which there is no memory: said once, and the job goes on", function()
    if helper.run("unshare -rm mount -t tmpfs -o size=4m none /mnt").status ~= 0 then
      return pending "this machine has no unshare -rm"
    end
    local path = script [[
      local prunner = require "prunner"
      local ffi = require "ffi"
      ffi.cdef "int poll(void *, unsigned long, int);"
      function begin() for _ = 1, 1000 do prunner.post_task(work) end end
      function work() ffi.C.poll(nil, 0, 10) prunner.counter "n":add(1) end
      function end_() print(prunner.counter "n":get()) end
    ]]
    local result = expect(helper.run { "unshare", "-rm", "sh", "-c",
      'mount -t tmpfs -o size=4m none /mnt && exec "$@"', "sh", helper.command,
      "-n", 4000, "--state", "/mnt/state", path }, 0, "1000\n")
    assert.are.equal(1, helper.count("no memory for more than", result.err))
  end)

  it("that were never started do not harm a job that is resumed", function()
    local path = script([[
      local prunner = require "prunner"
      local go = arg[0]:match "^(.*)/" .. "/go"
      function begin() for i = 1, 300 do prunner.post_task(work, i) end end
      function work(i)
        prunner.counter "sum":add(i)
        if i == 150 and not io.open(go) then io.stderr:write "here\n" while true do end end
      end
      function end_() print(prunner.counter "sum":get()) end
    ]])
    local state = helper.beside(path, "state")
    local run = helper.spawn_prunner("-n", 200, "--state", state, path)
    assert.is_truthy(helper.wait_until(function() return run:err():find "here" end))
    run:kill "KILL"
    run:wait()
    helper.write(helper.beside(path, "go"), "")
    expect(helper.prunner("-q", "-n", 300, "--resume", state, path), 0, "45150\n")
  end)
end)
