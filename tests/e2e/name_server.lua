--- For the spec of names: sets up the loopback interface of a network namespace of its own, answers names on
-- port 53 there, and runs a command; its exit status is that of the command.
--
--   unshare -n luajit tests/e2e/name_server.lua COMMAND ...
--
-- The command's children ask it by HTTP on port 80, one answer a connection:
--
--   GET /go/N      "gone"; from the N-th of them on names are answered
--   GET /queries   how many questions there were about names
--   GET /...       "hello"
--
-- Every name has the address 127.0.0.1, but never.test: it gets no answer at all.

local ffi = require "ffi"
local socket = require "socket"

ffi.cdef [[
  int prn_ns_socket(int, int, int) __asm__("socket");
  int prn_ns_ioctl(int, unsigned long, void *) __asm__("ioctl");
  struct prn_ifreq { char name[16]; short flags; char rest[22]; };
  int prn_ns_fork(void) __asm__("fork");
  int prn_ns_execvp(const char *, const char *const *) __asm__("execvp");
  int prn_ns_waitpid(int, int *, int) __asm__("waitpid");
  void prn_ns_exit(int) __asm__("_exit");
]]

local SIOCSIFFLAGS, IFF_UP, AF_INET, SOCK_DGRAM, WNOHANG = 0x8914, 1, 2, 2, 1 -- Linux

local request = ffi.new("struct prn_ifreq", { name = "lo", flags = IFF_UP })
assert(ffi.C.prn_ns_ioctl(ffi.C.prn_ns_socket(AF_INET, SOCK_DGRAM, 0), SIOCSIFFLAGS, request) == 0, "lo: not up")

local names = assert(socket.udp4())
assert(names:setsockname("127.0.0.1", 53))
local pages = assert(socket.bind("127.0.0.1", 80, 200))

local pid = ffi.C.prn_ns_fork()
if pid == 0 then
  local argv = ffi.new("const char *[?]", #arg + 1)
  for i, word in ipairs(arg) do argv[i - 1] = word end
  ffi.C.prn_ns_execvp(argv[0], argv)
  ffi.C.prn_ns_exit(127)
end

local gone, queries = 0, 0
local open = false
local held = {} -- { question, address, port }

local function name_of(question)
  local parts, at = {}, 13
  while question:byte(at) > 0 do
    parts[#parts + 1] = question:sub(at + 1, at + question:byte(at))
    at = at + question:byte(at) + 1
  end
  return table.concat(parts, "."), at
end

-- The same header with the answer's flags and counts, the question, and for type A an address.
local function answer_to(question)
  local _, zero = name_of(question)
  local is_a = question:byte(zero + 2) == 1
  return question:sub(1, 2) .. "\129\128\0\1\0" .. (is_a and "\1" or "\0") .. "\0\0\0\0" ..
    question:sub(13, zero + 4) .. (is_a and "\192\12\0\1\0\1\0\0\0\0\0\4\127\0\0\1" or "")
end

local function answer_names()
  if not open then return end
  for _, q in ipairs(held) do names:sendto(answer_to(q[1]), q[2], q[3]) end
  held = {}
end

local function take_name()
  local question, address, port = names:receivefrom()
  queries = queries + 1
  if name_of(question) == "never.test" then return end
  held[#held + 1] = { question, address, port }
  answer_names()
end

local function page_for(path)
  if path == "/queries" then return tostring(queries) end
  local n = path:match "^/go/(%d+)$"
  if not n then return "hello" end
  gone = gone + 1
  if gone >= tonumber(n) then open = true end
  answer_names()
  return "gone"
end

local function take_page()
  local client = pages:accept()
  local path = client:receive():match "^GET (%S+)"
  repeat local line = client:receive() until line == "" or not line
  local body = page_for(path)
  client:send(("HTTP/1.0 200 OK\r\nContent-Length: %d\r\n\r\n%s"):format(#body, body))
  client:close()
end

local status = ffi.new "int[1]"
repeat
  local ready = socket.select({ names, pages }, nil, 0.05)
  if ready[names] then take_name() end
  if ready[pages] then take_page() end
until ffi.C.prn_ns_waitpid(pid, status, WNOHANG) == pid
os.exit(math.floor(status[0] / 256) % 256)
