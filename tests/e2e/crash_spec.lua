--- Workers that die or hang; the supervisor's own death; what is left behind.

local helper = require "tests.e2e.helper"
local expect, script, has = helper.expect, helper.script, helper.has

--- Lines that scripts begin with.
local prelude = helper.deadly .. [[
  ffi.cdef "int getppid(void); void abort(void); int poll(void *, unsigned long, int);"
]]

local function job(text, status, out, ...)
  local result = expect(helper.prunner(script(prelude .. text), "-n", 2, ...), status, out)
  helper.wait_until(function() return #helper.survivors(result) == 0 end, 2)
  assert.are.same({}, helper.survivors(result))
  return result
end

local function spawn(text, ...)
  return helper.spawn_prunner(script(prelude .. text), ...)
end

--- The children of a process.
local function children(pid)
  local list = helper.read(("/proc/%d/task/%d/children"):format(pid, pid)) or ""
  local pids = {}
  for child in list:gmatch("%d+") do pids[#pids + 1] = tonumber(child) end
  return pids
end

local function gone(pids)
  for _, pid in ipairs(pids) do
    local state = (helper.read("/proc/" .. pid .. "/stat") or ""):match("^.*%) (%a)")
    if state and state ~= "Z" and state ~= "X" then return false end
  end
  return true
end

describe("a task that ends its worker", function()
  after_each(helper.cleanup)

  for how, case in pairs {
    ["SIGKILL"] = { "die(9)", "SIGKILL" },
    ["SIGSEGV"] = { "ffi.cast('int *', 8)[0] = 1", "SIGSEGV" },
    ["SIGABRT"] = { "ffi.C.abort()", "SIGABRT" },
    ["SIGTERM"] = { "die(15)", "SIGTERM" },
    ["os.exit"] = { "os.exit(7)", "os.exit(7)" },
    ["os.exit with status 0"] = { "os.exit(0)", "os.exit(0)" },
  } do
    it("by " .. how .. " is quarantined after three runs, and the rest is done", function()
      local result = job([[
        function begin()
          prunner.post_task(bad, 5, "text")
          for i = 1, 50 do prunner.post_task(good, i) end
        end
        function bad()
          prunner.dict:incr "runs"
          prunner.post_task(good, 1e6)
          prunner.counter "n":add(1e6)
          ]] .. case[1] .. [[
        end
        function good(i) prunner.counter "n":add(i) end
        function end_() print(prunner.counter "n":get(), prunner.stats().quarantined) end
      ]], 1, "1275\t1\n")
      for run = 1, 2 do
        assert.has_match("prunner: worker %d %(process %d+%) died: " .. case[2]:gsub("[()]", "%%%0")
          .. '; task bad%(5, "text"%), crash ' .. run .. " of 3, will be run again\n", result.err)
      end
      has('prunner: task bad(5, "text") was quarantined: 3 runs ended with the worker\'s death, '
        .. "the last one by " .. case[2] .. "\n", result.err)
      assert.has_match("task #%d+, defined at [^\n]*script.lua:10, posted by begin; %-%-max%-crashes says",
        result.err)
      has("prunner: 1 task was quarantined, of 51 tasks\n", result.err)
    end)
  end

  it("may have a max_crashes of its own", function()
    local result = job([[
      prunner.task("once", function() die(9) end, { max_crashes = 1 })
      prunner.task("five", function() if prunner.attempt() < 5 then die(9) end print "fifth" end,
        { max_crashes = 5 })
      function begin() prunner.post_task "once" prunner.post_task "five" end
    ]], 1, "fifth\n")
    has("task once() was quarantined: 1 run", result.err)
    assert.is_nil(result.err:find("five() was quarantined", 1, true))
  end)

  it("counts apart from errors", function()
    local result = job([[
      function begin() prunner.post_task(work) end
      function work()
        local run = prunner.attempt()
        if run <= 2 then error("error " .. run, 0) end
        if run <= 4 then die(9) end
        print("run " .. run)
      end
    ]], 0, "run 5\n", "--retries", 2, "--max-crashes", 3)
    has("task work(), crash 1 of 3, will be run again\n", result.err)
    has("task work(), crash 2 of 3, will be run again\n", result.err)
  end)

  it("is said to have tasks run again that were suspended in its worker", function()
    local result = job([[
      function begin()
        for i = 1, 4 do prunner.post_task(waits, i) end
        prunner.post_task(bad)
      end
      local begun = 0
      function waits()
        begun = begun + 1
        if prunner.attempt() < 3 then prunner.sleep(600) end
      end
      function bad()
        while begun < 4 do prunner.sleep(0.001) end
        die(9)
      end
    ]], 1, "", "-n", 1, "-c", 5, "--max-crashes", 2)
    has("died: SIGKILL; task bad(), crash 1 of 2, will be run again, and so will 4 suspended tasks\n", result.err)
    has("died: SIGKILL; 4 suspended tasks will be run again\n", result.err)
    helper.has_not("no task was harmed", result.err)
  end)

  it("may have waited with others, when its worker was killed: nobody is blamed", function()
    local run = spawn([[
      function begin() for i = 1, 5 do prunner.post_task(waits, i) end end
      function waits()
        if prunner.attempt() > 1 then return end
        io.stderr:write "up\n"
        prunner.sleep(600)
      end
    ]], "-n", 1, "-c", 5)
    assert.is_truthy(helper.wait_until(function() return helper.count("up\n", run:err()) == 5 end))
    assert.is_truthy(helper.wait_until(function()
      return helper.prunner("top", "--once", run:pid()).out:find(", 5 tasks suspended", 1, true)
    end))
    helper.run { "kill", "-KILL", tostring(children(run:pid())[1]) }
    has("died: SIGKILL; 5 suspended tasks will be run again\n", expect(run:wait()).err)
  end)

  it("takes the commands it has started with it", function()
    local dir = helper.tmpdir()
    local result = job([[
      function begin() prunner.post_task(work) end
      function work()
        local pipe = io.popen "sleep 1000 & echo $!; exec sleep 1000"
        prunner.dict.pid = tonumber(pipe:read "*l")
        die(9)
      end
      function end_() print(prunner.dict.pid) end
    ]], 1, nil, "--max-crashes", 1, { cwd = dir })
    assert.is_true(helper.wait_until(function() return gone { tonumber(result.out) } end, 2))
  end)

  it("has its work counted once, however often it dies", function()
    job([[
      function begin() for i = 1, 100 do prunner.post_task(work, i) end end
      function work(i)
        prunner.counter "c":add(i)
        prunner.dict:incr("d", i)
        prunner.global_lock(function() prunner.dict.l = (prunner.dict.l or 0) + i end)
        prunner.collector "list":add(i)
        prunner.post_task(child, i)
        if i % 10 == 0 and prunner.attempt() < 3 then die(9) end
      end
      function child(i) prunner.counter "children":add(i) end
      function end_()
        print(prunner.counter "c":get(), prunner.dict.d, prunner.dict.l, #prunner.collector "list":get(),
          prunner.counter "children":get())
      end
    ]], 0, "5050\t5050\t5050\t100\t5050\n", "-q")
  end)

  it("releases the locks it held and publishes nothing of the section", function()
    job([[
      function begin() prunner.dict.x = 0 prunner.post_task(bad) end
      function bad()
        if prunner.attempt() == 1 then
          prunner.global_lock(function() prunner.dict.x = "half" die(9) end)
        end
        prunner.global_lock(function() prunner.dict.x = prunner.dict.x + 1 end)
      end
      function end_() print(prunner.dict.x) end
    ]], 0, "1\n", "-q")
  end)
end)

describe("--timeout", function()
  after_each(helper.cleanup)

  it("ends the task, starts its worker anew, and names the reason", function()
    local result = job([[
      function begin()
        prunner.post_task(sleepy)
        for i = 1, 20 do prunner.post_task(good, i) end
      end
      function sleepy()
        prunner.counter "n":add(1000)
        prunner.dict.runs = prunner.attempt()
        prunner.post_task(good, 5000)
        os.execute "sleep 1000"
      end
      function good(i) prunner.counter "n":add(i) end
      function end_()
        local s = prunner.stats()
        print(prunner.counter "n":get(), prunner.dict.runs, s.failed, s.quarantined, s.retried)
      end
    ]], 1, "210\t1\t1\t0\t0\n", "--timeout", 0.1)
    has("task sleepy() failed: it ran longer than allowed (--timeout, timeout)\n"
      .. "  task #4096, run 1, worker ", result.err)
    has("1 task failed, of 21 tasks", result.err)
  end)

  it("is a failure: tried again as often as --retries says, after the backoff", function()
    for _, options in ipairs { { "--max-crashes", 1 }, { "--max-crashes", 1, "--keep-order" } } do
      local result = job([[
        prunner.task("sleepy", function(how)
          print(how, prunner.attempt())
          io.stdout:flush()
          if prunner.attempt() < 3 then while true do end end
        end, { backoff = 0.05 })
        prunner.task("at_once", function(how)
          if prunner.attempt() < 3 then while true do end end
          print "at once"
        end)
        function begin()
          prunner.post_task("sleepy", "x")
          prunner.post_task("at_once")
        end
        function end_() print(prunner.stats().failed, prunner.stats().quarantined, prunner.stats().retried) end
      ]], 0, nil, "--timeout", 0.1, "--retries", 2, unpack(options))
      has("x\t3\n", result.out)
      has("at once\n", result.out)
      has("0\t0\t4\n", result.out)
      assert.are.equal(4, helper.count("will be run again: it ran longer", result.err))
    end
  end)

  it("may be given for one function", function()
    job([[
      prunner.task("short", function() while true do end end, { timeout = 0.05 })
      prunner.task("second", function()
        if prunner.attempt() == 1 then while true do end end
        prunner.dict.second = true
      end, { timeout = 0.05, retries = 1 })
      function begin()
        prunner.post_task "short"
        prunner.post_task "second"
        prunner.post_task(long)
      end
      function long()
        local c = require("prunner.native").C
        local till = c.prn_now() + 0.3
        while c.prn_now() < till do end
        prunner.dict.long = prunner.attempt()
      end
      function end_() print(prunner.dict.long, prunner.dict.second) end
    ]], 1, "1\ttrue\n", "-q")
  end)
end)

describe("workers that die before they take a task", function()
  after_each(helper.cleanup)

  it("are given up, and the job ends with status 3", function()
    local result = job([[
      function begin() prunner.post_task(work) end
      function worker_begin() die(9) end
      function work() end
      function end_() print "never" end
    ]], 3, "")
    local deaths = tonumber(result.err:match("worker 1 died (%d+) times within %d+ s before it ran a task "
      .. "%(SIGKILL%): it is given up%."))
    assert.is_true(deaths >= 5 and deaths <= 20) -- it pauses
    assert.are.equal(5, helper.count("worker 1 (process", result.err))
    has("no worker is left: the job cannot continue (tasks left: 1)", result.err)
  end)

  it("are given up when worker_begin raises, with its message", function()
    local result = job([[
      function begin() prunner.post_task(work) end
      function worker_begin() error "no database" end
      function work() end
    ]], 3, "")
    assert.has_match("worker_begin failed in worker %d: ", result.err)
    has("no database", result.err)
  end)

  it("end the job under --serial too, where nobody takes their place", function()
    local result = job([[
      function begin() prunner.post_task(work) prunner.post_task(work) end
      function worker_begin() error "no database" end
      function worker_end() print "never" end
      function work() print "never" end
      function end_() print "never" end
    ]], 3, "", "--serial")
    has("worker_begin failed in worker 1: ", result.err)
    has("no worker is left: the job cannot continue (tasks left: 2)", result.err)
  end)

  it("leave the job to the others", function()
    local result = job([[
      function begin() for i = 1, 100 do prunner.post_task(work, i) end end
      function worker_begin() if prunner.worker_id() == 1 then die(9) end end
      function work(i) prunner.counter "n":add(i) end
      function end_() print(prunner.counter "n":get()) end
    ]], 0, "5050\n")
    assert.is_nil(result.err:find("no worker is left"))
  end)

  it("are not given up while somebody kills them: 2 of 3, every 3 to 30 ms", function()
    local path = helper.script [[
      local prunner, ffi = require "prunner", require "ffi"
      ffi.cdef "int getpid(void); int poll(void *, unsigned long, int); int kill(int, int);"
      function begin()
        prunner.post_task(storm)
        for i = 1, 1500 do prunner.post_task(work, i) end
      end
      function worker_begin() prunner.dict["pid" .. prunner.worker_id()] = ffi.C.getpid() end
      function storm()
        local me, kills = prunner.worker_id(), 0
        while kills < 500 do
          ffi.C.poll(nil, 0, 3 + kills * 7 % 28)
          for id = 1, 3 do
            local pid = prunner.dict["pid" .. id]
            if id ~= me and pid then ffi.C.kill(pid, 9) end
          end
          kills = kills + 1
        end
      end
      function work(i) prunner.counter "n":add(i) ffi.C.poll(nil, 0, 1) end
      function end_() print(prunner.counter "n":get()) end
    ]]
    local result = expect(helper.prunner(path, "-n", 3, "-q", "--max-crashes", 255), 0, "1125750\n")
    assert.is_nil(result.err:find("given up", 1, true))
  end)

  it("leave a long task to the one that lives, however long they fail", function()
    local result = job([[
      function begin() for i = 1, 20 do prunner.post_task(work, i) end end
      function worker_begin() if prunner.worker_id() > 1 then error "no database" end end
      function work(i) ffi.C.poll(nil, 0, 700) prunner.counter "n":add(i) end
      function end_() print(prunner.counter "n":get()) end
    ]], 0, "210\n", "-n", 3, "--eager")
    assert.are.equal(2, helper.count("it is given up", result.err))
    assert.has_match("worker_begin failed in worker %d: ", result.err)
    has("no database", result.err)
  end)
end)

describe("the death of the supervisor", function()
  after_each(helper.cleanup)

  it("takes all workers with it", function()
    local run = spawn([[
      function begin() for i = 1, 100 do prunner.post_task(work, i) end end
      function work(i)
        io.stderr:write("busy\n")
        if i % 2 == 0 then while true do end end
        os.execute "sleep 1000"
      end
    ]], "-n", 8)
    local workers
    assert.is_true(helper.wait_until(function()
      workers = children(run:pid())
      return #workers == 8 and helper.count("busy\n", run:err()) == 8
    end))
    run:kill "KILL"
    run:wait()
    assert.is_true(helper.wait_until(function() return gone(workers) end))
  end)
end)

describe("a job", function()
  after_each(helper.cleanup)

  it("leaves no process, no zombie and no file behind", function()
    local tmp = helper.tmpdir()
    local shm = helper.run("ls -A /dev/shm").out
    local text = [[
      function begin() for i = 1, 500 do prunner.post_task(work, i) end end
      function work(i)
        if i % 50 == 0 and prunner.attempt() == 1 then die(9) end
        if i % 51 == 0 then os.exit(1) end
        if i % 52 == 0 then error "x" end
        prunner.dict[i] = ("x"):rep(1000)
      end
      function end_()
        local zombies, own = 0, ffi.C.getpid()
        for stat in io.popen("cat /proc/[0-9]*/stat 2> /dev/null"):lines() do
          local state, parent = stat:match "^.*%) (%a) (%d+)"
          if state == "Z" and tonumber(parent) == own then zombies = zombies + 1 end
        end
        print(zombies)
      end
    ]]
    local path = script(prelude .. text)
    local result = expect(helper.prunner(path, "-n", 6, "-q", "--memory", "2M", "--tmpdir", tmp,
      { env = { TMPDIR = tmp } }), 1, "0\n")
    assert.are.same({}, helper.survivors(result))
    assert.are.equal("", helper.run({ "ls", "-A", tmp }).out)
    assert.are.equal(shm, helper.run("ls -A /dev/shm").out)
  end)

  it("leaks no descriptor into workers or into what tasks start", function()
    local result = job([[
      function begin() for i = 1, 200 do prunner.post_task(work, i) end end
      local function output(command)
        local pipe = io.popen(command)
        local text = pipe:read "*a"
        pipe:close()
        return text
      end
      function work(i)
        if i % 40 == 0 and prunner.attempt() == 1 then die(9) end
        if i % 50 ~= 0 then return end
        prunner.max "command":add(tonumber((output "ls /proc/self/fd | wc -l")))
        -- without pipes: popen closes the end that is not its own only when ls runs already
        local n = tonumber((output("ls -l /proc/" .. ffi.C.getpid() .. "/fd | grep -- '->' | grep -vc pipe")))
        prunner.max "fds":add(n)
        prunner.min "fds":add(n)
      end
      function end_()
        print(prunner.max "command":get(), prunner.max "fds":get() - prunner.min "fds":get())
        print(prunner.max "fds":get())
      end
    ]], 0, nil, "-q")
    local command, varies, worker = result.out:match("^(%d+)\t(%d+)\n(%d+)\n$")
    -- what this test has handed down itself, the standard three, and the directory that ls reads
    assert.are.equal(tonumber(helper.run("ls /proc/self/fd | wc -l").out), tonumber(command))
    local inherited = helper.run("ls -l /proc/self/fd | grep -- '->' | grep -vc -e pipe -e /proc").out
    assert.are.equal("0", varies)
    -- the arena, its file, the eventfd; our ls writes to a pipe, the worker to a file
    assert.are.equal(tonumber(inherited) + 1 + 3, tonumber(worker))
  end)

  it("gives exact sums while a worker is killed every 20 ms", function()
    local run = spawn([[
      function begin() for i = 1, 2000 do prunner.post_task(work, i) end prunner.dict.locked = 0 end
      function work(i)
        prunner.counter "n":add(i)
        prunner.dict:incr("added", i)
        prunner.global_lock(function() prunner.dict.locked = prunner.dict.locked + i end)
        ffi.C.poll(nil, 0, 5)
      end
      function end_() print(prunner.counter "n":get(), prunner.dict.added, prunner.dict.locked) end
    ]], "-n", 4, "--max-crashes", 50, "-q")
    local killed = helper.kill_workers(run, 0.02)
    expect(run:wait(), 0, "2001000\t2001000\t2001000\n")
    assert.is_true(killed > 50, killed .. " killed")
    assert.are.same({}, helper.survivors(run))
  end)

  it("leaves the shared memory out of a core", function()
    if helper.read "/proc/sys/kernel/core_pattern" ~= "core\n" then
      return pending("cores of this machine lie elsewhere")
    end
    for _, options in ipairs { "", "--memory 1M", "--state job.state" } do
      local dir = helper.tmpdir()
      local path = helper.write(dir .. "/job.lua", prelude .. [[
        function begin() prunner.post_task(crash) end
        function crash() die(11) end
        function end_() print(prunner.stats().quarantined) end
      ]])
      local command = ("ulimit -c unlimited || exit 99; exec %s %s --max-crashes 1 -n 1 %s")
        :format(helper.quote(helper.command), options, path)
      local result = helper.run({ "sh", "-c", command }, { cwd = dir, timeout = 20 })
      if result.status == 99 then return pending("no cores are allowed here") end
      expect(result, 1, "1\n")
      local size = helper.run("cat " .. dir .. "/core* | head -c 300000000 | wc -c").out
      assert.is_true(tonumber(size) > 100000 and tonumber(size) < 300000000, options .. ": " .. size)
    end
  end)
end)
