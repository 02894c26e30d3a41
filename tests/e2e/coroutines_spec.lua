--- Coroutines of the script, in tasks of a worker that runs several at a time (lua/prunner/coroutines.lua): as
--- those of LuaJIT, and with waits inside them.

local helper = require "tests.e2e.helper"
local expect, script, has = helper.expect, helper.script, helper.has

local prelude = [[
  local prunner = require "prunner"
  local co = coroutine
  local sleep = prunner.sleep
]]

--- Two tasks in one worker: what the second one does happens while the first one waits.
local function run(text, ...)
  return helper.prunner(script(prelude .. text), "-q", "-n", 1, "-c", 20, ...)
end

--- Runs `body` under luajit and as a task; both print the same. Names of files are left out.
local function same(body)
  body = [[
    local co = coroutine
    local function p(...)
      local t = {}
      for i = 1, select("#", ...) do
        local v = select(i, ...)
        t[i] = type(v) == "string" and v:gsub("[^%s:]*script.lua:", "F:") or type(v) == "number" and v
          or type(v) == "boolean" and tostring(v) or type(v)
      end
      print(table.concat(t, " | "))
    end
  ]] .. body
  local wanted = expect(helper.run { "luajit", script(body) }).out
  assert.is_true(#wanted > 0)
  local task = 'function begin() require("prunner").post_task(work) end function work()\n' .. body .. "\nend"
  task = task:gsub("^(.-)\n", "%1 ", 1) -- lines have the same numbers
  expect(helper.prunner(script(task), "-q", "-n", 1, "-c", 5), 0, wanted)
  expect(helper.prunner(script(task), "-q", "-n", 1), 0, wanted)
end

describe("a coroutine in a task", function()
  after_each(helper.cleanup)

  it("hands out nothing where nothing was yielded or returned", function()
    same [[
      local function n(...) return select("#", ...) end
      local function none() end
      local f = co.create(function() co.yield() end)
      p(n(co.resume(f)), n(co.resume(f)), n(co.wrap(none)()), n(co.resume(co.create(none))))
      p(n(co.resume(co.create(function() return nil end))), n(co.wrap(function() return nil, nil end)()))
    ]]
  end)

  it("passes values to and fro, ends, and says what it is", function()
    same [[
      local f = co.create(function(a, b)
        local c = co.yield(a + b)
        local d, e = co.yield(c * 2)
        return d, e, nil
      end)
      p(co.status(f)) p(co.resume(f, 1, 2)) p(co.status(f)) p(co.resume(f, 10)) p(co.resume(f, "x", "y"))
      p(co.status(f)) p(co.resume(f)) p(co.resume(f))
      p(co.resume(co.create(function() return nil, false, nil end)))
      p(select("#", co.resume(co.create(function(...) return ... end), unpack({}, 1, 200))))
      p(select("#", co.wrap(function(...) return ... end)(unpack({}, 1, 200))))
      local w = co.wrap(function(...) local n = select("#", ...) while true do n = select("#", co.yield(n)) end end)
      p(w(1, nil, nil)) p(w()) p(w(nil))
      p(co.status(co.create(print)))
      p(co.resume(co.create(function() return type(co.running()), co.isyieldable() end)))
    ]]
  end)

  it("refuses what is no coroutine and no function", function()
    same [[
      p(pcall(co.resume)) p(pcall(co.resume, 1)) p(pcall(co.resume, nil, 1)) p(pcall(co.wrap)) p(pcall(co.wrap, 1))
      p(pcall(co.status)) p(pcall(co.status, 1)) p(pcall(co.create, 1))
      p(pcall(function() co.resume(1) end)) p(pcall(function() co.wrap(1) end))
      p(pcall(function() local s = co.status(1) return s end))
    ]]
  end)

  it("raises errors: text, tables, nil, numbers, those of Lua", function()
    same [[
      local values = { "str", {}, 42, false, print }
      for i = 1, 6 do
        local c = co.create(function() error(values[i]) end)
        p(co.resume(c)) p(co.status(c)) p(co.resume(c))
        p(pcall(function() co.wrap(function() error(values[i]) end)() end))
        p(pcall(function() co.wrap(function() error(values[i], 0) end)() end))
        p(pcall(function() co.wrap(function() error(values[i], 2) end)() end))
        p(pcall(co.wrap(function() error(values[i]) end)))
      end
      p(co.resume(co.create(function() local x = nil; return x.y end)))
      p(pcall(function() co.wrap(function() return nil + 1 end)() end))
      local E = setmetatable({}, { __tostring = function() return "E!" end })
      local _, err = pcall(function() co.wrap(function() error(E) end)() end)
      p(err == E)
      p(co.wrap(function() return pcall(pcall, error, "e") end)())
    ]]
  end)

  it("says with wrap where it was called, at each level", function()
    same [[
      local inner = co.wrap(function() error "deep" end)
      local outer = co.wrap(function() inner() end)
      p(pcall(function()
        outer()
      end))
      p(pcall(function()
        local a = co.wrap(function() error "tail" end)
        local b = co.wrap(function() return a() end)
        return b()
      end))
      for _ = 1, 2 do
        p(pcall(function() for x in co.wrap(function() co.yield(1) error "iter" end) do p(x) end end))
      end
      local over = co.wrap(function() end)
      over()
      p(pcall(function() over() end)) p(pcall(function() return over() end)) p(pcall(over))
      local function rec(n) if n == 0 then error("bottom", 0) end return co.wrap(rec)(n - 1) end
      p(pcall(rec, 3))
      local t = setmetatable({}, { __index = co.wrap(function() error "in index" end) })
      p(pcall(function() return t.x end))
    ]]
  end)

  it("cannot be resumed while it runs, or has resumed another one", function()
    same [[
      local me
      me = co.create(function() p(co.resume(me)) p(co.status(me)) p(co.resume(co.running())) end)
      co.resume(me)
      local w
      w = co.wrap(function() p(pcall(w)) w() end)
      p(pcall(w))
      local outer
      outer = co.create(function()
        local inner = co.create(function()
          p(co.status(outer)) p(co.resume(outer))
        end)
        co.resume(inner)
      end)
      co.resume(outer)
      p(co.status(outer))
    ]]
  end)

  it("yields across pcall, xpcall, metamethods and iterators, and not across C", function()
    same [[
      local y = co.wrap(function()
        p(pcall(function() co.yield "in pcall" error "after" end))
        p(xpcall(function() co.yield "in xpcall" error "after" end, function(m) return "handled " .. m end))
        local t = setmetatable({}, {
          __index = function(_, k) return co.yield(k) end, __add = function() return co.yield "add" end,
          __call = function(_, x) return co.yield(x) end, __lt = function() return co.yield "lt" end,
          __concat = function() return co.yield "concat" end,
        })
        p(t.key, t + 1, t(5), t < t, t .. "x")
        for a in (function() return co.yield "iter" end) do p(a) end
        return "end"
      end)
      p(y()) p(y()) p(y()) p(y "v1") p(y "v2") p(y "v3") p(y(true)) p(y "v5") p(y(9)) p(y(nil))
      p(co.resume(co.create(function() table.sort({ 3, 2, 1 }, function() co.yield() end) end)))
      p(co.resume(co.create(function() return (("x"):gsub("x", function() co.yield() end)) end)))
      local t = { 3, 1, 2 }
      table.sort(t, function(a, b) return co.wrap(function() co.yield(a < b) end)() end)
      p(unpack(t))
    ]]
  end)

  it("makes generators, sieves, permutations, deep recursions", function()
    same [[
      local function filter(prime, g)
        return co.wrap(function() for v in g do if v % prime ~= 0 then co.yield(v) end end end)
      end
      local x, primes = co.wrap(function() for i = 2, 100 do co.yield(i) end end), {}
      for v in function() return x() end do primes[#primes + 1] = v x = filter(v, x) end
      p(table.concat(primes, ","))
      local function permute(a, n)
        if n <= 1 then co.yield(a) end
        for i = 1, n > 1 and n or 0 do a[n], a[i] = a[i], a[n] permute(a, n - 1) a[n], a[i] = a[i], a[n] end
      end
      local s = {}
      for a in co.wrap(function() permute({ "a", "b", "c", "d" }, 4) end) do s[#s + 1] = table.concat(a) end
      p(#s, table.concat(s, " "))
      local function nest(n)
        if n == 0 then co.yield "bottom" return "done" end
        local c = co.wrap(nest)
        local v = c(n - 1)
        while v ~= "done" do co.yield(v) v = c() end
        return "done"
      end
      local n = co.wrap(nest)
      p(n(100)) p(n())
      local function rec(n) if n == 0 then return 0 end return 1 + co.wrap(rec)(n - 1) end
      p(rec(60))
      local sum, g = 0, co.wrap(function() for i = 1, 1e5 do co.yield(i) end end) -- compiled
      for v in g do sum = sum + v end
      p(sum)
    ]]
  end)

  it("is garbage when nobody knows it any more", function()
    same [[
      local weak = setmetatable({}, { __mode = "k" })
      for i = 1, 100 do
        local c = co.create(function() co.yield() end)
        co.resume(c)
        weak[c] = true
        local w = co.wrap(function() weak[co.running()] = true co.yield() end)
        w()
        pcall(co.wrap(function() weak[co.running()] = true error "x" end))
      end
      collectgarbage() collectgarbage()
      local left = 0
      for _ in pairs(weak) do left = left + 1 end
      p(left < 5)
    ]]
  end)
end)

describe("a wait inside a coroutine of the script", function()
  after_each(helper.cleanup)

  --- One task waits, by `wait` (a piece of Lua), for what another one does: only a switch ends it.
  local function switches(body, out)
    expect(run([[
      local flag
      local function wait() while not flag do sleep(0) end end
      function begin() prunner.post_task(one) prunner.post_task(two) end
      function two() flag = true end
      function one()
        ]] .. body .. [[
      end
    ]], { timeout = 20 }), 0, out)
  end

  it("lets other tasks run, through any number of them", function()
    switches([[
      local function nest(n)
        if n == 0 then wait() return "ok" end
        if n % 2 == 0 then return co.wrap(nest)(n - 1) end
        return select(2, co.resume(co.create(nest), n - 1))
      end
      print(nest(50))
    ]], "ok\n")
    switches([[
      for v in co.wrap(function() co.yield(1) wait() co.yield(2) sleep(0) end) do print(v) end
    ]], "1\n2\n")
    switches([[
      local c = co.create(function(...)
        local a = co.yield(pcall(function() wait() error "x" end))
        local t = setmetatable({}, { __index = function(_, k) sleep(0) return k end })
        for v in function() sleep(0) return co.yield(t.key) end do print("v", v) end
        return a
      end)
      print((select(2, co.resume(c))), (select(2, co.resume(c, "a"))), (select(2, co.resume(c, "b"))))
      print(co.resume(c, nil)) print(co.status(c))
    ]], "v\tb\nfalse\tkey\tkey\ntrue\ta\ndead\n")
  end)

  it("hands errors in: the time of the task, and they can be caught there", function()
    local result = run([[
      function begin() prunner.post_task(late) end
      function late()
        local ok, message = co.wrap(function() return pcall(sleep, 1000) end)()
        print(ok, (message:gsub("^%S+: ", "")))
        print(co.resume(co.create(function() sleep(1000) end)))
        co.wrap(function() co.wrap(function() sleep(1000) end)() end)()
      end
    ]], "--timeout", 0.05)
    assert.are.equal(1, result.status)
    has("false\ttimed out after 50ms while it waited for a clock", result.out)
    assert.are.equal(2, helper.count("timed out after 50ms while it waited for a clock", result.out))
    has("script.lua:", result.err)
    has("timed out after 50ms while it waited for a clock", result.err)
  end)

  it("blocks below a resume that is not ours, and in what C calls, and is right", function()
    for _, body in ipairs {
      "print(select(2, native(co.create(waits))))",
      "print(select(2, native(co.create(function() return co.wrap(waits)() end))))",
      "print(co.wrap(function() return select(2, native(co.create(function() return co.wrap(waits)() end))) end)())",
      "table.sort({ 1, 2 }, function(a, b) print(co.wrap(waits)()) return a < b end)",
      "table.sort({ 1, 2 }, function(a, b) print(waits()) return a < b end)",
      "string.gsub('x', 'x', function() print(waits()) end)",
      "co.wrap(function() string.gsub('x', 'x', function() print(co.wrap(waits)()) end) end)()",
    } do
      expect(run([[
        local native -- as a library may have kept it from before
        for i = 1, 20 do
          local name, value = debug.getupvalue(co.resume, i)
          if name == "resume" then native = value end
        end
        local other = false
        local function waits()
          local before = other
          sleep(0.01)
          return before == other and "blocked" or "switched"
        end
        function begin() prunner.post_task(one) prunner.post_task(two) end
        function one() ]] .. body .. [[ end
        function two() other = true end
      ]], { timeout = 20 }), 0, "blocked\n")
    end
  end)

  it("cannot be disturbed by another task that knows the coroutine", function()
    expect(run([[
      local shared = co.create(function() for i = 1, 3 do sleep(0.001) co.yield(i) end end)
      local outer = co.create(function() co.yield(co.resume(shared)) end)
      local wrapped = co.wrap(function() while true do sleep(0.001) co.yield "from wrap" end end)
      local done, own, inside
      function begin() prunner.post_task(one) prunner.post_task(two) end
      function one()
        own = co.running()
        print("one", co.resume(outer))
        inside = true
        print("one", wrapped())
        inside = false
        sleep(0.001)
        done = true
      end
      local function said(...) return table.concat({ tostring((...)), tostring((select(2, ...))) }, " ") end
      function two()
        local seen = {}
        while not done do
          for name, c in pairs { shared = shared, outer = outer, own = own } do
            if co.status(c) == "normal" then seen[name] = said(co.resume(c)) .. " " .. co.status(c) end
          end
          if inside then seen.wrapped = select(2, pcall(function() wrapped() end)):gsub("^%S+: ", "") end
          sleep(0)
        end
        for _, name in ipairs { "shared", "outer", "own", "wrapped" } do print(name, seen[name]) end
      end
    ]], { timeout = 20 }), 0, "one\ttrue\ttrue\t1\none\tfrom wrap\n"
      .. "shared\tfalse cannot resume non-suspended coroutine normal\n"
      .. "outer\tfalse cannot resume non-suspended coroutine normal\n"
      .. "own\tfalse cannot resume non-suspended coroutine normal\n"
      .. "wrapped\tcannot resume non-suspended coroutine\n")
  end)

  it("does not take a yield at the level of the task for one of ours", function()
    for _, c in ipairs { 1, 5 } do
      local result = helper.prunner(script(prelude .. [[
        function begin() prunner.post_task(bad) prunner.post_task(good) end
        function bad() co.wrap(function() sleep(0) end)() co.yield(1) end
        function good() sleep(0) print "good" end
      ]]), "-q", "-n", 1, "-c", c)
      assert.are.same({ "good\n", 1 }, { result.out, result.status })
      has("attempt to yield", result.err)
    end
  end)

  it("leaves nothing behind", function()
    expect(run([[
      local weak = setmetatable({}, { __mode = "k" })
      function begin() for i = 1, 200 do prunner.post_task(work, i) end prunner.post_task(count, 0) end
      function work(i)
        local c = co.create(function()
          weak[co.running()] = true
          sleep(0.001) co.yield()
          if i % 3 == 0 then error {} end
        end)
        weak[c] = true
        co.resume(c)
        if i % 2 == 0 then co.resume(c) end
        pcall(co.wrap(function() weak[co.running()] = true sleep(0) error "x" end))
      end
      local ended = 0
      function count(round)
        collectgarbage() collectgarbage()
        local left = 0
        for _ in pairs(weak) do left = left + 1 end
        if left > 5 and round < 1000 then sleep(0.001) prunner.post_task(count, round + 1) return end
        print(left <= 5)
      end
    ]]), 0, "true\n")
  end)
end)
