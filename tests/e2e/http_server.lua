--- A small HTTP server for the tests: answers each request after a while, many at a time, from one
-- process with one event loop.
--
--   luajit tests/e2e/http_server.lua [MS]
--   41873                                     the port it got on 127.0.0.1; answers after MS (0) ms
--
--   GET /ok/ANYTHING       200, "hello ANYTHING\n"
--   GET /bytes/N           200, N bytes
--   GET /status/CODE       that status
--   GET /flaky/KEY/TIMES   503 for the first TIMES requests with this KEY, then 200
--   GET /moved/N           302 to /ok/N
--   GET /drop              closes without an answer
--   GET /hang              never answers
--   GET /stats             200 at once: "REQUESTS MOST", how many requests there were before this
--                          one, and how many of them waited at the same time at most
--
-- One answer a connection (HTTP/1.0). Runs until it is killed.

local socket = require "socket"

-- socket.select() cannot watch a descriptor of FD_SETSIZE (1024) or more. With this many
-- connections open, further ones wait in the listener's backlog.
local OPEN_MAX = 900

local delay = (tonumber(arg and arg[1]) or 0) / 1000

local listener = assert(socket.bind("127.0.0.1", 0, 1024))
listener:settimeout(0)
local _, port = listener:getsockname()
print(port)
io.stdout:flush()

local reading = {} -- sockets whose request is not complete
local partial = {} -- socket -> what has come of its request
local writing = {} -- sockets whose answer is not all sent
local unsent = {} -- socket -> the rest of its answer
-- Answers in the order in which they are due: the delay is the same for all.
local due = {} -- { at, socket, answer or false }
local due_first, due_last = 1, 0

local open, requests, most = 0, 0, 0
local flaky = {}

local function remove(list, client)
  for i, other in ipairs(list) do
    if other == client then
      list[i] = list[#list]
      list[#list] = nil
      return
    end
  end
end

local function close(client)
  client:close()
  partial[client], unsent[client] = nil, nil
  open = open - 1
end

local function answer(status, body, header)
  return ("HTTP/1.0 %d X\r\nContent-Length: %d\r\nContent-Type: text/plain\r\n%s\r\n%s")
    :format(status, #body, header or "", body)
end

--- What to say to a path: an answer; false for none; nil for never.
local function respond(path)
  local what, rest = path:match("^/(%a+)/?(.*)$")
  if what == "ok" then return answer(200, "hello " .. rest .. "\n") end
  if what == "bytes" then return answer(200, ("x"):rep(tonumber(rest) or 0)) end
  if what == "status" then return answer(tonumber(rest) or 500, "status " .. rest .. "\n") end
  if what == "flaky" then
    local key, times = rest:match("^(.-)/(%d+)$")
    flaky[key] = (flaky[key] or 0) + 1
    if flaky[key] <= tonumber(times) then return answer(503, "not yet\n") end
    return answer(200, "at last\n")
  end
  if what == "moved" then
    return answer(302, "", ("Location: http://127.0.0.1:%d/ok/%s\r\n"):format(port, rest))
  end
  if what == "drop" then return false end
  if what == "hang" then return nil end
  return answer(404, "nothing here\n")
end

local function send(client, text)
  local _, message, sent = client:send(text, 1)
  if message == "timeout" then
    if not unsent[client] then writing[#writing + 1] = client end
    unsent[client] = text:sub(sent + 1)
    return
  end
  if unsent[client] then remove(writing, client) end
  close(client)
end

--- A request is complete.
local function serve(client, request)
  local path = request:match("^%u+ (%S+)") or "/"
  if path == "/stats" then return send(client, answer(200, ("%d %d"):format(requests, most))) end

  requests = requests + 1
  local reply = respond(path)
  if reply == nil then return end -- the client hangs up, or this process ends
  due_last = due_last + 1
  due[due_last] = { socket.gettime() + delay, client, reply }
  most = math.max(most, due_last - due_first + 1)
end

local function receive(client)
  local all, message, some = client:receive("*a")
  local text = partial[client] .. (all or some)
  if text:find("\r\n\r\n", 1, true) then
    remove(reading, client)
    partial[client] = nil
    serve(client, text)
  elseif message == "timeout" then
    partial[client] = text
  else
    remove(reading, client)
    close(client)
  end
end

local function accept()
  while open < OPEN_MAX do
    local client = listener:accept()
    if not client then return end
    client:settimeout(0)
    client:setoption("tcp-nodelay", true)
    open = open + 1
    reading[#reading + 1] = client
    partial[client] = ""
  end
end

while true do
  while due_first <= due_last and due[due_first][1] <= socket.gettime() do
    local _, client, reply = unpack(due[due_first])
    due[due_first] = nil
    due_first = due_first + 1
    if reply then send(client, reply) else close(client) end
  end

  local wait = due_first <= due_last and math.max(0, due[due_first][1] - socket.gettime()) or 1
  local watched = { unpack(reading) }
  if open < OPEN_MAX then watched[#watched + 1] = listener end
  local readable, writable = socket.select(watched, writing, wait)
  for _, client in ipairs(readable) do
    if client == listener then
      accept()
    else
      receive(client)
    end
  end
  for _, client in ipairs(writable) do send(client, unsent[client]) end
end
