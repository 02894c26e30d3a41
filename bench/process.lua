--- Runs programs and takes their time.
--
--   local process = require "process"
--   local result = process.run({ "sleep", "1" }, { timeout = 5, env = { LC_ALL = "C" } })
--   print(result.seconds, result.out)
--
-- Time is that of the clock on the wall, from before the start of the program until its end has
-- been seen. Every program gets a process group of its own, standard input from /dev/null, and a
-- pipe as its standard output, which is read to the end.

local ffi = require "ffi"

ffi.cdef [[
  struct bench_pollfd { int fd; short events, revents; };
  struct bench_timespec { long sec, nsec; };
  struct bench_usage { long user_sec, user_usec, system_sec, system_usec, more[14]; };

  extern char **environ;
  int pipe2(int *, int);
  long read(int, void *, size_t);
  int close(int);
  int poll(struct bench_pollfd *, unsigned long, int);
  int kill(int, int);
  int wait4(int, int *, int, struct bench_usage *);
  int clock_gettime(int, struct bench_timespec *);

  int posix_spawnp(int *, const char *, const void *, const void *, const char *const *,
                   const char *const *);
  int posix_spawn_file_actions_init(void *);
  int posix_spawn_file_actions_destroy(void *);
  int posix_spawn_file_actions_addopen(void *, int, const char *, int, unsigned);
  int posix_spawn_file_actions_adddup2(void *, int, int);
  int posix_spawnattr_init(void *);
  int posix_spawnattr_destroy(void *);
  int posix_spawnattr_setflags(void *, short);
  int posix_spawnattr_setpgroup(void *, int);
]]
local C = ffi.C

-- Linux and glibc.
local CLOCK_MONOTONIC = 1
local O_RDONLY, O_WRONLY_CREAT_TRUNC, O_CLOEXEC = 0, 577, 524288
local POLLIN, SIGKILL = 1, 9
local POSIX_SPAWN_SETPGROUP = 2
local SPAWN_BYTES = 1024 -- more than either of the two opaque structures has

local process = {}

--- Where the programs' standard error goes, one after the other.
process.stderr = "/dev/null"

local time = ffi.new("struct bench_timespec")

--- Seconds on a clock that only goes forward.
function process.now()
  C.clock_gettime(CLOCK_MONOTONIC, time)
  return tonumber(time.sec) + tonumber(time.nsec) / 1e9
end

local function pipe()
  local fds = ffi.new("int[2]")
  if C.pipe2(fds, O_CLOEXEC) ~= 0 then error("no pipe: errno " .. ffi.errno()) end
  return fds[0], fds[1]
end

