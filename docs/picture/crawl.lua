--- The job in the picture of README.md: a crawl that needs no network. See make.lua.
local prunner = require "prunner"
local ffi = require "ffi"
ffi.cdef "int usleep(unsigned);"

local PAGES = 3000
local words = prunner.counter "words"

-- Waits for a server.
local function get(page)
  ffi.C.usleep((5 + page % 13 * 3) * 1000)
  if page % 701 == 300 and prunner.attempt() == 1 then error("HTTP 503", 0) end
  if page == 1502 then error("HTTP 404", 0) end
end

-- Computes.
local function index(page)
  local hash = 0
  for i = 1, 100000 + page % 7 * 30000 do hash = (hash * 31 + i) % 65521 end
  words:add(hash % 500)
end

local function fetch(page)
  get(page)
  if page % 3 ~= 0 then prunner.post_task("index", page) end
  for link = page * 3 + 1, math.min(page * 3 + 3, PAGES) do prunner.post_task("fetch", link) end
end

prunner.task("fetch", fetch, { retries = 1, backoff = 0.2 })
prunner.task("index", index)

function begin()
  prunner.post_task("fetch", 0)
end

function end_()
  print(words:get() .. " words")
end
