--- Runs commands for the e2e specs and collects what they wrote and how they ended.
--
--   local helper = require "tests.e2e.helper"
--
--   describe("prunner", function()
--     after_each(helper.cleanup)
--
--     it("prints what end_ prints", function()
--       local script = helper.script [[ function end_() print "done" end ]]
--       local result = helper.prunner(script, "-n", 2)
--       assert.are.same({ "done\n", "", 0 }, { result.out, result.err, result.status })
--     end)
--   end)
--
-- Each command runs under `timeout -k 5`, in a process group of its own, with standard input from
-- /dev/null unless told otherwise. cleanup() ends what still runs and removes all directories made.
-- Needs LuaJIT: the processes are started by fork and exec, so that an exit status of 137 and a
-- death by SIGKILL can be told apart, and so that a spec can send signals to the command itself.

local ffi = require "ffi"

local helper = {}

ffi.cdef [[
  int prn_test_fork(void) __asm__("fork");
  int prn_test_setpgid(int, int) __asm__("setpgid");
  int prn_test_open(const char *, int, int) __asm__("open");
  int prn_test_dup2(int, int) __asm__("dup2");
  int prn_test_execvp(const char *, const char *const *) __asm__("execvp");
  void prn_test_exit(int) __asm__("_exit");
  int prn_test_waitpid(int, int *, int) __asm__("waitpid");
  int prn_test_kill(int, int) __asm__("kill");
  int prn_test_poll(void *, unsigned long, int) __asm__("poll");
  char *prn_test_mkdtemp(char *) __asm__("mkdtemp");

  int prn_test_clock_gettime(int, long *) __asm__("clock_gettime");
]]
local C = ffi.C

local O_RDONLY, O_WRONLY_CREAT_TRUNC = 0, 577 -- Linux
local WNOHANG = 1
local CLOCK_MONOTONIC = 1

local SIGNALS = {
  HUP = 1, INT = 2, QUIT = 3, ILL = 4, ABRT = 6, BUS = 7, FPE = 8, KILL = 9, USR1 = 10, SEGV = 11,
  USR2 = 12, PIPE = 13, ALRM = 14, TERM = 15, CHLD = 17, CONT = 18, STOP = 19,
}

--- How long a command may run, in seconds, unless told otherwise.
helper.timeout = 60

---------------------------------------------------------------------------------------------------
-- Where things are
---------------------------------------------------------------------------------------------------

local function working_directory()
  local pipe = assert(io.popen("pwd"))
  local dir = pipe:read("*l")
  pipe:close()
  return dir
end

local here = debug.getinfo(1, "S").source:match("^@(.*)/[^/]*$") or "."
if here:sub(1, 1) ~= "/" then here = working_directory() .. "/" .. here end

--- The top of the project, the command under test (PRUNNER in the environment names another one),
-- and the interpreter for what runs without the command.
helper.root = here:gsub("/%./", "/"):gsub("/tests/e2e/?%.?$", "")
helper.command = os.getenv("PRUNNER") or helper.root .. "/build/prunner"
helper.interpreter = os.getenv("LUAJIT") or "luajit"

---------------------------------------------------------------------------------------------------
-- Time
---------------------------------------------------------------------------------------------------

--- Seconds on a clock that only goes forward.
function helper.now()
  local t = ffi.new("long[2]")
  C.prn_test_clock_gettime(CLOCK_MONOTONIC, t)
  return tonumber(t[0]) + tonumber(t[1]) / 1e9
end

--- Wait until `condition()` is true; look every 2 ms.
-- @tparam function condition
-- @tparam[opt=10] number seconds the deadline
-- @treturn[1] what the condition returned
-- @treturn[2] nil the deadline has passed
function helper.wait_until(condition, seconds)
  local deadline = helper.now() + (seconds or 10)
  repeat
    local value = condition()
    if value then return value end
    C.prn_test_poll(nil, 0, 2)
  until helper.now() > deadline
  return condition() or nil
end

---------------------------------------------------------------------------------------------------
-- Files
---------------------------------------------------------------------------------------------------

--- Quote a string so that the shell takes it as one word.
function helper.quote(word)
  return "'" .. tostring(word):gsub("'", "'\\''") .. "'"
end

local made = {} -- directories to remove

