--- Many workers, many tasks, every way to spread them; and no work while there is none.

local helper = require "tests.e2e.helper"
local expect, script, has = helper.expect, helper.script, helper.has

local long = os.getenv("STRESS") == "long"
local sum_functions = helper.root .. "/scripts/sum_functions.lua"

--- A tree of tasks: each posts `fan` more, down to a depth; counts all and adds their numbers.
local tree = [[
  local prunner = require "prunner"
  local n, sum = prunner.counter "n", prunner.counter "sum"
  function begin() prunner.post_task(node, 1, tonumber(arg[1])) end
  function node(number, depth)
    n:add()
    sum:add(number)
    if depth == 0 then return end
    for i = 1, 10 do prunner.post_task(node, number + i, depth - 1) end
  end
  function end_() print(n:get(), sum:get()) end
]]

--- What the tree of that depth prints.
local function tree_of(depth)
  local n, sum, level_n, level_sum = 0, 0, 1, 1
  for _ = 0, depth do
    n, sum = n + level_n, sum + level_sum
    level_sum = 10 * level_sum + 55 * level_n
    level_n = 10 * level_n
  end
  return ("%d\t%d\n"):format(n, sum)
end

describe("prunner", function()
  after_each(helper.cleanup)

  for _, n in ipairs { 1, 2, 3, 7, 63, 64, 65, 200, 1000 } do
    it(("gives the same with %d workers"):format(n), function()
      expect(helper.prunner(script(tree), "-n", n, "--", 4), 0, tree_of(4))
    end)
  end

  it("gives the same with every way of running", function()
    local path = script(tree)
    for _, words in ipairs {
      { "--serial" }, { "--order", "lifo" }, { "--order", "lifo", "-n", 5 }, { "--serial", "--order",
        "lifo" }, { "--max-tasks", 1000, "-n", 3 }, { "--max-rss", "1M", "--max-tasks", 500, "-n", 3 },
      { "--memory", "1M" }, { "--retries", 3, "--max-crashes", 9, "--timeout", 60 },
    } do
      words[#words + 1] = "--"
      words[#words + 1] = 4
      expect(helper.prunner(path, unpack(words)), 0, tree_of(4))
    end
  end)

  it("runs a million tasks", function()
    expect(helper.prunner(script(tree), "-n", 2, "--", 6), 0, tree_of(6))
    expect(helper.prunner(script(tree), "-n", 10, "--order", "lifo", "--", 6), 0, tree_of(6))
  end)

  it("lets one task post 300,000, and begin as many", function()
    local text = [[
      local prunner = require "prunner"
      local n = prunner.counter "n"
      function begin() %s end
      function produce() for i = 1, 300000 do prunner.post_task(work, i) end end
      function many() prunner.post_many(work, prunner.range(1, 300001)) end
      function work(i) n:add(i) end
      function end_() print(n:get()) end
    ]]
    for _, begin in ipairs { "prunner.post_task(produce)", "produce()", "prunner.post_task(many)",
      "many()" } do
      expect(helper.prunner(script(text:format(begin)), "-n", 4), 0, "45000150000\n")
    end
  end)

  it("lets workers take turns when there are more of them than CPUs", function()
    -- Field 41 of proc_pid_stat(5), what follows the name in () being field 3 and on: 0 usual, 3 SCHED_BATCH.
    local path = script [[
      local prunner = require "prunner"
      function begin() prunner.post_task(look) end
      function look()
        local fields = io.open("/proc/self/stat"):read "*a":match "%) (.*)"
        print((fields:match(("%S+ "):rep(38) .. "(%d+)")))
      end
    ]]
    expect(helper.prunner(path, "-n", 1), 0, "0\n")
    expect(helper.prunner(path, "-n", 1024), 0, "3\n")
  end)

  it("posts all or none of a task that may not be published in parts", function()
    expect(helper.prunner(script [[
      local prunner = require "prunner"
      prunner.task("produce", function()
        for i = 1, 20000 do prunner.post_task(work, i) end
        prunner.dict.all = true
      end, { atomic_posts = true })
      function begin() prunner.post_task "produce" end
      function work(i)
        assert(prunner.dict.all)
        prunner.counter "n":add(i)
      end
      function end_() print(prunner.counter "n":get()) end
    ]], "-n", 4), 0, "200010000\n")
  end)

  it("starts what a long producer has posted before it ends", function()
    expect(helper.prunner(script [[
      local prunner = require "prunner"
      function begin() prunner.post_task(produce) end
      function produce()
        local i = 0
        -- each post looks whether a part is due
        while not prunner.dict.seen do
          i = i + 1
          prunner.post_task(work, i)
        end
      end
      function work() if not prunner.dict.seen then prunner.dict.seen = true end end
      function end_() print(prunner.dict.seen) end
    ]], "-n", 2), 0, "true\n")
  end)

  -- It waits for each task before it posts the next one: if that is published by a later post only,
  -- it waits in vain.
  it("starts each task of a producer that posts now and then", function()
    expect(helper.prunner(script [[
      local prunner = require "prunner"
      local ffi = require "ffi"
      ffi.cdef "int usleep(unsigned);"
      function begin() prunner.post_task(produce) end
      local function pause() ffi.C.usleep(60000) end
      function produce()
        prunner.post_task(work, 1) -- may wait for the next one: small tasks are all or nothing
        pause()
        for i = 2, 6 do
          prunner.post_task(work, i)
          for _ = 1, 300 do
            pause()
            if prunner.dict[i] then break end
          end
          if not prunner.dict[i] then error(i .. " waits for the next post") end
        end
      end
      function work(i)
        prunner.dict[i] = true
        prunner.counter "n":add(1)
      end
      function end_() print(prunner.counter "n":get()) end
    ]], "-n", 2), 0, "6\n")
  end)

  it("counts the posts of a long producer once when it dies in the middle", function()
    expect(helper.prunner(script [[
      local prunner = require "prunner"
      function begin() prunner.post_task(produce) end
      function produce()
        for i = 1, 50000 do
          prunner.post_task(work, i)
          if i % 10000 == 0 and prunner.attempt() == i / 10000 then
            os.execute "kill -9 $PPID"
          end
        end
      end
      function work(i) prunner.counter "n":add(i) prunner.counter "count":add() end
      function end_() print(prunner.counter "n":get(), prunner.counter "count":get()) end
    ]], "-n", 3, "--max-crashes", 10, "-q"), 0, "1250025000\t50000\n")
  end)

  it("counts them once when they are long strings, or many values", function()
    expect(helper.prunner(script [=[
      local prunner = require "prunner"
      local lists = { text = {}, mixed = {} }
      for i = 1, 5000 do
        lists.text[i] = ("%04d"):format(i) .. ("x"):rep(i % 700)
        lists.mixed[i] = i % 3 == 0 and i or i % 3 == 1 and lists.text[i] or { i }
      end
      function begin()
        prunner.post_task(produce)
        prunner.post_task(produce_many, "text")
        prunner.post_task(produce_many, "mixed")
      end
      local function perhaps_die() if prunner.attempt() == 1 then os.execute "kill -9 $PPID" end end
      function produce()
        for i, text in ipairs(lists.text) do
          prunner.post_task(work, text)
          if i == 4000 then perhaps_die() end
        end
      end
      function produce_many(name)
        prunner.post_many(work, lists[name])
        perhaps_die()
      end
      function work(v)
        local i = type(v) == "table" and v[1] or tonumber(v) or tonumber(v:sub(1, 4))
        assert(type(v) ~= "string" or v == lists.text[i])
        prunner.counter "n":add(i)
        prunner.counter "count":add()
      end
      function end_() print(prunner.counter "n":get(), prunner.counter "count":get()) end
    ]=], "-n", 3, "-q"), 0, "37507500\t15000\n")
  end)

  it("goes on at the cursor of a producer that has committed and died", function()
    local result = expect(helper.prunner(script [[
      local prunner = require "prunner"
      function begin() prunner.post_task(produce) end
      function produce()
        local at = prunner.cursor() or { line = 0 }
        io.stderr:write(at.line, "\n")
        for i = at.line + 1, 1000 do
          prunner.post_task(work, i)
          prunner.counter "read":add()
          prunner.dict:incr "lines"
          if i % 100 == 0 then
            prunner.commit { line = i }
            assert(prunner.cursor().line == i)
          end
          if i % 250 == 0 and prunner.attempt() == 1 then os.execute "kill -9 $PPID" end
        end
      end
      function work(i) prunner.counter "n":add(i) end
      function end_()
        print(prunner.counter "n":get(), prunner.counter "read":get(), prunner.dict.lines)
      end
    ]], "-n", 3, "-q"), 0, "500500\t1000\t1000\n")
    -- each commit counts runs anew, so that it dies at 250, 500, 750 and 1000
    assert.are.equal("0\n200\n500\n700\n1000\n", result.err)
  end)

  it("keeps what was committed when the task fails later, and refuses under a lock", function()
    local result = expect(helper.prunner(script [[
      local prunner = require "prunner"
      function begin()
        prunner.post_task(work)
        prunner.post_task(locked)
        prunner.post_task(unsendable)
      end
      function unsendable() prunner.commit { file = io.stdout } end
      function work()
        prunner.counter "n":add(1)
        prunner.post_task(child)
        prunner.commit()
        prunner.counter "n":add(10)
        prunner.post_task(child)
        error "later"
      end
      function locked() prunner.global_lock(prunner.commit, 5) end
      function child() prunner.counter "n":add(100) end
      function end_() print(prunner.counter "n":get()) end
    ]], "-n", 2), 1, "101\n")
    has("commit: not while a lock is held: release it first", result.err)
    has("commit: the cursor: value, at .file: a userdata cannot be sent", result.err)
    has("later", result.err)
  end)

  it("says so when a producer that runs again posts other tasks", function()
    local result = expect(helper.prunner(script [[
      local prunner = require "prunner"
      function begin() prunner.post_task(produce) end
      function produce()
        local run = prunner.attempt()
        for i = 1, 5000 do prunner.post_task(work, i * run) end
        if run == 1 then os.execute "kill -9 $PPID" end
      end
      function work() end
    ]], "-n", 2), 1)
    has("this run posts different tasks from an earlier run whose posts are already done: it is not "
      .. "deterministic in its arguments", result.err)
    result = expect(helper.prunner(script [[
      local prunner = require "prunner"
      function begin() prunner.post_task(produce) end
      function produce()
        local run = prunner.attempt()
        for i = 1, run == 1 and 5000 or 10 do prunner.post_task(work, i) end
        if run == 1 then os.execute "kill -9 $PPID" end
      end
      function work() end
    ]], "-n", 2), 1)
    has("this run posted fewer tasks than an earlier run has published", result.err)
  end)

  it("replaces its workers without losing a task", function()
    local result = expect(helper.prunner(script [[
      local prunner = require "prunner"
      function begin() for i = 1, 300 do prunner.post_task(work, i) end end
      function worker_begin() prunner.dict:incr "lives" end
      function work(i)
        prunner.counter "n":add(i)
        if i <= 300 then prunner.post_task(work, i + 1000) end
      end
      function worker_end() prunner.dict:incr "ends" end
      function end_()
        print(prunner.counter "n":get(), prunner.dict.lives == prunner.dict.ends,
          prunner.dict.lives >= 60)
      end
    ]], "-n", 3, "--max-tasks", 10), 0, "390300\ttrue\ttrue\n")
    assert.are.equal("", result.err)
  end)

  it("does not take what hooks wrote for the work of a task", function()
    local result = expect(helper.prunner(script [[
      local prunner = require "prunner"
      local function count() prunner.dict:incr "all" end
      function begin() for i = 1, 100 do prunner.post_task(work, i) end end
      worker_begin, worker_end, on_error = count, count, count
      function work(i)
        count()
        if i % 10 == 0 and prunner.attempt() == 1 then os.execute "kill -9 $PPID" end
        if i % 15 == 0 then error "x" end
      end
      function end_() io.write(prunner.dict.all) end
    ]], "-n", 3, "--max-tasks", 7), 1)
    -- 100 tasks, 6 on_error, and the lives of workers: begun, and those not killed ended as well
    local lives = tonumber(result.out) - 106 - 10
    assert.is_true(lives > 0, result.out)
    assert.is_nil(result.err:find("runs again after", 1, true), result.err)
  end)

  --- How often a process came to run: it had to be given the CPU each time.
  local function turns(pid)
    local status, sum = helper.read("/proc/" .. pid .. "/status") or "", 0
    for n in status:gmatch "ctxt_switches:%s*(%d+)" do sum = sum + tonumber(n) end
    return sum
  end

  it("wakes nobody while one task sleeps", function()
    local path = script [[
      local ffi = require "ffi"
      ffi.cdef "int poll(void *, unsigned long, int);"
      function begin() require("prunner").post_task(sleep) end
      function sleep()
        io.stderr:write "asleep\n"
        ffi.C.poll(nil, 0, 3600 * 1000)
      end
    ]]
    local run = helper.spawn_prunner(path, "--eager", "-n", 10)
    assert.is_truthy(helper.wait_until(function() return run:err() == "asleep\n" end))
    local pid = run:pid()
    local workers = {}
    assert.is_truthy(helper.wait_until(function()
      workers = helper.lines_of(("tr ' ' '\\n' </proc/%d/task/%d/children"):format(pid, pid))
      return #workers == 10
    end))
    local function of_workers()
      local sum = 0
      for _, worker in ipairs(workers) do sum = sum + turns(worker) end
      return sum
    end
    local function pause() helper.wait_until(function() return false end, 0.5) end
    local was
    assert.is_truthy(helper.wait_until(function() -- all of them have found nothing to do
      was = of_workers()
      pause()
      return of_workers() == was
    end, 30))
    local supervisor = turns(pid)
    pause()
    pause()
    assert.are.equal(was, of_workers())
    assert.is_true(turns(pid) - supervisor <= 5, turns(pid) - supervisor)
    run:kill "KILL"
    run:wait()
  end)

  it(("gives the same in %d runs in a row"):format(long and 200 or 30), function()
    for _ = 1, long and 200 or 30 do
      expect(helper.prunner(sum_functions, "-n", 10, { timeout = 20 }), 0, "4002000\n")
    end
  end)

  it("takes turns with itself: many jobs at the same time", function()
    local runs = {}
    for i = 1, 8 do
      runs[i] = helper.spawn_prunner(script(tree), "-n", 5, "--", 3, { timeout = 30 })
    end
    for i = 1, 8 do expect(runs[i]:wait(), 0, tree_of(3)) end
  end)
end)

describe("--halt", function()
  after_each(helper.cleanup)

  --- 100 tasks; of those that each of two workers begins with, every other one fails.
  local path_of = function()
    return script [[
      local prunner = require "prunner"
      function begin() for i = 1, 100 do prunner.post_task(work, i) end end
      function work(i)
        prunner.dict:incr "ran"
        if i % 4 >= 2 then error("failed", 0) end
        -- gives the supervisor its time
        if i > 60 then while not prunner.dict.never do end end
      end
      function end_() io.write("ended ", prunner.dict.ran, "\n") end
    ]]
  end

  it("soon ends the job when what runs has ended, and runs end_", function()
    local result = expect(helper.prunner(script [[
      local prunner = require "prunner"
      local ffi = require "ffi"
      ffi.cdef "int poll(void *, unsigned long, int);"
      function begin() for i = 1, 1000 do prunner.post_task(work, i) end end
      function work(i)
        ffi.C.poll(nil, 0, 5)
        prunner.dict:incr "ran"
        if i == 3 then error("third", 0) end
      end
      function end_() io.write("ended ", prunner.dict.ran, "\n") end
    ]], "-n", 2, "--halt", "soon,fail=1"), 1)
    has("prunner: --halt: 1 task failed, no new tasks will start\n", result.err)
    local ran = tonumber(result.out:match("^ended (%d+)\n$"))
    assert.is_true(ran < 500, result.out)
    has(("prunner: 1 task failed, %d tasks are left, of 1000 tasks\n"):format(1000 - ran), result.err)
  end)

  for _, rule in ipairs { "now,fail=3", "now,fail=10%", "now,success=5", "now,success=20%", "now,done=10",
    "now,done=25%" } do
    it(rule .. " kills what runs and runs no end_", function()
      local status = rule:find "success" and 0 or 1
      local result = expect(helper.prunner(path_of(), "-n", 2, "-q", "--halt", rule, { timeout = 20 }), status, "")
      has("prunner: --halt: ", result.err)
      has("stopping at once", result.err)
      assert.are.same({}, helper.survivors(result))
    end)
  end

  it("succeeds when told to look for successes and nothing failed", function()
    local result = expect(helper.prunner(script [[
      local prunner = require "prunner"
      function begin() for i = 1, 10 do prunner.post_task(work, i) end end
      function work(i) if i > 1 then while true do end end end
      function end_() print "never" end
    ]], "-n", 2, "--halt", "now,success=1", { timeout = 20 }), 0, "")
    has("--halt: 1 task succeeded, stopping at once", result.err)
  end)

  it("succeeds when the successes that were asked for are there, whatever failed before", function()
    local text = [[
      local prunner = require "prunner"
      function begin() for i = 1, 10 do prunner.post_task(work, i) end end
      function work(i) if i < 3 then error("no", 0) elseif i > 3 then while true do end end end
    ]]
    local few = "function begin() for i = 1, 3 do require('prunner').post_task(work, i) end end\n"
      .. "function work(i) if i < 3 then error('no', 0) end end"
    for _, words in ipairs { { text, "now,success=1", 0 }, { text, "now,fail=2", 1 }, { few, "now,success=1", 0 },
      { few, "soon,success=1", 0 }, { few, "now,success=30%", 0 }, { few, "now,success=2", 1 }, { few, "never", 1 } } do
      local path = script(words[1])
      expect(helper.prunner(path, "-n", 1, "-q", "--halt", words[2], { timeout = 20 }), words[3])
      if words[1] == few then
        expect(helper.prunner(path, "--serial", "-q", "--halt", words[2], { timeout = 20 }), words[3])
      end
    end
  end)

  it("counts also with --serial, task by task", function()
    local path = script [[
      local prunner = require "prunner"
      function begin() for i = 1, 20 do prunner.post_task(work, i) end end
      function work(i) if i == 1 then error("no", 0) end io.write(i, " ") end
    ]]
    expect(helper.prunner(path, "--serial", "-q", "--halt", "now,success=2"), 0, "2 3 ")
    expect(helper.prunner(path, "--serial", "-q", "--halt", "soon,done=2"), 1, "2 ")
    expect(helper.prunner(path, "--serial", "-q", "--halt", "soon,done=25%"), 1, "2 3 4 5 ")
    expect(helper.prunner(path, "--serial", "-q", "-c", 5, "--halt", "soon,success=3"), 0, "2 3 4 ")
  end)

  it("sees no success in tasks that fail while it counts", function()
    local result = expect(helper.prunner(script [[
      local prunner = require "prunner"
      function begin() for i = 1, 100000 do prunner.post_task(fail) end end
      function fail() error("no", 0) end
      function end_() io.write(prunner.stats().failed, " failed\n") end
    ]], "-n", 4, "-q", "--halt", "now,success=1", { timeout = 60 }), 1, "100000 failed\n")
    assert.is_nil(result.err:find("--halt:", 1, true))
  end)

  it("counts tasks that were quarantined as failed", function()
    local result = expect(helper.prunner(script [[
      local prunner = require "prunner"
      function begin() prunner.post_task(dies) prunner.post_task(spins) end
      function dies() os.exit(1) end
      function spins() while true do end end
    ]], "-n", 2, "--max-crashes", 1, "--halt", "now,fail=1", { timeout = 20 }), 1)
    has("--halt: 1 task failed", result.err)
  end)
end)
