--- `prunner ctl`: controlling a running job from another terminal.

local ffi = require "ffi"
local helper = require "tests.e2e.helper"
local expect, script, prunner, has = helper.expect, helper.script, helper.prunner, helper.has

ffi.cdef [[
  int prn_ctl_socket(int, int, int) __asm__("socket");
  int prn_ctl_connect(int, const void *, unsigned) __asm__("connect");
  long prn_ctl_send(int, const char *, size_t, int) __asm__("send");
  int prn_ctl_close(int) __asm__("close");
]]
local runtime -- PRUNNER_RUNTIME_DIR of one test: it sees, and controls, its own jobs only
local variable

local function spawn(text, ...)
  local words = { ... }
  local options = type(words[#words]) == "table" and table.remove(words) or {}
  options.env = { [variable] = runtime }
  words[#words + 1] = options
  return helper.spawn_prunner(script(text), unpack(words))
end

local function ctl(...)
  local words = { ... }
  words[#words + 1] = { env = { [variable] = runtime } }
  return prunner("ctl", unpack(words))
end

--- The children of a process.
local function children(pid)
  local pids = {}
  for child in (helper.read(("/proc/%d/task/%d/children"):format(pid, pid)) or ""):gmatch "%d+" do
    pids[#pids + 1] = tonumber(child)
  end
  return pids
end

local function until_listed(run)
  local pid = run:pid()
  assert.is_truthy(helper.wait_until(function()
    return helper.read(("/proc/%d/cmdline"):format(pid)) == nil
      or ctl(pid).status == 0
  end))
  return pid
end

local function until_children(pid, n)
  assert.is_truthy(helper.wait_until(function() return #children(pid) == n end, 20),
    ("%d children, expected %d"):format(#children(pid), n))
end

--- Tasks that end when the file `go` is there; `done` of them print.
local waiting = [[
  local prunner = require "prunner"
  local ffi = require "ffi"
  ffi.cdef "int poll(void *, unsigned long, int);"
  local go = arg[0]:match "^(.*)/" .. "/go"
  local function exists(path)
    local file = io.open(path)
    return file and file:close()
  end
  function begin() for i = 1, 20 do prunner.post_task(work, i) end end
  function work(i)
    io.stderr:write("running\n")
    while not exists(go) do ffi.C.poll(nil, 0, 2) end
    prunner.counter "n":add(i)
  end
  function end_() print(prunner.counter "n":get(), prunner.nworkers(), prunner.stats().pending) end
]]

local function started(run)
  local _, n = run:err():gsub("running\n", "")
  return n
end

local function release(run)
  local path = helper.read(("/proc/%d/cmdline"):format(run:pid())):match "(/[^%z]*/)script%.lua"
  helper.write(path .. "go", "")
end

describe("prunner ctl", function()
  before_each(function() runtime, variable = helper.tmpdir(), "PRUNNER_RUNTIME_DIR" end)
  after_each(helper.cleanup)

  it("lists the jobs of this user, and says when there is none", function()
    assert.are.equal("prunner ctl: no job of yours is running\n", expect(ctl(), 2, "").err)
    assert.are.equal("prunner ctl: no job of yours is running\n", expect(ctl("pause"), 2, "").err)
    local one, two = spawn(waiting, "-n", 1), spawn(waiting, "-n", 3)
    local a, b = until_listed(one), until_listed(two)
    local list = expect(ctl()).out
    local line = "\n?%d: running, %s, %%d+ of 2%%d tasks done"
      .. ", started at [^:]*%%d%%d:%%d%%d:%%d%%d: [^\n]*/script.lua\n"
    assert.has_match(line:format(a, "1 worker"), list)
    assert.has_match(line:format(b, "3 workers"), list)
    local result = expect(ctl("pause"), 2, list)
    has("prunner ctl: 2 jobs are running: say which, such as prunner ctl ", result.err)
    assert.are.equal(list, expect(ctl("status")).out)
    expect(ctl(b, "stop", "--now"))
    expect(two:wait(), 130)
    assert.has_match(("^%d: running, 1 worker,"):format(a), expect(ctl("status")).out)
    assert.has_match(("^%d: running, 1 worker,"):format(a), expect(ctl(a)).out)
    expect(ctl("stop", "--now"))
    expect(one:wait(), 130)
    expect(ctl(), 2)
  end)

  it("gives a job more workers and fewer while it runs", function()
    local run = spawn(waiting, "-n", 1)
    local pid = until_listed(run)
    expect(ctl(pid, "-n", 7), 0, ("%d: 7 workers (until now 1)\n"):format(pid))
    until_children(pid, 7)
    assert.is_truthy(helper.wait_until(function() return started(run) == 7 end))
    expect(ctl("-n2"), 0, ("%d: 2 workers (until now 7)\n"):format(pid))
    assert.are.equal(7, #children(pid)) -- they run their tasks to the end
    release(run)
    local result = expect(run:wait(), 0, "210\t2\t0\n")
    has("prunner: ctl: 7 workers from now on (until now 1)\n", result.err)
    has("prunner: ctl: 2 workers from now on (until now 7)\n", result.err)
  end)

  it("ends idle surplus workers at once, and starts them again", function()
    local run = spawn([[
      local prunner = require "prunner"
      local ffi = require "ffi"
      ffi.cdef "int poll(void *, unsigned long, int);"
      local stop = arg[0]:match "^(.*)/" .. "/stop"
      function begin() prunner.post_task(work) end
      function work() while not io.open(stop) do ffi.C.poll(nil, 0, 2) end end
      function worker_end() prunner.counter "ended":add(1) end
      function end_() print(prunner.counter "ended":get()) end
    ]], "--eager", "-n", 100)
    local pid = until_listed(run)
    until_children(pid, 100)
    for _, n in ipairs { 1, 70, 3, 130, 2 } do
      expect(ctl(pid, "--nprocess", n))
      -- The one that runs the task may be above the limit.
      assert.is_truthy(helper.wait_until(function()
        local now = #children(pid)
        return now == n or now == n + 1
      end, 20))
    end
    local path = helper.read(("/proc/%d/cmdline"):format(pid)):match "(/[^%z]*/)script%.lua"
    helper.write(path .. "stop", "")
    local result = expect(run:wait())
    assert.is_true(tonumber(result.out) >= 99 + 67 + 128, result.out)
  end)

  it("pauses and resumes", function()
    local run = spawn(waiting, "--eager", "-n", 2)
    local pid = until_listed(run)
    assert.is_truthy(helper.wait_until(function() return started(run) == 2 end))
    expect(ctl(pid, "pause"), 0, pid .. ": paused\n")
    expect(ctl(pid, "pause"), 0, pid .. ": it is paused already\n")
    release(run)
    assert.is_truthy(helper.wait_until(function()
      return ctl(pid).out:find("paused, 2 workers, 3 of 21 tasks done", 1, true)
        or ctl(pid).out:find("paused, 2 workers, 2 of 20 tasks done", 1, true)
    end))
    -- Workers that come now are held too, and so is the successor of one that died.
    expect(ctl(pid, "-n", 4))
    until_children(pid, 4)
    os.execute("kill -9 " .. children(pid)[1])
    until_children(pid, 4)
    assert.are.equal(2, started(run))
    expect(ctl(pid, "resume"), 0, pid .. ": resumed\n")
    local result = expect(run:wait(), 0, "210\t4\t0\n")
    has(("no new tasks start until: prunner ctl %d resume\n"):format(pid), result.err)
  end)

  it("stops as Ctrl-C does", function()
    local run = spawn(waiting, "-n", 2)
    local pid = until_listed(run)
    assert.is_truthy(helper.wait_until(function() return started(run) == 2 end))
    expect(ctl(pid, "stop"), 0, pid .. ": stopping: running tasks will finish\n")
    has("it is ending already", expect(ctl(pid, "pause"), 2).err)
    assert.has_match("^%d+: ending, ", expect(ctl(pid)).out)
    release(run)
    local result = expect(run:wait(), 130, "")
    has("18 tasks are left", result.err)
    assert.is_nil(helper.read(runtime .. "/" .. pid))
  end)

  it("stops a paused job, and at once what does not end", function()
    local run = spawn(waiting, "-n", 2)
    local pid = until_listed(run)
    assert.is_truthy(helper.wait_until(function() return started(run) == 2 end))
    expect(ctl(pid, "pause"))
    expect(ctl(pid, "stop"))
    expect(ctl(pid, "stop", "--now"), 0, pid .. ": stopping at once\n")
    expect(run:wait(), 130, "")
  end)

  it("shows the arguments of a job as a shell would take them", function()
    local run = spawn(waiting, "-n", 1, "--", "a b", "it's", "", "\27[31m", "--x=1", ("y"):rep(400), "z")
    local pid = until_listed(run)
    has([[/script.lua 'a b' 'it'\''s' '' '\x1b[31m' --x=1 ...]] .. "\n", expect(ctl(pid)).out)
    release(run)
    expect(run:wait(), 0)
  end)

  it("kills a task, which fails and is not run again", function()
    local sleeps = ("1000.%d"):format(helper.now() * 1e6 % 1e9) -- nobody else's
    local run = spawn([[
      local prunner = require "prunner"
      function begin() for i = 1, 3 do prunner.post_task(work, i) end end
      function work(i)
        io.stderr:write("running ", i, "\n")
        if i == 2 then os.execute("exec sleep " .. arg[1]) end
        if i == 3 then while true do end end
      end
      function end_() local s = prunner.stats() print(s.posted, s.failed, s.retried, s.pending) end
    ]], "-n", 2, "--retries", 3, "--keep-order", "--failures", runtime .. ".failures", "--joblog", runtime .. ".log",
      "--", sleeps)
    local pid = until_listed(run)
    local log
    assert.is_truthy(helper.wait_until(function()
      log = helper.read(runtime .. ".log")
      return log and log:find("\n[^\n]*work%(1%)")
    end))
    local first = tonumber(log:match "\t(%d+)\t[%d.]+\n$")
    local wrong = { [first] = "does not run: it waits, or has ended", [first + 3 * first] = "there is no task",
      [1] = "there is no task 1 (TASK in prunner top, #N in messages)" }
    for task, message in pairs(wrong) do has(message, expect(ctl(pid, "kill", task), 2, "").err) end
    local second, third = 2 * first, 3 * first
    local function kill(task)
      assert.is_truthy(helper.wait_until(function() return ctl(pid, "kill", "#" .. task).status == 0 end))
    end
    kill(third)
    has("does not run", expect(ctl(pid, "kill", third), 2).err)
    kill(second)
    local result = expect(run:wait(), 1, "3\t2\t0\t0\n")
    has("task work(2) failed: killed by prunner ctl\n", result.err)
    has("task work(3) failed: killed by prunner ctl\n  task #" .. third .. ", run 1, ", result.err)
    assert.is_nil(result.err:find("will be run again", 1, true))
    local failures = helper.read(runtime .. ".failures")
    has('"id":' .. second, failures)
    has('"id":' .. third, failures)
    has('"error":"killed by prunner ctl"', failures)
    local _, failed = helper.read(runtime .. ".log"):gsub("\tfailed\t1\tbegin\t[23]\tkilled by prunner ctl\t", "")
    assert.are.equal(2, failed)
    assert.are.equal("", helper.run({ "pgrep", "-fx", "sleep " .. sleeps }).out)
  end)

  it("kills a task that keeps a stopping job", function()
    local run = spawn([[
      local prunner = require "prunner"
      function begin() prunner.post_task(work) end
      function work() while true do end end
    ]], "-n", 1)
    local pid = until_listed(run)
    expect(ctl(pid, "stop"))
    local task = 4096
    assert.is_truthy(helper.wait_until(function() return ctl(pid, "kill", task).status == 0 end))
    has("task work() failed: killed by prunner ctl", expect(run:wait(), 130).err)
  end)

  it("harms no other task if the one that is named ends before", function()
    local run = spawn([[
      local prunner = require "prunner"
      function begin() prunner.post_task(work, 1) end
      function work(n)
        prunner.counter "n":add(1)
        if n < 40000 then prunner.post_task(work, n + 1) end
      end
      function end_() print(prunner.counter "n":get(), prunner.stats().failed) end
    ]], "-n", 1, "-q")
    local pid = until_listed(run)
    local killed = 0
    helper.wait_until(function()
      local top = prunner("top", "--once", pid).out
      local task = top:match "work%s+(%d+)"
      if task and ctl(pid, "kill", task).status == 0 then killed = killed + 1 end
      return killed > 0 or run:poll()
    end, 20)
    local result = run:wait()
    if killed == 0 then expect(result, 0, "40000\t0\n") else assert.are.equal(1, result.status) end
  end)

  it("says what is wrong with its words", function()
    for words, message in pairs {
      ["-n 0"] = '-n: "0": a job has at least one worker; prunner ctl pause lets it start nothing new',
      ["-n 4001"] = '-n: "4001" is not a number of workers (1 to 4000)',
      ["-n x"] = '-n: "x" is not a number of workers (1 to 4000)',
      ["--nprocess=-1"] = '-n: "-1" is not a number of workers (1 to 4000)',
      ["-n"] = "-n: a value is missing, such as -n 4",
      ["pause resume"] = 'one thing at a time: "pause" or "resume"',
      ["--now"] = "--now belongs to stop: prunner ctl stop --now",
      ["pause --now"] = "--now belongs to stop: prunner ctl stop --now",
      ["frob"] = '"frob" is neither a process nor one of status, pause, resume, stop, kill: see prunner ctl --help',
      ["--frob"] = "unknown option --frob: see prunner ctl --help",
      ["kill"] = "kill: which task? See TASK in prunner top",
      ["1 kill x7"] = 'kill: "x7" is not the number of a task: see TASK in prunner top',
      ["1 kill 0"] = 'kill: "0" is not the number of a task',
      ["1 kill 18446744073709551616"] = 'kill: "18446744073709551616" is not the number of a task',
      ["pause kill 7"] = 'one thing at a time: "pause" or "kill 7"',
      ["kill 7 8"] = 'process 8 ',
      ["0 pause"] = '"0" is not the number of a process',
      ["12x pause"] = '"12x" is not the number of a process',
      ["1 2"] = '"2": one job at a time, and 1 is named already',
      ["2147483647 pause"] = "there is no process 2147483647",
      ["1 pause"] = "process 1 is ",
    } do
      local list = {}
      for word in words:gmatch "%S+" do list[#list + 1] = word end
      has("prunner ctl: " .. message, expect(ctl(unpack(list)), 2, "").err)
    end
    has("usage: prunner ctl [PID]", expect(ctl("--help")).out)
    has("\n  prunner ctl [PID] ", expect(prunner("--help")).out)
  end)

  it("says so when the job is another user's", function()
    local other = "setpriv --reuid 65534 " .. helper.quote(helper.command) .. " --version >/dev/null 2>&1"
    if io.popen("id -u"):read "*l" ~= "0" or os.execute(other) ~= 0 then
      pending "needs root, and a source tree that others may read"
    end
    local path = script(waiting)
    local dir = helper.directory(path)
    os.execute(("chmod 755 %s"):format(dir))
    local run = helper.spawn({ "setpriv", "--reuid", "65534", helper.command, path, "-n", "1" })
    local pid = run:pid()
    assert.is_truthy(helper.wait_until(function() return started(run) == 1 end))
    has(("process %d is another user's (number 65534): only they can control it"):format(pid),
      expect(ctl(pid, "pause"), 2).err)
    helper.write(dir .. "/go", "")
    expect(run:wait(), 0)
  end)

  it("removes what a killed job has left", function()
    local run = spawn(waiting, "-n", 1)
    local pid = until_listed(run)
    local path = ("%s/%d"):format(runtime, pid)
    local function there() return os.execute("test -S " .. path) == 0 end
    assert.is_true(there())
    run:kill "KILL"
    run:wait()
    assert.is_true(there())
    expect(ctl(), 2, "")
    assert.is_false(there())
  end)

  it("uses /tmp where the runtime directory cannot be trusted", function()
    variable = "XDG_RUNTIME_DIR"
    local run = spawn(waiting, "-n", 1)
    local pid = until_listed(run)
    assert.are.equal(0, os.execute(("test -S %s/prunner/%d"):format(runtime, pid)))
    expect(ctl(pid, "stop", "--now"))
    expect(run:wait(), 130)
    os.execute(("chmod 755 %s/prunner"):format(runtime))
    run = spawn(waiting, "-n", 1)
    pid = until_listed(run)
    assert.are.equal(0, os.execute(("test -S /tmp/prunner-$(id -u)/%d"):format(pid)))
    expect(ctl(pid, "stop", "--now"))
    expect(run:wait(), 130)
    assert.are_not.equal(0, os.execute(("test -e /tmp/prunner-$(id -u)/%d"):format(pid)))
  end)

  it("is not inherited by workers and what they start", function()
    local run = spawn([[
      local prunner = require "prunner"
      function begin() prunner.post_task(work) end
      function work()
        if prunner.attempt() == 1 then os.execute "kill -9 $PPID" end
        io.write("worker:\n", io.popen("ls -l /proc/$PPID/fd"):read "*a")
        io.write("child:\n", io.popen("ls -l /proc/self/fd"):read "*a")
      end
    ]], "-n", 1)
    local result = expect(run:wait())
    has("child:\n", result.out)
    assert.is_nil(result.out:find("socket:", 1, true))
  end)

  it("cannot be disturbed by nonsense", function()
    local run = spawn(waiting, "-n", 1)
    local pid = until_listed(run)
    local address = "\1\0" .. ("%s/%d\0"):format(runtime, pid)
    local fd = ffi.C.prn_ctl_socket(1, 2, 0)
    assert.are.equal(0, ffi.C.prn_ctl_connect(fd, address, #address))
    for _, text in ipairs { "", "frob", ("x"):rep(20000), "workers 0", "stop\0" } do
      for _ = 1, 50 do ffi.C.prn_ctl_send(fd, text, #text, 64) end
    end
    ffi.C.prn_ctl_close(fd)
    assert.has_match("^%d+: running, 1 worker, ", expect(ctl(pid)).out)
    release(run)
    expect(run:wait(), 0, "210\t1\t0\n")
  end)

  it("does not reach a job with --serial", function()
    local run = spawn(waiting, "--serial")
    local pid = run:pid()
    assert.is_truthy(helper.wait_until(function() return started(run) == 1 end))
    has("it is not prunner, it is over, or it runs with --serial", expect(ctl(pid, "pause"), 2).err)
    release(run)
    expect(run:wait(), 0)
  end)

  for _, order in ipairs { "fifo", "lifo" } do
    it("up and down at random, with workers killed, changes no sum: " .. order, function()
      local run = spawn([[
        local prunner = require "prunner"
        function begin() for i = 1, 60 do prunner.post_task(work, 1, i) end end
        function work(depth, i)
          local x = 0
          for k = 1, 20000 do x = x + k % 7 end
          prunner.counter "n":add(i)
          if depth < 5 then for _ = 1, 4 do prunner.post_task(work, depth + 1, i) end end
        end
        function end_() print(prunner.counter "n":get(), prunner.stats().posted) end
      ]], "-n", 3, "--order", order, "--max-crashes", 255, "--quiet")
      local pid = until_listed(run)
      math.randomseed(os.time())
      local changes = 0
      local function change()
        local dice = math.random(10)
        if dice == 1 then
          ctl(pid, "pause")
          ctl(pid, "-n", math.random(12))
          ctl(pid, "resume")
        elseif dice <= 4 then
          local pids = children(pid)
          if #pids > 0 then os.execute(("kill -9 %d 2> /dev/null"):format(pids[math.random(#pids)])) end
        elseif ctl(pid, "-n", math.random(12)).status == 0 then
          changes = changes + 1
        end
        return run:poll()
      end
      helper.wait_until(change, 50)
      local tasks = 60 * (1 + 4 + 16 + 64 + 256)
      local sum = 1830 * (1 + 4 + 16 + 64 + 256)
      local result = expect(run:wait(), 0)
      assert.has_match(("^%d\t%d\n"):format(sum, tasks), result.out)
      assert.is_true(changes >= 5, changes)
    end)
  end
end)
