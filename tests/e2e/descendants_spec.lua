--- What a task has started ends with it; workers end with their supervisor whoever they have become.

local helper = require "tests.e2e.helper"
local expect, script, has = helper.expect, helper.script, helper.has

--- Lines that scripts begin with.
local prelude = helper.deadly .. [[
  ffi.cdef "int getppid(void); void abort(void); int poll(void *, unsigned long, int);"
]]

local function spawn(text, ...)
  return helper.spawn_prunner(script(prelude .. text), ...)
end

describe("what tasks have started", function()
  after_each(helper.cleanup)

  local commands = {
    "sleep 1001",
    "timeout 1000 sleep 1001",
    "setsid sleep 1001",
    "setsid --fork sleep 1001; sleep 1001",
    "bash -c 'set -m; sleep 1001 & wait'",
    "(trap '' TERM; sleep 1001; sleep 1001)",
    "env -i sleep 1001",
    "nested prunner",
  }
  local function command_of(command)
    return command ~= "nested prunner" and command or helper.quote(helper.command) .. " -q -n 2 " .. script [[
      function begin() for i = 1, 2 do require("prunner").post_task(work) end end
      function work() os.execute "setsid timeout 1000 sleep 1001" end
    ]]
  end
  local text = [[
    function begin() require("prunner").post_task(work) end
    function work()
      io.stderr:write "up\n"
      if how == "dies" then os.execute(arg[1] .. " &") pause() die(11) end
      os.execute(arg[1])
    end
  ]]
  local function nothing_left(result)
    assert.is_true(helper.wait_until(function() return #helper.survivors(result) == 0 end, 2))
  end

  for _, command in ipairs(commands) do
    it("ends at a timeout: " .. command, function()
      local result = expect(helper.prunner(script(prelude .. text), "-n", 1, "-q", "--timeout", 0.3,
        "--", command_of(command), { timeout = 20 }), 1)
      has("failed: it ran longer than allowed", result.err)
      nothing_left(result)
    end)

    it("ends with its worker: " .. command, function()
      local result = expect(helper.prunner(script(prelude .. "local how = 'dies'\n"
        .. "local function pause() ffi.C.poll(nil, 0, 300) end\n" .. text), "-n", 1, "-q", "--max-crashes", 1,
        "--", command_of(command), { timeout = 20 }), 1)
      has("SIGSEGV", result.err)
      nothing_left(result)
    end)

    it("ends at the second Ctrl-C: " .. command, function()
      local run = spawn(text, "-n", 1, "-q", "--", command_of(command))
      assert.is_true(helper.wait_until(function()
        return run:err():find "up\n" and #helper.survivors(run) >= 3
      end) ~= nil)
      run:kill "INT"
      assert.is_true(helper.wait_until(function() return run:err():find("again to kill them", 1, true) end) ~= nil)
      run:kill "INT"
      nothing_left(expect(run:wait(), 130))
    end)
  end

  it("gets SIGTERM first, and a moment to tidy up, before the task runs again", function()
    local dir = helper.tmpdir()
    expect(helper.prunner(script(prelude .. [[
      function begin() require("prunner").post_task(work) end
      function work()
        local command = "trap 'echo tidy >> %s/log; exit' TERM; echo up >> %s/log; while :; do sleep 0.02; done"
        os.execute("bash -c " .. "\"" .. command:gsub("%%s", arg[1]) .. "\"")
      end
    ]]), "-n", 1, "-q", "--timeout", 0.4, "--retries", 1, "--", dir, { timeout = 20 }), 1)
    assert.are.equal("up\ntidy\nup\ntidy\n", helper.read(dir .. "/log"))
  end)

  it("is left alone if it is a daemon, when all went well; and zombies are reaped", function()
    local run = spawn([[
      function begin() for i = 1, 20 do prunner.post_task(work) end prunner.post_task(look) end
      function work() os.execute "(true &) ; (setsid sleep 3 >/dev/null 2>&1 &)" end
      function look()
        local me, zombies = ffi.C.getppid(), 0
        for i = 1, 100 do
          zombies = 0
          for pid in io.open(("/proc/%d/task/%d/children"):format(me, me)):read("*a"):gmatch "%d+" do
            local stat = io.open("/proc/" .. pid .. "/stat")
            if stat and stat:read "*a":find ") Z " then zombies = zombies + 1 end
          end
          if zombies == 0 then break end
          ffi.C.poll(nil, 0, 20)
        end
        print("zombies", zombies)
      end
    ]], "-n", 1)
    expect(run:wait(), 0, "zombies\t0\n")
    assert.is_true(#helper.survivors(run) >= 15)
    os.execute("kill " .. table.concat(helper.survivors(run), " "))
  end)

  it("of begin is the script's own", function()
    expect(helper.prunner(script(prelude .. [[
      local pipe
      function begin()
        pipe = io.popen("sleep 0.5; echo out; exit 3", "r")
        os.execute "true &"
        for i = 1, 3 do prunner.post_task(work) end
      end
      function work() os.execute "true &" if prunner.attempt() == 1 then die(9) end end
      function end_() print(pipe:read "*a") pipe:close() end
    ]]), "-n", 2, "-q", { timeout = 20 }), 0, "out\n\n")
  end)
end)

describe("workers that have become another user", function()
  after_each(helper.cleanup)

  for _, where in ipairs { "worker_begin", "task" } do
    it("die with the supervisor, and the job can be resumed: " .. where, function()
      if io.popen("id -u"):read "*n" ~= 0 then return pending "only root can become another user" end
      local state = helper.tmpdir() .. "/state"
      local path = script(prelude .. [[
        ffi.cdef "int setuid(unsigned);"
        local where = arg[1]
        local function drop() assert(ffi.C.setuid(65534) == 0) end
        prunner.task("flaky", function()
          if where == "task" then drop() end
          if where ~= "go on" then
            io.stderr:write "up\n"
            error "not yet"
          end
        end, { retries = 9, backoff = 1 })
        function begin() for i = 1, 2 do prunner.post_task "flaky" end end
        function worker_begin() if where == "worker_begin" then drop() end end
      ]])
      local run = helper.spawn_prunner("--state", state, path, "-n", 2, "--", where)
      assert.is_true(helper.wait_until(function() return helper.count("up\n", run:err()) == 2 end))
      run:kill "KILL"
      run:wait()
      assert.is_true(helper.wait_until(function() return #helper.survivors(run) == 0 end, 5))
      expect(helper.prunner("--resume", state, path, "-n", 2, "-q", "--", "go on", { timeout = 20 }), 0)
    end)
  end

  it("die with the supervisor also while their tasks wait by turns", function()
    if io.popen("id -u"):read "*n" ~= 0 then return pending "only root can become another user" end
    local path = script(prelude .. [[
      ffi.cdef "int setuid(unsigned);"
      local queue = prunner.get_manager():queue "empty"
      local waits = {
        sleep = function() prunner.sleep(1000) end,
        queue = function() queue:get(1000) end,
      }
      function begin() for how in pairs(waits) do prunner.post_task(work, how) end end
      function work(how)
        assert(ffi.C.setuid(65534) == 0)
        io.stderr:write "up\n"
        waits[how]()
      end
    ]])
    local run = helper.spawn_prunner(path, "-n", 1, "-c", 4)
    assert.is_true(helper.wait_until(function() return helper.count("up\n", run:err()) == 2 end))
    run:kill "KILL"
    run:wait()
    assert.is_true(helper.wait_until(function() return #helper.survivors(run) == 0 end, 5))
  end)

  it("die with the supervisor also while their task waits for a lock or a queue", function()
    if io.popen("id -u"):read "*n" ~= 0 then return pending "only root can become another user" end
    local path = script(prelude .. [[
      ffi.cdef "int setuid(unsigned);"
      local queue, lock = prunner.get_manager():queue "empty", prunner.lock "held"
      function begin()
        for _, how in ipairs { "holds", "waits", "gets" } do prunner.post_task(work, how) end
      end
      function work(how)
        assert(ffi.C.setuid(65534) == 0)
        if how ~= "gets" then
          while how == "waits" and not prunner.dict.held do end
          lock:acquire()
          prunner.dict:set("held", true)
        end
        io.stderr:write "up\n"
        queue:get(how == "gets" and 1000 or 1001)
      end
    ]])
    local run = helper.spawn_prunner(path, "-n", 3, "--eager")
    assert.is_true(helper.wait_until(function() return helper.count("up\n", run:err()) == 2 end))
    run:kill "KILL"
    run:wait()
    assert.is_true(helper.wait_until(function() return #helper.survivors(run) == 0 end, 5))
  end)
end)
