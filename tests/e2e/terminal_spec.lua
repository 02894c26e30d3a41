--- Progress in a real terminal: what is drawn, and that nothing of what is printed is harmed.

local helper = require "tests.e2e.helper"
local quote, has, has_not = helper.quote, helper.has, helper.has_not

---------------------------------------------------------------------------------------------------
-- A terminal: tmux, with a server of its own
---------------------------------------------------------------------------------------------------

local Terminal = {}
Terminal.__index = Terminal

local open = {}

function Terminal:tmux(words)
  local pipe = assert(io.popen(("tmux -S %s -f /dev/null -u %s 2>&1"):format(quote(self.socket), words)))
  local text = pipe:read "*a"
  pipe:close()
  return text
end

--- A terminal that runs a command for the shell, and then says how it ended.
local function terminal(columns, rows, command)
  local dir = helper.tmpdir()
  local self = setmetatable({ socket = dir .. "/tmux" }, Terminal)
  open[#open + 1] = self
  command = ("export LC_ALL=C.UTF-8; unset NO_COLOR; %s\necho status=$?; exec sleep 1000"):format(command)
  self:tmux(("new-session -d -x %d -y %d bash --norc -c %s"):format(columns, rows, quote(command)))
  return self
end

--- A command that says its process's number first.
local function with_pid(command)
  return "sh -c " .. quote("echo pid=$$; exec " .. command)
end

--- An interactive shell.
local function shell(columns, rows)
  local dir = helper.tmpdir()
  local self = setmetatable({ socket = dir .. "/tmux" }, Terminal)
  open[#open + 1] = self
  local command = "env LC_ALL=C.UTF-8 PS1='$ ' bash --norc --noprofile -i"
  self:tmux(("new-session -d -x %d -y %d %s"):format(columns, rows, quote(command)))
  return self
end

function Terminal:keys(...)
  local words = { "send-keys" }
  for _, key in ipairs { ... } do words[#words + 1] = quote(key) end
  self:tmux(table.concat(words, " "))
end

--- What is on it now; `options` "-e" with colours, "-J -S -" all that ever was, lines joined.
function Terminal:text(options)
  return (self:tmux("capture-pane -p " .. (options or "")):gsub("[ \n]+$", "\n"):gsub(" +\n", "\n"))
end

function Terminal:all() return self:text "-J -S -" end

function Terminal:wait(pattern, seconds)
  local text
  local found = helper.wait_until(function()
    text = self:text()
    return text:find(pattern) and text
  end, seconds or 20)
  if not found then error("never seen: " .. pattern .. "\n" .. text, 2) end
  return found
end

function Terminal:ended() return self:wait("status=%d+") end

local function cleanup()
  for _, t in ipairs(open) do t:tmux "kill-server" end
  open = {}
  helper.cleanup()
end

---------------------------------------------------------------------------------------------------
-- Jobs
---------------------------------------------------------------------------------------------------

-- Prints in all ways there are: whole lines, halves, long and wide ones, errors, on both streams.
local noisy = [[
  local prunner = require "prunner"
  local socket = require "socket"
  function begin() for i = 1, 60 do prunner.post_task(work, i) end end
  function work(i)
    socket.sleep(0.03)
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
      local with = terminal(size[1], size[2], prunner(path, "-n 1"))
      local without = terminal(size[1], size[2], prunner(path, "-n 1 --no-progress"))
      local seen = helper.wait_until(function()
        return with:text():find("0:0%d") or with:text():find("status=")
      end)
      with:ended()
      without:ended()
      assert.is_truthy(seen)
      local expected = without:all()
      has("the end\nstatus=1\n", expected)
      assert.are.equal(expected, without_summary(with:all()))
    end)
  end

  it("shows rows below the output, no wider than the terminal", function()
    for _, columns in ipairs { 100, 60, 30, 20, 9 } do
      local path = helper.script(waiting)
      local t = terminal(columns, 20, prunner(path, "-n 2 --progress"))
      local text = t:wait "\n0:0%d[^\n]*\n"
      local rows = {}
      for row in (text:match "(\n0:.*)$"):gmatch "[^\n]+" do rows[#rows + 1] = row end
      assert.is_true(#rows <= 5, text)
      has("0:0", rows[1])
      if columns >= 60 then
        assert.has_match("^0:0%d  0 of 12 tasks %(0%%%)  0.00/s  2 of 2 workers busy$", rows[1])
        assert.has_match("^waiting 10  shared %d+K", rows[2])
        has("\n  wait            0/2\n", text)
        has("\n  解析データ処理  0/10\n", text)
      end
      helper.write(go_of(path), "")
      has("status=0", t:ended())
    end
  end)

  it("is gone at the end, and a summary is there", function()
    local path = helper.script(noisy)
    local t = terminal(80, 40, prunner(path, "-n 2"))
    t:wait "\n0:0%d  %d+ of 60 tasks %(%d+%%%)"
    t:ended()
    local text = t:all()
    assert.is_nil(text:find("\n0:0%d  "))
    assert.has_match("\nprunner: 60 tasks in %d", text)
    has("       3  work: ", text)
  end)

  it("is not there in a job of half a second, nor with --no-progress or --quiet", function()
    local path = helper.script(waiting)
    helper.write(go_of(path), "")
    local t = terminal(80, 24, prunner(path, "-n 2"))
    t:ended()
    assert.has_match("^done %d\ndone %d\nstatus=0\n$", t:all())
    for _, option in ipairs { "--no-progress", "--quiet", "--serial" } do
      os.remove(go_of(path))
      t = terminal(80, 24, ("(sleep 1; touch %s)& %s"):format(quote(go_of(path)),
        prunner(path, "-n 2 " .. option)))
      t:ended()
      assert.has_match("^done %d\ndone %d\nstatus=0\n$", t:all())
    end
  end)

  it("survives deaths of workers", function()
    local path = helper.script("DIES = true\n" .. noisy)
    local t = terminal(70, 20, prunner(path, "-n 3"))
    t:ended()
    local text = t:all()
    for i = 1, 60 do
      has((i % 4 == 0 and "half %d," or "line %d\n"):format(i), text)
    end
    has("died: os.exit(3); task work(31), run 1 of 3, will be run again", text)
    assert.is_nil(text:find("0:0%d  "))
  end)

  it("follows the size of the terminal", function()
    local path = helper.script(noisy)
    local t = terminal(100, 24, prunner(path, "-n 1"))
    local without = terminal(100, 24, prunner(path, "-n 1 --no-progress"))
    t:wait "0:0%d  %d+ of 60 tasks"
    for _, size in ipairs { "30 -y 24", "60 -y 16", "120 -y 30", "40 -y 20", "100 -y 24" } do
      t:tmux("resize-window -x " .. size)
      helper.wait_until(function() return false end, 0.15)
    end
    t:ended()
    without:ended()
    assert.are.equal(without:all(), without_summary(t:all()))
  end)

  it("is in colours, unless NO_COLOR is set", function()
    for _, no in ipairs { "", "NO_COLOR=1 " } do
      local path = helper.script(waiting)
      local t = terminal(80, 24, no .. prunner(path, "-n 2"))
      t:wait "\n0:0%d  0 of 12"
      local escape = t:text "-e":match "0 of 12[^\n]*":find "\27" ~= nil
      assert.are.equal(no == "", escape)
      helper.write(go_of(path), "")
      t:ended()
    end
  end)

  it("is lines where the terminal is dumb", function()
    local path = helper.script(waiting)
    local t = terminal(80, 24, ("(sleep 1.5; touch %s)& TERM=dumb %s"):format(quote(go_of(path)),
      prunner(path, "-n 2")))
    t:ended()
    assert.has_match("^done %d\ndone %d\nstatus=0\n$", t:all())
  end)

  it("is erased before what a pipe's reader shows", function()
    local path = helper.script(noisy)
    local log = helper.tmpdir() .. "/log"
    local t = terminal(80, 24, prunner(path, "-n 1") .. " | tee " .. quote(log))
    t:wait "\n0:0%d  %d+ of 60 tasks"
    t:ended()
    local text = t:all()
    assert.is_nil(text:find("\n0:0%d  "))
    for i = 1, 60 do
      has((i % 4 == 0 and "half %d," or "line %d\n"):format(i), text)
      has((i % 4 == 0 and "half %d," or "line %d\n"):format(i), helper.read(log))
    end
    assert.is_nil(text:find "waiting %d+%s+shared")
  end)

  it("is drawn whatever a pipe carries to somewhere else", function()
    local path = helper.script(noisy)
    local t = terminal(80, 24, prunner(path, "-n 1") .. " | sort >/dev/null")
    t:wait "\n0:0%d  %d+ of 60 tasks"
    t:ended()
  end)

  for _, case in ipairs { { "INT", 130 }, { "TERM", 143 } } do
    it("leaves a clean terminal after SIG" .. case[1], function()
      local path = helper.script(waiting)
      local t = terminal(80, 24, with_pid(prunner(path, "-n 2")))
      local text = t:wait "\n0:0%d  0 of 12 tasks"
      os.execute(("kill -%s %s"):format(case[1], text:match "pid=(%d+)"))
      t:wait "waiting for what runs %(left: 12%)"
      t:wait "\n0:0%d  0 of 12 tasks[^\n]*  stopping"
      helper.write(go_of(path), "")
      t:wait("\nstatus=" .. case[2])
      text = t:all()
      has("prunner: 10 tasks are left, of 12 tasks\n", text)
      assert.is_nil(text:find("\n0:0%d  "))
    end)
  end

  it("stops and goes on with the job", function()
    local path = helper.script(waiting)
    local t = shell(80, 24)
    t:wait "%$"
    t:keys(prunner(path, "-n 2"), "Enter")
    t:wait "\n0:0%d  0 of 12 tasks"
    t:keys "C-z"
    local text = t:wait "Stopped"
    assert.is_nil(text:find("\n0:0%d  "))
    t:keys("echo typed", "Enter")
    text = t:wait "\ntyped\n"
    assert.is_nil(text:find("\n0:0%d  "))
    t:keys("fg", "Enter")
    t:wait "\n0:0%d  0 of 12 tasks"
    helper.write(go_of(path), "")
    t:wait "\ndone %d\n"
    t:wait "\nprunner: 12 tasks in "
  end)

  it("draws nothing in the background", function()
    local path = helper.script(waiting)
    local t = shell(80, 24)
    t:wait "%$"
    t:keys(prunner(path, "-n 2 &"), "Enter")
    helper.wait_until(function() return false end, 1.2)
    assert.is_nil(t:text():find("\n0:0%d  "))
    t:keys("fg", "Enter")
    t:wait "\n0:0%d  0 of 12 tasks"
    helper.write(go_of(path), "")
    t:wait "\nprunner: 12 tasks in "
  end)

  it("is erased from SIGUSR1's and other messages, too", function()
    local path = helper.script(waiting)
    local t = terminal(100, 30, with_pid(prunner(path, "-n 3")))
    local pid = t:wait "\n0:0%d  10 of 12 tasks":match "pid=(%d+)"
    os.execute("kill -USR1 " .. pid)
    local text = t:wait "\n  1 without a task\n"
    has("prunner: 0:0", text)
    helper.write(go_of(path), "")
    t:ended()
    has_not("shared", (t:all():gsub("prunner: [^\n]*", "")))
  end)
end)
