--- Progress where standard error is no terminal: lines, JSON; prunner.expect(); the summary.

local helper = require "tests.e2e.helper"
local json = require "cjson"
local expect, script, has, has_not = helper.expect, helper.script, helper.has, helper.has_not

-- Twenty tasks, of which three fail and one kills its worker twice.
local mixed = [[
  local prunner = require "prunner"
  local socket = require "socket"
  function begin()
    for i = 1, 20 do prunner.post_task(work, i) end
    prunner.post_task(die)
  end
  function work(i)
    socket.sleep(i == 7 and 0.2 or 0.001)
    if i % 6 == 0 then error("no page " .. i .. " of \"" .. ("x"):rep(i) .. "\"") end
  end
  function die() if prunner.attempt() < 3 then os.exit(9) end end
]]

-- Waits for the file `go` beside the script.
local waiting = [[
  local prunner = require "prunner"
  local socket = require "socket"
  local go = arg[0]:match "^(.*)/" .. "/go"
  local function wait() while not io.open(go) do socket.sleep(0.01) end end
]]

local function lines_of(text, pattern)
  local found = {}
  for line in text:gmatch "[^\n]+" do
    if line:find(pattern) then found[#found + 1] = line end
  end
  return found
end

local function objects(text)
  local list = {}
  for _, line in ipairs(lines_of(text, "^{")) do list[#list + 1] = json.decode(line) end
  return list
end

describe("--progress=json", function()
  after_each(helper.cleanup)

  it("ends with what became of all tasks", function()
    local result = expect(helper.prunner(script(mixed), "-n", 2, "--progress=json"), 1)
    local list = objects(result.err)
    local last = list[#list]
    assert.is_true(last.over)
    assert.are.same({ 21, 21, 21, 3, 0, 2, 0, 0 }, { last.posted, last.finished, last.known, last.failed,
      last.quarantined, last.workers, last.waiting, last.busy })
    local by_name = {}
    for _, f in ipairs(last.functions) do by_name[f.name] = f end
    assert.are.same({ 20, 20, 3 }, { by_name.work.posted, by_name.work.finished, by_name.work.failed })
    assert.are.same({ 1, 1 }, { by_name.die.posted, by_name.die.finished })
    assert.is_true(by_name.work.longest_seconds >= 0.2)
    assert.is_true(by_name.work.p50_seconds > 0 and by_name.work.p95_seconds >= by_name.work.p50_seconds)
    assert.is_true(by_name.work.busy_seconds >= 0.2)
    has("script.lua:", by_name.work.where)
    has_not("busy; CPU", result.err)
  end)

  it("tells tasks that are suspended from those that have not begun", function()
    local path = script [[
      local prunner = require "prunner"
      function begin() for i = 1, 30 do prunner.post_task(work, i) end end
      function work() prunner.sleep(600) end
    ]]
    local run, now = helper.spawn_prunner(path, "-n", 1, "-c", 20, "--progress=json"), nil
    assert.is_true(helper.wait_until(function()
      local list = objects(run:err())
      now = list[#list]
      return now and now.suspended == 20
    end, 20))
    assert.are.same({ 0, 30, 10 }, { now.busy, now.posted, now.waiting })
    local before = #run:err()
    run:kill "USR1"
    assert.is_true(helper.wait_until(function()
      return run:err():find(", 0 of 1 worker busy, suspended 20, waiting 10", before, true) ~= nil
    end, 20))
    run:kill "KILL"
    run:wait()
  end)

  it("is followed by a hint that names a task which kept suspended ones waiting", function()
    local text = [[
      local prunner = require "prunner"
      local socket = require "socket"
      function begin() prunner.post_task(naps) prunner.post_task(computes) prunner.post_task(rests) end
      function naps() for _ = 1, 3 do prunner.sleep(0.001) end end
      function computes()
        prunner.sleep(0)
        local t = socket.gettime() + 0.3
        while socket.gettime() < t do end
      end
      function rests() prunner.sleep(1.1) end
    ]]
    local err = expect(helper.prunner(script(text), "-n", 1, "-c", 3, "--summary")).err
    assert.has_match("hint: tasks ran for up to %d+ms %(computes%) while suspended ones of the same worker could", err)
    err = expect(helper.prunner(script(text), "-n", 1, "--summary")).err
    has_not("suspended", err)
  end)

  it("writes a line each second, with what is known by then", function()
    local path = script(waiting .. [[
      function begin()
        prunner.expect(8)
        for i = 1, 4 do prunner.post_task(work, i) end
        prunner.post_task(quick)
      end
      quick = prunner.task("a \"quick\" one", function() end)
      function work() wait() end
    ]])
    local run = helper.spawn_prunner(path, "-n", 2, "--progress=json")
    assert.is_true(helper.wait_until(function() return #objects(run:err()) >= 3 end, 20))
    local now = objects(run:err())[3]
    assert.is_false(now.over)
    assert.are.same({ 2, 2, 5, 8 }, { now.busy, now.workers, now.posted, now.known })
    assert.is_true(now.elapsed_seconds > 1)
    assert.is_true(now.shared_bytes > 0 and now.worker_bytes > 0)
    helper.write(helper.beside(path, "go"), "")
    local list = objects(expect(run:wait()).err)
    assert.is_true(list[#list].over)
    local names = {}
    for _, f in ipairs(list[#list].functions) do names[f.name] = true end
    assert.is_true(names['a "quick" one'])
  end)

  it("says that the job grows", function()
    local path = script(waiting .. [[
      function begin() prunner.post_task(spread) end
      function spread()
        for _ = 1, 3 do prunner.post_task(nothing) end
        socket.sleep(0.02)
        if not io.open(go) then prunner.post_task(spread) end
      end
      function nothing() socket.sleep(0.02) end
    ]])
    local run = helper.spawn_prunner(path, "-n", 1, "--progress=json")
    local growing = helper.wait_until(function()
      for _, o in ipairs(objects(run:err())) do
        if o.growing then return o end
      end
    end, 20)
    assert.is_truthy(growing)
    assert.is_nil(growing.eta_seconds)
    helper.write(helper.beside(path, "go"), "")
    expect(run:wait())
  end)

  it("tells how long still, when less and less is left", function()
    local path = script [[
      local prunner = require "prunner"
      local socket = require "socket"
      function begin() for i = 1, 60 do prunner.post_task(work, i) end end
      function work() socket.sleep(0.05) end
    ]]
    local list = objects(expect(helper.prunner(path, "-n", 1, "--progress=json")).err)
    assert.is_true(#list >= 3)
    -- As long as what is left takes at the rate told with it, more or less.
    local o = list[2]
    local share = o.eta_seconds * o.rate / (o.known - o.finished)
    assert.is_true(share > 0.2 and share < 5, ("%g s for %d tasks at %g/s"):format(o.eta_seconds,
      o.known - o.finished, o.rate))
  end)
end)

describe("progress in lines", function()
  after_each(helper.cleanup)

  it("comes every ten seconds, and not before", function()
    local path = script(waiting .. [[
      function begin() prunner.post_task(wait) end
      function end_() print "end" end
    ]])
    local since = helper.now()
    local run = helper.spawn_prunner(path, "-n", 2)
    local quiet = helper.spawn_prunner(path, "-n", 2, "--quiet")
    local none = helper.spawn_prunner(path, "-n", 2, "--no-progress")
    assert.is_true(helper.wait_until(function() return run:err() ~= "" end, 40) ~= nil)
    assert.is_true(helper.now() - since >= 10)
    assert.has_match("^prunner: 0:[1-5]%d, 0 of 1 tasks %(0%%%), 0.00/s, 1 of 2 workers busy, shared %d",
      run:err())
    helper.write(helper.beside(path, "go"), "")
    has("busy; CPU", expect(run:wait()).err)
    assert.are.equal("", expect(quiet:wait()).err)
    assert.are.equal("", expect(none:wait()).err)
  end)

  it("is nothing at all for a short job", function()
    local path = helper.root .. "/scripts/sum_functions.lua"
    assert.are.equal("", expect(helper.prunner(path, "-n", 2)).err)
  end)
end)

describe("prunner.expect", function()
  after_each(helper.cleanup)

  it("takes a number of tasks and nothing else", function()
    local result = helper.prunner(script [[
      local prunner = require "prunner"
      prunner.expect(0)
      function begin()
        prunner.expect(2 ^ 40)
        for _, n in ipairs { -1, 1.5, 1 / 0, 0 / 0, "10", {} } do
          print(select(2, pcall(prunner.expect, n)))
        end
        prunner.post_task(work)
      end
      function work() prunner.expect(1) end
    ]], "-n", 1, "--progress=json")
    expect(result)
    local list = objects(result.err)
    assert.are.equal(1, list[#list].known)
    assert.are.equal(6, helper.count("expect: a number of tasks is needed, got ", result.out))
  end)
end)

describe("the summary", function()
  after_each(helper.cleanup)

  it("tells how it was, the slowest tasks and the failures by kind", function()
    local err = expect(helper.prunner(script(mixed), "-n", 2, "--summary"), 1).err
    local summary = err:match "\n(prunner: 21 tasks in .*)$"
    assert.is_truthy(summary, err)
    assert.has_match("^prunner: 21 tasks in %d+%.?%d*m?s, [%d.]+/s; 2 workers, %d+%% busy; CPU [%d.]+m?s\n",
      summary)
    has("  failed 3\n", summary)
    has("  slowest: work(7) ", summary)
    has("       3  work: ", summary)
    has('no page 6 of "xxxxxx"', summary)
    has("prunner: 3 tasks failed, of 21 tasks\n", summary)
  end)

  it("follows progress, and not --no-progress", function()
    local path = helper.root .. "/scripts/sum_functions.lua"
    has("busy; CPU", expect(helper.prunner(path, "-n", 2, "--progress")).err)
    assert.are.equal("", expect(helper.prunner(path, "-n", 2, "--no-progress")).err)
    assert.are.equal("", expect(helper.prunner(path, "-n", 2, "--summary", "--quiet")).err)
  end)

  it("is there under --serial", function()
    local err = expect(helper.prunner(script(mixed:gsub("prunner.post_task%(die%)", "")), "--serial",
      "--summary"), 1).err
    has("prunner: 20 tasks in ", err)
    has("; 1 worker, ", err)
    has("       3  work: ", err)
  end)

  it("shows many failures by kind without being asked", function()
    local many = [[
      local prunner = require "prunner"
      function begin() for i = 1, %d do prunner.post_task(work, i) end end
      function work(i) error("number " .. i) end
    ]]
    has("prunner: many tasks failed\n  failures:\n      12  work: ",
      expect(helper.prunner(script(many:format(12)), "-n", 2), 1).err)
    has_not("failures:", expect(helper.prunner(script(many:format(3)), "-n", 2), 1).err)
    has_not("failures:", expect(helper.prunner(script(many:format(10)), "-n", 2, "-q"), 1).err)
    has("      12  work: ", expect(helper.prunner(script(many:format(12)), "-n", 2, "-q"), 1).err)
  end)

  it("hints at a last task that all wait for", function()
    local err = expect(helper.prunner(script [[
      local prunner = require "prunner"
      local socket = require "socket"
      function begin()
        for i = 1, 20 do prunner.post_task(work, 0.01) end
        prunner.post_task(work, 2)
      end
      function work(s) socket.sleep(s) end
    ]], "-n", 3, "--summary")).err
    has("  hint: the other workers waited for the last task, work(2), which took ", err)
  end)

  it("hints at data that were loaded before the fork and marked in each worker", function()
    local text = [[
      local prunner = require "prunner"
      local socket = require "socket"
      local big = {}
      if arg[1] == "tables" then
        for i = 1, 8e5 do big[i] = { i } end
      else
        for i = 1, 80 do big[i] = tostring(i):rep(1e6 / #tostring(i)) end
      end
      function begin() for _ = 1, 2 do prunner.post_task(work) end end
      function work()
        if arg[2] == "marked" then collectgarbage() end
        socket.sleep(1.2)
        return #big
      end
    ]]
    local hint = "of Lua objects were loaded before the fork"
    for _, words in ipairs { { "tables", "marked", true }, { "tables", "left alone" }, { "strings", "marked" } } do
      local err = expect(helper.prunner(script(text), "-n", 2, "--summary", "--", words[1], words[2])).err
      local check = words[3] and has or has_not
      check(hint, err)
    end
  end)

  it("hints at locks", function()
    local err = expect(helper.prunner(script [[
      local prunner = require "prunner"
      local socket = require "socket"
      function begin() for i = 1, 60 do prunner.post_task(work) end end
      function work() prunner.global_lock(function() socket.sleep(0.02) end) end
    ]], "-n", 4, "--summary")).err
    has("% of their time for locks: dict:incr and counters need none", err)
  end)

  it("is in the table that start() returns", function()
    local out = expect(helper.luajit(script [[
      local prunner = require "prunner"
      local socket = require "socket"
      local function work() socket.sleep(0.05) end
      prunner.init(2, false, function() for i = 1, 10 do prunner.post_task(work) end end)
      local s = prunner.start()
      print(s.cpu >= 0, s.efficiency > 0 and s.efficiency <= 1)
    ]])).out
    assert.are.equal("true\ttrue\n", out)
  end)
end)

describe("--progress", function()
  after_each(helper.cleanup)

  it("says what it takes", function()
    local result = expect(helper.prunner("--progress=xml", "job.lua"), 2)
    has('prunner: --progress: "xml" is not a kind of progress (--progress alone, or --progress=json)\n',
      result.err)
  end)
end)
