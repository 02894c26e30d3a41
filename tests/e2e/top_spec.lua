--- `prunner top`: a running job seen from another process.

local ffi = require "ffi"

local helper = require "tests.e2e.helper"
local terminal = require "tests.e2e.terminal"
local expect, has, has_not = helper.expect, helper.has, helper.has_not

ffi.cdef [[ int prn_test_geteuid(void) __asm__("geteuid"); ]]

--- Three workers: two hold a task until the file `go` is there, the third has nothing to do.
local text = [[
  local prunner = require "prunner"
  local go = arg[0]:match "^(.*)/" .. "/go"
  function begin()
    prunner.post_many(quick, { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 })
    for i = 1, 2 do prunner.post_task(hold, i) end
  end
  function quick(n) if n == 3 then error "three" end end
  function hold()
    io.stderr:write "held\n"
    while not io.open(go) do os.execute "sleep 0.02" end
  end
  function end_() print "end" end
]]

--- Starts it; returns when two tasks are held and all others are done.
local function start(...)
  local path = helper.script(text)
  local run = helper.spawn_prunner(path, "--eager", "-n", 3, ...)
  local function ready()
    local _, held = run:err():gsub("held\n", "")
    return held == 2 and run:err():find("three", 1, true)
  end
  assert.is_truthy(helper.wait_until(ready))
  local seen
  assert.is_truthy(helper.wait_until(function()
    seen = helper.prunner("top", "--once", run:pid()).out
    return seen:find("11 done of 12", 1, true) or seen:find("10 done of 12", 1, true)
  end), seen)
  return run, helper.beside(path, "go")
end

local function once(...) return expect(helper.prunner("top", "--once", ...)).out end