--- A list of strings as C wants it; `strings` must live as long as the result.
local function c_strings(strings)
  local array = ffi.new("const char *[?]", #strings + 1)
  for i, s in ipairs(strings) do array[i - 1] = s end
  array[#strings] = nil
  return array
end

local function environment(extra)
  local strings = {}
  for name, value in pairs(extra or {}) do strings[#strings + 1] = name .. "=" .. value end
  local i = 0
  while C.environ[i] ~= nil do
    local entry = ffi.string(C.environ[i])
    if not (extra and extra[entry:match("^[^=]*")]) then strings[#strings + 1] = entry end
    i = i + 1
  end
  return strings
end

--- Starts a program. Returns its id, the end of the pipe to read from and, with stdin = "pipe", the
-- one that it reads from; nil and the errno if it cannot be started.
local function spawn(command, options)
  local output, output_there = pipe()
  local input_there, input
  if options.stdin == "pipe" then input_there, input = pipe() end

  local actions, attributes = ffi.new("char[?]", SPAWN_BYTES), ffi.new("char[?]", SPAWN_BYTES)
  C.posix_spawn_file_actions_init(actions)
  if input then
    C.posix_spawn_file_actions_adddup2(actions, input_there, 0)
  else
    C.posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY, 0)
  end
  C.posix_spawn_file_actions_adddup2(actions, output_there, 1)
  C.posix_spawn_file_actions_addopen(actions, 2, process.stderr, O_WRONLY_CREAT_TRUNC, 420)
  C.posix_spawnattr_init(attributes)
  C.posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETPGROUP)
  C.posix_spawnattr_setpgroup(attributes, 0)

  local strings = environment(options.env)
  local pid = ffi.new("int[1]")
  local err = C.posix_spawnp(pid, command[1], actions, attributes, c_strings(command),
    c_strings(strings))
  C.posix_spawn_file_actions_destroy(actions)
  C.posix_spawnattr_destroy(attributes)
  C.close(output_there)
  if input then C.close(input_there) end
  if err == 0 then return pid[0], output, input end
  C.close(output)
  if input then C.close(input) end
  return nil, err
end

--- What comes out of a pipe until it is closed, `enough(text)` is true, or the deadline has passed.
-- Returns the text, and whether there was time enough.
local function read(fd, deadline, enough)
  local buffer, text = ffi.new("char[4096]"), ""
  local poll = ffi.new("struct bench_pollfd", fd, POLLIN)
  while not (enough and enough(text)) do
    local left = deadline - process.now()
    if left <= 0 then return text, false end
    if C.poll(poll, 1, math.ceil(left * 1000)) > 0 then
      local n = tonumber(C.read(fd, buffer, 4096))
      if n <= 0 then return text, true end
      text = text .. ffi.string(buffer, n)
    end
  end
  return text, true
end

--- Waits for the end of a child. Returns its status, and the seconds of CPU that it and those of its
-- own children took for whose end it had waited.
local function reap(pid)
  local status, usage = ffi.new("int[1]"), ffi.new("struct bench_usage")
  C.wait4(pid, status, 0, usage)
  return status[0], tonumber(usage.user_sec + usage.system_sec)
    + tonumber(usage.user_usec + usage.system_usec) / 1e6
end

--- Runs a program to its end.
-- @tparam {string,...} command the program and its arguments
-- @tparam[opt] table options `timeout` in seconds (120), `env`: further variables
-- @treturn table `out`; `seconds`; `cpu`: seconds of CPU;
--   `problem`: nil, or in words why it did not end with status 0
function process.run(command, options)
  options = options or {}
  local timeout = options.timeout or 120
  local start = process.now()
  local pid, output = spawn(command, options)
  if not pid then return { out = "", problem = "cannot be started, errno " .. output } end

  local out, in_time = read(output, start + timeout)
  if not in_time then C.kill(-pid, SIGKILL) end
  local status, cpu = reap(pid)
  local seconds = process.now() - start
  C.close(output)

  local problem
  if not in_time then
    problem = ("no end after %d s"):format(timeout)
  elseif status % 128 ~= 0 then
    problem = "ended by signal " .. status % 128
  elseif status ~= 0 then
    problem = "ended with status " .. math.floor(status / 256)
  end
  return { out = out, seconds = seconds, cpu = cpu, problem = problem }
end

--- Starts a program that serves until its standard input is closed.
-- @treturn[1] string the first line that it prints
-- @treturn[1] function ends it
-- @treturn[2] nil
-- @treturn[2] string why not
function process.serve(command)
  local pid, output, input = spawn(command, { stdin = "pipe" })
  if not pid then return nil, "cannot be started, errno " .. output end
  local function stop()
    C.close(input)
    C.close(output)
    reap(pid)
  end
  local text = read(output, process.now() + 10, function(text) return text:find("\n") end)
  local line = text:match("^(.-)\n")
  if line then return line, stop end
  C.kill(-pid, SIGKILL)
  stop()
  return nil, "says nothing"
end

--- What a shell command prints, without the newline at the end; nil if it fails.
function process.capture(command)
  local result = process.run({ "sh", "-c", command })
  return not result.problem and result.out:gsub("%s+$", "") or nil
end

return process
