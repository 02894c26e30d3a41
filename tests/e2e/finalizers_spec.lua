--- Finalizers run whenever something allocates: also where prunner does, and no task runs.

local helper = require "tests.e2e.helper"
local expect, script, has_not = helper.expect, helper.script, helper.has_not

describe("a finalizer", function()
  after_each(helper.cleanup)

  it("that writes between two tasks writes into the journal of none", function()
    local path = script [[
      local prunner = require "prunner"
      local d = prunner.dict
      local function finalize() d:incr "finalized" end
      function begin() for i = 1, 100 do prunner.post_task(w, i) end end
      function w()
        for _ = 1, 20 do
          for _ = 1, 5 do getmetatable(newproxy(true)).__gc = finalize end
          d:incr "n"
          local t = {}
          for k = 1, 50 do t[k] = { k } end
          prunner.sleep(0)
        end
      end
      function end_() print(d.n) end
    ]]
    for _ = 1, 5 do
      local result = expect(helper.prunner(path, "-q", "-n", 1, "-c", 50), 0, "2000\n")
      assert.are.equal("", result.err)
    end
  end)

  it("that raises fails a task at most, wherever prunner allocates", function()
    -- The collector is always at work: while arguments are read, failures reported, on_error called.
    local path = script [[
      local prunner = require "prunner"
      local list = {}
      for i = 1, 2000 do list[i] = "string" .. i end
      local function finalize() error "finalizer" end
      function worker_begin()
        collectgarbage("setpause", 1)
        collectgarbage("setstepmul", 10000)
      end
      function begin() for i = 1, 60 do prunner.post_task(w, i, list) end end
      function w(i)
        pcall(function() for _ = 1, 2 do getmetatable(newproxy(true)).__gc = finalize end end)
        if i % 2 == 0 then error { i, "a table" } end
        prunner.sleep(0)
      end
      function on_error() prunner.dict:incr "hooks" end
    ]]
    for _, words in ipairs { { "-n", 1 }, { "-n", 2 }, { "-n", 1, "-c", 10 } } do
      local result = expect(helper.prunner(path, "-q", "--max-crashes", 1, unpack(words)), 1)
      has_not("died", result.err)
      has_not("left", result.err)
      has_not("quarantined", result.err)
    end
  end)

  it("that raises ends no worker when it has tasks with large arguments, and none in its way", function()
    local path = script [[
      local prunner = require "prunner"
      local big = {}
      for i = 1, 20000 do big[i] = "string" .. i end
      function worker_begin()
        for _ = 1, 3 do getmetatable(newproxy(true)).__gc = function() error "finalizer" end end
      end
      function begin() for i = 1, 30 do prunner.post_task(w, i, big) end end
      function w() end
      function end_() print(prunner.stats().finished, prunner.stats().failed) end
    ]]
    for _, words in ipairs { { "-n", 1 }, { "-n", 1, "-c", 5 }, { "--serial" } } do
      local result = expect(helper.prunner(path, "-q", unpack(words)), 1, "30\t3\n")
      has_not("died", result.err)
    end
  end)
end)
