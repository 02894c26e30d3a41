--- Tasks that run again after an error: at once, or not before their backoff is over.

local helper = require "tests.e2e.helper"
local expect, script = helper.expect, helper.script
local has, count = helper.has, helper.count

--- Runs `text` after `local prunner = require "prunner"` on the same line, with -n 2 and options.
local function job(text, status, out, ...)
  return helper.job(text, status, out, "-n", 2, ...)
end

describe("retries", function()
  after_each(helper.cleanup)

  it("run a task again until it succeeds, and its end counts once", function()
    local result = job([[
      function begin() for i = 1, 20 do prunner.post_task(flaky, i) end end
      function flaky(i)
        prunner.post_task(child, i)
        prunner.counter "n":add(1)
        if prunner.attempt() <= i % 4 then error "again" end
      end
      function child(i) prunner.counter "sum":add(i) end
      function end_()
        local s = prunner.stats()
        print(prunner.counter "n":get(), prunner.counter "sum":get(), s.failed, s.retried)
      end
    ]], 0, "20\t210\t0\t30\n", "--retries", 3)
    assert.are.equal(10, count("failed and will be run again", result.err))
    has("counted, not reported: --joblog and --debug tell each\n", result.err)
    has("prunner: many runs failed\n  failures:\n      30  flaky, run again: ", result.err)
  end)

  it("is reported with its stack the first time and the last", function()
    local result = job([[
      function begin() prunner.post_task(work) end
      function work() return nil + 1 end
    ]], 1, "", "--retries", 3)
    assert.are.equal(3, count("failed and will be run again", result.err))
    assert.are.equal(2, count("stack traceback:", result.err))
  end)

  it("may be given for one function, with a pause that grows", function()
    job([[
      prunner.task("patient", function()
        prunner.dict:append("log", "p")
        error "x"
      end, { retries = 3, backoff = 0.02 })
      prunner.task("once", function() prunner.dict:append("log", "o") error "x" end, { retries = 0 })
      function begin()
        prunner.dict.log = ""
        prunner.post_task "patient"
        prunner.post_task "once"
        prunner.post_task(twice)
      end
      function twice() prunner.dict:append("log", "t") error "x" end
      function end_()
        local log = prunner.dict.log
        print(select(2, log:gsub("p", "")), select(2, log:gsub("o", "")), select(2, log:gsub("t", "")))
        print(log:match "p$")
      end
    ]], 1, "4\t1\t2\np\n", "--retries", 1)
  end)

  it("wait the time of backoff, doubled each time, and no one spins meanwhile", function()
    for _, words in ipairs { { "-n", 2 }, { "--serial" } } do
      local result = job([[
        local c = require("prunner.native").C
        prunner.task("slow", function()
          local now = c.prn_now()
          prunner.dict["at" .. prunner.attempt()] = now
          if prunner.attempt() < 4 then error "again" end
        end, { retries = 3, backoff = 0.03 })
        function begin() prunner.post_task "slow" end
        function end_()
          local d = prunner.dict
          print(d.at2 - d.at1 >= 0.03, d.at3 - d.at2 >= 0.06, d.at4 - d.at3 >= 0.12, d.at5)
        end
      ]], 0, "true\ttrue\ttrue\tnil\n", unpack(words))
      assert.are.equal(3, count("will be run again", result.err))
    end
  end)

  it("let hundreds of tasks wait at the same time", function()
    job([[
      prunner.task("slow", function(i)
        if prunner.attempt() == 1 then error("again", 0) end
        prunner.counter "n":add(i)
      end, { retries = 1, backoff = 0.2 })
      function begin() for i = 1, 1000 do prunner.post_task("slow", i) end end
      function end_() print(prunner.counter "n":get()) end
    ]], 0, "500500\n", "-q")
  end)
end)

describe("backoff", function()
  after_each(helper.cleanup)

  -- Clocks only say that a task has not run too early: that it runs late is nobody's fault.
  it("holds for any number of tasks that wait at once", function()
    expect(helper.prunner(script(helper.clock .. [[
      local failed, early, right = prunner.dict, prunner.counter "early", prunner.counter "right"
      prunner.task("work", function(i)
        local t, first = now(), failed[i]
        if not first then
          failed[i] = t
          error "busy"
        end
        local counter = t - first < 0.7 and early or right
        counter:add(1)
      end, { retries = 1, backoff = 0.7 })
      function begin() for i = 1, 1000 do prunner.post_task("work", i) end end
      function end_() print(early:get(), right:get()) end
    ]]), "-q", "-n", 2), 0, "0\t1000\n")
  end)
end)
