--- Fetches a list of URLs, many at a time, to show tasks that wait. A task calls LuaSocket and simply
-- waits for its answer; with -n 2 -c 500 a thousand tasks wait at once, in two processes. The script
-- also has options of its own: see `prunner scripts/fetch.lua --help`.
--
--   prunner scripts/fetch.lua -n 2 -c 500 --wait 10 urls.txt
--   prunner scripts/fetch.lua -n 2 -c 20 --retries 2 --timeout 60 < urls.txt
--   200      1256   0.052 http://example.com/
--   200      9120   0.107 http://example.com/help
--   failed http://example.com/old: HTTP 404
--   3 URLs: 2 fetched, 1 failed, 10376 bytes
--
-- A list has one URL per line; empty lines and lines that begin with # are skipped. For each answer
-- the script prints the status, the bytes and the seconds. If URLs failed for good, it lists them at
-- the end and exits with 1. Needs lua-socket and lua-argparse, and lua-sec for https.

local prunner = require "prunner"

-- Loaded here, before the workers are forked: once instead of once in each worker.
local socket = require "socket"
local http = require "socket.http"
local has_https, https = pcall(require, "ssl.https")

local opt = prunner.options {
  description = "Fetches URLs and says how each of them answered.",
  { "files", args = "*", argname = "FILE", description = "lists of URLs; none: standard input" },
  { "--wait", argname = "SECONDS", default = 30,
    description = "for a server that says nothing; --timeout limits a whole task" },
}

http.TIMEOUT = opt.wait
if has_https then https.TIMEOUT = http.TIMEOUT end

-- Variables of the script are shared with nobody: after the fork each worker has its own copy. This
-- one is set by begin() and read by end_(), which run in the same process.
local urls = {}

-- Accumulators count when a task is done: a failed attempt adds nothing, and a repeated one nothing
-- twice.
local fetched = prunner.counter("fetched")
local received = prunner.counter("bytes")

--- One GET. The answer's body is counted and thrown away.
-- @treturn[1] number bytes received
-- @treturn[1] number status of the answer, 200 to 299
-- @treturn[2] nil
-- @treturn[2] string what went wrong
local function get(url)
  local scheme = url:match("^(%a+)://")
  scheme = scheme and scheme:lower()
  if scheme ~= "http" and scheme ~= "https" then return nil, "not an http URL" end
  if scheme == "https" and not has_https then return nil, "https needs LuaSec (lua-sec)" end

  local bytes = 0
  local ok, status = http.request {
    url = url,
    sink = function(chunk)
      if chunk then bytes = bytes + #chunk end
      return 1
    end,
  }
  if not ok then return nil, tostring(status) end
  if type(status) ~= "number" or status < 200 or status > 299 then
    return nil, "HTTP " .. tostring(status)
  end
  return bytes, status
end

--- A task. Its error makes the attempt a failed one, which --retries then repeats.
local function fetch(i, url)
  local started = socket.gettime()
  local bytes, status = get(url)
  if not bytes then
    -- What a task wrote into the dict stays when the task fails: end_() finds the reason there.
    prunner.dict:set(i, status)
    error(url .. ": " .. status, 0)
  end
  prunner.dict:set(i, true)
  fetched:add(1)
  received:add(bytes)
  print(("%3d %9d %7.3f %s"):format(status, bytes, socket.gettime() - started, url))
end

local function read_urls(file)
  for line in file:lines() do
    local url = line:match("^%s*(.-)%s*$")
    if url ~= "" and url:sub(1, 1) ~= "#" then urls[#urls + 1] = url end
  end
end

--- The list is read here and not in a task: the workers' standard input is /dev/null.
function begin()
  if #opt.files == 0 then read_urls(io.stdin) end
  for _, name in ipairs(opt.files) do
    local file, message = io.open(name)
    if not file then error("fetch: cannot open " .. message, 0) end
    read_urls(file)
    file:close()
  end
  for i, url in ipairs(urls) do prunner.post_task(fetch, i, url) end
end

function end_()
  for i, url in ipairs(urls) do
    local result = prunner.dict:get(i)
    if result ~= true then
      print(("failed %s: %s"):format(url, result or "its task was ended, see the report"))
    end
  end
  local n = fetched:get()
  print(("%d URLs: %d fetched, %d failed, %d bytes"):format(#urls, n, #urls - n, received:get()))
end
