--- prunner.pool: connections of a worker, for one task at a time.

local helper = require "tests.e2e.helper"
local expect, script, has = helper.expect, helper.script, helper.has

local function run(text, ...)
  return helper.prunner(script('local prunner = require "prunner"\n' .. text), "-q", ...)
end

describe("prunner.pool", function()
  after_each(helper.cleanup)

  it("gives a task a connection of its own, at most so many, and returns what fn returns", function()
    expect(run([[
      local made, most, used = 0, 0, 0
      local pool = prunner.pool(function() made = made + 1 return { n = made, users = 0 } end, 3)
      function begin() for i = 1, 200 do prunner.post_task(work, i) end end
      function work(i)
        local n, a, b, c = select("#", pool:use(function(c, x)
          assert(x == i)
          c.users, used = c.users + 1, used + 1
          assert(c.users == 1 and used <= 3)
          most = math.max(most, used)
          prunner.sleep(0)
          c.users, used = c.users - 1, used - 1
          return nil, i, nil
        end, i)), pool:use(function() return i, nil, 3 end)
        assert(n == 3 and a == i and b == nil and c == 3)
      end
      function worker_end() print(made, most, pool) end
    ]], "-n", 1, "-c", 50), 0, "3\t3\tprunner.pool (3 of 3, 3 free)\n")
  end)

  it("gets back what tasks use that are given back when the job stops", function()
    local result = run([[
      local queue = prunner.get_manager():queue "q"
      local closed = 0
      local pool = prunner.pool(function() return { close = function() closed = closed + 1 end } end, 2)
      function begin() for i = 1, 5 do prunner.post_task(work) end end
      function work() pool:use(function() prunner.sleep(0.01) queue:get(1000) end) end
      function worker_end() pool:use(print, "end") print(closed, pool) end
    ]], "-n", 1, "-c", 10, "--deadline", 0.3, { timeout = 30 })
    assert.are.equal(1, result.status)
    has("end\n2\tprunner.pool (1 of 2, 1 free)\n", result.out)
  end)

  it("serves those who wait in the order in which they came", function()
    expect(run([[
      local pool = prunner.pool(function() return {} end, 1)
      local came, served = {}, {}
      function begin() for i = 1, 30 do prunner.post_task(work, i) end end
      function work(i)
        came[#came + 1] = i
        pool:use(function() served[#served + 1] = i prunner.sleep(0.001) end)
      end
      function worker_end() print(#served, table.concat(came, " ") == table.concat(served, " ")) end
    ]], "-n", 1, "-c", 30), 0, "30\ttrue\n")
  end)

  it("throws a connection away after an error, closes it, and raises the error on", function()
    local result = run([[
      local made, closed = 0, {}
      local pool = prunner.pool(function()
        made = made + 1
        local c = { n = made }
        if made ~= 2 then c.close = function(self) closed[#closed + 1] = self.n end end
        if made == 3 then c.close = function() error "close" end end
        return made == 5 and 5 or c
      end, 1)
      function begin() for i = 1, 6 do prunner.post_task(work, i) end end
      function work(i)
        local value = i == 4 and { 4 } or "error " .. i
        local ok, message = pcall(function()
          return pool:use(function(c) prunner.sleep(0.001) if i < 6 then error(value, 0) end return "fine" end)
        end)
        assert(ok == (i == 6) and message == (i == 6 and "fine" or value))
      end
      function worker_end() print(made, table.concat(closed, " "), pool) end
    ]], "-n", 1, "-c", 10)
    expect(result, 0, "6\t1 4\tprunner.pool (1 of 1, 1 free)\n")
  end)

  it("lets others make a connection if that fails for one", function()
    expect(run([[
      local made = 0
      local pool = prunner.pool(function()
        made = made + 1
        prunner.sleep(0.001)
        if made == 1 then error "no" end
        if made == 2 then return nil, "refused" end
        if made == 3 then return nil end
        return made
      end, 1)
      function begin() for i = 1, 5 do prunner.post_task(work, i) end end
      function work()
        local _, value = pcall(pool.use, pool, function(c) return c end)
        print((tostring(value):gsub("^%S+:%d+: ", "")))
      end
    ]], "-n", 1, "-c", 10), 0, "no\npool: make returned no connection: refused\n"
      .. "pool: make returned no connection\n4\n4\n")
  end)

  it("says why it cannot wait", function()
    local result = expect(run([[
      local pool = prunner.pool(function() return {} end, 1)
      local lock = prunner.lock "l"
      local function inner() return pool:use(print) end
      local resume = coroutine.resume -- ours
      function begin()
        print(select(2, pcall(pool.use, pool, inner)))
        prunner.post_task(holds) prunner.post_task(asks)
      end
      local asked
      function holds()
        pool:use(function()
          print((select(2, pcall(inner)):gsub("^%S+:%d+: ", "")))
          while not asked do prunner.sleep(0) end
        end)
      end
      function asks()
        local function try(fn, ...) print((select(2, pcall(fn, ...)):gsub("^%S+:%d+: ", ""))) end
        lock:with(function() try(inner) end)
        try(table.sort, { 1, 2 }, inner)
        try(string.gsub, "x", "x", inner)
        try(table.sort, { 1, 2 }, coroutine.wrap(inner))
        prunner.dict:update("k", function() try(inner) return 1 end)
        asked = true
        inner()
      end
    ]], "-n", 1, "-c", 2), 0).out
    local why = "pool: all 1 connections of this worker are in use, and %s no other task can run that "
      .. "would give one back\n"
    for _, what in ipairs { "while the task holds a lock", "in the function of d:update",
      "while a function in C calls it (table.sort, string.gsub ...)" } do
      has(why:format(what), result)
    end
    has("pool: all 1 connections of this worker are in use, and this task has one of them: it would wait for itself\n",
      result)
    assert.are.equal(1, helper.count("table: ", result))
    has("no other task can run that would give one back", expect(run([[
      local pool = prunner.pool(function() return {} end, 1)
      function begin() prunner.post_task(one) prunner.post_task(two) end
      local co = coroutine.wrap(function() pool:use(coroutine.yield) end)
      function one() co() end
      function two() print(select(2, pcall(pool.use, pool, print))) end
    ]], "-n", 1), 0).out)
  end)

  it("lets a task go that has waited too long, and the others on", function()
    local result = run([[
      local pool = prunner.pool(function() return {} end, 1)
      local n = 0
      function begin()
        prunner.post_task(holds)
        for i = 1, 10 do prunner.post_task(waits, i) end
        for i = 1, 10 do prunner.post_task(patient, i) end
      end
      local stop
      function holds() pool:use(function() while not stop do prunner.sleep(0.01) end end) end
      function waits() pool:use(print) end
      prunner.task("waits", waits, { timeout = 0.1 })
      function patient() pool:use(function() n = n + 1 end) end
      function on_error() stop = true end
      function worker_end() print(n, pool) end
    ]], "-n", 1, "-c", 50)
    assert.are.equal(1, result.status)
    assert.are.equal("10\tprunner.pool (1 of 1, 1 free)\n", result.out)
    has("timed out after 100ms while it waited for a connection of a pool", result.err)
  end)

  it("is each worker's own, also after a use before the fork and after deaths", function()
    expect(run([[
      local pid = require("ffi").C
      require("ffi").cdef "int getpid(void); int kill(int, int);"
      local pool = prunner.pool(function() return { pid = pid.getpid() } end, 2)
      local n = prunner.counter "n"
      function begin()
        pool:use(function(c) assert(c.pid == pid.getpid()) end)
        for i = 1, 100 do prunner.post_task(work, i) end
      end
      function work(i)
        pool:use(function(c)
          assert(c.pid == pid.getpid())
          prunner.sleep(0.001)
          if i % 25 == 0 and prunner.attempt() == 1 then pid.kill(pid.getpid(), 9) end
          n:add(1)
        end)
      end
      function end_() pool:use(function(c) assert(c.pid == pid.getpid()) end) print(n:get()) end
    ]], "-n", 2, "-c", 10, "--max-crashes", 20), 0, "100\n")
  end)

  it("refuses what is wrong, where it was called", function()
    expect(run([[
      local function try(fn, ...) print((select(2, pcall(fn, ...)):gsub("^%S+:%d+: ", ""))) end
      function begin()
        local here = debug.getinfo(1, "l").currentline
        local pool = prunner.pool(print, 1)
        for _, f in ipairs {
          function() prunner.pool(1, 1) end,
          function() prunner.pool(print, 0) end,
          function() prunner.pool(print, 0 / 0) end,
          function() prunner.pool(print) end,
          function() prunner.pool(print, 1, 2) end,
          function() pool:use() end,
          function() pool.use(print) end,
        } do
          local line, message = select(2, pcall(f)):match ":(%d+): (.*)"
          print(line - here, message)
        end
      end
    ]]), 0, table.concat {
      "3\tpool: a function that makes a connection is needed, got number\n",
      "4\tpool: a number of connections is needed, 1 or more, got 0\n",
      "5\tpool: a number of connections is needed, 1 or more, got nan\n",
      "6\tpool: a number of connections is needed, 1 or more, got nil\n",
      "7\tpool: a function and a number, no more\n",
      "8\tpool: a function is needed, got nil\n",
      "9\tuse: a pool is needed: use pool:use(fn)\n",
    })
  end)
end)
