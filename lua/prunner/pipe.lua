--- Pipes to programs: prunner.popen. What prunner.program says of programs holds here as well.
setfenv(1, require "prunner.globals")

local core = require("prunner.native").core
local program = require "prunner.program"
local wait = require "prunner.wait"

local BITS, IN, OUT = wait.BITS, core.PROGRAM.IN, core.PROGRAM.OUT
local start, wait_quietly, wait_for_end = program.start, program.wait_quietly, program.wait_for_end

local M = {}

--- A pipe to or from a program. Made by @{popen}; used as a file.
-- @type Pipe
local Pipe = { __name = "prunner.pipe" }
Pipe.__index = Pipe

-- What a pipe is, apart from what a script sees of it.
local inner = setmetatable({}, { __mode = "k" })

local function check_pipe(pipe, what, level)
  local p = inner[pipe]
  if not p then error(string.format("%s: a pipe of popen is needed: use f:%s()", what, what), level + 1) end
  if p.closed then error("attempt to use a closed file", level + 1) end
  return p
end

-- What follows returns nil, a message and an errno where it fails; RAISE in its place: it is to be raised.
local RAISE = {}
local CLOSED = "attempt to use a closed file"

-- What a function of a pipe returns, or its error, raised where it was called. As a tail call only: it
-- stands in that function's place.
local function results(...)
  local _, problem, errno = ...
  if errno == RAISE then error(problem, 2) end
  return ...
end

-- More bytes behind what is in the buffer. false: it is the end.
local function fill(p)
  while not p.ended do
    local bytes, problem, errno = core.program_read(p.program, OUT)
    if bytes and bytes ~= "" then
      p.buffer = p.at > #p.buffer and bytes or string.sub(p.buffer, p.at) .. bytes
      p.at = 1
      return true
    end
    if bytes then
      p.ended = true
    elseif problem then
      return nil, problem, errno
    else
      local ok, message = wait_quietly(core.program_pipe(p.program, OUT), BITS.r, nil)
      if not ok then return nil, message, RAISE end
      if p.closed then return nil, CLOSED, RAISE end
    end
  end
  return false
end

-- The next n bytes of the buffer, or what it has.
local function take(p, n)
  local text = string.sub(p.buffer, p.at, p.at + n - 1)
  p.at = p.at + #text
  return text
end

