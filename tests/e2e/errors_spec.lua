--- What goes wrong in tasks and hooks, and what is said about it.

local helper = require "tests.e2e.helper"
local expect, script = helper.expect, helper.script
local has, has_not, count = helper.has, helper.has_not, helper.count

--- Runs `text` after `local prunner = require "prunner"` on the same line, with -n 2 and options.
local function job(text, status, out, ...)
  return helper.job(text, status, out, "-n", 2, ...)
end

describe("a task that raises an error", function()
  after_each(helper.cleanup)

  it("is reported once, with what it was and who posted it, and the job goes on", function()
    local text = [[
      function begin()
        prunner.post_task(outer, 1)
        for i = 1, 10 do prunner.post_task(good, i) end
      end
      function outer(n)
        prunner.post_task(bad, "text", n, { 1, 2 }, nil)
      end
      local function deeper() local none = "oh no" .. nil end
      function bad() deeper() end
      function good(i) prunner.counter "good":add(i) end
      function end_() print(prunner.counter "good":get()) end
    ]]
    local result = job(text, 1, "55\n")
    assert.are.equal(1, count("attempt to concatenate", result.err))
    has('prunner: task bad("text", 1, {…}, nil) failed: ', result.err)
    has("script.lua:8: attempt to concatenate a nil value\n", result.err)
    assert.has_match("task #%d+, run 1, worker %d, defined at [^\n]*script.lua:9, "
      .. "posted by outer %([^\n]*script.lua:5%)\n", result.err)
    has("stack traceback:", result.err)
    has("script.lua:8: in function 'deeper'", result.err)
    has("script.lua:9: in function <", result.err)
    has("prunner: 1 task failed, of 12 tasks\n", result.err)
    has_not("prunner/", result.err)
    has("script.lua:5), at line 6\n", job(text, 1, "55\n", "--debug").err)
  end)

  it("is told whole the first time, in a line up to the tenth, then counted", function()
    local text = [[
      function begin() for i = 1, 50 do prunner.post_task(work, i) prunner.post_task(odd, i) end end
      function work(i) error("no answer from " .. i .. "\nbut\nthis") end
      function odd(i) return nil .. i end
    ]]
    for _, n in ipairs { 1, 3 } do
      local result = job(text, 1, nil, "-n", n)
      assert.are.equal(20, count("prunner: task ", result.err))
      assert.are.equal(10, count("task work(", result.err))
      assert.are.equal(2, count("defined at ", result.err))
      assert.are.equal(1, count("stack traceback:", result.err)) -- of odd, not of error()
      assert.are.equal(1, count("\nbut\nthis\n", result.err))
      assert.are.equal(2, count("reported: --failures, --joblog and --debug tell each\n", result.err))
      has("      50  work: ", result.err)
      has("      50  odd: ", result.err)
    end
    local result = job(text, 1, nil, "--debug")
    assert.are.equal(100, count("defined at ", result.err))
    assert.are.equal(100, count("stack traceback:", result.err))
    has_not("and not told", result.err)
    local failures = helper.tmpdir() .. "/failures"
    job(text, 1, nil, "--failures", failures)
    assert.are.equal(100, count('"traceback":"stack traceback:', helper.read(failures)))
  end)

  it("shows the way to what assert and functions of libraries raise, and not to error()", function()
    local function raises(body, traceback)
      local err = job("function begin() prunner.post_task(work) end function work() " .. body .. " end", 1).err
      assert.are.equal(traceback and 1 or 0, count("stack traceback:", err), err)
    end
    raises('error "x"')
    raises 'local raise = error raise({ code = 3 }, 0)'
    raises 'return error("x", 0)'
    raises('error = nil local t = nil; t.x = 1', true)
    raises('assert(nil, "x")', true)
    raises('string.rep()', true)
    raises('local t = nil; return t.x', true)
  end)

  it("says that begin posted it", function()
    local text = "\nfunction begin()\n\nprunner.post_task(bad)\nend function bad() error 'x' end"
    assert.has_match("posted by begin\n", job(text, 1, "").err)
    assert.has_match("posted by begin, at line 4\n", job(text, 1, "", "-d").err)
    assert.has_match("posted by begin, at line 4\n", job(text:gsub("post_task%(bad%)",
      "post_many(bad, { 1 })"), 1, "", "-d").err)
  end)

  it("shortens long arguments", function()
    local result = job([[
      function begin() prunner.post_task(bad, ("x"):rep(1e6), ("y"):rep(1e6), 3) end
      function bad() error "no" end
    ]], 1, "")
    local line = result.err:match("task bad%b()")
    assert.is_true(#line < 200, line)
    has("xxx", line)
  end)

  for what, case in pairs {
    ["a string without a place"] = { "error('plain', 0)", "failed: plain\n" },
    ["a string with newlines and zeros"] = { "error('one\\ntwo\\0three', 0)", "failed: one\ntwo" },
    ["an empty string"] = { "error('', 0)", "failed: \n" },
    ["a number"] = { "error(42, 0)", "failed: 42\n" },
    ["nil"] = { "error()", "failed: (error value: nil)\n" },
    ["a boolean"] = { "error(false)", "failed: (error value: false)\n" },
    ["a table"] = { "error { code = 5 }", "failed: (error value: {code = 5})\n" },
    ["an empty table"] = { "error {}", "failed: (error value: {})\n" },
    ["a list"] = { "error { 'a', 2 }", 'failed: (error value: {[1] = "a", [2] = 2})\n' },
    ["a large table"] = { "error(prunner.range(100))", ", ...})\n" },
    ["an object"] = { "error(setmetatable({}, { __tostring = function() return 'I am it' end }))",
      "failed: I am it\n" },
    ["an object that cannot be shown"] = {
      "error(setmetatable({ x = 1 }, { __tostring = function() error 'no' end }))",
      "failed: (error value: {x = 1})\n" },
    ["a function"] = { "error(print)", "failed: (error value: a function)\n" },
    ["a userdata"] = { "error(io.stdout)", "failed: file (0x" },
    ["a thread"] = { "error(coroutine.create(print))", "failed: (error value: a thread)\n" },
    ["a cdata"] = { "error(5LL)", "failed: 5LL\n" },
    ["a stack overflow"] = { "local function f() return 1 + f() end f()", "stack overflow" },
    ["a call of nil"] = { "missing()", "attempt to call global 'missing' (a nil value)\n" },
    ["memory that is too much"] = { "local s = ('x'):rep(2^31 - 1) print(#s)", "not enough memory" },
    ["an error in a coroutine"] = { "coroutine.wrap(function() error('inside', 0) end)()", "inside" },
  } do
    it("is reported usefully when the error is " .. what, function()
      local result = job([[
        function begin() prunner.post_task(bad) prunner.post_task(good) end
        function good() prunner.dict.good = "good" end
        function bad() ]] .. case[1] .. [[ end
        function end_() print(prunner.dict.good) end
      ]], 1, "good\n")
      has(case[2], result.err)
      assert.are.equal(1, count("failed: ", result.err))
      has("1 task failed, of 2 tasks", result.err)
    end)
  end

  it("drops what it posted and added, keeps its dict writes, releases its locks", function()
    job([[
      function begin() prunner.post_task(bad) end
      function bad()
        prunner.post_task(never)
        prunner.counter "n":add(5)
        prunner.max "m":add(5)
        prunner.collector "c":add(5)
        prunner.dict.outside = "stays"
        prunner.lock "l":acquire()
        prunner.dict.inside = "goes"
        error "x"
      end
      function never() print "never" end
      function end_()
        print(prunner.counter "n":get(), prunner.max "m":get(), #prunner.collector "c":get(),
          prunner.dict.outside, prunner.dict.inside, prunner.lock "l":try_acquire())
      end
    ]], 1, "0\tnil\t0\tstays\tnil\ttrue\n")
  end)

  it("is told to on_error, with all there is to know", function()
    local result = job([[
      function begin() prunner.post_task(bad, 1) end
      function bad() error { code = 7 } end
      function on_error(task, err)
        assert(type(task.id) == "number" and task.id > 0)
        prunner.dict:append("log", ("%s %d %s %d;"):format(task.name, task.attempt,
          tostring(task.will_retry), err.code))
      end
      function end_() print(prunner.dict.log) end
    ]], 1, "bad 1 true 7;bad 2 false 7;\n", "--retries", 1, "-n", 1)
    has("failed and will be run again: ", result.err)
    has("run 2,", result.err)
    has("1 task failed, of 1 task\n", result.err)
  end)

  it("may have an on_error that raises, and one that posts", function()
    local result = job([[
      function begin() prunner.post_task(bad, 1) prunner.post_task(good) end
      function bad() error "first" end
      function good() prunner.dict.good = 1 end
      function on_error() error "second" end
      function end_() print(prunner.dict.good) end
    ]], 1, "1\n")
    has("first", result.err)
    assert.has_match("prunner: on_error failed in worker %d: [^\n]*: second\n", result.err)
    result = job([[
      function begin() prunner.post_task(bad, 1) end
      function bad() error "first" end
      function on_error() prunner.post_task(bad) end
    ]], 1, "")
    has("tasks are posted by begin() and by tasks, not in worker_begin, worker_end or on_error",
      result.err)
  end)
end)

describe("a hook that raises", function()
  after_each(helper.cleanup)

  it("ends the run with status 2 if it is begin, and nothing runs", function()
    local result = job([[
      function begin() prunner.post_task(work) local x = nil; x.y = 1 end
      function work() print "never" end
      function end_() print "never" end
    ]], 2, "")
    has("prunner: begin() failed: ", result.err)
    has("script.lua:1: attempt to index local 'x' (a nil value)", result.err)
    has("stack traceback:", result.err)
    has_not("job.lua", result.err)
    expect(helper.luajit(script [[
      local prunner = require "prunner"
      prunner.init(2, false, function() error "no" end, function() print "never" end)
      prunner.start()
      print "never"
    ]]), 2, "")
    expect(helper.prunner(script [[
      local prunner = require "prunner"
      prunner.init(2, false, function() error "no" end, function() print "never" end)
      prunner.start()
      print "never"
    ]]), 2, "")
  end)

  it("is told what Lua's words do not say of a first script's mistakes", function()
    local result = expect(helper.prunner(script [[
      function begin() prunner.post_task(print) end
    ]]), 2, "")
    has("(a nil value): local prunner = require \"prunner\" is missing above\nstack traceback:", result.err)
    result = job("function end() end", 2, "")
    has("expected near 'end': end is a word of Lua, the hook is called end_\n", result.err)
  end)

  it("ends the run with status 1 if it is end_", function()
    local result = job([[
      function begin() prunner.post_task(work) end
      function work() prunner.dict.worked = 1 end
      function end_() print(prunner.dict.worked) error { 5 } end
    ]], 1, "1\n")
    has("prunner: end_() failed: (error value: {[1] = 5})", result.err)
    has_not("job.lua", result.err)
  end)

  it("is reported if it is worker_end, and the job is fine", function()
    local result = job([[
      function begin() prunner.post_task(work) end
      function work() print "worked" end
      function worker_end() error "late" end
    ]], 0, "worked\n")
    assert.has_match("prunner: worker_end failed in worker %d: [^\n]*: late\n", result.err)
  end)
end)

describe("a lock", function()
  after_each(helper.cleanup)

  it("that is still held when its task ends is released and reported", function()
    local result = job([[
      function begin() prunner.post_task(work, 1) end
      function work(i)
        prunner.lock "left":acquire()
        prunner.dict.x = i
        if i < 5 then prunner.post_task(work, i + 1) end
      end
      function end_() print(prunner.dict.x) end
    ]], 0, "5\n")
    assert.are.equal(5, count('ended without releasing lock "left"; it was released', result.err))
    has("work(5) ended without", result.err)
  end)

  -- `where` is what forgets to release the lock; all who come later need it.
  local function left_by(where, said, out, ...)
    local result = job(([[
      local lock, d = prunner.lock "left", prunner.dict
      local function leave(where)
        if where == %q then lock:acquire() d[where] = 1 end
      end
      leave "top"
      function begin()
        leave "begin"
        if %q == "pcall" then
          assert(not pcall(function() lock:acquire() d.pcall = 1 error "after that" end))
        end
        for i = 1, 200 do prunner.post_task(work, i) end
      end
      function worker_begin() leave "worker_begin" end
      function worker_end() leave "worker_end" end
      function on_error() leave "on_error" end
      function work(i)
        lock:with(function() d.sum = (d.sum or 0) + 1 end)
        d:incr "x"
        if i == 7 and %q == "on_error" then error "for on_error" end
      end
      function end_()
        leave "end_"
        print(d.sum, d.x, d[%q])
      end
    ]]):format(where, where, where, where), where == "on_error" and 1 or 0, out, ...)
    has(said .. ' ended without releasing lock "left"; it was released', result.err)
    has_not("died", result.err)
  end

  it("that is held when the script is loaded or a hook ends is released, and its writes are there", function()
    for _, options in ipairs { { "-n", 2 }, { "-n", 4, "--max-tasks", 1 }, { "--serial" } } do
      left_by("top", "loading the script", "200\t200\t1\n", unpack(options))
      left_by("begin", "begin()", "200\t200\t1\n", unpack(options))
      left_by("pcall", "begin()", "200\t200\t1\n", unpack(options))
      left_by("worker_begin", "worker_begin", "200\t200\t1\n", unpack(options))
      left_by("worker_end", "worker_end", "200\t200\t1\n", unpack(options))
      left_by("end_", "end_()", "200\t200\t1\n", unpack(options))
    end
    left_by("on_error", "on_error", "200\t200\t1\n", "-n", 2)
  end)

  it("that a finalizer takes between begin and the workers' start is released, and its adds count", function()
    for _, options in ipairs { { "-n", 3 }, { "--serial" } } do
      local result = job([[
        local lock, d, keep = prunner.lock "left", prunner.dict, {}
        for i = 1, 40000 do keep[i] = {} end -- so that the heap is collected before the fork
        function begin()
          local dropped = newproxy(true)
          getmetatable(dropped).__gc = function()
            lock:acquire()
            d.x = 1
            prunner.counter "adds":add(1)
          end
          for i = 1, 20 do prunner.post_task(work, i) end
        end
        function work() lock:with(function() d.sum = (d.sum or 0) + 1 end) end
        function end_() print(d.x, d.sum, prunner.counter "adds":get()) end
      ]], 0, "1\t20\t1\n", unpack(options))
      has('a finalizer ended without releasing lock "left"; it was released', result.err)
    end
  end)

  it("that the text of a hook's error takes is no task's, and its writes are not there", function()
    local result = job([[
      local lock, d = prunner.lock "left", prunner.dict
      local Bad = setmetatable({}, { __tostring = function()
        lock:acquire()
        d.text = 1
        return "the text of an error"
      end })
      function begin()
        for i = 1, 20 do prunner.post_task(work, i) end
      end
      function work(i)
        if i % 2 == 0 then error "for on_error" end
        d:incr "x"
        if lock:try_acquire() then lock:release() d:incr "free" end
      end
      function on_error() error(Bad) end
      function end_() print(d.x, d.free, d.text) end
    ]], 1, "10\t10\tnil\n", "-n", 1)
    has("on_error failed in worker 1: the text of an error", result.err)
    has_not("without releasing", result.err)
    has_not("differ from", result.err)
  end)

  it("that a begin holds which fails is released, and its writes are not there", function()
    local result = job([[
      function begin()
        prunner.lock "left":acquire()
        prunner.dict.x = 1
        error "begin fails"
      end
    ]], 2, "")
    has("begin fails", result.err)
    has_not("without releasing", result.err)
  end)

  it("that is taken twice raises, whoever takes it", function()
    local result = job([[
      function begin() prunner.post_task(a) prunner.post_task(b) prunner.post_task(c) end
      function a() prunner.global_lock(function() prunner.global_lock(print) end) end
      function b() local l = prunner.lock "x"; l:acquire(); l:acquire() end
      function c() prunner.lock "x":release() end
    ]], 1, "")
    has("global_lock is already held by this task", result.err)
    has('lock "x" is already held by this task', result.err)
    has('lock "x" is not held by this task', result.err)
    has("3 tasks failed, of 3 tasks", result.err)
  end)

  it("in a deadlock of two tasks gives one of them an error, and the job ends", function()
    local text = [[
      function begin() prunner.post_task(work, "a", "b") prunner.post_task(work, "b", "a") end
      function work(first, second)
        prunner.lock(first):acquire()
        if prunner.attempt() == 1 then
          -- until the other task holds what this one wants
          while prunner.lock(second):try_acquire() do prunner.lock(second):release() end
        end
        prunner.dict[first] = prunner.attempt()
        prunner.lock(second):acquire()
        prunner.lock(second):release()
        prunner.lock(first):release()
      end
      prunner.task("work", work, { backoff = 0.3 })
      function end_() print((prunner.dict.a or 0) + (prunner.dict.b or 0)) end
    ]]
    local err = job(text, 1, "1\n").err
    assert.has_match('lock "[ab]":? deadlock: it is held by a task that waits', err)
    has("1 task failed, of 2 tasks", err)
    job(text, 0, "3\n", "--retries", 1)
  end)
end)

describe("a limit on the address space", function()
  after_each(helper.cleanup)

  it("is kept to, or named when it is too small", function()
    local path = script(helper.summing)
    for _, mib in ipairs { 16, 40, 100, 400, 2000 } do
      local result = helper.run({ "prlimit", "--as=" .. mib * 2 ^ 20, helper.command, path, "-n", 2 })
      if result.status == 0 then
        assert.are.equal("500500\n", result.out)
      else
        assert.is_nil(result.signal)
        if mib == 2000 then error("status " .. tostring(result.status) .. ": " .. result.err) end
        if result.status ~= 127 then has("memory", result.err) end
      end
    end
  end)

  it("makes a job that posts too much fail with a message, and not hang", function()
    local path = script [[
      local prunner = require "prunner"
      function begin() prunner.post_task(produce) end
      function produce()
        local text = ("x"):rep(100000)
        for i = 1, 1e5 do prunner.post_task(work, i, text) end
      end
      function work() while true do require("ffi").C.poll(nil, 0, 1000) end end
      require("ffi").cdef "int poll(void *, unsigned long, int);"
    ]]
    local result = helper.run({ "prlimit", "--as=" .. 600 * 2 ^ 20, "--fsize=" .. 50 * 2 ^ 20,
      helper.command, path, "-n", 1, "--halt", "now,fail=1" }, { timeout = 20 })
    assert.are.equal(1, result.status)
    has("is left for shared data", result.err)
  end)
end)

describe("the end of a job", function()
  after_each(helper.cleanup)

  it("counts what failed and what was quarantined", function()
    local result = job([[
      function begin() for i = 1, 30 do prunner.post_task(work, i) end end
      function work(i)
        if i <= 3 then error("no", 0) end
        if i == 4 then os.exit(3) end
      end
      function end_()
        local s = prunner.stats()
        print(s.posted, s.finished, s.failed, s.quarantined, s.pending)
      end
    ]], 1, "30\t30\t3\t1\t0\n")
    has("prunner: 3 tasks failed, 1 task was quarantined, of 30 tasks\n", result.err)
  end)

  it("has status 0 though tasks caught errors of their own", function()
    assert.are.equal("", job([[
      function begin() prunner.post_task(work) end
      function work() pcall(error, "x") print(pcall(error, "y")) end
    ]], 0, "false\ty\n").err)
  end)
end)
