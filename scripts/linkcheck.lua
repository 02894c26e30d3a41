--- Checks the links of a web site, to show tasks that wait: plain LuaSocket and LuaSec, a hundred
-- requests at a time in one process. Each page is asked for once, however many pages link to it.
--
--   prunner scripts/linkcheck.lua -n 2 -c 100 http://example.com/
--   prunner scripts/linkcheck.lua -n 2 -c 100 --at-once 2 --wait 5 --retries 2 https://example.com/
--   broken http://example.com/old: HTTP 404
--     on http://example.com/
--   12 links: 11 fine, 1 broken; 4 pages with links
--
-- It reads all pages of the servers that were named, and asks for the heads of pages elsewhere. Every
-- request has its own limit of time (--wait), and each worker is polite to each server (--at-once). The
-- exit status is 1 if a link is broken. Needs lua-socket and lua-argparse, and lua-sec for https.

local prunner = require "prunner"

local socket = require "socket"
local http = require "socket.http"
local urls = require "socket.url"
local has_https, https = pcall(require, "ssl.https")

local opt = prunner.options {
  description = "Checks all links of a web site.",
  { "start", args = "+", argname = "URL", description = "where to begin" },
  { "--wait", argname = "SECONDS", default = 20, description = "for one request" },
  { "--at-once", argname = "N", default = 8, description = "requests of a worker to one server" },
  { "--cafile", argname = "FILE", default = "/etc/ssl/certs/ca-certificates.crt",
    description = "certificates that https trusts" },
}

http.TIMEOUT = opt.wait
if has_https then https.TIMEOUT = opt.wait end

local fine = prunner.counter("fine")
local pages = prunner.collector("pages") -- of each page: its URL, and the links on it
local status = prunner.dict              -- [URL] = true, or what is wrong

--- One spelling for each URL, without what follows a `#`. nil if it is none that can be asked for.
local function normal(link, base)
  local parts = urls.parse(base and urls.absolute(base, link) or link)
  local scheme = parts and parts.scheme and parts.scheme:lower()
  if (scheme ~= "http" and scheme ~= "https") or not parts.host then return nil end
  local port = parts.port and parts.port ~= (scheme == "http" and "80" or "443") and ":" .. parts.port or ""
  return ("%s://%s%s%s%s"):format(scheme, parts.host:lower(), port, parts.path or "/",
    parts.query and "?" .. parts.query or "")
end

local function server_of(url) return url:match("^%a+://[^/]+") end

-- The servers whose pages are read. Set before the fork, so every worker knows them.
local ours = {}

--- Whether links may be found there: on our servers, and not a picture or an archive.
local function is_page(url)
  if not ours[server_of(url)] then return false end
  local name = url:gsub("%?.*", ""):match("^%a+://[^/]+.-([^/]*)$")
  return not name:find("%.") or name:find("%.x?html?$") ~= nil or name:find("%.php$") ~= nil
end

local function links_of(page, base)
  local list, seen = {}, {}
  page = page:gsub("<!%-%-.-%-%->", "")
  for tag in page:gmatch("<%a[^>]*>") do
    local lower = tag:lower()
    local _, at = lower:find("[%s\"'](href)%s*=%s*[\"']")
    if not at then _, at = lower:find("[%s\"'](src)%s*=%s*[\"']") end
    local link = at and tag:match("^[^\"']*", at + 1)
    local url = link and normal(link:match("^%s*(.-)%s*$"):gsub("&amp;", "&"), base)
    if url and not seen[url] then
      seen[url] = true
      list[#list + 1] = url
    end
  end
  return list
end

-- Requests of this worker, by server: variables of the script are shared by the tasks of a worker.
local running = {}

--- Calls fn when the server may be asked.
local function politely(server, fn, ...)
  while (running[server] or 0) >= opt.at_once do prunner.sleep(0.02) end
  running[server] = (running[server] or 0) + 1
  local results = { pcall(fn, ...) }
  running[server] = running[server] - 1
  if not results[1] then error(results[2], 0) end
  return unpack(results, 2, 4)
end

--- @treturn[1] number the status
-- @treturn[1] table the head of the answer
-- @treturn[1] string its body
-- @treturn[2] nil
-- @treturn[2] string what went wrong
local function request(method, url)
  local scheme = url:match("^%a+")
  if scheme == "https" and not has_https then return nil, "https needs LuaSec (lua-sec)" end
  local parts, late = {}, socket.gettime() + opt.wait
  local ok, code, head = (scheme == "https" and https or http).request {
    method = method, url = url, redirect = false, verify = "peer", cafile = opt.cafile,
    sink = function(part)
      -- The limit of LuaSocket is one for each piece of the answer.
      if socket.gettime() > late then return nil, "timeout" end
      parts[#parts + 1] = part
      return 1
    end,
  }
  if not ok then return nil, tostring(code) end
  return code, head, table.concat(parts)
end

local function ask(url)
  if is_page(url) then return request("GET", url) end
  local code, head = request("HEAD", url)
  if code == 405 or code == 501 then return request("GET", url) end -- it does not know HEAD
  return code, head, ""
end

--- A task: one URL. What it posts is posted once, also if many pages link to it.
local function check(url)
  local code, head, body = politely(server_of(url), ask, url)
  local links = {}
  if not code or code >= 400 then
    local problem = code and "HTTP " .. code or head
    status:set(url, problem) -- stays there when the task fails
    error(url .. ": " .. problem, 0)
  elseif code >= 300 and head.location then
    links[1] = normal(head.location, url)
  elseif is_page(url) and (head["content-type"] or ""):find("html") then
    links = links_of(body, url)
  end
  for _, link in ipairs(links) do prunner.post_once(link, check, link) end
  if #links > 0 then pages:add({ url, links }) end
  status:set(url, true)
  fine:add(1)
end

local starts = {}
for i, url in ipairs(opt.start) do
  starts[i] = normal(url) or error("linkcheck: not an URL of http or https: " .. url, 0)
  ours[server_of(starts[i])] = true
end

function begin()
  for _, url in ipairs(starts) do prunner.post_once(url, check, url) end
end

function end_()
  local found, bad, list = {}, {}, pages:get()
  for _, url in ipairs(starts) do found[url] = {} end
  for _, page in ipairs(list) do
    for _, link in ipairs(page[2]) do
      found[link] = found[link] or {}
      table.insert(found[link], page[1])
    end
  end
  local all = 0
  for url in pairs(found) do
    all = all + 1
    if status:get(url) ~= true then bad[#bad + 1] = url end
  end
  table.sort(bad)
  for _, url in ipairs(bad) do
    print(("broken %s: %s"):format(url, status:get(url) or "its task was ended, see the report"))
    table.sort(found[url])
    for _, page in ipairs(found[url]) do print("  on " .. page) end
  end
  print(("%d links: %d fine, %d broken; %d pages with links"):format(all, fine:get(), #bad, #list))
end
