--- The programs that `make bench` runs for prunner, with small sizes: their answers, not their speed.

local helper = require "tests.e2e.helper"

local scripts = helper.root .. "/scripts/bench/"

--- Runs a script that prints a name and a number; returns the number.
local function number(name, result)
  local text = helper.expect(result).out:match(name .. " ([%d.]+)")
  return assert(tonumber(text), "no " .. name .. " in: " .. result.out)
end

describe("the scripts that measure", function()
  after_each(helper.cleanup)

  it("split a tree to its depth", function()
    for _, order in ipairs { "fifo", "lifo" } do
      helper.expect(helper.prunner(scripts .. "tree.lua", "-n", 2, "--order", order, "--", 12), 0, "4096\n")
    end
  end)

  for _, how in ipairs { "chain", "spread" } do
    it(("carry arguments of each kind (%s)"):format(how), function()
      for _, kind in ipairs { "number", "table", "string" } do
        local result = helper.prunner(scripts .. "args.lua", "-n", 2, "--", how, kind, 1000)
        assert.is_true(number("ns_per_task", result) > 0)
      end
    end)
  end

  it("tell what workers do to each other", function()
    -- Nobody is woken, or robbed, for every task: docs/internals/speed.md.
    for _, n in ipairs { 1, 10, 1000 } do
      local result = helper.prunner(scripts .. "scaling.lua", "-n", n, "--", 20000)
      assert.are.equal(80001, number("tasks", result))
      assert.is_true(number("steals", result) <= (n == 1 and 0 or 500000))
      assert.is_true(number("lost_claims", result) < 100000)
    end
  end)

  it("tell what a waiting task takes", function()
    local result = helper.prunner(scripts .. "queued.lua", "-n", 1, "--", 200000)
    local bytes = number("bytes_per_task", result)
    assert.is_true(bytes >= 64 and bytes < 200, bytes .. " bytes")
    assert.is_true(number("ns_per_task", result) > 0)
  end)

  for _, what in ipairs { "incr", "incr_own", "get", "counter", "lock", "with" } do
    it(("do operations on shared data (%s)"):format(what), function()
      for _, n in ipairs { 1, 3 } do
        local result = helper.prunner(scripts .. "shared.lua", "-n", n, "--", what, 50000)
        assert.is_true(number("ops_per_s", result) > 0)
      end
    end)
  end

  it("build strings, in begin and in a task", function()
    for _, where in ipairs { "begin", "task" } do
      assert.is_true(number("ns_per_string", helper.prunner(scripts .. "strings.lua", "--", where, 1000)) > 0)
    end
  end)

  it("wake an idle worker", function()
    local result = helper.prunner(scripts .. "wake.lua", "-n", 2, "--", 20)
    assert.is_true(number("post_to_start_us", result) > 0)
  end)

  it("wait while others run", function()
    local script = scripts .. "waiting.lua"
    assert.is_true(number("ns_per_switch", helper.prunner(script, "-n", 1, "-c", 2, "--", "switch", 1000)) > 0)
    helper.expect(helper.prunner(script, "-n", 2, "-c", 50, "--", "sleepers", 200), 0, "200\n")
  end)

  it("ask a server many at a time", function()
    local script = scripts .. "waiting.lua"
    for what, ms in pairs { get = 0, memory = 4000, collector = 4000 } do
      local server = helper.spawn { helper.interpreter, helper.root .. "/tests/e2e/http_server.lua", ms }
      local port = helper.wait_until(function() return server:out():match("^(%d+)\n") end)
      local url = ("http://127.0.0.1:%d/all/200/x"):format(port)
      local result = helper.prunner(script, "-n", 2, "-c", 101, "--", what, 200, url)
      if what == "get" then
        helper.expect(result, 0, "200\n")
      else
        local name = what == "memory" and "pss_per_task" or "longest_step_us"
        assert.is_true(number(name, result) > 0)
      end
    end
  end)

  it("get pages from a server", function()
    local server = helper.spawn { helper.interpreter, helper.root .. "/tests/e2e/http_server.lua" }
    local port = helper.wait_until(function() return server:out():match("^(%d+)\n") end)
    -- This one answers with another page; that none of the answers is right is an answer too.
    helper.expect(helper.prunner(scripts .. "get.lua", "-n", 4, "--", 20, port, "close"), 0, "0\n")
  end)
end)
