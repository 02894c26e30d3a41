--- A real terminal for the e2e specs: tmux without a screen of its own.
--
--   local terminal = require "tests.e2e.terminal"
--   local t = terminal.open("exec prunner job.lua", { width = 80, height = 24 })
--   t:wait_for("done", 10)      -- text on the screen, or an error that shows the screen
--   t:wait_match "%d+ tasks"    -- the same with a pattern
--   t:keys("q")
--   t:resize(40, 10)
--   terminal.cleanup()          -- for after_each()
--
-- Each has a tmux server of its own, ended by cleanup() with all that runs in it.

local helper = require "tests.e2e.helper"

local terminal = {}

local Terminal = {}
Terminal.__index = Terminal

local open = {} -- terminals not yet closed

local function tmux(self, ...)
  local words = { "tmux", "-u", "-S", self.socket, "-f", "/dev/null" }
  for i = 1, select("#", ...) do words[#words + 1] = tostring((select(i, ...))) end
  for i, word in ipairs(words) do words[i] = helper.quote(word) end
  local pipe = assert(io.popen(table.concat(words, " ") .. " 2>&1"))
  local out = pipe:read("*a")
  pipe:close()
  return out
end

--- Opens a terminal for UTF-8 and colours in which the shell runs `command`. It stays open when that
-- has ended, and then shows "[exit N]".
-- @tparam string command for the shell
-- @tparam[opt] table options `width` (80), `height` (24), `env` table of variables
function terminal.open(command, options)
  options = options or {}
  local dir = helper.tmpdir()
  local self = setmetatable({ socket = dir .. "/tmux" }, Terminal)
  local env = { "env", "-u", "NO_COLOR", "LC_ALL=C.UTF-8", "PRUNNER_E2E_RUN=" .. dir }
  for name, value in pairs(options.env or {}) do
    env[#env + 1] = helper.quote(name .. "=" .. tostring(value))
  end
  -- Ctrl-C is for the command; the shell goes on.
  local script = helper.write(dir .. "/command",
    "trap : INT\n" .. command .. "\necho \"[exit $?]\"\nexec sleep 1000\n")
  open[self] = true
  local problem = tmux(self, "new-session", "-d", "-x", options.width or 80,
    "-y", options.height or 24, table.concat(env, " ") .. " sh " .. helper.quote(script))
  assert(problem == "", problem)
  return self
end

-- Without blanks at the ends of lines, nor lines without anything at the end.
local function trim(text) return (text:gsub("[ \n]+$", "\n"):gsub(" +\n", "\n")) end

--- What is on the screen.
-- @tparam[opt] boolean escapes with the escape sequences for colours and the like
function Terminal:screen(escapes)
  return trim(escapes and tmux(self, "capture-pane", "-p", "-e") or tmux(self, "capture-pane", "-p"))
end

--- All that has scrolled off, and the screen; what the terminal broke into lines is one again.
function Terminal:history() return trim(tmux(self, "capture-pane", "-p", "-J", "-S", "-")) end

local function wait(self, what, is_there, seconds)
  local screen
  local found = helper.wait_until(function()
    screen = self:screen()
    return is_there(screen)
  end, seconds or 20)
  if not found then error(("the terminal never showed %s; it shows:\n%s"):format(what, screen), 3) end
  return screen
end

--- Waits until `text` (plain), or a function of the screen that returns true, is there.
-- @treturn string the screen then
function Terminal:wait_for(text, seconds)
  local is_there = type(text) == "function" and text
    or function(screen) return screen:find(text, 1, true) end
  return wait(self, tostring(text), is_there, seconds)
end

--- Waits until the screen matches a pattern.
-- @treturn string the screen then
function Terminal:wait_match(pattern, seconds)
  return wait(self, pattern, function(screen) return screen:find(pattern) end, seconds)
end

--- Waits until the command has ended; returns the screen then.
function Terminal:ended()
  return wait(self, "an end", function(screen) return screen:find "%[exit %d+%]" end)
end

--- Presses keys, as tmux calls them: "q", "Down", "Space", "C-c".
function Terminal:keys(...) tmux(self, "send-keys", ...) end

function Terminal:resize(width, height)
  tmux(self, "resize-window", "-x", width, "-y", height)
end

function Terminal:close()
  open[self] = nil
  tmux(self, "kill-server")
end

--- Closes all of them. For after_each(), before helper.cleanup().
function terminal.cleanup()
  for self in pairs(open) do self:close() end
end

return terminal