--- A new directory, removed by cleanup().
function helper.tmpdir()
  local template = (os.getenv("TMPDIR") or "/tmp") .. "/prunner-e2e-XXXXXX"
  local path = ffi.new("char[?]", #template + 1, template)
  if C.prn_test_mkdtemp(path) == nil then error("cannot make a directory like " .. template, 2) end
  made[#made + 1] = ffi.string(path)
  return made[#made]
end

--- Write a file; returns its path.
function helper.write(path, contents)
  local file = assert(io.open(path, "wb"))
  assert(file:write(contents))
  assert(file:close())
  return path
end

--- The contents of a file, or nil if there is none.
function helper.read(path)
  local file = io.open(path, "rb")
  if not file then return nil end
  local contents = file:read("*a")
  file:close()
  return contents
end

--- The directory of a file whose path has one.
function helper.directory(path) return path:match "^(.*)/[^/]*$" end

--- The path of the file `name` in the same directory.
function helper.beside(path, name) return helper.directory(path) .. "/" .. name end

--- A script in a directory of its own; returns its path.
-- @tparam string text
-- @tparam[opt="script.lua"] string name
function helper.script(text, name)
  return helper.write(helper.tmpdir() .. "/" .. (name or "script.lua"), text)
end

--- What scripts begin with whose tasks die: after it there are `prunner`, `ffi` and
-- die(signal), by default SIGKILL's number.
helper.deadly = [[
  local prunner = require "prunner"
  local ffi = require "ffi"
  ffi.cdef "int getpid(void); int kill(int, int);"
  local function die(signal) ffi.C.kill(ffi.C.getpid(), signal or 9) while true do end end
]]

--- The same, and pause(ms).
helper.deadly_and_slow = helper.deadly .. [[
  ffi.cdef "int poll(void *, unsigned long, int);"
  local function pause(ms) ffi.C.poll(nil, 0, ms) end
]]

--- What scripts begin with that look at the clock of helper.now(): now() in seconds.
helper.clock = [[
  local prunner = require "prunner"
  local ffi = require "ffi"
  ffi.cdef "int clock_gettime(int, long *);"
  local function now()
    local t = ffi.new "long[2]"
    ffi.C.clock_gettime(1, t)
    return tonumber(t[0]) + tonumber(t[1]) / 1e9
  end
]]

--- A script whose workers add up 1 to 1000; it prints "500500\n".
helper.summing = [[
  local prunner = require "prunner"
  function begin() for i = 1, 1000 do prunner.post_task(work, i) end end
  function work(i) prunner.counter "n":add(i) end
  function end_() print(prunner.counter "n":get()) end
]]

---------------------------------------------------------------------------------------------------
-- Texts
---------------------------------------------------------------------------------------------------

-- Enough to see what is wrong: some texts are whole pages.
local function start_of(text)
  return #text <= 8000 and text or text:sub(1, 8000) .. " ..."
end

--- Raise, with the caller's line, unless `text` (no pattern) is somewhere in `in_what`.
function helper.has(text, in_what)
  if in_what:find(text, 1, true) then return end
  error(("expected: %s\nin: %s"):format(text, start_of(in_what)), 2)
end

--- Raise, with the caller's line, if it is.
function helper.has_not(text, in_what)
  if not in_what:find(text, 1, true) then return end
  error(("not expected: %s\nin: %s"):format(text, start_of(in_what)), 2)
end

--- How often `text` (no pattern) is in `in_what`.
function helper.count(text, in_what)
  local n, at = 0, 1
  while true do
    local from, to = in_what:find(text, at, true)
    if not from then return n end
    n, at = n + 1, to + 1
  end
end

---------------------------------------------------------------------------------------------------
-- Processes
---------------------------------------------------------------------------------------------------

local Process = {}
Process.__index = Process

local running = {} -- processes not yet waited for, as keys

--- Replaces this process, a fresh fork, by the command. Never returns.
local function exec(argv, stdin, stdout, stderr)
  C.prn_test_setpgid(0, 0)
  local fds = {
    C.prn_test_open(stdin, O_RDONLY, 0),
    C.prn_test_open(stdout, O_WRONLY_CREAT_TRUNC, 384),
    C.prn_test_open(stderr, O_WRONLY_CREAT_TRUNC, 384),
  }
  for i = 1, 3 do
    if fds[i] < 0 then C.prn_test_exit(126) end
    C.prn_test_dup2(fds[i], i - 1)
  end
  C.prn_test_execvp(argv[0], argv)
  C.prn_test_exit(127)
end

local function append(list, ...)
  for i = 1, select("#", ...) do list[#list + 1] = tostring((select(i, ...))) end
end

--- Start a command in the background.
-- @param cmdline a list of words, or a string for the shell
-- @tparam[opt] table options
--   `stdin` string: what the command reads; `stdin_file` string: the file it reads;
--   `env` table: variables added to the environment; `cwd` string: where it runs;
--   `timeout` number: seconds until it is ended
-- @treturn Process
function helper.spawn(cmdline, options)
  options = options or {}
  local dir = helper.tmpdir()
  local mark = "PRUNNER_E2E_RUN=" .. dir

  local words = { "env" }
  if options.cwd then append(words, "-C", options.cwd) end
  append(words, mark)
  for name, value in pairs(options.env or {}) do append(words, name .. "=" .. tostring(value)) end
  -- `timeout` hands on a signal both to the command and to its group, that is twice. The command's
  -- own id, which $$ still is after exec, lets a spec send it once.
  append(words, "timeout", "-k", 5, options.timeout or helper.timeout,
    "sh", "-c", 'echo $$ > "$0"; exec "$@"', dir .. "/pid")
  if type(cmdline) == "string" then
    append(words, "sh", "-c", cmdline)
  else
    append(words, unpack(cmdline))
  end

  local stdin = options.stdin_file or "/dev/null"
  if options.stdin then stdin = helper.write(dir .. "/stdin", options.stdin) end

  local argv = ffi.new("const char *[?]", #words + 1)
  for i, word in ipairs(words) do argv[i - 1] = word end
  argv[#words] = nil
  local stdout, stderr = dir .. "/stdout", dir .. "/stderr"

  io.flush()
  local pid = C.prn_test_fork()
  if pid == 0 then exec(argv, stdin, stdout, stderr) end
  if pid < 0 then error("cannot fork", 2) end
  -- The child does the same; whoever is first, the group exists when spawn() returns.
  C.prn_test_setpgid(pid, pid)

  local process = setmetatable({
    timeout_pid = pid, dir = dir, mark = mark, started = helper.now(),
    timeout = options.timeout or helper.timeout,
  }, Process)
  running[process] = true
  return process
end

--- The id of the command itself.
function Process:pid()
  if not self.command_pid then
    self.command_pid = helper.wait_until(function()
      return tonumber((helper.read(self.dir .. "/pid") or ""):match("^(%d+)\n"))
    end)
    if not self.command_pid then error("the command did not start", 2) end
  end
  return self.command_pid
end

--- Send a signal to the command, once.
-- @tparam string name `"INT"`, `"KILL"` ...
function Process:kill(name)
  C.prn_test_kill(self:pid(), SIGNALS[name] or error("unknown signal " .. tostring(name), 2))
end

--- What the command has written so far.
function Process:out() return helper.read(self.dir .. "/stdout") or "" end
function Process:err() return helper.read(self.dir .. "/stderr") or "" end

local function collect(self, status)
  running[self] = nil
  local signal = status % 128
  local code = math.floor(status / 256) % 256
  local seconds = helper.now() - self.started
  self.result = {
    out = self:out(),
    err = self:err(),
    status = signal == 0 and code or nil,
    signal = signal ~= 0 and signal or nil,
    timed_out = seconds >= self.timeout or nil,
    seconds = seconds,
    mark = self.mark,
  }
  return self.result
end

--- The result (see run()) if the command has ended, else nil. Does not wait.
function Process:poll()
  if self.result then return self.result end
  local status = ffi.new("int[1]")
  local pid = C.prn_test_waitpid(self.timeout_pid, status, WNOHANG)
  if pid < 0 then error("waitpid: the process is not ours", 2) end
  return pid > 0 and collect(self, status[0]) or nil
end

--- Wait for the end of the command, at most until its timeout. Returns the result, see run().
function Process:wait()
  if self.result then return self.result end
  local status = ffi.new("int[1]")
  if C.prn_test_waitpid(self.timeout_pid, status, 0) < 0 then
    error("waitpid: the process is not ours", 2)
  end
  return collect(self, status[0])
end

--- Processes that are still there of a run: its own and all it started, found by a variable in
-- their environment. A zombie has no environment left and is not among them.
-- @param run a Process or a result
-- @treturn {string,...} their ids
function helper.survivors(run)
  local found = {}
  local command = "grep -slF -- " .. helper.quote(run.mark) .. " /proc/[0-9]*/environ"
  local pipe = assert(io.popen(command))
  for line in pipe:lines() do
    local pid = line:match("^/proc/(%d+)/")
    local comm = helper.read("/proc/" .. pid .. "/comm")
    if comm and comm ~= "grep\n" then found[#found + 1] = pid end
  end
  pipe:close()
  return found
end

--- Run a command to its end.
-- @param cmdline a list of words, or a string for the shell
-- @tparam[opt] table options see spawn()
-- @treturn table `out` and `err`: what it wrote; `status`: its exit status, or nil and `signal`:
--   the number of the signal that ended it; `timed_out`: true if it took too long; `seconds`
function helper.run(cmdline, options)
  return helper.spawn(cmdline, options):wait()
end

local function words_and_options(first, ...)
  local words = { unpack(first) }
  local count = select("#", ...)
  local options = select(count, ...)
  if count == 0 or type(options) ~= "table" then options = nil else count = count - 1 end
  for i = 1, count do append(words, (select(i, ...))) end
  return words, options
end

--- Run the command under test: `helper.prunner("job.lua", "-n", 4, { timeout = 10 })`.
-- @param ... its arguments; a table at the end is the options of spawn()
-- @treturn table see run()
function helper.prunner(...)
  return helper.run(words_and_options({ helper.command }, ...))
end

--- The same in the background; returns a Process.
function helper.spawn_prunner(...)
  return helper.spawn(words_and_options({ helper.command }, ...))
end

--- Run a script under plain luajit, which finds the project's modules by its paths.
-- @param ... the script and its arguments; a table at the end is the options of spawn()
-- @treturn table see run()
function helper.luajit(...)
  local words, options = words_and_options({ helper.interpreter }, ...)
  options = options or {}
  options.env = options.env or {}
  options.env.LUA_PATH = ("%s/lua/?.lua;%s/lua/?/init.lua;;"):format(helper.root, helper.root)
  options.env.LUA_CPATH = ("%s/build/lua/?.so;;"):format(helper.root)
  return helper.run(words, options)
end

--- A certificate of our own, for 127.0.0.1.
-- @treturn string its file
-- @treturn string the file of its key
function helper.certificate()
  local dir = helper.tmpdir()
  helper.expect(helper.run {
    "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", 2,
    "-subj", "/CN=127.0.0.1", "-keyout", dir .. "/key", "-out", dir .. "/certificate",
  })
  return dir .. "/certificate", dir .. "/key"
end

--- Kill one of a command's workers, at random, every so many seconds until the command ends (after a
-- minute at most). Returns how many were killed.
function helper.kill_workers(process, seconds)
  local killed, next_kill, pid = 0, helper.now(), process:pid()
  math.randomseed(os.time())
  helper.wait_until(function()
    if helper.now() >= next_kill then
      local workers = {}
      local list = helper.read(("/proc/%d/task/%d/children"):format(pid, pid)) or ""
      for child in list:gmatch "%d+" do workers[#workers + 1] = tonumber(child) end
      if #workers > 0 then
        C.prn_test_kill(workers[math.random(#workers)], SIGNALS.KILL)
        killed = killed + 1
      end
      next_kill = next_kill + seconds
    end
    return process:poll()
  end, 60)
  return killed
end

--- Raise with all there is to know about a run unless it ended with `status` (0) and, if `out` is
-- given, wrote exactly that. Returns the result.
function helper.expect(result, status, out)
  status = status or 0
  if result.status ~= status or (out and result.out ~= out) then
    local got = result.timed_out and "a timeout"
      or result.signal and "signal " .. result.signal
      or "status " .. result.status
    local text = "expected status %d%s\ngot %s after %.1f s\n"
      .. "standard output:\n%s\nstandard error:\n%s"
    error(text:format(status, out and (" and the output\n" .. out) or "", got, result.seconds,
      result.out, result.err), 2)
  end
  return result
end

--- Run a script that is `text` after `local prunner = require "prunner"` on the same line, and
-- expect `status` and `out` of it.
-- @param ... arguments of the command; a table at the end is the options of spawn()
-- @treturn table see run()
function helper.job(text, status, out, ...)
  local path = helper.script('local prunner = require "prunner" ' .. text)
  return helper.expect(helper.prunner(path, ...), status, out)
end

--- The lines that a command of the shell writes.
function helper.lines_of(command)
  local pipe = assert(io.popen(command))
  local lines = {}
  for line in pipe:lines() do lines[#lines + 1] = line end
  pipe:close()
  return lines
end

--- End what still runs, remove what was made. For after_each().
function helper.cleanup()
  for process in pairs(running) do
    C.prn_test_kill(-process.timeout_pid, SIGNALS.KILL)
    process:wait()
    for _, pid in ipairs(helper.survivors(process)) do
      C.prn_test_kill(tonumber(pid), SIGNALS.KILL)
    end
  end
  local words = { "chmod -Rf u+rwx" }
  for _, dir in ipairs(made) do words[#words + 1] = helper.quote(dir) end
  if #made > 0 then
    os.execute(table.concat(words, " "))
    words[1] = "rm -rf"
    os.execute(table.concat(words, " "))
  end
  made = {}
end

return helper
