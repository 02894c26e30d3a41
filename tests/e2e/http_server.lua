--- A small HTTP server for the tests: answers each request after a while, many at a time, from one
-- process with one event loop.
--
--   luajit tests/e2e/http_server.lua [MS [CERTIFICATE KEY]]
--   41873                                     the port it got on 127.0.0.1; answers after MS (0) ms
--
-- With a certificate and its key, both files in PEM, it speaks TLS (and needs LuaSec).
--
--   GET /ok/ANYTHING       200, "hello ANYTHING\n"
--   GET /all/N/ANYTHING    the same, but nobody is answered before N of these have asked
--   GET /bytes/N           200, N bytes
--   GET /half/N            200, and half of N bytes; then nothing comes any more
--   GET /status/CODE       that status
--   GET /flaky/KEY/TIMES   503 for the first TIMES requests with this KEY, then 200
--   GET /moved/N           302 to /ok/N
--   GET /pages/NAME        the file NAME of the directory $HTTP_PAGES, as HTML; 404 if there is none
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
local tls = arg and arg[2] and require "ssl"
local context = tls and assert(tls.newcontext {
  mode = "server", protocol = "any", certificate = arg[2], key = arg[3],
})

local listener = assert(socket.bind("127.0.0.1", 0, 1024))
listener:settimeout(0)
local _, port = listener:getsockname()
print(port)
io.stdout:flush()

local reading = {} -- sockets whose request is not complete
local partial = {} -- socket -> what has come of its request
local shaking = {} -- TLS: [socket] = true: before the end of its handshake
local together = {} -- [N] = the sockets that wait until they are N
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
  partial[client], unsent[client], shaking[client] = nil, nil, nil
  open = open - 1
end

local WAITS = { timeout = true, wantread = true, wantwrite = true }

local function answer(status, body, header, type)
  return ("HTTP/1.0 %d X\r\nContent-Length: %d\r\nContent-Type: text/%s\r\n%s\r\n%s")
    :format(status, #body, type or "plain", header or "", body)
end

local function page(name)
  local file = io.open(os.getenv "HTTP_PAGES" .. "/" .. name)
  if not file then return answer(404, "no such page\n") end
  local text = file:read "*a"
  file:close()
  return answer(200, text, nil, "html")
end

--- What to say to a path: an answer; false for none; nil for never.
local function respond(path)
  local what, rest = path:match("^/(%a+)/?(.*)$")
  if what == "ok" then return answer(200, "hello " .. rest .. "\n") end
  if what == "bytes" then return answer(200, ("x"):rep(tonumber(rest) or 0)) end
  if what == "half" then
    return answer(200, ("x"):rep(tonumber(rest))):sub(1, -1 - math.floor(rest / 2))
  end
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
  if what == "pages" then return page(rest) end
  if what == "drop" then return false end
  if what == "hang" then return nil end
  return answer(404, "nothing here\n")
end

local silent = {} -- [socket] = true: it is never closed, by the collector neither

local function send(client, text)
  local _, message, sent = client:send(text, 1)
  if WAITS[message] then
    if not unsent[client] then writing[#writing + 1] = client end
    unsent[client] = text:sub(sent + 1)
    return
  end
  if unsent[client] then remove(writing, client) end
  unsent[client] = nil
  if not silent[client] then close(client) end
end

local function answer_later(client, reply)
  due_last = due_last + 1
  due[due_last] = { socket.gettime() + delay, client, reply }
  most = math.max(most, due_last - due_first + 1)
end

local function serve_together(n, client, reply)
  local list = together[n] or {}
  together[n] = list
  list[#list + 1] = { client, reply }
  if #list < tonumber(n) then return end
  together[n] = nil
  for _, waiting in ipairs(list) do answer_later(waiting[1], waiting[2]) end
end

--- A request is complete.
local function serve(client, request)
  local path = request:match("^%u+ (%S+)") or "/"
  if path == "/stats" then return send(client, answer(200, ("%d %d"):format(requests, most))) end

  requests = requests + 1
  local n, rest = path:match "^/all/(%d+)/(.*)$"
  if n then return serve_together(n, client, respond("/ok/" .. rest)) end
  local reply = respond(path)
  if reply == nil or path:find "^/half/" then silent[client] = true end
  if reply == nil then return end -- the client hangs up, or this process ends
  answer_later(client, reply)
end

-- A step of the handshake: true: it is done.
local function shaken(client)
  if not shaking[client] then return true end
  local ok, message = client:dohandshake()
  if ok then
    shaking[client] = nil
  elseif not WAITS[message] then
    remove(reading, client)
    close(client)
  end
  return ok
end

local function receive(client)
  if not shaken(client) then return end
  local all, message, some = client:receive("*a")
  local text = partial[client] .. (all or some)
  if text:find("\r\n\r\n", 1, true) then
    remove(reading, client)
    partial[client] = nil
    serve(client, text)
  elseif WAITS[message] then
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
    client:setoption("tcp-nodelay", true)
    if context then
      client = assert(tls.wrap(client, context))
      shaking[client] = true
    end
    client:settimeout(0)
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
