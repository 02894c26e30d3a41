--- Progress in a real terminal: what is drawn, and that nothing of what is printed is harmed.

local helper = require "tests.e2e.helper"
local terminal = require "tests.e2e.terminal"
local quote, has, has_not = helper.quote, helper.has, helper.has_not

--- A terminal that runs a command for the shell, and then says how it ended.
local function open(columns, rows, command)
  return terminal.open(command, { width = columns, height = rows })
end

--- One with an interactive shell.
local function shell(columns, rows)
  local t = open(columns, rows, "PS1='$ ' exec bash --norc --noprofile -i")
  t:wait_for "$"
  return t
end

--- A command that says its process's number first.
local function with_pid(command)
  return "sh -c " .. quote("echo pid=$$; exec " .. command)
end

local function cleanup()
  terminal.cleanup()
  helper.cleanup()
end

---------------------------------------------------------------------------------------------------
-- Jobs
---------------------------------------------------------------------------------------------------

-- Prints in all ways there are: whole lines, halves, long and wide ones, errors, on both streams.
-- With HOLDS, the 40th task runs until the file `go` is there.
local noisy = [[
  local prunner = require "prunner"
  local socket = require "socket"
  local go = arg[0]:match "^(.*)/" .. "/go"
  function begin() for i = 1, 60 do prunner.post_task(work, i) end end
  function work(i)
    socket.sleep(0.03)
    while HOLDS and i == 40 and not io.open(go) do socket.sleep(0.01) end
    if i % 4 == 0 then io.write("half " .. i .. ", ") else print("line " .. i) end
    if i % 5 == 0 then io.stderr:write("to stderr " .. i .. "\n") end
    if i % 7 == 0 then print(("long "):rep(30) .. i) end
    if i % 9 == 0 then print("解析データ" .. i) end
    if i % 20 == 0 then error("no page " .. i) end
    if i == 31 and DIES and prunner.attempt() == 1 then os.exit(3) end
  end
  function end_() print "the end" end
]]

-- Two tasks run until the file `go` is there.
local waiting = [[
  local prunner = require "prunner"
  local socket = require "socket"
  local go = arg[0]:match "^(.*)/" .. "/go"
  function wait(i)
    while not io.open(go) do socket.sleep(0.01) end
    print("done " .. i)
  end
  function quick() end
  prunner.task("解析データ処理", quick)
  function begin()
    for i = 1, 2 do prunner.post_task(wait, i) end
    for _ = 1, 10 do prunner.post_task(quick) end
  end
]]

local command = quote(helper.command)

local function prunner(path, words) return ("%s %s %s"):format(command, quote(path), words or "") end
local function go_of(path) return helper.beside(path, "go") end

--- Of what a terminal shows, what tasks and prunner itself have written.
local function without_summary(text)
  return (text:gsub("prunner: 6%d tasks in .-\n(prunner: %d+ tasks failed)", "%1"))
end

