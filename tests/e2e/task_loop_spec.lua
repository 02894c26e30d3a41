--- Functions that run often are called from a compiled loop (lua/prunner/task_loop.lua): nothing may
-- differ from the first few hundred runs, which are not.

local helper = require "tests.e2e.helper"
local job = helper.job

--- The reports of two tasks, without what must differ.
local function reports(err)
  local list = {}
  for text in (err .. "prunner: "):gmatch "(task work.-)prunner: " do
    list[#list + 1] = text:gsub("work%(%d+%)", "work()"):gsub("#%d+", "#"):gsub("%d+ is", "it is")
  end
  return list
end

describe("tasks run in a loop", function()
  after_each(helper.cleanup)

  it("are reported as those before", function()
    local result = job([[
      function begin() for i = 1, 5000 do prunner.post_task(work, i) end end
      local function inner(i)
        if i == 7 or i == 4321 then error(i .. " is bad") end
        if i == 8 or i == 4322 then error(i .. " is bad", 2) end
        if i == 9 or i == 4323 then error({ code = 5 }) end
      end
      function work(i)
        inner(i)
        prunner.counter "n":add(1)
      end
      function end_() print(prunner.counter "n":get()) end
    ]], 1, "4994\n", "-n", 1, "--debug") -- each failure whole
    local list = reports(result.err)
    assert.are.equal(6, #list)
    for i = 1, 3 do assert.are.equal(list[i], list[i + 3]) end
    assert.has_match("stack traceback:.-\n.-in function 'inner'\n.-in function <[^\n]*>\n$", list[1])
    assert.is_nil(result.err:find("chain", 1, true))
  end)

  it("end the loop for another function, other arguments, and a worker that is worn out", function()
    local result = job([[
      local n = prunner.counter "n"
      function begin()
        for i = 1, 3000 do
          prunner.post_task(one, i)
          if i % 7 == 0 then prunner.post_task(two, i) end
          if i % 11 == 0 then prunner.post_task(one, i, "more") end
        end
      end
      function one(i, more) n:add(more == nil and i or 1) end
      function two(i) n:add(i * 1000) end
      function end_() print(n:get()) end
    ]], 0, ("%d\n"):format(3000 * 3001 / 2 + 272 + 1000 * 7 * 428 * 429 / 2), "-n", 1,
      "--max-tasks", "900", "-d")
    local _, starts = result.err:gsub("worker 1 started", "")
    assert.are.equal(math.ceil((3000 + 428 + 272) / 900), starts)
  end)

  it("hold no lock over their end, and keep what they print apart", function()
    local result = job([[
      function begin() for i = 1, 2000 do prunner.post_task(work, i) end end
      function work(i)
        if i == 1500 then prunner.lock "l":acquire() end
        if i % 500 == 0 then io.write("at ", i, "\n") end
        prunner.dict:incr("sum", i)
      end
      function end_() print(prunner.dict.sum, prunner.lock "l":try_acquire()) end
    ]], 0, "at 500\nat 1000\nat 1500\nat 2000\n2001000\ttrue\n", "-n", 1)
    assert.has_match('ended without releasing lock "l"', result.err, 1, true)
  end)

  it("are run even if they cannot be compiled", function()
    job([[
      function begin() for i = 1, 20000 do prunner.post_task(work, i) end end
      function work(i)
        prunner.global_lock(function() prunner.dict.sum = (prunner.dict.sum or 0) + i end)
      end
      function end_() print(prunner.dict.sum) end
    ]], 0, "200010000\n", "-n", 2)
  end)

  it("run in one process, too", function()
    job([[
      function begin() for i = 1, 3000 do prunner.post_task(work, i) end end
      function work(i)
        if i <= 1000 then prunner.post_task(work, i + 5000) end
        prunner.counter "n":add(i)
      end
      function end_() print(prunner.counter "n":get()) end
    ]], 0, ("%d\n"):format(3000 * 3001 / 2 + 5000 * 1000 + 1000 * 1001 / 2), "--serial")
  end)

  it("are counted once while workers are killed in the middle of the loop", function()
    job([[
      local ffi = require "ffi"
      ffi.cdef "int kill(int, int); int getpid(void);"
      function begin() for i = 1, 60000 do prunner.post_task(work, i) end end
      function work(i)
        prunner.counter "n":add(1)
        if i % 10000 == 0 and prunner.attempt() == 1 then ffi.C.kill(ffi.C.getpid(), 9) end
      end
      function end_() print(prunner.counter "n":get()) end
    ]], 0, "60000\n", "-n", 2, "-q")
  end)
end)
