-- Each thing once: a graph whose nodes are found from several sides, by tasks that fail now and then
-- after they have posted, and producers that publish what they post in parts.
--
-- prints: 2000 3000 2000
-- status: 0
-- stderr: yes
local prunner = require "prunner"
local ffi = require "ffi"
ffi.cdef "int usleep(unsigned);"

local visited, made, again = prunner.counter "visited", prunner.counter "made", prunner.counter "again"
local NODES, ITEMS = 2000, 3000

local function node(i)
  for k = 1, 3 do
    local next = (i * (k + 1) + k) % NODES
    prunner.post_once("node " .. next, "node", next)
  end
  prunner.post_once("node " .. (i + 1) % NODES, "node", (i + 1) % NODES)
  ffi.C.usleep(300)
  if i % 97 == 0 and prunner.dict:add("failed " .. i, true) then error "try again" end
  visited:add(1)
end

local function item(i)
  made:add(1)
  if i % 100 == 0 then prunner.post_once("item " .. i, "item", i) end
end

-- Both post the same items, in parts; their own children have their keys before they come to an end.
local function produce(from)
  for n = 0, ITEMS - 1 do
    local i = (from + n) % ITEMS
    prunner.post_once("item " .. i, "item", i)
    if n % 100 == 0 then ffi.C.usleep(2000) end
  end
end

prunner.task("node", node, { retries = 250 })
prunner.task("item", item)
prunner.task("produce", produce)

function begin()
  prunner.post_once("node 0", "node", 0)
  prunner.post_task("produce", 0)
  prunner.post_task("produce", ITEMS / 2)
end

function end_()
  local stats = prunner.stats()
  again:add(stats.finished - stats.duplicates - 2 - ITEMS)
  print(("%d %d %d"):format(visited:get(), made:get(), again:get()))
end
