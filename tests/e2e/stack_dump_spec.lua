--- SIGUSR1: what each worker does. And it must not harm the tasks.

local helper = require "tests.e2e.helper"
local expect, script, has, has_not = helper.expect, helper.script, helper.has, helper.has_not

-- Tasks that wait for the file `go` beside the script, in different ways.
local head = [[
  local prunner = require "prunner"
  local socket = require "socket"
  local ffi = require "ffi"
  ffi.cdef "int usleep(unsigned); void *signal(int, void *); int getpid(void); int kill(int, int);"
  local dir = arg[0]:match "^(.*)/"
  local go = dir .. "/go"
  local function gone()
    local f = io.open(go)
    if f then f:close() end
    return f
  end
]]

local function start(text, ...)
  local path = script(head .. text)
  local run = helper.spawn_prunner(path, ...)
  return run, helper.beside(path, "go")
end

local function started(run, n)
  assert.is_true(helper.wait_until(function() return helper.count("up\n", run:err()) >= n end) ~= nil)
end

-- Sends the signal; returns what was printed for it.
local function ask(run)
  local before = #run:err()
  run:kill "USR1"
  local text = helper.wait_until(function()
    local t = run:err():sub(before + 1)
    return t:find("prunner: %d+:%d%d, .*\n  [^\n]+\n$") and t
  end)
  assert.is_truthy(text, run:err())
  return text
end

