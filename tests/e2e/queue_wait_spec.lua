--- queue:get(seconds) with --concurrency above 1: a task that waits for a value leaves its worker to others.

local helper = require "tests.e2e.helper"
local expect, script, has = helper.expect, helper.script, helper.has

local prelude = [[
  local prunner = require "prunner"
  local queue = prunner.get_manager():queue "q"
  local ffi = require "ffi"
  ffi.cdef "int getpid(void); int kill(int, int);"
  local function die() ffi.C.kill(ffi.C.getpid(), 9) end
]]

local function run(text, ...)
  return helper.prunner(script(prelude .. text), "-q", ...)
end

describe("queue:get", function()
  after_each(helper.cleanup)

  it("lets the worker run the task that puts the value", function()
    expect(run([[
      function begin() prunner.post_task(gets) prunner.post_task(puts) end
      function gets() print(queue:get(1e9)) end
      function puts() queue:put "value" end
    ]], "-n", 1, "-c", 2), 0, "value\n")
  end)

  it("serves as many as there are values, in the order in which they came", function()
    expect(run([[
      function begin()
        for i = 1, 300 do prunner.post_task(gets, i) end
        for i = 1, 10 do prunner.post_task(puts, i) end
      end
      local served, came = {}, {}
      function gets(i)
        came[#came + 1] = i
        local value = queue:get(1e9)
        served[#served + 1] = i .. "=" .. value
      end
      function puts() for _ = 1, 30 do queue:put(#came) end end
      function worker_end()
        for i = 1, #served do assert(served[i]:match "%d+" == tostring(came[i])) end
        print(#served, queue:len())
      end
    ]], "-n", 1, "-c", 400), 0, "300\t0\n")
  end)

  it("is woken by what another worker puts, at once", function()
    -- Without that each round would take a tenth of a second.
    for _, c in ipairs { 2, 3 } do
      expect(run([[
        local back, d = prunner.get_manager():queue "back", prunner.dict
        function begin() prunner.post_task(one) prunner.post_task(other) end
        local function apart(me, you) -- both are there, each in a worker of its own
          d[me] = prunner.worker_id()
          while not d[you] do end
          assert(d[you] ~= d[me])
        end
        function one()
          apart("one", "other")
          for i = 1, 1500 do queue:put(i) assert(back:get(1e9) == -i) end
        end
        function other()
          apart("other", "one")
          for i = 1, 1500 do assert(queue:get(1e9) == i) back:put(-i) end
          print "done"
        end
      ]], "-n", 2, "-c", c, { timeout = 30 }), 0, "done\n")
    end
  end)

  it("returns nil when its time is over, and false and tables as they are", function()
    expect(run([[
      function begin() prunner.post_task(gets) end
      function gets()
        print(queue:get(0.01), queue:get(0), queue:get(), queue:get(-1))
        queue:put(false) queue:put { 1 }
        print(queue:get(1), queue:get(1)[1])
      end
    ]], "-n", 1, "-c", 2), 0, "nil\tnil\tnil\tnil\nfalse\t1\n")
  end)

  it("waits in a coroutine of the script", function()
    expect(run([[
      function begin() prunner.post_task(gets) prunner.post_task(puts) end
      function gets()
        for value in coroutine.wrap(function() for _ = 1, 3 do coroutine.yield(queue:get(1e9)) end end) do
          print(value)
        end
      end
      function puts() for i = 1, 3 do prunner.sleep(0) queue:put(i) end end
    ]], "-n", 1, "-c", 2), 0, "1\n2\n3\n")
  end)

  it("raises where no other task can run, if others wait; else blocks", function()
    local out = expect(run([[
      local lock = prunner.lock "l"
      function begin() prunner.post_task(sleeps) prunner.post_task(gets) end
      local done
      function sleeps() while not done do prunner.sleep(0.001) end end
      local function try(fn, ...) print((select(2, pcall(fn, ...)):gsub("^%S+: ", ""))) end
      local function get() return queue:get(1e9) end
      function gets()
        lock:with(function() try(get) print(queue:get(0)) queue:put "mine" print(queue:get(1)) end)
        try(table.sort, { 1, 2 }, get)
        try(string.gsub, "x", "x", get)
        prunner.dict:update("k", function() try(get) return 1 end)
        local here = debug.getinfo(1, "l").currentline
        print(tonumber(select(2, pcall(table.sort, { 1, 2 }, function()
          queue:get(1e9)
        end)):match ":(%d+): ") - here)
        done = true
      end
    ]], "-n", 1, "-c", 5), 0).out
    local why = "get cannot wait %s: it would keep other tasks of this worker waiting, and one of them may "
      .. "have to put the value\n"
    has(why:format "while the task holds a lock", out)
    has("\nnil\nmine\n", out)
    assert.are.equal(2, helper.count(why:format "while a function in C calls it (table.sort, string.gsub ...)", out))
    has("not in the function of d:update, which may run several times\n2\n", out)
    expect(run([[
      function begin() prunner.post_task(gets) prunner.post_task(puts) end
      function gets() print((("x"):gsub("x", function() return queue:get(1e9) end))) end
      function puts() queue:put "blocked" end
    ]], "-n", 2, "-c", 1), 0, "blocked\n")
    expect(run([[
      function begin() prunner.post_task(gets) end
      function gets() print((("x"):gsub("x", function() return tostring(queue:get(0.15)) end))) end
    ]], "-n", 1, "-c", 5), 0, "nil\n")
  end)

  it("ends by an error when the time of its task is over", function()
    local result = run([[
      function begin() prunner.post_task(gets) prunner.post_task(late) end
      function gets() queue:get(1e9) end
      function late() prunner.sleep(0.1) queue:put "for nobody" end
      function end_() print(queue:len()) end
      prunner.task("gets", gets, { timeout = 0.05 })
    ]], "-n", 1, "-c", 5)
    expect(result, 1, "1\n")
    has("timed out after 50ms while it waited for a queue", result.err)
  end)

  it("gets the same again when its worker dies, also nothing", function()
    for _, c in ipairs { 1, 3 } do
      expect(run([[
        local seen = prunner.get_manager():queue "seen"
        function begin() for i = 1, 5 do queue:put(i) end prunner.post_task(gets) end
        function gets()
          local a, b = queue:get(1e9), queue:get()
          local nothing = prunner.get_manager():queue "empty":get(0.01)
          local c = queue:get(1e9)
          if prunner.attempt() == 1 then
            prunner.get_manager():queue "empty":put "too late"
            die()
          end
          local rest = prunner.get_manager():queue "empty":get(1)
          print(a, b, nothing, c, queue:get(1), rest, queue:len())
        end
      ]], "-n", 1, "-c", c, "--max-crashes", 3), 0, "1\t2\tnil\t3\t4\ttoo late\t1\n")
    end
  end)

  it("lets a worker that is to be replaced run what its tasks wait for", function()
    local text = [[
      function begin()
        for i = 1, 20 do prunner.post_task(gets) end
        prunner.post_task(puts)
      end
      function gets() collectgarbage() repeat local v = queue:get(1) until v end
      function puts() for i = 1, 20 do queue:put(i) end end
      function end_() print(prunner.stats().finished) end
    ]]
    for _, limit in ipairs { { "--max-tasks", 5 }, { "--max-rss", "1M" } } do
      expect(run(text, "-n", 1, "-c", 100, limit[1], limit[2], { timeout = 30 }), 0, "21\n")
    end
  end)

  it("does not count against the tasks that a worker may begin after a death", function()
    for _, deaths in ipairs { 1, 6 } do -- 16 tasks, then one
      expect(run([[
        function begin()
          for i = 1, 40 do prunner.post_task(gets) end
          prunner.post_task(crash)
        end
        function gets() repeat local v = queue:get(1) until v end
        function crash()
          if prunner.attempt() <= ]] .. deaths .. [[ then die() end
          for i = 1, 40 do queue:put(i) end
        end
        function end_() print(prunner.stats().finished, prunner.stats().quarantined) end
      ]], "-n", 1, "-c", 100, "--max-crashes", 20, { timeout = 30 }), 0, "41\t0\n")
    end
  end)

  it("keeps no task from running that is to run alone, and may put the value", function()
    for _, order in ipairs { "crash, puts, gets", "crash, gets, puts", "gets, crash, puts", "puts, gets, crash" } do
      expect(run([[
        function gets() repeat local v = queue:get(1) until v end
        function crash() prunner.sleep(0.02) die() end
        function puts() prunner.sleep(0.1) queue:put(1) end
        function begin() for _, f in ipairs { ]] .. order .. [[ } do prunner.post_task(f) end end
        function end_() print(prunner.stats().finished, prunner.stats().quarantined) end
      ]], "-n", 1, "-c", 100, "--max-crashes", 1, { timeout = 30 }), 1, "3\t1\n")
    end
  end)

  it("gives its task back when the job stops, as if its run had not been", function()
    -- Of three tasks that wait for others, none lets the fourth begin.
    local path = script(prelude .. [[
      local pool = prunner.pool(function() return {} end, 1)
      local lines = prunner.collector "lines"
      function begin()
        for i = 1, 3 do prunner.post_task(gets, i) end
        prunner.post_task(puts)
      end
      local function get() return queue:get(1e9) end
      function gets(i)
        lines:add("never twice " .. i)
        io.write("unfinished")
        local runs = prunner.dict:incr(i)
        if runs == 1 then io.stderr:write("waits\n") end
        local value = i < 3 and pool:use(get) or get()
        lines:add(("%s %d %d"):format(value, prunner.attempt(), runs))
      end
      function puts() for i = 1, 3 do queue:put "value" end end
      function end_()
        local all = lines:get()
        table.sort(all)
        print(table.concat(all, ", "))
      end
    ]])
    local state = helper.beside(path, "state")
    local running = helper.spawn_prunner(path, "-n", 1, "-c", 3, "--state", state)
    assert.is_truthy(helper.wait_until(function() return running:err():find("waits.*waits.*waits") end))
    running:kill "INT"
    local result = running:wait()
    expect(result, 130, "")
    has("4 tasks are left, of 4 tasks", result.err)
    expect(helper.prunner(path, "--resume", state, "-n", 1, "-c", 4, "-q"), 0, ("unfinished"):rep(3)
      .. "never twice 1, never twice 2, never twice 3, value 1 1, value 1 1, value 1 1\n")
  end)

  it("forgets that others were faster while it waited", function()
    -- A look sees a value that somebody else takes before the lock is taken.
    for _, c in ipairs { 2, 5 } do
      expect(run([[
        local core = require("prunner.native").core
        local look, wrong = core.queue_look, 1
        core.queue_look = function(...)
          local found = look(...)
          if found ~= core.QUEUE.EMPTY or wrong == 0 then return found end
          wrong = wrong - 1
          return core.QUEUE.EMPTY + 1
        end
        function begin() prunner.post_task(gets) prunner.post_task(puts) end
        function gets()
          local first = queue:get(1e9)
          if prunner.attempt() == 1 then die() end
          print(first, queue:get(1e9))
        end
        function puts()
          if prunner.attempt() == 1 then while wrong > 0 do prunner.sleep(0.001) end end
          queue:put(1) queue:put(2)
        end
      ]], "-n", 1, "-c", c, "--max-crashes", 9, { timeout = 30 }), 0, "1\t2\n")
    end
  end)

  it("loses nothing when workers die", function()
    for _, shape in ipairs { { 2, 40 }, { 3, 1 }, { 1, 200 } } do
      expect(run([[
        local sum, got = prunner.counter "sum", prunner.counter "got"
        function begin()
          for i = 1, 150 do prunner.post_task(puts, i) prunner.post_task(gets, i) end
        end
        function puts(i)
          for k = 1, 4 do queue:put(i * 4 + k) prunner.sleep(0) end
          if i % 50 == 0 and prunner.attempt() == 1 then die() end
        end
        function gets(i)
          for k = 1, 4 do
            local v
            while not v do v = queue:get(0.05) end
            sum:add(v) got:add(1)
            if i % 50 == k and prunner.attempt() == 1 then die() end
          end
        end
        function end_() print(got:get(), sum:get(), queue:len()) end
      ]], "-n", shape[1], "-c", shape[2], "--max-crashes", 200), 0, "600\t182700\t0\n")
    end
  end)
end)
