--- What tasks share, with many workers at it; and what arrives with a task.

local helper = require "tests.e2e.helper"
local expect, script = helper.expect, helper.script

--- Runs `text` with 4 workers, or as `...` says; it must print `out`.
local function job(text, out, ...)
  return helper.job(text, 0, out, "-n", 4, ...)
end

describe("the shared dict", function()
  after_each(helper.cleanup)

  it("has operations that are whole, from many workers", function()
    job([[
      local d = prunner.dict
      function begin() d.swapped = 0 for i = 1, 2000 do prunner.post_task(work, i) end end
      function work(i)
        d:incr "plus"
        d:incr("plus", i)
        d:incr("minus", -0.5)
        d:append("text", string.char(97 + i % 26))
        if d:add("slot" .. i % 100, i) then prunner.counter "added":add() end
        d:update("list", function(t) t = t or {} t[1] = (t[1] or 0) + 1 return t end)
        repeat local old = d.swapped until d:cas("swapped", old, old + i)
        d["own" .. i] = { i, tostring(i) }
        if i % 3 == 0 then assert(d:delete("own" .. i)) end
      end
      function end_()
        local own = 0
        for k, v in d:each() do
          if type(k) == "string" and k:find "^own" then
            assert(v[2] == k:sub(4) and v[1] % 3 ~= 0)
            own = own + 1
          end
        end
        print(d.plus, d.minus, #d.text, prunner.counter "added":get(), d.list[1], d.swapped, own)
      end
    ]], "2003000\t-1000\t2000\t100\t2000\t2001000\t1334\n", "-n", 8)
  end)

  it("takes the plain form under a lock", function()
    job([[
      local d = prunner.dict
      function begin()
        d.n, d.t = 0, { count = 0 }
        for i = 1, 3000 do prunner.post_task(work, i) end
      end
      function work(i)
        prunner.global_lock(function()
          d.n = d.n + i
          local t = d.t
          t.count = t.count + 1
          d.t = t
        end)
      end
      function end_() print(d.n, d.t.count) end
    ]], "4501500\t3000\n", "-n", 8)
  end)

  it("shows all of a lock section or nothing", function()
    job([[
      local d, lock = prunner.dict, prunner.lock "pair"
      function begin()
        d.a, d.b = 0, 0
        for i = 1, 500 do prunner.post_task(write, i) prunner.post_task(read) end
      end
      function write(i) lock:with(function() d.a = i d.b = i end) end
      function read() lock:with(function() assert(d.a == d.b) end) end
      function end_() print(d.a == d.b) end
    ]], "true\n")
  end)

  it("can be iterated while others write", function()
    job([[
      local d = prunner.dict
      function begin()
        for i = 1, 500 do d["stays" .. i] = i end
        for i = 1, 40 do prunner.post_task(write, i) prunner.post_task(read) end
      end
      function write(i)
        for k = 1, 200 do
          d["new" .. i .. "." .. k] = ("x"):rep(k)
          d["goes" .. k] = { k }
          d["goes" .. k] = nil
        end
      end
      function read()
        local seen, n = {}, 0
        for k, v in d:each() do
          assert(not seen[k])
          seen[k] = true
          if k:find "^stays" then n = n + 1 assert(k == "stays" .. v) end
          if k:find "^new" then assert(#v == tonumber(k:match "%.(%d+)$")) end
          if k:find "^goes" then assert(v[1] == tonumber(k:match "%d+")) end
        end
        assert(n == 500)
        prunner.counter "reads":add()
      end
      function end_() print(prunner.counter "reads":get(), d:len()) end
    ]], "40\t8500\n")
  end)

  it("may be read by finalizers while it is read", function()
    job([[
      local ffi = require "ffi"
      local d = prunner.dict
      function begin()
        for i = 1, 64 do
          d:set("small" .. i, { i, { i, { i } }, { i } })
          d:set("large" .. i, { -i, { -i, { -i } }, { -i }, ("y"):rep(500) })
        end
        for n = 1, 20 do prunner.post_task(work, n) end
      end
      function worker_begin() collectgarbage() collectgarbage("setpause", 50) end
      function work(n)
        for r = 1, 3000 do
          local i = r % 64 + 1
          ffi.gc(ffi.new "char[16]", function()
            if d:get("large" .. i)[3][1] == -i then prunner.counter "inside":add() end
          end)
          local v = d:get("small" .. i)
          assert(v[1] == i and v[2][1] == i and v[2][2][1] == i and v[3][1] == i)
        end
      end
      function end_() print(prunner.counter "inside":get() > 1000) end
    ]], "true\n")
  end)

  it("grows to a million keys", function()
    job([[
      local d = prunner.dict
      function begin() for i = 0, 99 do prunner.post_task(fill, i) end end
      function fill(part)
        for i = part * 10000, part * 10000 + 9999 do d[i] = i * 2 end
        prunner.post_task(check, part)
      end
      function check(part)
        for i = part * 10000, part * 10000 + 9999, 7 do assert(d[i] == i * 2) end
      end
      function end_()
        local n, sum = 0, 0
        for k, v in d:each() do n, sum = n + 1, sum + v - k end
        print(d:len(), n, sum)
      end
    ]], "1000000\t1000000\t499999500000\n")
  end)
end)

describe("locks", function()
  after_each(helper.cleanup)

  it("exclude each other, by name", function()
    job([[
      function begin() for i = 1, 300 do prunner.post_task(work, i % 3) end end
      function work(name)
        local file = arg[0] .. "." .. name
        prunner.lock("file " .. name):with(function()
          local f = io.open(file)
          local n = f and f:read "*n" or 0
          if f then f:close() end
          f = io.open(file, "w")
          f:write(n + 1)
          f:close()
        end)
      end
      function end_()
        for i = 0, 2 do io.write(io.open(arg[0] .. "." .. i):read "*n", " ") end
      end
    ]], "100 100 100 ", "-n", 8)
  end)

  it("can be waited for a limited time", function()
    job([[
      local C = require("prunner.native").C
      local lock = prunner.lock "l"
      function begin() prunner.post_task(hold) prunner.post_task(wait) end
      function hold()
        lock:acquire()
        while not prunner.dict.waited do end
        lock:release()
      end
      function wait()
        while lock:try_acquire() do lock:release() end
        local from = C.prn_now()
        local ok, why, code = lock:acquire(0.05)
        assert(C.prn_now() - from >= 0.05)
        prunner.dict.result = { tostring(ok), why, code }
        prunner.dict.waited = true
        assert(lock:acquire(10) == true)
        lock:release()
      end
      function end_() print(unpack(prunner.dict.result)) end
    ]], "nil\ttimeout\t110\n")
  end)
end)

describe("accumulators", function()
  after_each(helper.cleanup)

  it("add up what tasks that are done have added", function()
    job([[
      local n, max, min, list = prunner.counter "n", prunner.max "x", prunner.min "x",
        prunner.collector "list"
      function begin()
        n:add(0.5)
        list:add "begin"
        for i = 1, 1000 do prunner.post_task(work, i) end
      end
      function work(i)
        local before = n:get()
        n:add()
        n:add(i)
        assert(n:get() >= before + i + 1)
        max:add(i % 777)
        min:add(-i)
        list:add { i }
        if prunner.attempt() == 1 and i % 10 == 0 then error "again" end
      end
      function end_()
        local sum = 0
        for _, v in ipairs(list:get()) do sum = sum + (type(v) == "table" and v[1] or 0) end
        print(n:get(), max:get(), min:get(), #list:get(), sum)
      end
    ]], "501500.5\t776\t-1000\t1001\t500500\n", "--retries", 1, "-q")
  end)

  it("may be 256, and one more is refused", function()
    local result = expect(helper.prunner(script [[
      local prunner = require "prunner"
      function begin()
        for i = 1, 256 do prunner.counter("c" .. i):add(i) end
        print(pcall(prunner.max, "one more"))
        prunner.post_task(work)
      end
      function work() for i = 1, 256 do prunner.counter("c" .. i):add(i) end end
      function end_()
        local sum = 0
        for i = 1, 256 do sum = sum + prunner.counter("c" .. i):get() end
        print(sum)
      end
    ]], "-n", 2), 0)
    assert.has_match('^false\t[^\n]*max "one more": too many names: 16,384 in all, 256 of them counters '
      .. "and the like\n65792\n$", result.out)
  end)

  it("can be named for the first time in a task", function()
    job([[
      function begin() for i = 1, 400 do prunner.post_task(work, i) end end
      function work(i)
        prunner.counter("c" .. i % 50):add(i)
        prunner.get_manager():dict("d" .. i % 50):incr("n", i)
        prunner.lock("l" .. i):with(function() end)
      end
      function end_()
        local sum = 0
        for i = 0, 49 do
          sum = sum + prunner.counter("c" .. i):get() + prunner.get_manager():dict("d" .. i).n
        end
        print(sum)
      end
    ]], "160400\n")
  end)

  it("collect large values", function()
    job([[
      local list = prunner.collector "list"
      function begin() for i = 1, 20 do prunner.post_task(work, i) end end
      function work(i) list:add(("x"):rep(1e6) .. i) end
      function end_()
        local n, sum = 0, 0
        for _, s in ipairs(list:get()) do
          assert(s:sub(1, 1e6) == ("x"):rep(1e6))
          n, sum = n + 1, sum + tonumber(s:sub(1e6 + 1))
        end
        print(n, sum)
      end
    ]], "20\t210\n")
  end)
end)

describe("the manager", function()
  after_each(helper.cleanup)

  it("has queues between tasks, with waiting", function()
    job([[
      local m = prunner.get_manager()
      local items, results = m:queue "items", m:queue "results"
      function begin()
        for _ = 1, 2 do prunner.post_task(consume) end
        prunner.post_task(produce)
      end
      function produce()
        for i = 1, 500 do items:put { i } end
        items:put "end"
        items:put "end"
      end
      function consume()
        while true do
          local v = items:get(10)
          if v == "end" then return end
          results:put(v[1])
          m:value("sum", 0):incr(v[1])
        end
      end
      function end_()
        local n, sum = 0, 0
        local v = results:get()
        while v do
          n, sum = n + 1, sum + v
          v = results:get()
        end
        print(n, sum, m:value("sum"):get(), items:len())
      end
    ]], "500\t125250\t125250\t0\n")
  end)

  it("hands its objects to tasks", function()
    job([[
      local m = prunner.get_manager()
      function begin()
        for i = 1, 100 do
          prunner.post_task(work, i, m:dict "d", m:queue "q", m:value("v", 0), m:lock "l",
            prunner.counter "c", prunner.dict)
        end
      end
      function work(i, dict, queue, value, lock, counter, d)
        dict:incr("n", i)
        queue:put(i)
        value:incr(i)
        lock:with(function() d.n = (d.n or 0) + i end)
        counter:add(i)
      end
      function end_()
        print(m:dict "d".n, m:queue "q":len(), m:value "v":get(), prunner.dict.n,
          prunner.counter "c":get())
      end
    ]], "5050\t100\t5050\t5050\t5050\n")
  end)
end)

describe("the arguments of a task", function()
  after_each(helper.cleanup)

  it("arrive with their count, nil among them", function()
    job([[
      local function text(...)
        local list = { select("#", ...) .. ":" }
        for i = 1, select("#", ...) do list[#list + 1] = tostring((select(i, ...))) end
        return table.concat(list, " ")
      end
      function begin()
        prunner.post_task(work)
        prunner.post_task(work, nil)
        prunner.post_task(work, nil, nil)
        prunner.post_task(work, nil, 1, nil)
        prunner.post_task(work, nil, nil, nil, nil)
        prunner.post_task(work, 1, nil, "x", nil, true, nil)
        prunner.post_task(work, {}, nil)
        prunner.post_task(work, unpack({}, 1, 200))
      end
      function work(...) print((text(...):gsub("table.*", "table"):sub(1, 40))) end
    ]], "0:\n1: nil\n2: nil nil\n3: nil 1 nil\n4: nil nil nil nil\n6: 1 nil x nil true nil\n2: table\n"
      .. "200: nil nil nil nil nil nil nil nil nil\n", "-n", 1)
  end)

  it("may be objects, which arrive with their class, and methods of them", function()
    job([[
      local Animal = {}
      Animal.__index = Animal
      Animal.__tostring = function(a) return a.name .. " says " .. a:sound() end
      local Dog = setmetatable({}, { __index = Animal })
      Dog.__index, Dog.__tostring = Dog, Animal.__tostring
      function Dog:sound() return "woof" end
      function Dog:greet(other, n)
        assert(getmetatable(self) == Dog and getmetatable(other[1]) == Dog)
        assert(other[1] == other.same and self.friend == other[1])
        if n > 0 then return prunner.post_task(self.greet, self, other, n - 1) end
        print(self, other[1], n)
      end
      function begin()
        local rex, fido = setmetatable({ name = "Rex" }, Dog), setmetatable({ name = "Fido" }, Dog)
        rex.friend, fido.friend = fido, rex
        prunner.post_task(rex.greet, rex, { fido, same = fido }, 3)
      end
    ]], "Rex says woof\tFido says woof\t0\n")
  end)

  it("may be 64-bit integers and functions", function()
    job([[
      local function twice(f, ...) f(...) f(...) end
      local function add(n) prunner.counter "n":add(tonumber(n)) end
      function begin()
        prunner.post_task(twice, add, 2 ^ 40)
        prunner.post_task(big, 9223372036854775807LL, 18446744073709551615ULL, { -1LL }, print)
      end
      function big(a, b, c, p) p(a, b, c[1]) end
      function end_() print(prunner.counter "n":get() == 2 ^ 41) end
    ]], "9223372036854775807LL\t18446744073709551615ULL\t-1LL\ntrue\n")
  end)

  it("may be huge", function()
    job([[
      function begin()
        prunner.post_task(text, ("0123456789"):rep(5e6))
        local list, map = {}, {}
        for i = 1, 100000 do list[i] = i * 0.5 map["k" .. i] = { i } end
        prunner.post_task(tables, list, map)
      end
      function text(s) assert(#s == 5e7 and s == ("0123456789"):rep(5e6)) prunner.counter "n":add() end
      function tables(list, map)
        assert(#list == 100000)
        for i = 1, 100000 do assert(list[i] == i * 0.5 and map["k" .. i][1] == i) end
        prunner.counter "n":add()
      end
      function end_() print(prunner.counter "n":get()) end
    ]], "2\n")
  end)

  it("may be functions, objects and handles before begin() has posted anything", function()
    job([[
      Account = {} Account.__index = Account
      prunner.task("named", function(c) c:add(1) end)
      local c, d = prunner.counter "c", prunner.dict
      function begin()
        d.object, d.fn, d.handle = setmetatable({ n = 1 }, Account), print, c
        prunner.collector("co"):add(c)
        prunner.get_manager():queue("q"):put(setmetatable({}, Account))
        print(select(2, pcall(prunner.get_manager():queue("q").put, {}, 1)) ~= nil)
        prunner.post_task("named", c)
      end
      function end_()
        print(getmetatable(d.object) == Account, d.fn == print, d.handle == c, c:get())
      end
    ]], "true\ntrue\ttrue\ttrue\t1\n")
  end)

  it("give back their memory", function()
    job([[
      local text = ("x"):rep(1e6)
      function begin() prunner.post_task(work, 300, text) end
      function work(n, s)
        assert(#s == 1e6)
        if n > 0 then prunner.post_task(work, n - 1, s) end
      end
      function end_()
        local shared = tonumber(io.open "/proc/self/statm":read "*a":match "^%d+ %d+ (%d+)") * 4096
        print(shared < 100e6 or shared)
      end
    ]], "true\n")
  end)

  it("may be many, as the stack allows", function()
    job([[
      function begin()
        prunner.post_task(many, unpack(prunner.range(5000)))
        print((pcall(prunner.post_task, none, unpack(prunner.range(7900)))))
      end
      function many(...) assert(select("#", ...) == 5000 and select(5000, ...) == 4999) print "many" end
      function none() end
    ]], "true\nmany\n")
  end)
end)
