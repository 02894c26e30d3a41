--- `--profile FILE`: where the workers' CPU time goes, as folded stacks.

local helper = require "tests.e2e.helper"
local expect, script, has = helper.expect, helper.script, helper.has

local FLAMEGRAPH = "/usr/share/perl5/Devel/NYTProf/flamegraph.pl"
--- The lines of a profile, each checked against the format: { stack, frames, samples }.
local function read(path)
  local lines, seen = {}, {}
  local text = assert(helper.read(path))
  assert(text == "" or text:sub(-1) == "\n", "the last line has no end")
  for line in text:gmatch("([^\n]*)\n") do
    local stack, samples = line:match("^(%C+) (%d+)$")
    assert(stack and tonumber(samples) > 0, "no folded stack: " .. line)
    assert(not seen[stack], "twice: " .. stack)
    seen[stack] = true
    local frames = {}
    for frame in (stack .. ";"):gmatch("([^;]*);") do
      assert(frame ~= "", "an empty frame: " .. line)
      frames[#frames + 1] = frame
    end
    lines[#lines + 1] = { stack = stack, frames = frames, samples = tonumber(samples) }
  end
  return lines
end

--- Samples by the n-th frame, or the last one.
local function samples_by(lines, n)
  local sums = {}
  for _, line in ipairs(lines) do
    local frame = line.frames[n or #line.frames]
    if frame then sums[frame] = (sums[frame] or 0) + line.samples end
  end
  return sums
end

--- Of the work of `light` and `heavy`, three quarters are heavy's. Each takes many samples: tasks that
-- come as regularly as the samples would always be met at the same place.
local ratio = [[
  local prunner = require "prunner"
  local function spin(n) local s = 0 for i = 1, n do s = s + i % 7 end return s end
  function begin()
    for i = 1, 10 do
      prunner.post_task(heavy, i)
      prunner.post_task(light, i)
    end
  end
  function heavy() spin(4.5e7) end
  function light() spin(1.5e7) end
]]

--- Runs a job with a profile; returns its lines.
local function profile(text, ...)
  local path = script(text)
  local file = helper.beside(path, "job.folded")
  local result = expect(helper.prunner("--profile", file, path, ...))
  return read(file), result, file
end

local function assert_ratio(lines)
  local by = samples_by(lines, 1)
  local share = by.heavy / (by.heavy + by.light)
  assert(share > 0.65 and share < 0.85, ("heavy has %.2f"):format(share))
end

describe("--profile", function()
  after_each(helper.cleanup)

  it("shares the samples out as the tasks cost", function()
    local lines, result = profile(ratio, "-n", 2)
    assert_ratio(lines)
    assert.are.equal("", result.err)
    local second = samples_by(lines, 2)
    assert.is_true(second["script.lua:spin"] > 20)
  end)

  it("does so under --serial", function()
    assert_ratio(profile(ratio, "--serial"))
  end)

  it("is drawn by a flame graph tool", function()
    if not helper.read(FLAMEGRAPH) then pending(FLAMEGRAPH .. " is not there") return end
    local lines, _, file = profile(ratio, "-n", 2)
    local svg = expect(helper.run { "perl", FLAMEGRAPH, file }).out
    local all = 0
    for _, line in ipairs(lines) do all = all + line.samples end
    local function shown(n) return (tostring(n):reverse():gsub("(%d%d%d)(%d)", "%1,%2"):reverse()) end
    has(("<title>all (%s samples, 100%%)"):format(shown(all)), svg)
    has(("<title>heavy (%s samples, "):format(shown(samples_by(lines, 1).heavy)), svg)
  end)

  it("says what LuaJIT did, if asked", function()
    local lines = profile([[
      function begin() require("prunner").post_task(mixed) end
      function mixed()
        local s = 0
        for i = 1, 6e7 do s = s + i % 7 end
        jit.off(true, true)
        for i = 1, 2e7 do s = s + i % 7 end
        local t = ("x"):rep(2e6)
        for i = 1, 100 do t:find("y", 1, true) end
        for i = 1, 2e6 do s = { s and i } end
      end
    ]], "-n", 1, "--profile-states")
    local by = samples_by(lines)
    for _, state in ipairs { "(compiled)", "(interpreted)" } do
      assert.is_truthy(by[state], state)
    end
    local known = { ["(compiled)"] = 1, ["(interpreted)"] = 1, ["(C)"] = 1, ["(garbage)"] = 1,
      ["(compiling)"] = 1 }
    for state in pairs(by) do assert.is_truthy(known[state], state) end
  end)

  it("names callers before those they call, in coroutines and deep recursion too", function()
    local lines = profile([[
      local prunner = require "prunner"
      local function spin(n) local s = 0 for i = 1, n do s = s + i % 7 end return s end
      local function callee() return (spin(2e7)) end
      local function caller() return (callee()) end
      local function down(n) if n == 0 then return (spin(2e7)) end return 1 + down(n - 1) end
      function begin()
        for i = 1, 5 do
          prunner.post_task(nested)
          prunner.post_task(inside)
          prunner.post_task(deep)
        end
      end
      function nested() caller() end
      function inside() coroutine.wrap(function() caller() end)() end
      function deep() down(1000) end
      prunner.task("a;b", deep)
    ]], "-n", 1)
    local stacks = {}
    for _, line in ipairs(lines) do
      stacks[#stacks + 1] = line.stack
      assert.is_true(#line.frames <= 132)
    end
    local all = table.concat(stacks, "\n")
    has("nested;script.lua:caller;script.lua:callee;script.lua:spin", all)
    assert.has_match("inside;script%.lua:%d+;script%.lua:caller;script%.lua:callee;script%.lua:spin", all)
    has("a:b;...;script.lua:down;", all)
  end)

  it("knows the tasks that a compiled loop runs", function()
    local lines = profile([[
      local prunner = require "prunner"
      function begin() for i = 1, 20000 do prunner.post_task(small, i) end end
      function small() local s = 0 for i = 1, 20000 do s = s + i % 7 end end
    ]], "-n", 2)
    local total = 0
    for _, line in ipairs(lines) do
      total = total + line.samples
      assert.is_nil(line.stack:find("prunner.task_loop", 1, true), line.stack)
    end
    assert.is_true(samples_by(lines, 1).small > total * 0.9)
  end)

  it("keeps what a worker that is killed has counted", function()
    local lines = profile([[
      local prunner = require "prunner"
      local ffi = require "ffi"
      ffi.cdef "int kill(int, int); int getpid(void);"
      local function spin(n) local s = 0 for i = 1, n do s = s + i % 7 end return s end
      function begin() prunner.post_task(victim) end
      function victim()
        spin(1e8)
        if prunner.attempt() == 1 then ffi.C.kill(ffi.C.getpid(), 9) end
        prunner.post_task(after)
      end
      function after() end
    ]], "-n", 1)
    -- Two runs of the same cost, of which the first ended with its worker.
    local once = profile([[
      local function spin(n) local s = 0 for i = 1, n do s = s + i % 7 end return s end
      function begin() require("prunner").post_task(victim) end
      function victim() spin(1e8) end
    ]], "-n", 1)
    local two, one = samples_by(lines, 1).victim, samples_by(once, 1).victim
    assert(two > 1.4 * one, ("%d samples of two runs, %d of one"):format(two, one))
  end)

  it("leaves blocking calls, programs and debug hooks alone", function()
    local _, result = profile([[
      local prunner = require "prunner"
      local socket = require "socket"
      local function spin(n) local s = 0 for i = 1, n do s = s + i % 7 end return s end
      function begin() for i = 1, 10 do prunner.post_task(mixed, i) end end
      function mixed()
        spin(5e6)
        local pipe = io.popen "sleep 0.02; echo one; sleep 0.02; echo two"
        assert(pipe:read "*a" == "one\ntwo\n")
        assert(pipe:close())
        spin(5e6)
        local from = socket.gettime()
        socket.sleep(0.05)
        assert(socket.gettime() - from >= 0.049)
        assert(os.execute "true" == 0 )
        jit.off(true, true)
        local hooked = 0
        debug.sethook(function() hooked = hooked + 1 end, "", 1000)
        for i = 1, 1e6 do local _ = i end
        debug.sethook()
        assert(hooked > 500, hooked)
        prunner.counter "well":add(1)
      end
      function end_() print(prunner.counter("well"):get()) end
    ]], "-n", 2)
    assert.are.equal("10\n", result.out)
  end)

  it("works beside --lua-memory", function()
    assert_ratio(profile(ratio, "-n", 2, "--lua-memory", "64M"))
  end)

  it("replaces what was in the file, once there is something to write", function()
    local dir = helper.tmpdir()
    local file = helper.write(dir .. "/f", "what was there\n")
    expect(helper.prunner("--profile", file, script "no script"), 2)
    assert.are.equal("what was there\n", helper.read(file))
    expect(helper.prunner("--profile", file, script(ratio), "-n", 2))
    assert_ratio(read(file))
  end)

  it("is written when the job is interrupted", function()
    local path = script [[
      function begin() require("prunner").post_task(long) end
      function long()
        local s = 0
        for i = 1, 1e8 do s = s + i % 7 end
        io.stderr:write "half\n"
        while true do s = s + 1 end
      end
    ]]
    local file = path .. ".folded"
    local run = helper.spawn_prunner("--profile", file, path, "-n", 1)
    assert.is_truthy(helper.wait_until(function() return run:err() == "half\n" end))
    run:kill "INT"
    assert.is_truthy(helper.wait_until(function() return run:err():find("again to kill them", 1, true) end))
    run:kill "INT"
    expect(run:wait(), 130)
    assert.is_true(samples_by(read(file), 1).long > 5)
  end)

  it("says so if there was nothing to sample", function()
    local lines, result = profile([[ function begin() require("prunner").post_task(os.time) end ]])
    assert.are.same({}, lines)
    has("is empty: the tasks used too little CPU time for a single sample", result.err)
  end)

  it("refuses what cannot be written, and states without a profile", function()
    local path = script(ratio)
    local result = expect(helper.prunner("--profile", "/nowhere/f", path), 2, "")
    assert.are.equal("prunner: --profile: \"/nowhere/f\": No such file or directory\n", result.err)
    result = expect(helper.prunner("--profile-states", path), 2, "")
    has("--profile-states is for --profile, which is not asked for: leave it out", result.err)
  end)
end)
