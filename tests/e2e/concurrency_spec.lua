--- --concurrency: tasks that wait while their worker runs others, prunner.sleep, prunner.wait_fd.

local helper = require "tests.e2e.helper"
local expect, script, has = helper.expect, helper.script, helper.has

local prelude = helper.deadly .. [[
  ffi.cdef "int pipe(int *); int close(int); long write(int, const void *, size_t);"
  ffi.cdef "long read(int, void *, size_t); int setitimer(int, const long *, long *); int dup2(int, int);"
  local N = tonumber(arg[1])
]]

local function job(text, status, out, ...)
  local result = expect(helper.prunner(script(prelude .. text), ...), status, out)
  helper.wait_until(function() return #helper.survivors(result) == 0 end, 2)
  assert.are.same({}, helper.survivors(result))
  return result
end

-- Every task waits until all of them have begun.
local rendezvous = [[
  function begin() for i = 1, N do prunner.post_task(meet, i) end end
  function meet()
    prunner.dict:incr "begun"
    while prunner.dict.begun < N do prunner.sleep(0.001) end
  end
  function end_() print(prunner.dict.begun) end
]]

describe("--concurrency", function()
  after_each(helper.cleanup)

  it("lets one worker begin many tasks, and no more than it says", function()
    job(rendezvous, 0, "300\n", "-n", 1, "-c", 300, "--", 300)
    job(rendezvous, 0, "300\n", "--serial", "-c", 300, "--", 300)
    job([[
      local most = prunner.max "most"
      function begin() for i = 1, N do prunner.post_task(t) end end
      function t()
        most:add(prunner.dict:incr("now"))
        prunner.sleep(0.001)
        prunner.dict:incr("now", -1)
      end
      function end_() print(most:get()) end
    ]], 0, "7\n", "-n", 1, "-c", 7, "--", 100)
  end)

  it("is 1 by default: a task that waits keeps its worker", function()
    job([[
      function begin() for i = 1, 3 do prunner.post_task(t, i) end end
      function t(i) io.write(i) prunner.sleep(0.005) io.write(i, " ") end
      function end_() print() end
    ]], 0, "11 22 33 \n", "-n", 1)
  end)

  it("cannot be given with what collects the output of one task", function()
    for _, option in ipairs { "--group", "--keep-order" } do
      has(option .. " collects the output of one task at a time",
        expect(helper.prunner("-c", 2, option, script ""), 2, "").err)
    end
    has('-c: "0" is not a number of tasks', expect(helper.prunner("-c", 0, script ""), 2, "").err)
  end)

  it("keeps the lines of tasks whole", function()
    local out = job([[
      function begin() for i = 1, 20 do prunner.post_task(t, i) end end
      function t(i) for _ = 1, 3 do io.write(i, ",") prunner.sleep(0.001) io.write(i, "\n") end end
    ]], 0, nil, "-n", 2, "-c", 20, "--tag").out
    local n = 0
    for line in out:gmatch "[^\n]+" do
      local tag, a, b = line:match "^t%((%d+)%)\t(%d+),(%d+)$"
      assert.is_true(tag ~= nil and tag == a and a == b, line)
      n = n + 1
    end
    assert.are.equal(60, n)
  end)

  it("counts what a task did before its wait and after it once", function()
    job([[
      local sum, list = prunner.counter "sum", prunner.collector "list"
      function begin() for i = 1, N do prunner.post_task(t, i) end end
      function t(i)
        sum:add(1) list:add(i) prunner.post_task(leaf, "x") prunner.dict:incr "n"
        prunner.sleep(0)
        sum:add(1) list:add(i) prunner.post_task(leaf, ("y"):rep(100)) prunner.dict:incr "n"
        prunner.sleep(0.001)
        if i % 7 == 0 and prunner.attempt() == 1 then error "again" end
      end
      function leaf(s) sum:add(#s == 1 and 1000 or 100000) end
      function end_()
        local seen = 0
        for _, v in ipairs(list:get()) do seen = seen + v end
        print(sum:get(), seen, prunner.dict.n)
      end
    ]], 0, ("%d\t%d\t%d\n"):format(200 * 101002, 200 * 201, 400 + 2 * 28), "-n", 2, "-c", 60,
      "--retries", 1, "--", 200)
  end)

  it("repeats the dict writes of a run that waited when its worker died, and no others", function()
    job([[
      function begin() for i = 1, 30 do prunner.post_task(t, i) end end
      function t(i)
        prunner.dict:incr "n"
        prunner.sleep(0.001)
        prunner.dict:incr "n"
        if i == 30 and prunner.attempt() == 1 then prunner.sleep(0.05) die(9) end
        prunner.sleep(0.1)
        prunner.dict:incr "n"
      end
      function end_() print(prunner.dict.n) end
    ]], 0, "90\n", "-n", 1, "-c", 30)
  end)

  it("publishes parts of a long producer that waits", function()
    job([[
      local sum = prunner.counter "sum"
      function begin() prunner.post_task(producer) end
      function producer()
        for i = 1, 5000 do
          prunner.post_task(leaf, i)
          if i % 700 == 0 then prunner.sleep(0.001) end
        end
        if prunner.attempt() == 1 then prunner.sleep(0.01) die(9) end
      end
      function leaf(i) sum:add(i) end
      function end_() print(sum:get()) end
    ]], 0, "12502500\n", "-n", 2, "-c", 10)
  end)

  it("is fair: tasks that wait all the time do not keep others from their turn", function()
    job([[
      function begin() for i = 1, 20 do prunner.post_task(busy) end prunner.post_task(last) end
      function busy() while not prunner.dict.over do prunner.sleep(0) end end
      function last() prunner.dict.over = true end
      function end_() print "over" end
    ]], 0, "over\n", "-n", 1, "-c", 21)
  end)

  it("lets a worker that is too large from the beginning run one task", function()
    job(rendezvous:gsub("while .- end", "prunner.sleep(0)"), 0, "20\n", "-n", 2, "-c", 5,
      "--max-rss", "100K", "--", 20)
  end)

  it("wakes a worker whose tasks all wait when there is a new one", function()
    -- Worker 1 or 2 sleeps with a task of a minute; the others' tasks must not wait for that.
    job([[
      function begin() prunner.post_task(long) prunner.post_task(chain, 200) end
      function long() while not prunner.dict.over do prunner.sleep(0.2) end end
      function chain(left)
        if left == 0 then prunner.dict.over = true return end
        prunner.post_task(chain, left - 1)
        prunner.post_task(chain_end)
      end
      function chain_end() end
      function end_() print "over" end
    ]], 0, "over\n", "-n", 2, "-c", 3)
  end)
end)

describe("a wait", function()
  after_each(helper.cleanup)

  it("blocks, and is right, where no switch is possible", function()
    local text = [[
      local log = prunner.collector "log"
      function worker_begin() prunner.sleep(0.001) end
      function begin() prunner.sleep(0.001) prunner.post_task(t) prunner.post_task(other) end
      function t()
        local list = { 3, 1, 2 }
        table.sort(list, function(a, b) prunner.sleep(0.001) return a < b end)
        local s = ("abc"):gsub(".", function(c) prunner.sleep(0.001) return c:upper() end)
        prunner.lock("l"):with(function() prunner.sleep(0.001) prunner.dict.k = table.concat(list) .. s end)
        prunner.dict:update("u", function(v) prunner.sleep(0.001) return (v or 0) + 1 end)
        local co = coroutine.wrap(function()
          prunner.sleep(0.001) coroutine.yield(1) prunner.sleep(0.001)
          return 2
        end)
        log:add(co() + co())
        log:add(select(2, pcall(function() prunner.sleep(0.001) error({ 7 }) end))[1])
        log:add(tostring(setmetatable({}, { __tostring = function() prunner.sleep(0.001) return "s" end })))
      end
      function other() end
      function end_()
        prunner.sleep(0.001)
        print(prunner.dict.k, prunner.dict.u, table.concat(log:get(), " "))
      end
    ]]
    for _, options in ipairs { { "-c", 1 }, { "-c", 10 }, { "-c", 10, "--serial" } } do
      job(text, 0, "123ABC\t1\t3 7 s\n", "-n", 1, unpack(options))
    end
  end)

  it("for a descriptor lets the task that writes to it run", function()
    job([[
      local fds = ffi.new "int[2]"
      assert(ffi.C.pipe(fds) == 0)
      local out = prunner.collector "out"
      function begin() prunner.post_task(reads) prunner.post_task(writes) end
      function reads()
        assert(prunner.wait_fd(fds[0], "r", 0.001) == false)
        assert(prunner.wait_fd(fds[0], "r") == true)
        local c = ffi.new "char[1]"
        out:add(tonumber(ffi.C.read(fds[0], c, 1)) .. string.char(c[0]))
      end
      function writes() prunner.sleep(0.02) ffi.C.write(fds[1], "x", 1) end
      function end_() print(out:get()[1]) end
    ]], 0, "1x\n", "-n", 1, "-c", 2)
  end)

  it("works in a process that a task has forked", function()
    for _, options in ipairs { { "-c", 1 }, { "-c", 10 } } do
      job([[
        ffi.cdef "int fork(void); void _exit(int); int waitpid(int, int *, int);"
        function begin() prunner.post_task(t) end
        function t()
          local pid, status = ffi.C.fork(), ffi.new "int[1]"
          if pid == 0 then
            prunner.sleep(0.001)
            ffi.C._exit(7)
          end
          ffi.C.waitpid(pid, status, 0)
          print(status[0] / 256)
        end
      ]], 0, "7\n", "-n", 1, unpack(options))
    end
  end)

  it("for what another task waits for is an error that names that task", function()
    local result = job([[
      local fds = ffi.new "int[2]"
      assert(ffi.C.pipe(fds) == 0)
      function begin() prunner.post_task(reads, 1) prunner.post_task(reads, 2) end
      function reads(i)
        if i == 2 then prunner.sleep(0.01) end
        local ok, problem = pcall(prunner.wait_fd, fds[0], "r", 0.2)
        if not ok then error(problem, 0) end
      end
    ]], 1, "", "-n", 1, "-c", 2)
    local reader = result.err:match
      "task reads%([12]%) failed: descriptor %d+ is being read by task #(%d+): each task needs"
    assert.is_truthy(tonumber(reader), result.err)
  end)

  it("raises for arguments that are wrong, where it was called", function()
    job([[
      function begin()
        for _, call in ipairs {
          function() prunner.sleep() end, function() prunner.sleep(-1) end, function() prunner.sleep(0 / 0) end,
          function() prunner.wait_fd("x", "r") end, function() prunner.wait_fd(0, "x") end,
          function() prunner.wait_fd(0, "r", "x") end,
        } do
          local ok, problem = pcall(call)
          print(ok, (problem:gsub("^.*%.lua:(%d+):", "line")))
        end
      end
    ]], 0, [[
false	line sleep: a number of seconds is needed, got nil
false	line sleep: a number of seconds is needed, got -1
false	line sleep: a number of seconds is needed, got nan
false	line wait_fd: the number of a descriptor is needed, got x
false	line wait_fd: the mode must be "r", "w" or "rw", got x
false	line wait_fd: a number of seconds is needed, got x
]], "-n", 1)
  end)

  it("says of an error after it where it was, as ever", function()
    local result = job([[
      function begin() prunner.post_task(t) prunner.post_task(stray) end
      function t() prunner.sleep(0.001) local x = nil; x.y = 1 end
      function stray() prunner.sleep(0.001) coroutine.yield() end
    ]], 1, "", "-n", 1, "-c", 2)
    assert.is_truthy(result.err:match("task t%(%) failed: [^\n]*:(%d+): attempt to index local 'x'"
      .. ".-stack traceback:\n\t[^\n]*:%1: in function"), result.err)
    has("task stray() failed: attempt to yield from outside a coroutine", result.err)
  end)
end)

describe("tasks that wait in a worker that dies", function()
  after_each(helper.cleanup)

  it("run again, and only the one that ran is blamed", function()
    local result = job([[
      local sum = prunner.counter "sum"
      function begin() for i = 1, 500 do prunner.post_task(t, i) end prunner.post_task(bad) end
      function t() prunner.sleep(0.3) sum:add(1) end
      function bad() prunner.sleep(0.05) die(9) end
      function end_() print(sum:get()) end
    ]], 1, "500\n", "-n", 2, "-c", 501)
    has("task bad() was quarantined: 3 runs ended with the worker's death", result.err)
    has("prunner: 1 task was quarantined, of 501 tasks\n", result.err)
  end)

  it("are told apart from one whose alarm kills the worker in its sleep", function()
    local result = job([[
      local sum = prunner.counter "sum"
      function begin() for i = 1, 30 do prunner.post_task(t, i) end prunner.post_task(bad) end
      function t() prunner.sleep(0.05) sum:add(1) end
      function bad()
        ffi.C.setitimer(0, ffi.new("long[4]", 0, 0, 0, 20000), nil)
        prunner.sleep(60)
      end
      function end_() print(sum:get()) end
    ]], 1, "30\n", "-n", 1, "-c", 31)
    has("task bad() was quarantined", result.err)
  end)

  it("come to their end although a worker is killed all the time", function()
    local path = script(prelude .. [[
      local sum, list = prunner.counter "sum", prunner.collector "list"
      function begin() for i = 1, N do prunner.post_task(t, i) end end
      function t(i)
        prunner.sleep(0.002 * (i % 7))
        prunner.dict:incr "n"
        sum:add(1) prunner.post_task(leaf)
        prunner.sleep(0.001 * (i % 5))
        prunner.lock "l":with(function() prunner.dict:incr("m", 2) end)
        list:add(i) prunner.post_task(leaf)
        prunner.sleep(0.001)
      end
      function leaf() sum:add(1000) end
      function end_()
        local seen = 0
        for _, v in ipairs(list:get()) do seen = seen + v end
        print(sum:get(), prunner.dict.n, prunner.dict.m, seen)
      end
    ]])
    local running = helper.spawn_prunner(path, "-n", 3, "-c", 50, "--max-crashes", 50, "--", 8000)
    local killed = helper.kill_workers(running, 0.02)
    assert.is_true(killed > 5, killed .. " killed")
    expect(running:wait(), 0, ("%d\t%d\t%d\t%d\n"):format(8000 * 2001, 8000, 16000, 8000 * 8001 / 2))
  end)
end)

describe("tasks that wait", function()
  after_each(helper.cleanup)

  it("end although they catch every error of their time", function()
    local result = job([[
      function begin() prunner.post_task(stubborn) prunner.post_task(quick) end
      function stubborn() while true do pcall(prunner.sleep, 0.05) end end
      function quick() prunner.sleep(0.01) end
    ]], 1, "", "-n", 1, "-c", 3, "--timeout", 0.3)
    has("task stubborn() failed: it ran longer than allowed (--timeout, timeout)", result.err)
    has("1 task failed, of 2 tasks", result.err)
  end)

  it("do not give their time to those that follow them in compiled code", function()
    job([[
      ffi.cdef "int usleep(unsigned);"
      local ok = prunner.counter "ok"
      function begin()
        for _ = 1, 2100 do prunner.post_task(t, 0) end -- now its loop is compiled
        prunner.post_task(go, "now")
      end
      function go() prunner.post_task(t, 1) end
      function t(i)
        if i == 1 then
          for k = 2, 16 do prunner.post_task(t, k) end
          prunner.sleep(0.01)
        elseif i > 1 then
          ffi.C.usleep(150000)
          ok:add(1)
        end
      end
      function end_() print(ok:get()) end
    ]], 0, "15\n", "-n", 1, "-c", 2, "--timeout", 1)
  end)

  it("get an error when their time is over, and may catch it", function()
    local result = job([[
      local log = prunner.collector "log"
      function begin() prunner.post_task(late) prunner.post_task(catches) prunner.post_task(quick) end
      function late() prunner.sleep(60) end
      function catches()
        for i = 1, 2 do
          local ok, problem = pcall(prunner.sleep, 60)
          log:add(("%s %s"):format(ok, problem:match "timed out after"))
        end
      end
      function quick() prunner.sleep(0.01) log:add "quick" end
      function end_() print(table.concat(log:get(), ", ")) end
    ]], 1, "quick, false timed out after, false timed out after\n", "-n", 1, "-c", 3, "--timeout", 0.3)
    assert.is_truthy(result.err:match("task late%(%) failed: [^\n]*timed out after [^\n]* "
      .. "while it waited for a clock %(%-%-timeout, timeout%)"), result.err)
    has("1 task failed, of 3 tasks", result.err)
  end)

  it("that begin alone are not timed while they wait for their turn", function()
    job([[
      function begin() prunner.post_task(crash) prunner.post_task(b) prunner.post_task(a) end
      function a() prunner.sleep(0.9) end
      function b() prunner.sleep(0.6) end
      ffi.cdef "int getpid(void); int kill(int, int);"
      function crash()
        prunner.sleep(0.1)
        ffi.C.kill(ffi.C.getpid(), 9)
      end
      function end_() print(prunner.stats().failed, prunner.stats().quarantined) end
    ]], 1, "0\t1\n", "-n", 1, "-c", 2, "--max-crashes", 1, "--timeout", 1.2)
  end)

  it("end before an interrupted job does", function()
    local running = helper.spawn_prunner(script(prelude .. [[
      local sum = prunner.counter "sum"
      function begin() for i = 1, 40 do prunner.post_task(t, i) end end
      function t()
        if prunner.dict:incr "begun" == 10 then io.stderr:write "begun\n" end
        prunner.sleep(0.4)
        sum:add(1)
      end
      function end_() print(sum:get()) end
    ]]), "-n", 1, "-c", 10)
    assert.is_truthy(helper.wait_until(function() return running:err():find "begun\n" end))
    running:kill "INT"
    local result = running:wait()
    assert.are.equal(130, result.status)
    has("30 tasks are left, of 40 tasks", result.err)
  end)

  it("end before their worker is replaced", function()
    job([[
      local pids = prunner.collector "pids"
      ffi.cdef "int getpid(void);"
      function begin() for i = 1, 100 do prunner.post_task(t, i) end end
      function t()
        local pid = ffi.C.getpid()
        prunner.sleep(0.005)
        assert(pid == ffi.C.getpid())
        pids:add(pid)
      end
      function end_()
        local seen, n = {}, 0
        for _, pid in ipairs(pids:get()) do n = n + (seen[pid] and 0 or 1) seen[pid] = true end
        print(#pids:get(), n > 5)
      end
    ]], 0, "100\ttrue\n", "-n", 1, "-c", 10, "--max-tasks", 15)
  end)

  it("are there again when the whole job was killed and is resumed", function()
    local state, marker = helper.tmpdir() .. "/state", helper.tmpdir() .. "/killed"
    local path = script(prelude .. [[
      ffi.cdef "int getppid(void);"
      local sum = prunner.counter "sum"
      function begin() for i = 1, 400 do prunner.post_task(t, i) end end
      function t(i)
        prunner.dict:incr "n"
        prunner.sleep(0.01)
        local marker = arg[1]
        if prunner.dict.n >= 150 and not io.open(marker) then -- the journal would repeat what a dict says
          io.open(marker, "w"):close()
          ffi.C.kill(ffi.C.getppid(), 9)
          prunner.sleep(60)
        end
        sum:add(i)
      end
      function end_() print(sum:get(), prunner.dict.n) end
    ]])
    local first = helper.prunner("-n", 2, "-c", 50, "--state", state, path, marker)
    assert.are.equal(9, first.signal)
    expect(helper.prunner("-n", 2, "-c", 50, "--resume", state, path, marker), 0, "80200\t400\n")
    os.remove(state)
  end)
end)
