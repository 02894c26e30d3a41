--- What the command's options do to a run: one each, in short; most have a spec of their own.

local helper = require "tests.e2e.helper"
local expect, prunner, script, has = helper.expect, helper.prunner, helper.script, helper.has

--- Runs `text` with `prunner -n 2`; a table at the end is the options of spawn().
local function job(text, ...)
  return prunner(script(text), "-n", 2, ...)
end

describe("prunner", function()
  after_each(helper.cleanup)

  it("ends at once when there is nothing to do", function()
    local result = expect(job [[ function begin() end function end_() print "end" end ]], 0, "end\n")
    assert.are.equal("", result.err)
    result = expect(job "", 0, "")
    has("defines no begin(): there is nothing to do (is it misspelt, or local?)", result.err)
    expect(job [[ function end_() print "end" end ]], 0, "end\n")
  end)

  it("tells of lives with --debug, and nothing but errors with --quiet", function()
    local path = script [[
      function begin() require("prunner").post_task(work) end
      function work() os.exit(1) end
    ]]
    local result = expect(prunner(path, "-n", 2, "--debug"), 1)
    assert.has_match("worker 1 started: process %d+\n", result.err)
    assert.are.equal(result.err:match("worker 2 started"), prunner(path, "-n", 2, "-d").err
      :match("worker 2 started"))
    result = expect(prunner(path, "-n", 2, "--quiet"), 1)
    assert.is_nil(result.err:find("will be run again"))
    has("was quarantined", result.err)
    assert.is_truthy(prunner(path, "-n", 2).err:find("will be run again"))
    assert.is_nil(prunner(path, "-n", 2, "-q", "-d").err:find("started"))
  end)

  it("runs everything in one process with --serial", function()
    expect(prunner(script [[
      local prunner = require "prunner"
      local ffi = require "ffi"
      ffi.cdef "int getpid(void);"
      local pid = ffi.C.getpid()
      function begin() for i = 1, 10 do prunner.post_task(work, i) end end
      function work(i)
        assert(ffi.C.getpid() == pid)
        prunner.counter "sum":add(i)
        if i < 5 then prunner.post_task(work, i + 10) end
      end
      function end_() print(prunner.counter "sum":get(), prunner.nworkers()) end
    ]], "--serial", "-n", 7), 0, "105\t1\n")
  end)

  it("starts tasks in the order posted with one worker, or newest first", function()
    local path = script [[
      local prunner = require "prunner"
      function begin() for i = 1, 4 do prunner.post_task(work, i) end end
      function work(i)
        io.write(i, " ")
        if i < 3 then for k = 1, 2 do prunner.post_task(work, i * 10 + k) end end
      end
    ]]
    expect(prunner(path, "-n", 1), 0, "1 2 3 4 11 12 21 22 ")
    expect(prunner(path, "-n", 1, "--order", "fifo"), 0, "1 2 3 4 11 12 21 22 ")
    expect(prunner(path, "-n", 1, "--order", "lifo"), 0, "4 3 2 22 21 1 12 11 ")
    expect(prunner(path, "--serial"), 0, "1 2 3 4 11 12 21 22 ")
  end)

  it("goes on in a file when memory is limited", function()
    local tmp = helper.tmpdir()
    local path = script [[
      local prunner = require "prunner"
      local text = ("x"):rep(1000)
      function begin() prunner.post_task(produce) end
      function produce() for i = 1, 40000 do prunner.post_task(work, i, text) end end
      function work(i, s) prunner.counter "n":add(#s) end
      function end_() print(prunner.counter "n":get()) end
    ]]
    expect(prunner(path, "-n", 2, "--memory", "8M", "--tmpdir", tmp), 0, "40000000\n")
    expect(prunner(path, "-n", 2, "--memory", "8m", "--order", "lifo"), 0, "40000000\n")
    expect(helper.run({ "ls", "-A", tmp }), 0, "")
  end)

  it("repeats failed tasks with --retries, and killed ones with --max-crashes", function()
    local path = script [[
      local prunner = require "prunner"
      function begin() prunner.post_task(fails) prunner.post_task(dies) end
      function fails() prunner.dict:incr("fails") error "no" end
      function dies()
        local log = io.open(arg[1], "a")
        log:write("x")
        log:close()
        os.exit(1)
      end
      function end_() print(prunner.dict.fails, #io.open(arg[1]):read("*a")) end
    ]]
    for _, words in ipairs { { 1, 3 }, { 1, 3, "--retries", 0 }, { 4, 3, "--retries", 3 },
      { 1, 1, "--max-crashes", 1 }, { 2, 5, "--max-crashes", 5, "--retries", 1 } } do
      local log = helper.tmpdir() .. "/log"
      expect(prunner(path, log, "-n", 2, unpack(words, 3)), 1,
        ("%d\t%d\n"):format(words[1], words[2]))
    end
  end)

  it("ends tasks that take longer than --timeout", function()
    local result = expect(job([[
      local prunner = require "prunner"
      function begin() prunner.post_task(spin) prunner.post_task(quick) end
      function spin() while true do end end
      function quick() print "quick" end
    ]], "--timeout", "0.1"), 1, "quick\n")
    has("task spin() failed: it ran longer than allowed (--timeout, timeout)", result.err)
    has("1 task failed, of 2 tasks", result.err)
  end)

  it("replaces workers with --max-tasks and --max-rss", function()
    local text = [[
      local prunner = require "prunner"
      local hold = {}
      function begin() for i = 1, 20 do prunner.post_task(work, i) end end
      function worker_begin() prunner.dict:incr "lives" end
      function work(i)
        for k = 1, tonumber(arg[1]) do hold[#hold + 1] = ("x"):rep(1000) .. i .. "." .. k end
        prunner.dict:incr "done"
      end
      function end_() print(prunner.dict.done, prunner.dict.lives) end
    ]]
    local path = script(text)
    expect(prunner(path, 0, "-n", 1), 0, "20\t1\n")
    local lives = tonumber(expect(prunner(path, 0, "-n", 1, "--max-tasks", 4)).out:match("^20\t(%d+)\n"))
    assert.is_true(lives == 5 or lives == 6, tostring(lives))
    lives = expect(prunner(path, 20000, "-n", 1, "--max-rss", "40M")).out:match("^20\t(%d+)\n")
    assert.is_true(tonumber(lives) > 3, lives)
  end)

  it("ends early with --halt", function()
    local path = script [[
      local prunner = require "prunner"
      local ffi = require "ffi"
      ffi.cdef "int poll(void *, unsigned long, int);"
      function begin() for i = 1, 100 do prunner.post_task(work, i) end end
      function work(i)
        prunner.dict:incr "ran"
        if i > 5 then ffi.C.poll(nil, 0, 20) end -- the supervisor has time to see it
        if i % 2 == 1 then error "odd" end
      end
      function end_() print "end" io.stderr:write("ran ", prunner.dict.ran, "\n") end
    ]]
    local result = expect(prunner(path, "-n", 1, "--halt", "soon,fail=3"), 1, "end\n")
    has("--halt: ", result.err)
    assert.is_true(tonumber(result.err:match("ran (%d+)")) >= 5)
    expect(prunner(path, "-n", 1, "--halt", "never"), 1, "end\n")
  end)

  it("shows the output of tasks as --line-buffer, --group, --tag and --keep-order say", function()
    local path = script [[
      local prunner = require "prunner"
      function begin() for i = 1, 2 do prunner.post_task(work, i) end end
      function work(i) print(i) os.execute("echo shell " .. i) end
    ]]
    expect(prunner(path, "-n", 1, "--line-buffer"), 0, "shell 1\n1\nshell 2\n2\n")
    for _, option in ipairs { "--group", "--keep-order" } do
      local result = expect(prunner(path, "-n", 2, option, "--tag"))
      has("work(2)\tshell 2\nwork(2)\t2\n", result.out)
    end
  end)

  it("keeps the job in a file with --state, and goes on with --resume", function()
    local path = script [[
      local prunner = require "prunner"
      function begin() for i = 1, 50 do prunner.post_task(work, i) end end
      function work(i)
        prunner.counter "n":add(i)
        if i == 25 and not io.open(arg[1]) then os.execute "kill -9 $(ps -o ppid= -p $PPID)" end
      end
      function end_() print(prunner.counter "n":get()) end
    ]]
    local dir = helper.tmpdir()
    local killed = helper.prunner(path, "-n", 2, "--state", dir .. "/job", dir .. "/go")
    assert.are.equal("", killed.out)
    assert.is_truthy(killed.signal == 9 or killed.status == 137)
    helper.write(dir .. "/go", "")
    expect(helper.prunner(path, "-n", 2, "--resume", dir .. "/job", dir .. "/go"), 0, "1275\n")
  end)
end)
