--- A user's limit on processes: what a job does when a fork is refused.

local helper = require "tests.e2e.helper"
local expect, script, has = helper.expect, helper.script, helper.has

describe("a refused fork", function()
  after_each(helper.cleanup)

  --- The command under test as a user who may have `limit` processes only. The user id is one
  -- that nobody has, so that no other process counts.
  local function start_limited(limit, path, ...)
    return helper.spawn({
      "setpriv", "--reuid", 54321, "--regid", 54321, "--clear-groups",
      "prlimit", "--nproc=" .. limit, helper.command, path, ...,
    })
  end
  local function limited(...) return start_limited(...):wait() end

  local text = [[
    local prunner = require "prunner"
    function begin() for i = 1, 100 do prunner.post_task(work, i) end end
    function work(i) prunner.counter "n":add(i) end
    function end_() print(prunner.counter "n":get()) end
  ]]

  --- A script that this user can read, too.
  local function readable(of)
    local path = script(of)
    helper.run({ "chmod", "-R", "a+rX", helper.directory(path) })
    return path
  end

  local function can_limit()
    return helper.run({ "setpriv", "--reuid", 54321, "--clear-groups", helper.command,
      "--version" }).status == 0
  end

  it("lets the job continue with the workers there are", function()
    if not can_limit() then return pending("needs root") end
    local path = readable(text)
    local result = expect(limited(4, path, "--eager", "-n", 10), 0, "5050\n")
    has("no process can be started (Resource temporarily unavailable): continuing with 3 workers",
      result.err)
    assert.are.same({}, helper.survivors(result))
  end)

  -- A pause of up to a second for each task would take minutes.
  it("is tried again when a worker ends, for that there is room", function()
    if not can_limit() then return pending("needs root") end
    local path = readable(text:gsub("100", "400"))
    local result = expect(limited(3, path, "--eager", "-n", 10, "--max-tasks", 1), 0, "80200\n")
    assert.are.equal(1, helper.count("no process can be started", result.err))
  end)

  it("does not keep a job that was told to stop from ending", function()
    if not can_limit() then return pending("needs root") end
    local path = readable(text)
    local run = start_limited(1, path, "-n", 2)
    assert.is_true(helper.wait_until(function() return run:err():find "no process can be started" end) ~= nil)
    run:kill "TERM"
    expect(run:wait(), 143)
  end)

  it("ends the job with status 3 after ten seconds without any worker", function()
    if not can_limit() then return pending("needs root") end
    if os.getenv("STRESS") ~= "long" then return pending("takes ten seconds: make e2e STRESS=long") end
    local path = readable(text)
    local result = expect(limited(1, path, "-n", 2), 3, "")
    has("no worker could be started for 10 s: the job cannot continue (tasks left: 100)", result.err)
  end)
end)