describe("SIGUSR1", function()
  after_each(helper.cleanup)

  it("prints what each worker runs, and its stack where Lua is interpreted", function()
    local run, go = start([[
      jit.off()
      local function deep() while not gone() do end end
      function interpreted() io.stderr:write "up\n"; deep() end
      function in_coroutine() coroutine.wrap(function() io.stderr:write "up\n"; deep() end)() end
      function sleeps() io.stderr:write "up\n"; while not gone() do socket.sleep(0.3) end end
      function begin()
        prunner.post_task(interpreted, "an argument", 7)
        prunner.post_task(in_coroutine)
        prunner.post_task(sleeps)
      end
    ]], "--eager", "-n", 4)
    started(run, 3)
    local text = ask(run)
    assert.has_match("prunner: %d:%d%d, 0 of 3 tasks %(0%%%), .*3 of 4 workers busy", text)
    assert.has_match('worker %d %(process %d+%): task interpreted%("an argument", 7%) #%d+, ', text)
    local stack = text:match "task interpreted[^\n]*\n(.-)\n  [%d%w]"
    assert.has_match("script.lua:%d+: in deep\n      .*script.lua:%d+: in ", stack)
    assert.has_match("task in_coroutine%(%) #%d+, [^\n]*\n      [^\n]*script.lua:%d+: in ", text)
    assert.has_match("task sleeps%(%) #%d+, [^\n]*\n      %(sleeps in a call of the system", text)
    has("  1 without a task\n", text)
    helper.write(go, "")
    expect(run:wait())
  end)

  it("says so where code is compiled", function()
    local run, go = start([[
      function compiled()
        io.stderr:write "up\n"
        local x = 0
        repeat
          for i = 1, 2e9 do x = (x + i) % 1000003 end
        until gone()
      end
      function begin() prunner.post_task(compiled) end
    ]], "-n", 1)
    started(run, 1)
    local text = helper.wait_until(function()
      local t = ask(run)
      return t:find("(in compiled code or in a C function: no stack)", 1, true) and t
    end)
    assert.is_truthy(text)
    helper.write(go, "")
    run:kill "KILL"
    run:wait()
  end)

  it("names the lock that a task waits for", function()
    local run, go = start([[
      function holds()
        prunner.lock("door"):with(function()
          io.stderr:write "up\n"
          while not gone() do socket.sleep(0.01) end
        end)
      end
      function waits()
        local door = prunner.lock "door"
        while door:try_acquire() do door:release() end -- not before the other has it
        io.stderr:write "up\n"
        door:with(function() end)
      end
      function begin() prunner.post_task(holds) prunner.post_task(waits) end
    ]], "-n", 2)
    started(run, 2)
    assert.is_truthy(helper.wait_until(function()
      return ask(run):find('      (waits for the lock "door")\n', 1, true)
    end))
    helper.write(go, "")
    expect(run:wait())
  end)

  it("does not wake a task that sleeps, nor disturb what it runs or reads", function()
    local run = start([[
      local function lasts(name, seconds, fn)
        io.stderr:write "up\n"
        local from = socket.gettime()
        local result = fn()
        local took = socket.gettime() - from
        print(name, result, took >= seconds or took)
      end
      function executes() lasts("execute", 1, function() return os.execute "sleep 1" end) end
      function reads_pipe()
        lasts("popen", 1, function()
          local p = io.popen "echo a; sleep 1; echo b"
          local text = p:read "*a"
          p:close()
          return text:gsub("\n", "")
        end)
      end
      function sleeps() lasts("sleep", 1, function() socket.sleep(1) return "" end) end
      function usleeps() lasts("usleep", 0.9, function() return ffi.C.usleep(900000) end) end
      function receives()
        lasts("socket", 1, function()
          local server = assert(socket.bind("127.0.0.1", 0))
          local _, port = server:getsockname()
          local p = io.popen(("exec 3<>/dev/tcp/127.0.0.1/%d; sleep 1; echo hello >&3"):format(port)
            :gsub("^", "bash -c '") .. "'")
          local client = server:accept()
          client:settimeout(20)
          local line = client:receive()
          p:close()
          return line
        end)
      end
      function computes()
        lasts("sum", 0, function()
          local n = 0
          for i = 1, 3e6 do n = n + #tostring(i) end
          return n
        end)
      end
      function begin()
        for _, f in ipairs { executes, reads_pipe, sleeps, usleeps, receives, computes } do
          prunner.post_task(f)
        end
      end
    ]], "-n", 6)
    started(run, 6)
    while not run:poll() do
      run:kill "USR1"
      helper.wait_until(function() return run:poll() end, 0.005)
    end
    local lines = {}
    for line in expect(run:wait()).out:gmatch "[^\n]+" do lines[#lines + 1] = line end
    table.sort(lines)
    assert.are.same({ "execute\t0\ttrue", "popen\tab\ttrue", "sleep\t\ttrue", "socket\thello\ttrue",
      "sum\t19888896\ttrue", "usleep\t0\ttrue" }, lines)
  end)

  it("prints the stacks of suspended tasks, each once, with how many have it", function()
    local run = start([[
      jit.off()
      local function nap(seconds) prunner.sleep(seconds) return true end
      function sleeps() io.stderr:write "up\n" nap(600) return true end
      function differs(i)
        io.stderr:write "up\n"
        if i == 1 then
          prunner.sleep(600)
        else
          prunner.sleep(600)
        end
      end
      function begin()
        for i = 1, 20 do prunner.post_task(sleeps, i) end
        for i = 1, 2 do prunner.post_task(differs, i) end
      end
    ]], "-n", 1, "-c", 30)
    started(run, 22)
    local text
    assert.is_truthy(helper.wait_until(function()
      text = ask(run)
      return text:find("suspended 22", 1, true)
    end), text)
    assert.has_match("  worker 1 %(process %d+%): waits\n    suspended: 20, as sleeps%(%d+%) #%d+, for a clock\n", text)
    assert.has_match("script.lua:%d+: in nap\n      [^\n]*script.lua:%d+: in ", text)
    assert.are.equal(1, helper.count(": in nap\n", text))
    assert.has_match("    suspended: 1, differs%(1%) #%d+, for a clock\n", text)
    assert.has_match("    suspended: 1, differs%(2%) #%d+, for a clock\n", text)
    has_not("without a task", text)
    run:kill "KILL"
    run:wait()
  end)

  it("prints where a task waits inside coroutines of the script", function()
    local run = start([[
      jit.off()
      local other = coroutine.create(function() coroutine.yield() end)
      local function nap() prunner.sleep(600) return true end
      function waits()
        coroutine.resume(other)
        local inner = coroutine.wrap(function() nap() coroutine.yield(1) end)
        local outer = coroutine.wrap(function() local value = inner() coroutine.yield(value) end)
        io.stderr:write "up\n"
        return outer(), 1
      end
      function begin() prunner.post_task(waits) end
    ]], "-n", 1, "-c", 30)
    started(run, 1)
    local text
    assert.is_truthy(helper.wait_until(function()
      text = ask(run)
      return text:find("suspended 1", 1, true)
    end), text)
    assert.has_match("suspended: 1, waits%(%) #%d+, for a clock\n.*: in nap\n.*: in inner\n.*: in outer\n", text)
    run:kill "KILL"
    run:wait()
  end)

  it("prints at most ten of them for a worker, beside the task that runs", function()
    local run, go = start([[
      jit.off()
      local code, waiting = {}, 0
      for i = 1, 15 do code[i] = ("if i == %d then prunner.sleep(0.02) end"):format(i) end
      local naps = assert(loadstring("local prunner = ... return function(i)\n" .. table.concat(code, "\n")
        .. "\nend", "=naps"))(prunner)
      function sleeps(i)
        waiting = waiting + 1
        naps(i)
      end
      function runs()
        while waiting < 15 do prunner.sleep(0) end
        io.stderr:write "up\n"
        while not gone() do end
      end
      function begin()
        prunner.post_task(runs)
        for i = 1, 15 do prunner.post_task(sleeps, i) end
      end
    ]], "-n", 1, "-c", 30)
    started(run, 1)
    local text = ask(run)
    assert.has_match("task runs%(%) #%d+, [^\n]*\n      [^\n]*script.lua:%d+: in ", text)
    assert.are.equal(10, helper.count(": in naps\n", text))
    has("    suspended: 5 more\n", text)
    helper.write(go, "")
    expect(run:wait())
  end)

  it("is safe while tasks wait and go on", function()
    local run = start([[
      function work(i)
        if i == 1 then io.stderr:write "up\n" end
        for _ = 1, 40 do prunner.sleep(0.005) end
        prunner.counter "sum":add(i)
      end
      function begin() for i = 1, 600 do prunner.post_task(work, i) end end
      function end_() print(prunner.counter "sum":get()) end
    ]], "-n", 2, "-c", 100)
    started(run, 1)
    while not run:poll() do
      if not run:err():find("end_", 1, true) then run:kill "USR1" end
      helper.wait_until(function() return run:poll() end, 0.002)
    end
    expect(run:wait(), 0, "180300\n")
    has("suspended: ", run.result.err)
  end)

  it("is safe while workers die and are replaced", function()
    local run = start([[
      jit.off()
      function work(i)
        local n = 0
        for _ = 1, 3e5 do n = n + 1 end
        if i % 5 == 0 and prunner.attempt() == 1 then ffi.C.kill(ffi.C.getpid(), 9) end
        prunner.counter "sum":add(i)
      end
      function begin() for i = 1, 300 do prunner.post_task(work, i) end end
      function end_() print(prunner.counter "sum":get()) end
    ]], "-n", 4)
    helper.wait_until(function() return run:err():find("died", 1, true) end)
    while not run:poll() do
      if not run:err():find("end_", 1, true) then run:kill "USR1" end
      helper.wait_until(function() return run:poll() end, 0.002)
    end
    expect(run:wait(), 0, "45150\n")
    has(" workers busy", run.result.err)
  end)

  it("leaves a hook of the script's own in its place", function()
    local run, go = start([[
      jit.off()
      function work()
        local lines = 0
        debug.sethook(function() lines = lines + 1 end, "l")
        io.stderr:write "up\n"
        while not gone() do end
        local before = lines
        for _ = 1, 3 do
          before = before + 0
        end
        local mask = select(2, debug.gethook())
        debug.sethook()
        print(mask, lines > before)
      end
      function begin() prunner.post_task(work) end
    ]], "-n", 1)
    started(run, 1)
    has("script.lua:", ask(run))
    ask(run)
    helper.write(go, "")
    expect(run:wait(), 0, "l\ttrue\n")
  end)

  it("prints the stack of the one process in begin(), end_() and under --serial", function()
    local text = [[
      jit.off()
      local function wait(name)
        io.stderr:write "up\n"
        while not io.open(dir .. "/" .. name) do end
      end
      function work() wait "task" end
      function begin() wait "begin"; prunner.post_task(work) end
      function end_() wait "end" end
    ]]
    local run, go = start(text, "--serial")
    for i, moment in ipairs { { "begin", "begin() runs" }, { "task", "a task runs" },
      { "end", "the job is over, end_() runs" } } do
      started(run, i)
      run:kill "USR1"
      assert.is_truthy(helper.wait_until(function()
        return run:err():find("prunner: " .. moment[2] .. "\n", 1, true)
      end), moment[2])
      assert.has_match("%) runs\n.*script.lua:%d+: in wait\n", run:err())
      helper.write(go:gsub("go$", moment[1]), "")
    end
    expect(run:wait())
  end)

  it("stays ignored if whoever started the command ignores it", function()
    local path = script(head .. [[
      function work() io.stderr:write "up\n"; while not gone() do socket.sleep(0.01) end end
      function begin() prunner.post_task(work) end
    ]])
    local run = helper.spawn(("trap '' USR1; exec %s %s -n 1"):format(helper.quote(helper.command),
      helper.quote(path)))
    started(run, 1)
    run:kill "USR1"
    helper.write(helper.beside(path, "go"), "")
    assert.are.equal("up\n", expect(run:wait()).err)
  end)
end)
