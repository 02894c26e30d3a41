--- --resume: with modules that have changed since, and after a reboot.

local helper = require "tests.e2e.helper"
local has = helper.has

local job = [[
  local prunner = require "prunner"
  local m = require "m"
  function begin() for i = 1, 40 do prunner.post_task(m.work, i) end end
  function m.posted(i) prunner.counter "late":add(i) end
  function end_() print(prunner.counter "sum":get(), prunner.counter "late":get()) end
]]

-- Stops at the 20th task, until the file `go` is there.
local module = [[
local prunner = require "prunner"
local M = {}
local function add(i)
  prunner.counter "sum":add(i)
end
function M.unused() end
function M.work(i)
  if i == 20 and not io.open(arg[1]) then os.execute "kill -9 $(ps -o ppid= -p $PPID)" while true do end end
  add(i)
  prunner.post_task(M.posted, i)
end
return M
]]

local EXPECTED = "820\t820\n"

-- A job that was killed. Its directory.
local function killed(files)
  local dir = helper.tmpdir()
  files = files or { ["job.lua"] = job, ["m.lua"] = module }
  for name, text in pairs(files) do helper.write(dir .. "/" .. name, text) end
  local result = helper.prunner(dir .. "/job.lua", "-n", 2, "--state", dir .. "/state", dir .. "/go")
  assert.are.equal(137, result.signal and 128 + result.signal or result.status)
  helper.write(dir .. "/go", "")
  return dir
end

local function resume(dir, options, ...)
  return helper.prunner(dir .. "/job.lua", "-n", 2, "--resume", dir .. "/state", dir .. "/go", options or {}, ...)
end

local changes = {
  ["a line above"] = "-- new\n" .. module,
  ["a function added"] = module:gsub("return M", "function M.more() end\nreturn M"),
  ["a function added above"] = module:gsub("local function add", "function M.more() end\nlocal function add"),
  ["a function removed"] = module:gsub("function M.unused%(%) end\n", ""),
  ["a function renamed"] = module:gsub("M%.unused", "M.idle"),
  ["the task renamed"] = module:gsub("M%.work", "M.labour"),
  ["a function moved"] = module:gsub("function M.unused%(%) end\n", "")
    :gsub("return M", "function M.unused() end\nreturn M"),
  ["a local function changed"] = module:gsub("add%(i%)$", "add(2 * i)"):gsub(":add%(i%)", ":add(2 * i)"),
  ["a comment behind"] = module .. "-- new\n",
}

describe("--resume", function()
  after_each(helper.cleanup)

  it("refuses a module that has changed, and goes on with the old one", function()
    for what, text in pairs(changes) do
      local dir = killed()
      assert.are_not.equal(module, text, what)
      helper.write(dir .. "/m.lua", text)
      for _ = 1, 2 do
        local result = helper.expect(resume(dir), 2, "")
        if what ~= "the task renamed" then
          assert.are.equal("prunner: --resume: m.lua has changed since the job was started: resume it with "
            .. "the modules as they were, or remove it and start over\n", result.err)
        end
      end
      helper.write(dir .. "/m.lua", module)
      helper.expect(resume(dir), 0, EXPECTED)
    end
  end)

  it("refuses a module that is missing, also one that no task needs", function()
    for _, name in ipairs { "extra", "m" } do
      local text = job:gsub("local m = ", 'local ok, extra = pcall(require, "extra")\n  %0')
        :gsub('= require "m"', '= { work = print } pcall(function() m = require "m" end)')
      local dir = killed { ["job.lua"] = text, ["m.lua"] = module, ["extra.lua"] = "return { f = function() end }" }
      assert(os.rename(dir .. "/" .. name .. ".lua", dir .. "/gone"))
      local result = helper.expect(resume(dir), 2, "")
      has(("--resume: %s.lua is not loaded, as it was when the job was started: "):format(name), result.err)
      assert(os.rename(dir .. "/gone", dir .. "/" .. name .. ".lua"))
      helper.expect(resume(dir), 0, EXPECTED)
    end
  end)

  it("refuses tasks whose functions begin() alone had loaded", function()
    local text = [[
      local prunner = require "prunner"
      function begin()
        m = require "m"
        function m.posted() end
        for i = 1, 40 do prunner.post_task(m.work, i) end
      end
    ]]
    local dir = killed { ["job.lua"] = text, ["m.lua"] = module }
    local result = helper.expect(resume(dir), 2, "")
    assert.has_match("%-%-resume: %d+ of its tasks call functions that are not defined now: ", result.err)
  end)

  it("does not mind modules of data, nor ones that are loaded this time only", function()
    local text = job:gsub("local m = ",
      'local config = require "config"\n  if config.more then require "more" end\n  %0')
    local dir = killed { ["job.lua"] = text, ["m.lua"] = module, ["config.lua"] = "return {}",
      ["more.lua"] = "return { f = function() end }" }
    helper.write(dir .. "/config.lua", "return { more = true }")
    helper.expect(resume(dir), 0, EXPECTED)
  end)

  it("goes on from another directory, by another path of the script", function()
    local dir = killed()
    local base = dir:match "[^/]*$"
    helper.expect(helper.prunner(base .. "/job.lua", "-n", 2, "--resume", base .. "/state", dir .. "/go",
      { cwd = dir .. "/.." }), 0, EXPECTED)
  end)

  it("begins anew with another module if begin() had not committed", function()
    local dir = helper.tmpdir()
    helper.write(dir .. "/m.lua", module)
    helper.write(dir .. "/job.lua", (job:gsub("function begin%(%)",
      '%0 if not io.open(arg[1]) then os.execute "kill -9 $PPID" end')))
    helper.prunner(dir .. "/job.lua", "-n", 2, "--state", dir .. "/state", dir .. "/go")
    helper.write(dir .. "/go", "")
    helper.write(dir .. "/m.lua", "-- new\n" .. module)
    helper.expect(resume(dir), 0, EXPECTED)
  end)
end)

