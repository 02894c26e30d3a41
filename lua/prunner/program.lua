--- Programs that tasks start, and what they wait for without keeping their worker (`--concurrency` above 1).
--
-- A program's pipes do not block: what cannot be read or written yet is waited for, as is the end of the
-- program, by a descriptor that the kernel has for it. A kernel without such descriptors (before Linux
-- 5.3) is asked again and again.
setfenv(1, require "prunner.globals")

local native = require "prunner.native"
local wait = require "prunner.wait"

local core = native.core
local PROGRAM, WAIT, BITS = core.PROGRAM, wait.WAIT, wait.BITS
local OUT, ERR = PROGRAM.OUT, PROGRAM.ERR

local FIRST_LOOK, LAST_LOOK = 0.001, 0.05 -- seconds, without such a descriptor
local TAIL_LINES, TAIL_BYTES = 5, 1000    -- of stderr, in a message
local COMMAND_BYTES = 200                 -- of a command, in a message

local M = {}

---------------------------------------------------------------------------------------------------
-- What all of them do
---------------------------------------------------------------------------------------------------

local function check_command(command, what, level)
  if type(command) ~= "string" then
    error(string.format("%s: a command line is needed, got %s", what, type(command)), level + 1)
  elseif string.find(command, "\0", 1, true) then
    error(what .. ": a command line cannot have a byte 0", level + 1)
  end
end

local function start(command, pipes, what, level)
  check_command(command, what, level + 1)
  local bits = 0
  for _, pipe in ipairs(pipes) do bits = bits + 2 ^ pipe end
  local program, problem = core.program_start(command, bits)
  if not program then
    error(string.format("%s: the shell cannot be started: %s", what, problem), level + 1)
  end
  return program
end

-- Waits; nil, message: an error to be raised.
local function wait_quietly(fd, bits, seconds)
  local ok, message, raise = wait.call(core.wait, fd, bits, seconds, WAIT.PROGRAM)
  if ok == nil and raise then return nil, message end
  return true
end

-- Until the program is over. true, or nil and the message.
local function wait_for_end(program)
  local pause = FIRST_LOOK
  while not core.program_status(program) do
    local fd = core.program_pidfd(program)
    local ok, message = wait_quietly(fd, fd and BITS.r or 0, not fd and pause or nil)
    if not ok then return nil, message end
    pause = pause * 2 < LAST_LOOK and pause * 2 or LAST_LOOK
  end
  return true
end

-- As os.execute of Lua 5.2 and later.
local function outcome(program)
  local how, code = core.program_status(program)
  if how == "exit" and code == 0 then return true, "exit", 0 end
  return nil, how, code
end

local LOST = "%s: how the program has ended is not known: somebody else has waited for it"

---------------------------------------------------------------------------------------------------
-- prunner.execute
---------------------------------------------------------------------------------------------------

--- Programs
-- @section programs

--- Runs a command line of the shell and waits for its end. What the program prints goes where the task's
-- own output goes. As `os.execute` of Lua 5.2 and later, but with `--concurrency` above 1 the worker runs
-- other tasks meanwhile. The program is ended, with all that it has started, when the task's time is over
-- (`--timeout`).
-- @tparam string command what to run
-- @treturn ?boolean true if its status was 0, else nil
-- @treturn string `"exit"`, or `"signal"` if a signal has ended it
-- @treturn integer its exit status, or the number of the signal
-- @raise if it cannot be started; when the task's time is over
function M.execute(command, ...)
  if select("#", ...) > 0 then error("execute: one command line at a time", 2) end
  local program = start(command, {}, "execute", 2)
  local ok, message = wait_for_end(program)
  if not ok then
    core.program_kill(program)
    error(message, 2)
  end
  if core.program_status(program) == "lost" then error(string.format(LOST, "execute"), 2) end
  return outcome(program)
end

---------------------------------------------------------------------------------------------------
-- prunner.sh
---------------------------------------------------------------------------------------------------

-- Reads what there is. Returns "more" or "end".
local function drain(program, pipe, take)
  if not core.program_pipe(program, pipe) then return "end" end
  while true do
    local bytes, problem = core.program_read(program, pipe)
    if bytes == nil and not problem then return "more" end
    if bytes == nil or bytes == "" then
      core.program_close(program, pipe)
      return "end"
    end
    take(bytes)
  end
end

