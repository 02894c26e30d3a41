-- Tasks that end by an error twice before they succeed, at once or after a while:
-- their posts and adds of the failed runs are dropped, their dict writes stay.
--
-- prints: 1500 4500 1500 750
-- status: 0
-- stderr: yes
local prunner = require "prunner"

local good, children = prunner.counter "good", prunner.counter "children"
local ffi = require "ffi"
ffi.cdef "int usleep(unsigned);"
local d = prunner.dict

local function child(i)
  children:add(1)
  assert(i)
end

local function try(i)
  local run = d:incr("runs of " .. i)
  ffi.C.usleep(500)
  d:incr "runs"
  good:add(1)
  ffi.C.usleep(500)
  if i % 2 == 0 then prunner.post_task(child, i) end
  ffi.C.usleep(500)
  if run < 3 then error { run = run } end
end

local at_once = prunner.task("at_once", try, { retries = 250 })
local later = prunner.task("later", function(i) try(i) end, { retries = 250, backoff = 0.002 })

function begin()
  for i = 1, 1500 do prunner.post_task(i % 3 == 0 and later or at_once, i) end
end

function end_()
  local n = 0
  for key, runs in d:each() do
    if key:match "^runs of" then
      assert(runs == 3, key)
      n = n + 1
    end
  end
  print(("%d %d %d %d"):format(good:get(), d.runs, n, children:get()))
end
