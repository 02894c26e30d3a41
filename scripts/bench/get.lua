--- Measures tasks that wait: REQUESTS times GET / from a server on this machine, one per task, over
-- a plain socket. A worker keeps its connection (keep) or opens one for each request (close).
--
--   prunner scripts/bench/get.lua -n 100 -- 2000 PORT keep      2000, the number of right answers
--
-- For real use see scripts/fetch.lua. Needs lua-socket.

local prunner = require "prunner"
local socket = require "socket"

local requests, port, how = tonumber(arg[1]), tonumber(arg[2]), arg[3] or "keep"
if not requests or not port then error("usage: get.lua -- REQUESTS PORT [keep|close]", 0) end

local request = ("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: %s\r\n\r\n")
  :format(how == "keep" and "keep-alive" or "close")

local right = prunner.counter("right")
local connection -- of this worker

local function answer()
  local bytes = 0
  for line in function() return (assert(connection:receive("*l"))) end do
    if line == "" then break end
    bytes = tonumber(line:match("^Content%-Length: (%d+)")) or bytes
  end
  return assert(connection:receive(bytes))
end

local function get()
  if not connection then
    connection = assert(socket.connect("127.0.0.1", port))
    connection:setoption("tcp-nodelay", true)
  end
  assert(connection:send(request))
  if answer() == "ok\n" then right:add(1) end
  if how == "close" then
    connection:close()
    connection = nil
  end
end

function begin()
  for _ = 1, requests do prunner.post_task(get) end
end

function end_()
  print(right:get())
end