-- For the next bytes of either pipe, or the end of the program. nil, message: as above.
local function wait_for_any(program, pipes, pause)
  local list = {}
  for _, pipe in ipairs(pipes) do
    local fd = core.program_pipe(program, pipe)
    if fd then list[#list + 1], list[#list + 2] = fd, BITS.r end
  end
  local pidfd = core.program_pidfd(program)
  if pidfd then list[#list + 1], list[#list + 2] = pidfd, BITS.r end
  -- What was started in the background may have the pipe still when the program is over.
  local seconds = not pidfd and not core.program_status(program) and pause or nil
  local ok, message, raise = wait.call(core.wait_many, list, seconds, WAIT.PROGRAM)
  if ok == nil and raise then return nil, message end
  return true
end

-- Collects standard output up to its end, and what stderr has until the program is over.
local function run_to_end(program, out, err)
  local pause = FIRST_LOOK
  while true do
    local over = core.program_status(program)
    local output = drain(program, OUT, out)
    drain(program, ERR, err)
    if over and output == "end" then return true end
    local ok, message = wait_for_any(program, { OUT, ERR }, pause)
    if not ok then return nil, message end
    pause = pause * 2 < LAST_LOOK and pause * 2 or LAST_LOOK
  end
end

-- The last lines of a text that is longer than that.
local function last_lines(text)
  text = string.gsub(string.sub(text, -TAIL_BYTES), "%s+$", "")
  local at = #text + 1
  for _ = 1, TAIL_LINES do
    local before = string.match(string.sub(text, 1, at - 1), ".*()\n")
    if not before then return text end
    at = before
  end
  return string.sub(text, at + 1)
end

local function shortened(command)
  if #command <= COMMAND_BYTES then return command end
  return string.sub(command, 1, COMMAND_BYTES) .. "..."
end

-- What is said of a program that has failed.
local function words(command, how, code, signal, tail)
  local ended = how == "exit" and string.format("ended with status %d", code)
    or how == "signal" and string.format("was ended by %s", signal)
    or "has ended, its status is not known: other code has waited for it"
  local last = last_lines(tail)
  local colon = last == "" and "" or string.find(last, "\n") and ":\n" or ": "
  return string.format("sh: `%s` %s%s%s", shortened(command), ended, colon, last)
end

--- Runs a command line of the shell and returns what it has printed.
-- With `--concurrency` above 1 the worker runs other tasks meanwhile. What the program writes to its
-- standard error goes to the task's.
-- If the run fails because of this error, the status of the program is told to those who are told of it:
-- Exitval and Signal of the job log, `exit` and `signal` in the failures file and in what `on_error` gets.
-- @tparam string command what to run
-- @treturn string its standard output, all of it
-- @raise if its status is not 0, a signal has ended it, or it cannot be started; when the task's time is
--   over
function M.sh(command, ...)
  if select("#", ...) > 0 then error("sh: one command line at a time", 2) end
  local program = start(command, { OUT, ERR }, "sh", 2)
  local pieces, tail = {}, ""
  local ok, message = run_to_end(program, function(bytes)
    pieces[#pieces + 1] = bytes
  end, function(bytes)
    core.program_shows(bytes)
    tail = string.sub(tail .. bytes, -2 * TAIL_BYTES)
  end)
  if not ok then core.program_kill(program) end
  local how, code, signal = core.program_status(program)
  if ok and (how ~= "exit" or code ~= 0) then
    message = words(command, how, code, signal, tail)
    if how ~= "lost" then core.program_failed(program, message) end
  end
  core.program_free(program)
  if message then error(message, 2) end
  return table.concat(pieces)
end

---------------------------------------------------------------------------------------------------
-- prunner.quote
---------------------------------------------------------------------------------------------------

--- A word as the shell needs it written, so that it is taken as it is: `sh("ls " .. quote(name))`.
-- @tparam string|number word any bytes but 0
-- @treturn string
-- @raise if it is neither, or has a byte 0
function M.quote(word, ...)
  if select("#", ...) > 0 then error("quote: one word at a time", 2) end
  if type(word) ~= "string" and type(word) ~= "number" then
    error(string.format("quote: a string or a number is needed, got %s", type(word)), 2)
  end
  word = tostring(word)
  if string.find(word, "\0", 1, true) then error("quote: a word of the shell cannot have a byte 0", 2) end
  return "'" .. string.gsub(word, "'", [['\'']]) .. "'"
end

--- For prunner.pipe.
M.start, M.wait_quietly, M.wait_for_end, M.outcome = start, wait_quietly, wait_for_end, outcome
M.shortened, M.LOST = shortened, LOST

return M