-- As another boot of this machine: another boot id, and a monotonic clock of its own.
local function boots()
  local ok = os.execute "unshare -rmT --monotonic 1000000 true 2>/dev/null"
  return ok == 0 or ok == true
end

local function in_boot(id, ...)
  local file = helper.write(helper.tmpdir() .. "/boot_id", ("%08d-0000-4000-8000-000000000000\n"):format(id))
  return { "unshare", "-rmT", "--kill-child", "--monotonic", 10000000 - 1000000 * id, "sh", "-c",
    'mount --bind "$0" /proc/sys/kernel/random/boot_id && exec "$@"', file, ... }
end

local slow = [[
  local prunner = require "prunner"
  local again = prunner.task("again", function(i)
    prunner.counter "tries":add(1)
    if prunner.attempt() == 1 then error "once more" end
    prunner.counter "done":add(i)
  end, { retries = 1, backoff = assert(tonumber(arg[2]), "no such backoff") })
  local stop = prunner.task("stop", function()
    if io.open(arg[1]) then return end
    while prunner.stats().retried < 10 do end
    os.execute "kill -TERM $(ps -o ppid= -p $PPID)"
    prunner.post_task "stop"
  end)
  function begin()
    for i = 1, 10 do prunner.post_task(again, i) end
    prunner.post_task(stop)
  end
  function end_() print(prunner.counter "tries":get(), prunner.counter "done":get()) end
]]

describe("--resume after a reboot", function()
  after_each(helper.cleanup)
  if not boots() then pending "needs namespaces of users, mounts and time" return end

  local function start(dir, backoff)
    helper.write(dir .. "/job.lua", slow)
    return helper.run(in_boot(1, helper.command, dir .. "/job.lua", "-n", 2, "--state", dir .. "/state",
      dir .. "/go", backoff))
  end

  local function go_on(dir, boot, backoff)
    return helper.run(in_boot(boot, helper.command, dir .. "/job.lua", "-n", 2, "--resume", dir .. "/state",
      dir .. "/go", backoff), { timeout = 30 })
  end

  it("goes on with a job that was stopped, and its waiting tasks are due as they were", function()
    local dir = helper.tmpdir()
    has("to continue it: prunner --resume", helper.expect(start(dir, 1), 143).err)
    -- Stopped again, and again: each boot's clock is earlier than the one before.
    for boot = 2, 3 do helper.expect(go_on(dir, boot, 1), 143) end
    helper.write(dir .. "/go", "")
    helper.expect(go_on(dir, 4, 1), 0, "10\t55\n")
    for boot = 4, 5 do has("was finished already", helper.expect(go_on(dir, boot, 1), 0, "").err) end
  end)

  it("does not let them run before", function()
    local dir = helper.tmpdir()
    helper.expect(start(dir, 1000), 143)
    helper.write(dir .. "/go", "")
    local run = helper.spawn(in_boot(2, helper.command, dir .. "/job.lua", "-n", 2, "--resume", dir .. "/state",
      "--progress=json", dir .. "/go", 1000))
    -- What is to be run at once is; the ten wait.
    assert.is_truthy(helper.wait_until(function() return run:err():find '"waiting":10' end))
    assert.is_nil(run:poll())
    run:kill "KILL"
    run:wait()
  end)

  it("refuses a job that was killed, also if it had been stopped before", function()
    local dir = helper.tmpdir()
    local text = slow:gsub("kill %-TERM", "kill -$(cat $0.signal)"):gsub("%$0", dir)
    helper.write(dir .. "/job.lua", text)
    helper.write(dir .. ".signal", "TERM")
    local words = { dir .. "/job.lua", "-n", 2, "--state", dir .. "/state", dir .. "/go", 1 }
    helper.expect(helper.run(in_boot(1, helper.command, unpack(words))), 143)
    helper.write(dir .. ".signal", "KILL")
    words[4] = "--resume"
    helper.run(in_boot(2, helper.command, unpack(words)))
    os.remove(dir .. ".signal")
    helper.write(dir .. "/go", "")
    has("is older than the last reboot", helper.expect(go_on(dir, 3, 1), 2, "").err)
    helper.expect(go_on(dir, 2, 1), 0, "10\t55\n")
  end)

  it("keeps the mark when the script is refused", function()
    local dir = helper.tmpdir()
    helper.expect(start(dir, 1), 143)
    helper.write(dir .. "/go", "")
    helper.write(dir .. "/job.lua", slow .. "\n")
    has("the script has changed", helper.expect(go_on(dir, 2, 1), 2, "").err)
    helper.write(dir .. "/job.lua", slow)
    has("no such backoff", helper.expect(go_on(dir, 3, "nonsense"), 2, "").err)
    helper.expect(go_on(dir, 4, 1), 0, "10\t55\n")
  end)
end)