describe("progress on a terminal", function()
  after_each(cleanup)

  for _, size in ipairs { { 80, 24 }, { 40, 10 }, { 13, 7 }, { 200, 50 } } do
    it(("leaves what is printed as it would be without, %d columns wide"):format(size[1]), function()
      local path = helper.script(noisy)
      local with = open(size[1], size[2], prunner(path, "-n 1"))
      local without = open(size[1], size[2], prunner(path, "-n 1 --no-progress"))
      local seen = helper.wait_until(function()
        return with:screen():find("0:%d%d") or with:screen():find("[exit", 1, true)
      end)
      with:ended()
      without:ended()
      assert.is_truthy(seen)
      local expected = without:history()
      has("the end\n[exit 1]\n", expected)
      assert.are.equal(expected, without_summary(with:history()))
    end)
  end

  it("shows rows below the output, no wider than the terminal", function()
    for _, columns in ipairs { 100, 60, 30, 20, 9 } do
      local path = helper.script(waiting)
      local t = open(columns, 20, prunner(path, "-n 2 --progress"))
      local text = t:wait_match "\n0:%d%d[^\n]*\n"
      local rows = {}
      for row in (text:match "(\n0:.*)$"):gmatch "[^\n]+" do rows[#rows + 1] = row end
      assert.is_true(#rows <= 5, text)
      has("0:", rows[1])
      if columns >= 60 then
        assert.has_match("^0:%d%d  0 of 12 tasks %(0%%%)  0.00/s  2 of 2 workers busy$", rows[1])
        assert.has_match("^waiting 10  shared %d+K", rows[2])
        has("\n  wait            0/2\n", text)
        has("\n  解析データ処理  0/10\n", text)
      end
      helper.write(go_of(path), "")
      has("[exit 0]", t:ended())
    end
  end)

  it("is gone at the end, and a summary is there", function()
    local path = helper.script("HOLDS = true\n" .. noisy)
    local t = open(80, 40, prunner(path, "-n 2"))
    t:wait_match "\n0:%d%d  %d+ of 60 tasks %(%d+%%%)"
    helper.write(go_of(path), "")
    t:ended()
    local text = t:history()
    assert.is_nil(text:find("\n0:%d%d  "))
    assert.has_match("\nprunner: 60 tasks in %d", text)
    has("       3  work: ", text)
  end)

  it("is not there in a job of half a second, nor with --no-progress or --quiet", function()
    local path = helper.script(waiting)
    helper.write(go_of(path), "")
    local t = open(80, 24, prunner(path, "-n 2"))
    t:ended()
    assert.has_match("^done %d\ndone %d\n%[exit 0%]\n$", t:history())
    for _, option in ipairs { "--no-progress", "--quiet", "--serial" } do
      os.remove(go_of(path))
      t = open(80, 24, ("(sleep 1; touch %s)& %s"):format(quote(go_of(path)),
        prunner(path, "-n 2 " .. option)))
      t:ended()
      assert.has_match("^done %d\ndone %d\n%[exit 0%]\n$", t:history())
    end
  end)

  it("survives deaths of workers", function()
    local path = helper.script("DIES = true\n" .. noisy)
    local t = open(70, 20, prunner(path, "-n 3"))
    t:ended()
    local text = t:history()
    for i = 1, 60 do
      has((i % 4 == 0 and "half %d," or "line %d\n"):format(i), text)
    end
    has("died: os.exit(3); task work(31), crash 1 of 3, will be run again", text)
    assert.is_nil(text:find("0:%d%d  "))
  end)

  it("follows the size of the terminal", function()
    local path = helper.script("HOLDS = true\n" .. noisy)
    local t = open(100, 24, prunner(path, "-n 1"))
    local without = open(100, 24, prunner(path, "-n 1 --no-progress"))
    t:wait_match "0:%d%d  %d+ of 60 tasks"
    for _, size in ipairs { { 30, 24 }, { 60, 16 }, { 120, 30 }, { 40, 20 }, { 100, 24 } } do
      t:resize(unpack(size))
      helper.wait_until(function() return false end, 0.15)
    end
    helper.write(go_of(path), "")
    t:ended()
    without:ended()
    assert.are.equal(without:history(), without_summary(t:history()))
  end)

  it("is in colours, unless NO_COLOR is set", function()
    for _, no in ipairs { "", "NO_COLOR=1 " } do
      local path = helper.script(waiting)
      local t = open(80, 24, no .. prunner(path, "-n 2"))
      t:wait_match "\n0:%d%d  0 of 12"
      local escape = t:screen(true):match "0 of 12[^\n]*":find "\27" ~= nil
      assert.are.equal(no == "", escape)
      helper.write(go_of(path), "")
      t:ended()
    end
  end)

  it("is lines where the terminal is dumb", function()
    local path = helper.script(waiting)
    local t = open(80, 24, ("(sleep 1.5; touch %s)& TERM=dumb %s"):format(quote(go_of(path)),
      prunner(path, "-n 2")))
    t:ended()
    assert.has_match("^done %d\ndone %d\n%[exit 0%]\n$", t:history())
  end)

  it("is erased before what a pipe's reader shows", function()
    local path = helper.script("HOLDS = true\n" .. noisy)
    local log = helper.tmpdir() .. "/log"
    local t = open(80, 24, prunner(path, "-n 1") .. " | tee " .. quote(log))
    t:wait_match "\n0:%d%d  %d+ of 60 tasks"
    helper.write(go_of(path), "")
    t:ended()
    local text = t:history()
    assert.is_nil(text:find("\n0:%d%d  "))
    for i = 1, 60 do
      has((i % 4 == 0 and "half %d," or "line %d\n"):format(i), text)
      has((i % 4 == 0 and "half %d," or "line %d\n"):format(i), helper.read(log))
    end
    assert.is_nil(text:find "waiting %d+%s+shared")
  end)

  it("is drawn whatever a pipe carries to somewhere else", function()
    local path = helper.script("HOLDS = true\n" .. noisy)
    local t = open(80, 24, prunner(path, "-n 1") .. " | sort >/dev/null")
    t:wait_match "\n0:%d%d  %d+ of 60 tasks"
    helper.write(go_of(path), "")
    t:ended()
  end)

  for _, case in ipairs { { "INT", 130 }, { "TERM", 143 } } do
    it("leaves a clean terminal after SIG" .. case[1], function()
      local path = helper.script(waiting)
      local t = open(80, 24, with_pid(prunner(path, "-n 2")))
      local text = t:wait_match "\n0:%d%d  0 of 12 tasks"
      os.execute(("kill -%s %s"):format(case[1], text:match "pid=(%d+)"))
      t:wait_match "waiting for running tasks"
      t:wait_match "\n0:%d%d  0 of 12 tasks[^\n]*  stopping"
      helper.write(go_of(path), "")
      t:wait_for(("\n[exit %d]"):format(case[2]))
      text = t:history()
      has("prunner: 10 tasks are left, of 12 tasks\n", text)
      assert.is_nil(text:find("\n0:%d%d  "))
    end)
  end

  it("stops and goes on with the job", function()
    local path = helper.script(waiting)
    local t = shell(80, 24)
    t:keys(prunner(path, "-n 2"), "Enter")
    t:wait_match "\n0:%d%d  0 of 12 tasks"
    t:keys "C-z"
    local text = t:wait_match "Stopped"
    assert.is_nil(text:find("\n0:%d%d  "))
    t:keys("echo typed", "Enter")
    text = t:wait_match "\ntyped\n"
    assert.is_nil(text:find("\n0:%d%d  "))
    t:keys("fg", "Enter")
    t:wait_match "\n0:%d%d  0 of 12 tasks"
    helper.write(go_of(path), "")
    t:wait_match "\ndone %d\n"
    t:wait_match "\nprunner: 12 tasks in "
  end)

  it("draws nothing in the background", function()
    local path = helper.script(waiting)
    local t = shell(80, 24)
    t:keys(prunner(path, "-n 2 &"), "Enter")
    helper.wait_until(function() return false end, 1.2)
    assert.is_nil(t:screen():find("\n0:%d%d  "))
    t:keys("fg", "Enter")
    t:wait_match "\n0:%d%d  0 of 12 tasks"
    helper.write(go_of(path), "")
    t:wait_match "\nprunner: 12 tasks in "
  end)

  it("is erased from SIGUSR1's and other messages, too", function()
    local path = helper.script(waiting)
    local t = open(100, 30, with_pid(prunner(path, "-n 3")))
    local pid = t:wait_match "\n0:%d%d  10 of 12 tasks":match "pid=(%d+)"
    os.execute("kill -USR1 " .. pid)
    local text = t:wait_match "\n  1 without a task\n"
    has("prunner: 0:", text)
    helper.write(go_of(path), "")
    t:ended()
    has_not("shared", (t:history():gsub("prunner: [^\n]*", "")))
  end)
end)