-- Up to where find(text, at) says, or to the end: then false follows. Piece by piece: none is looked at
-- twice.
local function read_until(p, find)
  local pieces = {}
  while true do
    local last = find(p.buffer, p.at)
    if last then
      pieces[#pieces + 1] = take(p, last - p.at + 1)
      return table.concat(pieces), true
    end
    pieces[#pieces + 1] = take(p, #p.buffer)
    local more, problem, errno = fill(p)
    if more == nil then return nil, problem, errno end
    if not more then return table.concat(pieces), false end
  end
end

local function line_end(text, at) return (string.find(text, "\n", at, true)) end
local function never() return nil end

local function read_line(p, keep)
  local line, found, errno = read_until(p, line_end)
  if line == nil then return nil, found, errno end
  if line == "" and not found then return nil end
  return found and not keep and string.sub(line, 1, -2) or line
end

local function read_all(p)
  local text, problem, errno = read_until(p, never)
  if text == nil then return nil, problem, errno end
  return text
end

-- Is there a byte to read? false: no.
local function any(p)
  if p.at <= #p.buffer then return true end
  return fill(p)
end

local function read_count(p, n)
  local more, problem, errno = any(p)
  if not more then return nil, problem, errno end
  local pieces, have = {}, 0
  while more and have < n do
    local piece = take(p, n - have)
    pieces[#pieces + 1], have = piece, have + #piece
    if have < n then more, problem, errno = fill(p) end
  end
  if more == nil then return nil, problem, errno end
  return table.concat(pieces)
end

-- The next byte, left where it is. false: it is the end.
local function peek(p)
  local more, problem, errno = any(p)
  if not more then return more, problem, errno end
  return string.sub(p.buffer, p.at, p.at)
end

local NUMBER_BYTES = 200

-- What the beginning of a number looks like, as C's scanf takes it.
local BEGINNINGS = {
  "^[-+]?%d*%.?%d*$", "^[-+]?%d+%.?%d*[eE][-+]?%d*$", "^[-+]?%.%d+[eE][-+]?%d*$",
  "^[-+]?0[xX]%x*%.?%x*$", "^[-+]?0[xX]%x*%.?%x*[pP][-+]?%d*$",
  "^[-+]?[iI][nN]?[fF]?$", "^[-+]?[nN][aA]?[nN]?$",
}

local function begins_number(text)
  for _, pattern in ipairs(BEGINNINGS) do
    if string.find(text, pattern) then return true end
  end
  return false
end

local function read_number(p)
  local text = ""
  local ch, problem, errno = peek(p)
  while ch and string.find(ch, "%s") do
    p.at = p.at + 1
    ch, problem, errno = peek(p)
  end
  while ch and #text < NUMBER_BYTES and begins_number(text .. ch) do
    text, p.at = text .. ch, p.at + 1
    ch, problem, errno = peek(p)
  end
  if ch == nil then return nil, problem, errno end
  return tonumber(text) or tonumber((string.gsub(text, "[eEpP][-+]?$", "")))
end

local FORMATS = {
  l = function(p) return read_line(p, false) end,
  L = function(p) return read_line(p, true) end,
  a = read_all,
  n = read_number,
}

local function read_format(p, format)
  if type(format) == "number" then return read_count(p, format) end
  local read = type(format) == "string" and FORMATS[string.match(format, "^%*?(%a)")]
  if not read then return nil, "bad argument to 'read' (invalid format)", RAISE end
  return read(p)
end

-- All formats; stops at the first that there is nothing for.
local function read_formats(p, ...)
  local n, values = select("#", ...), {}
  for i = 1, n > 0 and n or 1 do
    local value, problem, errno = read_format(p, n > 0 and (select(i, ...)) or "l")
    if value == nil and problem then return nil, problem, errno end
    values[i] = value
    if value == nil then return unpack(values, 1, i) end
  end
  return unpack(values, 1, n > 0 and n or 1)
end

local NOT_FOR_THAT, EBADF = "Bad file descriptor", 9

--- Reads, as `file:read`: `"*l"` (the default), `"*L"`, `"*a"`, `"*n"`, a number of bytes; the `*` may be
-- left out.
-- @return what was read, for each format; nil at the end
-- @raise if the pipe is closed; when the task's time is over
function Pipe:read(...)
  local p = check_pipe(self, "read", 2)
  if p.mode ~= "r" then return nil, NOT_FOR_THAT, EBADF end
  return results(read_formats(p, ...))
end

-- As results(), but all errors are raised: an iterator has no other way.
local function next_values(...)
  local value, problem = ...
  if value == nil and problem then error(problem, 2) end
  return ...
end

--- An iterator over its lines, or over what the formats say, as `file:lines`.
-- @treturn function
-- @raise as @{Pipe:read}
function Pipe:lines(...)
  local formats, n = { ... }, select("#", ...)
  check_pipe(self, "lines", 2)
  return function()
    local p = check_pipe(self, "lines", 2)
    if p.mode ~= "r" then error(NOT_FOR_THAT, 2) end
    return next_values(read_formats(p, unpack(formats, 1, n)))
  end
end

-- true, or as above.
local function write_all(p, text)
  local done = 0
  while done < #text do
    local n, problem, errno = core.program_write(p.program, IN, text, done)
    if problem then return nil, problem, errno end
    done = done + (n or 0)
    if not n then
      local ok, message = wait_quietly(core.program_pipe(p.program, IN), BITS.w, nil)
      if not ok then return nil, message, RAISE end
      if p.closed then return nil, CLOSED, RAISE end
    end
  end
  return true
end

--- Writes its arguments, strings or numbers. Waits until the program has read enough.
-- @treturn[1] Pipe
-- @treturn[2] nil
-- @treturn[2] string why not: `"Broken pipe"`: the program reads no more
-- @treturn[2] integer errno
-- @raise if an argument is neither; if the pipe is closed; when the task's time is over
function Pipe:write(...)
  local p = check_pipe(self, "write", 2)
  if p.mode ~= "w" then return nil, NOT_FOR_THAT, EBADF end
  for i = 1, select("#", ...) do
    local text = select(i, ...)
    if type(text) ~= "string" and type(text) ~= "number" then
      error(string.format("bad argument #%d to 'write' (string expected, got %s)", i, type(text)), 2)
    end
    local ok, problem, errno = write_all(p, tostring(text))
    if not ok then return results(nil, problem, errno) end
  end
  return self
end

--- Does nothing: nothing is kept back.
-- @treturn Pipe
function Pipe:flush()
  check_pipe(self, "flush", 2)
  return self
end

--- Does nothing, as there is no buffer.
-- @treturn boolean true
function Pipe:setvbuf()
  check_pipe(self, "setvbuf", 2)
  return true
end

--- A pipe has no places.
-- @treturn nil
-- @treturn string `"Illegal seek"`
-- @treturn integer its errno
function Pipe:seek()
  check_pipe(self, "seek", 2)
  return nil, "Illegal seek", 29
end

--- Closes the pipe and waits for the end of the program.
-- @return as @{execute}
-- @raise if it is closed already; when the task's time is over: then the program is ended
function Pipe:close()
  local p = check_pipe(self, "close", 2)
  p.closed, p.buffer = true, ""
  core.program_close(p.program, p.mode == "r" and OUT or IN)
  local ok, message = wait_for_end(p.program)
  if not ok then
    core.program_kill(p.program)
    error(message, 2)
  end
  if core.program_status(p.program) == "lost" then error(string.format(program.LOST, "close"), 2) end
  return program.outcome(p.program)
end

function Pipe:__tostring()
  local p = inner[self]
  return p and (p.closed and "pipe (closed)" or string.format("pipe (%s)", p.command)) or "prunner.pipe"
end

--- Programs
-- @section programs

--- Starts a command line of the shell, and reads from it or writes to it. As `io.popen`, but with
-- `--concurrency` above 1 the worker runs other tasks while this one waits. The program is ended, with all
-- that it has started, if the task ends by an error before the pipe is closed.
-- @tparam string command what to run
-- @tparam[opt="r"] string mode `"r"`: read what it prints; `"w"`: write what it reads
-- @treturn Pipe
-- @raise if an argument is wrong, or it cannot be started
function M.popen(command, mode, ...)
  if select("#", ...) > 0 then error("popen: a command line and a mode, no more", 2) end
  mode = mode == nil and "r" or mode
  if mode ~= "r" and mode ~= "w" then
    error(string.format('popen: the mode must be "r" or "w", got %s', tostring(mode)), 2)
  end
  local started = start(command, { mode == "r" and OUT or IN }, "popen", 2)
  local pipe = setmetatable({}, Pipe)
  inner[pipe] = { program = started, command = program.shortened(command), mode = mode, buffer = "", at = 1 }
  return pipe
end

M.classes = { Pipe }

return M
