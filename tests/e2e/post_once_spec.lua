--- prunner.post_once: each thing once, whatever fails or dies in between.

local cjson = require "cjson"
local helper = require "tests.e2e.helper"
local expect, script, has = helper.expect, helper.script, helper.has

describe("prunner.post_once", function()
  after_each(helper.cleanup)

  -- With dict:add() and post_task() two of these four are never visited.
  local PAGES = [[
    local prunner = require "prunner"
    local links = { a = { "b", "c" }, b = { "d", "a" }, c = { "d" }, d = { "b" } }
    prunner.task("visit", function(url)
      for _, link in ipairs(links[url]) do
        prunner.post_once(link, "visit", link)
        if url == "a" and prunner.attempt() == 1 then error "connection reset" end
      end
      prunner.counter "visited":add(1)
    end, { retries = 3 })
    function begin() prunner.post_once("a", "visit", "a") end
    function end_() print(prunner.counter "visited":get()) end
  ]]

  it("loses nothing when the task fails after the post and is tried again", function()
    for _, n in ipairs { 1, 2, 4 } do expect(helper.prunner(script(PAGES), "-n", n), 0, "4\n") end
    expect(helper.prunner(script(PAGES), "--serial"), 0, "4\n")
  end)

  it("counts what was posted twice before either was started, and does not run it", function()
    local path = script [[
      local prunner = require "prunner"
      function begin()
        for i = 1, 10 do prunner.post_once(i % 3, work, i) end
        for _, key in ipairs { "1", true, false, "" } do prunner.post_once(key, work, key) end
        prunner.post_once(-0, work, "zero, again")
      end
      function work(v)
        prunner.counter "runs":add(1)
        print "ran"
      end
      function end_()
        local stats = prunner.stats()
        print(prunner.counter "runs":get(), stats.posted, stats.finished, stats.duplicates, stats.failed)
      end
    ]]
    local want = ("ran\n"):rep(7) .. "7\t15\t15\t8\t0\n"
    expect(helper.prunner(path, "-n", 3), 0, want)
    expect(helper.prunner(path, "-n", 3, "--keep-order"), 0, want)
    expect(helper.prunner(path, "--serial"), 0, want)
    for _, how in ipairs { "-n3", "--serial" } do
      local err = expect(helper.prunner(path, how, "--summary"), 0, want).err
      has("prunner: 7 tasks in ", err)
      has("\n  duplicates 8\n", err)
    end
  end)

  it("does not even stage what was started before", function()
    expect(helper.prunner(script [[
      local prunner = require "prunner"
      function begin() prunner.post_once("x", first) end
      function first() for _ = 1, 100 do prunner.post_once("x", first) end end
      function end_() print(prunner.stats().posted, prunner.stats().duplicates) end
    ]], "-n", 2), 0, "1\t0\n")
  end)

  -- Its own children have their keys by then: a run that asked would post fewer tasks than before.
  it("repeats a producer that died after it had published parts", function()
    expect(helper.prunner(script(helper.deadly .. [[
      local prunner = require "prunner"
      local ffi = require "ffi"
      ffi.cdef "int usleep(unsigned);"
      function begin() prunner.post_task(produce) end
      function produce()
        for i = 1, 3000 do
          prunner.post_once(i % 2900, work, i % 2900)
          if i % 500 == 0 then
            prunner.post_once("progress " .. i, work, -i)
            ffi.C.usleep(30000)
            prunner.post_once("more " .. i, work, "more " .. i) -- publishes the one above
            while prunner.attempt() == 1 and not prunner.dict["ran " .. -i] do ffi.C.usleep(1000) end
          end
          if i == 2600 and prunner.attempt() == 1 then die(9) end
        end
      end
      function work(i)
        prunner.dict["ran " .. i] = true
        prunner.counter "n":add(1)
      end
      function end_() print(prunner.counter "n":get()) end
    ]]), "-n", 3), 0, "2912\n")
  end)

  it("keeps the key of a task that failed; its failure record has it, and --retry-failed enters it", function()
    local path = script [[
      local prunner = require "prunner"
      local fixed = os.getenv "FIXED"
      prunner.task("visit", function(page)
        if page == "bad" and not fixed then
          prunner.post_once("bad", "visit", "bad")
          error("no luck", 0)
        end
        prunner.counter "visited":add(1)
        prunner.post_once("bad", "visit", "bad")
        prunner.post_once("next of " .. page, "note", page)
      end)
      prunner.task("note", function(page)
        prunner.collector "noted":add(page)
        prunner.post_once("bad", "visit", "bad")
      end)
      function begin() prunner.post_once("good", "visit", "good") end
      function end_()
        local noted = prunner.collector "noted":get()
        table.sort(noted)
        print(prunner.counter "visited":get(), table.concat(noted, " "))
      end
    ]]
    local failures = helper.beside(path, "failures.jsonl")
    expect(helper.prunner(path, "-n", 2, "-q", "--failures", failures), 1, "1\tgood\n")
    local text = helper.read(failures)
    local record = cjson.decode(text)
    assert.are.same({ '"bad"', '"bad"', "visit" }, { record.key, record.arguments, record.task })
    expect(helper.prunner(path, "-n", 2, "--retry-failed", failures, { env = { FIXED = 1 } }), 0, "1\tbad\n")
  end)

  it("says what it cannot post", function()
    local result = helper.prunner(script [[
      local prunner = require "prunner"
      function begin() prunner.post_once("k", work) end
      function work() prunner.post_once("other", work, io.stdout) end
    ]], "-n", 1, "--debug")
    expect(result, 1)
    has("post_once(work): argument 1: a userdata cannot be sent to another process", result.err)
    has("in function <", result.err)
  end)
end)