--- The words of the row that begins with `first`.
local function row(screen, first)
  for line in screen:gmatch("[^\n]+") do
    local words = {}
    for word in line:gmatch("%S+") do words[#words + 1] = word end
    if words[1] == first then return words end
  end
  error(("no row %s in\n%s"):format(first, screen), 2)
end

--- The first column of the rows below the heading that begins with `heading`.
local function column(screen, heading)
  local found
  for line in screen:gmatch("([^\n]*)\n") do
    if found and not line:match("%S") then break end
    if found then found[#found + 1] = line:match("%S+") end
    if line:match("^%s*" .. heading) then found = {} end
  end
  return found
end

describe("prunner top", function()
  after_each(function()
    terminal.cleanup()
    helper.cleanup()
  end)

  it("prints a running job once: tasks, functions, workers", function()
    local run = start()
    local out = once(run:pid())
    has("process " .. run:pid() .. ", running for 0:", out)
    has("10 done of 12", out)
    has("errors   1 failed, 0 run again, 0 quarantined", out)
    local quick, hold = row(out, "quick"), row(out, "hold")
    assert.are.same({ "10", "10", "0", "1" }, { unpack(quick, 2, 5) })
    assert.are.same({ "0", "2", "2", "0" }, { unpack(hold, 2, 5) })
    assert.are.same({ "1", "2", "3" }, column(out, "SLOT"))
    local idle, held = 0, 0
    for k = 1, 3 do
      local w = row(out, tostring(k))
      if w[3] == "idle" then idle = idle + 1 end
      if w[4] == "hold" then held = held + 1 end
    end
    assert.are.same({ 1, 2 }, { idle, held })
  end)

  it("says which workers wait, and how many tasks are suspended in each", function()
    local run = helper.spawn_prunner(helper.script [[
      local prunner = require "prunner"
      function begin() for i = 1, 30 do prunner.post_task(waits, i) end end
      function waits() prunner.sleep(600) end
    ]], "-n", 1, "-c", 20)
    local out
    assert.is_truthy(helper.wait_until(function()
      out = helper.prunner("top", "--once", run:pid()).out
      return out:find(", 20 tasks suspended, ", 1, true)
    end), out)
    has("workers  1 of 1, 0 in a task, 20 tasks suspended, ", out)
    local worker = row(out, "1")
    assert.are.same({ "waiting", "-" }, { worker[3], worker[4] })
    assert.are.equal("20", worker[#worker])
    assert.has_match("IDLE%%   SUSP\n", out)
    run:kill "KILL"
    run:wait()
  end)

  it("finds the job by the process of a worker", function()
    local run = start()
    local worker = row(once(run:pid()), "2")[2]
    has("process " .. run:pid() .. ",", once(worker))
  end)

  it("finds the job by its state file", function()
    local dir = helper.tmpdir()
    local run = start("--state", dir .. "/job.state")
    has("process " .. run:pid() .. ",", once(dir .. "/job.state"))
    helper.write(dir .. "/other", "")
    local result = expect(helper.prunner("top", dir .. "/other"), 2, "")
    has("/other\": no running job of yours has this file", result.err)
    result = expect(helper.prunner("top", dir .. "/none"), 2, "")
    has("/none\": No such file or directory", result.err)
  end)

  it("counts what was done before a job was resumed", function()
    local state = helper.tmpdir() .. "/job.state"
    local run, go = start("--state", state)
    run:kill "KILL"
    run:wait()
    local path = go:gsub("go$", "script.lua")
    run = helper.spawn_prunner("--resume", state, path, "-n", 3)
    local out
    assert.is_truthy(helper.wait_until(function()
      out = helper.prunner("top", "--once", state).out
      return out:find("2 in a task", 1, true)
    end), out)
    has("10 done of 12", out)
    has("errors   1 failed", out)
    assert.are.same({ "0", "0", "2" }, { unpack(row(out, "hold"), 2, 4) })
    helper.write(go, "")
    expect(run:wait(), 1)
  end)

  it("shows the one process of --serial", function()
    local path = helper.script(text)
    local run = helper.spawn_prunner(path, "--serial")
    assert.is_truthy(helper.wait_until(function() return run:err():find("held", 1, true) end))
    local out = once(run:pid())
    assert.are.same({ "1", tostring(run:pid()) }, { unpack(row(out, "1"), 1, 2) })
    assert.are.equal("hold", row(out, "1")[4])
  end)

  it("shows a job whose script still loads, and one in end_", function()
    local path = helper.script [[
      local go = arg[0]:match "^(.*)/" .. "/go"
      local function wait(what)
        io.stderr:write(what, "\n")
        while not io.open(go .. what) do os.execute "sleep 0.02" end
      end
      function begin() wait "begin" end
      function end_() wait "end" end
    ]]
    local run = helper.spawn_prunner(path, "-n", 1)
    assert.is_truthy(helper.wait_until(function() return run:err():find "begin" end))
    has("begin() since 0:", once(run:pid()))
    helper.write(helper.beside(path, "gobegin"), "")
    assert.is_truthy(helper.wait_until(function() return run:err():find "end" end))
    has("all workers ended after 0:00, end_() since then", once(run:pid()))
  end)

  it("says what is wrong with its words", function()
    for _, case in ipairs {
      { "unknown option --x: see prunner top --help", "--x" },
      { "--delay: \"0\" is not a number of seconds (0.1 to 3600)", "-d", "0" },
      { "--delay: \"1s\" is not a number of seconds (0.1 to 3600)", "--delay", "1s" },
      { "-d: a number of seconds is missing, such as 2", "-d" },
      { "one job is shown at a time: see prunner top --help", "1", "2" },
      { "\"0\" is not the number of a process", "0" },
      { "\"99999999999\" is not the number of a process", "99999999999" },
      { "there is no process 2147483647", "2147483647" },
    } do
      local result = expect(helper.prunner("top", unpack(case, 2)), 2, "")
      assert.are.equal("prunner top: " .. case[1] .. "\n", result.err)
    end
    has("usage: prunner top [options] [PID | STATE]", expect(helper.prunner("top", "--help")).out)
  end)

  it("refuses a process that is no job", function()
    local other = helper.spawn { "sleep", 100 }
    local result = expect(helper.prunner("top", other:pid()), 2, "")
    has(("process %d runs no prunner job"):format(other:pid()), result.err)
  end)

  it("does not believe figures that are none", function()
    local script = helper.script [[
      local ffi = require "ffi"
      ffi.cdef "int memfd_create(const char *, unsigned); long write(int, const char *, size_t);"
      local fd = ffi.C.memfd_create("prunner-metrics", 0)
      local bytes = ("x"):rep(tonumber(arg[1]))
      ffi.C.write(fd, bytes, #bytes)
      io.stderr:write "up\n"
      os.execute "sleep 100"
    ]]
    for bytes, words in pairs { [0] = "only just been started", [100000] = "another version" } do
      local other = helper.spawn { helper.interpreter, script, bytes }
      assert.is_truthy(helper.wait_until(function() return other:err() == "up\n" end))
      has(words, expect(helper.prunner("top", other:pid()), 2, "").err)
    end
  end)

  it("refuses another user's job", function()
    if ffi.C.prn_test_geteuid() ~= 0 then pending "needs root to be somebody else" return end
    local run = start()
    -- Through the shell's own copy of the command: the tree may be closed to others.
    local dir = helper.tmpdir()
    local build = helper.quote(helper.directory(helper.command))
    local command = ("chmod 755 %s && cp %s/prunner %s/libprunner.so %s && cd / && "
      .. "setpriv --reuid 65534 --regid 65534 --clear-groups %s/prunner top %d")
      :format(dir, build, build, dir, dir, run:pid())
    local result = expect(helper.run(command), 2, "")
    has(("process %d is another user's: only they and root may look"):format(run:pid()), result.err)
  end)

  describe("without an argument", function()
    local function alone(commands)
      local probe = helper.run "unshare -rpf --mount-proc true"
      if probe.status ~= 0 then return nil end
      return helper.run { "unshare", "-rpf", "--mount-proc", "sh", "-c", commands }
    end
    local start_one = [[
      start() {
        "$P" "$S" -n 3 2>"$1" &
        i=0
        while [ $i -lt 1000 ] && [ "$(grep -c held "$1")" != 2 ]; do sleep 0.02; i=$((i + 1)); done
      }
    ]]
    local function commands(then_)
      local dir = helper.tmpdir()
      return ("P=%s S=%s D=%s; %s\n%s"):format(helper.quote(helper.command),
        helper.quote(helper.script(text)), helper.quote(dir), start_one, then_)
    end

    it("shows the only job", function()
      local result = alone(commands [[start $D/1; "$P" top --once]])
      if not result then pending "no namespace of processes is available" return end
      has(" done of 12", expect(result).out)
    end)

    it("names the jobs to choose from", function()
      local result = alone(commands [[start $D/1; start $D/2; "$P" top --once]])
      if not result then pending "no namespace of processes is available" return end
      expect(result, 2, "")
      has("2 jobs of yours are running: choose one by its process, prunner top PID", result.err)
      assert.are.equal(2, helper.count("script.lua -n 3\n", result.err))
    end)

    it("says when there is none", function()
      local result = alone(commands [["$P" top --once]])
      if not result then pending "no namespace of processes is available" return end
      assert.are.equal("prunner top: no job of yours is running\n", expect(result, 2, "").err)
    end)
  end)

  describe("on a screen", function()
    local function open(run, options)
      return terminal.open(("%s top -d 0.1 %d"):format(helper.quote(helper.command), run:pid()),
        options)
    end

    it("shows the job, sorts, pauses, helps and quits", function()
      local run = start()
      local t = open(run)
      local screen = t:wait_for "q quit"
      has("10 done of 12", screen)
      assert.are.same({ "1", "2", "3" }, column(screen, "SLOT"))
      t:keys "r"
      t:wait_for(function(now) return table.concat(column(now, "SLOT") or {}) == "321" end)
      t:keys "r"
      t:wait_for(function(now) return table.concat(column(now, "SLOT") or {}) == "123" end)
      t:keys "f" -- those without a function come last
      t:wait_for(function(now)
        local order = column(now, "SLOT")
        return order and row(now, order[1])[4] == "hold" and row(now, order[2])[4] == "hold"
          and row(now, order[3])[3] == "idle"
      end)
      t:keys "F"
      t:wait_for(function(now) return table.concat(column(now, "FUNCTION") or {}) == "holdquick" end)
      t:keys "D"
      t:wait_for(function(now) return table.concat(column(now, "FUNCTION") or {}) == "quickhold" end)
      t:keys "Space"
      screen = t:wait_for "paused"
      helper.wait_until(function() end, 0.5)
      assert.are.equal(screen, t:screen())
      t:keys "Space"
      t:wait_for "q quit"
      t:keys "?"
      t:wait_for "Any key goes back."
      t:keys "x"
      t:wait_for "q quit"
      t:keys "q"
      t:wait_for "[exit 0]"
      assert.is_nil(run:poll())
    end)

    it("follows the terminal's size, however small", function()
      local run = start()
      local t = open(run)
      t:wait_for "q quit"
      t:resize(40, 10)
      t:wait_for(function(now) -- drawn anew: from its first line on, without that of the keys
        return now:find "^process " and now:find("tasks ", 1, true) and now:find("SLOT", 1, true)
          and not now:find("q quit", 1, true)
      end)
      t:resize(10, 3)
      t:wait_for(function(now) return now:find("process", 1, true) and not now:find("SLOT", 1, true) end)
      t:resize(120, 30)
      t:wait_for "IDLE%"
      t:keys "C-c"
      t:wait_for "[exit 0]"
    end)

    it("scrolls workers that do not fit", function()
      local path = helper.script [[
        local go = arg[0]:match "^(.*)/" .. "/go"
        function begin() require("prunner").post_task(hold) end
        function hold()
          io.stderr:write "held\n"
          while not io.open(go) do os.execute "sleep 0.02" end
        end
      ]]
      local run = helper.spawn_prunner(path, "--eager", "-n", 40)
      assert.is_truthy(helper.wait_until(function() return run:err() == "held\n" end))
      local t = open(run, { height = 20 })
      local function first(n)
        return function(now) return (column(now, "SLOT") or {})[1] == tostring(n) end
      end
      t:wait_for(first(1))
      t:keys "Down"
      t:wait_for(first(2))
      t:keys "End"
      t:wait_for "\n  40 "
      t:keys "Home"
      t:wait_for(first(1))
    end)

    it("ends with the job and prints its last figures", function()
      local run, go = start()
      local t = open(run)
      t:wait_for "q quit"
      helper.write(go, "")
      expect(run:wait(), 1, "end\n")
      local screen = t:wait_for "[exit 0]"
      has("process " .. run:pid() .. ", ended after 0:", screen)
      has("12 done of 12", screen)
      assert.are.same({ "2", "2", "0", "0" }, { unpack(row(screen, "hold"), 2, 5) })
    end)

    it("says that a job was killed", function()
      local run = start()
      local t = open(run)
      t:wait_for "q quit"
      run:kill "KILL"
      has("killed after 0:", t:wait_for "[exit 0]")
    end)

    it("colours failures, unless NO_COLOR says no", function()
      local run = start()
      local t = open(run)
      t:wait_for "q quit"
      has("\27[31m", t:screen(true))
      t:close()
      t = open(run, { env = { NO_COLOR = 1 } })
      t:wait_for "q quit"
      has_not("\27[31m", t:screen(true))
    end)

    it("refuses a terminal that it cannot draw on", function()
      local run = start()
      local t = open(run, { env = { TERM = "dumb" }, width = 120 })
      has("prunner top: this terminal (TERM) cannot be drawn on: use --once", t:wait_for "[exit 2]")
    end)
  end)
end)
