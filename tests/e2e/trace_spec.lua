--- --trace: a timeline in Chrome's trace format. trace_check.py reads it: Python's JSON parser, and
-- the format's own rules.

local cjson = require "cjson"
local helper = require "tests.e2e.helper"
local expect, has = helper.expect, helper.has

--- A script and the path of a file beside it.
local function make(text)
  local path = helper.script(helper.deadly_and_slow .. text)
  return path, helper.beside(path, "trace.json")
end

--- Checks a trace and returns its events, and how many there are of each kind and name.
local function check(trace)
  local result = helper.run({ "python3", helper.root .. "/tests/e2e/trace_check.py", trace })
  local counts = cjson.decode(expect(result).out)
  return cjson.decode(helper.read(trace)), counts
end

--- The events of a kind, by name if one is given, in the order of their start.
local function of(events, kind, name)
  local found = {}
  for _, event in ipairs(events) do
    if event.ph == kind and (not name or event.name == name) then found[#found + 1] = event end
  end
  table.sort(found, function(a, b) return a.ts < b.ts end)
  return found
end

describe("--trace", function()
  after_each(helper.cleanup)

  it("has workers as tracks, runs as slices, and arrows from who posted to what was posted", function()
    local path, trace = make [[
      function begin() prunner.post_task(root, "<&>", "\"\\") end
      function root() pause(5) for i = 1, 50 do prunner.post_task(leaf, i) end end
      function leaf() pause(1) end
    ]]
    expect(helper.prunner(path, "-n", 3, "--trace", trace), 0)
    local events, counts = check(trace)
    assert.are.same({ 51, 50, 4 }, { counts.kinds.X, counts.arrows, counts.names.thread_name })
    local root = of(events, "X", "root")[1]
    assert.are.same({ '"<&>", "\\"\\\\"', 1, "done", "begin", 1 }, { root.args.arguments, root.args.attempt,
      root.args.outcome, root.args.poster, root.args.stands_for })
    assert.is_true(root.dur >= 5000)
    for _, leaf in ipairs(of(events, "X", "leaf")) do
      assert.is_true(leaf.dur >= 1000 and leaf.ts >= root.ts + root.dur)
      assert.are.equal("root", leaf.args.poster)
    end
    assert.are.same({ 3, 3 }, { #of(events, "i", "worker started"), #of(events, "i", "worker ended") })
    assert.is_true(#of(events, "C", "waiting tasks") > 0)
    assert.are.equal("600\n", helper.run({ "stat", "-c", "%a", trace }).out)
  end)

  it("has arrows from a long producer to tasks that ended before it", function()
    local path, trace = make [[
      function begin() prunner.post_task(producer) end
      function producer()
        for i = 1, 3000 do prunner.post_task(leaf, i) end
        while (prunner.dict.seen or 0) < 100 do end
      end
      function leaf() prunner.dict:incr "seen" end
    ]]
    expect(helper.prunner(path, "-n", 2, "--trace", trace, "--log-every-run"), 0)
    local events, counts = check(trace)
    assert.are.equal(3000, counts.arrows)
    assert.are.equal(3000, #of(events, "X", "leaf"))
  end)

  it("says what happened to tasks and workers", function()
    local path, trace = make [[
      function begin() prunner.post_task("flaky") prunner.post_task(dies) end
      prunner.task("flaky", function() pause(1) error("no luck", 0) end, { retries = 1 })
      function dies() pause(1) die(11) end
    ]]
    expect(helper.prunner(path, "-n", 2, "-q", "--trace", trace, "--max-crashes", 2), 1)
    local events = check(trace)
    local flaky, dies = of(events, "X", "flaky"), of(events, "X", "dies")
    assert.are.same({ "retry", "failed", 2, "no luck" },
      { flaky[1].args.outcome, flaky[2].args.outcome, flaky[2].args.attempt, flaky[2].args.error })
    assert.are.same({ "died", "quarantined", "SIGSEGV" },
      { dies[1].args.outcome, dies[2].args.outcome, dies[1].args.error })
    local deaths = of(events, "i", "worker died")
    assert.are.same({ 2, "SIGSEGV" }, { #deaths, deaths[1].args.status })
  end)

  it("shows waits for a lock inside of the task", function()
    local path, trace = make [[
      function begin() prunner.post_task(work, 1, 2) prunner.post_task(work, 2, 1) end
      local function read(path) local f = io.open(path) return f and f:read "*a" or "" end
      function work(me, other)
        local file = io.open(arg[1] .. me, "w")
        file:write(ffi.C.getpid(), "\n")
        file:close()
        prunner.global_lock(function()
          local pid
          repeat pid = read(arg[1] .. other):match "(%d+)\n" until pid
          -- Until the other one waits, or has nothing to do any more.
          while (read("/proc/" .. pid .. "/stat"):match "%) (%a)" or "S") ~= "S" do pause(1) end
        end)
      end
    ]]
    expect(helper.prunner(path, "-n", 2, "--trace", trace, trace .. ".pid"), 0)
    local waits = of(check(trace), "X", "waits for a lock")
    assert.is_true(#waits > 0)
    assert.is_true(waits[1].dur > 0)
  end)

  it("draws a task that waited apart from what its worker ran meanwhile", function()
    local path, trace = make [[
      function begin()
        prunner.post_task(waits, "w")
        for i = 1, 3 do prunner.post_task(computes, i) end
      end
      function waits() prunner.sleep(0.001) prunner.sleep(0.05) prunner.sleep(0) end
      function computes() pause(2) end
    ]]
    expect(helper.prunner(path, "-n", 1, "-c", 2, "--trace", trace), 0)
    local events, counts = check(trace)
    assert.are.same({ 3, 2, 2, 0 }, { counts.kinds.X, counts.kinds.b, counts.kinds.e, counts.arrows })
    local whole, wait = of(events, "b", "waits")[1], of(events, "b", "waits")[2]
    local wait_end, whole_end = of(events, "e", "waits")[1], of(events, "e", "waits")[2]
    assert.are.same({ '"w"', "done" }, { whole.args.arguments, whole.args.outcome })
    assert.is_true(wait_end.ts - wait.ts >= 49000)
    assert.is_true(whole.args.waited_us >= wait_end.ts - wait.ts and whole.args.waited_us <= whole_end.ts - whole.ts)
    for _, slice in ipairs(of(events, "X", "computes")) do assert.is_nil(slice.args.waited_us) end
  end)

  it("is the whole of a short job, and of a flood what stands for it", function()
    local path, trace = make [[
      function begin() for i = 1, 200000 do prunner.post_task(tiny, i) end end
      function tiny() end
    ]]
    expect(helper.prunner(path, "-n", 2, "--trace", trace), 0)
    local events, sum = check(trace), 0
    for _, event in ipairs(of(events, "X")) do sum = sum + event.args.stands_for end
    -- A worker's ring has room for 4096 of them. Half of that are the first tasks, after them come
    -- 10,000 a second.
    assert.is_true(sum >= 4096 and sum <= 200000, sum)
    assert.is_true(#of(events, "X") < 100000)
  end)

  it("is closed when the job is interrupted, and when no task was posted", function()
    local path, trace = make [[
      function begin() if not arg[1] then prunner.post_task(slow) prunner.post_task(slow) end end
      function slow() print "now" io.flush() pause(300) end
    ]]
    local process = helper.spawn_prunner(path, "-n", 1, "--trace", trace)
    helper.wait_until(function() return process:out() ~= "" end)
    process:kill "INT"
    process:kill "INT"
    expect(process:wait(), 130)
    check(trace)
    expect(helper.prunner(path, "none", "--trace", trace), 0)
    assert.is_nil(select(2, check(trace)).kinds.X) -- what was there is gone
  end)

  it("has the workers that prunner ctl has added, and with --log-every-run all they did", function()
    local path, trace = make [[
      function begin() prunner.post_task(first) end
      function first()
        print "now"
        io.flush()
        while not io.open(arg[1]) do pause(5) end
        for i = 1, 300 do prunner.post_task(leaf, i) end
        for i = 1, 30000 do prunner.post_task(tiny, i) end
      end
      function leaf() pause(2) end
      function tiny() end
    ]]
    local go = trace .. ".go"
    local process = helper.spawn_prunner(path, "-n", 1, "--trace", trace, "--log-every-run", go)
    helper.wait_until(function() return process:out() ~= "" end)
    expect(helper.prunner("ctl", process:pid(), "-n", 4))
    helper.wait_until(function() return helper.count("worker 4", helper.read(trace)) > 0 end)
    helper.write(go, "")
    expect(process:wait(), 0)
    local events, counts = check(trace)
    assert.are.same({ 5, 30301 }, { counts.names.thread_name, counts.kinds.X })
    local others = 0
    for _, leaf in ipairs(of(events, "X", "leaf")) do others = others + (leaf.tid > 1 and 1 or 0) end
    assert.is_true(others > 0)
  end)

  it("works with --serial", function()
    local path, trace = make [[
      function begin() for i = 1, 10000 do prunner.post_task(tiny, i) end end
      function tiny() end
    ]]
    expect(helper.prunner(path, "--serial", "--trace", trace, "--log-every-run"), 0)
    assert.are.equal(10000, select(2, check(trace)).kinds.X)
  end)

  it("leaves the file alone until the workers start", function()
    local path, trace = make "error 'no luck'"
    helper.write(trace, "precious")
    expect(helper.prunner(path, "--trace", trace), 2)
    assert.are.equal("precious", helper.read(trace))
  end)

  it("that cannot be written is said", function()
    local path = make "function begin() end"
    local result = expect(helper.prunner(path, "--trace", "/nowhere/x"), 2, "")
    has('prunner: --trace: "/nowhere/x": No such file or directory\n', result.err)
    result = expect(helper.prunner(path, "--trace", "/dev/full"), 0)
    has('--trace: "/dev/full" is not complete: No space left on device', result.err)
    result = expect(helper.prunner(path, "--trace", path), 2, "")
    has('the script and --trace are the same file, "' .. path .. '": give another name', result.err)
    result = expect(helper.prunner(path, "--trace", "x", "--joblog", "x"), 2, "")
    has('--joblog and --trace are the same file, "x"', result.err)
  end)
end)
